// Convolution, depthwise convolution and dense: y = W x + b as plain sums over taps.
#include "runtime/train/reference/reference.h"

// A depthwise convolution is a grouped one with as many groups as input channels, so one pair of
// functions serves both.
struct window {
    int32_t groups, c_in, h_in, w_in, c_out, h_out, w_out; // c_in, c_out: of one group
};

static struct window window_of(const struct ncr_ref *r)
{
    int32_t groups = r->node->op == NCR_OP_DWCONV ? r->in[0]->dim[0] : r->node->attrs.groups;
    return (struct window){groups,
                           r->in[0]->dim[0] / groups,
                           r->in[0]->dim[1],
                           r->in[0]->dim[2],
                           r->node->shape.dim[0] / groups,
                           r->node->shape.dim[1],
                           r->node->shape.dim[2]};
}

// Calls body for each tap inside the image: xi, wi, yi are the places in x, the weights and y.
#define EACH_TAP(r, w, body)                                                                       \
    do {                                                                                           \
        const struct ncr_attrs *a = &(r)->node->attrs;                                             \
        int32_t kh = a->kernel[0], kw = a->kernel[1];                                              \
        for (int64_t image = 0; image < (r)->n; image++)                                           \
            for (int32_t g = 0; g < (w).groups; g++)                                               \
                for (int32_t o = 0; o < (w).c_out; o++)                                            \
                    for (int32_t oy = 0; oy < (w).h_out; oy++)                                     \
                        for (int32_t ox = 0; ox < (w).w_out; ox++) {                               \
                            int64_t channel = (int64_t)g * (w).c_out + o;                          \
                            int64_t yi =                                                           \
                                ((image * (w).groups * (w).c_out + channel) * (w).h_out + oy) *    \
                                    (w).w_out +                                                    \
                                ox;                                                                \
                            for (int32_t c = 0; c < (w).c_in; c++)                                 \
                                for (int32_t ky = 0; ky < kh; ky++)                                \
                                    for (int32_t kx = 0; kx < kw; kx++) {                          \
                                        int64_t iy = (int64_t)oy * a->stride[0] - a->pad[0] +      \
                                                     (int64_t)ky * a->dilation[0];                 \
                                        int64_t ix = (int64_t)ox * a->stride[1] - a->pad[1] +      \
                                                     (int64_t)kx * a->dilation[1];                 \
                                        if (iy < 0 || iy >= (w).h_in || ix < 0 || ix >= (w).w_in)  \
                                            continue;                                              \
                                        int64_t xi = ((image * (w).groups * (w).c_in +             \
                                                       (int64_t)g * (w).c_in + c) *                \
                                                          (w).h_in +                               \
                                                      iy) *                                        \
                                                         (w).w_in +                                \
                                                     ix;                                           \
                                        int64_t wi =                                               \
                                            ((channel * (w).c_in + c) * kh + ky) * kw + kx;        \
                                        body;                                                      \
                                    }                                                              \
                        }                                                                          \
    } while (0)

// y = bias of the channel, or 0.
static void start_with_bias(const struct ncr_ref *r)
{
    uint32_t b = ncr_node_param(r->graph, r->node, NCR_PARAM_BIAS);
    int64_t channels = ncr_shape_channels(&r->node->shape),
            places = ncr_shape_places(&r->node->shape);
    for (int64_t image = 0, yi = 0; image < r->n; image++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t i = 0; i < places; i++)
                r->y[yi++] = b == NCR_NO_NODE ? 0 : r->p[b][c];
}

static void bias_gradient(const struct ncr_ref *r)
{
    uint32_t b = ncr_node_param(r->graph, r->node, NCR_PARAM_BIAS);
    if (b == NCR_NO_NODE) return;
    int64_t channels = ncr_shape_channels(&r->node->shape),
            places = ncr_shape_places(&r->node->shape);
    for (int64_t image = 0, yi = 0; image < r->n; image++)
        for (int64_t c = 0; c < channels; c++)
            for (int64_t i = 0; i < places; i++)
                r->dp[b][c] += r->dy[yi++];
}

static void conv_forward(const struct ncr_ref *r)
{
    struct window w = window_of(r);
    const double *x = r->x[0], *weight = r->p[ncr_node_param(r->graph, r->node, NCR_PARAM_WEIGHT)];
    start_with_bias(r);
    EACH_TAP(r, w, r->y[yi] += weight[wi] * x[xi]);
}

static void conv_backward(const struct ncr_ref *r)
{
    struct window w = window_of(r);
    uint32_t p = ncr_node_param(r->graph, r->node, NCR_PARAM_WEIGHT);
    const double *x = r->x[0], *weight = r->p[p];
    double *dx = r->dx[0], *dweight = r->dp[p];
    bias_gradient(r);
    EACH_TAP(r, w, dweight[wi] += r->dy[yi] * x[xi]);
    if (dx) EACH_TAP(r, w, dx[xi] += r->dy[yi] * weight[wi]);
}

static void dense_forward(const struct ncr_ref *r)
{
    int64_t n_in = ncr_shape_elements(r->in[0]), n_out = ncr_shape_elements(&r->node->shape);
    const double *weight = r->p[ncr_node_param(r->graph, r->node, NCR_PARAM_WEIGHT)];
    start_with_bias(r);
    for (int64_t image = 0; image < r->n; image++)
        for (int64_t o = 0; o < n_out; o++)
            for (int64_t i = 0; i < n_in; i++)
                r->y[image * n_out + o] += weight[o * n_in + i] * r->x[0][image * n_in + i];
}

static void dense_backward(const struct ncr_ref *r)
{
    int64_t n_in = ncr_shape_elements(r->in[0]), n_out = ncr_shape_elements(&r->node->shape);
    uint32_t p = ncr_node_param(r->graph, r->node, NCR_PARAM_WEIGHT);
    bias_gradient(r);
    for (int64_t image = 0; image < r->n; image++)
        for (int64_t o = 0; o < n_out; o++) {
            double dy = r->dy[image * n_out + o];
            for (int64_t i = 0; i < n_in; i++)
                r->dp[p][o * n_in + i] += dy * r->x[0][image * n_in + i];
            for (int64_t i = 0; r->dx[0] && i < n_in; i++)
                r->dx[0][image * n_in + i] += dy * r->p[p][o * n_in + i];
        }
}

const struct ncr_grad ncr_grad_conv = {conv_forward, conv_backward};
const struct ncr_grad ncr_grad_dwconv = {conv_forward, conv_backward};
const struct ncr_grad ncr_grad_dense = {dense_forward, dense_backward};
