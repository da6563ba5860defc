// What the verifier of quantised graphs finds: each rule broken once. And the reader's messages.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "compiler/quant/qgraph.h"
#include "tests/support/graph_of.h"
#include "tests/support/random_numbers.h"

static const char everything[] = "graph \"n\" {\n"
                                 "  %0 = input \"n/x\" shape 4x6x6 : 4x6x6\n"
                                 "  %1 = conv %0 \"n/conv\" out 4 kernel 3x3 groups 2 : 4x6x6\n"
                                 "  %2 = dwconv %1 \"n/dw\" kernel 3x3 : 4x6x6\n"
                                 "  %3 = add %1 %2 \"n/add\" : 4x6x6\n"
                                 "  %4 = global_avgpool %3 \"n/gap\" : 4x1x1\n"
                                 "  %5 = mul %3 %4 \"n/mul\" : 4x6x6\n"
                                 "  %6 = concat %5 %0 \"n/cat\" : 8x6x6\n"
                                 "  %7 = maxpool %6 \"n/max\" kernel 2x2 : 8x3x3\n"
                                 "  %8 = avgpool %7 \"n/avg\" kernel 3x3 stride 1x1 : 8x3x3\n"
                                 "  %9 = tanh %8 \"n/tanh\" : 8x3x3\n"
                                 "  %10 = upsample %9 \"n/up\" factor 2x1 : 8x6x3\n"
                                 "  %11 = pad %10 \"n/pad\" pad 1,0,0,1 : 8x7x4\n"
                                 "  %12 = flatten %11 \"n/flat\" : 224\n"
                                 "  %13 = dense %12 \"n/dense\" out 5 : 5\n"
                                 "  %14 = softmax %13 \"n/soft\" : 5\n"
                                 "  output \"\" = %14\n}\n";

static struct ncr_qgraph *make(struct ncr_arena *arena)
{
    static struct ncr_quant_spec spec = {.weight_bits = 8, .activation_bits = 8};
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    struct ncr_qgraph *g =
        ncr_qgraph_build(arena, &diags, graph_of(arena, everything), &spec, NULL, NULL);
    cr_assert_not_null(g);
    random_numbers(arena, g, 1);
    return g;
}

static void expect_wrong(const struct ncr_qgraph *g, const char *want)
{
    struct ncr_error why = {""};
    cr_assert_not(ncr_qgraph_verify(g, &why), "accepted, but: %s", want);
    cr_assert_str_eq(why.text, want);
}

#define BREAK(place, value, want)                                                                  \
    do {                                                                                           \
        __typeof__(place) old_ = (place);                                                          \
        (place) = (value);                                                                         \
        expect_wrong(g, want);                                                                     \
        (place) = old_;                                                                            \
        struct ncr_error why_;                                                                     \
        cr_assert(ncr_qgraph_verify(g, &why_), "%s", why_.text);                                   \
    } while (0)

Test(qgraph_verify, finds_each_broken_shape)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_qgraph *g = make(arena);
    struct ncr_qnode *n = g->nodes;
    uint32_t *in1 = (uint32_t *)(uintptr_t)n[1].in;
    BREAK(n[1].op, NCR_QOP_COUNT_, "node %1 has no operator");
    BREAK(n[1].n_in, 0, "node %1 conv: wrong number of inputs");
    BREAK(n[3].n_in, 1, "node %3 add: wrong number of inputs");
    BREAK(in1[0], 1, "node %1 conv: an input does not come before it");
    BREAK(n[1].shape.rank, 2, "node %1 conv: the rank is neither 1 nor 3");
    BREAK(n[1].shape.dim[1], 0, "node %1 conv: a dimension is out of range");
    BREAK(n[0].shape.dim[1], 1 << 30, "node %0 input: a dimension is out of range");
    BREAK(n[1].shape.dim[1], 5, "node %1 conv: the window does not give the output's size");
    BREAK(n[1].attrs.kernel[0], 0, "node %1 conv: kernel, stride and dilation are not positive");
    BREAK(n[1].attrs.stride[1], 0, "node %1 conv: kernel, stride and dilation are not positive");
    BREAK(n[1].attrs.pad[0], -1, "node %1 conv: padding is out of range");
    BREAK(n[1].attrs.pad[2], 1 << 20, "node %1 conv: padding is out of range");
    BREAK(n[1].attrs.groups, 3, "node %1 conv: groups do not divide the channels");
    BREAK(n[1].attrs.groups, 0, "node %1 conv: groups do not divide the channels");
    BREAK(n[1].attrs.groups, 1, "node %1 conv: the number of weights is not that of the shapes");
    BREAK(n[1].n_weights, 71, "node %1 conv: the number of weights is not that of the shapes");
    BREAK(n[1].n_channels, 5, "node %1 conv: the number of channels is not that of the shape");
    BREAK(n[2].shape.dim[0], 6, "node %2 dwconv: the channels are no multiple");
    BREAK(n[3].shape.dim[0], 5, "node %3 add: an input has another shape");
    BREAK(n[5].shape.dim[1], 7,
          "node %5 mul: an operand is neither of the output's shape nor one value a channel");
    BREAK(n[6].shape.dim[0], 9, "node %6 concat: the channels do not add up");
    BREAK(n[6].shape.dim[2], 5, "node %6 concat: an input has another size");
    BREAK(n[7].shape.dim[0], 9,
          "node %7 maxpool: input and output are no images of equal channels");
    BREAK(n[7].attrs.pad[1], 2, "node %7 maxpool: a window could hold no pixel");
    BREAK(n[8].n_channels, 1, "node %8 avgpool: the number of channels is not that of the shape");
    BREAK(n[9].shape.dim[0], 7, "node %9 lut: input and output differ");
    BREAK(n[10].attrs.factor[0], 3,
          "node %10 upsample: the factors do not give the output's shape");
    BREAK(n[11].attrs.pad[3], 2, "node %11 pad: the padding does not give the output's shape");
    BREAK(n[11].attrs.pad[0], -1, "node %11 pad: padding is negative");
    BREAK(n[12].shape.dim[0], 225, "node %12 reshape: the number of elements changes");
    BREAK(n[13].shape.dim[0], 6, "node %13 dense: the number of weights is not that of the shapes");
    BREAK(n[14].shape.dim[0], 4, "node %14 softmax: input and output differ in shape");
    BREAK(g->inputs[0], 1, "input 0 is no input node");
    BREAK(g->n_inputs, 0, "no input or no output");
    BREAK(g->outputs[0], 15, "output 0 is no node");
    ncr_arena_free(arena);
}

Test(qgraph_verify, finds_each_broken_number)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_qgraph *g = make(arena);
    struct ncr_qnode *n = g->nodes;
    BREAK(n[0].scale, 0, "node %0 input: the scale is not positive");
    BREAK(n[0].scale, NAN, "node %0 input: the scale is not positive");
    BREAK(n[0].zero_point, 128, "node %0 input: the zero point is no byte");
    BREAK(n[0].hi, 128, "node %0 input: the clamp is no range of bytes");
    BREAK(n[1].weights, NULL, "node %1 conv: weights are missing");
    BREAK(n[1].values, NULL, "node %1 conv: weights are missing");
    BREAK(n[1].form.bits, 4, "node %1 conv: a weight does not fit into the bits of its form");
    BREAK(n[1].weight_scale[0], -1, "node %1 conv: a weight scale is not positive");
    BREAK(n[1].mult, NULL, "node %1 conv: multipliers are missing");
    BREAK(n[1].mult[2], 5, "node %1 conv: a multiplier is out of range");
    BREAK(n[1].shift[3], 63, "node %1 conv: a multiplier is out of range");
    BREAK(n[1].shift[3], 0, "node %1 conv: a multiplier is out of range");
    BREAK(n[3].in_mult, NULL, "node %3 add: input multipliers are missing");
    BREAK(n[3].in_mult[1], -1, "node %3 add: an input multiplier is negative");
    BREAK(n[3].in_mult[1], 1 << 22, "node %3 add: the sum of inputs can leave 2^30");
    BREAK(n[7].zero_point, (n[7].zero_point + 129) % 128,
          "node %7 maxpool: scale and zero point are not those of the input");
    BREAK(n[9].lut, NULL, "node %9 lut: the table is missing");
    BREAK(n[14].exp_table, NULL, "node %14 softmax: the table is missing");
    BREAK(n[14].exp_table[0], 1 << 19, "node %14 softmax: the table does not fall");
    BREAK(n[14].exp_table[255], -1, "node %14 softmax: the table does not fall");
    BREAK(n[14].scale, 0.5, "node %14 softmax: the output scale is not 1/256 from -128");
    ncr_arena_free(arena);
}

// ---- the reader ----
static void expect_message(const char *text, const char *want)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_sources *sources = ncr_sources_new(arena);
    struct ncr_diags diags;
    struct ncr_buf out = {0};
    ncr_diags_init(&diags, arena, sources);
    uint32_t file = ncr_sources_add(sources, NCR_STR("q.txt"), ncr_str_of(text));
    cr_assert_null(ncr_qgraph_read(arena, &diags, file));
    ncr_diags_text(&diags, &out, false);
    cr_assert_not_null(strstr(out.s, want), "%s", out.s);
    ncr_buf_free(&out);
    ncr_arena_free(arena);
}

#define HEAD "qgraph \"n\" weights linear 8 per channel activations linear 8 {\n"
#define X    "  %0 = input \"n/x\" : 2x3x3\n    node 0 last 0 macs 0\n"

Test(qgraph_verify, the_reader_says_what_it_expected)
{
    expect_message("graph", "q.txt:1:1: error[N0705]: this is not the text of a quantised graph: "
                            "expected qgraph");
    expect_message("qgraph n", "q.txt:1:8: error[N0705]");
    expect_message("qgraph \"n", "expected a text in quotes");
    expect_message("qgraph \"\\q\"", "expected \\x and two hexadecimal digits");
    expect_message("qgraph \"n\" weights log 4",
                   "q.txt:1:20: error[N0705]: this is not the text of "
                   "a quantised graph: expected linear, fixed or log2");
    expect_message("qgraph \"n\" weights log2 6", "expected a number in range");
    expect_message("qgraph \"n\" weights log2 4 per tensor activations log2 4",
                   "expected linear or fixed");
    expect_message("qgraph \"n\" weights linear 9", "expected a number in range");
    expect_message(HEAD "%1", "q.txt:2:1: error[N0705]: this is not the text of a quantised graph: "
                              "expected %0");
    expect_message(HEAD "%0 = conf", "expected an operator");
    expect_message(HEAD "%0 = input \"x\" : 2x3", "expected a shape");
    expect_message(HEAD "%0 = input \"x\" : 2x3x0", "expected a shape");
    expect_message(HEAD X "%1 = lut %1", "q.txt:4:10: error[N0705]: this is not the text of a "
                                         "quantised graph: expected a node that stands before");
    expect_message(HEAD X "%1 = maxpool %0 \"m\" kernel 2", "expected a pair such as 3x3");
    expect_message(HEAD X "%1 = lut \"m\" : 2x3x3 node 1 last 1 macs 0",
                   "expected the inputs of a node");
    expect_message(HEAD X "%1 = lut %0 \"m\" : 2x3x4 node 1 last 1 macs 0 inputs %0 outputs %1 }",
                   "expected node %1 lut: input and output differ");
    expect_message(HEAD X "inputs %0 outputs %0 } more", "expected the end");
    expect_message(HEAD
                   "%0 = input \"x\" : 1x1x1 node 0 last 0 macs 0 scale 0.5 zero 0 clamp -128 127\n"
                   "%1 = dwconv %0 \"d\" kernel 1x1 stride 1x1 pad 0 0 0 0 dilation 1x1 : 1x1x1 "
                   "node 1 last 1 macs 1 scale 1 zero 0 clamp 0 0 weight_scale 1 weights 7g",
                   "expected hexadecimal digits");
}
