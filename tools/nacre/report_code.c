// Weights and a target to the bytes of code and stack of a report: the object is made and measured.
#include "tools/nacre/report_code.h"

#include "compiler/codegen/codegen.h"

// As LLVM takes it, or NULL where the target leaves it out.
static const char *named(struct ncr_arena *arena, struct ncr_str s)
{
    return s.n ? ncr_str_dup(arena, s).s : NULL;
}

int report_code(struct cli *cli, struct cli_work *work, const struct ncr_target_spec *target,
                struct ncr_report *report)
{
    struct ncr_pipeline *p = &work->pipeline;
    if (!cli->opt[OPT_WEIGHTS] || !target || !target->triple.n) return EXIT_GOOD;
    enum ncr_status status = ncr_pipeline_plan(p, &work->err);
    if (status != NCR_OK) return work_status(cli, work, status);
    struct ncr_report_code *code = NCR_NEW(p->arena, struct ncr_report_code);
    struct ncr_code_sizes sizes;
    struct ncr_buf object = {0};
    struct ncr_code_options options = {.triple = named(p->arena, target->triple),
                                       .cpu = named(p->arena, target->cpu),
                                       .features = named(p->arena, target->features),
                                       .stack_bytes = &code->stack_bytes,
                                       .sizes = &sizes};
    options.optimize = ncr_code_is_bare(options.triple) ? NCR_OPTIMIZE_SIZE : NCR_OPTIMIZE_SPEED;
    status = ncr_code_emit(p->plan, &options, NCR_CODE_OBJECT, &object, &work->err);
    ncr_buf_free(&object);
    // A machine that no code is made for still has a price.
    if (status == NCR_USAGE)
        code->why = ncr_str_dup(p->arena, ncr_str_of(work->err.text));
    else if (status != NCR_OK)
        return work_status(cli, work, status);
    else
        code->code_bytes = sizes.code;
    report->code = code;
    return EXIT_GOOD;
}
