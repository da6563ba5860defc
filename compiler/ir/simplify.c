// Simplification: a new graph without identities, dropout and nodes that reach no output. Exact:
// every kept tensor has the same value. Inputs stay, used or not, since they are the network's
// signature.
#include "compiler/ir/graph.h"

static bool elided(const struct ncr_node *node)
{
    return node->op == NCR_OP_IDENTITY || node->op == NCR_OP_DROPOUT ||
           (node->op == NCR_OP_CONCAT && node->n_in == 1);
}

// The node whose tensor `id` really is.
static ncr_node_id source(const struct ncr_graph *graph, ncr_node_id id)
{
    while (elided(&graph->nodes[id]))
        id = graph->nodes[id].in[0];
    return id;
}

struct ncr_graph *ncr_graph_simplify(struct ncr_arena *arena, const struct ncr_graph *graph)
{
    bool *live = NCR_NEW_N(arena, bool, graph->n_nodes);
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        live[source(graph, graph->outputs[i].node)] = true;
    for (uint32_t i = 0; i < graph->n_inputs; i++)
        live[graph->inputs[i]] = true;
    for (ncr_node_id id = graph->n_nodes; id-- > 0;)
        for (uint32_t k = 0; live[id] && k < graph->nodes[id].n_in; k++)
            live[source(graph, graph->nodes[id].in[k])] = true;

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
            in[k] = moved[source(graph, old->in[k])];
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
        result->outputs[i] = (struct ncr_output){graph->outputs[i].name,
                                                 moved[source(graph, graph->outputs[i].node)]};
    return result;
}
