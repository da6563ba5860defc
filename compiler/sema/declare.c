// Reads declarations against the tables of fields.def into the structs of compiler/ir/config.h.
#include "compiler/sema/declare.h"

#define K(NAME) NCR_KIND_BIT(NAME)

struct ncr_value ncr_declare_value(struct ncr_declare *d, const struct ncr_ast *ast)
{
    struct ncr_code *code = ncr_lower_expr(&d->lo, ast);
    d->item->n_refs = d->program->refs.n - d->item->refs_at;
    ncr_eval_lets(&d->ev, d->item, false);
    d->ev.frame = ncr_eval_frame(&d->ev, d->lo.n_slots, NULL);
    struct ncr_value v = ncr_eval_code(&d->ev, code);
    if (v.kind == NCR_KIND_ERROR) {
        d->good = false;
        if (d->ev.open)
            NCR_REPORT(d->reporter, FIELD_OPEN, ast->span, d->field,
                       ncr_show_str(d->reporter, d->ev.open_path));
        d->ev.open = false;
    }
    return v;
}

struct ncr_item *ncr_declare_item(struct ncr_declare *d, const struct ncr_ast *ast,
                                  const char *kind)
{
    struct ncr_item *item =
        ast->kind == NCR_AST_NAME ? ncr_lower_item(&d->lo, ast->text, ast->span) : NULL;
    if (item && ncr_item_is(item, kind)) return item;
    ncr_lower_wrong_item(&d->lo, ast, item, kind);
    d->good = false;
    return NULL;
}

// -- records ------------------------------------------------------------------------------------

static void unknown_field(struct ncr_declare *d, struct ncr_str name, struct ncr_span span)
{
    struct ncr_str names[64];
    uint32_t n = 0;
    for (size_t i = 0; i < ncr_field_count && n < NCR_COUNT(names); i++)
        if (ncr_fields[i].record == d->record) names[n++] = ncr_str_of(ncr_fields[i].name);
    for (size_t i = 0; i < ncr_section_count && n < NCR_COUNT(names); i++)
        if (ncr_sections[i].record == d->record) names[n++] = ncr_str_of(ncr_sections[i].word);
    for (size_t i = 0; i < ncr_items_row_count && n < NCR_COUNT(names); i++)
        if (ncr_items_rows[i].record == d->record) names[n++] = ncr_str_of(ncr_items_rows[i].word);
    struct ncr_diag *diag = NCR_REPORT(d->reporter, UNKNOWN_FIELD, span, ncr_record_text(d->record),
                                       ncr_show_str(d->reporter, name));
    ncr_report_nearest(d->reporter, diag, name, names, n);
    d->good = false;
}

static const struct ncr_field *find_field(enum ncr_record_kind record, struct ncr_str name)
{
    for (size_t i = 0; i < ncr_field_count; i++)
        if (ncr_fields[i].record == record &&
            (ncr_str_is(name, ncr_fields[i].name) || strcmp(ncr_fields[i].name, "*") == 0))
            return &ncr_fields[i];
    return NULL;
}

static void fields(struct ncr_declare *d, const struct ncr_ast *record, struct ncr_span where);

static void section(struct ncr_declare *d, const struct ncr_ast *ast)
{
    const struct ncr_section *found = NULL;
    for (size_t i = 0; i < ncr_section_count; i++)
        if (ncr_sections[i].record == d->record && ncr_str_is(ast->text, ncr_sections[i].word))
            found = &ncr_sections[i];
    if (!found) {
        unknown_field(d, ast->text, ast->name_span);
        return;
    }
    static const enum ncr_ast_kind needs[] = {NCR_AST_NAME, NCR_AST_STRING, NCR_AST_COUNT_};
    static const char *const texts[] = {"a name", "a text that names its source", "no name"};
    enum ncr_ast_kind given = ast->kid[0] ? ast->kid[0]->kind : NCR_AST_COUNT_;
    if (given != needs[found->naming]) {
        NCR_REPORT(d->reporter, SECTION_NAME, ast->kid[0] ? ast->kid[0]->span : ast->name_span,
                   found->word, texts[found->naming]);
        d->good = false;
    }
    enum ncr_record_kind outer = d->record;
    char *spec = d->spec;
    d->record = found->section;
    d->spec = ncr_declare_section(d, (struct ncr_target_spec *)spec, found->section, ast->kid[0]);
    fields(d, ast->kid[1], ast->name_span);
    d->record = outer;
    d->spec = spec;
}

// minimize macs, error(images.valid); require flash <= 256 KiB; mutate widen weight 2, prune;
static void items(struct ncr_declare *d, const struct ncr_ast *ast)
{
    const struct ncr_items_row *row = NULL;
    for (size_t i = 0; i < ncr_items_row_count; i++)
        if (ncr_items_rows[i].record == d->record && ncr_str_is(ast->text, ncr_items_rows[i].word))
            row = &ncr_items_rows[i];
    if (!row) {
        unknown_field(d, ast->text, ast->name_span);
        return;
    }
    for (uint32_t i = 0; i < ast->n_kids; i++) {
        const struct ncr_ast *value = ast->kid[i]->kid[0],
                             *weight = ast->kid[i]->n_kids > 1 ? ast->kid[i]->kid[1] : NULL;
        if (row->what == NCR_ITEMS_MUTATION) {
            ncr_declare_item(d, value, "mutation");
        } else if (row->what == NCR_ITEMS_CROSSOVER) {
            const struct ncr_ast *word =
                value->kind == NCR_AST_CALL ? ncr_ast_bare(value->kid[0]) : value;
            bool known = word->kind == NCR_AST_NAME &&
                         (ncr_str_is(word->text, "uniform") || ncr_str_is(word->text, "point") ||
                          ncr_str_is(word->text, "subtree"));
            if (!known) {
                NCR_REPORT(d->reporter, FIELD_WORD, value->span, row->word,
                           "uniform, point(k), subtree");
                d->good = false;
            }
        } else {
            d->lo.search = true;
            struct ncr_code *code = row->what == NCR_ITEMS_CONDITION
                                        ? ncr_lower_condition(&d->lo, value)
                                        : ncr_lower_expr(&d->lo, value);
            d->lo.search = false;
            bool number = (code->kinds & (K(INT) | K(FLOAT) | K(QUANTITY))) != 0;
            if (row->what == NCR_ITEMS_METRIC && code->kinds != K(ERROR) && !number)
                NCR_REPORT(d->reporter, FIELD_KIND, value->span, row->word, "a metric",
                           ncr_show_code(d->reporter, code));
        }
        d->field = "weight";
        if (weight) ncr_declare_value(d, weight);
    }
}

static void fields(struct ncr_declare *d, const struct ncr_ast *record, struct ncr_span where)
{
    char *spec = d->spec;
    struct ncr_span *seen = NCR_NEW_N(d->ev.scratch, struct ncr_span, ncr_field_count);
    for (uint32_t i = 0; i < record->n_kids; i++) {
        const struct ncr_ast *ast = record->kid[i];
        if (ast->n_annots) ncr_lower_annotations(&d->lo, ast, false);
        if (ast->kind == NCR_AST_SECTION) {
            section(d, ast);
            continue;
        }
        if (ast->kind == NCR_AST_ITEMS) {
            items(d, ast);
            continue;
        }
        const struct ncr_field *field = find_field(d->record, ast->text);
        if (!field) {
            unknown_field(d, ast->text, ast->name_span);
            continue;
        }
        struct ncr_span *before = &seen[field - ncr_fields];
        if (before->file && field->name[0] != '*') {
            struct ncr_diag *diag =
                NCR_REPORT(d->reporter, REPEATED_FIELD, ast->name_span, field->name);
            ncr_report_note(d->reporter, diag, *before, "first given");
            d->good = false;
            continue;
        }
        *before = ast->name_span;
        if (ast->kind == NCR_AST_FIELD_RECORD) {
            NCR_REPORT(d->reporter, FIELD_KIND, ast->kid[0]->span, field->name, "a value",
                       "a record");
            d->good = false;
            continue;
        }
        if (field->name[0] == '*') d->spec = ncr_declare_entry(d, d->target, ast);
        d->field = ast->name_span.file ? ncr_show_str(d->reporter, ast->text) : field->name;
        ncr_declare_field(d, field, (const struct ncr_ast *const *)ast->kid, ast->n_kids,
                          ast->span);
        d->spec = spec;
    }
    for (size_t i = 0; i < ncr_field_count; i++) {
        const struct ncr_field *field = &ncr_fields[i];
        if (field->record != d->record || seen[i].file || field->name[0] == '*') continue;
        if (field->required) {
            NCR_REPORT(d->reporter, MISSING_FIELD, where, ncr_record_text(d->record), field->name);
            d->good = false;
        } else {
            ncr_declare_default(d, field);
        }
    }
}

// -- what a table cannot say --------------------------------------------------------------------

static void finish_fault(struct ncr_declare *d, struct ncr_fault_spec *fault)
{
    if (d->rate_span.file && d->bits_span.file) {
        NCR_REPORT(d->reporter, FIELD_CONFLICT, d->rate_span, "rate", "bits");
        d->good = false;
    }
    if (d->rate_span.file && fault->model == NCR_FAULT_BITFLIP)
        fault->model = NCR_FAULT_BITFLIP_RATE;
    if (!fault->has_persistence && fault->sites &&
        !(fault->sites & ~(uint32_t)(NCR_SITE_WEIGHT | NCR_SITE_BIAS)))
        fault->persistence = NCR_PERMANENT;
}

static void add_to_config(struct ncr_declare *d, void *spec)
{
    struct ncr_config *config = &d->program->config;
    struct ncr_arena *arena = d->program->arena;
#define ADD(kind)                                                                                  \
    do {                                                                                           \
        config->kind =                                                                             \
            ncr_arena_grow(arena, config->kind, config->n_##kind * sizeof *config->kind,           \
                           (config->n_##kind + 1) * sizeof *config->kind);                         \
        config->kind[config->n_##kind++] = spec;                                                   \
    } while (0)
    switch (d->record) {
    case NCR_RECORD_DATA: ADD(data); return;
    case NCR_RECORD_QUANT: ADD(quant); return;
    case NCR_RECORD_FAULT: ADD(fault); return;
    case NCR_RECORD_TRAIN: ADD(train); return;
    case NCR_RECORD_CAMPAIGN: ADD(campaign); return;
    case NCR_RECORD_TARGET: ADD(target); return;
    case NCR_RECORD_SEARCH:
    case NCR_RECORD_COUNT_:
    case NCR_RECORD_COMPUTE:
    case NCR_RECORD_ENERGY:
    case NCR_RECORD_MEASURED: return;
    }
#undef ADD
}

static void declaration(struct ncr_declare *d, struct ncr_item *item)
{
    const struct ncr_ast *ast = item->ast;
    ncr_lower_begin(&d->lo, item);
    ncr_lower_open(&d->lo);
    d->item = item;
    d->record = (enum ncr_record_kind)item->declaration;
    d->good = true;
    d->rate_span = d->bits_span = NCR_NOWHERE;
    d->spec = ncr_arena_alloc(d->program->arena, ncr_record_bytes(d->record));
    d->target = d->record == NCR_RECORD_TARGET ? (struct ncr_target_spec *)d->spec : NULL;
    struct ncr_later_spec *head = (struct ncr_later_spec *)d->spec; // every spec begins so
    head->name = item->name;
    head->span = item->name_span;
    item->refs_at = d->program->refs.n;
    if (ast->n_annots) ncr_lower_annotations(&d->lo, ast, false);
    const struct ncr_ast *body = ast->kid[1];
    if (ast->kind == NCR_AST_DECL_VALUE && d->record == NCR_RECORD_DATA) {
        const struct ncr_field *field = find_field(d->record, NCR_STR("source"));
        d->field = "data";
        ncr_declare_field(d, field, &body, 1, body->span);
    } else if (ast->kind == NCR_AST_DECL_VALUE || d->record == NCR_RECORD_DATA) {
        struct ncr_diag *diag =
            NCR_REPORT(d->reporter, DECLARATION_FORM, item->name_span, ncr_record_text(d->record));
        if (d->record == NCR_RECORD_DATA)
            ncr_report_help(d->reporter, diag, "data images = digits(seed: 1);");
        else
            ncr_report_help(d->reporter, diag, "%s %.*s { … }", ncr_record_text(d->record),
                            NCR_STR_ARG(item->name));
        d->good = false;
    } else {
        fields(d, body, item->name_span);
    }
    if (d->record == NCR_RECORD_TARGET && d->good) ncr_declare_target(d, d->target);
    if (d->record == NCR_RECORD_FAULT) finish_fault(d, (struct ncr_fault_spec *)d->spec);
    item->n_refs = d->program->refs.n - item->refs_at;
    if (!d->good) return;
    item->spec = d->spec;
    // Machines are of use wherever they are declared: --target names them.
    bool root = item->module == d->program->modules->n - 1;
    if (root || d->record == NCR_RECORD_TARGET) add_to_config(d, d->spec);
}

void ncr_declarations_check(struct ncr_program *program)
{
    struct ncr_declare d = {.program = program, .reporter = &program->reporter};
    d.lo = (struct ncr_lower){
        .program = program, .reporter = &program->reporter, .arena = program->arena};
    if (!ncr_eval_start(&d.ev, program, NCR_STR(""))) return;
    if (setjmp(d.ev.out_of_memory)) {
        ncr_eval_exhausted(&d.ev, NCR_NOWHERE);
        return;
    }
    ncr_arena_on_oom(d.ev.scratch, &d.ev.out_of_memory);
    for (uint32_t kind = 0; kind < ncr_record_count(); kind++)
        for (uint32_t i = 0; i < program->items.n; i++) {
            struct ncr_item *item = program->items.at[i];
            if (item->kind == NCR_ITEM_DECLARATION && item->declaration == kind)
                declaration(&d, item);
        }
    ncr_eval_finish(&d.ev);
}
