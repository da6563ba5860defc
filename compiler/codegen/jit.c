// Plan to machine code in memory, through LLJIT; and the access to tensors and weights of running
// code.
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/codegen/emit.h"

typedef void (*step_function)(const uint8_t *blob, uint8_t *arena);
typedef void (*load_function)(uint8_t *arena, const int8_t *const *in);
typedef void (*run_function)(const uint8_t *blob, uint8_t *arena, const int8_t *const *in,
                             int8_t *const *out);

struct ncr_code {
    const struct ncr_plan *plan;
    struct ncr_arena *arena;
    struct ncr_packs packs;
    uint8_t *blob;
    LLVMOrcLLJITRef jit;
    step_function *steps;
    load_function load;
    run_function run;
};

static enum ncr_status llvm_fail(struct ncr_error *err, LLVMErrorRef error, const char *what)
{
    char *text = LLVMGetErrorMessage(error); // consumes error
    enum ncr_status status = ncr_fail(err, NCR_ENVIRONMENT, "%s: %s", what, text);
    LLVMDisposeErrorMessage(text);
    return status;
}

// A function address as a function pointer; the only place where the two are taken for each other.
static void *lookup(LLVMOrcLLJITRef jit, const char *name, LLVMErrorRef *error)
{
    LLVMOrcExecutorAddress address = 0;
    *error = LLVMOrcLLJITLookup(jit, &address, name);
    return (void *)(uintptr_t)address;
}

static enum ncr_status link_code(struct ncr_code *code, struct ncr_error *err)
{
    LLVMErrorRef error;
    code->steps = NCR_NEW_N(code->arena, step_function, code->plan->n_steps);
    for (uint32_t s = code->plan->qgraph->n_inputs; s < code->plan->n_steps; s++) {
        char name[32];
        snprintf(name, sizeof name, "step_%u", s);
        *(void **)&code->steps[s] = lookup(code->jit, name, &error);
        if (error) return llvm_fail(err, error, "LLVM cannot link a kernel");
    }
    *(void **)&code->load = lookup(code->jit, "load", &error);
    if (error) return llvm_fail(err, error, "LLVM cannot link the input function");
    *(void **)&code->run = lookup(code->jit, "run", &error);
    if (error) return llvm_fail(err, error, "LLVM cannot link the run function");
    return NCR_OK;
}

static enum ncr_status compile(struct ncr_code *code, const struct ncr_code_options *options,
                               struct ncr_error *err)
{
    char *triple = LLVMGetDefaultTargetTriple(), *cpu = LLVMGetHostCPUName(),
         *features = LLVMGetHostCPUFeatures();
    char *message = NULL;
    LLVMTargetRef target;
    enum ncr_status status = NCR_OK;
    LLVMOrcThreadSafeContextRef safe = LLVMOrcCreateNewThreadSafeContext();
    const struct ncr_family *family = ncr_family_find(options->family, features);
    if (!family) {
        status = ncr_fail(err, NCR_USAGE, "there is no machine family `%s`", options->family);
        goto done;
    }
    if (LLVMGetTargetFromTriple(triple, &target, &message)) {
        status = ncr_fail(err, NCR_ENVIRONMENT, "LLVM has no target for this machine: %s", message);
        LLVMDisposeMessage(message);
        goto done;
    }
    // "less" gives the speed of "default" on kernels that are shaped by hand, in a fraction of the
    // time.
    LLVMTargetMachineRef machine = LLVMCreateTargetMachine(
        target, triple, cpu, features, LLVMCodeGenLevelLess, LLVMRelocPIC, LLVMCodeModelJITDefault);
    ncr_packs_layout(&code->packs, code->arena, code->plan, family);
    code->blob = aligned_alloc(64, (size_t)code->packs.bytes);
    if (!code->blob)
        NCR_BUG("out of memory for %llu bytes of constants", (unsigned long long)code->packs.bytes);
    memset(code->blob, 0, (size_t)code->packs.bytes);
    ncr_packs_fill(&code->packs, code->blob);

    LLVMTargetDataRef data = LLVMCreateTargetDataLayout(machine);
    char *layout = LLVMCopyStringRepOfTargetData(data);
    struct ncr_module module;
    ncr_emit_module(&module, LLVMOrcThreadSafeContextGetContext(safe), &code->packs, triple, layout,
                    "", err);
    LLVMDisposeMessage(layout);
    LLVMDisposeTargetData(data);
    LLVMPassBuilderOptionsRef pass_options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error =
        LLVMRunPasses(module.module, "function(mem2reg,early-cse)", machine, pass_options);
    LLVMDisposePassBuilderOptions(pass_options);
    if (error) NCR_BUG("the pass pipeline: %s", LLVMGetErrorMessage(error));

    LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
    LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(
        builder, LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(machine));
    error = LLVMOrcCreateLLJIT(&code->jit, builder);
    if (error) {
        LLVMDisposeModule(module.module);
        status = llvm_fail(err, error, "LLVM cannot start its compiler in memory");
        goto done;
    }
    LLVMOrcThreadSafeModuleRef safe_module = LLVMOrcCreateNewThreadSafeModule(module.module, safe);
    error =
        LLVMOrcLLJITAddLLVMIRModule(code->jit, LLVMOrcLLJITGetMainJITDylib(code->jit), safe_module);
    status =
        error ? llvm_fail(err, error, "LLVM cannot compile the network") : link_code(code, err);
done:
    LLVMOrcDisposeThreadSafeContext(safe);
    LLVMDisposeMessage(triple);
    LLVMDisposeMessage(cpu);
    LLVMDisposeMessage(features);
    return status;
}

enum ncr_status ncr_code_jit(const struct ncr_plan *plan, const struct ncr_code_options *options,
                             struct ncr_code **out, struct ncr_error *err)
{
    if (!plan->qgraph->has_numbers) NCR_BUG("machine code needs weights and scales");
    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    struct ncr_code *code = calloc(1, sizeof *code);
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!code || !arena) {
        free(code);
        ncr_arena_free(arena);
        return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    }
    code->plan = plan;
    code->arena = arena;
    enum ncr_status status = compile(code, options, err);
    if (status == NCR_OK)
        *out = code;
    else
        ncr_code_free(code);
    return status;
}

void ncr_code_free(struct ncr_code *code)
{
    if (!code) return;
    if (code->jit) {
        LLVMErrorRef error = LLVMOrcDisposeLLJIT(code->jit);
        if (error) LLVMConsumeError(error);
    }
    free(code->blob);
    ncr_arena_free(code->arena);
    free(code);
}

const char *ncr_code_family(const struct ncr_code *code)
{
    return code->packs.family->name;
}

const uint8_t *ncr_code_blob(const struct ncr_code *code)
{
    return code->blob;
}

size_t ncr_code_blob_bytes(const struct ncr_code *code)
{
    return (size_t)code->packs.bytes;
}

void ncr_code_run(const struct ncr_code *code, const uint8_t *blob, uint8_t *arena,
                  const int8_t *const *in, int8_t *const *out)
{
    code->run(blob, arena, in, out);
}

void ncr_code_load_inputs(const struct ncr_code *code, uint8_t *arena, const int8_t *const *in)
{
    code->load(arena, in);
}

void ncr_code_step(const struct ncr_code *code, uint32_t step, const uint8_t *blob, uint8_t *arena)
{
    if (code->steps[step]) code->steps[step](blob, arena);
}

static uint8_t flip(const struct ncr_code *code)
{
    return code->packs.family->biased ? 0x80 : 0;
}

int8_t ncr_code_load(const struct ncr_code *code, const uint8_t *arena, uint32_t q, int64_t index)
{
    return (int8_t)(arena[ncr_plan_locate(code->plan, q, index)] ^ flip(code));
}

void ncr_code_store(const struct ncr_code *code, uint8_t *arena, uint32_t q, int64_t index,
                    int8_t value)
{
    arena[ncr_plan_locate(code->plan, q, index)] = (uint8_t)((uint8_t)value ^ flip(code));
}

void ncr_code_read_tensor(const struct ncr_code *code, const uint8_t *arena, uint32_t q,
                          int8_t *out)
{
    const struct ncr_buffer *b = &code->plan->buffers[q];
    const uint8_t *at = arena + b->offset + b->first;
    uint8_t mask = flip(code);
    for (int32_t c = 0; c < b->channels; c++)
        for (int32_t y = 0; y < b->height; y++)
            for (int32_t x = 0; x < b->width; x++)
                *out++ = (int8_t)(at[y * b->row_bytes + (int64_t)x * b->channels + c] ^ mask);
}

void ncr_code_shift_bias(const struct ncr_code *code, uint8_t *blob, uint32_t q, int32_t channel,
                         int32_t delta)
{
    // Whatever is folded into the packed bias is folded in by addition.
    const struct ncr_pack *p = &code->packs.at[q];
    uint64_t at = p->bias + 4 * ncr_packs_channel(p, channel);
    uint32_t bias;
    memcpy(&bias, blob + at, 4);
    bias += (uint32_t)delta;
    memcpy(blob + at, &bias, 4);
}

int8_t ncr_code_patch_weight(const struct ncr_code *code, uint8_t *blob, uint32_t q, int64_t index,
                             int8_t value)
{
    int32_t channel;
    uint64_t at = ncr_packs_weight(&code->packs, q, index, &channel);
    int8_t old = (int8_t)blob[at];
    blob[at] = (uint8_t)value;
    // The packed bias holds -128 · Σ w for the biased store; the bias of the network stays as it is.
    const struct ncr_qnode *node = &code->plan->qgraph->nodes[q];
    if (code->packs.family->biased && !ncr_is_depthwise(code->plan->qgraph, node))
        ncr_code_shift_bias(code, blob, q, channel, -128 * (value - old));
    return old;
}
