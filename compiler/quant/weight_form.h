// Weights as they are stored, and the integers that they stand for. A stored weight is a field of
// `width` bits, kept as the signed integer of that width:
//
//   linear, fixed   the number itself; 4 bits wide where the format has at most 4, else 8
//   log2            a sign (the top bit) and a magnitude code m: 0 for m = 0, else 2^(m-1), so that
//   a
//                   product is a shift. 4 bits wide (m to 7: 64) where the format has at most 4,
//                   5 wide (m to 15: 16384) with 5
//   log2, base √2   the same with 0, 12, 17, 24, 34, 48, … for m = 0, 1, 2, 3, 4, 5, …: 17/12 is √2
//   to
//                   0.2 %, and 12 and 17 are two shifts and an addition each
//
// Zero has two codes there (a sign is a sign), so that a flip of the sign bit of a zero is masked.
// Logarithmic weights follow Miyashita, Lee and Murmann, "Convolutional Neural Networks using
// Logarithmic Data Representation", 2016.
#ifndef NCR_QUANT_WEIGHT_FORM_H
#define NCR_QUANT_WEIGHT_FORM_H

#include "compiler/ir/config.h"

struct ncr_weight_form {
    enum ncr_qformat format;
    uint32_t bits;   // declared: linear and fixed 2 to 8, log2 2 to 5
    bool half_steps; // log2 of base √2
};

// What the bytes of 256 stored weights stand for; only the low `width` bits of the index count.
// Magnitudes are at most 2^14.
struct ncr_weight_values {
    int16_t of[256];
};

struct ncr_weight_form ncr_weight_form_of(const struct ncr_quant_spec *spec);
bool ncr_weight_form_equal(struct ncr_weight_form a, struct ncr_weight_form b);
uint32_t ncr_weight_width(struct ncr_weight_form form); // 4, 5 or 8 bits
// Bits that a weight takes in memory: 4 (two a byte) or 8.
uint32_t ncr_weight_memory_bits(struct ncr_weight_form form);
// The low `width` bits of a pattern as the stored integer.
int8_t ncr_weight_stored(struct ncr_weight_form form, int32_t pattern);
const struct ncr_weight_values *ncr_weight_values_new(struct ncr_arena *arena,
                                                      struct ncr_weight_form form);
// The integer of the largest magnitude that the quantiser uses (a fault may make a larger one of
// fewer bits than the field has).
int32_t ncr_weight_top(struct ncr_weight_form form);
// The stored form of the integer nearest to v, of two equally near ones that of the larger
// magnitude; saturated.
int8_t ncr_weight_nearest(struct ncr_weight_form form, double v);

#endif
