// Fake quantisation against the integer network itself: its weights are those of
// ncr_qgraph_build brought back to real values, its tensors are rounded as the integers are.
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/quant/fake.h"
#include "lang/base/rng.h"
#include "tests/support/random_graph.h"

static const struct ncr_quant_spec specs[] = {
    {.weights = NCR_QF_LINEAR, .weight_bits = 8, .activation_bits = 8},
    {.weights = NCR_QF_LINEAR, .weight_bits = 4, .activation_bits = 8},
    {.weights = NCR_QF_FIXED, .weight_bits = 8, .activations = NCR_QF_FIXED, .activation_bits = 8},
    {.weights = NCR_QF_LOG2, .weight_bits = 4, .activation_bits = 8},
    {.weights = NCR_QF_LOG2, .weight_bits = 5, .activation_bits = 6},
    {.weights = NCR_QF_LOG2, .weight_bits = 4, .half_steps = true, .activation_bits = 8},
};

struct sample {
    struct ncr_arena *arena;
    struct ncr_graph *graph, *simple;
    struct ncr_weights *weights, *simple_weights;
    const struct ncr_ranges *ranges; // of the simplified graph
    struct ncr_diags *diags;         // it points into itself, so it is not copied
};

// Weights of the simplified graph: those of the same name.
static struct ncr_weights *by_name(const struct sample *s)
{
    struct ncr_weights *w = ncr_weights_new(s->arena, s->simple);
    for (uint32_t p = 0; p < s->simple->n_params; p++)
        for (uint32_t k = 0; k < s->graph->n_params; k++)
            if (ncr_str_eq(s->simple->params[p].name, s->graph->params[k].name))
                memcpy(w->at[p], s->weights->at[k], (size_t)s->graph->params[k].n * sizeof(float));
    return w;
}

static struct sample draw(uint64_t seed)
{
    struct sample s = {.arena = ncr_arena_new(0)};
    s.graph = random_graph_make(s.arena, seed, 10);
    for (uint32_t id = 0; id < s.graph->n_nodes && seed % 3 == 0; id++) // as @quant would
        if ((seed + id) % 2)
            s.graph->nodes[id].attrs.quant = &specs[(seed + id) % NCR_COUNT(specs)];
    s.simple = ncr_graph_simplify(s.arena, s.graph);
    s.weights = ncr_weights_new(s.arena, s.graph);
    random_weights(s.weights, s.graph, seed);
    for (uint32_t p = 0; p < s.graph->n_params; p++) // a channel that is switched off
        if (s.graph->params[p].role == NCR_PARAM_GAMMA && seed % 2) s.weights->at[p][0] = 0;
    s.simple_weights = by_name(&s);
    s.diags = NCR_NEW(s.arena, struct ncr_diags);
    ncr_diags_init(s.diags, s.arena, ncr_sources_new(s.arena));
    struct ncr_calibrator *c = ncr_calibrator_new(s.arena, s.simple, s.simple_weights, &specs[0]);
    struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 41);
    for (int k = 0; k < 2; k++) {
        const float *inputs[4];
        for (uint32_t i = 0; i < s.simple->n_inputs; i++) {
            int64_t n = ncr_shape_elements(&s.simple->nodes[s.simple->inputs[i]].shape);
            float *x = NCR_NEW_N(s.arena, float, (size_t)n);
            for (int64_t at = 0; at < n; at++)
                x[at] = (float)ncr_rng_normal(&rng);
            inputs[i] = x;
        }
        ncr_calibrator_feed(c, inputs);
    }
    s.ranges = ncr_calibrator_finish(c);
    return s;
}

static const float *param(const struct sample *s, const struct ncr_weights *w, struct ncr_str path,
                          const char *suffix)
{
    struct ncr_str name = ncr_str_fmt(s->arena, "%.*s.%s", NCR_STR_ARG(path), suffix);
    for (uint32_t p = 0; p < s->graph->n_params; p++)
        if (ncr_str_eq(s->graph->params[p].name, name)) return w->at[p];
    cr_assert_fail("no parameter %.*s", NCR_STR_ARG(name));
    return NULL;
}

static const struct ncr_node *norm_of(const struct sample *s, const struct ncr_qnode *q)
{
    for (ncr_node_id id = q->last; id != q->node; id = s->simple->nodes[id].in[0])
        if (s->simple->nodes[id].op == NCR_OP_BATCHNORM) return &s->simple->nodes[id];
    return NULL;
}

// weight_scale · w of the integer network is k times the fake weight. Counts the weights; `zero`
// those of channels with k = 0, which keep their value.
static void check_node(const struct sample *s, const struct ncr_qnode *q,
                       const struct ncr_weights *fake, uint32_t *seen, uint32_t *zero)
{
    const struct ncr_node *node = &s->simple->nodes[q->node], *norm = norm_of(s, q);
    bool alone = node->op == NCR_OP_BATCHNORM;
    const float *w = param(s, fake, node->path, "weight"),
                *old = param(s, s->weights, node->path, "weight");
    if (alone) norm = node;
    const float *gamma = norm ? param(s, s->weights, norm->path, "weight") : NULL,
                *var = norm ? param(s, s->weights, norm->path, "running_var") : NULL;
    int64_t per = q->n_weights / q->n_channels;
    for (int64_t i = 0; i < q->n_weights; i++) {
        int64_t o = i / per;
        double k = norm ? 1 / sqrt((double)var[o] + (double)norm->attrs.eps) : 1;
        if (norm && !alone) k *= (double)gamma[o];
        double want = q->weight_scale[o] * ncr_qnode_weight(q, i), got = k * (double)w[i];
        if (k == 0) {
            cr_assert_eq(w[i], old[i]);
            ++*zero;
            continue;
        }
        cr_assert_float_eq(got, want, 1e-6 * fabs(want), "%.*s: weight %ld is %g, stored %g",
                           NCR_STR_ARG(q->path), (long)i, got, want);
        ++*seen;
    }
    if (!alone) return;
    const float *beta = param(s, s->weights, node->path, "bias"),
                *mean = param(s, s->weights, node->path, "running_mean"),
                *moved = param(s, fake, node->path, "bias");
    for (int32_t o = 0; o < q->n_channels; o++) { // the constant terms of both are equal
        double root = sqrt((double)var[o] + (double)norm->attrs.eps);
        double want = (double)beta[o] - (double)gamma[o] / root * (double)mean[o];
        double got = (double)moved[o] - (double)w[o] / root * (double)mean[o];
        cr_assert_float_eq(got, want, 1e-5 * (1 + fabs(want)));
    }
}

Test(fake_quant, weights_are_those_of_the_integer_network)
{
    uint32_t seen = 0, zero = 0, refused = 0, alone = 0, folded = 0, other = 0;
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sample s = draw(seed);
        for (size_t k = 0; k < 2 * NCR_COUNT(specs); k++) {
            struct ncr_quant_spec spec = specs[k / 2];
            spec.per_channel = k % 2;
            const struct ncr_qgraph *g =
                ncr_qgraph_build(s.arena, s.diags, s.simple, &spec, s.simple_weights, s.ranges);
            struct ncr_fake *f = ncr_fake_new(s.arena, s.diags, s.graph, &spec);
            if (!g || !f) { // sums that leave 32 bits
                refused++;
                continue;
            }
            cr_assert(ncr_fake_set_ranges(f, s.ranges));
            const struct ncr_weights *fake = ncr_fake_quant(f, s.weights);
            for (uint32_t q = 0; q < g->n_nodes; q++) {
                if (!g->nodes[q].n_weights) continue;
                check_node(&s, &g->nodes[q], fake, &seen, &zero);
                alone += s.simple->nodes[g->nodes[q].node].op == NCR_OP_BATCHNORM;
                folded += norm_of(&s, &g->nodes[q]) != NULL;
                other += !ncr_weight_form_equal(g->nodes[q].form, ncr_weight_form_of(&spec));
            }
            // Another call with the same weights gives the same bits.
            struct ncr_hash before = ncr_weights_hash(fake, s.graph);
            cr_assert(ncr_hash_eq(before, ncr_weights_hash(ncr_fake_quant(f, s.weights), s.graph)));
        }
        ncr_arena_free(s.arena);
    }
    cr_assert_gt(seen, 100000);
    cr_assert_gt(zero, 100);
    cr_assert_gt(alone, 50);
    cr_assert_gt(folded, 50);
    cr_assert_gt(other, 50); // layers with a format of their own
    cr_assert_lt(refused, 20);
}

// Every other parameter is the caller's own memory, so that running statistics reach it.
Test(fake_quant, the_rest_is_not_copied)
{
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sample s = draw(seed);
        struct ncr_quant_spec spec = specs[0];
        struct ncr_fake *f = ncr_fake_new(s.arena, s.diags, s.graph, &spec);
        cr_assert(f && ncr_fake_set_ranges(f, s.ranges));
        struct ncr_hash before = ncr_weights_hash(s.weights, s.graph);
        const struct ncr_weights *fake = ncr_fake_quant(f, s.weights);
        cr_assert(ncr_hash_eq(before, ncr_weights_hash(s.weights, s.graph)));
        for (uint32_t p = 0; p < s.graph->n_params; p++) {
            enum ncr_param_role role = s.graph->params[p].role;
            if (role == NCR_PARAM_MEAN || role == NCR_PARAM_VAR || role == NCR_PARAM_BIAS)
                cr_assert_eq(fake->at[p], s.weights->at[p]);
        }
        ncr_arena_free(s.arena);
    }
}

// A weight that is not finite shows itself instead of becoming a number.
Test(fake_quant, what_is_not_finite_stays)
{
    struct sample s = draw(3);
    struct ncr_quant_spec spec = specs[3];
    struct ncr_fake *f = ncr_fake_new(s.arena, s.diags, s.graph, &spec);
    cr_assert(f && ncr_fake_set_ranges(f, s.ranges));
    uint32_t n = 0;
    for (uint32_t p = 0; p < s.graph->n_params; p++) {
        if (s.graph->params[p].role != NCR_PARAM_WEIGHT) continue;
        s.weights->at[p][0] = p % 2 ? NAN : INFINITY;
        cr_assert_not(isfinite(ncr_fake_quant(f, s.weights)->at[p][0]));
        n++;
    }
    cr_assert_gt(n, 0);
    ncr_arena_free(s.arena);
}

// The tensors that are rounded are those that the integer network stores, at its scales.
Test(fake_quant, tensors_are_those_of_the_integer_network)
{
    static const struct ncr_quant_spec wide = {.weight_bits = 8, .activation_bits = 12};
    uint32_t on = 0, wide_on = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct sample s = draw(seed);
        struct ncr_quant_spec spec = seed < 100 ? specs[seed % 3] : wide;
        const struct ncr_qgraph *g =
            ncr_qgraph_build(s.arena, s.diags, s.simple, &spec, s.simple_weights, s.ranges);
        struct ncr_fake *f = ncr_fake_new(s.arena, s.diags, s.graph, &spec);
        if (seed >= 100 && !g && !f) { // a table of more than 8 bits
            ncr_arena_free(s.arena);
            continue;
        }
        cr_assert(g && f && ncr_fake_set_ranges(f, s.ranges));
        const struct ncr_fake_tensor *t = ncr_fake_tensors(f);
        for (uint32_t id = 0; id < s.graph->n_nodes; id++) {
            if (!t[id].on) continue;
            const struct ncr_qnode *q = NULL;
            for (uint32_t k = 0; k < g->n_nodes && !q; k++)
                if (ncr_str_eq(s.simple->nodes[g->nodes[k].last].path, s.graph->nodes[id].path))
                    q = &g->nodes[k];
            cr_assert_not_null(q);
            for (int v = -300; v < 300; v++) {
                // Near, but not at, the middle between two steps.
                double x = q->scale * (v + 0.499), step = fmin(fmax(v, q->lo), q->hi);
                double want = q->scale * (step - q->zero_point);
                double got = ncr_fake_round(&t[id], x - q->scale * q->zero_point);
                cr_assert_float_eq(got, want, 1e-9 * (1 + fabs(want)));
            }
            cr_assert_eq(ncr_fake_round(&t[id], 0), 0); // zero is exact
            cr_assert(isnan(ncr_fake_round(&t[id], (double)NAN)));
            on++;
            wide_on += q->bits > 8;
        }
        ncr_arena_free(s.arena);
    }
    cr_assert_gt(on, 300);
    cr_assert_gt(wide_on, 50, "%u", wide_on);
}
