// A data file's bytes in memory, decompressed where it is gzip, and errors that name a place in it.
#ifndef NCR_DATA_FILE_H
#define NCR_DATA_FILE_H

#include "lang/base/io.h"

// No data file may hold more, compressed or not.
enum { NCR_LIMIT_DATA_BYTES = 1 << 30 };

struct ncr_data_file {
    char path[512]; // the name that was found: as asked for, or with ".gz"
    struct ncr_buf bytes;
    bool compressed; // offsets in errors then count decompressed bytes
};

// Reads `path`, or `path`.gz where that is what exists, and inflates it when its first two bytes
// are gzip's (RFC 1952), whatever its name. NCR_ENVIRONMENT with a text where it cannot be read, is
// damaged or holds more than max_bytes (at most NCR_LIMIT_DATA_BYTES). Free in both cases.
enum ncr_status ncr_data_file_read(const struct ncr_io *io, struct ncr_str path, size_t max_bytes,
                                   struct ncr_data_file *out, struct ncr_error *err);
void ncr_data_file_free(struct ncr_data_file *file);
// True where `path` or `path`.gz exists.
bool ncr_data_file_exists(const struct ncr_io *io, struct ncr_str path);

// NCR_ENVIRONMENT with "'path': at offset N: …".
enum ncr_status ncr_data_file_fail(const struct ncr_data_file *file, struct ncr_error *err,
                                   uint64_t offset, const char *fmt, ...) NCR_PRINTF(4, 5);
// n bytes as an unsigned big-endian number; the caller has checked that they are there.
uint32_t ncr_data_file_be32(const struct ncr_data_file *file, size_t offset);

#endif
