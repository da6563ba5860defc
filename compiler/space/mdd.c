// Construction of decision diagrams by the frontier method. Walks over them are in mdd_walk.c.
#include "compiler/space/mdd_internal.h"

#include <string.h>

#include "lang/base/hash.h"

static int64_t sat_add(int64_t a, int64_t b)
{
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return a < 0 ? INT64_MIN : INT64_MAX;
}

int64_t ncr_mdd_lookup(const struct ncr_mdd_problem *problem, const struct ncr_mdd_table *table,
                       const uint32_t *values)
{
    uint64_t index = 0;
    for (uint32_t k = 0; k < table->n_vars; k++)
        index = index * problem->domain[table->vars[k]] + values[table->vars[k]];
    return table->value[index];
}

static uint64_t table_size(const struct ncr_mdd_problem *problem, const struct ncr_mdd_table *table)
{
    uint64_t n = 1;
    for (uint32_t k = 0; k < table->n_vars; k++)
        n *= problem->domain[table->vars[k]];
    return n;
}

// Constant tables are read where the first variable is.
static uint32_t last_var(const struct ncr_mdd_table *table)
{
    return table->n_vars ? table->vars[table->n_vars - 1] : 0;
}

static void note_use(const struct ncr_mdd_table *table, uint32_t *last_use)
{
    uint32_t last = last_var(table);
    for (uint32_t k = 0; k < table->n_vars; k++)
        if (last_use[table->vars[k]] < last) last_use[table->vars[k]] = last;
}

// Lists of tables by the layer at which they are complete.
static struct ncr_mdd_at *tables_at(struct ncr_arena *arena, uint32_t n_vars,
                                    const struct ncr_mdd_table *tables, uint32_t n)
{
    struct ncr_mdd_at *at = NCR_NEW_N(arena, struct ncr_mdd_at, (size_t)n_vars + 1);
    for (uint32_t i = 0; i < n; i++)
        at[last_var(&tables[i])].n++;
    for (uint32_t v = 0; v < n_vars; v++) {
        at[v].tables = NCR_NEW_N(arena, const struct ncr_mdd_table *, at[v].n);
        at[v].n = 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct ncr_mdd_at *here = &at[last_var(&tables[i])];
        here->tables[here->n++] = &tables[i];
    }
    return at;
}

// rest[v]: the least and most that the terms completed at layers >= v can add.
static void rest_bounds(struct ncr_mdd *mdd, struct ncr_mdd_open *open)
{
    uint32_t n = mdd->problem->n_vars;
    open->rest_lo = NCR_NEW_N(mdd->arena, int64_t, (size_t)n + 1);
    open->rest_hi = NCR_NEW_N(mdd->arena, int64_t, (size_t)n + 1);
    for (uint32_t v = n; v-- > 0;) {
        int64_t lo = open->rest_lo[v + 1], hi = open->rest_hi[v + 1];
        for (uint32_t k = 0; k < open->at[v].n; k++) {
            const struct ncr_mdd_table *table = open->at[v].tables[k];
            int64_t min = INT64_MAX, max = INT64_MIN;
            for (uint64_t i = 0; i < table_size(mdd->problem, table); i++) {
                min = ncr_min_i64(min, table->value[i]);
                max = ncr_max_i64(max, table->value[i]);
            }
            lo = sat_add(lo, min);
            hi = sat_add(hi, max);
        }
        open->rest_lo[v] = lo;
        open->rest_hi[v] = hi;
    }
}

// The partial sum after layer v: NCR_MDD_CLOSED when no completion can break the bounds, false when
// every one must.
static bool settle(const struct ncr_mdd_open *open, uint32_t v, int64_t *sum)
{
    if (*sum == NCR_MDD_CLOSED) return true;
    int64_t lo = sat_add(*sum, open->rest_lo[v + 1]), hi = sat_add(*sum, open->rest_hi[v + 1]);
    if (lo > open->sum->hi || hi < open->sum->lo) return false;
    if (lo >= open->sum->lo && hi <= open->sum->hi) *sum = NCR_MDD_CLOSED;
    return true;
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
        if (memcmp(layer->keys + (size_t)i * n, key, n) == 0) return i;
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

// Key of a node: 4 bytes a frontier variable, 8 bytes an open sum.
static void write_key(const struct ncr_mdd *mdd, const struct ncr_mdd_layer *layer,
                      const uint32_t *values, const int64_t *sums, unsigned char *key)
{
    for (uint32_t k = 0; k < layer->n_frontier; k++, key += 4)
        memcpy(key, &values[layer->frontier[k]], 4);
    if (mdd->n_open) memcpy(key, sums, 8 * (size_t)mdd->n_open);
}

void ncr_mdd_read_key(const struct ncr_mdd *mdd, const struct ncr_mdd_layer *layer, uint32_t node,
                      uint32_t *values, int64_t *sums)
{
    const unsigned char *key = layer->keys + (size_t)node * layer->key_bytes;
    for (uint32_t k = 0; k < layer->n_frontier; k++, key += 4)
        memcpy(&values[layer->frontier[k]], key, 4);
    if (mdd->n_open && sums) memcpy(sums, key, 8 * (size_t)mdd->n_open);
}

static void make_frontiers(struct ncr_mdd *mdd, const uint32_t *last_use)
{
    uint32_t n = mdd->problem->n_vars;
    for (uint32_t v = 0; v <= n; v++) {
        struct ncr_mdd_layer *layer = &mdd->layers[v];
        for (uint32_t u = 0; u < v; u++)
            layer->n_frontier += last_use[u] >= v;
        layer->frontier = NCR_NEW_N(mdd->arena, uint32_t, layer->n_frontier);
        uint32_t k = 0;
        for (uint32_t u = 0; u < v; u++)
            if (last_use[u] >= v) layer->frontier[k++] = u;
        layer->key_bytes = 4 * (size_t)layer->n_frontier + 8 * (size_t)mdd->n_open;
    }
}

static bool allowed(const struct ncr_mdd *mdd, uint32_t v, const uint32_t *values)
{
    for (uint32_t k = 0; k < mdd->restrictions[v].n; k++)
        if (!ncr_mdd_lookup(mdd->problem, mdd->restrictions[v].tables[k], values)) return false;
    return true;
}

// Assigns variable v in every node of layer v. False when the limit is passed.
static bool expand(struct ncr_mdd *mdd, struct ncr_arena *scratch, uint32_t v, uint64_t max_nodes)
{
    struct ncr_mdd_layer *layer = &mdd->layers[v], *next = &mdd->layers[v + 1];
    uint32_t d = mdd->problem->domain[v];
    layer->child = NCR_NEW_N(mdd->arena, uint32_t, (size_t)layer->n * d);
    uint32_t *values = NCR_NEW_N(scratch, uint32_t, mdd->problem->n_vars);
    int64_t *sums = NCR_NEW_N(scratch, int64_t, mdd->n_open),
            *after = NCR_NEW_N(scratch, int64_t, mdd->n_open);
    unsigned char *key = ncr_arena_alloc(scratch, next->key_bytes);
    struct layer_map map;
    map_init(&map, scratch, layer->n);
    for (uint32_t i = 0; i < layer->n; i++) {
        ncr_mdd_read_key(mdd, layer, i, values, sums);
        for (uint32_t x = 0; x < d; x++) {
            uint32_t *child = &layer->child[(size_t)i * d + x];
            *child = NCR_MDD_NONE;
            values[v] = x;
            if (!allowed(mdd, v, values)) continue;
            bool ok = true;
            for (uint32_t s = 0; ok && s < mdd->n_open; s++) {
                after[s] = sums[s];
                for (uint32_t k = 0; after[s] != NCR_MDD_CLOSED && k < mdd->open[s].at[v].n; k++)
                    after[s] =
                        sat_add(after[s],
                                ncr_mdd_lookup(mdd->problem, mdd->open[s].at[v].tables[k], values));
                ok = settle(&mdd->open[s], v, &after[s]);
            }
            if (!ok) continue;
            write_key(mdd, next, values, after, key);
            *child = intern(mdd, scratch, next, &map, key);
            if (mdd->n_nodes + next->n > max_nodes) return false;
        }
    }
    mdd->n_nodes += next->n;
    return true;
}

// Counts completions from the last layer back; nodes without any lose their parents' edges.
static void count_back(struct ncr_mdd *mdd)
{
    uint32_t n = mdd->problem->n_vars;
    for (uint32_t v = n + 1; v-- > 0;) {
        struct ncr_mdd_layer *layer = &mdd->layers[v];
        layer->count = NCR_NEW_N(mdd->arena, struct ncr_big, layer->n);
        uint32_t d = v < n ? mdd->problem->domain[v] : 0;
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
    uint32_t n = problem->n_vars;
    struct ncr_mdd *mdd = NCR_NEW(arena, struct ncr_mdd);
    mdd->arena = arena;
    mdd->problem = problem;
    mdd->n_open = problem->n_sums;
    mdd->layers = NCR_NEW_N(arena, struct ncr_mdd_layer, (size_t)n + 1);
    mdd->restrictions = tables_at(arena, n, problem->restrictions, problem->n_restrictions);
    mdd->open = NCR_NEW_N(arena, struct ncr_mdd_open, problem->n_sums);
    mdd->tracked = NCR_NEW_N(arena, struct ncr_mdd_at *, problem->n_tracked);
    uint32_t *last_use = NCR_NEW_N(arena, uint32_t, n);
    for (uint32_t i = 0; i < problem->n_restrictions; i++)
        note_use(&problem->restrictions[i], last_use);
    for (uint32_t s = 0; s < problem->n_sums; s++) {
        const struct ncr_mdd_sum *sum = &problem->sums[s];
        for (uint32_t k = 0; k < sum->n_terms; k++)
            note_use(&sum->terms[k], last_use);
        mdd->open[s] =
            (struct ncr_mdd_open){.sum = sum, .at = tables_at(arena, n, sum->terms, sum->n_terms)};
        rest_bounds(mdd, &mdd->open[s]);
    }
    for (uint32_t s = 0; s < problem->n_tracked; s++) {
        const struct ncr_mdd_sum *sum = &problem->tracked[s];
        for (uint32_t k = 0; k < sum->n_terms; k++)
            note_use(&sum->terms[k], last_use);
        mdd->tracked[s] = tables_at(arena, n, sum->terms, sum->n_terms);
    }
    make_frontiers(mdd, last_use);

    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory for a decision diagram");
    int64_t *zero = NCR_NEW_N(scratch, int64_t, mdd->n_open);
    struct layer_map map;
    map_init(&map, scratch, 1);
    intern(mdd, scratch, &mdd->layers[0], &map, (const unsigned char *)zero);
    mdd->n_nodes = 1;
    bool ok = true;
    for (uint32_t v = 0; ok && v < n; v++) {
        struct ncr_arena_mark mark = ncr_arena_mark(scratch);
        ok = expand(mdd, scratch, v, max_nodes);
        ncr_arena_reset(scratch, mark);
    }
    ncr_arena_free(scratch);
    if (!ok) return NULL;
    count_back(mdd);
    return mdd;
}
