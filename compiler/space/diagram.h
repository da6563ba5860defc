// Decision diagrams with many leaves: a function of a few of many finite variables, as a reduced
// directed graph (Srinivasan, Kam, Malik, Brayton, ICCAD 1990). Equal functions are one number, so
// that comparing them is comparing numbers; a variable on which nothing depends does not occur. The
// variables are tested in the order in which they were made.
//
// A leaf is a number below 2^31 whose meaning is its user's; 0 and 1 are false and true where the
// function is a condition. NCR_HOLE is the leaf "no value here": a node whose other children agree
// takes the holes' place with what they agree on, since nobody looks there.
#ifndef NCR_SPACE_DIAGRAM_H
#define NCR_SPACE_DIAGRAM_H

#include "lang/base/vec.h"

typedef uint32_t ncr_diagram;

#define NCR_DIAGRAM_LEAF 0x80000000u
#define NCR_HOLE         UINT32_MAX
#define NCR_FALSE        NCR_DIAGRAM_LEAF
#define NCR_TRUE         (NCR_DIAGRAM_LEAF | 1u)
#define NCR_UNSET        UINT32_MAX // a variable without a value

enum {
    NCR_LIMIT_VARIABLES = 1 << 14,
    NCR_LIMIT_DIAGRAM_EDGES = 1 << 25,
};

struct ncr_diagram_node {
    uint32_t var, first; // children: edges.at[first + value]
};

// A pool of diagrams over the same variables.
struct ncr_diagrams {
    struct ncr_arena *arena, *scratch;
    NCR_VEC(uint32_t) domain; // number of values of each variable
    NCR_VEC(struct ncr_diagram_node) nodes;
    NCR_VEC(ncr_diagram) edges;
    uint32_t *slots, mask;             // unique table: node + 1
    uint32_t *stamps, n_stamps, stamp; // node: visited in walk number `stamp`
    uint64_t work;                     // steps done, for the caller's budget
    uint64_t work_limit; // a call that passes it, or the edges, sets full and gives a hole
    bool full;
};

// The pool keeps its tables in arena; scratch is for the duration of calls (marked and reset).
void ncr_diagrams_init(struct ncr_diagrams *d, struct ncr_arena *arena, struct ncr_arena *scratch);
// A new variable, last in the order. domain >= 1.
uint32_t ncr_diagram_variable(struct ncr_diagrams *d, uint32_t domain);

static inline ncr_diagram ncr_diagram_leaf(uint32_t leaf)
{
    return leaf | NCR_DIAGRAM_LEAF;
}
static inline bool ncr_diagram_is_leaf(ncr_diagram f)
{
    return (f & NCR_DIAGRAM_LEAF) != 0;
}
static inline uint32_t ncr_diagram_leaf_of(ncr_diagram f)
{
    return f & ~NCR_DIAGRAM_LEAF;
}
// The reduced node that tests var and goes on with children[value]; they may only test later
// variables.
ncr_diagram ncr_diagram_node(struct ncr_diagrams *d, uint32_t var, const ncr_diagram *children);
// The variable that f tests first; UINT32_MAX for a leaf. Its child for a value.
static inline uint32_t ncr_diagram_top(const struct ncr_diagrams *d, ncr_diagram f)
{
    return ncr_diagram_is_leaf(f) ? UINT32_MAX : d->nodes.at[f].var;
}
static inline ncr_diagram ncr_diagram_child(const struct ncr_diagrams *d, ncr_diagram f,
                                            uint32_t var, uint32_t value)
{
    if (ncr_diagram_top(d, f) != var) return f;
    return d->edges.at[d->nodes.at[f].first + value];
}

// -- conditions ---------------------------------------------------------------------------------
// var == value; var < bound.
ncr_diagram ncr_diagram_equals(struct ncr_diagrams *d, uint32_t var, uint32_t value);
ncr_diagram ncr_diagram_below(struct ncr_diagrams *d, uint32_t var, uint32_t bound);
ncr_diagram ncr_diagram_not(struct ncr_diagrams *d, ncr_diagram f);
ncr_diagram ncr_diagram_and(struct ncr_diagrams *d, ncr_diagram a, ncr_diagram b);
ncr_diagram ncr_diagram_or(struct ncr_diagrams *d, ncr_diagram a, ncr_diagram b);
// a where c is true, b where it is false.
ncr_diagram ncr_diagram_if(struct ncr_diagrams *d, ncr_diagram c, ncr_diagram a, ncr_diagram b);
// Where f has this leaf.
ncr_diagram ncr_diagram_is(struct ncr_diagrams *d, ncr_diagram f, uint32_t leaf);

// -- functions of functions ---------------------------------------------------------------------
// leaf(user, arguments) for the leaves of n functions wherever care is true; a hole elsewhere. An
// argument may be NCR_HOLE. Called once for each combination of leaves that occurs, in an order
// that depends on the functions alone. The result is a leaf's number, or NCR_HOLE.
typedef uint32_t ncr_diagram_fn(void *user, const uint32_t *leaves);
ncr_diagram ncr_diagram_apply(struct ncr_diagrams *d, ncr_diagram care, const ncr_diagram *args,
                              uint32_t n, ncr_diagram_fn *fn, void *user);
// The leaves of f without holes, each once, in the order of their first path. In scratch of arena.
struct ncr_diagram_leaves {
    const uint32_t *at;
    uint32_t n;
};
struct ncr_diagram_leaves ncr_diagram_leaves(struct ncr_diagrams *d, struct ncr_arena *arena,
                                             ncr_diagram f);

// -- questions ----------------------------------------------------------------------------------
// The leaf for an assignment, NCR_HOLE where there is none.
uint32_t ncr_diagram_at(const struct ncr_diagrams *d, ncr_diagram f, const uint32_t *values);
// Sets marks[v] for each variable that f tests.
void ncr_diagram_support(struct ncr_diagrams *d, ncr_diagram f, bool *marks);
// Sets values[] of the variables on the first path of condition f that ends in true; the others
// stay as they are. False where f is false everywhere.
bool ncr_diagram_pick(const struct ncr_diagrams *d, ncr_diagram f, uint32_t *values);
// Nodes of f.
uint64_t ncr_diagram_size(struct ncr_diagrams *d, ncr_diagram f);

#endif
