// Follows channels from the parent into the child: which channel of each tensor is which of the
// parent's, through every operator. What cannot be followed is trouble for exact inheritance.
#include "compiler/mutate/draft.h"

struct tracer {
    const struct draft *d;
    const int32_t *const *keep;
    struct lineage *out;
    const struct ncr_node *node; // of the child, at hand
    ncr_node_id id;
    const struct draft_node *draft;
};

static int32_t *new_map(struct tracer *t, int32_t n)
{
    return NCR_NEW_N(t->d->arena, int32_t, (size_t)n);
}

// The first channels as far as both have them.
static const int32_t *positional(struct tracer *t, int32_t n, int32_t of)
{
    int32_t *map = new_map(t, n);
    for (int32_t i = 0; i < n; i++)
        map[i] = i < of ? i : -1;
    return map;
}

static bool is_identity(const int32_t *map, int32_t n, int32_t of)
{
    if (n != of) return false;
    for (int32_t i = 0; i < n; i++)
        if (map[i] != i) return false;
    return true;
}

static void trouble(struct tracer *t, const char *what)
{
    if (t->out->trouble.n) return;
    t->out->trouble = ncr_str_fmt(t->d->arena, "%s at `%.*s`", what, NCR_STR_ARG(t->node->path));
}

static const struct ncr_shape *child_in(const struct tracer *t, uint32_t k)
{
    return &t->d->child->nodes[t->node->in[k]].shape;
}

// Channels of input k as those of the parent's tensor `was`.
static const int32_t *edge(struct tracer *t, uint32_t k, ncr_node_id was)
{
    const struct channels *in = &t->out->at[t->node->in[k]];
    if (in->stands_for == was && in->map) return in->map;
    return positional(t, child_in(t, k)->dim[0], t->d->parent->nodes[was].shape.dim[0]);
}

static bool same_map(const int32_t *a, const int32_t *b, int32_t n)
{
    return memcmp(a, b, (size_t)n * sizeof *a) == 0;
}

static const int32_t *spread(struct tracer *t, const int32_t *in, int32_t n_in, int32_t times)
{
    int32_t *map = new_map(t, n_in * times);
    for (int32_t i = 0; i < n_in; i++)
        for (int32_t j = 0; j < times; j++)
            map[i * times + j] = in[i] < 0 ? -1 : in[i] * times + j;
    return map;
}

// Flattening an image of the same height and width spreads a channel over its pixels.
static const int32_t *flattened(struct tracer *t, const int32_t *in, const struct ncr_shape *was)
{
    const struct ncr_shape *is = child_in(t, 0);
    if (is->rank == 1 && was->rank == 1) return in;
    if (is->rank == was->rank && is->dim[1] == was->dim[1] && is->dim[2] == was->dim[2])
        return spread(t, in, is->dim[0], is->dim[1] * is->dim[2]);
    trouble(t, "the size of an image changes before it is flattened");
    return positional(t, t->node->shape.dim[0], (int32_t)ncr_shape_elements(was));
}

static const int32_t *joined(struct tracer *t, const struct ncr_node *old)
{
    int32_t *map = new_map(t, t->node->shape.dim[0]), at = 0, offset = 0;
    for (uint32_t k = 0; k < t->node->n_in; k++) {
        const int32_t *in = edge(t, k, old->in[k]);
        int32_t n = child_in(t, k)->dim[0];
        for (int32_t i = 0; i < n; i++)
            map[at++] = in[i] < 0 ? -1 : in[i] + offset;
        offset += t->d->parent->nodes[old->in[k]].shape.dim[0];
    }
    return map;
}

// Output channels of a layer: all, the first and new ones, or those that are kept.
static const int32_t *layer_out(struct tracer *t, int32_t was)
{
    int32_t is = t->node->shape.dim[0];
    const int32_t *kept = t->keep ? t->keep[t->draft->group] : NULL;
    return is < was && kept ? kept : positional(t, is, was);
}

static const int32_t *grouped_out(struct tracer *t, const struct ncr_node *old, const int32_t *in)
{
    const struct ncr_node *parent = t->d->parent->nodes;
    int32_t c = child_in(t, 0)->dim[0];
    bool same = t->node->attrs.groups == old->attrs.groups &&
                is_identity(in, c, parent[old->in[0]].shape.dim[0]) &&
                t->node->shape.dim[0] == old->shape.dim[0];
    if (!same) trouble(t, "the channels of a convolution in groups change");
    return layer_out(t, old->shape.dim[0]);
}

// Output channels of a node that the parent has, by its operator.
static const int32_t *through(struct tracer *t, const struct ncr_node *old)
{
    const struct ncr_node *node = t->node;
    const struct ncr_node *parent = t->d->parent->nodes;
    int32_t n = node->shape.dim[0], was = old->shape.dim[0];
    if (node->n_in == 0) return positional(t, n, was);
    const int32_t *in = edge(t, 0, old->in[0]);
    int32_t n_in = child_in(t, 0)->dim[0];
    switch (node->op) {
    case NCR_OP_CONV:
        if (node->attrs.groups > 1 || old->attrs.groups > 1) return grouped_out(t, old, in);
        return layer_out(t, was);
    case NCR_OP_DENSE: return layer_out(t, was);
    case NCR_OP_DWCONV:
        if (node->attrs.multiplier == old->attrs.multiplier)
            return spread(t, in, n_in, node->attrs.multiplier);
        trouble(t, "the multiplier of a depthwise convolution changes");
        return positional(t, n, was);
    case NCR_OP_ADD:
    case NCR_OP_MUL:
        for (uint32_t k = 1; k < node->n_in; k++)
            if (!same_map(in, edge(t, k, old->in[k]), n))
                trouble(t, "operands with different new channels meet");
        return in;
    case NCR_OP_CONCAT: return joined(t, old);
    case NCR_OP_FLATTEN: return flattened(t, in, &parent[old->in[0]].shape);
    case NCR_OP_RESHAPE:
        if (!is_identity(in, n_in, parent[old->in[0]].shape.dim[0]))
            trouble(t, "channels change before a reshape");
        return positional(t, n, was);
    case NCR_OP_ZERO:
        if (!is_identity(in, n_in, was)) trouble(t, "channels change before a zero");
        return in;
    case NCR_OP_SOFTMAX:
        if (!is_identity(in, n_in, was)) trouble(t, "channels change before a softmax");
        return in;
    case NCR_OP_INPUT:
    case NCR_OP_BATCHNORM:
    case NCR_OP_RELU:
    case NCR_OP_RELU6:
    case NCR_OP_LEAKY_RELU:
    case NCR_OP_HARDSWISH:
    case NCR_OP_SIGMOID:
    case NCR_OP_TANH:
    case NCR_OP_MAXPOOL:
    case NCR_OP_AVGPOOL:
    case NCR_OP_GLOBAL_AVGPOOL:
    case NCR_OP_PAD:
    case NCR_OP_UPSAMPLE:
    case NCR_OP_IDENTITY:
    case NCR_OP_DROPOUT:
    case NCR_OP_COUNT_: return in;
    }
    NCR_BUG("operator %d", (int)node->op);
}

// A new node carries on the tensor that it changes; of several the one that the edit replaces.
static void through_new(struct tracer *t, ncr_node_id target, struct channels *out)
{
    const struct ncr_node *node = t->node;
    const struct channels *at = t->out->at, *in = &at[node->in[0]];
    int32_t n = node->shape.dim[0];
    uint32_t carried = 0;
    for (uint32_t k = 0; k < node->n_in; k++)
        if (at[node->in[k]].stands_for == target && target != NCR_NO_NODE) {
            carried = k;
            in = &at[node->in[k]];
            break;
        }
    *out = (struct channels){in->stands_for, NULL};
    if (in->stands_for == NCR_NO_NODE) return;
    bool layer = node->op == NCR_OP_CONV || node->op == NCR_OP_DENSE;
    int32_t n_in = child_in(t, carried)->dim[0];
    if (layer || (node->op == NCR_OP_DWCONV && node->attrs.multiplier == 1)) {
        int32_t *map = new_map(t, n);
        for (int32_t i = 0; i < n; i++)
            map[i] = i < n_in ? in->map[i] : -1;
        out->map = map;
    } else if (node->op == NCR_OP_CONCAT) {
        int32_t *map = new_map(t, n), begin = 0;
        for (uint32_t k = 0; k < carried; k++)
            begin += child_in(t, k)->dim[0];
        for (int32_t i = 0; i < n; i++)
            map[i] = i >= begin && i < begin + n_in ? in->map[i - begin] : -1;
        out->map = map;
    } else if (n == n_in) {
        out->map = in->map; // element by element, pools, batchnorm
    } else {
        out->stands_for = NCR_NO_NODE;
    }
}

// The parent's tensor in whose place the edit puts its result.
static ncr_node_id place_of(const struct draft *d, const struct ncr_edit *edit)
{
    ncr_node_id node = d->match->nodes[edit->pattern];
    return edit->kind == NCR_EDIT_INSERT_BEFORE ? d->parent->nodes[node].in[0] : node;
}

static void trace_new(struct tracer *t)
{
    const struct draft *d = t->d;
    struct channels *out = &t->out->at[t->id];
    uint32_t index = t->draft->instead;
    const struct ncr_edit *edit = index < d->patch.n_edits ? &d->patch.edits[index] : NULL;
    ncr_node_id place = edit ? place_of(d, edit) : NCR_NO_NODE;
    through_new(t, place, out);
    bool result = edit && d->of_patch[edit->result] == t->draft - d->nodes.at;
    if (!result || (out->stands_for == place && out->map)) return;
    *out = (struct channels){
        place, positional(t, t->node->shape.dim[0], d->parent->nodes[place].shape.dim[0])};
}

void lineage_trace(const struct draft *d, const int32_t *const *keep, struct lineage *out)
{
    struct tracer t = {.d = d, .keep = keep, .out = out};
    uint32_t n = d->child->n_nodes;
    out->at = NCR_NEW_N(d->arena, struct channels, n);
    out->in_map = NCR_NEW_N(d->arena, const int32_t *, n);
    out->trouble = NCR_STR("");
    ncr_node_id *first = NCR_NEW_N(d->arena, ncr_node_id, d->child->n_params);
    for (uint32_t p = 0; p < d->child->n_params; p++)
        first[p] = NCR_NO_NODE;
    for (ncr_node_id id = 0; id < n; id++) {
        t.node = &d->child->nodes[id];
        t.id = id;
        t.draft = &d->nodes.at[d->draft_of[id]];
        if (t.draft->from == NCR_NO_NODE) {
            trace_new(&t);
            continue;
        }
        const struct ncr_node *old = &d->parent->nodes[t.draft->from];
        if (t.node->n_in) out->in_map[id] = edge(&t, 0, old->in[0]);
        out->at[id] = (struct channels){t.draft->from, through(&t, old)};
        if (!t.node->n_params) continue;
        ncr_node_id *before = &first[t.node->first_param];
        if (*before == NCR_NO_NODE)
            *before = id;
        else if (!same_map(out->in_map[id], out->in_map[*before], child_in(&t, 0)->dim[0]))
            trouble(&t, "layers that share weights read different channels");
    }
}
