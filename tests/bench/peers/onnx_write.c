// Protocol buffers by hand: a field is its number and wire type, then a varint or a length and
// bytes. A message within a message is made in a buffer of its own, since its length comes first.
#include "tests/bench/peers/onnx_write.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "raw data of ONNX tensors are little-endian"
#endif

enum { IR_VERSION = 8, OPSET = 13 };
enum { WIRE_VARINT = 0, WIRE_BYTES = 2 };
enum { ATTRIBUTE_INT = 2, ATTRIBUTE_INTS = 7 };

static void varint(struct ncr_buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        ncr_buf_putc(b, (char)(v | 0x80));
    ncr_buf_putc(b, (char)v);
}

static void number(struct ncr_buf *b, uint32_t field, int64_t v)
{
    varint(b, field << 3 | WIRE_VARINT);
    varint(b, (uint64_t)v);
}

static void bytes(struct ncr_buf *b, uint32_t field, const void *data, size_t n)
{
    varint(b, field << 3 | WIRE_BYTES);
    varint(b, n);
    ncr_buf_put(b, data, n);
}

static void text(struct ncr_buf *b, uint32_t field, const char *s)
{
    bytes(b, field, s, strlen(s));
}

// Moves a finished message into field `field` of b.
static void message(struct ncr_buf *b, uint32_t field, struct ncr_buf *inner)
{
    bytes(b, field, inner->s, inner->n);
    b->failed |= inner->failed;
    ncr_buf_free(inner);
}

size_t onnx_type_bytes(enum onnx_type type)
{
    return type == ONNX_FLOAT || type == ONNX_INT32 ? 4 : 1;
}

int64_t onnx_elements(const struct onnx_shape *shape)
{
    int64_t n = 1;
    for (uint32_t i = 0; i < shape->rank; i++)
        n *= shape->dim[i];
    return n;
}

void onnx_put_node(struct onnx_writer *w, const struct onnx_node *node)
{
    struct ncr_buf b = {0};
    for (uint32_t i = 0; i < ONNX_INPUTS && node->in[i]; i++)
        text(&b, 1, node->in[i]);
    text(&b, 2, node->out);
    text(&b, 3, node->out);
    text(&b, 4, node->op);
    for (uint32_t i = 0; i < node->n_attrs; i++) {
        const struct onnx_attr *a = &node->attrs[i];
        struct ncr_buf inner = {0};
        text(&inner, 1, a->name);
        for (uint32_t k = 0; k < a->n; k++)
            number(&inner, a->list ? 8 : 3, a->value[k]);
        number(&inner, 20, a->list ? ATTRIBUTE_INTS : ATTRIBUTE_INT);
        message(&b, 5, &inner);
    }
    message(&w->nodes, 1, &b);
}

void onnx_put_tensor(struct onnx_writer *w, const char *name, enum onnx_type type,
                     const struct onnx_shape *shape, const void *data)
{
    struct ncr_buf b = {0};
    for (uint32_t i = 0; i < shape->rank; i++)
        number(&b, 1, shape->dim[i]);
    number(&b, 2, type);
    text(&b, 8, name);
    bytes(&b, 9, data, (size_t)onnx_elements(shape) * onnx_type_bytes(type));
    message(&w->tensors, 5, &b);
}

static void value(struct ncr_buf *to, uint32_t field, const char *name, enum onnx_type type,
                  const struct onnx_shape *shape)
{
    struct ncr_buf info = {0}, any = {0}, tensor = {0}, dims = {0};
    for (uint32_t i = 0; i < shape->rank; i++) {
        struct ncr_buf dim = {0};
        number(&dim, 1, shape->dim[i]);
        message(&dims, 1, &dim);
    }
    number(&tensor, 1, type);
    message(&tensor, 2, &dims);
    message(&any, 1, &tensor);
    text(&info, 1, name);
    message(&info, 2, &any);
    message(to, field, &info);
}

void onnx_put_input(struct onnx_writer *w, const char *name, enum onnx_type type,
                    const struct onnx_shape *shape)
{
    value(&w->inputs, 11, name, type, shape);
}

void onnx_put_output(struct onnx_writer *w, const char *name, enum onnx_type type,
                     const struct onnx_shape *shape)
{
    value(&w->outputs, 12, name, type, shape);
}

bool onnx_finish(struct onnx_writer *w, const char *name, struct ncr_buf *out)
{
    struct ncr_buf graph = {0}, opset = {0}, *parts[] = {&w->tensors, &w->inputs, &w->outputs};
    ncr_buf_put(&graph, w->nodes.s, w->nodes.n);
    text(&graph, 2, name);
    graph.failed |= w->nodes.failed;
    for (size_t i = 0; i < NCR_COUNT(parts); i++) {
        ncr_buf_put(&graph, parts[i]->s, parts[i]->n);
        graph.failed |= parts[i]->failed;
        ncr_buf_free(parts[i]);
    }
    ncr_buf_free(&w->nodes);
    number(out, 1, IR_VERSION);
    text(out, 2, "nacre");
    message(out, 7, &graph);
    number(&opset, 2, OPSET); // the domain is the default one
    message(out, 8, &opset);
    *w = (struct onnx_writer){.nodes = {0}};
    return !out->failed;
}
