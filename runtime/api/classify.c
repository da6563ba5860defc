// Runs a network over a dataset and keeps the class of every image.
#include "runtime/api/classify.h"

#include <stdlib.h>

enum { BATCH = 64, LEVELS = 256, PROGRESS_EVERY = 16 };

enum ncr_status ncr_classify_fits(const struct ncr_graph *graph, const struct ncr_dataset *set,
                                  struct ncr_error *err)
{
    char a[48], b[48];
    if (graph->n_inputs != 1 || graph->n_outputs != 1)
        return ncr_fail(err, NCR_USAGE,
                        "net `%.*s` has %u input%s and %u output%s; to classify images it needs "
                        "one of each",
                        NCR_STR_ARG(graph->name), graph->n_inputs, graph->n_inputs == 1 ? "" : "s",
                        graph->n_outputs, graph->n_outputs == 1 ? "" : "s");
    const struct ncr_shape *in = &graph->nodes[graph->inputs[0]].shape;
    const struct ncr_shape *out = &graph->nodes[graph->outputs[0].node].shape;
    if (!ncr_shape_equal(in, &set->shape))
        return ncr_fail(err, NCR_USAGE, "the images are %s, but the input of net `%.*s` is %s",
                        ncr_shape_text(&set->shape, a), NCR_STR_ARG(graph->name),
                        ncr_shape_text(in, b));
    if (out->rank == 3 && (out->dim[1] != 1 || out->dim[2] != 1))
        return ncr_fail(err, NCR_USAGE,
                        "net `%.*s` gives %s; to classify images it needs a list of scores",
                        NCR_STR_ARG(graph->name), ncr_shape_text(out, a));
    if ((uint32_t)out->dim[0] < set->n_classes)
        return ncr_fail(err, NCR_USAGE,
                        "the images have %u classes, but net `%.*s` gives %d scores",
                        set->n_classes, NCR_STR_ARG(graph->name), out->dim[0]);
    return NCR_OK;
}

static uint32_t largest(const float *scores, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (scores[i] > scores[best]) best = i;
    return best;
}

// Progress after `done` images; NCR_INTERRUPTED where the job should end.
static enum ncr_status tick(const struct ncr_io *io, const char *job, uint64_t done, uint64_t total,
                            double start_s)
{
    if (io->progress && (done % PROGRESS_EVERY == 0 || done == total)) {
        struct ncr_progress step = {job, done, total, io->now_s(io->user) - start_s, NULL};
        io->progress(io->user, &step);
    }
    return ncr_io_stop(io) ? NCR_INTERRUPTED : NCR_OK;
}

static enum ncr_status classify_plain(const struct ncr_graph *graph,
                                      const struct ncr_weights *weights,
                                      const struct ncr_dataset *set, const struct ncr_io *io,
                                      uint32_t *classes, struct ncr_error *err)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    float **values = NCR_NEW_N(arena, float *, graph->n_nodes);
    float *input = NCR_NEW_N(arena, float, (size_t)ncr_shape_elements(&set->shape));
    struct ncr_arena_mark mark = ncr_arena_mark(arena);
    uint32_t output = graph->outputs[0].node;
    double start = io->now_s(io->user);
    enum ncr_status status = NCR_OK;
    for (uint64_t i = 0; i < set->n && status == NCR_OK; i++) {
        ncr_dataset_input(set, i, input);
        const float *inputs[1] = {input};
        ncr_eval_f32(arena, graph, weights, inputs, values);
        classes[i] = largest(values[output], (uint32_t)graph->nodes[output].shape.dim[0]);
        ncr_arena_reset(arena, mark);
        status = tick(io, "float", i + 1, set->n, start);
    }
    ncr_arena_free(arena);
    return status;
}

enum ncr_status ncr_classify_float(const struct ncr_graph *graph, const struct ncr_weights *weights,
                                   const struct ncr_trainer *trainer, uint32_t threads,
                                   const struct ncr_dataset *set, const struct ncr_io *io,
                                   uint32_t *classes, struct ncr_error *err)
{
    enum ncr_status status = ncr_classify_fits(graph, set, err);
    if (status != NCR_OK) return status;
    if (!trainer) return classify_plain(graph, weights, set, io, classes, err);
    size_t n_in = (size_t)ncr_shape_elements(&set->shape);
    size_t n_out = (size_t)graph->nodes[graph->outputs[0].node].shape.dim[0];
    float *inputs = calloc(BATCH, (n_in + n_out) * sizeof *inputs);
    if (!inputs) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory for a batch of images");
    float *scores = inputs + BATCH * n_in;
    double start = io->now_s(io->user);
    for (uint64_t i = 0; i < set->n && status == NCR_OK; i += BATCH) {
        // A full batch each time, so that the library prepares one shape only; what is past the end
        // are old images.
        uint64_t n = set->n - i < BATCH ? set->n - i : BATCH;
        for (uint64_t k = 0; k < n; k++)
            ncr_dataset_input(set, i + k, inputs + k * n_in);
        status = trainer->infer(graph, weights, inputs, BATCH, threads, scores, err);
        for (uint64_t k = 0; k < n && status == NCR_OK; k++)
            classes[i + k] = largest(scores + k * n_out, (uint32_t)n_out);
        if (status == NCR_OK) status = tick(io, "float", i + n, set->n, start);
    }
    free(inputs);
    return status;
}

// A pixel has 256 values: quantised once each, by the one definition.
static void quantise_levels(const struct ncr_dataset *set, const struct ncr_qnode *input,
                            int16_t table[4][LEVELS])
{
    uint8_t pixels[4 * LEVELS];
    float real[4 * LEVELS];
    int8_t stored[2 * LEVELS];
    struct ncr_dataset levels = *set;
    levels.n = 1;
    levels.shape = (struct ncr_shape){3, {set->shape.dim[0], 1, LEVELS}};
    levels.pixels = pixels;
    for (int i = 0; i < 4 * LEVELS; i++)
        pixels[i] = (uint8_t)(i % LEVELS);
    ncr_dataset_input(&levels, 0, real);
    struct ncr_qnode probe = *input;
    probe.shape = (struct ncr_shape){1, {LEVELS}};
    for (int32_t c = 0; c < set->shape.dim[0]; c++) {
        ncr_quantise_input(&probe, real + c * LEVELS, stored);
        for (int v = 0; v < LEVELS; v++)
            table[c][v] = (int16_t)ncr_qnode_element(input, stored, v);
    }
}

// Memory of runs of up to `batch` images, with their inputs and outputs one after the other.
struct runner {
    const struct ncr_plan *plan;
    const struct ncr_code *code;
    struct ncr_arena *arena;
    uint8_t *memory; // arena of the code, aligned
    uint32_t batch;
    size_t in_bytes, out_bytes; // of an image
    int8_t *in, *out, **values;
    int16_t levels[4][LEVELS]; // of each channel, the input for a pixel
};

static void run(struct runner *r, uint32_t n)
{
    const struct ncr_qgraph *qgraph = r->plan->qgraph;
    const int8_t *in[1] = {r->in};
    if (r->code) {
        int8_t *outs[1] = {r->out};
        ncr_code_run_some(r->code, ncr_code_blob(r->code), r->memory, in, outs, n);
        return;
    }
    struct ncr_arena_mark mark = ncr_arena_mark(r->arena);
    ncr_eval_int(r->arena, qgraph, in, r->values);
    memcpy(r->out, r->values[qgraph->outputs[0]], r->out_bytes);
    ncr_arena_reset(r->arena, mark);
}

// Image `image` of the set as image k of the run.
static void prepare(struct runner *r, const struct ncr_dataset *set, uint64_t image, uint32_t k)
{
    const struct ncr_qgraph *g = r->plan->qgraph;
    const struct ncr_qnode *input = &g->nodes[g->inputs[0]];
    size_t channels = (size_t)set->shape.dim[0];
    size_t area = (size_t)set->shape.dim[1] * (size_t)set->shape.dim[2];
    // The code takes channels innermost, the interpreter outermost.
    size_t pixel_step = r->code ? channels : 1, channel_step = r->code ? 1 : area;
    const uint8_t *pixels = set->pixels + (size_t)image * channels * area;
    for (size_t c = 0; c < channels; c++)
        for (size_t p = 0; p < area; p++)
            ncr_qnode_put(input, r->in + k * r->in_bytes,
                          (int64_t)(p * pixel_step + c * channel_step),
                          r->levels[c][pixels[c * area + p]]);
}

static enum ncr_status run_all(struct runner *r, const struct ncr_dataset *set,
                               const struct ncr_io *io, uint32_t *classes, int8_t *scores,
                               double *run_s)
{
    const struct ncr_qgraph *qgraph = r->plan->qgraph;
    const struct ncr_qnode *output = &qgraph->nodes[qgraph->outputs[0]];
    uint32_t n_out = (uint32_t)ncr_shape_elements(&output->shape);
    double start = io->now_s(io->user), inside = 0;
    enum ncr_status status = NCR_OK;
    for (uint64_t i = 0; i < set->n && status == NCR_OK; i += r->batch) {
        uint32_t n = set->n - i < r->batch ? (uint32_t)(set->n - i) : r->batch;
        for (uint32_t k = 0; k < n; k++)
            prepare(r, set, i + k, k);
        double before = run_s ? io->now_s(io->user) : 0;
        run(r, n);
        if (run_s) inside += io->now_s(io->user) - before;
        for (uint32_t k = 0; k < n; k++)
            classes[i + k] = ncr_argmax(output, r->out + k * r->out_bytes, n_out);
        if (scores) memcpy(scores + i * r->out_bytes, r->out, n * r->out_bytes);
        status = tick(io, r->code ? "run" : "interpret", i + n, set->n, start);
    }
    if (run_s) *run_s = inside;
    return status;
}

enum ncr_status ncr_classify_int(const struct ncr_plan *plan, const struct ncr_code *code,
                                 const struct ncr_dataset *set, const struct ncr_io *io,
                                 uint32_t *classes, int8_t *scores, double *run_s,
                                 struct ncr_error *err)
{
    enum ncr_status status = ncr_classify_fits(plan->qgraph->graph, set, err);
    if (status != NCR_OK) return status;
    const struct ncr_qgraph *g = plan->qgraph;
    const struct ncr_qnode *input = &g->nodes[g->inputs[0]], *output = &g->nodes[g->outputs[0]];
    struct runner r = {.plan = plan,
                       .code = code,
                       .arena = ncr_arena_new(0),
                       .batch = code ? plan->batch : 1,
                       .in_bytes = (size_t)ncr_qnode_bytes(input),
                       .out_bytes = (size_t)ncr_qnode_bytes(output)};
    // aligned_alloc wants a multiple of the alignment.
    size_t bytes = ((size_t)plan->arena_bytes / NCR_PLAN_ALIGN + 1) * NCR_PLAN_ALIGN;
    if (code) r.memory = aligned_alloc(NCR_PLAN_ALIGN, bytes);
    if (r.arena && (r.memory || !code)) {
        r.in = NCR_NEW_N(r.arena, int8_t, r.batch * r.in_bytes);
        r.out = NCR_NEW_N(r.arena, int8_t, r.batch * r.out_bytes);
        r.values = NCR_NEW_N(r.arena, int8_t *, g->n_nodes);
        quantise_levels(set, input, r.levels);
        status = run_all(&r, set, io, classes, scores, run_s);
    } else {
        status = ncr_fail(err, NCR_ENVIRONMENT, "out of memory for the network's %zu bytes", bytes);
    }
    free(r.memory);
    ncr_arena_free(r.arena);
    return status;
}

uint64_t ncr_classify_right(const struct ncr_dataset *set, const uint32_t *classes)
{
    uint64_t right = 0;
    for (uint64_t i = 0; i < set->n; i++)
        right += classes[i] == set->labels[i];
    return right;
}
