// Plans of batches: what is head and what is tail, lives and places, worked out by hand; what the
// verifier finds.
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/planned.h"

static struct planned plan_of(const char *text, uint32_t batch)
{
    struct planned p = planned_graph(text, 8, NULL, 0);
    p.plan = batch ? ncr_plan_build_batch(p.arena, p.g, batch) : ncr_plan_build_many(p.arena, p.g);
    return p;
}

// The images side by side in each tensor: '1', or 'B' for all of the batch.
static void expect_images(const struct planned *p, const char *want)
{
    cr_assert_eq(strlen(want), p->g->n_nodes, "%u nodes", p->g->n_nodes);
    for (uint32_t q = 0; q < p->g->n_nodes; q++) {
        const struct ncr_buffer *b = &p->plan->buffers[q];
        uint32_t images = want[q] == 'B' ? p->plan->batch : 1;
        cr_assert_eq(b->images, images, "tensor %u has %u images", q, b->images);
        cr_assert_eq(b->width, p->g->nodes[q].shape.rank == 3 ? p->g->nodes[q].shape.dim[2]
                                                              : (int32_t)images);
    }
}

static const char classifier[] = "graph \"n\" {\n"
                                 "  %0 = input \"n/x\" shape 2x4x4 : 2x4x4\n"
                                 "  %1 = conv %0 \"n/a\" out 3 kernel 3x3 : 3x4x4\n"
                                 "  %2 = flatten %1 \"n/f\" : 48\n"
                                 "  %3 = dense %2 \"n/b\" out 20 : 20\n"
                                 "  %4 = tanh %3 \"n/t\" : 20\n"
                                 "  %5 = dense %4 \"n/c\" out 10 : 10\n"
                                 "  output \"\" = %5\n}\n";

Test(plan_batch, the_tail_of_a_classifier)
{
    struct planned p = plan_of(classifier, 6);
    expect_images(&p, "11BBBB");
    cr_assert_eq(p.plan->n_head, 3); // input, convolution, flatten
    const struct ncr_buffer *b = p.plan->buffers;
    cr_assert_eq(b[2].bytes, 6 * 48 + 64);
    cr_assert_eq(b[2].first_step, 0); // slots are filled while the head runs again
    cr_assert_eq(b[2].last_step, 3);
    cr_assert_eq(b[4].in_place_of, 3); // the tail has places in place too
    cr_assert_eq(b[5].last_step, 5);
    // Input 2·6·6 with its border, convolution 3·4·4 and slots 6·48, each with a tail of 64 and in
    // units of 64 bytes: 192 + 128 + 384; of the tail 20·6 and 10·6 fit below.
    cr_assert_eq(p.plan->arena_bytes, 192 + 128 + 384);
    cr_assert_eq(ncr_plan_locate(p.plan, 2, 47), b[2].offset + 47);
    struct ncr_buf text = {0};
    ncr_plan_dump(p.plan, &text);
    cr_assert_not_null(strstr(text.s, "batch 6 tail from step 3\n"));
    cr_assert_not_null(strstr(text.s, " images 6 "));
    ncr_buf_free(&text);
    ncr_arena_free(p.arena);
}

Test(plan_batch, one_image_is_the_plan_without_a_batch)
{
    struct planned p = plan_of(classifier, 1);
    struct ncr_plan *usual = ncr_plan_build(p.arena, p.g, NCR_PLAN_SHARED);
    expect_images(&p, "111111");
    cr_assert_eq(p.plan->n_head, 6);
    cr_assert_eq(p.plan->arena_bytes, usual->arena_bytes);
    cr_assert_arr_eq(p.plan->buffers, usual->buffers, 6 * sizeof *usual->buffers);
    ncr_arena_free(p.arena);
}

// An input that is a vector is of the tail: nothing runs image by image.
Test(plan_batch, vectors_from_the_first_on)
{
    struct planned p = plan_of("graph \"n\" {\n"
                               "  %0 = input \"n/x\" shape 12 : 12\n"
                               "  %1 = dense %0 \"n/a\" out 5 : 5\n"
                               "  %2 = dense %1 \"n/b\" out 12 : 12\n"
                               "  %3 = add %2 %0 \"n/c\" : 12\n"
                               "  output \"\" = %3\n}\n",
                               4);
    expect_images(&p, "BBBB");
    cr_assert_eq(p.plan->n_head, 1);
    ncr_arena_free(p.arena);
}

// Vectors on their way back to an image, and what they are made of, are computed image by image;
// so is what is made of both kinds.
Test(plan_batch, what_returns_to_an_image_is_no_tail)
{
    struct planned p = plan_of("graph \"n\" {\n"
                               "  %0 = input \"n/x\" shape 2x3x3 : 2x3x3\n"
                               "  %1 = flatten %0 \"n/f\" : 18\n"
                               "  %2 = dense %1 \"n/a\" out 18 : 18\n"
                               "  %3 = reshape %2 \"n/r\" shape 2x3x3 : 2x3x3\n"
                               "  %4 = flatten %3 \"n/g\" : 18\n"
                               "  %5 = dense %4 \"n/b\" out 18 : 18\n"
                               "  %6 = dense %1 \"n/c\" out 7 : 7\n"
                               "  output \"a\" = %5\n  output \"b\" = %6\n}\n",
                               3);
    expect_images(&p, "1111BB1");
    cr_assert_eq(p.plan->n_head, 6);
    cr_assert_eq(p.plan->steps[6], 5);
    cr_assert_eq(p.plan->buffers[6].last_step, 5); // an output of the head is stored image by image
    ncr_arena_free(p.arena);
    p = plan_of("graph \"n\" {\n"
                "  %0 = input \"n/x\" shape 3x5x5 : 3x5x5\n"
                "  %1 = input \"n/y\" shape 75 : 75\n"
                "  %2 = reshape %1 \"n/r\" shape 3x5x5 : 3x5x5\n"
                "  %3 = add %0 %2 \"n/s\" : 3x5x5\n"
                "  %4 = flatten %3 \"n/f\" : 75\n"
                "  %5 = add %4 %1 \"n/t\" : 75\n"
                "  output \"\" = %5\n}\n",
                3);
    expect_images(&p, "111111");
    cr_assert_eq(p.plan->n_head, 6);
    ncr_arena_free(p.arena);
}

// Slots that nothing reads are still filled while the head runs.
Test(plan_batch, slots_that_are_outputs_alone)
{
    struct planned p = plan_of("graph \"n\" {\n"
                               "  %0 = input \"n/x\" shape 2x3x3 : 2x3x3\n"
                               "  %1 = flatten %0 \"n/f\" : 18\n"
                               "  output \"\" = %1\n}\n",
                               9);
    expect_images(&p, "1B");
    cr_assert_eq(p.plan->n_head, 2);
    cr_assert_eq(p.plan->buffers[1].first_step, 0);
    ncr_arena_free(p.arena);
}

Test(plan_batch, many_images_take_a_batch_where_weights_are_shared)
{
    struct planned p = plan_of(classifier, 0);
    cr_assert_eq(p.plan->batch, 64);
    ncr_arena_free(p.arena);
    p = plan_of("graph \"n\" {\n"
                "  %0 = input \"n/x\" shape 1024 : 1024\n"
                "  %1 = dense %0 \"n/a\" out 1024 : 1024\n"
                "  output \"\" = %1\n}\n",
                0);
    cr_assert_eq(p.plan->batch, 128);
    ncr_arena_free(p.arena);
    p = plan_of("graph \"n\" {\n"
                "  %0 = input \"n/x\" shape 2x600x600 : 2x600x600\n"
                "  %1 = flatten %0 \"n/f\" : 720000\n"
                "  %2 = dense %1 \"n/a\" out 2 : 2\n"
                "  output \"\" = %2\n}\n",
                0);
    cr_assert_eq(p.plan->batch, 8); // 8 MiB of slots hold 11
    ncr_arena_free(p.arena);
    p = plan_of("graph \"n\" {\n"
                "  %0 = input \"n/x\" shape 2x3x3 : 2x3x3\n"
                "  %1 = flatten %0 \"n/f\" : 18\n"
                "  output \"\" = %1\n}\n",
                0);
    cr_assert_eq(p.plan->batch, 1);
    ncr_arena_free(p.arena);
}

// ---- verifier ----
static void expect_wrong(const struct ncr_plan *plan, const char *text)
{
    struct ncr_error why = {""};
    cr_assert_not(ncr_plan_verify(plan, &why), "accepted, but: %s", text);
    cr_assert_not_null(strstr(why.text, text), "`%s` instead of `%s`", why.text, text);
}

#define BREAK(field, value, wants)                                                                 \
    do {                                                                                           \
        struct ncr_plan broken = *p.plan;                                                          \
        struct ncr_buffer buffers[8];                                                              \
        memcpy(buffers, p.plan->buffers, broken.n_steps * sizeof *buffers);                        \
        broken.buffers = buffers;                                                                  \
        broken.field = (value);                                                                    \
        expect_wrong(&broken, wants);                                                              \
    } while (0)

Test(plan_batch, the_verifier_finds_each_broken_rule)
{
    struct planned p = plan_of(classifier, 6);
    const struct ncr_buffer *b = p.plan->buffers;
    BREAK(buffers[0].offset, b[2].offset,
          "tensor %2: its slots share bytes with a tensor of the "
          "head");
    BREAK(buffers[1].offset, b[2].offset + 320, "tensor %2: its slots share bytes");
    BREAK(buffers[2].first_step, 1, "tensor %2: its slots do not live from the first step on");
    BREAK(buffers[2].last_step, 2, "tensor %3: it reads a tensor whose life has ended");
    BREAK(buffers[1].last_step, 3, "tensor %1: the head's tensor outlives it");
    BREAK(buffers[2].images, 5, "tensor %2: it holds another number of images");
    BREAK(buffers[0].images, 6, "tensor %0: it holds another number of images");
    BREAK(buffers[3].images, 1, "tensor %3: the tail writes it, but it holds one image");
    BREAK(buffers[2].images, 1, "tensor %2: the buffer has another shape");
    BREAK(buffers[3].width, 1, "tensor %3: the buffer has another shape");
    BREAK(n_head, 2, "tensor %2: it reads a tensor of another number of images");
    BREAK(n_head, 4, "tensor %3: it reads a tensor of another number of images");
    BREAK(n_head, 0, "tensor %0: the tail writes it, but it holds one image");
    BREAK(batch, 0, "holds another number of images");
    BREAK(mode, NCR_PLAN_SEPARATE, "tensor %4: separate tensors share a place");
    ncr_arena_free(p.arena);
}
