// Dot products of Arm. AArch64: sdot where the machine has it (four signed products a lane), else
// smull and pairwise addition. Armv7E-M: smlad, two 16-bit products of a word, on bytes that sxtb16
// widens. All sums are exact.
#include "compiler/codegen/emit.h"

static uint32_t channel_of(uint32_t lanes, uint32_t a, uint32_t lane)
{
    return a * lanes + lane;
}

static LLVMValueRef bytes16(struct ncr_emit *e, const struct ncr_weight_read *read, LLVMValueRef at)
{
    return ncr_weight_bytes(e, read, at, 0, 1);
}

// Four bytes, again and again.
static LLVMValueRef bytes_input(struct ncr_emit *e, LLVMValueRef at)
{
    LLVMValueRef four = ncr_splat(e, ncr_load(e, e->i32, at, 1), e->family->lanes);
    return LLVMBuildBitCast(e->b, four, ncr_vec(e->i8, 4 * e->family->lanes), "");
}

// ---- sdot ----

static uint32_t by_lane(uint32_t lanes, uint32_t lane, uint32_t tap, enum ncr_weight_pack pack)
{
    (void)lanes, (void)pack;
    return 4 * lane + tap;
}

static LLVMValueRef sdot(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef x, LLVMValueRef w)
{
    LLVMValueRef args[3] = {acc, x, w};
    return ncr_intrinsic(e, "llvm.aarch64.neon.sdot.v4i32.v16i8", LLVMTypeOf(acc), args, 3);
}

// Interleaves the low or high halves of a and b in units of `unit` bytes.
static LLVMValueRef zip(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b, uint32_t unit,
                        bool high)
{
    uint32_t index[16];
    for (uint32_t i = 0; i < 16; i++)
        index[i] = i / unit % 2 * 16 + (high ? 8 : 0) + i / (2 * unit) * unit + i % unit;
    return ncr_shuffle(e, a, b, index, 16);
}

static void sdot_taps(struct ncr_emit *e, LLVMValueRef acc[4], LLVMValueRef const x[4],
                      const struct ncr_weight_read *read, LLVMValueRef w_at)
{
    for (uint32_t half = 0; half < 2; half++) {
        LLVMValueRef a = zip(e, x[0], x[1], 1, half), b = zip(e, x[2], x[3], 1, half);
        for (uint32_t k = 0; k < 2; k++) {
            uint32_t i = 2 * half + k;
            acc[i] = sdot(e, acc[i], zip(e, a, b, 2, k),
                          bytes16(e, read, ncr_at(e, w_at, NULL, 0, i * ncr_cell_bytes(e, read))));
        }
    }
}

// ---- smull ----

// Two halves of the taps, each pairs of bytes.
static uint32_t by_pairs(uint32_t lanes, uint32_t lane, uint32_t tap, enum ncr_weight_pack pack)
{
    (void)pack;
    return tap / 2 * 2 * lanes + 2 * lane + tap % 2;
}

// A product of two bytes fits 16 bits, the sum of two does not: they are added while widening.
static LLVMValueRef smull(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef x, LLVMValueRef w)
{
    LLVMValueRef pair[2] = {x, w};
    LLVMValueRef p = ncr_intrinsic(e, "llvm.aarch64.neon.smull.v8i16", ncr_vec(e->i16, 8), pair, 2);
    LLVMValueRef sum =
        ncr_intrinsic(e, "llvm.aarch64.neon.saddlp.v4i32.v8i16", LLVMTypeOf(acc), &p, 1);
    return LLVMBuildAdd(e->b, acc, sum, "");
}

static LLVMValueRef smull_dot4(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef x, LLVMValueRef w)
{
    for (uint32_t half = 0; half < 2; half++) {
        uint32_t same[8], own[8];
        for (uint32_t i = 0; i < 8; i++) {
            same[i] = 2 * half + i % 2;
            own[i] = 8 * half + i;
        }
        acc = smull(e, acc, ncr_shuffle(e, x, NULL, same, 8), ncr_shuffle(e, w, NULL, own, 8));
    }
    return acc;
}

static void smull_taps(struct ncr_emit *e, LLVMValueRef acc[4], LLVMValueRef const x[4],
                       const struct ncr_weight_read *read, LLVMValueRef w_at)
{
    for (uint32_t a = 0; a < 4; a++)
        for (uint32_t half = 0; half < 2; half++) {
            uint32_t pairs[8];
            for (uint32_t i = 0; i < 8; i++)
                pairs[i] = i % 2 * 16 + 4 * a + i / 2;
            LLVMValueRef v = ncr_shuffle(e, x[2 * half], x[2 * half + 1], pairs, 8),
                         cell = ncr_at(e, w_at, NULL, 0, a * ncr_cell_bytes(e, read));
            acc[a] = smull(e, acc[a], v, ncr_weight_bytes(e, read, cell, half, 2));
        }
}

// ---- smlad ----

// Bytes 0 and 2 of a word, or 1 and 3, as two signed halves.
static LLVMValueRef sxtb16(struct ncr_emit *e, LLVMValueRef word, bool odd)
{
    if (odd) {
        LLVMValueRef args[3] = {word, word, ncr_i32(e, 8)};
        word = ncr_intrinsic(e, "llvm.fshr.i32", e->i32, args, 3);
    }
    return ncr_intrinsic(e, "llvm.arm.sxtb16", e->i32, &word, 1);
}

static LLVMValueRef smlad_input(struct ncr_emit *e, LLVMValueRef at)
{
    LLVMValueRef word = ncr_load(e, e->i32, at, 1), v = LLVMGetPoison(ncr_vec(e->i32, 2));
    for (uint32_t odd = 0; odd < 2; odd++)
        v = LLVMBuildInsertElement(e->b, v, sxtb16(e, word, odd), ncr_i32(e, odd), "");
    return v;
}

// Bytes lie tap by tap, for sxtb16; weights of another form so that pairs of taps (0, 2) and (1, 3)
// are what ncr_weight_pair gives.
static uint32_t by_taps(uint32_t lanes, uint32_t lane, uint32_t tap, enum ncr_weight_pack pack)
{
    if (pack == NCR_PACK_BYTES) return 4 * lane + tap;
    if (pack == NCR_PACK_NIBBLES) return 2 * lane + tap % 2 + tap / 2 * 2 * lanes;
    return 4 * lane + tap % 2 * 2 + tap / 2;
}

// Pairs of 16 bits: taps 0 and 2, 1 and 3 of lane 0, of lane 1, …
static LLVMValueRef smlad_weights(struct ncr_emit *e, const struct ncr_weight_read *read,
                                  LLVMValueRef at)
{
    uint32_t lanes = e->family->lanes;
    LLVMValueRef v = LLVMGetPoison(ncr_vec(e->i32, 2 * lanes)),
                 words = read->pack == NCR_PACK_BYTES ? ncr_weight_words(e, read, at) : NULL;
    for (uint32_t i = 0; i < 2 * lanes; i++) {
        LLVMValueRef pair =
            words ? sxtb16(e, LLVMBuildExtractElement(e->b, words, ncr_i32(e, i / 2), ""), i % 2)
                  : ncr_weight_pair(e, read, at, i);
        v = LLVMBuildInsertElement(e->b, v, pair, ncr_i32(e, i), "");
    }
    return v;
}

// Lane `lane` of acc plus the products with the two words of pairs in x.
static LLVMValueRef smlad_lane(struct ncr_emit *e, LLVMValueRef acc, uint32_t lane,
                               LLVMValueRef const x[2], LLVMValueRef weights)
{
    LLVMValueRef at = ncr_i32(e, lane), sum = LLVMBuildExtractElement(e->b, acc, at, "");
    for (uint32_t odd = 0; odd < 2; odd++) {
        LLVMValueRef w = LLVMBuildExtractElement(e->b, weights, ncr_i32(e, 2 * lane + odd), "");
        LLVMValueRef args[3] = {x[odd], w, sum};
        sum = ncr_intrinsic(e, "llvm.arm.smlad", e->i32, args, 3);
    }
    return LLVMBuildInsertElement(e->b, acc, sum, at, "");
}

static LLVMValueRef smlad_dot4(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef x, LLVMValueRef w)
{
    LLVMValueRef pairs[2];
    for (uint32_t odd = 0; odd < 2; odd++)
        pairs[odd] = LLVMBuildExtractElement(e->b, x, ncr_i32(e, odd), "");
    for (uint32_t lane = 0; lane < e->family->lanes; lane++)
        acc = smlad_lane(e, acc, lane, pairs, w);
    return acc;
}

// The low halves of a and b in a word, or the high ones (pkhbt, pkhtb).
static LLVMValueRef pack(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b, bool high)
{
    LLVMValueRef half = ncr_i32(e, 16), low = ncr_i32(e, 0xffff);
    if (high)
        a = LLVMBuildLShr(e->b, a, half, "");
    else
        a = LLVMBuildAnd(e->b, a, low, "");
    b = high ? LLVMBuildAnd(e->b, b, ncr_i32(e, (int32_t)0xffff0000), "")
             : LLVMBuildShl(e->b, b, half, "");
    return LLVMBuildOr(e->b, a, b, "");
}

static void smlad_taps(struct ncr_emit *e, LLVMValueRef acc[4], LLVMValueRef const x[4],
                       const struct ncr_weight_read *read, LLVMValueRef w_at)
{
    uint32_t lanes = e->family->lanes;
    for (uint32_t a = 0; a < 4; a++) {
        LLVMValueRef wide[4][2]; // of tap: channels 0 and 2, 1 and 3 of these four
        for (uint32_t tap = 0; tap < 4; tap++) {
            LLVMValueRef words = LLVMBuildBitCast(e->b, x[tap], ncr_vec(e->i32, lanes), ""),
                         word = LLVMBuildExtractElement(e->b, words, ncr_i32(e, a), "");
            for (uint32_t odd = 0; odd < 2; odd++)
                wide[tap][odd] = sxtb16(e, word, odd);
        }
        LLVMValueRef w =
            smlad_weights(e, read, ncr_at(e, w_at, NULL, 0, a * ncr_cell_bytes(e, read)));
        for (uint32_t lane = 0; lane < lanes; lane++) {
            LLVMValueRef pairs[2]; // taps 0 and 2, 1 and 3
            for (uint32_t odd = 0; odd < 2; odd++)
                pairs[odd] = pack(e, wide[odd][lane % 2], wide[odd + 2][lane % 2], lane >= 2);
            acc[a] = smlad_lane(e, acc[a], lane, pairs, w);
        }
    }
}

// A table of 16 bytes fills a register.
static LLVMValueRef tbl(struct ncr_emit *e, LLVMValueRef table, LLVMValueRef codes)
{
    LLVMValueRef args[2] = {table, codes};
    return ncr_intrinsic(e, "llvm.aarch64.neon.tbl1.v16i8", LLVMTypeOf(codes), args, 2);
}

const struct ncr_lowering
    ncr_lowering_sdot = {by_lane,        bytes_input,      bytes16, sdot,  channel_of, sdot_taps,
                         ncr_plain_open, ncr_plain_narrow, tbl,     false, NULL},
    ncr_lowering_smull = {by_pairs,   bytes_input,    bytes16,          smull_dot4, channel_of,
                          smull_taps, ncr_plain_open, ncr_plain_narrow, tbl,        false,
                          NULL},
    ncr_lowering_smlad = {by_taps,    smlad_input,    smlad_weights,    smlad_dot4, channel_of,
                          smlad_taps, ncr_plain_open, ncr_plain_narrow, NULL,       true,
                          NULL};
