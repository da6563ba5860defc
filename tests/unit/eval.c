// The float interpreter against values from the definitions of the operator chapter, computed apart
// (plain Python, the formulas written down once more); and the initial weights.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "compiler/ir/weights.h"
#include "tests/support/graph_of.h"

// x[i] = (7i mod 11) - 5; weights (5i mod 7) - 3, biases i - 1, gamma i + 1, beta -i, mean i / 2,
// variance 4 - eps.
static void fill(struct ncr_weights *weights, const struct ncr_graph *graph)
{
    for (uint32_t p = 0; p < graph->n_params; p++)
        for (int64_t i = 0; i < graph->params[p].n; i++) {
            float v = 0;
            switch (graph->params[p].role) {
            case NCR_PARAM_WEIGHT: v = (float)(i * 5 % 7 - 3); break;
            case NCR_PARAM_BIAS: v = (float)(i - 1); break;
            case NCR_PARAM_GAMMA: v = (float)(i + 1); break;
            case NCR_PARAM_BETA: v = -(float)i; break;
            case NCR_PARAM_MEAN: v = (float)i / 2; break;
            case NCR_PARAM_VAR: v = 4 - 1e-5f; break;
            }
            weights->at[p][i] = v;
        }
}

static void check(const char *inputs, const char *line, const float *want, uint32_t n)
{
    char text[1024];
    snprintf(text, sizeof text, "graph \"e\" { %s %s output \"\" = %%%u }", inputs, line,
             strstr(inputs, "%1") ? 2u : 1u);
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_graph *graph = graph_of(arena, text);
    struct ncr_weights *weights = ncr_weights_new(arena, graph);
    fill(weights, graph);
    const float *in[2];
    for (uint32_t i = 0; i < graph->n_inputs; i++) {
        int64_t size = ncr_shape_elements(&graph->nodes[graph->inputs[i]].shape);
        float *x = NCR_NEW_N(arena, float, (size_t)size);
        for (int64_t k = 0; k < size; k++)
            x[k] = (float)(k * 7 % 11 - 5) + (float)i;
        in[i] = x;
    }
    float **values = NCR_NEW_N(arena, float *, graph->n_nodes);
    ncr_eval_f32(arena, graph, weights, in, values);
    const struct ncr_node *last = &graph->nodes[graph->n_nodes - 1];
    cr_assert_eq(ncr_shape_elements(&last->shape), n, "%s", line);
    for (uint32_t k = 0; k < n; k++) {
        double got = (double)values[graph->n_nodes - 1][k], expected = (double)want[k];
        cr_assert(fabs(got - expected) <= 1e-6 * fabs(expected),
                  "%s: element %u is %.9g instead of %.9g", line, k, got, expected);
    }
    ncr_arena_free(arena);
}

#define CHECK(inputs, line, ...)                                                                   \
    do {                                                                                           \
        static const float want[] = {__VA_ARGS__};                                                 \
        check(inputs, line, want, NCR_COUNT(want));                                                \
    } while (0)
#define V6 "%0 = input \"x\" shape 6 : 6 "

Test(eval, convolutions)
{
    CHECK("%0 = input \"x\" shape 4x4x5 : 4x4x5",
          "%1 = conv %0 \"y\" out 4 kernel 3x2 stride 2x1 pad same dilation 1x2 groups 2 : 4x2x5",
          2, 36, -30, 25, -6, -14, 1, 32, 8, 4, 12, 2, -27, -23, 9, -13, -12, 14, -37, -14, -13,
          -27, 3, 11, -11, 4, -26, 6, -6, 6, 11, 33, -27, -10, 13, 4, 29, 18, -15, -2);
    CHECK("%0 = input \"x\" shape 2x3x3 : 2x3x3",
          "%1 = conv %0 \"y\" out 2 kernel 2x2 pad 0,2,1,0 : 2x3x4", -1, -24, 28, -26, -1, 0, -2,
          -12, -1, 8, -13, -14, 0, 16, -23, 13, 0, 12, -3, 0, 0, -1, 12, -7);
    CHECK("%0 = input \"x\" shape 2x3x4 : 2x3x4",
          "%1 = dwconv %0 \"y\" kernel 3x3 multiplier 2 pad valid : 4x1x2", 4, -3, -24, 28, 3, -24,
          27, -23);
    CHECK(V6, "%1 = dense %0 \"y\" out 3 : 3", 8, -16, 16);
}

Test(eval, pools_count_only_the_image)
{
    CHECK("%0 = input \"x\" shape 2x5x4 : 2x5x4",
          "%1 = maxpool %0 \"y\" kernel 3x2 stride 2x3 pad same : 2x3x2", 2, 5, 3, 1, 4, 1, 5, 2, 5,
          3, 5, 4);
    CHECK("%0 = input \"x\" shape 2x5x4 : 2x5x4",
          "%1 = avgpool %0 \"y\" kernel 3x2 stride 2x3 pad same : 2x3x2", -1.25f, 2.5f, -0.5f,
          -1.33333333f, 0.25f, -1.5f, 1.25f, -0.5f, 0.166666667f, -0.666666667f, 0, 1);
    // rows of 11 sum to 0: 0..10, 11..21 in steps of 7 mod 11
    CHECK("%0 = input \"x\" shape 2x1x11 : 2x1x11", "%1 = global_avgpool %0 \"y\" : 2x1x1", 0, 0);
}

// x = -5 2 -2 5 1 -3
Test(eval, element_by_element)
{
    CHECK(V6, "%1 = relu %0 \"y\" : 6", 0, 2, 0, 5, 1, 0);
    CHECK(V6, "%1 = leaky_relu %0 \"y\" alpha 0.5 : 6", -2.5f, 2, -1, 5, 1, -1.5f);
    CHECK(V6, "%1 = hardswish %0 \"y\" : 6", 0, 1.66666667f, -0.333333333f, 5, 0.666666667f, 0);
    CHECK(V6, "%1 = sigmoid %0 \"y\" : 6", 0.00669285092f, 0.880797078f, 0.119202922f, 0.993307149f,
          0.731058579f, 0.0474258732f);
    CHECK(V6, "%1 = tanh %0 \"y\" : 6", -0.999909204f, 0.96402758f, -0.96402758f, 0.999909204f,
          0.761594156f, -0.995054754f);
    CHECK(V6, "%1 = softmax %0 \"y\" : 6", 4.24538272e-05f, 0.0465562747f, 0.000852707915f,
          0.935107774f, 0.0171270963f, 0.000313693711f);
    CHECK(V6, "%1 = dropout %0 \"y\" rate 0.9 : 6", -5, 2, -2, 5, 1, -3);
    CHECK(V6, "%1 = identity %0 \"y\" : 6", -5, 2, -2, 5, 1, -3);
    // (c + 1) (x - c / 2) / 2 - c
    CHECK(V6, "%1 = batchnorm %0 \"y\" : 6", -2.5f, 0.5f, -6.5f, 4, -6.5f, -21.5f);
    CHECK("%0 = input \"x\" shape 2x1x3 : 2x1x3", "%1 = batchnorm %0 \"y\" : 2x1x3", -2.5f, 1, -1,
          3.5f, -0.5f, -4.5f);
    CHECK(V6 "%1 = dense %0 \"d\" out 3 : 3", "%2 = relu6 %1 \"y\" : 3", 6, 0, 6);
}

// second input: x + 1 = -4 3 -1 6 2 -2
Test(eval, several_inputs)
{
    CHECK(V6 "%1 = input \"z\" shape 6 : 6", "%2 = add %0 %1 %1 \"y\" : 6", -13, 8, -4, 17, 5, -7);
    CHECK(V6 "%1 = input \"z\" shape 6 : 6", "%2 = mul %0 %1 \"y\" : 6", 20, 6, 2, 30, 2, 6);
    CHECK("%0 = input \"x\" shape 2x1x3 : 2x1x3 %1 = input \"z\" shape 2x1x1 : 2x1x1",
          "%2 = mul %0 %1 \"y\" : 2x1x3", 20, -8, 8, 15, 3, -9);
    CHECK("%0 = input \"x\" shape 2x1x1 : 2x1x1 %1 = input \"z\" shape 2x1x3 : 2x1x3",
          "%2 = mul %0 %1 \"y\" : 2x1x3", 20, -15, 5, 12, 4, -4);
    CHECK("%0 = input \"x\" shape 1x1x3 : 1x1x3 %1 = input \"z\" shape 2x1x3 : 2x1x3",
          "%2 = concat %1 %0 \"y\" : 3x1x3", -4, 3, -1, 6, 2, -2, -5, 2, -2);
}

Test(eval, moves)
{
    CHECK("%0 = input \"x\" shape 1x2x3 : 1x2x3", "%1 = pad %0 \"y\" pad 1,0,0,2 : 1x3x5", 0, 0, 0,
          0, 0, -5, 2, -2, 0, 0, 5, 1, -3, 0, 0);
    CHECK("%0 = input \"x\" shape 1x2x2 : 1x2x2", "%1 = upsample %0 \"y\" factor 1x2 : 1x2x4", -5,
          -5, 2, 2, -2, -2, 5, 5);
    CHECK("%0 = input \"x\" shape 1x2x3 : 1x2x3", "%1 = flatten %0 \"y\" : 6", -5, 2, -2, 5, 1, -3);
    CHECK("%0 = input \"x\" shape 1x2x3 : 1x2x3", "%1 = reshape %0 \"y\" shape 3x2x1 : 3x2x1", -5,
          2, -2, 5, 1, -3);
}

static const char two_layers[] =
    "graph \"w\" { %0 = input \"x\" shape 4x6x6 : 4x6x6 "
    "%1 = conv %0 \"c\" out 64 kernel 5x5 : 64x6x6 %2 = batchnorm %1 \"b\" : 64x6x6 "
    "output \"\" = %2 }";

// Mean 0 and variance 2 / fan_in over 6,400 draws: within five standard errors.
Test(weights, start_is_he_normal)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_graph *graph = graph_of(arena, two_layers);
    struct ncr_weights *w = ncr_weights_new(arena, graph);
    ncr_weights_init(w, graph, 7);
    double sum = 0, squares = 0, n = (double)graph->params[0].n;
    for (int64_t i = 0; i < graph->params[0].n; i++) {
        sum += (double)w->at[0][i];
        squares += (double)w->at[0][i] * (double)w->at[0][i];
    }
    double variance = 2.0 / (4 * 25);
    cr_assert_lt(fabs(sum / n), 5 * sqrt(variance / n));
    cr_assert_lt(fabs(squares / n - variance), 5 * variance * sqrt(2 / n));
    for (int i = 0; i < 64; i++) {
        cr_assert_eq(w->at[1][i], 0);
        cr_assert(w->at[2][i] == 1 && w->at[3][i] == 0 && w->at[4][i] == 0 && w->at[5][i] == 1);
    }
    ncr_arena_free(arena);
}

Test(weights, depend_on_seed_and_name_alone)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_graph *graph = graph_of(arena, two_layers);
    struct ncr_graph *other =
        graph_of(arena, "graph \"o\" { %0 = input \"x\" shape 4x6x6 : 4x6x6 "
                        "%1 = conv %0 \"first\" out 3 kernel 1x1 : 3x6x6 "
                        "%2 = conv %0 \"c\" out 64 kernel 5x5 : 64x6x6 output \"\" = %2 }");
    struct ncr_weights *a = ncr_weights_new(arena, graph), *b = ncr_weights_new(arena, other);
    ncr_weights_init(a, graph, 7);
    ncr_weights_init(b, other, 7);
    cr_assert_arr_eq(a->at[0], b->at[2], (size_t)graph->params[0].n * sizeof(float));
    struct ncr_hash before = ncr_weights_hash(a, graph);
    ncr_weights_init(a, graph, 8);
    cr_assert_not(ncr_hash_eq(before, ncr_weights_hash(a, graph)));
    ncr_weights_init(a, graph, 7);
    cr_assert(ncr_hash_eq(before, ncr_weights_hash(a, graph)));
    a->at[5][63] += 1;
    cr_assert_not(ncr_hash_eq(before, ncr_weights_hash(a, graph)));
    ncr_arena_free(arena);
}
