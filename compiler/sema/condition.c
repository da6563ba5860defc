// Text and values of metrics to true or false.
#include "compiler/sema/condition.h"

#include "compiler/sema/eval.h"
#include "compiler/sema/lower.h"

// An item of its own, so that the condition can name what the root module defines.
static struct ncr_item *new_item(struct ncr_program *program, const struct ncr_ast *ast)
{
    struct ncr_item *item = NCR_NEW(program->arena, struct ncr_item);
    *item = (struct ncr_item){.kind = NCR_ITEM_DECLARATION,
                              .name = NCR_STR("condition"),
                              .name_span = ast->span,
                              .ast = ast,
                              .module = program->modules->n - 1,
                              .index = program->items.n,
                              .refs_at = program->refs.n};
    size_t bytes = program->items.n * sizeof *program->stamps;
    program->stamps =
        ncr_arena_grow(program->arena, program->stamps, bytes, bytes + sizeof *program->stamps);
    program->stamps[item->index] = 0;
    ncr_vec_push(program->arena, &program->items, item);
    return item;
}

bool ncr_condition_holds(struct ncr_program *program, uint32_t file,
                         const struct ncr_metric_value *values, uint32_t n, bool *holds)
{
    struct ncr_diags *diags = program->reporter.diags;
    uint32_t errors = diags->n_errors;
    const struct ncr_ast *ast = ncr_parse_expr(program->arena, diags, file);
    if (!ast || diags->n_errors > errors) return false;
    struct ncr_lower lo = {
        .program = program, .reporter = &program->reporter, .arena = program->arena};
    struct ncr_item *item = new_item(program, ast);
    ncr_lower_begin(&lo, item);
    ncr_lower_open(&lo);
    lo.search = true;
    lo.metrics = values;
    lo.n_metrics = n;
    struct ncr_code *code = ncr_lower_condition(&lo, ast);
    item->n_refs = program->refs.n - item->refs_at;
    if (diags->n_errors > errors) return false;
    struct ncr_eval ev;
    if (!ncr_eval_start(&ev, program, NCR_STR(""))) return false;
    if (setjmp(ev.out_of_memory)) {
        ncr_eval_exhausted(&ev, NCR_NOWHERE);
        return false;
    }
    ncr_arena_on_oom(ev.scratch, &ev.out_of_memory);
    ncr_eval_lets(&ev, item, false);
    ev.frame = ncr_eval_frame(&ev, lo.n_slots, NULL);
    struct ncr_value v = ncr_eval_code(&ev, code);
    bool good = v.kind == NCR_KIND_BOOL;
    if (good)
        *holds = v.as.b;
    else if (diags->n_errors == errors)
        NCR_REPORT(
            &program->reporter, CONDITION_OPEN, ast->span,
            ncr_show_str(&program->reporter, ev.open ? ev.open_path : NCR_STR("a decision")));
    ncr_eval_finish(&ev);
    return good;
}
