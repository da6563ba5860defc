// Any bytes as data files: IDX images with labels, a CIFAR-10 batch, one image; plain or gzip.
// The first two bytes say how many of the others are the first file.
#include <stdlib.h>

#include "runtime/data/cifar10.h"
#include "runtime/data/idx.h"
#include "runtime/data/image.h"
#include "tests/support/byte_files.h"

static void check(enum ncr_status status, struct ncr_error *err)
{
    if ((status == NCR_OK) != (err->text[0] == 0)) abort();
    err->text[0] = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ncr_shape shape = {3, {1, 2, 2}};
    if (size < 2) return 0;
    size_t n = data[0] | (size_t)data[1] << 8, rest = size - 2;
    if (n > rest) n = rest;
    struct byte_files m = {.n = 0};
    byte_files_put(&m, "images", data + 2, n);
    byte_files_put(&m, "labels", data + 2 + n, rest - n);
    byte_files_put(&m, "data_batch_1.bin", data + 2, n);
    byte_files_put(&m, "test_batch.bin", data + 2 + n, rest - n);
    struct ncr_io io = byte_files_io(&m);
    struct ncr_images a, b;
    struct ncr_error err = {""};
    check(ncr_idx_read(&io, NCR_STR("images"), NCR_STR("labels"), 10, &a, &err), &err);
    ncr_images_free(&a);
    check(ncr_cifar10_read(&io, NCR_STR(""), &a, &b, &err), &err);
    ncr_images_free(&a);
    ncr_images_free(&b);
    uint8_t pixels[4];
    check(ncr_image_read(&io, "images", &shape, pixels, &err), &err);
    byte_files_free(&m);
    return 0;
}
