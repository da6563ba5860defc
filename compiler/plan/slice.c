// Concatenation without a copy: a tensor that joins a concatenation (quant/join.c) may lie in its
// buffer from the start, as some of the channels of each pixel. Its bytes are the concatenation's,
// which lives from the first of them on and has the border.
#include "compiler/plan/plan_internal.h"

// Up to so many channels a convolution whose kernel is wider than a pixel computes neighbouring
// pixels as one, to fill vectors. They must lie side by side then, and a copy costs less than doing
// without: layers of 4 and 8 channels took 1.3 to 1.6 times as long.
enum { FEW_CHANNELS = 8 };

// Whether the code that computes q writes pixels at any distance, and bytes between them never.
static bool writes_slices(const struct ncr_qgraph *g, uint32_t q)
{
    const struct ncr_qnode *node = &g->nodes[q];
    if (node->shape.rank != 3 || ncr_qnode_is_wide(g, node)) return false;
    if (node->op == NCR_QOP_CONV)
        return node->attrs.kernel[1] == 1 || node->shape.dim[0] > FEW_CHANNELS;
    return node->op == NCR_QOP_CONCAT;
}

bool ncr_plan_can_slice(const struct ncr_qgraph *g, uint32_t q)
{
    uint32_t concat = g->nodes[q].joins;
    return concat && writes_slices(g, q) && !ncr_qnode_is_wide(g, &g->nodes[concat]);
}

void ncr_plan_slice_lives(struct ncr_plan *plan)
{
    for (uint32_t q = 0; q < plan->n_steps; q++) { // a slice of a slice stands before it
        const struct ncr_buffer *b = &plan->buffers[q];
        if (b->slice_of == NCR_PLAN_OWN) continue;
        struct ncr_buffer *whole = &plan->buffers[b->slice_of];
        if (b->first_step < whole->first_step) whole->first_step = b->first_step;
    }
}

bool ncr_plan_fewer_slices(struct ncr_arena *scratch, const struct ncr_plan *plan, uint64_t limit,
                           bool *slices)
{
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    uint64_t *live = NCR_NEW_N(scratch, uint64_t, plan->n_steps);
    bool fewer = false;
    ncr_plan_live(plan, live);
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        uint32_t c = plan->steps[s];
        if (plan->qgraph->nodes[c].op != NCR_QOP_CONCAT || !slices[c]) continue;
        // Without slices it would not be alive before its own step.
        for (uint32_t early = plan->buffers[c].first_step; slices[c] && early < s; early++)
            if (live[early] > limit) slices[c] = false;
        fewer |= !slices[c];
    }
    ncr_arena_reset(scratch, mark);
    return fewer;
}

void ncr_plan_slice_places(struct ncr_plan *plan)
{
    for (uint32_t c = plan->n_steps; c-- > 0;) {
        const struct ncr_qnode *node = &plan->qgraph->nodes[c];
        const struct ncr_buffer *whole = &plan->buffers[c];
        int64_t first = whole->first;
        for (uint32_t k = 0; node->op == NCR_QOP_CONCAT && k < node->n_in; k++) {
            struct ncr_buffer *b = &plan->buffers[node->in[k]];
            if (b->slice_of == c) {
                b->offset = whole->offset;
                b->bytes = whole->bytes;
                b->pixel_bytes = whole->pixel_bytes;
                b->row_bytes = whole->row_bytes;
                b->first = first;
            }
            first += (int64_t)b->channels * b->element;
        }
    }
}
