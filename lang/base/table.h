// Hash tables in an arena: from 64-bit keys to 32-bit values, and from names to dense numbers
// (symbols).
#ifndef NCR_BASE_TABLE_H
#define NCR_BASE_TABLE_H

#include "lang/base/str.h"

struct ncr_table {
    uint64_t *keys;
    uint32_t *values; // value + 1; 0: free
    uint32_t n, cap;
};

// The value of key, or UINT32_MAX.
uint32_t ncr_table_get(const struct ncr_table *table, uint64_t key);
// Sets the value of key (below UINT32_MAX).
void ncr_table_set(struct ncr_arena *arena, struct ncr_table *table, uint64_t key, uint32_t value);

struct ncr_symbols {
    struct ncr_table first; // hash of a name → its first symbol
    struct ncr_str *names;
    uint32_t *next; // symbol + 1 with the same hash
    uint32_t n, cap;
};

// The number of a name, from 0 in order of first use.
uint32_t ncr_symbol(struct ncr_arena *arena, struct ncr_symbols *symbols, struct ncr_str name);

#endif
