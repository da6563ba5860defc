// Binomial numbers: how many of n bits flip when each flips with probability p.
//
// The distribution is tabulated once, outwards from its mode by the ratio of neighbours
//     P(k+1) / P(k) = (n - k) / (k + 1) · p / (1 - p)
// until the terms fall under 2^-80 of the mode's, and each end of the cumulative table is summed
// from its own tail, so small probabilities keep their digits. Only + - * / on doubles: no libm, no
// rejection, hence the same draw on every IEEE machine. One 64-bit random number makes one draw. A
// term k steps from the mode carries a relative error of at most about 4·k·2^-53, so the distance
// to the exact distribution (total variation) is under 2^-40 while fewer than 10^6 flips are
// expected.
#ifndef NCR_FAULT_BINOMIAL_H
#define NCR_FAULT_BINOMIAL_H

#include "lang/base/arena.h"
#include "lang/base/rng.h"

// Entries of a table at most: enough for np(1-p) up to 10^9.
enum { NCR_LIMIT_BINOMIAL = 1 << 20 };

struct ncr_binomial {
    uint64_t n;
    double p;
    uint64_t lo;    // smallest number that is drawn
    uint32_t count; // table entries; the largest number drawn is lo + count - 1
    uint64_t
        *bounds; // lo + k is drawn when bounds[k-1] <= u < bounds[k]; the last entry has no bound
};

// Tabulates Binomial(n, p), 0 <= p <= 1. False where the table would pass NCR_LIMIT_BINOMIAL
// entries.
bool ncr_binomial_build(struct ncr_arena *arena, uint64_t n, double p, struct ncr_binomial *out);
uint64_t ncr_binomial_draw(const struct ncr_binomial *binomial, struct ncr_rng *rng);

#endif
