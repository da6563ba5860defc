// The IDX format (the MNIST database's): two zero bytes, element type, rank, sizes as 32-bit
// big-endian numbers, elements. Only unsigned bytes are read.
#ifndef NCR_DATA_IDX_H
#define NCR_DATA_IDX_H

#include "runtime/data/file.h"
#include "runtime/data/images.h"

enum { NCR_IDX_RANK = 4 };

// What a header says; the elements follow it at `first` and fill the file exactly.
struct ncr_idx {
    uint32_t rank, dim[NCR_IDX_RANK];
    size_t first;
    uint64_t n_bytes;
};

// what: "images" or "labels", for the error texts.
enum ncr_status ncr_idx_parse(const struct ncr_data_file *file, const char *what,
                              struct ncr_idx *out, struct ncr_error *err);

// A pair of files. Images have rank 3 [n, H, W] or 4 [n, C, H, W] with C up to 4, labels rank 1 and
// values under n_classes (256: all). Free `out` in any case.
enum ncr_status ncr_idx_read(const struct ncr_io *io, struct ncr_str images_path,
                             struct ncr_str labels_path, uint32_t n_classes, struct ncr_images *out,
                             struct ncr_error *err);

#endif
