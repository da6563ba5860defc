// Reduced decision diagrams: the unique table, functions of functions by memoised recursion, and
// questions.
#include "compiler/space/diagram.h"

#include <string.h>

void ncr_diagrams_init(struct ncr_diagrams *d, struct ncr_arena *arena, struct ncr_arena *scratch)
{
    *d = (struct ncr_diagrams){.arena = arena, .scratch = scratch, .work_limit = UINT64_MAX};
}

uint32_t ncr_diagram_variable(struct ncr_diagrams *d, uint32_t domain)
{
    ncr_vec_push(d->arena, &d->domain, domain);
    return d->domain.n - 1;
}

// -- the unique table ---------------------------------------------------------------------------

static uint64_t mix(uint64_t h, uint64_t v)
{
    // One round of the finaliser of SplitMix64 (Steele, Lea, Flood 2014) for each word.
    h = (h ^ v) * UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ h >> 29;
}

static uint64_t node_hash(uint32_t var, const ncr_diagram *children, uint32_t n)
{
    uint64_t h = mix(UINT64_C(0x9e3779b97f4a7c15), var);
    for (uint32_t i = 0; i < n; i++)
        h = mix(h, children[i]);
    return h ^ h >> 32;
}

static void grow_table(struct ncr_diagrams *d)
{
    uint32_t size = d->mask ? 2 * (d->mask + 1) : 256;
    d->slots = NCR_NEW_N(d->arena, uint32_t, size);
    d->mask = size - 1;
    for (uint32_t i = 0; i < d->nodes.n; i++) {
        const struct ncr_diagram_node *node = &d->nodes.at[i];
        uint32_t at =
            (uint32_t)node_hash(node->var, &d->edges.at[node->first], d->domain.at[node->var]) &
            d->mask;
        while (d->slots[at])
            at = (at + 1) & d->mask;
        d->slots[at] = i + 1;
    }
}

ncr_diagram ncr_diagram_node(struct ncr_diagrams *d, uint32_t var, const ncr_diagram *children)
{
    uint32_t n = d->domain.at[var];
    ncr_diagram same = NCR_HOLE;
    bool reduced = true;
    for (uint32_t i = 0; i < n && reduced; i++) {
        if (children[i] == NCR_HOLE) continue;
        reduced = same == NCR_HOLE || same == children[i];
        same = children[i];
    }
    if (reduced) return same;
    if (!d->mask || d->nodes.n >= d->mask / 4 * 3) grow_table(d);
    uint32_t at = (uint32_t)node_hash(var, children, n) & d->mask;
    for (; d->slots[at]; at = (at + 1) & d->mask) {
        const struct ncr_diagram_node *node = &d->nodes.at[d->slots[at] - 1];
        if (node->var == var &&
            memcmp(&d->edges.at[node->first], children, n * sizeof *children) == 0)
            return d->slots[at] - 1;
    }
    if ((uint64_t)d->edges.n + n > NCR_LIMIT_DIAGRAM_EDGES) {
        d->full = true;
        return NCR_HOLE;
    }
    struct ncr_diagram_node node = {var, d->edges.n};
    for (uint32_t i = 0; i < n; i++)
        ncr_vec_push(d->arena, &d->edges, children[i]);
    ncr_vec_push(d->arena, &d->nodes, node);
    d->slots[at] = d->nodes.n;
    return d->nodes.n - 1;
}

ncr_diagram ncr_diagram_equals(struct ncr_diagrams *d, uint32_t var, uint32_t value)
{
    uint32_t n = d->domain.at[var];
    struct ncr_arena_mark mark = ncr_arena_mark(d->scratch);
    ncr_diagram *children = NCR_NEW_N(d->scratch, ncr_diagram, n);
    for (uint32_t i = 0; i < n; i++)
        children[i] = i == value ? NCR_TRUE : NCR_FALSE;
    ncr_diagram f = ncr_diagram_node(d, var, children);
    ncr_arena_reset(d->scratch, mark);
    return f;
}

ncr_diagram ncr_diagram_below(struct ncr_diagrams *d, uint32_t var, uint32_t bound)
{
    uint32_t n = d->domain.at[var];
    struct ncr_arena_mark mark = ncr_arena_mark(d->scratch);
    ncr_diagram *children = NCR_NEW_N(d->scratch, ncr_diagram, n);
    for (uint32_t i = 0; i < n; i++)
        children[i] = i < bound ? NCR_TRUE : NCR_FALSE;
    ncr_diagram f = ncr_diagram_node(d, var, children);
    ncr_arena_reset(d->scratch, mark);
    return f;
}

// -- functions of functions ---------------------------------------------------------------------

struct apply {
    struct ncr_diagrams *d;
    uint32_t n; // arguments; tuples are the arguments and care
    ncr_diagram_fn *fn;
    void *user;
    uint32_t *leaves;
    // memo: tuples one after the other, results beside them
    ncr_diagram *keys, *results;
    uint32_t *slots, mask, n_keys, cap;
};

static void memo_slots(struct apply *a, uint32_t size)
{
    a->slots = NCR_NEW_N(a->d->scratch, uint32_t, size);
    a->mask = size - 1;
    for (uint32_t i = 0; i < a->n_keys; i++) {
        uint32_t at = (uint32_t)node_hash(0, a->keys + (size_t)i * (a->n + 1), a->n + 1) & a->mask;
        while (a->slots[at])
            at = (at + 1) & a->mask;
        a->slots[at] = i + 1;
    }
}

// The memo's entry for the tuple; *found where it was there.
static uint32_t memo(struct apply *a, const ncr_diagram *tuple, bool *found)
{
    uint32_t width = a->n + 1;
    if (!a->mask)
        memo_slots(a, 64);
    else if (a->n_keys >= a->mask / 4 * 3)
        memo_slots(a, 2 * (a->mask + 1));
    uint32_t at = (uint32_t)node_hash(0, tuple, width) & a->mask;
    for (; a->slots[at]; at = (at + 1) & a->mask) {
        uint32_t i = a->slots[at] - 1;
        if (memcmp(a->keys + (size_t)i * width, tuple, width * sizeof *tuple) == 0) {
            *found = true;
            return i;
        }
    }
    if (a->n_keys == a->cap) {
        uint32_t cap = a->cap ? 2 * a->cap : 32;
        struct ncr_arena *scratch = a->d->scratch;
        ncr_diagram *keys = NCR_NEW_N(scratch, ncr_diagram, (size_t)cap * width),
                    *results = NCR_NEW_N(scratch, ncr_diagram, cap);
        if (a->n_keys) {
            memcpy(keys, a->keys, (size_t)a->n_keys * width * sizeof *keys);
            memcpy(results, a->results, a->n_keys * sizeof *results);
        }
        a->keys = keys;
        a->results = results;
        a->cap = cap;
    }
    memcpy(a->keys + (size_t)a->n_keys * width, tuple, width * sizeof *tuple);
    a->slots[at] = ++a->n_keys;
    *found = false;
    return a->n_keys - 1;
}

// tuple: the arguments, then care.
static ncr_diagram apply(struct apply *a, const ncr_diagram *tuple)
{
    struct ncr_diagrams *d = a->d;
    if (tuple[a->n] == NCR_FALSE || tuple[a->n] == NCR_HOLE || d->full) return NCR_HOLE;
    if (++d->work > d->work_limit) {
        d->full = true;
        return NCR_HOLE;
    }
    uint32_t var = UINT32_MAX;
    for (uint32_t i = 0; i < a->n; i++) {
        uint32_t top = ncr_diagram_top(d, tuple[i]);
        if (top < var) var = top;
    }
    if (var == UINT32_MAX) {
        // care is not false: it is true somewhere below.
        for (uint32_t i = 0; i < a->n; i++)
            a->leaves[i] = tuple[i] == NCR_HOLE ? NCR_HOLE : ncr_diagram_leaf_of(tuple[i]);
        uint32_t leaf = a->fn(a->user, a->leaves);
        return leaf == NCR_HOLE ? NCR_HOLE : ncr_diagram_leaf(leaf);
    }
    uint32_t top = ncr_diagram_top(d, tuple[a->n]);
    if (top < var) var = top;
    bool found;
    uint32_t entry = memo(a, tuple, &found);
    if (found) return a->results[entry];
    uint32_t n = d->domain.at[var];
    ncr_diagram few[16 + 8], *children = few;
    if (n + a->n + 1 > NCR_COUNT(few)) children = NCR_NEW_N(d->scratch, ncr_diagram, n + a->n + 1);
    ncr_diagram *sub = children + n;
    for (uint32_t v = 0; v < n; v++) {
        for (uint32_t i = 0; i <= a->n; i++)
            sub[i] = ncr_diagram_child(d, tuple[i], var, v);
        children[v] = apply(a, sub);
    }
    ncr_diagram f = d->full ? NCR_HOLE : ncr_diagram_node(d, var, children);
    a->results[entry] = f;
    return f;
}

ncr_diagram ncr_diagram_apply(struct ncr_diagrams *d, ncr_diagram care, const ncr_diagram *args,
                              uint32_t n, ncr_diagram_fn *fn, void *user)
{
    struct ncr_arena_mark mark = ncr_arena_mark(d->scratch);
    struct apply a = {.d = d, .n = n, .fn = fn, .user = user};
    a.leaves = NCR_NEW_N(d->scratch, uint32_t, n);
    ncr_diagram *tuple = NCR_NEW_N(d->scratch, ncr_diagram, (size_t)n + 1);
    if (n) memcpy(tuple, args, n * sizeof *tuple);
    tuple[n] = care;
    ncr_diagram f = apply(&a, tuple);
    ncr_arena_reset(d->scratch, mark);
    return f;
}

static uint32_t leaf_not(void *user, const uint32_t *leaf)
{
    (void)user;
    return leaf[0] == NCR_HOLE ? NCR_HOLE : !leaf[0];
}

static uint32_t leaf_is(void *user, const uint32_t *leaf)
{
    return leaf[0] == *(const uint32_t *)user;
}

ncr_diagram ncr_diagram_not(struct ncr_diagrams *d, ncr_diagram f)
{
    return ncr_diagram_apply(d, NCR_TRUE, &f, 1, leaf_not, NULL);
}

ncr_diagram ncr_diagram_is(struct ncr_diagrams *d, ncr_diagram f, uint32_t leaf)
{
    return ncr_diagram_apply(d, NCR_TRUE, &f, 1, leaf_is, &leaf);
}

ncr_diagram ncr_diagram_and(struct ncr_diagrams *d, ncr_diagram a, ncr_diagram b)
{
    return ncr_diagram_if(d, a, b, NCR_FALSE);
}

ncr_diagram ncr_diagram_or(struct ncr_diagrams *d, ncr_diagram a, ncr_diagram b)
{
    return ncr_diagram_if(d, a, NCR_TRUE, b);
}

// If-then-else has shortcuts that apply cannot know: where the condition is decided, the rest is
// taken whole.
static ncr_diagram choice(struct apply *a, ncr_diagram c, ncr_diagram x, ncr_diagram y)
{
    struct ncr_diagrams *d = a->d;
    if (c == NCR_TRUE) return x;
    if (c == NCR_FALSE) return y;
    if (c == NCR_HOLE || d->full) return NCR_HOLE;
    if (x == y) return x;
    if (x == NCR_TRUE && y == NCR_FALSE) return c;
    if (++d->work > d->work_limit) {
        d->full = true;
        return NCR_HOLE;
    }
    ncr_diagram tuple[3] = {c, x, y};
    bool found;
    uint32_t entry = memo(a, tuple, &found);
    if (found) return a->results[entry];
    uint32_t var = ncr_diagram_top(d, c), top = ncr_diagram_top(d, x);
    if (top < var) var = top;
    top = ncr_diagram_top(d, y);
    if (top < var) var = top;
    uint32_t n = d->domain.at[var];
    ncr_diagram few[16], *children = few;
    if (n > NCR_COUNT(few)) children = NCR_NEW_N(d->scratch, ncr_diagram, n);
    for (uint32_t v = 0; v < n; v++)
        children[v] = choice(a, ncr_diagram_child(d, c, var, v), ncr_diagram_child(d, x, var, v),
                             ncr_diagram_child(d, y, var, v));
    ncr_diagram f = d->full ? NCR_HOLE : ncr_diagram_node(d, var, children);
    a->results[entry] = f;
    return f;
}

ncr_diagram ncr_diagram_if(struct ncr_diagrams *d, ncr_diagram c, ncr_diagram x, ncr_diagram y)
{
    if (c == NCR_TRUE) return x;
    if (c == NCR_FALSE) return y;
    struct ncr_arena_mark mark = ncr_arena_mark(d->scratch);
    struct apply a = {.d = d, .n = 2};
    ncr_diagram f = choice(&a, c, x, y);
    ncr_arena_reset(d->scratch, mark);
    return f;
}

// -- walks over nodes ---------------------------------------------------------------------------

// Visits each node below f once, children in order.
struct walk {
    struct ncr_diagrams *d;
    struct ncr_arena *arena; // of the leaves; NULL: they do not matter
    NCR_VEC(uint32_t) leaves;
    uint32_t *slots, mask; // of the leaves, once there are many
    bool *marks;
    uint64_t n_nodes;
};

static void index_leaves(struct walk *w, uint32_t size)
{
    w->slots = NCR_NEW_N(w->arena, uint32_t, size);
    w->mask = size - 1;
    for (uint32_t i = 0; i < w->leaves.n; i++) {
        uint32_t at = (uint32_t)mix(1, w->leaves.at[i]) & w->mask;
        while (w->slots[at])
            at = (at + 1) & w->mask;
        w->slots[at] = i + 1;
    }
}

static void note_leaf(struct walk *w, uint32_t leaf)
{
    if (w->leaves.n < 16) {
        for (uint32_t i = 0; i < w->leaves.n; i++)
            if (w->leaves.at[i] == leaf) return;
        ncr_vec_push(w->arena, &w->leaves, leaf);
        return;
    }
    if (w->leaves.n >= w->mask / 2) index_leaves(w, w->mask ? 2 * (w->mask + 1) : 64);
    uint32_t at = (uint32_t)mix(1, leaf) & w->mask;
    for (; w->slots[at]; at = (at + 1) & w->mask)
        if (w->leaves.at[w->slots[at] - 1] == leaf) return;
    ncr_vec_push(w->arena, &w->leaves, leaf);
    w->slots[at] = w->leaves.n;
}

static void walk(struct walk *w, ncr_diagram f)
{
    struct ncr_diagrams *d = w->d;
    if (ncr_diagram_is_leaf(f)) {
        if (f != NCR_HOLE && w->arena) note_leaf(w, ncr_diagram_leaf_of(f));
        return;
    }
    if (d->stamps[f] == d->stamp) return;
    d->stamps[f] = d->stamp;
    w->n_nodes++;
    const struct ncr_diagram_node node = d->nodes.at[f];
    if (w->marks) w->marks[node.var] = true;
    for (uint32_t v = 0; v < d->domain.at[node.var]; v++)
        walk(w, d->edges.at[node.first + v]);
}

static void start(struct walk *w, ncr_diagram f)
{
    struct ncr_diagrams *d = w->d;
    if (d->n_stamps < d->nodes.n) {
        d->n_stamps = d->nodes.cap;
        d->stamps = NCR_NEW_N(d->arena, uint32_t, d->n_stamps);
        d->stamp = 0;
    }
    d->stamp++;
    walk(w, f);
}

struct ncr_diagram_leaves ncr_diagram_leaves(struct ncr_diagrams *d, struct ncr_arena *arena,
                                             ncr_diagram f)
{
    struct walk w = {.d = d, .arena = arena};
    start(&w, f);
    return (struct ncr_diagram_leaves){w.leaves.at, w.leaves.n};
}

void ncr_diagram_support(struct ncr_diagrams *d, ncr_diagram f, bool *marks)
{
    struct walk w = {.d = d, .marks = marks};
    start(&w, f);
}

uint64_t ncr_diagram_size(struct ncr_diagrams *d, ncr_diagram f)
{
    struct walk w = {.d = d};
    start(&w, f);
    return w.n_nodes;
}

uint32_t ncr_diagram_at(const struct ncr_diagrams *d, ncr_diagram f, const uint32_t *values)
{
    while (!ncr_diagram_is_leaf(f)) {
        const struct ncr_diagram_node *node = &d->nodes.at[f];
        f = d->edges.at[node->first + values[node->var]];
    }
    return f == NCR_HOLE ? NCR_HOLE : ncr_diagram_leaf_of(f);
}

bool ncr_diagram_pick(const struct ncr_diagrams *d, ncr_diagram f, uint32_t *values)
{
    // Reduced: every node but the leaf false leads to true somewhere.
    while (!ncr_diagram_is_leaf(f)) {
        const struct ncr_diagram_node *node = &d->nodes.at[f];
        uint32_t v = 0;
        while (d->edges.at[node->first + v] == NCR_FALSE ||
               d->edges.at[node->first + v] == NCR_HOLE)
            v++;
        values[node->var] = v;
        f = d->edges.at[node->first + v];
    }
    return f == NCR_TRUE;
}
