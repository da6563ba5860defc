// Convolution and dense layers: tiles of rows x pixels x vectors of output channels, accumulated in
// registers over groups of four input bytes; requantised, clamped and narrowed before they leave
// the registers.
#include "compiler/codegen/emit.h"

struct matmul {
    struct ncr_emit *e;
    uint32_t q;
    const struct ncr_qnode *node;
    const struct ncr_pack *pack;
    const struct ncr_buffer *in, *out;
    int64_t step_x, step_y;      // bytes between the inputs of neighbouring outputs
    int64_t seg_x, seg_y;        // bytes between kernel taps
    int64_t seg_columns;         // segments in a kernel row
    LLVMValueRef source, target; // element (0, 0) of input window and output, of the channel group
    LLVMValueRef weights;        // of the channel group
    LLVMValueRef channel;        // index of the group's first channel in bias, mult, shift
};

struct tile {
    uint32_t rows, pixels, vectors;
};

enum { MAX_ACC = 32 };

// One group of four products in every lane.
static LLVMValueRef dot4(struct matmul *m, LLVMValueRef acc, LLVMValueRef input,
                         LLVMValueRef weights)
{
    struct ncr_emit *e = m->e;
    uint32_t lanes = e->family->lanes;
    LLVMTypeRef v32 = ncr_vec(e, e->i32, lanes);
    switch (e->family->dot) {
    case NCR_DOT_VPDPBUSD: {
        const char *name =
            lanes == 16 ? "llvm.x86.avx512.vpdpbusd.512" : "llvm.x86.avx512.vpdpbusd.256";
        LLVMTypeRef args[3] = {v32, v32, v32}, type = LLVMFunctionType(v32, args, 3, false);
        LLVMValueRef f = LLVMGetNamedFunction(e->module, name);
        if (!f) f = LLVMAddFunction(e->module, name, type);
        LLVMValueRef w = LLVMBuildBitCast(e->b, weights, v32, "");
        LLVMValueRef actual[3] = {acc, ncr_splat(e, input, lanes), w};
        return LLVMBuildCall2(e->b, type, f, actual, 3, "");
    }
    case NCR_DOT_PLAIN: {
        LLVMValueRef bytes = LLVMBuildBitCast(e->b, input, ncr_vec(e, e->i8, 4), "");
        for (uint32_t j = 0; j < 4; j++) {
            LLVMValueRef mask[16];
            for (uint32_t i = 0; i < lanes; i++)
                mask[i] = ncr_i32(e, j * lanes + i);
            LLVMValueRef w =
                LLVMBuildShuffleVector(e->b, weights, LLVMGetPoison(LLVMTypeOf(weights)),
                                       LLVMConstVector(mask, lanes), "");
            // The order of bytes in a word is that of the target; lane j is byte j of memory either
            // way.
            LLVMValueRef x = LLVMBuildSExt(
                e->b, LLVMBuildExtractElement(e->b, bytes, ncr_i32(e, j), ""), e->i32, "");
            LLVMValueRef product =
                LLVMBuildMul(e->b, ncr_splat(e, x, lanes), LLVMBuildSExt(e->b, w, v32, ""), "");
            acc = LLVMBuildAdd(e->b, acc, product, "");
        }
        return acc;
    }
    }
    NCR_BUG("dot product %d", (int)e->family->dot);
}

// Stores the first n lanes.
static void store_lanes(struct matmul *m, LLVMValueRef v, LLVMValueRef at, uint32_t n)
{
    struct ncr_emit *e = m->e;
    uint32_t lanes = e->family->lanes;
    if (n < lanes) {
        LLVMValueRef mask[16];
        for (uint32_t i = 0; i < n; i++)
            mask[i] = ncr_i32(e, i);
        v = LLVMBuildShuffleVector(e->b, v, LLVMGetPoison(LLVMTypeOf(v)), LLVMConstVector(mask, n),
                                   "");
    }
    ncr_store_values(e, v, at, n);
}

// The sums of one tile: acc[row][pixel][vector] lives in stack slots that become registers
// (mem2reg).
static void sum_tile(struct matmul *m, const struct tile *t, LLVMValueRef window,
                     LLVMValueRef weights, LLVMValueRef *acc)
{
    struct ncr_emit *e = m->e;
    const struct ncr_pack *p = m->pack;
    uint32_t lanes = e->family->lanes;
    LLVMTypeRef v32 = ncr_vec(e, e->i32, lanes), v8 = ncr_vec(e, e->i8, lanes * 4);
    int64_t cell = (int64_t)lanes * 4, per_vector = (int64_t)p->segments * p->groups4 * cell;
    struct ncr_loop sy = ncr_loop_begin(e, p->segments / m->seg_columns);
    struct ncr_loop sx = ncr_loop_begin(e, m->seg_columns);
    LLVMValueRef input = ncr_at(e, ncr_at(e, window, sy.index, m->seg_y, 0), sx.index, m->seg_x, 0);
    LLVMValueRef w_row = ncr_at(e, weights, sy.index, m->seg_columns * p->groups4 * cell, 0);
    w_row = ncr_at(e, w_row, sx.index, p->groups4 * cell, 0);
    struct ncr_loop g = ncr_loop_begin(e, p->groups4);
    LLVMValueRef from = ncr_at(e, input, g.index, 4, 0), w_at = ncr_at(e, w_row, g.index, cell, 0),
                 w[8];
    for (uint32_t v = 0; v < t->vectors; v++)
        w[v] = ncr_load(e, v8, ncr_at(e, w_at, NULL, 0, v * per_vector), lanes * 4);
    for (uint32_t r = 0; r < t->rows; r++)
        for (uint32_t x = 0; x < t->pixels; x++) {
            LLVMValueRef word =
                ncr_load(e, e->i32, ncr_at(e, from, NULL, 0, r * m->step_y + x * m->step_x), 1);
            for (uint32_t v = 0; v < t->vectors; v++) {
                LLVMValueRef slot = acc[(r * t->pixels + x) * t->vectors + v];
                LLVMBuildStore(e->b, dot4(m, LLVMBuildLoad2(e->b, v32, slot, ""), word, w[v]),
                               slot);
            }
        }
    ncr_loop_end(e, &g);
    ncr_loop_end(e, &sx);
    ncr_loop_end(e, &sy);
}

// One tile: `window` is the first input byte of its first output, `target` that output's first
// byte.
static void emit_tile(struct matmul *m, const struct tile *t, LLVMValueRef window,
                      LLVMValueRef target, LLVMValueRef vector, bool last)
{
    struct ncr_emit *e = m->e;
    const struct ncr_pack *p = m->pack;
    uint32_t lanes = e->family->lanes;
    LLVMTypeRef v32 = ncr_vec(e, e->i32, lanes), v64 = ncr_vec(e, e->i64, lanes);
    LLVMValueRef acc[MAX_ACC];
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b), entry = LLVMGetEntryBasicBlock(e->function);
    LLVMValueRef first = LLVMGetFirstInstruction(entry);
    if (first)
        LLVMPositionBuilderBefore(e->b, first);
    else
        LLVMPositionBuilderAtEnd(e->b, entry);
    for (uint32_t i = 0; i < t->rows * t->pixels * t->vectors; i++)
        acc[i] = LLVMBuildAlloca(e->b, v32, "acc");
    LLVMPositionBuilderAtEnd(e->b, here);

    LLVMValueRef weights =
        ncr_at(e, m->weights, vector, (int64_t)p->segments * p->groups4 * lanes * 4, 0);
    LLVMValueRef channel =
        LLVMBuildAdd(e->b, m->channel, LLVMBuildMul(e->b, vector, ncr_word(e, lanes), ""), "");
    LLVMValueRef bias = ncr_at(e, e->blob, channel, 4, (int64_t)p->bias);
    for (uint32_t v = 0; v < t->vectors; v++) {
        LLVMValueRef b = ncr_load(e, v32, ncr_at(e, bias, NULL, 0, v * lanes * 4), 4);
        for (uint32_t i = 0; i < t->rows * t->pixels; i++)
            LLVMBuildStore(e->b, b, acc[i * t->vectors + v]);
    }
    sum_tile(m, t, window, weights, acc);
    LLVMValueRef mult = ncr_at(e, e->blob, channel, 4, (int64_t)p->mult),
                 shift = ncr_at(e, e->blob, channel, 8, (int64_t)p->shift);
    for (uint32_t v = 0; v < t->vectors; v++) {
        LLVMValueRef k = ncr_load(e, v32, ncr_at(e, mult, NULL, 0, v * lanes * 4), 4);
        LLVMValueRef s = ncr_load(e, v64, ncr_at(e, shift, NULL, 0, v * lanes * 8), 8);
        uint32_t n = last && v == t->vectors - 1
                         ? (uint32_t)p->outs - (uint32_t)(p->vectors - 1) * lanes
                         : lanes;
        for (uint32_t r = 0; r < t->rows; r++)
            for (uint32_t x = 0; x < t->pixels; x++) {
                LLVMValueRef sum =
                    LLVMBuildLoad2(e->b, v32, acc[(r * t->pixels + x) * t->vectors + v], "");
                LLVMValueRef y = ncr_requantised(e, sum, k, s, lanes, m->node);
                LLVMValueRef at = ncr_at(e, target, vector, lanes,
                                         r * m->out->row_bytes + x * m->out->channels + v * lanes);
                store_lanes(m, y, at, n);
            }
    }
}

// All vectors of output channels for one place: full tiles in a loop, then the ragged end.
static void emit_vectors(struct matmul *m, struct tile t, LLVMValueRef window, LLVMValueRef target)
{
    struct ncr_emit *e = m->e;
    uint32_t lanes = e->family->lanes, total = (uint32_t)m->pack->vectors;
    bool ragged = (uint32_t)m->pack->outs % lanes != 0;
    uint32_t full = ragged ? total - 1 : total, tiles = full / t.vectors,
             rest = total - tiles * t.vectors;
    if (tiles) {
        struct ncr_loop loop = ncr_loop_begin(e, tiles);
        emit_tile(m, &t, window, target, LLVMBuildMul(e->b, loop.index, ncr_word(e, t.vectors), ""),
                  false);
        ncr_loop_end(e, &loop);
    }
    if (rest) {
        t.vectors = rest;
        emit_tile(m, &t, window, target, ncr_word(e, total - rest), ragged);
    }
}

static void emit_row(struct matmul *m, struct tile t, LLVMValueRef window, LLVMValueRef target)
{
    struct ncr_emit *e = m->e;
    int64_t width = m->out->width, tiles = width / t.pixels, rest = width % t.pixels;
    struct ncr_loop loop = ncr_loop_begin(e, tiles);
    emit_vectors(m, t, ncr_at(e, window, loop.index, m->step_x * t.pixels, 0),
                 ncr_at(e, target, loop.index, (int64_t)m->out->channels * t.pixels, 0));
    ncr_loop_end(e, &loop);
    if (!rest) return;
    int64_t done = tiles * t.pixels;
    t.pixels = (uint32_t)rest;
    emit_vectors(m, t, ncr_at(e, window, NULL, 0, done * m->step_x),
                 ncr_at(e, target, NULL, 0, done * m->out->channels));
}

// Rows x pixels x vectors within the family's registers; tiles that divide the width are preferred
// (no ragged tile).
static struct tile choose_tile(const struct matmul *m)
{
    uint32_t budget = m->e->family->accumulators, vectors = (uint32_t)m->pack->vectors,
             width = (uint32_t)m->out->width;
    struct tile t = {1, 1, 1};
    if (m->out->height == 1 && width == 1) { // dense: several vectors hide the latency of the sums
        t.vectors = vectors < 8 ? vectors : 8;
        if (t.vectors > budget) t.vectors = budget;
        return t;
    }
    t.vectors = vectors > 1 && budget >= 8 ? 2 : 1;
    uint32_t most = budget / t.vectors;
    if (most > 8) most = 8;
    t.pixels = width < most ? width : most;
    for (uint32_t p = t.pixels; 2 * p >= t.pixels; p--)
        if (width % p == 0) {
            t.pixels = p;
            break;
        }
    if (2 * t.pixels * t.vectors <= budget && m->out->height > 1) t.rows = 2;
    return t;
}

void ncr_emit_matmul(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    const struct ncr_pack *p = &e->packs->at[q];
    const struct ncr_attrs *a = &node->attrs;
    bool dense = node->op == NCR_QOP_DENSE;
    struct matmul m = {.e = e,
                       .q = q,
                       .node = node,
                       .pack = p,
                       .in = &e->plan->buffers[node->in[0]],
                       .out = &e->plan->buffers[q]};
    int64_t pixel = m.in->channels;
    if (!dense) {
        m.step_x = a->stride[1] * pixel;
        m.step_y = a->stride[0] * m.in->row_bytes;
        m.seg_y = a->dilation[0] * m.in->row_bytes;
        m.seg_x = a->dilation[1] * pixel;
    }
    m.seg_columns = p->row_runs ? 1 : a->kernel[1];
    int64_t corner = dense ? 0 : -a->pad[0] * m.in->row_bytes - a->pad[1] * pixel;
    struct tile t = choose_tile(&m);
    struct ncr_loop group = ncr_loop_begin(e, p->channel_groups);
    m.source = ncr_at(e, ncr_at(e, ncr_tensor(e, node->in[0]), NULL, 0, corner), group.index,
                      pixel / p->channel_groups, 0);
    m.target = ncr_at(e, ncr_tensor(e, q), group.index, p->outs, 0);
    m.weights = ncr_at(e, e->blob, group.index,
                       (int64_t)p->vectors * p->segments * p->groups4 * e->family->lanes * 4,
                       (int64_t)p->weights);
    m.channel = LLVMBuildMul(e->b, group.index, ncr_word(e, p->outs_padded), "");
    int64_t tiles = m.out->height / t.rows, rest = m.out->height % t.rows;
    struct ncr_loop rows = ncr_loop_begin(e, tiles);
    emit_row(&m, t, ncr_at(e, m.source, rows.index, m.step_y * t.rows, 0),
             ncr_at(e, m.target, rows.index, m.out->row_bytes * t.rows, 0));
    ncr_loop_end(e, &rows);
    if (rest) {
        int64_t done = tiles * t.rows;
        t.rows = (uint32_t)rest;
        emit_row(&m, t, ncr_at(e, m.source, NULL, 0, done * m.step_y),
                 ncr_at(e, m.target, NULL, 0, done * m.out->row_bytes));
    }
    ncr_loop_end(e, &group);
}
