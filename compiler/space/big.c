// Big integers over GMP's low-level functions, which work on limbs that the arena owns.
#include "compiler/space/big.h"

#include <gmp.h>
#include <math.h>
#include <string.h>

_Static_assert(sizeof(mp_limb_t) == 8 && GMP_NAIL_BITS == 0, "limbs are 64 full bits");

static struct ncr_big trimmed(uint64_t *limb, uint32_t n)
{
    while (n && limb[n - 1] == 0)
        n--;
    return (struct ncr_big){limb, n};
}

static mp_limb_t *limbs(uint64_t *limb)
{
    return (mp_limb_t *)(void *)limb; // unsigned long, the same size and representation
}

static const mp_limb_t *const_limbs(const uint64_t *limb)
{
    return (const mp_limb_t *)(const void *)limb;
}

struct ncr_big ncr_big_of(struct ncr_arena *arena, uint64_t v)
{
    uint64_t *limb = NCR_NEW(arena, uint64_t);
    *limb = v;
    return trimmed(limb, 1);
}

struct ncr_big ncr_big_add(struct ncr_arena *arena, struct ncr_big a, struct ncr_big b)
{
    if (a.n < b.n) return ncr_big_add(arena, b, a);
    if (b.n == 0) return a;
    uint64_t *limb = NCR_NEW_N(arena, uint64_t, (size_t)a.n + 1);
    limb[a.n] = mpn_add(limbs(limb), const_limbs(a.limb), a.n, const_limbs(b.limb), b.n);
    return trimmed(limb, a.n + 1);
}

struct ncr_big ncr_big_sub(struct ncr_arena *arena, struct ncr_big a, struct ncr_big b)
{
    if (ncr_big_cmp(a, b) < 0) NCR_BUG("big subtraction below zero");
    if (b.n == 0) return a;
    uint64_t *limb = NCR_NEW_N(arena, uint64_t, a.n);
    mpn_sub(limbs(limb), const_limbs(a.limb), a.n, const_limbs(b.limb), b.n);
    return trimmed(limb, a.n);
}

struct ncr_big ncr_big_mul(struct ncr_arena *arena, struct ncr_big a, struct ncr_big b)
{
    if (a.n < b.n) return ncr_big_mul(arena, b, a);
    if (b.n == 0) return b;
    uint64_t *limb = NCR_NEW_N(arena, uint64_t, (size_t)a.n + b.n);
    mpn_mul(limbs(limb), const_limbs(a.limb), a.n, const_limbs(b.limb), b.n);
    return trimmed(limb, a.n + b.n);
}

int ncr_big_cmp(struct ncr_big a, struct ncr_big b)
{
    if (a.n != b.n) return a.n < b.n ? -1 : 1;
    return a.n ? mpn_cmp(const_limbs(a.limb), const_limbs(b.limb), a.n) : 0;
}

struct ncr_str ncr_big_text(struct ncr_arena *arena, struct ncr_big a)
{
    if (a.n == 0) return NCR_STR("0");
    uint64_t *scratch =
        ncr_arena_copy(arena, a.limb, (size_t)a.n * 8); // mpn_get_str destroys its input
    size_t room = mpn_sizeinbase(const_limbs(a.limb), a.n, 10) + 2;
    unsigned char *digits = ncr_arena_alloc(arena, room + 1);
    size_t n = mpn_get_str(digits, 10, limbs(scratch), a.n), skip = 0;
    while (skip + 1 < n && digits[skip] == 0)
        skip++;
    for (size_t i = skip; i < n; i++)
        digits[i - skip] = (unsigned char)(digits[i] + '0');
    digits[n - skip] = 0;
    return (struct ncr_str){(const char *)digits, (uint32_t)(n - skip)};
}

double ncr_big_f64(struct ncr_big a)
{
    double v = 0;
    for (uint32_t i = a.n; i-- > 0;)
        v = v * 0x1p64 + (double)a.limb[i];
    return v;
}

bool ncr_big_u64(struct ncr_big a, uint64_t *out)
{
    *out = a.n ? a.limb[0] : 0;
    return a.n <= 1;
}

struct ncr_big ncr_big_random(struct ncr_arena *arena, struct ncr_rng *rng, struct ncr_big n)
{
    if (n.n == 0) NCR_BUG("a random number below 0");
    uint64_t *limb = NCR_NEW_N(arena, uint64_t, n.n);
    uint64_t mask = ~UINT64_C(0) >> __builtin_clzll(n.limb[n.n - 1]);
    for (;;) { // at least every second draw is below n
        for (uint32_t i = 0; i < n.n; i++)
            limb[i] = ncr_rng_u64(rng);
        limb[n.n - 1] &= mask;
        if (mpn_cmp(limbs(limb), const_limbs(n.limb), n.n) < 0) return trimmed(limb, n.n);
    }
}
