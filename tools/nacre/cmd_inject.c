// nacre inject: a fault campaign on a quantised network.
#include <stdio.h>

#include "runtime/inject/report.h"
#include "tools/nacre/campaign.h"

struct csv {
    struct ncr_buf out;
    const struct ncr_qgraph *qgraph;
};

static void take_records(void *user, const struct ncr_record *records, size_t n)
{
    struct csv *csv = user;
    ncr_inject_csv(csv->qgraph, records, n, &csv->out);
}

int cmd_inject(struct cli *cli)
{
    struct cli_campaign campaign;
    if (cli->opt[OPT_RESUME] && !cli->opt[OPT_RECORDS])
        return cli_usage(cli, "--resume needs the file to resume: --records FILE");
    int code = cli_campaign_open(cli, true, &campaign);
    if (code) {
        cli_campaign_close(&campaign);
        return code;
    }
    struct ncr_campaign_job *job = &campaign.job;
    struct csv csv = {.qgraph = job->executor->qgraph};
    job->records = cli->opt[OPT_RECORDS];
    job->resume = cli->opt[OPT_RESUME] != NULL;
    if (cli->csv) {
        job->sink = take_records;
        job->sink_user = &csv;
        ncr_inject_csv_head(&csv.out);
    }
    struct ncr_campaign_result result;
    struct ncr_error err;
    enum ncr_status status = ncr_campaign_run(campaign.work.program.arena,
                                              &campaign.work.program.diags, job, &result, &err);
    cli_diags(cli, &campaign.work.program);
    // What was done before a stop is worth showing.
    if (status == NCR_OK || status == NCR_INTERRUPTED) {
        struct ncr_inject_view view = {.job = job,
                                       .result = &result,
                                       .campaign = campaign.name,
                                       .fault = campaign.fault.name,
                                       .quant = campaign.work.pipeline.quant.name,
                                       .data = campaign.data_text,
                                       .columns = (uint32_t)cli->columns};
        struct ncr_buf out = {0};
        if (cli->json)
            ncr_inject_json(&view, &out);
        else if (!cli->csv)
            ncr_inject_text(&view, &out);
        code = cli_output_to(cli, cli->opt[OPT_OUTPUT], cli->csv ? &csv.out : &out);
    }
    if (status) code = cli_fail(cli, status, &err);
    if (status == NCR_INTERRUPTED && job->records && !cli->quiet)
        fprintf(stderr, "nacre inject: %s; go on with --resume\n", err.text);
    ncr_buf_free(&csv.out);
    cli_campaign_close(&campaign);
    return code;
}
