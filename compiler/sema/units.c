// Units and dimensions over the tables lang/unit.def and dimensions.def.
#include "compiler/sema/units.h"

#include <math.h>

#include "lang/base/diag.h"

enum { MAX_POWER = 9 };

static const struct {
    const char *name;
    struct ncr_dimension dimension;
} dimensions[] = {
#define NCR_DIMENSION_ROW(NAME, name, ...) {name, {{__VA_ARGS__}}},
#include "compiler/sema/dimensions.def"
#undef NCR_DIMENSION_ROW
};

static const struct {
    const char *text;
    enum ncr_dimension_name dimension;
    double num, den;
} units[] = {
#define NCR_UNIT_ROW(text, DIMENSION, num, den) {text, NCR_DIMENSION_##DIMENSION, num, den},
#include "lang/unit.def"
#undef NCR_UNIT_ROW
};

// Words after "per", where the unit itself is short.
static const struct {
    const char *word, *unit;
} words[] = {{"byte", "B"}, {"second", "s"}, {"minute", "min"}, {"hour", "h"}, {"cycle", "cycles"}};

static const char *const base_names[NCR_BASE_DIMENSIONS] = {"information", "time", "energy",
                                                            "length", "cycles"};

struct ncr_dimension ncr_dimension_of(enum ncr_dimension_name name)
{
    return dimensions[name].dimension;
}

bool ncr_dimension_find(struct ncr_str name, struct ncr_dimension *out)
{
    for (size_t i = 0; i < NCR_COUNT(dimensions); i++)
        if (ncr_str_is(name, dimensions[i].name)) return *out = dimensions[i].dimension, true;
    return false;
}

bool ncr_dimension_mul(struct ncr_dimension a, struct ncr_dimension b, int sign,
                       struct ncr_dimension *out)
{
    for (int i = 0; i < NCR_BASE_DIMENSIONS; i++) {
        int power = a.power[i] + sign * b.power[i];
        if (power < -MAX_POWER || power > MAX_POWER) return false;
        out->power[i] = (int8_t)power;
    }
    return true;
}

static void powers(struct ncr_dimension dimension, int sign, struct ncr_buf *out)
{
    bool first = true;
    for (int i = 0; i < NCR_BASE_DIMENSIONS; i++) {
        int power = dimension.power[i] * sign;
        if (power <= 0) continue;
        if (!first) ncr_buf_putc(out, '*');
        ncr_buf_puts(out, base_names[i]);
        if (power > 1) ncr_buf_fmt(out, "^%d", power);
        first = false;
    }
    if (first) ncr_buf_putc(out, '1');
}

void ncr_dimension_text(struct ncr_dimension dimension, struct ncr_buf *out)
{
    for (size_t i = 0; i < NCR_COUNT(dimensions); i++) {
        if (!ncr_dimension_eq(dimension, dimensions[i].dimension)) continue;
        for (const char *c = dimensions[i].name; *c; c++)
            ncr_buf_putc(out, *c == '_' ? ' ' : *c);
        return;
    }
    bool below = false;
    for (int i = 0; i < NCR_BASE_DIMENSIONS; i++)
        below |= dimension.power[i] < 0;
    powers(dimension, 1, out);
    if (below) {
        ncr_buf_putc(out, '/');
        powers(dimension, -1, out);
    }
}

static bool find(struct ncr_str text, bool after_per, struct ncr_unit *out)
{
    for (size_t i = 0; after_per && i < NCR_COUNT(words); i++)
        if (ncr_str_is(text, words[i].word)) text = ncr_str_of(words[i].unit);
    for (size_t i = 0; i < NCR_COUNT(units); i++) {
        if (!ncr_str_is(text, units[i].text)) continue;
        *out =
            (struct ncr_unit){dimensions[units[i].dimension].dimension, units[i].num, units[i].den};
        return true;
    }
    return false;
}

static struct ncr_str trim(const char *s, size_t n)
{
    while (n && s[0] == ' ')
        s++, n--;
    while (n && s[n - 1] == ' ')
        n--;
    return (struct ncr_str){s, (uint32_t)n};
}

bool ncr_unit_read(struct ncr_str text, struct ncr_unit *out, struct ncr_str *bad)
{
    // Split at '/' or at the word "per".
    size_t at = 0, skip = 0;
    bool per = false;
    while (at < text.n) {
        bool starts = at == 0 || text.s[at - 1] == ' ';
        if (text.s[at] == '/') {
            skip = 1;
            break;
        }
        if (starts && text.n - at > 4 && memcmp(text.s + at, "per ", 4) == 0) {
            skip = 4;
            per = true;
            break;
        }
        at++;
    }
    struct ncr_str upper = trim(text.s, at);
    *out = (struct ncr_unit){.num = 1, .den = 1};
    if (upper.n && !find(upper, false, out)) return *bad = upper, false;
    if (!skip) return true;
    struct ncr_str lower = trim(text.s + at + skip, text.n - at - skip);
    struct ncr_unit under;
    if (!find(lower, per, &under)) return *bad = lower, false;
    out->num *= under.den;
    out->den *= under.num;
    return ncr_dimension_mul(out->dimension, under.dimension, -1, &out->dimension);
}

struct ncr_str ncr_unit_nearest(struct ncr_str bad)
{
    struct ncr_str names[NCR_COUNT(units)];
    for (size_t i = 0; i < NCR_COUNT(units); i++)
        names[i] = ncr_str_of(units[i].text);
    // Case is the usual slip: kb, mhz.
    for (size_t i = 0; i < NCR_COUNT(units); i++) {
        bool same = names[i].n == bad.n;
        for (uint32_t k = 0; same && k < bad.n; k++)
            same = (names[i].s[k] | 32) == (bad.s[k] | 32);
        if (same) return names[i];
    }
    return ncr_diag_nearest(bad, names, NCR_COUNT(units));
}

static void number(double value, struct ncr_buf *out)
{
    // Twelve digits hide the rounding of the conversion.
    struct ncr_buf text = {0};
    ncr_buf_fmt(&text, "%.12g", value);
    ncr_buf_str(out, (struct ncr_str){text.s ? text.s : "", (uint32_t)text.n});
    ncr_buf_free(&text);
}

void ncr_quantity_text(double value, struct ncr_dimension dimension, struct ncr_buf *out)
{
    struct ncr_unit best = {.num = 1, .den = 1};
    struct ncr_dimension bandwidth = ncr_dimension_of(NCR_DIMENSION_BANDWIDTH);
    struct ncr_dimension wanted = dimension;
    bool per_second = ncr_dimension_eq(dimension, bandwidth);
    if (per_second) wanted = ncr_dimension_of(NCR_DIMENSION_INFORMATION);
    const char *unit = NULL;
    size_t best_n = SIZE_MAX;
    for (size_t i = 0; i < NCR_COUNT(units); i++) {
        if (!ncr_dimension_eq(dimensions[units[i].dimension].dimension, wanted)) continue;
        struct ncr_buf text = {0};
        double v = value * units[i].den / units[i].num;
        if (fabs(v) >= 1 || (value == 0 && !unit)) number(v, &text);
        size_t n = text.n;
        ncr_buf_free(&text);
        if (n && n <= best_n) {
            best_n = n;
            unit = units[i].text;
            best = (struct ncr_unit){dimension, units[i].num, units[i].den};
        }
    }
    if (unit) {
        number(value * best.den / best.num, out);
        ncr_buf_fmt(out, " %s%s", unit, per_second ? "/s" : "");
        return;
    }
    number(value, out);
    if (ncr_dimension_eq(dimension, ncr_dimension_of(NCR_DIMENSION_BIT_RATE))) {
        ncr_buf_puts(out, " per bit");
        return;
    }
    ncr_buf_puts(out, " (");
    ncr_dimension_text(dimension, out);
    ncr_buf_putc(out, ')');
}
