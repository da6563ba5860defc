// Permutations and binomial numbers: bijection, uniformity, agreement with direct sums.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/fault/binomial.h"
#include "compiler/fault/permute.h"

Test(fault_permute, is_a_bijection)
{
    static const uint64_t sizes[] = {1,  2,  3,  4,    5,    15,   16,   17,
                                     63, 64, 65, 1000, 4095, 4097, 70001};
    for (size_t s = 0; s < NCR_COUNT(sizes); s++) {
        uint64_t n = sizes[s];
        struct ncr_permutation p = ncr_permutation_of(n, 7, NCR_RNG_TEST, s);
        uint8_t *seen = calloc(n, 1);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t v = ncr_permute(&p, i);
            cr_assert_lt(v, n);
            cr_assert_not(seen[v], "n %llu: %llu twice", (unsigned long long)n,
                          (unsigned long long)v);
            seen[v] = 1;
            cr_assert_eq(ncr_permute_back(&p, v), i);
        }
        free(seen);
    }
}

Test(fault_permute, reaches_the_top_of_64_bits)
{
    static const uint64_t sizes[] = {UINT64_MAX, (uint64_t)1 << 63, ((uint64_t)1 << 62) + 1};
    for (size_t s = 0; s < NCR_COUNT(sizes); s++) {
        struct ncr_permutation p = ncr_permutation_of(sizes[s], 1, NCR_RNG_TEST, 0);
        for (uint64_t i = 0; i < 1000; i++) {
            uint64_t v = ncr_permute(&p, sizes[s] - 1 - i);
            cr_assert_lt(v, sizes[s]);
            cr_assert_eq(ncr_permute_back(&p, v), sizes[s] - 1 - i);
        }
    }
}

// Over many keys item 0 and item 5 fall anywhere, and so do the pairs of them.
Test(fault_permute, is_uniform_over_keys)
{
    enum { N = 10, KEYS = 90000 };
    static uint32_t first[N], sixth[N], pair[N * N];
    for (uint64_t k = 0; k < KEYS; k++) {
        struct ncr_permutation p = ncr_permutation_of(N, 3, NCR_RNG_TEST, k);
        uint64_t a = ncr_permute(&p, 0), b = ncr_permute(&p, 5);
        first[a]++, sixth[b]++, pair[a * N + b]++;
    }
    double chi_a = 0, chi_b = 0, chi_pair = 0, one = (double)KEYS / N,
           two = (double)KEYS / (N * (N - 1));
    for (int i = 0; i < N; i++) {
        chi_a += (first[i] - one) * (first[i] - one) / one;
        chi_b += (sixth[i] - one) * (sixth[i] - one) / one;
        for (int j = 0; j < N; j++)
            if (i == j)
                cr_assert_eq(pair[i * N + j], 0);
            else
                chi_pair += (pair[i * N + j] - two) * (pair[i * N + j] - two) / two;
    }
    cr_assert_lt(chi_a, 27.88, "chi-square %f, 0.1 %% quantile for 9 degrees", chi_a);
    cr_assert_lt(chi_b, 27.88, "chi-square %f", chi_b);
    cr_assert_lt(chi_pair, 135.98, "chi-square %f, 0.1 %% quantile for 89 degrees", chi_pair);
}

// The first part of one permutation is spread evenly over the population.
Test(fault_permute, prefix_is_uniform)
{
    uint64_t n = 1000003;
    struct ncr_permutation p = ncr_permutation_of(n, 11, NCR_RNG_CAMPAIGN, 0);
    uint32_t bin[64] = {0};
    for (uint64_t i = 0; i < 20000; i++)
        bin[ncr_permute(&p, i) * 64 / n]++;
    double chi = 0, mean = 20000.0 / 64;
    for (int b = 0; b < 64; b++)
        chi += (bin[b] - mean) * (bin[b] - mean) / mean;
    cr_assert_lt(chi, 103.4, "chi-square %f, 0.1 %% quantile for 63 degrees", chi);
}

static long double choose(int n, int k)
{
    long double c = 1;
    for (int i = 1; i <= k; i++)
        c = c * (n - k + i) / i;
    return c;
}

// The table's probability of each number against the formula in long double.
Test(fault_binomial, table_equals_the_formula)
{
    static const struct {
        int n;
        double p;
    } cases[] = {{1, 0.5},     {5, 0.1},     {40, 0.5},  {60, 0.999},
                 {1000, 1e-6}, {1000, 0.02}, {12, 1e-30}};
    struct ncr_arena *arena = ncr_arena_new(0);
    for (size_t c = 0; c < NCR_COUNT(cases); c++) {
        struct ncr_binomial b;
        cr_assert(ncr_binomial_build(arena, (uint64_t)cases[c].n, cases[c].p, &b));
        uint64_t before = 0;
        for (uint32_t k = 0; k < b.count; k++) {
            long double share = ((long double)b.bounds[k] - (long double)before) * 0x1p-64L;
            before = b.bounds[k];
            int v = (int)(b.lo + k);
            long double p = cases[c].p;
            long double want = choose(cases[c].n, v) * powl(p, v) * powl(1 - p, cases[c].n - v);
            cr_assert_float_eq((double)share, (double)want, 1e-14, "n %d p %g k %d: %Lg, not %Lg",
                               cases[c].n, cases[c].p, v, share, want);
        }
        cr_assert_eq(before, UINT64_MAX);
    }
    ncr_arena_free(arena);
}

Test(fault_binomial, draws_have_the_moments)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_binomial b;
    cr_assert(ncr_binomial_build(arena, 500000, 1e-4, &b)); // mean 50, variance 49.995
    double sum = 0, squares = 0;
    int n = 50000;
    struct ncr_rng rng = ncr_rng_at(5, NCR_RNG_TEST, 1);
    for (int i = 0; i < n; i++) {
        double v = (double)ncr_binomial_draw(&b, &rng);
        sum += v, squares += (v - 50) * (v - 50);
    }
    cr_assert_float_eq(sum / n, 50, 4 * sqrt(50.0 / n));
    cr_assert_float_eq(squares / n, 49.995, 4 * 50 * sqrt(2.0 / n));
    ncr_arena_free(arena);
}

Test(fault_binomial, ends_and_limits)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_binomial b;
    struct ncr_rng rng = ncr_rng_at(5, NCR_RNG_TEST, 2);
    cr_assert(ncr_binomial_build(arena, 100, 0, &b));
    cr_assert_eq(ncr_binomial_draw(&b, &rng), 0);
    cr_assert(ncr_binomial_build(arena, 100, 1, &b));
    cr_assert_eq(ncr_binomial_draw(&b, &rng), 100);
    cr_assert(ncr_binomial_build(arena, 0, 0.3, &b));
    cr_assert_eq(ncr_binomial_draw(&b, &rng), 0);
    cr_assert(ncr_binomial_build(arena, (uint64_t)1 << 30, 0.5, &b), "half of 2^30 bits");
    cr_assert_not(ncr_binomial_build(arena, (uint64_t)1 << 50, 0.5, &b), "too wide for a table");
    ncr_arena_free(arena);
}
