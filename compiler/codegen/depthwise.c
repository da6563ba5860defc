// Depthwise convolution with one output a channel: blocks of bytes, four taps at a time. Four input
// rows under each other are transposed together, so that two output rows share the work where they
// overlap. With stride 1 a block runs over pixels: channel c of pixel x is byte x·C + c, and a tap
// is another start of the same run of bytes; weights then repeat with the channels.
#include "compiler/codegen/emit.h"

struct shape {                            // all int64_t: it is its own key
    int64_t step_x, step_y, seg_x, seg_y; // bytes between inputs of outputs, and of taps
    int64_t kh, kw, row_groups, tap_rows;
    int64_t height, columns, row; // columns: pixels, or 1 where blocks run over the whole row
    int64_t out_pixel, patterns, scale, has_zero, clamps;
    int64_t bias, mult, round, shift, weights;
    struct ncr_weight_key read;
};

struct depthwise {
    const struct shape *s;
    LLVMValueRef consts, source, target, out_row; // source and target of the row or pixel
    uint32_t rows;                                // output rows at once
    struct ncr_finish finish;
    struct ncr_weight_read read;
    uint32_t cell; // bytes of a group of weights
};

// One group of four input rows from `row` on, for kernel column address `column`.
static void sum_rows(struct ncr_emit *e, struct depthwise *d, LLVMValueRef column,
                     LLVMValueRef w_at, int64_t row, uint32_t taps, LLVMValueRef *slot)
{
    uint32_t bytes = 4 * e->family->lanes;
    LLVMTypeRef v32 = ncr_vec(e->i32, e->family->lanes);
    LLVMValueRef x[4], acc[4];
    for (uint32_t t = 0; t < 4; t++) // taps past the last have weight zero and read the first again
        x[t] = t < taps ? ncr_load(e, ncr_vec(e->i8, bytes),
                                   ncr_at(e, column, NULL, 0, (row + t) * d->s->seg_y), 1)
                        : x[0];
    for (uint32_t r = 0; r < d->rows; r++) {
        for (uint32_t a = 0; a < 4; a++)
            acc[a] = LLVMBuildLoad2(e->b, v32, slot[4 * r + a], "");
        e->family->lowering->taps(e, acc, x, &d->read,
                                  ncr_at(e, w_at, NULL, 0, (int64_t)r * 4 * d->cell));
        for (uint32_t a = 0; a < 4; a++)
            LLVMBuildStore(e->b, acc[a], slot[4 * r + a]);
    }
}

static void sum_block(struct ncr_emit *e, struct depthwise *d, LLVMValueRef from,
                      LLVMValueRef weights, LLVMValueRef *slot)
{
    const struct shape *s = d->s;
    int64_t group = s->tap_rows * 4 * (int64_t)d->cell; // bytes of weights
    uint32_t input_rows = (uint32_t)s->kh + d->rows - 1;
    uint32_t full = input_rows / 4, rest = input_rows % 4;
    bool unroll = s->kw * s->row_groups <= 4 && !e->rolled;
    struct ncr_loop x = ncr_loop_begin(e, unroll ? 1 : s->kw);
    for (int64_t k = 0; k < (unroll ? s->kw : 1); k++) {
        LLVMValueRef column = ncr_at(e, from, x.index, s->seg_x, k * s->seg_x);
        LLVMValueRef w_at =
            ncr_at(e, weights, x.index, s->row_groups * group, k * s->row_groups * group);
        if (full) {
            struct ncr_loop y = ncr_loop_begin(e, full);
            sum_rows(e, d, ncr_at(e, column, y.index, 4 * s->seg_y, 0),
                     ncr_at(e, w_at, y.index, group, 0), 0, 4, slot);
            ncr_loop_end(e, &y);
        }
        if (rest)
            sum_rows(e, d, column, ncr_at(e, w_at, NULL, 0, full * group), 4 * (int64_t)full, rest,
                     slot);
    }
    ncr_loop_end(e, &x);
}

// One block of `n` output bytes at byte `offset` of row or pixel, with the weights of `pattern`.
static void emit_block(struct ncr_emit *e, struct depthwise *d, LLVMValueRef offset,
                       LLVMValueRef pattern, uint32_t n)
{
    const struct shape *s = d->s;
    uint32_t lanes = e->family->lanes;
    LLVMTypeRef v32 = ncr_vec(e->i32, lanes);
    LLVMValueRef slot[8];
    LLVMValueRef at = ncr_at(e, d->consts, pattern, 16 * (int64_t)lanes, 0);
    int64_t all = s->kw * s->row_groups * s->tap_rows * 4 * (int64_t)d->cell;
    LLVMValueRef from = ncr_at(e, d->source, offset, 1, 0),
                 weights = ncr_at(e, d->consts, pattern, all, s->weights);
    bool planes = ncr_weight_planes(e, (enum ncr_weight_pack)s->read.pack);
    for (uint32_t i = 0; i < 4 * d->rows; i++) {
        slot[i] = ncr_local(e, v32);
        if (planes) LLVMBuildStore(e->b, LLVMConstNull(v32), slot[i]);
    }
    if (planes) { // 256 times the sum over the high bytes comes first
        d->read.high = true;
        sum_block(e, d, from, weights, slot);
        d->read.high = false;
    }
    for (uint32_t i = 0; i < 4 * d->rows; i++) {
        LLVMValueRef b = ncr_load(e, v32, ncr_at(e, at, NULL, 0, s->bias + i % 4 * lanes * 4), 4);
        if (planes)
            b = LLVMBuildAdd(e->b, b,
                             LLVMBuildShl(e->b, LLVMBuildLoad2(e->b, v32, slot[i], ""),
                                          ncr_splat_int(e->i32, 8, lanes), ""),
                             "");
        LLVMBuildStore(e->b, b, slot[i]);
    }
    sum_block(e, d, from, weights, slot);
    struct ncr_scale scale[4];
    for (uint32_t a = 0; a < 4; a++) {
        int64_t skip = (int64_t)a * lanes * 4;
        scale[a] = ncr_scale_load(
            e, (enum ncr_scale_kind)s->scale, ncr_at(e, at, NULL, 0, s->mult + skip),
            ncr_at(e, at, NULL, 0, s->round + skip), ncr_at(e, at, NULL, 0, s->shift + skip));
    }
    for (uint32_t r = 0; r < d->rows; r++) {
        LLVMValueRef y[4];
        for (uint32_t a = 0; a < 4; a++)
            y[a] = ncr_rescale(e, LLVMBuildLoad2(e->b, v32, slot[4 * r + a], ""), &scale[a]);
        LLVMValueRef bytes = e->family->lowering->narrow(e, d->finish.head, y, 4, true);
        LLVMValueRef to = ncr_at(e, d->target, offset, 1, 0);
        ncr_store_bytes(e, bytes, r ? ncr_at(e, to, d->out_row, 1, 0) : to, n);
    }
}

// The blocks of a row or pixel: rounds over all patterns, then what is left of a round, then the
// ragged end.
static void emit_blocks(struct ncr_emit *e, struct depthwise *d)
{
    const struct shape *s = d->s;
    int64_t block = 4 * (int64_t)e->family->lanes, full = s->row / block, rest = s->row % block;
    int64_t rounds = full / s->patterns, left = full % s->patterns;
    if (rounds) {
        struct ncr_loop k = ncr_loop_begin(e, rounds);
        struct ncr_loop t = ncr_loop_begin(e, s->patterns);
        LLVMValueRef offset =
            LLVMBuildAdd(e->b, LLVMBuildMul(e->b, k.index, ncr_word(e, s->patterns * block), ""),
                         LLVMBuildMul(e->b, t.index, ncr_word(e, block), ""), "");
        emit_block(e, d, offset, t.index, (uint32_t)block);
        ncr_loop_end(e, &t);
        ncr_loop_end(e, &k);
    }
    if (left) {
        struct ncr_loop t = ncr_loop_begin(e, left);
        LLVMValueRef offset =
            LLVMBuildAdd(e->b, LLVMBuildMul(e->b, t.index, ncr_word(e, block), ""),
                         ncr_word(e, rounds * s->patterns * block), "");
        emit_block(e, d, offset, t.index, (uint32_t)block);
        ncr_loop_end(e, &t);
    }
    if (rest) emit_block(e, d, ncr_word(e, full * block), ncr_word(e, left), (uint32_t)rest);
}

static void body(struct ncr_emit *e, LLVMValueRef f, void *user)
{
    const struct shape *s = user;
    struct depthwise d = {.s = s, .consts = LLVMGetParam(f, 2), .out_row = LLVMGetParam(f, 3)};
    d.finish = ncr_finish_open(e, d.consts, s->has_zero, s->clamps);
    d.read = ncr_weight_read(&s->read);
    d.cell = ncr_cell_bytes(e, &d.read);
    int64_t pairs = s->height / s->tap_rows, odd = s->height % s->tap_rows;
    for (int part = 0; part < 2; part++) {
        int64_t n = part ? odd : pairs;
        if (n == 0) continue;
        d.rows = part ? 1 : (uint32_t)s->tap_rows;
        struct ncr_loop y = ncr_loop_begin(e, n);
        struct ncr_loop x = ncr_loop_begin(e, s->columns);
        int64_t done = part ? pairs * s->tap_rows : 0;
        LLVMValueRef line = LLVMBuildAdd(e->b, LLVMBuildMul(e->b, y.index, ncr_word(e, d.rows), ""),
                                         ncr_word(e, done), "");
        d.source =
            ncr_at(e, ncr_at(e, LLVMGetParam(f, 0), line, s->step_y, 0), x.index, s->step_x, 0);
        d.target =
            ncr_at(e, ncr_at(e, LLVMGetParam(f, 1), LLVMBuildMul(e->b, line, d.out_row, ""), 1, 0),
                   x.index, s->out_pixel, 0);
        emit_blocks(e, &d);
        ncr_loop_end(e, &x);
        ncr_loop_end(e, &y);
    }
}

void ncr_emit_depthwise(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    const struct ncr_attrs *a = &node->attrs;
    const struct ncr_pack *p = &e->packs->at[q];
    const struct ncr_buffer *in = &e->plan->buffers[node->in[0]], *out = &e->plan->buffers[q];
    struct shape s = {.step_x = (int64_t)a->stride[1] * in->channels,
                      .step_y = a->stride[0] * in->row_bytes,
                      .seg_x = (int64_t)a->dilation[1] * in->channels,
                      .seg_y = a->dilation[0] * in->row_bytes,
                      .kh = a->kernel[0],
                      .kw = a->kernel[1],
                      .row_groups = p->row_groups,
                      .tap_rows = p->tap_rows,
                      .height = out->height,
                      .columns = p->flat ? 1 : out->width,
                      .row = p->flat ? (int64_t)out->width * out->channels : out->channels,
                      .out_pixel = out->channels,
                      .patterns = p->patterns,
                      .scale = p->scale,
                      .has_zero = p->has_zero,
                      .clamps = p->clamps,
                      .bias = (int64_t)p->bias,
                      .mult = (int64_t)p->mult,
                      .round = (int64_t)p->round,
                      .shift = (int64_t)p->shift,
                      .weights = (int64_t)p->weights,
                      .read = ncr_weight_key(p->pack, node->form)};
    int64_t corner = -a->pad[0] * in->row_bytes - (int64_t)a->pad[1] * in->channels;
    struct ncr_key key = ncr_key_make("depthwise", (const int64_t *)&s, sizeof s / sizeof(int64_t));
    LLVMValueRef f = ncr_kernel(e, key.text, 3, 1, true, body, &s);
    LLVMValueRef args[4] = {ncr_at(e, ncr_tensor(e, node->in[0]), NULL, 0, corner),
                            ncr_tensor(e, q), ncr_consts(e, q), ncr_word(e, out->row_bytes)};
    ncr_emit_call(e, f, args, 4);
}
