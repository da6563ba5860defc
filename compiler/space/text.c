// SPACE to text: decisions, nodes, requirements, and the diagrams that they name.
#include "compiler/space/space.h"

// What a leaf of a diagram means where it stands.
enum leaves { CONDITION, NODE, VARIANT, NUMBER };

static void leaf(const struct ncr_space *space, enum leaves kind, ncr_diagram f,
                 struct ncr_buf *out)
{
    if (f == NCR_HOLE) {
        ncr_buf_putc(out, '-');
        return;
    }
    uint32_t i = ncr_diagram_leaf_of(f);
    if (kind == CONDITION) ncr_buf_puts(out, i ? "true" : "false");
    if (kind == NODE) ncr_buf_fmt(out, "%%%u", i);
    if (kind == NUMBER) ncr_buf_fmt(out, "%lld", (long long)space->numbers.at[i]);
    if (kind == VARIANT) {
        char shape[48];
        ncr_buf_puts(out, ncr_shape_text(&space->variants.at[i].facts.shape, shape));
        ncr_buf_fmt(out, "#%u", i);
    }
}

// A leaf, or the number of a node of the pool.
static void diagram(const struct ncr_space *space, enum leaves kind, ncr_diagram f,
                    struct ncr_buf *out)
{
    if (ncr_diagram_is_leaf(f))
        leaf(space, kind, f, out);
    else
        ncr_buf_fmt(out, "d%u", f);
}

// The nodes below f that were not written yet, children first.
static void write_below(const struct ncr_space *space, enum leaves kind, ncr_diagram f, bool *seen,
                        struct ncr_buf *out)
{
    if (ncr_diagram_is_leaf(f) || seen[f]) return;
    seen[f] = true;
    const struct ncr_diagram_node *node = &space->diagrams.nodes.at[f];
    uint32_t n = space->diagrams.domain.at[node->var];
    for (uint32_t v = 0; v < n; v++)
        write_below(space, kind, space->diagrams.edges.at[node->first + v], seen, out);
    ncr_buf_fmt(out, "    d%u = %.*s:", f, NCR_STR_ARG(space->decisions.at[node->var].path));
    for (uint32_t v = 0; v < n; v++) {
        ncr_buf_putc(out, ' ');
        diagram(space, kind, space->diagrams.edges.at[node->first + v], out);
    }
    ncr_buf_putc(out, '\n');
}

static void node_text(const struct ncr_space *space, uint32_t i, struct ncr_buf *out)
{
    const struct ncr_space_node *node = &space->nodes.at[i];
    ncr_buf_fmt(out, "%%%u = %s", i, ncr_op_name(node->op));
    for (uint32_t k = 0; k < node->n_in; k++) {
        ncr_buf_putc(out, ' ');
        diagram(space, NODE, node->in[k], out);
    }
    ncr_buf_puts(out, " : ");
    diagram(space, VARIANT, node->variant, out);
    if (node->exists != NCR_TRUE) {
        ncr_buf_puts(out, " where ");
        diagram(space, CONDITION, node->exists, out);
    }
    ncr_buf_fmt(out, "  \"%.*s\"\n", NCR_STR_ARG(node->path));
}

void ncr_space_dump(const struct ncr_space *space, struct ncr_buf *out)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) NCR_BUG("out of memory for a space");
    // A node of the pool may stand for several kinds of leaves; it is written for the first.
    bool *seen = NCR_NEW_N(arena, bool, space->diagrams.nodes.n);
    ncr_buf_fmt(out, "space %.*s\n", NCR_STR_ARG(space->name));
    for (uint32_t d = 0; d < space->decisions.n; d++) {
        const struct ncr_space_decision *decision = &space->decisions.at[d];
        write_below(space, CONDITION, decision->exists, seen, out);
        ncr_buf_fmt(out, "decision %.*s of %u", NCR_STR_ARG(decision->path), decision->n);
        if (decision->exists != NCR_TRUE) {
            ncr_buf_puts(out, " where ");
            diagram(space, CONDITION, decision->exists, out);
        }
        ncr_buf_putc(out, '\n');
    }
    for (uint32_t i = 0; i < space->nodes.n; i++) {
        const struct ncr_space_node *node = &space->nodes.at[i];
        write_below(space, CONDITION, node->exists, seen, out);
        write_below(space, VARIANT, node->variant, seen, out);
        for (uint32_t k = 0; k < node->n_in; k++)
            write_below(space, NODE, node->in[k], seen, out);
        node_text(space, i, out);
    }
    for (uint32_t i = 0; i < space->outputs.n; i++) {
        write_below(space, NODE, space->outputs.at[i].node, seen, out);
        ncr_buf_fmt(out, "output \"%.*s\" ", NCR_STR_ARG(space->outputs.at[i].name));
        diagram(space, NODE, space->outputs.at[i].node, out);
        ncr_buf_putc(out, '\n');
    }
    for (uint32_t i = 0; i < space->requires.n; i++) {
        const struct ncr_space_require *r = &space->requires.at[i];
        write_below(space, CONDITION, r->condition, seen, out);
        for (uint32_t k = 0; r->kind == NCR_REQUIRE_SUM && k < r->sum.n_terms; k++)
            write_below(space, NUMBER, r->sum.terms[k], seen, out);
        ncr_buf_puts(out, "require ");
        if (r->kind == NCR_REQUIRE_SUM) {
            if (r->lo != INT64_MIN) ncr_buf_fmt(out, "%lld <= ", (long long)r->lo);
            ncr_buf_fmt(out, "%lld", (long long)r->sum.constant);
            for (uint32_t k = 0; k < r->sum.n_terms; k++) {
                ncr_buf_puts(out, " + ");
                diagram(space, NUMBER, r->sum.terms[k], out);
            }
            if (r->hi != INT64_MAX) ncr_buf_fmt(out, " <= %lld", (long long)r->hi);
        } else {
            diagram(space, CONDITION, r->condition, out);
            if (r->kind == NCR_REQUIRE_GRAPH) ncr_buf_puts(out, " -> asked of the network");
        }
        ncr_buf_putc(out, '\n');
    }
    ncr_arena_free(arena);
}
