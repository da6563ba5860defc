// PLAN: the order of the integer operators and the place of every tensor in one arena. Made from the structure of a
// QGRAPH alone, so the static report and the emitted code use the very same plan.
//
// Layout of a rank-3 tensor [C, H, W] in its buffer: pixels of C bytes (channels innermost), rows of (left + W + right)
// pixels, (top + H + bottom) rows: the border is what the consumers' padding needs, and is filled with the tensor's
// zero point by the producer. A rank-1 tensor [N] is N bytes. `tail` bytes after the last may be read (not used) by
// kernels that load whole groups of 4 or vectors.
#ifndef NCR_PLAN_PLAN_H
#define NCR_PLAN_PLAN_H

#include "compiler/quant/qgraph.h"

struct ncr_buffer {
    uint64_t offset, bytes; // in the arena; bytes includes border and tail; offset is a multiple of NCR_PLAN_ALIGN
    int32_t channels, height, width;        // [N]: N, 1, 1
    int32_t border[4];                      // top, left, bottom, right pixels
    int64_t row_bytes, first;               // distance of rows; offset of element (0, 0, 0) from `offset`
    uint32_t first_step, last_step;         // life: written in first_step, last read in last_step
};

enum { NCR_PLAN_ALIGN = 64, NCR_PLAN_TAIL = 64 };

struct ncr_plan {
    const struct ncr_qgraph *qgraph;
    uint32_t *steps; // qnode ids in execution order; step 0 .. n_inputs-1 are the inputs
    uint32_t n_steps;
    struct ncr_buffer *buffers; // per qnode
    uint64_t arena_bytes;       // size of the arena: max(offset + bytes)
    uint64_t lower_bound_bytes; // largest sum of live buffers
    uint32_t peak_step;         // a step at which the live sum is largest
};

enum ncr_plan_mode {
    NCR_PLAN_SHARED,  // buffers reused: what ships
    NCR_PLAN_SEPARATE // every tensor has its own place: for fault campaigns, which keep all golden tensors
};

struct ncr_plan *ncr_plan_build(struct ncr_arena *arena, const struct ncr_qgraph *qgraph, enum ncr_plan_mode mode);
bool ncr_plan_verify(const struct ncr_plan *plan, struct ncr_error *why);
void ncr_plan_dump(const struct ncr_plan *plan, struct ncr_buf *out);
// Byte offset in the arena of logical element `index` (row-major [C, H, W]) of the tensor of qnode q.
uint64_t ncr_plan_locate(const struct ncr_plan *plan, uint32_t q, int64_t index);

// The memory planner by itself: tensors with sizes and life spans (inclusive steps) to offsets. Size-greedy first
// fit, then improved where it misses the lower bound. align is a power of two.
struct ncr_mem_item {
    uint64_t bytes;
    uint32_t first, last;
    uint64_t offset; // result
};
// Gives the arena size; *lower_bound may be NULL.
uint64_t ncr_mem_plan(struct ncr_mem_item *items, uint32_t n, uint64_t align, uint64_t *lower_bound);

#endif
