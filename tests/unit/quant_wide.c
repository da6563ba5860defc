// Activations of 9 to 16 bits: scales, sums and sizes worked out by hand; what is refused.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/codegen/codegen.h"
#include "compiler/fault/sites.h"
#include "compiler/plan/plan.h"
#include "compiler/quant/lut.h"
#include "compiler/quant/softmax.h"
#include "lang/base/rng.h"
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

// A function over [-range, range], from n_in bits to n_out.
static struct built function_built(const char *name, double range, uint32_t n_in, uint32_t n_out,
                                   double lo, double hi)
{
    static struct ncr_quant_spec out;
    char text[200];
    snprintf(text, sizeof text,
             "graph \"n\" {\n  %%0 = input \"n/x\" shape 2 : 2\n  %%1 = %s %%0 \"n/f\" : 2\n"
             "  output \"\" = %%1\n}\n",
             name);
    struct built b = begin(text, n_in);
    out = b.spec;
    out.activation_bits = n_out;
    b.graph->nodes[1].attrs.quant = &out;
    b.ranges.lo[0] = (float)-range;
    b.ranges.hi[0] = (float)range;
    b.ranges.lo[1] = (float)lo;
    b.ranges.hi[1] = (float)hi;
    built_good(&b);
    return b;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double hardswish(double x)
{
    return x * fmin(fmax(x + 3, 0), 6) / 6;
}

static double leaky(double x)
{
    return x > 0 ? x : (double)0.01F * x;
}

// The largest distance from the real function, in steps of the output, over the values `from` to
// `to` of the input. The function is as it is within the output's clamp.
static double worst_step(const struct built *b, double (*f)(double), int32_t from, int32_t to)
{
    const struct ncr_qnode *x = &b->q->nodes[0], *y = &b->q->nodes[1];
    double worst = 0;
    for (int32_t v = from; v <= to; v++) {
        int8_t in[4], out[4];
        const int8_t *ins[1] = {in};
        ncr_qnode_put(x, in, 0, v);
        ncr_qnode_put(x, in, 1, v);
        ncr_eval_int_node(b->q, 1, ins, out);
        double want = f(x->scale * (v - x->zero_point)) / y->scale + y->zero_point,
               got = ncr_qnode_element(y, out, 1);
        worst = fmax(worst, fabs(got - fmin(fmax(want, y->lo), y->hi)));
    }
    return worst;
}

struct function {
    const char *name;
    double (*f)(double);
    double slope, second, corner, lo; // largest first and second derivative, change of slope; least
};

// What docs/quantisation.md states. Half a step is the rounding of the result, half a step (2^-9
// where bytes are given) that of the entries; a straight piece of width h leaves h²/8 of the second
// derivative, and h/4 of the change of slope at a corner.
static void check_table(const struct function *f, double range, uint32_t n_in, uint32_t n_out)
{
    double low = f->f == hardswish && range >= 1.5 ? f->lo : f->f(-range);
    struct built b = function_built(f->name, range, n_in, n_out, low, f->f(range));
    const struct ncr_qnode *x = &b.q->nodes[0], *y = &b.q->nodes[1];
    cr_assert_eq(y->op, NCR_QOP_LUT);
    int step = n_in > 8 ? ncr_lut_step(x) : 0;
    double h = step ? ldexp(x->scale, step) : 0, bound = 0.5;
    if (n_in > 8) bound += ldexp(0.5, -ncr_lut_fraction(y));
    bound += (f->second * h * h / 8 + (range > 3 ? f->corner : 0) * h / 4) / y->scale;
    int32_t last = x->hi + 1 - (1 << step), first = n_in > 8 ? (1 << step) - x->hi - 1 : x->lo;
    double worst = worst_step(&b, f->f, first, last);
    cr_expect_leq(worst, bound + 1e-6, "%s within %g, %u to %u bits: %g steps of %g", f->name,
                  range, n_in, n_out, worst, bound);
    cr_expect(n_in != 16 || n_out != 16 || worst > 0.8 * bound || f->corner > 0,
              "%s within %g: %g steps, the bound of %g says little", f->name, range, worst, bound);
    // The first and the last piece end a step of the input beyond its values, where the clamp may
    // cut.
    worst = fmax(worst_step(&b, f->f, x->lo, first), worst_step(&b, f->f, last, x->hi));
    bound += f->slope * x->scale / y->scale;
    cr_expect_leq(worst, bound + 1e-6, "%s at %g, %u to %u bits: %g steps of %g", f->name, range,
                  n_in, n_out, worst, bound);
    ncr_arena_free(b.arena);
}

Test(quant_wide, tables_are_as_close_as_stated)
{
    static const struct function functions[] = {
        {"tanh", tanh, 1, 0.7699, 0, -1},
        {"sigmoid", sigmoid, 0.25, 0.0963, 0, 0},
        {"hardswish", hardswish, 1.5, 1.0 / 3, 0.5, -0.375},
        {"leaky_relu", leaky, 1, 0, 0, 0},
    };
    static const double ranges[] = {1, 7.03, 40};
    static const uint32_t widths[][2] = {{16, 16}, {12, 12}, {9, 9}, {16, 8}, {10, 16}, {8, 16}};
    for (size_t i = 0; i < NCR_COUNT(functions); i++)
        for (size_t r = 0; r < NCR_COUNT(ranges); r++)
            for (size_t w = 0; w < NCR_COUNT(widths); w++)
                check_table(&functions[i], ranges[r], widths[w][0], widths[w][1]);
}

// A clamp on its own is exact but for rounding.
Test(quant_wide, clamps_are_changes_of_scale)
{
    static const uint32_t widths[][2] = {{16, 16}, {12, 16}, {16, 8}, {8, 16}};
    for (size_t w = 0; w < NCR_COUNT(widths); w++) {
        struct built b = function_built("relu6", 20, widths[w][0], widths[w][1], 0, 6);
        const struct ncr_qnode *x = &b.q->nodes[0], *y = &b.q->nodes[1];
        cr_assert_eq(y->op, NCR_QOP_CONCAT);
        for (int32_t v = x->lo; v <= x->hi; v++) {
            int8_t in[4], out[4];
            const int8_t *ins[1] = {in};
            ncr_qnode_put(x, in, 0, v);
            ncr_qnode_put(x, in, 1, v);
            ncr_eval_int_node(b.q, 1, ins, out);
            double want = fmin(fmax(x->scale * (v - x->zero_point), 0), 6) / y->scale;
            cr_assert_float_eq(ncr_qnode_element(y, out, 0) - y->zero_point, want, 0.5 + 1e-3,
                               "%u to %u bits: %d", widths[w][0], widths[w][1], v);
        }
        ncr_arena_free(b.arena);
    }
}

// 12 bits in 16: what a fault makes of an element beyond them is taken as the end of the table.
Test(quant_wide, tables_stop_at_their_ends)
{
    struct built b = function_built("tanh", 1, 12, 12, -1, 1);
    int8_t in[4], out[4], end[4];
    const int8_t *ins[1] = {in};
    const struct ncr_qnode *n = b.q->nodes;
    ncr_qnode_put(n, in, 0, -2048);
    ncr_qnode_put(n, in, 1, 2047);
    ncr_eval_int_node(b.q, 1, ins, end);
    ncr_qnode_put(n, in, 0, -32768);
    ncr_qnode_put(n, in, 1, 2047 + 8192);
    ncr_eval_int_node(b.q, 1, ins, out);
    cr_assert_arr_eq(out, end, 4);
    ncr_arena_free(b.arena);
}

// By hand, with two elements: k = 32 - 2 = 30, e = 2^30 and 2^30·exp(-ln 2) = 2^29, s = 3·2^29,
// r = floor((2^62 - 1) / s) = 2863311530, and 2/3 and 1/3 of 2^15 are 21845.3 and 10922.7.
Test(quant_wide, a_softmax_by_hand)
{
    struct built b = begin(X2 "  %1 = softmax %0 \"n/s\" : 2\n" OUT(1), 16);
    b.ranges.lo[0] = -2;
    built_good(&b);
    struct ncr_qnode *y = &b.q->nodes[1];
    cr_assert(y->scale == 0x1p-15 && y->zero_point == 0 && y->bits == 16);
    ncr_qsoftmax_wide_table(log(2) / 1000, y->exp_table);
    cr_assert_eq(ncr_qsoftmax_unit(2), 30);
    cr_assert_eq(ncr_qsoftmax_exp(y->exp_table, 1000, 30), 1 << 29);
    cr_assert_eq(ncr_qsoftmax_reciprocal(3u << 29, 30), 2863311530u);
    int8_t in[4], out[4];
    const int8_t *ins[1] = {in};
    ncr_qnode_put(&b.q->nodes[0], in, 0, 500);
    ncr_qnode_put(&b.q->nodes[0], in, 1, -500);
    ncr_eval_int_node(b.q, 1, ins, out);
    cr_assert_eq(ncr_qnode_element(y, out, 0), 21845);
    cr_assert_eq(ncr_qnode_element(y, out, 1), 10923);
    ncr_qnode_put(&b.q->nodes[0], in, 0, 32767);
    ncr_qnode_put(&b.q->nodes[0], in, 1, -32768);
    ncr_eval_int_node(b.q, 1, ins, out);
    cr_assert_eq(ncr_qnode_element(y, out, 0), 32767, "2^15 is beyond what is stored");
    cr_assert_eq(ncr_qnode_element(y, out, 1), 0);
    ncr_arena_free(b.arena);
}

// Each e is off by a little over half of 2^-k, so that y = e / s is by (1 + n·y) times as much.
Test(quant_wide, softmax_is_as_close_as_stated)
{
    static const uint32_t sizes[] = {1, 2, 10, 100, 1000, NCR_QSOFTMAX_LIMIT},
                          widths[][2] = {{16, 16}, {12, 12}, {16, 8}, {8, 16}};
    for (size_t s = 0; s < NCR_COUNT(sizes); s++)
        for (size_t w = 0; w < NCR_COUNT(widths); w++) {
            uint32_t n = sizes[s];
            char text[200];
            snprintf(text, sizeof text,
                     "graph \"n\" {\n  %%0 = input \"n/x\" shape %u : %u\n"
                     "  %%1 = softmax %%0 \"n/s\" : %u\n"
                     "  output \"\" = %%1\n}\n",
                     n, n, n);
            struct built b = begin(text, widths[w][0]);
            struct ncr_quant_spec out = b.spec;
            out.activation_bits = widths[w][1];
            b.graph->nodes[1].attrs.quant = &out;
            b.ranges.lo[0] = -12;
            b.ranges.hi[0] = 12;
            built_good(&b);
            const struct ncr_qnode *x = &b.q->nodes[0], *y = &b.q->nodes[1];
            int8_t *in = NCR_NEW_N(b.arena, int8_t, 2 * n),
                   *got = NCR_NEW_N(b.arena, int8_t, 2 * n);
            double sum = 0, step = 0, top = ldexp(1, -ncr_qsoftmax_unit(n));
            struct ncr_rng rng = ncr_rng_at(n, NCR_RNG_TEST, 7000 + w);
            int32_t span = x->hi - x->lo + 1, most = x->lo;
            for (uint32_t i = 0; i < n; i++) {
                ncr_qnode_put(x, in, i, x->lo + (int32_t)ncr_rng_below(&rng, (uint64_t)span));
                if (ncr_qnode_element(x, in, i) > most) most = ncr_qnode_element(x, in, i);
            }
            for (uint32_t i = 0; i < n; i++)
                sum += exp(x->scale * (ncr_qnode_element(x, in, i) - most));
            ncr_eval_int_node(b.q, 1, (const int8_t *const[]){in}, got);
            for (uint32_t i = 0; i < n; i++) {
                double p = exp(x->scale * (ncr_qnode_element(x, in, i) - most)) / sum,
                       want = fmin(p / y->scale + y->zero_point, ncr_qnode_magnitude(y) - 1),
                       off = fabs(ncr_qnode_element(y, got, i) - want);
                step = 0.5 + (1 + n * p) * top / y->scale;
                cr_expect_leq(off, step + 1e-6, "%u elements, %u to %u bits: %g", n, widths[w][0],
                              widths[w][1], want);
            }
            ncr_arena_free(b.arena);
        }
}

static void broken(const struct built *b, const char *text)
{
    struct ncr_error why;
    cr_assert_not(ncr_qgraph_verify(b->q, &why));
    cr_assert_str_eq(why.text, text);
}

Test(quant_wide, rules_of_tables_are_verified)
{
    struct built b = function_built("tanh", 1, 16, 8, -1, 1);
    struct ncr_qnode *n = &b.q->nodes[1];
    n->wide_lut[512] = 127 * 256 + 1;
    broken(&b, "node %1 lut: an entry of the table leaves the output's bits");
    n->wide_lut[512] = 127 * 256;
    n->wide_lut[0] = -32769;
    broken(&b, "node %1 lut: an entry of the table leaves the output's bits");
    n->wide_lut = NULL;
    broken(&b, "node %1 lut: the table is missing");
    ncr_arena_free(b.arena);
    b = begin(X2 "  %1 = softmax %0 \"n/s\" : 2\n" OUT(1), 12);
    built_good(&b);
    n = &b.q->nodes[1];
    n->exp_table[256]--;
    broken(&b, "node %1 softmax: the table does not begin at 2^30");
    n->exp_table[256]++;
    n->exp_table[511] = n->exp_table[510] + 1;
    broken(&b, "node %1 softmax: the table does not fall");
    n->exp_table[511] = 0;
    n->scale *= 2;
    broken(&b, "node %1 softmax: the output scale is not 2 to the power of 1 - its bits");
    ncr_arena_free(b.arena);
}

// Against a walk value by value, over tables that rise and fall.
Test(quant_wide, reaches_of_tables)
{
    static const uint32_t widths[] = {16, 12, 9, 8};
    struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_TEST, 7100);
    uint32_t far = 0;
    for (int i = 0; i < 400; i++) {
        struct built b = function_built("hardswish", 8, widths[i % 4], i % 8 < 4 ? 16 : 8, -1, 8);
        const struct ncr_qnode *x = &b.q->nodes[0], *y = &b.q->nodes[1];
        int32_t end = x->bits > 8 ? 32768 : 128,
                v = (int32_t)ncr_rng_below(&rng, 2 * (uint64_t)end) - end,
                to = i % 3 ? end - 1 : -end;
        int32_t here = ncr_lut_reach(x, y, v, v, 0, 0), step = to > v ? 1 : -1;
        cr_assert_eq(here, v);
        int32_t lo = ncr_look_up(x, y, v) - (int32_t)ncr_rng_below(&rng, 40),
                hi = lo + 40 + (int32_t)ncr_rng_below(&rng, i % 5 ? 20 : 20000);
        while (here != to && ncr_look_up(x, y, here + step) >= lo &&
               ncr_look_up(x, y, here + step) <= hi)
            here += step;
        cr_assert_eq(ncr_lut_reach(x, y, v, to, lo, hi), here, "from %d to %d", v, to);
        far += abs(here - v) > 200;
        ncr_arena_free(b.arena);
    }
    cr_assert_gt(far, 50, "%u", far);
}
