// Attributes of operators as a table: compared, hashed, written as text and read back.
#include <stddef.h>

#include "compiler/ir/config.h"
#include "compiler/ir/graph_internal.h"

enum kind { KIND_INT, KIND_PAIR, KIND_PAD, KIND_BOOL, KIND_REAL, KIND_SHAPE, KIND_QUANT };

static const struct row {
    uint32_t bit;
    const char *name;
    enum kind kind;
    size_t at; // offset in struct ncr_attrs
} table[] = {
#define NCR_ATTR_ROW(NAME, name, kind, field)                                                      \
    {NCR_ATTR_##NAME, #name, KIND_##kind, offsetof(struct ncr_attrs, field)},
#include "compiler/ir/attrs.def"
#undef NCR_ATTR_ROW
};

#define FIELD(type, attrs, row) ((type *)(void *)((char *)(attrs) + (row)->at))
#define VALUE(type, attrs, row) ((const type *)(const void *)((const char *)(attrs) + (row)->at))

const char *ncr_attr_name(uint32_t bit)
{
    for (size_t i = 0; i < NCR_COUNT(table); i++)
        if (table[i].bit == bit) return table[i].name;
    NCR_BUG("no attribute has bit %u", bit);
}

bool ncr_attr_find(struct ncr_str name, uint32_t *bit)
{
    for (size_t i = 0; i < NCR_COUNT(table); i++)
        if (ncr_str_is(name, table[i].name)) return *bit = table[i].bit, true;
    return false;
}

// Words that stand for one attribute; equal words are equal meaning. Gives their number.
static uint32_t words_of(const struct ncr_attrs *attrs, const struct row *row, uint32_t out[4])
{
    switch (row->kind) {
    case KIND_INT: return memcpy(out, VALUE(int32_t, attrs, row), 4), 1;
    case KIND_PAIR: return memcpy(out, VALUE(int32_t, attrs, row), 8), 2;
    case KIND_PAD: return memcpy(out, VALUE(int32_t, attrs, row), 16), 4;
    case KIND_BOOL: return out[0] = *VALUE(bool, attrs, row), 1;
    case KIND_REAL: return memcpy(out, VALUE(float, attrs, row), 4), 1;
    case KIND_SHAPE: {
        const struct ncr_shape *shape = VALUE(struct ncr_shape, attrs, row);
        out[0] = shape->rank;
        for (uint32_t i = 0; i < shape->rank; i++)
            out[1 + i] = (uint32_t)shape->dim[i];
        return 1 + shape->rank;
    }
    case KIND_QUANT: {
        const struct ncr_quant_spec *q = attrs->quant;
        if (!q) return 0; // as if there were no such attribute
        out[0] = (uint32_t)q->weights << 8 | q->weight_bits;
        out[1] = (uint32_t)q->activations << 8 | q->activation_bits;
        out[2] = (uint32_t)q->per_channel << 1 | q->half_steps;
        return 3;
    }
    }
    NCR_BUG("attribute kind %d", (int)row->kind);
}

static bool has(enum ncr_op op, const struct row *row)
{
    return ((ncr_op_attrs(op) | NCR_ATTR_QUANT) & row->bit) != 0;
}

bool ncr_attrs_equal(enum ncr_op op, const struct ncr_attrs *a, const struct ncr_attrs *b)
{
    for (size_t i = 0; i < NCR_COUNT(table); i++) {
        uint32_t x[4], y[4];
        if (!has(op, &table[i])) continue;
        uint32_t n = words_of(a, &table[i], x);
        if (words_of(b, &table[i], y) != n || memcmp(x, y, n * sizeof x[0]) != 0) return false;
    }
    return true;
}

struct ncr_hash ncr_attrs_hash(enum ncr_op op, const struct ncr_attrs *attrs)
{
    uint32_t words[4 * NCR_COUNT(table)], n = 0;
    for (size_t i = 0; i < NCR_COUNT(table); i++)
        if (has(op, &table[i])) n += words_of(attrs, &table[i], &words[n]);
    return ncr_hash_bytes(words, n * sizeof words[0]);
}

// n whole numbers of at most nine digits with a sign, separated by `mark`.
static bool read_ints(struct ncr_str text, char mark, int32_t *out, uint32_t n)
{
    uint32_t at = 0;
    for (uint32_t k = 0; k < n; k++) {
        bool minus = at < text.n && text.s[at] == '-';
        at += minus;
        uint32_t start = at;
        int32_t v = 0;
        while (at < text.n && text.s[at] >= '0' && text.s[at] <= '9' && at - start < 9)
            v = v * 10 + (text.s[at++] - '0');
        if (at == start) return false;
        out[k] = minus ? -v : v;
        if (k + 1 < n && (at == text.n || text.s[at++] != mark)) return false;
    }
    return at == text.n;
}

const char *const ncr_qformat_names[NCR_QF_COUNT_] = {"linear", "fixed", "log2"};

// pow2:log2:4:two:channel:fixed:8
static void dump_quant(const struct ncr_quant_spec *q, struct ncr_buf *out)
{
    ncr_buf_fmt(out, "%.*s:%s:%u:%s:%s:%s:%u", NCR_STR_ARG(q->name), ncr_qformat_names[q->weights],
                q->weight_bits, q->half_steps ? "sqrt2" : "two",
                q->per_channel ? "channel" : "tensor", ncr_qformat_names[q->activations],
                q->activation_bits);
}

// The part of *text before the next colon, which is taken away.
static struct ncr_str part(struct ncr_str *text)
{
    uint32_t n = 0;
    while (n < text->n && text->s[n] != ':')
        n++;
    struct ncr_str out = {text->s, n};
    n += n < text->n;
    *text = (struct ncr_str){text->s + n, text->n - n};
    return out;
}

static bool read_format(struct ncr_str *text, enum ncr_qformat *format)
{
    struct ncr_str word = part(text);
    for (size_t i = 0; i < NCR_QF_COUNT_; i++)
        if (ncr_str_is(word, ncr_qformat_names[i])) return *format = (enum ncr_qformat)i, true;
    return false;
}

bool ncr_quant_read(struct ncr_arena *arena, struct ncr_str text, struct ncr_attrs *attrs)
{
    struct ncr_quant_spec *q = NCR_NEW(arena, struct ncr_quant_spec);
    struct ncr_str bits, base, per;
    int32_t n[2];
    q->name = part(&text);
    if (!read_format(&text, &q->weights)) return false;
    bits = part(&text);
    base = part(&text);
    per = part(&text);
    q->half_steps = ncr_str_is(base, "sqrt2");
    q->per_channel = ncr_str_is(per, "channel");
    bool good = (q->half_steps || ncr_str_is(base, "two")) &&
                (q->per_channel || ncr_str_is(per, "tensor")) && read_ints(bits, 0, &n[0], 1) &&
                read_format(&text, &q->activations) && read_ints(text, 0, &n[1], 1) && n[0] > 0 &&
                n[1] > 0;
    q->weight_bits = good ? (uint32_t)n[0] : 0;
    q->activation_bits = good ? (uint32_t)n[1] : 0;
    attrs->quant = q;
    return good;
}

static void dump_value(const struct ncr_attrs *attrs, const struct row *row, struct ncr_buf *out)
{
    const int32_t *v = VALUE(int32_t, attrs, row);
    char text[48];
    switch (row->kind) {
    case KIND_INT: ncr_buf_fmt(out, "%d", v[0]); break;
    case KIND_PAIR: ncr_buf_fmt(out, "%dx%d", v[0], v[1]); break;
    case KIND_PAD:
        switch (attrs->pad_mode) {
        case NCR_PAD_SAME: ncr_buf_puts(out, "same"); break;
        case NCR_PAD_VALID: ncr_buf_puts(out, "valid"); break;
        case NCR_PAD_EXPLICIT: ncr_buf_fmt(out, "%d,%d,%d,%d", v[0], v[1], v[2], v[3]); break;
        }
        break;
    case KIND_BOOL: ncr_buf_puts(out, *VALUE(bool, attrs, row) ? "true" : "false"); break;
    case KIND_REAL: ncr_buf_f32(out, *VALUE(float, attrs, row)); break;
    case KIND_SHAPE:
        ncr_buf_puts(out, ncr_shape_text(VALUE(struct ncr_shape, attrs, row), text));
        break;
    case KIND_QUANT: dump_quant(attrs->quant, out); break;
    }
}

void ncr_attrs_dump(enum ncr_op op, const struct ncr_attrs *attrs, struct ncr_buf *out)
{
    for (size_t i = 0; i < NCR_COUNT(table); i++) {
        if (!has(op, &table[i]) || (table[i].kind == KIND_QUANT && !attrs->quant)) continue;
        ncr_buf_fmt(out, " %s ", table[i].name);
        dump_value(attrs, &table[i], out);
    }
}

bool ncr_shape_read(struct ncr_str text, struct ncr_shape *out)
{
    *out = (struct ncr_shape){.rank = 1};
    if (read_ints(text, 'x', out->dim, 1)) return true;
    out->rank = 3;
    return read_ints(text, 'x', out->dim, 3);
}

static bool read_pad(struct ncr_str text, struct ncr_attrs *attrs)
{
    if (ncr_str_is(text, "same")) return attrs->pad_mode = NCR_PAD_SAME, true;
    if (ncr_str_is(text, "valid")) return attrs->pad_mode = NCR_PAD_VALID, true;
    attrs->pad_mode = NCR_PAD_EXPLICIT;
    return read_ints(text, ',', attrs->pad, 4);
}

bool ncr_attr_read(uint32_t bit, struct ncr_str text, struct ncr_attrs *attrs)
{
    const struct row *row = table;
    while (row->bit != bit)
        row++;
    switch (row->kind) {
    case KIND_INT: return read_ints(text, 0, FIELD(int32_t, attrs, row), 1);
    case KIND_PAIR: return read_ints(text, 'x', FIELD(int32_t, attrs, row), 2);
    case KIND_PAD: return read_pad(text, attrs);
    case KIND_BOOL:
        *FIELD(bool, attrs, row) = ncr_str_is(text, "true");
        return ncr_str_is(text, "true") || ncr_str_is(text, "false");
    case KIND_REAL: return ncr_str_to_f32(text, FIELD(float, attrs, row));
    case KIND_SHAPE: return ncr_shape_read(text, FIELD(struct ncr_shape, attrs, row));
    case KIND_QUANT: break; // ncr_quant_read
    }
    NCR_BUG("attribute kind %d", (int)row->kind);
}
