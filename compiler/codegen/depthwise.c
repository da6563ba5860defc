// Depthwise convolution with one output a channel: vectors of channels, tap by tap.
#include "compiler/codegen/emit.h"

struct depthwise {
    const struct ncr_qnode *node;
    const struct ncr_pack *pack;
    int64_t seg_x, seg_y;
    LLVMValueRef window, target;
};

static void chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct depthwise *d = user;
    const struct ncr_attrs *a = &d->node->attrs;
    LLVMTypeRef v32 = ncr_vec(e, e->i32, n);
    LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b), entry = LLVMGetEntryBasicBlock(e->function);
    LLVMPositionBuilderBefore(e->b, LLVMGetFirstInstruction(entry));
    LLVMValueRef acc = LLVMBuildAlloca(e->b, v32, "acc");
    LLVMPositionBuilderAtEnd(e->b, here);
    LLVMBuildStore(e->b, ncr_load(e, v32, ncr_at(e, e->blob, offset, 4, (int64_t)d->pack->bias), 4),
                   acc);
    struct ncr_loop y = ncr_loop_begin(e, a->kernel[0]);
    struct ncr_loop x = ncr_loop_begin(e, a->kernel[1]);
    LLVMValueRef from =
        ncr_at(e, ncr_at(e, ncr_at(e, d->window, y.index, d->seg_y, 0), x.index, d->seg_x, 0),
               offset, 1, 0);
    LLVMValueRef w_at = ncr_at(e, e->blob, y.index, (int64_t)a->kernel[1] * d->node->n_channels,
                               (int64_t)d->pack->weights);
    w_at = ncr_at(e, ncr_at(e, w_at, x.index, d->node->n_channels, 0), offset, 1, 0);
    LLVMValueRef w = LLVMBuildSExt(e->b, ncr_load(e, ncr_vec(e, e->i8, n), w_at, 1), v32, "");
    LLVMValueRef product = LLVMBuildMul(e->b, ncr_load_values(e, from, n), w, "");
    LLVMBuildStore(e->b, LLVMBuildAdd(e->b, LLVMBuildLoad2(e->b, v32, acc, ""), product, ""), acc);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
    LLVMValueRef k = ncr_load(e, v32, ncr_at(e, e->blob, offset, 4, (int64_t)d->pack->mult), 4);
    LLVMValueRef s = ncr_load(e, ncr_vec(e, e->i64, n),
                              ncr_at(e, e->blob, offset, 8, (int64_t)d->pack->shift), 8);
    LLVMValueRef v = ncr_requantised(e, LLVMBuildLoad2(e->b, v32, acc, ""), k, s, n, d->node);
    ncr_store_values(e, v, ncr_at(e, d->target, offset, 1, 0), n);
}

void ncr_emit_depthwise(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    const struct ncr_attrs *a = &node->attrs;
    const struct ncr_buffer *in = &e->plan->buffers[node->in[0]], *out = &e->plan->buffers[q];
    struct depthwise d = {.node = node, .pack = &e->packs->at[q]};
    d.seg_x = (int64_t)a->dilation[1] * in->channels;
    d.seg_y = a->dilation[0] * in->row_bytes;
    LLVMValueRef source = ncr_at(e, ncr_tensor(e, node->in[0]), NULL, 0,
                                 -a->pad[0] * in->row_bytes - (int64_t)a->pad[1] * in->channels);
    struct ncr_loop y = ncr_loop_begin(e, out->height);
    struct ncr_loop x = ncr_loop_begin(e, out->width);
    d.window = ncr_at(e, ncr_at(e, source, y.index, a->stride[0] * in->row_bytes, 0), x.index,
                      (int64_t)a->stride[1] * in->channels, 0);
    d.target = ncr_at(e, ncr_at(e, ncr_tensor(e, q), y.index, out->row_bytes, 0), x.index,
                      out->channels, 0);
    ncr_chunks(e, out->channels, e->family->lanes, chunk, &d);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
}
