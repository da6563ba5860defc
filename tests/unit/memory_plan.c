// The memory planner: published cases, brute force on small ones, laws.
#include <criterion/criterion.h>

#include "compiler/plan/plan.h"
#include "lang/base/rng.h"

static uint64_t mem(struct ncr_mem_item *items, uint32_t n, uint64_t align, uint64_t *bound)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    uint64_t size = ncr_mem_plan(scratch, items, n, align, bound);
    cr_assert_eq(ncr_arena_used(scratch), 0);
    ncr_arena_free(scratch);
    return size;
}

static uint64_t plan(struct ncr_mem_item *items, uint32_t n, uint64_t *bound)
{
    return mem(items, n, 1, bound);
}

Test(memory_plan, check_values)
{
    uint64_t bound;
    struct ncr_mem_item a[] = {{10, 0, 1, 0}, {20, 2, 3, 0}};
    cr_assert_eq(plan(a, 2, &bound), 20);
    struct ncr_mem_item b[] = {
        {10, 0, 1, 0}, {20, 1, 2, 0}, {30, 2, 3, 0}, {40, 3, 4, 0}, {50, 0, 1, 0}};
    cr_assert_eq(plan(b, 5, &bound), 80);
    cr_assert_eq(bound, 80);
    struct ncr_mem_item c[] = {{100, 0, 1, 0}, {50, 2, 3, 0}, {20, 1, 2, 0}};
    cr_assert_eq(plan(c, 3, &bound), 120);
    cr_assert_eq(bound, 120);
}

// The smallest arena over all placements in which every item is pushed down, in every order.
static uint64_t brute_force(struct ncr_mem_item *items, uint32_t n, uint32_t placed, uint64_t best)
{
    if (placed == (1u << n) - 1) {
        uint64_t size = 0;
        for (uint32_t i = 0; i < n; i++)
            if (items[i].offset + items[i].bytes > size) size = items[i].offset + items[i].bytes;
        return size < best ? size : best;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (placed & 1u << i) continue;
        uint64_t at = 0;
        for (bool moved = true; moved;) {
            moved = false;
            for (uint32_t k = 0; k < n; k++) {
                if (!(placed & 1u << k) || items[k].first > items[i].last ||
                    items[i].first > items[k].last)
                    continue;
                if (at < items[k].offset + items[k].bytes &&
                    items[k].offset < at + items[i].bytes) {
                    at = items[k].offset + items[k].bytes;
                    moved = true;
                }
            }
        }
        items[i].offset = at;
        best = brute_force(items, n, placed | 1u << i, best);
    }
    return best;
}

Test(memory_plan, is_sound_and_close_to_the_optimum)
{
    uint32_t optimal = 0, rounds = 300;
    for (uint32_t round = 0; round < rounds; round++) {
        struct ncr_rng rng = ncr_rng_at(3, NCR_RNG_TEST, round);
        struct ncr_mem_item items[6], copy[6];
        uint32_t n = 2 + (uint32_t)ncr_rng_below(&rng, 5);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t first = (uint32_t)ncr_rng_below(&rng, 6);
            items[i] = (struct ncr_mem_item){1 + ncr_rng_below(&rng, 20), first,
                                             first + (uint32_t)ncr_rng_below(&rng, 3), 0};
            copy[i] = items[i];
        }
        uint64_t bound, size = plan(items, n, &bound), best = brute_force(copy, n, 0, UINT64_MAX);
        cr_assert_geq(size, best);
        cr_assert_geq(best, bound);
        optimal += size == best;
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t k = 0; k < i; k++) {
                bool together = items[i].first <= items[k].last && items[k].first <= items[i].last;
                bool apart = items[i].offset >= items[k].offset + items[k].bytes ||
                             items[k].offset >= items[i].offset + items[i].bytes;
                cr_assert(!together || apart, "round %u: items %u and %u overlap", round, k, i);
            }
    }
    cr_assert_geq(optimal, rounds * 95 / 100, "%u of %u plans are optimal", optimal, rounds);
}

Test(memory_plan, aligns)
{
    struct ncr_mem_item items[] = {{10, 0, 5, 0}, {20, 0, 5, 0}, {7, 0, 5, 0}};
    mem(items, 3, 64, NULL);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(items[i].offset % 64, 0);
}
