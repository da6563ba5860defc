// Operators that only move values: copies, concat, pad, upsample. Backward is the transposed move.
#include "runtime/train/reference/reference.h"

static void copy_forward(const struct ncr_ref *r)
{
    memcpy(r->y, r->x[0], (size_t)(ncr_shape_elements(&r->node->shape) * r->n) * sizeof *r->y);
}

static void copy_backward(const struct ncr_ref *r)
{
    for (int64_t i = 0, n = ncr_shape_elements(&r->node->shape) * r->n; r->dx[0] && i < n; i++)
        r->dx[0][i] += r->dy[i];
}

const struct ncr_grad ncr_grad_copy = {copy_forward, copy_backward};

// The input's values come from the batch.
static void none_forward(const struct ncr_ref *r)
{
    (void)r;
}

const struct ncr_grad ncr_grad_none = {none_forward, NULL};

// Channels one after the other, so an input is one run of every image.
static void concat_forward(const struct ncr_ref *r)
{
    int64_t size = ncr_shape_elements(&r->node->shape);
    for (int64_t image = 0; image < r->n; image++)
        for (int64_t k = 0, begin = image * size; k < r->node->n_in; k++) {
            int64_t part = ncr_shape_elements(r->in[k]);
            memcpy(r->y + begin, r->x[k] + image * part, (size_t)part * sizeof *r->y);
            begin += part;
        }
}

static void concat_backward(const struct ncr_ref *r)
{
    int64_t size = ncr_shape_elements(&r->node->shape);
    for (int64_t image = 0; image < r->n; image++)
        for (int64_t k = 0, begin = image * size; k < r->node->n_in; k++) {
            int64_t part = ncr_shape_elements(r->in[k]);
            for (int64_t i = 0; r->dx[k] && i < part; i++)
                r->dx[k][image * part + i] += r->dy[begin + i];
            begin += part;
        }
}

const struct ncr_grad ncr_grad_concat = {concat_forward, concat_backward};

// Input place of each output place (-1: padding), for pad and upsample: one image.
static int64_t source(const struct ncr_ref *r, int64_t c, int64_t y, int64_t x)
{
    const struct ncr_attrs *a = &r->node->attrs;
    int64_t h = r->in[0]->dim[1], w = r->in[0]->dim[2];
    if (r->node->op == NCR_OP_PAD)
        y -= a->pad[0], x -= a->pad[1];
    else
        y /= a->factor[0], x /= a->factor[1];
    return y < 0 || y >= h || x < 0 || x >= w ? -1 : (c * h + y) * w + x;
}

static void spread_forward(const struct ncr_ref *r)
{
    const int32_t *d = r->node->shape.dim;
    int64_t in_size = ncr_shape_elements(r->in[0]);
    for (int64_t image = 0, yi = 0; image < r->n; image++)
        for (int64_t c = 0; c < d[0]; c++)
            for (int64_t y = 0; y < d[1]; y++)
                for (int64_t x = 0; x < d[2]; x++) {
                    int64_t from = source(r, c, y, x);
                    r->y[yi++] = from < 0 ? 0 : r->x[0][image * in_size + from];
                }
}

static void spread_backward(const struct ncr_ref *r)
{
    const int32_t *d = r->node->shape.dim;
    int64_t in_size = ncr_shape_elements(r->in[0]);
    for (int64_t image = 0, yi = 0; r->dx[0] && image < r->n; image++)
        for (int64_t c = 0; c < d[0]; c++)
            for (int64_t y = 0; y < d[1]; y++)
                for (int64_t x = 0; x < d[2]; x++, yi++) {
                    int64_t from = source(r, c, y, x);
                    if (from >= 0) r->dx[0][image * in_size + from] += r->dy[yi];
                }
}

const struct ncr_grad ncr_grad_pad = {spread_forward, spread_backward};
const struct ncr_grad ncr_grad_upsample = {spread_forward, spread_backward};
