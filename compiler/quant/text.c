// Text form of quantised graphs: a line for each node, then its numbers; and the reader.
//
//   qgraph "lenet" weights linear 8 per channel activations linear 8 {
//     %0 = input "lenet/x" : 1x28x28
//       node 0 last 0 macs 0
//       scale 0.003921568859368563 zero -128 clamp -128 127
//     %1 = conv %0 "lenet/conv" kernel 5x5 stride 1x1 pad 2 2 2 2 dilation 1x1 groups 1 : 6x28x28
//       node 1 last 2 macs 117600
//       scale 0.0123 zero -128 clamp -128 127
//       weight_scale 0.0017 …
//       weights
//         7f80…                                      hexadecimal bytes, 32 a line
//       bias 1 2 …
//       mult …
//       shift …
//     inputs %0
//     outputs %1
//   }
//
// A node whose activations have more than 8 bits where those of the head have not, or the reverse,
// or another such number, says so: `bits 16` (8 for all up to 8) before the colon.
// `joins %6` before the colon: the node takes its scale from that concatenation.
// Without numbers the lines from `scale` on are left out. What follows from op, attributes and
// shapes (n_weights, n_channels) is not written.
#include <inttypes.h>
#include <stdio.h>

#include "compiler/quant/qgraph.h"

enum { BYTES_A_LINE = 32, INTS_A_LINE = 12 };

// Attributes that an operator has: bits of enum ncr_attr_bit.
static uint32_t attrs_of(enum ncr_qop op)
{
    uint32_t window = NCR_ATTR_KERNEL | NCR_ATTR_STRIDE | NCR_ATTR_PAD;
    switch (op) {
    case NCR_QOP_CONV: return window | NCR_ATTR_DILATION | NCR_ATTR_GROUPS;
    case NCR_QOP_DWCONV: return window | NCR_ATTR_DILATION;
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_AVGPOOL: return window;
    case NCR_QOP_UPSAMPLE: return NCR_ATTR_FACTOR;
    case NCR_QOP_PAD: return NCR_ATTR_PAD;
    case NCR_QOP_INPUT:
    case NCR_QOP_DENSE:
    case NCR_QOP_ADD:
    case NCR_QOP_MUL:
    case NCR_QOP_CONCAT:
    case NCR_QOP_LUT:
    case NCR_QOP_SOFTMAX:
    case NCR_QOP_RESHAPE:
    case NCR_QOP_ZERO:
    case NCR_QOP_COUNT_: break;
    }
    return 0;
}

// ---- writing ----
static void put_ints(struct ncr_buf *out, const char *name, const int32_t *v, int64_t n)
{
    if (!v) return;
    ncr_buf_fmt(out, "    %s", name);
    for (int64_t i = 0; i < n; i++) {
        if (i && i % INTS_A_LINE == 0) ncr_buf_puts(out, "\n     ");
        ncr_buf_fmt(out, " %" PRId32, v[i]);
    }
    ncr_buf_putc(out, '\n');
}

static void put_reals(struct ncr_buf *out, const char *name, const double *v, int64_t n)
{
    if (!v) return;
    ncr_buf_fmt(out, "    %s", name);
    for (int64_t i = 0; i < n; i++) {
        if (i && i % INTS_A_LINE == 0) ncr_buf_puts(out, "\n     ");
        ncr_buf_putc(out, ' ');
        ncr_buf_f64(out, v[i]);
    }
    ncr_buf_putc(out, '\n');
}

static void put_bytes(struct ncr_buf *out, const char *name, const int8_t *v, int64_t n)
{
    if (!v) return;
    ncr_buf_fmt(out, "    %s", name);
    for (int64_t i = 0; i < n; i++) {
        if (i % BYTES_A_LINE == 0) ncr_buf_puts(out, "\n      ");
        ncr_buf_putc(out, "0123456789abcdef"[(uint8_t)v[i] >> 4]);
        ncr_buf_putc(out, "0123456789abcdef"[(uint8_t)v[i] & 15]);
    }
    ncr_buf_putc(out, '\n');
}

static void put_quoted(struct ncr_buf *out, struct ncr_str text)
{
    ncr_buf_putc(out, '"');
    for (uint32_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.s[i];
        if (c == '"' || c == '\\' || c < 0x20 || c == 0x7f)
            ncr_buf_fmt(out, "\\x%02x", c);
        else
            ncr_buf_putc(out, (char)c);
    }
    ncr_buf_putc(out, '"');
}

static void put_attrs(struct ncr_buf *out, const struct ncr_qnode *n)
{
    const struct ncr_attrs *a = &n->attrs;
    uint32_t has = attrs_of(n->op);
    if (has & NCR_ATTR_KERNEL) ncr_buf_fmt(out, " kernel %dx%d", a->kernel[0], a->kernel[1]);
    if (has & NCR_ATTR_STRIDE) ncr_buf_fmt(out, " stride %dx%d", a->stride[0], a->stride[1]);
    if (has & NCR_ATTR_PAD)
        ncr_buf_fmt(out, " pad %d %d %d %d", a->pad[0], a->pad[1], a->pad[2], a->pad[3]);
    if (has & NCR_ATTR_DILATION)
        ncr_buf_fmt(out, " dilation %dx%d", a->dilation[0], a->dilation[1]);
    if (has & NCR_ATTR_GROUPS) ncr_buf_fmt(out, " groups %d", a->groups);
    if (has & NCR_ATTR_FACTOR) ncr_buf_fmt(out, " factor %dx%d", a->factor[0], a->factor[1]);
}

static void put_form(struct ncr_buf *out, struct ncr_weight_form form)
{
    ncr_buf_fmt(out, "%s %u", ncr_qformat_names[form.format], form.bits);
    if (form.half_steps) ncr_buf_puts(out, " sqrt2");
}

// Bits of an activation where nothing is said of them.
static uint32_t usual_bits(const struct ncr_qgraph *g)
{
    return g->spec.activation_bits > 8 ? g->spec.activation_bits : 8;
}

static void put_node(struct ncr_buf *out, const struct ncr_qgraph *g, uint32_t q)
{
    const struct ncr_qnode *n = &g->nodes[q];
    char shape[48];
    ncr_buf_fmt(out, "  %%%u = %s ", q, ncr_qop_name(n->op));
    for (uint32_t k = 0; k < n->n_in; k++)
        ncr_buf_fmt(out, "%%%u ", n->in[k]);
    put_quoted(out, n->path);
    put_attrs(out, n);
    if (n->n_weights && !ncr_weight_form_equal(n->form, ncr_weight_form_of(&g->spec))) {
        ncr_buf_puts(out, " form ");
        put_form(out, n->form);
    }
    if (ncr_qnode_bits(n) != usual_bits(g)) ncr_buf_fmt(out, " bits %u", ncr_qnode_bits(n));
    if (n->joins) ncr_buf_fmt(out, " joins %%%u", n->joins);
    ncr_buf_fmt(out, " : %s\n    node %u last %u macs %" PRId64 "\n",
                ncr_shape_text(&n->shape, shape), n->node, n->last, n->macs);
    if (!g->has_numbers) return;
    ncr_buf_puts(out, "    scale ");
    ncr_buf_f64(out, n->scale);
    ncr_buf_fmt(out, " zero %d clamp %d %d\n", n->zero_point, n->lo, n->hi);
    put_reals(out, "weight_scale", n->weight_scale, n->n_channels);
    put_bytes(out, "weights", n->weights, n->n_weights);
    put_ints(out, "bias", n->bias, n->n_channels);
    put_ints(out, "mult", n->mult, n->n_channels);
    put_ints(out, "shift", n->shift, n->n_channels);
    put_ints(out, "in_mult", n->in_mult, n->n_in);
    uint32_t entries = ncr_qnode_table_entries(g, n);
    put_bytes(out, "lut", n->lut, entries);
    put_ints(out, "lut", n->wide_lut, entries);
    put_ints(out, "exp", n->exp_table, entries);
}

void ncr_qgraph_dump(const struct ncr_qgraph *g, struct ncr_buf *out)
{
    ncr_buf_puts(out, "qgraph ");
    put_quoted(out, g->name);
    ncr_buf_puts(out, " weights ");
    put_form(out, ncr_weight_form_of(&g->spec));
    ncr_buf_fmt(out, " per %s activations %s %u {\n", g->spec.per_channel ? "channel" : "tensor",
                ncr_qformat_names[g->spec.activations], g->spec.activation_bits);
    for (uint32_t q = 0; q < g->n_nodes; q++)
        put_node(out, g, q);
    ncr_buf_puts(out, "  inputs");
    for (uint32_t i = 0; i < g->n_inputs; i++)
        ncr_buf_fmt(out, " %%%u", g->inputs[i]);
    ncr_buf_puts(out, "\n  outputs");
    for (uint32_t i = 0; i < g->n_outputs; i++)
        ncr_buf_fmt(out, " %%%u", g->outputs[i]);
    ncr_buf_puts(out, "\n}\n");
}

// ---- reading ----
// Words are separated by blanks; a quoted text is one word. After the first error nothing is read.
struct reader {
    struct ncr_arena *arena;
    struct ncr_diags *diags;
    uint32_t file, at;
    struct ncr_str text;
    bool failed;
    uint32_t word_begin;
};

static void fail(struct reader *r, const char *want)
{
    if (r->failed) return;
    r->failed = true;
    NCR_DIAG(r->diags, QGRAPH_TEXT, ((struct ncr_span){r->file, r->word_begin, r->at}), want);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static void skip(struct reader *r)
{
    while (r->at < r->text.n && is_blank(r->text.s[r->at]))
        r->at++;
    r->word_begin = r->at;
}

// The next word; empty at the end.
static struct ncr_str word(struct reader *r)
{
    skip(r);
    while (r->at < r->text.n && !is_blank(r->text.s[r->at]))
        r->at++;
    return (struct ncr_str){r->text.s + r->word_begin, r->at - r->word_begin};
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct ncr_str quoted(struct reader *r)
{
    skip(r);
    const char *s = r->text.s;
    uint32_t n = 0, end = r->at + 1;
    while (end < r->text.n && s[end] != '"' && s[end] != '\n')
        end++;
    if (r->failed || r->at >= r->text.n || s[r->at] != '"' || end >= r->text.n || s[end] != '"') {
        fail(r, "a text in quotes");
        return (struct ncr_str){"", 0};
    }
    char *out = NCR_NEW_N(r->arena, char, end - r->at);
    for (uint32_t i = r->at + 1; i < end; i++) {
        char c = s[i];
        if (c == '\\') {
            int high = i + 3 < end && s[i + 1] == 'x' ? hex(s[i + 2]) : -1;
            int low = high >= 0 ? hex(s[i + 3]) : -1;
            r->at = end;
            if (low < 0) fail(r, "\\x and two hexadecimal digits");
            c = (char)(high * 16 + low);
            i += 3;
        }
        out[n++] = c;
    }
    r->at = end + 1;
    return (struct ncr_str){out, n};
}

static bool maybe(struct reader *r, const char *text)
{
    uint32_t at = r->at;
    if (!r->failed && ncr_str_is(word(r), text)) return true;
    r->at = at;
    return false;
}

static void expect(struct reader *r, const char *text)
{
    if (!r->failed && !ncr_str_is(word(r), text)) fail(r, text);
}

// Reads a decimal integer of [lo, hi] at *at within w; false where there is none.
static bool scan_int(struct ncr_str w, uint32_t *at, int64_t lo, int64_t hi, int64_t *out)
{
    bool minus = *at < w.n && w.s[*at] == '-';
    uint32_t i = *at + minus, begin = i;
    uint64_t v = 0;
    while (i < w.n && w.s[i] >= '0' && w.s[i] <= '9' && i - begin < 19)
        v = v * 10 + (uint64_t)(w.s[i++] - '0');
    if (i == begin || v > INT64_MAX) return false;
    *out = minus ? -(int64_t)v : (int64_t)v;
    *at = i;
    return *out >= lo && *out <= hi;
}

static int64_t number(struct reader *r, int64_t lo, int64_t hi)
{
    if (r->failed) return lo;
    struct ncr_str w = word(r);
    uint32_t at = 0;
    int64_t v = lo;
    if (!scan_int(w, &at, lo, hi, &v) || at != w.n) fail(r, "a number in range");
    return r->failed ? lo : v;
}

static double real(struct reader *r)
{
    double v = 1;
    if (r->failed) return v;
    if (!ncr_str_to_f64(word(r), &v) || !(v > 0) || v > 1e300) fail(r, "a positive real number");
    return v;
}

// Whether the text that is left can hold n items of two characters; asked before memory is taken.
static bool room(struct reader *r, int64_t n)
{
    if ((int64_t)(r->text.n - r->at) / 2 >= n) return true;
    fail(r, "more numbers than the text holds");
    return false;
}

static int32_t *ints(struct reader *r, int64_t n)
{
    if (!room(r, n)) return NULL;
    int32_t *v = NCR_NEW_N(r->arena, int32_t, (size_t)n);
    for (int64_t i = 0; i < n && !r->failed; i++)
        v[i] = (int32_t)number(r, INT32_MIN, INT32_MAX);
    return v;
}

static double *reals(struct reader *r, int64_t n)
{
    if (!room(r, n)) return NULL;
    double *v = NCR_NEW_N(r->arena, double, (size_t)n);
    for (int64_t i = 0; i < n && !r->failed; i++)
        v[i] = real(r);
    return v;
}

static int8_t *bytes(struct reader *r, int64_t n)
{
    if (!room(r, n)) return NULL;
    int8_t *v = NCR_NEW_N(r->arena, int8_t, (size_t)n);
    for (int64_t done = 0; done < n && !r->failed;) {
        struct ncr_str w = word(r);
        if (w.n == 0 || w.n % 2 || w.n / 2 > n - done) fail(r, "two hexadecimal digits a byte");
        for (uint32_t i = 0; i + 1 < w.n && !r->failed; i += 2) {
            int high = hex(w.s[i]), low = hex(w.s[i + 1]);
            if (high < 0 || low < 0) fail(r, "hexadecimal digits");
            v[done++] = (int8_t)(uint8_t)(high * 16 + low);
        }
    }
    return v;
}

static enum ncr_qformat format(struct reader *r, bool of_weights)
{
    if (r->failed) return NCR_QF_LINEAR;
    struct ncr_str w = word(r);
    for (int i = 0; i < (of_weights ? 3 : 2); i++)
        if (ncr_str_is(w, ncr_qformat_names[i])) return (enum ncr_qformat)i;
    fail(r, of_weights ? "linear, fixed or log2" : "linear or fixed");
    return NCR_QF_LINEAR;
}

static struct ncr_weight_form read_form(struct reader *r)
{
    struct ncr_weight_form form = {.format = format(r, true)};
    form.bits = (uint32_t)number(r, 2, form.format == NCR_QF_LOG2 ? 5 : 8);
    form.half_steps = form.format == NCR_QF_LOG2 && maybe(r, "sqrt2");
    return form;
}

static void shape(struct reader *r, struct ncr_shape *out)
{
    if (r->failed) return;
    struct ncr_str w = word(r);
    uint32_t at = 0;
    int64_t v;
    bool more = true;
    while (more && out->rank < NCR_MAX_RANK && scan_int(w, &at, 1, NCR_LIMIT_DIM, &v)) {
        out->dim[out->rank++] = (int32_t)v;
        more = at < w.n && w.s[at] == 'x';
        at += more;
    }
    if (more || at != w.n || (out->rank != 1 && out->rank != 3)) fail(r, "a shape");
}

// "name 5x5"
static void pair(struct reader *r, const char *name, int32_t v[2])
{
    expect(r, name);
    if (r->failed) return;
    struct ncr_str w = word(r);
    uint32_t at = 0;
    int64_t a = 1, b = 1;
    bool ok = scan_int(w, &at, 1, NCR_LIMIT_DIM, &a) && at < w.n && w.s[at] == 'x';
    at += ok;
    ok = ok && scan_int(w, &at, 1, NCR_LIMIT_DIM, &b) && at == w.n;
    if (!ok) fail(r, "a pair such as 3x3");
    v[0] = (int32_t)a;
    v[1] = (int32_t)b;
}

// "%0 %3 …": all words that begin with %, each under limit.
static uint32_t *ids(struct reader *r, uint32_t limit, uint32_t *n)
{
    NCR_VEC(uint32_t) list = {0};
    for (;;) {
        uint32_t at = r->at;
        struct ncr_str w = word(r);
        if (r->failed || w.n == 0 || w.s[0] != '%') {
            r->at = at;
            break;
        }
        uint32_t digits = 1;
        int64_t v = 0;
        if (!scan_int(w, &digits, 0, (int64_t)limit - 1, &v) || digits != w.n)
            fail(r, "a node that stands before");
        else
            ncr_vec_push(r->arena, &list, (uint32_t)v);
    }
    *n = list.n;
    return list.at;
}

// "%6", of a node behind the one at hand. That it is there is for the verifier to say.
static uint32_t later_id(struct reader *r, uint32_t at_hand)
{
    struct ncr_str w = word(r);
    uint32_t at = 1;
    int64_t v = 0;
    bool ok = !r->failed && w.n && w.s[0] == '%' &&
              scan_int(w, &at, (int64_t)at_hand + 1, UINT32_MAX, &v) && at == w.n;
    if (!ok) fail(r, "a node that stands behind");
    return (uint32_t)v;
}

static void read_attrs(struct reader *r, struct ncr_qnode *n)
{
    struct ncr_attrs *a = &n->attrs;
    uint32_t has = attrs_of(n->op);
    for (int i = 0; i < 2; i++)
        a->stride[i] = a->dilation[i] = 1;
    a->groups = 1;
    if (has & NCR_ATTR_KERNEL) pair(r, "kernel", a->kernel);
    if (has & NCR_ATTR_STRIDE) pair(r, "stride", a->stride);
    if (has & NCR_ATTR_PAD) {
        expect(r, "pad");
        for (int i = 0; i < 4; i++)
            a->pad[i] = (int32_t)number(r, 0, NCR_LIMIT_DIM);
    }
    if (has & NCR_ATTR_DILATION) pair(r, "dilation", a->dilation);
    if (has & NCR_ATTR_GROUPS) {
        expect(r, "groups");
        a->groups = (int32_t)number(r, 1, NCR_LIMIT_DIM);
    }
    if (has & NCR_ATTR_FACTOR) pair(r, "factor", a->factor);
}

static void read_numbers(struct reader *r, const struct ncr_qgraph *g, struct ncr_qnode *n)
{
    n->scale = real(r);
    expect(r, "zero");
    n->zero_point = (int32_t)number(r, -128, 127);
    expect(r, "clamp");
    n->lo = (int32_t)number(r, INT16_MIN, INT16_MAX);
    n->hi = (int32_t)number(r, INT16_MIN, INT16_MAX);
    if (ncr_qop_has_weights(n->op)) {
        expect(r, "weight_scale");
        n->weight_scale = reals(r, n->n_channels);
        expect(r, "weights");
        n->weights = bytes(r, n->n_weights);
        expect(r, "bias");
        n->bias = ints(r, n->n_channels);
    }
    if (ncr_qop_has_mult(n->op)) {
        expect(r, "mult");
        n->mult = ints(r, n->n_channels);
        expect(r, "shift");
        n->shift = ints(r, n->n_channels);
    }
    if (n->op == NCR_QOP_ADD) {
        expect(r, "in_mult");
        n->in_mult = ints(r, n->n_in);
    }
    uint32_t entries = ncr_qnode_table_entries(g, n);
    if (n->op == NCR_QOP_LUT) {
        expect(r, "lut");
        if (ncr_qnode_is_wide(g, n))
            n->wide_lut = ints(r, entries);
        else
            n->lut = bytes(r, entries);
    }
    if (n->op == NCR_QOP_SOFTMAX) {
        expect(r, "exp");
        n->exp_table = ints(r, entries);
    }
}

// The node after its "%3 =". g->nodes holds those before it.
static void read_node(struct reader *r, struct ncr_qgraph *g, struct ncr_qnode *n)
{
    struct ncr_str name = word(r);
    uint32_t op = 0;
    while (op < NCR_QOP_COUNT_ && !ncr_str_is(name, ncr_qop_name((enum ncr_qop)op)))
        op++;
    if (op == NCR_QOP_COUNT_) {
        fail(r, "an operator");
        return;
    }
    n->op = (enum ncr_qop)op;
    n->in = ids(r, g->n_nodes, &n->n_in);
    n->path = quoted(r);
    read_attrs(r, n);
    struct ncr_weight_form form = ncr_weight_form_of(&g->spec);
    if (maybe(r, "form")) form = read_form(r);
    n->bits = maybe(r, "bits") ? (uint32_t)number(r, 8, 16) : usual_bits(g);
    if (maybe(r, "joins")) n->joins = later_id(r, g->n_nodes);
    expect(r, ":");
    shape(r, &n->shape);
    expect(r, "node");
    n->node = (uint32_t)number(r, 0, UINT32_MAX);
    expect(r, "last");
    n->last = (uint32_t)number(r, n->node, UINT32_MAX);
    expect(r, "macs");
    n->macs = number(r, 0, INT64_MAX);
    if (r->failed) return;
    if (n->op != NCR_QOP_INPUT && n->n_in == 0) {
        fail(r, "the inputs of a node");
        return;
    }
    int64_t channels = ncr_qnode_channels(n);
    n->n_channels = (int32_t)channels;
    n->n_weights = ncr_qnode_weights(g, n);
    if (n->n_weights < 0 || n->n_weights > NCR_LIMIT_ELEMENTS || channels > NCR_LIMIT_ELEMENTS)
        fail(r, "weights within the limits");
    if (n->n_weights > 0) ncr_qnode_set_form(r->arena, g, n, form);
    if (g->n_nodes == 0)
        g->has_numbers = !r->failed && maybe(r, "scale");
    else if (g->has_numbers)
        expect(r, "scale");
    if (g->has_numbers) read_numbers(r, g, n);
}

struct ncr_qgraph *ncr_qgraph_read(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file)
{
    struct reader r = {.arena = arena,
                       .diags = diags,
                       .file = file,
                       .text = ncr_sources_text(diags->sources, file)};
    struct ncr_qgraph *g = NCR_NEW(arena, struct ncr_qgraph);
    NCR_VEC(struct ncr_qnode) nodes = {0};
    expect(&r, "qgraph");
    g->name = quoted(&r);
    g->spec.name = NCR_STR("");
    expect(&r, "weights");
    struct ncr_weight_form all = read_form(&r);
    g->spec.weights = all.format;
    g->spec.weight_bits = all.bits;
    g->spec.half_steps = all.half_steps;
    expect(&r, "per");
    g->spec.per_channel = maybe(&r, "channel");
    if (!g->spec.per_channel) expect(&r, "tensor");
    expect(&r, "activations");
    g->spec.activations = format(&r, false);
    g->spec.activation_bits = (uint32_t)number(&r, 2, 16);
    expect(&r, "{");
    while (!r.failed && !maybe(&r, "inputs")) {
        char want[16];
        snprintf(want, sizeof want, "%%%u", nodes.n);
        expect(&r, want);
        expect(&r, "=");
        struct ncr_qnode node = {.path = {"", 0}};
        g->nodes = nodes.at;
        g->n_nodes = nodes.n;
        if (!r.failed) read_node(&r, g, &node);
        ncr_vec_push(arena, &nodes, node);
    }
    g->nodes = nodes.at;
    g->n_nodes = nodes.n;
    g->inputs = ids(&r, nodes.n, &g->n_inputs);
    expect(&r, "outputs");
    g->outputs = ids(&r, nodes.n, &g->n_outputs);
    expect(&r, "}");
    if (!r.failed && word(&r).n) fail(&r, "the end");
    struct ncr_error why;
    if (!r.failed && !ncr_qgraph_verify(g, &why)) fail(&r, why.text);
    return r.failed ? NULL : g;
}
