// Private to compiler/codegen: what the emitters share. The only headers of LLVM are included here
// and in jit.c.
#ifndef NCR_CODEGEN_EMIT_H
#define NCR_CODEGEN_EMIT_H

#include <llvm-c/Core.h>

#include "compiler/codegen/codegen.h"

enum ncr_dot { NCR_DOT_VPDPBUSD, NCR_DOT_PLAIN };

struct ncr_family {
    const char *name, *needs;
    uint32_t lanes;
    enum ncr_dot dot;
    bool biased;
    uint32_t accumulators;
};

// The row named `name`, or (NULL) the first whose need is among the features. NCR_USAGE where the
// name is unknown or its need is missing.
enum ncr_status ncr_family_find(const char *name, const char *features,
                                const struct ncr_family **out, struct ncr_error *err);

// ---- constants of a node in the blob (pack.c) ----

// A kernel reads its input as `segments` runs of contiguous bytes, each `groups4` groups of 4 (the
// last one filled up with weights of zero). With dilation 1 and one channel group a run is a whole
// kernel row.
struct ncr_pack {
    int32_t row_runs; // 1: a run is a kernel row [kw·C]; 0: a run is one tap [C/g]
    int32_t segments, groups4, run_bytes;
    int32_t channel_groups, outs,
        vectors;         // groups of the convolution; outputs and vectors of outputs in one of them
    int32_t outs_padded; // vectors · lanes
    uint64_t weights, bias, mult,
        shift; // offsets in the blob; bias, mult: i32 [channel_groups · outs_padded], shift: i64
    uint64_t table; // LUT: 256 bytes; SOFTMAX: 256 i32; AVGPOOL: mult then shift
};

struct ncr_packs {
    const struct ncr_plan *plan;
    const struct ncr_family *family;
    struct ncr_pack *at; // per qnode
    uint64_t bytes;
};

void ncr_packs_layout(struct ncr_packs *packs, struct ncr_arena *arena, const struct ncr_plan *plan,
                      const struct ncr_family *family);
// Writes all constants; blob is packs->bytes, zeroed.
void ncr_packs_fill(const struct ncr_packs *packs, uint8_t *blob);
// Byte offset of logical weight `index` of qnode q, and its output channel.
uint64_t ncr_packs_weight(const struct ncr_packs *packs, uint32_t q, int64_t index,
                          int32_t *channel);
// Index of output channel o in the padded arrays bias, mult, shift.
uint64_t ncr_packs_channel(const struct ncr_pack *pack, int32_t o);

// ---- emission ----
struct ncr_emit {
    const struct ncr_plan *plan;
    const struct ncr_qgraph *graph;
    const struct ncr_packs *packs;
    const struct ncr_family *family;
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef b;
    LLVMTypeRef i1, i8, i32, i64, ptr, nothing, word; // word: an integer as wide as a pointer
    LLVMValueRef function, blob, arena;               // of the function being emitted
};

// A counted loop that runs at least once: for (index = 0; index < n; index++). With n == 1 no loop
// is emitted.
struct ncr_loop {
    LLVMValueRef index; // a word
    LLVMBasicBlockRef body;
    int64_t n;
};
struct ncr_loop ncr_loop_begin(struct ncr_emit *e, int64_t n);
void ncr_loop_end(struct ncr_emit *e, struct ncr_loop *loop);

LLVMValueRef ncr_word(struct ncr_emit *e, int64_t v);
LLVMValueRef ncr_i32(struct ncr_emit *e, int64_t v);
// base + index·scale + offset, in bytes.
LLVMValueRef ncr_at(struct ncr_emit *e, LLVMValueRef base, LLVMValueRef index, int64_t scale,
                    int64_t offset);
LLVMTypeRef ncr_vec(struct ncr_emit *e, LLVMTypeRef element, uint32_t n);
// All lanes equal to a scalar; a vector of one lane stays a vector.
LLVMValueRef ncr_splat(struct ncr_emit *e, LLVMValueRef scalar, uint32_t n);
LLVMValueRef ncr_splat_int(struct ncr_emit *e, LLVMTypeRef element, int64_t v, uint32_t n);
LLVMValueRef ncr_load(struct ncr_emit *e, LLVMTypeRef type, LLVMValueRef at, uint32_t align);
void ncr_store(struct ncr_emit *e, LLVMValueRef value, LLVMValueRef at, uint32_t align);
LLVMValueRef ncr_max(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b, bool is_signed);
LLVMValueRef ncr_min(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b, bool is_signed);
// n stored activations at `at` as logical values in 32-bit lanes, and back.
LLVMValueRef ncr_load_values(struct ncr_emit *e, LLVMValueRef at, uint32_t n);
void ncr_store_values(struct ncr_emit *e, LLVMValueRef logical_i8, LLVMValueRef at, uint32_t n);
// clamp(zero_point + requantise(acc, mult, shift)) as <n x i8>; mult i32 and shift i64 are vectors
// (qmath.h).
LLVMValueRef ncr_requantised(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef mult,
                             LLVMValueRef shift, uint32_t n, const struct ncr_qnode *node);
// Emits body(offset, width) over [0, n) in chunks of at most `width`, the last one narrower; offset
// is a word.
typedef void (*ncr_chunk)(struct ncr_emit *e, LLVMValueRef offset, uint32_t width, void *user);
void ncr_chunks(struct ncr_emit *e, int64_t n, uint32_t width, ncr_chunk body, void *user);
// The logical byte v as it is stored.
uint8_t ncr_stored(const struct ncr_emit *e, int32_t v);
// Address of a buffer's element (0, 0, 0).
LLVMValueRef ncr_tensor(struct ncr_emit *e, uint32_t q);
// Fills n bytes.
void ncr_emit_fill(struct ncr_emit *e, LLVMValueRef at, int64_t n, uint8_t byte);

// Steps: one function a file.
void ncr_emit_matmul(struct ncr_emit *e, uint32_t q);    // CONV, DENSE, grouped DWCONV
void ncr_emit_depthwise(struct ncr_emit *e, uint32_t q); // DWCONV with multiplier 1
void ncr_emit_pool(struct ncr_emit *e, uint32_t q);
void ncr_emit_elementwise(struct ncr_emit *e, uint32_t q); // ADD, MUL, CONCAT, LUT
void ncr_emit_move(struct ncr_emit *e, uint32_t q);        // UPSAMPLE, PAD, RESHAPE
void ncr_emit_softmax(struct ncr_emit *e, uint32_t q);
// Copies between a buffer and packed [H, W, C] bytes outside the arena.
void ncr_emit_input(struct ncr_emit *e, uint32_t q, LLVMValueRef in);
void ncr_emit_output(struct ncr_emit *e, uint32_t q, LLVMValueRef out);

// Whether a DWCONV takes the depthwise kernel.
static inline bool ncr_is_depthwise(const struct ncr_qgraph *graph, const struct ncr_qnode *node)
{
    return node->op == NCR_QOP_DWCONV &&
           node->shape.dim[0] == graph->nodes[node->in[0]].shape.dim[0];
}

// The whole module, verified: void step_<s>(blob, arena) for each step after the inputs,
// load(arena, in), store(arena, out), run(blob, arena, in, out). With a blob it is a constant of
// the module, the public functions of codegen.h stand around them, and all else is internal.
LLVMModuleRef ncr_emit_module(LLVMContextRef context, const struct ncr_packs *packs,
                              const char *triple, const char *layout, uint32_t word_bits,
                              const struct ncr_code_options *options, const uint8_t *blob);
// A new function of module e, positioned in its body; types of arguments are n pointers but those
// that `words` marks as sizes.
LLVMValueRef ncr_emit_function(struct ncr_emit *e, const char *name, LLVMTypeRef result, uint32_t n,
                               uint32_t words, bool is_public);
// The public functions around `run` (interface.c).
void ncr_emit_interface(struct ncr_emit *e, const struct ncr_code_options *options,
                        const uint8_t *blob, LLVMValueRef run);
void ncr_emit_call(struct ncr_emit *e, LLVMValueRef function, LLVMValueRef *args, uint32_t n);

#endif
