// Dot products of x86: vpdpbusd (unsigned by signed bytes, four a lane) where the machine has it,
// else vpmaddwd on bytes widened to 16 bits. Both give exact sums. Narrowing is by the saturating
// packs, which keep within lanes of 128 bits.
#include <stdio.h>

#include "compiler/codegen/emit.h"

// An intrinsic of AVX2 or its AVX-512 twin.
static LLVMValueRef twin(struct ncr_emit *e, const char *avx2, const char *avx512,
                         LLVMTypeRef result, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef args[2] = {a, b};
    return ncr_intrinsic(e, e->family->lanes == 16 ? avx512 : avx2, result, args, 2);
}

// ---- vpdpbusd ----

static uint32_t vnni_weight_at(uint32_t lanes, uint32_t lane, uint32_t tap,
                               enum ncr_weight_pack pack)
{
    (void)lanes, (void)pack;
    return 4 * lane + tap;
}

static LLVMValueRef vnni_input(struct ncr_emit *e, LLVMValueRef at)
{
    return ncr_splat(e, ncr_load(e, e->i32, at, 1), e->family->lanes);
}

static LLVMValueRef vnni_weights(struct ncr_emit *e, const struct ncr_weight_read *read,
                                 LLVMValueRef at)
{
    return ncr_weight_words(e, read, at);
}

static LLVMValueRef vnni_dot4(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef x, LLVMValueRef w)
{
    LLVMValueRef args[3] = {acc, x, w};
    return ncr_intrinsic(
        e, e->family->lanes == 16 ? "llvm.x86.avx512.vpdpbusd.512" : "llvm.x86.avx512.vpdpbusd.256",
        LLVMTypeOf(acc), args, 3);
}

// Channels as the unpack instructions leave them: four of each 128-bit lane in an accumulator.
static uint32_t vnni_channel_of(uint32_t lanes, uint32_t a, uint32_t lane)
{
    (void)lanes;
    return lane / 4 * 16 + 4 * a + lane % 4;
}

// Interleaves the low or high halves of the 128-bit lanes of a and b in units of `unit` bytes.
static LLVMValueRef unpack(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b, uint32_t unit,
                           bool high)
{
    uint32_t index[64], bytes = 4 * e->family->lanes;
    for (uint32_t i = 0; i < bytes; i++) {
        uint32_t lane = i / 16 * 16, pair = i % 16 / (2 * unit), second = i % (2 * unit) / unit;
        index[i] = second * bytes + lane + (high ? 8 : 0) + pair * unit + i % unit;
    }
    return ncr_shuffle(e, a, b, index, bytes);
}

static void vnni_taps(struct ncr_emit *e, LLVMValueRef acc[4], LLVMValueRef const x[4],
                      const struct ncr_weight_read *read, LLVMValueRef w_at)
{
    LLVMTypeRef v32 = ncr_vec(e->i32, e->family->lanes);
    for (uint32_t half = 0; half < 2; half++) {
        LLVMValueRef a = unpack(e, x[0], x[1], 1, half), b = unpack(e, x[2], x[3], 1, half);
        for (uint32_t k = 0; k < 2; k++) {
            LLVMValueRef v = LLVMBuildBitCast(e->b, unpack(e, a, b, 2, k), v32, "");
            uint32_t i = 2 * half + k;
            LLVMValueRef cell = ncr_at(e, w_at, NULL, 0, i * ncr_cell_bytes(e, read));
            acc[i] = vnni_dot4(e, acc[i], v, ncr_weight_words(e, read, cell));
        }
    }
}

// ---- vpmaddwd ----

// Two halves of the taps, each pairs of bytes that widen to pairs of 16 bits.
static uint32_t madd_weight_at(uint32_t lanes, uint32_t lane, uint32_t tap,
                               enum ncr_weight_pack pack)
{
    (void)pack;
    return tap / 2 * 2 * lanes + 2 * lane + tap % 2;
}

static LLVMValueRef widen16(struct ncr_emit *e, LLVMValueRef bytes)
{
    return LLVMBuildSExt(e->b, bytes, ncr_vec(e->i16, ncr_length(bytes)), "");
}

// Two words of two 16-bit activations.
static LLVMValueRef madd_input(struct ncr_emit *e, LLVMValueRef at)
{
    LLVMValueRef v = widen16(e, ncr_load(e, ncr_vec(e->i8, 4), at, 1));
    return LLVMBuildBitCast(e->b, v, ncr_vec(e->i32, 2), "");
}

// A part of the weights of a cell in 16 bits.
static LLVMValueRef madd_part(struct ncr_emit *e, const struct ncr_weight_read *read,
                              LLVMValueRef cell, uint32_t part, uint32_t parts)
{
    if (read->pack != NCR_PACK_HALVES)
        return widen16(e, ncr_weight_bytes(e, read, cell, part, parts));
    uint32_t n = 4 * e->family->lanes / parts;
    return ncr_load(e, ncr_vec(e->i16, n), ncr_at(e, cell, NULL, 0, 2 * part * n), 2 * n);
}

static LLVMValueRef madd_weights(struct ncr_emit *e, const struct ncr_weight_read *read,
                                 LLVMValueRef at)
{
    return madd_part(e, read, at, 0, 1);
}

static LLVMValueRef madd(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef x, LLVMValueRef w)
{
    return LLVMBuildAdd(
        e->b, acc,
        twin(e, "llvm.x86.avx2.pmadd.wd", "llvm.x86.avx512.pmaddw.d.512", LLVMTypeOf(acc), x, w),
        "");
}

static LLVMValueRef madd_dot4(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef x, LLVMValueRef w)
{
    uint32_t lanes = e->family->lanes;
    for (uint32_t half = 0; half < 2; half++) {
        uint32_t same[16], own[32];
        for (uint32_t i = 0; i < 2 * lanes; i++) {
            same[i / 2] = half;
            own[i] = half * 2 * lanes + i;
        }
        LLVMValueRef v = LLVMBuildBitCast(e->b, ncr_shuffle(e, x, NULL, same, lanes),
                                          ncr_vec(e->i16, 2 * lanes), "");
        acc = madd(e, acc, v, ncr_shuffle(e, w, NULL, own, 2 * lanes));
    }
    return acc;
}

static uint32_t madd_channel_of(uint32_t lanes, uint32_t a, uint32_t lane)
{
    return a * lanes + lane;
}

static void madd_taps(struct ncr_emit *e, LLVMValueRef acc[4], LLVMValueRef const x[4],
                      const struct ncr_weight_read *read, LLVMValueRef w_at)
{
    uint32_t lanes = e->family->lanes, bytes = 4 * lanes;
    for (uint32_t a = 0; a < 4; a++)
        for (uint32_t half = 0; half < 2; half++) {
            uint32_t pairs[32];
            for (uint32_t i = 0; i < 2 * lanes; i++)
                pairs[i] = i % 2 * bytes + a * lanes + i / 2;
            LLVMValueRef v =
                widen16(e, ncr_shuffle(e, x[2 * half], x[2 * half + 1], pairs, 2 * lanes));
            LLVMValueRef cell = ncr_at(e, w_at, NULL, 0, a * ncr_cell_bytes(e, read));
            acc[a] = madd(e, acc[a], v, madd_part(e, read, cell, half, 2));
        }
}

// ---- both ----

static void open(struct ncr_emit *e, LLVMValueRef head, LLVMValueRef out[3])
{
    uint32_t lanes = e->family->lanes;
    LLVMTypeRef types[3] = {ncr_vec(e->i16, 2 * lanes), ncr_vec(e->i8, 4 * lanes),
                            ncr_vec(e->i8, 4 * lanes)};
    for (int i = 0; i < 3; i++) {
        LLVMValueRef v =
            ncr_load(e, e->i32, ncr_at(e, head, NULL, 0, 4 * (NCR_HEAD_ZERO16 + i)), 4);
        out[i] = LLVMBuildBitCast(e->b, ncr_splat(e, v, lanes), types[i], "");
    }
}

static LLVMValueRef narrow(struct ncr_emit *e, LLVMValueRef const head[3], LLVMValueRef const r[],
                           uint32_t n, bool interleaved)
{
    uint32_t lanes = e->family->lanes;
    LLVMTypeRef v16 = ncr_vec(e->i16, 2 * lanes), v8 = ncr_vec(e->i8, 4 * lanes);
    LLVMValueRef half[2];
    char name[32];
    snprintf(name, sizeof name, "llvm.sadd.sat.v%ui16", 2 * lanes);
    for (uint32_t k = 0; k < 2; k++) {
        LLVMValueRef a = r[2 * k < n ? 2 * k : 0], b = r[2 * k + 1 < n ? 2 * k + 1 : 0];
        LLVMValueRef args[2] = {
            twin(e, "llvm.x86.avx2.packssdw", "llvm.x86.avx512.packssdw.512", v16, a, b), head[0]};
        half[k] = k && n <= 2 ? half[0] : head[0] ? ncr_intrinsic(e, name, v16, args, 2) : args[0];
    }
    bool biased = e->family->biased;
    LLVMValueRef y = biased ? twin(e, "llvm.x86.avx2.packuswb", "llvm.x86.avx512.packuswb.512", v8,
                                   half[0], half[1])
                            : twin(e, "llvm.x86.avx2.packsswb", "llvm.x86.avx512.packsswb.512", v8,
                                   half[0], half[1]);
    if (head[1]) y = ncr_min(e, ncr_max(e, y, head[1], !biased), head[2], !biased);
    if (interleaved && e->family->lowering == &ncr_lowering_vnni) return y;
    // Word i of 128-bit lane l is word l of vector i.
    uint32_t index[16];
    for (uint32_t i = 0; i < lanes; i++)
        index[i] = i % (lanes / 4) * 4 + i / (lanes / 4);
    LLVMValueRef words = LLVMBuildBitCast(e->b, y, ncr_vec(e->i32, lanes), "");
    return LLVMBuildBitCast(e->b, ncr_shuffle(e, words, NULL, index, lanes), v8, "");
}

// vpshufb, within lanes of 128 bits, each of which holds the table.
static LLVMValueRef lookup(struct ncr_emit *e, LLVMValueRef table, LLVMValueRef codes)
{
    LLVMValueRef args[2] = {table, codes};
    uint32_t n = ncr_length(codes);
    return ncr_intrinsic(e,
                         n == 64   ? "llvm.x86.avx512.pshuf.b.512"
                         : n == 32 ? "llvm.x86.avx2.pshuf.b"
                                   : "llvm.x86.ssse3.pshuf.b.128",
                         LLVMTypeOf(codes), args, 2);
}

const struct ncr_lowering ncr_lowering_vnni = {vnni_weight_at,  vnni_input, vnni_weights, vnni_dot4,
                                               vnni_channel_of, vnni_taps,  open,         narrow,
                                               lookup,          false,      NULL};
const struct ncr_lowering ncr_lowering_madd = {madd_weight_at,  madd_input, madd_weights, madd_dot4,
                                               madd_channel_of, madd_taps,  open,         narrow,
                                               lookup,          true,       NULL};
