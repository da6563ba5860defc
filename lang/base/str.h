// Strings: a view (pointer and length), arena copies, and a growing heap buffer for output.
#ifndef NCR_BASE_STR_H
#define NCR_BASE_STR_H

#include <stdarg.h>
#include <string.h>

#include "lang/base/arena.h"

// A view of bytes. Views made by the functions below are followed by a NUL; views into source text are not.
struct ncr_str {
    const char *s;
    uint32_t n;
};

#define NCR_STR(literal) ((struct ncr_str){(literal), sizeof(literal) - 1})
// For printf("%.*s", NCR_STR_ARG(v)).
#define NCR_STR_ARG(v) (int)(v).n, (v).s ? (v).s : ""

static inline bool ncr_str_eq(struct ncr_str a, struct ncr_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.s, b.s, a.n) == 0);
}
static inline bool ncr_str_is(struct ncr_str a, const char *text)
{
    return strlen(text) == a.n && (a.n == 0 || memcmp(a.s, text, a.n) == 0);
}
static inline struct ncr_str ncr_str_of(const char *text)
{
    return (struct ncr_str){text, (uint32_t)strlen(text)};
}

// Byte order; negative, zero or positive.
int ncr_str_cmp(struct ncr_str a, struct ncr_str b);
struct ncr_str ncr_str_dup(struct ncr_arena *arena, struct ncr_str v);
struct ncr_str ncr_str_fmt(struct ncr_arena *arena, const char *fmt, ...) NCR_PRINTF(2, 3);
struct ncr_str ncr_str_vfmt(struct ncr_arena *arena, const char *fmt, va_list args);

// Number of single-character edits between a and b, at most limit + 1 (optimal string alignment). For "did you mean".
uint32_t ncr_str_distance(struct ncr_str a, struct ncr_str b, uint32_t limit);

// A growing byte buffer on the heap. Zero-initialise, free with ncr_buf_free. Exhaustion is remembered in
// `failed` (further writes do nothing) so that the caller tests once at the end.
struct ncr_buf {
    char *s; // followed by a NUL whenever n > 0
    size_t n, cap;
    bool failed;
};

void ncr_buf_free(struct ncr_buf *buf);
void ncr_buf_put(struct ncr_buf *buf, const void *bytes, size_t n);
void ncr_buf_putc(struct ncr_buf *buf, char c);
void ncr_buf_puts(struct ncr_buf *buf, const char *text);
void ncr_buf_str(struct ncr_buf *buf, struct ncr_str v);
void ncr_buf_fmt(struct ncr_buf *buf, const char *fmt, ...) NCR_PRINTF(2, 3);
void ncr_buf_vfmt(struct ncr_buf *buf, const char *fmt, va_list args);
void ncr_buf_pad(struct ncr_buf *buf, char c, size_t n);
// The shortest decimal text that reads back to the same float / double ("0.1", "1e-06", "nan", "inf"), whatever the locale.
void ncr_buf_f32(struct ncr_buf *buf, float v);
void ncr_buf_f64(struct ncr_buf *buf, double v);
// The inverse of the two: a decimal number such as "-1.5e-06", "12", "nan", "-inf"; whatever the locale, correctly
// rounded. False when text is anything else, or longer than 63 bytes.
bool ncr_str_to_f32(struct ncr_str text, float *out);
bool ncr_str_to_f64(struct ncr_str text, double *out);

#endif
