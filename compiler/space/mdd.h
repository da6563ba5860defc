// Decision diagrams: a set of assignments to finite variables, restricted by small tables and by
// bounds on sums of small tables, as a layered graph whose paths are exactly the members. Counting,
// uniform sampling, extremes of additive metrics and enumeration are walks over it.
//
// Construction is the frontier method (Kawahara et al., IEICE Trans. Fundamentals E100-A, 2017, for
// graphs; here for any factors): variables are assigned in order; two partial assignments are one
// node when they agree on the variables that later tables still read (the frontier) and on the
// partial sums that are still open. A sum is closed, and forgotten, as soon as no completion can
// break its bounds; a branch is cut as soon as every completion must.
#ifndef NCR_SPACE_MDD_H
#define NCR_SPACE_MDD_H

#include "compiler/space/big.h"

// A function of a few variables: table is row-major over vars (ascending, at most NCR_MDD_SCOPE of
// them).
struct ncr_mdd_table {
    uint32_t n_vars;
    const uint32_t *vars;
    const int64_t *value; // for a restriction: 0 = forbidden
};

enum { NCR_MDD_SCOPE = 12 };

// A sum of tables; members satisfy lo <= sum <= hi. lo = INT64_MIN and hi = INT64_MAX leave that
// side open.
struct ncr_mdd_sum {
    const struct ncr_mdd_table *terms;
    uint32_t n_terms;
    int64_t lo, hi;
};

struct ncr_mdd_problem {
    uint32_t n_vars;
    const uint32_t *domain; // number of values of each variable, >= 1
    const struct ncr_mdd_table *restrictions;
    uint32_t n_restrictions;
    const struct ncr_mdd_sum *sums; // bounded
    uint32_t n_sums;
    const struct ncr_mdd_sum *tracked; // only measured (lo, hi unused): see ncr_mdd_extreme
    uint32_t n_tracked;
};

struct ncr_mdd;

// Builds the diagram. max_nodes bounds its size; NULL when it is passed (nothing else can fail).
// The problem must outlive the diagram.
struct ncr_mdd *ncr_mdd_build(struct ncr_arena *arena, const struct ncr_mdd_problem *problem,
                              uint64_t max_nodes);
uint64_t ncr_mdd_nodes(const struct ncr_mdd *mdd);
// Number of members, exactly.
struct ncr_big ncr_mdd_count(const struct ncr_mdd *mdd);
// True when some member has variable var at value.
bool ncr_mdd_possible(const struct ncr_mdd *mdd, uint32_t var, uint32_t value);
// A member drawn uniformly into values[n_vars]; scratch is reset before the return. The set must
// not be empty.
void ncr_mdd_sample(const struct ncr_mdd *mdd, struct ncr_arena *scratch, struct ncr_rng *rng,
                    uint32_t *values);
// Weights per (variable, value), flattened in variable order: members are drawn with probability
// proportional to the product of the weights of their values. Prepare once, then draw. NULL where
// every member has weight 0.
struct ncr_mdd_weights;
struct ncr_mdd_weights *ncr_mdd_weigh(struct ncr_arena *arena, const struct ncr_mdd *mdd,
                                      const double *weight);
void ncr_mdd_sample_weighted(const struct ncr_mdd *mdd, const struct ncr_mdd_weights *weights,
                             struct ncr_rng *rng, uint32_t *values);
// Smallest (sign +1) or largest (sign -1) value of a tracked sum and the first member, in lexical
// order, that has it.
int64_t ncr_mdd_extreme(const struct ncr_mdd *mdd, struct ncr_arena *scratch, uint32_t tracked,
                        int sign, uint32_t *values);
// Calls visit for every member in lexical order until it returns false. values is valid during the
// call.
void ncr_mdd_each(const struct ncr_mdd *mdd, struct ncr_arena *scratch,
                  bool (*visit)(void *user, const uint32_t *values), void *user);

#endif
