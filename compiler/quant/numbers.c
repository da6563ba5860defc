// The numbers of the integer network: scales from ranges, folded and rounded weights, biases,
// multipliers, tables.
#include <math.h>

#include "compiler/quant/build.h"
#include "compiler/quant/lut.h"
#include "compiler/quant/softmax.h"

struct fill {
    struct ncr_builder_q *b;
    struct ncr_qgraph *q;
    const struct ncr_weights *weights;
    const struct ncr_ranges *ranges;
};

static int32_t q_max(uint32_t bits)
{
    return (1 << (bits - 1)) - 1;
}

// The smallest power of two that is not smaller.
static double power_of_two(double v)
{
    int exponent;
    double fraction = frexp(v, &exponent);
    return ldexp(1, fraction == 0.5 ? exponent - 1 : exponent);
}

// Scale and zero point of a tensor whose values are in [lo, hi]; zero is always representable
// exactly.
static void set_range(struct ncr_qnode *q, double lo, double hi)
{
    const struct ncr_quant_spec *spec = q->spec;
    bool wide = q->bits > 8; // symmetric
    int32_t top = q_max(spec->activation_bits), bottom = wide ? -top : -top - 1;
    q->lo = bottom;
    q->hi = top;
    lo = lo < 0 ? lo : 0;
    hi = hi > 0 ? hi : 0;
    if (!(hi - lo > 1e-30)) hi = lo + 1; // a tensor that is always zero
    if (spec->activations == NCR_QF_FIXED) {
        q->scale = power_of_two(fmax(-lo, hi) / top);
        q->zero_point = 0;
        return;
    }
    if (wide) {
        q->scale = fmax(-lo, hi) / top;
        q->zero_point = 0;
        return;
    }
    q->scale = (hi - lo) / (top - bottom);
    q->zero_point = ncr_round_sat(bottom - lo / q->scale, bottom, top);
}

// False after a diagnostic: the float network gave nan or infinity.
static bool range_from(const struct fill *f, struct ncr_qnode *q)
{
    ncr_node_id whole = ncr_qnode_joined(f->q, q)->last;
    double low = (double)f->ranges->lo[whole], high = (double)f->ranges->hi[whole];
    bool finite = isfinite(f->ranges->lo[q->last]) && isfinite(f->ranges->hi[q->last]);
    if (!finite)
        ncr_builder_q_blame(f->b,
                            NCR_DIAG(f->b->diags, QUANT_RANGE, ncr_builder_q_span(f->b, q->last),
                                     NCR_STR_ARG(f->b->graph->nodes[q->last].path)),
                            q->last);
    bool known = isfinite(low) && isfinite(high);
    set_range(q, known ? low : 0, known ? high : 0);
    // A clamp, fused or on its own (build.c), is the clamp of the output; a table holds it already.
    enum ncr_op op = q->op != NCR_QOP_LUT ? f->b->graph->nodes[q->last].op : NCR_OP_INPUT;
    if (op == NCR_OP_RELU || op == NCR_OP_RELU6)
        q->lo = q->zero_point > q->lo ? q->zero_point : q->lo;
    if (op == NCR_OP_RELU6) q->hi = ncr_round_sat(q->zero_point + 6 / q->scale, q->lo, q->hi);
    return finite;
}

static void same_range(struct ncr_qnode *q, const struct ncr_qnode *in)
{
    q->scale = in->scale;
    q->zero_point = in->zero_point;
    q->lo = -ncr_qnode_magnitude(q);
    q->hi = ncr_qnode_magnitude(q) - 1;
}

static void set_mult(struct ncr_qnode *q, int32_t i, double real)
{
    struct ncr_qscale s = ncr_qscale_of(fmin(real, 0x1p29));
    q->mult[i] = s.mult;
    q->shift[i] = s.shift;
}

static void new_mults(struct ncr_arena *arena, struct ncr_qnode *q)
{
    q->mult = NCR_NEW_N(arena, int32_t, (size_t)q->n_channels);
    q->shift = NCR_NEW_N(arena, int32_t, (size_t)q->n_channels);
}

void ncr_qnode_new_weights(struct ncr_arena *arena, struct ncr_qnode *q)
{
    q->weights = NCR_NEW_N(arena, int8_t, (size_t)q->n_weights);
    q->bias = NCR_NEW_N(arena, int32_t, (size_t)q->n_channels);
    q->weight_scale = NCR_NEW_N(arena, double, (size_t)q->n_channels);
    new_mults(arena, q);
}

void ncr_qnode_fold(const struct ncr_graph *g, const struct ncr_qnode *q,
                    const struct ncr_weights *weights, double *w, double *bias, double *factor)
{
    const struct ncr_node *node = &g->nodes[q->node];
    int64_t per = q->n_weights / q->n_channels;
    const struct ncr_node *norm = node->op == NCR_OP_BATCHNORM ? node : NULL;
    for (int64_t i = 0; i < q->n_weights; i++)
        w[i] = norm ? 1 : (double)weights->at[node->first_param][i];
    for (int32_t o = 0; o < q->n_channels; o++) {
        bias[o] = !norm && node->attrs.bias ? (double)weights->at[node->first_param + 1][o] : 0;
        if (factor) factor[o] = 1;
    }
    // The chain from node to last is node, [batchnorm], [clamp].
    for (ncr_node_id id = q->last; !norm && id != q->node; id = g->nodes[id].in[0])
        if (g->nodes[id].op == NCR_OP_BATCHNORM) norm = &g->nodes[id];
    if (!norm) return;
    float *const *p = &weights->at[norm->first_param];
    for (int32_t o = 0; o < q->n_channels; o++) {
        double k = (double)p[0][o] / sqrt((double)p[3][o] + (double)norm->attrs.eps);
        for (int64_t i = 0; i < per; i++)
            w[o * per + i] *= k;
        bias[o] = k * (bias[o] - (double)p[2][o]) + (double)p[1][o];
        if (factor) factor[o] = k;
    }
}

static double largest(const double *v, int64_t n)
{
    double top = 0;
    for (int64_t i = 0; i < n; i++)
        top = fmax(top, fabs(v[i]));
    return top;
}

// Σ of the squared errors of n weights at scale s.
static double rounding_error(const struct ncr_qnode *q, const double *w, int64_t n, double s)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        double e = w[i] - s * q->values->of[(uint8_t)ncr_weight_nearest(q->form, w[i] / s)];
        sum += e * e;
    }
    return sum;
}

// Symmetric scale for n weights, coarse enough that a bias fits into 2^30. Powers of two except for
// linear weights; of the powers around log2's largest magnitude, the one of least squared error.
static double weight_scale(const struct ncr_qnode *q, const double *w, int64_t n, double bias,
                           double input_scale)
{
    double s = largest(w, n) / ncr_weight_top(q->form),
           for_bias = fabs(bias) / (input_scale * 0x1p30);
    bool any = s > 1e-30;
    s = fmax(s, for_bias);
    if (!(s > 1e-30)) return 1; // all weights are zero
    if (q->form.format == NCR_QF_LINEAR) return s;
    s = power_of_two(s);
    if (q->form.format != NCR_QF_LOG2 || !any) return s;
    double finer = rounding_error(q, w, n, s / 2), coarser = rounding_error(q, w, n, s);
    return finer < coarser && s / 2 >= for_bias ? s / 2 : s;
}

// Reports channel o of a node whose folded weights or bias are nan or infinite.
static bool all_finite(const struct fill *f, const struct ncr_qnode *q, const double *w,
                       const double *bias)
{
    int64_t per = q->n_weights / q->n_channels;
    for (int32_t o = 0; o < q->n_channels; o++) {
        bool finite = isfinite(bias[o]);
        for (int64_t i = 0; finite && i < per; i++)
            finite = isfinite(w[o * per + i]);
        if (finite) continue;
        ncr_builder_q_blame(f->b,
                            NCR_DIAG(f->b->diags, QUANT_NOT_FINITE,
                                     ncr_builder_q_span(f->b, q->node), NCR_STR_ARG(q->path), o),
                            q->node);
        return false;
    }
    return true;
}

// Weights, bias and factors of channel o at scale s.
static struct ncr_reach fill_channel(const struct ncr_qgraph *graph, struct ncr_qnode *q, int32_t o,
                                     const double *w, double bias, double s)
{
    const struct ncr_qnode *in = &graph->nodes[q->in[0]];
    int64_t per = q->n_weights / q->n_channels, sum = 0, reach = 0, least = ncr_qnode_magnitude(in);
    for (int64_t i = o * per; i < (o + 1) * per; i++) {
        q->weights[i] = ncr_weight_nearest(q->form, w[i] / s);
        int32_t v = ncr_qnode_weight(q, i);
        sum += v;
        reach += v < 0 ? -v : v;
    }
    int64_t stored = (int64_t)round(bias / (s * in->scale)) - in->zero_point * sum;
    q->bias[o] = (int32_t)stored; // meaningless where `most` does not fit
    q->weight_scale[o] = s;
    set_mult(q, o, s * in->scale / q->scale);
    // Σ of the positive and of the negative weights are (reach ± sum) / 2.
    int64_t plus = (reach + sum) / 2, minus = (reach - sum) / 2;
    return (struct ncr_reach){(stored < 0 ? -stored : stored) + least * reach,
                              stored - least * plus - (least - 1) * minus,
                              stored + (least - 1) * plus + least * minus};
}

// Logarithmic weights whose sum could leave 32 bits take a coarser scale: what is lost are their
// smallest magnitudes.
struct ncr_reach ncr_qnode_round(const struct ncr_qgraph *graph, struct ncr_qnode *q,
                                 const double *w, const double *bias, int32_t *worst_channel)
{
    const struct ncr_quant_spec *spec = q->spec;
    double input_scale = graph->nodes[q->in[0]].scale;
    int64_t per = q->n_weights / q->n_channels;
    double shared = spec->per_channel ? 0
                                      : weight_scale(q, w, q->n_weights,
                                                     largest(bias, q->n_channels), input_scale);
    struct ncr_reach worst = {0};
    for (int32_t o = 0; o < q->n_channels; o++) {
        double s =
            spec->per_channel ? weight_scale(q, w + o * per, per, bias[o], input_scale) : shared;
        struct ncr_reach r = fill_channel(graph, q, o, w, bias[o], s);
        while (q->form.format == NCR_QF_LOG2 && r.most > INT32_MAX)
            r = fill_channel(graph, q, o, w, bias[o], s *= 2);
        if (!spec->per_channel && s > shared) { // the others follow
            shared = s;
            worst = (struct ncr_reach){0};
            o = -1;
            continue;
        }
        if (r.most > worst.most) {
            worst = r;
            *worst_channel = o;
        }
    }
    return worst;
}

static bool fill_weights(const struct fill *f, struct ncr_qnode *q)
{
    struct ncr_arena *arena = f->b->arena;
    ncr_qnode_new_weights(arena, q);
    struct ncr_arena_mark scratch = ncr_arena_mark(arena);
    double *w = NCR_NEW_N(arena, double, (size_t)q->n_weights),
           *bias = NCR_NEW_N(arena, double, (size_t)q->n_channels);
    ncr_qnode_fold(f->b->graph, q, f->weights, w, bias, NULL);
    if (!all_finite(f, q, w, bias)) return false; // the diagnostic may lie behind the mark
    int32_t channel = 0;
    struct ncr_reach worst = ncr_qnode_round(f->q, q, w, bias, &channel);
    ncr_arena_reset(arena, scratch);
    if (worst.most <= INT32_MAX) return true;
    ncr_builder_q_blame(f->b,
                        NCR_DIAG(f->b->diags, QUANT_OVERFLOW, ncr_builder_q_span(f->b, q->node),
                                 NCR_STR_ARG(q->path), (long long)worst.lo, (long long)worst.hi,
                                 channel, (long long)worst.most),
                        q->node);
    return false;
}

static void fill_add(const struct fill *f, struct ncr_qnode *q)
{
    double widest = 0, reach = 0;
    int bits = 20; // the common scale is 2^-20 of the widest input while the sum stays below 2^30
    for (uint32_t k = 0; k < q->n_in; k++)
        reach += ncr_qnode_reach(&f->q->nodes[q->in[k]]);
    while (reach * ldexp(1, bits) >= 0x1p30)
        bits--;
    for (uint32_t k = 0; k < q->n_in; k++)
        widest = fmax(widest, f->q->nodes[q->in[k]].scale);
    q->in_mult = NCR_NEW_N(f->b->arena, int32_t, q->n_in);
    for (uint32_t k = 0; k < q->n_in; k++)
        q->in_mult[k] =
            ncr_round_sat(ldexp(f->q->nodes[q->in[k]].scale / widest, bits), 0, 1 << bits);
    new_mults(f->b->arena, q);
    set_mult(q, 0, ldexp(widest, -bits) / q->scale);
}

static void fill_softmax(const struct fill *f, struct ncr_qnode *q)
{
    double scale = f->q->nodes[q->in[0]].scale;
    q->exp_table = NCR_NEW_N(f->b->arena, int32_t, ncr_qnode_table_entries(f->q, q));
    if (ncr_qnode_is_wide(f->q, q))
        ncr_qsoftmax_wide_table(scale, q->exp_table);
    else
        ncr_qsoftmax_table(scale, q->exp_table);
}

static void fill_factors(const struct fill *f, struct ncr_qnode *q)
{
    const struct ncr_qnode *in = &f->q->nodes[q->in[0]];
    new_mults(f->b->arena, q);
    if (q->op == NCR_QOP_MUL) set_mult(q, 0, in->scale * f->q->nodes[q->in[1]].scale / q->scale);
    for (uint32_t k = 0; q->op == NCR_QOP_CONCAT && k < q->n_in; k++)
        set_mult(q, (int32_t)k, f->q->nodes[q->in[k]].scale / q->scale);
    double window = (double)q->attrs.kernel[0] * q->attrs.kernel[1];
    for (int32_t k = 0; q->op == NCR_QOP_AVGPOOL && k < q->n_channels; k++)
        set_mult(q, k, in->scale / (q->scale * (q->n_channels == 1 ? window : k + 1)));
}

static bool set_scale(const struct fill *f, struct ncr_qnode *q)
{
    switch (q->op) {
    case NCR_QOP_INPUT:
    case NCR_QOP_CONV:
    case NCR_QOP_DWCONV:
    case NCR_QOP_DENSE:
    case NCR_QOP_ADD:
    case NCR_QOP_MUL:
    case NCR_QOP_CONCAT:
    case NCR_QOP_AVGPOOL:
    case NCR_QOP_LUT: return range_from(f, q);
    case NCR_QOP_SOFTMAX:
        same_range(q, &f->q->nodes[q->in[0]]);
        q->scale = q->bits > 8 ? 1.0 / ncr_qnode_magnitude(q) : 1.0 / 256;
        q->zero_point = q->bits > 8 ? 0 : -128;
        return true;
    case NCR_QOP_ZERO: // zero is exact in any scale
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_UPSAMPLE:
    case NCR_QOP_PAD:
    case NCR_QOP_RESHAPE: same_range(q, &f->q->nodes[q->in[0]]); return true;
    case NCR_QOP_COUNT_: break;
    }
    NCR_BUG("integer operator %d", (int)q->op);
}

static bool fill_node(const struct fill *f, struct ncr_qnode *q)
{
    bool ok = set_scale(f, q);
    switch (q->op) {
    case NCR_QOP_CONV:
    case NCR_QOP_DWCONV:
    case NCR_QOP_DENSE: return ok & fill_weights(f, q);
    case NCR_QOP_ADD: fill_add(f, q); return ok;
    case NCR_QOP_MUL:
    case NCR_QOP_CONCAT:
    case NCR_QOP_AVGPOOL: fill_factors(f, q); return ok;
    case NCR_QOP_LUT: ncr_lut_fill(f->b->arena, f->q, q, &f->b->graph->nodes[q->node]); return ok;
    case NCR_QOP_SOFTMAX: fill_softmax(f, q); return ok;
    case NCR_QOP_INPUT:
    case NCR_QOP_ZERO:
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_UPSAMPLE:
    case NCR_QOP_PAD:
    case NCR_QOP_RESHAPE: return ok;
    case NCR_QOP_COUNT_: break;
    }
    NCR_BUG("integer operator %d", (int)q->op);
}

bool ncr_qgraph_scales(struct ncr_builder_q *b, struct ncr_qgraph *qgraph,
                       const struct ncr_ranges *ranges)
{
    struct fill f = {b, qgraph, NULL, ranges};
    bool ok = true;
    for (uint32_t i = 0; i < qgraph->n_nodes; i++)
        ok &= set_scale(&f, &qgraph->nodes[i]);
    return ok;
}

bool ncr_qgraph_fill(struct ncr_builder_q *b, struct ncr_qgraph *qgraph,
                     const struct ncr_weights *weights, const struct ncr_ranges *ranges)
{
    struct fill f = {b, qgraph, weights, ranges};
    bool ok = true;
    for (uint32_t i = 0; i < qgraph->n_nodes; i++)
        ok &= fill_node(&f, &qgraph->nodes[i]);
    qgraph->has_numbers = ok;
    return ok;
}
