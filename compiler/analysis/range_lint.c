// Ranges to diagnostics: accumulators that are too narrow, channels that say nothing.
#include "compiler/analysis/range_masked.h"

enum { CHANNELS_NAMED = 8 };

static struct ncr_span span_of(const struct ncr_qgraph *g, const struct ncr_qnode *node)
{
    const struct ncr_origin *origin = g->graph ? g->graph->nodes[node->node].origin : NULL;
    return origin ? origin->span : NCR_NOWHERE;
}

static void blame(const struct ncr_range_map *map, const struct ncr_qnode *node,
                  struct ncr_diags *diags, struct ncr_diag *d)
{
    const struct ncr_qgraph *g = map->qgraph;
    int shown = 0;
    for (const struct ncr_origin *o = g->graph ? g->graph->nodes[node->node].origin : NULL;
         o && o->up && shown < 8; o = o->up)
        if (o->block.n) {
            ncr_diag_note(diags, d, o->up->span, "in block `%.*s`, used", NCR_STR_ARG(o->block));
            shown++;
        }
    if (map->n_samples)
        ncr_diag_note(diags, d, NCR_NOWHERE, "as seen on %llu inputs; others may differ",
                      (unsigned long long)map->n_samples);
}

bool ncr_range_check(const struct ncr_range_map *map, uint32_t bits, struct ncr_diags *diags)
{
    const struct ncr_qgraph *g = map->qgraph;
    int64_t most = (INT64_C(1) << (bits - 1)) - 1;
    bool ok = true;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_qnode *node = &g->nodes[q];
        const struct ncr_range_node *r = &map->nodes[q];
        if (!r->bound) continue;
        uint32_t c = ncr_range_worst(r);
        if (r->reach[c] <= most) continue;
        ok = false;
        blame(map, node, diags,
              NCR_DIAG(diags, ACCUMULATOR_RANGE, span_of(g, node), NCR_STR_ARG(node->path),
                       (long long)r->bound[c].lo, (long long)r->bound[c].hi, c,
                       (long long)r->reach[c], bits, (long long)(-most - 1), (long long)most));
    }
    return ok;
}

// Operators that do more than pass on what they read.
static bool computes(enum ncr_qop op)
{
    return ncr_qop_has_weights(op) || op == NCR_QOP_ADD || op == NCR_QOP_MUL || op == NCR_QOP_LUT;
}

// "0, 3, 5 and 12 more".
static uint32_t list(const struct ncr_masked *m, uint32_t q, bool dead, struct ncr_buf *out)
{
    const struct ncr_range_node *r = &m->map->nodes[q];
    uint32_t n = 0;
    for (uint32_t c = 0; c < r->n_channels; c++) {
        bool is_dead = ncr_masked_channel_dead(m, q, c);
        if (dead ? !is_dead : is_dead || r->value[c].lo != r->value[c].hi) continue;
        if (n < CHANNELS_NAMED) ncr_buf_fmt(out, "%s%u", n ? ", " : "", c);
        n++;
    }
    if (n > CHANNELS_NAMED) ncr_buf_fmt(out, " and %u more", n - CHANNELS_NAMED);
    return n;
}

void ncr_masked_lint(const struct ncr_masked *m, struct ncr_diags *diags)
{
    const struct ncr_qgraph *g = m->map->qgraph;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_qnode *node = &g->nodes[q];
        const struct ncr_range_node *r = &m->map->nodes[q];
        if (!computes(node->op)) continue;
        for (int dead = 0; dead < 2; dead++) {
            struct ncr_buf text = {0};
            uint32_t n = list(m, q, dead, &text);
            struct ncr_span span = span_of(g, node);
            if (n && dead)
                blame(m->map, node, diags,
                      NCR_DIAG(diags, CHANNEL_DEAD, span, n, r->n_channels, NCR_STR_ARG(node->path),
                               text.s ? text.s : ""));
            else if (n)
                blame(m->map, node, diags,
                      NCR_DIAG(diags, CHANNEL_CONSTANT, span, n, r->n_channels,
                               NCR_STR_ARG(node->path), n == 1 ? "holds" : "hold",
                               text.s ? text.s : ""));
            ncr_buf_free(&text);
        }
    }
}
