// The part of `nacre report` that needs weights.
#ifndef NCR_TOOLS_REPORT_RANGE_H
#define NCR_TOOLS_REPORT_RANGE_H

#include "compiler/analysis/report.h"
#include "tools/nacre/work.h"

// With --weights: quantises the network and adds ranges and proofs to the report: sound ones; with
// --ranges calibrated those of the calibration images (the first --limit of them); with --ranges
// each proofs for each of these. Without --weights the options that need it are refused, and
// nothing is added. EXIT_GOOD, or the exit code to return after a message.
int report_range(struct cli *cli, struct cli_work *work, struct ncr_report *report);

#endif
