// What the grammar's actions call: nodes, lists of nodes, places. Private to lang/.
#ifndef NCR_LANG_GRAMMAR_H
#define NCR_LANG_GRAMMAR_H

#include "lang/lex.h"

// Bytes [begin, end) of the file that is parsed.
struct ncr_place {
    uint32_t begin, end;
};

struct ncr_list {
    struct ncr_ast **at;
    uint32_t n, cap;
};

struct ncr_parse {
    struct ncr_lexer lexer;
    struct ncr_ast *root;
    struct ncr_list *items; // of the file, as far as they were read
    bool too_deep;          // reported
    bool held;              // after_semicolon is the next token: a `;` was put before it
    struct ncr_token after_semicolon;
};

// A new node over place with copies of the n kid pointers. Past NCR_LIMIT_DEPTH it reports, and
// ends the input.
struct ncr_ast *ncr_node_new(struct ncr_parse *p, enum ncr_ast_kind kind, struct ncr_place place,
                             size_t n, struct ncr_ast **kids);
// The same with head (may be NULL: none) and the nodes of a list as kids.
struct ncr_ast *ncr_node_list(struct ncr_parse *p, enum ncr_ast_kind kind, struct ncr_place place,
                              struct ncr_ast *head, const struct ncr_list *list);
// One more kid at the end; the node reaches over place.
struct ncr_ast *ncr_node_extend(struct ncr_parse *p, struct ncr_ast *node, struct ncr_ast *kid,
                                struct ncr_place place);
// The three below set what they are named after, and give node back.
struct ncr_ast *ncr_node_name(struct ncr_ast *node, struct ncr_str text, struct ncr_place place);
struct ncr_ast *ncr_node_op(struct ncr_ast *node, enum ncr_ast_op op, struct ncr_place place);
struct ncr_ast *ncr_node_annotate(struct ncr_ast *node, const struct ncr_list *annots);
// Gives an item the doc comment that stands before place.
struct ncr_ast *ncr_node_doc(struct ncr_parse *p, struct ncr_ast *node, struct ncr_place place);
// The node of a number or string.
struct ncr_ast *ncr_node_literal(struct ncr_parse *p, enum ncr_ast_kind kind,
                                 const struct ncr_token *token);

struct ncr_list *ncr_list_new(struct ncr_parse *p);
struct ncr_list *ncr_list_add(struct ncr_parse *p, struct ncr_list *list, struct ncr_ast *node);

// The words between `of` and the things to choose from: bit 0 ordered, bit 1 repeated.
static inline void ncr_subset_flags(struct ncr_ast *choose, int words)
{
    choose->flag = (words & 1) != 0;
    choose->repeated = (words & 2) != 0;
}
static inline struct ncr_place ncr_place_join(struct ncr_place a, struct ncr_place b)
{
    return (struct ncr_place){a.begin, b.end};
}
// The word of a label, without its colon.
static inline struct ncr_place ncr_place_label(struct ncr_place label, struct ncr_str word)
{
    return (struct ncr_place){label.begin, label.begin + word.n};
}
// The word of an annotation, without `@`: blanks may lie between.
static inline struct ncr_place ncr_place_annot(struct ncr_place annot, struct ncr_str word)
{
    return (struct ncr_place){annot.end - word.n, annot.end};
}

// Whether the last token begins something new: a line, a statement, or it ends the block.
bool ncr_parse_begins(const struct ncr_lexer *lexer);
// Reports that `;` is missing before the last token.
void ncr_parse_report_semicolon(struct ncr_parse *p);
// Reports that the last token cannot stand where it does; expected are the n token kinds that could
// (parse_error.c).
void ncr_parse_report(struct ncr_parse *p, const int *expected, int n);

#endif
