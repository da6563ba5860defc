// Resilience figures: the laws that they must obey, and values worked out by hand.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "compiler/analysis/resilience.h"
#include "runtime/api/pipeline.h"
#include "tests/support/graph_of.h"
#include "tests/support/random_graph.h"

static struct ncr_qgraph *structure(struct ncr_arena *arena, const struct ncr_graph *graph)
{
    struct ncr_diags diags;
    struct ncr_quant_spec spec = ncr_quant_default();
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    struct ncr_qgraph *qgraph =
        ncr_qgraph_build(arena, &diags, ncr_graph_simplify(arena, graph), &spec, NULL, NULL);
    cr_assert_not_null(qgraph);
    return qgraph;
}

static struct ncr_asi asi_of(struct ncr_arena *arena, const char *text,
                             enum ncr_relevance_split split)
{
    return ncr_asi_of(arena, structure(arena, graph_of(arena, text)), split);
}

// Dense layers of the given widths, one after the other, on an input of width[0].
static struct ncr_asi chain(struct ncr_arena *arena, const int *width, int n)
{
    char text[4096];
    int at = snprintf(text, sizeof text, "graph \"c\" { %%0 = input \"x\" shape %d : %d ", width[0],
                      width[0]);
    for (int i = 1; i < n; i++)
        at += snprintf(text + at, sizeof text - (size_t)at,
                       "%%%d = dense %%%d \"d%d\" out %d : %d ", i, i - 1, i, width[i], width[i]);
    snprintf(text + at, sizeof text - (size_t)at, "output \"\" = %%%d }", n - 1);
    return asi_of(arena, text, NCR_SPLIT_EQUAL);
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-12 * (fabs(a) + fabs(b));
}

Test(asi, a_chain_by_hand)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    static const int width[] = {8, 4, 2};
    struct ncr_asi a = chain(arena, width, 3);
    cr_assert(near(a.mean, 3.0 / 14));
    cr_assert(near(a.layer, (1.0 / 8 + 1.0 / 4 + 1.0 / 2) / 3));
    cr_assert(near(a.max, 0.5));
    cr_assert(near(a.exp, 24));
    ncr_arena_free(arena);
}

Test(asi, wider_lowers_it)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    static const int narrow[] = {10, 12, 12, 10}, wide[] = {10, 24, 24, 10};
    struct ncr_asi a = chain(arena, narrow, 4), b = chain(arena, wide, 4);
    cr_assert_lt(b.mean, a.mean);
    cr_assert_lt(b.layer, a.layer);
    cr_assert_leq(b.max, a.max);
    cr_assert(near(a.exp, b.exp));
    ncr_arena_free(arena);
}

Test(asi, deeper_at_equal_width_leaves_the_mean_and_raises_the_expectation)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    int width[30];
    for (int i = 0; i < 30; i++)
        width[i] = 16;
    for (int n = 2; n <= 30; n++) {
        struct ncr_asi a = chain(arena, width, n);
        cr_assert(near(a.mean, 1.0 / 16), "%d: %g", n, a.mean);
        cr_assert(near(a.exp, 8 * n));
        cr_assert(near(a.max, 1.0 / 16));
    }
    ncr_arena_free(arena);
}

Test(asi, a_bottleneck_raises_the_maximum)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    static const int even[] = {16, 16, 16}, bottle[] = {16, 4, 16};
    cr_assert(near(chain(arena, even, 3).max, 1.0 / 16));
    cr_assert(near(chain(arena, bottle, 3).max, 1.0 / 4));
    ncr_arena_free(arena);
}

Test(asi, parallel_branches_share)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    for (int n = 2; n <= 8; n++) {
        char text[2048];
        int at = snprintf(text, sizeof text, "graph \"p\" { %%0 = input \"x\" shape 16 : 16 ");
        for (int i = 1; i <= n; i++)
            at += snprintf(text + at, sizeof text - (size_t)at,
                           "%%%d = dense %%0 \"d%d\" out 16 : 16 ", i, i);
        at += snprintf(text + at, sizeof text - (size_t)at, "%%%d = add ", n + 1);
        for (int i = 1; i <= n; i++)
            at += snprintf(text + at, sizeof text - (size_t)at, "%%%d ", i);
        snprintf(text + at, sizeof text - (size_t)at, "\"s\" : 16 output \"\" = %%%d }", n + 1);
        struct ncr_asi a = asi_of(arena, text, NCR_SPLIT_EQUAL);
        for (int i = 1; i <= n; i++)
            cr_assert(near(a.phi[i] / 16, 1.0 / (16 * n)), "%d branches: %g", n, a.phi[i]);
        cr_assert(near(a.phi[0], 1)); // what the branches send back meets again
    }
    ncr_arena_free(arena);
}

Test(asi, concat_splits_by_elements_and_add_by_fan_in)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_asi c =
        asi_of(arena,
               "graph \"c\" { %0 = input \"x\" shape 6 : 6 %1 = dense %0 \"a\" out 3 : 3 "
               "%2 = dense %0 \"b\" out 9 : 9 %3 = concat %1 %2 \"c\" : 12 output \"\" = %3 }",
               NCR_SPLIT_EQUAL);
    cr_assert(near(c.phi[1], 0.25) && near(c.phi[2], 0.75) && near(c.phi[0], 1));
    // The branch sums 6 products an element, the input none: 6 to 1.
    static const char skip[] =
        "graph \"s\" { %0 = input \"x\" shape 6 : 6 %1 = dense %0 \"a\" out 6 : 6 "
        "%2 = add %0 %1 \"s\" : 6 output \"\" = %2 }";
    struct ncr_asi f = asi_of(arena, skip, NCR_SPLIT_FAN_IN),
                   e = asi_of(arena, skip, NCR_SPLIT_EQUAL);
    cr_assert(near(f.phi[1], 6.0 / 7) && near(f.phi[0], 1));
    cr_assert(near(e.phi[1], 0.5) && near(e.phi[0], 1));
    ncr_arena_free(arena);
}

// Relevance is neither made nor lost: all of it arrives at the inputs.
Test(asi, relevance_is_conserved_on_random_networks)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_qgraph *g = structure(arena, random_graph_make(arena, seed, 14));
        for (int split = 0; split < 2; split++) {
            struct ncr_asi a = ncr_asi_of(arena, g, (enum ncr_relevance_split)split);
            double at_inputs = 0, flow = 0;
            for (uint32_t i = 0; i < g->n_inputs; i++)
                at_inputs += a.phi[g->inputs[i]];
            for (uint32_t q = 0; q < g->n_nodes; q++)
                flow += a.phi[q];
            cr_assert(fabs(at_inputs - 1) < 1e-9, "seed %lu: %g", seed, at_inputs);
            cr_assert(near(a.exp, 8 * flow));
            cr_assert_leq(a.mean, a.max);
            cr_assert_leq(a.layer, a.max);
        }
        ncr_arena_free(arena);
    }
}

// 3x8x8 by conv 4@3x3 (padded) to 4x8x8, pool to 4x4x4, flatten, dense 10:
//   conv: D = 192 + 108 + 4 + 256 = 560, bits 8·556 + 32·4 = 4576, M = 6912
//   dense: D = 64 + 640 + 10 + 10 = 724, bits 8·714 + 320 = 6032, M = 640
//   pool 256 + 64, flatten 64 + 64: 448 elements beside it
Test(adcr, by_hand)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_adcr a = ncr_adcr_of(structure(
        arena,
        graph_of(arena, "graph \"a\" { %0 = input \"x\" shape 3x8x8 : 3x8x8 %1 = conv %0 \"c\" out "
                        "4 kernel 3x3 : "
                        "4x8x8 %2 = maxpool %1 \"p\" kernel 2x2 : 4x4x4 %3 = flatten %2 \"f\" : 64 "
                        "%4 = dense %3 \"d\" out 10 : 10 output \"\" = %4 }")));
    cr_assert(near(a.sum, 560.0 / 6912 + 724.0 / 640));
    cr_assert(near(a.ratio, 1284.0 / 7552));
    cr_assert(near(a.sum_bits, 4576.0 / 6912 + 6032.0 / 640));
    cr_assert(near(a.ratio_bits, 10608.0 / 7552));
    cr_assert_eq(a.other_elements, 448);
    ncr_arena_free(arena);
}

Test(adcr, a_network_without_macs_has_none)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_adcr a = ncr_adcr_of(
        structure(arena, graph_of(arena, "graph \"n\" { %0 = input \"x\" shape 8 : 8 %1 = sigmoid "
                                         "%0 \"s\" : 8 output \"\" = %1 }")));
    cr_assert(a.sum == 0 && a.ratio == 0 && a.sum_bits == 0 && a.ratio_bits == 0);
    cr_assert_eq(a.other_elements, 16);
    ncr_arena_free(arena);
}
