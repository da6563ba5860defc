// All contact with the outside goes through these callbacks; the library itself opens nothing.
#ifndef NCR_BASE_IO_H
#define NCR_BASE_IO_H

#include "lang/base/status.h"
#include "lang/base/str.h"

// One step of a long job. total 0: unknown. text: what is going on now, e.g. "epoch 2/5  loss 0.0713  accuracy 97.81 %".
struct ncr_progress {
    const char *job; // "train", "inject", …
    uint64_t done, total;
    double elapsed_s;
    const char *text;
};

struct ncr_io {
    void *user;
    // The whole file into out (zero-initialised by the caller, freed by the caller). max_bytes bounds it.
    enum ncr_status (*read_file)(void *user, const char *path, size_t max_bytes, struct ncr_buf *out,
                                 struct ncr_error *err);
    // Writes to a temporary name in the same folder, syncs and renames; the old file stays whole until then.
    enum ncr_status (*write_file)(void *user, const char *path, const void *bytes, size_t n,
                                  bool executable, struct ncr_error *err);
    // Truncates the file (created if absent) to keep_bytes, then appends and syncs. For append-only records.
    enum ncr_status (*append_file)(void *user, const char *path, uint64_t keep_bytes, const void *bytes,
                                   size_t n, struct ncr_error *err);
    bool (*file_exists)(void *user, const char *path);
    void (*progress)(void *user, const struct ncr_progress *step); // NULL: silent
    bool (*stop)(void *user);                                      // NULL: never; true asks the job to end cleanly
    double (*now_s)(void *user);                                   // monotonic seconds
};

// The POSIX implementation, silent and never stopping. The caller may replace single callbacks.
struct ncr_io ncr_io_posix(void);

static inline bool ncr_io_stop(const struct ncr_io *io)
{
    return io->stop && io->stop(io->user);
}

#endif
