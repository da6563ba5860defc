// Shape rules of the operators: input shapes and attributes to the output shape, or an error with
// found and bound.
#include <stdarg.h>
#include <stdio.h>

#include "compiler/ir/graph_internal.h"

NCR_PRINTF(4, 5)
static bool fail(struct ncr_infer *infer, enum ncr_diag_code code, uint32_t blame, const char *fmt,
                 ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(infer->err->text, sizeof infer->err->text, fmt, args);
    va_end(args);
    infer->err->code = code;
    infer->err->blame = blame;
    infer->err->help[0] = 0;
    return false;
}

NCR_PRINTF(2, 3) static bool help(struct ncr_infer *infer, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(infer->err->help, sizeof infer->err->help, fmt, args);
    va_end(args);
    return false;
}

static bool need_rank(struct ncr_infer *infer, uint32_t rank)
{
    const struct ncr_shape *in = &infer->in[0];
    if (in->rank == rank) return true;
    char text[48];
    const char *name = ncr_op_name(infer->op);
    if (rank == 1) {
        fail(infer, NCR_N_OP_RANK, 0, "`%s` takes a vector [N], but its input is %s", name,
             ncr_shape_text(in, text));
        return help(infer, "insert `flatten` before `%s`", name);
    }
    fail(infer, NCR_N_OP_RANK, 0, "`%s` takes an image [C, H, W], but its input is %s", name,
         ncr_shape_text(in, text));
    return help(infer, "`%s` must stand before `flatten` and `dense`", name);
}

static bool need_range(struct ncr_infer *infer, uint32_t blame, const char *what, int64_t v,
                       int64_t lo, int64_t hi)
{
    if (v >= lo && v <= hi) return true;
    return fail(infer, NCR_N_OP_ATTRIBUTE, blame,
                "%s of `%s` is %lld; it must be from %lld to %lld", what, ncr_op_name(infer->op),
                (long long)v, (long long)lo, (long long)hi);
}

static bool need_real(struct ncr_infer *infer, uint32_t blame, const char *what, double v,
                      double lo, double hi)
{
    if (v >= lo && v <= hi) return true; // false for nan
    return fail(infer, NCR_N_OP_ATTRIBUTE, blame, "%s of `%s` is %g; it must be from %g to %g",
                what, ncr_op_name(infer->op), v, lo, hi);
}

static bool set_out(struct ncr_infer *infer, uint32_t rank, int64_t a, int64_t b, int64_t c)
{
    int64_t dim[3] = {a, b, c}, n = 1;
    for (uint32_t i = 0; i < rank; i++) {
        if (dim[i] > NCR_LIMIT_DIM)
            return fail(infer, NCR_N_OP_TOO_LARGE, 0,
                        "a dimension of the output of `%s` is %lld; the limit is %d",
                        ncr_op_name(infer->op), (long long)dim[i], NCR_LIMIT_DIM);
        n *= dim[i]; // at most 2^60
        infer->out->dim[i] = (int32_t)dim[i];
    }
    for (uint32_t i = rank; i < NCR_MAX_RANK; i++)
        infer->out->dim[i] = 0;
    infer->out->rank = rank;
    if (n > NCR_LIMIT_ELEMENTS)
        return fail(infer, NCR_N_OP_TOO_LARGE, 0,
                    "the output of `%s` has %lld elements; the limit is %d", ncr_op_name(infer->op),
                    (long long)n, NCR_LIMIT_ELEMENTS);
    return true;
}

// Resolves padding and gives the output length along one axis (0 height, 1 width).
static bool window(struct ncr_infer *infer, int axis, int64_t *out)
{
    struct ncr_attrs *a = infer->attrs;
    int64_t in = infer->in[0].dim[1 + axis], k = a->kernel[axis], s = a->stride[axis],
            d = a->dilation[axis];
    int64_t reach = (k - 1) * d + 1; // pixels from the first to the last tap
    int64_t before = 0, after = 0;
    switch (a->pad_mode) {
    case NCR_PAD_SAME: {
        int64_t n = (in + s - 1) / s, total = ncr_max_i64(0, (n - 1) * s + reach - in);
        before = total / 2;
        after = total - before;
        break;
    }
    case NCR_PAD_VALID: break;
    case NCR_PAD_EXPLICIT:
        before = a->pad[axis];
        after = a->pad[axis + 2];
        break;
    }
    if (in + before + after < reach) {
        // "same" never comes here, so the other axis' padding is what was written.
        bool explicit = a->pad_mode == NCR_PAD_EXPLICIT;
        int64_t h = infer->in[0].dim[1] + (explicit ? a->pad[0] + a->pad[2] : 0);
        int64_t w = infer->in[0].dim[2] + (explicit ? a->pad[1] + a->pad[3] : 0);
        char dilated[40] = "";
        if (d > 1) snprintf(dilated, sizeof dilated, " with dilation %lld", (long long)d);
        fail(infer, NCR_N_KERNEL_TOO_LARGE, NCR_ATTR_KERNEL,
             "kernel %lld%s is larger than its padded input %lldx%lld", (long long)k, dilated,
             (long long)h, (long long)w);
        return help(infer, "use `pad: same`, or a kernel of at most %lld",
                    (long long)((in + before + after - 1) / d + 1));
    }
    *out = (in + before + after - reach) / s + 1;
    a->pad[axis] = (int32_t)before;
    a->pad[axis + 2] = (int32_t)after;
    return true;
}

static bool need_window(struct ncr_infer *infer)
{
    struct ncr_attrs *a = infer->attrs;
    for (int i = 0; i < 2; i++) {
        if (!need_range(infer, NCR_ATTR_KERNEL, "kernel", a->kernel[i], 1, 1 << 12) ||
            !need_range(infer, NCR_ATTR_STRIDE, "stride", a->stride[i], 1, 1 << 12) ||
            !need_range(infer, NCR_ATTR_DILATION, "dilation", a->dilation[i], 1, 1 << 12))
            return false;
    }
    for (int i = 0; a->pad_mode == NCR_PAD_EXPLICIT && i < 4; i++)
        if (!need_range(infer, NCR_ATTR_PAD, "pad", a->pad[i], 0, 1 << 12)) return false;
    return true;
}

static bool need_weights(struct ncr_infer *infer, int64_t per_output, int64_t outputs)
{
    int64_t n;
    if (ncr_mul_i64(per_output, outputs, &n) && n <= NCR_LIMIT_ELEMENTS) return true;
    return fail(infer, NCR_N_OP_TOO_LARGE, NCR_ATTR_OUT,
                "the weights of `%s` have %lld x %lld elements; the limit is %d",
                ncr_op_name(infer->op), (long long)outputs, (long long)per_output,
                NCR_LIMIT_ELEMENTS);
}

static bool ncr_infer_input(struct ncr_infer *infer)
{
    const struct ncr_shape *s = &infer->attrs->shape;
    if (s->rank != 1 && s->rank != 3)
        return fail(infer, NCR_N_OP_RANK, NCR_ATTR_SHAPE,
                    "an input has rank %u; it is [N] or [C, H, W]", s->rank);
    for (uint32_t i = 0; i < s->rank; i++)
        if (!need_range(infer, NCR_ATTR_SHAPE, "a dimension", s->dim[i], 1, NCR_LIMIT_DIM))
            return false;
    return set_out(infer, s->rank, s->dim[0], s->dim[1], s->dim[2]);
}

static bool ncr_infer_conv(struct ncr_infer *infer)
{
    struct ncr_attrs *a = infer->attrs;
    int64_t h, w;
    if (!need_rank(infer, 3) || !need_range(infer, NCR_ATTR_OUT, "out", a->out, 1, NCR_LIMIT_DIM) ||
        !need_window(infer))
        return false;
    int32_t c = infer->in[0].dim[0];
    if (!need_range(infer, NCR_ATTR_GROUPS, "groups", a->groups, 1, c)) return false;
    if (c % a->groups || a->out % a->groups)
        return fail(infer, NCR_N_OP_GROUPS, NCR_ATTR_GROUPS,
                    "%d groups do not divide the %s channels: %d", a->groups,
                    c % a->groups ? "input" : "output", c % a->groups ? c : a->out);
    if (!need_weights(infer, (int64_t)a->kernel[0] * a->kernel[1] * (c / a->groups), a->out))
        return false;
    return window(infer, 0, &h) && window(infer, 1, &w) && set_out(infer, 3, a->out, h, w);
}

static bool ncr_infer_dwconv(struct ncr_infer *infer)
{
    struct ncr_attrs *a = infer->attrs;
    int64_t h, w;
    if (!need_rank(infer, 3) ||
        !need_range(infer, NCR_ATTR_MULTIPLIER, "multiplier", a->multiplier, 1, 1 << 10) ||
        !need_window(infer))
        return false;
    int64_t out = (int64_t)infer->in[0].dim[0] * a->multiplier;
    if (!need_weights(infer, (int64_t)a->kernel[0] * a->kernel[1], out)) return false;
    return window(infer, 0, &h) && window(infer, 1, &w) && set_out(infer, 3, out, h, w);
}

static bool ncr_infer_dense(struct ncr_infer *infer)
{
    struct ncr_attrs *a = infer->attrs;
    return need_rank(infer, 1) &&
           need_range(infer, NCR_ATTR_OUT, "out", a->out, 1, NCR_LIMIT_DIM) &&
           need_weights(infer, infer->in[0].dim[0], a->out) && set_out(infer, 1, a->out, 0, 0);
}

static bool ncr_infer_same(struct ncr_infer *infer)
{
    struct ncr_attrs *a = infer->attrs;
    uint32_t bits = ncr_op_attrs(infer->op);
    if (bits & NCR_ATTR_EPS && !need_real(infer, NCR_ATTR_EPS, "eps", (double)a->eps, 1e-12, 1))
        return false;
    if (bits & NCR_ATTR_MOMENTUM &&
        !need_real(infer, NCR_ATTR_MOMENTUM, "momentum", (double)a->momentum, 0, 1))
        return false;
    if (bits & NCR_ATTR_ALPHA && !need_real(infer, NCR_ATTR_ALPHA, "alpha", (double)a->alpha, 0, 1))
        return false;
    if (bits & NCR_ATTR_RATE && !need_real(infer, NCR_ATTR_RATE, "rate", (double)a->rate, 0, 0.95))
        return false;
    *infer->out = infer->in[0];
    return true;
}

static bool ncr_infer_vector(struct ncr_infer *infer)
{
    return need_rank(infer, 1) && ncr_infer_same(infer);
}

static bool ncr_infer_pool(struct ncr_infer *infer)
{
    struct ncr_attrs *a = infer->attrs;
    int64_t h, w;
    for (int i = 0; i < 2; i++) {
        if (a->stride[i] == 0) a->stride[i] = a->kernel[i];
        a->dilation[i] = 1;
    }
    if (!need_rank(infer, 3) || !need_window(infer)) return false;
    for (int i = 0; a->pad_mode == NCR_PAD_EXPLICIT && i < 4; i++)
        if (a->pad[i] >= a->kernel[i % 2])
            return fail(infer, NCR_N_OP_ATTRIBUTE, NCR_ATTR_PAD,
                        "pad of `%s` is %d; it must be smaller than the kernel %d, or a window "
                        "would hold no pixel",
                        ncr_op_name(infer->op), a->pad[i], a->kernel[i % 2]);
    return window(infer, 0, &h) && window(infer, 1, &w) &&
           set_out(infer, 3, infer->in[0].dim[0], h, w);
}

static bool ncr_infer_global_pool(struct ncr_infer *infer)
{
    return need_rank(infer, 3) && set_out(infer, 3, infer->in[0].dim[0], 1, 1);
}

static bool differ(struct ncr_infer *infer, uint32_t i)
{
    char a[48], b[48];
    return fail(infer, NCR_N_OP_SHAPES_DIFFER, 0, "`%s` of different shapes: %s and %s",
                ncr_op_name(infer->op), ncr_shape_text(&infer->in[0], a),
                ncr_shape_text(&infer->in[i], b));
}

static bool ncr_infer_elementwise(struct ncr_infer *infer)
{
    for (uint32_t i = 1; i < infer->n_in; i++)
        if (!ncr_shape_equal(&infer->in[0], &infer->in[i])) return differ(infer, i);
    *infer->out = infer->in[0];
    return true;
}

static bool ncr_infer_broadcast(struct ncr_infer *infer)
{
    const struct ncr_shape *a = &infer->in[0], *b = &infer->in[1];
    *infer->out = *a;
    if (ncr_shape_equal(a, b)) return true;
    if (a->rank == 3 && b->rank == 3 && a->dim[0] == b->dim[0]) {
        if (b->dim[1] == 1 && b->dim[2] == 1) return true;
        if (a->dim[1] == 1 && a->dim[2] == 1) {
            *infer->out = *b;
            return true;
        }
    }
    return differ(infer, 1);
}

static bool ncr_infer_concat(struct ncr_infer *infer)
{
    const struct ncr_shape *first = &infer->in[0];
    int64_t channels = 0;
    for (uint32_t i = 0; i < infer->n_in; i++) {
        const struct ncr_shape *s = &infer->in[i];
        channels += s->dim[0];
        if (s->rank == first->rank &&
            (s->rank == 1 || (s->dim[1] == first->dim[1] && s->dim[2] == first->dim[2])))
            continue;
        char a[48], b[48];
        return fail(infer, NCR_N_OP_CONCAT, 0, "`concat` of images of different size: %s and %s",
                    ncr_shape_text(first, a), ncr_shape_text(s, b));
    }
    return set_out(infer, first->rank, channels, first->dim[1], first->dim[2]);
}

static bool ncr_infer_flatten(struct ncr_infer *infer)
{
    int64_t n = ncr_shape_elements(&infer->in[0]);
    return set_out(infer, 1, n, 0, 0);
}

static bool ncr_infer_reshape(struct ncr_infer *infer)
{
    if (!ncr_infer_input(infer)) return false;
    int64_t from = ncr_shape_elements(&infer->in[0]), to = ncr_shape_elements(infer->out);
    char a[48], b[48];
    if (from == to) return true;
    return fail(infer, NCR_N_OP_RESHAPE, NCR_ATTR_SHAPE,
                "`reshape` from %s with %lld elements to %s with %lld",
                ncr_shape_text(&infer->in[0], a), (long long)from, ncr_shape_text(infer->out, b),
                (long long)to);
}

// Of its input's shape, or of the one that is given: what it reads does not matter.
static bool ncr_infer_zero(struct ncr_infer *infer)
{
    if (infer->attrs->shape.rank == 0) infer->attrs->shape = infer->in[0];
    return ncr_infer_input(infer);
}

static bool ncr_infer_pad(struct ncr_infer *infer)
{
    const struct ncr_attrs *a = infer->attrs;
    if (!need_rank(infer, 3)) return false;
    if (a->pad_mode != NCR_PAD_EXPLICIT)
        return fail(infer, NCR_N_OP_ATTRIBUTE, NCR_ATTR_PAD,
                    "`pad` takes numbers of pixels, not `same` or `valid`");
    for (int i = 0; i < 4; i++)
        if (!need_range(infer, NCR_ATTR_PAD, "pad", a->pad[i], 0, 1 << 12)) return false;
    const int32_t *d = infer->in[0].dim;
    return set_out(infer, 3, d[0], (int64_t)d[1] + a->pad[0] + a->pad[2],
                   (int64_t)d[2] + a->pad[1] + a->pad[3]);
}

static bool ncr_infer_upsample(struct ncr_infer *infer)
{
    const struct ncr_attrs *a = infer->attrs;
    if (!need_rank(infer, 3)) return false;
    for (int i = 0; i < 2; i++)
        if (!need_range(infer, NCR_ATTR_FACTOR, "factor", a->factor[i], 1, 64)) return false;
    const int32_t *d = infer->in[0].dim;
    return set_out(infer, 3, d[0], (int64_t)d[1] * a->factor[0], (int64_t)d[2] * a->factor[1]);
}

bool ncr_infer_op(struct ncr_infer *infer)
{
    static bool (*const rule[])(struct ncr_infer *) = {
#define NCR_OP_ROW(NAME, name, min_in, max_in, attrs, shape, ...) ncr_infer_##shape,
#include "compiler/ir/ops.def"
#undef NCR_OP_ROW
    };
    int min = ncr_op_min_in(infer->op), max = ncr_op_max_in(infer->op);
    if ((int)infer->n_in < min || (max >= 0 && (int)infer->n_in > max))
        return fail(infer, NCR_N_OP_INPUTS, 0, "`%s` takes %s%d tensor%s, but got %u",
                    ncr_op_name(infer->op), max == min ? "" : "at least ", min, min == 1 ? "" : "s",
                    infer->n_in);
    return rule[infer->op](infer);
}
