// Lowers statements, loops and decisions.
#include "compiler/sema/lower.h"

#define K(NAME) NCR_KIND_BIT(NAME)

// -- statements ---------------------------------------------------------------------------------

static struct ncr_code *let(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *value = ncr_lower_named(lo, ast->kid[0], ast->text);
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_LET, ast, 1, 0);
    struct ncr_local *local =
        ncr_lower_bind(lo, NCR_LOCAL_LET, ast->text, code->name_span, value->kinds);
    local->known_dimension = value->known_dimension;
    local->dimension = value->dimension;
    code->kid[0] = value;
    code->slot = local->slot;
    return code;
}

static struct ncr_code *require(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_REQUIRE, ast, ast->n_kids, 0);
    bool allowed = lo->this_allowed, seen = lo->this_seen;
    lo->this_allowed = lo->item->kind == NCR_ITEM_NET || lo->item->kind == NCR_ITEM_BLOCK;
    lo->this_seen = false;
    for (uint32_t i = 0; i < ast->n_kids; i++) {
        code->kid[i] = ncr_lower_condition(lo, ast->kid[i]);
    }
    code->deferred = lo->this_seen;
    if (lo->this_seen && lo->loops) {
        NCR_REPORT0(lo->reporter, THIS_IN_LOOP, ast->span);
        code->kind = NCR_CODE_ERROR;
    }
    lo->this_allowed = allowed;
    lo->this_seen = seen;
    return code;
}

static struct ncr_code *walked(struct ncr_lower *lo, const struct ncr_ast *ast, bool count_too)
{
    struct ncr_code *code = ncr_lower_expr(lo, ast);
    uint32_t wanted = K(RANGE) | K(LIST) | (count_too ? K(INT) : 0);
    if (code->kinds == K(ERROR) || (code->kinds & wanted)) return code;
    NCR_REPORT(lo->reporter, NOT_WALKABLE, ast->span, ncr_show_kinds(lo->reporter, wanted),
               ncr_show_code(lo->reporter, code));
    return ncr_code_error(lo, ast);
}

static uint32_t item_kinds(const struct ncr_code *walk)
{
    return walk->kinds == K(RANGE) || walk->kinds == K(INT) ? K(INT) | K(FLOAT) | K(QUANTITY)
                                                            : NCR_KINDS_ALL;
}

static struct ncr_code *for_loop(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_FOR, ast, 2, 0);
    code->kid[0] = walked(lo, ast->kid[0], false);
    ncr_code_site(lo, code, ncr_lower_element(lo, NCR_STR("for")));
    struct ncr_level level = ncr_lower_level(lo);
    uint32_t opened = ncr_lower_open(lo);
    lo->loops++;
    code->slot =
        ncr_lower_bind(lo, NCR_LOCAL_LOOP, ast->text, code->name_span, item_kinds(code->kid[0]))
            ->slot;
    code->kid[1] = ncr_lower_body(lo, ast->kid[1]);
    lo->loops--;
    ncr_lower_close(lo, opened);
    ncr_lower_level_end(lo, level);
    return code;
}

struct ncr_code *ncr_lower_repeat(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_REPEAT, ast, 2, K(LAYER));
    struct ncr_str around = lo->around;
    lo->around = NCR_STR("depth");
    code->kid[0] = walked(lo, ast->kid[0], true);
    lo->around = around;
    // Its passes are [0], [1] … of the level around it. At the top of a net there is none that a
    // genotype could name.
    bool top = lo->naming == lo->top_naming && lo->item->def && lo->item->def->is_net;
    ncr_code_site(lo, code, ncr_lower_element(lo, top ? NCR_STR("loop") : NCR_STR("")));
    struct ncr_level level = ncr_lower_level(lo);
    uint32_t opened = ncr_lower_open(lo);
    lo->loops++;
    if (ast->text.n)
        code->slot =
            ncr_lower_bind(lo, NCR_LOCAL_LOOP, ast->text, code->name_span, item_kinds(code->kid[0]))
                ->slot;
    code->kid[1] = ncr_lower_value_body(lo, ast->kid[1], "the body of this `repeat`");
    lo->loops--;
    ncr_lower_close(lo, opened);
    ncr_lower_level_end(lo, level);
    const struct ncr_code *body = code->kid[1];
    if (body->kinds != K(ERROR) && !(body->kinds & K(LAYER))) {
        const struct ncr_code *result = body->kid[body->n_kids - 1];
        struct ncr_diag *d = NCR_REPORT(lo->reporter, REPEAT_BODY, result->span,
                                        ncr_show_code(lo->reporter, result));
        if (body->kinds == K(TENSOR))
            ncr_report_help(lo->reporter, d,
                            "the body gives a layer, which `repeat` applies: f, not x |> f");
        return ncr_code_error(lo, ast);
    }
    return code;
}

static struct ncr_code *drop(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *value = ncr_lower_expr(lo, ast->kid[0]);
    if (value->kinds != K(ERROR) && ast != lo->wanted)
        NCR_REPORT0(lo->reporter, UNUSED_VALUE, ast->kid[0]->span);
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_DROP, ast, 1, 0);
    code->kid[0] = value;
    return code;
}

static struct ncr_code *if_statement(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_IF, ast, 3, 0);
    code->kid[0] = ncr_lower_condition(lo, ast->kid[0]);
    code->kid[1] = ncr_lower_body(lo, ast->kid[1]);
    const struct ncr_ast *other = ast->n_kids > 2 ? ast->kid[2] : NULL;
    if (other)
        code->kid[2] =
            other->kind == NCR_AST_IF ? if_statement(lo, other) : ncr_lower_body(lo, other);
    return code;
}

static struct ncr_code *statement(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    if (ast->kind == NCR_AST_LET) return let(lo, ast);
    if (ast->kind == NCR_AST_REQUIRE) return require(lo, ast);
    if (ast->kind == NCR_AST_FOR) return for_loop(lo, ast);
    if (ast->kind == NCR_AST_IF) return if_statement(lo, ast);
    if (ast->kind == NCR_AST_EXPR_STMT) return drop(lo, ast);
    struct ncr_code *edit = ncr_lower_edit(lo, ast);
    if (edit) return edit;
    NCR_BUG("%s where a statement is expected", ncr_ast_kind_name(ast->kind));
}

struct ncr_code *ncr_lower_statement(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    if (ast->n_annots) ncr_lower_annotations(lo, ast, true);
    struct ncr_code *code = statement(lo, ast);
    if (code->kind != NCR_CODE_LET) return ncr_lower_quant(lo, ast, code);
    code->kid[0] = ncr_lower_quant(lo, ast, code->kid[0]); // what the name stands for
    return code;
}

// -- decisions ----------------------------------------------------------------------------------

static struct ncr_str decision_name(const struct ncr_lower *lo, const struct ncr_ast *ast,
                                    struct ncr_str fallback)
{
    return ast->text.n ? ast->text : lo->around.n ? lo->around : fallback;
}

// @prior(w) on alternative i of n: its argument.
static void prior(struct ncr_lower *lo, const struct ncr_ast *alternative, struct ncr_code *code,
                  uint32_t i, uint32_t n)
{
    for (uint32_t k = 0; k < alternative->n_annots; k++) {
        const struct ncr_ast *annot = alternative->annots[k];
        if (!ncr_str_is(annot->text, "prior") || annot->n_kids != 1) continue;
        if (!code->priors) code->priors = NCR_NEW_N(lo->arena, struct ncr_code *, n);
        code->n_priors = n;
        code->priors[i] = ncr_lower_expr(lo, annot->kid[0]->kid[0]);
    }
}

static void values(struct ncr_lower *lo, const struct ncr_ast *ast, struct ncr_code *code,
                   uint32_t first)
{
    struct ncr_str around = lo->around;
    lo->around = code->text; // a decision within a decision goes by its name too
    for (uint32_t i = first; i < ast->n_kids; i++) {
        const struct ncr_ast *arg = ast->kid[i];
        if (arg->text.n)
            NCR_REPORT(lo->reporter, UNKNOWN_ARGUMENT, arg->name_span, "choose",
                       ncr_show_str(lo->reporter, arg->text));
        code->kid[i] = ncr_lower_expr(lo, arg->kid[0]);
        prior(lo, arg->kid[0], code, i - first, ast->n_kids - first);
        code->kinds |= code->kid[i]->kinds;
    }
    lo->around = around;
    if (ast->n_kids == first) {
        NCR_REPORT0(lo->reporter, EMPTY_CHOICE, ast->span);
        code->kind = NCR_CODE_ERROR;
        code->kinds = K(ERROR);
    } else if (ast->n_kids - first == 1 && (code->kid[first]->kinds & (K(RANGE) | K(LIST)))) {
        code->kinds = NCR_KINDS_ALL; // one of its members
    }
}

struct ncr_code *ncr_lower_choose(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_CHOOSE, ast, ast->n_kids, 0);
    bool labelled = ast->kind == NCR_AST_CHOOSE_ALTS || ast->kind == NCR_AST_OPTIONAL;
    struct ncr_str fallback = ast->kind == NCR_AST_OPTIONAL ? NCR_STR("present")
                              : labelled                    ? NCR_STR("kind")
                                                            : NCR_STR("choice");
    ncr_code_site(lo, code, ncr_lower_element(lo, decision_name(lo, ast, fallback)));
    if (ast->kind == NCR_AST_CHOOSE_LIST) {
        code->form = NCR_CHOOSE_VALUES;
        values(lo, ast, code, 0);
        return code;
    }
    if (ast->kind == NCR_AST_CHOOSE_OF) {
        code->form = NCR_CHOOSE_SUBSET;
        code->ordered = ast->flag;
        code->repeated = ast->repeated;
        code->kid[0] = ncr_lower_expr(lo, ast->kid[0]);
        values(lo, ast, code, 1);
        if (code->kind != NCR_CODE_ERROR) code->kinds = K(LIST);
        return code;
    }
    code->form = NCR_CHOOSE_LABELS;
    struct ncr_str *labels;
    if (ast->kind == NCR_AST_OPTIONAL) {
        labels = NCR_NEW_N(lo->arena, struct ncr_str, 2);
        code->kid = NCR_NEW_N(lo->arena, struct ncr_code *, 2);
        code->n_kids = 2;
        labels[0] = NCR_STR("off");
        labels[1] = NCR_STR("on");
        code->kid[0] = ncr_code_new(lo, NCR_CODE_OPERATOR, ast, 0, K(LAYER));
        code->kid[0]->as.op = NCR_OP_IDENTITY;
        ncr_code_site(lo, code->kid[0], ncr_lower_element(lo, labels[0]));
        code->kid[1] = ncr_lower_value_body(lo, ast->kid[0], "this `optional`");
    } else {
        labels = NCR_NEW_N(lo->arena, struct ncr_str, ast->n_kids);
        struct ncr_table seen = {0};
        for (uint32_t i = 0; i < ast->n_kids; i++) {
            const struct ncr_ast *alt = ast->kid[i];
            if (alt->n_annots) ncr_lower_annotations(lo, alt, true);
            labels[i] = alt->text;
            uint32_t symbol = ncr_symbol(lo->arena, &lo->program->symbols, alt->text);
            if (ncr_table_get(&seen, symbol) != UINT32_MAX)
                NCR_REPORT(lo->reporter, DUPLICATE_NAME, alt->name_span,
                           ncr_show_str(lo->reporter, alt->text));
            ncr_table_set(lo->arena, &seen, symbol, i);
            code->kid[i] = ncr_lower_named(lo, alt->kid[0], alt->text);
            code->kid[i] = ncr_lower_quant(lo, alt, code->kid[i]);
            prior(lo, alt, code, i, ast->n_kids);
        }
    }
    code->labels = labels;
    for (uint32_t i = 0; i < code->n_kids; i++)
        code->kinds |= code->kid[i]->kinds;
    return code;
}
