// A look over the members of a space: every metric's range, mean and histogram, how much each
// decision moves each metric, what never comes to be.
#ifndef NCR_ANALYSIS_SURVEY_H
#define NCR_ANALYSIS_SURVEY_H

#include "compiler/ir/hardware.h"
#include "compiler/space/members.h"

enum { NCR_SURVEY_BINS = 20 };

enum ncr_survey_metric {
#define NCR_SURVEY_ROW(NAME, ...) NCR_SURVEY_##NAME,
#include "compiler/analysis/survey.def"
#undef NCR_SURVEY_ROW
    NCR_SURVEY_COUNT_
};
const char *ncr_survey_name(enum ncr_survey_metric metric);

struct ncr_survey_figure {
    bool known; // of the target: where it has a model, a clock, energies
    double min, max, mean, variance;
    uint32_t *min_taken, *max_taken; // the first members that have them
    uint64_t bin[NCR_SURVEY_BINS];   // members in equal steps from min to max, which the last holds
};

// What a decision does, over the members in which it is made.
struct ncr_survey_decision {
    uint64_t n;      // such members
    uint64_t *taken; // members that take each alternative
    // Of each metric: the share of its variance that the decision alone explains (correlation
    // ratio: variance of the alternatives' means over the whole variance), and the largest minus
    // the smallest of those means.
    double share[NCR_SURVEY_COUNT_], spread[NCR_SURVEY_COUNT_];
    bool idle; // in all networks tried another alternative gave the same network
    uint32_t n_tried;
    bool *never; // alternatives that no member takes: exact
};

struct ncr_survey {
    uint64_t n; // members looked at
    bool all;   // they are all there are: ranges and histograms are exact
    struct ncr_survey_figure figures[NCR_SURVEY_COUNT_];
    struct ncr_survey_decision *decisions; // of the space
};

// Looks at all members where there are at most `budget` candidates, else at `draws` uniform draws.
// target: NULL, or a machine whose costs are metrics, too. NULL where there is no member.
struct ncr_survey *ncr_survey_of(struct ncr_arena *arena, struct ncr_members *members,
                                 const uint32_t *given, const struct ncr_target_spec *target,
                                 uint64_t budget, uint64_t draws, uint64_t seed,
                                 const struct ncr_work *work);
// Adds N1320 for decisions without effect and N1321 for alternatives that no member takes.
void ncr_survey_lint(const struct ncr_survey *survey, const struct ncr_space *space,
                     struct ncr_diags *diags);

#endif
