// PLAN: the order of the integer operators and the place of every tensor in one arena. Made from
// the structure of a QGRAPH alone, so the static report and the emitted code use the very same
// plan.
//
// Layout of a rank-3 tensor [C, H, W] in its buffer: pixels of C elements of one or two bytes
// (channels innermost), rows of (left + W + right) pixels, (top + H + bottom) rows: the border is
// what the consumers' padding needs, and is filled with the tensor's zero point by the producer. A
// rank-1 tensor [N] is N elements. `tail` bytes after the last may be read (not used) by kernels
// that load whole groups of 4 or vectors.
//
// In place: the output of ADD, MUL and LUT may lie in the very buffer of an input whose last reader
// it is (same layout, elements as wide, same offset). So their code must read element i of all
// inputs before it writes element i of the output, and must never compute an element twice. A
// RESHAPE to a vector may do so too where that leaves all elements in their order in memory
// (flat.c) and nothing is around the image: then it is no work.
//
// Fused: a CONV or DENSE that one ADD or MAXPOOL alone reads has no buffer in a shared plan. Its
// values are computed at that reader's step and go into it from registers; what it reads is alive
// until then. An ADD is in place of its other input unless the CONV reads that one too.
//
// A plan of a batch of B images: the first n_head steps run for each image, with the same buffers
// again and again; the others, the tail, once for all. A tensor [N] that the tail reads or writes
// has B images side by side: B pixels of N channels, image after image, so that a dense layer is a
// convolution of B pixels. What the head writes of it are slots, one an image, which live from the
// first step on. A network without a tail is a loop over images (batch.c says what a tail is).
//
// Slices: a tensor that joins a CONCAT (qgraph.h) may lie in the buffer of the CONCAT, as some of
// the channels of its pixels. Its code must write those bytes alone; the CONCAT then leaves them as
// they are, and fills the border.
#ifndef NCR_PLAN_PLAN_H
#define NCR_PLAN_PLAN_H

#include "compiler/quant/qgraph.h"

struct ncr_buffer {
    uint64_t offset, bytes; // in the arena; offset is a multiple of NCR_PLAN_ALIGN; bytes includes
                            // border and tail
    int32_t channels, height, width; // [N]: N, 1, 1, or the images of a batch as width
    int32_t border[4];               // top, left, bottom, right pixels
    int32_t element;                 // bytes of an element, 1 or 2
    int64_t pixel_bytes, row_bytes;  // distance of pixels, and of rows
    int64_t first;                   // offset of element (0, 0, 0) from `offset`
    uint32_t first_step, last_step;  // life: written in first_step, last read in last_step
    uint32_t in_place_of;            // qnode whose buffer it takes over, or NCR_PLAN_OWN
    uint32_t fused_into; // the one reader, where the tensor is not stored (bytes is 0); or
                         // NCR_PLAN_OWN
    uint32_t images;     // side by side: those of the batch, or 1
    uint32_t slice_of;   // CONCAT in whose buffer it lies, or NCR_PLAN_OWN; offset and bytes are
                         // those of that buffer then, and it has no border of its own
};

#define NCR_PLAN_OWN UINT32_MAX
enum { NCR_PLAN_ALIGN = 64, NCR_PLAN_TAIL = 64 };
enum { NCR_PLAN_BATCH_LIMIT = 1024 }; // images of a batch

// Bytes from a pixel to the next: those of its elements, but for slices.
static inline int64_t ncr_buffer_pixel(const struct ncr_buffer *buffer)
{
    return buffer->pixel_bytes;
}

enum ncr_plan_mode {
    NCR_PLAN_SHARED,  // buffers reused: what ships
    NCR_PLAN_SEPARATE // every tensor has its own place: for fault campaigns, which keep all golden
                      // tensors
};

struct ncr_plan {
    const struct ncr_qgraph *qgraph;
    enum ncr_plan_mode mode;
    uint32_t batch;  // images of a run
    uint32_t *steps; // qnode ids in execution order; step 0 .. n_inputs-1 are the inputs
    uint32_t n_steps;
    uint32_t n_head;            // steps that run for each image, inputs among them
    struct ncr_buffer *buffers; // per qnode
    uint64_t arena_bytes;       // size of the arena; a multiple of NCR_PLAN_ALIGN
    uint64_t
        lower_bound_bytes; // no arena of this order is smaller: the largest sum of live buffers
                           // in whole units of NCR_PLAN_ALIGN, or of all where separate
    uint32_t peak_step;    // the first step with the largest sum of live bytes
};

// Never fails on a graph that passes ncr_qgraph_verify. Shared: of several orders (the graph's own,
// a greedy one, and where the graph is narrow the one with the least peak of all) and choices of
// in-place operators and slices the one with the smallest arena; among equals the one with most
// bytes in slices, then the graph's own order.
struct ncr_plan *ncr_plan_build(struct ncr_arena *arena, const struct ncr_qgraph *qgraph,
                                enum ncr_plan_mode mode);
// The same, shared, for runs of `batch` images, 1 to NCR_PLAN_BATCH_LIMIT. The tail of each order
// stands behind its head.
struct ncr_plan *ncr_plan_build_batch(struct ncr_arena *arena, const struct ncr_qgraph *qgraph,
                                      uint32_t batch);
// The same for runs over many images, of the batch that is fast: 1 where nothing is shared.
struct ncr_plan *ncr_plan_build_many(struct ncr_arena *arena, const struct ncr_qgraph *qgraph);
// The largest sum of live buffers in the graph's own order, element-wise operators in place where
// borders agree, with slices or without: an upper bound of the peak that ncr_plan_build finds, in
// linear time.
uint64_t ncr_plan_peak(struct ncr_arena *scratch, const struct ncr_qgraph *qgraph);
// Checks order, layouts, borders, lives, alignment, sharing and the totals; names what is wrong.
bool ncr_plan_verify(const struct ncr_plan *plan, struct ncr_error *why);
// The input of q that is fused into it, or NCR_PLAN_OWN.
uint32_t ncr_plan_fused(const struct ncr_plan *plan, uint32_t q);
// Where the results of q's products are stored: q, or what it is fused into.
static inline uint32_t ncr_plan_stored_as(const struct ncr_plan *plan, uint32_t q)
{
    uint32_t into = plan->buffers[q].fused_into;
    return into == NCR_PLAN_OWN ? q : into;
}
// Whether q is a RESHAPE to a vector that dense layers alone read: it keeps the order of memory,
// [H, W, C], and their weights follow it (codegen/pack.h).
bool ncr_plan_flat_for_dense(const struct ncr_qgraph *qgraph, uint32_t q);
void ncr_plan_dump(const struct ncr_plan *plan, struct ncr_buf *out);
// Byte offset in the arena of logical element `index` (row-major [C, H, W]) of the tensor of qnode
// q, for the first image of a batch.
uint64_t ncr_plan_locate(const struct ncr_plan *plan, uint32_t q, int64_t index);
// The first step at which a buffer's bytes are alive on their own account: those of a tensor in
// place of another count as the other's while that one is still read. A slice's never are.
static inline uint32_t ncr_buffer_from(const struct ncr_buffer *buffer)
{
    if (buffer->slice_of != NCR_PLAN_OWN) return UINT32_MAX;
    return buffer->first_step + (buffer->in_place_of != NCR_PLAN_OWN);
}
// live[s], for all n_steps: the sum of `bytes` of the buffers alive at step s.
void ncr_plan_live(const struct ncr_plan *plan, uint64_t *live);

// The memory planner by itself: tensors with sizes and life spans (inclusive steps) to offsets.
// First fit, greedy by size and in other orders, then improved where it misses the lower bound.
// Offsets and the size are multiples of align, a power of two.
struct ncr_mem_item {
    uint64_t bytes;
    uint32_t first, last;
    uint64_t offset; // result
};
// Gives the arena size; *lower_bound (may be NULL) is the largest sum of live items, each rounded
// up to align. scratch is reset to where it was.
uint64_t ncr_mem_plan(struct ncr_arena *scratch, struct ncr_mem_item *items, uint32_t n,
                      uint64_t align, uint64_t *lower_bound);

#endif
