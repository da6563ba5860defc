// Private to compiler/quant: what building shares between structure (build.c), numbers (numbers.c)
// and training for those numbers (fake.c).
#ifndef NCR_QUANT_BUILD_H
#define NCR_QUANT_BUILD_H

#include "compiler/quant/qgraph.h"

struct ncr_builder_q {
    struct ncr_arena *arena;
    struct ncr_diags *diags;
    const struct ncr_graph *graph;
    uint32_t *n_users; // readers of each graph tensor; an output counts as two
    ncr_node_id *user; // the last of them
    bool *taken;       // fused into an earlier node
};

// Adds to a diagnostic about graph node `id` the blocks around it; d may not be NULL.
void ncr_builder_q_blame(struct ncr_builder_q *b, struct ncr_diag *d, ncr_node_id id);
struct ncr_span ncr_builder_q_span(const struct ncr_builder_q *b, ncr_node_id id);

// Fills in scales, weights, multipliers, tables. False after diagnostics.
bool ncr_qgraph_fill(struct ncr_builder_q *b, struct ncr_qgraph *qgraph,
                     const struct ncr_weights *weights, const struct ncr_ranges *ranges);
// Of those, scale, zero point and clamp of each tensor alone.
bool ncr_qgraph_scales(struct ncr_builder_q *b, struct ncr_qgraph *qgraph,
                       const struct ncr_ranges *ranges);

// Real weights [n_weights] and biases [n_channels] of a node with batchnorm folded in: w' = k·w,
// b' = k·(b - mean) + beta, k = gamma / sqrt(var + eps), and k itself (1 without a batchnorm) in
// factor [n_channels], which may be NULL. A batchnorm on its own has w = 1.
void ncr_qnode_fold(const struct ncr_graph *graph, const struct ncr_qnode *node,
                    const struct ncr_weights *weights, double *w, double *bias, double *factor);
// Room for the numbers of a node with weights.
void ncr_qnode_new_weights(struct ncr_arena *arena, struct ncr_qnode *node);

// Sums of a channel: the largest |sum| over all inputs, at any moment, and its ends.
struct ncr_reach {
    int64_t most, lo, hi;
};
// Rounds folded weights and biases into weights, bias, weight_scale, mult and shift of the node;
// the scales of its input and of itself must be set. Gives the worst channel, whose biases are
// meaningless where `most` leaves 32 bits.
struct ncr_reach ncr_qnode_round(const struct ncr_qgraph *graph, struct ncr_qnode *node,
                                 const double *w, const double *bias, int32_t *worst_channel);

#endif
