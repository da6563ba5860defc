// Plan to LLVM module: one function a step, and run, load, store around them.
#include <llvm-c/Analysis.h>
#include <stdio.h>

#include "compiler/codegen/emit.h"

static void attribute(struct ncr_emit *e, LLVMValueRef f, const char *key, const char *value)
{
    LLVMAttributeRef a = LLVMCreateStringAttribute(e->context, key, (unsigned)strlen(key), value,
                                                   (unsigned)strlen(value));
    LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, a);
}

LLVMValueRef ncr_emit_function(struct ncr_emit *e, const char *name, LLVMTypeRef result, uint32_t n,
                               uint32_t words, bool is_public)
{
    LLVMTypeRef args[8];
    for (uint32_t i = 0; i < n; i++)
        args[i] = words >> i & 1 ? e->word : e->ptr;
    e->function = LLVMAddFunction(e->module, name, LLVMFunctionType(result, args, n, false));
    LLVMSetLinkage(e->function, is_public ? LLVMExternalLinkage : LLVMInternalLinkage);
    unsigned nounwind = LLVMGetEnumAttributeKindForName("nounwind", 8);
    LLVMAddAttributeAtIndex(e->function, LLVMAttributeFunctionIndex,
                            LLVMCreateEnumAttribute(e->context, nounwind, 0));
    // Loops are copies of bytes in places; a call to memcpy or memset would need a libc.
    attribute(e, e->function, "no-builtins", "");
    if (e->family->lanes == 16) { // the tuning of some processors prefers 256 bits
        attribute(e, e->function, "prefer-vector-width", "512");
        attribute(e, e->function, "min-legal-vector-width", "512");
    }
    LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(e->context, e->function, "entry");
    LLVMBasicBlockRef body = LLVMAppendBasicBlockInContext(e->context, e->function, "body");
    LLVMPositionBuilderAtEnd(e->b, entry);
    LLVMBuildBr(e->b, body); // stack slots go before this branch
    LLVMPositionBuilderAtEnd(e->b, body);
    return e->function;
}

// The border of tensor q gets the zero point. Right border, and left border of the next row, are
// one run of bytes.
static void fill_border(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_buffer *b = &e->plan->buffers[q];
    if (!(b->border[0] || b->border[1] || b->border[2] || b->border[3])) return;
    uint8_t zero = ncr_stored(e, e->graph->nodes[q].zero_point);
    int64_t row = (int64_t)b->width * b->channels, between = b->row_bytes - row;
    ncr_emit_fill(e, ncr_at(e, e->arena, NULL, 0, (int64_t)b->offset), b->first, zero);
    if (between && b->height > 1) {
        struct ncr_loop y = ncr_loop_begin(e, b->height - 1);
        ncr_emit_fill(e, ncr_at(e, ncr_tensor(e, q), y.index, b->row_bytes, row), between, zero);
        ncr_loop_end(e, &y);
    }
    int64_t end = b->first + (b->height - 1) * b->row_bytes + row;
    ncr_emit_fill(e, ncr_at(e, e->arena, NULL, 0, (int64_t)b->offset + end),
                  (int64_t)b->bytes - NCR_PLAN_TAIL - end, zero);
}

static void emit_step(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    switch (node->op) {
    case NCR_QOP_CONV:
    case NCR_QOP_DENSE: ncr_emit_matmul(e, q); break;
    case NCR_QOP_DWCONV:
        if (ncr_is_depthwise(e->graph, node))
            ncr_emit_depthwise(e, q);
        else
            ncr_emit_matmul(e, q);
        break;
    case NCR_QOP_ADD:
    case NCR_QOP_MUL:
    case NCR_QOP_CONCAT:
    case NCR_QOP_LUT: ncr_emit_elementwise(e, q); break;
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_AVGPOOL: ncr_emit_pool(e, q); break;
    case NCR_QOP_SOFTMAX: ncr_emit_softmax(e, q); break;
    case NCR_QOP_UPSAMPLE:
    case NCR_QOP_PAD:
    case NCR_QOP_RESHAPE: ncr_emit_move(e, q); break;
    case NCR_QOP_INPUT:
    case NCR_QOP_COUNT_: NCR_BUG("%s is no step", node->op == NCR_QOP_INPUT ? "input" : "nothing");
    }
    fill_border(e, q);
}

// in and out are arrays of pointers, one a tensor.
static LLVMValueRef pointer(struct ncr_emit *e, LLVMValueRef array, uint32_t i)
{
    LLVMValueRef index = ncr_word(e, i);
    return LLVMBuildLoad2(e->b, e->ptr, LLVMBuildInBoundsGEP2(e->b, e->ptr, array, &index, 1, ""),
                          "");
}

void ncr_emit_call(struct ncr_emit *e, LLVMValueRef function, LLVMValueRef *args, uint32_t n)
{
    LLVMBuildCall2(e->b, LLVMGlobalGetValueType(function), function, args, n, "");
}

// Gives the function `run`.
static LLVMValueRef emit_all(struct ncr_emit *e, bool is_public, LLVMValueRef *steps)
{
    const struct ncr_plan *plan = e->plan;
    LLVMValueRef load = ncr_emit_function(e, "load", e->nothing, 2, 0, is_public);
    e->arena = LLVMGetParam(load, 0);
    for (uint32_t i = 0; i < e->graph->n_inputs; i++) {
        ncr_emit_input(e, e->graph->inputs[i], pointer(e, LLVMGetParam(load, 1), i));
        fill_border(e, e->graph->inputs[i]);
    }
    LLVMBuildRetVoid(e->b);
    LLVMValueRef store = ncr_emit_function(e, "store", e->nothing, 2, 0, is_public);
    e->arena = LLVMGetParam(store, 0);
    for (uint32_t i = 0; i < e->graph->n_outputs; i++)
        ncr_emit_output(e, e->graph->outputs[i], pointer(e, LLVMGetParam(store, 1), i));
    LLVMBuildRetVoid(e->b);
    for (uint32_t s = e->graph->n_inputs; s < plan->n_steps; s++) {
        char name[32];
        snprintf(name, sizeof name, "step_%u", s);
        steps[s] = ncr_emit_function(e, name, e->nothing, 2, 0, is_public);
        e->blob = LLVMGetParam(e->function, 0);
        e->arena = LLVMGetParam(e->function, 1);
        emit_step(e, plan->steps[s]);
        LLVMBuildRetVoid(e->b);
    }
    LLVMValueRef run = ncr_emit_function(e, "run", e->nothing, 4, 0, is_public);
    LLVMValueRef arg[4];
    for (uint32_t i = 0; i < 4; i++)
        arg[i] = LLVMGetParam(run, i);
    ncr_emit_call(e, load, &arg[1], 2);
    for (uint32_t s = e->graph->n_inputs; s < plan->n_steps; s++)
        ncr_emit_call(e, steps[s], &arg[0], 2);
    ncr_emit_call(e, store, (LLVMValueRef[]){arg[1], arg[3]}, 2);
    LLVMBuildRetVoid(e->b);
    return run;
}

LLVMModuleRef ncr_emit_module(LLVMContextRef context, const struct ncr_packs *packs,
                              const char *triple, const char *layout, uint32_t word_bits,
                              const struct ncr_code_options *options, const uint8_t *blob)
{
    struct ncr_emit e = {
        .plan = packs->plan, .graph = packs->plan->qgraph, .packs = packs, .family = packs->family};
    e.context = context;
    e.module = LLVMModuleCreateWithNameInContext("nacre", context);
    LLVMSetTarget(e.module, triple);
    LLVMSetDataLayout(e.module, layout);
    e.b = LLVMCreateBuilderInContext(context);
    e.i1 = LLVMInt1TypeInContext(context);
    e.i8 = LLVMInt8TypeInContext(context);
    e.i32 = LLVMInt32TypeInContext(context);
    e.i64 = LLVMInt64TypeInContext(context);
    e.word = LLVMIntTypeInContext(context, word_bits);
    e.ptr = LLVMPointerTypeInContext(context, 0);
    e.nothing = LLVMVoidTypeInContext(context);
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory while emitting");
    LLVMValueRef run =
        emit_all(&e, blob == NULL, NCR_NEW_N(scratch, LLVMValueRef, packs->plan->n_steps));
    ncr_arena_free(scratch);
    if (blob) ncr_emit_interface(&e, options, blob, run);
    LLVMDisposeBuilder(e.b);
    char *message = NULL;
    if (LLVMVerifyModule(e.module, LLVMReturnStatusAction, &message))
        NCR_BUG("the emitted module is wrong: %s", message);
    LLVMDisposeMessage(message);
    return e.module;
}
