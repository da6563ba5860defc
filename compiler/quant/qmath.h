// The one definition of integer arithmetic in quantised networks. Interpreter, JIT, object code and
// fault engine agree with these functions bit for bit. All values are two's complement; >> of a
// negative value is arithmetic.
#ifndef NCR_QUANT_QMATH_H
#define NCR_QUANT_QMATH_H

#include "lang/base/base.h"

// A positive real factor as mult / 2^shift: mult in [2^30, 2^31), shift in [1, 62]. Factor 0 is
// mult 0, shift 1.
struct ncr_qscale {
    int32_t mult;
    int32_t shift;
};

// The nearest such factor; real in (0, 2^29]. Factors under 2^-32 become 0.
struct ncr_qscale ncr_qscale_of(double real);

// round(acc * mult / 2^shift), ties toward +infinity, single rounding:
//   (acc * mult + 2^(shift-1)) >> shift     in 64 bits; cannot overflow since |acc * mult| < 2^62
static inline int32_t ncr_requantise(int32_t acc, int32_t mult, int32_t shift)
{
    int64_t p = (int64_t)acc * mult + ((int64_t)1 << (shift - 1));
    int64_t r = p >> shift;
    return r > INT32_MAX ? INT32_MAX : r < INT32_MIN ? INT32_MIN : (int32_t)r;
}

static inline int32_t ncr_clamp_i32(int32_t v, int32_t lo, int32_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

// Addition of accumulators wraps modulo 2^32 (as the hardware does); a fault may provoke it, range
// analysis rules it out without faults.
static inline int32_t ncr_wrap_add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}
static inline int32_t ncr_wrap_mul(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a * (uint32_t)b);
}

// Rounds to the nearest integer, ties away from zero, saturated to [lo, hi]; nan becomes lo. For
// constants made at compile time and for input values, never inside a network.
int32_t ncr_round_sat(double v, int32_t lo, int32_t hi);

#endif
