// Frames of functions, and calls between them, to the bytes of stack that a call can need.
#include "compiler/codegen/stack.h"

#include <stdlib.h>
#include <string.h>

#include "lang/base/str.h"

// LLVM's text for the attribute "warn-stack-size" is
//   stack frame size (N) exceeds limit (0) in function 'NAME'
static void take(LLVMDiagnosticInfoRef info, void *user)
{
    struct ncr_frames *frames = user;
    char *text = LLVMGetDiagInfoDescription(info);
    static const char head[] = "stack frame size (";
    char *at = strstr(text, head), *name = strchr(text, '\''), *end = strrchr(text, '\'');
    if (at && name && end > name) {
        struct ncr_frame *frame = NCR_NEW(frames->arena, struct ncr_frame);
        frame->bytes = strtoull(at + sizeof head - 1, NULL, 10);
        frame->function =
            ncr_str_dup(frames->arena, (struct ncr_str){name + 1, (uint32_t)(end - name - 1)}).s;
        frame->next = frames->first;
        frames->first = frame;
    }
    LLVMDisposeMessage(text);
}

void ncr_frames_watch(struct ncr_frames *frames, struct ncr_arena *arena, LLVMContextRef context)
{
    *frames = (struct ncr_frames){.arena = arena};
    LLVMContextSetDiagnosticHandler(context, take, frames);
}

static uint64_t depth(const struct ncr_frames *frames, LLVMValueRef f, uint64_t each)
{
    size_t n;
    const char *name = LLVMGetValueName2(f, &n);
    uint64_t own = 0, most = 0;
    for (const struct ncr_frame *at = frames->first; at; at = at->next)
        if (strcmp(at->function, name) == 0) own = at->bytes;
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
            if (!LLVMIsACallInst(i)) continue;
            LLVMValueRef callee = LLVMGetCalledValue(i);
            if (!LLVMIsAFunction(callee) || LLVMIsDeclaration(callee)) continue;
            uint64_t below = depth(frames, callee, each);
            if (below > most) most = below;
        }
    return own + each + most;
}

uint64_t ncr_frames_depth(const struct ncr_frames *frames, LLVMModuleRef module, const char *name,
                          uint64_t each)
{
    LLVMValueRef f = LLVMGetNamedFunction(module, name);
    return f ? depth(frames, f, each) : 0;
}
