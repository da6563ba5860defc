// The sampling design of a campaign: from a job to what injection i strikes and on which input.
// Internal to this folder.
#ifndef NCR_INJECT_DESIGN_H
#define NCR_INJECT_DESIGN_H

#include "compiler/fault/permute.h"
#include "runtime/inject/campaign.h"
#include "runtime/inject/strata.h"

struct ncr_design {
    const struct ncr_campaign_job *job;
    struct ncr_fault_spec fault;
    struct ncr_sites *sites;
    bool spreads;
    const double *rates; // spreading by rate
    uint32_t n_rates;
    struct ncr_binomial *counts; // per rate
    uint32_t most_flips;
    struct ncr_strata strata;      // one point an injection
    struct ncr_permutation *order; // per group
    uint64_t population;           // injections in all; 0: unbounded
    uint64_t planned;              // injections at most
    struct ncr_looks looks;        // n 0: a fixed number
};

// Which injection it is: input (or NCR_ALL_INPUTS), rate, and the point where it has only one.
struct ncr_draw {
    uint32_t input;
    uint16_t rate;
    uint64_t point, trial;
};

enum ncr_status ncr_design_build(struct ncr_arena *arena, struct ncr_diags *diags,
                                 const struct ncr_campaign_job *job, struct ncr_design *out,
                                 struct ncr_error *err);
struct ncr_draw ncr_design_at(const struct ncr_design *design, uint64_t index);
// The flips of a draw, in order of points; room for design->most_flips. Gives their number.
uint32_t ncr_design_flips(const struct ncr_design *design, const struct ncr_draw *draw,
                          struct ncr_flip *flips);

#endif
