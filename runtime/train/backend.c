// What all trainers share below the loop: dropout masks, running statistics, and the two entry
// points that need no loop.
#include "runtime/train/backend.h"

#include "lang/base/rng.h"

void ncr_train_dropout(uint64_t seed, uint64_t number, ncr_node_id node, float rate, int64_t first,
                       float *mask, int64_t n)
{
    struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_DROPOUT, number << 24 ^ node);
    double bound = (double)rate * 0x1p32;
    float keep = rate < 1 ? 1 / (1 - rate) : 0;
    rng.counter = (uint64_t)first / 4; // blocks of four draws
    for (int64_t skip = first % 4; skip > 0; skip--)
        ncr_rng_u32(&rng);
    for (int64_t i = 0; i < n; i++)
        mask[i] = (double)ncr_rng_u32(&rng) >= bound ? keep : 0;
}

void ncr_train_running(struct ncr_weights *weights, const struct ncr_graph *graph,
                       const struct ncr_node *node, const double *mean, const double *var,
                       int64_t count)
{
    if (count < 2) return;
    float *to_mean = weights->at[ncr_node_param(graph, node, NCR_PARAM_MEAN)];
    float *to_var = weights->at[ncr_node_param(graph, node, NCR_PARAM_VAR)];
    double m = (double)node->attrs.momentum, unbias = (double)count / (double)(count - 1);
    for (int64_t c = 0; c < ncr_shape_channels(&node->shape); c++) {
        to_mean[c] = (float)((1 - m) * (double)to_mean[c] + m * mean[c]);
        to_var[c] = (float)((1 - m) * (double)to_var[c] + m * var[c] * unbias);
    }
}

enum ncr_status ncr_train_gradients(const struct ncr_train_backend *backend,
                                    const struct ncr_graph *graph,
                                    const struct ncr_weights *weights, const float *inputs,
                                    const uint8_t *labels, uint32_t n, double label_smoothing,
                                    const struct ncr_train_rounding *rounding,
                                    struct ncr_weights *grads, double *loss, struct ncr_error *err)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    struct ncr_train_plan plan;
    void *state = NULL;
    enum ncr_status status = ncr_train_plan_make(arena, graph, &plan, err);
    if (status == NCR_OK) status = ncr_train_plan_trainable(&plan, err);
    plan.rounding = rounding;
    for (uint32_t i = 0; status == NCR_OK && i < n; i++)
        if (labels[i] >= plan.classes)
            status = ncr_fail(err, NCR_USAGE, "label %u of image %u, the net has %u classes",
                              labels[i], i, plan.classes);
    if (status == NCR_OK) status = backend->open(&plan, 1, NULL, &state, err);
    if (status == NCR_OK) {
        for (uint32_t p = 0; p < graph->n_params; p++)
            memset(grads->at[p], 0, (size_t)graph->params[p].n * sizeof(float));
        // The step writes weights only where it updates running statistics, which it is told not to
        // do.
        struct ncr_weights same = *weights;
        struct ncr_train_step step = {.weights = &same,
                                      .inputs = inputs,
                                      .labels = labels,
                                      .n = n,
                                      .label_smoothing = label_smoothing,
                                      .grads = grads};
        status = backend->step(state, &step, err);
        *loss = step.loss;
        backend->close(state);
    }
    ncr_arena_free(arena);
    return status;
}

// Images a pass such that a pass needs about 64 MiB for its tensors.
static uint32_t infer_chunk(const struct ncr_graph *graph, uint32_t n)
{
    int64_t elements = 1;
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        elements += ncr_shape_elements(&graph->nodes[i].shape);
    int64_t chunk = ncr_min_i64(256, ((int64_t)16 << 20) / elements);
    return (uint32_t)ncr_max_i64(1, ncr_min_i64(chunk, n));
}

enum ncr_status ncr_train_infer(const struct ncr_train_backend *backend,
                                const struct ncr_graph *graph, const struct ncr_weights *weights,
                                const float *inputs, uint32_t n, uint32_t threads, float *scores,
                                struct ncr_error *err)
{
    if (n == 0) return NCR_OK;
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    struct ncr_train_plan plan;
    void *state = NULL;
    enum ncr_status status = ncr_train_plan_make(arena, graph, &plan, err);
    if (status == NCR_OK) status = backend->open(&plan, threads, NULL, &state, err);
    if (status == NCR_OK) {
        uint32_t chunk = infer_chunk(graph, n);
        for (uint32_t at = 0; at < n && status == NCR_OK; at += chunk)
            status = backend->infer(
                state, weights, inputs + (size_t)at * (size_t)plan.input_elements,
                n - at < chunk ? n - at : chunk, scores + (size_t)at * plan.classes, err);
        backend->close(state);
    }
    ncr_arena_free(arena);
    return status;
}
