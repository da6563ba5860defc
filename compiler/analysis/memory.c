// PLAN to live memory.
#include "compiler/analysis/memory.h"

struct ncr_memory ncr_memory_of(struct ncr_arena *arena, const struct ncr_plan *plan)
{
    struct ncr_memory memory = {.live_bytes = NCR_NEW_N(arena, uint64_t, plan->n_steps),
                                .peak_step = plan->peak_step};
    ncr_plan_live(plan, memory.live_bytes);
    if (plan->n_steps) memory.peak_bytes = memory.live_bytes[plan->peak_step];
    return memory;
}
