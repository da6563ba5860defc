// Private to compiler/codegen: products of matrices in AMX, x86's tile registers. A tile holds 16
// rows of 64 bytes: rows of A are the inputs of neighbouring outputs, as they lie in memory, B is
// the packed weights of 16 output channels, C 16 sums for each row of A. The packing of vpdpbusd is
// that of B.
#ifndef NCR_CODEGEN_AMX_H
#define NCR_CODEGEN_AMX_H

#include "compiler/codegen/emit.h"

// Sums of `rows` rows of `pixels` outputs by `vectors` vectors of 16 channels.
struct ncr_amx {
    uint32_t pixels, rows, vectors;    // as configured: at most 16 pixels
    int64_t step_x, step_y;            // bytes between the inputs of neighbouring outputs
    int64_t seg_x, seg_y, seg_columns; // runs, as a convolution has them
    int64_t segments, groups4;
    // Not 0: the rows are results of a window of so many columns, whose inputs are so far apart.
    int64_t tap_columns, tap_y, tap_x;
    // set by ncr_amx_open
    uint32_t chunk, rest; // groups of a product, and of the last one of a run; 0: none
    uint32_t held;        // products of a block, where the weights of each stay in a tile; or 0
    // NCR_AMX_BLOCKS blocks of [rows][vectors][pixels][16] i32, so that one is requantised while
    // the next but one is summed; bytes of one.
    LLVMValueRef sums;
    int64_t sums_bytes;
};

enum { NCR_AMX_LANES = 16, NCR_AMX_PIXELS = 16, NCR_AMX_TILES = 8, NCR_AMX_GROUPS = 16 };
// Tiles of sums that a block may have: the others are operands. Blocks of more than two were not
// faster; pooling windows need one for each result.
enum { NCR_AMX_SUMS = 4, NCR_AMX_BEST = 2 };
// Runs of a kernel between which other work is put.
enum { NCR_AMX_PARTS = 5 };
enum { NCR_AMX_BLOCKS = 3 };

// Groups of four bytes that one product takes of a run, and those of the last product where the run
// is no multiple.
void ncr_amx_chunks(int64_t groups4, uint32_t *chunk, uint32_t *rest);
// Configures the tiles, before anything else; and lets them go.
void ncr_amx_open(struct ncr_emit *e, struct ncr_amx *a);
void ncr_amx_close(struct ncr_emit *e);
// Loads the weights that are held, for the blocks that follow; others are loaded by each block.
void ncr_amx_hold(struct ncr_emit *e, const struct ncr_amx *a, LLVMValueRef weights);
// Other work, in parts, that is put between the products of a block: the tile unit and the vector
// units run side by side where the processor finds work for both among the next few hundred
// instructions.
struct ncr_amx_aside {
    void (*part)(struct ncr_emit *e, uint32_t part, uint32_t parts, void *user);
    void *user;
};
// Leaves the sums of a block in `sums`: biases are 16 i32 a vector, `weights` the packed weights of
// its vectors. rows and vectors may be fewer than configured.
void ncr_amx_sum(struct ncr_emit *e, const struct ncr_amx *a, uint32_t rows, uint32_t vectors,
                 LLVMValueRef window, LLVMValueRef weights, LLVMValueRef bias, LLVMValueRef sums,
                 const struct ncr_amx_aside *aside);

// Opens the target of code for this process, as ncr_target_open does, and gives it the family with
// tile registers where nothing else is asked for and the system permits it. NCR_USAGE also where
// that family is asked for and not permitted.
struct ncr_target;
enum ncr_status ncr_amx_target(const struct ncr_code_options *options, struct ncr_target *out,
                               struct ncr_error *err);

#endif
