// Names, text and equality of values; the members of ranges.
#include "compiler/sema/value.h"

#include <math.h>

static const struct {
    const char *name, *article;
} kinds[] = {
#define NCR_KIND_ROW(NAME, name, article) {name, article},
#include "compiler/sema/kinds.def"
#undef NCR_KIND_ROW
};

#define K(NAME) NCR_KIND_BIT(NAME)
static const struct {
    const char *name;
    uint32_t kinds;
    const char *help;
} types[] = {
#define NCR_TYPE_ROW(NAME, name, bits, help) {name, bits, help},
#include "compiler/sema/types.def"
#undef NCR_TYPE_ROW
};
#undef K

static const char *const words[NCR_WORD_COUNT_] = {"same", "valid"};

struct ncr_value ncr_value_quantity(double f, struct ncr_dimension dimension)
{
    if (ncr_dimension_none(dimension)) return ncr_value_float(f);
    return (struct ncr_value){.kind = NCR_KIND_QUANTITY, .dimension = dimension, .as.f = f};
}

const char *ncr_kind_name(enum ncr_kind kind)
{
    return kinds[kind].name;
}

const char *ncr_kind_article(enum ncr_kind kind)
{
    return kinds[kind].article;
}

void ncr_kinds_text(uint32_t bits, struct ncr_buf *out)
{
    uint32_t left = bits & ~NCR_KIND_BIT(ERROR), n = 0;
    for (uint32_t i = 0; i < NCR_KIND_COUNT_; i++)
        n += left >> i & 1;
    for (uint32_t i = 0, k = 0; i < NCR_KIND_COUNT_; i++) {
        if (!(left >> i & 1)) continue;
        if (k) ncr_buf_puts(out, k + 1 == n ? " or " : ", ");
        ncr_buf_puts(out, kinds[i].article);
        k++;
    }
}

const char *ncr_type_name(enum ncr_type_name type)
{
    return types[type].name;
}

uint32_t ncr_type_kinds(enum ncr_type_name type)
{
    return types[type].kinds;
}

const char *ncr_type_help(enum ncr_type_name type)
{
    return types[type].help;
}

bool ncr_type_find(struct ncr_str name, enum ncr_type_name *out)
{
    for (size_t i = 0; i < NCR_COUNT(types); i++)
        if (ncr_str_is(name, types[i].name)) return *out = (enum ncr_type_name)i, true;
    return false;
}

const char *ncr_word_text(enum ncr_word word)
{
    return words[word];
}

enum { TEXT_WIDTH = 60 };

static void text(struct ncr_value v, struct ncr_buf *out, int depth)
{
    switch ((enum ncr_kind)v.kind) {
    case NCR_KIND_BOOL: ncr_buf_puts(out, v.as.b ? "true" : "false"); return;
    case NCR_KIND_INT: ncr_buf_fmt(out, "%lld", (long long)v.as.i); return;
    case NCR_KIND_FLOAT: ncr_buf_f64(out, v.as.f); return;
    case NCR_KIND_QUANTITY: ncr_quantity_text(v.as.f, v.dimension, out); return;
    case NCR_KIND_STRING: {
        struct ncr_str s = *v.as.string;
        bool cut = s.n > TEXT_WIDTH / 2;
        if (cut) s.n = TEXT_WIDTH / 2;
        while (cut && s.n && ((unsigned char)v.as.string->s[s.n] & 0xC0) == 0x80)
            s.n--;
        ncr_buf_putc(out, '"');
        ncr_buf_str(out, s);
        ncr_buf_puts(out, cut ? "…\"" : "\"");
        return;
    }
    case NCR_KIND_WORD: ncr_buf_puts(out, words[v.as.i]); return;
    case NCR_KIND_RANGE: {
        const struct ncr_range *r = v.as.range;
        text(r->low, out, depth + 1);
        ncr_buf_puts(out, r->closed ? "..=" : "..");
        text(r->high, out, depth + 1);
        if (r->pow2) {
            ncr_buf_puts(out, " pow2");
        } else if (r->step.kind != NCR_KIND_INT || r->step.as.i != 1) {
            ncr_buf_puts(out, " step ");
            text(r->step, out, depth + 1);
        }
        return;
    }
    case NCR_KIND_LIST: {
        size_t start = out->n;
        ncr_buf_putc(out, '[');
        for (uint32_t i = 0; i < v.as.list->n; i++) {
            if (i) ncr_buf_puts(out, ", ");
            if (depth > 3 || out->n - start > TEXT_WIDTH / 2) {
                ncr_buf_puts(out, "…");
                break;
            }
            text(v.as.list->at[i], out, depth + 1);
        }
        ncr_buf_putc(out, ']');
        return;
    }
    case NCR_KIND_ERROR:
    case NCR_KIND_RECORD:
    case NCR_KIND_LAYER:
    case NCR_KIND_TENSOR:
    case NCR_KIND_DECLARATION:
    case NCR_KIND_DATA:
    case NCR_KIND_THIS:
    case NCR_KIND_LIFTED:
    case NCR_KIND_SUM:
    case NCR_KIND_BOUND:
    case NCR_KIND_UNKNOWN:
    case NCR_KIND_COUNT_: ncr_buf_puts(out, kinds[v.kind].article); return;
    }
}

void ncr_value_text(struct ncr_value v, struct ncr_buf *out)
{
    text(v, out, 0);
}

void ncr_value_describe(struct ncr_value v, struct ncr_buf *out)
{
    switch ((enum ncr_kind)v.kind) {
    case NCR_KIND_BOOL:
    case NCR_KIND_INT:
    case NCR_KIND_FLOAT:
    case NCR_KIND_STRING:
    case NCR_KIND_WORD:
    case NCR_KIND_RANGE:
    case NCR_KIND_LIST:
        ncr_buf_puts(out, kinds[v.kind].name);
        ncr_buf_putc(out, ' ');
        break;
    case NCR_KIND_QUANTITY:
        // "per bit" says it already.
        if (ncr_dimension_eq(v.dimension, ncr_dimension_of(NCR_DIMENSION_BIT_RATE))) break;
        ncr_dimension_text(v.dimension, out);
        ncr_buf_putc(out, ' ');
        break;
    case NCR_KIND_ERROR:
    case NCR_KIND_RECORD:
    case NCR_KIND_LAYER:
    case NCR_KIND_TENSOR:
    case NCR_KIND_DECLARATION:
    case NCR_KIND_DATA:
    case NCR_KIND_THIS:
    case NCR_KIND_LIFTED:
    case NCR_KIND_SUM:
    case NCR_KIND_BOUND:
    case NCR_KIND_UNKNOWN:
    case NCR_KIND_COUNT_: break;
    }
    text(v, out, 0);
}

bool ncr_value_equal(struct ncr_value a, struct ncr_value b)
{
    uint32_t numbers = NCR_KIND_BIT(INT) | NCR_KIND_BIT(FLOAT);
    if (ncr_value_is(a, numbers) && ncr_value_is(b, numbers)) {
        if (a.kind == NCR_KIND_INT && b.kind == NCR_KIND_INT) return a.as.i == b.as.i;
        return ncr_value_number(a) == ncr_value_number(b);
    }
    if (a.kind != b.kind) return false;
    switch ((enum ncr_kind)a.kind) {
    case NCR_KIND_BOOL: return a.as.b == b.as.b;
    case NCR_KIND_WORD: return a.as.i == b.as.i;
    case NCR_KIND_QUANTITY: return ncr_dimension_eq(a.dimension, b.dimension) && a.as.f == b.as.f;
    case NCR_KIND_STRING: return ncr_str_eq(*a.as.string, *b.as.string);
    case NCR_KIND_RANGE:
        return a.as.range->closed == b.as.range->closed && a.as.range->pow2 == b.as.range->pow2 &&
               ncr_value_equal(a.as.range->low, b.as.range->low) &&
               ncr_value_equal(a.as.range->high, b.as.range->high) &&
               ncr_value_equal(a.as.range->step, b.as.range->step);
    case NCR_KIND_LIST:
        if (a.as.list->n != b.as.list->n) return false;
        for (uint32_t i = 0; i < a.as.list->n; i++)
            if (!ncr_value_equal(a.as.list->at[i], b.as.list->at[i])) return false;
        return true;
    case NCR_KIND_TENSOR: return a.as.tensor == b.as.tensor;
    case NCR_KIND_LAYER: return a.as.layer == b.as.layer;
    case NCR_KIND_INT:
    case NCR_KIND_FLOAT:
    case NCR_KIND_ERROR:
    case NCR_KIND_RECORD:
    case NCR_KIND_DECLARATION:
    case NCR_KIND_DATA:
    case NCR_KIND_THIS:
    case NCR_KIND_LIFTED:
    case NCR_KIND_SUM:
    case NCR_KIND_BOUND:
    case NCR_KIND_UNKNOWN:
    case NCR_KIND_COUNT_: break;
    }
    return false;
}

uint64_t ncr_range_count(const struct ncr_range *r)
{
    if (r->pow2) {
        int64_t v = r->low.as.i, high = r->high.as.i;
        if (v <= 0) return UINT64_MAX;
        uint64_t n = 0;
        for (; v < high || (r->closed && v == high); v *= 2) {
            n++;
            if (v > INT64_MAX / 2) break;
        }
        return n;
    }
    if (r->low.kind == NCR_KIND_INT) {
        int64_t low = r->low.as.i, high = r->high.as.i, step = r->step.as.i;
        if (step == 0) return UINT64_MAX;
        // Distances as unsigned numbers: the difference of two int64 fits uint64.
        uint64_t size = step > 0 ? (uint64_t)step : -(uint64_t)step;
        if (step > 0 ? low > high : low < high) return 0;
        uint64_t distance =
            step > 0 ? (uint64_t)high - (uint64_t)low : (uint64_t)low - (uint64_t)high;
        uint64_t whole = distance / size, rest = distance % size;
        return whole + (rest != 0 || (r->closed && whole != UINT64_MAX));
    }
    double steps = (r->high.as.f - r->low.as.f) / r->step.as.f;
    if (!(steps >= 0)) return steps < 0 ? 0 : UINT64_MAX;
    if (steps > 1e15) return UINT64_MAX;
    // A step such as 0.1 is not exact: the end counts as reached within a billionth of a step.
    double near = floor(steps + 1e-9);
    bool on_end = steps - near < 1e-9;
    return (uint64_t)near + (on_end ? r->closed : 1);
}

struct ncr_value ncr_range_at(const struct ncr_range *r, uint64_t k)
{
    struct ncr_value v = r->low;
    if (r->pow2)
        v.as.i = r->low.as.i << k;
    else if (v.kind == NCR_KIND_INT)
        v.as.i = (int64_t)((uint64_t)r->low.as.i + k * (uint64_t)r->step.as.i);
    else
        v.as.f = r->low.as.f + (double)k * r->step.as.f;
    return v;
}
