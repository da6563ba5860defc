// Functions of one variable as tables, the definition that every implementation follows bit for
// bit.
//
//   bytes to bytes   y = lut[x + 128]
//   bytes to 16      y = wide_lut[x + 128]
//   16 to any        wide_lut holds the function at the 513 ends of 512 intervals, in steps of the
//                    output's scale / 2^f with f = 16 - bits of the output (8 where it is bytes),
//                    the zero point included; between them it is taken as straight. With n bits of
//                    the input, 2^s = 2^(n-9) values to an interval, and
//                        u = clamp(x, -2^(n-1), 2^(n-1) - 1) + 2^(n-1), i = u >> s,
//                        t = u mod 2^s:
//                    y = (wide_lut[i]·2^s + (wide_lut[i+1] - wide_lut[i])·t + h) >> (s + f)
//                    where h rounds: 2^(s+f-1), or 0 for s + f = 0. A fault may carry x past its n
//                    bits; hence the clamp.
#ifndef NCR_QUANT_LUT_H
#define NCR_QUANT_LUT_H

#include "compiler/quant/qgraph.h"

enum { NCR_LUT_INTERVALS = 512, NCR_LUT_INTERVAL_BITS = 9 };

// s and f above, of a LUT that reads 16 bits.
static inline int ncr_lut_step(const struct ncr_qnode *input)
{
    return (int)ncr_qnode_bits(input) - NCR_LUT_INTERVAL_BITS;
}
static inline int ncr_lut_fraction(const struct ncr_qnode *node)
{
    return 16 - (int)ncr_qnode_bits(node);
}

// y of the stored element x; node is a LUT that reads `input`.
static inline int32_t ncr_look_up(const struct ncr_qnode *input, const struct ncr_qnode *node,
                                  int32_t x)
{
    if (node->lut) return node->lut[x + 128];
    if (input->bits <= 8) return node->wide_lut[x + 128];
    int32_t end = ncr_qnode_magnitude(input), u = ncr_clamp_i32(x, -end, end - 1) + end;
    int step = ncr_lut_step(input), shift = step + ncr_lut_fraction(node);
    const int32_t *at = node->wide_lut + (u >> step);
    int32_t y = at[0] * (1 << step) + (at[1] - at[0]) * (u & ((1 << step) - 1));
    return (y + ((1 << shift) >> 1)) >> shift;
}

// The farthest value from x on, up or down, to which the table only rises or only falls; values end
// where elements do.
static inline int32_t ncr_lut_piece(const struct ncr_qnode *input, int32_t x, bool up)
{
    if (input->bits <= 8) return up ? x + 1 : x - 1;
    int32_t end = ncr_qnode_magnitude(input), size = 1 << ncr_lut_step(input), u = x + end;
    if (up && x >= end - 1) return INT16_MAX;
    if (!up && x <= -end) return INT16_MIN;
    if (up)
        return x < -end                          ? -end
               : (u / size + 1) * size < 2 * end ? (u / size + 1) * size - end
                                                 : end - 1;
    return x > end - 1 ? end - 1 : (u - 1) / size * size - end;
}

// The farthest value from x towards `to` up to which the table gives nothing but values of [lo,
// hi], as it does at x.
int32_t ncr_lut_reach(const struct ncr_qnode *input, const struct ncr_qnode *node, int32_t x,
                      int32_t to, int64_t lo, int64_t hi);

// The table of a LUT that stands for a float operator; scales and clamp of both must be set.
void ncr_lut_fill(struct ncr_arena *arena, const struct ncr_qgraph *graph, struct ncr_qnode *node,
                  const struct ncr_node *function);

#endif
