// Counts of a campaign, by (layer, site, bit) or by bit error rate, and the shares that follow from
// them.
#ifndef NCR_INJECT_TALLY_H
#define NCR_INJECT_TALLY_H

#include "compiler/fault/sites.h"
#include "runtime/inject/harness.h"
#include "runtime/inject/records.h"
#include "runtime/inject/stats.h"

enum { NCR_TALLY_BITS = 32 };

// Sums over injections. An injection is judged on one input or on all of them: "runs" counts the
// inferences.
struct ncr_cell {
    uint64_t n, outcome[NCR_OUTCOMES_];
    uint64_t runs, run_benign, run_sdc, run_sdc5, run_sdc10, run_sdc20, broken, mended;
    uint64_t squares; // Σ n_sdc², for the variance between faults
    uint64_t flips;
};

struct ncr_tally {
    const struct ncr_sites *sites;
    uint32_t n_inputs;
    uint32_t n_rates;       // 0: not a sweep
    uint64_t n;             // records
    struct ncr_cell *cells; // [groups][NCR_TALLY_BITS], or [n_rates]
    double
        *alive; // per group: share of an inference's time that its bits hold something still needed
};

// Two shares of SDC: of the injections (an injection counts when any of its inputs changed its
// decision), and of the inferences (mean over the injections of the share of inputs; the fault is
// the unit of variance). For faults that last one inference they are the same.
struct ncr_shares {
    struct ncr_estimate faults, inferences;
};

// The life spans that weight residency are measured in MACs plus elements written, step by step;
// weights and biases are alive all the time, a tensor from its computation to its last reader
// (outputs: to the end).
struct ncr_tally *ncr_tally_new(struct ncr_arena *arena, const struct ncr_sites *sites,
                                const struct ncr_harness *harness, uint32_t n_inputs,
                                uint32_t n_rates);
void ncr_tally_add(struct ncr_tally *tally, const struct ncr_record *record);

struct ncr_cell ncr_tally_total(const struct ncr_tally *tally);
struct ncr_cell ncr_tally_group(const struct ncr_tally *tally, uint32_t group);
struct ncr_cell ncr_tally_bit(const struct ncr_tally *tally, uint32_t bit);
void ncr_cell_merge(struct ncr_cell *into, const struct ncr_cell *from);

// Shares of one cell whose faults come from a population (0: unbounded).
struct ncr_shares ncr_cell_shares(const struct ncr_cell *cell, uint64_t population, double t);
// Injections that a group, or one bit of it, has in all: points, times inputs where a fault lasts
// one inference.
uint64_t ncr_tally_population(const struct ncr_tally *tally, uint32_t group, int bit);

// Shares over all groups (bit < 0) or of one bit, each stored bit counting alike, combined over
// strata. Sampling was proportional to the points (per_layer false: strata are the site classes) or
// by layer (strata are the groups). resident: bits count by the time that they are alive. Strata
// without a record count as [0, 1].
struct ncr_shares ncr_tally_shares(struct ncr_arena *scratch, const struct ncr_tally *tally,
                                   int bit, bool per_layer, bool resident, double t);

#endif
