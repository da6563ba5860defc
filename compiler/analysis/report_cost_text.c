// What a target adds to the text of a report.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/analysis/report_print.h"

#define BIT(column) (1u << (column))

struct ncr_str ncr_report_binds(const struct ncr_cost *cost, int32_t binds)
{
    if (binds >= 0) return cost->target->memory[binds]->name;
    return binds == NCR_BINDS_COMPUTE ? NCR_STR("compute")
           : binds == NCR_BINDS_TABLE ? NCR_STR("table")
                                      : NCR_STR("nothing");
}

// The layers that have a cost: neither inputs nor what is fused or stays in place.
struct rows {
    const struct ncr_report *report;
    uint32_t *layer, n;
};

static struct rows rows_of(const struct ncr_report *r)
{
    struct rows rows = {r, malloc((r->n_layers + 1) * sizeof(uint32_t)), 0};
    if (!rows.layer) NCR_BUG("out of memory for %u rows", r->n_layers);
    for (uint32_t i = 0; i < r->n_layers; i++) {
        if (r->layers[i].head != i) continue;
        const struct ncr_cost_step *step = &r->cost->steps[r->layers[i].step];
        double bytes = 0;
        for (uint32_t m = 0; m < r->cost->target->n_memory; m++)
            bytes += step->read[m] + step->written[m];
        if (step->binds != NCR_BINDS_NOTHING || bytes > 0) rows.layer[rows.n++] = i;
    }
    return rows;
}

static struct ncr_str row_path(const void *user, uint32_t row)
{
    const struct rows *rows = user;
    return rows->report->layers[rows->layer[row]].path;
}

static const struct ncr_cost_step *step_of(const struct rows *rows, uint32_t row)
{
    const struct ncr_report *r = rows->report;
    return row == rows->n ? &r->cost->total : &r->cost->steps[r->layers[rows->layer[row]].step];
}

static void bytes_cell(double bytes, bool shorten, char out[NCR_CELL])
{
    uint64_t v = (uint64_t)(bytes + 0.5);
    if (shorten)
        ncr_text_short(v, 1024, out);
    else
        ncr_text_grouped(v, out);
}

// -- the table of costs -------------------------------------------------------------------------

enum cost_column { PATH, CYCLES, TIME, PART, BINDS, USE, MAPPING, EDGE, STALL, ENERGY, COLUMNS };

static const char *const cost_titles[COLUMNS] = {"layer",   "cycles", "time",      "time %",
                                                 "binds",   "use %",  "mapping %", "edge %",
                                                 "stall %", "energy"};

static void percent(double share, char out[NCR_CELL])
{
    snprintf(out, NCR_CELL, "%.1f", 100 * share);
}

static void cost_cell(const void *user, uint32_t row, uint32_t column, bool shorten,
                      char out[NCR_CELL])
{
    const struct rows *rows = user;
    const struct ncr_report *r = rows->report;
    const struct ncr_cost_step *step = step_of(rows, row);
    bool total = row == rows->n;
    snprintf(out, NCR_CELL, "-");
    bool split = step->mapping > 0;
    switch ((enum cost_column)column) {
    case CYCLES:
        if (shorten)
            ncr_text_short((uint64_t)(step->cycles + 0.5), 1000, out);
        else
            ncr_text_grouped((uint64_t)(step->cycles + 0.5), out);
        break;
    case TIME: ncr_text_si(step->seconds, "s", out); break;
    case PART:
        if (total || r->cost->total.seconds <= 0)
            out[0] = 0;
        else
            percent(step->seconds / r->cost->total.seconds, out);
        break;
    case BINDS: {
        struct ncr_str binds = ncr_report_binds(r->cost, step->binds);
        if (total)
            out[0] = 0;
        else if (step->source == NCR_LATENCY_FITTED || step->source == NCR_LATENCY_UNKNOWN)
            snprintf(out, NCR_CELL,
                     step->source == NCR_LATENCY_FITTED ? "table, fitted" : "not known");
        else
            snprintf(out, NCR_CELL, "%.*s", binds.n < 16 ? (int)binds.n : 16, binds.s);
        break;
    }
    case USE:
        if (step->utilisation > 0) percent(step->utilisation, out);
        break;
    case MAPPING:
        if (split) percent(step->mapping, out);
        break;
    case EDGE:
        if (split) percent(step->edge, out);
        break;
    case STALL:
        if (split) percent(step->stall, out);
        break;
    case ENERGY:
        if (r->cost->has_energy) ncr_text_si(ncr_cost_energy(r->cost, step), "J", out);
        break;
    case PATH:
    case COLUMNS: break;
    }
}

// What the target cannot say.
static uint32_t hidden_columns(const struct ncr_cost *cost)
{
    uint32_t hidden = 0;
    if (cost->target->clock_hz <= 0) hidden |= BIT(CYCLES);
    if (cost->total.mapping <= 0) hidden |= BIT(MAPPING) | BIT(EDGE) | BIT(STALL);
    if (cost->total.utilisation <= 0) hidden |= BIT(USE);
    if (!cost->has_energy) hidden |= BIT(ENERGY);
    return hidden;
}

// -- notes --------------------------------------------------------------------------------------

static void put_homes(struct ncr_text *t, const struct ncr_cost *cost)
{
    const struct ncr_target_spec *target = cost->target;
    const struct {
        const char *name, *what;
        uint64_t bytes, misses;
        int32_t home, level;
    } rows[] = {{"arena", "tensors", cost->arena_bytes, cost->arena_misses, cost->arena_home,
                 cost->arena_level},
                {"weights", "weights", cost->flash_bytes, cost->weights_miss, cost->weights_home,
                 cost->weights_level}};
    for (size_t i = 0; i < NCR_COUNT(rows); i++) {
        char bytes[NCR_CELL], size[NCR_CELL], miss[NCR_CELL];
        if (rows[i].home < 0) continue;
        const struct ncr_memory_spec *home = target->memory[rows[i].home];
        ncr_text_grouped(rows[i].bytes, bytes);
        ncr_text_grouped((uint64_t)(home->size_bits / 8), size);
        ncr_text_grouped(rows[i].misses, miss);
        if (rows[i].misses)
            ncr_text_note(t, rows[i].name,
                          "%s bytes do not fit: `%.*s`, the largest region, has %s%s, %s too few",
                          bytes, NCR_STR_ARG(home->name), size,
                          i && rows[0].home == rows[1].home ? " for them and the arena" : "", miss);
        else if (rows[i].level != rows[i].home)
            ncr_text_note(t, rows[i].name, "%s bytes in `%.*s`, served by `%.*s`, which holds all",
                          bytes, NCR_STR_ARG(home->name),
                          NCR_STR_ARG(target->memory[rows[i].level]->name));
        else
            ncr_text_note(t, rows[i].name, "%s bytes in `%.*s`, of %s", bytes,
                          NCR_STR_ARG(home->name), size);
    }
}

// "compute 62 %, flash 38 %": shares of the time that each resource binds.
static void put_binds(struct ncr_text *t, const struct ncr_cost *cost)
{
    struct ncr_buf text = {0};
    for (int32_t b = NCR_BINDS_TABLE; b < (int32_t)cost->target->n_memory; b++) {
        double sum = 0;
        for (uint32_t s = 0; s < cost->plan->n_steps; s++)
            if (cost->steps[s].binds == b) sum += cost->steps[s].seconds;
        if (b == NCR_BINDS_NOTHING || sum <= 0) continue;
        ncr_buf_fmt(&text, "%s%.*s %.1f %%", text.n ? ", " : "",
                    NCR_STR_ARG(ncr_report_binds(cost, b)), 100 * sum / cost->total.seconds);
    }
    if (text.n) ncr_text_note(t, "binds", "%s of the time", text.s);
    ncr_buf_free(&text);
}

static void put_energy(struct ncr_text *t, const struct ncr_cost *cost)
{
    struct ncr_buf text = {0};
    char all[NCR_CELL], part[NCR_CELL];
    double sum = ncr_cost_energy(cost, &cost->total);
    ncr_text_si(sum, "J", all);
    ncr_text_si(cost->total.mac_energy, "J", part);
    ncr_buf_fmt(&text, "MACs %s", part);
    for (uint32_t m = 0; m < cost->target->n_memory; m++) {
        if (cost->total.energy[m] == 0) continue;
        ncr_text_si(cost->total.energy[m], "J", part);
        ncr_buf_fmt(&text, ", %.*s %s", NCR_STR_ARG(cost->target->memory[m]->name), part);
    }
    ncr_text_note(t, "energy", "%s (estimate): %s. Table: %.*s", all, text.s,
                  NCR_STR_ARG(cost->target->energy_source));
    ncr_buf_free(&text);
}

static void put_notes(struct ncr_text *t, const struct ncr_cost *cost)
{
    char time[NCR_CELL], cycles[NCR_CELL], clock[NCR_CELL];
    const struct ncr_cost_step *total = &cost->total;
    if (cost->target->model != NCR_MODEL_NONE) {
        ncr_text_si(total->seconds, "s", time);
        ncr_text_grouped((uint64_t)(total->cycles + 0.5), cycles);
        ncr_text_si(cost->target->clock_hz, "Hz", clock);
        if (cost->target->clock_hz > 0)
            ncr_text_note(t, "latency", "%s, %s cycles at %s (estimate of the model `%s`)", time,
                          cycles, clock, ncr_cost_model_text(cost->target->model));
        else
            ncr_text_note(t, "latency", "%s (estimate of the model `%s`)", time,
                          ncr_cost_model_text(cost->target->model));
        if (cost->target->model == NCR_MODEL_TABLE) {
            ncr_text_si(fabs(cost->target->bias_s), "s", time);
            ncr_text_note(t, "",
                          "%u operators as measured, %u on fitted lines; a bias of %s%s is in it",
                          cost->n_source[NCR_LATENCY_MEASURED], cost->n_source[NCR_LATENCY_FITTED],
                          cost->target->bias_s < 0 ? "-" : "", time);
            if (cost->n_source[NCR_LATENCY_UNKNOWN])
                ncr_text_note(t, "", "%u operators count as 0: nothing alike was measured",
                              cost->n_source[NCR_LATENCY_UNKNOWN]);
        } else {
            put_binds(t, cost);
        }
    }
    if (total->mapping > 0)
        ncr_text_note(
            t, "use",
            "%.1f %% of the peak (estimate) = mapping %.1f %% x edge %.1f %% x (1 - stall "
            "%.1f %%)",
            100 * total->utilisation, 100 * total->mapping, 100 * total->edge, 100 * total->stall);
    if (cost->has_energy) put_energy(t, cost);
}

static void put_code(struct ncr_text *t, const struct ncr_report *r)
{
    const struct ncr_target_spec *target = r->cost->target;
    char code[NCR_CELL], stack[NCR_CELL];
    if (!target->triple.n) return;
    if (!r->code || r->code->why.n) {
        ncr_text_note(t, "code", "bytes of code and stack %s%.*s",
                      r->code ? "are not known: " : "need weights: --weights FILE",
                      r->code ? (int)r->code->why.n : 0, r->code ? r->code->why.s : "");
        return;
    }
    ncr_text_grouped(r->code->code_bytes, code);
    ncr_text_grouped(r->code->stack_bytes, stack);
    ncr_text_note(t, "code", "%s bytes for %.*s%s%.*s (exact)", code, NCR_STR_ARG(target->triple),
                  target->cpu.n ? ", " : "", NCR_STR_ARG(target->cpu));
    ncr_text_note(t, "stack", "%s bytes below its caller are enough for a run (bound)", stack);
}

void ncr_report_cost_text(struct ncr_text *t, const struct ncr_report *r)
{
    const struct ncr_cost *cost = r->cost;
    static const struct ncr_text_step steps[] = {
        {true, BIT(CYCLES)}, {false, BIT(TIME)},
        {false, BIT(EDGE)},  {false, BIT(MAPPING) | BIT(STALL)},
        {false, BIT(USE)},   {false, BIT(ENERGY)},
        {false, BIT(PART)},  {0}};
    ncr_buf_putc(t->out, '\n');
    ncr_text_note(t, "target", "%.*s", NCR_STR_ARG(cost->target->name));
    put_homes(t, cost);
    put_code(t, r);
    ncr_buf_putc(t->out, '\n');
    if (cost->target->model == NCR_MODEL_NONE) {
        put_notes(t, cost);
        return;
    }
    struct rows rows = rows_of(r);
    struct ncr_text_table table = {.user = &rows,
                                   .n_rows = rows.n,
                                   .n_columns = COLUMNS,
                                   .titles = cost_titles,
                                   .left = BIT(BINDS),
                                   .path = row_path,
                                   .cell = cost_cell,
                                   .hidden = hidden_columns(cost),
                                   .steps = steps};
    ncr_text_table_put(t, &table);
    ncr_buf_putc(t->out, '\n');
    put_notes(t, cost);
    ncr_report_not_shown(t, &table);
    free(rows.layer);
}

// -- traffic ------------------------------------------------------------------------------------

// One row for each memory and tensor of the whole network, and a table of bytes by layer.
enum { TRAFFIC_MEMORIES = (NCR_TEXT_COLUMNS - 1) / 2 };

static void traffic_cell(const void *user, uint32_t row, uint32_t column, bool shorten,
                         char out[NCR_CELL])
{
    const struct ncr_cost_step *step = step_of(user, row);
    uint32_t m = (column - 1) / 2;
    bytes_cell((column - 1) % 2 ? step->written[m] : step->read[m], shorten, out);
}

void ncr_report_traffic_text(struct ncr_text *t, const struct ncr_report *r)
{
    static const char *const operands[] = {[NCR_OPERAND_WEIGHT] = "weights",
                                           [NCR_OPERAND_INPUT] = "inputs",
                                           [NCR_OPERAND_OUTPUT] = "outputs"};
    const struct ncr_cost *cost = r->cost;
    uint32_t n = cost->target->n_memory;
    uint32_t shown = n < TRAFFIC_MEMORIES ? n : TRAFFIC_MEMORIES;
    struct ncr_buf names[NCR_TEXT_COLUMNS] = {{0}};
    const char *titles[NCR_TEXT_COLUMNS] = {"layer"};
    struct ncr_text_step steps[NCR_TEXT_COLUMNS + 1] = {{0}};
    steps[0] = (struct ncr_text_step){true, ~1u};
    for (uint32_t c = 1; c <= 2 * shown; c++) {
        struct ncr_str name = cost->target->memory[(c - 1) / 2]->name;
        ncr_buf_fmt(&names[c], "%.*s %s", name.n < 16 ? (int)name.n : 16, name.s,
                    (c - 1) % 2 ? "wr. B" : "read B");
        titles[c] = names[c].s;
        steps[2 * shown + 1 - c].columns = 1u << c; // from the right
    }
    struct rows rows = rows_of(r);
    struct ncr_text_table table = {.user = &rows,
                                   .n_rows = rows.n,
                                   .n_columns = 1 + 2 * shown,
                                   .titles = titles,
                                   .path = row_path,
                                   .cell = traffic_cell,
                                   .steps = steps};
    ncr_buf_putc(t->out, '\n');
    ncr_text_table_put(t, &table);
    ncr_buf_putc(t->out, '\n');
    for (uint32_t m = 0; m < n; m++) {
        struct ncr_buf text = {0};
        for (int k = 0; k < NCR_OPERANDS; k++) {
            char read[NCR_CELL], written[NCR_CELL];
            bytes_cell(cost->total.read_of[k][m], false, read);
            bytes_cell(cost->total.written_of[k][m], false, written);
            ncr_buf_fmt(&text, "%s%s %s read, %s written", k ? "; " : "", operands[k], read,
                        written);
        }
        char name[NCR_CELL];
        snprintf(name, sizeof name, "%.*s",
                 cost->target->memory[m]->name.n < 30 ? (int)cost->target->memory[m]->name.n : 30,
                 cost->target->memory[m]->name.s);
        ncr_text_note(t, name, " %s bytes (estimate)", text.s);
        ncr_buf_free(&text);
    }
    ncr_report_not_shown(t, &table);
    for (uint32_t c = 1; c <= 2 * shown; c++)
        ncr_buf_free(&names[c]);
    free(rows.layer);
}
