// What training needs to know of a graph beyond the graph: which node gives the scores, what
// matters for them, where gradients must go. Internal to runtime/train.
#ifndef NCR_TRAIN_PLAN_H
#define NCR_TRAIN_PLAN_H

#include "runtime/train/trainer.h"

struct ncr_train_plan {
    const struct ncr_graph *graph;
    ncr_node_id input;
    ncr_node_id output; // the graph's output
    ncr_node_id scores; // the output, or what a final softmax reads: softmax and cross entropy are
                        // one function
    uint32_t classes;
    int64_t input_elements;
    bool *live; // [n_nodes] the output depends on it
    bool *grad; // [n_nodes] live, and it or an ancestor has parameters: its output's gradient is
                // needed
    uint32_t *readers; // [n_nodes] edges to live nodes, the final softmax not counted
    // NULL: nothing is rounded. Which tensors are is fixed when a backend opens the plan; to what,
    // it reads at each pass.
    const struct ncr_train_rounding *rounding;
};

// Lives in the arena. NCR_USAGE with the reason where the graph is no classifier.
enum ncr_status ncr_train_plan_make(struct ncr_arena *arena, const struct ncr_graph *graph,
                                    struct ncr_train_plan *plan, struct ncr_error *err);
// NCR_USAGE where there is nothing to train.
enum ncr_status ncr_train_plan_trainable(const struct ncr_train_plan *plan, struct ncr_error *err);

// How the output of a node is rounded; NULL where it is not.
static inline const struct ncr_fake_tensor *ncr_train_rounded(const struct ncr_train_plan *plan,
                                                              ncr_node_id id)
{
    return plan->rounding && plan->rounding->tensors[id].on ? &plan->rounding->tensors[id] : NULL;
}

static inline bool ncr_param_is_trained(enum ncr_param_role role)
{
    return role != NCR_PARAM_MEAN && role != NCR_PARAM_VAR;
}

// The parameter of a node with this role; NCR_NO_NODE where it has none.
static inline uint32_t ncr_node_param(const struct ncr_graph *graph, const struct ncr_node *node,
                                      enum ncr_param_role role)
{
    for (uint32_t p = node->first_param; p < node->first_param + node->n_params; p++)
        if (graph->params[p].role == role) return p;
    return NCR_NO_NODE;
}

// Channels and places of a channel: [C, H, W] gives C and H·W, [N] gives N and 1.
static inline int64_t ncr_shape_channels(const struct ncr_shape *shape)
{
    return shape->dim[0];
}
static inline int64_t ncr_shape_places(const struct ncr_shape *shape)
{
    return shape->rank == 3 ? (int64_t)shape->dim[1] * shape->dim[2] : 1;
}

#endif
