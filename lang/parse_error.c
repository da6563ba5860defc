// What is said about a token that cannot stand where it does. The parser gives all kinds of token
// that could; here they are put into the words that a reader uses: an expression, an operator, a
// statement, a name, `;`.
#include <stdarg.h>
#include <stdio.h>

#include "lang/grammar.h"
#include "parse.h"

enum { MESSAGE_PARTS = 6 };

// A text of bounded length, off the heap, since a report may end in a jump out of the arena.
struct words {
    char at[320];
    size_t n;
};

NCR_PRINTF(2, 3) static void put(struct words *w, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(w->at + w->n, sizeof w->at - w->n, fmt, args);
    va_end(args);
    w->n += n > 0 ? (size_t)n : 0;
    if (w->n >= sizeof w->at) w->n = sizeof w->at - 1;
}

struct expected {
    const int *kinds;
    int n;
};

static bool has(const struct expected *e, int kind)
{
    for (int i = 0; i < e->n; i++)
        if (e->kinds[i] == kind) return true;
    return false;
}

static bool is_contextual(int kind)
{
    return kind >= T_STEP && kind <= T_INHERIT;
}

static bool is_infix(int kind)
{
    return (kind >= T_ARROW && kind <= T_SHR) || kind == '<' || kind == '>' || kind == '+' ||
           kind == '-' || kind == '*' || kind == '/' || kind == '%';
}

static bool is_comparison(int kind)
{
    return kind == T_EQ || kind == T_NE || kind == '<' || kind == '>' || kind == T_LE ||
           kind == T_GE;
}

// Tokens with which an expression can begin; names too, but these also stand elsewhere.
static bool starts_expression(int kind)
{
    switch (kind) {
    case T_THIS:
    case T_TRUE:
    case T_FALSE:
    case T_INT:
    case T_FLOAT:
    case T_PERCENT:
    case T_QUANTITY:
    case T_STRING:
    case T_CHOOSE:
    case T_OPTIONAL:
    case T_REPEAT:
    case T_IF:
    case T_IF_STATEMENT:
    case T_ANNOT:
    case T_ANNOT_CALL:
    case '(':
    case '[':
    case '-':
    case '!': return true;
    default: return false;
    }
}

// The groups of tokens that could stand here, and what each leaves out of the list.
struct groups {
    bool declaration, statement, expression, operator_, name, word;
};

static bool covered(const struct groups *g, int kind)
{
    bool name = kind == T_NAME || is_contextual(kind);
    if (name && (g->declaration || g->statement || g->expression)) return true;
    if (name && g->name) return kind != T_NAME || g->word;
    if (g->declaration &&
        (kind == T_IMPORT || kind == T_NET || kind == T_BLOCK || kind == T_MUTATION ||
         kind == T_LET || kind == T_ANNOT || kind == T_ANNOT_CALL))
        return true;
    if (g->statement && (kind == T_LET || kind == T_REQUIRE || kind == T_FOR || kind == T_ANNOT))
        return true;
    if ((g->expression || g->statement) && starts_expression(kind)) return true;
    if (g->operator_ &&
        (is_infix(kind) || kind == '(' || kind == '[' || kind == '.' || kind == T_WITH ||
         kind == T_STEP || kind == T_POW2 || kind == T_X || kind == T_WEIGHT))
        return true;
    return g->word && ncr_token_is_reserved(kind);
}

static void list_expected(const struct expected *e, struct words *out)
{
    struct groups g = {.declaration = has(e, T_NET) && !has(e, T_CHOOSE),
                       .statement = has(e, T_LET) && has(e, T_CHOOSE),
                       .expression = has(e, T_CHOOSE) && !has(e, T_LET),
                       .operator_ = has(e, T_PIPE),
                       .word = has(e, T_NET) && has(e, T_ELSE),
                       .name = has(e, T_NAME)};
    if (g.word) g.declaration = g.statement = g.expression = false;
    const char *parts[MESSAGE_PARTS + 2];
    int n = 0;
    if (g.word) parts[n++] = "a name";
    if (g.declaration) parts[n++] = "a declaration";
    if (g.statement) parts[n++] = "a statement";
    if (g.expression) parts[n++] = "an expression";
    for (int i = 0; i < e->n && n <= MESSAGE_PARTS; i++) {
        int kind = e->kinds[i];
        if (covered(&g, kind)) continue;
        parts[n++] = kind == T_NAME                            ? "a name"
                     : kind == T_LABEL                         ? "a label"
                     : kind == T_INT                           ? "an integer"
                     : kind == T_ANNOT || kind == T_ANNOT_CALL ? "an annotation"
                                                               : ncr_token_name(kind);
        if (n > 1 && strcmp(parts[n - 1], parts[n - 2]) == 0) n--;
    }
    if (g.operator_ && n <= MESSAGE_PARTS) parts[n++] = "an operator";
    if (n > MESSAGE_PARTS) {
        n = MESSAGE_PARTS;
        parts[n - 1] = "more";
    }
    for (int i = 0; i < n; i++)
        put(out, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", parts[i]);
}

static void describe(const struct ncr_lexer *lx, const struct ncr_token *t, struct words *out)
{
    enum { SHOWN = 40 };
    uint32_t n = t->end - t->begin;
    struct ncr_str text = ncr_lexer_text(lx, t->begin, t->begin + (n > SHOWN ? SHOWN : n));
    if (t->kind == T_YYEOF)
        put(out, "end of file");
    else if (t->kind == T_STRING)
        put(out, "a string");
    else if (t->kind == T_NAME || is_contextual(t->kind) || t->kind == T_X)
        put(out, "name `%.*s`", NCR_STR_ARG(text));
    else if (t->kind == T_LABEL)
        put(out, "label `%.*s`", NCR_STR_ARG(text));
    else if (t->kind == T_INT || t->kind == T_FLOAT || t->kind == T_PERCENT ||
             t->kind == T_QUANTITY)
        put(out, "number `%.*s`", NCR_STR_ARG(text));
    else if (t->kind == T_ANNOT || t->kind == T_ANNOT_CALL)
        put(out, "annotation `%.*s`", NCR_STR_ARG(text));
    else if (n)
        put(out, "`%.*s`", NCR_STR_ARG(text));
    else
        put(out, "%s", ncr_token_name(t->kind));
}

bool ncr_parse_begins(const struct ncr_lexer *lexer)
{
    const struct ncr_token *t = &lexer->last, *before = &lexer->before;
    switch (t->kind) {
    case T_LET:
    case T_REQUIRE:
    case T_FOR:
    case T_NET:
    case T_BLOCK:
    case T_MUTATION:
    case T_IMPORT:
    case T_IF_STATEMENT:
    case T_YYEOF:
    case '}': return true;
    case T_LABEL:
    case T_NAME:
    case T_ANNOT:
    case T_ANNOT_CALL: return t->line_start || before->kind == '}';
    default:
        if (is_contextual(t->kind)) return t->line_start || before->kind == '}';
        return t->line_start && starts_expression(t->kind) && t->kind != '-';
    }
}

// Whether t shows that an open `(` or `[` was forgotten; where it is.
static bool left_open(const struct ncr_lexer *lx, const struct expected *e,
                      const struct ncr_token *t, uint32_t *at)
{
    if (!has(e, ')') && !has(e, ']')) return false;
    if (lx->left_open != UINT32_MAX) {
        *at = lx->left_open;
        return true;
    }
    bool begins =
        t->kind == T_LET || t->kind == T_REQUIRE || t->kind == T_FOR || t->kind == T_IF_STATEMENT;
    if (!begins || lx->open.n == 0) return false;
    *at = lx->open.at[lx->open.n - 1].begin;
    return lx->open.at[lx->open.n - 1].kind != '{';
}

static void report(struct ncr_parse *p, const struct expected *e)
{
    struct ncr_lexer *lx = &p->lexer;
    const struct ncr_token *t = &lx->last;
    struct ncr_span span = ncr_lexer_span(lx, t->begin, t->end);
    struct words found = {0}, expected = {0};
    struct ncr_diag *d;
    uint32_t at;
    describe(lx, t, &found);
    list_expected(e, &expected);
    if (left_open(lx, e, t, &at)) {
        d = NCR_DIAG(lx->diags, UNCLOSED, ncr_lexer_span(lx, at, at + 1), lx->source.s[at]);
        ncr_diag_note(lx->diags, d, span, "%s stands before its end,", found.at);
    } else if (has(e, T_PIPE) && is_comparison(t->kind)) {
        NCR_DIAG0(lx->diags, CHAINED_COMPARISON, span);
    } else if (has(e, T_PIPE) && (t->kind == T_RANGE || t->kind == T_RANGE_EQ)) {
        NCR_DIAG0(lx->diags, CHAINED_RANGE, span);
    } else if (ncr_token_is_reserved(t->kind) && has(e, T_NAME) && !has(e, T_CHOOSE) &&
               !has(e, T_NET)) {
        NCR_DIAG(lx->diags, RESERVED_WORD, span, found.at);
    } else if (t->kind == '}' && lx->open.n == 0 && has(e, T_NET)) {
        NCR_DIAG(lx->diags, NOTHING_TO_CLOSE, span, found.at);
    } else {
        d = NCR_DIAG(lx->diags, UNEXPECTED, span, found.at, expected.at);
        if (t->kind == '=' && has(e, T_PIPE)) ncr_diag_help(lx->diags, d, "`==` compares");
    }
}

void ncr_parse_report_semicolon(struct ncr_parse *p)
{
    struct ncr_lexer *lx = &p->lexer;
    if (lx->stopped || lx->last.begin == lx->quiet_at) return;
    struct words found = {0};
    describe(lx, &lx->last, &found);
    // After a brace one looks at the brace; else at the gap behind the last token.
    uint32_t end = lx->before.end, begin = lx->before.kind == '}' ? end - 1 : end;
    NCR_DIAG(lx->diags, MISSING_SEMICOLON, ncr_lexer_span(lx, begin, end), found.at);
    lx->quiet_at =
        lx->last.begin; // where the token cannot stand after `;` either, that is the same mistake
}

void ncr_parse_report(struct ncr_parse *p, const int *expected, int n)
{
    struct ncr_lexer *lx = &p->lexer;
    struct expected e = {expected, n};
    if (!lx->stopped && lx->last.begin != lx->quiet_at) report(p, &e);
    ncr_lexer_recover(lx);
}
