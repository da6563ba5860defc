// Open addressing with linear probing; grows at three quarters. Old storage is left to the arena.
#include "lang/base/table.h"

#include "lang/base/hash.h"

static uint64_t mix(uint64_t x)
{
    // The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static uint32_t place(const struct ncr_table *table, uint64_t key)
{
    uint32_t mask = table->cap - 1, i = (uint32_t)mix(key) & mask;
    while (table->values[i] && table->keys[i] != key)
        i = (i + 1) & mask;
    return i;
}

uint32_t ncr_table_get(const struct ncr_table *table, uint64_t key)
{
    if (!table->cap) return UINT32_MAX;
    return table->values[place(table, key)] - 1;
}

static void grow(struct ncr_arena *arena, struct ncr_table *table)
{
    struct ncr_table wider = {.cap = table->cap ? table->cap * 2 : 16, .n = table->n};
    wider.keys = NCR_NEW_N(arena, uint64_t, wider.cap);
    wider.values = NCR_NEW_N(arena, uint32_t, wider.cap);
    for (uint32_t i = 0; i < table->cap; i++) {
        if (!table->values[i]) continue;
        uint32_t at = place(&wider, table->keys[i]);
        wider.keys[at] = table->keys[i];
        wider.values[at] = table->values[i];
    }
    *table = wider;
}

void ncr_table_set(struct ncr_arena *arena, struct ncr_table *table, uint64_t key, uint32_t value)
{
    if (table->n >= table->cap / 4 * 3) grow(arena, table);
    uint32_t at = place(table, key);
    table->n += table->values[at] == 0;
    table->keys[at] = key;
    table->values[at] = value + 1;
}

uint32_t ncr_symbol(struct ncr_arena *arena, struct ncr_symbols *symbols, struct ncr_str name)
{
    uint64_t key = ncr_hash_bytes(name.s, name.n).lo;
    uint32_t first = ncr_table_get(&symbols->first, key);
    for (uint32_t s = first; s != UINT32_MAX; s = symbols->next[s] - 1)
        if (ncr_str_eq(symbols->names[s], name)) return s;
    if (symbols->n == symbols->cap) {
        uint32_t cap = symbols->cap ? symbols->cap * 2 : 64;
        symbols->names = ncr_arena_grow(arena, symbols->names, symbols->n * sizeof *symbols->names,
                                        cap * sizeof *symbols->names);
        symbols->next = ncr_arena_grow(arena, symbols->next, symbols->n * sizeof *symbols->next,
                                       cap * sizeof *symbols->next);
        symbols->cap = cap;
    }
    uint32_t s = symbols->n++;
    symbols->names[s] = name;
    symbols->next[s] = first + 1; // the chain's older names follow
    ncr_table_set(arena, &symbols->first, key, s);
    return s;
}
