// Times the emitted code of a network on this machine: each operator by itself, and the whole.
#ifndef NCR_CALIBRATE_TIMING_H
#define NCR_CALIBRATE_TIMING_H

#include "compiler/codegen/codegen.h"
#include "lang/base/io.h"

struct ncr_timing {
    const struct ncr_plan *plan;
    double *step_s;     // seconds of each step of the plan; 0 for inputs
    double whole_s;     // of one inference, with the copies in and out
    const char *family; // of the code
};

// Gives the network random weights (time does not depend on them), compiles it for this machine and
// times it on one thread. Each figure is the median of `rounds` means, each over runs of at least
// 20 microseconds; a step runs again and again on the same operands, so they are in the nearest
// cache that holds them. NCR_INTERRUPTED where io says stop. The result lives in the arena.
enum ncr_status ncr_timing_of(struct ncr_arena *arena, struct ncr_diags *diags,
                              const struct ncr_io *io, const struct ncr_graph *graph,
                              const struct ncr_quant_spec *spec, uint32_t rounds,
                              struct ncr_timing *out, struct ncr_error *err);
// The same for code that is there, compiled from plan.
enum ncr_status ncr_timing_code(struct ncr_arena *arena, const struct ncr_io *io,
                                const struct ncr_plan *plan, const struct ncr_code *code,
                                uint32_t rounds, struct ncr_timing *out, struct ncr_error *err);

#endif
