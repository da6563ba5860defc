// Private to compiler/codegen: what the object's description and its C header share.
#ifndef NCR_CODEGEN_INTERFACE_H
#define NCR_CODEGEN_INTERFACE_H

#include "compiler/codegen/codegen.h"

// The global of a module that describes the network and holds its constants, and where in it the
// bytes of stack are stated, for pointers of `word` bytes: a word of 0 until the code is made,
// because nobody knows them before.
#define NCR_INTERFACE_NETWORK "network"
uint32_t ncr_interface_stack(uint32_t word);

// Whether prefix can begin a name of C.
bool ncr_interface_prefix(const char *prefix);
// Name of the network's input or output i.
struct ncr_str ncr_interface_name(const struct ncr_qgraph *qgraph, uint32_t i, bool output);

#endif
