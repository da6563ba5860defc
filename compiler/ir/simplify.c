// Simplification: a new graph without operators that compute nothing and nodes that reach no
// output. Exact: every kept tensor has the same value. Inputs stay, used or not, since they are the
// network's signature.
#include "compiler/ir/graph.h"

static bool all(const int32_t *v, int n, int32_t want)
{
    for (int i = 0; i < n; i++)
        if (v[i] != want) return false;
    return true;
}

// Whether the node's tensor is its first input's, bit for bit. source[] is known for smaller ids.
static bool computes_nothing(const struct ncr_graph *graph, const struct ncr_node *node,
                             const ncr_node_id *source)
{
    const struct ncr_attrs *a = &node->attrs;
    switch (node->op) {
    case NCR_OP_IDENTITY:
    case NCR_OP_DROPOUT: return true;
    case NCR_OP_CONCAT: return node->n_in == 1;
    case NCR_OP_RELU:
    case NCR_OP_RELU6: return graph->nodes[source[node->in[0]]].op == node->op;
    case NCR_OP_FLATTEN:
    case NCR_OP_RESHAPE: return ncr_shape_equal(&node->shape, &graph->nodes[node->in[0]].shape);
    case NCR_OP_PAD: return all(a->pad, 4, 0);
    case NCR_OP_UPSAMPLE: return all(a->factor, 2, 1);
    case NCR_OP_MAXPOOL:
    case NCR_OP_AVGPOOL: return all(a->kernel, 2, 1) && all(a->stride, 2, 1) && all(a->pad, 4, 0);
    case NCR_OP_INPUT:
    case NCR_OP_CONV:
    case NCR_OP_DWCONV:
    case NCR_OP_DENSE:
    case NCR_OP_BATCHNORM:
    case NCR_OP_LEAKY_RELU:
    case NCR_OP_HARDSWISH:
    case NCR_OP_SIGMOID:
    case NCR_OP_TANH:
    case NCR_OP_SOFTMAX:
    case NCR_OP_GLOBAL_AVGPOOL:
    case NCR_OP_ADD:
    case NCR_OP_MUL:
    case NCR_OP_COUNT_: return false;
    }
    NCR_BUG("operator %d", (int)node->op);
}

struct ncr_graph *ncr_graph_simplify(struct ncr_arena *arena, const struct ncr_graph *graph)
{
    // source[id]: the node whose tensor `id` really is
    ncr_node_id *source = NCR_NEW_N(arena, ncr_node_id, graph->n_nodes);
    for (ncr_node_id id = 0; id < graph->n_nodes; id++)
        source[id] = computes_nothing(graph, &graph->nodes[id], source)
                         ? source[graph->nodes[id].in[0]]
                         : id;
    bool *live = NCR_NEW_N(arena, bool, graph->n_nodes);
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        live[source[graph->outputs[i].node]] = true;
    for (uint32_t i = 0; i < graph->n_inputs; i++)
        live[graph->inputs[i]] = true;
    for (ncr_node_id id = graph->n_nodes; id-- > 0;)
        for (uint32_t k = 0; live[id] && k < graph->nodes[id].n_in; k++)
            live[source[graph->nodes[id].in[k]]] = true;

    struct ncr_graph *result = NCR_NEW(arena, struct ncr_graph);
    *result = *graph;
    result->nodes = NCR_NEW_N(arena, struct ncr_node, graph->n_nodes);
    result->params = NCR_NEW_N(arena, struct ncr_param, graph->n_params);
    result->inputs = NCR_NEW_N(arena, ncr_node_id, graph->n_inputs);
    result->outputs = NCR_NEW_N(arena, struct ncr_output, graph->n_outputs);
    result->n_nodes = result->n_params = result->n_inputs = 0;
    ncr_node_id *moved = NCR_NEW_N(arena, ncr_node_id, graph->n_nodes);
    uint32_t *moved_param =
        NCR_NEW_N(arena, uint32_t, graph->n_params); // 1 + new index; 0: not yet
    for (ncr_node_id id = 0; id < graph->n_nodes; id++) {
        if (!live[id]) continue;
        const struct ncr_node *old = &graph->nodes[id];
        struct ncr_node *node = &result->nodes[result->n_nodes];
        *node = *old;
        ncr_node_id *in = NCR_NEW_N(arena, ncr_node_id, old->n_in);
        for (uint32_t k = 0; k < old->n_in; k++)
            in[k] = moved[source[old->in[k]]];
        node->in = in;
        if (old->n_params && !moved_param[old->first_param])
            for (uint32_t k = 0; k < old->n_params; k++) {
                result->params[result->n_params] = graph->params[old->first_param + k];
                moved_param[old->first_param + k] = ++result->n_params;
            }
        node->first_param = old->n_params ? moved_param[old->first_param] - 1 : 0;
        if (node->op == NCR_OP_INPUT) result->inputs[result->n_inputs++] = result->n_nodes;
        moved[id] = result->n_nodes++;
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        result->outputs[i] =
            (struct ncr_output){graph->outputs[i].name, moved[source[graph->outputs[i].node]]};
    return result;
}
