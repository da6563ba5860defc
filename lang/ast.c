// Names of the kinds of syntax nodes; text form and comparison of trees.
#include "lang/ast.h"

#include <inttypes.h>

const char *ncr_ast_kind_name(enum ncr_ast_kind kind)
{
    static const char *const names[] = {
#define NCR_AST_ROW(NAME, name, text, kids) #name,
#include "lang/ast.def"
#undef NCR_AST_ROW
    };
    return names[kind];
}

const char *ncr_ast_op_text(enum ncr_ast_op op)
{
    static const char *const texts[] = {
        [NCR_AST_NO_OP] = "",       [NCR_AST_ARROW] = "->", [NCR_AST_OR] = "||",
        [NCR_AST_AND] = "&&",       [NCR_AST_EQ] = "==",    [NCR_AST_NE] = "!=",
        [NCR_AST_LT] = "<",         [NCR_AST_LE] = "<=",    [NCR_AST_GT] = ">",
        [NCR_AST_GE] = ">=",        [NCR_AST_PIPE] = "|>",  [NCR_AST_RANGE_OP] = "..",
        [NCR_AST_RANGE_EQ] = "..=", [NCR_AST_SHL] = "<<",   [NCR_AST_SHR] = ">>",
        [NCR_AST_ADD] = "+",        [NCR_AST_SUB] = "-",    [NCR_AST_MUL] = "*",
        [NCR_AST_DIV] = "/",        [NCR_AST_MOD] = "%",    [NCR_AST_NEG] = "-",
        [NCR_AST_NOT] = "!"};
    return texts[op];
}

static void dump(const struct ncr_ast *a, struct ncr_buf *out, uint32_t depth)
{
    ncr_buf_pad(out, ' ', (size_t)depth * 2);
    if (!a) {
        ncr_buf_puts(out, "-\n");
        return;
    }
    ncr_buf_puts(out, ncr_ast_kind_name(a->kind));
    if (a->op) ncr_buf_fmt(out, " %s", ncr_ast_op_text(a->op));
    if (a->flag) ncr_buf_puts(out, a->kind == NCR_AST_RANGE ? " pow2" : " ordered");
    if (a->repeated) ncr_buf_puts(out, " repeated");
    if (a->kind == NCR_AST_INT || a->kind == NCR_AST_BOOL || a->is_int)
        ncr_buf_fmt(out, " %" PRId64, a->value.i);
    if (a->kind == NCR_AST_FLOAT || a->kind == NCR_AST_PERCENT ||
        (a->kind == NCR_AST_QUANTITY && !a->is_int)) {
        ncr_buf_putc(out, ' ');
        ncr_buf_f64(out, a->value.f);
    }
    if (a->text.n)
        ncr_buf_fmt(out, a->kind == NCR_AST_STRING ? " \"%.*s\"" : " %.*s", NCR_STR_ARG(a->text));
    ncr_buf_putc(out, '\n');
    for (uint32_t i = 0; i < a->n_annots; i++)
        dump(a->annots[i], out, depth + 1);
    for (uint32_t i = 0; i < a->n_kids; i++)
        dump(a->kid[i], out, depth + 1);
}

void ncr_ast_dump(const struct ncr_ast *node, struct ncr_buf *out)
{
    dump(node, out, 0);
}

bool ncr_ast_equal(const struct ncr_ast *a, const struct ncr_ast *b)
{
    if (!a || !b) return a == b;
    if (a->kind != b->kind || a->op != b->op || a->flag != b->flag || a->repeated != b->repeated || a->is_int != b->is_int)
        return false;
    if (!ncr_str_eq(a->text, b->text) || a->value.i != b->value.i || a->n_kids != b->n_kids ||
        a->n_annots != b->n_annots)
        return false;
    if (a->value.f < b->value.f || a->value.f > b->value.f) return false;
    for (uint32_t i = 0; i < a->n_annots; i++)
        if (!ncr_ast_equal(a->annots[i], b->annots[i])) return false;
    for (uint32_t i = 0; i < a->n_kids; i++)
        if (!ncr_ast_equal(a->kid[i], b->kid[i])) return false;
    return true;
}
