// Plan to LLVM module: one function a step, and run, load, store around them.
#include <llvm-c/Analysis.h>
#include <stdio.h>

#include "compiler/codegen/debug.h"
#include "compiler/codegen/products.h"
#include "compiler/codegen/target.h"

void ncr_emit_step(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    if (ncr_plan_stored_as(e->plan, q) != q) return; // a part of that step
    uint32_t fused = ncr_plan_fused(e->plan, q);
    if (fused != NCR_PLAN_OWN) {
        ncr_emit_matmul(e, fused);
        ncr_emit_border(e, q);
        return;
    }
    bool moves = ncr_qop_copies(node->op) && node->op != NCR_QOP_MAXPOOL; // of any width
    if (e->packs->at[q].wide && !moves) {
        ncr_emit_wide(e, q);
        ncr_emit_border(e, q);
        return;
    }
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
    case NCR_QOP_MUL: ncr_emit_elementwise(e, q); break;
    case NCR_QOP_CONCAT:
    case NCR_QOP_LUT: ncr_emit_table(e, q); break;
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_AVGPOOL: ncr_emit_pool(e, q); break;
    case NCR_QOP_SOFTMAX: ncr_emit_softmax(e, q); break;
    case NCR_QOP_UPSAMPLE:
    case NCR_QOP_PAD:
    case NCR_QOP_ZERO:
    case NCR_QOP_RESHAPE: ncr_emit_move(e, q); break;
    case NCR_QOP_INPUT:
    case NCR_QOP_COUNT_: NCR_BUG("%s is no step", node->op == NCR_QOP_INPUT ? "input" : "nothing");
    }
    ncr_emit_border(e, q);
}

LLVMValueRef ncr_pointer(struct ncr_emit *e, LLVMValueRef array, uint32_t i)
{
    LLVMValueRef index = ncr_word(e, i);
    return LLVMBuildLoad2(e->b, e->ptr, LLVMBuildInBoundsGEP2(e->b, e->ptr, array, &index, 1, ""),
                          "");
}

// Gives the function `run`. in and out are arrays of pointers, one a tensor.
static LLVMValueRef emit_all(struct ncr_emit *e, bool is_public, LLVMValueRef *steps)
{
    const struct ncr_plan *plan = e->plan;
    e->layer = e->graph->inputs[0];
    LLVMValueRef load = ncr_emit_function(e, "load", e->nothing, 2, 0, is_public);
    e->arena = LLVMGetParam(load, 0);
    for (uint32_t i = 0; i < e->graph->n_inputs; i++) {
        ncr_emit_input(e, e->graph->inputs[i], ncr_pointer(e, LLVMGetParam(load, 1), i));
        ncr_emit_border(e, e->graph->inputs[i]);
    }
    LLVMBuildRetVoid(e->b);
    LLVMValueRef store = ncr_emit_function(e, "store", e->nothing, 2, 0, is_public);
    e->arena = LLVMGetParam(store, 0);
    for (uint32_t i = 0; i < e->graph->n_outputs; i++)
        ncr_emit_output(e, e->graph->outputs[i], ncr_pointer(e, LLVMGetParam(store, 1), i));
    LLVMBuildRetVoid(e->b);
    for (uint32_t s = e->graph->n_inputs; s < plan->n_steps; s++) {
        char name[32];
        snprintf(name, sizeof name, "step_%u", s);
        e->layer = plan->steps[s];
        steps[s] = ncr_emit_function(e, name, e->nothing, 2, 0, is_public);
        e->blob = LLVMGetParam(e->function, 0);
        e->arena = LLVMGetParam(e->function, 1);
        ncr_emit_step(e, plan->steps[s]);
        LLVMBuildRetVoid(e->b);
    }
    e->layer = e->graph->inputs[0];
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
                              const struct ncr_target *target,
                              const struct ncr_code_options *options, const uint8_t *blob)
{
    struct ncr_emit e = {.plan = packs->plan,
                         .graph = packs->plan->qgraph,
                         .packs = packs,
                         .family = packs->family,
                         .frames = options && options->stack_bytes,
                         .small = packs->optimize == NCR_OPTIMIZE_SIZE,
                         .masks = target->masks,
                         .permutes = target->permutes,
                         .multiplies = target->multiplies,
                         .context = context};
    e.rolled = ncr_tile_rolled(packs->family, packs->optimize);
    e.scratch = ncr_arena_new(0);
    if (!e.scratch) NCR_BUG("out of memory while emitting");
    e.module = LLVMModuleCreateWithNameInContext("nacre", context);
    LLVMSetTarget(e.module, target->triple);
    LLVMSetDataLayout(e.module, target->layout);
    e.b = LLVMCreateBuilderInContext(context);
    e.i1 = LLVMInt1TypeInContext(context);
    e.i8 = LLVMInt8TypeInContext(context);
    e.i16 = LLVMInt16TypeInContext(context);
    e.i32 = LLVMInt32TypeInContext(context);
    e.i64 = LLVMInt64TypeInContext(context);
    e.word = LLVMIntTypeInContext(context, target->word_bits);
    e.ptr = LLVMPointerTypeInContext(context, 0);
    e.nothing = LLVMVoidTypeInContext(context);
    e.debug = ncr_debug_open(&e, options);
    LLVMValueRef run =
        packs->plan->batch > 1
            ? ncr_emit_batch(&e, blob == NULL)
            : emit_all(&e, blob == NULL, NCR_NEW_N(e.scratch, LLVMValueRef, packs->plan->n_steps));
    if (blob) ncr_emit_interface(&e, options, blob, run);
    if (!e.multiplies) ncr_products_lower(&e);
    ncr_debug_close(&e);
    ncr_arena_free(e.scratch);
    LLVMDisposeBuilder(e.b);
    char *message = NULL;
    if (LLVMVerifyModule(e.module, LLVMReturnStatusAction, &message))
        NCR_BUG("the emitted module is wrong: %s", message);
    LLVMDisposeMessage(message);
    return e.module;
}
