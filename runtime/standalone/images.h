// Images from a file: IDX, binary PGM or PPM, or raw bytes.
#ifndef NACRE_STANDALONE_IMAGES_H
#define NACRE_STANDALONE_IMAGES_H

#include "runtime/standalone/network.h"
#include "runtime/standalone/text.h"

struct images {
    unsigned char *bytes;       // the whole file
    size_t room;                // memory that it lies in
    const unsigned char *first; // n images of [C, H, W] (planes) or, interleaved, [H, W, C]
    size_t n;
    int interleaved;
};

// Reads `path` as images of `want`'s shape. 0; or -1 with a message, which names the place, in
// `error`. Close after success.
int images_read(const char *path, const struct nacre_tensor *want, struct images *out,
                struct text *error);
void images_close(struct images *images);
// The network's input for image i: elements in [H, W, C] order through the table [C][256].
void images_input(const struct images *images, size_t i, const struct nacre_tensor *want,
                  const signed char *table, signed char *out);

#endif
