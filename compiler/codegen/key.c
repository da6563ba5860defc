// The key under which the object of a module is stored: a hash of all that decides the module, so
// that nothing is emitted where the object is there. What an emitter reads of a plan, a node or its
// packing is listed here; numbers that only stand in the constants are not. A new field of one of
// these structs stops the build until somebody has decided on which side it is.
#include <assert.h>

#include "compiler/codegen/amx.h"
#include "compiler/codegen/target.h"

#if UINTPTR_MAX == UINT64_MAX
static_assert(sizeof(struct ncr_qnode) == 328, "is the new field read by an emitter?");
static_assert(sizeof(struct ncr_attrs) == 112, "is the new field read by an emitter?");
static_assert(sizeof(struct ncr_buffer) == 96, "is the new field read by an emitter?");
static_assert(sizeof(struct ncr_plan) == 64, "is the new field read by an emitter?");
static_assert(sizeof(struct ncr_pack) == 168, "is the new field read by an emitter?");
static_assert(sizeof(struct ncr_tile) == 28, "is the new field read by an emitter?");
static_assert(sizeof(struct ncr_target) == 64, "is the new field read by an emitter?");
#endif

static void put(struct ncr_buf *out, const int64_t *numbers, size_t n)
{
    ncr_buf_put(out, numbers, n * sizeof *numbers);
}

#define PUT(out, ...)                                                                              \
    put(out, (const int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

static void put_ids(struct ncr_buf *out, const uint32_t *ids, uint32_t n)
{
    PUT(out, n);
    for (uint32_t i = 0; i < n; i++)
        PUT(out, ids[i]);
}

static void put_node(struct ncr_buf *out, const struct ncr_qgraph *g, const struct ncr_qnode *node)
{
    const struct ncr_attrs *a = &node->attrs;
    const struct ncr_shape *s = &node->shape;
    PUT(out, node->op, s->rank, s->dim[0], s->dim[1], s->dim[2], node->n_weights, node->n_channels,
        node->zero_point, ncr_qnode_element_bytes(node), node->form.format, node->form.bits,
        node->form.half_steps);
    PUT(out, a->out, a->groups, a->multiplier, a->kernel[0], a->kernel[1], a->stride[0],
        a->stride[1], a->dilation[0], a->dilation[1], a->pad[0], a->pad[1], a->pad[2], a->pad[3],
        a->factor[0], a->factor[1]);
    put_ids(out, node->in, node->n_in);
    for (uint32_t k = 0; node->op == NCR_QOP_CONCAT && k < node->n_in; k++)
        PUT(out, ncr_concat_copies(g, node, k));
    if (ncr_qnode_table_entries(g, node)) // shifts of a table of 16 bits
        PUT(out, ncr_qnode_bits(node), ncr_qnode_bits(&g->nodes[node->in[0]]));
}

static void put_buffer(struct ncr_buf *out, const struct ncr_buffer *b)
{
    PUT(out, (int64_t)b->offset, (int64_t)b->bytes, b->channels, b->element, b->height, b->width,
        b->border[0], b->border[1], b->border[2], b->border[3], b->row_bytes, b->first,
        b->in_place_of, b->fused_into, b->images, b->pixel_bytes, b->slice_of);
}

static void put_pack(struct ncr_buf *out, const struct ncr_pack *p)
{
    const struct ncr_tile *t = &p->tile;
    const struct ncr_fusion *f = &p->fusion;
    PUT(out, (int64_t)p->base, t->fold, t->merge, t->vectors, t->pixels, t->rows, t->split, t->amx,
        p->row_runs, p->segments, p->groups4, p->run_bytes, p->channel_groups, p->outs, p->vectors);
    PUT(out, p->patterns, p->tap_rows, p->row_groups, p->flat, p->permuted, p->scale, p->pack,
        p->has_zero, p->clamps, p->wide, f->sum, f->other, f->pool[0], f->pool[1], f->stride[0],
        f->stride[1], (int64_t)p->bias, (int64_t)p->mult, (int64_t)p->round, (int64_t)p->shift,
        (int64_t)p->weights, (int64_t)p->table);
}

void ncr_key_of(const struct ncr_packs *packs, const struct ncr_target *target, char key[33])
{
    const struct ncr_plan *plan = packs->plan;
    const struct ncr_qgraph *g = plan->qgraph;
    unsigned major, minor, patch;
    struct ncr_buf out = {0};
    LLVMGetVersion(&major, &minor, &patch);
    ncr_buf_fmt(&out,
                "nacre %s, emitters " NCR_EMITTERS ", LLVM %u.%u.%u, %s, %s, %s, %s, %s, "
                "passes " NCR_TARGET_PASSES,
                NACRE_VERSION, major, minor, patch, target->triple, target->cpu, target->features,
                target->layout, packs->family->name);
    ncr_buf_putc(&out, 0);
    PUT(&out, target->word_bits, target->masks, target->permutes, packs->optimize, plan->batch,
        plan->n_head);
    put_ids(&out, plan->steps, plan->n_steps);
    put_ids(&out, g->inputs, g->n_inputs);
    put_ids(&out, g->outputs, g->n_outputs);
    PUT(&out, g->n_nodes);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        put_node(&out, g, &g->nodes[q]);
        put_buffer(&out, &plan->buffers[q]);
        put_pack(&out, &packs->at[q]);
    }
    if (out.failed) NCR_BUG("out of memory for the key of the code");
    ncr_hash_text(ncr_hash_bytes(out.s, out.n), key);
    ncr_buf_free(&out);
}

enum ncr_status ncr_code_key(const struct ncr_plan *plan, const struct ncr_code_options *options,
                             char key[33], struct ncr_error *err)
{
    struct ncr_target target;
    enum ncr_status status = ncr_amx_target(options, &target, err);
    if (status != NCR_OK) return status;
    struct ncr_arena *arena = ncr_arena_new(0);
    if (arena) {
        struct ncr_packs packs;
        ncr_packs_layout(&packs, arena, plan, target.family, options->optimize);
        ncr_key_of(&packs, &target, key);
        ncr_arena_free(arena);
    } else {
        status = ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    }
    ncr_target_close(&target);
    return status;
}
