// 128-bit content hash (XXH3). The only header that leads to xxHash; hash.c is the only file that includes it.
#ifndef NCR_BASE_HASH_H
#define NCR_BASE_HASH_H

#include "lang/base/str.h"

struct ncr_hash {
    uint64_t lo, hi;
};

static inline bool ncr_hash_eq(struct ncr_hash a, struct ncr_hash b)
{
    return a.lo == b.lo && a.hi == b.hi;
}
// Total order, for sorting.
static inline int ncr_hash_cmp(struct ncr_hash a, struct ncr_hash b)
{
    if (a.hi != b.hi) return a.hi < b.hi ? -1 : 1;
    return a.lo == b.lo ? 0 : a.lo < b.lo ? -1 : 1;
}

struct ncr_hash ncr_hash_bytes(const void *bytes, size_t n);
// Mixes two hashes; not commutative.
struct ncr_hash ncr_hash_mix(struct ncr_hash a, struct ncr_hash b);
struct ncr_hash ncr_hash_u64(uint64_t v);
// 32 lower-case hexadecimal digits and a NUL.
void ncr_hash_text(struct ncr_hash h, char out[33]);
// Reads what ncr_hash_text wrote; false when it is not 32 hexadecimal digits.
bool ncr_hash_read(struct ncr_str text, struct ncr_hash *out);

#endif
