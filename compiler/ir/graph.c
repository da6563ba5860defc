// Facts of the operator table, shapes, and the builder of graphs.
#include "compiler/ir/graph.h"

#include <stdio.h>

#include "compiler/ir/graph_internal.h"

static const struct {
    const char *name;
    int min_in, max_in;
    uint32_t attrs, sites;
} table[] = {
#define NCR_OP_ROW(NAME, name, min_in, max_in, attrs, shape, params, macs, eval, quant, grad,      \
                   sites)                                                                          \
    {#name, min_in, max_in, attrs, sites},
#include "compiler/ir/ops.def"
#undef NCR_OP_ROW
};

const char *ncr_op_name(enum ncr_op op)
{
    return table[op].name;
}

bool ncr_op_find(struct ncr_str name, enum ncr_op *out)
{
    for (uint32_t i = 0; i < NCR_OP_COUNT_; i++)
        if (ncr_str_is(name, table[i].name)) return *out = (enum ncr_op)i, true;
    return false;
}

uint32_t ncr_op_attrs(enum ncr_op op)
{
    return table[op].attrs;
}

uint32_t ncr_op_sites(enum ncr_op op)
{
    return table[op].sites;
}

int ncr_op_min_in(enum ncr_op op)
{
    return table[op].min_in;
}

int ncr_op_max_in(enum ncr_op op)
{
    return table[op].max_in;
}

struct ncr_attrs ncr_attrs_default(enum ncr_op op)
{
    bool pool = op == NCR_OP_MAXPOOL || op == NCR_OP_AVGPOOL;
    uint32_t bits = table[op].attrs;
    struct ncr_attrs a = {0};
    a.pad_mode = op == NCR_OP_PAD ? NCR_PAD_EXPLICIT : NCR_PAD_SAME;
    for (int i = 0; i < 2; i++) {
        a.stride[i] = pool ? 0 : 1;
        a.dilation[i] = 1;
    }
    a.groups = 1;
    if (bits & NCR_ATTR_MULTIPLIER) a.multiplier = 1;
    a.bias = (bits & NCR_ATTR_BIAS) != 0;
    a.eps = 1e-5f;
    a.momentum = 0.1f;
    a.alpha = 0.01f;
    a.rate = 0.5f;
    return a;
}

int64_t ncr_shape_elements(const struct ncr_shape *shape)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < shape->rank; i++)
        n *= shape->dim[i];
    return n;
}

bool ncr_shape_equal(const struct ncr_shape *a, const struct ncr_shape *b)
{
    if (a->rank != b->rank) return false;
    for (uint32_t i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

const char *ncr_shape_text(const struct ncr_shape *shape, char out[48])
{
    if (shape->rank == 1)
        snprintf(out, 48, "%d", shape->dim[0]);
    else
        snprintf(out, 48, "%dx%dx%d", shape->dim[0], shape->dim[1], shape->dim[2]);
    return out;
}

struct ncr_builder {
    struct ncr_arena *arena;
    struct ncr_str name;
    NCR_VEC(struct ncr_node) nodes;
    NCR_VEC(struct ncr_param) params;
    NCR_VEC(ncr_node_id) inputs;
    NCR_VEC(struct ncr_output) outputs;
    int64_t n_params, macs;
};

struct ncr_builder *ncr_builder_new(struct ncr_arena *arena, struct ncr_str name)
{
    struct ncr_builder *builder = NCR_NEW(arena, struct ncr_builder);
    builder->arena = arena;
    builder->name = name;
    return builder;
}

static bool same_params(const struct ncr_op_facts *a, const struct ncr_op_facts *b)
{
    if (a->n_params != b->n_params) return false;
    for (uint32_t i = 0; i < a->n_params; i++)
        if (a->params[i].role != b->params[i].role || a->params[i].rank != b->params[i].rank ||
            memcmp(a->params[i].dim, b->params[i].dim, sizeof a->params[i].dim) != 0)
            return false;
    return true;
}

bool ncr_op_facts(enum ncr_op op, const struct ncr_attrs *attrs, const struct ncr_shape *in,
                  uint32_t n_in, struct ncr_op_facts *out, struct ncr_op_error *err)
{
    *out = (struct ncr_op_facts){.attrs = *attrs};
    struct ncr_infer infer = {op, in, n_in, &out->attrs, &out->shape, err};
    if (!ncr_infer_op(&infer)) return false;
    struct ncr_param_list list;
    ncr_params_op(op, &out->attrs, in, &list);
    memcpy(out->params, list.at, sizeof out->params);
    out->n_params = list.n;
    for (uint32_t i = 0; i < list.n; i++)
        if (list.at[i].role != NCR_PARAM_MEAN && list.at[i].role != NCR_PARAM_VAR)
            out->n_trained += list.at[i].n;
    out->macs = ncr_macs_op(op, &out->attrs, n_in ? in : NULL, &out->shape);
    return true;
}

bool ncr_op_shareable(const struct ncr_op_facts *first,
                      const struct ncr_op_facts *again, struct ncr_str path,
                      const struct ncr_shape *before, const struct ncr_shape *now,
                      struct ncr_op_error *err)
{
    if (same_params(first, again)) return true;
    char a[48], b[48];
    err->code = NCR_N_SHARE_MISMATCH;
    err->blame = 0;
    if (!before || !now || ncr_shape_equal(before, now))
        snprintf(err->text, sizeof err->text,
                 "this layer shares its weights with `%.*s`, but is not the same operator with the "
                 "same attributes",
                 NCR_STR_ARG(path));
    else
        snprintf(err->text, sizeof err->text,
                 "this layer shares its weights with `%.*s`, whose input is %s, but its own input "
                 "is %s",
                 NCR_STR_ARG(path), ncr_shape_text(before, a), ncr_shape_text(now, b));
    snprintf(err->help, sizeof err->help,
             "write the layer twice to give each place its own weights");
    return false;
}

ncr_node_id ncr_builder_add(struct ncr_builder *builder, enum ncr_op op,
                            const struct ncr_attrs *attrs, const ncr_node_id *in, uint32_t n_in,
                            struct ncr_str path, ncr_node_id share, const struct ncr_origin *origin,
                            struct ncr_op_error *err)
{
    struct ncr_shape few[8],
        *shapes = n_in <= NCR_COUNT(few) ? few : NCR_NEW_N(builder->arena, struct ncr_shape, n_in);
    for (uint32_t i = 0; i < n_in; i++) {
        if (in[i] >= builder->nodes.n) NCR_BUG("input %u of a node is no node", in[i]);
        shapes[i] = builder->nodes.at[in[i]].shape;
    }
    struct ncr_op_facts facts;
    if (!ncr_op_facts(op, attrs, shapes, n_in, &facts, err)) return NCR_NO_NODE;
    struct ncr_node node = {.op = op,
                            .n_in = n_in,
                            .attrs = facts.attrs,
                            .shape = facts.shape,
                            .path = path,
                            .origin = origin};
    if (facts.macs > NCR_LIMIT_MACS - builder->macs) {
        err->code = NCR_N_OP_TOO_LARGE;
        err->blame = 0;
        snprintf(err->text, sizeof err->text,
                 "with the %lld MACs of this `%s` the network has more than %lld",
                 (long long)facts.macs, ncr_op_name(op), (long long)NCR_LIMIT_MACS);
        err->help[0] = 0;
        return NCR_NO_NODE;
    }
    if (share != NCR_NO_NODE) {
        const struct ncr_node *first = &builder->nodes.at[share];
        struct ncr_op_facts before = {.n_params = first->op == op ? first->n_params : UINT32_MAX};
        if (first->op == op)
            memcpy(before.params, builder->params.at + first->first_param,
                   first->n_params * sizeof *before.params);
        const struct ncr_shape *was =
            first->op == op && first->n_in ? &builder->nodes.at[first->in[0]].shape : NULL;
        if (!ncr_op_shareable(&before, &facts, first->path, was, n_in ? shapes : NULL, err))
            return NCR_NO_NODE;
        node.first_param = first->first_param;
        node.n_params = first->n_params;
    } else {
        node.first_param = builder->params.n;
        node.n_params = facts.n_params;
        for (uint32_t i = 0; i < facts.n_params; i++) {
            struct ncr_param *p = &facts.params[i];
            p->name = ncr_str_fmt(builder->arena, "%.*s.%s", NCR_STR_ARG(path),
                                  ncr_param_suffix(p->role));
            ncr_vec_push(builder->arena, &builder->params, *p);
        }
        builder->n_params += facts.n_trained;
    }
    node.in = n_in ? ncr_arena_copy(builder->arena, in, n_in * sizeof *in) : NULL;
    builder->macs += facts.macs;
    ncr_vec_push(builder->arena, &builder->nodes, node);
    ncr_node_id id = builder->nodes.n - 1;
    if (op == NCR_OP_INPUT) ncr_vec_push(builder->arena, &builder->inputs, id);
    return id;
}

const struct ncr_node *ncr_builder_node(const struct ncr_builder *builder, ncr_node_id id)
{
    return &builder->nodes.at[id];
}

uint32_t ncr_builder_count(const struct ncr_builder *builder)
{
    return builder->nodes.n;
}

void ncr_builder_output(struct ncr_builder *builder, struct ncr_str name, ncr_node_id node)
{
    struct ncr_output output = {name, node};
    ncr_vec_push(builder->arena, &builder->outputs, output);
}

int64_t ncr_builder_params(const struct ncr_builder *builder)
{
    return builder->n_params;
}

int64_t ncr_builder_macs(const struct ncr_builder *builder)
{
    return builder->macs;
}

struct ncr_graph *ncr_builder_finish(struct ncr_builder *builder)
{
    struct ncr_graph *graph = NCR_NEW(builder->arena, struct ncr_graph);
    graph->name = builder->name;
    graph->nodes = builder->nodes.at;
    graph->n_nodes = builder->nodes.n;
    graph->params = builder->params.at;
    graph->n_params = builder->params.n;
    graph->inputs = builder->inputs.at;
    graph->n_inputs = builder->inputs.n;
    graph->outputs = builder->outputs.at;
    graph->n_outputs = builder->outputs.n;
    return graph;
}
