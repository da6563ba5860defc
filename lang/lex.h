// Between text and grammar: the token list of a file. Private to lang/.
// Scanner (scan.l) and filter (filter.c) turn a text into tokens; the parser reads them one by one.
#ifndef NCR_LANG_LEX_H
#define NCR_LANG_LEX_H

#include "lang/ast.h"
#include "lang/base/vec.h"

struct ncr_token {
    int kind; // of the grammar
    uint32_t begin, end;
    struct ncr_str text; // words and labels: the word; strings: the value; quantities: the unit;
                         // else the source text
    int64_t i;
    double f;
    bool is_int;
    uint32_t name_end; // labels: end of the word
    struct ncr_str doc;
};

struct ncr_lexer {
    struct ncr_arena *arena;
    struct ncr_diags *diags;
    uint32_t file;
    struct ncr_str source;
    NCR_VEC(struct ncr_token) tokens; // the last one is the end of the file
    NCR_VEC(struct ncr_comment) comments;
    uint32_t begin, end; // of the scanner's current match
    uint32_t open_at, depth;
    NCR_VEC(char) string;
    struct ncr_str doc; // `///` lines since the last token
    uint32_t next;      // for the parser
    bool failed;        // an error was reported
};

// All tokens of the file; lexical errors are reported, their tokens left out.
void ncr_lex(struct ncr_lexer *lexer, struct ncr_arena *arena, struct ncr_diags *diags,
             uint32_t file);
// The scanner alone: raw tokens, every word a name.
void ncr_scan_all(struct ncr_lexer *lexer);
bool ncr_unit_is(struct ncr_str text);
// How a token kind is called in messages: "name", "`;`", "end of file".
const char *ncr_token_name(int kind);

// Called by the scanner.
void ncr_lex_token(struct ncr_lexer *lexer, int kind);
void ncr_lex_number(struct ncr_lexer *lexer, int kind, uint32_t end);
void ncr_lex_comment(struct ncr_lexer *lexer, uint32_t begin, uint32_t end);
void ncr_lex_put(struct ncr_lexer *lexer, const char *bytes, uint32_t n);
void ncr_lex_escape(struct ncr_lexer *lexer);
void ncr_lex_string(struct ncr_lexer *lexer);
void ncr_lex_bad(struct ncr_lexer *lexer);

static inline struct ncr_span ncr_lex_span(const struct ncr_lexer *lexer, uint32_t begin,
                                           uint32_t end)
{
    return (struct ncr_span){lexer->file, begin, end};
}

#endif
