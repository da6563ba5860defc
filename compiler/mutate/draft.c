// Applies the edits of a patch to a network and builds the result.
#include "compiler/mutate/draft.h"

#include "lang/base/table.h"

NCR_PRINTF(3, 4)
static bool refuse(const struct draft *d, struct ncr_str *why, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    *why = ncr_str_vfmt(d->arena, fmt, args);
    va_end(args);
    return false;
}

// -- the parent and the new nodes ---------------------------------------------------------------

static void copy_parent(struct draft *d)
{
    const struct ncr_graph *g = d->parent;
    for (ncr_node_id id = 0; id < g->n_nodes; id++) {
        const struct ncr_node *old = &g->nodes[id];
        struct draft_node node = {.op = old->op,
                                  .attrs = old->attrs,
                                  .n_in = old->n_in,
                                  .group = old->n_params ? old->first_param : g->n_params + id,
                                  .path = old->path,
                                  .origin = old->origin,
                                  .from = id,
                                  .child = NCR_NO_NODE};
        node.in = NCR_NEW_N(d->arena, uint32_t, old->n_in);
        for (uint32_t k = 0; k < old->n_in; k++)
            node.in[k] = old->in[k];
        ncr_vec_push(d->arena, &d->nodes, node);
    }
    d->outputs = NCR_NEW_N(d->arena, uint32_t, g->n_outputs);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        d->outputs[i] = g->outputs[i].node;
}

// Whether path lies in `stem`: stem itself, stem/…, or stem_… as resolved programs spell it.
static bool in_stem(struct ncr_str path, struct ncr_str stem)
{
    if (path.n < stem.n || memcmp(path.s, stem.s, stem.n) != 0) return false;
    return path.n == stem.n || path.s[stem.n] == '/' || path.s[stem.n] == '_';
}

// "net/deepen2", the first that no node is in.
static struct ncr_str new_stem(const struct draft *d)
{
    struct ncr_str name = d->match->mutation->name, net = d->parent->name;
    for (uint32_t n = 1;; n++) {
        struct ncr_str stem =
            ncr_str_fmt(d->arena, "%.*s/%.*s%u", NCR_STR_ARG(net), NCR_STR_ARG(name), n);
        bool taken = false;
        for (ncr_node_id id = 0; id < d->parent->n_nodes && !taken; id++) {
            const struct ncr_node *node = &d->parent->nodes[id];
            taken = in_stem(node->path, stem);
            if (node->n_params && !taken)
                taken = in_stem(d->parent->params[node->first_param].name, stem);
        }
        if (!taken) return stem;
    }
}

static void copy_patch(struct draft *d)
{
    const struct ncr_graph *p = d->patch.graph;
    struct ncr_str stem = new_stem(d), name = d->match->mutation->name;
    uint32_t first = d->parent->n_params + d->parent->n_nodes;
    d->of_patch = NCR_NEW_N(d->arena, uint32_t, p->n_nodes);
    for (ncr_node_id id = 0; id < p->n_nodes; id++) {
        const struct ncr_node *old = &p->nodes[id];
        if (id < d->patch.n_inputs) {
            const struct ncr_stand_in *in = &d->patch.inputs[id];
            ncr_node_id node = d->match->nodes[in->pattern];
            d->of_patch[id] = in->slot == UINT32_MAX ? node : d->parent->nodes[node].in[in->slot];
            continue;
        }
        struct draft_node node = {.op = old->op,
                                  .attrs = old->attrs,
                                  .n_in = old->n_in,
                                  .group =
                                      first + (old->n_params ? old->first_param : p->n_params + id),
                                  .from = NCR_NO_NODE,
                                  .instead = UINT32_MAX,
                                  .child = NCR_NO_NODE};
        node.in = NCR_NEW_N(d->arena, uint32_t, old->n_in);
        for (uint32_t k = 0; k < old->n_in; k++)
            node.in[k] = d->of_patch[old->in[k]];
        struct ncr_str rest = old->path;
        if (rest.n > name.n && memcmp(rest.s, name.s, name.n) == 0 && rest.s[name.n] == '/')
            rest = (struct ncr_str){rest.s + name.n + 1, rest.n - name.n - 1};
        node.path = ncr_str_fmt(d->arena, "%.*s/%.*s", NCR_STR_ARG(stem), NCR_STR_ARG(rest));
        d->of_patch[id] = d->nodes.n;
        ncr_vec_push(d->arena, &d->nodes, node);
    }
}

// -- edits --------------------------------------------------------------------------------------

// New nodes that the result of an edit needs belong to it, where no earlier edit has them.
static void claim(struct draft *d, uint32_t edit, uint32_t result)
{
    uint32_t first = d->parent->n_nodes;
    if (result < first || d->nodes.at[result].instead != UINT32_MAX) return;
    d->nodes.at[result].instead = edit;
    for (uint32_t id = result + 1; id-- > first;) {
        if (d->nodes.at[id].instead != edit) continue;
        for (uint32_t k = 0; k < d->nodes.at[id].n_in; k++) {
            uint32_t in = d->nodes.at[id].in[k];
            if (in >= first && d->nodes.at[in].instead == UINT32_MAX)
                d->nodes.at[in].instead = edit;
        }
    }
}

// All that read `old` read `now`, but for the nodes of this edit.
static void redirect(struct draft *d, uint32_t edit, uint32_t old, uint32_t now)
{
    for (uint32_t id = 0; id < d->nodes.n; id++) {
        struct draft_node *node = &d->nodes.at[id];
        if (node->from == NCR_NO_NODE && node->instead == edit) continue;
        for (uint32_t k = 0; k < node->n_in; k++)
            if (node->in[k] == old) node->in[k] = now;
    }
    for (uint32_t i = 0; i < d->parent->n_outputs; i++)
        if (d->outputs[i] == old) d->outputs[i] = now;
}

// A kernel grows or shrinks around its middle: padding of numbers follows, so that the output keeps
// its size.
static bool follow_kernel(struct ncr_attrs *a, const struct ncr_attrs *old)
{
    for (int axis = 0; axis < 2 && a->pad_mode == NCR_PAD_EXPLICIT; axis++) {
        int32_t more = (a->kernel[axis] - old->kernel[axis]) * a->dilation[axis];
        int32_t before = more >= 0 ? more / 2 : -(-more / 2);
        a->pad[axis] += before;
        a->pad[axis + 2] += more - before;
        if (a->pad[axis] < 0 || a->pad[axis + 2] < 0) return false;
    }
    return true;
}

static void copy_attribute(uint32_t bit, const struct ncr_attrs *from, struct ncr_attrs *to)
{
    switch ((enum ncr_attr_bit)bit) {
    case NCR_ATTR_OUT: to->out = from->out; return;
    case NCR_ATTR_KERNEL: memcpy(to->kernel, from->kernel, sizeof to->kernel); return;
    case NCR_ATTR_STRIDE: memcpy(to->stride, from->stride, sizeof to->stride); return;
    case NCR_ATTR_PAD:
        to->pad_mode = from->pad_mode;
        memcpy(to->pad, from->pad, sizeof to->pad);
        return;
    case NCR_ATTR_DILATION: memcpy(to->dilation, from->dilation, sizeof to->dilation); return;
    case NCR_ATTR_GROUPS: to->groups = from->groups; return;
    case NCR_ATTR_BIAS: to->bias = from->bias; return;
    case NCR_ATTR_MULTIPLIER: to->multiplier = from->multiplier; return;
    case NCR_ATTR_EPS: to->eps = from->eps; return;
    case NCR_ATTR_MOMENTUM: to->momentum = from->momentum; return;
    case NCR_ATTR_ALPHA: to->alpha = from->alpha; return;
    case NCR_ATTR_FACTOR: memcpy(to->factor, from->factor, sizeof to->factor); return;
    case NCR_ATTR_RATE: to->rate = from->rate; return;
    case NCR_ATTR_SHAPE: to->shape = from->shape; return;
    case NCR_ATTR_QUANT: break; // no argument, so that no edit sets it
    }
    NCR_BUG("attribute bit %u", bit);
}

static bool set(struct draft *d, uint32_t index, uint32_t target, struct ncr_str *why)
{
    const struct ncr_edit *edit = &d->patch.edits[index];
    // Layers that share weights are one layer.
    uint32_t group = d->nodes.at[target].group;
    for (uint32_t id = 0; id < d->nodes.n; id++) {
        struct draft_node *node = &d->nodes.at[id];
        if (node->group != group) continue;
        struct ncr_attrs old = node->attrs;
        copy_attribute(edit->attr, &edit->value, &node->attrs);
        bool windowed =
            edit->attr == NCR_ATTR_KERNEL && (node->op == NCR_OP_CONV || node->op == NCR_OP_DWCONV);
        if (windowed && !follow_kernel(&node->attrs, &old))
            return refuse(d, why, "the padding of `%.*s` cannot shrink with its kernel",
                          NCR_STR_ARG(node->path));
    }
    return edit->attr != NCR_ATTR_OUT || draft_couple(d, target, index, why);
}

static bool edit_one(struct draft *d, uint32_t index, struct ncr_str *why)
{
    const struct ncr_edit *edit = &d->patch.edits[index];
    uint32_t target = d->match->nodes[edit->pattern];
    const struct draft_node *node = &d->nodes.at[target];
    uint32_t result = NCR_NO_NODE;
    switch (edit->kind) {
    case NCR_EDIT_INSERT_AFTER:
    case NCR_EDIT_REPLACE:
        result = d->of_patch[edit->result];
        claim(d, index, result);
        redirect(d, index, target, result);
        return true;
    case NCR_EDIT_INSERT_BEFORE:
        if (node->n_in != 1)
            return refuse(d, why, "`%.*s` reads %u tensors; `insert before` needs one",
                          NCR_STR_ARG(node->path), node->n_in);
        result = d->of_patch[edit->result];
        claim(d, index, result);
        d->nodes.at[target].in[0] = result;
        return true;
    case NCR_EDIT_REMOVE:
        if (node->n_in == 0)
            return refuse(d, why, "`%.*s` is an input of the network", NCR_STR_ARG(node->path));
        redirect(d, UINT32_MAX - 1, target, node->in[0]);
        return true;
    case NCR_EDIT_SET: return set(d, index, target, why);
    case NCR_EDIT_REDRAW:
    case NCR_EDIT_STEP:
    case NCR_EDIT_DECIDE:
    case NCR_EDIT_INHERIT: break;
    }
    return refuse(d, why, "it acts on decisions");
}

bool draft_make(struct draft *d, struct ncr_str *why)
{
    copy_parent(d);
    copy_patch(d);
    if (d->patch.n_edits == 0) return refuse(d, why, "it changes nothing");
    for (uint32_t i = 0; i < d->patch.n_edits; i++)
        if (!edit_one(d, i, why)) return false;
    return true;
}

// -- building -----------------------------------------------------------------------------------

struct building {
    struct draft *d;
    struct ncr_builder *builder;
    ncr_node_id *first; // by group: its first child node
    struct ncr_str *why;
};

static bool add(struct building *b, uint32_t id)
{
    struct draft *d = b->d;
    struct draft_node *node = &d->nodes.at[id];
    ncr_node_id *in = NCR_NEW_N(d->arena, ncr_node_id, node->n_in);
    for (uint32_t k = 0; k < node->n_in; k++)
        in[k] = d->nodes.at[node->in[k]].child;
    struct ncr_op_error err;
    node->child = ncr_builder_add(b->builder, node->op, &node->attrs, in, node->n_in, node->path,
                                  b->first[node->group], node->origin, &err);
    if (node->child == NCR_NO_NODE)
        return refuse(d, b->why, "at `%.*s`: %s", NCR_STR_ARG(node->path), err.text);
    if (b->first[node->group] == NCR_NO_NODE && ncr_builder_node(b->builder, node->child)->n_params)
        b->first[node->group] = node->child;
    return true;
}

// Adds a node after all that it needs. Depth first, with a stack of our own.
static bool add_with_needs(struct building *b, uint32_t root, uint8_t *state)
{
    struct draft *d = b->d;
    struct visit {
        uint32_t id, next;
    };
    NCR_VEC(struct visit) stack = {0};
    struct visit first = {root, 0};
    if (state[root]) return true;
    state[root] = 1;
    ncr_vec_push(d->arena, &stack, first);
    while (stack.n) {
        struct visit *top = &stack.at[stack.n - 1];
        const struct draft_node *node = &d->nodes.at[top->id];
        if (top->next < node->n_in) {
            uint32_t in = node->in[top->next++];
            if (state[in] == 1)
                return refuse(d, b->why, "`%.*s` would depend on itself",
                              NCR_STR_ARG(d->nodes.at[in].path));
            if (state[in] == 2) continue;
            state[in] = 1;
            struct visit deeper = {in, 0};
            ncr_vec_push(d->arena, &stack, deeper);
            continue;
        }
        if (!add(b, top->id)) return false;
        state[top->id] = 2;
        stack.n--;
    }
    return true;
}

static bool same_ends(const struct draft *d, struct ncr_str *why)
{
    const struct ncr_graph *p = d->parent, *c = d->child;
    for (uint32_t i = 0; i < p->n_outputs; i++) {
        const struct ncr_shape *was = &p->nodes[p->outputs[i].node].shape,
                               *is = &c->nodes[c->outputs[i].node].shape;
        char a[48], b[48];
        if (!ncr_shape_equal(was, is))
            return refuse(d, why, "the output of the network would change from %s to %s",
                          ncr_shape_text(was, a), ncr_shape_text(is, b));
    }
    return true;
}

bool draft_build(struct draft *d, struct ncr_str *why)
{
    const struct ncr_graph *p = d->parent;
    uint32_t n_groups =
        2 * (p->n_params + p->n_nodes) + d->patch.graph->n_params + d->patch.graph->n_nodes;
    struct building b = {d, ncr_builder_new(d->arena, p->name),
                         NCR_NEW_N(d->arena, ncr_node_id, n_groups), why};
    for (uint32_t g = 0; g < n_groups; g++)
        b.first[g] = NCR_NO_NODE;
    uint8_t *state = NCR_NEW_N(d->arena, uint8_t, d->nodes.n);
    for (uint32_t i = 0; i < p->n_inputs; i++)
        if (!add_with_needs(&b, p->inputs[i], state)) return false;
    // In the parent's order as far as the edits let it.
    bool *live = NCR_NEW_N(d->arena, bool, d->nodes.n);
    NCR_VEC(uint32_t) wanted = {0};
    for (uint32_t i = 0; i < p->n_outputs; i++)
        ncr_vec_push(d->arena, &wanted, d->outputs[i]);
    while (wanted.n) {
        uint32_t id = wanted.at[--wanted.n];
        if (live[id]) continue;
        live[id] = true;
        for (uint32_t k = 0; k < d->nodes.at[id].n_in; k++)
            ncr_vec_push(d->arena, &wanted, d->nodes.at[id].in[k]);
    }
    for (uint32_t id = 0; id < d->nodes.n; id++)
        if (live[id] && !add_with_needs(&b, id, state)) return false;
    for (uint32_t i = 0; i < p->n_outputs; i++)
        ncr_builder_output(b.builder, p->outputs[i].name, d->nodes.at[d->outputs[i]].child);
    d->child = ncr_builder_finish(b.builder);
    d->draft_of = NCR_NEW_N(d->arena, uint32_t, d->child->n_nodes);
    for (uint32_t id = 0; id < d->nodes.n; id++)
        if (d->nodes.at[id].child != NCR_NO_NODE) d->draft_of[d->nodes.at[id].child] = id;
    return same_ends(d, why);
}
