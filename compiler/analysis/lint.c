// REPORT, priced or with ranges, to lints.
#include "compiler/analysis/lint.h"

#include <stdio.h>

#include "compiler/analysis/report_print.h"

static const double idle_bound = 0.1, use_bound = 0.25, time_bound = 0.05, plain_bound = 0.5;

static struct ncr_span span_of(const struct ncr_report *r, uint32_t layer)
{
    const struct ncr_origin *origin = r->layers[layer].node->origin;
    return origin ? origin->span : NCR_NOWHERE;
}

static const char *name_of(struct ncr_diags *diags, struct ncr_str name)
{
    return ncr_str_fmt(diags->arena, "%.*s", name.n < 80 ? (int)name.n : 80, name.s).s;
}

// A block that is applied often says the same of each of its layers: the first is shown, the others
// are counted.
struct place {
    struct ncr_diag *diag;
    uint32_t more;
};

struct linter {
    const struct ncr_report *report;
    struct ncr_diags *diags;
    struct place places[64];
    uint32_t n_places;
};

static bool seen(struct linter *l, enum ncr_diag_code code, uint32_t layer)
{
    struct ncr_span span = span_of(l->report, layer);
    for (uint32_t i = 0; i < l->n_places; i++) {
        const struct ncr_diag *d = l->places[i].diag;
        if (d->code != code || d->span.file != span.file || d->span.begin != span.begin) continue;
        l->places[i].more++;
        return true;
    }
    return false;
}

// Says which layer it is and where its blocks were applied.
static void at_layer(struct linter *l, struct ncr_diag *d, uint32_t layer)
{
    const struct ncr_origin *origin = l->report->layers[layer].node->origin;
    ncr_diag_note(l->diags, d, NCR_NOWHERE, "layer `%s`",
                  name_of(l->diags, l->report->layers[layer].path));
    for (; origin && origin->up && origin->up->span.file; origin = origin->up)
        ncr_diag_note(l->diags, d, origin->up->span, "in block `%s`, applied",
                      name_of(l->diags, origin->block));
    if (l->n_places < NCR_COUNT(l->places)) l->places[l->n_places++] = (struct place){d, 0};
}

static struct ncr_span net_span(const struct ncr_report *r)
{
    for (uint32_t i = 0; i < r->n_layers; i++)
        if (r->layers[i].node->op == NCR_OP_INPUT) return span_of(r, i);
    return NCR_NOWHERE;
}

static void lint_homes(const struct ncr_report *r, struct ncr_diags *diags)
{
    const struct ncr_cost *cost = r->cost;
    char bytes[NCR_CELL], miss[NCR_CELL];
    if (cost->weights_miss) {
        ncr_text_grouped(cost->flash_bytes, bytes);
        ncr_text_grouped(cost->weights_miss, miss);
        struct ncr_str home = cost->target->memory[cost->weights_home]->name;
        NCR_DIAG(diags, WEIGHTS_MISS, net_span(r), bytes, name_of(diags, home), miss);
    }
    if (cost->arena_misses) {
        ncr_text_grouped(cost->arena_bytes, bytes);
        ncr_text_grouped(cost->arena_misses, miss);
        struct ncr_str home = cost->target->memory[cost->arena_home]->name;
        NCR_DIAG(diags, ARENA_MISS, span_of(r, r->peak_layer), bytes, name_of(diags, home), miss,
                 name_of(diags, r->layers[r->peak_layer].path));
    }
}

// Output channels that the machine computes at once; 0 where it does not say.
static int64_t unit_of(const struct ncr_target_spec *target)
{
    bool array = target->model == NCR_MODEL_SYSTOLIC || target->model == NCR_MODEL_LOOP_NEST;
    if (array)
        return target->dataflow == NCR_OUTPUT_STATIONARY ||
                       target->dataflow == NCR_WEIGHT_STATIONARY
                   ? target->array[1]
                   : 0;
    return target->model == NCR_MODEL_ROOFLINE ? target->compute.vector_bits / 32 : 0;
}

static void lint_units(struct linter *l, const struct ncr_operator_work *work, uint32_t layer)
{
    const struct ncr_report *r = l->report;
    int64_t unit = unit_of(r->cost->target), channels = work->dim[NCR_DIM_K];
    // Depthwise layers have one channel a group: they are a matter of utilisation.
    if (unit < 2 || !work->macs || channels < 2 || channels % unit == 0) return;
    int64_t passes = (channels + unit - 1) / unit, idle = passes * unit - channels;
    double share = (double)idle / (double)(passes * unit);
    if (share < idle_bound || seen(l, NCR_N_UNIT_CHANNELS, layer)) return;
    at_layer(l,
             NCR_DIAG(l->diags, UNIT_CHANNELS, span_of(r, layer), (long long)channels,
                      (long long)unit, 100.0 * (double)idle / (double)unit, 100 * share),
             layer);
}

static void lint_use(struct linter *l, const struct ncr_cost_step *step, uint32_t layer)
{
    const struct ncr_report *r = l->report;
    const struct ncr_cost_step *total = &r->cost->total;
    double share = total->seconds > 0 ? step->seconds / total->seconds : 0;
    if (step->utilisation <= 0 || step->utilisation >= use_bound || share < time_bound) return;
    if (seen(l, NCR_N_LOW_UTILISATION, layer)) return;
    char text[160];
    if (step->mapping <= 0)
        snprintf(text, sizeof text, "as measured");
    else if (step->stall > 0.5)
        snprintf(text, sizeof text, "it waits for `%.*s` in %.0f %% of its cycles",
                 NCR_STR_ARG(ncr_report_binds(r->cost, step->binds)), 100 * step->stall);
    else if (step->mapping <= step->edge)
        snprintf(text, sizeof text,
                 "its dimensions fill %.3g %% of the processing elements (mapping)",
                 100 * step->mapping);
    else
        snprintf(text, sizeof text, "partial folds, filling and draining leave %.3g %% (edge)",
                 100 * step->edge);
    at_layer(l,
             NCR_DIAG(l->diags, LOW_UTILISATION, span_of(r, layer), 100 * step->utilisation,
                      100 * share, text),
             layer);
}

void ncr_report_lint(const struct ncr_report *r, struct ncr_diags *diags)
{
    const struct ncr_cost *cost = r->cost;
    if (r->range) ncr_masked_lint(r->range->masked, diags);
    if (!cost) return;
    struct linter l = {.report = r, .diags = diags};
    lint_homes(r, diags);
    double plain = 0, most = 0;
    uint32_t slowest = 0, unmeasured = UINT32_MAX, operators = 0;
    for (uint32_t i = 0; i < r->n_layers; i++) {
        if (r->layers[i].head != i) continue;
        uint32_t s = r->layers[i].step;
        const struct ncr_cost_step *step = &cost->steps[s];
        struct ncr_operator_work work = ncr_operator_work_of(cost->plan, s);
        lint_units(&l, &work, i);
        lint_use(&l, step, i);
        if (step->overflow >= 0 && !seen(&l, NCR_N_LOOPS_OVERFLOW, i)) {
            const struct ncr_memory_spec *memory = cost->target->memory[step->overflow];
            char need[NCR_CELL], has[NCR_CELL];
            ncr_text_grouped((uint64_t)step->overflow_bytes, need);
            ncr_text_grouped((uint64_t)(memory->size_bits / 8), has);
            at_layer(&l,
                     NCR_DIAG(diags, LOOPS_OVERFLOW, span_of(r, i), name_of(diags, memory->name),
                              need, has),
                     i);
        }
        operators += step->source != NCR_LATENCY_NONE;
        if (step->source > NCR_LATENCY_MEASURED && unmeasured == UINT32_MAX) unmeasured = i;
        if (work.macs) continue;
        plain += step->seconds;
        if (step->seconds > most) {
            most = step->seconds;
            slowest = i;
        }
    }
    for (uint32_t i = 0; i < l.n_places; i++)
        if (l.places[i].more)
            ncr_diag_note(diags, l.places[i].diag, NCR_NOWHERE, "and of %u more layer%s made here",
                          l.places[i].more, l.places[i].more == 1 ? "" : "s");
    if (cost->total.seconds > 0 && plain > plain_bound * cost->total.seconds)
        NCR_DIAG(diags, PLAIN_TIME, span_of(r, slowest), 100 * plain / cost->total.seconds,
                 name_of(diags, r->layers[slowest].path));
    if (unmeasured != UINT32_MAX)
        NCR_DIAG(diags, LATENCY_FITTED, span_of(r, unmeasured),
                 cost->n_source[NCR_LATENCY_FITTED] + cost->n_source[NCR_LATENCY_UNKNOWN],
                 operators, name_of(diags, r->layers[unmeasured].path));
}
