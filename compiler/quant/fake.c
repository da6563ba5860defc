// Float weights to the weights of the integer network and back to float; see fake.h.
#include "compiler/quant/fake.h"

#include <math.h>

#include "compiler/quant/build.h"

struct ncr_fake {
    struct ncr_builder_q builder;   // of the simplified graph: where diagnostics go
    const struct ncr_graph *graph;  // as given
    const struct ncr_graph *simple; // simplified
    struct ncr_qgraph *q;           // its structure, with the numbers of the last call
    uint32_t *param;                // by parameter of the simplified graph: that of the given one
    bool *owner; // by qnode: it is the first that reads its weights, and rounds them
    struct ncr_fake_tensor *tensors; // by node of the given graph
    ncr_node_id *node;               // by node of the simplified graph: that of the given one
    struct ncr_weights view;         // of the simplified graph
    struct ncr_weights result;
    float **own;               // by parameter of the given graph: its rounded values, or NULL
    double *w, *bias, *factor; // of the largest node
};

// Simplification keeps paths and the order of nodes; the zeros that it adds have no parameters and
// need no rounding.
static void match_nodes(struct ncr_fake *f)
{
    ncr_node_id at = 0;
    for (ncr_node_id id = 0; id < f->simple->n_nodes; id++) {
        const struct ncr_node *node = &f->simple->nodes[id];
        f->node[id] = NCR_NO_NODE;
        if (node->op == NCR_OP_ZERO) continue;
        while (!ncr_str_eq(f->graph->nodes[at].path, node->path))
            if (++at == f->graph->n_nodes) NCR_BUG("'%.*s' is lost", NCR_STR_ARG(node->path));
        f->node[id] = at;
        for (uint32_t k = 0; k < node->n_params; k++)
            f->param[node->first_param + k] = f->graph->nodes[at].first_param + k;
    }
}

static float *own(struct ncr_fake *f, uint32_t param)
{
    param = f->param[param];
    if (!f->own[param])
        f->own[param] = NCR_NEW_N(f->builder.arena, float, (size_t)f->graph->params[param].n);
    return f->own[param];
}

// Parameters of the node that are rounded: weight; or gamma, and beta, which makes up for it.
static void own_params(struct ncr_fake *f, uint32_t q)
{
    struct ncr_qnode *node = &f->q->nodes[q];
    const struct ncr_node *op = &f->simple->nodes[node->node];
    f->owner[q] = f->own[f->param[op->first_param]] == NULL;
    ncr_qnode_new_weights(f->builder.arena, node);
    own(f, op->first_param);
    if (op->op == NCR_OP_BATCHNORM) own(f, op->first_param + 1);
}

struct ncr_fake *ncr_fake_new(struct ncr_arena *arena, struct ncr_diags *diags,
                              const struct ncr_graph *graph, const struct ncr_quant_spec *spec)
{
    struct ncr_fake *f = NCR_NEW(arena, struct ncr_fake);
    f->graph = graph;
    f->simple = ncr_graph_simplify(arena, graph);
    f->builder = (struct ncr_builder_q){.arena = arena, .diags = diags, .graph = f->simple};
    f->q = ncr_qgraph_build(arena, diags, f->simple, spec, NULL, NULL);
    if (!f->q) return NULL;
    f->param = NCR_NEW_N(arena, uint32_t, f->simple->n_params);
    f->node = NCR_NEW_N(arena, ncr_node_id, f->simple->n_nodes);
    f->owner = NCR_NEW_N(arena, bool, f->q->n_nodes);
    f->tensors = NCR_NEW_N(arena, struct ncr_fake_tensor, graph->n_nodes);
    f->own = NCR_NEW_N(arena, float *, graph->n_params);
    f->view =
        (struct ncr_weights){f->simple->n_params, NCR_NEW_N(arena, float *, f->simple->n_params)};
    f->result = (struct ncr_weights){graph->n_params, NCR_NEW_N(arena, float *, graph->n_params)};
    match_nodes(f);
    int64_t weights = 0, channels = 0;
    for (uint32_t q = 0; q < f->q->n_nodes; q++) {
        struct ncr_qnode *node = &f->q->nodes[q];
        if (!ncr_qop_copies(node->op)) f->tensors[f->node[node->last]].on = true;
        if (node->n_weights) own_params(f, q);
        weights = ncr_max_i64(weights, node->n_weights);
        channels = ncr_max_i64(channels, node->n_channels);
    }
    f->w = NCR_NEW_N(arena, double, (size_t)weights);
    f->bias = NCR_NEW_N(arena, double, (size_t)channels);
    f->factor = NCR_NEW_N(arena, double, (size_t)channels);
    return f;
}

const struct ncr_graph *ncr_fake_graph(const struct ncr_fake *fake)
{
    return fake->simple;
}

const struct ncr_weights *ncr_fake_view(struct ncr_fake *fake, const struct ncr_weights *weights)
{
    for (uint32_t p = 0; p < fake->simple->n_params; p++)
        fake->view.at[p] = weights->at[fake->param[p]];
    return &fake->view;
}

bool ncr_fake_set_ranges(struct ncr_fake *fake, const struct ncr_ranges *ranges)
{
    bool ok = ncr_qgraph_scales(&fake->builder, fake->q, ranges);
    for (uint32_t q = 0; q < fake->q->n_nodes; q++) {
        const struct ncr_qnode *node = &fake->q->nodes[q];
        if (ncr_qop_copies(node->op)) continue;
        fake->tensors[fake->node[node->last]] =
            (struct ncr_fake_tensor){true, node->scale, node->zero_point, node->lo, node->hi};
    }
    return ok;
}

const struct ncr_fake_tensor *ncr_fake_tensors(const struct ncr_fake *fake)
{
    return fake->tensors;
}

static bool all_finite(const double *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(v[i])) return false;
    return true;
}

static void round_weights(struct ncr_fake *f, const struct ncr_qnode *q)
{
    uint32_t param = f->simple->nodes[q->node].first_param;
    int64_t per = q->n_weights / q->n_channels;
    float *to = own(f, param);
    for (int64_t i = 0; i < q->n_weights; i++) {
        double k = f->factor[i / per], real = q->weight_scale[i / per] * ncr_qnode_weight(q, i) / k;
        to[i] = isfinite(real) ? (float)real : f->view.at[param][i];
    }
}

// y = k·x + (beta - k·mean), of which the integer network rounds the first k alone.
static void round_norm(struct ncr_fake *f, const struct ncr_qnode *q)
{
    const struct ncr_node *node = &f->simple->nodes[q->node];
    float *const *p = &f->view.at[node->first_param];
    float *gamma = own(f, node->first_param), *beta = own(f, node->first_param + 1);
    for (int32_t o = 0; o < q->n_channels; o++) {
        double k = q->weight_scale[o] * ncr_qnode_weight(q, o);
        gamma[o] = (float)(k * sqrt((double)p[3][o] + (double)node->attrs.eps));
        beta[o] = (float)((double)p[1][o] + (k - f->w[o]) * (double)p[2][o]);
    }
}

static void round_node(struct ncr_fake *f, struct ncr_qnode *q)
{
    const struct ncr_node *node = &f->simple->nodes[q->node];
    int32_t channel;
    ncr_qnode_fold(f->simple, q, &f->view, f->w, f->bias, f->factor);
    if (!all_finite(f->w, q->n_weights) || !all_finite(f->bias, q->n_channels)) {
        // What follows shows it: the loss, or the quantiser.
        for (uint32_t k = 0; k < node->n_params; k++)
            f->result.at[f->param[node->first_param + k]] = f->view.at[node->first_param + k];
        return;
    }
    ncr_qnode_round(f->q, q, f->w, f->bias, &channel);
    if (node->op == NCR_OP_BATCHNORM)
        round_norm(f, q);
    else
        round_weights(f, q);
}

struct ncr_weights *ncr_fake_quant(struct ncr_fake *fake, const struct ncr_weights *weights)
{
    ncr_fake_view(fake, weights);
    for (uint32_t p = 0; p < fake->graph->n_params; p++)
        fake->result.at[p] = fake->own[p] ? fake->own[p] : weights->at[p];
    for (uint32_t q = 0; q < fake->q->n_nodes; q++)
        if (fake->owner[q]) round_node(fake, &fake->q->nodes[q]);
    return &fake->result;
}
