// Pairs of values to errors and rank correlation.
#include "compiler/hw/fit.h"

#include <math.h>

double ncr_fit_bias(const double *measured, const double *predicted, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += measured[i] - predicted[i];
    return sum / (double)n;
}

static int sign(double v)
{
    return (v > 0) - (v < 0);
}

struct ncr_fit ncr_fit_of(const double *measured, const double *predicted, size_t n)
{
    struct ncr_fit fit = {0, 0, 0};
    double agree = 0, untied_m = 0, untied_p = 0;
    for (size_t i = 0; i < n; i++) {
        double error = predicted[i] - measured[i];
        fit.rmse += error * error;
        fit.mape += fabs(error) / measured[i];
        for (size_t j = 0; j < i; j++) {
            int m = sign(measured[i] - measured[j]), p = sign(predicted[i] - predicted[j]);
            agree += m * p;
            untied_m += m != 0;
            untied_p += p != 0;
        }
    }
    fit.rmse = sqrt(fit.rmse / (double)n);
    fit.mape /= (double)n;
    if (untied_m > 0 && untied_p > 0) fit.tau = agree / sqrt(untied_m * untied_p);
    return fit;
}
