// Resilience figures from the topology alone: architecture sensitivity index (ASI) and accumulated
// data-computation ratio (ADCR). Predictions of a family, each named; injection says how well they
// predict.
#ifndef NCR_ANALYSIS_RESILIENCE_H
#define NCR_ANALYSIS_RESILIENCE_H

#include "compiler/quant/qgraph.h"

// How `add` and `mul` divide the relevance of their output among their inputs.
enum ncr_relevance_split {
    NCR_SPLIT_EQUAL, // 1/n each
    NCR_SPLIT_FAN_IN // by the number of products that one element of each input sums; 1 where it
                     // sums none
};

// Relevance conservation: with relevance 1 at the output and nothing known of the data, a stored
// tensor l of N_l elements through which the share phi_l flows gives each element the sensitivity
// s_l = phi_l / N_l. One sweep from the outputs (which have 1/n each where there are n): every
// operator passes what it has to its inputs; add and mul split it, concat splits by elements, a
// tensor that is read several times sums what comes back. Tensors are those that the integer
// network stores, inputs and reshapes included; fused operators have none.
struct ncr_asi {
    double *phi;  // per qnode
    double mean;  // sum phi_l / sum N_l: a fault in a random stored element
    double layer; // mean over l of s_l
    double max;   // largest s_l
    double exp; // sum b_l phi_l with b_l = 8 or 16 bits of an element as stored: expected damage at
                // a fixed bit error rate
};

// D_l = input + weight + output elements of operator l (weights with biases), M_l its MACs; over
// the operators with MACs. In bits: 8 or 16 a stored activation, a weight as its form says, 32 a
// bias.
struct ncr_adcr {
    double sum, ratio;           // sum D_l / M_l;  sum D_l / sum M_l; 0 where no operator has MACs
    double sum_bits, ratio_bits; // the same with D_l in bits
    int64_t other_elements; // traffic (input + output) of the operators without MACs, which are in
                            // none of the above
};

struct ncr_asi ncr_asi_of(struct ncr_arena *arena, const struct ncr_qgraph *qgraph,
                          enum ncr_relevance_split split);
// Fills mean, layer, max and exp from phi.
void ncr_asi_sum(struct ncr_asi *asi, const struct ncr_qgraph *qgraph);
struct ncr_adcr ncr_adcr_of(const struct ncr_qgraph *qgraph);

#endif
