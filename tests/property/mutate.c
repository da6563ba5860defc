// Closure of mutations: whatever is applied, one after the other, the child is a sound network with
// its parent's inputs and outputs, and an exact claim holds.
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/mutate/mutate.h"
#include "compiler/mutate/resolved.h"
#include "tests/support/check_text.h"
#include "tests/support/random_graph.h"
#include "tests/support/rebuild.h"

enum { STEPS = 2500, WALK = 25 };

// Nets of several kinds; each walk starts from one of them.
static const char program_text[] =
    "import std.blocks\n"
    "import std.mutations\n"
    "net plain(x: tensor[1, 12, 12]) -> tensor[5] {\n"
    "    x |> conv(4, kernel: 3) >> relu >> maxpool(2) >> conv(6, kernel: 3, stride: 2) >> relu >> "
    "flatten >> dense(5)\n"
    "}\n"
    "net residual_net(x: tensor[3, 8, 8]) -> tensor[4] {\n"
    "    x |> conv_bn_relu(4, kernel: 3) >> residual(conv_bn_relu(4, kernel: 3) >> conv(4, kernel: "
    "1)) >> relu\n"
    "        >> separable(8, kernel: 3) >> global_avgpool >> flatten >> dense(4)\n"
    "}\n"
    "net joined(x: tensor[2, 6, 6], y: tensor[2, 6, 6]) -> (p: tensor[3], q: tensor[4, 6, 6]) {\n"
    "    let f = conv(4, kernel: 3);\n"
    "    let a = x |> f >> relu;\n"
    "    let b = y |> f >> hardswish;\n"
    "    let c = concat(a, b) |> conv(4, kernel: [1, 3], pad: [0, 1], bias: false) >> batchnorm >> "
    "relu;\n"
    "    let gate = c |> global_avgpool >> sigmoid;\n"
    "    let d = c * gate + a;\n"
    "    (p: d |> avgpool(3) >> reshape(16) >> dense(8) >> softmax >> dense(3), q: b)\n"
    "}\n"
    "net grouped(x: tensor[4, 6, 6]) -> tensor[4] {\n"
    "    x |> conv(8, kernel: 3, groups: 2) >> relu >> conv(8, kernel: 3, dilation: 2) >> relu6\n"
    "        >> dwconv(3, multiplier: 2) >> conv(4, kernel: 1) >> upsample(2) >> relu >> flatten "
    ">> dense(4)\n"
    "}\n";

struct walk {
    struct checked *c;
    const struct ncr_mutation *mutations[16];
    uint32_t n;
};

static struct walk begin(void)
{
    struct walk w = {.c = check_text("walk.ncr", program_text, "")};
    cr_assert_eq(w.c->diags.n_errors, 0, "%s", w.c->text.s);
    uint32_t n = ncr_program_mutation_count(w.c->program);
    cr_assert_leq(n, NCR_COUNT(w.mutations));
    for (uint32_t i = 0; i < n; i++) {
        const struct ncr_mutation *m = ncr_program_mutation(w.c->program, i);
        if (!m->of_decisions) w.mutations[w.n++] = m;
    }
    cr_assert_eq(w.n, 9);
    return w;
}

static void assert_child(const struct ncr_graph *parent, const struct ncr_graph *child,
                         const struct ncr_match *match, uint64_t seed)
{
    struct ncr_error why;
    const char *name = match->mutation->name.s;
    cr_assert(ncr_graph_verify(child, &why), "seed %lu, %s: %s", seed, name, why.text);
    cr_assert_eq(parent->n_inputs, child->n_inputs);
    cr_assert_eq(parent->n_outputs, child->n_outputs);
    for (uint32_t i = 0; i < parent->n_inputs; i++)
        cr_assert(ncr_shape_equal(&parent->nodes[parent->inputs[i]].shape,
                                  &child->nodes[child->inputs[i]].shape));
    for (uint32_t i = 0; i < parent->n_outputs; i++)
        cr_assert(ncr_shape_equal(&parent->nodes[parent->outputs[i].node].shape,
                                  &child->nodes[child->outputs[i].node].shape),
                  "seed %lu, %s", seed, name);
}

static void assert_program(struct ncr_arena *arena, const struct ncr_graph *graph)
{
    struct ncr_buf text = {0};
    cr_assert(ncr_graph_program(arena, graph, &text, NULL));
    struct checked *c = check_text("child.ncr", text.s, "");
    cr_assert_eq(c->diags.n_errors, 0, "%s", c->text.s);
    cr_assert(ncr_hash_eq(ncr_graph_arch_id(graph),
                          ncr_graph_arch_id(ncr_program_net(c->program, 0)->graph)),
              "%s", text.s);
    checked_free(c);
    ncr_buf_free(&text);
}

Test(mutation_laws, ten_thousand_steps_without_an_invalid_child)
{
    struct walk w = begin();
    uint32_t applied[16] = {0}, stuck = 0;
    for (uint32_t net = 0; net < ncr_program_net_count(w.c->program); net++) {
        const struct ncr_graph *root = ncr_program_net(w.c->program, net)->graph;
        struct ncr_arena *arena = NULL;
        const struct ncr_graph *graph = root;
        for (uint64_t step = 0; step < STEPS; step++) {
            if (step % WALK == 0) {
                if (arena) ncr_arena_free(arena);
                arena = ncr_arena_new(0);
                graph = root;
            }
            struct ncr_rng rng = ncr_rng_at(net, NCR_RNG_TEST, 8000 + step);
            struct ncr_child child;
            struct ncr_match match;
            if (!ncr_mutate_random(w.c->program, arena, graph, NULL, w.mutations, NULL, w.n, &rng,
                                   &child, &match)) {
                stuck++;
                continue;
            }
            assert_child(graph, child.graph, &match, step);
            for (uint32_t i = 0; i < w.n; i++)
                applied[i] += w.mutations[i] == match.mutation;
            // Networks that grow without bound make slow tests.
            if (ncr_graph_macs(child.graph) < 4 * ncr_graph_macs(root) + 100000)
                graph = child.graph;
            if (step % 100 == 99) assert_program(arena, graph);
        }
        ncr_arena_free(arena);
    }
    cr_assert_eq(stuck, 0);
    for (uint32_t i = 0; i < w.n; i++)
        cr_assert_gt(applied[i], 100, "%s was applied %u times", w.mutations[i]->name.s,
                     applied[i]);
    checked_free(w.c);
}

// The largest deviation of the outputs, relative to the largest output.
static double deviation(struct ncr_arena *arena, const struct ncr_graph *a,
                        const struct ncr_weights *wa, const struct ncr_graph *b,
                        const struct ncr_weights *wb, uint64_t seed)
{
    const float *inputs[4];
    for (uint32_t i = 0; i < a->n_inputs; i++) {
        int64_t n = ncr_shape_elements(&a->nodes[a->inputs[i]].shape);
        float *x = NCR_NEW_N(arena, float, (size_t)n);
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 9000 + i);
        for (int64_t k = 0; k < n; k++)
            x[k] = (float)ncr_rng_normal(&rng);
        inputs[i] = x;
    }
    float **va = NCR_NEW_N(arena, float *, a->n_nodes),
          **vb = NCR_NEW_N(arena, float *, b->n_nodes);
    ncr_eval_f32(arena, a, wa, inputs, va);
    ncr_eval_f32(arena, b, wb, inputs, vb);
    double worst = 0;
    for (uint32_t o = 0; o < a->n_outputs; o++) {
        const float *x = va[a->outputs[o].node], *y = vb[b->outputs[o].node];
        double top = 1e-6;
        int64_t n = ncr_shape_elements(&a->nodes[a->outputs[o].node].shape);
        for (int64_t i = 0; i < n; i++)
            top = fmax(top, fabs((double)x[i]));
        for (int64_t i = 0; i < n; i++) {
            cr_assert(isfinite(y[i]), "output %u of a child is no number", o);
            worst = fmax(worst, fabs((double)x[i] - (double)y[i]) / top);
        }
    }
    return worst;
}

Test(mutation_laws, exact_mutations_keep_the_function_along_a_walk)
{
    struct walk w = begin();
    uint32_t exact = 0;
    double worst = 0;
    for (uint64_t seed = 0; seed < 160; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        const struct ncr_graph *graph =
            ncr_program_net(w.c->program, seed % ncr_program_net_count(w.c->program))->graph;
        struct ncr_weights *weights = ncr_weights_new(arena, graph);
        random_weights(weights, graph, seed);
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 8500);
        for (uint32_t step = 0; step < 6; step++) {
            struct ncr_child child;
            struct ncr_match match;
            cr_assert(ncr_mutate_random(w.c->program, arena, graph, weights, w.mutations, NULL, w.n,
                                        &rng, &child, &match));
            assert_child(graph, child.graph, &match, seed);
            double d = deviation(arena, graph, weights, child.graph, child.weights, seed);
            if (ncr_inherit_exact(child.inherit)) {
                exact++;
                worst = fmax(worst, d);
                cr_assert_leq(d, 1e-5, "seed %lu, step %u: %s deviates by %g", seed, step,
                              ncr_match_name(arena, graph, &match).s, d);
            }
            if (ncr_graph_macs(child.graph) > 2000000) break;
            graph = child.graph;
            weights = child.weights;
        }
        ncr_arena_free(arena);
    }
    cr_assert_gt(exact, 400);
    checked_free(w.c);
}

// Groups, odd strides, paddings of every kind, several ends, shared layers.
Test(mutation_laws, random_networks_are_closed_and_exact_too)
{
    struct walk w = begin();
    uint32_t exact = 0, applied = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        const struct ncr_graph *graph = random_graph_make(arena, seed, 14);
        struct rebuild twins = {.twins = true};
        if (seed % 2) graph = rebuild_graph(arena, graph, twins, seed);
        struct ncr_weights *weights = ncr_weights_new(arena, graph);
        random_weights(weights, graph, seed);
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 8600);
        for (uint32_t step = 0; step < 8; step++) {
            struct ncr_child child;
            struct ncr_match match;
            if (!ncr_mutate_random(w.c->program, arena, graph, weights, w.mutations, NULL, w.n,
                                   &rng, &child, &match))
                break;
            assert_child(graph, child.graph, &match, seed);
            applied++;
            if (ncr_inherit_exact(child.inherit)) {
                double d = deviation(arena, graph, weights, child.graph, child.weights, seed);
                cr_assert_leq(d, 1e-5, "seed %lu, step %u: %s deviates by %g", seed, step,
                              ncr_match_name(arena, graph, &match).s, d);
                exact++;
            }
            if (ncr_graph_macs(child.graph) > 1000000) break;
            graph = child.graph;
            weights = child.weights;
        }
        if (seed % 10 == 0) assert_program(arena, graph);
        ncr_arena_free(arena);
    }
    cr_assert_gt(applied, 1500);
    cr_assert_gt(exact, 700);
    checked_free(w.c);
}
