// Every integer operator against the float operators it stands for, on the same (dequantised)
// inputs. The float interpreter knows nothing of folding, fusion and scales, and the bound on the
// difference follows from the rounding that the form of the numbers allows:
//   weights       sw/2 for each weight times what it multiplies, sw·sx/2 for the bias, and the
//   output the rest      the rounding of the output, and of factors
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/quant/lut.h"
#include "compiler/quant/softmax.h"
#include "tests/support/random_graph.h"
#include "tests/support/random_numbers.h"

struct sub {
    struct ncr_graph *graph;
    struct ncr_weights *weights;
};

static ncr_node_id add(struct ncr_builder *b, enum ncr_op op, const struct ncr_attrs *a,
                       const ncr_node_id *in, uint32_t n)
{
    struct ncr_op_error err;
    ncr_node_id id = ncr_builder_add(b, op, a, in, n, NCR_STR("s"), NCR_NO_NODE, NULL, &err);
    cr_assert_neq(id, NCR_NO_NODE, "%s", err.text);
    return id;
}

// The float operators of a qnode on their own: an input for each of its inputs, then node … last.
static struct sub cut(struct ncr_arena *arena, const struct random_net *net, uint32_t q)
{
    const struct ncr_qnode *node = &net->qgraph->nodes[q];
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("s"));
    ncr_node_id *in = NCR_NEW_N(arena, ncr_node_id, node->n_in), chain[4];
    uint32_t n = 0;
    for (uint32_t k = 0; k < node->n_in; k++) {
        struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT);
        a.shape = net->qgraph->nodes[node->in[k]].shape;
        in[k] = add(b, NCR_OP_INPUT, &a, NULL, 0);
    }
    for (ncr_node_id id = node->last;; id = net->graph->nodes[id].in[0]) {
        cr_assert_lt(n, NCR_COUNT(chain));
        chain[n++] = id;
        if (id == node->node) break;
    }
    ncr_node_id last = NCR_NO_NODE;
    for (uint32_t i = n; i-- > 0;) {
        const struct ncr_node *f = &net->graph->nodes[chain[i]];
        last = i + 1 == n ? add(b, f->op, &f->attrs, in, node->n_in)
                          : add(b, f->op, &f->attrs, &last, 1);
    }
    ncr_builder_output(b, NCR_STR(""), last);
    struct sub sub = {ncr_builder_finish(b), NULL};
    sub.weights = ncr_weights_new(arena, sub.graph);
    uint32_t p = 0;
    for (uint32_t i = n; i-- > 0;) {
        const struct ncr_node *f = &net->graph->nodes[chain[i]];
        for (uint32_t k = 0; k < f->n_params; k++, p++)
            memcpy(sub.weights->at[p], net->weights->at[f->first_param + k],
                   (size_t)net->graph->params[f->first_param + k].n * sizeof(float));
    }
    return sub;
}

// Σ |x| over the taps of each output: the operator without its fused ones, with weights of 1.
static const float *reach(struct ncr_arena *arena, const struct random_net *net, uint32_t q,
                          const float *x)
{
    const struct ncr_qnode *node = &net->qgraph->nodes[q];
    const struct ncr_node *f = &net->graph->nodes[node->node];
    const struct ncr_shape *shape = &net->qgraph->nodes[node->in[0]].shape;
    int64_t n = ncr_shape_elements(shape);
    float *size = NCR_NEW_N(arena, float, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        size[i] = fabsf(x[i]);
    if (f->op == NCR_OP_BATCHNORM) return size;
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("s"));
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT), plain = f->attrs;
    a.shape = *shape;
    plain.bias = false;
    ncr_node_id in = add(b, NCR_OP_INPUT, &a, NULL, 0), out = add(b, f->op, &plain, &in, 1);
    ncr_builder_output(b, NCR_STR(""), out);
    struct ncr_graph *graph = ncr_builder_finish(b);
    struct ncr_weights *ones = ncr_weights_new(arena, graph);
    for (int64_t i = 0; i < graph->params[0].n; i++)
        ones->at[0][i] = 1;
    float *values[2];
    const float *inputs[] = {size};
    ncr_eval_f32(arena, graph, ones, inputs, values);
    return values[1];
}

// The bounds of tests/unit/quant_wide.c for all functions alike; where the clamp cuts an end of the
// piece that x is in, that is a corner.
static double table_error(const struct random_net *net, const struct ncr_qnode *node, int32_t x)
{
    const struct ncr_qnode *in = &net->qgraph->nodes[node->in[0]];
    int step = ncr_lut_step(in), fraction = ncr_lut_fraction(node);
    const int32_t *at = node->wide_lut + ((x + ncr_qnode_magnitude(in)) >> step);
    double h = step ? ldexp(in->scale, step) : 0, error = 0.77 * h * h / 8 + 0.5 * h / 4;
    for (int end = 0; end < 2; end++)
        if (at[end] == node->lo * (1 << fraction) || at[end] == node->hi * (1 << fraction))
            error = fmax(error, 1.5 * fmax(h / 4, in->scale));
    return ldexp(0.5, -fraction) + error / node->scale;
}

// Admitted error in steps of the output, besides the half step of its rounding. x is element i of
// the first input.
static double allowed(const struct random_net *net, const struct ncr_qnode *node, int64_t i,
                      int32_t x, const float *sums)
{
    const struct ncr_qnode *in = &net->qgraph->nodes[node->in[0]];
    int64_t per = ncr_shape_elements(&node->shape) / node->shape.dim[0];
    if (ncr_qop_has_weights(node->op)) {
        double sw = node->weight_scale[i / per];
        // Neighbours of log2 lie half the largest magnitude apart, and it may be cut off at half.
        if (node->form.format == NCR_QF_LOG2) sw *= 2.0 * ncr_weight_top(node->form);
        return sw * ((double)sums[i] + in->scale) / 2 / node->scale;
    }
    if (node->op == NCR_QOP_ADD) { // in_mult is rounded to 2^-20 of the widest scale, or coarser
        double widest = 0, reach = 0;
        for (uint32_t k = 0; k < node->n_in; k++)
            reach += ncr_qnode_reach(&net->qgraph->nodes[node->in[k]]);
        for (uint32_t k = 0; k < node->n_in; k++)
            widest = fmax(widest, net->qgraph->nodes[node->in[k]].scale);
        // The sum stays below 2^30, and half as fine a scale would do so too.
        if (ncr_qnode_is_wide(net->qgraph, node))
            return reach / 2 * fmax(0x1p-20, reach * 0x1p-29) * widest / node->scale;
        return node->n_in * 128 * 0x1p-18 * node->n_in * widest / node->scale;
    }
    bool wide = ncr_qnode_is_wide(net->qgraph, node);
    if (node->op == NCR_QOP_LUT && in->bits > 8) return table_error(net, node, x);
    if (node->op != NCR_QOP_SOFTMAX) return 0;
    double n = (double)ncr_shape_elements(&node->shape);
    return wide ? (1 + n) * ldexp(1, -ncr_qsoftmax_unit((uint32_t)n)) / node->scale : 0.75;
}

static void check_node(struct ncr_arena *arena, const struct random_net *net, uint32_t q,
                       int8_t *const *ints, uint64_t seed)
{
    const struct ncr_qnode *node = &net->qgraph->nodes[q];
    struct sub sub = cut(arena, net, q);
    float **inputs = NCR_NEW_N(arena, float *, node->n_in),
          **values = NCR_NEW_N(arena, float *, sub.graph->n_nodes);
    for (uint32_t k = 0; k < node->n_in; k++) {
        const struct ncr_qnode *in = &net->qgraph->nodes[node->in[k]];
        int64_t n = ncr_shape_elements(&in->shape);
        inputs[k] = NCR_NEW_N(arena, float, (size_t)n);
        for (int64_t i = 0; i < n; i++)
            inputs[k][i] =
                (float)(in->scale * (ncr_qnode_element(in, ints[node->in[k]], i) - in->zero_point));
    }
    ncr_eval_f32(arena, sub.graph, sub.weights, (const float *const *)inputs, values);
    const struct ncr_qnode *first = &net->qgraph->nodes[node->in[0]];
    const float *want = values[sub.graph->outputs[0].node];
    const float *sums = ncr_qop_has_weights(node->op) ? reach(arena, net, q, inputs[0]) : NULL;
    int64_t n = ncr_shape_elements(&node->shape);
    for (int64_t i = 0; i < n; i++) {
        double exact = (double)want[i] / node->scale + node->zero_point;
        int32_t x = node->op == NCR_QOP_LUT ? ncr_qnode_element(first, ints[node->in[0]], i) : 0;
        double slack = 0.5 + allowed(net, node, i, x, sums) + 2e-6 * fabs(exact) + 1e-3;
        // What the clamp cuts off may differ by any amount.
        double low = fmin(fmax(exact - slack, node->lo), node->hi),
               high = fmin(fmax(exact + slack, node->lo), node->hi);
        int32_t got = ncr_qnode_element(node, ints[q], i);
        cr_assert(got >= low - 1e-9 && got <= high + 1e-9,
                  "seed %lu %%%u %s[%ld]: %d, expected %g within %g", seed, q,
                  ncr_qop_name(node->op), i, got, exact, slack);
    }
}

Test(quant_nodes, each_follows_its_float_operators)
{
    uint32_t seen[NCR_QOP_COUNT_] = {0}, wide[NCR_QOP_COUNT_] = {0}, fused = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 7, &net);
        float *real[2];
        int8_t *in[2], **ints = NCR_NEW_N(arena, int8_t *, net.qgraph->n_nodes);
        random_net_inputs(arena, &net, seed, real, in);
        ncr_eval_int(arena, net.qgraph, (const int8_t *const *)in, ints);
        for (uint32_t q = 0; q < net.qgraph->n_nodes; q++) {
            const struct ncr_qnode *node = &net.qgraph->nodes[q];
            seen[node->op]++;
            wide[node->op] += ncr_qnode_is_wide(net.qgraph, node);
            fused += node->last != node->node;
            if (node->op != NCR_QOP_INPUT) check_node(arena, &net, q, ints, seed);
        }
        ncr_arena_free(arena);
    }
    for (int op = 0; op < NCR_QOP_COUNT_; op++) {
        bool rare = op == NCR_QOP_ZERO;
        cr_assert_geq(wide[op], rare ? 0 : 3, "%s of 16 bits occurs only %u times",
                      ncr_qop_name((enum ncr_qop)op), wide[op]);
        cr_assert_geq(seen[op], op == NCR_QOP_ZERO ? 1 : 10, "%s occurs only %u times",
                      ncr_qop_name((enum ncr_qop)op), seen[op]);
    }
    cr_assert_gt(fused, 40);
}

// The numbers of random_numbers.h are worth testing with: tensors are not constant.
Test(quant_nodes, drawn_numbers_give_varied_tensors)
{
    uint32_t varied = 0, all = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct random_net net;
        random_net_make(arena, seed, 6, &net);
        random_numbers(arena, net.qgraph, seed);
        float *real[2];
        int8_t *in[2], **ints = NCR_NEW_N(arena, int8_t *, net.qgraph->n_nodes);
        random_net_inputs(arena, &net, seed, real, in);
        ncr_eval_int(arena, net.qgraph, (const int8_t *const *)in, ints);
        for (uint32_t q = 0; q < net.qgraph->n_nodes; q++) {
            int64_t n = ncr_shape_elements(&net.qgraph->nodes[q].shape);
            static bool seen[65536];
            uint32_t values = 0;
            memset(seen, 0, sizeof seen);
            for (int64_t i = 0; i < n; i++) {
                bool *place = &seen[ncr_qnode_element(&net.qgraph->nodes[q], ints[q], i) + 32768];
                values += !*place;
                *place = true;
            }
            if (n < 16) continue;
            all++;
            varied += values >= 5;
        }
        ncr_arena_free(arena);
    }
    cr_assert_gt(all, 150);
    cr_assert_gt(varied, all * 13 / 20, "%u of %u tensors have 5 values or more", varied, all);
}
