// Access counts of loop nests: Timeloop's check value, and small nests walked loop by loop.
#include <criterion/criterion.h>

#include "compiler/hw/nest.h"
#include "lang/base/rng.h"

Test(nest, one_level_of_a_convolution_in_one_dimension)
{
    // Timeloop's example: R = 3, P = 16, one memory: every multiplication reads a weight and an
    // input and adds to an output, whose first addition reads nothing.
    struct ncr_nest nest = {.n_levels = 1, .stride = {1, 1}, .dilation = {1, 1}};
    for (int d = 0; d < NCR_DIMS; d++)
        nest.spatial[d] = 1;
    nest.loops[0][0] = (struct ncr_nest_loop){NCR_DIM_P, 16};
    nest.loops[0][1] = (struct ncr_nest_loop){NCR_DIM_R, 3};
    nest.n_loops[0] = 2;
    struct ncr_nest_counts c;
    ncr_nest_count(&nest, &c);
    cr_assert_eq(c.computes, 48);
    cr_assert_eq(c.reads[0][NCR_OPERAND_WEIGHT], 48);
    cr_assert_eq(c.reads[0][NCR_OPERAND_INPUT], 48);
    cr_assert_eq(c.reads[0][NCR_OPERAND_OUTPUT], 32);
    cr_assert_eq(c.updates[0], 48);
}

// -- walked ---------------------------------------------------------------------------------------

// Which tile of an operand a pass works on: the indices of the loops it depends on, as one number.
static int64_t tile_of(const struct ncr_nest *nest, uint32_t level, int operand,
                       int64_t index[NCR_NEST_LEVELS][NCR_DIMS])
{
    static const bool uses[NCR_OPERANDS][NCR_DIMS] = {
        {[NCR_DIM_K] = true, [NCR_DIM_C] = true, [NCR_DIM_R] = true, [NCR_DIM_S] = true},
        {[NCR_DIM_C] = true,
         [NCR_DIM_R] = true,
         [NCR_DIM_S] = true,
         [NCR_DIM_P] = true,
         [NCR_DIM_Q] = true},
        {[NCR_DIM_K] = true, [NCR_DIM_P] = true, [NCR_DIM_Q] = true}};
    int64_t tile = 0;
    for (uint32_t l = 0; l < level; l++)
        for (uint32_t i = 0; i < nest->n_loops[l]; i++)
            if (uses[operand][nest->loops[l][i].dim])
                tile = tile * nest->loops[l][i].bound + index[l][i];
    return tile;
}

// Counts by walking all loops above a level how often the tile of an operand there changes.
static double walked_fills(const struct ncr_nest *nest, uint32_t level, int operand)
{
    int64_t index[NCR_NEST_LEVELS][NCR_DIMS] = {{0}}, held = -1;
    double changes = 0;
    for (;;) {
        int64_t tile = tile_of(nest, level, operand, index);
        changes += tile != held;
        held = tile;
        bool done = true;
        for (uint32_t l = level; l-- > 0 && done;)
            for (uint32_t i = nest->n_loops[l]; i-- > 0 && done;) {
                done = ++index[l][i] == nest->loops[l][i].bound;
                if (done) index[l][i] = 0;
            }
        if (done) break;
    }
    return changes;
}

Test(nest, fills_are_those_of_a_walk)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 0);
        struct ncr_nest nest = {.n_levels = 3, .stride = {1, 1}, .dilation = {1, 1}};
        for (int d = 0; d < NCR_DIMS; d++)
            nest.spatial[d] = 1;
        for (uint32_t l = 0; l < 3; l++) {
            bool taken[NCR_DIMS] = {false};
            uint32_t n = (uint32_t)ncr_rng_below(&rng, 4);
            for (uint32_t i = 0; i < n; i++) {
                enum ncr_loop_dim d = (enum ncr_loop_dim)ncr_rng_below(&rng, NCR_DIMS);
                if (taken[d]) continue;
                taken[d] = true;
                nest.loops[l][nest.n_loops[l]++] =
                    (struct ncr_nest_loop){d, 1 + (int64_t)ncr_rng_below(&rng, 4)};
            }
        }
        for (uint32_t level = 1; level < 3; level++)
            for (int t = 0; t < NCR_OPERANDS; t++) {
                int64_t extent[NCR_DIMS];
                ncr_nest_extent(&nest, level, true, extent);
                double size = ncr_nest_tile(&nest, (enum ncr_operand)t, extent);
                cr_assert_eq(ncr_nest_fills(&nest, level, (enum ncr_operand)t),
                             size * walked_fills(&nest, level, t), "seed %d level %u operand %d",
                             (int)seed, level, t);
            }
    }
}

Test(nest, an_input_tile_is_what_its_window_covers)
{
    struct ncr_nest nest = {.stride = {2, 1}, .dilation = {1, 3}};
    int64_t extent[NCR_DIMS] = {[NCR_DIM_K] = 7, [NCR_DIM_C] = 2, [NCR_DIM_R] = 3,
                                [NCR_DIM_S] = 2, [NCR_DIM_P] = 4, [NCR_DIM_Q] = 5};
    // rows (4-1)*2 + 3 = 9, columns (5-1)*1 + 3*(2-1) + 1 = 8
    cr_assert_eq(ncr_nest_tile(&nest, NCR_OPERAND_INPUT, extent), 2 * 9 * 8);
    cr_assert_eq(ncr_nest_tile(&nest, NCR_OPERAND_WEIGHT, extent), 7 * 2 * 3 * 2);
    cr_assert_eq(ncr_nest_tile(&nest, NCR_OPERAND_OUTPUT, extent), 7 * 4 * 5);
    // steps wider than the window: only what is touched
    nest.stride[0] = 5;
    cr_assert_eq(ncr_nest_tile(&nest, NCR_OPERAND_INPUT, extent), 2 * 12 * 8);
}
