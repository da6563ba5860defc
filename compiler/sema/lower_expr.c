// Lowers expressions; folds constants, so that what is wrong in a block that nothing uses is still
// found.
#include "compiler/sema/arith.h"
#include "compiler/sema/lower.h"

#define K(NAME) NCR_KIND_BIT(NAME)

struct ncr_code *ncr_code_new(struct ncr_lower *lo, enum ncr_code_kind kind,
                              const struct ncr_ast *ast, uint32_t n_kids, uint32_t kinds)
{
    struct ncr_code *code = NCR_NEW(lo->arena, struct ncr_code);
    code->kind = kind;
    code->op = ast->op;
    code->span = ast->span;
    code->name_span = ast->name_span.file ? ast->name_span : ast->span;
    code->n_kids = n_kids;
    code->kinds = kinds;
    code->slot = NCR_NO_SLOT;
    if (n_kids) code->kid = NCR_NEW_N(lo->arena, struct ncr_code *, n_kids);
    return code;
}

struct ncr_code *ncr_code_error(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    return ncr_code_new(lo, NCR_CODE_ERROR, ast, 0, K(ERROR));
}

void ncr_code_site(struct ncr_lower *lo, struct ncr_code *code, struct ncr_str element)
{
    code->site = ++lo->program->n_sites;
    code->text = element;
}

const struct ncr_ast *ncr_ast_bare(const struct ncr_ast *ast)
{
    while (ast->kind == NCR_AST_PAREN)
        ast = ast->kid[0];
    return ast;
}

static struct ncr_code *constant(struct ncr_lower *lo, const struct ncr_ast *ast,
                                 struct ncr_value value)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_CONST, ast, 0, 1u << value.kind);
    code->as.value = value;
    code->known_dimension = value.kind == NCR_KIND_QUANTITY;
    code->dimension = value.dimension;
    return code;
}

static bool is_error(const struct ncr_code *code)
{
    return code->kinds == K(ERROR);
}

static struct ncr_code *quantity(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_unit unit;
    struct ncr_str bad;
    if (!ncr_unit_read(ast->text, &unit, &bad)) {
        struct ncr_diag *d =
            NCR_REPORT(lo->reporter, UNKNOWN_UNIT, ast->span, ncr_show_str(lo->reporter, bad));
        struct ncr_str near = ncr_unit_nearest(bad);
        if (near.n) ncr_report_help(lo->reporter, d, "did you mean `%.*s`?", NCR_STR_ARG(near));
        return ncr_code_error(lo, ast);
    }
    double number = ast->is_int ? (double)ast->value.i : ast->value.f;
    return constant(lo, ast, ncr_value_quantity(number * unit.num / unit.den, unit.dimension));
}

// -- operators ----------------------------------------------------------------------------------

static struct ncr_code *unary(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *a = ncr_lower_expr(lo, ast->kid[0]);
    if (is_error(a)) return a;
    uint32_t wanted = ast->op == NCR_AST_NOT ? K(BOOL) : K(INT) | K(FLOAT) | K(QUANTITY);
    if (!(a->kinds & wanted)) {
        NCR_REPORT(lo->reporter, UNARY_CLASH, ast->span, ncr_ast_op_text(ast->op),
                   a->kind == NCR_CODE_CONST ? ncr_show(lo->reporter, a->as.value)
                                             : ncr_show_kinds(lo->reporter, a->kinds));
        return ncr_code_error(lo, ast);
    }
    if (a->kind == NCR_CODE_CONST) {
        struct ncr_value v;
        if (ncr_arith_unary(ast->op, a->as.value, &v) == NCR_ARITH_OK) return constant(lo, ast, v);
        struct ncr_value zero = ncr_value_int(0);
        struct ncr_operand left = {K(INT), &zero, {{0}}}, right = {a->kinds, &a->as.value, {{0}}};
        ncr_report_arith(lo->reporter, NCR_ARITH_OVERFLOW, ast->op, ast->span, &left, &right);
        return ncr_code_error(lo, ast);
    }
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_UNARY, ast, 1, a->kinds & wanted);
    code->kid[0] = a;
    code->known_dimension = a->known_dimension;
    code->dimension = a->dimension;
    return code;
}

// Folds or refuses what is already known of a op b; NULL where it has to be evaluated.
static struct ncr_code *known(struct ncr_lower *lo, const struct ncr_ast *ast, struct ncr_code *a,
                              struct ncr_code *b)
{
    struct ncr_value v = ncr_value_error();
    enum ncr_arith status = NCR_ARITH_OK;
    bool both = a->kind == NCR_CODE_CONST && b->kind == NCR_CODE_CONST;
    if (both &&
        ncr_arith_pair(ast->op, (enum ncr_kind)a->as.value.kind, (enum ncr_kind)b->as.value.kind)) {
        status = ncr_arith_binary(ast->op, a->as.value, b->as.value, &v);
        if (status == NCR_ARITH_OK) return constant(lo, ast, v);
    } else if (!ncr_arith_kinds(ast->op, a->kinds, b->kinds)) {
        status = NCR_ARITH_KINDS;
    } else if (a->known_dimension && b->known_dimension && ast->op != NCR_AST_MUL &&
               ast->op != NCR_AST_DIV && !ncr_dimension_eq(a->dimension, b->dimension)) {
        status = NCR_ARITH_DIMENSIONS;
    }
    if (status == NCR_ARITH_OK) return NULL;
    struct ncr_operand left = {a->kinds, a->kind == NCR_CODE_CONST ? &a->as.value : NULL,
                               a->dimension};
    struct ncr_operand right = {b->kinds, b->kind == NCR_CODE_CONST ? &b->as.value : NULL,
                                b->dimension};
    ncr_report_arith(lo->reporter, status, ast->op, ast->span, &left, &right);
    return ncr_code_error(lo, ast);
}

static struct ncr_code *pipe(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_PIPE, ast, 2, K(TENSOR) | K(RECORD));
    code->kid[0] = ncr_lower_expr(lo, ast->kid[0]);
    code->kid[1] = ncr_lower_expr(lo, ast->kid[1]);
    if (is_error(code->kid[0]) || is_error(code->kid[1])) return code;
    if (!(code->kid[1]->kinds & K(LAYER))) {
        NCR_REPORT(lo->reporter, NOT_A_LAYER, code->kid[1]->span,
                   ncr_show_code(lo->reporter, code->kid[1]));
        return ncr_code_error(lo, ast);
    }
    if (!(code->kid[0]->kinds & (K(TENSOR) | K(RECORD) | K(LIST)))) {
        struct ncr_diag *d = NCR_REPORT(lo->reporter, NOT_A_TENSOR, code->kid[0]->span,
                                        ncr_show_code(lo->reporter, code->kid[0]));
        if (code->kid[0]->kinds == K(LAYER))
            ncr_report_help(lo->reporter, d, "layers are composed with `>>`");
        return ncr_code_error(lo, ast);
    }
    return code;
}

static struct ncr_code *binary(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    if (ast->op == NCR_AST_PIPE) return pipe(lo, ast);
    struct ncr_code *a = ncr_lower_expr(lo, ast->kid[0]);
    struct ncr_code *b = ncr_lower_expr(lo, ast->kid[1]);
    if (is_error(a) || is_error(b)) return ncr_code_error(lo, ast);
    struct ncr_code *folded = known(lo, ast, a, b);
    if (folded) return folded;
    uint32_t kinds = ncr_arith_kinds(ast->op, a->kinds, b->kinds);
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_BINARY, ast, 2, kinds);
    code->kid[0] = a;
    code->kid[1] = b;
    if (a->known_dimension && b->known_dimension &&
        (ast->op == NCR_AST_ADD || ast->op == NCR_AST_SUB)) {
        code->known_dimension = true;
        code->dimension = a->dimension;
    }
    if (kinds & K(TENSOR))
        ncr_code_site(
            lo, code,
            ncr_lower_element(lo, ast->op == NCR_AST_ADD ? NCR_STR("add") : NCR_STR("mul")));
    return code;
}

// -- ranges, lists, records ---------------------------------------------------------------------

static struct ncr_code *range(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_RANGE, ast, 3, K(RANGE));
    code->closed = ast->op == NCR_AST_RANGE_EQ;
    code->pow2 = ast->flag;
    for (uint32_t i = 0; i < ast->n_kids && i < 3; i++)
        if (ast->kid[i]) code->kid[i] = ncr_lower_expr(lo, ast->kid[i]);
    uint32_t wanted = code->pow2 ? K(INT) : K(INT) | K(FLOAT) | K(QUANTITY);
    for (uint32_t i = 0; i < 3; i++) {
        const struct ncr_code *kid = code->kid[i];
        if (!kid || is_error(kid) || (kid->kinds & wanted)) continue;
        NCR_REPORT(lo->reporter, RANGE_KINDS, kid->span, ncr_show_kinds(lo->reporter, wanted),
                   ncr_show_code(lo->reporter, kid));
        return ncr_code_error(lo, ast);
    }
    return code;
}

static struct ncr_code *list(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_LIST, ast, ast->n_kids, K(LIST));
    for (uint32_t i = 0; i < ast->n_kids; i++)
        code->kid[i] = ncr_lower_expr(lo, ast->kid[i]);
    return code;
}

static struct ncr_code *record(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_RECORD, ast, ast->n_kids, K(RECORD));
    struct ncr_str *labels = NCR_NEW_N(lo->arena, struct ncr_str, ast->n_kids);
    struct ncr_table seen = {0};
    for (uint32_t i = 0; i < ast->n_kids; i++) {
        labels[i] = ast->kid[i]->text;
        if (labels[i].n == 0) NCR_REPORT0(lo->reporter, NO_LABEL, ast->kid[i]->span);
        uint32_t symbol = ncr_symbol(lo->arena, &lo->program->symbols, labels[i]);
        if (ncr_table_get(&seen, symbol) != UINT32_MAX)
            NCR_REPORT(lo->reporter, REPEATED_ARGUMENT, ast->kid[i]->name_span,
                       ncr_show_str(lo->reporter, labels[i]));
        ncr_table_set(lo->arena, &seen, symbol, i);
        code->kid[i] = ncr_lower_named(lo, ast->kid[i]->kid[0], labels[i]);
    }
    code->labels = labels;
    return code;
}

static struct ncr_code *index_of(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_INDEX, ast, 2, NCR_KINDS_ALL);
    code->kid[0] = ncr_lower_expr(lo, ast->kid[0]);
    for (uint32_t i = 1; i < ast->n_kids; i++)
        code->kid[1] = ncr_lower_expr(lo, ast->kid[i]);
    if (ast->n_kids != 2) {
        NCR_REPORT(lo->reporter, INDEX_COUNT, ast->span, ast->n_kids - 1);
        return ncr_code_error(lo, ast);
    }
    if (is_error(code->kid[0]) || is_error(code->kid[1])) return ncr_code_error(lo, ast);
    if (!(code->kid[0]->kinds & (K(LIST) | K(RANGE) | K(DATA)))) {
        NCR_REPORT(lo->reporter, NOT_INDEXABLE, ast->kid[0]->span,
                   ncr_show_code(lo->reporter, code->kid[0]));
        return ncr_code_error(lo, ast);
    }
    if (!(code->kid[1]->kinds & (K(INT) | K(RANGE)))) {
        NCR_REPORT(lo->reporter, INDEX_KIND, ast->kid[1]->span,
                   ncr_show_code(lo->reporter, code->kid[1]));
        return ncr_code_error(lo, ast);
    }
    if (code->kid[0]->kinds == K(DATA)) code->kinds = K(DATA);
    return code;
}

struct ncr_code *ncr_lower_condition(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_lower_expr(lo, ast);
    if (is_error(code) || (code->kinds & K(BOOL))) return code;
    NCR_REPORT(lo->reporter, NOT_BOOL, ast->span, ncr_show_code(lo->reporter, code));
    return ncr_code_error(lo, ast);
}

// if as an expression: every branch has a value.
static struct ncr_code *if_else(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_IF, ast, 3, NCR_KINDS_ALL);
    code->kid[0] = ncr_lower_condition(lo, ast->kid[0]);
    code->kid[1] = ncr_lower_value_body(lo, ast->kid[1], "this branch of `if`");
    const struct ncr_ast *other = ast->n_kids > 2 ? ast->kid[2] : NULL;
    if (!other) {
        NCR_REPORT0(lo->reporter, NO_ELSE, ast->span);
        return ncr_code_error(lo, ast);
    }
    code->kid[2] = other->kind == NCR_AST_IF
                       ? if_else(lo, other)
                       : ncr_lower_value_body(lo, other, "this branch of `if`");
    code->kinds = code->kid[1]->kinds | code->kid[2]->kinds;
    return code;
}

// small with { width = 24; body[0]/depth = 2; }
static struct ncr_code *with(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_WITH, ast, ast->n_kids, K(LAYER));
    struct ncr_str *labels = NCR_NEW_N(lo->arena, struct ncr_str, ast->n_kids);
    code->kid[0] = ncr_lower_expr(lo, ast->kid[0]);
    for (uint32_t i = 1; i < ast->n_kids; i++) {
        const struct ncr_ast *gene = ast->kid[i];
        struct ncr_buf path = {0};
        for (uint32_t k = 1; k < gene->n_kids; k++) {
            const struct ncr_ast *segment = gene->kid[k];
            if (k > 1) ncr_buf_putc(&path, '/');
            ncr_buf_str(&path, segment->text);
            for (uint32_t j = 0; j < segment->n_kids; j++)
                ncr_buf_fmt(&path, "[%lld]", (long long)segment->kid[j]->value.i);
        }
        labels[i] =
            ncr_str_dup(lo->arena, (struct ncr_str){path.s ? path.s : "", (uint32_t)path.n});
        ncr_buf_free(&path);
        // A label of an alternative is a plain word; anything else is a value.
        const struct ncr_ast *value = gene->kid[0];
        if (value->kind == NCR_AST_NAME) {
            struct ncr_str *word = NCR_NEW(lo->arena, struct ncr_str);
            *word = value->text;
            code->kid[i] =
                constant(lo, value, (struct ncr_value){.kind = NCR_KIND_STRING, .as.string = word});
        } else {
            code->kid[i] = ncr_lower_expr(lo, value);
        }
    }
    code->labels = labels;
    return code;
}

// -- bodies and names ---------------------------------------------------------------------------

static bool if_has_value(const struct ncr_ast *ast);

static bool block_has_value(const struct ncr_ast *block)
{
    uint32_t n = block->n_kids;
    if (n == 0) return false;
    return block->kid[n - 1] || (n > 1 && if_has_value(block->kid[n - 2]));
}

static bool if_has_value(const struct ncr_ast *ast)
{
    if (ast->kind != NCR_AST_IF || ast->n_kids < 3 || !ast->kid[2]) return false;
    const struct ncr_ast *other = ast->kid[2];
    return block_has_value(ast->kid[1]) &&
           (other->kind == NCR_AST_IF ? if_has_value(other) : block_has_value(other));
}

struct ncr_code *ncr_lower_value_body(struct ncr_lower *lo, const struct ncr_ast *block,
                                      const char *what)
{
    uint32_t n = block->n_kids;
    if (block_has_value(block)) return ncr_lower_body(lo, block);
    bool dropped = n > 1 && block->kid[n - 2]->kind == NCR_AST_EXPR_STMT;
    struct ncr_span end = block->span; // its closing brace
    if (end.end > end.begin) end.begin = end.end - 1;
    struct ncr_diag *d = NCR_REPORT(lo->reporter, NO_RESULT, end, what);
    if (dropped)
        ncr_report_help(lo->reporter, d, "the last expression is the value when no `;` follows it");
    lo->wanted = dropped ? block->kid[n - 2] : NULL;
    ncr_lower_body(lo, block);
    return ncr_code_error(lo, block);
}

struct ncr_code *ncr_lower_body(struct ncr_lower *lo, const struct ncr_ast *block)
{
    struct ncr_str around = lo->around;
    lo->around = NCR_STR("");
    uint32_t opened = ncr_lower_open(lo);
    struct ncr_code *code = ncr_code_new(lo, NCR_CODE_BODY, block, block->n_kids, 0);
    // The last kid is the result. A bare `if` at the end is parsed as a statement; with a value in
    // every branch it is the result all the same.
    uint32_t n = block->n_kids ? block->n_kids - 1 : 0;
    const struct ncr_ast *result = block->n_kids ? block->kid[n] : NULL;
    if (!result && n && if_has_value(block->kid[n - 1])) result = block->kid[--n];
    for (uint32_t i = 0; i < n; i++)
        code->kid[i] = ncr_lower_statement(lo, block->kid[i]);
    code->n_kids = n + 1;
    if (!block->n_kids) code->kid = NCR_NEW_N(lo->arena, struct ncr_code *, 1);
    if (result) code->kid[n] = ncr_lower_expr(lo, result);
    if (result) code->kinds = code->kid[n]->kinds;
    ncr_lower_close(lo, opened);
    lo->around = around;
    return code;
}

// The site that stands for the whole of code, where there is one: a single layer, also as the right
// side of a pipe.
static struct ncr_code *stands_for(struct ncr_code *code)
{
    while (code->kind == NCR_CODE_PIPE || code->kind == NCR_CODE_WITH ||
           code->kind == NCR_CODE_QUANT)
        code = code->kid[code->kind == NCR_CODE_PIPE];
    if (code->kind == NCR_CODE_CALL_VALUE && !code->site) code = code->kid[0];
    bool is = code->kind == NCR_CODE_CALL_VALUE || code->kind == NCR_CODE_OPERATOR ||
              code->kind == NCR_CODE_DEF || code->kind == NCR_CODE_CALL_OP ||
              code->kind == NCR_CODE_CALL_DEF || code->kind == NCR_CODE_BINARY ||
              code->kind == NCR_CODE_CHOOSE;
    return is && code->site ? code : NULL;
}

struct ncr_code *ncr_lower_named(struct ncr_lower *lo, const struct ncr_ast *ast,
                                 struct ncr_str name)
{
    struct ncr_str around = lo->around;
    lo->around = name;
    struct ncr_level level = ncr_lower_level(lo);
    struct ncr_code *code = ncr_lower_expr(lo, ast);
    uint32_t n = lo->n_surface;
    ncr_lower_level_end(lo, level);
    lo->around = around;
    if (n == 0) return code;
    struct ncr_str element = ncr_lower_element(lo, name);
    struct ncr_code *site = stands_for(code);
    if (n == 1 && site) {
        site->text = element;
        return code;
    }
    if (site && site == code && site->kind == NCR_CODE_CHOOSE) site->text = NCR_STR("");
    struct ncr_code *named = ncr_code_new(lo, NCR_CODE_NAMED, ast, 1, code->kinds);
    named->kid[0] = code;
    ncr_code_site(lo, named, element);
    return named;
}

struct ncr_code *ncr_lower_root(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_lower_expr(lo, ast);
    struct ncr_code *site = stands_for(code);
    if (site && lo->n_surface == 1) site->text = NCR_STR("");
    return code;
}

static struct ncr_code *expression(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    if (ast->kind == NCR_AST_PAREN) return ncr_lower_expr(lo, ast->kid[0]);
    if (ast->kind == NCR_AST_NAME) return ncr_lower_name(lo, ast);
    if (ast->kind == NCR_AST_INT) return constant(lo, ast, ncr_value_int(ast->value.i));
    if (ast->kind == NCR_AST_FLOAT || ast->kind == NCR_AST_PERCENT)
        return constant(lo, ast, ncr_value_float(ast->value.f));
    if (ast->kind == NCR_AST_BOOL) return constant(lo, ast, ncr_value_bool(ast->value.i != 0));
    if (ast->kind == NCR_AST_STRING)
        return constant(lo, ast,
                        (struct ncr_value){.kind = NCR_KIND_STRING, .as.string = &ast->text});
    if (ast->kind == NCR_AST_QUANTITY) return quantity(lo, ast);
    if (ast->kind == NCR_AST_PAIR) return list(lo, ast); // 12 x 14 is [12, 14]
    if (ast->kind == NCR_AST_UNARY) return unary(lo, ast);
    if (ast->kind == NCR_AST_BINARY) return binary(lo, ast);
    if (ast->kind == NCR_AST_RANGE) return range(lo, ast);
    if (ast->kind == NCR_AST_LIST) return list(lo, ast);
    if (ast->kind == NCR_AST_TUPLE) return record(lo, ast);
    if (ast->kind == NCR_AST_INDEX) return index_of(lo, ast);
    if (ast->kind == NCR_AST_MEMBER) return ncr_lower_member(lo, ast);
    if (ast->kind == NCR_AST_CALL) return ncr_lower_call(lo, ast);
    if (ast->kind == NCR_AST_IF) return if_else(lo, ast);
    if (ast->kind == NCR_AST_REPEAT) return ncr_lower_repeat(lo, ast);
    if (ast->kind == NCR_AST_CHOOSE_LIST || ast->kind == NCR_AST_CHOOSE_ALTS ||
        ast->kind == NCR_AST_CHOOSE_OF || ast->kind == NCR_AST_OPTIONAL)
        return ncr_lower_choose(lo, ast);
    if (ast->kind == NCR_AST_WITH) return with(lo, ast);
    if (ast->kind == NCR_AST_THIS) {
        if (!lo->this_allowed) {
            NCR_REPORT0(lo->reporter, THIS_PLACE, ast->span);
            return ncr_code_error(lo, ast);
        }
        lo->this_seen = true;
        return ncr_code_new(lo, NCR_CODE_THIS, ast, 0, K(THIS));
    }
    NCR_BUG("%s where an expression is expected", ncr_ast_kind_name(ast->kind));
}

struct ncr_code *ncr_lower_expr(struct ncr_lower *lo, const struct ncr_ast *ast)
{
    if (ast->n_annots == 0) return expression(lo, ast);
    ncr_lower_annotations(lo, ast, true);
    return ncr_lower_quant(lo, ast, expression(lo, ast));
}
