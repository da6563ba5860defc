// Laws of graphs on random ones: text and back, simplification, architecture ids.
#include <criterion/criterion.h>

#include "compiler/ir/config.h"

#include "lang/base/rng.h"
#include "tests/support/random_graph.h"
#include "tests/support/rebuild.h"

enum { SEEDS = 300, SIZE = 14 };

// With shared weights in half of the cases.
static struct ncr_graph *make(struct ncr_arena *arena, uint64_t seed)
{
    struct ncr_graph *graph = random_graph_make(arena, seed, SIZE);
    struct rebuild twins = {.twins = true};
    return seed % 2 ? rebuild_graph(arena, graph, twins, seed) : graph;
}

static void assert_sound(const struct ncr_graph *graph, uint64_t seed)
{
    struct ncr_error why;
    cr_assert(ncr_graph_verify(graph, &why), "seed %lu: %s", seed, why.text);
}

static struct ncr_graph *read_back(struct ncr_arena *arena, const struct ncr_graph *graph,
                                   struct ncr_buf *text)
{
    ncr_graph_dump(graph, text);
    struct ncr_sources *sources = ncr_sources_new(arena);
    uint32_t file =
        ncr_sources_add(sources, NCR_STR("g"), (struct ncr_str){text->s, (uint32_t)text->n});
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, sources);
    struct ncr_graph *back = ncr_graph_read(arena, &diags, file);
    cr_assert_not_null(back, "%.*s in\n%s", NCR_STR_ARG(diags.first->text), text->s);
    return back;
}

static void assert_same(const struct ncr_graph *a, const struct ncr_graph *b)
{
    cr_assert(ncr_str_eq(a->name, b->name));
    cr_assert_eq(a->n_nodes, b->n_nodes);
    cr_assert_eq(a->n_params, b->n_params);
    cr_assert_eq(a->n_inputs, b->n_inputs);
    cr_assert_eq(a->n_outputs, b->n_outputs);
    for (ncr_node_id id = 0; id < a->n_nodes; id++) {
        const struct ncr_node *x = &a->nodes[id], *y = &b->nodes[id];
        cr_assert_eq(x->op, y->op);
        cr_assert_eq(x->n_in, y->n_in);
        cr_assert(x->n_in == 0 || memcmp(x->in, y->in, x->n_in * sizeof *x->in) == 0);
        cr_assert(ncr_attrs_equal(x->op, &x->attrs, &y->attrs));
        if (ncr_op_attrs(x->op) & NCR_ATTR_PAD) cr_assert_eq(x->attrs.pad_mode, y->attrs.pad_mode);
        cr_assert(ncr_shape_equal(&x->shape, &y->shape));
        cr_assert_eq(x->n_params, y->n_params);
        if (x->n_params) cr_assert_eq(x->first_param, y->first_param);
        cr_assert(ncr_str_eq(x->path, y->path));
    }
    for (uint32_t p = 0; p < a->n_params; p++) {
        cr_assert(ncr_str_eq(a->params[p].name, b->params[p].name));
        cr_assert_eq(a->params[p].role, b->params[p].role);
        cr_assert_eq(a->params[p].n, b->params[p].n);
        cr_assert_arr_eq(a->params[p].dim, b->params[p].dim, sizeof a->params[p].dim);
    }
    for (uint32_t i = 0; i < a->n_outputs; i++) {
        cr_assert(ncr_str_eq(a->outputs[i].name, b->outputs[i].name));
        cr_assert_eq(a->outputs[i].node, b->outputs[i].node);
    }
}

Test(graph_laws, text_and_back_is_the_identity)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_graph *graph = make(arena, seed);
        if (seed % 3 == 0) graph = ncr_graph_simplify(arena, graph);
        assert_sound(graph, seed);
        struct ncr_buf first = {0}, second = {0};
        struct ncr_graph *back = read_back(arena, graph, &first);
        assert_same(graph, back);
        ncr_graph_dump(back, &second);
        cr_assert_str_eq(first.s, second.s);
        cr_assert(ncr_hash_eq(ncr_graph_hash(graph), ncr_graph_hash(back)));
        ncr_buf_free(&first);
        ncr_buf_free(&second);
        ncr_arena_free(arena);
    }
}

static struct ncr_weights *same_weights(struct ncr_arena *arena, const struct ncr_graph *graph,
                                        const struct ncr_weights *weights,
                                        const struct ncr_graph *simple)
{
    struct ncr_weights *result = ncr_weights_new(arena, simple);
    for (uint32_t p = 0; p < simple->n_params; p++) {
        uint32_t q = 0;
        while (!ncr_str_eq(graph->params[q].name, simple->params[p].name))
            cr_assert_lt(++q, graph->n_params);
        memcpy(result->at[p], weights->at[q], (size_t)simple->params[p].n * sizeof(float));
    }
    return result;
}

Test(graph_laws, simplification_keeps_every_output_bit)
{
    uint32_t removed = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct rebuild noise = {.identities = true, .dead = true};
        struct ncr_graph *graph = rebuild_graph(arena, make(arena, seed), noise, seed);
        struct ncr_graph *simple = ncr_graph_simplify(arena, graph);
        assert_sound(graph, seed);
        assert_sound(simple, seed);
        removed += graph->n_nodes - simple->n_nodes;
        for (ncr_node_id id = 0; id < simple->n_nodes; id++)
            cr_assert(simple->nodes[id].op != NCR_OP_IDENTITY &&
                      simple->nodes[id].op != NCR_OP_DROPOUT);
        struct ncr_weights *weights = ncr_weights_new(arena, graph);
        random_weights(weights, graph, seed);
        const float *inputs[2];
        for (uint32_t i = 0; i < graph->n_inputs; i++) {
            int64_t n = ncr_shape_elements(&graph->nodes[graph->inputs[i]].shape);
            float *x = NCR_NEW_N(arena, float, (size_t)n);
            struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 5000 + i);
            for (int64_t k = 0; k < n; k++)
                x[k] = (float)ncr_rng_normal(&rng);
            inputs[i] = x;
        }
        float **a = NCR_NEW_N(arena, float *, graph->n_nodes),
              **b = NCR_NEW_N(arena, float *, simple->n_nodes);
        ncr_eval_f32(arena, graph, weights, inputs, a);
        ncr_eval_f32(arena, simple, same_weights(arena, graph, weights, simple), inputs, b);
        for (uint32_t i = 0; i < graph->n_outputs; i++) {
            const struct ncr_node *out = &graph->nodes[graph->outputs[i].node];
            cr_assert_eq(memcmp(a[graph->outputs[i].node], b[simple->outputs[i].node],
                                (size_t)ncr_shape_elements(&out->shape) * sizeof(float)),
                         0, "seed %lu, output %u", seed, i);
        }
        struct ncr_graph *again = ncr_graph_simplify(arena, simple);
        assert_same(simple, again);
        ncr_arena_free(arena);
    }
    cr_assert_gt(removed, SEEDS * 3);
}

Test(graph_laws, arch_id_does_not_see_names_order_and_identities)
{
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_graph *graph = make(arena, seed);
        struct ncr_hash id = ncr_graph_arch_id(graph);
        for (uint32_t bits = 1; bits < 32; bits++) {
            struct rebuild change = {bits & 1, bits & 2, bits & 4, bits & 8, bits & 16, false};
            struct ncr_graph *other = rebuild_graph(arena, graph, change, seed * 32 + bits);
            assert_sound(other, seed);
            cr_assert(ncr_hash_eq(id, ncr_graph_arch_id(other)), "seed %lu, change %u", seed, bits);
            cr_assert(ncr_graph_equal(graph, other), "seed %lu, change %u", seed, bits);
        }
        cr_assert(ncr_hash_eq(id, ncr_graph_arch_id(ncr_graph_simplify(arena, graph))));
        ncr_arena_free(arena);
    }
}

// Every attribute of every node that is left, each changed alone.
Test(graph_laws, arch_id_sees_every_attribute)
{
    uint32_t changes = 0;
    for (uint64_t seed = 0; seed < SEEDS / 3; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_graph *graph = ncr_graph_simplify(arena, make(arena, seed));
        struct ncr_hash id = ncr_graph_arch_id(graph);
        const struct ncr_quant_spec quant = {.weight_bits = 4, .activation_bits = 8};
        for (ncr_node_id n = 0; n < graph->n_nodes; n++) {
            const struct ncr_attrs old = graph->nodes[n].attrs;
            struct ncr_attrs *a = &graph->nodes[n].attrs;
            uint32_t bits = ncr_op_attrs(graph->nodes[n].op) | NCR_ATTR_QUANT;
            for (uint32_t bit = 1; bit <= NCR_ATTR_QUANT; bit <<= 1) {
                if (!(bits & bit)) continue;
                if (graph->nodes[n].op == NCR_OP_ZERO) continue; // its shape says it
                switch ((enum ncr_attr_bit)bit) {
                case NCR_ATTR_OUT: a->out++; break;
                case NCR_ATTR_KERNEL: a->kernel[1]++; break;
                case NCR_ATTR_STRIDE: a->stride[0]++; break;
                case NCR_ATTR_PAD: a->pad[3]++; break;
                case NCR_ATTR_DILATION: a->dilation[1]++; break;
                case NCR_ATTR_GROUPS: a->groups++; break;
                case NCR_ATTR_BIAS: a->bias = !a->bias; break;
                case NCR_ATTR_MULTIPLIER: a->multiplier++; break;
                case NCR_ATTR_EPS: a->eps *= 2; break;
                case NCR_ATTR_MOMENTUM: a->momentum *= 2; break;
                case NCR_ATTR_ALPHA: a->alpha *= 2; break;
                case NCR_ATTR_FACTOR: a->factor[0]++; break;
                case NCR_ATTR_RATE: a->rate *= 2; break;
                case NCR_ATTR_SHAPE: a->shape.dim[0]++; break;
                case NCR_ATTR_QUANT: a->quant = &quant; break;
                }
                cr_assert_not(ncr_hash_eq(id, ncr_graph_arch_id(graph)), "seed %lu, node %u: %s",
                              seed, n, ncr_attr_name(bit));
                *a = old;
                changes++;
            }
        }
        ncr_arena_free(arena);
    }
    cr_assert_gt(changes, 1000);
}

// Small graphs, many of which are the same network by chance: equal ids where and only where there
// is an isomorphism.
Test(graph_laws, equal_ids_are_equal_networks)
{
    enum { N = 400 };
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_graph *graph[N];
    struct ncr_hash id[N];
    uint32_t equal = 0;
    for (uint32_t i = 0; i < N; i++) {
        struct ncr_op_error err;
        struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("small"));
        struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT);
        struct ncr_rng rng = ncr_rng_at(i, NCR_RNG_TEST, 6000);
        a.shape = (struct ncr_shape){1, {4, 0, 0}};
        ncr_node_id x =
            ncr_builder_add(b, NCR_OP_INPUT, &a, NULL, 0, NCR_STR("x"), NCR_NO_NODE, NULL, &err);
        for (uint32_t k = 0; k < 4; k++) {
            static const enum ncr_op ops[] = {NCR_OP_RELU, NCR_OP_ADD, NCR_OP_MUL, NCR_OP_DENSE,
                                              NCR_OP_IDENTITY};
            enum ncr_op op = ops[ncr_rng_below(&rng, NCR_COUNT(ops))];
            ncr_node_id in[2] = {(ncr_node_id)ncr_rng_below(&rng, x + 1),
                                 (ncr_node_id)ncr_rng_below(&rng, x + 1)};
            a = ncr_attrs_default(op);
            a.out = 4;
            x = ncr_builder_add(b, op, &a, in, (uint32_t)ncr_op_min_in(op),
                                ncr_str_fmt(arena, "n%u", k), NCR_NO_NODE, NULL, &err);
            cr_assert_neq(x, NCR_NO_NODE, "%s", err.text);
        }
        ncr_builder_output(b, NCR_STR(""), x);
        graph[i] = ncr_builder_finish(b);
        id[i] = ncr_graph_arch_id(graph[i]);
        for (uint32_t k = 0; k < i; k++) {
            cr_assert_eq(ncr_hash_eq(id[i], id[k]), ncr_graph_equal(graph[i], graph[k]),
                         "graphs %u and %u", k, i);
            equal += ncr_hash_eq(id[i], id[k]);
        }
    }
    cr_assert_gt(equal, 1000);
    cr_assert_lt(equal, N * N / 4);
    ncr_arena_free(arena);
}
