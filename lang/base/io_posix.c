// The callbacks of io.h over POSIX files.
#include "lang/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static enum ncr_status read_file(void *user, const char *path, size_t max_bytes, struct ncr_buf *out,
                                 struct ncr_error *err)
{
    (void)user;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ncr_fail(err, NCR_ENVIRONMENT, "cannot read '%s': %s", path, strerror(errno));
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return ncr_fail(err, NCR_ENVIRONMENT, "cannot read '%s': it is a directory", path);
    }
    char block[1 << 16];
    enum ncr_status status = NCR_OK;
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            status = ncr_fail(err, NCR_ENVIRONMENT, "cannot read '%s': %s", path, strerror(errno));
            break;
        }
        if (n == 0) break;
        if ((size_t)n > max_bytes - out->n) {
            status = ncr_fail(err, NCR_ENVIRONMENT, "'%s' is larger than the limit of %zu bytes", path, max_bytes);
            break;
        }
        ncr_buf_put(out, block, (size_t)n);
    }
    close(fd);
    if (status == NCR_OK && out->failed)
        status = ncr_fail(err, NCR_ENVIRONMENT, "out of memory while reading '%s'", path);
    return status;
}

// 0 or the errno of the failure.
static int write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t k = write(fd, bytes, n);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return errno;
        bytes += k;
        n -= (size_t)k;
    }
    return 0;
}

static enum ncr_status write_file(void *user, const char *path, const void *bytes, size_t n, bool executable,
                                  struct ncr_error *err)
{
    (void)user;
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) { // a pipe or device: nothing to rename over
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        int why = fd < 0 ? errno : write_all(fd, bytes, n);
        if (fd >= 0 && close(fd) && !why) why = errno;
        return why ? ncr_fail(err, NCR_ENVIRONMENT, "cannot write '%s': %s", path, strerror(why)) : NCR_OK;
    }
    size_t len = strlen(path);
    char *temp = malloc(len + 16);
    if (!temp) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    snprintf(temp, len + 16, "%s.XXXXXX", path);
    int fd = mkstemp(temp);
    int why = fd < 0 ? errno : write_all(fd, bytes, n);
    if (fd >= 0) {
        mode_t mask = umask(0);
        umask(mask);
        if (!why && fchmod(fd, (executable ? 0777 : 0666) & ~mask)) why = errno;
        if (!why && fsync(fd) && errno != EINVAL) why = errno;
        if (close(fd) && !why) why = errno;
        if (!why && rename(temp, path)) why = errno;
        if (why) unlink(temp);
    }
    free(temp);
    return why ? ncr_fail(err, NCR_ENVIRONMENT, "cannot write '%s': %s", path, strerror(why)) : NCR_OK;
}

static enum ncr_status append_file(void *user, const char *path, uint64_t keep_bytes, const void *bytes,
                                   size_t n, struct ncr_error *err)
{
    (void)user;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    int why = fd < 0 ? errno : 0;
    if (!why && ftruncate(fd, (off_t)keep_bytes)) why = errno;
    if (!why && lseek(fd, (off_t)keep_bytes, SEEK_SET) < 0) why = errno;
    if (!why) why = write_all(fd, bytes, n);
    if (!why && fsync(fd) && errno != EINVAL) why = errno;
    if (fd >= 0 && close(fd) && !why) why = errno;
    return why ? ncr_fail(err, NCR_ENVIRONMENT, "cannot append to '%s': %s", path, strerror(why)) : NCR_OK;
}

static bool file_exists(void *user, const char *path)
{
    (void)user;
    return access(path, F_OK) == 0;
}

static double now_s(void *user)
{
    (void)user;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct ncr_io ncr_io_posix(void)
{
    return (struct ncr_io){.read_file = read_file,
                           .write_file = write_file,
                           .append_file = append_file,
                           .file_exists = file_exists,
                           .now_s = now_s};
}
