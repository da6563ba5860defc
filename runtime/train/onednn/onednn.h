// Private to the oneDNN trainer; the only door to dnnl.h.
//
// A batch is cut into shards of a fixed number of images. For each size of shard there is one
// `net`: primitives in the order of execution over numbered buffers, layouts chosen by the library,
// made once. Each shard has a `lane`: the memory behind the buffers. Lanes are worked off by a crew
// of threads, each primitive on one thread, and sums over shards are taken in the order of shards.
// So the bits of a result do not depend on the number of threads. Batchnorm's statistics are those
// of the whole batch: its primitives end a segment, the lanes meet, the statistics are put
// together.
#ifndef NCR_TRAIN_ONEDNN_H
#define NCR_TRAIN_ONEDNN_H

#include <oneapi/dnnl/dnnl.h>

#include "runtime/train/backend.h"

// ---- the two versions of the C API (shim_v2.c, shim_v3.c) ----

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t layout;
#else
typedef const dnnl_memory_desc_t *layout;
#endif

struct shim_window {
    dnnl_dims_t kernel, stride, dilation, before, after; // dilation: 0 is none
};

// A layout of float32: dense in the order of the dimensions, or free for the library to choose.
// NULL when out of memory. To be given back with shim_layout_free.
layout shim_layout(int rank, const int64_t *dims, bool free_choice);
layout shim_layout_copy(layout of, bool free_choice); // the same dimensions
void shim_layout_free(layout of);

struct shim {
    dnnl_engine_t engine;
    dnnl_primitive_attr_t attr; // scratchpads are the caller's
};

dnnl_status_t shim_conv_forward(const struct shim *s, dnnl_primitive_desc_t *pd, bool training,
                                const struct shim_window *w, layout src, layout weights,
                                layout bias, layout dst);
dnnl_status_t shim_conv_back_data(const struct shim *s, dnnl_primitive_desc_t *pd,
                                  const struct shim_window *w, layout diff_src, layout weights,
                                  layout diff_dst, dnnl_primitive_desc_t hint);
dnnl_status_t shim_conv_back_weights(const struct shim *s, dnnl_primitive_desc_t *pd,
                                     const struct shim_window *w, layout src, layout diff_weights,
                                     layout diff_bias, layout diff_dst, dnnl_primitive_desc_t hint);
dnnl_status_t shim_dense_forward(const struct shim *s, dnnl_primitive_desc_t *pd, bool training,
                                 layout src, layout weights, layout bias, layout dst);
dnnl_status_t shim_dense_back_data(const struct shim *s, dnnl_primitive_desc_t *pd, layout diff_src,
                                   layout weights, layout diff_dst, dnnl_primitive_desc_t hint);
dnnl_status_t shim_dense_back_weights(const struct shim *s, dnnl_primitive_desc_t *pd, layout src,
                                      layout diff_weights, layout diff_bias, layout diff_dst,
                                      dnnl_primitive_desc_t hint);
dnnl_status_t shim_pool_forward(const struct shim *s, dnnl_primitive_desc_t *pd, bool training,
                                bool max, const struct shim_window *w, layout src, layout dst);
dnnl_status_t shim_pool_back(const struct shim *s, dnnl_primitive_desc_t *pd, bool max,
                             const struct shim_window *w, layout diff_src, layout diff_dst,
                             dnnl_primitive_desc_t hint);
// given: mean and variance are arguments, not results.
dnnl_status_t shim_norm_forward(const struct shim *s, dnnl_primitive_desc_t *pd, bool training,
                                bool given, float eps, layout src);
dnnl_status_t shim_norm_back(const struct shim *s, dnnl_primitive_desc_t *pd, bool given, float eps,
                             layout src, dnnl_primitive_desc_t hint);
dnnl_status_t shim_eltwise_forward(const struct shim *s, dnnl_primitive_desc_t *pd,
                                   dnnl_alg_kind_t alg, float alpha, float beta, layout src);
dnnl_status_t shim_eltwise_back(const struct shim *s, dnnl_primitive_desc_t *pd,
                                dnnl_alg_kind_t alg, float alpha, float beta, layout src,
                                dnnl_primitive_desc_t hint);
dnnl_status_t shim_softmax_forward(const struct shim *s, dnnl_primitive_desc_t *pd, layout src);
dnnl_status_t shim_softmax_back(const struct shim *s, dnnl_primitive_desc_t *pd, layout dst,
                                dnnl_primitive_desc_t hint);

// ---- nets ----

typedef uint32_t buffer_id;
#define NO_BUFFER UINT32_MAX

enum buffer_place {
    PLACE_LANE,    // memory of each lane
    PLACE_ALIAS,   // the memory of another buffer of the lane under another layout
    PLACE_SCRATCH, // the lane's scratchpad
    PLACE_PARAM,   // a parameter as the caller keeps it
    PLACE_NET,     // one memory for all lanes: a parameter in another layout
    PLACE_NORM,    // one memory for all nets: statistics of batchnorm
};

struct buffer {
    layout layout;
    enum buffer_place place;
    uint32_t of; // ALIAS: buffer; PARAM: number
    float *norm; // NORM
    size_t bytes;
};

struct lane;
struct step;
typedef void loop_fn(const struct lane *lane, const struct step *step);

struct step_arg {
    int kind; // DNNL_ARG_*; of loops: whatever the loop makes of its place
    buffer_id buffer;
};

// One primitive or one loop of ours.
struct step {
    dnnl_primitive_t prim;
    loop_fn *loop;
    ncr_node_id node;
    bool meet;                  // the lanes meet after it: batchnorm
    uint32_t n_args, first_arg; // run of net->args
};

struct step_list {
    NCR_VEC(struct step) steps;
};

struct param_use {
    uint32_t param;
    buffer_id gradient; // plain, one for each application of the parameter
};

struct moved {
    buffer_id from, to;
};

// What the backward pass of a node needs of its forward pass.
struct node_work {
    dnnl_primitive_desc_t hint;
    buffer_id x, y;          // as the primitive reads and writes them
    buffer_id extra;         // pool: workspace; dropout: mask
    buffer_id mean, var;     // batchnorm: of the shard
    buffer_id dgamma, dbeta; // likewise
};

struct net {
    struct state *state;
    uint32_t n; // images of a shard
    bool training;
    NCR_VEC(struct buffer) buffers;
    NCR_VEC(struct step_arg) args;
    struct step_list prepare, forward, backward; // prepare: once a batch; the others: in each lane
    struct node_work *work;                      // by node
    buffer_id *out, *diff;                       // by node: its tensor, the gradient of it
    uint32_t *given;                             // by node: gradients received so far
    buffer_id input, output;                     // plain; in training the output is the scores
    NCR_VEC(struct param_use) uses;
    size_t scratch_bytes;
    // to be freed
    NCR_VEC(dnnl_primitive_t) prims;
    NCR_VEC(dnnl_primitive_desc_t) descs;
    NCR_VEC(layout) layouts;
    // memory of PARAM, NET and NORM buffers; NULL for the others
    dnnl_memory_t *mem;
    float **data;
    dnnl_exec_arg_t *exec; // of `prepare`
    NCR_VEC(struct lane *) lanes;
    NCR_VEC(struct moved) moved; // reorders that exist
};

struct lane {
    struct net *net;
    dnnl_stream_t stream;
    dnnl_memory_t *mem;    // by buffer
    float **data;          // by buffer
    dnnl_exec_arg_t *exec; // by argument of the net
    double *row;           // [classes] for the loss
    // of the batch at work
    const struct ncr_train_step *pass; // NULL: inference
    uint32_t first;                    // number of its first image in the batch
    uint32_t at;                       // next step of the list at work
    double loss;
    uint32_t correct;
    dnnl_status_t status;
};

// Statistics of one batchnorm node over a batch, shared by all nets.
struct norm {
    float *mean, *var;    // [C], as the primitives read them
    float *slope, *level; // [C] of the correction of the gradient
};

enum {
    SHARD = 16,    // images; more make larger matrices, fewer serve more threads
    MOST_NETS = 4, // training: full shards, last shard of a full and of the last batch; inference
};

struct state {
    const struct ncr_train_plan *plan;
    const struct ncr_graph *graph;
    struct ncr_arena *arena;
    const struct ncr_io *io;
    struct ncr_crew *crew;
    struct shim shim;
    struct norm *norms; // by node
    struct net *nets[MOST_NETS];
    uint32_t n_nets;
    NCR_VEC(struct lane *) lanes; // of the batch at work, in the order of its images
    NCR_VEC(void *) blocks;       // heap blocks
    double seconds;
    double *row;          // [2 C] of the widest batchnorm
    dnnl_status_t failed; // the first failure
    const char *failed_at;
};

// Remembers the first failure; true when status is success and nothing failed before.
bool state_check(struct state *s, dnnl_status_t status, const char *what);
// Zeroed, aligned to 64, freed with the state; NULL (and a failure) when out of memory.
void *state_block(struct state *s, size_t bytes);

// net.c: buffers and steps.
buffer_id net_buffer(struct net *net, layout of, enum buffer_place place, uint32_t what);
layout net_layout(struct net *net, int rank, const int64_t *dims, bool free_choice);
layout net_any(struct net *net, layout of);
layout net_tensor(struct net *net, const struct ncr_shape *shape); // plain [n, C, H, W] or [n, N]
layout net_layout_of(const struct net *net, buffer_id buffer);
// The buffer in this layout: itself, or a copy that a new step makes (for parameters: once a
// batch).
buffer_id net_as(struct net *net, struct step_list *list, buffer_id buffer, layout wanted);
buffer_id net_alias(struct net *net, buffer_id buffer, layout as);
struct step *net_loop(struct net *net, struct step_list *list, loop_fn *loop, ncr_node_id node);
// A primitive of pd, which the net then owns. NULL after a failure.
struct step *net_step(struct net *net, struct step_list *list, dnnl_primitive_desc_t pd,
                      ncr_node_id node);
// Arguments of the step that was made last.
void net_arg(struct net *net, struct step *step, int kind, buffer_id buffer);
layout net_query(dnnl_primitive_desc_t pd, int kind);
// Gives node a share of its gradient; whole: nobody else reads the buffer, so sums may go there.
void net_give(struct net *net, ncr_node_id node, buffer_id share, bool whole);
struct net *net_make(struct state *s, uint32_t n, bool training);
void net_free(struct net *net);

// operators.c: the steps of one node.
void node_forward(struct net *net, ncr_node_id id);
void node_backward(struct net *net, ncr_node_id id);

// loops.c
loop_fn loop_add, loop_accumulate, loop_mul, loop_mul_back, loop_concat, loop_concat_back,
    loop_dropout, loop_dropout_back, loop_zero, loop_zero_back, loop_move, loop_move_back,
    loop_loss, loop_round;

// lane.c
struct lane *lane_make(struct net *net);
void lane_free(struct lane *lane);
// Executes steps up to the end of the list or past the next meeting. seconds (NULL: not wanted)
// grows by the time inside primitives.
void lane_run(struct lane *lane, const struct step_list *list, double *seconds);

#endif
