// Between text and grammar: the scanner's raw tokens, and the filter that gives the parser its
// tokens. Private to lang/. Tokens are made one by one as the parser asks, so that the memory of a
// text is that of its tree.
#ifndef NCR_LANG_LEX_H
#define NCR_LANG_LEX_H

#include "lang/ast.h"
#include "lang/base/vec.h"

struct ncr_token {
    int kind; // a token of the grammar; the scanner gives T_NAME for every word
    uint32_t begin, end;
    struct ncr_str text; // words and labels: the word; strings: the value; quantities: the unit
    int64_t i;           // integers
    double f;            // all numbers
    bool is_int;         // numbers: written without point and exponent
    bool line_start;     // a line end lies before this token
    bool cut_short; // a string or comment that has no end: what follows is likely wrong as well
    uint32_t name_begin, name_end; // labels: the word; annotations: the word; quantities: the unit
};

// The joined `///` lines before the token at `begin`.
struct ncr_doc {
    uint32_t begin;
    struct ncr_str text;
};

struct ncr_bracket {
    int kind; // '{', '(' or '['
    uint32_t begin;
};

// A quantity is the longest thing that is recognised: 1 GB/s per bit, and what follows it.
enum { NCR_LEX_WINDOW = 8 };

struct ncr_lexer {
    struct ncr_arena *arena;
    struct ncr_diags *diags;
    uint32_t file;
    struct ncr_str source;

    // scanner
    void *scanner;
    uint32_t begin, end;     // of the current match
    uint32_t open_at, depth; // of the comment or string being read
    NCR_VEC(char) string;
    NCR_VEC(struct ncr_comment) comments;
    NCR_VEC(struct ncr_doc) docs;
    struct ncr_str doc; // `///` lines since the last token
    bool line_start;    // a line end was seen since the last token

    // filter
    struct ncr_token window[NCR_LEX_WINDOW];
    uint32_t window_at, window_n;
    NCR_VEC(struct ncr_bracket) open; // brackets that are open, outermost first
    int start;                        // pseudo token that selects what is parsed; 0 once given
    struct ncr_token before, last;    // the last two tokens given to the parser
    int passed;                       // kind of the last token taken, given or skipped
    uint32_t left_open; // `(` or `[` that the last `;` or `}` found open; UINT32_MAX: none
    bool in_head;       // between `net`, `block` or `mutation` and its `{` or `=`
    bool stopped;       // a limit was passed: only the end of the file is given

    // recovery
    bool skipping;        // look for the place to go on
    uint32_t skip_braces; // open `{` there
    bool closing;         // brackets that the user left open are being closed
    uint32_t
        quiet_at; // errors at this offset are consequences of what was reported; UINT32_MAX: none
};

// Starts on file `file` of the source map; start is 0 or the grammar's pseudo token. A text that
// cannot be read at all (too large, not UTF-8) is reported, and only the end of the file is given.
void ncr_lexer_init(struct ncr_lexer *lexer, struct ncr_arena *arena, struct ncr_diags *diags,
                    uint32_t file, int start);
// The next token for the parser; also in lexer->last.
int ncr_lexer_next(struct ncr_lexer *lexer, struct ncr_token *out);
// After an error at the last token: goes on at the next `;` or `}` of its level, or before the next
// declaration.
void ncr_lexer_recover(struct ncr_lexer *lexer);
// A limit was passed: nothing but the end of the file from now on, and no message about it.
void ncr_lexer_stop(struct ncr_lexer *lexer);
// The doc comment before the token at `begin`; empty where there is none.
struct ncr_str ncr_lexer_doc(const struct ncr_lexer *lexer, uint32_t begin);
// How a token kind is called in messages: "name", "`;`", "end of file" (parse.y).
const char *ncr_token_name(int kind);
bool ncr_token_is_reserved(int kind);

static inline struct ncr_span ncr_lexer_span(const struct ncr_lexer *lexer, uint32_t begin,
                                             uint32_t end)
{
    return (struct ncr_span){lexer->file, begin, end};
}

static inline struct ncr_str ncr_lexer_text(const struct ncr_lexer *lexer, uint32_t begin,
                                            uint32_t end)
{
    return (struct ncr_str){lexer->source.s + begin, end - begin};
}

// -- the scanner (scan.l) --
void ncr_scanner_init(struct ncr_lexer *lexer);
void ncr_scanner_next(struct ncr_lexer *lexer, struct ncr_token *out);

// -- values of tokens, called by the scanner (lex_value.c); all report what is wrong --
void ncr_lex_int(struct ncr_lexer *lexer, struct ncr_token *token);
// The number in front of `end`, times 10^shift, rounded once: 99.9% is the double nearest to 0.999.
void ncr_lex_float(struct ncr_lexer *lexer, struct ncr_token *token, uint32_t end, int shift);
void ncr_lex_put(struct ncr_lexer *lexer, const char *bytes, uint32_t n);
void ncr_lex_escape(struct ncr_lexer *lexer);
void ncr_lex_comment(struct ncr_lexer *lexer, uint32_t begin, uint32_t end);
void ncr_lex_bad_character(struct ncr_lexer *lexer, const struct ncr_token *token);
// False, after a message, where the text is not UTF-8 or has a NUL.
bool ncr_lex_is_text(struct ncr_lexer *lexer);

// -- units (lex_unit.c) --
bool ncr_lex_is_unit(struct ncr_str text);
// Whether "/s" may follow the unit: it measures information.
bool ncr_lex_unit_has_rate(struct ncr_str text);
// The unit that was probably meant by a word that is none; empty where none is near.
struct ncr_str ncr_lex_unit_nearest(struct ncr_str text);

#endif
