// Laws of resolved programs: the text is canonical, checks without a message, is the same network
// and computes the same with the weights carried over.
#include <criterion/criterion.h>

#include "compiler/mutate/resolved.h"
#include "compiler/sema/program.h"
#include "lang/base/rng.h"
#include "tests/support/check_text.h"
#include "tests/support/graph_of.h"
#include "tests/support/random_graph.h"
#include "tests/support/rebuild.h"

enum { SEEDS = 200, SIZE = 14 };

static const float *const *random_inputs(struct ncr_arena *arena, const struct ncr_graph *graph,
                                         uint64_t seed)
{
    const float **inputs = NCR_NEW_N(arena, const float *, graph->n_inputs);
    for (uint32_t i = 0; i < graph->n_inputs; i++) {
        int64_t n = ncr_shape_elements(&graph->nodes[graph->inputs[i]].shape);
        float *x = NCR_NEW_N(arena, float, (size_t)n);
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 7000 + i);
        for (int64_t k = 0; k < n; k++)
            x[k] = (float)ncr_rng_normal(&rng);
        inputs[i] = x;
    }
    return inputs;
}

// The network of the printed program; checks the text on the way.
static const struct ncr_graph *print_and_check(struct ncr_arena *arena,
                                               const struct ncr_graph *graph, struct checked **c,
                                               struct ncr_resolved_names *names)
{
    struct ncr_buf text = {0}, formatted = {0}, again = {0};
    cr_assert(ncr_graph_program(arena, graph, &text, names));
    *c = check_text("resolved.ncr", text.s, "");
    for (const struct ncr_diag *d = (*c)->diags.first; d; d = d->next)
        // A network may have inputs that it does not read.
        cr_assert_eq(d->code, NCR_N_UNUSED_PARAMETER, "%s in\n%s", (*c)->text.s, text.s);
    ncr_fmt((*c)->modules->root->syntax, (*c)->sources, &formatted);
    cr_assert_str_eq(formatted.s, text.s);
    const struct ncr_net_info *net = ncr_program_net((*c)->program, 0);
    cr_assert(ncr_str_eq(net->name, names->net));
    cr_assert_not_null(net->graph);
    // Printing what was printed changes nothing.
    cr_assert(ncr_graph_program(arena, net->graph, &again, NULL));
    cr_assert_str_eq(again.s, text.s);
    ncr_buf_free(&text);
    ncr_buf_free(&formatted);
    ncr_buf_free(&again);
    return net->graph;
}

static void assert_same_outputs(struct ncr_arena *arena, const struct ncr_graph *graph,
                                const struct ncr_graph *resolved,
                                const struct ncr_resolved_names *names, uint64_t seed)
{
    struct ncr_weights *weights = ncr_weights_new(arena, graph);
    random_weights(weights, graph, seed);
    const float *const *inputs = random_inputs(arena, graph, seed);
    float **a = NCR_NEW_N(arena, float *, graph->n_nodes),
          **b = NCR_NEW_N(arena, float *, resolved->n_nodes);
    ncr_eval_f32(arena, graph, weights, inputs, a);
    ncr_eval_f32(arena, resolved, ncr_resolved_weights(arena, graph, weights, names, resolved),
                 inputs, b);
    cr_assert_eq(graph->n_outputs, resolved->n_outputs);
    for (uint32_t i = 0; i < graph->n_outputs; i++) {
        const struct ncr_node *out = &graph->nodes[graph->outputs[i].node];
        cr_assert_eq(memcmp(a[graph->outputs[i].node], b[resolved->outputs[i].node],
                            (size_t)ncr_shape_elements(&out->shape) * sizeof(float)),
                     0, "seed %lu, output %u", seed, i);
    }
}

Test(resolved_laws, random_networks_come_back)
{
    uint32_t shared = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_graph *graph = random_graph_make(arena, seed, SIZE);
        struct rebuild twins = {.twins = true};
        if (seed % 2) graph = rebuild_graph(arena, graph, twins, seed);
        struct checked *c;
        struct ncr_resolved_names names;
        const struct ncr_graph *resolved = print_and_check(arena, graph, &c, &names);
        cr_assert(ncr_hash_eq(ncr_graph_arch_id(graph), ncr_graph_arch_id(resolved)), "seed %lu",
                  seed);
        assert_same_outputs(arena, graph, resolved, &names, seed);
        for (ncr_node_id id = 1; id < resolved->n_nodes; id++)
            for (ncr_node_id k = 0; resolved->nodes[id].n_params && k < id; k++)
                shared += resolved->nodes[k].n_params &&
                          resolved->nodes[k].first_param == resolved->nodes[id].first_param;
        checked_free(c);
        ncr_arena_free(arena);
    }
    cr_assert_gt(shared, 100);
}

Test(resolved_laws, the_zoo_comes_back)
{
    static const char *const names[] = {"resnet18", "resnet34", "mobilenet_v1", "mnist_small"};
    for (size_t i = 0; i < NCR_COUNT(names); i++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_io io = ncr_io_posix();
        struct ncr_buf text = {0};
        struct ncr_error err;
        struct ncr_str path =
            ncr_str_fmt(arena, "%s/examples/zoo/%s.ncr", NACRE_SOURCE_DIR, names[i]);
        cr_assert_eq(io.read_file(io.user, path.s, 1 << 20, &text, &err), NCR_OK, "%s", err.text);
        struct checked *parent = check_text("zoo.ncr", text.s, ""), *c;
        const struct ncr_graph *graph = ncr_program_net(parent->program, 0)->graph;
        cr_assert_not_null(graph, "%s", parent->text.s);
        struct ncr_resolved_names resolved_names;
        const struct ncr_graph *resolved = print_and_check(arena, graph, &c, &resolved_names);
        cr_assert(ncr_hash_eq(ncr_graph_arch_id(graph), ncr_graph_arch_id(resolved)));
        // Names without a clash stay what they were.
        cr_assert_eq(graph->n_params, resolved->n_params);
        if (ncr_str_is(ncr_str_of(names[i]), "mnist_small"))
            assert_same_outputs(arena, graph, resolved, &resolved_names, 1);
        checked_free(c);
        checked_free(parent);
        ncr_buf_free(&text);
        ncr_arena_free(arena);
    }
}

Test(resolved_laws, words_of_the_language_are_no_names)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_graph *graph = graph_of(arena, "graph \"net\" {\n"
                                              "  %0 = input \"net/in\" shape 4 : 4\n"
                                              "  %1 = dense %0 \"net/let\" out 4 : 4\n"
                                              "  %2 = relu %1 \"net/max\" : 4\n"
                                              "  %3 = dense %2 \"net/1st[0]/x\" out 4 : 4\n"
                                              "  %4 = add %3 %1 \"net/1st/0/x\" : 4\n"
                                              "  output \"\" = %4\n"
                                              "  output \"for\" = %0\n"
                                              "}\n");
    struct checked *c;
    struct ncr_resolved_names names;
    const struct ncr_graph *resolved = print_and_check(arena, graph, &c, &names);
    cr_assert(ncr_hash_eq(ncr_graph_arch_id(graph), ncr_graph_arch_id(resolved)));
    cr_assert_str_eq(names.net.s, "net_1");
    cr_assert_str_eq(names.params[0].s, "net_1/let_1.weight");
    cr_assert_str_eq(names.params[3].s, "net_1/_1st_0_x.bias");
    checked_free(c);
    ncr_arena_free(arena);
}

Test(resolved_laws, unequal_layers_with_shared_weights_are_refused)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_graph *graph =
        graph_of(arena, "graph \"g\" {\n"
                        "  %0 = input \"g/x\" shape 1x4x4 : 1x4x4\n"
                        "  %1 = conv %0 \"g/a\" out 1 kernel 3x3 : 1x4x4\n"
                        "  %2 = conv %1 \"g/b\" out 1 kernel 3x3 stride 2x2 shares %1 : 1x2x2\n"
                        "  output \"\" = %2\n"
                        "}\n");
    struct ncr_buf text = {0};
    cr_assert_not(ncr_graph_program(arena, graph, &text, NULL));
    cr_assert_eq(text.n, 0);
    ncr_arena_free(arena);
}
