// Reports to the sink, each cause once, and the texts that messages show.
#include <stdarg.h>

#include "compiler/sema/sema.h"
#include "lang/base/hash.h"

// "in module `m`, imported at …" for an error in an imported file.
static void note_imports(struct ncr_reporter *reporter, struct ncr_diag *d, uint32_t file)
{
    const struct ncr_modules *modules = reporter->modules;
    for (uint32_t guard = 0; modules && guard < modules->n; guard++) {
        const struct ncr_module *inside = NULL, *by = NULL;
        struct ncr_span span = NCR_NOWHERE;
        for (uint32_t m = 0; m < modules->n; m++)
            if (modules->at[m]->syntax && modules->at[m]->syntax->file == file)
                inside = modules->at[m];
        if (!inside || inside == modules->root) return;
        for (uint32_t m = 0; m < modules->n && !by; m++)
            for (uint32_t i = 0; i < modules->at[m]->n_imports; i++)
                if (modules->at[m]->imports[i] == inside) {
                    by = modules->at[m];
                    span = by->import_spans[i];
                }
        if (!by) return;
        ncr_report_note(reporter, d, span, "in module `%s`, imported",
                        ncr_show_str(reporter, inside->name));
        file = by->syntax->file;
    }
}

struct ncr_diag *ncr_report(struct ncr_reporter *reporter, enum ncr_diag_code code,
                            struct ncr_span span, const char *fmt, ...)
{
    struct ncr_diags *diags = reporter->diags;
    if (reporter->muted) {
        reporter->failed = true;
        return NULL;
    }
    uint32_t words[4] = {(uint32_t)code, span.file, span.begin, span.end};
    uint64_t key = ncr_hash_bytes(words, sizeof words).lo;
    if (ncr_table_get(&reporter->seen, key) != UINT32_MAX) return NULL;
    ncr_table_set(diags->arena, &reporter->seen, key, 0);
    // What is beyond the limit is counted, not shown: no need to format a text that may be long.
    bool is_error = ncr_diag_severity(code) == NCR_ERROR;
    if ((is_error ? diags->n_errors : diags->n_warnings) >= diags->limit)
        return ncr_diag_at(diags, code, span, "%s", "");
    va_list args;
    va_start(args, fmt);
    struct ncr_str text = ncr_str_vfmt(diags->arena, fmt, args);
    va_end(args);
    struct ncr_diag *d = ncr_diag_at(diags, code, span, "%.*s", NCR_STR_ARG(text));
    if (reporter->note_imports) note_imports(reporter, d, span.file);
    return d;
}

void ncr_report_note(struct ncr_reporter *reporter, struct ncr_diag *d, struct ncr_span span,
                     const char *fmt, ...)
{
    if (!d) return;
    va_list args;
    va_start(args, fmt);
    struct ncr_str text = ncr_str_vfmt(reporter->diags->arena, fmt, args);
    va_end(args);
    ncr_diag_note(reporter->diags, d, span, "%.*s", NCR_STR_ARG(text));
}

void ncr_report_help(struct ncr_reporter *reporter, struct ncr_diag *d, const char *fmt, ...)
{
    if (!d) return;
    va_list args;
    va_start(args, fmt);
    struct ncr_str text = ncr_str_vfmt(reporter->diags->arena, fmt, args);
    va_end(args);
    ncr_diag_help(reporter->diags, d, "%.*s", NCR_STR_ARG(text));
}

void ncr_report_nearest(struct ncr_reporter *reporter, struct ncr_diag *d, struct ncr_str found,
                        const struct ncr_str *names, uint32_t n)
{
    if (!d || !ncr_report_open(reporter)) return;
    struct ncr_str near = ncr_diag_nearest(found, names, n);
    if (near.n) ncr_report_help(reporter, d, "did you mean `%.*s`?", NCR_STR_ARG(near));
}

static const char *keep(struct ncr_reporter *reporter, struct ncr_buf *buf)
{
    struct ncr_str kept =
        ncr_str_dup(reporter->diags->arena, (struct ncr_str){buf->s, (uint32_t)buf->n});
    ncr_buf_free(buf);
    return kept.s;
}

const char *ncr_show(struct ncr_reporter *reporter, struct ncr_value v)
{
    struct ncr_buf buf = {0};
    ncr_value_describe(v, &buf);
    return keep(reporter, &buf);
}

const char *ncr_show_kinds(struct ncr_reporter *reporter, uint32_t kinds)
{
    struct ncr_buf buf = {0};
    ncr_kinds_text(kinds, &buf);
    return keep(reporter, &buf);
}

const char *ncr_show_dimension(struct ncr_reporter *reporter, struct ncr_dimension dimension)
{
    struct ncr_buf buf = {0};
    ncr_dimension_text(dimension, &buf);
    return keep(reporter, &buf);
}

const char *ncr_show_quantity(struct ncr_reporter *reporter, struct ncr_dimension dimension)
{
    struct ncr_buf buf = {0};
    ncr_buf_puts(&buf, "a quantity of ");
    ncr_dimension_text(dimension, &buf);
    return keep(reporter, &buf);
}

const char *ncr_show_str(struct ncr_reporter *reporter, struct ncr_str s)
{
    enum { WIDTH = 80 };
    struct ncr_buf buf = {0};
    ncr_buf_str(&buf, (struct ncr_str){s.s, s.n > WIDTH ? WIDTH : s.n});
    if (s.n > WIDTH) ncr_buf_puts(&buf, "…");
    return keep(reporter, &buf);
}

const char *ncr_show_code(struct ncr_reporter *reporter, const struct ncr_code *code)
{
    if (code->kind == NCR_CODE_CONST) return ncr_show(reporter, code->as.value);
    if (code->known_dimension) return ncr_show_quantity(reporter, code->dimension);
    return ncr_show_kinds(reporter, code->kinds);
}

const char *ncr_show_shape(struct ncr_reporter *reporter, const struct ncr_shape *shape)
{
    struct ncr_buf buf = {0};
    for (uint32_t i = 0; i < shape->rank; i++)
        ncr_buf_fmt(&buf, "%s%d", i ? ", " : "tensor[", shape->dim[i]);
    ncr_buf_putc(&buf, ']');
    return keep(reporter, &buf);
}

static const char *show_operand(struct ncr_reporter *reporter, const struct ncr_operand *a)
{
    if (a->value) return ncr_show(reporter, *a->value);
    return ncr_show_kinds(reporter, a->kinds);
}

// Slips that the levels of the operators invite.
static void clash_help(struct ncr_reporter *reporter, struct ncr_diag *d, enum ncr_ast_op op,
                       uint32_t a, uint32_t b)
{
    uint32_t layer = NCR_KIND_BIT(LAYER), tensor = NCR_KIND_BIT(TENSOR) | NCR_KIND_BIT(RECORD);
    bool plain = op == NCR_AST_ADD || op == NCR_AST_MUL;
    if (plain && a == layer && (b & tensor))
        ncr_report_help(reporter, d, "`%s` binds tighter than `|>`: write (x |> f) %s y",
                        ncr_ast_op_text(op), ncr_ast_op_text(op));
    else if (op == NCR_AST_SHR && (a & tensor) && b == layer)
        ncr_report_help(reporter, d, "`|>` applies a layer to a tensor; `>>` composes two layers");
    else if (plain && a == layer && b == layer)
        ncr_report_help(reporter, d,
                        "layers are composed with `>>`; `%s` takes the tensors they give",
                        ncr_ast_op_text(op));
}

struct ncr_diag *ncr_report_arith(struct ncr_reporter *reporter, enum ncr_arith status,
                                  enum ncr_ast_op op, struct ncr_span span,
                                  const struct ncr_operand *a, const struct ncr_operand *b)
{
    const char *text = ncr_ast_op_text(op), *left = show_operand(reporter, a),
               *right = show_operand(reporter, b);
    struct ncr_diag *d;
    switch (status) {
    case NCR_ARITH_KINDS:
        d = NCR_REPORT(reporter, TYPE_CLASH, span, text, left, right);
        clash_help(reporter, d, op, a->kinds, b->kinds);
        return d;
    case NCR_ARITH_DIMENSIONS: {
        struct ncr_diag *clash =
            NCR_REPORT(reporter, DIMENSION_CLASH, span, text,
                       a->value ? left : ncr_show_dimension(reporter, a->dimension),
                       b->value ? right : ncr_show_dimension(reporter, b->dimension));
        return clash;
    }
    case NCR_ARITH_OVERFLOW: return NCR_REPORT(reporter, INT_OVERFLOW, span, text, left, right);
    case NCR_ARITH_ZERO: return NCR_REPORT(reporter, DIVISION_BY_ZERO, span, left, text, right);
    case NCR_ARITH_SHIFT: return NCR_REPORT(reporter, SHIFT_RANGE, span, right);
    case NCR_ARITH_INFINITE: return NCR_REPORT(reporter, NOT_FINITE, span, left, text, right);
    case NCR_ARITH_POWER:
        return NCR_REPORT(reporter, DIMENSION_POWER, span,
                          ncr_show_dimension(reporter, a->dimension), text,
                          ncr_show_dimension(reporter, b->dimension));
    case NCR_ARITH_OK: break;
    }
    NCR_BUG("no error to report");
}
