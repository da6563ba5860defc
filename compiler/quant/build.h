// Private to compiler/quant: what building shares between structure (build.c) and numbers
// (numbers.c).
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

#endif
