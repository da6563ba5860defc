// A campaign: a fault declaration, a network and a set of inputs to records and counts.
//
// Record i depends on (seed, i) alone, never on threads, chunks, interruptions or the executor:
//   one point an injection   the schedule gives i its group (layer and site class) and number j in
//   it; unit j of the
//                            group's permutation is a point, and with faults that last one
//                            inference an input too. No unit comes twice; the last record is a
//                            census.
//   many points              (a rate, several independent bits) trial i / rates of rate i % rates
//   draws its points by
//                            (seed, trial); inputs are gone through in shuffled rounds. One
//                            inference an injection, except where every site is persistent.
// Persistent faults are judged on all inputs, others on one.
#ifndef NCR_INJECT_CAMPAIGN_H
#define NCR_INJECT_CAMPAIGN_H

#include "runtime/inject/tally.h"

enum { NCR_LIMIT_RATES = 1024, NCR_LIMIT_THREADS = 256 };

struct ncr_campaign_job {
    const struct ncr_executor *executor; // network with one input
    const struct ncr_fault_spec *fault;
    const double *rates; // sweep of bit error rates in place of the fault's own; n_rates 0: none
    uint32_t n_rates;
    const int8_t *inputs;  // [n_inputs], the elements of each in logical order
    const uint8_t *labels; // [n_inputs] or NULL
    uint32_t n_inputs;
    uint64_t seed;
    // Either a number of injections (of each rate, in a sweep), or 0 and a margin with confidence:
    // sample size by Leveugle, stopping earlier at a look where no end of the interval is further
    // off than the margin. Both 0: each input once (rates only).
    uint64_t injections;
    double margin, confidence; // confidence also of the reported intervals
    bool per_layer;            // the margin holds for each layer's share
    uint32_t threads;
    uint64_t verify; // every verify-th injection is run again densely in the interpreter; 0: none
    size_t golden_bytes; // memory for golden tensors; 0: 512 MiB. Inputs that do not fit are taken
                         // in turns
    const char *records; // campaign file; NULL: none
    bool resume;         // continue or extend an existing file
    struct ncr_str version, network, weights, data; // identities, for the fingerprint
    const struct ncr_io *io;
    // Receives all records in order, those found in the file too. May be NULL.
    void (*sink)(void *user, const struct ncr_record *records, size_t n);
    void *sink_user;
};

struct ncr_campaign_result {
    const struct ncr_sites *sites;
    const struct ncr_harness *harness;
    const struct ncr_tally *tally;
    struct ncr_fault_spec fault; // as run: a sweep has the model bitflip(rate)
    const double *rates;
    uint32_t n_rates;
    uint64_t population; // injections in all, 0: unbounded
    uint64_t planned, n; // at most, and done
    uint64_t found;      // of these, taken from the file
    uint64_t verified;
    bool margin_reached;     // at a look; the campaign ended there
    double alpha;            // 1 - confidence of the intervals, after what the looks have spent
    uint64_t golden_correct; // inputs that the fault-free network gets right; with labels
    struct ncr_hash fingerprint, digest; // of the head; of the head and all records
    double wall_s;                       // of the injections done now
    uint64_t runs;                       // faulty inferences done now
    uint64_t steps;                      // layers computed for them
};

// Runs. All results live in `arena`. NCR_DIAGNOSED (diags), NCR_USAGE, NCR_ENVIRONMENT, or
// NCR_INTERRUPTED with all finished records saved and the result filled.
enum ncr_status ncr_campaign_run(struct ncr_arena *arena, struct ncr_diags *diags,
                                 const struct ncr_campaign_job *job,
                                 struct ncr_campaign_result *result, struct ncr_error *err);

// What record `index` of a campaign strikes, without running it: for replay. The flips are in
// `arena`.
struct ncr_injection {
    uint32_t input; // NCR_ALL_INPUTS
    uint16_t rate;
    uint32_t n_flips;
    const struct ncr_flip *flips;
};
enum ncr_status ncr_campaign_injection(struct ncr_arena *arena, struct ncr_diags *diags,
                                       const struct ncr_campaign_job *job, uint64_t index,
                                       struct ncr_injection *out, struct ncr_error *err);
// The head of the campaign's file: its fingerprint in words.
void ncr_campaign_head(const struct ncr_campaign_job *job, struct ncr_buf *out);

#endif
