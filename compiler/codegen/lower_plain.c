// Dot products as plain vector arithmetic, for any machine.
#include "compiler/codegen/emit.h"

static uint32_t weight_at(uint32_t lanes, uint32_t lane, uint32_t tap, enum ncr_weight_pack pack)
{
    (void)pack;
    return tap * lanes + lane;
}

static LLVMValueRef widened(struct ncr_emit *e, LLVMValueRef bytes)
{
    return LLVMBuildSExt(e->b, bytes, ncr_vec(e->i32, ncr_length(bytes)), "");
}

static LLVMValueRef input(struct ncr_emit *e, LLVMValueRef at)
{
    return widened(e, ncr_load(e, ncr_vec(e->i8, 4), at, 1));
}

static LLVMValueRef weights(struct ncr_emit *e, const struct ncr_weight_read *read, LLVMValueRef at)
{
    return ncr_weight_values_of(e, read, at, 0, 1);
}

static LLVMValueRef dot4(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef x, LLVMValueRef w)
{
    uint32_t lanes = e->family->lanes;
    for (uint32_t tap = 0; tap < 4; tap++) {
        uint32_t same[64], row[64];
        for (uint32_t i = 0; i < lanes; i++) {
            same[i] = tap;
            row[i] = weight_at(lanes, i, tap, NCR_PACK_BYTES);
        }
        LLVMValueRef product = LLVMBuildMul(e->b, ncr_shuffle(e, x, NULL, same, lanes),
                                            ncr_shuffle(e, w, NULL, row, lanes), "");
        acc = LLVMBuildAdd(e->b, acc, product, "");
    }
    return acc;
}

static uint32_t channel_of(uint32_t lanes, uint32_t a, uint32_t lane)
{
    return a * lanes + lane;
}

static void taps(struct ncr_emit *e, LLVMValueRef acc[4], LLVMValueRef const x[4],
                 const struct ncr_weight_read *read, LLVMValueRef w_at)
{
    uint32_t lanes = e->family->lanes;
    LLVMTypeRef v32 = ncr_vec(e->i32, lanes);
    for (uint32_t a = 0; a < 4; a++)
        for (uint32_t tap = 0; tap < 4; tap++) {
            uint32_t chunk[64];
            for (uint32_t i = 0; i < lanes; i++)
                chunk[i] = channel_of(lanes, a, i);
            LLVMValueRef v =
                LLVMBuildSExt(e->b, ncr_shuffle(e, x[tap], NULL, chunk, lanes), v32, "");
            LLVMValueRef cell = ncr_at(e, w_at, NULL, 0, a * ncr_cell_bytes(e, read)),
                         w = ncr_weight_values_of(e, read, cell, tap, 4);
            acc[a] = LLVMBuildAdd(e->b, acc[a], LLVMBuildMul(e->b, v, w, ""), "");
        }
}

void ncr_plain_open(struct ncr_emit *e, LLVMValueRef head, LLVMValueRef out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = ncr_load(e, e->i32, ncr_at(e, head, NULL, 0, 4 * (NCR_HEAD_ZERO + i)), 4);
}

LLVMValueRef ncr_plain_narrow(struct ncr_emit *e, LLVMValueRef const head[3],
                              LLVMValueRef const r[], uint32_t n, bool interleaved)
{
    (void)interleaved; // channel_of is the plain order
    uint32_t lanes = e->family->lanes, have = lanes;
    LLVMValueRef all = r[0];
    for (uint32_t k = 1; k < n; k++, have += lanes) {
        uint32_t first[64], both[64]; // a shuffle takes two vectors of equal length
        for (uint32_t i = 0; i < have; i++)
            first[i] = i < lanes ? i : 0;
        LLVMValueRef next = k > 1 ? ncr_shuffle(e, r[k], NULL, first, have) : r[k];
        for (uint32_t i = 0; i < have + lanes; i++)
            both[i] = i;
        all = ncr_shuffle(e, all, next, both, have + lanes);
    }
    int32_t low = e->family->biased ? 0 : -128; // of what is stored
    LLVMValueRef y = head[0] ? LLVMBuildAdd(e->b, all, ncr_splat(e, head[0], have), "") : all;
    y = ncr_max(e, y, head[1] ? ncr_splat(e, head[1], have) : ncr_splat_int(e->i32, low, have),
                true);
    y = ncr_min(
        e, y, head[2] ? ncr_splat(e, head[2], have) : ncr_splat_int(e->i32, low + 255, have), true);
    return LLVMBuildTrunc(e->b, y, ncr_vec(e->i8, have), "");
}

const struct ncr_lowering ncr_lowering_plain = {
    weight_at,        input, weights, dot4, channel_of, taps, ncr_plain_open,
    ncr_plain_narrow, NULL,  true,    NULL};
