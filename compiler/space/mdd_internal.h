// The inside of a decision diagram of a set, shared by mdd.c and mdd_walk.c.
#ifndef NCR_SPACE_MDD_INTERNAL_H
#define NCR_SPACE_MDD_INTERNAL_H

#include "compiler/space/mdd.h"

#define NCR_MDD_NONE   UINT32_MAX
#define NCR_MDD_CLOSED INT64_MIN // a sum whose bounds can no longer be broken

enum ncr_mdd_role { NCR_MDD_CONDITION, NCR_MDD_TERM, NCR_MDD_TRACKED, NCR_MDD_WEIGHT };

// A diagram that paths walk through: from its first variable to its last.
struct ncr_mdd_item {
    enum ncr_mdd_role role;
    uint32_t owner; // sum, tracked sum or weight
    int64_t times;  // of a term that occurs several times
    ncr_diagram f;
    uint32_t first, last;
};

// Layer v holds the nodes before variable v is assigned; layer n_vars holds the end.
struct ncr_mdd_layer {
    uint32_t n, cap;
    uint32_t *begun, n_begun; // items in the key: first < v <= last
    uint32_t *here, n_here;   // items that read variable v: first <= v <= last
    size_t key_bytes;
    unsigned char *keys;
    uint32_t *child;  // [n][domain of v]: node of the next layer or NCR_MDD_NONE
    int64_t *tracked; // [n][domain of v][n_tracked]: what the edge adds
    double *weight;   // [n][domain of v]; NULL without weights
    double *total;    // [n]: weight of all completions, up to a factor of the layer
    struct ncr_big *count;
};

struct ncr_mdd {
    struct ncr_arena *arena;
    const struct ncr_mdd_problem *problem;
    uint32_t n_vars;
    struct ncr_mdd_layer *layers;
    struct ncr_mdd_item *items;
    uint32_t n_items;
    int64_t **flat;               // [n_sums][sum of domains]: terms of one variable, added up
    int64_t **flat_tracked;       // [n_tracked][…]
    uint32_t *offset;             // of a variable in flat
    int64_t *start;               // [n_sums]: constants
    int64_t *constants;           // [n_tracked]
    int64_t *lo, *hi;             // [n_sums]: bounds, of relaxed sums as they count
    int64_t **rest_lo, **rest_hi; // [n_sums][n_vars + 1]: of what is not begun before layer v
    int64_t *least, *most;        // of each node of the pool, over its leaves
    bool empty;                   // a condition is false
    uint64_t n_nodes;
};

#endif
