// Built-in procedural data: hand-written-looking digits, drawn from strokes.
#ifndef NCR_DATA_DIGITS_H
#define NCR_DATA_DIGITS_H

#include "runtime/data/images.h"

enum { NCR_DIGITS_CLASSES = 10, NCR_DIGITS_SIDE = 28 };
// Test images have indices from here on, so that they do not depend on how many are for training.
#define NCR_DIGITS_TEST ((uint64_t)1 << 32)

// Draws images [first, first + n) of `seed`, grey 28x28. Image i depends on (seed, i) alone and is
// the same on every machine: only + - * / and sqrt of IEEE doubles, no fused operations. Its class
// is drawn too, so classes are equally likely but not equally many. NCR_ENVIRONMENT past the limit
// of images.h.
enum ncr_status ncr_digits_draw(uint64_t seed, uint64_t first, uint64_t n, struct ncr_images *out,
                                struct ncr_error *err);

#endif
