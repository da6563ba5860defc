// Where mutations apply: enumeration, names, and random choice of a place.
#include "compiler/mutate/draft.h"

#include "lang/base/table.h"

static bool fits(const struct ncr_program *program, const struct ncr_mutation *m, uint32_t pattern,
                 const struct ncr_node *node)
{
    const struct ncr_pattern *p = &m->patterns[pattern];
    if (p->kind == NCR_PATTERN_OPERATOR && node->op != p->op) return false;
    return !p->edited || ncr_program_may_touch(program, m, node);
}

// Whether `node` depends on `on`, both of the graph; marks is scratch of n_nodes.
static bool depends(const struct ncr_graph *g, ncr_node_id node, ncr_node_id on, bool *marks)
{
    if (node < on) return false; // inputs stand before what reads them
    memset(marks, 0, g->n_nodes * sizeof *marks);
    marks[on] = true;
    for (ncr_node_id id = on + 1; id <= node; id++)
        for (uint32_t k = 0; k < g->nodes[id].n_in; k++)
            marks[id] |= marks[g->nodes[id].in[k]];
    return marks[node];
}

struct search {
    struct ncr_program *program;
    const struct ncr_graph *graph;
    struct ncr_match match;
    bool *marks;
    int64_t work; // left, in nodes visited; an enumeration ends where none is left
};

// What asking the `require`s of one place counts, and what an enumeration may spend.
enum { WORK_HOLDS = 20000, WORK_ALL = 400000000 };

// Whether nodes[0..=p] may stand together.
static bool stands(struct search *s, uint32_t p)
{
    const struct ncr_match *m = &s->match;
    if (!fits(s->program, m->mutation, p, &s->graph->nodes[m->nodes[p]])) return false;
    for (uint32_t q = 0; q < p; q++) {
        if (m->nodes[q] == m->nodes[p]) return false;
        s->work -= m->nodes[q] > m->nodes[p] ? m->nodes[q] - m->nodes[p] : 0;
        // An earlier tensor is one that could be read where a later one stands.
        if (depends(s->graph, m->nodes[q], m->nodes[p], s->marks)) return false;
    }
    return true;
}

static bool usable(const struct ncr_mutation *m)
{
    return !m->wrong && !m->of_decisions && m->n_patterns > 0 &&
           m->n_patterns <= NCR_LIMIT_PATTERNS;
}

// Whether the `require`s that can be known hold.
static bool holds(struct search *s)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    struct ncr_str why;
    bool good = ncr_mutation_patch(s->program, s->match.mutation, scratch, s->graph, s->match.nodes,
                                   NULL, NULL, NULL, &why);
    ncr_arena_free(scratch);
    return good;
}

void matches_within(struct ncr_program *program, const struct ncr_mutation *mutation,
                    struct ncr_arena *arena, const struct ncr_graph *graph, uint32_t limit,
                    int64_t *work, struct ncr_matches *out)
{
    NCR_VEC(struct ncr_match) found = {0};
    struct search s = {
        program, graph, {.mutation = mutation}, NCR_NEW_N(arena, bool, graph->n_nodes), *work};
    *out = (struct ncr_matches){0};
    if (!usable(mutation)) return;
    uint32_t n = mutation->n_patterns, p = 0;
    ncr_node_id next[NCR_LIMIT_PATTERNS] = {0};
    for (;;) {
        if (next[p] == graph->n_nodes) {
            if (p == 0) break;
            next[p--] = 0;
            continue;
        }
        s.match.nodes[p] = next[p]++;
        if (--s.work < 0) {
            out->cut = true;
            break;
        }
        if (!stands(&s, p)) continue;
        if (p + 1 < n) {
            p++;
            continue;
        }
        s.work -= WORK_HOLDS;
        if (!holds(&s)) continue;
        if (found.n == limit) {
            out->cut = true;
            break;
        }
        ncr_vec_push(arena, &found, s.match);
    }
    out->at = found.at;
    out->n = found.n;
    *work = s.work;
}

void ncr_mutation_matches(struct ncr_program *program, const struct ncr_mutation *mutation,
                          struct ncr_arena *arena, const struct ncr_graph *graph, uint32_t limit,
                          struct ncr_matches *out)
{
    int64_t work = WORK_ALL;
    matches_within(program, mutation, arena, graph, limit, &work, out);
}

// -- names --------------------------------------------------------------------------------------

struct ncr_str ncr_match_name(struct ncr_arena *arena, const struct ncr_graph *graph,
                              const struct ncr_match *match)
{
    struct ncr_buf text = {0};
    ncr_buf_str(&text, match->mutation->name);
    for (uint32_t p = 0; p < match->mutation->n_patterns; p++) {
        ncr_buf_putc(&text, p ? ',' : '@');
        ncr_buf_str(&text, graph->nodes[match->nodes[p]].path);
    }
    struct ncr_str name = ncr_str_dup(arena, (struct ncr_str){text.s, (uint32_t)text.n});
    ncr_buf_free(&text);
    return name;
}

static struct ncr_str within(const struct ncr_graph *g, struct ncr_str path)
{
    bool starts =
        path.n > g->name.n && memcmp(path.s, g->name.s, g->name.n) == 0 && path.s[g->name.n] == '/';
    return starts ? (struct ncr_str){path.s + g->name.n + 1, path.n - g->name.n - 1} : path;
}

static enum ncr_status find_node(struct ncr_program *program, const struct ncr_graph *g,
                                 const struct ncr_mutation *m, uint32_t pattern,
                                 struct ncr_str path, ncr_node_id *out, struct ncr_error *err)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    struct ncr_str *names = NCR_NEW_N(scratch, struct ncr_str, g->n_nodes);
    uint32_t n = 0;
    enum ncr_status status = NCR_USAGE;
    const struct ncr_node *found = NULL;
    for (ncr_node_id id = 0; id < g->n_nodes; id++) {
        const struct ncr_node *node = &g->nodes[id];
        if (ncr_str_eq(node->path, path) || ncr_str_eq(within(g, node->path), path)) {
            found = node;
            *out = id;
            if (fits(program, m, pattern, node)) {
                status = NCR_OK;
                break;
            }
        }
        if (fits(program, m, pattern, node)) names[n++] = within(g, node->path);
    }
    struct ncr_str near = ncr_diag_nearest(within(g, path), names, n);
    if (status != NCR_OK && found && m->patterns[pattern].kind == NCR_PATTERN_OPERATOR &&
        found->op != m->patterns[pattern].op)
        ncr_fail(err, NCR_USAGE, "`%.*s` is `%s`; `%.*s` of `%.*s` matches `%s`", NCR_STR_ARG(path),
                 ncr_op_name(found->op), NCR_STR_ARG(m->patterns[pattern].name),
                 NCR_STR_ARG(m->name), ncr_op_name(m->patterns[pattern].op));
    else if (status != NCR_OK && found)
        ncr_fail(err, NCR_USAGE, "an annotation keeps `%.*s` from `%.*s`", NCR_STR_ARG(path),
                 NCR_STR_ARG(m->name));
    else if (status != NCR_OK && near.n)
        ncr_fail(err, NCR_USAGE, "the network has no node `%.*s`; did you mean `%.*s`?",
                 NCR_STR_ARG(path), NCR_STR_ARG(near));
    else if (status != NCR_OK)
        ncr_fail(err, NCR_USAGE, "the network has no node `%.*s`; --list names the places",
                 NCR_STR_ARG(path));
    ncr_arena_free(scratch);
    return status;
}

enum ncr_status ncr_match_find(struct ncr_program *program, const struct ncr_graph *graph,
                               struct ncr_str text, struct ncr_match *out, struct ncr_error *err)
{
    uint32_t at = 0;
    while (at < text.n && text.s[at] != '@')
        at++;
    enum ncr_status status =
        ncr_program_find_mutation(program, (struct ncr_str){text.s, at}, &out->mutation, err);
    if (status != NCR_OK) return status;
    const struct ncr_mutation *m = out->mutation;
    if (m->of_decisions)
        return ncr_fail(err, NCR_USAGE, "`%.*s` changes decisions, not networks",
                        NCR_STR_ARG(m->name));
    if (!usable(m))
        return ncr_fail(err, NCR_USAGE, "`%.*s` has %u parameters; from 1 to %d can be matched",
                        NCR_STR_ARG(m->name), m->n_patterns, NCR_LIMIT_PATTERNS);
    uint32_t p = 0;
    for (uint32_t begin = at + 1; begin <= text.n; p++) {
        uint32_t end = begin;
        while (end < text.n && text.s[end] != ',')
            end++;
        if (p < m->n_patterns) {
            status = find_node(program, graph, m, p, (struct ncr_str){text.s + begin, end - begin},
                               &out->nodes[p], err);
            if (status != NCR_OK) return status;
        }
        begin = end + 1;
    }
    if (p == m->n_patterns) return NCR_OK;
    return ncr_fail(err, NCR_USAGE, "`%.*s` matches %u node%s: %.*s@PATH%s, found %u path%s",
                    NCR_STR_ARG(m->name), m->n_patterns, m->n_patterns == 1 ? "" : "s",
                    NCR_STR_ARG(m->name), m->n_patterns > 1 ? ",PATH" : "", p, p == 1 ? "" : "s");
}

// -- random places ------------------------------------------------------------------------------

static uint32_t pick_mutation(const double *weight, const bool *tried, uint32_t n,
                              struct ncr_rng *rng)
{
    double total = 0;
    for (uint32_t i = 0; i < n; i++)
        if (!tried[i]) total += weight ? weight[i] : 1;
    double at = ncr_rng_f64(rng) * total;
    uint32_t last = UINT32_MAX;
    for (uint32_t i = 0; i < n; i++) {
        double w = weight ? weight[i] : 1;
        if (tried[i] || w <= 0) continue;
        last = i;
        if (at < w) return i;
        at -= w;
    }
    return last;
}

// Tries places of one mutation: all nodes in a random turn where it matches one, else random
// tuples.
static bool try_mutation(struct search *s, struct ncr_arena *arena,
                         const struct ncr_weights *weights, struct ncr_rng *rng,
                         struct ncr_child *out)
{
    enum { TUPLES = 64 };
    const struct ncr_mutation *m = s->match.mutation;
    uint32_t n = s->graph->n_nodes, tries = m->n_patterns == 1 ? n : TUPLES;
    ncr_node_id start = (ncr_node_id)ncr_rng_below(rng, n);
    NCR_VEC(ncr_node_id) nodes[NCR_LIMIT_PATTERNS] = {{0}};
    for (uint32_t p = 0; p < m->n_patterns; p++) {
        for (ncr_node_id id = 0; id < n; id++)
            if (fits(s->program, m, p, &s->graph->nodes[id])) ncr_vec_push(arena, &nodes[p], id);
        if (nodes[p].n == 0) return false;
    }
    if (m->n_patterns == 1) tries = nodes[0].n;
    for (uint32_t t = 0; t < tries; t++) {
        bool good = true;
        for (uint32_t p = 0; p < m->n_patterns && good; p++) {
            uint32_t k = m->n_patterns == 1 ? (start + t) % nodes[0].n
                                            : (uint32_t)ncr_rng_below(rng, nodes[p].n);
            s->match.nodes[p] = nodes[p].at[k];
            good = stands(s, p);
        }
        struct ncr_str why;
        if (good &&
            ncr_mutate(s->program, arena, s->graph, weights, &s->match, rng, NULL, 0, out, &why))
            return true;
    }
    return false;
}

bool ncr_mutate_random(struct ncr_program *program, struct ncr_arena *arena,
                       const struct ncr_graph *graph, const struct ncr_weights *weights,
                       const struct ncr_mutation *const *mutations, const double *weight,
                       uint32_t n, struct ncr_rng *rng, struct ncr_child *out,
                       struct ncr_match *match)
{
    struct search s = {program, graph, {0}, NCR_NEW_N(arena, bool, graph->n_nodes), WORK_ALL};
    bool *tried = NCR_NEW_N(arena, bool, n);
    for (uint32_t i = 0; i < n; i++)
        tried[i] = !usable(mutations[i]);
    for (;;) {
        uint32_t i = pick_mutation(weight, tried, n, rng);
        if (i == UINT32_MAX) return false;
        tried[i] = true;
        s.match.mutation = mutations[i];
        if (!try_mutation(&s, arena, weights, rng, out)) continue;
        *match = s.match;
        return true;
    }
}
