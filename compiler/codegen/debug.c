// Places of layers to DWARF: a subprogram for each function, named by its layer; every instruction
// of it has the layer's line. A kernel that layers share has the line of the first.
#include "compiler/codegen/debug.h"

#include <llvm-c/DebugInfo.h>
#include <stdio.h>
#include <string.h>

struct ncr_debug {
    LLVMDIBuilderRef builder;
    LLVMMetadataRef unit, type;
    const struct ncr_code_place *places;
    LLVMMetadataRef *files; // by qnode; equal files are one node of LLVM's
};

static LLVMMetadataRef file_of(const struct ncr_debug *d, uint32_t q)
{
    struct ncr_str file = d->places[q].file;
    uint32_t name = file.n;
    while (name > 0 && file.s[name - 1] != '/')
        name--;
    uint32_t folder = name > 1 ? name - 1 : name;
    return LLVMDIBuilderCreateFile(d->builder, file.s + name, file.n - name, file.s, folder);
}

struct ncr_debug *ncr_debug_open(struct ncr_emit *e, const struct ncr_code_options *options)
{
    if (!options || !options->places) return NULL;
    static const char producer[] = "nacre " NACRE_VERSION;
    struct ncr_debug *d = NCR_NEW(e->scratch, struct ncr_debug);
    d->places = options->places;
    d->builder = LLVMCreateDIBuilder(e->module);
    d->files = NCR_NEW_N(e->scratch, LLVMMetadataRef, e->graph->n_nodes);
    for (uint32_t q = 0; q < e->graph->n_nodes; q++)
        d->files[q] = file_of(d, q);
    d->unit = LLVMDIBuilderCreateCompileUnit(d->builder, LLVMDWARFSourceLanguageC11,
                                             d->files[e->graph->inputs[0]], producer,
                                             sizeof producer - 1, true, "", 0, 0, "", 0,
                                             LLVMDWARFEmissionFull, 0, false, false, "", 0, "", 0);
    d->type = LLVMDIBuilderCreateSubroutineType(d->builder, d->files[e->graph->inputs[0]], NULL, 0,
                                                LLVMDIFlagZero);
    static const struct {
        const char *name;
        unsigned value;
    } flags[] = {{"Debug Info Version", 3}, {"Dwarf Version", 4}};
    for (size_t i = 0; i < NCR_COUNT(flags); i++)
        LLVMAddModuleFlag(e->module, LLVMModuleFlagBehaviorWarning, flags[i].name,
                          strlen(flags[i].name),
                          LLVMValueAsMetadata(LLVMConstInt(e->i32, flags[i].value, false)));
    return d;
}

void ncr_debug_function(struct ncr_emit *e, LLVMValueRef function, const char *name)
{
    struct ncr_debug *d = e->debug;
    if (!d) return;
    const struct ncr_code_place *place = &d->places[e->layer];
    bool is_step = strncmp(name, "step_", 5) == 0;
    const char *shown = is_step ? place->path.s : name;
    size_t n = is_step ? place->path.n : strlen(name);
    LLVMMetadataRef scope = LLVMDIBuilderCreateFunction(
        d->builder, d->unit, shown, n, shown, n, d->files[e->layer], place->line, d->type,
        LLVMGetLinkage(function) == LLVMInternalLinkage, true, place->line, LLVMDIFlagZero, true);
    LLVMSetSubprogram(function, scope);
    e->location =
        LLVMDIBuilderCreateDebugLocation(e->context, place->line, place->column, scope, NULL);
    LLVMSetCurrentDebugLocation2(e->b, e->location);
}

void ncr_debug_resume(struct ncr_emit *e)
{
    if (e->debug) LLVMSetCurrentDebugLocation2(e->b, e->location);
}

void ncr_debug_close(struct ncr_emit *e)
{
    if (!e->debug) return;
    LLVMDIBuilderFinalize(e->debug->builder);
    LLVMDisposeDIBuilder(e->debug->builder);
}
