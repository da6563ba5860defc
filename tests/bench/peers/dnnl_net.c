// The quantised graph in oneDNN, version 2 of its C API. Every tensor is uint8 with zero point 0
// where it cannot be negative, else int8 symmetric (its scale a little coarser than Nacre's): the
// forms for which oneDNN has its fast code. ReLU is the saturation of uint8. An addition is fused
// into the convolution before it, as a sum into the other operand's memory. Layouts are oneDNN's
// choice; weights are reordered beforehand; the input comes channels last.
#include <math.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/peers/peers.h"

#if DNNL_VERSION_MAJOR != 2
#error "tests/bench/peers uses version 2 of oneDNN's C API"
#endif

// Declared here because a C compiler without OpenMP may have no omp.h.
extern void omp_set_num_threads(int n);

enum { ARGS = 6, SLOW = 256 };

struct tensor {
    dnnl_memory_desc_t md;
    dnnl_memory_t mem; // NULL: a reshape, see alias
    bool is_signed;
    double scale;
};

struct run {
    dnnl_primitive_t prim;
    int n;
    dnnl_exec_arg_t args[ARGS];
};

struct dnnl_net {
    const struct subject *s;
    struct ncr_arena *arena;
    int batch, threads;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct tensor *tensors; // by qnode
    struct run *runs;
    uint32_t n_runs, max_runs;
    dnnl_memory_t *owned;
    uint32_t n_owned, max_owned;
    struct tensor in, out; // plain layouts
    char slow[SLOW];
    const char *failed; // what was refused first
};

static bool ok(struct dnnl_net *net, dnnl_status_t status, const char *what)
{
    if (status != dnnl_success && !net->failed) net->failed = what;
    return status == dnnl_success;
}

static dnnl_memory_t memory(struct dnnl_net *net, const dnnl_memory_desc_t *md, void *handle)
{
    dnnl_memory_t mem = NULL;
    if (net->failed || !ok(net, dnnl_memory_create(&mem, md, net->engine, handle), "memory"))
        return NULL;
    if (net->n_owned == net->max_owned) NCR_BUG("too many memories");
    net->owned[net->n_owned++] = mem;
    return mem;
}

static void *data(dnnl_memory_t mem)
{
    void *p = NULL;
    if (!mem || dnnl_memory_get_data_handle(mem, &p) != dnnl_success) return NULL;
    return p;
}

// Rank 3: [N, C, H, W]; rank 1: [N, C].
static dnnl_memory_desc_t describe(struct dnnl_net *net, const struct ncr_shape *shape,
                                   bool is_signed, bool plain)
{
    dnnl_memory_desc_t md = {0};
    dnnl_dims_t dims = {net->batch, shape->dim[0], shape->dim[1], shape->dim[2]};
    bool image = shape->rank == 3;
    dnnl_format_tag_t tag = !plain ? dnnl_format_tag_any : image ? dnnl_nhwc : dnnl_nc;
    ok(net,
       dnnl_memory_desc_init_by_tag(&md, image ? 4 : 2, dims, is_signed ? dnnl_s8 : dnnl_u8, tag),
       "layout");
    return md;
}

static void add_run(struct dnnl_net *net, const_dnnl_primitive_desc_t pd, int n,
                    const dnnl_exec_arg_t *args)
{
    struct run run = {.n = n};
    const char *impl = "";
    if (net->failed || !ok(net, dnnl_primitive_create(&run.prim, pd), "primitive")) return;
    memcpy(run.args, args, (size_t)n * sizeof *args);
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &impl);
    size_t used = strlen(net->slow);
    if (strstr(impl, "ref") || strstr(impl, "simple"))
        snprintf(net->slow + used, SLOW - used, "%s%s", used ? ", " : "", impl);
    if (net->n_runs == net->max_runs) NCR_BUG("too many primitives");
    net->runs[net->n_runs++] = run;
}

static bool execute(struct dnnl_net *net, const struct run *run)
{
    return dnnl_primitive_execute(run->prim, net->stream, run->n, run->args) == dnnl_success;
}

// mem in the layout `to`; where that is another one, by a step of the network, or at once.
static dnnl_memory_t in_layout(struct dnnl_net *net, dnnl_memory_t mem,
                               const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to,
                               bool now)
{
    if (net->failed || dnnl_memory_desc_equal(from, to)) return mem;
    dnnl_memory_t other = memory(net, to, DNNL_MEMORY_ALLOCATE);
    dnnl_primitive_desc_t pd = NULL;
    if (!ok(net, dnnl_reorder_primitive_desc_create(&pd, from, net->engine, to, net->engine, NULL),
            "reorder"))
        return NULL;
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, mem}, {DNNL_ARG_TO, other}};
    add_run(net, pd, 2, args);
    dnnl_primitive_desc_destroy(pd);
    if (now && !net->failed) {
        struct run *run = &net->runs[--net->n_runs];
        ok(net, execute(net, run) ? dnnl_success : dnnl_runtime_error, "reorder of weights");
        dnnl_stream_wait(net->stream);
        dnnl_primitive_destroy(run->prim);
    }
    return other;
}

static void choose_form(struct tensor *t, const struct ncr_qnode *q)
{
    int32_t below = q->zero_point + 128, above = 127 - q->zero_point;
    t->is_signed = below != 0;
    t->scale = t->is_signed ? q->scale * (below > above ? below : above) / 127 : q->scale;
}

// ---- convolutions and dense layers ----

struct weights {
    dnnl_memory_desc_t plain, any, bias;
    dnnl_memory_t mem, bias_mem;
};

static void get_weights(struct dnnl_net *net, const struct ncr_qnode *q, struct weights *w)
{
    const struct tensor *src = &net->tensors[q->in[0]];
    const struct ncr_attrs *a = &q->attrs;
    dnnl_dim_t O = q->n_channels, per = q->n_weights / O, area = 1, h = 1, wide = 1, groups = 1;
    dnnl_dims_t dims = {O}, channels = {O};
    int rank = 2;
    if (q->op == NCR_QOP_DENSE) {
        if (src->md.ndims == 4) {
            h = src->md.dims[2];
            wide = src->md.dims[3];
            rank = 4;
        }
    } else {
        h = a->kernel[0];
        wide = a->kernel[1];
        groups = q->op == NCR_QOP_DWCONV ? src->md.dims[1] : a->groups;
        rank = groups > 1 ? 5 : 4;
    }
    area = h * wide;
    dnnl_dim_t all[5] = {groups, O / groups, per / area, h, wide};
    for (int i = 0; i < rank; i++)
        dims[i] = rank == 5 ? all[i] : i == 0 ? O : all[i + 1];
    static const dnnl_format_tag_t tags[] = {[2] = dnnl_oi, [4] = dnnl_oihw, [5] = dnnl_goihw};
    ok(net, dnnl_memory_desc_init_by_tag(&w->plain, rank, dims, dnnl_s8, tags[rank]), "weights");
    ok(net, dnnl_memory_desc_init_by_tag(&w->any, rank, dims, dnnl_s8, dnnl_format_tag_any),
       "weights");
    ok(net, dnnl_memory_desc_init_by_tag(&w->bias, 1, channels, dnnl_s32, dnnl_x), "bias");
    w->mem = memory(net, &w->plain, q->weights);
    // The bias is in units of the accumulator, whose scale moved with that of the input.
    int32_t *bias = subject_bias(net->s, q);
    double ratio = net->s->qgraph->nodes[q->in[0]].scale / src->scale;
    for (dnnl_dim_t o = 0; o < O; o++)
        bias[o] = (int32_t)round(bias[o] * ratio);
    w->bias_mem = memory(net, &w->bias, bias);
}

static dnnl_primitive_attr_t scales(struct dnnl_net *net, const struct ncr_qnode *q,
                                    const struct tensor *src, const struct tensor *dst,
                                    const struct tensor *sum)
{
    dnnl_primitive_attr_t attr = NULL;
    float *scale = NCR_NEW_N(net->arena, float, (size_t)q->n_channels);
    for (int32_t o = 0; o < q->n_channels; o++)
        scale[o] = (float)(q->weight_scale[o] * src->scale / dst->scale);
    if (!ok(net, dnnl_primitive_attr_create(&attr), "attributes")) return NULL;
    ok(net, dnnl_primitive_attr_set_output_scales(attr, q->n_channels, 1 << 1, scale), "scales");
    if (!sum) return attr;
    dnnl_post_ops_t ops = NULL;
    ok(net, dnnl_post_ops_create(&ops), "post-ops");
    ok(net,
       dnnl_post_ops_append_sum_v2(ops, (float)(sum->scale / dst->scale),
                                   sum->is_signed ? dnnl_s8 : dnnl_u8),
       "sum");
    ok(net, dnnl_primitive_attr_set_post_ops(attr, ops), "post-ops");
    dnnl_post_ops_destroy(ops);
    return attr;
}

// dst->md: the wanted layout or any. sum: the tensor whose memory the result is added into.
static void weighted(struct dnnl_net *net, const struct ncr_qnode *q, struct tensor *dst,
                     const struct tensor *sum)
{
    const struct tensor *src = &net->tensors[q->in[0]];
    const struct ncr_attrs *a = &q->attrs;
    dnnl_memory_desc_t any = src->md;
    struct weights w = {.mem = NULL};
    get_weights(net, q, &w);
    any.format_kind = dnnl_format_kind_any;
    dnnl_primitive_attr_t attr = scales(net, q, src, dst, sum);
    dnnl_primitive_desc_t pd = NULL;
    if (q->op == NCR_QOP_DENSE) {
        dnnl_inner_product_desc_t desc;
        ok(net,
           dnnl_inner_product_forward_desc_init(&desc, dnnl_forward_inference, &any, &w.any,
                                                &w.bias, &dst->md),
           "dense layer");
        if (!net->failed)
            ok(net, dnnl_primitive_desc_create(&pd, &desc, attr, net->engine, NULL), q->path.s);
    } else {
        dnnl_convolution_desc_t desc;
        const dnnl_dims_t stride = {a->stride[0], a->stride[1]}, before = {a->pad[0], a->pad[1]},
                          after = {a->pad[2], a->pad[3]},
                          dilation = {a->dilation[0] - 1, a->dilation[1] - 1};
        ok(net,
           dnnl_dilated_convolution_forward_desc_init(
               &desc, dnnl_forward_inference, dnnl_convolution_direct, &any, &w.any, &w.bias,
               &dst->md, stride, dilation, before, after),
           "convolution");
        if (!net->failed)
            ok(net, dnnl_primitive_desc_create(&pd, &desc, attr, net->engine, NULL), q->path.s);
    }
    dnnl_primitive_attr_destroy(attr);
    if (net->failed) return;
    dnnl_memory_t from = in_layout(net, src->mem, &src->md,
                                   dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0), false);
    dnnl_memory_t packed = in_layout(
        net, w.mem, &w.plain, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0), true);
    dst->md = *dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0);
    dst->mem = memory(net, &dst->md, sum ? data(sum->mem) : DNNL_MEMORY_ALLOCATE);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, from},
                                    {DNNL_ARG_WEIGHTS, packed},
                                    {DNNL_ARG_BIAS, w.bias_mem},
                                    {DNNL_ARG_DST, dst->mem}};
    add_run(net, pd, 4, args);
    dnnl_primitive_desc_destroy(pd);
}

// ---- the others ----

// Averages keep their input's scale where oneDNN cannot scale them.
static void pooled(struct dnnl_net *net, const struct ncr_qnode *q, struct tensor *dst)
{
    const struct tensor *src = &net->tensors[q->in[0]];
    const struct ncr_attrs *a = &q->attrs;
    const dnnl_dims_t stride = {a->stride[0], a->stride[1]}, kernel = {a->kernel[0], a->kernel[1]},
                      before = {a->pad[0], a->pad[1]}, after = {a->pad[2], a->pad[3]};
    dnnl_pooling_desc_t desc;
    bool mean = q->op == NCR_QOP_AVGPOOL;
    dst->is_signed = src->is_signed;
    dst->md = describe(net, &q->shape, dst->is_signed, false);
    ok(net,
       dnnl_pooling_forward_desc_init(&desc, dnnl_forward_inference,
                                      mean ? dnnl_pooling_avg_exclude_padding : dnnl_pooling_max,
                                      &src->md, &dst->md, stride, kernel, before, after),
       "pooling");
    if (net->failed) return;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_post_ops_t ops = NULL;
    if (mean && dnnl_primitive_attr_create(&attr) == dnnl_success &&
        dnnl_post_ops_create(&ops) == dnnl_success) {
        dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_linear, (float)(src->scale / dst->scale),
                                     0);
        dnnl_primitive_attr_set_post_ops(attr, ops);
        dnnl_primitive_desc_create(&pd, &desc, attr, net->engine, NULL);
        dnnl_post_ops_destroy(ops);
        dnnl_primitive_attr_destroy(attr);
    }
    if (!pd) {
        dst->scale = src->scale;
        ok(net, dnnl_primitive_desc_create(&pd, &desc, NULL, net->engine, NULL), "pooling");
    }
    if (net->failed) return;
    dst->md = *dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0);
    dst->mem = memory(net, &dst->md, DNNL_MEMORY_ALLOCATE);
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, src->mem}, {DNNL_ARG_DST, dst->mem}};
    add_run(net, pd, 2, args);
    dnnl_primitive_desc_destroy(pd);
}

static uint32_t last_reader(const struct ncr_qgraph *g, uint32_t q)
{
    uint32_t last = q;
    for (uint32_t i = q + 1; i < g->n_nodes; i++)
        for (uint32_t k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] == q) last = i;
    return last;
}

static uint32_t readers(const struct ncr_qgraph *g, uint32_t q)
{
    uint32_t n = 0;
    for (uint32_t i = q + 1; i < g->n_nodes; i++)
        for (uint32_t k = 0; k < g->nodes[i].n_in; k++)
            n += g->nodes[i].in[k] == q;
    return n;
}

// The addition that convolution q is fused into, as its operand `which`; or none.
static bool fuses(const struct ncr_qgraph *g, uint32_t q, uint32_t *add)
{
    if (g->nodes[q].op != NCR_QOP_CONV || readers(g, q) != 1) return false;
    *add = last_reader(g, q);
    const struct ncr_qnode *node = &g->nodes[*add];
    if (node->op != NCR_QOP_ADD || node->n_in != 2) return false;
    uint32_t other = node->in[node->in[0] == q], unused;
    // Of two convolutions the earlier one is fused, so that the later one's result is there.
    if (other < q && fuses(g, other, &unused)) return false;
    return last_reader(g, other) == *add;
}

static void added(struct dnnl_net *net, uint32_t q, struct tensor *dst)
{
    const struct ncr_qgraph *g = net->s->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    uint32_t add = 0;
    for (uint32_t k = 0; k < 2; k++) {
        if (!fuses(g, node->in[k], &add) || add != q) continue;
        const struct tensor *sum = &net->tensors[node->in[1 - k]];
        dst->md = sum->md; // in place: the same bytes, read as what they are
        dst->md.data_type = dst->is_signed ? dnnl_s8 : dnnl_u8;
        weighted(net, &g->nodes[node->in[k]], dst, sum);
        return;
    }
    if (!net->failed) net->failed = "an addition that no convolution takes over";
}

static void add_node(struct dnnl_net *net, uint32_t q)
{
    const struct ncr_qgraph *g = net->s->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    struct tensor *t = &net->tensors[q];
    uint32_t add;
    choose_form(t, node);
    switch ((int)node->op) {
    case NCR_QOP_INPUT:
        t->md = describe(net, &node->shape, t->is_signed, true);
        t->mem = memory(net, &t->md, DNNL_MEMORY_ALLOCATE);
        net->in = *t;
        return;
    case NCR_QOP_CONV:
    case NCR_QOP_DWCONV:
    case NCR_QOP_DENSE:
        if (fuses(g, q, &add)) return;
        t->md = describe(net, &node->shape, t->is_signed, q == g->outputs[0]);
        weighted(net, node, t, NULL);
        return;
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_AVGPOOL: pooled(net, node, t); return;
    case NCR_QOP_ADD: added(net, q, t); return;
    case NCR_QOP_RESHAPE: *t = net->tensors[node->in[0]]; return; // the dense layer reads images
    default: net->failed = ncr_qop_name(node->op);
    }
}

struct dnnl_net *dnnl_net_make(const struct subject *s, int batch, int threads,
                               struct ncr_error *err)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct dnnl_net *net = NCR_NEW(arena, struct dnnl_net);
    uint32_t n = s->qgraph->n_nodes;
    *net = (struct dnnl_net){.s = s, .arena = arena, .batch = batch, .threads = threads};
    net->max_runs = 4 * n;
    net->max_owned = 8 * n;
    net->tensors = NCR_NEW_N(arena, struct tensor, n);
    net->runs = NCR_NEW_N(arena, struct run, net->max_runs);
    net->owned = NCR_NEW_N(arena, dnnl_memory_t, net->max_owned);
    omp_set_num_threads(threads);
    ok(net, dnnl_engine_create(&net->engine, dnnl_cpu, 0), "engine");
    if (!net->failed)
        ok(net, dnnl_stream_create(&net->stream, net->engine, dnnl_stream_default_flags), "stream");
    for (uint32_t q = 0; !net->failed && q < n; q++)
        add_node(net, q);
    net->out = net->tensors[s->qgraph->outputs[0]];
    if (!net->failed) return net;
    ncr_fail(err, NCR_ENVIRONMENT, "oneDNN refuses: %s", net->failed);
    dnnl_net_free(net);
    return NULL;
}

void dnnl_net_free(struct dnnl_net *net)
{
    if (!net) return;
    for (uint32_t i = 0; i < net->n_runs; i++)
        dnnl_primitive_destroy(net->runs[i].prim);
    for (uint32_t i = 0; i < net->n_owned; i++)
        dnnl_memory_destroy(net->owned[i]);
    if (net->stream) dnnl_stream_destroy(net->stream);
    if (net->engine) dnnl_engine_destroy(net->engine);
    ncr_arena_free(net->arena);
}

void dnnl_net_set(struct dnnl_net *net, const float *real)
{
    const struct ncr_shape *shape = &subject_input(net->s)->shape;
    int64_t C = shape->dim[0], places = net->s->in / C;
    uint8_t *to = data(net->in.mem);
    int32_t lo = net->in.is_signed ? -128 : 0, hi = net->in.is_signed ? 127 : 255;
    for (int64_t n = 0; n < net->batch; n++)
        for (int64_t c = 0; c < C; c++)
            for (int64_t p = 0; p < places; p++)
                to[n * net->s->in + p * C + c] = (uint8_t)ncr_round_sat(
                    (double)real[n * net->s->in + c * places + p] / net->in.scale, lo, hi);
}

bool dnnl_net_run(struct dnnl_net *net)
{
    omp_set_num_threads(net->threads);
    for (uint32_t i = 0; i < net->n_runs; i++)
        if (!execute(net, &net->runs[i])) return false;
    return dnnl_stream_wait(net->stream) == dnnl_success;
}

void dnnl_net_get(const struct dnnl_net *net, float *out)
{
    const uint8_t *from = data(net->out.mem);
    for (int64_t i = 0; i < net->batch * net->s->out; i++)
        out[i] = (float)(net->out.scale * (net->out.is_signed ? (int8_t)from[i] : from[i]));
}

const char *dnnl_net_slow(const struct dnnl_net *net)
{
    return net->slow;
}

const char *dnnl_net_isa(void)
{
    switch ((int)dnnl_get_effective_cpu_isa()) {
    case dnnl_cpu_isa_avx2: return "AVX2";
    case dnnl_cpu_isa_avx2_vnni: return "AVX2 with VNNI";
    case dnnl_cpu_isa_avx512_core: return "AVX-512";
    case dnnl_cpu_isa_avx512_core_vnni:
    case dnnl_cpu_isa_avx512_core_bf16: return "AVX-512 with VNNI";
    case dnnl_cpu_isa_avx512_core_amx: return "AVX-512 with VNNI and AMX";
    default: return "other instructions";
    }
}

const char *dnnl_net_version(void)
{
    static char text[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
    return text;
}
