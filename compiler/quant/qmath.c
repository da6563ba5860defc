// Constants of integer arithmetic from real numbers.
#include "compiler/quant/qmath.h"

#include <math.h>

struct ncr_qscale ncr_qscale_of(double real)
{
    if (!(real > 0)) return (struct ncr_qscale){0, 1};
    int exponent;
    double fraction = frexp(real, &exponent); // real = fraction · 2^exponent, fraction in [0.5, 1)
    int64_t mult = (int64_t)(fraction * 0x1p31 + 0.5);
    int shift = 31 - exponent;
    if (mult == INT64_C(1) << 31) { // rounded up to 1.0
        mult /= 2;
        shift--;
    }
    if (shift > 62) return (struct ncr_qscale){0, 1};
    if (shift < 1) NCR_BUG("requantisation factor %g is larger than 2^29", real);
    return (struct ncr_qscale){(int32_t)mult, shift};
}

int32_t ncr_round_sat(double v, int32_t lo, int32_t hi)
{
    if (!(v > (double)lo)) return lo; // and nan
    if (v >= (double)hi) return hi;
    double r = round(v); // ties away from zero; exact on every machine
    return (int32_t)r < lo ? lo : (int32_t)r > hi ? hi : (int32_t)r;
}
