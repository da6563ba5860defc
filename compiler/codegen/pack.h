// Private to compiler/codegen: where the constants of each node lie in the blob, and in which form.
#ifndef NCR_CODEGEN_PACK_H
#define NCR_CODEGEN_PACK_H

#include "compiler/codegen/family.h"

// Shape of the tiles of a convolution or dense layer.
struct ncr_tile {
    // Neighbouring outputs of a row that are computed as one output of `fold` times the channels,
    // by a kernel wider by (fold - 1)·stride; fills vectors where there are few channels.
    uint32_t fold;
    uint32_t merge; // channel groups taken together, weights between them being zero
    uint32_t vectors, pixels, rows; // accumulators of a tile, at most
    uint32_t split;                 // sums of each accumulator that run side by side
    bool amx;                       // in tile registers (amx.h)
};

// Head of every node's constants: i32 words.
enum ncr_head {
    NCR_HEAD_ZERO16, // zero point of the stored form, twice as i16
    NCR_HEAD_LO8,    // clamp of the stored form, four times as a byte
    NCR_HEAD_HI8,
    NCR_HEAD_ZERO, // logical
    NCR_HEAD_LO,
    NCR_HEAD_HI,
    NCR_HEAD_SCALE = 6, // mult, round, shift of operators with one scale
    NCR_HEAD_SUM = 9,   // what the sum of an ADD starts with
    NCR_HEAD_IN = 10,   // of input k: ADD its multiplier; MUL its zero point of the stored form
    NCR_HEAD_WORDS = 16
};

// How a scale is applied (requant.c).
enum ncr_scale_kind {
    NCR_SCALE_HIGH, // shifts from 33 on: the high half of the product
    NCR_SCALE_WIDE, // 64 bits
    NCR_SCALE_SHIFT // powers of two: no product; round is 1 + 2·zero point, shift that of qmath.h -
                    // 31
};

// What a convolution or dense layer does with its results before they are stored (plan.h: fused).
struct ncr_fusion {
    uint32_t sum;      // ADD that they go into, or NCR_PLAN_OWN
    uint32_t other;    // that one's other input
    int32_t pool[2];   // rows and columns of results of which the largest is kept; 1, 1: all are
    int32_t stride[2]; // of the kernel, from one stored result to the next
};
struct ncr_fusion ncr_fusion_of(const struct ncr_plan *plan, uint32_t q);

struct ncr_pack {
    uint64_t base; // of the node's constants in the blob; all below count from there
    // A kernel reads its input as `segments` runs of contiguous bytes, each `groups4` groups of 4
    // (the last one filled up with weights of zero). With dilation 1 and one channel group a run is
    // a whole kernel row.
    struct ncr_tile tile;
    struct ncr_fusion fusion;
    bool row_runs; // a run is a kernel row [kw·C]; else one tap [C / groups]
    int32_t segments, groups4, run_bytes;
    int32_t channel_groups; // after merging
    int32_t outs, vectors;  // lanes in use, and vectors of them, in one channel group
    // Depthwise: blocks of lanes·4 bytes of an output row; `patterns` of them differ in channels.
    int32_t patterns, tap_rows, row_groups;
    bool flat;     // blocks run over the whole row [W·C], else over the C bytes of a pixel
    bool permuted; // RESHAPE: a vector in the order of its source's memory, see below
    enum ncr_scale_kind scale;
    enum ncr_weight_pack pack;
    bool has_zero; // the output's zero point is in the rounding of the scales
    bool clamps;   // the output's clamp is narrower than a byte
    bool wide;     // elements of two bytes are read or written: the kernel is one of wide.c
    uint64_t bias, mult, round, shift; // i32 arrays
    uint64_t weights;
    // LUT, CONCAT: 256 bytes an input; wide LUT: its entries as i16; SOFTMAX: its entries as i32;
    // AVGPOOL, wide CONCAT: 4 i32 a tap count or input
    uint64_t table;
};

struct ncr_packs {
    const struct ncr_plan *plan;
    const struct ncr_family *family;
    enum ncr_code_optimize optimize;
    struct ncr_pack *at; // per qnode
    uint64_t bytes;
};

void ncr_packs_layout(struct ncr_packs *packs, struct ncr_arena *arena, const struct ncr_plan *plan,
                      const struct ncr_family *family, enum ncr_code_optimize optimize);
// Writes all constants; blob is packs->bytes, zeroed.
void ncr_packs_fill(const struct ncr_packs *packs, uint8_t *blob);
// Most copies of a weight or of a channel's numbers in the blob.
enum { NCR_WEIGHT_COPIES = 256 };
// The integer that logical weight `index` of qnode q stands for in the blob; and its replacement by
// a stored weight (weight_form.h).
int32_t ncr_packs_weight(const struct ncr_packs *packs, const uint8_t *blob, uint32_t q,
                         int64_t index);
void ncr_packs_set_weight(const struct ncr_packs *packs, uint8_t *blob, uint32_t q, int64_t index,
                          int8_t stored);
// What a weight adds to the packed bias of its channel, so that the kernel's sum becomes that of
// the interpreter.
int32_t ncr_packs_folded(const struct ncr_packs *packs, uint32_t q, int32_t weight);
// Places of output channel o of qnode q in the array bias (and mult, round, shift), as indices.
uint32_t ncr_packs_channel(const struct ncr_packs *packs, uint32_t q, int32_t o,
                           uint32_t out[NCR_WEIGHT_COPIES]);

// NCR_PACK_SHIFTS (lower_shift.c): the byte of a stored log2 weight, and the integer of a byte; and
// the bytes of the table that gives two of them for two weights a byte.
uint8_t ncr_shift_code(struct ncr_weight_form form, uint32_t pattern);
int32_t ncr_shift_value(struct ncr_weight_form form, uint8_t code);
enum { NCR_SHIFT_TABLE_BYTES = 512 };

// A weight's place in its node: output channel, channel of the group, row and column.
struct ncr_weight_place {
    int64_t o, c, ky, kx;
};
struct ncr_weight_place ncr_weight_place_of(const struct ncr_qnode *node, int64_t index);

// Wide products of matrices: weights are int16, in cells of two for each lane; tile.vectors and
// tile.pixels, channel_groups, outs, vectors, row_runs and segments mean what they do elsewhere,
// and run_bytes, groups4 elements and pairs of them. Wide depthwise layers have a weight for each
// lane and tap, tap after tap of a vector of channels.
void ncr_wide_layout(struct ncr_packs *packs, uint32_t q);
// Number of a weight in that order (wide.c), and all of them in the blob.
uint64_t ncr_wide_weight(const struct ncr_packs *packs, uint32_t q, int64_t index);

// Whether a CONV is a product of matrices over all pixels, which lie one after the other.
bool ncr_is_pointwise(const struct ncr_plan *plan, uint32_t q);
// Where element `index` of qnode q's tensor stands in the order of the plan. A flattened tensor
// that only dense layers read keeps the order of memory, [H, W, C], and their weights follow it;
// all others are as the plan says.
int64_t ncr_packs_element(const struct ncr_packs *packs, uint32_t q, int64_t index);

// Whether a DWCONV takes the depthwise kernel.
bool ncr_is_depthwise(const struct ncr_qgraph *graph, const struct ncr_qnode *node);
// Whether CONCAT takes the bytes of input k as they are.
bool ncr_concat_copies(const struct ncr_qgraph *graph, const struct ncr_qnode *node, uint32_t k);

// Whether loops over products are left as they are, one group an iteration.
bool ncr_tile_rolled(const struct ncr_family *family, enum ncr_code_optimize optimize);
struct ncr_tile ncr_tile_choose(const struct ncr_plan *plan, const struct ncr_family *family,
                                enum ncr_code_optimize optimize, uint32_t q);

#endif
