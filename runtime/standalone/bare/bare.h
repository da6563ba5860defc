// Between the start-up code of a machine without a system (one file each) and semihosting.c.
#ifndef NACRE_STANDALONE_BARE_H
#define NACRE_STANDALONE_BARE_H

#include <stdint.h>

// From image.ld.
extern uint32_t image_data_start[], image_data_end[], image_data_load[], image_bss_start[],
    image_bss_end[], image_heap[], image_heap_end[], image_stack_top[];

// The machine's: stops so that a debugger or emulator does the operation, and gives its result.
int bare_call(int operation, const void *block);
// The start-up code goes here once there is a stack: memory, arguments, main().
__attribute__((noreturn)) void bare_begin(void);
// And here after an exception that nobody awaits.
__attribute__((noreturn)) void bare_fault(void);

#endif
