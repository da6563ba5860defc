// One input to masked bits: the effect of every flip on the operators that read it.
#include "compiler/analysis/range_each.h"

#include "compiler/analysis/range_care.h"
#include "compiler/quant/softmax.h"

enum { INT8_BITS = 8, INT32_BITS = 32 };

static int64_t elements_of(const struct ncr_masked_each *x, uint32_t q)
{
    return ncr_shape_elements(&x->base->map->qgraph->nodes[q].shape);
}

struct ncr_masked_each *ncr_masked_each_new(struct ncr_arena *arena, const struct ncr_masked *base)
{
    const struct ncr_qgraph *g = base->map->qgraph;
    struct ncr_masked_each *x = NCR_NEW(arena, struct ncr_masked_each);
    x->base = base;
    x->arena = arena;
    x->activation = NCR_NEW_N(arena, uint8_t *, g->n_nodes);
    x->weight = NCR_NEW_N(arena, uint8_t *, g->n_nodes);
    x->bias = NCR_NEW_N(arena, uint32_t *, g->n_nodes);
    x->values = NCR_NEW_N(arena, int8_t *, g->n_nodes);
    x->proved = ncr_arena_array(arena, g->n_nodes, sizeof *x->proved);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_qnode *node = &g->nodes[q];
        size_t n = (size_t)elements_of(x, q);
        x->activation[q] = NCR_NEW_N(arena, uint8_t, n);
        x->values[q] = NCR_NEW_N(arena, int8_t, n);
        if (!ncr_qop_has_weights(node->op)) continue;
        x->weight[q] = NCR_NEW_N(arena, uint8_t, (size_t)node->n_weights);
        x->bias[q] = NCR_NEW_N(arena, uint32_t, (size_t)node->n_channels);
    }
    return x;
}

// ---- what one operator makes of flips ----
struct reader {
    const struct ncr_masked_each *x;
    const struct ncr_qnode *node;
    uint32_t q;
    const struct ncr_care *any; // of its output
    const int8_t *out;
};

// Clears the bits of an input element whose flip shows in output element e. shows(v') gives what e
// becomes.
#define STRIKE(r, k, element, e, becomes)                                                          \
    do {                                                                                           \
        uint8_t *bits_ = &(r)->x->activation[(r)->node->in[k]][element];                           \
        int32_t v_ = (r)->x->values[(r)->node->in[k]][element];                                    \
        for (int b_ = 0; *bits_ && b_ < INT8_BITS; b_++) {                                         \
            if (!(*bits_ >> b_ & 1)) continue;                                                     \
            int32_t struck = ncr_care_flipped(v_, b_), step = struck - v_;                         \
            (void)step;                                                                            \
            if (!ncr_care_alike((r)->any[e], (r)->out[e], (becomes)))                              \
                *bits_ = (uint8_t)(*bits_ & ~(1u << b_));                                          \
        }                                                                                          \
    } while (0)

static int32_t moved(const struct reader *r, int32_t acc, int32_t factor, int32_t step, int32_t m)
{
    return ncr_range_finish(r->node, ncr_wrap_add(acc, ncr_wrap_mul(factor, step)), m);
}

// The weights and the bias of output element e, whose sum is acc.
static void strike_constants(const struct reader *r, const struct ncr_range_window *w, int64_t e,
                             int32_t o, int32_t y, int32_t column, int32_t acc)
{
    const int8_t *in = r->x->values[r->node->in[0]];
    int64_t area = (int64_t)w->kh * w->kw, at = o * w->per * area;
    int32_t first = ncr_range_window_first(w, o);
    for (int32_t c = 0; c < w->per; c++)
        for (int64_t i = 0; i < area; i++, at++) {
            int64_t iy = ncr_range_window_at(w, 0, y, i / w->kw),
                    ix = ncr_range_window_at(w, 1, column, i % w->kw),
                    element = ((int64_t)(first + c) * w->H + iy) * w->W + ix;
            bool inside = iy >= 0 && iy < w->H && ix >= 0 && ix < w->W;
            int32_t weight = r->node->weights[at], v = inside ? in[element] : w->in->zero_point;
            if (inside && weight) STRIKE(r, 0, element, e, moved(r, acc, weight, step, o));
            uint8_t *bits = &r->x->weight[r->q][at];
            for (int b = 0; *bits && v && b < INT8_BITS; b++)
                if (*bits >> b & 1 &&
                    !ncr_care_alike(r->any[e], r->out[e],
                                    moved(r, acc, ncr_care_flipped(weight, b) - weight, v, o)))
                    *bits = (uint8_t)(*bits & ~(1u << b));
        }
    uint32_t *bits = &r->x->bias[r->q][o], bias = (uint32_t)r->node->bias[o];
    for (int b = 0; *bits && b < INT32_BITS; b++)
        if (*bits >> b & 1 &&
            !ncr_care_alike(r->any[e], r->out[e],
                            moved(r, acc, 1, (int32_t)((bias ^ (uint32_t)1 << b) - bias), o)))
            *bits &= ~((uint32_t)1 << b);
}

static void strike_window(const struct reader *r)
{
    struct ncr_range_window w = ncr_range_window_of(r->x->base->map->qgraph, r->node);
    const int8_t *in = r->x->values[r->node->in[0]];
    int64_t e = 0;
    for (int32_t o = 0; o < w.OC; o++)
        for (int32_t y = 0; y < w.OH; y++)
            for (int32_t column = 0; column < w.OW; column++, e++)
                if (!ncr_care_none(r->any[e]))
                    strike_constants(r, &w, e, o, y, column,
                                     ncr_range_window_sum(&w, in, o, y, column));
}

static void strike_pool(const struct reader *r)
{
    struct ncr_range_window w = ncr_range_window_of(r->x->base->map->qgraph, r->node);
    const int8_t *in = r->x->values[r->node->in[0]];
    bool mean = r->node->op == NCR_QOP_AVGPOOL;
    for (int64_t e = 0; e < (int64_t)w.OC * w.OH * w.OW; e++) {
        if (ncr_care_none(r->any[e])) continue;
        int64_t column = e % w.OW, y = e / w.OW % w.OH, c = e / w.OW / w.OH;
        int32_t sum = 0, taps = 0, top = -129, second = -129; // the largest two, equal or not
        for (int pass = 0; pass < 2; pass++)
            for (int64_t p = 0; p < w.kh; p++)
                for (int64_t k = 0; k < w.kw; k++) {
                    int64_t iy = ncr_range_window_at(&w, 0, y, p),
                            ix = ncr_range_window_at(&w, 1, column, k),
                            element = (c * w.H + iy) * w.W + ix;
                    if (iy < 0 || iy >= w.H || ix < 0 || ix >= w.W) continue;
                    int32_t v = in[element];
                    if (!pass) {
                        sum = ncr_wrap_add(sum, v - w.in->zero_point);
                        taps++;
                        second = v > top ? top : v > second ? v : second;
                        top = v > top ? v : top;
                    } else if (mean) {
                        int32_t m = r->node->n_channels == 1 ? 0 : taps - 1;
                        STRIKE(r, 0, element, e, moved(r, sum, 1, step, m));
                    } else {
                        int32_t rest = v == top ? second : top;
                        STRIKE(r, 0, element, e, struck > rest ? struck : rest);
                    }
                }
    }
}

static void strike_add(const struct reader *r)
{
    const struct ncr_qnode *node = r->node;
    for (int64_t e = 0; e < elements_of(r->x, r->q); e++) {
        int32_t acc = 0;
        for (uint32_t k = 0; k < node->n_in; k++) {
            int32_t z = r->x->base->map->qgraph->nodes[node->in[k]].zero_point;
            acc =
                ncr_wrap_add(acc, ncr_wrap_mul(r->x->values[node->in[k]][e] - z, node->in_mult[k]));
        }
        for (uint32_t k = 0; k < node->n_in; k++) {
            int32_t factor = 0; // a tensor that is added to itself counts each time
            for (uint32_t i = 0; i < node->n_in; i++)
                if (node->in[i] == node->in[k]) factor = ncr_wrap_add(factor, node->in_mult[i]);
            STRIKE(r, k, e, e, moved(r, acc, factor, step, 0));
        }
    }
}

static void strike_mul(const struct reader *r)
{
    const struct ncr_qgraph *g = r->x->base->map->qgraph;
    int64_t n = elements_of(r->x, r->q);
    for (uint32_t k = 0; k < 2; k++) {
        uint32_t mine = r->node->in[k], other = r->node->in[1 - k];
        int32_t z = g->nodes[mine].zero_point, zo = g->nodes[other].zero_point;
        int64_t per = n / elements_of(r->x, mine), per_other = n / elements_of(r->x, other);
        for (int64_t e = 0; e < n; e++) {
            int32_t factor = r->x->values[other][e / per_other] - zo;
            STRIKE(
                r, k, e / per, e,
                ncr_range_finish(r->node, (struck - z) * (mine == other ? struck - z : factor), 0));
        }
    }
}

static void strike_concat(const struct reader *r)
{
    int64_t at = 0;
    for (uint32_t k = 0; k < r->node->n_in; k++) {
        int32_t z = r->x->base->map->qgraph->nodes[r->node->in[k]].zero_point;
        for (int64_t e = 0; e < elements_of(r->x, r->node->in[k]); e++, at++)
            STRIKE(r, k, e, at, ncr_range_finish(r->node, struck - z, (int32_t)k));
    }
}

static void strike_copy(const struct reader *r)
{
    const struct ncr_qnode *node = r->node;
    const struct ncr_shape *in = &r->x->base->map->qgraph->nodes[node->in[0]].shape,
                           *out = &node->shape;
    const int32_t *pad = node->attrs.pad, *f = node->attrs.factor;
    int64_t H = in->rank == 3 ? in->dim[1] : 1, W = in->rank == 3 ? in->dim[2] : 1;
    for (int64_t e = 0; e < ncr_shape_elements(in); e++) {
        int64_t x = e % W, y = e / W % H, c = e / W / H;
        if (node->op == NCR_QOP_LUT) {
            STRIKE(r, 0, e, e, node->lut[struck + 128]);
        } else if (node->op == NCR_QOP_UPSAMPLE) {
            for (int64_t i = 0; i < (int64_t)f[0] * f[1]; i++) {
                int64_t to =
                    (c * out->dim[1] + y * f[0] + i / f[1]) * out->dim[2] + x * f[1] + i % f[1];
                STRIKE(r, 0, e, to, struck);
            }
        } else {
            int64_t to = node->op == NCR_QOP_PAD
                             ? (c * out->dim[1] + y + pad[0]) * out->dim[2] + x + pad[1]
                             : e;
            STRIKE(r, 0, e, to, struck);
        }
    }
}

static void strike_softmax(const struct reader *r)
{
    uint32_t n = (uint32_t)elements_of(r->x, r->q);
    struct ncr_arena_mark mark = ncr_arena_mark(r->x->arena);
    int8_t *in = ncr_arena_copy(r->x->arena, r->x->values[r->node->in[0]], n);
    int8_t *out = NCR_NEW_N(r->x->arena, int8_t, n);
    uint8_t *bits = r->x->activation[r->node->in[0]];
    for (uint32_t e = 0; e < n; e++)
        for (int b = 0; b < INT8_BITS; b++) {
            if (!(bits[e] >> b & 1)) continue;
            int8_t good = in[e];
            bool alike = true;
            in[e] = (int8_t)ncr_care_flipped(good, b);
            ncr_qsoftmax(r->node->exp_table, in, out, n);
            for (uint32_t i = 0; alike && i < n; i++)
                alike = ncr_care_alike(r->any[i], r->out[i], out[i]);
            in[e] = good;
            if (!alike) bits[e] = (uint8_t)(bits[e] & ~(1u << b));
        }
    ncr_arena_reset(r->x->arena, mark);
}

static void strike(const struct reader *r)
{
    switch (r->node->op) {
    case NCR_QOP_INPUT:
    case NCR_QOP_ZERO: break;
    case NCR_QOP_CONV:
    case NCR_QOP_DWCONV:
    case NCR_QOP_DENSE: strike_window(r); break;
    case NCR_QOP_ADD: strike_add(r); break;
    case NCR_QOP_MUL: strike_mul(r); break;
    case NCR_QOP_CONCAT: strike_concat(r); break;
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_AVGPOOL: strike_pool(r); break;
    case NCR_QOP_SOFTMAX: strike_softmax(r); break;
    case NCR_QOP_LUT:
    case NCR_QOP_UPSAMPLE:
    case NCR_QOP_PAD:
    case NCR_QOP_RESHAPE: strike_copy(r); break;
    case NCR_QOP_COUNT_: NCR_BUG("flips read by operator %d", (int)NCR_QOP_COUNT_);
    }
}

// ---- one input ----
static void run(struct ncr_masked_each *x, const int8_t *const *inputs)
{
    const struct ncr_qgraph *g = x->base->map->qgraph;
    uint32_t next_input = 0, widest = 1;
    for (uint32_t q = 0; q < g->n_nodes; q++)
        widest = g->nodes[q].n_in > widest ? g->nodes[q].n_in : widest;
    const int8_t **in = NCR_NEW_N(x->arena, const int8_t *, widest);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        for (uint32_t k = 0; k < g->nodes[q].n_in; k++)
            in[k] = x->values[g->nodes[q].in[k]];
        if (g->nodes[q].op == NCR_QOP_INPUT) in[0] = inputs[next_input++];
        ncr_eval_int_node(g, q, in, x->values[q]);
    }
}

struct join {
    struct ncr_masked_each *x;
    uint32_t q;
};

// What is proved for all inputs is proved for this one.
static void join_constant(void *user, enum ncr_site_class site, int64_t element, uint32_t bits)
{
    struct join *j = user;
    uint32_t *bias = &j->x->bias[j->q][site == NCR_SITES_BIAS ? element : 0];
    uint8_t *weight = &j->x->weight[j->q][site == NCR_SITES_WEIGHT ? element : 0];
    if (site == NCR_SITES_BIAS)
        bits = *bias |= bits;
    else
        bits = *weight = (uint8_t)(*weight | bits);
    for (int b = 0; bits; b++, bits >>= 1)
        j->x->proved[j->q][site][b] += bits & 1;
}

static void join_proofs(struct ncr_masked_each *x, uint32_t q)
{
    const struct ncr_range_node *r = &x->base->map->nodes[q];
    int64_t n = elements_of(x, q), per = n / r->n_channels;
    const struct ncr_care *any = x->base->any[q], *one = x->base->one[q];
    uint32_t general = 0;
    for (int64_t e = 0; e < n; e++) {
        if (e % per == 0 || !ncr_care_repeats(x->base, q, e))
            general = ncr_masked_activation(x->base, q, e);
        uint32_t bits = x->activation[q][e] | general;
        for (int b = 0; b < INT8_BITS; b++) // here v is known
            bits |= (uint32_t)(ncr_care_alike(any[e], x->values[q][e],
                                              ncr_care_flipped(x->values[q][e], b)) ||
                               ncr_care_alike(one[e], x->values[q][e],
                                              ncr_care_flipped(x->values[q][e], b)))
                    << b;
        x->activation[q][e] = (uint8_t)bits;
        for (int b = 0; b < INT8_BITS; b++)
            x->proved[q][NCR_SITES_ACTIVATION][b] += bits >> b & 1;
    }
    ncr_masked_constants(x->arena, x->base, q, join_constant, &(struct join){x, q});
}

void ncr_masked_each_feed(struct ncr_masked_each *x, const int8_t *const *inputs)
{
    const struct ncr_qgraph *g = x->base->map->qgraph;
    struct ncr_arena_mark mark = ncr_arena_mark(x->arena);
    run(x, inputs);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_qnode *node = &g->nodes[q];
        memset(x->activation[q], 0xff, (size_t)elements_of(x, q));
        if (!ncr_qop_has_weights(node->op)) continue;
        memset(x->weight[q], 0xff, (size_t)node->n_weights);
        memset(x->bias[q], 0xff, (size_t)node->n_channels * sizeof *x->bias[q]);
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        memset(x->activation[g->outputs[i]], 0, (size_t)elements_of(x, g->outputs[i]));
    for (uint32_t q = 0; q < g->n_nodes; q++)
        strike(&(struct reader){x, &g->nodes[q], q, x->base->any[q], x->values[q]});
    for (uint32_t q = 0; q < g->n_nodes; q++)
        join_proofs(x, q);
    x->n_inputs++;
    ncr_arena_reset(x->arena, mark);
}

const struct ncr_masked *ncr_masked_each_finish(const struct ncr_masked_each *x)
{
    const struct ncr_qgraph *g = x->base->map->qgraph;
    struct ncr_masked *m = NCR_NEW(x->arena, struct ncr_masked);
    *m = *x->base;
    m->proved = x->proved;
    m->elements = ncr_arena_array(x->arena, g->n_nodes, sizeof *m->elements);
    m->n_proved = 0;
    m->n_points = x->base->n_points * x->n_inputs;
    for (uint32_t q = 0; q < g->n_nodes; q++)
        for (int site = 0; site < NCR_SITES_COUNT_; site++) {
            m->elements[q][site] = x->base->elements[q][site] * x->n_inputs;
            for (int b = 0; b < INT32_BITS; b++)
                m->n_proved += m->proved[q][site][b];
        }
    return m;
}
