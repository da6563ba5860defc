// Layer-wise relevance propagation (Bach et al., "On pixel-wise explanations …", PLoS ONE 10(7),
// 2015) in place of the uniform share: with weights and a few inputs, how much each stored tensor
// matters to the decision.
#ifndef NCR_ANALYSIS_RELEVANCE_H
#define NCR_ANALYSIS_RELEVANCE_H

#include "compiler/analysis/resilience.h"
#include "compiler/ir/weights.h"

enum ncr_relevance_rule {
    NCR_LRP_EPSILON,   // R_i = sum_j z_ij / (z_j + e sign z_j) R_j, z_j with its bias, which keeps
                       // its part; e = epsilon times the mean |z| of the tensor
    NCR_LRP_ALPHA_BETA // R_i = sum_j (2 z_ij+ / z_j+ - z_ij- / z_j-) R_j, without biases; where one
                       // sign is missing the other takes all
};

// One sweep back for one sample: the largest element of the first output has relevance 1. z_ij are
// the contributions of conv, dwconv, dense, average pools and add; maxpool gives all to its largest
// element; batchnorm, activations, softmax and copies pass on; mul gives each factor half. values:
// of ncr_eval_f32 for the sample. out[node]: relevance of each element, in the arena.
void ncr_relevance_of(struct ncr_arena *arena, const struct ncr_graph *graph,
                      const struct ncr_weights *weights, float *const *values,
                      enum ncr_relevance_rule rule, double epsilon, double **out);

// ASI with phi_l = the mean over samples of sum |R| over the stored tensor. samples[s][i]: input i
// of sample s. qgraph: of the graph.
struct ncr_asi ncr_asi_by_relevance(struct ncr_arena *arena, const struct ncr_qgraph *qgraph,
                                    const struct ncr_weights *weights,
                                    const float *const *const *samples, uint32_t n,
                                    enum ncr_relevance_rule rule);

#endif
