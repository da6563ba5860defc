// How many members, how many networks, and the bounds of figures.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/space/members.h"

static bool stopped(const struct ncr_work *work, uint64_t done, uint64_t of)
{
    return work && work->stop && work->stop(work->user, done, of);
}

static struct ncr_count exactly(struct ncr_big n)
{
    return (struct ncr_count){n, n, n, true};
}

struct ncr_count ncr_members_genotypes(const struct ncr_members *m)
{
    return exactly(ncr_mdd_count(m->all));
}

// A double at least 0, rounded to an integer of at most `most`; exact below 2^53.
static struct ncr_big rounded(struct ncr_arena *arena, double v, struct ncr_big most)
{
    int power;
    double part = frexp(v, &power); // v = part · 2^power
    struct ncr_big n = ncr_big_of(arena, (uint64_t)(v < 0x1p53 ? v + 0.5 : ldexp(part, 53)));
    for (int i = 53; v >= 0x1p53 && i < power; i += 32)
        n = ncr_big_mul(arena, n,
                        ncr_big_of(arena, UINT64_C(1) << (power - i < 32 ? power - i : 32)));
    return ncr_big_cmp(n, most) > 0 ? most : n;
}

struct enumeration {
    struct ncr_members *members;
    struct ncr_arena *scratch;
    const struct ncr_work *work;
    uint64_t n, of, seen;
    bool stop;
    // distinct
    struct ncr_hash *ids;
    uint64_t cap;
    // bounds
    enum ncr_space_figure figure;
    struct ncr_bounds *bounds;
};

static bool keep_going(struct enumeration *e)
{
    if ((++e->seen & 255) == 0) e->stop = stopped(e->work, e->seen, e->of);
    return !e->stop;
}

static bool count_one(void *user, const uint32_t *taken)
{
    struct enumeration *e = user;
    e->n += ncr_members_accept(e->members, e->scratch, taken);
    return keep_going(e);
}

struct ncr_count ncr_members_feasible(struct ncr_members *m, uint64_t budget, uint64_t n_draws,
                                      uint64_t seed, const struct ncr_work *work)
{
    struct ncr_big candidates = ncr_mdd_count(m->drawn);
    uint64_t n;
    if (m->n_asked == 0) return exactly(candidates);
    struct ncr_arena *scratch = ncr_arena_new(0), *walk = ncr_arena_new(0);
    if (!scratch || !walk) NCR_BUG("out of memory for a space");
    struct ncr_count count = {.exact = false};
    struct enumeration e = {.members = m, .scratch = scratch, .work = work};
    if (ncr_big_u64(candidates, &n) && n <= budget) {
        e.of = n;
        ncr_mdd_each(m->drawn, walk, count_one, &e);
        if (!e.stop) count = exactly(ncr_big_of(m->arena, e.n));
    }
    if (!count.exact) {
        // Wilson's score interval at 95 % (Wilson, JASA 22, 1927).
        uint32_t *taken = NCR_NEW_N(walk, uint32_t, (size_t)m->space->decisions.n + 1);
        double accepted = 0, tried = 0, z = 1.959963984540054, all = ncr_big_f64(candidates);
        for (uint64_t i = 0; i < n_draws && !(i % 64 == 63 && stopped(work, i, n_draws)); i++) {
            struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_SAMPLE, UINT64_MAX - i);
            ncr_mdd_sample(m->drawn, scratch, &rng, taken);
            accepted += ncr_members_accept(m, scratch, taken);
            tried++;
        }
        double p = tried > 0 ? accepted / tried : 0, t = tried > 0 ? tried : 1;
        double middle = (p + z * z / (2 * t)) / (1 + z * z / t);
        double half = z * sqrt(p * (1 - p) / t + z * z / (4 * t * t)) / (1 + z * z / t);
        count.count = rounded(m->arena, p * all, candidates);
        count.low = rounded(m->arena, middle > half ? (middle - half) * all : 0, candidates);
        count.high = rounded(m->arena, middle + half < 1 ? (middle + half) * all : all, candidates);
    }
    ncr_arena_free(walk);
    ncr_arena_free(scratch);
    return count;
}

// -- distinct networks --------------------------------------------------------------------------

static bool hash_one(void *user, const uint32_t *taken)
{
    struct enumeration *e = user;
    if (e->n == e->cap) return false;
    struct ncr_arena_mark mark = ncr_arena_mark(e->scratch);
    e->ids[e->n++] = ncr_space_arch_id(e->members->space, taken, e->scratch);
    ncr_arena_reset(e->scratch, mark);
    return keep_going(e);
}

static int by_hash(const void *a, const void *b)
{
    return ncr_hash_cmp(*(const struct ncr_hash *)a, *(const struct ncr_hash *)b);
}

// Different ids, and pairs of equal ones.
static uint64_t different(struct ncr_hash *ids, uint64_t n, double *pairs)
{
    uint64_t d = 0, run = 0;
    *pairs = 0;
    if (n) qsort(ids, n, sizeof *ids, by_hash);
    for (uint64_t i = 0; i < n; i++) {
        bool again = i && ncr_hash_eq(ids[i - 1], ids[i]);
        run = again ? run + 1 : 0;
        d += !again;
        *pairs += (double)run;
    }
    return d;
}

struct ncr_count ncr_members_distinct(struct ncr_members *m, struct ncr_count feasible,
                                      uint64_t budget, uint64_t n_draws, uint64_t seed,
                                      const struct ncr_work *work)
{
    uint64_t n;
    bool few = ncr_big_u64(ncr_mdd_count(m->drawn), &n) && n <= budget;
    struct ncr_arena *scratch = ncr_arena_new(0), *kept = ncr_arena_new(0);
    if (!scratch || !kept) NCR_BUG("out of memory for a space");
    struct enumeration e = {.members = m, .scratch = scratch, .work = work};
    e.cap = few ? n : n_draws;
    e.of = e.cap;
    e.ids = NCR_NEW_N(kept, struct ncr_hash, e.cap);
    struct ncr_count count = {.exact = false};
    double pairs;
    if (few) {
        ncr_members_each(m, scratch, hash_one, &e);
        if (!e.stop) count = exactly(ncr_big_of(m->arena, different(e.ids, e.n, &pairs)));
    }
    if (!count.exact) {
        uint32_t *taken = NCR_NEW_N(kept, uint32_t, (size_t)m->space->decisions.n + 1);
        e.n = 0;
        e.stop = false;
        for (uint64_t i = 0; i < e.cap && i < n_draws && !e.stop; i++) {
            struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_SAMPLE, UINT64_MAX / 2 - i);
            if (!ncr_members_sample(m, scratch, true, &rng, taken)) break;
            hash_one(&e, taken);
        }
        uint64_t seen = different(e.ids, e.n, &pairs);
        double all = (double)e.n * ((double)e.n - 1) / 2;
        // Poisson's upper bound for k events, 97.5 %: half the chi-square quantile with 2k + 2
        // degrees of freedom, by Wilson and Hilferty (1931).
        double k = 2 * pairs + 2, z = 1.959963984540054;
        double cube = 1 - 2 / (9 * k) + z * sqrt(2 / (9 * k));
        double high_pairs = 0.5 * k * cube * cube * cube, most = ncr_big_f64(feasible.count);
        double low = all / high_pairs, middle = pairs > 0 ? all / pairs : most;
        if (low < (double)seen) low = (double)seen;
        if (low > most) low = most;
        if (middle > most) middle = most;
        if (middle < low) middle = low;
        count.low = rounded(m->arena, low, feasible.count);
        count.count = middle >= most ? feasible.count : rounded(m->arena, middle, feasible.count);
        count.high = feasible.high;
    }
    ncr_arena_free(kept);
    ncr_arena_free(scratch);
    return count;
}

// -- figures ------------------------------------------------------------------------------------

static const char *const figure_names[NCR_SPACE_FIGURE_COUNT_] = {"params", "macs", "nodes",
                                                                  "depth", "peak_memory"};

const char *ncr_space_figure_name(enum ncr_space_figure figure)
{
    return figure_names[figure];
}

bool ncr_space_figure_find(struct ncr_str name, enum ncr_space_figure *out)
{
    for (int i = 0; i < NCR_SPACE_FIGURE_COUNT_; i++)
        if (ncr_str_is(name, figure_names[i])) return *out = (enum ncr_space_figure)i, true;
    return false;
}

int64_t ncr_members_figure(const struct ncr_members *m, enum ncr_space_figure figure,
                           const struct ncr_graph *graph)
{
    if (figure == NCR_SPACE_PEAK_MEMORY) return m->peak_memory(graph);
    if (figure == NCR_SPACE_PARAMS) return ncr_graph_params(graph);
    if (figure == NCR_SPACE_MACS) return ncr_graph_macs(graph);
    if (figure == NCR_SPACE_NODES) return graph->n_nodes;
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    int64_t *depth = NCR_NEW_N(scratch, int64_t, graph->n_nodes), most = 0;
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        for (uint32_t k = 0; k < graph->nodes[i].n_in; k++)
            depth[i] = ncr_max_i64(depth[i], depth[graph->nodes[i].in[k]]);
        depth[i] += (ncr_op_sites(graph->nodes[i].op) & NCR_SITE_WEIGHT) != 0;
        most = ncr_max_i64(most, depth[i]);
    }
    ncr_arena_free(scratch);
    return most;
}

struct figure_terms {
    struct ncr_space *space;
    enum ncr_space_figure figure;
    int64_t *numbers;
    uint32_t n;
    uint32_t *slots, mask; // number + 1
};

static uint32_t figure_leaf(void *user, const uint32_t *leaf)
{
    struct figure_terms *t = user;
    int64_t v = 0;
    if (leaf[0] == 1 && leaf[1] != NCR_HOLE) {
        const struct ncr_op_facts *facts = &t->space->variants.at[leaf[1]].facts;
        v = t->figure == NCR_SPACE_MACS    ? facts->macs
            : t->figure == NCR_SPACE_NODES ? 1
            : leaf[2] == 1                 ? facts->n_trained
                                           : 0;
    }
    uint32_t at = (uint32_t)((uint64_t)v * UINT64_C(0x9e3779b97f4a7c15) >> 32) & t->mask;
    for (; t->slots[at]; at = (at + 1) & t->mask)
        if (t->numbers[t->slots[at] - 1] == v) return t->slots[at] - 1;
    t->numbers[t->n] = v;
    t->slots[at] = ++t->n;
    return t->n - 1;
}

// The figure as a sum over the nodes; numbers: its leaves.
static struct ncr_mdd_sum figure_sum(struct ncr_arena *arena, struct ncr_space *space,
                                     enum ncr_space_figure figure, int64_t **numbers)
{
    struct figure_terms t = {.space = space, .figure = figure, .mask = 63};
    while (t.mask < 2 * (space->variants.n + 3))
        t.mask = 2 * t.mask + 1;
    t.slots = NCR_NEW_N(arena, uint32_t, (size_t)t.mask + 1);
    // Each number is that of a variant, zero or one.
    t.numbers = NCR_NEW_N(arena, int64_t, (size_t)space->variants.n + 3);
    ncr_diagram *terms = NCR_NEW_N(arena, ncr_diagram, space->nodes.n);
    struct ncr_diagrams *d = &space->diagrams;
    for (uint32_t i = 0; i < space->nodes.n; i++) {
        const struct ncr_space_node *node = &space->nodes.at[i];
        ncr_diagram args[3] = {node->exists, node->variant, node->first};
        terms[i] = ncr_diagram_apply(d, NCR_TRUE, args, 3, figure_leaf, &t);
    }
    *numbers = t.numbers;
    return (struct ncr_mdd_sum){
        .terms = terms, .n_terms = space->nodes.n, .lo = INT64_MIN, .hi = INT64_MAX};
}

static void note_bound(struct ncr_members *m, struct ncr_bounds *b, int64_t v,
                       const uint32_t *taken, bool first)
{
    size_t size = m->space->decisions.n * sizeof *taken;
    if (first || v < b->low) {
        b->low = v;
        memcpy(b->low_taken, taken, size);
    }
    if (first || v > b->high) {
        b->high = v;
        memcpy(b->high_taken, taken, size);
    }
}

static bool bound_one(void *user, const uint32_t *taken)
{
    struct enumeration *e = user;
    struct ncr_arena_mark mark = ncr_arena_mark(e->scratch);
    const struct ncr_graph *graph = ncr_space_bind(e->members->space, taken, e->scratch);
    note_bound(e->members, e->bounds, ncr_members_figure(e->members, e->figure, graph), taken,
               e->n == 0);
    ncr_arena_reset(e->scratch, mark);
    e->n++;
    return keep_going(e);
}

static bool by_diagram(struct ncr_members *m, enum ncr_space_figure figure,
                       struct ncr_arena *scratch, struct ncr_bounds *out)
{
    struct ncr_space *space = m->space;
    struct ncr_arena *before = space->diagrams.scratch;
    space->diagrams.scratch = scratch;
    space->diagrams.work_limit = UINT64_MAX;
    int64_t *numbers;
    struct ncr_mdd_sum sum = figure_sum(m->arena, space, figure, &numbers);
    struct ncr_mdd *mdd =
        ncr_mdd_measure(m->arena, m->drawn, &sum, numbers, NCR_LIMIT_MEMBER_NODES);
    space->diagrams.scratch = before;
    if (!mdd) return false;
    out->low = ncr_mdd_extreme(mdd, scratch, 0, 1, out->low_taken);
    out->high = ncr_mdd_extreme(mdd, scratch, 0, -1, out->high_taken);
    out->exact = ncr_members_accept(m, scratch, out->low_taken) &&
                 ncr_members_accept(m, scratch, out->high_taken);
    return true;
}

bool ncr_members_bounds(struct ncr_members *m, enum ncr_space_figure figure, uint64_t budget,
                        uint64_t n_draws, uint64_t seed, const struct ncr_work *work,
                        struct ncr_bounds *out)
{
    if (ncr_big_is_zero(ncr_mdd_count(m->drawn))) return false;
    if (figure == NCR_SPACE_PEAK_MEMORY && !m->peak_memory) return false;
    uint32_t n = m->space->decisions.n;
    *out = (struct ncr_bounds){.low_taken = NCR_NEW_N(m->arena, uint32_t, (size_t)n + 1),
                               .high_taken = NCR_NEW_N(m->arena, uint32_t, (size_t)n + 1)};
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory for a space");
    bool good = figure < NCR_SPACE_DEPTH && by_diagram(m, figure, scratch, out);
    uint64_t candidates;
    struct enumeration e = {
        .members = m, .scratch = scratch, .work = work, .figure = figure, .bounds = out};
    bool few = ncr_big_u64(ncr_mdd_count(m->drawn), &candidates) && candidates <= budget;
    if ((!good || !out->exact) && few) {
        e.of = candidates;
        ncr_members_each(m, scratch, bound_one, &e);
        good = e.n > 0;
        out->exact = !e.stop;
        out->drawn = e.stop;
    } else if (!good) {
        uint32_t *taken = NCR_NEW_N(scratch, uint32_t, (size_t)n + 1);
        e.of = n_draws;
        for (uint64_t i = 0; i < n_draws && !e.stop; i++) {
            struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_SAMPLE, UINT64_MAX / 4 - i);
            if (!ncr_members_sample(m, scratch, true, &rng, taken)) break;
            bound_one(&e, taken);
        }
        good = e.n > 0;
        out->drawn = true;
    }
    ncr_arena_free(scratch);
    return good;
}
