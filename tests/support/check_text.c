// Programs in memory for tests.
#include "tests/support/check_text.h"

#include <stdlib.h>

struct checked *check_text(const char *name, const char *text, const char *folder)
{
    struct checked *c = calloc(1, sizeof *c);
    if (!c) abort();
    c->arena = ncr_arena_new((size_t)2 << 30);
    c->sources = ncr_sources_new(c->arena);
    ncr_diags_init(&c->diags, c->arena, c->sources);
    struct ncr_io io = ncr_io_posix();
    c->modules = ncr_modules_load_text(c->arena, c->sources, &c->diags, &io, ncr_str_of(name),
                                       ncr_str_of(text), ncr_str_of(folder), NULL);
    c->program = ncr_program_check(c->arena, &c->diags, c->modules);
    ncr_diags_text(&c->diags, &c->text, false);
    return c;
}

void checked_free(struct checked *c)
{
    ncr_buf_free(&c->text);
    ncr_arena_free(c->arena);
    free(c);
}

struct ncr_buf graph_text(const struct checked *c, const char *net)
{
    struct ncr_buf out = {0};
    const struct ncr_net_info *info;
    struct ncr_error err;
    if (ncr_program_find_net(c->program, ncr_str_of(net), &info, &err) == NCR_OK && info->graph)
        ncr_graph_dump(info->graph, &out);
    return out;
}
