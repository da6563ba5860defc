// Lowers mutations: patterns, and edits as statements of code.
#include "compiler/sema/lower.h"
#include "compiler/sema/mutation.h"

#define K(NAME) NCR_KIND_BIT(NAME)

static const struct {
    const char *name;
    bool exact;
    const char *argument;
} inherits[] = {
#define NCR_INHERIT_ROW(NAME, name, exact, argument, help) {name, exact, argument},
#include "compiler/sema/inherit.def"
#undef NCR_INHERIT_ROW
};

const char *ncr_inherit_name(enum ncr_inherit inherit)
{
    return inherits[inherit].name;
}

bool ncr_inherit_exact(enum ncr_inherit inherit)
{
    return inherits[inherit].exact;
}

// -- edits --------------------------------------------------------------------------------------

// The pattern that an edit names, with the word behind it for `set n.word`. NULL after a message.
static struct ncr_pattern *target(struct ncr_lower *lo, const struct ncr_ast *path,
                                  const struct ncr_ast **word, struct ncr_code *code)
{
    const struct ncr_ast *base = path;
    *word = NULL;
    while (base->kind == NCR_AST_MEMBER || base->kind == NCR_AST_INDEX ||
           base->kind == NCR_AST_PAREN) {
        if (base->kind != NCR_AST_PAREN) *word = base;
        base = base->kid[0];
    }
    struct ncr_local *local = base->kind == NCR_AST_NAME ? ncr_lower_local(lo, base->text) : NULL;
    if (!local || local->kind != NCR_LOCAL_PATTERN) {
        struct ncr_code *other = ncr_lower_expr(lo, base);
        if (other->kinds != K(ERROR))
            NCR_REPORT(lo->reporter, EDIT_TARGET, base->span,
                       ncr_show_str(lo->reporter, base->text));
        return NULL;
    }
    code->slot = local->slot;
    return (struct ncr_pattern *)&lo->mutation->patterns[local->slot]; // made by ncr_lower_mutation
}

static bool has_argument(enum ncr_op op, uint32_t bit)
{
    uint32_t n;
    const struct ncr_sig_param *params = ncr_signature(op, &n);
    for (uint32_t i = 0; i < n; i++)
        if (params[i].attr == bit) return true;
    return false;
}

static bool set_argument(struct ncr_lower *lo, const struct ncr_pattern *pattern,
                         const struct ncr_ast *word, struct ncr_code *code)
{
    uint32_t bit = 0;
    bool plain = word->kind == NCR_AST_MEMBER && ncr_ast_bare(word->kid[0])->kind == NCR_AST_NAME;
    bool known = plain && ncr_attr_find(word->text, &bit) &&
                 (pattern->kind != NCR_PATTERN_OPERATOR || has_argument(pattern->op, bit));
    if (!known) {
        struct ncr_code *member = ncr_lower_expr(lo, word); // an unknown word is reported there
        if (member->kinds != K(ERROR))
            NCR_REPORT(lo->reporter, SET_ATTRIBUTE, word->span,
                       ncr_show_str(lo->reporter, word->text));
        return false;
    }
    code->as.edit.what = bit;
    return true;
}

static void inherit(struct ncr_lower *lo, const struct ncr_ast *ast, struct ncr_code *code)
{
    struct ncr_str names[NCR_COUNT(inherits)];
    code->as.edit.kind = NCR_EDIT_INHERIT;
    for (size_t i = 0; i < NCR_COUNT(inherits); i++) {
        names[i] = ncr_str_of(inherits[i].name);
        if (!ncr_str_eq(names[i], ast->text)) continue;
        code->as.edit.what = (uint32_t)i;
        for (uint32_t k = 0; k < ast->n_kids; k++) {
            const struct ncr_ast *arg = ast->kid[k];
            if (!ncr_str_is(arg->text, inherits[i].argument) || arg->text.n == 0)
                NCR_REPORT(lo->reporter, UNKNOWN_ARGUMENT, arg->span, inherits[i].name,
                           ncr_show_str(lo->reporter, arg->text));
            code->kid[0] = ncr_lower_expr(lo, arg->kid[0]);
        }
        if (lo->mutation->inherit_span.begin == lo->mutation->span.begin) {
            lo->mutation->inherit = (enum ncr_inherit)i;
            lo->mutation->inherit_span = ast->name_span;
        }
        return;
    }
    struct ncr_diag *d = NCR_REPORT(lo->reporter, UNKNOWN_INHERIT, ast->name_span,
                                    ncr_show_str(lo->reporter, ast->text));
    ncr_report_nearest(lo->reporter, d, ast->text, names, NCR_COUNT(names));
}

// Whether the edit fits what the pattern matches; fills in its kind.
static bool edit_kind(struct ncr_lower *lo, const struct ncr_ast *ast, struct ncr_pattern *pattern,
                      const struct ncr_ast *word, struct ncr_code *code)
{
    bool decision = pattern->kind == NCR_PATTERN_DECISION;
    enum ncr_edit_kind kind = NCR_EDIT_REMOVE;
    if (ast->kind == NCR_AST_INSERT)
        kind = ncr_str_is(ast->text, "after") ? NCR_EDIT_INSERT_AFTER : NCR_EDIT_INSERT_BEFORE;
    if (ast->kind == NCR_AST_REPLACE) kind = NCR_EDIT_REPLACE;
    if (ast->kind == NCR_AST_SET) kind = decision && !word ? NCR_EDIT_DECIDE : NCR_EDIT_SET;
    if (ast->kind == NCR_AST_REDRAW) kind = NCR_EDIT_REDRAW;
    if (ast->kind == NCR_AST_STEP) kind = NCR_EDIT_STEP;
    code->as.edit.kind = kind;
    const char *name = ncr_show_str(lo->reporter, pattern->name);
    bool wants = kind == NCR_EDIT_REDRAW || kind == NCR_EDIT_STEP || kind == NCR_EDIT_DECIDE;
    if (wants != decision) {
        if (wants)
            NCR_REPORT(lo->reporter, EDIT_DECISION, ast->kid[0]->span, ncr_ast_kind_name(ast->kind),
                       name, pattern->kind == NCR_PATTERN_TENSOR ? "a tensor" : "an operator");
        else
            NCR_REPORT(lo->reporter, EDIT_OPERATOR, ast->kid[0]->span, ncr_ast_kind_name(ast->kind),
                       name);
        return false;
    }
    if (kind == NCR_EDIT_SET && word) return set_argument(lo, pattern, word, code);
    if (!word && kind != NCR_EDIT_SET) return true;
    if (word && kind != NCR_EDIT_SET) {
        NCR_REPORT(lo->reporter, EDIT_TARGET, word->span,
                   word->text.n ? ncr_show_str(lo->reporter, word->text) : name);
        return false;
    }
    NCR_REPORT(lo->reporter, SET_ATTRIBUTE, ast->kid[0]->span, name);
    return false;
}

// A label is a plain word, as in genotypes; anything else is a value.
static struct ncr_code *decision_value(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    if (ast->kind != NCR_AST_NAME || ncr_lower_local(lo, ast->text)) return ncr_lower_expr(lo, ast);
    struct ncr_str *word = NCR_NEW(lo->arena, struct ncr_str);
    *word = ast->text;
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_CONST, ast, 0, K(STRING));
    code->as.value = (struct ncr_value){.kind = NCR_KIND_STRING, .as.string = word};
    return code;
}

struct ncr_code *ncr_lower_edit(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    bool is = ast->kind == NCR_AST_INSERT || ast->kind == NCR_AST_REPLACE ||
              ast->kind == NCR_AST_REMOVE || ast->kind == NCR_AST_SET ||
              ast->kind == NCR_AST_REDRAW || ast->kind == NCR_AST_STEP ||
              ast->kind == NCR_AST_INHERIT;
    if (!is) return NULL;
    if (!lo->mutation) {
        NCR_REPORT(lo->reporter, EDIT_PLACE, ast->span, ncr_ast_kind_name(ast->kind));
        return ncr_code_error(lo, ast);
    }
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_EDIT, ast, 1, 0);
    if (ast->kind == NCR_AST_INHERIT) {
        inherit(lo, ast, code);
        return code;
    }
    const struct ncr_ast *word;
    struct ncr_pattern *pattern = target(lo, ast->kid[0], &word, code);
    if (pattern && edit_kind(lo, ast, pattern, word, code)) pattern->edited = true;
    if (ast->kind == NCR_AST_INSERT)
        code->kid[0] = ncr_lower_value_body(lo, ast->kid[1], "what this `insert` inserts");
    if (ast->kind == NCR_AST_SET && code->as.edit.kind == NCR_EDIT_DECIDE)
        code->kid[0] = decision_value(lo, ast->kid[1]);
    else if (ast->kind == NCR_AST_REPLACE || ast->kind == NCR_AST_SET || ast->kind == NCR_AST_STEP)
        code->kid[0] = ncr_lower_expr(lo, ast->kid[1]);
    return code;
}

// -- the mutation -------------------------------------------------------------------------------

static void pattern(struct ncr_lower *lo, const struct ncr_ast *param, struct ncr_pattern *out)
{
    const struct ncr_ast *type = param->n_kids ? param->kid[0] : NULL;
    *out = (struct ncr_pattern){.name = param->text, .kind = NCR_PATTERN_TENSOR};
    bool decision = type && ncr_str_is(type->text, "decision");
    struct ncr_local *local = ncr_lower_bind(lo, NCR_LOCAL_PATTERN, param->text, param->name_span,
                                             decision ? NCR_KINDS_ALL : K(TENSOR));
    local->used = true;
    if (decision) {
        out->kind = NCR_PATTERN_DECISION;
        lo->mutation->of_decisions = true;
    }
    if (!type || decision || ncr_str_is(type->text, "tensor")) return;
    if (ncr_op_find(type->text, &out->op) && out->op != NCR_OP_INPUT) {
        out->kind = NCR_PATTERN_OPERATOR;
        local->pattern = UINT32_C(1) << out->op;
        return;
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

static void check_patterns(struct ncr_lower *lo, const struct ncr_ast *params,
                           const struct ncr_mutation *m)
{
    if (m->n_patterns == 0 || m->n_patterns > NCR_LIMIT_PATTERNS)
        NCR_REPORT(lo->reporter, PATTERN_COUNT, m->span, ncr_show_str(lo->reporter, m->name),
                   m->n_patterns, (int)NCR_LIMIT_PATTERNS);
    const struct ncr_pattern *decision = NULL, *other = NULL;
    for (uint32_t i = 0; i < m->n_patterns; i++) {
        const struct ncr_pattern *p = &m->patterns[i];
        const struct ncr_pattern **first = p->kind == NCR_PATTERN_DECISION ? &decision : &other;
        if (!*first) *first = p;
        if (!decision || !other) continue;
        NCR_REPORT(lo->reporter, MIXED_PATTERNS, params->kid[i]->name_span,
                   ncr_show_str(lo->reporter, decision->name),
                   ncr_show_str(lo->reporter, other->name),
                   other->kind == NCR_PATTERN_TENSOR ? "a tensor" : "an operator");
        return;
    }
}

void ncr_lower_mutation(struct ncr_lower *lo, struct ncr_item *item)
{
    const struct ncr_ast *ast = item->ast;
    ncr_lower_begin(lo, item);
    struct ncr_mutation *m = NCR_NEW(lo->arena, struct ncr_mutation);
    *m = (struct ncr_mutation){.name = item->name,
                               .doc = ast->doc,
                               .span = item->name_span,
                               .inherit = NCR_INHERIT_DISTILL,
                               .inherit_span = item->name_span,
                               .item = item};
    item->mutation = lo->mutation = m;
    if (ast->n_annots) ncr_lower_annotations(lo, ast, false);
    uint32_t opened = ncr_lower_open(lo);
    const struct ncr_ast *params = ast->kid[0];
    struct ncr_pattern *patterns = NCR_NEW_N(lo->arena, struct ncr_pattern, params->n_kids);
    m->patterns = patterns;
    m->n_patterns = params->n_kids;
    for (uint32_t i = 0; i < params->n_kids; i++)
        pattern(lo, params->kid[i], &patterns[i]);
    check_patterns(lo, params, m);
    m->body = ncr_lower_body(lo, ast->kid[1]);
    ncr_lower_close(lo, opened);
    m->n_slots = lo->n_slots;
    m->wrong = lo->reporter->diags->n_errors > lo->errors_before;
    lo->mutation = NULL;
}
