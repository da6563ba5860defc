// Nodes and lists of nodes for the grammar's actions.
#include "lang/grammar.h"

static void report_depth(struct ncr_parse *p, struct ncr_span span)
{
    if (!p->too_deep) NCR_DIAG(p->lexer.diags, TOO_DEEP, span, (unsigned)NCR_LIMIT_DEPTH);
    p->too_deep = true;
    ncr_lexer_stop(&p->lexer);
}

struct ncr_ast *ncr_node_new(struct ncr_parse *p, enum ncr_ast_kind kind, struct ncr_place place,
                             size_t n, struct ncr_ast **kids)
{
    struct ncr_ast *node = NCR_NEW(p->lexer.arena, struct ncr_ast);
    node->kind = kind;
    node->span = node->name_span = ncr_lexer_span(&p->lexer, place.begin, place.end);
    node->text = node->doc = (struct ncr_str){"", 0};
    node->n_kids = (uint32_t)n;
    if (n) node->kid = ncr_arena_copy(p->lexer.arena, kids, n * sizeof *kids);
    node->depth = 1;
    for (size_t i = 0; i < n; i++)
        if (kids[i] && kids[i]->depth >= node->depth) node->depth = kids[i]->depth + 1;
    if (node->depth > NCR_LIMIT_DEPTH) report_depth(p, node->span);
    return node;
}

struct ncr_ast *ncr_node_list(struct ncr_parse *p, enum ncr_ast_kind kind, struct ncr_place place,
                              struct ncr_ast *head, const struct ncr_list *list)
{
    if (!head) return ncr_node_new(p, kind, place, list->n, list->at);
    struct ncr_list all = {0};
    ncr_list_add(p, &all, head);
    for (uint32_t i = 0; i < list->n; i++)
        ncr_list_add(p, &all, list->at[i]);
    return ncr_node_new(p, kind, place, all.n, all.at);
}

struct ncr_ast *ncr_node_extend(struct ncr_parse *p, struct ncr_ast *node, struct ncr_ast *kid,
                                struct ncr_place place)
{
    struct ncr_list all = {0};
    for (uint32_t i = 0; i < node->n_kids; i++)
        ncr_list_add(p, &all, node->kid[i]);
    ncr_list_add(p, &all, kid);
    struct ncr_ast *longer = ncr_node_new(p, node->kind, place, all.n, all.at);
    longer->text = node->text;
    longer->name_span = node->name_span;
    return longer;
}

struct ncr_ast *ncr_node_name(struct ncr_ast *node, struct ncr_str text, struct ncr_place place)
{
    node->text = text;
    node->name_span.begin = place.begin;
    node->name_span.end = place.end;
    return node;
}

struct ncr_ast *ncr_node_op(struct ncr_ast *node, enum ncr_ast_op op, struct ncr_place place)
{
    node->op = op;
    node->name_span.begin = place.begin;
    node->name_span.end = place.end;
    return node;
}

struct ncr_ast *ncr_node_annotate(struct ncr_ast *node, const struct ncr_list *annots)
{
    node->annots = annots->at;
    node->n_annots = annots->n;
    for (uint32_t i = 0; i < annots->n; i++)
        if (annots->at[i]->depth >= node->depth) node->depth = annots->at[i]->depth + 1;
    return node;
}

struct ncr_ast *ncr_node_doc(struct ncr_parse *p, struct ncr_ast *node, struct ncr_place place)
{
    node->doc = ncr_lexer_doc(&p->lexer, place.begin);
    return node;
}

struct ncr_ast *ncr_node_literal(struct ncr_parse *p, enum ncr_ast_kind kind,
                                 const struct ncr_token *token)
{
    struct ncr_place place = {token->begin, token->end};
    struct ncr_ast *node = ncr_node_new(p, kind, place, 0, NULL);
    if (kind == NCR_AST_QUANTITY)
        ncr_node_name(node, token->text, (struct ncr_place){token->name_begin, token->name_end});
    if (kind == NCR_AST_STRING) node->text = token->text;
    node->is_int = token->is_int;
    node->value.i = token->i;
    node->value.f = token->f;
    return node;
}

struct ncr_list *ncr_list_new(struct ncr_parse *p)
{
    return NCR_NEW(p->lexer.arena, struct ncr_list);
}

struct ncr_list *ncr_list_add(struct ncr_parse *p, struct ncr_list *list, struct ncr_ast *node)
{
    ncr_vec_push(p->lexer.arena, list, node);
    return list;
}
