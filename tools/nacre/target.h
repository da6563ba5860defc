// The machine that --target names.
#ifndef NCR_TOOLS_TARGET_H
#define NCR_TOOLS_TARGET_H

#include "tools/nacre/cli.h"

// A target of the program or of what it imports; else of the file NAME where that ends in .ncr (its
// last one); else `std.targets.NAME`. NULL in *out without --target. EXIT_GOOD, or the exit code to
// return after a message. What is loaded lives as long as the program.
int cli_target(struct cli *cli, struct cli_program *program, const struct ncr_target_spec **out);

#endif
