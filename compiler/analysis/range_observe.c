// Calibrated intervals: the network run on sample inputs, the extremes of every channel kept. The
// sums of operators with weights are seen, too; those of the others follow from what they read.
#include "compiler/analysis/range.h"
#include "compiler/analysis/range_window.h"

struct ncr_range_observer {
    struct ncr_arena *arena;
    struct ncr_range_map *map;
    int8_t **values;
    const int8_t **in;
};

struct ncr_range_observer *ncr_range_observer_new(struct ncr_arena *arena,
                                                  const struct ncr_qgraph *qgraph)
{
    if (!qgraph->has_numbers) NCR_BUG("ranges of a network without numbers");
    struct ncr_range_observer *x = NCR_NEW(arena, struct ncr_range_observer);
    uint32_t widest = 1;
    x->arena = arena;
    x->map = ncr_range_map_new(arena, qgraph);
    x->values = NCR_NEW_N(arena, int8_t *, qgraph->n_nodes);
    for (uint32_t q = 0; q < qgraph->n_nodes; q++) {
        const struct ncr_qnode *node = &qgraph->nodes[q];
        struct ncr_range_node *r = &x->map->nodes[q];
        x->values[q] = NCR_NEW_N(arena, int8_t, (size_t)ncr_qnode_bytes(node));
        if (node->n_in > widest) widest = node->n_in;
        if (ncr_qop_has_weights(node->op))
            r->sum = NCR_NEW_N(arena, struct ncr_interval, r->n_channels);
        for (uint32_t c = 0; c < r->n_channels; c++) {
            r->value[c] = (struct ncr_interval){INT64_MAX, INT64_MIN};
            if (r->sum != r->bound) r->sum[c] = r->value[c];
        }
    }
    x->in = NCR_NEW_N(arena, const int8_t *, widest);
    return x;
}

static void see(struct ncr_interval *seen, int64_t v)
{
    if (v < seen->lo) seen->lo = v;
    if (v > seen->hi) seen->hi = v;
}

static void run_window(struct ncr_range_observer *x, uint32_t q)
{
    const struct ncr_qnode *node = &x->map->qgraph->nodes[q];
    struct ncr_range_window w = ncr_range_window_of(x->map->qgraph, node);
    int64_t e = 0;
    for (int32_t o = 0; o < w.OC; o++)
        for (int32_t y = 0; y < w.OH; y++)
            for (int32_t column = 0; column < w.OW; column++) {
                int32_t acc = ncr_range_window_sum(&w, x->in[0], o, y, column);
                see(&x->map->nodes[q].sum[o], acc);
                ncr_qnode_put(node, x->values[q], e++, ncr_range_finish(node, acc, o));
            }
}

void ncr_range_observer_feed(struct ncr_range_observer *x, const int8_t *const *inputs)
{
    const struct ncr_qgraph *g = x->map->qgraph;
    uint32_t next_input = 0;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_qnode *node = &g->nodes[q];
        struct ncr_range_node *r = &x->map->nodes[q];
        int64_t per = ncr_shape_elements(&node->shape) / r->n_channels;
        for (uint32_t k = 0; k < node->n_in; k++)
            x->in[k] = x->values[node->in[k]];
        if (node->op == NCR_QOP_INPUT) x->in[0] = inputs[next_input++];
        if (ncr_qop_has_weights(node->op))
            run_window(x, q);
        else
            ncr_eval_int_node(g, q, x->in, x->values[q]);
        for (uint32_t c = 0; c < r->n_channels; c++)
            for (int64_t i = 0; i < per; i++)
                see(&r->value[c], ncr_qnode_element(node, x->values[q], c * per + i));
    }
    x->map->n_samples++;
}

struct ncr_range_map *ncr_range_observer_finish(struct ncr_range_observer *x)
{
    if (x->map->n_samples == 0) NCR_BUG("no input was observed");
    for (uint32_t q = 0; q < x->map->qgraph->n_nodes; q++)
        ncr_range_bounds(x->arena, x->map, q);
    return x->map;
}
