// Closed-form cost of a systolic array.
#include "compiler/hw/systolic.h"

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

bool ncr_gemm_of(const struct ncr_graph *graph, ncr_node_id id, struct ncr_gemm *out)
{
    const struct ncr_node *node = &graph->nodes[id];
    int64_t macs = ncr_node_macs(graph, id);
    if (macs == 0) return false;
    const struct ncr_shape *in = &graph->nodes[node->in[0]].shape;
    if (node->op == NCR_OP_DENSE) {
        *out = (struct ncr_gemm){1, in->dim[0], node->shape.dim[0], 1};
        return true;
    }
    int64_t groups = node->op == NCR_OP_DWCONV ? in->dim[0] : node->attrs.groups;
    out->repeat = groups;
    out->e = (int64_t)node->shape.dim[1] * node->shape.dim[2];
    out->m = node->shape.dim[0] / groups;
    out->k = macs / (out->e * out->m * groups);
    return true;
}

struct ncr_systolic_cost ncr_systolic(const struct ncr_gemm *g, int64_t rows, int64_t columns,
                                      enum ncr_dataflow flow)
{
    struct ncr_systolic_cost c = {0};
    int64_t folds = 0, each = 0;
    switch (flow) {
    case NCR_OUTPUT_STATIONARY:
        folds = ceil_div(g->e, rows) * ceil_div(g->m, columns);
        each = g->k + rows + columns - 2;
        c.ifmap_reads = g->e * g->k * ceil_div(g->m, columns);
        c.filter_reads = g->k * g->m * ceil_div(g->e, rows);
        c.ofmap_writes = g->e * g->m;
        break;
    case NCR_WEIGHT_STATIONARY:
        folds = ceil_div(g->k, rows) * ceil_div(g->m, columns);
        each = g->e + 2 * rows + columns - 2;
        c.ifmap_reads = g->e * g->k * ceil_div(g->m, columns);
        c.filter_reads = g->k * g->m;
        c.ofmap_writes = g->e * g->m * ceil_div(g->k, rows);
        break;
    case NCR_INPUT_STATIONARY:
        folds = ceil_div(g->k, rows) * ceil_div(g->e, columns);
        each = g->m + 2 * rows + columns - 2;
        c.ifmap_reads = g->e * g->k;
        c.filter_reads = g->k * g->m * ceil_div(g->e, columns);
        c.ofmap_writes = g->e * g->m * ceil_div(g->k, rows);
        break;
    case NCR_ROW_STATIONARY: NCR_BUG("no closed form of the row-stationary data flow");
    }
    c.cycles = (folds * each - 1) * g->repeat;
    c.utilisation = (double)g->e * (double)g->k * (double)g->m * (double)g->repeat /
                    ((double)c.cycles * (double)rows * (double)columns);
    c.ifmap_reads *= g->repeat;
    c.filter_reads *= g->repeat;
    c.ofmap_writes *= g->repeat;
    return c;
}
