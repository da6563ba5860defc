// The plain reference trainer: every operator forward and backward over a batch, in double
// precision, with loops one can read. Batches are [n, C, H, W] or [n, N]. The gradient column of
// ops.def names the objects below.
#ifndef NCR_TRAIN_REFERENCE_H
#define NCR_TRAIN_REFERENCE_H

#include "runtime/train/backend.h"

// One node at work.
struct ncr_ref {
    const struct ncr_graph *graph;
    const struct ncr_node *node;
    ncr_node_id id;
    uint32_t n;                        // images
    const double *const *x;            // inputs, n_in of them
    const struct ncr_shape *const *in; // their shapes
    double *y;                         // output
    const double *const *p;            // parameters, by number in the graph
    // backward: dy is given; dx and dp are added to. dx[i] NULL: not wanted.
    const double *dy;
    double *const *dx;
    double *const *dp;
    // mode
    bool training; // batchnorm by the batch's statistics
    bool dropout;  // masks from (seed, number, id)
    uint64_t seed, number;
    struct ncr_weights *running; // where batchnorm's statistics go; NULL: nowhere
    double *scratch;             // as many doubles as the output has, and twice its channels
};

struct ncr_grad {
    void (*forward)(const struct ncr_ref *r);
    void (*backward)(const struct ncr_ref *r); // NULL: there is nothing behind it (input)
};

#define NCR_OP_ROW(NAME, name, min_in, max_in, attrs, shape, params, macs, eval, quant, grad,      \
                   sites)                                                                          \
    extern const struct ncr_grad ncr_grad_##grad;
#include "compiler/ir/ops.def"
#undef NCR_OP_ROW

#endif
