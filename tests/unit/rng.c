// Philox against the known answers of Random123, and the distributions over it.
#include <criterion/criterion.h>

#include "lang/base/rng.h"

Test(rng, philox_known_answers)
{
    uint32_t out[4];
    ncr_rng_philox((uint32_t[4]){0}, (uint32_t[2]){0}, out);
    cr_assert(out[0] == 0x6627e8d5 && out[1] == 0xe169c58d && out[2] == 0xbc57ac4c && out[3] == 0x9b00dbd8);
    ncr_rng_philox((uint32_t[4]){0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                   (uint32_t[2]){0xa4093822, 0x299f31d0}, out);
    cr_assert(out[0] == 0xd16cfe09 && out[1] == 0x94fdcceb && out[2] == 0x5001e420 && out[3] == 0x24126ea1);
}

Test(rng, below_is_uniform)
{
    struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_TEST, 0);
    uint32_t count[7] = {0};
    for (int i = 0; i < 70000; i++) count[ncr_rng_below(&rng, 7)]++;
    double chi2 = 0;
    for (int i = 0; i < 7; i++) chi2 += (count[i] - 10000.0) * (count[i] - 10000.0) / 10000.0;
    cr_assert_lt(chi2, 22.46, "chi-square %f exceeds the 0.1 %% quantile for 6 degrees", chi2);
}

Test(rng, normal_has_moments)
{
    struct ncr_rng rng = ncr_rng_at(2, NCR_RNG_TEST, 0);
    double sum = 0, sum2 = 0, sum4 = 0;
    int n = 100000;
    for (int i = 0; i < n; i++) {
        double x = ncr_rng_normal(&rng);
        sum += x, sum2 += x * x, sum4 += x * x * x * x;
    }
    cr_assert_float_eq(sum / n, 0, 0.015);
    cr_assert_float_eq(sum2 / n, 1, 0.02);
    cr_assert_float_eq(sum4 / n, 3, 0.15);
}

Test(rng, streams_differ_and_repeat)
{
    struct ncr_rng a = ncr_rng_at(1, NCR_RNG_TEST, 5), b = ncr_rng_at(1, NCR_RNG_TEST, 5);
    struct ncr_rng c = ncr_rng_at(1, NCR_RNG_TEST, 6), d = ncr_rng_at(1, NCR_RNG_SPLIT, 5);
    uint64_t x = ncr_rng_u64(&a);
    cr_assert_eq(x, ncr_rng_u64(&b));
    cr_assert_neq(x, ncr_rng_u64(&c));
    cr_assert_neq(x, ncr_rng_u64(&d));
}
