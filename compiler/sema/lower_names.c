// Names while lowering: nested scopes of locals, items of the module and its imports, elements of
// paths.
#include "compiler/sema/lower.h"

void ncr_lower_begin(struct ncr_lower *lo, struct ncr_item *item)
{
    lo->item = item;
    lo->scope = &lo->program->scopes[item->module];
    lo->locals.n = 0;
    lo->depth = 0;
    lo->n_slots = 0;
    lo->naming = lo->top_naming = ++lo->n_namings;
    lo->n_surface = 0;
    lo->around = NCR_STR("");
    lo->loops = 0;
    lo->errors_before = lo->reporter->diags->n_errors;
    lo->wanted = NULL;
    lo->this_allowed = lo->this_seen = lo->search = false;
    lo->mutation = NULL;
}

// -- locals -------------------------------------------------------------------------------------

static uint32_t *binding(struct ncr_lower *lo, uint32_t symbol)
{
    if (symbol >= lo->n_bound) {
        uint32_t n = symbol * 2 + 64;
        lo->bound = ncr_arena_grow(lo->arena, lo->bound, lo->n_bound * sizeof *lo->bound,
                                   n * sizeof *lo->bound);
        lo->n_bound = n;
    }
    return &lo->bound[symbol];
}

uint32_t ncr_lower_open(struct ncr_lower *lo)
{
    lo->depth++;
    return lo->locals.n;
}

static void warn_unused(struct ncr_lower *lo, const struct ncr_local *local)
{
    if (local->used || local->name.n == 0 || local->name.s[0] == '_') return;
    if (lo->reporter->diags->n_errors > lo->errors_before)
        return; // a name may be unused for an error's sake
    const char *name = ncr_show_str(lo->reporter, local->name);
    if (local->kind == NCR_LOCAL_LET)
        NCR_REPORT(lo->reporter, UNUSED_LET, local->span, name);
    else if (local->kind == NCR_LOCAL_PARAM || local->kind == NCR_LOCAL_INPUT)
        NCR_REPORT(lo->reporter, UNUSED_PARAMETER, local->span, name);
}

void ncr_lower_close(struct ncr_lower *lo, uint32_t opened)
{
    for (uint32_t i = opened; i < lo->locals.n; i++)
        warn_unused(lo, &lo->locals.at[i]);
    while (lo->locals.n > opened) {
        const struct ncr_local *local = &lo->locals.at[--lo->locals.n];
        *binding(lo, local->symbol) = local->outer;
    }
    lo->depth--;
}

struct ncr_local *ncr_lower_bind(struct ncr_lower *lo, enum ncr_local_kind kind,
                                 struct ncr_str name, struct ncr_span span, uint32_t kinds)
{
    uint32_t symbol = ncr_symbol(lo->arena, &lo->program->symbols, name);
    uint32_t *at = binding(lo, symbol);
    if (*at && lo->locals.at[*at - 1].scope == lo->depth) {
        struct ncr_diag *d =
            NCR_REPORT(lo->reporter, DUPLICATE_NAME, span, ncr_show_str(lo->reporter, name));
        ncr_report_note(lo->reporter, d, lo->locals.at[*at - 1].span, "first defined");
    }
    struct ncr_local local = {.kind = kind,
                              .name = name,
                              .span = span,
                              .symbol = symbol,
                              .slot = lo->n_slots++,
                              .scope = lo->depth,
                              .outer = *at,
                              .kinds = kinds};
    ncr_vec_push(lo->arena, &lo->locals, local);
    *at = lo->locals.n;
    return &lo->locals.at[lo->locals.n - 1];
}

struct ncr_local *ncr_lower_local(struct ncr_lower *lo, struct ncr_str name)
{
    uint32_t at = *binding(lo, ncr_symbol(lo->arena, &lo->program->symbols, name));
    return at ? &lo->locals.at[at - 1] : NULL;
}

// -- items --------------------------------------------------------------------------------------

struct ncr_item *ncr_lower_item(struct ncr_lower *lo, struct ncr_str name, struct ncr_span span)
{
    uint32_t symbol = ncr_symbol(lo->arena, &lo->program->symbols, name);
    uint32_t at = ncr_table_get(&lo->scope->names, symbol);
    if (at == UINT32_MAX) return NULL;
    struct ncr_scope_entry *entry = &lo->scope->entries[at];
    if (entry->other) {
        struct ncr_diag *d =
            NCR_REPORT(lo->reporter, AMBIGUOUS_NAME, span, ncr_show_str(lo->reporter, name));
        ncr_report_note(lo->reporter, d, entry->item->name_span, "defined");
        ncr_report_note(lo->reporter, d, entry->other->name_span, "and defined");
    }
    if (entry->import) lo->scope->imports[entry->import - 1].uses++;
    if (entry->item != lo->item) entry->item->uses++;
    ncr_vec_push(lo->arena, &lo->program->refs, entry->item);
    return entry->item;
}

// Whether the text of a module has a line `block name…`, or the like for a net or mutation.
static bool defines(const struct ncr_stdlib_file *file, struct ncr_str name)
{
    static const char *const kinds[] = {"block ", "net ", "mutation "};
    for (const char *line = file->text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        for (size_t k = 0; k < NCR_COUNT(kinds); k++) {
            size_t n = strlen(kinds[k]);
            if (strncmp(line, kinds[k], n) == 0 && strncmp(line + n, name.s, name.n) == 0 &&
                line[n + name.n] == '(')
                return true;
        }
    }
    return false;
}

void ncr_lower_unknown(struct ncr_lower *lo, struct ncr_str name, struct ncr_span span)
{
    struct ncr_diag *d =
        NCR_REPORT(lo->reporter, UNKNOWN_NAME, span, ncr_show_str(lo->reporter, name));
    if (!d || !ncr_report_open(lo->reporter)) return;
    uint32_t n_language = ncr_language_count();
    uint32_t n = lo->locals.n + lo->scope->n_entries + n_language, k = 0;
    struct ncr_str *names = NCR_NEW_N(lo->arena, struct ncr_str, n);
    for (uint32_t i = lo->locals.n; i-- > 0;)
        names[k++] = lo->locals.at[i].name;
    for (uint32_t i = 0; i < lo->scope->n_entries; i++)
        names[k++] = lo->scope->entries[i].item->name;
    for (uint32_t i = 0; i < n_language; i++)
        names[k++] = ncr_language_at(i);
    struct ncr_str near = ncr_diag_nearest(name, names, k);
    if (near.n) {
        ncr_report_help(lo->reporter, d, "did you mean `%.*s`?", NCR_STR_ARG(near));
        return;
    }
    // The standard library may define it, in a module that is not imported.
    for (size_t m = 0; m < ncr_stdlib_count; m++)
        if (defines(&ncr_stdlib[m], name)) {
            ncr_report_help(lo->reporter, d, "`import %s` defines it", ncr_stdlib[m].module);
            return;
        }
}

// -- path elements ------------------------------------------------------------------------------

struct ncr_str ncr_lower_element(struct ncr_lower *lo, struct ncr_str name)
{
    uint64_t key = (uint64_t)lo->naming << 32 | ncr_symbol(lo->arena, &lo->program->symbols, name);
    uint32_t before = ncr_table_get(&lo->elements, key);
    uint32_t n = before == UINT32_MAX ? 1 : before + 1;
    ncr_table_set(lo->arena, &lo->elements, key, n);
    lo->n_surface++;
    if (n == 1) return name;
    return ncr_str_fmt(lo->arena, "%.*s~%u", NCR_STR_ARG(name), n);
}

struct ncr_level ncr_lower_level(struct ncr_lower *lo)
{
    struct ncr_level level = {lo->naming, lo->n_surface};
    lo->naming = ++lo->n_namings;
    lo->n_surface = 0;
    return level;
}

void ncr_lower_level_end(struct ncr_lower *lo, struct ncr_level level)
{
    lo->naming = level.naming;
    lo->n_surface = level.n_surface;
}

// -- items of one kind --------------------------------------------------------------------------

const char *ncr_item_kind_name(const struct ncr_item *item)
{
    switch (item->kind) {
    case NCR_ITEM_LET: return "let";
    case NCR_ITEM_BLOCK: return "block";
    case NCR_ITEM_NET: return "net";
    case NCR_ITEM_MUTATION: return "mutation";
    case NCR_ITEM_DECLARATION: return ncr_record_name(item->declaration);
    }
    NCR_BUG("item kind %d", (int)item->kind);
}

bool ncr_item_is(const struct ncr_item *item, const char *kind)
{
    return strcmp(ncr_item_kind_name(item), kind) == 0;
}

void ncr_lower_wrong_item(struct ncr_lower *lo, const struct ncr_ast *ast,
                          const struct ncr_item *item, const char *kind)
{
    if (item) {
        NCR_REPORT(lo->reporter, WRONG_ITEM, ast->span, ncr_show_str(lo->reporter, ast->text),
                   ncr_item_kind_name(item), kind);
        return;
    }
    if (ast->kind != NCR_AST_NAME) {
        NCR_REPORT(lo->reporter, NOT_A_NAME, ast->span, kind);
        return;
    }
    struct ncr_diag *d = NCR_REPORT(lo->reporter, UNKNOWN_ITEM, ast->span, kind,
                                    ncr_show_str(lo->reporter, ast->text));
    if (!d || !ncr_report_open(lo->reporter)) return;
    struct ncr_str *names = NCR_NEW_N(lo->arena, struct ncr_str, lo->scope->n_entries);
    uint32_t n = 0;
    for (uint32_t i = 0; i < lo->scope->n_entries; i++)
        if (ncr_item_is(lo->scope->entries[i].item, kind))
            names[n++] = lo->scope->entries[i].item->name;
    ncr_report_nearest(lo->reporter, d, ast->text, names, n);
}
