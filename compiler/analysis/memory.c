// PLAN to live memory: one sweep over the ends of lives.
#include "compiler/analysis/memory.h"

struct ncr_memory ncr_memory_of(struct ncr_arena *arena, const struct ncr_plan *plan)
{
    struct ncr_memory memory = {.live_bytes = NCR_NEW_N(arena, uint64_t, plan->n_steps)};
    uint64_t *ends = NCR_NEW_N(arena, uint64_t, (size_t)plan->n_steps + 1);
    for (uint32_t q = 0; q < plan->n_steps; q++) {
        memory.live_bytes[plan->buffers[q].first_step] += plan->buffers[q].bytes;
        ends[plan->buffers[q].last_step + 1] += plan->buffers[q].bytes;
    }
    uint64_t live = 0;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        live += memory.live_bytes[s];
        live -= ends[s];
        memory.live_bytes[s] = live;
        if (live <= memory.peak_bytes) continue;
        memory.peak_bytes = live;
        memory.peak_step = s;
    }
    return memory;
}
