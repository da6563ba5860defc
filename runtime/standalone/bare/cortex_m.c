// Start-up of an Armv7E-M processor: vector table, floating-point unit, semihosting's breakpoint.
#include "runtime/standalone/bare/bare.h"

int bare_call(int operation, const void *block)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

__attribute__((noreturn)) void _start(void);
void _start(void)
{
    // A network without floats does not need the unit, its caller may.
    volatile uint32_t *access = (volatile uint32_t *)0xe000ed88; // CPACR
    *access |= 0xfu << 20;
    __asm__ volatile("dsb\n isb" ::: "memory");
    bare_begin();
}

// What the processor reads at reset: the stack, the entry, and a handler for each exception.
__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    image_stack_top,
    (const void *)_start,
    (const void *)bare_fault,
    (const void *)bare_fault,
    (const void *)bare_fault,
    (const void *)bare_fault,
    (const void *)bare_fault,
    0,
    0,
    0,
    0,
    (const void *)bare_fault,
    (const void *)bare_fault,
    0,
    (const void *)bare_fault,
    (const void *)bare_fault};
