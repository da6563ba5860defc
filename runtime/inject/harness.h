// One fault, one input: from the golden tensors of the fault-free run to the outcome of the faulty
// one.
//
// A faulty run starts at the first struck step. A step runs only where one of its inputs differs
// from the golden tensor or its constants are patched; what it gives is compared with the golden
// tensor, and where they are equal the difference has died out. Golden tensors are copied in only
// when a running step reads them. All of this is exact: steps are functions of their inputs.
#ifndef NCR_INJECT_HARNESS_H
#define NCR_INJECT_HARNESS_H

#include "compiler/fault/models.h"
#include "runtime/inject/executor.h"

enum ncr_outcome {
    NCR_MASKED, // outputs bit-identical
    NCR_BENIGN, // outputs differ, the decision (index of the largest element of the first output)
                // does not
    NCR_SDC,    // the decision differs and nothing noticed
    NCR_DUE,    // detected: a trap, a time-out, a detector
    NCR_OUTCOMES_
};

// "masked", "benign", "SDC", "DUE".
const char *ncr_outcome_name(enum ncr_outcome outcome);

// The fault-free run on one input.
struct ncr_golden {
    uint8_t *tensors;     // as the executor lays them out
    int8_t *outputs;      // all outputs one after the other, logical order
    uint32_t top;         // decision
    double confidence;    // of the top element, see ncr_confidence
    struct ncr_hash hash; // of the outputs
};

struct ncr_judged {
    enum ncr_outcome outcome;
    uint32_t top; // decision of the faulty run
    bool sdc5;    // the faulty decision is not among the five largest of the golden run
    bool sdc10,
        sdc20; // the confidence of the top element moved by more than 10 %, 20 % of the golden one
    struct ncr_hash hash; // of the faulty outputs
};

struct ncr_harness {
    const struct ncr_executor *executor;
    uint32_t *step_of;    // per qnode: the step that computes it
    uint32_t *last_use;   // per qnode: the last step that reads it; 0 where none does
    uint32_t *out_offset; // per output: where its bytes start in `outputs`
    uint32_t output_bytes;
    uint32_t n_classes; // elements of the first output
    bool is_softmax;    // the first output is one
    double *exps;       // exp(-scale·d) for all differences of values of the first output
};

// The parts of one worker. Not shared between threads.
struct ncr_runner {
    const struct ncr_harness *harness;
    uint8_t *tensors;
    void *constants;
    uint64_t *holds; // per qnode: id of the input whose golden tensor lies in `tensors`; 0 none
    uint32_t *first, *count; // per step: its activation flips in the current fault
    bool *dirty, *patched;   // per qnode
    int8_t *outputs;
    uint64_t steps_run; // statistics
};

struct ncr_harness *ncr_harness_new(struct ncr_arena *arena, const struct ncr_executor *executor);
struct ncr_runner *ncr_runner_new(struct ncr_arena *arena, const struct ncr_harness *harness);

// Room for a golden run, and the run itself on a logical input.
void ncr_golden_alloc(struct ncr_arena *arena, const struct ncr_harness *harness,
                      struct ncr_golden *out);
void ncr_golden_run(struct ncr_runner *runner, const int8_t *input, struct ncr_golden *out);
// Bytes that one golden run holds.
size_t ncr_golden_bytes(const struct ncr_harness *harness);

// Strikes the stored constants (weights, biases) among the flips, until ncr_runner_restore with the
// same flips.
void ncr_runner_patch(struct ncr_runner *runner, const struct ncr_flip *flips, uint32_t n);
void ncr_runner_restore(struct ncr_runner *runner, const struct ncr_flip *flips, uint32_t n);
// Runs with the patched constants, and strikes the activations among the flips when their tensor is
// complete. flips are in order of points (grouped by node). input_id: not 0, the same only for the
// same golden run.
void ncr_runner_run(struct ncr_runner *runner, const struct ncr_golden *golden, uint64_t input_id,
                    const struct ncr_flip *flips, uint32_t n, struct ncr_judged *out);

// Confidence of the largest element of the first output: its real value where the output is a
// softmax, otherwise the softmax of the real values at that element, 1 / Σ exp(scale·(q_c -
// q_top)). No libm: the same bits everywhere.
double ncr_confidence(const struct ncr_harness *harness, const int8_t *outputs, uint32_t top);
// Fills decision, confidence and hash of a golden run from its outputs.
void ncr_golden_judge(const struct ncr_harness *harness, struct ncr_golden *golden);
// Judges outputs (laid out as in ncr_golden) against the golden ones.
void ncr_judge(const struct ncr_harness *harness, const struct ncr_golden *golden,
               const int8_t *outputs, struct ncr_judged *out);

// The oracle: the whole network in the integer interpreter under the same flips, nothing skipped.
// `graph` is a private copy (ncr_executor_copy), unchanged afterwards. values[q] receives every
// tensor, in `arena`.
void ncr_dense_run(struct ncr_arena *arena, struct ncr_qgraph *graph, const int8_t *input,
                   const struct ncr_flip *flips, uint32_t n, int8_t **values);
// The outputs among such values, laid out as in ncr_golden.
void ncr_dense_outputs(const struct ncr_harness *harness, int8_t *const *values, int8_t *outputs);

#endif
