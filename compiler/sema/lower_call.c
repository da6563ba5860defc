// Lowers names, calls and members: what a name means, which argument goes to which parameter.
#include "compiler/sema/lower.h"

#define K(NAME) NCR_KIND_BIT(NAME)

// -- names --------------------------------------------------------------------------------------

static struct ncr_code *of_item(struct ncr_lower *lo, const struct ncr_ast *ast,
                                struct ncr_item *item)
{
    struct ncr_code *code;
    switch (item->kind) {
    case NCR_ITEM_LET:
        code = ncr_code_new(lo, NCR_CODE_GLOBAL, ast, 0,
                            item->code ? item->code->kinds : NCR_KINDS_ALL);
        code->as.item = item;
        if (item->code) {
            code->known_dimension = item->code->known_dimension;
            code->dimension = item->code->dimension;
        }
        return code;
    case NCR_ITEM_BLOCK:
    case NCR_ITEM_NET:
        if (item->def->wrong) return ncr_code_error(lo, ast);
        if (!item->def->has_inputs && item->def->n_params == 0) {
            code = ncr_code_new(lo, NCR_CODE_CALL_DEF, ast, 0,
                                item->def->is_net ? K(LAYER) : NCR_KINDS_ALL);
        } else {
            code = ncr_code_new(lo, NCR_CODE_DEF, ast, 0, K(LAYER));
        }
        code->as.def = item->def;
        ncr_code_site(lo, code, ncr_lower_element(lo, item->name));
        return code;
    case NCR_ITEM_DECLARATION:
        code = ncr_code_new(lo, NCR_CODE_DECLARATION, ast, 0, K(DECLARATION));
        code->as.item = item;
        return code;
    case NCR_ITEM_MUTATION: break;
    }
    NCR_REPORT(lo->reporter, NOT_A_VALUE, ast->span, ncr_show_str(lo->reporter, ast->text),
               "mutation");
    return ncr_code_error(lo, ast);
}

static struct ncr_code *of_local(struct ncr_lower *lo, const struct ncr_ast *ast,
                                 struct ncr_local *local)
{
    local->used = true;
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_LOCAL, ast, 0, local->kinds);
    code->slot = local->slot;
    code->known_dimension = local->known_dimension;
    code->dimension = local->dimension;
    return code;
}

struct ncr_code *ncr_lower_name(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_local *local = ncr_lower_local(lo, ast->text);
    if (local) return of_local(lo, ast, local);
    if (lo->search) {
        struct ncr_code *metric = ncr_lower_metric(lo, ast);
        if (metric) return metric;
    }
    struct ncr_item *item = ncr_lower_item(lo, ast->text, ast->span);
    if (item) return of_item(lo, ast, item);
    struct ncr_language_name found = ncr_language_find(ast->text);
    struct ncr_code *code;
    switch (found.kind) {
    case NCR_LANG_OPERATOR:
        code = ncr_code_new(lo, NCR_CODE_OPERATOR, ast, 0, K(LAYER));
        code->as.op = (enum ncr_op)found.index;
        ncr_code_site(lo, code, ncr_lower_element(lo, ast->text));
        return code;
    case NCR_LANG_WORD:
        code = ncr_code_new(lo, NCR_CODE_CONST, ast, 0, K(WORD));
        code->as.value = (struct ncr_value){.kind = NCR_KIND_WORD, .as.i = found.index};
        return code;
    case NCR_LANG_FUNCTION: {
        struct ncr_diag *d = NCR_REPORT(lo->reporter, NOT_A_VALUE, ast->span,
                                        ncr_show_str(lo->reporter, ast->text), "function");
        const struct ncr_builtin *b = ncr_builtin_at(found.index);
        ncr_report_help(lo->reporter, d, "call it: %s(%s)", b->name, b->params);
        return ncr_code_error(lo, ast);
    }
    case NCR_LANG_NOTHING: break;
    }
    ncr_lower_unknown(lo, ast->text, ast->span);
    return ncr_code_error(lo, ast);
}

// -- arguments ----------------------------------------------------------------------------------

// The parameters of what is called, whatever it is.
struct callee {
    const char *name; // as in messages
    const struct ncr_sig_param *signature;
    const struct ncr_def *def;
    uint32_t n;
};

static struct ncr_str param_name(const struct callee *callee, uint32_t i)
{
    return callee->def ? callee->def->params[i].name : ncr_str_of(callee->signature[i].name);
}

static bool param_required(const struct callee *callee, uint32_t i)
{
    return callee->def ? !callee->def->params[i].has_default : callee->signature[i].required;
}

static uint32_t param_kinds(const struct callee *callee, uint32_t i)
{
    if (!callee->def) return ncr_sig_kinds(callee->signature[i].type);
    const struct ncr_param_def *param = &callee->def->params[i];
    return param->is_quantity ? K(QUANTITY) : ncr_type_kinds(param->type);
}

static void wrong_type(struct ncr_lower *lo, const struct callee *callee, uint32_t i,
                       const struct ncr_code *value)
{
    struct ncr_str name = param_name(callee, i);
    const char *wanted = ncr_show_kinds(lo->reporter, param_kinds(callee, i));
    if (callee->def && callee->def->params[i].is_quantity)
        wanted = ncr_show_quantity(lo->reporter, callee->def->params[i].dimension);
    struct ncr_diag *d =
        NCR_REPORT(lo->reporter, WRONG_TYPE, value->span, ncr_show_str(lo->reporter, name),
                   callee->name, wanted, ncr_show_code(lo->reporter, value));
    if (value->kinds == K(TENSOR))
        ncr_report_help(lo->reporter, d, "a layer is applied to a tensor with `|>`: x |> %s",
                        callee->name);
}

static uint32_t find_param(struct ncr_lower *lo, const struct callee *callee,
                           const struct ncr_ast *arg)
{
    for (uint32_t i = 0; i < callee->n; i++)
        if (ncr_str_eq(param_name(callee, i), arg->text)) return i;
    struct ncr_diag *d = NCR_REPORT(lo->reporter, UNKNOWN_ARGUMENT, arg->name_span, callee->name,
                                    ncr_show_str(lo->reporter, arg->text));
    struct ncr_str *names = NCR_NEW_N(lo->arena, struct ncr_str, callee->n);
    for (uint32_t i = 0; i < callee->n; i++)
        names[i] = param_name(callee, i);
    ncr_report_nearest(lo->reporter, d, arg->text, names, callee->n);
    return UINT32_MAX;
}

// Lowers an argument of parameter i and checks what is known of its type.
static struct ncr_code *argument(struct ncr_lower *lo, const struct callee *callee, uint32_t i,
                                 const struct ncr_ast *value)
{
    struct ncr_str around = lo->around;
    lo->around = param_name(callee, i);
    struct ncr_code *code = ncr_lower_expr(lo, value);
    lo->around = around;
    if (code->kinds == K(ERROR)) return code;
    bool wrong = !(code->kinds & param_kinds(callee, i));
    if (!wrong && callee->def && callee->def->params[i].is_quantity && code->known_dimension)
        wrong = !ncr_dimension_eq(code->dimension, callee->def->params[i].dimension);
    if (!wrong) return code;
    wrong_type(lo, callee, i, code);
    return ncr_code_error(lo, value);
}

// reshape(16, 5, 5): all positional arguments are one list.
static struct ncr_code *shape_list(struct ncr_lower *lo, const struct ncr_ast *call)
{
    uint32_t n = call->n_kids - 1;
    struct ncr_code *list = ncr_code_new(lo, NCR_CODE_LIST, call, n, K(LIST));
    list->span = ncr_span_join(call->kid[1]->span, call->kid[n]->span);
    for (uint32_t i = 0; i < n; i++)
        list->kid[i] = ncr_lower_expr(lo, call->kid[i + 1]->kid[0]);
    return list;
}

// Puts the arguments of a call to the parameters they are for. The first may stand without a name.
static void arguments(struct ncr_lower *lo, const struct ncr_ast *call, const struct callee *callee,
                      struct ncr_code *code)
{
    bool variadic = !callee->def && callee->n == 1 && callee->signature[0].type == NCR_SIG_SHAPE;
    if (variadic && call->n_kids > 2 && call->kid[1]->text.n == 0) {
        code->kid[0] = shape_list(lo, call);
        return;
    }
    for (uint32_t k = 1; k < call->n_kids; k++) {
        const struct ncr_ast *arg = call->kid[k];
        uint32_t i = k - 1;
        if (arg->text.n) {
            i = find_param(lo, callee, arg);
        } else if (callee->n == 0 || i >= callee->n) {
            NCR_REPORT(lo->reporter, TOO_MANY_ARGUMENTS, arg->span, callee->name, callee->n,
                       callee->n == 1 ? "" : "s", call->n_kids - 1);
            i = UINT32_MAX;
        } else if (i > 0) {
            struct ncr_diag *d =
                NCR_REPORT(lo->reporter, UNNAMED_ARGUMENT, arg->span, callee->name);
            ncr_report_help(lo->reporter, d, "write `%.*s: …`", NCR_STR_ARG(param_name(callee, i)));
            i = UINT32_MAX;
        }
        if (i == UINT32_MAX) {
            ncr_lower_expr(lo, arg->kid[0]);
            code->closed = true; // arguments were wrong: one that seems missing may be among them
            continue;
        }
        if (code->kid[i]) {
            NCR_REPORT(lo->reporter, REPEATED_ARGUMENT,
                       arg->name_span.file ? arg->name_span : arg->span,
                       ncr_show_str(lo->reporter, param_name(callee, i)));
            continue;
        }
        code->kid[i] = argument(lo, callee, i, arg->kid[0]);
    }
    for (uint32_t i = 0; i < callee->n && !code->closed; i++)
        if (!code->kid[i] && param_required(callee, i))
            NCR_REPORT(lo->reporter, MISSING_ARGUMENT, code->span, callee->name,
                       ncr_show_str(lo->reporter, param_name(callee, i)));
}

// -- calls --------------------------------------------------------------------------------------

static struct ncr_code *call_op(struct ncr_lower *lo, const struct ncr_ast *ast, enum ncr_op op)
{
    struct callee callee = {.name = ncr_op_name(op)};
    callee.signature = ncr_signature(op, &callee.n);
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_CALL_OP, ast, callee.n, K(LAYER));
    code->as.op = op;
    ncr_code_site(lo, code, ncr_lower_element(lo, ncr_str_of(callee.name)));
    arguments(lo, ast, &callee, code);
    for (uint32_t i = 0; i < callee.n; i++)
        if (!code->kid[i] && callee.signature[i].required)
            code->kind = NCR_CODE_ERROR, code->kinds = K(ERROR);
    return code;
}

static struct ncr_code *call_def(struct ncr_lower *lo, const struct ncr_ast *ast,
                                 struct ncr_item *item)
{
    const struct ncr_def *def = item->def;
    struct callee callee = {
        .name = ncr_show_str(lo->reporter, def->name), .def = def, .n = def->n_params};
    uint32_t kinds = def->has_inputs || def->is_net ? K(LAYER) : NCR_KINDS_ALL;
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_CALL_DEF, ast, callee.n, kinds);
    code->as.def = def;
    ncr_code_site(lo, code, ncr_lower_element(lo, def->name));
    arguments(lo, ast, &callee, code);
    for (uint32_t i = 0; i < callee.n; i++)
        if (!code->kid[i] && param_required(&callee, i))
            code->kind = NCR_CODE_ERROR, code->kinds = K(ERROR);
    return code;
}

static struct ncr_code *call_builtin(struct ncr_lower *lo, const struct ncr_ast *ast,
                                     uint32_t index)
{
    const struct ncr_builtin *b = ncr_builtin_at(index);
    struct ncr_code *code =
        ncr_code_new(lo, NCR_CODE_CALL_BUILTIN, ast, ast->n_kids - 1, NCR_KINDS_ALL);
    code->as.builtin = index;
    bool good = true;
    for (uint32_t i = 0; i + 1 < ast->n_kids; i++) {
        const struct ncr_ast *arg = ast->kid[i + 1];
        if (arg->text.n) {
            NCR_REPORT(lo->reporter, UNKNOWN_ARGUMENT, arg->name_span, b->name,
                       ncr_show_str(lo->reporter, arg->text));
            good = false;
        }
        code->kid[i] = ncr_lower_expr(lo, arg->kid[0]);
        good &= code->kid[i]->kinds != K(ERROR);
    }
    int n = (int)ast->n_kids - 1;
    if (n < b->min_args || (b->max_args >= 0 && n > b->max_args)) {
        struct ncr_diag *d = NCR_REPORT(lo->reporter, ARGUMENT_COUNT, ast->span, b->name,
                                        b->min_args, b->max_args < 0 ? " or more" : "",
                                        b->min_args == 1 && b->max_args == 1 ? "" : "s", n);
        ncr_report_help(lo->reporter, d, "%s(%s): %s", b->name, b->params, b->help);
        good = false;
    }
    if (!good) return ncr_code_error(lo, ast);
    code->kinds = ncr_builtin_kinds(index, code->kid, code->n_kids);
    return code;
}

// A value that is called: tensors to a layer, or parameters to a block that was passed as a value.
static struct ncr_code *call_value(struct ncr_lower *lo, const struct ncr_ast *ast,
                                   struct ncr_code *callee)
{
    struct ncr_code *code =
        ncr_code_new(lo, NCR_CODE_CALL_VALUE, ast, ast->n_kids, K(LAYER) | K(TENSOR) | K(RECORD));
    struct ncr_str *labels = NCR_NEW_N(lo->arena, struct ncr_str, ast->n_kids);
    struct ncr_span *spans = NCR_NEW_N(lo->arena, struct ncr_span, ast->n_kids);
    code->label_spans = spans;
    code->kid[0] = callee;
    for (uint32_t i = 1; i < ast->n_kids; i++) {
        labels[i] = ast->kid[i]->text;
        spans[i] = labels[i].n ? ast->kid[i]->name_span : ast->kid[i]->span;
        code->kid[i] = ncr_lower_expr(lo, ast->kid[i]->kid[0]);
    }
    code->labels = labels;
    if (callee->kinds != K(ERROR) && !(callee->kinds & K(LAYER))) {
        NCR_REPORT(lo->reporter, NOT_CALLABLE, callee->span, ncr_show_code(lo->reporter, callee));
        return ncr_code_error(lo, ast);
    }
    // An operator or block that is applied to tensors has its site; a value may turn out to be a
    // block without arguments.
    if (callee->kind != NCR_CODE_OPERATOR && callee->kind != NCR_CODE_DEF &&
        callee->kind != NCR_CODE_CALL_DEF && callee->kind != NCR_CODE_CALL_OP) {
        const struct ncr_ast *name = ncr_ast_bare(ast->kid[0]);
        ncr_code_site(lo, code,
                      ncr_lower_element(lo, name->kind == NCR_AST_NAME ? name->text : NCR_STR("")));
    } else {
        code->kinds = K(TENSOR) | K(RECORD);
    }
    return code;
}

struct ncr_code *ncr_lower_call(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    const struct ncr_ast *name = ncr_ast_bare(ast->kid[0]);
    if (name->kind != NCR_AST_NAME || ncr_lower_local(lo, name->text))
        return call_value(lo, ast, ncr_lower_expr(lo, ast->kid[0]));
    if (lo->search) {
        struct ncr_code *metric = ncr_lower_metric_call(lo, ast);
        if (metric) return metric;
    }
    struct ncr_item *item = ncr_lower_item(lo, name->text, name->span);
    if (item && item->def && item->def->wrong) {
        for (uint32_t i = 1; i < ast->n_kids; i++)
            ncr_lower_expr(lo, ast->kid[i]->kid[0]);
        return ncr_code_error(lo, ast);
    }
    if (item && item->def && (item->def->n_params || !item->def->has_inputs))
        return call_def(lo, ast, item);
    if (item) return call_value(lo, ast, of_item(lo, name, item));
    struct ncr_language_name found = ncr_language_find(name->text);
    if (found.kind == NCR_LANG_FUNCTION) return call_builtin(lo, ast, found.index);
    uint32_t n = 0;
    if (found.kind == NCR_LANG_OPERATOR) ncr_signature((enum ncr_op)found.index, &n);
    if (n) return call_op(lo, ast, (enum ncr_op)found.index);
    if (found.kind == NCR_LANG_OPERATOR && ast->n_kids == 1) {
        // relu(): the layer itself.
        return ncr_lower_name(lo, name);
    }
    return call_value(lo, ast, ncr_lower_name(lo, name));
}

// -- members ------------------------------------------------------------------------------------

static const struct {
    const char *name;
    uint32_t kinds;
} members[] = {
#define NCR_MEMBER_ROW(NAME, name, KIND, help) {name, K(KIND)},
#include "compiler/sema/members.def"
#undef NCR_MEMBER_ROW
};

static void unknown_member(struct ncr_lower *lo, const struct ncr_ast *ast, const char *what,
                           const struct ncr_str *names, uint32_t n)
{
    struct ncr_diag *d = NCR_REPORT(lo->reporter, UNKNOWN_MEMBER, ast->name_span, what,
                                    ncr_show_str(lo->reporter, ast->text));
    ncr_report_nearest(lo->reporter, d, ast->text, names, n);
}

// c.kernel in a mutation: an argument of the operators that c matches, or a member of its tensor.
static struct ncr_code *pattern_member(struct ncr_lower *lo, const struct ncr_ast *ast,
                                       struct ncr_local *local)
{
    struct ncr_str names[64];
    uint32_t n = 0;
    for (size_t i = 0; i < NCR_COUNT(members); i++)
        names[n++] = ncr_str_of(members[i].name);
    bool found = local->pattern == 0;
    for (uint32_t op = 0; op < NCR_OP_COUNT_; op++) {
        if (!(local->pattern >> op & 1)) continue;
        uint32_t n_params;
        const struct ncr_sig_param *param = ncr_signature((enum ncr_op)op, &n_params);
        for (uint32_t i = 0; i < n_params && n < NCR_COUNT(names); i++)
            names[n++] = ncr_str_of(param[i].name);
    }
    for (uint32_t i = 0; i < n; i++)
        found |= ncr_str_eq(names[i], ast->text);
    if (!found) {
        unknown_member(lo, ast, ncr_show_str(lo->reporter, local->name), names, n);
        return ncr_code_error(lo, ast);
    }
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_MEMBER, ast, 1, NCR_KINDS_ALL);
    code->kid[0] = of_local(lo, ncr_ast_bare(ast->kid[0]), local);
    code->text = ast->text;
    return code;
}

struct ncr_code *ncr_lower_member(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    const struct ncr_ast *base_ast = ncr_ast_bare(ast->kid[0]);
    struct ncr_local *local =
        base_ast->kind == NCR_AST_NAME ? ncr_lower_local(lo, base_ast->text) : NULL;
    if (local && local->kind == NCR_LOCAL_PATTERN) {
        local->used = true;
        return pattern_member(lo, ast, local);
    }
    struct ncr_code *base = ncr_lower_expr(lo, ast->kid[0]);
    if (base->kinds == K(ERROR)) return base;
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_MEMBER, ast, 1, NCR_KINDS_ALL);
    code->kid[0] = base;
    code->text = ast->text;
    if (base->kind == NCR_CODE_DECLARATION) {
        code->kinds = K(DATA);
        return code; // which members there are depends on the kind of declaration: evaluation knows
    }
    if (base->kinds & K(RECORD)) return code;
    struct ncr_str names[NCR_COUNT(members)];
    for (size_t i = 0; i < NCR_COUNT(members); i++) {
        names[i] = ncr_str_of(members[i].name);
        if (!ncr_str_eq(names[i], ast->text) || !(base->kinds & K(TENSOR))) continue;
        code->kinds = members[i].kinds;
        return code;
    }
    if (base->kinds & K(TENSOR))
        unknown_member(lo, ast, "a tensor", names, NCR_COUNT(names));
    else
        NCR_REPORT(lo->reporter, UNKNOWN_MEMBER, ast->name_span, ncr_show_code(lo->reporter, base),
                   ncr_show_str(lo->reporter, ast->text));
    return ncr_code_error(lo, ast);
}
