// A random network with inputs and what the interpreter makes of them, in the order that machine
// code reads and writes ([H, W, C]).
#ifndef NCR_TESTS_RUN_CODE_H
#define NCR_TESTS_RUN_CODE_H

#include "compiler/codegen/codegen.h"
#include "tests/support/random_graph.h"

struct sample {
    int8_t *in[2], *want[3], *out[3]; // [H, W, C]; out is zeroed
    size_t in_bytes[2], out_bytes[3];
    int8_t **values; // of every qnode, in logical order
};

// Names of the families; those that this processor cannot run are left out.
enum { MAX_FAMILIES = 8 };
uint32_t runnable_families(const char *names[MAX_FAMILIES]);

void to_hwc(const struct ncr_qnode *node, const int8_t *from, int8_t *to);
void sample_make(struct ncr_arena *arena, const struct random_net *net, uint64_t seed,
                 struct sample *out);
// Samples of `seed` and the numbers behind it, one after the other in each of in, want and out;
// bytes are those of all, values those of the last one.
void sample_batch(struct ncr_arena *arena, const struct random_net *net, uint64_t seed,
                  uint32_t images, struct sample *out);

// Whether a tensor lies in the buffer of the concatenation that reads it.
bool has_slices(const struct ncr_plan *plan);

// An arena of `bytes` bytes, aligned as plans ask, whose end (up to the alignment) or, with
// at_start, whose start meets a page that must not be touched. It is filled with GUARD_FILL, and so
// is what remains of its pages.
enum { GUARD_FILL = 0xA5 };
struct guarded {
    uint8_t *memory;
    size_t bytes;
    void *map;
    size_t map_bytes;
};
struct guarded guarded_new(size_t bytes, bool at_start);
// Whether the bytes around the arena are as they were.
bool guarded_intact(const struct guarded *guarded);
void guarded_free(struct guarded *guarded);

#endif
