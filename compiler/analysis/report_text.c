// REPORT as a table for people, fitted to the width of their terminal.
#include <inttypes.h>
#include <stdio.h>

#include "compiler/analysis/report.h"

enum column { PATH, OP, SHAPE, PARAMS, MACS, ACTIVATION, WEIGHT, LIVE, OFFSET, SHARE, COLUMNS };
enum { CELL = 40, GAP = 2, MIN_COLUMNS = 40, SHORT_PATH = 24, SHORTEST_PATH = 8, ALIVE_SHOWN = 5 };

static const char *const titles[COLUMNS] = {"layer",  "op",        "shape",  "params", "MACs",
                                            "act. B", "weights B", "live B", "offset", "asi %"};

struct table {
    const struct ncr_report *report;
    struct ncr_buf *out;
    int limit, width[COLUMNS];
    bool shown[COLUMNS], short_counts, short_bytes;
};

// 1814073344 as 1,814,073,344.
static void grouped(uint64_t v, char out[CELL])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, v), at = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

// Four significant characters and a unit: 1.81G of 1000s, 784K of 1024s.
static void abbreviated(uint64_t v, uint64_t base, char out[CELL])
{
    static const char counts[] = " kMGTPE", bytes[] = " KMGTPE";
    int unit = 0;
    double x = (double)v;
    while (x >= 999.5 && unit < 6) {
        x /= (double)base;
        unit++;
    }
    if (unit == 0)
        snprintf(out, CELL, "%" PRIu64, v);
    else
        snprintf(out, CELL, "%.*f%c",
                 x < 9.995   ? 2
                 : x < 99.95 ? 1
                             : 0,
                 x, (base == 1000 ? counts : bytes)[unit]);
}

static void count_cell(const struct table *t, uint64_t v, char out[CELL])
{
    if (t->short_counts)
        abbreviated(v, 1000, out);
    else
        grouped(v, out);
}

static void byte_cell(const struct table *t, uint64_t v, char out[CELL])
{
    if (t->short_bytes)
        abbreviated(v, 1024, out);
    else
        grouped(v, out);
}

// The cell of a layer; the path is not made here, since it is not copied.
static void cell(const struct table *t, uint32_t i, enum column column, char out[CELL])
{
    const struct ncr_report_layer *layer = &t->report->layers[i];
    bool head = layer->head == i;
    char shape[48];
    snprintf(out, CELL, "-");
    switch (column) {
    case OP: snprintf(out, CELL, "%s", ncr_op_name(layer->node->op)); break;
    case SHAPE: snprintf(out, CELL, "%s", ncr_shape_text(&layer->node->shape, shape)); break;
    case PARAMS:
        if (layer->shares != i)
            snprintf(out, CELL, "shared");
        else
            count_cell(t, (uint64_t)layer->params, out);
        break;
    case MACS: count_cell(t, (uint64_t)layer->macs, out); break;
    case ACTIVATION:
        if (head) byte_cell(t, (uint64_t)layer->activation_bytes, out);
        break;
    case WEIGHT:
        if (head) byte_cell(t, (uint64_t)layer->weight_bytes, out);
        break;
    case LIVE:
        if (head) byte_cell(t, layer->live_bytes, out);
        break;
    case OFFSET:
        if (head) byte_cell(t, layer->offset, out);
        break;
    case SHARE:
        if (head) snprintf(out, CELL, "%.1f", 100 * layer->asi_share);
        break;
    case PATH:
    case COLUMNS: break;
    }
}

static void total_cell(const struct table *t, enum column column, char out[CELL])
{
    const struct ncr_report *r = t->report;
    out[0] = 0;
    switch (column) {
    case PARAMS: count_cell(t, (uint64_t)r->params, out); break;
    case MACS: count_cell(t, (uint64_t)r->macs, out); break;
    case ACTIVATION: byte_cell(t, (uint64_t)r->activation_bytes, out); break;
    case WEIGHT: byte_cell(t, (uint64_t)r->weight_bytes, out); break;
    case LIVE: byte_cell(t, r->peak_memory_bytes, out); break;
    case PATH:
    case OP:
    case SHAPE:
    case OFFSET:
    case SHARE:
    case COLUMNS: break;
    }
}

static int longest(const struct table *t, enum column column)
{
    size_t most = strlen(titles[column]);
    char text[CELL];
    for (uint32_t i = 0; i < t->report->n_layers; i++) {
        cell(t, i, column, text);
        size_t n = column == PATH ? t->report->layers[i].path.n : strlen(text);
        if (n > most) most = n;
    }
    total_cell(t, column, text);
    if (strlen(text) > most) most = strlen(text);
    return (int)most;
}

static int total_width(const struct table *t)
{
    int sum = -GAP;
    for (int c = 0; c < COLUMNS; c++)
        if (t->shown[c]) sum += t->width[c] + GAP;
    return sum;
}

static void measure(struct table *t)
{
    for (int c = 1; c < COLUMNS; c++)
        t->width[c] = longest(t, (enum column)c);
}

// Takes from the path what is too much, down to `least`.
static bool fits(struct table *t, int path, int least)
{
    t->width[PATH] = path;
    int over = total_width(t) - t->limit;
    if (over > 0) t->width[PATH] = path - over > least ? path - over : path < least ? path : least;
    return total_width(t) <= t->limit;
}

// Whether each path ends in the name of its operator, perhaps with a number: then the column says
// nothing new.
static bool paths_tell(const struct ncr_report *r)
{
    for (uint32_t i = 0; i < r->n_layers; i++) {
        struct ncr_str path = r->layers[i].path;
        uint32_t at = path.n;
        while (at > 0 && path.s[at - 1] != '/')
            at--;
        const char *op = ncr_op_name(r->layers[i].node->op);
        size_t n = strlen(op);
        if (r->layers[i].node->op != NCR_OP_INPUT &&
            (path.n - at < n || memcmp(path.s + at, op, n) != 0))
            return false;
    }
    return true;
}

// Gives up, step by step, what is least missed, until the table fits.
static void fit(struct table *t)
{
    int path = longest(t, PATH);
    for (int c = 0; c < COLUMNS; c++)
        t->shown[c] = true;
    measure(t);
    if (fits(t, path, path)) return;
    if (paths_tell(t->report)) t->shown[OP] = false;
    if (fits(t, path, SHORT_PATH)) return;
    t->short_bytes = true;
    measure(t);
    if (fits(t, path, SHORT_PATH)) return;
    t->shown[SHARE] = false;
    if (fits(t, path, SHORT_PATH)) return;
    t->short_counts = true;
    measure(t);
    static const enum column order[] = {OFFSET, WEIGHT, OP, ACTIVATION, LIVE};
    for (size_t i = 0; i < NCR_COUNT(order) && !fits(t, path, SHORT_PATH); i++)
        t->shown[order[i]] = false;
    fits(t, path, SHORTEST_PATH);
}

static void put_cell(struct table *t, enum column column, const char *text, bool last)
{
    int pad = t->width[column] - (int)strlen(text);
    bool left = column == OP;
    if (!left) ncr_buf_pad(t->out, ' ', (size_t)(pad > 0 ? pad : 0));
    ncr_buf_puts(t->out, text);
    if (last) return;
    ncr_buf_pad(t->out, ' ', (size_t)((left && pad > 0 ? pad : 0) + GAP));
}

// A path of at most `width` bytes: the beginning and, twice as long, the end, with ".." between.
static void put_short(struct ncr_buf *out, struct ncr_str path, uint32_t width)
{
    if (path.n <= width) {
        ncr_buf_str(out, path);
        return;
    }
    uint32_t head = (width - 2) / 3, tail = width - 2 - head;
    ncr_buf_put(out, path.s, head);
    ncr_buf_puts(out, "..");
    ncr_buf_put(out, path.s + path.n - tail, tail);
}

static void put_path(struct table *t, struct ncr_str path)
{
    size_t before = t->out->n, width = (size_t)t->width[PATH];
    put_short(t->out, path, (uint32_t)width);
    size_t n = t->out->n - before;
    ncr_buf_pad(t->out, ' ', (n < width ? width - n : 0) + GAP);
}

static enum column last_column(const struct table *t)
{
    int c = COLUMNS - 1;
    while (!t->shown[c])
        c--;
    return (enum column)c;
}

static void put_rule(struct table *t)
{
    ncr_buf_pad(t->out, '-', (size_t)total_width(t));
    ncr_buf_putc(t->out, '\n');
}

// row: a layer, n_layers for the totals, UINT32_MAX for the titles.
static void put_row(struct table *t, uint32_t row)
{
    char text[CELL];
    enum column last = last_column(t);
    put_path(t, row == UINT32_MAX            ? ncr_str_of(titles[PATH])
                : row == t->report->n_layers ? NCR_STR("total")
                                             : t->report->layers[row].path);
    for (int c = 1; c < COLUMNS; c++) {
        enum column column = (enum column)c;
        if (!t->shown[c]) continue;
        if (row == UINT32_MAX)
            snprintf(text, sizeof text, "%s", titles[c]);
        else if (row == t->report->n_layers)
            total_cell(t, column, text);
        else
            cell(t, row, column, text);
        put_cell(t, column, text, column == last);
    }
    while (t->out->n && t->out->s[t->out->n - 1] == ' ')
        t->out->n--;
    ncr_buf_putc(t->out, '\n');
}

// A name, then text that is broken between words where the line is full.
NCR_PRINTF(3, 4) static void note(struct table *t, const char *name, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    enum { INDENT = 10 };
    ncr_buf_fmt(t->out, "%-*s", INDENT, name);
    int at = INDENT;
    for (const char *word = text; *word;) {
        int n = (int)strcspn(word, " ");
        if (at > INDENT && at + 1 + n > t->limit) {
            ncr_buf_putc(t->out, '\n');
            ncr_buf_pad(t->out, ' ', INDENT);
            at = INDENT;
        }
        if (at > INDENT) {
            ncr_buf_putc(t->out, ' ');
            at++;
        }
        ncr_buf_put(t->out, word, (size_t)n);
        at += n;
        word += n + (word[n] == ' ');
    }
    ncr_buf_putc(t->out, '\n');
}

static const char *format_text(const struct ncr_quant_spec *spec, char out[80])
{
    static const char *const names[] = {"linear", "fixed-point", "log2"};
    if (spec->weights == spec->activations && spec->weight_bits == spec->activation_bits)
        snprintf(out, 80, "%s int%u", names[spec->weights], spec->weight_bits);
    else
        snprintf(out, 80, "%s int%u weights and %s int%u activations", names[spec->weights],
                 spec->weight_bits, names[spec->activations], spec->activation_bits);
    return out;
}

static void put_head(struct table *t)
{
    const struct ncr_report *r = t->report;
    const struct ncr_quant_spec *spec = &r->qgraph->spec;
    char id[33], format[80];
    ncr_hash_text(r->arch_id, id);
    note(t, "net", "%.*s", NCR_STR_ARG(r->name));
    note(t, "arch_id", "%s", id);
    if (r->quant_is_default)
        note(t, "format", "bytes for %s (default: the program declares no quantisation)",
             format_text(spec, format));
    else
        note(t, "format", "bytes for %s, declared as `%.*s`", format_text(spec, format),
             NCR_STR_ARG(spec->name));
    ncr_buf_putc(t->out, '\n');
}

static void put_memory(struct table *t)
{
    const struct ncr_report *r = t->report;
    char a[CELL], b[CELL];
    grouped(r->arena_bytes, a);
    grouped(r->peak_memory_bytes, b);
    note(t, "arena",
         "%s bytes: the plan that the emitted code uses (exact). Its lower bound is the peak of "
         "live buffers, %s bytes; "
         "gap %.1f %%.",
         a, b, 100 * ((double)r->arena_bytes / (double)r->peak_memory_bytes - 1));
    struct ncr_buf alive = {0}, at = {0};
    // leaves room for the indent and the figure
    uint32_t width = (uint32_t)(t->limit - 28 < 100 ? t->limit - 28 : 100);
    for (uint32_t i = 0; i < r->n_alive && i < ALIVE_SHOWN; i++) {
        const struct ncr_report_layer *layer = &r->layers[r->alive[i]];
        grouped(layer->buffer_bytes, a);
        ncr_buf_puts(&alive, i ? ", " : " ");
        put_short(&alive, layer->path, width);
        ncr_buf_fmt(&alive, " (%s)", a);
    }
    if (r->n_alive > ALIVE_SHOWN) ncr_buf_fmt(&alive, " and %u more", r->n_alive - ALIVE_SHOWN);
    put_short(&at, r->layers[r->peak_layer].path, width);
    note(t, "peak", "at %s, with the buffers of%s alive", at.s ? at.s : "", alive.s ? alive.s : "");
    ncr_buf_free(&at);
    ncr_buf_free(&alive);
}

static void put_figures(struct table *t)
{
    const struct ncr_report *r = t->report;
    char a[CELL], b[CELL];
    grouped((uint64_t)r->params, a);
    note(t, "params", "%s (exact; shared ones once, batchnorm 2 a channel)", a);
    grouped((uint64_t)r->macs, a);
    grouped((uint64_t)r->flops, b);
    note(t, "MACs", "%s multiply-adds of conv and dense (exact); FLOPs = 2 x MACs = %s", a, b);
    put_memory(t);
    grouped((uint64_t)r->weight_bytes, a);
    note(t, "weights", "%s bytes of stored weights (1 byte) and biases (4 bytes) (exact)", a);
    note(t, "asi",
         "mean %.4g, layer %.4g, max %.4g, exp %.4g (estimates from the topology; smaller is more "
         "resilient)",
         r->asi.mean, r->asi.layer, r->asi.max, r->asi.exp);
    note(t, "adcr",
         "sum %.4g, ratio %.4g elements a MAC; sum %.4g, ratio %.4g bits a MAC (estimates)",
         r->adcr.sum, r->adcr.ratio, r->adcr.sum_bits, r->adcr.ratio_bits);
}

static void put_legend(struct table *t)
{
    const struct ncr_report *r = t->report;
    bool fused = false;
    for (uint32_t i = 0; i < r->n_layers; i++)
        fused |= r->layers[i].head != i;
    if (fused) note(t, "-", "fused into the operator before it: no tensor of its own");
    if (t->short_bytes || t->short_counts)
        note(t, "short", "%s%s: K = 1024 bytes%s; in full with --format json",
             t->short_counts ? "counts and " : "", "bytes", t->short_counts ? ", k = 1000" : "");
    struct ncr_buf left = {0};
    for (int c = 0; c < COLUMNS; c++)
        if (!t->shown[c]) ncr_buf_fmt(&left, "%s %s", left.n ? "," : "", titles[c]);
    if (left.n) note(t, "not shown", "for the width:%s", left.s);
    ncr_buf_free(&left);
}

void ncr_report_text(const struct ncr_report *report, int columns, struct ncr_buf *out)
{
    struct table t = {
        .report = report, .out = out, .limit = columns < MIN_COLUMNS ? MIN_COLUMNS : columns};
    fit(&t);
    put_head(&t);
    put_row(&t, UINT32_MAX);
    put_rule(&t);
    for (uint32_t i = 0; i < report->n_layers; i++)
        put_row(&t, i);
    put_rule(&t);
    put_row(&t, report->n_layers);
    ncr_buf_putc(out, '\n');
    put_figures(&t);
    put_legend(&t);
}
