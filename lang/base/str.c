// Strings and the output buffer.
#include "lang/base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int ncr_str_cmp(struct ncr_str a, struct ncr_str b)
{
    uint32_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.s, b.s, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

struct ncr_str ncr_str_dup(struct ncr_arena *arena, struct ncr_str v)
{
    char *copy = ncr_arena_alloc(arena, (size_t)v.n + 1);
    if (v.n) memcpy(copy, v.s, v.n);
    return (struct ncr_str){copy, v.n};
}

struct ncr_str ncr_str_vfmt(struct ncr_arena *arena, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0) NCR_BUG("bad format: %s", fmt);
    char *text = ncr_arena_alloc(arena, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, args);
    return (struct ncr_str){text, (uint32_t)n};
}

struct ncr_str ncr_str_fmt(struct ncr_arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct ncr_str v = ncr_str_vfmt(arena, fmt, args);
    va_end(args);
    return v;
}

uint32_t ncr_str_distance(struct ncr_str a, struct ncr_str b, uint32_t limit)
{
    enum { MAX = 64 };
    if (a.n > MAX || b.n > MAX) return ncr_str_eq(a, b) ? 0 : limit + 1;
    uint32_t row[3][MAX + 1];
    for (uint32_t j = 0; j <= b.n; j++) row[0][j] = j;
    for (uint32_t i = 1; i <= a.n; i++) {
        uint32_t *cur = row[i % 3], *prev = row[(i + 2) % 3], *prev2 = row[(i + 1) % 3];
        cur[0] = i;
        for (uint32_t j = 1; j <= b.n; j++) {
            uint32_t cost = a.s[i - 1] != b.s[j - 1];
            uint32_t best = prev[j - 1] + cost;
            if (prev[j] + 1 < best) best = prev[j] + 1;
            if (cur[j - 1] + 1 < best) best = cur[j - 1] + 1;
            if (i > 1 && j > 1 && a.s[i - 1] == b.s[j - 2] && a.s[i - 2] == b.s[j - 1] &&
                prev2[j - 2] + 1 < best)
                best = prev2[j - 2] + 1;
            cur[j] = best;
        }
    }
    uint32_t d = row[a.n % 3][b.n];
    return d > limit ? limit + 1 : d;
}

void ncr_buf_free(struct ncr_buf *buf)
{
    free(buf->s);
    *buf = (struct ncr_buf){0};
}

static bool room(struct ncr_buf *buf, size_t extra)
{
    if (buf->failed) return false;
    if (extra < buf->cap && buf->n < buf->cap - extra) return true;
    if (extra > SIZE_MAX / 2 - buf->n - 1) return buf->failed = true, false;
    size_t cap = buf->cap ? buf->cap : 256;
    while (cap <= buf->n + extra) cap *= 2;
    char *s = realloc(buf->s, cap);
    if (!s) return buf->failed = true, false;
    buf->s = s;
    buf->cap = cap;
    return true;
}

void ncr_buf_put(struct ncr_buf *buf, const void *bytes, size_t n)
{
    if (n == 0 || !room(buf, n)) return;
    memcpy(buf->s + buf->n, bytes, n);
    buf->n += n;
    buf->s[buf->n] = 0;
}

void ncr_buf_putc(struct ncr_buf *buf, char c)
{
    ncr_buf_put(buf, &c, 1);
}

void ncr_buf_puts(struct ncr_buf *buf, const char *text)
{
    ncr_buf_put(buf, text, strlen(text));
}

void ncr_buf_str(struct ncr_buf *buf, struct ncr_str v)
{
    ncr_buf_put(buf, v.s, v.n);
}

void ncr_buf_vfmt(struct ncr_buf *buf, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0) NCR_BUG("bad format: %s", fmt);
    if (!room(buf, (size_t)n + 1)) return;
    vsnprintf(buf->s + buf->n, (size_t)n + 1, fmt, args);
    buf->n += (size_t)n;
}

void ncr_buf_fmt(struct ncr_buf *buf, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    ncr_buf_vfmt(buf, fmt, args);
    va_end(args);
}

void ncr_buf_pad(struct ncr_buf *buf, char c, size_t n)
{
    while (n--) ncr_buf_putc(buf, c);
}

// printf honours the locale's decimal point; program text must not.
static void put_number(struct ncr_buf *buf, char *text)
{
    for (char *p = text; *p; p++)
        if (*p == ',') *p = '.';
    ncr_buf_puts(buf, text);
}

void ncr_buf_f32(struct ncr_buf *buf, float v)
{
    char text[40];
    int digits = 6;
    do {
        snprintf(text, sizeof text, "%.*g", digits, (double)v);
    } while (digits++ < 9 && isfinite(v) && strtof(text, NULL) != v);
    put_number(buf, text);
}

void ncr_buf_f64(struct ncr_buf *buf, double v)
{
    char text[40];
    int digits = 6;
    do {
        snprintf(text, sizeof text, "%.*g", digits, v);
    } while (digits++ < 17 && isfinite(v) && strtod(text, NULL) != v);
    put_number(buf, text);
}

// Text as the locale in force would write it, in a buffer that ends with NUL. False when it holds more than a number.
static bool localise(struct ncr_str text, char out[72])
{
    char half[8];
    snprintf(half, sizeof half, "%.1f", 0.5);
    if (text.n == 0 || text.n > 63) return false;
    for (uint32_t i = 0; i < text.n; i++) {
        char c = text.s[i];
        // digits, signs, point, exponent, and the letters of "nan" and "inf"; no blanks, no hexadecimal
        if (!((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'n' || c == 'a' ||
              c == 'i' || c == 'f'))
            return false;
        out[i] = c == '.' ? half[1] : c;
    }
    out[text.n] = 0;
    return true;
}

bool ncr_str_to_f32(struct ncr_str text, float *out)
{
    char copy[72], *end;
    if (!localise(text, copy)) return false;
    *out = strtof(copy, &end);
    return end == copy + text.n;
}

bool ncr_str_to_f64(struct ncr_str text, double *out)
{
    char copy[72], *end;
    if (!localise(text, copy)) return false;
    *out = strtod(copy, &end);
    return end == copy + text.n;
}
