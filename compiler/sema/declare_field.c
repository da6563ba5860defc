// Reads the value of one field: numbers, words, words with arguments, references; checks bounds and
// stores.
#include <math.h>
#include <stddef.h>

#include "compiler/sema/declare.h"

#define K(NAME) NCR_KIND_BIT(NAME)

static void one(struct ncr_declare *d, const struct ncr_field *field, const struct ncr_ast *value);

static void wrong_kind(struct ncr_declare *d, struct ncr_span span, const char *wanted,
                       struct ncr_value found)
{
    NCR_REPORT(d->reporter, FIELD_KIND, span, d->field, wanted, ncr_show(d->reporter, found));
    d->good = false;
}

static void *at(struct ncr_declare *d, const struct ncr_field *field)
{
    return d->spec + field->offset;
}

// -- numbers ------------------------------------------------------------------------------------

static void store_number(struct ncr_declare *d, const struct ncr_field *field, double f, uint64_t u)
{
    if (field->offset == NCR_NO_OFFSET) return;
    if (field->form == NCR_FORM_U32) *(uint32_t *)at(d, field) = (uint32_t)u;
    if (field->form == NCR_FORM_U64) *(uint64_t *)at(d, field) = u;
    if (field->form == NCR_FORM_F64 || field->form == NCR_FORM_RATE ||
        field->form == NCR_FORM_QTY || field->form == NCR_FORM_NUM)
        *(double *)at(d, field) = f;
    if (field->form == NCR_FORM_BOOL || field->form == NCR_FORM_SWITCH)
        *(bool *)at(d, field) = f != 0;
    if (field->form == NCR_FORM_WORD || field->form == NCR_FORM_VARIANT)
        *(int *)at(d, field) = (int)f;
    if (field->form == NCR_FORM_FLAGS) *(uint32_t *)at(d, field) |= (uint32_t)u;
}

static void number(struct ncr_declare *d, const struct ncr_field *field, const struct ncr_ast *ast)
{
    struct ncr_value v = ncr_declare_value(d, ast);
    if (v.kind == NCR_KIND_ERROR) return;
    bool whole = field->form == NCR_FORM_U32 || field->form == NCR_FORM_U64;
    if (!ncr_value_is(v, whole ? K(INT) : K(INT) | K(FLOAT))) {
        wrong_kind(d, ast->span, whole ? "a whole number" : "a number", v);
        return;
    }
    double x = ncr_value_number(v);
    if (!(x >= field->low && x <= field->high)) {
        NCR_REPORT(d->reporter, FIELD_BOUND, ast->span, d->field, ncr_show(d->reporter, v),
                   field->low, field->high);
        d->good = false;
        return;
    }
    store_number(d, field, x, v.kind == NCR_KIND_INT ? (uint64_t)v.as.i : 0);
}

static void quantity(struct ncr_declare *d, const struct ncr_field *field,
                     const struct ncr_ast *ast)
{
    struct ncr_dimension wanted = ncr_dimension_of(
        field->form == NCR_FORM_RATE ? NCR_DIMENSION_BIT_RATE : ncr_set_dimension(field->set));
    struct ncr_value v = ncr_declare_value(d, ast);
    if (v.kind == NCR_KIND_ERROR) return;
    if (v.kind != NCR_KIND_QUANTITY || !ncr_dimension_eq(v.dimension, wanted)) {
        struct ncr_diag *diag =
            NCR_REPORT(d->reporter, FIELD_DIMENSION, ast->span, d->field,
                       ncr_show_dimension(d->reporter, wanted), ncr_show(d->reporter, v));
        if (field->form == NCR_FORM_RATE && v.kind != NCR_KIND_QUANTITY)
            ncr_report_help(d->reporter, diag, "write 1e-6 per bit");
        d->good = false;
        return;
    }
    bool bounded = field->high > field->low;
    if (v.as.f < field->low || !isfinite(v.as.f) || (bounded && v.as.f > field->high)) {
        NCR_REPORT(d->reporter, FIELD_BOUND, ast->span, d->field, ncr_show(d->reporter, v),
                   field->low, bounded ? field->high : (double)INFINITY);
        d->good = false;
        return;
    }
    store_number(d, field, v.as.f, 0);
}

// -- words --------------------------------------------------------------------------------------

static const struct ncr_set_word *find_word(enum ncr_set set, struct ncr_str text)
{
    for (size_t i = 0; i < ncr_set_word_count; i++)
        if (ncr_set_words[i].set == set && ncr_str_is(text, ncr_set_words[i].word))
            return &ncr_set_words[i];
    return NULL;
}

static void unknown_word(struct ncr_declare *d, enum ncr_set set, const struct ncr_ast *ast)
{
    struct ncr_str names[16];
    uint32_t n = 0;
    struct ncr_buf text = {0};
    for (size_t i = 0; i < ncr_set_word_count && n < NCR_COUNT(names); i++) {
        if (ncr_set_words[i].set != set) continue;
        if (n) ncr_buf_puts(&text, ", ");
        ncr_buf_puts(&text, ncr_set_words[i].word);
        names[n++] = ncr_str_of(ncr_set_words[i].word);
    }
    struct ncr_str kept = ncr_str_dup(d->ev.scratch, (struct ncr_str){text.s, (uint32_t)text.n});
    ncr_buf_free(&text);
    struct ncr_diag *diag = NCR_REPORT(d->reporter, FIELD_WORD, ast->span, d->field, kept.s);
    if (ast->kind == NCR_AST_NAME) ncr_report_nearest(d->reporter, diag, ast->text, names, n);
    d->good = false;
}

static void word(struct ncr_declare *d, const struct ncr_field *field, const struct ncr_ast *ast)
{
    const struct ncr_set_word *found =
        ast->kind == NCR_AST_NAME ? find_word(field->set, ast->text) : NULL;
    if (!found) {
        unknown_word(d, field->set, ast);
        return;
    }
    store_number(d, field, found->value, (uint64_t)found->value);
    if (found->mark != NCR_NO_OFFSET) *(bool *)(d->spec + found->mark) = true;
}

// -- words with arguments -----------------------------------------------------------------------

static bool is_of(const struct ncr_word_arg *arg, enum ncr_set set, const char *text)
{
    return arg->set == set && strcmp(arg->word, text) == 0;
}

// The row of the argument: by its name, or the first of the word for one without a name.
static const struct ncr_word_arg *find_arg(struct ncr_declare *d, const struct ncr_set_word *word,
                                           const struct ncr_ast *arg, uint32_t position)
{
    struct ncr_str names[16];
    uint32_t n = 0;
    for (size_t i = 0; i < ncr_word_arg_count; i++) {
        if (!is_of(&ncr_word_args[i], word->set, word->word)) continue;
        bool first = n == 0 && arg->text.n == 0 && position == 0;
        if (first || (arg->text.n && ncr_str_is(arg->text, ncr_word_args[i].field.name)))
            return &ncr_word_args[i];
        if (n < NCR_COUNT(names)) names[n++] = ncr_str_of(ncr_word_args[i].field.name);
    }
    d->good = false;
    if (arg->text.n) {
        struct ncr_diag *diag = NCR_REPORT(d->reporter, UNKNOWN_ARGUMENT, arg->name_span,
                                           word->word, ncr_show_str(d->reporter, arg->text));
        ncr_report_nearest(d->reporter, diag, arg->text, names, n);
    } else if (position < n) {
        struct ncr_diag *diag = NCR_REPORT(d->reporter, UNNAMED_ARGUMENT, arg->span, word->word);
        ncr_report_help(d->reporter, diag, "write `%.*s: …`", NCR_STR_ARG(names[position]));
    } else {
        NCR_REPORT(d->reporter, TOO_MANY_ARGUMENTS, arg->span, word->word, n, n == 1 ? "" : "s",
                   position + 1);
    }
    return NULL;
}

static void arguments(struct ncr_declare *d, const struct ncr_set_word *word,
                      const struct ncr_ast *call, struct ncr_span span)
{
    struct ncr_span seen[16] = {{0}};
    const char *field = d->field;
    for (uint32_t k = 1; call && k < call->n_kids; k++) {
        const struct ncr_ast *ast = call->kid[k];
        const struct ncr_word_arg *arg = find_arg(d, word, ast, k - 1);
        if (!arg) continue;
        size_t i = 0, slot = 0;
        for (; &ncr_word_args[i] != arg; i++)
            slot += is_of(&ncr_word_args[i], word->set, word->word);
        if (seen[slot].file) {
            NCR_REPORT(d->reporter, REPEATED_ARGUMENT, ast->span, arg->field.name);
            d->good = false;
            continue;
        }
        seen[slot] = ast->span;
        d->field = arg->field.name;
        if (word->set == NCR_SET_MODEL &&
            arg->field.offset == offsetof(struct ncr_fault_spec, rate_per_bit))
            d->rate_span = ast->span;
        if (word->set == NCR_SET_MODEL &&
            arg->field.offset == offsetof(struct ncr_fault_spec, bits))
            d->bits_span = ast->span;
        one(d, &arg->field, ast->kid[0]);
    }
    size_t slot = 0;
    for (size_t i = 0; i < ncr_word_arg_count; i++) {
        if (!is_of(&ncr_word_args[i], word->set, word->word)) continue;
        if (seen[slot++].file) continue;
        if (ncr_word_args[i].field.required) {
            NCR_REPORT(d->reporter, MISSING_ARGUMENT, span, word->word,
                       ncr_word_args[i].field.name);
            d->good = false;
        } else {
            ncr_declare_default(d, &ncr_word_args[i].field);
        }
    }
    d->field = field;
}

static void variant(struct ncr_declare *d, const struct ncr_field *field, const struct ncr_ast *ast)
{
    const struct ncr_ast *call = ast->kind == NCR_AST_CALL ? ast : NULL;
    const struct ncr_ast *name = call ? ncr_ast_bare(call->kid[0]) : ast;
    const struct ncr_set_word *found =
        name->kind == NCR_AST_NAME ? find_word(field->set, name->text) : NULL;
    if (!found) {
        unknown_word(d, field->set, name);
        return;
    }
    store_number(d, field, found->value, (uint64_t)found->value);
    if (found->mark != NCR_NO_OFFSET) *(bool *)(d->spec + found->mark) = true;
    arguments(d, found, call, ast->span);
}

// -- references ---------------------------------------------------------------------------------

static void data_part(struct ncr_declare *d, const struct ncr_field *field,
                      const struct ncr_ast *ast)
{
    struct ncr_value v = ncr_declare_value(d, ast);
    if (v.kind == NCR_KIND_ERROR) return;
    if (v.kind != NCR_KIND_DATA) {
        struct ncr_diag *diag = NCR_REPORT(d->reporter, FIELD_KIND, ast->span, d->field,
                                           "a part of a data set", ncr_show(d->reporter, v));
        if (v.kind == NCR_KIND_DECLARATION && ncr_item_is(v.as.item, "data"))
            ncr_report_help(d->reporter, diag, "name the part: %.*s.train, .valid or .test",
                            NCR_STR_ARG(v.as.item->name));
        d->good = false;
        return;
    }
    if (field->offset == NCR_NO_OFFSET) return;
    *(struct ncr_data_ref *)at(d, field) = *v.as.data;
    ((struct ncr_data_ref *)at(d, field))->span = ast->span;
}

static void reference(struct ncr_declare *d, const struct ncr_field *field,
                      const struct ncr_ast *ast, const char *kind)
{
    struct ncr_item *item = ncr_declare_item(d, ast, kind);
    if (!item) return;
    if (field->form == NCR_FORM_NET) {
        // Commands work on the nets of the root module.
        if (item->module != d->item->module && d->item->module == d->program->modules->n - 1) {
            struct ncr_diag *diag = NCR_REPORT(d->reporter, FOREIGN_NET, ast->span,
                                               ncr_show_str(d->reporter, item->name));
            ncr_report_help(d->reporter, diag, "give it a name here: net my_%.*s = %.*s;",
                            NCR_STR_ARG(item->name), NCR_STR_ARG(item->name));
            d->good = false;
        }
        if (field->offset == NCR_NO_OFFSET) return;
        struct ncr_campaign_spec *campaign = (struct ncr_campaign_spec *)d->spec;
        campaign->net = item->name;
        campaign->net_span = ast->span;
        return;
    }
    if (!item->spec) { // its own declaration is wrong
        d->good = false;
        return;
    }
    if (field->offset != NCR_NO_OFFSET) *(const void **)at(d, field) = item->spec;
}

// -- other forms --------------------------------------------------------------------------------

static void text(struct ncr_declare *d, const struct ncr_field *field, const struct ncr_ast *ast)
{
    struct ncr_value v = ncr_declare_value(d, ast);
    if (v.kind == NCR_KIND_ERROR) return;
    if (v.kind != NCR_KIND_STRING) {
        wrong_kind(d, ast->span, "a text", v);
        return;
    }
    if (field->offset != NCR_NO_OFFSET) *(struct ncr_str *)at(d, field) = *v.as.string;
}

static void boolean(struct ncr_declare *d, const struct ncr_field *field, const struct ncr_ast *ast)
{
    struct ncr_value v = ncr_declare_value(d, ast);
    if (v.kind == NCR_KIND_ERROR) return;
    if (v.kind != NCR_KIND_BOOL)
        wrong_kind(d, ast->span, "true or false", v);
    else
        store_number(d, field, v.as.b, v.as.b);
}

// bits: 6..=7, or one bit.
static void bits(struct ncr_declare *d, const struct ncr_field *field, const struct ncr_ast *ast)
{
    struct ncr_value v = ncr_declare_value(d, ast);
    if (v.kind == NCR_KIND_ERROR) return;
    int64_t low = -1, high = -1;
    if (v.kind == NCR_KIND_INT) {
        low = high = v.as.i;
    } else if (v.kind == NCR_KIND_RANGE && v.as.range->low.kind == NCR_KIND_INT &&
               !v.as.range->pow2) {
        low = v.as.range->low.as.i;
        high = v.as.range->high.as.i - !v.as.range->closed;
        if (v.as.range->step.as.i != 1) low = -1;
    } else {
        wrong_kind(d, ast->span, "a bit or a range of bits", v);
        return;
    }
    if (low < 0 || high < low || high > (int64_t)field->high) {
        NCR_REPORT(d->reporter, FIELD_BOUND, ast->span, d->field, ncr_show(d->reporter, v),
                   field->low, field->high);
        d->good = false;
        return;
    }
    struct ncr_fault_spec *fault = (struct ncr_fault_spec *)d->spec;
    fault->bit_lo = (uint32_t)low;
    fault->bit_hi = (uint32_t)high;
}

static void pair(struct ncr_declare *d, const struct ncr_field *field, const struct ncr_ast *ast)
{
    struct ncr_value v = ncr_declare_value(d, ast);
    if (v.kind == NCR_KIND_ERROR) return;
    bool good = v.kind == NCR_KIND_LIST && v.as.list->n == 2;
    for (uint32_t i = 0; good && i < 2; i++) {
        struct ncr_value x = v.as.list->at[i];
        good = x.kind == NCR_KIND_INT;
        if (good && (ncr_value_number(x) < field->low || ncr_value_number(x) > field->high)) {
            NCR_REPORT(d->reporter, FIELD_BOUND, ast->span, d->field, ncr_show(d->reporter, x),
                       field->low, field->high);
            d->good = false;
            return;
        }
    }
    if (!good) {
        wrong_kind(d, ast->span, "two whole numbers, 12 x 14", v);
        return;
    }
    for (uint32_t i = 0; i < 2 && field->offset != NCR_NO_OFFSET; i++)
        ((int32_t *)at(d, field))[i] = (int32_t)v.as.list->at[i].as.i;
}

static void one(struct ncr_declare *d, const struct ncr_field *field, const struct ncr_ast *value)
{
    value = ncr_ast_bare(value);
    switch (field->form) {
    case NCR_FORM_U32:
    case NCR_FORM_U64:
    case NCR_FORM_F64:
    case NCR_FORM_NUM: number(d, field, value); return;
    case NCR_FORM_BOOL: boolean(d, field, value); return;
    case NCR_FORM_STR: text(d, field, value); return;
    case NCR_FORM_RATE:
    case NCR_FORM_QTY: quantity(d, field, value); return;
    case NCR_FORM_WORD:
    case NCR_FORM_SWITCH:
    case NCR_FORM_FLAGS: word(d, field, value); return;
    case NCR_FORM_VARIANT:
    case NCR_FORM_MANY: variant(d, field, value); return;
    case NCR_FORM_DATA: data_part(d, field, value); return;
    case NCR_FORM_BITS: bits(d, field, value); return;
    case NCR_FORM_NET: reference(d, field, value, "net"); return;
    case NCR_FORM_QUANT: reference(d, field, value, "quant"); return;
    case NCR_FORM_FAULT: reference(d, field, value, "fault"); return;
    case NCR_FORM_TRAIN: reference(d, field, value, "train"); return;
    case NCR_FORM_TARGET: reference(d, field, value, "target"); return;
    case NCR_FORM_PAIR: pair(d, field, value); return;
    }
}

void ncr_declare_field(struct ncr_declare *d, const struct ncr_field *field,
                       const struct ncr_ast *const *values, uint32_t n, struct ncr_span span)
{
    bool several = field->form == NCR_FORM_FLAGS || field->form == NCR_FORM_MANY;
    if (n != 1 && !several) {
        NCR_REPORT(d->reporter, FIELD_COUNT, n > 1 ? values[1]->span : span, d->field, n);
        d->good = false;
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        one(d, field, values[i]);
}

void ncr_declare_default(struct ncr_declare *d, const struct ncr_field *field)
{
    if (field->form == NCR_FORM_BITS) {
        struct ncr_fault_spec *fault = (struct ncr_fault_spec *)d->spec;
        fault->bit_lo = 0;
        fault->bit_hi = (uint32_t)field->fallback;
        return;
    }
    // A negative default says "none given"; as a whole number it is 0.
    uint64_t whole = field->fallback > 0 ? (uint64_t)field->fallback : 0;
    if (field->form != NCR_FORM_FLAGS) store_number(d, field, field->fallback, whole);
    if (field->form != NCR_FORM_VARIANT) return;
    for (size_t i = 0; i < ncr_set_word_count; i++)
        if (ncr_set_words[i].set == field->set && ncr_set_words[i].value == (int)field->fallback)
            arguments(d, &ncr_set_words[i], NULL, NCR_NOWHERE);
}
