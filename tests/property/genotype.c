// Mutations and crossover of genotypes: children are members of the space, and nothing but what was
// asked for changes.
#include "compiler/mutate/genotype.h"

#include <criterion/criterion.h>

#include "compiler/mutate/resolved.h"
#include "tests/support/check_text.h"
#include "tests/support/random_graph.h"

static const char program_text[] =
    "import std.blocks\n"
    "import std.mutations\n"
    "net tiny(x: tensor[3, 8, 8]) -> tensor[4] {\n"
    "    let width = choose(4, 8, 12);\n"
    "    let stem = x |> conv(width, kernel: 3) >> relu;\n"
    "    let body = stem |> repeat(stage in 0..2) {\n"
    "        repeat(choose(1..=2)) {\n"
    "            choose {\n"
    "                @prior(0.6) plain: conv_bn_relu(width, kernel: choose(1, 3, 5))\n"
    "                residual: residual(conv_bn_relu(width, kernel: 3) >> optional { conv(width, "
    "kernel: 1) })\n"
    "                none: identity\n"
    "            }\n"
    "        }\n"
    "    };\n"
    "    require params(this) <= 2_500;\n"
    "    body |> global_avgpool >> flatten >> dense(4)\n"
    "}\n"
    "net held(x: tensor[4, 6, 6]) -> tensor[4] {\n"
    "    @frozen let stem = x |> conv(choose a(4, 8), kernel: choose k(1, 3));\n"
    "    let body = stem |> @mutate(resample) conv(choose b(4, 8), kernel: 1) >> optional relu { "
    "relu };\n"
    "    body |> flatten >> dense(4)\n"
    "}\n"
    "mutation top(d: decision) { require d == 4; set d = 12; }\n"
    "mutation plainly(d: decision) { set d = plain; }\n"
    "mutation both(c: decision, d: decision) { redraw c; step d by 1; }\n";

struct lab {
    struct checked *c;
    struct ncr_arena *arena;
    const struct ncr_space *space;
    uint32_t n;
};

static struct lab open_lab(const char *net)
{
    struct lab lab = {.c = check_text("lab.ncr", program_text, ""), .arena = ncr_arena_new(0)};
    cr_assert_eq(lab.c->diags.n_errors, 0, "%s", lab.c->text.s);
    const struct ncr_net_info *info;
    struct ncr_error err;
    cr_assert_eq(ncr_program_find_net(lab.c->program, ncr_str_of(net), &info, &err), NCR_OK);
    cr_assert_not_null(info->space);
    lab.space = info->space;
    lab.n = info->space->decisions.n;
    return lab;
}

static void close_lab(struct lab *lab)
{
    checked_free(lab->c);
    ncr_arena_free(lab->arena);
}

static const struct ncr_mutation *named(const struct lab *lab, const char *name)
{
    const struct ncr_mutation *m;
    struct ncr_error err;
    cr_assert_eq(ncr_program_find_mutation(lab->c->program, ncr_str_of(name), &m, &err), NCR_OK);
    return m;
}

static void assert_member(const struct lab *lab, const uint32_t *taken)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    struct ncr_graph *graph = ncr_space_bind(lab->space, taken, scratch);
    struct ncr_error why;
    uint32_t failed;
    cr_assert(ncr_graph_verify(graph, &why), "%s", why.text);
    cr_assert(ncr_space_feasible(lab->space, taken, graph, &failed));
    for (uint32_t d = 0; d < lab->n; d++) {
        cr_assert_lt(taken[d], lab->space->decisions.at[d].n);
        cr_assert(taken[d] == 0 || ncr_space_exists(lab->space, d, taken));
    }
    ncr_arena_free(scratch);
}

// A member by rejection.
static uint32_t *sample(const struct lab *lab, uint64_t seed)
{
    uint32_t *taken = NCR_NEW_N(lab->arena, uint32_t, lab->n), failed;
    struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 3);
    do {
        memset(taken, 0, lab->n * sizeof *taken);
        for (uint32_t d = 0; d < lab->n; d++)
            if (ncr_space_exists(lab->space, d, taken))
                taken[d] = (uint32_t)ncr_rng_below(&rng, lab->space->decisions.at[d].n);
    } while (!ncr_space_feasible(lab->space, taken, ncr_space_bind(lab->space, taken, lab->arena),
                                 &failed));
    return taken;
}

Test(genotype_laws, ten_thousand_steps_stay_in_the_space)
{
    struct lab lab = open_lab("tiny");
    const struct ncr_mutation *mutations[] = {named(&lab, "resample"), named(&lab, "nudge"),
                                              named(&lab, "both")};
    uint32_t *taken = sample(&lab, 1), *child = NCR_NEW_N(lab.arena, uint32_t, lab.n), stuck = 0;
    for (uint64_t step = 0; step < 10000; step++) {
        struct ncr_arena *scratch = ncr_arena_new(0);
        struct ncr_rng rng = ncr_rng_at(step, NCR_RNG_TEST, 4);
        struct ncr_gene_match match;
        bool good = ncr_gene_mutate_random(lab.c->program, scratch, lab.space, taken, mutations, 3,
                                           &rng, child, &match);
        stuck += !good;
        if (good) {
            assert_member(&lab, child);
            cr_assert_neq(memcmp(child, taken, lab.n * sizeof *child), 0);
            // What both make and no pattern names is what it was.
            for (uint32_t d = 0; d < lab.n; d++) {
                bool matched = match.decisions[0] == d ||
                               (match.mutation->n_patterns > 1 && match.decisions[1] == d);
                if (!matched && ncr_space_exists(lab.space, d, taken) &&
                    ncr_space_exists(lab.space, d, child))
                    cr_assert_eq(child[d], taken[d]);
            }
            memcpy(taken, child, lab.n * sizeof *child);
        }
        ncr_arena_free(scratch);
    }
    cr_assert_eq(stuck, 0);
    close_lab(&lab);
}

Test(genotype_laws, crossover_mixes_two_members)
{
    struct lab lab = open_lab("tiny");
    uint32_t *child = NCR_NEW_N(lab.arena, uint32_t, lab.n), mixed[3] = {0};
    for (uint64_t seed = 0; seed < 900; seed++) {
        uint32_t *a = sample(&lab, 2 * seed), *b = sample(&lab, 2 * seed + 1);
        enum ncr_crossover kind = (enum ncr_crossover)(seed % 3);
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 5);
        if (!ncr_gene_crossover(lab.arena, lab.space, a, b, kind, 1 + seed % 2, &rng, child))
            continue;
        assert_member(&lab, child);
        bool from_a = false, from_b = false;
        for (uint32_t d = 0; d < lab.n; d++) {
            bool in_a = ncr_space_exists(lab.space, d, a), in_b = ncr_space_exists(lab.space, d, b);
            if (!ncr_space_exists(lab.space, d, child) || (!in_a && !in_b)) continue;
            cr_assert((in_a && child[d] == a[d]) || (in_b && child[d] == b[d]));
            from_a |= in_a && !(in_b && child[d] == b[d]);
            from_b |= in_b && !(in_a && child[d] == a[d]);
        }
        mixed[kind] += from_a && from_b;
    }
    for (int kind = 0; kind < 3; kind++)
        cr_expect_gt(mixed[kind], 60, "kind %d mixes %u times", kind, mixed[kind]);
    close_lab(&lab);
}

static uint32_t decision(const struct lab *lab, const char *path)
{
    for (uint32_t d = 0; d < lab->n; d++)
        if (ncr_str_is(lab->space->decisions.at[d].path, path)) return d;
    cr_assert_fail("no decision %s", path);
    return 0;
}

static bool mutate_at(struct lab *lab, const char *name, const uint32_t *taken, uint32_t d,
                      uint32_t *child, struct ncr_str *why)
{
    struct ncr_gene_match match = {.mutation = named(lab, name), .decisions = {d}};
    struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_TEST, 6);
    struct ncr_str drawn;
    return ncr_gene_mutate(lab->c->program, lab->arena, lab->space, taken, &match, &rng, NULL, 0,
                           child, &drawn, why);
}

Test(genotype_laws, set_and_step_do_what_they_say)
{
    struct lab lab = open_lab("tiny");
    uint32_t *taken = NCR_NEW_N(lab.arena, uint32_t, lab.n),
             *child = NCR_NEW_N(lab.arena, uint32_t, lab.n);
    uint32_t width = decision(&lab, "tiny/width"), kind = decision(&lab, "tiny/body[0][0]/kind");
    struct ncr_str why;
    assert_member(&lab, taken); // the first alternative of each
    cr_assert(mutate_at(&lab, "top", taken, width, child, &why), "%.*s", NCR_STR_ARG(why));
    cr_expect_eq(child[width], 2);
    cr_assert_not(mutate_at(&lab, "top", child, width, taken, &why));
    cr_expect_str_eq(why.s, "this requirement does not hold: found 12, required == 4");
    memset(taken, 0, lab.n * sizeof *taken);
    cr_assert_not(mutate_at(&lab, "top", taken, decision(&lab, "tiny/body[0]/depth"), child, &why));
    cr_assert_not(mutate_at(&lab, "plainly", taken, kind, child, &why));
    cr_expect_str_eq(why.s, "it changes nothing");
    taken[kind] = 2;
    cr_assert(mutate_at(&lab, "plainly", taken, kind, child, &why), "%.*s", NCR_STR_ARG(why));
    cr_expect_eq(child[kind], 0);
    cr_assert_not(mutate_at(&lab, "plainly", taken, width, child, &why));
    cr_expect_str_eq(why.s, "`tiny/width` has no alternative plain");
    uint32_t moves[2] = {0};
    taken[width] = 1;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct ncr_gene_match match = {.mutation = named(&lab, "nudge"), .decisions = {width}};
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 6);
        struct ncr_str drawn;
        cr_assert(ncr_gene_mutate(lab.c->program, lab.arena, lab.space, taken, &match, &rng, NULL,
                                  0, child, &drawn, &why));
        cr_assert(child[width] == 0 || child[width] == 2);
        moves[child[width] / 2]++;
    }
    cr_expect_gt(moves[0], 5);
    cr_expect_gt(moves[1], 5);
    close_lab(&lab);
}

Test(genotype_laws, annotations_keep_decisions)
{
    struct lab lab = open_lab("held");
    uint32_t *taken = NCR_NEW_N(lab.arena, uint32_t, lab.n), reached[16];
    struct ncr_buf text = {0};
    static const char *const names[] = {"resample", "nudge"};
    for (size_t i = 0; i < 2; i++) {
        struct ncr_gene_matches found;
        ncr_gene_matches(lab.c->program, named(&lab, names[i]), lab.arena, lab.space, taken, 100,
                         &found);
        for (uint32_t k = 0; k < found.n; k++)
            ncr_buf_fmt(&text, "%.*s;",
                        NCR_STR_ARG(ncr_gene_match_name(lab.arena, lab.space, &found.at[k])));
    }
    cr_expect_str_eq(text.s, "resample@held/body/b;resample@held/body/relu;nudge@held/body/relu;");
    ncr_buf_free(&text);
    ncr_gene_reach(lab.c->program, lab.space, reached);
    cr_expect_eq(reached[decision(&lab, "held/stem/a")], 0);
    cr_expect_eq(reached[decision(&lab, "held/stem/k")], 0);
    cr_expect_eq(reached[decision(&lab, "held/body/b")], 1);
    cr_expect_eq(reached[decision(&lab, "held/body/relu")], 5);
    close_lab(&lab);
}

Test(genotype_laws, weights_of_equal_names_pass_on)
{
    struct lab lab = open_lab("tiny");
    uint32_t *a = NCR_NEW_N(lab.arena, uint32_t, lab.n), *b = NCR_NEW_N(lab.arena, uint32_t, lab.n);
    b[decision(&lab, "tiny/width")] = 1;
    b[decision(&lab, "tiny/body[0][0]/plain/kernel")] = 1;
    struct ncr_graph *from = ncr_space_bind(lab.space, a, lab.arena),
                     *to = ncr_space_bind(lab.space, b, lab.arena);
    struct ncr_weights *w = ncr_weights_new(lab.arena, from);
    random_weights(w, from, 5);
    struct ncr_weights *v = ncr_weights_by_name(lab.arena, from, w, to, 9);
    uint32_t compared = 0;
    for (uint32_t p = 0; p < to->n_params; p++) {
        for (uint32_t q = 0; q < from->n_params; q++) {
            const struct ncr_param *x = &from->params[q], *y = &to->params[p];
            if (!ncr_str_eq(x->name, y->name) || x->role != NCR_PARAM_WEIGHT || x->rank != 4)
                continue;
            // Output channel 1, input channel 2, the middle of the kernel.
            int64_t i = ((x->dim[1] + 2) * x->dim[2] + x->dim[2] / 2) * x->dim[3] + x->dim[3] / 2,
                    j = ((y->dim[1] + 2) * y->dim[2] + y->dim[2] / 2) * y->dim[3] + y->dim[3] / 2;
            cr_expect_eq(w->at[q][i], v->at[p][j]);
            compared++;
        }
    }
    cr_expect_geq(compared, 2);
    close_lab(&lab);
}

// Members of a space are networks like any other: their programs say the same, and mutations of
// operators go on from them.
Test(genotype_laws, members_resolve_and_mutate)
{
    struct lab lab = open_lab("tiny");
    const struct ncr_mutation *mutations[16];
    uint32_t n = 0;
    for (uint32_t i = 0; i < ncr_program_mutation_count(lab.c->program); i++) {
        const struct ncr_mutation *m = ncr_program_mutation(lab.c->program, i);
        if (!m->of_decisions) mutations[n++] = m;
    }
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        const struct ncr_graph *graph = ncr_space_bind(lab.space, sample(&lab, seed), arena);
        for (uint32_t step = 0; step < 25; step++) {
            struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_TEST, 100 + step);
            struct ncr_child child;
            struct ncr_match match;
            struct ncr_error why;
            if (step % 12 == 0) {
                struct ncr_buf text = {0};
                cr_assert(ncr_graph_program(arena, graph, &text, NULL));
                struct checked *c = check_text("member.ncr", text.s, "");
                cr_assert_eq(c->diags.n_errors, 0, "%s", c->text.s);
                cr_assert(ncr_hash_eq(ncr_graph_arch_id(graph),
                                      ncr_graph_arch_id(ncr_program_net(c->program, 0)->graph)));
                checked_free(c);
                ncr_buf_free(&text);
            }
            cr_assert(ncr_mutate_random(lab.c->program, arena, graph, NULL, mutations, NULL, n,
                                        &rng, &child, &match));
            cr_assert(ncr_graph_verify(child.graph, &why), "%s", why.text);
            if (ncr_graph_macs(child.graph) < 2000000) graph = child.graph;
        }
        ncr_arena_free(arena);
    }
    close_lab(&lab);
}
