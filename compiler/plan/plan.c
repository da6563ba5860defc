// Structure of a QGRAPH to execution order, layouts and offsets.
#include "compiler/plan/plan_internal.h"

// ---- borders and layouts ----
void ncr_plan_need(const struct ncr_qgraph *g, uint32_t q, int32_t need[4])
{
    const struct ncr_qnode *node = &g->nodes[q];
    const struct ncr_attrs *a = &node->attrs;
    memset(need, 0, 4 * sizeof *need);
    // Pools skip padding, PAD writes its own tensor.
    if (node->op != NCR_QOP_CONV && node->op != NCR_QOP_DWCONV) return;
    const struct ncr_shape *in = &g->nodes[node->in[0]].shape, *out = &node->shape;
    if (in->rank != 3) return;
    for (int axis = 0; axis < 2; axis++) {
        need[axis] = a->pad[axis];
        // The last window may end before the padded image does; what no tap reads needs no border.
        int32_t last =
            (out->dim[1 + axis] - 1) * a->stride[axis] + (a->kernel[axis] - 1) * a->dilation[axis];
        int32_t after = last - a->pad[axis] - (in->dim[1 + axis] - 1);
        need[axis + 2] = after > 0 ? after : 0;
    }
}

static void widen(int32_t border[4], const int32_t need[4])
{
    for (int side = 0; side < 4; side++)
        if (need[side] > border[side]) border[side] = need[side];
}

void ncr_plan_layout(struct ncr_buffer *b)
{
    b->pixel_bytes = (int64_t)b->channels * b->element;
    b->row_bytes = (int64_t)(b->border[1] + b->width + b->border[3]) * ncr_buffer_pixel(b);
    b->first = b->border[0] * b->row_bytes + b->border[1] * ncr_buffer_pixel(b);
    b->bytes = (uint64_t)((b->border[0] + b->height + b->border[2]) * b->row_bytes) + NCR_PLAN_TAIL;
    if (b->fused_into != NCR_PLAN_OWN) b->bytes = 0;
}

// slices: of each CONCAT, whether what joins it may lie in it; NULL: nothing does.
static void buffers_of(struct ncr_plan *plan, const uint32_t *into, const bool *side_by_side,
                       const bool *slices)
{
    const struct ncr_qgraph *g = plan->qgraph;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_shape *shape = &g->nodes[q].shape;
        struct ncr_buffer *b = &plan->buffers[q];
        b->in_place_of = NCR_PLAN_OWN;
        b->fused_into = into[q];
        b->slice_of = NCR_PLAN_OWN;
        if (slices && ncr_plan_can_slice(g, q) && slices[g->nodes[q].joins])
            b->slice_of = g->nodes[q].joins;
        b->channels = shape->dim[0];
        b->element = (int32_t)ncr_qnode_element_bytes(&g->nodes[q]);
        b->height = shape->rank == 3 ? shape->dim[1] : 1;
        b->images = side_by_side[q] ? plan->batch : 1;
        b->width = shape->rank == 3 ? shape->dim[2] : (int32_t)b->images;
        int32_t need[4];
        ncr_plan_need(g, q, need);
        if (g->nodes[q].n_in) widen(plan->buffers[g->nodes[q].in[0]].border, need);
    }
}

static void lives(struct ncr_plan *plan)
{
    const struct ncr_qgraph *g = plan->qgraph;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        uint32_t q = plan->steps[s];
        plan->buffers[q].first_step = plan->buffers[q].last_step = s;
        for (uint32_t k = 0; k < g->nodes[q].n_in; k++)
            plan->buffers[g->nodes[q].in[k]].last_step = s;
        uint32_t fused = ncr_plan_fused(plan, q);
        if (fused != NCR_PLAN_OWN) plan->buffers[g->nodes[fused].in[0]].last_step = s;
    }
    // All inputs are there before the first step, all outputs are read after the last one.
    for (uint32_t i = 0; i < g->n_inputs; i++)
        plan->buffers[g->inputs[i]].first_step = 0;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        plan->buffers[g->outputs[i]].last_step = plan->n_steps - 1;
    if (plan->batch > 1) ncr_plan_batch_lives(plan);
    ncr_plan_slice_lives(plan);
}

// ---- in place ----
// Tensors that follow each other in one place are a chain; its head is the first of them.
struct chains {
    uint32_t *head;       // per qnode
    int32_t (*border)[4]; // of the whole chain, at its head
};

static uint64_t bytes_with(const struct ncr_buffer *b, const int32_t border[4])
{
    struct ncr_buffer wide = *b;
    memcpy(wide.border, border, sizeof wide.border);
    ncr_plan_layout(&wide);
    return wide.bytes;
}

static bool bordered(const int32_t border[4])
{
    return border[0] || border[1] || border[2] || border[3];
}

// Whether q may take over the buffer of its input `in`; whatever the borders, but for a RESHAPE.
static bool may_take(const struct ncr_plan *plan, const struct chains *chains,
                     const bool *is_output, uint32_t q, uint32_t in)
{
    const struct ncr_buffer *a = &plan->buffers[in], *b = &plan->buffers[q];
    if (is_output[in] || a->last_step != b->first_step || a->images != b->images) return false;
    if (ncr_plan_keeps_order(plan->qgraph, q)) return !bordered(chains->border[chains->head[in]]);
    if (!ncr_plan_is_elementwise(plan->qgraph->nodes[q].op) || a->channels != b->channels ||
        a->height != b->height || a->width != b->width || a->element != b->element)
        return false;
    // A fused producer goes on reading its input while q is written.
    uint32_t fused = ncr_plan_fused(plan, q);
    return fused == NCR_PLAN_OWN || (fused != in && plan->qgraph->nodes[fused].in[0] != in);
}

// Each element-wise operator takes over the input whose chain grows least by a common border; none
// may grow unless `grow`.
static void in_place(struct ncr_plan *plan, struct chains *chains, const bool *is_output, bool grow)
{
    const struct ncr_qgraph *g = plan->qgraph;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        uint32_t q = plan->steps[s], best = NCR_PLAN_OWN;
        const struct ncr_qnode *node = &g->nodes[q];
        struct ncr_buffer *b = &plan->buffers[q];
        uint64_t least = UINT64_MAX;
        for (uint32_t k = 0; k < node->n_in; k++) {
            if (!may_take(plan, chains, is_output, q, node->in[k])) continue;
            int32_t common[4];
            const int32_t *before = chains->border[chains->head[node->in[k]]];
            memcpy(common, before, sizeof common);
            widen(common, b->border);
            uint64_t bytes = bytes_with(b, common);
            uint64_t growth = 2 * bytes - bytes_with(b, before) - bytes_with(b, chains->border[q]);
            if (growth >= least || (growth && !grow)) continue;
            least = growth;
            best = node->in[k];
        }
        if (best == NCR_PLAN_OWN) continue;
        b->in_place_of = best;
        chains->head[q] = chains->head[best];
        widen(chains->border[chains->head[q]], b->border);
    }
}

// ---- places ----
static void place(struct ncr_arena *arena, struct ncr_plan *plan, const struct chains *chains)
{
    uint32_t n = plan->n_steps, n_items = 0;
    struct ncr_arena_mark mark = ncr_arena_mark(arena);
    struct ncr_mem_item *items = NCR_NEW_N(arena, struct ncr_mem_item, n);
    uint32_t *item_of = NCR_NEW_N(arena, uint32_t, n);
    bool shared = plan->mode == NCR_PLAN_SHARED;
    for (uint32_t s = 0; s < n; s++) { // heads come before those who follow
        uint32_t q = plan->steps[s], head = chains->head[q];
        struct ncr_buffer *b = &plan->buffers[q];
        if (b->slice_of != NCR_PLAN_OWN || b->fused_into != NCR_PLAN_OWN) continue;
        if (head == q) {
            items[n_items] = (struct ncr_mem_item){b->bytes, shared ? b->first_step : 0,
                                                   shared ? b->last_step : n - 1, 0};
            item_of[q] = n_items++;
        } else if (b->last_step > items[item_of[head]].last) {
            items[item_of[head]].last = b->last_step;
        }
    }
    plan->arena_bytes =
        ncr_mem_plan(arena, items, n_items, NCR_PLAN_ALIGN, &plan->lower_bound_bytes);
    for (uint32_t q = 0; q < n; q++)
        if (plan->buffers[q].slice_of == NCR_PLAN_OWN &&
            plan->buffers[q].fused_into == NCR_PLAN_OWN)
            plan->buffers[q].offset = items[item_of[chains->head[q]]].offset;
    ncr_plan_slice_places(plan);
    ncr_arena_reset(arena, mark);
}

void ncr_plan_live(const struct ncr_plan *plan, uint64_t *live)
{
    uint32_t n = plan->n_steps;
    memset(live, 0, n * sizeof *live);
    for (uint32_t q = 0; q < n; q++) {
        const struct ncr_buffer *b = &plan->buffers[q];
        if (ncr_buffer_from(b) > b->last_step) continue;
        live[ncr_buffer_from(b)] += b->bytes; // differences first, then their sums
        if (b->last_step + 1 < n) live[b->last_step + 1] -= b->bytes;
    }
    for (uint32_t s = 1; s < n; s++)
        live[s] += live[s - 1]; // unsigned wrap-around of the differences is undone here
}

enum in_place { NOT_IN_PLACE, WHERE_BORDERS_AGREE, WITH_COMMON_BORDERS };

// What all candidates for a plan have in common.
struct task {
    const struct ncr_qgraph *graph;
    enum ncr_plan_mode mode;
    uint32_t batch;
    const bool *side_by_side;
    const uint32_t *into; // what is fused
};

// What is decided of a plan before its tensors are placed.
struct choice {
    const uint32_t *steps;
    enum in_place how;
    const bool *slices; // as in buffers_of
};

static struct task task_of(struct ncr_arena *arena, const struct ncr_qgraph *g,
                           enum ncr_plan_mode mode, uint32_t batch)
{
    uint32_t *into = NCR_NEW_N(arena, uint32_t, g->n_nodes);
    const bool *side_by_side = ncr_plan_side_by_side(arena, g, batch);
    if (mode == NCR_PLAN_SEPARATE)
        memset(into, 0xff, g->n_nodes * sizeof *into); // NCR_PLAN_OWN
    else
        ncr_plan_fuse(arena, g, side_by_side, into);
    return (struct task){g, mode, batch, side_by_side, into};
}

// Steps, layouts, lives, what is in place; no places yet.
static struct ncr_plan *arrange(struct ncr_arena *arena, const struct task *task,
                                const struct choice *choice, struct chains *chains)
{
    const struct ncr_qgraph *g = task->graph;
    uint32_t n = g->n_nodes;
    struct ncr_plan *plan = NCR_NEW(arena, struct ncr_plan);
    *plan = (struct ncr_plan){
        .qgraph = g, .mode = task->mode, .batch = task->batch, .n_steps = n, .n_head = n};
    plan->steps = ncr_arena_copy(arena, choice->steps, n * sizeof *plan->steps);
    if (task->batch > 1) ncr_plan_split(arena, plan, task->side_by_side);
    plan->buffers = NCR_NEW_N(arena, struct ncr_buffer, n);
    chains->head = NCR_NEW_N(arena, uint32_t, n);
    chains->border = ncr_arena_array(arena, n, sizeof *chains->border);
    buffers_of(plan, task->into, task->side_by_side, choice->slices);
    lives(plan);
    for (uint32_t q = 0; q < n; q++) {
        chains->head[q] = q;
        memcpy(chains->border[q], plan->buffers[q].border, sizeof chains->border[q]);
    }
    if (choice->how != NOT_IN_PLACE) {
        bool *is_output = NCR_NEW_N(arena, bool, n);
        for (uint32_t i = 0; i < g->n_outputs; i++)
            is_output[g->outputs[i]] = true;
        in_place(plan, chains, is_output, choice->how == WITH_COMMON_BORDERS);
    }
    return plan;
}

// Layouts, before any place, and the peak of live bytes.
static uint64_t lay_out(struct ncr_arena *scratch, struct ncr_plan *plan,
                        const struct chains *chains)
{
    for (uint32_t q = 0; q < plan->n_steps; q++) {
        struct ncr_buffer *b = &plan->buffers[q];
        memcpy(b->border, chains->border[chains->head[q]], sizeof b->border);
        ncr_plan_layout(b);
    }
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    uint64_t *live = NCR_NEW_N(scratch, uint64_t, plan->n_steps);
    ncr_plan_live(plan, live);
    for (uint32_t s = 0; s < plan->n_steps; s++)
        if (live[s] > live[plan->peak_step]) plan->peak_step = s;
    uint64_t peak = live[plan->peak_step];
    ncr_arena_reset(scratch, mark);
    return peak;
}

// All slices that there can be; NULL where there are none.
static bool *all_slices(struct ncr_arena *arena, const struct ncr_qgraph *g)
{
    bool *slices = NULL;
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        if (!ncr_plan_can_slice(g, q)) continue;
        if (!slices) slices = NCR_NEW_N(arena, bool, g->n_nodes);
        slices[g->nodes[q].joins] = true;
    }
    return slices;
}

static uint64_t peak_of(struct ncr_arena *scratch, const struct task *task,
                        const struct choice *choice)
{
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    struct chains chains;
    struct ncr_plan *plan = arrange(scratch, task, choice, &chains);
    uint64_t peak = lay_out(scratch, plan, &chains);
    ncr_arena_reset(scratch, mark);
    return peak;
}

uint64_t ncr_plan_peak(struct ncr_arena *scratch, const struct ncr_qgraph *g)
{
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    uint32_t *steps = NCR_NEW_N(scratch, uint32_t, g->n_nodes);
    ncr_plan_order_given(g, steps);
    struct task task = task_of(scratch, g, NCR_PLAN_SHARED, 1);
    struct choice choice = {steps, WHERE_BORDERS_AGREE, NULL};
    uint64_t peak = peak_of(scratch, &task, &choice);
    choice.slices = all_slices(scratch, g);
    uint64_t sliced = choice.slices ? peak_of(scratch, &task, &choice) : peak;
    ncr_arena_reset(scratch, mark);
    return sliced < peak ? sliced : peak;
}

// Bytes of each buffer where none is in place of another, or a slice of it.
static uint64_t *own_bytes(struct ncr_arena *arena, const struct task *task)
{
    const struct ncr_qgraph *g = task->graph;
    struct ncr_plan plan = {.qgraph = g,
                            .batch = task->batch,
                            .buffers = NCR_NEW_N(arena, struct ncr_buffer, g->n_nodes)};
    uint64_t *bytes = NCR_NEW_N(arena, uint64_t, g->n_nodes);
    buffers_of(&plan, task->into, task->side_by_side, NULL);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        ncr_plan_layout(&plan.buffers[q]);
        bytes[q] = plan.buffers[q].bytes;
    }
    return bytes;
}

struct search {
    struct ncr_arena *arena;
    const struct task *task;
    struct ncr_plan *best;
    int64_t uncopied; // bytes of its slices
};

// Plans as chosen. Of two plans the one with the smaller arena is better, then the one that copies
// less, then the first. What is larger in any case is not placed: its arena counts as UINT64_MAX.
static struct ncr_plan *attempt(struct search *search, const struct choice *choice)
{
    struct chains chains;
    struct ncr_plan *plan = arrange(search->arena, search->task, choice, &chains);
    uint64_t peak = lay_out(search->arena, plan, &chains);
    if (search->best && peak > search->best->arena_bytes) {
        plan->arena_bytes = UINT64_MAX;
        return plan;
    }
    place(search->arena, plan, &chains);
    int64_t uncopied = 0;
    for (uint32_t q = 0; q < plan->n_steps; q++)
        if (plan->buffers[q].slice_of != NCR_PLAN_OWN)
            uncopied += ncr_qnode_bytes(&search->task->graph->nodes[q]);
    if (search->best &&
        (plan->arena_bytes > search->best->arena_bytes ||
         (plan->arena_bytes == search->best->arena_bytes && uncopied <= search->uncopied)))
        return plan;
    search->best = plan;
    search->uncopied = uncopied;
    return plan;
}

// All slices, then fewer and fewer until they need no larger arena than the best plan.
static void attempt_slices(struct search *search, struct choice choice, const bool *all)
{
    enum { ROUNDS = 8 };
    uint32_t n = search->task->graph->n_nodes;
    bool *slices = ncr_arena_copy(search->arena, all, n * sizeof *slices);
    choice.slices = slices;
    for (int round = 0; round < ROUNDS; round++) {
        struct ncr_arena_mark mark = ncr_arena_mark(search->arena);
        const struct ncr_plan *plan = attempt(search, &choice);
        uint64_t least = search->best->arena_bytes;
        if (plan == search->best) return;
        bool fewer =
            plan->arena_bytes > least && ncr_plan_fewer_slices(search->arena, plan, least, slices);
        ncr_arena_reset(search->arena, mark);
        if (!fewer) return;
    }
}

// Larger networks are planned in their own order alone.
enum { SEARCH_NODES = 4096, N_ORDERS = 3 };

// Orders to try, the graph's own first; NULL: none, or one of the others.
static void orders_of(struct ncr_arena *arena, const struct task *task, bool search,
                      uint32_t *orders[N_ORDERS])
{
    const struct ncr_qgraph *g = task->graph;
    uint32_t n = g->n_nodes;
    for (int i = 0; i < N_ORDERS; i++)
        orders[i] = i == 0 || search ? NCR_NEW_N(arena, uint32_t, n) : NULL;
    ncr_plan_order_given(g, orders[0]);
    if (!search) return;
    ncr_plan_order_greedy(arena, g, orders[1]);
    if (!ncr_plan_order_exact(arena, g, own_bytes(arena, task), task->into, orders[0], orders[2]))
        orders[2] = NULL;
    for (int i = 1; i < N_ORDERS; i++)
        for (int k = 0; k < i && orders[i]; k++)
            if (orders[k] && memcmp(orders[i], orders[k], n * sizeof *orders[i]) == 0)
                orders[i] = NULL;
}

static struct ncr_plan *build(struct ncr_arena *arena, const struct task *task)
{
    const struct ncr_qgraph *qgraph = task->graph;
    bool separate = task->mode == NCR_PLAN_SEPARATE;
    bool many = !separate && qgraph->n_nodes <= SEARCH_NODES;
    const bool *slices = separate ? NULL : all_slices(arena, qgraph);
    uint32_t *orders[N_ORDERS];
    orders_of(arena, task, many, orders);
    struct search search = {arena, task, NULL, 0};
    struct choice first = {orders[0], separate ? NOT_IN_PLACE : WHERE_BORDERS_AGREE, NULL};
    attempt(&search, &first);
    for (int i = 0; i < N_ORDERS && many; i++)
        for (int how = NOT_IN_PLACE; orders[i] && how <= WITH_COMMON_BORDERS; how++) {
            struct choice choice = {orders[i], (enum in_place)how, NULL};
            if (i > 0 || how != WHERE_BORDERS_AGREE) attempt(&search, &choice);
        }
    if (slices) attempt_slices(&search, first, slices);
    for (int i = 0; i < N_ORDERS && many && slices; i++)
        for (int how = NOT_IN_PLACE; orders[i] && how <= WITH_COMMON_BORDERS; how++) {
            struct choice choice = {orders[i], (enum in_place)how, NULL};
            if (i > 0 || how != WHERE_BORDERS_AGREE) attempt_slices(&search, choice, slices);
        }
    struct ncr_error why;
    if (!ncr_plan_verify(search.best, &why))
        NCR_BUG("plan of `%.*s`: %s", NCR_STR_ARG(qgraph->name), why.text);
    return search.best;
}

struct ncr_plan *ncr_plan_build(struct ncr_arena *arena, const struct ncr_qgraph *qgraph,
                                enum ncr_plan_mode mode)
{
    struct task task = task_of(arena, qgraph, mode, 1);
    return build(arena, &task);
}

struct ncr_plan *ncr_plan_build_batch(struct ncr_arena *arena, const struct ncr_qgraph *qgraph,
                                      uint32_t batch)
{
    if (batch < 1 || batch > NCR_PLAN_BATCH_LIMIT) NCR_BUG("a batch of %u images", batch);
    struct task task = task_of(arena, qgraph, NCR_PLAN_SHARED, batch);
    return build(arena, &task);
}

uint64_t ncr_plan_locate(const struct ncr_plan *plan, uint32_t q, int64_t index)
{
    const struct ncr_buffer *b = &plan->buffers[q];
    int64_t width = b->width / (int32_t)b->images, pixels = b->height * width, c = index / pixels,
            y = index % pixels / width, x = index % width;
    return b->offset +
           (uint64_t)(b->first + y * b->row_bytes + x * ncr_buffer_pixel(b) + c * b->element);
}
