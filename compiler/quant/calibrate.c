// Calibration: the ranges of all float tensors over sample inputs, by extremes or by percentile.
#include <math.h>

#include "compiler/quant/qgraph.h"

// 2·HALF bins over [-limit, limit); the limit doubles (neighbouring bins merge) when a value does
// not fit.
enum { HALF = 1024 };

struct histogram {
    double limit;
    uint64_t bin[2 * HALF];
    uint64_t n;
};

struct ncr_calibrator {
    struct ncr_arena *arena, *scratch;
    const struct ncr_graph *graph;
    const struct ncr_weights *weights;
    const struct ncr_quant_spec *spec;
    float **values;
    struct ncr_ranges *ranges;
    struct histogram *histograms; // percentile only
};

struct ncr_calibrator *ncr_calibrator_new(struct ncr_arena *arena, const struct ncr_graph *graph,
                                          const struct ncr_weights *weights,
                                          const struct ncr_quant_spec *spec)
{
    struct ncr_calibrator *c = NCR_NEW(arena, struct ncr_calibrator);
    *c = (struct ncr_calibrator){arena, arena, graph, weights, spec, NULL, NULL, NULL};
    c->values = NCR_NEW_N(arena, float *, graph->n_nodes);
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

static void widen(struct histogram *h, double v)
{
    if (h->limit == 0) h->limit = 0x1p-10;
    while (v >= h->limit) {
        // Bin i of the wider grid holds bins 2i - HALF and 2i + 1 - HALF of the old one.
        for (int i = 0; i < HALF / 2; i++) {
            h->bin[HALF + i] = h->bin[HALF + 2 * i] + h->bin[HALF + 2 * i + 1];
            h->bin[HALF - 1 - i] = h->bin[HALF - 1 - 2 * i] + h->bin[HALF - 2 - 2 * i];
        }
        for (int i = HALF / 2; i < HALF; i++)
            h->bin[HALF + i] = h->bin[HALF - 1 - i] = 0;
        h->limit *= 2;
    }
}

static void count(struct histogram *h, const float *v, int64_t n, double extreme)
{
    widen(h, extreme);
    for (int64_t i = 0; i < n; i++)
        h->bin[HALF + (int)floor((double)v[i] / h->limit * HALF)]++;
    h->n += (uint64_t)n;
}

void ncr_calibrator_feed(struct ncr_calibrator *c, const float *const *inputs)
{
    struct ncr_arena_mark mark = ncr_arena_mark(c->scratch);
    ncr_eval_f32(c->scratch, c->graph, c->weights, inputs, c->values);
    for (uint32_t id = 0; id < c->graph->n_nodes; id++) {
        int64_t n = ncr_shape_elements(&c->graph->nodes[id].shape);
        const float *v = c->values[id];
        float lo = v[0], hi = v[0];
        for (int64_t i = 0; i < n; i++) {
            if (v[i] < lo) lo = v[i];
            if (v[i] > hi) hi = v[i];
        }
        if (lo < c->ranges->lo[id]) c->ranges->lo[id] = lo;
        if (hi > c->ranges->hi[id]) c->ranges->hi[id] = hi;
        if (c->histograms && isfinite(lo) && isfinite(hi))
            count(&c->histograms[id], v, n, fmax(fabs((double)lo), fabs((double)hi)));
    }
    ncr_arena_reset(c->scratch, mark);
}

// The edge of the bin where `share` of the values lie at or below.
static double quantile(const struct histogram *h, double share)
{
    double want = share * (double)h->n, seen = 0;
    for (int i = 0; i < 2 * HALF; i++) {
        seen += (double)h->bin[i];
        if (seen >= want) return (i + 1 - HALF) * h->limit / HALF;
    }
    return h->limit;
}

const struct ncr_ranges *ncr_calibrator_finish(struct ncr_calibrator *c)
{
    for (uint32_t id = 0; id < c->graph->n_nodes; id++) {
        if (!(c->ranges->lo[id] <= c->ranges->hi[id]))
            c->ranges->lo[id] = c->ranges->hi[id] = 0; // nothing was fed
        if (!c->histograms || c->histograms[id].n == 0) continue;
        double lo =
            quantile(&c->histograms[id], 1 - c->spec->percentile) - c->histograms[id].limit / HALF;
        double hi = quantile(&c->histograms[id], c->spec->percentile);
        if (lo > (double)c->ranges->lo[id]) c->ranges->lo[id] = (float)lo;
        if (hi < (double)c->ranges->hi[id]) c->ranges->hi[id] = (float)hi;
        if (c->ranges->lo[id] > c->ranges->hi[id]) c->ranges->lo[id] = c->ranges->hi[id];
    }
    return c->ranges;
}
