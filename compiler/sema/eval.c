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
    ncr_lift_start(ev);
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

static void require(struct ncr_eval *ev, const struct ncr_code *code)
{
    for (uint32_t i = 0; i < code->n_kids; i++)
        ncr_eval_require(ev, code->kid[i]);
}

void ncr_eval_requires(struct ncr_eval *ev, struct ncr_frame *frame)
{
    // Figures of a net that has errors or open decisions are not its figures.
    ncr_diagram outer = ev->guard;
    for (struct ncr_deferred *d = frame->deferred; d && !ev->incomplete; d = d->next) {
        ev->guard = d->guard;
        require(ev, d->require);
    }
    ev->guard = outer;
}

// What a loop walks: item i exists where there[i] holds (under the guard).
struct walk {
    uint32_t n;
    struct ncr_value over;
    struct ncr_value count; // INT, or LIFTED
};

struct walking {
    const struct ncr_code *code;
    bool count_too; // an int stands for 0..n
    uint64_t i;
};

// over → how many items it has
static struct ncr_value walk_count(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct walking *w = user;
    uint64_t n;
    if (v->kind == NCR_KIND_LIST) {
        n = v->as.list->n;
    } else if (v->kind == NCR_KIND_RANGE) {
        n = ncr_range_count(v->as.range);
    } else if (v->kind == NCR_KIND_INT && w->count_too) {
        if (v->as.i < 0) {
            NCR_EVAL_REPORT(ev, NEGATIVE_COUNT, ncr_blame(ev->frame->closure, w->code),
                            (long long)v->as.i);
            return ncr_value_error();
        }
        n = (uint64_t)v->as.i;
    } else {
        NCR_EVAL_REPORT(
            ev, NOT_WALKABLE, w->code->span,
            ncr_show_kinds(ev->reporter, K(RANGE) | K(LIST) | (w->count_too ? K(INT) : 0)),
            ncr_show(ev->reporter, *v));
        return ncr_value_error();
    }
    if (n <= NCR_LIMIT_LIST) return ncr_value_int((int64_t)n);
    NCR_EVAL_REPORT(ev, WALK_LIMIT, ncr_blame(ev->frame->closure, w->code), (unsigned long long)n,
                    NCR_LIMIT_LIST);
    return ncr_value_error();
}

// over → its item i; nothing where it has fewer
static struct ncr_value walk_at(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct walking *w = user;
    (void)ev;
    if (v->kind == NCR_KIND_LIST)
        return w->i < v->as.list->n ? v->as.list->at[w->i] : ncr_value_error();
    if (v->kind == NCR_KIND_RANGE)
        return w->i < ncr_range_count(v->as.range) ? ncr_range_at(v->as.range, w->i)
                                                   : ncr_value_error();
    return ncr_value_int((int64_t)w->i);
}

static bool walk_start(struct ncr_eval *ev, const struct ncr_code *code, bool count_too,
                       struct walk *walk)
{
    walk->over = ncr_eval_code(ev, code);
    struct walking w = {code, count_too, 0};
    // The items of a list may be undecided without its length being so.
    walk->count = walk->over.kind == NCR_KIND_LIST ? walk_count(ev, &w, &walk->over)
                                                   : ncr_lift(ev, &walk->over, 1, walk_count, &w);
    if (ncr_value_is(walk->count, K(UNKNOWN))) NCR_EVAL_REPORT0(ev, FIGURE_PLACE, code->span);
    uint32_t n;
    const struct ncr_value *counts = ncr_lift_values(ev, walk->count, &n);
    walk->n = 0;
    for (uint32_t i = 0; i < n; i++)
        if (counts[i].kind == NCR_KIND_INT && counts[i].as.i > walk->n)
            walk->n = (uint32_t)counts[i].as.i;
    return n > 0 && walk->count.kind != NCR_KIND_UNKNOWN;
}

static struct ncr_value walk_item(struct ncr_eval *ev, const struct walk *walk, uint32_t i)
{
    struct walking w = {.i = i};
    return walk->over.kind == NCR_KIND_LIST ? walk_at(ev, &w, &walk->over)
                                            : ncr_lift(ev, &walk->over, 1, walk_at, &w);
}

static struct ncr_value more_than(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    (void)ev;
    return ncr_value_bool(v->as.i > *(const int64_t *)user);
}

// Where item i exists; false where it never does under the guard.
static bool walk_there(struct ncr_eval *ev, const struct ncr_code *code, const struct walk *walk,
                       uint32_t i, ncr_diagram *there)
{
    int64_t at = i;
    struct ncr_value more = ncr_lift(ev, &walk->count, 1, more_than, &at);
    return ncr_lift_condition(ev, code, more, there) && ncr_guard_enter(ev, *there);
}

static void for_loop(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct walk walk;
    if (!walk_start(ev, code->kid[0], false, &walk)) return;
    uint32_t outer = ev->context, loop = ncr_context_child(ev, outer, code->site, code->text);
    ncr_diagram guard = ev->guard, there;
    for (uint32_t i = 0; i < walk.n && !ev->stopped; i++) {
        if (walk_there(ev, code->kid[0], &walk, i, &there)) {
            ev->context = ncr_context_pass(ev, loop, i);
            ev->frame->slots[code->slot] = walk_item(ev, &walk, i);
            ncr_eval_body(ev, code->kid[1]);
        }
        ev->guard = guard;
    }
    ev->context = outer;
}

static struct ncr_value layer_only(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct ncr_code *body = user;
    if (v->kind == NCR_KIND_LAYER) return *v;
    NCR_EVAL_REPORT(ev, REPEAT_BODY, body->kid[body->n_kids - 1]->span, ncr_show(ev->reporter, *v));
    return ncr_value_error();
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
    struct ncr_value *links = NCR_NEW_N(ev->scratch, struct ncr_value, walk.n);
    if (!ncr_eval_spend(ev, walk.n)) return ncr_value_error();
    uint32_t loop = ncr_context_child(ev, outer, code->site, code->text);
    struct ncr_value nothing = ncr_eval_chain(ev, code, NULL, 0);
    ncr_diagram guard = ev->guard, there;
    for (uint32_t i = 0; i < walk.n && !ev->stopped; i++) {
        links[i] = nothing;
        if (walk_there(ev, code->kid[0], &walk, i, &there)) {
            ev->context = ncr_context_pass(ev, loop, i);
            if (code->slot != NCR_NO_SLOT) ev->frame->slots[code->slot] = walk_item(ev, &walk, i);
            struct ncr_value f = ncr_eval_body(ev, code->kid[1]);
            f = ncr_lift(ev, &f, 1, layer_only, code->kid[1]);
            links[i] = ncr_lift_if(ev, there, f, nothing);
        }
        ev->guard = guard;
    }
    ev->context = outer;
    return ev->stopped ? ncr_value_error() : ncr_eval_chain(ev, code, links, walk.n);
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

static struct ncr_value arith(struct ncr_eval *ev, void *user, const struct ncr_value *args)
{
    const struct ncr_code *code = user;
    struct ncr_value a = args[0], b = args[1], v;
    // What takes longer than a step costs more than one.
    if (a.kind == NCR_KIND_LIST && b.kind == NCR_KIND_LIST) ncr_eval_spend(ev, a.as.list->total);
    if (a.kind == NCR_KIND_STRING && b.kind == NCR_KIND_STRING)
        ncr_eval_spend(ev, a.as.string->n / 64);
    enum ncr_arith status = ncr_arith_binary(code->op, a, b, &v);
    return status == NCR_ARITH_OK ? v : arith_failed(ev, code, status, a, b);
}

// && || -> with a left side that depends on decisions: the right side is evaluated where the left
// does not decide.
static struct ncr_value logic(struct ncr_eval *ev, const struct ncr_code *code, struct ncr_value a)
{
    ncr_diagram left, outer = ev->guard;
    if (!ncr_lift_condition(ev, code->kid[0], a, &left)) return ncr_value_error();
    bool decided = code->op != NCR_AST_AND; // the value where the left side decides
    ncr_diagram open = code->op == NCR_AST_OR ? ncr_diagram_not(&ev->space->diagrams, left) : left;
    if (!ncr_guard_enter(ev, open)) return ncr_value_bool(decided);
    struct ncr_value b = ncr_eval_code(ev, code->kid[1]);
    if (!ncr_value_is(b, K(BOUND) | K(UNKNOWN))) {
        ncr_diagram right;
        bool good = ncr_lift_condition(ev, code->kid[1], b, &right);
        b = good ? ncr_lift_value(ev, right) : ncr_value_error();
    }
    ev->guard = outer;
    if (b.kind == NCR_KIND_ERROR) return b;
    return ncr_lift_if(ev, open, b, ncr_value_bool(decided));
}

static struct ncr_value binary(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value a = ncr_eval_code(ev, code->kid[0]);
    bool is_logic = code->op == NCR_AST_ARROW || code->op == NCR_AST_AND || code->op == NCR_AST_OR;
    // The right side is not evaluated where the left decides.
    if (a.kind == NCR_KIND_BOOL && !a.as.b && code->op == NCR_AST_ARROW)
        return ncr_value_bool(true);
    if (a.kind == NCR_KIND_BOOL && (code->op == NCR_AST_AND || code->op == NCR_AST_OR) &&
        a.as.b == (code->op == NCR_AST_OR))
        return a;
    if (is_logic && a.kind == NCR_KIND_LIFTED) return logic(ev, code, a);
    struct ncr_value b = ncr_eval_code(ev, code->kid[1]);
    if (a.kind == NCR_KIND_ERROR || b.kind == NCR_KIND_ERROR) return ncr_value_error();
    bool tensors = ncr_lift_may(ev, a, K(TENSOR)) && ncr_lift_may(ev, b, K(TENSOR));
    if (tensors && code->site) return ncr_eval_tensors(ev, code, a, b);
    if (code->op == NCR_AST_SHR && ncr_lift_may(ev, a, K(LAYER)) && ncr_lift_may(ev, b, K(LAYER))) {
        struct ncr_value *links = NCR_NEW_N(ev->scratch, struct ncr_value, 2);
        links[0] = a;
        links[1] = b;
        return ncr_eval_chain(ev, code, links, 2);
    }
    if (a.kind > NCR_KIND_LIFTED || b.kind > NCR_KIND_LIFTED) {
        struct ncr_value v = ncr_figure_binary(ev, code, a, b);
        if (v.kind != NCR_KIND_UNKNOWN) return v;
    }
    struct ncr_value args[2] = {a, b};
    ev->here = code;
    return ncr_lift(ev, args, 2, arith, (void *)code);
}

static struct ncr_value negation(struct ncr_eval *ev, void *user, const struct ncr_value *a)
{
    const struct ncr_code *code = user;
    struct ncr_value v;
    enum ncr_arith status = ncr_arith_unary(code->op, *a, &v);
    if (status == NCR_ARITH_OK) return v;
    if (status == NCR_ARITH_OVERFLOW) return arith_failed(ev, code, status, ncr_value_int(0), *a);
    NCR_EVAL_REPORT(ev, UNARY_CLASH, code->span, ncr_ast_op_text(code->op),
                    ncr_show(ev->reporter, *a));
    return ncr_value_error();
}

static struct ncr_value unary(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value a = ncr_eval_code(ev, code->kid[0]);
    return ncr_lift(ev, &a, 1, negation, (void *)code);
}

static struct ncr_value if_else(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value v = ncr_eval_code(ev, code->kid[0]), then = {0}, other = {0};
    ncr_diagram cond, outer = ev->guard;
    if (v.kind > NCR_KIND_LIFTED) return (struct ncr_value){.kind = NCR_KIND_UNKNOWN};
    if (!ncr_lift_condition(ev, code->kid[0], v, &cond)) return ncr_value_error();
    bool taken = ncr_guard_enter(ev, cond);
    if (taken) then = ncr_eval_code(ev, code->kid[1]);
    ev->guard = outer;
    if (cond == NCR_TRUE) return then;
    bool refused = ncr_guard_enter(
        ev, ncr_diagram_is_leaf(cond) ? NCR_TRUE : ncr_diagram_not(&ev->space->diagrams, cond));
    if (refused && code->kid[2]) other = ncr_eval_code(ev, code->kid[2]);
    ev->guard = outer;
    if (!taken || !refused) return taken ? then : other;
    return ncr_lift_if(ev, cond, then, other);
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
    ncr_diagram guard = ev->guard;
    struct ncr_value quant = ev->quant;
    ev->quant = ncr_value_error();
    ev->guard = NCR_TRUE; // made once, for whoever names it
    struct ncr_global global = {.value = ncr_eval_code(ev, item->code)};
    ev->guard = guard;
    ev->quant = quant;
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
    case NCR_CODE_QUANT: return ncr_eval_quant(ev, code);
    case NCR_CODE_BODY: return ncr_eval_body(ev, code);
    case NCR_CODE_LET: return ev->frame->slots[code->slot] = ncr_eval_code(ev, code->kid[0]);
    case NCR_CODE_REQUIRE:
        if (code->deferred) {
            struct ncr_deferred *d = NCR_NEW(ev->scratch, struct ncr_deferred);
            d->require = code;
            d->guard = ev->guard;
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
    return ev->taken ? ncr_lift_taken(ev, v) : v;
}
