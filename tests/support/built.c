// A graph from its text form on its way to the integer network.
#include "tests/support/built.h"

#include <criterion/criterion.h>

#include "tests/support/graph_of.h"

struct built built_of(const char *text)
{
    struct built b = {.arena = ncr_arena_new(0)};
    b.graph = ncr_graph_simplify(b.arena, graph_of(b.arena, text));
    b.weights = ncr_weights_new(b.arena, b.graph);
    b.spec = (struct ncr_quant_spec){.name = NCR_STR("q"),
                                     .weight_bits = 8,
                                     .activation_bits = 8,
                                     .per_channel = true,
                                     .calibration_images = 1};
    b.ranges.n = b.graph->n_nodes;
    b.ranges.lo = NCR_NEW_N(b.arena, float, b.graph->n_nodes);
    b.ranges.hi = NCR_NEW_N(b.arena, float, b.graph->n_nodes);
    for (uint32_t i = 0; i < b.graph->n_nodes; i++) {
        b.ranges.lo[i] = -1;
        b.ranges.hi[i] = 1;
    }
    return b;
}

void built_quantise(struct built *b)
{
    ncr_diags_init(&b->diags, b->arena, ncr_sources_new(b->arena));
    b->q = ncr_qgraph_build(b->arena, &b->diags, b->graph, &b->spec, b->weights, &b->ranges);
}

void built_good(struct built *b)
{
    built_quantise(b);
    cr_assert_not_null(b->q, "%.*s", NCR_STR_ARG(b->diags.first->text));
}

void built_refused(struct built *b, unsigned number, const char *text)
{
    built_quantise(b);
    cr_assert_null(b->q);
    cr_assert_eq(b->diags.n_errors, 1);
    cr_assert_eq(ncr_diag_number(b->diags.first->code), number);
    cr_assert(ncr_str_is(b->diags.first->text, text), "%.*s", NCR_STR_ARG(b->diags.first->text));
    ncr_arena_free(b->arena);
}
