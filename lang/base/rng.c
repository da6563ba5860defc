// Philox4x32-10 and the distributions over it. Only + - * / on doubles: no libm, so no machine differs.
#include "lang/base/rng.h"

void ncr_rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k[0], n2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k[1];
        c[0] = n0, c[1] = (uint32_t)p1, c[2] = n2, c[3] = (uint32_t)p0;
        k[0] += 0x9E3779B9u, k[1] += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; i++) out[i] = c[i];
}

// splitmix64's finaliser: spreads (seed, purpose) over the 64-bit key.
static uint64_t spread(uint64_t x)
{
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

struct ncr_rng ncr_rng_at(uint64_t seed, enum ncr_rng_purpose purpose, uint64_t index)
{
    uint64_t k = spread(spread(seed + 0x9E3779B97F4A7C15u) + (uint64_t)purpose);
    return (struct ncr_rng){{(uint32_t)k, (uint32_t)(k >> 32)}, index, 0, {0, 0, 0, 0}, 4};
}

uint32_t ncr_rng_u32(struct ncr_rng *rng)
{
    if (rng->used == 4) {
        uint32_t c[4] = {(uint32_t)rng->counter, (uint32_t)(rng->counter >> 32),
                         (uint32_t)rng->index, (uint32_t)(rng->index >> 32)};
        ncr_rng_philox(c, rng->key, rng->block);
        rng->counter++;
        rng->used = 0;
    }
    return rng->block[rng->used++];
}

uint64_t ncr_rng_u64(struct ncr_rng *rng)
{
    uint64_t lo = ncr_rng_u32(rng);
    return (uint64_t)ncr_rng_u32(rng) << 32 | lo;
}

uint64_t ncr_rng_below(struct ncr_rng *rng, uint64_t n)
{
    if (n == 0) NCR_BUG("ncr_rng_below of 0");
    uint64_t reject = -n % n; // 2^64 mod n: values below it would be drawn once too often
    for (;;) {
        unsigned __int128 wide = (unsigned __int128)ncr_rng_u64(rng) * n;
        if ((uint64_t)wide >= reject) return (uint64_t)(wide >> 64);
    }
}

double ncr_rng_f64(struct ncr_rng *rng)
{
    return (double)(ncr_rng_u64(rng) >> 11) * 0x1p-53;
}

// Sum of 12 uniforms (variance 1, |x| <= 6) sharpened by Teichroew's polynomial (Knuth, TAOCP 2, 3.4.1, exercise 27).
double ncr_rng_normal(struct ncr_rng *rng)
{
    double sum = 0;
    for (int i = 0; i < 12; i++) sum += (double)ncr_rng_u32(rng) * 0x1p-32 + 0x1p-33;
    double r = (sum - 6.0) / 4.0, r2 = r * r;
    return ((((0.029899776 * r2 + 0.008355968) * r2 + 0.076542912) * r2 + 0.252408784) * r2 +
            3.949846138) *
           r;
}
