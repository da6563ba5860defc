// Kernels: functions that nodes of equal shape share, each called with its own pointers.
#include <stdio.h>
#include <string.h>

#include "compiler/codegen/debug.h"

static void attribute(struct ncr_emit *e, LLVMValueRef f, const char *key, const char *value)
{
    LLVMAttributeRef a = LLVMCreateStringAttribute(e->context, key, (unsigned)strlen(key), value,
                                                   (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, a);
}

static void flag(struct ncr_emit *e, LLVMValueRef f, const char *name, LLVMAttributeIndex at)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
    LLVMAddAttributeAtIndex(f, at, LLVMCreateEnumAttribute(e->context, kind, 0));
}

LLVMValueRef ncr_emit_function(struct ncr_emit *e, const char *name, LLVMTypeRef result, uint32_t n,
                               uint32_t words, bool is_public)
{
    LLVMTypeRef args[32];
    if (n > NCR_COUNT(args)) NCR_BUG("function with %u arguments", n);
    for (uint32_t i = 0; i < n; i++)
        args[i] = words >> i & 1 ? e->word : e->ptr;
    e->function = LLVMAddFunction(e->module, name, LLVMFunctionType(result, args, n, false));
    LLVMSetLinkage(e->function, is_public ? LLVMExternalLinkage : LLVMInternalLinkage);
    flag(e, e->function, "nounwind", LLVMAttributeFunctionIndex);
    // Loops are copies of bytes in places; a call to memcpy or memset would need a libc.
    attribute(e, e->function, "no-builtins", "");
    // "minsize" saves nothing more on kernels, and calls functions of a libc and of its own making.
    if (e->small) flag(e, e->function, "optsize", LLVMAttributeFunctionIndex);
    if (e->frames) attribute(e, e->function, "warn-stack-size", "0");
    if (e->family->lanes == 16) { // the tuning of some processors prefers 256 bits
        attribute(e, e->function, "prefer-vector-width", "512");
        attribute(e, e->function, "min-legal-vector-width", "512");
    }
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(e->context, e->function, "entry");
    LLVMBasicBlockRef body = LLVMAppendBasicBlockInContext(e->context, e->function, "body");
    LLVMPositionBuilderAtEnd(e->b, entry);
    ncr_debug_function(e, e->function, name);
    LLVMBuildBr(e->b, body); // stack slots go before this branch
    LLVMPositionBuilderAtEnd(e->b, body);
    return e->function;
}

LLVMValueRef ncr_kernel(struct ncr_emit *e, const char *name, uint32_t n_ptr, uint32_t n_word,
                        bool apart, ncr_body body, void *user)
{
    LLVMValueRef f = LLVMGetNamedFunction(e->module, name);
    if (f) return f;
    struct ncr_emit caller = *e;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
    uint32_t words = ((UINT32_C(1) << n_word) - 1) << n_ptr;
    f = ncr_emit_function(e, name, e->nothing, n_ptr + n_word, words, false);
    for (uint32_t i = 0; apart && i < n_ptr; i++)
        flag(e, f, "noalias", (LLVMAttributeIndex)(i + 1));
    body(e, f, user);
    LLVMBuildRetVoid(e->b);
    *e = caller;
    LLVMPositionBuilderAtEnd(e->b, here);
    ncr_debug_resume(e);
    return f;
}

struct ncr_key ncr_key_make(const char *name, const int64_t *numbers, uint32_t n)
{
    struct ncr_key key;
    size_t used = (size_t)snprintf(key.text, sizeof key.text, "%s", name);
    for (uint32_t i = 0; i < n; i++) {
        used += (size_t)snprintf(key.text + used, sizeof key.text - used, "_%lld",
                                 (long long)numbers[i]);
        if (used >= sizeof key.text) NCR_BUG("the key of a kernel is too long: %s", key.text);
    }
    return key;
}

void ncr_emit_call(struct ncr_emit *e, LLVMValueRef function, LLVMValueRef *args, uint32_t n)
{
    LLVMBuildCall2(e->b, LLVMGlobalGetValueType(function), function, args, n, "");
}
