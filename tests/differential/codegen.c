// Machine code in memory against the integer interpreter, bit for bit, on random networks, for
// every family that this machine can run.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/codegen/codegen.h"
#include "lang/base/rng.h"
#include "tests/support/random_graph.h"

enum { NETS = 260 }; // each is compiled for two plans

static const char *const families[] = {NULL, "generic", "x86_avx2", "x86_vnni256", "x86_avx512"};

// Elements [C, H, W] to [H, W, C].
static void to_hwc(const struct ncr_shape *s, const int8_t *from, int8_t *to)
{
    int64_t pixels = s->rank == 3 ? (int64_t)s->dim[1] * s->dim[2] : 1;
    for (int64_t c = 0; c < s->dim[0]; c++)
        for (int64_t p = 0; p < pixels; p++)
            to[p * s->dim[0] + c] = from[c * pixels + p];
}

static bool runs_here(const char *family)
{
    if (!family || strcmp(family, "generic") == 0) return true;
#if defined(__x86_64__)
    if (strcmp(family, "x86_avx2") == 0) return __builtin_cpu_supports("avx2");
    if (strcmp(family, "x86_vnni256") == 0)
        return __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl");
    if (strcmp(family, "x86_avx512") == 0) return __builtin_cpu_supports("avx512bw");
#endif
    return false;
}

static void compare(struct ncr_arena *arena, const struct random_net *net, uint64_t seed,
                    const char *family, enum ncr_plan_mode mode)
{
    struct ncr_plan *plan = ncr_plan_build(arena, net->qgraph, mode);
    struct ncr_code_options options = {.family = family};
    struct ncr_code *code;
    struct ncr_error err;
    cr_assert_eq(ncr_code_jit(plan, &options, &code, &err), NCR_OK, "%s", err.text);
    uint8_t *memory = aligned_alloc(NCR_PLAN_ALIGN, (plan->arena_bytes + 63) & ~UINT64_C(63));
    memset(memory, 0xA5, plan->arena_bytes);
    for (uint64_t sample = 0; sample < 2; sample++) {
        float *real[2];
        int8_t *quantised[2], *in[2], **values = NCR_NEW_N(arena, int8_t *, net->qgraph->n_nodes);
        int8_t *out[3], *want = NULL;
        random_net_inputs(arena, net, seed * 10 + sample, real, quantised);
        ncr_eval_int(arena, net->qgraph, (const int8_t *const *)quantised, values);
        for (uint32_t i = 0; i < net->qgraph->n_inputs; i++) {
            const struct ncr_shape *s = &net->qgraph->nodes[net->qgraph->inputs[i]].shape;
            in[i] = NCR_NEW_N(arena, int8_t, (size_t)ncr_shape_elements(s));
            to_hwc(s, quantised[i], in[i]);
        }
        for (uint32_t i = 0; i < net->qgraph->n_outputs; i++)
            out[i] = NCR_NEW_N(
                arena, int8_t,
                (size_t)ncr_shape_elements(&net->qgraph->nodes[net->qgraph->outputs[i]].shape));
        ncr_code_run(code, ncr_code_blob(code), memory, (const int8_t *const *)in, out);
        for (uint32_t i = 0; i < net->qgraph->n_outputs; i++) {
            const struct ncr_qnode *q = &net->qgraph->nodes[net->qgraph->outputs[i]];
            int64_t n = ncr_shape_elements(&q->shape);
            want = NCR_NEW_N(arena, int8_t, (size_t)n);
            to_hwc(&q->shape, values[net->qgraph->outputs[i]], want);
            cr_assert_eq(memcmp(want, out[i], (size_t)n), 0,
                         "seed %lu family %s mode %d output %u differs", seed,
                         ncr_code_family(code), (int)mode, i);
        }
        for (uint32_t q = 0; mode == NCR_PLAN_SEPARATE && q < net->qgraph->n_nodes; q++) {
            const struct ncr_qnode *node = &net->qgraph->nodes[q];
            int64_t n = ncr_shape_elements(&node->shape);
            int8_t *got = NCR_NEW_N(arena, int8_t, (size_t)n);
            ncr_code_read_tensor(code, memory, q, got);
            char shape[48];
            for (int64_t k = 0; k < n; k++)
                cr_assert_eq(got[k], values[q][k],
                             "seed %lu family %s: %%%u %s %s element %ld is %d, expected %d", seed,
                             ncr_code_family(code), q, ncr_qop_name(node->op),
                             ncr_shape_text(&node->shape, shape), k, got[k], values[q][k]);
        }
    }
    free(memory);
    ncr_code_free(code);
}

Test(codegen, equals_the_interpreter)
{
    for (uint64_t seed = 0; seed < NETS; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 5, &net);
        const char *family = families[seed % NCR_COUNT(families)];
        if (!runs_here(family)) family = NULL;
        compare(arena, &net, seed, family, NCR_PLAN_SEPARATE);
        compare(arena, &net, seed, family, NCR_PLAN_SHARED);
        ncr_arena_free(arena);
    }
}

// A weight changed in the packed constants acts as the same change in the network, the stored bias
// staying as it is.
Test(codegen, patched_weights_equal_the_interpreter)
{
    uint32_t patched = 0;
    for (uint64_t seed = 1000; seed < 1040; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 6, &net);
        struct ncr_plan *plan = ncr_plan_build(arena, net.qgraph, NCR_PLAN_SEPARATE);
        const char *family = families[seed % NCR_COUNT(families)];
        struct ncr_code_options options = {.family = runs_here(family) ? family : NULL};
        struct ncr_code *code;
        struct ncr_error err;
        cr_assert_eq(ncr_code_jit(plan, &options, &code, &err), NCR_OK, "%s", err.text);
        uint8_t *blob = aligned_alloc(64, ncr_code_blob_bytes(code));
        memcpy(blob, ncr_code_blob(code), ncr_code_blob_bytes(code));
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 9);
        for (uint32_t q = 0; q < net.qgraph->n_nodes; q++) {
            struct ncr_qnode *node = &net.qgraph->nodes[q];
            if (!node->n_weights) continue;
            int64_t index = (int64_t)ncr_rng_below(&rng, (uint64_t)node->n_weights);
            int8_t value = (int8_t)(node->weights[index] ^ (1 << ncr_rng_below(&rng, 8)));
            cr_assert_eq(ncr_code_patch_weight(code, blob, q, index, value), node->weights[index]);
            node->weights[index] = value;
            patched++;
        }
        float *real[2];
        int8_t *quantised[2], *in[2], **values = NCR_NEW_N(arena, int8_t *, net.qgraph->n_nodes);
        random_net_inputs(arena, &net, seed, real, quantised);
        ncr_eval_int(arena, net.qgraph, (const int8_t *const *)quantised, values);
        for (uint32_t i = 0; i < net.qgraph->n_inputs; i++) {
            const struct ncr_shape *s = &net.qgraph->nodes[net.qgraph->inputs[i]].shape;
            in[i] = NCR_NEW_N(arena, int8_t, (size_t)ncr_shape_elements(s));
            to_hwc(s, quantised[i], in[i]);
        }
        uint8_t *memory = aligned_alloc(NCR_PLAN_ALIGN, (plan->arena_bytes + 63) & ~UINT64_C(63));
        ncr_code_load_inputs(code, memory, (const int8_t *const *)in);
        for (uint32_t s = 0; s < plan->n_steps; s++)
            ncr_code_step(code, s, blob, memory);
        for (uint32_t q = 0; q < net.qgraph->n_nodes; q++) {
            int64_t n = ncr_shape_elements(&net.qgraph->nodes[q].shape);
            for (int64_t k = 0; k < n; k++)
                cr_assert_eq(ncr_code_load(code, memory, q, k), values[q][k]);
        }
        free(memory);
        free(blob);
        ncr_code_free(code);
        ncr_arena_free(arena);
    }
    cr_assert_gt(patched, 40);
}
