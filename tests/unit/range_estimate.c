// The range-based estimate against sums by hand.
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/analysis/range_estimate.h"
#include "compiler/analysis/report_range.h"

// y = (64 · x0 + 0 · x1) / 64 of two bytes: a step of x0 is a step of y, and x1 reaches nothing.
static struct ncr_qgraph identity(void)
{
    static uint32_t zero = 0, one = 1;
    static int8_t weights[2];
    static int32_t bias = 0, mult = 1 << 30, shift = 36;
    static double scale = 1;
    static struct ncr_qnode nodes[2];
    static struct ncr_weight_values values;
    for (int v = 0; v < 256; v++)
        values.of[v] = (int8_t)v;
    weights[0] = 64;
    weights[1] = 0;
    nodes[0] = (struct ncr_qnode){.op = NCR_QOP_INPUT,
                                  .path = NCR_STR("n/x"),
                                  .shape = {1, {2}},
                                  .n_channels = 2,
                                  .scale = 1,
                                  .lo = -128,
                                  .hi = 127};
    nodes[1] = (struct ncr_qnode){.op = NCR_QOP_DENSE,
                                  .path = NCR_STR("n/d"),
                                  .n_in = 1,
                                  .in = &zero,
                                  .shape = {1, {1}},
                                  .n_weights = 2,
                                  .n_channels = 1,
                                  .scale = 1,
                                  .lo = -128,
                                  .hi = 127,
                                  .weight_scale = &scale,
                                  .form = {NCR_QF_LINEAR, 8, false},
                                  .values = &values,
                                  .weights = weights,
                                  .bias = &bias,
                                  .mult = &mult,
                                  .shift = &shift};
    return (struct ncr_qgraph){.name = NCR_STR("n"),
                               .nodes = nodes,
                               .n_nodes = 2,
                               .inputs = &zero,
                               .n_inputs = 1,
                               .outputs = &one,
                               .n_outputs = 1,
                               .has_numbers = true};
}

static double damage(double gain, int bits)
{
    double sum = 0;
    for (int b = 0; b < bits; b++)
        sum += fmin(1, ldexp(gain, b));
    return sum;
}

Test(range_estimate, one_layer_by_hand)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_qgraph g = identity();
    struct ncr_error why;
    cr_assert(ncr_qgraph_verify(&g, &why), "%s", why.text);
    const struct ncr_masked *m = ncr_masked_of(arena, ncr_range_sound(arena, &g));
    struct ncr_range_estimate e = ncr_range_estimate_of(arena, m);
    // Sums go from 64 · -128 to 64 · 127; up to -8161 they give -128 and from 8096 on 127.
    cr_assert_eq(m->map->nodes[1].sum[0].lo, -8192);
    cr_assert_eq(m->map->nodes[1].sum[0].hi, 8128);
    double live = (8096.0 + 8161.0) / (8128.0 + 8192.0);
    double y = 1.0 / 255, x0 = sqrt(live) * y, sum = sqrt(live) * y / 64;
    double rms = sqrt((128.0 * 128 - 128.0 * 127 + 127.0 * 127) / 3);
    double weights = 2 * damage(sum * rms, 8), bias = damage(sum, 32);
    double inputs = damage(x0, 8), output = damage(y, 8); // x1 damages nothing
    cr_assert_float_eq(e.node[0][NCR_SITES_ACTIVATION], inputs / 16, 1e-12);
    cr_assert_float_eq(e.node[1][NCR_SITES_ACTIVATION], output / 8, 1e-12);
    cr_assert_float_eq(e.node[1][NCR_SITES_WEIGHT], weights / 16, 1e-12);
    cr_assert_float_eq(e.node[1][NCR_SITES_BIAS], bias / 32, 1e-12);
    cr_assert_float_eq(e.mean, (inputs + output + weights + bias) / 72, 1e-12);
    // x1: 8 of 16 bits of the input; nothing else.
    cr_assert_eq(m->n_proved, 8);
    cr_assert_eq(m->n_points, 72);
    ncr_arena_free(arena);
}

// A clamp that shuts the layer: what is proved damages nothing, all that is left is the output.
Test(range_estimate, shut_layer)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_qgraph g = identity();
    g.nodes[1].lo = 120;
    *g.nodes[1].bias = -100000;
    const struct ncr_masked *m = ncr_masked_of(arena, ncr_range_sound(arena, &g));
    struct ncr_range_estimate e = ncr_range_estimate_of(arena, m);
    *g.nodes[1].bias = 0;
    cr_assert_eq(e.node[0][NCR_SITES_ACTIVATION], 0);
    cr_assert_eq(e.node[1][NCR_SITES_WEIGHT], 0);
    cr_assert_eq(m->proved[1][NCR_SITES_ACTIVATION][0], 0);
    // The sum stays below 120 · 64 whatever bit of -100000 is flipped but the sign: the bits from
    // 17 on are set, and the lower ones add less than 2^17.
    for (int b = 0; b < 32; b++)
        cr_assert_eq(m->proved[1][NCR_SITES_BIAS][b], b < 31, "bit %d", b);
    ncr_arena_free(arena);
}

Test(range_estimate, lints_name_layer_and_channels)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_qgraph g = identity();
    g.nodes[1].lo = 120;
    *g.nodes[1].bias = -100000;
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    const struct ncr_range_map *map = ncr_range_sound(arena, &g);
    ncr_masked_lint(ncr_masked_of(arena, map), &diags);
    cr_assert_eq(diags.n_warnings, 1);
    cr_assert_eq(ncr_diag_number(diags.first->code), 802);
    cr_assert_arr_eq(diags.first->text.s, "1 of 1 channels of `n/d` holds one value: 0",
                     diags.first->text.n);
    // |sum| up to 100000 + 64 · 128 = 108192 needs 18 bits.
    cr_assert_eq(ncr_range_bits(&map->nodes[1]), 18);
    cr_assert(ncr_range_check(map, 18, &diags));
    cr_assert_not(ncr_range_check(map, 17, &diags));
    const struct ncr_diag *d = diags.first->next;
    cr_assert_eq(ncr_diag_number(d->code), 801);
    cr_assert_arr_eq(d->text.s,
                     "the accumulator of `n/d` ranges over [-108192, -91872] in channel 0 and can "
                     "reach 108192 on the way; 17 bits hold -65536 to 65535",
                     d->text.n);
    cr_assert_null(ncr_report_range_build(arena, &diags, map, 17));
    *g.nodes[1].bias = 0;
    ncr_arena_free(arena);
}
