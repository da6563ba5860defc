// Facts of the integer operator table; verification and content hash of quantised graphs.
#include "compiler/quant/qgraph.h"

const char *ncr_qop_name(enum ncr_qop op)
{
    static const char *const names[] = {
#define NCR_QOP_ROW(NAME, name) #name,
#include "compiler/quant/qops.def"
#undef NCR_QOP_ROW
    };
    return names[op];
}

static bool has_weights(enum ncr_qop op)
{
    return op == NCR_QOP_CONV || op == NCR_QOP_DWCONV || op == NCR_QOP_DENSE;
}

static bool has_mult(enum ncr_qop op)
{
    return has_weights(op) || op == NCR_QOP_ADD || op == NCR_QOP_MUL || op == NCR_QOP_CONCAT ||
           op == NCR_QOP_AVGPOOL;
}

// "node %3 conv: …" for ncr_qgraph_verify; gives false.
static bool wrong(struct ncr_error *why, const struct ncr_qgraph *g, uint32_t q, const char *text)
{
    ncr_fail(why, NCR_USAGE, "node %%%u %s: %s", q, ncr_qop_name(g->nodes[q].op), text);
    return false;
}

static bool verify_numbers(const struct ncr_qgraph *g, uint32_t q, struct ncr_error *why)
{
    const struct ncr_qnode *n = &g->nodes[q];
    if (!(n->scale > 0)) return wrong(why, g, q, "the scale is not positive");
    if (n->zero_point < -128 || n->zero_point > 127)
        return wrong(why, g, q, "the zero point is no byte");
    if (n->lo < -128 || n->hi > 127 || n->lo > n->hi)
        return wrong(why, g, q, "the clamp is no range of bytes");
    if (has_weights(n->op) && (!n->weights || !n->bias || !n->weight_scale))
        return wrong(why, g, q, "weights are missing");
    if (has_mult(n->op) && (!n->mult || !n->shift))
        return wrong(why, g, q, "multipliers are missing");
    for (int32_t i = 0; has_mult(n->op) && i < n->n_channels; i++)
        if (n->shift[i] < 1 || n->shift[i] > 62 || n->mult[i] < 0)
            return wrong(why, g, q, "a multiplier is out of range");
    if (n->op == NCR_QOP_ADD && !n->in_mult)
        return wrong(why, g, q, "input multipliers are missing");
    if (n->op == NCR_QOP_LUT && !n->lut) return wrong(why, g, q, "the table is missing");
    if (n->op == NCR_QOP_SOFTMAX && !n->exp_table) return wrong(why, g, q, "the table is missing");
    return true;
}

bool ncr_qgraph_verify(const struct ncr_qgraph *g, struct ncr_error *why)
{
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_qnode *n = &g->nodes[q];
        if (n->op >= NCR_QOP_COUNT_)
            return ncr_fail(why, NCR_USAGE, "node %%%u has no operator", q) == NCR_OK;
        uint32_t least = n->op == NCR_QOP_INPUT                         ? 0
                         : n->op == NCR_QOP_ADD || n->op == NCR_QOP_MUL ? 2
                                                                        : 1;
        bool many = n->op == NCR_QOP_ADD || n->op == NCR_QOP_CONCAT;
        if (n->n_in < least || (!many && n->n_in > least))
            return wrong(why, g, q, "wrong number of inputs");
        for (uint32_t k = 0; k < n->n_in; k++)
            if (n->in[k] >= q) return wrong(why, g, q, "an input does not come before it");
        if (n->shape.rank != 1 && n->shape.rank != 3)
            return wrong(why, g, q, "the rank is neither 1 nor 3");
        int64_t elements = 1;
        for (uint32_t i = 0; i < n->shape.rank; i++) {
            if (n->shape.dim[i] < 1 || n->shape.dim[i] > NCR_LIMIT_DIM)
                return wrong(why, g, q, "a dimension is out of range");
            elements *= n->shape.dim[i];
        }
        if (elements > NCR_LIMIT_ELEMENTS) return wrong(why, g, q, "too many elements");
        if (has_weights(n->op) && (n->n_channels != n->shape.dim[0] ||
                                   n->n_weights < n->n_channels || n->n_weights % n->n_channels))
            return wrong(why, g, q, "the number of weights does not fit the channels");
        if (g->has_numbers && !verify_numbers(g, q, why)) return false;
    }
    for (uint32_t i = 0; i < g->n_inputs; i++)
        if (g->inputs[i] >= g->n_nodes || g->nodes[g->inputs[i]].op != NCR_QOP_INPUT)
            return ncr_fail(why, NCR_USAGE, "input %u is no input node", i) == NCR_OK;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (g->outputs[i] >= g->n_nodes)
            return ncr_fail(why, NCR_USAGE, "output %u is no node", i) == NCR_OK;
    if (g->n_inputs == 0 || g->n_outputs == 0)
        return ncr_fail(why, NCR_USAGE, "no input or no output") == NCR_OK;
    return true;
}

// The text form holds all that counts, numbers exactly, so its hash is the content hash. Names and
// paths are in it too: records of a campaign name layers.
struct ncr_hash ncr_qgraph_hash(const struct ncr_qgraph *qgraph)
{
    struct ncr_buf text = {0};
    ncr_qgraph_dump(qgraph, &text);
    if (text.failed) NCR_BUG("out of memory for the hash of a quantised graph");
    struct ncr_hash h = ncr_hash_bytes(text.s, text.n);
    ncr_buf_free(&text);
    return h;
}
