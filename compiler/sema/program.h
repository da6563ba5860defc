// A checked program: names resolved, declarations read, nets ready to be elaborated into graphs.
#ifndef NCR_SEMA_PROGRAM_H
#define NCR_SEMA_PROGRAM_H

#include "compiler/ir/config.h"
#include "compiler/ir/graph.h"
#include "compiler/space/space.h"
#include "lang/module.h"

struct ncr_program;

// Resolves and checks all modules: scopes, duplicate names, declarations against their field
// tables, every net that has no open decision by elaborating it once. Never NULL; whether it is
// usable is diags->n_errors == 0.
struct ncr_program *ncr_program_check(struct ncr_arena *arena, struct ncr_diags *diags,
                                      const struct ncr_modules *modules);

struct ncr_net_info {
    struct ncr_str name;
    struct ncr_span span;
    struct ncr_str doc;
    struct ncr_str parameter; // the first parameter without a default; empty: none, so that it is a
                              // net as it stands
    bool has_decisions;       // needs a genotype before it is a network; the first open decision is
    struct ncr_str decision;  // its path, "tiny/width"
    struct ncr_span decision_span;
    const struct ncr_graph *graph; // already elaborated; NULL where it has decisions or errors
    struct ncr_space *space;       // where it has decisions and no errors; NULL otherwise
};

// Nets of the root module, in source order (imported ones are usable in expressions, not commands).
uint32_t ncr_program_net_count(const struct ncr_program *program);
const struct ncr_net_info *ncr_program_net(const struct ncr_program *program, uint32_t index);
// What the root module defines, in source order: kind is "net", "block", "let", "mutation" or the
// kind of a declaration.
struct ncr_item_info {
    const char *kind;
    struct ncr_str name;
    struct ncr_span span;
};
uint32_t ncr_program_item_count(const struct ncr_program *program);
struct ncr_item_info ncr_program_item(const struct ncr_program *program, uint32_t index);
// The net named `name`; with an empty name the only net of the root module, or the last one.
// NCR_USAGE with the names there are (and the nearest) where there is none.
enum ncr_status ncr_program_find_net(const struct ncr_program *program, struct ncr_str name,
                                     const struct ncr_net_info **out, struct ncr_error *err);
// The network of a net. NULL after a diagnostic that names the first open decision or the parameter
// without a value; NULL without one where checking the net already reported errors.
const struct ncr_graph *ncr_program_graph(const struct ncr_program *program,
                                          const struct ncr_net_info *net, struct ncr_diags *diags);
const struct ncr_config *ncr_program_config(const struct ncr_program *program);
// Live bytes of a network at their peak, in 8 bits, as the report gives them and
// `peak_memory(this)` requires them; 0 where it cannot be quantised.
int64_t ncr_peak_memory(const struct ncr_graph *graph);
// Base folder of relative paths in the program.
struct ncr_str ncr_program_folder(const struct ncr_program *program);
// Text form of the checked module: every item with its resolved type, parameters and fields (`emit
// --stage module`).
void ncr_program_dump(const struct ncr_program *program, struct ncr_buf *out);

#endif
