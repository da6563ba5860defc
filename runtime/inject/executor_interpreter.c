// The plain executor: tensors in logical order, every step by the integer interpreter.
#include "runtime/inject/executor.h"

uint8_t *ncr_executor_block(struct ncr_arena *arena, size_t bytes)
{
    uintptr_t at = (uintptr_t)ncr_arena_alloc(arena, bytes + NCR_ARENA_ALIGN);
    return (uint8_t *)((at + NCR_ARENA_ALIGN - 1) & ~(uintptr_t)(NCR_ARENA_ALIGN - 1));
}

struct ncr_qgraph *ncr_executor_copy(struct ncr_arena *arena, const struct ncr_qgraph *qgraph)
{
    struct ncr_qgraph *copy = ncr_arena_copy(arena, qgraph, sizeof *qgraph);
    copy->nodes = ncr_arena_copy(arena, qgraph->nodes, qgraph->n_nodes * sizeof *qgraph->nodes);
    for (uint32_t q = 0; q < copy->n_nodes; q++) {
        struct ncr_qnode *n = &copy->nodes[q];
        if (n->n_weights) n->weights = ncr_arena_copy(arena, n->weights, (size_t)n->n_weights);
        if (n->bias)
            n->bias = ncr_arena_copy(arena, n->bias, (size_t)n->n_channels * sizeof *n->bias);
    }
    return copy;
}

struct constants {
    struct ncr_qgraph *qgraph;
    const int8_t **in; // room for the inputs of the widest node
};

static void *constants(const struct ncr_executor *x, struct ncr_arena *arena)
{
    struct constants *c = NCR_NEW(arena, struct constants);
    uint32_t widest = 1;
    for (uint32_t q = 0; q < x->qgraph->n_nodes; q++)
        if (x->qgraph->nodes[q].n_in > widest) widest = x->qgraph->nodes[q].n_in;
    c->qgraph = ncr_executor_copy(arena, x->qgraph);
    c->in = NCR_NEW_N(arena, const int8_t *, widest);
    return c;
}

static int8_t *tensor(const struct ncr_executor *x, uint8_t *tensors, uint32_t q)
{
    return (int8_t *)(tensors + x->tensors[q].offset);
}

static void load_input(const struct ncr_executor *x, void *consts, uint8_t *tensors,
                       const int8_t *in)
{
    (void)consts;
    uint32_t q = x->qgraph->inputs[0];
    memcpy(tensor(x, tensors, q), in, x->tensors[q].bytes);
}

static void step(const struct ncr_executor *x, uint32_t s, const void *consts, uint8_t *tensors)
{
    const struct constants *c = consts;
    uint32_t q = x->steps[s];
    const struct ncr_qnode *n = &c->qgraph->nodes[q];
    for (uint32_t i = 0; i < n->n_in; i++)
        c->in[i] = tensor(x, tensors, n->in[i]);
    ncr_eval_int_node(c->qgraph, q, c->in, tensor(x, tensors, q));
}

static int32_t load(const struct ncr_executor *x, const uint8_t *tensors, uint32_t q, int64_t index)
{
    return ncr_qnode_element(&x->qgraph->nodes[q], (const int8_t *)tensors + x->tensors[q].offset,
                             index);
}

static void store(const struct ncr_executor *x, uint8_t *tensors, uint32_t q, int64_t index,
                  int32_t value)
{
    ncr_qnode_put(&x->qgraph->nodes[q], tensor(x, tensors, q), index, value);
}

static void read(const struct ncr_executor *x, const uint8_t *tensors, uint32_t q, int8_t *out)
{
    memcpy(out, tensors + x->tensors[q].offset, x->tensors[q].bytes);
}

static void patch_weight(const struct ncr_executor *x, void *consts, uint32_t q, int64_t index,
                         int8_t to)
{
    (void)x;
    ((struct constants *)consts)->qgraph->nodes[q].weights[index] = to;
}

static void patch_bias(const struct ncr_executor *x, void *consts, uint32_t q, int64_t index,
                       int32_t from, int32_t to)
{
    (void)x;
    (void)from;
    ((struct constants *)consts)->qgraph->nodes[q].bias[index] = to;
}

struct ncr_executor *ncr_executor_interpreter(struct ncr_arena *arena,
                                              const struct ncr_qgraph *qgraph)
{
    static const struct ncr_executor_ops ops = {.name = "interpreter",
                                                .constants = constants,
                                                .load_input = load_input,
                                                .step = step,
                                                .load = load,
                                                .store = store,
                                                .read = read,
                                                .patch_weight = patch_weight,
                                                .patch_bias = patch_bias};
    struct ncr_executor *x = NCR_NEW(arena, struct ncr_executor);
    uint32_t *steps = NCR_NEW_N(arena, uint32_t, qgraph->n_nodes);
    *x = (struct ncr_executor){
        .ops = &ops, .qgraph = qgraph, .steps = steps, .n_steps = qgraph->n_nodes};
    x->tensors = NCR_NEW_N(arena, struct ncr_tensor_span, qgraph->n_nodes);
    for (uint32_t q = 0; q < qgraph->n_nodes; q++) {
        uint64_t bytes = (uint64_t)ncr_qnode_bytes(&qgraph->nodes[q]);
        steps[q] = q;
        x->tensors[q] = (struct ncr_tensor_span){x->arena_bytes, bytes};
        x->arena_bytes += (bytes + NCR_ARENA_ALIGN - 1) & ~(uint64_t)(NCR_ARENA_ALIGN - 1);
    }
    return x;
}
