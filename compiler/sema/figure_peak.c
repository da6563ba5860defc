// Peak memory of a network: the plan of its quantised form, as the report makes it.
#include "compiler/plan/plan.h"
#include "compiler/sema/eval.h"

struct ncr_value ncr_figure_peak(struct ncr_eval *ev)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) return ncr_value_error();
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, NULL);
    // The form does not change the bytes of activations, which have 8 bits in all of them.
    struct ncr_quant_spec spec = {.weights = NCR_QF_LINEAR,
                                  .activations = NCR_QF_LINEAR,
                                  .weight_bits = 8,
                                  .activation_bits = 8,
                                  .per_channel = true};
    struct ncr_value v = ncr_value_error();
    const struct ncr_graph *graph = ncr_graph_simplify(arena, ev->graph);
    struct ncr_qgraph *q = ncr_qgraph_build(arena, &diags, graph, &spec, NULL, NULL);
    if (q) {
        struct ncr_plan *plan = ncr_plan_build(arena, q, NCR_PLAN_SHARED);
        uint64_t *live = NCR_NEW_N(arena, uint64_t, plan->n_steps);
        ncr_plan_live(plan, live);
        // A quantity of information is in bits.
        double bytes = plan->n_steps ? (double)live[plan->peak_step] : 0;
        v = ncr_value_quantity(8 * bytes, ncr_dimension_of(NCR_DIMENSION_INFORMATION));
    }
    ncr_arena_free(arena);
    return v;
}
