// Proofs for one input at a time: which single bit flips change nothing, given the very values of a
// fault-free run.
//
// With one input all values are known, so a fault need not be bounded: its effect on each element
// of the operators that read the struck one (for a weight or bias: of its own operator) is computed
// exactly, rounding and all. The flip is proved masked where all of these are alike, whatever the
// rest of the network does (see range_masked.h), or where it is proved for all inputs. What differs
// behind the first operator and dies out later is not followed: the true share is at least what is
// proved.
#ifndef NCR_ANALYSIS_RANGE_EACH_H
#define NCR_ANALYSIS_RANGE_EACH_H

#include "compiler/analysis/range_masked.h"

struct ncr_masked_each {
    const struct ncr_masked *base;
    struct ncr_arena *arena;
    uint64_t n_inputs;
    // Of the input fed last, by qnode and element: bits proved masked. NULL without such sites.
    uint8_t **activation, **weight;
    uint32_t **bias;
    int8_t **values;                          // the tensors of that run
    uint64_t (*proved)[NCR_SITES_COUNT_][32]; // summed over the inputs, as in ncr_masked
};

// base: proofs that hold for every input that will be fed. The result lives in the arena.
struct ncr_masked_each *ncr_masked_each_new(struct ncr_arena *arena, const struct ncr_masked *base);
// Runs one input (int8 in logical order, one pointer for each network input) and proves.
void ncr_masked_each_feed(struct ncr_masked_each *each, const int8_t *const *inputs);
// Counts over all that was fed: points are pairs of a fault and an input. Cares are those of base.
const struct ncr_masked *ncr_masked_each_finish(const struct ncr_masked_each *each);

#endif
