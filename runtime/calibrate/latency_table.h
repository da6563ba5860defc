// Times of many networks to a latency table, and its text as a target declaration.
#ifndef NCR_CALIBRATE_LATENCY_TABLE_H
#define NCR_CALIBRATE_LATENCY_TABLE_H

#include "compiler/hw/fit.h"
#include "compiler/ir/hardware.h"
#include "runtime/calibrate/timing.h"

struct ncr_table_rows;

struct ncr_table_rows *ncr_table_rows_new(struct ncr_arena *arena);
// Adds the operators of a timed network.
void ncr_table_rows_add(struct ncr_table_rows *rows, const struct ncr_timing *timing);
// A target with the model `table` and one region, as large as this machine's memory; the latency of
// an operator is the median over the networks that had it. Rows in the order of their keys; without
// a bias.
struct ncr_target_spec *ncr_table_target(struct ncr_arena *arena, struct ncr_table_rows *rows,
                                         struct ncr_str name, double memory_bytes);

// The target as text in the language; comment: lines of a doc comment, without
// the slashes, each ending in a newline.
void ncr_table_text(const struct ncr_target_spec *target, const char *comment, struct ncr_buf *out);

#endif
