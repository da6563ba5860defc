// What one operator of the integer network asks of a machine: loop bounds, elements, bytes. The
// common input of the cost models.
#ifndef NCR_HW_WORK_H
#define NCR_HW_WORK_H

#include "compiler/plan/plan.h"

// Loops of a convolution without its groups: output channels, input channels, kernel height and
// width, output height and width. dense: K, C and ones.
enum ncr_loop_dim { NCR_DIM_K, NCR_DIM_C, NCR_DIM_R, NCR_DIM_S, NCR_DIM_P, NCR_DIM_Q, NCR_DIMS };

// Tensors of an operator: all its inputs together, weights with biases, its output.
enum ncr_operand { NCR_OPERAND_WEIGHT, NCR_OPERAND_INPUT, NCR_OPERAND_OUTPUT, NCR_OPERANDS };

struct ncr_operator_work {
    uint32_t q; // qnode
    int64_t macs;
    int64_t dim[NCR_DIMS]; // of one group; ones where there are no MACs
    int64_t groups;        // the loops run once for each
    int32_t stride[2], dilation[2];
    int64_t in_elements, out_elements, weight_elements;
    int64_t in_bytes, out_bytes, weight_bytes; // each element once; weights with their biases
    int64_t operations; // without MACs: output elements, times the taps of a pooling window
};

// A step of the plan. Nothing is asked (all zero) of inputs, of reshapes that keep their place, of
// what a concatenation does not copy, and of weights that are not read.
struct ncr_operator_work ncr_operator_work_of(const struct ncr_plan *plan, uint32_t step);

#endif
