// Sound intervals: one pass over the nodes, a rule an operator.
#include "compiler/analysis/range.h"

#include "compiler/analysis/range_window.h"
#include "compiler/quant/lut.h"

struct ncr_range_window ncr_range_window_of(const struct ncr_qgraph *graph,
                                            const struct ncr_qnode *node)
{
    const struct ncr_qnode *in = &graph->nodes[node->in[0]];
    const struct ncr_attrs *a = &node->attrs;
    const struct ncr_shape *x = &in->shape, *y = &node->shape;
    struct ncr_range_window w = {.node = node, .in = in, .C = x->dim[0], .OC = y->dim[0]};
    w.H = x->rank == 3 ? x->dim[1] : 1;
    w.W = x->rank == 3 ? x->dim[2] : 1;
    w.OH = y->rank == 3 ? y->dim[1] : 1;
    w.OW = y->rank == 3 ? y->dim[2] : 1;
    w.kh = w.kw = w.stride[0] = w.stride[1] = w.dilation[0] = w.dilation[1] = 1;
    w.per = w.C;
    w.outs = w.OC;
    if (node->op == NCR_QOP_DENSE) return w;
    w.kh = a->kernel[0];
    w.kw = a->kernel[1];
    for (int i = 0; i < 2; i++) {
        w.stride[i] = a->stride[i];
        w.dilation[i] = a->dilation[i];
        w.pad[i] = a->pad[i];
    }
    if (node->op == NCR_QOP_CONV) {
        w.per = w.C / a->groups;
        w.outs = w.OC / a->groups;
    } else { // DWCONV, and pools, which read one channel each
        w.per = 1;
        w.outs = w.OC / w.C;
    }
    return w;
}

// Whether tap t of an axis reads inside and outside of an image of `size` at some output place.
static struct ncr_range_tap along(const struct ncr_range_window *w, int axis, int64_t t,
                                  int64_t size, int64_t places)
{
    struct ncr_range_tap tap = {false, false};
    for (int64_t at = 0; at < places; at++) {
        int64_t i = ncr_range_window_at(w, axis, at, t);
        bool inside = i >= 0 && i < size;
        tap.inside |= inside;
        tap.padded |= !inside;
    }
    return tap;
}

struct ncr_range_tap *ncr_range_window_taps(struct ncr_arena *arena,
                                            const struct ncr_range_window *w)
{
    struct ncr_range_tap *taps =
        NCR_NEW_N(arena, struct ncr_range_tap, (size_t)w->kh * (size_t)w->kw);
    struct ncr_range_tap *columns = NCR_NEW_N(arena, struct ncr_range_tap, (size_t)w->kw);
    for (int32_t q = 0; q < w->kw; q++)
        columns[q] = along(w, 1, q, w->W, w->OW);
    for (int32_t p = 0; p < w->kh; p++) {
        struct ncr_range_tap row = along(w, 0, p, w->H, w->OH);
        for (int32_t q = 0; q < w->kw; q++) {
            taps[p * w->kw + q].inside = row.inside && columns[q].inside;
            taps[p * w->kw + q].padded = row.padded || columns[q].padded;
        }
    }
    return taps;
}

int32_t ncr_range_window_sum(const struct ncr_range_window *w, const int8_t *in, int32_t o,
                             int32_t y, int32_t x)
{
    int64_t weight = (int64_t)o * w->per * w->kh * w->kw;
    int32_t first = ncr_range_window_first(w, o), acc = w->node->bias[o];
    for (int32_t c = 0; c < w->per; c++)
        for (int32_t p = 0; p < w->kh; p++)
            for (int32_t q = 0; q < w->kw; q++) {
                int64_t iy = ncr_range_window_at(w, 0, y, p), ix = ncr_range_window_at(w, 1, x, q);
                bool inside = iy >= 0 && iy < w->H && ix >= 0 && ix < w->W;
                int64_t at = ((int64_t)(first + c) * w->H + iy) * w->W + ix;
                int32_t v = inside ? ncr_qnode_element(w->in, in, at) : w->in->zero_point;
                acc = ncr_wrap_add(acc, ncr_wrap_mul(ncr_qnode_weight(w->node, weight++), v));
            }
    return acc;
}

struct ncr_range_map *ncr_range_map_new(struct ncr_arena *arena, const struct ncr_qgraph *qgraph)
{
    struct ncr_range_map *map = NCR_NEW(arena, struct ncr_range_map);
    map->qgraph = qgraph;
    map->nodes = NCR_NEW_N(arena, struct ncr_range_node, qgraph->n_nodes);
    for (uint32_t q = 0; q < qgraph->n_nodes; q++) {
        struct ncr_range_node *r = &map->nodes[q];
        r->n_channels = (uint32_t)qgraph->nodes[q].shape.dim[0];
        r->value = NCR_NEW_N(arena, struct ncr_interval, r->n_channels);
        if (!ncr_qop_has_mult(qgraph->nodes[q].op)) continue;
        r->bound = r->sum = NCR_NEW_N(arena, struct ncr_interval, r->n_channels);
        r->reach = NCR_NEW_N(arena, int64_t, r->n_channels);
    }
    return map;
}

// ---- sums ----
static void add_term(struct ncr_range_node *r, uint32_t c, struct ncr_interval term)
{
    r->bound[c].lo += term.lo;
    r->bound[c].hi += term.hi;
    r->reach[c] += ncr_interval_size(term);
}

static void window_sums(struct ncr_arena *arena, const struct ncr_range_map *map, uint32_t q)
{
    const struct ncr_qnode *node = &map->qgraph->nodes[q];
    struct ncr_range_node *r = &map->nodes[q];
    const struct ncr_interval *x = map->nodes[node->in[0]].value;
    struct ncr_range_window w = ncr_range_window_of(map->qgraph, node);
    struct ncr_arena_mark mark = ncr_arena_mark(arena);
    struct ncr_range_tap *taps = ncr_range_window_taps(arena, &w);
    int64_t area = (int64_t)w.kh * w.kw;
    for (int32_t o = 0; o < w.OC; o++) {
        int64_t weights = o * w.per * area;
        int32_t first = ncr_range_window_first(&w, o);
        add_term(r, (uint32_t)o, (struct ncr_interval){node->bias[o], node->bias[o]});
        for (int32_t c = 0; c < w.per; c++)
            for (int64_t t = 0; t < area; t++)
                add_term(r, (uint32_t)o,
                         ncr_interval_times(ncr_qnode_weight(node, weights + c * area + t),
                                            ncr_range_window_read(&w, taps[t], x[first + c])));
    }
    ncr_arena_reset(arena, mark);
}

static struct ncr_interval minus(struct ncr_interval x, int64_t z)
{
    return (struct ncr_interval){x.lo - z, x.hi - z};
}

static struct ncr_interval product(struct ncr_interval a, struct ncr_interval b)
{
    return ncr_interval_hull(ncr_interval_times(a.lo, b), ncr_interval_times(a.hi, b));
}

// Least and largest number of taps inside the image along an axis.
static void inside_taps(const struct ncr_range_window *w, int axis, int64_t size, int64_t places,
                        int64_t taps, int64_t *least, int64_t *most)
{
    *least = taps;
    *most = 0;
    for (int64_t at = 0; at < places; at++) {
        int64_t n = 0;
        for (int64_t t = 0; t < taps; t++) {
            int64_t i = ncr_range_window_at(w, axis, at, t);
            n += i >= 0 && i < size;
        }
        *least = n < *least ? n : *least;
        *most = n > *most ? n : *most;
    }
}

static void pool_taps(const struct ncr_range_window *w, int64_t *least, int64_t *most)
{
    int64_t rows[2], columns[2];
    inside_taps(w, 0, w->H, w->OH, w->kh, &rows[0], &rows[1]);
    inside_taps(w, 1, w->W, w->OW, w->kw, &columns[0], &columns[1]);
    *least = rows[0] * columns[0];
    *most = rows[1] * columns[1];
}

void ncr_range_bounds(struct ncr_arena *arena, struct ncr_range_map *map, uint32_t q)
{
    const struct ncr_qgraph *g = map->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    struct ncr_range_node *r = &map->nodes[q];
    if (!ncr_qop_has_mult(node->op)) return;
    if (ncr_qop_has_weights(node->op)) {
        window_sums(arena, map, q);
    } else if (node->op == NCR_QOP_AVGPOOL) {
        int64_t least, most, z = g->nodes[node->in[0]].zero_point;
        struct ncr_range_window w = ncr_range_window_of(g, node);
        pool_taps(&w, &least, &most);
        for (uint32_t c = 0; c < r->n_channels; c++) {
            struct ncr_interval x = minus(map->nodes[node->in[0]].value[c], z);
            r->bound[c] =
                ncr_interval_hull(ncr_interval_times(least, x), ncr_interval_times(most, x));
            r->reach[c] = most * ncr_interval_size(x);
        }
    } else if (node->op == NCR_QOP_CONCAT) {
        uint32_t c = 0;
        for (uint32_t k = 0; k < node->n_in; k++)
            for (uint32_t i = 0; i < map->nodes[node->in[k]].n_channels; i++)
                add_term(r, c++,
                         minus(map->nodes[node->in[k]].value[i], g->nodes[node->in[k]].zero_point));
    } else {
        for (uint32_t c = 0; c < r->n_channels; c++) {
            struct ncr_interval x[2];
            for (uint32_t k = 0; k < node->n_in; k++) {
                x[k & 1] =
                    minus(map->nodes[node->in[k]].value[c], g->nodes[node->in[k]].zero_point);
                if (node->op == NCR_QOP_ADD)
                    add_term(r, c, ncr_interval_times(node->in_mult[k], x[k & 1]));
            }
            if (node->op == NCR_QOP_MUL) add_term(r, c, product(x[0], x[1]));
        }
    }
    for (uint32_t c = 0; c < r->n_channels; c++)
        r->wraps |= r->reach[c] > INT32_MAX;
}

// ---- values ----
// What requantisation makes of the sums.
static void requantised(struct ncr_range_map *map, uint32_t q)
{
    const struct ncr_qnode *node = &map->qgraph->nodes[q];
    struct ncr_range_node *r = &map->nodes[q];
    int64_t least = 1, most = 1;
    bool counted = node->op == NCR_QOP_AVGPOOL && node->n_channels > 1;
    if (counted) {
        struct ncr_range_window w = ncr_range_window_of(map->qgraph, node);
        pool_taps(&w, &least, &most);
    }
    uint32_t k = 0, left = 0; // input of a concatenation, and its channels that are left
    for (uint32_t c = 0; c < r->n_channels; c++) {
        int32_t m = ncr_qop_has_weights(node->op) ? (int32_t)c : 0;
        if (node->op == NCR_QOP_CONCAT) {
            for (; left == 0; k++)
                left = map->nodes[node->in[k]].n_channels;
            m = (int32_t)k - 1;
            left--;
        }
        r->value[c] = (struct ncr_interval){node->lo, node->hi};
        if (r->wraps) continue;
        int32_t lo = (int32_t)r->bound[c].lo, hi = (int32_t)r->bound[c].hi;
        if (!counted) {
            r->value[c] =
                (struct ncr_interval){ncr_range_finish(node, lo, m), ncr_range_finish(node, hi, m)};
            continue;
        }
        // The mean of n taps requantises sums of n values with multiplier n - 1.
        const struct ncr_qnode *in = &map->qgraph->nodes[node->in[0]];
        struct ncr_interval x = minus(map->nodes[node->in[0]].value[c], in->zero_point);
        for (int64_t n = least; n <= most; n++) {
            struct ncr_interval y = {ncr_range_finish(node, (int32_t)(n * x.lo), (int32_t)(n - 1)),
                                     ncr_range_finish(node, (int32_t)(n * x.hi), (int32_t)(n - 1))};
            r->value[c] = n == least ? y : ncr_interval_hull(r->value[c], y);
        }
    }
}

// Element i of the output is element i of the input, whatever the shapes.
static void reshaped(struct ncr_range_map *map, uint32_t q)
{
    const struct ncr_qnode *node = &map->qgraph->nodes[q];
    struct ncr_range_node *r = &map->nodes[q];
    const struct ncr_range_node *x = &map->nodes[node->in[0]];
    int64_t n = ncr_shape_elements(&node->shape), per = n / r->n_channels, from = n / x->n_channels;
    for (uint32_t c = 0; c < r->n_channels; c++) {
        r->value[c] = x->value[c * per / from];
        for (int64_t i = c * per / from; i <= (c * per + per - 1) / from; i++)
            r->value[c] = ncr_interval_hull(r->value[c], x->value[i]);
    }
}

// A table rises or falls from piece to piece, so that the ends of pieces tell.
static struct ncr_interval looked_up(const struct ncr_qnode *in, const struct ncr_qnode *node,
                                     struct ncr_interval x)
{
    int32_t v = (int32_t)x.lo, y = ncr_look_up(in, node, v);
    struct ncr_interval all = {y, y};
    while (v < x.hi) {
        v = ncr_lut_piece(in, v, true);
        if (v > x.hi) v = (int32_t)x.hi;
        y = ncr_look_up(in, node, v);
        all = ncr_interval_hull(all, (struct ncr_interval){y, y});
    }
    return all;
}

static void values(struct ncr_range_map *map, uint32_t q)
{
    const struct ncr_qnode *node = &map->qgraph->nodes[q];
    struct ncr_range_node *r = &map->nodes[q];
    const struct ncr_range_node *x = node->n_in ? &map->nodes[node->in[0]] : NULL;
    struct ncr_interval zero = {node->zero_point, node->zero_point};
    const int32_t *pad = node->attrs.pad;
    if (ncr_qop_has_mult(node->op)) {
        requantised(map, q);
        return;
    }
    if (node->op == NCR_QOP_RESHAPE) {
        reshaped(map, q);
        return;
    }
    for (uint32_t c = 0; c < r->n_channels; c++) {
        switch (node->op) {
        case NCR_QOP_INPUT: r->value[c] = (struct ncr_interval){node->lo, node->hi}; break;
        case NCR_QOP_MAXPOOL: // each window holds a pixel
        case NCR_QOP_UPSAMPLE: r->value[c] = x->value[c]; break;
        case NCR_QOP_PAD:
            r->value[c] = x->value[c];
            if (pad[0] || pad[1] || pad[2] || pad[3])
                r->value[c] = ncr_interval_hull(r->value[c], zero);
            break;
        case NCR_QOP_LUT:
            r->value[c] = looked_up(&map->qgraph->nodes[node->in[0]], node, x->value[c]);
            break;
        case NCR_QOP_SOFTMAX:
            r->value[c] = (struct ncr_interval){-128, 127};
            if (node->bits > 8)
                r->value[c] = (struct ncr_interval){0, ncr_qnode_magnitude(node) - 1};
            break;
        case NCR_QOP_ZERO: r->value[c] = zero; break;
        case NCR_QOP_CONV:
        case NCR_QOP_DWCONV:
        case NCR_QOP_DENSE:
        case NCR_QOP_ADD:
        case NCR_QOP_MUL:
        case NCR_QOP_CONCAT:
        case NCR_QOP_AVGPOOL:
        case NCR_QOP_RESHAPE:
        case NCR_QOP_COUNT_: NCR_BUG("range of operator %d", (int)node->op);
        }
    }
}

struct ncr_range_map *ncr_range_sound(struct ncr_arena *arena, const struct ncr_qgraph *qgraph)
{
    if (!qgraph->has_numbers) NCR_BUG("ranges of a network without numbers");
    struct ncr_range_map *map = ncr_range_map_new(arena, qgraph);
    for (uint32_t q = 0; q < qgraph->n_nodes; q++) {
        ncr_range_bounds(arena, map, q);
        values(map, q);
    }
    return map;
}

// ---- accumulators ----
uint32_t ncr_range_worst(const struct ncr_range_node *node)
{
    uint32_t worst = 0;
    for (uint32_t c = 1; c < node->n_channels; c++)
        if (node->reach[c] > node->reach[worst]) worst = c;
    return worst;
}

uint32_t ncr_range_bits(const struct ncr_range_node *node)
{
    int64_t most = node->reach[ncr_range_worst(node)];
    uint32_t bits = 1;
    while (most >> (bits - 1))
        bits++;
    return bits;
}
