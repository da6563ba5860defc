// The inside of a decision diagram, shared by mdd.c and mdd_walk.c.
#ifndef NCR_SPACE_MDD_INTERNAL_H
#define NCR_SPACE_MDD_INTERNAL_H

#include "compiler/space/mdd.h"

#define NCR_MDD_NONE   UINT32_MAX
#define NCR_MDD_CLOSED INT64_MIN // a sum whose bounds can no longer be broken

struct ncr_mdd_at {
    const struct ncr_mdd_table **tables;
    uint32_t n;
};

struct ncr_mdd_open {
    const struct ncr_mdd_sum *sum;
    struct ncr_mdd_at *at;      // [n_vars]
    int64_t *rest_lo, *rest_hi; // [n_vars + 1]
};

// Layer v holds the nodes before variable v is assigned; layer n_vars holds the end.
struct ncr_mdd_layer {
    uint32_t n, cap;
    uint32_t *frontier, n_frontier;
    size_t key_bytes;
    unsigned char *keys;
    uint32_t *child; // [n][domain of v]: node of the next layer or NCR_MDD_NONE
    struct ncr_big *count;
};

struct ncr_mdd {
    struct ncr_arena *arena;
    const struct ncr_mdd_problem *problem;
    struct ncr_mdd_layer *layers;
    struct ncr_mdd_at *restrictions;
    struct ncr_mdd_open *open;
    uint32_t n_open;
    struct ncr_mdd_at **tracked; // [n_tracked][n_vars]
    uint64_t n_nodes;
};

int64_t ncr_mdd_lookup(const struct ncr_mdd_problem *problem, const struct ncr_mdd_table *table,
                       const uint32_t *values);
// Writes the frontier values (and, where sums is not NULL, the partial sums) of a node.
void ncr_mdd_read_key(const struct ncr_mdd *mdd, const struct ncr_mdd_layer *layer, uint32_t node,
                      uint32_t *values, int64_t *sums);

#endif
