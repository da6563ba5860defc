// What the files of compiler/ir share: the functions that the columns of ops.def name.
#ifndef NCR_IR_GRAPH_INTERNAL_H
#define NCR_IR_GRAPH_INTERNAL_H

#include "compiler/ir/graph.h"

// Shape rule of an operator: resolves attrs in place and writes the output shape; false with err
// filled.
struct ncr_infer {
    enum ncr_op op;
    const struct ncr_shape *in;
    uint32_t n_in;
    struct ncr_attrs *attrs;
    struct ncr_shape *out;
    struct ncr_op_error *err;
};
bool ncr_infer_op(struct ncr_infer *infer);

// Shapes of the parameters of an operator, in order; names and owners are the builder's business.
struct ncr_param_list {
    struct ncr_param at[4];
    uint32_t n;
};
void ncr_params_op(enum ncr_op op, const struct ncr_attrs *attrs, const struct ncr_shape *in,
                   struct ncr_param_list *out);
const char *ncr_param_suffix(enum ncr_param_role role);

// MACs of one application.
int64_t ncr_macs_op(enum ncr_op op, const struct ncr_attrs *attrs, const struct ncr_shape *in,
                    const struct ncr_shape *out);

#endif
