// Campaign files: records to bytes and back, heads compared.
#include "runtime/inject/records.h"

#include <stdio.h>

static const char first_line[] = "nacre campaign 1\n";

static void put(uint8_t *out, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t *in, int n)
{
    uint64_t v = 0;
    for (int i = n; i-- > 0;)
        v = v << 8 | in[i];
    return v;
}

// Where each member lies: X(member, offset, bytes).
#define FIELDS(X)                                                                                  \
    X(index, 0, 8)                                                                                 \
    X(element, 8, 8)                                                                               \
    X(node, 16, 4)                                                                                 \
    X(step, 20, 4)                                                                                 \
    X(input, 24, 4)                                                                                \
    X(n_flips, 28, 4)                                                                              \
    X(old_value, 32, 4)                                                                            \
    X(new_value, 36, 4)                                                                            \
    X(n_benign, 40, 4)                                                                             \
    X(n_sdc, 44, 4)                                                                                \
    X(n_sdc5, 48, 4)                                                                               \
    X(n_broken, 52, 4)                                                                             \
    X(n_mended, 56, 4)                                                                             \
    X(golden_top, 60, 4)                                                                           \
    X(faulty_top, 64, 4)                                                                           \
    X(rate, 68, 2)                                                                                 \
    X(site, 70, 1)                                                                                 \
    X(bit, 71, 1)                                                                                  \
    X(outcome, 72, 1)                                                                              \
    X(output_hash, 80, 8)                                                                          \
    X(n_sdc10, 88, 4)                                                                              \
    X(n_sdc20, 92, 4)

enum { CHECK_AT = 76 };

static uint32_t check_sum(uint8_t bytes[NCR_RECORD_BYTES], struct ncr_hash fingerprint)
{
    uint8_t all[NCR_RECORD_BYTES + 8];
    memcpy(all, bytes, NCR_RECORD_BYTES);
    put(all + CHECK_AT, 0, 4);
    put(all + NCR_RECORD_BYTES, fingerprint.lo, 8);
    return (uint32_t)ncr_hash_bytes(all, sizeof all).lo;
}

void ncr_record_encode(const struct ncr_record *record, struct ncr_hash fingerprint,
                       uint8_t out[NCR_RECORD_BYTES])
{
    memset(out, 0, NCR_RECORD_BYTES);
#define X(member, offset, bytes) put(out + (offset), (uint64_t)record->member, bytes);
    FIELDS(X)
#undef X
    put(out + CHECK_AT, check_sum(out, fingerprint), 4);
}

bool ncr_record_decode(const uint8_t bytes[NCR_RECORD_BYTES], struct ncr_hash fingerprint,
                       struct ncr_record *out)
{
    uint8_t copy[NCR_RECORD_BYTES];
    memcpy(copy, bytes, sizeof copy);
    if (get(copy + CHECK_AT, 4) != check_sum(copy, fingerprint)) return false;
        // A member shorter than its type is unsigned; signed ones have their full width.
#define X(member, offset, n) out->member = (__typeof__(out->member))get(copy + (offset), n);
    FIELDS(X)
#undef X
    return true;
}

void ncr_records_head(struct ncr_buf *out, const char *const *keys, const struct ncr_str *values,
                      uint32_t n)
{
    ncr_buf_puts(out, first_line);
    for (uint32_t i = 0; i < n; i++)
        ncr_buf_fmt(out, "%s: %.*s\n", keys[i], NCR_STR_ARG(values[i]));
    ncr_buf_putc(out, '\n');
}

// Takes the next line off text; false at the end (an empty line ends a head too).
static bool next_line(struct ncr_str *text, struct ncr_str *line)
{
    const char *end = text->n ? memchr(text->s, '\n', text->n) : NULL;
    if (!end) return false;
    *line = (struct ncr_str){text->s, (uint32_t)(end - text->s)};
    text->s += line->n + 1;
    text->n -= line->n + 1;
    return line->n > 0;
}

static struct ncr_str after_colon(struct ncr_str line, struct ncr_str *key)
{
    const char *colon = memchr(line.s, ':', line.n);
    *key = (struct ncr_str){line.s, colon ? (uint32_t)(colon - line.s) : line.n};
    uint32_t skip = key->n + (colon ? 2 : 0);
    if (skip > line.n) skip = line.n;
    return (struct ncr_str){line.s + skip, line.n - skip};
}

static enum ncr_status differs(const char *path, struct ncr_str here, struct ncr_str there,
                               struct ncr_error *err)
{
    struct ncr_str a, b, key_a, key_b;
    char text[800];
    size_t used = 0;
    text[0] = 0;
    next_line(&here, &a);
    next_line(&there, &b);
    while (next_line(&here, &a) && next_line(&there, &b)) {
        if (ncr_str_eq(a, b)) continue;
        struct ncr_str va = after_colon(a, &key_a), vb = after_colon(b, &key_b);
        if (!ncr_str_eq(key_a, key_b)) break; // another version's keys
        int n = snprintf(text + used, sizeof text - used, "%s%.*s is %.*s there and %.*s here",
                         used ? "; " : "", NCR_STR_ARG(key_a), NCR_STR_ARG(vb), NCR_STR_ARG(va));
        if (n < 0 || (size_t)n >= sizeof text - used) break;
        used += (size_t)n;
    }
    return ncr_fail(err, NCR_USAGE, "'%s' holds another campaign: %s", path,
                    used ? text : "it states other things than this version does");
}

enum ncr_status ncr_records_scan(const char *path, struct ncr_str head, const uint8_t *bytes,
                                 size_t n, struct ncr_records_found *out, struct ncr_error *err)
{
    *out = (struct ncr_records_found){0, 0};
    if (n < head.n) {
        // A head that was cut while it was written is no campaign yet.
        if (n == 0 || memcmp(bytes, head.s, n) == 0) return NCR_OK;
    } else if (memcmp(bytes, head.s, head.n) == 0) {
        struct ncr_hash fingerprint = ncr_hash_bytes(head.s, head.n);
        struct ncr_record r;
        out->keep = head.n;
        while (n - out->keep >= NCR_RECORD_BYTES &&
               ncr_record_decode(bytes + out->keep, fingerprint, &r) && r.index == out->n) {
            out->keep += NCR_RECORD_BYTES;
            out->n++;
        }
        return NCR_OK;
    }
    size_t line = strlen(first_line);
    if (n < line || memcmp(bytes, first_line, line) != 0)
        return ncr_fail(err, NCR_USAGE,
                        "'%s' is not a campaign file: it does not begin with \"nacre campaign 1\"",
                        path);
    uint32_t shown = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
    return differs(path, head, (struct ncr_str){(const char *)bytes, shown}, err);
}

enum ncr_status ncr_records_read(const struct ncr_io *io, const char *path, struct ncr_str head,
                                 uint64_t index, struct ncr_record *out, struct ncr_error *err)
{
    struct ncr_buf file = {0};
    struct ncr_records_found found;
    enum ncr_status status = io->read_file(io->user, path, SIZE_MAX / 2, &file, err);
    if (!status)
        status = ncr_records_scan(path, head, (const uint8_t *)file.s, file.n, &found, err);
    if (!status && index >= found.n)
        status = ncr_fail(err, NCR_USAGE, "'%s' has no record %llu: it holds %llu", path,
                          (unsigned long long)index, (unsigned long long)found.n);
    if (!status)
        ncr_record_decode((const uint8_t *)file.s + head.n + index * NCR_RECORD_BYTES,
                          ncr_hash_bytes(head.s, head.n), out);
    ncr_buf_free(&file);
    return status;
}

uint64_t ncr_record_chain(uint64_t state, struct ncr_hash outputs)
{
    uint64_t words[3] = {state, outputs.lo, outputs.hi};
    return ncr_hash_bytes(words, sizeof words).lo;
}
