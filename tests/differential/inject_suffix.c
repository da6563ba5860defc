// The harness, which runs only what a fault can reach, against the whole network in the
// interpreter: every output byte, on random networks, for every class of site.
#include <criterion/criterion.h>

#include "runtime/inject/harness.h"
#include "tests/support/random_graph.h"

static uint32_t seen[NCR_OUTCOMES_];

struct net {
    struct ncr_arena *arena;
    struct random_net random;
    const struct ncr_qgraph *qgraph;
    int8_t *inputs[3];
};

// False where the seed's network has more than one input.
static bool make(uint64_t seed, struct net *out)
{
    out->arena = ncr_arena_new(0);
    random_net_make(out->arena, seed, 4 + (uint32_t)(seed % 14), &out->random);
    out->qgraph = out->random.qgraph;
    if (out->qgraph->n_inputs != 1) {
        ncr_arena_free(out->arena);
        return false;
    }
    for (int i = 0; i < 3; i++) {
        float *real[2];
        int8_t *quantised[2];
        random_net_inputs(out->arena, &out->random, seed * 3 + (uint64_t)i, real, quantised);
        out->inputs[i] = quantised[0];
    }
    return true;
}

static void compare(const struct net *net, const struct ncr_executor *executor, uint64_t seed,
                    uint32_t sites, uint32_t n_faults, uint32_t flips_each)
{
    struct ncr_arena *arena = net->arena;
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    struct ncr_fault_spec spec = {.model = NCR_FAULT_BITFLIP,
                                  .bits = flips_each,
                                  .sites = sites,
                                  .bit_hi = NCR_FAULT_LAST_BIT};
    const struct ncr_sites *population = ncr_sites_build(arena, &diags, net->qgraph, &spec);
    if (!population) return; // no weights, or fewer bits than flips
    struct ncr_harness *h = ncr_harness_new(arena, executor);
    struct ncr_runner *runner = ncr_runner_new(arena, h);
    struct ncr_golden golden[3];
    for (int i = 0; i < 3; i++) {
        ncr_golden_alloc(arena, h, &golden[i]);
        ncr_golden_run(runner, net->inputs[i], &golden[i]);
    }
    struct ncr_qgraph *copy = ncr_executor_copy(arena, net->qgraph);
    int8_t **values = NCR_NEW_N(arena, int8_t *, net->qgraph->n_nodes);
    int8_t *outputs = NCR_NEW_N(arena, int8_t, h->output_bytes);
    struct ncr_flip *flips = NCR_NEW_N(arena, struct ncr_flip, flips_each);
    for (uint32_t k = 0; k < n_faults; k++) {
        struct ncr_arena_mark mark = ncr_arena_mark(arena);
        uint32_t n = flips_each;
        if (n == 1) {
            struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, k);
            flips[0] = ncr_fault_at(population, ncr_rng_below(&rng, population->n_points));
        } else {
            n = ncr_fault_spread(population, NULL, seed, k, flips, flips_each);
        }
        ncr_runner_patch(runner, flips, n);
        for (uint32_t i = 0; i < 3; i++) {
            struct ncr_judged got, want;
            ncr_runner_run(runner, &golden[i], i + 1, flips, n, &got);
            ncr_dense_run(arena, copy, net->inputs[i], flips, n, values);
            ncr_dense_outputs(h, values, outputs);
            ncr_judge(h, &golden[i], outputs, &want);
            seen[want.outcome]++;
            cr_assert(got.outcome == want.outcome && got.top == want.top && got.sdc5 == want.sdc5 &&
                          got.sdc10 == want.sdc10 && ncr_hash_eq(got.hash, want.hash),
                      "%s, seed %lu, fault %u at %s of node %u element %ld bit %u: %s, not %s",
                      executor->ops->name, seed, k, ncr_site_name(flips[0].site), flips[0].node,
                      (long)flips[0].element, flips[0].bit, ncr_outcome_name(got.outcome),
                      ncr_outcome_name(want.outcome));
        }
        ncr_runner_restore(runner, flips, n);
        ncr_arena_reset(arena, mark);
    }
    // All patches are undone: golden runs come out the same.
    for (int i = 0; i < 3; i++) {
        struct ncr_golden again;
        ncr_golden_alloc(arena, h, &again);
        ncr_golden_run(runner, net->inputs[i], &again);
        cr_assert(ncr_hash_eq(again.hash, golden[i].hash));
    }
}

static void compare_all(const struct net *net, const struct ncr_executor *executor, uint64_t seed)
{
    compare(net, executor, seed, NCR_SITE_ACTIVATION, 20, 1);
    compare(net, executor, seed, NCR_SITE_WEIGHT, 20, 1);
    compare(net, executor, seed, NCR_SITE_BIAS, 10, 1);
    compare(net, executor, seed, NCR_SITE_ACTIVATION | NCR_SITE_WEIGHT | NCR_SITE_BIAS, 10, 9);
}

Test(inject_suffix, interpreter_equals_dense_runs)
{
    uint32_t nets = 0;
    for (uint64_t seed = 1000; nets < 150; seed++) {
        struct net net;
        if (!make(seed, &net)) continue;
        nets++;
        compare_all(&net, ncr_executor_interpreter(net.arena, net.qgraph), seed);
        ncr_arena_free(net.arena);
    }
    for (int o = NCR_MASKED; o <= NCR_SDC; o++)
        cr_assert_geq(seen[o], 500, "%s: %u", ncr_outcome_name((enum ncr_outcome)o), seen[o]);
}

// Machine code of every family that this machine can run, under the same flips.
Test(inject_suffix, machine_code_equals_dense_runs, .timeout = 300)
{
    static const char *const families[] = {NULL, "generic"};
    uint32_t nets = 0;
    for (uint64_t seed = 5000; nets < 60; seed++) {
        struct net net;
        if (!make(seed, &net)) continue;
        const struct ncr_plan *plan = ncr_plan_build(net.arena, net.qgraph, NCR_PLAN_SEPARATE);
        struct ncr_code_options options = {.family = families[nets++ % NCR_COUNT(families)]};
        struct ncr_code *code;
        struct ncr_error err;
        cr_assert_eq(ncr_code_jit(plan, &options, &code, &err), NCR_OK, "%s", err.text);
        compare_all(&net, ncr_executor_jit(net.arena, plan, code), seed);
        ncr_code_free(code);
        ncr_arena_free(net.arena);
    }
}
