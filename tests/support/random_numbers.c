// Structure of a quantised graph and a seed to numbers.
#include "tests/support/random_numbers.h"

#include <math.h>

#include "compiler/quant/lut.h"
#include "compiler/quant/softmax.h"
#include "lang/base/rng.h"

struct draw {
    struct ncr_arena *arena;
    struct ncr_qgraph *graph;
    struct ncr_rng rng;
};

static uint32_t below(struct draw *d, uint32_t n)
{
    return (uint32_t)ncr_rng_below(&d->rng, n);
}

// The middle of an operator's input in bits.
static double in_bits(const struct draw *d, const struct ncr_qnode *n, uint32_t k)
{
    return ncr_qnode_bits(&d->graph->nodes[n->in[k]]) - 2;
}

static void draw_wide_range(struct draw *d, struct ncr_qnode *n)
{
    int32_t end = ncr_qnode_magnitude(n);
    n->scale = ldexp(1 + ncr_rng_f64(&d->rng), -9 - (int)below(d, 4));
    n->zero_point = 0;
    n->lo = below(d, 3) ? -end : -(int32_t)below(d, (uint32_t)end);
    n->hi = below(d, 3) ? end - 1 : (int32_t)below(d, (uint32_t)end);
}

static void draw_range(struct draw *d, struct ncr_qnode *n)
{
    static const int32_t ends[] = {-128, 127, 0};
    n->scale = ldexp(1 + ncr_rng_f64(&d->rng), -4 - (int)below(d, 4));
    n->zero_point = below(d, 3) ? (int32_t)below(d, 256) - 128 : ends[below(d, 3)];
    n->lo = -128;
    n->hi = 127;
    if (below(d, 3)) return;
    int32_t a = (int32_t)below(d, 256) - 128, b = below(d, 8) ? (int32_t)below(d, 256) - 128 : a;
    n->lo = a < b ? a : b;
    n->hi = a < b ? b : a;
}

// Mostly such that an accumulator of about 2^bits fills the output's range.
static void draw_mults(struct draw *d, struct ncr_qnode *n, double bits)
{
    n->mult = NCR_NEW_N(d->arena, int32_t, (size_t)n->n_channels);
    n->shift = NCR_NEW_N(d->arena, int32_t, (size_t)n->n_channels);
    bool powers = below(d, 8) == 0; // of two, as fixed point has them
    for (int32_t i = 0; i < n->n_channels; i++) {
        int32_t shift = (int32_t)(bits - (ncr_qnode_bits(n) - 2) + 30) + (int32_t)below(d, 5) - 2;
        n->mult[i] = below(d, 16) ? (1 << 30) + (int32_t)below(d, 1u << 30) : 0;
        if (powers) n->mult[i] = 1 << 30;
        n->shift[i] = ncr_clamp_i32(below(d, 12) ? shift : 1 + (int32_t)below(d, 62), 1, 62);
    }
}

static void draw_weights(struct draw *d, struct ncr_qnode *n)
{
    int64_t per = n->n_weights / n->n_channels;
    uint32_t how = below(d, 4);
    n->weights = NCR_NEW_N(d->arena, int8_t, (size_t)n->n_weights);
    n->weight_scale = NCR_NEW_N(d->arena, double, (size_t)n->n_channels);
    n->bias = NCR_NEW_N(d->arena, int32_t, (size_t)n->n_channels);
    for (int64_t i = 0; i < n->n_weights; i++)
        n->weights[i] = ncr_weight_stored(n->form, how == 0 ? (below(d, 2) ? 127 : 128)
                                                            : (int32_t)below(d, 256));
    for (int32_t o = 0; o < n->n_channels; o++) {
        n->weight_scale[o] = ldexp(1 + ncr_rng_f64(&d->rng), -8);
        uint32_t any = ncr_rng_u32(&d->rng), ends = below(d, 2) ? INT32_MAX : 0x80000000u;
        n->bias[o] = (int32_t)(below(d, 8) ? any % 100000u - 50000u : below(d, 2) ? any : ends);
    }
    double squares = 1; // of the integers that the 256 bytes stand for
    for (int i = 0; i < 256; i++)
        squares += (double)n->values->of[i] * n->values->of[i] / 256;
    draw_mults(d, n, 1 + in_bits(d, n, 0) + log2(sqrt(squares) * sqrt((double)per)));
}

// Any entries, so that all is tried that straight pieces between them can do.
static void draw_wide_lut(struct draw *d, struct ncr_qnode *n)
{
    uint32_t entries = ncr_qnode_table_entries(d->graph, n);
    bool curve = d->graph->nodes[n->in[0]].bits > 8;
    int32_t unit = curve ? 1 << ncr_lut_fraction(n) : 1, end = ncr_qnode_magnitude(n) * unit;
    n->wide_lut = NCR_NEW_N(d->arena, int32_t, entries);
    for (uint32_t i = 0; i < entries; i++) {
        int32_t any = (int32_t)below(d, 2 * (uint32_t)end) - end;
        if (below(d, 8) == 0) any = below(d, 2) ? end : -end;
        n->wide_lut[i] = any < end - unit ? any : end - unit;
    }
}

static void draw_lut(struct draw *d, struct ncr_qnode *n)
{
    n->lut = NCR_NEW_N(d->arena, int8_t, 256);
    for (int i = 0; i < 256; i++)
        n->lut[i] = (int8_t)below(d, 256);
}

static void draw_softmax(struct draw *d, struct ncr_qnode *n)
{
    bool wide = ncr_qnode_is_wide(d->graph, n);
    double scale = ncr_rng_f64(&d->rng) * 0.3;
    n->exp_table = NCR_NEW_N(d->arena, int32_t, ncr_qnode_table_entries(d->graph, n));
    if (wide)
        ncr_qsoftmax_wide_table(ldexp(scale, -(int)below(d, 9)), n->exp_table);
    else
        ncr_qsoftmax_table(scale, n->exp_table);
    n->scale = n->bits > 8 ? 1.0 / ncr_qnode_magnitude(n) : 1.0 / 256;
    n->zero_point = n->bits > 8 ? 0 : -128;
}

static void draw_node(struct draw *d, struct ncr_qnode *n)
{
    if (n->bits > 8)
        draw_wide_range(d, n);
    else
        draw_range(d, n);
    switch (n->op) {
    case NCR_QOP_CONV:
    case NCR_QOP_DWCONV:
    case NCR_QOP_DENSE: draw_weights(d, n); break;
    case NCR_QOP_ADD: {
        uint32_t reach = 1;
        for (uint32_t k = 0; k < n->n_in; k++)
            if ((uint32_t)ncr_qnode_reach(&d->graph->nodes[n->in[k]]) > reach)
                reach = (uint32_t)ncr_qnode_reach(&d->graph->nodes[n->in[k]]);
        uint32_t most = ((1u << 30) - 1) / reach / n->n_in;
        n->in_mult = NCR_NEW_N(d->arena, int32_t, n->n_in);
        for (uint32_t k = 0; k < n->n_in; k++)
            n->in_mult[k] = (int32_t)(below(d, 8) ? most / 2 + below(d, most / 2) : below(d, most));
        draw_mults(d, n, log2(0.29 * reach * most));
        break;
    }
    case NCR_QOP_MUL: draw_mults(d, n, in_bits(d, n, 0) + in_bits(d, n, 1) + 1); break;
    case NCR_QOP_CONCAT: draw_mults(d, n, in_bits(d, n, 0)); break;
    case NCR_QOP_AVGPOOL:
        draw_mults(d, n, in_bits(d, n, 0) + log2((double)n->attrs.kernel[0] * n->attrs.kernel[1]));
        break;
    case NCR_QOP_LUT:
        if (ncr_qnode_is_wide(d->graph, n))
            draw_wide_lut(d, n);
        else
            draw_lut(d, n);
        break;
    case NCR_QOP_SOFTMAX: draw_softmax(d, n); break;
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_UPSAMPLE:
    case NCR_QOP_PAD:
    case NCR_QOP_ZERO:
    case NCR_QOP_RESHAPE:
        n->scale = d->graph->nodes[n->in[0]].scale;
        n->zero_point = d->graph->nodes[n->in[0]].zero_point;
        break;
    case NCR_QOP_INPUT:
    case NCR_QOP_COUNT_: break;
    }
}

// What joins a concatenation gets its numbers, and the concatenation copies it.
static void join(struct ncr_qgraph *g, uint32_t q)
{
    struct ncr_qnode *c = &g->nodes[q];
    for (uint32_t k = 0; k < c->n_in; k++) {
        struct ncr_qnode *n = &g->nodes[c->in[k]];
        if (n->joins != q) continue;
        n->scale = c->scale;
        n->zero_point = c->zero_point;
        n->lo = ncr_clamp_i32(n->lo, c->lo, c->hi);
        n->hi = ncr_clamp_i32(n->hi, c->lo, c->hi);
        c->mult[k] = 1 << 30;
        c->shift[k] = 30;
    }
}

void random_numbers(struct ncr_arena *arena, struct ncr_qgraph *qgraph, uint64_t seed)
{
    struct draw d = {arena, qgraph, ncr_rng_at(seed, NCR_RNG_TEST, 6000)};
    for (uint32_t q = 0; q < qgraph->n_nodes; q++)
        draw_node(&d, &qgraph->nodes[q]);
    for (uint32_t q = qgraph->n_nodes; q-- > 0;)
        if (qgraph->nodes[q].op == NCR_QOP_CONCAT) join(qgraph, q);
    qgraph->has_numbers = true;
    struct ncr_error why;
    if (!ncr_qgraph_verify(qgraph, &why))
        NCR_BUG("seed %llu: %s", (unsigned long long)seed, why.text);
}
