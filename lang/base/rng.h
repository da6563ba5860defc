// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). Value i of a stream depends on
// (seed, purpose, i) alone, so results do not depend on threads, order or interruption.
#ifndef NCR_BASE_RNG_H
#define NCR_BASE_RNG_H

#include "lang/base/base.h"

// Purposes keep streams of one seed apart. Append only: the numbers are part of the results.
enum ncr_rng_purpose {
    NCR_RNG_TEST = 1,
    NCR_RNG_DIGITS = 2,
    NCR_RNG_SPLIT = 3,
    NCR_RNG_INIT = 4,
    NCR_RNG_SHUFFLE = 5,
    NCR_RNG_AUGMENT = 6,
    NCR_RNG_DROPOUT = 7,
    NCR_RNG_CAMPAIGN = 8,
    NCR_RNG_BER = 9,
    NCR_RNG_SAMPLE = 10,
    NCR_RNG_MUTATE = 11,
    NCR_RNG_SEARCH = 12,
    NCR_RNG_BOOTSTRAP = 13,
    NCR_RNG_WEIGHTS = 14,
};

struct ncr_rng {
    uint32_t key[2];
    uint64_t index;   // which item of the purpose (image, injection, ...)
    uint64_t counter; // next block of this item
    uint32_t block[4];
    uint32_t used; // words of block already given out; 4 = none left
};

// The stream of item `index` under (seed, purpose). Streams with different arguments are independent.
struct ncr_rng ncr_rng_at(uint64_t seed, enum ncr_rng_purpose purpose, uint64_t index);
uint32_t ncr_rng_u32(struct ncr_rng *rng);
uint64_t ncr_rng_u64(struct ncr_rng *rng);
// Uniform in [0, n) without bias (Lemire's rejection). n > 0.
uint64_t ncr_rng_below(struct ncr_rng *rng, uint64_t n);
// Uniform in [0, 1) with 53 bits.
double ncr_rng_f64(struct ncr_rng *rng);
// Standard normal, by summation and correction free of libm: see rng.c. Same bits on every IEEE machine.
double ncr_rng_normal(struct ncr_rng *rng);
// The raw block function, for known-answer tests.
void ncr_rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#endif
