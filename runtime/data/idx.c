// IDX files to labelled images.
#include "runtime/data/idx.h"

enum { UNSIGNED_BYTE = 0x08, FIXED = 4, MAX_CHANNELS = 4 };

static const char *type_name(uint8_t type)
{
    switch (type) {
    case 0x08: return "unsigned byte";
    case 0x09: return "signed byte";
    case 0x0b: return "16-bit integer";
    case 0x0c: return "32-bit integer";
    case 0x0d: return "32-bit float";
    case 0x0e: return "64-bit float";
    default: return "unknown";
    }
}

enum ncr_status ncr_idx_parse(const struct ncr_data_file *file, const char *what,
                              struct ncr_idx *out, struct ncr_error *err)
{
    const uint8_t *b = (const uint8_t *)file->bytes.s;
    size_t n = file->bytes.n;
    *out = (struct ncr_idx){.rank = 0};
    if (n < FIXED)
        return ncr_data_file_fail(
            file, err, n, "the file ends, but an IDX file starts with 4 bytes of type and rank");
    if (b[0] || b[1])
        return ncr_data_file_fail(file, err, 0,
                                  "this is not an IDX file: it starts with %02x %02x, not 00 00",
                                  b[0], b[1]);
    if (b[2] != UNSIGNED_BYTE)
        return ncr_data_file_fail(
            file, err, 2, "elements of type 0x%02x (%s), but only 0x08 (unsigned byte) is read",
            b[2], type_name(b[2]));
    out->rank = b[3];
    if (out->rank < 1 || out->rank > NCR_IDX_RANK)
        return ncr_data_file_fail(file, err, 3, "%u dimensions, but 1 to %d are read", out->rank,
                                  NCR_IDX_RANK);
    out->first = FIXED + 4 * (size_t)out->rank;
    if (n < out->first)
        return ncr_data_file_fail(
            file, err, n, "the file ends, but the sizes of its %u dimensions go up to offset %zu",
            out->rank, out->first);
    uint64_t total = 1;
    for (uint32_t d = 0; d < out->rank; d++) {
        out->dim[d] = ncr_data_file_be32(file, FIXED + 4 * (size_t)d);
        // The product stays under 2^62: the sizes are checked one by one.
        if (d > 0 && (out->dim[d] < 1 || out->dim[d] > NCR_LIMIT_DIM))
            return ncr_data_file_fail(file, err, FIXED + 4 * (uint64_t)d,
                                      "size %u, but %s have sizes from 1 to %d", out->dim[d], what,
                                      NCR_LIMIT_DIM);
        if (out->dim[d] && total > NCR_LIMIT_DATA_BYTES / out->dim[d])
            return ncr_data_file_fail(
                file, err, FIXED + 4 * (uint64_t)d,
                "size %u makes the announced content larger than the limit of %d bytes",
                out->dim[d], NCR_LIMIT_DATA_BYTES);
        total *= out->dim[d];
    }
    out->n_bytes = total;
    if (n - out->first != total) {
        if (out->rank == 1)
            return ncr_data_file_fail(file, err, FIXED, "%u %s announced, but %zu bytes follow",
                                      out->dim[0], what, n - out->first);
        return ncr_data_file_fail(
            file, err, FIXED, "%u %s of %llu bytes announced, which is %llu, but %zu bytes follow",
            out->dim[0], what, (unsigned long long)(out->dim[0] ? total / out->dim[0] : 0),
            (unsigned long long)total, n - out->first);
    }
    return NCR_OK;
}

static enum ncr_status take_images(const struct ncr_data_file *file, struct ncr_images *out,
                                   struct ncr_error *err)
{
    struct ncr_idx idx;
    enum ncr_status status = ncr_idx_parse(file, "images", &idx, err);
    if (status != NCR_OK) return status;
    if (idx.rank < 3)
        return ncr_data_file_fail(file, err, 3,
                                  "%u dimension%s, but images have 3 (number, height, width) or 4 "
                                  "(number, channels, height, width)",
                                  idx.rank, idx.rank == 1 ? "" : "s");
    if (idx.rank == 4 && idx.dim[1] > MAX_CHANNELS)
        return ncr_data_file_fail(file, err, 8, "%u channels, but images have 1 to %d", idx.dim[1],
                                  MAX_CHANNELS);
    const uint32_t *hw = &idx.dim[idx.rank - 2];
    struct ncr_shape shape = {
        3, {idx.rank == 4 ? (int32_t)idx.dim[1] : 1, (int32_t)hw[0], (int32_t)hw[1]}};
    status = ncr_images_new(file->path, idx.dim[0], &shape, out, err);
    if (status == NCR_OK) memcpy(out->pixels, file->bytes.s + idx.first, (size_t)idx.n_bytes);
    return status;
}

static enum ncr_status take_labels(const struct ncr_data_file *file, const char *images_path,
                                   uint32_t n_classes, struct ncr_images *out,
                                   struct ncr_error *err)
{
    struct ncr_idx idx;
    enum ncr_status status = ncr_idx_parse(file, "labels", &idx, err);
    if (status != NCR_OK) return status;
    if (idx.rank != 1)
        return ncr_data_file_fail(file, err, 3, "%u dimensions, but labels have 1", idx.rank);
    if (idx.dim[0] != out->n)
        return ncr_data_file_fail(file, err, FIXED, "%u labels, but '%s' holds %llu images",
                                  idx.dim[0], images_path, (unsigned long long)out->n);
    const uint8_t *labels = (const uint8_t *)file->bytes.s + idx.first;
    for (uint32_t i = 0; i < idx.dim[0]; i++)
        if (labels[i] >= n_classes)
            return ncr_data_file_fail(file, err, idx.first + i,
                                      "label %u, but the classes are 0 to %u", labels[i],
                                      n_classes - 1);
    if (out->n) memcpy(out->labels, labels, idx.dim[0]);
    return NCR_OK;
}

enum ncr_status ncr_idx_read(const struct ncr_io *io, struct ncr_str images_path,
                             struct ncr_str labels_path, uint32_t n_classes, struct ncr_images *out,
                             struct ncr_error *err)
{
    struct ncr_data_file images, labels = {.compressed = false};
    *out = (struct ncr_images){.n = 0};
    enum ncr_status status =
        ncr_data_file_read(io, images_path, NCR_LIMIT_DATA_BYTES, &images, err);
    if (status == NCR_OK) status = take_images(&images, out, err);
    ncr_buf_free(&images.bytes);
    if (status == NCR_OK)
        status = ncr_data_file_read(io, labels_path, NCR_LIMIT_DATA_BYTES, &labels, err);
    if (status == NCR_OK) status = take_labels(&labels, images.path, n_classes, out, err);
    ncr_data_file_free(&images);
    ncr_data_file_free(&labels);
    return status;
}
