// DRAFT: a network that is being changed. Nodes point to each other without order; edits rewire
// them; building puts them in order and infers all shapes anew. Private to compiler/mutate.
#ifndef NCR_MUTATE_DRAFT_H
#define NCR_MUTATE_DRAFT_H

#include "compiler/mutate/mutate.h"

// Draws of one application, for struct ncr_draws.
struct drawing {
    struct ncr_arena *arena;
    struct ncr_rng *rng;
    const struct ncr_mutation *mutation;
    struct ncr_given *given;
    uint32_t n_given;
    struct ncr_buf text;
    struct ncr_str bad; // a given value that is none of the alternatives
};
uint32_t drawing_draw(void *user, struct ncr_str path, const struct ncr_str *texts, uint32_t n);
// The same text, or the same number.
bool drawing_same_value(struct ncr_str a, struct ncr_str b);

struct draft_node {
    enum ncr_op op;
    struct ncr_attrs attrs;
    uint32_t n_in, *in; // in the draft
    uint32_t group;     // nodes of one group share their weights
    struct ncr_str path;
    const struct ncr_origin *origin;
    ncr_node_id from;  // node of the parent; NCR_NO_NODE: new
    uint32_t instead;  // new: edit whose result needs it first
    uint32_t coupled;  // 1 + edit that changed its channels; 0: none did
    ncr_node_id child; // once built; NCR_NO_NODE: it is not in the child
};

struct draft {
    struct ncr_arena *arena;
    const struct ncr_graph *parent;
    const struct ncr_match *match;
    struct ncr_patch patch;
    NCR_VEC(struct draft_node) nodes; // those of the parent first, at their own ids
    uint32_t *of_patch;               // by node of the patch: its draft node
    uint32_t *outputs;
    // built
    struct ncr_graph *child;
    uint32_t *draft_of; // by child node
};

// The parent with the edits of the patch. False with a reason.
bool draft_make(struct draft *draft, struct ncr_str *why);
// `out` of a layer was set: layers whose channels meet its own in a sum or product get the same.
// False with a reason where one cannot.
bool draft_couple(struct draft *draft, uint32_t layer, uint32_t edit, struct ncr_str *why);
// Orders and rebuilds it; dead nodes are left out. False with a reason.
bool draft_build(struct draft *draft, struct ncr_str *why);

// What became of the channels: for each node of the child, the node of the parent whose tensor it
// stands for, and which of its channels each channel is.
struct channels {
    ncr_node_id stands_for; // NCR_NO_NODE: for none
    const int32_t *map;     // dim[0] entries; -1: a new channel
};

struct lineage {
    struct channels *at;    // by child node
    const int32_t **in_map; // by child node from the parent: its first input's channels as those of
                            // the parent's input; NULL: no input
    struct ncr_str trouble; // an exact inheritance is not possible; empty: it is
};

// keep (by draft group, may hold NULL): which of the parent's output channels a layer that lost
// some keeps.
void lineage_trace(const struct draft *draft, const int32_t *const *keep, struct lineage *out);

// The child's weights; lineage as traced. seed: of new weights.
struct ncr_weights *inherit_weights(const struct draft *draft, const struct lineage *lineage,
                                    const struct ncr_weights *weights, uint64_t seed);
// The channels that a pruned layer keeps: by group, the `out` largest by the L1 norms of all layers
// that are coupled, in their order. NULL entries: nothing was lost. weights NULL: the first ones.
const int32_t *const *inherit_keep(const struct draft *draft, const struct ncr_weights *weights);

// All of it at a match (d->arena, d->parent, d->match are set): draws, patch, edits, building,
// annotations, lineage. drawn: "factor = 1.5". False with a reason.
bool draft_apply(struct draft *d, struct ncr_program *program, const struct ncr_weights *weights,
                 struct ncr_rng *rng, struct ncr_given *given, uint32_t n_given,
                 struct lineage *lineage, struct ncr_str *drawn, struct ncr_str *why);

// ncr_mutation_matches with a bound of work, counted in nodes visited; *work is what is left.
void matches_within(struct ncr_program *program, const struct ncr_mutation *mutation,
                    struct ncr_arena *arena, const struct ncr_graph *graph, uint32_t limit,
                    int64_t *work, struct ncr_matches *out);

#endif
