// Ground floor: compiler attributes, checked arithmetic, the bug macro. Includes nothing of ours.
#ifndef NCR_BASE_BASE_H
#define NCR_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define NCR_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define NCR_NORETURN           __attribute__((noreturn))
#define NCR_UNUSED             __attribute__((unused))
#else
#define NCR_PRINTF(fmt, first)
#define NCR_NORETURN
#define NCR_UNUSED
#endif

#define NCR_COUNT(array) (sizeof(array) / sizeof((array)[0]))

// Our own mistake, never the user's: prints file, line and text to stderr and aborts. No input may reach it.
NCR_NORETURN void ncr_bug_at(const char *file, int line, const char *fmt, ...) NCR_PRINTF(3, 4);
#define NCR_BUG(...) ncr_bug_at(__FILE__, __LINE__, __VA_ARGS__)

// Checked arithmetic: true when the result is representable, in which case it is stored.
static inline bool ncr_add_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool ncr_sub_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_sub_overflow(a, b, out);
}
static inline bool ncr_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

static inline int64_t ncr_min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}
static inline int64_t ncr_max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

#endif
