// SPACE and genotype to a network: every diagram is followed along the decisions taken.
#include <string.h>

#include "compiler/space/space.h"

struct ncr_space *ncr_space_new(struct ncr_arena *arena, struct ncr_str name,
                                struct ncr_arena *work)
{
    struct ncr_space *space = NCR_NEW(arena, struct ncr_space);
    space->arena = arena;
    space->name = name;
    ncr_diagrams_init(&space->diagrams, arena, work);
    return space;
}

bool ncr_space_exists(const struct ncr_space *space, uint32_t decision, const uint32_t *taken)
{
    return ncr_diagram_at(&space->diagrams, space->decisions.at[decision].exists, taken) == 1;
}

struct ncr_str ncr_space_text(const struct ncr_space *space, uint32_t decision,
                              uint32_t alternative, const uint32_t *taken)
{
    const struct ncr_space_decision *d = &space->decisions.at[decision];
    uint32_t leaf = ncr_diagram_at(&space->diagrams, d->values[alternative], taken);
    return leaf == NCR_HOLE ? NCR_STR("?") : space->values.at[leaf].text;
}

// Where the nodes of the space ended up in the network.
struct binding {
    const struct ncr_space *space;
    const uint32_t *taken;
    ncr_node_id *at;       // [nodes of the space]
    uint32_t *group_param; // [groups]: first parameter + 1; 0: none yet
    struct ncr_graph *graph;
};

static void bind_node(struct binding *b, const struct ncr_space_node *from, ncr_node_id *in)
{
    const struct ncr_space *space = b->space;
    const struct ncr_op_facts *facts =
        &space->variants.at[ncr_diagram_at(&space->diagrams, from->variant, b->taken)].facts;
    struct ncr_graph *g = b->graph;
    struct ncr_node *node = &g->nodes[g->n_nodes];
    *node = (struct ncr_node){.op = from->op,
                              .n_in = from->n_in,
                              .in = from->n_in ? in : NULL,
                              .attrs = facts->attrs,
                              .shape = facts->shape,
                              .path = from->path,
                              .origin = from->origin};
    for (uint32_t k = 0; k < from->n_in; k++)
        in[k] = b->at[ncr_diagram_at(&space->diagrams, from->in[k], b->taken)];
    uint32_t *first = &b->group_param[from->group];
    node->n_params = facts->n_params;
    node->first_param = g->n_params;
    if (facts->n_params && *first) {
        node->first_param = *first - 1;
    } else if (facts->n_params) {
        *first = g->n_params + 1;
        for (uint32_t i = 0; i < facts->n_params; i++) {
            struct ncr_param *p = &g->params[g->n_params++];
            *p = facts->params[i];
            p->name = from->param_names[p->role];
        }
    }
    if (from->op == NCR_OP_INPUT) g->inputs[g->n_inputs++] = g->n_nodes;
    g->n_nodes++;
}

struct ncr_graph *ncr_space_bind(const struct ncr_space *space, const uint32_t *taken,
                                 struct ncr_arena *arena)
{
    uint32_t n = space->nodes.n, n_in = 0, n_params = 0;
    struct binding b = {.space = space, .taken = taken};
    b.at = NCR_NEW_N(arena, ncr_node_id, n);
    b.group_param = NCR_NEW_N(arena, uint32_t, space->n_groups);
    for (uint32_t i = 0; i < n; i++) {
        const struct ncr_space_node *node = &space->nodes.at[i];
        b.at[i] = ncr_diagram_at(&space->diagrams, node->exists, taken) == 1 ? n_in : NCR_NO_NODE;
        if (b.at[i] == NCR_NO_NODE) continue;
        n_in += node->n_in; // the offset of its inputs, until it has its number
        n_params += node->param_names[0].n ? 4 : 0;
    }
    struct ncr_graph *g = b.graph = NCR_NEW(arena, struct ncr_graph);
    g->name = space->name;
    g->nodes = NCR_NEW_N(arena, struct ncr_node, n);
    g->params = NCR_NEW_N(arena, struct ncr_param, n_params);
    g->inputs = NCR_NEW_N(arena, ncr_node_id, n);
    g->outputs = NCR_NEW_N(arena, struct ncr_output, space->outputs.n);
    ncr_node_id *in = NCR_NEW_N(arena, ncr_node_id, n_in);
    for (uint32_t i = 0; i < n; i++) {
        if (b.at[i] == NCR_NO_NODE) continue;
        uint32_t offset = b.at[i];
        b.at[i] = g->n_nodes;
        bind_node(&b, &space->nodes.at[i], in + offset);
    }
    for (uint32_t i = 0; i < space->outputs.n; i++) {
        uint32_t node = ncr_diagram_at(&space->diagrams, space->outputs.at[i].node, taken);
        g->outputs[g->n_outputs++] = (struct ncr_output){space->outputs.at[i].name, b.at[node]};
    }
    return g;
}

struct ncr_hash ncr_space_arch_id(const struct ncr_space *space, const uint32_t *taken,
                                  struct ncr_arena *scratch)
{
    return ncr_graph_arch_id(ncr_space_bind(space, taken, scratch));
}

static bool sum_holds(const struct ncr_space *space, const struct ncr_space_require *require,
                      const uint32_t *taken)
{
    int64_t sum = require->sum.constant;
    for (uint32_t i = 0; i < require->sum.n_terms; i++) {
        uint32_t leaf = ncr_diagram_at(&space->diagrams, require->sum.terms[i], taken);
        if (leaf != NCR_HOLE) sum += space->numbers.at[leaf];
    }
    return sum >= require->lo && sum <= require->hi;
}

bool ncr_space_feasible(const struct ncr_space *space, const uint32_t *taken,
                        const struct ncr_graph *graph, uint32_t *failed)
{
    for (uint32_t i = 0; i < space->requires.n; i++) {
        const struct ncr_space_require *r = &space->requires.at[i];
        bool good = true;
        switch (r->kind) {
        case NCR_REQUIRE_DIAGRAM:
            good = ncr_diagram_at(&space->diagrams, r->condition, taken) == 1;
            break;
        case NCR_REQUIRE_SUM: good = sum_holds(space, r, taken); break;
        case NCR_REQUIRE_GRAPH:
            if (graph && ncr_diagram_at(&space->diagrams, r->condition, taken) == 1)
                good = space->holds(space->user, r->check, taken, graph);
            break;
        }
        if (good) continue;
        if (failed) *failed = i;
        return false;
    }
    return true;
}
