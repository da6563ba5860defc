// Items: what the modules define, and which of them each module sees.
#include "compiler/sema/sema.h"

static struct ncr_span name_span(const struct ncr_ast *ast)
{
    return ast->name_span.file ? ast->name_span : ast->span;
}

static void check_name(struct ncr_program *program, const struct ncr_item *item)
{
    static const char *const what[] = {"", "an operator", "a function", "a word"};
    struct ncr_language_name taken = ncr_language_find(item->name);
    if (taken.kind == NCR_LANG_NOTHING) return;
    struct ncr_diag *d = NCR_REPORT(&program->reporter, NAME_TAKEN, item->name_span,
                                    ncr_show_str(&program->reporter, item->name), what[taken.kind]);
    ncr_report_help(&program->reporter, d, "choose another name, for example `my_%.*s`",
                    NCR_STR_ARG(item->name));
}

static struct ncr_item *make(struct ncr_program *program, uint32_t module,
                             const struct ncr_ast *ast)
{
    struct ncr_item *item = NCR_NEW(program->arena, struct ncr_item);
    *item = (struct ncr_item){.name = ast->text,
                              .name_span = name_span(ast),
                              .ast = ast,
                              .module = module,
                              .index = program->items.n};
    if (ast->kind == NCR_AST_LET) {
        item->kind = NCR_ITEM_LET;
    } else if (ast->kind == NCR_AST_BLOCK_DEF) {
        item->kind = NCR_ITEM_BLOCK;
    } else if (ast->kind == NCR_AST_NET || ast->kind == NCR_AST_NET_VALUE) {
        item->kind = NCR_ITEM_NET;
    } else if (ast->kind == NCR_AST_MUTATION) {
        item->kind = NCR_ITEM_MUTATION;
    } else {
        item->kind = NCR_ITEM_DECLARATION;
        const struct ncr_ast *kind = ast->kid[0];
        item->declaration = ncr_record_find(kind->text);
        if (item->declaration == UINT32_MAX) {
            struct ncr_diag *d = NCR_REPORT(&program->reporter, UNKNOWN_DECLARATION, kind->span,
                                            ncr_show_str(&program->reporter, kind->text));
            struct ncr_str names[32];
            uint32_t n = 0;
            while (n < ncr_record_count() && n < NCR_COUNT(names))
                names[n] = ncr_str_of(ncr_record_name(n)), n++;
            ncr_report_nearest(&program->reporter, d, kind->text, names, n);
            return NULL;
        }
    }
    if (item->kind == NCR_ITEM_BLOCK || item->kind == NCR_ITEM_NET) {
        item->def = NCR_NEW(program->arena, struct ncr_def);
        *item->def = (struct ncr_def){
            .name = item->name, .is_net = item->kind == NCR_ITEM_NET, .item = item};
    }
    ncr_vec_push(program->arena, &program->items, item);
    check_name(program, item);
    return item;
}

static struct ncr_scope_entry *entry(struct ncr_program *program, struct ncr_module_scope *scope,
                                     struct ncr_str name)
{
    uint32_t symbol = ncr_symbol(program->arena, &program->symbols, name);
    uint32_t at = ncr_table_get(&scope->names, symbol);
    if (at != UINT32_MAX) return &scope->entries[at];
    if (scope->n_entries == scope->cap_entries) {
        uint32_t cap = scope->cap_entries ? scope->cap_entries * 2 : 16;
        scope->entries =
            ncr_arena_grow(program->arena, scope->entries,
                           scope->n_entries * sizeof *scope->entries, cap * sizeof *scope->entries);
        scope->cap_entries = cap;
    }
    ncr_table_set(program->arena, &scope->names, symbol, scope->n_entries);
    return &scope->entries[scope->n_entries++];
}

static void own_items(struct ncr_program *program, uint32_t m)
{
    struct ncr_module_scope *scope = &program->scopes[m];
    const struct ncr_ast *file = scope->module->syntax->root;
    scope->first_item = program->items.n;
    for (uint32_t i = 0; i < file->n_kids; i++) {
        if (file->kid[i]->kind == NCR_AST_IMPORT) continue;
        struct ncr_item *item = make(program, m, file->kid[i]);
        if (!item) continue;
        struct ncr_scope_entry *e = entry(program, scope, item->name);
        if (!e->item) {
            e->item = item;
            continue;
        }
        struct ncr_diag *d = NCR_REPORT(&program->reporter, DUPLICATE_NAME, item->name_span,
                                        ncr_show_str(&program->reporter, item->name));
        ncr_report_note(&program->reporter, d, e->item->name_span, "first defined");
    }
    scope->n_items = program->items.n - scope->first_item;
}

static uint32_t module_index(const struct ncr_program *program, const struct ncr_module *module)
{
    for (uint32_t m = 0; m < program->modules->n; m++)
        if (program->modules->at[m] == module) return m;
    NCR_BUG("import of a module that is not loaded");
}

// The items of an imported module, but not what it imports itself. An own name wins over an
// imported one.
static void imported_items(struct ncr_program *program, struct ncr_module_scope *scope,
                           uint32_t import, uint32_t from)
{
    const struct ncr_module_scope *source = &program->scopes[from];
    for (uint32_t i = 0; i < source->n_items; i++) {
        struct ncr_item *item = program->items.at[source->first_item + i];
        struct ncr_scope_entry *e = entry(program, scope, item->name);
        if (!e->item) {
            e->item = item;
            e->import = import + 1;
        } else if (e->import && e->item != item && !e->other) {
            e->other = item;
        }
    }
}

void ncr_items_make(struct ncr_program *program)
{
    const struct ncr_modules *modules = program->modules;
    program->scopes = NCR_NEW_N(program->arena, struct ncr_module_scope, modules->n);
    for (uint32_t m = 0; m < modules->n; m++) {
        program->scopes[m].module = modules->at[m];
        own_items(program, m);
    }
    for (uint32_t m = 0; m < modules->n; m++) {
        struct ncr_module_scope *scope = &program->scopes[m];
        const struct ncr_module *module = modules->at[m];
        scope->imports = NCR_NEW_N(program->arena, struct ncr_import_use, module->n_imports);
        scope->n_imports = module->n_imports;
        for (uint32_t i = 0; i < module->n_imports; i++) {
            scope->imports[i] = (struct ncr_import_use){.module = module->imports[i],
                                                        .span = module->import_spans[i]};
            if (module->imports[i])
                imported_items(program, scope, i, module_index(program, module->imports[i]));
        }
    }
}
