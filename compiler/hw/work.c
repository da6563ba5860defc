// PLAN step to the work of one operator.
#include "compiler/hw/work.h"

struct ncr_operator_work ncr_operator_work_of(const struct ncr_plan *plan, uint32_t step)
{
    const struct ncr_qgraph *g = plan->qgraph;
    uint32_t q = plan->steps[step];
    const struct ncr_qnode *node = &g->nodes[q];
    struct ncr_operator_work work = {.q = q, .groups = 1, .stride = {1, 1}, .dilation = {1, 1}};
    for (int d = 0; d < NCR_DIMS; d++)
        work.dim[d] = 1;
    if (node->op == NCR_QOP_INPUT) return work;
    if (node->op == NCR_QOP_RESHAPE && plan->buffers[q].in_place_of != NCR_PLAN_OWN) return work;
    work.macs = node->macs;
    work.out_elements = ncr_shape_elements(&node->shape);
    work.out_bytes = ncr_qnode_bytes(node);
    for (uint32_t i = 0; i < node->n_in; i++) {
        const struct ncr_qnode *in = &g->nodes[node->in[i]];
        if (plan->buffers[node->in[i]].slice_of == q) { // it is there already
            work.out_elements -= ncr_shape_elements(&in->shape);
            work.out_bytes -= ncr_qnode_bytes(in);
            continue;
        }
        work.in_elements += ncr_shape_elements(&in->shape);
        work.in_bytes += ncr_qnode_bytes(in);
    }
    work.weight_elements = node->n_weights;
    work.weight_bytes = ncr_qnode_weight_bytes(node);
    if (work.macs == 0) {
        bool pool = node->op == NCR_QOP_MAXPOOL || node->op == NCR_QOP_AVGPOOL;
        int64_t taps = pool ? (int64_t)node->attrs.kernel[0] * node->attrs.kernel[1] : 1;
        if (node->op == NCR_QOP_ADD) taps = node->n_in;
        work.operations = work.out_elements * taps;
        return work;
    }
    const struct ncr_shape *in = &g->nodes[node->in[0]].shape;
    if (node->op == NCR_QOP_DENSE) {
        work.dim[NCR_DIM_K] = node->shape.dim[0];
        work.dim[NCR_DIM_C] = ncr_shape_elements(in);
        return work;
    }
    work.groups = node->op == NCR_QOP_DWCONV ? in->dim[0] : node->attrs.groups;
    work.dim[NCR_DIM_K] = node->shape.dim[0] / work.groups;
    work.dim[NCR_DIM_C] = in->dim[0] / work.groups;
    work.dim[NCR_DIM_R] = node->attrs.kernel[0];
    work.dim[NCR_DIM_S] = node->attrs.kernel[1];
    bool plane = node->shape.rank == 3; // a batchnorm behind a dense layer has none
    work.dim[NCR_DIM_P] = plane ? node->shape.dim[1] : 1;
    work.dim[NCR_DIM_Q] = plane ? node->shape.dim[2] : 1;
    for (int i = 0; i < 2; i++) {
        work.stride[i] = node->attrs.stride[i];
        work.dilation[i] = node->attrs.dilation[i];
    }
    return work;
}
