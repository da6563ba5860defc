// nacre replay: one injection again, layer by layer.
#include "runtime/inject/replay.h"
#include "tools/nacre/campaign.h"

int cmd_replay(struct cli *cli)
{
    uint64_t index, input;
    struct ncr_error err;
    int code = cli_no_csv(cli);
    if (code) return code;
    if (!cli->opt[OPT_INDEX]) return cli_usage(cli, "which injection? --index I");
    if (!cli_u64(cli, OPT_INDEX, 0, UINT64_MAX / 2, 0, &index) ||
        !cli_u64(cli, OPT_INPUT, 0, NCR_ALL_INPUTS - 1, NCR_ALL_INPUTS, &input))
        return EXIT_COMMAND_LINE;
    struct cli_campaign campaign;
    code = cli_campaign_open(cli, false, &campaign);
    if (code) {
        cli_campaign_close(&campaign);
        return code;
    }
    const struct ncr_campaign_job *job = &campaign.job;
    struct ncr_arena *arena = campaign.work.program.arena;
    struct ncr_record record;
    const char *path = cli->opt[OPT_RECORDS];
    enum ncr_status status = NCR_OK;
    if (path) {
        struct ncr_buf head = {0};
        ncr_campaign_head(job, &head);
        status = ncr_records_read(&cli->io, path, (struct ncr_str){head.s, (uint32_t)head.n}, index,
                                  &record, &err);
        ncr_buf_free(&head);
    }
    struct ncr_replay replay;
    if (!status)
        status = ncr_replay_run(arena, &campaign.work.program.diags, job, index, (uint32_t)input,
                                &replay, &err);
    cli_diags(cli, &campaign.work.program);
    if (status) {
        code = cli_fail(cli, status, &err);
    } else {
        struct ncr_buf out = {0};
        if (cli->json)
            ncr_replay_json(&replay, job, path ? &record : NULL, &out);
        else
            ncr_replay_text(&replay, job, path ? &record : NULL, &out);
        code = cli_output_to(cli, cli->opt[OPT_OUTPUT], &out);
        // A record that the interpreter contradicts is a failure, whatever was printed.
        struct ncr_error why;
        if (!code && path && !ncr_replay_agrees(&replay.record, &record, &why)) code = EXIT_FAIL_ON;
    }
    cli_campaign_close(&campaign);
    return code;
}
