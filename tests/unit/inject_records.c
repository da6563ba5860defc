// Campaign files byte by byte: offsets as documented, little-endian, check sums, heads.
#include <criterion/criterion.h>
#include <string.h>

#include "runtime/inject/records.h"

static const struct ncr_record sample = {.index = 0x0102030405060708,
                                         .element = -2,
                                         .node = 0x11121314,
                                         .step = 5,
                                         .input = NCR_ALL_INPUTS,
                                         .n_flips = 6,
                                         .old_value = -128,
                                         .new_value = 7,
                                         .n_benign = 8,
                                         .n_sdc = 9,
                                         .n_sdc5 = 10,
                                         .n_broken = 11,
                                         .n_mended = 12,
                                         .golden_top = 13,
                                         .faulty_top = 14,
                                         .rate = 0x1516,
                                         .site = 1,
                                         .bit = 31,
                                         .outcome = 2,
                                         .output_hash = 0xf1f2f3f4f5f6f7f8,
                                         .n_sdc10 = 15,
                                         .n_sdc20 = 16};

Test(inject_records, layout_is_as_documented)
{
    uint8_t b[NCR_RECORD_BYTES];
    ncr_record_encode(&sample, (struct ncr_hash){1, 2}, b);
    cr_assert(b[0] == 8 && b[7] == 1, "index");
    cr_assert(b[8] == 0xfe && b[15] == 0xff, "element");
    cr_assert(b[16] == 0x14 && b[19] == 0x11, "node");
    cr_assert(b[20] == 5 && b[24] == 0xff && b[27] == 0xff && b[28] == 6);
    cr_assert(b[32] == 0x80 && b[35] == 0xff && b[36] == 7, "values");
    cr_assert(b[40] == 8 && b[44] == 9 && b[48] == 10 && b[52] == 11 && b[56] == 12);
    cr_assert(b[60] == 13 && b[64] == 14 && b[68] == 0x16 && b[69] == 0x15);
    cr_assert(b[70] == 1 && b[71] == 31 && b[72] == 2 && b[73] == 0 && b[74] == 0 && b[75] == 0);
    cr_assert(b[80] == 0xf8 && b[87] == 0xf1 && b[88] == 15 && b[92] == 16);
    cr_assert_eq(NCR_RECORD_BYTES, 96);
}

// Every changed bit of a record, and another campaign's fingerprint, are noticed.
Test(inject_records, check_sum)
{
    uint8_t b[NCR_RECORD_BYTES];
    struct ncr_hash fingerprint = {1, 2};
    struct ncr_record back;
    ncr_record_encode(&sample, fingerprint, b);
    cr_assert(ncr_record_decode(b, fingerprint, &back));
    uint8_t again[NCR_RECORD_BYTES];
    ncr_record_encode(&back, fingerprint, again);
    cr_assert_eq(memcmp(b, again, sizeof b), 0);
    cr_assert_not(ncr_record_decode(b, (struct ncr_hash){3, 2}, &back));
    for (int bit = 0; bit < NCR_RECORD_BYTES * 8; bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cr_assert_not(ncr_record_decode(b, fingerprint, &back), "bit %d", bit);
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static struct ncr_buf head_of(const char *seed, const char *data)
{
    struct ncr_buf head = {0};
    const char *keys[] = {"data", "seed"};
    struct ncr_str values[] = {ncr_str_of(data), ncr_str_of(seed)};
    ncr_records_head(&head, keys, values, 2);
    return head;
}

Test(inject_records, heads)
{
    struct ncr_buf mine = head_of("1", "abc"), other = head_of("2", "abd");
    struct ncr_str head = {mine.s, (uint32_t)mine.n};
    struct ncr_records_found found;
    struct ncr_error err;
    cr_assert_str_eq(mine.s, "nacre campaign 1\ndata: abc\nseed: 1\n\n");
    for (size_t n = 0; n < mine.n; n++) // a head that was being written
        cr_assert(ncr_records_scan("f", head, (const uint8_t *)mine.s, n, &found, &err) == NCR_OK &&
                  found.keep == 0);
    cr_assert_eq(ncr_records_scan("f", head, (const uint8_t *)mine.s, mine.n, &found, &err),
                 NCR_OK);
    cr_assert(found.keep == mine.n && found.n == 0);
    cr_assert_eq(ncr_records_scan("f", head, (const uint8_t *)other.s, other.n, &found, &err),
                 NCR_USAGE);
    cr_assert_str_eq(
        err.text,
        "'f' holds another campaign: data is abd there and abc here; seed is 2 there and 1 here");
    cr_assert_eq(
        ncr_records_scan("f", head, (const uint8_t *)"nacre campaign 2\n", 17, &found, &err),
        NCR_USAGE);
    cr_assert_str_eq(err.text,
                     "'f' is not a campaign file: it does not begin with \"nacre campaign 1\"");
    cr_assert_eq(ncr_records_scan("f", head,
                                  (const uint8_t *)"nacre campaign 1\nodd: 3\n\nxxxxxxxxxxxxxxxxx",
                                  40, &found, &err),
                 NCR_USAGE);
    cr_assert_str_eq(err.text,
                     "'f' holds another campaign: it states other things than this version does");
    ncr_buf_free(&mine);
    ncr_buf_free(&other);
}
