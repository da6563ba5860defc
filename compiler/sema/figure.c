// Figures of `this` and the requirements over them. A figure of a space is a constant plus a small
// diagram for each node: kept as that sum, it can be compared with a number without knowing all
// the values that it has, which are often too many.
#include "compiler/sema/eval.h"

#define K(NAME) NCR_KIND_BIT(NAME)

enum {
    VALUE_LIMIT = 200000,  // steps spent on knowing all values of a sum
    DEPTH_LIMIT = 2000000, // the same for a longest path
};

static const struct ncr_value unknown = {.kind = NCR_KIND_UNKNOWN};

// -- sums ---------------------------------------------------------------------------------------

static struct ncr_value sum_of(struct ncr_eval *ev, struct ncr_bound sum)
{
    if (sum.n_terms == 0) return ncr_value_int(sum.constant);
    struct ncr_bound *kept = NCR_NEW(ev->scratch, struct ncr_bound);
    *kept = sum;
    return (struct ncr_value){.kind = NCR_KIND_SUM, .as.bound = kept};
}

// INT, LIFTED of ints or SUM as a sum; false for anything else.
static bool as_sum(struct ncr_eval *ev, struct ncr_value v, struct ncr_bound *out)
{
    *out = (struct ncr_bound){0};
    if (v.kind == NCR_KIND_SUM) {
        *out = *v.as.bound;
        return true;
    }
    if (v.kind == NCR_KIND_INT) {
        out->constant = v.as.i;
        return true;
    }
    if (v.kind != NCR_KIND_LIFTED || ncr_lift_may(ev, v, NCR_KINDS_ALL & ~K(INT))) return false;
    ncr_diagram *term = NCR_NEW(ev->scratch, ncr_diagram);
    *term = v.as.lifted;
    out->terms = term;
    out->n_terms = 1;
    return true;
}

static uint32_t add_leaves(void *user, const uint32_t *leaf)
{
    struct ncr_eval *ev = user;
    if (leaf[0] == NCR_HOLE || leaf[1] == NCR_HOLE) return NCR_HOLE;
    int64_t v = 0;
    struct ncr_value a = ev->leaves.at[leaf[0]], b = ev->leaves.at[leaf[1]];
    if (a.kind != NCR_KIND_INT || b.kind != NCR_KIND_INT || !ncr_add_i64(a.as.i, b.as.i, &v))
        return NCR_HOLE;
    return ncr_lift_leaf(ev, ncr_value_int(v));
}

struct ncr_value ncr_figure_value(struct ncr_eval *ev, struct ncr_value v)
{
    if (v.kind != NCR_KIND_SUM) return v;
    const struct ncr_bound *sum = v.as.bound;
    struct ncr_diagrams *d = &ev->space->diagrams;
    d->work_limit = d->work + VALUE_LIMIT;
    ncr_diagram f = ncr_lift_diagram(ev, ncr_value_int(sum->constant));
    for (uint32_t i = 0; i < sum->n_terms && !d->full; i++) {
        ncr_diagram pair[2] = {f, sum->terms[i]};
        f = ncr_diagram_apply(d, ev->guard, pair, 2, add_leaves, ev);
    }
    bool full = d->full;
    d->full = false;
    return full ? unknown : ncr_lift_value(ev, f);
}

struct scale {
    struct ncr_eval *ev;
    int64_t factor;
    bool overflow;
};

static uint32_t scale_leaf(void *user, const uint32_t *leaf)
{
    struct scale *s = user;
    if (leaf[0] == NCR_HOLE) return NCR_HOLE;
    int64_t v = 0;
    s->overflow |= !ncr_mul_i64(s->ev->leaves.at[leaf[0]].as.i, s->factor, &v);
    return ncr_lift_leaf(s->ev, ncr_value_int(v));
}

static bool scale(struct ncr_eval *ev, struct ncr_bound *sum, int64_t factor)
{
    struct scale s = {ev, factor, false};
    struct ncr_diagrams *d = &ev->space->diagrams;
    d->work_limit = d->work + DEPTH_LIMIT;
    ncr_diagram *terms = NCR_NEW_N(ev->scratch, ncr_diagram, sum->n_terms);
    for (uint32_t i = 0; i < sum->n_terms; i++)
        terms[i] = ncr_diagram_apply(d, NCR_TRUE, &sum->terms[i], 1, scale_leaf, &s);
    sum->terms = terms;
    return ncr_mul_i64(sum->constant, factor, &sum->constant) && !s.overflow && !d->full;
}

static bool join(struct ncr_eval *ev, struct ncr_bound *a, const struct ncr_bound *b)
{
    ncr_diagram *terms = NCR_NEW_N(ev->scratch, ncr_diagram, a->n_terms + b->n_terms);
    for (uint32_t i = 0; i < a->n_terms; i++)
        terms[i] = a->terms[i];
    for (uint32_t i = 0; i < b->n_terms; i++)
        terms[a->n_terms + i] = b->terms[i];
    a->terms = terms;
    a->n_terms += b->n_terms;
    return ncr_add_i64(a->constant, b->constant, &a->constant);
}

// a op b of sums as a bound on a - b.
static struct ncr_value compared(struct ncr_eval *ev, enum ncr_ast_op op, struct ncr_bound a)
{
    a.low = INT64_MIN;
    a.high = INT64_MAX;
    if (op == NCR_AST_LE || op == NCR_AST_EQ) a.high = 0;
    if (op == NCR_AST_LT) a.high = -1;
    if (op == NCR_AST_GE || op == NCR_AST_EQ) a.low = 0;
    if (op == NCR_AST_GT) a.low = 1;
    struct ncr_bound *kept = NCR_NEW(ev->scratch, struct ncr_bound);
    *kept = a;
    return (struct ncr_value){.kind = NCR_KIND_BOUND, .as.bound = kept};
}

struct ncr_value ncr_figure_binary(struct ncr_eval *ev, const struct ncr_code *code,
                                   struct ncr_value a, struct ncr_value b)
{
    struct ncr_bound x, y;
    bool sums = as_sum(ev, a, &x) && as_sum(ev, b, &y);
    if (!sums) return unknown;
    enum ncr_ast_op op = code->op;
    bool compares = op == NCR_AST_LE || op == NCR_AST_LT || op == NCR_AST_GE || op == NCR_AST_GT ||
                    op == NCR_AST_EQ;
    if (op == NCR_AST_ADD && join(ev, &x, &y)) return sum_of(ev, x);
    if ((op == NCR_AST_SUB || compares) && scale(ev, &y, -1) && join(ev, &x, &y))
        return compares ? compared(ev, op, x) : sum_of(ev, x);
    if (op == NCR_AST_MUL && y.n_terms == 0 && scale(ev, &x, y.constant)) return sum_of(ev, x);
    if (op == NCR_AST_MUL && x.n_terms == 0 && scale(ev, &y, x.constant)) return sum_of(ev, y);
    return unknown;
}

// -- figures ------------------------------------------------------------------------------------

struct term {
    struct ncr_eval *ev;
    enum ncr_figure figure;
};

static uint32_t term_leaf(void *user, const uint32_t *leaf)
{
    const struct term *t = user;
    if (leaf[0] == NCR_HOLE) return NCR_HOLE;
    const struct ncr_op_facts *facts = &t->ev->space->variants.at[leaf[0]].facts;
    int64_t v = t->figure == NCR_FIGURE_MACS ? facts->macs : leaf[1] == 1 ? facts->n_trained : 0;
    return ncr_lift_leaf(t->ev, ncr_value_int(v));
}

static struct ncr_value additive(struct ncr_eval *ev, enum ncr_figure figure, enum ncr_op op)
{
    struct ncr_space *space = ev->space;
    struct ncr_diagrams *d = &space->diagrams;
    uint32_t from = ev->frame->first_node, n = space->nodes.n - from;
    ncr_diagram *terms = NCR_NEW_N(ev->scratch, ncr_diagram, n),
                zero = ncr_lift_diagram(ev, ncr_value_int(0)),
                one = ncr_lift_diagram(ev, ncr_value_int(1));
    struct ncr_bound sum = {.terms = terms};
    for (uint32_t i = from; i < space->nodes.n; i++) {
        const struct ncr_space_node *node = &space->nodes.at[i];
        d->work_limit = d->work + DEPTH_LIMIT;
        ncr_diagram f;
        if (figure == NCR_FIGURE_COUNT) {
            f = node->op == op ? ncr_diagram_if(d, node->exists, one, zero) : zero;
        } else {
            struct term t = {ev, figure};
            ncr_diagram pair[2] = {node->variant, node->first};
            f = ncr_diagram_apply(d, node->exists, pair, 2, term_leaf, &t);
            f = ncr_diagram_if(d, node->exists, f, zero);
        }
        if (!ncr_diagram_is_leaf(f)) {
            terms[sum.n_terms++] = f;
        } else if (!ncr_add_i64(sum.constant, ncr_lift_value(ev, f).as.i, &sum.constant)) {
            return unknown;
        }
    }
    ncr_lift_check(ev);
    return sum_of(ev, sum);
}

static uint32_t deeper(void *user, const uint32_t *leaf)
{
    struct ncr_eval *ev = user;
    if (leaf[0] == NCR_HOLE || leaf[1] == NCR_HOLE) return leaf[0] == NCR_HOLE ? leaf[1] : leaf[0];
    return ev->leaves.at[leaf[0]].as.i >= ev->leaves.at[leaf[1]].as.i ? leaf[0] : leaf[1];
}

static uint32_t one_more(void *user, const uint32_t *leaf)
{
    struct ncr_eval *ev = user;
    if (leaf[0] == NCR_HOLE) return NCR_HOLE;
    return ncr_lift_leaf(ev, ncr_value_int(ev->leaves.at[leaf[0]].as.i + 1));
}

// The most operators with parameters on a path through the nodes of `this`.
static struct ncr_value depth(struct ncr_eval *ev)
{
    struct ncr_space *space = ev->space;
    struct ncr_diagrams *d = &space->diagrams;
    uint32_t from = ev->frame->first_node, n = space->nodes.n - from;
    ncr_diagram *at = NCR_NEW_N(ev->scratch, ncr_diagram, n),
                zero = ncr_lift_diagram(ev, ncr_value_int(0)), all = zero;
    d->work_limit = d->work + DEPTH_LIMIT;
    for (uint32_t i = 0; i < n && !d->full; i++) {
        const struct ncr_space_node *node = &space->nodes.at[from + i];
        ncr_diagram f = zero;
        for (uint32_t k = 0; k < node->n_in; k++) {
            struct ncr_arena_mark mark = ncr_arena_mark(d->scratch);
            struct ncr_diagram_leaves leaves = ncr_diagram_leaves(d, d->scratch, node->in[k]);
            for (uint32_t l = 0; l < leaves.n; l++) {
                if (leaves.at[l] < from) continue;
                ncr_diagram here = ncr_diagram_is(d, node->in[k], leaves.at[l]),
                            pair[2] = {f, ncr_diagram_if(d, here, at[leaves.at[l] - from], zero)};
                f = ncr_diagram_apply(d, NCR_TRUE, pair, 2, deeper, ev);
            }
            ncr_arena_reset(d->scratch, mark);
        }
        if (ncr_op_sites(node->op) & NCR_SITE_WEIGHT)
            f = ncr_diagram_apply(d, NCR_TRUE, &f, 1, one_more, ev);
        at[i] = ncr_diagram_if(d, node->exists, f, zero);
        ncr_diagram pair[2] = {all, at[i]};
        all = ncr_diagram_apply(d, NCR_TRUE, pair, 2, deeper, ev);
    }
    bool full = d->full;
    d->full = false;
    return full ? unknown : ncr_lift_value(ev, all);
}

// The figure of a network at hand: its diagrams at the decisions taken.
static struct ncr_value at_member(struct ncr_eval *ev, struct ncr_value v)
{
    if (v.kind != NCR_KIND_SUM && v.kind != NCR_KIND_LIFTED) return v;
    struct ncr_bound sum;
    if (!as_sum(ev, v, &sum)) return ncr_value_error();
    int64_t total = sum.constant;
    for (uint32_t i = 0; i < sum.n_terms; i++) {
        uint32_t leaf = ncr_diagram_at(&ev->space->diagrams, sum.terms[i], ev->taken);
        if (leaf != NCR_HOLE) total += ev->leaves.at[leaf].as.i;
    }
    return ncr_value_int(total);
}

struct ncr_value ncr_figure(struct ncr_eval *ev, enum ncr_figure figure, enum ncr_op op)
{
    struct ncr_value v = unknown;
    if (figure == NCR_FIGURE_PEAK_MEMORY) {
        if (ev->graph) v = ncr_figure_peak(ev);
    } else {
        v = figure == NCR_FIGURE_DEPTH ? depth(ev) : additive(ev, figure, op);
    }
    if (ev->taken) return at_member(ev, v);
    // Few values are best known at once: they can then be computed with.
    struct ncr_value known = ncr_figure_value(ev, v);
    return known.kind == NCR_KIND_UNKNOWN ? v : known;
}

// -- requirements -------------------------------------------------------------------------------

static void failed(struct ncr_eval *ev, const struct ncr_code *condition)
{
    struct ncr_value a = {0}, b = {0};
    bool compares = condition->kind == NCR_CODE_BINARY && condition->op != NCR_AST_AND &&
                    condition->op != NCR_AST_ARROW && condition->op != NCR_AST_OR;
    if (compares) {
        a = ncr_eval_code(ev, condition->kid[0]);
        b = ncr_eval_code(ev, condition->kid[1]);
    }
    if (!compares || !a.kind || !b.kind || ncr_is_lifted(a) || ncr_is_lifted(b)) {
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

static uint32_t number_leaf(void *user, const uint32_t *leaf)
{
    struct ncr_eval *ev = user;
    int64_t v = leaf[0] == NCR_HOLE ? 0 : ev->leaves.at[leaf[0]].as.i;
    uint32_t n = ev->space->numbers.n;
    for (uint32_t i = n > 64 ? n - 64 : 0; i < n; i++) // few values follow one another
        if (ev->space->numbers.at[i] == v) return i;
    ncr_vec_push(ev->space->arena, &ev->space->numbers, v);
    return n;
}

// A sum with the leaves that the space keeps; zero outside the guard.
static struct ncr_space_sum kept_sum(struct ncr_eval *ev, const struct ncr_bound *sum)
{
    struct ncr_diagrams *d = &ev->space->diagrams;
    d->work_limit = d->work + DEPTH_LIMIT;
    ncr_diagram *terms = NCR_NEW_N(ev->space->arena, ncr_diagram, sum->n_terms),
                zero = ncr_lift_diagram(ev, ncr_value_int(0));
    for (uint32_t i = 0; i < sum->n_terms; i++) {
        ncr_diagram f = ncr_diagram_if(d, ev->guard, sum->terms[i], zero);
        terms[i] = ncr_diagram_apply(d, NCR_TRUE, &f, 1, number_leaf, ev);
    }
    ncr_lift_check(ev);
    return (struct ncr_space_sum){sum->constant, terms, sum->n_terms};
}

static void keep(struct ncr_eval *ev, struct ncr_space_require require)
{
    ncr_vec_push(ev->space->arena, &ev->space->requires, require);
}

static void require_diagram(struct ncr_eval *ev, const struct ncr_code *code, ncr_diagram cond)
{
    struct ncr_diagrams *d = &ev->space->diagrams;
    d->work_limit = d->work + DEPTH_LIMIT;
    ncr_diagram holds = ncr_diagram_if(d, ev->guard, cond, NCR_TRUE);
    ncr_lift_check(ev);
    if (holds == NCR_TRUE || ev->stopped) return;
    if (holds == NCR_FALSE) {
        failed(ev, code);
        return;
    }
    ncr_universe_narrow(ev, cond);
    keep(ev, (struct ncr_space_require){
                 .kind = NCR_REQUIRE_DIAGRAM, .span = code->span, .condition = holds});
}

struct within {
    struct ncr_eval *ev;
    int64_t low, high;
};

static uint32_t within_leaf(void *user, const uint32_t *leaf)
{
    const struct within *w = user;
    if (leaf[0] == NCR_HOLE || w->ev->leaves.at[leaf[0]].kind != NCR_KIND_INT) return 0;
    int64_t v = w->ev->leaves.at[leaf[0]].as.i;
    return v >= w->low && v <= w->high;
}

static void require_bound(struct ncr_eval *ev, const struct ncr_code *code,
                          const struct ncr_bound *bound)
{
    struct ncr_value sum = ncr_figure_value(ev, sum_of(ev, *bound));
    if (sum.kind != NCR_KIND_UNKNOWN) {
        struct within within = {ev, bound->low, bound->high};
        struct ncr_diagrams *d = &ev->space->diagrams;
        d->work_limit = d->work + DEPTH_LIMIT;
        ncr_diagram f = ncr_lift_diagram(ev, sum),
                    cond = ncr_diagram_apply(d, ev->guard, &f, 1, within_leaf, &within);
        ncr_lift_check(ev);
        require_diagram(ev, code, cond);
        return;
    }
    struct ncr_space_require require = {
        .kind = NCR_REQUIRE_SUM, .span = code->span, .lo = bound->low, .hi = bound->high};
    require.sum = kept_sum(ev, bound);
    if (ev->guard != NCR_TRUE) {
        // Where the requirement is not asked, the terms are zero and the constant must fit.
        int64_t fits = require.lo > 0 ? require.lo : require.hi < 0 ? require.hi : 0;
        ncr_diagram *terms = NCR_NEW_N(ev->space->arena, ncr_diagram, require.sum.n_terms + 1);
        for (uint32_t i = 0; i < require.sum.n_terms; i++)
            terms[i] = require.sum.terms[i];
        uint32_t there[1] = {ncr_lift_leaf(ev, ncr_value_int(require.sum.constant))},
                 else_[1] = {ncr_lift_leaf(ev, ncr_value_int(fits))};
        terms[require.sum.n_terms] = ncr_diagram_if(&ev->space->diagrams, ev->guard,
                                                    ncr_diagram_leaf(number_leaf(ev, there)),
                                                    ncr_diagram_leaf(number_leaf(ev, else_)));
        require.sum.terms = terms;
        require.sum.n_terms++;
        require.sum.constant = 0;
    }
    keep(ev, require);
}

static void require_later(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_later_require later = {code, ev->frame};
    keep(ev, (struct ncr_space_require){.kind = NCR_REQUIRE_GRAPH,
                                        .span = code->span,
                                        .condition = ev->guard,
                                        .check = ev->later.n});
    ncr_vec_push(ev->scratch, &ev->later, later);
}

void ncr_eval_require(struct ncr_eval *ev, const struct ncr_code *code)
{
    if (code->kind == NCR_CODE_BINARY && code->op == NCR_AST_AND) {
        ncr_eval_require(ev, code->kid[0]);
        ncr_eval_require(ev, code->kid[1]);
        return;
    }
    struct ncr_value v;
    if (ev->space && code->kind == NCR_CODE_BINARY && code->op == NCR_AST_ARROW) {
        v = ncr_eval_code(ev, code->kid[0]);
        ncr_diagram cond;
        if (v.kind == NCR_KIND_LIFTED && ncr_lift_condition(ev, code->kid[0], v, &cond)) {
            ncr_diagram outer = ev->guard;
            if (ncr_guard_enter(ev, cond)) ncr_eval_require(ev, code->kid[1]);
            ev->guard = outer;
            return;
        }
    }
    v = ncr_eval_code(ev, code);
    if (v.kind == NCR_KIND_ERROR) return;
    if (v.kind == NCR_KIND_BOUND) {
        require_bound(ev, code, v.as.bound);
    } else if (v.kind == NCR_KIND_UNKNOWN) {
        require_later(ev, code);
    } else if (v.kind == NCR_KIND_BOOL && (ev->guard == NCR_TRUE || v.as.b || !ev->space)) {
        if (!v.as.b) failed(ev, code);
    } else {
        ncr_diagram cond;
        if (ncr_lift_condition(ev, code, v, &cond)) require_diagram(ev, code, cond);
    }
}
