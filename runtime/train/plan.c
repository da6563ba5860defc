// Graph to training plan: the checks that a graph is a classifier, and two sweeps over the nodes.
#include "runtime/train/plan.h"

enum ncr_status ncr_train_plan_make(struct ncr_arena *arena, const struct ncr_graph *graph,
                                    struct ncr_train_plan *plan, struct ncr_error *err)
{
    if (graph->n_inputs != 1)
        return ncr_fail(err, NCR_USAGE, "net '%.*s' has %u inputs, a classifier has exactly 1",
                        NCR_STR_ARG(graph->name), graph->n_inputs);
    if (graph->n_outputs != 1)
        return ncr_fail(err, NCR_USAGE, "net '%.*s' has %u outputs, a classifier has exactly 1",
                        NCR_STR_ARG(graph->name), graph->n_outputs);
    uint32_t n = graph->n_nodes;
    *plan = (struct ncr_train_plan){
        .graph = graph, .input = graph->inputs[0], .output = graph->outputs[0].node};
    const struct ncr_node *out = &graph->nodes[plan->output];
    char text[48];
    if (out->shape.rank != 1)
        return ncr_fail(err, NCR_USAGE,
                        "the output of net '%.*s' is %s, a classifier's is one score a class (rank "
                        "1: add flatten)",
                        NCR_STR_ARG(graph->name), ncr_shape_text(&out->shape, text));
    plan->scores = out->op == NCR_OP_SOFTMAX ? out->in[0] : plan->output;
    plan->classes = (uint32_t)out->shape.dim[0];
    plan->input_elements = ncr_shape_elements(&graph->nodes[plan->input].shape);
    plan->live = NCR_NEW_N(arena, bool, n);
    plan->grad = NCR_NEW_N(arena, bool, n);
    plan->readers = NCR_NEW_N(arena, uint32_t, n);

    plan->live[plan->output] = true;
    for (uint32_t i = n; i-- > 0;) {
        const struct ncr_node *node = &graph->nodes[i];
        if (!plan->live[i]) continue;
        bool counts = i != plan->output || plan->scores == plan->output;
        for (uint32_t k = 0; k < node->n_in; k++) {
            plan->live[node->in[k]] = true;
            if (counts) plan->readers[node->in[k]]++;
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        const struct ncr_node *node = &graph->nodes[i];
        if (!plan->live[i]) continue;
        plan->grad[i] = node->n_params > 0;
        for (uint32_t k = 0; k < node->n_in; k++)
            plan->grad[i] |= plan->grad[node->in[k]];
    }
    return NCR_OK;
}

enum ncr_status ncr_train_plan_trainable(const struct ncr_train_plan *plan, struct ncr_error *err)
{
    if (plan->grad[plan->scores]) return NCR_OK;
    return ncr_fail(err, NCR_USAGE,
                    "net '%.*s' cannot be trained: no parameter leads to its output",
                    NCR_STR_ARG(plan->graph->name));
}
