// GRAPH to the metrics of a candidate: the structure of its integer network, one sweep back for
// relevance, one forward for traffic, one along the steps for live bytes.
#include "compiler/analysis/candidate.h"

#include "compiler/plan/plan.h"

bool ncr_candidate_of(struct ncr_arena *scratch, const struct ncr_graph *graph,
                      struct ncr_candidate *out)
{
    struct ncr_diags diags;
    const struct ncr_quant_spec spec = {.weights = NCR_QF_LINEAR,
                                        .activations = NCR_QF_LINEAR,
                                        .weight_bits = 8,
                                        .activation_bits = 8,
                                        .per_channel = true};
    ncr_diags_init(&diags, scratch, NULL);
    *out = (struct ncr_candidate){0};
    const struct ncr_graph *simple = ncr_graph_simplify(scratch, graph);
    const struct ncr_qgraph *q = ncr_qgraph_build(scratch, &diags, simple, &spec, NULL, NULL);
    if (!q) return false;
    out->params = ncr_graph_params(simple);
    out->macs = ncr_graph_macs(simple);
    for (uint32_t i = 0; i < q->n_nodes; i++)
        if (q->nodes[i].n_weights)
            out->weight_bytes += q->nodes[i].n_weights + 4 * (int64_t)q->nodes[i].n_channels;
    out->asi = ncr_asi_of(scratch, q, NCR_SPLIT_EQUAL);
    out->adcr = ncr_adcr_of(q);
    out->peak_bytes = ncr_plan_peak(scratch, q);
    return true;
}
