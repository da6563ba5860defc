// Operators that look every byte up in a table of 256: non-linear activations, and inputs of a
// concatenation that change their scale. An input that keeps its scale is copied.
#include "compiler/codegen/emit.h"

struct shape { // all int64_t: it is its own key
    int64_t height, columns, row;
    int64_t in_row, in_pixel, out_row, out_pixel;
    int64_t copy;
};

struct run {
    LLVMValueRef in, out; // of the row or pixel
    LLVMValueRef part[4]; // of the table, 64 bytes each
};

static void copy_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct run *r = user;
    LLVMValueRef v = ncr_load(e, ncr_vec(e->i8, 64), ncr_at(e, r->in, offset, 1, 0), 1);
    ncr_store_bytes(e, v, ncr_at(e, r->out, offset, 1, 0), n);
}

// 64 lookups: two tables of 128 by the low seven bits, then one of both by the highest.
static void permute_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct run *r = user;
    LLVMTypeRef v8 = ncr_vec(e->i8, 64);
    LLVMValueRef x = ncr_load(e, v8, ncr_at(e, r->in, offset, 1, 0), 1), half[2];
    for (int i = 0; i < 2; i++) {
        LLVMValueRef args[3] = {r->part[2 * i], x, r->part[2 * i + 1]};
        half[i] = ncr_intrinsic(e, "llvm.x86.avx512.vpermi2var.qi.512", v8, args, 3);
    }
    LLVMValueRef high = LLVMBuildICmp(e->b, LLVMIntSLT, x, LLVMConstNull(v8), "");
    ncr_store_bytes(e, LLVMBuildSelect(e->b, high, half[1], half[0], ""),
                    ncr_at(e, r->out, offset, 1, 0), n);
}

static void scalar_run(struct ncr_emit *e, const struct run *r, LLVMValueRef table, int64_t n)
{
    struct ncr_loop i = ncr_loop_begin(e, n);
    LLVMValueRef x = ncr_load(e, e->i8, ncr_at(e, r->in, i.index, 1, 0), 1);
    LLVMValueRef index = LLVMBuildZExt(e->b, x, e->word, "");
    ncr_store(e, ncr_load(e, e->i8, ncr_at(e, table, index, 1, 0), 1),
              ncr_at(e, r->out, i.index, 1, 0), 1);
    ncr_loop_end(e, &i);
}

// Arguments: input, output, table.
static void body(struct ncr_emit *e, LLVMValueRef f, void *user)
{
    const struct shape *s = user;
    LLVMValueRef table = LLVMGetParam(f, 2);
    struct run r;
    for (int i = 0; i < 4 && e->permutes && !s->copy; i++)
        r.part[i] = ncr_load(e, ncr_vec(e->i8, 64), ncr_at(e, table, NULL, 0, 64 * i), 64);
    struct ncr_loop y = ncr_loop_begin(e, s->height);
    struct ncr_loop x = ncr_loop_begin(e, s->columns);
    r.in = ncr_at(e, ncr_at(e, LLVMGetParam(f, 0), y.index, s->in_row, 0), x.index, s->in_pixel, 0);
    r.out =
        ncr_at(e, ncr_at(e, LLVMGetParam(f, 1), y.index, s->out_row, 0), x.index, s->out_pixel, 0);
    if (s->copy)
        ncr_chunks(e, s->row, 64, copy_chunk, &r);
    else if (e->permutes)
        ncr_chunks(e, s->row, 64, permute_chunk, &r);
    else
        scalar_run(e, &r, table, s->row);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
}

// Input k of q to its bytes of the output's pixels, which begin at `first`.
static void emit_input(struct ncr_emit *e, uint32_t q, uint32_t k, int64_t first, bool copy)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    const struct ncr_buffer *in = &e->plan->buffers[node->in[k]], *out = &e->plan->buffers[q];
    struct shape s = {in->height,   in->width,      in->channels,          in->row_bytes,
                      in->channels, out->row_bytes, ncr_buffer_pixel(out), copy};
    if (s.in_pixel == s.out_pixel) { // pixels are one after the other
        s.row *= s.columns;
        s.columns = 1;
        s.in_pixel = s.out_pixel = 0;
        if (s.in_row == s.row && s.out_row == s.row) {
            s.row *= s.height;
            s.height = 1;
            s.in_row = s.out_row = 0;
        }
    }
    struct ncr_key key = ncr_key_make("table", (const int64_t *)&s, sizeof s / sizeof(int64_t));
    LLVMValueRef args[3] = {
        ncr_tensor(e, node->in[k]), ncr_at(e, ncr_tensor(e, q), NULL, 0, first),
        ncr_at(e, ncr_consts(e, q), NULL, 0, (int64_t)e->packs->at[q].table + 256 * (int64_t)k)};
    ncr_emit_call(e, ncr_kernel(e, key.text, 3, 0, false, body, &s), args, 3);
}

void ncr_emit_table(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    if (node->op == NCR_QOP_LUT) {
        emit_input(e, q, 0, 0, false);
        return;
    }
    int64_t first = 0;
    for (uint32_t k = 0; k < node->n_in; k++) {
        if (e->plan->buffers[node->in[k]].slice_of != q) // else its channels are there
            emit_input(e, q, k, first, ncr_concat_copies(e->graph, node, k));
        first += e->plan->buffers[node->in[k]].channels;
    }
}
