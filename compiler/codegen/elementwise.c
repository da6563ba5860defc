// Operators that work element by element: add, mul, concat, table lookup.
#include "compiler/codegen/emit.h"

struct rows {
    uint32_t q;
    const struct ncr_qnode *node;
    LLVMValueRef in[2], out; // of the row or pixel
    LLVMValueRef *many;      // ADD: one a input
    uint32_t input;          // CONCAT: which one
    bool spread[2];          // MUL: this operand holds one value a channel
};

static LLVMValueRef centred(struct ncr_emit *e, uint32_t q, LLVMValueRef at, uint32_t n)
{
    LLVMValueRef v = ncr_load_values(e, at, n);
    return LLVMBuildSub(e->b, v, ncr_splat_int(e, e->i32, e->graph->nodes[q].zero_point, n), "");
}

static LLVMValueRef scaled(struct ncr_emit *e, const struct ncr_qnode *node, LLVMValueRef acc,
                           int32_t channel, uint32_t n)
{
    return ncr_requantised(e, acc, ncr_splat_int(e, e->i32, node->mult[channel], n),
                           ncr_splat_int(e, e->i64, node->shift[channel], n), n, node);
}

static void add_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct rows *r = user;
    LLVMValueRef acc = LLVMConstNull(ncr_vec(e, e->i32, n));
    for (uint32_t k = 0; k < r->node->n_in; k++) {
        LLVMValueRef v = centred(e, r->node->in[k], ncr_at(e, r->many[k], offset, 1, 0), n);
        acc = LLVMBuildAdd(
            e->b, acc, LLVMBuildMul(e->b, v, ncr_splat_int(e, e->i32, r->node->in_mult[k], n), ""),
            "");
    }
    ncr_store_values(e, scaled(e, r->node, acc, 0, n), ncr_at(e, r->out, offset, 1, 0), n);
}

static void mul_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct rows *r = user;
    LLVMValueRef a = centred(e, r->node->in[0], ncr_at(e, r->in[0], offset, 1, 0), n);
    LLVMValueRef b = centred(e, r->node->in[1], ncr_at(e, r->in[1], offset, 1, 0), n);
    LLVMValueRef y = scaled(e, r->node, LLVMBuildMul(e->b, a, b, ""), 0, n);
    ncr_store_values(e, y, ncr_at(e, r->out, offset, 1, 0), n);
}

static void concat_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct rows *r = user;
    LLVMValueRef v = centred(e, r->node->in[r->input], ncr_at(e, r->in[0], offset, 1, 0), n);
    ncr_store_values(e, scaled(e, r->node, v, (int32_t)r->input, n),
                     ncr_at(e, r->out, offset, 1, 0), n);
}

static void emit_add(struct ncr_emit *e, struct rows *r)
{
    const struct ncr_buffer *out = &e->plan->buffers[r->q];
    LLVMValueRef at[64];
    if (r->node->n_in > NCR_COUNT(at)) NCR_BUG("add of %u tensors", r->node->n_in);
    struct ncr_loop y = ncr_loop_begin(e, out->height);
    r->out = ncr_at(e, ncr_tensor(e, r->q), y.index, out->row_bytes, 0);
    for (uint32_t k = 0; k < r->node->n_in; k++)
        at[k] = ncr_at(e, ncr_tensor(e, r->node->in[k]), y.index,
                       e->plan->buffers[r->node->in[k]].row_bytes, 0);
    r->many = at;
    ncr_chunks(e, (int64_t)out->width * out->channels, e->family->lanes, add_chunk, r);
    ncr_loop_end(e, &y);
}

static void emit_mul(struct ncr_emit *e, struct rows *r)
{
    const struct ncr_buffer *out = &e->plan->buffers[r->q];
    struct ncr_loop y = ncr_loop_begin(e, out->height);
    struct ncr_loop x = ncr_loop_begin(e, out->width);
    r->out = ncr_at(e, ncr_at(e, ncr_tensor(e, r->q), y.index, out->row_bytes, 0), x.index,
                    out->channels, 0);
    for (int k = 0; k < 2; k++) {
        const struct ncr_buffer *in = &e->plan->buffers[r->node->in[k]];
        bool spread = in->height == 1 && in->width == 1;
        LLVMValueRef base = ncr_tensor(e, r->node->in[k]);
        r->in[k] = spread ? base
                          : ncr_at(e, ncr_at(e, base, y.index, in->row_bytes, 0), x.index,
                                   in->channels, 0);
    }
    ncr_chunks(e, out->channels, e->family->lanes, mul_chunk, r);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
}

static void emit_concat(struct ncr_emit *e, struct rows *r)
{
    const struct ncr_buffer *out = &e->plan->buffers[r->q];
    int64_t first = 0;
    for (r->input = 0; r->input < r->node->n_in; r->input++) {
        const struct ncr_buffer *in = &e->plan->buffers[r->node->in[r->input]];
        struct ncr_loop y = ncr_loop_begin(e, out->height);
        struct ncr_loop x = ncr_loop_begin(e, out->width);
        r->out = ncr_at(e, ncr_at(e, ncr_tensor(e, r->q), y.index, out->row_bytes, first), x.index,
                        out->channels, 0);
        r->in[0] =
            ncr_at(e, ncr_at(e, ncr_tensor(e, r->node->in[r->input]), y.index, in->row_bytes, 0),
                   x.index, in->channels, 0);
        ncr_chunks(e, in->channels, e->family->lanes, concat_chunk, r);
        ncr_loop_end(e, &x);
        ncr_loop_end(e, &y);
        first += in->channels;
    }
}

static void emit_lut(struct ncr_emit *e, struct rows *r)
{
    const struct ncr_buffer *out = &e->plan->buffers[r->q], *in = &e->plan->buffers[r->node->in[0]];
    LLVMValueRef table = ncr_at(e, e->blob, NULL, 0, (int64_t)e->packs->at[r->q].table);
    struct ncr_loop y = ncr_loop_begin(e, out->height);
    LLVMValueRef from = ncr_at(e, ncr_tensor(e, r->node->in[0]), y.index, in->row_bytes, 0);
    LLVMValueRef to = ncr_at(e, ncr_tensor(e, r->q), y.index, out->row_bytes, 0);
    struct ncr_loop x = ncr_loop_begin(e, (int64_t)out->width * out->channels);
    LLVMValueRef byte = ncr_load(e, e->i8, ncr_at(e, from, x.index, 1, 0), 1);
    LLVMValueRef index = LLVMBuildZExt(e->b, byte, e->word, "");
    ncr_store(e, ncr_load(e, e->i8, ncr_at(e, table, index, 1, 0), 1), ncr_at(e, to, x.index, 1, 0),
              1);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
}

void ncr_emit_elementwise(struct ncr_emit *e, uint32_t q)
{
    struct rows r = {.q = q, .node = &e->graph->nodes[q]};
    switch ((int)r.node->op) {
    case NCR_QOP_ADD: emit_add(e, &r); break;
    case NCR_QOP_MUL: emit_mul(e, &r); break;
    case NCR_QOP_CONCAT: emit_concat(e, &r); break;
    case NCR_QOP_LUT: emit_lut(e, &r); break;
    default: NCR_BUG("%s is not element by element", ncr_qop_name(r.node->op));
    }
}
