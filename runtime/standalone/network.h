#ifndef NACRE_NETWORK_TYPES
#define NACRE_NETWORK_TYPES

#include <stddef.h>
#include <stdint.h>

/* A network's description is one constant without addresses, so that no linker or loader has to
 * write to it: it stays in read-only memory wherever it is loaded. What it leads to is so many
 * bytes behind its beginning; the functions below go there. */
struct nacre_tensor {
    uint32_t name;        /* a text */
    int32_t rank, dim[3]; /* rank 3: [C, H, W], in memory [H, W, C]; rank 1: [N, 1, 1] */
    int32_t bytes;        /* of all elements */
    int32_t zero_point;
    int32_t element; /* bytes of one: 1, int8_t, or 2, int16_t */
    double scale;    /* real = scale * (q - zero_point) */
};

struct nacre_network {
    uint32_t name, arch_id, target, family; /* texts */
    uint32_t n_inputs, n_outputs;
    uint32_t inputs, outputs, constants, pixels;
    size_t arena_bytes, arena_align;
    size_t stack_bytes; /* that a run needs below its caller, at most; 0: not known */
    size_t constant_bytes;
    size_t batch; /* samples of a run, one after the other in the memory of each tensor */
};

static inline const void *nacre_at(const struct nacre_network *net, uint32_t at)
{
    return (const char *)net + at;
}
/* nacre_text(net, net->name), and likewise the other texts */
static inline const char *nacre_text(const struct nacre_network *net, uint32_t text)
{
    return (const char *)nacre_at(net, text);
}
static inline const struct nacre_tensor *nacre_inputs(const struct nacre_network *net)
{
    return (const struct nacre_tensor *)nacre_at(net, net->inputs);
}
static inline const struct nacre_tensor *nacre_outputs(const struct nacre_network *net)
{
    return (const struct nacre_tensor *)nacre_at(net, net->outputs);
}
/* Packed weights, biases, multipliers, tables. */
static inline const uint8_t *nacre_constants(const struct nacre_network *net)
{
    return (const uint8_t *)nacre_at(net, net->constants);
}
/* The first input for each pixel byte, [C][256] elements; NULL where none was asked for. */
static inline const int8_t *nacre_pixels(const struct nacre_network *net)
{
    return net->pixels ? (const int8_t *)nacre_at(net, net->pixels) : NULL;
}

#endif
