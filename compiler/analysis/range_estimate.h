// Ranges to a prediction of resilience: what a single bit flip does to the output on average,
// proved ones counting nothing.
//
// One sweep from the outputs gives each channel c of each tensor l its gain g(l, c): the root mean
// square, in shares of the output's range, of what one quantisation step at one element moves.
// Effects on several elements are taken as independent, values as spread evenly over their
// intervals:
//
//   output         g = 1 / (hi - lo) of the output tensor's interval
//   sum, weight w  g² += n · (w · mult / 2^shift)² · live · g(out)², n the places that read the
//                  element; live the share of the sum's interval that the clamp lets through
//   maxpool        g² += n / taps · g(out)²        the element is the largest of its window
//   table          g² += mean over the interval of (lut[v+1] - lut[v])² · g(out)², of 16 bits
//                  (rise / width of the piece)² in place of it
//   mul            as a sum, with w² the mean square of the other operand
//   softmax        g = g(out) · (range of the output) / (range of the input)
//   copies         g² += g(out)² for each copy
//
// A flip of bit b damages min(1, 2^b · g) at an activation, min(1, 2^b · G) at a bias and min(1,
// 2^b · x · G) at a weight, with G = mult / 2^shift · √(live · places) · g(out) and x the root mean
// square of what the weight multiplies. The estimate is the mean over all bits of all sites, 0 to
// 1; smaller is more resilient. This is the project's own definition of the range-based estimate.
#ifndef NCR_ANALYSIS_RANGE_ESTIMATE_H
#define NCR_ANALYSIS_RANGE_ESTIMATE_H

#include "compiler/analysis/range_masked.h"

struct ncr_range_estimate {
    double mean; // of the network
    double (
        *node)[NCR_SITES_COUNT_]; // mean over the bits of one class of one qnode; 0 without sites
};

// The result lives in the arena.
struct ncr_range_estimate ncr_range_estimate_of(struct ncr_arena *arena,
                                                const struct ncr_masked *masked);

#endif
