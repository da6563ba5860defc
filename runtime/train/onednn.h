// Private to the oneDNN backend: its state, shared by onednn.c (primitives) and onednn_loops.c
// (what oneDNN is not asked for).
#ifndef NCR_TRAIN_ONEDNN_H
#define NCR_TRAIN_ONEDNN_H

#include <oneapi/dnnl/dnnl.h>

#include "runtime/train/backend.h"

enum { MAX_ARGS = 9, MAX_NETS = 4, MAX_REORDERS = 3 };

// A primitive with the reorders that bring its tensors into the layout it chose, and back.
struct call {
    dnnl_primitive_t prim; // NULL: nothing to do
    int n_args;
    dnnl_exec_arg_t args[MAX_ARGS];
    struct call *before[MAX_REORDERS], *after[MAX_REORDERS];
    int n_before, n_after;
};

struct node_work {
    struct call forward, back_data, back_weights;
    float *y, *dy;   // [n, …]; dy only where a gradient passes
    float *dx;       // gradient of the first input before it is added to the producer's dy
    float *aux;      // batchnorm: scale and shift [2C]; dropout: mask [n, …]
    float *aux_grad; // batchnorm: [2C]; weights: gradient of this application before it is added
    float *bias_grad;
    float *mean, *var; // batchnorm
    dnnl_memory_t m_y, m_dy, m_dx, m_weights, m_bias, m_dweights, m_dbias;
};

// Primitives for one batch size and mode.
struct net {
    uint32_t n;
    bool training;
    struct node_work *work;
    NCR_VEC(dnnl_primitive_t) prims;
    NCR_VEC(dnnl_memory_t) memories;
};

struct state {
    const struct ncr_train_plan *plan;
    const struct ncr_graph *graph;
    struct ncr_arena *arena;
    const struct ncr_io *io;
    uint32_t threads;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct net *nets[MAX_NETS];
    uint32_t n_nets;
    double seconds;
    double *row;            // [classes]
    NCR_VEC(void *) blocks; // heap blocks of all nets
    dnnl_status_t failed;   // the first failure
    const char *failed_at;
};

// Forward and backward of the operators that only move or combine values, on plain tensors. step
// may be NULL (inference).
void ncr_onednn_loop_forward(struct state *s, struct net *net, ncr_node_id id,
                             const struct ncr_train_step *step);
void ncr_onednn_loop_backward(struct state *s, struct net *net, ncr_node_id id);

#endif
