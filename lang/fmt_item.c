// The formatter's items, statements and records.
#include "lang/fmt_internal.h"

static void exprs(struct ncr_fmt *f, const struct ncr_ast *a)
{
    for (uint32_t i = 0; i < a->n_kids; i++) {
        if (i) ncr_buf_puts(f->out, ", ");
        ncr_fmt_expr(f, a->kid[i]);
    }
}

static void edit(struct ncr_fmt *f, const char *word, const struct ncr_ast *a, const char *between)
{
    ncr_buf_fmt(f->out, "%s ", word);
    ncr_fmt_expr(f, a->kid[0]);
    if (between) {
        ncr_buf_fmt(f->out, " %s ", between);
        ncr_fmt_expr(f, a->kid[1]);
    }
    ncr_buf_putc(f->out, ';');
}

void ncr_fmt_statement(struct ncr_fmt *f, const struct ncr_ast *a)
{
    if (a->kind != NCR_AST_IF) ncr_fmt_annots(f, a);
    switch ((int)a->kind) {
    case NCR_AST_LET:
        ncr_buf_fmt(f->out, "let %.*s = ", NCR_STR_ARG(a->text));
        ncr_fmt_expr(f, a->kid[0]);
        ncr_buf_putc(f->out, ';');
        break;
    case NCR_AST_REQUIRE:
        ncr_buf_puts(f->out, "require ");
        exprs(f, a);
        ncr_buf_putc(f->out, ';');
        break;
    case NCR_AST_FOR:
        ncr_buf_fmt(f->out, "for %.*s in ", NCR_STR_ARG(a->text));
        ncr_fmt_expr(f, a->kid[0]);
        ncr_buf_putc(f->out, ' ');
        ncr_fmt_block(f, a->kid[1]);
        break;
    case NCR_AST_IF: ncr_fmt_expr(f, a); break;
    case NCR_AST_EXPR_STMT:
        ncr_fmt_expr(f, a->kid[0]);
        ncr_buf_putc(f->out, ';');
        break;
    case NCR_AST_INSERT:
        ncr_buf_fmt(f->out, "insert %s ",
                    a->text.n ? (a->text.s[0] == 'a' ? "after" : "before") : "");
        ncr_fmt_expr(f, a->kid[0]);
        ncr_buf_putc(f->out, ' ');
        ncr_fmt_block(f, a->kid[1]);
        ncr_buf_putc(f->out, ';');
        break;
    case NCR_AST_REPLACE: edit(f, "replace", a, "with"); break;
    case NCR_AST_REMOVE: edit(f, "remove", a, NULL); break;
    case NCR_AST_SET: edit(f, "set", a, "="); break;
    case NCR_AST_REDRAW: edit(f, "redraw", a, NULL); break;
    case NCR_AST_STEP: edit(f, "step", a, "by"); break;
    case NCR_AST_INHERIT:
        ncr_buf_fmt(f->out, "inherit %.*s", NCR_STR_ARG(a->text));
        if (a->n_kids) {
            ncr_buf_putc(f->out, '(');
            exprs(f, a);
            ncr_buf_putc(f->out, ')');
        }
        ncr_buf_putc(f->out, ';');
        break;
    default: NCR_BUG("%s printed as a statement", ncr_ast_kind_name(a->kind));
    }
}

static void record(struct ncr_fmt *f, const struct ncr_ast *a);

static void field(struct ncr_fmt *f, const struct ncr_ast *a)
{
    ncr_fmt_annots(f, a);
    switch ((int)a->kind) {
    case NCR_AST_FIELD:
        ncr_buf_fmt(f->out, "%.*s: ", NCR_STR_ARG(a->text));
        exprs(f, a);
        ncr_buf_putc(f->out, ';');
        break;
    case NCR_AST_FIELD_RECORD:
        ncr_buf_fmt(f->out, "%.*s: ", NCR_STR_ARG(a->text));
        record(f, a->kid[0]);
        break;
    case NCR_AST_SECTION:
        ncr_buf_fmt(f->out, "%.*s ", NCR_STR_ARG(a->text));
        if (a->kid[0]) {
            ncr_fmt_expr(f, a->kid[0]);
            ncr_buf_putc(f->out, ' ');
        }
        record(f, a->kid[1]);
        break;
    case NCR_AST_ITEMS:
        ncr_buf_fmt(f->out, "%.*s ", NCR_STR_ARG(a->text));
        for (uint32_t i = 0; i < a->n_kids; i++) {
            if (i) ncr_buf_puts(f->out, ", ");
            ncr_fmt_expr(f, a->kid[i]->kid[0]);
            if (!a->kid[i]->kid[1]) continue;
            ncr_buf_puts(f->out, " weight ");
            ncr_fmt_expr(f, a->kid[i]->kid[1]);
        }
        ncr_buf_putc(f->out, ';');
        break;
    default: NCR_BUG("%s printed as a field", ncr_ast_kind_name(a->kind));
    }
}

// Whether the record stood on one line and still fits there.
static bool short_record(struct ncr_fmt *f, const struct ncr_ast *a)
{
    if (ncr_fmt_line(f, a->span.begin) != ncr_fmt_line(f, a->span.end - 1)) return false;
    if (ncr_fmt_has_comment(f, a->span.begin, a->span.end)) return false;
    struct ncr_buf trial = {0};
    struct ncr_fmt flat = *f;
    flat.out = &trial;
    flat.flat = true;
    record(&flat, a);
    size_t width = f->out->n - f->line_start + trial.n;
    ncr_buf_free(&trial);
    return width <= 100;
}

static void record(struct ncr_fmt *f, const struct ncr_ast *a)
{
    if (a->n_kids == 0 && !ncr_fmt_has_comment(f, a->span.begin, a->span.end)) {
        ncr_buf_puts(f->out, "{}");
        return;
    }
    ncr_buf_putc(f->out, '{');
    if (f->flat || short_record(f, a)) {
        bool was_flat = f->flat;
        f->flat = true;
        for (uint32_t i = 0; i < a->n_kids; i++) {
            ncr_buf_putc(f->out, ' ');
            field(f, a->kid[i]);
        }
        f->flat = was_flat;
        ncr_buf_puts(f->out, " }");
        return;
    }
    f->indent++;
    uint32_t previous = a->span.begin + 1;
    for (uint32_t i = 0; i < a->n_kids; i++) {
        ncr_fmt_before(f, ncr_fmt_begin(a->kid[i]), previous, i == 0);
        field(f, a->kid[i]);
        previous = a->kid[i]->span.end;
    }
    ncr_fmt_rest(f, a->span.end, previous);
    f->indent--;
    ncr_fmt_newline(f);
    ncr_buf_putc(f->out, '}');
}

static void definition(struct ncr_fmt *f, const char *word, const struct ncr_ast *a)
{
    ncr_buf_fmt(f->out, "%s %.*s", word, NCR_STR_ARG(a->text));
    ncr_fmt_expr(f, a->kid[0]);
    if (a->kid[1]) ncr_fmt_expr(f, a->kid[1]);
    const struct ncr_ast *outs = a->kid[2];
    if (outs) {
        ncr_buf_puts(f->out, " -> ");
        bool one = outs->n_kids == 1 && outs->kid[0]->text.n == 0;
        if (!one) ncr_buf_putc(f->out, '(');
        exprs(f, outs);
        if (!one) ncr_buf_putc(f->out, ')');
    }
    if (a->kid[3]) {
        ncr_buf_puts(f->out, " bounded ");
        ncr_fmt_expr(f, a->kid[3]);
    }
    ncr_buf_putc(f->out, ' ');
    ncr_fmt_block(f, a->kid[4]);
}

static void value(struct ncr_fmt *f, const char *word, const struct ncr_ast *a,
                  const struct ncr_ast *v)
{
    ncr_buf_fmt(f->out, "%s %.*s = ", word, NCR_STR_ARG(a->text));
    ncr_fmt_expr(f, v);
    ncr_buf_putc(f->out, ';');
}

void ncr_fmt_item(struct ncr_fmt *f, const struct ncr_ast *a)
{
    if (a->kind != NCR_AST_LET) ncr_fmt_annots(f, a);
    switch ((int)a->kind) {
    case NCR_AST_IMPORT: ncr_buf_fmt(f->out, "import %.*s;", NCR_STR_ARG(a->text)); break;
    case NCR_AST_NET: definition(f, "net", a); break;
    case NCR_AST_BLOCK_DEF: definition(f, "block", a); break;
    case NCR_AST_NET_VALUE: value(f, "net", a, a->kid[0]); break;
    case NCR_AST_MUTATION:
        ncr_buf_fmt(f->out, "mutation %.*s", NCR_STR_ARG(a->text));
        ncr_fmt_expr(f, a->kid[0]);
        ncr_buf_putc(f->out, ' ');
        ncr_fmt_block(f, a->kid[1]);
        break;
    case NCR_AST_DECL:
        ncr_buf_fmt(f->out, "%.*s %.*s ", NCR_STR_ARG(a->kid[0]->text), NCR_STR_ARG(a->text));
        record(f, a->kid[1]);
        break;
    case NCR_AST_DECL_VALUE: {
        ncr_buf_fmt(f->out, "%.*s %.*s = ", NCR_STR_ARG(a->kid[0]->text), NCR_STR_ARG(a->text));
        ncr_fmt_expr(f, a->kid[1]);
        ncr_buf_putc(f->out, ';');
        break;
    }
    case NCR_AST_LET: ncr_fmt_statement(f, a); break;
    case NCR_AST_GENOTYPE:
        ncr_buf_fmt(f->out, "%.*s {", NCR_STR_ARG(a->text));
        f->indent++;
        for (uint32_t i = 0; i < a->n_kids; i++) {
            ncr_fmt_before(f, a->kid[i]->span.begin,
                           i ? a->kid[i - 1]->span.end : a->span.begin + 1, i == 0);
            ncr_fmt_gene(f, a->kid[i]);
        }
        f->indent--;
        ncr_fmt_newline(f);
        ncr_buf_putc(f->out, '}');
        break;
    default: NCR_BUG("%s printed as an item", ncr_ast_kind_name(a->kind));
    }
}
