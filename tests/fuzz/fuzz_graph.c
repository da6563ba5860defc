// Any text as a graph: what reads is printed back to the same text, simplifies to a sound graph,
// and keeps its architecture id, its counts and (where the format allows it) its report on the way.
#include <stdlib.h>

#include "compiler/analysis/report.h"

static struct ncr_graph *read_text(struct ncr_arena *arena, const char *bytes, size_t n)
{
    struct ncr_sources *sources = ncr_sources_new(arena);
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, sources);
    uint32_t file = ncr_sources_add(sources, NCR_STR("g"), (struct ncr_str){bytes, (uint32_t)n});
    struct ncr_graph *graph = ncr_graph_read(arena, &diags, file);
    if ((graph == NULL) != (diags.n_errors > 0)) abort();
    return graph;
}

static void report(struct ncr_arena *arena, const struct ncr_graph *graph)
{
    struct ncr_quant_spec spec = {.name = NCR_STR("q"), .weight_bits = 8, .activation_bits = 8};
    struct ncr_diags diags;
    struct ncr_buf out = {0};
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    struct ncr_report *r = ncr_report_build(arena, &diags, graph, &spec, true);
    if ((r == NULL) != (diags.n_errors > 0)) abort();
    if (!r) return;
    ncr_report_text(r, &(struct ncr_report_look){.columns = 60}, &out);
    ncr_report_json(r, NULL, &out);
    ncr_report_csv(r, NULL, &out);
    ncr_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 16) return 0;
    struct ncr_arena *arena = ncr_arena_new((size_t)256 << 20);
    jmp_buf full;
    if (setjmp(full)) {
        ncr_arena_free(arena);
        return 0;
    }
    ncr_arena_on_oom(arena, &full);
    const struct ncr_graph *graph = read_text(arena, (const char *)data, size);
    if (graph) {
        struct ncr_buf once = {0}, twice = {0};
        ncr_graph_dump(graph, &once);
        const struct ncr_graph *again = read_text(arena, once.s, once.n);
        if (!again) abort();
        ncr_graph_dump(again, &twice);
        if (once.n != twice.n || memcmp(once.s, twice.s, once.n) != 0) abort();
        ncr_buf_free(&once);
        ncr_buf_free(&twice);
        struct ncr_graph *simple = ncr_graph_simplify(arena, graph);
        if (!ncr_graph_verify(simple, NULL)) abort();
        if (!ncr_hash_eq(ncr_graph_arch_id(graph), ncr_graph_arch_id(simple))) abort();
        if (!ncr_graph_equal(graph, again) || ncr_graph_macs(simple) > ncr_graph_macs(graph))
            abort();
        report(arena, graph);
    }
    ncr_arena_free(arena);
    return 0;
}
