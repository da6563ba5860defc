// A graph from its text form.
#include "tests/support/graph_of.h"

struct ncr_graph *graph_of(struct ncr_arena *arena, const char *text)
{
    struct ncr_sources *sources = ncr_sources_new(arena);
    uint32_t file = ncr_sources_add(sources, NCR_STR("graph"), ncr_str_of(text));
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, sources);
    struct ncr_graph *graph = ncr_graph_read(arena, &diags, file);
    if (!graph) NCR_BUG("%.*s in\n%s", NCR_STR_ARG(diags.first->text), text);
    return graph;
}
