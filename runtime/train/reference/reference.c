// The reference backend: the operators of this folder, node after node, in double precision. One
// thread, no library.
#include "runtime/train/reference/reference.h"

#include <stdlib.h>

#include "runtime/train/loss.h"

struct work {
    double *y, *dy, *scratch;
    double *seen; // by those that read the output: y, or its rounded values
};

struct state {
    const struct ncr_train_plan *plan;
    struct ncr_arena *arena;
    uint32_t n; // images that the buffers below hold
    struct work *work;
    double **p, **dp; // parameters and their gradients in double
};

static const struct ncr_grad *const rules[] = {
#define NCR_OP_ROW(NAME, name, min_in, max_in, attrs, shape, params, macs, eval, quant, grad,      \
                   sites)                                                                          \
    &ncr_grad_##grad,
#include "compiler/ir/ops.def"
#undef NCR_OP_ROW
};

static void room(struct state *s, uint32_t n)
{
    if (n <= s->n) return;
    const struct ncr_graph *g = s->plan->graph;
    for (ncr_node_id id = 0; id < g->n_nodes; id++) {
        const struct ncr_node *node = &g->nodes[id];
        size_t all = (size_t)ncr_shape_elements(&node->shape) * n;
        s->work[id].y = s->work[id].seen = NCR_NEW_N(s->arena, double, all);
        if (ncr_train_rounded(s->plan, id)) s->work[id].seen = NCR_NEW_N(s->arena, double, all);
        s->work[id].dy = NCR_NEW_N(s->arena, double, all);
        s->work[id].scratch = NCR_NEW_N(s->arena, double, all + 2 * (size_t)node->shape.dim[0]);
    }
    s->n = n;
}

static void load_weights(struct state *s, const struct ncr_weights *weights)
{
    const struct ncr_graph *g = s->plan->graph;
    for (uint32_t p = 0; p < g->n_params; p++)
        for (int64_t i = 0; i < g->params[p].n; i++)
            s->p[p][i] = (double)weights->at[p][i];
}

enum { MOST_INPUTS = 64 };

struct bound {
    struct ncr_ref ref;
    const double *x[MOST_INPUTS];
    const struct ncr_shape *shapes[MOST_INPUTS];
    double *dx[MOST_INPUTS];
};

static void bind(struct state *s, struct bound *b, ncr_node_id id, uint32_t n)
{
    const struct ncr_graph *g = s->plan->graph;
    const struct ncr_node *node = &g->nodes[id];
    if (node->n_in > MOST_INPUTS) NCR_BUG("a node with %u inputs", node->n_in);
    for (uint32_t k = 0; k < node->n_in; k++) {
        b->x[k] = s->work[node->in[k]].seen;
        b->shapes[k] = &g->nodes[node->in[k]].shape;
        b->dx[k] = s->plan->grad[node->in[k]] ? s->work[node->in[k]].dy : NULL;
    }
    b->ref = (struct ncr_ref){.graph = g,
                              .node = node,
                              .id = id,
                              .n = n,
                              .x = b->x,
                              .in = b->shapes,
                              .y = s->work[id].y,
                              .p = (const double *const *)s->p,
                              .dy = s->work[id].dy,
                              .dx = b->dx,
                              .dp = s->dp,
                              .scratch = s->work[id].scratch};
}

static void round_output(struct state *s, ncr_node_id id, uint32_t n)
{
    const struct ncr_fake_tensor *t = ncr_train_rounded(s->plan, id);
    if (!t) return;
    const struct work *w = &s->work[id];
    int64_t all = ncr_shape_elements(&s->plan->graph->nodes[id].shape) * n;
    double *offset = s->plan->rounding->offsets ? s->plan->rounding->offsets[id] : NULL;
    if (offset && s->plan->rounding->hold) {
        for (int64_t i = 0; i < all; i++)
            w->seen[i] = w->y[i] + offset[i];
        return;
    }
    for (int64_t i = 0; i < all; i++)
        w->seen[i] = ncr_fake_round(t, w->y[i]);
    for (int64_t i = 0; offset && i < all; i++)
        offset[i] = w->seen[i] - w->y[i];
}

static void forward(struct state *s, const float *inputs, uint32_t n,
                    const struct ncr_train_step *step, ncr_node_id last)
{
    for (ncr_node_id id = 0; id <= last; id++) {
        if (!s->plan->live[id]) continue;
        struct bound b;
        bind(s, &b, id, n);
        if (b.ref.node->op == NCR_OP_INPUT) {
            for (int64_t i = 0; i < s->plan->input_elements * n; i++)
                b.ref.y[i] = (double)inputs[i];
            round_output(s, id, n);
            continue;
        }
        if (step) {
            b.ref.training = true;
            b.ref.dropout = step->dropout;
            b.ref.seed = step->seed;
            b.ref.number = step->number;
            b.ref.running = step->running ? step->weights : NULL;
        }
        rules[b.ref.node->op]->forward(&b.ref);
        round_output(s, id, n);
    }
}

static enum ncr_status step_one(void *state, struct ncr_train_step *step, struct ncr_error *err)
{
    (void)err;
    struct state *s = state;
    const struct ncr_graph *g = s->plan->graph;
    room(s, step->n);
    load_weights(s, step->weights);
    forward(s, step->inputs, step->n, step, s->plan->scores);
    for (ncr_node_id id = 0; id < g->n_nodes; id++)
        memset(s->work[id].dy, 0,
               (size_t)ncr_shape_elements(&g->nodes[id].shape) * step->n * sizeof(double));
    for (uint32_t p = 0; p < g->n_params; p++)
        memset(s->dp[p], 0, (size_t)g->params[p].n * sizeof(double));
    struct work *top = &s->work[s->plan->scores];
    step->loss = ncr_train_loss(top->seen, step->labels, step->n, s->plan->classes,
                                step->label_smoothing, top->dy, &step->correct);
    for (ncr_node_id id = s->plan->scores + 1; id-- > 0;) {
        if (!s->plan->live[id] || !s->plan->grad[id] || !rules[g->nodes[id].op]->backward) continue;
        struct bound b;
        bind(s, &b, id, step->n);
        b.ref.training = true;
        b.ref.dropout = step->dropout;
        b.ref.seed = step->seed;
        b.ref.number = step->number;
        rules[g->nodes[id].op]->backward(&b.ref);
    }
    for (uint32_t p = 0; p < g->n_params; p++)
        if (ncr_param_is_trained(g->params[p].role))
            for (int64_t i = 0; i < g->params[p].n; i++)
                step->grads->at[p][i] = (float)s->dp[p][i];
    return NCR_OK;
}

static enum ncr_status infer(void *state, const struct ncr_weights *weights, const float *inputs,
                             uint32_t n, float *output, struct ncr_error *err)
{
    (void)err;
    struct state *s = state;
    room(s, n);
    load_weights(s, weights);
    forward(s, inputs, n, NULL, s->plan->output);
    for (size_t i = 0; i < (size_t)n * s->plan->classes; i++)
        output[i] = (float)s->work[s->plan->output].seen[i];
    return NCR_OK;
}

static enum ncr_status open_state(const struct ncr_train_plan *plan, uint32_t threads,
                                  const struct ncr_io *io, void **state, struct ncr_error *err)
{
    (void)threads, (void)io; // one thread, whatever is asked for: the result does not depend on it
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    struct state *s = NCR_NEW(arena, struct state);
    const struct ncr_graph *g = plan->graph;
    *s = (struct state){.plan = plan, .arena = arena};
    s->work = NCR_NEW_N(arena, struct work, g->n_nodes);
    s->p = NCR_NEW_N(arena, double *, g->n_params);
    s->dp = NCR_NEW_N(arena, double *, g->n_params);
    for (uint32_t p = 0; p < g->n_params; p++) {
        s->p[p] = NCR_NEW_N(arena, double, (size_t)g->params[p].n);
        s->dp[p] = NCR_NEW_N(arena, double, (size_t)g->params[p].n);
    }
    *state = s;
    return NCR_OK;
}

static void close_state(void *state)
{
    ncr_arena_free(((struct state *)state)->arena);
}

static double seconds(const void *state)
{
    (void)state;
    return 0; // there is no library below
}

static const struct ncr_train_backend backend = {"reference", open_state, step_one,
                                                 infer,       seconds,    close_state};

static enum ncr_status train(const struct ncr_train_job *job, struct ncr_train_result *result,
                             struct ncr_error *err)
{
    return ncr_train_loop(&backend, job, result, err);
}

static enum ncr_status gradients(const struct ncr_graph *graph, const struct ncr_weights *weights,
                                 const float *inputs, const uint8_t *labels, uint32_t n,
                                 double label_smoothing, const struct ncr_train_rounding *rounding,
                                 struct ncr_weights *grads, double *loss, struct ncr_error *err)
{
    return ncr_train_gradients(&backend, graph, weights, inputs, labels, n, label_smoothing,
                               rounding, grads, loss, err);
}

static enum ncr_status scores(const struct ncr_graph *graph, const struct ncr_weights *weights,
                              const float *inputs, uint32_t n, uint32_t threads, float *out,
                              struct ncr_error *err)
{
    return ncr_train_infer(&backend, graph, weights, inputs, n, threads, out, err);
}

const struct ncr_trainer ncr_trainer_reference = {"reference", train, gradients, scores};
