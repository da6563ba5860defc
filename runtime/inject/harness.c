// Golden run, faulty run on the suffix, outcome.
#include "runtime/inject/harness.h"

#include "runtime/inject/stats.h"

const char *ncr_outcome_name(enum ncr_outcome outcome)
{
    static const char *const names[NCR_OUTCOMES_] = {"masked", "benign", "SDC", "DUE"};
    return names[outcome];
}

struct ncr_harness *ncr_harness_new(struct ncr_arena *arena, const struct ncr_executor *executor)
{
    const struct ncr_qgraph *g = executor->qgraph;
    struct ncr_harness *h = NCR_NEW(arena, struct ncr_harness);
    h->executor = executor;
    h->step_of = NCR_NEW_N(arena, uint32_t, g->n_nodes);
    h->last_use = NCR_NEW_N(arena, uint32_t, g->n_nodes);
    h->out_offset = NCR_NEW_N(arena, uint32_t, g->n_outputs);
    for (uint32_t s = 0; s < executor->n_steps; s++) {
        const struct ncr_qnode *n = &g->nodes[executor->steps[s]];
        h->step_of[executor->steps[s]] = s;
        for (uint32_t i = 0; i < n->n_in; i++)
            h->last_use[n->in[i]] = s; // steps ascend
    }
    for (uint32_t o = 0; o < g->n_outputs; o++) {
        h->out_offset[o] = h->output_bytes;
        h->output_bytes += (uint32_t)ncr_qnode_bytes(&g->nodes[g->outputs[o]]);
    }
    const struct ncr_qnode *decider = &g->nodes[g->outputs[0]];
    h->n_classes = (uint32_t)ncr_shape_elements(&decider->shape);
    h->is_softmax = decider->op == NCR_QOP_SOFTMAX;
    int differences = 1 << ncr_site_width(decider, NCR_SITES_ACTIVATION);
    h->exps = NCR_NEW_N(arena, double, (size_t)differences);
    for (int d = 0; d < differences; d++)
        h->exps[d] = 1 + ncr_stats_expm1(-decider->scale * d);
    return h;
}

struct ncr_runner *ncr_runner_new(struct ncr_arena *arena, const struct ncr_harness *harness)
{
    const struct ncr_executor *x = harness->executor;
    struct ncr_runner *r = NCR_NEW(arena, struct ncr_runner);
    r->harness = harness;
    r->tensors = ncr_executor_block(arena, x->arena_bytes);
    r->constants = x->ops->constants(x, arena);
    r->holds = NCR_NEW_N(arena, uint64_t, x->qgraph->n_nodes);
    r->first = NCR_NEW_N(arena, uint32_t, x->n_steps);
    r->count = NCR_NEW_N(arena, uint32_t, x->n_steps);
    r->dirty = NCR_NEW_N(arena, bool, x->qgraph->n_nodes);
    r->patched = NCR_NEW_N(arena, bool, x->qgraph->n_nodes);
    r->outputs = NCR_NEW_N(arena, int8_t, harness->output_bytes);
    return r;
}

// ---- golden ----
size_t ncr_golden_bytes(const struct ncr_harness *harness)
{
    return harness->executor->arena_bytes + harness->output_bytes + NCR_ARENA_ALIGN;
}

void ncr_golden_alloc(struct ncr_arena *arena, const struct ncr_harness *harness,
                      struct ncr_golden *out)
{
    *out = (struct ncr_golden){.tensors = ncr_executor_block(arena, harness->executor->arena_bytes),
                               .outputs = NCR_NEW_N(arena, int8_t, harness->output_bytes)};
}

static void read_outputs(const struct ncr_harness *h, const uint8_t *tensors, int8_t *out)
{
    const struct ncr_executor *x = h->executor;
    for (uint32_t o = 0; o < x->qgraph->n_outputs; o++)
        x->ops->read(x, tensors, x->qgraph->outputs[o], out + h->out_offset[o]);
}

void ncr_golden_run(struct ncr_runner *runner, const int8_t *input, struct ncr_golden *out)
{
    const struct ncr_harness *h = runner->harness;
    const struct ncr_executor *x = h->executor;
    x->ops->load_input(x, runner->constants, out->tensors, input);
    for (uint32_t s = 0; s < x->n_steps; s++)
        if (x->qgraph->nodes[x->steps[s]].op != NCR_QOP_INPUT)
            x->ops->step(x, s, runner->constants, out->tensors);
    read_outputs(h, out->tensors, out->outputs);
    ncr_golden_judge(h, out);
}

// The node whose output is the decision.
static const struct ncr_qnode *decider_of(const struct ncr_harness *harness)
{
    const struct ncr_qgraph *g = harness->executor->qgraph;
    return &g->nodes[g->outputs[0]];
}

double ncr_confidence(const struct ncr_harness *harness, const int8_t *outputs, uint32_t top)
{
    const struct ncr_qnode *decider = decider_of(harness);
    int32_t most = ncr_qnode_element(decider, outputs, top);
    if (harness->is_softmax) return decider->scale * (most - decider->zero_point);
    double sum = 0;
    for (uint32_t c = 0; c < harness->n_classes; c++)
        sum += harness->exps[most - ncr_qnode_element(decider, outputs, c)];
    return 1 / sum;
}

void ncr_golden_judge(const struct ncr_harness *harness, struct ncr_golden *golden)
{
    golden->top = ncr_argmax(decider_of(harness), golden->outputs, harness->n_classes);
    golden->confidence = ncr_confidence(harness, golden->outputs, golden->top);
    golden->hash = ncr_hash_bytes(golden->outputs, harness->output_bytes);
}

// ---- constants ----
// Strikes constants, or takes the strikes back. Flips of one element stand together; each starts
// from what the one before left.
static void patch(struct ncr_runner *r, const struct ncr_flip *flips, uint32_t n, bool strike)
{
    const struct ncr_executor *x = r->harness->executor;
    for (uint32_t k = 0; k < n;) {
        const struct ncr_flip *f = &flips[k];
        if (f->site == NCR_SITES_ACTIVATION) {
            k++;
            continue;
        }
        const struct ncr_qnode *node = &x->qgraph->nodes[f->node];
        bool weight = f->site == NCR_SITES_WEIGHT;
        int32_t good = weight ? node->weights[f->element] : node->bias[f->element], bad = good;
        for (; k < n && flips[k].node == f->node && flips[k].site == f->site &&
               flips[k].element == f->element;
             k++)
            bad = ncr_flip_apply(&flips[k], ncr_site_width(node, f->site), bad);
        if (weight)
            x->ops->patch_weight(x, r->constants, f->node, f->element,
                                 (int8_t)(strike ? bad : good));
        else
            x->ops->patch_bias(x, r->constants, f->node, f->element, strike ? good : bad,
                               strike ? bad : good);
        r->patched[f->node] = strike;
    }
}

void ncr_runner_patch(struct ncr_runner *runner, const struct ncr_flip *flips, uint32_t n)
{
    patch(runner, flips, n, true);
}

void ncr_runner_restore(struct ncr_runner *runner, const struct ncr_flip *flips, uint32_t n)
{
    patch(runner, flips, n, false);
}

// ---- faulty run ----
// Makes sure that the golden tensor of the input lies in the arena.
static void ensure(struct ncr_runner *r, const struct ncr_golden *golden, uint64_t id, uint32_t q)
{
    if (r->holds[q] == id) return;
    const struct ncr_tensor_span *t = &r->harness->executor->tensors[q];
    memcpy(r->tensors + t->offset, golden->tensors + t->offset, t->bytes);
    r->holds[q] = id;
}

void ncr_judge(const struct ncr_harness *harness, const struct ncr_golden *golden,
               const int8_t *outputs, struct ncr_judged *out)
{
    if (memcmp(outputs, golden->outputs, harness->output_bytes) == 0) {
        *out = (struct ncr_judged){.outcome = NCR_MASKED, .top = golden->top, .hash = golden->hash};
        return;
    }
    *out = (struct ncr_judged){.outcome = NCR_BENIGN,
                               .top = ncr_argmax(decider_of(harness), outputs, harness->n_classes),
                               .hash = ncr_hash_bytes(outputs, harness->output_bytes)};
    double moved = ncr_confidence(harness, outputs, out->top) - golden->confidence;
    if (moved < 0) moved = -moved;
    out->sdc10 = moved > 0.1 * golden->confidence;
    out->sdc20 = moved > 0.2 * golden->confidence;
    if (out->top == golden->top) return;
    out->outcome = NCR_SDC;
    uint32_t above = 0; // golden elements that rank before the faulty decision
    const struct ncr_qnode *decider = decider_of(harness);
    int32_t v = ncr_qnode_element(decider, golden->outputs, out->top);
    for (uint32_t c = 0; c < harness->n_classes; c++) {
        int32_t w = ncr_qnode_element(decider, golden->outputs, c);
        above += w > v || (w == v && c < out->top);
    }
    out->sdc5 = above >= 5;
}

void ncr_runner_run(struct ncr_runner *runner, const struct ncr_golden *golden, uint64_t input_id,
                    const struct ncr_flip *flips, uint32_t n, struct ncr_judged *out)
{
    const struct ncr_harness *h = runner->harness;
    const struct ncr_executor *x = h->executor;
    uint32_t first = x->n_steps, last = 0; // struck steps
    for (uint32_t k = 0; k < n; k++) {
        uint32_t s = h->step_of[flips[k].node];
        if (s < first) first = s;
        if (s > last) last = s;
        if (flips[k].site != NCR_SITES_ACTIVATION) continue;
        if (runner->count[s]++ == 0) runner->first[s] = k;
    }
    uint32_t horizon = last, s = first; // the last step that can still see a difference
    for (; s < x->n_steps && s <= horizon; s++) {
        uint32_t q = x->steps[s];
        const struct ncr_qnode *node = &x->qgraph->nodes[q];
        bool run = runner->patched[q];
        for (uint32_t i = 0; i < node->n_in && !run; i++)
            run = runner->dirty[node->in[i]];
        if (!run && !runner->count[s]) continue;
        if (run) {
            for (uint32_t i = 0; i < node->n_in; i++)
                if (!runner->dirty[node->in[i]]) ensure(runner, golden, input_id, node->in[i]);
            x->ops->step(x, s, runner->constants, runner->tensors);
            runner->steps_run++;
        } else {
            ensure(runner, golden, input_id, q);
        }
        for (uint32_t k = runner->first[s], left = runner->count[s]; left; k++, left--) {
            int32_t v = x->ops->load(x, runner->tensors, q, flips[k].element);
            x->ops->store(x, runner->tensors, q, flips[k].element,
                          ncr_flip_apply(&flips[k], ncr_site_width(node, NCR_SITES_ACTIVATION), v));
        }
        runner->count[s] = 0;
        const struct ncr_tensor_span *t = &x->tensors[q];
        if (memcmp(runner->tensors + t->offset, golden->tensors + t->offset, t->bytes) == 0) {
            runner->holds[q] = input_id;
            continue;
        }
        runner->dirty[q] = true;
        runner->holds[q] = 0;
        if (h->last_use[q] > horizon) horizon = h->last_use[q];
    }

    bool differs = false;
    for (uint32_t o = 0; o < x->qgraph->n_outputs; o++)
        differs |= runner->dirty[x->qgraph->outputs[o]];
    if (differs) {
        for (uint32_t o = 0; o < x->qgraph->n_outputs; o++)
            if (!runner->dirty[x->qgraph->outputs[o]])
                ensure(runner, golden, input_id, x->qgraph->outputs[o]);
        read_outputs(h, runner->tensors, runner->outputs);
        ncr_judge(h, golden, runner->outputs, out);
    } else {
        *out = (struct ncr_judged){.outcome = NCR_MASKED, .top = golden->top, .hash = golden->hash};
    }
    while (s-- > first)
        runner->dirty[x->steps[s]] = false;
}

// ---- oracle ----
void ncr_dense_run(struct ncr_arena *arena, struct ncr_qgraph *graph, const int8_t *input,
                   const struct ncr_flip *flips, uint32_t n, int8_t **values)
{
    int32_t *undo = NCR_NEW_N(arena, int32_t, n);
    for (uint32_t k = 0; k < n; k++) {
        const struct ncr_flip *f = &flips[k];
        struct ncr_qnode *node = &graph->nodes[f->node];
        if (f->site == NCR_SITES_WEIGHT) {
            undo[k] = node->weights[f->element];
            node->weights[f->element] =
                (int8_t)ncr_flip_apply(f, ncr_site_width(node, f->site), undo[k]);
        } else if (f->site == NCR_SITES_BIAS) {
            undo[k] = node->bias[f->element];
            node->bias[f->element] = ncr_flip_apply(f, 32, undo[k]);
        }
    }
    for (uint32_t q = 0; q < graph->n_nodes; q++) {
        const struct ncr_qnode *node = &graph->nodes[q];
        size_t size = (size_t)ncr_qnode_bytes(node);
        values[q] = NCR_NEW_N(arena, int8_t, size);
        if (node->op == NCR_QOP_INPUT) {
            memcpy(values[q], input, size);
        } else {
            const int8_t **in = NCR_NEW_N(arena, const int8_t *, node->n_in);
            for (uint32_t i = 0; i < node->n_in; i++)
                in[i] = values[node->in[i]];
            ncr_eval_int_node(graph, q, in, values[q]);
        }
        for (uint32_t k = 0; k < n; k++)
            if (flips[k].site == NCR_SITES_ACTIVATION && flips[k].node == q)
                ncr_qnode_put(node, values[q], flips[k].element,
                              ncr_flip_apply(&flips[k], ncr_site_width(node, NCR_SITES_ACTIVATION),
                                             ncr_qnode_element(node, values[q], flips[k].element)));
    }
    for (uint32_t k = n; k-- > 0;) {
        struct ncr_qnode *node = &graph->nodes[flips[k].node];
        if (flips[k].site == NCR_SITES_WEIGHT)
            node->weights[flips[k].element] = (int8_t)undo[k];
        else if (flips[k].site == NCR_SITES_BIAS)
            node->bias[flips[k].element] = undo[k];
    }
}

void ncr_dense_outputs(const struct ncr_harness *harness, int8_t *const *values, int8_t *outputs)
{
    const struct ncr_qgraph *g = harness->executor->qgraph;
    for (uint32_t o = 0; o < g->n_outputs; o++)
        memcpy(outputs + harness->out_offset[o], values[g->outputs[o]],
               (size_t)ncr_qnode_bytes(&g->nodes[g->outputs[o]]));
}
