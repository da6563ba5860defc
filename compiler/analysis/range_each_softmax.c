// One input to masked bits (range_each.h): what each element that a softmax reads may be instead.
// Of bytes every value is tried. Of 16 bits intervals are: with the exponential of one element
// between two bounds, so are the sum, its reciprocal and every quotient, and it is asked whether
// all that lies between is alike. As long as another element is the largest, that is; what would
// change the largest is not followed.
#include "compiler/analysis/range_care.h"
#include "compiler/analysis/range_each.h"
#include "compiler/quant/softmax.h"

struct vector {
    const struct ncr_qnode *node, *in;
    const struct ncr_care *any; // of the outputs
    const int8_t *x, *y;        // of the run
    uint32_t n;
};

static int32_t read(const struct vector *v, uint32_t i)
{
    return ncr_qnode_element(v->in, v->x, i);
}

// The values that output i may have instead.
static struct ncr_interval admitted(const struct vector *v, uint32_t i)
{
    return ncr_care_class(v->any[i], ncr_care_stored(v->node), ncr_qnode_element(v->node, v->y, i));
}

// ---- bytes ----
static bool alike_with(const struct vector *v, int8_t *in, int8_t *out, uint32_t e, int32_t value)
{
    int8_t good = in[e];
    bool alike = true;
    in[e] = (int8_t)value;
    ncr_qsoftmax(v->node->exp_table, in, out, v->n);
    for (uint32_t i = 0; alike && i < v->n; i++)
        alike = ncr_care_alike(v->any[i], v->y[i], out[i]);
    in[e] = good;
    return alike;
}

static struct ncr_interval tried(const struct vector *v, int8_t *in, int8_t *out, uint32_t e)
{
    int32_t lo = in[e], hi = in[e];
    while (lo > -128 && alike_with(v, in, out, e, lo - 1))
        lo--;
    while (hi < 127 && alike_with(v, in, out, e, hi + 1))
        hi++;
    return (struct ncr_interval){lo, hi};
}

// ---- 16 bits ----
struct wide {
    const struct vector *v;
    const uint32_t *e; // exponentials of the run
    int32_t top;       // the largest element
    uint32_t i, rest;  // the element at hand; the sum without its exponential
    int k, t;          // of softmax.h
};

struct bounds {
    uint32_t lo, hi; // of the exponential of element i
};

// Whether all quotients are alike those of the run, wherever the exponential is within b.
static bool alike_within(const struct wide *w, struct bounds b)
{
    uint32_t least = ncr_qsoftmax_reciprocal(w->rest + b.hi, w->k),
             most = ncr_qsoftmax_reciprocal(w->rest + b.lo, w->k);
    int32_t zero = w->v->node->zero_point;
    for (uint32_t j = 0; j < w->v->n; j++) {
        struct bounds e = j == w->i ? b : (struct bounds){w->e[j], w->e[j]};
        struct ncr_interval may = admitted(w->v, j);
        if (ncr_qsoftmax_part(e.lo, least, w->k, w->t) + zero < may.lo ||
            ncr_qsoftmax_part(e.hi, most, w->k, w->t) + zero > may.hi)
            return false;
    }
    return true;
}

// The farthest value from that of the run towards `to`: in strides that double while they do, and
// halve where they do not.
static int32_t farthest(const struct wide *w, int32_t to)
{
    int32_t at = read(w->v, w->i), stride = 1;
    struct bounds seen = {w->e[w->i], w->e[w->i]};
    while (stride && at != to) {
        int32_t left = to > at ? to - at : at - to, size = stride < left ? stride : left;
        int32_t stop = to > at ? at + size : at - size;
        struct bounds b = seen;
        for (int32_t x = at; x != stop;) {
            x += to > at ? 1 : -1;
            uint32_t e = ncr_qsoftmax_exp(w->v->node->exp_table, (uint32_t)(w->top - x), w->k);
            b.lo = e < b.lo ? e : b.lo;
            b.hi = e > b.hi ? e : b.hi;
        }
        if (alike_within(w, b)) {
            at = stop;
            seen = b;
            stride *= 2;
        } else {
            stride = size / 2;
        }
    }
    return at;
}

static struct ncr_interval bounded(struct wide *w, uint32_t i, uint32_t sum)
{
    int32_t x = read(w->v, i), other = INT32_MIN; // the largest of the others
    for (uint32_t j = 0; j < w->v->n; j++)
        if (j != i && read(w->v, j) > other) other = read(w->v, j);
    if (other < w->top) return (struct ncr_interval){x, x};
    w->i = i;
    w->rest = sum - w->e[i];
    return (struct ncr_interval){farthest(w, (int32_t)ncr_care_stored(w->v->in).lo),
                                 farthest(w, w->top)};
}

static struct wide wide_of(struct ncr_arena *arena, const struct vector *v, uint32_t *sum)
{
    uint32_t *e = NCR_NEW_N(arena, uint32_t, v->n);
    struct wide w = {.v = v,
                     .e = e,
                     .top = INT16_MIN,
                     .k = ncr_qsoftmax_unit(v->n),
                     .t = v->node->bits > 8 ? (int)v->node->bits - 1 : 8};
    for (uint32_t i = 0; i < v->n; i++)
        w.top = read(v, i) > w.top ? read(v, i) : w.top;
    *sum = 0;
    for (uint32_t i = 0; i < v->n; i++)
        *sum += e[i] = ncr_qsoftmax_exp(v->node->exp_table, (uint32_t)(w.top - read(v, i)), w.k);
    return w;
}

void ncr_each_softmax(const struct ncr_masked_each *each, uint32_t q)
{
    const struct ncr_qgraph *g = each->base->map->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    struct vector v = {.node = node,
                       .in = &g->nodes[node->in[0]],
                       .any = each->base->any[q],
                       .x = each->values[node->in[0]],
                       .y = each->values[q],
                       .n = (uint32_t)ncr_shape_elements(&node->shape)};
    struct ncr_arena_mark mark = ncr_arena_mark(each->arena);
    bool is_wide = ncr_qnode_is_wide(g, node);
    int8_t *in = NULL, *out = NULL;
    struct wide w;
    uint32_t sum = 0;
    if (is_wide) {
        w = wide_of(each->arena, &v, &sum);
    } else {
        in = ncr_arena_copy(each->arena, v.x, v.n);
        out = NCR_NEW_N(each->arena, int8_t, v.n);
    }
    for (uint32_t e = 0; e < v.n; e++) {
        struct ncr_interval may = is_wide ? bounded(&w, e, sum) : tried(&v, in, out, e);
        struct ncr_element_span *safe = &each->safe[node->in[0]][e];
        if (may.lo > safe->lo) safe->lo = (int16_t)may.lo;
        if (may.hi < safe->hi) safe->hi = (int16_t)may.hi;
    }
    ncr_arena_reset(each->arena, mark);
}
