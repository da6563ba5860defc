// Live memory of a plan, step by step.
#ifndef NCR_ANALYSIS_MEMORY_H
#define NCR_ANALYSIS_MEMORY_H

#include "compiler/plan/plan.h"

// live[s]: sum of the buffers (with border and tail, as they are laid out) that are alive at step
// s; a tensor computed in place of another shares its buffer. All exact.
struct ncr_memory {
    uint64_t *live_bytes; // n_steps
    uint64_t peak_bytes;  // the largest of them: no plan of these buffers needs less
    uint32_t peak_step;   // the first step where it is reached
};

struct ncr_memory ncr_memory_of(struct ncr_arena *arena, const struct ncr_plan *plan);

#endif
