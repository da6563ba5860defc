// The training loop over a backend: order, augmentation, optimiser, schedule, checkpoints,
// progress. Everything random is keyed by (seed, epoch or step, image), so a resumed run does what
// the unbroken one would have done.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lang/base/rng.h"
#include "runtime/train/backend.h"
#include "runtime/train/checkpoint.h"
#include "runtime/train/loss.h"
#include "runtime/train/numbers.h"
#include "runtime/train/quantised.h"

struct loop {
    const struct ncr_train_backend *backend;
    const struct ncr_train_job *job;
    struct ncr_arena *arena;
    struct ncr_train_plan plan;
    void *state;
    struct ncr_train_state at;
    struct ncr_weights *grads;
    struct ncr_train_quant quant; // with spec->quant
    uint64_t steps_per_epoch, total_steps;
    double decay[2]; // Adam's β1 and β2 to the power `decays`, by one product a step
    uint64_t decays;
    uint32_t *order; // of the current epoch
    float *inputs;   // [batch, …]
    uint8_t *labels;
    double start_s;
};

static double now(const struct loop *l)
{
    return l->job->io->now_s(l->job->io->user);
}

// Fisher-Yates from the stream of the epoch.
static void shuffle(struct loop *l, uint64_t epoch)
{
    uint64_t n = l->job->train->n;
    struct ncr_rng rng = ncr_rng_at(l->job->spec->seed, NCR_RNG_SHUFFLE, epoch);
    for (uint64_t i = 0; i < n; i++)
        l->order[i] = (uint32_t)i;
    for (uint64_t i = n; i > 1; i--) {
        uint64_t k = ncr_rng_below(&rng, i);
        uint32_t t = l->order[i - 1];
        l->order[i - 1] = l->order[k];
        l->order[k] = t;
    }
}

// Shift by up to `shift` pixels each way (what enters is the mean colour, zero after normalisation)
// and mirror.
static void augment(const struct loop *l, uint64_t epoch, uint64_t image, float *x)
{
    const struct ncr_train_spec *s = l->job->spec;
    const struct ncr_shape *shape = &l->job->train->shape;
    if (!s->augment_shift && !s->augment_flip) return;
    struct ncr_rng rng = ncr_rng_at(s->seed, NCR_RNG_AUGMENT, epoch << 32 | image);
    int32_t span = 2 * (int32_t)s->augment_shift + 1, H = shape->dim[1], W = shape->dim[2];
    int32_t dy = (int32_t)ncr_rng_below(&rng, (uint64_t)span) - (int32_t)s->augment_shift;
    int32_t dx = (int32_t)ncr_rng_below(&rng, (uint64_t)span) - (int32_t)s->augment_shift;
    bool flip = s->augment_flip && ncr_rng_below(&rng, 2);
    if (dy == 0 && dx == 0 && !flip) return;
    struct ncr_arena_mark mark = ncr_arena_mark(l->arena);
    float *plane = NCR_NEW_N(l->arena, float, (size_t)H *(size_t)W);
    for (int32_t c = 0; c < shape->dim[0]; c++, x += H * W) {
        memcpy(plane, x, (size_t)H * (size_t)W * sizeof(float));
        for (int32_t i = 0; i < H; i++)
            for (int32_t j = 0; j < W; j++) {
                int32_t fy = i - dy, fx = (flip ? W - 1 - j : j) - dx;
                x[i * W + j] = fy < 0 || fy >= H || fx < 0 || fx >= W ? 0 : plane[fy * W + fx];
            }
    }
    ncr_arena_reset(l->arena, mark);
}

static uint32_t fill_batch(struct loop *l, uint64_t epoch, uint64_t step)
{
    uint64_t first = step * l->job->spec->batch, n = l->job->train->n - first;
    if (n > l->job->spec->batch) n = l->job->spec->batch;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t image = l->order[first + i];
        float *x = l->inputs + (size_t)i * (size_t)l->plan.input_elements;
        ncr_dataset_input(l->job->train, image, x);
        augment(l, epoch, image, x);
        l->labels[i] = l->job->train->labels[image];
    }
    return (uint32_t)n;
}

// constant; step: lr · factor^(epoch / every); cosine: lr · (1 + cos(pi · step / steps)) / 2
// (Loshchilov and Hutter, ICLR 2017).
static double rate_at(const struct loop *l, uint64_t step)
{
    const struct ncr_train_spec *s = l->job->spec;
    switch (s->schedule) {
    case NCR_SCHEDULE_CONSTANT: return s->lr;
    case NCR_SCHEDULE_STEP: {
        double lr = s->lr;
        for (uint64_t k = s->step_epochs; s->step_epochs && k <= step / l->steps_per_epoch;
             k += s->step_epochs)
            lr *= s->step_factor;
        return lr;
    }
    case NCR_SCHEDULE_COSINE:
        return s->lr * (1 + ncr_train_cospi((double)step / (double)l->total_steps)) / 2;
    }
    NCR_BUG("schedule %d", (int)s->schedule);
}

// SGD with momentum as PyTorch has it: v = m·v + g, w -= lr·v, g including weight decay on weight
// tensors only (biases and batchnorm are left alone). Adam: Kingma and Ba, ICLR 2015, algorithm 1,
// decay added to the gradient likewise.
static void update(struct loop *l, double lr)
{
    const struct ncr_train_spec *s = l->job->spec;
    const struct ncr_graph *g = l->job->graph;
    for (; s->optimizer == NCR_OPT_ADAM && l->decays <= l->at.step; l->decays++)
        l->decay[0] *= s->beta1, l->decay[1] *= s->beta2;
    for (uint32_t p = 0; p < g->n_params; p++) {
        if (!ncr_param_is_trained(g->params[p].role)) continue;
        double decay = g->params[p].role == NCR_PARAM_WEIGHT ? s->weight_decay : 0;
        float *w = l->at.weights->at[p], *a = l->at.slots[0][p],
              *b = l->at.slots[1] ? l->at.slots[1][p] : NULL;
        const float *grad = l->grads->at[p];
        for (int64_t i = 0; i < g->params[p].n; i++) {
            double d = (double)grad[i] + decay * (double)w[i];
            if (!b) {
                a[i] = (float)(s->momentum * (double)a[i] + d);
                w[i] = (float)((double)w[i] - lr * (double)a[i]);
                continue;
            }
            a[i] = (float)(s->beta1 * (double)a[i] + (1 - s->beta1) * d);
            b[i] = (float)(s->beta2 * (double)b[i] + (1 - s->beta2) * d * d);
            double m = (double)a[i] / (1 - l->decay[0]), v = (double)b[i] / (1 - l->decay[1]);
            w[i] = (float)((double)w[i] - lr * m / (ncr_train_sqrt(v) + s->adam_eps));
        }
    }
}

// The weights that a pass computes with.
static struct ncr_weights *passed(struct loop *l)
{
    return l->quant.fake ? ncr_fake_quant(l->quant.fake, l->at.weights) : l->at.weights;
}

static enum ncr_status evaluate(struct loop *l, const struct ncr_dataset *set, double *accuracy,
                                struct ncr_error *err)
{
    uint64_t correct = 0;
    uint32_t batch = l->job->spec->batch;
    float *scores = malloc((size_t)batch * l->plan.classes * sizeof(float));
    if (!scores) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    const struct ncr_weights *weights = passed(l);
    enum ncr_status status = NCR_OK;
    for (uint64_t at = 0; at < set->n && status == NCR_OK; at += batch) {
        uint32_t n = set->n - at < batch ? (uint32_t)(set->n - at) : batch;
        // A partial batch is filled up with its last image, so that one batch size serves all.
        for (uint32_t i = 0; i < batch; i++)
            ncr_dataset_input(set, at + (i < n ? i : n - 1),
                              l->inputs + (size_t)i * (size_t)l->plan.input_elements);
        status = l->backend->infer(l->state, weights, l->inputs, batch, scores, err);
        for (uint32_t i = 0; i < n && status == NCR_OK; i++)
            correct += ncr_train_best(scores + (size_t)i * l->plan.classes, l->plan.classes) ==
                       set->labels[at + i];
    }
    free(scores);
    *accuracy = set->n ? (double)correct / (double)set->n : NAN;
    return status;
}

static enum ncr_status save(struct loop *l, const struct ncr_train_fingerprint *fingerprint,
                            struct ncr_error *err)
{
    return l->job->checkpoint ? ncr_train_save(l->job, fingerprint, &l->at, err) : NCR_OK;
}

static void report(struct loop *l, uint64_t epoch, double valid)
{
    const struct ncr_io *io = l->job->io;
    if (!io->progress) return;
    char text[160];
    int n = snprintf(text, sizeof text, "epoch %llu/%u  loss %.4f  accuracy %.2f %%",
                     (unsigned long long)epoch + 1, l->job->spec->epochs,
                     l->at.seen ? l->at.loss_sum / (double)l->at.seen : 0,
                     l->at.seen ? 100.0 * (double)l->at.correct / (double)l->at.seen : 0);
    if (isfinite(valid))
        snprintf(text + n, sizeof text - (size_t)n, "  valid %.2f %%", 100 * valid);
    struct ncr_progress step = {"train", l->at.step, l->total_steps, now(l) - l->start_s, text};
    io->progress(io->user, &step);
}

static enum ncr_status one_step(struct loop *l, uint64_t epoch, uint64_t step,
                                struct ncr_error *err)
{
    double lr = rate_at(l, l->at.step);
    struct ncr_train_step s = {.weights = passed(l),
                               .inputs = l->inputs,
                               .labels = l->labels,
                               .running = true,
                               .dropout = true,
                               .label_smoothing = l->job->spec->label_smoothing,
                               .seed = l->job->spec->seed,
                               .number = l->at.step,
                               .grads = l->grads};
    s.n = fill_batch(l, epoch, step);
    enum ncr_status status = l->backend->step(l->state, &s, err);
    if (status != NCR_OK) return status;
    if (!isfinite(s.loss))
        return ncr_fail(err, NCR_USAGE,
                        "training diverged: the loss is %s in epoch %llu, batch %llu, at learning "
                        "rate %g; use a smaller lr",
                        isnan(s.loss) ? "not a number" : "infinite", (unsigned long long)epoch + 1,
                        (unsigned long long)step + 1, lr);
    update(l, lr);
    l->at.step++;
    l->at.loss_sum += s.loss * s.n;
    l->at.correct += s.correct;
    l->at.seen += s.n;
    return NCR_OK;
}

// Ranges are taken at the start of an epoch and, since a network changes fastest at first, after 1,
// 2, 4, 8, … steps: what the ranges of a fresh network cut off would hold training back.
static bool is_calibrated(const struct loop *l)
{
    uint64_t step = l->at.step;
    return step % l->steps_per_epoch == 0 || (step & (step - 1)) == 0;
}

// Ranges for the steps that follow. At a stop the state is saved as at any other.
static enum ncr_status calibrate(struct loop *l, const struct ncr_train_fingerprint *fingerprint,
                                 struct ncr_error *err)
{
    if (!l->quant.fake || !is_calibrated(l)) return NCR_OK;
    enum ncr_status status = ncr_train_quant_calibrate(&l->quant, l->at.weights, err);
    if (status != NCR_INTERRUPTED) return status;
    status = save(l, fingerprint, err);
    return status == NCR_OK ? NCR_INTERRUPTED : status;
}

// A relu turns nan into zero, so the loss alone does not show that a layer below it is lost.
static enum ncr_status check_weights(const struct loop *l, uint64_t epoch, struct ncr_error *err)
{
    const struct ncr_graph *g = l->job->graph;
    for (uint32_t p = 0; p < g->n_params; p++)
        for (int64_t i = 0; i < g->params[p].n; i++)
            if (!isfinite(l->at.weights->at[p][i]))
                return ncr_fail(err, NCR_USAGE,
                                "training diverged: '%.*s' is not finite after epoch %llu; use a "
                                "smaller lr",
                                NCR_STR_ARG(g->params[p].name), (unsigned long long)epoch);
    return NCR_OK;
}

static enum ncr_status run(struct loop *l, struct ncr_train_result *result, struct ncr_error *err)
{
    struct ncr_train_fingerprint fingerprint;
    ncr_train_fingerprint(l->job, l->backend->name, &fingerprint);
    const struct ncr_io *io = l->job->io;
    double valid = NAN;
    if (l->job->resume && l->job->checkpoint && io->file_exists(io->user, l->job->checkpoint)) {
        enum ncr_status status = ncr_train_load(l->job, &fingerprint, &l->at, err);
        if (status != NCR_OK) return status;
    }
    uint64_t epoch = l->at.step / l->steps_per_epoch;
    // Elsewhere the ranges are those of weights that are gone.
    enum ncr_status ready = l->quant.fake && !is_calibrated(l)
                                ? ncr_train_quant_restore(&l->quant, err)
                                : calibrate(l, &fingerprint, err);
    if (ready != NCR_OK) return ready;
    if (l->at.step < l->total_steps) shuffle(l, epoch);
    while (l->at.step < l->total_steps) {
        if (ncr_io_stop(io)) {
            enum ncr_status status = save(l, &fingerprint, err);
            return status == NCR_OK ? NCR_INTERRUPTED : status;
        }
        uint64_t step = l->at.step % l->steps_per_epoch;
        if (step == 0) {
            l->at.loss_sum = 0;
            l->at.correct = l->at.seen = 0;
        }
        enum ncr_status status = one_step(l, epoch, step, err);
        if (status != NCR_OK) return status;
        report(l, epoch, valid);
        bool last = l->at.step % l->steps_per_epoch == 0;
        if (last) {
            result->epochs_done = (uint32_t)++epoch;
            status = check_weights(l, epoch, err);
        }
        if (status == NCR_OK) status = calibrate(l, &fingerprint, err);
        if (status != NCR_OK) return status;
        if (!last) continue;
        if (l->job->valid && l->job->valid->n) status = evaluate(l, l->job->valid, &valid, err);
        if (status == NCR_OK) status = save(l, &fingerprint, err);
        if (status != NCR_OK) return status;
        if (l->at.step < l->total_steps) shuffle(l, epoch);
    }
    result->epochs_done = (uint32_t)(l->at.step / l->steps_per_epoch);
    if (!isfinite(valid) && l->job->valid && l->job->valid->n) {
        enum ncr_status status = evaluate(l, l->job->valid, &valid, err);
        if (status != NCR_OK) return status;
    }
    result->valid_accuracy = valid;
    return NCR_OK;
}

static enum ncr_status check_job(struct loop *l, struct ncr_error *err)
{
    const struct ncr_train_job *job = l->job;
    const struct ncr_train_spec *s = job->spec;
    enum ncr_status status = ncr_train_plan_make(l->arena, job->graph, &l->plan, err);
    if (status == NCR_OK) status = ncr_train_plan_trainable(&l->plan, err);
    if (status != NCR_OK) return status;
    if (job->train->n == 0) return ncr_fail(err, NCR_USAGE, "the training data are empty");
    if (job->train->n > UINT32_MAX)
        return ncr_fail(err, NCR_USAGE, "%llu training images; the limit is 4294967295",
                        (unsigned long long)job->train->n);
    if (!ncr_shape_equal(&job->train->shape, &job->graph->nodes[l->plan.input].shape)) {
        char a[48], b[48];
        return ncr_fail(err, NCR_USAGE, "the images are %s, the input of net '%.*s' is %s",
                        ncr_shape_text(&job->train->shape, a), NCR_STR_ARG(job->graph->name),
                        ncr_shape_text(&job->graph->nodes[l->plan.input].shape, b));
    }
    if (s->augment_flip || s->augment_shift)
        if (job->train->shape.rank != 3)
            return ncr_fail(err, NCR_USAGE, "augmentation needs images");
    for (uint64_t i = 0; i < job->train->n; i++)
        if (job->train->labels[i] >= l->plan.classes)
            return ncr_fail(err, NCR_USAGE, "image %llu has label %u, the net has %u classes",
                            (unsigned long long)i, job->train->labels[i], l->plan.classes);
    if (s->batch == 0 || s->epochs == 0)
        return ncr_fail(err, NCR_USAGE, "batch and epochs must be at least 1");
    return NCR_OK;
}

enum ncr_status ncr_train_loop(const struct ncr_train_backend *backend,
                               const struct ncr_train_job *job, struct ncr_train_result *result,
                               struct ncr_error *err)
{
    *result = (struct ncr_train_result){.valid_accuracy = NAN};
    struct loop l = {.backend = backend, .job = job, .arena = ncr_arena_new(0), .decay = {1, 1}};
    if (!l.arena) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    l.start_s = now(&l);
    enum ncr_status status = check_job(&l, err);
    if (status == NCR_OK) {
        const struct ncr_train_spec *s = job->spec;
        l.steps_per_epoch = (job->train->n + s->batch - 1) / s->batch;
        l.total_steps = l.steps_per_epoch * s->epochs;
        l.order = NCR_NEW_N(l.arena, uint32_t, job->train->n);
        l.inputs = NCR_NEW_N(l.arena, float, (size_t)s->batch *(size_t)l.plan.input_elements);
        l.labels = NCR_NEW_N(l.arena, uint8_t, s->batch);
        l.at.weights = job->weights;
        l.at.slots[0] = ncr_weights_new(l.arena, job->graph)->at;
        if (s->optimizer == NCR_OPT_ADAM) l.at.slots[1] = ncr_weights_new(l.arena, job->graph)->at;
        l.grads = ncr_weights_new(l.arena, job->graph);
        if (s->quant) {
            status = ncr_train_quant_open(&l.quant, l.arena, job, err);
            l.plan.rounding = &l.quant.rounding;
            l.at.ranges = &l.quant.ranges;
        }
    }
    if (status == NCR_OK) status = backend->open(&l.plan, job->threads, job->io, &l.state, err);
    if (status == NCR_OK) {
        status = run(&l, result, err);
        result->loss = l.at.seen ? l.at.loss_sum / (double)l.at.seen : NAN;
        result->accuracy = l.at.seen ? (double)l.at.correct / (double)l.at.seen : NAN;
        result->backend_s = backend->seconds(l.state);
        backend->close(l.state);
    }
    result->wall_s = now(&l) - l.start_s;
    ncr_arena_free(l.arena);
    return status;
}
