// Layout of the constants: packed weights, folded biases, multipliers, tables in one blob.
#include "compiler/codegen/emit.h"

static uint64_t take(uint64_t *bytes, uint64_t n)
{
    uint64_t at = *bytes;
    *bytes = (at + n + 63) & ~UINT64_C(63);
    return at;
}

static void matmul_layout(struct ncr_packs *packs, uint32_t q)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    const struct ncr_attrs *a = &node->attrs;
    struct ncr_pack *p = &packs->at[q];
    int32_t in = g->nodes[node->in[0]].shape.dim[0], lanes = (int32_t)packs->family->lanes;
    bool dense = node->op == NCR_QOP_DENSE;
    int32_t kh = dense ? 1 : a->kernel[0], kw = dense ? 1 : a->kernel[1];
    p->channel_groups = node->op == NCR_QOP_DWCONV ? in : dense ? 1 : a->groups;
    p->row_runs = p->channel_groups == 1 && (dense || a->dilation[1] == 1);
    p->segments = p->row_runs ? kh : kh * kw;
    p->run_bytes = p->row_runs ? kw * in : in / p->channel_groups;
    p->groups4 = (p->run_bytes + 3) / 4;
    p->outs = node->n_channels / p->channel_groups;
    p->vectors = (p->outs + lanes - 1) / lanes;
    p->outs_padded = p->vectors * lanes;
    uint64_t n = (uint64_t)p->channel_groups * (uint64_t)p->outs_padded;
    p->weights = take(&packs->bytes, n * (uint64_t)p->segments * (uint64_t)p->groups4 * 4);
    p->bias = take(&packs->bytes, n * 4);
    p->mult = take(&packs->bytes, n * 4);
    p->shift = take(&packs->bytes, n * 8);
}

// Weights [tap][channel] as bytes, bias, mult, shift per channel.
static void depthwise_layout(struct ncr_packs *packs, uint32_t q)
{
    const struct ncr_qnode *node = &packs->plan->qgraph->nodes[q];
    struct ncr_pack *p = &packs->at[q];
    uint64_t n = (uint64_t)node->n_channels;
    p->channel_groups = 1;
    p->outs = p->outs_padded = node->n_channels;
    p->weights = take(&packs->bytes, (uint64_t)node->n_weights + 64);
    p->bias = take(&packs->bytes, n * 4);
    p->mult = take(&packs->bytes, n * 4);
    p->shift = take(&packs->bytes, n * 8);
}

void ncr_packs_layout(struct ncr_packs *packs, struct ncr_arena *arena, const struct ncr_plan *plan,
                      const struct ncr_family *family)
{
    const struct ncr_qgraph *g = plan->qgraph;
    *packs = (struct ncr_packs){plan, family, NCR_NEW_N(arena, struct ncr_pack, g->n_nodes), 0};
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_qnode *node = &g->nodes[q];
        struct ncr_pack *p = &packs->at[q];
        if (ncr_is_depthwise(g, node))
            depthwise_layout(packs, q);
        else if (node->op == NCR_QOP_CONV || node->op == NCR_QOP_DWCONV ||
                 node->op == NCR_QOP_DENSE)
            matmul_layout(packs, q);
        else if (node->op == NCR_QOP_LUT)
            p->table = take(&packs->bytes, 256);
        else if (node->op == NCR_QOP_SOFTMAX)
            p->table = take(&packs->bytes, 256 * 4);
        else if (node->op == NCR_QOP_AVGPOOL) {
            p->mult = take(&packs->bytes, (uint64_t)node->n_channels * 4);
            p->shift = take(&packs->bytes, (uint64_t)node->n_channels * 8);
        }
    }
    if (packs->bytes == 0) packs->bytes = 64;
}

uint64_t ncr_packs_channel(const struct ncr_pack *p, int32_t o)
{
    return (uint64_t)(o / p->outs) * (uint64_t)p->outs_padded + (uint64_t)(o % p->outs);
}

uint64_t ncr_packs_weight(const struct ncr_packs *packs, uint32_t q, int64_t index,
                          int32_t *channel)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    const struct ncr_qnode *node = &g->nodes[q];
    const struct ncr_pack *p = &packs->at[q];
    int64_t per = node->n_weights / node->n_channels, o = index / per, rest = index % per;
    *channel = (int32_t)o;
    bool dense = node->op == NCR_QOP_DENSE;
    int64_t kh = dense ? 1 : node->attrs.kernel[0], kw = dense ? 1 : node->attrs.kernel[1];
    int64_t c = rest / (kh * kw), ky = rest % (kh * kw) / kw, kx = rest % kw;
    if (ncr_is_depthwise(g, node))
        return p->weights + (uint64_t)((ky * kw + kx) * node->n_channels + o);
    int64_t lanes = packs->family->lanes, channels = per / (kh * kw);
    int64_t group = o / p->outs, v = o % p->outs / lanes, lane = o % p->outs % lanes;
    int64_t segment = p->row_runs ? ky : ky * kw + kx, pos = p->row_runs ? kx * channels + c : c;
    int64_t cell = ((group * p->vectors + v) * p->segments + segment) * p->groups4 + pos / 4;
    int64_t byte =
        packs->family->dot == NCR_DOT_VPDPBUSD ? lane * 4 + pos % 4 : pos % 4 * lanes + lane;
    return p->weights + (uint64_t)(cell * lanes * 4 + byte);
}

static void put_i32(uint8_t *blob, uint64_t at, int32_t v)
{
    memcpy(blob + at, &v, 4);
}

static void put_i64(uint8_t *blob, uint64_t at, int64_t v)
{
    memcpy(blob + at, &v, 8);
}

static void fill_channels(const struct ncr_packs *packs, uint32_t q, uint8_t *blob)
{
    const struct ncr_qnode *node = &packs->plan->qgraph->nodes[q];
    const struct ncr_pack *p = &packs->at[q];
    for (int64_t i = 0; i < (int64_t)p->channel_groups * p->outs_padded;
         i++) // unused lanes shift by something legal
        put_i64(blob, p->shift + (uint64_t)i * 8, 1);
    bool correct = packs->family->biased && !ncr_is_depthwise(packs->plan->qgraph, node);
    int64_t per = node->n_weights / node->n_channels;
    for (int32_t o = 0; o < node->n_channels; o++) {
        // A biased store adds 128 to each activation; the kernel's sum is made right by -128 · Σ w.
        int64_t sum = 0;
        for (int64_t i = 0; correct && i < per; i++)
            sum += node->weights[o * per + i];
        uint64_t i = ncr_packs_channel(p, o);
        put_i32(blob, p->bias + i * 4, (int32_t)(uint32_t)(node->bias[o] - 128 * sum));
        put_i32(blob, p->mult + i * 4, node->mult[o]);
        put_i64(blob, p->shift + i * 8, node->shift[o]);
    }
    for (int64_t i = 0; i < node->n_weights; i++) {
        int32_t channel;
        blob[ncr_packs_weight(packs, q, i, &channel)] = (uint8_t)node->weights[i];
    }
}

void ncr_packs_fill(const struct ncr_packs *packs, uint8_t *blob)
{
    const struct ncr_qgraph *g = packs->plan->qgraph;
    uint8_t flip = packs->family->biased ? 0x80 : 0;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_qnode *node = &g->nodes[q];
        const struct ncr_pack *p = &packs->at[q];
        if (node->n_weights) fill_channels(packs, q, blob);
        // Indexed by the stored byte, giving the stored byte.
        for (int32_t x = -128; node->op == NCR_QOP_LUT && x < 128; x++)
            blob[p->table + (uint8_t)((uint8_t)x ^ flip)] =
                (uint8_t)((uint8_t)node->lut[x + 128] ^ flip);
        for (int32_t d = 0; node->op == NCR_QOP_SOFTMAX && d < 256; d++)
            put_i32(blob, p->table + (uint64_t)d * 4, node->exp_table[d]);
        for (int32_t k = 0; node->op == NCR_QOP_AVGPOOL && k < node->n_channels; k++) {
            put_i32(blob, p->mult + (uint64_t)k * 4, node->mult[k]);
            put_i64(blob, p->shift + (uint64_t)k * 8, node->shift[k]);
        }
    }
}
