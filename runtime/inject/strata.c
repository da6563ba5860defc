// Records to strata, by rounds and nested halving.
#include "runtime/inject/strata.h"

#include <string.h>

bool ncr_strata_build(struct ncr_arena *arena, const uint64_t *units, const uint64_t *shares,
                      uint32_t n, struct ncr_strata *out)
{
    int64_t total = 0;
    for (uint32_t h = 0; h < n; h++)
        if (units[h] > INT64_MAX || !ncr_add_i64(total, (int64_t)units[h], &total)) return false;
    *out = (struct ncr_strata){.n = n, .total = (uint64_t)total};
    // Each segment ends because a stratum runs out, or leaves a last, shorter share: two a stratum.
    out->segments = NCR_NEW_N(arena, struct ncr_strata_segment, 2 * (size_t)n);
    uint64_t *used = NCR_NEW_N(arena, uint64_t, n);
    for (uint64_t first = 0; first < out->total;) {
        struct ncr_strata_segment s = {.first = first, .rounds = UINT64_MAX};
        s.used = ncr_arena_copy(arena, used, n * sizeof *used);
        s.below = NCR_NEW_N(arena, uint64_t, (size_t)n + 1);
        for (uint32_t h = 0; h < n; h++) {
            uint64_t left = units[h] - used[h], share = shares[h] < left ? shares[h] : left;
            s.below[h + 1] = s.below[h] + share;
            if (share && left / share < s.rounds) s.rounds = left / share;
        }
        s.length = s.below[n];
        for (uint32_t h = 0; h < n; h++)
            used[h] += s.rounds * (s.below[h + 1] - s.below[h]);
        first += s.rounds * s.length;
        out->segments[out->n_segments++] = s;
    }
    return true;
}

void ncr_strata_at(const struct ncr_strata *strata, uint64_t i, uint32_t *stratum, uint64_t *number)
{
    if (i >= strata->total) NCR_BUG("record %llu of a schedule", (unsigned long long)i);
    uint32_t k = strata->n_segments - 1;
    while (strata->segments[k].first > i)
        k--;
    const struct ncr_strata_segment *s = &strata->segments[k];
    uint64_t round = (i - s->first) / s->length, t = (i - s->first) % s->length;
    uint32_t lo = 0, hi = strata->n;
    // Of S records of a range of strata the left half gets L: record t is its when the line t·L/S
    // passes a whole number.
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        uint64_t S = s->below[hi] - s->below[lo], L = s->below[mid] - s->below[lo];
        uint64_t before = (uint64_t)((unsigned __int128)t * L / S);
        uint64_t after = (uint64_t)(((unsigned __int128)t + 1) * L / S);
        if (after > before) {
            t = before;
            hi = mid;
        } else {
            t -= before;
            lo = mid;
        }
    }
    *stratum = lo;
    *number = s->used[lo] + round * (s->below[lo + 1] - s->below[lo]) + t;
}
