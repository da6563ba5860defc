// How well predictions of a cost model agree with measurements.
#ifndef NCR_HW_FIT_H
#define NCR_HW_FIT_H

#include <stddef.h>

struct ncr_fit {
    double rmse; // root of the mean squared error, in the unit of the values
    double mape; // mean of |error| / measured
    double tau;  // Kendall's rank correlation, tau-b (ties count for neither); 0 where all are tied
};

// n >= 1 pairs; measured values are positive. Time: n².
struct ncr_fit ncr_fit_of(const double *measured, const double *predicted, size_t n);
// Mean of measured - predicted: the bias that makes the mean error 0.
double ncr_fit_bias(const double *measured, const double *predicted, size_t n);

#endif
