// Random networks over all operators, for property and differential tests. Everything depends on
// the seed alone.
#ifndef NCR_TESTS_RANDOM_GRAPH_H
#define NCR_TESTS_RANDOM_GRAPH_H

#include "compiler/quant/qgraph.h"

struct random_net {
    struct ncr_graph *graph; // simplified; one or two inputs, one to three outputs
    struct ncr_weights *weights;
    struct ncr_quant_spec spec;
    const struct ncr_ranges *ranges;
    struct ncr_qgraph *qgraph; // with numbers
};

// A graph as it is before simplification: identities, dropout and dead nodes are in it.
struct ncr_graph *random_graph_make(struct ncr_arena *arena, uint64_t seed, uint32_t size);
// With many pairs of operators that plans fuse.
struct ncr_graph *random_pairs_make(struct ncr_arena *arena, uint64_t seed, uint32_t size);
// Every parameter drawn, biases and statistics too.
void random_weights(struct ncr_weights *weights, const struct ncr_graph *graph, uint64_t seed);

// size: about how many operators. Odd channel counts, strides, dilations, groups and paddings of
// every kind.
void random_net_make(struct ncr_arena *arena, uint64_t seed, uint32_t size, struct random_net *out);
void random_net_of_pairs(struct ncr_arena *arena, uint64_t seed, uint32_t size,
                         struct random_net *out);
// After `size` operators the tensor at hand is flattened, and about `tail` more grow on the vector,
// with pairs among them.
void random_net_with_tail(struct ncr_arena *arena, uint64_t seed, uint32_t size, uint32_t tail,
                          struct random_net *out);
// Dense layers alone, of 1 to `most` inputs and outputs.
void random_net_of_vectors(struct ncr_arena *arena, uint64_t seed, uint32_t layers, uint32_t most,
                           struct random_net *out);
// The same network with all weights in one form.
void random_net_in_form(struct ncr_arena *arena, struct random_net *net,
                        struct ncr_weight_form form);
// Puts sums of weighted layers to both ends of 32 bits, and their factors to the ends of their
// range.
void random_net_strain(struct random_net *net);
// Real inputs [C, H, W] for each graph input, and the same quantised.
void random_net_inputs(struct ncr_arena *arena, const struct random_net *net, uint64_t seed,
                       float **real, int8_t **quantised);

// A classifier with one input: a random body, flattened, into a dense layer of `classes` scores.
// Not simplified.
struct ncr_graph *random_classifier_make(struct ncr_arena *arena, uint64_t seed, uint32_t size,
                                         int32_t classes);

#endif
