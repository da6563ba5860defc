// PGM, PPM and raw images.
#include <criterion/criterion.h>
#include <string.h>

#include "runtime/data/image.h"
#include "tests/support/byte_files.h"

static const struct ncr_shape grey = {3, {1, 2, 3}}, colour = {3, {3, 1, 2}};

static enum ncr_status read_one(const struct ncr_shape *shape, const void *bytes, size_t n,
                                uint8_t *pixels, struct ncr_error *err)
{
    struct byte_files m = {.n = 0};
    byte_files_put(&m, "i", bytes, n);
    struct ncr_io io = byte_files_io(&m);
    enum ncr_status status = ncr_image_read(&io, "i", shape, pixels, err);
    byte_files_free(&m);
    return status;
}

Test(image, reads_pgm_ppm_and_raw)
{
    uint8_t p[6];
    struct ncr_error err;
    cr_assert_eq(read_one(&grey, "P5\n3 2\n255\nabcdef", 17, p, &err), NCR_OK, "%s", err.text);
    cr_assert_arr_eq(p, "abcdef", 6);
    cr_assert_eq(
        read_one(&grey, "P5 # made by hand\n# twice\n 3\t2 # size\n255 #abcde", 48, p, &err),
        NCR_OK, "%s", err.text);
    cr_assert_arr_eq(p, "#abcde", 6, "pixels start after one blank, whatever they are");
    cr_assert_eq(read_one(&grey, "P5#345", 6, p, &err), NCR_OK, "%s", err.text);
    cr_assert_arr_eq(p, "P5#345", 6, "six bytes are six raw pixels");
    cr_assert_eq(read_one(&colour, "P6\n2 1\n255\nrgbRGB", 17, p, &err), NCR_OK, "%s", err.text);
    cr_assert_arr_eq(p, "rRgGbB", 6);
    cr_assert_eq(read_one(&colour, "rRgGbB", 6, p, &err), NCR_OK, "%s", err.text);
    cr_assert_arr_eq(p, "rRgGbB", 6);
}

static void expect(const struct ncr_shape *shape, const char *bytes, size_t n, const char *text)
{
    uint8_t p[6];
    struct ncr_error err;
    cr_assert_eq(read_one(shape, bytes, n, p, &err), NCR_ENVIRONMENT, "expected: %s", text);
    cr_assert_str_eq(err.text, text);
}

Test(image, wrong_files)
{
    expect(&grey, "abcde", 5,
           "'i': at offset 0: neither PGM (P5) nor PPM (P6), and 5 raw bytes where 1x2x3 needs 6");
    expect(&grey, "P6\n3 2\n255\nabcdef", 17,
           "'i': at offset 0: P6 has 3 channels, but the net's input has 1");
    expect(&colour, "P5\n2 1\n255\nab", 13,
           "'i': at offset 0: P5 has 1 channel, but the net's input has 3");
    expect(&grey, "P5\n4 2\n255\nabcdefgh", 19,
           "'i': at offset 4: the width is 4, but 3 is needed");
    expect(&grey, "P5\n3 3\n255\nabcdefghi", 20,
           "'i': at offset 6: the height is 3, but 2 is needed");
    expect(&grey, "P5\n3 2\n65535\nabcdefabcdef", 25,
           "'i': at offset 12: the largest value is 65535, but 255 is needed");
    expect(&grey, "P5\n3 x\n255\nabcdef", 17,
           "'i': at offset 5: the height is missing or not a number");
    expect(&grey, "P5 3 2 # ends", 13,
           "'i': at offset 13: the largest value is missing or not a number");
    expect(&grey, "P5 3 2 255", 10, "'i': at offset 11: 0 bytes of pixels, but 1x2x3 needs 6");
    expect(&grey, "P5\n3 2\n255\nabcde", 16,
           "'i': at offset 11: 5 bytes of pixels, but 1x2x3 needs 6");
    expect(&grey, "P5\n3 2\n255\nabcdefg", 18,
           "'i': at offset 11: 7 bytes of pixels, but 1x2x3 needs 6");
}
