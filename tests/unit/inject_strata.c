// Schedules: every unit once, proportional prefixes, the answer from i alone.
#include <criterion/criterion.h>
#include <stdlib.h>

#include "lang/base/rng.h"
#include "runtime/inject/strata.h"

static void check(const uint64_t *units, const uint64_t *shares, uint32_t n)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_strata s;
    cr_assert(ncr_strata_build(arena, units, shares, n, &s));
    uint64_t total = 0, share_sum = 0;
    for (uint32_t h = 0; h < n; h++)
        total += units[h], share_sum += shares[h];
    cr_assert_eq(s.total, total);
    uint64_t *next = NCR_NEW_N(arena, uint64_t, n);
    bool proportional = true; // until the first stratum runs short
    for (uint64_t i = 0; i < total; i++) {
        uint32_t h;
        uint64_t j;
        ncr_strata_at(&s, i, &h, &j);
        cr_assert_lt(h, n);
        cr_assert_eq(j, next[h], "record %llu: stratum %u gives %llu, not %llu",
                     (unsigned long long)i, h, (unsigned long long)j, (unsigned long long)next[h]);
        next[h]++;
        cr_assert_leq(next[h], units[h]);
        for (uint32_t k = 0; k < n; k++)
            if (units[k] - next[k] < shares[k]) proportional = false;
        for (uint32_t k = 0; proportional && k < n; k++) {
            double want = (double)(i + 1) * (double)shares[k] / (double)share_sum;
            double gap = (double)next[k] - want;
            cr_assert(gap < 6 && gap > -6, "stratum %u: %f", k, gap);
        }
    }
    ncr_arena_free(arena);
}

Test(inject_strata, every_unit_once)
{
    check((uint64_t[]){5}, (uint64_t[]){5}, 1);
    check((uint64_t[]){5}, (uint64_t[]){2}, 1);
    check((uint64_t[]){100, 7, 1}, (uint64_t[]){100, 7, 1}, 3);
    check((uint64_t[]){1000, 70, 300, 9}, (uint64_t[]){10, 7, 3, 9}, 4); // inputs on two of them
    check((uint64_t[]){1, 1, 1, 1, 5000}, (uint64_t[]){1, 1, 1, 1, 1}, 5);
    check((uint64_t[]){640, 640}, (uint64_t[]){1000, 1}, 2);
}

Test(inject_strata, random_strata)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 1);
        uint64_t units[12], shares[12];
        uint32_t n = 1 + (uint32_t)ncr_rng_below(&rng, 12);
        for (uint32_t h = 0; h < n; h++) {
            units[h] = 1 + ncr_rng_below(&rng, 300);
            shares[h] = 1 + ncr_rng_below(&rng, 60);
        }
        check(units, shares, n);
    }
}

Test(inject_strata, refuses_overflow)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_strata s;
    uint64_t big[2] = {(uint64_t)1 << 62, (uint64_t)1 << 62}, one[2] = {1, 1};
    cr_assert_not(ncr_strata_build(arena, big, one, 2, &s));
    cr_assert(ncr_strata_build(arena, big, one, 1, &s));
    uint32_t h;
    uint64_t j;
    ncr_strata_at(&s, s.total - 1, &h, &j);
    cr_assert_eq(j, s.total - 1);
    ncr_arena_free(arena);
}
