// The exact order against all orders of small graphs.
#include <criterion/criterion.h>

#include "compiler/plan/plan_internal.h"
#include "runtime/api/pipeline.h"
#include "tests/support/random_graph.h"

// What is fused reads its inputs at the step of what it is fused into.
static uint64_t peak_of(const struct ncr_qgraph *g, const uint64_t *bytes, const uint32_t *into,
                        const uint32_t *steps)
{
    uint32_t n = g->n_nodes, at[32];
    uint64_t peak = 0;
    for (uint32_t s = 0; s < n; s++)
        at[steps[s]] = s;
    for (uint32_t s = 0; s < n; s++) {
        uint64_t live = 0;
        for (uint32_t a = 0; a < n; a++) { // written at step a, or an input
            uint32_t q = steps[a], last = a;
            for (uint32_t r = 0; r < n; r++)
                for (uint32_t k = 0; k < g->nodes[steps[r]].n_in; k++)
                    if (g->nodes[steps[r]].in[k] == q) {
                        uint32_t by = into[steps[r]] == NCR_PLAN_OWN ? r : at[into[steps[r]]];
                        if (by > last) last = by;
                    }
            for (uint32_t o = 0; o < g->n_outputs; o++)
                if (g->outputs[o] == q) last = n;
            uint32_t first = g->nodes[q].op == NCR_QOP_INPUT ? 0 : a;
            if (first <= s && s <= last) live += bytes[q];
        }
        if (live > peak) peak = live;
    }
    return peak;
}

struct walk {
    const struct ncr_qgraph *g;
    const uint64_t *bytes;
    const uint32_t *into;
    uint32_t steps[32];
    uint64_t best, n;
};

static void all_orders(struct walk *w, uint32_t done)
{
    const struct ncr_qgraph *g = w->g;
    if (w->n > 3000) return;
    if (done == g->n_nodes) {
        uint64_t peak = peak_of(g, w->bytes, w->into, w->steps);
        w->n++;
        if (peak < w->best) w->best = peak;
        return;
    }
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        bool ready = g->nodes[q].op != NCR_QOP_INPUT;
        for (uint32_t s = 0; s < done && ready; s++)
            ready = w->steps[s] != q;
        for (uint32_t k = 0; k < g->nodes[q].n_in && ready; k++) {
            bool there = false;
            for (uint32_t s = 0; s < done; s++)
                there |= w->steps[s] == g->nodes[q].in[k];
            ready = there;
        }
        if (!ready) continue;
        w->steps[done] = q;
        all_orders(w, done + 1);
    }
}

Test(order_exact, no_order_has_a_lower_peak)
{
    uint32_t tried = 0, better = 0, fused = 0;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_diags diags;
        struct ncr_quant_spec spec = ncr_quant_default();
        ncr_diags_init(&diags, arena, ncr_sources_new(arena));
        const struct ncr_graph *graph =
            ncr_graph_simplify(arena, seed % 2 ? random_pairs_make(arena, seed, 12)
                                               : random_graph_make(arena, seed, 12));
        struct ncr_qgraph *g = ncr_qgraph_build(arena, &diags, graph, &spec, NULL, NULL);
        cr_assert_not_null(g);
        uint32_t given[32], steps[32], into[32], n_fused = 0;
        uint64_t bytes[32];
        if (g->n_nodes <= 14) {
            ncr_plan_fuse(arena, g, ncr_plan_side_by_side(arena, g, 1), into);
            for (uint32_t q = 0; q < g->n_nodes; q++) {
                bool stored = into[q] == NCR_PLAN_OWN;
                bytes[q] = stored ? (uint64_t)ncr_shape_elements(&g->nodes[q].shape) : 0;
                n_fused += !stored;
            }
            ncr_plan_order_given(g, given);
            struct walk w = {.g = g, .bytes = bytes, .into = into, .best = UINT64_MAX};
            memcpy(w.steps, given, g->n_inputs * sizeof *given);
            all_orders(&w, g->n_inputs);
            bool found = ncr_plan_order_exact(arena, g, bytes, into, given, steps);
            cr_assert(found || w.n == 1 || w.n > 3000, "seed %d", (int)seed);
            if (found && w.n <= 3000) {
                tried++;
                cr_assert_eq(peak_of(g, bytes, into, steps), w.best, "seed %d", (int)seed);
                better += w.best < peak_of(g, bytes, into, given);
                fused += n_fused > 0;
            }
        }
        ncr_arena_free(arena);
    }
    cr_assert_gt(tried, 30);
    cr_assert_gt(fused, 5, "%u of %u", fused, tried);
    cr_assert_gt(better, 3, "%u of %u", better, tried); // the test says something
}
