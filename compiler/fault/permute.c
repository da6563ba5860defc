// Feistel permutation with cycle walking.
#include "compiler/fault/permute.h"

struct ncr_permutation ncr_permutation_of(uint64_t n, uint64_t seed, enum ncr_rng_purpose purpose,
                                          uint64_t index)
{
    if (n == 0) NCR_BUG("permutation of an empty population");
    struct ncr_permutation p = {.n = n, .half_bits = 1};
    while (p.half_bits < 32 && (n - 1) >> (2 * p.half_bits))
        p.half_bits++;
    struct ncr_rng rng = ncr_rng_at(seed, purpose, index);
    for (int r = 0; r < NCR_PERMUTE_ROUNDS; r++)
        p.key[r] = ncr_rng_u64(&rng);
    return p;
}

// The round function: splitmix64's finaliser of the half word and the round's key.
static uint64_t mix(uint64_t x, uint64_t key)
{
    x += key;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static uint64_t forward(const struct ncr_permutation *p, uint64_t v)
{
    uint64_t mask = ((uint64_t)1 << p->half_bits) - 1;
    uint64_t left = v >> p->half_bits, right = v & mask;
    for (int r = 0; r < NCR_PERMUTE_ROUNDS; r++) {
        uint64_t next = left ^ (mix(right, p->key[r]) & mask);
        left = right;
        right = next;
    }
    return left << p->half_bits | right;
}

static uint64_t backward(const struct ncr_permutation *p, uint64_t v)
{
    uint64_t mask = ((uint64_t)1 << p->half_bits) - 1;
    uint64_t left = v >> p->half_bits, right = v & mask;
    for (int r = NCR_PERMUTE_ROUNDS; r-- > 0;) {
        uint64_t before = right ^ (mix(left, p->key[r]) & mask);
        right = left;
        left = before;
    }
    return left << p->half_bits | right;
}

uint64_t ncr_permute(const struct ncr_permutation *permutation, uint64_t i)
{
    if (i >= permutation->n) NCR_BUG("item %llu of a permutation", (unsigned long long)i);
    uint64_t v = i;
    do
        v = forward(permutation, v);
    while (v >= permutation->n);
    return v;
}

uint64_t ncr_permute_back(const struct ncr_permutation *permutation, uint64_t v)
{
    if (v >= permutation->n) NCR_BUG("value %llu of a permutation", (unsigned long long)v);
    uint64_t i = v;
    do
        i = backward(permutation, i);
    while (i >= permutation->n);
    return i;
}
