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

// e_i · 256 + s / 2 stays below 2^32 for s < 2^32 - 2^29, that is n · 2^20 below it.
enum { NCR_QSOFTMAX_LIMIT = 3584 };

#endif
