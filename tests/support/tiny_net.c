// conv, relu, maxpool, flatten, dense with random weights and random inputs.
#include "tests/support/tiny_net.h"

#include "lang/base/rng.h"

enum { SIDE = 6, CLASSES = 4 };

static ncr_node_id add(struct ncr_builder *b, enum ncr_op op, struct ncr_attrs a, ncr_node_id in,
                       const char *path)
{
    struct ncr_op_error err;
    ncr_node_id id = ncr_builder_add(b, op, &a, &in, op != NCR_OP_INPUT, ncr_str_of(path),
                                     NCR_NO_NODE, NULL, &err);
    if (id == NCR_NO_NODE) NCR_BUG("%s: %s", path, err.text);
    return id;
}

void tiny_net_make(struct ncr_arena *arena, uint64_t seed, int32_t width, uint32_t n_inputs,
                   struct tiny_net *out)
{
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("tiny"));
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT);
    a.shape = (struct ncr_shape){3, {1, SIDE, SIDE}};
    ncr_node_id x = add(b, NCR_OP_INPUT, a, NCR_NO_NODE, "tiny/x");
    a = ncr_attrs_default(NCR_OP_CONV);
    a.out = width;
    a.kernel[0] = a.kernel[1] = 3;
    x = add(b, NCR_OP_CONV, a, x, "tiny/conv");
    x = add(b, NCR_OP_RELU, ncr_attrs_default(NCR_OP_RELU), x, "tiny/relu");
    a = ncr_attrs_default(NCR_OP_MAXPOOL);
    a.kernel[0] = a.kernel[1] = 2;
    x = add(b, NCR_OP_MAXPOOL, a, x, "tiny/maxpool");
    x = add(b, NCR_OP_FLATTEN, ncr_attrs_default(NCR_OP_FLATTEN), x, "tiny/flatten");
    a = ncr_attrs_default(NCR_OP_DENSE);
    a.out = CLASSES;
    x = add(b, NCR_OP_DENSE, a, x, "tiny/dense");
    ncr_builder_output(b, (struct ncr_str){"", 0}, x);
    const struct ncr_graph *graph = ncr_graph_simplify(arena, ncr_builder_finish(b));
    struct ncr_weights *weights = ncr_weights_new(arena, graph);
    ncr_weights_init(weights, graph, seed);

    static struct ncr_quant_spec spec = {
        .weight_bits = 8, .activation_bits = 8, .per_channel = true};
    struct ncr_calibrator *calibrator = ncr_calibrator_new(arena, graph, weights, &spec);
    float *real = NCR_NEW_N(arena, float, (size_t)n_inputs *SIDE *SIDE);
    struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 77);
    for (uint32_t i = 0; i < n_inputs; i++) {
        for (int k = 0; k < SIDE * SIDE; k++)
            real[i * SIDE * SIDE + k] = (float)ncr_rng_normal(&rng);
        const float *one = real + (size_t)i * SIDE * SIDE;
        ncr_calibrator_feed(calibrator, &one);
    }
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    out->qgraph =
        ncr_qgraph_build(arena, &diags, graph, &spec, weights, ncr_calibrator_finish(calibrator));
    if (!out->qgraph) NCR_BUG("the tiny network cannot be quantised");
    out->n = n_inputs;
    out->inputs = NCR_NEW_N(arena, int8_t, (size_t)n_inputs * SIDE * SIDE);
    out->labels = NCR_NEW_N(arena, uint8_t, n_inputs);
    float **values = NCR_NEW_N(arena, float *, graph->n_nodes);
    for (uint32_t i = 0; i < n_inputs; i++) {
        const float *one = real + (size_t)i * SIDE * SIDE;
        ncr_quantise_input(&out->qgraph->nodes[out->qgraph->inputs[0]], one,
                           out->inputs + (size_t)i * SIDE * SIDE);
        ncr_eval_f32(arena, graph, weights, &one, values);
        const float *scores = values[graph->outputs[0].node];
        uint8_t best = 0;
        for (uint8_t c = 1; c < CLASSES; c++)
            if (scores[c] > scores[best]) best = c;
        out->labels[i] = i % 5 == 4 ? (uint8_t)((best + 1) % CLASSES) : best;
    }
}
