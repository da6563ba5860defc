// What becomes of a product's results before they are stored.
#include "compiler/codegen/pack.h"

struct ncr_fusion ncr_fusion_of(const struct ncr_plan *plan, uint32_t q)
{
    const struct ncr_qgraph *g = plan->qgraph;
    const struct ncr_attrs *a = &g->nodes[q].attrs;
    uint32_t into = plan->buffers[q].fused_into;
    bool dense = g->nodes[q].op == NCR_QOP_DENSE;
    struct ncr_fusion f = {
        NCR_PLAN_OWN, NCR_PLAN_OWN, {1, 1}, {dense ? 1 : a->stride[0], dense ? 1 : a->stride[1]}};
    if (into == NCR_PLAN_OWN) return f;
    const struct ncr_qnode *to = &g->nodes[into];
    if (to->op == NCR_QOP_ADD) {
        f.sum = into;
        f.other = to->in[to->in[0] == q];
        return f;
    }
    for (int axis = 0; axis < 2; axis++) {
        f.pool[axis] = to->attrs.kernel[axis];
        f.stride[axis] *= f.pool[axis];
    }
    return f;
}

static bool rows_join(const struct ncr_buffer *b)
{
    return b->row_bytes == b->width * ncr_buffer_pixel(b);
}

bool ncr_is_pointwise(const struct ncr_plan *plan, uint32_t q)
{
    const struct ncr_qnode *node = &plan->qgraph->nodes[q];
    if (node->op != NCR_QOP_CONV) return false;
    const struct ncr_attrs *a = &node->attrs;
    struct ncr_fusion f = ncr_fusion_of(plan, q);
    return a->groups == 1 && a->kernel[0] == 1 && a->kernel[1] == 1 && f.stride[0] == 1 &&
           f.stride[1] == 1 && !a->pad[0] && !a->pad[1] && !a->pad[2] && !a->pad[3] &&
           rows_join(&plan->buffers[node->in[0]]) &&
           rows_join(&plan->buffers[ncr_plan_stored_as(plan, q)]) &&
           (f.other == NCR_PLAN_OWN || rows_join(&plan->buffers[f.other]));
}
