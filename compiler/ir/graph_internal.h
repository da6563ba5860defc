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

// Attributes of the table: hash over what ncr_attrs_equal compares; text " kernel 3x3 stride 1x1
// …"; one value back.
struct ncr_hash ncr_attrs_hash(enum ncr_op op, const struct ncr_attrs *attrs);
void ncr_attrs_dump(enum ncr_op op, const struct ncr_attrs *attrs, struct ncr_buf *out);
// The text of a layer's format into attrs->quant; false where it is none.
bool ncr_quant_read(struct ncr_arena *arena, struct ncr_str text, struct ncr_attrs *attrs);
bool ncr_attr_read(uint32_t bit, struct ncr_str text, struct ncr_attrs *attrs);

// Whether the order of an operator's inputs does not matter.
bool ncr_op_commutes(enum ncr_op op);

// Colours of the nodes of a simplified graph: equal where no walk along edges, sharing and outputs
// tells two nodes apart. Written to out[n_nodes]; independent of names and order.
void ncr_graph_colours(struct ncr_arena *arena, const struct ncr_graph *graph,
                       struct ncr_hash *out);

// MACs of one application.
int64_t ncr_macs_op(enum ncr_op op, const struct ncr_attrs *attrs, const struct ncr_shape *in,
                    const struct ncr_shape *out);

#endif
