/* What a freestanding program needs of its machine: a start, text out, an end. One file a machine:
 * linux.c (AArch64, RISC-V 64, x86-64: raw system calls), cortex_m.c (Cortex-M4, M7: vector table,
 * semihosting; with mps2.ld for the boards that QEMU models). No C library is needed. */
#ifndef NACRE_PORT_H
#define NACRE_PORT_H

#include <stddef.h>

/* The program; what it returns is the exit status. */
int main(void);

void port_write(const char *text, size_t n);
/* Bytes of the stack that were ever used since the start; 0 where the port does not know. */
size_t port_stack_used(void);

#endif
