// The memory of one shard, and its steps at work.
#include <stdlib.h>

#include "runtime/train/onednn/onednn.h"

struct lane *lane_make(struct net *net)
{
    struct state *s = net->state;
    struct lane *lane = NCR_NEW(s->arena, struct lane);
    uint32_t n = net->buffers.n;
    lane->net = net;
    lane->mem = NCR_NEW_N(s->arena, dnnl_memory_t, n);
    lane->data = NCR_NEW_N(s->arena, float *, n);
    lane->exec = NCR_NEW_N(s->arena, dnnl_exec_arg_t, net->args.n);
    lane->row = NCR_NEW_N(s->arena, double, s->plan->classes);
    state_check(s, dnnl_stream_create(&lane->stream, s->shim.engine, dnnl_stream_default_flags),
                "stream");
    void *scratch = net->scratch_bytes ? state_block(s, net->scratch_bytes) : NULL;
    for (buffer_id i = 0; i < n && s->failed == dnnl_success; i++) {
        const struct buffer *b = &net->buffers.at[i];
        switch (b->place) {
        case PLACE_LANE: lane->data[i] = state_block(s, b->bytes); break;
        case PLACE_ALIAS: lane->data[i] = lane->data[b->of]; break; // made before its alias
        case PLACE_SCRATCH: lane->data[i] = scratch; break;
        case PLACE_PARAM:
        case PLACE_NET:
        case PLACE_NORM: lane->data[i] = net->data[i]; continue; // one memory object for all
        }
        state_check(s, dnnl_memory_create(&lane->mem[i], b->layout, s->shim.engine, lane->data[i]),
                    "memory");
    }
    for (uint32_t i = 0; i < net->args.n; i++) {
        buffer_id b = net->args.at[i].buffer;
        lane->exec[i] =
            (dnnl_exec_arg_t){net->args.at[i].kind, lane->mem[b] ? lane->mem[b] : net->mem[b]};
    }
    return lane;
}

void lane_free(struct lane *lane)
{
    if (lane->stream) dnnl_stream_destroy(lane->stream);
    for (buffer_id i = 0; i < lane->net->buffers.n; i++)
        if (lane->mem[i]) dnnl_memory_destroy(lane->mem[i]);
}

void lane_run(struct lane *lane, const struct step_list *list, double *seconds)
{
    const struct net *net = lane->net;
    const struct ncr_io *io = net->state->io;
    bool meet = false, timed = seconds && io;
    double start = timed ? io->now_s(io->user) : 0;
    while (lane->at < list->steps.n && !meet && lane->status == dnnl_success) {
        const struct step *step = &list->steps.at[lane->at++];
        meet = step->meet;
        if (step->loop) {
            if (timed) *seconds += io->now_s(io->user) - start;
            step->loop(lane, step);
            if (timed) start = io->now_s(io->user);
        } else {
            lane->status = dnnl_primitive_execute(step->prim, lane->stream, (int)step->n_args,
                                                  lane->exec + step->first_arg);
        }
    }
    if (lane->status == dnnl_success) lane->status = dnnl_stream_wait(lane->stream);
    if (timed) *seconds += io->now_s(io->user) - start;
}
