// Loop nest to access counts.
#include "compiler/hw/nest.h"

static bool depends(enum ncr_operand operand, enum ncr_loop_dim dim)
{
    switch (operand) {
    case NCR_OPERAND_WEIGHT: return dim != NCR_DIM_P && dim != NCR_DIM_Q;
    case NCR_OPERAND_INPUT: return dim != NCR_DIM_K;
    case NCR_OPERAND_OUTPUT: return dim == NCR_DIM_K || dim == NCR_DIM_P || dim == NCR_DIM_Q;
    case NCR_OPERANDS: break;
    }
    return false;
}

// Positions that a window of `taps` covers over `outputs` steps: all that lie under it, no more
// than there are where the steps are wider than the window.
static double span(int64_t outputs, int64_t taps, int32_t stride, int32_t dilation)
{
    double under = (double)(outputs - 1) * stride + (double)(taps - 1) * dilation + 1;
    double touched = (double)outputs * (double)taps;
    return under < touched ? under : touched;
}

double ncr_nest_tile(const struct ncr_nest *nest, enum ncr_operand operand,
                     const int64_t extent[NCR_DIMS])
{
    double size = 1;
    if (operand == NCR_OPERAND_INPUT)
        return (double)extent[NCR_DIM_C] *
               span(extent[NCR_DIM_P], extent[NCR_DIM_R], nest->stride[0], nest->dilation[0]) *
               span(extent[NCR_DIM_Q], extent[NCR_DIM_S], nest->stride[1], nest->dilation[1]);
    for (int d = 0; d < NCR_DIMS; d++)
        if (depends(operand, (enum ncr_loop_dim)d)) size *= (double)extent[d];
    return size;
}

void ncr_nest_extent(const struct ncr_nest *nest, uint32_t level, bool spatial,
                     int64_t extent[NCR_DIMS])
{
    for (int d = 0; d < NCR_DIMS; d++)
        extent[d] = spatial ? nest->spatial[d] : 1;
    for (uint32_t l = level; l < nest->n_levels; l++)
        for (uint32_t i = 0; i < nest->n_loops[l]; i++)
            extent[nest->loops[l][i].dim] *= nest->loops[l][i].bound;
}

double ncr_nest_fills(const struct ncr_nest *nest, uint32_t level, enum ncr_operand operand)
{
    int64_t extent[NCR_DIMS];
    ncr_nest_extent(nest, level, true, extent);
    double fills = ncr_nest_tile(nest, operand, extent);
    bool inside = true; // no loop that the operand depends on was met yet, from the inside
    for (uint32_t l = level; l-- > 0;)
        for (uint32_t i = nest->n_loops[l]; i-- > 0;) {
            const struct ncr_nest_loop *loop = &nest->loops[l][i];
            if (loop->bound == 1) continue;
            if (depends(operand, loop->dim)) inside = false;
            if (!inside) fills *= (double)loop->bound;
        }
    return fills;
}

void ncr_nest_count(const struct ncr_nest *nest, struct ncr_nest_counts *out)
{
    int64_t extent[NCR_DIMS];
    uint32_t last = nest->n_levels - 1;
    *out = (struct ncr_nest_counts){.computes = 1};
    ncr_nest_extent(nest, 0, true, extent);
    for (int d = 0; d < NCR_DIMS; d++)
        out->computes *= (double)extent[d];
    out->outputs = ncr_nest_tile(nest, NCR_OPERAND_OUTPUT, extent);
    for (int t = 0; t < NCR_OPERANDS; t++) {
        enum ncr_operand operand = (enum ncr_operand)t;
        for (uint32_t l = 1; l < nest->n_levels; l++)
            out->fills[l][t] = ncr_nest_fills(nest, l, operand);
        for (uint32_t l = 0; l < last; l++)
            out->reads[l][t] = out->fills[l + 1][t];
        // A shared level serves with one access all processing elements that use the same element,
        // and takes one sum of all that add to the same output.
        double shared = 1;
        for (int d = 0; d < NCR_DIMS; d++)
            if (!depends(operand, (enum ncr_loop_dim)d)) shared *= (double)nest->spatial[d];
        out->reads[last][t] = out->computes / (nest->last_is_local ? 1 : shared);
    }
    for (uint32_t l = 0; l < nest->n_levels; l++) {
        double updates = out->reads[l][NCR_OPERAND_OUTPUT];
        out->updates[l] = updates;
        out->reads[l][NCR_OPERAND_OUTPUT] = updates - out->outputs;
    }
}
