// Files in memory behind struct ncr_io, for tests of readers and writers.
#ifndef NCR_TESTS_MEMORY_IO_H
#define NCR_TESTS_MEMORY_IO_H

#include <stdlib.h>
#include <string.h>

#include "lang/base/io.h"

enum { MEMORY_FILES = 8 };

struct memory {
    struct {
        char path[600];
        unsigned char *bytes;
        size_t n;
    } file[MEMORY_FILES];
    int n;
    bool full_disk; // writing fails
};

static inline int memory_find(const struct memory *m, const char *path)
{
    for (int i = 0; i < m->n; i++)
        if (strcmp(m->file[i].path, path) == 0) return i;
    return -1;
}

// Sets the content of a file; the bytes are copied.
static inline void memory_put(struct memory *m, const char *path, const void *bytes, size_t n)
{
    int i = memory_find(m, path);
    if (i < 0) i = m->n++;
    if (i == MEMORY_FILES) abort();
    free(m->file[i].bytes);
    m->file[i].bytes = malloc(n + 1);
    memcpy(m->file[i].bytes, bytes, n);
    m->file[i].n = n;
    strcpy(m->file[i].path, path);
}

static inline void memory_free(struct memory *m)
{
    for (int i = 0; i < m->n; i++)
        free(m->file[i].bytes);
    *m = (struct memory){.n = 0};
}

static inline enum ncr_status memory_read(void *user, const char *path, size_t max_bytes,
                                          struct ncr_buf *out, struct ncr_error *err)
{
    struct memory *m = user;
    int i = memory_find(m, path);
    if (i < 0) return ncr_fail(err, NCR_ENVIRONMENT, "cannot read '%s': no such file", path);
    if (m->file[i].n > max_bytes)
        return ncr_fail(err, NCR_ENVIRONMENT, "'%s' is larger than the limit of %zu bytes", path,
                        max_bytes);
    ncr_buf_put(out, m->file[i].bytes, m->file[i].n);
    return NCR_OK;
}

static inline enum ncr_status memory_write(void *user, const char *path, const void *bytes,
                                           size_t n, bool executable, struct ncr_error *err)
{
    struct memory *m = user;
    (void)executable;
    if (m->full_disk)
        return ncr_fail(err, NCR_ENVIRONMENT, "cannot write '%s': no space left", path);
    memory_put(m, path, bytes, n);
    return NCR_OK;
}

static inline bool memory_exists(void *user, const char *path)
{
    return memory_find(user, path) >= 0;
}

static inline struct ncr_io memory_io(struct memory *m)
{
    struct ncr_io io = ncr_io_posix();
    io.user = m;
    io.read_file = memory_read;
    io.write_file = memory_write;
    io.file_exists = memory_exists;
    return io;
}

#endif
