// A quantised graph as ONNX: tensor t<q> is the float output of node q, q<q> its uint8 form (the
// int8 value plus 128). A fused ReLU needs no node in the int8 model where the range of uint8 is
// the clamp, which is how the quantiser chooses it.
#include <stdio.h>

#include "tests/bench/peers/peers.h"

struct maker {
    const struct subject *s;
    struct onnx_writer w;
    enum model model;
    int batch;
    struct ncr_error *err;
};

typedef char name[24];

static const char *named(name out, const char *prefix, uint32_t q)
{
    snprintf(out, sizeof(name), "%s%u", prefix, q);
    return out;
}

static struct onnx_shape shape_of(const struct maker *m, const struct ncr_shape *shape)
{
    struct onnx_shape out = {1 + shape->rank, {m->batch}};
    for (uint32_t i = 0; i < shape->rank; i++)
        out.dim[1 + i] = shape->dim[i];
    return out;
}

static void put(struct maker *m, const char *op, const char *out, const char *a, const char *b,
                const char *c, const struct onnx_attr *attrs, uint32_t n_attrs)
{
    struct onnx_node node = {op, {a, b, c}, out, attrs, n_attrs};
    onnx_put_node(&m->w, &node);
}

// Scale and zero point of node q's tensor as constants s<q>, z<q>.
static void put_scale(struct maker *m, uint32_t q)
{
    const struct ncr_qnode *node = &m->s->qgraph->nodes[q];
    const struct onnx_shape scalar = {0, {0}};
    float scale = (float)node->scale;
    uint8_t zero = (uint8_t)(node->zero_point + 128);
    name s, z;
    onnx_put_tensor(&m->w, named(s, "s", q), ONNX_FLOAT, &scalar, &scale);
    onnx_put_tensor(&m->w, named(z, "z", q), ONNX_UINT8, &scalar, &zero);
}

static void dequantise(struct maker *m, uint32_t q)
{
    name t, u, s, z;
    put(m, "DequantizeLinear", named(t, "t", q), named(u, "q", q), named(s, "s", q),
        named(z, "z", q), NULL, 0);
}

// [O, I] as [I, O]: what a product without transposition wants.
static void *transposed(const struct maker *m, const void *from, size_t bytes, int64_t O, int64_t I)
{
    char *to = NCR_NEW_N(m->s->arena, char, (size_t)(O * I) * bytes);
    for (int64_t o = 0; o < O; o++)
        for (int64_t i = 0; i < I; i++)
            memcpy(to + (size_t)(i * O + o) * bytes,
                   (const char *)from + (size_t)(o * I + i) * bytes, bytes);
    return to;
}

static struct onnx_shape weight_shape(const struct ncr_qnode *node)
{
    const struct ncr_attrs *a = &node->attrs;
    int64_t O = node->n_channels, per = node->n_weights / O;
    if (node->op == NCR_QOP_DENSE) return (struct onnx_shape){2, {per, O}};
    int64_t window = (int64_t)a->kernel[0] * a->kernel[1];
    return (struct onnx_shape){4, {O, per / window, a->kernel[0], a->kernel[1]}};
}

// Constants W<q> and B<q> in float.
static void float_constants(struct maker *m, uint32_t q)
{
    const struct ncr_qnode *node = &m->s->qgraph->nodes[q];
    struct onnx_shape shape = weight_shape(node), channels = {1, {node->n_channels}};
    float *w, *bias;
    name W, B;
    subject_folded(m->s, node, &w, &bias);
    if (node->op == NCR_QOP_DENSE) w = transposed(m, w, sizeof *w, shape.dim[1], shape.dim[0]);
    onnx_put_tensor(&m->w, named(W, "W", q), ONNX_FLOAT, &shape, w);
    onnx_put_tensor(&m->w, named(B, "B", q), ONNX_FLOAT, &channels, bias);
}

// The same from int8 weights w<q> with scales v<q>, and int32 biases b<q> with scales u<q>.
static void int8_constants(struct maker *m, uint32_t q)
{
    const struct ncr_qnode *node = &m->s->qgraph->nodes[q];
    const struct ncr_arena_mark mark = ncr_arena_mark(m->s->arena);
    int32_t O = node->n_channels;
    struct onnx_shape shape = weight_shape(node), channels = {1, {O}};
    float *scale = NCR_NEW_N(m->s->arena, float, (size_t)O),
          *bias_scale = NCR_NEW_N(m->s->arena, float, (size_t)O);
    int8_t *zero = NCR_NEW_N(m->s->arena, int8_t, (size_t)O);
    int32_t *bias_zero = NCR_NEW_N(m->s->arena, int32_t, (size_t)O);
    memset(zero, 0, (size_t)O);
    for (int32_t o = 0; o < O; o++) {
        scale[o] = (float)node->weight_scale[o];
        bias_scale[o] = scale[o] * (float)m->s->qgraph->nodes[node->in[0]].scale;
        bias_zero[o] = 0;
    }
    const void *w = node->weights;
    bool dense = node->op == NCR_QOP_DENSE;
    if (dense) w = transposed(m, w, 1, O, shape.dim[0]);
    name W, B, wq, bq, ws, bs, wz, bz;
    onnx_put_tensor(&m->w, named(wq, "w", q), ONNX_INT8, &shape, w);
    onnx_put_tensor(&m->w, named(ws, "v", q), ONNX_FLOAT, &channels, scale);
    onnx_put_tensor(&m->w, named(wz, "y", q), ONNX_INT8, &channels, zero);
    onnx_put_tensor(&m->w, named(bq, "b", q), ONNX_INT32, &channels, subject_bias(m->s, node));
    onnx_put_tensor(&m->w, named(bs, "u", q), ONNX_FLOAT, &channels, bias_scale);
    onnx_put_tensor(&m->w, named(bz, "x", q), ONNX_INT32, &channels, bias_zero);
    const struct onnx_attr weight_axis = {"axis", false, 1, {dense}},
                           bias_axis = {"axis", false, 1, {0}};
    put(m, "DequantizeLinear", named(W, "W", q), wq, ws, wz, &weight_axis, 1);
    put(m, "DequantizeLinear", named(B, "B", q), bq, bs, bz, &bias_axis, 1);
    ncr_arena_reset(m->s->arena, mark);
}

static void weighted(struct maker *m, uint32_t q, const char *in, const char *out)
{
    const struct ncr_qnode *node = &m->s->qgraph->nodes[q];
    const struct ncr_attrs *a = &node->attrs;
    name W, B;
    if (m->model == MODEL_FLOAT)
        float_constants(m, q);
    else
        int8_constants(m, q);
    named(W, "W", q);
    named(B, "B", q);
    if (node->op == NCR_QOP_DENSE) {
        put(m, "Gemm", out, in, W, B, NULL, 0);
        return;
    }
    int32_t groups =
        node->op == NCR_QOP_DWCONV ? m->s->qgraph->nodes[node->in[0]].shape.dim[0] : a->groups;
    const struct onnx_attr attrs[] = {
        {"kernel_shape", true, 2, {a->kernel[0], a->kernel[1]}},
        {"strides", true, 2, {a->stride[0], a->stride[1]}},
        {"pads", true, 4, {a->pad[0], a->pad[1], a->pad[2], a->pad[3]}},
        {"dilations", true, 2, {a->dilation[0], a->dilation[1]}},
        {"group", false, 1, {groups}}};
    put(m, "Conv", out, in, W, B, attrs, NCR_COUNT(attrs));
}

static bool pooled(struct maker *m, uint32_t q, const char *in, const char *out)
{
    const struct ncr_qnode *node = &m->s->qgraph->nodes[q];
    const struct ncr_attrs *a = &node->attrs;
    const int32_t *image = m->s->qgraph->nodes[node->in[0]].shape.dim;
    const struct onnx_attr attrs[] = {
        {"kernel_shape", true, 2, {a->kernel[0], a->kernel[1]}},
        {"strides", true, 2, {a->stride[0], a->stride[1]}},
        {"pads", true, 4, {a->pad[0], a->pad[1], a->pad[2], a->pad[3]}}};
    if (node->op == NCR_QOP_MAXPOOL) {
        put(m, "MaxPool", out, in, NULL, NULL, attrs, NCR_COUNT(attrs));
        return true;
    }
    if (a->kernel[0] != image[1] || a->kernel[1] != image[2]) return false;
    put(m, "GlobalAveragePool", out, in, NULL, NULL, NULL, 0);
    return true;
}

static bool operator(struct maker *m, uint32_t q, const char *out)
{
    const struct ncr_qnode *node = &m->s->qgraph->nodes[q];
    const struct onnx_attr axis = {"axis", false, 1, {1}};
    name a, b;
    if (node->n_in) named(a, "t", node->in[0]);
    switch ((int)node->op) {
    case NCR_QOP_CONV:
    case NCR_QOP_DWCONV:
    case NCR_QOP_DENSE: weighted(m, q, a, out); return true;
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_AVGPOOL: return pooled(m, q, a, out);
    case NCR_QOP_RESHAPE:
        put(m, "Flatten", out, a, NULL, NULL, &axis, 1);
        return node->shape.rank == 1;
    case NCR_QOP_ADD:
        put(m, "Add", out, a, named(b, "t", node->in[1]), NULL, NULL, 0);
        return node->n_in == 2;
    default: return false;
    }
}

// Whether node q clamps its output and the model has to say so.
static bool clamps(const struct maker *m, uint32_t q)
{
    const struct ncr_qnode *node = &m->s->qgraph->nodes[q];
    enum ncr_op op = m->s->graph->nodes[node->last].op;
    if (m->model == MODEL_INT8 && node->lo == -128 && node->hi == 127) return false;
    return node->last != node->node && (op == NCR_OP_RELU || op == NCR_OP_RELU6);
}

static void clamp(struct maker *m, uint32_t q, const char *in, const char *out)
{
    const struct onnx_shape scalar = {0, {0}};
    const float lo = 0, hi = 6;
    name l, h;
    if (m->s->graph->nodes[m->s->qgraph->nodes[q].last].op == NCR_OP_RELU) {
        put(m, "Relu", out, in, NULL, NULL, NULL, 0);
        return;
    }
    onnx_put_tensor(&m->w, named(l, "lo", q), ONNX_FLOAT, &scalar, &lo);
    onnx_put_tensor(&m->w, named(h, "hi", q), ONNX_FLOAT, &scalar, &hi);
    put(m, "Clip", out, in, l, h, NULL, 0);
}

static bool step(struct maker *m, uint32_t q)
{
    const struct ncr_qnode *node = &m->s->qgraph->nodes[q];
    bool int8 = m->model == MODEL_INT8, last = q == m->s->qgraph->outputs[0];
    enum onnx_type type = int8 ? ONNX_UINT8 : ONNX_FLOAT;
    struct onnx_shape shape = shape_of(m, &node->shape);
    name real, raw, real_new, whole, s, z;
    named(real, "t", q);
    named(whole, "q", q);
    if (int8) put_scale(m, q);
    if (node->op == NCR_QOP_INPUT) {
        onnx_put_input(&m->w, int8 ? whole : real, type, &shape);
        if (int8) dequantise(m, q);
        return true;
    }
    // operator -> raw -> [clamp] -> real_new -> [quantise -> whole -> dequantise] -> real
    named(real_new, int8 ? "n" : "t", q);
    bool clamped = clamps(m, q);
    named(raw, clamped ? "r" : int8 ? "n" : "t", q);
    if (!operator(m, q, raw)) {
        ncr_fail(m->err, NCR_USAGE, "%s in %s is not known here", ncr_qop_name(node->op),
                 m->s->name);
        return false;
    }
    if (clamped) clamp(m, q, raw, real_new);
    if (int8) {
        put(m, "QuantizeLinear", whole, real_new, named(s, "s", q), named(z, "z", q), NULL, 0);
        if (!last) dequantise(m, q);
    }
    if (last) onnx_put_output(&m->w, int8 ? whole : real, type, &shape);
    return true;
}

bool onnx_net(const struct subject *s, enum model model, int batch, struct ncr_buf *out,
              struct ncr_error *err)
{
    struct maker m = {.s = s, .model = model, .batch = batch, .err = err};
    bool ok = true;
    if (model == MODEL_EMPTY) {
        struct onnx_shape shape = shape_of(&m, &subject_output(s)->shape);
        onnx_put_input(&m.w, "x", ONNX_UINT8, &shape);
        put(&m, "Identity", "y", "x", NULL, NULL, NULL, 0);
        onnx_put_output(&m.w, "y", ONNX_UINT8, &shape);
    }
    for (uint32_t q = 0; ok && model != MODEL_EMPTY && q < s->qgraph->n_nodes; q++)
        ok = step(&m, q);
    if (onnx_finish(&m.w, s->name, out) || !ok) return ok;
    ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    return false;
}
