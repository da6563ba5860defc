// The shape of tiles: how many pixels, rows and vectors of outputs share registers. Chosen by an
// estimate of cycles that follows what was measured: two dot products or two loads a cycle, a sum
// ready after four to five cycles, about eight instructions to requantise a vector.
#include <math.h>

#include "compiler/codegen/amx.h"

// Machines without a multiplier: instructions for each activation, weight and product
// (lower_shift.c).
struct shift_costs {
    double x, w, product;
};

struct work {
    const struct ncr_attrs *a;
    const struct ncr_fusion *fusion;
    int64_t taps; // results of which the largest is kept
    bool dense;
    int64_t kh, kw, channels, height, width, outs, groups; // outs, channels: of one group
    int64_t lanes, budget;
    bool rolled;                      // one group of products an iteration, so nothing to split
    double body;                      // what another shape of tile costs, as a share of the time
    const struct shift_costs *shifts; // NULL: there is a multiplier
};

static int64_t div_up(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

// Cycles of one tile with `groups` groups of four products a result; instructions where there is
// no multiplier.
static double tile_cycles(const struct work *w, int64_t p, int64_t r, int64_t v, int64_t split,
                          int64_t groups)
{
    double taps = (double)w->taps;
    if (w->shifts) {
        const struct shift_costs *c = w->shifts;
        double pixels = (double)(p * r), outs = (double)v;
        return taps * (double)groups *
                   (4 * (pixels * c->x + outs * (c->w + pixels * c->product)) + 4) +
               30;
    }
    double dots = (double)(p * r * v), loads = (double)(p * r + v);
    double flow = fmax(dots / 2, loads / 2), chain = 5.0 / (double)split;
    double sums = (double)groups * fmax(flow, chain) + (double)(split - 1) * dots / 2;
    // The largest waits in memory while the next results are summed.
    return taps * sums + (taps > 1 ? taps * (1.5 * dots + 4) : 0) + 4.5 * dots + 6;
}

static int64_t split_of(int64_t accumulators, int64_t budget)
{
    int64_t split = 1;
    while (split < 8 && 2 * split * accumulators <= budget && split * accumulators < 8)
        split *= 2;
    return split;
}

// All tiles of one channel group.
static double plane_cycles(const struct work *w, const struct ncr_tile *t, int64_t groups,
                           int64_t vectors)
{
    int64_t width = w->width / t->fold, full = vectors / t->vectors, rest = vectors % t->vectors;
    double sum = 0;
    for (int part = 0; part < 2; part++) {
        int64_t v = part ? rest : t->vectors, n = part ? rest > 0 : full;
        if (n == 0) continue;
        int64_t nx = width / t->pixels, tx = width % t->pixels, ny = w->height / t->rows,
                ty = w->height % t->rows;
        double plane = (double)(nx * ny) * tile_cycles(w, t->pixels, t->rows, v, t->split, groups);
        if (tx) plane += (double)ny * tile_cycles(w, tx, t->rows, v, t->split, groups);
        if (ty) plane += (double)nx * tile_cycles(w, t->pixels, ty, v, t->split, groups);
        if (tx && ty) plane += tile_cycles(w, tx, ty, v, t->split, groups);
        // Each shape of tile is another piece of code.
        double bodies =
            (double)((nx ? 1 : 0) + (tx ? 1 : 0)) * (double)((ny ? 1 : 0) + (ty ? 1 : 0));
        sum += (double)n * plane * (1 + w->body * (bodies - 1)) + 30;
    }
    return sum;
}

// Cycles of a block in tile registers. One product begins every `pixels` and is ready after 52, a
// tile loads two rows a cycle. Earlier blocks are requantised meanwhile, as far as the processor
// looks ahead: less in blocks of several tiles (measured, as the other figures are).
static double block_cycles(const struct work *w, int64_t rows, int64_t vectors, int64_t pixels,
                           int64_t runs, int64_t groups4)
{
    uint32_t chunk, rest;
    ncr_amx_chunks(groups4, &chunk, &rest);
    double each = (w->fusion->sum == NCR_PLAN_OWN ? 5 : 10) + (double)(w->taps - 1);
    double out = (double)(rows * vectors * pixels) * each;
    rows *= w->taps;
    double sums = (double)(rows * vectors), products = 0;
    for (int part = 0; part < 2; part++) {
        int64_t groups = part ? rest : chunk, n = part ? rest > 0 : groups4 / chunk;
        double loads = (double)vectors * ((double)groups / 2 + (double)(rows * pixels) / 2);
        products += (double)(runs * n) * fmax(fmax(loads, sums * (double)pixels), 26);
    }
    return fmax(products, out) + (sums > 1 ? 0.8 : 0.3) * fmin(products, out) + 10;
}

// Where tile registers are faster than *least, their shape.
static void consider_amx(const struct work *w, struct ncr_tile *best, double *least)
{
    bool row_runs = w->groups == 1 && (w->a->dilation[1] == 1 || w->kw == 1);
    int64_t runs = row_runs ? w->kh : w->kh * w->kw,
            groups4 = div_up(row_runs ? w->kw * w->channels : w->channels, 4);
    int64_t vectors = div_up(w->outs, w->lanes), across = div_up(w->width, NCR_AMX_PIXELS),
            pixels = div_up(w->width, across);
    // The results of a pooling window are sums of one block. Where a sum lies in place of its other
    // input, none may be computed twice, as the tile that overlaps at the end of a row would be.
    bool once = w->fusion->sum != NCR_PLAN_OWN;
    if (w->taps > NCR_AMX_SUMS || (once && w->width % pixels)) return;
    for (int64_t v = 1; v <= vectors && v <= NCR_AMX_BEST; v++)
        for (int64_t r = 1; r <= w->height && v * r <= NCR_AMX_BEST; r++) {
            if (w->taps > 1 && v * r > 1) break;
            double sum = 0;
            for (int part = 0; part < 4; part++) {
                int64_t nv = part & 1 ? vectors % v : v, nr = part & 2 ? w->height % r : r;
                int64_t blocks = (part & 1 ? nv > 0 : vectors / v) *
                                 (part & 2 ? nr > 0 : w->height / r) * across;
                if (blocks) sum += (double)blocks * block_cycles(w, nr, nv, pixels, runs, groups4);
            }
            sum = (double)w->groups * sum + 300; // to configure the tiles
            if (sum >= *least * 0.999) continue;
            *least = sum;
            *best = (struct ncr_tile){1, 1, (uint32_t)v, (uint32_t)pixels, (uint32_t)r, 1, true};
        }
}

static void consider(const struct work *w, uint32_t fold, uint32_t merge, struct ncr_tile *best,
                     double *least)
{
    int64_t channels = w->channels * merge, outs = w->outs * merge * fold;
    bool row_runs = merge == w->groups && (w->dense || w->a->dilation[1] == 1 || w->kw == 1);
    int64_t kw = w->kw + (int64_t)(fold - 1) * (w->dense ? 0 : w->fusion->stride[1]);
    int64_t groups = row_runs ? w->kh * div_up(kw * channels, 4) : w->kh * kw * div_up(channels, 4);
    int64_t vectors = div_up(outs, w->lanes), planes = w->groups / merge;
    for (uint32_t v = 1; v <= 8 && v <= vectors; v++)
        for (uint32_t r = 1; r <= 4 && r <= w->height; r++)
            for (uint32_t p = 1; p <= 16 && p <= w->width / fold; p++) {
                if (v * r * p > w->budget) break;
                // Weights are kept in registers beside the sums.
                if (!w->shifts && v > 4 && r * p > 1) continue;
                struct ncr_tile t = {
                    fold, merge, v, p, r, w->rolled ? 1 : (uint32_t)split_of(v * r * p, w->budget),
                    false};
                double cycles = (double)planes * plane_cycles(w, &t, groups, vectors);
                if (cycles < *least * 0.999) {
                    *least = cycles;
                    *best = t;
                }
            }
}

// In scalars two groups already want more registers than there are: unrolled, a small network took
// an eighth more instructions on 32-bit RISC-V and twice the code. Elsewhere tiles are large enough
// to hide the loop behind their products, but for a tenth of the time.
bool ncr_tile_rolled(const struct ncr_family *family, enum ncr_code_optimize optimize)
{
    return optimize == NCR_OPTIMIZE_SIZE || family->lowering == &ncr_lowering_plain ||
           family->lowering == &ncr_lowering_shift;
}

struct ncr_tile ncr_tile_choose(const struct ncr_plan *plan, const struct ncr_family *family,
                                enum ncr_code_optimize optimize, uint32_t q)
{
    const struct ncr_qgraph *g = plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    const struct ncr_buffer *in = &plan->buffers[node->in[0]],
                            *out = &plan->buffers[ncr_plan_stored_as(plan, q)];
    struct ncr_fusion fusion = ncr_fusion_of(plan, q);
    struct work w = {.a = &node->attrs,
                     .fusion = &fusion,
                     .taps = (int64_t)fusion.pool[0] * fusion.pool[1],
                     .dense = node->op == NCR_QOP_DENSE,
                     .height = out->height,
                     .width = out->width,
                     .lanes = family->lanes,
                     .budget = family->accumulators,
                     .rolled = ncr_tile_rolled(family, optimize),
                     .body = 0.03};
    if (optimize == NCR_OPTIMIZE_SIZE) {
        // Half of 16 sums cost a fifth of the time and save as much of the code; fewer cost more
        // than they save.
        if (w.budget > 8) w.budget = 8;
        w.body = 1;
    }
    static const struct shift_costs linear = {3, 2, 6}, log2 = {2, 2, 3}, half_steps = {6, 4, 5};
    if (family->lowering == &ncr_lowering_shift)
        w.shifts = node->form.format != NCR_QF_LOG2 ? &linear
                   : node->form.half_steps          ? &half_steps
                                                    : &log2;
    w.kh = w.dense ? 1 : node->attrs.kernel[0];
    w.kw = w.dense ? 1 : node->attrs.kernel[1];
    w.groups = w.dense ? 1 : node->op == NCR_QOP_DWCONV ? in->channels : node->attrs.groups;
    w.channels = in->channels / w.groups;
    w.outs = node->n_channels / w.groups;
    if (ncr_is_pointwise(plan, q)) { // rows are one after the other
        w.width *= w.height;
        w.height = 1;
    }
    struct ncr_tile best = {1, 1, 1, 1, 1, 1, false};
    double least = INFINITY;
    for (uint32_t merge = 1; merge <= w.groups; merge++) {
        if (w.groups % merge) continue;
        // Beyond a few vectors of outputs merging only adds products with zero.
        if (merge > 1 && w.outs * merge > 2 * w.lanes) break;
        for (uint32_t fold = 1; fold <= 4; fold++) {
            bool row = merge == w.groups && !w.dense && w.a->dilation[1] == 1 &&
                       out->slice_of == NCR_PLAN_OWN; // outputs folded into one are one run
            if (fold > 1 && (!row || w.groups > 1 || w.width % fold ||
                             w.outs * fold > 2 * w.lanes || ncr_is_pointwise(plan, q)))
                continue;
            consider(&w, fold, merge, &best, &least);
        }
    }
    // Weights must be bytes, and a dense layer of a single image has one row of inputs.
    bool codes = node->form.format == NCR_QF_LOG2 && node->form.bits > 4;
    bool one = w.dense && w.width == 1;
    if (family->amx && optimize == NCR_OPTIMIZE_SPEED && !one && !codes)
        consider_amx(&w, &best, &least);
    return best;
}
