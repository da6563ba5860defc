// GRAPH, weights and values to relevances.
#include "compiler/analysis/relevance.h"

#include <math.h>

static const double usual_epsilon = 0.01;

struct sweep {
    const struct ncr_graph *graph;
    const struct ncr_weights *weights;
    float *const *values;
    enum ncr_relevance_rule rule;
    double epsilon; // times the mean |z| of the tensor at hand
    double **out;
};

// The contributions to one output element, gathered before they are shared out.
struct terms {
    double *z;
    double **to; // where the relevance of each goes
    uint32_t n;
};

static void add_term(struct terms *t, double z, double *to)
{
    t->z[t->n] = z;
    t->to[t->n++] = to;
}

static void share_out(const struct sweep *s, const struct terms *t, double bias, double relevance)
{
    double sum = bias, plus = 0, minus = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        sum += t->z[i];
        if (t->z[i] > 0)
            plus += t->z[i];
        else
            minus += t->z[i];
    }
    if (s->rule == NCR_LRP_EPSILON) {
        double by = sum + (sum < 0 ? -s->epsilon : s->epsilon);
        if (by == 0) return;
        for (uint32_t i = 0; i < t->n; i++)
            *t->to[i] += t->z[i] / by * relevance;
        return;
    }
    double alpha = minus < 0 ? 2 : 1, beta = plus > 0 ? 1 : -1;
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->z[i] > 0) *t->to[i] += alpha * t->z[i] / plus * relevance;
        if (t->z[i] < 0) *t->to[i] -= beta * t->z[i] / minus * relevance;
    }
}

static void conv(struct ncr_arena *scratch, const struct sweep *s, const struct ncr_node *node,
                 ncr_node_id id)
{
    const struct ncr_attrs *a = &node->attrs;
    const struct ncr_shape *in = &s->graph->nodes[node->in[0]].shape, *out = &node->shape;
    bool deep = node->op == NCR_OP_DWCONV;
    int32_t per = deep ? 1 : in->dim[0] / a->groups,
            outs = deep ? a->multiplier : out->dim[0] / a->groups;
    const float *w = s->weights->at[node->first_param],
                *bias = a->bias ? s->weights->at[node->first_param + 1] : NULL;
    const float *x = s->values[node->in[0]];
    double *to = s->out[node->in[0]];
    size_t most = (size_t)per * (size_t)a->kernel[0] * (size_t)a->kernel[1];
    struct terms t = {NCR_NEW_N(scratch, double, most), NCR_NEW_N(scratch, double *, most), 0};
    for (int32_t o = 0; o < out->dim[0]; o++)
        for (int32_t y = 0; y < out->dim[1]; y++)
            for (int32_t v = 0; v < out->dim[2]; v++) {
                int64_t at = ((int64_t)o * out->dim[1] + y) * out->dim[2] + v;
                if (s->out[id][at] == 0) continue;
                t.n = 0;
                for (int32_t c = 0; c < per; c++)
                    for (int32_t p = 0; p < a->kernel[0]; p++)
                        for (int32_t q = 0; q < a->kernel[1]; q++) {
                            int32_t iy = y * a->stride[0] - a->pad[0] + p * a->dilation[0],
                                    ix = v * a->stride[1] - a->pad[1] + q * a->dilation[1];
                            if (iy < 0 || iy >= in->dim[1] || ix < 0 || ix >= in->dim[2]) continue;
                            int64_t from =
                                ((int64_t)(o / outs * per + c) * in->dim[1] + iy) * in->dim[2] + ix;
                            double k = (double)
                                w[(((int64_t)o * per + c) * a->kernel[0] + p) * a->kernel[1] + q];
                            add_term(&t, k * (double)x[from], &to[from]);
                        }
                share_out(s, &t, bias ? (double)bias[o] : 0, s->out[id][at]);
            }
}

static void dense(struct ncr_arena *scratch, const struct sweep *s, const struct ncr_node *node,
                  ncr_node_id id)
{
    int64_t I = s->graph->nodes[node->in[0]].shape.dim[0], n = node->shape.dim[0];
    const float *w = s->weights->at[node->first_param], *x = s->values[node->in[0]];
    double *to = s->out[node->in[0]];
    struct terms t = {NCR_NEW_N(scratch, double, (size_t)I),
                      NCR_NEW_N(scratch, double *, (size_t)I), 0};
    for (int64_t o = 0; o < n; o++) {
        if (s->out[id][o] == 0) continue;
        t.n = 0;
        for (int64_t i = 0; i < I; i++)
            add_term(&t, (double)w[o * I + i] * (double)x[i], &to[i]);
        share_out(s, &t, node->attrs.bias ? (double)s->weights->at[node->first_param + 1][o] : 0,
                  s->out[id][o]);
    }
}

static void pool(struct ncr_arena *scratch, const struct sweep *s, const struct ncr_node *node,
                 ncr_node_id id)
{
    const struct ncr_shape *in = &s->graph->nodes[node->in[0]].shape;
    bool global = node->op == NCR_OP_GLOBAL_AVGPOOL;
    const struct ncr_attrs *a = &node->attrs;
    int32_t kh = global ? in->dim[1] : a->kernel[0], kw = global ? in->dim[2] : a->kernel[1],
            rows = global ? 1 : node->shape.dim[1], columns = global ? 1 : node->shape.dim[2];
    const float *x = s->values[node->in[0]];
    double *to = s->out[node->in[0]];
    size_t most = (size_t)kh * (size_t)kw;
    struct terms t = {NCR_NEW_N(scratch, double, most), NCR_NEW_N(scratch, double *, most), 0};
    for (int32_t c = 0; c < node->shape.dim[0]; c++)
        for (int32_t y = 0; y < rows; y++)
            for (int32_t v = 0; v < columns; v++) {
                int64_t at = ((int64_t)c * rows + y) * columns + v, best = -1;
                t.n = 0;
                for (int32_t p = 0; p < kh; p++)
                    for (int32_t q = 0; q < kw; q++) {
                        int32_t iy = global ? p : y * a->stride[0] - a->pad[0] + p,
                                ix = global ? q : v * a->stride[1] - a->pad[1] + q;
                        if (iy < 0 || iy >= in->dim[1] || ix < 0 || ix >= in->dim[2]) continue;
                        int64_t from = ((int64_t)c * in->dim[1] + iy) * in->dim[2] + ix;
                        if (best < 0 || x[from] > x[best]) best = from;
                        add_term(&t, (double)x[from], &to[from]);
                    }
                if (node->op == NCR_OP_MAXPOOL)
                    to[best] += s->out[id][at];
                else
                    share_out(s, &t, 0, s->out[id][at]);
            }
}

static void add(struct ncr_arena *scratch, const struct sweep *s, const struct ncr_node *node,
                ncr_node_id id, int64_t n)
{
    struct terms t = {NCR_NEW_N(scratch, double, node->n_in),
                      NCR_NEW_N(scratch, double *, node->n_in), 0};
    for (int64_t i = 0; i < n; i++) {
        t.n = 0;
        for (uint32_t k = 0; k < node->n_in; k++)
            add_term(&t, (double)s->values[node->in[k]][i], &s->out[node->in[k]][i]);
        share_out(s, &t, 0, s->out[id][i]);
    }
}

// Operators that move elements: concat, pad, upsample, and what keeps every element in its place.
static void move(const struct sweep *s, const struct ncr_node *node, ncr_node_id id, int64_t n)
{
    const struct ncr_shape *in = &s->graph->nodes[node->in[0]].shape, *out = &node->shape;
    const double *from = s->out[id];
    if (node->op == NCR_OP_MUL) {
        for (int k = 0; k < 2; k++) {
            int64_t per = n / ncr_shape_elements(&s->graph->nodes[node->in[k]].shape);
            for (int64_t i = 0; i < n; i++)
                s->out[node->in[k]][i / per] += from[i] / 2;
        }
    } else if (node->op == NCR_OP_CONCAT) {
        for (uint32_t k = 0; k < node->n_in; k++) {
            int64_t part = ncr_shape_elements(&s->graph->nodes[node->in[k]].shape);
            for (int64_t i = 0; i < part; i++)
                s->out[node->in[k]][i] += *from++;
        }
    } else if (node->op == NCR_OP_PAD || node->op == NCR_OP_UPSAMPLE) {
        bool up = node->op == NCR_OP_UPSAMPLE;
        for (int32_t c = 0; c < out->dim[0]; c++)
            for (int32_t y = 0; y < out->dim[1]; y++)
                for (int32_t x = 0; x < out->dim[2]; x++) {
                    int32_t iy = up ? y / node->attrs.factor[0] : y - node->attrs.pad[0],
                            ix = up ? x / node->attrs.factor[1] : x - node->attrs.pad[1];
                    if (iy < 0 || iy >= in->dim[1] || ix < 0 || ix >= in->dim[2]) continue;
                    s->out[node->in[0]][((int64_t)c * in->dim[1] + iy) * in->dim[2] + ix] +=
                        from[((int64_t)c * out->dim[1] + y) * out->dim[2] + x];
                }
    } else {
        for (int64_t i = 0; i < n; i++)
            s->out[node->in[0]][i] += from[i];
    }
}

static double mean_size(const float *values, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += fabs((double)values[i]);
    return sum / (double)n;
}

void ncr_relevance_of(struct ncr_arena *arena, const struct ncr_graph *graph,
                      const struct ncr_weights *weights, float *const *values,
                      enum ncr_relevance_rule rule, double epsilon, double **out)
{
    struct sweep s = {graph, weights, values, rule, 0, out};
    for (ncr_node_id id = 0; id < graph->n_nodes; id++)
        out[id] = NCR_NEW_N(arena, double, (size_t)ncr_shape_elements(&graph->nodes[id].shape));
    ncr_node_id last = graph->outputs[0].node;
    int64_t top = 0, n_out = ncr_shape_elements(&graph->nodes[last].shape);
    for (int64_t i = 1; i < n_out; i++)
        if (values[last][i] > values[last][top]) top = i;
    out[last][top] = 1;
    for (ncr_node_id id = graph->n_nodes; id-- > 0;) {
        const struct ncr_node *node = &graph->nodes[id];
        if (node->n_in == 0) continue;
        int64_t n = ncr_shape_elements(&node->shape);
        struct ncr_arena_mark mark = ncr_arena_mark(arena);
        s.epsilon = epsilon * mean_size(values[id], n);
        bool pools = node->op == NCR_OP_MAXPOOL || node->op == NCR_OP_AVGPOOL ||
                     node->op == NCR_OP_GLOBAL_AVGPOOL;
        if (node->op == NCR_OP_CONV || node->op == NCR_OP_DWCONV)
            conv(arena, &s, node, id);
        else if (node->op == NCR_OP_DENSE)
            dense(arena, &s, node, id);
        else if (pools)
            pool(arena, &s, node, id);
        else if (node->op == NCR_OP_ADD)
            add(arena, &s, node, id, n);
        else
            move(&s, node, id, n);
        ncr_arena_reset(arena, mark);
    }
}

struct ncr_asi ncr_asi_by_relevance(struct ncr_arena *arena, const struct ncr_qgraph *qgraph,
                                    const struct ncr_weights *weights,
                                    const float *const *const *samples, uint32_t n,
                                    enum ncr_relevance_rule rule)
{
    const struct ncr_graph *graph = qgraph->graph;
    struct ncr_asi asi = {.phi = NCR_NEW_N(arena, double, qgraph->n_nodes)};
    for (uint32_t k = 0; k < n; k++) {
        struct ncr_arena_mark mark = ncr_arena_mark(arena);
        float **values = NCR_NEW_N(arena, float *, graph->n_nodes);
        double **relevance = NCR_NEW_N(arena, double *, graph->n_nodes);
        ncr_eval_f32(arena, graph, weights, samples[k], values);
        ncr_relevance_of(arena, graph, weights, values, rule, usual_epsilon, relevance);
        for (uint32_t q = 0; q < qgraph->n_nodes; q++) {
            // What is stored is the last of the operators that are fused.
            ncr_node_id id = qgraph->nodes[q].last;
            int64_t elements = ncr_shape_elements(&graph->nodes[id].shape);
            for (int64_t i = 0; i < elements; i++)
                asi.phi[q] += fabs(relevance[id][i]) / n;
        }
        ncr_arena_reset(arena, mark);
    }
    ncr_asi_sum(&asi, qgraph);
    return asi;
}
