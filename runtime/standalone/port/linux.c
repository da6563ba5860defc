/* Linux without a C library: the entry point and two system calls. */
#include "port.h"

static long call(long number, long a, long b, long c)
{
#if defined __aarch64__
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b,
                     x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
#elif defined __riscv
    register long a7 __asm__("a7") = number, a0 __asm__("a0") = a, a1 __asm__("a1") = b,
                     a2 __asm__("a2") = c;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2) : "memory");
    return a0;
#elif defined __x86_64__
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
#else
#error "no port for this machine"
#endif
}

#if defined __x86_64__
enum { WRITE = 1, EXIT = 60 };
#else
enum { WRITE = 64, EXIT = 93 };
#endif

void port_write(const char *text, size_t n)
{
    while (n) {
        long done = call(WRITE, 1, (long)text, (long)n);
        if (done <= 0) return;
        text += done;
        n -= (size_t)done;
    }
}

size_t port_stack_used(void)
{
    return 0;
}

void port_begin(void);
void port_begin(void)
{
    call(EXIT, main(), 0, 0);
    for (;;) {
    }
}

/* The kernel gives an aligned stack; the frame of a caller ends here. */
#if defined __aarch64__
__asm__(".globl _start\n_start:\n mov x29, #0\n mov x30, #0\n bl port_begin\n");
#elif defined __riscv
__asm__(".globl _start\n_start:\n .option push\n .option norelax\n la gp, __global_pointer$\n"
        " .option pop\n li fp, 0\n call port_begin\n");
#else
__asm__(".globl _start\n_start:\n xorl %ebp, %ebp\n andq $-16, %rsp\n call port_begin\n");
#endif
