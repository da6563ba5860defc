// Structure of a QGRAPH to execution order, layouts and offsets.
#include "compiler/plan/plan.h"

#include <inttypes.h>

// Borders: what the convolutions that read a tensor pad it with. Pools skip padding, PAD writes its
// own tensor.
static void borders(struct ncr_plan *plan)
{
    const struct ncr_qgraph *g = plan->qgraph;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_qnode *node = &g->nodes[q];
        if (node->op != NCR_QOP_CONV && node->op != NCR_QOP_DWCONV) continue;
        struct ncr_buffer *in = &plan->buffers[node->in[0]];
        const struct ncr_attrs *a = &node->attrs;
        for (int side = 0; side < 4; side++) {
            // The last window may end before the padded image does; what no tap reads needs no
            // border.
            int axis = side % 2;
            int32_t need = a->pad[side];
            if (side >= 2) {
                const struct ncr_buffer *out = &plan->buffers[q];
                int32_t last = ((axis ? out->width : out->height) - 1) * a->stride[axis] +
                               (a->kernel[axis] - 1) * a->dilation[axis];
                int32_t size = axis ? in->width : in->height;
                need = last - a->pad[axis] - (size - 1);
            }
            if (need > in->border[side]) in->border[side] = need;
        }
    }
}

static void layout(struct ncr_buffer *b)
{
    b->row_bytes = (int64_t)(b->border[1] + b->width + b->border[3]) * b->channels;
    b->first = b->border[0] * b->row_bytes + (int64_t)b->border[1] * b->channels;
    b->bytes = (uint64_t)((b->border[0] + b->height + b->border[2]) * b->row_bytes) + NCR_PLAN_TAIL;
}

static void lives(struct ncr_plan *plan)
{
    const struct ncr_qgraph *g = plan->qgraph;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        uint32_t q = plan->steps[s];
        plan->buffers[q].first_step = plan->buffers[q].last_step = s;
        for (uint32_t k = 0; k < g->nodes[q].n_in; k++)
            plan->buffers[g->nodes[q].in[k]].last_step = s;
    }
    // All inputs are there before the first step, all outputs are read after the last one.
    for (uint32_t i = 0; i < g->n_inputs; i++)
        plan->buffers[g->inputs[i]].first_step = 0;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        plan->buffers[g->outputs[i]].last_step = plan->n_steps - 1;
}

static void place(struct ncr_arena *arena, struct ncr_plan *plan, enum ncr_plan_mode mode)
{
    uint32_t n = plan->n_steps;
    struct ncr_mem_item *items = NCR_NEW_N(arena, struct ncr_mem_item, n);
    for (uint32_t q = 0; q < n; q++) {
        const struct ncr_buffer *b = &plan->buffers[q];
        bool shared = mode == NCR_PLAN_SHARED;
        items[q] = (struct ncr_mem_item){b->bytes, shared ? b->first_step : 0,
                                         shared ? b->last_step : n - 1, 0};
    }
    plan->arena_bytes = ncr_mem_plan(items, n, NCR_PLAN_ALIGN, &plan->lower_bound_bytes);
    for (uint32_t q = 0; q < n; q++)
        plan->buffers[q].offset = items[q].offset;
    uint64_t most = 0;
    for (uint32_t s = 0; s < n; s++) {
        uint64_t sum = 0;
        for (uint32_t q = 0; q < n; q++)
            if (plan->buffers[q].first_step <= s && s <= plan->buffers[q].last_step)
                sum += plan->buffers[q].bytes;
        if (sum > most) {
            most = sum;
            plan->peak_step = s;
        }
    }
}

struct ncr_plan *ncr_plan_build(struct ncr_arena *arena, const struct ncr_qgraph *qgraph,
                                enum ncr_plan_mode mode)
{
    struct ncr_plan *plan = NCR_NEW(arena, struct ncr_plan);
    uint32_t n = qgraph->n_nodes;
    plan->qgraph = qgraph;
    plan->n_steps = n;
    plan->steps = NCR_NEW_N(arena, uint32_t, n);
    plan->buffers = NCR_NEW_N(arena, struct ncr_buffer, n);
    uint32_t s = 0;
    for (uint32_t i = 0; i < qgraph->n_inputs; i++)
        plan->steps[s++] = qgraph->inputs[i];
    for (uint32_t q = 0; q < n; q++)
        if (qgraph->nodes[q].op != NCR_QOP_INPUT) plan->steps[s++] = q;
    for (uint32_t q = 0; q < n; q++) {
        const struct ncr_shape *shape = &qgraph->nodes[q].shape;
        struct ncr_buffer *b = &plan->buffers[q];
        b->channels = shape->dim[0];
        b->height = shape->rank == 3 ? shape->dim[1] : 1;
        b->width = shape->rank == 3 ? shape->dim[2] : 1;
    }
    borders(plan);
    for (uint32_t q = 0; q < n; q++)
        layout(&plan->buffers[q]);
    lives(plan);
    place(arena, plan, mode);
    return plan;
}

uint64_t ncr_plan_locate(const struct ncr_plan *plan, uint32_t q, int64_t index)
{
    const struct ncr_buffer *b = &plan->buffers[q];
    int64_t pixels = (int64_t)b->height * b->width, c = index / pixels,
            y = index % pixels / b->width, x = index % b->width;
    return b->offset + (uint64_t)(b->first + y * b->row_bytes + x * b->channels + c);
}

bool ncr_plan_verify(const struct ncr_plan *plan, struct ncr_error *why)
{
    const struct ncr_qgraph *g = plan->qgraph;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        const struct ncr_qnode *node = &g->nodes[plan->steps[s]];
        for (uint32_t k = 0; k < node->n_in; k++)
            if (plan->buffers[node->in[k]].first_step >= s && node->op != NCR_QOP_INPUT)
                return ncr_fail(why, NCR_USAGE, "step %u reads a tensor that is not yet written",
                                s) == NCR_OK;
        for (uint32_t k = 0; k < node->n_in; k++)
            if (plan->buffers[node->in[k]].last_step < s)
                return ncr_fail(why, NCR_USAGE, "step %u reads a tensor whose life has ended", s) ==
                       NCR_OK;
    }
    for (uint32_t a = 0; a < plan->n_steps; a++) {
        const struct ncr_buffer *x = &plan->buffers[a];
        if (x->offset % NCR_PLAN_ALIGN)
            return ncr_fail(why, NCR_USAGE, "tensor %u is not aligned: offset %" PRIu64, a,
                            x->offset) == NCR_OK;
        if (x->offset + x->bytes > plan->arena_bytes)
            return ncr_fail(why, NCR_USAGE, "tensor %u ends past the arena", a) == NCR_OK;
        for (uint32_t b = 0; b < a; b++) {
            const struct ncr_buffer *y = &plan->buffers[b];
            if (x->first_step > y->last_step || y->first_step > x->last_step) continue;
            if (x->offset < y->offset + y->bytes && y->offset < x->offset + x->bytes)
                return ncr_fail(why, NCR_USAGE,
                                "tensors %u and %u live at the same time in the same bytes", b,
                                a) == NCR_OK;
        }
    }
    return true;
}

void ncr_plan_dump(const struct ncr_plan *plan, struct ncr_buf *out)
{
    ncr_buf_fmt(out, "plan %.*s {\n  arena %" PRIu64 " bytes, bound %" PRIu64 ", peak at step %u\n",
                NCR_STR_ARG(plan->qgraph->name), plan->arena_bytes, plan->lower_bound_bytes,
                plan->peak_step);
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        uint32_t q = plan->steps[s];
        const struct ncr_qnode *node = &plan->qgraph->nodes[q];
        const struct ncr_buffer *b = &plan->buffers[q];
        char shape[48];
        ncr_buf_fmt(out, "  step %u: %%%u = %s", s, q, ncr_qop_name(node->op));
        for (uint32_t k = 0; k < node->n_in; k++)
            ncr_buf_fmt(out, " %%%u", node->in[k]);
        ncr_buf_fmt(out, " : %s at %" PRIu64 "+%" PRIu64, ncr_shape_text(&node->shape, shape),
                    b->offset, b->bytes);
        if (b->border[0] || b->border[1] || b->border[2] || b->border[3])
            ncr_buf_fmt(out, " border %d %d %d %d", b->border[0], b->border[1], b->border[2],
                        b->border[3]);
        ncr_buf_fmt(out, " live %u..%u  %.*s\n", b->first_step, b->last_step,
                    NCR_STR_ARG(node->path));
    }
    ncr_buf_puts(out, "}\n");
}
