// A random permutation of 0 .. n-1 in constant memory: item i of it is computed, not stored.
// Drawing items 0, 1, 2, ... is sampling without replacement from a population of up to 2^64 - 1.
//
// A balanced Feistel network over the smallest even number of bits that holds n, with cycle walking
// (Black and Rogaway, CT-RSA 2002): a result outside the population is permuted again until it is
// inside, fewer than four times on average.
#ifndef NCR_FAULT_PERMUTE_H
#define NCR_FAULT_PERMUTE_H

#include "lang/base/rng.h"

enum { NCR_PERMUTE_ROUNDS = 8 };

struct ncr_permutation {
    uint64_t n;
    uint32_t half_bits;
    uint64_t key[NCR_PERMUTE_ROUNDS];
};

// The permutation of n > 0 items that belongs to (seed, purpose, index).
struct ncr_permutation ncr_permutation_of(uint64_t n, uint64_t seed, enum ncr_rng_purpose purpose,
                                          uint64_t index);
// Item i < n of the permutation.
uint64_t ncr_permute(const struct ncr_permutation *permutation, uint64_t i);
// The i whose item is v < n: the inverse.
uint64_t ncr_permute_back(const struct ncr_permutation *permutation, uint64_t v);

#endif
