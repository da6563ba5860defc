// Relevance propagation of a report that has weights.
#ifndef NCR_TOOLS_REPORT_RELEVANCE_H
#define NCR_TOOLS_REPORT_RELEVANCE_H

#include "compiler/analysis/report.h"
#include "tools/nacre/work.h"

enum { RELEVANCE_INPUTS = 16 };

// The first RELEVANCE_INPUTS calibration images of a pipeline whose weights and data are there, as
// samples of one input each, in its arena. *n: how many there are.
enum ncr_status relevance_samples(struct ncr_pipeline *pipeline, const float *const *const **out,
                                  uint32_t *n, struct ncr_error *err);
// With --weights: ASI by relevance propagation. EXIT_GOOD, or the exit code after a message.
int report_relevance(struct cli *cli, struct cli_work *work, struct ncr_report *report);

#endif
