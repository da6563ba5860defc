// Operators that only move bytes, the borders of tensors, and the copies into and out of the arena.
#include "compiler/codegen/emit.h"

struct copy {
    LLVMValueRef from, to;
    bool flip;
};

// Reads no byte but those it copies: the caller's memory has no tail.
static void copy_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct copy *c = user;
    for (uint32_t at = 0; at < n;) { // powers of two, the largest first
        uint32_t piece = 1;
        while (2 * piece <= n - at)
            piece *= 2;
        LLVMValueRef v = ncr_load(e, ncr_vec(e->i8, piece), ncr_at(e, c->from, offset, 1, at), 1);
        if (c->flip) v = LLVMBuildXor(e->b, v, ncr_splat_int(e->i8, 0x80, piece), "");
        ncr_store(e, v, ncr_at(e, c->to, offset, 1, at), 1);
        at += piece;
    }
}

static uint32_t chunk_bytes(const struct ncr_emit *e)
{
    return 4 * e->family->lanes;
}

struct rows { // all int64_t: it is its own key
    int64_t n, bytes, from_row, to_row, flip;
};

static void rows_body(struct ncr_emit *e, LLVMValueRef f, void *user)
{
    const struct rows *s = user;
    struct ncr_loop y = ncr_loop_begin(e, s->n);
    struct copy c = {ncr_at(e, LLVMGetParam(f, 0), y.index, s->from_row, 0),
                     ncr_at(e, LLVMGetParam(f, 1), y.index, s->to_row, 0), s->flip};
    ncr_chunks(e, s->bytes, chunk_bytes(e), copy_chunk, &c);
    ncr_loop_end(e, &y);
}

// n rows of `bytes` bytes.
static void copy_rows(struct ncr_emit *e, LLVMValueRef from, int64_t from_row, LLVMValueRef to,
                      int64_t to_row, int64_t n, int64_t bytes, bool flip)
{
    struct rows s = {n, bytes, from_row, to_row, flip};
    if (from_row == bytes && to_row == bytes) s = (struct rows){1, n * bytes, 0, 0, flip};
    struct ncr_key key = ncr_key_make("copy", (const int64_t *)&s, sizeof s / sizeof(int64_t));
    LLVMValueRef args[2] = {from, to};
    ncr_emit_call(e, ncr_kernel(e, key.text, 2, 0, true, rows_body, &s), args, 2);
}

// ---- borders ----

struct border { // all int64_t: it is its own key
    int64_t before, row, gap, row_bytes, height, after;
};

// Arguments: the buffer, the byte. Right border, and left border of the next row, are one run of
// bytes.
static void border_body(struct ncr_emit *e, LLVMValueRef f, void *user)
{
    const struct border *s = user;
    LLVMValueRef at = LLVMGetParam(f, 0),
                 byte = LLVMBuildTrunc(e->b, LLVMGetParam(f, 1), e->i8, "");
    ncr_emit_fill(e, at, s->before, byte);
    if (s->gap && s->height > 1) {
        struct ncr_loop y = ncr_loop_begin(e, s->height - 1);
        ncr_emit_fill(e, ncr_at(e, at, y.index, s->row_bytes, s->before + s->row), s->gap, byte);
        ncr_loop_end(e, &y);
    }
    int64_t end = s->before + (s->height - 1) * s->row_bytes + s->row;
    ncr_emit_fill(e, ncr_at(e, at, NULL, 0, end), s->after, byte);
}

// Each byte of the stored zero point of q: that of 16 bits is 0.
static uint8_t zero_byte(const struct ncr_emit *e, uint32_t q)
{
    return e->plan->buffers[q].element == 2 ? 0 : ncr_stored(e, e->graph->nodes[q].zero_point);
}

void ncr_emit_border(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_buffer *b = &e->plan->buffers[q];
    if (!(b->border[0] || b->border[1] || b->border[2] || b->border[3])) return;
    int64_t row = b->width * ncr_buffer_pixel(b);
    struct border s = {b->first, row, b->row_bytes - row, b->row_bytes, b->height, 0};
    s.after = (int64_t)b->bytes - NCR_PLAN_TAIL - (b->first + (b->height - 1) * b->row_bytes + row);
    struct ncr_key key = ncr_key_make("border", (const int64_t *)&s, sizeof s / sizeof(int64_t));
    LLVMValueRef args[2] = {ncr_at(e, e->arena, NULL, 0, (int64_t)b->offset),
                            ncr_word(e, zero_byte(e, q))};
    ncr_emit_call(e, ncr_kernel(e, key.text, 1, 1, true, border_body, &s), args, 2);
}

// ---- operators ----

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
    to = ncr_at(e, ncr_at(e, to, x.index, ncr_buffer_pixel(out) * f[1], 0), dx.index,
                ncr_buffer_pixel(out), 0);
    struct copy c = {ncr_at(e, ncr_at(e, ncr_tensor(e, node->in[0]), y.index, in->row_bytes, 0),
                            x.index, ncr_buffer_pixel(in), 0),
                     to, false};
    ncr_chunks(e, ncr_buffer_pixel(in), chunk_bytes(e), copy_chunk, &c);
    ncr_loop_end(e, &dx);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &dy);
    ncr_loop_end(e, &y);
}

static void pad(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    const struct ncr_buffer *in = &e->plan->buffers[node->in[0]], *out = &e->plan->buffers[q];
    uint8_t zero = zero_byte(e, node->in[0]);
    struct ncr_loop y = ncr_loop_begin(e, out->height);
    ncr_emit_fill(e, ncr_at(e, ncr_tensor(e, q), y.index, out->row_bytes, 0),
                  out->width * ncr_buffer_pixel(out), LLVMConstInt(e->i8, zero, false));
    ncr_loop_end(e, &y);
    LLVMValueRef to =
        ncr_at(e, ncr_tensor(e, q), NULL, 0,
               node->attrs.pad[0] * out->row_bytes + node->attrs.pad[1] * ncr_buffer_pixel(out));
    copy_rows(e, ncr_tensor(e, node->in[0]), in->row_bytes, to, out->row_bytes, in->height,
              in->width * ncr_buffer_pixel(in), false);
}

static void zero(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_buffer *out = &e->plan->buffers[q];
    uint8_t byte = zero_byte(e, q);
    struct ncr_loop y = ncr_loop_begin(e, out->height);
    ncr_emit_fill(e, ncr_at(e, ncr_tensor(e, q), y.index, out->row_bytes, 0),
                  out->width * ncr_buffer_pixel(out), LLVMConstInt(e->i8, byte, false));
    ncr_loop_end(e, &y);
}

// Offset of logical element `index` in a buffer: index = (c·H + y)·W + x.
static LLVMValueRef locate(struct ncr_emit *e, const struct ncr_buffer *b, LLVMValueRef index)
{
    LLVMValueRef x = LLVMBuildURem(e->b, index, ncr_word(e, b->width), "");
    LLVMValueRef rest = LLVMBuildUDiv(e->b, index, ncr_word(e, b->width), "");
    LLVMValueRef y = LLVMBuildURem(e->b, rest, ncr_word(e, b->height), "");
    LLVMValueRef c = LLVMBuildUDiv(e->b, rest, ncr_word(e, b->height), "");
    LLVMValueRef at = LLVMBuildMul(e->b, y, ncr_word(e, b->row_bytes), "");
    at = LLVMBuildAdd(e->b, at, LLVMBuildMul(e->b, x, ncr_word(e, ncr_buffer_pixel(b)), ""), "");
    c = LLVMBuildMul(e->b, c, ncr_word(e, b->element), "");
    return LLVMBuildAdd(e->b, at, c, "");
}

static void copy_element(struct ncr_emit *e, LLVMValueRef from, LLVMValueRef to, int32_t bytes)
{
    LLVMValueRef v = ncr_load(e, bytes == 2 ? e->i16 : e->i8, from, (uint32_t)bytes);
    ncr_store(e, v, to, (uint32_t)bytes);
}

// [H, W, C] to [C·H·W].
static void flatten(struct ncr_emit *e, const struct ncr_buffer *in, LLVMValueRef from,
                    LLVMValueRef to)
{
    struct ncr_loop y = ncr_loop_begin(e, in->height);
    struct ncr_loop x = ncr_loop_begin(e, in->width);
    struct ncr_loop c = ncr_loop_begin(e, in->channels);
    LLVMValueRef at = ncr_at(e, ncr_at(e, from, y.index, in->row_bytes, 0), x.index,
                             ncr_buffer_pixel(in), 0),
                 put = ncr_at(e, ncr_at(e, to, y.index, (int64_t)in->width * in->element, 0),
                              x.index, in->element, 0);
    at = ncr_at(e, at, c.index, in->element, 0);
    put = ncr_at(e, put, c.index, (int64_t)in->height * in->width * in->element, 0);
    copy_element(e, at, put, in->element);
    ncr_loop_end(e, &c);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
}

static void reshape(struct ncr_emit *e, uint32_t q)
{
    uint32_t source = e->graph->nodes[q].in[0];
    if (e->plan->buffers[q].in_place_of != NCR_PLAN_OWN) return; // it is there
    const struct ncr_buffer *in = &e->plan->buffers[source], *out = &e->plan->buffers[q];
    LLVMValueRef from = ncr_tensor(e, source), to = ncr_tensor(e, q);
    // Logical order is the order of memory, but for borders.
    bool in_line = in->channels == 1 || (in->height == 1 && in->width == 1);
    bool out_line = out->height == 1 && out->width == 1;
    if (in->images > 1) { // vectors of a batch
        int64_t row = in->width * ncr_buffer_pixel(in);
        copy_rows(e, from, row, to, row, 1, row, false);
        return;
    }
    if (out_line && (in_line || e->packs->at[q].permuted)) {
        int64_t row = in->width * ncr_buffer_pixel(in);
        copy_rows(e, from, in->row_bytes, to, row, in->height, row, false);
        return;
    }
    if (out_line) {
        flatten(e, in, from, to);
        return;
    }
    struct ncr_loop i = ncr_loop_begin(e, (int64_t)in->channels * in->height * in->width);
    copy_element(e, ncr_at(e, from, locate(e, in, i.index), 1, 0),
                 ncr_at(e, to, locate(e, out, i.index), 1, 0), in->element);
    ncr_loop_end(e, &i);
}

void ncr_emit_move(struct ncr_emit *e, uint32_t q)
{
    switch ((int)e->graph->nodes[q].op) {
    case NCR_QOP_UPSAMPLE: upsample(e, q); break;
    case NCR_QOP_PAD: pad(e, q); break;
    case NCR_QOP_ZERO: zero(e, q); break;
    case NCR_QOP_RESHAPE: reshape(e, q); break;
    default: NCR_BUG("%s does not only move", ncr_qop_name(e->graph->nodes[q].op));
    }
}

// Whether logical and stored bytes differ.
static bool flips(const struct ncr_emit *e, uint32_t q)
{
    return e->family->biased && e->plan->buffers[q].element == 1;
}

void ncr_emit_input(struct ncr_emit *e, uint32_t q, LLVMValueRef in)
{
    const struct ncr_buffer *b = &e->plan->buffers[q];
    int64_t row = b->width * ncr_buffer_pixel(b);
    copy_rows(e, in, row, ncr_tensor(e, q), b->row_bytes, b->height, row, flips(e, q));
}

void ncr_emit_output(struct ncr_emit *e, uint32_t q, LLVMValueRef out)
{
    const struct ncr_buffer *b = &e->plan->buffers[q];
    int64_t row = b->width * ncr_buffer_pixel(b);
    copy_rows(e, ncr_tensor(e, q), b->row_bytes, out, row, b->height, row, flips(e, q));
}
