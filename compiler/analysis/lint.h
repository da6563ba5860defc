// What a report finds remarkable about a network on a target, as lints with the place in the text.
#ifndef NCR_ANALYSIS_LINT_H
#define NCR_ANALYSIS_LINT_H

#include "compiler/analysis/report.h"
#include "lang/base/diag.h"

// Adds the lints of a priced report (N1310 and following) in a fixed order; none without a target.
// Bounds: channels that idle a tenth of a layer; use below a quarter of the peak in a twentieth of
// the time; half the time without MACs.
void ncr_report_lint(const struct ncr_report *report, struct ncr_diags *diags);

#endif
