// Simplification: a new graph without operators that compute nothing, sums with zero, and nodes that
// reach no output. Exact: every kept tensor has the same value. Inputs stay, used or not, since they
// are the network's signature.
//
// Zeros spread through what maps zero to zero; layers with weights stay, so that the figures of a
// network do not depend on where its zeros are. A zero that is still read becomes one node a shape,
// which reads the first input: what it reads does not matter, and so equal networks stay equal.
#include "compiler/ir/graph.h"

static bool all(const int32_t *v, int n, int32_t want)
{
    for (int i = 0; i < n; i++)
        if (v[i] != want) return false;
    return true;
}

// Whether the node's tensor is its first input's, bit for bit. source[] is known for smaller ids.
static bool computes_nothing(const struct ncr_graph *graph, const struct ncr_node *node,
                             const ncr_node_id *source)
{
    const struct ncr_attrs *a = &node->attrs;
    switch (node->op) {
    case NCR_OP_IDENTITY:
    case NCR_OP_DROPOUT: return true;
    case NCR_OP_CONCAT: return node->n_in == 1;
    case NCR_OP_RELU:
    case NCR_OP_RELU6: return graph->nodes[source[node->in[0]]].op == node->op;
    case NCR_OP_FLATTEN:
    case NCR_OP_RESHAPE: return ncr_shape_equal(&node->shape, &graph->nodes[node->in[0]].shape);
    case NCR_OP_PAD: return all(a->pad, 4, 0);
    case NCR_OP_UPSAMPLE: return all(a->factor, 2, 1);
    case NCR_OP_MAXPOOL:
    case NCR_OP_AVGPOOL: return all(a->kernel, 2, 1) && all(a->stride, 2, 1) && all(a->pad, 4, 0);
    case NCR_OP_INPUT:
    case NCR_OP_CONV:
    case NCR_OP_DWCONV:
    case NCR_OP_DENSE:
    case NCR_OP_BATCHNORM:
    case NCR_OP_LEAKY_RELU:
    case NCR_OP_HARDSWISH:
    case NCR_OP_SIGMOID:
    case NCR_OP_TANH:
    case NCR_OP_SOFTMAX:
    case NCR_OP_GLOBAL_AVGPOOL:
    case NCR_OP_ADD:
    case NCR_OP_MUL:
    case NCR_OP_ZERO:
    case NCR_OP_COUNT_: return false;
    }
    NCR_BUG("operator %d", (int)node->op);
}

// Whether the node's tensor is zero where those that it reads are, as zero[] says.
static bool gives_zero(const struct ncr_node *node, const bool *zero)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < node->n_in; k++)
        n += zero[node->in[k]];
    switch (node->op) {
    case NCR_OP_ZERO: return true;
    case NCR_OP_MUL: return n > 0;
    case NCR_OP_RELU:
    case NCR_OP_RELU6:
    case NCR_OP_LEAKY_RELU:
    case NCR_OP_HARDSWISH:
    case NCR_OP_TANH:
    case NCR_OP_MAXPOOL:
    case NCR_OP_AVGPOOL:
    case NCR_OP_GLOBAL_AVGPOOL:
    case NCR_OP_ADD:
    case NCR_OP_CONCAT:
    case NCR_OP_FLATTEN:
    case NCR_OP_RESHAPE:
    case NCR_OP_PAD:
    case NCR_OP_UPSAMPLE:
    case NCR_OP_IDENTITY:
    case NCR_OP_DROPOUT: return n == node->n_in;
    case NCR_OP_INPUT:
    case NCR_OP_CONV:
    case NCR_OP_DWCONV:
    case NCR_OP_DENSE:
    case NCR_OP_BATCHNORM:
    case NCR_OP_SIGMOID:
    case NCR_OP_SOFTMAX:
    case NCR_OP_COUNT_: return false;
    }
    NCR_BUG("operator %d", (int)node->op);
}

struct simplifier {
    struct ncr_arena *arena;
    const struct ncr_graph *graph;
    struct ncr_graph *result;
    ncr_node_id *source; // the node whose tensor this one really is
    bool *zero, *live;
    ncr_node_id *moved;
    uint32_t *moved_param; // 1 + new index; 0: not yet
};

// Inputs of a node that count: zeros add nothing to a sum.
static bool counts(const struct simplifier *s, const struct ncr_node *node, uint32_t k)
{
    return node->op != NCR_OP_ADD || !s->zero[node->in[k]];
}

static void find_sources(struct simplifier *s)
{
    const struct ncr_graph *g = s->graph;
    for (ncr_node_id id = 0; id < g->n_nodes; id++) {
        const struct ncr_node *node = &g->nodes[id];
        s->source[id] = id;
        s->zero[id] = gives_zero(node, s->zero);
        if (s->zero[id]) continue;
        if (computes_nothing(g, node, s->source)) s->source[id] = s->source[node->in[0]];
        if (node->op != NCR_OP_ADD) continue;
        uint32_t n = 0, last = 0;
        for (uint32_t k = 0; k < node->n_in; k++)
            if (counts(s, node, k)) n++, last = k;
        if (n == 1) s->source[id] = s->source[node->in[last]];
    }
}

static void find_live(struct simplifier *s)
{
    const struct ncr_graph *g = s->graph;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        s->live[s->source[g->outputs[i].node]] = true;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        s->live[g->inputs[i]] = true;
    for (ncr_node_id id = g->n_nodes; id-- > 0;) {
        const struct ncr_node *node = &g->nodes[id];
        for (uint32_t k = 0; s->live[id] && !s->zero[id] && k < node->n_in; k++)
            if (counts(s, node, k)) s->live[s->source[node->in[k]]] = true;
    }
}

static ncr_node_id place(struct simplifier *s, const struct ncr_node *node)
{
    s->result->nodes[s->result->n_nodes] = *node;
    return s->result->n_nodes++;
}

// The zero of this tensor's shape, made where it is first read.
static ncr_node_id place_zero(struct simplifier *s, ncr_node_id id)
{
    const struct ncr_node *old = &s->graph->nodes[id];
    for (ncr_node_id i = 0; i < s->result->n_nodes; i++)
        if (s->result->nodes[i].op == NCR_OP_ZERO &&
            ncr_shape_equal(&s->result->nodes[i].shape, &old->shape))
            return i;
    ncr_node_id *in = NCR_NEW(s->arena, ncr_node_id);
    *in = s->moved[s->graph->inputs[0]];
    struct ncr_node node = {.op = NCR_OP_ZERO,
                            .n_in = 1,
                            .in = in,
                            .attrs = ncr_attrs_default(NCR_OP_ZERO),
                            .shape = old->shape,
                            .path = old->path,
                            .origin = old->origin};
    node.attrs.shape = old->shape;
    return place(s, &node);
}

// Where the tensor is in the result.
static ncr_node_id now(struct simplifier *s, ncr_node_id id)
{
    ncr_node_id source = s->source[id];
    return s->zero[source] ? place_zero(s, source) : s->moved[source];
}

static void keep_node(struct simplifier *s, ncr_node_id id)
{
    const struct ncr_node *old = &s->graph->nodes[id];
    struct ncr_graph *result = s->result;
    struct ncr_node node = *old;
    ncr_node_id *in = NCR_NEW_N(s->arena, ncr_node_id, old->n_in);
    node.n_in = 0;
    for (uint32_t k = 0; k < old->n_in; k++)
        if (counts(s, old, k)) in[node.n_in++] = now(s, old->in[k]);
    node.in = in;
    if (old->n_params && !s->moved_param[old->first_param])
        for (uint32_t k = 0; k < old->n_params; k++) {
            result->params[result->n_params] = s->graph->params[old->first_param + k];
            s->moved_param[old->first_param + k] = ++result->n_params;
        }
    node.first_param = old->n_params ? s->moved_param[old->first_param] - 1 : 0;
    s->moved[id] = place(s, &node);
    if (node.op == NCR_OP_INPUT) result->inputs[result->n_inputs++] = s->moved[id];
}

struct ncr_graph *ncr_graph_simplify(struct ncr_arena *arena, const struct ncr_graph *graph)
{
    uint32_t n = graph->n_nodes;
    struct simplifier s = {arena,
                           graph,
                           NCR_NEW(arena, struct ncr_graph),
                           NCR_NEW_N(arena, ncr_node_id, n),
                           NCR_NEW_N(arena, bool, n),
                           NCR_NEW_N(arena, bool, n),
                           NCR_NEW_N(arena, ncr_node_id, n),
                           NCR_NEW_N(arena, uint32_t, graph->n_params)};
    find_sources(&s);
    find_live(&s);
    struct ncr_graph *result = s.result;
    *result = *graph;
    result->nodes = NCR_NEW_N(arena, struct ncr_node, n);
    result->params = NCR_NEW_N(arena, struct ncr_param, graph->n_params);
    result->inputs = NCR_NEW_N(arena, ncr_node_id, graph->n_inputs);
    result->outputs = NCR_NEW_N(arena, struct ncr_output, graph->n_outputs);
    result->n_nodes = result->n_params = result->n_inputs = 0;
    for (ncr_node_id id = 0; id < n; id++)
        if (s.live[id] && !s.zero[id]) keep_node(&s, id);
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        result->outputs[i] =
            (struct ncr_output){graph->outputs[i].name, now(&s, graph->outputs[i].node)};
    return result;
}
