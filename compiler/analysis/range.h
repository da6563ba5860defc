// QGRAPH with numbers to intervals: which values each channel of each tensor can have, and how far
// every accumulator can go. Interval arithmetic over the very integers that the interpreter and the
// emitted code compute with.
//
// *Sound*: from the weights and the range of the input alone (the bytes that ncr_quantise_input can
// give); holds for every input. *Calibrated*: what was seen on sample inputs; holds for those
// inputs, and every output says so.
#ifndef NCR_ANALYSIS_RANGE_H
#define NCR_ANALYSIS_RANGE_H

#include "compiler/quant/qgraph.h"

struct ncr_interval {
    int64_t lo, hi; // both ends belong to it
};

// One entry a channel: dim[0] of the node's shape, so that each element of a vector is one.
struct ncr_range_node {
    uint32_t n_channels;
    struct ncr_interval *value; // of the stored tensor, within what its elements hold
    // Of operators that sum and requantise (ncr_qop_has_mult), else NULL:
    struct ncr_interval *sum;   // what is requantised, the bias in it; calibrated: as it was seen
    struct ncr_interval *bound; // of the same by interval arithmetic; sound: equal to sum
    // Σ of the largest |term|, the bias in it: no partial sum in any order is larger.
    int64_t *reach;
    bool wraps; // some partial sum can leave 32 bits: value is then the whole clamp of the node
};

struct ncr_range_map {
    const struct ncr_qgraph *qgraph;
    struct ncr_range_node *nodes; // per qnode
    uint64_t n_samples;           // inputs seen; 0: sound
};

// Sound intervals. qgraph has numbers; the result lives in the arena and points to it.
struct ncr_range_map *ncr_range_sound(struct ncr_arena *arena, const struct ncr_qgraph *qgraph);

// Calibrated intervals: inputs (elements in logical order, one pointer for each network input) are
// fed one by one; finish gives the hull of what was seen. At least one input must have been fed.
struct ncr_range_observer;
struct ncr_range_observer *ncr_range_observer_new(struct ncr_arena *arena,
                                                  const struct ncr_qgraph *qgraph);
void ncr_range_observer_feed(struct ncr_range_observer *observer, const int8_t *const *inputs);
struct ncr_range_map *ncr_range_observer_finish(struct ncr_range_observer *observer);

// The channel of a node whose accumulator goes farthest, by reach; the first among equals.
uint32_t ncr_range_worst(const struct ncr_range_node *node);
// Bits of the narrowest two's complement accumulator that holds every partial sum.
uint32_t ncr_range_bits(const struct ncr_range_node *node);

// Refuses (N0801) each operator that sums and requantises whose partial sums can leave an
// accumulator of `bits` bits (2 to 32), naming its worst channel, its interval and the bound. True
// where all fit.
bool ncr_range_check(const struct ncr_range_map *map, uint32_t bits, struct ncr_diags *diags);

// A stored value after requantisation: clamp(zero_point + requantise(acc, mult[m], shift[m])). It
// never falls when acc grows.
static inline int32_t ncr_range_finish(const struct ncr_qnode *node, int32_t acc, int32_t m)
{
    int64_t y = (int64_t)node->zero_point + ncr_requantise(acc, node->mult[m], node->shift[m]);
    return (int32_t)(y < node->lo ? node->lo : y > node->hi ? node->hi : y);
}

#endif
