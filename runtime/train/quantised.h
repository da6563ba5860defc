// Training for a quantisation (quantisation-aware training): forward and backward passes run on the
// network as its integers will compute it, and the gradients go to the float weights as if nothing
// had been rounded: the straight-through estimator of Bengio, Léonard and Courville, "Estimating or
// Propagating Gradients Through Stochastic Neurons for Conditional Computation", 2013. Internal to
// runtime/train.
#ifndef NCR_TRAIN_QUANTISED_H
#define NCR_TRAIN_QUANTISED_H

#include "runtime/train/trainer.h"

struct ncr_train_quant {
    const struct ncr_train_job *job;
    struct ncr_arena *arena;
    struct ncr_fake *fake;
    struct ncr_ranges ranges; // of the steps at work; part of the checkpoint
    struct ncr_train_rounding rounding;
    struct ncr_diags own; // where the job has none
};

// For job->spec->quant. Refuses what cannot be quantised with a diagnostic of the job (where it
// takes none: NCR_USAGE with its text).
enum ncr_status ncr_train_quant_open(struct ncr_train_quant *quant, struct ncr_arena *arena,
                                     const struct ncr_train_job *job, struct ncr_error *err);
// Sets the ranges of activations from the first images of the training data, which the quantiser
// will take too. NCR_INTERRUPTED at a stop, then nothing has changed.
enum ncr_status ncr_train_quant_calibrate(struct ncr_train_quant *quant,
                                          const struct ncr_weights *weights, struct ncr_error *err);
// Takes the ranges over that a checkpoint held.
enum ncr_status ncr_train_quant_restore(struct ncr_train_quant *quant, struct ncr_error *err);

#endif
