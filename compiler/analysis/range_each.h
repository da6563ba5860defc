// Proofs for one input at a time: which single bit flips change nothing, given the very values of a
// fault-free run.
//
// With one input all values are known, so no fault need be bounded. From the outputs back, each
// stored element gets the interval around its value within which it could be anything without a
// change of the output: for sums by exact arithmetic, rounding and all, for a maximum by the other
// pixels, and so on. A sum's inputs must leave it alike whatever the rest of the network does
// (`any` of range_masked.h), since a fault in one of them is in many sums; where an element has a
// single reader that makes one element of it, the interval of that element counts. A flip is proved
// masked where it stays in the interval, a weight's or bias's where all its sums do, or where it is
// proved for all inputs. What spreads and dies out only later is not followed: the true share is at
// least what is proved.
#ifndef NCR_ANALYSIS_RANGE_EACH_H
#define NCR_ANALYSIS_RANGE_EACH_H

#include "compiler/analysis/range_masked.h"

struct ncr_element_span {
    int16_t lo, hi; // both ends belong to it
};

struct ncr_masked_each {
    const struct ncr_masked *base;
    struct ncr_arena *arena;
    uint64_t n_inputs;
    // Of the input fed last, by qnode and element: bits proved masked. NULL without such sites.
    uint16_t **activation;
    uint8_t **weight;
    uint32_t **bias;
    int8_t **values;                // the tensors of that run
    struct ncr_element_span **safe; // what each element of it may be
    uint32_t *uses;                 // readers of each tensor; being an output counts as one
    uint64_t (*proved)[NCR_SITES_COUNT_][32]; // summed over the inputs, as in ncr_masked
};

// base: proofs that hold for every input that will be fed. The result lives in the arena.
struct ncr_masked_each *ncr_masked_each_new(struct ncr_arena *arena, const struct ncr_masked *base);
// Runs one input (elements in logical order, one pointer for each network input) and proves.
void ncr_masked_each_feed(struct ncr_masked_each *each, const int8_t *const *inputs);
// Counts over all that was fed: points are pairs of a fault and an input. Cares are those of base.
const struct ncr_masked *ncr_masked_each_finish(const struct ncr_masked_each *each);

#endif
