// Evaluates a mutation at a match: its matched nodes stand in as inputs of a small graph, on which
// the new layers are built; edits are collected. Nothing is reported to the user: what fails is the
// reason why the mutation does not apply.
#include "compiler/sema/eval.h"
#include "compiler/sema/mutation.h"

struct ncr_rewrite {
    const struct ncr_mutation *mutation;
    const struct ncr_graph *graph;       // that is mutated
    const ncr_node_id *nodes;            // by pattern
    const struct ncr_space_value *genes; // by pattern: values of the matched decisions
    NCR_VEC(struct ncr_stand_in) inputs;
    NCR_VEC(struct ncr_edit) edits;
    struct ncr_patch *patch;
    const struct ncr_draws *draws;
    bool open; // no draws: only `require`s are looked at
};

// -- programs -----------------------------------------------------------------------------------

static const struct ncr_module_scope *root_of(const struct ncr_program *program)
{
    return &program->scopes[program->modules->n - 1];
}

static const struct ncr_mutation *mutation_at(const struct ncr_program *program, uint32_t index)
{
    const struct ncr_module_scope *root = root_of(program);
    for (uint32_t i = 0; i < root->n_entries; i++) {
        const struct ncr_item *item = root->entries[i].item;
        if (item && item->kind == NCR_ITEM_MUTATION && item->mutation && index-- == 0)
            return item->mutation;
    }
    return NULL;
}

uint32_t ncr_program_mutation_count(const struct ncr_program *program)
{
    uint32_t n = 0;
    while (mutation_at(program, n))
        n++;
    return n;
}

const struct ncr_mutation *ncr_program_mutation(const struct ncr_program *program, uint32_t index)
{
    const struct ncr_mutation *m = mutation_at(program, index);
    if (!m) NCR_BUG("mutation %u of a program", index);
    return m;
}

enum ncr_status ncr_program_find_mutation(const struct ncr_program *program, struct ncr_str name,
                                          const struct ncr_mutation **out, struct ncr_error *err)
{
    uint32_t n = ncr_program_mutation_count(program);
    struct ncr_str *names = NCR_NEW_N(program->arena, struct ncr_str, n);
    for (uint32_t i = 0; i < n; i++) {
        *out = mutation_at(program, i);
        names[i] = (*out)->name;
        if (ncr_str_eq(names[i], name)) return NCR_OK;
    }
    struct ncr_str near = ncr_diag_nearest(name, names, n);
    if (near.n)
        return ncr_fail(err, NCR_USAGE, "there is no mutation `%.*s`; did you mean `%.*s`?",
                        NCR_STR_ARG(name), NCR_STR_ARG(near));
    return ncr_fail(err, NCR_USAGE, "there is no mutation `%.*s`%s", NCR_STR_ARG(name),
                    n ? "" : ": the program has none; `import std.mutations` gives the usual ones");
}

struct ncr_str ncr_program_mutation_module(const struct ncr_program *program,
                                           const struct ncr_mutation *mutation)
{
    return program->modules->at[mutation->item->module]->name;
}

bool ncr_program_owns_mutation(const struct ncr_program *program,
                               const struct ncr_mutation *mutation)
{
    return mutation->item->module + 1 == program->modules->n;
}

static bool holds_span(struct ncr_span outer, struct ncr_span inner)
{
    return outer.file == inner.file && outer.begin <= inner.begin && inner.end <= outer.end;
}

bool ncr_program_may_decide(const struct ncr_program *program, const struct ncr_mutation *mutation,
                            struct ncr_span span, const struct ncr_origin *up)
{
    for (uint32_t i = 0; i < program->restrictions.n; i++) {
        const struct ncr_restriction *r = &program->restrictions.at[i];
        bool named = false, around = holds_span(r->span, span);
        for (uint32_t k = 0; k < r->n_items; k++)
            named |= r->items[k] == mutation->item;
        for (const struct ncr_origin *o = named ? NULL : up; o && !around; o = o->up)
            around = holds_span(r->span, o->span);
        if (around && !named) return false;
    }
    return true;
}

bool ncr_program_may_touch(const struct ncr_program *program, const struct ncr_mutation *mutation,
                           const struct ncr_node *node)
{
    const struct ncr_origin *origin = node->origin;
    return !origin || ncr_program_may_decide(program, mutation, origin->span, origin->up);
}

// -- matched operators --------------------------------------------------------------------------

static struct ncr_value pair_value(struct ncr_eval *ev, const int32_t *v, uint32_t n, uint32_t all)
{
    if (all) return ncr_value_int(v[0]);
    struct ncr_value list = ncr_list_make(ev, n, NCR_NOWHERE);
    if (list.kind != NCR_KIND_LIST) return list;
    for (uint32_t i = 0; i < n; i++)
        ((struct ncr_list *)list.as.list)->at[i] = ncr_value_int(v[i]); // made right here
    ncr_list_seal(ev, list, NCR_NOWHERE);
    return list;
}

static struct ncr_value pad_value(struct ncr_eval *ev, const struct ncr_attrs *a)
{
    if (a->pad_mode != NCR_PAD_EXPLICIT)
        return (struct ncr_value){.kind = NCR_KIND_WORD,
                                  .as.i =
                                      a->pad_mode == NCR_PAD_SAME ? NCR_WORD_SAME : NCR_WORD_VALID};
    bool all = a->pad[0] == a->pad[1] && a->pad[0] == a->pad[2] && a->pad[0] == a->pad[3];
    return pair_value(ev, a->pad, 4, all);
}

bool ncr_eval_matched(struct ncr_eval *ev, ncr_node_id tensor, struct ncr_str name,
                      struct ncr_value *out)
{
    const struct ncr_rewrite *rw = ev->rewrite;
    if (tensor >= rw->inputs.n || rw->inputs.at[tensor].slot != UINT32_MAX) return false;
    const struct ncr_node *node = &rw->graph->nodes[rw->nodes[rw->inputs.at[tensor].pattern]];
    const struct ncr_attrs *a = &node->attrs;
    uint32_t bit;
    if (!ncr_attr_find(name, &bit) || !(ncr_op_attrs(node->op) & bit)) return false;
    switch ((enum ncr_attr_bit)bit) {
    case NCR_ATTR_OUT: *out = ncr_value_int(a->out); return true;
    case NCR_ATTR_GROUPS: *out = ncr_value_int(a->groups); return true;
    case NCR_ATTR_MULTIPLIER: *out = ncr_value_int(a->multiplier); return true;
    case NCR_ATTR_KERNEL:
        *out = pair_value(ev, a->kernel, 2, a->kernel[0] == a->kernel[1]);
        return true;
    case NCR_ATTR_STRIDE:
        *out = pair_value(ev, a->stride, 2, a->stride[0] == a->stride[1]);
        return true;
    case NCR_ATTR_DILATION:
        *out = pair_value(ev, a->dilation, 2, a->dilation[0] == a->dilation[1]);
        return true;
    case NCR_ATTR_FACTOR:
        *out = pair_value(ev, a->factor, 2, a->factor[0] == a->factor[1]);
        return true;
    case NCR_ATTR_PAD: *out = pad_value(ev, a); return true;
    case NCR_ATTR_BIAS: *out = ncr_value_bool(a->bias); return true;
    case NCR_ATTR_EPS: *out = ncr_value_float((double)a->eps); return true;
    case NCR_ATTR_MOMENTUM: *out = ncr_value_float((double)a->momentum); return true;
    case NCR_ATTR_ALPHA: *out = ncr_value_float((double)a->alpha); return true;
    case NCR_ATTR_RATE: *out = ncr_value_float((double)a->rate); return true;
    case NCR_ATTR_SHAPE: return false; // the shape of its tensor
    case NCR_ATTR_QUANT: break;
    }
    NCR_BUG("attribute bit %u", bit);
}

// -- edits --------------------------------------------------------------------------------------

static ncr_node_id stand_in(const struct ncr_rewrite *rw, uint32_t pattern, uint32_t slot)
{
    for (uint32_t i = 0; i < rw->inputs.n; i++)
        if (rw->inputs.at[i].pattern == pattern && rw->inputs.at[i].slot == slot) return i;
    NCR_BUG("pattern %u has no input %u", pattern, slot);
}

// The layer applied to the tensor behind the node, or to those that it reads.
static bool apply(struct ncr_eval *ev, const struct ncr_code *code, struct ncr_value f, bool after,
                  ncr_node_id *out)
{
    const struct ncr_rewrite *rw = ev->rewrite;
    uint32_t n_in = rw->graph->nodes[rw->nodes[code->slot]].n_in, n = after ? 1 : n_in;
    if (f.kind == NCR_KIND_TENSOR && code->as.edit.kind == NCR_EDIT_REPLACE)
        return *out = f.as.tensor, true;
    if (f.kind == NCR_KIND_ERROR) return false;
    if (f.kind != NCR_KIND_LAYER) {
        NCR_EVAL_REPORT(ev, NOT_A_LAYER, code->kid[0]->span, ncr_show(ev->reporter, f));
        return false;
    }
    struct ncr_value *in = NCR_NEW_N(ev->scratch, struct ncr_value, n);
    for (uint32_t i = 0; i < n; i++)
        in[i] = (struct ncr_value){.kind = NCR_KIND_TENSOR,
                                   .as.tensor = stand_in(rw, code->slot, after ? UINT32_MAX : i)};
    struct ncr_inputs inputs = {in, NULL, n};
    struct ncr_value v = ncr_eval_apply(ev, f, &inputs, code);
    if (v.kind == NCR_KIND_TENSOR) return *out = v.as.tensor, true;
    if (v.kind != NCR_KIND_ERROR)
        NCR_EVAL_REPORT(ev, NOT_A_TENSOR, code->kid[0]->span, ncr_show(ev->reporter, v));
    return false;
}

static bool set(struct ncr_eval *ev, const struct ncr_code *code, struct ncr_value v,
                struct ncr_edit *edit)
{
    const struct ncr_rewrite *rw = ev->rewrite;
    const struct ncr_node *node = &rw->graph->nodes[rw->nodes[code->slot]];
    uint32_t n;
    const struct ncr_sig_param *params = ncr_signature(node->op, &n);
    edit->attr = code->as.edit.what;
    edit->value = node->attrs;
    for (uint32_t i = 0; i < n; i++)
        if (params[i].attr == edit->attr)
            return ncr_eval_attr(ev, node->op, &params[i], code->kid[0]->span, v, &edit->value);
    NCR_EVAL_REPORT(ev, SET_ATTRIBUTE, code->span,
                    ncr_show_str(ev->reporter, ncr_str_of(ncr_attr_name(edit->attr))));
    return false;
}

static void number(struct ncr_eval *ev, const struct ncr_code *code, const char *name,
                   const char *of, struct ncr_value v, int64_t *out)
{
    if (v.kind == NCR_KIND_INT)
        *out = v.as.i;
    else if (v.kind != NCR_KIND_ERROR)
        NCR_EVAL_REPORT(ev, WRONG_TYPE, code->kid[0]->span, name, of, "an int",
                        ncr_show(ev->reporter, v));
}

void ncr_eval_edit(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_rewrite *rw = ev->rewrite;
    struct ncr_edit edit = {
        .kind = (enum ncr_edit_kind)code->as.edit.kind, .pattern = code->slot, .span = code->span};
    struct ncr_value v = ncr_value_error();
    if (rw->open) return;
    if (code->kid[0]) v = ncr_eval_code(ev, code->kid[0]);
    switch (edit.kind) {
    case NCR_EDIT_INSERT_AFTER:
        if (!apply(ev, code, v, true, &edit.result)) return;
        break;
    case NCR_EDIT_INSERT_BEFORE:
    case NCR_EDIT_REPLACE:
        if (!apply(ev, code, v, false, &edit.result)) return;
        break;
    case NCR_EDIT_SET:
        if (!set(ev, code, v, &edit)) return;
        break;
    case NCR_EDIT_STEP: number(ev, code, "by", "step", v, &edit.by); break;
    case NCR_EDIT_DECIDE: {
        struct ncr_buf text = {0};
        if (v.kind == NCR_KIND_STRING)
            ncr_buf_str(&text, *v.as.string);
        else
            ncr_value_text(v, &text);
        edit.text =
            ncr_str_dup(ev->arena, (struct ncr_str){text.s ? text.s : "", (uint32_t)text.n});
        ncr_buf_free(&text);
        break;
    }
    case NCR_EDIT_INHERIT: {
        int64_t steps = 0;
        rw->patch->inherit = (enum ncr_inherit)code->as.edit.what;
        if (code->kid[0]) number(ev, code, "steps", "distill", v, &steps);
        rw->patch->steps = (uint32_t)ncr_min_i64(ncr_max_i64(steps, 0), INT32_MAX);
        return;
    }
    case NCR_EDIT_REMOVE:
    case NCR_EDIT_REDRAW: break;
    }
    ncr_vec_push(ev->arena, &rw->edits, edit);
}

// -- the patch ----------------------------------------------------------------------------------

static uint32_t decide(void *user, struct ncr_str path, const struct ncr_str *texts, uint32_t n)
{
    const struct ncr_rewrite *rw = user;
    return rw->draws ? rw->draws->draw(rw->draws->user, path, texts, n) : UINT32_MAX;
}

static void add_input(struct ncr_eval *ev, uint32_t pattern, uint32_t slot,
                      const struct ncr_shape *shape)
{
    struct ncr_stand_in input = {pattern, slot};
    struct ncr_op_error err;
    struct ncr_str path = ncr_str_fmt(ev->arena, "%u.%u", pattern, slot);
    if (ncr_symbol_input(ev, shape, path, NULL, &err).kind == NCR_KIND_ERROR)
        NCR_BUG("a tensor of a network is no input: %s", err.text);
    ncr_vec_push(ev->arena, &ev->rewrite->inputs, input);
}

static struct ncr_value gene_value(const struct ncr_space_value *gene)
{
    if (gene->is_list) return ncr_value_error();
    if (!gene->is_number)
        return (struct ncr_value){.kind = NCR_KIND_STRING, .as.string = &gene->text};
    for (uint32_t i = 0; i < gene->text.n; i++)
        if ((gene->text.s[i] < '0' || gene->text.s[i] > '9') && gene->text.s[i] != '-')
            return ncr_value_float(gene->number);
    return ncr_value_int((int64_t)gene->number);
}

static void run(struct ncr_eval *ev, struct ncr_rewrite *rw)
{
    const struct ncr_mutation *m = rw->mutation;
    ev->space = ncr_space_new(ev->arena, m->name, ev->work);
    ncr_eval_lets(ev, m->item, false);
    struct ncr_frame *frame = ncr_eval_frame(ev, m->n_slots, NULL);
    for (uint32_t p = 0; p < m->n_patterns; p++) {
        if (m->patterns[p].kind == NCR_PATTERN_DECISION) {
            if (rw->genes) frame->slots[p] = gene_value(&rw->genes[p]);
            continue;
        }
        const struct ncr_node *node = &rw->graph->nodes[rw->nodes[p]];
        frame->slots[p] = (struct ncr_value){.kind = NCR_KIND_TENSOR, .as.tensor = rw->inputs.n};
        add_input(ev, p, UINT32_MAX, &node->shape);
        for (uint32_t k = 0; k < node->n_in; k++)
            add_input(ev, p, k, &rw->graph->nodes[node->in[k]].shape);
    }
    ev->frame = frame;
    ncr_eval_body(ev, m->body);
}

bool ncr_mutation_patch(struct ncr_program *program, const struct ncr_mutation *mutation,
                        struct ncr_arena *arena, const struct ncr_graph *graph,
                        const ncr_node_id *nodes, const struct ncr_space_value *genes,
                        const struct ncr_draws *draws, struct ncr_patch *out, struct ncr_str *why)
{
    // A sink of its own: what is wrong here is no error of the program.
    struct ncr_diags diags;
    struct ncr_arena *messages = ncr_arena_new(0);
    if (!messages) NCR_BUG("out of memory");
    ncr_diags_init(&diags, messages, program->reporter.diags->sources);
    struct ncr_reporter reporter = {.diags = &diags, .modules = program->modules};
    struct ncr_eval ev;
    struct ncr_patch patch = {.inherit = mutation->inherit};
    struct ncr_rewrite rw = {.mutation = mutation,
                             .graph = graph,
                             .nodes = nodes,
                             .genes = genes,
                             .patch = &patch,
                             .draws = draws,
                             .open = !draws};
    const struct ncr_oracle oracle = {&rw, decide};
    *why = NCR_STR("there is no memory for it");
    bool good = ncr_eval_start(&ev, program, mutation->name);
    if (good) {
        ev.reporter = &reporter;
        ev.arena = arena;
        ev.rewrite = &rw;
        ev.oracle = &oracle;
        ev.budget = NCR_LIMIT_PATCH_STEPS;
        if (setjmp(ev.out_of_memory) == 0) {
            ncr_arena_on_oom(ev.scratch, &ev.out_of_memory);
            ncr_arena_on_oom(ev.work, &ev.out_of_memory);
            run(&ev, &rw);
            good = !ev.stopped && diags.n_errors == 0 && (rw.open || !ev.incomplete);
            if (diags.first)
                *why = ncr_str_dup(arena, diags.first->text);
            else
                *why = NCR_STR("a decision in it is open");
        } else {
            good = false;
        }
        ncr_arena_free(ev.work);
        ncr_arena_free(ev.scratch);
    }
    ncr_arena_free(messages);
    if (!good || rw.open) return good;
    static const uint32_t none[1];
    patch.graph = ncr_space_bind(ev.space, none, arena);
    patch.inputs = rw.inputs.at;
    patch.n_inputs = rw.inputs.n;
    patch.edits = rw.edits.at;
    patch.n_edits = rw.edits.n;
    *out = patch;
    return true;
}
