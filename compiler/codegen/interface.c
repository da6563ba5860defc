// The public face of an object: init, run, info, the constants and the description of the network.
#include <stdio.h>

#include "compiler/codegen/emit.h"
#include "compiler/codegen/interface.h"

bool ncr_interface_prefix(const char *prefix)
{
    for (size_t i = 0; prefix[i]; i++) {
        char c = prefix[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) return false;
    }
    return prefix[0] != 0;
}

static LLVMValueRef constant(struct ncr_emit *e, const char *name, LLVMValueRef value,
                             uint32_t align)
{
    LLVMValueRef global = LLVMAddGlobal(e->module, LLVMTypeOf(value), name);
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMInternalLinkage);
    LLVMSetAlignment(global, align);
    return global;
}

static LLVMValueRef bytes(struct ncr_emit *e, const char *name, const void *from, size_t n,
                          uint32_t align)
{
    return constant(e, name, LLVMConstStringInContext2(e->context, from, n, true), align);
}

static LLVMValueRef text(struct ncr_emit *e, const char *s, size_t n)
{
    LLVMValueRef value = LLVMConstStringInContext2(e->context, s, n, false); // with a NUL
    return constant(e, "text", value, 1);
}

// struct nacre_tensor of interface.h
static LLVMValueRef tensor(struct ncr_emit *e, uint32_t q, struct ncr_str name)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    LLVMValueRef dim[3];
    for (int i = 0; i < 3; i++)
        dim[i] = ncr_i32(e, i < (int)node->shape.rank ? node->shape.dim[i] : 1);
    LLVMValueRef fields[] = {text(e, name.s, name.n),
                             ncr_i32(e, node->shape.rank),
                             LLVMConstArray2(e->i32, dim, 3),
                             ncr_i32(e, ncr_shape_elements(&node->shape)),
                             ncr_i32(e, node->zero_point),
                             LLVMConstReal(LLVMDoubleTypeInContext(e->context), node->scale)};
    return LLVMConstStructInContext(e->context, fields, NCR_COUNT(fields), false);
}

static LLVMValueRef tensors(struct ncr_emit *e, const uint32_t *q, uint32_t n, bool outputs)
{
    LLVMValueRef *at = NCR_NEW_N(e->scratch, LLVMValueRef, n);
    for (uint32_t i = 0; i < n; i++)
        at[i] = tensor(e, q[i], ncr_interface_name(e->graph, i, outputs));
    return constant(e, outputs ? "outputs" : "inputs", LLVMConstArray2(LLVMTypeOf(at[0]), at, n),
                    8);
}

struct ncr_str ncr_interface_name(const struct ncr_qgraph *g, uint32_t i, bool output)
{
    // The path of a node begins with the network's name.
    struct ncr_str path = g->nodes[output ? g->outputs[i] : g->inputs[i]].path;
    if (output && g->graph && g->graph->outputs[i].name.n) return g->graph->outputs[i].name;
    for (uint32_t k = path.n; k > 0; k--)
        if (path.s[k - 1] == '/') return (struct ncr_str){path.s + k, path.n - k};
    return path;
}

static void emit_info(struct ncr_emit *e, const struct ncr_code_options *options,
                      const char *prefix, LLVMValueRef blob)
{
    const struct ncr_qgraph *g = e->graph;
    const char *id = options->arch_id ? options->arch_id : "";
    const char *triple = LLVMGetTarget(e->module);
    LLVMValueRef pixels = LLVMConstNull(e->ptr);
    if (options->pixels)
        pixels = bytes(e, "pixels", options->pixels,
                       256 * (size_t)g->nodes[g->inputs[0]].shape.dim[0], 64);
    LLVMValueRef fields[] = {text(e, g->name.s, g->name.n),
                             text(e, id, strlen(id)),
                             text(e, triple, strlen(triple)),
                             text(e, e->family->name, strlen(e->family->name)),
                             ncr_i32(e, g->n_inputs),
                             ncr_i32(e, g->n_outputs),
                             tensors(e, g->inputs, g->n_inputs, false),
                             tensors(e, g->outputs, g->n_outputs, true),
                             ncr_word(e, (int64_t)e->plan->arena_bytes),
                             ncr_word(e, (int64_t)NCR_PLAN_ALIGN),
                             [NCR_INTERFACE_STACK] = ncr_word(e, (int64_t)0),
                             blob,
                             ncr_word(e, (int64_t)e->packs->bytes),
                             pixels};
    LLVMValueRef info =
        constant(e, NCR_INTERFACE_NETWORK,
                 LLVMConstStructInContext(e->context, fields, NCR_COUNT(fields), false), 8);
    char name[256];
    snprintf(name, sizeof name, "%s_info", prefix);
    ncr_emit_function(e, name, e->ptr, 0, 0, true);
    LLVMBuildRet(e->b, info);
}

static void emit_init(struct ncr_emit *e, const char *prefix)
{
    char name[256];
    snprintf(name, sizeof name, "%s_init", prefix);
    LLVMValueRef f = ncr_emit_function(e, name, e->i32, 2, 1 << 1, true);
    LLVMBasicBlockRef good = LLVMAppendBasicBlockInContext(e->context, f, "good"),
                      bad = LLVMAppendBasicBlockInContext(e->context, f, "bad");
    LLVMValueRef address = LLVMBuildPtrToInt(e->b, LLVMGetParam(f, 0), e->word, "");
    LLVMValueRef low = LLVMBuildAnd(e->b, address, ncr_word(e, (int64_t)NCR_PLAN_ALIGN - 1), "");
    LLVMValueRef skewed = LLVMBuildICmp(e->b, LLVMIntNE, low, ncr_word(e, (int64_t)0), ""),
                 small = LLVMBuildICmp(e->b, LLVMIntULT, LLVMGetParam(f, 1),
                                       ncr_word(e, (int64_t)e->plan->arena_bytes), "");
    LLVMValueRef code =
        LLVMBuildSelect(e->b, skewed, ncr_i32(e, 1),
                        LLVMBuildSelect(e->b, small, ncr_i32(e, 2), ncr_i32(e, 0), ""), "");
    LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntEQ, code, ncr_i32(e, 0), ""), good, bad);
    LLVMPositionBuilderAtEnd(e->b, bad);
    LLVMBuildRet(e->b, code);
    LLVMPositionBuilderAtEnd(e->b, good);
    ncr_emit_fill(e, LLVMGetParam(f, 0), (int64_t)e->plan->arena_bytes,
                  LLVMConstInt(e->i8, 0, false));
    LLVMBuildRet(e->b, ncr_i32(e, 0));
}

void ncr_emit_interface(struct ncr_emit *e, const struct ncr_code_options *options,
                        const uint8_t *blob, LLVMValueRef run)
{
    const char *prefix = options->prefix ? options->prefix : "nacre";
    LLVMValueRef constants = bytes(e, "constants", blob, e->packs->bytes, 64);
    emit_init(e, prefix);
    char name[256];
    snprintf(name, sizeof name, "%s_run", prefix);
    LLVMValueRef f = ncr_emit_function(e, name, e->nothing, 3, 0, true);
    LLVMValueRef args[4] = {constants, LLVMGetParam(f, 0), LLVMGetParam(f, 1), LLVMGetParam(f, 2)};
    ncr_emit_call(e, run, args, 4);
    LLVMBuildRetVoid(e->b);
    emit_info(e, options, prefix, constants);
}
