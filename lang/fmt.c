// Syntax tree to canonical source text, comments kept. What stood on one line stays on one line
// where it fits into 100 columns; one blank line between statements is kept; everything else is
// decided here, so printing twice changes nothing.
#include "lang/fmt_internal.h"

enum { WIDTH = 100, INDENT = 4 };

void ncr_fmt_newline(struct ncr_fmt *f)
{
    ncr_buf_putc(f->out, '\n');
    ncr_buf_pad(f->out, ' ', (size_t)f->indent * INDENT);
    f->line_start = f->out->n - (size_t)f->indent * INDENT;
}

uint32_t ncr_fmt_line(const struct ncr_fmt *f, uint32_t offset)
{
    return ncr_sources_pos(f->sources, f->file, offset).line;
}

static bool one_line(const struct ncr_fmt *f, const struct ncr_ast *a)
{
    return ncr_fmt_line(f, a->span.begin) == ncr_fmt_line(f, a->span.end ? a->span.end - 1 : 0);
}

bool ncr_fmt_has_comment(const struct ncr_fmt *f, uint32_t begin, uint32_t end)
{
    for (uint32_t i = f->next_comment; i < f->n_comments && f->comments[i].span.begin < end; i++)
        if (f->comments[i].span.begin >= begin) return true;
    return false;
}

// Whether the node fits on the rest of the line when printed flat; `after` columns are kept for
// what follows.
static bool fits(struct ncr_fmt *f, const struct ncr_ast *a, uint32_t after)
{
    struct ncr_buf trial = {0};
    struct ncr_fmt flat = *f;
    flat.out = &trial;
    flat.flat = true;
    ncr_fmt_expr(&flat, a);
    size_t column = 0;
    struct ncr_str line = {f->out->s ? f->out->s + f->line_start : "",
                           (uint32_t)(f->out->n - f->line_start)};
    for (uint32_t i = 0; i < line.n; i++)
        column += ((unsigned char)line.s[i] & 0xC0) != 0x80;
    for (size_t i = 0; i < trial.n; i++)
        column += ((unsigned char)trial.s[i] & 0xC0) != 0x80;
    ncr_buf_free(&trial);
    return column + after <= WIDTH;
}

static struct ncr_str source(const struct ncr_fmt *f, struct ncr_span span)
{
    struct ncr_str text = ncr_sources_text(f->sources, f->file);
    return (struct ncr_str){text.s + span.begin, span.end - span.begin};
}

// A comment as it was, without trailing blanks.
static void put_comment(struct ncr_fmt *f, const struct ncr_comment *c)
{
    struct ncr_str text = source(f, c->span);
    while (text.n &&
           (text.s[text.n - 1] == ' ' || text.s[text.n - 1] == '\t' || text.s[text.n - 1] == '\r'))
        text.n--;
    ncr_buf_str(f->out, text);
    for (uint32_t i = 0; i < text.n; i++)
        if (text.s[i] == '\n') f->line_start = f->out->n - (text.n - i - 1);
}

// ---- expressions ----

static void list(struct ncr_fmt *f, const struct ncr_ast *a, uint32_t first, char open, char close)
{
    ncr_buf_putc(f->out, open);
    // The closing bracket and a `;` or `{` come behind.
    bool flat = f->flat;
    if (!flat && a->n_kids > first) {
        struct ncr_ast part = *a;
        part.kind = NCR_AST_LIST;
        part.kid += first;
        part.n_kids -= first;
        part.n_annots = 0;
        flat = fits(f, &part, 1);
    }
    if (a->n_kids == first || flat) {
        for (uint32_t i = first; i < a->n_kids; i++) {
            if (i > first) ncr_buf_puts(f->out, ", ");
            ncr_fmt_expr(f, a->kid[i]);
        }
    } else {
        f->indent++;
        for (uint32_t i = first; i < a->n_kids; i++) {
            ncr_fmt_newline(f);
            ncr_fmt_expr(f, a->kid[i]);
            if (i + 1 < a->n_kids) ncr_buf_putc(f->out, ',');
        }
        f->indent--;
        ncr_fmt_newline(f);
    }
    ncr_buf_putc(f->out, close);
}

static bool is_chain(const struct ncr_ast *a)
{
    return a->kind == NCR_AST_BINARY && (a->op == NCR_AST_PIPE || a->op == NCR_AST_SHR);
}

// The operators of a chain, left to right. A chain that stood on several lines is broken before
// each `|>`; one that is too long is broken before each operator.
static void chain(struct ncr_fmt *f, const struct ncr_ast *a, bool every)
{
    if (is_chain(a->kid[0]))
        chain(f, a->kid[0], every);
    else
        ncr_fmt_expr(f, a->kid[0]);
    if (!f->flat && (every || a->op == NCR_AST_PIPE))
        ncr_fmt_newline(f);
    else
        ncr_buf_putc(f->out, ' ');
    ncr_buf_fmt(f->out, "%s ", ncr_ast_op_text(a->op));
    if (is_chain(a->kid[1]))
        chain(f, a->kid[1], every);
    else
        ncr_fmt_expr(f, a->kid[1]);
}

static bool has_pipe(const struct ncr_ast *a)
{
    return is_chain(a) && (a->op == NCR_AST_PIPE || has_pipe(a->kid[0]) || has_pipe(a->kid[1]));
}

static size_t flat_width(const struct ncr_fmt *f, const struct ncr_ast *a)
{
    struct ncr_buf trial = {0};
    struct ncr_fmt flat = *f;
    flat.out = &trial;
    flat.flat = true;
    ncr_fmt_expr(&flat, a);
    size_t n = trial.n;
    ncr_buf_free(&trial);
    return n;
}

// Whether each part of the chain between two `|>` fits on a line of its own. column is where the
// next operand would stand.
static bool parts_fit(const struct ncr_fmt *f, const struct ncr_ast *a, size_t *column)
{
    if (!is_chain(a)) {
        *column += flat_width(f, a);
        return *column < WIDTH;
    }
    if (!parts_fit(f, a->kid[0], column)) return false;
    *column = a->op == NCR_AST_PIPE ? (size_t)(f->indent + 1) * INDENT + 3 : *column + 4;
    return parts_fit(f, a->kid[1], column);
}

static void binary(struct ncr_fmt *f, const struct ncr_ast *a)
{
    if (!is_chain(a)) {
        ncr_fmt_expr(f, a->kid[0]);
        bool broken = !f->flat && !fits(f, a->kid[1], 6);
        if (broken) {
            f->indent++;
            ncr_fmt_newline(f);
        } else {
            ncr_buf_putc(f->out, ' ');
        }
        ncr_buf_fmt(f->out, "%s ", ncr_ast_op_text(a->op));
        ncr_fmt_expr(f, a->kid[1]);
        if (broken) f->indent--;
        return;
    }
    if (f->flat || (one_line(f, a) && fits(f, a, 1))) {
        bool flat = f->flat;
        f->flat = true; // no break before `|>`: it fits, and stood on one line
        chain(f, a, false);
        f->flat = flat;
        return;
    }
    size_t column = f->out->n - f->line_start;
    bool multi = has_pipe(a) && parts_fit(f, a, &column);
    f->indent++;
    chain(f, a, !multi);
    f->indent--;
}

static void number(struct ncr_fmt *f, const struct ncr_ast *a)
{
    struct ncr_str text = source(f, a->span);
    uint32_t n = text.n;
    if (a->kind == NCR_AST_QUANTITY) { // the digits, a blank, the unit
        bool hex = n > 1 && text.s[0] == '0' && (text.s[1] == 'x' || text.s[1] == 'X');
        for (n = 0; n < text.n; n++) {
            char c = text.s[n], next = n + 1 < text.n ? text.s[n + 1] : 0;
            bool digit = (c >= '0' && c <= '9') || c == '.' || c == '_';
            bool exponent = !hex && (c == 'e' || c == 'E') &&
                            (next == '-' || next == '+' || (next >= '0' && next <= '9'));
            bool sign = !hex && (c == '-' || c == '+') && n &&
                        (text.s[n - 1] == 'e' || text.s[n - 1] == 'E');
            if (!digit && !exponent && !sign && !(hex && (n == 1 || strchr("abcdefABCDEF", c))))
                break;
        }
    }
    ncr_buf_put(f->out, text.s, n);
    if (a->kind == NCR_AST_QUANTITY) ncr_buf_fmt(f->out, " %.*s", NCR_STR_ARG(a->text));
}

static void label(struct ncr_fmt *f, const struct ncr_ast *a)
{
    if (a->text.n) ncr_buf_fmt(f->out, "%.*s: ", NCR_STR_ARG(a->text));
}

static void named_word(struct ncr_fmt *f, const char *word, const struct ncr_ast *a)
{
    ncr_buf_puts(f->out, word);
    if (a->text.n) ncr_buf_fmt(f->out, " %.*s", NCR_STR_ARG(a->text));
}

// `{ a: e  b: e }`: one line where it was one and fits, else an alternative a line.
static void alternatives(struct ncr_fmt *f, const struct ncr_ast *a)
{
    named_word(f, "choose", a);
    if (f->flat || (one_line(f, a) && fits(f, a, 1))) {
        ncr_buf_puts(f->out, " { ");
        for (uint32_t i = 0; i < a->n_kids; i++) {
            ncr_fmt_annots(f, a->kid[i]);
            label(f, a->kid[i]);
            ncr_fmt_expr(f, a->kid[i]->kid[0]);
            ncr_buf_puts(f->out, "; ");
        }
        ncr_buf_putc(f->out, '}');
        return;
    }
    ncr_buf_puts(f->out, " {");
    f->indent++;
    uint32_t before = a->span.begin;
    for (uint32_t i = 0; i < a->n_kids; i++) {
        ncr_fmt_before(f, ncr_fmt_begin(a->kid[i]), before, i == 0);
        ncr_fmt_annots(f, a->kid[i]);
        label(f, a->kid[i]);
        ncr_fmt_expr(f, a->kid[i]->kid[0]);
        before = a->kid[i]->span.end;
    }
    ncr_fmt_rest(f, a->span.end, before);
    f->indent--;
    ncr_fmt_newline(f);
    ncr_buf_putc(f->out, '}');
}

static void genes(struct ncr_fmt *f, const struct ncr_ast *a, uint32_t first)
{
    ncr_buf_puts(f->out, "{ ");
    for (uint32_t i = first; i < a->n_kids; i++) {
        ncr_fmt_gene(f, a->kid[i]);
        ncr_buf_putc(f->out, ' ');
    }
    ncr_buf_putc(f->out, '}');
}

void ncr_fmt_gene(struct ncr_fmt *f, const struct ncr_ast *gene)
{
    for (uint32_t i = 1; i < gene->n_kids; i++) {
        const struct ncr_ast *seg = gene->kid[i];
        ncr_buf_fmt(f->out, "%s%.*s", i > 1 ? "/" : "", NCR_STR_ARG(seg->text));
        for (uint32_t k = 0; k < seg->n_kids; k++) {
            ncr_buf_putc(f->out, '[');
            ncr_fmt_expr(f, seg->kid[k]);
            ncr_buf_putc(f->out, ']');
        }
    }
    ncr_buf_puts(f->out, " = ");
    ncr_fmt_expr(f, gene->kid[0]);
    ncr_buf_putc(f->out, ';');
}

static void range(struct ncr_fmt *f, const struct ncr_ast *a)
{
    ncr_fmt_expr(f, a->kid[0]);
    ncr_buf_puts(f->out, ncr_ast_op_text(a->op));
    ncr_fmt_expr(f, a->kid[1]);
    if (a->flag) ncr_buf_puts(f->out, " pow2");
    if (a->kid[2]) {
        ncr_buf_puts(f->out, " step ");
        ncr_fmt_expr(f, a->kid[2]);
    }
}

static void if_expr(struct ncr_fmt *f, const struct ncr_ast *a)
{
    ncr_buf_puts(f->out, "if ");
    ncr_fmt_expr(f, a->kid[0]);
    ncr_buf_putc(f->out, ' ');
    ncr_fmt_block(f, a->kid[1]);
    if (!a->kid[2]) return;
    ncr_buf_puts(f->out, " else ");
    if (a->kid[2]->kind == NCR_AST_IF)
        ncr_fmt_expr(f, a->kid[2]);
    else
        ncr_fmt_block(f, a->kid[2]);
}

static void postfix(struct ncr_fmt *f, const struct ncr_ast *a)
{
    ncr_fmt_expr(f, a->kid[0]);
    switch ((int)a->kind) {
    case NCR_AST_CALL: list(f, a, 1, '(', ')'); break;
    case NCR_AST_INDEX: list(f, a, 1, '[', ']'); break;
    case NCR_AST_MEMBER: ncr_buf_fmt(f->out, ".%.*s", NCR_STR_ARG(a->text)); break;
    default: ncr_buf_puts(f->out, " with "); genes(f, a, 1);
    }
}

static void choose_of(struct ncr_fmt *f, const struct ncr_ast *a)
{
    ncr_buf_puts(f->out, "choose ");
    label(f, a);
    ncr_fmt_expr(f, a->kid[0]);
    ncr_buf_puts(f->out, a->flag ? " of ordered " : " of ");
    if (a->repeated) ncr_buf_puts(f->out, "repeated ");
    list(f, a, 1, '(', ')');
}

void ncr_fmt_annots(struct ncr_fmt *f, const struct ncr_ast *a)
{
    for (uint32_t i = 0; i < a->n_annots; i++) {
        ncr_buf_fmt(f->out, "@%.*s", NCR_STR_ARG(a->annots[i]->text));
        if (a->annots[i]->n_kids) list(f, a->annots[i], 0, '(', ')');
        ncr_buf_putc(f->out, ' ');
    }
}

void ncr_fmt_expr(struct ncr_fmt *f, const struct ncr_ast *a)
{
    ncr_fmt_annots(f, a);
    switch ((int)a->kind) {
    case NCR_AST_NAME: ncr_buf_str(f->out, a->text); break;
    case NCR_AST_THIS: ncr_buf_puts(f->out, "this"); break;
    case NCR_AST_BOOL: ncr_buf_puts(f->out, a->value.i ? "true" : "false"); break;
    case NCR_AST_INT:
    case NCR_AST_FLOAT:
    case NCR_AST_PERCENT:
    case NCR_AST_QUANTITY:
    case NCR_AST_STRING: number(f, a); break;
    case NCR_AST_PAIR:
        ncr_fmt_expr(f, a->kid[0]);
        ncr_buf_puts(f->out, " x ");
        ncr_fmt_expr(f, a->kid[1]);
        break;
    case NCR_AST_PAREN:
        ncr_buf_putc(f->out, '(');
        ncr_fmt_expr(f, a->kid[0]);
        ncr_buf_putc(f->out, ')');
        break;
    case NCR_AST_TUPLE: list(f, a, 0, '(', ')'); break;
    case NCR_AST_LIST: list(f, a, 0, '[', ']'); break;
    case NCR_AST_ARG:
        label(f, a);
        ncr_fmt_expr(f, a->kid[0]);
        break;
    case NCR_AST_UNARY:
        ncr_buf_puts(f->out, ncr_ast_op_text(a->op));
        ncr_fmt_expr(f, a->kid[0]);
        break;
    case NCR_AST_BINARY: binary(f, a); break;
    case NCR_AST_RANGE: range(f, a); break;
    case NCR_AST_CALL:
    case NCR_AST_INDEX:
    case NCR_AST_MEMBER:
    case NCR_AST_WITH: postfix(f, a); break;
    case NCR_AST_CHOOSE_LIST:
        named_word(f, "choose", a);
        list(f, a, 0, '(', ')');
        break;
    case NCR_AST_CHOOSE_ALTS: alternatives(f, a); break;
    case NCR_AST_CHOOSE_OF: choose_of(f, a); break;
    case NCR_AST_OPTIONAL:
        named_word(f, "optional", a);
        ncr_buf_putc(f->out, ' ');
        ncr_fmt_block(f, a->kid[0]);
        break;
    case NCR_AST_REPEAT:
        ncr_buf_puts(f->out, "repeat(");
        if (a->text.n) ncr_buf_fmt(f->out, "%.*s in ", NCR_STR_ARG(a->text));
        ncr_fmt_expr(f, a->kid[0]);
        ncr_buf_puts(f->out, ") ");
        ncr_fmt_block(f, a->kid[1]);
        break;
    case NCR_AST_IF: if_expr(f, a); break;
    case NCR_AST_BLOCK: ncr_fmt_block(f, a); break;
    case NCR_AST_TYPE:
        ncr_buf_str(f->out, a->text);
        if (a->n_kids) list(f, a, 0, '[', ']');
        break;
    case NCR_AST_PARAM: ncr_fmt_param(f, a); break;
    case NCR_AST_OUT:
        label(f, a);
        ncr_fmt_expr(f, a->kid[0]);
        break;
    case NCR_AST_PARAMS: list(f, a, 0, '(', ')'); break;
    default: NCR_BUG("%s printed as an expression", ncr_ast_kind_name(a->kind));
    }
}

void ncr_fmt_param(struct ncr_fmt *f, const struct ncr_ast *a)
{
    ncr_buf_str(f->out, a->text);
    if (a->kid[0]) {
        ncr_buf_puts(f->out, ": ");
        ncr_fmt_expr(f, a->kid[0]);
    }
    if (a->kid[1]) {
        ncr_buf_puts(f->out, " = ");
        ncr_fmt_expr(f, a->kid[1]);
    }
}

// ---- comments and lines ----

uint32_t ncr_fmt_begin(const struct ncr_ast *a)
{
    return a->n_annots ? a->annots[0]->span.begin : a->span.begin;
}

// Comments before `end` on lines of their own, or behind what stood on their line.
static void flush(struct ncr_fmt *f, uint32_t end, uint32_t *previous, bool *first)
{
    while (f->next_comment < f->n_comments && f->comments[f->next_comment].span.begin < end) {
        const struct ncr_comment *c = &f->comments[f->next_comment++];
        uint32_t line = ncr_fmt_line(f, c->span.begin),
                 last = *previous ? ncr_fmt_line(f, *previous - 1) : 0;
        if (!c->own_line && line == last && f->out->n) {
            ncr_buf_puts(f->out, "  ");
        } else {
            if (!*first && line > last + 1) ncr_buf_putc(f->out, '\n');
            if (f->out->n) ncr_fmt_newline(f);
        }
        put_comment(f, c);
        *previous = c->span.end;
        *first = false;
    }
}

void ncr_fmt_before(struct ncr_fmt *f, uint32_t begin, uint32_t previous, bool first)
{
    flush(f, begin, &previous, &first);
    uint32_t last = previous ? ncr_fmt_line(f, previous - 1) : 0;
    if (!first && ncr_fmt_line(f, begin) > last + 1) ncr_buf_putc(f->out, '\n');
    if (f->out->n) ncr_fmt_newline(f);
}

void ncr_fmt_rest(struct ncr_fmt *f, uint32_t end, uint32_t previous)
{
    bool first = false;
    flush(f, end, &previous, &first);
}

void ncr_fmt_block(struct ncr_fmt *f, const struct ncr_ast *block)
{
    const struct ncr_ast *result = block->kid[block->n_kids - 1];
    bool bare = block->n_kids == 1 && !ncr_fmt_has_comment(f, block->span.begin, block->span.end);
    if (bare && !result) {
        ncr_buf_puts(f->out, "{}");
        return;
    }
    if (f->flat || (bare && one_line(f, block) && fits(f, block, 1))) {
        ncr_buf_puts(f->out, "{ ");
        for (uint32_t i = 0; i + 1 < block->n_kids; i++) {
            ncr_fmt_statement(f, block->kid[i]);
            ncr_buf_putc(f->out, ' ');
        }
        if (result) {
            ncr_fmt_expr(f, result);
            ncr_buf_putc(f->out, ' ');
        }
        ncr_buf_putc(f->out, '}');
        return;
    }
    ncr_buf_putc(f->out, '{');
    f->indent++;
    uint32_t previous = block->span.begin + 1;
    for (uint32_t i = 0; i < block->n_kids; i++) {
        const struct ncr_ast *a = block->kid[i];
        if (!a) continue;
        ncr_fmt_before(f, ncr_fmt_begin(a), previous, i == 0);
        if (a == result)
            ncr_fmt_expr(f, a);
        else
            ncr_fmt_statement(f, a);
        previous = a->span.end;
    }
    ncr_fmt_rest(f, block->span.end, previous);
    f->indent--;
    ncr_fmt_newline(f);
    ncr_buf_putc(f->out, '}');
}

void ncr_fmt(const struct ncr_syntax *syntax, const struct ncr_sources *sources,
             struct ncr_buf *out)
{
    struct ncr_fmt f = {.out = out,
                        .sources = sources,
                        .file = syntax->file,
                        .comments = syntax->comments,
                        .n_comments = syntax->n_comments};
    const struct ncr_ast *root = syntax->root;
    uint32_t previous = 0;
    if (root->kind == NCR_AST_GENOTYPE) {
        ncr_fmt_before(&f, root->span.begin, 0, true);
        ncr_fmt_item(&f, root);
        previous = root->span.end;
    }
    for (uint32_t i = 0; root->kind == NCR_AST_FILE && i < root->n_kids; i++) {
        ncr_fmt_before(&f, ncr_fmt_begin(root->kid[i]), previous, i == 0);
        ncr_fmt_item(&f, root->kid[i]);
        previous = root->kid[i]->span.end;
    }
    ncr_fmt_rest(&f, UINT32_MAX, previous);
    if (out->n) ncr_buf_putc(out, '\n');
}
