// Injections a second: LeNet-5 with random weights on the procedural digits, one thread, machine
// code and interpreter. "whole runs" is the rate of fault-free inferences in full: what a framework
// that re-runs the network per fault can reach at best with the same kernels.
#include <stdio.h>
#include <stdlib.h>

#include "runtime/data/dataset.h"
#include "runtime/inject/campaign.h"

enum { MOST_INPUTS = 100 };

static ncr_node_id add(struct ncr_builder *b, enum ncr_op op, int32_t out, int32_t kernel,
                       bool valid, ncr_node_id in, const char *path)
{
    struct ncr_op_error err;
    struct ncr_attrs a = ncr_attrs_default(op);
    if (op == NCR_OP_INPUT) a.shape = (struct ncr_shape){3, {1, 28, 28}};
    a.out = out;
    if (kernel) a.kernel[0] = a.kernel[1] = kernel;
    if (valid) a.pad_mode = NCR_PAD_VALID;
    ncr_node_id id = ncr_builder_add(b, op, &a, &in, op != NCR_OP_INPUT, ncr_str_of(path),
                                     NCR_NO_NODE, NULL, &err);
    if (id == NCR_NO_NODE) NCR_BUG("%s: %s", path, err.text);
    return id;
}

static const struct ncr_graph *lenet(struct ncr_arena *arena)
{
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("lenet"));
    ncr_node_id x = add(b, NCR_OP_INPUT, 0, 0, false, NCR_NO_NODE, "lenet/x");
    x = add(b, NCR_OP_CONV, 6, 5, false, x, "lenet/conv1");
    x = add(b, NCR_OP_RELU, 0, 0, false, x, "lenet/relu1");
    x = add(b, NCR_OP_MAXPOOL, 0, 2, false, x, "lenet/maxpool1");
    x = add(b, NCR_OP_CONV, 16, 5, true, x, "lenet/conv2");
    x = add(b, NCR_OP_RELU, 0, 0, false, x, "lenet/relu2");
    x = add(b, NCR_OP_MAXPOOL, 0, 2, false, x, "lenet/maxpool2");
    x = add(b, NCR_OP_FLATTEN, 0, 0, false, x, "lenet/flatten");
    x = add(b, NCR_OP_DENSE, 120, 0, false, x, "lenet/dense1");
    x = add(b, NCR_OP_RELU, 0, 0, false, x, "lenet/relu3");
    x = add(b, NCR_OP_DENSE, 84, 0, false, x, "lenet/dense2");
    x = add(b, NCR_OP_RELU, 0, 0, false, x, "lenet/relu4");
    x = add(b, NCR_OP_DENSE, 10, 0, false, x, "lenet/dense3");
    ncr_builder_output(b, (struct ncr_str){"", 0}, x);
    return ncr_graph_simplify(arena, ncr_builder_finish(b));
}

static void row(const struct ncr_executor *executor, const int8_t *inputs, uint32_t n_inputs,
                uint32_t sites, const char *name, uint64_t injections, const struct ncr_io *io)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    struct ncr_fault_spec fault = {
        .model = NCR_FAULT_BITFLIP, .bits = 1, .bit_hi = NCR_FAULT_LAST_BIT, .sites = sites};
    struct ncr_campaign_job job = {.executor = executor,
                                   .fault = &fault,
                                   .inputs = inputs,
                                   .n_inputs = n_inputs,
                                   .seed = 1,
                                   .injections = injections,
                                   .confidence = 0.95,
                                   .threads = 1,
                                   .io = io};
    struct ncr_campaign_result result;
    struct ncr_error err;
    double best = 1e30;
    for (int repeat = 0; repeat < 3; repeat++) {
        if (ncr_campaign_run(arena, &diags, &job, &result, &err)) NCR_BUG("%s", err.text);
        if (result.wall_s < best) best = result.wall_s;
    }
    printf("%-12s %-12s %6u %14.0f %16.0f %10.2f\n", executor->ops->name, name, n_inputs,
           (double)injections / best, (double)result.runs / best,
           (double)result.steps / (double)result.runs);
    ncr_arena_free(arena);
}

int main(void)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_io io = ncr_io_posix();
    struct ncr_error err;
    const struct ncr_graph *graph = lenet(arena);
    struct ncr_weights *weights = ncr_weights_new(arena, graph);
    ncr_weights_init(weights, graph, 1);
    struct ncr_data_spec digits = {
        .source = NCR_DATA_DIGITS, .seed = 1, .n_train = MOST_INPUTS, .n_test = MOST_INPUTS};
    struct ncr_data_ref ref = {.data = &digits, .split = NCR_SPLIT_TEST, .end = UINT64_MAX};
    struct ncr_data *data;
    struct ncr_dataset set;
    if (ncr_data_open(&digits, NCR_STR(""), &io, &data, &err) ||
        ncr_data_view(data, &ref, &set, &err))
        NCR_BUG("%s", err.text);
    struct ncr_quant_spec spec = {.weight_bits = 8, .activation_bits = 8, .per_channel = true};
    struct ncr_calibrator *calibrator = ncr_calibrator_new(arena, graph, weights, &spec);
    float *real = NCR_NEW_N(arena, float, (size_t)MOST_INPUTS * 784);
    for (uint64_t i = 0; i < MOST_INPUTS; i++) {
        const float *one = real + i * 784;
        ncr_dataset_input(&set, i, real + i * 784);
        ncr_calibrator_feed(calibrator, &one);
    }
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    const struct ncr_qgraph *q =
        ncr_qgraph_build(arena, &diags, graph, &spec, weights, ncr_calibrator_finish(calibrator));
    int8_t *inputs = NCR_NEW_N(arena, int8_t, (size_t)MOST_INPUTS * 784);
    for (uint64_t i = 0; i < MOST_INPUTS; i++)
        ncr_quantise_input(&q->nodes[q->inputs[0]], real + i * 784, inputs + i * 784);
    const struct ncr_plan *plan = ncr_plan_build(arena, q, NCR_PLAN_SEPARATE);
    struct ncr_code *code;
    struct ncr_code_options options = {0};
    if (ncr_code_jit(plan, &options, &code, &err)) NCR_BUG("%s", err.text);
    const struct ncr_executor *jit = ncr_executor_jit(arena, plan, code),
                              *slow = ncr_executor_interpreter(arena, q);

    uint8_t *tensors = ncr_executor_block(arena, plan->arena_bytes);
    int8_t out[10], *outs[1] = {out};
    double start = io.now_s(io.user);
    uint32_t runs = 20000;
    for (uint32_t i = 0; i < runs; i++) {
        const int8_t *in = inputs + (i % MOST_INPUTS) * 784;
        ncr_code_run(code, ncr_code_blob(code), tensors, &in, outs);
    }
    printf("whole fault-free runs, %s: %.0f/s\n\n", ncr_code_family(code),
           runs / (io.now_s(io.user) - start));
    printf("%-12s %-12s %6s %14s %16s %10s\n", "executor", "sites", "inputs", "injections/s",
           "faulty runs/s", "layers/run");
    static const struct {
        uint32_t sites;
        const char *name;
    } kinds[] = {{NCR_SITE_ACTIVATION, "activations"},
                 {NCR_SITE_WEIGHT, "weights"},
                 {NCR_SITE_ACTIVATION | NCR_SITE_WEIGHT, "both"}};
    for (size_t k = 0; k < NCR_COUNT(kinds); k++) {
        row(jit, inputs, 1, kinds[k].sites, kinds[k].name, 50000, &io);
        row(jit, inputs, MOST_INPUTS, kinds[k].sites, kinds[k].name,
            kinds[k].sites == NCR_SITE_ACTIVATION ? 50000 : 2000, &io);
    }
    row(slow, inputs, 1, NCR_SITE_ACTIVATION | NCR_SITE_WEIGHT, "both", 2000, &io);
    ncr_code_free(code);
    ncr_data_free(data);
    ncr_arena_free(arena);
    return 0;
}
