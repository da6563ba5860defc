// Cost models on networks small enough to work out by hand; what holds of every cost.
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/hw/cost.h"
#include "compiler/hw/table.h"
#include "runtime/api/pipeline.h"
#include "tests/support/graph_of.h"
#include "tests/support/random_graph.h"

// 3x3 convolution of 2 channels to 4 on 8x8, padded; a pooling; a dense layer.
static const char net[] = "graph \"n\" {\n"
                          "  %0 = input \"n/x\" shape 2x8x8 : 2x8x8\n"
                          "  %1 = conv %0 \"n/c\" out 4 kernel 3x3 : 4x8x8\n"
                          "  %2 = maxpool %1 \"n/p\" kernel 2x2 : 4x4x4\n"
                          "  %3 = flatten %2 \"n/f\" : 64\n"
                          "  %4 = dense %3 \"n/d\" out 10 : 10\n"
                          "  output \"\" = %4\n"
                          "}\n";

static const struct ncr_plan *plan_of(struct ncr_arena *arena, const struct ncr_graph *graph)
{
    struct ncr_diags diags;
    struct ncr_quant_spec spec = ncr_quant_default();
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    struct ncr_qgraph *q =
        ncr_qgraph_build(arena, &diags, ncr_graph_simplify(arena, graph), &spec, NULL, NULL);
    cr_assert_not_null(q);
    return ncr_plan_build(arena, q, NCR_PLAN_SHARED);
}

static const struct ncr_cost_step *step_of(const struct ncr_cost *cost, enum ncr_qop op)
{
    for (uint32_t s = 0; s < cost->plan->n_steps; s++)
        if (cost->plan->qgraph->nodes[cost->plan->steps[s]].op == op) return &cost->steps[s];
    cr_assert_fail("no such step");
    return NULL;
}

#define NEAR(a, b) cr_assert_float_eq(a, b, 1e-9 * fabs(b) + 1e-30, "%.17g is not %.17g", a, b)

static struct ncr_memory_spec ram = {.name = NCR_STR("ram"),
                                     .size_bits = 8 * 65536.0,
                                     .bandwidth_bits = 8 * 100e6,
                                     .latency_s = 1e-7,
                                     .read_energy = 1e-12,
                                     .write_energy = 2e-12};
static struct ncr_memory_spec rom = {.name = NCR_STR("rom"),
                                     .access = NCR_ACCESS_READ_ONLY,
                                     .size_bits = 8 * 65536.0,
                                     .bandwidth_bits = 8 * 10e6};

Test(cost, roofline_by_hand)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_memory_spec *memories[] = {&ram, &rom};
    struct ncr_energy_spec entry = {0}, *entries[] = {&entry};
    struct ncr_target_spec target = {.clock_hz = 100e6,
                                     .model = NCR_MODEL_ROOFLINE,
                                     .compute = {.macs_per_cycle = 4, .elements_per_cycle = 2},
                                     .memory = memories,
                                     .n_memory = 2,
                                     .energy = entries,
                                     .n_energy = 1,
                                     .mac_energy = {1e-12, 0}};
    struct ncr_cost *cost = ncr_cost_of(arena, plan_of(arena, graph_of(arena, net)), &target);
    cr_assert_eq(cost->arena_home, 0);
    cr_assert_eq(cost->weights_home, 1);
    // 72 weights and 4 biases; 640 and 10
    cr_assert_eq(cost->flash_bytes, 72 + 16 + 640 + 40);
    cr_assert(cost->arena_misses == 0 && cost->weights_miss == 0);

    // conv: 4608 MACs / 4 = 1152 cycles. ram: 128 + 256 bytes at 1 a cycle, and 10 cycles to the
    // first. rom: 88 bytes at 0.1 a cycle.
    const struct ncr_cost_step *conv = step_of(cost, NCR_QOP_CONV);
    NEAR(conv->cycles, 1152.0);
    cr_assert_eq(conv->binds, NCR_BINDS_COMPUTE);
    cr_assert(conv->read[0] == 128 && conv->written[0] == 256);
    cr_assert(conv->read[1] == 88 && conv->written[1] == 0);
    NEAR(conv->utilisation, 1.0);
    NEAR(conv->seconds, 11.52e-6);
    NEAR(conv->mac_energy, 4608e-12);
    NEAR(conv->energy[0], 8 * (128 * 1e-12 + 256 * 2e-12));
    // maxpool: 64 outputs of 4 taps at 2 a cycle = 128; ram: 256 + 64 bytes and 10.
    const struct ncr_cost_step *pool = step_of(cost, NCR_QOP_MAXPOOL);
    NEAR(pool->cycles, 330.0);
    cr_assert_eq(pool->binds, 0);
    // dense: 640 MACs = 160 cycles; rom: 680 bytes at 0.1 = 6800.
    const struct ncr_cost_step *dense = step_of(cost, NCR_QOP_DENSE);
    NEAR(dense->cycles, 6800.0);
    cr_assert_eq(dense->binds, 1);
    NEAR(dense->stall, 1 - 160.0 / 6800);
    NEAR(dense->utilisation, 640.0 / (6800 * 4));
    // flatten keeps the order of memory, which the dense layer's weights follow: no work.
    NEAR(cost->total.cycles, 1152.0 + 330 + 6800);
    cr_assert_eq(cost->total.read[0] + cost->total.written[0], 384 + 320 + 74);
    ncr_arena_free(arena);
}

Test(cost, what_does_not_fit_misses_by_its_bytes)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_memory_spec small = ram, *memories[] = {&small};
    small.size_bits = 8 * 1000;
    struct ncr_target_spec target = {.memory = memories, .n_memory = 1};
    const struct ncr_plan *plan = plan_of(arena, graph_of(arena, net));
    struct ncr_cost *cost = ncr_cost_of(arena, plan, &target);
    cr_assert(cost->arena_home == 0 && cost->weights_home == 0);
    cr_assert_eq(cost->arena_misses, plan->arena_bytes > 1000 ? plan->arena_bytes - 1000 : 0);
    cr_assert_eq(cost->weights_miss, 768 + plan->arena_bytes - 1000);
    cr_assert_eq(cost->total.cycles, 0); // no model, no time
    ncr_arena_free(arena);
}

Test(cost, a_cache_serves_what_fits_it)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_memory_spec far = ram, l2 = ram, l1 = ram, *memories[] = {&far, &l2, &l1};
    l2.kind = l1.kind = NCR_MEMORY_CACHE;
    l2.size_bits = 8 * 32768;
    l1.size_bits = 8 * 64;
    struct ncr_target_spec target = {.memory = memories, .n_memory = 3};
    struct ncr_cost *cost = ncr_cost_of(arena, plan_of(arena, graph_of(arena, net)), &target);
    cr_assert(cost->arena_home == 0 && cost->arena_level == 1 && cost->weights_level == 1);
    cr_assert(cost->total.read[0] == 0 && cost->total.read[1] > 0 && cost->total.read[2] == 0);
    ncr_arena_free(arena);
}

Test(cost, systolic_counts_and_thirds)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_memory_spec dram = ram, buffer = ram, *memories[] = {&dram, &buffer};
    dram.bandwidth_bits = dram.latency_s = 0;
    buffer.bandwidth_bits = buffer.latency_s = 0;
    buffer.kind = NCR_MEMORY_BUFFER;
    struct ncr_target_spec target = {.clock_hz = 1e9,
                                     .model = NCR_MODEL_SYSTOLIC,
                                     .array = {4, 4},
                                     .dataflow = NCR_WEIGHT_STATIONARY,
                                     .has_dataflow = true,
                                     .compute = {.elements_per_cycle = 1},
                                     .memory = memories,
                                     .n_memory = 2};
    const struct ncr_plan *plan = plan_of(arena, graph_of(arena, net));
    struct ncr_cost *cost = ncr_cost_of(arena, plan, &target);
    // E = 64, K = 18, M = 4 on 4x4: 5 folds of 64 + 2*4 + 4 - 2 cycles, less one.
    const struct ncr_cost_step *conv = step_of(cost, NCR_QOP_CONV);
    NEAR(conv->cycles, 5.0 * (64 + 8 + 4 - 2) - 1);
    cr_assert_eq(conv->read[0], 128 + 88);
    cr_assert_eq(conv->written[0], 256);
    cr_assert_eq(conv->read[1], 64 * 18 + 88);
    cr_assert_eq(conv->written[1], 64 * 4 * 5);
    NEAR(conv->mapping, 1.0);
    NEAR(conv->utilisation, 64.0 * 18 * 4 / (conv->cycles * 16));
    NEAR(conv->mapping * conv->edge * (1 - conv->stall), conv->utilisation);
    // A third of the buffer that holds neither inputs nor outputs: as often as the array asks.
    buffer.size_bits = 8 * 300;
    cost = ncr_cost_of(arena, plan, &target);
    conv = step_of(cost, NCR_QOP_CONV);
    cr_assert_eq(conv->read[0], 64 * 18 + 88);
    cr_assert_eq(conv->written[0], 64 * 4 * 5);
    ncr_arena_free(arena);
}

Test(cost, stated_loops_are_counted_as_stated)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_memory_spec dram = ram, buffer = ram, *memories[] = {&dram, &buffer};
    dram.bandwidth_bits = dram.latency_s = buffer.bandwidth_bits = buffer.latency_s = 0;
    dram.loops = NCR_STR("K2 P4");
    buffer.kind = NCR_MEMORY_BUFFER;
    buffer.loops = NCR_STR("K2 C2 P2 Q8 R3 S3");
    struct ncr_target_spec target = {.clock_hz = 1e9,
                                     .model = NCR_MODEL_LOOP_NEST,
                                     .array = {1, 1},
                                     .dataflow = NCR_OUTPUT_STATIONARY,
                                     .has_dataflow = true,
                                     .memory = memories,
                                     .n_memory = 2};
    struct ncr_cost *cost = ncr_cost_of(arena, plan_of(arena, graph_of(arena, net)), &target);
    const struct ncr_cost_step *conv = step_of(cost, NCR_QOP_CONV);
    NEAR(conv->cycles, 4608.0);
    // Weights 36 + 8 (88 of 72 stored bytes, as a whole) twice: K stands outside of P. Inputs: rows
    // of 2 + 2, columns of 8 + 2, 2 channels, 8 times.
    NEAR(conv->read[0], 88 + 2.0 * 4 * 10 * 8);
    // Outputs leave the buffer once, finished.
    NEAR(conv->written[0], 256.0);
    ncr_arena_free(arena);
}

Test(cost, a_searched_mapping_reads_no_less_than_everything_once)
{
    struct ncr_memory_spec dram = ram, buffer = ram, file = ram,
                           *memories[] = {&dram, &buffer, &file};
    dram.bandwidth_bits = dram.latency_s = 0;
    buffer.kind = NCR_MEMORY_BUFFER;
    buffer.size_bits = 8 * 2048;
    file.kind = NCR_MEMORY_REGISTER;
    file.size_bits = 8 * 64;
    for (int flow = 0; flow < 4; flow++)
        for (uint64_t seed = 1; seed <= 20; seed++) {
            struct ncr_arena *arena = ncr_arena_new(0);
            struct ncr_target_spec target = {.clock_hz = 1e9,
                                             .model = NCR_MODEL_LOOP_NEST,
                                             .array = {3, 5},
                                             .dataflow = (enum ncr_dataflow)flow,
                                             .has_dataflow = true,
                                             .memory = memories,
                                             .n_memory = 3};
            const struct ncr_plan *plan = plan_of(arena, random_graph_make(arena, seed, 10));
            struct ncr_cost *cost = ncr_cost_of(arena, plan, &target);
            for (uint32_t s = 0; s < plan->n_steps; s++) {
                struct ncr_operator_work work = ncr_operator_work_of(plan, s);
                const struct ncr_cost_step *step = &cost->steps[s];
                if (!work.macs) continue;
                bool whole = true; // no steps wider than their window, which skip inputs
                for (int i = 0; i < 2; i++)
                    whole &= work.stride[i] <= work.dim[NCR_DIM_R + i] && work.dilation[i] == 1;
                cr_expect(!whole || step->read[0] >= (double)work.weight_bytes);
                cr_expect(step->written[0] >= (double)work.out_bytes * 0.999999);
                cr_expect(step->cycles * 15 >= (double)work.macs * 0.999999);
                cr_expect(step->utilisation > 0 && step->utilisation <= 1.000001);
                NEAR(step->mapping * step->edge * (1 - step->stall), step->utilisation);
            }
            ncr_arena_free(arena);
        }
}

Test(cost, table_rows_lines_and_bias)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    const struct ncr_plan *plan = plan_of(arena, graph_of(arena, net));
    struct ncr_buf key = {0};
    for (uint32_t q = 0; q < plan->qgraph->n_nodes; q++)
        if (plan->qgraph->nodes[q].op == NCR_QOP_CONV) ncr_operator_key(plan->qgraph, q, &key);
    ncr_buf_putc(&key, 0);
    cr_assert_str_eq(key.s, "conv 2x8x8 -> 4x8x8, kernel 3x3, stride 1x1, dilation 1x1, groups 1");
    // The convolution is measured; the dense layer lies on the line through two others, 1 us + 1 ns
    // a MAC; the pooling in proportion to one measured, 4 ns an output and tap.
    struct ncr_measured_spec rows[] = {
        {.of = ncr_str_of(key.s), .latency_s = 50e-6},
        {.of = NCR_STR("dense 10 -> 10"), .latency_s = 1.1e-6},
        {.of = NCR_STR("dense 100 -> 10"), .latency_s = 2e-6},
        {.of = NCR_STR("maxpool 1x4x4 -> 1x2x2, kernel 2x2, stride 2x2"), .latency_s = 64e-9}};
    struct ncr_measured_spec *measured[] = {&rows[0], &rows[1], &rows[2], &rows[3]};
    struct ncr_memory_spec *memories[] = {&ram};
    struct ncr_target_spec target = {.clock_hz = 1e9,
                                     .model = NCR_MODEL_TABLE,
                                     .bias_s = 3e-6,
                                     .memory = memories,
                                     .n_memory = 1,
                                     .measured = measured,
                                     .n_measured = 4};
    struct ncr_cost *cost = ncr_cost_of(arena, plan, &target);
    NEAR(step_of(cost, NCR_QOP_CONV)->seconds, 50e-6);
    cr_assert_eq(step_of(cost, NCR_QOP_CONV)->source, NCR_LATENCY_MEASURED);
    cr_assert_float_eq(step_of(cost, NCR_QOP_DENSE)->seconds, 1.64e-6, 1e-12);
    cr_assert_eq(step_of(cost, NCR_QOP_DENSE)->source, NCR_LATENCY_FITTED);
    NEAR(step_of(cost, NCR_QOP_MAXPOOL)->seconds, 64 * 4 * 4e-9);
    // flatten is no work: nothing is looked up for it
    cr_assert_eq(cost->n_source[NCR_LATENCY_FITTED], 2);
    cr_assert_float_eq(cost->total.seconds, 50e-6 + 1.64e-6 + 1.024e-6 + 3e-6, 1e-12);
    NEAR(cost->total.cycles, cost->total.seconds * 1e9);
    ncr_buf_free(&key);
    ncr_arena_free(arena);
}
