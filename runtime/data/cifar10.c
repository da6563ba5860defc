// CIFAR-10 batches to labelled images.
#include "runtime/data/cifar10.h"

#include <stdio.h>

enum { PIXELS = 3 * 32 * 32, RECORD = 1 + PIXELS, CLASSES = 10, BATCHES = 5 };

static const struct ncr_shape cifar_shape = {3, {3, 32, 32}};

// The records of several files, one after the other.
static enum ncr_status unpack(const struct ncr_data_file *files, uint32_t n_files,
                              struct ncr_images *out, struct ncr_error *err)
{
    uint64_t n = 0;
    for (uint32_t f = 0; f < n_files; f++) {
        size_t bytes = files[f].bytes.n;
        if (bytes == 0) return ncr_data_file_fail(&files[f], err, 0, "the file is empty");
        if (bytes % RECORD)
            return ncr_data_file_fail(&files[f], err, bytes - bytes % RECORD,
                                      "%zu bytes remain, but a record has %d", bytes % RECORD,
                                      RECORD);
        n += bytes / RECORD;
    }
    enum ncr_status status = ncr_images_new(files[0].path, n, &cifar_shape, out, err);
    size_t k = 0;
    for (uint32_t f = 0; f < n_files && status == NCR_OK; f++)
        for (size_t at = 0; at < files[f].bytes.n && status == NCR_OK; at += RECORD, k++) {
            const uint8_t *record = (const uint8_t *)files[f].bytes.s + at;
            if (record[0] >= CLASSES)
                status =
                    ncr_data_file_fail(&files[f], err, at, "label %u, but the classes are 0 to %d",
                                       record[0], CLASSES - 1);
            out->labels[k] = record[0];
            memcpy(out->pixels + k * PIXELS, record + 1, PIXELS);
        }
    return status;
}

// folder + name; false when it does not fit.
static bool path_of(struct ncr_str folder, const char *name, char out[512])
{
    int n = snprintf(out, 512, "%.*s%s", NCR_STR_ARG(folder), name);
    return n >= 0 && n < 512;
}

enum ncr_status ncr_cifar10_read(const struct ncr_io *io, struct ncr_str folder,
                                 struct ncr_images *train, struct ncr_images *test,
                                 struct ncr_error *err)
{
    *train = *test = (struct ncr_images){.n = 0};
    struct ncr_data_file files[BATCHES] = {{.compressed = false}};
    uint32_t n_files = 0;
    enum ncr_status status = NCR_OK;
    char path[512];
    for (int b = 1; b <= BATCHES && status == NCR_OK; b++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", b);
        if (path_of(folder, name, path) && ncr_data_file_exists(io, ncr_str_of(path)))
            status = ncr_data_file_read(io, ncr_str_of(path), NCR_LIMIT_DATA_BYTES,
                                        &files[n_files++], err);
    }
    if (status == NCR_OK && n_files == 0)
        status =
            ncr_fail(err, NCR_ENVIRONMENT,
                     "there is none of '%.*sdata_batch_1.bin' to 'data_batch_%d.bin', plain or .gz",
                     NCR_STR_ARG(folder), BATCHES);
    if (status == NCR_OK) status = unpack(files, n_files, train, err);
    for (uint32_t f = 0; f < n_files; f++)
        ncr_data_file_free(&files[f]);
    if (status != NCR_OK) return status;

    if (!path_of(folder, "test_batch.bin", path))
        return ncr_fail(err, NCR_ENVIRONMENT, "the path of the CIFAR-10 folder is too long");
    status = ncr_data_file_read(io, ncr_str_of(path), NCR_LIMIT_DATA_BYTES, &files[0], err);
    if (status == NCR_OK) status = unpack(files, 1, test, err);
    ncr_data_file_free(&files[0]);
    return status;
}
