// Elementary functions from + - * / alone: no libm, so training in plain C gives the same bits on
// every IEEE machine. Internal to runtime/train.
#ifndef NCR_TRAIN_NUMBERS_H
#define NCR_TRAIN_NUMBERS_H

// e^x; relative error below 1e-15. 0 below -708, infinity above 709.
double ncr_train_exp(double x);
// Natural logarithm of a positive, normal, finite x; error below 1e-15 relative to max(1,
// |result|).
double ncr_train_log(double x);
// cos(pi t) for t in [0, 1]; absolute error below 1e-15.
double ncr_train_cospi(double t);
// Exact per IEEE 754 (a single instruction, or a correctly rounded routine).
double ncr_train_sqrt(double x);

#endif
