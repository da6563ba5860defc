// Laws of quantisation on random networks: structure does not depend on numbers, the plan is sound,
// integers follow floats.
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/plan/plan.h"
#include "tests/support/random_graph.h"

Test(quantise, structure_and_plan_do_not_depend_on_numbers)
{
    uint32_t seen[NCR_QOP_COUNT_] = {0};
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 12, &net);
        struct ncr_diags diags;
        ncr_diags_init(&diags, arena, ncr_sources_new(arena));
        struct ncr_qgraph *bare = ncr_qgraph_build(arena, &diags, net.graph, &net.spec, NULL, NULL);
        cr_assert_not_null(bare);
        cr_assert_not(bare->has_numbers);
        cr_assert_eq(bare->n_nodes, net.qgraph->n_nodes);
        for (uint32_t q = 0; q < bare->n_nodes; q++) {
            cr_assert_eq(bare->nodes[q].op, net.qgraph->nodes[q].op);
            cr_assert(ncr_shape_equal(&bare->nodes[q].shape, &net.qgraph->nodes[q].shape));
            seen[bare->nodes[q].op]++;
        }
        for (int mode = 0; mode < 2; mode++) {
            struct ncr_error why;
            struct ncr_plan *a = ncr_plan_build(arena, bare, (enum ncr_plan_mode)mode);
            struct ncr_plan *b = ncr_plan_build(arena, net.qgraph, (enum ncr_plan_mode)mode);
            cr_assert(ncr_plan_verify(a, &why), "seed %lu: %s", seed, why.text);
            cr_assert_eq(a->arena_bytes, b->arena_bytes);
            cr_assert_geq(a->arena_bytes, a->lower_bound_bytes);
            for (uint32_t q = 0; q < bare->n_nodes; q++)
                cr_assert_eq(a->buffers[q].offset, b->buffers[q].offset);
        }
        ncr_arena_free(arena);
    }
    for (int op = 0; op < NCR_QOP_COUNT_; op++)
        cr_assert_geq(seen[op], 10, "%s occurs only %u times", ncr_qop_name((enum ncr_qop)op),
                      seen[op]);
}

// Noise of the integer network's outputs against the float network's, in decibels under the signal.
Test(quantise, integers_follow_floats)
{
    double signal = 0, noise = 0;
    for (uint64_t seed = 0; seed < 600; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 5, &net);
        if (net.spec.weight_bits < 8 || net.spec.activation_bits < 8) {
            ncr_arena_free(arena);
            continue;
        }
        float *real[2], **values = NCR_NEW_N(arena, float *, net.graph->n_nodes);
        int8_t *quantised[2], **ints = NCR_NEW_N(arena, int8_t *, net.qgraph->n_nodes);
        random_net_inputs(arena, &net, seed, real, quantised);
        ncr_eval_f32(arena, net.graph, net.weights, (const float *const *)real, values);
        ncr_eval_int(arena, net.qgraph, (const int8_t *const *)quantised, ints);
        for (uint32_t i = 0; i < net.qgraph->n_outputs; i++) {
            const struct ncr_qnode *q = &net.qgraph->nodes[net.qgraph->outputs[i]];
            const float *want = values[net.graph->outputs[i].node];
            double s = 0, e = 0;
            int64_t n = ncr_shape_elements(&q->shape);
            for (int64_t k = 0; k < n; k++) {
                int32_t stored = ncr_qnode_element(q, ints[net.qgraph->outputs[i]], k);
                double v = q->scale * (stored - q->zero_point);
                s += (double)want[k] * (double)want[k];
                e += (v - (double)want[k]) * (v - (double)want[k]);
            }
            if (s == 0) continue;
            signal += 1; // each output counts the same, whatever its size and scale
            noise += fmin(1, e / s);
        }
        ncr_arena_free(arena);
    }
    double db = 10 * log10(signal / noise);
    cr_assert_gt(signal, 100);
    cr_assert_gt(db, 18, "%.1f dB", db);
}

// Noise of the first output under its signal, in decibels, with all numbers of `bits` bits.
static double noise_db(struct ncr_arena *arena, const struct random_net *net, uint32_t bits,
                       float *const *real, const float *want)
{
    struct ncr_quant_spec spec = net->spec;
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    spec.weights = spec.activations = NCR_QF_LINEAR;
    spec.weight_bits = spec.activation_bits = bits;
    spec.per_channel = true;
    const struct ncr_qgraph *g =
        ncr_qgraph_build(arena, &diags, net->graph, &spec, net->weights, net->ranges);
    int8_t *in[2], **ints = NCR_NEW_N(arena, int8_t *, g->n_nodes);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const struct ncr_qnode *x = &g->nodes[g->inputs[i]];
        in[i] = NCR_NEW_N(arena, int8_t, (size_t)ncr_qnode_bytes(x));
        ncr_quantise_input(x, real[i], in[i]);
    }
    ncr_eval_int(arena, g, (const int8_t *const *)in, ints);
    const struct ncr_qnode *y = &g->nodes[g->outputs[0]];
    double signal = 0, noise = 0;
    for (int64_t k = 0; k < ncr_shape_elements(&y->shape); k++) {
        double v = y->scale * (ncr_qnode_element(y, ints[g->outputs[0]], k) - y->zero_point);
        signal += (double)want[k] * (double)want[k];
        noise += (v - (double)want[k]) * (v - (double)want[k]);
    }
    return 10 * log10((signal + 1e-12) / (noise + 1e-12));
}

// Each bit halves the step, so it is worth 6 dB.
Test(quantise, bits_are_worth_six_decibels)
{
    double sum[9] = {0};
    uint32_t n = 0;
    for (uint64_t seed = 0; seed < 150; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 4, &net);
        for (ncr_node_id id = 0; id < net.graph->n_nodes; id++)
            net.graph->nodes[id].attrs.quant = NULL;
        float *real[2], **values = NCR_NEW_N(arena, float *, net.graph->n_nodes);
        int8_t *unused[2];
        random_net_inputs(arena, &net, seed, real, unused);
        ncr_eval_f32(arena, net.graph, net.weights, (const float *const *)real, values);
        // Ranges of this very input, so that nothing is cut off: that noise would not shrink.
        struct ncr_quant_spec minmax = {.calibration = NCR_CALIB_MINMAX};
        struct ncr_calibrator *c = ncr_calibrator_new(arena, net.graph, net.weights, &minmax);
        ncr_calibrator_feed(c, (const float *const *)real);
        net.ranges = ncr_calibrator_finish(c);
        // Softmax has no fewer than 8 bits, whatever the format.
        bool softmax = false;
        for (uint32_t q = 0; q < net.qgraph->n_nodes; q++)
            softmax |= net.qgraph->nodes[q].op == NCR_QOP_SOFTMAX;
        for (uint32_t bits = 4; !softmax && bits <= 8; bits++)
            sum[bits] += noise_db(arena, &net, bits, real, values[net.graph->outputs[0].node]);
        n += !softmax;
        ncr_arena_free(arena);
    }
    for (uint32_t bits = 5; bits <= 8; bits++) {
        double gain = (sum[bits] - sum[bits - 1]) / n;
        cr_assert(gain > 5 && gain < 7, "bit %u is worth %.1f dB of %.1f", bits, gain,
                  sum[bits] / n);
    }
}
