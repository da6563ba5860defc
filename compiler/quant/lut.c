// A float operator of one variable to the table of a LUT.
#include "compiler/quant/lut.h"

#include <math.h>

static double function_of(const struct ncr_node *node, double x)
{
    switch ((int)node->op) {
    case NCR_OP_RELU: return x > 0 ? x : 0;
    case NCR_OP_RELU6: return x < 0 ? 0 : x > 6 ? 6 : x;
    case NCR_OP_LEAKY_RELU: return x > 0 ? x : (double)node->attrs.alpha * x;
    case NCR_OP_HARDSWISH: return x * (x + 3 < 0 ? 0 : x + 3 > 6 ? 6 : x + 3) / 6;
    case NCR_OP_SIGMOID: return 1 / (1 + exp(-x));
    case NCR_OP_TANH: return tanh(x);
    default: NCR_BUG("no table for %s", ncr_op_name(node->op));
    }
}

void ncr_lut_fill(struct ncr_arena *arena, const struct ncr_qgraph *graph, struct ncr_qnode *node,
                  const struct ncr_node *function)
{
    const struct ncr_qnode *in = &graph->nodes[node->in[0]];
    bool wide = ncr_qnode_is_wide(graph, node), curve = in->bits > 8;
    int step = curve ? ncr_lut_step(in) : 0, fraction = curve ? ncr_lut_fraction(node) : 0;
    uint32_t n = ncr_qnode_table_entries(graph, node);
    if (wide)
        node->wide_lut = NCR_NEW_N(arena, int32_t, n);
    else
        node->lut = NCR_NEW_N(arena, int8_t, n);
    for (uint32_t i = 0; i < n; i++) {
        int32_t x = ((int32_t)i << step) - ncr_qnode_magnitude(in);
        double y = function_of(function, in->scale * (x - in->zero_point)) / node->scale;
        int32_t entry = ncr_round_sat(ldexp(y + node->zero_point, fraction),
                                      node->lo * (1 << fraction), node->hi * (1 << fraction));
        if (wide)
            node->wide_lut[i] = entry;
        else
            node->lut[i] = (int8_t)entry;
    }
}

int32_t ncr_lut_reach(const struct ncr_qnode *input, const struct ncr_qnode *node, int32_t x,
                      int32_t to, int64_t lo, int64_t hi)
{
    while (x != to) {
        bool up = to > x;
        int32_t stop = ncr_lut_piece(input, x, up);
        if (up ? stop > to : stop < to) stop = to;
        int32_t y = ncr_look_up(input, node, stop);
        if (y >= lo && y <= hi) {
            x = stop;
            continue;
        }
        while (stop - x > 1 || x - stop > 1) { // x is in, stop is out
            int32_t mid = x + (stop - x) / 2;
            y = ncr_look_up(input, node, mid);
            if (y >= lo && y <= hi)
                x = mid;
            else
                stop = mid;
        }
        break;
    }
    return x;
}
