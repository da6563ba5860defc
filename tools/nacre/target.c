// --target NAME to a checked declaration.
#include "tools/nacre/target.h"

enum { NAMES = 64 };

static const struct ncr_target_spec *find(const struct ncr_program *program, struct ncr_str name)
{
    const struct ncr_config *config = ncr_program_config(program);
    for (uint32_t i = config->n_target; i-- > 0;)
        if (!name.n || ncr_str_eq(config->target[i]->name, name)) return config->target[i];
    return NULL;
}

static int check(struct cli *cli, struct cli_program *program, const struct ncr_modules *modules,
                 struct ncr_str name, const struct ncr_target_spec **out)
{
    struct ncr_program *other = NULL;
    if (program->diags.n_errors == 0)
        other = ncr_program_check(program->arena, &program->diags, modules);
    cli_diags(cli, program);
    if (program->diags.n_errors) return EXIT_PROGRAM;
    *out = find(other, name);
    return EXIT_GOOD;
}

static bool is_path(struct ncr_str name)
{
    return name.n > 4 && memcmp(name.s + name.n - 4, ".ncr", 4) == 0;
}

static int unknown(struct cli *cli, const struct cli_program *program, struct ncr_str name)
{
    static const char prefix[] = "std.targets.";
    struct ncr_str names[NAMES];
    uint32_t n = 0, skip = sizeof prefix - 1;
    const struct ncr_config *config = ncr_program_config(program->program);
    for (uint32_t i = 0; i < config->n_target && n < NAMES; i++)
        names[n++] = config->target[i]->name;
    for (size_t i = 0; i < ncr_stdlib_count && n < NAMES; i++)
        if (strncmp(ncr_stdlib[i].module, prefix, skip) == 0)
            names[n++] = ncr_str_of(ncr_stdlib[i].module + skip);
    struct ncr_str near = ncr_diag_nearest(name, names, n);
    struct ncr_buf list = {0};
    for (uint32_t i = 0; i < n; i++)
        ncr_buf_fmt(&list, "%s%.*s", i ? ", " : "", NCR_STR_ARG(names[i]));
    int code;
    if (near.n)
        code = cli_usage(cli, "there is no target `%.*s`; did you mean `%.*s`? There are %s",
                         NCR_STR_ARG(name), NCR_STR_ARG(near), list.s);
    else
        code = cli_usage(cli, "there is no target `%.*s`; there are %s", NCR_STR_ARG(name),
                         list.s ? list.s : "none");
    ncr_buf_free(&list);
    return code;
}

int cli_target(struct cli *cli, struct cli_program *program, const struct ncr_target_spec **out)
{
    *out = NULL;
    if (!cli->opt[OPT_TARGET]) return EXIT_GOOD;
    struct ncr_str name = ncr_str_of(cli->opt[OPT_TARGET]);
    *out = find(program->program, name);
    if (*out && name.n) return EXIT_GOOD;
    if (is_path(name)) {
        struct ncr_error err;
        struct ncr_modules *modules =
            ncr_modules_load(program->arena, program->sources, &program->diags, &cli->io,
                             cli->opt[OPT_TARGET], cli->opt[OPT_STDLIB], &err);
        if (!modules) return cli_fail(cli, NCR_ENVIRONMENT, &err);
        int code = check(cli, program, modules, NCR_STR(""), out);
        if (code == EXIT_GOOD && !*out)
            return cli_usage(cli, "'%s' declares no target", cli->opt[OPT_TARGET]);
        return code;
    }
    // The copy of --stdlib goes before the built-in one.
    if (cli->opt[OPT_STDLIB]) {
        struct ncr_error err;
        struct ncr_str path = ncr_str_fmt(program->arena, "%s/targets/%.*s.ncr",
                                          cli->opt[OPT_STDLIB], NCR_STR_ARG(name));
        struct ncr_modules *modules =
            ncr_modules_load(program->arena, program->sources, &program->diags, &cli->io, path.s,
                             cli->opt[OPT_STDLIB], &err);
        int code = modules ? check(cli, program, modules, name, out) : EXIT_GOOD;
        if (code || *out) return code;
    }
    struct ncr_str module = ncr_str_fmt(program->arena, "std.targets.%.*s", NCR_STR_ARG(name));
    for (size_t i = 0; i < ncr_stdlib_count; i++) {
        if (!ncr_str_is(module, ncr_stdlib[i].module)) continue;
        struct ncr_str text = {ncr_stdlib[i].text, (uint32_t)ncr_stdlib[i].n};
        struct ncr_modules *modules =
            ncr_modules_load_text(program->arena, program->sources, &program->diags, &cli->io,
                                  module, text, NCR_STR(""), cli->opt[OPT_STDLIB]);
        int code = check(cli, program, modules, name, out);
        if (code || *out) return code;
    }
    return unknown(cli, program, name);
}
