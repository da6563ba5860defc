// Maximum and average pooling over the taps inside the image, on vectors of channels.
#include "compiler/codegen/emit.h"

struct shape {            // all int64_t: it is its own key
    int64_t mean, inside; // inside: every tap of every window is in the image
    int64_t single;       // one scale serves every window, for no tensor is padded
    int64_t kh, kw, stride_y, stride_x, pad_y, pad_x;
    int64_t in_height, in_width, height, width, channels;
    int64_t in_row, out_row;
    int64_t scale, has_zero, clamps, table;
};

struct pool {
    const struct shape *s;
    LLVMValueRef consts, window, target; // window: its first tap inside the image
    LLVMValueRef rows, columns;          // taps inside
    struct ncr_finish finish;
};

struct ncr_tap_loop ncr_taps_begin(struct ncr_emit *e, LLVMValueRef n)
{
    struct ncr_tap_loop loop = {.n = n};
    LLVMBasicBlockRef before = LLVMGetInsertBlock(e->b);
    loop.body = LLVMAppendBasicBlockInContext(e->context, e->function, "taps");
    LLVMBuildBr(e->b, loop.body);
    LLVMPositionBuilderAtEnd(e->b, loop.body);
    loop.index = LLVMBuildPhi(e->b, e->word, "t");
    LLVMValueRef zero = ncr_word(e, 0);
    LLVMAddIncoming(loop.index, &zero, &before, 1);
    return loop;
}

void ncr_taps_end(struct ncr_emit *e, struct ncr_tap_loop *loop)
{
    LLVMValueRef next = LLVMBuildNUWAdd(e->b, loop->index, ncr_word(e, 1), "");
    LLVMValueRef more = LLVMBuildICmp(e->b, LLVMIntULT, next, loop->n, "");
    LLVMBasicBlockRef last = LLVMGetInsertBlock(e->b);
    LLVMBasicBlockRef after = LLVMAppendBasicBlockInContext(e->context, e->function, "");
    LLVMBuildCondBr(e->b, more, loop->body, after);
    LLVMAddIncoming(loop->index, &next, &last, 1);
    LLVMPositionBuilderAtEnd(e->b, after);
}

enum { UNROLL = 9 };

static void take_tap(struct ncr_emit *e, struct pool *p, LLVMValueRef at, LLVMValueRef *slot,
                     uint32_t vectors)
{
    uint32_t lanes = e->family->lanes;
    LLVMTypeRef v8 = ncr_vec(e->i8, 4 * lanes), v32 = ncr_vec(e->i32, lanes);
    if (!p->s->mean) {
        // The largest of stored bytes is the stored largest: unsigned where they are biased.
        LLVMValueRef old = LLVMBuildLoad2(e->b, v8, slot[0], "");
        LLVMBuildStore(e->b, ncr_max(e, old, ncr_load(e, v8, at, 1), !e->family->biased), slot[0]);
        return;
    }
    for (uint32_t v = 0; v < vectors; v++) {
        LLVMValueRef old = LLVMBuildLoad2(e->b, v32, slot[v], "");
        LLVMBuildStore(e->b,
                       LLVMBuildAdd(e->b, old, ncr_widen(e, ncr_at(e, at, NULL, 0, v * lanes)), ""),
                       slot[v]);
    }
}

// Sum or maximum over the window at `from`.
static void take_window(struct ncr_emit *e, struct pool *p, LLVMValueRef from, LLVMValueRef *slot,
                        uint32_t vectors)
{
    const struct shape *s = p->s;
    if (s->inside && s->kh * s->kw <= UNROLL) {
        for (int64_t y = 0; y < s->kh; y++)
            for (int64_t x = 0; x < s->kw; x++)
                take_tap(e, p, ncr_at(e, from, NULL, 0, y * s->in_row + x * s->channels), slot,
                         vectors);
        return;
    }
    struct ncr_tap_loop y = ncr_taps_begin(e, p->rows);
    struct ncr_tap_loop x = ncr_taps_begin(e, p->columns);
    take_tap(e, p, ncr_at(e, ncr_at(e, from, y.index, s->in_row, 0), x.index, s->channels, 0), slot,
             vectors);
    ncr_taps_end(e, &x);
    ncr_taps_end(e, &y);
}

static void chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    struct pool *p = user;
    uint32_t lanes = e->family->lanes, vectors = (n + lanes - 1) / lanes;
    LLVMTypeRef v8 = ncr_vec(e->i8, 4 * lanes), v32 = ncr_vec(e->i32, lanes);
    LLVMValueRef slot[4], from = ncr_at(e, p->window, offset, 1, 0),
                          to = ncr_at(e, p->target, offset, 1, 0);
    if (!p->s->mean) {
        slot[0] = ncr_local(e, v8);
        LLVMBuildStore(e->b, ncr_splat_int(e->i8, e->family->biased ? 0 : -128, 4 * lanes),
                       slot[0]);
        take_window(e, p, from, slot, 1);
        ncr_store_bytes(e, LLVMBuildLoad2(e->b, v8, slot[0], ""), to, n);
        return;
    }
    for (uint32_t v = 0; v < vectors; v++) {
        slot[v] = ncr_local(e, v32);
        LLVMBuildStore(e->b, LLVMConstNull(v32), slot[v]);
    }
    take_window(e, p, from, slot, vectors);
    // A row of the table for each number of taps: what makes the sum one of x - zero point, and the
    // scale.
    LLVMValueRef count = LLVMBuildMul(e->b, p->rows, p->columns, "");
    LLVMValueRef k = p->s->single ? ncr_word(e, 0) : LLVMBuildSub(e->b, count, ncr_word(e, 1), "");
    LLVMValueRef row = ncr_at(e, p->consts, k, 16, p->s->table);
    LLVMValueRef start = ncr_splat(e, ncr_load(e, e->i32, row, 4), lanes), r[4];
    struct ncr_scale scale =
        ncr_scale_splat(e, (enum ncr_scale_kind)p->s->scale, ncr_at(e, row, NULL, 0, 4));
    for (uint32_t v = 0; v < vectors; v++) {
        LLVMValueRef sum = LLVMBuildAdd(e->b, LLVMBuildLoad2(e->b, v32, slot[v], ""), start, "");
        r[v] = ncr_rescale(e, sum, &scale);
    }
    ncr_finish_store(e, &p->finish, r, vectors, to, n);
}

LLVMValueRef ncr_first_tap(struct ncr_emit *e, LLVMValueRef o, int64_t stride, int64_t pad,
                           int64_t kernel, int64_t size, LLVMValueRef *count)
{
    LLVMValueRef start =
        LLVMBuildSub(e->b, LLVMBuildMul(e->b, o, ncr_word(e, stride), ""), ncr_word(e, pad), "");
    LLVMValueRef from = ncr_max(e, start, ncr_word(e, 0), true);
    LLVMValueRef to =
        ncr_min(e, LLVMBuildAdd(e->b, start, ncr_word(e, kernel), ""), ncr_word(e, size), true);
    *count = LLVMBuildSub(e->b, to, from, "");
    return from;
}

// Several pixels of few channels: the largest of windows that begin at any byte of a run, then the
// bytes of those windows that were asked for.
static void emit_together(struct ncr_emit *e, struct pool *p, LLVMValueRef line, uint32_t pixels)
{
    const struct shape *s = p->s;
    uint32_t bytes = 4 * e->family->lanes;
    LLVMTypeRef v8 = ncr_vec(e->i8, bytes);
    for (int part = 0; part < 2; part++) {
        int64_t full = s->width / pixels * pixels;
        uint32_t n = part ? (uint32_t)(s->width - full) : pixels;
        if (n == 0) continue;
        struct ncr_loop x = ncr_loop_begin(e, part ? 1 : full / pixels);
        LLVMValueRef slot = ncr_local(e, v8);
        LLVMBuildStore(e->b, ncr_splat_int(e->i8, e->family->biased ? 0 : -128, bytes), slot);
        LLVMValueRef from = ncr_at(e, line, x.index, pixels * s->stride_x * s->channels,
                                   part ? full * s->stride_x * s->channels : 0);
        take_window(e, p, from, &slot, 1);
        uint32_t index[64];
        for (uint32_t i = 0; i < bytes; i++) {
            uint32_t pixel = i / (uint32_t)s->channels;
            index[i] = pixel < n ? pixel * (uint32_t)(s->stride_x * s->channels) +
                                       i % (uint32_t)s->channels
                                 : 0;
        }
        LLVMValueRef v = ncr_shuffle(e, LLVMBuildLoad2(e->b, v8, slot, ""), NULL, index, bytes);
        ncr_store_bytes(
            e, v,
            ncr_at(e, p->target, x.index, pixels * s->channels, part ? full * s->channels : 0),
            n * (uint32_t)s->channels);
        ncr_loop_end(e, &x);
    }
}

// Arguments: input, output, constants.
static void body(struct ncr_emit *e, LLVMValueRef f, void *user)
{
    const struct shape *s = user;
    struct pool p = {.s = s, .consts = LLVMGetParam(f, 2)};
    int64_t bytes = 4 * (int64_t)e->family->lanes,
            together =
                bytes < s->channels ? 0 : (bytes - s->channels) / (s->stride_x * s->channels) + 1;
    if (s->mean) p.finish = ncr_finish_open(e, p.consts, s->has_zero, s->clamps);
    struct ncr_loop y = ncr_loop_begin(e, s->height);
    LLVMValueRef first =
        ncr_first_tap(e, y.index, s->stride_y, s->pad_y, s->kh, s->in_height, &p.rows);
    if (s->inside) p.rows = ncr_word(e, s->kh);
    LLVMValueRef line = ncr_at(e, LLVMGetParam(f, 0), first, s->in_row, 0);
    p.target = ncr_at(e, LLVMGetParam(f, 1), y.index, s->out_row, 0);
    if (!s->mean && s->inside && e->permutes && together > 1) {
        p.columns = ncr_word(e, s->kw);
        emit_together(e, &p, line, (uint32_t)together);
    } else {
        LLVMValueRef out = p.target;
        struct ncr_loop x = ncr_loop_begin(e, s->width);
        first = ncr_first_tap(e, x.index, s->stride_x, s->pad_x, s->kw, s->in_width, &p.columns);
        if (s->inside) p.columns = ncr_word(e, s->kw);
        p.window = ncr_at(e, line, first, s->channels, 0);
        p.target = ncr_at(e, out, x.index, s->channels, 0);
        ncr_chunks(e, s->channels, (uint32_t)bytes, chunk, &p);
        ncr_loop_end(e, &x);
    }
    ncr_loop_end(e, &y);
}

void ncr_emit_pool(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    const struct ncr_attrs *a = &node->attrs;
    const struct ncr_pack *p = &e->packs->at[q];
    const struct ncr_buffer *in = &e->plan->buffers[node->in[0]], *out = &e->plan->buffers[q];
    bool inside = a->pad[0] == 0 && a->pad[1] == 0 &&
                  (out->height - 1) * a->stride[0] + a->kernel[0] <= in->height &&
                  (out->width - 1) * a->stride[1] + a->kernel[1] <= in->width;
    struct shape s = {.mean = node->op == NCR_QOP_AVGPOOL,
                      .inside = inside,
                      .single = node->n_channels == 1,
                      .kh = a->kernel[0],
                      .kw = a->kernel[1],
                      .stride_y = a->stride[0],
                      .stride_x = a->stride[1],
                      .pad_y = a->pad[0],
                      .pad_x = a->pad[1],
                      .in_height = in->height,
                      .in_width = in->width,
                      .height = out->height,
                      .width = out->width,
                      .channels = out->channels,
                      .in_row = in->row_bytes,
                      .out_row = out->row_bytes,
                      .scale = p->scale,
                      .has_zero = p->has_zero,
                      .clamps = p->clamps,
                      .table = (int64_t)p->table};
    struct ncr_key key = ncr_key_make("pool", (const int64_t *)&s, sizeof s / sizeof(int64_t));
    LLVMValueRef args[3] = {ncr_tensor(e, node->in[0]), ncr_tensor(e, q), ncr_consts(e, q)};
    ncr_emit_call(e, ncr_kernel(e, key.text, 3, 0, true, body, &s), args, 3);
}
