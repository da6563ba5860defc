// Code of batches against the integer interpreter, image by image and bit for bit, on random
// networks with dense tails, for every family that this machine can run.
#include <criterion/criterion.h>
#include <string.h>

#include "lang/base/rng.h"
#include "tests/support/random_numbers.h"
#include "tests/support/run_code.h"

enum { NETS = 240, MOST_IMAGES = 17 };

struct batch {
    int8_t *in[2], *want[3], *out[3]; // images one after the other
    size_t in_bytes[2], out_bytes[3]; // of one
};

static void batch_make(struct ncr_arena *arena, const struct random_net *net, uint64_t seed,
                       uint32_t images, struct batch *b)
{
    const struct ncr_qgraph *g = net->qgraph;
    for (uint32_t k = 0; k < images; k++) {
        struct sample s;
        sample_make(arena, net, seed * 100 + k, &s);
        for (uint32_t i = 0; i < g->n_inputs; i++) {
            b->in_bytes[i] = (size_t)ncr_qnode_bytes(&g->nodes[g->inputs[i]]);
            if (k == 0) b->in[i] = NCR_NEW_N(arena, int8_t, b->in_bytes[i] * images);
            memcpy(b->in[i] + k * b->in_bytes[i], s.in[i], b->in_bytes[i]);
        }
        for (uint32_t i = 0; i < g->n_outputs; i++) {
            b->out_bytes[i] = s.out_bytes[i];
            if (k == 0) {
                b->want[i] = NCR_NEW_N(arena, int8_t, s.out_bytes[i] * images);
                b->out[i] = NCR_NEW_N(arena, int8_t, s.out_bytes[i] * images);
            }
            memcpy(b->want[i] + k * s.out_bytes[i], s.want[i], s.out_bytes[i]);
        }
    }
}

// Runs n of the batch; what is behind their results stays as it was.
static void check_run(const struct ncr_code *code, uint8_t *memory, const struct ncr_qgraph *g,
                      struct batch *b, uint32_t images, uint32_t n, uint64_t seed)
{
    for (uint32_t i = 0; i < g->n_outputs; i++)
        memset(b->out[i], 0x5A, b->out_bytes[i] * images);
    ncr_code_run_some(code, ncr_code_blob(code), memory, (const int8_t *const *)b->in, b->out, n);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        for (size_t k = 0; k < b->out_bytes[i] * images; k++) {
            int8_t want = k < b->out_bytes[i] * n ? b->want[i][k] : 0x5A;
            cr_assert_eq(b->out[i][k], want,
                         "seed %lu family %s: %u of %u images, output %u, image %zu: %d, not %d",
                         seed, ncr_code_family(code), n, images, i, k / b->out_bytes[i],
                         b->out[i][k], want);
        }
}

static void compare(struct ncr_arena *arena, const struct random_net *net, uint64_t seed,
                    const char *family, const struct ncr_plan *plan)
{
    struct ncr_code_options options = {
        .family = family, .optimize = seed % 5 ? NCR_OPTIMIZE_SPEED : NCR_OPTIMIZE_SIZE};
    struct ncr_code *code;
    struct ncr_error err;
    cr_assert_eq(ncr_code_jit(plan, &options, &code, &err), NCR_OK, "%s", err.text);
    struct guarded guarded = guarded_new((size_t)plan->arena_bytes, seed % 2);
    struct batch b;
    batch_make(arena, net, seed, plan->batch, &b);
    check_run(code, guarded.memory, net->qgraph, &b, plan->batch, plan->batch, seed);
    check_run(code, guarded.memory, net->qgraph, &b, plan->batch, 1 + plan->batch / 3, seed);
    cr_assert(guarded_intact(&guarded), "seed %lu, %s: a write outside the arena", seed, family);
    guarded_free(&guarded);
    ncr_code_free(code);
}

// Networks part, part + 2 …; images that an operator takes at once, and others, in each family.
static void random_batches(uint64_t part)
{
    const char *families[MAX_FAMILIES];
    uint32_t n = runnable_families(families), with_tail = 0, with_both = 0;
    for (uint64_t i = 0; i < NETS; i++) {
        uint64_t seed = 5000000 + 2 * i + part;
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_with_tail(arena, seed, 3, i % 4 ? 5 : 0, &net);
        if (i % 3 == 0) random_numbers(arena, net.qgraph, seed);
        struct ncr_plan *plan =
            ncr_plan_build_batch(arena, net.qgraph, 1 + (uint32_t)(i % MOST_IMAGES));
        bool tail = plan->n_head < plan->n_steps;
        with_tail += tail;
        with_both += tail && plan->n_head > net.qgraph->n_inputs;
        compare(arena, &net, seed, families[i % n], plan);
        ncr_arena_free(arena);
    }
    cr_assert_gt(with_tail, NETS / 3);
    cr_assert_gt(with_both, NETS / 6);
}

Test(codegen_batch, equals_the_interpreter)
{
    random_batches(0);
}
Test(codegen_batch, equals_the_interpreter_on_others)
{
    random_batches(1);
}
