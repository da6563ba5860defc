// Requantisation of vectors of sums (qmath.h), exactly, and the way out of the registers.
#include "compiler/codegen/products.h"

struct ncr_scale ncr_scale_load(struct ncr_emit *e, enum ncr_scale_kind kind, LLVMValueRef mult,
                                LLVMValueRef round, LLVMValueRef shift)
{
    LLVMTypeRef v = ncr_vec(e->i32, e->family->lanes);
    return (struct ncr_scale){kind == NCR_SCALE_SHIFT ? NULL : ncr_load(e, v, mult, 4),
                              kind == NCR_SCALE_WIDE ? NULL : ncr_load(e, v, round, 4),
                              ncr_load(e, v, shift, 4), kind};
}

struct ncr_scale ncr_scale_splat(struct ncr_emit *e, enum ncr_scale_kind kind, LLVMValueRef at)
{
    uint32_t n = e->family->lanes;
    LLVMValueRef v[3];
    for (int i = 0; i < 3; i++)
        v[i] = ncr_splat(e, ncr_load(e, e->i32, ncr_at(e, at, NULL, 0, 4 * i), 4), n);
    return (struct ncr_scale){kind == NCR_SCALE_SHIFT ? NULL : v[0],
                              kind == NCR_SCALE_WIDE ? NULL : v[1], v[2], kind};
}

// (acc · mult + 2^(shift-1)) >> shift in 64 bits; limited far outside of any byte instead of at
// 2^31, which no clamp to a byte can tell apart.
static LLVMValueRef requantise_wide(struct ncr_emit *e, LLVMValueRef p,
                                    const struct ncr_scale *scale, uint32_t n)
{
    LLVMTypeRef v64 = ncr_vec(e->i64, n);
    LLVMValueRef shift = LLVMBuildZExt(e->b, scale->shift, v64, "");
    LLVMValueRef less = LLVMBuildSub(e->b, shift, ncr_splat_int(e->i64, 1, n), "");
    LLVMValueRef half = LLVMBuildShl(e->b, ncr_splat_int(e->i64, 1, n), less, "");
    LLVMValueRef r = LLVMBuildAShr(e->b, LLVMBuildAdd(e->b, p, half, ""), shift, "");
    r = ncr_max(e, r, ncr_splat_int(e->i64, -(1 << 20), n), true);
    r = ncr_min(e, r, ncr_splat_int(e->i64, 1 << 20, n), true);
    return LLVMBuildTrunc(e->b, r, ncr_vec(e->i32, n), "");
}

// With shift >= 33 the low 32 bits of the product cannot matter: for p = h·2^32 + l
//   (p + 2^(shift-1)) >> shift = (h + 2^(shift-33)) >> (shift - 32)
// since adding the fraction l / 2^32 to an integer never passes a multiple of 2^(shift-32).
// |h| <= 2^30 and the rounding is at most 2^29, so 32 bits do; and a zero point times 2^(shift-32),
// which adds the zero point to the result, is at most 2^29 too (pack.c).
//
// A factor that is a power of two has mult 2^30, and with k = shift - 30 >= 2
//   (acc · 2^30 + 2^(shift-1)) >> shift = (acc + 2^(k-1)) >> k = ((acc >> (k-1)) + 1) >> 1
// without a product and without a carry out of 32 bits; 2·zero beside the 1 adds the zero point.
LLVMValueRef ncr_rescale(struct ncr_emit *e, LLVMValueRef acc, const struct ncr_scale *scale)
{
    uint32_t n = ncr_length(acc);
    if (scale->kind == NCR_SCALE_SHIFT) {
        LLVMValueRef r = LLVMBuildAShr(e->b, acc, scale->shift, "");
        return LLVMBuildAShr(e->b, LLVMBuildAdd(e->b, r, scale->round, ""),
                             ncr_splat_int(e->i32, 1, n), "");
    }
    LLVMValueRef h;
    if (scale->kind == NCR_SCALE_HIGH && !e->multiplies) {
        h = ncr_products_high(e, acc, scale->mult);
    } else {
        LLVMTypeRef v64 = ncr_vec(e->i64, n);
        LLVMValueRef p = LLVMBuildMul(e->b, LLVMBuildSExt(e->b, acc, v64, ""),
                                      LLVMBuildSExt(e->b, scale->mult, v64, ""), "");
        if (scale->kind == NCR_SCALE_WIDE) return requantise_wide(e, p, scale, n);
        h = LLVMBuildLShr(e->b, p, ncr_splat_int(e->i64, 32, n), "");
        h = LLVMBuildTrunc(e->b, h, ncr_vec(e->i32, n), "");
    }
    return LLVMBuildAShr(e->b, LLVMBuildAdd(e->b, h, scale->round, ""), scale->shift, "");
}

struct ncr_finish ncr_finish_open(struct ncr_emit *e, LLVMValueRef consts, bool has_zero,
                                  bool clamps)
{
    struct ncr_finish f;
    e->family->lowering->open(e, consts, f.head);
    if (has_zero) f.head[0] = NULL;
    if (!clamps) f.head[1] = f.head[2] = NULL;
    return f;
}

void ncr_finish_store(struct ncr_emit *e, const struct ncr_finish *finish, LLVMValueRef const *r,
                      uint32_t vectors, LLVMValueRef at, uint32_t n)
{
    LLVMValueRef bytes = e->family->lowering->narrow(e, finish->head, r, vectors, false);
    ncr_store_bytes(e, bytes, at, n);
}

LLVMValueRef ncr_widen(struct ncr_emit *e, LLVMValueRef at)
{
    uint32_t n = e->family->lanes;
    LLVMValueRef v = ncr_load(e, ncr_vec(e->i8, n), at, 1);
    return e->family->biased ? LLVMBuildZExt(e->b, v, ncr_vec(e->i32, n), "")
                             : LLVMBuildSExt(e->b, v, ncr_vec(e->i32, n), "");
}
