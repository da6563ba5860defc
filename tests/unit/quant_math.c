// Rounding, saturation and the softmax of integer networks.
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/quant/softmax.h"
#include "lang/base/rng.h"

Test(qmath, requantise_rounds_to_nearest_ties_up)
{
    struct ncr_qscale half = ncr_qscale_of(0.5), third = ncr_qscale_of(1.0 / 3);
    cr_assert_eq(ncr_requantise(1, half.mult, half.shift), 1);
    cr_assert_eq(ncr_requantise(-1, half.mult, half.shift), 0);
    cr_assert_eq(ncr_requantise(3, half.mult, half.shift), 2);
    cr_assert_eq(ncr_requantise(-3, half.mult, half.shift), -1);
    cr_assert_eq(ncr_requantise(4, third.mult, third.shift), 1);
    cr_assert_eq(ncr_requantise(5, third.mult, third.shift), 2);
    cr_assert_eq(ncr_requantise(INT32_MAX, ncr_qscale_of(1000).mult, ncr_qscale_of(1000).shift),
                 INT32_MAX);
    cr_assert_eq(ncr_requantise(INT32_MIN, ncr_qscale_of(1000).mult, ncr_qscale_of(1000).shift),
                 INT32_MIN);
    cr_assert_eq(ncr_qscale_of(0).mult, 0);
}

Test(qmath, factors_are_exact_to_a_unit_of_2_to_the_minus_31)
{
    struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_TEST, 1);
    for (int i = 0; i < 100000; i++) {
        double real = ldexp(0.5 + ncr_rng_f64(&rng) / 2, (int)ncr_rng_below(&rng, 60) - 31);
        struct ncr_qscale s = ncr_qscale_of(real);
        cr_assert(s.mult >= 1 << 30 && s.shift >= 1 && s.shift <= 62);
        cr_assert_float_eq(ldexp(s.mult, -s.shift) / real, 1, 0x1p-30);
        // Against the definition in long double arithmetic.
        int32_t acc = (int32_t)ncr_rng_u32(&rng) >> (i % 31);
        long double exact = (long double)acc * s.mult / ldexpl(1, s.shift);
        long double want = floorl(exact + 0.5L);
        want = want > INT32_MAX ? INT32_MAX : want < INT32_MIN ? INT32_MIN : want;
        cr_assert_eq((long double)ncr_requantise(acc, s.mult, s.shift), want);
    }
}

Test(qmath, round_saturates)
{
    cr_assert_eq(ncr_round_sat(2.5, -128, 127), 3);
    cr_assert_eq(ncr_round_sat(-2.5, -128, 127), -3);
    cr_assert_eq(ncr_round_sat(1e30, -128, 127), 127);
    cr_assert_eq(ncr_round_sat(-1e30, -128, 127), -128);
    cr_assert_eq(ncr_round_sat((double)NAN, -128, 127), -128);
    cr_assert_eq(ncr_round_sat(126.5, -128, 127), 127);
    cr_assert_eq(ncr_round_sat(0.49999999999999994, -128, 127), 0);
}

Test(softmax, is_close_to_the_real_one)
{
    struct ncr_rng rng = ncr_rng_at(2, NCR_RNG_TEST, 2);
    double worst = 0;
    for (int round = 0; round < 500; round++) {
        double scale = 0.01 + 0.2 * ncr_rng_f64(&rng);
        uint32_t n = 1 + (uint32_t)ncr_rng_below(&rng, 1000);
        int32_t table[256];
        int8_t x[1000], y[1000];
        double sum = 0, top = -1e9;
        ncr_qsoftmax_table(scale, table);
        for (uint32_t i = 0; i < n; i++) {
            x[i] = (int8_t)ncr_rng_u32(&rng);
            if (x[i] > top) top = x[i];
        }
        for (uint32_t i = 0; i < n; i++)
            sum += exp(scale * (x[i] - top));
        ncr_qsoftmax(table, x, y, n);
        for (uint32_t i = 0; i < n; i++) {
            double e = fabs((y[i] + 128) / 256.0 - exp(scale * (x[i] - top)) / sum);
            if (e > worst) worst = e;
        }
    }
    cr_assert_leq(worst, 1.01 / 256, "largest error %f of one step", worst * 256);
}
