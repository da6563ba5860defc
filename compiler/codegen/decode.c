// Reads packed weights from memory as signed bytes, which is what every dot product takes: as they
// are, from two to a byte, or from logarithmic codes whose value has 16 bits and is taken in two
// planes (value = 256·high + low, low a signed byte).
#include "compiler/codegen/emit.h"

#include "compiler/quant/weight_form.h"

uint32_t ncr_cell_bytes(const struct ncr_emit *e, const struct ncr_weight_read *read)
{
    return (read->pack == NCR_PACK_NIBBLES ? 2 : 4) * e->family->lanes;
}

// The byte of a plane that stands for the stored weight `pattern`.
static int8_t plane_of(const struct ncr_weight_values *values, uint32_t pattern, bool high)
{
    int32_t v = values->of[pattern], low = (int8_t)(uint8_t)((uint32_t)v & 0xff);
    return (int8_t)(high ? (v - low) / 256 : low);
}

// A table of 16 bytes for the patterns from `first` on, over and over in n bytes.
static LLVMValueRef table16(struct ncr_emit *e, const struct ncr_weight_read *read, uint32_t first,
                            uint32_t n)
{
    struct ncr_arena_mark mark = ncr_arena_mark(e->scratch);
    const struct ncr_weight_values *values = ncr_weight_values_new(e->scratch, read->form);
    LLVMValueRef bytes[64];
    for (uint32_t i = 0; i < n; i++)
        bytes[i] = LLVMConstInt(
            e->i8, (uint64_t)(uint8_t)plane_of(values, first + i % 16, read->high), false);
    ncr_arena_reset(e->scratch, mark);
    return LLVMConstVector(bytes, n);
}

// codes: bytes whose low bits (the width of the form) are a stored weight, other bits zero.
static LLVMValueRef by_table(struct ncr_emit *e, const struct ncr_weight_read *read,
                             LLVMValueRef codes)
{
    const struct ncr_lowering *lower = e->family->lowering;
    uint32_t n = ncr_length(codes);
    if (ncr_weight_width(read->form) == 4) return lower->lookup(e, table16(e, read, 0, n), codes);
    LLVMValueRef sign = ncr_splat_int(e->i8, 16, n),
                 index = LLVMBuildAnd(e->b, codes, ncr_splat_int(e->i8, 15, n), ""),
                 plus = lower->lookup(e, table16(e, read, 0, n), index),
                 minus = lower->lookup(e, table16(e, read, 16, n), index),
                 negative =
                     LLVMBuildICmp(e->b, LLVMIntEQ, LLVMBuildAnd(e->b, codes, sign, ""), sign, "");
    return LLVMBuildSelect(e->b, negative, minus, plus, "");
}

// The same in arithmetic of 16 bits.
static LLVMValueRef by_shifts(struct ncr_emit *e, const struct ncr_weight_read *read,
                              LLVMValueRef codes)
{
    uint32_t n = ncr_length(codes), width = ncr_weight_width(read->form);
    LLVMTypeRef v16 = ncr_vec(e->i16, n), v8 = ncr_vec(e->i8, n);
    LLVMValueRef one = ncr_splat_int(e->i16, 1, n), zero = ncr_splat_int(e->i16, 0, n),
                 sign = ncr_splat_int(e->i16, 1 << (width - 1), n),
                 low = ncr_splat_int(e->i16, (1 << (width - 1)) - 1, n);
    LLVMValueRef code = LLVMBuildZExt(e->b, codes, v16, ""), m = LLVMBuildAnd(e->b, code, low, ""),
                 v;
    if (read->form.half_steps) {
        LLVMValueRef less = LLVMBuildSub(e->b, m, one, ""),
                     odd = LLVMBuildICmp(e->b, LLVMIntNE, LLVMBuildAnd(e->b, m, one, ""), zero, ""),
                     base = LLVMBuildSelect(e->b, odd, ncr_splat_int(e->i16, 12, n),
                                            ncr_splat_int(e->i16, 17, n), ""),
                     none = LLVMBuildICmp(e->b, LLVMIntEQ, m, zero, ""),
                     by = LLVMBuildSelect(e->b, none, zero, LLVMBuildLShr(e->b, less, one, ""), "");
        v = LLVMBuildSelect(e->b, none, zero, LLVMBuildShl(e->b, base, by, ""), "");
    } else
        v = LLVMBuildLShr(e->b, LLVMBuildShl(e->b, one, m, ""), one, "");
    LLVMValueRef negative =
        LLVMBuildICmp(e->b, LLVMIntNE, LLVMBuildAnd(e->b, code, sign, ""), zero, "");
    v = LLVMBuildSelect(e->b, negative, LLVMBuildNeg(e->b, v, ""), v, "");
    if (read->high)
        v = LLVMBuildAShr(e->b, LLVMBuildAdd(e->b, v, ncr_splat_int(e->i16, 128, n), ""),
                          ncr_splat_int(e->i16, 8, n), "");
    return LLVMBuildTrunc(e->b, v, v8, "");
}

static LLVMValueRef decode(struct ncr_emit *e, const struct ncr_weight_read *read,
                           LLVMValueRef codes)
{
    uint32_t n = ncr_length(codes);
    if (e->family->lowering->lookup && n >= 16) return by_table(e, read, codes);
    if (read->form.format != NCR_QF_LOG2) { // four bits of two's complement
        LLVMValueRef sign = ncr_splat_int(e->i8, 8, n);
        return LLVMBuildSub(e->b, LLVMBuildXor(e->b, codes, sign, ""), sign, "");
    }
    return by_shifts(e, read, codes);
}

LLVMValueRef ncr_weight_bytes(struct ncr_emit *e, const struct ncr_weight_read *read,
                              LLVMValueRef cell, uint32_t part, uint32_t parts)
{
    uint32_t whole = 4 * e->family->lanes, n = whole / parts, half = whole / 2;
    if (read->pack != NCR_PACK_NIBBLES) {
        LLVMValueRef at = ncr_at(e, cell, NULL, 0, part * n);
        LLVMValueRef bytes = ncr_load(e, ncr_vec(e->i8, n), at, n);
        if (read->pack == NCR_PACK_BYTES) return bytes;
        uint32_t width = ncr_weight_width(read->form);
        return decode(e, read,
                      LLVMBuildAnd(e->b, bytes, ncr_splat_int(e->i8, (1 << width) - 1, n), ""));
    }
    // Weight j of a cell is in the low half of byte j, weight half + j in its high half.
    uint32_t first = part * n % half, take = n < half ? n : half;
    LLVMValueRef bytes = ncr_load(e, ncr_vec(e->i8, take), ncr_at(e, cell, NULL, 0, first), take);
    LLVMValueRef low = LLVMBuildAnd(e->b, bytes, ncr_splat_int(e->i8, 15, take), ""),
                 high = LLVMBuildLShr(e->b, bytes, ncr_splat_int(e->i8, 4, take), "");
    if (parts > 1) return decode(e, read, part * n >= half ? high : low);
    uint32_t index[64];
    for (uint32_t i = 0; i < whole; i++)
        index[i] = i;
    return decode(e, read, ncr_shuffle(e, low, high, index, whole));
}

LLVMValueRef ncr_weight_words(struct ncr_emit *e, const struct ncr_weight_read *read,
                              LLVMValueRef cell)
{
    LLVMTypeRef words = ncr_vec(e->i32, e->family->lanes);
    if (read->pack == NCR_PACK_BYTES) return ncr_load(e, words, cell, 4 * e->family->lanes);
    return LLVMBuildBitCast(e->b, ncr_weight_bytes(e, read, cell, 0, 1), words, "");
}
