// What the printers of reports share. Private to them.
#ifndef NCR_ANALYSIS_REPORT_PRINT_H
#define NCR_ANALYSIS_REPORT_PRINT_H

#include "compiler/analysis/report.h"
#include "compiler/analysis/text_table.h"
#include "lang/base/json.h"

// Says which columns the width left out.
void ncr_report_not_shown(struct ncr_text *text, const struct ncr_text_table *table);

// What a target adds to the text: the table and notes of cost; bytes by memory and tensor.
void ncr_report_cost_text(struct ncr_text *text, const struct ncr_report *report);
void ncr_report_traffic_text(struct ncr_text *text, const struct ncr_report *report);
// Keys of the object at hand: of the totals, of a layer; and the object `target`.
void ncr_report_cost_totals(struct ncr_json *json, const struct ncr_report *report);
void ncr_report_cost_layer(struct ncr_json *json, const struct ncr_report *report, uint32_t layer);
void ncr_report_cost_target(struct ncr_json *json, const struct ncr_report *report);
// "compute", "table" or "nothing", or the memory's name.
struct ncr_str ncr_report_binds(const struct ncr_cost *cost, int32_t binds);

#endif
