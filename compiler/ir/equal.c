// Two graphs to whether they are the same architecture: looks for an isomorphism from the outputs
// upwards. Colours narrow each choice; what is chosen is compared field by field, so that a yes is
// a proof.
#include <stdlib.h>

#include "compiler/ir/graph_internal.h"

struct side {
    const struct ncr_graph *graph;
    struct ncr_hash *colour;
    ncr_node_id *to;      // partner of each node, or NCR_NO_NODE
    uint32_t *first_edge; // per node: run of its inputs
    uint32_t *param_to;   // per first_param: partner's, or UINT32_MAX
};

struct match {
    struct side a, b;
    bool *used; // per edge of b
    // The inputs of all nodes of a, users before what they use, so that a node has its partner
    // before its inputs are looked at.
    struct choice {
        ncr_node_id node;
        uint32_t slot, taken; // taken: the slot of the partner
        bool fresh;           // the choice made two nodes partners
    } * choices;
    uint32_t n_choices;
};

static void open_side(struct ncr_arena *arena, const struct ncr_graph *graph, struct side *side)
{
    side->graph = ncr_graph_simplify(arena, graph);
    uint32_t n = side->graph->n_nodes, edges = 0;
    side->colour = NCR_NEW_N(arena, struct ncr_hash, n);
    ncr_graph_colours(arena, side->graph, side->colour);
    side->to = NCR_NEW_N(arena, ncr_node_id, n);
    side->first_edge = NCR_NEW_N(arena, uint32_t, (size_t)n + 1);
    side->param_to = NCR_NEW_N(arena, uint32_t, side->graph->n_params);
    for (uint32_t i = 0; i < n; i++) {
        side->to[i] = NCR_NO_NODE;
        side->first_edge[i] = edges;
        edges += side->graph->nodes[i].n_in;
    }
    side->first_edge[n] = edges;
}

static bool alike(const struct match *m, ncr_node_id x, ncr_node_id y)
{
    const struct ncr_node *a = &m->a.graph->nodes[x], *b = &m->b.graph->nodes[y];
    return ncr_hash_eq(m->a.colour[x], m->b.colour[y]) && a->op == b->op && a->n_in == b->n_in &&
           a->n_params == b->n_params && ncr_shape_equal(&a->shape, &b->shape) &&
           ncr_attrs_equal(a->op, &a->attrs, &b->attrs);
}

// Makes x and y partners; false when one of them has another already, or they differ.
static bool pair(struct match *m, ncr_node_id x, ncr_node_id y, bool *fresh)
{
    *fresh = m->a.to[x] == NCR_NO_NODE;
    if (!*fresh) return m->a.to[x] == y;
    if (m->b.to[y] != NCR_NO_NODE || !alike(m, x, y)) return false;
    m->a.to[x] = y;
    m->b.to[y] = x;
    return true;
}

static bool choose(struct match *m, struct choice *c, uint32_t from)
{
    const struct ncr_node *a = &m->a.graph->nodes[c->node];
    ncr_node_id partner = m->a.to[c->node];
    const struct ncr_node *b = &m->b.graph->nodes[partner];
    bool *used = &m->used[m->b.first_edge[partner]];
    for (uint32_t k = from; k < b->n_in; k++) {
        if (used[k] || (k != c->slot && !ncr_op_commutes(a->op))) continue;
        if (!pair(m, a->in[c->slot], b->in[k], &c->fresh)) continue;
        used[k] = true;
        c->taken = k;
        return true;
    }
    return false;
}

static void undo(struct match *m, const struct choice *c)
{
    ncr_node_id partner = m->a.to[c->node];
    m->used[m->b.first_edge[partner] + c->taken] = false;
    if (!c->fresh) return;
    ncr_node_id x = m->a.graph->nodes[c->node].in[c->slot];
    m->b.to[m->a.to[x]] = NCR_NO_NODE;
    m->a.to[x] = NCR_NO_NODE;
}

// Partners share weights with partners.
static bool same_sharing(struct match *m)
{
    const struct ncr_graph *a = m->a.graph, *b = m->b.graph;
    for (uint32_t p = 0; p < a->n_params; p++)
        m->a.param_to[p] = m->b.param_to[p] = UINT32_MAX;
    for (ncr_node_id id = 0; id < a->n_nodes; id++) {
        if (a->nodes[id].n_params == 0) continue;
        uint32_t x = a->nodes[id].first_param, y = b->nodes[m->a.to[id]].first_param;
        if (m->a.param_to[x] == UINT32_MAX && m->b.param_to[y] == UINT32_MAX) {
            m->a.param_to[x] = y;
            m->b.param_to[y] = x;
        } else if (m->a.param_to[x] != y) {
            return false;
        }
    }
    return true;
}

static bool search(struct match *m)
{
    uint32_t i = 0, from = 0, steps = 0;
    for (;;) {
        if (i == m->n_choices) {
            if (same_sharing(m)) return true;
            steps += m->a.graph->n_nodes; // looking at all of it is dear
        } else if (choose(m, &m->choices[i], from)) {
            i++;
            from = 0;
            continue;
        }
        if (i == 0 || ++steps > NCR_LIMIT_MATCHES) return false;
        i--;
        undo(m, &m->choices[i]);
        from = m->choices[i].taken + 1;
    }
}

static bool pair_ends(struct match *m)
{
    const struct ncr_graph *a = m->a.graph, *b = m->b.graph;
    bool fresh;
    for (uint32_t i = 0; i < a->n_outputs; i++)
        if (!pair(m, a->outputs[i].node, b->outputs[i].node, &fresh)) return false;
    for (uint32_t i = 0; i < a->n_inputs; i++)
        if (!pair(m, a->inputs[i], b->inputs[i], &fresh)) return false;
    return true;
}

static bool equal(struct ncr_arena *arena, const struct ncr_graph *x, const struct ncr_graph *y)
{
    struct match m = {0};
    open_side(arena, x, &m.a);
    open_side(arena, y, &m.b);
    const struct ncr_graph *a = m.a.graph, *b = m.b.graph;
    if (a->n_nodes != b->n_nodes || a->n_params != b->n_params || a->n_inputs != b->n_inputs ||
        a->n_outputs != b->n_outputs || m.a.first_edge[a->n_nodes] != m.b.first_edge[b->n_nodes])
        return false;
    m.n_choices = m.a.first_edge[a->n_nodes];
    m.used = NCR_NEW_N(arena, bool, m.n_choices);
    m.choices = NCR_NEW_N(arena, struct choice, m.n_choices);
    uint32_t n = 0;
    for (ncr_node_id id = a->n_nodes; id-- > 0;)
        for (uint32_t k = 0; k < a->nodes[id].n_in; k++)
            m.choices[n++] = (struct choice){.node = id, .slot = k};
    return pair_ends(&m) && search(&m);
}

bool ncr_graph_equal(const struct ncr_graph *a, const struct ncr_graph *b)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    bool result = equal(scratch, a, b);
    ncr_arena_free(scratch);
    return result;
}
