// Cares from the outputs back to the inputs: a rule an operator says which values of its inputs are
// alike, given which of its outputs are.
//
// Why `one` may be found from consumer to consumer: let only element e of tensor x be struck. The
// consumers of x are taken in order of execution. All that the first one reads besides e is
// fault-free, so what it gives is alike the fault-free tensor in the sense of `any`: whatever else
// differs, it can be replaced by the fault-free one without a change of the output. Then the same
// holds of the second, and so on. Only where x has a single use may its consumer's own `one` be
// passed on, since then nothing else carries a difference.
#include "compiler/analysis/range_care.h"
#include "compiler/quant/lut.h"

struct sweep {
    struct ncr_arena *arena;
    struct ncr_masked *m;
    const struct ncr_range_map *map;
    const struct ncr_qgraph *graph;
    uint32_t *uses; // readers of each tensor; being an output counts as one
};

static struct ncr_care tidy(struct ncr_care care, struct ncr_interval stored)
{
    bool none = ncr_care_none(care) || care.low >= stored.hi || care.high <= stored.lo;
    return none ? NCR_CARE_NONE : care;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

static int16_t within(int64_t v, struct ncr_interval stored)
{
    return (int16_t)(v < stored.lo ? stored.lo : v > stored.hi ? stored.hi : v);
}

static struct ncr_care between(int64_t low, int64_t high, struct ncr_interval stored)
{
    return tidy((struct ncr_care){within(low, stored), within(high, stored)}, stored);
}

struct ncr_care_sum ncr_care_sum_of(const struct ncr_qnode *node, int32_t m, struct ncr_care out)
{
    struct ncr_care_sum sum = {(int64_t)INT32_MIN - 1, (int64_t)INT32_MAX + 1, false};
    int32_t least = ncr_range_finish(node, INT32_MIN, m),
            most = ncr_range_finish(node, INT32_MAX, m);
    if (ncr_care_none(out) || ncr_care_alike(out, least, most)) {
        sum.none = true;
        return sum;
    }
    int32_t low = out.low > least ? out.low : least, high = out.high < most ? out.high : most;
    int64_t from = INT32_MIN, to = INT32_MAX; // the last sum that gives at most low
    while (from < to) {
        int64_t mid = floor_div(from + to + 1, 2);
        if (ncr_range_finish(node, (int32_t)mid, m) <= low)
            from = mid;
        else
            to = mid - 1;
    }
    sum.low = from;
    from = INT32_MIN; // the first sum that gives at least high
    to = INT32_MAX;
    while (from < to) {
        int64_t mid = floor_div(from + to, 2);
        if (ncr_range_finish(node, (int32_t)mid, m) >= high)
            to = mid;
        else
            from = mid + 1;
    }
    sum.high = from;
    return sum;
}

struct ncr_care ncr_care_term(struct ncr_care_sum sum, struct ncr_interval rest, int64_t w,
                              struct ncr_interval stored)
{
    if (sum.none || w == 0) return NCR_CARE_NONE;
    int64_t most = -stored.lo * (w < 0 ? -w : w); // of the term, whatever is stored
    if (!ncr_interval_is_i32((struct ncr_interval){rest.lo - most, rest.hi + most}))
        return NCR_CARE_EXACT;
    int64_t below = sum.low - rest.hi, above = sum.high - rest.lo; // bounds of w·x
    if (w > 0) return between(floor_div(below, w), -floor_div(-above, w), stored);
    return between(floor_div(above, w), -floor_div(-below, w), stored);
}

// ---- helpers ----
static void care(const struct sweep *s, uint32_t q, int64_t e, struct ncr_care any,
                 struct ncr_care one)
{
    struct ncr_interval stored = ncr_care_stored(&s->graph->nodes[q]);
    s->m->any[q][e] = ncr_care_join(s->m->any[q][e], tidy(any, stored));
    s->m->one[q][e] = ncr_care_join(s->m->one[q][e], tidy(one, stored));
}

static struct ncr_interval value_of(const struct sweep *s, uint32_t q, int64_t e)
{
    int64_t per = ncr_shape_elements(&s->graph->nodes[q].shape) / s->map->nodes[q].n_channels;
    return s->map->nodes[q].value[e / per];
}

// Of an element that input k's element alone becomes.
static struct ncr_care passed(const struct sweep *s, uint32_t q, uint32_t k, int64_t e)
{
    bool single = s->uses[s->graph->nodes[q].in[k]] == 1;
    return single ? s->m->one[q][e] : s->m->any[q][e];
}

// ---- weights ----
struct taps {
    struct ncr_care *any, *one; // [C][tap]
    struct ncr_care *out;       // [OC], joined over places
    bool *observed;             // [OH][OW]: of some channel
};

static void join_places(const struct sweep *s, uint32_t q, const struct ncr_range_window *w,
                        struct taps *t)
{
    int64_t places = (int64_t)w->OH * w->OW;
    for (int32_t o = 0; o < w->OC; o++) {
        t->out[o] = NCR_CARE_NONE;
        for (int64_t i = 0; i < places; i++) {
            struct ncr_care any = s->m->any[q][o * places + i];
            t->out[o] = ncr_care_join(t->out[o], any);
            t->observed[i] |= !ncr_care_none(any);
        }
    }
}

// Whether all that the input's elements can hold gives values that are alike.
static bool constant_for_all(const struct ncr_range_window *w, int32_t o, struct ncr_care out)
{
    int64_t n = (int64_t)w->per * w->kh * w->kw;
    struct ncr_interval sum = {w->node->bias[o], w->node->bias[o]}, stored = ncr_care_stored(w->in);
    for (int64_t i = 0; i < n; i++) {
        struct ncr_interval term = ncr_interval_times(ncr_qnode_weight(w->node, o * n + i), stored);
        sum.lo += term.lo;
        sum.hi += term.hi;
    }
    return ncr_interval_is_i32(sum) &&
           ncr_care_alike(out, ncr_range_finish(w->node, (int32_t)sum.lo, o),
                          ncr_range_finish(w->node, (int32_t)sum.hi, o));
}

static void care_of_taps(const struct sweep *s, uint32_t q, const struct ncr_range_window *w,
                         struct taps *t)
{
    const struct ncr_range_node *r = &s->map->nodes[q];
    const struct ncr_interval *x = s->map->nodes[w->node->in[0]].value;
    const struct ncr_range_tap *read = ncr_range_window_taps(s->arena, w);
    int64_t area = (int64_t)w->kh * w->kw;
    for (int64_t i = 0; i < w->C * area; i++)
        t->any[i] = t->one[i] = NCR_CARE_NONE;
    for (int32_t o = 0; o < w->OC; o++) {
        struct ncr_care_sum sum = ncr_care_sum_of(w->node, o, t->out[o]);
        if (sum.none || constant_for_all(w, o, t->out[o])) continue;
        int32_t first = ncr_range_window_first(w, o);
        int64_t weights = o * w->per * area;
        for (int32_t c = 0; c < w->per; c++)
            for (int64_t i = 0; i < area; i++) {
                int64_t weight = ncr_qnode_weight(w->node, weights + c * area + i),
                        at = (first + c) * area + i;
                if (weight == 0) continue;
                t->any[at] = NCR_CARE_EXACT;
                struct ncr_interval term =
                    ncr_interval_times(weight, ncr_range_window_read(w, read[i], x[first + c]));
                t->one[at] =
                    r->wraps ? NCR_CARE_EXACT
                             : ncr_care_join(
                                   t->one[at],
                                   ncr_care_term(sum, ncr_care_rest(r->bound[o], r->sum[o], term),
                                                 weight, ncr_care_stored(w->in)));
            }
    }
}

static void care_window(const struct sweep *s, uint32_t q)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    struct ncr_range_window w = ncr_range_window_of(s->graph, node);
    int64_t area = (int64_t)w.kh * w.kw;
    struct taps t = {.any = NCR_NEW_N(s->arena, struct ncr_care, (size_t)(w.C * area)),
                     .one = NCR_NEW_N(s->arena, struct ncr_care, (size_t)(w.C * area)),
                     .out = NCR_NEW_N(s->arena, struct ncr_care, (size_t)w.OC),
                     .observed = NCR_NEW_N(s->arena, bool, (size_t)w.OH *(size_t)w.OW)};
    join_places(s, q, &w, &t);
    care_of_taps(s, q, &w, &t);
    for (int32_t c = 0; c < w.C; c++)
        for (int64_t i = 0; i < area; i++) {
            struct ncr_care any = t.any[c * area + i], one = t.one[c * area + i];
            if (ncr_care_none(any)) continue; // and one with it
            for (int32_t y = 0; y < w.OH; y++) {
                int64_t iy = ncr_range_window_at(&w, 0, y, i / w.kw);
                if (iy < 0 || iy >= w.H) continue;
                for (int32_t column = 0; column < w.OW; column++) {
                    int64_t ix = ncr_range_window_at(&w, 1, column, i % w.kw);
                    if (ix < 0 || ix >= w.W || !t.observed[(int64_t)y * w.OW + column]) continue;
                    care(s, node->in[0], ((int64_t)c * w.H + iy) * w.W + ix, any, one);
                }
            }
        }
}

// ---- pools ----
// What the inputs of output element e, with `taps` of them inside the image, are alike to.
static void care_pooled(const struct sweep *s, uint32_t q, int64_t e, int64_t taps, bool alone,
                        struct ncr_care *any, struct ncr_care *one)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    struct ncr_care out = alone ? passed(s, q, 0, e) : s->m->any[q][e];
    int64_t per = ncr_shape_elements(&node->shape) / s->map->nodes[q].n_channels;
    struct ncr_interval x = s->map->nodes[node->in[0]].value[e / per];
    *any = s->m->any[q][e];
    if (node->op == NCR_QOP_MAXPOOL) {
        *one = out;
        // Another pixel of the window is at least x.lo, so what is not above it loses.
        if (taps > 1 && one->low < x.lo) one->low = (int16_t)x.lo;
        return;
    }
    const struct ncr_qnode *in = &s->graph->nodes[node->in[0]];
    int64_t z = in->zero_point;
    struct ncr_interval rest = {(taps - 1) * (x.lo - z) - z, (taps - 1) * (x.hi - z) - z};
    int32_t m = node->n_channels == 1 ? 0 : (int32_t)taps - 1;
    if (!ncr_care_none(*any)) *any = NCR_CARE_EXACT;
    *one = ncr_care_term(ncr_care_sum_of(node, m, out), rest, 1, ncr_care_stored(in));
}

static void care_pool(const struct sweep *s, uint32_t q)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    struct ncr_range_window w = ncr_range_window_of(s->graph, node);
    bool alone = w.stride[0] >= w.kh && w.stride[1] >= w.kw; // each pixel is in one window at most
    for (int64_t e = 0; e < (int64_t)w.OC * w.OH * w.OW; e++) {
        if (ncr_care_none(s->m->any[q][e])) continue;
        int64_t column = e % w.OW, y = e / w.OW % w.OH, c = e / w.OW / w.OH, taps = 0;
        struct ncr_care any = NCR_CARE_EXACT, one = NCR_CARE_EXACT;
        for (int pass = 0; pass < 2; pass++) {
            for (int64_t p = 0; p < w.kh; p++)
                for (int64_t k = 0; k < w.kw; k++) {
                    int64_t iy = ncr_range_window_at(&w, 0, y, p),
                            ix = ncr_range_window_at(&w, 1, column, k);
                    if (iy < 0 || iy >= w.H || ix < 0 || ix >= w.W) continue;
                    if (pass)
                        care(s, node->in[0], (c * w.H + iy) * w.W + ix, any, one);
                    else
                        taps++;
                }
            if (!pass) care_pooled(s, q, e, taps, alone, &any, &one);
        }
    }
}

// ---- element by element ----
static bool reads_twice(const struct ncr_qnode *node, uint32_t k)
{
    for (uint32_t i = 0; i < node->n_in; i++)
        if (i != k && node->in[i] == node->in[k]) return true;
    return false;
}

static void care_add(const struct sweep *s, uint32_t q)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    const struct ncr_range_node *r = &s->map->nodes[q];
    int64_t n = ncr_shape_elements(&node->shape), per = n / r->n_channels;
    for (uint32_t k = 0; k < node->n_in; k++) {
        const struct ncr_qnode *in = &s->graph->nodes[node->in[k]];
        int64_t z = in->zero_point, factor = node->in_mult[k];
        bool twice = reads_twice(node, k);
        struct ncr_care last = NCR_CARE_NONE;
        struct ncr_care_sum sum = {.none = true}; // of `last`
        for (int64_t e = 0; e < n; e++) {
            struct ncr_care any = s->m->any[q][e], out = passed(s, q, k, e);
            if (ncr_care_none(any)) continue;
            if (out.low != last.low || out.high != last.high) sum = ncr_care_sum_of(node, 0, out);
            last = out;
            struct ncr_interval x = s->map->nodes[node->in[k]].value[e / per],
                                term = ncr_interval_times(
                                    factor, (struct ncr_interval){x.lo - z, x.hi - z}),
                                rest = ncr_care_rest(r->bound[e / per], r->sum[e / per], term);
            rest.lo -= factor * z;
            rest.hi -= factor * z;
            care(s, node->in[k], e, factor ? NCR_CARE_EXACT : NCR_CARE_NONE,
                 twice ? NCR_CARE_EXACT : ncr_care_term(sum, rest, factor, ncr_care_stored(in)));
        }
    }
}

static void care_mul(const struct sweep *s, uint32_t q)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    int64_t n = ncr_shape_elements(&node->shape);
    for (uint32_t k = 0; k < 2; k++) {
        uint32_t other = node->in[1 - k];
        int64_t z = s->graph->nodes[other].zero_point;
        int64_t per = n / ncr_shape_elements(&s->graph->nodes[node->in[k]].shape),
                per_other = n / ncr_shape_elements(&s->graph->nodes[other].shape);
        for (int64_t e = 0; e < n; e++) {
            if (ncr_care_none(s->m->any[q][e])) continue;
            struct ncr_interval factor = value_of(s, other, e / per_other);
            bool nothing = other != node->in[k] && factor.lo == z && factor.hi == z;
            care(s, node->in[k], e / per, NCR_CARE_EXACT, nothing ? NCR_CARE_NONE : NCR_CARE_EXACT);
        }
    }
}

static void care_concat(const struct sweep *s, uint32_t q)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    int64_t at = 0;
    for (uint32_t k = 0; k < node->n_in; k++) {
        int64_t n = ncr_shape_elements(&s->graph->nodes[node->in[k]].shape);
        int64_t z = s->graph->nodes[node->in[k]].zero_point;
        for (int64_t e = 0; e < n; e++, at++) {
            struct ncr_care out[2] = {s->m->any[q][at], passed(s, q, k, at)}, in[2];
            if (ncr_care_none(out[0])) continue;
            for (int i = 0; i < 2; i++)
                in[i] = ncr_care_term(ncr_care_sum_of(node, (int32_t)k, out[i]),
                                      (struct ncr_interval){-z, -z}, 1,
                                      ncr_care_stored(&s->graph->nodes[node->in[k]]));
            care(s, node->in[k], e, in[0], in[1]);
        }
    }
}

static struct ncr_care looked_up(const struct ncr_qnode *in, const struct ncr_qnode *node,
                                 struct ncr_care out)
{
    struct ncr_interval stored = ncr_care_stored(in), gives = ncr_care_stored(node);
    int32_t ends[2];
    for (int i = 0; i < 2; i++) {
        int32_t from = (int32_t)(i ? stored.hi : stored.lo),
                to = (int32_t)(i ? stored.lo : stored.hi);
        struct ncr_interval alike = ncr_care_class(out, gives, ncr_look_up(in, node, from));
        ends[i] = ncr_lut_reach(in, node, from, to, alike.lo, alike.hi);
    }
    return between(ends[0], ends[1], stored);
}

// Operators whose output element is one element of the input: copies and tables.
static void care_copy(const struct sweep *s, uint32_t q)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    const struct ncr_shape *in = &s->graph->nodes[node->in[0]].shape, *out = &node->shape;
    const int32_t *pad = node->attrs.pad, *f = node->attrs.factor;
    int64_t n = ncr_shape_elements(in), H = in->rank == 3 ? in->dim[1] : 1,
            W = in->rank == 3 ? in->dim[2] : 1;
    bool upsample = node->op == NCR_QOP_UPSAMPLE;
    const struct ncr_qnode *x_node = &s->graph->nodes[node->in[0]];
    struct ncr_care last[2] = {NCR_CARE_NONE, NCR_CARE_NONE}, read[2] = {last[0], last[1]};
    for (int64_t e = 0; e < n; e++) {
        int64_t x = e % W, y = e / W % H, c = e / W / H,
                copies = upsample ? (int64_t)f[0] * f[1] : 1;
        for (int64_t i = 0; i < copies; i++) {
            int64_t to = e;
            if (upsample)
                to = (c * out->dim[1] + y * f[0] + i / f[1]) * out->dim[2] + x * f[1] + i % f[1];
            else if (node->op == NCR_QOP_PAD)
                to = (c * out->dim[1] + y + pad[0]) * out->dim[2] + x + pad[1];
            struct ncr_care any = s->m->any[q][to], one = copies == 1 ? passed(s, q, 0, to) : any;
            if (node->op != NCR_QOP_LUT || ncr_care_none(any)) {
                care(s, node->in[0], e, any, one);
                continue;
            }
            struct ncr_care out_care[2] = {any, one};
            for (int kind = 0; kind < 2; kind++) { // elements of a channel mostly repeat
                if (out_care[kind].low != last[kind].low || out_care[kind].high != last[kind].high)
                    read[kind] = looked_up(x_node, node, out_care[kind]);
                last[kind] = out_care[kind];
            }
            care(s, node->in[0], e, read[0], read[1]);
        }
    }
}

static void care_all(const struct sweep *s, uint32_t q)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    int64_t n = ncr_shape_elements(&node->shape);
    bool none = true;
    for (int64_t e = 0; e < n; e++)
        none &= ncr_care_none(s->m->any[q][e]);
    for (int64_t e = 0; !none && e < n; e++)
        care(s, node->in[0], e, NCR_CARE_EXACT, NCR_CARE_EXACT);
}

static void care_inputs(const struct sweep *s, uint32_t q)
{
    switch (s->graph->nodes[q].op) {
    case NCR_QOP_INPUT:
    case NCR_QOP_ZERO: break;
    case NCR_QOP_CONV:
    case NCR_QOP_DWCONV:
    case NCR_QOP_DENSE: care_window(s, q); break;
    case NCR_QOP_ADD: care_add(s, q); break;
    case NCR_QOP_MUL: care_mul(s, q); break;
    case NCR_QOP_CONCAT: care_concat(s, q); break;
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_AVGPOOL: care_pool(s, q); break;
    case NCR_QOP_SOFTMAX: care_all(s, q); break;
    case NCR_QOP_LUT:
    case NCR_QOP_UPSAMPLE:
    case NCR_QOP_PAD:
    case NCR_QOP_RESHAPE: care_copy(s, q); break;
    case NCR_QOP_COUNT_: NCR_BUG("care of operator %d", (int)NCR_QOP_COUNT_);
    }
}

void ncr_care_sweep(struct ncr_arena *arena, struct ncr_masked *masked)
{
    const struct ncr_qgraph *g = masked->map->qgraph;
    masked->any = NCR_NEW_N(arena, struct ncr_care *, g->n_nodes);
    masked->one = NCR_NEW_N(arena, struct ncr_care *, g->n_nodes);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        size_t n = (size_t)ncr_shape_elements(&g->nodes[q].shape);
        masked->any[q] = NCR_NEW_N(arena, struct ncr_care, n);
        masked->one[q] = NCR_NEW_N(arena, struct ncr_care, n);
        for (size_t e = 0; e < n; e++)
            masked->any[q][e] = masked->one[q][e] = NCR_CARE_NONE;
    }
    struct ncr_arena_mark mark = ncr_arena_mark(arena);
    struct sweep s = {arena, masked, masked->map, g, NCR_NEW_N(arena, uint32_t, g->n_nodes)};
    for (uint32_t q = 0; q < g->n_nodes; q++)
        for (uint32_t k = 0; k < g->nodes[q].n_in; k++)
            s.uses[g->nodes[q].in[k]]++;
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        uint32_t q = g->outputs[i];
        s.uses[q]++;
        for (int64_t e = 0; e < ncr_shape_elements(&g->nodes[q].shape); e++)
            masked->any[q][e] = masked->one[q][e] = NCR_CARE_EXACT;
    }
    for (uint32_t q = g->n_nodes; q-- > 0;) {
        struct ncr_arena_mark node = ncr_arena_mark(arena);
        care_inputs(&s, q);
        ncr_arena_reset(arena, node);
    }
    ncr_arena_reset(arena, mark);
}
