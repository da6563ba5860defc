// Peak memory of a network: the plan of its quantised form, as the report makes it.
#include "compiler/plan/plan.h"
#include "compiler/sema/eval.h"

int64_t ncr_peak_memory(const struct ncr_graph *graph)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) NCR_BUG("out of memory for a plan");
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, NULL);
    // The form does not change the bytes of activations, which have 8 bits in all of them.
    struct ncr_quant_spec spec = {.weights = NCR_QF_LINEAR,
                                  .activations = NCR_QF_LINEAR,
                                  .weight_bits = 8,
                                  .activation_bits = 8,
                                  .per_channel = true};
    int64_t bytes = 0;
    struct ncr_qgraph *q =
        ncr_qgraph_build(arena, &diags, ncr_graph_simplify(arena, graph), &spec, NULL, NULL);
    if (q) {
        struct ncr_plan *plan = ncr_plan_build(arena, q, NCR_PLAN_SHARED);
        uint64_t *live = NCR_NEW_N(arena, uint64_t, plan->n_steps);
        ncr_plan_live(plan, live);
        if (plan->n_steps) bytes = (int64_t)live[plan->peak_step];
    }
    ncr_arena_free(arena);
    return bytes;
}

struct ncr_value ncr_figure_peak(struct ncr_eval *ev)
{
    // A quantity of information is in bits.
    double bits = 8 * (double)ncr_peak_memory(ev->graph);
    return ncr_value_quantity(bits, ncr_dimension_of(NCR_DIMENSION_INFORMATION));
}
