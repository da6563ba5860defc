// REPORT for people: tables and notes, fitted to the width of their terminal.
#include <inttypes.h>
#include <stdio.h>

#include "compiler/analysis/report_print.h"

enum column { PATH, OP, SHAPE, PARAMS, MACS, ACTIVATION, WEIGHT, LIVE, OFFSET, SHARE, COLUMNS };
enum { ALIVE_SHOWN = 5, DOMINANT_SHOWN = 3 };

static const char *const titles[COLUMNS] = {"layer",  "op",        "shape",  "params", "MACs",
                                            "act. B", "weights B", "live B", "offset", "asi %"};

// -- layers -------------------------------------------------------------------------------------

static void count_cell(uint64_t v, bool shorten, char out[NCR_CELL])
{
    if (shorten)
        ncr_text_short(v, 1000, out);
    else
        ncr_text_grouped(v, out);
}

static void byte_cell(uint64_t v, bool shorten, char out[NCR_CELL])
{
    if (shorten)
        ncr_text_short(v, 1024, out);
    else
        ncr_text_grouped(v, out);
}

static void total_cell(const struct ncr_report *r, enum column column, bool shorten,
                       char out[NCR_CELL])
{
    out[0] = 0;
    switch (column) {
    case PARAMS: count_cell((uint64_t)r->params, shorten, out); break;
    case MACS: count_cell((uint64_t)r->macs, shorten, out); break;
    case ACTIVATION: byte_cell((uint64_t)r->activation_bytes, shorten, out); break;
    case WEIGHT: byte_cell((uint64_t)r->weight_bytes, shorten, out); break;
    case LIVE: byte_cell(r->peak_memory_bytes, shorten, out); break;
    case PATH:
    case OP:
    case SHAPE:
    case OFFSET:
    case SHARE:
    case COLUMNS: break;
    }
}

static void layer_cell(const void *user, uint32_t i, uint32_t column, bool shorten,
                       char out[NCR_CELL])
{
    const struct ncr_report *r = user;
    if (i == r->n_layers) {
        total_cell(r, (enum column)column, shorten, out);
        return;
    }
    const struct ncr_report_layer *layer = &r->layers[i];
    bool head = layer->head == i;
    char shape[48];
    snprintf(out, NCR_CELL, "-");
    switch ((enum column)column) {
    case OP: snprintf(out, NCR_CELL, "%s", ncr_op_name(layer->node->op)); break;
    case SHAPE: snprintf(out, NCR_CELL, "%s", ncr_shape_text(&layer->node->shape, shape)); break;
    case PARAMS:
        if (layer->shares != i)
            snprintf(out, NCR_CELL, "shared");
        else
            count_cell((uint64_t)layer->params, shorten, out);
        break;
    case MACS: count_cell((uint64_t)layer->macs, shorten, out); break;
    case ACTIVATION:
        if (head) byte_cell((uint64_t)layer->activation_bytes, shorten, out);
        break;
    case WEIGHT:
        if (head) byte_cell((uint64_t)layer->weight_bytes, shorten, out);
        break;
    case LIVE:
        if (head) byte_cell(layer->live_bytes, shorten, out);
        break;
    case OFFSET:
        if (head && layer->buffer_bytes) byte_cell(layer->offset, shorten, out);
        break;
    case SHARE:
        if (head) snprintf(out, NCR_CELL, "%.1f", 100 * layer->asi_share);
        break;
    case PATH:
    case COLUMNS: break;
    }
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

static struct ncr_str row_path(const void *user, uint32_t row)
{
    return ((const struct ncr_report *)user)->layers[row].path;
}

#define BIT(column) (1u << (column))

static struct ncr_text_table layer_table(const struct ncr_report *r)
{
    static const struct ncr_text_step steps[] = {
        {false, BIT(OP)}, // where paths tell the operator
        {true, BIT(ACTIVATION) | BIT(WEIGHT) | BIT(LIVE) | BIT(OFFSET)},
        {false, BIT(SHARE)},
        {true, BIT(PARAMS) | BIT(MACS)},
        {false, BIT(OFFSET)},
        {false, BIT(WEIGHT)},
        {false, BIT(OP)},
        {false, BIT(ACTIVATION)},
        {false, BIT(LIVE)},
        {0}};
    return (struct ncr_text_table){.user = r,
                                   .n_rows = r->n_layers,
                                   .n_columns = COLUMNS,
                                   .titles = titles,
                                   .left = BIT(OP),
                                   .path = row_path,
                                   .cell = layer_cell,
                                   .steps = paths_tell(r) ? steps : steps + 1};
}

static const char *format_text(const struct ncr_quant_spec *spec, char out[80])
{
    static const char *const names[] = {"linear", "fixed-point", "log2"};
    if (spec->weights == spec->activations && spec->weight_bits == spec->activation_bits)
        snprintf(out, 80, "%s int%u", names[spec->weights], spec->weight_bits);
    else if (spec->weights == NCR_QF_LOG2)
        snprintf(out, 80, "log2 weights of %u bits%s and %s int%u activations", spec->weight_bits,
                 spec->half_steps ? ", base sqrt2," : "", names[spec->activations],
                 spec->activation_bits);
    else
        snprintf(out, 80, "%s int%u weights and %s int%u activations", names[spec->weights],
                 spec->weight_bits, names[spec->activations], spec->activation_bits);
    return out;
}

// Layers in formats of their own, by format.
static void put_formats(struct ncr_text *t, const struct ncr_report *r)
{
    struct ncr_buf list = {0};
    for (uint32_t i = 0; i < r->n_layers; i++) {
        const struct ncr_quant_spec *own = r->layers[i].node->attrs.quant;
        for (uint32_t k = 0; k < i && own; k++)
            if (r->layers[k].node->attrs.quant == own) own = NULL;
        if (!own) continue;
        char format[80];
        ncr_buf_fmt(&list, "%s`%.*s` (%s) for", list.n ? "; " : "", NCR_STR_ARG(own->name),
                    format_text(own, format));
        const char *mark = " ";
        for (uint32_t k = i; k < r->n_layers; k++) {
            if (r->layers[k].node->attrs.quant != own) continue;
            ncr_buf_fmt(&list, "%s%.*s", mark, NCR_STR_ARG(r->layers[k].path));
            mark = ", ";
        }
    }
    if (list.n) ncr_text_note(t, "", "by @quant: %s", list.s);
    ncr_buf_free(&list);
}

static void put_head(struct ncr_text *t, const struct ncr_report *r)
{
    const struct ncr_quant_spec *spec = &r->qgraph->spec;
    char id[33], format[80];
    ncr_hash_text(r->arch_id, id);
    ncr_text_note(t, "net", "%.*s", NCR_STR_ARG(r->name));
    ncr_text_note(t, "arch_id", "%s", id);
    if (r->quant_is_default)
        ncr_text_note(t, "format", "bytes for %s (default: the program declares no quantisation)",
                      format_text(spec, format));
    else
        ncr_text_note(t, "format", "bytes for %s, declared as `%.*s`", format_text(spec, format),
                      NCR_STR_ARG(spec->name));
    put_formats(t, r);
    ncr_buf_putc(t->out, '\n');
}

// ", line 12": where a layer is written.
static void put_line(struct ncr_buf *out, const struct ncr_report_look *look,
                     const struct ncr_report_layer *layer)
{
    const struct ncr_origin *origin = layer->node->origin;
    if (!look->sources || !origin || !origin->span.file) return;
    // The place in the user's own text, around the blocks of libraries.
    while (origin->up && origin->up->span.file)
        origin = origin->up;
    struct ncr_pos pos = ncr_sources_pos(look->sources, origin->span.file, origin->span.begin);
    ncr_buf_fmt(out, ", line %u", pos.line);
}

static void put_memory(struct ncr_text *t, const struct ncr_report *r,
                       const struct ncr_report_look *look)
{
    char a[NCR_CELL], b[NCR_CELL];
    ncr_text_grouped(r->arena_bytes, a);
    ncr_text_grouped(r->peak_memory_bytes, b);
    ncr_text_note(
        t, "arena",
        "%s bytes: the plan that the emitted code uses (exact). Its lower bound is the peak of "
        "live buffers, %s bytes; "
        "gap %.1f %%.",
        a, b, 100 * ((double)r->arena_bytes / (double)r->peak_memory_bytes - 1));
    struct ncr_buf alive = {0}, at = {0};
    // leaves room for the indent and the figure
    uint32_t width = (uint32_t)(t->width - 28 < 100 ? t->width - 28 : 100);
    for (uint32_t i = 0; i < r->n_alive && i < ALIVE_SHOWN; i++) {
        const struct ncr_report_layer *layer = &r->layers[r->alive[i]];
        ncr_text_grouped(layer->buffer_bytes, a);
        ncr_buf_puts(&alive, i ? ", " : " ");
        ncr_text_path(&alive, layer->path, width);
        ncr_buf_fmt(&alive, " (%s", a);
        put_line(&alive, look, layer);
        ncr_buf_putc(&alive, ')');
    }
    if (r->n_alive > ALIVE_SHOWN) ncr_buf_fmt(&alive, " and %u more", r->n_alive - ALIVE_SHOWN);
    ncr_text_path(&at, r->layers[r->peak_layer].path, width);
    put_line(&at, look, &r->layers[r->peak_layer]);
    ncr_text_note(t, "peak", "at %s, with the buffers of%s alive", at.s ? at.s : "",
                  alive.s ? alive.s : "");
    ncr_buf_free(&at);
    ncr_buf_free(&alive);
    ncr_text_grouped((uint64_t)r->weight_bytes, a);
    const char *each = "of their layer's format";
    uint32_t bits = 0; // of a weight in memory, where all have the same
    for (uint32_t q = 0; q < r->qgraph->n_nodes; q++)
        if (r->qgraph->nodes[q].n_weights) {
            uint32_t own = ncr_weight_memory_bits(r->qgraph->nodes[q].form);
            bits = bits == 0 || bits == own ? own : UINT32_MAX;
        }
    if (bits == 0 || bits == 8) each = "1 byte";
    if (bits == 4) each = "2 to a byte";
    ncr_text_note(t, "weights", "%s bytes of stored weights (%s) and biases (4 bytes) (exact)", a,
                  each);
}

static void put_figures(struct ncr_text *t, const struct ncr_report *r)
{
    char a[NCR_CELL], b[NCR_CELL];
    ncr_text_grouped((uint64_t)r->params, a);
    ncr_text_note(t, "params", "%s (exact; shared ones once, batchnorm 2 a channel)", a);
    ncr_text_grouped((uint64_t)r->macs, a);
    ncr_text_grouped((uint64_t)r->flops, b);
    ncr_text_note(t, "MACs", "%s multiply-adds of conv and dense (exact); FLOPs = 2 x MACs = %s", a,
                  b);
}

// The layers in which a fault of one element weighs most.
static void put_dominant(struct ncr_text *t, const struct ncr_report *r)
{
    uint32_t top[DOMINANT_SHOWN + 1], n = 0;
    for (uint32_t i = 0; i < r->n_layers; i++) {
        if (r->layers[i].head != i) continue;
        uint32_t k = n;
        for (; k > 0 && r->layers[top[k - 1]].sensitivity < r->layers[i].sensitivity; k--)
            top[k] = top[k - 1];
        top[k] = i;
        if (n < DOMINANT_SHOWN) n++;
    }
    struct ncr_buf text = {0};
    for (uint32_t i = 0; i < n; i++) {
        ncr_buf_puts(&text, i ? ", " : "");
        ncr_text_path(&text, r->layers[top[i]].path, 32);
        ncr_buf_fmt(&text, " (%.4g)", r->layers[top[i]].sensitivity);
    }
    ncr_text_note(t, "", "most sensitive, relevance an element: %s", text.s ? text.s : "none");
    ncr_buf_free(&text);
}

static void put_resilience(struct ncr_text *t, const struct ncr_report *r)
{
    ncr_text_note(
        t, "asi",
        "mean %.4g, layer %.4g, max %.4g, exp %.4g (estimates from the topology; smaller is more "
        "resilient)",
        r->asi.mean, r->asi.layer, r->asi.max, r->asi.exp);
    put_dominant(t, r);
    static const char *const rules[] = {"epsilon rule", "alpha-beta rule (2, 1)"};
    for (int k = 0; k < 2 && r->n_relevance; k++)
        ncr_text_note(t, k ? "" : "asi, lrp",
                      "%s over %u inputs: mean %.4g, layer %.4g, max %.4g, exp %.4g (estimates)",
                      rules[k], r->n_relevance, r->asi_lrp[k].mean, r->asi_lrp[k].layer,
                      r->asi_lrp[k].max, r->asi_lrp[k].exp);
    ncr_text_note(
        t, "adcr",
        "sum %.4g, ratio %.4g elements a MAC; sum %.4g, ratio %.4g bits a MAC (estimates)",
        r->adcr.sum, r->adcr.ratio, r->adcr.sum_bits, r->adcr.ratio_bits);
}

void ncr_report_not_shown(struct ncr_text *t, const struct ncr_text_table *table)
{
    struct ncr_buf left = {0};
    for (uint32_t c = 0; c < table->n_columns; c++)
        if (!((table->shown | table->hidden) >> c & 1))
            ncr_buf_fmt(&left, "%s %s", left.n ? "," : "", table->titles[c]);
    if (left.n) ncr_text_note(t, "not shown", "for the width:%s", left.s);
    ncr_buf_free(&left);
}

static void put_legend(struct ncr_text *t, const struct ncr_report *r,
                       const struct ncr_text_table *table)
{
    bool fused = false, placeless = false;
    for (uint32_t i = 0; i < r->n_layers; i++) {
        fused |= r->layers[i].head != i;
        placeless |= r->layers[i].head == i && r->layers[i].buffer_bytes == 0;
    }
    if (fused) ncr_text_note(t, "-", "fused into the operator before it: no tensor of its own");
    if (placeless)
        ncr_text_note(t, "offset -", "never stored, or a part of the place of the layer after it");
    bool bytes = table->shortened & BIT(ACTIVATION), counts = table->shortened & BIT(MACS);
    if (bytes || counts)
        ncr_text_note(t, "short", "%s%s: K = 1024 bytes%s; in full with --format json",
                      counts ? "counts and " : "", "bytes", counts ? ", k = 1000" : "");
    ncr_report_not_shown(t, table);
}

const struct ncr_report_section ncr_report_sections[] = {
    {"layers", NCR_SHOW_LAYERS}, {"figures", NCR_SHOW_FIGURES},
    {"memory", NCR_SHOW_MEMORY}, {"resilience", NCR_SHOW_RESILIENCE},
    {"cost", NCR_SHOW_COST},     {"traffic", NCR_SHOW_TRAFFIC},
    {"ranges", NCR_SHOW_RANGES}, {"masked", NCR_SHOW_MASKED},
};
const size_t ncr_report_section_count = NCR_COUNT(ncr_report_sections);

void ncr_report_text(const struct ncr_report *report, const struct ncr_report_look *look,
                     struct ncr_buf *out)
{
    int width = look->columns < NCR_TEXT_LEAST_WIDTH ? NCR_TEXT_LEAST_WIDTH : look->columns;
    struct ncr_text t = {.out = out, .width = width, .colour = look->colour};
    uint32_t show = look->show ? look->show : NCR_SHOW_USUAL;
    struct ncr_text_table table = layer_table(report);
    put_head(&t, report);
    if (show & NCR_SHOW_LAYERS) {
        ncr_text_table_put(&t, &table);
        ncr_buf_putc(out, '\n');
    }
    if (show & NCR_SHOW_FIGURES) put_figures(&t, report);
    if (show & NCR_SHOW_MEMORY) put_memory(&t, report, look);
    if (show & NCR_SHOW_RESILIENCE) put_resilience(&t, report);
    if (show & NCR_SHOW_LAYERS) put_legend(&t, report, &table);
    if (report->cost && show & NCR_SHOW_COST) ncr_report_cost_text(&t, report);
    if (report->cost && show & NCR_SHOW_TRAFFIC) ncr_report_traffic_text(&t, report);
    if (show & NCR_SHOW_RANGES) ncr_report_range_text(&t, report->range);
    if (report->range && show & NCR_SHOW_MASKED) ncr_report_masked_text(&t, report->range);
}
