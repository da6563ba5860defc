// The part of a report that needs weights: ranges, accumulators, idle channels, proved masked
// faults, the range-based estimate; and its printers.
#ifndef NCR_ANALYSIS_REPORT_RANGE_H
#define NCR_ANALYSIS_REPORT_RANGE_H

#include "compiler/analysis/range_each.h"
#include "compiler/analysis/range_estimate.h"
#include "compiler/analysis/text_table.h"
#include "lang/base/json.h"

struct ncr_report_range {
    const struct ncr_range_map *map;  // n_samples > 0: calibrated
    const struct ncr_masked *masked;  // proofs for all inputs that the map holds for
    const struct ncr_masked *counted; // what is counted: the same, or proofs for each input
    struct ncr_range_estimate estimate;
    uint32_t accumulator_bits; // that every operator's partial sums fit
    double proved_masked;      // share of all single bit flips in `counted`, each bit counting once
};

// All figures from ranges. NULL after a diagnostic where an accumulator of accumulator_bits (2 to
// 32) can overflow. The result lives in the arena.
struct ncr_report_range *ncr_report_range_build(struct ncr_arena *arena, struct ncr_diags *diags,
                                                const struct ncr_range_map *map,
                                                uint32_t accumulator_bits);

// Replaces the counts by those of proofs for each input by itself, whose base is range->masked.
void ncr_report_range_each(struct ncr_report_range *range, const struct ncr_masked_each *each);
// The paragraph of figures, where range is NULL what it needs; and the table of layers.
void ncr_report_range_text(struct ncr_text *text, const struct ncr_report_range *range);
void ncr_report_masked_text(struct ncr_text *text, const struct ncr_report_range *range);
// "proved_masked" and "range_estimate", for the object of totals; null without weights.
void ncr_report_range_totals(const struct ncr_report_range *range, struct ncr_json *json);
// "ranges" and "masked", for the object of the report; null without weights.
void ncr_report_range_json(const struct ncr_report_range *range, struct ncr_json *json);

#endif
