// The oneDNN backend: for a graph, a batch size and a mode, a list of primitives made once and
// kept. Between operators tensors are plain [n, C, H, W] or [n, N], weights plain [O, I, H, W], so
// memory objects point straight at the trainer's buffers; convolutions and dense layers choose
// their own layouts, with reorders around them. What only moves data is a plain loop.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/train/loss.h"
#include "runtime/train/onednn.h"

#if DNNL_VERSION_MAJOR != 2
#error "this file is written for version 2 of oneDNN's C API"
#endif

// The two functions of the OpenMP runtime that oneDNN's number of threads follows; set for a call
// and put back after it.
extern void omp_set_num_threads(int n);
extern int omp_get_max_threads(void);

static void check(struct state *s, dnnl_status_t status, const char *where)
{
    if (status == dnnl_success || s->failed != dnnl_success) return;
    s->failed = status;
    s->failed_at = where;
}

static float *floats(struct state *s, int64_t n)
{
    void *p = aligned_alloc(64, ((size_t)n * sizeof(float) + 63) & ~(size_t)63);
    if (!p) NCR_BUG("out of memory for a tensor of %lld floats", (long long)n);
    memset(p, 0, (size_t)n * sizeof(float));
    ncr_vec_push(s->arena, &s->blocks, p);
    return p;
}

// ---- memory descriptors ----

static dnnl_memory_desc_t plain(struct state *s, const int64_t *dims, int rank)
{
    static const dnnl_format_tag_t tags[] = {
        dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd, dnnl_abcde};
    dnnl_memory_desc_t md;
    dnnl_dims_t d = {0};
    for (int i = 0; i < rank; i++)
        d[i] = dims[i];
    check(s, dnnl_memory_desc_init_by_tag(&md, rank, d, dnnl_f32, tags[rank]), "tensor");
    return md;
}

static dnnl_memory_desc_t tensor_md(struct state *s, const struct ncr_shape *shape, uint32_t n)
{
    int64_t dims[4] = {n, shape->dim[0], shape->dim[1], shape->dim[2]};
    return plain(s, dims, shape->rank == 3 ? 4 : 2);
}

static dnnl_memory_t memory(struct state *s, struct net *net, const dnnl_memory_desc_t *md,
                            float *data)
{
    dnnl_memory_t m = NULL;
    check(s, dnnl_memory_create(&m, md, s->engine, data ? (void *)data : DNNL_MEMORY_NONE),
          "memory");
    if (m) ncr_vec_push(s->arena, &net->memories, m);
    return m;
}

static void arg(struct call *call, int kind, dnnl_memory_t m)
{
    if (!m) return;
    if (call->n_args == MAX_ARGS) NCR_BUG("a primitive with more than %d arguments", MAX_ARGS);
    call->args[call->n_args++] = (dnnl_exec_arg_t){kind, m};
}

// Makes the primitive of a descriptor; gives its primitive descriptor for the hint of the backward
// pass.
static dnnl_primitive_desc_t make(struct state *s, struct net *net, struct call *call,
                                  const void *desc, dnnl_primitive_desc_t hint, const char *what)
{
    dnnl_primitive_desc_t pd = NULL;
    if (s->failed != dnnl_success) return NULL;
    check(s, dnnl_primitive_desc_create(&pd, desc, NULL, s->engine, hint), what);
    if (!pd) return NULL;
    check(s, dnnl_primitive_create(&call->prim, pd), what);
    if (call->prim) ncr_vec_push(s->arena, &net->prims, call->prim);
    return pd;
}

static void drop(dnnl_primitive_desc_t pd)
{
    if (pd) dnnl_primitive_desc_destroy(pd);
}

static void execute_one(struct state *s, const struct call *call)
{
    check(s, dnnl_primitive_execute(call->prim, s->stream, call->n_args, call->args), "execution");
}

static void execute(struct state *s, const struct call *call)
{
    if (!call->prim || s->failed != dnnl_success) return;
    double start = s->io ? s->io->now_s(s->io->user) : 0;
    for (int i = 0; i < call->n_before; i++)
        execute_one(s, call->before[i]);
    execute_one(s, call);
    for (int i = 0; i < call->n_after; i++)
        execute_one(s, call->after[i]);
    check(s, dnnl_stream_wait(s->stream), "execution");
    if (s->io) s->seconds += s->io->now_s(s->io->user) - start;
}

// ---- convolution and dense ----

struct site {
    struct state *s;
    struct net *net;
    ncr_node_id id;
    const struct ncr_node *node;
    struct node_work *w;
    dnnl_memory_desc_t in, out;
    dnnl_memory_t m_in;
    bool back_in; // the input's gradient is wanted
};

static void weight_memories(struct site *t, const dnnl_memory_desc_t *wmd,
                            const dnnl_memory_desc_t *bmd, bool bias)
{
    struct node_work *w = t->w;
    const struct ncr_graph *g = t->s->graph;
    w->m_weights = memory(t->s, t->net, wmd, NULL);
    if (bias) w->m_bias = memory(t->s, t->net, bmd, NULL);
    if (!t->net->training) return;
    w->aux_grad = floats(t->s, g->params[t->node->first_param].n);
    w->m_dweights = memory(t->s, t->net, wmd, w->aux_grad);
    if (!bias) return;
    w->bias_grad = floats(t->s, g->params[t->node->first_param + 1].n);
    w->m_dbias = memory(t->s, t->net, bmd, w->bias_grad);
}

// Gives `call` the argument `kind`: the plain memory itself, or one in the layout that the
// primitive wants with a reorder before (inputs) or after (outputs) it.
static void bind(struct site *t, struct call *call, dnnl_primitive_desc_t pd, int kind,
                 dnnl_memory_t plain_memory, bool output)
{
    struct state *s = t->s;
    if (!plain_memory || !pd || s->failed != dnnl_success) return;
    const dnnl_memory_desc_t *wanted =
                                 dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, kind),
                             *have;
    check(s, dnnl_memory_get_memory_desc(plain_memory, &have), "layout");
    if (!wanted || dnnl_memory_desc_equal(wanted, have)) {
        arg(call, kind, plain_memory);
        return;
    }
    dnnl_memory_t own = NULL;
    check(s, dnnl_memory_create(&own, wanted, s->engine, DNNL_MEMORY_ALLOCATE), "layout");
    if (!own) return;
    ncr_vec_push(s->arena, &t->net->memories, own);
    arg(call, kind, own);
    struct call *move = NCR_NEW(s->arena, struct call);
    dnnl_primitive_desc_t reorder = NULL;
    const dnnl_memory_desc_t *from = output ? wanted : have, *to = output ? have : wanted;
    check(s, dnnl_reorder_primitive_desc_create(&reorder, from, s->engine, to, s->engine, NULL),
          "reorder");
    if (!reorder) return;
    check(s, dnnl_primitive_create(&move->prim, reorder), "reorder");
    drop(reorder);
    if (!move->prim) return;
    ncr_vec_push(s->arena, &t->net->prims, move->prim);
    arg(move, DNNL_ARG_FROM, output ? own : plain_memory);
    arg(move, DNNL_ARG_TO, output ? plain_memory : own);
    struct call **list = output ? call->after : call->before;
    int *n = output ? &call->n_after : &call->n_before;
    if (*n == MAX_REORDERS) NCR_BUG("more than %d reorders on one side", MAX_REORDERS);
    list[(*n)++] = move;
}

static void bind_forward(struct site *t, dnnl_primitive_desc_t pd)
{
    struct node_work *w = t->w;
    bind(t, &w->forward, pd, DNNL_ARG_SRC, t->m_in, false);
    bind(t, &w->forward, pd, DNNL_ARG_WEIGHTS, w->m_weights, false);
    bind(t, &w->forward, pd, DNNL_ARG_BIAS, w->m_bias, false);
    bind(t, &w->forward, pd, DNNL_ARG_DST, w->m_y, true);
}

static void bind_back_weights(struct site *t, dnnl_primitive_desc_t pd)
{
    struct node_work *w = t->w;
    bind(t, &w->back_weights, pd, DNNL_ARG_SRC, t->m_in, false);
    bind(t, &w->back_weights, pd, DNNL_ARG_DIFF_DST, w->m_dy, false);
    bind(t, &w->back_weights, pd, DNNL_ARG_DIFF_WEIGHTS, w->m_dweights, true);
    bind(t, &w->back_weights, pd, DNNL_ARG_DIFF_BIAS, w->m_dbias, true);
    drop(pd);
}

static void bind_back_data(struct site *t, dnnl_primitive_desc_t pd)
{
    struct node_work *w = t->w;
    bind(t, &w->back_data, pd, DNNL_ARG_DIFF_DST, w->m_dy, false);
    bind(t, &w->back_data, pd, DNNL_ARG_WEIGHTS, w->m_weights, false);
    bind(t, &w->back_data, pd, DNNL_ARG_DIFF_SRC, w->m_dx, true);
    drop(pd);
}

// The same tensor in whatever layout the primitive likes best.
static dnnl_memory_desc_t any(const dnnl_memory_desc_t *md)
{
    dnnl_memory_desc_t free_md;
    dnnl_memory_desc_init_by_tag(&free_md, md->ndims, md->dims, dnnl_f32, dnnl_format_tag_any);
    return free_md;
}

static void make_conv(struct site *t)
{
    struct state *s = t->s;
    const struct ncr_attrs *a = &t->node->attrs;
    const struct ncr_shape *in = &s->graph->nodes[t->node->in[0]].shape;
    int64_t groups = t->node->op == NCR_OP_DWCONV ? in->dim[0] : a->groups,
            out = t->node->shape.dim[0];
    int64_t grouped[5] = {groups, out / groups, in->dim[0] / groups, a->kernel[0], a->kernel[1]};
    dnnl_memory_desc_t wmd = groups > 1 ? plain(s, grouped, 5) : plain(s, grouped + 1, 4),
                       bmd = plain(s, &out, 1);
    const dnnl_memory_desc_t *b = a->bias ? &bmd : NULL;
    dnnl_dims_t stride = {a->stride[0], a->stride[1]},
                dilate = {a->dilation[0] - 1, a->dilation[1] - 1};
    dnnl_dims_t before = {a->pad[0], a->pad[1]}, after = {a->pad[2], a->pad[3]};
    weight_memories(t, &wmd, &bmd, a->bias);
    dnnl_memory_desc_t in_md = any(&t->in), out_md = any(&t->out), w_md = any(&wmd);
    dnnl_convolution_desc_t d;
    check(s,
          dnnl_dilated_convolution_forward_desc_init(
              &d, t->net->training ? dnnl_forward_training : dnnl_forward_inference,
              dnnl_convolution_auto, &in_md, &w_md, b, &out_md, stride, dilate, before, after),
          "convolution");
    dnnl_primitive_desc_t hint = make(s, t->net, &t->w->forward, &d, NULL, "convolution");
    if (t->net->training) {
        check(s,
              dnnl_dilated_convolution_backward_weights_desc_init(&d, dnnl_convolution_auto, &in_md,
                                                                  &w_md, b, &out_md, stride, dilate,
                                                                  before, after),
              "convolution");
        bind_back_weights(t, make(s, t->net, &t->w->back_weights, &d, hint,
                                  "gradient of a convolution's weights"));
    }
    if (t->back_in) {
        check(s,
              dnnl_dilated_convolution_backward_data_desc_init(
                  &d, dnnl_convolution_auto, &in_md, &w_md, &out_md, stride, dilate, before, after),
              "convolution");
        bind_back_data(
            t, make(s, t->net, &t->w->back_data, &d, hint, "gradient of a convolution's input"));
    }
    bind_forward(t, hint);
    drop(hint);
}

static void make_dense(struct site *t)
{
    struct state *s = t->s;
    bool bias = t->node->attrs.bias;
    int64_t dims[2] = {t->node->shape.dim[0], s->graph->nodes[t->node->in[0]].shape.dim[0]};
    dnnl_memory_desc_t wmd = plain(s, dims, 2), bmd = plain(s, dims, 1);
    weight_memories(t, &wmd, &bmd, bias);
    dnnl_memory_desc_t w_md = any(&wmd);
    dnnl_inner_product_desc_t d;
    check(s,
          dnnl_inner_product_forward_desc_init(
              &d, t->net->training ? dnnl_forward_training : dnnl_forward_inference, &t->in, &w_md,
              bias ? &bmd : NULL, &t->out),
          "dense");
    dnnl_primitive_desc_t hint = make(s, t->net, &t->w->forward, &d, NULL, "dense");
    if (t->net->training) {
        check(s,
              dnnl_inner_product_backward_weights_desc_init(&d, &t->in, &w_md, bias ? &bmd : NULL,
                                                            &t->out),
              "dense");
        bind_back_weights(
            t, make(s, t->net, &t->w->back_weights, &d, hint, "gradient of dense weights"));
    }
    if (t->back_in) {
        check(s, dnnl_inner_product_backward_data_desc_init(&d, &t->in, &w_md, &t->out), "dense");
        bind_back_data(t, make(s, t->net, &t->w->back_data, &d, hint, "gradient of a dense input"));
    }
    bind_forward(t, hint);
    drop(hint);
}

// ---- element-wise, pools, batchnorm, softmax ----

static void make_eltwise(struct site *t, dnnl_alg_kind_t alg, float alpha)
{
    struct state *s = t->s;
    dnnl_eltwise_desc_t d;
    check(s, dnnl_eltwise_forward_desc_init(&d, dnnl_forward_training, alg, &t->in, alpha, 0),
          "activation");
    dnnl_primitive_desc_t hint = make(s, t->net, &t->w->forward, &d, NULL, "activation");
    arg(&t->w->forward, DNNL_ARG_SRC, t->m_in);
    arg(&t->w->forward, DNNL_ARG_DST, t->w->m_y);
    if (t->back_in) {
        check(s, dnnl_eltwise_backward_desc_init(&d, alg, &t->out, &t->in, alpha, 0), "activation");
        drop(make(s, t->net, &t->w->back_data, &d, hint, "gradient of an activation"));
        arg(&t->w->back_data, DNNL_ARG_SRC, t->m_in);
        arg(&t->w->back_data, DNNL_ARG_DIFF_DST, t->w->m_dy);
        arg(&t->w->back_data, DNNL_ARG_DIFF_SRC, t->w->m_dx);
    }
    drop(hint);
}

static void make_pool(struct site *t)
{
    struct state *s = t->s;
    const struct ncr_attrs *a = &t->node->attrs;
    const struct ncr_shape *in = &s->graph->nodes[t->node->in[0]].shape;
    bool global = t->node->op == NCR_OP_GLOBAL_AVGPOOL;
    dnnl_dims_t kernel = {global ? in->dim[1] : a->kernel[0], global ? in->dim[2] : a->kernel[1]};
    dnnl_dims_t stride = {global ? 1 : a->stride[0], global ? 1 : a->stride[1]};
    dnnl_dims_t before = {global ? 0 : a->pad[0], global ? 0 : a->pad[1]},
                after = {global ? 0 : a->pad[2], global ? 0 : a->pad[3]};
    dnnl_alg_kind_t alg =
        t->node->op == NCR_OP_MAXPOOL ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding;
    dnnl_pooling_desc_t d;
    check(s,
          dnnl_pooling_forward_desc_init(
              &d, t->net->training ? dnnl_forward_training : dnnl_forward_inference, alg, &t->in,
              &t->out, stride, kernel, before, after),
          "pool");
    dnnl_primitive_desc_t hint = make(s, t->net, &t->w->forward, &d, NULL, "pool");
    dnnl_memory_t space = NULL;
    if (hint && t->net->training && alg == dnnl_pooling_max) {
        const dnnl_memory_desc_t *md =
            dnnl_primitive_desc_query_md(hint, dnnl_query_workspace_md, 0);
        check(s, dnnl_memory_create(&space, md, s->engine, DNNL_MEMORY_ALLOCATE), "pool");
        if (space) ncr_vec_push(s->arena, &t->net->memories, space);
    }
    arg(&t->w->forward, DNNL_ARG_SRC, t->m_in);
    arg(&t->w->forward, DNNL_ARG_DST, t->w->m_y);
    arg(&t->w->forward, DNNL_ARG_WORKSPACE, space);
    if (t->back_in) {
        check(s,
              dnnl_pooling_backward_desc_init(&d, alg, &t->in, &t->out, stride, kernel, before,
                                              after),
              "pool");
        drop(make(s, t->net, &t->w->back_data, &d, hint, "gradient of a pool"));
        arg(&t->w->back_data, DNNL_ARG_DIFF_DST, t->w->m_dy);
        arg(&t->w->back_data, DNNL_ARG_DIFF_SRC, t->w->m_dx);
        arg(&t->w->back_data, DNNL_ARG_WORKSPACE, space);
    }
    drop(hint);
}

static void make_batchnorm(struct site *t)
{
    struct state *s = t->s;
    struct node_work *w = t->w;
    int64_t c = t->node->shape.dim[0], pair[2] = {2, c};
    dnnl_memory_desc_t md2 = plain(s, pair, 2), md1 = plain(s, &c, 1);
    w->aux = floats(s, 2 * c);
    w->mean = floats(s, c);
    w->var = floats(s, c);
    dnnl_memory_t scale = memory(s, t->net, &md2, w->aux), mean = memory(s, t->net, &md1, w->mean),
                  var = memory(s, t->net, &md1, w->var);
    dnnl_batch_normalization_desc_t d;
    bool train = t->net->training;
    unsigned flags = dnnl_use_scaleshift | (train ? 0u : (unsigned)dnnl_use_global_stats);
    check(s,
          dnnl_batch_normalization_forward_desc_init(
              &d, train ? dnnl_forward_training : dnnl_forward_inference, &t->in,
              t->node->attrs.eps, flags),
          "batchnorm");
    dnnl_primitive_desc_t hint = make(s, t->net, &w->forward, &d, NULL, "batchnorm");
    arg(&w->forward, DNNL_ARG_SRC, t->m_in);
    arg(&w->forward, DNNL_ARG_SCALE_SHIFT, scale);
    arg(&w->forward, DNNL_ARG_MEAN, mean);
    arg(&w->forward, DNNL_ARG_VARIANCE, var);
    arg(&w->forward, DNNL_ARG_DST, w->m_y);
    if (train) {
        w->aux_grad = floats(s, 2 * c);
        dnnl_memory_t dscale = memory(s, t->net, &md2, w->aux_grad);
        check(s,
              dnnl_batch_normalization_backward_desc_init(&d, dnnl_backward, &t->out, &t->in,
                                                          t->node->attrs.eps, flags),
              "batchnorm");
        drop(make(s, t->net, &w->back_data, &d, hint, "gradient of batchnorm"));
        arg(&w->back_data, DNNL_ARG_SRC, t->m_in);
        arg(&w->back_data, DNNL_ARG_MEAN, mean);
        arg(&w->back_data, DNNL_ARG_VARIANCE, var);
        arg(&w->back_data, DNNL_ARG_DIFF_DST, w->m_dy);
        arg(&w->back_data, DNNL_ARG_SCALE_SHIFT, scale);
        arg(&w->back_data, DNNL_ARG_DIFF_SRC, w->m_dx);
        arg(&w->back_data, DNNL_ARG_DIFF_SCALE_SHIFT, dscale);
    }
    drop(hint);
}

static void make_softmax(struct site *t)
{
    struct state *s = t->s;
    dnnl_softmax_desc_t d;
    check(s, dnnl_softmax_forward_desc_init(&d, dnnl_forward_training, &t->in, 1), "softmax");
    dnnl_primitive_desc_t hint = make(s, t->net, &t->w->forward, &d, NULL, "softmax");
    arg(&t->w->forward, DNNL_ARG_SRC, t->m_in);
    arg(&t->w->forward, DNNL_ARG_DST, t->w->m_y);
    if (t->back_in) {
        check(s, dnnl_softmax_backward_desc_init(&d, &t->out, &t->out, 1), "softmax");
        drop(make(s, t->net, &t->w->back_data, &d, hint, "gradient of softmax"));
        arg(&t->w->back_data, DNNL_ARG_DST, t->w->m_y);
        arg(&t->w->back_data, DNNL_ARG_DIFF_DST, t->w->m_dy);
        arg(&t->w->back_data, DNNL_ARG_DIFF_SRC, t->w->m_dx);
    }
    drop(hint);
}

// ---- nets ----

static void make_node(struct state *s, struct net *net, ncr_node_id id)
{
    const struct ncr_node *node = &s->graph->nodes[id];
    struct node_work *w = &net->work[id];
    int64_t all = ncr_shape_elements(&node->shape) * net->n;
    struct site t = {.s = s, .net = net, .id = id, .node = node, .w = w};
    t.out = tensor_md(s, &node->shape, net->n);
    w->y = floats(s, all);
    w->m_y = memory(s, net, &t.out, w->y);
    if (net->training && s->plan->grad[id]) {
        w->dy = floats(s, all);
        w->m_dy = memory(s, net, &t.out, w->dy);
    }
    if (node->op == NCR_OP_INPUT) return;
    t.in = tensor_md(s, &s->graph->nodes[node->in[0]].shape, net->n);
    t.m_in = net->work[node->in[0]].m_y;
    t.back_in = net->training && s->plan->grad[node->in[0]];
    bool inside = node->op == NCR_OP_BATCHNORM &&
                  net->training; // its one backward primitive gives both gradients
    if (t.back_in || inside) {
        w->dx = floats(s, ncr_shape_elements(&s->graph->nodes[node->in[0]].shape) * net->n);
        w->m_dx = memory(s, net, &t.in, w->dx);
    }
    switch ((int)node->op) {
    case NCR_OP_CONV:
    case NCR_OP_DWCONV: make_conv(&t); return;
    case NCR_OP_DENSE: make_dense(&t); return;
    case NCR_OP_BATCHNORM: make_batchnorm(&t); return;
    case NCR_OP_RELU: make_eltwise(&t, dnnl_eltwise_relu, 0); return;
    case NCR_OP_RELU6: make_eltwise(&t, dnnl_eltwise_bounded_relu, 6); return;
    case NCR_OP_LEAKY_RELU: make_eltwise(&t, dnnl_eltwise_relu, node->attrs.alpha); return;
    case NCR_OP_HARDSWISH: make_eltwise(&t, dnnl_eltwise_hardswish, 0); return;
    case NCR_OP_SIGMOID: make_eltwise(&t, dnnl_eltwise_logistic, 0); return;
    case NCR_OP_TANH: make_eltwise(&t, dnnl_eltwise_tanh, 0); return;
    case NCR_OP_SOFTMAX: make_softmax(&t); return;
    case NCR_OP_MAXPOOL:
    case NCR_OP_AVGPOOL:
    case NCR_OP_GLOBAL_AVGPOOL: make_pool(&t); return;
    case NCR_OP_DROPOUT: w->aux = floats(s, all); return;
    default: return;
    }
}

static void free_net(struct net *net)
{
    for (uint32_t i = 0; i < net->prims.n; i++)
        dnnl_primitive_destroy(net->prims.at[i]);
    for (uint32_t i = 0; i < net->memories.n; i++)
        dnnl_memory_destroy(net->memories.at[i]);
    net->prims.n = net->memories.n = 0;
}

static struct net *net_for(struct state *s, uint32_t n, bool training)
{
    for (uint32_t i = 0; i < s->n_nets; i++)
        if (s->nets[i]->n == n && s->nets[i]->training == training) return s->nets[i];
    if (s->n_nets == MAX_NETS) NCR_BUG("more than %d batch sizes in one run", MAX_NETS);
    struct net *net = NCR_NEW(s->arena, struct net);
    net->n = n;
    net->training = training;
    net->work = NCR_NEW_N(s->arena, struct node_work, s->graph->n_nodes);
    s->nets[s->n_nets++] = net;
    for (ncr_node_id id = 0; id < s->graph->n_nodes; id++)
        if (s->plan->live[id]) make_node(s, net, id);
    return net;
}

static void point(struct state *s, dnnl_memory_t m, const float *data)
{
    if (m) check(s, dnnl_memory_set_data_handle(m, (void *)(uintptr_t)data), "memory");
}

static void bind_weights(struct state *s, struct net *net, const struct ncr_weights *weights)
{
    for (ncr_node_id id = 0; id < s->graph->n_nodes; id++) {
        const struct ncr_node *node = &s->graph->nodes[id];
        struct node_work *w = &net->work[id];
        if (!s->plan->live[id] || node->n_params == 0) continue;
        float *const *p = &weights->at[node->first_param];
        if (node->op == NCR_OP_BATCHNORM) {
            size_t c = (size_t)node->shape.dim[0];
            memcpy(w->aux, p[0], c * sizeof(float));
            memcpy(w->aux + c, p[1], c * sizeof(float));
            if (!net->training) {
                memcpy(w->mean, p[2], c * sizeof(float));
                memcpy(w->var, p[3], c * sizeof(float));
            }
        } else {
            point(s, w->m_weights, p[0]);
            if (w->m_bias) point(s, w->m_bias, p[1]);
        }
    }
}

static void run_forward(struct state *s, struct net *net, const float *inputs,
                        const struct ncr_train_step *step, ncr_node_id last)
{
    for (ncr_node_id id = 0; id <= last && s->failed == dnnl_success; id++) {
        if (!s->plan->live[id]) continue;
        const struct ncr_node *node = &s->graph->nodes[id];
        struct node_work *w = &net->work[id];
        if (node->op == NCR_OP_INPUT)
            memcpy(w->y, inputs, (size_t)(s->plan->input_elements * net->n) * sizeof(float));
        else if (w->forward.prim)
            execute(s, &w->forward);
        else
            ncr_onednn_loop_forward(s, net, id, step);
        if (node->op == NCR_OP_BATCHNORM && step && step->running) {
            int64_t c = node->shape.dim[0];
            double *stats = malloc(2 * (size_t)c * sizeof(double));
            if (!stats) NCR_BUG("out of memory for %lld statistics", (long long)c);
            for (int64_t i = 0; i < c; i++) {
                stats[i] = (double)w->mean[i];
                stats[c + i] = (double)w->var[i];
            }
            ncr_train_running(step->weights, s->graph, node, stats, stats + c,
                              ncr_shape_places(&node->shape) * net->n);
            free(stats);
        }
    }
}

static void add_to(float *to, const float *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += from[i];
}

static void run_backward(struct state *s, struct net *net, struct ncr_train_step *step)
{
    const struct ncr_graph *g = s->graph;
    for (ncr_node_id id = s->plan->scores + 1; id-- > 0 && s->failed == dnnl_success;) {
        const struct ncr_node *node = &g->nodes[id];
        struct node_work *w = &net->work[id];
        if (!s->plan->live[id] || !s->plan->grad[id] || node->op == NCR_OP_INPUT) continue;
        if (!w->forward.prim) {
            ncr_onednn_loop_backward(s, net, id);
            continue;
        }
        execute(s, &w->back_weights);
        execute(s, &w->back_data);
        if (node->op == NCR_OP_BATCHNORM) {
            int64_t c = node->shape.dim[0];
            add_to(step->grads->at[node->first_param], w->aux_grad, c);
            add_to(step->grads->at[node->first_param + 1], w->aux_grad + c, c);
        } else if (w->aux_grad) {
            add_to(step->grads->at[node->first_param], w->aux_grad, g->params[node->first_param].n);
            if (w->bias_grad)
                add_to(step->grads->at[node->first_param + 1], w->bias_grad,
                       g->params[node->first_param + 1].n);
        }
        if (s->plan->grad[node->in[0]])
            add_to(net->work[node->in[0]].dy, w->dx,
                   ncr_shape_elements(&g->nodes[node->in[0]].shape) * net->n);
    }
}

static enum ncr_status outcome(struct state *s, struct ncr_error *err)
{
    if (s->failed == dnnl_success) return NCR_OK;
    return ncr_fail(err, NCR_ENVIRONMENT, "oneDNN refuses the %s of net '%.*s' (status %d)",
                    s->failed_at, NCR_STR_ARG(s->graph->name), (int)s->failed);
}

static int take_threads(const struct state *s)
{
    int before = omp_get_max_threads();
    if (s->threads) omp_set_num_threads((int)s->threads);
    return before;
}

static enum ncr_status step_one(void *state, struct ncr_train_step *step, struct ncr_error *err)
{
    struct state *s = state;
    int before = take_threads(s);
    struct net *net = net_for(s, step->n, true);
    bind_weights(s, net, step->weights);
    run_forward(s, net, step->inputs, step, s->plan->scores);
    if (s->failed == dnnl_success) {
        for (ncr_node_id id = 0; id < s->graph->n_nodes; id++)
            if (net->work[id].dy)
                memset(net->work[id].dy, 0,
                       (size_t)(ncr_shape_elements(&s->graph->nodes[id].shape) * net->n) *
                           sizeof(float));
        for (uint32_t p = 0; p < s->graph->n_params; p++)
            if (ncr_param_is_trained(s->graph->params[p].role))
                memset(step->grads->at[p], 0, (size_t)s->graph->params[p].n * sizeof(float));
        struct node_work *scores = &net->work[s->plan->scores];
        step->loss = ncr_train_loss_f32(scores->y, step->labels, step->n, s->plan->classes,
                                        step->label_smoothing, s->row, scores->dy, &step->correct);
        run_backward(s, net, step);
    }
    omp_set_num_threads(before);
    return outcome(s, err);
}

static enum ncr_status infer(void *state, const struct ncr_weights *weights, const float *inputs,
                             uint32_t n, float *output, struct ncr_error *err)
{
    struct state *s = state;
    int before = take_threads(s);
    struct net *net = net_for(s, n, false);
    bind_weights(s, net, weights);
    run_forward(s, net, inputs, NULL, s->plan->output);
    omp_set_num_threads(before);
    enum ncr_status status = outcome(s, err);
    if (status == NCR_OK)
        memcpy(output, net->work[s->plan->output].y, (size_t)n * s->plan->classes * sizeof(float));
    return status;
}

static void close_state(void *state)
{
    struct state *s = state;
    for (uint32_t i = 0; i < s->n_nets; i++)
        free_net(s->nets[i]);
    if (s->stream) dnnl_stream_destroy(s->stream);
    if (s->engine) dnnl_engine_destroy(s->engine);
    for (uint32_t i = 0; i < s->blocks.n; i++)
        free(s->blocks.at[i]);
    ncr_arena_free(s->arena);
    free(s);
}

static enum ncr_status open_state(const struct ncr_train_plan *plan, uint32_t threads,
                                  const struct ncr_io *io, void **state, struct ncr_error *err)
{
    struct state *s = calloc(1, sizeof *s);
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!s || !arena) {
        free(s);
        ncr_arena_free(arena);
        return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    }
    *s = (struct state){.plan = plan,
                        .graph = plan->graph,
                        .arena = arena,
                        .io = io,
                        .threads = threads,
                        .failed = dnnl_success};
    s->row = NCR_NEW_N(arena, double, plan->classes);
    check(s, dnnl_engine_create(&s->engine, dnnl_cpu, 0), "engine");
    if (s->engine)
        check(s, dnnl_stream_create(&s->stream, s->engine, dnnl_stream_default_flags), "stream");
    enum ncr_status status = outcome(s, err);
    if (status == NCR_OK)
        *state = s;
    else
        close_state(s);
    return status;
}

static double seconds(const void *state)
{
    return ((const struct state *)state)->seconds;
}

static const struct ncr_train_backend backend = {"onednn", open_state, step_one,
                                                 infer,    seconds,    close_state};

static enum ncr_status train(const struct ncr_train_job *job, struct ncr_train_result *result,
                             struct ncr_error *err)
{
    return ncr_train_loop(&backend, job, result, err);
}

static enum ncr_status gradients(const struct ncr_graph *graph, const struct ncr_weights *weights,
                                 const float *inputs, const uint8_t *labels, uint32_t n,
                                 double label_smoothing, struct ncr_weights *grads, double *loss,
                                 struct ncr_error *err)
{
    return ncr_train_gradients(&backend, graph, weights, inputs, labels, n, label_smoothing, grads,
                               loss, err);
}

static enum ncr_status scores(const struct ncr_graph *graph, const struct ncr_weights *weights,
                              const float *inputs, uint32_t n, uint32_t threads, float *out,
                              struct ncr_error *err)
{
    return ncr_train_infer(&backend, graph, weights, inputs, n, threads, out, err);
}

const struct ncr_trainer ncr_trainer_onednn = {"onednn", train, gradients, scores};
