// Root file and imports to parsed modules in dependency order.
#include "lang/module.h"

#include "lang/base/vec.h"

struct loader {
    struct ncr_arena *arena;
    struct ncr_sources *sources;
    struct ncr_diags *diags;
    const struct ncr_io *io;
    const char *stdlib_path;
    NCR_VEC(struct ncr_module *) known; // in order of first mention
    NCR_VEC(struct ncr_str) keys;       // what makes each known module one: "std.x" or its path
    NCR_VEC(bool) open;                 // being loaded: an import of it is a circle
    NCR_VEC(const struct ncr_module *) order;
    bool full;
};

static struct ncr_str folder_of(struct ncr_str path)
{
    uint32_t n = path.n;
    while (n > 0 && path.s[n - 1] != '/')
        n--;
    return (struct ncr_str){path.s, n};
}

static struct ncr_str stem_of(struct ncr_str path)
{
    struct ncr_str folder = folder_of(path), name = {path.s + folder.n, path.n - folder.n};
    for (uint32_t i = name.n; i-- > 1;)
        if (name.s[i] == '.') return (struct ncr_str){name.s, i};
    return name;
}

static bool is_std(struct ncr_str name)
{
    return name.n > 4 && memcmp(name.s, "std.", 4) == 0;
}

// "a.b" as "<folder>a/b.ncr".
static struct ncr_str path_of(struct loader *l, struct ncr_str folder, struct ncr_str dotted)
{
    struct ncr_str path =
        ncr_str_fmt(l->arena, "%.*s%.*s.ncr", NCR_STR_ARG(folder), NCR_STR_ARG(dotted));
    char *s = ncr_arena_copy(l->arena, path.s, (size_t)path.n + 1);
    for (uint32_t i = folder.n; i < folder.n + dotted.n; i++)
        if (s[i] == '.') s[i] = '/';
    return (struct ncr_str){s, path.n};
}

static struct ncr_module *load(struct loader *l, struct ncr_str name, struct ncr_str key,
                               uint32_t file, struct ncr_str folder);

// Reads the text of an import into the source map. 0 after a diagnostic.
static uint32_t read_import(struct loader *l, const struct ncr_ast *import, struct ncr_str path,
                            bool std)
{
    struct ncr_error err;
    struct ncr_buf text = {0};
    struct ncr_str shown = path;
    enum ncr_status status = NCR_ENVIRONMENT;
    if (!std || l->stdlib_path) {
        status = l->io->read_file(l->io->user, path.s, NCR_LIMIT_FILE_BYTES + 1, &text, &err);
        if (status == NCR_OK) {
            uint32_t file = ncr_sources_add(
                l->sources, shown, (struct ncr_str){text.s ? text.s : "", (uint32_t)text.n});
            ncr_buf_free(&text);
            return file;
        }
        ncr_buf_free(&text);
    }
    for (size_t i = 0; std && i < ncr_stdlib_count; i++)
        if (ncr_str_is(import->text, ncr_stdlib[i].module)) {
            struct ncr_str name = ncr_str_fmt(l->arena, "<%.*s>", NCR_STR_ARG(import->text));
            return ncr_sources_add(l->sources, name,
                                   (struct ncr_str){ncr_stdlib[i].text, (uint32_t)ncr_stdlib[i].n});
        }
    if (!std) {
        struct ncr_diag *d =
            NCR_DIAG(l->diags, NO_MODULE, import->name_span, NCR_STR_ARG(import->text), err.text);
        struct ncr_str full = ncr_str_fmt(l->arena, "std.%.*s", NCR_STR_ARG(import->text));
        for (size_t i = 0; i < ncr_stdlib_count; i++)
            if (ncr_str_is(full, ncr_stdlib[i].module))
                ncr_diag_help(l->diags, d, "did you mean `%s`?", full.s);
        return 0;
    }
    struct ncr_diag *d = NCR_DIAG(l->diags, NO_MODULE, import->name_span, NCR_STR_ARG(import->text),
                                  "the standard library has none of that name");
    struct ncr_str *names = NCR_NEW_N(l->arena, struct ncr_str, ncr_stdlib_count + 1);
    for (size_t i = 0; i < ncr_stdlib_count; i++)
        names[i] = ncr_str_of(ncr_stdlib[i].module);
    struct ncr_str near = ncr_diag_nearest(import->text, names, (uint32_t)ncr_stdlib_count);
    if (near.n) ncr_diag_help(l->diags, d, "did you mean `%.*s`?", NCR_STR_ARG(near));
    return 0;
}

static void import_one(struct loader *l, struct ncr_module *module, const struct ncr_ast *import,
                       struct ncr_str folder)
{
    bool std = is_std(import->text);
    struct ncr_str rest = {import->text.s + 4, import->text.n - 4};
    struct ncr_str base =
        std ? ncr_str_fmt(l->arena, "%s/", l->stdlib_path ? l->stdlib_path : "std") : folder;
    struct ncr_str path = path_of(l, base, std ? rest : import->text),
                   key = std ? import->text : path;
    for (uint32_t i = 0; i < module->n_imports; i++)
        if (ncr_str_eq(module->imports[i]->name, import->text)) {
            NCR_DIAG(l->diags, IMPORTED_TWICE, import->name_span, NCR_STR_ARG(import->text));
            return;
        }
    struct ncr_module *found = NULL;
    for (uint32_t i = 0; i < l->known.n && !found; i++) {
        if (!ncr_str_eq(l->keys.at[i], key)) continue;
        found = l->known.at[i];
        if (!l->open.at[i]) continue;
        uint32_t around = 0;
        for (uint32_t k = i; k < l->open.n; k++)
            around += l->open.at[k];
        NCR_DIAG(l->diags, IMPORT_CYCLE, import->name_span, NCR_STR_ARG(import->text), around,
                 around == 1 ? "" : "s");
        return;
    }
    if (!found) {
        if (l->known.n >= NCR_LIMIT_IMPORTS) {
            if (!l->full)
                NCR_DIAG(l->diags, TOO_MANY_IMPORTS, import->name_span,
                         (unsigned)NCR_LIMIT_IMPORTS);
            l->full = true;
            return;
        }
        uint32_t file = read_import(l, import, path, std);
        if (!file) return;
        found = load(l, import->text, key, file, folder_of(path));
    }
    module->import_spans[module->n_imports] = import->name_span;
    module->imports[module->n_imports++] = found;
}

static struct ncr_module *load(struct loader *l, struct ncr_str name, struct ncr_str key,
                               uint32_t file, struct ncr_str folder)
{
    struct ncr_module *module = NCR_NEW(l->arena, struct ncr_module);
    uint32_t index = l->known.n;
    module->name = name;
    ncr_vec_push(l->arena, &l->known, module);
    ncr_vec_push(l->arena, &l->keys, key);
    ncr_vec_push(l->arena, &l->open, true);
    module->syntax = ncr_parse(l->arena, l->diags, file);
    const struct ncr_ast *root = module->syntax->root;
    module->imports = NCR_NEW_N(l->arena, const struct ncr_module *, root->n_kids);
    module->import_spans = NCR_NEW_N(l->arena, struct ncr_span, root->n_kids);
    for (uint32_t i = 0; i < root->n_kids; i++)
        if (root->kid[i]->kind == NCR_AST_IMPORT) import_one(l, module, root->kid[i], folder);
    l->open.at[index] = false;
    ncr_vec_push(l->arena, &l->order, module);
    return module;
}

static struct ncr_modules *load_root(struct loader *l, struct ncr_str name, struct ncr_str text,
                                     struct ncr_str folder)
{
    struct ncr_str kept = ncr_str_dup(l->arena, name), base = ncr_str_dup(l->arena, folder);
    if (base.n && base.s[base.n - 1] != '/')
        base = ncr_str_fmt(l->arena, "%.*s/", NCR_STR_ARG(base));
    struct ncr_modules *modules = NCR_NEW(l->arena, struct ncr_modules);
    modules->root = load(l, stem_of(kept), kept, ncr_sources_add(l->sources, kept, text), base);
    modules->at = l->order.at;
    modules->n = l->order.n;
    modules->root_folder = base;
    return modules;
}

struct ncr_modules *ncr_modules_load(struct ncr_arena *arena, struct ncr_sources *sources,
                                     struct ncr_diags *diags, const struct ncr_io *io,
                                     const char *path, const char *stdlib_path,
                                     struct ncr_error *err)
{
    struct loader l = {arena, sources, diags, io, stdlib_path, {0}, {0}, {0}, {0}, false};
    struct ncr_buf text = {0};
    struct ncr_modules *modules = NULL;
    if (io->read_file(io->user, path, NCR_LIMIT_FILE_BYTES + 1, &text, err) == NCR_OK)
        modules = load_root(&l, ncr_str_of(path),
                            (struct ncr_str){text.s ? text.s : "", (uint32_t)text.n},
                            folder_of(ncr_str_of(path)));
    ncr_buf_free(&text);
    return modules;
}

struct ncr_modules *ncr_modules_load_text(struct ncr_arena *arena, struct ncr_sources *sources,
                                          struct ncr_diags *diags, const struct ncr_io *io,
                                          struct ncr_str name, struct ncr_str text,
                                          struct ncr_str folder, const char *stdlib_path)
{
    struct loader l = {arena, sources, diags, io, stdlib_path, {0}, {0}, {0}, {0}, false};
    return load_root(&l, name, text, folder);
}
