// Builder, shape rules and counts, with the published counts of a few layers.
#include <criterion/criterion.h>
#include <string.h>

#include "compiler/ir/graph.h"

static ncr_node_id add1(struct ncr_builder *b, enum ncr_op op, struct ncr_attrs a, ncr_node_id in)
{
    struct ncr_op_error err = {0};
    ncr_node_id id = ncr_builder_add(b, op, &a, &in, op == NCR_OP_INPUT ? 0 : 1, NCR_STR("n"),
                                     NCR_NO_NODE, NULL, &err);
    cr_assert_neq(id, NCR_NO_NODE, "%s", err.text);
    return id;
}

static ncr_node_id input(struct ncr_builder *b, int32_t c, int32_t h, int32_t w)
{
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT);
    a.shape = (struct ncr_shape){h ? 3 : 1, {c, h, w}};
    return add1(b, NCR_OP_INPUT, a, 0);
}

static struct ncr_attrs conv(int32_t out, int32_t kernel, int32_t stride, enum ncr_pad_mode pad)
{
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_CONV);
    a.out = out;
    a.kernel[0] = a.kernel[1] = kernel;
    a.stride[0] = a.stride[1] = stride;
    a.pad_mode = pad;
    return a;
}

static struct ncr_attrs pool(int32_t kernel)
{
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_MAXPOOL);
    a.kernel[0] = a.kernel[1] = kernel;
    return a;
}

Test(graph, counts_of_the_small_digit_network)
{
    // conv 10@5, pool 2, conv 20@5, pool 2, dense 50, dense 10 (valid padding, biases), 1x28x28:
    // 21,840 and 480,500.
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("mnist"));
    ncr_node_id x = input(b, 1, 28, 28);
    x = add1(b, NCR_OP_CONV, conv(10, 5, 1, NCR_PAD_VALID), x);
    x = add1(b, NCR_OP_MAXPOOL, pool(2), x);
    x = add1(b, NCR_OP_CONV, conv(20, 5, 1, NCR_PAD_VALID), x);
    x = add1(b, NCR_OP_MAXPOOL, pool(2), x);
    x = add1(b, NCR_OP_FLATTEN, ncr_attrs_default(NCR_OP_FLATTEN), x);
    struct ncr_attrs d = ncr_attrs_default(NCR_OP_DENSE);
    d.out = 50;
    x = add1(b, NCR_OP_DENSE, d, x);
    d.out = 10;
    x = add1(b, NCR_OP_DENSE, d, x);
    ncr_builder_output(b, NCR_STR(""), x);
    cr_assert_eq(ncr_builder_params(b), 21840);
    cr_assert_eq(ncr_builder_macs(b), 480500);
    struct ncr_graph *graph = ncr_builder_finish(b);
    cr_assert_eq(ncr_graph_params(graph), 21840);
    cr_assert_eq(ncr_graph_macs(graph), 480500);
    ncr_arena_free(arena);
}

Test(graph, padding_rules)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("pads"));
    ncr_node_id x = input(b, 3, 224, 223);
    ncr_node_id y = add1(b, NCR_OP_CONV, conv(64, 7, 2, NCR_PAD_SAME), x);
    const struct ncr_node *n = ncr_builder_node(b, y);
    cr_assert(n->shape.dim[1] == 112 && n->shape.dim[2] == 112);
    // height: 111*2 + 7 - 224 = 5, the smaller half first; width: 111*2 + 7 - 223 = 6
    cr_assert(n->attrs.pad[0] == 2 && n->attrs.pad[2] == 3 && n->attrs.pad[1] == 3 &&
              n->attrs.pad[3] == 3);
    struct ncr_attrs a = conv(8, 3, 1, NCR_PAD_EXPLICIT);
    a.dilation[0] = a.dilation[1] = 2;
    a.pad[0] = 1, a.pad[1] = 0, a.pad[2] = 2, a.pad[3] = 5;
    n = ncr_builder_node(b, add1(b, NCR_OP_CONV, a, x));
    cr_assert(n->shape.dim[1] == 224 + 3 - 5 + 1 && n->shape.dim[2] == 223 + 5 - 5 + 1);
    n = ncr_builder_node(b, add1(b, NCR_OP_MAXPOOL, pool(2), x));
    cr_assert(n->shape.dim[1] == 112 && n->shape.dim[2] == 112 && n->attrs.stride[0] == 2);
    ncr_arena_free(arena);
}

Test(graph, depthwise_and_grouped_counts)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("groups"));
    ncr_node_id x = input(b, 8, 10, 10);
    struct ncr_attrs a = conv(12, 3, 1, NCR_PAD_SAME);
    a.groups = 4;
    a.bias = false;
    add1(b, NCR_OP_CONV, a, x); // 12 * 2 * 9 = 216 weights, * 100 MACs
    cr_assert_eq(ncr_builder_params(b), 216);
    cr_assert_eq(ncr_builder_macs(b), 21600);
    struct ncr_attrs d = ncr_attrs_default(NCR_OP_DWCONV);
    d.kernel[0] = d.kernel[1] = 3;
    d.multiplier = 2;
    add1(b, NCR_OP_DWCONV, d, x); // 16 * 9 + 16 = 160, 16 * 9 * 100 = 14400
    cr_assert_eq(ncr_builder_params(b), 376);
    cr_assert_eq(ncr_builder_macs(b), 36000);
    ncr_arena_free(arena);
}

Test(graph, shared_weights_count_once_and_macs_each_time)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("shared"));
    struct ncr_op_error err;
    ncr_node_id x = input(b, 4, 6, 6), first = add1(b, NCR_OP_CONV, conv(4, 3, 1, NCR_PAD_SAME), x);
    struct ncr_attrs a = conv(4, 3, 1, NCR_PAD_SAME);
    ncr_node_id second =
        ncr_builder_add(b, NCR_OP_CONV, &a, &first, 1, NCR_STR("s"), first, NULL, &err);
    cr_assert_neq(second, NCR_NO_NODE);
    cr_assert_eq(ncr_builder_params(b), 4 * 4 * 9 + 4);
    cr_assert_eq(ncr_builder_macs(b), 2 * 4 * 4 * 9 * 36);
    ncr_node_id y = input(b, 8, 6, 6);
    cr_assert_eq(ncr_builder_add(b, NCR_OP_CONV, &a, &y, 1, NCR_STR("t"), first, NULL, &err),
                 NCR_NO_NODE);
    cr_assert_eq(err.code, NCR_N_SHARE_MISMATCH);
    cr_assert_str_eq(
        err.text,
        "this layer shares its weights with `n`, whose input is 4x6x6, but its own input is 8x6x6");
    ncr_arena_free(arena);
}

// Each refused application, with the text a user reads.
Test(graph, refusals_name_value_and_bound)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("bad"));
    ncr_node_id x = input(b, 6, 3, 3), v = input(b, 10, 0, 0), z = input(b, 6, 4, 3);
    struct ncr_attrs conv5 = conv(4, 5, 1, NCR_PAD_VALID), conv0 = conv(0, 3, 1, NCR_PAD_SAME),
                     g = conv(4, 1, 1, NCR_PAD_SAME);
    g.groups = 4;
    struct ncr_attrs stride0 = conv(4, 3, 0, NCR_PAD_SAME),
                     huge = conv(1 << 20, 64, 1, NCR_PAD_SAME);
    struct ncr_attrs reshape = ncr_attrs_default(NCR_OP_RESHAPE),
                     rate = ncr_attrs_default(NCR_OP_DROPOUT);
    reshape.shape = (struct ncr_shape){1, {50, 0, 0}};
    rate.rate = 1.5f;
    struct ncr_attrs none = {0}, dense = ncr_attrs_default(NCR_OP_DENSE),
                     big = ncr_attrs_default(NCR_OP_UPSAMPLE);
    dense.out = 4;
    big.factor[0] = 65, big.factor[1] = 1;
    struct ncr_attrs poolpad = pool(2);
    poolpad.pad_mode = NCR_PAD_EXPLICIT;
    poolpad.pad[1] = 2;
    const struct {
        enum ncr_op op;
        const struct ncr_attrs *attrs;
        ncr_node_id in[2];
        uint32_t n_in;
        const char *text;
    } rows[] = {
        {NCR_OP_CONV, &conv5, {x, 0}, 1, "kernel 5 is larger than its padded input 3x3"},
        {NCR_OP_CONV, &conv0, {x, 0}, 1, "out of `conv` is 0; it must be from 1 to 1048576"},
        {NCR_OP_CONV, &stride0, {x, 0}, 1, "stride of `conv` is 0; it must be from 1 to 4096"},
        {NCR_OP_CONV, &g, {x, 0}, 1, "4 groups do not divide the input channels: 6"},
        {NCR_OP_CONV, &conv5, {v, 0}, 1, "`conv` takes an image [C, H, W], but its input is 10"},
        {NCR_OP_CONV,
         &huge,
         {x, 0},
         1,
         "the weights of `conv` have 1048576 x 24576 elements; the limit is 268435456"},
        {NCR_OP_DENSE, &dense, {x, 0}, 1, "`dense` takes a vector [N], but its input is 6x3x3"},
        {NCR_OP_ADD, &none, {x, z}, 2, "`add` of different shapes: 6x3x3 and 6x4x3"},
        {NCR_OP_ADD, &none, {x, 0}, 1, "`add` takes at least 2 tensors, but got 1"},
        {NCR_OP_MUL, &none, {x, v}, 2, "`mul` of different shapes: 6x3x3 and 10"},
        {NCR_OP_CONCAT, &none, {x, z}, 2, "`concat` of images of different size: 6x3x3 and 6x4x3"},
        {NCR_OP_RESHAPE,
         &reshape,
         {x, 0},
         1,
         "`reshape` from 6x3x3 with 54 elements to 50 with 50"},
        {NCR_OP_DROPOUT, &rate, {x, 0}, 1, "rate of `dropout` is 1.5; it must be from 0 to 0.95"},
        {NCR_OP_UPSAMPLE, &big, {x, 0}, 1, "factor of `upsample` is 65; it must be from 1 to 64"},
        {NCR_OP_MAXPOOL,
         &poolpad,
         {x, 0},
         1,
         "pad of `maxpool` is 2; it must be smaller than the kernel 2, or a window would hold no "
         "pixel"},
    };
    for (size_t i = 0; i < NCR_COUNT(rows); i++) {
        struct ncr_op_error err = {0};
        cr_assert_eq(ncr_builder_add(b, rows[i].op, rows[i].attrs, rows[i].in, rows[i].n_in,
                                     NCR_STR("n"), NCR_NO_NODE, NULL, &err),
                     NCR_NO_NODE, "row %zu was accepted", i);
        cr_assert_str_eq(err.text, rows[i].text);
    }
    ncr_arena_free(arena);
}

// 2^24 taps times 2^28 outputs a convolution: the 257th is more than 2^60 in all.
Test(graph, macs_of_a_network_have_a_limit)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("huge"));
    ncr_node_id x = input(b, 1, 4096, 4096);
    struct ncr_attrs a = conv(16, 4096, 1, NCR_PAD_SAME);
    struct ncr_op_error err;
    for (int i = 0; i < 256; i++)
        add1(b, NCR_OP_CONV, a, x);
    cr_assert_eq(ncr_builder_macs(b), INT64_C(1) << 60);
    cr_assert_eq(ncr_builder_add(b, NCR_OP_CONV, &a, &x, 1, NCR_STR("n"), NCR_NO_NODE, NULL, &err),
                 NCR_NO_NODE);
    cr_assert_eq(err.code, NCR_N_OP_TOO_LARGE);
    cr_assert_str_eq(err.text, "with the 4503599627370496 MACs of this `conv` the network has more "
                               "than 1152921504606846976");
    ncr_arena_free(arena);
}
