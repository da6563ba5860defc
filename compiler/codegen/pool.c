// Maximum and average pooling over the taps inside the image, on vectors of channels.
#include "compiler/codegen/emit.h"

struct pool {
    const struct ncr_qnode *node;
    const struct ncr_pack *pack;
    const struct ncr_buffer *in;
    LLVMValueRef target;
    LLVMValueRef y0, y1, x0,
        x1; // taps [y0, y1) x [x0, x1) of input rows and columns, words; never empty
    LLVMValueRef source;
};

// for (index = from; index < to; index++) with from < to; the body is emitted between begin and
// end.
struct range_loop {
    LLVMValueRef index, to;
    LLVMBasicBlockRef body;
};

static struct range_loop range_begin(struct ncr_emit *e, LLVMValueRef from, LLVMValueRef to)
{
    struct range_loop loop = {.to = to};
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->b);
    loop.body = LLVMAppendBasicBlockInContext(e->context, e->function, "taps");
    LLVMBuildBr(e->b, loop.body);
    LLVMPositionBuilderAtEnd(e->b, loop.body);
    loop.index = LLVMBuildPhi(e->b, e->word, "t");
    LLVMAddIncoming(loop.index, &from, &before, 1);
    return loop;
}

static void range_end(struct ncr_emit *e, struct range_loop *loop)
{
    LLVMValueRef next = LLVMBuildAdd(e->b, loop->index, ncr_word(e, 1), "");
    LLVMValueRef more = LLVMBuildICmp(e->b, LLVMIntSLT, next, loop->to, "");
    LLVMBasicBlockRef last = LLVMGetInsertBlock(e->b);
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, e->function, "");
    LLVMBuildCondBr(e->b, more, loop->body, after);
    LLVMAddIncoming(loop->index, &next, &last, 1);
    LLVMPositionBuilderAtEnd(e->b, after);
}

static void chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct pool *p = user;
    bool mean = p->node->op == NCR_QOP_AVGPOOL;
    LLVMTypeRef v8 = ncr_vec(e, e->i8, n), v32 = ncr_vec(e, e->i32, n), type = mean ? v32 : v8;
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b), entry = LLVMGetEntryBasicBlock(e->function);
    LLVMPositionBuilderBefore(e->b, LLVMGetFirstInstruction(entry));
    LLVMValueRef acc = LLVMBuildAlloca(e->b, type, "acc");
    LLVMPositionBuilderAtEnd(e->b, here);
    // The largest of stored bytes is the stored largest: unsigned where activations are stored xor
    // 0x80.
    bool is_signed = !e->family->biased;
    LLVMBuildStore(
        e->b, mean ? LLVMConstNull(v32) : ncr_splat_int(e, e->i8, is_signed ? -128 : 0, n), acc);
    struct range_loop y = range_begin(e, p->y0, p->y1);
    struct range_loop x = range_begin(e, p->x0, p->x1);
    LLVMValueRef at =
        ncr_at(e, ncr_at(e, p->source, y.index, p->in->row_bytes, 0), x.index, p->in->channels, 0);
    at = ncr_at(e, at, offset, 1, 0);
    LLVMValueRef old = LLVMBuildLoad2(e->b, type, acc, ""), now;
    if (mean)
        now = LLVMBuildAdd(e->b, old, ncr_load_values(e, at, n), "");
    else
        now = ncr_max(e, old, ncr_load(e, v8, at, 1), is_signed);
    LLVMBuildStore(e->b, now, acc);
    range_end(e, &x);
    range_end(e, &y);
    LLVMValueRef result = LLVMBuildLoad2(e->b, type, acc, ""),
                 to = ncr_at(e, p->target, offset, 1, 0);
    if (!mean) {
        ncr_store(e, result, to, 1);
        return;
    }
    // Σ (x - zx) = Σ x - taps·zx; the multiplier is that of the number of taps.
    LLVMValueRef rows = LLVMBuildSub(e->b, p->y1, p->y0, ""),
                 columns = LLVMBuildSub(e->b, p->x1, p->x0, "");
    LLVMValueRef taps = LLVMBuildMul(e->b, rows, columns, ""),
                 k = p->node->n_channels == 1 ? ncr_word(e, 0) // no padding: every window is full
                                              : LLVMBuildSub(e->b, taps, ncr_word(e, 1), "");
    int32_t zx = e->graph->nodes[p->node->in[0]].zero_point;
    LLVMValueRef shiftless =
        LLVMBuildMul(e->b, LLVMBuildTrunc(e->b, taps, e->i32, ""), ncr_i32(e, zx), "");
    result = LLVMBuildSub(e->b, result, ncr_splat(e, shiftless, n), "");
    LLVMValueRef mult = ncr_load(e, e->i32, ncr_at(e, e->blob, k, 4, (int64_t)p->pack->mult), 4);
    LLVMValueRef shift = ncr_load(e, e->i64, ncr_at(e, e->blob, k, 8, (int64_t)p->pack->shift), 8);
    ncr_store_values(
        e, ncr_requantised(e, result, ncr_splat(e, mult, n), ncr_splat(e, shift, n), n, p->node),
        to, n);
}

// [max(0, o·s - pad), min(size, o·s - pad + k))
static void taps(struct ncr_emit *e, LLVMValueRef o, int32_t stride, int32_t pad, int32_t kernel,
                 int32_t size, LLVMValueRef *from, LLVMValueRef *to)
{
    LLVMValueRef start =
        LLVMBuildSub(e->b, LLVMBuildMul(e->b, o, ncr_word(e, stride), ""), ncr_word(e, pad), "");
    *from = ncr_max(e, start, ncr_word(e, 0), true);
    *to = ncr_min(e, LLVMBuildAdd(e->b, start, ncr_word(e, kernel), ""), ncr_word(e, size), true);
}

void ncr_emit_pool(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    const struct ncr_attrs *a = &node->attrs;
    const struct ncr_buffer *out = &e->plan->buffers[q];
    struct pool p = {.node = node, .pack = &e->packs->at[q], .in = &e->plan->buffers[node->in[0]]};
    p.source = ncr_tensor(e, node->in[0]);
    struct ncr_loop y = ncr_loop_begin(e, out->height);
    taps(e, y.index, a->stride[0], a->pad[0], a->kernel[0], p.in->height, &p.y0, &p.y1);
    struct ncr_loop x = ncr_loop_begin(e, out->width);
    taps(e, x.index, a->stride[1], a->pad[1], a->kernel[1], p.in->width, &p.x0, &p.x1);
    p.target = ncr_at(e, ncr_at(e, ncr_tensor(e, q), y.index, out->row_bytes, 0), x.index,
                      out->channels, 0);
    ncr_chunks(e, out->channels,
               node->op == NCR_QOP_MAXPOOL ? 4 * e->family->lanes : e->family->lanes, chunk, &p);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
}
