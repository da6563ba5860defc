// Binomial numbers by inversion of a table.
#include "compiler/fault/binomial.h"

// Terms smaller than this share of the mode's are left out.
#define NEGLIGIBLE 0x1p-80

static bool single(struct ncr_arena *arena, uint64_t value, struct ncr_binomial *out)
{
    out->lo = value;
    out->count = 1;
    out->bounds = NCR_NEW_N(arena, uint64_t, 1);
    out->bounds[0] = UINT64_MAX;
    return true;
}

// x in [0, 1] as a multiple of 2^-64, saturated.
static uint64_t fixed_point(double x)
{
    return x >= 1 ? UINT64_MAX : (uint64_t)(x * 0x1p64);
}

bool ncr_binomial_build(struct ncr_arena *arena, uint64_t n, double p, struct ncr_binomial *out)
{
    *out = (struct ncr_binomial){.n = n, .p = p};
    if (!(p >= 0 && p <= 1)) NCR_BUG("binomial with p outside [0, 1]");
    if (p == 0 || n == 0) return single(arena, 0, out);
    if (p == 1) return single(arena, n, out);
    double odds = p / (1 - p);
    double at = ((double)n + 1) * p;
    uint64_t mode = at >= (double)n ? n : (uint64_t)at;

    // How far the terms reach on both sides of the mode.
    uint64_t lo = mode, hi = mode;
    double t = 1;
    while (lo > 0 && hi - lo < NCR_LIMIT_BINOMIAL) {
        t *= (double)lo / ((double)(n - lo + 1) * odds);
        if (t < NEGLIGIBLE) break;
        lo--;
    }
    t = 1;
    while (hi < n && hi - lo < NCR_LIMIT_BINOMIAL) {
        t *= (double)(n - hi) / (double)(hi + 1) * odds;
        if (t < NEGLIGIBLE) break;
        hi++;
    }
    if (hi - lo >= NCR_LIMIT_BINOMIAL) return false;

    uint32_t count = (uint32_t)(hi - lo + 1), middle = (uint32_t)(mode - lo);
    struct ncr_arena_mark mark;
    out->lo = lo;
    out->count = count;
    out->bounds = NCR_NEW_N(arena, uint64_t, count);
    mark = ncr_arena_mark(arena);
    double *term = NCR_NEW_N(arena, double, count);
    term[middle] = 1;
    for (uint32_t k = middle; k > 0; k--) {
        uint64_t v = lo + k;
        term[k - 1] = term[k] * (double)v / ((double)(n - v + 1) * odds);
    }
    for (uint32_t k = middle; k + 1 < count; k++) {
        uint64_t v = lo + k;
        term[k + 1] = term[k] * (double)(n - v) / (double)(v + 1) * odds;
    }
    double below = 0, above = 0; // smallest terms first
    for (uint32_t k = 0; k < middle; k++)
        below += term[k];
    for (uint32_t k = count - 1; k > middle; k--)
        above += term[k];
    double total = below + term[middle] + above, sum = 0;
    for (uint32_t k = 0; k < middle; k++) {
        sum += term[k];
        out->bounds[k] = fixed_point(sum / total);
    }
    sum = 0;
    out->bounds[count - 1] = UINT64_MAX;
    for (uint32_t k = count - 1; k > middle; k--) {
        sum += term[k];
        out->bounds[k - 1] = UINT64_MAX - fixed_point(sum / total);
    }
    ncr_arena_reset(arena, mark);
    return true;
}

uint64_t ncr_binomial_draw(const struct ncr_binomial *binomial, struct ncr_rng *rng)
{
    uint64_t u = ncr_rng_u64(rng);
    uint32_t lo = 0, hi = binomial->count - 1; // the first entry whose bound is above u
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (u < binomial->bounds[mid])
            hi = mid;
        else
            lo = mid + 1;
    }
    return binomial->lo + lo;
}
