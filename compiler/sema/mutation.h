// MUTATION: what a `mutation` of the program says, and what it does at one match of one network: a
// patch, that is new nodes and a list of edits. Changing the network is the business of
// compiler/mutate.
#ifndef NCR_SEMA_MUTATION_H
#define NCR_SEMA_MUTATION_H

#include "compiler/sema/program.h"

enum { NCR_LIMIT_PATTERNS = 4 }; // parameters of a mutation

enum ncr_pattern_kind {
    NCR_PATTERN_OPERATOR, // c: conv
    NCR_PATTERN_TENSOR,   // a: any node, also an input of the network
    NCR_PATTERN_DECISION, // d: decision
};

struct ncr_pattern {
    struct ncr_str name;
    enum ncr_pattern_kind kind;
    enum ncr_op op; // OPERATOR
    bool edited;    // some edit names it; else it is only read
};

enum ncr_inherit {
#define NCR_INHERIT_ROW(NAME, ...) NCR_INHERIT_##NAME,
#include "compiler/sema/inherit.def"
#undef NCR_INHERIT_ROW
    NCR_INHERIT_COUNT_
};
const char *ncr_inherit_name(enum ncr_inherit inherit);
// Whether it claims that the child computes the function of its parent.
bool ncr_inherit_exact(enum ncr_inherit inherit);

struct ncr_code;
struct ncr_item;

struct ncr_mutation {
    struct ncr_str name, doc;
    struct ncr_span span;
    const struct ncr_pattern *patterns;
    uint32_t n_patterns;
    bool of_decisions; // a parameter is a decision: it acts on genotypes, not on networks
    // What its first `inherit` says; DISTILL where it says nothing: what fits is kept, the rest is
    // new.
    enum ncr_inherit inherit;
    struct ncr_span inherit_span; // of the statement; of the name where there is none
    const struct ncr_code *body;
    const struct ncr_item *item;
    uint32_t n_slots;
    bool wrong; // errors were reported: it cannot be applied
};

// The mutations that the root module sees, its own and imported ones, in the order of definition.
uint32_t ncr_program_mutation_count(const struct ncr_program *program);
const struct ncr_mutation *ncr_program_mutation(const struct ncr_program *program, uint32_t index);
// NCR_USAGE with the nearest name where there is none.
enum ncr_status ncr_program_find_mutation(const struct ncr_program *program, struct ncr_str name,
                                          const struct ncr_mutation **out, struct ncr_error *err);
// The module that defines it, as it is imported: "std.mutations".
struct ncr_str ncr_program_mutation_module(const struct ncr_program *program,
                                           const struct ncr_mutation *mutation);
// Whether the root module itself defines it.
bool ncr_program_owns_mutation(const struct ncr_program *program,
                               const struct ncr_mutation *mutation);

// Whether the annotations around the place where a node is written (@frozen, @mutate) let the
// mutation touch it: those of the statement or expression that holds the call of the operator, or
// the call of a block around it. Nodes without an origin may be touched by all.
bool ncr_program_may_touch(const struct ncr_program *program, const struct ncr_mutation *mutation,
                           const struct ncr_node *node);
// The same of a decision, which is written at a span within blocks.
bool ncr_program_may_decide(const struct ncr_program *program, const struct ncr_mutation *mutation,
                            struct ncr_span span, const struct ncr_origin *up);

enum ncr_edit_kind {
    NCR_EDIT_INSERT_AFTER,
    NCR_EDIT_INSERT_BEFORE,
    NCR_EDIT_REPLACE,
    NCR_EDIT_REMOVE,
    NCR_EDIT_SET,    // an attribute
    NCR_EDIT_REDRAW, // the rest acts on decisions
    NCR_EDIT_STEP,
    NCR_EDIT_DECIDE,
    NCR_EDIT_INHERIT, // not an edit of the network: how weights pass
};

struct ncr_edit {
    enum ncr_edit_kind kind;
    uint32_t pattern;
    struct ncr_span span;
    ncr_node_id result;     // INSERT, REPLACE: the node of the patch that takes the place
    uint32_t attr;          // SET: bit of enum ncr_attr_bit
    struct ncr_attrs value; // SET: in the field of that attribute
    int64_t by;             // STEP
    struct ncr_str text;    // DECIDE: the value as it is written
};

// What an input of the patch stands for: the tensor that a pattern matched, or one that the matched
// node reads.
struct ncr_stand_in {
    uint32_t pattern;
    uint32_t slot; // UINT32_MAX: the tensor itself; else input number `slot` of the node
};

struct ncr_patch {
    const struct ncr_graph *graph; // the new nodes, on inputs that stand for tensors of the network
    const struct ncr_stand_in *inputs; // by input of graph, which are its first nodes
    uint32_t n_inputs;
    const struct ncr_edit *edits; // in order
    uint32_t n_edits;
    enum ncr_inherit inherit;
    uint32_t steps; // distill(steps: …); 0: not said
};

// A `choose` in a mutation is a draw of the application: the alternative to take, below n.
// UINT32_MAX leaves it open: then `require`s that depend on it are not asked, and there is no
// patch.
struct ncr_draws {
    void *user;
    uint32_t (*draw)(void *user, struct ncr_str path, const struct ncr_str *texts, uint32_t n);
};

// The patch of the mutation where its patterns match nodes[] (by pattern; entries of decisions do
// not count) and, where genes is not NULL, decisions with these values (by pattern). In the arena.
// false with a reason: a `require` is false, or a new layer does not fit. draws NULL: every
// `choose` is left open; then only whether the `require`s that can be known hold, and *out is not
// filled.
enum { NCR_LIMIT_PATCH_STEPS = 10000 }; // of evaluation, for one application
bool ncr_mutation_patch(struct ncr_program *program, const struct ncr_mutation *mutation,
                        struct ncr_arena *arena, const struct ncr_graph *graph,
                        const ncr_node_id *nodes, const struct ncr_space_value *genes,
                        const struct ncr_draws *draws, struct ncr_patch *out, struct ncr_str *why);

#endif
