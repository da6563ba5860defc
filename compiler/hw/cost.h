// Cost of a planned network on a described target: cycles, what binds, accesses by memory, energy.
// Every figure is an estimate of its model; the page of each model (docs/cost-models.md) gives
// formula, source and known error.
#ifndef NCR_HW_COST_H
#define NCR_HW_COST_H

#include "compiler/hw/work.h"
#include "compiler/ir/hardware.h"

enum { NCR_NO_MEMORY = -1, NCR_BINDS_COMPUTE = -1, NCR_BINDS_NOTHING = -2, NCR_BINDS_TABLE = -3 };

enum ncr_latency_source {
    NCR_LATENCY_NONE, // not of a table
    NCR_LATENCY_MEASURED,
    NCR_LATENCY_FITTED, // on the line of its kind
    NCR_LATENCY_UNKNOWN // counts as 0: nothing alike was measured
};

// One operator, or the sum of all.
struct ncr_cost_step {
    double cycles; // of the target's clock; 0 where it has none
    double seconds;
    int32_t binds; // a memory of the target, or NCR_BINDS_*
    // Of operators with MACs: utilisation = mapping · edge · (1 - stall) = MACs / (cycles · peak).
    // mapping: share of the processing elements that the operator's dimensions can use; edge: what
    // is left by partial folds and by filling and draining the array; stall: share of the cycles
    // that wait for a memory. 0 where there are no MACs or no peak is known.
    double utilisation, mapping, edge, stall;
    int32_t overflow; // stated loops: a memory that is smaller than its tiles, or NCR_NO_MEMORY
    double overflow_bytes;  // of those tiles
    double *read, *written; // bytes, for each memory of the target
    double *read_of[NCR_OPERANDS], *written_of[NCR_OPERANDS]; // the same, of each tensor
    double mac_energy;                                        // joule
    double *energy;                                           // joule, for each memory
    enum ncr_latency_source source;                           // table: of this operator
};

struct ncr_latency_table;

struct ncr_cost {
    const struct ncr_target_spec *target;
    const struct ncr_plan *plan;
    struct ncr_cost_step *steps; // one a step of the plan
    struct ncr_cost_step total;
    // Where tensors and weights live: the region of each, NCR_NO_MEMORY without a region.
    int32_t arena_home, weights_home;
    int32_t arena_level, weights_level;  // the memory that serves them: the home, or a cache of it
    uint64_t arena_bytes, flash_bytes;   // flash: weights and biases; code is not in it
    uint64_t arena_misses, weights_miss; // bytes by which the home is too small; 0: it fits
    bool has_energy;
    const struct ncr_latency_table *table;      // table: of the target
    uint32_t n_source[NCR_LATENCY_UNKNOWN + 1]; // table: operators of each source
};

// Never fails: what does not fit is placed in the largest region and `misses` says by how much.
struct ncr_cost *ncr_cost_of(struct ncr_arena *arena, const struct ncr_plan *plan,
                             const struct ncr_target_spec *target);

// Joule of MACs and all memories.
double ncr_cost_energy(const struct ncr_cost *cost, const struct ncr_cost_step *step);
const char *ncr_cost_model_text(enum ncr_cost_model_name model);
// Peak multiply-accumulates a cycle of the target; 0 where unknown.
double ncr_target_peak(const struct ncr_target_spec *target);

// A model fills cycles, binds, utilisation and accesses of one operator; cost.c adds seconds,
// energy and sums. read, written and energy are allocated and zero. scratch is reset after the
// call.
typedef void ncr_cost_model(struct ncr_arena *scratch, const struct ncr_cost *cost,
                            const struct ncr_operator_work *work, struct ncr_cost_step *out);
ncr_cost_model ncr_cost_roofline, ncr_cost_systolic, ncr_cost_loop_nest;

// What models share: the accesses that every schedule must make, each element once, to the memories
// that serve the tensors and the weights.
void ncr_cost_compulsory(const struct ncr_cost *cost, const struct ncr_operator_work *work,
                         struct ncr_cost_step *out);
// Adds bytes of one tensor that are read from or written to memory m; nothing where m is
// NCR_NO_MEMORY.
void ncr_cost_read(struct ncr_cost_step *out, int32_t m, enum ncr_operand of, double bytes);
void ncr_cost_write(struct ncr_cost_step *out, int32_t m, enum ncr_operand of, double bytes);
// Cycles that memory m needs for the accesses in `out`; 0 where it has no bandwidth.
double ncr_cost_memory_cycles(const struct ncr_cost *cost, const struct ncr_cost_step *out,
                              uint32_t m);
// Sets cycles to the largest of `compute` and the memories' cycles, and binds and stall from it.
void ncr_cost_bind(const struct ncr_cost *cost, double compute, struct ncr_cost_step *out);
// Cycles of an operator without MACs.
double ncr_cost_plain_cycles(const struct ncr_cost *cost, const struct ncr_operator_work *work);

#endif
