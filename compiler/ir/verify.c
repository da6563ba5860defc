// A graph against every rule of the form. Between two stages, and after reading; says which node
// and which rule.
#include <stdlib.h>

#include "compiler/ir/graph_internal.h"

struct check {
    const struct ncr_graph *graph;
    struct ncr_error *why;
    struct ncr_arena *scratch;
    uint32_t *owner; // per parameter: first node that uses it
};

#define FAIL(check, ...) (ncr_fail((check)->why, NCR_USAGE, __VA_ARGS__) == NCR_OK)

static bool check_node(struct check *c, ncr_node_id id)
{
    const struct ncr_node *node = &c->graph->nodes[id];
    if ((unsigned)node->op >= NCR_OP_COUNT_)
        return FAIL(c, "node %u has operator %d", id, (int)node->op);
    if (node->path.n == 0) return FAIL(c, "node %u has no path", id);
    struct ncr_shape *in = NCR_NEW_N(c->scratch, struct ncr_shape, node->n_in);
    for (uint32_t k = 0; k < node->n_in; k++) {
        if (node->in[k] >= id)
            return FAIL(c, "node %u reads node %u, which is not before it", id, node->in[k]);
        in[k] = c->graph->nodes[node->in[k]].shape;
    }
    struct ncr_attrs attrs = node->attrs;
    struct ncr_shape shape;
    struct ncr_op_error err;
    struct ncr_infer infer = {node->op, in, node->n_in, &attrs, &shape, &err};
    if (!ncr_infer_op(&infer)) return FAIL(c, "node %u: %s", id, err.text);
    if (!ncr_shape_equal(&shape, &node->shape)) {
        char a[48], b[48];
        return FAIL(c, "node %u: shape is %s, its rule gives %s", id,
                    ncr_shape_text(&node->shape, a), ncr_shape_text(&shape, b));
    }
    if (!ncr_attrs_equal(node->op, &attrs, &node->attrs))
        return FAIL(c, "node %u: attributes are not resolved", id);

    struct ncr_param_list want;
    ncr_params_op(node->op, &attrs, in, &want);
    if (node->n_params != want.n)
        return FAIL(c, "node %u has %u parameters instead of %u", id, node->n_params, want.n);
    if (want.n == 0) return true;
    if (node->first_param > c->graph->n_params || want.n > c->graph->n_params - node->first_param)
        return FAIL(c, "node %u: parameters from %u are past the end", id, node->first_param);
    for (uint32_t i = 0; i < want.n; i++) {
        const struct ncr_param *have = &c->graph->params[node->first_param + i], *p = &want.at[i];
        if (have->role != p->role || have->rank != p->rank || have->n != p->n ||
            memcmp(have->dim, p->dim, sizeof p->dim) != 0)
            return FAIL(c, "node %u: parameter %u does not fit the operator", id, i);
        struct ncr_str suffix = ncr_str_of(ncr_param_suffix(p->role));
        if (have->name.n < suffix.n + 2 || have->name.s[have->name.n - suffix.n - 1] != '.' ||
            memcmp(have->name.s + have->name.n - suffix.n, suffix.s, suffix.n) != 0)
            return FAIL(c, "node %u: parameter `%.*s` does not end in .%s", id,
                        NCR_STR_ARG(have->name), suffix.s);
        const struct ncr_param *first = &c->graph->params[node->first_param];
        if (have->name.n - suffix.n != first->name.n - strlen(ncr_param_suffix(first->role)) ||
            memcmp(have->name.s, first->name.s, have->name.n - suffix.n) != 0)
            return FAIL(c, "node %u: parameters `%.*s` and `%.*s` differ before the ending", id,
                        NCR_STR_ARG(first->name), NCR_STR_ARG(have->name));
        uint32_t *owner = &c->owner[node->first_param + i];
        if (*owner == NCR_NO_NODE)
            *owner = id;
        else if (c->graph->nodes[*owner].first_param != node->first_param ||
                 c->graph->nodes[*owner].op != node->op)
            return FAIL(
                c, "nodes %u and %u share some parameters, but not all or not as the same operator",
                *owner, id);
    }
    return true;
}

// Each parameter is used, and first uses are in order.
static bool check_params(struct check *c)
{
    uint32_t last = 0;
    for (uint32_t p = 0; p < c->graph->n_params; p++) {
        if (c->owner[p] == NCR_NO_NODE) return FAIL(c, "parameter %u belongs to no node", p);
        if (c->owner[p] < last) return FAIL(c, "parameter %u is not in order of first use", p);
        last = c->owner[p];
    }
    return true;
}

static int by_text(const void *a, const void *b)
{
    return ncr_str_cmp(*(const struct ncr_str *)a, *(const struct ncr_str *)b);
}

static bool check_unique(struct check *c, struct ncr_str *names, uint32_t n, const char *what)
{
    if (n > 1) qsort(names, n, sizeof *names, by_text);
    for (uint32_t i = 1; i < n; i++)
        if (ncr_str_eq(names[i - 1], names[i]))
            return FAIL(c, "two %s have the name `%.*s`", what, NCR_STR_ARG(names[i]));
    return true;
}

static bool check_names(struct check *c)
{
    const struct ncr_graph *g = c->graph;
    uint32_t most = g->n_nodes;
    if (g->n_params > most) most = g->n_params;
    if (g->n_outputs > most) most = g->n_outputs;
    struct ncr_str *names = NCR_NEW_N(c->scratch, struct ncr_str, most);
    for (ncr_node_id id = 0; id < g->n_nodes; id++)
        names[id] = g->nodes[id].path;
    if (!check_unique(c, names, g->n_nodes, "nodes")) return false;
    for (uint32_t p = 0; p < g->n_params; p++)
        names[p] = g->params[p].name;
    if (!check_unique(c, names, g->n_params, "parameters")) return false;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        names[i] = g->outputs[i].name;
    return check_unique(c, names, g->n_outputs, "outputs");
}

static bool check_ends(struct check *c)
{
    const struct ncr_graph *g = c->graph;
    uint32_t n = 0;
    for (ncr_node_id id = 0; id < g->n_nodes; id++) {
        if (g->nodes[id].op != NCR_OP_INPUT) continue;
        if (n == g->n_inputs || g->inputs[n] != id)
            return FAIL(c, "node %u is not the input %u of the graph", id, n);
        n++;
    }
    if (n != g->n_inputs) return FAIL(c, "the graph names %u inputs, but has %u", g->n_inputs, n);
    if (g->n_outputs == 0) return FAIL(c, "the graph has no output");
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i].node >= g->n_nodes)
            return FAIL(c, "output %u is node %u, which does not exist", i, g->outputs[i].node);
    return true;
}

static bool check_all(struct check *c)
{
    for (uint32_t p = 0; p < c->graph->n_params; p++)
        c->owner[p] = NCR_NO_NODE;
    for (ncr_node_id id = 0; id < c->graph->n_nodes; id++)
        if (!check_node(c, id)) return false;
    return check_params(c) && check_ends(c) && check_names(c);
}

bool ncr_graph_verify(const struct ncr_graph *graph, struct ncr_error *why)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    struct check check = {graph, why, scratch, NCR_NEW_N(scratch, uint32_t, graph->n_params)};
    bool sound = check_all(&check);
    ncr_arena_free(scratch);
    return sound;
}
