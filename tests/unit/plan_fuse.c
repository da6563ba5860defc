// What a shared plan fuses, worked out by hand; what the verifier finds.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/planned.h"

// Whether tensor q is fused in the plan of a graph of images of 2 channels, `body` being its
// operators from %1 on.
static bool fuses(const char *body, uint32_t q, uint32_t bits)
{
    char text[1024];
    snprintf(text, sizeof text, "graph \"n\" {\n  %%0 = input \"n/x\" shape 2x8x8 : 2x8x8\n%s}\n",
             body);
    struct planned f = planned_graph(text, bits, NULL, 0);
    f.plan = ncr_plan_build(f.arena, f.g, NCR_PLAN_SHARED);
    bool fused = f.plan->buffers[q].fused_into != NCR_PLAN_OWN;
    cr_assert_eq(fused, f.plan->buffers[q].bytes == 0);
    ncr_arena_free(f.arena);
    return fused;
}

static const char residual[] = "graph \"n\" {\n"
                               "  %0 = input \"n/x\" shape 8x8x8 : 8x8x8\n"
                               "  %1 = conv %0 \"n/s\" out 8 kernel 1x1 : 8x8x8\n"
                               "  %2 = conv %1 \"n/a\" out 8 kernel 1x1 : 8x8x8\n"
                               "  %3 = conv %2 \"n/b\" out 8 kernel 1x1 : 8x8x8\n"
                               "  %4 = add %3 %1 \"n/r\" : 8x8x8\n"
                               "  output \"\" = %4\n}\n";

Test(plan_fuse, a_residual_sum_needs_two_tensors_not_three)
{
    uint64_t one = 8 * 8 * 8 + 64, live[5];
    struct planned f = planned_of(residual, NCR_PLAN_SHARED);
    const struct ncr_buffer *b = f.plan->buffers;
    cr_assert_eq(b[3].fused_into, 4);
    cr_assert_eq(ncr_plan_fused(f.plan, 4), 3);
    cr_assert_eq(ncr_plan_stored_as(f.plan, 3), 4);
    cr_assert_eq(b[2].last_step, 4); // read while the sum is made
    cr_assert_eq(b[4].in_place_of, 1);
    ncr_plan_live(f.plan, live);
    for (int s = 1; s < 5; s++)
        cr_assert_eq(live[s], 2 * one, "step %d: %lu", s, live[s]);
    cr_assert_eq(f.plan->arena_bytes, 2 * one);
    ncr_arena_free(f.arena);
    f = planned_of(residual, NCR_PLAN_SEPARATE);
    for (uint32_t q = 0; q < 5; q++)
        cr_assert_eq(f.plan->buffers[q].fused_into, NCR_PLAN_OWN);
    ncr_arena_free(f.arena);
}

// The convolution reads all of what the sum would overwrite.
Test(plan_fuse, a_sum_does_not_overwrite_the_input_of_its_convolution)
{
    struct planned f = planned_of("graph \"n\" {\n"
                                  "  %0 = input \"n/x\" shape 8x8x8 : 8x8x8\n"
                                  "  %1 = conv %0 \"n/a\" out 8 kernel 3x3 : 8x8x8\n"
                                  "  %2 = add %0 %1 \"n/r\" : 8x8x8\n"
                                  "  output \"\" = %2\n}\n",
                                  NCR_PLAN_SHARED);
    cr_assert_eq(f.plan->buffers[1].fused_into, 2);
    cr_assert_eq(f.plan->buffers[2].in_place_of, NCR_PLAN_OWN);
    ncr_arena_free(f.arena);
}

// Of two convolutions the one whose input is smaller: that one is alive longer.
Test(plan_fuse, one_of_two_convolutions_goes_into_a_sum)
{
    static const char text[] = "  %1 = conv %0 \"n/a\" out 4 kernel 1x1 stride 2x2 : 4x4x4\n"
                               "  %2 = conv %1 \"n/b\" out 4 kernel 1x1 : 4x4x4\n"
                               "  %3 = conv %0 \"n/s\" out 4 kernel 1x1 stride 2x2 : 4x4x4\n"
                               "  %4 = add %2 %3 \"n/r\" : 4x4x4\n  output \"\" = %4\n";
    cr_assert(fuses(text, 2, 8));
    cr_assert_not(fuses(text, 3, 8));
}

#define CONV "  %1 = conv %0 \"n/a\" out 2 kernel 3x3 : 2x8x8\n"

Test(plan_fuse, pools_that_take_each_result_once)
{
    static const struct {
        const char *text;
        uint32_t bits;
        bool fused;
    } cases[] = {
        {CONV "  %2 = maxpool %1 \"n/p\" kernel 2x2 : 2x4x4\n  output \"\" = %2\n", 8, true},
        {CONV "  %2 = maxpool %1 \"n/p\" kernel 3x1 pad valid : 2x2x8\n  output \"\" = %2\n", 8,
         true},
        // 16 bits; windows that overlap; padded; a mean; another reader; an output
        {CONV "  %2 = maxpool %1 \"n/p\" kernel 2x2 : 2x4x4\n  output \"\" = %2\n", 16, false},
        {CONV
         "  %2 = maxpool %1 \"n/p\" kernel 3x3 stride 2x2 pad valid : 2x3x3\n  output \"\" = %2\n",
         8, false},
        {CONV "  %2 = maxpool %1 \"n/p\" kernel 2x2 pad 0,0,1,1 : 2x4x4\n  output \"\" = %2\n", 8,
         true}, // the window at the border reads no padding
        {CONV "  %2 = maxpool %1 \"n/p\" kernel 2x2 pad 1,1,1,1 : 2x5x5\n  output \"\" = %2\n", 8,
         false},
        {CONV "  %2 = avgpool %1 \"n/p\" kernel 2x2 : 2x4x4\n  output \"\" = %2\n", 8, false},
        {CONV "  %2 = maxpool %1 \"n/p\" kernel 2x2 : 2x4x4\n  %3 = sigmoid %1 \"n/s\" : 2x8x8\n"
              "  output \"a\" = %2\n  output \"b\" = %3\n",
         8, false},
        {CONV "  %2 = maxpool %1 \"n/p\" kernel 2x2 : 2x4x4\n  output \"a\" = %2\n"
              "  output \"b\" = %1\n",
         8, false},
        // windows of many results, and few of them
        {CONV "  %2 = maxpool %1 \"n/p\" kernel 4x4 : 2x2x2\n  output \"\" = %2\n", 8, false},
        {CONV "  %2 = maxpool %1 \"n/p\" kernel 3x3 pad valid : 2x2x2\n  output \"\" = %2\n", 8,
         false},
    };
    for (size_t i = 0; i < NCR_COUNT(cases); i++)
        cr_assert_eq(fuses(cases[i].text, 1, cases[i].bits), cases[i].fused, "case %zu", i);
}

static void expect_wrong(struct planned *f, uint32_t q, struct ncr_buffer broken, const char *text)
{
    struct ncr_error why = {""};
    struct ncr_buffer whole = f->plan->buffers[q];
    f->plan->buffers[q] = broken;
    cr_assert_not(ncr_plan_verify(f->plan, &why), "accepted, but: %s", text);
    cr_assert_not_null(strstr(why.text, text), "`%s` instead of `%s`", why.text, text);
    f->plan->buffers[q] = whole;
    cr_assert(ncr_plan_verify(f->plan, &why), "%s", why.text);
}

Test(plan_fuse, the_verifier_finds_each_broken_rule)
{
    struct planned f = planned_of(residual, NCR_PLAN_SHARED);
    struct ncr_buffer b = f.plan->buffers[3];
    b.fused_into = 7;
    expect_wrong(&f, 3, b, "tensor %3: it is fused into what does not read it");
    b = f.plan->buffers[1];
    b.fused_into = 2;
    b.bytes = 0;
    expect_wrong(&f, 1, b, "tensor %1: it is not stored, but read by others");
    b = f.plan->buffers[2];
    b.fused_into = 3;
    b.bytes = 0;
    expect_wrong(&f, 2, b, "tensor %2: it is fused into what cannot take it");
    b = f.plan->buffers[2];
    b.last_step = 3;
    expect_wrong(&f, 2, b, "tensor %3: its input dies before it is computed");
    b = f.plan->buffers[4];
    b.in_place_of = 3;
    expect_wrong(&f, 4, b, "tensor %4: it overwrites what a fused tensor is computed from");
    ncr_arena_free(f.arena);
}
