// Images to classes: the answers of a network in float, as machine code, or in the integer
// interpreter.
#ifndef NCR_API_CLASSIFY_H
#define NCR_API_CLASSIFY_H

#include "compiler/codegen/codegen.h"
#include "runtime/train/trainer.h"

// A class is the index of the largest score, the lowest among equals. All functions need a network
// with one input of the images' shape and one output [N] or [N, 1, 1]; ncr_classify_fits says so.
// They report progress, and give NCR_INTERRUPTED when io asks to stop. classes is [set->n].

// NCR_USAGE with the shapes where graph does not take these images, or gives no plain list of
// scores.
enum ncr_status ncr_classify_fits(const struct ncr_graph *graph, const struct ncr_dataset *set,
                                  struct ncr_error *err);

// trainer does the arithmetic, in batches on `threads` threads; NULL: the float interpreter.
enum ncr_status ncr_classify_float(const struct ncr_graph *graph, const struct ncr_weights *weights,
                                   const struct ncr_trainer *trainer, uint32_t threads,
                                   const struct ncr_dataset *set, const struct ncr_io *io,
                                   uint32_t *classes, struct ncr_error *err);

// code (compiled from plan) or, where it is NULL, the interpreter. scores (NULL: not wanted) is
// [set->n], the stored elements of each; run_s (NULL: not wanted) receives the seconds inside the
// network alone.
enum ncr_status ncr_classify_int(const struct ncr_plan *plan, const struct ncr_code *code,
                                 const struct ncr_dataset *set, const struct ncr_io *io,
                                 uint32_t *classes, int8_t *scores, double *run_s,
                                 struct ncr_error *err);

// Images whose class is their label.
uint64_t ncr_classify_right(const struct ncr_dataset *set, const uint32_t *classes);

#endif
