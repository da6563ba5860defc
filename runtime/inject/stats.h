// Statistics of sampled campaigns: sample sizes, intervals for shares, combination over strata,
// looks.
//
// Everything is computed with + - * / and sqrt on doubles (no libm function that differs between
// machines), because sample sizes and stopping decide which records a campaign writes. A population
// of 0 means "unbounded" throughout. Shares are 0 to 1.
#ifndef NCR_INJECT_STATS_H
#define NCR_INJECT_STATS_H

#include "lang/base/base.h"

// A share with its two-sided interval.
struct ncr_estimate {
    double p, lo, hi;
};

// Natural logarithm of x > 0 (normal numbers) and exp(x) - 1 (x <= 1), to 1e-14 relative; the same
// bits on every IEEE machine.
double ncr_stats_log(double x);
double ncr_stats_expm1(double x);
// Standard normal quantile of p in (0, 1), to 1e-15 relative. Wichura, algorithm AS 241 (PPND16),
// Applied Statistics 37 (1988).
double ncr_normal_quantile(double p);
// t with P(|Z| <= t) = confidence, 0 < confidence < 1: 95 % gives 1.959964, 99 % gives 2.575829.
double ncr_normal_t(double confidence);

// Injections for a margin: n = N / (1 + e²(N-1) / (t² p(1-p))), rounded up; unbounded N:
// t² p(1-p) / e². margin e > 0; p is the share expected, 0.5 when unknown. At least 1, at most N.
// Leveugle, Calvez, Maistri, Vanhauwaert, "Statistical fault injection: quantified error and
// confidence", DATE 2009. (Their printed examples use t rounded to 1.96 and 2.5758.)
uint64_t ncr_sample_size(uint64_t population, double margin, double t, double p);

// Wilson's score interval (1927) of x events in n, with finite-population correction: n is replaced
// by n (N-1) / (N-n), which solves |x/n - p| <= t sqrt(p(1-p)/n · (N-n)/(N-1)) for p. Never leaves
// what the seen part of a finite population allows. n = 0: [0, 1]; n = N: the share itself.
struct ncr_estimate ncr_wilson(uint64_t x, uint64_t n, uint64_t population, double t);

// The exact interval: Clopper and Pearson (1934) for an unbounded population, the inversion of the
// hypergeometric tails (Buonaccorsi 1987) for a finite one: the smallest and largest number of
// events in the population that x in n do not contradict at alpha/2. Conservative: coverage >=
// 1 - alpha.
struct ncr_estimate ncr_clopper_pearson(uint64_t x, uint64_t n, uint64_t population, double alpha);

// Upper bound of a share when n trials showed no event: 1 - alpha^(1/n), one-sided. n > 0.
double ncr_zero_event_bound(uint64_t n, double alpha);

// Mean of n shares in [0, 1] when the fault is the unit of variance and each fault was judged on
// many inputs (two-stage sampling): Wilson's interval with the effective size n_eff = p(1-p) /
// (variance of the mean over faults), after Korn and Graubard (Survey Methodology 24, 1998); n_eff
// = n where all shares are equal. With shares 0 and 1 only it is ncr_wilson. sum, sum_squares: of
// the shares. population: faults.
struct ncr_estimate ncr_cluster_interval(uint64_t n, double sum, double sum_squares,
                                         uint64_t population, double t);

// p = Σ W_h p_h with the interval of Zou, Huang and Zhang (Computational Statistics and Data
// Analysis 53, 2009): lo = p - sqrt(Σ W_h² (p_h - lo_h)²), hi likewise, which keeps asymmetry, zero
// counts and the correction of each stratum. weights sum to 1; of one stratum it is that stratum's
// interval.
struct ncr_estimate ncr_combine(const double *weights, const struct ncr_estimate *strata,
                                uint32_t n);

// Splits `total` injections over strata in proportion to size_h · deviation_h (Neyman 1934), whole
// numbers by largest remainder, at least `floor` each (or all of it), never above size_h. The sum
// is total, or Σ size_h where that is less. deviation_h = sqrt(p_h (1-p_h)) of a pilot.
void ncr_neyman(const uint64_t *sizes, const double *deviations, uint32_t n, uint64_t total,
                uint64_t floor, uint64_t *out);

// Looking at a running campaign. Each look spends a part of alpha, so that the interval at the look
// where the campaign stops has at least confidence 1 - alpha (Bonferroni over the looks): 1/5 of
// alpha is shared equally by the early looks, at most/2^5, ..., most/2, and 4/5 is kept for the
// last one.
enum { NCR_LOOKS = 6 };
struct ncr_looks {
    uint32_t n;
    uint64_t at[NCR_LOOKS]; // injections, increasing
    double alpha[NCR_LOOKS];
};
// The part of alpha that the last look may spend; the sample size is computed with it.
double ncr_looks_last_alpha(double alpha);
struct ncr_looks ncr_looks_plan(uint64_t most, double alpha);

#endif
