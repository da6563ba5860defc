// Graph to the structure of the integer network: which operators fuse, which tensors remain.
// Numbers are numbers.c's job.
#include "compiler/quant/build.h"

#include "compiler/quant/softmax.h"
#include "lang/base/table.h"

struct ncr_span ncr_builder_q_span(const struct ncr_builder_q *b, ncr_node_id id)
{
    const struct ncr_origin *origin = b->graph->nodes[id].origin;
    return origin ? origin->span : NCR_NOWHERE;
}

void ncr_builder_q_blame(struct ncr_builder_q *b, struct ncr_diag *d, ncr_node_id id)
{
    int shown = 0;
    for (const struct ncr_origin *o = b->graph->nodes[id].origin; o && o->up && shown < 8;
         o = o->up)
        if (o->block.n) {
            ncr_diag_note(b->diags, d, o->up->span, "in block `%.*s`, used", NCR_STR_ARG(o->block));
            shown++;
        }
}

// Whether its formats can be computed; else a diagnostic at its declaration.
static bool check_spec(struct ncr_diags *diags, const struct ncr_quant_spec *spec)
{
    const struct {
        const char *what;
        enum ncr_qformat format;
        uint32_t bits;
    } parts[] = {{"weights", spec->weights, spec->weight_bits},
                 {"activations", spec->activations, spec->activation_bits}};
    bool ok = true;
    for (int i = 0; i < 2; i++) {
        uint32_t most = parts[i].format == NCR_QF_LOG2 ? 5 : i == 1 ? 16 : 8;
        if (i == 1 && parts[i].format == NCR_QF_LOG2) {
            NCR_DIAG(diags, QUANT_FORMAT, spec->span, NCR_STR_ARG(spec->name));
            ok = false;
        } else if (parts[i].bits < 2 || parts[i].bits > most) {
            NCR_DIAG(diags, QUANT_BITS, spec->span, parts[i].what, NCR_STR_ARG(spec->name),
                     parts[i].bits, (int)most);
            ok = false;
        }
    }
    return ok;
}

// The same for formats that single layers declare. Layers share them; each is checked once.
static bool check_own_specs(struct ncr_arena *arena, struct ncr_diags *diags,
                            const struct ncr_graph *graph, const struct ncr_quant_spec *spec)
{
    struct ncr_table seen = {0}; // address of a format -> nothing
    bool ok = true;
    for (ncr_node_id id = 0; id < graph->n_nodes; id++) {
        const struct ncr_quant_spec *own = graph->nodes[id].attrs.quant;
        if (!own || ncr_table_get(&seen, (uintptr_t)own) == 0) continue;
        ncr_table_set(arena, &seen, (uintptr_t)own, 0);
        bool same = spec->span.file && own->span.file == spec->span.file &&
                    own->span.begin == spec->span.begin;
        if (!same) ok &= check_spec(diags, own);
    }
    return ok;
}

// The one user of a tensor, or NCR_NO_NODE where it has several or is an output.
static ncr_node_id only_user(const struct ncr_builder_q *b, ncr_node_id id)
{
    return b->n_users[id] == 1 ? b->user[id] : NCR_NO_NODE;
}

static void count_users(struct ncr_builder_q *b)
{
    const struct ncr_graph *g = b->graph;
    for (ncr_node_id id = 0; id < g->n_nodes; id++)
        for (uint32_t k = 0; k < g->nodes[id].n_in; k++) {
            b->n_users[g->nodes[id].in[k]]++;
            b->user[g->nodes[id].in[k]] = id;
        }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        b->n_users[g->outputs[i].node] += 2; // read from outside: never fused away
}

static bool is_clamp(enum ncr_op op)
{
    return op == NCR_OP_RELU || op == NCR_OP_RELU6;
}

static enum ncr_qop kind_of(enum ncr_op op)
{
    switch (op) {
    case NCR_OP_INPUT: return NCR_QOP_INPUT;
    case NCR_OP_CONV: return NCR_QOP_CONV;
    case NCR_OP_DWCONV:
    case NCR_OP_BATCHNORM: return NCR_QOP_DWCONV;
    case NCR_OP_DENSE: return NCR_QOP_DENSE;
    case NCR_OP_RELU:
    case NCR_OP_RELU6:
    case NCR_OP_LEAKY_RELU:
    case NCR_OP_HARDSWISH:
    case NCR_OP_SIGMOID:
    case NCR_OP_TANH: return NCR_QOP_LUT;
    case NCR_OP_SOFTMAX: return NCR_QOP_SOFTMAX;
    case NCR_OP_MAXPOOL: return NCR_QOP_MAXPOOL;
    case NCR_OP_AVGPOOL:
    case NCR_OP_GLOBAL_AVGPOOL: return NCR_QOP_AVGPOOL;
    case NCR_OP_ADD: return NCR_QOP_ADD;
    case NCR_OP_MUL: return NCR_QOP_MUL;
    case NCR_OP_CONCAT: return NCR_QOP_CONCAT;
    case NCR_OP_FLATTEN:
    case NCR_OP_RESHAPE: return NCR_QOP_RESHAPE;
    case NCR_OP_PAD: return NCR_QOP_PAD;
    case NCR_OP_UPSAMPLE: return NCR_QOP_UPSAMPLE;
    case NCR_OP_ZERO: return NCR_QOP_ZERO;
    case NCR_OP_IDENTITY:
    case NCR_OP_DROPOUT:
    case NCR_OP_COUNT_: break;
    }
    NCR_BUG("operator %s reached quantisation", ncr_op_name(op));
}

// Extends a node over the batchnorm and the clamp that follow it, as far as nobody else reads the
// tensors between.
static void fuse(struct ncr_builder_q *b, struct ncr_qnode *q)
{
    const struct ncr_graph *g = b->graph;
    ncr_node_id next = only_user(b, q->last);
    bool has_weights = q->op == NCR_QOP_CONV || q->op == NCR_QOP_DWCONV || q->op == NCR_QOP_DENSE;
    if (has_weights && next != NCR_NO_NODE && g->nodes[next].op == NCR_OP_BATCHNORM &&
        g->nodes[q->node].op != NCR_OP_BATCHNORM) {
        q->last = next;
        b->taken[next] = true;
        next = only_user(b, q->last);
    }
    if (!has_weights && q->op != NCR_QOP_ADD && q->op != NCR_QOP_MUL) return;
    if (next != NCR_NO_NODE && is_clamp(g->nodes[next].op)) {
        q->last = next;
        b->taken[next] = true;
    }
}

static void shape_of(struct ncr_builder_q *b, struct ncr_qnode *q)
{
    const struct ncr_node *node = &b->graph->nodes[q->node];
    q->shape = node->shape;
    q->attrs = node->attrs;
    q->macs = ncr_node_macs(b->graph, q->node);
    if (node->op == NCR_OP_BATCHNORM) { // a 1x1 depthwise convolution
        q->attrs = ncr_attrs_default(NCR_OP_DWCONV);
        q->attrs.kernel[0] = q->attrs.kernel[1] = 1;
        q->macs = ncr_shape_elements(&q->shape);
    } else if (node->op == NCR_OP_GLOBAL_AVGPOOL) {
        const struct ncr_shape *in = &b->graph->nodes[node->in[0]].shape;
        for (int i = 0; i < 2; i++) {
            q->attrs.kernel[i] = q->attrs.stride[i] = in->dim[1 + i];
            q->attrs.dilation[i] = 1;
            q->attrs.pad[i] = q->attrs.pad[i + 2] = 0;
        }
    }
}

// The diagnostic where a convolution's padding is too large, or NULL.
static struct ncr_diag *check_padding(struct ncr_builder_q *b, const struct ncr_qnode *q)
{
    const struct ncr_shape *in = &b->graph->nodes[b->graph->nodes[q->node].in[0]].shape;
    const int32_t *pad = q->attrs.pad;
    if (in->rank != 3) return NULL;
    int64_t rows = (int64_t)in->dim[1] + pad[0] + pad[2],
            columns = (int64_t)in->dim[2] + pad[1] + pad[3];
    bool ok = rows * columns <= NCR_PADDED_LIMIT / in->dim[0]; // each under 2^26
    for (int side = 0; side < 4; side++)
        ok &= pad[side] <= NCR_PAD_LIMIT;
    return ok ? NULL
              : NCR_DIAG(b->diags, QUANT_PADDING, ncr_builder_q_span(b, q->node),
                         NCR_STR_ARG(q->path), in->dim[0], (long long)rows, (long long)columns,
                         NCR_PAD_LIMIT, (long long)NCR_PADDED_LIMIT);
}

// Bits of an activation that q gives.
static uint32_t bits_of(const struct ncr_qgraph *g, const struct ncr_qnode *q)
{
    if (ncr_qop_copies(q->op)) return g->nodes[q->in[0]].bits;
    return q->spec->activation_bits <= 8 ? 8 : q->spec->activation_bits;
}

// Limits of memory and of 32-bit sums that do not need numbers.
static bool check_limits(struct ncr_builder_q *b, const struct ncr_qgraph *g,
                         const struct ncr_qnode *q)
{
    int64_t window = (int64_t)q->attrs.kernel[0] * q->attrs.kernel[1];
    struct ncr_span span = ncr_builder_q_span(b, q->node);
    struct ncr_diag *d = NULL;
    if (q->op == NCR_QOP_CONV || q->op == NCR_QOP_DWCONV)
        d = check_padding(b, q);
    else if (q->op == NCR_QOP_SOFTMAX && q->shape.dim[0] > NCR_QSOFTMAX_LIMIT)
        d = NCR_DIAG(b->diags, QUANT_SOFTMAX, span, q->shape.dim[0], NCR_QSOFTMAX_LIMIT);
    else if (q->op == NCR_QOP_AVGPOOL && window > ncr_avgpool_limit(&g->nodes[q->in[0]]))
        d = NCR_DIAG(b->diags, QUANT_AVGPOOL, span, (long long)window,
                     ncr_avgpool_limit(&g->nodes[q->in[0]]));
    if (!d) return true;
    ncr_builder_q_blame(b, d, q->node);
    return false;
}

struct ncr_qgraph *ncr_qgraph_build(struct ncr_arena *arena, struct ncr_diags *diags,
                                    const struct ncr_graph *graph,
                                    const struct ncr_quant_spec *spec,
                                    const struct ncr_weights *weights,
                                    const struct ncr_ranges *ranges)
{
    bool ok = check_spec(diags, spec) & check_own_specs(arena, diags, graph, spec);
    if (!ok) return NULL;
    struct ncr_builder_q b = {.arena = arena, .diags = diags, .graph = graph};
    b.n_users = NCR_NEW_N(arena, uint32_t, graph->n_nodes);
    b.user = NCR_NEW_N(arena, ncr_node_id, graph->n_nodes);
    b.taken = NCR_NEW_N(arena, bool, graph->n_nodes);
    count_users(&b);

    struct ncr_qgraph *result = NCR_NEW(arena, struct ncr_qgraph);
    result->graph = graph;
    result->name = graph->name;
    result->spec = *spec;
    result->nodes = NCR_NEW_N(arena, struct ncr_qnode, graph->n_nodes);
    result->inputs = NCR_NEW_N(arena, uint32_t, graph->n_inputs);
    result->outputs = NCR_NEW_N(arena, uint32_t, graph->n_outputs);
    uint32_t *made =
        NCR_NEW_N(arena, uint32_t, graph->n_nodes); // graph node -> qnode that gives its tensor
    for (ncr_node_id id = 0; id < graph->n_nodes; id++) {
        if (b.taken[id]) continue;
        const struct ncr_node *node = &graph->nodes[id];
        struct ncr_qnode *q = &result->nodes[result->n_nodes];
        q->op = kind_of(node->op);
        q->node = q->last = id;
        q->path = node->path;
        uint32_t *in = NCR_NEW_N(arena, uint32_t, node->n_in);
        for (uint32_t k = 0; k < node->n_in; k++)
            in[k] = made[node->in[k]];
        q->in = in;
        q->n_in = node->n_in;
        shape_of(&b, q);
        q->spec = node->attrs.quant ? node->attrs.quant : &result->spec;
        q->bits = bits_of(result, q);
        // A clamp of 16 bits on its own is a change of scale and the clamp of that: exact, which
        // straight pieces of a table are not around the end of a clamp.
        if (is_clamp(node->op) && ncr_qnode_is_wide(result, q)) q->op = NCR_QOP_CONCAT;
        q->n_weights = ncr_qnode_weights(result, q);
        q->n_channels = (int32_t)ncr_qnode_channels(q); // at most 2^24
        ok &= check_limits(&b, result, q);
        fuse(&b, q);
        if (q->n_weights) ncr_qnode_set_form(arena, result, q, ncr_weight_form_of(q->spec));
        made[id] = made[q->last] = result->n_nodes++;
    }
    if (!ok) return NULL;
    for (uint32_t i = 0; i < graph->n_inputs; i++)
        result->inputs[result->n_inputs++] = made[graph->inputs[i]];
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        result->outputs[result->n_outputs++] = made[graph->outputs[i].node];
    ncr_qgraph_join(arena, result);
    if (weights && ranges && !ncr_qgraph_fill(&b, result, weights, ranges)) return NULL;
    struct ncr_error why;
    if (!ncr_qgraph_verify(result, &why))
        NCR_BUG("quantised graph of `%.*s`: %s", NCR_STR_ARG(graph->name), why.text);
    return result;
}
