// What fuses and what stays; numbers worked out by hand; every refusal.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "tests/support/built.h"

// "conv 1-3, maxpool 4": operators with the graph nodes that they stand for.
static void expect_nodes(const char *text, const char *want)
{
    struct built b = built_of(text);
    struct ncr_buf got = {0};
    ncr_diags_init(&b.diags, b.arena, ncr_sources_new(b.arena));
    b.q = ncr_qgraph_build(b.arena, &b.diags, b.graph, &b.spec, NULL, NULL);
    for (uint32_t q = 0; q < b.q->n_nodes; q++) {
        const struct ncr_qnode *n = &b.q->nodes[q];
        ncr_buf_fmt(&got, "%s%s %u", q ? ", " : "", ncr_qop_name(n->op), n->node);
        if (n->last != n->node) ncr_buf_fmt(&got, "-%u", n->last);
    }
    cr_assert_str_eq(got.s, want);
    ncr_buf_free(&got);
    ncr_arena_free(b.arena);
}

#define INPUT   "graph \"n\" {\n  %0 = input \"n/x\" shape 2x4x4 : 2x4x4\n"
#define CONV    "  %1 = conv %0 \"n/c\" out 2 kernel 1x1 : 2x4x4\n"
#define OUT(id) "  output \"\" = %" #id "\n}\n"

Test(quant_build, batchnorm_and_clamp_join_the_convolution)
{
    expect_nodes(INPUT CONV "  %2 = batchnorm %1 \"n/b\" : 2x4x4\n  %3 = relu6 %2 \"n/r\" : 2x4x4\n"
                            "  %4 = maxpool %3 \"n/m\" kernel 2x2 : 2x2x2\n" OUT(4),
                 "input 0, conv 1-3, maxpool 4");
    expect_nodes(INPUT CONV "  %2 = relu %1 \"n/r\" : 2x4x4\n  %3 = batchnorm %2 \"n/b\" : 2x4x4\n"
                            "  %4 = relu %3 \"n/s\" : 2x4x4\n" OUT(4),
                 "input 0, conv 1-2, dwconv 3-4");
    expect_nodes(INPUT CONV
                 "  %2 = dropout %1 \"n/d\" : 2x4x4\n  %3 = relu %2 \"n/r\" : 2x4x4\n" OUT(3),
                 "input 0, conv 1-2");
}

Test(quant_build, what_others_read_stays)
{
    // The convolution's own tensor is an output.
    expect_nodes(INPUT CONV "  %2 = relu %1 \"n/r\" : 2x4x4\n"
                            "  output \"a\" = %1\n  output \"b\" = %2\n}\n",
                 "input 0, conv 1, lut 2");
    // It is read twice.
    expect_nodes(INPUT CONV "  %2 = batchnorm %1 \"n/b\" : 2x4x4\n"
                            "  %3 = add %1 %2 \"n/a\" : 2x4x4\n" OUT(3),
                 "input 0, conv 1, dwconv 2, add 3");
    // Two batchnorms: one folds.
    expect_nodes(INPUT CONV "  %2 = batchnorm %1 \"n/b\" : 2x4x4\n"
                            "  %3 = batchnorm %2 \"n/d\" : 2x4x4\n" OUT(3),
                 "input 0, conv 1-2, dwconv 3");
}

Test(quant_build, other_activations_are_tables)
{
    expect_nodes(
        INPUT CONV
        "  %2 = hardswish %1 \"n/h\" : 2x4x4\n"
        "  %3 = maxpool %2 \"n/m\" kernel 2x2 : 2x2x2\n  %4 = relu %3 \"n/r\" : 2x2x2\n" OUT(4),
        "input 0, conv 1, lut 2, maxpool 3, lut 4");
    expect_nodes(INPUT "  %1 = add %0 %0 \"n/a\" : 2x4x4\n  %2 = relu6 %1 \"n/r\" : 2x4x4\n"
                       "  %3 = mul %2 %0 \"n/m\" : 2x4x4\n  %4 = relu %3 \"n/s\" : 2x4x4\n" OUT(4),
                 "input 0, add 1-2, mul 3-4");
}

Test(quant_build, global_pool_is_a_pool_of_the_whole_image)
{
    struct built b = built_of(INPUT "  %1 = global_avgpool %0 \"n/g\" : 2x1x1\n" OUT(1));
    built_good(&b);
    const struct ncr_qnode *n = &b.q->nodes[1];
    cr_assert_eq(n->op, NCR_QOP_AVGPOOL);
    cr_assert_eq(n->attrs.kernel[0], 4);
    cr_assert_eq(n->attrs.kernel[1], 4);
    cr_assert_eq(n->n_channels, 1); // no padding: one multiplier
    ncr_arena_free(b.arena);
}

#define DENSE "graph \"n\" {\n  %0 = input \"n/x\" shape 2 : 2\n  %1 = dense %0 \"n/d\" out 1 : 1\n"

// y = x0/2 - x1 + 1/4 with x in [-1, 1] and y in [-1.25, 1.75].
//   sx = 2/255, zx = round(-128 + 127.5) = -1 (ties away from zero)
//   sw = 1/127, w = round(63.5) = 64 and -127
//   bias = round(0.25 · 127 · 127.5) - zx·(64 - 127) = 4048 - 63 = 3985
//   sy = 3/255, zy = round(-128 + 1.25·85) = round(-21.75) = -22
//   factor sw·sx/sy = 2/(127·3) = 0.005249344: as 2^-8 · 1.343832, so shift 38 (30 + 8)
Test(quant_build, numbers_by_hand)
{
    struct built b = built_of(DENSE OUT(1));
    b.weights->at[0][0] = 0.5f;
    b.weights->at[0][1] = -1;
    b.weights->at[1][0] = 0.25f;
    b.ranges.lo[1] = -1.25f;
    b.ranges.hi[1] = 1.75f;
    built_good(&b);
    const struct ncr_qnode *x = &b.q->nodes[0], *y = &b.q->nodes[1];
    cr_assert_float_eq(x->scale, 2.0 / 255, 1e-15);
    cr_assert_eq(x->zero_point, -1);
    cr_assert_eq(y->weights[0], 64);
    cr_assert_eq(y->weights[1], -127);
    cr_assert_float_eq(y->weight_scale[0], 1.0 / 127, 1e-15);
    cr_assert_eq(y->bias[0], 3985);
    cr_assert_float_eq(y->scale, 3.0 / 255, 1e-15);
    cr_assert_eq(y->zero_point, -22);
    cr_assert_eq(y->shift[0], 38);
    cr_assert_float_eq(y->mult[0], ldexp(2.0 / 381, 38), 1);
    // x = (1, 0): stored 127 and -1; 3985 + 64·127 + 127 = 12240; · 0.005249344 = 64.25; y = 42,
    // and 3/255 · (42 + 22) = 0.753 for 0.75.
    int8_t in[] = {127, -1}, out;
    const int8_t *ins[] = {in};
    ncr_eval_int_node(b.q, 1, ins, &out);
    cr_assert_eq(out, 42);
    ncr_arena_free(b.arena);
}

// The same per tensor and as fixed point: scales are powers of two, the zero point is 0.
Test(quant_build, fixed_point_by_hand)
{
    struct built b = built_of(DENSE OUT(1));
    b.spec.weights = b.spec.activations = NCR_QF_FIXED;
    b.weights->at[0][0] = 0.5f;
    b.weights->at[0][1] = -1;
    b.weights->at[1][0] = 0.25f;
    b.ranges.hi[1] = 1.75f;
    built_good(&b);
    const struct ncr_qnode *x = &b.q->nodes[0], *y = &b.q->nodes[1];
    cr_assert_eq(x->scale, 0x1p-6); // 1/127 rounded up
    cr_assert_eq(x->zero_point, 0);
    cr_assert_eq(y->weight_scale[0], 0x1p-6);
    cr_assert_eq(y->weights[0], 32);
    cr_assert_eq(y->weights[1], -64);
    cr_assert_eq(y->bias[0], 1024); // 0.25 · 2^12
    cr_assert_eq(y->scale, 0x1p-6); // 1.75/127 rounded up
    cr_assert_eq(y->mult[0], 1 << 30);
    cr_assert_eq(y->shift[0], 36); // 2^-6 · 2^-6 · 2^6
    ncr_arena_free(b.arena);
}

Test(quant_build, one_scale_per_tensor)
{
    struct built b = built_of("graph \"n\" {\n  %0 = input \"n/x\" shape 1 : 1\n"
                              "  %1 = dense %0 \"n/d\" out 2 : 2\n" OUT(1));
    b.weights->at[0][0] = 1;
    b.weights->at[0][1] = 0.25f;
    b.spec.per_channel = false;
    built_good(&b);
    cr_assert_eq(b.q->nodes[1].weights[0], 127);
    cr_assert_eq(b.q->nodes[1].weights[1], 32);
    b.spec.per_channel = true;
    b.spec.weight_bits = 4;
    built_good(&b);
    cr_assert_eq(b.q->nodes[1].weights[0], 7);
    cr_assert_eq(b.q->nodes[1].weights[1], 7);
    ncr_arena_free(b.arena);
}

// The clamp of relu6 is at the real 6, that of relu at the zero point.
Test(quant_build, clamps_are_where_the_function_bends)
{
    struct built b =
        built_of("graph \"n\" {\n  %0 = input \"n/x\" shape 1 : 1\n"
                 "  %1 = dense %0 \"n/d\" out 1 : 1\n  %2 = relu6 %1 \"n/r\" : 1\n" OUT(2));
    b.weights->at[0][0] = 20;
    b.ranges.lo[0] = -1;
    b.ranges.lo[2] = -3; // wider than relu6 can give, so that the clamp must do its work
    b.ranges.hi[2] = 9;
    built_good(&b);
    const struct ncr_qnode *y = &b.q->nodes[1];
    cr_assert_eq(y->zero_point, -64); // -128 + 3 · 255/12 = -64.25
    cr_assert_eq(y->lo, -64);
    cr_assert_eq(y->hi, 64); // -64 + 6 · 21.25 = 63.5, ties away from zero
    int8_t in[] = {127, -128}, out;
    for (int i = 0; i < 2; i++) {
        const int8_t *ins[] = {&in[i]};
        ncr_eval_int_node(b.q, 1, ins, &out);
        cr_assert_eq(out, i ? y->lo : y->hi);
    }
    ncr_arena_free(b.arena);
}

// gamma 2, beta 0.5, mean 1, variance 4 - eps: w' = w, b' = b - 1 + 0.5.
Test(quant_build, batchnorm_is_folded)
{
    struct built b = built_of("graph \"n\" {\n  %0 = input \"n/x\" shape 1x1x1 : 1x1x1\n"
                              "  %1 = conv %0 \"n/c\" out 1 kernel 1x1 : 1x1x1\n"
                              "  %2 = batchnorm %1 \"n/b\" : 1x1x1\n" OUT(2));
    const float values[] = {0.75f, 0.25f, 2, 0.5f, 1, 4 - 1e-5f};
    for (int p = 0; p < 6; p++)
        b.weights->at[p][0] = values[p];
    built_good(&b);
    const struct ncr_qnode *y = &b.q->nodes[1];
    cr_assert_eq(y->weights[0], 127);
    cr_assert_float_eq(y->weight_scale[0] * 127, 0.75, 1e-6);
    // b' = 0.25 - 1 + 0.5 = -0.25; the folded zero point of x is taken off again.
    double bias =
        (y->bias[0] + b.q->nodes[0].zero_point * 127) * y->weight_scale[0] * b.q->nodes[0].scale;
    cr_assert_float_eq(bias, -0.25, 1e-4);
    ncr_arena_free(b.arena);
}

Test(quant_build, zero_channels_and_constant_tensors)
{
    struct built b = built_of(DENSE OUT(1)); // weights and bias are zero
    b.ranges.lo[0] = b.ranges.hi[0] = 0;
    b.ranges.lo[1] = b.ranges.hi[1] = 0;
    built_good(&b);
    int8_t in[] = {100, -100}, out;
    const int8_t *ins[] = {in};
    ncr_eval_int_node(b.q, 1, ins, &out);
    cr_assert_eq(out, b.q->nodes[1].zero_point);
    ncr_arena_free(b.arena);
}

// A bias far above the weights makes the scale coarser until it fits.
Test(quant_build, a_large_bias_fits)
{
    struct built b = built_of(DENSE OUT(1));
    b.weights->at[0][0] = 1e-9f;
    b.weights->at[1][0] = 3;
    b.ranges.hi[1] = 3;
    built_good(&b);
    int8_t in[] = {100, -100}, out;
    const int8_t *ins[] = {in};
    ncr_eval_int_node(b.q, 1, ins, &out);
    cr_assert_eq(out, 127);
    ncr_arena_free(b.arena);
}

// ---- refusals ----
Test(quant_refused, log2)
{
    struct built b = built_of(DENSE OUT(1));
    b.spec.activations = NCR_QF_LOG2;
    built_refused(&b, 701, "activations of `q` are `log2`; they can be `linear` or `fixed`");
}

Test(quant_refused, bits)
{
    struct built b = built_of(DENSE OUT(1));
    b.spec.weight_bits = 9;
    built_refused(&b, 702, "weights of `q` have 9 bits; they can have 2 to 8");
    b = built_of(DENSE OUT(1));
    b.spec.weights = NCR_QF_LOG2;
    b.spec.weight_bits = 6;
    built_refused(&b, 702, "weights of `q` have 6 bits; they can have 2 to 5");
    b = built_of(DENSE OUT(1));
    b.spec.activation_bits = 1;
    built_refused(&b, 702, "activations of `q` have 1 bits; they can have 2 to 16");
}

// 140,000 weights of 127 against 128 each: 2,275,840,000, and zx·Σ w = -1 · 17,780,000 in the bias.
Test(quant_refused, overflow)
{
    struct built b = built_of("graph \"n\" {\n  %0 = input \"n/x\" shape 140000 : 140000\n"
                              "  %1 = dense %0 \"n/d\" out 1 : 1\n" OUT(1));
    for (int i = 0; i < 140000; i++)
        b.weights->at[0][i] = 1;
    built_refused(
        &b, 703,
        "the accumulator of `n/d` ranges over [-2258060000, 2275840000] in channel 0 and can reach "
        "2293620000 on the way; 32 bits hold -2147483648 to 2147483647");
}

Test(quant_refused, softmax)
{
    struct built b = built_of("graph \"n\" {\n  %0 = input \"n/x\" shape 3585 : 3585\n"
                              "  %1 = softmax %0 \"n/s\" : 3585\n" OUT(1));
    built_refused(&b, 704, "`softmax` over 3585 elements; integer softmax holds at most 3584");
}

Test(quant_refused, weights_that_are_not_finite)
{
    struct built b = built_of("graph \"n\" {\n  %0 = input \"n/x\" shape 1 : 1\n"
                              "  %1 = dense %0 \"n/d\" out 3 : 3\n" OUT(1));
    b.weights->at[0][2] = NAN;
    built_refused(&b, 706, "weights of `n/d` are not finite in channel 2: nan or infinity");
    // A negative variance of a batchnorm.
    b = built_of(INPUT "  %1 = batchnorm %0 \"n/b\" : 2x4x4\n" OUT(1));
    for (int c = 0; c < 2; c++)
        b.weights->at[3][c] = c ? -1 : 1;
    built_refused(&b, 706, "weights of `n/b` are not finite in channel 1: nan or infinity");
}

Test(quant_refused, ranges_that_are_not_finite)
{
    struct built b = built_of(DENSE OUT(1));
    b.ranges.hi[1] = INFINITY;
    built_refused(&b, 707, "calibration saw values of `n/d` that are not finite: nan or infinity");
}

Test(quant_refused, average_pool)
{
    struct built b =
        built_of("graph \"n\" {\n  %0 = input \"n/x\" shape 1x3000x3000 : 1x3000x3000\n"
                 "  %1 = global_avgpool %0 \"n/g\" : 1x1x1\n" OUT(1));
    built_refused(&b, 708, "average over 9000000 pixels; a 32-bit sum holds at most 8421504");
}

Test(quant_refused, padding)
{
    struct built b =
        built_of("graph \"n\" {\n  %0 = input \"n/x\" shape 3x8x8 : 3x8x8\n"
                 "  %1 = conv %0 \"n/c\" out 2 kernel 1x100 dilation 1x1000 : 2x8x8\n" OUT(1));
    built_refused(
        &b, 709,
        "padding makes the input of `n/c` 3x8x99008; a side is padded by at most 16384 pixels, "
        "and the whole has at most 1073741824 elements");
}

// Formats of single layers: each one is checked once, however many layers share it.
Test(quant_refused, formats_of_single_layers)
{
    enum { LAYERS = 20000, WRONG = 3 };
    struct ncr_buf text = {0};
    ncr_buf_fmt(&text, "graph \"n\" {\n  %%0 = input \"n/x\" shape 1 : 1\n");
    for (int i = 1; i <= LAYERS; i++)
        ncr_buf_fmt(&text,
                    "  %%%d = dense %%%d \"n/d%d\" out 1 bias true quant "
                    "f%d:linear:%d:two:channel:linear:8 : 1\n",
                    i, i - 1, i, i, i > LAYERS - WRONG ? 9 : 8);
    ncr_buf_fmt(&text, "  output \"\" = %%%d\n}\n", LAYERS);
    struct built b = built_of(text.s);
    ncr_buf_free(&text);
    built_quantise(&b);
    cr_assert_null(b.q);
    cr_assert_eq(b.diags.n_errors, WRONG);
    const struct ncr_quant_spec *last = b.graph->nodes[LAYERS].attrs.quant;
    for (int i = 1; i <= LAYERS; i++)
        b.graph->nodes[i].attrs.quant = last;
    built_refused(&b, 702, "weights of `f20000` have 9 bits; they can have 2 to 8");
}
