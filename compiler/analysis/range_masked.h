// Intervals to proofs: which single bit flips can never change the network's output.
//
// *Care.* What a network does with one stored element v (a byte or 16 bits) depends, as far as is
// proved, on v only through three classes: all values up to `low` are alike, all from `high` on are
// alike, each between stands for itself. A clamp, a saturating table, a maximum make such classes;
// weights of zero and places that no window reads make the whole element indifferent. Two cares are
// kept for each element, found in one sweep from the outputs:
//
//   any   alike whatever else the tensors hold: elements of one tensor may change together
//   one   alike where every other stored value is that of a fault-free run, within its interval
//
// A flip of bit b is proved masked where for every value v of the element's interval v and its
// flipped value are alike; for a weight or bias, where the sums before and after the flip, over all
// inputs, requantise to values that are alike. Proofs hold for every input that the intervals hold
// for: all of them (sound), or the calibration inputs (calibrated).
#ifndef NCR_ANALYSIS_RANGE_MASKED_H
#define NCR_ANALYSIS_RANGE_MASKED_H

#include "compiler/analysis/range.h"
#include "compiler/fault/sites.h"

struct ncr_care {
    int16_t low, high;
};

// Whether a and b are in one class.
static inline bool ncr_care_alike(struct ncr_care care, int32_t a, int32_t b)
{
    return a == b || (a <= care.low && b <= care.low) || (a >= care.high && b >= care.high);
}

struct ncr_masked {
    const struct ncr_range_map *map;
    struct ncr_care **any, **one; // [qnode][element], logical order
    // Proved points by node, class and bit, and all points of one bit: elements of the class.
    uint64_t (*proved)[NCR_SITES_COUNT_][32];
    uint64_t (*elements)[NCR_SITES_COUNT_];
    uint64_t n_proved, n_points; // over everything, each bit once
};

// Proofs for all points of single bit flips. The result lives in the arena.
struct ncr_masked *ncr_masked_of(struct ncr_arena *arena, const struct ncr_range_map *map);

// The proved bits of one element, as a mask: activation bits 0 to 7 or 15, weight bits 0 to 7, bias
// 0 to 31.
uint32_t ncr_masked_activation(const struct ncr_masked *masked, uint32_t q, int64_t element);

// Weights and biases of a node: visit(user, site, element, bits) for each, in the order of sites.
// `any` and `one` must be there. Scratch memory comes from the arena and goes back.
void ncr_masked_constants(struct ncr_arena *arena, const struct ncr_masked *masked, uint32_t q,
                          void (*visit)(void *user, enum ncr_site_class site, int64_t element,
                                        uint32_t bits),
                          void *user);

// Whether no value that channel c of node q can hold reaches the output.
bool ncr_masked_channel_dead(const struct ncr_masked *masked, uint32_t q, uint32_t c);

// Lints: channels that hold one value only (N0802) and channels that cannot reach the output
// (N0803), one diagnostic an operator that computes values of its own.
void ncr_masked_lint(const struct ncr_masked *masked, struct ncr_diags *diags);

#endif
