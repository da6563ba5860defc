// Any text as a quantised graph: what reads is verified, printed back to the same text, planned,
// and (where it is small) run.
#include <stdlib.h>

#include "compiler/plan/plan.h"

static int64_t work_of(const struct ncr_qgraph *g, uint32_t q)
{
    const struct ncr_qnode *n = &g->nodes[q];
    int64_t window = 1;
    if (n->op == NCR_QOP_MAXPOOL || n->op == NCR_QOP_AVGPOOL)
        window = (int64_t)n->attrs.kernel[0] * n->attrs.kernel[1];
    else if (ncr_qop_has_weights(n->op))
        window = n->n_weights / n->shape.dim[0];
    return ncr_shape_elements(&n->shape) * (window < 1 << 20 ? window : 1 << 20) * (1 + n->n_in);
}

static void run(struct ncr_arena *arena, const struct ncr_qgraph *g)
{
    int64_t work = 0;
    for (uint32_t q = 0; q < g->n_nodes && work < 1 << 20; q++)
        work += work_of(g, q);
    if (work >= 1 << 20) return;
    ncr_plan_build(arena, g, NCR_PLAN_SHARED); // verifies itself
    if (!g->has_numbers) return;
    int8_t **in = NCR_NEW_N(arena, int8_t *, g->n_inputs),
           **values = NCR_NEW_N(arena, int8_t *, g->n_nodes);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        in[i] = NCR_NEW_N(arena, int8_t, (size_t)ncr_qnode_bytes(&g->nodes[g->inputs[i]]));
    ncr_eval_int(arena, g, (const int8_t *const *)in, values);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 20) return 0;
    struct ncr_arena *arena = ncr_arena_new((size_t)256 << 20);
    jmp_buf full;
    if (setjmp(full)) {
        ncr_arena_free(arena);
        return 0;
    }
    ncr_arena_on_oom(arena, &full);
    struct ncr_sources *sources = ncr_sources_new(arena);
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, sources);
    uint32_t file = ncr_sources_add(sources, NCR_STR("q"),
                                    (struct ncr_str){(const char *)data, (uint32_t)size});
    const struct ncr_qgraph *g = ncr_qgraph_read(arena, &diags, file);
    if ((g == NULL) != (diags.n_errors > 0)) abort();
    if (g) {
        struct ncr_buf once = {0}, twice = {0};
        ncr_qgraph_dump(g, &once);
        file =
            ncr_sources_add(sources, NCR_STR("again"), (struct ncr_str){once.s, (uint32_t)once.n});
        const struct ncr_qgraph *again = ncr_qgraph_read(arena, &diags, file);
        if (!again) abort();
        ncr_qgraph_dump(again, &twice);
        if (once.n != twice.n || memcmp(once.s, twice.s, once.n) != 0) abort();
        ncr_buf_free(&once);
        ncr_buf_free(&twice);
        run(arena, g);
    }
    ncr_arena_free(arena);
    return 0;
}
