// What the training loop asks of the arithmetic below it. The loop owns order, augmentation,
// optimiser, schedule and checkpoint, so two trainers differ in their arithmetic only. Internal to
// runtime/train.
#ifndef NCR_TRAIN_BACKEND_H
#define NCR_TRAIN_BACKEND_H

#include "lang/base/io.h"
#include "runtime/train/plan.h"
#include "runtime/train/trainer.h"

// One pass forward and backward over a batch.
struct ncr_train_step {
    struct ncr_weights *weights; // running statistics are written where `running`
    const float *inputs;         // [n, C, H, W]
    const uint8_t *labels;       // [n], below plan->classes
    uint32_t n;
    double label_smoothing;
    bool running;          // let batchnorm update its running statistics
    bool dropout;          // off: dropout is the identity
    uint64_t seed, number; // of the dropout masks: run and step
    struct ncr_weights
        *grads;       // out: of the mean loss; untouched for running statistics and dead nodes
    double loss;      // out: mean
    uint32_t correct; // out
};

struct ncr_train_backend {
    const char *name;
    // A state for one graph. threads 0: the library's own choice. io may be NULL; its clock
    // measures `seconds`.
    enum ncr_status (*open)(const struct ncr_train_plan *plan, uint32_t threads,
                            const struct ncr_io *io, void **state, struct ncr_error *err);
    enum ncr_status (*step)(void *state, struct ncr_train_step *step, struct ncr_error *err);
    // The graph's output, [n, classes], batchnorm by running statistics.
    enum ncr_status (*infer)(void *state, const struct ncr_weights *weights, const float *inputs,
                             uint32_t n, float *output, struct ncr_error *err);
    double (*seconds)(const void *state); // spent inside the library that does the arithmetic
    void (*close)(void *state);
};

// The mask of a dropout node's batch [N, ...], elements first … first + n - 1. Element i is kept
// where draw i of the stream of (seed, step `number`, node) is at or above rate · 2^32; kept
// elements are scaled by 1 / (1 - rate) (inverted dropout; Srivastava et al., JMLR 2014, section
// 10). The mask is the same in every trainer.
void ncr_train_dropout(uint64_t seed, uint64_t number, ncr_node_id node, float rate, int64_t first,
                       float *mask, int64_t n);

// Running statistics as PyTorch keeps them: new = (1 - m) old + m batch, the batch variance
// unbiased, i.e. multiplied by count / (count - 1). With one value a channel there is no variance
// and both stay as they are. mean and var (biased) are [C], count the values a channel in the
// batch.
void ncr_train_running(struct ncr_weights *weights, const struct ncr_graph *graph,
                       const struct ncr_node *node, const double *mean, const double *var,
                       int64_t count);

// The three functions of struct ncr_trainer over a backend.
enum ncr_status ncr_train_loop(const struct ncr_train_backend *backend,
                               const struct ncr_train_job *job, struct ncr_train_result *result,
                               struct ncr_error *err);
enum ncr_status ncr_train_gradients(const struct ncr_train_backend *backend,
                                    const struct ncr_graph *graph,
                                    const struct ncr_weights *weights, const float *inputs,
                                    const uint8_t *labels, uint32_t n, double label_smoothing,
                                    const struct ncr_train_rounding *rounding,
                                    struct ncr_weights *grads, double *loss, struct ncr_error *err);
enum ncr_status ncr_train_infer(const struct ncr_train_backend *backend,
                                const struct ncr_graph *graph, const struct ncr_weights *weights,
                                const float *inputs, uint32_t n, uint32_t threads, float *scores,
                                struct ncr_error *err);

#endif
