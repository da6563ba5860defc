// An image without a system: its memory is set up, and files, clock and arguments come through
// semihosting (Arm, "Semihosting for AArch32 and AArch64", 2.0; RISC-V uses the same operations).
#include "runtime/standalone/bare/bare.h"
#include "runtime/standalone/system.h"

int main(int argc, char **argv);

enum {
    OPEN = 0x01,
    CLOSE = 0x02,
    WRITE = 0x05,
    READ = 0x06,
    CLOCK = 0x10,
    COMMAND_LINE = 0x15,
    EXIT_EXTENDED = 0x20
};

static __attribute__((noreturn)) void leave(int code)
{
    enum { APPLICATION_EXIT = 0x20026 };
    const uintptr_t block[2] = {APPLICATION_EXIT, (uintptr_t)code};
    for (;;)
        bare_call(EXIT_EXTENDED, block);
}

static size_t length(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

static int open_file(const char *path, uintptr_t mode)
{
    const uintptr_t block[3] = {(uintptr_t)path, mode, (uintptr_t)length(path)};
    return bare_call(OPEN, block);
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

void bare_begin(void)
{
    const uint32_t *from = image_data_load;
    for (uint32_t *to = image_data_start; to < image_data_end; to++)
        *to = *from++;
    for (uint32_t *to = image_bss_start; to < image_bss_end; to++)
        *to = 0;
    enum { WRITE_TEXT = 4, APPEND_TEXT = 8, LINE = 1024, ARGUMENTS = LINE / 2 };
    machine.top = (char *)image_heap;
    machine.out[SYSTEM_OUT] = open_file(":tt", WRITE_TEXT);
    machine.out[SYSTEM_ERROR] = open_file(":tt", APPEND_TEXT);
    static char line[LINE];
    static char *argv[ARGUMENTS + 1];
    uintptr_t block[2] = {(uintptr_t)line, sizeof line};
    int argc = bare_call(COMMAND_LINE, block) == 0 ? arguments(line, argv, ARGUMENTS) : 0;
    if (argc == 0) {
        argv[0] = (char *)"network";
        argc = 1;
    }
    leave(main(argc, argv));
}

void bare_fault(void)
{
    static const char text[] = "error: the processor reports a fault\n";
    system_write(SYSTEM_ERROR, text, sizeof text - 1);
    leave(3);
}

long system_write(int to, const char *bytes, size_t n)
{
    const uintptr_t block[3] = {(uintptr_t)machine.out[to], (uintptr_t)bytes, (uintptr_t)n};
    return bare_call(WRITE, block) == 0 ? (long)n : -1;
}

long system_open(const char *path)
{
    enum { READ_BYTES = 1 };
    return open_file(path, READ_BYTES);
}

long system_read(long file, void *to, size_t n)
{
    const uintptr_t block[3] = {(uintptr_t)file, (uintptr_t)to, (uintptr_t)n};
    int left = bare_call(READ, block); // bytes that were not read
    return left < 0 || (size_t)left > n ? -1 : (long)(n - (size_t)left);
}

void system_close(long file)
{
    const uintptr_t block[1] = {(uintptr_t)file};
    bare_call(CLOSE, block);
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
    return (uint64_t)(uint32_t)bare_call(CLOCK, 0) * 10000000u; // hundredths of a second
}
