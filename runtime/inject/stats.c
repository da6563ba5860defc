// Sample sizes, intervals, strata: from counts to statements with a confidence.
#include "runtime/inject/stats.h"

#include <math.h> // sqrt alone: correctly rounded everywhere
#include <string.h>

// Populations above this are not exact in a double and no sample is a visible share of them.
static const uint64_t unbounded = (uint64_t)1 << 53;

// ---- functions ----
double ncr_stats_log(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int e = (int)(bits >> 52 & 0x7ff);
    if (!(x > 0) || e == 0x7ff || e == 0) NCR_BUG("logarithm of %g", x);
    e -= 1023;
    bits = (bits & 0xfffffffffffffu) | 0x3ff0000000000000u;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.4142135623730951) {
        m /= 2;
        e++;
    }
    // log m = 2 atanh(s), s = (m-1)/(m+1), |s| < 0.1716
    double s = (m - 1) / (m + 1), s2 = s * s, sum = 0;
    for (int k = 23; k >= 1; k -= 2)
        sum = sum * s2 + 1.0 / k;
    // ln 2 in two parts: the first has 32 bits, so that e times it is exact.
    return (double)e * 0x1.62e42fee00000p-1 + (2 * s * sum + (double)e * 0x1.a39ef35793c76p-33);
}

double ncr_stats_expm1(double x)
{
    int halvings = 0;
    while (x > 0.1 || x < -0.1) {
        if (++halvings > 16) return x > 0 ? INFINITY : -1;
        x /= 2;
    }
    double sum = 0;
    for (int k = 12; k >= 1; k--)
        sum = (sum + 1) * x / k;
    for (; halvings; halvings--)
        sum = sum * (sum + 2);
    return sum;
}

static double polynomial(const double *c, int n, double x)
{
    double v = 0;
    while (n-- > 0)
        v = v * x + c[n];
    return v;
}

double ncr_normal_quantile(double p)
{
    static const double a[] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                               1.9715909503065514427e+3, 1.3731693765509461125e+4,
                               4.5921953931549871457e+4, 6.7265770927008700853e+4,
                               3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[] = {1.0,
                               4.2313330701600911252e+1,
                               6.8718700749205790830e+2,
                               5.3941960214247511077e+3,
                               2.1213794301586595867e+4,
                               3.9307895800092710610e+4,
                               2.8729085735721942674e+4,
                               5.2264952788528545610e+3};
    static const double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                               5.76949722146069140550e0,  3.64784832476320460504e0,
                               1.27045825245236838258e0,  2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[] = {1.0,
                               2.05319162663775882187e0,
                               1.67638483018380384940e0,
                               6.89767334985100004550e-1,
                               1.48103976427480074590e-1,
                               1.51986665636164571966e-2,
                               5.47593808499534494600e-4,
                               1.05075007164441684324e-9};
    static const double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                               1.78482653991729133580e0,  2.96560571828504891230e-1,
                               2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[] = {1.0,
                               5.99832206555887937690e-1,
                               1.36929880922735805310e-1,
                               1.48753612908506148525e-2,
                               7.86869131145613259100e-4,
                               1.84631831751005468180e-5,
                               1.42151175831644588870e-7,
                               2.04426310338993978564e-15};
    if (!(p > 0 && p < 1)) NCR_BUG("normal quantile of %g", p);
    double q = p - 0.5;
    if (q >= -0.425 && q <= 0.425) {
        double r = 0.180625 - q * q;
        return q * polynomial(a, 8, r) / polynomial(b, 8, r);
    }
    double r = sqrt(-ncr_stats_log(q < 0 ? p : 1 - p)), v;
    if (r <= 5)
        v = polynomial(c, 8, r - 1.6) / polynomial(d, 8, r - 1.6);
    else
        v = polynomial(e, 8, r - 5) / polynomial(f, 8, r - 5);
    return q < 0 ? -v : v;
}

double ncr_normal_t(double confidence)
{
    return -ncr_normal_quantile((1 - confidence) / 2);
}

// ---- sample size ----
uint64_t ncr_sample_size(uint64_t population, double margin, double t, double p)
{
    double infinite = t * t * p * (1 - p) / (margin * margin), n = infinite;
    if (population) {
        double N = (double)population;
        n = N / (1 + (N - 1) / infinite);
    }
    if (n >= 0x1p62) n = 0x1p62;
    uint64_t up = (uint64_t)n;
    if ((double)up < n) up++;
    if (up < 1) up = 1;
    return population && up > population ? population : up;
}

// ---- intervals ----
// The score interval for a share p of an effective number n of trials.
static struct ncr_estimate score(double p, double n, double t)
{
    double z2 = t * t, centre = (p + z2 / (2 * n)) / (1 + z2 / n);
    double half = t * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n);
    struct ncr_estimate e = {p, centre - half, centre + half};
    if (p <= 0 || e.lo < 0) e.lo = 0;
    if (p >= 1 || e.hi > 1) e.hi = 1;
    return e;
}

// The factor by which the correction enlarges a sample of n < population.
static double enlarged(uint64_t n, uint64_t population)
{
    if (!population || population >= unbounded) return 1;
    return ((double)population - 1) / (double)(population - n);
}

// Narrows an interval to what the seen part of a finite population leaves open: `seen` events and
// `clear` non-events (in shares of the population) are certain.
static struct ncr_estimate within(struct ncr_estimate e, double seen, double clear)
{
    if (e.lo < seen) e.lo = seen;
    if (e.hi > 1 - clear) e.hi = 1 - clear;
    return e;
}

struct ncr_estimate ncr_wilson(uint64_t x, uint64_t n, uint64_t population, double t)
{
    if (n == 0) return (struct ncr_estimate){0, 0, 1};
    if (x > n || (population && n > population))
        NCR_BUG("%llu of %llu", (unsigned long long)x, (unsigned long long)n);
    double p = (double)x / (double)n;
    if (n == population) return (struct ncr_estimate){p, p, p};
    struct ncr_estimate e = score(p, (double)n * enlarged(n, population), t);
    if (!population) return e;
    return within(e, (double)x / (double)population, (double)(n - x) / (double)population);
}

struct ncr_estimate ncr_cluster_interval(uint64_t n, double sum, double sum_squares,
                                         uint64_t population, double t)
{
    if (n == 0) return (struct ncr_estimate){0, 0, 1};
    double p = sum / (double)n;
    if (p > 1) p = 1;
    if (n == population) return (struct ncr_estimate){p, p, p};
    double variance = sum_squares / (double)n - p * p; // between faults
    double effective = (double)n;
    // Rounding can leave a trace of variance where there is none.
    if (p > 0 && p < 1 && variance > 1e-12 * p * (1 - p)) {
        effective = p * (1 - p) * (double)n / variance;
        if (effective < 1) effective = 1;
    }
    return score(p, effective * enlarged(n, population), t);
}

// ---- exact tails ----
// Distribution of the events in a sample: binomial(n, p), or hypergeometric with `events` in
// `population`.
struct tail {
    double n, p, events, population;
};

// P(k+1) / P(k)
static double ratio_up(const struct tail *d, double k)
{
    if (d->population == 0) return (d->n - k) / (k + 1) * (d->p / (1 - d->p));
    return (d->events - k) / (k + 1) * ((d->n - k) / (d->population - d->events - d->n + k + 1));
}

// P(X >= x), from ratios alone: the sums above and below x relative to the term at x. The term at x
// must be possible.
static double at_least(const struct tail *d, double x)
{
    double lo = 0, hi = d->n;
    if (d->population > 0) {
        lo = d->n - (d->population - d->events);
        if (lo < 0) lo = 0;
        if (hi > d->events) hi = d->events;
    }
    if (x <= lo) return 1;
    if (x > hi) return 0;
    double above = 1, below = 0, term = 1;
    for (double k = x; k < hi; k++) {
        double r = ratio_up(d, k);
        term *= r;
        above += term;
        if (above > 1e300) return 1;
        if (r < 1 && term < above * 1e-18) break;
    }
    term = 1;
    for (double k = x - 1; k >= lo; k--) {
        double r = 1 / ratio_up(d, k);
        term *= r;
        below += term;
        if (below > 1e300) return 0;
        if (r < 1 && term < (above + below) * 1e-18) break;
    }
    return above / (above + below);
}

// Smallest share whose tail P(X >= x) exceeds alpha: the lower limit for x events in n.
static double lower_limit(uint64_t x, uint64_t n, uint64_t population, double alpha)
{
    struct tail d = {.n = (double)n};
    if (!population) {
        double lo = 0, hi = 1; // at_least(lo) <= alpha < at_least(hi)
        for (;;) {
            d.p = lo + (hi - lo) / 2;
            if (d.p <= lo || d.p >= hi) return lo;
            if (at_least(&d, (double)x) > alpha)
                hi = d.p;
            else
                lo = d.p;
        }
    }
    uint64_t lo = x, hi = population - (n - x); // events in the population that are possible
    d.population = (double)population;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        d.events = (double)mid;
        if (at_least(&d, (double)x) > alpha)
            hi = mid;
        else
            lo = mid + 1;
    }
    return (double)lo / (double)population;
}

struct ncr_estimate ncr_clopper_pearson(uint64_t x, uint64_t n, uint64_t population, double alpha)
{
    if (n == 0) return (struct ncr_estimate){0, 0, 1};
    if (population >= unbounded) population = 0;
    struct ncr_estimate e = {(double)x / (double)n, 0, 1};
    if (n == population) return (struct ncr_estimate){e.p, e.p, e.p};
    if (x > 0) e.lo = lower_limit(x, n, population, alpha / 2);
    // Events and non-events change places.
    if (x < n) e.hi = 1 - lower_limit(n - x, n, population, alpha / 2);
    if (population)
        e = within(e, (double)x / (double)population, (double)(n - x) / (double)population);
    return e;
}

double ncr_zero_event_bound(uint64_t n, double alpha)
{
    return -ncr_stats_expm1(ncr_stats_log(alpha) / (double)n);
}

// ---- strata ----
struct ncr_estimate ncr_combine(const double *weights, const struct ncr_estimate *strata,
                                uint32_t n)
{
    double p = 0, down = 0, up = 0;
    for (uint32_t h = 0; h < n; h++) {
        double w = weights[h], below = strata[h].p - strata[h].lo,
               above = strata[h].hi - strata[h].p;
        p += w * strata[h].p;
        down += w * w * below * below;
        up += w * w * above * above;
    }
    struct ncr_estimate e = {p, p - sqrt(down), p + sqrt(up)};
    if (e.lo < 0) e.lo = 0;
    if (e.hi > 1) e.hi = 1;
    return e;
}

static double pull(uint64_t size, double deviation)
{
    return (double)size * (deviation + 1e-9);
}

void ncr_neyman(const uint64_t *sizes, const double *deviations, uint32_t n, uint64_t total,
                uint64_t floor, uint64_t *out)
{
    uint64_t left = total;
    for (uint32_t h = 0; h < n; h++) {
        out[h] = floor < sizes[h] ? floor : sizes[h];
        if (out[h] > left) out[h] = left;
        left -= out[h];
    }
    // What is left goes by size · deviation to the strata with room; one that fills up leaves its
    // surplus to the others in the next round. Without any deviation the sizes decide.
    for (uint32_t round = 0; left && round <= n; round++) {
        double sum = 0;
        for (uint32_t h = 0; h < n; h++)
            if (out[h] < sizes[h]) sum += pull(sizes[h], deviations[h]);
        uint64_t given = 0;
        for (uint32_t h = 0; h < n; h++) {
            if (out[h] >= sizes[h]) continue;
            double share = (double)left * (pull(sizes[h], deviations[h]) / sum);
            uint64_t room = sizes[h] - out[h];
            uint64_t take = share >= (double)room ? room : (uint64_t)share;
            if (take > left - given) take = left - given;
            out[h] += take;
            given += take;
        }
        left -= given;
        if (given == 0) break;
    }
    // Fractions are left: one each to the strata that are furthest below their share.
    for (; left; left--) {
        uint32_t best = n;
        double worst = 0;
        for (uint32_t h = 0; h < n; h++) {
            if (out[h] >= sizes[h]) continue;
            double need = pull(sizes[h], deviations[h]) / ((double)out[h] + 1);
            if (best == n || need > worst) best = h, worst = need;
        }
        if (best == n) return;
        out[best]++;
    }
}

// ---- looks ----
double ncr_looks_last_alpha(double alpha)
{
    return alpha * 0.8;
}

struct ncr_looks ncr_looks_plan(uint64_t most, double alpha)
{
    struct ncr_looks looks = {0};
    for (uint32_t k = 0; k < NCR_LOOKS; k++) {
        uint64_t at = most >> (NCR_LOOKS - 1 - k);
        bool last = k == NCR_LOOKS - 1;
        if (!last && (at < 100 || at == most)) continue; // too small to say anything
        looks.at[looks.n] = at;
        looks.alpha[looks.n++] = last ? ncr_looks_last_alpha(alpha)
                                      : (alpha - ncr_looks_last_alpha(alpha)) / (NCR_LOOKS - 1);
    }
    return looks;
}
