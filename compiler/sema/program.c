// The checked program: runs the checks of checks.def in order, and answers what commands ask.
#include "compiler/sema/eval.h"
#include "compiler/space/members.h"

enum { SCRATCH_LIMIT = 1 << 30 };

// -- elaboration --------------------------------------------------------------------------------

bool ncr_eval_start(struct ncr_eval *ev, struct ncr_program *program, struct ncr_str root)
{
    *ev = (struct ncr_eval){.scratch = ncr_arena_new(SCRATCH_LIMIT), .work = ncr_arena_new(0)};
    if (!ev->scratch || !ev->work) {
        ncr_arena_free(ev->scratch);
        ncr_arena_free(ev->work);
        NCR_REPORT0(&program->reporter, NO_MEMORY, NCR_NOWHERE);
        return false;
    }
    ncr_arena_alloc(ev->work, 1); // a first chunk that stays when marks are reset
    ncr_eval_init(ev, program, program->arena, root);
    return true;
}

void ncr_eval_finish(struct ncr_eval *ev)
{
    struct ncr_program *program = ev->program;
    program->steps_left -= (uint64_t)ncr_min_i64((int64_t)ev->steps, (int64_t)program->steps_left);
    ncr_arena_free(ev->work);
    // Requirements that only a network can answer are evaluated again for each.
    if (ev->space && ev->space->holds)
        ncr_arena_adopt(program->arena, ev->scratch);
    else
        ncr_arena_free(ev->scratch);
}

void ncr_eval_exhausted(struct ncr_eval *ev, struct ncr_span span)
{
    ev->reporter->muted = 0;
    NCR_REPORT(ev->reporter, EVAL_MEMORY, ev->here ? ev->here->span : span,
               (int)(SCRATCH_LIMIT >> 20));
    ncr_arena_free(ev->work);
    ncr_arena_free(ev->scratch);
}

static void parameters_of(struct ncr_program *program, const struct ncr_item *item,
                          struct ncr_net_info *info)
{
    for (uint32_t i = 0; i < item->def->n_params; i++)
        if (!item->def->params[i].has_default && !info->parameter.n)
            info->parameter = ncr_str_dup(program->arena, item->def->params[i].name);
}

// Whether requirement `check` holds for a network: its code again, with the decisions taken.
static bool holds(void *user, uint32_t check, const uint32_t *taken, const struct ncr_graph *graph)
{
    struct ncr_eval *ev = user;
    const struct ncr_later_require *later = &ev->later.at[check];
    ev->graph = graph;
    ev->taken = taken;
    ev->frame = later->frame;
    ev->steps = 0;
    ev->depth = 0;
    ev->reporter->muted++;
    struct ncr_arena_mark mark = ncr_arena_mark(ev->scratch);
    struct ncr_value v = ncr_eval_code(ev, later->code);
    bool good = v.kind == NCR_KIND_BOOL && v.as.b;
    ncr_arena_reset(ev->scratch, mark);
    ev->reporter->muted--;
    ev->graph = NULL;
    ev->taken = NULL;
    return good;
}

// The network of a space without decisions; its requirements are asked here.
static const struct ncr_graph *only_member(struct ncr_program *program, struct ncr_space *space)
{
    static const uint32_t none[1];
    const struct ncr_graph *graph = ncr_space_bind(space, none, program->arena);
    uint32_t failed;
    if (ncr_space_feasible(space, none, graph, &failed)) return graph;
    NCR_REPORT(&program->reporter, REQUIRE_FAILED, space->requires.at[failed].span, "it is false");
    return NULL;
}

// A space without members is an error of its requirements.
static void check_members(struct ncr_program *program, const struct ncr_item *item,
                          struct ncr_space *space)
{
    uint32_t *conflict = NCR_NEW_N(program->arena, uint32_t, space->requires.n);
    uint32_t n = ncr_space_conflict(program->arena, space, conflict);
    if (n == 0) return;
    struct ncr_diag *d = NCR_REPORT(&program->reporter, EMPTY_SPACE, item->name_span,
                                    ncr_show_str(&program->reporter, item->name),
                                    n == 1 ? "this requirement excludes all"
                                           : "these requirements exclude each other");
    for (uint32_t i = 0; i < n; i++)
        ncr_report_note(&program->reporter, d, space->requires.at[conflict[i]].span, "required");
}

static void elaborate(struct ncr_program *program, const struct ncr_item *item,
                      struct ncr_net_info *info)
{
    struct ncr_eval ev;
    if (!ncr_eval_start(&ev, program, item->name)) return;
    if (setjmp(ev.out_of_memory)) {
        ncr_eval_exhausted(&ev, item->name_span);
        return;
    }
    ncr_arena_on_oom(ev.scratch, &ev.out_of_memory);
    ncr_arena_on_oom(ev.work, &ev.out_of_memory);
    struct ncr_space *space = ev.space = ncr_space_new(program->arena, item->name, ev.work);
    bool good = ncr_eval_net(&ev, item);
    if (space->decisions.n) {
        info->has_decisions = true;
        info->decision = space->decisions.at[0].path;
        info->decision_span = space->decisions.at[0].span;
    }
    if (good && ev.later.n) {
        struct ncr_eval *kept = NCR_NEW(program->arena, struct ncr_eval);
        *kept = ev;
        space->holds = holds;
        space->user = kept;
    }
    ncr_arena_on_oom(ev.scratch, NULL);
    ncr_eval_finish(&ev);
    space->diagrams.scratch = program->arena;
    if (!good) return;
    if (!info->has_decisions) {
        info->graph = only_member(program, space);
        return;
    }
    info->space = space;
    check_members(program, item, space);
}

// -- checks -------------------------------------------------------------------------------------

static void check_items(struct ncr_program *program)
{
    ncr_items_make(program);
    program->stamps = NCR_NEW_N(program->arena, uint32_t, program->items.n);
}

static void check_references(struct ncr_program *program)
{
    ncr_lower_program(program);
}

static void check_recursion(struct ncr_program *program)
{
    ncr_recursion_check(program);
}

static void check_values(struct ncr_program *program)
{
    struct ncr_eval ev;
    if (!ncr_eval_start(&ev, program, NCR_STR(""))) return;
    if (setjmp(ev.out_of_memory)) {
        ncr_eval_exhausted(&ev, NCR_NOWHERE);
        return;
    }
    ncr_arena_on_oom(ev.scratch, &ev.out_of_memory);
    program->stamp++;
    for (uint32_t i = 0; i < program->items.n && !ev.stopped; i++)
        if (program->items.at[i]->kind == NCR_ITEM_LET)
            ncr_eval_lets(&ev, program->items.at[i], true);
    ncr_eval_finish(&ev);
}

static void check_declarations(struct ncr_program *program)
{
    ncr_declarations_check(program);
}

static void check_nets(struct ncr_program *program)
{
    const struct ncr_module_scope *root = &program->scopes[program->modules->n - 1];
    for (uint32_t i = 0; i < root->n_items; i++) {
        const struct ncr_item *item = program->items.at[root->first_item + i];
        if (item->kind != NCR_ITEM_NET) continue;
        struct ncr_net_info info = {
            .name = item->name, .span = item->name_span, .doc = item->ast->doc};
        parameters_of(program, item, &info);
        if (!info.parameter.n && !item->def->wrong && program->steps_left)
            elaborate(program, item, &info);
        ncr_vec_push(program->arena, &program->nets, info);
    }
}

// Mutations are used by being there: `nacre mutate` and searches name them.
static bool offers_mutations(const struct ncr_program *program, const struct ncr_module *module)
{
    for (uint32_t i = 0; i < program->items.n; i++)
        if (program->items.at[i]->kind == NCR_ITEM_MUTATION &&
            program->modules->at[program->items.at[i]->module] == module)
            return true;
    return false;
}

static void check_unused(struct ncr_program *program)
{
    // Items of the root module that nothing names: only lets, since nets, blocks and declarations
    // are what it is for.
    const struct ncr_module_scope *root = &program->scopes[program->modules->n - 1];
    for (uint32_t i = 0; i < root->n_items; i++) {
        const struct ncr_item *item = program->items.at[root->first_item + i];
        if (item->kind != NCR_ITEM_LET || item->uses || item->name.s[0] == '_') continue;
        NCR_REPORT(&program->reporter, UNUSED_LET, item->name_span,
                   ncr_show_str(&program->reporter, item->name));
    }
    for (uint32_t i = 0; i < root->n_imports; i++) {
        const struct ncr_import_use *import = &root->imports[i];
        if (import->uses || !import->module || offers_mutations(program, import->module)) continue;
        NCR_REPORT(&program->reporter, UNUSED_IMPORT, import->span,
                   ncr_show_str(&program->reporter, import->module->name));
    }
}

enum check {
#define NCR_CHECK_ROW(NAME, ...) CHECK_##NAME,
#include "compiler/sema/checks.def"
#undef NCR_CHECK_ROW
    CHECK_COUNT
};

#define P(NAME) (1u << CHECK_##NAME)
static const struct {
    void (*run)(struct ncr_program *);
    uint32_t prerequisites;
} checks[] = {
#define NCR_CHECK_ROW(NAME, name, prerequisites) {check_##name, prerequisites},
#include "compiler/sema/checks.def"
#undef NCR_CHECK_ROW
};
#undef P

struct ncr_program *ncr_program_check(struct ncr_arena *arena, struct ncr_diags *diags,
                                      const struct ncr_modules *modules)
{
    struct ncr_program *program = NCR_NEW(arena, struct ncr_program);
    program->arena = arena;
    program->modules = modules;
    program->steps_left = NCR_LIMIT_CHECK_STEPS;
    program->reporter.diags = diags;
    program->reporter.modules = modules;
    // What did not parse has no meaning to check.
    if (diags->n_errors) return program;
    uint32_t failed = 0;
    for (uint32_t i = 0; i < CHECK_COUNT; i++) {
        if (checks[i].prerequisites & failed) {
            failed |= 1u << i;
            continue;
        }
        uint32_t before = diags->n_errors;
        program->reporter.note_imports = i != CHECK_NETS && i != CHECK_VALUES;
        checks[i].run(program);
        if (diags->n_errors > before) failed |= 1u << i;
    }
    return program;
}

// -- questions ----------------------------------------------------------------------------------

uint32_t ncr_program_net_count(const struct ncr_program *program)
{
    return program->nets.n;
}

const struct ncr_net_info *ncr_program_net(const struct ncr_program *program, uint32_t index)
{
    return &program->nets.at[index];
}

uint32_t ncr_program_item_count(const struct ncr_program *program)
{
    return program->scopes ? program->scopes[program->modules->n - 1].n_items : 0;
}

struct ncr_item_info ncr_program_item(const struct ncr_program *program, uint32_t index)
{
    const struct ncr_module_scope *root = &program->scopes[program->modules->n - 1];
    const struct ncr_item *item = program->items.at[root->first_item + index];
    return (struct ncr_item_info){ncr_item_kind_name(item), item->name, item->name_span};
}

enum ncr_status ncr_program_find_net(const struct ncr_program *program, struct ncr_str name,
                                     const struct ncr_net_info **out, struct ncr_error *err)
{
    uint32_t n = program->nets.n;
    if (n == 0) return ncr_fail(err, NCR_USAGE, "the program has no net");
    if (name.n == 0) {
        // The only one, or the last that stands without parameters.
        *out = &program->nets.at[n - 1];
        for (uint32_t i = n; i-- > 0;)
            if (!program->nets.at[i].parameter.n) {
                *out = &program->nets.at[i];
                break;
            }
        return NCR_OK;
    }
    struct ncr_buf names = {0};
    struct ncr_str *list = NCR_NEW_N(program->arena, struct ncr_str, n);
    for (uint32_t i = 0; i < n; i++) {
        list[i] = program->nets.at[i].name;
        if (ncr_str_eq(list[i], name)) {
            *out = &program->nets.at[i];
            ncr_buf_free(&names);
            return NCR_OK;
        }
        ncr_buf_fmt(&names, "%s%.*s", i ? ", " : "", NCR_STR_ARG(list[i]));
    }
    struct ncr_str near = ncr_diag_nearest(name, list, n);
    enum ncr_status status =
        near.n ? ncr_fail(err, NCR_USAGE, "there is no net `%.*s`; did you mean `%.*s`? (nets: %s)",
                          NCR_STR_ARG(name), NCR_STR_ARG(near), names.s)
               : ncr_fail(err, NCR_USAGE, "there is no net `%.*s`; the program has %s",
                          NCR_STR_ARG(name), names.s);
    ncr_buf_free(&names);
    return status;
}

const struct ncr_graph *ncr_program_graph(const struct ncr_program *program,
                                          const struct ncr_net_info *net, struct ncr_diags *diags)
{
    if (net->graph) return net->graph;
    if (net->parameter.n) {
        struct ncr_diag *d = NCR_DIAG(diags, NET_PARAMETER, net->span, (int)net->name.n,
                                      net->name.s, (int)net->parameter.n, net->parameter.s);
        ncr_diag_help(diags, d, "give it a value: net my_%.*s = %.*s(%.*s: …);",
                      NCR_STR_ARG(net->name), NCR_STR_ARG(net->name), NCR_STR_ARG(net->parameter));
    } else if (net->has_decisions) {
        struct ncr_diag *d =
            NCR_DIAG(diags, DECISION_OPEN, net->decision_span, (int)net->decision.n,
                     net->decision.s, (int)net->name.n, net->name.s);
        struct ncr_str path = net->decision;
        if (path.n > net->name.n + 1) path.s += net->name.n + 1, path.n -= net->name.n + 1;
        ncr_diag_help(diags, d, "decide it: net my_%.*s = %.*s with { %.*s = …; }",
                      NCR_STR_ARG(net->name), NCR_STR_ARG(net->name), NCR_STR_ARG(path));
    }
    (void)program;
    return NULL;
}

const struct ncr_config *ncr_program_config(const struct ncr_program *program)
{
    return &program->config;
}

struct ncr_str ncr_program_folder(const struct ncr_program *program)
{
    return program->modules->root_folder;
}
