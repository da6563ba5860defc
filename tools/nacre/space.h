// What `nacre space` found, and its text, JSON and CSV.
#ifndef NCR_TOOLS_SPACE_H
#define NCR_TOOLS_SPACE_H

#include "compiler/analysis/survey.h"
#include "compiler/mutate/genotype.h"
#include "compiler/space/genotype.h"
#include "compiler/space/members.h"
#include "tools/nacre/cli.h"

struct space_job {
    struct cli *cli;
    struct ncr_buf *out;
    struct ncr_arena *arena;
    const struct ncr_sources *sources;
    struct ncr_space *space;
    struct ncr_members *members;
    uint32_t *given, open; // of --genotype and --set; the first open decision
    uint64_t seed, budget, draws;
    struct ncr_work work;
    struct ncr_count genotypes, feasible, distinct;
    // of `nacre report`
    const struct ncr_target_spec *target;
    const struct ncr_survey *survey;
    struct ncr_diags lints;
};

void space_counts(struct space_job *job);
// Bounds of every figure and what each requirement excludes, as text or JSON.
void space_report(struct space_job *job);
// `nacre report` of a net that is still a space with --set and --genotype. True where it is one;
// *code is then the exit code.
bool space_report_open(struct cli *cli, struct cli_program *program, int *code);
// Prints a finished report, as a page where that is asked for, to --output (cmd_report.c).
int report_output(struct cli *cli, struct ncr_str name, struct ncr_buf *out);
void space_bounds(struct space_job *job, enum ncr_space_figure figure, const struct ncr_bounds *b);
// False where a member was not found, or Ctrl-C.
bool space_samples(struct space_job *job, uint64_t n, bool uniform);
// n children of job->given and other.
struct space_cross {
    const uint32_t *other;
    enum ncr_crossover kind;
    uint32_t points;
};
// False where none was found to be a member, or Ctrl-C.
bool space_children(struct space_job *job, uint64_t n, const struct space_cross *cross);
void space_enumerate(struct space_job *job);
// all: the members of the whole space, of which job->given is one.
void space_neighbours(struct space_job *job, struct ncr_members *all);

#endif
