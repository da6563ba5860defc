// Decision diagrams against brute force on random problems; big integers against known values.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "compiler/space/mdd.h"
#include "lang/base/vec.h"

Test(big, arithmetic_known_values)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_big f = ncr_big_of(arena, 1);
    for (uint64_t i = 2; i <= 30; i++)
        f = ncr_big_mul(arena, f, ncr_big_of(arena, i));
    cr_assert_str_eq(ncr_big_text(arena, f).s, "265252859812191058636308480000000"); // 30!
    struct ncr_big g = ncr_big_add(arena, f, ncr_big_of(arena, UINT64_MAX));
    cr_assert_str_eq(ncr_big_text(arena, ncr_big_sub(arena, g, f)).s, "18446744073709551615");
    cr_assert_str_eq(ncr_big_text(arena, ncr_big_of(arena, 0)).s, "0");
    cr_assert_float_eq(ncr_big_f64(f) / 2.65252859812191058e32, 1, 1e-12);
    cr_assert_lt(ncr_big_cmp(f, g), 0);
    ncr_arena_free(arena);
}

enum { VARS = 6, NUMBERS = 64, MIDDLE = 32 };

// A function of a few variables as a plain table, row-major over vars (ascending).
struct table {
    uint32_t n_vars;
    const uint32_t *vars;
    const int64_t *value; // for a restriction: 0 = forbidden
};

struct sum {
    struct table terms[5];
    int64_t lo, hi;
};

struct random_problem {
    struct ncr_mdd_problem p;
    struct ncr_diagrams diagrams;
    uint32_t domain[VARS];
    struct table restrictions[4];
    uint32_t n_restrictions, n_sums;
    struct sum sums[4]; // the last one is tracked
    int64_t numbers[NUMBERS];
    double weight[VARS][4];
    struct ncr_mdd_weight weights[VARS];
};

// The table as a diagram, from variable k of its own on; index counts the rows before.
static ncr_diagram diagram_of(struct random_problem *r, const struct table *t, bool condition,
                              uint32_t k, uint64_t index)
{
    if (k == t->n_vars)
        return condition ? (t->value[index] ? NCR_TRUE : NCR_FALSE)
                         : ncr_diagram_leaf((uint32_t)(t->value[index] + MIDDLE));
    ncr_diagram children[4];
    uint32_t n = r->domain[t->vars[k]];
    for (uint32_t v = 0; v < n; v++)
        children[v] = diagram_of(r, t, condition, k + 1, index * n + v);
    return ncr_diagram_node(&r->diagrams, t->vars[k], children);
}

static struct table random_table(struct ncr_arena *arena, struct ncr_rng *rng,
                                 const uint32_t *domain, bool zero_one)
{
    uint32_t n = (uint32_t)ncr_rng_below(rng, 4); // 0 to 3 variables
    uint32_t *vars = NCR_NEW_N(arena, uint32_t, n), k = 0;
    while (k < n) {
        uint32_t v = (uint32_t)ncr_rng_below(rng, VARS);
        bool have = false;
        for (uint32_t i = 0; i < k; i++)
            have |= vars[i] == v;
        if (!have) vars[k++] = v;
    }
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = i + 1; j < n; j++)
            if (vars[j] < vars[i]) {
                uint32_t t = vars[i];
                vars[i] = vars[j];
                vars[j] = t;
            }
    size_t size = 1;
    for (uint32_t i = 0; i < n; i++)
        size *= domain[vars[i]];
    int64_t *value = NCR_NEW_N(arena, int64_t, size);
    for (size_t i = 0; i < size; i++)
        value[i] = zero_one ? ncr_rng_below(rng, 5) != 0 : (int64_t)ncr_rng_below(rng, 21) - 10;
    return (struct table){n, vars, value};
}

static struct ncr_mdd_sum sum_of(struct ncr_arena *arena, struct random_problem *r,
                                 const struct sum *sum)
{
    ncr_diagram *terms = NCR_NEW_N(arena, ncr_diagram, 5);
    for (uint32_t k = 0; k < 5; k++)
        terms[k] = diagram_of(r, &sum->terms[k], false, 0, 0);
    return (struct ncr_mdd_sum){.terms = terms, .n_terms = 5, .lo = sum->lo, .hi = sum->hi};
}

static void make(struct ncr_arena *arena, uint64_t seed, struct random_problem *out)
{
    struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 77);
    memset(out, 0, sizeof *out);
    ncr_diagrams_init(&out->diagrams, arena, ncr_arena_new(0));
    for (uint32_t v = 0; v < VARS; v++) {
        out->domain[v] = 1 + (uint32_t)ncr_rng_below(&rng, 4);
        ncr_diagram_variable(&out->diagrams, out->domain[v]);
    }
    for (int i = 0; i < NUMBERS; i++)
        out->numbers[i] = i - MIDDLE;
    out->n_restrictions = (uint32_t)ncr_rng_below(&rng, 4);
    out->n_sums = (uint32_t)ncr_rng_below(&rng, 3);
    ncr_diagram *conditions = NCR_NEW_N(arena, ncr_diagram, out->n_restrictions);
    for (uint32_t i = 0; i < out->n_restrictions; i++) {
        out->restrictions[i] = random_table(arena, &rng, out->domain, true);
        conditions[i] = diagram_of(out, &out->restrictions[i], true, 0, 0);
    }
    struct ncr_mdd_sum *sums = NCR_NEW_N(arena, struct ncr_mdd_sum, out->n_sums + 1);
    for (uint32_t s = 0; s <= out->n_sums; s++) {
        for (uint32_t k = 0; k < 5; k++)
            out->sums[s].terms[k] = random_table(arena, &rng, out->domain, false);
        int64_t lo = (int64_t)ncr_rng_below(&rng, 30) - 25;
        out->sums[s].lo = ncr_rng_below(&rng, 3) ? lo : INT64_MIN;
        out->sums[s].hi =
            ncr_rng_below(&rng, 3) ? lo + (int64_t)ncr_rng_below(&rng, 20) : INT64_MAX;
        sums[s] = sum_of(arena, out, &out->sums[s]);
    }
    // The weight of a variable counts where a random condition holds.
    for (uint32_t v = 0; v < VARS; v++) {
        struct table exists = random_table(arena, &rng, out->domain, true);
        for (uint32_t x = 0; x < 4; x++)
            out->weight[v][x] = 0.5 + 0.25 * (double)((4 * v + x) % 5);
        out->weights[v] =
            (struct ncr_mdd_weight){v, diagram_of(out, &exists, true, 0, 0), out->weight[v]};
    }
    out->p = (struct ncr_mdd_problem){.diagrams = &out->diagrams,
                                      .numbers = out->numbers,
                                      .conditions = conditions,
                                      .n_conditions = out->n_restrictions,
                                      .sums = sums,
                                      .n_sums = out->n_sums,
                                      .tracked = &sums[out->n_sums],
                                      .n_tracked = 1,
                                      .weights = out->weights,
                                      .n_weights = VARS};
}

static int64_t table_at(const struct random_problem *r, const struct table *t, const uint32_t *x)
{
    uint64_t i = 0;
    for (uint32_t k = 0; k < t->n_vars; k++)
        i = i * r->domain[t->vars[k]] + x[t->vars[k]];
    return t->value[i];
}

static int64_t sum_at(const struct random_problem *r, const struct sum *s, const uint32_t *x)
{
    int64_t sum = 0;
    for (uint32_t k = 0; k < 5; k++)
        sum += table_at(r, &s->terms[k], x);
    return sum;
}

static double weight_at(const struct random_problem *r, const uint32_t *x)
{
    double w = 1;
    for (uint32_t v = 0; v < VARS; v++)
        if (ncr_diagram_at(&r->diagrams, r->weights[v].exists, x) == 1) w *= r->weight[v][x[v]];
    return w;
}

static bool member(const struct random_problem *r, const uint32_t *x)
{
    for (uint32_t i = 0; i < r->n_restrictions; i++)
        if (!table_at(r, &r->restrictions[i], x)) return false;
    for (uint32_t s = 0; s < r->n_sums; s++) {
        int64_t sum = sum_at(r, &r->sums[s], x);
        if (sum < r->sums[s].lo || sum > r->sums[s].hi) return false;
    }
    return true;
}

static void unmake(struct ncr_arena *arena, struct random_problem *r)
{
    ncr_arena_free(r->diagrams.scratch);
    ncr_arena_free(arena);
}

static bool next(const struct random_problem *r, uint32_t *x)
{
    for (uint32_t v = VARS; v-- > 0;) {
        if (++x[v] < r->domain[v]) return true;
        x[v] = 0;
    }
    return false;
}

struct walk {
    const struct random_problem *r;
    uint32_t last[VARS];
    uint64_t n;
};

static bool check_visit(void *user, const uint32_t *x)
{
    struct walk *walk = user;
    cr_assert(member(walk->r, x));
    if (walk->n) {
        uint32_t v = 0;
        while (v < VARS && x[v] == walk->last[v])
            v++;
        cr_assert(v < VARS && x[v] > walk->last[v], "lexical order without repetition");
    }
    memcpy(walk->last, x, sizeof walk->last);
    walk->n++;
    return true;
}

Test(mdd, agrees_with_brute_force)
{
    uint64_t members = 0, empty = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_problem r;
        make(arena, seed, &r);
        struct ncr_mdd *mdd = ncr_mdd_build(arena, &r.p, 1 << 20);
        cr_assert_not_null(mdd);
        uint64_t n = 0, possible[VARS][4] = {{0}};
        int64_t min = INT64_MAX, max = INT64_MIN;
        uint32_t x[VARS] = {0};
        do {
            if (!member(&r, x)) continue;
            n++;
            for (uint32_t v = 0; v < VARS; v++)
                possible[v][x[v]]++;
            int64_t sum = sum_at(&r, &r.sums[r.n_sums], x);
            min = sum < min ? sum : min;
            max = sum > max ? sum : max;
        } while (next(&r, x));
        uint64_t counted;
        cr_assert(ncr_big_u64(ncr_mdd_count(mdd), &counted));
        cr_assert_eq(counted, n, "seed %lu: %lu members, %lu counted", seed, n, counted);
        for (uint32_t v = 0; v < VARS; v++)
            for (uint32_t k = 0; k < r.domain[v]; k++)
                cr_assert_eq(ncr_mdd_possible(mdd, v, k), possible[v][k] > 0,
                             "seed %lu var %u value %u", seed, v, k);
        struct walk walk = {.r = &r};
        ncr_mdd_each(mdd, arena, check_visit, &walk);
        cr_assert_eq(walk.n, n);
        if (n) {
            cr_assert_eq(ncr_mdd_extreme(mdd, arena, 0, 1, x), min);
            cr_assert(member(&r, x) && sum_at(&r, &r.sums[r.n_sums], x) == min);
            cr_assert_eq(ncr_mdd_extreme(mdd, arena, 0, -1, x), max);
            cr_assert(member(&r, x) && sum_at(&r, &r.sums[r.n_sums], x) == max);
        }
        members += n;
        empty += n == 0;
        unmake(arena, &r);
    }
    cr_assert_gt(members, 1000, "the problems are not all trivial");
    cr_assert_gt(empty, 5);
}

struct relaxed {
    const struct random_problem *r;
    uint64_t members, all;
};

static bool count_relaxed(void *user, const uint32_t *x)
{
    struct relaxed *relaxed = user;
    relaxed->all++;
    relaxed->members += member(relaxed->r, x);
    return true;
}

// A relaxed sum admits every member, and not everything.
Test(mdd, relaxed_sums_admit_a_superset)
{
    uint64_t members = 0, all = 0, cells = 0;
    for (uint64_t seed = 0; seed < 400; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_problem r;
        make(arena, seed, &r);
        uint64_t exact;
        cr_assert(ncr_big_u64(ncr_mdd_count(ncr_mdd_build(arena, &r.p, 1 << 20)), &exact));
        for (uint32_t s = 0; s < r.n_sums; s++)
            ((struct ncr_mdd_sum *)r.p.sums)[s].divide = 2 + (int64_t)(seed % 5);
        struct relaxed relaxed = {&r, 0, 0};
        ncr_mdd_each(ncr_mdd_build(arena, &r.p, 1 << 20), arena, count_relaxed, &relaxed);
        cr_assert_eq(relaxed.members, exact, "seed %lu", seed);
        members += exact;
        all += relaxed.all;
        uint64_t n = 1;
        for (uint32_t v = 0; v < VARS; v++)
            n *= r.domain[v];
        cells += n;
        unmake(arena, &r);
    }
    cr_assert_gt(members, 1000);
    cr_assert_lt(all - members, (cells - members) / 2);
}

// Chi-square of observed counts against expected ones; the bound is mean + 5 standard deviations of
// the distribution.
static void chi_square(const uint64_t *seen, const double *expected, uint32_t n)
{
    double chi2 = 0;
    for (uint32_t i = 0; i < n; i++)
        chi2 += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
    cr_assert_lt(chi2, (n - 1) + 5 * sqrt(2.0 * (n - 1)), "chi-square %f over %u cells", chi2, n);
}

Test(mdd, samples_uniformly_and_by_weight)
{
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_problem r;
        make(arena, seed, &r);
        struct ncr_mdd *mdd = ncr_mdd_build(arena, &r.p, 1 << 20);
        uint64_t n;
        ncr_big_u64(ncr_mdd_count(mdd), &n);
        if (n < 2) {
            unmake(arena, &r);
            continue;
        }
        uint32_t cells = 1, x[VARS] = {0};
        for (uint32_t v = 0; v < VARS; v++)
            cells *= r.domain[v];
        uint64_t *seen = NCR_NEW_N(arena, uint64_t, cells),
                 *seen_w = NCR_NEW_N(arena, uint64_t, cells);
        uint32_t draws = (uint32_t)n * 100;
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_SAMPLE, 0);
        cr_assert(ncr_mdd_weigh(mdd));
        for (uint32_t i = 0; i < 2 * draws; i++) {
            if (i < draws)
                ncr_mdd_sample(mdd, arena, &rng, x);
            else
                ncr_mdd_sample_weighted(mdd, &rng, x);
            cr_assert(member(&r, x));
            uint64_t cell = 0;
            for (uint32_t v = 0; v < VARS; v++)
                cell = cell * r.domain[v] + x[v];
            (i < draws ? seen : seen_w)[cell]++;
        }
        uint64_t *compact = NCR_NEW_N(arena, uint64_t, n),
                 *compact_w = NCR_NEW_N(arena, uint64_t, n);
        double *even = NCR_NEW_N(arena, double, n), *by_weight = NCR_NEW_N(arena, double, n),
               total = 0;
        uint32_t k = 0;
        uint64_t cell = 0;
        memset(x, 0, sizeof x);
        do {
            if (member(&r, x)) {
                double p = weight_at(&r, x);
                compact[k] = seen[cell];
                compact_w[k] = seen_w[cell];
                even[k] = 100;
                by_weight[k++] = p;
                total += p;
            }
            cell++;
        } while (next(&r, x));
        for (uint32_t i = 0; i < n; i++)
            by_weight[i] *= draws / total;
        chi_square(compact, even, (uint32_t)n);
        chi_square(compact_w, by_weight, (uint32_t)n);
        unmake(arena, &r);
    }
}

Test(mdd, counts_beyond_64_bits_and_respects_the_node_limit)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    enum { N = 60 };
    ncr_diagram terms[N];
    static const int64_t value[5] = {1, 10, 100, 1000, 10000};
    struct ncr_diagrams d;
    struct ncr_arena *scratch = ncr_arena_new(0);
    ncr_diagrams_init(&d, arena, scratch);
    for (uint32_t i = 0; i < N; i++) {
        ncr_diagram leaves[5];
        for (uint32_t k = 0; k < 5; k++)
            leaves[k] = ncr_diagram_leaf(k);
        terms[i] = ncr_diagram_node(&d, ncr_diagram_variable(&d, 5), leaves);
    }
    struct ncr_mdd_problem p = {.diagrams = &d, .numbers = value};
    struct ncr_mdd *mdd = ncr_mdd_build(arena, &p, 100);
    cr_assert_str_eq(ncr_big_text(arena, ncr_mdd_count(mdd)).s,
                     "867361737988403547205962240695953369140625"); // 5^60
    cr_assert_eq(ncr_mdd_nodes(mdd), N + 1);
    struct ncr_mdd_sum sum = {.terms = terms, .n_terms = N, .lo = INT64_MIN, .hi = 100000};
    p.sums = &sum;
    p.n_sums = 1;
    cr_assert_null(ncr_mdd_build(arena, &p, 1000));
    cr_assert_not_null(ncr_mdd_build(arena, &p, 10000000));
    ncr_arena_free(scratch);
    ncr_arena_free(arena);
}
