// nacre emit: any stage of the way from text to code, printed.
#include "compiler/codegen/codegen.h"
#include "compiler/mutate/resolved.h"
#include "compiler/plan/plan.h"
#include "tools/nacre/work.h"

// A stage appends its form to out; it prints what goes wrong and gives the exit code.
struct stage {
    const char *name;
    int (*from_text)(struct cli *cli, struct ncr_buf *out); // needs only the file
    int (*from_program)(struct cli *cli, struct cli_work *work, struct ncr_buf *out);
};

// Adds the file to the sources of program; its id, or 0 with *code set.
static uint32_t open_text(struct cli *cli, struct cli_program *program, int *code)
{
    struct ncr_buf text = {0};
    struct ncr_error err;
    uint32_t file = 0;
    *code = cli_begin(cli, program);
    if (*code) return 0;
    enum ncr_status status =
        cli->io.read_file(cli->io.user, cli->args[0], NCR_LIMIT_FILE_BYTES + 1, &text, &err);
    if (status == NCR_OK)
        file = ncr_sources_add(program->sources, ncr_str_of(cli->args[0]),
                               (struct ncr_str){text.s ? text.s : "", (uint32_t)text.n});
    else
        *code = cli_fail(cli, status, &err);
    ncr_buf_free(&text);
    return file;
}

static int tokens(struct cli *cli, struct ncr_buf *out)
{
    struct cli_program program;
    int code;
    uint32_t file = open_text(cli, &program, &code);
    if (file) {
        ncr_tokens_dump(&program.diags, file, out);
        cli_diags(cli, &program);
        if (program.diags.n_errors) code = EXIT_PROGRAM;
    }
    cli_close(&program);
    return code;
}

static int ast(struct cli *cli, struct ncr_buf *out)
{
    struct cli_program program;
    int code;
    uint32_t file = open_text(cli, &program, &code);
    if (file) {
        const struct ncr_syntax *syntax = ncr_parse(program.arena, &program.diags, file);
        cli_diags(cli, &program);
        if (program.diags.n_errors)
            code = EXIT_PROGRAM;
        else
            ncr_ast_dump(syntax->root, out);
    }
    cli_close(&program);
    return code;
}

static int module(struct cli *cli, struct cli_work *work, struct ncr_buf *out)
{
    (void)cli;
    ncr_program_dump(work->program.program, out);
    return EXIT_GOOD;
}

// The symbolic graph of a net with decisions.
static int space(struct cli *cli, struct cli_work *work, struct ncr_buf *out)
{
    const struct ncr_net_info *net;
    enum ncr_status status =
        ncr_program_find_net(work->program.program, work->pipeline.choice.net, &net, &work->err);
    if (status != NCR_OK) return work_status(cli, work, status);
    if (!net->space)
        return cli_usage(cli, "the net `%.*s` has no decisions: --stage graph shows it",
                         NCR_STR_ARG(net->name));
    ncr_space_dump(net->space, out);
    return EXIT_GOOD;
}

// The simplified graph: what every later stage works on, and whose node ids it names.
static int graph(struct cli *cli, struct cli_work *work, struct ncr_buf *out)
{
    enum ncr_status status = ncr_pipeline_graph(&work->pipeline, &work->err);
    if (status != NCR_OK) return work_status(cli, work, status);
    ncr_graph_dump(work->pipeline.graph, out);
    return EXIT_GOOD;
}

// The network as a program without choices; with dropout, which a program says and a simplified
// graph does not.
static int resolved(struct cli *cli, struct cli_work *work, struct ncr_buf *out)
{
    enum ncr_status status = ncr_pipeline_graph(&work->pipeline, &work->err);
    if (status != NCR_OK) return work_status(cli, work, status);
    if (!ncr_graph_program(work->pipeline.arena, work->pipeline.whole, out, NULL))
        NCR_BUG("a checked net shares weights between unequal layers");
    return EXIT_GOOD;
}

// With --weights the network with all its numbers; else its structure, which needs neither weights
// nor data.
static enum ncr_status make_qgraph(struct cli *cli, struct cli_work *work,
                                   const struct ncr_qgraph **out)
{
    struct ncr_pipeline *p = &work->pipeline;
    enum ncr_status status;
    if (cli->opt[OPT_WEIGHTS]) {
        status = ncr_pipeline_qgraph(p, &work->err);
        *out = p->qgraph;
        return status;
    }
    status = ncr_pipeline_graph(p, &work->err);
    if (status == NCR_OK) status = ncr_pipeline_quant(p, &work->err);
    if (status != NCR_OK) return status;
    *out = ncr_qgraph_build(p->arena, p->diags, p->graph, &p->quant, NULL, NULL);
    return *out ? NCR_OK : NCR_DIAGNOSED;
}

static int qgraph(struct cli *cli, struct cli_work *work, struct ncr_buf *out)
{
    const struct ncr_qgraph *q;
    enum ncr_status status = make_qgraph(cli, work, &q);
    if (status != NCR_OK) return work_status(cli, work, status);
    ncr_qgraph_dump(q, out);
    return EXIT_GOOD;
}

static int plan(struct cli *cli, struct cli_work *work, struct ncr_buf *out)
{
    const struct ncr_qgraph *q;
    enum ncr_status status = make_qgraph(cli, work, &q);
    if (status != NCR_OK) return work_status(cli, work, status);
    ncr_plan_dump(ncr_plan_build_batch(work->pipeline.arena, q, work->pipeline.choice.batch), out);
    return EXIT_GOOD;
}

// Code holds the constants, so it needs trained weights.
static int code_form(struct cli *cli, struct cli_work *work, struct ncr_buf *out,
                     enum ncr_code_form form)
{
    enum ncr_status status = ncr_pipeline_plan(&work->pipeline, &work->err);
    if (status != NCR_OK) return work_status(cli, work, status);
    struct ncr_code_options options = {.optimize = work->pipeline.choice.optimize,
                                       .triple = cli->opt[OPT_TRIPLE],
                                       .cpu = cli->opt[OPT_CPU],
                                       .places = work_places(cli, work)};
    status = ncr_code_emit(work->pipeline.plan, &options, form, out, &work->err);
    return status == NCR_OK ? EXIT_GOOD : work_status(cli, work, status);
}

static int llvm(struct cli *cli, struct cli_work *work, struct ncr_buf *out)
{
    return code_form(cli, work, out, NCR_CODE_LLVM);
}

static int assembly(struct cli *cli, struct cli_work *work, struct ncr_buf *out)
{
    return code_form(cli, work, out, NCR_CODE_ASM);
}

static int object(struct cli *cli, struct cli_work *work, struct ncr_buf *out)
{
    return code_form(cli, work, out, NCR_CODE_OBJECT);
}

static const struct stage stages[] = {
    {"tokens", tokens, NULL}, {"ast", ast, NULL},           {"module", NULL, module},
    {"space", NULL, space},   {"resolved", NULL, resolved}, {"graph", NULL, graph},
    {"qgraph", NULL, qgraph}, {"plan", NULL, plan},         {"llvm", NULL, llvm},
    {"asm", NULL, assembly},  {"obj", NULL, object},
};

static int no_stage(struct cli *cli, const char *found)
{
    struct ncr_str names[NCR_COUNT(stages)];
    struct ncr_buf list = {0};
    for (uint32_t i = 0; i < NCR_COUNT(stages); i++) {
        names[i] = ncr_str_of(stages[i].name);
        ncr_buf_fmt(&list, "%s%s", i ? ", " : "", stages[i].name);
    }
    struct ncr_str near = {"", 0};
    if (found) near = ncr_diag_nearest(ncr_str_of(found), names, NCR_COUNT(stages));
    int code = !found   ? cli_usage(cli, "which stage? Give --stage with one of %s", list.s)
               : near.n ? cli_usage(cli, "there is no stage `%s`; did you mean `%.*s`?", found,
                                    NCR_STR_ARG(near))
                        : cli_usage(cli, "there is no stage `%s`; there are %s", found, list.s);
    ncr_buf_free(&list);
    return code;
}

int cmd_emit(struct cli *cli)
{
    const char *name = cli->opt[OPT_STAGE];
    const struct stage *stage = NULL;
    for (size_t i = 0; name && i < NCR_COUNT(stages); i++)
        if (strcmp(name, stages[i].name) == 0) stage = &stages[i];
    if (!stage) return no_stage(cli, name);
    if (cli->json || cli->csv)
        return cli_usage(cli, "a stage has one form, its text; leave --format out");
    struct ncr_buf out = {0};
    int code;
    if (stage->from_text) {
        code = stage->from_text(cli, &out);
    } else {
        struct cli_work work;
        code = work_open(cli, &work);
        if (code == EXIT_GOOD) code = stage->from_program(cli, &work, &out);
        work_close(&work);
    }
    if (code == EXIT_GOOD) return cli_output_to(cli, cli->opt[OPT_OUTPUT], &out);
    ncr_buf_free(&out);
    return code;
}
