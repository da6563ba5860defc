// Convolution and dense layers: tiles of rows x pixels x vectors of output channels, summed in
// registers over groups of four input bytes; requantised, clamped and narrowed before they leave
// the registers. What is fused (plan.h) happens there too: of a pooling window the largest sum is
// requantised alone, which is the largest result, since no multiplier is negative; an ADD takes the
// results before they are narrowed.
#include "compiler/codegen/matmul.h"

enum { MAX_BODY = 128 };

static uint32_t accumulators(const struct ncr_matmul_tile *t)
{
    return t->rows * t->pixels * t->vectors;
}

// `n` groups from the one at `from` (input) and `w_at` (weights) on, onto acc.
static void sum_groups(struct ncr_matmul *m, const struct ncr_matmul_tile *t, LLVMValueRef from,
                       LLVMValueRef w_at, uint32_t n, uint32_t taps, LLVMValueRef *slot)
{
    struct ncr_emit *e = m->e;
    const struct ncr_lowering *lower = e->family->lowering;
    uint32_t cell = m->cell, count = accumulators(t);
    LLVMTypeRef v32 = ncr_vec(e->i32, e->family->lanes);
    LLVMValueRef acc[NCR_MATMUL_SUMS], w[8];
    for (uint32_t i = 0; i < count * (uint32_t)m->s->split; i++)
        acc[i] = LLVMBuildLoad2(e->b, v32, slot[i], "");
    if (lower->group) {
        LLVMValueRef pixel[NCR_MATMUL_SUMS];
        for (uint32_t g = 0; g < n; g++) {
            for (uint32_t i = 0; i < t->rows * t->pixels; i++)
                pixel[i] =
                    ncr_at(e, from, NULL, 0,
                           i / t->pixels * m->s->step_y + i % t->pixels * m->s->step_x + 4 * g);
            lower->group(e, &m->read, acc + g % (uint32_t)m->s->split * count, pixel,
                         t->rows * t->pixels, ncr_at(e, w_at, NULL, 0, g * t->vectors * cell),
                         t->vectors, taps);
        }
    } else if (n * t->vectors <= 6 && m->s->split == 1) {
        for (uint32_t k = 0; k < n * t->vectors; k++)
            w[k] = lower->weights(e, &m->read, ncr_at(e, w_at, NULL, 0, k * cell));
        for (uint32_t r = 0; r < t->rows; r++)
            for (uint32_t x = 0; x < t->pixels; x++)
                for (uint32_t g = 0; g < n; g++) {
                    LLVMValueRef *a = acc + (r * t->pixels + x) * t->vectors;
                    LLVMValueRef in = lower->input(
                        e, ncr_at(e, from, NULL, 0, r * m->s->step_y + x * m->s->step_x + 4 * g));
                    for (uint32_t v = 0; v < t->vectors; v++, a++)
                        *a = lower->dot4(e, *a, in, w[g * t->vectors + v]);
                }
    } else
        for (uint32_t g = 0; g < n; g++) {
            LLVMValueRef *a = acc + g % (uint32_t)m->s->split * count;
            for (uint32_t v = 0; v < t->vectors; v++)
                w[v] = lower->weights(e, &m->read,
                                      ncr_at(e, w_at, NULL, 0, (g * t->vectors + v) * cell));
            for (uint32_t r = 0; r < t->rows; r++)
                for (uint32_t x = 0; x < t->pixels; x++) {
                    LLVMValueRef in = lower->input(
                        e, ncr_at(e, from, NULL, 0, r * m->s->step_y + x * m->s->step_x + 4 * g));
                    for (uint32_t v = 0; v < t->vectors; v++, a++)
                        *a = lower->dot4(e, *a, in, w[v]);
                }
        }
    for (uint32_t i = 0; i < count * (uint32_t)m->s->split; i++)
        LLVMBuildStore(e->b, acc[i], slot[i]);
}

// How many groups one iteration takes: a divisor of all groups where there is a good one. Not so
// many that a pixel needs an input again which another one has loaded groups before: it would be
// kept in a register for so long, and registers are full. One by one where
// nothing is unrolled (ncr_tile_rolled).
static uint32_t groups_at_once(const struct ncr_matmul *m, const struct ncr_matmul_tile *t)
{
    const struct ncr_matmul_shape *s = m->s;
    if (m->e->rolled) return 1;
    uint32_t most = MAX_BODY / accumulators(t), best = 1;
    if (most < 1) most = 1;
    if (most > 8) most = 8;
    int64_t period = s->step_x % 4 == 0   ? s->step_x / 4
                     : s->step_x % 2 == 0 ? s->step_x / 2
                                          : s->step_x;
    if (t->pixels > 1 && period >= 3 && period < most) most = (uint32_t)period;
    if (s->groups4 <= most) return (uint32_t)s->groups4;
    for (uint32_t n = 2; n <= most; n++)
        if (s->groups4 % n == 0) best = n;
    if (2 * best > most || best >= s->split * 2) return best;
    return most >= 4 ? 4 : most; // and a rest
}

// Sums over all groups of one tile. K is never unrolled as a whole.
static void sum_tile(struct ncr_matmul *m, const struct ncr_matmul_tile *t, LLVMValueRef window,
                     LLVMValueRef weights, LLVMValueRef *slot)
{
    struct ncr_emit *e = m->e;
    const struct ncr_matmul_shape *s = m->s;
    int64_t group = (int64_t)t->vectors * m->cell, run = s->groups4 * group;
    uint32_t once = groups_at_once(m, t), rest = (uint32_t)(s->groups4 % once);
    if (s->taps < 4) rest = 1; // one by one
    struct ncr_loop sy = ncr_loop_begin(e, s->segments / s->seg_columns);
    struct ncr_loop sx = ncr_loop_begin(e, s->seg_columns);
    LLVMValueRef from = ncr_at(e, ncr_at(e, window, sy.index, s->seg_y, 0), sx.index, s->seg_x, 0);
    LLVMValueRef w_at =
        ncr_at(e, ncr_at(e, weights, sy.index, s->seg_columns * run, 0), sx.index, run, 0);
    if (s->groups4 > rest) {
        struct ncr_loop g = ncr_loop_begin(e, (s->groups4 - rest) / once);
        sum_groups(m, t, ncr_at(e, from, g.index, 4 * (int64_t)once, 0),
                   ncr_at(e, w_at, g.index, group * once, 0), once, 4, slot);
        ncr_loop_end(e, &g);
    }
    if (rest) {
        int64_t done = s->groups4 - rest;
        sum_groups(m, t, ncr_at(e, from, NULL, 0, 4 * done), ncr_at(e, w_at, NULL, 0, group * done),
                   rest, (uint32_t)s->taps, slot);
    }
    ncr_loop_end(e, &sx);
    ncr_loop_end(e, &sy);
}

// The sums of a tile, with the biases at `bias`.
static void sum_results(struct ncr_matmul *m, const struct ncr_matmul_tile *t, LLVMValueRef window,
                        LLVMValueRef weights, LLVMValueRef bias, LLVMValueRef *slot,
                        LLVMValueRef *r)
{
    struct ncr_emit *e = m->e;
    const struct ncr_matmul_shape *s = m->s;
    uint32_t lanes = e->family->lanes, count = accumulators(t);
    LLVMTypeRef v32 = ncr_vec(e->i32, lanes);
    bool planes = ncr_weight_planes(e, (enum ncr_weight_pack)s->read.pack);
    for (uint32_t i = planes ? 0 : count; i < count * (uint32_t)s->split; i++)
        LLVMBuildStore(e->b, LLVMConstNull(v32), slot[i]);
    if (planes) { // 256 times the sum over the high bytes comes first
        m->read.high = true;
        sum_tile(m, t, window, weights, slot);
        m->read.high = false;
        for (uint32_t i = 0; i < count * (uint32_t)s->split; i++)
            LLVMBuildStore(e->b,
                           LLVMBuildShl(e->b, LLVMBuildLoad2(e->b, v32, slot[i], ""),
                                        ncr_splat_int(e->i32, 8, lanes), ""),
                           slot[i]);
    }
    for (uint32_t v = 0; v < t->vectors; v++) {
        LLVMValueRef b = ncr_load(e, v32, ncr_at(e, bias, NULL, 0, v * lanes * 4), 4);
        for (uint32_t i = v; i < count; i += t->vectors)
            LLVMBuildStore(
                e->b,
                planes ? LLVMBuildAdd(e->b, LLVMBuildLoad2(e->b, v32, slot[i], ""), b, "") : b,
                slot[i]);
    }
    sum_tile(m, t, window, weights, slot);
    for (uint32_t i = 0; i < count; i++) {
        r[i] = LLVMBuildLoad2(e->b, v32, slot[i], "");
        for (uint32_t k = 1; k < s->split; k++)
            r[i] = LLVMBuildAdd(e->b, r[i], LLVMBuildLoad2(e->b, v32, slot[k * count + i], ""), "");
    }
}

// Of each pooling window the largest sum.
static void sum_windows(struct ncr_matmul *m, const struct ncr_matmul_tile *t, LLVMValueRef window,
                        LLVMValueRef weights, LLVMValueRef bias, LLVMValueRef *slot,
                        LLVMValueRef *r)
{
    struct ncr_emit *e = m->e;
    const struct ncr_matmul_shape *s = m->s;
    uint32_t lanes = e->family->lanes, count = accumulators(t);
    LLVMTypeRef v32 = ncr_vec(e->i32, lanes);
    LLVMValueRef largest[NCR_MATMUL_SUMS];
    for (uint32_t i = 0; i < count; i++) {
        largest[i] = ncr_local(e, v32);
        LLVMBuildStore(e->b, ncr_splat_int(e->i32, INT32_MIN, lanes), largest[i]);
    }
    struct ncr_loop y = ncr_loop_begin(e, s->pool_y), x = ncr_loop_begin(e, s->pool_x);
    sum_results(m, t, ncr_at(e, ncr_at(e, window, y.index, s->tap_y, 0), x.index, s->tap_x, 0),
                weights, bias, slot, r);
    for (uint32_t i = 0; i < count; i++)
        LLVMBuildStore(e->b, ncr_max(e, LLVMBuildLoad2(e->b, v32, largest[i], ""), r[i], true),
                       largest[i]);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
    for (uint32_t i = 0; i < count; i++)
        r[i] = LLVMBuildLoad2(e->b, v32, largest[i], "");
}

// One tile: `window` is the first input byte of its first output, `target` that output's first
// byte, `vector` the first vector (a word); `last` lanes of its last vector are outputs.
static void emit_tile(struct ncr_matmul *m, const struct ncr_matmul_tile *t, LLVMValueRef window,
                      struct ncr_place target, LLVMValueRef vector, uint32_t last)
{
    struct ncr_emit *e = m->e;
    const struct ncr_matmul_shape *s = m->s;
    uint32_t lanes = e->family->lanes, count = accumulators(t);
    LLVMTypeRef v32 = ncr_vec(e->i32, lanes);
    LLVMValueRef slot[NCR_MATMUL_SUMS], r[NCR_MATMUL_SUMS];
    for (uint32_t i = 0; i < count * (uint32_t)s->split; i++)
        slot[i] = ncr_local(e, v32);
    LLVMValueRef weights = ncr_at(e, m->weights, vector, s->segments * s->groups4 * m->cell, 0);
    LLVMValueRef channel =
        LLVMBuildAdd(e->b, m->channel, LLVMBuildMul(e->b, vector, ncr_word(e, lanes), ""), "");
    LLVMValueRef at = ncr_at(e, m->consts, channel, 4, 0);
    (s->pool_y * s->pool_x > 1 ? sum_windows : sum_results)(
        m, t, window, weights, ncr_at(e, at, NULL, 0, s->bias), slot, r);
    for (uint32_t v = 0; v < t->vectors; v++) {
        int64_t skip = (int64_t)v * lanes * 4;
        struct ncr_scale scale = ncr_scale_load(
            e, (enum ncr_scale_kind)s->scale, ncr_at(e, at, NULL, 0, s->mult + skip),
            ncr_at(e, at, NULL, 0, s->round + skip), ncr_at(e, at, NULL, 0, s->shift + skip));
        for (uint32_t i = v; i < count; i += t->vectors)
            r[i] = ncr_rescale(e, r[i], &scale);
    }
    struct ncr_place to = ncr_place_at(m, target, vector, lanes, 0);
    for (uint32_t row = 0; row < t->rows; row++)
        ncr_matmul_store(m, t, r + row * t->pixels * t->vectors,
                         row ? ncr_place_down(m, to, ncr_word(e, row)) : to, last);
}

// All rows of tiles for the vectors of `t` from `vector` on.
static void emit_plane(struct ncr_matmul *m, struct ncr_matmul_tile t, LLVMValueRef vector,
                       uint32_t last)
{
    struct ncr_emit *e = m->e;
    const struct ncr_matmul_shape *s = m->s;
    uint32_t rows = t.rows, pixels = t.pixels;
    if (s->amx) {
        ncr_matmul_amx(m, t, vector, last);
        return;
    }
    for (int y_part = 0; y_part < 2; y_part++) {
        int64_t full = s->height / rows * rows, ny = y_part ? s->height - full : full;
        if (ny == 0) continue;
        t.rows = y_part ? (uint32_t)ny : rows;
        struct ncr_loop y = ncr_loop_begin(e, y_part ? 1 : full / rows);
        LLVMValueRef first = y_part ? ncr_word(e, full)
                                    : LLVMBuildMul(e->b, y.index, ncr_word(e, rows), ""),
                     from = ncr_at(e, m->source, first, s->step_y, 0);
        struct ncr_place to = ncr_place_down(m, m->target, first);
        for (int x_part = 0; x_part < 2; x_part++) {
            int64_t across = s->width / pixels * pixels, nx = x_part ? s->width - across : across;
            if (nx == 0) continue;
            t.pixels = x_part ? (uint32_t)nx : pixels;
            struct ncr_loop x = ncr_loop_begin(e, x_part ? 1 : across / pixels);
            emit_tile(m, &t,
                      ncr_at(e, from, x.index, s->step_x * pixels, x_part ? across * s->step_x : 0),
                      ncr_place_at(m, to, x.index, s->out_pixel * pixels,
                                   x_part ? across * s->out_pixel : 0),
                      vector, last);
            ncr_loop_end(e, &x);
        }
        ncr_loop_end(e, &y);
    }
}

// Arguments: input, output, constants; with `sum` the other tensor and the ADD's constants; bytes
// of an output row, and of one of the other tensor.
static void body(struct ncr_emit *e, LLVMValueRef f, void *user)
{
    const struct ncr_matmul_shape *s = user;
    struct ncr_matmul m = {.e = e, .s = s};
    struct ncr_place target = {LLVMGetParam(f, 1), s->sum ? LLVMGetParam(f, 3) : NULL};
    m.consts = LLVMGetParam(f, 2);
    m.out_row = LLVMGetParam(f, s->sum ? 5 : 3);
    if (s->sum) {
        LLVMValueRef consts = LLVMGetParam(f, 4);
        m.other_row = LLVMGetParam(f, 6);
        m.residual = ncr_residual_open(e, s, m.consts, consts);
        m.finish = ncr_finish_open(e, consts, s->sum_has_zero, s->sum_clamps);
    } else {
        m.finish = ncr_finish_open(e, m.consts, s->has_zero, s->clamps);
    }
    m.read = ncr_weight_read(&s->read);
    m.cell = ncr_cell_bytes(e, &m.read);
    uint32_t lanes = e->family->lanes, last = (uint32_t)(s->outs - (s->vectors - 1) * lanes);
    struct ncr_matmul_tile t = {(uint32_t)s->rows, (uint32_t)s->pixels, (uint32_t)s->tile_vectors};
    if (s->amx) {
        bool pools = s->pool_y * s->pool_x > 1;
        m.amx = (struct ncr_amx){.pixels = t.pixels,
                                 .rows = pools ? (uint32_t)(s->pool_y * s->pool_x) : t.rows,
                                 .tap_columns = pools ? s->pool_x : 0,
                                 .tap_y = s->tap_y,
                                 .tap_x = s->tap_x,
                                 .vectors = t.vectors,
                                 .step_x = s->step_x,
                                 .step_y = s->step_y,
                                 .seg_x = s->seg_x,
                                 .seg_y = s->seg_y,
                                 .seg_columns = s->seg_columns,
                                 .segments = s->segments,
                                 .groups4 = s->groups4};
        ncr_amx_open(e, &m.amx);
    }
    struct ncr_loop plane = ncr_loop_begin(e, s->channel_groups);
    m.source = ncr_at(e, LLVMGetParam(f, 0), plane.index, s->group_in, 0);
    m.target = ncr_place_at(&m, target, plane.index, s->outs, 0);
    m.weights = ncr_at(e, m.consts, plane.index, s->vectors * s->segments * s->groups4 * m.cell,
                       s->weights);
    m.channel = LLVMBuildMul(e->b, plane.index, ncr_word(e, s->vectors * lanes), "");
    int64_t blocks = s->vectors / s->tile_vectors, rest = s->vectors % s->tile_vectors;
    // The last block stands apart where its last vector is not full.
    bool apart = rest == 0 && last < lanes && blocks > 1;
    if (apart) blocks--;
    struct ncr_loop block = ncr_loop_begin(e, blocks);
    emit_plane(&m, t, LLVMBuildMul(e->b, block.index, ncr_word(e, s->tile_vectors), ""),
               rest || apart ? lanes : last);
    ncr_loop_end(e, &block);
    if (rest || apart) {
        t.vectors = (uint32_t)(rest ? rest : s->tile_vectors);
        emit_plane(&m, t, ncr_word(e, blocks * s->tile_vectors), last);
    }
    ncr_loop_end(e, &plane);
    if (s->amx) ncr_amx_close(e);
}

void ncr_emit_matmul(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    const struct ncr_pack *p = &e->packs->at[q];
    const struct ncr_attrs *a = &node->attrs;
    const struct ncr_fusion *fusion = &p->fusion;
    uint32_t stored = ncr_plan_stored_as(e->plan, q);
    const struct ncr_buffer *in = &e->plan->buffers[node->in[0]], *out = &e->plan->buffers[stored];
    bool dense = node->op == NCR_QOP_DENSE;
    int64_t fold = p->tile.fold, kw = (dense ? 1 : a->kernel[1]) + (fold - 1) * fusion->stride[1];
    struct ncr_matmul_shape s = {.seg_columns = p->row_runs ? 1 : kw,
                                 .segments = p->segments,
                                 .groups4 = p->groups4,
                                 .height = out->height,
                                 .width = out->width / fold,
                                 .out_pixel = ncr_buffer_pixel(out) * fold,
                                 .channel_groups = p->channel_groups,
                                 .group_in = in->channels / p->channel_groups,
                                 .outs = p->outs,
                                 .vectors = p->vectors,
                                 .tile_vectors = p->tile.vectors,
                                 .pixels = p->tile.pixels,
                                 .rows = p->tile.rows,
                                 .split = p->tile.split,
                                 .amx = p->tile.amx,
                                 .taps = 4,
                                 .scale = p->scale,
                                 .has_zero = p->has_zero,
                                 .clamps = p->clamps,
                                 .bias = (int64_t)p->bias,
                                 .mult = (int64_t)p->mult,
                                 .round = (int64_t)p->round,
                                 .shift = (int64_t)p->shift,
                                 .weights = (int64_t)p->weights,
                                 .read = ncr_weight_key(p->pack, node->form),
                                 .pool_y = fusion->pool[0],
                                 .pool_x = fusion->pool[1]};
    // Products with the zeros behind a run are left out where they are many: the last group is code
    // of its own then.
    if (e->family->lowering->group && (4 * p->groups4 - p->run_bytes) * 8 >= 4 * p->groups4)
        s.taps = p->run_bytes - 4 * (p->groups4 - 1);
    int64_t corner = 0;
    if (dense) { // the images of a batch are pixels
        s.step_x = in->channels;
    } else {
        s.step_x = fold * fusion->stride[1] * in->channels;
        s.step_y = fusion->stride[0] * in->row_bytes;
        s.tap_x = (int64_t)a->stride[1] * in->channels;
        s.tap_y = a->stride[0] * in->row_bytes;
        s.seg_x = (int64_t)a->dilation[1] * in->channels;
        s.seg_y = a->dilation[0] * in->row_bytes;
        corner = -a->pad[0] * in->row_bytes - (int64_t)a->pad[1] * in->channels;
    }
    if (ncr_is_pointwise(e->plan, q)) {
        s.width *= s.height;
        s.height = 1;
    }
    LLVMValueRef args[7] = {ncr_at(e, ncr_tensor(e, node->in[0]), NULL, 0, corner),
                            ncr_tensor(e, stored), ncr_consts(e, q), ncr_word(e, out->row_bytes)};
    bool sum = fusion->sum != NCR_PLAN_OWN;
    if (sum) {
        const struct ncr_pack *to = &e->packs->at[stored];
        s.sum = 1 + (e->graph->nodes[stored].in[1] == q);
        s.sum_scale = to->scale;
        s.sum_has_zero = to->has_zero;
        s.sum_clamps = to->clamps;
        args[5] = args[3];
        args[3] = ncr_tensor(e, fusion->other);
        args[4] = ncr_consts(e, stored);
        args[6] = ncr_word(e, e->plan->buffers[fusion->other].row_bytes);
    }
    struct ncr_key key =
        ncr_key_make(dense ? "dense" : "conv", (const int64_t *)&s, sizeof s / sizeof(int64_t));
    // A sum may be in place of the other tensor.
    LLVMValueRef f = ncr_kernel(e, key.text, sum ? 5 : 3, sum ? 2 : 1, !sum, body, &s);
    ncr_emit_call(e, f, args, sum ? 7 : 4);
}
