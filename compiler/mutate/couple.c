// Channels that have to stay equal: where the tensor of a layer meets others in a sum or a product,
// the layers that make those change with it.
#include "compiler/mutate/draft.h"

struct coupling {
    struct draft *d;
    int32_t out;
    uint32_t edit;
    bool *seen; // by draft node
    NCR_VEC(uint32_t) todo;
    struct ncr_str *why;
};

static void reach(struct coupling *c, uint32_t id)
{
    if (c->seen[id]) return;
    c->seen[id] = true;
    ncr_vec_push(c->d->arena, &c->todo, id);
}

// Whether the node's channels are those of its inputs.
static bool passes(const struct draft_node *node)
{
    switch (node->op) {
    case NCR_OP_DWCONV: return node->attrs.multiplier == 1;
    case NCR_OP_BATCHNORM:
    case NCR_OP_RELU:
    case NCR_OP_RELU6:
    case NCR_OP_LEAKY_RELU:
    case NCR_OP_HARDSWISH:
    case NCR_OP_SIGMOID:
    case NCR_OP_TANH:
    case NCR_OP_MAXPOOL:
    case NCR_OP_AVGPOOL:
    case NCR_OP_GLOBAL_AVGPOOL:
    case NCR_OP_ADD:
    case NCR_OP_MUL:
    case NCR_OP_PAD:
    case NCR_OP_UPSAMPLE:
    case NCR_OP_IDENTITY:
    case NCR_OP_DROPOUT: return true;
    case NCR_OP_INPUT:
    case NCR_OP_CONV:
    case NCR_OP_DENSE:
    case NCR_OP_SOFTMAX:
    case NCR_OP_CONCAT:
    case NCR_OP_FLATTEN:
    case NCR_OP_RESHAPE:
    case NCR_OP_ZERO:
    case NCR_OP_COUNT_: return false;
    }
    NCR_BUG("operator %d", (int)node->op);
}

// What makes the tensor follows: a layer by its attribute, others by what they read.
static bool make_follow(struct coupling *c, uint32_t id)
{
    struct draft_node *node = &c->d->nodes.at[id];
    if (passes(node)) {
        for (uint32_t k = 0; k < node->n_in; k++)
            reach(c, node->in[k]);
        return true;
    }
    bool layer = node->op == NCR_OP_DENSE || (node->op == NCR_OP_CONV && node->attrs.groups == 1);
    if (!layer) {
        *c->why = ncr_str_fmt(c->d->arena,
                              "the channels meet those of `%.*s`, which cannot change with them",
                              NCR_STR_ARG(node->path));
        return false;
    }
    for (uint32_t k = 0; k < c->d->nodes.n; k++) {
        struct draft_node *twin = &c->d->nodes.at[k];
        if (twin->group != node->group) continue;
        twin->attrs.out = c->out;
        twin->coupled = c->edit + 1;
        reach(c, k);
    }
    return true;
}

bool draft_couple(struct draft *d, uint32_t layer, uint32_t edit, struct ncr_str *why)
{
    struct coupling c = {.d = d,
                         .out = d->nodes.at[layer].attrs.out,
                         .edit = edit,
                         .seen = NCR_NEW_N(d->arena, bool, d->nodes.n),
                         .why = why};
    bool grouped = d->nodes.at[layer].op == NCR_OP_CONV && d->nodes.at[layer].attrs.groups > 1;
    if (grouped) return true; // its channels stay with their groups: what reads them shows
    reach(&c, layer);
    while (c.todo.n) {
        uint32_t id = c.todo.at[--c.todo.n];
        if (!make_follow(&c, id)) return false;
        for (uint32_t k = 0; k < d->nodes.n; k++)
            for (uint32_t i = 0; i < d->nodes.at[k].n_in; i++)
                if (d->nodes.at[k].in[i] == id && passes(&d->nodes.at[k])) reach(&c, k);
    }
    return true;
}
