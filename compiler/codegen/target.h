// Private to compiler/codegen: the machine that code is made for, from names to LLVM's target
// machine.
#ifndef NCR_CODEGEN_TARGET_H
#define NCR_CODEGEN_TARGET_H

#include <llvm-c/TargetMachine.h>

#include "compiler/codegen/emit.h"

struct ncr_target {
    LLVMTargetMachineRef machine;
    char *triple, *cpu, *features; // strings of LLVM; features: with those of the options
    char *layout;                  // data layout
    uint32_t word_bits;            // of a pointer: 32 or 64
    bool is_host;                  // code for it can run in this process
    const struct ncr_family *family;
    bool masks, permutes; // AVX-512 with bytes: see emit.h
    bool multiplies;      // has an instruction for products
};

// Opens what the options ask for. NCR_USAGE with a text where a name is unknown, a family does not
// fit or the target stores numbers in big-endian order. Close after success only.
enum ncr_status ncr_target_open(const struct ncr_code_options *options, struct ncr_target *out,
                                struct ncr_error *err);
void ncr_target_close(struct ncr_target *target);

// The key of what is made of packs for the target: see struct ncr_code_store (key.c).
void ncr_key_of(const struct ncr_packs *packs, const struct ncr_target *target, char key[33]);

#define NCR_TARGET_PASSES "function(mem2reg,early-cse)"
// Runs the light passes and emits; the module is verified before. Buffer: LLVMDisposeMemoryBuffer.
enum ncr_status ncr_target_emit(const struct ncr_target *target, LLVMModuleRef module,
                                LLVMCodeGenFileType type, LLVMMemoryBufferRef *out,
                                struct ncr_error *err);
// The same passes alone, for the text form.
enum ncr_status ncr_target_passes(const struct ncr_target *target, LLVMModuleRef module,
                                  struct ncr_error *err);

#endif
