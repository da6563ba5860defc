// PGM, PPM and raw files to one image.
#include "runtime/data/image.h"

enum { HEADER_BYTES = 1 << 16, LARGEST = 255 }; // room for comments

struct scan {
    const struct ncr_data_file *file;
    size_t at;
};

// A whole number after blanks and comments (netpbm's PGM page, "The format"); -1 where there is
// none.
static int64_t scan_number(struct scan *s)
{
    const struct ncr_buf *b = &s->file->bytes;
    for (;;) {
        while (s->at < b->n && strchr(" \t\r\n\v\f", b->s[s->at]) && b->s[s->at])
            s->at++;
        if (s->at == b->n || b->s[s->at] != '#') break;
        while (s->at < b->n && b->s[s->at] != '\n')
            s->at++;
    }
    if (s->at == b->n || b->s[s->at] < '0' || b->s[s->at] > '9') return -1;
    int64_t v = 0;
    while (s->at < b->n && b->s[s->at] >= '0' && b->s[s->at] <= '9' && v <= NCR_LIMIT_DIM)
        v = v * 10 + (b->s[s->at++] - '0');
    return v;
}

static enum ncr_status take_pnm(const struct ncr_data_file *file, const struct ncr_shape *shape,
                                uint8_t *pixels, struct ncr_error *err)
{
    static const char *const names[3] = {"width", "height", "largest value"};
    int32_t channels = file->bytes.s[1] == '5' ? 1 : 3;
    const int64_t want[3] = {shape->dim[2], shape->dim[1], LARGEST};
    struct scan s = {file, 2};
    if (channels != shape->dim[0])
        return ncr_data_file_fail(file, err, 0, "P%c has %d channel%s, but the net's input has %d",
                                  file->bytes.s[1], channels, channels == 1 ? "" : "s",
                                  shape->dim[0]);
    for (int i = 0; i < 3; i++) {
        int64_t v = scan_number(&s);
        if (v < 0)
            return ncr_data_file_fail(file, err, s.at, "the %s is missing or not a number",
                                      names[i]);
        if (v != want[i])
            return ncr_data_file_fail(file, err, s.at, "the %s is %lld, but %lld is needed",
                                      names[i], (long long)v, (long long)want[i]);
    }
    s.at++; // one blank, then the pixels
    size_t area = (size_t)shape->dim[1] * (size_t)shape->dim[2], n = area * (size_t)channels;
    size_t rest = s.at > file->bytes.n ? 0 : file->bytes.n - s.at;
    if (rest != n)
        return ncr_data_file_fail(file, err, s.at, "%zu bytes of pixels, but %dx%dx%d needs %zu",
                                  rest, channels, shape->dim[1], shape->dim[2], n);
    for (size_t k = 0; k < area; k++) // PPM interleaves its channels
        for (int32_t c = 0; c < channels; c++)
            pixels[(size_t)c * area + k] =
                (uint8_t)file->bytes.s[s.at + k * (size_t)channels + (size_t)c];
    return NCR_OK;
}

enum ncr_status ncr_image_read(const struct ncr_io *io, const char *path,
                               const struct ncr_shape *shape, uint8_t *pixels,
                               struct ncr_error *err)
{
    struct ncr_data_file file;
    size_t n = (size_t)ncr_shape_elements(shape);
    enum ncr_status status = ncr_data_file_read(io, ncr_str_of(path), n + HEADER_BYTES, &file, err);
    if (status == NCR_OK) {
        const struct ncr_buf *b = &file.bytes;
        // Raw bytes may start like a header: their number decides.
        if (b->n != n && b->n > 2 && b->s[0] == 'P' && (b->s[1] == '5' || b->s[1] == '6'))
            status = take_pnm(&file, shape, pixels, err);
        else if (b->n != n)
            status = ncr_data_file_fail(
                &file, err, 0,
                "neither PGM (P5) nor PPM (P6), and %zu raw bytes where %dx%dx%d needs %zu", b->n,
                shape->dim[0], shape->dim[1], shape->dim[2], n);
        else
            memcpy(pixels, b->s, n);
    }
    ncr_data_file_free(&file);
    return status;
}
