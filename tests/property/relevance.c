// Laws of relevance propagation: conservation, gradients, and what it does to ASI.
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/analysis/relevance.h"
#include "lang/base/rng.h"
#include "runtime/api/pipeline.h"
#include "tests/support/graph_of.h"
#include "tests/support/random_graph.h"

// Without biases a network of convolutions, relu, maxima, sums and dense layers is piecewise linear
// through 0: relevance by contributions is then gradient times input over the output.
static const char plain[] = "graph \"n\" {\n"
                            "  %0 = input \"n/x\" shape 2x6x6 : 2x6x6\n"
                            "  %1 = conv %0 \"n/a\" out 4 kernel 3x3 bias false : 4x6x6\n"
                            "  %2 = relu %1 \"n/r\" : 4x6x6\n"
                            "  %3 = conv %2 \"n/b\" out 4 kernel 3x3 groups 2 bias false : 4x6x6\n"
                            "  %4 = add %2 %3 \"n/s\" : 4x6x6\n"
                            "  %5 = relu %4 \"n/q\" : 4x6x6\n"
                            "  %6 = maxpool %5 \"n/p\" kernel 2x2 : 4x3x3\n"
                            "  %7 = dwconv %6 \"n/d\" kernel 3x3 bias false : 4x3x3\n"
                            "  %8 = avgpool %7 \"n/v\" kernel 3x3 : 4x1x1\n"
                            "  %9 = flatten %8 \"n/f\" : 4\n"
                            "  %10 = dense %9 \"n/o\" out 3 bias false : 3\n"
                            "  output \"\" = %10\n"
                            "}\n";

enum { PIXELS = 72 };

static void draw(float *x, int n, uint64_t seed)
{
    struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 7);
    for (int i = 0; i < n; i++)
        x[i] = (float)ncr_rng_normal(&rng);
}

Test(relevance, without_biases_it_is_gradient_times_input)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        const struct ncr_graph *g = graph_of(arena, plain);
        struct ncr_weights *w = ncr_weights_new(arena, g);
        float x[PIXELS], *values[11], *moved[11];
        double *r[11];
        const float *inputs[1] = {x};
        ncr_weights_init(w, g, seed);
        draw(x, PIXELS, seed);
        ncr_eval_f32(arena, g, w, inputs, values);
        ncr_relevance_of(arena, g, w, values, NCR_LRP_EPSILON, 0, r);
        int top = 0;
        for (int i = 1; i < 3; i++)
            if (values[10][i] > values[10][top]) top = i;
        double y = (double)values[10][top];
        for (int i = 0; i < PIXELS; i += 5) {
            float kept = x[i];
            double step = 1e-3;
            x[i] = kept + (float)step;
            ncr_eval_f32(arena, g, w, inputs, moved);
            double up = (double)moved[10][top];
            x[i] = kept - (float)step;
            ncr_eval_f32(arena, g, w, inputs, moved);
            double slope = (up - (double)moved[10][top]) / (2 * step);
            x[i] = kept;
            double want = slope * (double)kept / y;
            cr_expect_float_eq(r[0][i], want, 2e-3 + 0.02 * fabs(want), "seed %d pixel %d",
                               (int)seed, i);
        }
        ncr_arena_free(arena);
    }
}

static double sum(const double *v, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; i < n; i++)
        s += v[i];
    return s;
}

Test(relevance, is_conserved)
{
    for (int rule = 0; rule < 2; rule++)
        for (uint64_t seed = 1; seed <= 20; seed++) {
            struct ncr_arena *arena = ncr_arena_new(0);
            const struct ncr_graph *g = graph_of(arena, plain);
            struct ncr_weights *w = ncr_weights_new(arena, g);
            float x[PIXELS], *values[11];
            double *r[11];
            const float *inputs[1] = {x};
            ncr_weights_init(w, g, seed);
            draw(x, PIXELS, seed);
            ncr_eval_f32(arena, g, w, inputs, values);
            ncr_relevance_of(arena, g, w, values, (enum ncr_relevance_rule)rule, 0, r);
            // Nodes that everything passes.
            static const uint32_t cuts[] = {0, 1, 2, 5, 6, 7, 8, 9, 10};
            for (size_t c = 0; c < NCR_COUNT(cuts); c++)
                cr_expect_float_eq(sum(r[cuts[c]], ncr_shape_elements(&g->nodes[cuts[c]].shape)), 1,
                                   1e-9, "rule %d seed %d node %u", rule, (int)seed, cuts[c]);
            ncr_arena_free(arena);
        }
}

// Every operator is passed without a crash and with finite relevances; the figures hang together.
Test(relevance, figures_on_random_networks)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_diags diags;
        struct ncr_quant_spec spec = ncr_quant_default();
        ncr_diags_init(&diags, arena, ncr_sources_new(arena));
        const struct ncr_graph *g = ncr_graph_simplify(arena, random_graph_make(arena, seed, 14));
        struct ncr_weights *w = ncr_weights_new(arena, g);
        ncr_weights_init(w, g, seed);
        const struct ncr_qgraph *q = ncr_qgraph_build(arena, &diags, g, &spec, NULL, NULL);
        const float **inputs = NCR_NEW_N(arena, const float *, g->n_inputs);
        for (uint32_t i = 0; i < g->n_inputs; i++) {
            int n = (int)ncr_shape_elements(&g->nodes[g->inputs[i]].shape);
            float *x = NCR_NEW_N(arena, float, (size_t)n);
            draw(x, n, seed + i);
            inputs[i] = x;
        }
        const float *const *samples[] = {inputs, inputs};
        for (int rule = 0; rule < 2; rule++) {
            struct ncr_asi one = ncr_asi_by_relevance(arena, q, w, samples, 1,
                                                      (enum ncr_relevance_rule)rule),
                           two = ncr_asi_by_relevance(arena, q, w, samples, 2,
                                                      (enum ncr_relevance_rule)rule);
            cr_assert(isfinite(one.mean) && isfinite(one.max) && one.mean >= 0);
            cr_assert(one.max >= one.layer);
            cr_assert_float_eq(two.exp, one.exp,
                               1e-9 * (1 + one.exp)); // the mean of two equal samples
        }
        ncr_arena_free(arena);
    }
}
