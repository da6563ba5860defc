// Files in memory behind struct ncr_io, with failures on demand: for tests of what is left after a
// crash.
#ifndef NCR_TESTS_MEMORY_IO_H
#define NCR_TESTS_MEMORY_IO_H

#include "lang/base/io.h"

struct memory_file {
    char name[64];
    struct ncr_buf bytes;
};

struct memory_io {
    struct ncr_io io; // hand this to the code under test
    struct memory_file files[4];
    int n_files;
    int appends_left; // counts down; at 0 an append writes only `torn_bytes` of its bytes and
                      // fails. -1: never
    size_t torn_bytes;
    int stops_left; // counts down at each question; at 0 the answer is "stop". -1: never
    uint64_t clock; // each look at the clock moves it by one second / 1024
};

void memory_io_init(struct memory_io *m);
void memory_io_free(struct memory_io *m);
// The file, or NULL.
struct ncr_buf *memory_io_file(struct memory_io *m, const char *name);

#endif
