// nacre report --diff: two reports side by side.
#ifndef NCR_TOOLS_REPORT_DIFF_H
#define NCR_TOOLS_REPORT_DIFF_H

#include "tools/nacre/cli.h"

// The whole command. Arguments: A B, each a program or a saved JSON report; or PROGRAM A B, the
// program with two genotype files.
int report_diff(struct cli *cli);
// The JSON report of cli->args[0] with its options (cmd_report.c). EXIT_GOOD, or the exit code.
int report_json_of(struct cli *cli, struct ncr_buf *out);

#endif
