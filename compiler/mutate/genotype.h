// Mutations and crossover of genotypes: members of a space to other members. A child is a feasible
// genotype, or there is none.
#ifndef NCR_MUTATE_GENOTYPE_H
#define NCR_MUTATE_GENOTYPE_H

#include "compiler/mutate/mutate.h"

// A mutation of decisions at a place: its patterns and the decisions that they match, all different
// and all made in the genotype.
struct ncr_gene_match {
    const struct ncr_mutation *mutation;
    uint32_t decisions[NCR_LIMIT_PATTERNS];
};

// Genotypes are taken[] of compiler/space: an alternative for each decision of the space, 0 where
// it is not made.

// All matches of a mutation of decisions, at most `limit`: decisions that are made, that no
// annotation keeps, and for which the `require`s hold that can be known without draws.
struct ncr_gene_matches {
    const struct ncr_gene_match *at;
    uint32_t n;
    bool cut;
};
void ncr_gene_matches(struct ncr_program *program, const struct ncr_mutation *mutation,
                      struct ncr_arena *arena, const struct ncr_space *space, const uint32_t *taken,
                      uint32_t limit, struct ncr_gene_matches *out);
// "resample@tiny/body/depth".
struct ncr_str ncr_gene_match_name(struct ncr_arena *arena, const struct ncr_space *space,
                                   const struct ncr_gene_match *match);

// The inverse; paths may leave out that of the net. NCR_USAGE with the nearest path where the text
// names no decision that the genotype makes, or one that an annotation keeps.
enum ncr_status ncr_gene_match_find(struct ncr_program *program, const struct ncr_space *space,
                                    const uint32_t *taken, struct ncr_str text,
                                    struct ncr_gene_match *out, struct ncr_error *err);

// Applies the mutation. child has an entry for each decision. redraw takes another alternative,
// alike likely; step moves by places in the list of alternatives; set takes the alternative with
// that text. Decisions that are made only in the child are drawn by their priors. Where the child
// is not feasible or the same as the parent, all is drawn again, up to NCR_GENE_TRIES times. False
// with a reason.
enum { NCR_GENE_TRIES = 64 };
bool ncr_gene_mutate(struct ncr_program *program, struct ncr_arena *arena,
                     const struct ncr_space *space, const uint32_t *taken,
                     const struct ncr_gene_match *match, struct ncr_rng *rng,
                     struct ncr_given *given, uint32_t n_given, uint32_t *child,
                     struct ncr_str *drawn, struct ncr_str *why);
// One of the mutations at a place, both drawn alike likely. False where none was found to apply.
bool ncr_gene_mutate_random(struct ncr_program *program, struct ncr_arena *arena,
                            const struct ncr_space *space, const uint32_t *taken,
                            const struct ncr_mutation *const *mutations, uint32_t n,
                            struct ncr_rng *rng, uint32_t *child, struct ncr_gene_match *match);

enum ncr_crossover {
    NCR_CROSSOVER_UNIFORM, // each decision from one of the parents, alike likely
    NCR_CROSSOVER_POINT,   // `points` cuts in the order of the decisions
    NCR_CROSSOVER_SUBTREE, // all decisions at and below a random path from the second parent
};
// A child of two genotypes: decisions at equal paths are exchanged. One that only one parent makes
// is that parent's; one that neither makes is drawn. Drawn again, up to NCR_GENE_TRIES times, where
// it is not feasible; false then.
bool ncr_gene_crossover(struct ncr_arena *arena, const struct ncr_space *space, const uint32_t *a,
                        const uint32_t *b, enum ncr_crossover kind, uint32_t points,
                        struct ncr_rng *rng, uint32_t *child);

// By decision: how many mutations of the program may change it.
void ncr_gene_reach(const struct ncr_program *program, const struct ncr_space *space,
                    uint32_t *reached);

// Weights for another member of a space (or any network) from those of one: parameters of equal
// names, roles and ranks keep what both have, kernels around their middle, channels from the first;
// the rest is drawn.
struct ncr_weights *ncr_weights_by_name(struct ncr_arena *arena, const struct ncr_graph *parent,
                                        const struct ncr_weights *weights,
                                        const struct ncr_graph *child, uint64_t seed);

#endif
