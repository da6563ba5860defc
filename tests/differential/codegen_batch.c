// Code of batches against the integer interpreter, image by image and bit for bit, on random
// networks with dense tails, for every family that this machine can run.
#include <criterion/criterion.h>
#include <string.h>

#include "lang/base/rng.h"
#include "tests/support/random_numbers.h"
#include "tests/support/run_code.h"

enum { NETS = 240, MOST_IMAGES = 17 };

// Runs n of the batch; what is behind their results stays as it was.
static void check_run(const struct ncr_code *code, uint8_t *memory, const struct ncr_qgraph *g,
                      const struct sample *s, uint32_t images, uint32_t n, uint64_t seed)
{
    for (uint32_t i = 0; i < g->n_outputs; i++)
        memset(s->out[i], 0x5A, s->out_bytes[i]);
    ncr_code_run_some(code, ncr_code_blob(code), memory, (const int8_t *const *)s->in, s->out, n);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        for (size_t k = 0, one = s->out_bytes[i] / images; k < s->out_bytes[i]; k++) {
            int8_t want = k < one * n ? s->want[i][k] : 0x5A;
            cr_assert_eq(s->out[i][k], want,
                         "seed %lu family %s: %u of %u images, output %u, image %zu: %d, not %d",
                         seed, ncr_code_family(code), n, images, i, k / one, s->out[i][k], want);
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
    struct sample s;
    sample_batch(arena, net, 100 * seed, plan->batch, &s);
    check_run(code, guarded.memory, net->qgraph, &s, plan->batch, plan->batch, seed);
    check_run(code, guarded.memory, net->qgraph, &s, plan->batch, 1 + plan->batch / 3, seed);
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

// Layers and batches that are large enough for every shape of tile, in tile registers too.
Test(codegen_batch, wide_layers_equal_the_interpreter)
{
    const char *families[MAX_FAMILIES];
    uint32_t n = runnable_families(families);
    for (uint64_t i = 0; i < 48; i++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        uint64_t seed = 6000000 + i;
        random_net_of_vectors(arena, seed, 3, 300, &net);
        if (i % 3 == 0) random_numbers(arena, net.qgraph, seed);
        uint32_t batch = 2 + (uint32_t)(i * 37 % 99);
        compare(arena, &net, seed, families[i % 3 == 1 ? n - 1 : i % n],
                ncr_plan_build_batch(arena, net.qgraph, batch));
        ncr_arena_free(arena);
    }
}
