// Labelled images in memory, as bytes, with the normalisation that makes them network input.
#ifndef NCR_DATA_DATASET_H
#define NCR_DATA_DATASET_H

#include "compiler/ir/config.h"
#include "compiler/ir/weights.h"
#include "lang/base/io.h"

// pixels is [n, C, H, W], labels [n]. input[c] = (pixel / 255 - mean[c]) / std[c].
struct ncr_dataset {
    uint64_t n;
    struct ncr_shape shape;
    uint32_t n_classes;
    const uint8_t *pixels;
    const uint8_t *labels;
    float mean[4], std[4];
};

struct ncr_data; // all splits of one source, owner of the memory

// Reads or draws the data. base is the folder for relative paths ("" or ending in '/').
enum ncr_status ncr_data_open(const struct ncr_data_spec *spec, struct ncr_str base,
                              const struct ncr_io *io, struct ncr_data **out,
                              struct ncr_error *err);
void ncr_data_free(struct ncr_data *data);
// The view of a reference. NCR_USAGE where the range leaves the split, with both numbers.
enum ncr_status ncr_data_view(const struct ncr_data *data, const struct ncr_data_ref *ref,
                              struct ncr_dataset *out, struct ncr_error *err);
// Input i of the set as floats in [C, H, W] order.
void ncr_dataset_input(const struct ncr_dataset *set, uint64_t i, float *out);
struct ncr_hash ncr_dataset_hash(const struct ncr_dataset *set);

// safetensors: parameters by name, F32. Reading checks names, shapes and sizes against the graph.
enum ncr_status ncr_safetensors_write(const struct ncr_graph *graph,
                                      const struct ncr_weights *weights, const struct ncr_io *io,
                                      const char *path, struct ncr_error *err);
enum ncr_status ncr_safetensors_read(const struct ncr_graph *graph, struct ncr_weights *weights,
                                     const struct ncr_io *io, const char *path,
                                     struct ncr_error *err);

#endif
