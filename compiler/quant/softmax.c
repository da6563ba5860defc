// Integer softmax.
#include "compiler/quant/softmax.h"

#include <math.h>

void ncr_qsoftmax_table(double scale, int32_t table[256])
{
    for (int d = 0; d < 256; d++)
        table[d] = ncr_round_sat(0x1p20 * exp(-scale * d), 0, 1 << 20);
}

void ncr_qsoftmax_wide_table(double scale, int32_t table[NCR_QSOFTMAX_WIDE_ENTRIES])
{
    for (int d = 0; d < 256; d++) {
        table[d] = ncr_round_sat(0x1p30 * exp(-scale * d), 0, 1 << 30);
        table[256 + d] = ncr_round_sat(0x1p30 * exp(-scale * 256 * d), 0, 1 << 30);
    }
}

void ncr_qsoftmax(const int32_t table[256], const int8_t *x, int8_t *y, uint32_t n)
{
    int32_t top = -128;
    for (uint32_t i = 0; i < n; i++)
        if (x[i] > top) top = x[i];
    uint32_t s = 0;
    for (uint32_t i = 0; i < n; i++)
        s += (uint32_t)table[top - x[i]];
    for (uint32_t i = 0; i < n; i++) {
        uint32_t q = ((uint32_t)table[top - x[i]] * 256u + s / 2) / s; // s >= table[0] = 2^20
        y[i] = (int8_t)((q > 255 ? 255 : (int32_t)q) - 128);
    }
}
