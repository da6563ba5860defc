// The child's weights from its parent's. Copied channel by channel along the lineage; what is new
// is drawn, or made to have no effect where the rule is exact.
//
// Exact rules: a weight that reads a new channel is 0 (Wei et al., Network Morphism, ICML 2016;
// Chen et al., Net2Net, ICLR 2016; Elsken et al., LEMONADE, ICLR 2019); taps outside the parent's
// kernel are 0; a new layer under `identity` is a Dirac kernel, a new batchnorm passes its input
// on; a new branch under `zero_branch` ends in a layer of zeros.
#include <math.h>
#include <stdlib.h>

#include "compiler/mutate/draft.h"

struct heir {
    const struct draft *d;
    const struct lineage *lineage;
    const struct ncr_weights *from;
    struct ncr_weights *to;
};

static const struct ncr_param *param_of(const struct ncr_graph *g, const struct ncr_node *node,
                                        enum ncr_param_role role, uint32_t *index)
{
    for (uint32_t i = 0; i < node->n_params; i++)
        if (g->params[node->first_param + i].role == role)
            return &g->params[*index = node->first_param + i];
    return NULL;
}

// -- layers of the parent -----------------------------------------------------------------------

// Tap of the new kernel at which the old one's first tap lies; INT32_MIN where taps do not meet.
static int32_t shift(const struct ncr_node *node, const struct ncr_node *old, int axis)
{
    int32_t more = node->attrs.pad[axis] - old->attrs.pad[axis], d = node->attrs.dilation[axis];
    if (d != old->attrs.dilation[axis])
        return old->attrs.kernel[axis] == 1 && more % d == 0 ? more / d : INT32_MIN;
    return more % d == 0 ? more / d : INT32_MIN;
}

// w[o, i, p, q]: conv and dwconv (i over the channels of a group), dense with a 1x1 kernel.
static void copy_kernel(struct heir *h, const struct ncr_node *node, const struct ncr_node *old,
                        uint32_t to, uint32_t from, const int32_t *out_map, const int32_t *in_map)
{
    const struct ncr_param *a = &h->d->child->params[to], *b = &h->d->parent->params[from];
    int32_t kh = a->rank == 4 ? a->dim[2] : 1, kw = a->rank == 4 ? a->dim[3] : 1;
    int32_t kh0 = b->rank == 4 ? b->dim[2] : 1, kw0 = b->rank == 4 ? b->dim[3] : 1;
    int32_t sy = a->rank == 4 ? shift(node, old, 0) : 0,
            sx = a->rank == 4 ? shift(node, old, 1) : 0;
    bool exact = ncr_inherit_exact(h->d->patch.inherit);
    // Within groups and depthwise each channel keeps its place.
    bool placed = node->op == NCR_OP_DWCONV || (node->op == NCR_OP_CONV && node->attrs.groups > 1);
    if (sy == INT32_MIN || sx == INT32_MIN) return;
    for (int32_t o = 0; o < a->dim[0]; o++) {
        if (out_map[o] < 0 || out_map[o] >= b->dim[0]) continue;
        for (int32_t i = 0; i < a->dim[1]; i++) {
            int32_t was = placed ? i : in_map[i];
            float *w = h->to->at[to] + ((int64_t)o * a->dim[1] + i) * kh * kw;
            if (was < 0 || was >= b->dim[1]) {
                for (int32_t k = 0; exact && k < kh * kw; k++)
                    w[k] = 0;
                continue;
            }
            const float *v =
                h->from->at[from] + ((int64_t)out_map[o] * b->dim[1] + was) * kh0 * kw0;
            for (int32_t p = 0; p < kh; p++)
                for (int32_t q = 0; q < kw; q++) {
                    int32_t p0 = p - sy, q0 = q - sx;
                    bool inside = p0 >= 0 && p0 < kh0 && q0 >= 0 && q0 < kw0;
                    w[p * kw + q] = inside ? v[p0 * kw0 + q0] : 0;
                }
        }
    }
}

// One value a channel. What the parent did not have is as new: 0, or 1 of a scale.
static void copy_channels(struct heir *h, uint32_t to, uint32_t from, const int32_t *map)
{
    const struct ncr_param *a = &h->d->child->params[to], *b = &h->d->parent->params[from];
    for (int32_t c = 0; c < a->dim[0]; c++)
        if (map[c] >= 0 && map[c] < b->dim[0]) h->to->at[to][c] = h->from->at[from][map[c]];
}

static void copy_layer(struct heir *h, ncr_node_id id)
{
    const struct ncr_graph *child = h->d->child, *parent = h->d->parent;
    const struct ncr_node *node = &child->nodes[id];
    const struct ncr_node *old = &parent->nodes[h->d->nodes.at[h->d->draft_of[id]].from];
    const int32_t *out = h->lineage->at[id].map, *in = h->lineage->in_map[id];
    for (uint32_t k = 0; k < node->n_params; k++) {
        uint32_t to = node->first_param + k, from;
        enum ncr_param_role role = child->params[to].role;
        if (!param_of(parent, old, role, &from)) continue;
        if (role == NCR_PARAM_WEIGHT)
            copy_kernel(h, node, old, to, from, out, in);
        else
            copy_channels(h, to, from, out);
    }
}

// -- new layers ---------------------------------------------------------------------------------

static void fill(struct heir *h, const struct ncr_node *node, enum ncr_param_role role, float v)
{
    uint32_t p;
    const struct ncr_param *param = param_of(h->d->child, node, role, &p);
    for (int64_t i = 0; param && i < param->n; i++)
        h->to->at[p][i] = v;
}

// Passes its input on: the running statistics are such that scale and shift are 1 and 0 whatever
// eps is. 1 - eps is rounded to a float; the error of the scale is below half a unit in the last
// place of any value, so that the interpreter gives back the very input.
static void pass_batchnorm(struct heir *h, const struct ncr_node *node)
{
    fill(h, node, NCR_PARAM_GAMMA, 1);
    fill(h, node, NCR_PARAM_BETA, 0);
    fill(h, node, NCR_PARAM_MEAN, 0);
    fill(h, node, NCR_PARAM_VAR, (float)(1.0 - (double)node->attrs.eps));
}

// A Dirac kernel: output channel o is input channel o, at the tap that lies on the pixel itself.
static void pass_layer(struct heir *h, const struct ncr_node *node)
{
    uint32_t p = 0;
    const struct ncr_param *w = param_of(h->d->child, node, NCR_PARAM_WEIGHT, &p);
    fill(h, node, NCR_PARAM_WEIGHT, 0);
    fill(h, node, NCR_PARAM_BIAS, 0);
    int32_t y = 0, x = 0, kh = 1, kw = 1;
    if (w->rank == 4) {
        const struct ncr_attrs *a = &node->attrs;
        kh = w->dim[2], kw = w->dim[3];
        y = a->pad[0] / a->dilation[0];
        x = a->pad[1] / a->dilation[1];
        if (y >= kh) y = kh - 1;
        if (x >= kw) x = kw - 1;
    }
    int32_t groups = node->op == NCR_OP_CONV ? node->attrs.groups : 1;
    int32_t per = w->dim[0] / groups; // output channels of a group
    for (int32_t o = 0; o < w->dim[0]; o++) {
        int32_t i = node->op == NCR_OP_DWCONV ? 0 : groups > 1 ? o % per : o;
        if (i < w->dim[1]) h->to->at[p][(((int64_t)o * w->dim[1] + i) * kh + y) * kw + x] = 1;
    }
}

static void zero_layer(struct heir *h, const struct ncr_node *node)
{
    fill(h, node, NCR_PARAM_WEIGHT, 0);
    fill(h, node, NCR_PARAM_BIAS, 0);
    fill(h, node, NCR_PARAM_GAMMA, 0);
    fill(h, node, NCR_PARAM_BETA, 0);
}

static bool is_new(const struct heir *h, ncr_node_id id)
{
    return h->d->nodes.at[h->d->draft_of[id]].from == NCR_NO_NODE;
}

// Makes the tensor 0 by the weights of the new layers nearest to it. Operators between pass 0 on.
static void zero_tensor(struct heir *h, ncr_node_id id)
{
    while (is_new(h, id)) {
        const struct ncr_node *node = &h->d->child->nodes[id];
        if (node->n_params) {
            zero_layer(h, node);
            return;
        }
        if (node->op == NCR_OP_SIGMOID || node->op == NCR_OP_SOFTMAX) return;
        if (node->op == NCR_OP_ADD || node->op == NCR_OP_CONCAT)
            for (uint32_t k = 1; k < node->n_in; k++)
                zero_tensor(h, node->in[k]);
        id = node->in[0]; // of a product one factor is enough
    }
}

// A sum of the carried tensor and a branch: the branch is 0.
static void zero_branches(struct heir *h, ncr_node_id id)
{
    const struct ncr_node *node = &h->d->child->nodes[id];
    const struct draft_node *draft = &h->d->nodes.at[h->d->draft_of[id]];
    if (node->op != NCR_OP_ADD || draft->instead >= h->d->patch.n_edits) return;
    ncr_node_id target = h->d->match->nodes[h->d->patch.edits[draft->instead].pattern];
    uint32_t carried = UINT32_MAX;
    for (uint32_t k = 0; k < node->n_in && carried == UINT32_MAX; k++)
        if (h->lineage->at[node->in[k]].stands_for == target) carried = k;
    for (uint32_t k = 0; k < node->n_in && carried != UINT32_MAX; k++)
        if (k != carried) zero_tensor(h, node->in[k]);
}

static void new_layer(struct heir *h, ncr_node_id id)
{
    const struct ncr_node *node = &h->d->child->nodes[id];
    switch (h->d->patch.inherit) {
    case NCR_INHERIT_IDENTITY:
        if (node->op == NCR_OP_BATCHNORM)
            pass_batchnorm(h, node);
        else if (node->n_params)
            pass_layer(h, node);
        return;
    case NCR_INHERIT_ZERO_BRANCH: zero_branches(h, id); return;
    case NCR_INHERIT_ZERO_FAN_OUT:
    case NCR_INHERIT_LARGEST_L1:
    case NCR_INHERIT_SLICE:
    case NCR_INHERIT_DISTILL:
    case NCR_INHERIT_FRESH:
    case NCR_INHERIT_COUNT_: return; // as drawn
    }
}

struct ncr_weights *inherit_weights(const struct draft *d, const struct lineage *lineage,
                                    const struct ncr_weights *weights, uint64_t seed)
{
    struct heir h = {d, lineage, weights, ncr_weights_new(d->arena, d->child)};
    ncr_weights_init(h.to, d->child, seed);
    if (d->patch.inherit == NCR_INHERIT_FRESH) return h.to;
    uint32_t done = 0; // parameters come in order of first use
    for (ncr_node_id id = 0; id < d->child->n_nodes; id++) {
        const struct ncr_node *node = &d->child->nodes[id];
        if (is_new(&h, id)) {
            if (node->n_params == 0 || node->first_param >= done) new_layer(&h, id);
        } else if (node->n_params && node->first_param >= done) {
            copy_layer(&h, id);
        }
        if (node->n_params && node->first_param >= done) done = node->first_param + node->n_params;
    }
    return h.to;
}

// -- pruning ------------------------------------------------------------------------------------

struct norm {
    double l1;
    int32_t channel;
};

static int by_norm(const void *a, const void *b)
{
    const struct norm *x = a, *y = b;
    if (x->l1 != y->l1) return x->l1 > y->l1 ? -1 : 1;
    return x->channel - y->channel;
}

static int by_channel(const void *a, const void *b)
{
    return ((const struct norm *)a)->channel - ((const struct norm *)b)->channel;
}

static void add_norms(const struct draft *d, const struct ncr_weights *weights, ncr_node_id id,
                      struct norm *norms)
{
    const struct ncr_graph *p = d->parent;
    const struct ncr_node *old = &p->nodes[id];
    int64_t per = p->params[old->first_param].n / old->attrs.out;
    for (int32_t o = 0; o < old->attrs.out; o++)
        for (int64_t i = 0; i < per; i++)
            norms[o].l1 += fabs((double)weights->at[old->first_param][o * per + i]);
}

static bool lost_channels(const struct draft *d, ncr_node_id id)
{
    const struct ncr_node *old = &d->parent->nodes[id];
    return (old->op == NCR_OP_CONV || old->op == NCR_OP_DENSE) &&
           d->nodes.at[id].attrs.out < old->attrs.out;
}

const int32_t *const *inherit_keep(const struct draft *d, const struct ncr_weights *weights)
{
    const struct ncr_graph *p = d->parent;
    uint32_t n_groups =
        2 * (p->n_params + p->n_nodes) + d->patch.graph->n_params + d->patch.graph->n_nodes;
    const int32_t **keep = NCR_NEW_N(d->arena, const int32_t *, n_groups);
    bool by_weight = weights && d->patch.inherit == NCR_INHERIT_LARGEST_L1;
    for (ncr_node_id id = 0; id < p->n_nodes; id++) {
        const struct draft_node *now = &d->nodes.at[id];
        if (!lost_channels(d, id) || keep[now->group]) continue;
        int32_t was = p->nodes[id].attrs.out, is = now->attrs.out;
        struct norm *norms = NCR_NEW_N(d->arena, struct norm, (size_t)was);
        for (int32_t o = 0; o < was; o++)
            norms[o].channel = o;
        int32_t *kept = NCR_NEW_N(d->arena, int32_t, (size_t)is);
        for (ncr_node_id other = id; other < p->n_nodes; other++) {
            const struct draft_node *node = &d->nodes.at[other];
            bool together =
                node->group == now->group || (now->coupled && node->coupled == now->coupled);
            if (!together || !lost_channels(d, other) || p->nodes[other].attrs.out != was ||
                keep[node->group])
                continue;
            keep[node->group] = kept; // filled in below; layers that share weights count once
            if (by_weight) add_norms(d, weights, other, norms);
        }
        qsort(norms, (size_t)was, sizeof *norms, by_norm);
        qsort(norms, (size_t)is, sizeof *norms, by_channel);
        for (int32_t i = 0; i < is; i++)
            kept[i] = norms[i].channel;
    }
    return keep;
}
