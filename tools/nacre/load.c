// Loads and checks a program for a command.
#include "compiler/mutate/mutate.h"
#include "tools/nacre/cli.h"

int cli_open(struct cli *cli, const char *path, struct cli_program *out)
{
    int code = cli_begin(cli, out);
    if (code) return code;
    struct ncr_error err;
    out->modules = ncr_modules_load(out->arena, out->sources, &out->diags, &cli->io, path,
                                    cli->opt[OPT_STDLIB], &err);
    if (!out->modules) return cli_fail(cli, NCR_ENVIRONMENT, &err);
    // Later stages do not run on what did not parse: one cause, one message.
    if (out->diags.n_errors == 0)
        out->program = ncr_program_check(out->arena, &out->diags, out->modules);
    if (cli->command == CMD_CHECK && out->program && out->diags.n_errors == 0)
        ncr_mutation_claims_check(out->program, &out->diags);
    if (!(cli->command == CMD_CHECK && cli->json)) cli_diags(cli, out);
    return out->diags.n_errors ? EXIT_PROGRAM : EXIT_GOOD;
}
