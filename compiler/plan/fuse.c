// Which tensors are never stored: the operator that reads them takes their values while they are in
// registers (compiler/codegen/matmul.c).
#include "compiler/plan/plan_internal.h"

// Pooling windows of more taps, or maps of fewer pixels, leave a tile too few sums to be fast.
enum { POOL_TAPS = 9, POOL_PIXELS = 8 };

bool ncr_plan_may_fuse(const struct ncr_qgraph *g, uint32_t q, uint32_t into)
{
    const struct ncr_qnode *from = &g->nodes[q], *to = &g->nodes[into];
    if (from->op != NCR_QOP_CONV && from->op != NCR_QOP_DENSE) return false;
    if (ncr_qnode_is_wide(g, from) || ncr_qnode_is_wide(g, to)) return false;
    if (to->op == NCR_QOP_ADD) {
        const struct ncr_shape *a = &g->nodes[to->in[0]].shape, *b = &from->shape;
        return to->n_in == 2 && to->in[0] != to->in[1] &&
               ncr_shape_equal(a, &g->nodes[to->in[1]].shape) && ncr_shape_equal(a, b);
    }
    if (to->op != NCR_QOP_MAXPOOL || from->op != NCR_QOP_CONV) return false;
    const struct ncr_attrs *a = &to->attrs;
    for (int axis = 0; axis < 2; axis++)
        if (a->kernel[axis] != a->stride[axis] || a->pad[axis] ||
            to->shape.dim[1 + axis] * a->stride[axis] > from->shape.dim[1 + axis])
            return false;
    return a->kernel[0] * a->kernel[1] <= POOL_TAPS &&
           to->shape.dim[1] * to->shape.dim[2] >= POOL_PIXELS;
}

void ncr_plan_fuse(struct ncr_arena *scratch, const struct ncr_qgraph *g, const bool *side_by_side,
                   uint32_t *into)
{
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    uint32_t *reads = NCR_NEW_N(scratch, uint32_t, g->n_nodes);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        reads[g->outputs[i]]++;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        into[q] = NCR_PLAN_OWN;
        for (uint32_t k = 0; k < g->nodes[q].n_in; k++)
            reads[g->nodes[q].in[k]]++;
    }
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_qnode *node = &g->nodes[q];
        uint32_t best = NCR_PLAN_OWN;
        int64_t least = INT64_MAX;
        for (uint32_t k = 0; k < node->n_in; k++) {
            uint32_t in = node->in[k];
            if (reads[in] != 1 || !ncr_plan_may_fuse(g, in, q)) continue;
            // The head of a batch runs for each image, the tail once.
            if (ncr_plan_in_tail(g, side_by_side, in) != ncr_plan_in_tail(g, side_by_side, q))
                continue;
            // What the producer reads stays alive as long as the sum takes.
            int64_t held = ncr_qnode_bytes(&g->nodes[g->nodes[in].in[0]]);
            if (held > least || (held == least && in < best)) continue;
            best = in;
            least = held;
        }
        if (best != NCR_PLAN_OWN) into[best] = q;
    }
    ncr_arena_reset(scratch, mark);
}

uint32_t ncr_plan_fused(const struct ncr_plan *plan, uint32_t q)
{
    const struct ncr_qnode *node = &plan->qgraph->nodes[q];
    for (uint32_t k = 0; k < node->n_in; k++)
        if (plan->buffers[node->in[k]].fused_into == q) return node->in[k];
    return NCR_PLAN_OWN;
}
