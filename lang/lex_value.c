// What the scanner's matches stand for: the values of numbers and strings, comments and doc
// comments; and what cannot be a token.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lang/lex.h"

void ncr_lex_int(struct ncr_lexer *lx, struct ncr_token *token)
{
    struct ncr_str text = ncr_lexer_text(lx, lx->begin, lx->end);
    bool hex = text.n > 1 && (text.s[1] == 'x' || text.s[1] == 'X');
    int64_t v = 0;
    bool ok = true;
    for (uint32_t i = hex ? 2 : 0; i < text.n && ok; i++) {
        char c = text.s[i];
        if (c == '_') continue;
        int digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        ok = ncr_mul_i64(v, hex ? 16 : 10, &v) && ncr_add_i64(v, digit, &v);
    }
    if (!ok) {
        NCR_DIAG(lx->diags, INT_TOO_LARGE, ncr_lexer_span(lx, lx->begin, lx->end),
                 ncr_str_dup(lx->arena, text).s);
        v = 1;
    }
    token->i = v;
    token->f = (double)v;
    token->is_int = true;
}

// The decimal exponent at [i, end), kept so small that a shift of it cannot overflow.
static int exponent(const char *s, uint32_t i, uint32_t end)
{
    int v = 0;
    bool negative = s[i] == '-';
    for (i += s[i] == '-' || s[i] == '+'; i < end; i++)
        if (v < 100000) v = v * 10 + (s[i] - '0');
    return negative ? -v : v;
}

void ncr_lex_float(struct ncr_lexer *lx, struct ncr_token *token, uint32_t end, int shift)
{
    struct ncr_arena_mark mark = ncr_arena_mark(lx->arena);
    char sample[16]; // the C library reads the decimal point of the locale
    snprintf(sample, sizeof sample, "%.1f", 0.5);
    size_t point = strlen(sample) - 2;
    char *digits = ncr_arena_alloc(lx->arena, (size_t)(end - lx->begin) + 32), *out = digits;
    uint32_t i = lx->begin;
    for (; i < end && (lx->source.s[i] | 0x20) != 'e'; i++) {
        char c = lx->source.s[i];
        if (c == '.') {
            memcpy(out, sample + 1, point);
            out += point;
        } else if (c != '_') {
            *out++ = c;
        }
    }
    snprintf(out, 16, "e%d", (i < end ? exponent(lx->source.s, i + 1, end) : 0) + shift);
    token->f = strtod(digits, NULL);
    ncr_arena_reset(lx->arena, mark);
    if (isfinite(token->f)) return;
    NCR_DIAG(lx->diags, FLOAT_RANGE, ncr_lexer_span(lx, lx->begin, lx->end),
             ncr_str_dup(lx->arena, ncr_lexer_text(lx, lx->begin, end)).s);
    token->f = 1;
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

// The character of \u{…}; 0 where it is none. NUL is none: texts end in it.
static uint32_t unicode_escape(struct ncr_str text)
{
    if (text.n < 5 || text.n > 10 || text.s[2] != '{' || text.s[text.n - 1] != '}') return 0;
    uint32_t v = 0;
    for (uint32_t i = 3; i + 1 < text.n; i++) {
        char c = text.s[i];
        if (c >= '0' && c <= '9')
            v = v * 16 + (uint32_t)(c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            v = v * 16 + (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return 0;
    }
    return v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF) ? 0 : v;
}

void ncr_lex_escape(struct ncr_lexer *lx)
{
    struct ncr_str text = ncr_lexer_text(lx, lx->begin, lx->end);
    uint32_t c = 0;
    switch (text.s[1]) {
    case 'n': c = '\n'; break;
    case 't': c = '\t'; break;
    case '"':
    case '\\': c = (unsigned char)text.s[1]; break;
    case 'u': c = unicode_escape(text); break;
    }
    if (c)
        put_utf8(lx, c);
    else
        NCR_DIAG(lx->diags, BAD_ESCAPE, ncr_lexer_span(lx, lx->begin, lx->end),
                 ncr_str_dup(lx->arena, text).s);
}

void ncr_lex_comment(struct ncr_lexer *lx, uint32_t begin, uint32_t end)
{
    const char *s = lx->source.s;
    while (end > begin && (s[end - 1] == '\r' || s[end - 1] == ' ' || s[end - 1] == '\t'))
        end--;
    uint32_t line = begin;
    while (line > 0 && (s[line - 1] == ' ' || s[line - 1] == '\t'))
        line--;
    bool own_line = line == 0 || s[line - 1] == '\n';
    struct ncr_comment comment = {ncr_lexer_span(lx, begin, end), own_line};
    ncr_vec_push(lx->arena, &lx->comments, comment);
    struct ncr_str text = ncr_lexer_text(lx, begin, end);
    bool doc = own_line && text.n >= 3 && memcmp(text.s, "///", 3) == 0;
    if (!doc || (text.n > 3 && text.s[3] == '/')) return;
    uint32_t skip = text.n > 3 && text.s[3] == ' ' ? 4 : 3;
    struct ncr_str told = {text.s + skip, text.n - skip};
    lx->doc = lx->doc.s
                  ? ncr_str_fmt(lx->arena, "%.*s\n%.*s", NCR_STR_ARG(lx->doc), NCR_STR_ARG(told))
                  : ncr_str_dup(lx->arena, told);
}

void ncr_lex_bad_character(struct ncr_lexer *lx, const struct ncr_token *token)
{
    static const struct {
        char c;
        const char *help;
    } habits[] = {{'&', "`&&` is the logical and"},
                  {'|', "`|>` applies a layer, `||` is the logical or"},
                  {'\'', "strings stand in double quotes"},
                  {'#', "a comment begins with `//`"},
                  {'?', "a choice of values is `if c { a } else { b }`"}};
    struct ncr_str text = ncr_lexer_text(lx, token->begin, token->end);
    unsigned char c = (unsigned char)text.s[0];
    struct ncr_str shown = c < 0x20 || c == 0x7F
                               ? ncr_str_fmt(lx->arena, "0x%02X", c)
                               : ncr_str_fmt(lx->arena, "`%.*s`", NCR_STR_ARG(text));
    struct ncr_diag *d =
        NCR_DIAG(lx->diags, BAD_CHARACTER, ncr_lexer_span(lx, token->begin, token->end), shown.s);
    for (size_t i = 0; i < NCR_COUNT(habits); i++)
        if (text.s[0] == habits[i].c) ncr_diag_help(lx->diags, d, "%s", habits[i].help);
}

// Bytes of the UTF-8 character at s (n bytes left); 0 where it is none: bad continuation, overlong
// form, surrogate, beyond U+10FFFF (Unicode 15, table 3-7).
static uint32_t utf8_length(const unsigned char *s, uint32_t n)
{
    uint32_t len = s[0] < 0x80   ? 1
                   : s[0] < 0xC2 ? 0
                   : s[0] < 0xE0 ? 2
                   : s[0] < 0xF0 ? 3
                   : s[0] < 0xF5 ? 4
                                 : 0;
    if (len == 0 || len > n) return 0;
    for (uint32_t i = 1; i < len; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    if (s[0] == 0xE0 && s[1] < 0xA0) return 0;
    if (s[0] == 0xED && s[1] > 0x9F) return 0;
    if (s[0] == 0xF0 && s[1] < 0x90) return 0;
    if (s[0] == 0xF4 && s[1] > 0x8F) return 0;
    return len;
}

bool ncr_lex_is_text(struct ncr_lexer *lx)
{
    const unsigned char *s = (const unsigned char *)lx->source.s;
    for (uint32_t i = 0, len; i < lx->source.n; i += len) {
        len = utf8_length(s + i, lx->source.n - i);
        if (len && s[i]) continue;
        struct ncr_span span = ncr_lexer_span(lx, i, i + 1);
        if (len)
            NCR_DIAG(lx->diags, BAD_CHARACTER, span, "0x00");
        else
            NCR_DIAG(lx->diags, BAD_UTF8, span, s[i]);
        return false;
    }
    return true;
}
