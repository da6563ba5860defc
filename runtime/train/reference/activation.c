// Element by element: activations, softmax, dropout, add, mul. At a kink the gradient is that of
// the flat side.
#include "runtime/train/numbers.h"
#include "runtime/train/reference/reference.h"

static int64_t size_of(const struct ncr_ref *r)
{
    return ncr_shape_elements(&r->node->shape) * r->n;
}

// An activation from its value f(x) and its derivative d(x, y).
#define ACTIVATION(name, f, d)                                                                     \
    static void name##_forward(const struct ncr_ref *r)                                            \
    {                                                                                              \
        double alpha NCR_UNUSED = (double)r->node->attrs.alpha;                                    \
        for (int64_t i = 0, n = size_of(r); i < n; i++) {                                          \
            double x = r->x[0][i];                                                                 \
            r->y[i] = (f);                                                                         \
        }                                                                                          \
    }                                                                                              \
    static void name##_backward(const struct ncr_ref *r)                                           \
    {                                                                                              \
        double alpha NCR_UNUSED = (double)r->node->attrs.alpha;                                    \
        for (int64_t i = 0, n = size_of(r); r->dx[0] && i < n; i++) {                              \
            double x NCR_UNUSED = r->x[0][i], y NCR_UNUSED = r->y[i];                              \
            r->dx[0][i] += r->dy[i] * (d);                                                         \
        }                                                                                          \
    }                                                                                              \
    const struct ncr_grad ncr_grad_##name = {name##_forward, name##_backward};

// Stable on both sides: exp of a negative number only.
static double sigmoid(double x)
{
    double e = ncr_train_exp(x < 0 ? x : -x);
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

static double relu6(double x)
{
    return x < 0 ? 0 : x > 6 ? 6 : x;
}

ACTIVATION(relu, x > 0 ? x : 0, x > 0 ? 1 : 0)
ACTIVATION(relu6, relu6(x), x > 0 && x < 6 ? 1 : 0)
ACTIVATION(leaky_relu, x > 0 ? x : alpha * x, x > 0 ? 1 : alpha)
// x relu6(x + 3) / 6 (Howard et al., ICCV 2019)
ACTIVATION(hardswish, x *relu6(x + 3) / 6, x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6)
ACTIVATION(sigmoid, sigmoid(x), y *(1 - y))
ACTIVATION(tanh, 2 * sigmoid(2 * x) - 1, 1 - y * y)

static void zero_forward(const struct ncr_ref *r)
{
    for (int64_t i = 0, n = size_of(r); i < n; i++)
        r->y[i] = 0;
}

static void zero_backward(const struct ncr_ref *r)
{
    (void)r; // what it reads does not matter
}
const struct ncr_grad ncr_grad_zero = {zero_forward, zero_backward};

static void softmax_forward(const struct ncr_ref *r)
{
    int64_t k = ncr_shape_elements(&r->node->shape);
    for (int64_t image = 0; image < r->n; image++) {
        const double *x = r->x[0] + image * k;
        double *y = r->y + image * k, top = x[0], sum = 0;
        for (int64_t j = 1; j < k; j++)
            top = x[j] > top ? x[j] : top;
        for (int64_t j = 0; j < k; j++)
            sum += y[j] = ncr_train_exp(x[j] - top);
        for (int64_t j = 0; j < k; j++)
            y[j] /= sum;
    }
}

// dx = y (dy - sum dy y)
static void softmax_backward(const struct ncr_ref *r)
{
    int64_t k = ncr_shape_elements(&r->node->shape);
    for (int64_t image = 0; r->dx[0] && image < r->n; image++) {
        const double *y = r->y + image * k, *dy = r->dy + image * k;
        double dot = 0;
        for (int64_t j = 0; j < k; j++)
            dot += dy[j] * y[j];
        for (int64_t j = 0; j < k; j++)
            r->dx[0][image * k + j] += y[j] * (dy[j] - dot);
    }
}

const struct ncr_grad ncr_grad_softmax = {softmax_forward, softmax_backward};

// The mask as factors, over the memory of `scratch`.
static const float *dropout_mask(const struct ncr_ref *r)
{
    float *mask = (float *)(void *)r->scratch;
    ncr_train_dropout(r->seed, r->number, r->id, r->node->attrs.rate, 0, mask, size_of(r));
    return mask;
}

static void dropout_forward(const struct ncr_ref *r)
{
    const float *mask = r->dropout ? dropout_mask(r) : NULL;
    for (int64_t i = 0, n = size_of(r); i < n; i++)
        r->y[i] = mask ? r->x[0][i] * (double)mask[i] : r->x[0][i];
}

static void dropout_backward(const struct ncr_ref *r)
{
    const float *mask = r->dropout ? dropout_mask(r) : NULL;
    for (int64_t i = 0, n = size_of(r); r->dx[0] && i < n; i++)
        r->dx[0][i] += mask ? r->dy[i] * (double)mask[i] : r->dy[i];
}

const struct ncr_grad ncr_grad_dropout = {dropout_forward, dropout_backward};

static void add_forward(const struct ncr_ref *r)
{
    for (int64_t i = 0, n = size_of(r); i < n; i++) {
        double sum = 0;
        for (uint32_t k = 0; k < r->node->n_in; k++)
            sum += r->x[k][i];
        r->y[i] = sum;
    }
}

static void add_backward(const struct ncr_ref *r)
{
    for (uint32_t k = 0; k < r->node->n_in; k++)
        for (int64_t i = 0, n = size_of(r); r->dx[k] && i < n; i++)
            r->dx[k][i] += r->dy[i];
}

const struct ncr_grad ncr_grad_add = {add_forward, add_backward};

// One value a channel ([C, 1, 1]) is spread over the channel's places.
static int64_t mul_place(const struct ncr_ref *r, uint32_t input, int64_t i)
{
    return ncr_shape_equal(r->in[input], &r->node->shape) ? i
                                                          : i / ncr_shape_places(&r->node->shape);
}

static void mul_forward(const struct ncr_ref *r)
{
    for (int64_t i = 0, n = size_of(r); i < n; i++)
        r->y[i] = r->x[0][mul_place(r, 0, i)] * r->x[1][mul_place(r, 1, i)];
}

static void mul_backward(const struct ncr_ref *r)
{
    for (uint32_t k = 0; k < 2; k++)
        for (int64_t i = 0, n = size_of(r); r->dx[k] && i < n; i++)
            r->dx[k][mul_place(r, k, i)] += r->dy[i] * r->x[1 - k][mul_place(r, 1 - k, i)];
}

const struct ncr_grad ncr_grad_mul = {mul_forward, mul_backward};
