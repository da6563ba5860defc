// Private to compiler/codegen: the stack that emitted code uses.
#ifndef NCR_CODEGEN_STACK_H
#define NCR_CODEGEN_STACK_H

#include <llvm-c/Core.h>

#include "lang/base/arena.h"

struct ncr_frame {
    struct ncr_frame *next;
    const char *function;
    uint64_t bytes;
};

// The frames of a module's functions, told by LLVM while it makes machine code.
struct ncr_frames {
    struct ncr_arena *arena;
    struct ncr_frame *first;
};

// Gathers the frames of what is emitted in the context from now on.
void ncr_frames_watch(struct ncr_frames *frames, struct ncr_arena *arena, LLVMContextRef context);
// The most bytes of stack below the caller of `name`: the largest sum of frames along a chain of
// calls, with `each` more bytes for every call. The calls of emitted code form no circle.
uint64_t ncr_frames_depth(const struct ncr_frames *frames, LLVMModuleRef module, const char *name,
                          uint64_t each);

#endif
