// Mutations of networks: where they apply, and what they make of a network and its weights. A child
// is a new, sound network with inputs and outputs of the parent's shapes, or the mutation does not
// apply.
#ifndef NCR_MUTATE_MUTATE_H
#define NCR_MUTATE_MUTATE_H

#include "compiler/ir/weights.h"
#include "compiler/sema/mutation.h"
#include "lang/base/rng.h"

// A mutation at a place: its patterns and the nodes that they match, all different.
struct ncr_match {
    const struct ncr_mutation *mutation;
    ncr_node_id nodes[NCR_LIMIT_PATTERNS];
};

struct ncr_matches {
    const struct ncr_match *at;
    uint32_t n;
    bool cut; // there may be more: the limit that was asked for, or the bound of work, was reached
};

// The matches of a mutation: operators of the right kinds that no annotation keeps from it, with
// the `require`s that hold whatever is drawn; in the order of the nodes. Of two tensors none that
// the later pattern's depends on comes after it, so that reading the first where the second stood
// makes no cycle. At most `limit`. Empty for mutations of decisions.
void ncr_mutation_matches(struct ncr_program *program, const struct ncr_mutation *mutation,
                          struct ncr_arena *arena, const struct ncr_graph *graph, uint32_t limit,
                          struct ncr_matches *out);
// "widen@lenet/conv1", "skip_add@lenet/a,lenet/b": the mutation and the paths of the nodes.
struct ncr_str ncr_match_name(struct ncr_arena *arena, const struct ncr_graph *graph,
                              const struct ncr_match *match);
// The inverse; paths may leave out that of the net. NCR_USAGE with the nearest names where the text
// names no mutation or no node, or the node is none that the pattern matches.
enum ncr_status ncr_match_find(struct ncr_program *program, const struct ncr_graph *graph,
                               struct ncr_str text, struct ncr_match *out, struct ncr_error *err);

// A value given for a `choose` of the mutation, in place of a draw: by the name of the decision
// ("factor"; the path without the mutation's name), and the text of one of its values.
struct ncr_given {
    struct ncr_str name, value;
    bool used;
};

struct ncr_child {
    const struct ncr_graph *graph;
    struct ncr_weights *weights; // NULL where none were given
    enum ncr_inherit inherit;
    uint32_t steps;       // training steps that distill(steps: …) asks for; 0: none said
    struct ncr_str draws; // "factor = 1.5, kernel = 3": what was drawn or given; empty: nothing
};

// Applies the mutation. weights (may be NULL) belong to graph; the child's are made as its
// `inherit` says. What is drawn, and new weights, depend on the state of rng alone. The child lives
// in arena. False with a reason where it does not apply: a `require` does not hold; a layer does
// not fit; the change of a size runs into an operator that cannot follow it; an exact way to
// inherit cannot be kept; inputs or outputs would change their shapes; a layer that an annotation
// keeps would change.
bool ncr_mutate(struct ncr_program *program, struct ncr_arena *arena, const struct ncr_graph *graph,
                const struct ncr_weights *weights, const struct ncr_match *match,
                struct ncr_rng *rng, struct ncr_given *given, uint32_t n_given,
                struct ncr_child *out, struct ncr_str *why);

// Applies one of the mutations at a place, both drawn: mutations alike (or by weight[], where not
// NULL), places of a mutation alike. False where none was found to apply.
bool ncr_mutate_random(struct ncr_program *program, struct ncr_arena *arena,
                       const struct ncr_graph *graph, const struct ncr_weights *weights,
                       const struct ncr_mutation *const *mutations, const double *weight,
                       uint32_t n, struct ncr_rng *rng, struct ncr_child *out,
                       struct ncr_match *match);

// By node of graph: how many of the mutations touch it: edit it, change its attributes or the
// shapes of its weights, or take it out, at one of their matches (at most NCR_LIMIT_REACH of each
// mutation are looked at). Zero: no mutation touches it.
enum { NCR_LIMIT_REACH = 2000 };
void ncr_mutation_reach(struct ncr_program *program, struct ncr_arena *arena,
                        const struct ncr_graph *graph, uint32_t *reached);

// Tries each exact claim of the root module's mutations: random weights and inputs, batchnorm drawn
// like the rest, on the nets of the program that are small enough and, where none has a place for
// it, on a network made for the test. A false claim is an error at its `inherit`. Bounded by
// multiply-accumulate operations, not by time, so that the result is always the same.
void ncr_mutation_claims_check(struct ncr_program *program, struct ncr_diags *diags);

#endif
