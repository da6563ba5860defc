// The metrics of a candidate are those of the report.
#include <criterion/criterion.h>

#include "compiler/analysis/candidate.h"
#include "compiler/analysis/report.h"
#include "runtime/api/pipeline.h"
#include "tests/support/random_graph.h"

Test(candidate, agrees_with_the_report)
{
    uint32_t same = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_diags diags;
        struct ncr_quant_spec spec = ncr_quant_default();
        struct ncr_candidate c;
        ncr_diags_init(&diags, arena, ncr_sources_new(arena));
        const struct ncr_graph *graph = random_graph_make(arena, seed, 14);
        const struct ncr_report *r = ncr_report_build(arena, &diags, graph, &spec, true);
        cr_assert(r && ncr_candidate_of(arena, graph, &c));
        cr_assert_eq(c.params, r->params);
        cr_assert_eq(c.macs, r->macs);
        cr_assert_eq(c.weight_bytes, r->weight_bytes);
        cr_assert_eq(c.asi.mean, r->asi.mean);
        cr_assert_eq(c.asi.max, r->asi.max);
        cr_assert_eq(c.adcr.sum, r->adcr.sum);
        cr_assert_eq(c.adcr.ratio, r->adcr.ratio);
        cr_assert_geq(c.peak_bytes, r->peak_memory_bytes);
        same += c.peak_bytes == r->peak_memory_bytes;
        ncr_arena_free(arena);
    }
    cr_assert_gt(same, 50, "the bound is reached in %u of 100", same);
}
