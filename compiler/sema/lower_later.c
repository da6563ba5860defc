// What only later stages give meaning to: metrics of a search, annotations. Their names, units and
// arguments are checked here all the same.
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

static struct ncr_code *metric_value(struct ncr_lower *lo, const struct ncr_ast *ast, size_t i)
{
    const struct ncr_metric_value *found = NULL;
    for (uint32_t k = 0; k < lo->n_metrics && !found; k++)
        if (strcmp(lo->metrics[k].name, metrics[i].name) == 0) found = &lo->metrics[k];
    if (!found || found->missing) {
        NCR_REPORT(lo->reporter, METRIC_MISSING, ast->span, metrics[i].name,
                   found ? found->missing : "it is measured, not computed from the topology");
        return ncr_code_error(lo, ast);
    }
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_CONST, ast, 0, metrics[i].kinds);
    if (metrics[i].kinds == K(INT))
        code->as.value = ncr_value_int((int64_t)found->value);
    else if (metrics[i].kinds == K(FLOAT))
        code->as.value = ncr_value_float(found->value);
    else
        code->as.value = ncr_value_quantity(found->value, ncr_dimension_of(metrics[i].dimension));
    return code;
}

static struct ncr_code *metric_code(struct ncr_lower *lo, const struct ncr_ast *ast, size_t i)
{
    if (lo->metrics) return metric_value(lo, ast, i);
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

// The mutation of that name; NULL for `none`, or after a message.
static const struct ncr_item *mutation_name(struct ncr_lower *lo, const struct ncr_ast *name)
{
    if (name->kind == NCR_AST_NAME && ncr_str_is(name->text, "none")) return NULL;
    struct ncr_item *item =
        name->kind == NCR_AST_NAME ? ncr_lower_item(lo, name->text, name->span) : NULL;
    if (item && item->kind == NCR_ITEM_MUTATION) return item;
    ncr_lower_wrong_item(lo, name, item, "mutation");
    return NULL;
}

// Keeps what @frozen and @mutate say of all that is written in ast.
static void restrict_to(struct ncr_lower *lo, const struct ncr_ast *ast,
                        const struct ncr_ast *annot)
{
    struct ncr_restriction r = {.span = ast->span};
    r.items = NCR_NEW_N(lo->arena, const struct ncr_item *, annot->n_kids);
    for (uint32_t i = 0; i < annot->n_kids; i++) {
        const struct ncr_item *item = mutation_name(lo, annot->kid[i]->kid[0]);
        if (item) r.items[r.n_items++] = item;
    }
    ncr_vec_push(lo->arena, &lo->program->restrictions, r);
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
    case ANNOTATION_PROTECT:
        if (!is_protection(value))
            NCR_REPORT(lo->reporter, ANNOTATION_ARGUMENT, value->span, annotations[a].name,
                       annotations[a].argument);
        return;
    case ANNOTATION_QUANT:  // ncr_lower_quant
    case ANNOTATION_MUTATE: // restrict_to
    case ANNOTATION_FROZEN:
    case ANNOTATION_COUNT: return;
    }
}

// Names a quantisation, or chooses among some, as far as can be seen here.
static bool is_quant(struct ncr_lower *lo, const struct ncr_code *code, const struct ncr_ast *value)
{
    if (code->kind == NCR_CODE_DECLARATION && !ncr_item_is(code->as.item, "quant")) {
        ncr_lower_wrong_item(lo, value, code->as.item, "quant");
        return false;
    }
    if (code->kind == NCR_CODE_CHOOSE && code->form == NCR_CHOOSE_VALUES)
        for (uint32_t i = 0; i < code->n_kids; i++)
            if (!is_quant(lo, code->kid[i], value->kid[i]->kid[0])) return false;
    if (code->kinds == K(ERROR) || (code->kinds & K(DECLARATION))) return true;
    NCR_REPORT(lo->reporter, ANNOTATION_ARGUMENT, value->span, annotations[ANNOTATION_QUANT].name,
               annotations[ANNOTATION_QUANT].argument);
    return false;
}

struct ncr_code *ncr_lower_quant(struct ncr_lower *lo, const struct ncr_ast *ast,
                                 struct ncr_code *code)
{
    for (uint32_t k = ast->n_annots; k-- > 0;) { // the innermost first
        const struct ncr_ast *annot = ast->annots[k];
        if (!ncr_str_is(annot->text, annotations[ANNOTATION_QUANT].name) || annot->n_kids != 1)
            continue;
        const struct ncr_ast *value = annot->kid[0]->kid[0];
        bool known = value->kind != NCR_AST_NAME || ncr_lower_local(lo, value->text);
        if (!known && !ncr_lower_item(lo, value->text, value->span)) {
            ncr_lower_wrong_item(lo, value, NULL, "quant");
            continue;
        }
        struct ncr_str around = lo->around;
        lo->around = ncr_str_of(annotations[ANNOTATION_QUANT].name);
        struct ncr_code *quant = ncr_lower_expr(lo, value);
        lo->around = around;
        if (quant->kinds == K(ERROR) || !is_quant(lo, quant, value)) continue;
        struct ncr_code *both = ncr_code_new(lo, NCR_CODE_QUANT, ast, 2, code->kinds);
        both->span = code->span;
        both->kid[0] = code;
        both->kid[1] = quant;
        code = both;
    }
    return code;
}

void ncr_lower_annotations(struct ncr_lower *lo, const struct ncr_ast *ast, bool quant)
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
        else if (a == ANNOTATION_MUTATE || a == ANNOTATION_FROZEN)
            restrict_to(lo, ast, annot);
        for (uint32_t i = 0; i < annot->n_kids && i < annotations[a].max_args; i++)
            annotation_argument(lo, (enum annotation)a, annot->kid[i]->kid[0]);
        if (quant && a == ANNOTATION_QUANT) continue;
        if (annotations[a].changes_net && lo->reporter->diags->n_errors == errors)
            NCR_REPORT(lo->reporter, ANNOTATION_IDLE, annot->span, annotations[a].name);
    }
}
