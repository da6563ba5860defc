// Operators that only move bytes, softmax, and the copies into and out of the arena.
#include "compiler/codegen/emit.h"

struct copy {
    LLVMValueRef from, to;
    bool flip;
};

static void copy_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct copy *c = user;
    LLVMValueRef v = ncr_load(e, ncr_vec(e, e->i8, n), ncr_at(e, c->from, offset, 1, 0), 1);
    if (c->flip) v = LLVMBuildXor(e->b, v, ncr_splat_int(e, e->i8, 0x80, n), "");
    ncr_store(e, v, ncr_at(e, c->to, offset, 1, 0), 1);
}

// n rows of `bytes` bytes.
static void copy_rows(struct ncr_emit *e, LLVMValueRef from, int64_t from_row, LLVMValueRef to,
                      int64_t to_row, int64_t n, int64_t bytes, bool flip)
{
    struct ncr_loop y = ncr_loop_begin(e, n);
    struct copy c = {ncr_at(e, from, y.index, from_row, 0), ncr_at(e, to, y.index, to_row, 0),
                     flip};
    ncr_chunks(e, bytes, 64, copy_chunk, &c);
    ncr_loop_end(e, &y);
}

static void upsample(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    const struct ncr_buffer *in = &e->plan->buffers[node->in[0]], *out = &e->plan->buffers[q];
    const int32_t *f = node->attrs.factor;
    struct ncr_loop y = ncr_loop_begin(e, in->height);
    struct ncr_loop dy = ncr_loop_begin(e, f[0]);
    struct ncr_loop x = ncr_loop_begin(e, in->width);
    struct ncr_loop dx = ncr_loop_begin(e, f[1]);
    LLVMValueRef to = ncr_at(e, ncr_at(e, ncr_tensor(e, q), y.index, out->row_bytes * f[0], 0),
                             dy.index, out->row_bytes, 0);
    to = ncr_at(e, ncr_at(e, to, x.index, (int64_t)out->channels * f[1], 0), dx.index,
                out->channels, 0);
    struct copy c = {ncr_at(e, ncr_at(e, ncr_tensor(e, node->in[0]), y.index, in->row_bytes, 0),
                            x.index, in->channels, 0),
                     to, false};
    ncr_chunks(e, in->channels, 64, copy_chunk, &c);
    ncr_loop_end(e, &dx);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &dy);
    ncr_loop_end(e, &y);
}

static void pad(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    const struct ncr_buffer *in = &e->plan->buffers[node->in[0]], *out = &e->plan->buffers[q];
    uint8_t zero = ncr_stored(e, e->graph->nodes[node->in[0]].zero_point);
    struct ncr_loop y = ncr_loop_begin(e, out->height);
    ncr_emit_fill(e, ncr_at(e, ncr_tensor(e, q), y.index, out->row_bytes, 0),
                  (int64_t)out->width * out->channels, zero);
    ncr_loop_end(e, &y);
    LLVMValueRef to =
        ncr_at(e, ncr_tensor(e, q), NULL, 0,
               node->attrs.pad[0] * out->row_bytes + (int64_t)node->attrs.pad[1] * out->channels);
    copy_rows(e, ncr_tensor(e, node->in[0]), in->row_bytes, to, out->row_bytes, in->height,
              (int64_t)in->width * in->channels, false);
}

// Offset of logical element `index` in a buffer: index = (c·H + y)·W + x.
static LLVMValueRef locate(struct ncr_emit *e, const struct ncr_buffer *b, LLVMValueRef index)
{
    LLVMValueRef x = LLVMBuildURem(e->b, index, ncr_word(e, b->width), "");
    LLVMValueRef rest = LLVMBuildUDiv(e->b, index, ncr_word(e, b->width), "");
    LLVMValueRef y = LLVMBuildURem(e->b, rest, ncr_word(e, b->height), "");
    LLVMValueRef c = LLVMBuildUDiv(e->b, rest, ncr_word(e, b->height), "");
    LLVMValueRef at = LLVMBuildMul(e->b, y, ncr_word(e, b->row_bytes), "");
    at = LLVMBuildAdd(e->b, at, LLVMBuildMul(e->b, x, ncr_word(e, b->channels), ""), "");
    return LLVMBuildAdd(e->b, at, c, "");
}

static void reshape(struct ncr_emit *e, uint32_t q)
{
    uint32_t source = e->graph->nodes[q].in[0];
    const struct ncr_buffer *in = &e->plan->buffers[source], *out = &e->plan->buffers[q];
    LLVMValueRef from = ncr_tensor(e, source), to = ncr_tensor(e, q);
    bool in_line = in->channels == 1 ||
                   (in->height == 1 && in->width == 1); // logical order is memory order within rows
    bool out_line = out->height == 1 && out->width == 1;
    if (in_line && out_line) {
        int64_t row = (int64_t)in->width * in->channels;
        copy_rows(e, from, in->row_bytes, to, row, in->height, row, false);
        return;
    }
    if (out_line) { // flatten: [H, W, C] to [C·H·W]
        struct ncr_loop y = ncr_loop_begin(e, in->height);
        struct ncr_loop x = ncr_loop_begin(e, in->width);
        struct ncr_loop c = ncr_loop_begin(e, in->channels);
        LLVMValueRef at = ncr_at(
            e, ncr_at(e, ncr_at(e, from, y.index, in->row_bytes, 0), x.index, in->channels, 0),
            c.index, 1, 0);
        LLVMValueRef put = ncr_at(e, ncr_at(e, ncr_at(e, to, y.index, in->width, 0), x.index, 1, 0),
                                  c.index, (int64_t)in->height * in->width, 0);
        ncr_store(e, ncr_load(e, e->i8, at, 1), put, 1);
        ncr_loop_end(e, &c);
        ncr_loop_end(e, &x);
        ncr_loop_end(e, &y);
        return;
    }
    struct ncr_loop i = ncr_loop_begin(e, (int64_t)in->channels * in->height * in->width);
    LLVMValueRef v = ncr_load(e, e->i8, ncr_at(e, from, locate(e, in, i.index), 1, 0), 1);
    ncr_store(e, v, ncr_at(e, to, locate(e, out, i.index), 1, 0), 1);
    ncr_loop_end(e, &i);
}

void ncr_emit_move(struct ncr_emit *e, uint32_t q)
{
    switch ((int)e->graph->nodes[q].op) {
    case NCR_QOP_UPSAMPLE: upsample(e, q); break;
    case NCR_QOP_PAD: pad(e, q); break;
    case NCR_QOP_RESHAPE: reshape(e, q); break;
    default: NCR_BUG("%s does not only move", ncr_qop_name(e->graph->nodes[q].op));
    }
}

void ncr_emit_input(struct ncr_emit *e, uint32_t q, LLVMValueRef in)
{
    const struct ncr_buffer *b = &e->plan->buffers[q];
    int64_t row = (int64_t)b->width * b->channels;
    copy_rows(e, in, row, ncr_tensor(e, q), b->row_bytes, b->height, row, e->family->biased);
}

void ncr_emit_output(struct ncr_emit *e, uint32_t q, LLVMValueRef out)
{
    const struct ncr_buffer *b = &e->plan->buffers[q];
    int64_t row = (int64_t)b->width * b->channels;
    copy_rows(e, ncr_tensor(e, q), b->row_bytes, out, row, b->height, row, e->family->biased);
}

// Three passes over a vector: largest, sum of exponentials, quotients (softmax.h).
void ncr_emit_softmax(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    LLVMValueRef from = ncr_tensor(e, node->in[0]), to = ncr_tensor(e, q);
    LLVMValueRef table = ncr_at(e, e->blob, NULL, 0, (int64_t)e->packs->at[q].table);
    int64_t n = node->shape.dim[0];
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b), entry = LLVMGetEntryBasicBlock(e->function);
    LLVMPositionBuilderBefore(e->b, LLVMGetFirstInstruction(entry));
    LLVMValueRef top = LLVMBuildAlloca(e->b, e->i32, "top"),
                 sum = LLVMBuildAlloca(e->b, e->i32, "sum");
    LLVMPositionBuilderAtEnd(e->b, here);
    // Differences of stored bytes are differences of logical ones, so unsigned bytes do for a
    // biased store.
    bool wide_sign = !e->family->biased;
    LLVMBuildStore(e->b, ncr_i32(e, wide_sign ? -128 : 0), top);
    LLVMBuildStore(e->b, ncr_i32(e, 0), sum);
    struct ncr_loop pass = ncr_loop_begin(e, n);
    LLVMValueRef byte = ncr_load(e, e->i8, ncr_at(e, from, pass.index, 1, 0), 1);
    LLVMValueRef x =
        wide_sign ? LLVMBuildSExt(e->b, byte, e->i32, "") : LLVMBuildZExt(e->b, byte, e->i32, "");
    LLVMBuildStore(e->b, ncr_max(e, LLVMBuildLoad2(e->b, e->i32, top, ""), x, true), top);
    ncr_loop_end(e, &pass);
    for (int second = 0; second < 2; second++) {
        pass = ncr_loop_begin(e, n);
        byte = ncr_load(e, e->i8, ncr_at(e, from, pass.index, 1, 0), 1);
        x = wide_sign ? LLVMBuildSExt(e->b, byte, e->i32, "")
                      : LLVMBuildZExt(e->b, byte, e->i32, "");
        LLVMValueRef d = LLVMBuildSub(e->b, LLVMBuildLoad2(e->b, e->i32, top, ""), x, "");
        LLVMValueRef power =
            ncr_load(e, e->i32, ncr_at(e, table, LLVMBuildZExt(e->b, d, e->word, ""), 4, 0), 4);
        LLVMValueRef total = LLVMBuildLoad2(e->b, e->i32, sum, "");
        if (!second) {
            LLVMBuildStore(e->b, LLVMBuildAdd(e->b, total, power, ""), sum);
        } else {
            LLVMValueRef half = LLVMBuildLShr(e->b, total, ncr_i32(e, 1), "");
            LLVMValueRef scaled =
                LLVMBuildAdd(e->b, LLVMBuildShl(e->b, power, ncr_i32(e, 8), ""), half, "");
            LLVMValueRef y =
                ncr_min(e, LLVMBuildUDiv(e->b, scaled, total, ""), ncr_i32(e, 255), false);
            // Stored form of y - 128: with bias it is y itself.
            if (!e->family->biased) y = LLVMBuildSub(e->b, y, ncr_i32(e, 128), "");
            ncr_store(e, LLVMBuildTrunc(e->b, y, e->i8, ""), ncr_at(e, to, pass.index, 1, 0), 1);
        }
        ncr_loop_end(e, &pass);
    }
}
