// Flattening without a copy: the vector is the image as it lies in memory.
#include "compiler/plan/plan_internal.h"

bool ncr_plan_flat_for_dense(const struct ncr_qgraph *g, uint32_t q)
{
    bool read = false;
    if (g->nodes[q].op != NCR_QOP_RESHAPE || g->nodes[q].shape.rank != 1) return false;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] == q) return false;
    for (uint32_t r = 0; r < g->n_nodes; r++)
        for (uint32_t k = 0; k < g->nodes[r].n_in; k++) {
            if (g->nodes[r].in[k] != q) continue;
            if (g->nodes[r].op != NCR_QOP_DENSE) return false;
            read = true;
        }
    return read;
}

bool ncr_plan_keeps_order(const struct ncr_qgraph *g, uint32_t q)
{
    const struct ncr_qnode *node = &g->nodes[q];
    if (node->op != NCR_QOP_RESHAPE || node->shape.rank != 1) return false;
    const struct ncr_shape *in = &g->nodes[node->in[0]].shape;
    bool in_line = in->rank == 1 || in->dim[0] == 1 || (in->dim[1] == 1 && in->dim[2] == 1);
    return in_line || ncr_plan_flat_for_dense(g, q);
}
