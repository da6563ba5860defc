// Private to compiler/codegen: what the emitters share.
#ifndef NCR_CODEGEN_EMIT_H
#define NCR_CODEGEN_EMIT_H

#include "compiler/codegen/pack.h"

struct ncr_emit {
    const struct ncr_plan *plan; // in the head of a batch with tensors of one image (batch.c)
    const struct ncr_qgraph *graph;
    const struct ncr_packs *packs;
    const struct ncr_family *family;
    struct ncr_arena *scratch; // lives as long as the emission
    bool frames;               // ask LLVM for the bytes of every frame (stack.h)
    bool small;                // fewer bytes of code before less time
    bool rolled;               // ncr_tile_rolled
    bool masks;                // stores of the first n bytes of a vector in one instruction
    bool permutes;             // any bytes of a vector, and of tables of 256, in a few
    bool multiplies;           // has products; else products.c makes them
    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMBuilderRef b;
    LLVMTypeRef i1, i8, i16, i32, i64, ptr, nothing, word; // word: as wide as a pointer
    LLVMValueRef function, blob, arena;                    // of the function being emitted
    LLVMValueRef image;       // of the head of a batch: its number; NULL: none, or all at once
    struct ncr_debug *debug;  // NULL: no debug information
    uint32_t layer;           // qnode at hand
    LLVMMetadataRef location; // of the function at hand
};

// ---- building_ir.c: loops, addresses, vectors ----

// A counted loop that runs at least once: for (index = 0; index < n; index++). With n == 1 no loop
// is emitted.
struct ncr_loop {
    LLVMValueRef index; // a word
    LLVMBasicBlockRef body;
    int64_t n;
};
struct ncr_loop ncr_loop_begin(struct ncr_emit *e, int64_t n);
void ncr_loop_end(struct ncr_emit *e, struct ncr_loop *loop);
// A variable of the function; a register once the passes have run.
LLVMValueRef ncr_local(struct ncr_emit *e, LLVMTypeRef type);

LLVMValueRef ncr_word(struct ncr_emit *e, int64_t v);
LLVMValueRef ncr_i32(struct ncr_emit *e, int64_t v);
// base + index·scale + offset, in bytes; index NULL: none.
LLVMValueRef ncr_at(struct ncr_emit *e, LLVMValueRef base, LLVMValueRef index, int64_t scale,
                    int64_t offset);
LLVMTypeRef ncr_vec(LLVMTypeRef element, uint32_t n);
// All lanes equal to a scalar; a vector of one lane stays a vector.
LLVMValueRef ncr_splat(struct ncr_emit *e, LLVMValueRef scalar, uint32_t n);
LLVMValueRef ncr_splat_int(LLVMTypeRef element, int64_t v, uint32_t n);
LLVMValueRef ncr_load(struct ncr_emit *e, LLVMTypeRef type, LLVMValueRef at, uint32_t align);
void ncr_store(struct ncr_emit *e, LLVMValueRef value, LLVMValueRef at, uint32_t align);
LLVMValueRef ncr_max(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b, bool is_signed);
LLVMValueRef ncr_min(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b, bool is_signed);
// Element i of the result is element index[i] of a followed by b (NULL: a alone).
LLVMValueRef ncr_shuffle(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b, const uint32_t *index,
                         uint32_t n);
uint32_t ncr_length(LLVMValueRef vector);
// Calls the intrinsic of that name; all arguments and the result have the types given.
LLVMValueRef ncr_intrinsic(struct ncr_emit *e, const char *name, LLVMTypeRef result,
                           LLVMValueRef *args, uint32_t n);
// Stores the first n bytes of a vector and no other.
void ncr_store_bytes(struct ncr_emit *e, LLVMValueRef bytes, LLVMValueRef at, uint32_t n);
// Emits body(offset, width) over [0, n) in chunks of at most `width`, the last one narrower; offset
// is a word.
typedef void (*ncr_chunk)(struct ncr_emit *e, LLVMValueRef offset, uint32_t width, void *user);
void ncr_chunks(struct ncr_emit *e, int64_t n, uint32_t width, ncr_chunk body, void *user);

// ---- pool.c ----

// for (index = 0; index < n; index++) with n > 0, a value of the running program.
struct ncr_tap_loop {
    LLVMValueRef index, n;
    LLVMBasicBlockRef body;
};
struct ncr_tap_loop ncr_taps_begin(struct ncr_emit *e, LLVMValueRef n);
void ncr_taps_end(struct ncr_emit *e, struct ncr_tap_loop *loop);
// First tap of output o inside the image, max(0, o·stride - pad), and how many there are.
LLVMValueRef ncr_first_tap(struct ncr_emit *e, LLVMValueRef o, int64_t stride, int64_t pad,
                           int64_t kernel, int64_t size, LLVMValueRef *count);

// ---- decode.c ----

// How a kernel reads weights.
struct ncr_weight_read {
    enum ncr_weight_pack pack;
    struct ncr_weight_form form;
    bool high;
};
// The same as a part of a kernel's key; kernels that read `form` in one way have one.
struct ncr_weight_key {
    int64_t pack, format, bits, half_steps;
};
struct ncr_weight_key ncr_weight_key(enum ncr_weight_pack pack, struct ncr_weight_form form);
struct ncr_weight_read ncr_weight_read(const struct ncr_weight_key *key);
// Whether it reads them twice, by planes: the high bytes, then the low bytes of what they stand
// for.
bool ncr_weight_planes(const struct ncr_emit *e, enum ncr_weight_pack pack);
// Bytes of a group of 4·lanes weights (a cell) in memory.
uint32_t ncr_cell_bytes(const struct ncr_emit *e, const struct ncr_weight_read *read);
// Part `part` of `parts` (1, 2 or 4) of the weights of the cell at `cell`, as signed bytes; and all
// of them as words.
LLVMValueRef ncr_weight_bytes(struct ncr_emit *e, const struct ncr_weight_read *read,
                              LLVMValueRef cell, uint32_t part, uint32_t parts);
LLVMValueRef ncr_weight_words(struct ncr_emit *e, const struct ncr_weight_read *read,
                              LLVMValueRef cell);
// For machines whose dot products take 16 bits: the part as i32, whatever a weight stands for; and
// weights 2·i and 2·i + 1 of the cell (of NCR_PACK_NIBBLES i and 2·lanes + i) as two halves of a
// word.
LLVMValueRef ncr_weight_values_of(struct ncr_emit *e, const struct ncr_weight_read *read,
                                  LLVMValueRef cell, uint32_t part, uint32_t parts);
LLVMValueRef ncr_weight_pair(struct ncr_emit *e, const struct ncr_weight_read *read,
                             LLVMValueRef cell, uint32_t i);

// A table of n equal constants among those of the object.
LLVMValueRef ncr_constant_table(struct ncr_emit *e, const char *name, LLVMValueRef *entries,
                                uint32_t n);

// ---- requant.c ----

// mult, round, shift as vectors, as the kind of scale (pack.h) takes them; NULL where it does not.
struct ncr_scale {
    LLVMValueRef mult, round, shift;
    enum ncr_scale_kind kind;
};
// Vectors of `lanes` from three i32 arrays, or all lanes from three i32 words.
struct ncr_scale ncr_scale_load(struct ncr_emit *e, enum ncr_scale_kind kind, LLVMValueRef mult,
                                LLVMValueRef round, LLVMValueRef shift);
struct ncr_scale ncr_scale_splat(struct ncr_emit *e, enum ncr_scale_kind kind,
                                 LLVMValueRef mult_round_shift);
LLVMValueRef ncr_rescale(struct ncr_emit *e, LLVMValueRef acc, const struct ncr_scale *scale);
// Splats of a node's zero point and clamp, and what they do: narrow and store, the first n bytes.
struct ncr_finish {
    LLVMValueRef head[3];
};
// A splat is NULL where what it does is done already: see has_zero and clamps in pack.h.
struct ncr_finish ncr_finish_open(struct ncr_emit *e, LLVMValueRef consts, bool has_zero,
                                  bool clamps);
// `vectors` requantised vectors of lanes to bytes at `at`, of which the first n are written.
void ncr_finish_store(struct ncr_emit *e, const struct ncr_finish *finish, LLVMValueRef const *r,
                      uint32_t vectors, LLVMValueRef at, uint32_t n);
// lanes stored activations in 32-bit lanes: what is stored, unsigned where it is biased.
LLVMValueRef ncr_widen(struct ncr_emit *e, LLVMValueRef at);

// ---- wide.c ----

// Lanes of logical values from `lanes` elements of `bytes` each (1 or 2) at `at`; and the first n
// of lanes values, which fit, to such elements.
LLVMValueRef ncr_load_elements(struct ncr_emit *e, LLVMValueRef at, int64_t bytes);
void ncr_store_elements(struct ncr_emit *e, LLVMValueRef v, LLVMValueRef at, int64_t bytes,
                        uint32_t n);

// ---- kernel.c: functions shared by nodes of equal shape ----

// Finds the function of that name, or makes it: body is called with the builder in it; arguments
// are n_ptr pointers, to memory that does not overlap where `apart`, and n_word words. Gives the
// function, so that the caller can call it from where it was.
typedef void (*ncr_body)(struct ncr_emit *e, LLVMValueRef function, void *user);
LLVMValueRef ncr_kernel(struct ncr_emit *e, const char *name, uint32_t n_ptr, uint32_t n_word,
                        bool apart, ncr_body body, void *user);
// "name_1_2_3" of a list of numbers.
struct ncr_key {
    char text[512];
};
struct ncr_key ncr_key_make(const char *name, const int64_t *numbers, uint32_t n);
void ncr_emit_call(struct ncr_emit *e, LLVMValueRef function, LLVMValueRef *args, uint32_t n);
// A new function, positioned in its body; argument i is a word where bit i of `words` is set, else
// a pointer.
LLVMValueRef ncr_emit_function(struct ncr_emit *e, const char *name, LLVMTypeRef result, uint32_t n,
                               uint32_t words, bool is_public);

// ---- places ----

// The logical byte v as it is stored (of tensors whose elements are bytes).
uint8_t ncr_stored(const struct ncr_emit *e, int32_t v);
// Address of a buffer's element (0, 0, 0), of the image at hand where it holds all of a batch.
LLVMValueRef ncr_tensor(struct ncr_emit *e, uint32_t q);
// Address of the node's constants.
LLVMValueRef ncr_consts(struct ncr_emit *e, uint32_t q);
// Fills n bytes.
void ncr_emit_fill(struct ncr_emit *e, LLVMValueRef at, int64_t n, LLVMValueRef byte);

// ---- steps: one function a file ----

void ncr_emit_matmul(struct ncr_emit *e, uint32_t q);    // CONV, DENSE, DWCONV with a multiplier
void ncr_emit_depthwise(struct ncr_emit *e, uint32_t q); // DWCONV with multiplier 1
void ncr_emit_pool(struct ncr_emit *e, uint32_t q);
void ncr_emit_elementwise(struct ncr_emit *e, uint32_t q); // ADD, MUL
void ncr_emit_table(struct ncr_emit *e, uint32_t q);       // LUT, CONCAT
void ncr_emit_move(struct ncr_emit *e, uint32_t q);        // UPSAMPLE, PAD, RESHAPE
// All but those that only move, where elements of 16 bits are read or written.
void ncr_emit_wide(struct ncr_emit *e, uint32_t q);
void ncr_emit_wide_lut(struct ncr_emit *e, uint32_t q);
void ncr_emit_wide_softmax(struct ncr_emit *e, uint32_t q);
void ncr_emit_softmax(struct ncr_emit *e, uint32_t q);
void ncr_emit_border(struct ncr_emit *e, uint32_t q); // after each of them
// Copies between a buffer and packed [H, W, C] bytes outside the arena.
void ncr_emit_input(struct ncr_emit *e, uint32_t q, LLVMValueRef in);
void ncr_emit_output(struct ncr_emit *e, uint32_t q, LLVMValueRef out);

// ---- modules ----

struct ncr_target;

// The whole module, verified: void step_<s>(blob, arena) for each step after the inputs,
// load(arena, in), store(arena, out), run(blob, arena, in, out); for a batch what ncr_emit_batch
// says. With a blob it is a constant of the module, the public functions of codegen.h stand around
// them, and all else is internal.
LLVMModuleRef ncr_emit_module(LLVMContextRef context, const struct ncr_packs *packs,
                              const struct ncr_target *target,
                              const struct ncr_code_options *options, const uint8_t *blob);
// One step, and its border.
void ncr_emit_step(struct ncr_emit *e, uint32_t q);
// The functions of a plan of a batch, with run(blob, arena, in, out, n) for its first n images;
// gives that (batch.c).
LLVMValueRef ncr_emit_batch(struct ncr_emit *e, bool is_public);
// Pointer i of an array of pointers.
LLVMValueRef ncr_pointer(struct ncr_emit *e, LLVMValueRef array, uint32_t i);
// The public functions around `run` (interface.c).
void ncr_emit_interface(struct ncr_emit *e, const struct ncr_code_options *options,
                        const uint8_t *blob, LLVMValueRef run);

#endif
