// Path to bytes: tries the plain name and the one with ".gz", and inflates gzip in memory. The only
// file that knows zlib.
#include "runtime/data/file.h"

#include <stdio.h>
#include <zlib.h>

enum { BLOCK_BYTES = 1 << 16, GZIP_WINDOW = 15 + 16 };

// path + suffix as a C string; false when it does not fit.
static bool join(struct ncr_str path, const char *suffix, char *out, size_t size)
{
    int n = snprintf(out, size, "%.*s%s", NCR_STR_ARG(path), suffix);
    return n >= 0 && (size_t)n < size;
}

bool ncr_data_file_exists(const struct ncr_io *io, struct ncr_str path)
{
    char name[sizeof((struct ncr_data_file *)0)->path];
    return (join(path, "", name, sizeof name) && io->file_exists(io->user, name)) ||
           (join(path, ".gz", name, sizeof name) && io->file_exists(io->user, name));
}

static bool is_gzip(const struct ncr_buf *bytes, size_t at)
{
    return bytes->n - at >= 2 && (uint8_t)bytes->s[at] == 0x1f && (uint8_t)bytes->s[at + 1] == 0x8b;
}

// Inflates all members of the gzip stream in `packed`.
static enum ncr_status inflate_all(const char *path, const struct ncr_buf *packed, size_t max_bytes,
                                   struct ncr_buf *out, struct ncr_error *err)
{
    z_stream z = {.next_in = (Bytef *)packed->s, .avail_in = (uInt)packed->n};
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
        return ncr_fail(err, NCR_ENVIRONMENT, "out of memory while inflating '%s'", path);
    enum ncr_status status = NCR_OK;
    unsigned char block[BLOCK_BYTES];
    for (;;) {
        z.next_out = block;
        z.avail_out = sizeof block;
        int code = inflate(&z, Z_NO_FLUSH);
        size_t at = packed->n - z.avail_in, n = sizeof block - z.avail_out;
        if (n > max_bytes - out->n) {
            status = ncr_fail(err, NCR_ENVIRONMENT,
                              "'%s': at offset %zu of the compressed file: it inflates to more "
                              "than the limit of %zu bytes",
                              path, at, max_bytes);
            break;
        }
        ncr_buf_put(out, block, n);
        if (out->failed || code == Z_MEM_ERROR) {
            status = ncr_fail(err, NCR_ENVIRONMENT, "out of memory while inflating '%s'", path);
            break;
        }
        if (code == Z_STREAM_END) {
            if (z.avail_in == 0) break;
            if (!is_gzip(packed, at) || inflateReset(&z) != Z_OK) { // another member may follow
                status = ncr_fail(err, NCR_ENVIRONMENT,
                                  "'%s': at offset %zu of the compressed file: %u bytes follow the "
                                  "end of the gzip stream",
                                  path, at, z.avail_in);
                break;
            }
        } else if (code == Z_BUF_ERROR || (code == Z_OK && z.avail_in == 0 && z.avail_out)) {
            status = ncr_fail(err, NCR_ENVIRONMENT,
                              "'%s': at offset %zu of the compressed file: it ends inside the gzip "
                              "stream, after %zu bytes of content",
                              path, at, out->n);
            break;
        } else if (code != Z_OK) {
            status = ncr_fail(err, NCR_ENVIRONMENT,
                              "'%s': at offset %zu of the compressed file: damaged gzip stream: %s",
                              path, at, z.msg ? z.msg : "a preset dictionary is asked for");
            break;
        }
    }
    inflateEnd(&z);
    return status;
}

enum ncr_status ncr_data_file_read(const struct ncr_io *io, struct ncr_str path, size_t max_bytes,
                                   struct ncr_data_file *out, struct ncr_error *err)
{
    *out = (struct ncr_data_file){.compressed = false};
    char packed_path[sizeof out->path];
    if (!join(path, "", out->path, sizeof out->path) ||
        !join(path, ".gz", packed_path, sizeof packed_path))
        return ncr_fail(err, NCR_ENVIRONMENT, "a path of %u bytes is longer than the limit of %zu",
                        path.n, sizeof out->path - sizeof ".gz");
    if (!io->file_exists(io->user, out->path)) {
        if (!io->file_exists(io->user, packed_path))
            return ncr_fail(err, NCR_ENVIRONMENT, "there is no '%s' and no '%s'", out->path,
                            packed_path);
        memcpy(out->path, packed_path, sizeof packed_path);
    }
    enum ncr_status status = io->read_file(io->user, out->path, max_bytes, &out->bytes, err);
    if (status != NCR_OK || !is_gzip(&out->bytes, 0)) return status;
    struct ncr_buf packed = out->bytes;
    out->bytes = (struct ncr_buf){0};
    out->compressed = true;
    status = inflate_all(out->path, &packed, max_bytes, &out->bytes, err);
    ncr_buf_free(&packed);
    return status;
}

void ncr_data_file_free(struct ncr_data_file *file)
{
    ncr_buf_free(&file->bytes);
}

enum ncr_status ncr_data_file_fail(const struct ncr_data_file *file, struct ncr_error *err,
                                   uint64_t offset, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return ncr_fail(err, NCR_ENVIRONMENT, "'%s': at offset %llu%s: %s", file->path,
                    (unsigned long long)offset, file->compressed ? " of the content" : "", text);
}

uint32_t ncr_data_file_be32(const struct ncr_data_file *file, size_t offset)
{
    const unsigned char *b = (const unsigned char *)file->bytes.s + offset;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
