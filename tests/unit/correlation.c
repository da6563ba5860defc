// Correlation coefficients against published values, and the bootstrap's laws.
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/analysis/correlation.h"

// Anscombe (The American Statistician 27, 1973): four sets of eleven pairs with r = 0.816.
static const double ax[] = {10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5},
                    ay[4][11] = {
                        {8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68},
                        {9.14, 8.14, 8.74, 8.77, 9.26, 8.10, 6.13, 3.10, 9.13, 7.26, 4.74},
                        {7.46, 6.77, 12.74, 7.11, 7.81, 8.84, 6.08, 5.39, 8.15, 6.42, 5.73}};

Test(correlation, anscombe)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    static const double r[] = {0.81642, 0.81624, 0.81629}, rho[] = {0.81818, 0.69091, 0.99091};
    for (int set = 0; set < 3; set++) {
        cr_assert_float_eq(ncr_correlate(arena, NCR_PEARSON, ax, ay[set], 11), r[set], 5e-6);
        cr_assert_float_eq(ncr_correlate(arena, NCR_SPEARMAN, ax, ay[set], 11), rho[set], 5e-6);
    }
    ncr_arena_free(arena);
}

Test(correlation, ties_share_their_ranks)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    // ranks 0.5 0.5 2 3 against 0 1 2.5 2.5: products of deviations sum to 4, squares to 4.5
    // and 4.5
    const double x[] = {1, 1, 2, 3}, y[] = {1, 2, 5, 5}, flat[] = {4, 4, 4, 4};
    cr_assert_float_eq(ncr_correlate(arena, NCR_SPEARMAN, x, y, 4), 4 / 4.5, 1e-12);
    cr_assert(isnan(ncr_correlate(arena, NCR_PEARSON, x, flat, 4)));
    ncr_arena_free(arena);
}

Test(correlation, bootstrap_depends_on_the_seed_alone_and_holds_the_coefficient)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    for (int kind = 0; kind < 2; kind++) {
        struct ncr_correlation a = ncr_correlate_bootstrap(arena, (enum ncr_correlation_kind)kind,
                                                           ax, ay[0], 11, 2000, 0.95, 1),
                               b = ncr_correlate_bootstrap(arena, (enum ncr_correlation_kind)kind,
                                                           ax, ay[0], 11, 2000, 0.95, 1),
                               wide =
                                   ncr_correlate_bootstrap(arena, (enum ncr_correlation_kind)kind,
                                                           ax, ay[0], 11, 2000, 0.99, 1);
        cr_assert(a.low == b.low && a.high == b.high);
        cr_assert(a.low < a.r && a.r < a.high && a.high <= 1);
        cr_assert(wide.low <= a.low && wide.high >= a.high);
        cr_assert_lt(a.low, 0.75); // eleven pairs say little
    }
    ncr_arena_free(arena);
}

Test(correlation, quantiles_lie_between_neighbours)
{
    const double v[] = {1, 2, 4, 8};
    cr_assert_eq(ncr_quantile(v, 4, 0), 1);
    cr_assert_eq(ncr_quantile(v, 4, 1), 8);
    cr_assert_float_eq(ncr_quantile(v, 4, 0.5), 3, 1e-12);
    cr_assert_float_eq(ncr_quantile(v, 1, 0.5), 1, 1e-12);
}
