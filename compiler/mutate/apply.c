// One mutation at one place: draws, patch, draft, child, weights.
#include <stdio.h>

#include "compiler/mutate/draft.h"

bool drawing_same_value(struct ncr_str a, struct ncr_str b)
{
    double x, y;
    if (ncr_str_eq(a, b)) return true;
    return ncr_str_to_f64(a, &x) && ncr_str_to_f64(b, &y) && !(x < y) && !(x > y); // 2.0 is 2
}

uint32_t drawing_draw(void *user, struct ncr_str path, const struct ncr_str *texts, uint32_t n)
{
    struct drawing *dr = user;
    struct ncr_str name = path, stem = dr->mutation->name;
    if (name.n > stem.n && memcmp(name.s, stem.s, stem.n) == 0 && name.s[stem.n] == '/')
        name = (struct ncr_str){name.s + stem.n + 1, name.n - stem.n - 1};
    // Drawn in any case, so that giving one value does not change the others.
    uint32_t index = (uint32_t)ncr_rng_below(dr->rng, n);
    for (uint32_t i = 0; i < dr->n_given; i++) {
        if (!ncr_str_eq(dr->given[i].name, name)) continue;
        dr->given[i].used = true;
        index = 0;
        while (index < n && !drawing_same_value(texts[index], dr->given[i].value))
            index++;
        if (index < n) continue;
        struct ncr_buf list = {0};
        for (uint32_t k = 0; k < n && k < 12; k++)
            ncr_buf_fmt(&list, "%s%.*s", k ? ", " : "", NCR_STR_ARG(texts[k]));
        dr->bad = ncr_str_fmt(dr->arena, "`%.*s` is one of %.*s, not %.*s", NCR_STR_ARG(name),
                              (int)list.n, list.s, NCR_STR_ARG(dr->given[i].value));
        ncr_buf_free(&list);
        return UINT32_MAX;
    }
    ncr_buf_fmt(&dr->text, "%s%.*s = %.*s", dr->text.n ? ", " : "", NCR_STR_ARG(name),
                NCR_STR_ARG(texts[index]));
    return index;
}

// Layers that an annotation keeps from the mutation stay as they are.
static bool keeps_frozen(struct ncr_program *program, const struct draft *d, struct ncr_str *why)
{
    const struct ncr_graph *p = d->parent, *c = d->child;
    for (ncr_node_id id = 0; id < p->n_nodes; id++) {
        const struct ncr_node *old = &p->nodes[id];
        if (ncr_program_may_touch(program, d->match->mutation, old)) continue;
        ncr_node_id child = d->nodes.at[id].child;
        bool same = child != NCR_NO_NODE &&
                    ncr_attrs_equal(old->op, &old->attrs, &c->nodes[child].attrs) &&
                    ncr_shape_equal(&old->shape, &c->nodes[child].shape);
        for (uint32_t k = 0; same && k < old->n_params; k++)
            same =
                p->params[old->first_param + k].n == c->params[c->nodes[child].first_param + k].n;
        if (same) continue;
        *why = ncr_str_fmt(d->arena, "`%.*s` would change, which an annotation keeps",
                           NCR_STR_ARG(old->path));
        return false;
    }
    return true;
}

static bool trace(struct draft *d, const struct ncr_weights *weights, struct lineage *lineage,
                  struct ncr_str *why)
{
    lineage_trace(d, inherit_keep(d, weights), lineage);
    if (!lineage->trouble.n || !ncr_inherit_exact(d->patch.inherit)) return true;
    *why = ncr_str_fmt(d->arena, "`%s` cannot be kept: %.*s", ncr_inherit_name(d->patch.inherit),
                       NCR_STR_ARG(lineage->trouble));
    return false;
}

bool draft_apply(struct draft *d, struct ncr_program *program, const struct ncr_weights *weights,
                 struct ncr_rng *rng, struct ncr_given *given, uint32_t n_given,
                 struct lineage *lineage, struct ncr_str *drawn, struct ncr_str *why)
{
    const struct ncr_mutation *m = d->match->mutation;
    struct drawing drawing = {d->arena, rng, m, given, n_given, {0}, NCR_STR("")};
    struct ncr_draws draws = {&drawing, drawing_draw};
    bool good = ncr_mutation_patch(program, m, d->arena, d->parent, d->match->nodes, NULL, &draws,
                                   &d->patch, why);
    if (drawing.bad.n) *why = drawing.bad;
    *drawn = ncr_str_dup(
        d->arena, (struct ncr_str){drawing.text.s ? drawing.text.s : "", (uint32_t)drawing.text.n});
    ncr_buf_free(&drawing.text);
    return good && draft_make(d, why) && draft_build(d, why) && keeps_frozen(program, d, why) &&
           trace(d, weights, lineage, why);
}

bool ncr_mutate(struct ncr_program *program, struct ncr_arena *arena, const struct ncr_graph *graph,
                const struct ncr_weights *weights, const struct ncr_match *match,
                struct ncr_rng *rng, struct ncr_given *given, uint32_t n_given,
                struct ncr_child *out, struct ncr_str *why)
{
    struct draft d = {.arena = arena, .parent = graph, .match = match};
    struct lineage lineage;
    uint64_t seed = ncr_rng_u64(rng);
    struct ncr_str drawn;
    if (!draft_apply(&d, program, weights, rng, given, n_given, &lineage, &drawn, why))
        return false;
    *out = (struct ncr_child){
        .graph = d.child, .inherit = d.patch.inherit, .steps = d.patch.steps, .draws = drawn};
    if (weights) out->weights = inherit_weights(&d, &lineage, weights, seed);
    return true;
}
