// A condition on the metrics of one network, as `nacre report --fail-on` takes it: an expression of
// the language in which the metrics have values.
#ifndef NCR_SEMA_CONDITION_H
#define NCR_SEMA_CONDITION_H

#include "compiler/sema/program.h"

// A metric (a name of metrics.def) and its value: base units where it is a quantity (bits, seconds,
// joules, cycles). missing: why there is none, as a clause; NULL where there is one.
struct ncr_metric_value {
    const char *name;
    double value;
    const char *missing;
};

// Evaluates the text of `file` in the scope of the root module: its lets may be named. False after
// a diagnostic: the text is no condition, or names a metric that has no value.
bool ncr_condition_holds(struct ncr_program *program, uint32_t file,
                         const struct ncr_metric_value *values, uint32_t n, bool *holds);

#endif
