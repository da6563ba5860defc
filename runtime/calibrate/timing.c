// GRAPH to the times of its emitted operators.
#include "runtime/calibrate/timing.h"

#include <stdlib.h>

#include "lang/base/rng.h"

static const double least_s = 20e-6;
enum { WARM_INPUTS = 4, ROUNDS_LIMIT = 101 };

static struct ncr_qgraph *quantised(struct ncr_arena *arena, struct ncr_diags *diags,
                                    const struct ncr_graph *graph,
                                    const struct ncr_quant_spec *spec)
{
    struct ncr_weights *weights = ncr_weights_new(arena, graph);
    ncr_weights_init(weights, graph, 1);
    struct ncr_calibrator *calibrator = ncr_calibrator_new(arena, graph, weights, spec);
    const float **inputs = NCR_NEW_N(arena, const float *, graph->n_inputs);
    for (uint32_t k = 0; k < WARM_INPUTS; k++) {
        struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_SAMPLE, k);
        for (uint32_t i = 0; i < graph->n_inputs; i++) {
            int64_t n = ncr_shape_elements(&graph->nodes[graph->inputs[i]].shape);
            float *values = NCR_NEW_N(arena, float, (size_t)n);
            for (int64_t e = 0; e < n; e++)
                values[e] = (float)ncr_rng_normal(&rng);
            inputs[i] = values;
        }
        ncr_calibrator_feed(calibrator, inputs);
    }
    return ncr_qgraph_build(arena, diags, graph, spec, weights, ncr_calibrator_finish(calibrator));
}

// What is timed: one step, or with step = n_steps the whole.
struct subject {
    const struct ncr_code *code;
    const uint8_t *blob;
    uint8_t *memory;
    const int8_t *const *in;
    int8_t *const *out;
    uint32_t step;
    bool whole;
};

static double run(const struct ncr_io *io, const struct subject *s, uint64_t times)
{
    double start = io->now_s(io->user);
    for (uint64_t i = 0; i < times; i++) {
        if (s->whole)
            ncr_code_run(s->code, s->blob, s->memory, s->in, s->out);
        else
            ncr_code_step(s->code, s->step, s->blob, s->memory);
    }
    return io->now_s(io->user) - start;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_time(const struct ncr_io *io, const struct subject *s, uint32_t rounds)
{
    double times[ROUNDS_LIMIT];
    uint64_t repeat = 1;
    run(io, s, 1); // brings code and operands into the caches
    while (run(io, s, repeat) < least_s && repeat < UINT64_C(1) << 30)
        repeat *= 2;
    for (uint32_t r = 0; r < rounds; r++)
        times[r] = run(io, s, repeat) / (double)repeat;
    qsort(times, rounds, sizeof *times, compare);
    return times[rounds / 2];
}

static int8_t **tensors(struct ncr_arena *arena, const struct ncr_qgraph *q, const uint32_t *ids,
                        uint32_t n)
{
    int8_t **at = NCR_NEW_N(arena, int8_t *, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct ncr_qnode *node = &q->nodes[ids[i]];
        int64_t elements = ncr_shape_elements(&node->shape);
        at[i] = NCR_NEW_N(arena, int8_t, (size_t)ncr_qnode_bytes(node));
        for (int64_t e = 0; e < elements; e++)
            ncr_qnode_put(node, at[i], e, (int32_t)(e * 7 % 251 - 125));
    }
    return at;
}

enum ncr_status ncr_timing_code(struct ncr_arena *arena, const struct ncr_io *io,
                                const struct ncr_plan *plan, const struct ncr_code *code,
                                uint32_t rounds, struct ncr_timing *out, struct ncr_error *err)
{
    if (rounds < 1 || rounds > ROUNDS_LIMIT) NCR_BUG("%u rounds", rounds);
    const struct ncr_qgraph *q = plan->qgraph;
    enum ncr_status status = NCR_OK;
    uint8_t *memory = aligned_alloc(NCR_PLAN_ALIGN, plan->arena_bytes ? plan->arena_bytes : 64);
    if (!memory)
        return ncr_fail(err, NCR_ENVIRONMENT, "out of memory for an arena of %llu bytes",
                        (unsigned long long)plan->arena_bytes);
    memset(memory, 0, plan->arena_bytes);
    int8_t **in = tensors(arena, q, q->inputs, q->n_inputs),
           **result = tensors(arena, q, q->outputs, q->n_outputs);
    struct subject subject = {.code = code,
                              .blob = ncr_code_blob(code),
                              .memory = memory,
                              .in = (const int8_t *const *)in,
                              .out = result};
    *out = (struct ncr_timing){.plan = plan,
                               .step_s = NCR_NEW_N(arena, double, plan->n_steps),
                               .family = ncr_code_family(code)};
    subject.whole = true;
    out->whole_s = median_time(io, &subject, rounds);
    subject.whole = false;
    for (uint32_t s = 0; s < plan->n_steps && status == NCR_OK; s++) {
        if (ncr_io_stop(io)) status = ncr_fail(err, NCR_INTERRUPTED, "stopped");
        if (q->nodes[plan->steps[s]].op == NCR_QOP_INPUT) continue;
        subject.step = s;
        out->step_s[s] = median_time(io, &subject, rounds);
    }
    free(memory);
    return status;
}

enum ncr_status ncr_timing_of(struct ncr_arena *arena, struct ncr_diags *diags,
                              const struct ncr_io *io, const struct ncr_graph *graph,
                              const struct ncr_quant_spec *spec, uint32_t rounds,
                              struct ncr_timing *out, struct ncr_error *err)
{
    struct ncr_qgraph *q = quantised(arena, diags, graph, spec);
    if (!q) return NCR_DIAGNOSED;
    // Separate: each operator stands alone, none is fused into another.
    struct ncr_plan *plan = ncr_plan_build(arena, q, NCR_PLAN_SEPARATE);
    struct ncr_code_options options = {0};
    struct ncr_code *code = NULL;
    enum ncr_status status = ncr_code_jit(plan, &options, &code, err);
    if (status == NCR_OK) status = ncr_timing_code(arena, io, plan, code, rounds, out, err);
    ncr_code_free(code);
    return status;
}
