// Pooling. Taps outside the image do not count: the maximum skips them, the mean divides by the
// taps inside.
#include "runtime/train/reference/reference.h"

// The part of a window inside the image: rows [y0, y1), columns [x0, x1).
struct box {
    int64_t y0, y1, x0, x1;
};

static struct box box_of(const struct ncr_ref *r, int64_t oy, int64_t ox)
{
    const struct ncr_attrs *a = &r->node->attrs;
    int64_t h = r->in[0]->dim[1], w = r->in[0]->dim[2];
    if (r->node->op == NCR_OP_GLOBAL_AVGPOOL) return (struct box){0, h, 0, w};
    int64_t y = oy * a->stride[0] - a->pad[0], x = ox * a->stride[1] - a->pad[1];
    return (struct box){ncr_max_i64(0, y), ncr_min_i64(h, y + a->kernel[0]), ncr_max_i64(0, x),
                        ncr_min_i64(w, x + a->kernel[1])};
}

// For each output place yi: its window `box` and the plane of its channel, which begins at `plane`.
#define EACH_WINDOW(r, body)                                                                       \
    do {                                                                                           \
        int64_t h_in = (r)->in[0]->dim[1], w_in = (r)->in[0]->dim[2],                              \
                channels = (r)->in[0]->dim[0];                                                     \
        int64_t h_out = (r)->node->op == NCR_OP_GLOBAL_AVGPOOL ? 1 : (r)->node->shape.dim[1];      \
        int64_t w_out = (r)->node->op == NCR_OP_GLOBAL_AVGPOOL ? 1 : (r)->node->shape.dim[2];      \
        for (int64_t c = 0, yi = 0; c < (r)->n * channels; c++)                                    \
            for (int64_t oy = 0; oy < h_out; oy++)                                                 \
                for (int64_t ox = 0; ox < w_out; ox++, yi++) {                                     \
                    int64_t plane = c * h_in * w_in;                                               \
                    struct box box = box_of(r, oy, ox);                                            \
                    body;                                                                          \
                }                                                                                  \
    } while (0)

// Place of the largest value, the first of equals in row order.
static int64_t largest(const struct ncr_ref *r, int64_t plane, struct box box)
{
    int64_t w_in = r->in[0]->dim[2], best = plane + box.y0 * w_in + box.x0;
    for (int64_t y = box.y0; y < box.y1; y++)
        for (int64_t x = box.x0; x < box.x1; x++)
            if (r->x[0][plane + y * w_in + x] > r->x[0][best]) best = plane + y * w_in + x;
    return best;
}

static void maxpool_forward(const struct ncr_ref *r)
{
    EACH_WINDOW(r, r->y[yi] = r->x[0][largest(r, plane, box)]);
}

static void maxpool_backward(const struct ncr_ref *r)
{
    if (r->dx[0]) EACH_WINDOW(r, r->dx[0][largest(r, plane, box)] += r->dy[yi]);
}

static double mean(const struct ncr_ref *r, int64_t plane, struct box box)
{
    double sum = 0;
    for (int64_t y = box.y0; y < box.y1; y++)
        for (int64_t x = box.x0; x < box.x1; x++)
            sum += r->x[0][plane + y * r->in[0]->dim[2] + x];
    return sum / (double)((box.y1 - box.y0) * (box.x1 - box.x0));
}

static void spread(const struct ncr_ref *r, int64_t plane, struct box box, double dy)
{
    double share = dy / (double)((box.y1 - box.y0) * (box.x1 - box.x0));
    for (int64_t y = box.y0; y < box.y1; y++)
        for (int64_t x = box.x0; x < box.x1; x++)
            r->dx[0][plane + y * r->in[0]->dim[2] + x] += share;
}

static void avgpool_forward(const struct ncr_ref *r)
{
    EACH_WINDOW(r, r->y[yi] = mean(r, plane, box));
}

static void avgpool_backward(const struct ncr_ref *r)
{
    if (r->dx[0]) EACH_WINDOW(r, spread(r, plane, box, r->dy[yi]));
}

const struct ncr_grad ncr_grad_maxpool = {maxpool_forward, maxpool_backward};
const struct ncr_grad ncr_grad_avgpool = {avgpool_forward, avgpool_backward};
const struct ncr_grad ncr_grad_global_avgpool = {avgpool_forward, avgpool_backward};
