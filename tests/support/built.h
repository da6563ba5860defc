// A graph from its text form on its way to the integer network: made with weights of zero and
// ranges, which a test fills in, then quantised.
#ifndef NCR_TESTS_BUILT_H
#define NCR_TESTS_BUILT_H

#include "compiler/quant/qgraph.h"

struct built {
    struct ncr_arena *arena;
    struct ncr_graph *graph; // simplified
    struct ncr_weights *weights;
    struct ncr_quant_spec spec;
    struct ncr_ranges ranges;
    struct ncr_diags diags;
    struct ncr_qgraph *q; // NULL where it was refused
};

// All weights zero, all ranges [-1, 1], 8-bit weights per channel, 8-bit activations; nothing is
// quantised yet.
struct built built_of(const char *text);

// Quantises what it holds now; again after changes gives another network.
void built_quantise(struct built *b);

// Quantises; anything refused ends the test.
void built_good(struct built *b);

// Quantises, expects exactly one diagnostic, and frees the arena.
void built_refused(struct built *b, unsigned number, const char *text);

#endif
