// Fake quantisation: the float network as the integer network computes it, for training. Weights
// are rounded by the very functions that build the integer network (numbers.c) and brought back to
// real values; tensors that the integer network stores are rounded to its activations. Nothing here
// is an approximation of the integer network but two things: sums and biases keep their real
// values, and what several layers share is rounded as the first of them stores it.
#ifndef NCR_QUANT_FAKE_H
#define NCR_QUANT_FAKE_H

#include "compiler/quant/qgraph.h"

// How one tensor is stored: x becomes scale · (clamp(round(x / scale) + zero, lo, hi) - zero).
struct ncr_fake_tensor {
    bool on; // off: not stored, or exact because what it is made of is
    double scale;
    int32_t zero, lo, hi;
};

// Ties upwards, as requantisation rounds them; nan stays, so that a loss shows it.
static inline double ncr_fake_round(const struct ncr_fake_tensor *t, double x)
{
    double v = x / t->scale + t->zero;
    if (v != v) return x;
    v = v > t->lo ? v : t->lo;
    v = v < t->hi ? v : t->hi;
    return t->scale * ((double)((int32_t)(v - t->lo + 0.5) + t->lo) - t->zero);
}

struct ncr_fake;

// For a graph before or after simplification; all that is passed must outlive the result. NULL
// after a diagnostic, as ncr_qgraph_build gives it for this graph and spec.
struct ncr_fake *ncr_fake_new(struct ncr_arena *arena, struct ncr_diags *diags,
                              const struct ncr_graph *graph, const struct ncr_quant_spec *spec);

// The simplified graph, which calibration runs on, and its parameters as a view on those of the
// graph that was given.
const struct ncr_graph *ncr_fake_graph(const struct ncr_fake *fake);
const struct ncr_weights *ncr_fake_view(struct ncr_fake *fake, const struct ncr_weights *weights);

// Scales from the ranges of the simplified graph's tensors; must come before what follows. False
// after a diagnostic where a range is not finite.
bool ncr_fake_set_ranges(struct ncr_fake *fake, const struct ncr_ranges *ranges);

// How the output of each node of the given graph is stored, [n_nodes]. Which nodes are `on` is
// known from the start and stays, the numbers change with the ranges.
const struct ncr_fake_tensor *ncr_fake_tensors(const struct ncr_fake *fake);

// The weights as the integer network has them: the batchnorm that follows is folded in with its
// running statistics, k·w is rounded and divided by k again; k = 0 keeps w, and so do values that
// are not finite. A batchnorm on its own has its gamma rounded likewise, and a beta that makes up
// for it in the constant term. The other parameters are those of `weights`, not copies: who writes
// running statistics writes them there. Lives until the next call.
struct ncr_weights *ncr_fake_quant(struct ncr_fake *fake, const struct ncr_weights *weights);

#endif
