// Concatenation without a copy: which inputs take its scale, which of them lie in its buffer, and
// what the verifiers find.
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/graph_of.h"
#include "tests/support/planned.h"
#include "tests/support/random_numbers.h"

// bits: of activations. own: NULL, or the format of node `owner`.
static struct planned planned_with(const char *text, uint32_t bits,
                                   const struct ncr_quant_spec *own, ncr_node_id owner)
{
    struct planned p = planned_graph(text, bits, own, owner);
    p.plan = ncr_plan_build(p.arena, p.g, NCR_PLAN_SHARED);
    return p;
}

static struct planned plan_of(const char *text)
{
    return planned_with(text, 8, NULL, 0);
}

// joins[q] and slice_of[q] of the first n nodes; 0: none.
static void expect(struct planned *p, uint32_t n, const uint32_t *joins, const uint32_t *slice_of)
{
    for (uint32_t q = 0; q < n; q++) {
        cr_assert_eq(p->g->nodes[q].joins, joins[q], "%%%u joins %u", q, p->g->nodes[q].joins);
        uint32_t in = p->plan->buffers[q].slice_of;
        cr_assert_eq(in, slice_of[q] ? slice_of[q] : NCR_PLAN_OWN, "%%%u is in %u", q, in);
    }
    ncr_arena_free(p->arena);
}

#define EXPECT(plan, joins, slices)                                                                \
    do {                                                                                           \
        static const uint32_t joins_[] = joins, slices_[] = slices;                                \
        struct planned p_ = (plan);                                                                \
        expect(&p_, sizeof joins_ / sizeof *joins_, joins_, slices_);                              \
    } while (0)
#define LIST(...)                                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

// A fire module, whose reader wants a border.
static const char fire[] = "graph \"n\" {\n"
                           "  %0 = input \"n/x\" shape 12x6x5 : 12x6x5\n"
                           "  %1 = conv %0 \"n/s\" out 4 kernel 1x1 : 4x6x5\n"
                           "  %2 = conv %1 \"n/a\" out 10 kernel 1x1 : 10x6x5\n"
                           "  %3 = conv %1 \"n/b\" out 14 kernel 3x3 : 14x6x5\n"
                           "  %4 = concat %2 %3 \"n/c\" : 24x6x5\n"
                           "  %5 = conv %4 \"n/d\" out 9 kernel 3x3 : 9x6x5\n"
                           "  output \"\" = %5\n}\n";

Test(slice, fire_module)
{
    struct planned p = plan_of(fire);
    const struct ncr_buffer *b = p.plan->buffers;
    uint64_t live[6], in = 12 * 30 + 64, squeezed = 4 * 8 * 7 + 64, whole = 24 * 8 * 7 + 64;
    for (uint32_t q = 2; q <= 3; q++) {
        cr_assert_eq(p.g->nodes[q].joins, 4);
        cr_assert_eq(b[q].slice_of, 4);
        cr_assert_eq(b[q].offset, b[4].offset);
        cr_assert_eq(b[q].bytes, b[4].bytes);
        cr_assert_eq(b[q].pixel_bytes, 24);
        cr_assert_eq(b[q].row_bytes, 24 * 7);
        cr_assert_eq(b[q].first, 24 * 7 + 24 + (q == 3 ? 10 : 0));
        cr_assert_eq(b[q].border[0], 0);
        cr_assert_eq(b[q].last_step, 4);
    }
    cr_assert_eq(b[4].border[0], 1);
    cr_assert_eq(b[4].first_step, 2);
    cr_assert_eq(b[4].bytes, whole);
    cr_assert_eq(ncr_plan_locate(p.plan, 3, (7 * 6 + 2) * 5 + 1), // channel 7, row 2, column 1
                 ncr_plan_locate(p.plan, 4, (17 * 6 + 2) * 5 + 1));
    ncr_plan_live(p.plan, live);
    const uint64_t want[] = {in, in + squeezed, squeezed + whole, squeezed + whole, whole};
    cr_assert_arr_eq(live, want, sizeof want);
    struct ncr_buf text = {0};
    ncr_plan_dump(p.plan, &text);
    cr_assert_not_null(strstr(text.s, "%3 = conv %1 : 14x6x5 at 0+1408 slice of %4 life 3..4"),
                       "%s", text.s);
    ncr_buf_free(&text);
    p.plan = ncr_plan_build(p.arena, p.g, NCR_PLAN_SEPARATE);
    for (uint32_t q = 0; q < 6; q++)
        cr_assert_eq(p.plan->buffers[q].slice_of, NCR_PLAN_OWN);
    ncr_arena_free(p.arena);
}

// The pool's branch ends in a convolution too; a plain pool has the scale of its own input.
Test(slice, inception_block)
{
    EXPECT(plan_of("graph \"n\" {\n"
                   "  %0 = input \"n/x\" shape 8x4x4 : 8x4x4\n"
                   "  %1 = conv %0 \"n/a\" out 16 kernel 1x1 : 16x4x4\n"
                   "  %2 = conv %0 \"n/r\" out 4 kernel 1x1 : 4x4x4\n"
                   "  %3 = conv %2 \"n/b\" out 16 kernel 3x3 : 16x4x4\n"
                   "  %4 = maxpool %0 \"n/m\" kernel 3x3 stride 1x1 : 8x4x4\n"
                   "  %5 = conv %4 \"n/p\" out 16 kernel 1x1 : 16x4x4\n"
                   "  %6 = maxpool %0 \"n/q\" kernel 3x3 stride 1x1 : 8x4x4\n"
                   "  %7 = concat %1 %3 %5 %6 \"n/c\" : 56x4x4\n"
                   "  output \"\" = %7\n}\n"),
           LIST(0, 7, 0, 7, 0, 7, 0, 0), LIST(0, 7, 0, 7, 0, 7, 0, 0));
}

Test(slice, nested_concatenations)
{
    struct planned p = plan_of("graph \"n\" {\n"
                               "  %0 = input \"n/x\" shape 8x4x4 : 8x4x4\n"
                               "  %1 = conv %0 \"n/a\" out 16 kernel 1x1 : 16x4x4\n"
                               "  %2 = conv %0 \"n/b\" out 12 kernel 1x1 : 12x4x4\n"
                               "  %3 = concat %1 %2 \"n/c\" : 28x4x4\n"
                               "  %4 = conv %0 \"n/d\" out 20 kernel 1x1 : 20x4x4\n"
                               "  %5 = concat %4 %3 \"n/e\" : 48x4x4\n"
                               "  output \"\" = %5\n}\n");
    const struct ncr_buffer *b = p.plan->buffers;
    cr_assert_eq(b[5].first_step, 1);
    cr_assert_eq(b[3].first - b[5].first, 20);
    cr_assert_eq(b[2].first - b[5].first, 20 + 16);
    cr_assert_eq(b[2].pixel_bytes, 48);
    static const uint32_t in[] = {0, 3, 3, 5, 5, 0};
    expect(&p, 6, in, in);
}

Test(slice, what_others_read_too_stays_apart)
{
    // %1 is read by %3 as well, %2 stands twice in the concatenation.
    EXPECT(plan_of("graph \"n\" {\n"
                   "  %0 = input \"n/x\" shape 8x4x4 : 8x4x4\n"
                   "  %1 = conv %0 \"n/a\" out 16 kernel 1x1 : 16x4x4\n"
                   "  %2 = conv %0 \"n/b\" out 16 kernel 1x1 : 16x4x4\n"
                   "  %3 = conv %1 \"n/d\" out 16 kernel 1x1 : 16x4x4\n"
                   "  %4 = concat %1 %2 %2 %3 \"n/c\" : 64x4x4\n"
                   "  output \"\" = %4\n}\n"),
           LIST(0, 0, 0, 4, 0), LIST(0, 0, 0, 4, 0));
    // %1 is an output.
    EXPECT(plan_of("graph \"n\" {\n"
                   "  %0 = input \"n/x\" shape 8x4x4 : 8x4x4\n"
                   "  %1 = conv %0 \"n/a\" out 16 kernel 1x1 : 16x4x4\n"
                   "  %2 = concat %1 %0 \"n/c\" : 24x4x4\n"
                   "  output \"a\" = %1\n  output \"b\" = %2\n}\n"),
           LIST(0, 0, 0), LIST(0, 0, 0));
}

// All that rounds takes the scale. Slices would need more memory here: %0 is read to the end.
static const char others[] = "graph \"n\" {\n"
                             "  %0 = input \"n/x\" shape 16x4x4 : 16x4x4\n"
                             "  %1 = dwconv %0 \"n/a\" kernel 3x3 : 16x4x4\n"
                             "  %2 = add %0 %0 \"n/b\" : 16x4x4\n"
                             "  %3 = mul %0 %0 \"n/d\" : 16x4x4\n"
                             "  %4 = avgpool %0 \"n/e\" kernel 3x3 stride 1x1 : 16x4x4\n"
                             "  %5 = conv %0 \"n/f\" out 8 kernel 3x3 : 8x4x4\n"
                             "  %6 = conv %0 \"n/g\" out 8 kernel 1x1 : 8x4x4\n"
                             "  %7 = maxpool %0 \"n/h\" kernel 3x3 stride 1x1 : 16x4x4\n"
                             "  %8 = concat %1 %2 %3 %4 %5 %6 %7 \"n/c\" : 96x4x4\n"
                             "  output \"\" = %8\n}\n";

Test(slice, other_operators_join)
{
    EXPECT(plan_of(others), LIST(0, 8, 8, 8, 8, 8, 8, 0, 0), LIST(0, 0, 0, 0, 0, 0, 0, 0, 0));
}

// Rows of few channels are computed several pixels at a time; a kernel of one pixel never is.
Test(slice, few_channels)
{
    EXPECT(plan_of("graph \"n\" {\n"
                   "  %0 = input \"n/x\" shape 4x4x4 : 4x4x4\n"
                   "  %1 = conv %0 \"n/a\" out 8 kernel 3x3 : 8x4x4\n"
                   "  %2 = conv %0 \"n/b\" out 9 kernel 3x3 : 9x4x4\n"
                   "  %3 = conv %0 \"n/d\" out 8 kernel 3x1 : 8x4x4\n"
                   "  %4 = concat %1 %2 %3 \"n/c\" : 25x4x4\n"
                   "  output \"\" = %4\n}\n"),
           LIST(0, 4, 4, 4, 0), LIST(0, 0, 4, 4, 0));
}

// Activations of 16 bits have kernels of their own; other formats, other scales.
Test(slice, formats)
{
    EXPECT(planned_with(fire, 16, NULL, 0), LIST(0, 0, 4, 4, 0, 0), LIST(0, 0, 0, 0, 0, 0));
    static const struct ncr_quant_spec six = {.weight_bits = 8, .activation_bits = 6},
                                       fixed = {.activations = NCR_QF_FIXED,
                                                .weight_bits = 8,
                                                .activation_bits = 8},
                                       wide = {.weight_bits = 8, .activation_bits = 12},
                                       weights = {.weight_bits = 4, .activation_bits = 8};
    EXPECT(planned_with(fire, 8, &six, 2), LIST(0, 0, 0, 4, 0, 0), LIST(0, 0, 0, 4, 0, 0));
    EXPECT(planned_with(fire, 8, &fixed, 2), LIST(0, 0, 0, 4, 0, 0), LIST(0, 0, 0, 4, 0, 0));
    EXPECT(planned_with(fire, 8, &weights, 2), LIST(0, 0, 4, 4, 0, 0), LIST(0, 0, 4, 4, 0, 0));
    // An input of 12 bits makes the concatenation one of the kernels that copy all they read.
    EXPECT(planned_with(fire, 8, &wide, 2), LIST(0, 0, 0, 4, 0, 0), LIST(0, 0, 0, 0, 0, 0));
    EXPECT(planned_with(fire, 8, &wide, 1), LIST(0, 0, 4, 4, 0, 0), LIST(0, 0, 0, 0, 0, 0));
}

// The pool is as large as the concatenation, which must not be alive at the same time.
Test(slice, no_larger_arena)
{
    struct planned p = plan_of("graph \"n\" {\n"
                               "  %0 = input \"n/x\" shape 4x8x8 : 4x8x8\n"
                               "  %1 = conv %0 \"n/a\" out 16 kernel 1x1 : 16x8x8\n"
                               "  %2 = conv %1 \"n/w\" out 64 kernel 1x1 : 64x8x8\n"
                               "  %3 = conv %2 \"n/b\" out 16 kernel 1x1 : 16x8x8\n"
                               "  %4 = conv %3 \"n/d\" out 16 kernel 1x1 : 16x8x8\n"
                               "  %5 = conv %3 \"n/e\" out 32 kernel 1x1 : 32x8x8\n"
                               "  %6 = concat %4 %5 \"n/f\" : 48x8x8\n"
                               "  %7 = conv %6 \"n/g\" out 8 kernel 1x1 : 8x8x8\n"
                               "  %8 = conv %7 \"n/h\" out 64 kernel 1x1 : 64x8x8\n"
                               "  %9 = conv %8 \"n/i\" out 56 kernel 1x1 : 56x8x8\n"
                               "  %10 = concat %7 %9 \"n/j\" : 64x8x8\n"
                               "  output \"\" = %10\n}\n");
    cr_assert_eq(p.plan->buffers[4].slice_of, 6);
    cr_assert_eq(p.plan->buffers[5].slice_of, 6);
    // At %9: %7, %8 and %9, then %7, %9 and %10; with a slice %7, %8 and %10.
    cr_assert_eq(p.plan->arena_bytes, (8 + 56 + 64) * 64 + 3 * 64);
    cr_assert_eq(p.plan->buffers[9].slice_of, NCR_PLAN_OWN);
    ncr_arena_free(p.arena);
}

// ---- verifiers ----
static void expect_wrong_plan(const struct planned *p, const char *want)
{
    struct ncr_error why = {""};
    cr_assert_not(ncr_plan_verify(p->plan, &why), "accepted, but: %s", want);
    cr_assert_str_eq(why.text, want);
}

static void expect_wrong_graph(const struct planned *p, const char *want)
{
    struct ncr_error why = {""};
    cr_assert_not(ncr_qgraph_verify(p->g, &why), "accepted, but: %s", want);
    cr_assert_str_eq(why.text, want);
}

#define BREAK(what, place, value, want)                                                            \
    do {                                                                                           \
        __typeof__(place) old_ = (place);                                                          \
        (place) = (value);                                                                         \
        expect_wrong_##what(&p, want);                                                             \
        (place) = old_;                                                                            \
        struct ncr_error why_;                                                                     \
        cr_assert(ncr_qgraph_verify(p.g, &why_) && ncr_plan_verify(p.plan, &why_), "%s",           \
                  why_.text);                                                                      \
    } while (0)

Test(slice, verifier_of_plans)
{
    struct planned p = plan_of(fire);
    struct ncr_buffer *b = p.plan->buffers;
    const char *place = "tensor %3: its slice is not where its channels belong";
    BREAK(plan, b[3].first, b[3].first - 1, place);
    BREAK(plan, b[3].pixel_bytes, 14, place);
    BREAK(plan, b[3].row_bytes, 24, place);
    BREAK(plan, b[3].bytes, b[3].bytes - 1, place);
    BREAK(plan, b[3].border[2], 1, "tensor %3: a slice has a border");
    BREAK(plan, b[3].in_place_of, 1,
          "tensor %3: it lies in place of a tensor that it may not overwrite");
    BREAK(plan, b[3].slice_of, 5, "tensor %3: it is a slice of a tensor that does not hold it");
    BREAK(plan, b[3].slice_of, 9, "tensor %3: it is a slice of a tensor that does not hold it");
    BREAK(plan, b[3].last_step, 5,
          "tensor %3: its slice does not live as long as what it is part of");
    BREAK(plan, b[4].first_step, 3,
          "tensor %2: its slice does not live as long as what it is part of");
    BREAK(plan, b[4].first_step, 1, "tensor %4: its life begins before it is written");
    BREAK(plan, b[4].pixel_bytes, 25, "tensor %4: rows and size are not those of shape and border");
    BREAK(plan, b[1].offset, 448, // behind %0
          "tensors %1 and %4 live at the same time in the same bytes");
    BREAK(plan, p.plan->mode, NCR_PLAN_SEPARATE, "tensor %2: separate tensors share a place");
    BREAK(plan, p.g->nodes[3].joins, 0, "tensor %3: it can be no slice");
    ncr_arena_free(p.arena);
}

Test(slice, verifier_of_joins)
{
    struct planned p = plan_of(others);
    struct ncr_qnode *n = p.g->nodes;
    random_numbers(p.arena, p.g, 3);
    p.plan = ncr_plan_build(p.arena, p.g, NCR_PLAN_SEPARATE);
    const char *other = "node %1 dwconv: it joins what is not the one concatenation that reads it";
    BREAK(graph, n[1].joins, 7, other);
    BREAK(graph, n[1].joins, 9, other);
    BREAK(graph, n[1].joins, UINT32_MAX, other);
    BREAK(graph, n[7].joins, 8,
          "node %7 maxpool: it joins what is not the one concatenation that reads it");
    const char *scale =
        "node %2 add: scale and zero point are not those of the concatenation that it joins";
    BREAK(graph, n[2].scale, n[2].scale * 2, scale);
    BREAK(graph, n[2].zero_point, n[2].zero_point ^ 1, scale);
    const char *factor = "node %3 mul: the concatenation that it joins has a factor for it";
    BREAK(graph, n[8].mult[2], (1 << 30) + 1, factor);
    BREAK(graph, n[8].shift[2], 31, factor);
    n[8].lo = n[8].hi = 5;
    for (uint32_t q = 1; q < 7; q++)
        n[q].lo = n[q].hi = 5;
    BREAK(graph, n[4].hi, 6,
          "node %4 avgpool: its clamp is wider than that of the concatenation that it joins");
    n[1].joins = 0; // nobody has to join
    struct ncr_error why;
    cr_assert(ncr_qgraph_verify(p.g, &why), "%s", why.text);
    ncr_arena_free(p.arena);
}

// Ranges [-1, 1] and [0, 6] of the branches, [-1, 6] of the concatenation: its scale for both, and
// a clamp at zero behind the relu.
Test(slice, scales_of_what_joins)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_graph *graph = graph_of(arena, "graph \"n\" {\n"
                                              "  %0 = input \"n/x\" shape 2x2x2 : 2x2x2\n"
                                              "  %1 = conv %0 \"n/a\" out 2 kernel 1x1 : 2x2x2\n"
                                              "  %2 = conv %0 \"n/b\" out 2 kernel 1x1 : 2x2x2\n"
                                              "  %3 = relu %2 \"n/r\" : 2x2x2\n"
                                              "  %4 = concat %1 %3 \"n/c\" : 4x2x2\n"
                                              "  output \"\" = %4\n}\n");
    float lo[] = {-1, -1, -5, 0, -1}, hi[] = {1, 1, 6, 6, 6};
    struct ncr_ranges ranges = {5, lo, hi};
    static struct ncr_quant_spec spec = {
        .weight_bits = 8, .activation_bits = 8, .per_channel = true};
    struct ncr_weights *weights = ncr_weights_new(arena, graph);
    ncr_weights_init(weights, graph, 1);
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    struct ncr_qgraph *g = ncr_qgraph_build(arena, &diags, graph, &spec, weights, &ranges);
    cr_assert_not_null(g);
    const struct ncr_qnode *n = g->nodes;
    for (uint32_t q = 1; q <= 3; q++) {
        cr_assert_eq(n[q].scale, 7.0 / 255);
        cr_assert_eq(n[q].zero_point, -128 + 36); // 1 / (7 / 255) = 36.4
        cr_assert_eq(n[q].lo, q == 2 ? n[q].zero_point : -128);
        cr_assert_eq(n[q].hi, 127);
    }
    for (uint32_t k = 0; k < 2; k++) {
        cr_assert_eq(n[3].mult[k], 1 << 30);
        cr_assert_eq(n[3].shift[k], 30);
    }
    // What joins is blamed for its own range alone.
    lo[3] = -1.0f / 0.0f;
    cr_assert_null(ncr_qgraph_build(arena, &diags, graph, &spec, weights, &ranges));
    cr_assert_eq(diags.n_errors, 1);
    ncr_arena_free(arena);
}
