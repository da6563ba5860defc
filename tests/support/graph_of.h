// A graph from its text form, for tests that are easier to read that way.
#ifndef NCR_TESTS_GRAPH_OF_H
#define NCR_TESTS_GRAPH_OF_H

#include "compiler/ir/graph.h"

// The graph; a text that does not read ends the test.
struct ncr_graph *graph_of(struct ncr_arena *arena, const char *text);

#endif
