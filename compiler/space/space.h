// SPACE: a net with its decisions undecided, as one symbolic graph. Everything that depends on
// decisions is a decision diagram over them: whether a node exists, what attributes and shape it
// has, which nodes its inputs are. A genotype picks one path through every diagram, and what is
// left is a network.
//
// Made by compiler/sema from a program; everything here is plain data in one arena.
#ifndef NCR_SPACE_SPACE_H
#define NCR_SPACE_SPACE_H

#include "compiler/ir/graph.h"
#include "compiler/space/big.h"
#include "compiler/space/diagram.h"

// A value of an alternative, as it is written.
struct ncr_space_value {
    struct ncr_str text;
    bool is_number, is_list; // otherwise a word, a label or a string
    double number;
};

// What a decision picks from. Its variable in the diagrams has the same index.
struct ncr_space_decision {
    struct ncr_str path; // "tiny/body[1]/kind"
    struct ncr_span span;
    uint32_t n;                  // alternatives
    bool labelled;               // the alternatives are labels
    const ncr_diagram *values;   // alternative → leaf = index in space->values
    ncr_diagram exists;          // condition: the decision is made at all
    const double *prior;         // sampling weight of each alternative, sum 1; NULL: all alike
    const struct ncr_origin *up; // blocks around it; NULL: the net itself
};

// What a node is under some decisions.
struct ncr_variant {
    struct ncr_op_facts facts;
};

struct ncr_space_node {
    enum ncr_op op;
    uint32_t group; // layer identity: nodes of one group share their weights
    struct ncr_str path;
    const struct ncr_origin *origin;
    ncr_diagram exists;    // condition
    ncr_diagram variant;   // leaf = index in space->variants
    ncr_diagram first;     // condition: no earlier node of the group exists
    const ncr_diagram *in; // leaf = index of a node
    uint32_t n_in;
    struct ncr_str param_names[NCR_PARAM_ROLES];
};

struct ncr_space_output {
    struct ncr_str name;
    ncr_diagram node;
};

// A sum over small diagrams whose leaves are indices in space->numbers, plus a constant.
struct ncr_space_sum {
    int64_t constant;
    const ncr_diagram *terms;
    uint32_t n_terms;
};

enum ncr_require_kind {
    NCR_REQUIRE_DIAGRAM, // members satisfy the condition
    NCR_REQUIRE_SUM,     // members have lo <= sum <= hi
    NCR_REQUIRE_GRAPH,   // decided on the network alone
};

// One restriction. Domains that depend on other decisions are restrictions without a span.
struct ncr_space_require {
    enum ncr_require_kind kind;
    struct ncr_span span;
    ncr_diagram condition; // DIAGRAM; GRAPH: where it is asked at all
    struct ncr_space_sum sum;
    int64_t lo, hi;
    uint32_t check; // GRAPH: number to hand to space->holds
};

struct ncr_space {
    struct ncr_arena *arena;
    struct ncr_str name;
    struct ncr_diagrams diagrams;
    NCR_VEC(struct ncr_space_decision) decisions;
    NCR_VEC(struct ncr_space_value) values;
    NCR_VEC(int64_t) numbers;
    NCR_VEC(struct ncr_variant) variants;
    NCR_VEC(struct ncr_space_node) nodes;
    NCR_VEC(struct ncr_space_output) outputs;
    NCR_VEC(struct ncr_space_require) requires;
    uint32_t n_groups;
    // Whether a network satisfies requirement `check` for the decisions taken[].
    bool (*holds)(void *user, uint32_t check, const uint32_t *taken, const struct ncr_graph *graph);
    void *user;
};

// An empty space. work: for the recursions of diagrams while it is built.
struct ncr_space *ncr_space_new(struct ncr_arena *arena, struct ncr_str name,
                                struct ncr_arena *work);

// Text form (`emit --stage space`): decisions, symbolic nodes and requirements, with the diagrams
// they name as "dN = decision: what each alternative leads to".
void ncr_space_dump(const struct ncr_space *space, struct ncr_buf *out);

// ---- genotypes ----
// taken[d]: the alternative of decision d; 0 for a decision that does not exist, so that equal
// genotypes are equal arrays.

// Whether decision d exists under the decisions before it.
bool ncr_space_exists(const struct ncr_space *space, uint32_t decision, const uint32_t *taken);
// The text of alternative `alternative` of decision d under the decisions taken.
struct ncr_str ncr_space_text(const struct ncr_space *space, uint32_t decision,
                              uint32_t alternative, const uint32_t *taken);

// ---- binding ----
// The network of a genotype: the symbolic nodes that exist, in order, indices of diagrams replaced
// by what they hold. Names are the space's own strings. The graph lives in arena and is sound by
// construction (ncr_graph_verify).
struct ncr_graph *ncr_space_bind(const struct ncr_space *space, const uint32_t *taken,
                                 struct ncr_arena *arena);
// arch_id of the network of a genotype (ncr_graph_arch_id). scratch: the caller resets it.
struct ncr_hash ncr_space_arch_id(const struct ncr_space *space, const uint32_t *taken,
                                  struct ncr_arena *scratch);
// Whether a genotype satisfies every requirement; failed (may be NULL) receives the index of the
// first that does not hold. graph: its network, needed only where the space has GRAPH requirements;
// NULL: they are not asked.
bool ncr_space_feasible(const struct ncr_space *space, const uint32_t *taken,
                        const struct ncr_graph *graph, uint32_t *failed);

#endif
