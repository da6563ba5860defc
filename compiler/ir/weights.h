// Float parameters of a graph, and the plain float interpreter.
#ifndef NCR_IR_WEIGHTS_H
#define NCR_IR_WEIGHTS_H

#include "compiler/ir/graph.h"

// at[p] holds graph->params[p].n floats, row-major.
struct ncr_weights {
    uint32_t n;
    float **at;
};

// Zeroed storage for every parameter of the graph, in the arena.
struct ncr_weights *ncr_weights_new(struct ncr_arena *arena, const struct ncr_graph *graph);
// He-normal for weights (fan in; std sqrt(2 / fan_in)), zero biases, gamma 1, beta 0, mean 0,
// variance 1. Depends on (seed, parameter name) only.
void ncr_weights_init(struct ncr_weights *weights, const struct ncr_graph *graph, uint64_t seed);
struct ncr_hash ncr_weights_hash(const struct ncr_weights *weights, const struct ncr_graph *graph);

// Evaluates one sample in float with plain loops: the oracle of everything float. inputs[i] is the
// i-th graph input; values[node] (n_nodes pointers) receives each node's output, allocated in the
// arena. batchnorm uses running statistics, dropout is the identity.
void ncr_eval_f32(struct ncr_arena *arena, const struct ncr_graph *graph,
                  const struct ncr_weights *weights, const float *const *inputs, float **values);

#endif
