// The memory planner: sizes and life spans to offsets in one arena.
#include <stdlib.h>

#include "compiler/plan/plan.h"

static uint64_t align_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

static bool overlap(const struct ncr_mem_item *a, const struct ncr_mem_item *b)
{
    return a->first <= b->last && b->first <= a->last;
}

// Places items[order[0..n)] one after the other at the lowest free offset; gives the size.
static uint64_t first_fit(struct ncr_mem_item *items, const uint32_t *order, uint32_t n,
                          uint64_t align, uint32_t *placed)
{
    uint64_t size = 0;
    for (uint32_t k = 0; k < n; k++) {
        struct ncr_mem_item *item = &items[order[k]];
        uint64_t at = 0;
        // placed[0..k) is sorted by offset; walk the gaps between the items alive at the same time.
        for (uint32_t i = 0; i < k; i++) {
            const struct ncr_mem_item *other = &items[placed[i]];
            if (!overlap(item, other)) continue;
            if (other->offset >= at + item->bytes) break;
            uint64_t end = align_up(other->offset + other->bytes, align);
            if (end > at) at = end;
        }
        item->offset = at;
        uint32_t i = k;
        for (; i > 0 && items[placed[i - 1]].offset > at; i--)
            placed[i] = placed[i - 1];
        placed[i] = order[k];
        if (at + item->bytes > size) size = at + item->bytes;
    }
    return size;
}

static uint64_t live_bound(const struct ncr_mem_item *items, uint32_t n, uint64_t align)
{
    uint64_t bound = 0;
    for (uint32_t i = 0; i < n; i++) { // the live sum is largest where some item begins
        uint64_t sum = 0;
        for (uint32_t k = 0; k < n; k++)
            if (items[k].first <= items[i].first && items[i].first <= items[k].last)
                sum += align_up(items[k].bytes, align);
        if (sum > bound) bound = sum;
    }
    return bound;
}

// Larger before smaller; equal sizes by start, then by index, so that the order is total.
static bool before(const struct ncr_mem_item *items, uint32_t a, uint32_t b)
{
    if (items[a].bytes != items[b].bytes) return items[a].bytes > items[b].bytes;
    if (items[a].first != items[b].first) return items[a].first < items[b].first;
    return a < b;
}

enum { IMPROVE_ROUNDS = 200, IMPROVE_ITEMS = 400 };

uint64_t ncr_mem_plan(struct ncr_mem_item *items, uint32_t n, uint64_t align, uint64_t *lower_bound)
{
    if (lower_bound) *lower_bound = live_bound(items, n, align);
    if (n == 0) return 0;
    uint32_t *order = malloc(3 * (size_t)n * sizeof *order);
    uint64_t *best_offset = malloc((size_t)n * sizeof *best_offset);
    if (!order || !best_offset) NCR_BUG("out of memory for the plan of %u tensors", n);
    uint32_t *placed = order + n, *best = placed + n;
    for (uint32_t i = 0; i < n; i++) { // insertion sort: n is the number of tensors of a network
        uint32_t k = i;
        for (; k > 0 && before(items, i, order[k - 1]); k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    uint64_t bound = live_bound(items, n, align), size = first_fit(items, order, n, align, placed);
    for (uint32_t i = 0; i < n; i++) {
        best[i] = order[i];
        best_offset[i] = items[i].offset;
    }
    // Improvement: the item that sticks out highest is placed earlier. Deterministic, and never
    // worse.
    uint64_t current = size;
    for (uint32_t round = 0; size > bound && n <= IMPROVE_ITEMS && round < IMPROVE_ROUNDS;
         round++) {
        uint32_t top = 0;
        for (uint32_t k = 0; k < n; k++)
            if (items[order[k]].offset + items[order[k]].bytes == current) top = k;
        if (top == 0) break;
        uint32_t to = round % 2 ? 0 : top / 2, item = order[top];
        for (uint32_t k = top; k > to; k--)
            order[k] = order[k - 1];
        order[to] = item;
        current = first_fit(items, order, n, align, placed);
        if (current >= size) continue;
        size = current;
        for (uint32_t i = 0; i < n; i++)
            best_offset[i] = items[i].offset;
    }
    for (uint32_t i = 0; i < n; i++)
        items[i].offset = best_offset[i];
    free(order);
    free(best_offset);
    return size;
}
