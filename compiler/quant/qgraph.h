// QGRAPH: the integer network. Batchnorm is folded, activations are fused into the producer's clamp
// where they are a clamp, identities are gone. One tensor per node, named by the node. Structure
// (n_nodes, shapes, fusion) depends on the graph and the format alone, so that memory can be
// planned before anything is trained; numbers (weights, scales) are there when has_numbers.
//
// Elements of a tensor are int8, or int16 where its activations have more than 8 bits; those are
// symmetric, with zero point 0. What is stored is told by the node whose output it is, so that the
// inputs of one operator may differ. Tensors are passed as `int8_t *`, the bytes of their elements.
//
// Arithmetic of every node, with x the inputs, zx their zero points, zy, lo and hi zero point
// and clamp of the output (see qmath.h). y = clamp(zy + r, lo, hi) for:
//
//   CONV, DWCONV, DENSE
//       r = requantise(bias[o] + Σ w·x, mult[o], shift[o]); taps in the padding read zx. w is the
//       integer that the stored weight stands for (weight_form.h).
//       bias[o] is the stored constant round(b / (sw·sx)) - zx·Σ w: the zero point is folded in,
//       and stays folded when a fault changes a weight, since that is what the memory holds.
//   ADD
//       t = Σ_i (x_i - zx_i) · in_mult[i], the inputs on a common scale 2^-20 finer than the widest
//       (coarser for many or wide inputs, so that |t| < 2^30); r = requantise(t, mult[0], shift[0])
//   MUL
//       r = requantise((a - za)·(b - zb), mult[0], shift[0]); equal shapes, or one of them [C, 1,
//       1]
//   CONCAT
//       per input i: r = requantise(x - zx_i, mult[i], shift[i]). Inputs that join it have its
//       scale, its zero point and a clamp within its own: they are copied.
//   AVGPOOL
//       r = requantise(Σ (x - zx) over the taps inside the image, mult[k], shift[k]) with k = taps
//       inside - 1, or k = 0 where nothing is padded and so every window is full
//
// and without the clamp:
//
//   MAXPOOL   y = max over the taps inside the image; scale and zero point of the input
//   LUT       lut.h: a table by byte, or of 512 straight pieces
//   SOFTMAX   softmax.h: integer exponentials from a table; output scale 1/256 and zero point -128
//             in bytes, 2^-(bits - 1) and 0 in 16 bits
//   UPSAMPLE, PAD, RESHAPE   copies with scale and zero point of the input; PAD fills with zx
#ifndef NCR_QUANT_QGRAPH_H
#define NCR_QUANT_QGRAPH_H

#include "compiler/ir/config.h"
#include "compiler/ir/weights.h"
#include "compiler/quant/qmath.h"
#include "compiler/quant/weight_form.h"

enum ncr_qop {
#define NCR_QOP_ROW(NAME, name) NCR_QOP_##NAME,
#include "compiler/quant/qops.def"
#undef NCR_QOP_ROW
    NCR_QOP_COUNT_
};

struct ncr_qnode {
    enum ncr_qop op;
    uint32_t n_in;
    const uint32_t *in;      // qnode ids
    struct ncr_attrs attrs;  // kernel, stride, pad (resolved), dilation, groups, factor
    struct ncr_shape shape;  // logical [C, H, W] or [N]
    ncr_node_id node;        // the graph node that does the work (conv, add, …)
    ncr_node_id last;        // the last graph node fused into it: same tensor as this output
    struct ncr_str path;     // of `node`
    int64_t macs, n_weights; // n_weights: elements of the weight tensor, 0 without
    // Formats of this layer: the network's, or those of its @quant; NULL in what was read.
    const struct ncr_quant_spec *spec;
    struct ncr_weight_form form; // of the weights; zeros without
    // What a stored weight stands for, by its byte; NULL without weights.
    const struct ncr_weight_values *values;
    int32_t n_channels; // entries of bias, mult, shift: output channels; ADD, MUL 1; CONCAT n_in;
                        // AVGPOOL kernel area where something is padded, else 1
    uint32_t bits;      // of an activation where they are stored in int16, 9 to 16; at most 8: int8
    uint32_t joins;     // the CONCAT whose scale and zero point it takes (join.c), or 0

    // numbers: valid when the graph has_numbers
    double scale; // real = scale · (q - zero_point)
    int32_t zero_point;
    int32_t lo, hi;       // clamp of the output, within what its bits hold
    double *weight_scale; // n_channels; real weight = weight_scale[o] · w
    // As stored (weight_form.h), in the graph's logical order: conv [O, I/g, Kh, Kw]; dwconv [C·m,
    // 1, Kh, Kw]; dense [O, I].
    int8_t *weights;
    int32_t *bias;
    int32_t *mult, *shift; // struct ncr_qscale split into arrays
    int32_t *in_mult;      // ADD
    // ncr_qnode_table_entries of them:
    int8_t *lut;        // LUT of bytes
    int32_t *wide_lut;  // LUT that reads or gives 16 bits, which is what an entry has
    int32_t *exp_table; // SOFTMAX
};

struct ncr_qgraph {
    const struct ncr_graph *graph; // what it was made of
    struct ncr_str name;
    struct ncr_quant_spec spec;
    struct ncr_qnode *nodes; // topological
    uint32_t n_nodes;
    uint32_t *inputs, n_inputs;   // qnodes of the graph's inputs
    uint32_t *outputs, n_outputs; // qnodes of the graph's outputs
    bool has_numbers;
};

// Ranges seen on calibration data: per graph node, least and largest value of its float output.
struct ncr_ranges {
    uint32_t n;
    float *lo, *hi;
};

// Structure only (weights and ranges NULL), or with numbers. graph must be simplified
// (ncr_graph_simplify). A format or operator that cannot be quantised is a diagnostic at the
// operator's or the spec's span; then NULL.
struct ncr_qgraph *ncr_qgraph_build(struct ncr_arena *arena, struct ncr_diags *diags,
                                    const struct ncr_graph *graph,
                                    const struct ncr_quant_spec *spec,
                                    const struct ncr_weights *weights,
                                    const struct ncr_ranges *ranges);

// Calibration: feeds samples one by one. Min-max keeps the extremes; percentile p gives [lo, hi]
// such that the share p of all values is at least lo, and the share p at most hi (to about 1/64 of
// the value, from a histogram). A tensor with nan or infinity gets [-inf, inf], which
// ncr_qgraph_build refuses. All that is passed must outlive the calibrator.
struct ncr_calibrator;
struct ncr_calibrator *ncr_calibrator_new(struct ncr_arena *arena, const struct ncr_graph *graph,
                                          const struct ncr_weights *weights,
                                          const struct ncr_quant_spec *spec);
void ncr_calibrator_feed(struct ncr_calibrator *calibrator, const float *const *inputs);
const struct ncr_ranges *ncr_calibrator_finish(struct ncr_calibrator *calibrator);

const char *ncr_qop_name(enum ncr_qop op);
bool ncr_qop_has_weights(enum ncr_qop op); // CONV, DWCONV, DENSE
bool ncr_qop_has_mult(enum ncr_qop op);    // those, ADD, MUL, CONCAT, AVGPOOL
// Gives values of its input, with their scale and bits: ZERO, MAXPOOL, UPSAMPLE, PAD, RESHAPE.
bool ncr_qop_copies(enum ncr_qop op);
// What n_weights and n_channels must be, from op, attributes and shapes; -1 where it passes int64.
int64_t ncr_qnode_weights(const struct ncr_qgraph *graph, const struct ncr_qnode *node);
int64_t ncr_qnode_channels(const struct ncr_qnode *node);
// Bytes of the stored weights (two to a byte where they have 4 bits) and of the biases, 4 each; 0
// without weights.
int64_t ncr_qnode_weight_bytes(const struct ncr_qnode *node);
// Bytes of an element of the output, 1 or 2, and of all of them.
static inline int64_t ncr_qnode_element_bytes(const struct ncr_qnode *node)
{
    return node->bits > 8 ? 2 : 1;
}
int64_t ncr_qnode_bytes(const struct ncr_qnode *node);
// Bits of its elements as they count for formats: 8 for all that are stored in int8, else 9 to 16.
static inline uint32_t ncr_qnode_bits(const struct ncr_qnode *node)
{
    return node->bits > 8 ? node->bits : 8;
}
// No quantised value of the output has a larger magnitude than this, nor a larger distance from the
// zero point than that.
static inline int32_t ncr_qnode_magnitude(const struct ncr_qnode *node)
{
    return 1 << (ncr_qnode_bits(node) - 1);
}
static inline int32_t ncr_qnode_reach(const struct ncr_qnode *node)
{
    return node->bits > 8 ? ncr_qnode_magnitude(node) : 255;
}
// Whether the node reads or writes elements of two bytes.
bool ncr_qnode_is_wide(const struct ncr_qgraph *graph, const struct ncr_qnode *node);
// Entries of the table of a LUT or SOFTMAX: 256 of bytes, else what lut.h and softmax.h say; 0 of
// all others.
uint32_t ncr_qnode_table_entries(const struct ncr_qgraph *graph, const struct ncr_qnode *node);
// Element i of a tensor of that node; and its replacement, of which the stored bits are kept.
static inline int32_t ncr_qnode_element(const struct ncr_qnode *node, const int8_t *tensor,
                                        int64_t i)
{
    int16_t wide;
    if (node->bits <= 8) return tensor[i];
    memcpy(&wide, tensor + 2 * i, sizeof wide);
    return wide;
}
static inline void ncr_qnode_put(const struct ncr_qnode *node, int8_t *tensor, int64_t i, int32_t v)
{
    int16_t wide = (int16_t)v;
    if (node->bits <= 8)
        tensor[i] = (int8_t)v;
    else
        memcpy(tensor + 2 * i, &wide, sizeof wide);
}
// Sets `joins` of all nodes: an input of a CONCAT joins it where nothing else reads it, it is no
// output, rounds on its own account, and has the same activations.
void ncr_qgraph_join(struct ncr_arena *scratch, struct ncr_qgraph *graph);
// The node whose range decides scale and zero point of `node`: itself, or the last CONCAT of those
// that one after the other is joined to the next.
const struct ncr_qnode *ncr_qnode_joined(const struct ncr_qgraph *graph,
                                         const struct ncr_qnode *node);
bool ncr_qgraph_verify_joins(const struct ncr_qgraph *graph, struct ncr_error *why);
// Gives node q the form of its weights; nodes of equal form share their table of values.
void ncr_qnode_set_form(struct ncr_arena *arena, const struct ncr_qgraph *graph,
                        struct ncr_qnode *node, struct ncr_weight_form form);
// The integer that weight i stands for.
static inline int32_t ncr_qnode_weight(const struct ncr_qnode *node, int64_t i)
{
    return node->values->of[(uint8_t)node->weights[i]];
}
// The same with one of its stored bits flipped; bit < ncr_weight_width(node->form).
static inline int32_t ncr_qnode_flipped_weight(const struct ncr_qnode *node, int64_t i, int bit)
{
    return node->values->of[(uint8_t)node->weights[i] ^ 1 << bit];
}

// Padding of one side of a convolution's input, and its elements with padding: no sum of buffers
// can pass 64 bits.
enum { NCR_PAD_LIMIT = 1 << 14, NCR_PADDED_LIMIT = 1 << 30 };
// Elements of an average-pooling window: 255 times as much stays below 2^31, for int16 2^15 times.
enum { NCR_AVGPOOL_LIMIT = 8421504, NCR_AVGPOOL_WIDE_LIMIT = 65535 };
static inline int32_t ncr_avgpool_limit(const struct ncr_qnode *input)
{
    return input->bits > 8 ? NCR_AVGPOOL_WIDE_LIMIT : NCR_AVGPOOL_LIMIT;
}

// Checks every rule of the form, names the node that breaks one. What passes can be run: no
// operator leaves its tensors. Holds for what the builder makes and for what was read from text.
bool ncr_qgraph_verify(const struct ncr_qgraph *qgraph, struct ncr_error *why);
// Text form with all numbers, and its reader (exact inverse; graph is NULL in what was read, node
// ids are kept).
void ncr_qgraph_dump(const struct ncr_qgraph *qgraph, struct ncr_buf *out);
struct ncr_qgraph *ncr_qgraph_read(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file);
struct ncr_hash ncr_qgraph_hash(const struct ncr_qgraph *qgraph);

// The integer interpreter: the oracle. inputs[i]: elements in logical order; values[q] receives
// each node's output, allocated in the arena. Plain loops, wrapping int32 accumulators.
void ncr_eval_int(struct ncr_arena *arena, const struct ncr_qgraph *qgraph,
                  const int8_t *const *inputs, int8_t **values);
// One node from given inputs, for layer-by-layer replay.
void ncr_eval_int_node(const struct ncr_qgraph *qgraph, uint32_t q, const int8_t *const *in,
                       int8_t *out);
// Quantises real input values: round(v / scale) + zero_point, saturated.
void ncr_quantise_input(const struct ncr_qnode *input, const float *real, int8_t *out);
// Index of the largest of the first n elements of a tensor of that node; the lowest among equals.
uint32_t ncr_argmax(const struct ncr_qnode *node, const int8_t *tensor, uint32_t n);

#endif
