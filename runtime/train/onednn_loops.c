// The operators of the oneDNN backend that only move or combine values: plain loops.
#include "runtime/train/onednn.h"

static int64_t moved(const struct ncr_node *node, const struct ncr_shape *in, int64_t o)
{
    // Index in the input of output element o of one sample for pad and upsample; -1: padding.
    const struct ncr_shape *out = &node->shape;
    int64_t x = o % out->dim[2], y = o / out->dim[2] % out->dim[1],
            c = o / ((int64_t)out->dim[1] * out->dim[2]);
    if (node->op == NCR_OP_PAD) {
        y -= node->attrs.pad[0];
        x -= node->attrs.pad[1];
    } else {
        y /= node->attrs.factor[0];
        x /= node->attrs.factor[1];
    }
    if (y < 0 || y >= in->dim[1] || x < 0 || x >= in->dim[2]) return -1;
    return (c * in->dim[1] + y) * in->dim[2] + x;
}

void ncr_onednn_loop_forward(struct state *s, struct net *net, ncr_node_id id,
                             const struct ncr_train_step *step)
{
    const struct ncr_node *node = &s->graph->nodes[id];
    struct node_work *w = &net->work[id];
    int64_t out = ncr_shape_elements(&node->shape), all = out * net->n;
    const float *x = net->work[node->in[0]].y;
    switch ((int)node->op) {
    case NCR_OP_IDENTITY:
    case NCR_OP_FLATTEN:
    case NCR_OP_RESHAPE: memcpy(w->y, x, (size_t)all * sizeof(float)); return;
    case NCR_OP_DROPOUT:
        if (!step || !step->dropout) {
            memcpy(w->y, x, (size_t)all * sizeof(float));
            if (w->aux)
                for (int64_t i = 0; i < all; i++)
                    w->aux[i] = 1;
            return;
        }
        ncr_train_dropout(step->seed, step->number, id, node->attrs.rate, w->aux, all);
        for (int64_t i = 0; i < all; i++)
            w->y[i] = x[i] * w->aux[i];
        return;
    case NCR_OP_ADD:
        memcpy(w->y, x, (size_t)all * sizeof(float));
        for (uint32_t k = 1; k < node->n_in; k++)
            for (int64_t i = 0; i < all; i++)
                w->y[i] += net->work[node->in[k]].y[i];
        return;
    case NCR_OP_MUL: {
        const float *z = net->work[node->in[1]].y;
        int64_t px = all / (ncr_shape_elements(&s->graph->nodes[node->in[0]].shape) * net->n);
        int64_t pz = all / (ncr_shape_elements(&s->graph->nodes[node->in[1]].shape) * net->n);
        for (int64_t i = 0; i < all; i++)
            w->y[i] = x[i / px] * z[i / pz];
        return;
    }
    case NCR_OP_CONCAT: {
        int64_t at = 0;
        for (uint32_t k = 0; k < node->n_in; k++) {
            int64_t part = ncr_shape_elements(&s->graph->nodes[node->in[k]].shape);
            for (int64_t b = 0; b < net->n; b++)
                memcpy(w->y + b * out + at, net->work[node->in[k]].y + b * part,
                       (size_t)part * sizeof(float));
            at += part;
        }
        return;
    }
    case NCR_OP_PAD:
    case NCR_OP_UPSAMPLE: {
        const struct ncr_shape *in = &s->graph->nodes[node->in[0]].shape;
        int64_t size = ncr_shape_elements(in);
        for (int64_t i = 0; i < all; i++) {
            int64_t from = moved(node, in, i % out);
            w->y[i] = from < 0 ? 0 : x[i / out * size + from];
        }
        return;
    }
    default: NCR_BUG("no loop for %s", ncr_op_name(node->op));
    }
}

void ncr_onednn_loop_backward(struct state *s, struct net *net, ncr_node_id id)
{
    const struct ncr_node *node = &s->graph->nodes[id];
    struct node_work *w = &net->work[id];
    int64_t out = ncr_shape_elements(&node->shape), all = out * net->n, at = 0;
    for (uint32_t k = 0; k < node->n_in; k++) {
        struct node_work *from = &net->work[node->in[k]];
        const struct ncr_shape *in = &s->graph->nodes[node->in[k]].shape;
        int64_t size = ncr_shape_elements(in);
        float *dx = from->dy;
        if (!s->plan->grad[node->in[k]]) {
            at += size;
            continue;
        }
        switch ((int)node->op) {
        case NCR_OP_DROPOUT:
            for (int64_t i = 0; i < all; i++)
                dx[i] += w->dy[i] * w->aux[i];
            break;
        case NCR_OP_MUL: {
            const float *other = net->work[node->in[1 - k]].y;
            int64_t p = all / (size * net->n),
                    po = all /
                         (ncr_shape_elements(&s->graph->nodes[node->in[1 - k]].shape) * net->n);
            for (int64_t i = 0; i < all; i++)
                dx[i / p] += w->dy[i] * other[i / po];
            break;
        }
        case NCR_OP_CONCAT:
            for (int64_t b = 0; b < net->n; b++)
                for (int64_t i = 0; i < size; i++)
                    dx[b * size + i] += w->dy[b * out + at + i];
            break;
        case NCR_OP_PAD:
        case NCR_OP_UPSAMPLE:
            for (int64_t i = 0; i < all; i++) {
                int64_t to = moved(node, in, i % out);
                if (to >= 0) dx[i / out * size + to] += w->dy[i];
            }
            break;
        default: // copies and add
            for (int64_t i = 0; i < all; i++)
                dx[i] += w->dy[i];
        }
        at += size;
    }
}
