// GRAPH: one concrete network in float, immutable once built. A node has one output; a tensor is
// named by its node. Shapes are [C, H, W] or [N] without the batch dimension; element order is
// row-major in that order.
#ifndef NCR_IR_GRAPH_H
#define NCR_IR_GRAPH_H

#include "lang/base/diag.h"
#include "lang/base/hash.h"
#include "lang/base/status.h"
#include "lang/base/vec.h"

enum ncr_op {
#define NCR_OP_ROW(NAME, ...) NCR_OP_##NAME,
#include "compiler/ir/ops.def"
#undef NCR_OP_ROW
    NCR_OP_COUNT_
};

enum ncr_attr_bit {
    NCR_ATTR_OUT = 1 << 0,
    NCR_ATTR_KERNEL = 1 << 1,
    NCR_ATTR_STRIDE = 1 << 2,
    NCR_ATTR_PAD = 1 << 3,
    NCR_ATTR_DILATION = 1 << 4,
    NCR_ATTR_GROUPS = 1 << 5,
    NCR_ATTR_BIAS = 1 << 6,
    NCR_ATTR_MULTIPLIER = 1 << 7,
    NCR_ATTR_EPS = 1 << 8,
    NCR_ATTR_MOMENTUM = 1 << 9,
    NCR_ATTR_ALPHA = 1 << 10,
    NCR_ATTR_FACTOR = 1 << 11,
    NCR_ATTR_RATE = 1 << 12,
    NCR_ATTR_SHAPE = 1 << 13,
    NCR_ATTR_QUANT = 1 << 14, // of every operator, and never written as an argument
};

enum ncr_site_bit {
    NCR_SITE_ACTIVATION = 1 << 0,
    NCR_SITE_WEIGHT = 1 << 1,
    NCR_SITE_BIAS = 1 << 2,
    NCR_SITE_ACCUMULATOR = 1 << 3,
    NCR_SITE_REQUANT = 1 << 4,
};

struct ncr_quant_spec;

enum { NCR_MAX_RANK = 3, NCR_LIMIT_DIM = 1 << 20, NCR_LIMIT_ELEMENTS = 1 << 28 };
// Of one network, so that FLOPs and bits still fit into 64 bits.
#define NCR_LIMIT_MACS (INT64_C(1) << 60)

struct ncr_shape {
    uint32_t rank; // 1: [N]; 3: [C, H, W]
    int32_t dim[NCR_MAX_RANK];
};

enum ncr_pad_mode { NCR_PAD_SAME, NCR_PAD_VALID, NCR_PAD_EXPLICIT };

// Sides in the order top, left, bottom, right. "same": out = ceil(in / stride), the total split
// with the smaller half first (TensorFlow's rule).
struct ncr_attrs {
    int32_t out, groups, multiplier;           // channels out; groups; channel multiplier of dwconv
    int32_t kernel[2], stride[2], dilation[2]; // height, width
    enum ncr_pad_mode pad_mode;
    int32_t
        pad[4]; // in: the explicit amounts; after inference: the resolved amounts for every mode
    int32_t factor[2]; // upsample (nearest neighbour): height, width
    bool bias;
    float eps, momentum, alpha, rate;
    struct ncr_shape shape; // input, reshape
    // Number format of this layer in place of the network's (@quant); NULL: the network's. Compared
    // by the format that it declares.
    const struct ncr_quant_spec *quant;
};

// Defaults of the language: stride 1 (pools: the kernel), same padding, dilation 1, groups 1,
// multiplier 1, bias true, eps 1e-5, momentum 0.1, alpha 0.01, rate 0.5. stride 0 in a pool means
// "the kernel" and is resolved by inference.
struct ncr_attrs ncr_attrs_default(enum ncr_op op);

enum ncr_param_role {
    NCR_PARAM_WEIGHT, // conv [O, I/groups, Kh, Kw]; dwconv [C·m, 1, Kh, Kw]; dense [O, I]
    NCR_PARAM_BIAS,   // [O]
    NCR_PARAM_GAMMA,  // batchnorm [C]; named "weight" in files, as elsewhere
    NCR_PARAM_BETA,   // [C]; named "bias" in files
    NCR_PARAM_MEAN,   // [C], running mean; not counted as a parameter, not trained by gradient
    NCR_PARAM_VAR,    // [C], running variance; likewise
};
enum { NCR_PARAM_ROLES = NCR_PARAM_VAR + 1 };

struct ncr_param {
    struct ncr_str name; // "<path>.weight", ".bias", ".running_mean", ".running_var"
    enum ncr_param_role role;
    uint32_t rank;
    int32_t dim[4];
    int64_t n; // elements
};

// Where a node comes from: its span and the chain of block applications around it, innermost first.
struct ncr_origin {
    struct ncr_span span;        // the call of the operator
    struct ncr_str block;        // block whose body holds the span; empty: the net itself
    const struct ncr_origin *up; // where that block was applied; NULL at the net
};

typedef uint32_t ncr_node_id;
#define NCR_NO_NODE UINT32_MAX

struct ncr_node {
    enum ncr_op op;
    uint32_t n_in;
    const ncr_node_id *in;
    struct ncr_attrs attrs;         // resolved
    struct ncr_shape shape;         // of the output
    uint32_t first_param, n_params; // run in graph->params, in the order of ncr_params_*; shared by
                                    // nodes that share weights
    struct ncr_str path;            // unique: "lenet/conv1", "tiny/body[1]/conv"
    const struct ncr_origin *origin; // may be NULL (graph read from text)
};

struct ncr_output {
    struct ncr_str name; // empty where the net has one unnamed output
    ncr_node_id node;
};

struct ncr_graph {
    struct ncr_str name;
    struct ncr_node *nodes; // topological order: inputs of a node have smaller ids
    uint32_t n_nodes;
    struct ncr_param *params;
    uint32_t n_params;
    ncr_node_id *inputs;
    uint32_t n_inputs;
    struct ncr_output *outputs;
    uint32_t n_outputs;
};

// ---- facts of the table ----
const char *ncr_op_name(enum ncr_op op);
bool ncr_op_find(struct ncr_str name, enum ncr_op *out);
uint32_t ncr_op_attrs(enum ncr_op op); // bits of enum ncr_attr_bit
uint32_t ncr_op_sites(enum ncr_op op);
int ncr_op_min_in(enum ncr_op op);
int ncr_op_max_in(enum ncr_op op); // -1: any number

// ---- shapes ----
int64_t ncr_shape_elements(const struct ncr_shape *shape);
bool ncr_shape_equal(const struct ncr_shape *a, const struct ncr_shape *b);
// "3x32x32"; gives the buffer back.
const char *ncr_shape_text(const struct ncr_shape *shape, char out[48]);
// The inverse: "10" or "3x32x32". False when text is anything else; bounds are inference's
// business.
bool ncr_shape_read(struct ncr_str text, struct ncr_shape *out);

// ---- attributes: the table attrs.def ----
const char *ncr_attr_name(uint32_t bit); // of one bit of enum ncr_attr_bit: "kernel"
bool ncr_attr_find(struct ncr_str name, uint32_t *bit);
// Same meaning for this operator: fields that it does not have do not count, and padding is
// compared by its resolved amounts, so `same` equals the same amounts written out. Both must be
// resolved.
bool ncr_attrs_equal(enum ncr_op op, const struct ncr_attrs *a, const struct ncr_attrs *b);

// Why an operator cannot be applied. blame is the attribute whose source place fits best (0: the
// call).
struct ncr_op_error {
    enum ncr_diag_code code;
    uint32_t blame;
    char text[256], help[256];
};

// ---- one operator ----
// What follows from an operator and its input shapes.
struct ncr_op_facts {
    struct ncr_attrs attrs;     // resolved
    struct ncr_shape shape;     // of the output
    struct ncr_param params[4]; // without names, in the order in which a node has them
    uint32_t n_params;
    int64_t n_trained; // elements of the trainable ones
    int64_t macs;
};
// False with err filled where the operator cannot be applied. The number of inputs must be right.
bool ncr_op_facts(enum ncr_op op, const struct ncr_attrs *attrs, const struct ncr_shape *in,
                  uint32_t n_in, struct ncr_op_facts *out, struct ncr_op_error *err);
// Whether a later application may use the weights of an earlier one; err says why not. path: of the
// earlier one; before, now: their first input shapes.
bool ncr_op_shareable(const struct ncr_op_facts *first, const struct ncr_op_facts *again,
                      struct ncr_str path, const struct ncr_shape *before,
                      const struct ncr_shape *now, struct ncr_op_error *err);
// "weight", "bias", "running_mean": the last part of a parameter's name.
const char *ncr_param_suffix(enum ncr_param_role role);

// ---- building ----
// A builder owns a growing graph in an arena; nothing is checked later that was not checked here.
struct ncr_builder;
struct ncr_builder *ncr_builder_new(struct ncr_arena *arena, struct ncr_str name);
// Adds a node: infers its shape, resolves attrs, creates its parameters under `path`.
// share: an earlier node with the same op, attrs and parameter shapes whose weights it uses, or
// NCR_NO_NODE. NCR_NO_NODE after an error, which is then in err. in is copied.
ncr_node_id ncr_builder_add(struct ncr_builder *builder, enum ncr_op op,
                            const struct ncr_attrs *attrs, const ncr_node_id *in, uint32_t n_in,
                            struct ncr_str path, ncr_node_id share, const struct ncr_origin *origin,
                            struct ncr_op_error *err);
const struct ncr_node *ncr_builder_node(const struct ncr_builder *builder, ncr_node_id id);
uint32_t ncr_builder_count(const struct ncr_builder *builder);
void ncr_builder_output(struct ncr_builder *builder, struct ncr_str name, ncr_node_id node);
// Running totals while building, for `require`.
int64_t ncr_builder_params(const struct ncr_builder *builder);
int64_t ncr_builder_macs(const struct ncr_builder *builder);
struct ncr_graph *ncr_builder_finish(struct ncr_builder *builder);

// ---- whole graphs ----
// Checks every rule of the form: order, arity, shapes and attributes against the rules of
// inference, parameters against their operators and in order of first use, unique names, inputs and
// outputs. A failure is our bug and names the node. True when sound; why may be NULL.
bool ncr_graph_verify(const struct ncr_graph *graph, struct ncr_error *why);
// Text form, and its reader (exact inverse up to origins: lang/spec/operators.md, "Text form"). The
// reader takes file `file` of diags->sources; it verifies what it read. NULL after a diagnostic.
void ncr_graph_dump(const struct ncr_graph *graph, struct ncr_buf *out);
struct ncr_graph *ncr_graph_read(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file);
// Content hash over everything but origins and the graph's name.
struct ncr_hash ncr_graph_hash(const struct ncr_graph *graph);
// Canonical id of the architecture: independent of names, order of nodes, order of commutative
// inputs, identities and dead nodes. Equal networks have equal ids; which layers share weights
// counts.
struct ncr_hash ncr_graph_arch_id(const struct ncr_graph *graph);
// The proof behind equal ids: true when an isomorphism of the two simplified graphs was found
// (operators, attributes, shapes, sharing of weights, order of inputs and outputs). A search that
// takes more than NCR_LIMIT_MATCHES steps, which needs many indistinguishable branches that are
// wired differently, counts as not equal.
enum { NCR_LIMIT_MATCHES = 1 << 20 };
bool ncr_graph_equal(const struct ncr_graph *a, const struct ncr_graph *b);
// A new graph in the same order without what computes nothing: identity, dropout, concat of one
// tensor, relu of relu and relu6 of relu6, flatten and reshape to the same shape, zero padding, 1x1
// pools with stride 1, upsampling by 1, and nodes that reach no output. Every kept tensor has the
// same value, bit for bit. Names are kept; inputs stay.
struct ncr_graph *ncr_graph_simplify(struct ncr_arena *arena, const struct ncr_graph *graph);

// ---- counts (analysis.md section 1) ----
// Trainable parameters of a node; a node that shares weights counts them too (use ncr_graph_params
// for the total).
int64_t ncr_node_params(const struct ncr_graph *graph, ncr_node_id id);
int64_t ncr_node_macs(const struct ncr_graph *graph, ncr_node_id id);
int64_t ncr_graph_params(const struct ncr_graph *graph); // shared ones once
int64_t ncr_graph_macs(const struct ncr_graph *graph);   // shared ones each time

#endif
