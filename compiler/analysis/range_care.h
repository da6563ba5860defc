// Private to compiler/analysis: classes of alike values, and what requantisation makes of them.
#ifndef NCR_ANALYSIS_RANGE_CARE_H
#define NCR_ANALYSIS_RANGE_CARE_H

#include "compiler/analysis/range_masked.h"
#include "compiler/analysis/range_window.h"

// Every value stands for itself, of bytes too; all are alike.
static const struct ncr_care NCR_CARE_EXACT NCR_UNUSED = {INT16_MIN, INT16_MAX};
static const struct ncr_care NCR_CARE_NONE NCR_UNUSED = {INT16_MAX, INT16_MIN};

// What an element of the node's output can hold, struck or not.
static inline struct ncr_interval ncr_care_stored(const struct ncr_qnode *node)
{
    return node->bits > 8 ? (struct ncr_interval){INT16_MIN, INT16_MAX}
                          : (struct ncr_interval){-128, 127};
}

static inline bool ncr_care_none(struct ncr_care care)
{
    return care.low >= care.high;
}

// What is alike for both.
static inline struct ncr_care ncr_care_join(struct ncr_care a, struct ncr_care b)
{
    return (struct ncr_care){a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

// The values of `stored` that are alike v.
static inline struct ncr_interval ncr_care_class(struct ncr_care care, struct ncr_interval stored,
                                                 int32_t v)
{
    if (ncr_care_none(care)) return stored;
    if (v <= care.low) return (struct ncr_interval){stored.lo, care.low};
    if (v >= care.high) return (struct ncr_interval){care.high, stored.hi};
    return (struct ncr_interval){v, v};
}

// Classes of an accumulator: all sums up to `low` requantise to values that are alike, and all from
// `high` on. low < INT32_MIN, high > INT32_MAX: there is no such class.
struct ncr_care_sum {
    int64_t low, high;
    bool none; // all sums are alike
};
struct ncr_care_sum ncr_care_sum_of(const struct ncr_qnode *node, int32_t m, struct ncr_care out);

// Classes of an element x of `stored` that is summed as w·x with the rest of the sum in `rest`.
struct ncr_care ncr_care_term(struct ncr_care_sum sum, struct ncr_interval rest, int64_t w,
                              struct ncr_interval stored);

// The sum without its term: `bound` is an interval sum with `term` in it, `seen` an interval that
// holds for the whole.
static inline struct ncr_interval ncr_care_rest(struct ncr_interval bound, struct ncr_interval seen,
                                                struct ncr_interval term)
{
    struct ncr_interval a = {bound.lo - term.lo, bound.hi - term.hi},
                        b = {seen.lo - term.hi, seen.hi - term.lo};
    return (struct ncr_interval){a.lo > b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi};
}

// An element of the node's output with one bit flipped.
static inline int32_t ncr_care_flipped(const struct ncr_qnode *node, int32_t v, uint32_t bit)
{
    uint32_t u = (uint32_t)v ^ 1u << bit;
    return node->bits > 8 ? (int16_t)(uint16_t)u : (int8_t)(uint8_t)u;
}

// Whether element e has the cares of the one before, as elements of a channel mostly do.
static inline bool ncr_care_repeats(const struct ncr_masked *m, uint32_t q, int64_t e)
{
    const struct ncr_care *any = &m->any[q][e], *one = &m->one[q][e];
    return any->low == any[-1].low && any->high == any[-1].high && one->low == one[-1].low &&
           one->high == one[-1].high;
}

struct ncr_masked_each;
// Narrows what each element that softmax q reads may be, for the run at hand (range_each.h).
void ncr_each_softmax(const struct ncr_masked_each *each, uint32_t q);

// Fills masked->any and masked->one.
void ncr_care_sweep(struct ncr_arena *arena, struct ncr_masked *masked);

#endif
