// Dot products without a multiplier. A product with a log2 weight is a shift: activations are
// stored biased, so that they are not negative, and a kernel shifts one to the left as far as the
// largest weight wants and from there to the right by what a weight is smaller; where a weight is
// zero it is shifted out. Such a weight is a byte
//
//   bit 7       it is negative: the product is complemented, and the 1 that is missing then is in
//               the bias (ncr_packs_folded)
//   bit 6       base √2: it is a multiple of 12, not of 17
//   bits 0..4   the shift to the right
//
// or half a byte, from which a table makes that. Linear weights go through a table of squares:
// x·w = ⌊(x+w)²/4⌋ - ⌊(x-w)²/4⌋, since x+w and x-w are both odd or both even.
#include <stdio.h>

#include "compiler/codegen/emit.h"
#include "compiler/quant/weight_form.h"

enum { SHIFT_BITS = 31, TWELVE = 64, MINUS = 128 };

// Largest magnitude codes of the widths of log2.
static uint32_t top_code(struct ncr_weight_form form)
{
    return (1u << (ncr_weight_width(form) - 1)) - 1;
}

// The shift to the left that magnitude code m > 0 means, and the largest of them.
static uint32_t left(struct ncr_weight_form form, uint32_t m)
{
    return form.half_steps ? (m - 1) / 2 : m - 1;
}

static uint32_t most_left(struct ncr_weight_form form)
{
    return left(form, top_code(form));
}

uint8_t ncr_shift_code(struct ncr_weight_form form, uint32_t pattern)
{
    uint32_t m = pattern & top_code(form);
    if (m == 0) return SHIFT_BITS; // further than any activation reaches
    uint32_t code = most_left(form) - left(form, m);
    if (form.half_steps && m % 2) code |= TWELVE;
    return (uint8_t)(code | (pattern & (top_code(form) + 1) ? MINUS : 0));
}

int32_t ncr_shift_value(struct ncr_weight_form form, uint8_t code)
{
    uint32_t right = code & SHIFT_BITS;
    if (right > most_left(form)) return 0;
    int32_t base = !form.half_steps ? 1
                   : code & TWELVE  ? 12
                                    : 17,
            v = base << (most_left(form) - right);
    return code & MINUS ? -v : v;
}

// ---- weights ----

// Two weights a byte are those of neighbouring lanes, or taps where there is one lane: they are
// wanted one after the other.
static uint32_t weight_at(uint32_t lanes, uint32_t lane, uint32_t tap, enum ncr_weight_pack pack)
{
    if (pack != NCR_PACK_NIBBLES) return tap * lanes + lane;
    uint32_t n = tap * lanes + lane;
    return n / 2 + n % 2 * 2 * lanes;
}

// Two codes for each byte of two weights, the low half's first.
static LLVMValueRef code_table(struct ncr_emit *e, struct ncr_weight_form form)
{
    char name[64];
    snprintf(name, sizeof name, "shifts_%u_%d", ncr_weight_width(form), (int)form.half_steps);
    LLVMValueRef table = LLVMGetNamedGlobal(e->module, name);
    if (table) return table;
    LLVMValueRef entry[NCR_SHIFT_TABLE_BYTES];
    for (uint32_t i = 0; i < NCR_COUNT(entry); i++)
        entry[i] = LLVMConstInt(e->i8, ncr_shift_code(form, i % 2 ? i / 2 >> 4 : i / 2), false);
    return ncr_constant_table(e, name, entry, NCR_COUNT(entry));
}

static LLVMValueRef word_of(struct ncr_emit *e, LLVMValueRef at, int64_t offset, bool is_signed)
{
    LLVMValueRef byte = ncr_load(e, e->i8, ncr_at(e, at, NULL, 0, offset), 1);
    return is_signed ? LLVMBuildSExt(e->b, byte, e->i32, "")
                     : LLVMBuildZExt(e->b, byte, e->i32, "");
}

static LLVMValueRef by(struct ncr_emit *e, LLVMOpcode shift, LLVMValueRef v, uint32_t n)
{
    return LLVMBuildBinOp(e->b, shift, v, ncr_i32(e, n), "");
}

// A weight of a cell: the code of a log2 weight, of a linear one the double.
static LLVMValueRef weight(struct ncr_emit *e, const struct ncr_weight_read *read,
                           LLVMValueRef cell, uint32_t lane, uint32_t tap)
{
    uint32_t lanes = e->family->lanes, n = weight_at(lanes, lane, tap, read->pack);
    bool log2 = read->form.format == NCR_QF_LOG2;
    if (read->pack != NCR_PACK_NIBBLES) {
        LLVMValueRef w = word_of(e, cell, n, true);
        return log2 ? w : by(e, LLVMShl, w, 1);
    }
    uint32_t high = n >= 2 * lanes;
    LLVMValueRef both = word_of(e, cell, n - high * 2 * lanes, false);
    if (!log2)
        return by(e, LLVMAShr,
                  by(e, LLVMShl, high ? by(e, LLVMAnd, both, 0xf0) : both, high ? 24 : 28), 27);
    LLVMValueRef at = LLVMBuildZExt(e->b, both, e->word, "");
    return word_of(e, ncr_at(e, code_table(e, read->form), at, 2, 0), high, true);
}

// ---- products ----

// An activation as its products want it: that of log2 weights shifted to the left, of base √2 times
// 17, and with `less` what that is more than times 12; that of linear weights as the middle of the
// table of squares.
struct input {
    LLVMValueRef x, less;
};

// Sums and differences of a stored activation and a weight are -128 to 383.
enum { LEAST = -128, SQUARES = 512 };

static LLVMValueRef square_table(struct ncr_emit *e)
{
    LLVMValueRef table = LLVMGetNamedGlobal(e->module, "squares");
    if (table) return table;
    LLVMValueRef entry[SQUARES];
    for (int32_t i = 0; i < SQUARES; i++)
        entry[i] = LLVMConstInt(e->i16, (uint64_t)((i + LEAST) * (i + LEAST) / 4), false);
    return ncr_constant_table(e, "squares", entry, SQUARES);
}

static struct input prepare(struct ncr_emit *e, const struct ncr_weight_read *read, LLVMValueRef x)
{
    if (read->form.format != NCR_QF_LOG2) {
        LLVMValueRef zero = ncr_at(e, square_table(e), NULL, 0, -2 * LEAST);
        return (struct input){.x = ncr_at(e, zero, LLVMBuildZExt(e->b, x, e->word, ""), 2, 0)};
    }
    x = by(e, LLVMShl, x, most_left(read->form));
    if (!read->form.half_steps) return (struct input){.x = x};
    LLVMValueRef x17 = LLVMBuildAdd(e->b, by(e, LLVMShl, x, 4), x, ""),
                 x5 = LLVMBuildAdd(e->b, by(e, LLVMShl, x, 2), x, "");
    return (struct input){x17, x5};
}

static LLVMValueRef quarter_square(struct ncr_emit *e, LLVMValueRef middle, LLVMValueRef offset)
{
    LLVMValueRef at = LLVMBuildInBoundsGEP2(e->b, e->i8, middle, &offset, 1, "");
    return LLVMBuildZExt(e->b, ncr_load(e, e->i16, at, 2), e->i32, "");
}

// acc plus the product.
static LLVMValueRef add(struct ncr_emit *e, const struct ncr_weight_read *read, LLVMValueRef acc,
                        struct input in, LLVMValueRef w)
{
    if (read->form.format != NCR_QF_LOG2) {
        LLVMValueRef offset = LLVMBuildSExt(e->b, w, e->word, "");
        acc = LLVMBuildAdd(e->b, acc, quarter_square(e, in.x, offset), "");
        offset = LLVMBuildNeg(e->b, offset, "");
        return LLVMBuildSub(e->b, acc, quarter_square(e, in.x, offset), "");
    }
    LLVMValueRef x = in.x;
    if (in.less) {
        LLVMValueRef twelve = by(e, LLVMAShr, by(e, LLVMShl, w, 25), 31);
        x = LLVMBuildSub(e->b, x, LLVMBuildAnd(e->b, in.less, twelve, ""), "");
    }
    LLVMValueRef product = LLVMBuildLShr(e->b, x, by(e, LLVMAnd, w, SHIFT_BITS), "");
    product = LLVMBuildXor(e->b, product, by(e, LLVMAShr, w, 31), "");
    return LLVMBuildAdd(e->b, acc, product, "");
}

// acc[lane] plus the product.
static LLVMValueRef add_lane(struct ncr_emit *e, const struct ncr_weight_read *read,
                             LLVMValueRef acc, uint32_t lane, struct input in, LLVMValueRef w)
{
    LLVMValueRef at = ncr_i32(e, lane), sum = LLVMBuildExtractElement(e->b, acc, at, "");
    return LLVMBuildInsertElement(e->b, acc, add(e, read, sum, in, w), at, "");
}

static void group(struct ncr_emit *e, const struct ncr_weight_read *read, LLVMValueRef *acc,
                  LLVMValueRef const *from, uint32_t pixels, LLVMValueRef cells, uint32_t vectors,
                  uint32_t taps)
{
    struct input in[64];
    for (uint32_t tap = 0; tap < taps; tap++) {
        for (uint32_t p = 0; p < pixels; p++)
            in[p] = prepare(e, read, word_of(e, from[p], tap, false));
        for (uint32_t v = 0; v < vectors; v++)
            for (uint32_t lane = 0; lane < e->family->lanes; lane++) {
                LLVMValueRef cell = ncr_at(e, cells, NULL, 0, v * ncr_cell_bytes(e, read)),
                             w = weight(e, read, cell, lane, tap);
                for (uint32_t p = 0; p < pixels; p++) {
                    LLVMValueRef *a = &acc[p * vectors + v];
                    *a = add_lane(e, read, *a, lane, in[p], w);
                }
            }
    }
}

static uint32_t channel_of(uint32_t lanes, uint32_t a, uint32_t lane)
{
    return a * lanes + lane;
}

static void taps(struct ncr_emit *e, LLVMValueRef acc[4], LLVMValueRef const x[4],
                 const struct ncr_weight_read *read, LLVMValueRef w_at)
{
    uint32_t lanes = e->family->lanes;
    for (uint32_t a = 0; a < 4; a++)
        for (uint32_t tap = 0; tap < 4; tap++)
            for (uint32_t lane = 0; lane < lanes; lane++) {
                LLVMValueRef at = ncr_i32(e, channel_of(lanes, a, lane)),
                             byte = LLVMBuildExtractElement(e->b, x[tap], at, ""),
                             cell = ncr_at(e, w_at, NULL, 0, a * ncr_cell_bytes(e, read)),
                             wide = LLVMBuildZExt(e->b, byte, e->i32, "");
                acc[a] = add_lane(e, read, acc[a], lane, prepare(e, read, wide),
                                  weight(e, read, cell, lane, tap));
            }
}

// Zero point and clamp of what is stored.
static void open(struct ncr_emit *e, LLVMValueRef head, LLVMValueRef out[3])
{
    ncr_plain_open(e, head, out);
    for (int i = 0; i < 3; i++)
        out[i] = LLVMBuildAdd(e->b, out[i], ncr_i32(e, 128), "");
}

const struct ncr_lowering ncr_lowering_shift = {
    .weight_at = weight_at,
    .group = group,
    .channel_of = channel_of,
    .taps = taps,
    .open = open,
    .narrow = ncr_plain_narrow,
    .wide = true,
};
