// Changes genotypes by mutations and crossover; what becomes of decisions that come and go.
#include "compiler/mutate/genotype.h"

#include "compiler/mutate/draft.h"
#include "lang/base/table.h"

static uint32_t alternatives(const struct ncr_space *space, uint32_t d)
{
    return space->decisions.at[d].n;
}

// By the priors of the decision.
static uint32_t draw_gene(const struct ncr_space *space, uint32_t d, struct ncr_rng *rng)
{
    const double *prior = space->decisions.at[d].prior;
    uint32_t n = alternatives(space, d);
    if (!prior) return (uint32_t)ncr_rng_below(rng, n);
    double at = ncr_rng_f64(rng);
    uint32_t last = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (prior[i] <= 0) continue;
        last = i;
        if (at < prior[i]) break;
        at -= prior[i];
    }
    return last;
}

static bool feasible(const struct ncr_space *space, const uint32_t *taken)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    uint32_t failed;
    bool good = ncr_space_feasible(space, taken, NULL, &failed) &&
                ncr_space_feasible(space, taken, ncr_space_bind(space, taken, scratch), &failed);
    ncr_arena_free(scratch);
    return good;
}

// Decisions exist by those before them: what the child does not make is 0, what the parent did not
// make is drawn.
static void repair(const struct ncr_space *space, const uint32_t *parent, uint32_t *child,
                   struct ncr_rng *rng)
{
    for (uint32_t d = 0; d < space->decisions.n; d++) {
        if (!ncr_space_exists(space, d, child))
            child[d] = 0;
        else if (!ncr_space_exists(space, d, parent))
            child[d] = draw_gene(space, d, rng);
    }
}

// -- matches ------------------------------------------------------------------------------------

static bool usable(const struct ncr_mutation *m)
{
    bool all = !m->wrong && m->n_patterns > 0 && m->n_patterns <= NCR_LIMIT_PATTERNS;
    for (uint32_t p = 0; p < m->n_patterns; p++)
        all &= m->patterns[p].kind == NCR_PATTERN_DECISION;
    return all;
}

static bool fits(const struct ncr_program *program, const struct ncr_mutation *m, uint32_t p,
                 const struct ncr_space *space, uint32_t d)
{
    const struct ncr_space_decision *decision = &space->decisions.at[d];
    return !m->patterns[p].edited ||
           ncr_program_may_decide(program, m, decision->span, decision->up);
}

static void values_of(const struct ncr_space *space, const uint32_t *taken,
                      const struct ncr_gene_match *match, struct ncr_space_value *out)
{
    for (uint32_t p = 0; p < match->mutation->n_patterns; p++) {
        uint32_t d = match->decisions[p];
        uint32_t leaf =
            ncr_diagram_at(&space->diagrams, space->decisions.at[d].values[taken[d]], taken);
        out[p] =
            leaf == NCR_HOLE ? (struct ncr_space_value){.is_list = true} : space->values.at[leaf];
    }
}

static bool holds(struct ncr_program *program, const struct ncr_space *space, const uint32_t *taken,
                  const struct ncr_gene_match *match)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    struct ncr_space_value genes[NCR_LIMIT_PATTERNS];
    struct ncr_str why;
    values_of(space, taken, match, genes);
    bool good =
        ncr_mutation_patch(program, match->mutation, scratch, NULL, NULL, genes, NULL, NULL, &why);
    ncr_arena_free(scratch);
    return good;
}

static bool stands(const struct ncr_program *program, const struct ncr_space *space,
                   const uint32_t *taken, const struct ncr_gene_match *match, uint32_t p)
{
    for (uint32_t q = 0; q < p; q++)
        if (match->decisions[q] == match->decisions[p]) return false;
    return ncr_space_exists(space, match->decisions[p], taken) &&
           fits(program, match->mutation, p, space, match->decisions[p]);
}

void ncr_gene_matches(struct ncr_program *program, const struct ncr_mutation *mutation,
                      struct ncr_arena *arena, const struct ncr_space *space, const uint32_t *taken,
                      uint32_t limit, struct ncr_gene_matches *out)
{
    NCR_VEC(struct ncr_gene_match) found = {0};
    struct ncr_gene_match match = {.mutation = mutation};
    uint32_t next[NCR_LIMIT_PATTERNS] = {0}, p = 0;
    *out = (struct ncr_gene_matches){0};
    if (!usable(mutation)) return;
    for (;;) {
        if (next[p] == space->decisions.n) {
            if (p == 0) break;
            next[p--] = 0;
            continue;
        }
        match.decisions[p] = next[p]++;
        if (!stands(program, space, taken, &match, p)) continue;
        if (p + 1 < mutation->n_patterns) {
            p++;
            continue;
        }
        if (!holds(program, space, taken, &match)) continue;
        if (found.n == limit) {
            out->cut = true;
            break;
        }
        ncr_vec_push(arena, &found, match);
    }
    out->at = found.at;
    out->n = found.n;
}

struct ncr_str ncr_gene_match_name(struct ncr_arena *arena, const struct ncr_space *space,
                                   const struct ncr_gene_match *match)
{
    struct ncr_str name = match->mutation->name;
    for (uint32_t p = 0; p < match->mutation->n_patterns; p++)
        name = ncr_str_fmt(arena, "%.*s%c%.*s", NCR_STR_ARG(name), p ? ',' : '@',
                           NCR_STR_ARG(space->decisions.at[match->decisions[p]].path));
    return name;
}

static struct ncr_str within(const struct ncr_space *space, uint32_t d)
{
    struct ncr_str path = space->decisions.at[d].path, net = space->name;
    bool starts = path.n > net.n && memcmp(path.s, net.s, net.n) == 0 && path.s[net.n] == '/';
    return starts ? (struct ncr_str){path.s + net.n + 1, path.n - net.n - 1} : path;
}

static enum ncr_status find_decision(const struct ncr_space *space, const uint32_t *taken,
                                     struct ncr_str path, uint32_t *out, struct ncr_error *err)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    struct ncr_str *names = NCR_NEW_N(scratch, struct ncr_str, space->decisions.n), near;
    uint32_t n = 0;
    for (*out = 0; *out < space->decisions.n; ++*out) {
        if (!ncr_space_exists(space, *out, taken)) continue;
        names[n++] = within(space, *out);
        if (ncr_str_eq(names[n - 1], path) || ncr_str_eq(space->decisions.at[*out].path, path))
            break;
    }
    bool found = *out < space->decisions.n;
    near = found ? path : ncr_diag_nearest(path, names, n);
    if (!found && near.n)
        ncr_fail(err, NCR_USAGE, "the genotype makes no decision `%.*s`; did you mean `%.*s`?",
                 NCR_STR_ARG(path), NCR_STR_ARG(near));
    else if (!found)
        ncr_fail(err, NCR_USAGE, "the genotype makes no decision `%.*s`; --list names the places",
                 NCR_STR_ARG(path));
    ncr_arena_free(scratch);
    return found ? NCR_OK : NCR_USAGE;
}

enum ncr_status ncr_gene_match_find(struct ncr_program *program, const struct ncr_space *space,
                                    const uint32_t *taken, struct ncr_str text,
                                    struct ncr_gene_match *out, struct ncr_error *err)
{
    uint32_t at = 0, p = 0;
    while (at < text.n && text.s[at] != '@')
        at++;
    enum ncr_status status =
        ncr_program_find_mutation(program, (struct ncr_str){text.s, at}, &out->mutation, err);
    if (status != NCR_OK) return status;
    const struct ncr_mutation *m = out->mutation;
    if (!usable(m))
        return ncr_fail(err, NCR_USAGE, "`%.*s` changes networks, not genotypes",
                        NCR_STR_ARG(m->name));
    for (uint32_t begin = at + 1; begin <= text.n; p++) {
        uint32_t end = begin;
        while (end < text.n && text.s[end] != ',')
            end++;
        struct ncr_str path = {text.s + begin, end - begin};
        begin = end + 1;
        if (p >= m->n_patterns) continue;
        status = find_decision(space, taken, path, &out->decisions[p], err);
        if (status != NCR_OK) return status;
        if (!stands(program, space, taken, out, p))
            return ncr_fail(err, NCR_USAGE,
                            "`%.*s` may not change `%.*s`: an annotation keeps it, "
                            "or it is named twice",
                            NCR_STR_ARG(m->name), NCR_STR_ARG(path));
    }
    if (p == m->n_patterns) return NCR_OK;
    return ncr_fail(err, NCR_USAGE, "`%.*s` matches %u decision%s, found %u path%s",
                    NCR_STR_ARG(m->name), m->n_patterns, m->n_patterns == 1 ? "" : "s", p,
                    p == 1 ? "" : "s");
}

// -- mutation -----------------------------------------------------------------------------------

struct change {
    struct ncr_arena *arena;
    const struct ncr_space *space;
    const uint32_t *taken;
    struct ncr_rng *rng;
    struct ncr_str *why;
};

static bool edit_gene(struct change *c, const struct ncr_edit *edit, uint32_t d, uint32_t *child)
{
    const struct ncr_space_decision *decision = &c->space->decisions.at[d];
    uint32_t n = decision->n, is = child[d];
    switch (edit->kind) {
    case NCR_EDIT_REDRAW:
        child[d] = (is + 1 + (uint32_t)ncr_rng_below(c->rng, n - 1)) % n;
        return true;
    case NCR_EDIT_STEP:
        if (edit->by >= -(int64_t)is && edit->by < (int64_t)n - (int64_t)is) {
            child[d] = (uint32_t)((int64_t)is + edit->by);
            return true;
        }
        *c->why =
            ncr_str_fmt(c->arena, "`%.*s` is at %u of %u alternatives, and cannot step by %lld",
                        NCR_STR_ARG(decision->path), is + 1, n, (long long)edit->by);
        return false;
    case NCR_EDIT_DECIDE:
        for (uint32_t i = 0; i < n; i++)
            if (drawing_same_value(ncr_space_text(c->space, d, i, child), edit->text))
                return child[d] = i, true;
        *c->why = ncr_str_fmt(c->arena, "`%.*s` has no alternative %.*s",
                              NCR_STR_ARG(decision->path), NCR_STR_ARG(edit->text));
        return false;
    case NCR_EDIT_INSERT_AFTER:
    case NCR_EDIT_INSERT_BEFORE:
    case NCR_EDIT_REPLACE:
    case NCR_EDIT_REMOVE:
    case NCR_EDIT_SET:
    case NCR_EDIT_INHERIT: break;
    }
    NCR_BUG("an edit of operators on a decision");
}

// One try: false with a reason.
static bool attempt(struct ncr_program *program, struct change *c,
                    const struct ncr_gene_match *match, struct drawing *drawing, uint32_t *child)
{
    const struct ncr_mutation *m = match->mutation;
    struct ncr_draws draws = {drawing, drawing_draw};
    struct ncr_space_value genes[NCR_LIMIT_PATTERNS];
    struct ncr_patch patch;
    size_t bytes = c->space->decisions.n * sizeof *child;
    values_of(c->space, c->taken, match, genes);
    drawing->text.n = 0;
    if (!ncr_mutation_patch(program, m, c->arena, NULL, NULL, genes, &draws, &patch, c->why)) {
        if (drawing->bad.n) *c->why = drawing->bad;
        return false;
    }
    memcpy(child, c->taken, bytes);
    for (uint32_t i = 0; i < patch.n_edits; i++)
        if (!edit_gene(c, &patch.edits[i], match->decisions[patch.edits[i].pattern], child))
            return false;
    repair(c->space, c->taken, child, c->rng);
    *c->why = NCR_STR("it changes nothing");
    if (memcmp(child, c->taken, bytes) == 0) return false;
    *c->why = NCR_STR("no member of the space was found");
    return feasible(c->space, child);
}

bool ncr_gene_mutate(struct ncr_program *program, struct ncr_arena *arena,
                     const struct ncr_space *space, const uint32_t *taken,
                     const struct ncr_gene_match *match, struct ncr_rng *rng,
                     struct ncr_given *given, uint32_t n_given, uint32_t *child,
                     struct ncr_str *drawn, struct ncr_str *why)
{
    struct change c = {arena, space, taken, rng, why};
    struct drawing drawing = {arena, rng, match->mutation, given, n_given, {0}, NCR_STR("")};
    bool good = false;
    for (uint32_t t = 0; t < NCR_GENE_TRIES && !good && !drawing.bad.n; t++)
        good = attempt(program, &c, match, &drawing, child);
    *drawn = ncr_str_dup(
        arena, (struct ncr_str){drawing.text.s ? drawing.text.s : "", (uint32_t)drawing.text.n});
    ncr_buf_free(&drawing.text);
    return good;
}

bool ncr_gene_mutate_random(struct ncr_program *program, struct ncr_arena *arena,
                            const struct ncr_space *space, const uint32_t *taken,
                            const struct ncr_mutation *const *mutations, uint32_t n,
                            struct ncr_rng *rng, uint32_t *child, struct ncr_gene_match *match)
{
    bool *tried = NCR_NEW_N(arena, bool, n);
    uint32_t left = n;
    for (; left; left--) {
        uint32_t k = (uint32_t)ncr_rng_below(rng, left), i = 0;
        while (tried[i] || k-- > 0)
            i++;
        tried[i] = true;
        struct ncr_gene_matches found;
        ncr_gene_matches(program, mutations[i], arena, space, taken, 1 << 12, &found);
        uint32_t first = found.n ? (uint32_t)ncr_rng_below(rng, found.n) : 0;
        for (uint32_t p = 0; p < found.n; p++) {
            struct ncr_str drawn, why;
            *match = found.at[(first + p) % found.n];
            if (ncr_gene_mutate(program, arena, space, taken, match, rng, NULL, 0, child, &drawn,
                                &why))
                return true;
        }
    }
    return false;
}

// -- crossover ----------------------------------------------------------------------------------

// A random path at or above that of a decision: cut before one of its '/' and '[', or whole.
static struct ncr_str random_stem(struct ncr_str path, struct ncr_rng *rng)
{
    uint32_t cuts = 1;
    for (uint32_t i = 1; i < path.n; i++)
        cuts += path.s[i] == '/' || path.s[i] == '[';
    uint32_t pick = (uint32_t)ncr_rng_below(rng, cuts);
    for (uint32_t i = 1; i < path.n; i++)
        if ((path.s[i] == '/' || path.s[i] == '[') && pick-- == 0)
            return (struct ncr_str){path.s, i};
    return path;
}

static bool in_stem(struct ncr_str path, struct ncr_str stem)
{
    if (path.n < stem.n || memcmp(path.s, stem.s, stem.n) != 0) return false;
    return path.n == stem.n || path.s[stem.n] == '/' || path.s[stem.n] == '[';
}

// from_b[d]: the decision is to come from the second parent.
static void plan_crossover(const struct ncr_space *space, enum ncr_crossover kind, uint32_t points,
                           struct ncr_rng *rng, bool *from_b)
{
    uint32_t n = space->decisions.n;
    switch (kind) {
    case NCR_CROSSOVER_UNIFORM:
        for (uint32_t d = 0; d < n; d++)
            from_b[d] = ncr_rng_below(rng, 2) != 0;
        return;
    case NCR_CROSSOVER_POINT:
        memset(from_b, 0, n * sizeof *from_b);
        for (uint32_t k = 0; k < points; k++)
            for (uint32_t d = (uint32_t)ncr_rng_below(rng, n); d < n; d++)
                from_b[d] = !from_b[d];
        return;
    case NCR_CROSSOVER_SUBTREE: {
        uint32_t at = (uint32_t)ncr_rng_below(rng, n);
        struct ncr_str stem = random_stem(space->decisions.at[at].path, rng);
        for (uint32_t d = 0; d < n; d++)
            from_b[d] = in_stem(space->decisions.at[d].path, stem);
        return;
    }
    }
}

bool ncr_gene_crossover(struct ncr_arena *arena, const struct ncr_space *space, const uint32_t *a,
                        const uint32_t *b, enum ncr_crossover kind, uint32_t points,
                        struct ncr_rng *rng, uint32_t *child)
{
    bool *from_b = NCR_NEW_N(arena, bool, space->decisions.n);
    for (uint32_t t = 0; t < NCR_GENE_TRIES; t++) {
        plan_crossover(space, kind, points, rng, from_b);
        memset(child, 0, space->decisions.n * sizeof *child);
        for (uint32_t d = 0; d < space->decisions.n; d++) {
            if (!ncr_space_exists(space, d, child)) continue;
            bool in_a = ncr_space_exists(space, d, a), in_b = ncr_space_exists(space, d, b);
            if (in_b && (from_b[d] || !in_a))
                child[d] = b[d];
            else
                child[d] = in_a ? a[d] : draw_gene(space, d, rng);
        }
        if (feasible(space, child)) return true;
    }
    return false;
}

// -- reach --------------------------------------------------------------------------------------

void ncr_gene_reach(const struct ncr_program *program, const struct ncr_space *space,
                    uint32_t *reached)
{
    memset(reached, 0, space->decisions.n * sizeof *reached);
    for (uint32_t i = 0; i < ncr_program_mutation_count(program); i++) {
        const struct ncr_mutation *m = ncr_program_mutation(program, i);
        if (!usable(m)) continue;
        for (uint32_t d = 0; d < space->decisions.n; d++) {
            bool edits = false;
            for (uint32_t p = 0; p < m->n_patterns; p++)
                edits |= m->patterns[p].edited && fits(program, m, p, space, d);
            reached[d] += edits;
        }
    }
}

// -- weights ------------------------------------------------------------------------------------

static void copy_common(const struct ncr_param *from, const float *v, const struct ncr_param *to,
                        float *w)
{
    int32_t a[4] = {1, 1, 1, 1}, b[4] = {1, 1, 1, 1}, shift[4] = {0};
    for (uint32_t i = 0; i < from->rank; i++) {
        a[i] = from->dim[i], b[i] = to->dim[i];
        if (i >= 2) shift[i] = b[i] / 2 - a[i] / 2; // the middle of a kernel
    }
    for (int32_t o = 0; o < a[0] && o < b[0]; o++)
        for (int32_t i = 0; i < a[1] && i < b[1]; i++)
            for (int32_t p = 0; p < b[2]; p++)
                for (int32_t q = 0; q < b[3]; q++) {
                    int32_t p0 = p - shift[2], q0 = q - shift[3];
                    bool inside = p0 >= 0 && p0 < a[2] && q0 >= 0 && q0 < a[3];
                    w[(((int64_t)o * b[1] + i) * b[2] + p) * b[3] + q] =
                        inside ? v[(((int64_t)o * a[1] + i) * a[2] + p0) * a[3] + q0] : 0;
                }
}

struct ncr_weights *ncr_weights_by_name(struct ncr_arena *arena, const struct ncr_graph *parent,
                                        const struct ncr_weights *weights,
                                        const struct ncr_graph *child, uint64_t seed)
{
    struct ncr_weights *result = ncr_weights_new(arena, child);
    struct ncr_table by_name = {0};
    ncr_weights_init(result, child, seed);
    for (uint32_t p = 0; p < parent->n_params; p++)
        ncr_table_set(arena, &by_name,
                      ncr_hash_bytes(parent->params[p].name.s, parent->params[p].name.n).lo, p);
    for (uint32_t p = 0; p < child->n_params; p++) {
        const struct ncr_param *to = &child->params[p];
        uint32_t q = ncr_table_get(&by_name, ncr_hash_bytes(to->name.s, to->name.n).lo);
        if (q == UINT32_MAX || parent->params[q].role != to->role ||
            parent->params[q].rank != to->rank)
            continue;
        copy_common(&parent->params[q], weights->at[q], to, result->at[p]);
    }
    return result;
}
