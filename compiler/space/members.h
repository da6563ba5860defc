// The members of a space: counting, drawing, enumerating and bounding genotypes.
//
// Requirements that are conditions over decisions or bounds on additive figures are part of the
// decision diagram of members, so that only members are drawn. A sum with too many values is part
// of it in coarser steps, which admit a few more; these, and requirements over a whole network, are
// asked of each network that is drawn. How many pass is the acceptance rate.
#ifndef NCR_SPACE_MEMBERS_H
#define NCR_SPACE_MEMBERS_H

#include "compiler/space/mdd.h"
#include "compiler/space/space.h"

enum { NCR_LIMIT_MEMBER_NODES = 1 << 19 };

struct ncr_members {
    struct ncr_space *space;
    struct ncr_arena *arena;
    const struct ncr_mdd *all;   // genotypes, no requirement asked
    const struct ncr_mdd *drawn; // those that satisfy what the diagram holds; may be `all`
    bool has_priors;             // some alternative has a sampling weight
    bool weighed;                // drawing follows the priors
    int64_t (*peak_memory)(const struct ncr_graph *graph); // NULL: that figure is not known
    uint32_t n_asked;             // requirements left to be asked of each network
    bool *asked;                  // [requires]
    uint64_t n_tried, n_accepted; // by ncr_members_sample so far
};

// given: alternative of each decision or NCR_UNSET; NULL: all open. NULL where even the diagram of
// genotypes is too large. A decision that is given and does not exist keeps its first alternative.
struct ncr_members *ncr_members_build(struct ncr_arena *arena, struct ncr_space *space,
                                      const uint32_t *given);

// Whether a genotype satisfies the requirements that are asked of each. scratch is reset.
bool ncr_members_accept(const struct ncr_members *members, struct ncr_arena *scratch,
                        const uint32_t *taken);
// Draws a member: uniformly among the members, or by the priors where the space has some and
// `uniform` is false. False where no draw was accepted in NCR_LIMIT_TRIES.
enum { NCR_LIMIT_TRIES = 20000 };
bool ncr_members_sample(struct ncr_members *members, struct ncr_arena *scratch, bool uniform,
                        struct ncr_rng *rng, uint32_t *taken);

// Numbers of members. exact: count is all there are; otherwise an estimate in [low, high] (95 %).
struct ncr_count {
    struct ncr_big count, low, high;
    bool exact;
};
struct ncr_count ncr_members_genotypes(const struct ncr_members *members);
// Where requirements are left to be asked and there are at most `budget` candidates, all are asked;
// otherwise n_draws decide: the count times the share accepted, with Wilson's interval.
// stop(user) is asked now and then; true ends the work (the count is then not exact).
struct ncr_work {
    bool (*stop)(void *user, uint64_t done, uint64_t of);
    void *user;
};
struct ncr_count ncr_members_feasible(struct ncr_members *members, uint64_t budget,
                                      uint64_t n_draws, uint64_t seed, const struct ncr_work *work);
// Distinct networks among the members, by arch_id: exact where at most `budget` candidates are
// enumerated. Otherwise from n_draws uniform draws: with k pairs of equal networks among n, the
// networks are at least n(n-1)/2 divided by k (their number is at least the inverse of the chance
// that two draws are equal, with equality where all are alike); low is that with Poisson's upper
// bound for k (97.5 %), high is the number of members.
struct ncr_count ncr_members_distinct(struct ncr_members *members, struct ncr_count feasible,
                                      uint64_t budget, uint64_t n_draws, uint64_t seed,
                                      const struct ncr_work *work);
// Calls visit for every member in lexical order until it returns false.
void ncr_members_each(struct ncr_members *members, struct ncr_arena *scratch,
                      bool (*visit)(void *user, const uint32_t *taken), void *user);
// Members that differ from one in one decision. Decisions that come into being take the first
// alternative that leaves a member. changed: the decision.
void ncr_members_neighbours(struct ncr_members *members, struct ncr_arena *scratch,
                            const uint32_t *taken,
                            void (*visit)(void *user, const uint32_t *taken, uint32_t changed),
                            void *user);

// -- figures ------------------------------------------------------------------------------------
enum ncr_space_figure {
    NCR_SPACE_PARAMS,      // additive
    NCR_SPACE_MACS,        // additive
    NCR_SPACE_NODES,       // additive
    NCR_SPACE_DEPTH,       // operators with weights on the longest path
    NCR_SPACE_PEAK_MEMORY, // bytes, of the plan in 8 bits; where members->peak_memory is set
    NCR_SPACE_FIGURE_COUNT_
};
const char *ncr_space_figure_name(enum ncr_space_figure figure);
bool ncr_space_figure_find(struct ncr_str name, enum ncr_space_figure *out);
int64_t ncr_members_figure(const struct ncr_members *members, enum ncr_space_figure figure,
                           const struct ncr_graph *graph);

struct ncr_bounds {
    int64_t low, high;
    uint32_t *low_taken, *high_taken; // members that have them
    bool exact; // otherwise every member lies within, and the two are not known to be reached
    bool drawn; // neither: only the extremes among n_draws draws are known
};
// Bounds of a figure over the members. Additive figures by the diagram of members (exact where no
// requirement is left to be asked); others, and these, by enumeration up to `budget`; else draws.
// False where there is no member.
bool ncr_members_bounds(struct ncr_members *members, enum ncr_space_figure figure, uint64_t budget,
                        uint64_t n_draws, uint64_t seed, const struct ncr_work *work,
                        struct ncr_bounds *out);

// Share of the genotypes, in [0, 1], that requirement `require` alone excludes: exact, for sums up
// to the size of their diagram; -1 where it is not known (requirements over a whole network, and
// sums with too many values).
double ncr_space_excluded(struct ncr_space *space, uint32_t require);

// A smallest set of requirements that no genotype satisfies: indices in space->requires. 0 where
// there are members, or that is not known. Sizes up to 3 exactly (and every size up to 8
// requirements); beyond that a set from which none can be taken away.
uint32_t ncr_space_conflict(struct ncr_arena *arena, struct ncr_space *space, uint32_t *out);

#endif
