// Operators that compute element by element: add and mul. Blocks of four vectors over the bytes of
// a row, or of a pixel where one operand holds one value a channel.
#include "compiler/codegen/emit.h"

// Up to this many inputs come as arguments of a shared kernel.
enum { MOST_ARGUMENTS = 24 };

struct shape {
    bool add, has_zero, clamps; // else mul
    enum ncr_scale_kind scale;
    uint32_t n_in;
    int64_t height, columns, row, out_row, out_pixel;
    int64_t *in_row, *in_pixel; // of each input; 0: the same for all
};

struct block {
    const struct shape *s;
    LLVMValueRef *in, out; // of the row or pixel
    LLVMValueRef *word, sum;
    struct ncr_scale scale;
    struct ncr_finish finish;
};

static void chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    struct block *b = user;
    uint32_t lanes = e->family->lanes, vectors = (n + lanes - 1) / lanes;
    LLVMValueRef r[4];
    for (uint32_t v = 0; v < vectors; v++) {
        LLVMValueRef acc = b->sum;
        for (uint32_t k = 0; k < b->s->n_in; k++) {
            LLVMValueRef x = ncr_widen(e, ncr_at(e, b->in[k], offset, 1, v * lanes));
            if (b->s->add) {
                acc = LLVMBuildAdd(e->b, acc, LLVMBuildMul(e->b, x, b->word[k], ""), "");
            } else {
                x = LLVMBuildSub(e->b, x, b->word[k], "");
                acc = k ? LLVMBuildMul(e->b, acc, x, "") : x;
            }
        }
        r[v] = ncr_rescale(e, acc, &b->scale);
    }
    ncr_finish_store(e, &b->finish, r, vectors, ncr_at(e, b->out, offset, 1, 0), n);
}

static void emit_rows(struct ncr_emit *e, const struct shape *s, LLVMValueRef out,
                      LLVMValueRef consts, LLVMValueRef const *in)
{
    uint32_t lanes = e->family->lanes;
    struct block b = {.s = s, .finish = ncr_finish_open(e, consts, s->has_zero, s->clamps)};
    b.in = NCR_NEW_N(e->scratch, LLVMValueRef, s->n_in);
    b.word = NCR_NEW_N(e->scratch, LLVMValueRef, s->n_in);
    b.scale = ncr_scale_splat(e, (enum ncr_scale_kind)s->scale,
                              ncr_at(e, consts, NULL, 0, 4 * NCR_HEAD_SCALE));
    for (uint32_t k = 0; k <= s->n_in; k++) {
        int64_t at = 4 * (k < s->n_in ? NCR_HEAD_IN + (int64_t)k : NCR_HEAD_SUM);
        LLVMValueRef v =
            ncr_splat(e, ncr_load(e, e->i32, ncr_at(e, consts, NULL, 0, at), 4), lanes);
        *(k < s->n_in ? &b.word[k] : &b.sum) = v;
    }
    struct ncr_loop y = ncr_loop_begin(e, s->height);
    struct ncr_loop x = ncr_loop_begin(e, s->columns);
    b.out = ncr_at(e, ncr_at(e, out, y.index, s->out_row, 0), x.index, s->out_pixel, 0);
    for (uint32_t k = 0; k < s->n_in; k++)
        b.in[k] = ncr_at(e, ncr_at(e, in[k], y.index, s->in_row[k], 0), x.index, s->in_pixel[k], 0);
    ncr_chunks(e, s->row, 4 * lanes, chunk, &b);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
}

// Arguments: output, constants, inputs.
static void body(struct ncr_emit *e, LLVMValueRef f, void *user)
{
    const struct shape *s = user;
    LLVMValueRef in[MOST_ARGUMENTS];
    for (uint32_t k = 0; k < s->n_in; k++)
        in[k] = LLVMGetParam(f, k + 2);
    emit_rows(e, s, LLVMGetParam(f, 0), LLVMGetParam(f, 1), in);
}

static struct ncr_key key_of(const struct shape *s)
{
    int64_t numbers[9 + 2 * MOST_ARGUMENTS] = {s->scale, s->has_zero, s->clamps,
                                               s->n_in,  s->height,   s->columns,
                                               s->row,   s->out_row,  s->out_pixel};
    for (uint32_t k = 0; k < s->n_in; k++) {
        numbers[9 + 2 * k] = s->in_row[k];
        numbers[10 + 2 * k] = s->in_pixel[k];
    }
    return ncr_key_make(s->add ? "add" : "mul", numbers, 9 + 2 * s->n_in);
}

// In place (plan.h): all loads of a block stand before its store.
void ncr_emit_elementwise(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    const struct ncr_buffer *out = &e->plan->buffers[q];
    uint32_t n = node->n_in;
    struct shape s = {.add = node->op == NCR_QOP_ADD,
                      .scale = e->packs->at[q].scale,
                      .has_zero = e->packs->at[q].has_zero,
                      .clamps = e->packs->at[q].clamps,
                      .n_in = n,
                      .height = out->height,
                      .columns = 1,
                      .row = (int64_t)out->width * out->channels,
                      .out_row = out->row_bytes,
                      .in_row = NCR_NEW_N(e->scratch, int64_t, n),
                      .in_pixel = NCR_NEW_N(e->scratch, int64_t, n)};
    bool line = out->row_bytes == s.row;
    LLVMValueRef *args = NCR_NEW_N(e->scratch, LLVMValueRef, n + 2);
    args[0] = ncr_tensor(e, q);
    args[1] = ncr_consts(e, q);
    for (uint32_t k = 0; k < n; k++) {
        const struct ncr_buffer *in = &e->plan->buffers[node->in[k]];
        args[k + 2] = ncr_tensor(e, node->in[k]);
        s.in_row[k] = in->row_bytes;
        if (in->height == out->height && in->width == out->width) {
            line &= in->row_bytes == (int64_t)out->width * out->channels;
            continue;
        }
        line = false; // one value a channel: pixel by pixel
        s.in_row[k] = 0;
        s.columns = out->width;
        s.row = out->channels;
        s.out_pixel = out->channels;
    }
    for (uint32_t k = 0; s.columns > 1 && k < n; k++)
        s.in_pixel[k] = s.in_row[k] ? out->channels : 0;
    if (line) { // rows are one after the other
        s.row *= s.height;
        s.height = 1;
        s.out_row = 0;
        memset(s.in_row, 0, n * sizeof *s.in_row);
    }
    if (n > MOST_ARGUMENTS)
        emit_rows(e, &s, args[0], args[1], args + 2);
    else
        ncr_emit_call(e, ncr_kernel(e, key_of(&s).text, 2 + n, 0, false, body, &s), args, 2 + n);
}
