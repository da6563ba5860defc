// Content hashes over xxHash.
#include "lang/base/hash.h"

#include <stdio.h>

// Inlined, since most of what is hashed is a few words long.
#define XXH_INLINE_ALL
#include <xxhash.h>

struct ncr_hash ncr_hash_bytes(const void *bytes, size_t n)
{
    XXH128_hash_t h = XXH3_128bits(bytes, n);
    return (struct ncr_hash){h.low64, h.high64};
}

struct ncr_hash ncr_hash_mix(struct ncr_hash a, struct ncr_hash b)
{
    uint64_t words[4] = {a.lo, a.hi, b.lo, b.hi};
    return ncr_hash_bytes(words, sizeof words);
}

struct ncr_hash ncr_hash_u64(uint64_t v)
{
    return ncr_hash_bytes(&v, sizeof v);
}

void ncr_hash_text(struct ncr_hash h, char out[33])
{
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)h.hi, (unsigned long long)h.lo);
}

bool ncr_hash_read(struct ncr_str text, struct ncr_hash *out)
{
    if (text.n != 32) return false;
    uint64_t word[2] = {0, 0};
    for (uint32_t i = 0; i < 32; i++) {
        char c = text.s[i];
        int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (v < 0) return false;
        word[i / 16] = word[i / 16] << 4 | (uint64_t)v;
    }
    *out = (struct ncr_hash){word[1], word[0]};
    return true;
}
