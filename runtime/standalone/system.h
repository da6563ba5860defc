// What a program without a C library asks of the machine below it. linux/ asks the kernel, bare/
// the debugger (semihosting); both have the start-up code, which calls main() with argc and argv.
#ifndef NACRE_STANDALONE_SYSTEM_H
#define NACRE_STANDALONE_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

enum { SYSTEM_OUT = 1, SYSTEM_ERROR = 2 };

// Bytes written, or a negative number.
long system_write(int to, const char *bytes, size_t n);
// A file to read from, or a negative number that system_reason() explains.
long system_open(const char *path);
// Bytes read, 0 at the end, or a negative number.
long system_read(long file, void *to, size_t n);
void system_close(long file);
const char *system_reason(long error);
// Zeroed memory aligned to 64 bytes, NULL where there is none. What was taken last is given back
// first.
void *system_take(size_t bytes);
void system_give(void *memory, size_t bytes);
// A clock that only goes forward.
uint64_t system_nanoseconds(void);

#endif
