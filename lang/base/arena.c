// Arenas as a list of chunks. Does not reuse single blocks.
#include "lang/base/arena.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, FIRST_CHUNK = 16 << 10, LAST_CHUNK = 4 << 20 };

struct chunk {
    struct chunk *prev;
    size_t size, used;
    max_align_t data[];
};

struct ncr_arena {
    struct chunk *top;
    size_t total, limit, next_size;
    jmp_buf *on_oom;
    struct ncr_arena *adopted, *next_adopted; // those that live as long
};

NCR_NORETURN static void oom(struct ncr_arena *arena, size_t size)
{
    if (arena->on_oom) longjmp(*arena->on_oom, 1);
    NCR_BUG("out of memory: %zu bytes asked for, %zu in use, limit %zu, and no handler", size,
            arena->total, arena->limit);
}

struct ncr_arena *ncr_arena_new(size_t limit_bytes)
{
    struct ncr_arena *arena = calloc(1, sizeof *arena);
    if (!arena) return NULL;
    arena->limit = limit_bytes;
    arena->next_size = FIRST_CHUNK;
    return arena;
}

void ncr_arena_free(struct ncr_arena *arena)
{
    if (!arena) return;
    while (arena->adopted) {
        struct ncr_arena *next = arena->adopted->next_adopted;
        ncr_arena_free(arena->adopted);
        arena->adopted = next;
    }
    while (arena->top) {
        struct chunk *prev = arena->top->prev;
        free(arena->top);
        arena->top = prev;
    }
    free(arena);
}

void ncr_arena_adopt(struct ncr_arena *arena, struct ncr_arena *child)
{
    child->on_oom = NULL;
    child->next_adopted = arena->adopted;
    arena->adopted = child;
}

void ncr_arena_on_oom(struct ncr_arena *arena, jmp_buf *handler)
{
    arena->on_oom = handler;
}

void *ncr_arena_alloc(struct ncr_arena *arena, size_t size)
{
    if (size > SIZE_MAX - 2 * ALIGN) oom(arena, size);
    size_t need = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    if (need == 0) need = ALIGN;
    if (arena->limit && (need > arena->limit || arena->total > arena->limit - need))
        oom(arena, size);
    struct chunk *top = arena->top;
    if (!top || top->size - top->used < need) {
        size_t want = need > arena->next_size ? need : arena->next_size;
        if (want > SIZE_MAX - sizeof *top) oom(arena, size);
        top = malloc(sizeof *top + want);
        if (!top) oom(arena, size);
        top->prev = arena->top;
        top->size = want;
        top->used = 0;
        arena->top = top;
        if (arena->next_size < LAST_CHUNK) arena->next_size *= 2;
    }
    void *block = (char *)top->data + top->used;
    top->used += need;
    arena->total += need;
    memset(block, 0, need);
    return block;
}

void *ncr_arena_array(struct ncr_arena *arena, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) oom(arena, SIZE_MAX);
    return ncr_arena_alloc(arena, bytes);
}

void *ncr_arena_grow(struct ncr_arena *arena, void *block, size_t old_size, size_t new_size)
{
    if (!block) return ncr_arena_alloc(arena, new_size);
    void *wider = ncr_arena_alloc(arena, new_size);
    memcpy(wider, block, old_size < new_size ? old_size : new_size);
    return wider;
}

void *ncr_arena_copy(struct ncr_arena *arena, const void *bytes, size_t size)
{
    void *block = ncr_arena_alloc(arena, size);
    if (size) memcpy(block, bytes, size);
    return block;
}

struct ncr_arena_mark ncr_arena_mark(const struct ncr_arena *arena)
{
    return (struct ncr_arena_mark){arena->top, arena->top ? arena->top->used : 0, arena->total};
}

void ncr_arena_reset(struct ncr_arena *arena, struct ncr_arena_mark mark)
{
    while (arena->top && arena->top != mark.chunk) {
        struct chunk *prev = arena->top->prev;
        free(arena->top);
        arena->top = prev;
    }
    if (arena->top) arena->top->used = mark.used;
    arena->total = mark.total;
}

size_t ncr_arena_used(const struct ncr_arena *arena)
{
    return arena->total;
}
