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

static uint32_t weight_at(uint32_t lanes, uint32_t lane, uint32_t tap, enum ncr_weight_pack pack)
{
    (void)pack;
    return tap * lanes + lane;
}

static bool is_log2(const struct ncr_weight_read *read)
{
    return read->form.format == NCR_QF_LOG2;
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

// Part `part` of `parts` of a cell as words: codes of log2 weights, else the weights.
static LLVMValueRef weight_part(struct ncr_emit *e, const struct ncr_weight_read *read,
                                LLVMValueRef cell, uint32_t part, uint32_t parts)
{
    if (!is_log2(read)) return ncr_weight_values_of(e, read, cell, part, parts);
    uint32_t whole = 4 * e->family->lanes, n = whole / parts, half = whole / 2;
    LLVMTypeRef v32 = ncr_vec(e->i32, n);
    if (read->pack == NCR_PACK_SHIFTS) {
        LLVMValueRef at = ncr_at(e, cell, NULL, 0, part * n);
        return LLVMBuildSExt(e->b, ncr_load(e, ncr_vec(e->i8, n), at, n), v32, "");
    }
    LLVMValueRef all = LLVMGetPoison(v32), table = code_table(e, read->form);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t number = part * n + i, high = number >= half;
        LLVMValueRef both = ncr_load(e, e->i8, ncr_at(e, cell, NULL, 0, number - high * half), 1);
        LLVMValueRef at = ncr_at(e, table, LLVMBuildZExt(e->b, both, e->word, ""), 2, high),
                     code = LLVMBuildSExt(e->b, ncr_load(e, e->i8, at, 1), e->i32, "");
        all = LLVMBuildInsertElement(e->b, all, code, ncr_i32(e, i), "");
    }
    return all;
}

static LLVMValueRef weights(struct ncr_emit *e, const struct ncr_weight_read *read, LLVMValueRef at)
{
    return weight_part(e, read, at, 0, 1);
}

// ---- products ----

static LLVMValueRef by(struct ncr_emit *e, LLVMOpcode shift, LLVMValueRef v, uint32_t n)
{
    return LLVMBuildBinOp(e->b, shift, v, ncr_splat_int(e->i32, n, ncr_length(v)), "");
}

// Activations as their products want them: shifted to the left, of base √2 times 17, and *other
// what makes that times 12.
static LLVMValueRef prepare(struct ncr_emit *e, LLVMValueRef x, LLVMValueRef *other)
{
    struct ncr_weight_form form = e->read->form;
    uint32_t most = most_left(form);
    *other = NULL;
    if (!form.half_steps) return by(e, LLVMShl, x, most);
    LLVMValueRef x17 = LLVMBuildAdd(e->b, by(e, LLVMShl, x, most + 4), by(e, LLVMShl, x, most), ""),
                 x12 = LLVMBuildAdd(e->b, by(e, LLVMShl, x, most + 3), by(e, LLVMShl, x, most + 2),
                                    "");
    *other = LLVMBuildXor(e->b, x17, x12, "");
    return x17;
}

// acc plus products of prepared activations with codes, lane by lane.
static LLVMValueRef shift_add(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef x,
                              LLVMValueRef other, LLVMValueRef code)
{
    uint32_t n = ncr_length(acc);
    if (other) {
        LLVMValueRef twelve = by(e, LLVMAShr, by(e, LLVMShl, code, 25), 31);
        x = LLVMBuildXor(e->b, x, LLVMBuildAnd(e->b, other, twelve, ""), "");
    }
    LLVMValueRef right = LLVMBuildAnd(e->b, code, ncr_splat_int(e->i32, SHIFT_BITS, n), "");
    LLVMValueRef product =
        LLVMBuildXor(e->b, LLVMBuildLShr(e->b, x, right, ""), by(e, LLVMAShr, code, 31), "");
    return LLVMBuildAdd(e->b, acc, product, "");
}

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

static LLVMValueRef quarter_square(struct ncr_emit *e, LLVMValueRef middle, LLVMValueRef offset)
{
    LLVMValueRef at = LLVMBuildInBoundsGEP2(e->b, e->i8, middle, &offset, 1, "");
    return LLVMBuildZExt(e->b, ncr_load(e, e->i16, at, 2), e->i32, "");
}

// acc plus x·w, lane by lane.
static LLVMValueRef square_add(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef x, LLVMValueRef w)
{
    LLVMValueRef table = square_table(e);
    for (uint32_t i = 0; i < ncr_length(acc); i++) {
        LLVMValueRef lane = ncr_i32(e, i), zero = LLVMConstNull(e->word);
        LLVMValueRef xi = LLVMBuildExtractElement(e->b, x, lane, ""),
                     wi = LLVMBuildExtractElement(e->b, w, lane, ""),
                     sum = LLVMBuildExtractElement(e->b, acc, lane, "");
        LLVMValueRef middle = ncr_at(e, table, LLVMBuildZExt(e->b, xi, e->word, ""), 2, -2 * LEAST),
                     offset = LLVMBuildShl(e->b, LLVMBuildSExt(e->b, wi, e->word, ""),
                                           ncr_word(e, 1), "");
        sum = LLVMBuildAdd(e->b, sum, quarter_square(e, middle, offset), "");
        offset = LLVMBuildSub(e->b, zero, offset, "");
        sum = LLVMBuildSub(e->b, sum, quarter_square(e, middle, offset), "");
        acc = LLVMBuildInsertElement(e->b, acc, sum, lane, "");
    }
    return acc;
}

static LLVMValueRef widened(struct ncr_emit *e, LLVMValueRef bytes)
{
    return LLVMBuildZExt(e->b, bytes, ncr_vec(e->i32, ncr_length(bytes)), "");
}

static LLVMValueRef input(struct ncr_emit *e, LLVMValueRef at)
{
    return widened(e, ncr_load(e, ncr_vec(e->i8, 4), at, 1));
}

static LLVMValueRef dot4(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef x, LLVMValueRef w)
{
    uint32_t lanes = e->family->lanes;
    bool shifts = is_log2(e->read);
    LLVMValueRef other = NULL;
    if (shifts) x = prepare(e, x, &other);
    for (uint32_t tap = 0; tap < 4; tap++) {
        uint32_t same[64], row[64];
        for (uint32_t i = 0; i < lanes; i++) {
            same[i] = tap;
            row[i] = weight_at(lanes, i, tap, e->read->pack);
        }
        LLVMValueRef of = ncr_shuffle(e, x, NULL, same, lanes),
                     with = ncr_shuffle(e, w, NULL, row, lanes);
        acc = shifts ? shift_add(e, acc, of,
                                 other ? ncr_shuffle(e, other, NULL, same, lanes) : NULL, with)
                     : square_add(e, acc, of, with);
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
    for (uint32_t a = 0; a < 4; a++)
        for (uint32_t tap = 0; tap < 4; tap++) {
            uint32_t chunk[64];
            for (uint32_t i = 0; i < lanes; i++)
                chunk[i] = channel_of(lanes, a, i);
            LLVMValueRef v = widened(e, ncr_shuffle(e, x[tap], NULL, chunk, lanes)), other,
                         cell = ncr_at(e, w_at, NULL, 0, a * ncr_cell_bytes(e, read)),
                         w = weight_part(e, read, cell, tap, 4);
            if (is_log2(read)) {
                v = prepare(e, v, &other);
                acc[a] = shift_add(e, acc[a], v, other, w);
            } else {
                acc[a] = square_add(e, acc[a], v, w);
            }
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
    weight_at, input, weights, dot4, channel_of, taps, open, ncr_plain_narrow, NULL, true};
