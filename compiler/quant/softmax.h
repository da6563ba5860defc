// Integer softmax, the definition that every implementation follows bit for bit.
#ifndef NCR_QUANT_SOFTMAX_H
#define NCR_QUANT_SOFTMAX_H

#include "compiler/quant/qmath.h"

// table[d] = round(2^20 · exp(-scale · d)) for d = max - x in [0, 255]; made once from the input's
// scale.
void ncr_qsoftmax_table(double scale, int32_t table[256]);

// With e_i = table[max - x_i] and s = Σ e_i (uint32; n is at most NCR_QSOFTMAX_LIMIT, so it cannot
// wrap):
//   y_i = min(127, floor((e_i · 256 + s / 2) / s) - 128)        in unsigned 32-bit arithmetic
// so that the output scale is 1/256 and the zero point -128. x and y may be the same.
void ncr_qsoftmax(const int32_t table[256], const int8_t *x, int8_t *y, uint32_t n);

// Where 16 bits are read or given, more exactly, and with a single division. table[d] =
// round(2^30 · exp(-scale · d)) and table[256 + d] = round(2^30 · exp(-scale · 256 · d)) for d in
// [0, 255].
enum { NCR_QSOFTMAX_WIDE_ENTRIES = 512 };
void ncr_qsoftmax_wide_table(double scale, int32_t table[NCR_QSOFTMAX_WIDE_ENTRIES]);

// With d_i = max - x_i in [0, 65535], k = 32 - (number of bits of n), all products in 64 bits:
//   e_i = (table[d_i mod 256] · table[256 + d_i / 256] + 2^(59-k)) >> (60 - k)   2^k stands for 1
//   s = Σ e_i                                                                    at most n · 2^k
//   r = floor((2^(32+k) - 1) / s)                                                below 2^32
//   ncr_qsoftmax_part = min(2^t - 1, (e_i · r + 2^(31+k-t)) >> (32 + k - t))     2^t stands for 1
// that is 2^t · e_i / s to the nearest, all of it within 2^-32 of e_i / s. In 16 bits t is the
// bits of the output less 1 and y_i that number; in bytes t is 8 and y_i that number - 128.
static inline int ncr_qsoftmax_unit(uint32_t n)
{
    int k = 32;
    for (; n; n >>= 1)
        k--;
    return k;
}
static inline uint32_t ncr_qsoftmax_exp(const int32_t table[NCR_QSOFTMAX_WIDE_ENTRIES], uint32_t d,
                                        int k)
{
    uint64_t p = (uint64_t)(uint32_t)table[d & 255] * (uint32_t)table[256 + (d >> 8)];
    return (uint32_t)((p + (UINT64_C(1) << (59 - k))) >> (60 - k));
}
static inline uint32_t ncr_qsoftmax_reciprocal(uint32_t s, int k)
{
    return (uint32_t)(((UINT64_C(1) << (32 + k)) - 1) / s);
}
static inline int32_t ncr_qsoftmax_part(uint32_t e, uint32_t r, int k, int t)
{
    uint64_t y = ((uint64_t)e * r + (UINT64_C(1) << (31 + k - t))) >> (32 + k - t);
    return y >> t ? (1 << t) - 1 : (int32_t)y;
}

// e_i · 256 + s / 2 stays below 2^32 for s < 2^32 - 2^29, that is n · 2^20 below it.
enum { NCR_QSOFTMAX_LIMIT = 3584 };

#endif
