// QGRAPH structure to resilience figures. Sums run in node order, so they are the same on every
// machine.
#include "compiler/analysis/resilience.h"

enum { BIAS_BITS = 32 };

// Bits of an element of the node's output as it is stored.
static int64_t stored_bits(const struct ncr_qnode *node)
{
    return 8 * ncr_qnode_element_bytes(node);
}

// Products that one element of the tensor sums.
static int64_t fan_in(const struct ncr_qnode *node)
{
    return node->n_weights ? ncr_max_i64(1, node->n_weights / node->n_channels) : 1;
}

// Weight of input k among the inputs of an operator.
static double part(const struct ncr_qgraph *g, const struct ncr_qnode *node, uint32_t k,
                   enum ncr_relevance_split split)
{
    const struct ncr_qnode *in = &g->nodes[node->in[k]];
    if (node->op == NCR_QOP_CONCAT) return (double)ncr_shape_elements(&in->shape);
    return split == NCR_SPLIT_FAN_IN ? (double)fan_in(in) : 1;
}

static void send_back(const struct ncr_qgraph *g, uint32_t q, double *phi,
                      enum ncr_relevance_split split)
{
    const struct ncr_qnode *node = &g->nodes[q];
    double total = 0;
    for (uint32_t k = 0; k < node->n_in; k++)
        total += part(g, node, k, split);
    for (uint32_t k = 0; k < node->n_in; k++)
        phi[node->in[k]] += phi[q] * (part(g, node, k, split) / total);
}

void ncr_asi_sum(struct ncr_asi *asi, const struct ncr_qgraph *g)
{
    double flow = 0, elements = 0, bits = 0;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        double n = (double)ncr_shape_elements(&g->nodes[q].shape), s = asi->phi[q] / n;
        flow += asi->phi[q];
        bits += (double)stored_bits(&g->nodes[q]) * asi->phi[q];
        elements += n;
        asi->layer += s / g->n_nodes;
        if (s > asi->max) asi->max = s;
    }
    asi->mean = flow / elements;
    asi->exp = bits;
}

struct ncr_asi ncr_asi_of(struct ncr_arena *arena, const struct ncr_qgraph *g,
                          enum ncr_relevance_split split)
{
    struct ncr_asi asi = {.phi = NCR_NEW_N(arena, double, g->n_nodes)};
    for (uint32_t i = 0; i < g->n_outputs; i++)
        asi.phi[g->outputs[i]] += 1.0 / g->n_outputs;
    for (uint32_t q = g->n_nodes; q-- > 0;)
        send_back(g, q, asi.phi, split);
    ncr_asi_sum(&asi, g);
    return asi;
}

struct ncr_adcr ncr_adcr_of(const struct ncr_qgraph *g)
{
    struct ncr_adcr adcr = {0};
    double elements = 0, bits = 0, macs = 0;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_qnode *node = &g->nodes[q];
        if (node->op == NCR_QOP_INPUT) continue;
        int64_t traffic = ncr_shape_elements(&node->shape),
                traffic_bits = 8 * ncr_qnode_bytes(node);
        for (uint32_t k = 0; k < node->n_in; k++) {
            traffic += ncr_shape_elements(&g->nodes[node->in[k]].shape);
            traffic_bits += 8 * ncr_qnode_bytes(&g->nodes[node->in[k]]);
        }
        // A batchnorm that stands alone runs as a depthwise convolution, but has no MACs by the
        // convention of counts.
        int64_t m = ncr_node_macs(g->graph, node->node);
        if (m == 0) {
            adcr.other_elements += traffic;
            continue;
        }
        double d = (double)(traffic + node->n_weights + node->n_channels);
        double d_bits =
            (double)(traffic_bits + node->n_weights * (int64_t)ncr_weight_width(node->form) +
                     (int64_t)node->n_channels * BIAS_BITS);
        adcr.sum += d / (double)m;
        adcr.sum_bits += d_bits / (double)m;
        elements += d;
        bits += d_bits;
        macs += (double)m;
    }
    if (macs > 0) {
        adcr.ratio = elements / macs;
        adcr.ratio_bits = bits / macs;
    }
    return adcr;
}
