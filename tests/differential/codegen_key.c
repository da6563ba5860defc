// The key of stored code: whatever decides the code changes it, numbers that stand in the constants
// do not, and code found under an equal key computes what the interpreter computes.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "lang/base/rng.h"
#include "tests/support/random_numbers.h"
#include "tests/support/run_code.h"

static void key_of(const struct ncr_plan *plan, const struct ncr_code_options *options,
                   char key[33])
{
    struct ncr_error err;
    cr_assert_eq(ncr_code_key(plan, options, key, &err), NCR_OK, "%s", err.text);
}

static struct ncr_plan *plan_of(struct ncr_arena *arena, uint64_t seed, struct random_net *net)
{
    random_net_make(arena, seed, 6, net);
    return ncr_plan_build(arena, net->qgraph, NCR_PLAN_SHARED);
}

static const struct ncr_code_options generic = {.family = "generic"};

// A field with another value gives another key, and the first value the first key again.
static void decides(const struct ncr_plan *plan, void *field, size_t n, const char *what,
                    uint32_t q)
{
    char before[33], after[33];
    uint8_t first;
    key_of(plan, &generic, before);
    memcpy(&first, field, 1);
    *(uint8_t *)field = first ^ 1; // the lowest bit of any integer, enum or bool
    key_of(plan, &generic, after);
    cr_assert_str_neq(before, after, "%s of %%%u (%zu bytes)", what, q, n);
    *(uint8_t *)field = first;
    key_of(plan, &generic, after);
    cr_assert_str_eq(before, after);
}

#define DECIDES(object, field)                                                                     \
    decides(plan, &(object)->field, sizeof(object)->field, #object "." #field, q)

static void check_node(const struct ncr_plan *plan, uint32_t q)
{
    struct ncr_qnode *node = &plan->qgraph->nodes[q];
    struct ncr_buffer *buffer = &plan->buffers[q];
    DECIDES(node, shape.rank);
    DECIDES(node, zero_point);
    DECIDES(node, attrs.out);
    DECIDES(node, attrs.multiplier);
    DECIDES(node, attrs.pad[0]);
    DECIDES(node, attrs.pad[1]);
    DECIDES(node, attrs.pad[2]);
    DECIDES(node, attrs.pad[3]);
    DECIDES(node, attrs.factor[0]);
    DECIDES(node, attrs.factor[1]);
    DECIDES(buffer, element);
    DECIDES(buffer, images);
    DECIDES(buffer, offset);
    DECIDES(buffer, bytes);
    DECIDES(buffer, border[0]);
    DECIDES(buffer, border[1]);
    DECIDES(buffer, border[2]);
    DECIDES(buffer, border[3]);
    DECIDES(buffer, row_bytes);
    DECIDES(buffer, first);
    DECIDES(buffer, in_place_of);
    if (!node->n_weights) DECIDES(buffer, fused_into); // others are laid out for it
    DECIDES(buffer, pixel_bytes);
    DECIDES(buffer, slice_of);
    if (node->op == NCR_QOP_INPUT) return;
    if (node->op == NCR_QOP_CONV || node->op == NCR_QOP_DENSE) DECIDES(node, form.half_steps);
    if (node->op == NCR_QOP_CONV || node->op == NCR_QOP_MAXPOOL) {
        DECIDES(node, attrs.kernel[0]);
        DECIDES(node, attrs.kernel[1]);
    }
    if (node->op != NCR_QOP_CONV) return;
    node->attrs.stride[0] += 2; // a bit less is not zero then
    node->attrs.stride[1] += 2;
    node->attrs.dilation[0] += 2;
    node->attrs.dilation[1] += 2;
    DECIDES(node, attrs.stride[0]);
    DECIDES(node, attrs.stride[1]);
    DECIDES(node, attrs.dilation[0]);
    DECIDES(node, attrs.dilation[1]);
}

Test(codegen_key, every_field_that_decides_changes_it)
{
    uint32_t convs = 0, pools = 0;
    for (uint64_t seed = 100; seed < 200 && (convs < 4 || pools < 2); seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        struct ncr_plan *plan = plan_of(arena, seed, &net);
        for (uint32_t q = 0; q < net.qgraph->n_nodes; q++) {
            convs += net.qgraph->nodes[q].op == NCR_QOP_CONV;
            pools += net.qgraph->nodes[q].op == NCR_QOP_MAXPOOL;
            check_node(plan, q);
        }
        for (uint32_t q = 0; q < plan->n_steps; q++)
            decides(plan, &plan->steps[q], sizeof *plan->steps, "step", q);
        decides(plan, &plan->batch, sizeof plan->batch, "batch", 0);
        decides(plan, &plan->n_head, sizeof plan->n_head, "head", 0);
        ncr_arena_free(arena);
    }
    cr_assert(convs >= 4 && pools >= 2, "%u %u", convs, pools);
}

static void set_scales(struct ncr_qnode *node, int32_t mult, int32_t shift)
{
    for (int32_t i = 0; i < node->n_channels; i++) {
        node->mult[i] = mult;
        node->shift[i] = shift;
    }
}

// Numbers that an emitter looks at: how scales are applied, whether there is a clamp, whether a
// concatenation copies.
Test(codegen_key, kinds_of_numbers_change_it)
{
    uint32_t convs = 0, concats = 0;
    for (uint64_t seed = 200; seed < 400 && (convs < 5 || concats < 2); seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        struct ncr_plan *plan = plan_of(arena, seed, &net);
        for (uint32_t q = 0; q < net.qgraph->n_nodes; q++) {
            struct ncr_qnode *node = &net.qgraph->nodes[q];
            char key[6][33];
            if (ncr_qnode_is_wide(net.qgraph, node)) continue; // clamps and copies nothing apart
            if (node->op == NCR_QOP_CONV) {
                static const int32_t scales[5][2] = {
                    {3 << 29, 40}, {3 << 29, 20}, {3 << 29, 60}, {1 << 30, 40}, {3 << 29, 40}};
                for (int k = 0; k < 5; k++) {
                    node->lo = k == 4 ? -127 : -128;
                    node->hi = 127;
                    set_scales(node, scales[k][0], scales[k][1]);
                    key_of(plan, &generic, key[k]);
                    for (int j = 0; j < k; j++)
                        cr_assert_str_neq(key[j], key[k], "%d %d", j, k);
                }
                set_scales(node, (1 << 30) + 12345, 39); // the same kind as the first
                node->lo = -128;
                key_of(plan, &generic, key[5]);
                cr_assert_str_eq(key[0], key[5]);
                convs++;
            }
            if (node->op == NCR_QOP_CONCAT) {
                node->lo = -128;
                node->hi = 127;
                set_scales(node, 1 << 30, 30);
                for (uint32_t k = 0; k < node->n_in; k++)
                    net.qgraph->nodes[node->in[k]].zero_point = node->zero_point;
                key_of(plan, &generic, key[0]);
                node->mult[node->n_in - 1] = 3 << 29;
                key_of(plan, &generic, key[1]);
                cr_assert_str_neq(key[0], key[1]);
                concats++;
            }
        }
        ncr_arena_free(arena);
    }
    cr_assert(convs >= 5 && concats >= 2);
}

Test(codegen_key, machine_and_options_change_it)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct random_net net;
    struct ncr_plan *plan = plan_of(arena, 500, &net);
    static const struct ncr_code_options options[] = {
        {.family = "generic"},
        {.family = "generic", .optimize = NCR_OPTIMIZE_SIZE},
        {.family = "generic", .features = "-aes"},
        {.triple = "aarch64-linux-gnu"},
        {.triple = "aarch64-linux-gnu", .cpu = "cortex-a53"},
        {.triple = "aarch64-linux-gnu", .cpu = "cortex-a76"},
        {.triple = "aarch64-linux-gnu", .cpu = "cortex-a76", .family = "aarch64_neon"},
        {.triple = "aarch64-linux-gnu", .cpu = "cortex-a76", .family = "generic"},
        {.triple = "riscv64-linux-gnu"},
        {.triple = "riscv32-unknown-elf"},
        {.triple = "thumbv7em-none-eabi", .cpu = "cortex-m4"},
        {.triple = "thumbv7em-none-eabi", .cpu = "cortex-m7"},
        {.triple = "x86_64-linux-gnu", .cpu = "haswell"},
        {.triple = "x86_64-linux-gnu", .cpu = "znver4"},
        {.triple = "x86_64-linux-gnu", .cpu = "znver5"},
        {.triple = "x86_64-linux-gnu", .cpu = "znver4", .family = "x86_avx2"},
    };
    char key[NCR_COUNT(options)][33];
    for (size_t i = 0; i < NCR_COUNT(options); i++) {
        key_of(plan, &options[i], key[i]);
        for (size_t k = 0; k < i; k++)
            cr_assert_str_neq(key[k], key[i], "options %zu and %zu", k, i);
    }
    ncr_arena_free(arena);
}

struct shelf {
    struct {
        char key[33];
        struct ncr_buf object;
    } at[256];
    uint32_t n;
};

static bool shelf_load(void *user, const char *key, struct ncr_buf *out)
{
    const struct shelf *s = user;
    for (uint32_t i = 0; i < s->n; i++)
        if (strcmp(s->at[i].key, key) == 0) {
            ncr_buf_put(out, s->at[i].object.s, s->at[i].object.n);
            return true;
        }
    return false;
}

static void shelf_save(void *user, const char *key, const void *bytes, size_t n)
{
    struct shelf *s = user;
    cr_assert_lt(s->n, NCR_COUNT(s->at));
    memcpy(s->at[s->n].key, key, 33);
    ncr_buf_put(&s->at[s->n++].object, bytes, n);
}

// Gives whether the code was stored before.
static bool run_stored(struct ncr_arena *arena, const struct random_net *net, uint64_t seed,
                       const struct ncr_code_options *options)
{
    struct ncr_plan *plan = ncr_plan_build(arena, net->qgraph, NCR_PLAN_SHARED);
    struct ncr_code *code = NULL;
    struct ncr_error err;
    struct sample s;
    cr_assert_eq(ncr_code_jit(plan, options, &code, &err), NCR_OK, "%s", err.text);
    uint8_t *memory = aligned_alloc(NCR_PLAN_ALIGN, (plan->arena_bytes + 63) & ~UINT64_C(63));
    sample_make(arena, net, seed, &s);
    ncr_code_run(code, ncr_code_blob(code), memory, (const int8_t *const *)s.in, s.out);
    for (uint32_t i = 0; i < net->qgraph->n_outputs; i++)
        cr_assert_eq(memcmp(s.want[i], s.out[i], s.out_bytes[i]), 0,
                     "seed %lu: output %u differs, %s", seed, i,
                     ncr_code_was_stored(code) ? "stored" : "new");
    bool stored = ncr_code_was_stored(code);
    free(memory);
    ncr_code_free(code);
    return stored;
}

// One store for many networks, each with several sets of numbers: some sets find the code of
// another one.
Test(codegen_key, stored_code_equals_the_interpreter)
{
    struct shelf *shelf = calloc(1, sizeof *shelf);
    const struct ncr_code_store store = {shelf, shelf_load, shelf_save};
    const char *families[MAX_FAMILIES];
    uint32_t n_families = runnable_families(families), found = 0, made = 0;
    for (uint64_t seed = 600; seed < 640; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        struct ncr_code_options options = {.family = families[seed % n_families],
                                           .optimize = seed / n_families % 2 ? NCR_OPTIMIZE_SIZE
                                                                             : NCR_OPTIMIZE_SPEED,
                                           .store = &store};
        random_net_make(arena, seed, 4, &net);
        for (uint64_t k = 0; k < 5; k++) {
            bool stored = run_stored(arena, &net, 10 * seed + k, &options);
            found += stored;
            made += !stored;
            random_numbers(arena, net.qgraph, 10 * seed + k / 2);
            if (k == 3) continue;
            for (uint32_t q = 0; q < net.qgraph->n_nodes; q++) { // numbers of the same kinds
                struct ncr_qnode *node = &net.qgraph->nodes[q];
                for (int64_t i = 0; k == 2 && i < node->n_weights; i++)
                    node->weights[i] = ncr_weight_stored(node->form, node->weights[i] ^ 1);
            }
        }
        ncr_arena_free(arena);
    }
    cr_assert(found > 30 && made > 60, "%u found, %u made", found, made);
    for (uint32_t i = 0; i < shelf->n; i++)
        ncr_buf_free(&shelf->at[i].object);
    free(shelf);
}
