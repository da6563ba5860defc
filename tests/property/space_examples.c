// The spaces of examples/spaces: counts in closed form, NAS-Bench-201 against its published
// figures, genotypes that read back, and walks of mutations that stay inside.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/mutate/genotype.h"
#include "compiler/space/genotype.h"
#include "compiler/space/members.h"
#include "tests/support/check_text.h"

struct example {
    const char *name;
    const char *genotypes; // from the closed form in its first comment
};

static const struct example examples[] = {
    {"nasbench201", "15625"}, // 5^6
    {"nasbench101", "243527680"}, // 2^6 · 4 · 10 · 22 · 46 · 94: vertex j has 1 + 3 (2^j - 1) forms
    {"nats_size", "32768"},       // 8^5
    {"mobilenet_v2", "3429412958304"},        // 3 (6 + 6^2 + 6^3)^5
    {"residual", "205006464000"},             // 2 (8 + 8^2 + 8^3 + 8^4)^3
    {"darts", "1076746950455072400"},         // (7^8 · 3 · 6 · 10)^2
    {"once_for_all", "21758655492572485851"}, // (9^2 + 9^3 + 9^4)^5
};

struct opened {
    struct checked *c;
    struct ncr_space *space;
    struct ncr_members *members;
    struct ncr_arena *scratch;
    uint32_t n, *taken;
};

static struct opened open_example(const char *name)
{
    char path[1200];
    static char text[1 << 16];
    snprintf(path, sizeof path, "%s/examples/spaces/%s.ncr", NACRE_SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    int head = snprintf(text, sizeof text, "import std.mutations\n");
    size_t n = fread(text + head, 1, sizeof text - 1 - (size_t)head, file);
    fclose(file);
    text[(size_t)head + n] = 0;
    struct opened o = {.c = check_text(name, text, ""), .scratch = ncr_arena_new(0)};
    cr_assert_eq(o.c->diags.n_errors, 0, "%s", o.c->text.s);
    for (uint32_t i = 0; i < ncr_program_net_count(o.c->program); i++)
        o.space = ncr_program_net(o.c->program, i)->space;
    cr_assert_not_null(o.space);
    o.n = o.space->decisions.n;
    o.members = ncr_members_build(o.c->arena, o.space, NULL);
    cr_assert_not_null(o.members);
    o.taken = NCR_NEW_N(o.c->arena, uint32_t, o.n + 1);
    return o;
}

static void close_example(struct opened *o)
{
    ncr_arena_free(o->scratch);
    checked_free(o->c);
}

Test(space_examples, counts_are_those_of_the_closed_forms)
{
    for (size_t i = 0; i < NCR_COUNT(examples); i++) {
        struct opened o = open_example(examples[i].name);
        struct ncr_str text = ncr_big_text(o.c->arena, ncr_members_genotypes(o.members).count);
        cr_expect(ncr_str_is(text, examples[i].genotypes), "%s: %.*s", examples[i].name,
                  NCR_STR_ARG(text));
        close_example(&o);
    }
}

// Figures of the benchmark: an edge of kernel k adds 5 · (k² (16² + 32² + 64²) + 2 (16 + 32 + 64))
// parameters and 5 · k² · (32² 16² + 16² 32² + 8² 64²) MACs.
struct bench {
    struct opened *o;
    uint64_t members;
};

static bool check_member(void *user, const uint32_t *taken)
{
    struct bench *b = user;
    int64_t params = 73306, macs = 7783040;
    for (uint32_t d = 0; d < 6; d++) {
        struct ncr_str op = ncr_space_text(b->o->space, d, taken[d], taken);
        int64_t k = ncr_str_is(op, "conv1") ? 1 : ncr_str_is(op, "conv3") ? 3 : 0;
        if (k) params += 5 * (k * k * (256 + 1024 + 4096) + 2 * (16 + 32 + 64));
        macs += 5 * k * k * (1024 * 256 + 256 * 1024 + 64 * 4096);
    }
    struct ncr_arena_mark mark = ncr_arena_mark(b->o->scratch);
    const struct ncr_graph *graph = ncr_space_bind(b->o->space, taken, b->o->scratch);
    cr_assert_eq(ncr_graph_params(graph), params);
    cr_assert_eq(ncr_graph_macs(graph), macs);
    ncr_arena_reset(b->o->scratch, mark);
    b->members++;
    return true;
}

Test(space_examples, nasbench201_has_the_published_figures)
{
    struct opened o = open_example("nasbench201");
    struct bench b = {&o, 0};
    ncr_members_each(o.members, o.scratch, check_member, &b);
    cr_assert_eq(b.members, 15625);
    struct ncr_bounds bounds;
    cr_assert(ncr_members_bounds(o.members, NCR_SPACE_PARAMS, 1, 1, 1, NULL, &bounds));
    cr_assert(bounds.exact && bounds.low == 73306 && bounds.high == 1531546);
    close_example(&o);
}

// NAS-Bench-101: as many members as graphs found by brute force over all upper triangular matrices,
// and with at most five vertices as many different ones as published (Ying et al., ICML 2019).
Test(space_examples, nasbench101_has_the_published_numbers)
{
    struct opened o = open_example("nasbench101");
    struct ncr_count feasible = ncr_members_feasible(o.members, 1, 1, 1, NULL);
    uint64_t n, matrices = 0;
    for (uint32_t vertices = 2; vertices <= 7; vertices++) {
        uint32_t edges = vertices * (vertices - 1) / 2;
        for (uint32_t m = 0; m < UINT32_C(1) << edges; m++) {
            uint32_t in[7] = {0}, out[7] = {0}, k = 0;
            if (__builtin_popcount(m) > 9) continue;
            for (uint32_t i = 0; i < vertices; i++)
                for (uint32_t j = i + 1; j < vertices; j++, k++) {
                    in[j] += m >> k & 1;
                    out[i] += m >> k & 1;
                }
            bool good = in[vertices - 1] > 0;
            uint64_t forms = 1;
            for (uint32_t j = 1; j + 1 < vertices; j++, forms *= 3)
                good &= in[j] > 0 && out[j] > 0;
            if (good) matrices += forms;
        }
    }
    cr_assert(feasible.exact && ncr_big_u64(feasible.count, &n));
    cr_assert_eq(n, matrices);
    cr_assert_eq(n, 1293208);
    uint32_t *given = NCR_NEW_N(o.c->arena, uint32_t, o.n);
    for (uint32_t d = 0; d < o.n; d++) {
        const char *path = o.space->decisions.at[d].path.s;
        bool left_out = strstr(path, "/e4/") || strstr(path, "/e5/") || strstr(path, "/e46") ||
                        strstr(path, "/e56");
        given[d] = left_out ? 0 : NCR_UNSET;
    }
    struct ncr_members *small = ncr_members_build(o.c->arena, o.space, given);
    struct ncr_count distinct =
        ncr_members_distinct(small, ncr_members_feasible(small, 1, 1, 1, NULL), 10000, 1, 1, NULL);
    cr_assert(distinct.exact && ncr_big_u64(distinct.count, &n));
    cr_assert_eq(n, 2532);
    close_example(&o);
}

// Members with equal ids are equal networks, those with different ids differ: over every pair of
// neighbours in the order of the ids.
struct named {
    struct ncr_hash id;
    uint32_t taken[6];
};

struct names {
    struct opened *o;
    struct named *at;
    uint32_t n;
};

static bool name_member(void *user, const uint32_t *taken)
{
    struct names *names = user;
    struct ncr_arena_mark mark = ncr_arena_mark(names->o->scratch);
    struct named *one = &names->at[names->n++];
    one->id = ncr_space_arch_id(names->o->space, taken, names->o->scratch);
    memcpy(one->taken, taken, sizeof one->taken);
    ncr_arena_reset(names->o->scratch, mark);
    return true;
}

static int by_id(const void *a, const void *b)
{
    return ncr_hash_cmp(((const struct named *)a)->id, ((const struct named *)b)->id);
}

Test(space_examples, nasbench201_ids_are_networks)
{
    struct opened o = open_example("nasbench201");
    struct names names = {&o, calloc(15625, sizeof *names.at), 0};
    ncr_members_each(o.members, o.scratch, name_member, &names);
    qsort(names.at, names.n, sizeof *names.at, by_id);
    uint32_t different = 1, compared = 0;
    for (uint32_t i = 1; i < names.n; i++) {
        bool same = ncr_hash_eq(names.at[i - 1].id, names.at[i].id);
        different += !same;
        if (i % 16 && !same) continue; // all equal pairs, and a sixteenth of the others
        struct ncr_arena *arena = ncr_arena_new(0);
        const struct ncr_graph *a = ncr_graph_simplify(
                                   arena, ncr_space_bind(o.space, names.at[i - 1].taken, arena)),
                               *b = ncr_graph_simplify(
                                   arena, ncr_space_bind(o.space, names.at[i].taken, arena));
        cr_assert_eq(ncr_graph_equal(a, b), same);
        compared++;
        ncr_arena_free(arena);
    }
    cr_assert_eq(different, 7031);
    cr_assert_gt(compared, 5000);
    free(names.at);
    close_example(&o);
}

Test(space_examples, members_are_sound_and_read_back)
{
    for (size_t e = 0; e < NCR_COUNT(examples); e++) {
        struct opened o = open_example(examples[e].name);
        uint32_t *back = NCR_NEW_N(o.c->arena, uint32_t, o.n + 1), open;
        for (uint64_t i = 0; i < 100; i++) {
            struct ncr_rng rng = ncr_rng_at(e, NCR_RNG_TEST, i);
            cr_assert(ncr_members_sample(o.members, o.scratch, true, &rng, o.taken));
            struct ncr_arena_mark mark = ncr_arena_mark(o.scratch);
            const struct ncr_graph *graph = ncr_space_bind(o.space, o.taken, o.scratch);
            struct ncr_error why;
            cr_assert(ncr_graph_verify(graph, &why), "%s: %s", examples[e].name, why.text);
            cr_assert(ncr_graph_verify(ncr_graph_simplify(o.scratch, graph), &why), "%s", why.text);
            struct ncr_buf line = {0};
            ncr_genotype_line(o.space, o.taken, &line);
            struct ncr_str kept =
                ncr_str_dup(o.c->arena, (struct ncr_str){line.s, (uint32_t)line.n});
            struct ncr_genes_given genes = {0};
            cr_assert(ncr_genes_read(o.c->arena, &o.c->diags,
                                     ncr_sources_add(o.c->sources, NCR_STR("g"), kept), &genes));
            cr_assert(ncr_genotype_resolve(o.space, &o.c->diags, &genes, back, &open));
            cr_assert_eq(memcmp(back, o.taken, o.n * sizeof *back), 0, "%s", line.s);
            ncr_buf_free(&line);
            ncr_arena_reset(o.scratch, mark);
        }
        close_example(&o);
    }
}

// Ten thousand steps of decision mutations from a member of each space: every child is a member.
static void walk(const char *name)
{
    struct opened o = open_example(name);
    const struct ncr_mutation *mutations[2];
    struct ncr_error err;
    cr_assert_eq(ncr_program_find_mutation(o.c->program, NCR_STR("resample"), &mutations[0], &err),
                 NCR_OK);
    cr_assert_eq(ncr_program_find_mutation(o.c->program, NCR_STR("nudge"), &mutations[1], &err),
                 NCR_OK);
    uint32_t *child = NCR_NEW_N(o.c->arena, uint32_t, o.n + 1), moved = 0;
    struct ncr_rng first = ncr_rng_at(9, NCR_RNG_TEST, 0);
    cr_assert(ncr_members_sample(o.members, o.scratch, true, &first, o.taken));
    for (uint64_t step = 0; step < 10000; step++) {
        struct ncr_arena_mark mark = ncr_arena_mark(o.scratch);
        struct ncr_rng rng = ncr_rng_at(step, NCR_RNG_TEST, 8);
        struct ncr_gene_match match;
        if (ncr_gene_mutate_random(o.c->program, o.scratch, o.space, o.taken, mutations, 2, &rng,
                                   child, &match)) {
            const struct ncr_graph *graph = ncr_space_bind(o.space, child, o.scratch);
            struct ncr_error why;
            uint32_t failed;
            cr_assert(ncr_graph_verify(graph, &why), "%s", why.text);
            // What is asked of the whole network takes longest: of every tenth.
            cr_assert(ncr_space_feasible(o.space, child, step % 10 ? NULL : graph, &failed));
            memcpy(o.taken, child, o.n * sizeof *child);
            moved++;
        }
        ncr_arena_reset(o.scratch, mark);
    }
    cr_assert_gt(moved, 9000, "%s: only %u of 10000 steps found a child", name, moved);
    close_example(&o);
}

Test(space_examples, mutations_stay_in_nasbench201)
{
    walk("nasbench201");
}

Test(space_examples, mutations_stay_in_nasbench101)
{
    walk("nasbench101");
}

Test(space_examples, mutations_stay_in_nats_size)
{
    walk("nats_size");
}

Test(space_examples, mutations_stay_in_mobilenet_v2)
{
    walk("mobilenet_v2");
}

Test(space_examples, mutations_stay_in_residual)
{
    walk("residual");
}

Test(space_examples, mutations_stay_in_darts)
{
    walk("darts");
}

Test(space_examples, mutations_stay_in_once_for_all)
{
    walk("once_for_all");
}
