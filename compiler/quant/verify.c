// The rules that hold in every quantised graph. What passes here can be run: no operator reads or
// writes outside its tensors, divides by zero or shifts by too much.
#include <math.h>

#include "compiler/quant/lut.h"
#include "compiler/quant/softmax.h"

struct check {
    const struct ncr_qgraph *graph;
    uint32_t q;
    const struct ncr_qnode *node;
    struct ncr_error *why;
};

// "node %3 conv: …"; gives false.
static bool wrong(const struct check *c, const char *text)
{
    ncr_fail(c->why, NCR_USAGE, "node %%%u %s: %s", c->q, ncr_qop_name(c->node->op), text);
    return false;
}

static const struct ncr_qnode *input(const struct check *c, uint32_t k)
{
    return &c->graph->nodes[c->node->in[k]];
}

static int32_t height(const struct ncr_shape *s)
{
    return s->rank == 3 ? s->dim[1] : 1;
}

static int32_t width(const struct ncr_shape *s)
{
    return s->rank == 3 ? s->dim[2] : 1;
}

static bool same_size(const struct ncr_shape *a, const struct ncr_shape *b)
{
    return a->rank == b->rank && height(a) == height(b) && width(a) == width(b);
}

// Kernel, stride, padding and dilation give the output's height and width.
static bool verify_window(const struct check *c)
{
    const struct ncr_attrs *a = &c->node->attrs;
    const struct ncr_shape *in = &input(c, 0)->shape, *out = &c->node->shape;
    if (in->rank != out->rank) return wrong(c, "input and output have different ranks");
    bool pool = c->node->op == NCR_QOP_MAXPOOL || c->node->op == NCR_QOP_AVGPOOL;
    for (int axis = 0; axis < 2; axis++) {
        int64_t size = axis ? width(in) : height(in), want = axis ? width(out) : height(out);
        int64_t kernel = a->kernel[axis], stride = a->stride[axis], dilation = a->dilation[axis];
        int64_t before = a->pad[axis], after = a->pad[axis + 2];
        if (kernel < 1 || kernel > NCR_LIMIT_DIM || stride < 1 || stride > NCR_LIMIT_DIM ||
            dilation < 1 || dilation > NCR_LIMIT_DIM)
            return wrong(c, "kernel, stride and dilation are not positive");
        if (before < 0 || after < 0 || before > NCR_PAD_LIMIT || after > NCR_PAD_LIMIT)
            return wrong(c, "padding is out of range");
        if (pool && (dilation != 1 || before >= kernel || after >= kernel))
            return wrong(c, "a window could hold no pixel");
        int64_t room = size + before + after - ((kernel - 1) * dilation + 1);
        if (room < 0 || room / stride + 1 != want)
            return wrong(c, "the window does not give the output's size");
    }
    return true;
}

static bool verify_channels(const struct check *c)
{
    const struct ncr_qnode *n = c->node;
    int32_t in = input(c, 0)->shape.dim[0], out = n->shape.dim[0], groups = n->attrs.groups;
    if (n->op == NCR_QOP_CONV && (groups < 1 || in % groups || out % groups))
        return wrong(c, "groups do not divide the channels");
    if (n->op == NCR_QOP_CONV && n->shape.rank != 3) return wrong(c, "the rank is not 3");
    if (n->op == NCR_QOP_DWCONV && out % in) return wrong(c, "the channels are no multiple");
    const struct ncr_shape *s = &input(c, 0)->shape;
    const int32_t *pad = n->attrs.pad;
    int64_t rows = (int64_t)height(s) + pad[0] + pad[2],
            columns = (int64_t)width(s) + pad[1] + pad[3];
    return rows * columns * in <= NCR_PADDED_LIMIT || wrong(c, "the padded input is too large");
}

static bool verify_mul(const struct check *c)
{
    const struct ncr_shape *out = &c->node->shape;
    int full = 0;
    for (uint32_t k = 0; k < 2; k++) {
        const struct ncr_shape *in = &input(c, k)->shape;
        bool spread = in->rank == 3 && out->rank == 3 && in->dim[0] == out->dim[0] &&
                      in->dim[1] == 1 && in->dim[2] == 1;
        if (ncr_shape_equal(in, out))
            full++;
        else if (!spread)
            return wrong(c, "an operand is neither of the output's shape nor one value a channel");
    }
    return full > 0 || wrong(c, "no operand has the output's shape");
}

static bool verify_concat(const struct check *c)
{
    int64_t channels = 0;
    for (uint32_t k = 0; k < c->node->n_in; k++) {
        const struct ncr_shape *in = &input(c, k)->shape;
        if (!same_size(in, &c->node->shape)) return wrong(c, "an input has another size");
        channels += in->dim[0];
    }
    return channels == c->node->shape.dim[0] || wrong(c, "the channels do not add up");
}

static bool verify_shapes(const struct check *c)
{
    const struct ncr_qnode *n = c->node;
    const struct ncr_shape *out = &n->shape, *in = n->n_in ? &input(c, 0)->shape : NULL;
    const struct ncr_attrs *a = &n->attrs;
    switch (n->op) {
    case NCR_QOP_INPUT: return true;
    case NCR_QOP_CONV:
    case NCR_QOP_DWCONV: return verify_window(c) && verify_channels(c);
    case NCR_QOP_DENSE:
        return (in->rank == 1 && out->rank == 1) || wrong(c, "input and output are no vectors");
    case NCR_QOP_ADD:
        for (uint32_t k = 0; k < n->n_in; k++)
            if (!ncr_shape_equal(&input(c, k)->shape, out))
                return wrong(c, "an input has another shape");
        return true;
    case NCR_QOP_MUL: return verify_mul(c);
    case NCR_QOP_CONCAT: return verify_concat(c);
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_AVGPOOL:
        if (in->rank != 3 || in->dim[0] != out->dim[0])
            return wrong(c, "input and output are no images of equal channels");
        if (!verify_window(c)) return false;
        return n->op == NCR_QOP_MAXPOOL ||
               (int64_t)a->kernel[0] * a->kernel[1] <= ncr_avgpool_limit(input(c, 0)) ||
               wrong(c, "the window is too large for its sum");
    case NCR_QOP_SOFTMAX:
        if (out->rank != 1 || out->dim[0] > NCR_QSOFTMAX_LIMIT)
            return wrong(c, "the input is no vector of legal length");
        return ncr_shape_equal(in, out) || wrong(c, "input and output differ in shape");
    case NCR_QOP_LUT: return ncr_shape_equal(in, out) || wrong(c, "input and output differ");
    case NCR_QOP_UPSAMPLE:
        return (in->rank == 3 && out->rank == 3 && a->factor[0] >= 1 && a->factor[1] >= 1 &&
                in->dim[0] == out->dim[0] && (int64_t)in->dim[1] * a->factor[0] == out->dim[1] &&
                (int64_t)in->dim[2] * a->factor[1] == out->dim[2]) ||
               wrong(c, "the factors do not give the output's shape");
    case NCR_QOP_PAD:
        for (int i = 0; i < 4; i++)
            if (a->pad[i] < 0) return wrong(c, "padding is negative");
        return (in->rank == 3 && out->rank == 3 && in->dim[0] == out->dim[0] &&
                (int64_t)in->dim[1] + a->pad[0] + a->pad[2] == out->dim[1] &&
                (int64_t)in->dim[2] + a->pad[1] + a->pad[3] == out->dim[2]) ||
               wrong(c, "the padding does not give the output's shape");
    case NCR_QOP_RESHAPE:
        return ncr_shape_elements(in) == ncr_shape_elements(out) ||
               wrong(c, "the number of elements changes");
    case NCR_QOP_ZERO: return true;
    case NCR_QOP_COUNT_: break;
    }
    return wrong(c, "there is no such operator");
}

static bool verify_mults(const struct check *c)
{
    const struct ncr_qnode *n = c->node;
    if (!ncr_qop_has_mult(n->op)) return true;
    if (!n->mult || !n->shift) return wrong(c, "multipliers are missing");
    for (int32_t i = 0; i < n->n_channels; i++)
        if (n->shift[i] < 1 || n->shift[i] > 62 || (n->mult[i] != 0 && n->mult[i] < 1 << 30))
            return wrong(c, "a multiplier is out of range");
    if (n->op != NCR_QOP_ADD) return true;
    if (!n->in_mult) return wrong(c, "input multipliers are missing");
    int64_t reach = 0;
    for (uint32_t k = 0; k < n->n_in; k++) {
        if (n->in_mult[k] < 0) return wrong(c, "an input multiplier is negative");
        reach += (int64_t)ncr_qnode_reach(input(c, k)) * n->in_mult[k];
    }
    return reach < 1 << 30 || wrong(c, "the sum of inputs can leave 2^30");
}

static bool verify_softmax(const struct check *c)
{
    const struct ncr_qnode *n = c->node;
    bool wide = ncr_qnode_is_wide(c->graph, n);
    if (!n->exp_table) return wrong(c, "the table is missing");
    for (int half = 0; half <= wide; half++) {
        const int32_t *e = n->exp_table + 256 * half;
        for (int d = 1; d < 256; d++)
            if (e[d] < 0 || e[d] > e[d - 1]) return wrong(c, "the table does not fall");
        if (e[0] != 1 << (wide ? 30 : 20))
            return wrong(c, wide ? "the table does not begin at 2^30"
                                 : "the table does not begin at 2^20");
    }
    if (n->bits > 8)
        return n->scale == 1.0 / ncr_qnode_magnitude(n) || // the zero point is 0
               wrong(c, "the output scale is not 2 to the power of 1 - its bits");
    return (n->scale == 1.0 / 256 && n->zero_point == -128) ||
           wrong(c, "the output scale is not 1/256 from -128");
}

static bool verify_lut(const struct check *c)
{
    const struct ncr_qnode *n = c->node;
    bool wide = ncr_qnode_is_wide(c->graph, n);
    if (wide ? !n->wide_lut : !n->lut) return wrong(c, "the table is missing");
    // What straight pieces between such entries give is within the output's bits too.
    int32_t end = ncr_qnode_magnitude(n) * (input(c, 0)->bits > 8 ? 1 << ncr_lut_fraction(n) : 1);
    for (uint32_t i = 0; wide && i < ncr_qnode_table_entries(c->graph, n); i++)
        if (n->wide_lut[i] < -end || n->wide_lut[i] > end - (end >> (ncr_qnode_bits(n) - 1)))
            return wrong(c, "an entry of the table leaves the output's bits");
    return true;
}

static bool verify_numbers(const struct check *c)
{
    const struct ncr_qnode *n = c->node;
    if (!(n->scale > 0) || !isfinite(n->scale)) return wrong(c, "the scale is not positive");
    int32_t end = ncr_qnode_magnitude(n);
    bool wide = n->bits > 8;
    if (wide && n->zero_point != 0) return wrong(c, "the zero point of 16 bits is not 0");
    if (n->zero_point < -128 || n->zero_point > 127) return wrong(c, "the zero point is no byte");
    if (n->lo < -end || n->hi > end - 1 || n->lo > n->hi)
        return wrong(c,
                     wide ? "the clamp is no range of its bits" : "the clamp is no range of bytes");
    if (ncr_qop_has_weights(n->op)) {
        if (!n->weights || !n->values || !n->bias || !n->weight_scale)
            return wrong(c, "weights are missing");
        for (int32_t o = 0; o < n->n_channels; o++)
            if (!(n->weight_scale[o] > 0) || !isfinite(n->weight_scale[o]))
                return wrong(c, "a weight scale is not positive");
        for (int64_t i = 0; i < n->n_weights; i++)
            if (ncr_weight_stored(n->form, n->weights[i]) != n->weights[i])
                return wrong(c, "a weight does not fit into the bits of its form");
    }
    if (!verify_mults(c)) return false;
    if (n->op == NCR_QOP_LUT) return verify_lut(c);
    if (n->op == NCR_QOP_SOFTMAX) return verify_softmax(c);
    if (ncr_qop_copies(n->op) &&
        (n->scale != input(c, 0)->scale || n->zero_point != input(c, 0)->zero_point))
        return wrong(c, "scale and zero point are not those of the input");
    return true;
}

static bool verify_bits(const struct check *c)
{
    const struct ncr_qnode *n = c->node;
    if (n->bits > 16) return wrong(c, "an activation has more than 16 bits");
    return !ncr_qop_copies(n->op) || ncr_qnode_bits(n) == ncr_qnode_bits(input(c, 0)) ||
           wrong(c, "the bits are not those of the input");
}

static bool verify_node(const struct check *c)
{
    const struct ncr_qnode *n = c->node;
    uint32_t least = n->op == NCR_QOP_INPUT                         ? 0
                     : n->op == NCR_QOP_ADD || n->op == NCR_QOP_MUL ? 2
                                                                    : 1;
    bool many = n->op == NCR_QOP_ADD || n->op == NCR_QOP_CONCAT;
    if (n->n_in < least || (!many && n->n_in > least)) return wrong(c, "wrong number of inputs");
    for (uint32_t k = 0; k < n->n_in; k++)
        if (n->in[k] >= c->q) return wrong(c, "an input does not come before it");
    if (n->shape.rank != 1 && n->shape.rank != 3) return wrong(c, "the rank is neither 1 nor 3");
    for (uint32_t i = 0; i < n->shape.rank; i++)
        if (n->shape.dim[i] < 1 || n->shape.dim[i] > NCR_LIMIT_DIM)
            return wrong(c, "a dimension is out of range");
    if (ncr_shape_elements(&n->shape) > NCR_LIMIT_ELEMENTS) return wrong(c, "too many elements");
    if (!verify_bits(c) || !verify_shapes(c)) return false;
    int64_t weights = ncr_qnode_weights(c->graph, n);
    if (weights < 0 || weights > NCR_LIMIT_ELEMENTS || weights != n->n_weights)
        return wrong(c, "the number of weights is not that of the shapes");
    if (n->n_channels != ncr_qnode_channels(n))
        return wrong(c, "the number of channels is not that of the shape");
    return !c->graph->has_numbers || verify_numbers(c);
}

bool ncr_qgraph_verify(const struct ncr_qgraph *g, struct ncr_error *why)
{
    uint32_t n_inputs = 0;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        struct check c = {g, q, &g->nodes[q], why};
        if (c.node->op >= NCR_QOP_COUNT_)
            return ncr_fail(why, NCR_USAGE, "node %%%u has no operator", q) == NCR_OK;
        if (!verify_node(&c)) return false;
        n_inputs += c.node->op == NCR_QOP_INPUT;
    }
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        if (g->inputs[i] >= g->n_nodes || g->nodes[g->inputs[i]].op != NCR_QOP_INPUT)
            return ncr_fail(why, NCR_USAGE, "input %u is no input node", i) == NCR_OK;
        if (i && g->inputs[i] <= g->inputs[i - 1])
            return ncr_fail(why, NCR_USAGE, "input %u is not in the order of nodes", i) == NCR_OK;
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] >= g->n_nodes)
            return ncr_fail(why, NCR_USAGE, "output %u is no node", i) == NCR_OK;
    if (g->n_inputs == 0 || g->n_outputs == 0)
        return ncr_fail(why, NCR_USAGE, "no input or no output") == NCR_OK;
    if (g->n_inputs != n_inputs)
        return ncr_fail(why, NCR_USAGE, "%u input nodes, but %u inputs", n_inputs, g->n_inputs) ==
               NCR_OK;
    return ncr_qgraph_verify_joins(g, why);
}
