// Bytes of an ONNX model: the part of its protocol buffers (onnx.proto, IR version 8) that a
// network of convolutions and dense layers needs. Knows no graph of ours: names, shapes and raw
// numbers in, bytes out.
#ifndef PEERS_ONNX_WRITE_H
#define PEERS_ONNX_WRITE_H

#include "lang/base/str.h"

// Element types, numbered as in TensorProto.
enum onnx_type { ONNX_FLOAT = 1, ONNX_UINT8 = 2, ONNX_INT8 = 3, ONNX_INT32 = 6 };

enum { ONNX_RANK = 4, ONNX_INTS = 4, ONNX_INPUTS = 4 };

struct onnx_shape {
    uint32_t rank; // 0: a scalar
    int64_t dim[ONNX_RANK];
};

struct onnx_attr {
    const char *name;
    bool list; // "ints"; else "int"
    uint32_t n;
    int64_t value[ONNX_INTS];
};

struct onnx_node {
    const char *op;
    const char *in[ONNX_INPUTS]; // up to the first NULL
    const char *out;             // also the node's name
    const struct onnx_attr *attrs;
    uint32_t n_attrs;
};

struct onnx_writer {
    struct ncr_buf nodes, tensors, inputs, outputs; // fields of GraphProto, each complete
};

// Nodes in topological order; a name stands for one tensor.
void onnx_put_node(struct onnx_writer *w, const struct onnx_node *node);
// A constant; data: the elements row-major, as this (little-endian) machine holds them.
void onnx_put_tensor(struct onnx_writer *w, const char *name, enum onnx_type type,
                     const struct onnx_shape *shape, const void *data);
void onnx_put_input(struct onnx_writer *w, const char *name, enum onnx_type type,
                    const struct onnx_shape *shape);
void onnx_put_output(struct onnx_writer *w, const char *name, enum onnx_type type,
                     const struct onnx_shape *shape);
// The whole model into out; frees what the writer holds. False: out of memory.
bool onnx_finish(struct onnx_writer *w, const char *name, struct ncr_buf *out);

size_t onnx_type_bytes(enum onnx_type type);
int64_t onnx_elements(const struct onnx_shape *shape);

#endif
