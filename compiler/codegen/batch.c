// Functions of a plan of a batch: the head runs for each image, then the tail once.
//
// In the head a tensor that has all images side by side is the slot of the image at hand, so that
// what writes it sees a tensor of one image: e->plan is a copy of the plan that says so.
#include <stdio.h>

#include "compiler/codegen/emit.h"

struct batch {
    const struct ncr_plan *whole, *one; // of all images, and as the head sees it
    LLVMValueRef load, *steps;
    LLVMValueRef store[2]; // of the outputs that the head leaves, of those that the tail leaves
    bool is_public;
};

static const struct ncr_plan *one_image(struct ncr_arena *arena, const struct ncr_plan *plan)
{
    struct ncr_plan *one = ncr_arena_copy(arena, plan, sizeof *plan);
    one->buffers = ncr_arena_copy(arena, plan->buffers, plan->n_steps * sizeof *plan->buffers);
    for (uint32_t q = 0; q < plan->n_steps; q++) {
        if (one->buffers[q].images == 1) continue;
        one->buffers[q].width = 1;
        one->buffers[q].row_bytes = ncr_buffer_pixel(&one->buffers[q]);
    }
    return one;
}

// A function of the head: its arguments are n pointers, number `arena` of them the arena, and the
// number of the image.
static LLVMValueRef open_head(struct ncr_emit *e, const char *name, uint32_t n, uint32_t arena)
{
    LLVMValueRef f = ncr_emit_function(e, name, e->nothing, n + 1, UINT32_C(1) << n, false);
    e->arena = LLVMGetParam(f, arena);
    e->image = LLVMGetParam(f, n);
    return f;
}

// Where tensor i of the image at hand begins in an array of pointers.
static LLVMValueRef outside(struct ncr_emit *e, uint32_t i, uint32_t q)
{
    return ncr_at(e, ncr_pointer(e, LLVMGetParam(e->function, 1), i), e->image,
                  ncr_qnode_bytes(&e->graph->nodes[q]), 0);
}

static void emit_load(struct ncr_emit *e, struct batch *b)
{
    b->load = open_head(e, "load", 2, 0);
    for (uint32_t i = 0; i < e->graph->n_inputs; i++) {
        ncr_emit_input(e, e->graph->inputs[i], outside(e, i, e->graph->inputs[i]));
        ncr_emit_border(e, e->graph->inputs[i]);
    }
    LLVMBuildRetVoid(e->b);
}

static void emit_stores(struct ncr_emit *e, struct batch *b)
{
    for (uint32_t tail = 0; tail < 2; tail++) {
        b->store[tail] = open_head(e, tail ? "store_tail" : "store", 2, 0);
        for (uint32_t i = 0; i < e->graph->n_outputs; i++) {
            uint32_t q = e->graph->outputs[i];
            if ((e->plan->buffers[q].images > 1) == tail) ncr_emit_output(e, q, outside(e, i, q));
        }
        LLVMBuildRetVoid(e->b);
    }
}

static void emit_steps(struct ncr_emit *e, struct batch *b)
{
    for (uint32_t s = e->graph->n_inputs; s < b->whole->n_steps; s++) {
        char name[32];
        snprintf(name, sizeof name, "step_%u", s);
        e->layer = b->whole->steps[s];
        if (s < b->whole->n_head) {
            e->plan = b->one;
            b->steps[s] = open_head(e, name, 2, 1);
        } else {
            e->plan = b->whole;
            b->steps[s] = ncr_emit_function(e, name, e->nothing, 2, 0, false);
            e->arena = LLVMGetParam(e->function, 1);
            e->image = NULL;
        }
        e->blob = LLVMGetParam(e->function, 0);
        ncr_emit_step(e, e->layer);
        LLVMBuildRetVoid(e->b);
    }
    e->image = NULL;
    e->plan = b->whole;
}

// Arguments: constants, arena, inputs, outputs, number of images.
static LLVMValueRef emit_run(struct ncr_emit *e, const struct batch *b)
{
    LLVMValueRef run = ncr_emit_function(e, "run", e->nothing, 5, UINT32_C(1) << 4, b->is_public);
    LLVMValueRef blob = LLVMGetParam(run, 0), arena = LLVMGetParam(run, 1),
                 in = LLVMGetParam(run, 2), out = LLVMGetParam(run, 3), n = LLVMGetParam(run, 4);
    struct ncr_tap_loop image = ncr_taps_begin(e, n);
    ncr_emit_call(e, b->load, (LLVMValueRef[]){arena, in, image.index}, 3);
    for (uint32_t s = e->graph->n_inputs; s < b->whole->n_head; s++)
        ncr_emit_call(e, b->steps[s], (LLVMValueRef[]){blob, arena, image.index}, 3);
    ncr_emit_call(e, b->store[0], (LLVMValueRef[]){arena, out, image.index}, 3);
    ncr_taps_end(e, &image);
    for (uint32_t s = b->whole->n_head; s < b->whole->n_steps; s++)
        ncr_emit_call(e, b->steps[s], (LLVMValueRef[]){blob, arena}, 2);
    image = ncr_taps_begin(e, n);
    ncr_emit_call(e, b->store[1], (LLVMValueRef[]){arena, out, image.index}, 3);
    ncr_taps_end(e, &image);
    LLVMBuildRetVoid(e->b);
    return run;
}

LLVMValueRef ncr_emit_batch(struct ncr_emit *e, bool is_public)
{
    struct batch b = {.whole = e->plan,
                      .one = one_image(e->scratch, e->plan),
                      .steps = NCR_NEW_N(e->scratch, LLVMValueRef, e->plan->n_steps),
                      .is_public = is_public};
    e->plan = b.one;
    e->layer = e->graph->inputs[0];
    emit_load(e, &b);
    emit_stores(e, &b);
    emit_steps(e, &b);
    e->layer = e->graph->inputs[0];
    return emit_run(e, &b);
}
