// Files in memory behind struct ncr_io, for tests of readers and writers.
#ifndef NCR_TESTS_BYTE_FILES_H
#define NCR_TESTS_BYTE_FILES_H

#include <stdlib.h>
#include <string.h>

#include "lang/base/io.h"

enum { BYTE_FILES = 8 };

struct byte_files {
    struct {
        char path[600];
        unsigned char *bytes;
        size_t n;
    } file[BYTE_FILES];
    int n;
    bool full_disk; // writing fails
};

static inline int byte_files_find(const struct byte_files *m, const char *path)
{
    for (int i = 0; i < m->n; i++)
        if (strcmp(m->file[i].path, path) == 0) return i;
    return -1;
}

// Sets the content of a file; the bytes are copied.
static inline void byte_files_put(struct byte_files *m, const char *path, const void *bytes,
                                  size_t n)
{
    int i = byte_files_find(m, path);
    if (i < 0) i = m->n++;
    if (i == BYTE_FILES) abort();
    free(m->file[i].bytes);
    m->file[i].bytes = malloc(n + 1);
    memcpy(m->file[i].bytes, bytes, n);
    m->file[i].n = n;
    strcpy(m->file[i].path, path);
}

static inline void byte_files_free(struct byte_files *m)
{
    for (int i = 0; i < m->n; i++)
        free(m->file[i].bytes);
    *m = (struct byte_files){.n = 0};
}

static inline enum ncr_status byte_files_read(void *user, const char *path, size_t max_bytes,
                                              struct ncr_buf *out, struct ncr_error *err)
{
    struct byte_files *m = user;
    int i = byte_files_find(m, path);
    if (i < 0) return ncr_fail(err, NCR_ENVIRONMENT, "cannot read '%s': no such file", path);
    if (m->file[i].n > max_bytes)
        return ncr_fail(err, NCR_ENVIRONMENT, "'%s' is larger than the limit of %zu bytes", path,
                        max_bytes);
    ncr_buf_put(out, m->file[i].bytes, m->file[i].n);
    return NCR_OK;
}

static inline enum ncr_status byte_files_write(void *user, const char *path, const void *bytes,
                                               size_t n, bool executable, struct ncr_error *err)
{
    struct byte_files *m = user;
    (void)executable;
    if (m->full_disk)
        return ncr_fail(err, NCR_ENVIRONMENT, "cannot write '%s': no space left", path);
    byte_files_put(m, path, bytes, n);
    return NCR_OK;
}

static inline bool byte_files_exists(void *user, const char *path)
{
    return byte_files_find(user, path) >= 0;
}

static inline struct ncr_io byte_files_io(struct byte_files *m)
{
    struct ncr_io io = ncr_io_posix();
    io.user = m;
    io.read_file = byte_files_read;
    io.write_file = byte_files_write;
    io.file_exists = byte_files_exists;
    return io;
}

#endif
