// Bytes of stack that a call touches: painted below the caller before, looked at after. All in one
// function, because the painted bytes are those below its frame:
//   volatile unsigned char *top = stack_paint();
//   nacre_run(arena, in, out);
//   size_t bytes = stack_used(top);
#ifndef NACRE_STANDALONE_STACK_H
#define NACRE_STANDALONE_STACK_H

#include <stddef.h>

enum { STACK_PAINTED = 32768, STACK_PAINT = 0xa5 };

static inline __attribute__((always_inline)) volatile unsigned char *stack_paint(void)
{
    volatile unsigned char *top;
#if defined(__x86_64__)
    __asm__ volatile("mov %%rsp, %0" : "=r"(top));
#elif defined(__riscv)
    __asm__ volatile("mv %0, sp" : "=r"(top));
#else
    __asm__ volatile("mov %0, sp" : "=r"(top));
#endif
    for (size_t i = 1; i <= STACK_PAINTED; i++)
        *(top - i) = STACK_PAINT;
    return top;
}

// STACK_PAINTED where all that was painted was used, or more.
static inline __attribute__((always_inline)) size_t stack_used(const volatile unsigned char *top)
{
    size_t deepest = STACK_PAINTED;
    while (deepest > 0 && *(top - deepest) == STACK_PAINT)
        deepest--;
    return deepest;
}

#endif
