// Roofline: an operator takes the longest of its arithmetic and of the transfers of each memory.
#include "compiler/hw/cost.h"

void ncr_cost_roofline(struct ncr_arena *scratch, const struct ncr_cost *cost,
                       const struct ncr_operator_work *work, struct ncr_cost_step *out)
{
    (void)scratch;
    ncr_cost_compulsory(cost, work, out);
    double compute = work->macs ? (double)work->macs / ncr_target_peak(cost->target)
                                : ncr_cost_plain_cycles(cost, work);
    ncr_cost_bind(cost, compute, out);
    if (work->macs) out->mapping = out->edge = 1;
}
