// IDX, CIFAR-10 and gzip readers: what they give, and every way in which a file can be wrong.
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "runtime/data/cifar10.h"
#include "runtime/data/file.h"
#include "runtime/data/idx.h"
#include "tests/support/byte_files.h"

// 3 images of 2x2 with pixels 0, 1, 2, …; labels 7, 0, 2.
static const unsigned char images_3[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0,  0,
                                         0, 2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static const unsigned char labels_3[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 2};

static enum ncr_status read_pair(struct byte_files *m, uint32_t n_classes, struct ncr_images *out,
                                 struct ncr_error *err)
{
    struct ncr_io io = byte_files_io(m);
    return ncr_idx_read(&io, NCR_STR("d/images"), NCR_STR("d/labels"), n_classes, out, err);
}

// Reads the pair and expects exactly this text.
static void expect_idx(const void *images, size_t n_images, const void *labels, size_t n_labels,
                       const char *text)
{
    struct byte_files m = {.n = 0};
    struct ncr_images out;
    struct ncr_error err;
    byte_files_put(&m, "d/images", images, n_images);
    byte_files_put(&m, "d/labels", labels, n_labels);
    cr_assert_eq(read_pair(&m, 10, &out, &err), NCR_ENVIRONMENT, "expected: %s", text);
    cr_assert_str_eq(err.text, text);
    ncr_images_free(&out);
    byte_files_free(&m);
}

Test(idx, gives_images_and_labels)
{
    struct byte_files m = {.n = 0};
    struct ncr_images out;
    struct ncr_error err;
    byte_files_put(&m, "d/images", images_3, sizeof images_3);
    byte_files_put(&m, "d/labels", labels_3, sizeof labels_3);
    cr_assert_eq(read_pair(&m, 10, &out, &err), NCR_OK, "%s", err.text);
    cr_assert_eq(out.n, 3);
    cr_assert_eq(out.shape.rank, 3);
    cr_assert_eq(out.shape.dim[0], 1);
    cr_assert_eq(out.shape.dim[1], 2);
    cr_assert_eq(out.shape.dim[2], 2);
    for (int i = 0; i < 12; i++)
        cr_assert_eq(out.pixels[i], i);
    cr_assert_arr_eq(out.labels, labels_3 + 8, 3);
    ncr_images_free(&out);
    byte_files_free(&m);
}

Test(idx, rank_4_holds_channels)
{
    const unsigned char images[] = {0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 3, 0,
                                    0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6};
    const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 1, 9};
    struct byte_files m = {.n = 0};
    struct ncr_images out;
    struct ncr_error err;
    byte_files_put(&m, "d/images", images, sizeof images);
    byte_files_put(&m, "d/labels", labels, sizeof labels);
    cr_assert_eq(read_pair(&m, 10, &out, &err), NCR_OK, "%s", err.text);
    cr_assert_eq(out.shape.dim[0], 3);
    cr_assert_eq(out.shape.dim[1], 1);
    cr_assert_eq(out.shape.dim[2], 2);
    cr_assert_eq(out.pixels[5], 6);
    ncr_images_free(&out);
    byte_files_free(&m);
}

Test(idx, no_images_is_an_empty_part)
{
    const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2};
    const unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 0};
    struct byte_files m = {.n = 0};
    struct ncr_images out;
    struct ncr_error err;
    byte_files_put(&m, "d/images", images, sizeof images);
    byte_files_put(&m, "d/labels", labels, sizeof labels);
    cr_assert_eq(read_pair(&m, 10, &out, &err), NCR_OK, "%s", err.text);
    cr_assert_eq(out.n, 0);
    ncr_images_free(&out);
    byte_files_free(&m);
}

Test(idx, wrong_header)
{
    unsigned char b[sizeof images_3];
    expect_idx("", 0, labels_3, sizeof labels_3,
               "'d/images': at offset 0: the file ends, but an IDX file starts with 4 bytes of "
               "type and rank");
    expect_idx(images_3, 3, labels_3, sizeof labels_3,
               "'d/images': at offset 3: the file ends, but an IDX file starts with 4 bytes of "
               "type and rank");
    expect_idx("P5 2 2 255\n", 11, labels_3, sizeof labels_3,
               "'d/images': at offset 0: this is not an IDX file: it starts with 50 35, not 00 00");
    memcpy(b, images_3, sizeof b);
    b[2] = 0x0d;
    expect_idx(b, sizeof b, labels_3, sizeof labels_3,
               "'d/images': at offset 2: elements of type 0x0d (32-bit float), but only 0x08 "
               "(unsigned byte) is read");
    b[2] = 0x42;
    expect_idx(b, sizeof b, labels_3, sizeof labels_3,
               "'d/images': at offset 2: elements of type 0x42 (unknown), but only 0x08 "
               "(unsigned byte) is read");
    b[2] = 8, b[3] = 0;
    expect_idx(b, sizeof b, labels_3, sizeof labels_3,
               "'d/images': at offset 3: 0 dimensions, but 1 to 4 are read");
    b[3] = 5;
    expect_idx(b, sizeof b, labels_3, sizeof labels_3,
               "'d/images': at offset 3: 5 dimensions, but 1 to 4 are read");
    b[3] = 3;
    expect_idx(b, 15, labels_3, sizeof labels_3,
               "'d/images': at offset 15: the file ends, but the sizes of its 3 dimensions go up "
               "to offset 16");
}

Test(idx, wrong_sizes)
{
    unsigned char b[sizeof images_3];
    memcpy(b, images_3, sizeof b);
    b[11] = 0;
    expect_idx(b, sizeof b, labels_3, sizeof labels_3,
               "'d/images': at offset 8: size 0, but images have sizes from 1 to 1048576");
    b[8] = 1;
    expect_idx(b, sizeof b, labels_3, sizeof labels_3,
               "'d/images': at offset 8: size 16777216, but images have sizes from 1 to 1048576");
    memcpy(b, images_3, sizeof b);
    b[4] = 0xff;
    expect_idx(b, sizeof b, labels_3, sizeof labels_3,
               "'d/images': at offset 4: size 4278190083 makes the announced content larger than "
               "the limit of 1073741824 bytes");
    memcpy(b, images_3, sizeof b);
    b[9] = 15, b[13] = 15;
    expect_idx(b, sizeof b, labels_3, sizeof labels_3,
               "'d/images': at offset 12: size 983042 makes the announced content larger than the "
               "limit of 1073741824 bytes");
}

Test(idx, content_and_announcement_differ)
{
    expect_idx(images_3, sizeof images_3 - 1, labels_3, sizeof labels_3,
               "'d/images': at offset 4: 3 images of 4 bytes announced, which is 12, but 11 bytes "
               "follow");
    unsigned char longer[sizeof images_3 + 2] = {0};
    memcpy(longer, images_3, sizeof images_3);
    expect_idx(longer, sizeof longer, labels_3, sizeof labels_3,
               "'d/images': at offset 4: 3 images of 4 bytes announced, which is 12, but 14 bytes "
               "follow");
    expect_idx(images_3, sizeof images_3, labels_3, sizeof labels_3 - 1,
               "'d/labels': at offset 4: 3 labels announced, but 2 bytes follow");
}

Test(idx, images_and_labels_do_not_fit)
{
    expect_idx(labels_3, sizeof labels_3, labels_3, sizeof labels_3,
               "'d/images': at offset 3: 1 dimension, but images have 3 (number, height, width) or "
               "4 (number, channels, height, width)");
    expect_idx(images_3, sizeof images_3, images_3, sizeof images_3,
               "'d/labels': at offset 3: 3 dimensions, but labels have 1");
    const unsigned char two[] = {0, 0, 8, 1, 0, 0, 0, 2, 1, 2};
    expect_idx(images_3, sizeof images_3, two, sizeof two,
               "'d/labels': at offset 4: 2 labels, but 'd/images' holds 3 images");
    unsigned char ten[sizeof labels_3];
    memcpy(ten, labels_3, sizeof ten);
    ten[9] = 10;
    expect_idx(images_3, sizeof images_3, ten, sizeof ten,
               "'d/labels': at offset 9: label 10, but the classes are 0 to 9");
    const unsigned char five[] = {0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 5, 0,
                                  0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5};
    expect_idx(five, sizeof five, labels_3, sizeof labels_3,
               "'d/images': at offset 8: 5 channels, but images have 1 to 4");
}

// ---- gzip ----

// Compresses into out; gives the size.
static size_t pack(const void *bytes, size_t n, unsigned char *out, size_t size)
{
    z_stream z = {.next_in = (Bytef *)bytes, .avail_in = (uInt)n, .next_out = out};
    z.avail_out = (uInt)size;
    cr_assert_eq(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t packed = size - z.avail_out;
    deflateEnd(&z);
    return packed;
}

static enum ncr_status read_one(const char *stored_as, const void *bytes, size_t n,
                                struct ncr_data_file *file, struct ncr_error *err)
{
    struct byte_files m = {.n = 0};
    byte_files_put(&m, stored_as, bytes, n);
    struct ncr_io io = byte_files_io(&m);
    enum ncr_status status =
        ncr_data_file_read(&io, NCR_STR("d/f"), NCR_LIMIT_DATA_BYTES, file, err);
    byte_files_free(&m);
    return status;
}

Test(gzip, is_found_by_name_and_by_content)
{
    unsigned char packed[200];
    size_t n = pack(images_3, sizeof images_3, packed, sizeof packed);
    const char *const names[] = {"d/f.gz", "d/f"}; // the second has no telling name
    for (int i = 0; i < 2; i++) {
        struct ncr_data_file file;
        struct ncr_error err;
        cr_assert_eq(read_one(names[i], packed, n, &file, &err), NCR_OK, "%s", err.text);
        cr_assert_str_eq(file.path, names[i]);
        cr_assert(file.compressed);
        cr_assert_eq(file.bytes.n, sizeof images_3);
        cr_assert_arr_eq(file.bytes.s, images_3, sizeof images_3);
        ncr_data_file_free(&file);
    }
}

Test(gzip, members_are_joined)
{
    unsigned char packed[200];
    size_t n = pack("ab", 2, packed, sizeof packed);
    n += pack("cde", 3, packed + n, sizeof packed - n);
    struct ncr_data_file file;
    struct ncr_error err;
    cr_assert_eq(read_one("d/f", packed, n, &file, &err), NCR_OK, "%s", err.text);
    cr_assert_eq(file.bytes.n, 5);
    cr_assert_arr_eq(file.bytes.s, "abcde", 5);
    ncr_data_file_free(&file);
}

static void expect_file(const void *bytes, size_t n, const char *text)
{
    struct ncr_data_file file;
    struct ncr_error err;
    cr_assert_eq(read_one("d/f.gz", bytes, n, &file, &err), NCR_ENVIRONMENT, "expected: %s", text);
    cr_assert_str_eq(err.text, text);
    ncr_data_file_free(&file);
}

Test(gzip, damage_is_named)
{
    unsigned char packed[200], bad[200];
    char text[200];
    size_t n = pack(images_3, sizeof images_3, packed, sizeof packed);
    snprintf(
        text, sizeof text,
        "'d/f.gz': at offset %zu of the compressed file: it ends inside the gzip stream, after "
        "28 bytes of content",
        n - 8);
    expect_file(packed, n - 8, text);
    snprintf(
        text, sizeof text,
        "'d/f.gz': at offset %zu of the compressed file: it ends inside the gzip stream, after "
        "28 bytes of content",
        n - 1);
    expect_file(packed, n - 1, text);
    memcpy(bad, packed, n);
    bad[n - 8] ^= 1;
    snprintf(text, sizeof text,
             "'d/f.gz': at offset %zu of the compressed file: damaged gzip stream: incorrect data "
             "check",
             n - 4);
    expect_file(bad, n, text);
    memcpy(bad, packed, n);
    bad[n] = 'x', bad[n + 1] = 'y';
    snprintf(text, sizeof text,
             "'d/f.gz': at offset %zu of the compressed file: 2 bytes follow the end of the gzip "
             "stream",
             n);
    expect_file(bad, n + 2, text);
    memcpy(bad, packed, n);
    bad[2] = 7;
    expect_file(bad, n,
                "'d/f.gz': at offset 4 of the compressed file: damaged gzip stream: unknown "
                "compression method");
}

Test(gzip, size_is_bounded)
{
    unsigned char zeros[5000] = {0}, packed[200];
    struct byte_files m = {.n = 0};
    byte_files_put(&m, "d/f", packed, pack(zeros, sizeof zeros, packed, sizeof packed));
    struct ncr_io io = byte_files_io(&m);
    struct ncr_data_file file;
    struct ncr_error err;
    cr_assert_eq(ncr_data_file_read(&io, NCR_STR("d/f"), 5000, &file, &err), NCR_OK, "%s",
                 err.text);
    cr_assert_eq(file.bytes.n, 5000);
    ncr_data_file_free(&file);
    cr_assert_eq(ncr_data_file_read(&io, NCR_STR("d/f"), 4999, &file, &err), NCR_ENVIRONMENT);
    cr_assert(strstr(err.text, "it inflates to more than the limit of 4999 bytes"), "%s", err.text);
    cr_assert_leq(file.bytes.n, 4999);
    ncr_data_file_free(&file);
    byte_files_free(&m);
}

Test(gzip, offsets_of_the_content)
{
    unsigned char packed[200], wrong[sizeof images_3];
    memcpy(wrong, images_3, sizeof wrong);
    wrong[3] = 9;
    size_t n = pack(wrong, sizeof wrong, packed, sizeof packed);
    struct byte_files m = {.n = 0};
    struct ncr_images out;
    struct ncr_error err;
    byte_files_put(&m, "d/images.gz", packed, n);
    byte_files_put(&m, "d/labels", labels_3, sizeof labels_3);
    cr_assert_eq(read_pair(&m, 10, &out, &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(
        err.text, "'d/images.gz': at offset 3 of the content: 9 dimensions, but 1 to 4 are read");
    ncr_images_free(&out);
    byte_files_free(&m);
}

Test(file, absent_and_overlong)
{
    struct byte_files m = {.n = 0};
    struct ncr_io io = byte_files_io(&m);
    struct ncr_data_file file;
    struct ncr_error err;
    cr_assert_eq(ncr_data_file_read(&io, NCR_STR("d/f"), 100, &file, &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(err.text, "there is no 'd/f' and no 'd/f.gz'");
    char path[600];
    memset(path, 'p', sizeof path - 1);
    path[599] = 0;
    cr_assert_eq(ncr_data_file_read(&io, ncr_str_of(path), 100, &file, &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(err.text, "a path of 599 bytes is longer than the limit of 508");
}

// ---- CIFAR-10 ----

enum { RECORD = 3073 };

static void put_batch(struct byte_files *m, const char *path, int n, int first_label)
{
    unsigned char *bytes = malloc((size_t)n * RECORD);
    for (int i = 0; i < n; i++) {
        bytes[i * RECORD] = (unsigned char)((first_label + i) % 10);
        for (int k = 1; k < RECORD; k++)
            bytes[i * RECORD + k] = (unsigned char)(k + i + first_label);
    }
    byte_files_put(m, path, bytes, (size_t)n * RECORD);
    free(bytes);
}

static enum ncr_status read_cifar(struct byte_files *m, struct ncr_images *train,
                                  struct ncr_images *test, struct ncr_error *err)
{
    struct ncr_io io = byte_files_io(m);
    return ncr_cifar10_read(&io, NCR_STR("c/"), train, test, err);
}

Test(cifar10, joins_the_batches_that_exist)
{
    struct byte_files m = {.n = 0};
    put_batch(&m, "c/data_batch_2.bin", 2, 3);
    put_batch(&m, "c/data_batch_5.bin", 1, 8);
    put_batch(&m, "c/test_batch.bin", 3, 0);
    struct ncr_images train, test;
    struct ncr_error err;
    cr_assert_eq(read_cifar(&m, &train, &test, &err), NCR_OK, "%s", err.text);
    cr_assert_eq(train.n, 3);
    cr_assert_eq(test.n, 3);
    cr_assert_eq(train.shape.dim[0], 3);
    cr_assert_eq(train.shape.dim[1], 32);
    cr_assert_eq(train.shape.dim[2], 32);
    const uint8_t labels[3] = {3, 4, 8};
    cr_assert_arr_eq(train.labels, labels, 3);
    for (int k = 0; k < 3072; k++) { // red, green, blue planes in the order of the file
        cr_assert_eq(train.pixels[k], (unsigned char)(k + 1 + 3));
        cr_assert_eq(train.pixels[3072 + k], (unsigned char)(k + 1 + 1 + 3));
        cr_assert_eq(train.pixels[2 * 3072 + k], (unsigned char)(k + 1 + 8));
    }
    ncr_images_free(&train);
    ncr_images_free(&test);
    byte_files_free(&m);
}

static void expect_cifar(struct byte_files *m, const char *text)
{
    struct ncr_images train, test;
    struct ncr_error err;
    cr_assert_eq(read_cifar(m, &train, &test, &err), NCR_ENVIRONMENT, "expected: %s", text);
    cr_assert_str_eq(err.text, text);
    ncr_images_free(&train);
    ncr_images_free(&test);
}

Test(cifar10, wrong_files)
{
    struct byte_files m = {.n = 0};
    expect_cifar(&m, "there is none of 'c/data_batch_1.bin' to 'data_batch_5.bin', plain or .gz");
    put_batch(&m, "c/data_batch_1.bin", 2, 0);
    expect_cifar(&m, "there is no 'c/test_batch.bin' and no 'c/test_batch.bin.gz'");
    byte_files_put(&m, "c/test_batch.bin", "", 0);
    expect_cifar(&m, "'c/test_batch.bin': at offset 0: the file is empty");
    put_batch(&m, "c/test_batch.bin", 3, 0);
    m.file[1].n -= 70;
    expect_cifar(&m,
                 "'c/test_batch.bin': at offset 6146: 3003 bytes remain, but a record has 3073");
    m.file[1].n += 70;
    m.file[1].bytes[2 * RECORD] = 10;
    expect_cifar(&m, "'c/test_batch.bin': at offset 6146: label 10, but the classes are 0 to 9");
    m.file[0].bytes[0] = 255;
    expect_cifar(&m, "'c/data_batch_1.bin': at offset 0: label 255, but the classes are 0 to 9");
    byte_files_free(&m);
}
