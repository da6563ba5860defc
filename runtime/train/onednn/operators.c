// One node to steps, forward and backward. Convolutions and pools choose the layouts, element-wise
// operators keep that of their input, loops of ours work on plain tensors or on equal layouts.
#include "runtime/train/onednn/onednn.h"

static const struct ncr_node *node_of(const struct net *net, ncr_node_id id)
{
    return &net->state->graph->nodes[id];
}

static const struct ncr_shape *input_shape(const struct net *net, ncr_node_id id)
{
    return &node_of(net, node_of(net, id)->in[0])->shape;
}

static buffer_id input_of(const struct net *net, ncr_node_id id)
{
    return net->out[node_of(net, id)->in[0]];
}

static bool wanted(const struct net *net, ncr_node_id id)
{
    return net->state->plan->grad[id];
}

// Input k in plain layout.
static buffer_id plain_input(struct net *net, ncr_node_id id, uint32_t k)
{
    ncr_node_id in = node_of(net, id)->in[k];
    return net_as(net, &net->forward, net->out[in], net_tensor(net, &node_of(net, in)->shape));
}

static buffer_id plain_gradient(struct net *net, ncr_node_id id)
{
    return net_as(net, &net->backward, net->diff[id], net_tensor(net, &node_of(net, id)->shape));
}

static buffer_id fresh(struct net *net, layout of)
{
    return of ? net_buffer(net, of, PLACE_LANE, 0) : NO_BUFFER;
}

// A plain tensor of the node's shape.
static buffer_id fresh_plain(struct net *net, ncr_node_id id)
{
    return fresh(net, net_tensor(net, &node_of(net, id)->shape));
}

static bool ok(struct net *net, dnnl_status_t status, const char *what)
{
    return state_check(net->state, status, what);
}

// ---- convolution and dense ----

static struct shim_window window_of(const struct net *net, ncr_node_id id)
{
    const struct ncr_node *node = node_of(net, id);
    const struct ncr_attrs *a = &node->attrs;
    const struct ncr_shape *in = input_shape(net, id);
    if (node->op == NCR_OP_GLOBAL_AVGPOOL)
        return (struct shim_window){.kernel = {in->dim[1], in->dim[2]},
                                    .stride = {in->dim[1], in->dim[2]}};
    struct shim_window w = {.kernel = {a->kernel[0], a->kernel[1]},
                            .stride = {a->stride[0], a->stride[1]},
                            .before = {a->pad[0], a->pad[1]},
                            .after = {a->pad[2], a->pad[3]}};
    if (node->op == NCR_OP_CONV || node->op == NCR_OP_DWCONV)
        for (int i = 0; i < 2; i++)
            w.dilation[i] = a->dilation[i] - 1;
    return w;
}

struct weights {
    uint32_t weight, bias; // parameters; bias NCR_NO_NODE: none
    layout weight_layout, bias_layout;
};

static struct weights weights_of(struct net *net, ncr_node_id id)
{
    const struct ncr_node *node = node_of(net, id);
    struct weights w = {ncr_node_param(net->state->graph, node, NCR_PARAM_WEIGHT),
                        ncr_node_param(net->state->graph, node, NCR_PARAM_BIAS), NULL, NULL};
    const struct ncr_attrs *a = &node->attrs;
    int64_t in = input_shape(net, id)->dim[0], out = node->shape.dim[0];
    int64_t groups = node->op == NCR_OP_DWCONV ? in : a->groups;
    if (node->op == NCR_OP_DENSE) {
        w.weight_layout = net_layout(net, 2, (int64_t[]){out, in}, false);
    } else {
        // [O, I/g, Kh, Kw] has the bytes of [g, O/g, I/g, Kh, Kw].
        int64_t dims[5] = {groups, out / groups, in / groups, a->kernel[0], a->kernel[1]};
        w.weight_layout =
            groups > 1 ? net_layout(net, 5, dims, false) : net_layout(net, 4, dims + 1, false);
    }
    if (w.bias != NCR_NO_NODE) w.bias_layout = net_layout(net, 1, &out, false);
    return w;
}

static buffer_id param_buffer(struct net *net, uint32_t param, layout as)
{
    return param == NCR_NO_NODE ? NO_BUFFER : net_buffer(net, as, PLACE_PARAM, param);
}

static void linear_forward(struct net *net, ncr_node_id id)
{
    bool dense = node_of(net, id)->op == NCR_OP_DENSE;
    struct shim_window window = window_of(net, id);
    struct weights w = weights_of(net, id);
    struct node_work *work = &net->work[id];
    dnnl_primitive_desc_t pd = NULL;
    const struct shim *shim = &net->state->shim;
    work->x = input_of(net, id);
    layout any_w = net_any(net, w.weight_layout), any_y = net_tensor(net, &node_of(net, id)->shape);
    if (dense) {
        work->x = plain_input(net, id, 0);
        if (!ok(net,
                shim_dense_forward(shim, &pd, net->training, net_layout_of(net, work->x), any_w,
                                   w.bias_layout, any_y),
                "dense layer"))
            return;
    } else if (!ok(net,
                   shim_conv_forward(shim, &pd, net->training, &window,
                                     net_any(net, net_layout_of(net, work->x)), any_w,
                                     w.bias_layout, net_any(net, any_y)),
                   "convolution")) {
        return;
    }
    buffer_id x = net_as(net, &net->forward, work->x, net_query(pd, DNNL_ARG_SRC));
    buffer_id weight = net_as(net, &net->forward, param_buffer(net, w.weight, w.weight_layout),
                              net_query(pd, DNNL_ARG_WEIGHTS));
    work->hint = pd;
    work->y = fresh(net, net_query(pd, DNNL_ARG_DST));
    struct step *step = net_step(net, &net->forward, pd, id);
    net_arg(net, step, DNNL_ARG_SRC, x);
    net_arg(net, step, DNNL_ARG_WEIGHTS, weight);
    net_arg(net, step, DNNL_ARG_BIAS, param_buffer(net, w.bias, w.bias_layout));
    net_arg(net, step, DNNL_ARG_DST, work->y);
    net->out[id] = work->y;
}

static void gradient_of(struct net *net, uint32_t param, buffer_id gradient)
{
    ncr_vec_push(net->state->arena, &net->uses, ((struct param_use){param, gradient}));
}

static void linear_back_weights(struct net *net, ncr_node_id id)
{
    bool dense = node_of(net, id)->op == NCR_OP_DENSE;
    struct shim_window window = window_of(net, id);
    struct weights w = weights_of(net, id);
    const struct node_work *work = &net->work[id];
    const struct shim *shim = &net->state->shim;
    dnnl_primitive_desc_t pd = NULL;
    layout any_w = net_any(net, w.weight_layout),
           plain_y = net_tensor(net, &node_of(net, id)->shape);
    if (!ok(net,
            dense ? shim_dense_back_weights(shim, &pd, net_layout_of(net, work->x), any_w,
                                            w.bias_layout, plain_y, work->hint)
                  : shim_conv_back_weights(shim, &pd, &window,
                                           net_any(net, net_layout_of(net, work->x)), any_w,
                                           w.bias_layout, net_any(net, plain_y), work->hint),
            "gradient of weights"))
        return;
    buffer_id x = net_as(net, &net->backward, work->x, net_query(pd, DNNL_ARG_SRC));
    buffer_id dy = net_as(net, &net->backward, net->diff[id], net_query(pd, DNNL_ARG_DIFF_DST));
    buffer_id dw = fresh(net, net_query(pd, DNNL_ARG_DIFF_WEIGHTS));
    buffer_id db = fresh(net, w.bias_layout);
    struct step *step = net_step(net, &net->backward, pd, id);
    net_arg(net, step, DNNL_ARG_SRC, x);
    net_arg(net, step, DNNL_ARG_DIFF_DST, dy);
    net_arg(net, step, DNNL_ARG_DIFF_WEIGHTS, dw);
    net_arg(net, step, DNNL_ARG_DIFF_BIAS, db);
    gradient_of(net, w.weight, net_as(net, &net->backward, dw, w.weight_layout));
    if (db != NO_BUFFER) gradient_of(net, w.bias, db);
}

static void linear_back_data(struct net *net, ncr_node_id id)
{
    bool dense = node_of(net, id)->op == NCR_OP_DENSE;
    struct shim_window window = window_of(net, id);
    struct weights w = weights_of(net, id);
    const struct node_work *work = &net->work[id];
    const struct shim *shim = &net->state->shim;
    dnnl_primitive_desc_t pd = NULL;
    layout any_w = net_any(net, w.weight_layout),
           plain_y = net_tensor(net, &node_of(net, id)->shape);
    if (!ok(net,
            dense
                ? shim_dense_back_data(shim, &pd, net_layout_of(net, work->x), any_w, plain_y,
                                       work->hint)
                : shim_conv_back_data(shim, &pd, &window, net_any(net, net_layout_of(net, work->x)),
                                      any_w, net_any(net, plain_y), work->hint),
            "gradient of an input"))
        return;
    buffer_id weight = net_as(net, &net->backward, param_buffer(net, w.weight, w.weight_layout),
                              net_query(pd, DNNL_ARG_WEIGHTS));
    buffer_id dy = net_as(net, &net->backward, net->diff[id], net_query(pd, DNNL_ARG_DIFF_DST));
    buffer_id dx = fresh(net, net_query(pd, DNNL_ARG_DIFF_SRC));
    struct step *step = net_step(net, &net->backward, pd, id);
    net_arg(net, step, DNNL_ARG_DIFF_DST, dy);
    net_arg(net, step, DNNL_ARG_WEIGHTS, weight);
    net_arg(net, step, DNNL_ARG_DIFF_SRC, dx);
    net_give(net, node_of(net, id)->in[0], dx, true);
}

// ---- element-wise operators and softmax ----

struct eltwise {
    dnnl_alg_kind_t alg;
    float alpha, beta;
};

static struct eltwise eltwise_of(const struct ncr_node *node)
{
    switch ((int)node->op) {
    case NCR_OP_RELU: return (struct eltwise){dnnl_eltwise_relu, 0, 0};
    case NCR_OP_LEAKY_RELU: return (struct eltwise){dnnl_eltwise_relu, node->attrs.alpha, 0};
    case NCR_OP_RELU6: return (struct eltwise){dnnl_eltwise_clip_v2, 0, 6};
    case NCR_OP_HARDSWISH: return (struct eltwise){dnnl_eltwise_hardswish, 0, 0};
    case NCR_OP_SIGMOID: return (struct eltwise){dnnl_eltwise_logistic, 0, 0};
    case NCR_OP_TANH: return (struct eltwise){dnnl_eltwise_tanh, 0, 0};
    default: NCR_BUG("%s is not element-wise", ncr_op_name(node->op));
    }
}

static void eltwise_forward(struct net *net, ncr_node_id id)
{
    struct eltwise e = eltwise_of(node_of(net, id));
    struct node_work *work = &net->work[id];
    dnnl_primitive_desc_t pd = NULL;
    work->x = input_of(net, id);
    if (!ok(net,
            shim_eltwise_forward(&net->state->shim, &pd, e.alg, e.alpha, e.beta,
                                 net_layout_of(net, work->x)),
            "activation"))
        return;
    work->hint = pd;
    net->out[id] = work->y = fresh(net, net_layout_of(net, work->x));
    struct step *step = net_step(net, &net->forward, pd, id);
    net_arg(net, step, DNNL_ARG_SRC, work->x);
    net_arg(net, step, DNNL_ARG_DST, work->y);
}

static void eltwise_backward(struct net *net, ncr_node_id id)
{
    struct eltwise e = eltwise_of(node_of(net, id));
    const struct node_work *work = &net->work[id];
    layout of = net_layout_of(net, work->x);
    dnnl_primitive_desc_t pd = NULL;
    if (!ok(net, shim_eltwise_back(&net->state->shim, &pd, e.alg, e.alpha, e.beta, of, work->hint),
            "gradient of an activation"))
        return;
    buffer_id dy = net_as(net, &net->backward, net->diff[id], of), dx = fresh(net, of);
    struct step *step = net_step(net, &net->backward, pd, id);
    net_arg(net, step, DNNL_ARG_SRC, work->x);
    net_arg(net, step, DNNL_ARG_DIFF_DST, dy);
    net_arg(net, step, DNNL_ARG_DIFF_SRC, dx);
    net_give(net, node_of(net, id)->in[0], dx, true);
}

static void softmax_forward(struct net *net, ncr_node_id id)
{
    struct node_work *work = &net->work[id];
    dnnl_primitive_desc_t pd = NULL;
    work->x = plain_input(net, id, 0);
    if (!ok(net, shim_softmax_forward(&net->state->shim, &pd, net_layout_of(net, work->x)),
            "softmax"))
        return;
    work->hint = pd;
    net->out[id] = work->y = fresh_plain(net, id);
    struct step *step = net_step(net, &net->forward, pd, id);
    net_arg(net, step, DNNL_ARG_SRC, work->x);
    net_arg(net, step, DNNL_ARG_DST, work->y);
}

static void softmax_backward(struct net *net, ncr_node_id id)
{
    const struct node_work *work = &net->work[id];
    dnnl_primitive_desc_t pd = NULL;
    if (!ok(net, shim_softmax_back(&net->state->shim, &pd, net_layout_of(net, work->y), work->hint),
            "gradient of softmax"))
        return;
    buffer_id dy = plain_gradient(net, id), dx = fresh_plain(net, id);
    struct step *step = net_step(net, &net->backward, pd, id);
    net_arg(net, step, DNNL_ARG_DST, work->y);
    net_arg(net, step, DNNL_ARG_DIFF_DST, dy);
    net_arg(net, step, DNNL_ARG_DIFF_SRC, dx);
    net_give(net, node_of(net, id)->in[0], dx, true);
}

// ---- pools ----

static void pool_forward(struct net *net, ncr_node_id id)
{
    bool max = node_of(net, id)->op == NCR_OP_MAXPOOL;
    struct shim_window w = window_of(net, id);
    struct node_work *work = &net->work[id];
    dnnl_primitive_desc_t pd = NULL;
    work->x = input_of(net, id);
    layout y = net_any(net, net_tensor(net, &node_of(net, id)->shape));
    if (!ok(net,
            shim_pool_forward(&net->state->shim, &pd, net->training, max, &w,
                              net_layout_of(net, work->x), y),
            "pool"))
        return;
    work->hint = pd;
    net->out[id] = work->y = fresh(net, net_query(pd, DNNL_ARG_DST));
    layout space = dnnl_primitive_desc_query_md(pd, dnnl_query_workspace_md, 0);
    work->extra = space && dnnl_memory_desc_get_size(space) ? fresh(net, space) : NO_BUFFER;
    struct step *step = net_step(net, &net->forward, pd, id);
    net_arg(net, step, DNNL_ARG_SRC, work->x);
    net_arg(net, step, DNNL_ARG_DST, work->y);
    net_arg(net, step, DNNL_ARG_WORKSPACE, work->extra);
}

static void pool_backward(struct net *net, ncr_node_id id)
{
    bool max = node_of(net, id)->op == NCR_OP_MAXPOOL;
    struct shim_window w = window_of(net, id);
    const struct node_work *work = &net->work[id];
    layout of_x = net_layout_of(net, work->x), of_y = net_layout_of(net, work->y);
    dnnl_primitive_desc_t pd = NULL;
    if (!ok(net, shim_pool_back(&net->state->shim, &pd, max, &w, of_x, of_y, work->hint),
            "gradient of a pool"))
        return;
    buffer_id dy = net_as(net, &net->backward, net->diff[id], of_y), dx = fresh(net, of_x);
    struct step *step = net_step(net, &net->backward, pd, id);
    net_arg(net, step, DNNL_ARG_DIFF_DST, dy);
    net_arg(net, step, DNNL_ARG_DIFF_SRC, dx);
    net_arg(net, step, DNNL_ARG_WORKSPACE, work->extra);
    net_give(net, node_of(net, id)->in[0], dx, true);
}

// ---- batchnorm ----

// The tensor as [n, C, H, W]; [n, N] becomes [n, N, 1, 1].
static layout norm_layout(struct net *net, ncr_node_id id)
{
    const struct ncr_shape *shape = &node_of(net, id)->shape;
    if (shape->rank == 3) return net_layout_of(net, input_of(net, id));
    return net_layout(net, 4, (int64_t[]){net->n, shape->dim[0], 1, 1}, false);
}

static buffer_id channel_buffer(struct net *net, ncr_node_id id, enum buffer_place place,
                                uint32_t what, float *norm)
{
    int64_t c = node_of(net, id)->shape.dim[0];
    buffer_id b = net_buffer(net, net_layout(net, 1, &c, false), place, what);
    net->buffers.at[b].norm = norm;
    return b;
}

static buffer_id channel_param(struct net *net, ncr_node_id id, enum ncr_param_role role)
{
    uint32_t p = ncr_node_param(net->state->graph, node_of(net, id), role);
    return channel_buffer(net, id, PLACE_PARAM, p, NULL);
}

// y = norm(x) with these statistics, scale and shift.
static struct step *norm_step(struct net *net, struct step_list *list, ncr_node_id id,
                              dnnl_primitive_desc_t pd, buffer_id x, buffer_id mean, buffer_id var,
                              buffer_id scale, buffer_id shift, buffer_id y)
{
    struct step *step = net_step(net, list, pd, id);
    net_arg(net, step, DNNL_ARG_SRC, x);
    net_arg(net, step, DNNL_ARG_MEAN, mean);
    net_arg(net, step, DNNL_ARG_VARIANCE, var);
    net_arg(net, step, DNNL_ARG_SCALE, scale);
    net_arg(net, step, DNNL_ARG_SHIFT, shift);
    net_arg(net, step, DNNL_ARG_DST, y);
    return step;
}

// In training twice: once for the statistics of the shard, and, after the lanes have met, with
// those of the batch.
static void norm_forward(struct net *net, ncr_node_id id)
{
    const struct ncr_node *node = node_of(net, id);
    const struct shim *shim = &net->state->shim;
    struct norm *norm = &net->state->norms[id];
    struct node_work *work = &net->work[id];
    layout of = norm_layout(net, id);
    work->x = net_alias(net, input_of(net, id), of);
    work->y = fresh(net, of);
    net->out[id] =
        node->shape.rank == 3 ? work->y : net_alias(net, work->y, net_tensor(net, &node->shape));
    buffer_id gamma = channel_param(net, id, NCR_PARAM_GAMMA);
    buffer_id beta = channel_param(net, id, NCR_PARAM_BETA);
    dnnl_primitive_desc_t pd = NULL;
    if (net->training) {
        work->mean = channel_buffer(net, id, PLACE_LANE, 0, NULL);
        work->var = channel_buffer(net, id, PLACE_LANE, 0, NULL);
        if (!ok(net, shim_norm_forward(shim, &pd, true, false, node->attrs.eps, of), "batchnorm"))
            return;
        struct step *step = norm_step(net, &net->forward, id, pd, work->x, work->mean, work->var,
                                      gamma, beta, work->y);
        if (step) step->meet = true;
    }
    if (!ok(net, shim_norm_forward(shim, &pd, net->training, true, node->attrs.eps, of),
            "batchnorm"))
        return;
    work->hint = pd;
    buffer_id mean = net->training ? channel_buffer(net, id, PLACE_NORM, 0, norm->mean)
                                   : channel_param(net, id, NCR_PARAM_MEAN);
    buffer_id var = net->training ? channel_buffer(net, id, PLACE_NORM, 0, norm->var)
                                  : channel_param(net, id, NCR_PARAM_VAR);
    norm_step(net, &net->forward, id, pd, work->x, mean, var, gamma, beta, work->y);
}

// The primitive takes the statistics as constants and gives dx' = gamma / s dy, and the shard's
// part of dgamma and dbeta. After the lanes have met, what flows through the statistics is added:
//   dx = dx' - gamma / s (dbeta / count + h dgamma / count),  h = (x - mean) / s
// which is batchnorm's own form with another scale (norm->slope) and shift (norm->level).
static void norm_backward(struct net *net, ncr_node_id id)
{
    const struct ncr_node *node = node_of(net, id);
    const struct shim *shim = &net->state->shim;
    struct norm *norm = &net->state->norms[id];
    struct node_work *work = &net->work[id];
    layout of = net_layout_of(net, work->x);
    dnnl_primitive_desc_t pd = NULL;
    if (!ok(net, shim_norm_back(shim, &pd, true, node->attrs.eps, of, work->hint),
            "gradient of batchnorm"))
        return;
    work->dgamma = channel_buffer(net, id, PLACE_LANE, 0, NULL);
    work->dbeta = channel_buffer(net, id, PLACE_LANE, 0, NULL);
    buffer_id mean = channel_buffer(net, id, PLACE_NORM, 0, norm->mean);
    buffer_id var = channel_buffer(net, id, PLACE_NORM, 0, norm->var);
    buffer_id gamma = channel_param(net, id, NCR_PARAM_GAMMA);
    buffer_id dy = net->diff[id];
    if (node->shape.rank == 1) dy = net_alias(net, plain_gradient(net, id), of);
    dy = net_as(net, &net->backward, dy, of);
    buffer_id dx = fresh(net, of);
    struct step *step = net_step(net, &net->backward, pd, id);
    net_arg(net, step, DNNL_ARG_SRC, work->x);
    net_arg(net, step, DNNL_ARG_MEAN, mean);
    net_arg(net, step, DNNL_ARG_VARIANCE, var);
    net_arg(net, step, DNNL_ARG_DIFF_DST, dy);
    net_arg(net, step, DNNL_ARG_SCALE, gamma);
    net_arg(net, step, DNNL_ARG_SHIFT, channel_param(net, id, NCR_PARAM_BETA));
    net_arg(net, step, DNNL_ARG_DIFF_SRC, dx);
    net_arg(net, step, DNNL_ARG_DIFF_SCALE, work->dgamma);
    net_arg(net, step, DNNL_ARG_DIFF_SHIFT, work->dbeta);
    if (step) step->meet = true;
    if (!wanted(net, node->in[0])) return;

    buffer_id slope = channel_buffer(net, id, PLACE_NORM, 0, norm->slope);
    buffer_id level = channel_buffer(net, id, PLACE_NORM, 0, norm->level), rest = fresh(net, of);
    if (!ok(net, shim_norm_forward(shim, &pd, false, true, node->attrs.eps, of), "batchnorm"))
        return;
    norm_step(net, &net->backward, id, pd, work->x, mean, var, slope, level, rest);
    struct step *sum = net_loop(net, &net->backward, loop_accumulate, id);
    net_arg(net, sum, 0, rest);
    net_arg(net, sum, 0, dx);
    if (node->shape.rank == 1) dx = net_alias(net, dx, net_tensor(net, &node->shape));
    net_give(net, node->in[0], dx, node->shape.rank == 3);
}

// ---- what only moves or combines values ----

// Inputs in equal layout, one after the other, then the output.
static void add_forward(struct net *net, ncr_node_id id)
{
    const struct ncr_node *node = node_of(net, id);
    layout of = net_layout_of(net, input_of(net, id));
    buffer_id *x = NCR_NEW_N(net->state->arena, buffer_id, node->n_in);
    for (uint32_t k = 0; k < node->n_in; k++)
        x[k] = net_as(net, &net->forward, net->out[node->in[k]], of);
    net->out[id] = fresh(net, of);
    struct step *step = net_loop(net, &net->forward, loop_add, id);
    for (uint32_t k = 0; k < node->n_in; k++)
        net_arg(net, step, 0, x[k]);
    net_arg(net, step, 0, net->out[id]);
}

// All inputs in plain layout, then the output.
static void plain_forward(struct net *net, ncr_node_id id, loop_fn *loop)
{
    const struct ncr_node *node = node_of(net, id);
    buffer_id *x = NCR_NEW_N(net->state->arena, buffer_id, node->n_in);
    for (uint32_t k = 0; k < node->n_in; k++)
        x[k] = plain_input(net, id, k);
    net->out[id] = fresh_plain(net, id);
    if (node->op == NCR_OP_DROPOUT) net->work[id].extra = fresh_plain(net, id);
    struct step *step = net_loop(net, &net->forward, loop, id);
    for (uint32_t k = 0; k < node->n_in; k++)
        net_arg(net, step, (int)k, x[k]);
    net_arg(net, step, 0, net->out[id]);
    if (node->op == NCR_OP_DROPOUT) net_arg(net, step, 0, net->work[id].extra);
}

// One step an input: the output's gradient, the input's, and what else the loop reads. The
// argument's kind is the number of the input.
static void plain_backward(struct net *net, ncr_node_id id, loop_fn *loop)
{
    const struct ncr_node *node = node_of(net, id);
    buffer_id dy = plain_gradient(net, id);
    for (uint32_t k = 0; k < node->n_in; k++) {
        if (!wanted(net, node->in[k])) continue;
        buffer_id dx = fresh_plain(net, node->in[k]), more = NO_BUFFER;
        if (node->op == NCR_OP_DROPOUT) more = net->work[id].extra;
        if (node->op == NCR_OP_MUL) more = plain_input(net, id, 1 - k);
        struct step *step = net_loop(net, &net->backward, loop, id);
        net_arg(net, step, (int)k, dy);
        net_arg(net, step, (int)k, dx);
        net_arg(net, step, (int)k, more);
        net_give(net, node->in[k], dx, true);
    }
}

// Flatten and reshape are another view of the plain tensor.
static void view_forward(struct net *net, ncr_node_id id)
{
    net->out[id] =
        net_alias(net, plain_input(net, id, 0), net_tensor(net, &node_of(net, id)->shape));
}

static void view_backward(struct net *net, ncr_node_id id)
{
    net_give(net, node_of(net, id)->in[0],
             net_alias(net, plain_gradient(net, id), net_tensor(net, input_shape(net, id))), false);
}

void node_forward(struct net *net, ncr_node_id id)
{
    switch (node_of(net, id)->op) {
    case NCR_OP_INPUT:
    case NCR_OP_COUNT_: break;
    case NCR_OP_CONV:
    case NCR_OP_DWCONV:
    case NCR_OP_DENSE: linear_forward(net, id); return;
    case NCR_OP_BATCHNORM: norm_forward(net, id); return;
    case NCR_OP_RELU:
    case NCR_OP_RELU6:
    case NCR_OP_LEAKY_RELU:
    case NCR_OP_HARDSWISH:
    case NCR_OP_SIGMOID:
    case NCR_OP_TANH: eltwise_forward(net, id); return;
    case NCR_OP_SOFTMAX: softmax_forward(net, id); return;
    case NCR_OP_MAXPOOL:
    case NCR_OP_AVGPOOL:
    case NCR_OP_GLOBAL_AVGPOOL: pool_forward(net, id); return;
    case NCR_OP_ADD: add_forward(net, id); return;
    case NCR_OP_MUL: plain_forward(net, id, loop_mul); return;
    case NCR_OP_CONCAT: plain_forward(net, id, loop_concat); return;
    case NCR_OP_FLATTEN:
    case NCR_OP_RESHAPE: view_forward(net, id); return;
    case NCR_OP_PAD:
    case NCR_OP_UPSAMPLE: plain_forward(net, id, loop_move); return;
    case NCR_OP_ZERO: plain_forward(net, id, loop_zero); return;
    case NCR_OP_IDENTITY: net->out[id] = input_of(net, id); return;
    case NCR_OP_DROPOUT:
        if (net->training)
            plain_forward(net, id, loop_dropout);
        else
            net->out[id] = input_of(net, id);
        return;
    }
    NCR_BUG("no steps for %s", ncr_op_name(node_of(net, id)->op));
}

void node_backward(struct net *net, ncr_node_id id)
{
    const struct ncr_node *node = node_of(net, id);
    bool below = wanted(net, node->in[0]);
    switch (node->op) {
    case NCR_OP_INPUT:
    case NCR_OP_COUNT_: break;
    case NCR_OP_CONV:
    case NCR_OP_DWCONV:
    case NCR_OP_DENSE:
        linear_back_weights(net, id);
        if (below && net->state->failed == dnnl_success) linear_back_data(net, id);
        return;
    case NCR_OP_BATCHNORM: norm_backward(net, id); return;
    case NCR_OP_RELU:
    case NCR_OP_RELU6:
    case NCR_OP_LEAKY_RELU:
    case NCR_OP_HARDSWISH:
    case NCR_OP_SIGMOID:
    case NCR_OP_TANH: eltwise_backward(net, id); return;
    case NCR_OP_SOFTMAX: softmax_backward(net, id); return;
    case NCR_OP_MAXPOOL:
    case NCR_OP_AVGPOOL:
    case NCR_OP_GLOBAL_AVGPOOL: pool_backward(net, id); return;
    case NCR_OP_ADD:
        for (uint32_t k = 0; k < node->n_in; k++)
            if (wanted(net, node->in[k])) net_give(net, node->in[k], net->diff[id], false);
        return;
    case NCR_OP_MUL: plain_backward(net, id, loop_mul_back); return;
    case NCR_OP_CONCAT: plain_backward(net, id, loop_concat_back); return;
    case NCR_OP_FLATTEN:
    case NCR_OP_RESHAPE: view_backward(net, id); return;
    case NCR_OP_PAD:
    case NCR_OP_UPSAMPLE: plain_backward(net, id, loop_move_back); return;
    case NCR_OP_ZERO: plain_backward(net, id, loop_zero_back); return;
    case NCR_OP_IDENTITY: net_give(net, node->in[0], net->diff[id], false); return;
    case NCR_OP_DROPOUT: plain_backward(net, id, loop_dropout_back); return;
    }
    NCR_BUG("no gradient steps for %s", ncr_op_name(node->op));
}
