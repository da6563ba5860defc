// SPACE to the diagram of its members; drawing and enumerating them.
#include "compiler/space/members.h"

#include <string.h>

// -- problems -----------------------------------------------------------------------------------

struct conditions {
    ncr_diagram *at;
    uint32_t n;
};

// Decisions that do not exist stand at their first alternative, so that each genotype is counted
// once; those that are given have one value.
static void genotype_conditions(struct ncr_space *space, const uint32_t *given,
                                struct conditions *out)
{
    struct ncr_diagrams *d = &space->diagrams;
    for (uint32_t i = 0; i < space->decisions.n; i++) {
        const struct ncr_space_decision *decision = &space->decisions.at[i];
        if (decision->exists != NCR_TRUE)
            out->at[out->n++] =
                ncr_diagram_if(d, decision->exists, NCR_TRUE, ncr_diagram_equals(d, i, 0));
        if (given && given[i] != NCR_UNSET)
            out->at[out->n++] =
                ncr_diagram_if(d, decision->exists, ncr_diagram_equals(d, i, given[i]), NCR_TRUE);
    }
    for (uint32_t i = 0; i < space->requires.n; i++) {
        const struct ncr_space_require *r = &space->requires.at[i];
        if (r->kind == NCR_REQUIRE_DIAGRAM && !r->span.file) out->at[out->n++] = r->condition;
    }
}

// The span of values of a sum's terms, for the choice of a divisor.
static int64_t spread(struct ncr_space *space, const struct ncr_space_sum *sum)
{
    int64_t total = 0;
    struct ncr_arena *scratch = space->diagrams.scratch;
    for (uint32_t i = 0; i < sum->n_terms; i++) {
        int64_t low = INT64_MAX, high = INT64_MIN;
        struct ncr_arena_mark mark = ncr_arena_mark(scratch);
        struct ncr_diagram_leaves leaves =
            ncr_diagram_leaves(&space->diagrams, scratch, sum->terms[i]);
        for (uint32_t k = 0; k < leaves.n; k++) {
            low = ncr_min_i64(low, space->numbers.at[leaves.at[k]]);
            high = ncr_max_i64(high, space->numbers.at[leaves.at[k]]);
        }
        if (leaves.n && !ncr_add_i64(total, high - low, &total)) total = INT64_MAX / 2;
        ncr_arena_reset(scratch, mark);
    }
    return total;
}

// held[i]: requirement i is part of the problem; relaxed[i]: as a superset of what it admits, in
// about this many steps of its sum.
static void require_problem(struct ncr_arena *arena, struct ncr_space *space, const bool *held,
                            const uint32_t *relaxed, struct conditions *conditions,
                            struct ncr_mdd_problem *p)
{
    struct ncr_mdd_sum *sums = NCR_NEW_N(arena, struct ncr_mdd_sum, space->requires.n);
    p->sums = sums;
    p->n_sums = 0;
    for (uint32_t i = 0; i < space->requires.n; i++) {
        const struct ncr_space_require *r = &space->requires.at[i];
        if (!held[i] || !r->span.file) continue;
        if (r->kind == NCR_REQUIRE_DIAGRAM) conditions->at[conditions->n++] = r->condition;
        if (r->kind != NCR_REQUIRE_SUM) continue;
        struct ncr_mdd_sum sum = {.constant = r->sum.constant,
                                  .terms = r->sum.terms,
                                  .n_terms = r->sum.n_terms,
                                  .lo = r->lo,
                                  .hi = r->hi};
        if (relaxed[i]) sum.divide = 1 + spread(space, &r->sum) / relaxed[i];
        sums[p->n_sums++] = sum;
    }
}

static struct conditions conditions_new(struct ncr_arena *arena, const struct ncr_space *space)
{
    size_t most = 2 * (size_t)space->decisions.n + 2 * (size_t)space->requires.n;
    return (struct conditions){NCR_NEW_N(arena, ncr_diagram, most), 0};
}

static struct ncr_mdd_problem *problem_new(struct ncr_arena *arena, struct ncr_space *space)
{
    struct ncr_mdd_problem *p = NCR_NEW(arena, struct ncr_mdd_problem);
    p->diagrams = &space->diagrams;
    p->numbers = space->numbers.at;
    struct ncr_mdd_weight *weights = NCR_NEW_N(arena, struct ncr_mdd_weight, space->decisions.n);
    for (uint32_t i = 0; i < space->decisions.n; i++) {
        const struct ncr_space_decision *d = &space->decisions.at[i];
        if (d->prior) weights[p->n_weights++] = (struct ncr_mdd_weight){i, d->exists, d->prior};
    }
    // With some priors the other decisions are drawn evenly by their own alternatives, too.
    if (p->n_weights) {
        p->n_weights = 0;
        for (uint32_t i = 0; i < space->decisions.n; i++) {
            const struct ncr_space_decision *d = &space->decisions.at[i];
            double *even = NCR_NEW_N(arena, double, d->n);
            for (uint32_t k = 0; k < d->n; k++)
                even[k] = 1.0 / d->n;
            weights[p->n_weights++] =
                (struct ncr_mdd_weight){i, d->exists, d->prior ? d->prior : even};
        }
    }
    p->weights = weights;
    return p;
}

// The arena of the recursions of diagrams: the space's own has gone with its making.
static struct ncr_arena *work_begin(struct ncr_space *space, struct ncr_arena **before)
{
    struct ncr_arena *work = ncr_arena_new(0);
    if (!work) NCR_BUG("out of memory for a space");
    ncr_arena_alloc(work, 1); // a first chunk that stays when marks are reset
    *before = space->diagrams.scratch;
    space->diagrams.scratch = work;
    space->diagrams.work_limit = UINT64_MAX;
    return work;
}

static void work_end(struct ncr_space *space, struct ncr_arena *work, struct ncr_arena *before)
{
    space->diagrams.scratch = before;
    ncr_arena_free(work);
}

enum {
    EXACT_NODES = 1 << 17, // of a diagram that holds a sum exactly
    CONFLICT_NODES = 1 << 14,
    MOST_STEPS = 4096, // of a relaxed sum
    FEWEST_STEPS = 64,
};

struct adding {
    struct ncr_members *members;
    const struct ncr_mdd_problem *problem; // of the genotypes alone
    const struct conditions *conditions;
    const bool *held;
    const uint32_t *relaxed;
};

// The diagram with what is held; false where it passes the limit.
static bool add(const struct adding *a, uint64_t max_nodes)
{
    struct ncr_members *m = a->members;
    struct conditions more = conditions_new(m->arena, m->space);
    memcpy(more.at, a->conditions->at, a->conditions->n * sizeof *more.at);
    more.n = a->conditions->n;
    struct ncr_mdd_problem *q = NCR_NEW(m->arena, struct ncr_mdd_problem);
    *q = *a->problem;
    require_problem(m->arena, m->space, a->held, a->relaxed, &more, q);
    q->conditions = more.at;
    q->n_conditions = more.n;
    // Built in an arena of its own, which is kept only where the diagram is.
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) NCR_BUG("out of memory for a space");
    const struct ncr_mdd *mdd = ncr_mdd_build(arena, q, max_nodes);
    if (!mdd) {
        ncr_arena_free(arena);
        return false;
    }
    ncr_arena_adopt(m->arena, arena);
    m->drawn = mdd;
    return true;
}

struct ncr_members *ncr_members_build(struct ncr_arena *arena, struct ncr_space *space,
                                      const uint32_t *given)
{
    struct ncr_arena *before, *work = work_begin(space, &before);
    struct ncr_members *m = NCR_NEW(arena, struct ncr_members);
    *m = (struct ncr_members){.space = space, .arena = arena};
    struct conditions conditions = conditions_new(arena, space);
    struct ncr_mdd_problem *p = problem_new(arena, space);
    genotype_conditions(space, given, &conditions);
    p->conditions = conditions.at;
    p->n_conditions = conditions.n;
    m->has_priors = p->n_weights > 0;
    m->asked = NCR_NEW_N(arena, bool, space->requires.n);
    m->all = ncr_mdd_build(arena, p, NCR_LIMIT_MEMBER_NODES);
    // As many requirements as the diagram can hold: all conditions, then each sum, exactly or
    // relaxed. A relaxed one is asked of each member again.
    bool *held = NCR_NEW_N(arena, bool, space->requires.n);
    uint32_t *relaxed = NCR_NEW_N(arena, uint32_t, space->requires.n);
    for (uint32_t i = 0; i < space->requires.n; i++) {
        const struct ncr_space_require *r = &space->requires.at[i];
        held[i] = r->span.file && r->kind == NCR_REQUIRE_DIAGRAM;
        m->asked[i] = r->span.file && r->kind == NCR_REQUIRE_GRAPH;
    }
    struct adding adding = {m, p, &conditions, held, relaxed};
    m->drawn = m->all;
    if (m->all && !add(&adding, NCR_LIMIT_MEMBER_NODES))
        for (uint32_t i = 0; i < space->requires.n; i++) {
            m->asked[i] |= held[i];
            held[i] = false;
        }
    for (uint32_t i = 0; m->all && i < space->requires.n; i++) {
        if (space->requires.at[i].kind != NCR_REQUIRE_SUM) continue;
        held[i] = true;
        if (add(&adding, EXACT_NODES)) continue;
        m->asked[i] = true;
        for (relaxed[i] = MOST_STEPS; relaxed[i] >= FEWEST_STEPS; relaxed[i] /= 4)
            if (add(&adding, NCR_LIMIT_MEMBER_NODES)) break;
        held[i] = relaxed[i] >= FEWEST_STEPS;
    }
    for (uint32_t i = 0; i < space->requires.n; i++)
        m->n_asked += m->asked[i];
    if (m->all && m->has_priors) m->weighed = ncr_mdd_weigh((struct ncr_mdd *)m->drawn);
    work_end(space, work, before);
    return m->all ? m : NULL;
}

// -- members ------------------------------------------------------------------------------------

bool ncr_members_accept(const struct ncr_members *m, struct ncr_arena *scratch,
                        const uint32_t *taken)
{
    if (m->n_asked == 0) return true;
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    const struct ncr_graph *graph = NULL;
    for (uint32_t i = 0; i < m->space->requires.n && !graph; i++)
        if (m->asked[i] && m->space->requires.at[i].kind == NCR_REQUIRE_GRAPH)
            graph = ncr_space_bind(m->space, taken, scratch);
    bool good = ncr_space_feasible(m->space, taken, graph, NULL);
    ncr_arena_reset(scratch, mark);
    return good;
}

bool ncr_members_sample(struct ncr_members *m, struct ncr_arena *scratch, bool uniform,
                        struct ncr_rng *rng, uint32_t *taken)
{
    if (ncr_big_is_zero(ncr_mdd_count(m->drawn))) return false;
    for (int try = 0; try < NCR_LIMIT_TRIES; try++) {
        if (m->weighed && !uniform)
            ncr_mdd_sample_weighted(m->drawn, rng, taken);
        else
            ncr_mdd_sample(m->drawn, scratch, rng, taken);
        m->n_tried++;
        if (!ncr_members_accept(m, scratch, taken)) continue;
        m->n_accepted++;
        return true;
    }
    return false;
}

struct each {
    struct ncr_members *members;
    struct ncr_arena *scratch;
    bool (*visit)(void *user, const uint32_t *taken);
    void *user;
};

static bool accepted(void *user, const uint32_t *taken)
{
    const struct each *each = user;
    return !ncr_members_accept(each->members, each->scratch, taken) ||
           each->visit(each->user, taken);
}

void ncr_members_each(struct ncr_members *m, struct ncr_arena *scratch,
                      bool (*visit)(void *user, const uint32_t *taken), void *user)
{
    struct each each = {m, scratch, visit, user};
    struct ncr_arena *walk = ncr_arena_new(0);
    if (!walk) NCR_BUG("out of memory for a space");
    ncr_mdd_each(m->drawn, walk, accepted, &each);
    ncr_arena_free(walk);
}

static bool first_only(void *user, const uint32_t *taken)
{
    struct ncr_members *m = ((void **)user)[0];
    uint32_t *out = ((void **)user)[1];
    memcpy(out, taken, m->space->decisions.n * sizeof *out);
    return false;
}

void ncr_members_neighbours(struct ncr_members *m, struct ncr_arena *scratch, const uint32_t *taken,
                            void (*visit)(void *user, const uint32_t *taken, uint32_t changed),
                            void *user)
{
    struct ncr_space *space = m->space;
    uint32_t n = space->decisions.n;
    for (uint32_t d = 0; d < n; d++) {
        if (!ncr_space_exists(space, d, taken)) continue;
        for (uint32_t k = 0; k < space->decisions.at[d].n; k++) {
            if (k == taken[d]) continue;
            struct ncr_arena *arena = ncr_arena_new(0);
            if (!arena) NCR_BUG("out of memory for a space");
            // All that exist keep their values, where they still exist; the rest is open.
            uint32_t *given = NCR_NEW_N(arena, uint32_t, n), *out = NCR_NEW_N(arena, uint32_t, n);
            for (uint32_t i = 0; i < n; i++)
                given[i] = ncr_space_exists(space, i, taken) ? taken[i] : NCR_UNSET;
            given[d] = k;
            struct ncr_members *near = ncr_members_build(arena, space, given);
            void *found[2] = {near, out};
            if (near && !ncr_big_is_zero(ncr_mdd_count(near->drawn))) {
                out[0] = NCR_UNSET;
                ncr_members_each(near, scratch, first_only, found);
                if (out[0] != NCR_UNSET) visit(user, out, d);
            }
            ncr_arena_free(arena);
        }
    }
}

// -- conflicts ----------------------------------------------------------------------------------

// The diagram of the genotypes that satisfy what is wanted; NULL where it is too large. steps: of
// relaxed sums, 0 for exact ones.
static const struct ncr_mdd *only_with(struct ncr_arena *arena, struct ncr_space *space,
                                       const bool *wanted, uint32_t steps, uint64_t max_nodes)
{
    struct ncr_mdd_problem *p = problem_new(arena, space);
    struct conditions conditions = conditions_new(arena, space);
    genotype_conditions(space, NULL, &conditions);
    uint32_t *relaxed = NCR_NEW_N(arena, uint32_t, space->requires.n);
    for (uint32_t i = 0; i < space->requires.n; i++)
        relaxed[i] = steps;
    require_problem(arena, space, wanted, relaxed, &conditions, p);
    p->conditions = conditions.at;
    p->n_conditions = conditions.n;
    return ncr_mdd_build(arena, p, max_nodes);
}

double ncr_space_excluded(struct ncr_space *space, uint32_t require)
{
    if (space->requires.at[require].kind == NCR_REQUIRE_GRAPH) return -1;
    struct ncr_arena *before, *work = work_begin(space, &before), *arena = ncr_arena_new(0);
    if (!arena) NCR_BUG("out of memory for a space");
    bool *wanted = NCR_NEW_N(arena, bool, space->requires.n);
    const struct ncr_mdd *all = only_with(arena, space, wanted, 0, NCR_LIMIT_MEMBER_NODES);
    wanted[require] = true;
    const struct ncr_mdd *left = all ? only_with(arena, space, wanted, 0, EXACT_NODES) : NULL;
    double share = -1;
    if (left) share = 1 - ncr_big_f64(ncr_mdd_count(left)) / ncr_big_f64(ncr_mdd_count(all));
    ncr_arena_free(arena);
    work_end(space, work, before);
    return share;
}

static bool empty_with(struct ncr_space *space, const bool *wanted)
{
    bool empty = false, known = false;
    // A superset without members proves it, too.
    for (uint32_t steps = 0; !known && steps <= 1024; steps += 1024) {
        struct ncr_arena *arena = ncr_arena_new(0);
        if (!arena) NCR_BUG("out of memory for a space");
        const struct ncr_mdd *mdd = only_with(arena, space, wanted, steps, CONFLICT_NODES);
        known = mdd != NULL;
        empty = mdd && ncr_big_is_zero(ncr_mdd_count(mdd));
        ncr_arena_free(arena);
    }
    return empty;
}

// Subsets of `size` of the requirements, in order; true when one is empty (wanted is then that).
static bool search(struct ncr_space *space, const uint32_t *list, uint32_t n, uint32_t from,
                   uint32_t size, bool *wanted)
{
    if (size == 0) return empty_with(space, wanted);
    for (uint32_t i = from; i + size <= n; i++) {
        wanted[list[i]] = true;
        if (search(space, list, n, i + 1, size - 1, wanted)) return true;
        wanted[list[i]] = false;
    }
    return false;
}

uint32_t ncr_space_conflict(struct ncr_arena *arena, struct ncr_space *space, uint32_t *out)
{
    enum { ALL_SIZES = 8, SMALL = 24 };
    struct ncr_arena *before, *work = work_begin(space, &before);
    uint32_t n = 0, found = 0, *list = NCR_NEW_N(arena, uint32_t, space->requires.n);
    bool *wanted = NCR_NEW_N(arena, bool, space->requires.n);
    for (uint32_t i = 0; i < space->requires.n; i++) {
        const struct ncr_space_require *r = &space->requires.at[i];
        if (r->span.file && r->kind != NCR_REQUIRE_GRAPH) list[n++] = i;
    }
    for (uint32_t i = 0; i < n; i++)
        wanted[list[i]] = true;
    if (n && empty_with(space, wanted)) {
        memset(wanted, 0, space->requires.n * sizeof *wanted);
        uint32_t most = n <= ALL_SIZES ? n : n <= SMALL ? 3 : 1, size = 1;
        while (size <= most && !search(space, list, n, 0, size, wanted))
            size++;
        if (size > most) { // take away what can be taken away
            for (uint32_t i = 0; i < n; i++)
                wanted[list[i]] = true;
            for (uint32_t i = 0; i < n; i++) {
                wanted[list[i]] = false;
                if (!empty_with(space, wanted)) wanted[list[i]] = true;
            }
        }
        for (uint32_t i = 0; i < n; i++)
            if (wanted[list[i]]) out[found++] = list[i];
    }
    work_end(space, work, before);
    return found;
}
