// The rules that hold in every plan.
#include <inttypes.h>
#include <stdlib.h>

#include "compiler/plan/plan_internal.h"

struct check {
    const struct ncr_plan *plan;
    const struct ncr_qgraph *graph;
    uint32_t *step_of; // per qnode
    uint32_t *list;    // room for all qnodes
    uint32_t *reads;   // per qnode; an output has one more
    uint32_t *begin;   // per qnode: the step in which the first byte of its buffer is written
    bool *seen;        // per qnode: it lies where a slice must, or its buffer was met
    struct ncr_error *why;
};

static bool wrong(const struct check *c, uint32_t q, const char *text)
{
    ncr_fail(c->why, NCR_USAGE, "tensor %%%u: %s", q, text);
    return false;
}

// Every node once, the inputs first, each after what it reads.
static bool verify_order(const struct check *c)
{
    const struct ncr_plan *plan = c->plan;
    if (plan->n_steps != c->graph->n_nodes)
        return ncr_fail(c->why, NCR_USAGE, "%u steps for %u nodes", plan->n_steps,
                        c->graph->n_nodes) == NCR_OK;
    for (uint32_t q = 0; q < c->graph->n_nodes; q++)
        c->step_of[q] = UINT32_MAX;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        uint32_t q = plan->steps[s];
        if (q >= c->graph->n_nodes || c->step_of[q] != UINT32_MAX)
            return ncr_fail(c->why, NCR_USAGE, "step %u is no node, or one that had its step", s) ==
                   NCR_OK;
        if (s < c->graph->n_inputs && q != c->graph->inputs[s])
            return wrong(c, q, "the inputs do not come first");
        const struct ncr_qnode *node = &c->graph->nodes[q];
        for (uint32_t k = 0; k < node->n_in; k++)
            if (c->step_of[node->in[k]] == UINT32_MAX)
                return wrong(c, q, "it reads a tensor that is not yet written");
        c->step_of[q] = s;
    }
    return true;
}

static bool verify_buffer(const struct check *c, uint32_t q)
{
    const struct ncr_qnode *node = &c->graph->nodes[q];
    const struct ncr_buffer *b = &c->plan->buffers[q];
    const struct ncr_shape *s = &node->shape;
    struct ncr_buffer again = *b;
    bool slice = b->slice_of != NCR_PLAN_OWN;
    if (!slice) ncr_plan_layout(&again);
    if (b->channels != s->dim[0] || b->height != (s->rank == 3 ? s->dim[1] : 1) ||
        b->width != (s->rank == 3 ? s->dim[2] : (int32_t)b->images))
        return wrong(c, q, "the buffer has another shape");
    if (b->element != ncr_qnode_element_bytes(node))
        return wrong(c, q, "the buffer has elements of another width");
    if (again.pixel_bytes != b->pixel_bytes || again.row_bytes != b->row_bytes ||
        again.first != b->first || again.bytes != b->bytes)
        return wrong(c, q, "rows and size are not those of shape and border");
    if (b->offset % NCR_PLAN_ALIGN) return wrong(c, q, "the offset is not aligned");
    if (b->offset + b->bytes > c->plan->arena_bytes) return wrong(c, q, "it ends past the arena");
    if (b->first_step > c->step_of[q] || b->last_step < c->step_of[q])
        return wrong(c, q, "it is written outside its life");
    bool slots = c->plan->batch > 1 && b->images > 1 && c->step_of[q] < c->plan->n_head;
    if (b->first_step < c->begin[q] && node->op != NCR_QOP_INPUT && !slots)
        return wrong(c, q, "its life begins before it is written");
    for (uint32_t k = 0; k < node->n_in; k++)
        if (c->plan->buffers[node->in[k]].last_step < c->step_of[q])
            return wrong(c, q, "it reads a tensor whose life has ended");
    int32_t need[4];
    ncr_plan_need(c->graph, q, need);
    for (int side = 0; node->n_in && side < 4; side++)
        if (c->plan->buffers[node->in[0]].border[side] < need[side])
            return wrong(c, q, "the border of its input is too narrow");
    return true;
}

// Fused tensors are read once, by an operator that can take them, and what they are made of is
// there at its step.
static bool verify_fused(const struct check *c, uint32_t q)
{
    uint32_t into = c->plan->buffers[q].fused_into;
    if (into == NCR_PLAN_OWN) return true;
    const struct ncr_qgraph *g = c->graph;
    if (c->plan->mode == NCR_PLAN_SEPARATE) return wrong(c, q, "a separate tensor is not stored");
    if (into >= g->n_nodes || ncr_plan_fused(c->plan, into) != q)
        return wrong(c, q, "it is fused into what does not read it, or takes another");
    if (c->reads[q] != 1) return wrong(c, q, "it is not stored, but read by others");
    if (!ncr_plan_may_fuse(g, q, into)) return wrong(c, q, "it is fused into what cannot take it");
    if ((c->step_of[q] < c->plan->n_head) != (c->step_of[into] < c->plan->n_head))
        return wrong(c, q, "one of head and tail is fused into the other");
    uint32_t in = g->nodes[q].in[0];
    if (c->plan->buffers[in].last_step < c->step_of[into])
        return wrong(c, q, "its input dies before it is computed");
    if (c->plan->buffers[into].in_place_of == in || c->plan->buffers[into].in_place_of == q)
        return wrong(c, into, "it overwrites what a fused tensor is computed from");
    return true;
}

// ---- batches, by the rules of plan.h ----

// A tensor has one image or all; all side by side where it is a vector that the tail writes, or
// that the head writes and the tail alone reads.
static bool verify_images(const struct check *c, uint32_t q)
{
    const struct ncr_plan *plan = c->plan;
    const struct ncr_qnode *node = &c->graph->nodes[q];
    const struct ncr_buffer *b = &plan->buffers[q];
    bool tail = c->step_of[q] >= plan->n_head;
    if (b->images != 1 && (b->images != plan->batch || node->shape.rank != 1))
        return wrong(c, q, "it holds another number of images");
    if (tail && b->images == 1 && plan->batch > 1)
        return wrong(c, q, "the tail writes it, but it holds one image");
    for (uint32_t k = 0; k < node->n_in; k++)
        if (tail ? plan->buffers[node->in[k]].images != plan->batch
                 : plan->buffers[node->in[k]].images != 1)
            return wrong(c, q, "it reads a tensor of another number of images");
    return true;
}

// What the head writes for later images must not touch what it wrote for the tail; and a tensor of
// one image is lost when the next one comes.
static bool verify_head(const struct check *c)
{
    const struct ncr_plan *plan = c->plan;
    if (plan->batch < 1 || (plan->batch > 1 && plan->mode == NCR_PLAN_SEPARATE) ||
        plan->n_head > plan->n_steps || plan->n_head < c->graph->n_inputs ||
        (plan->batch == 1 && plan->n_head != plan->n_steps))
        return ncr_fail(c->why, NCR_USAGE, "a batch of %u images with %u of %u steps in its head",
                        plan->batch, plan->n_head, plan->n_steps) == NCR_OK;
    for (uint32_t s = 0; plan->batch > 1 && s < plan->n_head; s++) {
        uint32_t q = plan->steps[s];
        const struct ncr_buffer *b = &plan->buffers[q];
        if (b->images == 1) {
            if (b->last_step >= plan->n_head) return wrong(c, q, "the head's tensor outlives it");
            continue;
        }
        if (b->first_step != 0) return wrong(c, q, "its slots do not live from the first step on");
        for (uint32_t k = 0; k < plan->n_head; k++) {
            const struct ncr_buffer *other = &plan->buffers[plan->steps[k]];
            if (k != s && other->offset < b->offset + b->bytes &&
                b->offset < other->offset + other->bytes)
                return wrong(c, q, "its slots share bytes with a tensor of the head");
        }
    }
    return true;
}

// The slices of one concatenation lie side by side in its pixels, in the order of its inputs.
static bool verify_slices_of(const struct check *c, uint32_t concat)
{
    const struct ncr_buffer *whole = &c->plan->buffers[concat];
    const struct ncr_qnode *node = &c->graph->nodes[concat];
    int64_t before = 0; // channels
    for (uint32_t k = 0; k < node->n_in; k++) {
        uint32_t q = node->in[k];
        const struct ncr_buffer *b = &c->plan->buffers[q];
        if (b->slice_of == concat) {
            if (c->seen[q]) return wrong(c, q, "it is a slice of a tensor that it is in twice");
            if (b->offset != whole->offset || b->bytes != whole->bytes ||
                b->pixel_bytes != whole->pixel_bytes || b->row_bytes != whole->row_bytes ||
                b->first != whole->first + before * whole->element || b->element != whole->element)
                return wrong(c, q, "its slice is not where its channels belong");
            if (b->last_step != c->step_of[concat] || whole->first_step > b->first_step)
                return wrong(c, q, "its slice does not live as long as what it is part of");
            c->seen[q] = true;
        }
        before += b->channels;
    }
    return true;
}

static bool verify_slices(const struct check *c)
{
    uint32_t n = c->graph->n_nodes;
    for (uint32_t q = 0; q < n; q++)
        if (c->graph->nodes[q].op == NCR_QOP_CONCAT && !verify_slices_of(c, q)) return false;
    for (uint32_t q = 0; q < n; q++) {
        const struct ncr_buffer *b = &c->plan->buffers[q];
        if (b->slice_of == NCR_PLAN_OWN) continue;
        if (c->plan->mode == NCR_PLAN_SEPARATE)
            return wrong(c, q, "separate tensors share a place");
        if (!c->seen[q]) return wrong(c, q, "it is a slice of a tensor that does not hold it");
        if (b->in_place_of != NCR_PLAN_OWN || !ncr_plan_can_slice(c->graph, q))
            return wrong(c, q, "it can be no slice");
        for (int side = 0; side < 4; side++)
            if (b->border[side]) return wrong(c, q, "a slice has a border");
    }
    return true;
}

// Where the first slice of a concatenation is written, the concatenation begins.
static void find_begins(const struct check *c)
{
    for (uint32_t q = 0; q < c->graph->n_nodes; q++)
        c->begin[q] = c->step_of[q];
    for (uint32_t q = 0; q < c->graph->n_nodes; q++) { // a slice stands before what it is part of
        uint32_t whole = c->plan->buffers[q].slice_of;
        if (whole == NCR_PLAN_OWN) continue;
        if (whole < c->graph->n_nodes && c->begin[q] < c->begin[whole])
            c->begin[whole] = c->begin[q];
    }
}

static bool verify_in_place(const struct check *c, uint32_t q)
{
    const struct ncr_buffer *b = &c->plan->buffers[q];
    const struct ncr_qnode *node = &c->graph->nodes[q];
    if (b->in_place_of == NCR_PLAN_OWN) return true;
    if (c->plan->mode == NCR_PLAN_SEPARATE) return wrong(c, q, "separate tensors share a place");
    bool reads = false;
    for (uint32_t k = 0; k < node->n_in; k++)
        reads |= node->in[k] == b->in_place_of;
    bool flat = ncr_plan_keeps_order(c->graph, q);
    if (!reads || !(flat || ncr_plan_is_elementwise(node->op)))
        return wrong(c, q, "it lies in place of a tensor that it may not overwrite");
    const struct ncr_buffer *a = &c->plan->buffers[b->in_place_of];
    if (a->offset != b->offset || a->first != b->first || a->bytes != b->bytes ||
        a->element != b->element || a->images != b->images ||
        (flat ? a->first != 0 || a->row_bytes != a->width * ncr_buffer_pixel(a)
              : a->row_bytes != b->row_bytes || a->channels != b->channels))
        return wrong(c, q, "it lies in place of a tensor of another layout");
    if (a->last_step != b->first_step)
        return wrong(c, q, "it lies in place of a tensor that is still read");
    return true;
}

static bool apart(const struct ncr_buffer *a, const struct ncr_buffer *b)
{
    return a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
}

// Sweeps over the steps with the list of live tensors; a new one must lie apart from all of them.
static bool verify_lives(const struct check *c)
{
    uint32_t n = 0;
    for (uint32_t s = 0; s < c->plan->n_steps; s++) {
        uint32_t q = c->plan->steps[s], kept = 0;
        while (c->plan->buffers[q].slice_of != NCR_PLAN_OWN)
            q = c->plan->buffers[q].slice_of;
        if (c->seen[q]) continue; // since its first slice
        c->seen[q] = true;
        const struct ncr_buffer *b = &c->plan->buffers[q];
        for (uint32_t i = 0; i < n; i++) {
            uint32_t other = c->list[i];
            const struct ncr_buffer *a = &c->plan->buffers[other];
            if (a->last_step >= b->first_step && other != b->in_place_of && !apart(a, b)) {
                ncr_fail(c->why, NCR_USAGE,
                         "tensors %%%u and %%%u live at the same time in the same bytes", other, q);
                return false;
            }
            // All inputs are there at once, whichever of them is loaded first.
            if (a->last_step > s || s < c->graph->n_inputs) c->list[kept++] = other;
        }
        n = kept;
        c->list[n++] = q;
    }
    for (uint32_t i = 0; i < c->graph->n_outputs; i++) {
        const struct ncr_buffer *b = &c->plan->buffers[c->graph->outputs[i]];
        uint32_t end = c->plan->batch > 1 && b->images == 1 ? c->plan->n_head : c->plan->n_steps;
        if (b->last_step != end - 1)
            return wrong(c, c->graph->outputs[i], "an output does not live to the end");
    }
    return true;
}

struct extent {
    uint64_t begin, end;
};

static int compare_extents(const void *a, const void *b)
{
    const struct extent *x = a, *y = b;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static bool verify_separate(const struct check *c, struct ncr_arena *scratch)
{
    uint32_t n = c->plan->n_steps;
    struct extent *extents = NCR_NEW_N(scratch, struct extent, n);
    for (uint32_t q = 0; q < n; q++) {
        const struct ncr_buffer *b = &c->plan->buffers[q];
        extents[q] = (struct extent){b->offset, b->offset + b->bytes};
    }
    qsort(extents, n, sizeof *extents, compare_extents);
    for (uint32_t i = 1; i < n; i++)
        if (extents[i].begin < extents[i - 1].end)
            return ncr_fail(c->why, NCR_USAGE, "two tensors of a separate plan share bytes") ==
                   NCR_OK;
    return true;
}

// The largest sum of live buffers in whole units, by the definition.
static uint64_t live_units(const struct check *c, struct ncr_arena *scratch)
{
    const struct ncr_plan *plan = c->plan;
    uint64_t *ends = NCR_NEW_N(scratch, uint64_t, (size_t)plan->n_steps + 2), live = 0, most = 0;
    uint64_t *begins = NCR_NEW_N(scratch, uint64_t, (size_t)plan->n_steps + 2);
    for (uint32_t q = 0; q < plan->n_steps; q++) {
        const struct ncr_buffer *b = &plan->buffers[q];
        if (ncr_buffer_from(b) > b->last_step) continue;
        begins[ncr_buffer_from(b)] += (b->bytes + NCR_PLAN_ALIGN - 1) / NCR_PLAN_ALIGN;
        ends[b->last_step + 1] += (b->bytes + NCR_PLAN_ALIGN - 1) / NCR_PLAN_ALIGN;
    }
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        live = live + begins[s] - ends[s];
        if (live > most) most = live;
    }
    return most * NCR_PLAN_ALIGN;
}

static bool verify_totals(const struct check *c, struct ncr_arena *scratch)
{
    const struct ncr_plan *plan = c->plan;
    uint64_t end = 0, *live = NCR_NEW_N(scratch, uint64_t, plan->n_steps);
    for (uint32_t q = 0; q < plan->n_steps; q++) {
        uint64_t e = plan->buffers[q].offset + plan->buffers[q].bytes;
        if (e > end) end = e;
    }
    end = (end + NCR_PLAN_ALIGN - 1) / NCR_PLAN_ALIGN * NCR_PLAN_ALIGN;
    if (end != plan->arena_bytes)
        return ncr_fail(c->why, NCR_USAGE,
                        "the arena has %" PRIu64 " bytes, its tensors end at %" PRIu64,
                        plan->arena_bytes, end) == NCR_OK;
    uint64_t most = plan->mode == NCR_PLAN_SEPARATE ? plan->arena_bytes : live_units(c, scratch);
    if (most != plan->lower_bound_bytes || most > plan->arena_bytes)
        return ncr_fail(c->why, NCR_USAGE, "the lower bound is %" PRIu64 ", not %" PRIu64, most,
                        plan->lower_bound_bytes) == NCR_OK;
    ncr_plan_live(plan, live);
    for (uint32_t s = 0; s < plan->n_steps; s++)
        if (plan->peak_step >= plan->n_steps || live[s] > live[plan->peak_step])
            return ncr_fail(c->why, NCR_USAGE, "step %u is not the peak", plan->peak_step) ==
                   NCR_OK;
    return true;
}

bool ncr_plan_verify(const struct ncr_plan *plan, struct ncr_error *why)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) return ncr_fail(why, NCR_ENVIRONMENT, "out of memory") == NCR_OK;
    uint32_t n = plan->qgraph->n_nodes;
    struct check c = {plan,
                      plan->qgraph,
                      NCR_NEW_N(scratch, uint32_t, n),
                      NCR_NEW_N(scratch, uint32_t, n),
                      NCR_NEW_N(scratch, uint32_t, n),
                      NCR_NEW_N(scratch, uint32_t, n),
                      NCR_NEW_N(scratch, bool, n),
                      why};
    for (uint32_t q = 0; q < n; q++)
        for (uint32_t k = 0; k < c.graph->nodes[q].n_in; k++)
            c.reads[c.graph->nodes[q].in[k]]++;
    for (uint32_t i = 0; i < c.graph->n_outputs; i++)
        c.reads[c.graph->outputs[i]]++;
    bool ok = verify_order(&c);
    if (ok) find_begins(&c);
    for (uint32_t q = 0; ok && q < n; q++)
        ok = verify_images(&c, q) && verify_buffer(&c, q) && verify_in_place(&c, q) &&
             verify_fused(&c, q);
    ok = ok && verify_slices(&c);
    if (ok) memset(c.seen, 0, n * sizeof *c.seen);
    ok = ok && verify_head(&c) && verify_lives(&c) &&
         (plan->mode == NCR_PLAN_SHARED || verify_separate(&c, scratch)) &&
         verify_totals(&c, scratch);
    ncr_arena_free(scratch);
    return ok;
}
