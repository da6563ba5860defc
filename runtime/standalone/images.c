// Bytes of an image file to network input.
#include "runtime/standalone/images.h"

#include "runtime/standalone/system.h"

struct shape {
    size_t c, h, w, n; // n = c·h·w
};

static struct shape shape_of(const struct nacre_tensor *t)
{
    struct shape s = {(size_t)t->dim[0], (size_t)t->dim[1], (size_t)t->dim[2],
                      (size_t)t->bytes / (size_t)t->element};
    return s;
}

static void say(struct text *error, const char *path, const char *what)
{
    text_put(error, "'");
    text_put(error, path);
    text_put(error, "'");
    text_put(error, what);
}

static void say_shape(struct text *error, size_t c, size_t h, size_t w)
{
    text_number(error, c);
    text_put(error, "x");
    text_number(error, h);
    text_put(error, "x");
    text_number(error, w);
}

static void say_other(struct text *error, const char *path, const char *what, size_t c, size_t h,
                      size_t w, struct shape s)
{
    say(error, path, what);
    say_shape(error, c, h, w);
    text_put(error, "; the network's input is ");
    say_shape(error, s.c, s.h, s.w);
}

// Memory grows by doubling; the last block is the file's. 0, or -1 with a message.
static int read_all(const char *path, struct images *out, size_t *n, struct text *error)
{
    long file = system_open(path), k = 0;
    if (file < 0) {
        text_put(error, "cannot read ");
        say(error, path, ": ");
        text_put(error, system_reason(file));
        return -1;
    }
    size_t size = 0;
    for (;;) {
        if (size == out->room) {
            size_t room = out->room ? 2 * out->room : 1 << 16;
            unsigned char *more = system_take(room);
            if (!more) {
                text_put(error, "out of memory while reading ");
                say(error, path, "");
                break;
            }
            for (size_t i = 0; i < size; i++)
                more[i] = out->bytes[i];
            if (out->bytes) system_give(out->bytes, out->room);
            out->bytes = more;
            out->room = room;
        }
        k = system_read(file, out->bytes + size, out->room - size);
        if (k > 0) {
            size += (size_t)k;
            continue;
        }
        if (k < 0) {
            text_put(error, "cannot read ");
            say(error, path, ": ");
            text_put(error, system_reason(k));
            break;
        }
        system_close(file);
        *n = size;
        return 0;
    }
    images_close(out);
    system_close(file);
    return -1;
}

static size_t be32(const unsigned char *p)
{
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

// 0 0 8 rank, then sizes as big-endian numbers: [n, H, W] or [n, C, H, W].
static int read_idx(const char *path, size_t size, struct shape s, struct images *out,
                    struct text *error)
{
    const unsigned char *b = out->bytes;
    size_t rank = b[3], head = 4 + 4 * rank;
    if ((rank != 3 && rank != 4) || size < head) {
        say(error, path, " is an IDX file of rank ");
        text_number(error, rank);
        text_put(error, " with ");
        text_number(error, size);
        text_put(error, " bytes; images have rank 3 or 4");
        return -1;
    }
    size_t n = be32(b + 4), c = rank == 4 ? be32(b + 8) : 1, h = be32(b + head - 8),
           w = be32(b + head - 4);
    if (c != s.c || h != s.h || w != s.w) {
        say_other(error, path, " holds images of ", c, h, w, s);
        return -1;
    }
    if ((size - head) / s.n < n || size - head != n * s.n) {
        say(error, path, ": ");
        text_number(error, n);
        text_put(error, " images of ");
        text_number(error, s.n);
        text_put(error, " bytes after a header of ");
        text_number(error, head);
        text_put(error, " are expected, ");
        text_number(error, size);
        text_put(error, " bytes are there");
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

static int read_pnm(const char *path, size_t size, struct shape s, struct images *out,
                    struct text *error)
{
    const unsigned char *b = out->bytes;
    size_t at = 2, c = b[1] == '5' ? 1 : 3;
    size_t w = number(b, size, &at), h = number(b, size, &at), top = number(b, size, &at);
    if (w == SIZE_MAX || h == SIZE_MAX || top != 255 || at >= size) {
        say(error, path, ": at offset ");
        text_number(error, at);
        text_put(error, ": width, height and the maximum 255 are expected");
        return -1;
    }
    at++; // one white space ends the header
    if (c != s.c || h != s.h || w != s.w) {
        say_other(error, path, " is an image of ", c, h, w, s);
        return -1;
    }
    if (size - at != s.n) {
        say(error, path, ": at offset ");
        text_number(error, at);
        text_put(error, ": ");
        text_number(error, s.n);
        text_put(error, " bytes of pixels are expected, ");
        text_number(error, size - at);
        text_put(error, " found");
        return -1;
    }
    out->first = b + at;
    out->n = 1;
    out->interleaved = c > 1;
    return 0;
}

int images_read(const char *path, const struct nacre_tensor *want, struct images *out,
                struct text *error)
{
    struct shape s = shape_of(want);
    size_t size;
    *out = (struct images){0};
    if (read_all(path, out, &size, error)) return -1;
    const unsigned char *b = out->bytes;
    int result = -1, whole = size && size % s.n == 0;
    size_t said = error->n;
    // Raw bytes may begin like a header: one image is raw, of several the header must fit the file.
    if (size != s.n && size >= 4 && b[0] == 0 && b[1] == 0 && b[2] == 8) {
        result = read_idx(path, size, s, out, error);
    } else if (size != s.n && size > 2 && b[0] == 'P' && (b[1] == '5' || b[1] == '6')) {
        result = read_pnm(path, size, s, out, error);
    } else if (!whole) {
        say(error, path, " is neither IDX nor binary PGM or PPM, and its ");
        text_number(error, size);
        text_put(error, " bytes are no whole number of raw images of ");
        text_number(error, s.n);
        text_put(error, " bytes");
    }
    if (result && whole) {
        error->n = said;
        out->first = b;
        out->n = size / s.n;
        result = 0;
    }
    if (result) images_close(out);
    return result;
}

void images_close(struct images *images)
{
    if (images->bytes) system_give(images->bytes, images->room);
    *images = (struct images){0};
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
            for (int32_t k = 0; k < want->element;
                 k++) // bytes, of which memory holds the low first
                out[(p * s.c + c) * (size_t)want->element + (size_t)k] =
                    table[(c * 256 + v) * (size_t)want->element + (size_t)k];
        }
}
