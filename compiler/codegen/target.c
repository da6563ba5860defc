// Names of a triple and a processor to LLVM's target machine, and a module through it to text or
// object code.
#include "compiler/codegen/target.h"

#include <llvm-c/Target.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lang/base/diag.h"

enum architecture { X86, AARCH64, ARM, RISCV32, RISCV64 };

static const struct {
    const char *prefix; // of the triple's first part
    enum architecture architecture;
} architectures[] = {{"x86_64", X86}, {"amd64", X86}, {"aarch64", AARCH64}, {"arm64", AARCH64},
                     {"arm", ARM},    {"thumb", ARM}, {"riscv32", RISCV32}, {"riscv64", RISCV64}};

static const struct cpu {
    enum architecture architecture;
    const char *name, *features;
} cpus[] = {
#define NCR_CPU(architecture, name, features) {architecture, name, features},
#include "compiler/codegen/cpus.def"
#undef NCR_CPU
};

// LLVM's tables of targets are global and filled once.
static void initialise(void)
{
    LLVMInitializeAllTargetInfos();
    LLVMInitializeAllTargets();
    LLVMInitializeAllTargetMCs();
    LLVMInitializeAllAsmPrinters();
}

static enum ncr_status find_architecture(const char *triple, enum architecture *out,
                                         struct ncr_error *err)
{
    for (size_t i = 0; i < NCR_COUNT(architectures); i++)
        if (strncmp(triple, architectures[i].prefix, strlen(architectures[i].prefix)) == 0) {
            *out = architectures[i].architecture;
            size_t n = strlen(architectures[i].prefix);
            if (strncmp(triple + n, "_be", 3) != 0 && strncmp(triple + n, "eb", 2) != 0)
                return NCR_OK;
            return ncr_fail(err, NCR_USAGE,
                            "the target `%s` stores numbers in big-endian order; constants are "
                            "laid out in little-endian order",
                            triple);
        }
    return ncr_fail(err, NCR_USAGE,
                    "there is no code generation for the target `%s`; its architecture must be "
                    "x86_64, aarch64, arm, thumb, riscv32 or riscv64",
                    triple);
}

static enum ncr_status find_cpu(enum architecture architecture, const char *name,
                                const struct cpu **out, struct ncr_error *err)
{
    struct ncr_str names[NCR_COUNT(cpus)];
    uint32_t n = 0;
    for (size_t i = 0; i < NCR_COUNT(cpus); i++) {
        if (cpus[i].architecture != architecture) continue;
        if (strcmp(cpus[i].name, name) == 0) {
            *out = &cpus[i];
            return NCR_OK;
        }
        names[n++] = ncr_str_of(cpus[i].name);
    }
    struct ncr_str near = ncr_diag_nearest(ncr_str_of(name), names, n);
    char list[512];
    size_t used = 0;
    for (uint32_t i = 0; i < n && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.*s", i ? ", " : "",
                                 NCR_STR_ARG(names[i]));
    if (near.n)
        return ncr_fail(err, NCR_USAGE, "there is no processor `%s`; did you mean `%.*s`?", name,
                        NCR_STR_ARG(near));
    return ncr_fail(err, NCR_USAGE, "there is no processor `%s`; there are %s", name, list);
}

// The machine itself, with everything that it can do.
static void describe_host(struct ncr_target *target)
{
    target->cpu = LLVMGetHostCPUName();
    target->features = LLVMGetHostCPUFeatures();
}

static enum ncr_status describe(const struct ncr_code_options *options, struct ncr_target *target,
                                struct ncr_error *err)
{
    char *host = LLVMGetDefaultTargetTriple();
    target->triple =
        options->triple ? LLVMNormalizeTargetTriple(options->triple) : LLVMCreateMessage(host);
    enum architecture architecture, own;
    enum ncr_status status = find_architecture(target->triple, &architecture, err);
    bool native_cpu = options->cpu ? strcmp(options->cpu, "native") == 0 : !options->triple;
    bool same =
        status == NCR_OK && find_architecture(host, &own, NULL) == NCR_OK && own == architecture;
    LLVMDisposeMessage(host);
    if (status != NCR_OK) return status;
    target->is_host = same && native_cpu;
    if (native_cpu && !same)
        return ncr_fail(err, NCR_USAGE, "the processor `native` is not one of the target `%s`",
                        target->triple);
    const struct cpu *cpu = NULL;
    if (native_cpu)
        describe_host(target);
    else if ((status = find_cpu(architecture, options->cpu ? options->cpu : "generic", &cpu,
                                err)) != NCR_OK)
        return status;
    // The processor as LLVM calls it, and its features with what the options add.
    if (cpu) {
        bool plain = strcmp(cpu->name, "generic") == 0;
        bool extensions = strncmp(cpu->name, "rv32", 4) == 0; // a name for a list of them
        target->cpu = LLVMCreateMessage(extensions                ? "generic-rv32"
                                        : !plain                  ? cpu->name
                                        : architecture == X86     ? "x86-64"
                                        : architecture == RISCV32 ? "generic-rv32"
                                        : architecture == RISCV64 ? "generic-rv64"
                                                                  : "generic");
        target->features = LLVMCreateMessage(cpu->features);
    }
    if (!options->features || !options->features[0]) return NCR_OK;
    struct ncr_buf both = {0};
    ncr_buf_fmt(&both, "%s%s%s", target->features, target->features[0] ? "," : "",
                options->features);
    if (!both.failed) {
        LLVMDisposeMessage(target->features);
        target->features = LLVMCreateMessage(both.s);
    }
    ncr_buf_free(&both);
    return both.failed ? ncr_fail(err, NCR_ENVIRONMENT, "out of memory") : NCR_OK;
}

static void drop(struct ncr_target *target)
{
    LLVMDisposeMessage(target->triple);
    LLVMDisposeMessage(target->cpu);
    LLVMDisposeMessage(target->features);
    LLVMDisposeMessage(target->layout);
    if (target->machine) LLVMDisposeTargetMachine(target->machine);
}

bool ncr_code_is_bare(const char *triple)
{
    return !strstr(triple, "-linux") && (strstr(triple, "-none") || strstr(triple, "-unknown-elf"));
}

static enum ncr_status create(struct ncr_target *target, struct ncr_error *err)
{
    char *message = NULL;
    LLVMTargetRef llvm;
    if (LLVMGetTargetFromTriple(target->triple, &llvm, &message)) {
        ncr_fail(err, NCR_USAGE, "LLVM has no target `%s`: %s", target->triple, message);
        LLVMDisposeMessage(message);
        return NCR_USAGE;
    }
    LLVMTargetMachineOptionsRef options = LLVMCreateTargetMachineOptions();
    LLVMTargetMachineOptionsSetCPU(options, target->cpu);
    LLVMTargetMachineOptionsSetFeatures(options, target->features);
    // "less" gives the speed of "default" on kernels that are shaped by hand, in a fraction of the
    // time.
    LLVMTargetMachineOptionsSetCodeGenOptLevel(options, LLVMCodeGenLevelLess);
    LLVMTargetMachineOptionsSetRelocMode(options, ncr_code_is_bare(target->triple) ? LLVMRelocStatic
                                                                                   : LLVMRelocPIC);
    if (strncmp(target->triple, "riscv64", 7) == 0)
        LLVMTargetMachineOptionsSetABI(options, strstr(target->features, "+d") ? "lp64d" : "lp64");
    target->machine = LLVMCreateTargetMachineWithOptions(llvm, target->triple, options);
    LLVMDisposeTargetMachineOptions(options);
    if (!target->machine)
        return ncr_fail(err, NCR_USAGE, "LLVM cannot make code for the target `%s`",
                        target->triple);
    LLVMTargetDataRef data = LLVMCreateTargetDataLayout(target->machine);
    target->layout = LLVMCopyStringRepOfTargetData(data);
    target->word_bits = 8 * LLVMPointerSize(data);
    LLVMDisposeTargetData(data);
    return NCR_OK;
}

enum ncr_status ncr_target_open(const struct ncr_code_options *options, struct ncr_target *out,
                                struct ncr_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, initialise);
    *out = (struct ncr_target){0};
    enum ncr_status status = describe(options, out, err);
    if (status == NCR_OK) status = create(out, err);
    out->multiplies = status != NCR_OK || !ncr_family_feature(out->features, "-m");
    if (status == NCR_OK && !out->multiplies && out->word_bits != 32)
        status = ncr_fail(err, NCR_USAGE,
                          "there is no code generation for `%s` without a multiplier: only for "
                          "RISC-V of 32 bits",
                          out->triple);
    const char *family = options->family || out->multiplies ? options->family : "shifts";
    if (status == NCR_OK) status = ncr_family_find(family, out->features, &out->family, err);
    if (status == NCR_OK && out->family->lanes == 16) {
        out->masks = ncr_family_feature(out->features, "+avx512vl");
        out->permutes = ncr_family_feature(out->features, "+avx512vbmi");
    }
    if (status != NCR_OK) drop(out);
    return status;
}

void ncr_target_close(struct ncr_target *target)
{
    drop(target);
}

enum ncr_status ncr_target_passes(const struct ncr_target *target, LLVMModuleRef module,
                                  struct ncr_error *err)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(module, NCR_TARGET_PASSES, target->machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (!error) return NCR_OK;
    char *text = LLVMGetErrorMessage(error);
    ncr_fail(err, NCR_ENVIRONMENT, "LLVM cannot run its passes: %s", text);
    LLVMDisposeErrorMessage(text);
    return NCR_ENVIRONMENT;
}

enum ncr_status ncr_target_emit(const struct ncr_target *target, LLVMModuleRef module,
                                LLVMCodeGenFileType type, LLVMMemoryBufferRef *out,
                                struct ncr_error *err)
{
    enum ncr_status status = ncr_target_passes(target, module, err);
    if (status != NCR_OK) return status;
    char *message = NULL;
    if (!LLVMTargetMachineEmitToMemoryBuffer(target->machine, module, type, &message, out))
        return NCR_OK;
    ncr_fail(err, NCR_ENVIRONMENT, "LLVM cannot make machine code: %s", message);
    LLVMDisposeMessage(message);
    return NCR_ENVIRONMENT;
}

void ncr_code_host(struct ncr_arena *arena, struct ncr_str *triple, struct ncr_str *cpu)
{
    char *host = LLVMGetDefaultTargetTriple(), *name = LLVMGetHostCPUName();
    *triple = ncr_str_dup(arena, ncr_str_of(host));
    *cpu = ncr_str_dup(arena, ncr_str_of(name));
    LLVMDisposeMessage(host);
    LLVMDisposeMessage(name);
}
