// Layouts, borders, lives, in-place operators and orders, worked out by hand; what the verifier
// finds.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/planned.h"

// Two readers of the input: 3x3 with padding 1 and 2x5 with 0 above, 3 on the left, 1 below, none
// on the right. Each side gets the larger need.
static const char two_readers[] = "graph \"n\" {\n"
                                  "  %0 = input \"n/x\" shape 3x6x7 : 3x6x7\n"
                                  "  %1 = conv %0 \"n/a\" out 2 kernel 3x3 : 2x6x7\n"
                                  "  %2 = conv %0 \"n/b\" out 2 kernel 2x5 pad 0,3,1,0 : 2x6x6\n"
                                  "  output \"a\" = %1\n  output \"b\" = %2\n}\n";

Test(plan, borders_are_what_the_readers_need)
{
    struct planned p = planned_of(two_readers, NCR_PLAN_SHARED);
    const struct ncr_buffer *b = &p.plan->buffers[0];
    static const int32_t want[] = {1, 3, 1, 1};
    cr_assert_arr_eq(b->border, want, sizeof want);
    cr_assert_eq(b->row_bytes, (3 + 7 + 1) * 3);
    cr_assert_eq(b->first, 33 + 9);
    cr_assert_eq(b->bytes, (1 + 6 + 1) * 33 + 64);
    for (int side = 0; side < 4; side++)
        cr_assert_eq(p.plan->buffers[1].border[side], 0);
    ncr_arena_free(p.arena);
}

// Stride 2 over 6 columns with padding 0 before and 1 after ("same" on an even size): the last
// window of 3 ends on the border. Over 5 columns with explicit padding 1 and 1, kernel 2: windows
// at -1, 1, 3, so the border on the right is never read.
Test(plan, no_border_where_no_window_reaches)
{
    struct planned p =
        planned_of("graph \"n\" {\n"
                   "  %0 = input \"n/x\" shape 1x6x5 : 1x6x5\n"
                   "  %1 = conv %0 \"n/a\" out 1 kernel 3x2 stride 2x2 pad 0,1,1,1 : 1x3x3\n"
                   "  output \"\" = %1\n}\n",
                   NCR_PLAN_SHARED);
    static const int32_t want[] = {0, 1, 1, 0};
    cr_assert_arr_eq(p.plan->buffers[0].border, want, sizeof want);
    ncr_arena_free(p.arena);
}

// Pools and PAD handle the edge themselves.
Test(plan, pools_need_no_border)
{
    struct planned p = planned_of("graph \"n\" {\n"
                                  "  %0 = input \"n/x\" shape 2x5x5 : 2x5x5\n"
                                  "  %1 = maxpool %0 \"n/m\" kernel 3x3 stride 1x1 : 2x5x5\n"
                                  "  %2 = avgpool %1 \"n/a\" kernel 3x3 stride 1x1 : 2x5x5\n"
                                  "  %3 = pad %2 \"n/p\" pad 1,1,1,1 : 2x7x7\n"
                                  "  output \"\" = %3\n}\n",
                                  NCR_PLAN_SHARED);
    for (uint32_t q = 0; q < 4; q++)
        for (int side = 0; side < 4; side++)
            cr_assert_eq(p.plan->buffers[q].border[side], 0);
    ncr_arena_free(p.arena);
}

Test(plan, locates_channels_innermost)
{
    struct planned p = planned_of(two_readers, NCR_PLAN_SEPARATE);
    const struct ncr_buffer *b = &p.plan->buffers[0];
    bool seen[8 * 33 + 64] = {0};
    for (int64_t c = 0; c < 3; c++)
        for (int64_t y = 0; y < 6; y++)
            for (int64_t x = 0; x < 7; x++) {
                uint64_t at = ncr_plan_locate(p.plan, 0, (c * 6 + y) * 7 + x) - b->offset;
                cr_assert_eq(at, (uint64_t)((1 + y) * 33 + (3 + x) * 3 + c));
                cr_assert_lt(at, b->bytes - NCR_PLAN_TAIL);
                cr_assert_not(seen[at]);
                seen[at] = true;
            }
    ncr_arena_free(p.arena);
}

// MobileNetV2 at 224: input and output of the widest expansion are 1,404,928 elements. The
// depthwise convolution that follows has stride 2 and "same" padding, 1 pixel below and on the
// right.
Test(plan, widest_expansion_of_mobilenet_v2)
{
    struct planned p =
        planned_of("graph \"n\" {\n"
                   "  %0 = input \"n/x\" shape 16x112x112 : 16x112x112\n"
                   "  %1 = conv %0 \"n/e\" out 96 kernel 1x1 bias false : 96x112x112\n"
                   "  %2 = dwconv %1 \"n/d\" kernel 3x3 stride 2x2 : 96x56x56\n"
                   "  %3 = conv %2 \"n/p\" out 24 kernel 1x1 : 24x56x56\n"
                   "  output \"\" = %3\n}\n",
                   NCR_PLAN_SHARED);
    int64_t elements =
        ncr_shape_elements(&p.g->nodes[0].shape) + ncr_shape_elements(&p.g->nodes[1].shape);
    cr_assert_eq(elements, 1404928);
    uint64_t live[4], x = 16 * 112 * 112 + 64, e = 96 * 113 * 113 + 64, d = 96 * 56 * 56 + 64;
    ncr_plan_live(p.plan, live);
    cr_assert_eq(live[1], x + e);
    cr_assert_eq(live[2], e + d);
    cr_assert_eq(p.plan->peak_step, 2); // the border of the next layer counts
    cr_assert_eq(p.plan->arena_bytes, p.plan->lower_bound_bytes);
    ncr_arena_free(p.arena);
}

// ---- in place ----
static const char residual[] = "graph \"n\" {\n"
                               "  %0 = input \"n/x\" shape 8x8x8 : 8x8x8\n"
                               "  %1 = conv %0 \"n/a\" out 8 kernel 1x1 : 8x8x8\n"
                               "  %2 = sigmoid %1 \"n/s\" : 8x8x8\n"
                               "  %3 = mul %1 %2 \"n/m\" : 8x8x8\n"
                               "  %4 = add %3 %0 \"n/r\" : 8x8x8\n"
                               "  output \"\" = %4\n}\n";

Test(plan, elementwise_operators_take_over_what_dies)
{
    struct planned p = planned_of(residual, NCR_PLAN_SHARED);
    const struct ncr_buffer *b = p.plan->buffers;
    cr_assert_eq(b[2].in_place_of, NCR_PLAN_OWN); // %1 is read again by mul
    cr_assert_eq(b[3].in_place_of, 1);            // the first of equals
    cr_assert_eq(b[4].in_place_of, 3);
    cr_assert_eq(b[4].offset, b[1].offset);
    uint64_t live[5], one = 8 * 8 * 8 + 64;
    ncr_plan_live(p.plan, live);
    static const uint64_t count[] = {1, 2, 3, 3, 2};
    for (int s = 0; s < 5; s++)
        cr_assert_eq(live[s], count[s] * one, "step %d: %lu", s, live[s]);
    cr_assert_eq(p.plan->arena_bytes, 3 * one); // 576 is a multiple of 64
    ncr_arena_free(p.arena);
    p = planned_of(residual, NCR_PLAN_SEPARATE);
    for (uint32_t q = 0; q < 5; q++)
        cr_assert_eq(p.plan->buffers[q].in_place_of, NCR_PLAN_OWN);
    cr_assert_eq(p.plan->arena_bytes, 5 * one);
    ncr_arena_free(p.arena);
}

// A vector lies in place of the image where the order of memory stays and nothing is around it.
static uint32_t flatten_in_place_of(const char *image, const char *flat, const char *rest)
{
    char text[600];
    snprintf(text, sizeof text,
             "graph \"n\" {\n  %%0 = input \"n/x\" shape %s : %s\n"
             "  %%1 = sigmoid %%0 \"n/s\" : %s\n  %%2 = flatten %%1 \"n/f\" : %s\n%s}\n",
             image, image, image, flat, rest);
    struct planned p = planned_of(text, NCR_PLAN_SHARED);
    uint32_t of = p.plan->buffers[2].in_place_of;
    ncr_arena_free(p.arena);
    return of;
}

Test(plan, flattening_is_no_work_where_the_order_stays)
{
#define DENSE "  %3 = dense %2 \"n/d\" out 10 : 10\n  output \"\" = %3\n"
    cr_assert_eq(flatten_in_place_of("3x4x4", "48", DENSE), 1); // weights follow the order
    cr_assert_eq(
        flatten_in_place_of("3x4x4", "48", "  %3 = tanh %2 \"n/t\" : 48\n  output \"\" = %3\n"),
        NCR_PLAN_OWN);
    cr_assert_eq(flatten_in_place_of("1x4x4", "16", "  output \"\" = %2\n"), 1);
    cr_assert_eq(flatten_in_place_of("9x1x1", "9", "  output \"\" = %2\n"), 1);
    cr_assert_eq(flatten_in_place_of("3x4x4", "48", "  output \"\" = %2\n"), NCR_PLAN_OWN);
    // The image is padded for a convolution; it is read again.
    cr_assert_eq(flatten_in_place_of("3x4x4", "48",
                                     "  %3 = conv %0 \"n/c\" out 3 kernel 3x3 : 3x4x4\n"
                                     "  %4 = dense %2 \"n/d\" out 10 : 10\n"
                                     "  output \"a\" = %4\n  output \"b\" = %3\n"),
                 1);
    cr_assert_eq(flatten_in_place_of("3x4x4", "48",
                                     "  %3 = conv %1 \"n/c\" out 3 kernel 3x3 : 3x4x4\n"
                                     "  %4 = dense %2 \"n/d\" out 10 : 10\n"
                                     "  output \"a\" = %4\n  output \"b\" = %3\n"),
                 NCR_PLAN_OWN);
#undef DENSE
}

Test(plan, outputs_are_never_overwritten)
{
    struct planned p = planned_of("graph \"n\" {\n"
                                  "  %0 = input \"n/x\" shape 64 : 64\n"
                                  "  %1 = dense %0 \"n/d\" out 64 : 64\n"
                                  "  %2 = tanh %1 \"n/t\" : 64\n"
                                  "  output \"a\" = %1\n  output \"b\" = %2\n}\n",
                                  NCR_PLAN_SHARED);
    cr_assert_eq(p.plan->buffers[2].in_place_of, NCR_PLAN_OWN);
    ncr_arena_free(p.arena);
}

// The sum is padded by its reader, its terms are not: they get its border where that saves memory.
Test(plan, a_common_border_where_it_pays)
{
    struct planned p = planned_of("graph \"n\" {\n"
                                  "  %0 = input \"n/x\" shape 4x9x9 : 4x9x9\n"
                                  "  %1 = conv %0 \"n/a\" out 16 kernel 1x1 : 16x9x9\n"
                                  "  %2 = tanh %1 \"n/t\" : 16x9x9\n"
                                  "  %3 = conv %2 \"n/b\" out 2 kernel 3x3 : 2x9x9\n"
                                  "  output \"\" = %3\n}\n",
                                  NCR_PLAN_SHARED);
    const struct ncr_buffer *b = p.plan->buffers;
    cr_assert_eq(b[2].in_place_of, 1);
    for (int side = 0; side < 4; side++) {
        cr_assert_eq(b[1].border[side], 1);
        cr_assert_eq(b[2].border[side], 1);
    }
    ncr_arena_free(p.arena);
}

// Two wide branches that are both reduced at once: written in the order wide, wide, narrow, narrow,
// run as wide, narrow, wide, narrow.
Test(plan, the_better_order_is_taken)
{
    struct planned p = planned_of("graph \"n\" {\n"
                                  "  %0 = input \"n/x\" shape 4x8x8 : 4x8x8\n"
                                  "  %1 = conv %0 \"n/a\" out 64 kernel 1x1 : 64x8x8\n"
                                  "  %2 = conv %0 \"n/b\" out 64 kernel 1x1 : 64x8x8\n"
                                  "  %3 = conv %1 \"n/c\" out 4 kernel 1x1 : 4x8x8\n"
                                  "  %4 = conv %2 \"n/d\" out 4 kernel 1x1 : 4x8x8\n"
                                  "  %5 = add %3 %4 \"n/e\" : 4x8x8\n"
                                  "  output \"\" = %5\n}\n",
                                  NCR_PLAN_SHARED);
    static const uint32_t want[] = {0, 1, 3, 2, 4, 5};
    cr_assert_arr_eq(p.plan->steps, want, sizeof want);
    uint64_t narrow = 4 * 64 + 64, wide = 64 * 64 + 64;
    cr_assert_leq(p.plan->arena_bytes, 3 * narrow + wide);
    ncr_arena_free(p.arena);
}

// ---- verifier ----
static void expect_wrong(struct planned *p, const char *text)
{
    struct ncr_error why = {""};
    cr_assert_not(ncr_plan_verify(p->plan, &why), "accepted, but: %s", text);
    cr_assert_not_null(strstr(why.text, text), "`%s` instead of `%s`", why.text, text);
}

#define BREAK(field, value, wants)                                                                 \
    do {                                                                                           \
        struct ncr_plan whole = *p.plan;                                                           \
        struct ncr_buffer buffers[8];                                                              \
        uint32_t steps[8];                                                                         \
        memcpy(buffers, whole.buffers, whole.n_steps * sizeof *buffers);                           \
        memcpy(steps, whole.steps, whole.n_steps * sizeof *steps);                                 \
        p.plan->field = (value);                                                                   \
        expect_wrong(&p, wants);                                                                   \
        struct ncr_buffer *b = whole.buffers;                                                      \
        *p.plan = whole;                                                                           \
        memcpy(b, buffers, whole.n_steps * sizeof *buffers);                                       \
        memcpy(whole.steps, steps, whole.n_steps * sizeof *steps);                                 \
        struct ncr_error none;                                                                     \
        cr_assert(ncr_plan_verify(p.plan, &none), "%s", none.text);                                \
    } while (0)

Test(plan, the_verifier_finds_each_broken_rule)
{
    struct planned p = planned_of(residual, NCR_PLAN_SHARED);
    BREAK(steps[1], 2, "tensor %2: it reads a tensor that is not yet written");
    BREAK(steps[2], 1, "step 2 is no node, or one that had its step");
    BREAK(steps[0], 1, "tensor %1: the inputs do not come first");
    BREAK(n_steps, 4, "4 steps for 5 nodes");
    BREAK(buffers[1].channels, 7, "tensor %1: the buffer has another shape");
    BREAK(buffers[1].row_bytes, 65, "tensor %1: rows and size are not those of shape and border");
    BREAK(buffers[2].offset, p.plan->buffers[2].offset + 1, "tensor %2: the offset is not aligned");
    BREAK(buffers[2].offset, p.plan->arena_bytes, "tensor %2: it ends past the arena");
    BREAK(buffers[0].last_step, 3, "tensor %4: it reads a tensor whose life has ended");
    BREAK(buffers[2].first_step, 1, "tensor %2: its life begins before it is written");
    BREAK(buffers[2].first_step, 3, "tensor %2: it is written outside its life");
    BREAK(buffers[2].offset, p.plan->buffers[1].offset,
          "tensors %1 and %2 live at the same time in the same bytes");
    BREAK(buffers[3].in_place_of, 0,
          "tensor %3: it lies in place of a tensor that it may not overwrite");
    BREAK(buffers[2].in_place_of, 1, "tensor %2: it lies in place of a tensor of another layout");
    BREAK(buffers[4].in_place_of, 0, "tensor %4: it lies in place of a tensor of another layout");
    BREAK(arena_bytes, p.plan->arena_bytes + 64,
          "the arena has 1792 bytes, its tensors end at 1728");
    BREAK(lower_bound_bytes, 64, "the lower bound is 1728, not 64");
    BREAK(peak_step, 0, "step 0 is not the peak");
    BREAK(mode, NCR_PLAN_SEPARATE, "separate tensors share a place");
    ncr_arena_free(p.arena);
    p = planned_of(two_readers, NCR_PLAN_SHARED);
    struct ncr_buffer *x = &p.plan->buffers[0];
    x->border[1] = 2; // with the layout that follows from it
    x->row_bytes -= 3;
    x->first = x->row_bytes + 2 * 3;
    x->bytes = (uint64_t)(8 * x->row_bytes + 64);
    expect_wrong(&p, "tensor %2: the border of its input is too narrow");
    ncr_arena_free(p.arena);
    p = planned_of(two_readers, NCR_PLAN_SHARED);
    p.plan->buffers[1].last_step = 1;
    expect_wrong(&p, "tensor %1: an output does not live to the end");
    ncr_arena_free(p.arena);
}

// A plan of the largest network that the language admits is a matter of seconds at the most.
Test(plan, large_networks, .timeout = 60)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("n"));
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT);
    struct ncr_op_error err;
    a.shape = (struct ncr_shape){1, {16, 0, 0}};
    ncr_node_id x =
        ncr_builder_add(b, NCR_OP_INPUT, &a, NULL, 0, NCR_STR("x"), NCR_NO_NODE, NULL, &err);
    a = ncr_attrs_default(NCR_OP_TANH);
    struct ncr_attrs sum = ncr_attrs_default(NCR_OP_ADD);
    for (uint32_t i = 0; i < 30000; i++) {
        ncr_node_id y =
            ncr_builder_add(b, NCR_OP_TANH, &a, &x, 1, NCR_STR("t"), NCR_NO_NODE, NULL, &err);
        x = ncr_builder_add(b, NCR_OP_ADD, &sum, (ncr_node_id[]){x, y}, 2, NCR_STR("a"),
                            NCR_NO_NODE, NULL, &err);
    }
    ncr_builder_output(b, NCR_STR(""), x);
    static struct ncr_quant_spec spec = {.weight_bits = 8, .activation_bits = 8};
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    struct ncr_qgraph *g =
        ncr_qgraph_build(arena, &diags, ncr_builder_finish(b), &spec, NULL, NULL);
    cr_assert_eq(ncr_plan_build(arena, g, NCR_PLAN_SHARED)->arena_bytes, 2 * 128);
    cr_assert_eq(ncr_plan_build(arena, g, NCR_PLAN_SEPARATE)->arena_bytes, UINT64_C(60001) * 128);
    ncr_arena_free(arena);
}
