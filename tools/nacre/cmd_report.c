// nacre report: what a network costs, from its text alone.
#include "compiler/analysis/report.h"
#include "tools/nacre/space.h"
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

int cmd_report(struct cli *cli)
{
    struct cli_work work;
    struct ncr_report *report = NULL;
    int code = work_open(cli, &work);
    int open_code;
    if (code == EXIT_GOOD && space_report_open(cli, &work.program, &open_code)) {
        work_close(&work);
        return open_code;
    }
    if (code == EXIT_GOOD) code = work_status(cli, &work, build(&work, &report));
    if (code == EXIT_GOOD) {
        struct ncr_buf out = {0};
        if (cli->json)
            ncr_report_json(report, work.program.sources, &out);
        else if (cli->csv)
            ncr_report_csv(report, work.program.sources, &out);
        else
            ncr_report_text(report, cli->columns, &out);
        code = cli_output(cli, &out);
    }
    work_close(&work);
    return code;
}
