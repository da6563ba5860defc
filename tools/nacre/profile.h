// nacre run --profile: where the time of an inference goes.
#ifndef NCR_TOOLS_PROFILE_H
#define NCR_TOOLS_PROFILE_H

#include "tools/nacre/work.h"

// Times the compiled code of a pipeline, operator by operator, and prints a table or JSON.
// EXIT_GOOD or the exit code after a message.
int profile(struct cli *cli, struct cli_work *work);

#endif
