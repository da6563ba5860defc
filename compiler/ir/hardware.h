// What a target declaration says about a machine, as plain data: filled by sema with bounds
// checked, read by the cost models. Units are those of the language's base: bit, second, joule;
// the names say which. 0 stands for "not given".
#ifndef NCR_IR_HARDWARE_H
#define NCR_IR_HARDWARE_H

#include "lang/base/source.h"

enum ncr_cost_model_name {
    NCR_MODEL_NONE, // memory only: no time
    NCR_MODEL_ROOFLINE,
    NCR_MODEL_SYSTOLIC,
    NCR_MODEL_LOOP_NEST,
    NCR_MODEL_TABLE
};

enum ncr_dataflow {
    NCR_OUTPUT_STATIONARY,
    NCR_WEIGHT_STATIONARY,
    NCR_INPUT_STATIONARY,
    NCR_ROW_STATIONARY
};

enum ncr_memory_kind {
    NCR_MEMORY_REGION,  // has addresses: tensors and weights live there
    NCR_MEMORY_CACHE,   // keeps copies by itself
    NCR_MEMORY_BUFFER,  // holds the tiles that the schedule puts there
    NCR_MEMORY_REGISTER // the same, one at each processing element
};

enum ncr_memory_access { NCR_ACCESS_READ_WRITE, NCR_ACCESS_READ_ONLY };

enum ncr_memory_technology {
    NCR_TECHNOLOGY_NONE,
    NCR_TECHNOLOGY_REGISTER,
    NCR_TECHNOLOGY_SRAM,
    NCR_TECHNOLOGY_DRAM,
    NCR_TECHNOLOGY_FLASH
};

// One memory. Those of a target stand in the order of its text, which for buffers and registers is
// from the outermost to the innermost.
struct ncr_memory_spec {
    struct ncr_str name;
    struct ncr_span span;
    enum ncr_memory_kind kind;
    enum ncr_memory_access access;
    enum ncr_memory_technology technology;
    double size_bits;
    double bandwidth_bits; // a second
    double latency_s;      // of the first byte of an operator
    struct ncr_str loops;  // loop nest: the loops over the tiles of this memory, "P4 K2"
    struct ncr_span loops_span;
    // joule a bit, from the energy table; 0 without one
    double read_energy, write_energy;
};

// One entry of an energy table: mac_i8, read_sram_64, write_dram_32 …
struct ncr_energy_spec {
    struct ncr_str name;
    struct ncr_span span;
    double joule;
};

// A measured operator of a latency table: `of` is the operator's key (compiler/hw/table.h).
struct ncr_measured_spec {
    struct ncr_str of;
    struct ncr_span span;
    double latency_s;
};

struct ncr_compute_spec {
    double macs_per_cycle;     // 8-bit multiply-accumulates; 0: none given
    double elements_per_cycle; // of operators without MACs; 0: vector_bits / 8, at least 1
    uint32_t vector_bits;      // width of a vector register; 0: not given
};

struct ncr_target_spec {
    struct ncr_str name;
    struct ncr_span span;
    struct ncr_str triple, cpu, features; // LLVM's names
    double clock_hz;
    double alignment_bits;
    int32_t array[2]; // rows x columns of processing elements; 0, 0: none
    enum ncr_dataflow dataflow;
    bool has_dataflow;
    enum ncr_cost_model_name model;
    double bias_s; // table: added to the sum of operators
    struct ncr_compute_spec compute;
    struct ncr_memory_spec **memory;
    struct ncr_energy_spec **energy;
    struct ncr_measured_spec **measured;
    uint32_t n_memory, n_energy, n_measured;
    struct ncr_str energy_source; // its citation
    double mac_energy[2];         // joule an 8-bit and a 16-bit multiply-accumulate; 0: not given
};

#endif
