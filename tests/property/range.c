// Laws of ranges on random networks: no value and no sum leaves its interval, in the sound mode
// whatever the input, in the calibrated mode on the inputs that were seen.
#include <criterion/criterion.h>

#include "compiler/analysis/range.h"
#include "lang/base/rng.h"
#include "tests/support/random_graph.h"

enum { INPUTS = 6 };

// Inputs: noise over the whole range, one end everywhere, ends at random.
static void draw_input(struct ncr_rng *rng, const struct ncr_qnode *x, int kind, int8_t *out)
{
    int64_t n = ncr_shape_elements(&x->shape);
    for (int64_t i = 0; i < n; i++) {
        int32_t v = x->lo + (int32_t)ncr_rng_below(rng, (uint64_t)(x->hi - x->lo + 1));
        if (kind == 1) v = x->lo;
        if (kind == 2) v = x->hi;
        if (kind == 3) v = v % 2 ? x->lo : x->hi;
        ncr_qnode_put(x, out, i, v);
    }
}

static void draw_inputs(struct ncr_arena *arena, const struct ncr_qgraph *g, uint64_t seed,
                        int kind, int8_t **out)
{
    struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, (uint64_t)kind);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        const struct ncr_qnode *x = &g->nodes[g->inputs[i]];
        out[i] = NCR_NEW_N(arena, int8_t, (size_t)ncr_qnode_bytes(x));
        draw_input(&rng, x, kind, out[i]);
    }
}

static void inside(const struct ncr_range_map *map, int8_t *const *values, uint64_t seed)
{
    for (uint32_t q = 0; q < map->qgraph->n_nodes; q++) {
        const struct ncr_range_node *r = &map->nodes[q];
        int64_t n = ncr_shape_elements(&map->qgraph->nodes[q].shape), per = n / r->n_channels;
        for (int64_t e = 0; e < n; e++) {
            struct ncr_interval x = r->value[e / per];
            int32_t v = ncr_qnode_element(&map->qgraph->nodes[q], values[q], e);
            cr_assert(v >= x.lo && v <= x.hi,
                      "seed %lu, node %u %s element %ld: %d outside [%ld, %ld]", seed, q,
                      ncr_qop_name(map->qgraph->nodes[q].op), (long)e, v, (long)x.lo, (long)x.hi);
        }
    }
}

Test(range, no_value_leaves_its_interval)
{
    uint32_t narrower = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 4 + (uint32_t)(seed % 14), &net);
        const struct ncr_range_map *sound = ncr_range_sound(arena, net.qgraph);
        struct ncr_range_observer *observer = ncr_range_observer_new(arena, net.qgraph);
        int8_t *inputs[INPUTS][2], ***values = NCR_NEW_N(arena, int8_t **, INPUTS);
        for (int i = 0; i < INPUTS; i++) {
            draw_inputs(arena, net.qgraph, seed, i, inputs[i]);
            values[i] = NCR_NEW_N(arena, int8_t *, net.qgraph->n_nodes);
            ncr_eval_int(arena, net.qgraph, (const int8_t *const *)inputs[i], values[i]);
            inside(sound, values[i], seed);
            ncr_range_observer_feed(observer, (const int8_t *const *)inputs[i]);
        }
        const struct ncr_range_map *seen = ncr_range_observer_finish(observer);
        cr_assert_eq(seen->n_samples, INPUTS);
        cr_assert_eq(sound->n_samples, 0);
        for (int i = 0; i < INPUTS; i++)
            inside(seen, values[i], seed);
        for (uint32_t q = 0; q < net.qgraph->n_nodes; q++)
            for (uint32_t c = 0; c < sound->nodes[q].n_channels; c++) {
                const struct ncr_range_node *a = &sound->nodes[q], *b = &seen->nodes[q];
                cr_assert(b->value[c].lo >= a->value[c].lo && b->value[c].hi <= a->value[c].hi);
                if (!a->sum) continue;
                cr_assert(b->sum[c].lo >= a->sum[c].lo && b->sum[c].hi <= a->sum[c].hi);
                cr_assert_leq(b->reach[c], a->reach[c]);
                narrower += a->sum[c].hi > b->sum[c].hi;
            }
        ncr_arena_free(arena);
    }
    cr_assert_gt(narrower, 1000);
}

// One layer, every input: each end of each interval is reached, so that it is no wider than it must
// be.
Test(range, ends_are_reached)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 5);
        int8_t weights[3];
        for (int i = 0; i < 3; i++)
            weights[i] = (int8_t)(ncr_rng_below(&rng, 255) - 127);
        int32_t bias = (int32_t)ncr_rng_below(&rng, 4000) - 2000, mult = 1 << 30, shift = 36;
        double scale = 1;
        uint32_t in = 0, input = 0, output = 1;
        struct ncr_qnode nodes[2] = {{.op = NCR_QOP_INPUT,
                                      .shape = {1, {3}},
                                      .n_channels = 3,
                                      .lo = -3,
                                      .hi = 2,
                                      .scale = 1,
                                      .zero_point = 1},
                                     {.op = NCR_QOP_DENSE,
                                      .n_in = 1,
                                      .in = &in,
                                      .shape = {1, {1}},
                                      .n_weights = 3,
                                      .n_channels = 1,
                                      .scale = 1,
                                      .zero_point = 3,
                                      .lo = -20,
                                      .hi = 25,
                                      .weight_scale = &scale,
                                      .weights = weights,
                                      .bias = &bias,
                                      .mult = &mult,
                                      .shift = &shift}};
        struct ncr_qgraph g = {.nodes = nodes,
                               .n_nodes = 2,
                               .inputs = &input,
                               .n_inputs = 1,
                               .outputs = &output,
                               .n_outputs = 1,
                               .has_numbers = true};
        struct ncr_error why;
        struct ncr_arena *arena = ncr_arena_new(0);
        ncr_qnode_set_form(arena, &g, &nodes[1], (struct ncr_weight_form){NCR_QF_LINEAR, 8, false});
        cr_assert(ncr_qgraph_verify(&g, &why), "%s", why.text);
        const struct ncr_range_map *map = ncr_range_sound(arena, &g);
        int32_t lo = 127, hi = -128;
        int64_t least = INT64_MAX, most = INT64_MIN;
        for (int i = 0; i < 6 * 6 * 6; i++) {
            int8_t x[3] = {(int8_t)(i % 6 - 3), (int8_t)(i / 6 % 6 - 3), (int8_t)(i / 36 - 3)}, y;
            const int8_t *ins[1] = {x};
            int64_t sum = bias + x[0] * weights[0] + x[1] * weights[1] + x[2] * weights[2];
            ncr_eval_int_node(&g, 1, ins, &y);
            lo = y < lo ? y : lo;
            hi = y > hi ? y : hi;
            least = sum < least ? sum : least;
            most = sum > most ? sum : most;
        }
        cr_assert_eq(map->nodes[1].value[0].lo, lo);
        cr_assert_eq(map->nodes[1].value[0].hi, hi);
        cr_assert_eq(map->nodes[1].sum[0].lo, least);
        cr_assert_eq(map->nodes[1].sum[0].hi, most);
        ncr_arena_free(arena);
    }
}
