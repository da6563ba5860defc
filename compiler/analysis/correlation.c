// Series to coefficients and intervals.
#include "compiler/analysis/correlation.h"

#include <math.h>
#include <stdlib.h>

#include "lang/base/rng.h"

struct ranked {
    double value;
    uint32_t index;
};

static int by_value(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;
    return (x > y) - (x < y);
}

static void rank(struct ranked *order, const double *v, uint32_t n, double *out)
{
    for (uint32_t i = 0; i < n; i++)
        order[i] = (struct ranked){v[i], i};
    qsort(order, n, sizeof *order, by_value);
    for (uint32_t i = 0; i < n;) {
        uint32_t end = i;
        while (end < n && order[end].value == order[i].value)
            end++;
        for (uint32_t k = i; k < end; k++)
            out[order[k].index] = (i + end - 1) / 2.0;
        i = end;
    }
}

// Values that differ by rounding alone do not vary.
static bool varies(const double *v, uint32_t n)
{
    double low = v[0], high = v[0];
    for (uint32_t i = 1; i < n; i++) {
        if (v[i] < low) low = v[i];
        if (v[i] > high) high = v[i];
    }
    return high - low > 1e-12 * (fabs(low) > fabs(high) ? fabs(low) : fabs(high));
}

static double pearson(const double *x, const double *y, uint32_t n)
{
    if (!varies(x, n) || !varies(y, n)) return (double)NAN;
    double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
    for (uint32_t i = 0; i < n; i++) {
        mx += x[i] / n;
        my += y[i] / n;
    }
    for (uint32_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        yy += (y[i] - my) * (y[i] - my);
        xy += (x[i] - mx) * (y[i] - my);
    }
    if (!(xx > 0) || !(yy > 0)) return (double)NAN;
    double r = xy / sqrt(xx * yy);
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

double ncr_correlate(struct ncr_arena *scratch, enum ncr_correlation_kind kind, const double *x,
                     const double *y, uint32_t n)
{
    if (kind == NCR_PEARSON) return pearson(x, y, n);
    if (!varies(x, n) || !varies(y, n)) return (double)NAN;
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    struct ranked *order = NCR_NEW_N(scratch, struct ranked, n);
    double *rx = NCR_NEW_N(scratch, double, n), *ry = NCR_NEW_N(scratch, double, n);
    rank(order, x, n, rx);
    rank(order, y, n, ry);
    double r = pearson(rx, ry, n);
    ncr_arena_reset(scratch, mark);
    return r;
}

static int by_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void ncr_bootstrap_means(const double *values, uint32_t n, uint32_t resamples, uint64_t seed,
                         double *out)
{
    for (uint32_t k = 0; k < resamples; k++) {
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_BOOTSTRAP, k);
        out[k] = 0;
        for (uint32_t i = 0; i < n; i++)
            out[k] += values[ncr_rng_below(&rng, n)] / n;
    }
    qsort(out, resamples, sizeof *out, by_double);
}

double ncr_quantile(const double *sorted, uint32_t n, double q)
{
    double at = q * (n - 1);
    uint32_t i = (uint32_t)at;
    return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

struct ncr_correlation ncr_correlate_bootstrap(struct ncr_arena *scratch,
                                               enum ncr_correlation_kind kind, const double *x,
                                               const double *y, uint32_t n, uint32_t resamples,
                                               double confidence, uint64_t seed)
{
    struct ncr_correlation c = {ncr_correlate(scratch, kind, x, y, n), (double)NAN, (double)NAN};
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    double *a = NCR_NEW_N(scratch, double, n), *b = NCR_NEW_N(scratch, double, n),
           *all = NCR_NEW_N(scratch, double, resamples);
    uint32_t found = 0;
    for (uint32_t k = 0; k < resamples; k++) {
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_BOOTSTRAP, k);
        for (uint32_t i = 0; i < n; i++) {
            uint64_t j = ncr_rng_below(&rng, n);
            a[i] = x[j];
            b[i] = y[j];
        }
        double r = ncr_correlate(scratch, kind, a, b, n);
        if (!isnan(r)) all[found++] = r;
    }
    if (found && !isnan(c.r)) {
        qsort(all, found, sizeof *all, by_double);
        c.low = ncr_quantile(all, found, (1 - confidence) / 2);
        c.high = ncr_quantile(all, found, (1 + confidence) / 2);
    }
    ncr_arena_reset(scratch, mark);
    return c;
}
