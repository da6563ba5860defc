// Parameters of the operators and the counts of analysis: parameters and MACs.
#include "compiler/ir/graph_internal.h"

static void add(struct ncr_param_list *list, enum ncr_param_role role, uint32_t rank, int64_t a,
                int64_t b, int64_t c, int64_t d)
{
    list->at[list->n++] =
        (struct ncr_param){.role = role,
                           .rank = rank,
                           .dim = {(int32_t)a, (int32_t)b, (int32_t)c, (int32_t)d},
                           .n = a * (rank > 1 ? b : 1) * (rank > 2 ? c * d : 1)};
}

static void ncr_params_none(const struct ncr_attrs *a, const struct ncr_shape *in,
                            struct ncr_param_list *list)
{
    (void)a, (void)in, (void)list;
}

static void ncr_params_conv(const struct ncr_attrs *a, const struct ncr_shape *in,
                            struct ncr_param_list *list)
{
    add(list, NCR_PARAM_WEIGHT, 4, a->out, in->dim[0] / a->groups, a->kernel[0], a->kernel[1]);
    if (a->bias) add(list, NCR_PARAM_BIAS, 1, a->out, 0, 0, 0);
}

static void ncr_params_dwconv(const struct ncr_attrs *a, const struct ncr_shape *in,
                              struct ncr_param_list *list)
{
    int64_t out = (int64_t)in->dim[0] * a->multiplier;
    add(list, NCR_PARAM_WEIGHT, 4, out, 1, a->kernel[0], a->kernel[1]);
    if (a->bias) add(list, NCR_PARAM_BIAS, 1, out, 0, 0, 0);
}

static void ncr_params_dense(const struct ncr_attrs *a, const struct ncr_shape *in,
                             struct ncr_param_list *list)
{
    add(list, NCR_PARAM_WEIGHT, 2, a->out, in->dim[0], 0, 0);
    if (a->bias) add(list, NCR_PARAM_BIAS, 1, a->out, 0, 0, 0);
}

static void ncr_params_batchnorm(const struct ncr_attrs *a, const struct ncr_shape *in,
                                 struct ncr_param_list *list)
{
    (void)a;
    add(list, NCR_PARAM_GAMMA, 1, in->dim[0], 0, 0, 0);
    add(list, NCR_PARAM_BETA, 1, in->dim[0], 0, 0, 0);
    add(list, NCR_PARAM_MEAN, 1, in->dim[0], 0, 0, 0);
    add(list, NCR_PARAM_VAR, 1, in->dim[0], 0, 0, 0);
}

void ncr_params_op(enum ncr_op op, const struct ncr_attrs *attrs, const struct ncr_shape *in,
                   struct ncr_param_list *out)
{
    static void (*const rule[])(const struct ncr_attrs *, const struct ncr_shape *,
                                struct ncr_param_list *) = {
#define NCR_OP_ROW(NAME, name, min_in, max_in, attrs, shape, params, ...) ncr_params_##params,
#include "compiler/ir/ops.def"
#undef NCR_OP_ROW
    };
    out->n = 0;
    rule[op](attrs, in, out);
}

const char *ncr_param_suffix(enum ncr_param_role role)
{
    switch (role) {
    case NCR_PARAM_WEIGHT:
    case NCR_PARAM_GAMMA: return "weight";
    case NCR_PARAM_BIAS:
    case NCR_PARAM_BETA: return "bias";
    case NCR_PARAM_MEAN: return "running_mean";
    case NCR_PARAM_VAR: return "running_var";
    }
    NCR_BUG("parameter role %d", (int)role);
}

static int64_t ncr_macs_none(const struct ncr_attrs *a, const struct ncr_shape *in,
                             const struct ncr_shape *out)
{
    (void)a, (void)in, (void)out;
    return 0;
}

// K_h·K_w·(C_in/g)·C_out·H_out·W_out; a depthwise convolution has one input channel a group.
static int64_t ncr_macs_conv(const struct ncr_attrs *a, const struct ncr_shape *in,
                             const struct ncr_shape *out)
{
    int64_t taps = (int64_t)a->kernel[0] * a->kernel[1];
    int64_t depth = a->multiplier ? 1 : in->dim[0] / a->groups;
    return taps * depth *
           ncr_shape_elements(out); // within 2^24 · 2^20 · 2^28: see need_weights and the limits
}

static int64_t ncr_macs_dense(const struct ncr_attrs *a, const struct ncr_shape *in,
                              const struct ncr_shape *out)
{
    (void)a;
    return (int64_t)in->dim[0] * out->dim[0];
}

int64_t ncr_macs_op(enum ncr_op op, const struct ncr_attrs *attrs, const struct ncr_shape *in,
                    const struct ncr_shape *out)
{
    static int64_t (*const rule[])(const struct ncr_attrs *, const struct ncr_shape *,
                                   const struct ncr_shape *) = {
#define NCR_OP_ROW(NAME, name, min_in, max_in, attrs, shape, params, macs, ...) ncr_macs_##macs,
#include "compiler/ir/ops.def"
#undef NCR_OP_ROW
    };
    return rule[op](attrs, in, out);
}

int64_t ncr_node_params(const struct ncr_graph *graph, ncr_node_id id)
{
    const struct ncr_node *node = &graph->nodes[id];
    int64_t n = 0;
    for (uint32_t i = 0; i < node->n_params; i++) {
        const struct ncr_param *p = &graph->params[node->first_param + i];
        if (p->role != NCR_PARAM_MEAN && p->role != NCR_PARAM_VAR) n += p->n;
    }
    return n;
}

int64_t ncr_node_macs(const struct ncr_graph *graph, ncr_node_id id)
{
    const struct ncr_node *node = &graph->nodes[id];
    return ncr_macs_op(node->op, &node->attrs, node->n_in ? &graph->nodes[node->in[0]].shape : NULL,
                       &node->shape);
}

int64_t ncr_graph_params(const struct ncr_graph *graph)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < graph->n_params; i++)
        if (graph->params[i].role != NCR_PARAM_MEAN && graph->params[i].role != NCR_PARAM_VAR)
            n += graph->params[i].n;
    return n;
}

int64_t ncr_graph_macs(const struct ncr_graph *graph)
{
    int64_t n = 0;
    for (ncr_node_id id = 0; id < graph->n_nodes; id++)
        n += ncr_node_macs(graph, id);
    return n;
}
