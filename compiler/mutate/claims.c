// Tries the exact claims of mutations: parent and child on the same random input; in float, and in
// 8-bit integers where no tensor changes its shape, so that both have the same scales.
#include <math.h>

#include "compiler/mutate/draft.h"
#include "compiler/quant/qgraph.h"

enum {
    LIMIT_NET_MACS = 4000000,    // larger nets are left out
    LIMIT_CHECK_MACS = 80000000, // of all trials of one check; other work counts in the same unit
    COST_PLACE = 5000,           // of asking whether a mutation applies at a place
    LIMIT_PLACES = 300,          // looked at, of a mutation in a net
    PLACES = 6,                  // of a mutation in a net
    TRIALS = 3                   // of a place: other draws, weights and inputs
};
static const double allowed = 1e-5;

// A network with a place for most that a mutation can match.
static const char probe_text[] =
    "graph \"probe\" {\n"
    "  %0 = input \"probe/x\" shape 3x8x8 : 3x8x8\n"
    "  %1 = conv %0 \"probe/conv1\" out 6 kernel 3x3 : 6x8x8\n"
    "  %2 = batchnorm %1 \"probe/batchnorm1\" : 6x8x8\n"
    "  %3 = relu %2 \"probe/relu1\" : 6x8x8\n"
    "  %4 = conv %3 \"probe/conv2\" out 6 kernel 3x3 bias false : 6x8x8\n"
    "  %5 = batchnorm %4 \"probe/batchnorm2\" : 6x8x8\n"
    "  %6 = relu %5 \"probe/relu2\" : 6x8x8\n"
    "  %7 = conv %6 \"probe/conv3\" out 6 kernel 1x1 : 6x8x8\n"
    "  %8 = add %7 %3 \"probe/add\" : 6x8x8\n"
    "  %9 = relu %8 \"probe/relu3\" : 6x8x8\n"
    "  %10 = dwconv %9 \"probe/dwconv\" kernel 3x3 : 6x8x8\n"
    "  %11 = relu6 %10 \"probe/relu6\" : 6x8x8\n"
    "  %12 = conv %11 \"probe/conv4\" out 8 kernel 1x1 : 8x8x8\n"
    "  %13 = leaky_relu %12 \"probe/leaky_relu\" : 8x8x8\n"
    "  %14 = concat %13 %9 \"probe/concat\" : 14x8x8\n"
    "  %15 = conv %14 \"probe/conv5\" out 8 kernel 3x3 stride 2x2 : 8x4x4\n"
    "  %16 = hardswish %15 \"probe/hardswish\" : 8x4x4\n"
    "  %17 = global_avgpool %16 \"probe/global_avgpool\" : 8x1x1\n"
    "  %18 = sigmoid %17 \"probe/sigmoid\" : 8x1x1\n"
    "  %19 = mul %16 %18 \"probe/mul\" : 8x4x4\n"
    "  %20 = maxpool %19 \"probe/maxpool\" kernel 2x2 : 8x2x2\n"
    "  %21 = flatten %20 \"probe/flatten\" : 32\n"
    "  %22 = dense %21 \"probe/dense1\" out 12 : 12\n"
    "  %23 = relu %22 \"probe/relu4\" : 12\n"
    "  %24 = dense %23 \"probe/dense2\" out 12 : 12\n"
    "  %25 = tanh %24 \"probe/tanh\" : 12\n"
    "  %26 = dropout %25 \"probe/dropout\" : 12\n"
    "  %27 = dense %26 \"probe/dense3\" out 10 : 10\n"
    "  output \"\" = %27\n"
    "}\n";

struct trial {
    struct ncr_program *program;
    struct ncr_diags *diags;
    const struct ncr_mutation *mutation;
    int64_t work_left;
    uint32_t applied; // trials so far of the mutation
};

// Everything is drawn, statistics of batchnorm too: an exact rule holds for any weights.
static void draw_weights(struct ncr_weights *w, const struct ncr_graph *g, uint64_t seed)
{
    ncr_weights_init(w, g, seed);
    for (uint32_t p = 0; p < g->n_params; p++) {
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_WEIGHTS, p);
        for (int64_t i = 0; i < g->params[p].n; i++) {
            float r = (float)ncr_rng_f64(&rng), *v = &w->at[p][i];
            switch (g->params[p].role) {
            case NCR_PARAM_WEIGHT: break;
            case NCR_PARAM_BIAS:
            case NCR_PARAM_BETA:
            case NCR_PARAM_MEAN: *v = r - 0.5f; break;
            case NCR_PARAM_GAMMA:
            case NCR_PARAM_VAR: *v = r + 0.5f; break;
            }
        }
    }
}

static const float **draw_inputs(struct ncr_arena *arena, const struct ncr_graph *g, uint64_t seed)
{
    const float **inputs = NCR_NEW_N(arena, const float *, g->n_inputs);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        int64_t n = ncr_shape_elements(&g->nodes[g->inputs[i]].shape);
        float *x = NCR_NEW_N(arena, float, (size_t)n);
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_MUTATE, i);
        for (int64_t k = 0; k < n; k++)
            x[k] = (float)ncr_rng_normal(&rng);
        inputs[i] = x;
    }
    return inputs;
}

static float **evaluate(struct ncr_arena *arena, const struct ncr_graph *g,
                        const struct ncr_weights *w, uint64_t seed)
{
    const float **inputs = draw_inputs(arena, g, seed);
    float **values = NCR_NEW_N(arena, float *, g->n_nodes);
    ncr_eval_f32(arena, g, w, inputs, values);
    return values;
}

struct deviation {
    double size; // of the largest, relative to the largest output
    int64_t at;  // element of the output
    uint32_t output;
    double was, is;
};

static struct deviation compare(const struct ncr_graph *parent, float *const *a,
                                const struct ncr_graph *child, float *const *b)
{
    struct deviation worst = {0};
    for (uint32_t o = 0; o < parent->n_outputs; o++) {
        const float *x = a[parent->outputs[o].node], *y = b[child->outputs[o].node];
        int64_t n = ncr_shape_elements(&parent->nodes[parent->outputs[o].node].shape);
        double top = 0;
        for (int64_t i = 0; i < n; i++)
            top = fmax(top, fabs((double)x[i]));
        for (int64_t i = 0; i < n; i++) {
            double d = fabs((double)x[i] - (double)y[i]);
            if (top > 0) d /= top;
            if (!(d <= worst.size)) worst = (struct deviation){d, i, o, (double)x[i], (double)y[i]};
        }
    }
    return worst;
}

// The network in 8-bit integers on a random input, its scales from that input; NULL where it cannot
// be quantised.
static int8_t **evaluate_int(struct ncr_arena *arena, const struct ncr_graph *g,
                             const struct ncr_weights *w, uint64_t seed, struct ncr_qgraph **out)
{
    const struct ncr_quant_spec spec = {.weights = NCR_QF_LINEAR,
                                        .activations = NCR_QF_LINEAR,
                                        .weight_bits = 8,
                                        .activation_bits = 8,
                                        .per_channel = true,
                                        .calibration = NCR_CALIB_MINMAX,
                                        .percentile = 0.999,
                                        .calibration_images = 1};
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, NULL);
    const float **inputs = draw_inputs(arena, g, seed);
    struct ncr_calibrator *calibrator = ncr_calibrator_new(arena, g, w, &spec);
    ncr_calibrator_feed(calibrator, inputs);
    struct ncr_qgraph *q =
        ncr_qgraph_build(arena, &diags, g, &spec, w, ncr_calibrator_finish(calibrator));
    if (!q || !q->has_numbers) return NULL;
    const int8_t **quantised = NCR_NEW_N(arena, const int8_t *, q->n_inputs);
    for (uint32_t i = 0; i < q->n_inputs; i++) {
        const struct ncr_qnode *input = &q->nodes[q->inputs[i]];
        int8_t *x = NCR_NEW_N(arena, int8_t, (size_t)ncr_shape_elements(&input->shape));
        ncr_quantise_input(input, inputs[i], x);
        quantised[i] = x;
    }
    int8_t **values = NCR_NEW_N(arena, int8_t *, q->n_nodes);
    ncr_eval_int(arena, q, quantised, values);
    *out = q;
    return values;
}

// The same operators on tensors of the same shapes: only parameters have other sizes.
static bool same_tensors(const struct ncr_graph *a, const struct ncr_graph *b)
{
    if (a->n_nodes != b->n_nodes) return false;
    for (ncr_node_id id = 0; id < a->n_nodes; id++)
        if (a->nodes[id].op != b->nodes[id].op ||
            !ncr_shape_equal(&a->nodes[id].shape, &b->nodes[id].shape))
            return false;
    return true;
}

// The weights of a network for its simplified form, by the names of the parameters.
static const struct ncr_weights *simplified_weights(struct ncr_arena *arena,
                                                    const struct ncr_graph *g,
                                                    const struct ncr_weights *w,
                                                    const struct ncr_graph *simple)
{
    struct ncr_weights *out = ncr_weights_new(arena, simple);
    for (uint32_t p = 0, k = 0; p < simple->n_params; p++, k++) {
        while (!ncr_str_eq(g->params[k].name, simple->params[p].name)) // in the same order
            k++;
        memcpy(out->at[p], w->at[k], (size_t)simple->params[p].n * sizeof *out->at[p]);
    }
    return out;
}

// The largest difference of an output in integers; a size of 0 where there is none, or it cannot be
// compared.
static struct deviation compare_int(struct ncr_arena *arena, const struct ncr_graph *parent,
                                    const struct ncr_weights *weights,
                                    const struct ncr_child *child, uint64_t seed)
{
    struct deviation worst = {0};
    const struct ncr_graph *a = ncr_graph_simplify(arena, parent),
                           *b = ncr_graph_simplify(arena, child->graph);
    struct ncr_qgraph *p, *q;
    if (!same_tensors(a, b)) return worst;
    int8_t **x = evaluate_int(arena, a, simplified_weights(arena, parent, weights, a), seed, &p);
    int8_t **y = evaluate_int(arena, b, simplified_weights(arena, child->graph, child->weights, b),
                              seed, &q);
    for (uint32_t o = 0; x && y && o < p->n_outputs; o++) {
        const struct ncr_qnode *out = &p->nodes[p->outputs[o]];
        int64_t n = ncr_shape_elements(&out->shape);
        for (int64_t i = 0; i < n; i++) {
            double was = x[p->outputs[o]][i], is = y[q->outputs[o]][i], d = fabs(was - is) / 255;
            if (d > worst.size) worst = (struct deviation){d, i, o, was, is};
        }
    }
    return worst;
}

static void refute(struct trial *t, const struct ncr_graph *g, const struct ncr_match *match,
                   const struct ncr_child *child, const struct deviation *worst, uint64_t seed)
{
    struct ncr_arena *arena = t->diags->arena;
    struct ncr_diag *d = NCR_DIAG(t->diags, FALSE_CLAIM, t->mutation->inherit_span,
                                  NCR_STR_ARG(t->mutation->name), ncr_inherit_name(child->inherit),
                                  (long long)worst->at, worst->was, worst->is, worst->size);
    struct ncr_str place = ncr_match_name(arena, g, match);
    ncr_diag_note(t->diags, d, NCR_NOWHERE,
                  "net `%.*s`, %.*s%s%.*s, random weights and input number %llu",
                  NCR_STR_ARG(g->name), NCR_STR_ARG(place), child->draws.n ? " with " : "",
                  NCR_STR_ARG(child->draws), (unsigned long long)seed);
}

// Multiply-adds, and values of tensors and parameters.
static int64_t cost_of(const struct ncr_graph *g)
{
    int64_t cost = ncr_graph_macs(g) + ncr_graph_params(g);
    for (ncr_node_id id = 0; id < g->n_nodes; id++)
        cost += ncr_shape_elements(&g->nodes[id].shape);
    return cost;
}

// False where the claim is refuted.
static bool try_place(struct trial *t, const struct ncr_graph *g, const struct ncr_match *match,
                      uint64_t seed)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_MUTATE, 1000), again = rng;
    struct ncr_child child;
    struct ncr_str why;
    bool good = true;
    t->work_left -= COST_PLACE;
    // Without weights first: only then its size is known.
    if (ncr_mutate(t->program, scratch, g, NULL, match, &rng, NULL, 0, &child, &why) &&
        ncr_inherit_exact(child.inherit) && cost_of(g) + cost_of(child.graph) <= t->work_left) {
        t->work_left -= cost_of(g) + cost_of(child.graph);
        t->applied++;
        struct ncr_weights *weights = ncr_weights_new(scratch, g);
        draw_weights(weights, g, seed);
        if (!ncr_mutate(t->program, scratch, g, weights, match, &again, NULL, 0, &child, &why))
            NCR_BUG("a mutation applies without weights only: %.*s", NCR_STR_ARG(why));
        float **a = evaluate(scratch, g, weights, seed),
              **b = evaluate(scratch, child.graph, child.weights, seed);
        struct deviation worst = compare(g, a, child.graph, b);
        if (worst.size <= allowed) {
            struct deviation whole = compare_int(scratch, g, weights, &child, seed);
            if (whole.size > 0) worst = whole;
        }
        good = worst.size <= allowed;
        if (!good) refute(t, g, match, &child, &worst, seed);
    }
    ncr_arena_free(scratch);
    return good;
}

static bool try_net(struct trial *t, const struct ncr_graph *g)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    struct ncr_matches matches;
    matches_within(t->program, t->mutation, scratch, g, LIMIT_PLACES, &t->work_left, &matches);
    // Spread over the net. A place where the draws do not apply makes room for the next.
    uint32_t before = t->applied;
    bool good = true;
    for (uint32_t round = 0; good && round < TRIALS; round++) {
        uint32_t step = matches.n > PLACES ? matches.n / PLACES : 1;
        for (uint32_t i = round % step; good && i < matches.n; i += step) {
            if (t->applied - before >= (round + 1) * PLACES || t->work_left <= 0) break;
            good = try_place(t, g, &matches.at[i], round);
        }
    }
    ncr_arena_free(scratch);
    return good;
}

static const struct ncr_graph *probe(struct ncr_arena *arena)
{
    struct ncr_sources *sources = ncr_sources_new(arena);
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, sources);
    uint32_t file = ncr_sources_add(sources, NCR_STR("probe"), ncr_str_of(probe_text));
    const struct ncr_graph *g = ncr_graph_read(arena, &diags, file);
    if (!g) NCR_BUG("the network for claims: %.*s", NCR_STR_ARG(diags.first->text));
    return g;
}

void ncr_mutation_claims_check(struct ncr_program *program, struct ncr_diags *diags)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) NCR_BUG("out of memory");
    struct trial t = {.program = program, .diags = diags, .work_left = LIMIT_CHECK_MACS};
    uint32_t n_nets = ncr_program_net_count(program), n = ncr_program_mutation_count(program);
    for (uint32_t m = 0; m < n; m++) {
        t.mutation = ncr_program_mutation(program, m);
        t.applied = 0;
        if (!ncr_program_owns_mutation(program, t.mutation) || t.mutation->wrong ||
            t.mutation->of_decisions || !ncr_inherit_exact(t.mutation->inherit))
            continue;
        bool good = true;
        for (uint32_t i = 0; good && i < n_nets; i++) {
            const struct ncr_graph *g = ncr_program_net(program, i)->graph;
            if (g && cost_of(g) <= LIMIT_NET_MACS && t.work_left > 0) good = try_net(&t, g);
        }
        if (good && t.applied == 0 && t.work_left > 0) good = try_net(&t, probe(arena));
        if (good && t.applied == 0)
            NCR_DIAG(diags, CLAIM_UNTESTED, t.mutation->inherit_span, NCR_STR_ARG(t.mutation->name),
                     t.work_left > 0 ? "there is no place where it applies"
                                     : "the work of a check is spent");
    }
    ncr_arena_free(arena);
}
