// The integer interpreter: plain loops over logical order [C, H, W], one function an operator,
// wrapping accumulators. It is the oracle of the code generator and of the fault engine; arithmetic
// is stated in qgraph.h.
#include "compiler/quant/lut.h"
#include "compiler/quant/softmax.h"

struct job {
    const struct ncr_qgraph *graph;
    const struct ncr_qnode *node;
    const int8_t *const *in;
    int8_t *out;
    int64_t n;
};

static const struct ncr_qnode *input(const struct job *j, uint32_t k)
{
    return &j->graph->nodes[j->node->in[k]];
}

// Element i of input k.
static int32_t element(const struct job *j, uint32_t k, int64_t i)
{
    return ncr_qnode_element(input(j, k), j->in[k], i);
}

static void put(const struct job *j, int64_t i, int32_t v)
{
    ncr_qnode_put(j->node, j->out, i, v);
}

// zero_point + requantised accumulator, clamped. The sum of two int32 is taken in 64 bits, so it
// cannot overflow.
static int32_t finish(const struct ncr_qnode *node, int32_t acc, int32_t channel)
{
    int64_t y =
        (int64_t)node->zero_point + ncr_requantise(acc, node->mult[channel], node->shift[channel]);
    return (int32_t)(y < node->lo ? node->lo : y > node->hi ? node->hi : y);
}

static void eval_copy(const struct job *j)
{
    memcpy(j->out, j->in[0], (size_t)ncr_qnode_bytes(j->node));
}

static void convolve(const struct job *j, int32_t per, int32_t outs_per_group)
{
    const struct ncr_qnode *node = j->node;
    const struct ncr_attrs *a = &node->attrs;
    const struct ncr_shape *in = &input(j, 0)->shape, *out = &node->shape;
    // A vector [N] is an image of one pixel (a batchnorm on its own is a 1x1 depthwise
    // convolution).
    int32_t H = in->rank == 3 ? in->dim[1] : 1, W = in->rank == 3 ? in->dim[2] : 1;
    int32_t OH = out->rank == 3 ? out->dim[1] : 1, OW = out->rank == 3 ? out->dim[2] : 1;
    int32_t kh = a->kernel[0], kw = a->kernel[1], zx = input(j, 0)->zero_point;
    for (int32_t o = 0; o < out->dim[0]; o++) {
        int32_t c0 = o / outs_per_group * per;
        int64_t w = (int64_t)o * per * kh * kw;
        for (int32_t y = 0; y < OH; y++)
            for (int32_t x = 0; x < OW; x++) {
                int32_t acc = node->bias[o];
                for (int32_t c = 0; c < per; c++)
                    for (int32_t p = 0; p < kh; p++)
                        for (int32_t q = 0; q < kw; q++) {
                            int32_t iy = y * a->stride[0] - a->pad[0] + p * a->dilation[0];
                            int32_t ix = x * a->stride[1] - a->pad[1] + q * a->dilation[1];
                            bool inside = iy >= 0 && iy < H && ix >= 0 && ix < W;
                            int32_t v =
                                inside ? element(j, 0, ((int64_t)(c0 + c) * H + iy) * W + ix) : zx;
                            acc = ncr_wrap_add(
                                acc,
                                ncr_wrap_mul(ncr_qnode_weight(node, w + (c * kh + p) * kw + q), v));
                        }
                put(j, ((int64_t)o * OH + y) * OW + x, finish(node, acc, o));
            }
    }
}

static void eval_conv(const struct job *j)
{
    int32_t groups = j->node->attrs.groups;
    convolve(j, input(j, 0)->shape.dim[0] / groups, j->node->shape.dim[0] / groups);
}

static void eval_dwconv(const struct job *j)
{
    convolve(j, 1, j->node->shape.dim[0] / input(j, 0)->shape.dim[0]);
}

static void eval_dense(const struct job *j)
{
    int64_t I = input(j, 0)->shape.dim[0];
    for (int64_t o = 0; o < j->n; o++) {
        int32_t acc = j->node->bias[o];
        for (int64_t i = 0; i < I; i++)
            acc = ncr_wrap_add(
                acc, ncr_wrap_mul(ncr_qnode_weight(j->node, o * I + i), element(j, 0, i)));
        put(j, o, finish(j->node, acc, (int32_t)o));
    }
}

static void eval_add(const struct job *j)
{
    for (int64_t i = 0; i < j->n; i++) {
        int32_t acc = 0;
        for (uint32_t k = 0; k < j->node->n_in; k++)
            acc = ncr_wrap_add(
                acc, ncr_wrap_mul(element(j, k, i) - input(j, k)->zero_point, j->node->in_mult[k]));
        put(j, i, finish(j->node, acc, 0));
    }
}

static void eval_mul(const struct job *j)
{
    int64_t per0 = j->n / ncr_shape_elements(&input(j, 0)->shape),
            per1 = j->n / ncr_shape_elements(&input(j, 1)->shape);
    for (int64_t i = 0; i < j->n; i++) {
        int32_t a = element(j, 0, i / per0) - input(j, 0)->zero_point,
                b = element(j, 1, i / per1) - input(j, 1)->zero_point;
        put(j, i, finish(j->node, a * b, 0)); // at most 2^30
    }
}

static void eval_concat(const struct job *j)
{
    int64_t at = 0;
    for (uint32_t k = 0; k < j->node->n_in; k++) {
        int64_t n = ncr_shape_elements(&input(j, k)->shape);
        for (int64_t i = 0; i < n; i++)
            put(j, at++, finish(j->node, element(j, k, i) - input(j, k)->zero_point, (int32_t)k));
    }
}

// Sum and maximum over the taps of one output pixel that are inside the image; gives their number.
static int32_t pool_taps(const struct job *j, int32_t c, int32_t y, int32_t x, int32_t *sum,
                         int32_t *top)
{
    const struct ncr_attrs *a = &j->node->attrs;
    const struct ncr_shape *in = &input(j, 0)->shape;
    int32_t taps = 0, zx = input(j, 0)->zero_point;
    *sum = 0;
    *top = INT16_MIN; // below or at all that is stored
    for (int32_t p = 0; p < a->kernel[0]; p++)
        for (int32_t q = 0; q < a->kernel[1]; q++) {
            int32_t iy = y * a->stride[0] - a->pad[0] + p, ix = x * a->stride[1] - a->pad[1] + q;
            if (iy < 0 || iy >= in->dim[1] || ix < 0 || ix >= in->dim[2]) continue;
            int32_t v = element(j, 0, ((int64_t)c * in->dim[1] + iy) * in->dim[2] + ix);
            *sum = ncr_wrap_add(*sum, v - zx);
            if (v > *top) *top = v;
            taps++;
        }
    return taps;
}

static void pool(const struct job *j, bool mean)
{
    const struct ncr_shape *out = &j->node->shape;
    bool full = j->node->n_channels == 1; // no padding: one multiplier serves every window
    for (int32_t c = 0; c < out->dim[0]; c++)
        for (int32_t y = 0; y < out->dim[1]; y++)
            for (int32_t x = 0; x < out->dim[2]; x++) {
                int32_t sum, top, taps = pool_taps(j, c, y, x, &sum, &top);
                put(j, ((int64_t)c * out->dim[1] + y) * out->dim[2] + x,
                    mean ? finish(j->node, sum, full ? 0 : taps - 1) : top);
            }
}

static void eval_maxpool(const struct job *j)
{
    pool(j, false);
}

static void eval_avgpool(const struct job *j)
{
    pool(j, true);
}

static void eval_lut(const struct job *j)
{
    for (int64_t i = 0; i < j->n; i++)
        put(j, i, ncr_look_up(input(j, 0), j->node, element(j, 0, i)));
}

static void eval_wide_softmax(const struct job *j)
{
    const int32_t *table = j->node->exp_table;
    bool bytes = j->node->bits <= 8;
    int k = ncr_qsoftmax_unit((uint32_t)j->n), t = bytes ? 8 : (int)j->node->bits - 1;
    int32_t top = element(j, 0, 0);
    for (int64_t i = 1; i < j->n; i++)
        if (element(j, 0, i) > top) top = element(j, 0, i);
    uint32_t s = 0;
    for (int64_t i = 0; i < j->n; i++)
        s += ncr_qsoftmax_exp(table, (uint32_t)(top - element(j, 0, i)), k);
    uint32_t r = ncr_qsoftmax_reciprocal(s, k);
    for (int64_t i = 0; i < j->n; i++) {
        uint32_t e = ncr_qsoftmax_exp(table, (uint32_t)(top - element(j, 0, i)), k);
        put(j, i, ncr_qsoftmax_part(e, r, k, t) - (bytes ? 128 : 0));
    }
}

static void eval_softmax(const struct job *j)
{
    if (ncr_qnode_is_wide(j->graph, j->node))
        eval_wide_softmax(j);
    else
        ncr_qsoftmax(j->node->exp_table, j->in[0], j->out, (uint32_t)j->n);
}

static void eval_upsample(const struct job *j)
{
    const struct ncr_shape *in = &input(j, 0)->shape, *out = &j->node->shape;
    const int32_t *f = j->node->attrs.factor;
    for (int32_t c = 0; c < out->dim[0]; c++)
        for (int32_t y = 0; y < out->dim[1]; y++)
            for (int32_t x = 0; x < out->dim[2]; x++)
                put(j, ((int64_t)c * out->dim[1] + y) * out->dim[2] + x,
                    element(j, 0, ((int64_t)c * in->dim[1] + y / f[0]) * in->dim[2] + x / f[1]));
}

static void fill(const struct job *j, int32_t v)
{
    for (int64_t i = 0; i < j->n; i++)
        put(j, i, v);
}

static void eval_zero(const struct job *j)
{
    fill(j, j->node->zero_point);
}

static void eval_pad(const struct job *j)
{
    const struct ncr_shape *in = &input(j, 0)->shape, *out = &j->node->shape;
    const int32_t *pad = j->node->attrs.pad;
    size_t bytes = (size_t)ncr_qnode_element_bytes(j->node);
    fill(j, input(j, 0)->zero_point);
    for (int32_t c = 0; c < in->dim[0]; c++)
        for (int32_t y = 0; y < in->dim[1]; y++)
            memcpy(j->out + bytes * (size_t)(((int64_t)c * out->dim[1] + y + pad[0]) * out->dim[2] +
                                             pad[1]),
                   j->in[0] + bytes * (size_t)(((int64_t)c * in->dim[1] + y) * in->dim[2]),
                   bytes * (size_t)in->dim[2]);
}

static void eval_reshape(const struct job *j)
{
    eval_copy(j);
}

static void eval_input(const struct job *j)
{
    eval_copy(j);
}

void ncr_eval_int_node(const struct ncr_qgraph *qgraph, uint32_t q, const int8_t *const *in,
                       int8_t *out)
{
    static void (*const rule[])(const struct job *) = {
#define NCR_QOP_ROW(NAME, name) eval_##name,
#include "compiler/quant/qops.def"
#undef NCR_QOP_ROW
    };
    const struct ncr_qnode *node = &qgraph->nodes[q];
    struct job job = {qgraph, node, in, out, ncr_shape_elements(&node->shape)};
    rule[node->op](&job);
}

void ncr_eval_int(struct ncr_arena *arena, const struct ncr_qgraph *qgraph,
                  const int8_t *const *inputs, int8_t **values)
{
    uint32_t most = 1, next_input = 0;
    for (uint32_t q = 0; q < qgraph->n_nodes; q++)
        if (qgraph->nodes[q].n_in > most) most = qgraph->nodes[q].n_in;
    const int8_t **in = NCR_NEW_N(arena, const int8_t *, most);
    for (uint32_t q = 0; q < qgraph->n_nodes; q++) {
        const struct ncr_qnode *node = &qgraph->nodes[q];
        for (uint32_t k = 0; k < node->n_in; k++)
            in[k] = values[node->in[k]];
        if (node->op == NCR_QOP_INPUT) in[0] = inputs[next_input++];
        values[q] = NCR_NEW_N(arena, int8_t, (size_t)ncr_qnode_bytes(node));
        ncr_eval_int_node(qgraph, q, in, values[q]);
    }
}

void ncr_quantise_input(const struct ncr_qnode *node, const float *real, int8_t *out)
{
    int64_t n = ncr_shape_elements(&node->shape);
    for (int64_t i = 0; i < n; i++) {
        // Wide enough for any zero point.
        int32_t q = ncr_round_sat((double)real[i] / node->scale, 2 * INT16_MIN, 2 * INT16_MAX);
        ncr_qnode_put(node, out, i, ncr_clamp_i32(q + node->zero_point, node->lo, node->hi));
    }
}

uint32_t ncr_argmax(const struct ncr_qnode *node, const int8_t *tensor, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (ncr_qnode_element(node, tensor, i) > ncr_qnode_element(node, tensor, best)) best = i;
    return best;
}
