// A graph built anew with changes that must not matter to the architecture.
#include "tests/support/rebuild.h"

#include "lang/base/rng.h"

struct job {
    struct ncr_arena *arena;
    const struct ncr_graph *graph;
    struct rebuild change;
    struct ncr_rng rng;
    struct ncr_builder *builder;
    ncr_node_id *moved; // per old node
    ncr_node_id *owner; // per old parameter: the new node that holds it
    uint32_t serial;
};

static uint32_t below(struct job *j, uint32_t n)
{
    return (uint32_t)ncr_rng_below(&j->rng, n);
}

static ncr_node_id add(struct job *j, enum ncr_op op, const struct ncr_attrs *attrs,
                       const ncr_node_id *in, uint32_t n_in, struct ncr_str path, ncr_node_id share)
{
    struct ncr_op_error err;
    if (path.n == 0 || j->change.rename)
        path = ncr_str_fmt(j->arena, "%s/%s%u", j->change.twins ? "twin" : "new", ncr_op_name(op),
                           j->serial++);
    ncr_node_id id = ncr_builder_add(j->builder, op, attrs, in, n_in, path, share, NULL, &err);
    if (id == NCR_NO_NODE) NCR_BUG("%s", err.text);
    return id;
}

static ncr_node_id extra(struct job *j, enum ncr_op op, ncr_node_id in)
{
    struct ncr_attrs attrs = ncr_attrs_default(op);
    attrs.out = 3;
    attrs.kernel[0] = attrs.kernel[1] = 3;
    return add(j, op, &attrs, &in, 1, (struct ncr_str){"", 0}, NCR_NO_NODE);
}

// The operator applied once more with the same weights, and the sum of both.
static ncr_node_id twin(struct job *j, const struct ncr_node *old, const ncr_node_id *in,
                        ncr_node_id first)
{
    struct ncr_attrs none = {0};
    ncr_node_id both[2] = {
        first, add(j, old->op, &old->attrs, in, old->n_in, (struct ncr_str){"", 0}, first)};
    return add(j, NCR_OP_ADD, &none, both, 2, (struct ncr_str){"", 0}, NCR_NO_NODE);
}

static void move(struct job *j, ncr_node_id id)
{
    const struct ncr_node *old = &j->graph->nodes[id];
    ncr_node_id *in = NCR_NEW_N(j->arena, ncr_node_id, old->n_in);
    for (uint32_t k = 0; k < old->n_in; k++) {
        in[k] = j->moved[old->in[k]];
        if (j->change.identities && below(j, 3) == 0)
            in[k] = extra(j, below(j, 2) ? NCR_OP_IDENTITY : NCR_OP_DROPOUT, in[k]);
    }
    if (j->change.swap && (old->op == NCR_OP_ADD || old->op == NCR_OP_MUL))
        for (uint32_t k = old->n_in; k-- > 1;) {
            uint32_t other = below(j, k + 1);
            ncr_node_id t = in[k];
            in[k] = in[other];
            in[other] = t;
        }
    ncr_node_id *owner = old->n_params ? &j->owner[old->first_param] : NULL;
    ncr_node_id now =
        add(j, old->op, &old->attrs, in, old->n_in, old->path, owner ? *owner : NCR_NO_NODE);
    if (owner && *owner == NCR_NO_NODE) *owner = now;
    j->moved[id] = j->change.twins && old->n_params && below(j, 2) ? twin(j, old, in, now) : now;
    if (j->change.dead && below(j, 3) == 0) {
        ncr_node_id dead = extra(j, NCR_OP_SIGMOID, now);
        extra(j, NCR_OP_BATCHNORM, dead);
    }
}

// Whether all that must stand before the node does.
static bool ready(const struct job *j, ncr_node_id id)
{
    const struct ncr_graph *g = j->graph;
    for (uint32_t k = 0; k < g->nodes[id].n_in; k++)
        if (j->moved[g->nodes[id].in[k]] == NCR_NO_NODE) return false;
    for (uint32_t i = 1; i < g->n_inputs; i++)
        if (g->inputs[i] == id && j->moved[g->inputs[i - 1]] == NCR_NO_NODE) return false;
    return true;
}

struct ncr_graph *rebuild_graph(struct ncr_arena *arena, const struct ncr_graph *graph,
                                struct rebuild change, uint64_t seed)
{
    struct job j = {.arena = arena,
                    .graph = graph,
                    .change = change,
                    .rng = ncr_rng_at(seed, NCR_RNG_TEST, 4000)};
    j.builder = ncr_builder_new(arena, change.rename ? NCR_STR("renamed") : graph->name);
    j.moved = NCR_NEW_N(arena, ncr_node_id, graph->n_nodes);
    j.owner = NCR_NEW_N(arena, ncr_node_id, graph->n_params);
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        j.moved[i] = NCR_NO_NODE;
    for (uint32_t i = 0; i < graph->n_params; i++)
        j.owner[i] = NCR_NO_NODE;
    for (uint32_t done = 0; done < graph->n_nodes; done++) {
        ncr_node_id id = change.permute ? below(&j, graph->n_nodes) : 0;
        while (j.moved[id] != NCR_NO_NODE || !ready(&j, id))
            id = (id + 1) % graph->n_nodes;
        move(&j, id);
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        ncr_builder_output(j.builder, graph->outputs[i].name, j.moved[graph->outputs[i].node]);
    return ncr_builder_finish(j.builder);
}
