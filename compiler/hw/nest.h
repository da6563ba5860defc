// Loop nests on a hierarchy of memories: how often each memory is read and written.
//
// Rule (Parashar et al., "Timeloop", ISPASS 2019): the fills of a tensor's tile at a level are the
// tile's size times the bounds of the loops above that the tensor depends on, times the bounds of
// those it does not depend on and that stand outside the innermost one it does: inside of that the
// tile stays. Known error: neighbouring input tiles overlap, and the overlap is read again.
#ifndef NCR_HW_NEST_H
#define NCR_HW_NEST_H

#include "compiler/hw/work.h"

enum { NCR_NEST_LEVELS = 8 };

struct ncr_nest_loop {
    enum ncr_loop_dim dim;
    int64_t bound;
};

// Storage levels from the outermost (0) to the one that the multipliers read.
struct ncr_nest {
    uint32_t n_levels;
    // The loops over the tiles of a level, outermost first: each pass works on one tile of the next
    // level, at the last level on single products.
    struct ncr_nest_loop loops[NCR_NEST_LEVELS][NCR_DIMS];
    uint32_t n_loops[NCR_NEST_LEVELS];
    int64_t spatial[NCR_DIMS]; // unrolled over the processing elements; 1: not
    bool last_is_local;        // the last level is one at each processing element
    int32_t stride[2], dilation[2];
};

// Elements, for each operand and level.
struct ncr_nest_counts {
    double computes, outputs;
    double fills[NCR_NEST_LEVELS][NCR_OPERANDS]; // that come to the level from the one above
    // reads: of weights and inputs by the level below (by the multipliers at the last); of outputs
    // the partial sums that are added to: updates - outputs.
    double reads[NCR_NEST_LEVELS][NCR_OPERANDS];
    double updates[NCR_NEST_LEVELS]; // outputs and partial sums that come from below
};

// Elements of an operand's tile whose loops have the given extents.
double ncr_nest_tile(const struct ncr_nest *nest, enum ncr_operand operand,
                     const int64_t extent[NCR_DIMS]);
// Extents of the tile at a level: the loops of that level and below; with the spatial ones, which
// together hold the whole tile, or of one processing element.
void ncr_nest_extent(const struct ncr_nest *nest, uint32_t level, bool spatial,
                     int64_t extent[NCR_DIMS]);
// Fills of one operand's tile at a level (>= 1).
double ncr_nest_fills(const struct ncr_nest *nest, uint32_t level, enum ncr_operand operand);
void ncr_nest_count(const struct ncr_nest *nest, struct ncr_nest_counts *out);

#endif
