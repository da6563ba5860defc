// Facts of the integer operator table, and the content hash of quantised graphs.
#include "compiler/quant/lut.h"
#include "compiler/quant/softmax.h"

const char *ncr_qop_name(enum ncr_qop op)
{
    static const char *const names[] = {
#define NCR_QOP_ROW(NAME, name) #name,
#include "compiler/quant/qops.def"
#undef NCR_QOP_ROW
    };
    return names[op];
}

bool ncr_qop_has_weights(enum ncr_qop op)
{
    return op == NCR_QOP_CONV || op == NCR_QOP_DWCONV || op == NCR_QOP_DENSE;
}

bool ncr_qop_has_mult(enum ncr_qop op)
{
    return ncr_qop_has_weights(op) || op == NCR_QOP_ADD || op == NCR_QOP_MUL ||
           op == NCR_QOP_CONCAT || op == NCR_QOP_AVGPOOL;
}

bool ncr_qop_copies(enum ncr_qop op)
{
    return op == NCR_QOP_ZERO || op == NCR_QOP_MAXPOOL || op == NCR_QOP_UPSAMPLE ||
           op == NCR_QOP_PAD || op == NCR_QOP_RESHAPE;
}

int64_t ncr_qnode_weights(const struct ncr_qgraph *graph, const struct ncr_qnode *node)
{
    const struct ncr_attrs *a = &node->attrs;
    int64_t n = node->shape.dim[0], channels = 1, area = (int64_t)a->kernel[0] * a->kernel[1];
    if (!ncr_qop_has_weights(node->op)) return 0;
    if (node->op != NCR_QOP_DWCONV) channels = graph->nodes[node->in[0]].shape.dim[0];
    if (node->op == NCR_QOP_CONV) channels /= a->groups;
    if (node->op == NCR_QOP_DENSE) area = 1;
    if (!ncr_mul_i64(n, channels, &n) || !ncr_mul_i64(n, area, &n)) return -1;
    return n;
}

int64_t ncr_qnode_channels(const struct ncr_qnode *node)
{
    const int32_t *pad = node->attrs.pad;
    if (node->op == NCR_QOP_ADD || node->op == NCR_QOP_MUL) return 1;
    if (node->op == NCR_QOP_CONCAT) return node->n_in;
    if (node->op == NCR_QOP_AVGPOOL)
        return pad[0] || pad[1] || pad[2] || pad[3]
                   ? (int64_t)node->attrs.kernel[0] * node->attrs.kernel[1]
                   : 1;
    return node->shape.dim[0];
}

// ---- content hash ----
static void mix_bytes(struct ncr_hash *h, const void *bytes, int64_t n)
{
    if (bytes) *h = ncr_hash_mix(*h, ncr_hash_bytes(bytes, (size_t)n));
}

// Numbers are hashed as little-endian bytes, so that the hash is the same on every machine.
static void mix_i32(struct ncr_hash *h, const int32_t *v, int64_t n)
{
    uint8_t bytes[1024];
    for (int64_t at = 0; v && at < n;) {
        size_t used = 0;
        for (; at < n && used < sizeof bytes; at++)
            for (int b = 0; b < 4; b++)
                bytes[used++] = (uint8_t)((uint32_t)v[at] >> 8 * b);
        mix_bytes(h, bytes, (int64_t)used);
    }
}

static void mix_f64(struct ncr_hash *h, const double *v, int64_t n)
{
    for (int64_t i = 0; v && i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &v[i], sizeof bits);
        *h = ncr_hash_mix(*h, ncr_hash_u64(bits));
    }
}

struct ncr_hash ncr_qgraph_hash(const struct ncr_qgraph *g)
{
    // Structure and names by their text (records of a campaign name layers), numbers by their
    // bytes.
    struct ncr_qgraph bare = *g;
    bare.has_numbers = false;
    struct ncr_buf text = {0};
    ncr_qgraph_dump(&bare, &text);
    if (text.failed) NCR_BUG("out of memory for the text of %u nodes", g->n_nodes);
    struct ncr_hash h = ncr_hash_bytes(text.s, text.n);
    ncr_buf_free(&text);
    for (uint32_t q = 0; g->has_numbers && q < g->n_nodes; q++) {
        const struct ncr_qnode *n = &g->nodes[q];
        mix_f64(&h, &n->scale, 1);
        mix_i32(&h, (const int32_t[]){n->zero_point, n->lo, n->hi}, 3);
        mix_f64(&h, n->weight_scale, n->n_channels);
        mix_bytes(&h, n->weights, n->n_weights);
        mix_i32(&h, n->bias, n->n_channels);
        mix_i32(&h, n->mult, n->n_channels);
        mix_i32(&h, n->shift, n->n_channels);
        mix_i32(&h, n->in_mult, n->n_in);
        uint32_t entries = ncr_qnode_table_entries(g, n);
        mix_bytes(&h, n->lut, entries);
        mix_i32(&h, n->wide_lut, entries);
        mix_i32(&h, n->exp_table, entries);
    }
    return h;
}

void ncr_qnode_set_form(struct ncr_arena *arena, const struct ncr_qgraph *graph,
                        struct ncr_qnode *node, struct ncr_weight_form form)
{
    node->form = form;
    for (uint32_t q = 0; q < graph->n_nodes; q++)
        if (graph->nodes[q].values && ncr_weight_form_equal(graph->nodes[q].form, form)) {
            node->values = graph->nodes[q].values;
            return;
        }
    node->values = ncr_weight_values_new(arena, form);
}

int64_t ncr_qnode_bytes(const struct ncr_qnode *node)
{
    return ncr_shape_elements(&node->shape) * ncr_qnode_element_bytes(node);
}

bool ncr_qnode_is_wide(const struct ncr_qgraph *graph, const struct ncr_qnode *node)
{
    bool wide = node->bits > 8;
    for (uint32_t k = 0; k < node->n_in; k++)
        wide |= graph->nodes[node->in[k]].bits > 8;
    return wide;
}

uint32_t ncr_qnode_table_entries(const struct ncr_qgraph *graph, const struct ncr_qnode *node)
{
    if (node->op == NCR_QOP_SOFTMAX)
        return ncr_qnode_is_wide(graph, node) ? NCR_QSOFTMAX_WIDE_ENTRIES : 256;
    if (node->op != NCR_QOP_LUT) return 0;
    return graph->nodes[node->in[0]].bits > 8 ? NCR_LUT_INTERVALS + 1 : 256;
}

int64_t ncr_qnode_weight_bytes(const struct ncr_qnode *node)
{
    if (node->n_weights == 0) return 0;
    return (node->n_weights * (int64_t)ncr_weight_memory_bits(node->form) + 7) / 8 +
           4 * (int64_t)node->n_channels;
}
