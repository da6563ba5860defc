// A small trained-looking network with inputs and labels, for campaign tests: small enough for
// every fault to be tried.
#ifndef NCR_TESTS_TINY_NET_H
#define NCR_TESTS_TINY_NET_H

#include "compiler/quant/qgraph.h"

struct tiny_net {
    struct ncr_qgraph
        *qgraph;     // conv 3@3x3, relu, maxpool, dense 4 on [1, 6, 6]: 3·9 + 4·27 weights
    int8_t *inputs;  // [n, 36]
    uint8_t *labels; // [n]: the float network's answers, some of them changed
    uint32_t n;
};

// width: channels of the convolution.
void tiny_net_make(struct ncr_arena *arena, uint64_t seed, int32_t width, uint32_t n_inputs,
                   struct tiny_net *out);

#endif
