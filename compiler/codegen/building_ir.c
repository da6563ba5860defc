// Small helpers over LLVM's builder: loops, addresses, vectors, stores of a part.
#include <string.h>

#include "compiler/codegen/emit.h"

struct ncr_loop ncr_loop_begin(struct ncr_emit *e, int64_t n)
{
    struct ncr_loop loop = {.n = n};
    if (n == 1) {
        loop.index = ncr_word(e, 0);
        return loop;
    }
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->b);
    loop.body = LLVMAppendBasicBlockInContext(e->context, e->function, "loop");
    LLVMBuildBr(e->b, loop.body);
    LLVMPositionBuilderAtEnd(e->b, loop.body);
    loop.index = LLVMBuildPhi(e->b, e->word, "i");
    LLVMValueRef zero = ncr_word(e, 0);
    LLVMAddIncoming(loop.index, &zero, &before, 1);
    return loop;
}

void ncr_loop_end(struct ncr_emit *e, struct ncr_loop *loop)
{
    if (loop->n == 1) return;
    LLVMValueRef next = LLVMBuildNUWAdd(e->b, loop->index, ncr_word(e, 1), "");
    LLVMValueRef more = LLVMBuildICmp(e->b, LLVMIntULT, next, ncr_word(e, loop->n), "");
    LLVMBasicBlockRef last = LLVMGetInsertBlock(e->b);
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, e->function, "");
    LLVMBuildCondBr(e->b, more, loop->body, after);
    LLVMAddIncoming(loop->index, &next, &last, 1);
    LLVMPositionBuilderAtEnd(e->b, after);
}

LLVMValueRef ncr_local(struct ncr_emit *e, LLVMTypeRef type)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b), entry = LLVMGetEntryBasicBlock(e->function);
    LLVMPositionBuilderBefore(e->b, LLVMGetFirstInstruction(entry));
    LLVMValueRef slot = LLVMBuildAlloca(e->b, type, "local");
    LLVMPositionBuilderAtEnd(e->b, here);
    return slot;
}

LLVMValueRef ncr_word(struct ncr_emit *e, int64_t v)
{
    return LLVMConstInt(e->word, (unsigned long long)v, true);
}

LLVMValueRef ncr_i32(struct ncr_emit *e, int64_t v)
{
    return LLVMConstInt(e->i32, (unsigned long long)v, true);
}

LLVMValueRef ncr_at(struct ncr_emit *e, LLVMValueRef base, LLVMValueRef index, int64_t scale,
                    int64_t offset)
{
    if (index && scale) {
        LLVMValueRef step =
            scale == 1 ? index : LLVMBuildNSWMul(e->b, index, ncr_word(e, scale), "");
        base = LLVMBuildInBoundsGEP2(e->b, e->i8, base, &step, 1, "");
    }
    if (offset == 0) return base;
    LLVMValueRef k = ncr_word(e, offset);
    return LLVMBuildInBoundsGEP2(e->b, e->i8, base, &k, 1, "");
}

LLVMTypeRef ncr_vec(LLVMTypeRef element, uint32_t n)
{
    return LLVMVectorType(element, n);
}

LLVMValueRef ncr_splat(struct ncr_emit *e, LLVMValueRef scalar, uint32_t n)
{
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), n);
    LLVMValueRef one = LLVMBuildInsertElement(e->b, LLVMGetPoison(type), scalar, ncr_i32(e, 0), "");
    return LLVMBuildShuffleVector(e->b, one, LLVMGetPoison(type),
                                  LLVMConstNull(LLVMVectorType(e->i32, n)), "");
}

LLVMValueRef ncr_splat_int(LLVMTypeRef element, int64_t v, uint32_t n)
{
    LLVMValueRef lane[64];
    if (n > NCR_COUNT(lane)) NCR_BUG("vector of %u lanes", n);
    for (uint32_t i = 0; i < n; i++)
        lane[i] = LLVMConstInt(element, (unsigned long long)v, true);
    return LLVMConstVector(lane, n);
}

LLVMValueRef ncr_load(struct ncr_emit *e, LLVMTypeRef type, LLVMValueRef at, uint32_t align)
{
    LLVMValueRef v = LLVMBuildLoad2(e->b, type, at, "");
    LLVMSetAlignment(v, align);
    return v;
}

void ncr_store(struct ncr_emit *e, LLVMValueRef value, LLVMValueRef at, uint32_t align)
{
    LLVMSetAlignment(LLVMBuildStore(e->b, value, at), align);
}

LLVMValueRef ncr_max(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b, bool is_signed)
{
    return LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, is_signed ? LLVMIntSGT : LLVMIntUGT, a, b, ""),
                           a, b, "");
}

LLVMValueRef ncr_min(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b, bool is_signed)
{
    return LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, is_signed ? LLVMIntSLT : LLVMIntULT, a, b, ""),
                           a, b, "");
}

LLVMValueRef ncr_shuffle(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b, const uint32_t *index,
                         uint32_t n)
{
    LLVMValueRef at[64];
    if (n > NCR_COUNT(at)) NCR_BUG("shuffle of %u lanes", n);
    for (uint32_t i = 0; i < n; i++)
        at[i] = ncr_i32(e, index[i]);
    return LLVMBuildShuffleVector(e->b, a, b ? b : LLVMGetPoison(LLVMTypeOf(a)),
                                  LLVMConstVector(at, n), "");
}

uint32_t ncr_length(LLVMValueRef vector)
{
    return LLVMGetVectorSize(LLVMTypeOf(vector));
}

LLVMValueRef ncr_intrinsic(struct ncr_emit *e, const char *name, LLVMTypeRef result,
                           LLVMValueRef *args, uint32_t n)
{
    LLVMTypeRef types[4];
    for (uint32_t i = 0; i < n; i++)
        types[i] = LLVMTypeOf(args[i]);
    LLVMTypeRef type = LLVMFunctionType(result, types, n, false);
    LLVMValueRef f = LLVMGetNamedFunction(e->module, name);
    if (!f) f = LLVMAddFunction(e->module, name, type);
    return LLVMBuildCall2(e->b, type, f, args, n, "");
}

// Bytes [from, from + n) of a vector.
static LLVMValueRef part(struct ncr_emit *e, LLVMValueRef v, uint32_t from, uint32_t n)
{
    uint32_t index[64];
    for (uint32_t i = 0; i < n; i++)
        index[i] = from + i;
    return from == 0 && n == ncr_length(v) ? v : ncr_shuffle(e, v, NULL, index, n);
}

static bool power_of_two(uint32_t n)
{
    return (n & (n - 1)) == 0;
}

void ncr_store_bytes(struct ncr_emit *e, LLVMValueRef bytes, LLVMValueRef at, uint32_t n)
{
    if (n == 0) return;
    uint32_t have = ncr_length(bytes), wide = 16; // a masked store takes one whole register
    while (wide < n)
        wide *= 2;
    if (e->masks && !power_of_two(n) && wide <= have) {
        LLVMValueRef mask[64];
        for (uint32_t i = 0; i < wide; i++)
            mask[i] = LLVMConstInt(e->i1, i < n, false);
        char name[64] = "llvm.masked.store.v16i8.p0";
        if (wide == 32) strcpy(name, "llvm.masked.store.v32i8.p0");
        if (wide == 64) strcpy(name, "llvm.masked.store.v64i8.p0");
        LLVMValueRef args[4] = {part(e, bytes, 0, wide), at, ncr_i32(e, 1),
                                LLVMConstVector(mask, wide)};
        ncr_intrinsic(e, name, e->nothing, args, 4);
        return;
    }
    for (uint32_t from = 0; from < n;) { // powers of two, the largest first
        uint32_t piece = 1;
        while (2 * piece <= n - from)
            piece *= 2;
        LLVMValueRef v = part(e, bytes, from, piece);
        ncr_store(e, v, ncr_at(e, at, NULL, 0, from), 1);
        from += piece;
    }
}

void ncr_chunks(struct ncr_emit *e, int64_t n, uint32_t width, ncr_chunk body, void *user)
{
    if (n >= width) {
        struct ncr_loop loop = ncr_loop_begin(e, n / width);
        body(e, LLVMBuildNUWMul(e->b, loop.index, ncr_word(e, width), ""), width, user);
        ncr_loop_end(e, &loop);
    }
    if (n % width) body(e, ncr_word(e, n / width * width), (uint32_t)(n % width), user);
}

uint8_t ncr_stored(const struct ncr_emit *e, int32_t v)
{
    return (uint8_t)((uint8_t)v ^ (e->family->biased ? 0x80 : 0));
}

LLVMValueRef ncr_tensor(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_buffer *b = &e->plan->buffers[q];
    return ncr_at(e, e->arena, b->images > 1 ? e->image : NULL, ncr_buffer_pixel(b),
                  (int64_t)b->offset + b->first);
}

LLVMValueRef ncr_consts(struct ncr_emit *e, uint32_t q)
{
    return ncr_at(e, e->blob, NULL, 0, (int64_t)e->packs->at[q].base);
}

struct fill {
    LLVMValueRef at, byte;
};

static void fill_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t width, void *user)
{
    const struct fill *f = user;
    ncr_store_bytes(e, ncr_splat(e, f->byte, 64), ncr_at(e, f->at, offset, 1, 0), width);
}

void ncr_emit_fill(struct ncr_emit *e, LLVMValueRef at, int64_t n, LLVMValueRef byte)
{
    struct fill f = {at, byte};
    if (n > 0) ncr_chunks(e, n, 64, fill_chunk, &f);
}
