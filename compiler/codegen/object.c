// Plan to a module of its own as text, assembly or object code, and the C header that goes with it.
#include <llvm-c/Object.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/codegen/interface.h"
#include "compiler/codegen/stack.h"
#include "compiler/codegen/standalone.h"
#include "compiler/codegen/target.h"

static enum ncr_status check_prefix(const struct ncr_code_options *options, struct ncr_error *err)
{
    if (!options->prefix) return NCR_OK;
    if (strlen(options->prefix) > 100 || !ncr_interface_prefix(options->prefix))
        return ncr_fail(err, NCR_USAGE,
                        "`%s` cannot begin the names of C functions: it must be letters, digits "
                        "and `_`, not begin with a digit and have at most 100 characters",
                        options->prefix);
    return NCR_OK;
}

static enum ncr_status write_form(const struct ncr_target *target, LLVMModuleRef module,
                                  enum ncr_code_form form, struct ncr_buf *out,
                                  struct ncr_error *err)
{
    enum ncr_status status;
    if (form == NCR_CODE_LLVM) {
        status = ncr_target_passes(target, module, err);
        if (status != NCR_OK) return status;
        char *text = LLVMPrintModuleToString(module);
        ncr_buf_puts(out, text);
        LLVMDisposeMessage(text);
    } else {
        LLVMMemoryBufferRef bytes;
        status = ncr_target_emit(
            target, module, form == NCR_CODE_ASM ? LLVMAssemblyFile : LLVMObjectFile, &bytes, err);
        if (status != NCR_OK) return status;
        ncr_buf_put(out, LLVMGetBufferStart(bytes), LLVMGetBufferSize(bytes));
        LLVMDisposeMemoryBuffer(bytes);
    }
    return out->failed ? ncr_fail(err, NCR_ENVIRONMENT, "out of memory") : NCR_OK;
}

// A call of x86 leaves its address on the stack, and its frame pointer is not part of what LLVM
// tells; a frame with vectors of more than 16 bytes is moved to a multiple of their size.
static uint64_t stack_of(const struct ncr_frames *frames, const struct ncr_target *target,
                         const struct ncr_code_options *options, LLVMModuleRef module)
{
    char name[256];
    snprintf(name, sizeof name, "%s_run", options->prefix ? options->prefix : "nacre");
    bool x86 = strncmp(target->triple, "x86_64", 6) == 0;
    uint64_t vector = 4 * (uint64_t)target->family->lanes;
    return ncr_frames_depth(frames, module, name, (x86 ? 16 : 0) + (vector > 16 ? vector : 0));
}

static bool begins(const char *name, const char *with)
{
    return name && strncmp(name, with, strlen(with)) == 0;
}

// An object of our own, to read.
struct object {
    LLVMMemoryBufferRef bytes;
    LLVMBinaryRef binary;
    LLVMSectionIteratorRef section;
};

static struct object object_open(const struct ncr_buf *from)
{
    char *message = NULL;
    struct object o = {
        .bytes = LLVMCreateMemoryBufferWithMemoryRange(from->s, from->n, "object", false)};
    o.binary = LLVMCreateBinary(o.bytes, NULL, &message);
    if (!o.binary) NCR_BUG("an object of our own cannot be read: %s", message);
    o.section = LLVMObjectFileCopySectionIterator(o.binary);
    return o;
}

static void object_close(struct object *o)
{
    LLVMDisposeSectionIterator(o->section);
    LLVMDisposeBinary(o->binary);
    LLVMDisposeMemoryBuffer(o->bytes);
}

static void sizes_of(const struct ncr_buf *from, struct ncr_code_sizes *out)
{
    static const struct {
        const char *name; // of a section in ELF, Mach-O or COFF begins so
        bool code;
    } kinds[] = {{".text", true},    {"__text", true},     {".rodata", false},   {".rdata", false},
                 {"__const", false}, {"__literal", false}, {"__cstring", false}, {".data", false}};
    *out = (struct ncr_code_sizes){0};
    struct object o = object_open(from);
    for (; !LLVMObjectFileIsSectionIteratorAtEnd(o.binary, o.section);
         LLVMMoveToNextSection(o.section)) {
        const char *name = LLVMGetSectionName(o.section);
        for (size_t i = 0; i < NCR_COUNT(kinds); i++)
            if (begins(name, kinds[i].name))
                *(kinds[i].code ? &out->code : &out->constants) += LLVMGetSectionSize(o.section);
    }
    object_close(&o);
}

// Where the description of the network is in the object's bytes. Some formats put an underscore
// before all names.
static size_t description_of(const struct ncr_buf *from)
{
    struct object o = object_open(from);
    LLVMSymbolIteratorRef at = LLVMObjectFileCopySymbolIterator(o.binary);
    size_t found = 0;
    for (; !found && !LLVMObjectFileIsSymbolIteratorAtEnd(o.binary, at); LLVMMoveToNextSymbol(at)) {
        const char *name = LLVMGetSymbolName(at);
        if (strcmp(name + (*name == '_'), NCR_INTERFACE_NETWORK) != 0) continue;
        LLVMMoveToContainingSection(o.section, at);
        found = (size_t)(LLVMGetSectionContents(o.section) - from->s) +
                (size_t)(LLVMGetSymbolAddress(at) - LLVMGetSectionAddress(o.section));
    }
    LLVMDisposeSymbolIterator(at);
    object_close(&o);
    if (!found) NCR_BUG("an object of our own does not describe its network");
    return found;
}

// Writes the stack into the description, where a word of zero waits for it.
static void state_stack(struct ncr_buf *object, const struct ncr_target *target, uint64_t bytes)
{
    uint32_t word = target->word_bits / 8;
    size_t at = description_of(object) + ncr_interface_stack(word);
    for (uint32_t i = 0; i < word; i++) {
        if (at + i >= object->n || object->s[at + i]) NCR_BUG("no room for the stack's bytes");
        object->s[at + i] = (char)(bytes >> 8 * i);
    }
}

static enum ncr_status emit(const struct ncr_plan *plan, const struct ncr_target *target,
                            const struct ncr_code_options *asked, enum ncr_code_form form,
                            struct ncr_buf *out, struct ncr_error *err)
{
    if (target->family->amx)
        return ncr_fail(err, NCR_USAGE,
                        "the machine family `%s` is for code in memory: a program has to ask its "
                        "system for the tile registers before it may use them",
                        target->family->name);
    uint64_t stack = 0;
    struct ncr_code_options with = *asked, *options = &with;
    if (form == NCR_CODE_OBJECT && !with.stack_bytes) with.stack_bytes = &stack;
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    struct ncr_packs packs;
    ncr_packs_layout(&packs, arena, plan, target->family, asked->optimize);
    uint8_t *blob = calloc(1, (size_t)packs.bytes);
    enum ncr_status status = NCR_OK;
    if (!blob)
        status = ncr_fail(err, NCR_ENVIRONMENT, "out of memory for %llu bytes of constants",
                          (unsigned long long)packs.bytes);
    if (status == NCR_OK) {
        ncr_packs_fill(&packs, blob);
        LLVMContextRef context = LLVMContextCreate();
        struct ncr_frames frames;
        ncr_frames_watch(&frames, arena, context);
        LLVMModuleRef module = ncr_emit_module(context, &packs, target, options, blob);
        status = write_form(target, module, form, out, err);
        if (status == NCR_OK && form == NCR_CODE_OBJECT) {
            *options->stack_bytes = stack_of(&frames, target, options, module);
            state_stack(out, target, *options->stack_bytes);
        }
        if (status == NCR_OK && options->sizes && form == NCR_CODE_OBJECT)
            sizes_of(out, options->sizes);
        LLVMDisposeModule(module);
        LLVMContextDispose(context);
    }
    free(blob);
    ncr_arena_free(arena);
    return status;
}

enum ncr_status ncr_code_emit(const struct ncr_plan *plan, const struct ncr_code_options *options,
                              enum ncr_code_form form, struct ncr_buf *out, struct ncr_error *err)
{
    if (!plan->qgraph->has_numbers) NCR_BUG("machine code needs weights and scales");
    enum ncr_status status = check_prefix(options, err);
    struct ncr_target target;
    if (status == NCR_OK) status = ncr_target_open(options, &target, err);
    if (status != NCR_OK) return status;
    status = emit(plan, &target, options, form, out, err);
    ncr_target_close(&target);
    return status;
}

// `LENET` for `lenet`.
static void upper(struct ncr_buf *out, const char *prefix)
{
    for (; *prefix; prefix++)
        ncr_buf_putc(out, *prefix >= 'a' && *prefix <= 'z' ? (char)(*prefix - 'a' + 'A') : *prefix);
}

static void define(struct ncr_buf *out, const char *prefix, const char *name)
{
    ncr_buf_puts(out, "#define ");
    upper(out, prefix);
    ncr_buf_fmt(out, "_%s ", name);
}

static void describe_tensor(const struct ncr_plan *plan, const char *prefix, uint32_t i,
                            bool output, struct ncr_buf *out)
{
    const struct ncr_qgraph *g = plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[output ? g->outputs[i] : g->inputs[i]];
    const struct ncr_shape *s = &node->shape;
    const char *kind = output ? "OUTPUT" : "INPUT";
    char name[64];
    ncr_buf_fmt(out, "\n/* %s %u, `%.*s`: ", output ? "Output" : "Input", i,
                NCR_STR_ARG(ncr_interface_name(g, i, output)));
    if (s->rank == 3)
        ncr_buf_fmt(out, "[H, W, C] = [%d, %d, %d] in memory, channels innermost", s->dim[1],
                    s->dim[2], s->dim[0]);
    else
        ncr_buf_fmt(out, "[N] = [%d]", s->dim[0]);
    if (node->bits > 8) ncr_buf_puts(out, ", of int16_t");
    ncr_buf_puts(out, "; real = SCALE * (q - ZERO_POINT). */\n");
    snprintf(name, sizeof name, "%s_%u_BYTES", kind, i);
    define(out, prefix, name);
    ncr_buf_fmt(out, "%lld\n", (long long)ncr_qnode_bytes(node));
    snprintf(name, sizeof name, "%s_%u_SCALE", kind, i);
    define(out, prefix, name);
    ncr_buf_f64(out, node->scale);
    snprintf(name, sizeof name, "%s_%u_ZERO_POINT", kind, i);
    ncr_buf_putc(out, '\n');
    define(out, prefix, name);
    ncr_buf_fmt(out, "(%d)\n", node->zero_point);
}

enum ncr_status ncr_code_header(const struct ncr_plan *plan, const struct ncr_code_options *options,
                                struct ncr_buf *out, struct ncr_error *err)
{
    enum ncr_status status = check_prefix(options, err);
    if (status != NCR_OK) return status;
    const struct ncr_qgraph *g = plan->qgraph;
    const char *prefix = options->prefix ? options->prefix : "nacre";
    ncr_buf_fmt(out,
                "/* Network `%.*s` as machine code. Written by nacre; do not edit.\n"
                " *\n"
                " * The object allocates nothing, calls no library function and has no writable "
                "data. An instance is its arena:\n"
                " * memory of ARENA_BYTES bytes, aligned to ARENA_ALIGN, that the caller owns. "
                "Different arenas may be run at the\n"
                " * same time. */\n#ifndef NACRE_NETWORK_",
                NCR_STR_ARG(g->name));
    upper(out, prefix);
    ncr_buf_puts(out, "_H\n#define NACRE_NETWORK_");
    upper(out, prefix);
    ncr_buf_puts(out, "_H\n\n");
    ncr_buf_put(out, ncr_standalone_types, ncr_standalone_types_bytes);
    ncr_buf_puts(out, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    define(out, prefix, "ARCH_ID");
    ncr_buf_fmt(out, "\"%s\"\n", options->arch_id ? options->arch_id : "");
    define(out, prefix, "ARENA_BYTES");
    ncr_buf_fmt(out, "%llu\n", (unsigned long long)plan->arena_bytes);
    define(out, prefix, "ARENA_ALIGN");
    ncr_buf_fmt(out, "%d\n", NCR_PLAN_ALIGN);
    ncr_buf_puts(out, "/* The samples of a run. */\n");
    define(out, prefix, "BATCH");
    ncr_buf_fmt(out, "%u\n", plan->batch);
    if (options->stack_bytes) {
        ncr_buf_puts(out, "/* The stack that run() needs below its caller, at most. */\n");
        define(out, prefix, "STACK_BYTES");
        ncr_buf_fmt(out, "%llu\n", (unsigned long long)*options->stack_bytes);
    }
    for (uint32_t i = 0; i < g->n_inputs; i++)
        describe_tensor(plan, prefix, i, false, out);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        describe_tensor(plan, prefix, i, true, out);
    ncr_buf_fmt(
        out,
        "\n/* Checks and clears an arena. 0: ready; 1: not aligned; 2: too small. */\n"
        "int %s_init(void *arena, size_t bytes);\n"
        "/* Runs BATCH samples. in: %u pointer%s, out: %u pointer%s, each to the tensor's bytes, "
        "sample\n"
        " * after sample: BATCH times as many as are stated above. */\n"
        "void %s_run(void *arena, const int8_t *const *in, int8_t *const *out);\n"
        "/* What the network is; constant. */\n"
        "const struct nacre_network *%s_info(void);\n\n"
        "#ifdef __cplusplus\n}\n#endif\n\n#endif\n",
        prefix, g->n_inputs, g->n_inputs == 1 ? "" : "s", g->n_outputs,
        g->n_outputs == 1 ? "" : "s", prefix, prefix);
    return out->failed ? ncr_fail(err, NCR_ENVIRONMENT, "out of memory") : NCR_OK;
}
