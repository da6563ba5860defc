// Arenas: memory with one lifetime. Allocation never fails from the caller's view: when memory or the
// arena's limit is exhausted the arena jumps to the handler set by ncr_arena_on_oom, or, without one, aborts.
#ifndef NCR_BASE_ARENA_H
#define NCR_BASE_ARENA_H

#include <setjmp.h>

#include "lang/base/base.h"

struct ncr_arena;

struct ncr_arena_mark {
    void *chunk;
    size_t used;
    size_t total;
};

// A new, empty arena. limit_bytes bounds the sum of all allocations; 0 means no bound. NULL when out of memory.
struct ncr_arena *ncr_arena_new(size_t limit_bytes);
// Frees the arena and all that was allocated in it. NULL is allowed.
void ncr_arena_free(struct ncr_arena *arena);
// child, which nobody else frees, lives as long as arena from now on; its handler is taken away.
void ncr_arena_adopt(struct ncr_arena *arena, struct ncr_arena *child);
// The jump target for exhaustion, usually set at the entry of a public function; NULL takes it away.
void ncr_arena_on_oom(struct ncr_arena *arena, jmp_buf *handler);

// size bytes, zeroed, aligned to 16. size 0 gives a valid pointer.
void *ncr_arena_alloc(struct ncr_arena *arena, size_t size);
// n items of size bytes with checked multiplication.
void *ncr_arena_array(struct ncr_arena *arena, size_t n, size_t size);
// Grows a block that was allocated with old_size: in place where it is the last one, else a copy.
void *ncr_arena_grow(struct ncr_arena *arena, void *block, size_t old_size, size_t new_size);
void *ncr_arena_copy(struct ncr_arena *arena, const void *bytes, size_t size);

struct ncr_arena_mark ncr_arena_mark(const struct ncr_arena *arena);
// Frees all that was allocated after the mark was taken.
void ncr_arena_reset(struct ncr_arena *arena, struct ncr_arena_mark mark);
// Bytes allocated so far.
size_t ncr_arena_used(const struct ncr_arena *arena);

#define NCR_NEW(arena, type)      ((type *)ncr_arena_alloc((arena), sizeof(type)))
#define NCR_NEW_N(arena, type, n) ((type *)ncr_arena_array((arena), (n), sizeof(type)))

#endif
