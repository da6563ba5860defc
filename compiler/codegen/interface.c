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

struct ncr_str ncr_interface_name(const struct ncr_qgraph *g, uint32_t i, bool output)
{
    // The path of a node begins with the network's name.
    struct ncr_str path = g->nodes[output ? g->outputs[i] : g->inputs[i]].path;
    if (output && g->graph && g->graph->outputs[i].name.n) return g->graph->outputs[i].name;
    for (uint32_t k = path.n; k > 0; k--)
        if (path.s[k - 1] == '/') return (struct ncr_str){path.s + k, path.n - k};
    return path;
}

// Structs of runtime/standalone/network.h as the C compilers of all targets lay them out: at
// numbers of four bytes, then words; a double is aligned to 8.
enum {
    TENSOR_BYTES = 40,
    TENSOR_SCALE = 32,
    NAME = 0,
    ARCH_ID = 4,
    TARGET = 8,
    FAMILY = 12,
    N_INPUTS = 16, // and the number of outputs
    INPUTS = 24,   // and the outputs
    CONSTANTS = 32,
    PIXELS = 36,
    WORDS = 40,
    CONSTANT_ALIGN = 64
};
enum word {
    WORD_ARENA_BYTES,
    WORD_ARENA_ALIGN,
    WORD_STACK_BYTES,
    WORD_CONSTANT_BYTES,
    WORD_BATCH,
    N_WORDS
};

uint32_t ncr_interface_stack(uint32_t word)
{
    return WORDS + WORD_STACK_BYTES * word;
}

// Little-endian, as all targets are.
static void put(struct ncr_buf *out, size_t at, uint64_t v, uint32_t n)
{
    for (uint32_t i = 0; i < n && !out->failed; i++)
        out->s[at + i] = (char)(v >> 8 * i);
}

// Appends, and writes at `at` where that begins.
static void lead(struct ncr_buf *out, size_t at, const void *bytes, size_t n, uint32_t align)
{
    ncr_buf_pad(out, 0, (align - out->n % align) % align);
    if (out->n > UINT32_MAX) NCR_BUG("a description of %zu bytes", out->n);
    put(out, at, out->n, 4);
    ncr_buf_put(out, bytes, n);
}

static void lead_text(struct ncr_buf *out, size_t at, const char *s, size_t n)
{
    lead(out, at, s, n, 1);
    ncr_buf_putc(out, 0);
}

static void put_tensor(struct ncr_buf *out, size_t at, const struct ncr_qnode *node,
                       struct ncr_str name)
{
    lead_text(out, at, name.s, name.n);
    put(out, at + 4, node->shape.rank, 4);
    for (uint32_t i = 0; i < 3; i++)
        put(out, at + 8 + 4 * i, i < node->shape.rank ? (uint32_t)node->shape.dim[i] : 1, 4);
    put(out, at + 20, (uint64_t)ncr_qnode_bytes(node), 4);
    put(out, at + 24, (uint32_t)node->zero_point, 4);
    put(out, at + 28, (uint64_t)ncr_qnode_element_bytes(node), 4);
    double scale = node->scale;
    uint64_t bits;
    memcpy(&bits, &scale, sizeof bits);
    put(out, at + TENSOR_SCALE, bits, 8);
}

static LLVMValueRef address(struct ncr_emit *e, LLVMValueRef global, uint64_t at)
{
    LLVMValueRef index = ncr_word(e, (int64_t)at);
    return LLVMConstInBoundsGEP2(e->i8, global, &index, 1);
}

// Description, texts, pixels and constants in one global: what is in it refers to the rest by
// distances, which need no relocation. *blob_at: where the constants begin.
static LLVMValueRef describe(struct ncr_emit *e, const struct ncr_code_options *options,
                             const uint8_t *blob, uint64_t *blob_at)
{
    const struct ncr_qgraph *g = e->graph;
    uint32_t word = LLVMGetIntTypeWidth(e->word) / 8, count[2] = {g->n_inputs, g->n_outputs};
    const char *id = options->arch_id ? options->arch_id : "";
    const char *triple = LLVMGetTarget(e->module);
    struct ncr_buf out = {0};
    size_t at = (WORDS + N_WORDS * word + 7) & ~(size_t)7;
    ncr_buf_pad(&out, 0, at + (size_t)TENSOR_BYTES * (g->n_inputs + g->n_outputs));
    lead_text(&out, NAME, g->name.s, g->name.n);
    lead_text(&out, ARCH_ID, id, strlen(id));
    lead_text(&out, TARGET, triple, strlen(triple));
    lead_text(&out, FAMILY, e->family->name, strlen(e->family->name));
    for (uint32_t side = 0; side < 2; side++) {
        put(&out, N_INPUTS + 4 * side, count[side], 4);
        put(&out, INPUTS + 4 * side, at, 4);
        for (uint32_t i = 0; i < count[side]; i++, at += TENSOR_BYTES)
            put_tensor(&out, at, &g->nodes[side ? g->outputs[i] : g->inputs[i]],
                       ncr_interface_name(g, i, side));
    }
    const uint64_t words[N_WORDS] = {[WORD_ARENA_BYTES] = e->plan->arena_bytes,
                                     [WORD_ARENA_ALIGN] = NCR_PLAN_ALIGN,
                                     [WORD_CONSTANT_BYTES] = e->packs->bytes,
                                     [WORD_BATCH] = e->plan->batch};
    for (uint32_t i = 0; i < N_WORDS; i++)
        put(&out, WORDS + i * word, words[i], word);
    if (options->pixels)
        lead(&out, PIXELS, options->pixels,
             256 * (size_t)ncr_buffer_pixel(&e->plan->buffers[g->inputs[0]]), CONSTANT_ALIGN);
    lead(&out, CONSTANTS, blob, e->packs->bytes, CONSTANT_ALIGN);
    if (out.failed) NCR_BUG("out of memory while emitting");
    *blob_at = out.n - e->packs->bytes;
    LLVMValueRef value = LLVMConstStringInContext2(e->context, out.s, out.n, true),
                 global = LLVMAddGlobal(e->module, LLVMTypeOf(value), NCR_INTERFACE_NETWORK);
    ncr_buf_free(&out);
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMInternalLinkage);
    LLVMSetAlignment(global, CONSTANT_ALIGN);
    return global;
}

static void emit_info(struct ncr_emit *e, const char *prefix, LLVMValueRef network)
{
    char name[256];
    snprintf(name, sizeof name, "%s_info", prefix);
    ncr_emit_function(e, name, e->ptr, 0, 0, true);
    LLVMBuildRet(e->b, network);
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
    uint64_t blob_at;
    LLVMValueRef network = describe(e, options, blob, &blob_at);
    emit_init(e, prefix);
    char name[256];
    snprintf(name, sizeof name, "%s_run", prefix);
    LLVMValueRef f = ncr_emit_function(e, name, e->nothing, 3, 0, true);
    LLVMValueRef args[5] = {address(e, network, blob_at), LLVMGetParam(f, 0), LLVMGetParam(f, 1),
                            LLVMGetParam(f, 2), ncr_word(e, e->plan->batch)};
    ncr_emit_call(e, run, args, e->plan->batch > 1 ? 5 : 4);
    LLVMBuildRetVoid(e->b);
    emit_info(e, prefix, network);
}
