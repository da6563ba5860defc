// A graph from its text, quantised without numbers, and its plan: for tests of plans.
#ifndef NCR_TESTS_PLANNED_H
#define NCR_TESTS_PLANNED_H

#include "compiler/plan/plan.h"

struct planned {
    struct ncr_arena *arena;
    struct ncr_qgraph *g;
    struct ncr_plan *plan; // NULL at first
};

// 8-bit weights; bits: of activations. own: NULL, or the format of node `owner`.
struct planned planned_graph(const char *text, uint32_t bits, const struct ncr_quant_spec *own,
                             ncr_node_id owner);
// 8-bit activations, with its plan.
struct planned planned_of(const char *text, enum ncr_plan_mode mode);

#endif
