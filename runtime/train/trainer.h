// The trainer seam: implementations are rows of trainer.def and found by name.
#ifndef NCR_TRAIN_TRAINER_H
#define NCR_TRAIN_TRAINER_H

#include "compiler/quant/fake.h"
#include "runtime/data/dataset.h"

// Tensors that are rounded in the forward pass. The gradient passes them unchanged
// (straight-through).
struct ncr_train_rounding {
    const struct ncr_fake_tensor *tensors; // [n_nodes]
    // For tests, in the reference trainer: what rounding adds to each tensor that is rounded,
    // [n_nodes] of [n, …]. Written, or, with `hold`, added in the place of rounding: then the loss
    // is a smooth function whose true gradient is the straight-through one.
    double *const *offsets; // NULL: not wanted
    bool hold;
};

struct ncr_train_job {
    const struct ncr_graph
        *graph; // one input, one output of rank 1: the class scores before or after a final softmax
    const struct ncr_train_spec *spec;
    const struct ncr_dataset *train;
    const struct ncr_dataset *valid; // NULL: none; evaluated after each epoch
    struct ncr_weights *weights;     // in: start; out: result (also after NCR_INTERRUPTED)
    const char *checkpoint; // NULL: none; written atomically after each epoch and at a stop
    bool resume; // continue from the checkpoint: ends with the same weights as an unbroken run
    uint32_t threads;
    const struct ncr_io *io;
    struct ncr_diags *diags; // where the quantiser of spec->quant reports; NULL: in the error text
};

struct ncr_train_result {
    double loss, accuracy; // of the last epoch's training batches
    double valid_accuracy; // nan without; with spec->quant that of the rounded network
    double wall_s,
        backend_s; // whole job; inside the library that does the arithmetic (0 for the reference)
    uint32_t epochs_done;
};

struct ncr_trainer {
    const char *name;
    // Softmax cross entropy with label smoothing. NCR_USAGE where the graph does not fit, with the
    // reason; NCR_DIAGNOSED where it cannot be quantised as spec->quant says.
    enum ncr_status (*train)(const struct ncr_train_job *job, struct ncr_train_result *result,
                             struct ncr_error *err);
    // Gradients of the mean loss of one batch (inputs [n, …], labels [n]) for every parameter, at
    // dropout off and batchnorm in training mode; for tests against finite differences and between
    // implementations. rounding: NULL, or the tensors to round (weights are taken as they are).
    enum ncr_status (*gradients)(const struct ncr_graph *graph, const struct ncr_weights *weights,
                                 const float *inputs, const uint8_t *labels, uint32_t n,
                                 double label_smoothing, const struct ncr_train_rounding *rounding,
                                 struct ncr_weights *grads, double *loss, struct ncr_error *err);
    // The output of the graph for a batch, [n, classes], in inference mode (after its final
    // softmax, where it has one).
    enum ncr_status (*infer)(const struct ncr_graph *graph, const struct ncr_weights *weights,
                             const float *inputs, uint32_t n, uint32_t threads, float *scores,
                             struct ncr_error *err);
};

// "onednn" or "reference"; NULL where there is none. The default is "onednn".
const struct ncr_trainer *ncr_trainer_find(const char *name);

#endif
