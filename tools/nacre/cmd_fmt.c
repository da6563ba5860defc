// nacre fmt: canonical source text.
#include <stdio.h>

#include "tools/nacre/cli.h"

int cmd_fmt(struct cli *cli)
{
    int code = cli_no_csv(cli);
    if (code) return code;
    const char *path = cli->args[0];
    bool write = cli->opt[OPT_WRITE] != NULL, check = cli->opt[OPT_CHECK] != NULL;
    if (write && check) return cli_usage(cli, "--write and --check exclude each other");
    struct ncr_buf text = {0}, out = {0};
    struct ncr_error err;
    enum ncr_status status =
        cli->io.read_file(cli->io.user, path, NCR_LIMIT_FILE_BYTES + 1, &text, &err);
    if (status != NCR_OK) return cli_fail(cli, status, &err);
    struct cli_program program;
    code = cli_begin(cli, &program);
    if (code) return code;
    struct ncr_str view = {text.s ? text.s : "", (uint32_t)text.n};
    uint32_t file = ncr_sources_add(program.sources, ncr_str_of(path), view);
    struct ncr_syntax *syntax = ncr_parse(program.arena, &program.diags, file);
    cli_diags(cli, &program);
    if (program.diags.n_errors) {
        code = EXIT_PROGRAM;
    } else {
        ncr_fmt(syntax, program.sources, &out);
        bool same = out.n == text.n && (out.n == 0 || memcmp(out.s, text.s, out.n) == 0);
        if (check && !same) {
            if (!cli->quiet) fprintf(stderr, "%s is not in canonical form\n", path);
            code = EXIT_PROGRAM;
        } else if (write && !same) {
            code = cli_output_to(cli, path, &out);
        } else if (!write && !check) {
            code = cli_output(cli, &out);
        }
    }
    ncr_buf_free(&out);
    ncr_buf_free(&text);
    cli_close(&program);
    return code;
}
