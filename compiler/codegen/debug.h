// Private to compiler/codegen: which line of the network's text machine code comes from, so that
// debuggers and profilers show layers.
#ifndef NCR_CODEGEN_DEBUG_H
#define NCR_CODEGEN_DEBUG_H

#include "compiler/codegen/emit.h"

struct ncr_debug;

// For a module whose places are known (options->places). NULL where they are not.
struct ncr_debug *ncr_debug_open(struct ncr_emit *e, const struct ncr_code_options *options);
// Describes a function that was just made, as one of the layer at hand (e->layer), and gives the
// place to the instructions that follow.
void ncr_debug_function(struct ncr_emit *e, LLVMValueRef function, const char *name);
// Goes on with the place of the function at hand, after another one was emitted.
void ncr_debug_resume(struct ncr_emit *e);
void ncr_debug_close(struct ncr_emit *e);

#endif
