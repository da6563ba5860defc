// Spaces against evaluation with genes: what the diagrams say of a member is what the program says
// of it when every decision is written down. Draws are uniform, genotypes read back, bounds are
// reached.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compiler/space/genotype.h"
#include "compiler/space/members.h"
#include "tests/support/check_text.h"

// Programs whose last net is a small space named n.
static const char *const programs[] = {
    "net n(x: tensor[4]) {\n"
    "    let w = choose(4, 8);\n"
    "    let body = x |> repeat(i in 0..2) {\n"
    "        repeat(choose(1..=2)) { choose { a: dense(w) b: relu } }\n"
    "    };\n"
    "    body |> dense(choose out(2, 3), bias: choose(true, false))\n"
    "}\n",
    // shared and fresh decisions, subsets, an undecided range, figures
    "let act = choose(relu, tanh);\n"
    "block unit(c: int)(x: tensor[C, H, W]) { x |> conv(c, kernel: choose(1, 3)) >> act }\n"
    "net n(x: tensor[2, 6, 6]) {\n"
    "    let c = choose(2, 4);\n"
    "    let d = choose(1..=c / 2);\n"
    "    let y = x |> repeat(d) { unit(c) } >> repeat(k in choose 1..=2 of ordered (2, 3)) { "
    "maxpool(k) };\n"
    "    require params(this) >= 100 -> c == 4;\n"
    "    require depth(this) <= 2 || y.height >= 1;\n"
    "    y |> global_avgpool >> flatten >> dense(2)\n"
    "}\n",
    // branches that meet, a bounded recursion, optional, conditions over shapes
    "block tree(n: int)(x) bounded n <= 3 { if n == 0 { x } else { x |> relu >> tree(n - 1) } }\n"
    "net n(x: tensor[3, 8, 8]) {\n"
    "    let a = x |> conv(choose wa(4, 6), kernel: 3, stride: choose(1, 2));\n"
    "    let b = if a.channels == 6 { a |> tree(choose depth(0..=2)) } else { a |> optional { tanh "
    "} };\n"
    "    let s = choose { add: a + b  cat: concat(a, b)  one: b };\n"
    "    require s.channels <= 10;\n"
    "    s |> maxpool(2) >> flatten >> dense(choose(2..=8 pow2))\n"
    "}\n",
    // a layer applied twice shares its weights; lists of undecided tensors; repetition in subsets
    "net n(x: tensor[8]) {\n"
    "    let f = dense(8, bias: choose(true, false));\n"
    "    let y = x |> f >> choose act { r: relu  n: repeat(0) { relu } } >> f;\n"
    "    let parts = if choose both(true, false) { [x, y] } else { [y] };\n"
    "    let w = choose 2 of repeated (2, 3);\n"
    "    parts |> concat >> dense(w[0] * w[1])\n"
    "}\n",
    // requirements that are asked of a network, with decisions, shapes and lists in them
    "net n(x: tensor[2, 8, 8]) {\n"
    "    let c = choose(2, 4, 8);\n"
    "    let k = [choose(1, 3), 3];\n"
    "    let y = x |> conv(c, kernel: k) >> maxpool(choose p(1, 2));\n"
    "    require peak_memory(this) <= 1 KiB -> k[0] * c <= 8;\n"
    "    require peak_memory(this) * y.height <= 64 B * (60 + c * len(k)) || c == 8 && y.width < "
    "8;\n"
    "    y |> flatten >> dense(2)\n"
    "}\n",
};

static struct ncr_space *space_of(struct checked *c)
{
    cr_assert_eq(c->diags.n_errors, 0, "%s", c->text.s);
    for (uint32_t i = 0; i < ncr_program_net_count(c->program); i++)
        if (ncr_str_is(ncr_program_net(c->program, i)->name, "n"))
            return ncr_program_net(c->program, i)->space;
    return NULL;
}

// The program with `net g = n with { genes }` after it.
static struct checked *with_genes(const char *program, struct ncr_str genes)
{
    struct ncr_buf text = {0};
    ncr_buf_puts(&text, program);
    ncr_buf_fmt(&text, "net g = n with { %.*s };\n", NCR_STR_ARG(genes));
    struct checked *c = check_text("t.ncr", text.s, "");
    ncr_buf_free(&text);
    return c;
}

static struct ncr_str genes_of(struct ncr_space *space, const uint32_t *taken, struct ncr_buf *line)
{
    line->n = 0;
    ncr_genotype_line(space, taken, line);
    struct ncr_str s = {line->s, (uint32_t)line->n};
    s.s += strlen("n { "); // what stands between the braces
    s.n -= (uint32_t)strlen("n { ") + 2;
    return s;
}

static void same_network(const struct ncr_graph *a, const struct ncr_graph *b)
{
    cr_assert_eq(a->n_nodes, b->n_nodes);
    cr_assert_eq(a->n_params, b->n_params);
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        const struct ncr_node *x = &a->nodes[i], *y = &b->nodes[i];
        cr_assert_eq(x->op, y->op);
        cr_assert(ncr_attrs_equal(x->op, &x->attrs, &y->attrs));
        cr_assert(ncr_shape_equal(&x->shape, &y->shape));
        cr_assert_eq(x->n_in, y->n_in);
        cr_assert_eq(x->first_param, y->first_param);
        for (uint32_t k = 0; k < x->n_in; k++)
            cr_assert_eq(x->in[k], y->in[k]);
    }
}

Test(space, a_member_is_what_its_genes_say)
{
    for (size_t p = 0; p < NCR_COUNT(programs); p++) {
        struct checked *c = check_text("t.ncr", programs[p], "");
        struct ncr_space *space = space_of(c);
        cr_assert(space);
        struct ncr_members *m = ncr_members_build(c->arena, space, NULL);
        uint32_t *taken = NCR_NEW_N(c->arena, uint32_t, space->decisions.n + 1);
        struct ncr_buf line = {0};
        for (uint64_t i = 0; i < 60; i++) {
            struct ncr_rng rng = ncr_rng_at(p, NCR_RNG_TEST, i);
            cr_assert(ncr_members_sample(m, c->arena, true, &rng, taken));
            const struct ncr_graph *graph = ncr_space_bind(space, taken, c->arena);
            struct ncr_error why = {0};
            cr_assert(ncr_graph_verify(graph, &why), "%s", why.text);
            struct checked *g = with_genes(programs[p], genes_of(space, taken, &line));
            cr_assert_eq(g->diags.n_errors, 0, "%s\n%s", line.s, g->text.s);
            const struct ncr_net_info *net =
                ncr_program_net(g->program, ncr_program_net_count(g->program) - 1);
            cr_assert(net->graph, "%s", line.s);
            same_network(graph, net->graph);
            cr_assert(ncr_hash_eq(ncr_graph_arch_id(graph), ncr_graph_arch_id(net->graph)));
            checked_free(g);
        }
        ncr_buf_free(&line);
        checked_free(c);
    }
}

// Genotypes by asking the program for its first open decision, again and again.
struct tree {
    const char *program;
    struct ncr_space *space;
    uint64_t genotypes, feasible;
};

static void descend(struct tree *t, const char *genes)
{
    struct checked *c = with_genes(t->program, ncr_str_of(genes));
    const struct ncr_net_info *net =
        ncr_program_net(c->program, ncr_program_net_count(c->program) - 1);
    if (!net->has_decisions) {
        t->genotypes++;
        t->feasible += c->diags.n_errors == 0;
        checked_free(c);
        return;
    }
    // "g/body[0]/kind" → "body[0]/kind"; its alternatives by the space of what is left.
    struct ncr_str path = net->decision;
    path.s += 2, path.n -= 2;
    uint32_t d = 0;
    while (d < t->space->decisions.n) {
        struct ncr_str other = t->space->decisions.at[d].path;
        if (other.n == path.n + 2 && memcmp(other.s + 2, path.s, path.n) == 0) break;
        d++;
    }
    cr_assert(d < t->space->decisions.n);
    uint32_t taken[64] = {0};
    // The space of what is left says how many alternatives there are here.
    uint32_t n = net->space ? net->space->decisions.at[0].n : t->space->decisions.at[d].n;
    for (uint32_t k = 0; k < n; k++) {
        char more[2048];
        struct ncr_str value = net->space ? ncr_space_text(net->space, 0, k, taken)
                                          : ncr_space_text(t->space, d, k, taken);
        snprintf(more, sizeof more, "%s%.*s = %.*s; ", genes, NCR_STR_ARG(path),
                 NCR_STR_ARG(value));
        descend(t, more);
    }
    checked_free(c);
}

Test(space, counts_agree_with_walking_the_decisions)
{
    for (size_t p = 0; p < NCR_COUNT(programs); p++) {
        struct checked *c = check_text("t.ncr", programs[p], "");
        struct tree tree = {programs[p], space_of(c), 0, 0};
        descend(&tree, "");
        struct ncr_members *m = ncr_members_build(c->arena, tree.space, NULL);
        uint64_t genotypes, feasible;
        struct ncr_count all = ncr_members_genotypes(m),
                         good = ncr_members_feasible(m, 1 << 20, 100, 1, NULL);
        cr_assert(ncr_big_u64(all.count, &genotypes) && ncr_big_u64(good.count, &feasible));
        cr_assert_eq(genotypes, tree.genotypes, "program %zu: %lu, by walking %lu", p, genotypes,
                     tree.genotypes);
        cr_assert_eq(feasible, tree.feasible, "program %zu: %lu feasible, by walking %lu", p,
                     feasible, tree.feasible);
        cr_assert(good.exact);
        checked_free(c);
    }
}

// The members in order, found by enumeration.
struct listing {
    struct ncr_arena *arena;
    uint32_t n_decisions, n;
    uint32_t *at[20000];
};

static bool list_one(void *user, const uint32_t *taken)
{
    struct listing *l = user;
    cr_assert(l->n < NCR_COUNT(l->at));
    l->at[l->n++] = ncr_arena_copy(l->arena, taken, l->n_decisions * sizeof *taken);
    return true;
}

static uint32_t find(const struct listing *l, const uint32_t *taken)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (memcmp(l->at[i], taken, l->n_decisions * sizeof *taken) == 0) return i;
    return UINT32_MAX;
}

// A sum that is too large to be known value by value, a condition, and one asked of each network.
static const char *const restricted =
    "net n(x: tensor[2, 8, 8]) {\n"
    "    let y = x |> repeat(3) { conv(choose c(2, 3, 5), kernel: choose(1, 3)) };\n"
    "    let z = y |> choose { @prior(0.7) a: relu  b: conv(choose e(2, 4), kernel: 1) };\n"
    "    require params(this) <= 160;\n"
    "    require peak_memory(this) <= 600 B;\n"
    "    z |> global_avgpool >> flatten >> dense(2)\n"
    "}\n";

Test(space, draws_are_uniform_or_follow_the_priors)
{
    struct checked *c = check_text("t.ncr", restricted, "");
    struct ncr_space *space = space_of(c);
    struct ncr_members *m = ncr_members_build(c->arena, space, NULL);
    cr_assert(m->n_asked >= 1);
    static struct listing l;
    l = (struct listing){.arena = c->arena, .n_decisions = space->decisions.n};
    ncr_members_each(m, c->arena, list_one, &l);
    cr_assert_gt(l.n, 10);
    uint32_t *taken = NCR_NEW_N(c->arena, uint32_t, space->decisions.n + 1), draws = 100 * l.n;
    for (int by_prior = 0; by_prior < 2; by_prior++) {
        double *expected = NCR_NEW_N(c->arena, double, l.n), total = 0, chi = 0;
        uint64_t *seen = NCR_NEW_N(c->arena, uint64_t, l.n);
        for (uint32_t i = 0; i < l.n; i++) {
            expected[i] = 1;
            for (uint32_t d = 0; by_prior && d < space->decisions.n; d++) {
                if (!ncr_space_exists(space, d, l.at[i])) continue;
                const struct ncr_space_decision *decision = &space->decisions.at[d];
                expected[i] *= decision->prior ? decision->prior[l.at[i][d]] : 1.0 / decision->n;
            }
            total += expected[i];
        }
        for (uint32_t i = 0; i < draws; i++) {
            struct ncr_rng rng = ncr_rng_at(5 + (uint64_t)by_prior, NCR_RNG_SAMPLE, i);
            cr_assert(ncr_members_sample(m, c->arena, !by_prior, &rng, taken));
            uint32_t at = find(&l, taken);
            cr_assert(at != UINT32_MAX);
            seen[at]++;
        }
        for (uint32_t i = 0; i < l.n; i++) {
            double want = draws * expected[i] / total;
            chi += ((double)seen[i] - want) * ((double)seen[i] - want) / want;
        }
        // mean and five standard deviations of chi-square with n - 1 degrees of freedom
        cr_assert_lt(chi, l.n - 1 + 5 * sqrt(2.0 * (l.n - 1)), "%d: %f of %u", by_prior, chi, l.n);
    }
    checked_free(c);
}

Test(space, bounds_are_the_extremes_of_all_members)
{
    for (size_t p = 0; p <= NCR_COUNT(programs); p++) {
        struct checked *c =
            check_text("t.ncr", p < NCR_COUNT(programs) ? programs[p] : restricted, "");
        struct ncr_space *space = space_of(c);
        struct ncr_members *m = ncr_members_build(c->arena, space, NULL);
        m->peak_memory = ncr_peak_memory;
        static struct listing l;
        l = (struct listing){.arena = c->arena, .n_decisions = space->decisions.n};
        ncr_members_each(m, c->arena, list_one, &l);
        for (int f = 0; f < NCR_SPACE_FIGURE_COUNT_; f++) {
            int64_t low = INT64_MAX, high = INT64_MIN;
            for (uint32_t i = 0; i < l.n; i++) {
                int64_t v = ncr_members_figure(m, (enum ncr_space_figure)f,
                                               ncr_space_bind(space, l.at[i], c->arena));
                low = v < low ? v : low;
                high = v > high ? v : high;
            }
            struct ncr_bounds b;
            cr_assert(ncr_members_bounds(m, (enum ncr_space_figure)f, 1 << 20, 100, 1, NULL, &b));
            cr_assert(b.exact);
            cr_assert_eq(b.low, low, "program %zu, %s", p,
                         ncr_space_figure_name((enum ncr_space_figure)f));
            cr_assert_eq(b.high, high);
            cr_assert(find(&l, b.low_taken) != UINT32_MAX && find(&l, b.high_taken) != UINT32_MAX);
        }
        checked_free(c);
    }
}

// Text, line and JSON read back to the same genotype.
Test(space, genotypes_read_back)
{
    for (size_t p = 0; p < NCR_COUNT(programs); p++) {
        struct checked *c = check_text("t.ncr", programs[p], "");
        struct ncr_space *space = space_of(c);
        struct ncr_members *m = ncr_members_build(c->arena, space, NULL);
        uint32_t n = space->decisions.n, open;
        uint32_t *taken = NCR_NEW_N(c->arena, uint32_t, n + 1),
                 *back = NCR_NEW_N(c->arena, uint32_t, n + 1);
        for (uint64_t i = 0; i < 200; i++) {
            struct ncr_rng rng = ncr_rng_at(40 + p, NCR_RNG_TEST, i);
            cr_assert(ncr_members_sample(m, c->arena, true, &rng, taken));
            for (int form = 0; form < 3; form++) {
                struct ncr_buf text = {0};
                struct ncr_json json;
                if (form == 0) ncr_genotype_text(space, taken, &text);
                if (form == 1) ncr_genotype_line(space, taken, &text);
                if (form == 2) {
                    ncr_json_init(&json, &text);
                    ncr_genotype_json(space, taken, &json);
                }
                struct ncr_str kept =
                    ncr_str_dup(c->arena, (struct ncr_str){text.s, (uint32_t)text.n});
                uint32_t file = ncr_sources_add(c->sources, NCR_STR("g"), kept);
                struct ncr_genes_given genes = {0};
                cr_assert(ncr_genes_read(c->arena, &c->diags, file, &genes), "%s", text.s);
                cr_assert(ncr_genotype_resolve(space, &c->diags, &genes, back, &open));
                cr_assert_eq(open, NCR_UNSET);
                cr_assert_eq(memcmp(taken, back, n * sizeof *taken), 0, "%s", text.s);
                ncr_buf_free(&text);
            }
        }
        checked_free(c);
    }
}
