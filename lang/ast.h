// Syntax tree: one node type; what each kind holds is the table ast.def. Built by the parser, then read only.
// Nodes, strings and kid arrays live in the arena given to the parser.
#ifndef NCR_LANG_AST_H
#define NCR_LANG_AST_H

#include "lang/base/diag.h"

enum ncr_ast_kind {
#define NCR_AST_ROW(NAME, name, text, kids) NCR_AST_##NAME,
#include "lang/ast.def"
#undef NCR_AST_ROW
    NCR_AST_COUNT_
};

enum ncr_ast_op {
    NCR_AST_NO_OP,
    NCR_AST_ARROW, // a -> b
    NCR_AST_OR,
    NCR_AST_AND,
    NCR_AST_EQ,
    NCR_AST_NE,
    NCR_AST_LT,
    NCR_AST_LE,
    NCR_AST_GT,
    NCR_AST_GE,
    NCR_AST_PIPE,     // x |> f
    NCR_AST_RANGE_OP, // a..b
    NCR_AST_RANGE_EQ, // a..=b
    NCR_AST_SHL,      // << shift
    NCR_AST_SHR,      // >> shift or composition, decided by type
    NCR_AST_ADD,
    NCR_AST_SUB,
    NCR_AST_MUL,
    NCR_AST_DIV,
    NCR_AST_MOD,
    NCR_AST_NEG,
    NCR_AST_NOT,
};

struct ncr_ast {
    enum ncr_ast_kind kind;
    enum ncr_ast_op op;
    uint32_t depth; // 1 + the deepest kid; bounded by NCR_LIMIT_DEPTH
    bool flag;      // RANGE: pow2. CHOOSE_OF: ordered
    bool repeated;  // CHOOSE_OF: with repetition
    bool is_int;    // QUANTITY: the number was written without point or exponent
    struct ncr_span span, name_span; // the whole node; the name, label or operator in it
    struct ncr_str text;
    struct {
        int64_t i;
        double f;
    } value;
    struct ncr_str doc;      // joined text of the `///` lines before an item; empty: none
    struct ncr_ast **annots; // ANNOT nodes written before this node
    uint32_t n_annots;
    struct ncr_ast **kid;
    uint32_t n_kids;
};

// Limits that the language states; each has its own diagnostic (specification, chapter "Limits").
enum {
    NCR_LIMIT_FILE_BYTES = 4 << 20,
    NCR_LIMIT_DEPTH = 256,
    NCR_LIMIT_IMPORTS = 256,
    NCR_LIMIT_NODES = 100000,      // nodes of one unrolled graph
    NCR_LIMIT_EVAL_STEPS = 20000000, // evaluation steps of one elaboration
    NCR_LIMIT_CHECK_STEPS = 60000000,  // of all elaborations of one check
    NCR_LIMIT_LIST = 1000000,      // items of a list or range that is walked
    NCR_LIMIT_PARAMS = 256,        // parameters, tensors and outputs of a block or net, each
    NCR_LIMIT_CALL_DEPTH = 200,    // nested block applications
};

struct ncr_comment {
    struct ncr_span span; // with its markers, without the line end
    bool own_line;        // nothing but blanks before it on its line
};

struct ncr_syntax {
    uint32_t file;        // id in the source map
    struct ncr_ast *root; // FILE; never NULL, but incomplete where errors were reported
    struct ncr_comment *comments;
    uint32_t n_comments;
};

const char *ncr_ast_kind_name(enum ncr_ast_kind kind);
const char *ncr_ast_op_text(enum ncr_ast_op op); // ">>", "|>", …

// Parses file `file` of the source map. Errors go to diags; the tree is what could be recovered.
struct ncr_syntax *ncr_parse(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file);
// Parses a genotype file: root is a GENOTYPE, or NULL after errors.
struct ncr_syntax *ncr_parse_genotype(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file);
// Parses one expression, as in --set and --fail-on; NULL after errors.
struct ncr_ast *ncr_parse_expr(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file);

// A word that the grammar knows, reserved or in some places only: what is printed as a program avoids them as names.
bool ncr_word_is_keyword(struct ncr_str text);

// Text form of the tree (one node a line, indented) for `emit --stage ast`.
void ncr_ast_dump(const struct ncr_ast *node, struct ncr_buf *out);
// Same kinds, texts, values and kids, whatever the spans.
bool ncr_ast_equal(const struct ncr_ast *a, const struct ncr_ast *b);
// Canonical source text with comments kept (`nacre fmt`). The tree must be free of errors.
void ncr_fmt(const struct ncr_syntax *syntax, const struct ncr_sources *sources, struct ncr_buf *out);
// One token a line: position, kind, text (`emit --stage tokens`).
void ncr_tokens_dump(struct ncr_diags *diags, uint32_t file, struct ncr_buf *out);

#endif
