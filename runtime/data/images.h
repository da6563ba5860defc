// What a reader gives: labelled byte images of one shape, on the heap, in the order of the file.
#ifndef NCR_DATA_IMAGES_H
#define NCR_DATA_IMAGES_H

#include "compiler/ir/graph.h"

// One part of a source (its training or its test images) may take no more memory than this.
enum { NCR_LIMIT_IMAGE_BYTES = 1 << 30 };

struct ncr_images {
    uint64_t n;
    struct ncr_shape shape; // [C, H, W]
    uint8_t *pixels;        // [n, C, H, W]
    uint8_t *labels;        // [n]
};

// Room for n images. NCR_ENVIRONMENT where they exceed NCR_LIMIT_IMAGE_BYTES or memory; `who` names
// their source in the text.
enum ncr_status ncr_images_new(const char *who, uint64_t n, const struct ncr_shape *shape,
                               struct ncr_images *out, struct ncr_error *err);
void ncr_images_free(struct ncr_images *images);
// Bytes of one image.
size_t ncr_image_bytes(const struct ncr_images *images);

// Moves round(share · n) images to `drawn` (which shares nothing with images); both then are in an
// order drawn by seed, and together they are what was there. share in [0, 1]; with a share that
// rounds to 0 nothing is drawn and the order stays.
enum ncr_status ncr_images_split(struct ncr_images *images, double share, uint64_t seed,
                                 struct ncr_images *drawn, struct ncr_error *err);

#endif
