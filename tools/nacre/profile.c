// Compiled code to times by layer, as text, JSON and CSV.
#include "tools/nacre/profile.h"

#include <math.h>
#include <stdio.h>

#include "compiler/analysis/text_table.h"
#include "compiler/hw/work.h"
#include "lang/base/json.h"
#include "runtime/calibrate/peak.h"
#include "runtime/calibrate/timing.h"

enum { ROUNDS = 21 };

// A layer that gets less than this of both peaks is bound by neither.
static const double bound_share = 0.25;

struct row {
    struct ncr_str path;
    const char *op, *fused; // fused: what is done before the results of op are stored, or NULL
    double seconds, macs, bytes;
};

struct view {
    const struct cli_work *work;
    struct ncr_timing timing;
    struct ncr_peak peak;
    struct row *rows;
    uint32_t n_rows;
    double sum; // of the layers
};

static double of_peak(const struct view *v, const struct row *r)
{
    return v->peak.macs_per_s > 0 ? r->macs / r->seconds / v->peak.macs_per_s : (double)NAN;
}

static double of_bandwidth(const struct view *v, const struct row *r)
{
    return v->peak.bytes_per_s > 0 ? r->bytes / r->seconds / v->peak.bytes_per_s : (double)NAN;
}

// The resource whose peak the layer comes nearer to.
static const char *binds(const struct view *v, const struct row *r)
{
    double compute = r->macs > 0 ? of_peak(v, r) : 0, memory = of_bandwidth(v, r);
    if (isnan(compute)) return "-";
    if (compute < bound_share && memory < bound_share) return "neither";
    return compute >= memory ? "compute" : "memory";
}

enum column { LAYER, OP, TIME, PART, RATE, PEAK, BANDWIDTH, BINDS, COLUMNS };

static const char *fused_of(const struct row *r)
{
    return r->fused ? r->fused : "";
}

static struct ncr_str row_path(const void *user, uint32_t row)
{
    return ((const struct view *)user)->rows[row].path;
}

static void cell(const void *user, uint32_t row, uint32_t column, bool shorten, char out[NCR_CELL])
{
    const struct view *v = user;
    (void)shorten;
    out[0] = 0;
    if (row == v->n_rows) {
        double macs = 0;
        for (uint32_t i = 0; i < v->n_rows; i++)
            macs += v->rows[i].macs;
        if (column == TIME) ncr_text_si(v->sum, "s", out);
        if (column == RATE && v->sum > 0) snprintf(out, NCR_CELL, "%.1f", macs / v->sum * 1e-9);
        if (column == PEAK && v->sum > 0 && v->peak.macs_per_s > 0)
            snprintf(out, NCR_CELL, "%.1f", 100 * macs / v->sum / v->peak.macs_per_s);
        return;
    }
    const struct row *r = &v->rows[row];
    switch ((enum column)column) {
    case OP: snprintf(out, NCR_CELL, "%s%s%s", r->op, r->fused ? "+" : "", fused_of(r)); break;
    case TIME: ncr_text_si(r->seconds, "s", out); break;
    case PART: snprintf(out, NCR_CELL, "%.1f", 100 * r->seconds / v->sum); break;
    case RATE:
        if (r->macs > 0)
            snprintf(out, NCR_CELL, "%.1f", r->macs / r->seconds * 1e-9);
        else
            snprintf(out, NCR_CELL, "-");
        break;
    case PEAK:
        if (r->macs > 0 && v->peak.macs_per_s > 0)
            snprintf(out, NCR_CELL, "%.1f", 100 * of_peak(v, r));
        else
            snprintf(out, NCR_CELL, "-");
        break;
    case BANDWIDTH: snprintf(out, NCR_CELL, "%.1f", 100 * of_bandwidth(v, r)); break;
    case BINDS: snprintf(out, NCR_CELL, "%s", binds(v, r)); break;
    case LAYER:
    case COLUMNS: break;
    }
}

static void text(const struct cli *cli, const struct view *v, struct ncr_buf *out)
{
    static const char *const titles[COLUMNS] = {"layer",  "op",     "time",   "time %",
                                                "GMAC/s", "peak %", "copy %", "binds"};
    static const struct ncr_text_step steps[] = {
        {false, 1u << OP}, {false, 1u << BANDWIDTH}, {false, 1u << PART}, {0}};
    struct ncr_text t = {out, cli->columns, cli->colour_out};
    char rate[NCR_CELL], whole[NCR_CELL], copy[NCR_CELL];
    const struct ncr_pipeline *p = &v->work->pipeline;
    ncr_buf_fmt(out, "%.*s in %.*s, compiled for %s, one thread\n\n", NCR_STR_ARG(p->net->name),
                NCR_STR_ARG(p->quant.name), v->timing.family);
    struct ncr_text_table table = {.user = v,
                                   .n_rows = v->n_rows,
                                   .n_columns = COLUMNS,
                                   .titles = titles,
                                   .left = 1u << OP | 1u << BINDS,
                                   .path = row_path,
                                   .cell = cell,
                                   .steps = steps};
    ncr_text_table_put(&t, &table);
    ncr_text_si(v->timing.whole_s, "s", whole);
    ncr_text_si(v->peak.macs_per_s, "MAC/s", rate);
    ncr_text_si(v->peak.bytes_per_s, "B/s", copy);
    ncr_buf_putc(out, '\n');
    ncr_text_note(&t, "whole",
                  "%s an inference, %.0f a second, with the copies in and out; medians "
                  "of %d rounds in warm caches",
                  whole, 1 / v->timing.whole_s, (int)ROUNDS);
    if (v->peak.macs_per_s > 0)
        ncr_text_note(&t, "peak", "%s of one core, measured now (%s)", rate, v->peak.instruction);
    else
        ncr_text_note(&t, "peak", "not known: no loop measures this processor");
    ncr_text_note(&t, "copy", "%s, reading and writing %zu bytes, as many as arena and constants",
                  copy, v->peak.bytes);
    ncr_text_note(&t, "binds", "what a layer comes nearer to; neither: less than %.0f %% of both",
                  100 * bound_share);
}

static void key_number(struct ncr_json *j, const char *key, double v)
{
    ncr_json_key_f64(j, key, v); // nan is null
}

static void json(const struct view *v, struct ncr_buf *out)
{
    const struct ncr_pipeline *p = &v->work->pipeline;
    struct ncr_json j;
    ncr_json_init(&j, out);
    ncr_json_object(&j);
    ncr_json_key_str(&j, "schema", NCR_STR("nacre.profile/1"));
    ncr_json_key_str(&j, "net", p->net->name);
    ncr_json_key_str(&j, "family", ncr_str_of(v->timing.family));
    key_number(&j, "inference_us", 1e6 * v->timing.whole_s);
    key_number(&j, "layers_us", 1e6 * v->sum);
    key_number(&j, "peak_gmacs_per_s",
               v->peak.macs_per_s > 0 ? 1e-9 * v->peak.macs_per_s : (double)NAN);
    key_number(&j, "copy_gbytes_per_s", 1e-9 * v->peak.bytes_per_s);
    ncr_json_key(&j, "layers");
    ncr_json_array(&j);
    for (uint32_t i = 0; i < v->n_rows; i++) {
        const struct row *r = &v->rows[i];
        ncr_json_object(&j);
        ncr_json_key_str(&j, "path", r->path);
        ncr_json_key_str(&j, "op", ncr_str_of(r->op));
        if (r->fused) ncr_json_key_str(&j, "fused", ncr_str_of(r->fused));
        key_number(&j, "us", 1e6 * r->seconds);
        ncr_json_key_i64(&j, "macs", (int64_t)r->macs);
        ncr_json_key_i64(&j, "bytes", (int64_t)r->bytes);
        key_number(&j, "gmacs_per_s", r->macs > 0 ? 1e-9 * r->macs / r->seconds : (double)NAN);
        key_number(&j, "peak_share", r->macs > 0 ? of_peak(v, r) : (double)NAN);
        key_number(&j, "copy_share", of_bandwidth(v, r));
        ncr_json_key_str(&j, "binds", ncr_str_of(binds(v, r)));
        ncr_json_end(&j);
    }
    ncr_json_end(&j);
    ncr_json_end(&j);
    ncr_buf_putc(out, '\n');
}

static void csv(const struct view *v, struct ncr_buf *out)
{
    ncr_buf_puts(out, "path,op,us,macs,bytes,binds\n");
    for (uint32_t i = 0; i < v->n_rows; i++) {
        const struct row *r = &v->rows[i];
        ncr_buf_fmt(out, "\"%.*s\",%s%s%s,", NCR_STR_ARG(r->path), r->op, r->fused ? "+" : "",
                    fused_of(r));
        ncr_buf_f64(out, 1e6 * r->seconds);
        ncr_buf_fmt(out, ",%.0f,%.0f,%s\n", r->macs, r->bytes, binds(v, r));
    }
}

// The step's operator, and what is fused into it.
static void put_row(struct view *v, uint32_t s)
{
    const struct ncr_pipeline *p = &v->work->pipeline;
    const struct ncr_plan *plan = p->plan;
    uint32_t q = plan->steps[s], fused = ncr_plan_fused(plan, q);
    struct ncr_operator_work w = ncr_operator_work_of(plan, s);
    double macs = (double)w.macs, bytes = (double)(w.in_bytes + w.out_bytes + w.weight_bytes);
    if (w.out_elements == 0 || v->timing.step_s[s] <= 0 || ncr_plan_stored_as(plan, q) != q) return;
    if (fused != NCR_PLAN_OWN) { // its output, which is an input, moves nowhere
        struct ncr_operator_work first =
            ncr_operator_work_of(plan, plan->buffers[fused].first_step);
        macs += (double)first.macs;
        bytes += (double)(first.in_bytes + first.weight_bytes - first.out_bytes);
    }
    const struct ncr_qnode *node = &p->qgraph->nodes[fused == NCR_PLAN_OWN ? q : fused];
    struct ncr_str path = p->qgraph->graph->nodes[node->node].path;
    uint32_t skip = path.n > p->net->name.n ? p->net->name.n + 1 : 0;
    v->rows[v->n_rows++] =
        (struct row){.path = {path.s + skip, path.n - skip},
                     .op = ncr_qop_name(node->op),
                     .fused = fused == NCR_PLAN_OWN ? NULL : ncr_qop_name(p->qgraph->nodes[q].op),
                     .seconds = v->timing.step_s[s],
                     .macs = macs,
                     .bytes = bytes};
    v->sum += v->timing.step_s[s];
}

int profile(struct cli *cli, struct cli_work *work)
{
    struct ncr_pipeline *p = &work->pipeline;
    struct view v = {.work = work};
    enum ncr_status status = ncr_pipeline_code(p, &work->err);
    if (status == NCR_OK)
        status =
            ncr_timing_code(p->arena, &cli->io, p->plan, p->code, ROUNDS, &v.timing, &work->err);
    if (status != NCR_OK) return work_status(cli, work, status);
    v.peak =
        ncr_peak_measure(&cli->io, (size_t)p->plan->arena_bytes + ncr_code_blob_bytes(p->code));
    if (strcmp(ncr_code_family(p->code), "x86_amx") == 0)
        v.peak.macs_per_s = ncr_peak_tiles(&cli->io, &v.peak.instruction);
    v.rows = NCR_NEW_N(p->arena, struct row, p->plan->n_steps);
    for (uint32_t s = 0; s < p->plan->n_steps; s++)
        put_row(&v, s);
    struct ncr_buf out = {0};
    if (cli->json)
        json(&v, &out);
    else if (cli->csv)
        csv(&v, &out);
    else
        text(cli, &v, &out);
    return cli_output(cli, &out);
}
