// Plan to machine code in memory, through LLJIT; and the access to tensors and weights of running
// code.
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/codegen/amx.h"
#include "compiler/codegen/target.h"

typedef void (*step_function)(const uint8_t *blob, uint8_t *arena);
typedef void (*load_function)(uint8_t *arena, const int8_t *const *in);
typedef void (*run_function)(const uint8_t *blob, uint8_t *arena, const int8_t *const *in,
                             int8_t *const *out);
typedef void (*batch_function)(const uint8_t *blob, uint8_t *arena, const int8_t *const *in,
                               int8_t *const *out, size_t n);

struct ncr_code {
    const struct ncr_plan *plan;
    struct ncr_arena *arena;
    struct ncr_packs packs;
    uint8_t *blob;
    LLVMOrcLLJITRef jit;
    step_function *steps;
    load_function load;
    run_function run;     // of a plan of one image; of another:
    batch_function batch; // and no steps
    bool was_stored;
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
    if (code->plan->batch > 1) {
        *(void **)&code->batch = lookup(code->jit, "run", &error);
        return error ? llvm_fail(err, error, "LLVM cannot link the run function") : NCR_OK;
    }
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

// Emits the module and makes its object.
static enum ncr_status emit_object(const struct ncr_code *code, const struct ncr_target *target,
                                   LLVMMemoryBufferRef *object, struct ncr_error *err)
{
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef module = ncr_emit_module(context, &code->packs, target, NULL, NULL);
    enum ncr_status status = ncr_target_emit(target, module, LLVMObjectFile, object, err);
    LLVMDisposeModule(module);
    LLVMContextDispose(context);
    return status;
}

// The object, from the store or made and saved there.
static enum ncr_status object_of(struct ncr_code *code, const struct ncr_target *target,
                                 const struct ncr_code_store *store, LLVMMemoryBufferRef *object,
                                 struct ncr_error *err)
{
    if (!store) return emit_object(code, target, object, err);
    char key[33];
    struct ncr_buf bytes = {0};
    ncr_key_of(&code->packs, target, key);
    code->was_stored = store->load(store->user, key, &bytes);
    if (code->was_stored)
        *object = LLVMCreateMemoryBufferWithMemoryRangeCopy(bytes.s, bytes.n, "stored");
    ncr_buf_free(&bytes);
    if (code->was_stored) return NCR_OK;
    enum ncr_status status = emit_object(code, target, object, err);
    if (status == NCR_OK)
        store->save(store->user, key, LLVMGetBufferStart(*object), LLVMGetBufferSize(*object));
    return status;
}

static enum ncr_status make_object(struct ncr_code *code, const struct ncr_target *target,
                                   const struct ncr_code_options *options,
                                   LLVMMemoryBufferRef *object, struct ncr_error *err)
{
    ncr_packs_layout(&code->packs, code->arena, code->plan, target->family, options->optimize);
    code->blob = aligned_alloc(64, (size_t)code->packs.bytes);
    if (!code->blob)
        return ncr_fail(err, NCR_ENVIRONMENT, "out of memory for %llu bytes of constants",
                        (unsigned long long)code->packs.bytes);
    memset(code->blob, 0, (size_t)code->packs.bytes);
    ncr_packs_fill(&code->packs, code->blob);
    return object_of(code, target, options->store, object, err);
}

static enum ncr_status compile(struct ncr_code *code, const struct ncr_target *target,
                               const struct ncr_code_options *options, struct ncr_error *err)
{
    LLVMMemoryBufferRef object = NULL;
    enum ncr_status status = make_object(code, target, options, &object, err);
    if (status != NCR_OK) return status;
    LLVMErrorRef error = LLVMOrcCreateLLJIT(&code->jit, NULL);
    if (error) {
        LLVMDisposeMemoryBuffer(object);
        return llvm_fail(err, error, "LLVM cannot start its linker in memory");
    }
    error = LLVMOrcLLJITAddObjectFile(code->jit, LLVMOrcLLJITGetMainJITDylib(code->jit), object);
    return error ? llvm_fail(err, error, "LLVM cannot link the network") : link_code(code, err);
}

enum ncr_status ncr_code_jit(const struct ncr_plan *plan, const struct ncr_code_options *options,
                             struct ncr_code **out, struct ncr_error *err)
{
    if (!plan->qgraph->has_numbers) NCR_BUG("machine code needs weights and scales");
    struct ncr_target target;
    enum ncr_status status = ncr_amx_target(options, &target, err);
    if (status != NCR_OK) return status;
    if (!target.is_host) {
        status = ncr_fail(err, NCR_USAGE,
                          "code for the target `%s` and the processor `%s` does not run in memory "
                          "on this machine",
                          target.triple, target.cpu);
        ncr_target_close(&target);
        return status;
    }
    struct ncr_code *code = calloc(1, sizeof *code);
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!code || !arena) {
        free(code);
        ncr_arena_free(arena);
        ncr_target_close(&target);
        return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    }
    code->plan = plan;
    code->arena = arena;
    status = compile(code, &target, options, err);
    ncr_target_close(&target);
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

bool ncr_code_was_stored(const struct ncr_code *code)
{
    return code->was_stored;
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
    ncr_code_run_some(code, blob, arena, in, out, code->plan->batch);
}

void ncr_code_run_some(const struct ncr_code *code, const uint8_t *blob, uint8_t *arena,
                       const int8_t *const *in, int8_t *const *out, uint32_t n)
{
    if (n < 1 || n > code->plan->batch)
        NCR_BUG("%u images for code of a batch of %u", n, code->plan->batch);
    if (code->batch)
        code->batch(blob, arena, in, out, n);
    else
        code->run(blob, arena, in, out);
}

static void needs_steps(const struct ncr_code *code)
{
    if (!code->steps) NCR_BUG("code of a batch of %u images has no steps", code->plan->batch);
}

void ncr_code_load_inputs(const struct ncr_code *code, uint8_t *arena, const int8_t *const *in)
{
    needs_steps(code);
    code->load(arena, in);
}

void ncr_code_step(const struct ncr_code *code, uint32_t step, const uint8_t *blob, uint8_t *arena)
{
    needs_steps(code);
    if (code->steps[step]) code->steps[step](blob, arena);
}

// What a stored byte of q differs by from a logical one.
static uint8_t flip(const struct ncr_code *code, uint32_t q)
{
    return code->packs.family->biased && code->plan->buffers[q].element == 1 ? 0x80 : 0;
}

static uint64_t locate(const struct ncr_code *code, uint32_t q, int64_t index)
{
    return ncr_plan_locate(code->plan, q, ncr_packs_element(&code->packs, q, index));
}

static int32_t load(const struct ncr_code *code, const uint8_t *at, uint32_t q)
{
    int16_t wide;
    if (code->plan->buffers[q].element == 1) return (int8_t)(*at ^ flip(code, q));
    memcpy(&wide, at, sizeof wide);
    return wide;
}

int32_t ncr_code_load(const struct ncr_code *code, const uint8_t *arena, uint32_t q, int64_t index)
{
    return load(code, arena + locate(code, q, index), q);
}

void ncr_code_store(const struct ncr_code *code, uint8_t *arena, uint32_t q, int64_t index,
                    int32_t value)
{
    uint8_t *at = arena + locate(code, q, index);
    int16_t wide = (int16_t)value;
    if (code->plan->buffers[q].element == 1)
        *at = (uint8_t)((uint8_t)value ^ flip(code, q));
    else
        memcpy(at, &wide, sizeof wide);
}

void ncr_code_read_tensor(const struct ncr_code *code, const uint8_t *arena, uint32_t q,
                          int8_t *out)
{
    const struct ncr_buffer *b = &code->plan->buffers[q];
    const struct ncr_qnode *node = &code->plan->qgraph->nodes[q];
    const uint8_t *at = arena + b->offset + b->first;
    int64_t n = 0;
    if (code->packs.at[q].permuted) {
        for (int32_t c = 0; c < b->channels; c++)
            ncr_qnode_put(node, out, c,
                          load(code, at + b->element * ncr_packs_element(&code->packs, q, c), q));
        return;
    }
    for (int32_t c = 0; c < b->channels; c++)
        for (int32_t y = 0; y < b->height; y++)
            for (int32_t x = 0; x < b->width / (int32_t)b->images; x++)
                ncr_qnode_put(
                    node, out, n++,
                    load(code,
                         at + y * b->row_bytes + x * ncr_buffer_pixel(b) + (int64_t)c * b->element,
                         q));
}

// Adds to one word of the blob; integers are little-endian there.
static void add_word(uint8_t *at, uint32_t delta)
{
    uint32_t v;
    memcpy(&v, at, 4);
    v += delta;
    memcpy(at, &v, 4);
}

void ncr_code_shift_bias(const struct ncr_code *code, uint8_t *blob, uint32_t q, int32_t channel,
                         int32_t delta)
{
    // Whatever is folded into the packed bias is folded in by addition.
    uint32_t at[NCR_WEIGHT_COPIES], n = ncr_packs_channel(&code->packs, q, channel, at);
    const struct ncr_pack *p = &code->packs.at[q];
    for (uint32_t k = 0; k < n; k++)
        add_word(blob + p->base + p->bias + 4 * (uint64_t)at[k], (uint32_t)delta);
}

int32_t ncr_code_patch_weight(const struct ncr_code *code, uint8_t *blob, uint32_t q, int64_t index,
                              int8_t stored)
{
    int32_t old = ncr_packs_weight(&code->packs, blob, q, index);
    ncr_packs_set_weight(&code->packs, blob, q, index, stored);
    // What the packed bias holds of weights follows; the bias of the network stays as it is.
    const struct ncr_qnode *node = &code->plan->qgraph->nodes[q];
    int32_t channel = (int32_t)(index / (node->n_weights / node->n_channels)),
            delta = ncr_packs_folded(&code->packs, q, node->values->of[(uint8_t)stored]) -
                    ncr_packs_folded(&code->packs, q, old);
    if (delta) ncr_code_shift_bias(code, blob, q, channel, delta);
    return old;
}
