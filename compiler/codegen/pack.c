// Layout of the constants: packed weights, folded biases, multipliers, tables in one blob.
#include "compiler/codegen/pack.h"

#include "compiler/quant/softmax.h"

static uint64_t take(uint64_t *bytes, uint64_t n)
{
    uint64_t at = *bytes;
    *bytes = (at + n + 63) & ~UINT64_C(63);
    return at;
}

bool ncr_is_depthwise(const struct ncr_qgraph *graph, const struct ncr_qnode *node)
{
    return node->op == NCR_QOP_DWCONV &&
           node->shape.dim[0] == graph->nodes[node->in[0]].shape.dim[0];
}

static bool is_matmul(const struct ncr_qgraph *graph, const struct ncr_qnode *node)
{
    return (node->op == NCR_QOP_CONV || node->op == NCR_QOP_DWCONV || node->op == NCR_QOP_DENSE) &&
           !ncr_is_depthwise(graph, node);
}

// The scale of q and n_channels others, as it is applied: a zero factor is a small shift in
// qmath.h, but every shift of zero is zero.
static int32_t shift_of(const struct ncr_qnode *node, int32_t i)
{
    return node->mult[i] == 0 ? 33 : node->shift[i];
}

// How the scales of a node are applied.
static void scale_kind(struct ncr_pack *p, const struct ncr_qnode *node)
{
    p->clamps = node->lo > -128 || node->hi < 127;
    p->has_zero = true;
    bool shifts = true;
    for (int32_t i = 0; i < node->n_channels; i++) {
        if (shift_of(node, i) < 33) p->scale = NCR_SCALE_WIDE;
        // zero point · 2^(shift-32) must leave room for the product beside it in 32 bits.
        if (shift_of(node, i) > 53) p->has_zero = false;
        shifts &= node->mult[i] == 1 << 30 && node->shift[i] >= 32;
    }
    if (p->scale == NCR_SCALE_WIDE) p->has_zero = false;
    if (shifts) {
        p->scale = NCR_SCALE_SHIFT;
        p->has_zero = true;
    }
}

// Weights of 4 bits beyond which the dense layers of a network wait for memory: two to a byte they
// come twice as fast then, and below that bytes save the unpacking. And those below which the table
// that some machines unpack them by is not worth its bytes.
enum { UNPACKED_LIMIT = 1 << 20, TABLE_BYTES = 1024 };

// Weights of the network, in one form or (NULL) in all.
static int64_t count_weights(const struct ncr_qgraph *g, const struct ncr_weight_form *form)
{
    int64_t sum = 0;
    for (uint32_t q = 0; q < g->n_nodes; q++)
        if (!form || ncr_weight_form_equal(g->nodes[q].form, *form)) sum += g->nodes[q].n_weights;
    return sum;
}

static enum ncr_weight_pack pack_of(const struct ncr_packs *packs, const struct ncr_qnode *node)
{
    const struct ncr_lowering *lower = packs->family->lowering;
    bool log2 = node->form.format == NCR_QF_LOG2, small = packs->optimize == NCR_OPTIMIZE_SIZE;
    if (log2 && lower == &ncr_lowering_shift) {
        bool pays = small && ncr_weight_memory_bits(node->form) == 4 &&
                    count_weights(packs->plan->qgraph, &node->form) / 2 > NCR_SHIFT_TABLE_BYTES;
        return pays ? NCR_PACK_NIBBLES : NCR_PACK_SHIFTS;
    }
    if (ncr_weight_memory_bits(node->form) != 4)
        return !log2 ? NCR_PACK_BYTES : lower->wide && !small ? NCR_PACK_HALVES : NCR_PACK_CODES;
    const struct ncr_qgraph *g = packs->plan->qgraph;
    // smlad takes pairs, which only the table gives.
    bool table = !lower->lookup && (log2 || lower == &ncr_lowering_smlad);
    if (small)
        return !table || count_weights(g, &node->form) / 2 > TABLE_BYTES ? NCR_PACK_NIBBLES
                                                                         : NCR_PACK_BYTES;
    // A weight of a convolution is read for many pixels.
    return node->op == NCR_QOP_DENSE && count_weights(g, NULL) > UNPACKED_LIMIT ? NCR_PACK_NIBBLES
                                                                                : NCR_PACK_BYTES;
}

// Bytes of n weights in memory.
static uint64_t weights_size(enum ncr_weight_pack pack, uint64_t n)
{
    return pack == NCR_PACK_NIBBLES ? n / 2 : pack == NCR_PACK_HALVES ? 2 * n : n;
}

static void arrays_layout(struct ncr_pack *p, uint64_t *bytes, uint64_t n)
{
    p->bias = take(bytes, n * 4);
    p->mult = take(bytes, n * 4);
    p->round = take(bytes, n * 4);
    p->shift = take(bytes, n * 4);
}

// The kernels of wide.c take logical values, so that no zero point is folded into anything, and
// weights of 16 bits.
static void wide_layout(struct ncr_packs *packs, uint32_t q, uint64_t *bytes)
{
    struct ncr_pack *p = &packs->at[q];
    p->wide = true;
    p->has_zero = false;
    p->clamps = true;
    if (!packs->plan->qgraph->nodes[q].n_weights) return;
    p->pack = NCR_PACK_HALVES;
    ncr_wide_layout(packs, q);
    uint64_t lanes = packs->family->lanes,
             n = (uint64_t)p->channel_groups * (uint64_t)p->vectors * lanes;
    arrays_layout(p, bytes, n);
    p->weights = take(
        bytes, 2 * n * (uint64_t)p->segments * (uint64_t)p->groups4 *
                   (ncr_is_depthwise(packs->plan->qgraph, &packs->plan->qgraph->nodes[q]) ? 1 : 2));
}

static void matmul_layout(struct ncr_packs *packs, uint32_t q, uint64_t *bytes)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    const struct ncr_attrs *a = &node->attrs;
    struct ncr_pack *p = &packs->at[q];
    int32_t in = g->nodes[node->in[0]].shape.dim[0], lanes = (int32_t)packs->family->lanes;
    bool dense = node->op == NCR_QOP_DENSE;
    p->tile = ncr_tile_choose(packs->plan, packs->family, packs->optimize, q);
    p->fusion = ncr_fusion_of(packs->plan, q);
    int32_t fold = (int32_t)p->tile.fold, kh = dense ? 1 : a->kernel[0],
            kw = (dense ? 1 : a->kernel[1]) + (fold - 1) * p->fusion.stride[1];
    int32_t groups = node->op == NCR_QOP_DWCONV ? in : dense ? 1 : a->groups;
    p->channel_groups = groups / (int32_t)p->tile.merge;
    p->row_runs = p->channel_groups == 1 && (dense || a->dilation[1] == 1 || kw == 1);
    p->segments = p->row_runs ? kh : kh * kw;
    p->run_bytes = p->row_runs ? kw * in : in / p->channel_groups;
    p->groups4 = (p->run_bytes + 3) / 4;
    p->outs = node->n_channels / p->channel_groups * fold;
    p->vectors = (p->outs + lanes - 1) / lanes;
    uint64_t n = (uint64_t)p->channel_groups * (uint64_t)p->vectors * (uint64_t)lanes;
    arrays_layout(p, bytes, n);
    p->weights =
        take(bytes, weights_size(p->pack, n * (uint64_t)p->segments * (uint64_t)p->groups4 * 4));
}

static void depthwise_layout(struct ncr_packs *packs, uint32_t q, uint64_t *bytes)
{
    const struct ncr_qnode *node = &packs->plan->qgraph->nodes[q];
    const struct ncr_buffer *out = &packs->plan->buffers[q];
    const struct ncr_attrs *a = &node->attrs;
    struct ncr_pack *p = &packs->at[q];
    int64_t block = 4 * (int64_t)packs->family->lanes, channels = node->n_channels;
    p->channel_groups = 1;
    p->flat = a->stride[1] == 1;
    int64_t row = p->flat ? channels * out->width : channels, blocks = (row + block - 1) / block;
    int64_t common = block; // the greatest common divisor of block and channels: a power of two
    while (channels % common)
        common /= 2;
    p->patterns = (int32_t)(p->flat && blocks > channels / common ? channels / common : blocks);
    // Two output rows share the transposition of their input rows where they overlap.
    p->tap_rows = a->stride[0] == 1 && a->dilation[0] == 1 && out->height > 1 ? 2 : 1;
    p->row_groups = (a->kernel[0] + p->tap_rows - 1 + 3) / 4;
    arrays_layout(p, bytes, (uint64_t)(p->patterns * block));
    p->weights =
        take(bytes, weights_size(p->pack, (uint64_t)(p->patterns * p->tap_rows * block) * 4 *
                                              (uint64_t)(a->kernel[1] * p->row_groups)));
}

bool ncr_concat_copies(const struct ncr_qgraph *graph, const struct ncr_qnode *node, uint32_t k)
{
    return node->mult[k] == 1 << 30 && node->shift[k] == 30 && node->lo == -128 &&
           node->hi == 127 && graph->nodes[node->in[k]].zero_point == node->zero_point;
}

int64_t ncr_packs_element(const struct ncr_packs *packs, uint32_t q, int64_t index)
{
    if (!packs->at[q].permuted) return index;
    const struct ncr_buffer *b = &packs->plan->buffers[packs->plan->qgraph->nodes[q].in[0]];
    int64_t pixels = (int64_t)b->height * b->width;
    return index % pixels * b->channels + index / pixels;
}

static void node_layout(struct ncr_packs *packs, uint32_t q, uint64_t *bytes)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    struct ncr_pack *p = &packs->at[q];
    uint64_t head = NCR_HEAD_WORDS * 4;
    bool wide = ncr_qnode_is_wide(g, node);
    if (node->op == NCR_QOP_ADD) head += 4 * (uint64_t)node->n_in;
    take(bytes, head);
    switch (node->op) {
    case NCR_QOP_CONV:
    case NCR_QOP_DWCONV:
    case NCR_QOP_DENSE:
        scale_kind(p, node);
        p->pack = pack_of(packs, node);
        if (wide) break;
        if (is_matmul(g, node))
            matmul_layout(packs, q, bytes);
        else
            depthwise_layout(packs, q, bytes);
        break;
    case NCR_QOP_AVGPOOL:
        scale_kind(p, node);
        p->table = take(bytes, (uint64_t)node->n_channels * 16);
        break;
    case NCR_QOP_ADD:
    case NCR_QOP_MUL: scale_kind(p, node); break;
    case NCR_QOP_LUT:
        p->table = take(bytes, (wide ? 2 : 1) * (uint64_t)ncr_qnode_table_entries(g, node));
        break;
    case NCR_QOP_CONCAT:
        if (wide) scale_kind(p, node);
        p->table = take(bytes, (wide ? 16 : 256) * (uint64_t)node->n_in);
        break;
    case NCR_QOP_SOFTMAX:
        p->table = take(bytes, 4 * (uint64_t)ncr_qnode_table_entries(g, node));
        break;
    case NCR_QOP_INPUT:
    case NCR_QOP_MAXPOOL:
    case NCR_QOP_UPSAMPLE:
    case NCR_QOP_PAD:
    case NCR_QOP_ZERO:
    case NCR_QOP_COUNT_: break;
    case NCR_QOP_RESHAPE: p->permuted = ncr_plan_flat_for_dense(g, q); break;
    }
    if (wide) wide_layout(packs, q, bytes);
}

void ncr_packs_layout(struct ncr_packs *packs, struct ncr_arena *arena, const struct ncr_plan *plan,
                      const struct ncr_family *family, enum ncr_code_optimize optimize)
{
    const struct ncr_qgraph *g = plan->qgraph;
    *packs = (struct ncr_packs){plan, family, optimize,
                                NCR_NEW_N(arena, struct ncr_pack, g->n_nodes), 0};
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        uint64_t bytes = 0;
        packs->at[q].base = packs->bytes;
        node_layout(packs, q, &bytes);
        packs->bytes += bytes;
    }
    packs->bytes += 64; // vectors may be read past the last table
}

// Number of (lane, tap) of cell `cell` of lanes·4 weights, in the order of memory.
static uint64_t cell_weight(const struct ncr_packs *packs, uint32_t q, uint64_t cell, uint32_t lane,
                            uint32_t tap)
{
    uint32_t lanes = packs->family->lanes;
    return cell * lanes * 4 +
           packs->family->lowering->weight_at(lanes, lane, tap, packs->at[q].pack);
}

struct ncr_weight_place ncr_weight_place_of(const struct ncr_qnode *node, int64_t index)
{
    int64_t per = node->n_weights / node->n_channels, rest = index % per;
    bool dense = node->op == NCR_QOP_DENSE;
    int64_t kh = dense ? 1 : node->attrs.kernel[0], kw = dense ? 1 : node->attrs.kernel[1];
    return (struct ncr_weight_place){index / per, rest / (kh * kw), rest % (kh * kw) / kw,
                                     rest % kw};
}

static uint32_t matmul_weight(const struct ncr_packs *packs, uint32_t q, struct ncr_weight_place at,
                              uint64_t *out)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    const struct ncr_pack *p = &packs->at[q];
    bool dense = node->op == NCR_QOP_DENSE;
    int64_t lanes = packs->family->lanes, merge = p->tile.merge, fold = p->tile.fold;
    int64_t in = g->nodes[node->in[0]].shape.dim[0], groups = p->channel_groups * merge,
            group_outs = node->n_channels / groups, group_in = in / groups;
    int64_t group = at.o / group_outs, wide = group % merge; // which of the merged groups
    if (dense) at.c = ncr_packs_element(packs, node->in[0], at.c);
    int64_t c = wide * group_in + at.c, stride = p->fusion.stride[1];
    int64_t kw = (dense ? 1 : node->attrs.kernel[1]) + (fold - 1) * stride;
    for (int64_t f = 0; f < fold; f++) {
        int64_t o = f * (p->outs / fold) + wide * group_outs + at.o % group_outs;
        int64_t kx = at.kx + f * stride, v = o / lanes, block = v / p->tile.vectors;
        int64_t segment = p->row_runs ? at.ky : at.ky * kw + kx,
                pos = p->row_runs ? kx * group_in * merge + c : c;
        int64_t in_block = p->vectors - block * p->tile.vectors;
        if (in_block > p->tile.vectors) in_block = p->tile.vectors;
        int64_t cells = p->segments * p->groups4; // of one vector
        int64_t cell = (group / merge * p->vectors + block * p->tile.vectors) * cells +
                       (segment * p->groups4 + pos / 4) * in_block + v % p->tile.vectors;
        out[f] = cell_weight(packs, q, (uint64_t)cell, (uint32_t)(o % lanes), (uint32_t)(pos % 4));
    }
    return (uint32_t)fold;
}

// Calls for each (pattern, accumulator, lane) of a depthwise node that holds channel o.
struct dw_place {
    int64_t pattern;
    uint32_t a, lane;
};

static uint32_t dw_places(const struct ncr_packs *packs, uint32_t q, int64_t o,
                          struct dw_place *out)
{
    const struct ncr_pack *p = &packs->at[q];
    const struct ncr_qnode *node = &packs->plan->qgraph->nodes[q];
    uint32_t lanes = packs->family->lanes, n = 0;
    int64_t block = 4 * (int64_t)lanes, channels = node->n_channels;
    for (int64_t t = 0; t < p->patterns; t++)
        for (uint32_t a = 0; a < 4; a++)
            for (uint32_t lane = 0; lane < lanes; lane++) {
                int64_t byte = t * block + packs->family->lowering->channel_of(lanes, a, lane);
                if ((p->flat ? byte % channels : byte) == o)
                    out[n++] = (struct dw_place){t, a, lane};
            }
    return n;
}

static uint32_t depthwise_weight(const struct ncr_packs *packs, uint32_t q,
                                 struct ncr_weight_place at, uint64_t *out)
{
    const struct ncr_pack *p = &packs->at[q];
    int64_t kw = packs->plan->qgraph->nodes[q].attrs.kernel[1];
    struct dw_place places[NCR_WEIGHT_COPIES];
    uint32_t n = dw_places(packs, q, at.o, places), k = 0;
    for (uint32_t i = 0; i < n; i++)
        for (int32_t r = 0; r < p->tap_rows; r++) {
            int64_t row = at.ky + r; // among the input rows that the output rows share
            int64_t cell = (places[i].pattern * kw + at.kx) * p->row_groups + row / 4;
            cell = (cell * p->tap_rows + r) * 4 + places[i].a;
            out[k++] = cell_weight(packs, q, (uint64_t)cell, places[i].lane, (uint32_t)(row % 4));
        }
    return k;
}

// Where a weight lies, as numbers in the order of memory.
static uint32_t weight_places(const struct ncr_packs *packs, uint32_t q, int64_t index,
                              uint64_t out[NCR_WEIGHT_COPIES])
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    struct ncr_weight_place at = ncr_weight_place_of(&g->nodes[q], index);
    if (packs->at[q].wide) {
        out[0] = ncr_wide_weight(packs, q, index);
        return 1;
    }
    return ncr_is_depthwise(g, &g->nodes[q]) ? depthwise_weight(packs, q, at, out)
                                             : matmul_weight(packs, q, at, out);
}

// Byte of weight number n among two a byte, and which half: decode.c's order.
static uint64_t nibble(const struct ncr_packs *packs, uint64_t n, uint32_t *shift)
{
    uint64_t whole = 4 * (uint64_t)packs->family->lanes, half = whole / 2, in_cell = n % whole;
    *shift = in_cell >= half ? 4 : 0;
    return n / whole * half + in_cell % half;
}

// Puts what is kept of a stored weight into the place of number n.
static void keep(const struct ncr_packs *packs, uint32_t q, uint8_t *weights, uint64_t n,
                 int8_t stored)
{
    const struct ncr_qnode *node = &packs->plan->qgraph->nodes[q];
    int32_t value = node->values->of[(uint8_t)stored];
    uint32_t shift;
    switch (packs->at[q].pack) {
    case NCR_PACK_BYTES: weights[n] = (uint8_t)value; break;
    case NCR_PACK_SHIFTS: weights[n] = ncr_shift_code(node->form, (uint8_t)stored); break;
    case NCR_PACK_NIBBLES: {
        uint8_t *both = &weights[nibble(packs, n, &shift)];
        *both = (uint8_t)((*both & 0xf0 >> shift) | (stored & 15) << shift);
        break;
    }
    case NCR_PACK_CODES:
        weights[n] = (uint8_t)(stored & ((1 << ncr_weight_width(node->form)) - 1));
        break;
    case NCR_PACK_HALVES:
        weights[2 * n] = (uint8_t)value;
        weights[2 * n + 1] = (uint8_t)((uint32_t)value >> 8);
        break;
    }
}

int32_t ncr_packs_weight(const struct ncr_packs *packs, const uint8_t *blob, uint32_t q,
                         int64_t index)
{
    const struct ncr_pack *p = &packs->at[q];
    const struct ncr_weight_values *values = packs->plan->qgraph->nodes[q].values;
    uint64_t at[NCR_WEIGHT_COPIES];
    uint32_t shift;
    weight_places(packs, q, index, at);
    blob += p->base + p->weights;
    switch (p->pack) {
    case NCR_PACK_BYTES: return (int8_t)blob[at[0]];
    case NCR_PACK_CODES: return values->of[blob[at[0]]];
    case NCR_PACK_SHIFTS: return ncr_shift_value(packs->plan->qgraph->nodes[q].form, blob[at[0]]);
    case NCR_PACK_HALVES:
        return (int16_t)(uint16_t)(blob[2 * at[0]] | (uint32_t)blob[2 * at[0] + 1] << 8);
    case NCR_PACK_NIBBLES: break;
    }
    uint8_t both = blob[nibble(packs, at[0], &shift)];
    return values->of[both >> shift & 15];
}

void ncr_packs_set_weight(const struct ncr_packs *packs, uint8_t *blob, uint32_t q, int64_t index,
                          int8_t stored)
{
    const struct ncr_pack *p = &packs->at[q];
    uint64_t at[NCR_WEIGHT_COPIES];
    uint32_t n = weight_places(packs, q, index, at);
    for (uint32_t k = 0; k < n; k++)
        keep(packs, q, blob + p->base + p->weights, at[k], stored);
}

uint32_t ncr_packs_channel(const struct ncr_packs *packs, uint32_t q, int32_t o,
                           uint32_t out[NCR_WEIGHT_COPIES])
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    const struct ncr_pack *p = &packs->at[q];
    uint32_t lanes = packs->family->lanes;
    if (p->wide) {
        out[0] = (uint32_t)(o / p->outs * p->vectors * (int32_t)lanes + o % p->outs);
        return 1;
    }
    if (ncr_is_depthwise(g, node)) {
        struct dw_place places[NCR_WEIGHT_COPIES];
        uint32_t n = dw_places(packs, q, o, places);
        for (uint32_t i = 0; i < n; i++)
            out[i] = ((uint32_t)places[i].pattern * 4 + places[i].a) * lanes + places[i].lane;
        return n;
    }
    uint32_t fold = p->tile.fold, outs = (uint32_t)p->outs / fold, group = (uint32_t)o / outs;
    for (uint32_t f = 0; f < fold; f++)
        out[f] = group * (uint32_t)p->vectors * lanes + f * outs + (uint32_t)o % outs;
    return fold;
}

// ---- values ----

static void put(uint8_t *blob, uint64_t at, int32_t v)
{
    for (int i = 0; i < 4; i++) // little-endian, as all targets are
        blob[at + (uint64_t)i] = (uint8_t)((uint32_t)v >> 8 * i);
}

static uint8_t stored(const struct ncr_packs *packs, int32_t v)
{
    return (uint8_t)((uint8_t)v ^ (packs->family->biased ? 0x80 : 0));
}

// What kernels of q see of a byte beyond its logical value.
static int32_t bias_of(const struct ncr_packs *packs, uint32_t q)
{
    return packs->family->biased && !packs->at[q].wide ? 128 : 0;
}

int32_t ncr_packs_folded(const struct ncr_packs *packs, uint32_t q, int32_t weight)
{
    const struct ncr_pack *p = &packs->at[q];
    bool log2 = packs->plan->qgraph->nodes[q].form.format == NCR_QF_LOG2;
    // Products with negative log2 weights are complements there, which are less than they by 1.
    bool less = packs->family->lowering == &ncr_lowering_shift && log2 && !p->wide && weight < 0;
    return -bias_of(packs, q) * weight + less;
}

// mult, round, shift as kernels apply them (requant.c).
static void put_scale(const struct ncr_packs *packs, uint32_t q, int32_t i, uint8_t *blob,
                      uint64_t mult, uint64_t round, uint64_t shift)
{
    const struct ncr_qnode *node = &packs->plan->qgraph->nodes[q];
    int32_t s = shift_of(node, i);
    enum ncr_scale_kind kind = packs->at[q].scale;
    int32_t zero = packs->at[q].has_zero ? node->zero_point + bias_of(packs, q) : 0;
    put(blob, mult, node->mult[i]);
    put(blob, round,
        kind == NCR_SCALE_WIDE ? 0
        : kind == NCR_SCALE_SHIFT
            ? 1 + 2 * zero
            : (int32_t)((UINT32_C(1) << (s - 33)) + ((uint32_t)zero << (s - 32))));
    put(blob, shift, kind == NCR_SCALE_WIDE ? s : kind == NCR_SCALE_SHIFT ? s - 31 : s - 32);
}

// The order of weights in a cell, and what they become there: the same as `keep`, in tables.
struct cells {
    uint8_t *at;           // of the node's weights
    uint32_t lanes, bytes; // of a cell
    bool halves;
    uint32_t place[64], shift[64]; // byte and bit of weight 4·lane + tap in a cell
    uint16_t of[256];              // what is kept of a stored weight, over that of a zero
};

static void cells_open(const struct ncr_packs *packs, uint32_t q, uint8_t *blob, struct cells *c)
{
    const struct ncr_pack *p = &packs->at[q];
    const struct ncr_qnode *node = &packs->plan->qgraph->nodes[q];
    uint32_t lanes = packs->family->lanes, mask = (1u << ncr_weight_width(node->form)) - 1;
    *c = (struct cells){.at = blob + p->base + p->weights,
                        .lanes = lanes,
                        .bytes = (uint32_t)weights_size(p->pack, 4 * lanes),
                        .halves = p->pack == NCR_PACK_HALVES};
    for (uint32_t i = 0; i < 4 * lanes; i++) {
        uint64_t n = cell_weight(packs, q, 0, i / 4, i % 4);
        c->place[i] = (uint32_t)(p->pack == NCR_PACK_NIBBLES  ? nibble(packs, n, &c->shift[i])
                                 : p->pack == NCR_PACK_HALVES ? 2 * n
                                                              : n);
    }
    bool values = p->pack == NCR_PACK_BYTES || p->pack == NCR_PACK_HALVES;
    for (uint32_t i = 0; i < 256; i++)
        c->of[i] = (uint16_t)(values ? (uint32_t)node->values->of[i] : i & mask);
    if (p->pack != NCR_PACK_SHIFTS) return;
    uint8_t zero = ncr_shift_code(node->form, 0); // in places of no weight, too
    uint64_t end = q + 1 < packs->plan->qgraph->n_nodes ? packs->at[q + 1].base : packs->bytes;
    memset(c->at, zero, (size_t)(end - p->base - p->weights));
    for (uint32_t i = 0; i < 256; i++)
        c->of[i] = ncr_shift_code(node->form, i) ^ zero;
}

// The weight of (lane, tap) in a cell, which is that of a zero before.
static void cell_put(const struct cells *c, uint8_t *cell, uint32_t lane, uint32_t tap,
                     int8_t weight)
{
    uint32_t i = 4 * lane + tap, kept = (uint32_t)c->of[(uint8_t)weight] << c->shift[i];
    cell[c->place[i]] ^= (uint8_t)kept;
    if (c->halves) cell[c->place[i] + 1] ^= (uint8_t)(kept >> 8);
}

// Where the weights of an output of a channel group are: those of channel c (of the merged groups)
// and kernel column kx at row[(c - first)·area + kx - skip]; NULL: there is no such output.
struct output {
    const int8_t *row;
    int64_t first, skip;
};

// One group of four bytes of a run: its four taps for the vectors of a block.
static void fill_group(const struct cells *c, uint8_t *cell, const struct output *outs,
                       uint32_t vectors, int64_t const channel[4], int64_t const column[4],
                       int64_t kw, int64_t area, int64_t group_in, int64_t above)
{
    for (uint32_t v = 0; v < vectors; v++, cell += c->bytes, outs += c->lanes)
        for (uint32_t lane = 0; lane < c->lanes; lane++) {
            const struct output *o = &outs[lane];
            if (!o->row) continue;
            for (uint32_t tap = 0; tap < 4; tap++) {
                int64_t ch = channel[tap] - o->first, kx = column[tap] - o->skip;
                if (ch < 0 || ch >= group_in || kx < 0 || kx >= kw) continue;
                cell_put(c, cell, lane, tap, o->row[ch * area + above + kx]);
            }
        }
}

// All weights of a product of matrices, in the order of memory: what matmul_weight says of one.
static void fill_matmul(const struct ncr_packs *packs, uint32_t q, uint8_t *blob)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    const struct ncr_pack *p = &packs->at[q];
    bool dense = node->op == NCR_QOP_DENSE;
    int64_t fold = p->tile.fold, merge = p->tile.merge, groups = p->channel_groups * merge,
            group_outs = node->n_channels / groups,
            group_in = g->nodes[node->in[0]].shape.dim[0] / groups, per_fold = p->outs / fold;
    int64_t kh = dense ? 1 : node->attrs.kernel[0], kw = dense ? 1 : node->attrs.kernel[1],
            area = kh * kw, stride = p->fusion.stride[1], wide = kw + (fold - 1) * stride,
            channels = group_in * merge;
    const struct ncr_buffer *flat = dense && packs->at[node->in[0]].permuted
                                        ? &packs->plan->buffers[g->nodes[node->in[0]].in[0]]
                                        : NULL;
    struct cells c;
    cells_open(packs, q, blob, &c);
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) NCR_BUG("out of memory for the constants");
    struct output *outs = NCR_NEW_N(arena, struct output, (size_t)p->vectors * c.lanes);
    uint8_t *cell = c.at;
    for (int64_t group = 0; group < p->channel_groups; group++) {
        for (int64_t o = 0; o < p->outs; o++) {
            int64_t f = o / per_fold, part = o % per_fold / group_outs; // which merged group
            int64_t channel = (group * merge + part) * group_outs + o % per_fold % group_outs;
            outs[o] = (struct output){node->weights + channel * group_in * area, part * group_in,
                                      f * stride};
        }
        for (int64_t first = 0; first < p->vectors; first += p->tile.vectors) {
            uint32_t vectors = (uint32_t)(p->vectors - first < p->tile.vectors ? p->vectors - first
                                                                               : p->tile.vectors);
            for (int64_t segment = 0; segment < p->segments; segment++) {
                int64_t above = (p->row_runs ? segment : segment / wide) * kw,
                        x = p->row_runs ? 0 : segment % wide, ch = 0;
                for (int64_t n = 0; n < p->groups4; n++, cell += vectors * c.bytes) {
                    int64_t channel[4], column[4];
                    for (int tap = 0; tap < 4; tap++, ch++) {
                        if (ch == channels && p->row_runs) {
                            ch = 0;
                            x++;
                        }
                        // Past the end of the run there is no such channel or column.
                        channel[tap] = flat && ch < channels
                                           ? ch % flat->channels * flat->height * flat->width +
                                                 ch / flat->channels
                                           : ch;
                        column[tap] = x;
                    }
                    fill_group(&c, cell, outs + first * c.lanes, vectors, channel, column, kw, area,
                               group_in, above);
                }
            }
        }
    }
    ncr_arena_free(arena);
}

// Output channel at byte `byte` of a depthwise node's blocks, or -1.
static int64_t depthwise_channel(const struct ncr_packs *packs, uint32_t q, int64_t byte)
{
    int64_t channels = packs->plan->qgraph->nodes[q].n_channels;
    if (packs->at[q].flat) return byte % channels;
    return byte < channels ? byte : -1;
}

// The same for depthwise_weight.
static void fill_depthwise(const struct ncr_packs *packs, uint32_t q, uint8_t *blob)
{
    const struct ncr_qnode *node = &packs->plan->qgraph->nodes[q];
    const struct ncr_pack *p = &packs->at[q];
    int64_t kh = node->attrs.kernel[0], kw = node->attrs.kernel[1];
    struct cells c;
    cells_open(packs, q, blob, &c);
    uint8_t *cell = c.at;
    for (int64_t pattern = 0; pattern < p->patterns; pattern++) {
        const int8_t *row[256];
        for (uint32_t i = 0; i < 4 * c.lanes; i++) {
            int64_t o =
                depthwise_channel(packs, q,
                                  pattern * 4 * c.lanes + packs->family->lowering->channel_of(
                                                              c.lanes, i / c.lanes, i % c.lanes));
            row[i] = o < 0 ? NULL : node->weights + o * kh * kw;
        }
        for (int64_t kx = 0; kx < kw; kx++)
            for (int64_t first = 0; first < 4 * (int64_t)p->row_groups; first += 4)
                for (int64_t r = 0; r < p->tap_rows; r++)
                    for (uint32_t a = 0; a < 4; a++, cell += c.bytes)
                        for (uint32_t tap = 0; tap < 4; tap++) {
                            int64_t ky = first + tap - r;
                            for (uint32_t lane = 0; ky >= 0 && ky < kh && lane < c.lanes; lane++)
                                if (row[a * c.lanes + lane])
                                    cell_put(&c, cell, lane, tap,
                                             row[a * c.lanes + lane][ky * kw + kx]);
                        }
    }
}

// The numbers of output channel o, at place i of the arrays; bias: with what the kernel needs
// folded in.
static void put_channel(const struct ncr_packs *packs, uint32_t q, int32_t o, uint64_t i,
                        int32_t bias, uint8_t *blob)
{
    const struct ncr_pack *p = &packs->at[q];
    i = p->base + 4 * i;
    put(blob, i + p->bias, bias);
    put_scale(packs, q, o, blob, i + p->mult, i + p->round, i + p->shift);
}

static void fill_channels(const struct ncr_packs *packs, uint32_t q, uint8_t *blob)
{
    const struct ncr_qnode *node = &packs->plan->qgraph->nodes[q];
    const struct ncr_pack *p = &packs->at[q];
    uint32_t lanes = packs->family->lanes;
    bool depthwise = ncr_is_depthwise(packs->plan->qgraph, node) && !p->wide;
    int64_t per = node->n_weights / node->n_channels;
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) NCR_BUG("out of memory for the constants");
    int32_t *bias = NCR_NEW_N(arena, int32_t, (size_t)node->n_channels);
    for (int32_t o = 0; o < node->n_channels; o++) {
        int64_t sum = node->bias[o];
        for (int64_t i = 0; bias_of(packs, q) && i < per; i++)
            sum += ncr_packs_folded(packs, q, ncr_qnode_weight(node, o * per + i));
        bias[o] = (int32_t)(uint32_t)sum;
    }
    // Lanes that hold no output shift by something legal.
    for (uint64_t at = p->base + p->shift; at < p->base + p->weights; at += 4)
        put(blob, at, 1);
    for (int64_t i = 0; depthwise && i < 4 * (int64_t)lanes * p->patterns; i++) {
        uint32_t in = (uint32_t)(i % (4 * lanes));
        int64_t o = depthwise_channel(
            packs, q, i - in + packs->family->lowering->channel_of(lanes, in / lanes, in % lanes));
        if (o >= 0) put_channel(packs, q, (int32_t)o, (uint64_t)i, bias[o], blob);
    }
    for (int32_t o = 0; !depthwise && o < node->n_channels; o++) {
        uint32_t at[NCR_WEIGHT_COPIES], n = ncr_packs_channel(packs, q, o, at);
        for (uint32_t k = 0; k < n; k++)
            put_channel(packs, q, o, at[k], bias[o], blob);
    }
    ncr_arena_free(arena);
    if (p->wide)
        for (int64_t i = 0; i < node->n_weights; i++)
            ncr_packs_set_weight(packs, blob, q, i, node->weights[i]);
    else if (depthwise)
        fill_depthwise(packs, q, blob);
    else
        fill_matmul(packs, q, blob);
}

static void fill_head(const struct ncr_packs *packs, uint32_t q, uint8_t *blob)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    uint64_t base = packs->at[q].base;
    int32_t bias = bias_of(packs, q), zero = node->zero_point + bias;
    put(blob, base + 4 * NCR_HEAD_ZERO16, (int32_t)((uint32_t)(zero & 0xFFFF) * 0x10001u));
    put(blob, base + 4 * NCR_HEAD_LO8, (int32_t)(stored(packs, node->lo) * UINT32_C(0x01010101)));
    put(blob, base + 4 * NCR_HEAD_HI8, (int32_t)(stored(packs, node->hi) * UINT32_C(0x01010101)));
    put(blob, base + 4 * NCR_HEAD_ZERO, node->zero_point);
    put(blob, base + 4 * NCR_HEAD_LO, node->lo);
    put(blob, base + 4 * NCR_HEAD_HI, node->hi);
    if (node->op != NCR_QOP_ADD && node->op != NCR_QOP_MUL) return;
    uint64_t scale = base + 4 * NCR_HEAD_SCALE;
    put_scale(packs, q, 0, blob, scale, scale + 4, scale + 8);
    uint32_t sum = 0;
    for (uint32_t k = 0; k < node->n_in; k++) {
        int32_t zx = g->nodes[node->in[k]].zero_point + bias,
                v = node->op == NCR_QOP_ADD ? node->in_mult[k] : zx;
        put(blob, base + 4 * (NCR_HEAD_IN + (uint64_t)k), v);
        if (node->op == NCR_QOP_ADD) sum -= (uint32_t)zx * (uint32_t)v;
    }
    put(blob, base + 4 * NCR_HEAD_SUM, (int32_t)sum);
}

// Tables of bytes are indexed by the stored byte; what they give is stored as it is, too.
static void fill_lut(const struct ncr_packs *packs, const struct ncr_qnode *node, uint8_t *table)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    bool by_byte = g->nodes[node->in[0]].bits <= 8;
    for (uint32_t i = 0; i < ncr_qnode_table_entries(g, node); i++) {
        uint32_t at = by_byte ? stored(packs, (int32_t)i - 128) : i;
        if (node->lut) {
            table[at] = stored(packs, node->lut[i]);
        } else {
            table[2 * at] = (uint8_t)node->wide_lut[i];
            table[2 * at + 1] = (uint8_t)((uint32_t)node->wide_lut[i] >> 8);
        }
    }
}

static void fill_tables(const struct ncr_packs *packs, uint32_t q, uint8_t *blob)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    uint64_t table = packs->at[q].base + packs->at[q].table;
    uint32_t entries = ncr_qnode_table_entries(g, node);
    if (node->op == NCR_QOP_LUT) fill_lut(packs, node, blob + table);
    for (uint32_t k = 0; node->op == NCR_QOP_CONCAT && packs->at[q].wide && k < node->n_in; k++) {
        uint64_t row = table + 16 * (uint64_t)k;
        put(blob, row, -g->nodes[node->in[k]].zero_point);
        put_scale(packs, q, (int32_t)k, blob, row + 4, row + 8, row + 12);
    }
    for (uint32_t k = 0; node->op == NCR_QOP_CONCAT && !packs->at[q].wide && k < node->n_in; k++)
        for (int32_t x = -128; x < 128; x++) {
            int64_t y =
                (int64_t)node->zero_point +
                ncr_requantise(x - g->nodes[node->in[k]].zero_point, node->mult[k], node->shift[k]);
            y = y < node->lo ? node->lo : y > node->hi ? node->hi : y;
            blob[table + 256 * (uint64_t)k + stored(packs, x)] = stored(packs, (int32_t)y);
        }
    for (uint32_t d = 0; node->op == NCR_QOP_SOFTMAX && d < entries; d++)
        put(blob, table + 4 * (uint64_t)d, node->exp_table[d]);
    for (int32_t k = 0; node->op == NCR_QOP_AVGPOOL && k < node->n_channels; k++) {
        uint64_t row = table + 16 * (uint64_t)k;
        int32_t taps =
            node->n_channels == 1 ? node->attrs.kernel[0] * node->attrs.kernel[1] : k + 1;
        int32_t zx = g->nodes[node->in[0]].zero_point + bias_of(packs, q);
        put(blob, row, (int32_t)(0u - (uint32_t)taps * (uint32_t)zx));
        put_scale(packs, q, k, blob, row + 4, row + 8, row + 12);
    }
}

void ncr_packs_fill(const struct ncr_packs *packs, uint8_t *blob)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        fill_head(packs, q, blob);
        if (g->nodes[q].n_weights) fill_channels(packs, q, blob);
        fill_tables(packs, q, blob);
    }
}
