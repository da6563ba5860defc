// nacre report of a net with open decisions: the figures of all its members, and what each
// requirement excludes.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "compiler/analysis/survey.h"
#include "compiler/analysis/text_table.h"
#include "tools/nacre/space.h"
#include "tools/nacre/target.h"

enum {
    SLOW_BUDGET = 1000,
    SLOW_DRAWS = 200,
    SURVEY_BUDGET = 20000,
    SURVEY_DRAWS = 2000,
    WIDE = 86,
    MEAN_WIDTH = 13
};

struct figures {
    struct ncr_bounds at[NCR_SPACE_FIGURE_COUNT_];
    bool known[NCR_SPACE_FIGURE_COUNT_];
    const struct ncr_survey *survey; // NULL: no member was found, or stopped
    const struct ncr_target_spec *target;
};

static const char *quality(const struct ncr_bounds *b)
{
    return b->drawn ? "drawn" : b->exact ? "exact" : "bound";
}

static uint32_t line_of(const struct space_job *job, struct ncr_span span)
{
    return ncr_sources_pos(job->sources, span.file, span.begin).line;
}

// -- what the survey found ----------------------------------------------------------------------

// Twenty bins as letters of growing weight; a bin that is not empty is never blank.
static void put_histogram(struct ncr_buf *out, const struct ncr_survey_figure *f)
{
    static const char weights[] = ".:-=+*#%@";
    uint64_t most = 1;
    for (int b = 0; b < NCR_SURVEY_BINS; b++)
        if (f->bin[b] > most) most = f->bin[b];
    for (int b = 0; b < NCR_SURVEY_BINS; b++) {
        uint64_t level = f->bin[b] * (sizeof weights - 2) / most;
        ncr_buf_putc(out, f->bin[b] ? weights[level] : ' ');
    }
}

static void put_survey(struct space_job *job, const struct figures *f)
{
    const struct ncr_survey *s = f->survey;
    ncr_buf_fmt(job->out, "\nover %s%" PRIu64 " members%s%s%.*s\n", s->all ? "all " : "", s->n,
                s->all ? " (exact)" : " drawn uniformly (estimates)",
                f->target ? ", costs on " : "", f->target ? (int)f->target->name.n : 0,
                f->target ? f->target->name.s : "");
    // What a narrow terminal leaves out is in the JSON.
    bool mean = job->cli->columns >= WIDE, histogram = job->cli->columns >= WIDE - MEAN_WIDTH;
    ncr_buf_fmt(job->out, "%-20s %12s", "metric", "min");
    if (mean) ncr_buf_fmt(job->out, " %12s", "mean");
    ncr_buf_fmt(job->out, " %12s%s\n", "max", histogram ? "  histogram from min to max" : "");
    for (int m = 0; m < NCR_SURVEY_COUNT_; m++) {
        const struct ncr_survey_figure *g = &s->figures[m];
        if (!g->known) continue;
        ncr_buf_fmt(job->out, "%-20s %12.6g", ncr_survey_name((enum ncr_survey_metric)m), g->min);
        if (mean) ncr_buf_fmt(job->out, " %12.6g", g->mean);
        ncr_buf_fmt(job->out, " %12.6g%s", g->max, histogram ? "  [" : "");
        if (histogram) put_histogram(job->out, g);
        ncr_buf_puts(job->out, histogram ? "]\n" : "\n");
    }
}

// Decisions by how much of the variance they explain of what costs and what is at risk.
static const enum ncr_survey_metric weighed[] = {NCR_SURVEY_PARAMS,   NCR_SURVEY_MACS,
                                                 NCR_SURVEY_PEAK,     NCR_SURVEY_ASI_MEAN,
                                                 NCR_SURVEY_ADCR_SUM, NCR_SURVEY_LATENCY};

static struct ncr_str decision_path(const void *user, uint32_t row)
{
    const struct ncr_space *space = ((const struct space_job *)user)->space;
    struct ncr_str path = space->decisions.at[row].path;
    uint32_t skip = space->name.n + 1; // the net's name
    return path.n > skip ? (struct ncr_str){path.s + skip, path.n - skip} : path;
}

static void decision_cell(const void *user, uint32_t row, uint32_t column, bool shorten,
                          char out[NCR_CELL])
{
    const struct space_job *job = user;
    (void)shorten;
    out[0] = 0;
    if (row == job->space->decisions.n) return;
    const struct ncr_survey_decision *d = &job->survey->decisions[row];
    if (column == 1)
        snprintf(out, NCR_CELL, "%u", job->space->decisions.at[row].n);
    else if (d->n == 0)
        snprintf(out, NCR_CELL, "-");
    else
        snprintf(out, NCR_CELL, "%.1f", 100 * d->share[weighed[column - 2]]);
}

static void put_decisions(struct space_job *job, const struct figures *f)
{
    static const char *const titles[] = {"decision", "choices",    "params %",   "MACs %",
                                         "peak %",   "asi_mean %", "adcr_sum %", "latency %"};
    static const struct ncr_text_step steps[] = {{false, 1u << 2}, {false, 1u << 4}, {0}};
    struct ncr_text t = {job->out, job->cli->columns, job->cli->colour_out};
    ncr_buf_puts(job->out, "\nhow much of a metric's variance each decision explains alone\n");
    job->survey = f->survey;
    struct ncr_text_table table = {.user = job,
                                   .n_rows = job->space->decisions.n,
                                   .n_columns = NCR_COUNT(titles),
                                   .titles = titles,
                                   .path = decision_path,
                                   .cell = decision_cell,
                                   .hidden =
                                       f->survey->figures[NCR_SURVEY_LATENCY].known ? 0 : 1u << 7,
                                   .no_total = true,
                                   .steps = steps};
    ncr_text_table_put(&t, &table);
}

static void text(struct space_job *job, const struct figures *f)
{
    struct ncr_space *space = job->space;
    struct ncr_count all = ncr_members_genotypes(job->members);
    ncr_buf_fmt(job->out, "net       %.*s, a space of %u decision%s\n", NCR_STR_ARG(space->name),
                space->decisions.n, space->decisions.n == 1 ? "" : "s");
    ncr_buf_fmt(job->out, "genotypes %.*s, feasible %.*s%s\n",
                NCR_STR_ARG(ncr_big_text(job->arena, all.count)),
                NCR_STR_ARG(ncr_big_text(job->arena, job->feasible.count)),
                job->feasible.exact ? "" : " (estimate)");
    ncr_buf_fmt(job->out, "\n%-12s %16s %16s\n", "figure", "min", "max");
    for (int i = 0; i < NCR_SPACE_FIGURE_COUNT_; i++)
        if (f->known[i])
            ncr_buf_fmt(job->out, "%-12s %16" PRId64 " %16" PRId64 "   %s\n",
                        ncr_space_figure_name((enum ncr_space_figure)i), f->at[i].low,
                        f->at[i].high,
                        f->at[i].drawn   ? "of draws"
                        : f->at[i].exact ? "exact"
                                         : "bound");
    bool any = false;
    for (uint32_t i = 0; i < space->requires.n; i++) {
        struct ncr_span span = space->requires.at[i].span;
        if (!span.file) continue;
        double share = ncr_space_excluded(space, i);
        ncr_buf_fmt(job->out, "%srequirement in line %u: ", any ? "" : "\n", line_of(job, span));
        if (share < 0)
            ncr_buf_puts(job->out,
                         "asked of each network; what it excludes by itself is not known\n");
        else
            ncr_buf_fmt(job->out, "excludes %.4g %% of the genotypes by itself\n", 100 * share);
        any = true;
    }
    if (f->survey) {
        put_survey(job, f);
        put_decisions(job, f);
    }
    struct ncr_text t = {job->out, job->cli->columns, job->cli->colour_out};
    ncr_buf_putc(job->out, '\n');
    ncr_text_note(&t, "quality",
                  "exact: some member has it; bound: none need have it; of draws: seen "
                  "among members drawn uniformly");
    ncr_text_note(&t, "members",
                  "those with the extremes: --format json; one is reported with --set "
                  "or --genotype; `nacre space` shows the decisions");
}

static void json_survey(struct space_job *job, const struct figures *f, struct ncr_json *j)
{
    const struct ncr_survey *s = f->survey;
    ncr_json_key(j, "survey");
    ncr_json_object(j);
    ncr_json_key_i64(j, "members", (int64_t)s->n);
    ncr_json_key_bool(j, "all", s->all);
    ncr_json_key_str(j, "target", f->target ? f->target->name : NCR_STR(""));
    ncr_json_key(j, "metrics");
    ncr_json_object(j);
    for (int m = 0; m < NCR_SURVEY_COUNT_; m++) {
        const struct ncr_survey_figure *g = &s->figures[m];
        if (!g->known) continue;
        ncr_json_key(j, ncr_survey_name((enum ncr_survey_metric)m));
        ncr_json_object(j);
        ncr_json_key_f64(j, "min", g->min);
        ncr_json_key_f64(j, "max", g->max);
        ncr_json_key_f64(j, "mean", g->mean);
        ncr_json_key_f64(j, "variance", g->variance);
        ncr_json_key(j, "histogram");
        ncr_json_array(j);
        for (int b = 0; b < NCR_SURVEY_BINS; b++)
            ncr_json_i64(j, (int64_t)g->bin[b]);
        ncr_json_end(j);
        ncr_json_key(j, "min_genotype");
        ncr_genotype_json(job->space, g->min_taken, j);
        ncr_json_key(j, "max_genotype");
        ncr_genotype_json(job->space, g->max_taken, j);
        ncr_json_end(j);
    }
    ncr_json_end(j);
    ncr_json_key(j, "decisions");
    ncr_json_array(j);
    for (uint32_t d = 0; d < job->space->decisions.n; d++) {
        const struct ncr_survey_decision *v = &s->decisions[d];
        ncr_json_object(j);
        ncr_json_key_str(j, "path", job->space->decisions.at[d].path);
        ncr_json_key_i64(j, "members", (int64_t)v->n);
        for (int spread = 0; spread < 2; spread++) {
            ncr_json_key(j, spread ? "spread_of_means" : "variance_share");
            ncr_json_object(j);
            for (int m = 0; m < NCR_SURVEY_COUNT_; m++)
                if (s->figures[m].known)
                    ncr_json_key_f64(j, ncr_survey_name((enum ncr_survey_metric)m),
                                     spread ? v->spread[m] : v->share[m]);
            ncr_json_end(j);
        }
        ncr_json_end(j);
    }
    ncr_json_end(j);
    ncr_json_end(j);
}

static void json(struct space_job *job, const struct figures *f)
{
    struct ncr_space *space = job->space;
    struct ncr_json j;
    ncr_json_init(&j, job->out);
    ncr_json_object(&j);
    ncr_json_key_str(&j, "schema", NCR_STR("nacre.space_report/1"));
    ncr_json_key_str(&j, "net", space->name);
    ncr_json_key_str(&j, "genotypes",
                     ncr_big_text(job->arena, ncr_members_genotypes(job->members).count));
    ncr_json_key_str(&j, "feasible", ncr_big_text(job->arena, job->feasible.count));
    ncr_json_key_bool(&j, "feasible_exact", job->feasible.exact);
    ncr_json_key(&j, "figures");
    ncr_json_object(&j);
    for (int i = 0; i < NCR_SPACE_FIGURE_COUNT_; i++) {
        if (!f->known[i]) continue;
        ncr_json_key(&j, ncr_space_figure_name((enum ncr_space_figure)i));
        ncr_json_object(&j);
        ncr_json_key_i64(&j, "min", f->at[i].low);
        ncr_json_key_i64(&j, "max", f->at[i].high);
        ncr_json_key_str(&j, "quality", ncr_str_of(quality(&f->at[i])));
        ncr_json_key(&j, "min_genotype");
        ncr_genotype_json(space, f->at[i].low_taken, &j);
        ncr_json_key(&j, "max_genotype");
        ncr_genotype_json(space, f->at[i].high_taken, &j);
        ncr_json_end(&j);
    }
    ncr_json_end(&j);
    ncr_json_key(&j, "requirements");
    ncr_json_array(&j);
    for (uint32_t i = 0; i < space->requires.n; i++) {
        if (!space->requires.at[i].span.file) continue;
        double share = ncr_space_excluded(space, i);
        ncr_json_object(&j);
        ncr_json_key_i64(&j, "line", line_of(job, space->requires.at[i].span));
        ncr_json_key_f64(&j, "excludes", share < 0 ? (double)NAN : share);
        ncr_json_end(&j);
    }
    ncr_json_end(&j);
    if (f->survey) json_survey(job, f, &j);
    ncr_json_key(&j, "lints");
    ncr_diags_json_into(&job->lints, &j);
    ncr_json_end(&j);
    ncr_buf_putc(job->out, '\n');
}

void space_report(struct space_job *job)
{
    struct figures f = {.known = {false}, .target = job->target};
    job->feasible =
        ncr_members_feasible(job->members, job->budget, job->draws, job->seed, &job->work);
    for (int i = 0; i < NCR_SPACE_FIGURE_COUNT_; i++) {
        // A plan of each network: milliseconds, where the others take microseconds.
        bool slow = i == NCR_SPACE_PEAK_MEMORY;
        f.known[i] = ncr_members_bounds(
            job->members, (enum ncr_space_figure)i, slow ? SLOW_BUDGET : job->budget,
            slow ? SLOW_DRAWS : job->draws, job->seed, &job->work, &f.at[i]);
    }
    // A plan of each network and its price take milliseconds.
    bool priced = f.target != NULL;
    f.survey = ncr_survey_of(job->arena, job->members, job->given, f.target,
                             priced ? SLOW_BUDGET : SURVEY_BUDGET,
                             priced ? SLOW_DRAWS : SURVEY_DRAWS, job->seed, &job->work);
    ncr_diags_init(&job->lints, job->arena, job->sources);
    if (f.survey) ncr_survey_lint(f.survey, job->space, &job->lints);
    if (job->cli->json)
        json(job, &f);
    else
        text(job, &f);
}
