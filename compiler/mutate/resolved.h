// GRAPH to program: one concrete network as an ordinary program text without choices. Checking the
// text gives a network with the same arch_id, so that the result of a mutation or a search is a
// program like any other.
#ifndef NCR_MUTATE_RESOLVED_H
#define NCR_MUTATE_RESOLVED_H

#include "compiler/ir/weights.h"

// The names that the printed program gives.
struct ncr_resolved_names {
    struct ncr_str net;
    // By parameter of the graph: its name in the network of the printed program,
    // "<net>/<layer>.weight"; empty where only nodes without effect on the outputs use it, which
    // are not printed.
    struct ncr_str *params;
};

// Appends the program: `net NAME(inputs) -> outputs { let … }`, one `let` a node, in canonical
// form. Names are the paths of the nodes without that of the net, spelled as words ("loop[0]/conv"
// is loop_0_conv), with a number behind where that is taken. Layers with shared weights are a `let`
// of their own, used wherever they are applied. Nodes that reach no output are left out. names (may
// be NULL) is filled in the arena. False, and nothing appended, where nodes share weights but not
// their attributes, which no program can say.
bool ncr_graph_program(struct ncr_arena *arena, const struct ncr_graph *graph, struct ncr_buf *out,
                       struct ncr_resolved_names *names);
// The same with what a network does not hold: text before the net, such as imports, and annotations
// before the `let` of a node ("@frozen"; empty: none).
struct ncr_resolved_frame {
    struct ncr_str before;
    struct ncr_str (*annotation)(void *user, const struct ncr_node *node); // NULL: none
    void *user;
};
bool ncr_graph_program_framed(struct ncr_arena *arena, const struct ncr_graph *graph,
                              const struct ncr_resolved_frame *frame, struct ncr_buf *out,
                              struct ncr_resolved_names *names);
// Weights of `graph` for `resolved`, the network of its printed program: by the names above.
// Parameters of `resolved` that have no partner (there are none after ncr_graph_program) stay zero.
struct ncr_weights *ncr_resolved_weights(struct ncr_arena *arena, const struct ncr_graph *graph,
                                         const struct ncr_weights *weights,
                                         const struct ncr_resolved_names *names,
                                         const struct ncr_graph *resolved);

#endif
