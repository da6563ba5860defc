// Private to compiler/analysis: classes of alike values, and what requantisation makes of them.
#ifndef NCR_ANALYSIS_RANGE_CARE_H
#define NCR_ANALYSIS_RANGE_CARE_H

#include "compiler/analysis/range_masked.h"
#include "compiler/analysis/range_window.h"

static const struct ncr_care NCR_CARE_EXACT NCR_UNUSED = {-128, 127};
static const struct ncr_care NCR_CARE_NONE NCR_UNUSED = {127, -128};

static inline bool ncr_care_none(struct ncr_care care)
{
    return care.low >= care.high;
}

// What is alike for both.
static inline struct ncr_care ncr_care_join(struct ncr_care a, struct ncr_care b)
{
    return (struct ncr_care){a.low < b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
}

// Classes of an accumulator: all sums up to `low` requantise to values that are alike, and all from
// `high` on. low < INT32_MIN, high > INT32_MAX: there is no such class.
struct ncr_care_sum {
    int64_t low, high;
    bool none; // all sums are alike
};
struct ncr_care_sum ncr_care_sum_of(const struct ncr_qnode *node, int32_t m, struct ncr_care out);

// Classes of a stored byte x that is summed as w·x with the rest of the sum in `rest`.
struct ncr_care ncr_care_term(struct ncr_care_sum sum, struct ncr_interval rest, int64_t w);

// The sum without its term: `bound` is an interval sum with `term` in it, `seen` an interval that
// holds for the whole.
static inline struct ncr_interval ncr_care_rest(struct ncr_interval bound, struct ncr_interval seen,
                                                struct ncr_interval term)
{
    struct ncr_interval a = {bound.lo - term.lo, bound.hi - term.hi},
                        b = {seen.lo - term.hi, seen.hi - term.lo};
    return (struct ncr_interval){a.lo > b.lo ? a.lo : b.lo, a.hi < b.hi ? a.hi : b.hi};
}

// A stored byte with one bit flipped.
static inline int32_t ncr_care_flipped(int32_t v, int bit)
{
    uint32_t u = ((uint32_t)v ^ 1u << bit) & 0xff;
    return (int32_t)u - (u & 0x80 ? 256 : 0);
}

// Whether element e has the cares of the one before, as elements of a channel mostly do.
static inline bool ncr_care_repeats(const struct ncr_masked *m, uint32_t q, int64_t e)
{
    const struct ncr_care *any = &m->any[q][e], *one = &m->one[q][e];
    return any->low == any[-1].low && any->high == any[-1].high && one->low == one[-1].low &&
           one->high == one[-1].high;
}

// Fills masked->any and masked->one.
void ncr_care_sweep(struct ncr_arena *arena, struct ncr_masked *masked);

#endif
