// Reads packed weights from memory as signed bytes, which is what most dot products take: as they
// are, from two to a byte, or from logarithmic codes whose value has 16 bits and is taken in two
// planes (value = 256·high + low, low a signed byte). Machines without an instruction that looks
// many bytes up at once multiply 16 bits or more: there what a byte of the constants stands for,
// one weight or two, is read from a table in memory.
#include <stdio.h>

#include "compiler/codegen/emit.h"
#include "compiler/quant/weight_form.h"

struct ncr_weight_key ncr_weight_key(enum ncr_weight_pack pack, struct ncr_weight_form form)
{
    struct ncr_weight_key key = {.pack = pack};
    if (pack == NCR_PACK_BYTES || pack == NCR_PACK_HALVES) return key;
    bool log2 = form.format == NCR_QF_LOG2; // linear and fixed are read alike
    key.format = log2 ? NCR_QF_LOG2 : NCR_QF_LINEAR;
    key.bits = ncr_weight_width(form);
    key.half_steps = form.half_steps;
    return key;
}

struct ncr_weight_read ncr_weight_read(const struct ncr_weight_key *key)
{
    return (struct ncr_weight_read){
        (enum ncr_weight_pack)key->pack,
        {(enum ncr_qformat)key->format, (uint32_t)key->bits, key->half_steps != 0},
        false};
}

uint32_t ncr_cell_bytes(const struct ncr_emit *e, const struct ncr_weight_read *read)
{
    uint32_t whole = 4 * e->family->lanes;
    return read->pack == NCR_PACK_NIBBLES  ? whole / 2
           : read->pack == NCR_PACK_HALVES ? 2 * whole
                                           : whole;
}

bool ncr_weight_planes(const struct ncr_emit *e, enum ncr_weight_pack pack)
{
    return pack == NCR_PACK_CODES && e->family->lowering->lookup;
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
        return read->pack == NCR_PACK_BYTES ? bytes : decode(e, read, bytes);
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

// ---- tables in memory ----

LLVMValueRef ncr_constant_table(struct ncr_emit *e, const char *name, LLVMValueRef *entries,
                                uint32_t n)
{
    LLVMValueRef array = LLVMConstArray2(LLVMTypeOf(entries[0]), entries, n),
                 table = LLVMAddGlobal(e->module, LLVMTypeOf(array), name);
    LLVMSetInitializer(table, array);
    LLVMSetGlobalConstant(table, true);
    LLVMSetLinkage(table, LLVMInternalLinkage);
    LLVMSetAlignment(table, 4);
    return table;
}

// What a byte of the constants stands for: the values of its low and its high half, or of a code.
// One table a form and module, among the object's constants.
static LLVMValueRef memory_table(struct ncr_emit *e, const struct ncr_weight_read *read)
{
    bool two = read->pack == NCR_PACK_NIBBLES;
    uint32_t width = ncr_weight_width(read->form), n = two ? 512 : 1u << width;
    char name[64];
    snprintf(name, sizeof name, "weights_%d_%u_%d", (int)read->form.format, width,
             (int)read->form.half_steps);
    LLVMValueRef table = LLVMGetNamedGlobal(e->module, name);
    if (table) return table;
    struct ncr_arena_mark mark = ncr_arena_mark(e->scratch);
    const struct ncr_weight_values *values = ncr_weight_values_new(e->scratch, read->form);
    LLVMValueRef entry[512];
    for (uint32_t i = 0; i < n; i++) {
        uint32_t code = !two ? i : i % 2 ? i / 2 >> 4 : i / 2 & 15;
        entry[i] = LLVMConstInt(e->i16, (uint64_t)(uint16_t)values->of[code], false);
    }
    ncr_arena_reset(e->scratch, mark);
    return ncr_constant_table(e, name, entry, n);
}

// The table's entry of byte `at` of the cell.
static LLVMValueRef entry_of(struct ncr_emit *e, const struct ncr_weight_read *read,
                             LLVMValueRef cell, uint32_t at)
{
    LLVMValueRef byte = ncr_load(e, e->i8, ncr_at(e, cell, NULL, 0, at), 1);
    return ncr_at(e, memory_table(e, read), LLVMBuildZExt(e->b, byte, e->word, ""),
                  read->pack == NCR_PACK_NIBBLES ? 4 : 2, 0);
}

LLVMValueRef ncr_weight_values_of(struct ncr_emit *e, const struct ncr_weight_read *read,
                                  LLVMValueRef cell, uint32_t part, uint32_t parts)
{
    uint32_t whole = 4 * e->family->lanes, n = whole / parts, half = whole / 2;
    LLVMTypeRef v32 = ncr_vec(e->i32, n);
    bool two = read->pack == NCR_PACK_NIBBLES;
    if (read->pack == NCR_PACK_HALVES) {
        LLVMValueRef at = ncr_at(e, cell, NULL, 0, 2 * part * n);
        return LLVMBuildSExt(e->b, ncr_load(e, ncr_vec(e->i16, n), at, 2 * n), v32, "");
    }
    if (read->pack == NCR_PACK_BYTES || (two && read->form.format != NCR_QF_LOG2))
        return LLVMBuildSExt(e->b, ncr_weight_bytes(e, read, cell, part, parts), v32, "");
    LLVMValueRef v = LLVMGetPoison(v32);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t number = part * n + i, high = two && number >= half;
        LLVMValueRef at = entry_of(e, read, cell, high ? number - half : number),
                     value = ncr_load(e, e->i16, ncr_at(e, at, NULL, 0, 2 * high), 2);
        v = LLVMBuildInsertElement(e->b, v, LLVMBuildSExt(e->b, value, e->i32, ""), ncr_i32(e, i),
                                   "");
    }
    return v;
}

LLVMValueRef ncr_weight_pair(struct ncr_emit *e, const struct ncr_weight_read *read,
                             LLVMValueRef cell, uint32_t i)
{
    if (read->pack == NCR_PACK_HALVES)
        return ncr_load(e, e->i32, ncr_at(e, cell, NULL, 0, 4 * i), 4);
    if (read->pack == NCR_PACK_NIBBLES) return ncr_load(e, e->i32, entry_of(e, read, cell, i), 4);
    LLVMValueRef half[2];
    for (uint32_t k = 0; k < 2; k++)
        half[k] = LLVMBuildZExt(e->b, ncr_load(e, e->i16, entry_of(e, read, cell, 2 * i + k), 2),
                                e->i32, "");
    return LLVMBuildOr(e->b, half[0], LLVMBuildShl(e->b, half[1], ncr_i32(e, 16), ""), "");
}
