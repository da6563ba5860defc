// The range-based estimate; formulas are in the header.
#include "compiler/analysis/range_estimate.h"

#include <math.h>

#include "compiler/analysis/range_care.h"
#include "compiler/quant/lut.h"

struct estimate {
    struct ncr_arena *arena;
    const struct ncr_masked *m;
    const struct ncr_range_map *map;
    const struct ncr_qgraph *graph;
    double **gain; // g² by qnode and channel
    double (*sum)[NCR_SITES_COUNT_];
};

static double square(double v)
{
    return v * v;
}

static double width(struct ncr_interval x)
{
    return x.hi > x.lo ? (double)(x.hi - x.lo) : 1;
}

static struct ncr_interval hull_of(const struct ncr_range_node *r)
{
    struct ncr_interval all = r->value[0];
    for (uint32_t c = 1; c < r->n_channels; c++)
        all = ncr_interval_hull(all, r->value[c]);
    return all;
}

static double mean_square(struct ncr_interval x, double z)
{
    double a = (double)x.lo - z, b = (double)x.hi - z;
    return (a * a + a * b + b * b) / 3;
}

// Share of the channel's sums that the clamp lets through.
static double live(const struct estimate *s, uint32_t q, int32_t c, int32_t m)
{
    struct ncr_interval sum = s->map->nodes[q].sum[c];
    struct ncr_care_sum clamp = ncr_care_sum_of(&s->graph->nodes[q], m, NCR_CARE_EXACT);
    if (clamp.none) return 0;
    if (sum.lo == sum.hi) return sum.lo > clamp.low && sum.lo < clamp.high;
    int64_t lo = sum.lo > clamp.low ? sum.lo : clamp.low,
            hi = sum.hi < clamp.high ? sum.hi : clamp.high;
    return hi > lo ? (double)(hi - lo) / (double)(sum.hi - sum.lo) : 0;
}

// (mult / 2^shift)².
static double factor(const struct ncr_qnode *node, int32_t m)
{
    return square(ldexp(node->mult[m], -node->shift[m]));
}

static void gain_window(const struct estimate *s, uint32_t q)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    struct ncr_range_window w = ncr_range_window_of(s->graph, node);
    double places = (double)w.OH * w.OW / ((double)w.H * w.W);
    int64_t area = (int64_t)w.kh * w.kw;
    for (int32_t o = 0; o < w.OC; o++) {
        int64_t weight = o * w.per * area;
        int32_t first = ncr_range_window_first(&w, o);
        double out = places * factor(node, o) * live(s, q, o, o) * s->gain[q][o];
        for (int32_t c = 0; c < w.per; c++)
            for (int64_t i = 0; i < area; i++)
                s->gain[node->in[0]][first + c] += square(ncr_qnode_weight(node, weight++)) * out;
    }
}

static void gain_pool(const struct estimate *s, uint32_t q)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    struct ncr_range_window w = ncr_range_window_of(s->graph, node);
    double taps = (double)w.kh * w.kw, reads = taps * w.OH * w.OW / ((double)w.H * w.W);
    bool mean = node->op == NCR_QOP_AVGPOOL;
    for (int32_t c = 0; c < w.OC; c++) {
        int32_t m = mean ? node->n_channels - 1 : 0; // full windows
        double share = mean ? factor(node, m) * live(s, q, c, m) : 1 / taps;
        s->gain[node->in[0]][c] += reads * share * s->gain[q][c];
    }
}

static void gain_sum(const struct estimate *s, uint32_t q)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    uint32_t at = 0;
    for (uint32_t k = 0; k < node->n_in; k++) {
        bool concat = node->op == NCR_QOP_CONCAT;
        for (uint32_t c = 0; c < s->map->nodes[node->in[k]].n_channels; c++) {
            uint32_t o = concat ? at++ : c;
            int32_t m = concat ? (int32_t)k : 0;
            double w = 1, copies = 1;
            if (node->op == NCR_QOP_ADD) w = square(node->in_mult[k]);
            if (node->op == NCR_QOP_MUL) {
                uint32_t other = node->in[1 - k];
                w = mean_square(s->map->nodes[other].value[c], s->graph->nodes[other].zero_point);
                copies = (double)ncr_shape_elements(&node->shape) /
                         (double)ncr_shape_elements(&s->graph->nodes[node->in[k]].shape);
            }
            s->gain[node->in[k]][c] +=
                copies * w * factor(node, m) * live(s, q, (int32_t)o, m) * s->gain[q][o];
        }
    }
}

// The mean square over x of what a table moves by where its input moves by one; of pieces by what
// they move by from end to end, since rounding has no part in it.
static double table_slope(const struct ncr_qnode *in, const struct ncr_qnode *node,
                          struct ncr_interval x)
{
    double sum = 0;
    for (int32_t v = (int32_t)x.lo, next; v < x.hi; v = next) {
        next = ncr_lut_piece(in, v, true);
        double rise = ncr_look_up(in, node, next) - ncr_look_up(in, node, v);
        sum += square(rise / (next - v)) * ((next < x.hi ? next : (double)x.hi) - v);
    }
    return sum / width(x);
}

// Tables, copies, and elements that go where other shapes put them.
static void gain_copy(const struct estimate *s, uint32_t q)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    const struct ncr_range_node *r = &s->map->nodes[q], *in = &s->map->nodes[node->in[0]];
    double *to = s->gain[node->in[0]];
    int64_t n = ncr_shape_elements(&node->shape);
    int64_t copies =
        node->op == NCR_QOP_UPSAMPLE ? (int64_t)node->attrs.factor[0] * node->attrs.factor[1] : 1;
    if (node->op == NCR_QOP_RESHAPE) { // the mean over a channel's elements
        int64_t per = n / r->n_channels, from = n / in->n_channels;
        for (int64_t e = 0; e < n; e++)
            to[e / from] += s->gain[q][e / per] / (double)from;
        return;
    }
    for (uint32_t c = 0; c < r->n_channels; c++) {
        double share = (double)copies;
        struct ncr_interval x = in->value[c];
        if (node->op == NCR_QOP_LUT) {
            share = table_slope(&s->graph->nodes[node->in[0]], node, x);
        } else if (node->op == NCR_QOP_SOFTMAX) {
            share = square(width(hull_of(r)) / width(hull_of(in)));
        }
        to[c] += share * s->gain[q][c];
    }
}

static void gain_inputs(const struct estimate *s, uint32_t q)
{
    switch (s->graph->nodes[q].op) {
    case NCR_QOP_INPUT:
    case NCR_QOP_ZERO: break;
    case NCR_QOP_CONV:
    case NCR_QOP_DWCONV:
    case NCR_QOP_DENSE: gain_window(s, q); break;
    case NCR_QOP_ADD:
    case NCR_QOP_MUL:
    case NCR_QOP_CONCAT: gain_sum(s, q); break;
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_AVGPOOL: gain_pool(s, q); break;
    case NCR_QOP_LUT:
    case NCR_QOP_SOFTMAX:
    case NCR_QOP_UPSAMPLE:
    case NCR_QOP_PAD:
    case NCR_QOP_RESHAPE: gain_copy(s, q); break;
    case NCR_QOP_COUNT_: NCR_BUG("gain of operator %d", (int)NCR_QOP_COUNT_);
    }
}

// ---- damage ----
static double damage(uint32_t proved, int n_bits, double gain)
{
    double sum = 0;
    for (int b = 0; b < n_bits; b++, gain *= 2)
        if (!(proved >> b & 1)) sum += gain < 1 ? gain : 1;
    return sum;
}

static void damage_activations(const struct estimate *s, uint32_t q)
{
    int64_t n = ncr_shape_elements(&s->graph->nodes[q].shape),
            per = n / s->map->nodes[q].n_channels;
    uint32_t stored_bits = ncr_site_width(&s->graph->nodes[q], NCR_SITES_ACTIVATION);
    double last = 0;
    for (int64_t e = 0; e < n; e++) {
        if (e % per == 0 || !ncr_care_repeats(s->m, q, e))
            last = damage(ncr_masked_activation(s->m, q, e), (int)stored_bits,
                          sqrt(s->gain[q][e / per]));
        s->sum[q][NCR_SITES_ACTIVATION] += last;
    }
}

struct constants {
    const struct estimate *s;
    uint32_t q;
    struct ncr_range_window w;
    struct ncr_range_tap *taps;
    double *channel; // G by output channel
};

static void damage_constant(void *user, enum ncr_site_class site, int64_t element, uint32_t bits)
{
    const struct constants *c = user;
    int64_t area = (int64_t)c->w.kh * c->w.kw, per = c->w.per * area;
    if (site == NCR_SITES_BIAS) {
        c->s->sum[c->q][site] += damage(bits, 32, c->channel[element]);
        return;
    }
    int32_t o = (int32_t)(element / per);
    int64_t i = element % per;
    const struct ncr_interval *x = c->s->map->nodes[c->w.node->in[0]].value;
    struct ncr_interval read = ncr_range_window_read(
        &c->w, c->taps[i % area], x[ncr_range_window_first(&c->w, o) + i / area]);
    double gain = sqrt(mean_square(read, 0)) * c->channel[o], sum = 0;
    int32_t w = ncr_qnode_weight(c->w.node, element);
    for (int b = 0; b < (int)ncr_weight_width(c->w.node->form); b++) {
        double by = fabs((double)(ncr_qnode_flipped_weight(c->w.node, element, b) - w)) * gain;
        if (!(bits >> b & 1)) sum += by < 1 ? by : 1;
    }
    c->s->sum[c->q][site] += sum;
}

static void damage_constants(const struct estimate *s, uint32_t q)
{
    const struct ncr_qnode *node = &s->graph->nodes[q];
    if (!ncr_qop_has_weights(node->op)) return;
    struct ncr_arena_mark mark = ncr_arena_mark(s->arena);
    struct constants c = {.s = s, .q = q, .w = ncr_range_window_of(s->graph, node)};
    c.taps = ncr_range_window_taps(s->arena, &c.w);
    c.channel = NCR_NEW_N(s->arena, double, (size_t)c.w.OC);
    for (int32_t o = 0; o < c.w.OC; o++)
        c.channel[o] =
            sqrt(factor(node, o) * live(s, q, o, o) * ((double)c.w.OH * c.w.OW) * s->gain[q][o]);
    ncr_masked_constants(s->arena, s->m, q, damage_constant, &c);
    ncr_arena_reset(s->arena, mark);
}

struct ncr_range_estimate ncr_range_estimate_of(struct ncr_arena *arena,
                                                const struct ncr_masked *masked)
{
    const struct ncr_qgraph *g = masked->map->qgraph;
    struct ncr_range_estimate result = {0};
    result.node = ncr_arena_array(arena, g->n_nodes, sizeof *result.node);
    struct ncr_arena_mark mark = ncr_arena_mark(arena);
    struct estimate s = {arena,      masked, masked->map, g, NCR_NEW_N(arena, double *, g->n_nodes),
                         result.node};
    for (uint32_t q = 0; q < g->n_nodes; q++)
        s.gain[q] = NCR_NEW_N(arena, double, masked->map->nodes[q].n_channels);
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const struct ncr_range_node *r = &masked->map->nodes[g->outputs[i]];
        for (uint32_t c = 0; c < r->n_channels; c++)
            s.gain[g->outputs[i]][c] += 1 / square(width(hull_of(r)));
    }
    for (uint32_t q = g->n_nodes; q-- > 0;)
        gain_inputs(&s, q);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        damage_activations(&s, q);
        damage_constants(&s, q);
        for (int site = 0; site < NCR_SITES_COUNT_; site++) {
            double bits = (double)masked->elements[q][site] *
                          ncr_site_width(&g->nodes[q], (enum ncr_site_class)site);
            result.mean += s.sum[q][site] / (double)masked->n_points;
            if (bits > 0) s.sum[q][site] /= bits;
        }
    }
    ncr_arena_reset(arena, mark);
    return result;
}
