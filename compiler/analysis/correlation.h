// Correlation of two series, with bootstrap intervals.
#ifndef NCR_ANALYSIS_CORRELATION_H
#define NCR_ANALYSIS_CORRELATION_H

#include "lang/base/arena.h"

struct ncr_correlation {
    double r, low, high; // in [-1, 1]; nan where a series does not vary
};

enum ncr_correlation_kind {
    NCR_PEARSON, // of the values
    NCR_SPEARMAN // of their ranks; equal values share the mean of their ranks
};

// n >= 2 pairs. The coefficient alone.
double ncr_correlate(struct ncr_arena *scratch, enum ncr_correlation_kind kind, const double *x,
                     const double *y, uint32_t n);
// With its percentile interval (Efron 1979) at `confidence`, from `resamples` draws of n pairs with
// replacement, which depend on the seed alone. Draws in which a series does not vary are left out;
// nan where all are.
struct ncr_correlation ncr_correlate_bootstrap(struct ncr_arena *scratch,
                                               enum ncr_correlation_kind kind, const double *x,
                                               const double *y, uint32_t n, uint32_t resamples,
                                               double confidence, uint64_t seed);

// Means of `resamples` draws of n values with replacement, sorted, in out[resamples].
void ncr_bootstrap_means(const double *values, uint32_t n, uint32_t resamples, uint64_t seed,
                         double *out);

// Quantile q of n sorted values, linear between neighbours (type 7 of Hyndman and Fan 1996).
double ncr_quantile(const double *sorted, uint32_t n, double q);

#endif
