// Laws of compile-time arithmetic: integers against 128-bit arithmetic, units against each other.
#include <criterion/criterion.h>

#include "compiler/sema/arith.h"
#include "lang/base/rng.h"

// Any int64, with the ends and small numbers often.
static int64_t some_int(struct ncr_rng *rng)
{
    static const int64_t ends[] = {
        0, 1, -1, 2, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1, 1ll << 32};
    switch (ncr_rng_below(rng, 4)) {
    case 0: return ends[ncr_rng_below(rng, NCR_COUNT(ends))];
    case 1: return (int64_t)ncr_rng_below(rng, 2001) - 1000;
    case 2: return (int64_t)ncr_rng_u64(rng) >> ncr_rng_below(rng, 64);
    default: return (int64_t)ncr_rng_u64(rng);
    }
}

static bool fits(__int128 x)
{
    return x >= INT64_MIN && x <= INT64_MAX;
}

static void check(enum ncr_ast_op op, int64_t a, int64_t b, bool defined, __int128 want,
                  enum ncr_arith otherwise)
{
    struct ncr_value v;
    enum ncr_arith status = ncr_arith_binary(op, ncr_value_int(a), ncr_value_int(b), &v);
    if (!defined)
        cr_assert_eq(status, otherwise, "%lld %s %lld", (long long)a, ncr_ast_op_text(op),
                     (long long)b);
    else if (!fits(want))
        cr_assert_eq(status, NCR_ARITH_OVERFLOW, "%lld %s %lld", (long long)a, ncr_ast_op_text(op),
                     (long long)b);
    else
        cr_assert(status == NCR_ARITH_OK && v.as.i == (int64_t)want, "%lld %s %lld", (long long)a,
                  ncr_ast_op_text(op), (long long)b);
}

Test(sema_arith, integers_are_exact_or_refused)
{
    struct ncr_rng rng = ncr_rng_at(3, NCR_RNG_TEST, 0);
    for (int i = 0; i < 200000; i++) {
        int64_t a = some_int(&rng), b = some_int(&rng);
        check(NCR_AST_ADD, a, b, true, (__int128)a + b, NCR_ARITH_OK);
        check(NCR_AST_SUB, a, b, true, (__int128)a - b, NCR_ARITH_OK);
        check(NCR_AST_MUL, a, b, true, (__int128)a * b, NCR_ARITH_OK);
        __int128 quotient = 0, rest = 0;
        if (b) {
            quotient = (__int128)a / b;
            rest = (__int128)a % b;
            if (rest && (rest < 0) != (b < 0)) quotient -= 1, rest += b;
        }
        check(NCR_AST_DIV, a, b, b != 0, quotient, NCR_ARITH_ZERO);
        check(NCR_AST_MOD, a, b, b != 0, rest, NCR_ARITH_ZERO);
        int64_t s = (int64_t)ncr_rng_below(&rng, 70) - 3;
        bool in = s >= 0 && s <= 63;
        __int128 power = in ? (__int128)1 << s : 1;
        check(NCR_AST_SHL, a, s, in, a * power, NCR_ARITH_SHIFT);
        __int128 down = (a - (a % power + power) % power) / power;
        check(NCR_AST_SHR, a, s, in, down, NCR_ARITH_SHIFT);
    }
}

Test(sema_arith, static_kinds_hold_for_values)
{
    // What evaluation gives is among the kinds that were foretold.
    struct ncr_dimension time = ncr_dimension_of(NCR_DIMENSION_TIME),
                         bits = ncr_dimension_of(NCR_DIMENSION_INFORMATION);
    struct ncr_str text = NCR_STR("a");
    const struct ncr_value values[] = {
        ncr_value_int(6),
        ncr_value_int(-3),
        ncr_value_float(2.5),
        ncr_value_bool(true),
        ncr_value_quantity(3, time),
        ncr_value_quantity(8, bits),
        {.kind = NCR_KIND_STRING, .as.string = &text},
        {.kind = NCR_KIND_WORD},
    };
    for (int op = NCR_AST_ARROW; op <= NCR_AST_MOD; op++)
        for (size_t i = 0; i < NCR_COUNT(values); i++)
            for (size_t k = 0; k < NCR_COUNT(values); k++) {
                uint32_t kinds =
                    ncr_arith_pair((enum ncr_ast_op)op, values[i].kind, values[k].kind);
                struct ncr_value v;
                enum ncr_arith status =
                    ncr_arith_binary((enum ncr_ast_op)op, values[i], values[k], &v);
                cr_assert_eq(kinds == 0, status == NCR_ARITH_KINDS);
                if (status == NCR_ARITH_OK) cr_assert(kinds >> v.kind & 1);
            }
}

Test(sema_arith, every_unit_reads_back)
{
    static const char *const units[] = {
#define NCR_UNIT_ROW(text, ...) text,
#include "lang/unit.def"
#undef NCR_UNIT_ROW
    };
    for (size_t i = 0; i < NCR_COUNT(units); i++) {
        struct ncr_unit unit;
        struct ncr_str bad;
        cr_assert(ncr_unit_read(ncr_str_of(units[i]), &unit, &bad), "%s", units[i]);
        cr_assert(!ncr_dimension_none(unit.dimension));
        // one unit is written with a unit and read again as the same number
        struct ncr_buf text = {0};
        ncr_quantity_text(unit.num / unit.den, unit.dimension, &text);
        char *blank = strchr(text.s, ' ');
        cr_assert(blank);
        double number = strtod(text.s, NULL);
        struct ncr_unit again;
        cr_assert(ncr_unit_read(ncr_str_of(blank + 1), &again, &bad), "%s", text.s);
        cr_assert(ncr_dimension_eq(unit.dimension, again.dimension));
        double value = number * again.num / again.den, want = unit.num / unit.den;
        cr_assert(value >= want * (1 - 1e-11) && value <= want * (1 + 1e-11), "%s is %s", units[i],
                  text.s);
        ncr_buf_free(&text);
    }
}

Test(sema_arith, compound_units)
{
    struct ncr_unit unit;
    struct ncr_str bad;
    cr_assert(ncr_unit_read(NCR_STR("MB/s"), &unit, &bad));
    cr_assert(ncr_dimension_eq(unit.dimension, ncr_dimension_of(NCR_DIMENSION_BANDWIDTH)));
    cr_assert_eq(unit.num / unit.den, 8e6);
    cr_assert(ncr_unit_read(NCR_STR("per bit"), &unit, &bad));
    cr_assert(ncr_dimension_eq(unit.dimension, ncr_dimension_of(NCR_DIMENSION_BIT_RATE)));
    cr_assert(ncr_unit_read(NCR_STR("per hour"), &unit, &bad));
    cr_assert(ncr_dimension_eq(unit.dimension, ncr_dimension_of(NCR_DIMENSION_FREQUENCY)));
    cr_assert_eq(unit.den / unit.num, 3600);
    cr_assert(ncr_unit_read(NCR_STR("pJ per byte"), &unit, &bad));
    cr_assert_eq(unit.dimension.power[0], -1);
    cr_assert_eq(unit.dimension.power[2], 1);
    cr_assert_not(ncr_unit_read(NCR_STR("per byt"), &unit, &bad));
    cr_assert(ncr_str_is(bad, "byt"));
    cr_assert_not(ncr_unit_read(NCR_STR("Kib"), &unit, &bad));
    cr_assert(ncr_str_is(ncr_unit_nearest(bad), "KiB"));
}
