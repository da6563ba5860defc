// What a report finds remarkable about a network on a target, as lints with the place in the text.
#ifndef NCR_ANALYSIS_LINT_H
#define NCR_ANALYSIS_LINT_H

#include "compiler/analysis/report.h"
#include "lang/base/diag.h"

// Adds the lints of a report in a fixed order: with ranges, of idle channels (N0802, N0803); on a
// target, of what it makes of the network (N1310 and following).
// Bounds: channels that idle a tenth of a layer; use below a quarter of the peak in a twentieth of
// the time; half the time without MACs.
void ncr_report_lint(const struct ncr_report *report, struct ncr_diags *diags);

#endif
