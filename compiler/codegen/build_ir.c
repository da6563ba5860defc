// Small helpers over LLVM's builder: loops, addresses, vectors, requantisation, chunked rows.
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

LLVMTypeRef ncr_vec(struct ncr_emit *e, LLVMTypeRef element, uint32_t n)
{
    (void)e;
    return LLVMVectorType(element, n);
}

LLVMValueRef ncr_splat(struct ncr_emit *e, LLVMValueRef scalar, uint32_t n)
{
    LLVMTypeRef type = LLVMVectorType(LLVMTypeOf(scalar), n);
    LLVMValueRef one = LLVMBuildInsertElement(e->b, LLVMGetPoison(type), scalar, ncr_i32(e, 0), "");
    return LLVMBuildShuffleVector(e->b, one, LLVMGetPoison(type),
                                  LLVMConstNull(LLVMVectorType(e->i32, n)), "");
}

LLVMValueRef ncr_splat_int(struct ncr_emit *e, LLVMTypeRef element, int64_t v, uint32_t n)
{
    (void)e;
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

static LLVMValueRef flip(struct ncr_emit *e, LLVMValueRef v, uint32_t n)
{
    return e->family->biased ? LLVMBuildXor(e->b, v, ncr_splat_int(e, e->i8, 0x80, n), "") : v;
}

LLVMValueRef ncr_load_values(struct ncr_emit *e, LLVMValueRef at, uint32_t n)
{
    LLVMValueRef v = flip(e, ncr_load(e, ncr_vec(e, e->i8, n), at, 1), n);
    return LLVMBuildSExt(e->b, v, ncr_vec(e, e->i32, n), "");
}

void ncr_store_values(struct ncr_emit *e, LLVMValueRef logical_i8, LLVMValueRef at, uint32_t n)
{
    ncr_store(e, flip(e, logical_i8, n), at, 1);
}

LLVMValueRef ncr_requantised(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef mult,
                             LLVMValueRef shift, uint32_t n, const struct ncr_qnode *node)
{
    LLVMTypeRef wide = ncr_vec(e, e->i64, n);
    LLVMValueRef p = LLVMBuildMul(e->b, LLVMBuildSExt(e->b, acc, wide, ""),
                                  LLVMBuildSExt(e->b, mult, wide, ""), "");
    LLVMValueRef less = LLVMBuildSub(e->b, shift, ncr_splat_int(e, e->i64, 1, n), "");
    LLVMValueRef half = LLVMBuildShl(e->b, ncr_splat_int(e, e->i64, 1, n), less, "");
    // zero_point and clamp in 64 bits: the saturation to int32 in qmath.h cannot change a value
    // that is clamped to a byte.
    LLVMValueRef r = LLVMBuildAShr(e->b, LLVMBuildAdd(e->b, p, half, ""), shift, "");
    r = LLVMBuildAdd(e->b, r, ncr_splat_int(e, e->i64, node->zero_point, n), "");
    r = ncr_max(e, r, ncr_splat_int(e, e->i64, node->lo, n), true);
    r = ncr_min(e, r, ncr_splat_int(e, e->i64, node->hi, n), true);
    return LLVMBuildTrunc(e->b, r, ncr_vec(e, e->i8, n), "");
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
    return ncr_at(e, e->arena, NULL, 0, (int64_t)b->offset + b->first);
}

struct fill {
    LLVMValueRef at;
    uint8_t byte;
};

static void fill_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t width, void *user)
{
    const struct fill *f = user;
    ncr_store(e, ncr_splat_int(e, e->i8, (int8_t)f->byte, width), ncr_at(e, f->at, offset, 1, 0),
              1);
}

void ncr_emit_fill(struct ncr_emit *e, LLVMValueRef at, int64_t n, uint8_t byte)
{
    struct fill f = {at, byte};
    if (n > 0) ncr_chunks(e, n, 64, fill_chunk, &f);
}
