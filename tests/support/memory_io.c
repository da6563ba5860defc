// A disk of four files that can fail in the middle of a write.
#include "tests/support/memory_io.h"

#include <stdio.h>

struct ncr_buf *memory_io_file(struct memory_io *m, const char *name)
{
    for (int i = 0; i < m->n_files; i++)
        if (strcmp(m->files[i].name, name) == 0) return &m->files[i].bytes;
    return NULL;
}

static struct ncr_buf *file_or_new(struct memory_io *m, const char *name)
{
    struct ncr_buf *found = memory_io_file(m, name);
    if (found) return found;
    struct memory_file *f = &m->files[m->n_files++];
    snprintf(f->name, sizeof f->name, "%s", name);
    f->bytes = (struct ncr_buf){0};
    return &f->bytes;
}

static enum ncr_status read_file(void *user, const char *path, size_t max_bytes,
                                 struct ncr_buf *out, struct ncr_error *err)
{
    struct ncr_buf *f = memory_io_file(user, path);
    if (!f || f->n > max_bytes) return ncr_fail(err, NCR_ENVIRONMENT, "cannot read '%s'", path);
    ncr_buf_put(out, f->s, f->n);
    return NCR_OK;
}

static enum ncr_status write_file(void *user, const char *path, const void *bytes, size_t n,
                                  bool executable, struct ncr_error *err)
{
    (void)executable;
    (void)err;
    struct ncr_buf *f = file_or_new(user, path);
    f->n = 0;
    ncr_buf_put(f, bytes, n);
    return NCR_OK;
}

static enum ncr_status append_file(void *user, const char *path, uint64_t keep_bytes,
                                   const void *bytes, size_t n, struct ncr_error *err)
{
    struct memory_io *m = user;
    struct ncr_buf *f = file_or_new(m, path);
    if (keep_bytes > f->n) return ncr_fail(err, NCR_ENVIRONMENT, "'%s' is shorter than that", path);
    f->n = (size_t)keep_bytes;
    bool tear = m->appends_left == 0;
    if (m->appends_left > 0) m->appends_left--;
    if (tear && n > m->torn_bytes) n = m->torn_bytes;
    ncr_buf_put(f, bytes, n);
    return tear ? ncr_fail(err, NCR_ENVIRONMENT, "cannot append to '%s': the disk is gone", path)
                : NCR_OK;
}

static bool file_exists(void *user, const char *path)
{
    return memory_io_file(user, path) != NULL;
}

static bool stop(void *user)
{
    struct memory_io *m = user;
    if (m->stops_left < 0) return false;
    if (m->stops_left == 0) return true;
    m->stops_left--;
    return false;
}

static double now_s(void *user)
{
    return (double)((struct memory_io *)user)->clock++ / 1024;
}

void memory_io_init(struct memory_io *m)
{
    *m = (struct memory_io){.appends_left = -1, .stops_left = -1};
    m->io = (struct ncr_io){.user = m,
                            .read_file = read_file,
                            .write_file = write_file,
                            .append_file = append_file,
                            .file_exists = file_exists,
                            .stop = stop,
                            .now_s = now_s};
}

void memory_io_free(struct memory_io *m)
{
    for (int i = 0; i < m->n_files; i++)
        ncr_buf_free(&m->files[i].bytes);
    m->n_files = 0;
}
