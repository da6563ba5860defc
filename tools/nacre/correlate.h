// nacre correlate: predicted against measured resilience over the networks of a space.
#ifndef NCR_TOOLS_CORRELATE_H
#define NCR_TOOLS_CORRELATE_H

#include "compiler/analysis/correlation.h"
#include "tools/nacre/work.h"

enum correlate_predictor {
#define CLI_PREDICTOR(NAME, ...) PREDICTOR_##NAME,
#include "tools/nacre/correlate.def"
    PREDICTOR_COUNT_
};
enum correlate_measured {
#define CLI_MEASURED(NAME, ...) MEASURED_##NAME,
#include "tools/nacre/correlate.def"
    MEASURED_COUNT_
};
enum correlate_within {
#define CLI_WITHIN(NAME, ...) WITHIN_##NAME,
#include "tools/nacre/correlate.def"
    WITHIN_COUNT_
};
enum { CORRELATE_RATES = 16, CORRELATE_NETWORKS = 4096 };

const char *correlate_predictor_name(int predictor);
const char *correlate_measured_name(int measured);
const char *correlate_within_name(int within);

// One network. nan: not known (a critical rate outside of the grid, a layer series that does not
// vary).
struct correlate_row {
    char arch_id[33];
    double predicted[PREDICTOR_COUNT_], measured[MEASURED_COUNT_], ccr[CORRELATE_RATES];
    double accuracy; // float, on the judged part
    double pearson[WITHIN_COUNT_], spearman[WITHIN_COUNT_];
};

struct correlate_job {
    struct cli *cli;
    struct cli_work *work; // its pipeline owns the data
    struct ncr_train_spec train;
    const struct ncr_trainer *trainer;
    double rates[CORRELATE_RATES];
    uint32_t n_rates, threads;
    uint64_t samples, seed, inputs, trials;
    double margin, least_accuracy; // networks that learned less are left out of the coefficients
    struct correlate_row *rows;
    uint32_t n_rows, resumed;
};

// Trains, quantises and strikes the network of a genotype (correlate_measure.c).
enum ncr_status correlate_measure(struct correlate_job *job, const struct ncr_graph *graph,
                                  struct correlate_row *row, struct ncr_error *err);

// The journal: a CSV of one line a network under a comment with what decides the rows and a line of
// names (correlate_journal.c). Read: rows that the file holds already; refuses a file of another
// run.
enum ncr_status correlate_read(struct correlate_job *job, const char *path, struct ncr_error *err);
enum ncr_status correlate_append(struct correlate_job *job, const char *path,
                                 struct ncr_error *err);

// Whether a network learned enough to have answers that faults can spoil.
bool correlate_counts(const struct correlate_job *job, const struct correlate_row *row);

// Results (correlate_print.c).
void correlate_text(const struct correlate_job *job, struct ncr_buf *out);
void correlate_json(const struct correlate_job *job, struct ncr_buf *out);
void correlate_svg(const struct correlate_job *job, struct ncr_buf *out);

#endif
