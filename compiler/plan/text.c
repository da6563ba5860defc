// Text form of a plan: totals, then a line for each step.
#include <inttypes.h>

#include "compiler/plan/plan.h"

static void put_step(const struct ncr_plan *plan, uint32_t s, uint64_t live, struct ncr_buf *out)
{
    uint32_t q = plan->steps[s];
    const struct ncr_qnode *node = &plan->qgraph->nodes[q];
    const struct ncr_buffer *b = &plan->buffers[q];
    char shape[48];
    ncr_buf_fmt(out, "  step %u: %%%u = %s", s, q, ncr_qop_name(node->op));
    for (uint32_t k = 0; k < node->n_in; k++)
        ncr_buf_fmt(out, " %%%u", node->in[k]);
    ncr_buf_fmt(out, " : %s ", ncr_shape_text(&node->shape, shape));
    if (b->fused_into != NCR_PLAN_OWN) {
        ncr_buf_fmt(out, "fused into %%%u live %" PRIu64 "  %.*s\n", b->fused_into, live,
                    NCR_STR_ARG(node->path));
        return;
    }
    ncr_buf_fmt(out, "at %" PRIu64 "+%" PRIu64, b->offset, b->bytes);
    if (b->border[0] || b->border[1] || b->border[2] || b->border[3])
        ncr_buf_fmt(out, " border %d %d %d %d", b->border[0], b->border[1], b->border[2],
                    b->border[3]);
    if (b->images > 1) ncr_buf_fmt(out, " images %u", b->images);
    if (b->in_place_of != NCR_PLAN_OWN) ncr_buf_fmt(out, " in place of %%%u", b->in_place_of);
    if (b->slice_of != NCR_PLAN_OWN) ncr_buf_fmt(out, " slice of %%%u", b->slice_of);
    ncr_buf_fmt(out, " life %u..%u live %" PRIu64 "  %.*s\n", b->first_step, b->last_step, live,
                NCR_STR_ARG(node->path));
}

void ncr_plan_dump(const struct ncr_plan *plan, struct ncr_buf *out)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) {
        out->failed = true;
        return;
    }
    uint64_t *live = NCR_NEW_N(scratch, uint64_t, plan->n_steps);
    ncr_plan_live(plan, live);
    ncr_buf_fmt(out, "plan \"%.*s\" %s {\n  arena %" PRIu64 " bound %" PRIu64 " peak at step %u",
                NCR_STR_ARG(plan->qgraph->name),
                plan->mode == NCR_PLAN_SHARED ? "shared" : "separate", plan->arena_bytes,
                plan->lower_bound_bytes, plan->peak_step);
    if (plan->batch > 1) ncr_buf_fmt(out, " batch %u tail from step %u", plan->batch, plan->n_head);
    ncr_buf_putc(out, '\n');
    for (uint32_t s = 0; s < plan->n_steps; s++)
        put_step(plan, s, live[s], out);
    ncr_buf_puts(out, "}\n");
    ncr_arena_free(scratch);
}
