// Numbers of quantised graphs drawn directly: everything that ncr_qgraph_verify admits, far from
// what quantisation makes of float networks. Weights of -128, accumulators that wrap, multipliers
// of 0, clamps to a single value, zero points at the ends.
#ifndef NCR_TESTS_RANDOM_NUMBERS_H
#define NCR_TESTS_RANDOM_NUMBERS_H

#include "compiler/quant/qgraph.h"

// Replaces all numbers of the graph, allocated in the arena. Depends on the seed and the structure.
void random_numbers(struct ncr_arena *arena, struct ncr_qgraph *qgraph, uint64_t seed);

#endif
