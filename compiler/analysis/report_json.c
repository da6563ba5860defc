// REPORT as JSON (schema "nacre.report/1") and CSV, for programs.
#include <inttypes.h>

#include "compiler/analysis/report_print.h"

static void key_text(struct ncr_json *json, const char *key, const char *text)
{
    ncr_json_key_str(json, key, ncr_str_of(text));
}

static void key_u64(struct ncr_json *json, const char *key, uint64_t v)
{
    ncr_json_key_i64(json, key, (int64_t)v); // sizes stay far below 2^63
}

// Where the operator is written; false where that is not known.
static bool place_of(const struct ncr_report_layer *layer, const struct ncr_sources *sources,
                     struct ncr_str *file, struct ncr_pos *pos)
{
    if (!sources || !layer->node->origin || !layer->node->origin->span.file) return false;
    struct ncr_span span = layer->node->origin->span;
    *file = ncr_sources_name(sources, span.file);
    *pos = ncr_sources_pos(sources, span.file, span.begin);
    return true;
}

static void put_place(struct ncr_json *json, const struct ncr_sources *sources,
                      struct ncr_span span)
{
    struct ncr_pos pos = ncr_sources_pos(sources, span.file, span.begin);
    ncr_json_key_str(json, "file", ncr_sources_name(sources, span.file));
    ncr_json_key_i64(json, "line", pos.line);
    ncr_json_key_i64(json, "column", pos.column);
}

// The call of the operator, and the blocks around it with the places where they are applied,
// innermost first.
static void put_source(struct ncr_json *json, const struct ncr_report_layer *layer,
                       const struct ncr_sources *sources)
{
    const struct ncr_origin *origin = layer->node->origin;
    ncr_json_key(json, "source");
    if (!sources || !origin || !origin->span.file) {
        ncr_json_null(json);
        return;
    }
    ncr_json_object(json);
    put_place(json, sources, origin->span);
    ncr_json_key(json, "blocks");
    ncr_json_array(json);
    for (; origin->up && origin->up->span.file; origin = origin->up) {
        ncr_json_object(json);
        ncr_json_key_str(json, "block", origin->block);
        put_place(json, sources, origin->up->span);
        ncr_json_end(json);
    }
    ncr_json_end(json);
    ncr_json_end(json);
}

static void put_quant(struct ncr_json *json, const struct ncr_report *report)
{
    const struct ncr_quant_spec *spec = &report->qgraph->spec;
    ncr_json_key(json, "quant");
    ncr_json_object(json);
    ncr_json_key_str(json, "name", spec->name);
    ncr_json_key_bool(json, "default", report->quant_is_default);
    key_text(json, "weights", ncr_qformat_names[spec->weights]);
    ncr_json_key_i64(json, "weight_bits", spec->weight_bits);
    key_text(json, "activations", ncr_qformat_names[spec->activations]);
    ncr_json_key_i64(json, "activation_bits", spec->activation_bits);
    ncr_json_end(json);
}

static void put_totals(struct ncr_json *json, const struct ncr_report *r)
{
    ncr_json_key(json, "totals");
    ncr_json_object(json);
    ncr_json_key_i64(json, "params", r->params);
    ncr_json_key_i64(json, "macs", r->macs);
    ncr_json_key_i64(json, "flops", r->flops);
    ncr_json_key_i64(json, "depth", r->depth);
    key_u64(json, "peak_memory_bytes", r->peak_memory_bytes);
    key_u64(json, "arena_bytes", r->arena_bytes);
    ncr_json_key_i64(json, "weight_bytes", r->weight_bytes);
    ncr_json_key_i64(json, "activation_bytes", r->activation_bytes);
    ncr_json_key_f64(json, "asi_mean", r->asi.mean);
    ncr_json_key_f64(json, "asi_layer", r->asi.layer);
    ncr_json_key_f64(json, "asi_max", r->asi.max);
    ncr_json_key_f64(json, "asi_exp", r->asi.exp);
    ncr_json_key_f64(json, "asi_mean_fan_in", r->asi_fan_in.mean);
    ncr_json_key_f64(json, "asi_layer_fan_in", r->asi_fan_in.layer);
    ncr_json_key_f64(json, "asi_max_fan_in", r->asi_fan_in.max);
    ncr_json_key_f64(json, "asi_exp_fan_in", r->asi_fan_in.exp);
    if (r->n_relevance) {
        static const char *const keys[2][4] = {
            {"asi_mean_lrp_epsilon", "asi_layer_lrp_epsilon", "asi_max_lrp_epsilon",
             "asi_exp_lrp_epsilon"},
            {"asi_mean_lrp_alpha_beta", "asi_layer_lrp_alpha_beta", "asi_max_lrp_alpha_beta",
             "asi_exp_lrp_alpha_beta"}};
        for (int rule = 0; rule < 2; rule++) {
            const struct ncr_asi *a = &r->asi_lrp[rule];
            const double v[] = {a->mean, a->layer, a->max, a->exp};
            for (int k = 0; k < 4; k++)
                ncr_json_key_f64(json, keys[rule][k], v[k]);
        }
    }
    ncr_json_key_f64(json, "adcr_sum", r->adcr.sum);
    ncr_json_key_f64(json, "adcr_ratio", r->adcr.ratio);
    ncr_json_key_f64(json, "adcr_sum_bits", r->adcr.sum_bits);
    ncr_json_key_f64(json, "adcr_ratio_bits", r->adcr.ratio_bits);
    ncr_json_key_i64(json, "adcr_other_elements", r->adcr.other_elements);
    if (r->cost) ncr_report_cost_totals(json, r);
    ncr_report_range_totals(r->range, json);
    ncr_json_end(json);
}

static void put_layer(struct ncr_json *json, const struct ncr_report *r, uint32_t i,
                      const struct ncr_sources *sources)
{
    const struct ncr_report_layer *layer = &r->layers[i];
    bool head = layer->head == i;
    ncr_json_object(json);
    ncr_json_key_str(json, "path", layer->node->path);
    key_text(json, "op", ncr_op_name(layer->node->op));
    ncr_json_key(json, "shape");
    ncr_json_array(json);
    for (uint32_t d = 0; d < layer->node->shape.rank; d++)
        ncr_json_i64(json, layer->node->shape.dim[d]);
    ncr_json_end(json);
    const struct ncr_quant_spec *own = layer->node->attrs.quant;
    if (own) ncr_json_key_str(json, "quant", own->name);
    ncr_json_key_i64(json, "params", layer->params);
    if (layer->shares != i)
        ncr_json_key_str(json, "shares_with", r->layers[layer->shares].node->path);
    ncr_json_key_i64(json, "macs", layer->macs);
    ncr_json_key_i64(json, "activation_bytes", layer->activation_bytes);
    ncr_json_key_i64(json, "weight_bytes", layer->weight_bytes);
    if (head) {
        ncr_json_key_i64(json, "step", layer->step);
        ncr_json_key_i64(json, "first_step", layer->first_step);
        ncr_json_key_i64(json, "last_step", layer->last_step);
        key_u64(json, "live_bytes", layer->live_bytes);
        key_u64(json, "offset", layer->offset);
        key_u64(json, "buffer_bytes", layer->buffer_bytes);
        ncr_json_key_f64(json, "asi_share", layer->asi_share);
        ncr_json_key_f64(json, "sensitivity", layer->sensitivity);
    } else {
        static const char *const none[] = {"step",   "first_step",   "last_step", "live_bytes",
                                           "offset", "buffer_bytes", "asi_share", "sensitivity"};
        for (size_t k = 0; k < NCR_COUNT(none); k++) {
            ncr_json_key(json, none[k]);
            ncr_json_null(json);
        }
        ncr_json_key_str(json, "fused_into", r->layers[layer->head].node->path);
    }
    if (head && r->cost) ncr_report_cost_layer(json, r, i);
    put_source(json, layer, sources);
    ncr_json_end(json);
}

static void put_peak(struct ncr_json *json, const struct ncr_report *r)
{
    ncr_json_key(json, "peak");
    ncr_json_object(json);
    ncr_json_key_str(json, "layer", r->layers[r->peak_layer].node->path);
    ncr_json_key_i64(json, "step", r->layers[r->peak_layer].step);
    ncr_json_key(json, "alive");
    ncr_json_array(json);
    for (uint32_t i = 0; i < r->n_alive; i++) {
        const struct ncr_report_layer *layer = &r->layers[r->alive[i]];
        ncr_json_object(json);
        ncr_json_key_str(json, "path", layer->node->path);
        key_u64(json, "bytes", layer->buffer_bytes);
        ncr_json_end(json);
    }
    ncr_json_end(json);
    ncr_json_end(json);
}

static void put_meaning(struct ncr_json *json)
{
    static const struct {
        const char *name, *exactness, *meaning;
    } rows[] = {
        {"params", "exact", "trainable parameters; shared ones once; batchnorm 2 a channel"},
        {"macs", "exact", "multiply-adds of conv, dwconv and dense; shared layers each time"},
        {"flops", "exact", "2 x macs"},
        {"depth", "exact", "layers with weights on the longest path"},
        {"activation_bytes", "exact",
         "elements of a stored tensor, 1 byte each; 0 where the operator is fused"},
        {"weight_bytes", "exact",
         "stored weights (1 byte, or half a byte in formats of at most 4 bits) and biases (4 "
         "bytes), for each use of a shared layer; "
         "multipliers, tables and the "
         "padding of packed constants depend on the machine and are not in it"},
        {"live_bytes", "exact", "buffers alive while the step runs, with borders and tails"},
        {"peak_memory_bytes", "exact", "largest live_bytes: no plan of these buffers needs less"},
        {"arena_bytes", "exact", "arena of the plan that the emitted code uses"},
        {"flash_bytes", "exact", "weight_bytes, on the target; the code is not in it"},
        {"code_bytes", "exact",
         "instructions of the object that nacre build makes for the target; null without weights "
         "or where it makes none"},
        {"stack_bytes", "bound", "that a run of that object needs below its caller, at most"},
        {"cycles, latency_ns, utilisation", "estimate",
         "of the target's cost model, whose page gives formula, source and known error"},
        {"bytes_read, bytes_written", "estimate",
         "by memory of the target, as the cost model's schedule moves them"},
        {"energy_pj", "estimate", "MACs and bits moved times the energies of the target's table"},
        {"asi", "estimate",
         "prediction from the topology: relevance conservation, split equally or by fan-in"},
        {"asi_*_lrp_*", "estimate",
         "the same with layer-wise relevance propagation over a few inputs in place of equal "
         "shares"},
        {"adcr", "estimate", "prediction from the topology: data moved for each multiply-add"},
        {"proved_masked", "bound",
         "share of all single bit flips of stored activations, weights and biases that are proved "
         "to leave the output as it is; the true share is at least that; for the inputs that "
         "ranges.mode says"},
        {"range_estimate", "estimate",
         "mean damage of a single bit flip in shares of the output's range, from ranges"},
    };
    ncr_json_key(json, "figures");
    ncr_json_array(json);
    for (size_t i = 0; i < NCR_COUNT(rows); i++) {
        ncr_json_object(json);
        key_text(json, "name", rows[i].name);
        key_text(json, "exactness", rows[i].exactness);
        key_text(json, "meaning", rows[i].meaning);
        ncr_json_end(json);
    }
    ncr_json_end(json);
}

void ncr_report_json(const struct ncr_report *r, const struct ncr_sources *sources,
                     struct ncr_buf *out)
{
    struct ncr_json json;
    char id[33];
    ncr_hash_text(r->arch_id, id);
    ncr_json_init(&json, out);
    ncr_json_object(&json);
    key_text(&json, "schema", "nacre.report/1");
    ncr_json_key_str(&json, "net", r->name);
    key_text(&json, "arch_id", id);
    put_quant(&json, r);
    put_totals(&json, r);
    put_peak(&json, r);
    if (r->cost) ncr_report_cost_target(&json, r);
    ncr_json_key(&json, "layers");
    ncr_json_array(&json);
    for (uint32_t i = 0; i < r->n_layers; i++)
        put_layer(&json, r, i, sources);
    ncr_json_end(&json);
    ncr_report_range_json(r->range, &json);
    if (r->lints) {
        ncr_json_key(&json, "lints");
        ncr_diags_json_into(r->lints, &json);
    }
    put_meaning(&json);
    ncr_json_end(&json);
    ncr_buf_putc(out, '\n');
}

static void put_field(struct ncr_buf *out, struct ncr_str v)
{
    bool quote = false;
    for (uint32_t i = 0; i < v.n; i++)
        quote |= v.s[i] == ',' || v.s[i] == '"' || v.s[i] == '\n' || v.s[i] == '\r';
    if (!quote) {
        ncr_buf_str(out, v);
        return;
    }
    ncr_buf_putc(out, '"');
    for (uint32_t i = 0; i < v.n; i++) {
        if (v.s[i] == '"') ncr_buf_putc(out, '"');
        ncr_buf_putc(out, v.s[i]);
    }
    ncr_buf_putc(out, '"');
}

static void put_cost_fields(struct ncr_buf *out, const struct ncr_report *r, uint32_t i)
{
    if (r->layers[i].head != i) {
        ncr_buf_puts(out, ",,,,,,,");
        return;
    }
    const struct ncr_cost *cost = r->cost;
    const struct ncr_cost_step *step = &cost->steps[r->layers[i].step];
    double read = 0, written = 0;
    for (uint32_t m = 0; m < cost->target->n_memory; m++) {
        read += step->read[m];
        written += step->written[m];
    }
    ncr_buf_fmt(out, ",%.0f,", step->cycles);
    ncr_buf_f64(out, 1e9 * step->seconds);
    ncr_buf_putc(out, ',');
    put_field(out, ncr_report_binds(cost, step->binds));
    ncr_buf_putc(out, ',');
    ncr_buf_f64(out, step->utilisation);
    ncr_buf_putc(out, ',');
    ncr_buf_f64(out, 1e12 * ncr_cost_energy(cost, step));
    ncr_buf_fmt(out, ",%.0f,%.0f", read, written);
}

void ncr_report_csv(const struct ncr_report *r, const struct ncr_sources *sources,
                    struct ncr_buf *out)
{
    ncr_buf_puts(out, "path,op,shape,params,macs,activation_bytes,weight_bytes,live_bytes,offset,"
                      "buffer_bytes,asi_share,"
                      "fused_into,file,line,column");
    if (r->cost)
        ncr_buf_puts(out, ",cycles,latency_ns,binds,utilisation,energy_pj,bytes_read,"
                          "bytes_written");
    ncr_buf_putc(out, '\n');
    for (uint32_t i = 0; i < r->n_layers; i++) {
        const struct ncr_report_layer *layer = &r->layers[i];
        char shape[48];
        put_field(out, layer->node->path);
        ncr_buf_fmt(out, ",%s,%s,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",",
                    ncr_op_name(layer->node->op), ncr_shape_text(&layer->node->shape, shape),
                    layer->params, layer->macs, layer->activation_bytes, layer->weight_bytes);
        if (layer->head == i) {
            ncr_buf_fmt(out, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", layer->live_bytes,
                        layer->offset, layer->buffer_bytes);
            ncr_buf_f64(out, layer->asi_share);
            ncr_buf_puts(out, ",,");
        } else {
            ncr_buf_puts(out, ",,,,");
            put_field(out, r->layers[layer->head].node->path);
            ncr_buf_putc(out, ',');
        }
        struct ncr_str file;
        struct ncr_pos pos;
        if (place_of(layer, sources, &file, &pos)) {
            put_field(out, file);
            ncr_buf_fmt(out, ",%u,%u", pos.line, pos.column);
        } else {
            ncr_buf_puts(out, ",,");
        }
        if (r->cost) put_cost_fields(out, r, i);
        ncr_buf_putc(out, '\n');
    }
}
