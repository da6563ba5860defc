// Private to compiler/codegen: what the files of convolution and dense layers share. matmul.c sums
// in registers, matmul_amx.c in tile registers, matmul_store.c brings results to memory.
#ifndef NCR_CODEGEN_MATMUL_H
#define NCR_CODEGEN_MATMUL_H

#include "compiler/codegen/amx.h"

// What a kernel depends on; everything else comes through its pointers. All int64_t: it is its own
// key.
struct ncr_matmul_shape {
    int64_t step_x, step_y;                 // bytes between the inputs of neighbouring outputs
    int64_t seg_x, seg_y;                   // bytes between runs
    int64_t seg_columns, segments, groups4; // runs in a kernel row and in all; groups of a run
    int64_t height, width, out_pixel;       // outputs; bytes from one output pixel to the next
    int64_t channel_groups, group_in;       // planes of the convolution; input bytes between them
    int64_t outs, vectors;                  // of a plane
    int64_t tile_vectors, pixels, rows, split;
    int64_t scale, has_zero, clamps;
    int64_t bias, mult, round, shift, weights; // offsets in the constants
    struct ncr_weight_key read;
    int64_t amx;  // in tiles: pixels and rows as there
    int64_t taps; // of the last group of a run that are products; 4 where all are taken
    int64_t pool_y, pool_x, tap_y, tap_x; // results that make an output; bytes between their inputs
    int64_t sum;                          // an ADD follows, of which the results are input sum - 1
    int64_t sum_scale, sum_has_zero, sum_clamps;
};

enum { NCR_MATMUL_SUMS = 64 }; // vectors of sums of a tile, at most

// Where outputs go, and (with `sum`) the elements of the other tensor that go into them.
struct ncr_place {
    LLVMValueRef out, other;
};

// The ADD: clamp of the results, as stored (zero NULL: in their rounding); factors and what the sum
// starts with, see elementwise.c.
struct ncr_residual {
    LLVMValueRef zero, lo, hi, mine, theirs, start;
    struct ncr_scale scale;
};

struct ncr_matmul {
    struct ncr_emit *e;
    const struct ncr_matmul_shape *s;
    LLVMValueRef consts, out_row, other_row;
    LLVMValueRef source; // of the plane
    struct ncr_place target;
    struct ncr_residual residual;
    LLVMValueRef weights, channel; // of the plane; channel is an index into bias, mult, …
    struct ncr_finish finish;
    struct ncr_weight_read read;
    uint32_t cell; // bytes of a group of weights
    struct ncr_amx amx;
};

// Outputs that are computed together: rows of neighbouring pixels of vectors of channels.
struct ncr_matmul_tile {
    uint32_t rows, pixels, vectors;
};

// Both addresses moved: by index·scale + offset bytes; by rows.
struct ncr_place ncr_place_at(struct ncr_matmul *m, struct ncr_place p, LLVMValueRef index,
                              int64_t scale, int64_t offset);
struct ncr_place ncr_place_down(struct ncr_matmul *m, struct ncr_place p, LLVMValueRef rows);
// own, consts: the constants of the product and of the ADD.
struct ncr_residual ncr_residual_open(struct ncr_emit *e, const struct ncr_matmul_shape *s,
                                      LLVMValueRef own, LLVMValueRef consts);
// Requantised results r of one row of a tile to memory, after what is fused; r is changed. `last`
// lanes of the last vector of each pixel are outputs.
void ncr_matmul_store(struct ncr_matmul *m, const struct ncr_matmul_tile *t, LLVMValueRef *r,
                      struct ncr_place place, uint32_t last);
// All outputs of a plane for the vectors of `t` from `vector` on, in tile registers.
void ncr_matmul_amx(struct ncr_matmul *m, struct ncr_matmul_tile t, LLVMValueRef vector,
                    uint32_t last);

#endif
