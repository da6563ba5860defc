// Start-up of an Armv7E-M image, and files, clock and arguments through semihosting: a debugger or
// emulator answers the breakpoint `bkpt 0xab`.
#include "runtime/standalone/system.h"

// From image.ld.
extern uint32_t image_data_start[], image_data_end[], image_data_load[], image_bss_start[],
    image_bss_end[], image_heap[], image_heap_end[], image_stack_top[];

enum {
    OPEN = 0x01,
    CLOSE = 0x02,
    WRITE = 0x05,
    READ = 0x06,
    CLOCK = 0x10,
    COMMAND_LINE = 0x15,
    EXIT_EXTENDED = 0x20
};

static int call(int operation, const void *block)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = block;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static __attribute__((noreturn)) void leave(int code)
{
    enum { APPLICATION_EXIT = 0x20026 };
    const uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)code};
    for (;;)
        call(EXIT_EXTENDED, block);
}

static size_t length(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

static int open_file(const char *path, uint32_t mode)
{
    const uint32_t block[3] = {(uint32_t)path, mode, (uint32_t)length(path)};
    return call(OPEN, block);
}

static struct {
    char *top; // of the memory that is taken
    int out[3];
} machine;

static int arguments(char *line, char **argv, int most)
{
    int n = 0;
    for (char *at = line; *at && n < most;) {
        while (*at == ' ')
            *at++ = 0;
        if (*at) argv[n++] = at;
        while (*at && *at != ' ')
            at++;
    }
    return n;
}

__attribute__((noreturn, used)) void begin(void)
{
    volatile uint32_t *access = (volatile uint32_t *)0xe000ed88; // CPACR
    *access |= 0xfu << 20;                                       // the floating-point unit
    __asm__ volatile("dsb\n isb" ::: "memory");
    const uint32_t *from = image_data_load;
    for (uint32_t *to = image_data_start; to < image_data_end; to++)
        *to = *from++;
    for (uint32_t *to = image_bss_start; to < image_bss_end; to++)
        *to = 0;
    enum { WRITE_TEXT = 4, APPEND_TEXT = 8, ARGUMENTS = 32 };
    machine.top = (char *)image_heap;
    machine.out[SYSTEM_OUT] = open_file(":tt", WRITE_TEXT);
    machine.out[SYSTEM_ERROR] = open_file(":tt", APPEND_TEXT);
    static char line[1024];
    static char *argv[ARGUMENTS + 1];
    uint32_t block[2] = {(uint32_t)line, sizeof line};
    int argc = call(COMMAND_LINE, block) == 0 ? arguments(line, argv, ARGUMENTS) : 0;
    if (argc == 0) {
        argv[0] = (char *)"network";
        argc = 1;
    }
    leave(program(argc, argv));
}

static __attribute__((noreturn)) void fault(void)
{
    static const char text[] = "error: the processor reports a fault\n";
    system_write(SYSTEM_ERROR, text, sizeof text - 1);
    leave(3);
}

// What the processor reads at reset: the stack, the entry, and a handler for each exception.
__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    image_stack_top,
    (const void *)begin,
    (const void *)fault,
    (const void *)fault,
    (const void *)fault,
    (const void *)fault,
    (const void *)fault,
    0,
    0,
    0,
    0,
    (const void *)fault,
    (const void *)fault,
    0,
    (const void *)fault,
    (const void *)fault};

long system_write(int to, const char *bytes, size_t n)
{
    const uint32_t block[3] = {(uint32_t)machine.out[to], (uint32_t)bytes, (uint32_t)n};
    return call(WRITE, block) == 0 ? (long)n : -1;
}

long system_open(const char *path)
{
    enum { READ_BYTES = 1 };
    return open_file(path, READ_BYTES);
}

long system_read(long file, void *to, size_t n)
{
    const uint32_t block[3] = {(uint32_t)file, (uint32_t)to, (uint32_t)n};
    int left = call(READ, block); // bytes that were not read
    return left < 0 || (size_t)left > n ? -1 : (long)(n - (size_t)left);
}

void system_close(long file)
{
    const uint32_t block[1] = {(uint32_t)file};
    call(CLOSE, block);
}

const char *system_reason(long error)
{
    (void)error;
    return "the debugger refuses it";
}

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

void *system_take(size_t bytes)
{
    char *at = machine.top;
    if (bytes > (size_t)((char *)image_heap_end - at)) return NULL;
    size_t all = rounded(bytes);
    if (all > (size_t)((char *)image_heap_end - at)) return NULL;
    machine.top = at + all;
    for (size_t i = 0; i < bytes; i++)
        at[i] = 0;
    return at;
}

void system_give(void *memory, size_t bytes)
{
    if ((char *)memory + rounded(bytes) == machine.top) machine.top = memory;
}

uint64_t system_nanoseconds(void)
{
    return (uint64_t)(uint32_t)call(CLOCK, 0) * 10000000u; // hundredths of a second
}
