// The functions of builtins.def.
#include <math.h>

#include "compiler/sema/eval.h"

#define K(NAME) NCR_KIND_BIT(NAME)

// A call at hand: values of its arguments.
struct call {
    struct ncr_eval *ev;
    const struct ncr_code *code;
    const struct ncr_value *arg;
    uint32_t n;
};

static struct ncr_value wrong(const struct call *c, uint32_t i, uint32_t wanted)
{
    struct ncr_eval *ev = c->ev;
    NCR_EVAL_REPORT(ev, FUNCTION_ARGUMENT, c->code->kid[i]->span,
                    ncr_builtin_at(c->code->as.builtin)->name, ncr_show_kinds(ev->reporter, wanted),
                    ncr_show(ev->reporter, c->arg[i]));
    return ncr_value_error();
}

static struct ncr_value outside(const struct call *c, uint32_t i, const char *bound)
{
    struct ncr_eval *ev = c->ev;
    NCR_EVAL_REPORT(ev, FUNCTION_DOMAIN, c->code->kid[i]->span,
                    ncr_builtin_at(c->code->as.builtin)->name, bound,
                    ncr_show(ev->reporter, c->arg[i]));
    return ncr_value_error();
}

static struct ncr_value overflow(const struct call *c)
{
    struct ncr_eval *ev = c->ev;
    NCR_EVAL_REPORT(ev, FUNCTION_OVERFLOW, c->code->span,
                    ncr_builtin_at(c->code->as.builtin)->name);
    return ncr_value_error();
}

static struct ncr_value to_int(const struct call *c, double f)
{
    if (!(f >= -9223372036854775808.0 && f < 9223372036854775808.0)) return overflow(c);
    return ncr_value_int((int64_t)f);
}

static struct ncr_value rounded(const struct call *c, double (*how)(double))
{
    if (!ncr_value_is(c->arg[0], K(INT) | K(FLOAT))) return wrong(c, 0, K(INT) | K(FLOAT));
    return c->arg[0].kind == NCR_KIND_INT ? c->arg[0] : to_int(c, how(c->arg[0].as.f));
}

static struct ncr_value builtin_abs(const struct call *c)
{
    struct ncr_value v = c->arg[0];
    if (!ncr_value_is(v, K(INT) | K(FLOAT) | K(QUANTITY)))
        return wrong(c, 0, K(INT) | K(FLOAT) | K(QUANTITY));
    if (v.kind != NCR_KIND_INT) {
        v.as.f = fabs(v.as.f);
        return v;
    }
    if (v.as.i == INT64_MIN) return overflow(c);
    return ncr_value_int(v.as.i < 0 ? -v.as.i : v.as.i);
}

static struct ncr_value builtin_ceil(const struct call *c)
{
    return rounded(c, ceil);
}

static struct ncr_value builtin_floor(const struct call *c)
{
    return rounded(c, floor);
}

static struct ncr_value builtin_round(const struct call *c)
{
    return rounded(c, round);
}

static struct ncr_value builtin_ceil_div(const struct call *c)
{
    for (uint32_t i = 0; i < 2; i++)
        if (c->arg[i].kind != NCR_KIND_INT) return wrong(c, i, K(INT));
    int64_t a = c->arg[0].as.i, b = c->arg[1].as.i;
    if (b <= 0) return outside(c, 1, "at least 1");
    return ncr_value_int(a / b + (a % b > 0));
}

static struct ncr_value builtin_float(const struct call *c)
{
    if (!ncr_value_is(c->arg[0], K(INT) | K(FLOAT))) return wrong(c, 0, K(INT) | K(FLOAT));
    return ncr_value_float(ncr_value_number(c->arg[0]));
}

static struct ncr_value builtin_len(const struct call *c)
{
    if (c->arg[0].kind == NCR_KIND_LIST) return ncr_value_int(c->arg[0].as.list->n);
    if (c->arg[0].kind != NCR_KIND_RANGE) return wrong(c, 0, K(LIST) | K(RANGE));
    uint64_t n = ncr_range_count(c->arg[0].as.range);
    return n > INT64_MAX ? overflow(c) : ncr_value_int((int64_t)n);
}

static struct ncr_value builtin_log2(const struct call *c)
{
    if (c->arg[0].kind != NCR_KIND_INT) return wrong(c, 0, K(INT));
    if (c->arg[0].as.i < 1) return outside(c, 0, "at least 1");
    return ncr_value_int(63 - __builtin_clzll((unsigned long long)c->arg[0].as.i));
}

static struct ncr_value figure(const struct call *c, enum ncr_figure figure, enum ncr_op op)
{
    if (c->arg[0].kind != NCR_KIND_THIS) return wrong(c, 0, K(THIS));
    return ncr_figure(c->ev, figure, op);
}

static struct ncr_value builtin_params(const struct call *c)
{
    return figure(c, NCR_FIGURE_PARAMS, NCR_OP_INPUT);
}

static struct ncr_value builtin_macs(const struct call *c)
{
    return figure(c, NCR_FIGURE_MACS, NCR_OP_INPUT);
}

static struct ncr_value builtin_depth(const struct call *c)
{
    return figure(c, NCR_FIGURE_DEPTH, NCR_OP_INPUT);
}

static struct ncr_value builtin_peak_memory(const struct call *c)
{
    return figure(c, NCR_FIGURE_PEAK_MEMORY, NCR_OP_INPUT);
}

static struct ncr_value builtin_count(const struct call *c)
{
    bool op = c->arg[1].kind == NCR_KIND_LAYER && c->arg[1].as.layer->kind == NCR_LAYER_OP;
    return op ? figure(c, NCR_FIGURE_COUNT, c->arg[1].as.layer->op) : wrong(c, 1, K(LAYER));
}

// The values that min, max and sum go over: the arguments, or the items of a single list or range.
struct many {
    const struct call *c;
    uint64_t n;
    bool inside;
};

static bool many_of(const struct call *c, struct many *many)
{
    *many = (struct many){c, c->n, false};
    if (c->n != 1 || !ncr_value_is(c->arg[0], K(LIST) | K(RANGE))) return true;
    many->inside = true;
    many->n = c->arg[0].kind == NCR_KIND_LIST ? c->arg[0].as.list->n
                                              : ncr_range_count(c->arg[0].as.range);
    if (many->n == 0) {
        outside(c, 0, "at least one value");
        return false;
    }
    if (many->n <= NCR_LIMIT_LIST) return ncr_eval_spend(c->ev, many->n);
    struct ncr_eval *ev = c->ev;
    NCR_EVAL_REPORT(ev, WALK_LIMIT, c->code->kid[0]->span, (unsigned long long)many->n,
                    NCR_LIMIT_LIST);
    return false;
}

static struct ncr_value many_at(const struct many *many, uint64_t i)
{
    const struct ncr_value *arg = many->c->arg;
    if (!many->inside) return arg[i];
    return arg[0].kind == NCR_KIND_LIST ? arg[0].as.list->at[i] : ncr_range_at(arg[0].as.range, i);
}

static struct ncr_value fold(const struct call *c, enum ncr_ast_op op)
{
    struct many many;
    if (!many_of(c, &many)) return ncr_value_error();
    struct ncr_value best = many_at(&many, 0);
    uint32_t numbers = K(INT) | K(FLOAT) | K(QUANTITY);
    for (uint64_t i = 0; i < many.n; i++) {
        struct ncr_value v = many_at(&many, i);
        uint32_t at = many.inside ? 0 : (uint32_t)i;
        if (!ncr_value_is(v, numbers)) {
            struct ncr_eval *ev = c->ev;
            NCR_EVAL_REPORT(ev, FUNCTION_ARGUMENT, c->code->kid[at]->span,
                            ncr_builtin_at(c->code->as.builtin)->name,
                            ncr_show_kinds(ev->reporter, numbers), ncr_show(ev->reporter, v));
            return ncr_value_error();
        }
        if (i == 0) continue;
        struct ncr_value r;
        enum ncr_arith status = ncr_arith_binary(op, v, best, &r);
        if (status != NCR_ARITH_OK) {
            struct ncr_operand a = {1u << best.kind, &best, best.dimension},
                               b = {1u << v.kind, &v, v.dimension};
            ncr_eval_reported(c->ev, ncr_report_arith(c->ev->reporter, status, op,
                                                      c->code->kid[at]->span, &a, &b));
            return ncr_value_error();
        }
        if (op == NCR_AST_ADD)
            best = r;
        else if (r.as.b)
            best = v;
    }
    return best;
}

static struct ncr_value builtin_max(const struct call *c)
{
    return fold(c, NCR_AST_GT);
}

static struct ncr_value builtin_min(const struct call *c)
{
    return fold(c, NCR_AST_LT);
}

static struct ncr_value builtin_sum(const struct call *c)
{
    if (!ncr_value_is(c->arg[0], K(LIST) | K(RANGE))) return wrong(c, 0, K(LIST) | K(RANGE));
    return fold(c, NCR_AST_ADD);
}

static struct ncr_value builtin_round_to(const struct call *c)
{
    if (!ncr_value_is(c->arg[0], K(INT) | K(FLOAT))) return wrong(c, 0, K(INT) | K(FLOAT));
    if (c->arg[1].kind != NCR_KIND_INT) return wrong(c, 1, K(INT));
    int64_t n = c->arg[1].as.i, v;
    if (n < 1) return outside(c, 1, "at least 1");
    if (c->arg[0].kind == NCR_KIND_INT) {
        int64_t x = c->arg[0].as.i;
        int64_t rest = x % n, below = x - rest;
        if (rest < 0) {
            if (!ncr_sub_i64(below, n, &below)) return overflow(c);
            rest += n;
        }
        v = below;
        if (rest >= n - rest && !ncr_add_i64(below, n, &v)) return overflow(c);
    } else {
        struct ncr_value k = to_int(c, floor(c->arg[0].as.f / (double)n + 0.5));
        if (k.kind == NCR_KIND_ERROR) return k;
        if (!ncr_mul_i64(k.as.i, n, &v)) return overflow(c);
    }
    return ncr_value_int(v < n ? n : v);
}

static struct ncr_value (*const functions[])(const struct call *) = {
#define NCR_BUILTIN_ROW(name, ...) builtin_##name,
#include "compiler/sema/builtins.def"
#undef NCR_BUILTIN_ROW
};

static struct ncr_value call(struct ncr_eval *ev, void *user, const struct ncr_value *args)
{
    const struct ncr_code *code = user;
    struct call c = {ev, code, args, code->n_kids};
    return functions[code->as.builtin](&c);
}

struct ncr_value ncr_eval_builtin(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value few[4], *args = few;
    if (code->n_kids > NCR_COUNT(few))
        args = NCR_NEW_N(ev->scratch, struct ncr_value, code->n_kids);
    bool this = false;
    for (uint32_t i = 0; i < code->n_kids; i++) {
        args[i] = ncr_eval_code(ev, code->kid[i]);
        if (args[i].kind == NCR_KIND_ERROR) return ncr_value_error();
        this |= args[i].kind == NCR_KIND_THIS;
    }
    return this ? call(ev, (void *)code, args)
                : ncr_lift(ev, args, code->n_kids, call, (void *)code);
}

uint32_t ncr_builtin_kinds(uint32_t index, struct ncr_code **args, uint32_t n)
{
    const char *name = ncr_builtin_at(index)->name;
    if (strcmp(name, "float") == 0) return K(FLOAT);
    if (strcmp(name, "peak_memory") == 0) return K(QUANTITY);
    bool same = strcmp(name, "abs") == 0, fold_like = same;
    fold_like |= strcmp(name, "max") == 0 || strcmp(name, "min") == 0 || strcmp(name, "sum") == 0;
    if (!fold_like) return K(INT);
    uint32_t kinds = 0;
    for (uint32_t i = 0; i < n; i++)
        kinds |= args[i]->kinds;
    uint32_t numbers = K(INT) | K(FLOAT) | K(QUANTITY);
    return kinds & (K(LIST) | K(RANGE)) || !(kinds & numbers) ? numbers : kinds & numbers;
}
