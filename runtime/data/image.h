// One image from a file of its own, for `nacre run --image`.
#ifndef NCR_DATA_IMAGE_H
#define NCR_DATA_IMAGE_H

#include "runtime/data/file.h"
#include "runtime/data/images.h"

// Reads a binary PGM ("P5", one channel) or PPM ("P6", three channels) of maximum 255, or raw bytes
// in [C, H, W] order, as exactly one image of `shape` ([C, H, W]) into pixels. NCR_ENVIRONMENT with
// the offset, what was expected and what was found.
enum ncr_status ncr_image_read(const struct ncr_io *io, const char *path,
                               const struct ncr_shape *shape, uint8_t *pixels,
                               struct ncr_error *err);

#endif
