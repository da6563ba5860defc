// Source texts and positions: byte offsets everywhere, line and column only when printed.
#ifndef NCR_BASE_SOURCE_H
#define NCR_BASE_SOURCE_H

#include "lang/base/str.h"

// Bytes [begin, end) of a file; file 0 means "no place".
struct ncr_span {
    uint32_t file, begin, end;
};

#define NCR_NOWHERE ((struct ncr_span){0, 0, 0})

// line and column count from 1; the column counts UTF-8 characters.
struct ncr_pos {
    uint32_t line, column;
};

struct ncr_sources;

struct ncr_sources *ncr_sources_new(struct ncr_arena *arena);
// Adds a text under a name as it is to be printed; text is copied (NUL added). Gives its id, from 1.
uint32_t ncr_sources_add(struct ncr_sources *sources, struct ncr_str name, struct ncr_str text);
uint32_t ncr_sources_count(const struct ncr_sources *sources);
struct ncr_str ncr_sources_name(const struct ncr_sources *sources, uint32_t file);
struct ncr_str ncr_sources_text(const struct ncr_sources *sources, uint32_t file);
struct ncr_pos ncr_sources_pos(const struct ncr_sources *sources, uint32_t file, uint32_t offset);
// The text of a line (from 1) without its end.
struct ncr_str ncr_sources_line(const struct ncr_sources *sources, uint32_t file, uint32_t line);

static inline struct ncr_span ncr_span_join(struct ncr_span a, struct ncr_span b)
{
    if (!a.file) return b;
    if (!b.file || a.file != b.file) return a;
    return (struct ncr_span){a.file, a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end};
}

#endif
