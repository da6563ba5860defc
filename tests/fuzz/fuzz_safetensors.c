// Any bytes as a weights file: read, or refused with a text.
#include <stdlib.h>

#include "runtime/data/dataset.h"
#include "tests/support/byte_files.h"

// One dense layer, parameters n/fc.weight [2, 3] and n/fc.bias [2], so that names and shapes can be
// hit.
static struct ncr_graph *small_graph(struct ncr_arena *arena)
{
    struct ncr_builder *b = ncr_builder_new(arena, NCR_STR("n"));
    struct ncr_op_error err;
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT);
    a.shape = (struct ncr_shape){1, {3}};
    ncr_node_id x =
        ncr_builder_add(b, NCR_OP_INPUT, &a, NULL, 0, NCR_STR("n/x"), NCR_NO_NODE, NULL, &err);
    a = ncr_attrs_default(NCR_OP_DENSE);
    a.out = 2;
    x = ncr_builder_add(b, NCR_OP_DENSE, &a, &x, 1, NCR_STR("n/fc"), NCR_NO_NODE, NULL, &err);
    ncr_builder_output(b, NCR_STR(""), x);
    return ncr_builder_finish(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct byte_files m = {.n = 0};
    byte_files_put(&m, "w", data, size);
    struct ncr_io io = byte_files_io(&m);
    struct ncr_arena *arena = ncr_arena_new(1 << 20);
    struct ncr_graph *graph = small_graph(arena);
    struct ncr_weights *weights = ncr_weights_new(arena, graph);
    struct ncr_error err = {""};
    enum ncr_status status = ncr_safetensors_read(graph, weights, &io, "w", &err);
    if ((status == NCR_OK) != (err.text[0] == 0)) abort();
    ncr_arena_free(arena);
    byte_files_free(&m);
    return 0;
}
