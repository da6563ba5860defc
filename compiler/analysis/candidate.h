// The metrics of one candidate of a search, without strings, paths and plans: what a search looks
// at tens of thousands of times a second.
#ifndef NCR_ANALYSIS_CANDIDATE_H
#define NCR_ANALYSIS_CANDIDATE_H

#include "compiler/analysis/resilience.h"
#include "compiler/ir/graph.h"

struct ncr_candidate {
    int64_t params, macs; // exact
    int64_t weight_bytes; // exact: weights 1 byte, biases 4 bytes
    // The largest sum of live buffers, with borders and tails, in the graph's own order: an upper
    // bound of the report's peak_memory, which is that of the best order found.
    uint64_t peak_bytes;
    struct ncr_asi asi; // relevance split equally
    struct ncr_adcr adcr;
};

// In 8 bits. graph needs not be simplified. scratch is the caller's to reset; asi.phi lies in it.
// False where the network has an operator that cannot be quantised.
bool ncr_candidate_of(struct ncr_arena *scratch, const struct ncr_graph *graph,
                      struct ncr_candidate *out);

#endif
