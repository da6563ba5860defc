#include "tests/support/planned.h"

#include <criterion/criterion.h>

#include "tests/support/graph_of.h"

struct planned planned_graph(const char *text, uint32_t bits, const struct ncr_quant_spec *own,
                             ncr_node_id owner)
{
    struct planned p = {.arena = ncr_arena_new(0)};
    struct ncr_quant_spec *spec = NCR_NEW(p.arena, struct ncr_quant_spec);
    struct ncr_diags diags;
    *spec = (struct ncr_quant_spec){.weight_bits = 8, .activation_bits = bits};
    ncr_diags_init(&diags, p.arena, ncr_sources_new(p.arena));
    struct ncr_graph *graph = ncr_graph_simplify(p.arena, graph_of(p.arena, text));
    if (own) graph->nodes[owner].attrs.quant = own;
    p.g = ncr_qgraph_build(p.arena, &diags, graph, spec, NULL, NULL);
    cr_assert_not_null(p.g);
    return p;
}

struct planned planned_of(const char *text, enum ncr_plan_mode mode)
{
    struct planned p = planned_graph(text, 8, NULL, 0);
    p.plan = ncr_plan_build(p.arena, p.g, mode);
    return p;
}
