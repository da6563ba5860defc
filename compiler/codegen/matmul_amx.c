// Convolutions and dense layers in tile registers (amx.h): blocks of sums, which leave while the
// next blocks are summed.
#include "compiler/codegen/matmul.h"

// Requantises and stores n pixels of a row whose sums begin at `sums`, `gap` bytes between vectors
// (of a pooling window: between its results).
static void store_sums(struct ncr_matmul *m, struct ncr_matmul_tile t, uint32_t n,
                       LLVMValueRef sums, int64_t gap, const struct ncr_scale *scale,
                       struct ncr_place target, uint32_t last)
{
    struct ncr_emit *e = m->e;
    uint32_t lanes = e->family->lanes;
    LLVMValueRef r[NCR_MATMUL_SUMS];
    t.rows = 1;
    t.pixels = n;
    for (uint32_t i = 0; i < n * t.vectors; i++) {
        int64_t at = i / t.vectors * 4 * lanes + i % t.vectors * gap;
        r[i] = ncr_load(e, ncr_vec(e->i32, lanes), ncr_at(e, sums, NULL, 0, at), 4 * lanes);
        for (int64_t tap = 1; tap < m->s->pool_y * m->s->pool_x; tap++)
            r[i] = ncr_max(e, r[i],
                           ncr_load(e, ncr_vec(e->i32, lanes),
                                    ncr_at(e, sums, NULL, 0, at + tap * gap), 4 * lanes),
                           true);
        r[i] = ncr_rescale(e, r[i], &scale[i % t.vectors]);
    }
    ncr_matmul_store(m, &t, r, target, last);
}

// Blocks of vectors whose sums are made in AMX.
struct amx_block {
    LLVMValueRef weights, numbers, bias; // of the first vector; numbers: where bias, mult, … begin
    struct ncr_scale scale[NCR_AMX_SUMS];
};

// The outputs of a block that leave together: `pixels` neighbours of a row.
static uint32_t unit_pixels(const struct ncr_matmul_tile *t)
{
    uint32_t n = t->vectors < 4 ? 4 / t->vectors : 1;
    while (t->pixels % n)
        n--;
    return n;
}

// Finishes units begin to end - 1 of a block.
static void finish_amx(struct ncr_matmul *m, const struct ncr_matmul_tile *t,
                       const struct amx_block *b, LLVMValueRef sums, struct ncr_place target,
                       uint32_t last, uint32_t begin, uint32_t end)
{
    struct ncr_emit *e = m->e;
    uint32_t n = unit_pixels(t), across = t->pixels / n;
    int64_t cell = 4 * (int64_t)e->family->lanes, gap = t->pixels * cell;
    if (begin == end) return;
    struct ncr_loop u = ncr_loop_begin(e, end - begin);
    LLVMValueRef unit = LLVMBuildAdd(e->b, u.index, ncr_word(e, begin), ""),
                 row = LLVMBuildUDiv(e->b, unit, ncr_word(e, across), ""),
                 x = LLVMBuildURem(e->b, unit, ncr_word(e, across), "");
    struct ncr_place out = t->rows > 1 ? ncr_place_down(m, target, row) : target;
    LLVMValueRef at = ncr_at(e, ncr_at(e, sums, row, t->vectors * gap, 0), x, n * cell, 0);
    store_sums(m, *t, n, at, gap, b->scale, ncr_place_at(m, out, x, n * m->s->out_pixel, 0), last);
    ncr_loop_end(e, &u);
}

// What a loop over blocks hands on: where the blocks before go to, the last one first (null: there
// is none), and in which part of the buffer the next one is summed.
struct amx_state {
    LLVMValueRef target[NCR_AMX_BLOCKS - 1], other[NCR_AMX_BLOCKS - 1], part;
};

static struct ncr_place remembered(struct ncr_matmul *m, const struct amx_state *state, int k)
{
    struct ncr_emit *e = m->e;
    return (struct ncr_place){LLVMBuildLoad2(e->b, e->ptr, state->target[k], ""),
                              m->target.other ? LLVMBuildLoad2(e->b, e->ptr, state->other[k], "")
                                              : NULL};
}

static void remember(struct ncr_matmul *m, const struct amx_state *state, int k, struct ncr_place p)
{
    LLVMBuildStore(m->e->b, p.out, state->target[k]);
    if (p.other) LLVMBuildStore(m->e->b, p.other, state->other[k]);
}

// The part of the buffer after `part`, in a circle: of the block longest summed.
static LLVMValueRef next_part(struct ncr_matmul *m, LLVMValueRef part)
{
    struct ncr_emit *e = m->e;
    int64_t bytes = m->amx.sums_bytes;
    LLVMValueRef last =
        LLVMBuildICmp(e->b, LLVMIntEQ, part, ncr_word(e, (NCR_AMX_BLOCKS - 1) * bytes), "");
    return LLVMBuildSelect(e->b, last, ncr_word(e, 0),
                           LLVMBuildAdd(e->b, part, ncr_word(e, bytes), ""), "");
}

// A block before, which leaves while this one is summed. Not the last one: its sums would be waited
// for.
struct leaving {
    struct ncr_matmul *m;
    const struct ncr_matmul_tile *t;
    const struct amx_block *b;
    LLVMValueRef sums, none; // none: there is no such block
    struct ncr_place target;
    uint32_t last;
};

static void leave(struct ncr_emit *e, uint32_t part, uint32_t parts, void *user)
{
    const struct leaving *l = user;
    uint32_t units = l->t->rows * (l->t->pixels / unit_pixels(l->t));
    LLVMBasicBlockRef some = LLVMAppendBasicBlockInContext(e->context, e->function, ""),
                      end = LLVMAppendBasicBlockInContext(e->context, e->function, "");
    LLVMBuildCondBr(e->b, l->none, end, some);
    LLVMPositionBuilderAtEnd(e->b, some);
    finish_amx(l->m, l->t, l->b, l->sums, l->target, l->last, units * part / parts,
               units * (part + 1) / parts);
    LLVMBuildBr(e->b, end);
    LLVMPositionBuilderAtEnd(e->b, end);
}

// Sums of the block at (window, target), between which those of an earlier block leave.
static void step_amx(struct ncr_matmul *m, const struct ncr_matmul_tile *t,
                     const struct amx_block *b, const struct amx_state *state, LLVMValueRef window,
                     struct ncr_place target, uint32_t last)
{
    struct ncr_emit *e = m->e;
    LLVMValueRef part = LLVMBuildLoad2(e->b, e->word, state->part, ""), next = next_part(m, part);
    struct leaving before = {m,    t,
                             b,    ncr_at(e, m->amx.sums, next, 1, 0),
                             NULL, remembered(m, state, NCR_AMX_BLOCKS - 2),
                             last};
    before.none = LLVMBuildIsNull(e->b, before.target.out, "");
    struct ncr_amx_aside aside = {leave, &before};
    ncr_amx_sum(e, &m->amx, m->amx.tap_columns ? m->amx.rows : t->rows, t->vectors, window,
                b->weights, b->bias, ncr_at(e, m->amx.sums, part, 1, 0), &aside);
    for (int k = NCR_AMX_BLOCKS - 2; k > 0; k--)
        remember(m, state, k, remembered(m, state, k - 1));
    remember(m, state, 0, target);
    LLVMBuildStore(e->b, next, state->part);
}

// The blocks that have not left yet, in their order.
static void leave_all(struct ncr_matmul *m, const struct ncr_matmul_tile *t,
                      const struct amx_block *b, const struct amx_state *state, uint32_t last)
{
    struct ncr_emit *e = m->e;
    LLVMValueRef part = LLVMBuildLoad2(e->b, e->word, state->part, "");
    for (int k = NCR_AMX_BLOCKS - 2; k >= 0; k--) {
        part = next_part(m, part);
        struct leaving l = {
            m, t, b, ncr_at(e, m->amx.sums, part, 1, 0), NULL, remembered(m, state, k), last};
        l.none = LLVMBuildIsNull(e->b, l.target.out, "");
        leave(e, 0, 1, &l);
    }
}

static struct amx_block amx_block_open(struct ncr_matmul *m, uint32_t vectors, LLVMValueRef vector)
{
    struct ncr_emit *e = m->e;
    const struct ncr_matmul_shape *s = m->s;
    uint32_t lanes = e->family->lanes;
    struct amx_block b;
    LLVMValueRef channel =
        LLVMBuildAdd(e->b, m->channel, LLVMBuildMul(e->b, vector, ncr_word(e, lanes), ""), "");
    b.numbers = ncr_at(e, m->consts, channel, 4, 0);
    b.bias = ncr_at(e, b.numbers, NULL, 0, s->bias);
    b.weights = ncr_at(e, m->weights, vector, s->segments * s->groups4 * m->cell, 0);
    for (uint32_t v = 0; v < vectors; v++) {
        int64_t skip = (int64_t)v * 4 * lanes;
        b.scale[v] = ncr_scale_load(e, (enum ncr_scale_kind)s->scale,
                                    ncr_at(e, b.numbers, NULL, 0, s->mult + skip),
                                    ncr_at(e, b.numbers, NULL, 0, s->round + skip),
                                    ncr_at(e, b.numbers, NULL, 0, s->shift + skip));
    }
    return b;
}

// All blocks of rows for the vectors of `t` from `vector` on.
void ncr_matmul_amx(struct ncr_matmul *m, struct ncr_matmul_tile t, LLVMValueRef vector,
                    uint32_t last)
{
    struct ncr_emit *e = m->e;
    const struct ncr_matmul_shape *s = m->s;
    uint32_t rows = t.rows;
    struct amx_block b = amx_block_open(m, t.vectors, vector);
    ncr_amx_hold(e, &m->amx, b.weights);
    struct amx_state state = {.part = ncr_local(e, e->word)};
    for (int k = 0; k < NCR_AMX_BLOCKS - 1; k++) {
        state.target[k] = ncr_local(e, e->ptr);
        state.other[k] = ncr_local(e, e->ptr);
    }
    for (int part = 0; part < 2; part++) {
        int64_t full = s->height / rows * rows, ny = part ? s->height - full : full;
        if (ny == 0) continue;
        t.rows = part ? (uint32_t)ny : rows;
        for (int k = 0; k < NCR_AMX_BLOCKS - 1; k++)
            LLVMBuildStore(e->b, LLVMConstNull(e->ptr), state.target[k]);
        LLVMBuildStore(e->b, ncr_word(e, 0), state.part);
        struct ncr_loop y = ncr_loop_begin(e, part ? 1 : full / rows);
        LLVMValueRef first = part ? ncr_word(e, full)
                                  : LLVMBuildMul(e->b, y.index, ncr_word(e, rows), ""),
                     from = ncr_at(e, m->source, first, s->step_y, 0);
        struct ncr_place to =
            ncr_place_at(m, ncr_place_down(m, m->target, first), vector, e->family->lanes, 0);
        struct ncr_loop x = ncr_loop_begin(e, (s->width + t.pixels - 1) / t.pixels);
        LLVMValueRef at = LLVMBuildMul(e->b, x.index, ncr_word(e, t.pixels), ""),
                     end = ncr_word(e, s->width - t.pixels);
        // Tiles have one size: where they do not fill the row, the last one overlaps.
        if (s->width % t.pixels) at = ncr_min(e, at, end, false);
        step_amx(m, &t, &b, &state, ncr_at(e, from, at, s->step_x, 0),
                 ncr_place_at(m, to, at, s->out_pixel, 0), last);
        ncr_loop_end(e, &x);
        ncr_loop_end(e, &y);
        leave_all(m, &t, &b, &state, last);
    }
}
