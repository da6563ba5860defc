// One input to masked bits: from the outputs back, the values that each element may have instead.
#include "compiler/analysis/range_each.h"

#include "compiler/analysis/range_care.h"
#include "compiler/quant/lut.h"

enum { INT32_BITS = 32 };

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
    x->activation = NCR_NEW_N(arena, uint16_t *, g->n_nodes);
    x->weight = NCR_NEW_N(arena, uint8_t *, g->n_nodes);
    x->bias = NCR_NEW_N(arena, uint32_t *, g->n_nodes);
    x->values = NCR_NEW_N(arena, int8_t *, g->n_nodes);
    x->safe = NCR_NEW_N(arena, struct ncr_element_span *, g->n_nodes);
    x->uses = NCR_NEW_N(arena, uint32_t, g->n_nodes);
    x->proved = ncr_arena_array(arena, g->n_nodes, sizeof *x->proved);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_qnode *node = &g->nodes[q];
        size_t n = (size_t)elements_of(x, q);
        x->activation[q] = NCR_NEW_N(arena, uint16_t, n);
        x->values[q] = NCR_NEW_N(arena, int8_t, (size_t)ncr_qnode_bytes(node));
        x->safe[q] = NCR_NEW_N(arena, struct ncr_element_span, n);
        for (uint32_t k = 0; k < node->n_in; k++)
            x->uses[node->in[k]]++;
        if (!ncr_qop_has_weights(node->op)) continue;
        x->weight[q] = NCR_NEW_N(arena, uint8_t, (size_t)node->n_weights);
        x->bias[q] = NCR_NEW_N(arena, uint32_t, (size_t)node->n_channels);
    }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        x->uses[g->outputs[i]]++;
    return x;
}

// ---- what one operator makes of its inputs ----
// Node q of a run, whose readers were all seen.
struct reader {
    const struct ncr_masked_each *x;
    const struct ncr_qnode *node;
    uint32_t q;
};

struct span {
    int64_t lo, hi;
};

static struct span stored_by(const struct ncr_qnode *node)
{
    struct ncr_interval all = ncr_care_stored(node);
    return (struct span){all.lo, all.hi};
}

static const struct ncr_qnode *input(const struct reader *r, uint32_t k)
{
    return &r->x->base->map->qgraph->nodes[r->node->in[k]];
}

// Element i of input k in the run.
static int32_t value_of(const struct reader *r, uint32_t k, int64_t i)
{
    return ncr_qnode_element(input(r, k), r->x->values[r->node->in[k]], i);
}

// The values that output element e may have instead: those alike whatever the other tensors hold
// and, where nothing but e differs from the run (alone), those that its readers let pass.
static struct span target(const struct reader *r, int64_t e, bool alone)
{
    struct ncr_interval t = ncr_care_class(r->x->base->any[r->q][e], ncr_care_stored(r->node),
                                           ncr_qnode_element(r->node, r->x->values[r->q], e));
    if (!alone) return (struct span){t.lo, t.hi};
    struct ncr_element_span safe = r->x->safe[r->q][e]; // both hold what e is
    return (struct span){safe.lo < t.lo ? safe.lo : t.lo, safe.hi > t.hi ? safe.hi : t.hi};
}

// Whether a fault in input k is in nothing but what this operator makes of it.
static bool single(const struct reader *r, uint32_t k)
{
    return r->x->uses[r->node->in[k]] == 1;
}

static bool anything(const struct reader *r, struct span t)
{
    struct span all = stored_by(r->node);
    return t.lo <= all.lo && t.hi >= all.hi;
}

// An input element may have these values only.
static void narrow(const struct reader *r, uint32_t k, int64_t element, int64_t lo, int64_t hi)
{
    struct ncr_element_span *safe = &r->x->safe[r->node->in[k]][element];
    struct span all = stored_by(input(r, k));
    if (lo > safe->lo) safe->lo = (int16_t)(lo > all.hi ? all.hi : lo);
    if (hi < safe->hi) safe->hi = (int16_t)(hi < all.lo ? all.lo : hi);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

// The sums that requantise into t. One that does is known to exist.
static struct span sums_into(const struct ncr_qnode *node, int32_t m, struct span t)
{
    struct span sums = {INT32_MIN, INT32_MAX};
    for (int64_t from = INT32_MIN, to = INT32_MAX; from < to; sums.lo = from) {
        int64_t mid = floor_div(from + to, 2); // the first that gives at least t.lo
        if (ncr_range_finish(node, (int32_t)mid, m) >= t.lo)
            to = mid;
        else
            from = mid + 1;
    }
    for (int64_t from = INT32_MIN, to = INT32_MAX; from < to; sums.hi = from) {
        int64_t mid = floor_div(from + to + 1, 2); // the last that gives at most t.hi
        if (ncr_range_finish(node, (int32_t)mid, m) <= t.hi)
            from = mid;
        else
            to = mid - 1;
    }
    return sums;
}

// Input element v counts `factor` times in the sum acc, which is to stay within sums, and so does
// not go round.
static void narrow_term(const struct reader *r, uint32_t k, int64_t element, struct span sums,
                        int32_t acc, int64_t factor)
{
    int64_t v = value_of(r, k, element);
    if (factor == 0) return;
    int64_t below = sums.lo - acc, above = sums.hi - acc; // bounds of factor · (v' - v)
    if (factor > 0)
        narrow(r, k, element, v - floor_div(-below, factor), v + floor_div(above, factor));
    else
        narrow(r, k, element, v - floor_div(-above, factor), v + floor_div(below, factor));
}

// ---- weights ----
static void strike_bias(const struct reader *r, int32_t o, struct span sums, int32_t acc)
{
    uint32_t *bits = &r->x->bias[r->q][o], bias = (uint32_t)r->node->bias[o];
    for (int b = 0; *bits && b < INT32_BITS; b++) {
        int32_t sum = ncr_wrap_add(acc, (int32_t)((bias ^ (uint32_t)1 << b) - bias));
        if (sum < sums.lo || sum > sums.hi) *bits &= ~((uint32_t)1 << b);
    }
}

// Weight w at index `at` multiplies v in the sum acc.
static void strike_weight(const struct reader *r, int64_t at, int32_t v, struct span sums,
                          int32_t acc)
{
    uint8_t *bits = &r->x->weight[r->q][at];
    int32_t w = ncr_qnode_weight(r->node, at), width = (int32_t)ncr_weight_width(r->node->form);
    for (int b = 0; *bits && v && b < width; b++) {
        int32_t flipped = ncr_qnode_flipped_weight(r->node, at, b),
                sum = ncr_wrap_add(acc, ncr_wrap_mul(flipped - w, v));
        if (sum < sums.lo || sum > sums.hi) *bits = (uint8_t)(*bits & ~(1u << b));
    }
}

// Output element e at (o, y, column).
static void strike_place(const struct reader *r, const struct ncr_range_window *w, int64_t e,
                         int32_t o, int32_t y, int32_t column)
{
    const int8_t *in = r->x->values[r->node->in[0]];
    struct span open = target(r, e, false), one = target(r, e, w->OH * w->OW == 1);
    if (anything(r, open)) return;
    int32_t acc = ncr_range_window_sum(w, in, o, y, column);
    struct span sums = sums_into(r->node, o, open), own = sums; // own: only e differs
    if (one.lo != open.lo || one.hi != open.hi) own = sums_into(r->node, o, one);
    int64_t area = (int64_t)w->kh * w->kw, at = o * w->per * area;
    int32_t first = ncr_range_window_first(w, o);
    for (int32_t c = 0; c < w->per; c++)
        for (int64_t i = 0; i < area; i++, at++) {
            int64_t iy = ncr_range_window_at(w, 0, y, i / w->kw),
                    ix = ncr_range_window_at(w, 1, column, i % w->kw),
                    element = ((int64_t)(first + c) * w->H + iy) * w->W + ix;
            bool inside = iy >= 0 && iy < w->H && ix >= 0 && ix < w->W;
            if (inside) narrow_term(r, 0, element, sums, acc, ncr_qnode_weight(r->node, at));
            strike_weight(r, at, inside ? value_of(r, 0, element) : w->in->zero_point, own, acc);
        }
    strike_bias(r, o, own, acc);
}

static void strike_window(const struct reader *r)
{
    struct ncr_range_window w = ncr_range_window_of(r->x->base->map->qgraph, r->node);
    int64_t e = 0;
    for (int32_t o = 0; o < w.OC; o++)
        for (int32_t y = 0; y < w.OH; y++)
            for (int32_t column = 0; column < w.OW; column++, e++)
                strike_place(r, &w, e, o, y, column);
}

// ---- others ----
static void strike_pool(const struct reader *r)
{
    struct ncr_range_window w = ncr_range_window_of(r->x->base->map->qgraph, r->node);
    bool mean = r->node->op == NCR_QOP_AVGPOOL;
    bool alone = single(r, 0) && w.stride[0] >= w.kh && w.stride[1] >= w.kw;
    const int64_t least = stored_by(w.in).lo;
    for (int64_t e = 0; e < (int64_t)w.OC * w.OH * w.OW; e++) {
        struct span t = target(r, e, alone), sums = {0, 0};
        if (anything(r, t)) continue;
        int64_t column = e % w.OW, y = e / w.OW % w.OH, c = e / w.OW / w.OH;
        int32_t sum = 0, taps = 0, top = INT16_MIN - 1,
                second = top; // the largest two, equal or not
        for (int pass = 0; pass < 2; pass++) {
            for (int64_t p = 0; p < w.kh; p++)
                for (int64_t k = 0; k < w.kw; k++) {
                    int64_t iy = ncr_range_window_at(&w, 0, y, p),
                            ix = ncr_range_window_at(&w, 1, column, k),
                            element = (c * w.H + iy) * w.W + ix;
                    if (iy < 0 || iy >= w.H || ix < 0 || ix >= w.W) continue;
                    int32_t v = value_of(r, 0, element), rest = v == top ? second : top;
                    if (!pass) {
                        sum = ncr_wrap_add(sum, v - w.in->zero_point);
                        taps++;
                        second = v > top ? top : v > second ? v : second;
                        top = v > top ? v : top;
                    } else if (mean) {
                        narrow_term(r, 0, element, sums, sum, 1);
                    } else { // another pixel that is large enough lets this one be small
                        narrow(r, 0, element, rest >= t.lo ? least : t.lo, t.hi);
                    }
                }
            if (mean && !pass)
                sums = sums_into(r->node, r->node->n_channels == 1 ? 0 : taps - 1, t);
        }
    }
}

static void strike_add(const struct reader *r)
{
    const struct ncr_qnode *node = r->node;
    for (int64_t e = 0; e < elements_of(r->x, r->q); e++) {
        int32_t acc = 0;
        for (uint32_t k = 0; k < node->n_in; k++) {
            int32_t v = value_of(r, k, e) - input(r, k)->zero_point;
            acc = ncr_wrap_add(acc, ncr_wrap_mul(v, node->in_mult[k]));
        }
        for (uint32_t k = 0; k < node->n_in; k++) {
            struct span t = target(r, e, single(r, k));
            int64_t factor = 0; // a tensor that is added to itself counts each time
            for (uint32_t i = 0; i < node->n_in; i++)
                if (node->in[i] == node->in[k]) factor += node->in_mult[i];
            if (!anything(r, t)) narrow_term(r, k, e, sums_into(node, 0, t), acc, factor);
        }
    }
}

static void narrow_table(const struct reader *r, int64_t e, struct span t)
{
    const struct ncr_qnode *in = input(r, 0);
    struct ncr_element_span safe = r->x->safe[r->node->in[0]][e];
    int32_t v = value_of(r, 0, e);
    if (!anything(r, t))
        narrow(r, 0, e, ncr_lut_reach(in, r->node, v, safe.lo, t.lo, t.hi),
               ncr_lut_reach(in, r->node, v, safe.hi, t.lo, t.hi));
}

// d² is to stay within sums, where d = v - z is the element that is multiplied with itself.
static void narrow_square(const struct reader *r, uint32_t k, int64_t element, struct span sums)
{
    struct ncr_element_span safe = r->x->safe[r->node->in[k]][element];
    int64_t v = value_of(r, k, element), z = input(r, k)->zero_point, lo = v, hi = v;
    for (int64_t d = lo - 1 - z; lo > safe.lo && d * d >= sums.lo && d * d <= sums.hi; d--)
        lo--;
    for (int64_t d = hi + 1 - z; hi < safe.hi && d * d >= sums.lo && d * d <= sums.hi; d++)
        hi++;
    narrow(r, k, element, lo, hi);
}

static void strike_mul(const struct reader *r)
{
    int64_t n = elements_of(r->x, r->q);
    bool square = r->node->in[0] == r->node->in[1];
    for (uint32_t k = 0; k < 2; k++) {
        int64_t per = n / elements_of(r->x, r->node->in[k]),
                per_other = n / elements_of(r->x, r->node->in[1 - k]);
        for (int64_t e = 0; e < n; e++) {
            struct span t = target(r, e, single(r, k) && per == 1);
            if (anything(r, t)) continue;
            struct span sums = sums_into(r->node, 0, t);
            int32_t mine = value_of(r, k, e / per) - input(r, k)->zero_point,
                    other = value_of(r, 1 - k, e / per_other) - input(r, 1 - k)->zero_point;
            if (square)
                narrow_square(r, k, e, sums);
            else
                narrow_term(r, k, e / per, sums, mine * other, other);
        }
    }
}

static void strike_concat(const struct reader *r)
{
    int64_t at = 0;
    for (uint32_t k = 0; k < r->node->n_in; k++) {
        int32_t z = input(r, k)->zero_point;
        for (int64_t e = 0; e < elements_of(r->x, r->node->in[k]); e++, at++) {
            struct span t = target(r, at, single(r, k));
            if (!anything(r, t))
                narrow_term(r, k, e, sums_into(r->node, (int32_t)k, t), value_of(r, k, e) - z, 1);
        }
    }
}

static void strike_copy(const struct reader *r)
{
    const struct ncr_qnode *node = r->node;
    const struct ncr_shape *in = &input(r, 0)->shape, *out = &node->shape;
    const int32_t *pad = node->attrs.pad, *f = node->attrs.factor;
    int64_t H = in->rank == 3 ? in->dim[1] : 1, W = in->rank == 3 ? in->dim[2] : 1;
    int64_t copies = node->op == NCR_QOP_UPSAMPLE ? (int64_t)f[0] * f[1] : 1;
    for (int64_t e = 0; e < ncr_shape_elements(in); e++) {
        int64_t x = e % W, y = e / W % H, c = e / W / H;
        for (int64_t i = 0; i < copies; i++) {
            int64_t to = e;
            if (node->op == NCR_QOP_UPSAMPLE)
                to = (c * out->dim[1] + y * f[0] + i / f[1]) * out->dim[2] + x * f[1] + i % f[1];
            else if (node->op == NCR_QOP_PAD)
                to = (c * out->dim[1] + y + pad[0]) * out->dim[2] + x + pad[1];
            struct span t = target(r, to, single(r, 0) && copies == 1);
            if (node->op == NCR_QOP_LUT)
                narrow_table(r, e, t);
            else
                narrow(r, 0, e, t.lo, t.hi);
        }
    }
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
    case NCR_QOP_SOFTMAX: ncr_each_softmax(r->x, r->q); break;
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
    const struct ncr_qnode *node = &x->base->map->qgraph->nodes[q];
    uint32_t general = 0, width = ncr_site_width(node, NCR_SITES_ACTIVATION);
    for (int64_t e = 0; e < n; e++) {
        if (e % per == 0 || !ncr_care_repeats(x->base, q, e))
            general = ncr_masked_activation(x->base, q, e);
        uint32_t bits = general;
        for (uint32_t b = 0; b < width; b++) { // here v is known
            int32_t v = ncr_qnode_element(node, x->values[q], e),
                    struck = ncr_care_flipped(node, v, b);
            bool safe = struck >= x->safe[q][e].lo && struck <= x->safe[q][e].hi;
            bits |= (uint32_t)(safe || ncr_care_alike(any[e], v, struck) ||
                               ncr_care_alike(one[e], v, struck))
                    << b;
        }
        x->activation[q][e] = (uint16_t)bits;
        for (uint32_t b = 0; b < width; b++)
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
        struct span all = stored_by(node);
        for (int64_t e = 0; e < elements_of(x, q); e++)
            x->safe[q][e] = (struct ncr_element_span){(int16_t)all.lo, (int16_t)all.hi};
        if (!ncr_qop_has_weights(node->op)) continue;
        memset(x->weight[q], (1 << ncr_weight_width(node->form)) - 1, (size_t)node->n_weights);
        memset(x->bias[q], 0xff, (size_t)node->n_channels * sizeof *x->bias[q]);
    }
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        uint32_t q = g->outputs[i];
        for (int64_t e = 0; e < elements_of(x, q); e++) {
            int16_t v = (int16_t)ncr_qnode_element(&g->nodes[q], x->values[q], e);
            x->safe[q][e] = (struct ncr_element_span){v, v};
        }
    }
    for (uint32_t q = g->n_nodes; q-- > 0;)
        strike(&(struct reader){x, &g->nodes[q], q});
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
