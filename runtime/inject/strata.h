// Which stratum record i of a campaign belongs to: proportional stratified sampling without a list.
//
// Strata h have `units` and a share. Records come in rounds; a round holds share_h records of each
// stratum (what is left of it, once it runs out), spread evenly: every prefix of a round holds its
// proportional number of each stratum within log2(strata). Record i is found from i alone, so that
// a campaign can be split, resumed and extended. After the last unit of every stratum the schedule
// ends.
#ifndef NCR_INJECT_STRATA_H
#define NCR_INJECT_STRATA_H

#include "lang/base/arena.h"

struct ncr_strata_segment {
    uint64_t first;          // record
    uint64_t rounds, length; // equal rounds, and records in each
    uint64_t *used;          // units of each stratum before this segment
    uint64_t *below;         // n + 1 partial sums of the shares in a round
};

struct ncr_strata {
    uint32_t n;     // strata
    uint64_t total; // records until everything is exhausted
    struct ncr_strata_segment *segments;
    uint32_t n_segments;
};

// units[h], shares[h] > 0. False where the units together pass 2^63.
bool ncr_strata_build(struct ncr_arena *arena, const uint64_t *units, const uint64_t *shares,
                      uint32_t n, struct ncr_strata *out);
// Stratum of record i < total, and its number (from 0) within that stratum.
void ncr_strata_at(const struct ncr_strata *strata, uint64_t i, uint32_t *stratum,
                   uint64_t *number);

#endif
