// Bytes of an image file to network input.
#include "runtime/standalone/images.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape {
    size_t c, h, w, n; // n = c·h·w
};

static struct shape shape_of(const struct nacre_tensor *t)
{
    struct shape s = {(size_t)t->dim[0], (size_t)t->dim[1], (size_t)t->dim[2], (size_t)t->bytes};
    return s;
}

static unsigned char *read_all(const char *path, size_t *n, char *error, size_t error_bytes)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        snprintf(error, error_bytes, "cannot read '%s': %s", path, strerror(errno));
        return NULL;
    }
    unsigned char *bytes = NULL;
    size_t size = 0, room = 0;
    for (;;) {
        if (size == room) {
            room = room ? 2 * room : 1 << 16;
            unsigned char *more = realloc(bytes, room);
            if (!more) {
                snprintf(error, error_bytes, "out of memory while reading '%s'", path);
                break;
            }
            bytes = more;
        }
        size_t k = fread(bytes + size, 1, room - size, file);
        size += k;
        if (k) continue;
        if (ferror(file)) {
            snprintf(error, error_bytes, "cannot read '%s': %s", path, strerror(errno));
            break;
        }
        fclose(file);
        *n = size;
        return bytes;
    }
    free(bytes);
    fclose(file);
    return NULL;
}

static size_t be32(const unsigned char *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

// 0 0 8 rank, then sizes as big-endian numbers: [n, H, W] or [n, C, H, W].
static int read_idx(const char *path, size_t size, struct shape s, struct images *out, char *error,
                    size_t error_bytes)
{
    const unsigned char *b = out->bytes;
    size_t rank = b[3], head = 4 + 4 * rank;
    if ((rank != 3 && rank != 4) || size < head) {
        snprintf(error, error_bytes,
                 "'%s' is an IDX file of rank %zu with %zu bytes; images have rank 3 or 4", path,
                 rank, size);
        return -1;
    }
    size_t n = be32(b + 4), c = rank == 4 ? be32(b + 8) : 1, h = be32(b + head - 8),
           w = be32(b + head - 4);
    if (c != s.c || h != s.h || w != s.w) {
        snprintf(error, error_bytes,
                 "'%s' holds images of %zux%zux%zu; the network's input is %zux%zux%zu", path, c, h,
                 w, s.c, s.h, s.w);
        return -1;
    }
    if ((size - head) / s.n < n || size - head != n * s.n) {
        snprintf(error, error_bytes,
                 "'%s': %zu images of %zu bytes after a header of %zu are expected, %zu bytes are "
                 "there",
                 path, n, s.n, head, size);
        return -1;
    }
    out->first = b + head;
    out->n = n;
    return 0;
}

// One number of a PNM header, after white space and comments; SIZE_MAX where there is none.
static size_t number(const unsigned char *b, size_t size, size_t *at)
{
    while (*at < size &&
           (b[*at] == ' ' || b[*at] == '\n' || b[*at] == '\r' || b[*at] == '\t' || b[*at] == '#')) {
        if (b[*at] == '#')
            while (*at < size && b[*at] != '\n')
                ++*at;
        else
            ++*at;
    }
    size_t v = 0, digits = 0;
    for (; *at < size && b[*at] >= '0' && b[*at] <= '9' && digits < 9; ++*at, digits++)
        v = 10 * v + (size_t)(b[*at] - '0');
    return digits ? v : SIZE_MAX;
}

static int read_pnm(const char *path, size_t size, struct shape s, struct images *out, char *error,
                    size_t error_bytes)
{
    const unsigned char *b = out->bytes;
    size_t at = 2, c = b[1] == '5' ? 1 : 3;
    size_t w = number(b, size, &at), h = number(b, size, &at), top = number(b, size, &at);
    if (w == SIZE_MAX || h == SIZE_MAX || top != 255 || at >= size) {
        snprintf(error, error_bytes,
                 "'%s': at offset %zu: width, height and the maximum 255 are expected", path, at);
        return -1;
    }
    at++; // one white space ends the header
    if (c != s.c || h != s.h || w != s.w) {
        snprintf(error, error_bytes,
                 "'%s' is an image of %zux%zux%zu; the network's input is %zux%zux%zu", path, c, h,
                 w, s.c, s.h, s.w);
        return -1;
    }
    if (size - at != s.n) {
        snprintf(error, error_bytes,
                 "'%s': at offset %zu: %zu bytes of pixels are expected, %zu found", path, at, s.n,
                 size - at);
        return -1;
    }
    out->first = b + at;
    out->n = 1;
    out->interleaved = c > 1;
    return 0;
}

int images_read(const char *path, const struct nacre_tensor *want, struct images *out, char *error,
                size_t error_bytes)
{
    struct shape s = shape_of(want);
    size_t size;
    memset(out, 0, sizeof *out);
    out->bytes = read_all(path, &size, error, error_bytes);
    if (!out->bytes) return -1;
    const unsigned char *b = out->bytes;
    int result;
    if (size >= 4 && b[0] == 0 && b[1] == 0 && b[2] == 8 && size % s.n) {
        result = read_idx(path, size, s, out, error, error_bytes);
    } else if (size > 2 && b[0] == 'P' && (b[1] == '5' || b[1] == '6') && size % s.n) {
        result = read_pnm(path, size, s, out, error, error_bytes);
    } else if (size == 0 || size % s.n) {
        snprintf(error, error_bytes,
                 "'%s' is neither IDX nor binary PGM or PPM, and its %zu bytes are no whole number "
                 "of raw images of %zu bytes",
                 path, size, s.n);
        result = -1;
    } else {
        out->first = b;
        out->n = size / s.n;
        result = 0;
    }
    if (result) {
        free(out->bytes);
        out->bytes = NULL;
    }
    return result;
}

void images_input(const struct images *images, size_t i, const struct nacre_tensor *want,
                  const signed char *table, signed char *out)
{
    struct shape s = shape_of(want);
    const unsigned char *from = images->first + i * s.n;
    size_t pixels = s.h * s.w;
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < s.c; c++) {
            unsigned char v = images->interleaved ? from[p * s.c + c] : from[c * pixels + p];
            out[p * s.c + c] = table[c * 256 + v];
        }
}
