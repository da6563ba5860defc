// The memory, sources and diagnostics of a command. Loading and checking a program is load.c.
#include <stdio.h>

#include "tools/nacre/cli.h"

enum { ARENA_LIMIT_MIB = 4096 };

int cli_begin(struct cli *cli, struct cli_program *out)
{
    *out = (struct cli_program){.arena = ncr_arena_new((size_t)ARENA_LIMIT_MIB << 20)};
    if (!out->arena) {
        fprintf(stderr, "nacre %s: error: out of memory\n", cli->name);
        return EXIT_ENVIRONMENT;
    }
    out->sources = ncr_sources_new(out->arena);
    ncr_diags_init(&out->diags, out->arena, out->sources);
    return EXIT_GOOD;
}

void cli_diags(struct cli *cli, struct cli_program *program)
{
    struct ncr_buf out = {0};
    cli_io_done(cli);
    ncr_diags_text(&program->diags, &out, cli->colour);
    if (out.n) fwrite(out.s, 1, out.n, stderr);
    ncr_buf_free(&out);
    // What is printed is forgotten, the counts stay.
    program->diags.first = NULL;
    program->diags.last = &program->diags.first;
}

void cli_lints(const struct cli *cli, const struct ncr_diags *lints)
{
    struct ncr_buf out = {0};
    fflush(stdout);
    ncr_diags_text(lints, &out, cli->colour);
    if (out.n) fwrite(out.s, 1, out.n, stderr);
    ncr_buf_free(&out);
}

void cli_close(struct cli_program *program)
{
    ncr_arena_free(program->arena);
    *program = (struct cli_program){0};
}
