// Which nodes of a network no mutation can touch.
#include "compiler/mutate/draft.h"

static bool changed(const struct draft *d, ncr_node_id id)
{
    const struct ncr_node *old = &d->parent->nodes[id];
    ncr_node_id child = d->nodes.at[id].child;
    if (child == NCR_NO_NODE) return true;
    const struct ncr_node *now = &d->child->nodes[child];
    if (!ncr_attrs_equal(old->op, &old->attrs, &now->attrs)) return true;
    for (uint32_t k = 0; k < old->n_params; k++)
        if (d->parent->params[old->first_param + k].n != d->child->params[now->first_param + k].n)
            return true;
    return false;
}

// Marks what the mutation touches at a match, where it applies with one of a few draws.
static void mark(struct ncr_program *program, const struct ncr_graph *graph,
                 const struct ncr_match *match, bool *touched)
{
    enum { DRAWS = 4 };
    for (uint64_t k = 0; k < DRAWS; k++) {
        struct ncr_arena *scratch = ncr_arena_new(0);
        if (!scratch) NCR_BUG("out of memory");
        struct draft d = {.arena = scratch, .parent = graph, .match = match};
        struct lineage lineage;
        struct ncr_str drawn, why;
        struct ncr_rng rng = ncr_rng_at(k, NCR_RNG_MUTATE, 2000);
        bool good = draft_apply(&d, program, NULL, &rng, NULL, 0, &lineage, &drawn, &why);
        for (ncr_node_id id = 0; good && id < graph->n_nodes; id++)
            touched[id] |= changed(&d, id);
        for (uint32_t e = 0; good && e < d.patch.n_edits; e++)
            touched[match->nodes[d.patch.edits[e].pattern]] = true;
        ncr_arena_free(scratch);
        if (good) return;
    }
}

void ncr_mutation_reach(struct ncr_program *program, struct ncr_arena *arena,
                        const struct ncr_graph *graph, uint32_t *reached)
{
    bool *touched = NCR_NEW_N(arena, bool, graph->n_nodes);
    memset(reached, 0, graph->n_nodes * sizeof *reached);
    for (uint32_t i = 0; i < ncr_program_mutation_count(program); i++) {
        struct ncr_matches matches;
        ncr_mutation_matches(program, ncr_program_mutation(program, i), arena, graph,
                             NCR_LIMIT_REACH, &matches);
        memset(touched, 0, graph->n_nodes * sizeof *touched);
        for (uint32_t k = 0; k < matches.n; k++)
            mark(program, graph, &matches.at[k], touched);
        for (ncr_node_id id = 0; id < graph->n_nodes; id++)
            reached[id] += touched[id];
    }
}
