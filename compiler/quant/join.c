// Inputs of concatenations that take the scale and zero point of the concatenation, which then
// copies them: what they compute is rounded once. Decided by the structure alone.
#include "compiler/quant/qgraph.h"

// How often each tensor is read; an output counts as two readers more.
static uint32_t *count_readers(struct ncr_arena *scratch, const struct ncr_qgraph *g)
{
    uint32_t *n = NCR_NEW_N(scratch, uint32_t, g->n_nodes);
    for (uint32_t q = 0; q < g->n_nodes; q++)
        for (uint32_t k = 0; k < g->nodes[q].n_in; k++)
            n[g->nodes[q].in[k]]++;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        n[g->outputs[i]] += 2;
    return n;
}

// Whether q may take its scale from node `concat`, which reads it. One of a single input may stand
// for a clamp (build.c), whose range is narrower than its input's.
static bool may_join(const struct ncr_qgraph *g, const uint32_t *n_readers, uint32_t q,
                     uint32_t concat)
{
    const struct ncr_qnode *a = &g->nodes[q], *b = &g->nodes[concat];
    bool rounds = ncr_qop_has_mult(a->op) || a->op == NCR_QOP_LUT;
    if (b->op != NCR_QOP_CONCAT || b->n_in < 2 || !rounds || n_readers[q] != 1) return false;
    if (ncr_qnode_bits(a) != ncr_qnode_bits(b)) return false;
    const struct ncr_quant_spec *x = a->spec, *y = b->spec; // NULL in what was read
    return !x || !y ||
           (x->activations == y->activations && x->activation_bits == y->activation_bits);
}

void ncr_qgraph_join(struct ncr_arena *scratch, struct ncr_qgraph *g)
{
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    const uint32_t *n_readers = NULL;
    for (uint32_t c = 0; c < g->n_nodes; c++) {
        if (g->nodes[c].op != NCR_QOP_CONCAT) continue;
        if (!n_readers) n_readers = count_readers(scratch, g);
        for (uint32_t k = 0; k < g->nodes[c].n_in; k++) {
            uint32_t q = g->nodes[c].in[k];
            if (may_join(g, n_readers, q, c)) g->nodes[q].joins = c;
        }
    }
    ncr_arena_reset(scratch, mark);
}

const struct ncr_qnode *ncr_qnode_joined(const struct ncr_qgraph *g, const struct ncr_qnode *node)
{
    while (node->joins)
        node = &g->nodes[node->joins];
    return node;
}

// What input k of concatenation `c` must be that has joined it; NULL: it is.
static const char *broken(const struct ncr_qgraph *g, const struct ncr_qnode *c, uint32_t k)
{
    const struct ncr_qnode *node = &g->nodes[c->in[k]];
    if (!g->has_numbers) return NULL;
    if (node->scale != c->scale || node->zero_point != c->zero_point)
        return "scale and zero point are not those of the concatenation that it joins";
    if (node->lo < c->lo || node->hi > c->hi)
        return "its clamp is wider than that of the concatenation that it joins";
    if (c->mult[k] != 1 << 30 || c->shift[k] != 30)
        return "the concatenation that it joins has a factor for it";
    return NULL;
}

static bool any_joins(const struct ncr_qgraph *g)
{
    for (uint32_t q = 0; q < g->n_nodes; q++)
        if (g->nodes[q].joins) return true;
    return false;
}

bool ncr_qgraph_verify_joins(const struct ncr_qgraph *g, struct ncr_error *why)
{
    if (!any_joins(g)) return true;
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) return ncr_fail(why, NCR_ENVIRONMENT, "out of memory") == NCR_OK;
    const uint32_t *n_readers = count_readers(scratch, g);
    uint32_t *reader = NCR_NEW_N(scratch, uint32_t, g->n_nodes); // the last concatenation, or 0
    uint32_t *place = NCR_NEW_N(scratch, uint32_t, g->n_nodes);  // among its inputs
    for (uint32_t c = 0; c < g->n_nodes; c++)
        for (uint32_t k = 0; g->nodes[c].op == NCR_QOP_CONCAT && k < g->nodes[c].n_in; k++) {
            reader[g->nodes[c].in[k]] = c;
            place[g->nodes[c].in[k]] = k;
        }
    const char *text = NULL;
    uint32_t q = 0;
    for (; q < g->n_nodes; q++) {
        uint32_t c = g->nodes[q].joins;
        if (!c) continue;
        text = c != reader[q] || !may_join(g, n_readers, q, c)
                   ? "it joins what is not the one concatenation that reads it"
                   : broken(g, &g->nodes[c], place[q]);
        if (text) break;
    }
    if (text) ncr_fail(why, NCR_USAGE, "node %%%u %s: %s", q, ncr_qop_name(g->nodes[q].op), text);
    ncr_arena_free(scratch);
    return !text;
}
