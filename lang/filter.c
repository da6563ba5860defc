// Raw tokens to the grammar's tokens: labels, quantities, reserved words, words that are keywords
// in their place. Two tokens of lookahead, no word from the parser.
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "lang/lex.h"
#include "parse.h"

bool ncr_unit_is(struct ncr_str text)
{
    static const char *const units[] = {
#define NCR_UNIT_ROW(text, ...) text,
#include "lang/unit.def"
#undef NCR_UNIT_ROW
    };
    for (size_t i = 0; i < NCR_COUNT(units); i++)
        if (ncr_str_is(text, units[i])) return true;
    return false;
}

// ---- called by the scanner ----

static struct ncr_str source_text(const struct ncr_lexer *lx, uint32_t begin, uint32_t end)
{
    return (struct ncr_str){lx->source.s + begin, end - begin};
}

static struct ncr_token *add(struct ncr_lexer *lx, int kind, uint32_t begin)
{
    struct ncr_token *t = ncr_vec_add(lx->arena, &lx->tokens);
    *t = (struct ncr_token){.kind = kind, .begin = begin, .end = lx->end, .doc = lx->doc};
    t->text = source_text(lx, begin, lx->end);
    lx->doc = (struct ncr_str){"", 0};
    return t;
}

void ncr_lex_token(struct ncr_lexer *lx, int kind)
{
    add(lx, kind, lx->begin);
}

void ncr_lex_number(struct ncr_lexer *lx, int kind, uint32_t end)
{
    struct ncr_token *t = add(lx, kind, lx->begin);
    char *digits = ncr_arena_alloc(lx->arena, end - lx->begin + 4), *out = digits;
    for (uint32_t i = lx->begin; i < end; i++)
        if (lx->source.s[i] != '_') *out++ = lx->source.s[i];
    *out = 0;
    bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    errno = 0;
    if (kind == T_INT) {
        unsigned long long v = strtoull(hex ? digits + 2 : digits, NULL, hex ? 16 : 10);
        if (errno || v > INT64_MAX) {
            NCR_DIAG(lx->diags, INT_TOO_LARGE, ncr_lex_span(lx, t->begin, t->end), digits);
            lx->failed = true;
            v = 1;
        }
        t->i = (int64_t)v;
        t->f = (double)v;
        t->is_int = true;
        return;
    }
    t->f = strtod(digits, NULL);
    if (kind == T_PERCENT) {
        // 99.9% is the double nearest to 0.999, which 99.9 / 100 is not.
        if (strpbrk(digits, "eE")) {
            t->f /= 100;
        } else {
            memcpy(out, "e-2", 4);
            t->f = strtod(digits, NULL);
            *out = 0;
        }
    }
    if (!isfinite(t->f)) {
        NCR_DIAG(lx->diags, FLOAT_RANGE, ncr_lex_span(lx, t->begin, t->end), digits);
        lx->failed = true;
        t->f = 1;
    }
}

void ncr_lex_comment(struct ncr_lexer *lx, uint32_t begin, uint32_t end)
{
    while (end > begin && lx->source.s[end - 1] == '\r')
        end--;
    uint32_t i = begin;
    while (i > 0 && (lx->source.s[i - 1] == ' ' || lx->source.s[i - 1] == '\t'))
        i--;
    struct ncr_comment c = {ncr_lex_span(lx, begin, end), i == 0 || lx->source.s[i - 1] == '\n'};
    ncr_vec_push(lx->arena, &lx->comments, c);
    struct ncr_str text = source_text(lx, begin, end);
    bool doc = text.n >= 3 && memcmp(text.s, "///", 3) == 0 && !(text.n > 3 && text.s[3] == '/');
    if (!doc) return;
    uint32_t skip = text.n > 3 && text.s[3] == ' ' ? 4 : 3;
    struct ncr_str line = {text.s + skip, text.n - skip};
    lx->doc = lx->doc.n
                  ? ncr_str_fmt(lx->arena, "%.*s\n%.*s", NCR_STR_ARG(lx->doc), NCR_STR_ARG(line))
                  : ncr_str_dup(lx->arena, line);
}

void ncr_lex_put(struct ncr_lexer *lx, const char *bytes, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        ncr_vec_push(lx->arena, &lx->string, bytes[i]);
}

static void put_utf8(struct ncr_lexer *lx, uint32_t c)
{
    char out[4];
    uint32_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    if (n == 1) {
        out[0] = (char)c;
    } else {
        for (uint32_t i = n; i-- > 1; c >>= 6)
            out[i] = (char)(0x80 | (c & 0x3F));
        out[0] = (char)((0xF00 >> n) | c);
    }
    ncr_lex_put(lx, out, n);
}

void ncr_lex_escape(struct ncr_lexer *lx)
{
    struct ncr_str text = source_text(lx, lx->begin, lx->end);
    char c = text.s[1];
    if (c == 'n' || c == 't' || c == '"' || c == '\\') {
        char plain = (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c);
        ncr_lex_put(lx, &plain, 1);
        return;
    }
    uint32_t v = 0, digits = 0;
    bool ok = c == 'u' && text.n > 4 && text.s[2] == '{' && text.s[text.n - 1] == '}';
    for (uint32_t i = 3; ok && i + 1 < text.n; i++, digits++) {
        char d = text.s[i];
        int h = d >= '0' && d <= '9'   ? d - '0'
                : d >= 'a' && d <= 'f' ? d - 'a' + 10
                : d >= 'A' && d <= 'F' ? d - 'A' + 10
                                       : -1;
        ok = h >= 0 && digits < 6;
        v = v * 16 + (uint32_t)h;
    }
    if (ok && v <= 0x10FFFF && !(v >= 0xD800 && v <= 0xDFFF) && v != 0) {
        put_utf8(lx, v);
        return;
    }
    NCR_DIAG(lx->diags, BAD_ESCAPE, ncr_lex_span(lx, lx->begin, lx->end),
             ncr_str_dup(lx->arena, text).s);
    lx->failed = true;
}

void ncr_lex_string(struct ncr_lexer *lx)
{
    struct ncr_token *t = add(lx, T_STRING, lx->open_at);
    t->text = ncr_str_dup(lx->arena, (struct ncr_str){lx->string.at, lx->string.n});
}

void ncr_lex_bad(struct ncr_lexer *lx)
{
    struct ncr_str text = source_text(lx, lx->begin, lx->end);
    unsigned char c = (unsigned char)text.s[0];
    struct ncr_str shown = c < 0x20 || c == 0x7F
                               ? ncr_str_fmt(lx->arena, "0x%02X", c)
                               : ncr_str_fmt(lx->arena, "`%.*s`", NCR_STR_ARG(text));
    NCR_DIAG(lx->diags, BAD_CHARACTER, ncr_lex_span(lx, lx->begin, lx->end), shown.s);
    lx->failed = true;
}

// ---- the filter ----

static const struct {
    const char *word;
    int kind;
} reserved[] = {{"import", T_IMPORT},
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
                {"false", T_FALSE}};

// Words that are keywords where a statement begins and a name follows.
static const struct {
    const char *word;
    int kind;
} edits[] = {{"insert", T_INSERT}, {"replace", T_REPLACE}, {"remove", T_REMOVE},  {"set", T_SET},
             {"redraw", T_REDRAW}, {"step", T_STEP_STMT},  {"inherit", T_INHERIT}};

// Words that are keywords right after an operand, where nothing else could be a name.
static const struct {
    const char *word;
    int kind;
} suffixes[] = {{"step", T_STEP}, {"pow2", T_POW2},     {"of", T_OF},
                {"by", T_BY},     {"weight", T_WEIGHT}, {"bounded", T_BOUNDED}};

static bool ends_operand(int kind)
{
    return kind == T_NAME || kind == T_INT || kind == T_FLOAT || kind == T_PERCENT ||
           kind == T_QUANTITY || kind == T_STRING || kind == ')' || kind == ']' || kind == '}' ||
           kind == T_THIS || kind == T_TRUE || kind == T_FALSE || kind == T_POW2;
}

static bool is_number(int kind)
{
    return kind == T_INT || kind == T_FLOAT;
}

struct filter {
    struct ncr_lexer *lx;
    struct ncr_token *raw;
    uint32_t n, at;
    int last;       // kind given last
    uint32_t level; // of brackets
};

static const struct ncr_token *peek(const struct filter *f, uint32_t k)
{
    return &f->raw[f->at + k < f->n ? f->at + k : f->n - 1];
}

// A number and its unit, "64 KiB", "1.9 GB/s", "1e-6 per bit"; false when the word after it is no
// unit.
static bool quantity(struct filter *f, struct ncr_token *out)
{
    const struct ncr_token *number = peek(f, 0), *unit = peek(f, 1);
    if (!is_number(number->kind) || unit->kind != T_NAME || peek(f, 2)->kind == ':') return false;
    bool per =
        ncr_str_is(unit->text, "per") && peek(f, 2)->kind == T_NAME && peek(f, 3)->kind != ':';
    if (!per && !ncr_unit_is(unit->text)) return false;
    *out = *number;
    out->kind = T_QUANTITY;
    uint32_t used = 2, end = unit->end;
    struct ncr_str text = unit->text;
    if (per) {
        end = peek(f, 2)->end;
        text = ncr_str_fmt(f->lx->arena, "per %.*s", NCR_STR_ARG(peek(f, 2)->text));
        used = 3;
    } else if (peek(f, 2)->kind == '/' && peek(f, 2)->begin == unit->end &&
               peek(f, 3)->begin == unit->end + 1 &&
               ncr_str_is(peek(f, 3)->text, "s")) { // no blanks: a rate, not a division
        end = peek(f, 3)->end;
        text = ncr_str_fmt(f->lx->arena, "%.*s/s", NCR_STR_ARG(unit->text));
        used = 4;
    } else if (ncr_str_is(peek(f, 2)->text, "per") && peek(f, 2)->kind == T_NAME &&
               peek(f, 3)->kind == T_NAME && peek(f, 4)->kind != ':') {
        end = peek(f, 3)->end;
        text = ncr_str_fmt(f->lx->arena, "%.*s per %.*s", NCR_STR_ARG(unit->text),
                           NCR_STR_ARG(peek(f, 3)->text));
        used = 4;
    }
    out->text = text;
    out->end = end;
    f->at += used;
    return true;
}

static int keyword(const struct filter *f)
{
    const struct ncr_token *word = peek(f, 0), *next = peek(f, 1);
    if (f->last == '.' || f->last == '@') return T_NAME; // any word may follow
    for (size_t i = 0; i < NCR_COUNT(reserved); i++)
        if (ncr_str_is(word->text, reserved[i].word)) return reserved[i].kind;
    bool statement = f->last == '{' || f->last == ';' || f->last == '}' || f->last == 0;
    if (statement && f->level > 0 && (next->kind == T_NAME || next->kind == T_THIS))
        for (size_t i = 0; i < NCR_COUNT(edits); i++)
            if (ncr_str_is(word->text, edits[i].word)) return edits[i].kind;
    if (f->last == T_INSERT &&
        (ncr_str_is(word->text, "after") || ncr_str_is(word->text, "before")))
        return T_AFTER;
    if (f->last == T_OF && ncr_str_is(word->text, "ordered")) return T_ORDERED;
    if (f->last == T_INT && ncr_str_is(word->text, "x") && next->kind == T_INT) return T_BY_X;
    if (!statement && ends_operand(f->last) && next->kind != '{' && next->kind != '=')
        for (size_t i = 0; i < NCR_COUNT(suffixes); i++)
            if (ncr_str_is(word->text, suffixes[i].word)) return suffixes[i].kind;
    return T_NAME;
}

static void give(struct filter *f, struct ncr_token t)
{
    if (t.kind == '(' || t.kind == '[' || t.kind == '{') f->level++;
    if ((t.kind == ')' || t.kind == ']' || t.kind == '}') && f->level) f->level--;
    f->last = t.kind;
    ncr_vec_push(f->lx->arena, &f->lx->tokens, t);
}

void ncr_lex(struct ncr_lexer *lx, struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file)
{
    *lx = (struct ncr_lexer){.arena = arena, .diags = diags, .file = file, .doc = {"", 0}};
    lx->source = ncr_sources_text(diags->sources, file);
    if (lx->source.n > NCR_LIMIT_FILE_BYTES) {
        NCR_DIAG(diags, FILE_TOO_LARGE, ncr_lex_span(lx, 0, 0), lx->source.n,
                 (unsigned)NCR_LIMIT_FILE_BYTES);
        lx->failed = true;
        lx->source.n = 0;
    }
    ncr_scan_all(lx);
    lx->end = lx->source.n;
    add(lx, T_YYEOF, lx->end);
    struct filter f = {.lx = lx, .raw = lx->tokens.at, .n = lx->tokens.n};
    lx->tokens.at = NULL;
    lx->tokens.n = lx->tokens.cap = 0;
    while (f.at < f.n) {
        struct ncr_token t = *peek(&f, 0);
        if (quantity(&f, &t)) {
            give(&f, t);
            continue;
        }
        if (t.kind == T_NAME && peek(&f, 1)->kind == ':') {
            t.kind = T_LABEL;
            t.name_end = t.end;
            t.end = peek(&f, 1)->end;
            f.at++;
        } else if (t.kind == T_NAME) {
            t.kind = keyword(&f);
        }
        f.at++;
        give(&f, t);
    }
}
