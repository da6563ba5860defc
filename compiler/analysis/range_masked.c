// Cares to counts: which bits of which stored element are proved masked.
#include "compiler/analysis/range_masked.h"

#include "compiler/analysis/range_care.h"

enum { INT32_BITS = 32 };

// Whether some p of [from, to] has bit b clear and is thus the smaller of a pair p, p + 2^b that a
// flip exchanges. The sign counts the other way round: p is negative.
static bool has_smaller(int64_t from, int64_t to, uint32_t b, uint32_t width)
{
    int64_t size = INT64_C(1) << b;
    if (b == width - 1) return from <= to && from < 0;
    return from <= to && (to - from >= size || !(from & size) || !(to & size));
}

uint32_t ncr_masked_activation(const struct ncr_masked *m, uint32_t q, int64_t element)
{
    const struct ncr_range_node *r = &m->map->nodes[q];
    int64_t per = ncr_shape_elements(&m->map->qgraph->nodes[q].shape) / r->n_channels;
    struct ncr_interval x = r->value[element / per];
    struct ncr_care any = m->any[q][element], one = m->one[q][element];
    uint32_t width = ncr_site_width(&m->map->qgraph->nodes[q], NCR_SITES_ACTIVATION), bits = 0;
    if (ncr_care_none(any) || ncr_care_none(one)) return (UINT32_C(1) << width) - 1;
    // A pair is alike where both are at most `low` or both at least `high`, by one of the cares.
    int64_t low = any.low > one.low ? any.low : one.low,
            high = any.high < one.high ? any.high : one.high, least = -(INT64_C(1) << (width - 1));
    for (uint32_t b = 0; b < width; b++) {
        // So those are not whose smaller one is in [low - 2^b + 1, high - 1]; of them count the
        // pairs of which one is in x.
        int64_t size = INT64_C(1) << b, from = low - size + 1, to = high - 1;
        bool torn = false;
        for (int64_t by = 0; by <= size; by += size) {
            int64_t first = from > x.lo - by ? from : x.lo - by,
                    last = to < x.hi - by ? to : x.hi - by;
            torn |= has_smaller(first > least ? first : least, last, b, width);
        }
        bits |= (uint32_t)!torn << b;
    }
    return bits;
}

static void count_activations(struct ncr_masked *m, uint32_t q)
{
    int64_t n = ncr_shape_elements(&m->map->qgraph->nodes[q].shape),
            per = n / m->map->nodes[q].n_channels;
    uint32_t bits = 0;
    for (int64_t e = 0; e < n; e++) {
        if (e % per == 0 || !ncr_care_repeats(m, q, e)) bits = ncr_masked_activation(m, q, e);
        for (uint32_t b = 0; bits >> b; b++)
            m->proved[q][NCR_SITES_ACTIVATION][b] += bits >> b & 1;
    }
    m->elements[q][NCR_SITES_ACTIVATION] = (uint64_t)n;
}

// ---- constants ----
struct channel {
    const struct ncr_qnode *node;
    int32_t o;
    struct ncr_care out;
    struct ncr_interval sum, bound;
    bool none, fixed; // any sum is alike; all sums that occur are alike
};

static bool alike_over(const struct channel *c, struct ncr_interval sum)
{
    if (!ncr_interval_is_i32(sum)) return false;
    sum = ncr_interval_hull(sum, c->sum);
    return ncr_care_alike(c->out, ncr_range_finish(c->node, (int32_t)sum.lo, c->o),
                          ncr_range_finish(c->node, (int32_t)sum.hi, c->o));
}

static struct channel channel_of(const struct ncr_masked *m, uint32_t q, int32_t o)
{
    const struct ncr_qnode *node = &m->map->qgraph->nodes[q];
    const struct ncr_range_node *r = &m->map->nodes[q];
    int64_t places = ncr_shape_elements(&node->shape) / r->n_channels;
    struct channel c = {
        .node = node, .o = o, .out = NCR_CARE_NONE, .sum = r->sum[o], .bound = r->bound[o]};
    for (int64_t i = 0; i < places; i++)
        c.out = ncr_care_join(c.out, m->any[q][o * places + i]);
    if (places == 1) c.out = m->one[q][o]; // the fault changes this one element
    c.none = ncr_care_sum_of(node, o, c.out).none;
    c.fixed = !r->wraps && alike_over(&c, c.sum);
    return c;
}

static uint32_t weight_bits(const struct channel *c, struct ncr_interval x, int64_t at)
{
    uint32_t width = ncr_weight_width(c->node->form);
    int32_t w = ncr_qnode_weight(c->node, at);
    if (c->none || (x.lo == 0 && x.hi == 0)) return (1u << width) - 1;
    if (!c->fixed) return 0;
    struct ncr_interval rest = ncr_care_rest(c->bound, c->sum, ncr_interval_times(w, x));
    uint32_t bits = 0;
    for (uint32_t b = 0; b < width; b++) {
        struct ncr_interval term =
            ncr_interval_times(ncr_qnode_flipped_weight(c->node, at, (int)b), x);
        bits |= (uint32_t)alike_over(c, (struct ncr_interval){rest.lo + term.lo, rest.hi + term.hi})
                << b;
    }
    return bits;
}

static uint32_t bias_bits(const struct channel *c, int32_t bias)
{
    if (c->none) return UINT32_MAX;
    uint32_t bits = 0;
    for (int b = 0; c->fixed && b < INT32_BITS; b++) {
        int64_t step = (int64_t)(int32_t)((uint32_t)bias ^ (uint32_t)1 << b) - bias;
        struct ncr_interval sum = {c->sum.lo + step, c->sum.hi + step};
        // The whole interval may have gone round; where it is torn, nothing is proved.
        int64_t turn = sum.lo > INT32_MAX   ? -(INT64_C(1) << 32)
                       : sum.hi < INT32_MIN ? INT64_C(1) << 32
                                            : 0;
        sum.lo += turn;
        sum.hi += turn;
        bits |= (uint32_t)alike_over(c, sum) << b;
    }
    return bits;
}

void ncr_masked_constants(struct ncr_arena *arena, const struct ncr_masked *m, uint32_t q,
                          void (*visit)(void *user, enum ncr_site_class site, int64_t element,
                                        uint32_t bits),
                          void *user)
{
    const struct ncr_qnode *node = &m->map->qgraph->nodes[q];
    if (!ncr_qop_has_weights(node->op)) return;
    const struct ncr_interval *x = m->map->nodes[node->in[0]].value;
    struct ncr_range_window w = ncr_range_window_of(m->map->qgraph, node);
    struct ncr_arena_mark mark = ncr_arena_mark(arena);
    struct ncr_range_tap *taps = ncr_range_window_taps(arena, &w);
    int64_t area = (int64_t)w.kh * w.kw, per = w.per * area;
    for (int32_t o = 0; o < w.OC; o++) {
        struct channel c = channel_of(m, q, o);
        int32_t first = ncr_range_window_first(&w, o);
        for (int64_t i = 0; i < per; i++)
            visit(user, NCR_SITES_WEIGHT, o * per + i,
                  weight_bits(&c, ncr_range_window_read(&w, taps[i % area], x[first + i / area]),
                              o * per + i));
    }
    for (int32_t o = 0; o < w.OC; o++) {
        struct channel c = channel_of(m, q, o);
        visit(user, NCR_SITES_BIAS, o, bias_bits(&c, node->bias[o]));
    }
    ncr_arena_reset(arena, mark);
}

struct count {
    struct ncr_masked *m;
    uint32_t q;
};

static void count_constant(void *user, enum ncr_site_class site, int64_t element, uint32_t bits)
{
    struct count *c = user;
    (void)element;
    c->m->elements[c->q][site]++;
    for (int b = 0; bits; b++, bits >>= 1)
        c->m->proved[c->q][site][b] += bits & 1;
}

struct ncr_masked *ncr_masked_of(struct ncr_arena *arena, const struct ncr_range_map *map)
{
    const struct ncr_qgraph *g = map->qgraph;
    struct ncr_masked *m = NCR_NEW(arena, struct ncr_masked);
    m->map = map;
    m->proved = ncr_arena_array(arena, g->n_nodes, sizeof *m->proved);
    m->elements = ncr_arena_array(arena, g->n_nodes, sizeof *m->elements);
    ncr_care_sweep(arena, m);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        count_activations(m, q);
        ncr_masked_constants(arena, m, q, count_constant, &(struct count){m, q});
        for (int site = 0; site < NCR_SITES_COUNT_; site++) {
            m->n_points +=
                m->elements[q][site] * ncr_site_width(&g->nodes[q], (enum ncr_site_class)site);
            for (int b = 0; b < INT32_BITS; b++)
                m->n_proved += m->proved[q][site][b];
        }
    }
    return m;
}

bool ncr_masked_channel_dead(const struct ncr_masked *m, uint32_t q, uint32_t c)
{
    int64_t per = ncr_shape_elements(&m->map->qgraph->nodes[q].shape) / m->map->nodes[q].n_channels;
    for (int64_t i = 0; i < per; i++)
        if (!ncr_care_none(m->any[q][c * per + i])) return false;
    return true;
}
