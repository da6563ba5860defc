// The object of a network and the program around it, linked.
#ifndef NACRE_TOOLS_LINK_H
#define NACRE_TOOLS_LINK_H

#include "tools/nacre/cli.h"

// Whether programs are made for that triple (NULL: this machine) and processor.
bool link_can(const char *triple, const char *cpu);
// A static program of the object. For this machine (triple NULL) `cc` links what was compiled with
// Nacre; for others Clang compiles the program's sources and LLD links. Gives an exit code.
int link_program(struct cli *cli, const char *triple, const char *cpu, const struct ncr_buf *object,
                 struct ncr_buf *out);

#endif
