// The memory planner: sizes and life spans to offsets in one arena.
//
// First fit in an order of items: each goes to the lowest place that is free for its whole life.
// Large items first is the classic order (Pisarchyk and Lee, "Efficient memory management for deep
// neural net inference", 2020, greedy by size); others are tried, and the best one is improved by
// local moves, only where the largest live sum is not reached yet.
#include <stdlib.h>

#include "compiler/plan/plan.h"

// An item that has its place, in the order of offsets.
struct placed {
    uint64_t begin, end;
    uint32_t first, last;
};

struct planner {
    struct ncr_mem_item *items; // bytes are multiples of the alignment
    uint32_t n;
    uint32_t *order;
    struct placed *placed;
    uint64_t *offset; // of the placement made last
};

static uint64_t align_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

static uint64_t first_fit(struct planner *p)
{
    uint64_t size = 0;
    for (uint32_t k = 0; k < p->n; k++) {
        const struct ncr_mem_item *item = &p->items[p->order[k]];
        uint64_t at = 0;
        for (uint32_t i = 0; i < k; i++) {
            const struct placed *other = &p->placed[i];
            if (item->first > other->last || other->first > item->last) continue;
            if (other->begin >= at + item->bytes) break;
            if (other->end > at) at = other->end;
        }
        uint32_t i = k;
        for (; i > 0 && p->placed[i - 1].begin > at; i--)
            p->placed[i] = p->placed[i - 1];
        p->placed[i] = (struct placed){at, at + item->bytes, item->first, item->last};
        p->offset[p->order[k]] = at;
        if (at + item->bytes > size) size = at + item->bytes;
    }
    return size;
}

// ---- bound ----
struct event {
    uint64_t step;
    int64_t bytes;
};

static int compare_events(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes; // ends before beginnings
}

static uint64_t live_bound(struct ncr_arena *scratch, const struct ncr_mem_item *items, uint32_t n)
{
    struct event *events = NCR_NEW_N(scratch, struct event, 2 * (size_t)n);
    for (uint32_t i = 0; i < n; i++) {
        events[2 * i] = (struct event){items[i].first, (int64_t)items[i].bytes};
        events[2 * i + 1] = (struct event){(uint64_t)items[i].last + 1, -(int64_t)items[i].bytes};
    }
    qsort(events, 2 * (size_t)n, sizeof *events, compare_events);
    int64_t live = 0, most = 0;
    for (size_t i = 0; i < 2 * (size_t)n; i++) {
        live += events[i].bytes;
        if (live > most) most = live;
    }
    return (uint64_t)most;
}

// ---- orders ----
struct rank {
    uint64_t key; // larger comes first
    uint32_t first, item;
};

// Equal keys by start, then by index, so that the order is total.
static int compare_ranks(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->key != y->key) return x->key > y->key ? -1 : 1;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

enum { BY_SIZE, BY_AREA, BY_START, N_KEYS };
enum { MANY = 20000 }; // first fit takes time with the square of the number: one order is enough

static void order_by(struct planner *p, struct rank *ranks, int key)
{
    for (uint32_t i = 0; i < p->n; i++) {
        const struct ncr_mem_item *item = &p->items[i];
        uint64_t life = (uint64_t)item->last - item->first + 1;
        uint64_t area = item->bytes > UINT64_MAX / life ? UINT64_MAX : item->bytes * life;
        ranks[i] = (struct rank){key == BY_SIZE   ? item->bytes
                                 : key == BY_AREA ? area
                                                  : UINT32_MAX - item->first,
                                 item->first, i};
    }
    qsort(ranks, p->n, sizeof *ranks, compare_ranks);
    for (uint32_t i = 0; i < p->n; i++)
        p->order[i] = ranks[i].item;
}

// ---- improvement ----
enum { IMPROVE_WORK = 4000000, IMPROVE_ROUNDS = 2000 };

static void move(uint32_t *order, uint32_t from, uint32_t to)
{
    uint32_t item = order[from];
    for (; from > to; from--)
        order[from] = order[from - 1];
    for (; from < to; from++)
        order[from] = order[from + 1];
    order[to] = item;
}

// The item that ends at `size` in the placement made last.
static uint32_t highest(const struct planner *p, uint64_t size)
{
    uint32_t i = 0;
    while (i + 1 < p->n && p->offset[i] + p->items[i].bytes != size)
        i++;
    return i;
}

// Moves the item that sticks out highest, or any other, to another place in the order, and keeps
// what is not worse. The moves come from a fixed sequence, so the result depends on the items
// alone.
static uint64_t improve(struct planner *p, uint64_t size, uint64_t bound, uint64_t *best)
{
    uint64_t rounds = (uint64_t)IMPROVE_WORK / ((uint64_t)p->n * p->n), current = size;
    uint32_t seed = 1, top = highest(p, size);
    if (rounds > IMPROVE_ROUNDS) rounds = IMPROVE_ROUNDS;
    for (uint64_t round = 0; size > bound && p->n > 1 && round < rounds; round++) {
        uint32_t from = 0, to;
        while (p->order[from] != top)
            from++;
        seed = seed * 1664525u + 1013904223u;
        if (round % 4 == 3 || from == 0) from = (seed >> 8) % p->n;
        seed = seed * 1664525u + 1013904223u;
        to = round % 4 == 0 ? from / 2 : (seed >> 8) % p->n;
        move(p->order, from, to);
        uint64_t now = first_fit(p);
        if (now > current) {
            move(p->order, to, from);
            continue;
        }
        current = now;
        top = highest(p, current);
        if (now < size) {
            size = now;
            memcpy(best, p->offset, (size_t)p->n * sizeof *best);
        }
    }
    return size;
}

uint64_t ncr_mem_plan(struct ncr_arena *scratch, struct ncr_mem_item *items, uint32_t n,
                      uint64_t align, uint64_t *lower_bound)
{
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    struct planner p = {.n = n};
    p.items = NCR_NEW_N(scratch, struct ncr_mem_item, n);
    p.order = NCR_NEW_N(scratch, uint32_t, n);
    p.placed = NCR_NEW_N(scratch, struct placed, n);
    p.offset = NCR_NEW_N(scratch, uint64_t, n);
    uint64_t *best = NCR_NEW_N(scratch, uint64_t, n), size = UINT64_MAX;
    uint32_t *best_order = NCR_NEW_N(scratch, uint32_t, n);
    struct rank *ranks = NCR_NEW_N(scratch, struct rank, n);
    for (uint32_t i = 0; i < n; i++) {
        p.items[i] = items[i];
        p.items[i].bytes = align_up(items[i].bytes, align);
    }
    uint64_t bound = live_bound(scratch, p.items, n);
    int n_keys = n > MANY ? 1 : N_KEYS;
    for (int key = 0; key < n_keys && size > bound; key++) {
        order_by(&p, ranks, key);
        uint64_t now = first_fit(&p);
        if (now >= size) continue;
        size = now;
        memcpy(best, p.offset, n * sizeof *best);
        memcpy(best_order, p.order, n * sizeof *best_order);
    }
    if (n && size > bound) {
        memcpy(p.order, best_order, n * sizeof *best_order);
        size = improve(&p, first_fit(&p), bound, best);
    }
    for (uint32_t i = 0; i < n; i++)
        items[i].offset = best[i];
    if (lower_bound) *lower_bound = bound;
    ncr_arena_reset(scratch, mark);
    return n ? size : 0;
}
