// The way of requantised results from registers to memory: the ADD that is fused, narrowing, and
// the stores of a row of a tile.
#include "compiler/codegen/matmul.h"

struct ncr_place ncr_place_at(struct ncr_matmul *m, struct ncr_place p, LLVMValueRef index,
                              int64_t scale, int64_t offset)
{
    p.out = ncr_at(m->e, p.out, index, scale, offset);
    if (p.other) p.other = ncr_at(m->e, p.other, index, scale, offset);
    return p;
}

struct ncr_place ncr_place_down(struct ncr_matmul *m, struct ncr_place p, LLVMValueRef rows)
{
    struct ncr_emit *e = m->e;
    p.out = ncr_at(e, p.out, LLVMBuildMul(e->b, m->out_row, rows, ""), 1, 0);
    if (p.other) p.other = ncr_at(e, p.other, LLVMBuildMul(e->b, m->other_row, rows, ""), 1, 0);
    return p;
}

struct ncr_residual ncr_residual_open(struct ncr_emit *e, const struct ncr_matmul_shape *s,
                                      LLVMValueRef own, LLVMValueRef consts)
{
    uint32_t n = e->family->lanes;
    int32_t bias = e->family->biased ? 128 : 0;
    const int64_t mine = NCR_HEAD_IN + s->sum - 1, theirs = NCR_HEAD_IN + 2 - s->sum;
    struct word {
        LLVMValueRef from;
        int64_t at;
        int32_t more;
    } words[] = {{own, NCR_HEAD_ZERO, bias}, {own, NCR_HEAD_LO, bias}, {own, NCR_HEAD_HI, bias},
                 {consts, mine, 0},          {consts, theirs, 0},      {consts, NCR_HEAD_SUM, 0}};
    LLVMValueRef v[NCR_COUNT(words)];
    for (size_t i = 0; i < NCR_COUNT(words); i++) {
        v[i] = ncr_load(e, e->i32, ncr_at(e, words[i].from, NULL, 0, 4 * words[i].at), 4);
        if (words[i].more) v[i] = LLVMBuildAdd(e->b, v[i], ncr_i32(e, words[i].more), "");
        v[i] = ncr_splat(e, v[i], n);
    }
    return (struct ncr_residual){
        .zero = s->has_zero ? NULL : v[0],
        .lo = v[1],
        .hi = v[2],
        .mine = v[3],
        .theirs = v[4],
        .start = v[5],
        .scale = ncr_scale_splat(e, (enum ncr_scale_kind)s->sum_scale,
                                 ncr_at(e, consts, NULL, 0, 4 * NCR_HEAD_SCALE))};
}

// Results of a row of a tile to requantised sums with the elements at `other`.
static void add_other(struct ncr_matmul *m, const struct ncr_matmul_tile *t, LLVMValueRef *r,
                      LLVMValueRef other)
{
    struct ncr_emit *e = m->e;
    const struct ncr_residual *a = &m->residual;
    for (uint32_t i = 0; i < t->pixels * t->vectors; i++) {
        int64_t at = i / t->vectors * m->s->out_pixel + i % t->vectors * e->family->lanes;
        LLVMValueRef x = ncr_widen(e, ncr_at(e, other, NULL, 0, at)), y = r[i];
        if (a->zero) y = LLVMBuildAdd(e->b, y, a->zero, "");
        y = ncr_min(e, ncr_max(e, y, a->lo, true), a->hi, true);
        LLVMValueRef sum = LLVMBuildAdd(e->b, a->start, LLVMBuildMul(e->b, y, a->mine, ""), "");
        sum = LLVMBuildAdd(e->b, sum, LLVMBuildMul(e->b, x, a->theirs, ""), "");
        r[i] = ncr_rescale(e, sum, &a->scale);
    }
}

// The vectors of one row of a tile, in the order of memory, as bytes: four vectors at once where
// their places follow one another.
void ncr_matmul_store(struct ncr_matmul *m, const struct ncr_matmul_tile *t, LLVMValueRef *r,
                      struct ncr_place place, uint32_t last)
{
    struct ncr_emit *e = m->e;
    LLVMValueRef target = place.out;
    uint32_t lanes = e->family->lanes, count = t->pixels * t->vectors;
    if (m->s->sum) add_other(m, t, r, place.other);
    bool dense = last == lanes && m->s->out_pixel == (int64_t)t->vectors * lanes;
    bool squeeze = !dense && e->permutes && t->vectors == 1 && m->s->out_pixel == last;
    uint32_t at_once = dense || squeeze || t->vectors == 1 || t->vectors == 2 ? 4
                       : t->vectors < 4                                       ? t->vectors
                                                                              : 4;
    for (uint32_t i = 0; i < count;) {
        uint32_t n = count - i < at_once ? count - i : at_once;
        if (t->vectors > 2 && !dense && n > t->vectors - i % t->vectors)
            n = t->vectors - i % t->vectors; // not across pixels
        LLVMValueRef bytes = e->family->lowering->narrow(e, m->finish.head, r + i, n, false);
        uint32_t pixel = i / t->vectors, v = i % t->vectors;
        LLVMValueRef at = ncr_at(e, target, NULL, 0, pixel * m->s->out_pixel + v * lanes);
        if (dense) {
            ncr_store_bytes(e, bytes, at, n * lanes);
        } else if (squeeze) { // few channels: the pixels move together
            uint32_t index[64];
            for (uint32_t k = 0; k < 4 * lanes; k++)
                index[k] = k < n * last ? k / last * lanes + k % last : 0;
            ncr_store_bytes(e, ncr_shuffle(e, bytes, NULL, index, 4 * lanes), at, n * last);
        } else {
            for (uint32_t k = 0; k < n;) { // the vectors of one pixel together
                uint32_t p = (i + k) / t->vectors, from = (i + k) % t->vectors,
                         together = t->vectors - from < n - k ? t->vectors - from : n - k;
                uint32_t whole = together * lanes, index[64];
                for (uint32_t j = 0; j < whole; j++)
                    index[j] = k * lanes + j;
                LLVMValueRef part = k == 0 ? bytes : ncr_shuffle(e, bytes, NULL, index, whole);
                bool ends = from + together == t->vectors;
                ncr_store_bytes(e, part,
                                ncr_at(e, target, NULL, 0, p * m->s->out_pixel + from * lanes),
                                whole - (ends ? lanes - last : 0));
                k += together;
            }
        }
        i += n;
    }
}
