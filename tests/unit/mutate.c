// Mutations one by one: what each edit makes of a network, and each way to inherit of its weights.
#include "compiler/mutate/mutate.h"

#include <criterion/criterion.h>
#include <math.h>

#include "compiler/quant/qgraph.h"
#include "tests/support/check_text.h"
#include "tests/support/random_graph.h"

struct lab {
    struct checked *c;
    struct ncr_arena *arena;
    const struct ncr_graph *graph;
    struct ncr_weights *weights;
    struct ncr_child child;
    struct ncr_str why;
};

// The first net of the program with drawn weights.
static struct lab open_lab(const char *text)
{
    struct lab lab = {.c = check_text("lab.ncr", text, ""), .arena = ncr_arena_new(0)};
    cr_assert_eq(lab.c->diags.n_errors, 0, "%s", lab.c->text.s);
    lab.graph = ncr_program_net(lab.c->program, 0)->graph;
    lab.weights = ncr_weights_new(lab.arena, lab.graph);
    random_weights(lab.weights, lab.graph, 7);
    return lab;
}

static void close_lab(struct lab *lab)
{
    checked_free(lab->c);
    ncr_arena_free(lab->arena);
}

static bool try_at(struct lab *lab, const char *place)
{
    struct ncr_match match;
    struct ncr_error err;
    cr_assert_eq(ncr_match_find(lab->c->program, lab->graph, ncr_str_of(place), &match, &err),
                 NCR_OK, "%s", err.text);
    struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_TEST, 1);
    return ncr_mutate(lab->c->program, lab->arena, lab->graph, lab->weights, &match, &rng, NULL, 0,
                      &lab->child, &lab->why);
}

static void apply_at(struct lab *lab, const char *place)
{
    bool good = try_at(lab, place);
    cr_assert(good, "%s: %.*s", place, good ? 0 : (int)lab->why.n, lab->why.s);
    struct ncr_error why;
    cr_assert(ncr_graph_verify(lab->child.graph, &why), "%s: %s", place, why.text);
}

static void assert_refused(struct lab *lab, const char *place, const char *why)
{
    cr_assert_not(try_at(lab, place), "%s applies", place);
    cr_expect_str_eq(lab->why.s, why);
}

static void assert_dump(const struct ncr_graph *graph, const char *want)
{
    struct ncr_buf got = {0};
    ncr_graph_dump(graph, &got);
    cr_expect_str_eq(got.s, want);
    ncr_buf_free(&got);
}

static const float *input_of(struct lab *lab, uint64_t seed)
{
    int64_t n = ncr_shape_elements(&lab->graph->nodes[lab->graph->inputs[0]].shape);
    float *x = NCR_NEW_N(lab->arena, float, (size_t)n);
    struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 2);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)ncr_rng_normal(&rng);
    return x;
}

static const float *output_of(struct lab *lab, const struct ncr_graph *g,
                              const struct ncr_weights *w, uint64_t seed)
{
    const float *x = input_of(lab, seed);
    float **values = NCR_NEW_N(lab->arena, float *, g->n_nodes);
    ncr_eval_f32(lab->arena, g, w, &x, values);
    return values[g->outputs[0].node];
}

static double deviation(struct lab *lab, const struct ncr_weights *weights)
{
    const float *a = output_of(lab, lab->graph, weights, 3),
                *b = output_of(lab, lab->child.graph, lab->child.weights, 3);
    int64_t n = ncr_shape_elements(&lab->graph->nodes[lab->graph->outputs[0].node].shape);
    double worst = 0, top = 0;
    for (int64_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
        top = fmax(top, fabs((double)a[i]));
    }
    cr_assert_gt(top, 0);
    return worst / top;
}

static uint32_t param_at(const struct ncr_graph *g, const char *name)
{
    for (uint32_t p = 0; p < g->n_params; p++)
        if (ncr_str_is(g->params[p].name, name)) return p;
    cr_assert_fail("no parameter %s", name);
    return UINT32_MAX;
}

// -- edits --------------------------------------------------------------------------------------

#define NET                                                                                        \
    "net n(x: tensor[2, 4, 4]) -> tensor[3] {\n"                                                   \
    "    let a = x |> conv(4, kernel: 3);\n"                                                       \
    "    let b = a |> relu;\n"                                                                     \
    "    let c = b |> conv(4, kernel: 3);\n"                                                       \
    "    let d = b + c;\n"                                                                         \
    "    let y = d |> flatten;\n"                                                                  \
    "    y |> dense(3)\n"                                                                          \
    "}\n"

Test(mutate, insert_after_feeds_all_that_read_the_node)
{
    struct lab lab = open_lab(
        NET "mutation m(r: relu) { insert after r { conv(r.channels, kernel: 1) >> relu }; inherit "
            "identity; }");
    apply_at(&lab, "m@n/b");
    assert_dump(lab.child.graph,
                "graph \"n\" {\n"
                "  %0 = input \"n/x\" shape 2x4x4 : 2x4x4\n"
                "  %1 = conv %0 \"n/a\" out 4 kernel 3x3 stride 1x1 pad same dilation 1x1 groups 1 "
                "bias true : 4x4x4\n"
                "  %2 = relu %1 \"n/b\" : 4x4x4\n"
                "  %3 = conv %2 \"n/m1/conv\" out 4 kernel 1x1 stride 1x1 pad same dilation 1x1 "
                "groups 1 bias true : 4x4x4\n"
                "  %4 = relu %3 \"n/m1/relu\" : 4x4x4\n"
                "  %5 = conv %4 \"n/c\" out 4 kernel 3x3 stride 1x1 pad same dilation 1x1 groups 1 "
                "bias true : 4x4x4\n"
                "  %6 = add %4 %5 \"n/d\" : 4x4x4\n"
                "  %7 = flatten %6 \"n/y\" : 64\n"
                "  %8 = dense %7 \"n/dense\" out 3 bias true : 3\n"
                "  output \"\" = %8\n"
                "}\n");
    cr_expect_eq(deviation(&lab, lab.weights), 0, "a Dirac kernel passes the very bits on");
    close_lab(&lab);
}

Test(mutate, insert_before_feeds_the_node_alone)
{
    struct lab lab = open_lab(NET "mutation m(c: conv) { insert before c { dwconv(3, bias: false) "
                                  ">> batchnorm }; inherit identity; }");
    apply_at(&lab, "m@c");
    const struct ncr_graph *g = lab.child.graph;
    cr_assert_eq(g->n_nodes, lab.graph->n_nodes + 2);
    cr_expect_eq(g->nodes[3].op, NCR_OP_DWCONV);
    cr_expect_eq(g->nodes[5].op, NCR_OP_CONV);
    cr_expect_eq(g->nodes[5].in[0], 4);
    cr_expect_eq(g->nodes[6].in[0], 2, "the sum reads the ReLU as before");
    cr_expect_eq(deviation(&lab, lab.weights), 0);
    close_lab(&lab);
}

Test(mutate, replace_takes_a_layer_or_a_tensor)
{
    struct lab lab = open_lab(
        NET "mutation m(c: conv) { replace c with dwconv(c.kernel) >> conv(c.out, kernel: 1); "
            "inherit distill(steps: 20); }\n"
            "mutation s(a, b) { replace b with (a + b) * b; inherit fresh; }");
    apply_at(&lab, "m@n/a");
    cr_expect_eq(lab.child.graph->nodes[1].op, NCR_OP_DWCONV);
    cr_expect_eq(lab.child.graph->nodes[2].op, NCR_OP_CONV);
    cr_expect_eq(lab.child.steps, 20);
    cr_expect_eq(lab.child.inherit, NCR_INHERIT_DISTILL);
    // What stayed has its weights.
    uint32_t was = param_at(lab.graph, "n/c.weight"), is = param_at(lab.child.graph, "n/c.weight");
    cr_expect_arr_eq(lab.weights->at[was], lab.child.weights->at[is],
                     (size_t)lab.graph->params[was].n * sizeof(float));
    apply_at(&lab, "s@n/a,n/c");
    const struct ncr_graph *g = lab.child.graph;
    cr_expect_eq(g->n_nodes, lab.graph->n_nodes + 2);
    cr_expect_eq(g->nodes[4].op, NCR_OP_ADD);
    cr_expect_eq(g->nodes[4].in[0], 1);
    cr_expect_eq(g->nodes[4].in[1], 3);
    cr_expect_eq(g->nodes[5].op, NCR_OP_MUL);
    cr_expect_eq(g->nodes[6].in[1], 5, "the sum of the net reads the product");
    close_lab(&lab);
}

Test(mutate, remove_joins_what_was_before_and_behind)
{
    struct lab lab =
        open_lab(NET "mutation m(c: conv) { remove c; inherit distill(steps: 1); }\n"
                     "mutation s(s: add) { remove s; inherit distill(steps: 1); }\n"
                     "mutation f(f: flatten) { remove f; inherit distill(steps: 1); }");
    apply_at(&lab, "m@n/c");
    const struct ncr_node *sum = &lab.child.graph->nodes[3];
    cr_expect_eq(sum->op, NCR_OP_ADD);
    cr_expect_eq(sum->in[0], sum->in[1]);
    apply_at(&lab, "s@n/d");
    cr_expect_eq(lab.child.graph->n_nodes, 5, "the convolution reaches no output any more");
    assert_refused(&lab, "f@n/y",
                   "at `n/dense`: `dense` takes a vector [N], but its input is 4x4x4");
    close_lab(&lab);
}

Test(mutate, set_changes_what_follows)
{
    struct lab lab = open_lab(
        "net n(x: tensor[2, 4, 4]) -> tensor[3] {\n"
        "    x |> conv(4, kernel: 3, pad: 1) >> batchnorm >> relu >> dwconv(3, multiplier: 2)\n"
        "        >> concat_self >> flatten >> dense(3)\n"
        "}\n"
        "block concat_self(x) { concat(x, x |> relu) }\n"
        "mutation w(c: conv) { set c.out = 6; inherit zero_fan_out; }\n"
        "mutation k(c: conv) { set c.kernel = [5, 1]; inherit slice; }\n"
        "mutation z(c: conv) { set c.out = 0; inherit slice; }\n"
        "mutation p(c: conv) { set c.pad = 3; inherit slice; }\n"
        "mutation s(c: conv) { set c.stride = 2; inherit slice; }\n");
    apply_at(&lab, "w@conv");
    const struct ncr_graph *g = lab.child.graph;
    cr_expect_eq(g->nodes[2].shape.dim[0], 6);
    cr_expect_eq(g->nodes[4].shape.dim[0], 12);
    cr_expect_eq(g->nodes[6].shape.dim[0], 24);
    cr_expect_eq(g->nodes[7].shape.dim[0], 384);
    cr_expect_eq(deviation(&lab, lab.weights), 0);
    apply_at(&lab, "k@conv");
    const struct ncr_attrs *a = &lab.child.graph->nodes[1].attrs;
    cr_expect_eq(a->pad[0], 2, "the padding follows the kernel");
    cr_expect_eq(a->pad[1], 0);
    cr_expect_eq(a->pad[2], 2);
    cr_expect_eq(a->pad[3], 0);
    assert_refused(&lab, "z@conv", "`out` of `conv` is int 0; the bound is 1 to 1048576");
    apply_at(&lab, "p@conv"); // a larger image in the middle: the dense layer follows
    cr_expect_eq(lab.child.graph->nodes[1].shape.dim[1], 8);
    apply_at(&lab, "s@conv");
    cr_expect_eq(lab.child.graph->nodes[1].shape.dim[1], 2);
    close_lab(&lab);
}

Test(mutate, a_child_keeps_the_ends_of_its_parent)
{
    struct lab lab = open_lab(NET "mutation w(d: dense) { set d.out = 4; inherit zero_fan_out; }\n"
                                  "mutation s(a, b) { replace b with a + b; inherit fresh; }\n"
                                  "mutation r(a) { remove a; inherit fresh; }\n"
                                  "mutation q(a, b) { require a.channels > 4; inherit fresh; }");
    assert_refused(&lab, "w@dense", "the output of the network would change from 3 to 4");
    assert_refused(&lab, "r@x", "`n/x` is an input of the network");
    assert_refused(&lab, "s@c,b", "`n/c` would depend on itself");
    assert_refused(&lab, "q@a,b", "this requirement does not hold: found 4, required > 4");
    close_lab(&lab);
}

Test(mutate, layers_that_share_weights_change_together)
{
    struct lab lab =
        open_lab("net n(x: tensor[4, 4, 4]) -> tensor[4, 4, 4] {\n"
                 "    let f = conv(4, kernel: 3);\n"
                 "    x |> f >> relu >> f >> relu >> conv(4, kernel: 1)\n"
                 "}\n"
                 "mutation k(c: conv) { set c.kernel = c.kernel + 2; inherit identity; }\n"
                 "mutation w(c: conv) { set c.out = 8; inherit zero_fan_out; }\n");
    apply_at(&lab, "k@f");
    cr_expect_eq(lab.child.graph->nodes[3].attrs.kernel[0], 5);
    cr_expect_eq(lab.child.graph->nodes[1].first_param, lab.child.graph->nodes[3].first_param);
    cr_expect_eq(deviation(&lab, lab.weights), 0);
    cr_assert_not(try_at(&lab, "w@f"), "its second use would read 8 channels, its first 4");
    close_lab(&lab);
}

// -- inheritance --------------------------------------------------------------------------------

Test(mutate, channels_that_meet_in_a_sum_are_widened_together)
{
    struct lab lab = open_lab(NET "mutation w(c: conv) { set c.out = 7; inherit zero_fan_out; }");
    apply_at(&lab, "w@c");
    cr_expect_eq(lab.child.graph->nodes[1].shape.dim[0], 7, "a meets c in the sum");
    cr_expect_eq(lab.child.graph->nodes[3].shape.dim[0], 7);
    cr_expect_eq(deviation(&lab, lab.weights), 0);
    close_lab(&lab);
    lab = open_lab("net n(x: tensor[2, 4, 4]) -> tensor[2] {\n"
                   "    x + (x |> conv(2, kernel: 3)) |> flatten >> dense(2)\n"
                   "}\n"
                   "mutation w(c: conv) { set c.out = 7; inherit zero_fan_out; }");
    assert_refused(&lab, "w@conv",
                   "the channels meet those of `n/x`, which cannot change with them");
    close_lab(&lab);
}

Test(mutate, pruning_keeps_the_filters_with_the_largest_weights)
{
    struct lab lab = open_lab(
        "net n(x: tensor[2, 4, 4]) -> tensor[3] {\n"
        "    x |> conv(5, kernel: 3) >> batchnorm >> relu >> maxpool(2) >> flatten >> dense(3)\n"
        "}\n"
        "mutation l(c: conv) { set c.out = 3; inherit largest_l1; }\n"
        "mutation s(c: conv) { set c.out = 3; inherit slice; }\n");
    uint32_t conv = param_at(lab.graph, "n/conv.weight"),
             dense = param_at(lab.graph, "n/dense.weight");
    // Norms 5 1 4 2 3 times that of all ones: channels 0, 2 and 4 stay.
    static const float norm[] = {5, 1, -4, 2, 3};
    for (int64_t i = 0; i < lab.graph->params[conv].n; i++)
        lab.weights->at[conv][i] = norm[i / 18] * (i % 2 ? 0.9f : -1.1f);
    // The parent without the two others: the dense layer does not read them.
    struct ncr_weights *without = ncr_weights_new(lab.arena, lab.graph),
                       *sliced = ncr_weights_new(lab.arena, lab.graph);
    for (uint32_t p = 0; p < lab.graph->n_params; p++) {
        size_t n = (size_t)lab.graph->params[p].n * sizeof(float);
        memcpy(without->at[p], lab.weights->at[p], n);
        memcpy(sliced->at[p], lab.weights->at[p], n);
    }
    for (int64_t i = 0; i < lab.graph->params[dense].n; i++) {
        int64_t channel = i % 20 / 4;
        if (channel == 1 || channel == 3) without->at[dense][i] = 0;
        if (channel >= 3) sliced->at[dense][i] = 0;
    }
    apply_at(&lab, "l@conv");
    cr_expect_leq(deviation(&lab, without), 1e-6);
    cr_expect_gt(deviation(&lab, lab.weights), 1e-3);
    apply_at(&lab, "s@conv");
    cr_expect_leq(deviation(&lab, sliced), 1e-6);
    close_lab(&lab);
}

Test(mutate, coupled_layers_keep_the_same_channels)
{
    struct lab lab = open_lab("net n(x: tensor[2, 4, 4]) -> tensor[3] {\n"
                              "    let a = x |> conv(3, kernel: 1, bias: false);\n"
                              "    let b = x |> conv(3, kernel: 1, bias: false);\n"
                              "    a + b |> flatten >> dense(3)\n"
                              "}\n"
                              "mutation l(c: conv) { set c.out = 1; inherit largest_l1; }\n");
    uint32_t a = param_at(lab.graph, "n/a.weight"), b = param_at(lab.graph, "n/b.weight");
    static const float wa[] = {9, 0, 4, 4, 1, 0}, wb[] = {0, 0, 3, 3, 8, 0}; // sums 9, 14, 9
    memcpy(lab.weights->at[a], wa, sizeof wa);
    memcpy(lab.weights->at[b], wb, sizeof wb);
    apply_at(&lab, "l@a");
    a = param_at(lab.child.graph, "n/a.weight");
    b = param_at(lab.child.graph, "n/b.weight");
    cr_assert_eq(lab.child.graph->params[b].n, 2);
    cr_expect_eq(lab.child.weights->at[a][0], 4);
    cr_expect_eq(lab.child.weights->at[b][0], 3);
    close_lab(&lab);
}

Test(mutate, a_zero_branch_ends_in_zeros)
{
    struct lab lab = open_lab(
        NET "mutation s(a, b) { require a.shape == b.shape; replace b with b + (a |> conv(4, "
            "kernel: 3) >> batchnorm >> relu); inherit zero_branch; }\n"
            "mutation c(a, b) { replace b with concat(b, a); inherit zero_branch; }\n");
    apply_at(&lab, "s@a,c");
    const struct ncr_graph *g = lab.child.graph;
    cr_expect_eq(lab.child.weights->at[param_at(g, "n/s1/batchnorm.weight")][0], 0);
    cr_expect_neq(lab.child.weights->at[param_at(g, "n/s1/conv.weight")][0], 0,
                  "only the last layer is zero, so that training can leave zero");
    cr_expect_eq(deviation(&lab, lab.weights), 0);
    apply_at(&lab, "c@x,d");
    cr_expect_eq(lab.child.graph->nodes[lab.child.graph->n_nodes - 1].shape.dim[0], 3);
    cr_expect_eq(deviation(&lab, lab.weights), 0);
    assert_refused(&lab, "c@x,b", "at `n/d`: `add` of different shapes: 6x4x4 and 4x4x4");
    close_lab(&lab);
}

Test(mutate, fresh_keeps_nothing)
{
    struct lab lab = open_lab(NET "mutation m(c: conv) { set c.kernel = 1; inherit fresh; }");
    apply_at(&lab, "m@c");
    for (uint32_t p = 0; p < lab.child.graph->n_params; p++)
        for (uint32_t q = 0; q < lab.graph->n_params; q++)
            if (lab.graph->params[q].role == NCR_PARAM_WEIGHT &&
                ncr_str_eq(lab.child.graph->params[p].name, lab.graph->params[q].name))
                cr_expect_neq(lab.child.weights->at[p][0], lab.weights->at[q][0]);
    close_lab(&lab);
}

// A ring of zeros adds zeros to integer sums, too: no bit changes.
Test(mutate, growth_of_kernels_is_exact_in_integers)
{
    struct lab lab = open_lab("net n(x: tensor[3, 6, 6]) -> tensor[4] {\n"
                              "    x |> conv(8, kernel: 3) >> relu >> conv(8, kernel: [1, 3], pad: "
                              "[0, 1]) >> relu >> flatten "
                              ">> dense(4)\n"
                              "}\n"
                              "mutation k(c: conv) { set c.kernel = 5; inherit identity; }\n");
    static const char *const places[] = {"k@conv", "k@conv~2"};
    for (size_t i = 0; i < NCR_COUNT(places); i++) {
        apply_at(&lab, places[i]);
        const struct ncr_graph *g[2] = {lab.graph, lab.child.graph};
        const struct ncr_weights *w[2] = {lab.weights, lab.child.weights};
        int8_t *out[2];
        struct ncr_quant_spec spec = {.name = NCR_STR("q"),
                                      .weights = NCR_QF_LINEAR,
                                      .activations = NCR_QF_LINEAR,
                                      .weight_bits = 8,
                                      .activation_bits = 8,
                                      .per_channel = true,
                                      .calibration = NCR_CALIB_MINMAX,
                                      .percentile = 0.999,
                                      .calibration_images = 3};
        for (int k = 0; k < 2; k++) {
            struct ncr_calibrator *cal = ncr_calibrator_new(lab.arena, g[k], w[k], &spec);
            for (uint64_t seed = 0; seed < spec.calibration_images; seed++) {
                const float *x = input_of(&lab, seed);
                ncr_calibrator_feed(cal, &x);
            }
            struct ncr_qgraph *q = ncr_qgraph_build(lab.arena, &lab.c->diags, g[k], &spec, w[k],
                                                    ncr_calibrator_finish(cal));
            cr_assert_not_null(q);
            int8_t *x = NCR_NEW_N(lab.arena, int8_t, 3 * 6 * 6);
            ncr_quantise_input(&q->nodes[q->inputs[0]], input_of(&lab, 9), x);
            int8_t **values = NCR_NEW_N(lab.arena, int8_t *, q->n_nodes);
            const int8_t *inputs[] = {x};
            ncr_eval_int(lab.arena, q, inputs, values);
            out[k] = values[q->outputs[0]];
        }
        cr_expect_arr_eq(out[0], out[1], 4);
    }
    close_lab(&lab);
}

// -- places -------------------------------------------------------------------------------------

Test(mutate, annotations_restrict)
{
    struct lab lab =
        open_lab("net n(x: tensor[2, 4, 4]) -> tensor[3] {\n"
                 "    @frozen let a = x |> part(4);\n"
                 "    let b = a |> @mutate(w) conv(4, kernel: 3);\n"
                 "    let c = b |> relu >> @mutate(none) conv(4, kernel: 1);\n"
                 "    let d = c |> conv(4, kernel: 3);\n"
                 "    d |> flatten >> dense(3)\n"
                 "}\n"
                 "block part(out: int)(x) { x |> conv(out, kernel: 3) >> relu }\n"
                 "mutation w(c: conv) { set c.out = 2 * c.out; inherit zero_fan_out; }\n"
                 "mutation k(c: conv) { set c.kernel = c.kernel + 2; inherit identity; }\n"
                 "mutation s(a: relu, c: conv) { replace c with c + (a |> batchnorm); inherit "
                 "zero_branch; }\n");
    struct ncr_matches found;
    static const char *const want[] = {"w@n/b;w@n/d;", "k@n/d;", "s@n/a/relu,n/d;s@n/c/relu,n/d;"};
    for (uint32_t m = 0; m < 3; m++) {
        struct ncr_buf text = {0};
        ncr_mutation_matches(lab.c->program, ncr_program_mutation(lab.c->program, m), lab.arena,
                             lab.graph, 100, &found);
        for (uint32_t i = 0; i < found.n; i++)
            ncr_buf_fmt(&text, "%.*s;",
                        NCR_STR_ARG(ncr_match_name(lab.arena, lab.graph, &found.at[i])));
        cr_expect_str_eq(text.s, want[m]);
        ncr_buf_free(&text);
    }
    assert_refused(&lab, "w@b", "`n/c/conv` would change, which an annotation keeps");
    uint32_t reached[16];
    ncr_mutation_reach(lab.c->program, lab.arena, lab.graph, reached);
    for (ncr_node_id id = 0; id < lab.graph->n_nodes; id++) {
        // d is widened, grown and skipped to; the dense layer has more weights when d is widened.
        uint32_t times = ncr_str_is(lab.graph->nodes[id].path, "n/d")       ? 3
                         : ncr_str_is(lab.graph->nodes[id].path, "n/dense") ? 1
                                                                            : 0;
        cr_expect_eq(reached[id], times, "%.*s is reached %u times",
                     NCR_STR_ARG(lab.graph->nodes[id].path), reached[id]);
    }
    close_lab(&lab);
}

Test(mutate, names_of_places_are_read_back)
{
    struct lab lab = open_lab(NET "mutation s(a, b) { replace b with b + a; inherit fresh; }\n"
                                  "mutation k(c: conv) { remove c; inherit fresh; }\n"
                                  "mutation d(d: decision) { redraw d; }\n");
    struct ncr_matches found;
    ncr_mutation_matches(lab.c->program, ncr_program_mutation(lab.c->program, 0), lab.arena,
                         lab.graph, 1000, &found);
    cr_assert_gt(found.n, 10);
    struct ncr_match match;
    struct ncr_error err;
    for (uint32_t i = 0; i < found.n; i++) {
        struct ncr_str name = ncr_match_name(lab.arena, lab.graph, &found.at[i]);
        cr_assert_eq(ncr_match_find(lab.c->program, lab.graph, name, &match, &err), NCR_OK);
        cr_assert_eq(memcmp(match.nodes, found.at[i].nodes, 2 * sizeof *match.nodes), 0);
    }
    ncr_mutation_matches(lab.c->program, ncr_program_mutation(lab.c->program, 0), lab.arena,
                         lab.graph, 3, &found);
    cr_expect_eq(found.n, 3);
    cr_expect(found.cut);
    static const char *const wrong[][2] = {
        {"join@a", "there is no mutation `join`"},
        {"s@a", "`s` matches 2 nodes: s@PATH,PATH, found 1 path"},
        {"s", "`s` matches 2 nodes: s@PATH,PATH, found 0 paths"},
        {"k@b", "`b` is `relu`; `c` of `k` matches `conv`"},
        {"k@n/densee", "the network has no node `n/densee`; --list names the places"},
        {"s@a,dens", "the network has no node `dens`; did you mean `dense`?"},
        {"d@a", "`d` changes decisions, not networks"},
    };
    for (size_t i = 0; i < NCR_COUNT(wrong); i++) {
        cr_expect_eq(
            ncr_match_find(lab.c->program, lab.graph, ncr_str_of(wrong[i][0]), &match, &err),
            NCR_USAGE);
        cr_expect_str_eq(err.text, wrong[i][1]);
    }
    close_lab(&lab);
}

Test(mutate, what_is_drawn_can_be_given)
{
    struct lab lab = open_lab(NET "mutation m(c: conv) { insert after c { conv(4, kernel: "
                                  "choose(1, 3, 5)) }; inherit identity; }");
    struct ncr_match match;
    struct ncr_error err;
    cr_assert_eq(ncr_match_find(lab.c->program, lab.graph, NCR_STR("m@a"), &match, &err), NCR_OK);
    uint32_t seen[6] = {0};
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 1);
        cr_assert(ncr_mutate(lab.c->program, lab.arena, lab.graph, NULL, &match, &rng, NULL, 0,
                             &lab.child, &lab.why));
        cr_assert_null(lab.child.weights);
        seen[lab.child.graph->nodes[2].attrs.kernel[0]]++;
    }
    cr_expect_gt(seen[1], 8);
    cr_expect_gt(seen[3], 8);
    cr_expect_gt(seen[5], 8);
    struct ncr_given given[] = {{.name = NCR_STR("kernel"), .value = NCR_STR("5")}};
    struct ncr_rng rng = ncr_rng_at(0, NCR_RNG_TEST, 1);
    cr_assert(ncr_mutate(lab.c->program, lab.arena, lab.graph, NULL, &match, &rng, given, 1,
                         &lab.child, &lab.why));
    cr_expect_eq(lab.child.graph->nodes[2].attrs.kernel[0], 5);
    cr_expect(given[0].used);
    cr_expect_str_eq(lab.child.draws.s, "kernel = 5");
    given[0].value = NCR_STR("7");
    cr_assert_not(ncr_mutate(lab.c->program, lab.arena, lab.graph, NULL, &match, &rng, given, 1,
                             &lab.child, &lab.why));
    cr_expect_str_eq(lab.why.s, "`kernel` is one of 1, 3, 5, not 7");
    close_lab(&lab);
}
