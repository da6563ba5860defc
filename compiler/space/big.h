// Non-negative big integers in an arena, for counts of networks. The limbs are GMP's; big.c alone
// includes its header.
#ifndef NCR_SPACE_BIG_H
#define NCR_SPACE_BIG_H

#include "lang/base/arena.h"
#include "lang/base/rng.h"
#include "lang/base/str.h"

// Little-endian 64-bit limbs, the highest not zero; n == 0 is zero. Never changed once made.
struct ncr_big {
    const uint64_t *limb;
    uint32_t n;
};

struct ncr_big ncr_big_of(struct ncr_arena *arena, uint64_t v);
struct ncr_big ncr_big_add(struct ncr_arena *arena, struct ncr_big a, struct ncr_big b);
// a - b; b must not be larger.
struct ncr_big ncr_big_sub(struct ncr_arena *arena, struct ncr_big a, struct ncr_big b);
struct ncr_big ncr_big_mul(struct ncr_arena *arena, struct ncr_big a, struct ncr_big b);
int ncr_big_cmp(struct ncr_big a, struct ncr_big b);
static inline bool ncr_big_is_zero(struct ncr_big a)
{
    return a.n == 0;
}
// Decimal digits.
struct ncr_str ncr_big_text(struct ncr_arena *arena, struct ncr_big a);
// Nearest double; infinity past its range.
double ncr_big_f64(struct ncr_big a);
// The value where it fits in 64 bits; false otherwise.
bool ncr_big_u64(struct ncr_big a, uint64_t *out);
// Uniform in [0, n), by rejection on the bits of n. n > 0.
struct ncr_big ncr_big_random(struct ncr_arena *arena, struct ncr_rng *rng, struct ncr_big n);

#endif
