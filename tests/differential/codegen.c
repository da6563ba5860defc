// Machine code in memory against the integer interpreter, bit for bit, on random networks, for
// every family that this machine can run: the conformance test of the family seam.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lang/base/rng.h"
#include "tests/support/random_numbers.h"
#include "tests/support/run_code.h"

enum { NETS = 560, DRAWN_NETS = 320 }; // of each of three tests, and of one

// Networks of a test: NACRE_NETWORKS times as many where that is set, for nights.
static uint64_t networks(uint64_t usual)
{
    const char *times = getenv("NACRE_NETWORKS");
    uint64_t n = times ? strtoull(times, NULL, 10) : 1;
    return usual * (n >= 1 && n <= 1000 ? n : 1);
}

// Small code and fast code take turns: both are made of every family.
static struct ncr_code *compile(const struct ncr_plan *plan, const char *family, bool small)
{
    struct ncr_code_options options = {.family = family,
                                       .optimize = small ? NCR_OPTIMIZE_SIZE : NCR_OPTIMIZE_SPEED};
    struct ncr_code *code = NULL;
    struct ncr_error err;
    cr_assert_eq(ncr_code_jit(plan, &options, &code, &err), NCR_OK, "%s", err.text);
    cr_assert_str_eq(ncr_code_family(code), family);
    return code;
}

static void check_outputs(const struct random_net *net, const struct sample *s, uint64_t seed,
                          const char *what)
{
    for (uint32_t i = 0; i < net->qgraph->n_outputs; i++)
        cr_assert_eq(memcmp(s->want[i], s->out[i], s->out_bytes[i]), 0,
                     "seed %lu, %s: output %u differs", seed, what, i);
}

static void check_tensor(const struct ncr_code *code, const uint8_t *memory,
                         const struct random_net *net, const struct sample *s, uint64_t seed,
                         uint32_t q)
{
    const struct ncr_qnode *node = &net->qgraph->nodes[q];
    int64_t n = ncr_shape_elements(&node->shape);
    int8_t *got = malloc((size_t)ncr_qnode_bytes(node));
    ncr_code_read_tensor(code, memory, q, got);
    char shape[48];
    for (int64_t k = 0; k < n; k++) {
        int32_t have = ncr_qnode_element(node, got, k),
                want = ncr_qnode_element(node, s->values[q], k);
        cr_assert_eq(have, want, "seed %lu family %s: %%%u %s %s element %ld is %d, expected %d",
                     seed, ncr_code_family(code), q, ncr_qop_name(node->op),
                     ncr_shape_text(&node->shape, shape), k, have, want);
        cr_assert_eq(ncr_code_load(code, memory, q, k), have);
    }
    free(got);
}

static void check_tensors(const struct ncr_code *code, const uint8_t *memory,
                          const struct random_net *net, const struct sample *s, uint64_t seed)
{
    for (uint32_t q = 0; q < net->qgraph->n_nodes; q++)
        check_tensor(code, memory, net, s, seed, q);
}

// Outputs with shared memory, every tensor with separate memory, in an arena of exactly the planned
// size between pages that must not be touched. Counts what is fused, by the operator that it is
// fused into; gives whether tensors were slices of others.
static bool compare(struct ncr_arena *arena, const struct random_net *net, uint64_t seed,
                    const char *family, bool small, enum ncr_plan_mode mode,
                    uint32_t fused[NCR_QOP_COUNT_])
{
    struct ncr_plan *plan = ncr_plan_build(arena, net->qgraph, mode);
    struct ncr_code *code = compile(plan, family, small);
    struct guarded guarded = guarded_new((size_t)plan->arena_bytes, seed % 2);
    for (uint32_t q = 0; q < net->qgraph->n_nodes; q++) {
        uint32_t into = ncr_plan_stored_as(plan, q);
        if (into != q) fused[net->qgraph->nodes[into].op]++;
    }
    for (uint64_t k = 0; k < 2; k++) { // the second time the arena holds what the first one left
        struct sample s;
        sample_make(arena, net, seed * 10 + k, &s);
        ncr_code_run(code, ncr_code_blob(code), guarded.memory, (const int8_t *const *)s.in, s.out);
        check_outputs(net, &s, seed, family);
        if (mode == NCR_PLAN_SEPARATE) check_tensors(code, guarded.memory, net, &s, seed);
        cr_assert(guarded_intact(&guarded), "seed %lu, %s: a write outside the arena", seed,
                  family);
    }
    guarded_free(&guarded);
    ncr_code_free(code);
    return has_slices(plan);
}

// Networks part, part + 3, part + 6 …: tests run side by side.
static void random_networks(uint64_t part)
{
    const char *families[MAX_FAMILIES];
    uint32_t n = runnable_families(families), fused[NCR_QOP_COUNT_] = {0};
    uint64_t end = networks(NETS), sliced = 0;
    for (uint64_t i = 0; i < end; i++) {
        uint64_t seed = 3 * i + part;
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_of_pairs(arena, seed, 5, &net);
        compare(arena, &net, seed, families[i % n], i / n % 2, NCR_PLAN_SEPARATE, fused);
        sliced += compare(arena, &net, seed, families[(i + 1) % n], i / n % 2 == 0, NCR_PLAN_SHARED,
                          fused);
        ncr_arena_free(arena);
    }
    uint32_t sums = fused[NCR_QOP_ADD], pools = fused[NCR_QOP_MAXPOOL];
    cr_assert(sums > 100 && pools > 20, "fused: %u sums, %u pools", sums, pools);
    cr_assert_gt(sliced, end / 30, "%lu of %lu", sliced, end); // one in eighteen, as drawn
}

Test(codegen, equals_the_interpreter)
{
    random_networks(0);
}
Test(codegen, equals_the_interpreter_on_others)
{
    random_networks(1);
}
Test(codegen, equals_the_interpreter_on_more)
{
    random_networks(2);
}

// The same with numbers that no float network leads to: weights of -128, accumulators that wrap,
// multipliers of 0, clamps to one value.
Test(codegen, equals_the_interpreter_on_drawn_numbers)
{
    const char *families[MAX_FAMILIES];
    uint32_t n = runnable_families(families), fused[NCR_QOP_COUNT_] = {0};
    for (uint64_t i = 0, end = networks(DRAWN_NETS); i < end; i++) {
        uint64_t seed = 1000000 + i;
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_of_pairs(arena, seed, 5, &net);
        random_numbers(arena, net.qgraph, seed);
        compare(arena, &net, seed, families[seed % n], seed / n % 2, NCR_PLAN_SEPARATE, fused);
        compare(arena, &net, seed, families[(seed + 1) % n], seed / n % 2 == 0, NCR_PLAN_SHARED,
                fused);
        ncr_arena_free(arena);
    }
    cr_assert_gt(fused[NCR_QOP_ADD] + fused[NCR_QOP_MAXPOOL], 60);
}

// Weights and biases changed in the packed constants act as the same change in the network, the
// stored bias staying as it is; a run step by step is the run.
Test(codegen, patched_constants_equal_the_interpreter)
{
    const char *families[MAX_FAMILIES];
    uint32_t n_families = runnable_families(families), patched = 0;
    for (uint64_t seed = 1000; seed < 1060; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 6, &net);
        struct ncr_qgraph *g = net.qgraph;
        struct ncr_plan *plan = ncr_plan_build(arena, g, NCR_PLAN_SEPARATE);
        struct ncr_code *code = compile(plan, families[seed % n_families], seed / n_families % 2);
        uint8_t *blob = aligned_alloc(64, (ncr_code_blob_bytes(code) + 63) & ~(size_t)63);
        memcpy(blob, ncr_code_blob(code), ncr_code_blob_bytes(code));
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 9);
        for (uint32_t q = 0; q < g->n_nodes; q++) {
            struct ncr_qnode *node = &g->nodes[q];
            for (int k = 0; node->n_weights && k < 3; k++) {
                int64_t index = (int64_t)ncr_rng_below(&rng, (uint64_t)node->n_weights);
                uint32_t bit = (uint32_t)ncr_rng_below(&rng, ncr_weight_width(node->form));
                int8_t value = ncr_weight_stored(node->form, node->weights[index] ^ 1 << bit);
                cr_assert_eq(ncr_code_patch_weight(code, blob, q, index, value),
                             ncr_qnode_weight(node, index));
                node->weights[index] = value;
                patched++;
            }
            if (!node->n_weights) continue;
            int32_t o = (int32_t)ncr_rng_below(&rng, (uint64_t)node->n_channels);
            uint32_t flip = UINT32_C(1) << ncr_rng_below(&rng, 32), old = (uint32_t)node->bias[o];
            ncr_code_shift_bias(code, blob, q, o, (int32_t)((old ^ flip) - old));
            node->bias[o] = (int32_t)(old ^ flip);
        }
        struct sample s;
        sample_make(arena, &net, seed, &s);
        uint8_t *memory = aligned_alloc(NCR_PLAN_ALIGN, (plan->arena_bytes + 63) & ~UINT64_C(63));
        ncr_code_load_inputs(code, memory, (const int8_t *const *)s.in);
        for (uint32_t step = 0; step < plan->n_steps; step++)
            ncr_code_step(code, step, blob, memory);
        check_tensors(code, memory, &net, &s, seed);
        ncr_code_run(code, blob, memory, (const int8_t *const *)s.in, s.out);
        check_outputs(&net, &s, seed, "patched");
        free(memory);
        free(blob);
        ncr_code_free(code);
        ncr_arena_free(arena);
    }
    cr_assert_gt(patched, 60);
}

// A value stored into a tensor is what the next step reads.
Test(codegen, stored_values_are_read_by_the_next_step)
{
    const char *families[MAX_FAMILIES];
    uint32_t n_families = runnable_families(families), stored = 0;
    for (uint64_t seed = 2000; seed < 2030; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 6, &net);
        struct ncr_qgraph *g = net.qgraph;
        struct ncr_plan *plan = ncr_plan_build(arena, g, NCR_PLAN_SEPARATE);
        struct ncr_code *code = compile(plan, families[seed % n_families], seed / n_families % 2);
        struct sample s;
        sample_make(arena, &net, seed, &s);
        uint8_t *memory = aligned_alloc(NCR_PLAN_ALIGN, (plan->arena_bytes + 63) & ~UINT64_C(63));
        ncr_code_load_inputs(code, memory, (const int8_t *const *)s.in);
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 10);
        const int8_t *in[64];
        for (uint32_t step = 0; step < plan->n_steps; step++) {
            uint32_t q = plan->steps[step];
            ncr_code_step(code, step, ncr_code_blob(code), memory);
            int64_t n = ncr_shape_elements(&g->nodes[q].shape);
            for (uint32_t k = 0; k < g->nodes[q].n_in; k++)
                in[k] = s.values[g->nodes[q].in[k]];
            if (g->nodes[q].op != NCR_QOP_INPUT) ncr_eval_int_node(g, q, in, s.values[q]);
            int64_t at = (int64_t)ncr_rng_below(&rng, (uint64_t)n);
            const struct ncr_qnode *node = &g->nodes[q];
            uint32_t any = (uint32_t)ncr_rng_below(&rng, 65536);
            int32_t value = node->bits > 8 ? (int16_t)any : (int8_t)any;
            cr_assert_eq(ncr_code_load(code, memory, q, at),
                         ncr_qnode_element(node, s.values[q], at));
            ncr_code_store(code, memory, q, at, value);
            ncr_qnode_put(node, s.values[q], at, value);
            stored++;
        }
        check_tensors(code, memory, &net, &s, seed);
        free(memory);
        ncr_code_free(code);
        ncr_arena_free(arena);
    }
    cr_assert_gt(stored, 100);
}

Test(codegen, names_that_are_wrong_are_refused)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct random_net net;
    random_net_make(arena, 1, 4, &net);
    struct ncr_plan *plan = ncr_plan_build(arena, net.qgraph, NCR_PLAN_SHARED);
    static const struct {
        struct ncr_code_options options;
        const char *text;
    } cases[] = {
        {{.family = "x87"},
         "there is no machine family `x87`; there are x86_vnni512, x86_vnni256, x86_avx512, "
         "x86_avx2, aarch64_dotprod, aarch64_neon, armv7em_dsp, generic, shifts, x86_amx"},
        {{.triple = "sparc-linux-gnu"},
         "there is no code generation for the target `sparc-unknown-linux-gnu`; its architecture "
         "must be x86_64, aarch64, arm, thumb, riscv32 or riscv64"},
        {{.triple = "aarch64_be-linux-gnu"},
         "the target `aarch64_be-unknown-linux-gnu` stores numbers in big-endian order; constants "
         "are laid out in little-endian order"},
        {{.triple = "thumbv7em-none-eabi", .cpu = "cortex-n4"},
         "there is no processor `cortex-n4`; did you mean `cortex-m4`?"},
        {{.triple = "riscv32-unknown-elf", .cpu = "m68k"},
         "there is no processor `m68k`; there are generic, generic-rv32, sifive-e31, "
         "syntacore-scr1-base, rv32i, rv32ic, rv32e, rv32ec"},
        {{.triple = "aarch64-linux-gnu", .family = "x86_avx2"},
         "the machine family `x86_avx2` needs the feature +avx2, which the processor lacks"},
        {{.triple = "riscv64-linux-gnu", .features = "-m"},
         "there is no code generation for `riscv64-unknown-linux-gnu` without a multiplier: only "
         "for RISC-V of 32 bits"},
        {{.prefix = "2lenet"},
         "`2lenet` cannot begin the names of C functions: it must be letters, digits and `_`, not "
         "begin with a digit and have at most 100 characters"},
    };
    for (size_t i = 0; i < NCR_COUNT(cases); i++) {
        struct ncr_buf out = {0};
        struct ncr_error err = {""};
        cr_assert_eq(ncr_code_emit(plan, &cases[i].options, NCR_CODE_OBJECT, &out, &err),
                     NCR_USAGE);
        cr_assert_str_eq(err.text, cases[i].text);
        ncr_buf_free(&out);
    }
    struct ncr_code_options other = {.triple = "aarch64-linux-gnu"};
    struct ncr_code *code;
    struct ncr_error err;
    cr_assert_eq(ncr_code_jit(plan, &other, &code, &err), NCR_USAGE);
    cr_assert_str_eq(err.text, "code for the target `aarch64-unknown-linux-gnu` and the processor "
                               "`generic` does not run in memory on this machine");
    ncr_arena_free(arena);
}

// In a shared plan a tensor is there after its step, whoever's buffer it lies in.
Test(codegen, slices_are_read_after_their_step)
{
    const char *families[MAX_FAMILIES];
    uint32_t n_families = runnable_families(families), slices = 0;
    for (uint64_t seed = 3000; seed < 3400; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 4, &net);
        const struct ncr_plan *plan = ncr_plan_build(arena, net.qgraph, NCR_PLAN_SHARED);
        if (has_slices(plan)) {
            struct ncr_code *code =
                compile(plan, families[seed % n_families], seed / n_families % 2);
            struct sample s;
            sample_make(arena, &net, seed, &s);
            uint8_t *memory = aligned_alloc(NCR_PLAN_ALIGN, plan->arena_bytes);
            ncr_code_load_inputs(code, memory, (const int8_t *const *)s.in);
            for (uint32_t step = net.qgraph->n_inputs; step < plan->n_steps; step++) {
                uint32_t q = plan->steps[step];
                ncr_code_step(code, step, ncr_code_blob(code), memory);
                slices += plan->buffers[q].slice_of != NCR_PLAN_OWN;
                check_tensor(code, memory, &net, &s, seed, q);
            }
            free(memory);
            ncr_code_free(code);
        }
        ncr_arena_free(arena);
    }
    cr_assert_gt(slices, 12);
}
