// Source map: texts with their line starts.
#include "lang/base/source.h"

#include "lang/base/vec.h"

struct file {
    struct ncr_str name, text;
    uint32_t *line; // offset of each line's first byte
    uint32_t n_lines;
};

struct ncr_sources {
    struct ncr_arena *arena;
    NCR_VEC(struct file) files;
};

struct ncr_sources *ncr_sources_new(struct ncr_arena *arena)
{
    struct ncr_sources *sources = NCR_NEW(arena, struct ncr_sources);
    sources->arena = arena;
    return sources;
}

uint32_t ncr_sources_add(struct ncr_sources *sources, struct ncr_str name, struct ncr_str text)
{
    struct file *file = ncr_vec_add(sources->arena, &sources->files);
    file->name = ncr_str_dup(sources->arena, name);
    file->text = ncr_str_dup(sources->arena, text);
    uint32_t n = 1;
    for (uint32_t i = 0; i < text.n; i++) n += text.s[i] == '\n';
    file->line = NCR_NEW_N(sources->arena, uint32_t, n);
    file->n_lines = n;
    for (uint32_t i = 0, k = 1; i < text.n; i++)
        if (text.s[i] == '\n') file->line[k++] = i + 1;
    return sources->files.n;
}

uint32_t ncr_sources_count(const struct ncr_sources *sources)
{
    return sources->files.n;
}

static const struct file *get(const struct ncr_sources *sources, uint32_t file)
{
    if (file == 0 || file > sources->files.n) NCR_BUG("no source file %u", file);
    return &sources->files.at[file - 1];
}

struct ncr_str ncr_sources_name(const struct ncr_sources *sources, uint32_t file)
{
    return get(sources, file)->name;
}

struct ncr_str ncr_sources_text(const struct ncr_sources *sources, uint32_t file)
{
    return get(sources, file)->text;
}

struct ncr_pos ncr_sources_pos(const struct ncr_sources *sources, uint32_t file, uint32_t offset)
{
    const struct file *f = get(sources, file);
    if (offset > f->text.n) offset = f->text.n;
    uint32_t lo = 0, hi = f->n_lines;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (f->line[mid] <= offset)
            lo = mid;
        else
            hi = mid;
    }
    uint32_t column = 1;
    for (uint32_t i = f->line[lo]; i < offset; i++)
        column += ((unsigned char)f->text.s[i] & 0xC0) != 0x80; // count first bytes of characters
    return (struct ncr_pos){lo + 1, column};
}

struct ncr_str ncr_sources_line(const struct ncr_sources *sources, uint32_t file, uint32_t line)
{
    const struct file *f = get(sources, file);
    if (line == 0 || line > f->n_lines) return (struct ncr_str){"", 0};
    uint32_t begin = f->line[line - 1], end = line < f->n_lines ? f->line[line] - 1 : f->text.n;
    if (end > begin && f->text.s[end - 1] == '\r') end--;
    return (struct ncr_str){f->text.s + begin, end - begin};
}
