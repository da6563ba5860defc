// Proofs of masked faults against injection: every proved flip is injected on inputs of every kind,
// and one changed output byte is a failing test.
#include <criterion/criterion.h>
#include <stdio.h>

#include "compiler/analysis/range_each.h"
#include "lang/base/rng.h"
#include "runtime/inject/harness.h"
#include "tests/support/check_text.h"
#include "tests/support/random_graph.h"
#include "tests/support/random_numbers.h"
#include "tests/support/tiny_net.h"

enum { INPUTS = 5 };

struct proof {
    struct ncr_arena *arena;
    const struct ncr_qgraph *qgraph;
    struct ncr_harness *harness;
    struct ncr_runner *runner;
    struct ncr_golden golden[INPUTS];
    const struct ncr_masked *masked;
    uint32_t q;
    uint32_t first, end; // inputs to try
    bool exact;          // what is not proved of this node's constants does change the output
    uint64_t seed, injected[NCR_SITES_COUNT_], alive, sampled;
    uint64_t
        one_in; // of the flips that are not proved, and of the proved ones where there are many
    // Proved flips of elements of 16 bits, by the operator that reads them; and of their bits.
    uint64_t wide[NCR_QOP_COUNT_], wide_bit[16];
    const char *what;
};

static void draw_input(struct ncr_rng *rng, const struct ncr_qnode *x, int kind, int8_t *out)
{
    for (int64_t i = 0; i < ncr_shape_elements(&x->shape); i++) {
        int32_t v = x->lo + (int32_t)ncr_rng_below(rng, (uint64_t)(x->hi - x->lo + 1));
        if (kind == 1) v = x->lo;
        if (kind == 2) v = x->hi;
        if (kind == 3) v = v % 2 ? x->lo : x->hi;
        ncr_qnode_put(x, out, i, v);
    }
}

static void count_wide(struct proof *p, uint32_t bit)
{
    const struct ncr_qgraph *g = p->qgraph;
    if (g->nodes[p->q].bits <= 8) return;
    p->wide_bit[bit]++;
    for (uint32_t q = 0; q < g->n_nodes; q++)
        for (uint32_t k = 0; k < g->nodes[q].n_in; k++)
            p->wide[g->nodes[q].op] += g->nodes[q].in[k] == p->q;
}

// Each proved bit is injected on every input.
static void inject(void *user, enum ncr_site_class site, int64_t element, uint32_t bits)
{
    struct proof *p = user;
    for (uint32_t b = 0; b < ncr_site_width(&p->qgraph->nodes[p->q], site); b++) {
        bool proved = bits >> b & 1;
        p->sampled++;
        if ((!proved || p->one_in > 1) && p->sampled % (p->one_in * (proved ? 1 : 7)) != 0)
            continue;
        struct ncr_flip flip = {.site = site,
                                .node = p->q,
                                .element = element,
                                .bit = b,
                                .and_mask = UINT32_MAX,
                                .xor_mask = (uint32_t)1 << b};
        ncr_runner_patch(p->runner, &flip, 1);
        bool differs = false;
        for (uint32_t i = p->first; i < p->end; i++) {
            struct ncr_judged judged;
            ncr_runner_run(p->runner, &p->golden[i], i + 1, &flip, 1, &judged);
            differs |= judged.outcome != NCR_MASKED;
            cr_assert(!proved || judged.outcome == NCR_MASKED,
                      "%s, seed %lu: bit %u of %s element %ld of node %u %s is proved masked, but "
                      "input %u gives %s",
                      p->what, p->seed, b, ncr_site_name(site), (long)element, p->q,
                      ncr_qop_name(p->qgraph->nodes[p->q].op), i, ncr_outcome_name(judged.outcome));
        }
        ncr_runner_restore(p->runner, &flip, 1);
        cr_assert(!p->exact || proved || differs,
                  "%s, seed %lu: bit %u of %s element %ld of node %u is masked, but not proved",
                  p->what, p->seed, b, ncr_site_name(site), (long)element, p->q);
        p->injected[site] += proved;
        if (proved && site == NCR_SITES_ACTIVATION) count_wide(p, b);
        p->alive += differs;
    }
}

static void inject_all(struct proof *p, const struct ncr_range_map *map)
{
    const struct ncr_masked *m = ncr_masked_of(p->arena, map);
    uint64_t before[NCR_SITES_COUNT_], counted[NCR_SITES_COUNT_] = {0};
    memcpy(before, p->injected, sizeof before);
    p->masked = m;
    for (p->q = 0; p->q < p->qgraph->n_nodes; p->q++) {
        for (int64_t e = 0; e < ncr_shape_elements(&p->qgraph->nodes[p->q].shape); e++)
            inject(p, NCR_SITES_ACTIVATION, e, ncr_masked_activation(m, p->q, e));
        ncr_masked_constants(p->arena, m, p->q, inject, p);
        for (int site = 0; site < NCR_SITES_COUNT_; site++)
            for (int b = 0; b < 32; b++)
                counted[site] += m->proved[p->q][site][b];
    }
    for (int site = 0; site < NCR_SITES_COUNT_ && p->one_in == 1; site++)
        cr_assert_eq(counted[site], p->injected[site] - before[site], "%s: the counts of %s",
                     p->what, ncr_site_name((enum ncr_site_class)site));
}

// Proofs for each input by itself. Of the operators that give the output nothing is left open.
static void inject_each(struct proof *p, const struct ncr_range_map *map,
                        const int8_t *const *inputs)
{
    struct ncr_masked_each *each = ncr_masked_each_new(p->arena, ncr_masked_of(p->arena, map));
    uint64_t before = p->injected[0] + p->injected[1] + p->injected[2];
    for (uint32_t i = 0; i < INPUTS; i++) {
        ncr_masked_each_feed(each, &inputs[i]);
        p->first = i;
        p->end = i + 1;
        for (p->q = 0; p->q < p->qgraph->n_nodes; p->q++) {
            const struct ncr_qnode *node = &p->qgraph->nodes[p->q];
            for (int64_t e = 0; e < ncr_shape_elements(&node->shape); e++)
                inject(p, NCR_SITES_ACTIVATION, e, each->activation[p->q][e]);
            for (uint32_t k = 0; k < p->qgraph->n_outputs; k++)
                p->exact |= p->qgraph->outputs[k] == p->q;
            for (int64_t e = 0; each->weight[p->q] && e < node->n_weights; e++)
                inject(p, NCR_SITES_WEIGHT, e, each->weight[p->q][e]);
            for (int64_t e = 0; each->bias[p->q] && e < node->n_channels; e++)
                inject(p, NCR_SITES_BIAS, e, each->bias[p->q][e]);
            p->exact = false;
        }
    }
    const struct ncr_masked *m = ncr_masked_each_finish(each);
    cr_assert_eq(m->n_points, INPUTS * each->base->n_points);
    cr_assert_geq(m->n_proved, INPUTS * each->base->n_proved);
    uint64_t tried = p->injected[0] + p->injected[1] + p->injected[2] - before;
    cr_assert(p->one_in > 1 || m->n_proved == tried, "%s: %lu counted, %lu tried", p->what,
              m->n_proved, tried);
    p->first = 0;
    p->end = INPUTS;
}

// Sound proofs on drawn inputs, calibrated proofs on the inputs that were seen: the same ones.
static void prove(struct proof *p, const struct ncr_executor *executor, const int8_t *given)
{
    const struct ncr_qgraph *qgraph = executor->qgraph;
    p->qgraph = qgraph;
    const struct ncr_qnode *x = &qgraph->nodes[qgraph->inputs[0]];
    size_t n = (size_t)ncr_qnode_bytes(x);
    struct ncr_range_observer *observer = ncr_range_observer_new(p->arena, qgraph);
    struct ncr_rng rng = ncr_rng_at(p->seed, NCR_RNG_TEST, 9);
    const int8_t *kept[INPUTS];
    p->end = INPUTS;
    p->harness = ncr_harness_new(p->arena, executor);
    p->runner = ncr_runner_new(p->arena, p->harness);
    for (int i = 0; i < INPUTS; i++) {
        int8_t *in = NCR_NEW_N(p->arena, int8_t, n);
        if (given)
            memcpy(in, given + (size_t)i * n, n);
        else
            draw_input(&rng, x, i, in);
        const int8_t *ins[1] = {kept[i] = in};
        ncr_golden_alloc(p->arena, p->harness, &p->golden[i]);
        ncr_golden_run(p->runner, in, &p->golden[i]);
        ncr_range_observer_feed(observer, ins);
    }
    inject_all(p, ncr_range_sound(p->arena, qgraph));
    const struct ncr_range_map *seen = ncr_range_observer_finish(observer);
    inject_all(p, seen);
    inject_each(p, seen, kept);
}

// Channels whose weights are zero, weights of zero, biases that shut a channel or hold it at the
// top: what pruning and training leave.
static void skew(struct ncr_qgraph *g, uint64_t seed)
{
    struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 11);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        struct ncr_qnode *n = &g->nodes[q];
        if (!ncr_qop_has_weights(n->op)) continue;
        int64_t per = n->n_weights / n->n_channels;
        for (int32_t o = 0; o < n->n_channels; o++) {
            uint64_t kind = ncr_rng_below(&rng, 8);
            int32_t big = 1 << (8 + ncr_rng_below(&rng, 17));
            if (kind == 1) memset(n->weights + o * per, 0, (size_t)per);
            if (kind == 2) n->bias[o] = -big;
            if (kind == 3) n->bias[o] = big;
            for (int64_t i = 0; kind == 4 && i < per; i++)
                if (ncr_rng_below(&rng, 2)) n->weights[o * per + i] = 0;
        }
    }
}

static void random_nets(uint64_t first, uint32_t nets, bool direct, const char *what,
                        struct proof *total)
{
    for (uint64_t seed = first; nets > 0; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 3 + (uint32_t)(seed % 12), &net);
        if (net.qgraph->n_inputs == 1) {
            nets--;
            struct proof p = {.arena = arena, .seed = seed, .one_in = 1, .what = what};
            if (direct) random_numbers(arena, net.qgraph, seed);
            skew(net.qgraph, seed);
            uint64_t points = 0;
            for (uint32_t q = 0; q < net.qgraph->n_nodes; q++)
                points += (uint64_t)ncr_shape_elements(&net.qgraph->nodes[q].shape) +
                          (uint64_t)net.qgraph->nodes[q].n_weights;
            if (points > 600) p.one_in = 1 + points / 300;
            prove(&p, ncr_executor_interpreter(arena, net.qgraph), NULL);
            total->alive += p.alive;
            for (int site = 0; site < NCR_SITES_COUNT_; site++)
                total->injected[site] += p.injected[site];
            for (int op = 0; op < NCR_QOP_COUNT_; op++)
                total->wide[op] += p.wide[op];
            for (int b = 0; b < 16; b++)
                total->wide_bit[b] += p.wide_bit[b];
        }
        ncr_arena_free(arena);
    }
}

Test(range_masked, injection_contradicts_no_proof_on_random_networks, .timeout = 300)
{
    struct proof total = {.what = ""};
    random_nets(100, 30, false, "quantised", &total);
    random_nets(4000, 30, true, "drawn numbers", &total);
    // Enough of each to have met every rule, and faults that do change the output among the rest.
    for (int site = 0; site < NCR_SITES_COUNT_; site++)
        cr_assert_geq(total.injected[site], 4000, "%s: %lu",
                      ncr_site_name((enum ncr_site_class)site), total.injected[site]);
    cr_assert_geq(total.alive, 10000, "%lu", total.alive);
    for (int op = 0; op < NCR_QOP_COUNT_; op++) {
        bool rare = op == NCR_QOP_INPUT || op == NCR_QOP_MAXPOOL || op == NCR_QOP_UPSAMPLE ||
                    op == NCR_QOP_ZERO;
        cr_assert_geq(total.wide[op], rare ? 0 : 1, "no flip of 16 bits that %s reads",
                      ncr_qop_name((enum ncr_qop)op));
    }
    for (int b = 0; b < 16; b++)
        cr_assert_geq(total.wide_bit[b], 1000, "bit %d of 16: %lu", b, total.wide_bit[b]);
}

// Every flip of a small classifier, whose channels are shut one after the other.
Test(range_masked, injection_contradicts_no_proof_on_a_whole_network)
{
    uint64_t last = 0;
    for (int32_t shut = 0; shut < 3; shut++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct tiny_net net;
        tiny_net_make(arena, 3, 3, INPUTS, &net);
        struct ncr_qnode *conv = NULL;
        for (uint32_t q = 0; q < net.qgraph->n_nodes; q++)
            if (net.qgraph->nodes[q].op == NCR_QOP_CONV) conv = &net.qgraph->nodes[q];
        for (int32_t o = 0; o < shut; o++)
            conv->bias[o] = -(1 << 24);
        struct proof p = {.arena = arena, .seed = (uint64_t)shut, .one_in = 1, .what = "tiny"};
        prove(&p, ncr_executor_interpreter(arena, net.qgraph), net.inputs);
        uint64_t proved = ncr_masked_of(arena, ncr_range_sound(arena, net.qgraph))->n_proved;
        cr_assert(shut == 0 || proved > last, "%lu after %lu", proved, last);
        last = proved;
        ncr_arena_free(arena);
    }
}

// Windows that overlap: a pixel is in several, so that two averages are off at once, which the
// saturated sum behind them holds for one but not for two.
Test(range_masked, overlapping_windows)
{
    uint32_t zero = 0, one = 1, out = 2;
    int8_t weights[2] = {64, 64};
    int32_t bias, pool_mult = 1 << 30, pool_shift = 30, mult = 1 << 30, shift = 32;
    double scale = 1;
    struct ncr_qnode nodes[3] = {
        {.op = NCR_QOP_INPUT,
         .shape = {3, {1, 1, 3}},
         .n_channels = 1,
         .scale = 1,
         .lo = 0,
         .hi = 0},
        {.op = NCR_QOP_AVGPOOL,
         .n_in = 1,
         .in = &zero,
         .shape = {3, {1, 1, 2}},
         .attrs = {.kernel = {1, 2}, .stride = {1, 1}, .dilation = {1, 1}},
         .n_channels = 1,
         .scale = 1,
         .lo = -128,
         .hi = 127,
         .mult = &pool_mult,
         .shift = &pool_shift},
        {.op = NCR_QOP_CONV,
         .n_in = 1,
         .in = &one,
         .shape = {3, {1, 1, 1}},
         .attrs = {.kernel = {1, 2}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1},
         .n_channels = 1,
         .n_weights = 2,
         .scale = 1,
         .lo = 0,
         .hi = 127,
         .weight_scale = &scale,
         .weights = weights,
         .bias = &bias,
         .mult = &mult,
         .shift = &shift}};
    struct ncr_qgraph g = {.nodes = nodes,
                           .n_nodes = 3,
                           .inputs = &zero,
                           .n_inputs = 1,
                           .outputs = &out,
                           .n_outputs = 1,
                           .has_numbers = true};
    struct ncr_arena *tables = ncr_arena_new(0);
    ncr_qnode_set_form(tables, &g, &nodes[2], (struct ncr_weight_form){NCR_QF_LINEAR, 8, false});
    struct ncr_error why;
    cr_assert(ncr_qgraph_verify(&g, &why), "%s", why.text);
    // The middle pixel at 64 gives 64 in both windows and 2 * 64 * 64 in the sum.
    for (bias = -9000; bias < 0; bias += 500) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct proof p = {.arena = arena, .one_in = 1, .what = "overlap", .seed = (uint64_t)-bias};
        static const int8_t inputs[3 * INPUTS];
        prove(&p, ncr_executor_interpreter(arena, &g), inputs);
        if (bias == -9000) cr_assert_gt(p.injected[NCR_SITES_ACTIVATION], 0);
        ncr_arena_free(arena);
    }
    ncr_arena_free(tables);
}

// A tensor that comes back to one sum two ways: the sum rounds the change of each way to nothing,
// but not both.
Test(range_masked, two_ways)
{
    uint32_t zero = 0, ways[2] = {1, 2}, out = 3;
    int32_t in_mult[2] = {1, 1}, mult = 1 << 30, shift = 32; // y = round((x + x) / 4)
    struct ncr_qnode nodes[4] = {{.op = NCR_QOP_INPUT,
                                  .shape = {1, {1}},
                                  .n_channels = 1,
                                  .scale = 1,
                                  .lo = -128,
                                  .hi = 127},
                                 {.op = NCR_QOP_RESHAPE,
                                  .n_in = 1,
                                  .in = &zero,
                                  .shape = {1, {1}},
                                  .n_channels = 1,
                                  .scale = 1},
                                 {.op = NCR_QOP_RESHAPE,
                                  .n_in = 1,
                                  .in = &zero,
                                  .shape = {1, {1}},
                                  .n_channels = 1,
                                  .scale = 1},
                                 {.op = NCR_QOP_ADD,
                                  .n_in = 2,
                                  .in = ways,
                                  .shape = {1, {1}},
                                  .n_channels = 1,
                                  .scale = 1,
                                  .lo = -128,
                                  .hi = 127,
                                  .in_mult = in_mult,
                                  .mult = &mult,
                                  .shift = &shift}};
    struct ncr_qgraph g = {.nodes = nodes,
                           .n_nodes = 4,
                           .inputs = &zero,
                           .n_inputs = 1,
                           .outputs = &out,
                           .n_outputs = 1,
                           .has_numbers = true};
    struct ncr_error why;
    cr_assert(ncr_qgraph_verify(&g, &why), "%s", why.text);
    struct ncr_arena *arena = ncr_arena_new(0);
    struct proof p = {.arena = arena, .one_in = 1, .what = "two ways"};
    static const int8_t inputs[INPUTS] = {0, 8, 17, -8, 100};
    prove(&p, ncr_executor_interpreter(arena, &g), inputs);
    cr_assert_gt(p.injected[NCR_SITES_ACTIVATION], 0); // of one way
    ncr_arena_free(arena);
}

// A network of the examples with drawn weights, calibrated on the INPUTS images of noise.
static struct ncr_qgraph *example(struct ncr_arena *arena, const char *path, int8_t **inputs,
                                  struct checked **program)
{
    static char text[1 << 16];
    char whole[1200];
    snprintf(whole, sizeof whole, "%s/examples/%s.ncr", NACRE_SOURCE_DIR, path);
    FILE *file = fopen(whole, "r");
    cr_assert_not_null(file, "%s", whole);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    const struct checked *c = *program = check_text(path, text, "");
    const struct ncr_net_info *net;
    struct ncr_error err;
    cr_assert_eq(ncr_program_find_net(c->program, NCR_STR(""), &net, &err), NCR_OK, "%s", err.text);
    const struct ncr_graph *graph = ncr_graph_simplify(arena, net->graph);
    struct ncr_weights *weights = ncr_weights_new(arena, graph);
    ncr_weights_init(weights, graph, 4);
    static const struct ncr_quant_spec spec = {
        .weight_bits = 8, .activation_bits = 8, .per_channel = true};
    struct ncr_calibrator *calibrator = ncr_calibrator_new(arena, graph, weights, &spec);
    size_t n = (size_t)ncr_shape_elements(&graph->nodes[graph->inputs[0]].shape);
    struct ncr_rng rng = ncr_rng_at(8, NCR_RNG_TEST, 12);
    float *real = NCR_NEW_N(arena, float, n *INPUTS);
    for (size_t i = 0; i < n * INPUTS; i++)
        real[i] = (float)ncr_rng_normal(&rng);
    for (int i = 0; i < INPUTS; i++) {
        const float *one = real + (size_t)i * n;
        ncr_calibrator_feed(calibrator, &one);
    }
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    struct ncr_qgraph *qgraph =
        ncr_qgraph_build(arena, &diags, graph, &spec, weights, ncr_calibrator_finish(calibrator));
    cr_assert_not_null(qgraph);
    *inputs = NCR_NEW_N(arena, int8_t, n * INPUTS);
    for (size_t i = 0; i < INPUTS; i++)
        ncr_quantise_input(&qgraph->nodes[qgraph->inputs[0]], real + i * n, *inputs + i * n);
    return qgraph;
}

// Proofs on networks of the size that people use: hundreds of thousands, of which a share is
// tried, in machine code.
Test(range_masked, injection_contradicts_no_proof_on_examples, .timeout = 60)
{
    static const struct {
        const char *path;
        uint64_t one_in;
    } nets[] = {{"01-lenet/lenet", 5}, {"zoo/mnist_small", 1}};
    for (size_t i = 0; i < NCR_COUNT(nets); i++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        int8_t *inputs;
        struct checked *program;
        struct ncr_qgraph *qgraph = example(arena, nets[i].path, &inputs, &program);
        skew(qgraph, 5); // sound proofs, too
        struct proof p = {
            .arena = arena, .seed = 5, .one_in = nets[i].one_in, .what = nets[i].path};
        const struct ncr_plan *plan = ncr_plan_build(arena, qgraph, NCR_PLAN_SEPARATE);
        struct ncr_code_options options = {.family = NULL};
        struct ncr_code *code;
        struct ncr_error err;
        cr_assert_eq(ncr_code_jit(plan, &options, &code, &err), NCR_OK, "%s", err.text);
        prove(&p, ncr_executor_jit(arena, plan, code), inputs);
        ncr_code_free(code);
        checked_free(program);
        cr_assert_geq(p.injected[0] + p.injected[1] + p.injected[2], 20000, "%lu + %lu + %lu",
                      p.injected[0], p.injected[1], p.injected[2]);
        ncr_arena_free(arena);
    }
}
