// Intervals and sample sizes against direct sums, published values, and simulated coverage.
#include <criterion/criterion.h>
#include <math.h>

#include "lang/base/rng.h"
#include "runtime/inject/stats.h"

// ---- oracles: exact where possible ----
static long double choose(int n, int k)
{
    if (k < 0 || k > n) return 0;
    long double c = 1;
    for (int i = 1; i <= k; i++)
        c = c * (n - k + i) / i;
    return c;
}

// P(X >= x), X ~ Binomial(n, p).
static long double binomial_tail(int x, int n, long double p)
{
    long double sum = 0;
    for (int k = x; k <= n; k++)
        sum += choose(n, k) * powl(p, k) * powl(1 - p, n - k);
    return sum;
}

// P(X >= x) for a sample of n from N with K events: integers below 2^53 stay exact.
static long double hypergeometric_tail(int x, int n, int K, int N)
{
    long double sum = 0;
    for (int k = x; k <= n && k <= K; k++)
        sum += choose(K, k) * choose(N - K, n - k);
    return sum / choose(N, n);
}

Test(inject_stats, log_and_expm1)
{
    for (double x = 1e-300; x < 1e300; x *= 1.37)
        cr_assert_float_eq(ncr_stats_log(x), log(x), 4e-16 * fabs(log(x)) + 2e-16, "log %g", x);
    for (double x = -30; x < 1; x += 0.0173)
        cr_assert_float_eq(ncr_stats_expm1(x), expm1(x), 1e-14 * fabs(expm1(x)), "expm1 %g", x);
}

// The complementary error function of libm is the oracle: P(Z <= z) = erfc(-z/√2)/2.
Test(inject_stats, normal_quantile_inverts_the_distribution)
{
    for (int i = 1; i < 1000; i++) {
        double p = i / 1000.0, z = ncr_normal_quantile(p);
        cr_assert_float_eq(0.5 * erfc(-z / sqrt(2)), p, 4e-16);
    }
    for (double p = 1e-3; p > 1e-290; p /= 7) {
        double z = ncr_normal_quantile(p);
        double back = 0.5 * erfc(-z / sqrt(2));
        cr_assert_float_eq(back / p, 1, 1e-12, "p %g back %g", p, back);
    }
    cr_assert_float_eq(ncr_normal_t(0.95), 1.959964, 5e-7);
    cr_assert_float_eq(ncr_normal_t(0.99), 2.575829, 5e-7);
}

// Leveugle et al. (DATE 2009); their t is rounded to 1.96 and 2.5758.
Test(inject_stats, sample_size_published_values)
{
    cr_assert_eq(ncr_sample_size(10000, 0.05, 1.96, 0.5), 370);
    cr_assert_eq(ncr_sample_size(1000000, 0.01, 1.96, 0.5), 9513);
    cr_assert_eq(ncr_sample_size(491760, 0.01, 1.96, 0.5), 9421);
    cr_assert_eq(ncr_sample_size(491760, 0.01, 2.5758, 0.5), 16046);
    double t = ncr_normal_t(0.95);
    cr_assert_eq(ncr_sample_size(10000, 0.05, t, 0.5), 370);
    cr_assert_eq(ncr_sample_size(1000000, 0.01, t, 0.5), 9513);
    cr_assert_eq(ncr_sample_size(0, 0.01, t, 0.5), 9604);
    cr_assert_eq(ncr_sample_size(10, 1e-9, t, 0.5), 10, "never more than the population");
    cr_assert_eq(ncr_sample_size(0, 0.9, t, 0.001), 1);
}

// The score interval's ends solve (p̂ - p)² = t² p(1-p)/n · (N-n)/(N-1).
Test(inject_stats, wilson_solves_its_equation)
{
    double t = ncr_normal_t(0.95);
    static const uint64_t cases[][3] = {{1, 10, 0},     {5, 10, 0},        {9, 10, 0},
                                        {3, 100, 0},    {250, 1000, 0},    {3, 100, 1000},
                                        {50, 100, 150}, {7, 5000, 1000000}};
    for (size_t i = 0; i < NCR_COUNT(cases); i++) {
        uint64_t x = cases[i][0], n = cases[i][1], N = cases[i][2];
        struct ncr_estimate e = ncr_wilson(x, n, N, t);
        double share = (double)x / (double)n;
        double fpc = N ? (double)(N - n) / (double)(N - 1) : 1;
        cr_assert_float_eq(e.p, share, 1e-15);
        const double ends[2] = {e.lo, e.hi};
        for (int k = 0; k < 2; k++) {
            double p = ends[k];
            double left = (share - p) * (share - p), right = t * t * p * (1 - p) / (double)n * fpc;
            // The bounds of what was seen may cut an end; none of these cases is cut.
            cr_assert_float_eq(left, right, 1e-12, "%zu end %d: %g %g", i, k, left, right);
        }
    }
    // Published: Newcombe (Statistics in Medicine 17, 1998), table I, method 3: 81/263, 15/148,
    // 0/20, 1/29.
    struct ncr_estimate e = ncr_wilson(81, 263, 0, t);
    cr_assert_float_eq(e.lo, 0.2553, 5e-5);
    cr_assert_float_eq(e.hi, 0.3662, 5e-5);
    e = ncr_wilson(15, 148, 0, t);
    cr_assert_float_eq(e.lo, 0.0624, 5e-5);
    cr_assert_float_eq(e.hi, 0.1605, 5e-5);
    e = ncr_wilson(0, 20, 0, t);
    cr_assert_eq(e.lo, 0);
    cr_assert_float_eq(e.hi, 0.1611, 5e-5);
    e = ncr_wilson(1, 29, 0, t);
    cr_assert_float_eq(e.lo, 0.0061, 5e-5);
    cr_assert_float_eq(e.hi, 0.1718, 5e-5);
    e = ncr_wilson(3, 8, 8, t);
    cr_assert(e.lo == 0.375 && e.hi == 0.375, "a census has no error");
    e = ncr_wilson(0, 0, 0, t);
    cr_assert(e.lo == 0 && e.hi == 1);
    // 9 of 10 seen, one open: the share is 0 or 1/10 or more is impossible.
    e = ncr_wilson(0, 9, 10, t);
    cr_assert_leq(e.hi, 0.1 + 1e-15);
}

Test(inject_stats, clopper_pearson_inverts_the_tails)
{
    static const int cases[][2] = {{0, 5}, {1, 5}, {2, 5}, {5, 5}, {3, 40}, {39, 40}, {81, 263}};
    for (size_t i = 0; i < NCR_COUNT(cases); i++) {
        int x = cases[i][0], n = cases[i][1];
        struct ncr_estimate e = ncr_clopper_pearson((uint64_t)x, (uint64_t)n, 0, 0.05);
        if (x == 0)
            cr_assert_eq(e.lo, 0);
        else
            cr_assert_float_eq((double)binomial_tail(x, n, e.lo), 0.025, 1e-11);
        if (x == n)
            cr_assert_eq(e.hi, 1);
        else // P(X <= x) = 1 - P(X >= x+1)
            cr_assert_float_eq((double)(1 - binomial_tail(x + 1, n, e.hi)), 0.025, 1e-11);
    }
    // Newcombe 1998, method 5.
    struct ncr_estimate e = ncr_clopper_pearson(81, 263, 0, 0.05);
    cr_assert_float_eq(e.lo, 0.2527, 5e-5);
    cr_assert_float_eq(e.hi, 0.3676, 5e-5);
    e = ncr_clopper_pearson(0, 20, 0, 0.05);
    cr_assert_float_eq(e.hi, 0.1684, 5e-5);
    // Large numbers stay finite: no overflow in the sums.
    e = ncr_clopper_pearson(1000, 1000000, 0, 0.05);
    cr_assert(e.lo > 0.00093 && e.lo < 0.00095 && e.hi > 0.00106 && e.hi < 0.00107);
}

Test(inject_stats, clopper_pearson_in_small_populations)
{
    for (int N = 1; N <= 14; N++)
        for (int n = 1; n < N; n++)
            for (int x = 0; x <= n; x++) {
                // By definition: the numbers of events that neither tail refutes.
                int lo = -1, hi = -1;
                for (int K = x; K <= N - (n - x); K++) {
                    bool low_ok = hypergeometric_tail(x, n, K, N) > 0.05L;
                    bool high_ok = 1 - hypergeometric_tail(x + 1, n, K, N) > 0.05L + 1e-15L;
                    if (low_ok && lo < 0) lo = K;
                    if (high_ok) hi = K;
                }
                struct ncr_estimate e =
                    ncr_clopper_pearson((uint64_t)x, (uint64_t)n, (uint64_t)N, 0.1);
                cr_assert_float_eq(e.lo, (double)lo / N, 1e-12, "N %d n %d x %d: %g, not %d", N, n,
                                   x, e.lo, lo);
                cr_assert_float_eq(e.hi, (double)hi / N, 1e-12, "N %d n %d x %d: %g, not %d", N, n,
                                   x, e.hi, hi);
            }
}

Test(inject_stats, zero_events)
{
    for (uint64_t n = 1; n < 100000000; n = n * 3 + 1) {
        double bound = ncr_zero_event_bound(n, 0.05);
        cr_assert_float_eq(bound / (double)(-expm1l(logl(0.05L) / n)), 1, 1e-13);
    }
    cr_assert_float_eq(ncr_zero_event_bound(300, 0.05), 0.009936, 1e-6, "the rule of three: 3/300");
}

Test(inject_stats, cluster_interval)
{
    double t = ncr_normal_t(0.95);
    // Shares of 0 and 1 only: the plain interval.
    struct ncr_estimate a = ncr_cluster_interval(200, 30, 30, 5000, t),
                        b = ncr_wilson(30, 200, 5000, t);
    cr_assert_float_eq(a.lo, b.lo, 1e-12);
    cr_assert_float_eq(a.hi, b.hi, 1e-12);
    // Every fault with the same share 0.15: no variance between faults, n counts.
    struct ncr_estimate c = ncr_cluster_interval(200, 30, 200 * 0.15 * 0.15, 5000, t);
    cr_assert_float_eq(c.lo, b.lo, 1e-9);
    // Shares 0 and 0.5: less variance than 0 and 1, hence narrower.
    struct ncr_estimate d = ncr_cluster_interval(200, 30, 15, 5000, t);
    cr_assert_lt(d.hi - d.lo, b.hi - b.lo);
}

// Strata: one stratum is itself; a census in all strata has no error.
Test(inject_stats, combination)
{
    struct ncr_estimate one = {0.2, 0.1, 0.35};
    struct ncr_estimate e = ncr_combine((double[]){1.0}, &one, 1);
    cr_assert_float_eq(e.lo, 0.1, 1e-15);
    cr_assert_float_eq(e.hi, 0.35, 1e-15);
    struct ncr_estimate two[2] = {{0.2, 0.2, 0.2}, {0.4, 0.4, 0.4}};
    e = ncr_combine((double[]){0.25, 0.75}, two, 2);
    cr_assert_float_eq(e.p, 0.35, 1e-15);
    cr_assert_float_eq(e.hi - e.lo, 0, 1e-15);
}

Test(inject_stats, neyman)
{
    uint64_t out[3];
    // 1000·0.5 : 1000·0.1 : 2000·0.2 = 5 : 1 : 4
    ncr_neyman((uint64_t[]){1000, 1000, 2000}, (double[]){0.5, 0.1, 0.2}, 3, 100, 0, out);
    cr_assert(out[0] == 50 && out[1] == 10 && out[2] == 40, "%llu %llu %llu",
              (unsigned long long)out[0], (unsigned long long)out[1], (unsigned long long)out[2]);
    // A stratum that fills up leaves its surplus to the others; the sum holds.
    ncr_neyman((uint64_t[]){10, 1000, 1000}, (double[]){0.5, 0.001, 0.001}, 3, 500, 2, out);
    cr_assert(out[0] == 10 && out[0] + out[1] + out[2] == 500);
    ncr_neyman((uint64_t[]){10, 20, 30}, (double[]){0, 0, 0}, 3, 1000, 1, out);
    cr_assert(out[0] == 10 && out[1] == 20 && out[2] == 30, "never above the size");
    ncr_neyman((uint64_t[]){10, 20, 30}, (double[]){0, 0, 0}, 3, 5, 1, out);
    cr_assert_eq(out[0] + out[1] + out[2], 5);
}

// Coverage with known truth: a population of N with K events, drawn without replacement.
Test(inject_stats, coverage)
{
    static const struct {
        uint64_t N, K, n;
    } cases[] = {
        {500, 5, 100}, {500, 50, 100}, {500, 250, 400}, {2000, 3, 300}, {100000, 300, 500}};
    double t = ncr_normal_t(0.95);
    for (size_t c = 0; c < NCR_COUNT(cases); c++) {
        int trials = 3000, wilson = 0, exact = 0;
        double truth = (double)cases[c].K / (double)cases[c].N;
        for (int trial = 0; trial < trials; trial++) {
            struct ncr_rng rng = ncr_rng_at(c, NCR_RNG_TEST, (uint64_t)trial);
            uint64_t events = cases[c].K, rest = cases[c].N, x = 0;
            for (uint64_t i = 0; i < cases[c].n; i++, rest--)
                if (ncr_rng_below(&rng, rest) < events) events--, x++;
            struct ncr_estimate w = ncr_wilson(x, cases[c].n, cases[c].N, t);
            struct ncr_estimate e = ncr_clopper_pearson(x, cases[c].n, cases[c].N, 0.05);
            wilson += w.lo <= truth && truth <= w.hi;
            exact += e.lo <= truth && truth <= e.hi;
        }
        // The exact interval covers at least 95 %; 94.0 is four standard errors of 3000 trials
        // below.
        cr_assert_geq(exact, trials * 94 / 100, "case %zu: exact %d of %d", c, exact, trials);
        // The score interval covers about 95 %; for shares near 0 single values dip a little.
        cr_assert_geq(wilson, trials * 92 / 100, "case %zu: Wilson %d of %d", c, wilson, trials);
    }
}

// Stopping at looks keeps the confidence: simulated campaigns that stop when the margin is reached.
Test(inject_stats, looks_keep_coverage)
{
    static const double truths[] = {0.004, 0.05, 0.5};
    double alpha = 0.05, margin = 0.03;
    uint64_t most = ncr_sample_size(0, margin, ncr_normal_t(1 - ncr_looks_last_alpha(alpha)), 0.5);
    struct ncr_looks looks = ncr_looks_plan(most, alpha);
    double spent = 0;
    for (uint32_t k = 0; k < looks.n; k++)
        spent += looks.alpha[k];
    cr_assert_leq(spent, alpha + 1e-12);
    cr_assert_eq(looks.at[looks.n - 1], most);
    for (size_t c = 0; c < NCR_COUNT(truths); c++) {
        int trials = 1500, covered = 0, early = 0;
        for (int trial = 0; trial < trials; trial++) {
            struct ncr_rng rng = ncr_rng_at(100 + c, NCR_RNG_TEST, (uint64_t)trial);
            uint64_t n = 0, x = 0;
            for (uint32_t k = 0; k < looks.n; k++) {
                for (; n < looks.at[k]; n++)
                    x += ncr_rng_f64(&rng) < truths[c];
                struct ncr_estimate e = ncr_wilson(x, n, 0, ncr_normal_t(1 - looks.alpha[k]));
                if (fmax(e.hi - e.p, e.p - e.lo) > margin && k + 1 < looks.n) continue;
                cr_assert_leq((e.hi - e.lo) / 2, margin + 1e-12,
                              "the last look reaches the margin");
                covered += e.lo <= truths[c] && truths[c] <= e.hi;
                early += k + 1 < looks.n;
                break;
            }
        }
        cr_assert_geq(covered, trials * 94 / 100, "truth %g: %d of %d", truths[c], covered, trials);
        if (c == 0) cr_assert_eq(early, trials, "small shares stop early");
    }
}
