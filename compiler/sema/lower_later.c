// What only later stages give meaning to: bodies of mutations, metrics of a search, annotations.
// Their names, units and arguments are checked here all the same.
#include "compiler/sema/lower.h"

#define K(NAME) NCR_KIND_BIT(NAME)

// -- metrics ------------------------------------------------------------------------------------

#define NCR_DIMENSION_NONE NCR_DIMENSION_COUNT_
static const struct {
    const char *name;
    uint32_t kinds;
    enum ncr_dimension_name dimension;
    bool takes_data;
} metrics[] = {
#define NCR_METRIC_ROW(name, KIND, DIMENSION, takes_data, help)                                    \
    {name, K(KIND), NCR_DIMENSION_##DIMENSION, takes_data},
#include "compiler/sema/metrics.def"
#undef NCR_METRIC_ROW
};

static struct ncr_code *metric_code(struct ncr_lower *lo, const struct ncr_ast *ast, size_t i)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_OPAQUE, ast, 0, metrics[i].kinds);
    code->known_dimension = metrics[i].dimension != NCR_DIMENSION_NONE;
    if (code->known_dimension) code->dimension = ncr_dimension_of(metrics[i].dimension);
    return code;
}

static size_t find_metric(struct ncr_str name)
{
    size_t i = 0;
    while (i < NCR_COUNT(metrics) && !ncr_str_is(name, metrics[i].name))
        i++;
    return i;
}

struct ncr_code *ncr_lower_metric(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    size_t i = find_metric(ast->text);
    if (i == NCR_COUNT(metrics)) return NULL;
    if (metrics[i].takes_data) {
        struct ncr_diag *d =
            NCR_REPORT(lo->reporter, MISSING_ARGUMENT, ast->span, metrics[i].name, "data");
        ncr_report_help(lo->reporter, d, "name a part of a data set: %s(images.valid)",
                        metrics[i].name);
        return ncr_code_error(lo, ast);
    }
    return metric_code(lo, ast, i);
}

struct ncr_code *ncr_lower_metric_call(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    size_t i = find_metric(ncr_ast_bare(ast->kid[0])->text);
    if (i == NCR_COUNT(metrics)) return NULL;
    if (ast->n_kids - 1 != metrics[i].takes_data) {
        NCR_REPORT(lo->reporter, ARGUMENT_COUNT, ast->span, metrics[i].name, metrics[i].takes_data,
                   "", metrics[i].takes_data ? "" : "s", (int)ast->n_kids - 1);
        return ncr_code_error(lo, ast);
    }
    if (!metrics[i].takes_data) return metric_code(lo, ast, i);
    struct ncr_code *data = ncr_lower_expr(lo, ast->kid[1]->kid[0]);
    if (data->kinds == K(ERROR)) return data;
    if (!(data->kinds & K(DATA))) {
        NCR_REPORT(lo->reporter, WRONG_TYPE, data->span, "data", metrics[i].name,
                   ncr_kind_article(NCR_KIND_DATA), ncr_show_code(lo->reporter, data));
        return ncr_code_error(lo, ast);
    }
    return metric_code(lo, ast, i);
}

// -- mutations ----------------------------------------------------------------------------------

// The node, attribute or decision that an edit names: a parameter of the mutation, or a member of
// one.
static void path(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    const struct ncr_ast *base = ast;
    while (base->kind == NCR_AST_MEMBER || base->kind == NCR_AST_INDEX ||
           base->kind == NCR_AST_PAREN)
        base = base->kid[0];
    struct ncr_code *code = ncr_lower_expr(lo, ast);
    if (code->kinds == K(ERROR) || code->kind == NCR_CODE_OPAQUE) return;
    NCR_REPORT(lo->reporter, EDIT_TARGET, base->span, ncr_show_str(lo->reporter, base->text));
}

static const struct {
    const char *name;
    const char *argument;
} inherits[] = {
#define NCR_INHERIT_ROW(name, exact, argument, help) {name, argument},
#include "compiler/sema/inherit.def"
#undef NCR_INHERIT_ROW
};

static void inherit(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_str names[NCR_COUNT(inherits)];
    for (size_t i = 0; i < NCR_COUNT(inherits); i++) {
        names[i] = ncr_str_of(inherits[i].name);
        if (!ncr_str_eq(names[i], ast->text)) continue;
        for (uint32_t k = 0; k < ast->n_kids; k++) {
            const struct ncr_ast *arg = ast->kid[k];
            if (!ncr_str_is(arg->text, inherits[i].argument) || arg->text.n == 0)
                NCR_REPORT(lo->reporter, UNKNOWN_ARGUMENT, arg->span, inherits[i].name,
                           ncr_show_str(lo->reporter, arg->text));
            ncr_lower_expr(lo, arg->kid[0]);
        }
        return;
    }
    struct ncr_diag *d = NCR_REPORT(lo->reporter, UNKNOWN_INHERIT, ast->name_span,
                                    ncr_show_str(lo->reporter, ast->text));
    ncr_report_nearest(lo->reporter, d, ast->text, names, NCR_COUNT(names));
}

struct ncr_code *ncr_lower_edit(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    bool is = ast->kind == NCR_AST_INSERT || ast->kind == NCR_AST_REPLACE ||
              ast->kind == NCR_AST_REMOVE || ast->kind == NCR_AST_SET ||
              ast->kind == NCR_AST_REDRAW || ast->kind == NCR_AST_STEP ||
              ast->kind == NCR_AST_INHERIT;
    if (!is) return NULL;
    struct ncr_code *code = ncr_code_error(lo, ast); // an edit has no value
    if (!lo->mutation) {
        NCR_REPORT(lo->reporter, EDIT_PLACE, ast->span, ncr_ast_kind_name(ast->kind));
        return code;
    }
    if (ast->kind == NCR_AST_INHERIT) {
        inherit(lo, ast);
        return code;
    }
    path(lo, ast->kid[0]);
    if (ast->kind == NCR_AST_INSERT)
        ncr_lower_value_body(lo, ast->kid[1], "what this `insert` inserts");
    if (ast->kind == NCR_AST_REPLACE || ast->kind == NCR_AST_SET || ast->kind == NCR_AST_STEP)
        ncr_lower_expr(lo, ast->kid[1]);
    return code;
}

void ncr_lower_mutation(struct ncr_lower *lo, struct ncr_item *item)
{
    const struct ncr_ast *ast = item->ast;
    ncr_lower_begin(lo, item);
    lo->mutation = true;
    if (ast->n_annots) ncr_lower_annotations(lo, ast);
    uint32_t opened = ncr_lower_open(lo);
    const struct ncr_ast *params = ast->kid[0];
    for (uint32_t i = 0; i < params->n_kids; i++) {
        const struct ncr_ast *param = params->kid[i];
        const struct ncr_ast *type = param->n_kids ? param->kid[0] : NULL;
        struct ncr_local *local =
            ncr_lower_bind(lo, NCR_LOCAL_PATTERN, param->text, param->name_span, NCR_KINDS_ALL);
        local->used = true;
        enum ncr_op op;
        if (!type || ncr_str_is(type->text, "decision") || ncr_str_is(type->text, "tensor"))
            continue;
        if (ncr_op_find(type->text, &op) && op != NCR_OP_INPUT) {
            local->pattern = UINT32_C(1) << op;
            continue;
        }
        struct ncr_diag *d = NCR_REPORT(lo->reporter, UNKNOWN_PATTERN, type->span,
                                        ncr_show_str(lo->reporter, type->text));
        struct ncr_str names[NCR_OP_COUNT_ + 2];
        uint32_t n = 0;
        for (uint32_t k = NCR_OP_INPUT + 1; k < NCR_OP_COUNT_; k++)
            names[n++] = ncr_str_of(ncr_op_name((enum ncr_op)k));
        names[n++] = NCR_STR("decision");
        names[n++] = NCR_STR("tensor");
        ncr_report_nearest(lo->reporter, d, type->text, names, n);
    }
    ncr_lower_body(lo, ast->kid[1]);
    ncr_lower_close(lo, opened);
}

// -- annotations --------------------------------------------------------------------------------

enum annotation {
#define NCR_ANNOTATION_ROW(NAME, ...) ANNOTATION_##NAME,
#include "compiler/sema/annotations.def"
#undef NCR_ANNOTATION_ROW
    ANNOTATION_COUNT
};

static const struct {
    const char *name, *argument;
    uint32_t min_args, max_args;
    bool changes_net;
} annotations[] = {
#define NCR_ANNOTATION_ROW(NAME, name, argument, min, max, changes, help)                          \
    {name, argument, min, max, changes},
#include "compiler/sema/annotations.def"
#undef NCR_ANNOTATION_ROW
};

static void mutation_name(struct ncr_lower *lo, const struct ncr_ast *name)
{
    if (name->kind == NCR_AST_NAME && ncr_str_is(name->text, "none")) return;
    struct ncr_item *item =
        name->kind == NCR_AST_NAME ? ncr_lower_item(lo, name->text, name->span) : NULL;
    if (item && item->kind == NCR_ITEM_MUTATION) return;
    ncr_lower_wrong_item(lo, name, item, "mutation");
}

static bool is_protection(const struct ncr_ast *ast)
{
    static const char *const words[] = {"none", "clip", "tmr"};
    if (ast->kind == NCR_AST_CHOOSE_LIST) {
        for (uint32_t i = 0; i < ast->n_kids; i++)
            if (!is_protection(ast->kid[i]->kid[0])) return false;
        return ast->n_kids > 0;
    }
    for (size_t i = 0; i < NCR_COUNT(words); i++)
        if (ast->kind == NCR_AST_NAME && ncr_str_is(ast->text, words[i])) return true;
    return false;
}

static void annotation_argument(struct ncr_lower *lo, enum annotation a,
                                const struct ncr_ast *value)
{
    switch (a) {
    case ANNOTATION_PRIOR: {
        struct ncr_code *code = ncr_lower_expr(lo, value);
        bool number = code->kinds & (K(INT) | K(FLOAT));
        if (code->kind == NCR_CODE_CONST && number) number = ncr_value_number(code->as.value) >= 0;
        if (!number && code->kinds != K(ERROR))
            NCR_REPORT(lo->reporter, ANNOTATION_ARGUMENT, value->span, annotations[a].name,
                       annotations[a].argument);
        return;
    }
    case ANNOTATION_MUTATE: mutation_name(lo, value); return;
    case ANNOTATION_PROTECT:
        if (!is_protection(value))
            NCR_REPORT(lo->reporter, ANNOTATION_ARGUMENT, value->span, annotations[a].name,
                       annotations[a].argument);
        return;
    case ANNOTATION_QUANT: {
        struct ncr_item *item =
            value->kind == NCR_AST_NAME ? ncr_lower_item(lo, value->text, value->span) : NULL;
        if (!item || !ncr_item_is(item, "quant")) ncr_lower_wrong_item(lo, value, item, "quant");
        return;
    }
    case ANNOTATION_FROZEN:
    case ANNOTATION_COUNT: return;
    }
}

void ncr_lower_annotations(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    for (uint32_t k = 0; k < ast->n_annots; k++) {
        const struct ncr_ast *annot = ast->annots[k];
        struct ncr_str names[ANNOTATION_COUNT];
        uint32_t a = ANNOTATION_COUNT;
        for (uint32_t i = 0; i < ANNOTATION_COUNT; i++) {
            names[i] = ncr_str_of(annotations[i].name);
            if (ncr_str_eq(names[i], annot->text)) a = i;
        }
        if (a == ANNOTATION_COUNT) {
            struct ncr_diag *d = NCR_REPORT(lo->reporter, UNKNOWN_ANNOTATION, annot->span,
                                            ncr_show_str(lo->reporter, annot->text));
            ncr_report_nearest(lo->reporter, d, annot->text, names, ANNOTATION_COUNT);
            continue;
        }
        uint32_t errors = lo->reporter->diags->n_errors;
        if (annot->n_kids < annotations[a].min_args || annot->n_kids > annotations[a].max_args)
            NCR_REPORT(lo->reporter, ANNOTATION_ARGUMENT, annot->span, annotations[a].name,
                       annotations[a].max_args ? annotations[a].argument : "no argument");
        for (uint32_t i = 0; i < annot->n_kids && i < annotations[a].max_args; i++)
            annotation_argument(lo, (enum annotation)a, annot->kid[i]->kid[0]);
        if (annotations[a].changes_net && lo->reporter->diags->n_errors == errors)
            NCR_REPORT(lo->reporter, ANNOTATION_IDLE, annot->span, annotations[a].name);
    }
}
