// Records of a campaign and the file that holds them.
//
// The file is text, then binary. First line "nacre campaign 1"; then the fingerprint, one "key:
// value" a line; an empty line; then records of NCR_RECORD_BYTES each, record i at its place i. All
// numbers are little-endian. Files are only appended to; a torn end is cut at the last record whose
// check sum holds.
#ifndef NCR_INJECT_RECORDS_H
#define NCR_INJECT_RECORDS_H

#include "lang/base/hash.h"
#include "lang/base/io.h"

// One injection, fully addressed. offsets in the file are given in brackets.
struct ncr_record {
    uint64_t index;       // [0] of the injection
    int64_t element;      // [8] of the first flip, in logical order
    uint32_t node;        // [16] qnode struck (first flip)
    uint32_t step;        // [20] its place in the order of the quantised graph
    uint32_t input;       // [24] input judged on; NCR_ALL_INPUTS: every one
    uint32_t n_flips;     // [28]
    int32_t old_value;    // [32] stored value of the element before, and [36] after; activations
                          // judged on every
    int32_t new_value;    //      input: those of input 0
    uint32_t n_benign;    // [40] inputs whose output differs and whose decision does not
    uint32_t n_sdc;       // [44] inputs whose decision differs
    uint32_t n_sdc5;      // [48] ... to one outside the golden five largest
    uint32_t n_broken;    // [52] inputs right before and wrong after (0 without labels)
    uint32_t n_mended;    // [56] inputs wrong before and right after
    uint32_t golden_top;  // [60] decisions on the input (input 0 where every one is judged)
    uint32_t faulty_top;  // [64]
    uint16_t rate;        // [68] which bit error rate of a sweep
    uint8_t site;         // [70] enum ncr_site_class
    uint8_t bit;          // [71] lowest bit struck
    uint8_t outcome;      // [72] enum ncr_outcome: the worst over the inputs
                          // [73..75] zero, [76] check sum
    uint64_t output_hash; // [80] of all outputs judged
    uint32_t n_sdc10;     // [88] inputs whose top confidence moved by more than 10 %
    uint32_t n_sdc20;     // [92] ... 20 %
};

#define NCR_ALL_INPUTS UINT32_MAX
enum { NCR_RECORD_BYTES = 96 };

// The check sum covers the record and the fingerprint's hash, so that a record of another campaign
// is no record here.
void ncr_record_encode(const struct ncr_record *record, struct ncr_hash fingerprint,
                       uint8_t out[NCR_RECORD_BYTES]);
bool ncr_record_decode(const uint8_t bytes[NCR_RECORD_BYTES], struct ncr_hash fingerprint,
                       struct ncr_record *out);

// What is found in `bytes` of a campaign file whose head must be `head`.
struct ncr_records_found {
    uint64_t n;    // whole records from 0 on
    uint64_t keep; // bytes up to and with the last of them; 0: not even the head is complete
};

// NCR_USAGE with the differing keys and both values where the file belongs to another campaign.
enum ncr_status ncr_records_scan(const char *path, struct ncr_str head, const uint8_t *bytes,
                                 size_t n, struct ncr_records_found *out, struct ncr_error *err);
// One record of the file, found by its index. NCR_USAGE where the file holds another campaign or
// ends before it.
enum ncr_status ncr_records_read(const struct ncr_io *io, const char *path, struct ncr_str head,
                                 uint64_t index, struct ncr_record *out, struct ncr_error *err);
// The next state of a record's output_hash, after outputs with this hash.
uint64_t ncr_record_chain(uint64_t state, struct ncr_hash outputs);
// The head of a file: first line, given "key: value" lines, empty line.
void ncr_records_head(struct ncr_buf *out, const char *const *keys, const struct ncr_str *values,
                      uint32_t n);

#endif
