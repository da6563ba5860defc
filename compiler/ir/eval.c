// The float interpreter: plain loops, one function an operator. The oracle of everything float; not
// fast, not clever. Tensors are [C, H, W] or [N], row-major.
#include <float.h>
#include <math.h>

#include "compiler/ir/weights.h"

struct job {
    const struct ncr_graph *graph;
    const struct ncr_node *node;
    const float *const *in; // inputs of the node
    const struct ncr_shape *const *in_shape;
    const float *const *param; // its parameters, in order
    const float *graph_input;  // INPUT only
    float *out;
    int64_t n; // elements of out
};

static void ncr_eval_input(const struct job *j)
{
    memcpy(j->out, j->graph_input, (size_t)j->n * sizeof(float));
}

static void ncr_eval_copy(const struct job *j)
{
    memcpy(j->out, j->in[0], (size_t)j->n * sizeof(float));
}

// Convolution with `per` input channels for each output channel, starting at channel first(o).
static void convolve(const struct job *j, int32_t per, int32_t outs_per_group)
{
    const struct ncr_attrs *a = &j->node->attrs;
    const struct ncr_shape *in = j->in_shape[0], *out = &j->node->shape;
    int32_t H = in->dim[1], W = in->dim[2], kh = a->kernel[0], kw = a->kernel[1];
    const float *w = j->param[0], *bias = a->bias ? j->param[1] : NULL;
    for (int32_t o = 0; o < out->dim[0]; o++) {
        int32_t c0 = o / outs_per_group * per;
        for (int32_t y = 0; y < out->dim[1]; y++)
            for (int32_t x = 0; x < out->dim[2]; x++) {
                double sum = bias ? (double)bias[o] : 0;
                for (int32_t c = 0; c < per; c++)
                    for (int32_t p = 0; p < kh; p++) {
                        int32_t iy = y * a->stride[0] - a->pad[0] + p * a->dilation[0];
                        if (iy < 0 || iy >= H) continue;
                        for (int32_t q = 0; q < kw; q++) {
                            int32_t ix = x * a->stride[1] - a->pad[1] + q * a->dilation[1];
                            if (ix < 0 || ix >= W) continue;
                            sum += (double)w[(((int64_t)o * per + c) * kh + p) * kw + q] *
                                   (double)j->in[0][((int64_t)(c0 + c) * H + iy) * W + ix];
                        }
                    }
                j->out[((int64_t)o * out->dim[1] + y) * out->dim[2] + x] = (float)sum;
            }
    }
}

static void ncr_eval_conv(const struct job *j)
{
    int32_t groups = j->node->attrs.groups;
    convolve(j, j->in_shape[0]->dim[0] / groups, j->node->shape.dim[0] / groups);
}

static void ncr_eval_dwconv(const struct job *j)
{
    convolve(j, 1, j->node->attrs.multiplier);
}

static void ncr_eval_dense(const struct job *j)
{
    int64_t I = j->in_shape[0]->dim[0];
    for (int64_t o = 0; o < j->n; o++) {
        double sum = j->node->attrs.bias ? (double)j->param[1][o] : 0;
        for (int64_t i = 0; i < I; i++)
            sum += (double)j->param[0][o * I + i] * (double)j->in[0][i];
        j->out[o] = (float)sum;
    }
}

// gamma · (x - mean) / sqrt(var + eps) + beta, per channel (Ioffe and Szegedy, ICML 2015, inference
// form).
static void ncr_eval_batchnorm(const struct job *j)
{
    int64_t C = j->node->shape.dim[0], per = j->n / C;
    for (int64_t c = 0; c < C; c++) {
        double k =
            (double)j->param[0][c] / sqrt((double)j->param[3][c] + (double)j->node->attrs.eps);
        double shift = (double)j->param[1][c] - k * (double)j->param[2][c];
        for (int64_t i = 0; i < per; i++)
            j->out[c * per + i] = (float)(k * (double)j->in[0][c * per + i] + shift);
    }
}

static void ncr_eval_relu(const struct job *j)
{
    for (int64_t i = 0; i < j->n; i++)
        j->out[i] = j->in[0][i] > 0 ? j->in[0][i] : 0;
}

static void ncr_eval_relu6(const struct job *j)
{
    for (int64_t i = 0; i < j->n; i++) {
        float x = j->in[0][i];
        j->out[i] = x < 0 ? 0 : x > 6 ? 6 : x;
    }
}

static void ncr_eval_leaky_relu(const struct job *j)
{
    for (int64_t i = 0; i < j->n; i++)
        j->out[i] = j->in[0][i] > 0 ? j->in[0][i] : j->node->attrs.alpha * j->in[0][i];
}

// x · relu6(x + 3) / 6 (Howard et al., ICCV 2019).
static void ncr_eval_hardswish(const struct job *j)
{
    for (int64_t i = 0; i < j->n; i++) {
        float x = j->in[0][i], g = x + 3 < 0 ? 0 : x + 3 > 6 ? 6 : x + 3;
        j->out[i] = x * g / 6;
    }
}

static void ncr_eval_zero(const struct job *j)
{
    for (int64_t i = 0; i < j->n; i++)
        j->out[i] = 0;
}

static void ncr_eval_sigmoid(const struct job *j)
{
    for (int64_t i = 0; i < j->n; i++)
        j->out[i] = (float)(1 / (1 + exp(-(double)j->in[0][i])));
}

static void ncr_eval_tanh(const struct job *j)
{
    for (int64_t i = 0; i < j->n; i++)
        j->out[i] = (float)tanh((double)j->in[0][i]);
}

static void ncr_eval_softmax(const struct job *j)
{
    double top = -DBL_MAX, sum = 0;
    for (int64_t i = 0; i < j->n; i++)
        if ((double)j->in[0][i] > top) top = (double)j->in[0][i];
    for (int64_t i = 0; i < j->n; i++)
        sum += exp((double)j->in[0][i] - top);
    for (int64_t i = 0; i < j->n; i++)
        j->out[i] = (float)(exp((double)j->in[0][i] - top) / sum);
}

// Pooling over the taps inside the image; padding never counts.
static void pool(const struct job *j, bool mean)
{
    const struct ncr_attrs *a = &j->node->attrs;
    const struct ncr_shape *in = j->in_shape[0], *out = &j->node->shape;
    int32_t H = in->dim[1], W = in->dim[2];
    for (int32_t c = 0; c < out->dim[0]; c++)
        for (int32_t y = 0; y < out->dim[1]; y++)
            for (int32_t x = 0; x < out->dim[2]; x++) {
                double best = -DBL_MAX, sum = 0;
                int taps = 0;
                for (int32_t p = 0; p < a->kernel[0]; p++)
                    for (int32_t q = 0; q < a->kernel[1]; q++) {
                        int32_t iy = y * a->stride[0] - a->pad[0] + p,
                                ix = x * a->stride[1] - a->pad[1] + q;
                        if (iy < 0 || iy >= H || ix < 0 || ix >= W) continue;
                        double v = (double)j->in[0][((int64_t)c * H + iy) * W + ix];
                        if (v > best) best = v;
                        sum += v;
                        taps++;
                    }
                j->out[((int64_t)c * out->dim[1] + y) * out->dim[2] + x] =
                    (float)(mean ? sum / taps : best);
            }
}

static void ncr_eval_maxpool(const struct job *j)
{
    pool(j, false);
}

static void ncr_eval_avgpool(const struct job *j)
{
    pool(j, true);
}

static void ncr_eval_global_avgpool(const struct job *j)
{
    int64_t per = ncr_shape_elements(j->in_shape[0]) / j->n;
    for (int64_t c = 0; c < j->n; c++) {
        double sum = 0;
        for (int64_t i = 0; i < per; i++)
            sum += (double)j->in[0][c * per + i];
        j->out[c] = (float)(sum / (double)per);
    }
}

static void ncr_eval_add(const struct job *j)
{
    for (int64_t i = 0; i < j->n; i++) {
        double sum = 0;
        for (uint32_t k = 0; k < j->node->n_in; k++)
            sum += (double)j->in[k][i];
        j->out[i] = (float)sum;
    }
}

static void ncr_eval_mul(const struct job *j)
{
    int64_t n0 = ncr_shape_elements(j->in_shape[0]), n1 = ncr_shape_elements(j->in_shape[1]);
    int64_t per0 = j->n / n0,
            per1 = j->n / n1; // 1, or the pixels that one channel value is spread over
    for (int64_t i = 0; i < j->n; i++)
        j->out[i] = j->in[0][i / per0] * j->in[1][i / per1];
}

static void ncr_eval_concat(const struct job *j)
{
    float *out = j->out;
    for (uint32_t k = 0; k < j->node->n_in; k++) {
        int64_t n = ncr_shape_elements(j->in_shape[k]);
        memcpy(out, j->in[k], (size_t)n * sizeof(float));
        out += n;
    }
}

static void ncr_eval_pad(const struct job *j)
{
    const struct ncr_shape *in = j->in_shape[0], *out = &j->node->shape;
    const int32_t *pad = j->node->attrs.pad;
    memset(j->out, 0, (size_t)j->n * sizeof(float));
    for (int32_t c = 0; c < in->dim[0]; c++)
        for (int32_t y = 0; y < in->dim[1]; y++)
            memcpy(&j->out[((int64_t)c * out->dim[1] + y + pad[0]) * out->dim[2] + pad[1]],
                   &j->in[0][((int64_t)c * in->dim[1] + y) * in->dim[2]],
                   (size_t)in->dim[2] * sizeof(float));
}

static void ncr_eval_upsample(const struct job *j)
{
    const struct ncr_shape *in = j->in_shape[0], *out = &j->node->shape;
    const int32_t *f = j->node->attrs.factor;
    for (int32_t c = 0; c < out->dim[0]; c++)
        for (int32_t y = 0; y < out->dim[1]; y++)
            for (int32_t x = 0; x < out->dim[2]; x++)
                j->out[((int64_t)c * out->dim[1] + y) * out->dim[2] + x] =
                    j->in[0][((int64_t)c * in->dim[1] + y / f[0]) * in->dim[2] + x / f[1]];
}

void ncr_eval_f32(struct ncr_arena *arena, const struct ncr_graph *graph,
                  const struct ncr_weights *weights, const float *const *inputs, float **values)
{
    static void (*const rule[])(const struct job *) = {
#define NCR_OP_ROW(NAME, name, min_in, max_in, attrs, shape, params, macs, eval, ...)              \
    ncr_eval_##eval,
#include "compiler/ir/ops.def"
#undef NCR_OP_ROW
    };
    uint32_t most = 1, next_input = 0;
    for (ncr_node_id id = 0; id < graph->n_nodes; id++)
        if (graph->nodes[id].n_in > most) most = graph->nodes[id].n_in;
    const float **in = NCR_NEW_N(arena, const float *, most);
    const struct ncr_shape **in_shape = NCR_NEW_N(arena, const struct ncr_shape *, most);
    for (ncr_node_id id = 0; id < graph->n_nodes; id++) {
        const struct ncr_node *node = &graph->nodes[id];
        for (uint32_t k = 0; k < node->n_in; k++) {
            in[k] = values[node->in[k]];
            in_shape[k] = &graph->nodes[node->in[k]].shape;
        }
        struct job job = {
            .graph = graph,
            .node = node,
            .in = in,
            .in_shape = in_shape,
            .param = node->n_params ? (const float *const *)&weights->at[node->first_param] : NULL,
            .n = ncr_shape_elements(&node->shape)};
        if (node->op == NCR_OP_INPUT) job.graph_input = inputs[next_input++];
        values[id] = job.out = NCR_NEW_N(arena, float, (size_t)job.n);
        rule[node->op](&job);
    }
}
