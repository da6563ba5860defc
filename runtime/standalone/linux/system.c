// Start-up and system calls of Linux for static programs without a C library.
#include "runtime/standalone/system.h"

int main(int argc, char **argv);

#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, CLOSE = 3, MMAP = 9, MUNMAP = 11, CLOCK = 228, EXIT = 231, OPEN = 257 };

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n"
        "  call begin\n");
#elif defined(__aarch64__) || (defined(__riscv) && __riscv_xlen == 64)
enum {
    OPEN = 56,
    CLOSE = 57,
    READ = 63,
    WRITE = 64,
    EXIT = 94,
    CLOCK = 113,
    MUNMAP = 215,
    MMAP = 222
};

static long call(long number, long a, long b, long c, long d, long e, long f)
{
#ifdef __aarch64__
    register long n __asm__("x8") = number, r0 __asm__("x0") = a, r1 __asm__("x1") = b,
                    r2 __asm__("x2") = c, r3 __asm__("x3") = d, r4 __asm__("x4") = e,
                    r5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
#else
    register long n __asm__("a7") = number, r0 __asm__("a0") = a, r1 __asm__("a1") = b,
                    r2 __asm__("a2") = c, r3 __asm__("a3") = d, r4 __asm__("a4") = e,
                    r5 __asm__("a5") = f;
    __asm__ volatile("ecall"
#endif
                     : "+r"(r0)
                     : "r"(n), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
                     : "memory");
    return r0;
}

#ifdef __aarch64__
__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl begin\n");
#else
__asm__(".globl _start\n_start:\n.option push\n.option norelax\n  lla gp, __global_pointer$\n"
        ".option pop\n  mv a0, sp\n  andi sp, sp, -16\n  call begin\n");
#endif
#else
#error "programs are made for x86-64, AArch64 and 64-bit RISC-V under Linux"
#endif

// The kernel leaves argc and then the arguments at the top of the stack.
__attribute__((noreturn, used)) void begin(long *top)
{
    int code = main((int)top[0], (char **)(top + 1));
    for (;;)
        call(EXIT, code, 0, 0, 0, 0, 0);
}

long system_write(int to, const char *bytes, size_t n)
{
    return call(WRITE, to, (long)bytes, (long)n, 0, 0, 0);
}

long system_open(const char *path)
{
    enum { HERE = -100 }; // AT_FDCWD
    return call(OPEN, HERE, (long)path, 0, 0, 0, 0);
}

long system_read(long file, void *to, size_t n)
{
    return call(READ, file, (long)to, (long)n, 0, 0, 0);
}

void system_close(long file)
{
    call(CLOSE, file, 0, 0, 0, 0, 0);
}

const char *system_reason(long error)
{
    switch (-error) {
    case 2: return "No such file or directory";
    case 13: return "Permission denied";
    case 20: return "Not a directory";
    case 21: return "Is a directory";
    default: return "Input/output error";
    }
}

void *system_take(size_t bytes)
{
    enum { READ_WRITE = 3, PRIVATE_ANONYMOUS = 0x22 };
    long at = call(MMAP, 0, (long)(bytes ? bytes : 1), READ_WRITE, PRIVATE_ANONYMOUS, -1, 0);
    return at < 0 && at > -4096 ? NULL : (void *)at;
}

void system_give(void *memory, size_t bytes)
{
    call(MUNMAP, (long)memory, (long)(bytes ? bytes : 1), 0, 0, 0, 0);
}

uint64_t system_nanoseconds(void)
{
    enum { MONOTONIC = 1 };
    int64_t time[2];
    call(CLOCK, MONOTONIC, (long)time, 0, 0, 0, 0);
    return (uint64_t)time[0] * 1000000000u + (uint64_t)time[1];
}
