// Private to the formatter: its state, and what fmt.c (expressions, comments) and fmt_item.c
// (items, statements, records) call of each other.
#ifndef NCR_LANG_FMT_INTERNAL_H
#define NCR_LANG_FMT_INTERNAL_H

#include "lang/ast.h"

struct ncr_fmt {
    struct ncr_buf *out;
    const struct ncr_sources *sources;
    uint32_t file;
    const struct ncr_comment *comments;
    uint32_t n_comments, next_comment; // the first one not yet printed
    uint32_t indent;
    size_t line_start; // where the current line begins in out
    bool flat;         // everything on one line, to measure
};

void ncr_fmt_newline(struct ncr_fmt *f);
uint32_t ncr_fmt_line(const struct ncr_fmt *f, uint32_t offset);
bool ncr_fmt_has_comment(const struct ncr_fmt *f, uint32_t begin, uint32_t end);
// First byte of a node with its annotations.
uint32_t ncr_fmt_begin(const struct ncr_ast *a);
// Starts the line of what begins at `begin`: comments before it, one blank line where there was
// one.
void ncr_fmt_before(struct ncr_fmt *f, uint32_t begin, uint32_t previous, bool first);
// Comments up to `end`, behind the last line.
void ncr_fmt_rest(struct ncr_fmt *f, uint32_t end, uint32_t previous);
void ncr_fmt_annots(struct ncr_fmt *f, const struct ncr_ast *a);
void ncr_fmt_expr(struct ncr_fmt *f, const struct ncr_ast *a);
void ncr_fmt_param(struct ncr_fmt *f, const struct ncr_ast *a);
void ncr_fmt_gene(struct ncr_fmt *f, const struct ncr_ast *gene);
void ncr_fmt_block(struct ncr_fmt *f, const struct ncr_ast *block);
void ncr_fmt_statement(struct ncr_fmt *f, const struct ncr_ast *a);
void ncr_fmt_item(struct ncr_fmt *f, const struct ncr_ast *a);

#endif
