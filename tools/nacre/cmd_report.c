// nacre report: what a network costs, from its text alone.
#include <stdio.h>

#include "compiler/analysis/lint.h"
#include "compiler/analysis/report.h"
#include "compiler/sema/condition.h"
#include "tools/nacre/report_code.h"
#include "tools/nacre/report_diff.h"
#include "tools/nacre/report_html.h"
#include "tools/nacre/report_range.h"
#include "tools/nacre/report_relevance.h"
#include "tools/nacre/space.h"
#include "tools/nacre/target.h"
#include "tools/nacre/work.h"

static enum ncr_status build(struct cli_work *work, struct ncr_report **out)
{
    struct ncr_pipeline *pipeline = &work->pipeline;
    enum ncr_status status = ncr_pipeline_graph(pipeline, &work->err);
    if (status == NCR_OK) status = ncr_pipeline_quant(pipeline, &work->err);
    if (status != NCR_OK) return status;
    *out = ncr_report_build(pipeline->arena, pipeline->diags, pipeline->graph, &pipeline->quant,
                            pipeline->quant_is_default);
    return *out ? NCR_OK : NCR_DIAGNOSED;
}

// -- --show -------------------------------------------------------------------------------------

static int sections(struct cli *cli, uint32_t *show)
{
    *show = 0;
    for (const char *word = cli->opt[OPT_SHOW]; word;) {
        size_t n = strcspn(word, ",");
        uint32_t found = n == 3 && memcmp(word, "all", 3) == 0 ? UINT32_MAX : 0;
        for (size_t i = 0; i < ncr_report_section_count; i++)
            if (strlen(ncr_report_sections[i].name) == n &&
                memcmp(ncr_report_sections[i].name, word, n) == 0)
                found = ncr_report_sections[i].show;
        if (!found) {
            struct ncr_buf names = {0};
            for (size_t i = 0; i < ncr_report_section_count; i++)
                ncr_buf_fmt(&names, "%s, ", ncr_report_sections[i].name);
            int code = cli_usage(cli, "--show knows no section `%.*s`; there are %sall", (int)n,
                                 word, names.s);
            ncr_buf_free(&names);
            return code;
        }
        *show |= found;
        word = word[n] ? word + n + 1 : NULL;
    }
    return EXIT_GOOD;
}

// -- --fail-on ----------------------------------------------------------------------------------

// EXIT_FAIL_ON after a message where the condition holds.
static int judge(struct cli *cli, struct cli_program *program, const struct ncr_report *r)
{
    const char *text = cli->opt[OPT_FAIL_ON];
    if (!text) return EXIT_GOOD;
    const struct ncr_cost *cost = r->cost;
    const char *no_target = "give a --target", *timed = !cost ? no_target
                                                        : cost->target->model == NCR_MODEL_NONE
                                                            ? "the target has no cost model"
                                                            : NULL;
    const char *clocked = timed                         ? timed
                          : cost->target->clock_hz <= 0 ? "the target gives no clock"
                                                        : NULL;
    const char *weighed = r->range ? NULL : "give --weights";
    const struct ncr_metric_value values[] = {
        {"params", (double)r->params, NULL},
        {"macs", (double)r->macs, NULL},
        {"flops", (double)r->flops, NULL},
        {"depth", (double)r->depth, NULL},
        {"flash", 8.0 * (double)r->weight_bytes, NULL},
        {"peak_memory", 8.0 * (double)r->peak_memory_bytes, NULL},
        {"arena", 8.0 * (double)r->arena_bytes, NULL},
        {"cycles", cost ? cost->total.cycles : 0, clocked},
        {"latency", cost ? cost->total.seconds : 0, timed},
        {"energy", cost ? ncr_cost_energy(cost, &cost->total) : 0,
         !cost              ? no_target
         : cost->has_energy ? NULL
                            : "the target has no energy table"},
        {"utilisation", cost ? cost->total.utilisation : 0,
         timed                         ? timed
         : cost->total.utilisation > 0 ? NULL
                                       : "the target gives no peak"},
        {"asi", r->asi.mean, NULL},
        {"asi_mean", r->asi.mean, NULL},
        {"asi_layer", r->asi.layer, NULL},
        {"asi_max", r->asi.max, NULL},
        {"asi_exp", r->asi.exp, NULL},
        {"adcr", r->adcr.sum, NULL},
        {"adcr_sum", r->adcr.sum, NULL},
        {"adcr_ratio", r->adcr.ratio, NULL},
        {"proved_masked", r->range ? r->range->proved_masked : 0, weighed},
        {"range_estimate", r->range ? r->range->estimate.mean : 0, weighed},
    };
    struct ncr_str kept = ncr_str_dup(program->arena, ncr_str_of(text));
    uint32_t file = ncr_sources_add(program->sources, NCR_STR("--fail-on"), kept);
    bool holds = false,
         good = ncr_condition_holds(program->program, file, values, NCR_COUNT(values), &holds);
    cli_diags(cli, program);
    if (!good) return EXIT_COMMAND_LINE;
    if (!holds) return EXIT_GOOD;
    fprintf(stderr, "nacre report: %.*s fails on: %s\n", NCR_STR_ARG(r->name), text);
    return EXIT_FAIL_ON;
}

// -- the report ---------------------------------------------------------------------------------

static void print(const struct cli *cli, const struct cli_work *work,
                  const struct ncr_report *report, uint32_t show, struct ncr_buf *out)
{
    struct ncr_report_look look = {cli->columns, cli->colour_out, work->program.sources, show};
    if (cli->json)
        ncr_report_json(report, work->program.sources, out);
    else if (cli->csv)
        ncr_report_csv(report, work->program.sources, out);
    else
        ncr_report_text(report, &look, out);
}

static void lint(struct cli_work *work, struct ncr_report *report, struct ncr_diags *lints)
{
    ncr_diags_init(lints, work->program.arena, work->program.sources);
    ncr_report_lint(report, lints);
    report->lints = lints;
}

int report_json_of(struct cli *cli, struct ncr_buf *out)
{
    struct cli_work work;
    struct ncr_report *report = NULL;
    const struct ncr_target_spec *target = NULL;
    int code = work_open(cli, &work);
    if (code == EXIT_GOOD) code = cli_target(cli, &work.program, &target);
    if (code == EXIT_GOOD) code = work_status(cli, &work, build(&work, &report));
    if (code == EXIT_GOOD && target) ncr_report_price(report, work.program.arena, target);
    if (code == EXIT_GOOD) ncr_report_json(report, work.program.sources, out);
    work_close(&work);
    return code;
}

int report_output(struct cli *cli, struct ncr_str name, struct ncr_buf *out)
{
    if (cli->html) {
        struct ncr_buf page = {0};
        report_html(out, name, &page);
        ncr_buf_free(out);
        *out = page;
    }
    return cli_output_to(cli, cli->opt[OPT_OUTPUT], out);
}

int cmd_report(struct cli *cli)
{
    struct cli_work work;
    struct ncr_report *report = NULL;
    const struct ncr_target_spec *target = NULL;
    uint32_t show;
    int code = sections(cli, &show), open_code;
    if (code) return code;
    if (cli->html && !report_html_there())
        return cli_usage(
            cli, "this build has no plotting library: run scripts/web.sh where npm can fetch it, "
                 "configure and build again");
    if (cli->html && cli->opt[OPT_DIFF])
        return cli_usage(cli, "--diff has the forms text, json and csv");
    if (cli->opt[OPT_DIFF]) return report_diff(cli);
    if (cli->n_args > 1)
        return cli_usage(cli, "one file, but `%s` is one more; --diff takes two", cli->args[1]);
    code = work_open(cli, &work);
    if (code == EXIT_GOOD && space_report_open(cli, &work.program, &open_code)) {
        work_close(&work);
        return open_code;
    }
    if (code == EXIT_GOOD) code = cli_target(cli, &work.program, &target);
    if (code == EXIT_GOOD) code = work_status(cli, &work, build(&work, &report));
    if (code == EXIT_GOOD) code = report_range(cli, &work, report);
    if (code == EXIT_GOOD) code = report_relevance(cli, &work, report);
    if (code == EXIT_GOOD) code = report_code(cli, &work, target, report);
    if (code == EXIT_GOOD) {
        struct ncr_buf out = {0};
        struct ncr_diags lints;
        if (target) ncr_report_price(report, work.program.arena, target);
        lint(&work, report, &lints);
        print(cli, &work, report, show, &out);
        code = report_output(cli, report->name, &out);
        if (!cli->json && !cli->csv) cli_lints(cli, &lints);
    }
    if (code == EXIT_GOOD) code = judge(cli, &work.program, report);
    work_close(&work);
    return code;
}
