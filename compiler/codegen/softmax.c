// Softmax in integers (softmax.h): three passes over a vector: largest, sum of exponentials,
// quotients.
#include "compiler/codegen/emit.h"

struct shape { // all int64_t: it is its own key
    int64_t n, images;
};

static LLVMValueRef value(struct ncr_emit *e, LLVMValueRef from, LLVMValueRef index)
{
    LLVMValueRef byte = ncr_load(e, e->i8, ncr_at(e, from, index, 1, 0), 1);
    return e->family->biased ? LLVMBuildZExt(e->b, byte, e->i32, "")
                             : LLVMBuildSExt(e->b, byte, e->i32, "");
}

// table[top - x]: differences of stored values are differences of logical ones.
static LLVMValueRef power(struct ncr_emit *e, LLVMValueRef table, LLVMValueRef top, LLVMValueRef x)
{
    LLVMValueRef d = LLVMBuildSub(e->b, LLVMBuildLoad2(e->b, e->i32, top, ""), x, "");
    return ncr_load(e, e->i32, ncr_at(e, table, LLVMBuildZExt(e->b, d, e->word, ""), 4, 0), 4);
}

// Arguments: input, output, table.
static void body(struct ncr_emit *e, LLVMValueRef f, void *user)
{
    const struct shape *s = user;
    int64_t n = s->n;
    LLVMValueRef table = LLVMGetParam(f, 2);
    struct ncr_loop image = ncr_loop_begin(e, s->images);
    LLVMValueRef from = ncr_at(e, LLVMGetParam(f, 0), image.index, n, 0),
                 to = ncr_at(e, LLVMGetParam(f, 1), image.index, n, 0);
    LLVMValueRef top = ncr_local(e, e->i32), sum = ncr_local(e, e->i32);
    LLVMBuildStore(e->b, ncr_i32(e, -128), top);
    LLVMBuildStore(e->b, ncr_i32(e, 0), sum);
    struct ncr_loop i = ncr_loop_begin(e, n);
    LLVMValueRef x = value(e, from, i.index);
    LLVMBuildStore(e->b, ncr_max(e, LLVMBuildLoad2(e->b, e->i32, top, ""), x, true), top);
    ncr_loop_end(e, &i);

    i = ncr_loop_begin(e, n);
    x = power(e, table, top, value(e, from, i.index));
    LLVMBuildStore(e->b, LLVMBuildAdd(e->b, LLVMBuildLoad2(e->b, e->i32, sum, ""), x, ""), sum);
    ncr_loop_end(e, &i);

    i = ncr_loop_begin(e, n);
    x = power(e, table, top, value(e, from, i.index));
    LLVMValueRef total = LLVMBuildLoad2(e->b, e->i32, sum, "");
    LLVMValueRef half = LLVMBuildLShr(e->b, total, ncr_i32(e, 1), "");
    x = LLVMBuildAdd(e->b, LLVMBuildShl(e->b, x, ncr_i32(e, 8), ""), half, "");
    x = ncr_min(e, LLVMBuildUDiv(e->b, x, total, ""), ncr_i32(e, 255), false);
    // The logical value is x - 128; a biased store adds the 128 again.
    if (!e->family->biased) x = LLVMBuildSub(e->b, x, ncr_i32(e, 128), "");
    ncr_store(e, LLVMBuildTrunc(e->b, x, e->i8, ""), ncr_at(e, to, i.index, 1, 0), 1);
    ncr_loop_end(e, &i);
    ncr_loop_end(e, &image);
}

void ncr_emit_softmax(struct ncr_emit *e, uint32_t q)
{
    const struct ncr_qnode *node = &e->graph->nodes[q];
    struct shape s = {node->shape.dim[0], e->plan->buffers[q].width};
    LLVMValueRef args[3] = {ncr_tensor(e, node->in[0]), ncr_tensor(e, q),
                            ncr_at(e, ncr_consts(e, q), NULL, 0, (int64_t)e->packs->at[q].table)};
    struct ncr_key key = ncr_key_make("softmax", (const int64_t *)&s, sizeof s / sizeof(int64_t));
    ncr_emit_call(e, ncr_kernel(e, key.text, 3, 0, true, body, &s), args, 3);
}
