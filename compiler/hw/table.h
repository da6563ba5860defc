// A latency table: measured operators by their key, and what stands for those that were not
// measured.
#ifndef NCR_HW_TABLE_H
#define NCR_HW_TABLE_H

#include "compiler/hw/cost.h"

// The key of an operator: its name, input and output shapes and what else decides its code, e.g.
// "conv 16x32x32 -> 32x16x16, kernel 3x3, stride 2x2, dilation 1x1, groups 1". Operators of equal
// key run the same code. Empty for inputs.
void ncr_operator_key(const struct ncr_qgraph *qgraph, uint32_t q, struct ncr_buf *out);

// Rows of a target sorted by key, and for each kind of operator the line latency = a + b·work
// fitted to its rows by least squares of relative errors (work: MACs, or operations without them).
struct ncr_latency_table;
struct ncr_latency_table *ncr_latency_table_of(struct ncr_arena *arena,
                                               const struct ncr_target_spec *target);
// Seconds of an operator: its row, or the line of its kind, or of all kinds with (without) MACs; 0
// where nothing alike was measured.
double ncr_latency_of(const struct ncr_latency_table *table, const struct ncr_qgraph *qgraph,
                      const struct ncr_operator_work *work, enum ncr_latency_source *source);

ncr_cost_model ncr_cost_table;

#endif
