// Plans of several images: which tensors lie side by side for all images of a batch (the tail), and
// how that changes steps, layouts and lives.
//
// A vector is of the tail where every reader of it is, and where it is an input, or made of rank-3
// tensors alone (flattened, pooled), or of tensors of the tail alone. Operators of the last kind
// run once a batch, after all others have run for each image. So a vector on its way back to an
// image, as in squeeze and excitation, is not of the tail, nor what it is made of.
#include "compiler/plan/plan_internal.h"

bool ncr_plan_in_tail(const struct ncr_qgraph *g, const bool *side_by_side, uint32_t q)
{
    const struct ncr_qnode *node = &g->nodes[q];
    bool all = side_by_side[q] && node->n_in > 0;
    for (uint32_t k = 0; all && k < node->n_in; k++)
        all = side_by_side[node->in[k]];
    return all;
}

// Whether q can be of the tail, as far as its own inputs tell.
static bool fits(const struct ncr_qgraph *g, const bool *side_by_side, uint32_t q)
{
    const struct ncr_qnode *node = &g->nodes[q];
    bool images = true;
    if (!side_by_side[q]) return false;
    for (uint32_t k = 0; k < node->n_in; k++)
        images &= g->nodes[node->in[k]].shape.rank == 3;
    return images || ncr_plan_in_tail(g, side_by_side, q);
}

// Takes q away where it does not fit, and with it what it reads. Whether that changed anything.
static bool take_away(const struct ncr_qgraph *g, bool *on, uint32_t q)
{
    const struct ncr_qnode *node = &g->nodes[q];
    if (fits(g, on, q)) return false;
    bool changed = on[q];
    on[q] = false;
    for (uint32_t k = 0; k < node->n_in; k++) {
        changed |= on[node->in[k]];
        on[node->in[k]] = false;
    }
    return changed;
}

// Takes away what breaks a rule until nothing does: the largest tail there is.
bool *ncr_plan_side_by_side(struct ncr_arena *arena, const struct ncr_qgraph *g, uint32_t batch)
{
    bool *on = NCR_NEW_N(arena, bool, g->n_nodes), changed = batch > 1;
    for (uint32_t q = 0; q < g->n_nodes; q++)
        on[q] = batch > 1 && g->nodes[q].shape.rank == 1;
    for (bool backward = true; changed; backward = !backward) {
        changed = false;
        for (uint32_t i = 0; i < g->n_nodes; i++)
            changed |= take_away(g, on, backward ? g->n_nodes - 1 - i : i);
    }
    return on;
}

void ncr_plan_split(struct ncr_arena *scratch, struct ncr_plan *plan, const bool *side_by_side)
{
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    uint32_t *tail = NCR_NEW_N(scratch, uint32_t, plan->n_steps), n_tail = 0;
    plan->n_head = 0;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        uint32_t q = plan->steps[s];
        if (ncr_plan_in_tail(plan->qgraph, side_by_side, q))
            tail[n_tail++] = q;
        else
            plan->steps[plan->n_head++] = q;
    }
    memcpy(plan->steps + plan->n_head, tail, n_tail * sizeof *tail);
    ncr_arena_reset(scratch, mark);
}

void ncr_plan_batch_lives(struct ncr_plan *plan)
{
    const struct ncr_qgraph *g = plan->qgraph;
    for (uint32_t s = 0; s < plan->n_head; s++) {
        // Slots of the tail are filled image by image, while all else is used again.
        struct ncr_buffer *b = &plan->buffers[plan->steps[s]];
        if (b->images == 1) continue;
        b->first_step = 0;
        if (b->last_step < plan->n_head) b->last_step = plan->n_head - 1; // that nothing reads
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        struct ncr_buffer *b = &plan->buffers[g->outputs[i]];
        b->last_step = b->images > 1 ? plan->n_steps - 1 : plan->n_head - 1;
    }
}

// Measured with 1 to 512 images: where the weights stay in the second cache, 64 are within the
// noise of the fastest for an autoencoder and LeNet-5 (two small layers by themselves gain a fifth
// from 16). Layers of several megabytes of weights take a tenth to a fifth less time in tile
// registers with 128, since that is how often their weights come from memory.
enum { FAST_BATCH = 64, FAST_BATCH_LARGE = 128, LARGE_WEIGHTS = 1 << 20 };
enum { MOST_TAIL_BYTES = 8 << 20 }; // of memory, for vectors of hundreds of thousands of elements

struct ncr_plan *ncr_plan_build_many(struct ncr_arena *arena, const struct ncr_qgraph *g)
{
    const bool *on = ncr_plan_side_by_side(arena, g, 2);
    int64_t weights = 0, bytes = 0;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        if (on[q]) bytes += ncr_qnode_bytes(&g->nodes[q]);
        if (ncr_plan_in_tail(g, on, q)) weights += ncr_qnode_weight_bytes(&g->nodes[q]);
    }
    uint32_t batch = weights == 0 ? 1 : weights < LARGE_WEIGHTS ? FAST_BATCH : FAST_BATCH_LARGE;
    while (batch > 1 && bytes > MOST_TAIL_BYTES / (int64_t)batch)
        batch /= 2;
    return ncr_plan_build_batch(arena, g, batch);
}
