// Decision diagrams of sets: the assignments to finite variables that satisfy conditions and bounds
// on sums of small functions, as a layered graph whose paths are exactly the members. Counting,
// uniform sampling, extremes of additive metrics and enumeration are walks over it.
//
// Conditions and the terms of sums are diagrams (diagram.h). Construction is the frontier method
// (Kawahara et al., IEICE Trans. Fundamentals E100-A, 2017): variables are assigned in order; two
// partial assignments are one node when they leave the same residual of every diagram that they
// have begun and not ended, and the same partial sums that are still open. A sum is closed, and
// forgotten, as soon as no completion can break its bounds; a branch is cut as soon as every
// completion must.
#ifndef NCR_SPACE_MDD_H
#define NCR_SPACE_MDD_H

#include "compiler/space/big.h"
#include "compiler/space/diagram.h"

// constant + the terms, whose leaves are indices in the problem's numbers (a hole counts 0);
// members satisfy lo <= sum <= hi. lo = INT64_MIN and hi = INT64_MAX leave that side open.
//
// With divide > 1 the sum is relaxed: every part is divided and rounded down before it is added, so
// that far fewer partial sums differ. What satisfies the bounds then is a superset of what
// satisfies them exactly.
struct ncr_mdd_sum {
    int64_t constant;
    const ncr_diagram *terms;
    uint32_t n_terms;
    int64_t lo, hi;
    int64_t divide; // 0 or 1: exact
};

// Weight of each value of a variable where `exists` holds; 1 elsewhere.
struct ncr_mdd_weight {
    uint32_t var;
    ncr_diagram exists;
    const double *of;
};

struct ncr_mdd_problem {
    struct ncr_diagrams *diagrams;
    const int64_t *numbers;
    const ncr_diagram *conditions;
    uint32_t n_conditions;
    const struct ncr_mdd_sum *sums; // bounded
    uint32_t n_sums;
    const struct ncr_mdd_sum *tracked; // only measured (lo, hi unused): see ncr_mdd_extreme
    const int64_t *tracked_numbers;    // their leaves; NULL: numbers
    uint32_t n_tracked;
    const struct ncr_mdd_weight *weights; // of ncr_mdd_sample_weighted
    uint32_t n_weights;
};

struct ncr_mdd;

// Builds the diagram. max_nodes bounds its size; NULL when it is passed (nothing else can fail).
// The problem must outlive the diagram.
struct ncr_mdd *ncr_mdd_build(struct ncr_arena *arena, const struct ncr_mdd_problem *problem,
                              uint64_t max_nodes);
// The members of a diagram again, with one sum tracked in place of the problem's. Its leaves are
// indices in numbers; both must outlive the result.
struct ncr_mdd *ncr_mdd_measure(struct ncr_arena *arena, const struct ncr_mdd *mdd,
                                const struct ncr_mdd_sum *tracked, const int64_t *numbers,
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
// Members are drawn with probability proportional to the product of the problem's weights. Prepare
// once, then draw. False where every member has weight 0.
bool ncr_mdd_weigh(struct ncr_mdd *mdd);
void ncr_mdd_sample_weighted(const struct ncr_mdd *mdd, struct ncr_rng *rng, uint32_t *values);
// Smallest (sign +1) or largest (sign -1) value of a tracked sum and the first member, in lexical
// order, that has it.
int64_t ncr_mdd_extreme(const struct ncr_mdd *mdd, struct ncr_arena *scratch, uint32_t tracked,
                        int sign, uint32_t *values);
// Calls visit for every member in lexical order until it returns false. values is valid during the
// call.
void ncr_mdd_each(const struct ncr_mdd *mdd, struct ncr_arena *scratch,
                  bool (*visit)(void *user, const uint32_t *values), void *user);

#endif
