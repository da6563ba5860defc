// REPORT: what a network costs, known from its text alone: counts, bytes, memory plan, resilience
// figures. A struct first, then printers. Everything in it is exact but the resilience figures,
// which are predictions; each printer says so.
#ifndef NCR_ANALYSIS_REPORT_H
#define NCR_ANALYSIS_REPORT_H

#include "compiler/analysis/memory.h"
#include "compiler/analysis/report_range.h"
#include "compiler/analysis/resilience.h"
#include "compiler/analysis/relevance.h"
#include "compiler/hw/cost.h"

// One operator of the simplified graph, in its order. An operator that is fused into an earlier one
// (batchnorm and clamps in the integer network) stores no tensor: it has no bytes, step, offset or
// sensitivity.
struct ncr_report_layer {
    const struct ncr_node *node;
    struct ncr_str path; // of the node, without the net's name in front
    uint32_t head;   // index of the layer that holds the tensor: its own, or where it is fused into
    int64_t params;  // trainable ones; 0 where shared
    uint32_t shares; // the earlier layer whose parameters it uses, or its own index
    int64_t macs;
    int64_t activation_bytes; // elements of the output as stored; 0 when fused
    int64_t weight_bytes;     // ncr_qnode_weight_bytes; 0 when fused
    // of heads only:
    uint32_t step;                  // of the plan
    uint32_t first_step, last_step; // in which the buffer is alive
    uint64_t buffer_bytes; // with the border that convolutions need and the tail of wide loads; 0
                           // for a slice of a concatenation's buffer
    uint64_t offset;       // of the buffer in the arena
    uint64_t live_bytes;   // sum of the buffers alive at this step
    double asi_share;      // of asi_exp
    double sensitivity;    // s_l
};

// The object that `nacre build` makes for a target; making it is not the analysis's part.
struct ncr_report_code {
    uint64_t code_bytes, stack_bytes;
    struct ncr_str why; // what keeps them from being known; empty where they are
};

struct ncr_report {
    struct ncr_str name;
    struct ncr_hash arch_id;
    const struct ncr_graph *graph; // simplified
    const struct ncr_qgraph *qgraph;
    const struct ncr_plan *plan;
    bool quant_is_default; // the program declares none: linear int8 was assumed
    struct ncr_report_layer *layers;
    uint32_t n_layers;

    int64_t params, macs, flops; // flops = 2·macs, only conv and dense
    int64_t depth;               // layers with weights on the longest path
    int64_t activation_bytes, weight_bytes;
    uint64_t peak_memory_bytes; // largest sum of live buffers: a lower bound of every plan
    uint64_t arena_bytes;       // of the plan that the emitted code uses
    uint32_t peak_layer;        // where the peak is
    uint32_t *alive;            // layers whose buffers are alive there, largest first
    uint32_t n_alive;
    struct ncr_asi asi, asi_fan_in;
    // by relevance propagation (compiler/analysis/relevance.h), which needs weights and a few
    // inputs; n_relevance 0: not known
    struct ncr_asi asi_lrp[2]; // by enum ncr_relevance_rule
    uint32_t n_relevance;      // inputs
    struct ncr_adcr adcr;
    const struct ncr_cost *cost;          // on a target; NULL without one
    const struct ncr_report_code *code;   // for that target; NULL: it names no machine, or weights
                                          // were not given
    const struct ncr_diags *lints;        // for the JSON; NULL: not asked for
    const struct ncr_report_range *range; // NULL: weights were not given
};

// Plans graph as the integer network of spec. NULL after a diagnostic where spec cannot be applied
// to it. The result lives in the arena and points to graph's strings.
struct ncr_report *ncr_report_build(struct ncr_arena *arena, struct ncr_diags *diags,
                                    const struct ncr_graph *graph,
                                    const struct ncr_quant_spec *spec, bool quant_is_default);

// Adds what the network costs on a target, which must live as long as the report.
void ncr_report_price(struct ncr_report *report, struct ncr_arena *arena,
                      const struct ncr_target_spec *target);

enum ncr_report_show {
    NCR_SHOW_LAYERS = 1,     // the table of layers
    NCR_SHOW_FIGURES = 2,    // counts
    NCR_SHOW_MEMORY = 4,     // arena, peak, weights
    NCR_SHOW_RESILIENCE = 8, // asi, adcr
    NCR_SHOW_COST = 16,      // on the target: time, what binds, utilisation, energy
    NCR_SHOW_TRAFFIC = 32,   // bytes by memory and tensor
    NCR_SHOW_RANGES = 64,    // with weights: sums, idle channels, proved masked faults
    NCR_SHOW_MASKED = 128,   // the same by layer
    NCR_SHOW_USUAL = NCR_SHOW_LAYERS | NCR_SHOW_FIGURES | NCR_SHOW_MEMORY | NCR_SHOW_RESILIENCE |
                     NCR_SHOW_COST | NCR_SHOW_RANGES | NCR_SHOW_MASKED
};

extern const struct ncr_report_section {
    const char *name;
    enum ncr_report_show show;
} ncr_report_sections[];
extern const size_t ncr_report_section_count;

struct ncr_report_look {
    int columns; // of the terminal
    bool colour;
    const struct ncr_sources *sources; // for lines; NULL: none are given
    uint32_t show;                     // bits of ncr_report_show; 0: the usual ones
};

// Text for people, at most `columns` wide (40 at the least): long paths are cut in the middle, then
// figures are abbreviated, then columns are left out, and the legend says which. The arch_id is
// never cut.
void ncr_report_text(const struct ncr_report *report, const struct ncr_report_look *look,
                     struct ncr_buf *out);
// Schema "nacre.report/1" (docs/reference): totals, layers, peak, exactness, conventions. sources
// give file, line and column; NULL leaves the places null.
void ncr_report_json(const struct ncr_report *report, const struct ncr_sources *sources,
                     struct ncr_buf *out);
// One line a layer under a line of names; fields quoted where they must be.
void ncr_report_csv(const struct ncr_report *report, const struct ncr_sources *sources,
                    struct ncr_buf *out);

#endif
