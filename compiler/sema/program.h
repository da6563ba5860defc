// A checked program: names resolved, declarations read, nets ready to be elaborated into graphs.
#ifndef NCR_SEMA_PROGRAM_H
#define NCR_SEMA_PROGRAM_H

#include "compiler/ir/config.h"
#include "compiler/ir/graph.h"
#include "lang/module.h"

struct ncr_program;

// Resolves and checks all modules: scopes, duplicate names, declarations against their field tables, every net that
// has no open decision by elaborating it once. Never NULL; whether it is usable is diags->n_errors == 0.
struct ncr_program *ncr_program_check(struct ncr_arena *arena, struct ncr_diags *diags,
                                      const struct ncr_modules *modules);

struct ncr_net_info {
    struct ncr_str name;
    struct ncr_span span;
    struct ncr_str doc;
    bool has_decisions; // needs a genotype before it is a network
    const struct ncr_graph *graph; // already elaborated; NULL where it has decisions or errors
};

// Nets of the root module, in source order (imported ones are usable in expressions, not commands).
uint32_t ncr_program_net_count(const struct ncr_program *program);
const struct ncr_net_info *ncr_program_net(const struct ncr_program *program, uint32_t index);
// The net named `name`; with an empty name the only net of the root module, or the last one. NCR_USAGE with the names
// there are (and the nearest) where there is none.
enum ncr_status ncr_program_find_net(const struct ncr_program *program, struct ncr_str name,
                                     const struct ncr_net_info **out, struct ncr_error *err);
const struct ncr_config *ncr_program_config(const struct ncr_program *program);
// Base folder of relative paths in the program.
struct ncr_str ncr_program_folder(const struct ncr_program *program);
// Text form of the checked module: every item with its resolved type, parameters and fields (`emit --stage module`).
void ncr_program_dump(const struct ncr_program *program, struct ncr_buf *out);

#endif
