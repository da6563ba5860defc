// What `nacre report` says of the code for a target.
#ifndef NCR_TOOLS_REPORT_CODE_H
#define NCR_TOOLS_REPORT_CODE_H

#include "compiler/analysis/report.h"
#include "tools/nacre/work.h"

// With --weights and a target that names a machine: adds the bytes of code and stack of the object
// that `nacre build` makes for it. EXIT_GOOD, or the exit code to return after a message.
int report_code(struct cli *cli, struct cli_work *work, const struct ncr_target_spec *target,
                struct ncr_report *report);

#endif
