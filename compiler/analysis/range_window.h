// Private to compiler/analysis: operators that slide weights over an input, seen alike. A vector is
// an image of one pixel, a dense layer a 1x1 convolution of it.
#ifndef NCR_ANALYSIS_RANGE_WINDOW_H
#define NCR_ANALYSIS_RANGE_WINDOW_H

#include "compiler/analysis/range.h"

struct ncr_range_window {
    const struct ncr_qnode *node, *in;
    int32_t C, H, W;    // input
    int32_t OC, OH, OW; // output
    int32_t kh, kw;     // taps
    int32_t stride[2], dilation[2], pad[2];
    int32_t per;  // input channels that an output channel reads
    int32_t outs; // output channels that read the same input channels
};

struct ncr_range_window ncr_range_window_of(const struct ncr_qgraph *graph,
                                            const struct ncr_qnode *node);

// Row (axis 0) or column (axis 1) of the input that tap t of output place `at` reads; it may lie
// outside.
static inline int64_t ncr_range_window_at(const struct ncr_range_window *w, int axis, int64_t at,
                                          int64_t t)
{
    return at * w->stride[axis] - w->pad[axis] + t * w->dilation[axis];
}

// First input channel of output channel o, and where the weights of o begin.
static inline int32_t ncr_range_window_first(const struct ncr_range_window *w, int32_t o)
{
    return o / w->outs * w->per;
}

// What a tap can do over all output places: read the image, read the padding.
struct ncr_range_tap {
    bool inside, padded;
};
// kh·kw of them, in the arena.
struct ncr_range_tap *ncr_range_window_taps(struct ncr_arena *arena,
                                            const struct ncr_range_window *w);

// Output element (o, y, x) before requantisation, as the interpreter sums it. in: [C, H, W].
int32_t ncr_range_window_sum(const struct ncr_range_window *w, const int8_t *in, int32_t o,
                             int32_t y, int32_t x);

// What a weight can multiply: the channel's values where the tap reads the image, the zero point
// where it reads the padding.
static inline struct ncr_interval ncr_range_window_read(const struct ncr_range_window *w,
                                                        struct ncr_range_tap tap,
                                                        struct ncr_interval value)
{
    int64_t z = w->in->zero_point;
    if (!tap.inside) return (struct ncr_interval){z, z};
    if (tap.padded && z < value.lo) value.lo = z;
    if (tap.padded && z > value.hi) value.hi = z;
    return value;
}

static inline struct ncr_interval ncr_interval_times(int64_t w, struct ncr_interval x)
{
    return w < 0 ? (struct ncr_interval){w * x.hi, w * x.lo}
                 : (struct ncr_interval){w * x.lo, w * x.hi};
}

static inline int64_t ncr_interval_size(struct ncr_interval x)
{
    int64_t a = x.lo < 0 ? -x.lo : x.lo, b = x.hi < 0 ? -x.hi : x.hi;
    return a > b ? a : b;
}

static inline struct ncr_interval ncr_interval_hull(struct ncr_interval a, struct ncr_interval b)
{
    return (struct ncr_interval){a.lo < b.lo ? a.lo : b.lo, a.hi > b.hi ? a.hi : b.hi};
}

static inline bool ncr_interval_is_i32(struct ncr_interval x)
{
    return x.lo >= INT32_MIN && x.hi <= INT32_MAX;
}

// Entries for the channels of every node; bounds and reaches are filled in, from values that the
// nodes before already have.
struct ncr_range_map *ncr_range_map_new(struct ncr_arena *arena, const struct ncr_qgraph *qgraph);
void ncr_range_bounds(struct ncr_arena *arena, struct ncr_range_map *map, uint32_t q);

#endif
