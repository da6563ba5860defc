// Modules: a root file and all that it imports, parsed and put in dependency order.
// `import std.blocks` is stdlib/blocks.ncr: looked up in the given library path first, then in the embedded copy;
// any other dotted name is a file relative to the folder of the importing file.
#ifndef NCR_LANG_MODULE_H
#define NCR_LANG_MODULE_H

#include "lang/ast.h"
#include "lang/base/io.h"

struct ncr_module {
    struct ncr_str name; // dotted name as imported; the root's is its file name without folder and ending
    struct ncr_syntax *syntax;
    const struct ncr_module **imports; // in source order
    struct ncr_span *import_spans;
    uint32_t n_imports;
};

struct ncr_modules {
    const struct ncr_module **at; // imported before importer; the root is last
    uint32_t n;
    const struct ncr_module *root;
    struct ncr_str root_folder; // "" or ending in '/'; base of relative paths in the program
};

// Loads a program. NULL only on an environment error for the root file itself (text in err); an import that cannot be
// read is a diagnostic at the import. stdlib_path may be NULL.
struct ncr_modules *ncr_modules_load(struct ncr_arena *arena, struct ncr_sources *sources, struct ncr_diags *diags,
                                     const struct ncr_io *io, const char *path, const char *stdlib_path,
                                     struct ncr_error *err);
// The same from a text in memory (name is printed in diagnostics; imports are relative to folder).
struct ncr_modules *ncr_modules_load_text(struct ncr_arena *arena, struct ncr_sources *sources,
                                          struct ncr_diags *diags, const struct ncr_io *io, struct ncr_str name,
                                          struct ncr_str text, struct ncr_str folder, const char *stdlib_path);

// The embedded standard library: n files, module name ("std.blocks") and text.
struct ncr_stdlib_file {
    const char *module;
    const char *text;
    size_t n;
};
extern const struct ncr_stdlib_file ncr_stdlib[];
extern const size_t ncr_stdlib_count;

#endif
