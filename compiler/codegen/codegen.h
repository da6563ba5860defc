// Machine code for a PLAN. No LLVM type leaves this folder.
//
// Emitted code has no writable globals and calls nothing (no libc): constants come through a
// pointer to the `blob` (packed weights, biases, multipliers, tables), tensors live in the arena.
// int8 activations may be stored in another form than the logical one (x86 stores q xor 0x80);
// ncr_code_load/store translate.
#ifndef NCR_CODEGEN_CODEGEN_H
#define NCR_CODEGEN_CODEGEN_H

#include "compiler/plan/plan.h"

struct ncr_code_sizes {
    uint64_t code, constants;
};

// Where a layer is written, for debug information. path and file end in a 0.
struct ncr_code_place {
    struct ncr_str path, file;
    unsigned line, column;
};

// Where objects that were made before are kept: a cache, by a key of 32 hexadecimal digits. The key
// holds all that decides the object's bytes: what the emitters read of plan, network and options,
// processor, features, the passes, the version of LLVM and the code generator's sources.
struct ncr_code_store {
    void *user;
    // The bytes under key, into out (empty at first); false where there are none that can be used.
    bool (*load)(void *user, const char *key, struct ncr_buf *out);
    // May do nothing: what was not saved is made again.
    void (*save)(void *user, const char *key, const void *bytes, size_t n);
};

// What the choice among ways to the same result looks at.
enum ncr_code_optimize {
    NCR_OPTIMIZE_SPEED, // time, then bytes
    NCR_OPTIMIZE_SIZE   // bytes of code and constants, then time
};

struct ncr_code_options {
    enum ncr_code_optimize optimize;
    const char *triple;   // NULL: this machine
    const char *cpu;      // NULL: this machine's, or "generic" for another triple
    const char *features; // NULL: this machine's, or none
    const char *family; // NULL: best for the target; "generic", "x86_vnni", …: row of family.def
    const char *prefix; // names of the public symbols; NULL: "nacre"
    const struct ncr_code_store *store;  // of code in memory; NULL: none
    const struct ncr_code_place *places; // by qnode: objects get debug information; NULL: none
    const char *arch_id; // 32 hexadecimal digits for the description of an object; NULL: none
    // For objects of programs that read images: the input of each pixel byte, [C][256] elements for
    // the channels of the first input; NULL: none.
    const int8_t *pixels;
    // What an object needs of the stack to run, in bytes, below its caller; NULL: not asked for.
    // ncr_code_emit sets it for the form NCR_CODE_OBJECT; ncr_code_header writes it. An object's
    // own description states it in any case; that of the other forms has 0 there.
    uint64_t *stack_bytes;
    // Out: bytes of the object's sections that hold instructions, and that hold constants (packed
    // weights, tables, the description). NULL: not wanted.
    struct ncr_code_sizes *sizes;
};

// Whether a triple means a machine without a system, which has no loader that moves code.
bool ncr_code_is_bare(const char *triple);

// ---- in memory ----
struct ncr_code;
// Compiles through LLJIT. The code owns its memory and stays valid until freed; several threads may
// run it at once with an arena each. plan must outlive it.
enum ncr_status ncr_code_jit(const struct ncr_plan *plan, const struct ncr_code_options *options,
                             struct ncr_code **out, struct ncr_error *err);
// The key under which ncr_code_jit looks for what it would make.
enum ncr_status ncr_code_key(const struct ncr_plan *plan, const struct ncr_code_options *options,
                             char key[33], struct ncr_error *err);
void ncr_code_free(struct ncr_code *code);
const char *ncr_code_family(const struct ncr_code *code);
// Whether the object came from the store.
bool ncr_code_was_stored(const struct ncr_code *code);
const uint8_t *ncr_code_blob(const struct ncr_code *code);
size_t ncr_code_blob_bytes(const struct ncr_code *code);

// Runs the whole network. in[i]: logical elements of input i in [H, W, C] order (channels
// innermost; [N] as it is); out[i] likewise. arena: plan->arena_bytes, aligned to NCR_PLAN_ALIGN.
// blob: that of the code or a patched copy. Of a plan of a batch: all its images, one after the
// other in in[i] and in out[i].
void ncr_code_run(const struct ncr_code *code, const uint8_t *blob, uint8_t *arena,
                  const int8_t *const *in, int8_t *const *out);
// The first n images of the batch, n from 1 on.
void ncr_code_run_some(const struct ncr_code *code, const uint8_t *blob, uint8_t *arena,
                       const int8_t *const *in, int8_t *const *out, uint32_t n);
// Step `step` of the plan (not of one of a batch) alone (inputs have their own: they copy in[i]
// into the arena); reads and writes the arena.
void ncr_code_load_inputs(const struct ncr_code *code, uint8_t *arena, const int8_t *const *in);
void ncr_code_step(const struct ncr_code *code, uint32_t step, const uint8_t *blob, uint8_t *arena);

// Logical value of element `index` (row-major [C, H, W]) of qnode q's tensor in the arena, and
// its replacement.
int32_t ncr_code_load(const struct ncr_code *code, const uint8_t *arena, uint32_t q, int64_t index);
void ncr_code_store(const struct ncr_code *code, uint8_t *arena, uint32_t q, int64_t index,
                    int32_t value);
// All elements of a tensor in logical order.
void ncr_code_read_tensor(const struct ncr_code *code, const uint8_t *arena, uint32_t q,
                          int8_t *out);

// Changes weight `index` (logical order of qnode q's weights) in a copy of the blob to a stored
// weight (weight_form.h), keeping what the packed form derives from it consistent with the
// arithmetic of qgraph.h (stored bias unchanged). Gives the integer that the old one stood for.
int32_t ncr_code_patch_weight(const struct ncr_code *code, uint8_t *blob, uint32_t q, int64_t index,
                              int8_t stored);
// Adds delta (modulo 2^32) to the stored bias of output channel `channel` in a copy of the blob.
void ncr_code_shift_bias(const struct ncr_code *code, uint8_t *blob, uint32_t q, int32_t channel,
                         int32_t delta);

// Asks the system, once in a process, for the tile registers of AMX; whether it gave them. Code in
// memory uses them then, where the processor has them.
bool ncr_amx_permitted(void);
// LLVM's names of this machine and its processor, in the arena.
void ncr_code_host(struct ncr_arena *arena, struct ncr_str *triple, struct ncr_str *cpu);

// ---- as text or object ----
enum ncr_code_form { NCR_CODE_LLVM, NCR_CODE_ASM, NCR_CODE_OBJECT };
// The module with the blob as a constant and three public functions (in C: what ncr_code_header
// declares):
//   int <prefix>_init(void *arena, size_t bytes)     0; 1 misaligned, 2 too small. Clears the
//   arena. void <prefix>_run(void *arena, const int8_t *const *in, int8_t *const *out) const struct
//   nacre_network *<prefix>_info(void)
// No allocation, no libc, no writable data; an arena is one instance. NCR_USAGE where a name in the
// options is unknown or the prefix is not an identifier of C.
enum ncr_status ncr_code_emit(const struct ncr_plan *plan, const struct ncr_code_options *options,
                              enum ncr_code_form form, struct ncr_buf *out, struct ncr_error *err);
// The C header for such an object: shapes, scales, zero points, arena and stack bytes, arch_id;
// C++-safe.
enum ncr_status ncr_code_header(const struct ncr_plan *plan, const struct ncr_code_options *options,
                                struct ncr_buf *out, struct ncr_error *err);

#endif
