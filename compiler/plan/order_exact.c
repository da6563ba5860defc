// The order with the least peak of live bytes, exactly, for graphs that are narrow.
//
// A node that all others come before or after, in every order, cuts the graph: the sets of nodes
// run at cuts are the same in all orders, so the stretches between them are ordered each by itself.
// Within a stretch a dynamic programme goes over the sets of nodes that may have run (closed under
// what they read): the live bytes after a set do not depend on the order in which it was run. It is
// given up where a stretch has more than 64 nodes or the sets are too many.
#include "compiler/plan/plan_internal.h"

enum { STRETCH = 64, SETS = 1 << 12 };

// Nodes of a stretch are bits, in the given order.
struct stretch {
    uint32_t n, n_outside;
    uint32_t node[STRETCH];
    uint64_t bytes[STRETCH], needs[STRETCH], readers[STRETCH];
    bool kept[STRETCH]; // alive behind the stretch: read there, or an output
    // tensors from before that die here
    uint64_t outside_bytes[2 * STRETCH], outside_readers[2 * STRETCH];
};

// Sets that may have run, found by hash; `order` is the order in which they were met.
struct sets {
    uint64_t *set, *peak; // of each set met: the least peak on the way to it
    uint8_t *last;        // the node run last on that way
    uint32_t *from;       // the set before it
    uint32_t *slot;       // hash table of indices + 1
    uint32_t n;
};

// ---- cuts ----
// cut[s]: the node of step s comes after all before it and before all behind it in every order.
static void find_cuts(struct ncr_arena *scratch, const struct ncr_qgraph *g, const uint32_t *steps,
                      bool *cut)
{
    uint32_t n = g->n_nodes, words = (n + 63) / 64;
    uint64_t *before = NCR_NEW_N(scratch, uint64_t, (size_t)n * words);
    uint32_t *at = NCR_NEW_N(scratch, uint32_t, n), *n_before = NCR_NEW_N(scratch, uint32_t, n),
             *n_after = NCR_NEW_N(scratch, uint32_t, n);
    for (uint32_t s = 0; s < n; s++)
        at[steps[s]] = s;
    for (uint32_t s = 0; s < n; s++) {
        const struct ncr_qnode *node = &g->nodes[steps[s]];
        uint64_t *mine = before + (size_t)s * words;
        for (uint32_t k = 0; k < node->n_in; k++) {
            uint32_t in = at[node->in[k]];
            for (uint32_t w = 0; w < words; w++)
                mine[w] |= before[(size_t)in * words + w];
            if (g->nodes[node->in[k]].op != NCR_QOP_INPUT) mine[in / 64] |= UINT64_C(1) << in % 64;
        }
        for (uint32_t w = 0; w < words; w++)
            for (uint64_t rest = mine[w]; rest; rest &= rest - 1) {
                n_before[s]++;
                n_after[w * 64 + (uint32_t)__builtin_ctzll(rest)]++;
            }
    }
    // Inputs are there from the beginning, whatever the order.
    for (uint32_t s = 0; s < n; s++)
        cut[s] = n_before[s] + n_after[s] + 1 == n - g->n_inputs;
}

// ---- one stretch ----
// Where each tensor is read for the last time in the given order, and whether it is an output.
struct uses {
    const uint32_t *at; // step of each node
    uint32_t *last;
};

static struct uses uses_of(struct ncr_arena *scratch, const struct ncr_qgraph *g,
                           const uint32_t *into, const uint32_t *steps)
{
    uint32_t *at = NCR_NEW_N(scratch, uint32_t, g->n_nodes);
    struct uses uses = {at, NCR_NEW_N(scratch, uint32_t, g->n_nodes)};
    for (uint32_t s = 0; s < g->n_nodes; s++)
        at[steps[s]] = s;
    for (uint32_t q = 0; q < g->n_nodes; q++)
        for (uint32_t k = 0; k < g->nodes[q].n_in; k++) {
            uint32_t by = into[q] == NCR_PLAN_OWN ? at[q] : at[into[q]];
            if (by > uses.last[g->nodes[q].in[k]]) uses.last[g->nodes[q].in[k]] = by;
        }
    for (uint32_t i = 0; i < g->n_outputs; i++)
        uses.last[g->outputs[i]] = UINT32_MAX;
    return uses;
}

// Node i of the stretch reads tensor `in`.
static void reads(const struct uses *uses, const uint64_t *bytes, uint32_t in, uint32_t begin,
                  uint32_t end, uint32_t i, uint32_t outside[2 * STRETCH], struct stretch *out)
{
    uint32_t at = uses->at[in], o = 0;
    if (at >= begin) {
        out->needs[i] |= UINT64_C(1) << (at - begin);
        out->readers[at - begin] |= UINT64_C(1) << i;
        return;
    }
    if (uses->last[in] >= end) return;
    while (o < out->n_outside && outside[o] != in)
        o++;
    if (o == 2 * STRETCH) return; // counts as alive all through
    if (o == out->n_outside) {
        outside[out->n_outside++] = in;
        out->outside_bytes[o] = bytes[in];
    }
    out->outside_readers[o] |= UINT64_C(1) << i;
}

static void describe(const struct ncr_qgraph *g, const uint64_t *bytes, const uint32_t *into,
                     const uint32_t *steps, const struct uses *uses, uint32_t begin, uint32_t end,
                     struct stretch *out)
{
    uint32_t outside[2 * STRETCH];
    *out = (struct stretch){.n = end - begin};
    for (uint32_t i = 0; i < out->n; i++) {
        uint32_t q = steps[begin + i];
        const struct ncr_qnode *node = &g->nodes[q];
        out->node[i] = q;
        out->bytes[i] = bytes[q];
        out->kept[i] = uses->last[q] >= end;
        for (uint32_t k = 0; k < node->n_in; k++) {
            uint32_t in = node->in[k];
            reads(uses, bytes, in, begin, end, i, outside, out);
            if (into[in] == q) // it reads at this step
                reads(uses, bytes, g->nodes[in].in[0], begin, end, i, outside, out);
        }
    }
}

static uint64_t alive_after(const struct stretch *s, uint64_t set)
{
    uint64_t sum = 0;
    for (uint64_t rest = set; rest; rest &= rest - 1) {
        int i = __builtin_ctzll(rest);
        if (s->kept[i] || s->readers[i] & ~set) sum += s->bytes[i];
    }
    for (uint32_t o = 0; o < s->n_outside; o++)
        if (s->outside_readers[o] & ~set) sum += s->outside_bytes[o];
    return sum;
}

// The index of a set, entered where it is new; SETS where there is no room.
static uint32_t enter(struct sets *sets, uint64_t set)
{
    uint64_t h = set * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(h >> 40) & (2 * SETS - 1);
    for (; sets->slot[at]; at = (at + 1) & (2 * SETS - 1))
        if (sets->set[sets->slot[at] - 1] == set) return sets->slot[at] - 1;
    if (sets->n == SETS) return SETS;
    sets->set[sets->n] = set;
    sets->peak[sets->n] = UINT64_MAX;
    sets->slot[at] = ++sets->n;
    return sets->n - 1;
}

// Sets are met with growing numbers of nodes, so the peak of a set is final when it is its turn.
static bool solve(struct ncr_arena *scratch, const struct stretch *s, uint32_t *order)
{
    struct sets sets = {.set = NCR_NEW_N(scratch, uint64_t, SETS),
                        .peak = NCR_NEW_N(scratch, uint64_t, SETS),
                        .last = NCR_NEW_N(scratch, uint8_t, SETS),
                        .from = NCR_NEW_N(scratch, uint32_t, SETS),
                        .slot = NCR_NEW_N(scratch, uint32_t, 2 * SETS)};
    sets.peak[enter(&sets, 0)] = 0;
    for (uint32_t k = 0; k < sets.n; k++) {
        uint64_t set = sets.set[k], alive = alive_after(s, set);
        for (uint32_t i = 0; i < s->n; i++) {
            uint64_t bit = UINT64_C(1) << i;
            if (set & bit || s->needs[i] & ~set) continue;
            uint64_t peak = alive + s->bytes[i];
            if (peak < sets.peak[k]) peak = sets.peak[k];
            uint32_t next = enter(&sets, set | bit);
            if (next == SETS) return false;
            if (peak >= sets.peak[next]) continue;
            sets.peak[next] = peak;
            sets.last[next] = (uint8_t)i;
            sets.from[next] = k;
        }
    }
    uint32_t k = sets.n - 1; // the full set is met last
    for (uint32_t i = s->n; i-- > 0; k = sets.from[k])
        order[i] = s->node[sets.last[k]];
    return true;
}

bool ncr_plan_order_exact(struct ncr_arena *scratch, const struct ncr_qgraph *g,
                          const uint64_t *bytes, const uint32_t *into, const uint32_t *given,
                          uint32_t *steps)
{
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    uint32_t n = g->n_nodes;
    bool *cut = NCR_NEW_N(scratch, bool, n), good = true, moved = false;
    struct stretch *s = NCR_NEW(scratch, struct stretch);
    find_cuts(scratch, g, given, cut);
    struct uses uses = uses_of(scratch, g, into, given);
    memcpy(steps, given, n * sizeof *steps);
    for (uint32_t begin = g->n_inputs; begin < n && good;) {
        uint32_t end = begin;
        while (end < n && !cut[end])
            end++;
        if (end - begin > STRETCH) {
            good = false;
        } else if (end - begin > 1) {
            struct ncr_arena_mark inner = ncr_arena_mark(scratch);
            describe(g, bytes, into, given, &uses, begin, end, s);
            good = solve(scratch, s, steps + begin);
            ncr_arena_reset(scratch, inner);
            moved = true;
        }
        begin = end == begin ? begin + 1 : end;
    }
    ncr_arena_reset(scratch, mark);
    return good && moved;
}
