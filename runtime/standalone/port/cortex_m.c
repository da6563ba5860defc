/* Cortex-M4 and M7, bare: vector table, start-up, semihosting (Arm, "Semihosting for AArch32 and
 * AArch64", 2.0) for text and the exit status. The stack is painted before main, so that what was
 * used of it can be read off. The linker script names the ends of the sections. */
#include "port.h"

#include <stdint.h>

extern uint32_t port_data_load[], port_data[], port_data_end[], port_bss[], port_bss_end[],
    port_stack[], port_stack_top[];

enum { SYS_WRITE0 = 0x04, SYS_EXIT_EXTENDED = 0x20, PAINT = 0x5AFEC0DE };
#define CPACR            (*(volatile uint32_t *)0xE000ED88)
#define ADP_STOPPED_EXIT 0x20026u

static int semihost(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void port_write(const char *text, size_t n)
{
    char line[65];
    while (n) {
        size_t part = n < sizeof line - 1 ? n : sizeof line - 1;
        for (size_t i = 0; i < part; i++)
            line[i] = text[i];
        line[part] = 0;
        semihost(SYS_WRITE0, line);
        text += part;
        n -= part;
    }
}

size_t port_stack_used(void)
{
    const uint32_t *at = port_stack;
    while (at < port_stack_top && *at == (uint32_t)PAINT)
        at++;
    return (size_t)((const char *)port_stack_top - (const char *)at);
}

static void leave(int status)
{
    const uint32_t block[2] = {ADP_STOPPED_EXIT, (uint32_t)status};
    semihost(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}

void port_fault(void);
void port_fault(void)
{
    static const char text[] = "fault\n";
    port_write(text, sizeof text - 1);
    leave(70);
}

void port_reset(void);
void port_reset(void)
{
    /* The floating-point unit: a network without floats does not need it, its caller may. */
    CPACR |= 0xFu << 20;
    __asm__ volatile("dsb\nisb");
    for (uint32_t *to = port_data, *from = port_data_load; to < port_data_end;)
        *to++ = *from++;
    for (uint32_t *to = port_bss; to < port_bss_end;)
        *to++ = 0;
    /* Up to the frame at hand, less a margin for this loop. */
    uint32_t *here = (uint32_t *)__builtin_frame_address(0);
    for (volatile uint32_t *to = port_stack; to < here - 32; to++)
        *to = (uint32_t)PAINT;
    leave(main());
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    (const void *)port_stack_top, (const void *)port_reset, (const void *)port_fault,
    (const void *)port_fault,     (const void *)port_fault, (const void *)port_fault,
    (const void *)port_fault,     (const void *)port_fault, (const void *)port_fault,
    (const void *)port_fault,     (const void *)port_fault, (const void *)port_fault,
    (const void *)port_fault,     (const void *)port_fault, (const void *)port_fault,
    (const void *)port_fault};
