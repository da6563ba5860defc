#ifndef NACRE_NETWORK_TYPES
#define NACRE_NETWORK_TYPES

#include <stddef.h>
#include <stdint.h>

struct nacre_tensor {
    const char *name;
    int32_t rank, dim[3]; /* rank 3: [C, H, W], in memory [H, W, C]; rank 1: [N, 1, 1] */
    int32_t bytes;        /* one byte an element */
    int32_t zero_point;
    double scale; /* real = scale * (q - zero_point) */
};

struct nacre_network {
    const char *name, *arch_id, *target, *family;
    uint32_t n_inputs, n_outputs;
    const struct nacre_tensor *inputs, *outputs;
    size_t arena_bytes, arena_align;
    size_t stack_bytes;       /* that a run needs below its caller, at most; 0: not known */
    const uint8_t *constants; /* packed weights, biases, multipliers, tables */
    size_t constant_bytes;
    const int8_t
        *pixels; /* the first input for each pixel byte, [C][256]; NULL where none was asked for */
};

#endif
