// Construction of decision diagrams of sets by the frontier method. Walks over them are in
// mdd_walk.c.
#include <string.h>

#include "compiler/space/mdd_internal.h"
#include "lang/base/hash.h"

static int64_t sat_add(int64_t a, int64_t b)
{
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return a < 0 ? INT64_MIN + 1 : INT64_MAX;
}

// ---- items ----

static int64_t number(const struct ncr_mdd_problem *p, ncr_diagram leaf)
{
    return leaf == NCR_HOLE ? 0 : p->numbers[ncr_diagram_leaf_of(leaf)];
}

static int64_t tracked_number(const struct ncr_mdd_problem *p, ncr_diagram leaf)
{
    const int64_t *numbers = p->tracked_numbers ? p->tracked_numbers : p->numbers;
    return leaf == NCR_HOLE ? 0 : numbers[ncr_diagram_leaf_of(leaf)];
}

// A part of a sum as it counts: rounded down where the sum is relaxed.
static int64_t scaled(const struct ncr_mdd_sum *sum, int64_t v)
{
    if (sum->divide <= 1) return v;
    return v / sum->divide - (v % sum->divide < 0);
}

// Least and most over the leaves below every node, for the terms that are not decided yet.
static void extremes(struct ncr_mdd *mdd)
{
    const struct ncr_mdd_problem *p = mdd->problem;
    const struct ncr_diagrams *d = p->diagrams;
    mdd->least = NCR_NEW_N(mdd->arena, int64_t, d->nodes.n);
    mdd->most = NCR_NEW_N(mdd->arena, int64_t, d->nodes.n);
    bool *wanted = NCR_NEW_N(mdd->arena, bool, d->nodes.n);
    // Children are older than their parents: mark from the newest, then add up from the oldest.
    for (uint32_t i = 0; i < mdd->n_items; i++)
        if (mdd->items[i].role == NCR_MDD_TERM && !ncr_diagram_is_leaf(mdd->items[i].f))
            wanted[mdd->items[i].f] = true;
    for (uint32_t n = d->nodes.n; n-- > 0;) {
        if (!wanted[n]) continue;
        const struct ncr_diagram_node *node = &d->nodes.at[n];
        for (uint32_t v = 0; v < d->domain.at[node->var]; v++) {
            ncr_diagram child = d->edges.at[node->first + v];
            if (!ncr_diagram_is_leaf(child)) wanted[child] = true;
        }
    }
    for (uint32_t n = 0; n < d->nodes.n; n++) {
        if (!wanted[n]) continue;
        const struct ncr_diagram_node *node = &d->nodes.at[n];
        int64_t least = INT64_MAX, most = INT64_MIN;
        for (uint32_t v = 0; v < d->domain.at[node->var]; v++) {
            ncr_diagram child = d->edges.at[node->first + v];
            bool leaf = ncr_diagram_is_leaf(child);
            least = ncr_min_i64(least, leaf ? number(p, child) : mdd->least[child]);
            most = ncr_max_i64(most, leaf ? number(p, child) : mdd->most[child]);
        }
        mdd->least[n] = least;
        mdd->most[n] = most;
    }
}

static void add_item(struct ncr_mdd *mdd, bool *marks, enum ncr_mdd_role role, uint32_t owner,
                     ncr_diagram f, int64_t times)
{
    for (uint32_t i = 0; i < mdd->n_items && role != NCR_MDD_CONDITION; i++) {
        struct ncr_mdd_item *item = &mdd->items[i];
        if (item->role != role || item->owner != owner || item->f != f) continue;
        item->times += times;
        return;
    }
    uint32_t n = mdd->n_vars, first = ncr_diagram_top(mdd->problem->diagrams, f), last = first;
    memset(marks, 0, n * sizeof *marks);
    ncr_diagram_support(mdd->problem->diagrams, f, marks);
    for (uint32_t v = first; v < n; v++)
        if (marks[v]) last = v;
    mdd->items[mdd->n_items++] = (struct ncr_mdd_item){role, owner, times, f, first, last};
}

// Terms of one variable are added up beforehand; the rest become items.
static void add_sum(struct ncr_mdd *mdd, bool *marks, const struct ncr_mdd_sum *sum,
                    enum ncr_mdd_role role, uint32_t owner, int64_t *flat, int64_t *start)
{
    const struct ncr_diagrams *d = mdd->problem->diagrams;
    int64_t (*value)(const struct ncr_mdd_problem *, ncr_diagram) =
        role == NCR_MDD_TRACKED ? tracked_number : number;
    *start = sum->constant;
    for (uint32_t k = 0; k < sum->n_terms; k++) {
        ncr_diagram f = sum->terms[k];
        if (ncr_diagram_is_leaf(f)) {
            *start += value(mdd->problem, f);
            continue;
        }
        uint32_t var = d->nodes.at[f].var, n = d->domain.at[var];
        const ncr_diagram *children = &d->edges.at[d->nodes.at[f].first];
        bool one = true;
        for (uint32_t v = 0; v < n; v++)
            one &= ncr_diagram_is_leaf(children[v]);
        if (!one) {
            add_item(mdd, marks, role, owner, f, 1);
            continue;
        }
        for (uint32_t v = 0; v < n; v++)
            flat[mdd->offset[var] + v] += value(mdd->problem, children[v]);
    }
    // What is added up beforehand is rounded once.
    *start = scaled(sum, *start);
    for (uint32_t v = 0; v < mdd->n_vars; v++)
        for (uint32_t x = 0; x < d->domain.at[v]; x++)
            flat[mdd->offset[v] + x] = scaled(sum, flat[mdd->offset[v] + x]);
}

// The bounds of a relaxed sum: k parts were each rounded down by less than one.
static void relaxed_bounds(const struct ncr_mdd *mdd, uint32_t s, int64_t *lo, int64_t *hi)
{
    const struct ncr_mdd_sum *sum = &mdd->problem->sums[s];
    int64_t parts = 1 + (int64_t)mdd->n_vars;
    for (uint32_t i = 0; i < mdd->n_items; i++)
        parts += mdd->items[i].role == NCR_MDD_TERM && mdd->items[i].owner == s;
    *lo = sum->lo == INT64_MIN || sum->divide <= 1 ? sum->lo : scaled(sum, sum->lo) - parts;
    *hi = sum->hi == INT64_MAX || sum->divide <= 1 ? sum->hi : scaled(sum, sum->hi);
}

static void make_items(struct ncr_mdd *mdd)
{
    const struct ncr_mdd_problem *p = mdd->problem;
    uint32_t most = p->n_conditions + p->n_weights, width = 0;
    for (uint32_t s = 0; s < p->n_sums; s++)
        most += p->sums[s].n_terms;
    for (uint32_t s = 0; s < p->n_tracked; s++)
        most += p->tracked[s].n_terms;
    mdd->items = NCR_NEW_N(mdd->arena, struct ncr_mdd_item, most);
    bool *marks = NCR_NEW_N(mdd->arena, bool, mdd->n_vars);
    mdd->offset = NCR_NEW_N(mdd->arena, uint32_t, (size_t)mdd->n_vars + 1);
    for (uint32_t v = 0; v < mdd->n_vars; v++) {
        mdd->offset[v] = width;
        width += p->diagrams->domain.at[v];
    }
    for (uint32_t i = 0; i < p->n_conditions; i++) {
        if (p->conditions[i] == NCR_FALSE) mdd->empty = true;
        if (!ncr_diagram_is_leaf(p->conditions[i]))
            add_item(mdd, marks, NCR_MDD_CONDITION, i, p->conditions[i], 1);
    }
    mdd->flat = NCR_NEW_N(mdd->arena, int64_t *, p->n_sums);
    mdd->start = NCR_NEW_N(mdd->arena, int64_t, p->n_sums);
    for (uint32_t s = 0; s < p->n_sums; s++) {
        mdd->flat[s] = NCR_NEW_N(mdd->arena, int64_t, width);
        add_sum(mdd, marks, &p->sums[s], NCR_MDD_TERM, s, mdd->flat[s], &mdd->start[s]);
    }
    mdd->constants = NCR_NEW_N(mdd->arena, int64_t, p->n_tracked);
    mdd->flat_tracked = NCR_NEW_N(mdd->arena, int64_t *, p->n_tracked);
    for (uint32_t s = 0; s < p->n_tracked; s++) {
        mdd->flat_tracked[s] = NCR_NEW_N(mdd->arena, int64_t, width);
        add_sum(mdd, marks, &p->tracked[s], NCR_MDD_TRACKED, s, mdd->flat_tracked[s],
                &mdd->constants[s]);
    }
    // A weight is known when both its variable and whether it exists are.
    for (uint32_t w = 0; w < p->n_weights; w++) {
        ncr_diagram f = p->weights[w].exists;
        uint32_t var = p->weights[w].var, before = mdd->n_items;
        if (f == NCR_FALSE || f == NCR_HOLE) continue;
        struct ncr_mdd_item item = {NCR_MDD_WEIGHT, w, 1, f, var, var};
        if (!ncr_diagram_is_leaf(f)) {
            add_item(mdd, marks, NCR_MDD_WEIGHT, w, f, 1);
            item = mdd->items[before];
            if (var < item.first) item.first = var;
            if (var > item.last) item.last = var;
        } else {
            mdd->n_items++;
        }
        mdd->items[before] = item;
    }
}

// rest[v]: the least and most that terms not begun before layer v can add.
static void make_rests(struct ncr_mdd *mdd)
{
    const struct ncr_mdd_problem *p = mdd->problem;
    uint32_t n = mdd->n_vars;
    mdd->rest_lo = NCR_NEW_N(mdd->arena, int64_t *, p->n_sums);
    mdd->rest_hi = NCR_NEW_N(mdd->arena, int64_t *, p->n_sums);
    for (uint32_t s = 0; s < p->n_sums; s++) {
        int64_t *lo = mdd->rest_lo[s] = NCR_NEW_N(mdd->arena, int64_t, (size_t)n + 1),
                *hi = mdd->rest_hi[s] = NCR_NEW_N(mdd->arena, int64_t, (size_t)n + 1);
        for (uint32_t i = 0; i < mdd->n_items; i++) {
            const struct ncr_mdd_item *item = &mdd->items[i];
            if (item->role != NCR_MDD_TERM || item->owner != s) continue;
            lo[item->first] =
                sat_add(lo[item->first], scaled(&p->sums[s], item->times * mdd->least[item->f]));
            hi[item->first] =
                sat_add(hi[item->first], scaled(&p->sums[s], item->times * mdd->most[item->f]));
        }
        for (uint32_t v = n; v-- > 0;) {
            int64_t least = INT64_MAX, most = INT64_MIN;
            for (uint32_t x = 0; x < p->diagrams->domain.at[v]; x++) {
                int64_t a = mdd->flat[s][mdd->offset[v] + x];
                least = ncr_min_i64(least, a);
                most = ncr_max_i64(most, a);
            }
            lo[v] = sat_add(sat_add(lo[v], lo[v + 1]), least);
            hi[v] = sat_add(sat_add(hi[v], hi[v + 1]), most);
        }
    }
}

static void make_layers(struct ncr_mdd *mdd)
{
    mdd->layers = NCR_NEW_N(mdd->arena, struct ncr_mdd_layer, (size_t)mdd->n_vars + 1);
    for (uint32_t v = 0; v <= mdd->n_vars; v++) {
        struct ncr_mdd_layer *layer = &mdd->layers[v];
        for (uint32_t i = 0; i < mdd->n_items; i++) {
            layer->n_begun += mdd->items[i].first < v && v <= mdd->items[i].last;
            layer->n_here += mdd->items[i].first <= v && v <= mdd->items[i].last;
        }
        layer->begun = NCR_NEW_N(mdd->arena, uint32_t, layer->n_begun);
        layer->here = NCR_NEW_N(mdd->arena, uint32_t, layer->n_here);
        layer->n_begun = layer->n_here = 0;
        for (uint32_t i = 0; i < mdd->n_items; i++) {
            if (mdd->items[i].first < v && v <= mdd->items[i].last)
                layer->begun[layer->n_begun++] = i;
            if (mdd->items[i].first <= v && v <= mdd->items[i].last)
                layer->here[layer->n_here++] = i;
        }
        layer->key_bytes = 8 * (size_t)layer->n_begun + 8 * (size_t)mdd->problem->n_sums;
    }
}

// ---- the hash table of one layer ----

struct layer_map {
    uint32_t *slot; // node index + 1
    uint64_t mask;
};

static void map_init(struct layer_map *map, struct ncr_arena *scratch, uint64_t n)
{
    uint64_t size = 64;
    while (size < 2 * n)
        size *= 2;
    map->slot = NCR_NEW_N(scratch, uint32_t, size);
    map->mask = size - 1;
}

static uint64_t key_hash(const unsigned char *key, size_t n)
{
    return n ? ncr_hash_bytes(key, n).lo : 0;
}

static void map_grow(struct layer_map *map, struct ncr_arena *scratch,
                     const struct ncr_mdd_layer *layer)
{
    map_init(map, scratch, 2 * (uint64_t)layer->n + 64);
    for (uint32_t i = 0; i < layer->n; i++) {
        uint64_t h =
            key_hash(layer->keys + (size_t)i * layer->key_bytes, layer->key_bytes) & map->mask;
        while (map->slot[h])
            h = (h + 1) & map->mask;
        map->slot[h] = i + 1;
    }
}

// The node of the layer with this key, made where there is none.
static uint32_t intern(struct ncr_mdd *mdd, struct ncr_arena *scratch, struct ncr_mdd_layer *layer,
                       struct layer_map *map, const unsigned char *key)
{
    size_t n = layer->key_bytes;
    uint64_t h = key_hash(key, n) & map->mask;
    while (map->slot[h]) {
        uint32_t i = map->slot[h] - 1;
        if (n == 0 || memcmp(layer->keys + (size_t)i * n, key, n) == 0) return i;
        h = (h + 1) & map->mask;
    }
    if (layer->n == layer->cap) {
        uint32_t cap = layer->cap ? layer->cap * 2 : 16;
        layer->keys =
            ncr_arena_grow(mdd->arena, layer->keys, (size_t)layer->cap * n, (size_t)cap * n);
        layer->cap = cap;
    }
    if (n) memcpy(layer->keys + (size_t)layer->n * n, key, n);
    map->slot[h] = ++layer->n;
    uint32_t index = layer->n - 1;
    if (2 * (uint64_t)layer->n > map->mask) map_grow(map, scratch, layer);
    return index;
}

// ---- layers ----

// What a path has so far, unpacked from the key of a node: residuals of the items that are begun
// (8 bytes each: the residual, and for weights the value of the variable), then the partial sums.
struct state {
    ncr_diagram *residual; // [n_items]
    uint32_t *value;       // [n_items]: weights
    int64_t *sums;         // [n_sums]
};

static struct state state_new(const struct ncr_mdd *mdd, struct ncr_arena *scratch)
{
    return (struct state){NCR_NEW_N(scratch, ncr_diagram, mdd->n_items),
                          NCR_NEW_N(scratch, uint32_t, mdd->n_items),
                          NCR_NEW_N(scratch, int64_t, mdd->problem->n_sums)};
}

static void write_key(const struct ncr_mdd *mdd, const struct ncr_mdd_layer *layer,
                      const struct state *s, unsigned char *key)
{
    for (uint32_t k = 0; k < layer->n_begun; k++, key += 8) {
        uint32_t i = layer->begun[k];
        memcpy(key, &s->residual[i], 4);
        memcpy(key + 4, &s->value[i], 4);
    }
    if (mdd->problem->n_sums) memcpy(key, s->sums, 8 * (size_t)mdd->problem->n_sums);
}

static void read_key(const struct ncr_mdd *mdd, const struct ncr_mdd_layer *layer, uint32_t node,
                     struct state *s)
{
    const unsigned char *key = layer->keys + (size_t)node * layer->key_bytes;
    for (uint32_t k = 0; k < layer->n_begun; k++, key += 8) {
        uint32_t i = layer->begun[k];
        memcpy(&s->residual[i], key, 4);
        memcpy(&s->value[i], key + 4, 4);
    }
    if (mdd->problem->n_sums) memcpy(s->sums, key, 8 * (size_t)mdd->problem->n_sums);
}

// Closes sums that no completion can break; false where one must break.
static bool settle(const struct ncr_mdd *mdd, uint32_t v, struct state *s)
{
    const struct ncr_mdd_layer *next = &mdd->layers[v + 1];
    for (uint32_t k = 0; k < mdd->problem->n_sums; k++) {
        const struct ncr_mdd_sum *sum = &mdd->problem->sums[k];
        if (s->sums[k] == NCR_MDD_CLOSED) continue;
        int64_t sum_lo = mdd->lo[k], sum_hi = mdd->hi[k];
        int64_t lo = sat_add(s->sums[k], mdd->rest_lo[k][v + 1]),
                hi = sat_add(s->sums[k], mdd->rest_hi[k][v + 1]);
        for (uint32_t i = 0; i < next->n_begun; i++) {
            const struct ncr_mdd_item *item = &mdd->items[next->begun[i]];
            ncr_diagram r = s->residual[next->begun[i]];
            if (item->role != NCR_MDD_TERM || item->owner != k || ncr_diagram_is_leaf(r)) continue;
            lo = sat_add(lo, scaled(sum, item->times * mdd->least[r]));
            hi = sat_add(hi, scaled(sum, item->times * mdd->most[r]));
        }
        if (lo > sum_hi || hi < sum_lo) return false;
        if (lo >= sum_lo && hi <= sum_hi) s->sums[k] = NCR_MDD_CLOSED;
    }
    // Terms of closed sums no longer matter.
    for (uint32_t i = 0; i < next->n_begun; i++) {
        const struct ncr_mdd_item *item = &mdd->items[next->begun[i]];
        if (item->role == NCR_MDD_TERM && s->sums[item->owner] == NCR_MDD_CLOSED)
            s->residual[next->begun[i]] = NCR_HOLE;
    }
    return true;
}

// Takes value x of variable v: residuals, sums, and what the edge adds. False where it is cut.
static bool step(const struct ncr_mdd *mdd, uint32_t v, uint32_t x, const struct state *from,
                 struct state *to, int64_t *tracked, double *weight)
{
    const struct ncr_mdd_problem *p = mdd->problem;
    const struct ncr_mdd_layer *layer = &mdd->layers[v];
    for (uint32_t s = 0; s < p->n_sums; s++) {
        to->sums[s] = from->sums[s];
        if (to->sums[s] != NCR_MDD_CLOSED)
            to->sums[s] = sat_add(to->sums[s], mdd->flat[s][mdd->offset[v] + x]);
    }
    for (uint32_t s = 0; s < p->n_tracked; s++)
        tracked[s] = mdd->flat_tracked[s][mdd->offset[v] + x];
    *weight = 1;
    for (uint32_t k = 0; k < layer->n_here; k++) {
        uint32_t i = layer->here[k];
        const struct ncr_mdd_item *item = &mdd->items[i];
        bool begun = item->first < v;
        ncr_diagram r = ncr_diagram_child(p->diagrams, begun ? from->residual[i] : item->f, v, x);
        uint32_t value = begun ? from->value[i] : 0;
        bool leaf = ncr_diagram_is_leaf(r);
        switch (item->role) {
        case NCR_MDD_CONDITION:
            if (r == NCR_FALSE || r == NCR_HOLE) return false;
            break;
        case NCR_MDD_TERM:
            if (!leaf || r == NCR_HOLE) break;
            if (to->sums[item->owner] != NCR_MDD_CLOSED)
                to->sums[item->owner] =
                    sat_add(to->sums[item->owner],
                            scaled(&p->sums[item->owner], item->times * number(p, r)));
            r = NCR_HOLE; // counted
            break;
        case NCR_MDD_TRACKED:
            if (!leaf || r == NCR_HOLE) break;
            tracked[item->owner] += item->times * tracked_number(p, r);
            r = NCR_HOLE;
            break;
        case NCR_MDD_WEIGHT:
            if (v == p->weights[item->owner].var) value = x + 1;
            if (r == NCR_TRUE && value) *weight *= p->weights[item->owner].of[value - 1];
            if (r == NCR_FALSE || (r == NCR_TRUE && value)) {
                r = NCR_FALSE; // done
                value = 0;
            }
            break;
        }
        to->residual[i] = r;
        to->value[i] = value;
    }
    return settle(mdd, v, to);
}

// Assigns variable v in every node of layer v. False when the limit is passed.
static bool expand(struct ncr_mdd *mdd, struct ncr_arena *scratch, uint32_t v, uint64_t max_nodes)
{
    const struct ncr_mdd_problem *p = mdd->problem;
    struct ncr_mdd_layer *layer = &mdd->layers[v], *next = &mdd->layers[v + 1];
    uint32_t d = p->diagrams->domain.at[v];
    if ((uint64_t)layer->n * d > 8 * max_nodes) return false;
    layer->child = NCR_NEW_N(mdd->arena, uint32_t, (size_t)layer->n * d);
    layer->tracked = NCR_NEW_N(mdd->arena, int64_t, (size_t)layer->n * d * p->n_tracked);
    if (p->n_weights) layer->weight = NCR_NEW_N(mdd->arena, double, (size_t)layer->n *d);
    struct state from = state_new(mdd, scratch), to = state_new(mdd, scratch);
    unsigned char *key = ncr_arena_alloc(scratch, next->key_bytes);
    struct layer_map map;
    map_init(&map, scratch, layer->n);
    for (uint32_t i = 0; i < layer->n; i++) {
        read_key(mdd, layer, i, &from);
        for (uint32_t x = 0; x < d; x++) {
            size_t edge = (size_t)i * d + x;
            double weight;
            layer->child[edge] = NCR_MDD_NONE;
            if (!step(mdd, v, x, &from, &to, layer->tracked + edge * p->n_tracked, &weight))
                continue;
            if (layer->weight) layer->weight[edge] = weight;
            write_key(mdd, next, &to, key);
            layer->child[edge] = intern(mdd, scratch, next, &map, key);
            if (mdd->n_nodes + next->n > max_nodes) return false;
        }
    }
    mdd->n_nodes += next->n;
    return true;
}

// Counts completions from the last layer back; nodes without any lose their parents' edges.
static void count_back(struct ncr_mdd *mdd)
{
    uint32_t n = mdd->n_vars;
    for (uint32_t v = n + 1; v-- > 0;) {
        struct ncr_mdd_layer *layer = &mdd->layers[v];
        layer->count = NCR_NEW_N(mdd->arena, struct ncr_big, layer->n);
        uint32_t d = v < n ? mdd->problem->diagrams->domain.at[v] : 0;
        for (uint32_t i = 0; i < layer->n; i++) {
            if (v == n) {
                layer->count[i] = ncr_big_of(mdd->arena, 1);
                continue;
            }
            struct ncr_big sum = {NULL, 0};
            for (uint32_t x = 0; x < d; x++) {
                uint32_t *child = &layer->child[(size_t)i * d + x];
                if (*child == NCR_MDD_NONE) continue;
                if (ncr_big_is_zero(mdd->layers[v + 1].count[*child]))
                    *child = NCR_MDD_NONE;
                else
                    sum = ncr_big_add(mdd->arena, sum, mdd->layers[v + 1].count[*child]);
            }
            layer->count[i] = sum;
        }
    }
}

struct ncr_mdd *ncr_mdd_build(struct ncr_arena *arena, const struct ncr_mdd_problem *problem,
                              uint64_t max_nodes)
{
    struct ncr_mdd *mdd = NCR_NEW(arena, struct ncr_mdd);
    mdd->arena = arena;
    mdd->problem = problem;
    mdd->n_vars = problem->diagrams->domain.n;
    make_items(mdd);
    extremes(mdd);
    make_rests(mdd);
    mdd->lo = NCR_NEW_N(arena, int64_t, problem->n_sums);
    mdd->hi = NCR_NEW_N(arena, int64_t, problem->n_sums);
    for (uint32_t s = 0; s < problem->n_sums; s++)
        relaxed_bounds(mdd, s, &mdd->lo[s], &mdd->hi[s]);
    make_layers(mdd);
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory for a decision diagram");
    // The root: nothing begun; a sum without variables is decided here.
    struct state start = state_new(mdd, scratch);
    for (uint32_t s = 0; s < problem->n_sums; s++) {
        start.sums[s] = mdd->start[s];
        int64_t lo = sat_add(start.sums[s], mdd->rest_lo[s][0]),
                hi = sat_add(start.sums[s], mdd->rest_hi[s][0]);
        mdd->empty |= lo > mdd->hi[s] || hi < mdd->lo[s];
        if (lo >= mdd->lo[s] && hi <= mdd->hi[s]) start.sums[s] = NCR_MDD_CLOSED;
    }
    unsigned char *key = ncr_arena_alloc(scratch, mdd->layers[0].key_bytes);
    write_key(mdd, &mdd->layers[0], &start, key);
    struct layer_map map;
    map_init(&map, scratch, 1);
    intern(mdd, scratch, &mdd->layers[0], &map, key);
    mdd->n_nodes = 1;
    bool ok = true;
    for (uint32_t v = 0; ok && v < mdd->n_vars; v++) {
        struct ncr_arena_mark mark = ncr_arena_mark(scratch);
        ok = expand(mdd, scratch, v, max_nodes);
        ncr_arena_reset(scratch, mark);
    }
    ncr_arena_free(scratch);
    if (!ok) return NULL;
    count_back(mdd);
    if (mdd->empty) mdd->layers[0].count[0] = ncr_big_of(arena, 0);
    return mdd;
}

struct ncr_mdd *ncr_mdd_measure(struct ncr_arena *arena, const struct ncr_mdd *mdd,
                                const struct ncr_mdd_sum *tracked, const int64_t *numbers,
                                uint64_t max_nodes)
{
    struct ncr_mdd_problem *p = NCR_NEW(arena, struct ncr_mdd_problem);
    *p = *mdd->problem;
    p->tracked = ncr_arena_copy(arena, tracked, sizeof *tracked);
    p->n_tracked = 1;
    p->tracked_numbers = numbers;
    p->n_weights = 0;
    return ncr_mdd_build(arena, p, max_nodes);
}
