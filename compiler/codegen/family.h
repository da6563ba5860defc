// Private to compiler/codegen: machine families, the seam between the one emitter and the machines.
#ifndef NCR_CODEGEN_FAMILY_H
#define NCR_CODEGEN_FAMILY_H

#include <llvm-c/Core.h>

#include "compiler/codegen/codegen.h"

struct ncr_emit;
struct ncr_weight_read;

// How weights lie in memory.
enum ncr_weight_pack {
    NCR_PACK_BYTES,   // the integer that a weight stands for
    NCR_PACK_NIBBLES, // stored weights of 4 bits, two a byte
    NCR_PACK_CODES,   // stored weights that stand for more than a byte, one a byte
    NCR_PACK_HALVES,  // what these stand for, in 16 bits
    NCR_PACK_SHIFTS   // log2 weights as sign and shift, one a byte (lower_shift.c)
};

// A dot product of a machine: every lane of an accumulator takes four products. `lanes` is the
// family's; a group of weights, decoded, is lanes·4 bytes.
struct ncr_lowering {
    // Number of weight (lane, tap) in a group, in the order of memory; of NCR_PACK_NIBBLES number n
    // is in the low half of byte n, or in the high half of byte n - 2·lanes.
    uint32_t (*weight_at)(uint32_t lanes, uint32_t lane, uint32_t tap, enum ncr_weight_pack pack);
    // Four stored activations, and a group of weights (read through emit.h's ncr_weight_bytes), in
    // the form that dot4 takes.
    LLVMValueRef (*input)(struct ncr_emit *e, LLVMValueRef at);
    LLVMValueRef (*weights)(struct ncr_emit *e, const struct ncr_weight_read *read,
                            LLVMValueRef at);
    LLVMValueRef (*dot4)(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef input,
                         LLVMValueRef weights);
    // Depthwise: a block is lanes·4 channels in four accumulators. Lane `lane` of accumulator `a`
    // holds channel channel_of(…) of the block; taps() adds four taps of all channels, w being four
    // groups of weights [a] in the order of weight_at.
    uint32_t (*channel_of)(uint32_t lanes, uint32_t a, uint32_t lane);
    void (*taps)(struct ncr_emit *e, LLVMValueRef acc[4], LLVMValueRef const x[4],
                 const struct ncr_weight_read *read, LLVMValueRef w_at);
    // Splats of what narrow needs, from the head of a node's constants (pack.h).
    void (*open)(struct ncr_emit *e, LLVMValueRef head, LLVMValueRef out[3]);
    // Stored bytes clamp(zero_point + r) of n <= 4 vectors of requantised values (|r| < 2^31 -
    // 256), one vector after the other; or, where `interleaved`, channels as channel_of gives them.
    // The result is a vector of at least n·lanes bytes.
    LLVMValueRef (*narrow)(struct ncr_emit *e, LLVMValueRef const head[3], LLVMValueRef const r[],
                           uint32_t n, bool interleaved);
    // Byte codes[i] of a table of 16 bytes, which is repeated to the length of codes (16, 32 or
    // 64); codes are below 16. NULL: the machine has no such instruction.
    LLVMValueRef (*lookup)(struct ncr_emit *e, LLVMValueRef table, LLVMValueRef codes);
    bool wide; // weights may have 16 bits; else those that have are taken in two planes (decode.c)
    // In place of `input`, `weights` and `dot4`: all of it for the first `taps` activations at each
    // of from[pixels] and a cell of each of `vectors`; acc is [pixels][vectors]. For machines that
    // have no vectors and few registers, which a cell would fill. NULL: there is none.
    void (*group)(struct ncr_emit *e, const struct ncr_weight_read *read, LLVMValueRef *acc,
                  LLVMValueRef const *from, uint32_t pixels, LLVMValueRef cells, uint32_t vectors,
                  uint32_t taps);
};

extern const struct ncr_lowering ncr_lowering_vnni, ncr_lowering_madd, ncr_lowering_sdot,
    ncr_lowering_smull, ncr_lowering_smlad, ncr_lowering_plain, ncr_lowering_shift;

// `open` and `narrow` in plain arithmetic, for lowerings without instructions of their own.
void ncr_plain_open(struct ncr_emit *e, LLVMValueRef head, LLVMValueRef out[3]);
LLVMValueRef ncr_plain_narrow(struct ncr_emit *e, LLVMValueRef const head[3],
                              LLVMValueRef const r[], uint32_t n, bool interleaved);

struct ncr_family {
    const char *name, *needs;
    uint32_t lanes;
    const struct ncr_lowering *lowering;
    bool biased;
    uint32_t accumulators;
    bool amx; // has tile registers beside the lowering, which the process must have asked for
};

// The row named `name`, or (NULL) the first whose need is among the features. NCR_USAGE where the
// name is unknown or its need is missing.
enum ncr_status ncr_family_find(const char *name, const char *features,
                                const struct ncr_family **out, struct ncr_error *err);
// Whether the comma-separated features hold `need` as a whole item.
bool ncr_family_feature(const char *features, const char *need);

#endif
