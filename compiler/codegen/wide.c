// Kernels of operators that read or write elements of 16 bits (tables: wide_table.c): products of
// matrices, depthwise convolutions, element by element, concatenation, pools. All of them take
// logical values (bytes that are stored biased are made right as they are loaded) in 32-bit lanes
// of channels, and weigh them with weights of 16 bits.
#include "compiler/codegen/emit.h"

// ---- layout of weights ----

// Machines whose products come in pairs: the two weights of a lane stand together.
static bool in_pairs(const struct ncr_family *family)
{
    return family->lowering == &ncr_lowering_vnni || family->lowering == &ncr_lowering_madd ||
           family->lowering == &ncr_lowering_smlad;
}

static int32_t least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

void ncr_wide_layout(struct ncr_packs *packs, uint32_t q)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    const struct ncr_attrs *a = &node->attrs;
    struct ncr_pack *p = &packs->at[q];
    int32_t in = g->nodes[node->in[0]].shape.dim[0], lanes = (int32_t)packs->family->lanes;
    bool dense = node->op == NCR_QOP_DENSE, depthwise = ncr_is_depthwise(g, node);
    int32_t kh = dense ? 1 : a->kernel[0], kw = dense ? 1 : a->kernel[1];
    p->channel_groups = depthwise || dense ? 1 : node->op == NCR_QOP_DWCONV ? in : a->groups;
    p->row_runs = !depthwise && p->channel_groups == 1 && (dense || a->dilation[1] == 1 || kw == 1);
    p->segments = p->row_runs ? kh : kh * kw;
    p->run_bytes = depthwise ? 1 : p->row_runs ? kw * in : in / p->channel_groups;
    p->groups4 = (p->run_bytes + 1) / 2;
    p->outs = node->n_channels / p->channel_groups;
    p->vectors = (p->outs + lanes - 1) / lanes;
    // Sums in registers: a few vectors of a few pixels.
    int32_t room = (int32_t)packs->family->accumulators;
    if (packs->optimize == NCR_OPTIMIZE_SIZE) room = least(room, 4);
    int32_t across = dense ? room / 2 : room / 4;
    p->tile = (struct ncr_tile){.fold = 1, .merge = 1, .rows = 1, .split = 1};
    p->tile.vectors = (uint32_t)least(p->vectors, across > 1 ? across : 1);
    p->tile.pixels =
        (uint32_t)least(packs->plan->buffers[q].width, room / (int32_t)p->tile.vectors);
}

uint64_t ncr_wide_weight(const struct ncr_packs *packs, uint32_t q, int64_t index)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    const struct ncr_pack *p = &packs->at[q];
    struct ncr_weight_place at = ncr_weight_place_of(node, index);
    int64_t lanes = packs->family->lanes,
            kw = node->op == NCR_QOP_DENSE ? 1 : node->attrs.kernel[1], group = at.o / p->outs,
            o = at.o % p->outs, lane = o % lanes;
    int64_t vector = group * p->vectors + o / lanes;
    if (ncr_is_depthwise(g, node))
        return (uint64_t)((vector * p->segments + at.ky * kw + at.kx) * lanes + lane);
    if (node->op == NCR_QOP_DENSE) at.c = ncr_packs_element(packs, node->in[0], at.c);
    int64_t segment = p->row_runs ? at.ky : at.ky * kw + at.kx,
            pos = p->row_runs ? at.kx * (p->run_bytes / kw) + at.c : at.c,
            cell = (vector * p->segments + segment) * p->groups4 + pos / 2;
    return (uint64_t)(2 * lanes * cell +
                      (in_pairs(packs->family) ? 2 * lane + pos % 2 : pos % 2 * lanes + lane));
}

// ---- elements ----

LLVMValueRef ncr_load_elements(struct ncr_emit *e, LLVMValueRef at, int64_t bytes)
{
    uint32_t n = e->family->lanes;
    LLVMValueRef v = ncr_load(e, ncr_vec(bytes == 2 ? e->i16 : e->i8, n), at, (uint32_t)bytes);
    if (bytes == 1 && e->family->biased)
        v = LLVMBuildXor(e->b, v, ncr_splat_int(e->i8, 0x80, n), "");
    return LLVMBuildSExt(e->b, v, ncr_vec(e->i32, n), "");
}

void ncr_store_elements(struct ncr_emit *e, LLVMValueRef v, LLVMValueRef at, int64_t bytes,
                        uint32_t n)
{
    uint32_t lanes = e->family->lanes;
    v = LLVMBuildTrunc(e->b, v, ncr_vec(bytes == 2 ? e->i16 : e->i8, lanes), "");
    if (bytes == 1) {
        if (e->family->biased) v = LLVMBuildXor(e->b, v, ncr_splat_int(e->i8, 0x80, lanes), "");
        ncr_store_bytes(e, v, at, n);
    } else if (n == lanes) {
        ncr_store(e, v, at, 2);
    } else {
        ncr_store_bytes(e, LLVMBuildBitCast(e->b, v, ncr_vec(e->i8, 2 * lanes), ""), at, 2 * n);
    }
}

// Zero point and clamp of a node, and what is done with them.
struct finish {
    LLVMValueRef head[3];
    int64_t bytes; // of an element
};

static struct finish finish_open(struct ncr_emit *e, LLVMValueRef consts, int64_t bytes)
{
    struct finish f = {.bytes = bytes};
    ncr_plain_open(e, consts, f.head);
    return f;
}

static void finish(struct ncr_emit *e, const struct finish *f, LLVMValueRef r, LLVMValueRef at,
                   uint32_t n)
{
    uint32_t lanes = e->family->lanes;
    LLVMValueRef y = LLVMBuildAdd(e->b, r, ncr_splat(e, f->head[0], lanes), "");
    y = ncr_max(e, y, ncr_splat(e, f->head[1], lanes), true);
    y = ncr_min(e, y, ncr_splat(e, f->head[2], lanes), true);
    ncr_store_elements(e, y, at, f->bytes, n);
}

// ---- products ----

// Two neighbouring elements as halves of a word.
static LLVMValueRef pair(struct ncr_emit *e, LLVMValueRef at, int64_t bytes)
{
    if (bytes == 2) return ncr_load(e, e->i32, at, 2);
    LLVMValueRef v = ncr_load(e, ncr_vec(e->i8, 2), at, 1);
    if (e->family->biased) v = LLVMBuildXor(e->b, v, ncr_splat_int(e->i8, 0x80, 2), "");
    return LLVMBuildBitCast(e->b, LLVMBuildSExt(e->b, v, ncr_vec(e->i16, 2), ""), e->i32, "");
}

// Each lane of acc plus its two products of the pair x with weights of a cell. All of these wrap as
// 32-bit sums do.
static LLVMValueRef dot(struct ncr_emit *e, LLVMValueRef acc, LLVMValueRef x, LLVMValueRef w)
{
    uint32_t lanes = e->family->lanes;
    const struct ncr_lowering *lower = e->family->lowering;
    LLVMTypeRef v32 = ncr_vec(e->i32, lanes);
    if (lower == &ncr_lowering_vnni) {
        LLVMValueRef args[3] = {acc, ncr_splat(e, x, lanes), LLVMBuildBitCast(e->b, w, v32, "")};
        return ncr_intrinsic(
            e, lanes == 16 ? "llvm.x86.avx512.vpdpwssd.512" : "llvm.x86.avx512.vpdpwssd.256", v32,
            args, 3);
    }
    if (lower == &ncr_lowering_madd) {
        LLVMValueRef args[2] = {LLVMBuildBitCast(e->b, ncr_splat(e, x, lanes), LLVMTypeOf(w), ""),
                                w};
        return LLVMBuildAdd(
            e->b, acc,
            ncr_intrinsic(e,
                          lanes == 16 ? "llvm.x86.avx512.pmaddw.d.512" : "llvm.x86.avx2.pmadd.wd",
                          v32, args, 2),
            "");
    }
    if (lower == &ncr_lowering_smlad) {
        LLVMValueRef words = LLVMBuildBitCast(e->b, w, v32, "");
        for (uint32_t i = 0; i < lanes; i++) {
            LLVMValueRef at = ncr_i32(e, i);
            LLVMValueRef args[3] = {x, LLVMBuildExtractElement(e->b, words, at, ""),
                                    LLVMBuildExtractElement(e->b, acc, at, "")};
            acc = LLVMBuildInsertElement(
                e->b, acc, ncr_intrinsic(e, "llvm.arm.smlad", e->i32, args, 3), at, "");
        }
        return acc;
    }
    LLVMValueRef both = LLVMBuildBitCast(e->b, x, ncr_vec(e->i16, 2), "");
    for (uint32_t tap = 0; tap < 2; tap++) {
        uint32_t row[64];
        for (uint32_t i = 0; i < lanes; i++)
            row[i] = tap * lanes + i;
        LLVMValueRef one = LLVMBuildExtractElement(e->b, both, ncr_i32(e, tap), "");
        one = LLVMBuildSExt(e->b, ncr_splat(e, one, lanes), v32, "");
        LLVMValueRef weights = LLVMBuildSExt(e->b, ncr_shuffle(e, w, NULL, row, lanes), v32, "");
        acc = LLVMBuildAdd(e->b, acc, LLVMBuildMul(e->b, one, weights, ""), "");
    }
    return acc;
}

struct shape {                            // all int64_t: it is its own key
    int64_t step_x, step_y, seg_x, seg_y; // bytes between inputs of outputs, and of runs
    int64_t seg_columns, segments, pairs;
    int64_t height, width, out_pixel; // bytes
    int64_t channel_groups, group_in, outs, vectors;
    int64_t tile_vectors, pixels;
    int64_t in_element, out_element, scale;
    int64_t bias, mult, round, shift, weights;
};

struct matmul {
    const struct shape *s;
    LLVMValueRef consts, source, target, weights, channel, out_row; // of the channel group
    struct finish finish;
};

struct tile {
    uint32_t vectors, pixels, last; // last: outputs in the last vector
};

static struct ncr_scale scale_at(struct ncr_emit *e, const struct shape *s, LLVMValueRef at,
                                 int64_t skip)
{
    return ncr_scale_load(e, (enum ncr_scale_kind)s->scale, ncr_at(e, at, NULL, 0, s->mult + skip),
                          ncr_at(e, at, NULL, 0, s->round + skip),
                          ncr_at(e, at, NULL, 0, s->shift + skip));
}

static void emit_tile(struct ncr_emit *e, struct matmul *m, const struct tile *t,
                      LLVMValueRef window, LLVMValueRef target, LLVMValueRef vector)
{
    enum { MOST = 64 };
    const struct shape *s = m->s;
    uint32_t lanes = e->family->lanes;
    LLVMTypeRef v32 = ncr_vec(e->i32, lanes), v16 = ncr_vec(e->i16, 2 * lanes);
    LLVMValueRef slot[MOST], channel = LLVMBuildMul(e->b, vector, ncr_word(e, lanes), "");
    if (t->vectors * t->pixels > MOST) NCR_BUG("a tile of %u sums", t->vectors * t->pixels);
    LLVMValueRef at = ncr_at(e, m->consts, LLVMBuildAdd(e->b, m->channel, channel, ""), 4, 0);
    for (uint32_t v = 0; v < t->vectors; v++) {
        LLVMValueRef b = ncr_load(e, v32, ncr_at(e, at, NULL, 0, s->bias + 4 * v * lanes), 4);
        for (uint32_t p = 0; p < t->pixels; p++) {
            slot[p * t->vectors + v] = ncr_local(e, v32);
            LLVMBuildStore(e->b, b, slot[p * t->vectors + v]);
        }
    }
    int64_t cell = 4 * (int64_t)lanes, run = s->pairs * cell, all = s->segments * run;
    LLVMValueRef w_at = ncr_at(e, m->weights, vector, all, 0);
    struct ncr_loop row = ncr_loop_begin(e, s->segments / s->seg_columns);
    struct ncr_loop column = ncr_loop_begin(e, s->seg_columns);
    LLVMValueRef x_at =
        ncr_at(e, ncr_at(e, window, row.index, s->seg_y, 0), column.index, s->seg_x, 0);
    w_at = ncr_at(e, ncr_at(e, w_at, row.index, s->seg_columns * run, 0), column.index, run, 0);
    struct ncr_loop k = ncr_loop_begin(e, s->pairs);
    x_at = ncr_at(e, x_at, k.index, 2 * s->in_element, 0);
    w_at = ncr_at(e, w_at, k.index, cell, 0);
    LLVMValueRef w[MOST];
    for (uint32_t v = 0; v < t->vectors; v++)
        w[v] = ncr_load(e, v16, ncr_at(e, w_at, NULL, 0, v * all), 4 * lanes);
    for (uint32_t p = 0; p < t->pixels; p++) {
        LLVMValueRef x = pair(e, ncr_at(e, x_at, NULL, 0, p * s->step_x), s->in_element);
        for (uint32_t v = 0; v < t->vectors; v++) {
            LLVMValueRef here = slot[p * t->vectors + v];
            LLVMBuildStore(e->b, dot(e, LLVMBuildLoad2(e->b, v32, here, ""), x, w[v]), here);
        }
    }
    ncr_loop_end(e, &k);
    ncr_loop_end(e, &column);
    ncr_loop_end(e, &row);
    target = ncr_at(e, target, channel, s->out_element, 0);
    for (uint32_t v = 0; v < t->vectors; v++) {
        struct ncr_scale scale = scale_at(e, s, at, 4 * (int64_t)v * lanes);
        for (uint32_t p = 0; p < t->pixels; p++) {
            LLVMValueRef acc = LLVMBuildLoad2(e->b, v32, slot[p * t->vectors + v], "");
            int64_t to = p * s->out_pixel + (int64_t)v * lanes * s->out_element;
            finish(e, &m->finish, ncr_rescale(e, acc, &scale), ncr_at(e, target, NULL, 0, to),
                   v + 1 == t->vectors ? t->last : lanes);
        }
    }
}

// All pixels for the vectors of `t` from `vector` on.
static void emit_plane(struct ncr_emit *e, struct matmul *m, struct tile t, LLVMValueRef vector)
{
    const struct shape *s = m->s;
    struct ncr_loop y = ncr_loop_begin(e, s->height);
    LLVMValueRef from = ncr_at(e, m->source, y.index, s->step_y, 0),
                 to = ncr_at(e, m->target, LLVMBuildMul(e->b, y.index, m->out_row, ""), 1, 0);
    uint32_t pixels = t.pixels;
    int64_t whole = s->width / pixels, rest = s->width % pixels;
    struct ncr_loop x = ncr_loop_begin(e, whole);
    emit_tile(e, m, &t, ncr_at(e, from, x.index, s->step_x * pixels, 0),
              ncr_at(e, to, x.index, s->out_pixel * pixels, 0), vector);
    ncr_loop_end(e, &x);
    t.pixels = (uint32_t)rest;
    if (rest)
        emit_tile(e, m, &t, ncr_at(e, from, NULL, 0, s->step_x * pixels * whole),
                  ncr_at(e, to, NULL, 0, s->out_pixel * pixels * whole), vector);
    ncr_loop_end(e, &y);
}

// Arguments: input, output, constants, bytes of an output row.
static void matmul_body(struct ncr_emit *e, LLVMValueRef f, void *user)
{
    const struct shape *s = user;
    uint32_t lanes = e->family->lanes, last = (uint32_t)(s->outs - (s->vectors - 1) * lanes);
    struct matmul m = {.s = s, .consts = LLVMGetParam(f, 2), .out_row = LLVMGetParam(f, 3)};
    m.finish = finish_open(e, m.consts, s->out_element);
    struct tile t = {(uint32_t)s->tile_vectors, (uint32_t)s->pixels, lanes};
    struct ncr_loop plane = ncr_loop_begin(e, s->channel_groups);
    m.source = ncr_at(e, LLVMGetParam(f, 0), plane.index, s->group_in, 0);
    m.target = ncr_at(e, LLVMGetParam(f, 1), plane.index, s->outs * s->out_element, 0);
    m.weights = ncr_at(e, m.consts, plane.index,
                       s->vectors * s->segments * s->pairs * 4 * (int64_t)lanes, s->weights);
    m.channel = LLVMBuildMul(e->b, plane.index, ncr_word(e, s->vectors * lanes), "");
    int64_t blocks = s->vectors / t.vectors, rest = s->vectors % t.vectors;
    if (!rest && last < lanes) { // the last block stands apart: its last vector is not full
        blocks--;
        rest = t.vectors;
    }
    if (blocks) {
        struct ncr_loop block = ncr_loop_begin(e, blocks);
        emit_plane(e, &m, t, LLVMBuildMul(e->b, block.index, ncr_word(e, t.vectors), ""));
        ncr_loop_end(e, &block);
    }
    LLVMValueRef at = ncr_word(e, blocks * t.vectors);
    t.vectors = (uint32_t)rest;
    t.last = last;
    if (rest) emit_plane(e, &m, t, at);
    ncr_loop_end(e, &plane);
}

// ---- depthwise ----

struct depthwise {
    const struct shape *s;
    LLVMValueRef consts, source, target; // of the pixel
    struct finish finish;
};

static void depthwise_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct depthwise *d = user;
    const struct shape *s = d->s;
    uint32_t lanes = e->family->lanes;
    LLVMTypeRef v32 = ncr_vec(e->i32, lanes), v16 = ncr_vec(e->i16, lanes);
    LLVMValueRef sum = ncr_local(e, v32), at = ncr_at(e, d->consts, offset, 4, 0),
                 w_at = ncr_at(e, d->consts, offset, 2 * s->segments, s->weights);
    LLVMBuildStore(e->b, ncr_load(e, v32, ncr_at(e, at, NULL, 0, s->bias), 4), sum);
    struct ncr_loop row = ncr_loop_begin(e, s->segments / s->seg_columns);
    struct ncr_loop column = ncr_loop_begin(e, s->seg_columns);
    LLVMValueRef x_at =
        ncr_at(e, ncr_at(e, d->source, row.index, s->seg_y, 0), column.index, s->seg_x, 0);
    LLVMValueRef x = ncr_load_elements(e, ncr_at(e, x_at, offset, s->in_element, 0), s->in_element);
    w_at = ncr_at(e, ncr_at(e, w_at, row.index, s->seg_columns * 2 * lanes, 0), column.index,
                  2 * (int64_t)lanes, 0);
    LLVMValueRef w = LLVMBuildSExt(e->b, ncr_load(e, v16, w_at, 2 * lanes), v32, "");
    LLVMBuildStore(
        e->b,
        LLVMBuildAdd(e->b, LLVMBuildLoad2(e->b, v32, sum, ""), LLVMBuildMul(e->b, x, w, ""), ""),
        sum);
    ncr_loop_end(e, &column);
    ncr_loop_end(e, &row);
    struct ncr_scale scale = scale_at(e, s, at, 0);
    finish(e, &d->finish, ncr_rescale(e, LLVMBuildLoad2(e->b, v32, sum, ""), &scale),
           ncr_at(e, d->target, offset, s->out_element, 0), n);
}

static void depthwise_body(struct ncr_emit *e, LLVMValueRef f, void *user)
{
    const struct shape *s = user;
    struct depthwise d = {.s = s, .consts = LLVMGetParam(f, 2)};
    d.finish = finish_open(e, d.consts, s->out_element);
    struct ncr_loop y = ncr_loop_begin(e, s->height);
    struct ncr_loop x = ncr_loop_begin(e, s->width);
    LLVMValueRef line = LLVMBuildMul(e->b, y.index, LLVMGetParam(f, 3), "");
    d.source =
        ncr_at(e, ncr_at(e, LLVMGetParam(f, 0), y.index, s->step_y, 0), x.index, s->step_x, 0);
    d.target = ncr_at(e, ncr_at(e, LLVMGetParam(f, 1), line, 1, 0), x.index, s->out_pixel, 0);
    ncr_chunks(e, s->outs, e->family->lanes, depthwise_chunk, &d);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
}

static void emit_weighted(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    const struct ncr_pack *p = &e->packs->at[q];
    const struct ncr_attrs *a = &node->attrs;
    const struct ncr_buffer *in = &e->plan->buffers[node->in[0]], *out = &e->plan->buffers[q];
    bool dense = node->op == NCR_QOP_DENSE, depthwise = ncr_is_depthwise(e->graph, node);
    int64_t pixel = ncr_buffer_pixel(in), corner = 0;
    struct shape s = {.seg_columns = p->row_runs ? 1 : a->kernel[1],
                      .segments = p->segments,
                      .pairs = p->groups4,
                      .height = out->height,
                      .width = out->width,
                      .out_pixel = ncr_buffer_pixel(out),
                      .channel_groups = p->channel_groups,
                      .group_in = pixel / p->channel_groups,
                      .outs = p->outs,
                      .vectors = p->vectors,
                      .tile_vectors = p->tile.vectors,
                      .pixels = p->tile.pixels,
                      .in_element = in->element,
                      .out_element = out->element,
                      .scale = p->scale,
                      .bias = (int64_t)p->bias,
                      .mult = (int64_t)p->mult,
                      .round = (int64_t)p->round,
                      .shift = (int64_t)p->shift,
                      .weights = (int64_t)p->weights};
    if (dense) { // the images of a batch are pixels
        s.step_x = pixel;
    } else {
        s.step_x = a->stride[1] * pixel;
        s.step_y = a->stride[0] * in->row_bytes;
        s.seg_x = a->dilation[1] * pixel;
        s.seg_y = a->dilation[0] * in->row_bytes;
        corner = -a->pad[0] * in->row_bytes - a->pad[1] * pixel;
    }
    struct ncr_key key = ncr_key_make(depthwise ? "wide_depthwise" : "wide", (const int64_t *)&s,
                                      sizeof s / sizeof(int64_t));
    LLVMValueRef args[4] = {ncr_at(e, ncr_tensor(e, node->in[0]), NULL, 0, corner),
                            ncr_tensor(e, q), ncr_consts(e, q), ncr_word(e, out->row_bytes)};
    LLVMValueRef f =
        ncr_kernel(e, key.text, 3, 1, true, depthwise ? depthwise_body : matmul_body, &s);
    ncr_emit_call(e, f, args, 4);
}

// ---- the others, each in the function of its step ----

struct run {
    uint32_t q, n_in;
    LLVMValueRef consts, *in, out; // of the row or pixel
    LLVMValueRef rows, columns;    // pools: taps inside the image
    bool inside;                   // pools: every tap of every window is in the image
    uint32_t input;                // concatenation: the one at hand
    struct finish finish;
};

static int64_t element_of(const struct ncr_emit *e, uint32_t q)
{
    return e->plan->buffers[q].element;
}

static LLVMValueRef word_at(struct ncr_emit *e, LLVMValueRef at, int64_t offset)
{
    return ncr_splat(e, ncr_load(e, e->i32, ncr_at(e, at, NULL, 0, offset), 4), e->family->lanes);
}

// In place (plan.h): all loads of a chunk stand before its store.
static void elementwise_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct run *r = user;
    const struct ncr_qnode *node = &e->graph->nodes[r->q];
    bool add = node->op == NCR_QOP_ADD;
    LLVMValueRef acc = add ? word_at(e, r->consts, 4 * NCR_HEAD_SUM) : NULL;
    for (uint32_t k = 0; k < r->n_in; k++) {
        int64_t bytes = element_of(e, node->in[k]);
        LLVMValueRef x = ncr_load_elements(e, ncr_at(e, r->in[k], offset, bytes, 0), bytes),
                     v = word_at(e, r->consts, 4 * (NCR_HEAD_IN + (int64_t)k));
        x = add ? LLVMBuildMul(e->b, x, v, "") : LLVMBuildSub(e->b, x, v, "");
        if (add)
            acc = LLVMBuildAdd(e->b, acc, x, "");
        else
            acc = acc ? LLVMBuildMul(e->b, acc, x, "") : x;
    }
    struct ncr_scale scale = ncr_scale_splat(e, e->packs->at[r->q].scale,
                                             ncr_at(e, r->consts, NULL, 0, 4 * NCR_HEAD_SCALE));
    finish(e, &r->finish, ncr_rescale(e, acc, &scale),
           ncr_at(e, r->out, offset, r->finish.bytes, 0), n);
}

static void emit_elementwise(struct ncr_emit *e, struct run *r)
{
    const struct ncr_qnode *node = &e->graph->nodes[r->q];
    const struct ncr_buffer *out = &e->plan->buffers[r->q];
    bool by_pixel = false; // an operand holds one value a channel
    for (uint32_t k = 0; k < r->n_in; k++) {
        const struct ncr_buffer *in = &e->plan->buffers[node->in[k]];
        by_pixel |= in->height != out->height || in->width != out->width;
    }
    struct ncr_loop y = ncr_loop_begin(e, out->height);
    struct ncr_loop x = ncr_loop_begin(e, by_pixel ? out->width : 1);
    r->out = ncr_at(e, ncr_at(e, ncr_tensor(e, r->q), y.index, out->row_bytes, 0), x.index,
                    ncr_buffer_pixel(out), 0);
    for (uint32_t k = 0; k < r->n_in; k++) {
        const struct ncr_buffer *in = &e->plan->buffers[node->in[k]];
        bool whole = in->height == out->height && in->width == out->width;
        r->in[k] = ncr_tensor(e, node->in[k]);
        if (whole)
            r->in[k] = ncr_at(e, ncr_at(e, r->in[k], y.index, in->row_bytes, 0), x.index,
                              ncr_buffer_pixel(in), 0);
    }
    ncr_chunks(e, (int64_t)out->channels * (by_pixel ? 1 : out->width), e->family->lanes,
               elementwise_chunk, r);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
}

static void concat_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct run *r = user;
    int64_t bytes = element_of(e, e->graph->nodes[r->q].in[r->input]);
    LLVMValueRef row =
        ncr_at(e, r->consts, NULL, 0, (int64_t)e->packs->at[r->q].table + 16 * (int64_t)r->input);
    struct ncr_scale scale =
        ncr_scale_splat(e, e->packs->at[r->q].scale, ncr_at(e, row, NULL, 0, 4));
    LLVMValueRef x = ncr_load_elements(e, ncr_at(e, r->in[0], offset, bytes, 0), bytes);
    x = LLVMBuildAdd(e->b, x, word_at(e, row, 0), "");
    finish(e, &r->finish, ncr_rescale(e, x, &scale), ncr_at(e, r->out, offset, r->finish.bytes, 0),
           n);
}

static void emit_concat(struct ncr_emit *e, struct run *r)
{
    const struct ncr_qnode *node = &e->graph->nodes[r->q];
    const struct ncr_buffer *out = &e->plan->buffers[r->q];
    int64_t first = 0;
    for (r->input = 0; r->input < r->n_in; r->input++) {
        const struct ncr_buffer *in = &e->plan->buffers[node->in[r->input]];
        struct ncr_loop y = ncr_loop_begin(e, out->height);
        struct ncr_loop x = ncr_loop_begin(e, out->width);
        r->in[0] =
            ncr_at(e, ncr_at(e, ncr_tensor(e, node->in[r->input]), y.index, in->row_bytes, 0),
                   x.index, ncr_buffer_pixel(in), 0);
        r->out = ncr_at(e, ncr_at(e, ncr_tensor(e, r->q), y.index, out->row_bytes, 0), x.index,
                        ncr_buffer_pixel(out), first * out->element);
        ncr_chunks(e, in->channels, e->family->lanes, concat_chunk, r);
        ncr_loop_end(e, &x);
        ncr_loop_end(e, &y);
        first += in->channels;
    }
}

enum { UNROLL = 9 };

static void take_tap(struct ncr_emit *e, LLVMValueRef at, int64_t bytes, bool mean,
                     LLVMValueRef slot)
{
    LLVMValueRef old = LLVMBuildLoad2(e->b, ncr_vec(e->i32, e->family->lanes), slot, ""),
                 v = ncr_load_elements(e, at, bytes);
    LLVMBuildStore(e->b, mean ? LLVMBuildAdd(e->b, old, v, "") : ncr_max(e, old, v, true), slot);
}

static void pool_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct run *r = user;
    const struct ncr_qnode *node = &e->graph->nodes[r->q];
    const struct ncr_buffer *in = &e->plan->buffers[node->in[0]];
    const struct ncr_attrs *a = &node->attrs;
    bool mean = node->op == NCR_QOP_AVGPOOL;
    uint32_t lanes = e->family->lanes;
    LLVMTypeRef v32 = ncr_vec(e->i32, lanes);
    LLVMValueRef slot = ncr_local(e, v32), from = ncr_at(e, r->in[0], offset, in->element, 0),
                 to = ncr_at(e, r->out, offset, r->finish.bytes, 0);
    LLVMBuildStore(e->b, ncr_splat_int(e->i32, mean ? 0 : INT16_MIN, lanes), slot);
    if (r->inside && a->kernel[0] * a->kernel[1] <= UNROLL) {
        for (int32_t y = 0; y < a->kernel[0]; y++)
            for (int32_t x = 0; x < a->kernel[1]; x++)
                take_tap(e, ncr_at(e, from, NULL, 0, y * in->row_bytes + x * ncr_buffer_pixel(in)),
                         in->element, mean, slot);
    } else {
        struct ncr_tap_loop y = ncr_taps_begin(e, r->rows);
        struct ncr_tap_loop x = ncr_taps_begin(e, r->columns);
        take_tap(
            e,
            ncr_at(e, ncr_at(e, from, y.index, in->row_bytes, 0), x.index, ncr_buffer_pixel(in), 0),
            in->element, mean, slot);
        ncr_taps_end(e, &x);
        ncr_taps_end(e, &y);
    }
    LLVMValueRef v = LLVMBuildLoad2(e->b, v32, slot, "");
    if (!mean) {
        ncr_store_elements(e, v, to, r->finish.bytes, n);
        return;
    }
    // A row of the table for each number of taps, as in pool.c.
    LLVMValueRef count = LLVMBuildMul(e->b, r->rows, r->columns, ""),
                 k = node->n_channels == 1 ? ncr_word(e, 0)
                                           : LLVMBuildSub(e->b, count, ncr_word(e, 1), ""),
                 row = ncr_at(e, r->consts, k, 16, (int64_t)e->packs->at[r->q].table);
    struct ncr_scale scale =
        ncr_scale_splat(e, e->packs->at[r->q].scale, ncr_at(e, row, NULL, 0, 4));
    v = LLVMBuildAdd(e->b, v, word_at(e, row, 0), "");
    finish(e, &r->finish, ncr_rescale(e, v, &scale), to, n);
}

static void emit_pool(struct ncr_emit *e, struct run *r)
{
    const struct ncr_qnode *node = &e->graph->nodes[r->q];
    const struct ncr_attrs *a = &node->attrs;
    const struct ncr_buffer *in = &e->plan->buffers[node->in[0]], *out = &e->plan->buffers[r->q];
    r->inside = a->pad[0] == 0 && a->pad[1] == 0 &&
                (out->height - 1) * a->stride[0] + a->kernel[0] <= in->height &&
                (out->width - 1) * a->stride[1] + a->kernel[1] <= in->width;
    struct ncr_loop y = ncr_loop_begin(e, out->height);
    LLVMValueRef first =
        ncr_first_tap(e, y.index, a->stride[0], a->pad[0], a->kernel[0], in->height, &r->rows);
    LLVMValueRef line = ncr_at(e, ncr_tensor(e, node->in[0]), first, in->row_bytes, 0),
                 to = ncr_at(e, ncr_tensor(e, r->q), y.index, out->row_bytes, 0);
    struct ncr_loop x = ncr_loop_begin(e, out->width);
    first =
        ncr_first_tap(e, x.index, a->stride[1], a->pad[1], a->kernel[1], in->width, &r->columns);
    r->in[0] = ncr_at(e, line, first, ncr_buffer_pixel(in), 0);
    r->out = ncr_at(e, to, x.index, ncr_buffer_pixel(out), 0);
    ncr_chunks(e, out->channels, e->family->lanes, pool_chunk, r);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
}

void ncr_emit_wide(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    if (node->n_weights) {
        emit_weighted(e, q);
        return;
    }
    struct run r = {.q = q, .n_in = node->n_in, .consts = ncr_consts(e, q)};
    r.in = NCR_NEW_N(e->scratch, LLVMValueRef, node->n_in);
    r.finish = finish_open(e, r.consts, element_of(e, q));
    switch ((int)node->op) {
    case NCR_QOP_ADD:
    case NCR_QOP_MUL: emit_elementwise(e, &r); break;
    case NCR_QOP_CONCAT: emit_concat(e, &r); break;
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_AVGPOOL: emit_pool(e, &r); break;
    case NCR_QOP_LUT: ncr_emit_wide_lut(e, q); break;
    case NCR_QOP_SOFTMAX: ncr_emit_wide_softmax(e, q); break;
    default: NCR_BUG("%s of 16 bits", ncr_qop_name(node->op));
    }
}
