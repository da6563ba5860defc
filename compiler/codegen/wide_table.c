// Tables that read or give elements of 16 bits: functions of one variable (lut.h) in vectors, and
// softmax (softmax.h) element by element.
#include "compiler/codegen/emit.h"
#include "compiler/quant/lut.h"
#include "compiler/quant/softmax.h"

// ---- functions of one variable ----

struct shape { // all int64_t: it is its own key
    int64_t height, columns, row;
    int64_t in_row, in_pixel, out_row, out_pixel;
    int64_t in_element, out_element;
    int64_t in_bits, step, fraction; // of lut.h; zeros where bytes are read
};

struct run {
    const struct shape *s;
    LLVMValueRef in, out, table; // in, out: of the row or pixel
};

// Of each lane `bytes` from entry index[lane] of the table on.
static LLVMValueRef gather(struct ncr_emit *e, LLVMValueRef table, LLVMValueRef index,
                           LLVMTypeRef type)
{
    uint32_t lanes = e->family->lanes;
    LLVMValueRef out = LLVMGetPoison(ncr_vec(type, lanes));
    for (uint32_t i = 0; i < lanes; i++) {
        LLVMValueRef lane = ncr_i32(e, i), at = LLVMBuildExtractElement(e->b, index, lane, "");
        at = ncr_at(e, table, LLVMBuildZExtOrBitCast(e->b, at, e->word, ""), 2, 0);
        out = LLVMBuildInsertElement(e->b, out, ncr_load(e, type, at, 2), lane, "");
    }
    return out;
}

// Entry i and the one after it are the halves of a word.
static LLVMValueRef interpolate(struct ncr_emit *e, const struct run *r, LLVMValueRef x)
{
    const struct shape *s = r->s;
    uint32_t n = e->family->lanes;
    int64_t end = INT64_C(1) << (s->in_bits - 1), shift = s->step + s->fraction;
    if (s->in_bits < 16) {
        x = ncr_max(e, x, ncr_splat_int(e->i32, -end, n), true);
        x = ncr_min(e, x, ncr_splat_int(e->i32, end - 1, n), true);
    }
    LLVMValueRef u = LLVMBuildAdd(e->b, x, ncr_splat_int(e->i32, end, n), ""),
                 by = ncr_splat_int(e->i32, s->step, n), half = ncr_splat_int(e->i32, 16, n);
    LLVMValueRef both = gather(e, r->table, LLVMBuildLShr(e->b, u, by, ""), e->i32);
    LLVMValueRef next = LLVMBuildAShr(e->b, both, half, ""),
                 at = LLVMBuildAShr(e->b, LLVMBuildShl(e->b, both, half, ""), half, ""),
                 t = LLVMBuildAnd(e->b, u, ncr_splat_int(e->i32, (1 << s->step) - 1, n), "");
    LLVMValueRef y = LLVMBuildMul(e->b, LLVMBuildSub(e->b, next, at, ""), t, "");
    y = LLVMBuildAdd(e->b, y, LLVMBuildShl(e->b, at, by, ""), "");
    y = LLVMBuildAdd(e->b, y, ncr_splat_int(e->i32, (1 << shift) >> 1, n), "");
    return LLVMBuildAShr(e->b, y, ncr_splat_int(e->i32, shift, n), "");
}

// In place (plan.h): all loads of a chunk stand before its store.
static void lut_chunk(struct ncr_emit *e, LLVMValueRef offset, uint32_t n, void *user)
{
    const struct run *r = user;
    const struct shape *s = r->s;
    uint32_t lanes = e->family->lanes;
    LLVMTypeRef v32 = ncr_vec(e->i32, lanes);
    LLVMValueRef from = ncr_at(e, r->in, offset, s->in_element, 0), y;
    if (s->in_element == 1) { // by the stored byte
        LLVMValueRef x = ncr_load(e, ncr_vec(e->i8, lanes), from, 1);
        y = LLVMBuildSExt(e->b, gather(e, r->table, LLVMBuildZExt(e->b, x, v32, ""), e->i16), v32,
                          "");
    } else {
        y = interpolate(e, r, ncr_load_elements(e, from, s->in_element));
    }
    ncr_store_elements(e, y, ncr_at(e, r->out, offset, s->out_element, 0), s->out_element, n);
}

// Arguments: input, output, table.
static void lut_body(struct ncr_emit *e, LLVMValueRef f, void *user)
{
    const struct shape *s = user;
    struct run r = {.s = s, .table = LLVMGetParam(f, 2)};
    struct ncr_loop y = ncr_loop_begin(e, s->height);
    struct ncr_loop x = ncr_loop_begin(e, s->columns);
    r.in = ncr_at(e, ncr_at(e, LLVMGetParam(f, 0), y.index, s->in_row, 0), x.index, s->in_pixel, 0);
    r.out =
        ncr_at(e, ncr_at(e, LLVMGetParam(f, 1), y.index, s->out_row, 0), x.index, s->out_pixel, 0);
    ncr_chunks(e, s->row, e->family->lanes, lut_chunk, &r);
    ncr_loop_end(e, &x);
    ncr_loop_end(e, &y);
}

static LLVMValueRef table_of(struct ncr_emit *e, uint32_t q)
{
    return ncr_at(e, ncr_consts(e, q), NULL, 0, (int64_t)e->packs->at[q].table);
}

void ncr_emit_wide_lut(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q], *input = &e->graph->nodes[node->in[0]];
    const struct ncr_buffer *in = &e->plan->buffers[node->in[0]], *out = &e->plan->buffers[q];
    bool curve = input->bits > 8;
    struct shape s = {.height = in->height,
                      .columns = 1, // pixels are one after the other
                      .row = (int64_t)in->width * in->channels,
                      .in_row = in->row_bytes,
                      .out_row = out->row_bytes,
                      .in_element = in->element,
                      .out_element = out->element,
                      .in_bits = curve ? ncr_qnode_bits(input) : 0,
                      .step = curve ? ncr_lut_step(input) : 0,
                      .fraction = curve ? ncr_lut_fraction(node) : 0};
    struct ncr_key key = ncr_key_make("wide_lut", (const int64_t *)&s, sizeof s / sizeof(int64_t));
    LLVMValueRef args[3] = {ncr_tensor(e, node->in[0]), ncr_tensor(e, q), table_of(e, q)};
    ncr_emit_call(e, ncr_kernel(e, key.text, 3, 0, false, lut_body, &s), args, 3);
}

// ---- softmax ----

struct vector {
    int64_t n, images, in_element, out_element, top; // 2^top stands for 1
};

struct softmax {
    const struct vector *v;
    LLVMValueRef from, table, largest; // largest: a local
    int unit;                          // k of softmax.h
};

// Differences of stored values are differences of logical ones.
static LLVMValueRef stored_at(struct ncr_emit *e, const struct softmax *m, LLVMValueRef index)
{
    LLVMValueRef at = ncr_at(e, m->from, index, m->v->in_element, 0);
    if (m->v->in_element == 2) return LLVMBuildSExt(e->b, ncr_load(e, e->i16, at, 2), e->i32, "");
    LLVMValueRef byte = ncr_load(e, e->i8, at, 1);
    return e->family->biased ? LLVMBuildZExt(e->b, byte, e->i32, "")
                             : LLVMBuildSExt(e->b, byte, e->i32, "");
}

static LLVMValueRef wide_int(struct ncr_emit *e, LLVMValueRef v)
{
    return LLVMBuildZExt(e->b, v, e->i64, "");
}

// a · b of unsigned words in 64 bits; bit by bit where there is no multiplier, which products.c has
// for signed ones alone.
static LLVMValueRef product(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    if (e->multiplies) return LLVMBuildMul(e->b, wide_int(e, a), wide_int(e, b), "");
    LLVMValueRef sum = ncr_local(e, e->i64), left = ncr_local(e, e->i64),
                 bits = ncr_local(e, e->i32), one = ncr_i32(e, 1);
    LLVMBuildStore(e->b, LLVMConstNull(e->i64), sum);
    LLVMBuildStore(e->b, wide_int(e, a), left);
    LLVMBuildStore(e->b, b, bits);
    struct ncr_loop i = ncr_loop_begin(e, 32);
    LLVMValueRef x = LLVMBuildLoad2(e->b, e->i64, left, ""),
                 rest = LLVMBuildLoad2(e->b, e->i32, bits, ""),
                 bit = LLVMBuildTrunc(e->b, rest, e->i1, ""),
                 term = LLVMBuildSelect(e->b, bit, x, LLVMConstNull(e->i64), "");
    LLVMBuildStore(e->b, LLVMBuildAdd(e->b, LLVMBuildLoad2(e->b, e->i64, sum, ""), term, ""), sum);
    LLVMBuildStore(e->b, LLVMBuildShl(e->b, x, LLVMConstInt(e->i64, 1, false), ""), left);
    LLVMBuildStore(e->b, LLVMBuildLShr(e->b, rest, one, ""), bits);
    ncr_loop_end(e, &i);
    return LLVMBuildLoad2(e->b, e->i64, sum, "");
}

// (a · b + 2^(shift - 1)) >> shift of unsigned words, as a word.
static LLVMValueRef scaled(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b, int shift)
{
    LLVMValueRef p = product(e, a, b);
    p = LLVMBuildAdd(e->b, p, LLVMConstInt(e->i64, UINT64_C(1) << (shift - 1), false), "");
    p = LLVMBuildLShr(e->b, p, LLVMConstInt(e->i64, (unsigned)shift, false), "");
    return LLVMBuildTrunc(e->b, p, e->i32, "");
}

static LLVMValueRef entry(struct ncr_emit *e, const struct softmax *m, LLVMValueRef index,
                          int64_t first)
{
    index = LLVMBuildZExtOrBitCast(e->b, index, e->word, "");
    return ncr_load(e, e->i32, ncr_at(e, m->table, index, 4, 4 * first), 4);
}

// ncr_qsoftmax_exp of element `index`.
static LLVMValueRef power(struct ncr_emit *e, const struct softmax *m, LLVMValueRef index)
{
    LLVMValueRef top = LLVMBuildLoad2(e->b, e->i32, m->largest, ""),
                 d = LLVMBuildSub(e->b, top, stored_at(e, m, index), "");
    LLVMValueRef fine = entry(e, m, LLVMBuildAnd(e->b, d, ncr_i32(e, 255), ""), 0),
                 coarse = entry(e, m, LLVMBuildLShr(e->b, d, ncr_i32(e, 8), ""), 256);
    return scaled(e, fine, coarse, 60 - m->unit);
}

// ncr_qsoftmax_reciprocal by long division, bit by bit: machines of 32 bits have no other without a
// library, and it is done once a vector. The first 32 bits of 2^(32+k) - 1 are below s.
static LLVMValueRef reciprocal(struct ncr_emit *e, LLVMValueRef s, int k)
{
    LLVMValueRef rest = ncr_local(e, e->i64), quotient = ncr_local(e, e->i32),
                 one = LLVMConstInt(e->i64, 1, false), by = wide_int(e, s);
    LLVMBuildStore(e->b, LLVMConstInt(e->i64, (UINT64_C(1) << k) - 1, false), rest);
    LLVMBuildStore(e->b, ncr_i32(e, 0), quotient);
    struct ncr_loop i = ncr_loop_begin(e, 32);
    LLVMValueRef r = LLVMBuildShl(e->b, LLVMBuildLoad2(e->b, e->i64, rest, ""), one, "");
    r = LLVMBuildOr(e->b, r, one, "");
    LLVMValueRef fits = LLVMBuildICmp(e->b, LLVMIntUGE, r, by, "");
    LLVMBuildStore(e->b, LLVMBuildSelect(e->b, fits, LLVMBuildSub(e->b, r, by, ""), r, ""), rest);
    LLVMValueRef q = LLVMBuildLoad2(e->b, e->i32, quotient, "");
    q = LLVMBuildOr(e->b, LLVMBuildShl(e->b, q, ncr_i32(e, 1), ""),
                    LLVMBuildZExt(e->b, fits, e->i32, ""), "");
    LLVMBuildStore(e->b, q, quotient);
    ncr_loop_end(e, &i);
    return LLVMBuildLoad2(e->b, e->i32, quotient, "");
}

// Arguments: input, output, table.
static void softmax_body(struct ncr_emit *e, LLVMValueRef f, void *user)
{
    const struct vector *v = user;
    struct ncr_loop image = ncr_loop_begin(e, v->images);
    struct softmax m = {v, ncr_at(e, LLVMGetParam(f, 0), image.index, v->n * v->in_element, 0),
                        LLVMGetParam(f, 2), ncr_local(e, e->i32),
                        ncr_qsoftmax_unit((uint32_t)v->n)};
    LLVMValueRef to = ncr_at(e, LLVMGetParam(f, 1), image.index, v->n * v->out_element, 0),
                 sum = ncr_local(e, e->i32);
    LLVMBuildStore(e->b, ncr_i32(e, INT16_MIN), m.largest);
    LLVMBuildStore(e->b, ncr_i32(e, 0), sum);
    struct ncr_loop i = ncr_loop_begin(e, v->n);
    LLVMValueRef x = stored_at(e, &m, i.index), old = LLVMBuildLoad2(e->b, e->i32, m.largest, "");
    LLVMBuildStore(e->b, ncr_max(e, old, x, true), m.largest);
    ncr_loop_end(e, &i);

    i = ncr_loop_begin(e, v->n);
    x = power(e, &m, i.index);
    LLVMBuildStore(e->b, LLVMBuildAdd(e->b, LLVMBuildLoad2(e->b, e->i32, sum, ""), x, ""), sum);
    ncr_loop_end(e, &i);

    LLVMValueRef factor = reciprocal(e, LLVMBuildLoad2(e->b, e->i32, sum, ""), m.unit);
    i = ncr_loop_begin(e, v->n);
    x = scaled(e, power(e, &m, i.index), factor, 32 + m.unit - (int)v->top);
    x = ncr_min(e, x, ncr_i32(e, (1 << v->top) - 1), false);
    // The logical byte is x - 128; a biased store adds the 128 again.
    if (v->out_element == 1 && !e->family->biased) x = LLVMBuildSub(e->b, x, ncr_i32(e, 128), "");
    x = LLVMBuildTrunc(e->b, x, v->out_element == 1 ? e->i8 : e->i16, "");
    ncr_store(e, x, ncr_at(e, to, i.index, v->out_element, 0), (uint32_t)v->out_element);
    ncr_loop_end(e, &i);
    ncr_loop_end(e, &image);
}

void ncr_emit_wide_softmax(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    struct vector v = {node->shape.dim[0], e->plan->buffers[q].width,
                       e->plan->buffers[node->in[0]].element, e->plan->buffers[q].element,
                       node->bits > 8 ? node->bits - 1 : 8};
    LLVMValueRef args[3] = {ncr_tensor(e, node->in[0]), ncr_tensor(e, q), table_of(e, q)};
    struct ncr_key key =
        ncr_key_make("wide_softmax", (const int64_t *)&v, sizeof v / sizeof(int64_t));
    ncr_emit_call(e, ncr_kernel(e, key.text, 3, 0, true, softmax_body, &v), args, 3);
}
