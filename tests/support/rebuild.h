// A graph built anew with changes that must not matter to the architecture, for property tests.
#ifndef NCR_TESTS_REBUILD_H
#define NCR_TESTS_REBUILD_H

#include "compiler/ir/graph.h"

struct rebuild {
    bool permute;    // another topological order (inputs keep theirs)
    bool rename;     // other paths, another name
    bool swap;       // inputs of add and mul in another order
    bool identities; // identity and dropout on some edges
    bool dead;       // operators that nobody reads
    bool twins; // changes the architecture: some layers are applied twice with shared weights, and
                // added
};

struct ncr_graph *rebuild_graph(struct ncr_arena *arena, const struct ncr_graph *graph,
                                struct rebuild change, uint64_t seed);

#endif
