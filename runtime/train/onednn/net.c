// A graph and a size of shard to a net: buffers, and lists of primitives and loops over them.
#include "runtime/train/onednn/onednn.h"

buffer_id net_buffer(struct net *net, layout of, enum buffer_place place, uint32_t what)
{
    struct buffer b = {.layout = of, .place = place, .of = what};
    if (of) b.bytes = dnnl_memory_desc_get_size(of);
    if (place == PLACE_SCRATCH && b.bytes > net->scratch_bytes) net->scratch_bytes = b.bytes;
    ncr_vec_push(net->state->arena, &net->buffers, b);
    return net->buffers.n - 1;
}

static layout keep(struct net *net, layout of)
{
    if (of)
        ncr_vec_push(net->state->arena, &net->layouts, of);
    else
        state_check(net->state, dnnl_out_of_memory, "layout of a tensor");
    return of;
}

layout net_layout(struct net *net, int rank, const int64_t *dims, bool free_choice)
{
    return keep(net, shim_layout(rank, dims, free_choice));
}

layout net_any(struct net *net, layout of)
{
    return of ? keep(net, shim_layout_copy(of, true)) : NULL;
}

layout net_tensor(struct net *net, const struct ncr_shape *shape)
{
    int64_t dims[4] = {net->n, shape->dim[0], shape->dim[1], shape->dim[2]};
    return net_layout(net, shape->rank == 3 ? 4 : 2, dims, false);
}

layout net_layout_of(const struct net *net, buffer_id buffer)
{
    return net->buffers.at[buffer].layout;
}

buffer_id net_alias(struct net *net, buffer_id buffer, layout as)
{
    const struct buffer *b = &net->buffers.at[buffer];
    return net_buffer(net, as, PLACE_ALIAS, b->place == PLACE_ALIAS ? b->of : buffer);
}

layout net_query(dnnl_primitive_desc_t pd, int kind)
{
    return pd ? dnnl_primitive_desc_query_md(pd, dnnl_query_exec_arg_md, kind) : NULL;
}

struct step *net_loop(struct net *net, struct step_list *list, loop_fn *loop, ncr_node_id node)
{
    struct step *step = ncr_vec_add(net->state->arena, &list->steps);
    *step = (struct step){.loop = loop, .node = node, .first_arg = net->args.n};
    return step;
}

void net_arg(struct net *net, struct step *step, int kind, buffer_id buffer)
{
    if (!step || buffer == NO_BUFFER) return;
    if (step->first_arg + step->n_args != net->args.n) NCR_BUG("arguments of two steps are mixed");
    ncr_vec_push(net->state->arena, &net->args, ((struct step_arg){kind, buffer}));
    step->n_args++;
}

struct step *net_step(struct net *net, struct step_list *list, dnnl_primitive_desc_t pd,
                      ncr_node_id node)
{
    struct state *s = net->state;
    dnnl_primitive_t prim = NULL;
    if (!pd) return NULL;
    ncr_vec_push(s->arena, &net->descs, pd);
    if (!state_check(s, dnnl_primitive_create(&prim, pd), "primitive")) return NULL;
    ncr_vec_push(s->arena, &net->prims, prim);
    struct step *step = net_loop(net, list, NULL, node);
    step->prim = prim;
    layout scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    if (scratch && dnnl_memory_desc_get_size(scratch))
        net_arg(net, step, DNNL_ARG_SCRATCHPAD, net_buffer(net, scratch, PLACE_SCRATCH, 0));
    return step;
}

buffer_id net_as(struct net *net, struct step_list *list, buffer_id buffer, layout wanted)
{
    struct state *s = net->state;
    if (buffer == NO_BUFFER || !wanted ||
        dnnl_memory_desc_equal(net_layout_of(net, buffer), wanted))
        return buffer;
    for (uint32_t i = 0; i < net->moved.n; i++)
        if (net->moved.at[i].from == buffer &&
            dnnl_memory_desc_equal(net_layout_of(net, net->moved.at[i].to), wanted))
            return net->moved.at[i].to;
    enum buffer_place from = net->buffers.at[buffer].place;
    bool param = from == PLACE_PARAM || from == PLACE_NET;
    buffer_id to = net_buffer(net, wanted, param ? PLACE_NET : PLACE_LANE, 0);
    dnnl_primitive_desc_t pd = NULL;
    if (!state_check(s,
                     dnnl_reorder_primitive_desc_create(&pd, net_layout_of(net, buffer),
                                                        s->shim.engine, wanted, s->shim.engine,
                                                        s->shim.attr),
                     "reorder"))
        return to;
    struct step *step = net_step(net, param ? &net->prepare : list, pd, NCR_NO_NODE);
    net_arg(net, step, DNNL_ARG_FROM, buffer);
    net_arg(net, step, DNNL_ARG_TO, to);
    ncr_vec_push(s->arena, &net->moved, ((struct moved){buffer, to}));
    return to;
}

void net_give(struct net *net, ncr_node_id node, buffer_id share, bool whole)
{
    uint32_t all = net->state->plan->readers[node];
    if (net->given[node]++ == 0) {
        if (all <= 1 || whole) {
            net->diff[node] = share;
            return;
        }
        // Others read this share too: the sum needs memory of its own.
        buffer_id sum = net_buffer(net, net_layout_of(net, share), PLACE_LANE, 0);
        struct step *copy = net_loop(net, &net->backward, loop_add, node);
        net_arg(net, copy, 0, share);
        net_arg(net, copy, 0, sum);
        net->diff[node] = sum;
        return;
    }
    share = net_as(net, &net->backward, share, net_layout_of(net, net->diff[node]));
    struct step *more = net_loop(net, &net->backward, loop_accumulate, node);
    net_arg(net, more, 0, share);
    net_arg(net, more, 0, net->diff[node]);
}

// What reads the node's tensor reads its rounded values; the node itself keeps its own, since some
// gradients are functions of them.
static void round_output(struct net *net, ncr_node_id id)
{
    if (net->state->failed != dnnl_success || !ncr_train_rounded(net->state->plan, id)) return;
    buffer_id from = net->out[id];
    net->out[id] = net_buffer(net, net_layout_of(net, from), PLACE_LANE, 0);
    struct step *step = net_loop(net, &net->forward, loop_round, id);
    net_arg(net, step, 0, from);
    net_arg(net, step, 0, net->out[id]);
}

// The input and, in training, scores and loss stand around the nodes.
static void make_lists(struct net *net)
{
    struct state *s = net->state;
    const struct ncr_train_plan *plan = s->plan;
    for (ncr_node_id id = 0; id < s->graph->n_nodes; id++) {
        net->out[id] = net->diff[id] = NO_BUFFER;
        if (!plan->live[id] || s->failed != dnnl_success) continue;
        if (net->training && id > plan->scores) continue; // a final softmax is part of the loss
        if (id == plan->input)
            net->out[id] = net->input =
                net_buffer(net, net_tensor(net, &s->graph->nodes[id].shape), PLACE_LANE, 0);
        else
            node_forward(net, id);
        round_output(net, id);
    }
    if (s->failed != dnnl_success) return;
    ncr_node_id last = net->training ? plan->scores : plan->output;
    layout plain = net_tensor(net, &s->graph->nodes[last].shape);
    net->output = net_as(net, &net->forward, net->out[last], plain);
    if (!net->training) return;
    buffer_id gradient = net_buffer(net, plain, PLACE_LANE, 0);
    struct step *loss = net_loop(net, &net->forward, loop_loss, last);
    net_arg(net, loss, 0, net->output);
    net_arg(net, loss, 0, gradient);
    net->diff[last] = gradient;
    for (ncr_node_id id = last + 1; id-- > 0 && s->failed == dnnl_success;)
        if (plan->live[id] && plan->grad[id] && id != plan->input) node_backward(net, id);
}

// Memory of what all lanes share: parameters (bound at each batch), their copies, statistics.
static void make_shared(struct net *net)
{
    struct state *s = net->state;
    net->mem = NCR_NEW_N(s->arena, dnnl_memory_t, net->buffers.n);
    net->data = NCR_NEW_N(s->arena, float *, net->buffers.n);
    for (buffer_id i = 0; i < net->buffers.n && s->failed == dnnl_success; i++) {
        const struct buffer *b = &net->buffers.at[i];
        if (b->place != PLACE_PARAM && b->place != PLACE_NET && b->place != PLACE_NORM) continue;
        if (b->place == PLACE_NET) net->data[i] = state_block(s, b->bytes);
        if (b->place == PLACE_NORM) net->data[i] = b->norm;
        state_check(s,
                    dnnl_memory_create(&net->mem[i], b->layout, s->shim.engine,
                                       net->data[i] ? (void *)net->data[i] : DNNL_MEMORY_NONE),
                    "memory");
    }
    // Reorders of parameters may need a scratchpad too; they run on one thread.
    void *scratch = net->scratch_bytes ? state_block(s, net->scratch_bytes) : NULL;
    net->exec = NCR_NEW_N(s->arena, dnnl_exec_arg_t, net->args.n);
    for (uint32_t k = 0; k < net->prepare.steps.n && s->failed == dnnl_success; k++) {
        const struct step *step = &net->prepare.steps.at[k];
        for (uint32_t i = step->first_arg; i < step->first_arg + step->n_args; i++) {
            const struct step_arg *arg = &net->args.at[i];
            struct buffer *b = &net->buffers.at[arg->buffer];
            if (b->place == PLACE_SCRATCH)
                state_check(
                    s,
                    dnnl_memory_create(&net->mem[arg->buffer], b->layout, s->shim.engine, scratch),
                    "memory");
            net->exec[i] = (dnnl_exec_arg_t){arg->kind, net->mem[arg->buffer]};
        }
    }
}

struct net *net_make(struct state *s, uint32_t n, bool training)
{
    struct net *net = NCR_NEW(s->arena, struct net);
    uint32_t n_nodes = s->graph->n_nodes;
    net->state = s;
    net->n = n;
    net->training = training;
    net->work = NCR_NEW_N(s->arena, struct node_work, n_nodes);
    net->out = NCR_NEW_N(s->arena, buffer_id, n_nodes);
    net->diff = NCR_NEW_N(s->arena, buffer_id, n_nodes);
    net->given = NCR_NEW_N(s->arena, uint32_t, n_nodes);
    make_lists(net);
    if (s->failed == dnnl_success) make_shared(net);
    return net;
}

void net_free(struct net *net)
{
    for (uint32_t i = 0; net->mem && i < net->buffers.n; i++)
        if (net->mem[i]) dnnl_memory_destroy(net->mem[i]);
    for (uint32_t i = 0; i < net->prims.n; i++)
        dnnl_primitive_destroy(net->prims.at[i]);
    for (uint32_t i = 0; i < net->descs.n; i++)
        dnnl_primitive_desc_destroy(net->descs.at[i]);
    for (uint32_t i = 0; i < net->layouts.n; i++)
        shim_layout_free(net->layouts.at[i]);
}
