// The fast executor: machine code in memory, tensors as the separate plan lays them out.
#include "runtime/inject/executor.h"

// What a worker owns: its blob, and room to bring an input into the order that the code reads.
struct constants {
    uint8_t *blob;
    int8_t *image;
};

static void *constants(const struct ncr_executor *x, struct ncr_arena *arena)
{
    struct constants *c = NCR_NEW(arena, struct constants);
    c->blob = ncr_executor_block(arena, ncr_code_blob_bytes(x->code));
    memcpy(c->blob, ncr_code_blob(x->code), ncr_code_blob_bytes(x->code));
    c->image =
        NCR_NEW_N(arena, int8_t, (size_t)ncr_qnode_bytes(&x->qgraph->nodes[x->qgraph->inputs[0]]));
    return c;
}

// Logical [C, H, W] to the [H, W, C] that the code's load function takes; it also fills the border.
static void load_input(const struct ncr_executor *x, void *consts, uint8_t *tensors,
                       const int8_t *in)
{
    int8_t *image = ((struct constants *)consts)->image;
    const struct ncr_qnode *node = &x->qgraph->nodes[x->qgraph->inputs[0]];
    int64_t channels = node->shape.dim[0], pixels = ncr_shape_elements(&node->shape) / channels;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t p = 0; p < pixels; p++)
            ncr_qnode_put(node, image, p * channels + c,
                          ncr_qnode_element(node, in, c * pixels + p));
    const int8_t *images[1] = {image};
    ncr_code_load_inputs(x->code, tensors, images);
}

static void step(const struct ncr_executor *x, uint32_t s, const void *consts, uint8_t *tensors)
{
    ncr_code_step(x->code, s, ((const struct constants *)consts)->blob, tensors);
}

static int32_t load(const struct ncr_executor *x, const uint8_t *tensors, uint32_t q, int64_t index)
{
    return ncr_code_load(x->code, tensors, q, index);
}

static void store(const struct ncr_executor *x, uint8_t *tensors, uint32_t q, int64_t index,
                  int32_t value)
{
    ncr_code_store(x->code, tensors, q, index, value);
}

static void read(const struct ncr_executor *x, const uint8_t *tensors, uint32_t q, int8_t *out)
{
    ncr_code_read_tensor(x->code, tensors, q, out);
}

static void patch_weight(const struct ncr_executor *x, void *consts, uint32_t q, int64_t index,
                         int8_t to)
{
    ncr_code_patch_weight(x->code, ((struct constants *)consts)->blob, q, index, to);
}

static void patch_bias(const struct ncr_executor *x, void *consts, uint32_t q, int64_t index,
                       int32_t from, int32_t to)
{
    ncr_code_shift_bias(x->code, ((struct constants *)consts)->blob, q, (int32_t)index,
                        (int32_t)((uint32_t)to - (uint32_t)from));
}

struct ncr_executor *ncr_executor_jit(struct ncr_arena *arena, const struct ncr_plan *plan,
                                      const struct ncr_code *code)
{
    static const struct ncr_executor_ops ops = {.name = "jit",
                                                .constants = constants,
                                                .load_input = load_input,
                                                .step = step,
                                                .load = load,
                                                .store = store,
                                                .read = read,
                                                .patch_weight = patch_weight,
                                                .patch_bias = patch_bias};
    struct ncr_executor *x = NCR_NEW(arena, struct ncr_executor);
    *x = (struct ncr_executor){.ops = &ops,
                               .qgraph = plan->qgraph,
                               .code = code,
                               .plan = plan,
                               .arena_bytes = (size_t)plan->arena_bytes,
                               .steps = plan->steps,
                               .n_steps = plan->n_steps};
    x->tensors = NCR_NEW_N(arena, struct ncr_tensor_span, plan->qgraph->n_nodes);
    // The border belongs to a tensor: kernels read it. The tail does not: it may hold anything.
    for (uint32_t q = 0; q < plan->qgraph->n_nodes; q++)
        x->tensors[q] = (struct ncr_tensor_span){plan->buffers[q].offset,
                                                 plan->buffers[q].bytes - NCR_PLAN_TAIL};
    return x;
}
