// Cost model of a systolic array in closed form: cycles and accesses of one GEMM without stalls
// from memory.
#ifndef NCR_HW_SYSTOLIC_H
#define NCR_HW_SYSTOLIC_H

#include "compiler/ir/graph.h"
#include "compiler/ir/hardware.h"

// Matrix view of an operator: [E, K] · [K, M]. Convolution: E = H_out·W_out, K = K_h·K_w·C_in/g, M
// = C_out/g, repeated for each of g groups; dense: E = 1, K = inputs, M = outputs.
struct ncr_gemm {
    int64_t e, k, m, repeat;
};

// Reads of each operand and writes of the output, in elements; cycles; share of the array's MAC
// slots that do work.
struct ncr_systolic_cost {
    int64_t cycles, ifmap_reads, filter_reads, ofmap_writes;
    double utilisation; // E·K·M / (cycles·R·C)
};

// False where the operator has no MACs.
bool ncr_gemm_of(const struct ncr_graph *graph, ncr_node_id id, struct ncr_gemm *out);

// Array of rows x columns (both >= 1).
//   OS: folds ceil(E/R)·ceil(M/C), cycles folds·(K + R + C - 2) - 1
//   WS: folds ceil(K/R)·ceil(M/C), cycles folds·(E + 2R + C - 2) - 1
//   IS: folds ceil(K/R)·ceil(E/C), cycles folds·(M + 2R + C - 2) - 1
// Reads OS: ifmap E·K·ceil(M/C), filter K·M·ceil(E/R), ofmap E·M; WS: E·K·ceil(M/C), K·M,
// E·M·ceil(K/R); IS: E·K, K·M·ceil(E/C), E·M·ceil(K/R). Source: Samajdar et al., "SCALE-Sim", arXiv
// 1811.02883, and the counts of its version 2. Known error: memory stalls and the fill of double
// buffers are not in it; groups run one after the other.
struct ncr_systolic_cost ncr_systolic(const struct ncr_gemm *gemm, int64_t rows, int64_t columns,
                                      enum ncr_dataflow flow);

#endif
