// Ranges of tensors: extremes, percentiles, and values that are no numbers.
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/quant/qgraph.h"
#include "tests/support/graph_of.h"

static const char plain[] = "graph \"n\" {\n  %0 = input \"n/x\" shape 1000 : 1000\n"
                            "  %1 = relu %0 \"n/r\" : 1000\n  output \"\" = %1\n}\n";

static const struct ncr_ranges *ranges_of(struct ncr_arena *arena, const float *values, uint32_t n,
                                          double percentile)
{
    const struct ncr_graph *graph = graph_of(arena, plain);
    static struct ncr_quant_spec spec;
    spec = (struct ncr_quant_spec){.calibration =
                                       percentile > 0 ? NCR_CALIB_PERCENTILE : NCR_CALIB_MINMAX,
                                   .percentile = percentile};
    struct ncr_calibrator *c =
        ncr_calibrator_new(arena, graph, ncr_weights_new(arena, graph), &spec);
    for (uint32_t i = 0; i < n; i++) {
        const float *in = values + (size_t)i * 1000;
        ncr_calibrator_feed(c, &in);
    }
    return ncr_calibrator_finish(c);
}

Test(quant_calibrate, extremes_over_all_samples)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    float v[2000] = {0};
    v[3] = -5;
    v[1500] = 7;
    const struct ncr_ranges *r = ranges_of(arena, v, 2, 0);
    cr_assert_eq(r->lo[0], -5);
    cr_assert_eq(r->hi[0], 7);
    cr_assert_eq(r->lo[1], 0); // after relu
    cr_assert_eq(r->hi[1], 7);
    ncr_arena_free(arena);
}

// 1 … 1000 with a sign by turns, and one outlier, whatever its size.
Test(quant_calibrate, percentile_ignores_an_outlier)
{
    const float outliers[] = {3000, 3e6f, 3e30f};
    for (int k = 0; k < 3; k++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        float v[2000];
        for (int i = 0; i < 2000; i++)
            v[i] = (float)(i / 2 + 1) * (i % 2 ? -1 : 1);
        v[0] = outliers[k];
        const struct ncr_ranges *r = ranges_of(arena, v, 2, 0.99);
        // 1 % of 2000 values lie above 980, 1 % under -980.
        cr_assert_float_eq(r->hi[0], 980, 980.0 / 64, "%g", (double)r->hi[0]);
        cr_assert_float_eq(r->lo[0], -980, 980.0 / 64, "%g", (double)r->lo[0]);
        cr_assert_float_eq(r->hi[1], 980, 980.0 / 64);
        cr_assert_eq(r->lo[1], 0);
        ncr_arena_free(arena);
    }
}

Test(quant_calibrate, percentile_never_passes_the_extremes)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    float v[1000];
    for (int i = 0; i < 1000; i++)
        v[i] = 1.03f;
    const struct ncr_ranges *r = ranges_of(arena, v, 1, 1);
    cr_assert_eq(r->hi[0], 1.03f);
    cr_assert_eq(r->lo[0], 1.03f);
    // Nearly all are zero: the few others are the range.
    for (int i = 0; i < 1000; i++)
        v[i] = i == 7 ? 2 : 0;
    r = ranges_of(arena, v, 1, 0.9);
    cr_assert_eq(r->lo[0], 0);
    cr_assert_eq(r->hi[0], 2);
    ncr_arena_free(arena);
}

Test(quant_calibrate, what_is_no_number_is_no_range)
{
    for (int k = 0; k < 4; k++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        float v[1000] = {0};
        v[999] = k % 2 ? NAN : INFINITY;
        const struct ncr_ranges *r = ranges_of(arena, v, 1, k / 2 ? 0.99 : 0);
        cr_assert_eq(r->lo[0], -INFINITY);
        cr_assert_eq(r->hi[0], INFINITY);
        ncr_arena_free(arena);
    }
}
