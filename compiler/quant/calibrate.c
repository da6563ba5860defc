// Calibration: the ranges of all float tensors over sample inputs, by extremes or by percentile.
//
// A percentile is read off a histogram whose bins are OCTAVE_BINS to each power of two, so that its
// precision is relative and one huge outlier costs none of it.
#include <math.h>

#include "compiler/quant/qgraph.h"

enum {
    OCTAVE_BINS = 32,
    LEAST_EXPONENT = -30, // smaller magnitudes count as zero
    OCTAVES = 48,         // larger ones fall into the last bin, and the extreme bounds them
    BINS = OCTAVES * OCTAVE_BINS
};

struct histogram {
    uint64_t zero, side[2][BINS]; // by sign: positive, negative
    uint64_t n;
};

struct ncr_calibrator {
    struct ncr_arena *arena;
    const struct ncr_graph *graph;
    const struct ncr_weights *weights;
    const struct ncr_quant_spec *spec;
    float **values;
    struct ncr_ranges *ranges;
    bool *broken;                 // a value was nan or infinite
    struct histogram *histograms; // percentile only
};

struct ncr_calibrator *ncr_calibrator_new(struct ncr_arena *arena, const struct ncr_graph *graph,
                                          const struct ncr_weights *weights,
                                          const struct ncr_quant_spec *spec)
{
    struct ncr_calibrator *c = NCR_NEW(arena, struct ncr_calibrator);
    *c = (struct ncr_calibrator){.arena = arena, .graph = graph, .weights = weights, .spec = spec};
    c->values = NCR_NEW_N(arena, float *, graph->n_nodes);
    c->broken = NCR_NEW_N(arena, bool, graph->n_nodes);
    c->ranges = NCR_NEW(arena, struct ncr_ranges);
    c->ranges->n = graph->n_nodes;
    c->ranges->lo = NCR_NEW_N(arena, float, graph->n_nodes);
    c->ranges->hi = NCR_NEW_N(arena, float, graph->n_nodes);
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        c->ranges->lo[i] = INFINITY;
        c->ranges->hi[i] = -INFINITY;
    }
    if (spec->calibration == NCR_CALIB_PERCENTILE)
        c->histograms = NCR_NEW_N(arena, struct histogram, graph->n_nodes);
    return c;
}

static void count(struct histogram *h, double v)
{
    int exponent;
    double fraction = frexp(fabs(v), &exponent); // fraction in [0.5, 1)
    int octave = exponent - LEAST_EXPONENT;
    h->n++;
    if (v == 0 || octave < 0) {
        h->zero++;
        return;
    }
    int bin = octave * OCTAVE_BINS + (int)((2 * fraction - 1) * OCTAVE_BINS);
    h->side[v < 0][bin < BINS ? bin : BINS - 1]++;
}

// Where bin i begins; i may be BINS.
static double edge(int i)
{
    return ldexp(1 + (double)(i % OCTAVE_BINS) / OCTAVE_BINS, i / OCTAVE_BINS + LEAST_EXPONENT - 1);
}

// The value that a share of all values does not exceed, or (mirrored) does not fall below. Within a
// bin the values are taken to be spread evenly.
static double quantile(const struct histogram *h, double share, bool mirrored)
{
    double want = share * (double)h->n, seen = 0, sign = mirrored ? -1 : 1;
    const uint64_t *below = h->side[!mirrored], *above = h->side[mirrored];
    for (int i = BINS; i-- > 0;) {
        double before = seen;
        seen += (double)below[i];
        if (below[i] && seen >= want)
            return -sign *
                   (edge(i + 1) - (want - before) / (double)below[i] * (edge(i + 1) - edge(i)));
    }
    seen += (double)h->zero;
    if (seen >= want) return 0;
    for (int i = 0; i < BINS; i++) {
        double before = seen;
        seen += (double)above[i];
        if (above[i] && seen >= want)
            return sign * (edge(i) + (want - before) / (double)above[i] * (edge(i + 1) - edge(i)));
    }
    return sign * INFINITY; // rounding left a remainder: the extreme decides
}

void ncr_calibrator_feed(struct ncr_calibrator *c, const float *const *inputs)
{
    struct ncr_arena_mark mark = ncr_arena_mark(c->arena);
    ncr_eval_f32(c->arena, c->graph, c->weights, inputs, c->values);
    for (uint32_t id = 0; id < c->graph->n_nodes; id++) {
        int64_t n = ncr_shape_elements(&c->graph->nodes[id].shape);
        const float *v = c->values[id];
        float lo = c->ranges->lo[id], hi = c->ranges->hi[id];
        bool finite = true;
        for (int64_t i = 0; i < n; i++) {
            if (v[i] < lo) lo = v[i];
            if (v[i] > hi) hi = v[i];
            finite &= (bool)isfinite(v[i]);
        }
        c->ranges->lo[id] = lo;
        c->ranges->hi[id] = hi;
        if (!finite) c->broken[id] = true;
        for (int64_t i = 0; c->histograms && finite && i < n; i++)
            count(&c->histograms[id], (double)v[i]);
    }
    ncr_arena_reset(c->arena, mark);
}

const struct ncr_ranges *ncr_calibrator_finish(struct ncr_calibrator *c)
{
    for (uint32_t id = 0; id < c->graph->n_nodes; id++) {
        float *lo = &c->ranges->lo[id], *hi = &c->ranges->hi[id];
        if (c->broken[id]) {
            *lo = -INFINITY;
            *hi = INFINITY;
            continue;
        }
        if (!(*lo <= *hi)) *lo = *hi = 0; // nothing was fed
        if (!c->histograms || c->histograms[id].n == 0) continue;
        const struct histogram *h = &c->histograms[id];
        double low = quantile(h, c->spec->percentile, true),
               high = quantile(h, c->spec->percentile, false);
        if (low >= 0 && high <= 0) continue; // nearly all values are zero: the others must count
        if (low > (double)*lo) *lo = (float)low;
        if (high < (double)*hi) *hi = (float)high;
        if (*lo > *hi) *lo = *hi; // all values in one bin
    }
    return c->ranges;
}
