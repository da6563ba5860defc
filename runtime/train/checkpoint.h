// The state of a training run between two steps, as a file. Internal to runtime/train.
#ifndef NCR_TRAIN_CHECKPOINT_H
#define NCR_TRAIN_CHECKPOINT_H

#include "runtime/train/trainer.h"

// What must be equal for a run to go on: hashes of the network, the declaration, the data, the
// trainer's name, the quantisation that is trained for and the weights that the run began with.
struct ncr_train_fingerprint {
    struct ncr_hash graph, spec, data, trainer, quant, start;
};

struct ncr_train_state {
    uint64_t step;          // steps done, over all epochs
    double loss_sum;        // of the steps of the current epoch
    uint64_t correct, seen; // likewise
    struct ncr_weights *weights;
    float **slots[2]; // optimiser: momentum, or Adam's first and second moment; NULL: unused
    struct ncr_ranges *ranges; // of activations at this step; NULL: not quantised
};

// job->weights are those that the run begins with.
void ncr_train_fingerprint(const struct ncr_train_job *job, const char *trainer,
                           struct ncr_train_fingerprint *out);
// Writes atomically. Format: docs/training.md.
enum ncr_status ncr_train_save(const struct ncr_train_job *job,
                               const struct ncr_train_fingerprint *fingerprint,
                               const struct ncr_train_state *state, struct ncr_error *err);
// NCR_ENVIRONMENT where the file is damaged, with the offset; NCR_USAGE where it belongs to another
// run, with what differs.
enum ncr_status ncr_train_load(const struct ncr_train_job *job,
                               const struct ncr_train_fingerprint *fingerprint,
                               struct ncr_train_state *state, struct ncr_error *err);

#endif
