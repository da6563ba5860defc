// Activations of 9 to 16 bits: scales, sums and sizes worked out by hand; what is refused.
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/codegen/codegen.h"
#include "compiler/fault/sites.h"
#include "compiler/plan/plan.h"
#include "tests/support/built.h"

#define X2      "graph \"n\" {\n  %0 = input \"n/x\" shape 2 : 2\n"
#define OUT(id) "  output \"\" = %" #id "\n}\n"

static struct built begin(const char *text, uint32_t bits)
{
    struct built b = built_of(text);
    b.spec.activation_bits = bits;
    return b;
}

// Inputs 0.5 and -1 are 16384 and -32767, weights 1 and -0.5 are 127 and -64:
// 127 · 16384 + 64 · 32767 = 4177856, and of that 1 / (127 · 2) is 16448.25.
Test(quant_wide, a_sum_by_hand)
{
    struct built b = begin(X2 "  %1 = dense %0 \"n/d\" out 1 : 1\n" OUT(1), 16);
    b.weights->at[0][0] = 1;
    b.weights->at[0][1] = -0.5F;
    b.ranges.lo[1] = -2;
    b.ranges.hi[1] = 1;
    built_good(&b);
    const struct ncr_qnode *x = &b.q->nodes[0], *y = &b.q->nodes[1];
    cr_assert_float_eq(x->scale, 1.0 / 32767, 1e-15);
    cr_assert_float_eq(y->scale, 2.0 / 32767, 1e-15);
    cr_assert(x->zero_point == 0 && y->zero_point == 0);
    cr_assert(y->lo == -32767 && y->hi == 32767);
    int8_t in[4], *values[2];
    const int8_t *ins[1] = {in};
    ncr_quantise_input(x, (const float[]){0.5F, -1}, in);
    cr_assert_eq(ncr_qnode_element(x, in, 0), 16384);
    cr_assert_eq(ncr_qnode_element(x, in, 1), -32767);
    ncr_eval_int(b.arena, b.q, ins, values);
    cr_assert_eq(ncr_qnode_element(y, values[1], 0), 16448);
    ncr_quantise_input(x, (const float[]){-9, 9}, in);
    cr_assert_eq(ncr_qnode_element(x, in, 0), -32767, "inputs saturate");
    cr_assert_eq(ncr_qnode_element(x, in, 1), 32767);
    ncr_arena_free(b.arena);
}

Test(quant_wide, scales_and_clamps)
{
    const char *text = X2 "  %1 = dense %0 \"n/d\" out 1 : 1\n  %2 = relu6 %1 \"n/r\" : 1\n" OUT(2);
    struct built b = begin(text, 12);
    b.ranges.hi[2] = 8;
    built_good(&b);
    const struct ncr_qnode *y = &b.q->nodes[1];
    cr_assert_float_eq(y->scale, 8.0 / 2047, 1e-12);
    cr_assert(y->lo == 0 && y->hi == 1535, "6 · 2047 / 8 = 1535.25");
    b.spec.activations = NCR_QF_FIXED;
    b.ranges.hi[2] = 5;
    built_good(&b);
    y = &b.q->nodes[1];
    cr_assert(y->scale == 0x1p-8, "5 / 2047 is more than 2^-9");
    cr_assert(y->lo == 0 && y->hi == 1536);
    ncr_arena_free(b.arena);
}

// Two inputs of 2^15 leave room for 2^13 in sums below 2^30.
Test(quant_wide, sums_of_tensors_have_coarser_common_scales)
{
    struct built b = begin(X2 "  %1 = add %0 %0 \"n/a\" : 2\n" OUT(1), 16);
    built_good(&b);
    cr_assert_eq(b.q->nodes[1].in_mult[0], 1 << 13);
    b.spec.activation_bits = 9;
    built_good(&b);
    cr_assert_eq(b.q->nodes[1].in_mult[0], 1 << 20, "2 · 2^8 · 2^20 is 2^29");
    b.spec.activation_bits = 10;
    built_good(&b);
    cr_assert_eq(b.q->nodes[1].in_mult[0], 1 << 19);
    ncr_arena_free(b.arena);
}

// A layer of 8 bits between two of 16.
Test(quant_wide, layers_have_widths_of_their_own)
{
    static const struct ncr_quant_spec narrow = {
        .weight_bits = 8, .activation_bits = 8, .per_channel = true};
    struct built b = begin("graph \"n\" {\n  %0 = input \"n/x\" shape 3x4x4 : 3x4x4\n"
                           "  %1 = conv %0 \"n/c\" out 5 kernel 3x3 : 5x4x4\n"
                           "  %2 = maxpool %1 \"n/m\" kernel 2x2 : 5x2x2\n"
                           "  %3 = conv %2 \"n/e\" out 2 kernel 1x1 : 2x2x2\n" OUT(3),
                           16);
    b.graph->nodes[1].attrs.quant = &narrow;
    built_good(&b);
    const int64_t bytes[] = {2 * 48, 80, 20, 2 * 8};
    const uint32_t bits[] = {16, 8, 8, 16};
    struct ncr_plan *plan = ncr_plan_build(b.arena, b.q, NCR_PLAN_SHARED);
    for (uint32_t q = 0; q < 4; q++) {
        const struct ncr_qnode *n = &b.q->nodes[q];
        cr_assert_eq(ncr_qnode_bytes(n), bytes[q]);
        cr_assert_eq(n->bits, bits[q]);
        cr_assert_eq(ncr_site_width(n, NCR_SITES_ACTIVATION), bits[q]);
        cr_assert_eq(plan->buffers[q].element, bits[q] / 8);
    }
    // A border of a pixel around 4x4 pixels of 3 elements of 2 bytes.
    cr_assert_eq(plan->buffers[0].bytes, 6 * 6 * 3 * 2 + NCR_PLAN_TAIL);
    cr_assert_eq(ncr_plan_locate(plan, 0, 16 + 4 + 2) - plan->buffers[0].offset,
                 2 * (6 * 3 * 2 + 3 * 3 + 1), "channel 1, row 1, column 2");
    struct ncr_buf text = {0}, header = {0};
    ncr_qgraph_dump(b.q, &text);
    cr_assert_not_null(strstr(text.s, "activations linear 16 {"));
    cr_assert_not_null(strstr(text.s, "groups 1 bits 8 : 5x4x4"));
    struct ncr_error err;
    struct ncr_code_options options = {0};
    cr_assert_eq(ncr_code_header(plan, &options, &header, &err), NCR_OK);
    cr_assert_not_null(strstr(header.s, "#define NACRE_INPUT_0_BYTES 96\n"));
    cr_assert_not_null(strstr(header.s, "channels innermost, of int16_t; real"));
    ncr_buf_free(&text);
    ncr_buf_free(&header);
    ncr_arena_free(b.arena);
}

Test(quant_wide, rules_are_verified)
{
    struct built b = begin(X2 "  %1 = dense %0 \"n/d\" out 1 : 1\n"
                              "  %2 = reshape %1 \"n/r\" shape 1x1x1 : 1x1x1\n" OUT(2),
                           12);
    struct ncr_error why;
    built_good(&b);
    struct ncr_qnode *n = b.q->nodes;
    n[1].zero_point = 1;
    cr_assert_not(ncr_qgraph_verify(b.q, &why));
    cr_assert_str_eq(why.text, "node %1 dense: the zero point of 16 bits is not 0");
    n[1].zero_point = 0;
    n[1].hi = 2048;
    cr_assert_not(ncr_qgraph_verify(b.q, &why));
    cr_assert_str_eq(why.text, "node %1 dense: the clamp is no range of its bits");
    n[1].hi = 2047;
    n[2].bits = 8;
    cr_assert_not(ncr_qgraph_verify(b.q, &why));
    cr_assert_str_eq(why.text, "node %2 reshape: the bits are not those of the input");
    n[2].bits = 17;
    cr_assert_not(ncr_qgraph_verify(b.q, &why));
    cr_assert_str_eq(why.text, "node %2 reshape: an activation has more than 16 bits");
    n[2].bits = 12;
    cr_assert(ncr_qgraph_verify(b.q, &why), "%s", why.text);
    ncr_arena_free(b.arena);
}

Test(quant_wide_refused, tables)
{
    struct built b = begin(X2 "  %1 = tanh %0 \"n/t\" : 2\n" OUT(1), 9);
    built_refused(&b, 710,
                  "`tanh` reads activations of 9 bits; its table has 256 entries, for 8 bits");
    b = begin(X2 "  %1 = softmax %0 \"n/s\" : 2\n" OUT(1), 16);
    built_refused(&b, 710,
                  "`softmax` reads activations of 16 bits; its table has 256 entries, for 8 bits");
    static const struct ncr_quant_spec wide = {
        .weight_bits = 8, .activation_bits = 16, .per_channel = true};
    b = begin(X2 "  %1 = relu %0 \"n/r\" : 2\n" OUT(1), 8);
    b.graph->nodes[1].attrs.quant = &wide;
    built_refused(&b, 710,
                  "`relu` gives activations of 16 bits; its table has 256 entries, for 8 bits");
}

Test(quant_wide_refused, bits)
{
    struct built b = begin(X2 "  %1 = dense %0 \"n/d\" out 1 : 1\n" OUT(1), 17);
    built_refused(&b, 702, "activations of `q` have 17 bits; they can have 2 to 16");
}

// 600 weights of 127 against 32768 each, where 16384 each would fit.
Test(quant_wide_refused, overflow)
{
    const char *text = "graph \"n\" {\n  %0 = input \"n/x\" shape 600 : 600\n"
                       "  %1 = dense %0 \"n/d\" out 1 : 1\n" OUT(1);
    struct built b = begin(text, 15);
    for (int i = 0; i < 600; i++)
        b.weights->at[0][i] = 1;
    built_good(&b);
    b.spec.activation_bits = 16;
    built_refused(
        &b, 703,
        "the accumulator of `n/d` ranges over [-2496921600, 2496845400] in channel 0 and can "
        "reach 2496921600 on the way; 32 bits hold -2147483648 to 2147483647");
}

Test(quant_wide_refused, average)
{
    struct built b = begin("graph \"n\" {\n  %0 = input \"n/x\" shape 1x256x256 : 1x256x256\n"
                           "  %1 = avgpool %0 \"n/a\" kernel 256x256 : 1x1x1\n" OUT(1),
                           9);
    built_refused(&b, 708, "average over 65536 pixels; a 32-bit sum holds at most 65535");
}
