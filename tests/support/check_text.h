// Programs in memory for tests: loaded, checked, their diagnostics as text.
#ifndef NCR_TEST_CHECK_TEXT_H
#define NCR_TEST_CHECK_TEXT_H

#include "compiler/sema/program.h"

struct checked {
    struct ncr_arena *arena;
    struct ncr_sources *sources;
    struct ncr_diags diags;
    struct ncr_modules *modules;
    struct ncr_program *program;
    struct ncr_buf text; // of the diagnostics
};

// Checks text as the file `name`; imports are looked up in folder ("" or ending in '/').
struct checked *check_text(const char *name, const char *text, const char *folder);
void checked_free(struct checked *c);
// The graph of a net in the text form, to be freed by the caller; empty where it has none.
struct ncr_buf graph_text(const struct checked *c, const char *net);

#endif
