// Evaluates code: statements, control flow, operators on values. Bounded by steps and depth,
// whatever the program says.
#include "compiler/sema/eval.h"

#define K(NAME) NCR_KIND_BIT(NAME)

void ncr_eval_init(struct ncr_eval *ev, struct ncr_program *program, struct ncr_arena *arena,
                   struct ncr_str root)
{
    ev->program = program;
    ev->reporter = &program->reporter;
    ev->arena = arena;
    ev->budget = ncr_min_i64(NCR_LIMIT_EVAL_STEPS, (int64_t)program->steps_left);
    // Context 0: the net. Context 1: the global lets.
    for (int i = 0; i < 2; i++) {
        struct ncr_context top = {.path = root, .has_path = true};
        ncr_vec_push(ev->scratch, &ev->contexts, top);
    }
}

bool ncr_eval_spend(struct ncr_eval *ev, uint64_t n)
{
    ev->steps += n;
    if (ev->stopped) return false;
    if (ev->steps <= ev->budget) return true;
    ev->stopped = true;
    struct ncr_span here = ev->here ? ev->here->span : NCR_NOWHERE;
    if (ev->budget < NCR_LIMIT_EVAL_STEPS) {
        NCR_REPORT(ev->reporter, CHECK_STEP_LIMIT, here, NCR_LIMIT_CHECK_STEPS);
        ev->incomplete = true;
        return false;
    }
    NCR_EVAL_REPORT(ev, STEP_LIMIT, here, (unsigned long long)ev->budget);
    return false;
}

struct ncr_frame *ncr_eval_frame(struct ncr_eval *ev, uint32_t n_slots,
                                 const struct ncr_layer *closure)
{
    struct ncr_frame *frame = NCR_NEW(ev->scratch, struct ncr_frame);
    frame->slots = NCR_NEW_N(ev->scratch, struct ncr_value, n_slots); // zero is poison
    frame->closure = closure;
    frame->last_deferred = &frame->deferred;
    ev->steps += n_slots / 2 + 4;
    return frame;
}

// -- statements ---------------------------------------------------------------------------------

static void failed(struct ncr_eval *ev, const struct ncr_code *condition)
{
    struct ncr_value a = {0}, b = {0};
    bool compares = condition->kind == NCR_CODE_BINARY && condition->op != NCR_AST_AND &&
                    condition->op != NCR_AST_ARROW && condition->op != NCR_AST_OR;
    if (compares) {
        a = ncr_eval_code(ev, condition->kid[0]);
        b = ncr_eval_code(ev, condition->kid[1]);
    }
    if (!compares || !a.kind || !b.kind) {
        NCR_EVAL_REPORT(ev, REQUIRE_FAILED, condition->span, "it is false");
        return;
    }
    struct ncr_buf text = {0};
    ncr_buf_puts(&text, "found ");
    ncr_value_text(a, &text);
    ncr_buf_fmt(&text, ", required %s ", ncr_ast_op_text(condition->op));
    ncr_value_text(b, &text);
    struct ncr_str kept = ncr_str_dup(ev->scratch, (struct ncr_str){text.s, (uint32_t)text.n});
    ncr_buf_free(&text);
    NCR_EVAL_REPORT(ev, REQUIRE_FAILED, condition->span, kept.s);
}

static bool condition(struct ncr_eval *ev, const struct ncr_code *code, bool *out)
{
    struct ncr_value v = ncr_eval_code(ev, code);
    if (v.kind == NCR_KIND_ERROR) return false;
    if (v.kind != NCR_KIND_BOOL) {
        NCR_EVAL_REPORT(ev, NOT_BOOL, code->span, ncr_show(ev->reporter, v));
        return false;
    }
    *out = v.as.b;
    return true;
}

static void require(struct ncr_eval *ev, const struct ncr_code *code)
{
    for (uint32_t i = 0; i < code->n_kids; i++) {
        bool holds;
        if (condition(ev, code->kid[i], &holds) && !holds) failed(ev, code->kid[i]);
    }
}

void ncr_eval_requires(struct ncr_eval *ev, struct ncr_frame *frame)
{
    // Figures of a net that has errors or open decisions are not its figures.
    for (struct ncr_deferred *d = frame->deferred; d && !ev->incomplete; d = d->next)
        require(ev, d->require);
}

// The items that a loop walks; false after a message.
struct walk {
    uint64_t n;
    struct ncr_value over;
};

static bool walk_start(struct ncr_eval *ev, const struct ncr_code *code, bool count_too,
                       struct walk *walk)
{
    struct ncr_value v = ncr_eval_code(ev, code);
    if (v.kind == NCR_KIND_ERROR) return false;
    walk->over = v;
    if (v.kind == NCR_KIND_LIST) {
        walk->n = v.as.list->n;
    } else if (v.kind == NCR_KIND_RANGE) {
        walk->n = ncr_range_count(v.as.range);
    } else if (v.kind == NCR_KIND_INT && count_too) {
        if (v.as.i < 0) {
            NCR_EVAL_REPORT(ev, NEGATIVE_COUNT, ncr_blame(ev->frame->closure, code),
                            (long long)v.as.i);
            return false;
        }
        walk->n = (uint64_t)v.as.i;
    } else {
        NCR_EVAL_REPORT(ev, NOT_WALKABLE, code->span,
                        ncr_show_kinds(ev->reporter, K(RANGE) | K(LIST) | (count_too ? K(INT) : 0)),
                        ncr_show(ev->reporter, v));
        return false;
    }
    if (walk->n <= NCR_LIMIT_LIST) return true;
    NCR_EVAL_REPORT(ev, WALK_LIMIT, ncr_blame(ev->frame->closure, code),
                    (unsigned long long)walk->n, NCR_LIMIT_LIST);
    return false;
}

static struct ncr_value walk_item(const struct walk *walk, uint64_t i)
{
    if (walk->over.kind == NCR_KIND_LIST) return walk->over.as.list->at[i];
    if (walk->over.kind == NCR_KIND_RANGE) return ncr_range_at(walk->over.as.range, i);
    return ncr_value_int((int64_t)i);
}

static void for_loop(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct walk walk;
    if (!walk_start(ev, code->kid[0], false, &walk)) return;
    uint32_t outer = ev->context, loop = ncr_context_child(ev, outer, code->site, code->text);
    for (uint64_t i = 0; i < walk.n && !ev->stopped; i++) {
        ev->context = ncr_context_pass(ev, loop, (uint32_t)i);
        ev->frame->slots[code->slot] = walk_item(&walk, i);
        ncr_eval_body(ev, code->kid[1]);
    }
    ev->context = outer;
}

static struct ncr_value repeat(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct walk walk;
    uint32_t outer = ev->context;
    if (!walk_start(ev, code->kid[0], true, &walk)) {
        // An open count: one pass shows what is wrong in the body.
        if (!ev->open || ev->stopped) return ncr_value_error();
        ev->context = ncr_context_pass(ev, ncr_context_child(ev, outer, code->site, code->text), 0);
        if (code->slot != NCR_NO_SLOT) ev->frame->slots[code->slot] = ncr_value_error();
        ncr_eval_body(ev, code->kid[1]);
        ev->context = outer;
        return ncr_value_error();
    }
    const struct ncr_layer **links = NCR_NEW_N(ev->scratch, const struct ncr_layer *, walk.n);
    if (!ncr_eval_spend(ev, walk.n)) return ncr_value_error();
    uint32_t loop = ncr_context_child(ev, outer, code->site, code->text);
    bool good = true;
    for (uint64_t i = 0; i < walk.n && good; i++) {
        ev->context = ncr_context_pass(ev, loop, (uint32_t)i);
        if (code->slot != NCR_NO_SLOT) ev->frame->slots[code->slot] = walk_item(&walk, i);
        struct ncr_value f = ncr_eval_body(ev, code->kid[1]);
        good = f.kind == NCR_KIND_LAYER;
        if (good) {
            links[i] = f.as.layer;
        } else if (f.kind != NCR_KIND_ERROR) {
            const struct ncr_code *body = code->kid[1];
            NCR_EVAL_REPORT(ev, REPEAT_BODY, body->kid[body->n_kids - 1]->span,
                            ncr_show(ev->reporter, f));
        }
    }
    ev->context = outer;
    return good ? ncr_eval_chain(ev, code, links, (uint32_t)walk.n) : ncr_value_error();
}

struct ncr_value ncr_eval_body(struct ncr_eval *ev, const struct ncr_code *body)
{
    if (body->kind != NCR_CODE_BODY) return ncr_eval_code(ev, body);
    if (!ncr_eval_spend(ev, 1)) return ncr_value_error();
    uint32_t n = body->n_kids - 1;
    for (uint32_t i = 0; i < n && !ev->stopped; i++)
        ncr_eval_code(ev, body->kid[i]);
    return body->kid[n] ? ncr_eval_code(ev, body->kid[n]) : ncr_value_error();
}

// -- expressions --------------------------------------------------------------------------------

static struct ncr_value arith_failed(struct ncr_eval *ev, const struct ncr_code *code,
                                     enum ncr_arith status, struct ncr_value a, struct ncr_value b)
{
    struct ncr_operand left = {1u << a.kind, &a, a.dimension},
                       right = {1u << b.kind, &b, b.dimension};
    ncr_eval_reported(ev,
                      ncr_report_arith(ev->reporter, status, code->op, code->span, &left, &right));
    return ncr_value_error();
}

static struct ncr_value binary(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value a = ncr_eval_code(ev, code->kid[0]);
    // The right side is not evaluated where the left decides.
    if (a.kind == NCR_KIND_BOOL && !a.as.b && code->op == NCR_AST_ARROW)
        return ncr_value_bool(true);
    if (a.kind == NCR_KIND_BOOL && (code->op == NCR_AST_AND || code->op == NCR_AST_OR) &&
        a.as.b == (code->op == NCR_AST_OR))
        return a;
    struct ncr_value b = ncr_eval_code(ev, code->kid[1]);
    if (a.kind == NCR_KIND_ERROR || b.kind == NCR_KIND_ERROR) return ncr_value_error();
    if (a.kind == NCR_KIND_TENSOR && b.kind == NCR_KIND_TENSOR && code->site)
        return ncr_eval_tensors(ev, code, a, b);
    if (a.kind == NCR_KIND_LAYER && b.kind == NCR_KIND_LAYER && code->op == NCR_AST_SHR) {
        const struct ncr_layer **links = NCR_NEW_N(ev->scratch, const struct ncr_layer *, 2);
        links[0] = a.as.layer;
        links[1] = b.as.layer;
        return ncr_eval_chain(ev, code, links, 2);
    }
    // What takes longer than a step costs more than one.
    if (a.kind == NCR_KIND_LIST && b.kind == NCR_KIND_LIST) ncr_eval_spend(ev, a.as.list->total);
    if (a.kind == NCR_KIND_STRING && b.kind == NCR_KIND_STRING)
        ncr_eval_spend(ev, a.as.string->n / 64);
    struct ncr_value v;
    enum ncr_arith status = ncr_arith_binary(code->op, a, b, &v);
    return status == NCR_ARITH_OK ? v : arith_failed(ev, code, status, a, b);
}

static struct ncr_value unary(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value a = ncr_eval_code(ev, code->kid[0]), v;
    if (a.kind == NCR_KIND_ERROR) return a;
    enum ncr_arith status = ncr_arith_unary(code->op, a, &v);
    if (status == NCR_ARITH_OK) return v;
    if (status == NCR_ARITH_OVERFLOW) return arith_failed(ev, code, status, ncr_value_int(0), a);
    NCR_EVAL_REPORT(ev, UNARY_CLASH, code->span, ncr_ast_op_text(code->op),
                    ncr_show(ev->reporter, a));
    return ncr_value_error();
}

static struct ncr_value if_else(struct ncr_eval *ev, const struct ncr_code *code)
{
    bool holds;
    if (!condition(ev, code->kid[0], &holds)) return ncr_value_error();
    const struct ncr_code *branch = holds ? code->kid[1] : code->kid[2];
    return branch ? ncr_eval_code(ev, branch) : ncr_value_error();
}

static struct ncr_value record(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_record *r = ncr_arena_alloc(ev->scratch, sizeof *r + code->n_kids * sizeof r->at[0]);
    r->n = code->n_kids;
    r->labels = code->labels;
    bool good = true;
    for (uint32_t i = 0; i < code->n_kids; i++) {
        r->at[i] = ncr_eval_code(ev, code->kid[i]);
        good &= r->at[i].kind != NCR_KIND_ERROR;
    }
    return good ? (struct ncr_value){.kind = NCR_KIND_RECORD, .as.record = r} : ncr_value_error();
}

static struct ncr_value named(struct ncr_eval *ev, const struct ncr_code *code)
{
    uint32_t outer = ev->context;
    ev->context = ncr_context_child(ev, outer, code->site, code->text);
    struct ncr_value v = ncr_eval_code(ev, code->kid[0]);
    ev->context = outer;
    return v;
}

static void open_again(struct ncr_eval *ev, const struct ncr_global *global)
{
    if (global->value.kind == NCR_KIND_ERROR) ev->incomplete = true;
    if (!global->open || ev->open) return;
    ev->open = true;
    ev->open_path = global->open_path;
    ev->open_span = global->open_span;
}

struct ncr_value ncr_eval_global(struct ncr_eval *ev, const struct ncr_item *item)
{
    uint32_t at = ncr_table_get(&ev->global_ids, item->index);
    if (at != UINT32_MAX) {
        open_again(ev, &ev->globals.at[at]);
        return ev->globals.at[at].value;
    }
    struct ncr_frame *outer_frame = ev->frame;
    uint32_t outer = ev->context;
    bool open = ev->open;
    struct ncr_str open_path = ev->open_path;
    struct ncr_span open_span = ev->open_span;
    ev->frame = ncr_eval_frame(ev, item->n_slots, NULL);
    ev->context = 1;
    ev->open = false;
    struct ncr_global global = {.value = ncr_eval_code(ev, item->code)};
    global.open = ev->open;
    global.open_path = ev->open_path;
    global.open_span = ev->open_span;
    ev->frame = outer_frame;
    ev->context = outer;
    if (open) {
        ev->open = true;
        ev->open_path = open_path;
        ev->open_span = open_span;
    }
    ncr_table_set(ev->scratch, &ev->global_ids, item->index, ev->globals.n);
    ncr_vec_push(ev->scratch, &ev->globals, global);
    return global.value;
}

void ncr_eval_lets(struct ncr_eval *ev, const struct ncr_item *item, bool again)
{
    // Depth first over the references, with a stack of our own; a let is evaluated when all it
    // names has been visited.
    struct visit {
        const struct ncr_item *item;
        uint32_t next;
    };
    struct ncr_program *program = ev->program;
    NCR_VEC(struct visit) stack = {0};
    uint32_t stamp = again ? program->stamp : ++program->stamp;
    if (again && program->stamps[item->index] == stamp) return;
    struct visit first = {item, 0};
    program->stamps[item->index] = stamp;
    ncr_vec_push(ev->scratch, &stack, first);
    while (stack.n && ncr_eval_spend(ev, 1)) {
        struct visit *top = &stack.at[stack.n - 1];
        if (top->next < top->item->n_refs) {
            const struct ncr_item *to = program->refs.at[top->item->refs_at + top->next++];
            if (program->stamps[to->index] == stamp) continue;
            program->stamps[to->index] = stamp;
            struct visit deeper = {to, 0};
            ncr_vec_push(ev->scratch, &stack, deeper);
            continue;
        }
        if (top->item->kind == NCR_ITEM_LET && top->item->code) ncr_eval_global(ev, top->item);
        stack.n--;
    }
    // A let that is wrong or open matters where its value is used.
    ev->incomplete = ev->open = false;
}

static struct ncr_value expression(struct ncr_eval *ev, const struct ncr_code *code)
{
    switch (code->kind) {
    case NCR_CODE_ERROR: ev->incomplete = true; return ncr_value_error();
    case NCR_CODE_OPAQUE: return ncr_value_error();
    case NCR_CODE_CONST: return code->as.value;
    case NCR_CODE_LOCAL: return ev->frame->slots[code->slot];
    case NCR_CODE_GLOBAL: return ncr_eval_global(ev, code->as.item);
    case NCR_CODE_DECLARATION:
        return (struct ncr_value){.kind = NCR_KIND_DECLARATION, .as.item = code->as.item};
    case NCR_CODE_THIS: return (struct ncr_value){.kind = NCR_KIND_THIS};
    case NCR_CODE_OPERATOR:
    case NCR_CODE_CALL_OP: return ncr_eval_operator(ev, code);
    case NCR_CODE_DEF:
    case NCR_CODE_CALL_DEF: return ncr_eval_def(ev, code);
    case NCR_CODE_CALL_VALUE: return ncr_eval_call_value(ev, code);
    case NCR_CODE_CALL_BUILTIN: return ncr_eval_builtin(ev, code);
    case NCR_CODE_UNARY: return unary(ev, code);
    case NCR_CODE_BINARY: return binary(ev, code);
    case NCR_CODE_PIPE: return ncr_eval_pipe(ev, code);
    case NCR_CODE_RANGE: return ncr_eval_range(ev, code);
    case NCR_CODE_LIST: return ncr_eval_list(ev, code);
    case NCR_CODE_RECORD: return record(ev, code);
    case NCR_CODE_INDEX: return ncr_eval_index(ev, code);
    case NCR_CODE_MEMBER: return ncr_eval_member(ev, code);
    case NCR_CODE_IF: return if_else(ev, code);
    case NCR_CODE_REPEAT: return repeat(ev, code);
    case NCR_CODE_CHOOSE: return ncr_eval_choose(ev, code);
    case NCR_CODE_NAMED: return named(ev, code);
    case NCR_CODE_WITH: return ncr_eval_with(ev, code);
    case NCR_CODE_BODY: return ncr_eval_body(ev, code);
    case NCR_CODE_LET: return ev->frame->slots[code->slot] = ncr_eval_code(ev, code->kid[0]);
    case NCR_CODE_REQUIRE:
        if (code->deferred) {
            struct ncr_deferred *d = NCR_NEW(ev->scratch, struct ncr_deferred);
            d->require = code;
            *ev->frame->last_deferred = d;
            ev->frame->last_deferred = &d->next;
        } else {
            require(ev, code);
        }
        return ncr_value_error();
    case NCR_CODE_FOR: for_loop(ev, code); return ncr_value_error();
    case NCR_CODE_EDIT: ncr_eval_edit(ev, code); return ncr_value_error();
    case NCR_CODE_DROP: return ncr_eval_code(ev, code->kid[0]);
    }
    NCR_BUG("code kind %d", (int)code->kind);
}

struct ncr_value ncr_eval_code(struct ncr_eval *ev, const struct ncr_code *code)
{
    ev->here = code;
    if (ev->stopped || ++ev->steps > ev->budget) {
        ncr_eval_spend(ev, 0);
        return ncr_value_error();
    }
    if (ev->depth >= NCR_LIMIT_EVAL_DEPTH) {
        ev->stopped = true;
        NCR_EVAL_REPORT(ev, EVAL_DEPTH, code->span, NCR_LIMIT_EVAL_DEPTH);
        return ncr_value_error();
    }
    ev->depth++;
    struct ncr_value v = expression(ev, code);
    ev->depth--;
    return v;
}
