// Text form of quantised graphs: one line a node, then a line for each of its number arrays; and
// its reader.
//
//   qgraph "name" weights linear 8 channel activations linear 8
//   %1 conv "path" 5 6 : 6x28x28 in 0 kernel 5 5 stride 1 1 pad 2 2 2 2 dilation 1 1 groups 1
//   factor 0 0
//     macs 117600 weights 150 channels 6
//     scale 0.0123 zero -128 clamp -128 127
//     weights 7f80…  bias 1 2 …  mult …  shift …
//   inputs 0
//   outputs 9
//   end
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "compiler/quant/qgraph.h"

static const char *const format_names[] = {"linear", "fixed", "log2"};

static void put_ints(struct ncr_buf *out, const char *name, const int32_t *v, int64_t n)
{
    if (!v) return;
    ncr_buf_fmt(out, "  %s", name);
    for (int64_t i = 0; i < n; i++)
        ncr_buf_fmt(out, " %" PRId32, v[i]);
    ncr_buf_putc(out, '\n');
}

static void put_bytes(struct ncr_buf *out, const char *name, const int8_t *v, int64_t n)
{
    if (!v) return;
    ncr_buf_fmt(out, "  %s ", name);
    for (int64_t i = 0; i < n; i++) {
        ncr_buf_putc(out, "0123456789abcdef"[(uint8_t)v[i] >> 4]);
        ncr_buf_putc(out, "0123456789abcdef"[(uint8_t)v[i] & 15]);
    }
    ncr_buf_putc(out, '\n');
}

static void put_quoted(struct ncr_buf *out, struct ncr_str text)
{
    ncr_buf_putc(out, '"');
    ncr_buf_str(out, text); // names and paths hold neither quotes nor line ends
    ncr_buf_putc(out, '"');
}

static void put_node(struct ncr_buf *out, const struct ncr_qgraph *g, uint32_t q)
{
    const struct ncr_qnode *n = &g->nodes[q];
    const struct ncr_attrs *a = &n->attrs;
    char shape[48];
    ncr_buf_fmt(out, "%%%u %s ", q, ncr_qop_name(n->op));
    put_quoted(out, n->path);
    ncr_buf_fmt(out, " %u %u : %s in", n->node, n->last, ncr_shape_text(&n->shape, shape));
    for (uint32_t k = 0; k < n->n_in; k++)
        ncr_buf_fmt(out, " %u", n->in[k]);
    ncr_buf_fmt(
        out, " kernel %d %d stride %d %d pad %d %d %d %d dilation %d %d groups %d factor %d %d\n",
        a->kernel[0], a->kernel[1], a->stride[0], a->stride[1], a->pad[0], a->pad[1], a->pad[2],
        a->pad[3], a->dilation[0], a->dilation[1], a->groups, a->factor[0], a->factor[1]);
    ncr_buf_fmt(out, "  macs %" PRId64 " weights %" PRId64 " channels %d\n", n->macs, n->n_weights,
                n->n_channels);
    if (!g->has_numbers) return;
    ncr_buf_puts(out, "  scale ");
    ncr_buf_f64(out, n->scale);
    ncr_buf_fmt(out, " zero %d clamp %d %d\n", n->zero_point, n->lo, n->hi);
    if (n->weight_scale) {
        ncr_buf_puts(out, "  weight_scale");
        for (int32_t i = 0; i < n->n_channels; i++) {
            ncr_buf_putc(out, ' ');
            ncr_buf_f64(out, n->weight_scale[i]);
        }
        ncr_buf_putc(out, '\n');
    }
    put_bytes(out, "weights", n->weights, n->n_weights);
    put_ints(out, "bias", n->bias, n->n_channels);
    put_ints(out, "mult", n->mult, n->n_channels);
    put_ints(out, "shift", n->shift, n->n_channels);
    put_ints(out, "in_mult", n->in_mult, n->n_in);
    put_bytes(out, "lut", n->lut, 256);
    put_ints(out, "exp", n->exp_table, 256);
}

void ncr_qgraph_dump(const struct ncr_qgraph *g, struct ncr_buf *out)
{
    ncr_buf_puts(out, "qgraph ");
    put_quoted(out, g->name);
    ncr_buf_fmt(out, " weights %s %u %s activations %s %u\n", format_names[g->spec.weights],
                g->spec.weight_bits, g->spec.per_channel ? "channel" : "tensor",
                format_names[g->spec.activations], g->spec.activation_bits);
    for (uint32_t q = 0; q < g->n_nodes; q++)
        put_node(out, g, q);
    ncr_buf_puts(out, "inputs");
    for (uint32_t i = 0; i < g->n_inputs; i++)
        ncr_buf_fmt(out, " %u", g->inputs[i]);
    ncr_buf_puts(out, "\noutputs");
    for (uint32_t i = 0; i < g->n_outputs; i++)
        ncr_buf_fmt(out, " %u", g->outputs[i]);
    ncr_buf_puts(out, "\nend\n");
}

// ---- the reader ----

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

// The next word, or a quoted text without its quotes; empty at the end.
static struct ncr_str word(struct reader *r)
{
    while (r->at < r->text.n && (r->text.s[r->at] == ' ' || r->text.s[r->at] == '\n'))
        r->at++;
    r->word_begin = r->at;
    bool quoted = r->at < r->text.n && r->text.s[r->at] == '"';
    uint32_t begin = quoted ? ++r->at : r->at;
    while (r->at < r->text.n && (quoted ? r->text.s[r->at] != '"' && r->text.s[r->at] != '\n'
                                        : r->text.s[r->at] != ' ' && r->text.s[r->at] != '\n'))
        r->at++;
    struct ncr_str w = {r->text.s + begin, r->at - begin};
    if (quoted && r->at < r->text.n && r->text.s[r->at] == '"') r->at++;
    return w;
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

static int64_t number(struct reader *r, int64_t lo, int64_t hi)
{
    if (r->failed) return lo;
    struct ncr_str w = word(r);
    char *end;
    errno = 0;
    long long v = w.n ? strtoll(w.s, &end, 10) : 0;
    if (w.n == 0 || end != w.s + w.n || errno || v < lo || v > hi) {
        fail(r, "a number in range");
        return lo;
    }
    return v;
}

static double real(struct reader *r)
{
    if (r->failed) return 1;
    struct ncr_str w = word(r);
    char *end;
    double v = w.n ? strtod(w.s, &end) : 0;
    if (w.n == 0 || end != w.s + w.n || !(v > 0) || v > 1e300) fail(r, "a positive real number");
    return v;
}

static int32_t *ints(struct reader *r, int64_t n)
{
    int32_t *v = NCR_NEW_N(r->arena, int32_t, (size_t)n);
    for (int64_t i = 0; i < n && !r->failed; i++)
        v[i] = (int32_t)number(r, INT32_MIN, INT32_MAX);
    return v;
}

static int8_t *bytes(struct reader *r, int64_t n)
{
    struct ncr_str w = word(r);
    if ((int64_t)w.n != 2 * n) {
        fail(r, "two hexadecimal digits a byte");
        return NULL;
    }
    int8_t *v = NCR_NEW_N(r->arena, int8_t, (size_t)n);
    for (int64_t i = 0; i < 2 * n; i++) {
        char c = w.s[i];
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (d < 0) fail(r, "hexadecimal digits");
        v[i / 2] = (int8_t)(uint8_t)((uint8_t)v[i / 2] << 4 | d);
    }
    return v;
}

static enum ncr_qformat format(struct reader *r)
{
    struct ncr_str w = word(r);
    for (int i = 0; i < 3; i++)
        if (ncr_str_is(w, format_names[i])) return (enum ncr_qformat)i;
    fail(r, "linear, fixed or log2");
    return NCR_QF_LINEAR;
}

static void shape(struct reader *r, struct ncr_shape *out)
{
    struct ncr_str w = word(r);
    uint32_t i = 0;
    while (i < w.n && out->rank < NCR_MAX_RANK) {
        int64_t v = 0;
        while (i < w.n && w.s[i] >= '0' && w.s[i] <= '9' && v <= NCR_LIMIT_DIM)
            v = v * 10 + (w.s[i++] - '0');
        out->dim[out->rank++] = (int32_t)(v > NCR_LIMIT_DIM ? 0 : v);
        if (i < w.n && w.s[i++] != 'x') break;
    }
    if (i != w.n || (out->rank != 1 && out->rank != 3)) fail(r, "a shape");
}

static void pair(struct reader *r, const char *name, int32_t *v, int n)
{
    expect(r, name);
    for (int i = 0; i < n; i++)
        v[i] = (int32_t)number(r, 0, NCR_LIMIT_DIM);
}

static uint32_t *ids(struct reader *r, uint32_t limit, uint32_t *n)
{
    NCR_VEC(uint32_t) list = {0};
    for (;;) {
        uint32_t at = r->at;
        struct ncr_str w = word(r);
        bool digit = w.n && w.s[0] >= '0' && w.s[0] <= '9';
        r->at = at;
        if (!digit || r->failed) break;
        ncr_vec_push(r->arena, &list, (uint32_t)number(r, 0, (int64_t)limit - 1));
    }
    *n = list.n;
    return list.at;
}

static void read_node(struct reader *r, struct ncr_qgraph *g, struct ncr_qnode *n, uint32_t q)
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
    n->path = word(r);
    n->node = (uint32_t)number(r, 0, UINT32_MAX);
    n->last = (uint32_t)number(r, 0, UINT32_MAX);
    expect(r, ":");
    shape(r, &n->shape);
    expect(r, "in");
    n->in = ids(r, q, &n->n_in);
    pair(r, "kernel", n->attrs.kernel, 2);
    pair(r, "stride", n->attrs.stride, 2);
    pair(r, "pad", n->attrs.pad, 4);
    pair(r, "dilation", n->attrs.dilation, 2);
    pair(r, "groups", &n->attrs.groups, 1);
    pair(r, "factor", n->attrs.factor, 2);
    expect(r, "macs");
    n->macs = number(r, 0, INT64_MAX);
    expect(r, "weights");
    n->n_weights = number(r, 0, NCR_LIMIT_ELEMENTS);
    expect(r, "channels");
    n->n_channels = (int32_t)number(r, 0, NCR_LIMIT_DIM);
    if (!maybe(r, "scale")) return;
    g->has_numbers = true;
    n->scale = real(r);
    expect(r, "zero");
    n->zero_point = (int32_t)number(r, -128, 127);
    expect(r, "clamp");
    n->lo = (int32_t)number(r, -128, 127);
    n->hi = (int32_t)number(r, -128, 127);
    if (maybe(r, "weight_scale")) {
        n->weight_scale = NCR_NEW_N(r->arena, double, (size_t)n->n_channels);
        for (int32_t i = 0; i < n->n_channels && !r->failed; i++)
            n->weight_scale[i] = real(r);
    }
    if (maybe(r, "weights")) n->weights = bytes(r, n->n_weights);
    if (maybe(r, "bias")) n->bias = ints(r, n->n_channels);
    if (maybe(r, "mult")) n->mult = ints(r, n->n_channels);
    if (maybe(r, "shift")) n->shift = ints(r, n->n_channels);
    if (maybe(r, "in_mult")) n->in_mult = ints(r, n->n_in);
    if (maybe(r, "lut")) n->lut = bytes(r, 256);
    if (maybe(r, "exp")) n->exp_table = ints(r, 256);
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
    g->name = word(&r);
    g->spec.name = NCR_STR("");
    expect(&r, "weights");
    g->spec.weights = format(&r);
    g->spec.weight_bits = (uint32_t)number(&r, 2, 8);
    g->spec.per_channel = maybe(&r, "channel");
    if (!g->spec.per_channel) expect(&r, "tensor");
    expect(&r, "activations");
    g->spec.activations = format(&r);
    g->spec.activation_bits = (uint32_t)number(&r, 2, 8);
    while (!r.failed && !maybe(&r, "inputs")) {
        struct ncr_str want = ncr_str_fmt(arena, "%%%u", nodes.n);
        expect(&r, want.s);
        struct ncr_qnode node = {.path = {"", 0}};
        if (!r.failed) read_node(&r, g, &node, nodes.n);
        ncr_vec_push(arena, &nodes, node);
    }
    g->nodes = nodes.at;
    g->n_nodes = nodes.n;
    g->inputs = ids(&r, nodes.n, &g->n_inputs);
    expect(&r, "outputs");
    g->outputs = ids(&r, nodes.n, &g->n_outputs);
    expect(&r, "end");
    struct ncr_error why;
    if (!r.failed && !ncr_qgraph_verify(g, &why)) fail(&r, why.text);
    return r.failed ? NULL : g;
}
