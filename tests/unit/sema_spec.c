// The tables of the chapter on meaning are those of the compiler: each row of a .def table stands
// in lang/spec/meaning.md as it is written here.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/sema/records.h"
#include "compiler/sema/sema.h"

static char *spec_text(void)
{
    FILE *file = fopen(NACRE_SOURCE_DIR "/lang/spec/meaning.md", "rb");
    cr_assert(file);
    char *text = calloc(1, 1 << 18);
    size_t n = fread(text, 1, (1 << 18) - 1, file);
    fclose(file);
    cr_assert(n > 0 && n < (1 << 18) - 1);
    return text;
}

// Each line of rows stands in the chapter.
static void check_rows(struct ncr_buf *rows)
{
    char *spec = spec_text();
    for (char *line = rows->s; line && *line;) {
        char *end = strchr(line, '\n');
        *end = 0;
        cr_expect(strstr(spec, line), "lang/spec/meaning.md lacks the row\n%s", line);
        line = end + 1;
    }
    free(spec);
    ncr_buf_free(rows);
}

Test(sema_spec, units_and_types)
{
    struct ncr_buf rows = {0};
#define NCR_UNIT_ROW(text, DIMENSION, ...) ncr_buf_fmt(&rows, "`%s`\n", text);
#include "lang/unit.def"
#undef NCR_UNIT_ROW
#define NCR_DIMENSION_ROW(NAME, name, ...) ncr_buf_fmt(&rows, "| `%s` |\n", name);
#include "compiler/sema/dimensions.def"
#undef NCR_DIMENSION_ROW
#define NCR_TYPE_ROW(NAME, name, kinds, help) ncr_buf_fmt(&rows, "| `%s` | %s |\n", name, help);
#include "compiler/sema/types.def"
#undef NCR_TYPE_ROW
    check_rows(&rows);
}

Test(sema_spec, functions_members_and_words)
{
    struct ncr_buf rows = {0};
    for (uint32_t i = 0; i < ncr_builtin_count(); i++) {
        const struct ncr_builtin *b = ncr_builtin_at(i);
        ncr_buf_fmt(&rows, "| `%s(%s)` | %s |\n", b->name, b->params, b->help);
    }
#define NCR_MEMBER_ROW(NAME, name, KIND, help) ncr_buf_fmt(&rows, "| `%s` | %s |\n", name, help);
#include "compiler/sema/members.def"
#undef NCR_MEMBER_ROW
#define NCR_ANNOTATION_ROW(NAME, name, argument, min, max, changes, help)                          \
    ncr_buf_fmt(&rows, "| `@%s` | %s | %s |\n", name, argument[0] ? argument : "none", help);
#include "compiler/sema/annotations.def"
#undef NCR_ANNOTATION_ROW
#define NCR_INHERIT_ROW(NAME, name, exact, argument, help)                                         \
    ncr_buf_fmt(&rows, "| `%s` | %s | %s |\n", name, exact ? "exact" : "approximate", help);
#include "compiler/sema/inherit.def"
#undef NCR_INHERIT_ROW
#define NCR_METRIC_ROW(name, KIND, DIMENSION, data, help)                                          \
    ncr_buf_fmt(&rows, "| `%s%s` | %s |\n", name, data ? "(data)" : "", help);
#include "compiler/sema/metrics.def"
#undef NCR_METRIC_ROW
    check_rows(&rows);
}

static void value_text(const struct ncr_field *field, double v, struct ncr_buf *out)
{
    if (field->form == NCR_FORM_WORD || field->form == NCR_FORM_SWITCH ||
        field->form == NCR_FORM_VARIANT) {
        for (size_t i = 0; i < ncr_set_word_count; i++)
            if (ncr_set_words[i].set == field->set && ncr_set_words[i].value == (int)v) {
                ncr_buf_fmt(out, "`%s`", ncr_set_words[i].word);
                return;
            }
    }
    if (field->form == NCR_FORM_BOOL)
        ncr_buf_puts(out, v != 0 ? "`true`" : "`false`");
    else if (field->form == NCR_FORM_BITS)
        ncr_buf_fmt(out, "0..=%.10g", v);
    else if (v >= 18446744073709551615.0)
        ncr_buf_puts(out, "2^63 - 1");
    else
        ncr_buf_fmt(out, "%.10g", v);
}

// What a field takes: "whole number, 1 to 100000", "`sgd`, `adam`".
static void takes(const struct ncr_field *field, struct ncr_buf *out)
{
    bool bounded = field->high > field->low;
    switch (field->form) {
    case NCR_FORM_U32:
    case NCR_FORM_U64: ncr_buf_puts(out, "whole number"); break;
    case NCR_FORM_F64:
    case NCR_FORM_NUM: ncr_buf_puts(out, "number"); break;
    case NCR_FORM_PAIR: ncr_buf_puts(out, "two whole numbers"); break;
    case NCR_FORM_BITS: ncr_buf_puts(out, "bit or range of bits"); break;
    case NCR_FORM_RATE: ncr_buf_puts(out, "quantity per bit"); break;
    case NCR_FORM_BOOL: ncr_buf_puts(out, "`true`, `false`"); return;
    case NCR_FORM_STR: ncr_buf_puts(out, "text"); return;
    case NCR_FORM_DATA: ncr_buf_puts(out, "part of a data set"); return;
    case NCR_FORM_NET: ncr_buf_puts(out, "name of a net"); return;
    case NCR_FORM_QUANT: ncr_buf_puts(out, "name of a quant"); return;
    case NCR_FORM_FAULT: ncr_buf_puts(out, "name of a fault"); return;
    case NCR_FORM_TRAIN: ncr_buf_puts(out, "name of a train"); return;
    case NCR_FORM_TARGET: ncr_buf_puts(out, "name of a target"); return;
    case NCR_FORM_QTY: {
        struct ncr_buf text = {0};
        ncr_dimension_text(ncr_dimension_of(ncr_set_dimension(field->set)), &text);
        ncr_buf_str(out, (struct ncr_str){text.s, (uint32_t)text.n});
        ncr_buf_free(&text);
        return;
    }
    case NCR_FORM_WORD:
    case NCR_FORM_SWITCH:
    case NCR_FORM_FLAGS:
    case NCR_FORM_VARIANT:
    case NCR_FORM_MANY: {
        bool first = true;
        for (size_t i = 0; i < ncr_set_word_count; i++) {
            if (ncr_set_words[i].set != field->set) continue;
            ncr_buf_fmt(out, "%s`%s`", first ? "" : ", ", ncr_set_words[i].word);
            first = false;
        }
        if (field->form == NCR_FORM_FLAGS || field->form == NCR_FORM_MANY)
            ncr_buf_puts(out, "; several");
        return;
    }
    }
    if (!bounded) return;
    ncr_buf_puts(out, ", ");
    value_text(&(struct ncr_field){.form = NCR_FORM_F64}, field->low, out);
    ncr_buf_puts(out, " to ");
    value_text(&(struct ncr_field){.form = NCR_FORM_F64}, field->high, out);
}

static void row(const struct ncr_field *field, const char *name, struct ncr_buf *out)
{
    ncr_buf_fmt(out, "| `%s` | ", name);
    takes(field, out);
    ncr_buf_puts(out, " | ");
    bool none =
        field->form == NCR_FORM_FLAGS || field->form == NCR_FORM_MANY ||
        field->form == NCR_FORM_RATE || field->form == NCR_FORM_QUANT ||
        field->set == NCR_SET_DATAFLOW ||
        (field->fallback == 0 &&
         (field->form == NCR_FORM_STR || field->form == NCR_FORM_QTY ||
          field->form == NCR_FORM_NUM || field->form == NCR_FORM_PAIR ||
          field->record == NCR_RECORD_COMPUTE || field->set == NCR_SET_COST_MODEL ||
          field->set == NCR_SET_TECHNOLOGY)) ||
        (field->offset == NCR_NO_OFFSET && field->form != NCR_FORM_VARIANT && field->fallback == 0);
    if (field->required)
        ncr_buf_puts(out, "required");
    else if (none)
        ncr_buf_puts(out, "none");
    else
        value_text(field, field->fallback, out);
    ncr_buf_fmt(out, " | %s |\n", field->help);
}

Test(sema_spec, fields)
{
    struct ncr_buf rows = {0};
    for (size_t i = 0; i < ncr_field_count; i++)
        row(&ncr_fields[i], ncr_fields[i].name, &rows);
    for (size_t i = 0; i < ncr_word_arg_count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s(%s:)", ncr_word_args[i].word, ncr_word_args[i].field.name);
        row(&ncr_word_args[i].field, name, &rows);
    }
    check_rows(&rows);
}

Test(sema_spec, limits)
{
    struct ncr_buf rows = {0};
    ncr_buf_fmt(&rows, "| evaluation steps of one elaboration | %d |\n", NCR_LIMIT_EVAL_STEPS);
    ncr_buf_fmt(&rows, "| evaluation steps of all elaborations of a check | %d |\n",
                NCR_LIMIT_CHECK_STEPS);
    ncr_buf_fmt(&rows, "| nodes of a network | %d |\n", NCR_LIMIT_NODES);
    ncr_buf_fmt(&rows, "| values of a list, passes of a loop | %d |\n", NCR_LIMIT_LIST);
    ncr_buf_fmt(&rows, "| nested applications of blocks | %d |\n", NCR_LIMIT_CALL_DEPTH);
    ncr_buf_fmt(&rows, "| parameters, tensors, outputs of a block | %d |\n", NCR_LIMIT_PARAMS);
    check_rows(&rows);
}
