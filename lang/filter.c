// Raw tokens to the grammar's tokens: labels, quantities, reserved words, words that are keywords
// in their place. The parser tells nothing back but that it met an error; then the filter finds the
// place where it can go on.
#include "lang/lex.h"
#include "parse.h"

static const struct {
    const char *word;
    int kind;
} words[] = {
    // reserved
    {"import", T_IMPORT},
    {"net", T_NET},
    {"block", T_BLOCK},
    {"mutation", T_MUTATION},
    {"let", T_LET},
    {"choose", T_CHOOSE},
    {"optional", T_OPTIONAL},
    {"repeat", T_REPEAT},
    {"require", T_REQUIRE},
    {"if", T_IF},
    {"else", T_ELSE},
    {"for", T_FOR},
    {"in", T_IN},
    {"with", T_WITH},
    {"this", T_THIS},
    {"true", T_TRUE},
    {"false", T_FALSE},
    // names, but for the places where the grammar has them
    {"step", T_STEP},
    {"pow2", T_POW2},
    {"of", T_OF},
    {"ordered", T_ORDERED},
    {"repeated", T_REPEATED},
    {"weight", T_WEIGHT},
    {"by", T_BY},
    {"bounded", T_BOUNDED},
    {"after", T_AFTER},
    {"before", T_BEFORE},
    {"set", T_SET},
    {"insert", T_INSERT},
    {"replace", T_REPLACE},
    {"remove", T_REMOVE},
    {"redraw", T_REDRAW},
    {"inherit", T_INHERIT},
};
enum { N_RESERVED = 17 };

static int word_kind(struct ncr_str text)
{
    for (size_t i = 0; i < NCR_COUNT(words); i++)
        if (ncr_str_is(text, words[i].word)) return words[i].kind;
    return T_NAME;
}

bool ncr_word_is_keyword(struct ncr_str text)
{
    return word_kind(text) != T_NAME;
}

bool ncr_token_is_reserved(int kind)
{
    for (size_t i = 0; i < N_RESERVED; i++)
        if (words[i].kind == kind) return true;
    return kind == T_IF_STATEMENT;
}

void ncr_lexer_init(struct ncr_lexer *lx, struct ncr_arena *arena, struct ncr_diags *diags,
                    uint32_t file, int start)
{
    *lx = (struct ncr_lexer){.arena = arena,
                             .diags = diags,
                             .file = file,
                             .source = ncr_sources_text(diags->sources, file),
                             .start = start,
                             .quiet_at = UINT32_MAX};
    bool readable = lx->source.n <= NCR_LIMIT_FILE_BYTES;
    if (!readable)
        NCR_DIAG(diags, FILE_TOO_LARGE, ncr_lexer_span(lx, 0, 0), lx->source.n,
                 (unsigned)NCR_LIMIT_FILE_BYTES);
    else
        readable = ncr_lex_is_text(lx);
    if (readable)
        ncr_scanner_init(lx);
    else
        ncr_lexer_stop(lx);
}

void ncr_lexer_stop(struct ncr_lexer *lx)
{
    lx->stopped = true;
    lx->quiet_at = lx->source.n;
}

struct ncr_str ncr_lexer_doc(const struct ncr_lexer *lx, uint32_t begin)
{
    uint32_t lo = 0, hi = lx->docs.n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (lx->docs.at[mid].begin < begin)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo < lx->docs.n && lx->docs.at[lo].begin == begin) return lx->docs.at[lo].text;
    return (struct ncr_str){"", 0};
}

// ---- the window of raw tokens ----

static const struct ncr_token *peek(struct ncr_lexer *lx, uint32_t k)
{
    while (lx->window_n <= k) {
        uint32_t slot = (lx->window_at + lx->window_n) % NCR_LEX_WINDOW;
        const struct ncr_token *last = &lx->window[(slot + NCR_LEX_WINDOW - 1) % NCR_LEX_WINDOW];
        if (lx->window_n && last->kind == T_YYEOF)
            lx->window[slot] = *last;
        else
            ncr_scanner_next(lx, &lx->window[slot]);
        lx->window_n++;
    }
    return &lx->window[(lx->window_at + k) % NCR_LEX_WINDOW];
}

static void drop(struct ncr_lexer *lx, uint32_t n)
{
    lx->window_at = (lx->window_at + n) % NCR_LEX_WINDOW;
    lx->window_n -= n;
}

static bool is_word(struct ncr_lexer *lx, uint32_t k, const char *text)
{
    return peek(lx, k)->kind == T_NAME && ncr_str_is(peek(lx, k)->text, text);
}

static bool is_label(struct ncr_lexer *lx, uint32_t k)
{
    return peek(lx, k)->kind == T_NAME && peek(lx, k + 1)->kind == ':';
}

// ---- numbers with units ----

// "per WORD" at k, where the word is no label; its end, or 0.
static uint32_t per_word(struct ncr_lexer *lx, uint32_t k)
{
    return is_word(lx, k, "per") && peek(lx, k + 1)->kind == T_NAME && !is_label(lx, k + 1)
               ? peek(lx, k + 1)->end
               : 0;
}

// The word at 1 after the number at 0 is no unit: says so where it must have been meant as one.
static bool refuse_unit(struct ncr_lexer *lx, const struct ncr_token *number)
{
    const struct ncr_token *word = peek(lx, 1);
    bool touches = word->begin == number->end;
    int after = peek(lx, 2)->kind;
    if (lx->skipping) return false;
    if (!touches && (word->line_start || word_kind(word->text) != T_NAME)) return false;
    if (!touches && (after == '=' || after == '(' || after == '{' || after == '.')) return false;
    struct ncr_span span = ncr_lexer_span(lx, word->begin, word->end);
    char c = word->text.s[0];
    bool zero = number->end == number->begin + 1 && lx->source.s[number->begin] == '0';
    if (touches && (c == '_' || (zero && (c == 'x' || c == 'X')))) {
        struct ncr_str text = ncr_lexer_text(lx, number->begin, word->end);
        span.begin = number->begin;
        NCR_DIAG(lx->diags, BAD_NUMBER, span, NCR_STR_ARG(text));
        return true;
    }
    struct ncr_str near = ncr_lex_unit_nearest(word->text);
    if (!touches && !near.n) return false;
    struct ncr_diag *d = NCR_DIAG(lx->diags, NOT_A_UNIT, span, NCR_STR_ARG(word->text));
    if (near.n)
        ncr_diag_help(lx->diags, d, "did you mean `%.*s`?", NCR_STR_ARG(near));
    else if (c == 'x')
        ncr_diag_help(lx->diags, d, "a pair has blanks, `12 x 14`");
    return true;
}

// INT or FLOAT at the front: takes its unit along, as a quantity.
static void number(struct ncr_lexer *lx, struct ncr_token *out)
{
    *out = *peek(lx, 0);
    if (peek(lx, 1)->kind != T_NAME || is_label(lx, 1)) {
        drop(lx, 1);
        return;
    }
    struct ncr_token unit = *peek(lx, 1);
    uint32_t used = 0, end = per_word(lx, 1);
    if (end) {
        out->text = ncr_str_fmt(lx->arena, "per %.*s", NCR_STR_ARG(peek(lx, 2)->text));
        used = 3;
    } else if (ncr_lex_is_unit(unit.text)) {
        used = 2;
        end = unit.end;
        out->text = unit.text;
        // Without blanks it is a rate, with blanks a division.
        if (ncr_lex_unit_has_rate(unit.text) && peek(lx, 2)->kind == '/' &&
            peek(lx, 2)->begin == unit.end && is_word(lx, 3, "s") &&
            peek(lx, 3)->begin == unit.end + 1 && !is_label(lx, 3)) {
            end = peek(lx, 3)->end;
            out->text = ncr_lexer_text(lx, unit.begin, end);
            used = 4;
        }
        uint32_t per = per_word(lx, used);
        if (per) {
            out->text = ncr_str_fmt(lx->arena, "%.*s per %.*s", NCR_STR_ARG(out->text),
                                    NCR_STR_ARG(peek(lx, used + 1)->text));
            end = per;
            used += 2;
        }
    }
    if (used) {
        out->kind = T_QUANTITY;
        out->name_begin = unit.begin;
        out->name_end = out->end = end;
        drop(lx, used);
        return;
    }
    bool pair = out->kind == T_INT && is_word(lx, 1, "x") && peek(lx, 2)->kind == T_INT;
    bool refused = !(pair && unit.begin > out->end) && refuse_unit(lx, out);
    drop(lx, refused ? 2 : 1);
}

// ---- one token of the grammar ----

static void filtered(struct ncr_lexer *lx, struct ncr_token *out)
{
    *out = *peek(lx, 0);
    int last = lx->passed;
    if (out->kind == T_NCR_YYerror && !lx->skipping) ncr_lex_bad_character(lx, out);
    if (out->kind == T_INT || out->kind == T_FLOAT) {
        number(lx, out);
        return;
    }
    if (out->kind == '@' && peek(lx, 1)->kind == T_NAME) {
        out->kind = peek(lx, 2)->kind == '(' ? T_ANNOT_CALL : T_ANNOT;
        out->text = peek(lx, 1)->text;
        out->name_begin = peek(lx, 1)->begin;
        out->name_end = out->end = peek(lx, 1)->end;
        drop(lx, 2);
        return;
    }
    if (out->kind == T_NAME && last != '.') { // any word may follow a point
        out->name_begin = out->begin;
        out->name_end = out->end;
        if (is_label(lx, 0)) {
            out->kind = T_LABEL;
            out->end = peek(lx, 1)->end;
            drop(lx, 2);
            return;
        }
        bool pair = last == T_INT && is_word(lx, 0, "x") && peek(lx, 1)->kind == T_INT;
        out->kind = pair ? T_X : word_kind(out->text);
        // An `if` that begins a statement ends with its last block; any other is an operand.
        if (out->kind == T_IF && (last == '{' || last == '}' || last == ';'))
            out->kind = T_IF_STATEMENT;
    }
    drop(lx, 1);
}

// ---- brackets and recovery ----

static uint32_t braces(const struct ncr_lexer *lx)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < lx->open.n; i++)
        n += lx->open.at[i].kind == '{';
    return n;
}

static bool inside_round(const struct ncr_lexer *lx)
{
    return lx->open.n && lx->open.at[lx->open.n - 1].kind != '{';
}

// Keeps the list of open brackets. `;` and `}` close what is still open inside a `{`: they cannot
// stand there.
static void track(struct ncr_lexer *lx, struct ncr_token *t)
{
    lx->passed = t->kind;
    lx->left_open = UINT32_MAX;
    if (lx->open.n == 0) {
        if (t->kind == T_NET || t->kind == T_BLOCK || t->kind == T_MUTATION)
            lx->in_head = true;
        else if (t->kind == '{' || t->kind == '=')
            lx->in_head = false;
    }
    switch (t->kind) {
    case '(':
    case '[':
    case '{':
        if (lx->open.n == NCR_LIMIT_DEPTH) {
            NCR_DIAG(lx->diags, TOO_DEEP, ncr_lexer_span(lx, t->begin, t->end),
                     (unsigned)NCR_LIMIT_DEPTH);
            ncr_lexer_stop(lx);
            return;
        }
        struct ncr_bracket bracket = {t->kind, t->begin};
        ncr_vec_push(lx->arena, &lx->open, bracket);
        break;
    case ')':
    case ']':
        if (inside_round(lx)) lx->open.n--;
        break;
    case ';':
    case '}':
        if (inside_round(lx)) lx->left_open = lx->open.at[lx->open.n - 1].begin;
        while (inside_round(lx))
            lx->open.n--;
        if (t->kind == '}' && lx->open.n) lx->open.n--;
        break;
    }
}

// Whether a declaration begins at the front. Its word is reserved, so this holds inside any bracket
// too, where a bracket must then be missing.
static bool at_declaration(struct ncr_lexer *lx)
{
    const struct ncr_token *t = peek(lx, 0);
    if (t->kind != T_NAME || lx->passed == '.' || peek(lx, 1)->kind != T_NAME) return false;
    if (!t->line_start && lx->passed != '}' && lx->passed != ';') return false;
    int kind = word_kind(t->text);
    return kind == T_NET || kind == T_BLOCK || kind == T_MUTATION || kind == T_IMPORT;
}

static void report_unclosed(struct ncr_lexer *lx, const struct ncr_token *next)
{
    uint32_t i = lx->open.n - 1;
    while (i > 0 && lx->open.at[i].kind != '{')
        i--;
    struct ncr_bracket b = lx->open.at[i];
    struct ncr_diag *d =
        NCR_DIAG(lx->diags, UNCLOSED, ncr_lexer_span(lx, b.begin, b.begin + 1), b.kind);
    if (next->kind == T_NAME)
        ncr_diag_note(lx->diags, d, ncr_lexer_span(lx, next->begin, next->end),
                      "a declaration begins before its end,");
}

static void made_up(struct ncr_token *out, int kind, uint32_t at)
{
    *out = (struct ncr_token){.kind = kind, .begin = at, .end = at};
}

// Whether parsing can go on with t after an error: at the end of the statement it was in.
static bool goes_on(struct ncr_lexer *lx, struct ncr_token *t)
{
    uint32_t n = braces(lx);
    if (t->kind == ';') return n == lx->skip_braces;
    if (t->kind != '}') return false;
    if (n < lx->skip_braces) return true;
    if (n == 0 && lx->skip_braces == 0) { // the end of an item, with its `;` where it has one
        if (peek(lx, 0)->kind == ';') drop(lx, 1);
        return true;
    }
    // A statement with a block ends here if what follows begins a line and cannot go on with it.
    const struct ncr_token *next = peek(lx, 0);
    if (n > lx->skip_braces || !next->line_start) return false;
    if (next->kind != '@' &&
        (next->kind != T_NAME || is_word(lx, 0, "else") || is_word(lx, 0, "with")))
        return false;
    t->kind = ';';
    return true;
}

void ncr_lexer_recover(struct ncr_lexer *lx)
{
    int kind = lx->last.kind;
    if (lx->closing || kind == T_YYEOF) return;
    // `;` and `}` are themselves where it goes on; but the head of a net still has its body after a
    // `;`.
    lx->skipping = lx->in_head || (kind != ';' && kind != '}');
    lx->in_head = false;
    lx->skip_braces = braces(lx) - (kind == '{' && lx->open.n);
}

static void next(struct ncr_lexer *lx, struct ncr_token *out)
{
    for (;;) {
        if (lx->stopped) {
            made_up(out, T_YYEOF, lx->source.n);
            return;
        }
        const struct ncr_token *front = peek(lx, 0);
        if (lx->closing && lx->open.n) {
            int open = lx->open.at[--lx->open.n].kind;
            made_up(out, open == '{' ? '}' : open == '(' ? ')' : ']', front->begin);
            return;
        }
        lx->closing = false;
        if (lx->last.cut_short || front->cut_short) lx->quiet_at = front->begin;
        bool boundary = front->kind == T_YYEOF || at_declaration(lx);
        if (boundary && lx->open.n) {
            if (!lx->skipping && lx->quiet_at != front->begin) report_unclosed(lx, front);
            lx->quiet_at = front->begin;
            lx->closing = true;
            lx->skipping = false;
            continue;
        }
        if (boundary && lx->skipping) {
            lx->skipping = false;
            lx->quiet_at = front->begin;
            made_up(out, ';', front->begin);
            return;
        }
        filtered(lx, out);
        track(lx, out);
        if (lx->stopped) continue;
        if (!lx->skipping) break;
        if (!goes_on(lx, out)) continue;
        lx->skipping = false;
        lx->quiet_at = out->begin; // an error here comes from what was skipped
        return;
    }
    if (out->kind == T_NCR_YYerror) { // the parser is not told the reason, and recovers at once
        lx->skipping = true;
        lx->skip_braces = braces(lx);
    }
}

int ncr_lexer_next(struct ncr_lexer *lx, struct ncr_token *out)
{
    if (lx->start) {
        made_up(out, lx->start, 0);
        lx->start = 0;
        return out->kind;
    }
    next(lx, out);
    lx->before = lx->last;
    lx->last = *out;
    return out->kind;
}
