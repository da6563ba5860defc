// What oneDNN is not asked for: loops that move or combine values, on plain tensors (or, for sums,
// on any layout that is the same on both sides), and the loss.
#include "runtime/train/loss.h"
#include "runtime/train/onednn/onednn.h"

static float *data(const struct lane *lane, const struct step *step, uint32_t arg)
{
    return lane->data[lane->net->args.at[step->first_arg + arg].buffer];
}

// Floats of an argument's buffer, padding of its layout included.
static int64_t size(const struct lane *lane, const struct step *step, uint32_t arg)
{
    buffer_id b = lane->net->args.at[step->first_arg + arg].buffer;
    return (int64_t)(lane->net->buffers.at[b].bytes / sizeof(float));
}

static const struct ncr_node *node_of(const struct lane *lane, const struct step *step)
{
    return &lane->net->state->graph->nodes[step->node];
}

static const struct ncr_shape *shape_of(const struct lane *lane, ncr_node_id id)
{
    return &lane->net->state->graph->nodes[id].shape;
}

// last = sum of the others
void loop_add(const struct lane *lane, const struct step *step)
{
    uint32_t last = step->n_args - 1;
    float *restrict y = data(lane, step, last);
    int64_t n = size(lane, step, last);
    memcpy(y, data(lane, step, 0), (size_t)n * sizeof *y);
    for (uint32_t k = 1; k < last; k++) {
        const float *x = data(lane, step, k);
        for (int64_t i = 0; i < n; i++)
            y[i] += x[i];
    }
}

// second += first
void loop_accumulate(const struct lane *lane, const struct step *step)
{
    const float *x = data(lane, step, 0);
    float *restrict y = data(lane, step, 1);
    for (int64_t i = 0, n = size(lane, step, 1); i < n; i++)
        y[i] += x[i];
}

// Elements of the output for one of this tensor: 1, or the places of a channel where the tensor is
// [C, 1, 1].
static int64_t spread(const struct lane *lane, const struct step *step, uint32_t arg, int64_t n)
{
    return n / size(lane, step, arg);
}

void loop_mul(const struct lane *lane, const struct step *step)
{
    const float *a = data(lane, step, 0), *b = data(lane, step, 1);
    float *restrict y = data(lane, step, 2);
    int64_t n = size(lane, step, 2), pa = spread(lane, step, 0, n), pb = spread(lane, step, 1, n);
    if (pa == 1 && pb == 1) {
        for (int64_t i = 0; i < n; i++)
            y[i] = a[i] * b[i];
        return;
    }
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i / pa] * b[i / pb];
}

// Arguments: gradient of the output, of this input, the other input.
void loop_mul_back(const struct lane *lane, const struct step *step)
{
    const float *dy = data(lane, step, 0), *other = data(lane, step, 2);
    float *restrict dx = data(lane, step, 1);
    int64_t n = size(lane, step, 0), px = spread(lane, step, 1, n), po = spread(lane, step, 2, n);
    memset(dx, 0, (size_t)size(lane, step, 1) * sizeof *dx);
    for (int64_t i = 0; i < n; i++)
        dx[i / px] += dy[i] * other[i / po];
}

// The run of input k in each image of the output.
static int64_t concat_begin(const struct lane *lane, const struct step *step, uint32_t k)
{
    const struct ncr_node *node = node_of(lane, step);
    int64_t begin = 0;
    for (uint32_t i = 0; i < k; i++)
        begin += ncr_shape_elements(shape_of(lane, node->in[i]));
    return begin;
}

void loop_concat(const struct lane *lane, const struct step *step)
{
    const struct ncr_node *node = node_of(lane, step);
    float *y = data(lane, step, node->n_in);
    int64_t all = ncr_shape_elements(&node->shape);
    for (uint32_t k = 0; k < node->n_in; k++) {
        int64_t part = ncr_shape_elements(shape_of(lane, node->in[k]));
        float *to = y + concat_begin(lane, step, k);
        const float *from = data(lane, step, k);
        for (uint32_t image = 0; image < lane->net->n; image++)
            memcpy(to + image * all, from + image * part, (size_t)part * sizeof *to);
    }
}

void loop_concat_back(const struct lane *lane, const struct step *step)
{
    const struct ncr_node *node = node_of(lane, step);
    uint32_t k = (uint32_t)lane->net->args.at[step->first_arg].kind;
    int64_t all = ncr_shape_elements(&node->shape),
            part = ncr_shape_elements(shape_of(lane, node->in[k]));
    const float *from = data(lane, step, 0) + concat_begin(lane, step, k);
    float *to = data(lane, step, 1);
    for (uint32_t image = 0; image < lane->net->n; image++)
        memcpy(to + image * part, from + image * all, (size_t)part * sizeof *to);
}

void loop_dropout(const struct lane *lane, const struct step *step)
{
    const float *x = data(lane, step, 0);
    float *restrict y = data(lane, step, 1), *mask = data(lane, step, 2);
    int64_t n = size(lane, step, 1), image = ncr_shape_elements(&node_of(lane, step)->shape);
    if (lane->pass->dropout)
        ncr_train_dropout(lane->pass->seed, lane->pass->number, step->node,
                          node_of(lane, step)->attrs.rate, lane->first * image, mask, n);
    else
        for (int64_t i = 0; i < n; i++)
            mask[i] = 1;
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * mask[i];
}

void loop_dropout_back(const struct lane *lane, const struct step *step)
{
    const float *dy = data(lane, step, 0), *mask = data(lane, step, 2);
    float *restrict dx = data(lane, step, 1);
    for (int64_t i = 0, n = size(lane, step, 0); i < n; i++)
        dx[i] = dy[i] * mask[i];
}

// Pad and upsample. Calls body for each place (c, y, x) of an image of the output whose value is
// that of place `from` of the input; places in the padding are left out.
#define EACH_MOVE(node, in, body)                                                                  \
    do {                                                                                           \
        const struct ncr_attrs *a = &(node)->attrs;                                                \
        const int32_t *d = (node)->shape.dim;                                                      \
        bool pad = (node)->op == NCR_OP_PAD;                                                       \
        for (int64_t c = 0, to = 0; c < d[0]; c++)                                                 \
            for (int64_t y = 0; y < d[1]; y++)                                                     \
                for (int64_t x = 0; x < d[2]; x++, to++) {                                         \
                    int64_t iy = pad ? y - a->pad[0] : y / a->factor[0];                           \
                    int64_t ix = pad ? x - a->pad[1] : x / a->factor[1];                           \
                    if (iy < 0 || iy >= (in)->dim[1] || ix < 0 || ix >= (in)->dim[2]) continue;    \
                    int64_t from = (c * (in)->dim[1] + iy) * (in)->dim[2] + ix;                    \
                    body;                                                                          \
                }                                                                                  \
    } while (0)

void loop_zero(const struct lane *lane, const struct step *step)
{
    int64_t n = ncr_shape_elements(&node_of(lane, step)->shape) * lane->net->n;
    memset(data(lane, step, 1), 0, (size_t)n * sizeof(float));
}

void loop_zero_back(const struct lane *lane, const struct step *step)
{
    int64_t n = ncr_shape_elements(shape_of(lane, node_of(lane, step)->in[0])) * lane->net->n;
    memset(data(lane, step, 1), 0, (size_t)n * sizeof(float));
}

void loop_move(const struct lane *lane, const struct step *step)
{
    const struct ncr_node *node = node_of(lane, step);
    const struct ncr_shape *in = shape_of(lane, node->in[0]);
    int64_t n_in = ncr_shape_elements(in), n_out = ncr_shape_elements(&node->shape);
    for (uint32_t image = 0; image < lane->net->n; image++) {
        const float *p = data(lane, step, 0) + image * n_in;
        float *q = data(lane, step, 1) + image * n_out;
        memset(q, 0, (size_t)n_out * sizeof *q);
        EACH_MOVE(node, in, q[to] = p[from]);
    }
}

void loop_move_back(const struct lane *lane, const struct step *step)
{
    const struct ncr_node *node = node_of(lane, step);
    const struct ncr_shape *in = shape_of(lane, node->in[0]);
    int64_t n_in = ncr_shape_elements(in), n_out = ncr_shape_elements(&node->shape);
    for (uint32_t image = 0; image < lane->net->n; image++) {
        const float *q = data(lane, step, 0) + image * n_out;
        float *p = data(lane, step, 1) + image * n_in;
        memset(p, 0, (size_t)n_in * sizeof *p);
        EACH_MOVE(node, in, p[from] += q[to]);
    }
}

// ncr_fake_round in single precision, without branches so that it is compiled to vectors. The
// padding of a layout is zero and stays so: every format has an exact zero.
void loop_round(const struct lane *lane, const struct step *step)
{
    const struct ncr_fake_tensor *t = ncr_train_rounded(lane->net->state->plan, step->node);
    const float *restrict x = data(lane, step, 0);
    float *restrict y = data(lane, step, 1);
    const float scale = (float)t->scale, by = (float)(1 / t->scale), zero = (float)t->zero,
                lo = (float)t->lo, hi = (float)t->hi;
    for (int64_t i = 0, n = size(lane, step, 1); i < n; i++) {
        float v = x[i] * by + zero;
        float in = v > lo ? v : lo; // nan becomes lo here, and itself again below
        in = in < hi ? in : hi;
        float r = scale * ((float)(int32_t)(in - lo + 0.5F) + lo - zero);
        y[i] = v != v ? v : r;
    }
}

// Scores to their gradient; loss and hits are those of the shard, scaled for the whole batch.
void loop_loss(const struct lane *at, const struct step *step)
{
    struct lane *lane = (struct lane *)(uintptr_t)at; // the result is the lane's
    lane->loss =
        ncr_train_loss_f32(data(lane, step, 0), lane->pass->labels + lane->first, lane->net->n,
                           lane->net->state->plan->classes, lane->pass->label_smoothing,
                           lane->pass->n, lane->row, data(lane, step, 1), &lane->correct);
}
