// Argument reduction and Taylor series, long enough that double precision is the limit. Not the
// fastest way: callers use it a few times a score, not a few times a multiply.
#include "runtime/train/numbers.h"

#include <math.h>
#include <string.h>

#include "lang/base/base.h"

static double from_bits(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

double ncr_train_exp(double x)
{
    if (x != x) return x;
    if (x < -708.0) return 0.0;
    if (x > 709.0) return (double)INFINITY;
    // x = k ln 2 + r, |r| <= 0.347; ln 2 in two parts so that k * high is exact (fdlibm's
    // constants).
    int k = (int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    double r = x - k * 6.93147180369123816490e-01 - k * 1.90821492927058770002e-10;
    double sum = 1.0;
    for (int i = 14; i > 0; i--)
        sum = 1.0 + sum * r / i; // Horner over r^i / i!
    return sum * from_bits((uint64_t)(1023 + k) << 52);
}

double ncr_train_log(double x)
{
    if (x != x || x > 1.7976931348623157e308) return x;
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int k = (int)(bits >> 52 & 0x7ff) - 1023;
    double m = from_bits((bits & 0xfffffffffffffu) | (uint64_t)1023 << 52); // [1, 2)
    if (m > 1.4142135623730951) m *= 0.5, k++;
    // log m = 2 artanh(s), s = (m - 1) / (m + 1), |s| <= 0.172
    double s = (m - 1.0) / (m + 1.0), s2 = s * s, sum = 0;
    for (int i = 23; i > 0; i -= 2)
        sum = sum * s2 + 1.0 / i;
    return k * 6.93147180559945286227e-01 + 2.0 * s * sum;
}

double ncr_train_cospi(double t)
{
    if (t > 0.5) return -ncr_train_cospi(1.0 - t);
    double x = t * 3.14159265358979323846, x2 = x * x, sum = 1.0; // [0, pi / 2]
    for (int i = 24; i > 0; i -= 2)
        sum = 1.0 - sum * x2 / (i * (i - 1.0));
    return sum;
}

double ncr_train_sqrt(double x)
{
    return sqrt(x);
}
