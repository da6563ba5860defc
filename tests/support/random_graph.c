// Random networks: grows a graph tensor by tensor, each operator with random attributes that fit.
#include "tests/support/random_graph.h"

#include "compiler/quant/softmax.h"
#include "lang/base/rng.h"

struct grow {
    struct ncr_arena *arena;
    struct ncr_builder *builder;
    struct ncr_rng rng;
    uint32_t serial;
    uint64_t seed;
    bool pairs; // every third step is two operators that may be fused
};

static uint32_t below(struct grow *g, uint32_t n)
{
    return (uint32_t)ncr_rng_below(&g->rng, n);
}

static ncr_node_id add(struct grow *g, enum ncr_op op, const struct ncr_attrs *attrs,
                       const ncr_node_id *in, uint32_t n)
{
    struct ncr_op_error err;
    struct ncr_str path = ncr_str_fmt(g->arena, "r/%s%u", ncr_op_name(op), g->serial++);
    return ncr_builder_add(g->builder, op, attrs, in, n, path, NCR_NO_NODE, NULL, &err);
}

static ncr_node_id add_input(struct grow *g)
{
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT);
    if (below(g, 6) == 0)
        a.shape = (struct ncr_shape){1, {1 + (int32_t)below(g, 40), 0, 0}};
    else
        a.shape = (struct ncr_shape){
            3, {1 + (int32_t)below(g, 9), 1 + (int32_t)below(g, 12), 1 + (int32_t)below(g, 12)}};
    return add(g, NCR_OP_INPUT, &a, NULL, 0);
}

static void window(struct grow *g, struct ncr_attrs *a, bool dilate)
{
    for (int i = 0; i < 2; i++) {
        a->kernel[i] = 1 + (int32_t)below(g, 5);
        a->stride[i] = below(g, 3) ? 1 : 1 + (int32_t)below(g, 3);
        a->dilation[i] = dilate && below(g, 4) == 0 ? 2 : 1;
    }
    uint32_t mode = below(g, 4);
    a->pad_mode = mode == 0 ? NCR_PAD_VALID : mode == 1 ? NCR_PAD_EXPLICIT : NCR_PAD_SAME;
    if (a->pad_mode == NCR_PAD_EXPLICIT)
        for (int i = 0; i < 4; i++)
            a->pad[i] = (int32_t)below(g, (uint32_t)a->kernel[i % 2]);
}

// Another tensor of the same shape as `id`, or id itself.
static ncr_node_id twin(struct grow *g, ncr_node_id id, bool only_hw)
{
    uint32_t n = ncr_builder_count(g->builder), start = below(g, n);
    const struct ncr_shape *want = &ncr_builder_node(g->builder, id)->shape;
    for (uint32_t i = 0; i < n; i++) {
        ncr_node_id other = (start + i) % n;
        const struct ncr_shape *s = &ncr_builder_node(g->builder, other)->shape;
        if (s->rank != want->rank) continue;
        if (only_hw ? s->rank == 1 || (s->dim[1] == want->dim[1] && s->dim[2] == want->dim[2])
                    : ncr_shape_equal(s, want))
            return other;
    }
    return id;
}

// One random operator on tensor x; NCR_NO_NODE where it does not fit.
static ncr_node_id step(struct grow *g, ncr_node_id x)
{
    const struct ncr_shape shape = ncr_builder_node(g->builder, x)->shape;
    enum ncr_op op = (enum ncr_op)(1 + below(g, NCR_OP_ZERO - 1));
    // Zeros spread; more of them would leave little of a graph.
    if (op == NCR_OP_IDENTITY && below(g, 3) == 0) op = NCR_OP_ZERO;
    if (shape.rank == 1 && below(g, 2)) op = NCR_OP_DENSE;
    if (shape.rank == 3 && below(g, 3) == 0) op = below(g, 3) ? NCR_OP_CONV : NCR_OP_DWCONV;
    struct ncr_attrs a = ncr_attrs_default(op);
    ncr_node_id in[3] = {x, x, x};
    uint32_t n_in = 1;
    switch ((int)op) {
    case NCR_OP_CONV:
        a.out = 1 + (int32_t)below(g, 19);
        window(g, &a, true);
        if (below(g, 4) == 0 && shape.dim[0] > 1) {
            a.groups = shape.dim[0] % 2 ? shape.dim[0] : 2;
            a.out = a.groups * (1 + (int32_t)below(g, 3));
        }
        a.bias = below(g, 3) != 0;
        break;
    case NCR_OP_DWCONV:
        window(g, &a, true);
        a.multiplier = below(g, 4) ? 1 : 2;
        a.bias = below(g, 2) != 0;
        break;
    case NCR_OP_DENSE:
        a.out = 1 + (int32_t)below(g, 37);
        a.bias = below(g, 3) != 0;
        break;
    case NCR_OP_MAXPOOL:
    case NCR_OP_AVGPOOL:
        window(g, &a, false);
        if (below(g, 2)) a.stride[0] = a.stride[1] = 0;
        break;
    case NCR_OP_ADD:
        n_in = 2 + below(g, 2);
        for (uint32_t k = 1; k < n_in; k++)
            in[k] = twin(g, x, false);
        break;
    case NCR_OP_MUL:
        n_in = 2;
        in[1] = twin(g, x, false);
        if (shape.rank == 3 && below(g, 2)) {
            struct ncr_attrs none = ncr_attrs_default(NCR_OP_GLOBAL_AVGPOOL);
            in[1] = add(g, NCR_OP_GLOBAL_AVGPOOL, &none, &x, 1);
        }
        break;
    case NCR_OP_CONCAT:
        n_in = 1 + below(g, 3);
        for (uint32_t k = 1; k < n_in; k++)
            in[k] = twin(g, x, true);
        break;
    case NCR_OP_RESHAPE:
        a.shape = (struct ncr_shape){3, {1, 1, (int32_t)ncr_shape_elements(&shape)}};
        if (shape.rank == 3)
            a.shape = (struct ncr_shape){3, {shape.dim[1], shape.dim[2], shape.dim[0]}};
        break;
    case NCR_OP_PAD:
        for (int i = 0; i < 4; i++)
            a.pad[i] = (int32_t)below(g, 3);
        break;
    case NCR_OP_UPSAMPLE:
        a.factor[0] = 1 + (int32_t)below(g, 2);
        a.factor[1] = 1 + (int32_t)below(g, 3);
        break;
    default: break;
    }
    if (op == NCR_OP_SOFTMAX && ncr_shape_elements(&shape) > NCR_QSOFTMAX_LIMIT) return NCR_NO_NODE;
    if (op == NCR_OP_FLATTEN && below(g, 3)) return NCR_NO_NODE; // images should live for a while
    ncr_node_id id = add(g, op, &a, in, n_in);
    // Tensors that grow without bound make slow tests.
    return id != NCR_NO_NODE && ncr_shape_elements(&ncr_builder_node(g->builder, id)->shape) > 6000
               ? NCR_NO_NODE
               : id;
}

// Two operators that often follow one another, and that code may take as one: a product and the sum
// with what it was made of, or another tensor; a convolution and the largest of its results.
static ncr_node_id pair(struct grow *g, ncr_node_id x)
{
    const struct ncr_shape shape = ncr_builder_node(g->builder, x)->shape;
    bool image = shape.rank == 3, sum = !image || below(g, 2), swapped = below(g, 2);
    enum ncr_op op = image ? NCR_OP_CONV : NCR_OP_DENSE;
    struct ncr_attrs a = ncr_attrs_default(op), plain = ncr_attrs_default(NCR_OP_RELU);
    a.out = sum ? shape.dim[0] : 1 + (int32_t)below(g, 24);
    for (int i = 0; image && i < 2; i++) {
        a.kernel[i] = 1 + 2 * (int32_t)below(g, 3);
        a.stride[i] = sum || below(g, 3) ? 1 : 2;
    }
    a.pad_mode = NCR_PAD_SAME;
    ncr_node_id first = add(g, op, &a, &x, 1);
    if (first != NCR_NO_NODE && below(g, 3) == 0) first = add(g, NCR_OP_RELU, &plain, &first, 1);
    if (first == NCR_NO_NODE) return first;
    ncr_node_id both[2], other = below(g, 3) ? x : twin(g, x, false);
    both[swapped] = first;
    both[!swapped] = other;
    if (sum) {
        plain = ncr_attrs_default(NCR_OP_ADD);
        return add(g, NCR_OP_ADD, &plain, both, 2);
    }
    a = ncr_attrs_default(NCR_OP_MAXPOOL);
    a.kernel[0] = 1 + (int32_t)below(g, 3);
    a.kernel[1] = 1 + (int32_t)below(g, 3);
    a.stride[0] = a.stride[1] = 0; // the kernel's
    a.pad_mode = NCR_PAD_VALID;
    return add(g, NCR_OP_MAXPOOL, &a, &first, 1);
}

void random_weights(struct ncr_weights *weights, const struct ncr_graph *graph, uint64_t seed)
{
    ncr_weights_init(weights, graph, seed);
    for (uint32_t p = 0; p < graph->n_params; p++) {
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_WEIGHTS, p);
        for (int64_t i = 0; i < graph->params[p].n; i++) {
            float r = (float)ncr_rng_f64(&rng), *w = &weights->at[p][i];
            switch (graph->params[p].role) {
            case NCR_PARAM_WEIGHT: break;
            case NCR_PARAM_BIAS:
            case NCR_PARAM_BETA:
            case NCR_PARAM_MEAN: *w = r - 0.5f; break;
            case NCR_PARAM_GAMMA: *w = r * 3 - 1; break;
            case NCR_PARAM_VAR: *w = r + 0.1f; break;
            }
        }
    }
}

static void fill_input(struct ncr_rng *rng, float *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        v[i] = (float)ncr_rng_normal(rng);
}

// A convolution that keeps the size of its image, and what often follows it.
static ncr_node_id keep_size(struct grow *g, ncr_node_id x, int32_t most)
{
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_CONV), none = ncr_attrs_default(NCR_OP_RELU);
    int32_t channels = ncr_builder_node(g->builder, x)->shape.dim[0];
    a.out = 1 + (int32_t)below(g, (uint32_t)most);
    a.kernel[0] = 1 + 2 * (int32_t)below(g, 3);
    a.kernel[1] = below(g, 2) ? a.kernel[0] : 1;
    if (below(g, 6) == 0) {
        a.groups = channels;
        a.out = channels * (1 + (int32_t)below(g, 2));
    }
    x = add(g, NCR_OP_CONV, &a, &x, 1);
    if (below(g, 4) == 0) x = add(g, NCR_OP_BATCHNORM, &none, &x, 1);
    return below(g, 3) ? add(g, NCR_OP_RELU, &none, &x, 1) : x;
}

// Branches of an image side by side, as in fire modules and inception blocks.
static ncr_node_id branches(struct grow *g, ncr_node_id x, bool nested)
{
    const struct ncr_shape shape = ncr_builder_node(g->builder, x)->shape;
    struct ncr_attrs none = ncr_attrs_default(NCR_OP_CONCAT), pool;
    int32_t pixels = shape.dim[1] * shape.dim[2], most = 1500 / pixels < 80 ? 1500 / pixels : 80;
    ncr_node_id in[4];
    uint32_t n = 2 + below(g, nested ? 1 : 3);
    pool = ncr_attrs_default(NCR_OP_MAXPOOL);
    pool.kernel[0] = pool.kernel[1] = 3;
    pool.stride[0] = pool.stride[1] = 1;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t kind = below(g, 12);
        in[k] = kind == 0              ? x
                : kind == 1 && !nested ? branches(g, x, true)
                : kind == 2            ? add(g, NCR_OP_TANH, &none, &x, 1)
                                       : keep_size(g, x, most);
        if (kind == 3) in[k] = add(g, NCR_OP_MAXPOOL, &pool, &in[k], 1);
        if (kind == 4) in[k] = add(g, NCR_OP_ADD, &none, (ncr_node_id[]){in[k], in[k]}, 2);
        if (kind == 5 && k) in[k] = in[k - 1];
    }
    uint32_t other = below(g, n); // not always in the order in which they are computed
    ncr_node_id first = in[0];
    in[0] = in[other];
    in[other] = first;
    return add(g, NCR_OP_CONCAT, &none, in, n);
}

// Every fourth network that begins with an image begins with branches. It is drawn on its own
// account, so that the others stay what they are.
static ncr_node_id maybe_branches(struct grow *g, ncr_node_id x)
{
    struct grow own = *g;
    own.rng = ncr_rng_at(g->seed, NCR_RNG_TEST, 1002);
    if (ncr_builder_node(g->builder, x)->shape.rank == 1 || below(&own, 4)) return x;
    x = branches(&own, below(&own, 2) ? keep_size(&own, x, 16) : x, false);
    g->serial = own.serial;
    return x;
}

static ncr_node_id grow_on(struct grow *g, ncr_node_id x, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        if (below(g, 5) == 0)
            x = below(g, ncr_builder_count(g->builder)); // branch off an earlier tensor
        ncr_node_id next = g->pairs && below(g, 3) == 0 ? pair(g, x) : step(g, x);
        if (next != NCR_NO_NODE) x = next;
    }
    return x;
}

// tail: operators after a flattening; 0: no such thing.
static struct ncr_graph *grow_all(struct grow *g, uint32_t size, uint32_t tail)
{
    ncr_node_id x = add_input(g);
    if (below(g, 5) == 0) add_input(g);
    x = grow_on(g, maybe_branches(g, x), size);
    if (tail && ncr_builder_node(g->builder, x)->shape.rank == 3) {
        struct ncr_attrs flatten = ncr_attrs_default(NCR_OP_FLATTEN);
        x = add(g, NCR_OP_FLATTEN, &flatten, &x, 1);
    }
    x = grow_on(g, x, tail);
    uint32_t n_out = 1 + below(g, 3);
    ncr_builder_output(g->builder, NCR_STR("y0"), x);
    for (uint32_t i = 1; i < n_out; i++)
        ncr_builder_output(g->builder, ncr_str_fmt(g->arena, "y%u", i),
                           below(g, ncr_builder_count(g->builder)));
    return ncr_builder_finish(g->builder);
}

static struct grow grow_new(struct ncr_arena *arena, uint64_t seed, bool pairs)
{
    return (struct grow){.arena = arena,
                         .builder = ncr_builder_new(arena, NCR_STR("random")),
                         .rng = ncr_rng_at(seed, NCR_RNG_TEST, 1000),
                         .seed = seed,
                         .pairs = pairs};
}

struct ncr_graph *random_graph_make(struct ncr_arena *arena, uint64_t seed, uint32_t size)
{
    struct grow g = grow_new(arena, seed, false);
    return grow_all(&g, size, 0);
}

struct ncr_graph *random_pairs_make(struct ncr_arena *arena, uint64_t seed, uint32_t size)
{
    struct grow g = grow_new(arena, seed, true);
    return grow_all(&g, size, 0);
}

// The formats of a node, to be changed.
static struct ncr_quant_spec *own_spec(struct ncr_arena *arena, struct random_net *net,
                                       ncr_node_id id)
{
    struct ncr_attrs *attrs = &net->graph->nodes[id].attrs;
    struct ncr_quant_spec *own =
        ncr_arena_copy(arena, attrs->quant ? attrs->quant : &net->spec, sizeof *own);
    attrs->quant = own;
    return own;
}

// Every third network has activations of 9 to 16 bits: all of them, those of some layers, or all
// but those of some layers.
static void widen(struct ncr_arena *arena, uint64_t seed, struct random_net *net)
{
    struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 1001);
    if (ncr_rng_below(&rng, 3)) return;
    uint32_t how = (uint32_t)ncr_rng_below(&rng, 3);
    uint32_t bits = ncr_rng_below(&rng, 2) ? 16 : 9 + (uint32_t)ncr_rng_below(&rng, 8);
    if (how != 1) net->spec.activation_bits = bits;
    for (ncr_node_id id = 0; id < net->graph->n_nodes; id++) {
        if (how == 0 || ncr_rng_below(&rng, 2)) continue;
        own_spec(arena, net, id)->activation_bits = how == 2 ? 8 : bits;
    }
}

// Fewer bits by one where there are more than 8; false where there are none.
static bool fewer_bits(struct ncr_arena *arena, struct random_net *net)
{
    bool any = net->spec.activation_bits > 8;
    if (any) net->spec.activation_bits--;
    for (ncr_node_id id = 0; id < net->graph->n_nodes; id++) {
        const struct ncr_quant_spec *own = net->graph->nodes[id].attrs.quant;
        if (!own || own->activation_bits <= 8) continue;
        own_spec(arena, net, id)->activation_bits--;
        any = true;
    }
    return any;
}

static void quantise(struct ncr_arena *arena, uint64_t seed, struct random_net *net)
{
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    do // sums of 16 bits may leave 32
        net->qgraph =
            ncr_qgraph_build(arena, &diags, net->graph, &net->spec, net->weights, net->ranges);
    while (!net->qgraph && fewer_bits(arena, net));
    if (!net->qgraph)
        NCR_BUG("seed %llu: %.*s", (unsigned long long)seed, NCR_STR_ARG(diags.first->text));
}

// Weights, formats and numbers for a graph.
static void make_net(struct grow *grow, uint64_t seed, const struct ncr_graph *graph,
                     struct random_net *out)
{
    struct grow g = *grow;
    struct ncr_arena *arena = g.arena;
    out->graph = ncr_graph_simplify(arena, graph);
    out->weights = ncr_weights_new(arena, out->graph);
    random_weights(out->weights, out->graph, seed);
    out->spec = (struct ncr_quant_spec){.name = NCR_STR("q"),
                                        .weights = below(&g, 4)   ? NCR_QF_LINEAR
                                                   : below(&g, 2) ? NCR_QF_FIXED
                                                                  : NCR_QF_LOG2,
                                        .activations = below(&g, 4) ? NCR_QF_LINEAR : NCR_QF_FIXED,
                                        .weight_bits = below(&g, 4) ? 8 : 2 + below(&g, 7),
                                        .activation_bits = below(&g, 4) ? 8 : 4 + below(&g, 5),
                                        .per_channel = below(&g, 4) != 0,
                                        .calibration =
                                            below(&g, 4) ? NCR_CALIB_MINMAX : NCR_CALIB_PERCENTILE,
                                        .percentile = 0.999,
                                        .calibration_images = 4};
    if (out->spec.weights == NCR_QF_LOG2) {
        out->spec.weight_bits = 2 + below(&g, 4);
        out->spec.half_steps = below(&g, 3) == 0;
    }
    // Every third network has layers in formats of their own.
    static const struct ncr_quant_spec own[] = {{.weights = NCR_QF_LINEAR,
                                                 .activations = NCR_QF_LINEAR,
                                                 .weight_bits = 4,
                                                 .activation_bits = 8,
                                                 .per_channel = true},
                                                {.weights = NCR_QF_LOG2,
                                                 .activations = NCR_QF_FIXED,
                                                 .weight_bits = 4,
                                                 .activation_bits = 8,
                                                 .per_channel = true},
                                                {.weights = NCR_QF_LOG2,
                                                 .activations = NCR_QF_LINEAR,
                                                 .weight_bits = 5,
                                                 .half_steps = true,
                                                 .activation_bits = 6}};
    bool mixed = below(&g, 3) == 0;
    for (ncr_node_id id = 0; id < out->graph->n_nodes && mixed; id++)
        if (below(&g, 2)) out->graph->nodes[id].attrs.quant = &own[below(&g, NCR_COUNT(own))];
    widen(arena, seed, out);
    struct ncr_calibrator *calibrator =
        ncr_calibrator_new(arena, out->graph, out->weights, &out->spec);
    for (uint32_t k = 0; k < out->spec.calibration_images; k++) {
        float **inputs = NCR_NEW_N(arena, float *, out->graph->n_inputs);
        for (uint32_t i = 0; i < out->graph->n_inputs; i++) {
            int64_t n = ncr_shape_elements(&out->graph->nodes[out->graph->inputs[i]].shape);
            struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 2000 + 10 * k + i);
            inputs[i] = NCR_NEW_N(arena, float, (size_t)n);
            fill_input(&rng, inputs[i], n);
        }
        ncr_calibrator_feed(calibrator, (const float *const *)inputs);
    }
    out->ranges = ncr_calibrator_finish(calibrator);
    quantise(arena, seed, out);
}

void random_net_make(struct ncr_arena *arena, uint64_t seed, uint32_t size, struct random_net *out)
{
    random_net_with_tail(arena, seed, size, 0, out);
}

void random_net_of_pairs(struct ncr_arena *arena, uint64_t seed, uint32_t size,
                         struct random_net *out)
{
    struct grow g = grow_new(arena, seed, true);
    make_net(&g, seed, grow_all(&g, size, 0), out);
}

void random_net_with_tail(struct ncr_arena *arena, uint64_t seed, uint32_t size, uint32_t tail,
                          struct random_net *out)
{
    struct grow g = grow_new(arena, seed, tail > 0);
    make_net(&g, seed, grow_all(&g, size, tail), out);
}

void random_net_of_vectors(struct ncr_arena *arena, uint64_t seed, uint32_t layers, uint32_t most,
                           struct random_net *out)
{
    struct grow g = grow_new(arena, seed, false);
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT);
    a.shape = (struct ncr_shape){1, {1 + (int32_t)below(&g, most), 0, 0}};
    ncr_node_id x = add(&g, NCR_OP_INPUT, &a, NULL, 0);
    for (uint32_t i = 0; i < layers; i++) {
        a = ncr_attrs_default(NCR_OP_DENSE);
        a.out = 1 + (int32_t)below(&g, most);
        x = add(&g, NCR_OP_DENSE, &a, &x, 1);
        a = ncr_attrs_default(NCR_OP_RELU);
        if (below(&g, 2)) x = add(&g, NCR_OP_RELU, &a, &x, 1);
    }
    ncr_builder_output(g.builder, NCR_STR("y0"), x);
    make_net(&g, seed, ncr_builder_finish(g.builder), out);
}

void random_net_in_form(struct ncr_arena *arena, struct random_net *net,
                        struct ncr_weight_form form)
{
    for (ncr_node_id id = 0; id < net->graph->n_nodes; id++)
        net->graph->nodes[id].attrs.quant = NULL;
    if (net->spec.activation_bits > 8) net->spec.activation_bits = 8; // tables among them
    net->spec.weights = form.format;
    net->spec.weight_bits = form.bits;
    net->spec.half_steps = form.half_steps;
    quantise(arena, 0, net);
}

void random_net_strain(struct random_net *net)
{
    static const int32_t ends[] =
        {INT32_MIN, INT32_MAX, INT32_MIN / 2, INT32_MAX / 2, INT32_MIN + 1, 1 << 30, -1, 0},
                         factors[] = {1 << 30, INT32_MAX, (1 << 30) + 1, 0x60000000, 0x55555555};
    for (uint32_t q = 0; q < net->qgraph->n_nodes; q++) {
        struct ncr_qnode *node = &net->qgraph->nodes[q];
        for (int32_t o = 0; node->n_weights && o < node->n_channels; o++) {
            node->bias[o] = ends[o % (int32_t)NCR_COUNT(ends)];
            node->mult[o] = factors[o % (int32_t)NCR_COUNT(factors)];
            node->shift[o] = 53 + o % 4; // 2^62 to what a byte holds, or a bit more
        }
    }
}

void random_net_inputs(struct ncr_arena *arena, const struct random_net *net, uint64_t seed,
                       float **real, int8_t **quantised)
{
    for (uint32_t i = 0; i < net->graph->n_inputs; i++) {
        int64_t n = ncr_shape_elements(&net->graph->nodes[net->graph->inputs[i]].shape);
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 3000 + i);
        real[i] = NCR_NEW_N(arena, float, (size_t)n);
        const struct ncr_qnode *node = &net->qgraph->nodes[net->qgraph->inputs[i]];
        quantised[i] = NCR_NEW_N(arena, int8_t, (size_t)ncr_qnode_bytes(node));
        fill_input(&rng, real[i], n);
        ncr_quantise_input(node, real[i], quantised[i]);
    }
}

struct ncr_graph *random_classifier_make(struct ncr_arena *arena, uint64_t seed, uint32_t size,
                                         int32_t classes)
{
    struct grow g = grow_new(arena, seed, false);
    ncr_node_id x = grow_on(&g, add_input(&g), size);
    struct ncr_attrs flatten = ncr_attrs_default(NCR_OP_FLATTEN),
                     dense = ncr_attrs_default(NCR_OP_DENSE);
    x = add(&g, NCR_OP_FLATTEN, &flatten, &x, 1);
    dense.out = classes;
    x = add(&g, NCR_OP_DENSE, &dense, &x, 1);
    ncr_builder_output(g.builder, NCR_STR(""), x);
    return ncr_builder_finish(g.builder);
}
