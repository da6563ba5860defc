// What the files of compiler/plan share.
#ifndef NCR_PLAN_PLAN_INTERNAL_H
#define NCR_PLAN_PLAN_INTERNAL_H

#include "compiler/plan/plan.h"

// Operators whose output may lie in place of an input.
static inline bool ncr_plan_is_elementwise(enum ncr_qop op)
{
    return op == NCR_QOP_ADD || op == NCR_QOP_MUL || op == NCR_QOP_LUT;
}

// Whether q is a RESHAPE to a vector of the same elements in the same order of memory.
bool ncr_plan_keeps_order(const struct ncr_qgraph *qgraph, uint32_t q);
// The border (top, left, bottom, right) that node q needs around its first input.
void ncr_plan_need(const struct ncr_qgraph *qgraph, uint32_t q, int32_t need[4]);
// Sets pixel_bytes, row_bytes, first and bytes of a buffer that is no slice from the rest.
void ncr_plan_layout(struct ncr_buffer *buffer);

// Whether tensor q may be fused into `into`, which reads it; that nothing else does is to be seen.
bool ncr_plan_may_fuse(const struct ncr_qgraph *qgraph, uint32_t q, uint32_t into);
// into[q], for all nodes: what tensor q is fused into, or NCR_PLAN_OWN. side_by_side: see below.
void ncr_plan_fuse(struct ncr_arena *scratch, const struct ncr_qgraph *qgraph,
                   const bool *side_by_side, uint32_t *into);

// batch.c: the tensors that have all images of the batch side by side, by qnode; whether q runs in
// the tail. Splits the steps into head and tail and sets n_head; makes lives those of a batch.
bool *ncr_plan_side_by_side(struct ncr_arena *arena, const struct ncr_qgraph *qgraph,
                            uint32_t batch);
bool ncr_plan_in_tail(const struct ncr_qgraph *qgraph, const bool *side_by_side, uint32_t q);
void ncr_plan_split(struct ncr_arena *scratch, struct ncr_plan *plan, const bool *side_by_side);
void ncr_plan_batch_lives(struct ncr_plan *plan);

// Slices (slice.c). Whether q can be one of the CONCAT that it joins; then, of those marked so,
// what follows for the lives of the CONCATs, and once these are placed, where the slices lie.
bool ncr_plan_can_slice(const struct ncr_qgraph *qgraph, uint32_t q);
void ncr_plan_slice_lives(struct ncr_plan *plan);
void ncr_plan_slice_places(struct ncr_plan *plan);
// Takes those CONCATs out of `slices` that are alive on account of their slices where more than
// `limit` bytes are. False where there are none.
bool ncr_plan_fewer_slices(struct ncr_arena *scratch, const struct ncr_plan *plan, uint64_t limit,
                           bool *slices);

// Execution orders: the inputs, then all other nodes, each after those it reads. steps has n_nodes
// places.
void ncr_plan_order_given(const struct ncr_qgraph *qgraph, uint32_t *steps);
// At each step the node that leaves the fewest bytes alive, the first of the graph among equals.
void ncr_plan_order_greedy(struct ncr_arena *scratch, const struct ncr_qgraph *qgraph,
                           uint32_t *steps);
// The order with the least peak of `bytes` alive (none in place, those of `into` fused), of all
// there are. given: one order. False where the graph has but one, or is too wide to tell: then
// steps means nothing.
bool ncr_plan_order_exact(struct ncr_arena *scratch, const struct ncr_qgraph *qgraph,
                          const uint64_t *bytes, const uint32_t *into, const uint32_t *given,
                          uint32_t *steps);

#endif
