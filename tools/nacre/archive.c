// The ar format of System V and GNU: magic, the index "/", the member, each padded to an even size.
// Times and owners are 0, so that equal networks give equal bytes.
#include "tools/nacre/archive.h"

static void head(struct ncr_buf *out, const char *name, size_t bytes)
{
    ncr_buf_fmt(out, "%-16s%-12d%-6d%-6d%-8s%-10zu`\n", name, 0, 0, 0, "644", bytes);
}

static void big_endian(struct ncr_buf *out, size_t v)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        ncr_buf_putc(out, (char)(v >> shift & 0xFF));
}

void archive_write(struct ncr_buf *out, const char *name, const struct ncr_buf *member,
                   const char *const *symbols, uint32_t n)
{
    enum { MAGIC = 8, HEAD = 60 };
    size_t index = 4 + 4 * (size_t)n;
    for (uint32_t i = 0; i < n; i++)
        index += strlen(symbols[i]) + 1;
    size_t padded = index + index % 2;
    ncr_buf_puts(out, "!<arch>\n");
    head(out, "/", padded);
    big_endian(out, n);
    for (uint32_t i = 0; i < n; i++)
        big_endian(out, MAGIC + HEAD + padded);
    for (uint32_t i = 0; i < n; i++)
        ncr_buf_put(out, symbols[i], strlen(symbols[i]) + 1);
    if (padded > index) ncr_buf_putc(out, 0);
    struct ncr_buf full = {0};
    ncr_buf_fmt(&full, "%s/", name);
    head(out, full.s, member->n);
    ncr_buf_free(&full);
    ncr_buf_put(out, member->s, member->n);
    if (member->n % 2) ncr_buf_putc(out, '\n');
}
