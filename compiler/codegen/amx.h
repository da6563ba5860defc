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
    // set by ncr_amx_open
    uint32_t chunk, rest; // groups of a product, and of the last one of a run; 0: none
    // Two blocks of [rows][vectors][pixels][16] i32, so that one is requantised while the next is
    // summed; bytes of one.
    LLVMValueRef sums;
    int64_t sums_bytes;
};

enum { NCR_AMX_LANES = 16, NCR_AMX_PIXELS = 16, NCR_AMX_TILES = 8, NCR_AMX_GROUPS = 16 };
// Tiles of sums that kernels take: the others are operands, and more were not faster.
enum { NCR_AMX_SUMS = 4 };

// Groups of four bytes that one product takes of a run, and those of the last product where the run
// is no multiple.
void ncr_amx_chunks(int64_t groups4, uint32_t *chunk, uint32_t *rest);
// Configures the tiles, before anything else; and lets them go.
void ncr_amx_open(struct ncr_emit *e, struct ncr_amx *a);
void ncr_amx_close(struct ncr_emit *e);
// Leaves the sums of a block in `sums`: biases are 16 i32 a vector, `weights` the packed weights of
// its vectors. rows and vectors may be fewer than configured.
void ncr_amx_sum(struct ncr_emit *e, const struct ncr_amx *a, uint32_t rows, uint32_t vectors,
                 LLVMValueRef window, LLVMValueRef weights, LLVMValueRef bias, LLVMValueRef sums);

// Opens the target of code for this process, as ncr_target_open does, and gives it the family with
// tile registers where nothing else is asked for and the system permits it. NCR_USAGE also where
// that family is asked for and not permitted.
struct ncr_target;
enum ncr_status ncr_amx_target(const struct ncr_code_options *options, struct ncr_target *out,
                               struct ncr_error *err);

#endif
