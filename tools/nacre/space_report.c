// nacre report of a net with open decisions: the figures of all its members, and what each
// requirement excludes.
#include <inttypes.h>
#include <math.h>

#include "tools/nacre/space.h"

enum { SLOW_BUDGET = 1000, SLOW_DRAWS = 200 };

struct figures {
    struct ncr_bounds at[NCR_SPACE_FIGURE_COUNT_];
    bool known[NCR_SPACE_FIGURE_COUNT_];
};

static const char *quality(const struct ncr_bounds *b)
{
    return b->drawn ? "drawn" : b->exact ? "exact" : "bound";
}

static uint32_t line_of(const struct space_job *job, struct ncr_span span)
{
    return ncr_sources_pos(job->sources, span.file, span.begin).line;
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
    ncr_buf_fmt(job->out, "\n%-8s %20s %20s\n", "figure", "min", "max");
    for (int i = 0; i < NCR_SPACE_FIGURE_COUNT_; i++)
        if (f->known[i])
            ncr_buf_fmt(job->out, "%-8s %20" PRId64 " %20" PRId64 "   %s\n",
                        ncr_space_figure_name((enum ncr_space_figure)i), f->at[i].low,
                        f->at[i].high,
                        f->at[i].drawn   ? "extremes of the members drawn"
                        : f->at[i].exact ? "exact"
                                         : "a bound that no member may reach");
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
    ncr_buf_puts(job->out,
                 "\nOne member is reported with --set or --genotype; `nacre space` shows the "
                 "decisions.\n");
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
    ncr_json_end(&j);
    ncr_buf_putc(job->out, '\n');
}

void space_report(struct space_job *job)
{
    struct figures f = {.known = {false}};
    job->feasible =
        ncr_members_feasible(job->members, job->budget, job->draws, job->seed, &job->work);
    for (int i = 0; i < NCR_SPACE_FIGURE_COUNT_; i++) {
        // A plan of each network: milliseconds, where the others take microseconds.
        bool slow = i == NCR_SPACE_PEAK_MEMORY;
        f.known[i] = ncr_members_bounds(
            job->members, (enum ncr_space_figure)i, slow ? SLOW_BUDGET : job->budget,
            slow ? SLOW_DRAWS : job->draws, job->seed, &job->work, &f.at[i]);
    }
    if (job->cli->json)
        json(job, &f);
    else
        text(job, &f);
}
