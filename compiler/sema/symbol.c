// The symbolic graph: a node for each place where a layer is applied, with diagrams for what
// depends on decisions.
#include <stdio.h>
#include <string.h>

#include "compiler/sema/eval.h"
#include "lang/base/hash.h"

// -- tables -------------------------------------------------------------------------------------

// Index of equal bytes in a table of items of one size, added where they are new. The items are
// compared as bytes, so they are copied into zeroed memory first.
struct intern {
    struct ncr_eval *ev;
    struct ncr_table *ids;
    const void *items;
    size_t size;
    uint32_t n;
};

static uint32_t lookup(const struct intern *in, const void *item, uint64_t *key)
{
    // Different items under one hash take the next keys.
    *key = ncr_hash_bytes(item, in->size).lo;
    for (;; ++*key) {
        uint32_t i = ncr_table_get(in->ids, *key);
        if (i == UINT32_MAX) return i;
        if (memcmp((const char *)in->items + i * in->size, item, in->size) == 0) return i;
    }
}

// Field by field: padding bytes are not part of the value.
static struct ncr_attrs plain_attrs(const struct ncr_attrs *a)
{
    struct ncr_attrs out;
    memset(&out, 0, sizeof out);
    out.out = a->out;
    out.groups = a->groups;
    out.multiplier = a->multiplier;
    memcpy(out.kernel, a->kernel, sizeof out.kernel);
    memcpy(out.stride, a->stride, sizeof out.stride);
    memcpy(out.dilation, a->dilation, sizeof out.dilation);
    out.pad_mode = a->pad_mode;
    memcpy(out.pad, a->pad, sizeof out.pad);
    memcpy(out.factor, a->factor, sizeof out.factor);
    out.bias = a->bias;
    out.eps = a->eps;
    out.momentum = a->momentum;
    out.alpha = a->alpha;
    out.rate = a->rate;
    out.shape.rank = a->shape.rank;
    memcpy(out.shape.dim, a->shape.dim, a->shape.rank * sizeof out.shape.dim[0]);
    out.quant = a->quant;
    return out;
}

struct ncr_value ncr_symbol_attrs(struct ncr_eval *ev, const struct ncr_attrs *attrs)
{
    struct ncr_attrs a = plain_attrs(attrs);
    struct intern in = {ev, &ev->attr_ids, ev->attrs.at, sizeof a, ev->attrs.n};
    uint64_t key;
    uint32_t i = lookup(&in, &a, &key);
    if (i == UINT32_MAX) {
        i = ev->attrs.n;
        ncr_vec_push(ev->scratch, &ev->attrs, a);
        ncr_table_set(ev->scratch, &ev->attr_ids, key, i);
    }
    return ncr_value_int(i);
}

static uint32_t shape_id(struct ncr_eval *ev, const struct ncr_shape *shape)
{
    struct ncr_shape s;
    memset(&s, 0, sizeof s);
    s.rank = shape->rank;
    memcpy(s.dim, shape->dim, shape->rank * sizeof s.dim[0]);
    struct intern in = {ev, &ev->shape_ids, ev->shapes.at, sizeof s, ev->shapes.n};
    uint64_t key;
    uint32_t i = lookup(&in, &s, &key);
    if (i == UINT32_MAX) {
        i = ev->shapes.n;
        ncr_vec_push(ev->scratch, &ev->shapes, s);
        ncr_table_set(ev->scratch, &ev->shape_ids, key, i);
    }
    return i;
}

static uint32_t variant_id(struct ncr_eval *ev, const struct ncr_op_facts *facts)
{
    struct ncr_variant v;
    memset(&v, 0, sizeof v);
    v.facts.attrs = plain_attrs(&facts->attrs);
    v.facts.shape.rank = facts->shape.rank;
    memcpy(v.facts.shape.dim, facts->shape.dim, facts->shape.rank * sizeof facts->shape.dim[0]);
    v.facts.n_params = facts->n_params;
    for (uint32_t i = 0; i < facts->n_params; i++) {
        v.facts.params[i].role = facts->params[i].role;
        v.facts.params[i].rank = facts->params[i].rank;
        memcpy(v.facts.params[i].dim, facts->params[i].dim, sizeof facts->params[i].dim);
        v.facts.params[i].n = facts->params[i].n;
    }
    v.facts.n_trained = facts->n_trained;
    v.facts.macs = facts->macs;
    struct ncr_space *space = ev->space;
    struct intern in = {ev, &ev->variant_ids, space->variants.at, sizeof v, space->variants.n};
    uint64_t key;
    uint32_t i = lookup(&in, &v, &key);
    if (i == UINT32_MAX) {
        i = space->variants.n;
        ncr_vec_push(space->arena, &space->variants, v);
        ncr_table_set(ev->scratch, &ev->variant_ids, key, i);
    }
    return i;
}

// -- names --------------------------------------------------------------------------------------

struct ncr_str ncr_path_unique(struct ncr_eval *ev, struct ncr_str path, uint32_t use)
{
    for (;; use++) {
        char digits[11];
        struct ncr_str name =
            use > 1 ? ncr_str_join(ev->arena, path, "#", ncr_str_number(use, digits)) : path;
        struct ncr_hash h = ncr_hash_bytes(name.s, name.n);
        bool taken = ncr_table_get(&ev->paths, h.lo) != UINT32_MAX;
        if (!taken) ncr_table_set(ev->scratch, &ev->paths, h.lo, 0);
        if (!taken || !ncr_eval_spend(ev, name.n / 4 + 1)) return name;
    }
}

// -- errors -------------------------------------------------------------------------------------

// The code that gave the attribute an error is about; the layer's own place where it was not given.
static struct ncr_span blame_attr(const struct ncr_layer *layer, uint32_t attr)
{
    uint32_t n;
    const struct ncr_sig_param *params = ncr_signature(layer->op, &n);
    for (uint32_t i = 0; attr && layer->args && i < n; i++)
        if ((params[i].attr & attr) && layer->args[i])
            return ncr_blame(layer->maker, layer->args[i]);
    return layer->site->span;
}

static void report_op(struct ncr_eval *ev, const struct ncr_layer *layer,
                      const struct ncr_op_error *err)
{
    struct ncr_span span = blame_attr(layer, err->blame);
    struct ncr_diag *d = ncr_report(ev->reporter, err->code, span, "%s", err->text);
    ncr_eval_blamed(ev, d, layer->maker);
    if (d && err->help[0]) ncr_report_help(ev->reporter, d, "%s", err->help);
}

// -- nodes --------------------------------------------------------------------------------------

struct adding {
    const struct ncr_layer *layer;
    struct ncr_shape *shapes;
    uint32_t n_in;
};

// attributes, then the shapes of the inputs → INT: index of the variant
static struct ncr_value infer(struct ncr_eval *ev, void *user, const struct ncr_value *args)
{
    struct adding *a = user;
    for (uint32_t i = 0; i < a->n_in; i++)
        a->shapes[i] = *ncr_shape_at(ev, args[1 + i]);
    struct ncr_op_facts facts;
    struct ncr_op_error err;
    if (ncr_op_facts(a->layer->op, &ev->attrs.at[args[0].as.i], a->shapes, a->n_in, &facts, &err))
        return ncr_value_int(variant_id(ev, &facts));
    report_op(ev, a->layer, &err);
    return ncr_value_error();
}

static struct ncr_value shape_of(struct ncr_eval *ev, void *user, const struct ncr_value *args)
{
    (void)user;
    return ncr_value_int(shape_id(ev, &ev->space->variants.at[args[0].as.i].facts.shape));
}

struct ncr_value ncr_symbol_shape(struct ncr_eval *ev, struct ncr_value tensor)
{
    if (tensor.kind == NCR_KIND_TENSOR)
        return ncr_lift_value(ev, ev->symbols.at[tensor.as.tensor].shape);
    uint32_t n;
    struct ncr_case *cases = ncr_lift_cases(ev, tensor, &n);
    struct ncr_value v = ncr_value_error();
    for (uint32_t i = n; i-- > 0;) {
        if (cases[i].value.kind != NCR_KIND_TENSOR) continue;
        struct ncr_value shape = ncr_lift_value(ev, ev->symbols.at[cases[i].value.as.tensor].shape);
        v = v.kind == NCR_KIND_ERROR ? shape : ncr_lift_if(ev, cases[i].cond, shape, v);
    }
    return v;
}

static struct ncr_value tensor_only(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct ncr_code *at = user;
    if (v->kind == NCR_KIND_TENSOR) return *v;
    NCR_EVAL_REPORT(ev, NOT_A_TENSOR, at->span, ncr_show(ev->reporter, *v));
    return ncr_value_error();
}

static uint32_t node_leaf(void *user, const uint32_t *leaf)
{
    struct ncr_eval *ev = user;
    if (leaf[0] == NCR_HOLE || ev->leaves.at[leaf[0]].kind != NCR_KIND_TENSOR) return NCR_HOLE;
    return ev->leaves.at[leaf[0]].as.tensor;
}

static uint32_t variant_leaf(void *user, const uint32_t *leaf)
{
    struct ncr_eval *ev = user;
    if (leaf[0] == NCR_HOLE || ev->leaves.at[leaf[0]].kind != NCR_KIND_INT) return NCR_HOLE;
    return (uint32_t)ev->leaves.at[leaf[0]].as.i;
}

// A value's diagram with other leaves.
static ncr_diagram converted(struct ncr_eval *ev, struct ncr_value v, ncr_diagram_fn *fn)
{
    ncr_diagram f = ncr_lift_diagram(ev, v);
    struct ncr_diagrams *d = &ev->space->diagrams;
    return ncr_diagram_apply(d, NCR_TRUE, &f, 1, fn, ev);
}

// Two nodes of one layer, both there: variants, then shapes of the first inputs.
struct sharing {
    const struct ncr_layer *layer;
    struct ncr_str path;
};

static struct ncr_value share(struct ncr_eval *ev, void *user, const struct ncr_value *args)
{
    const struct sharing *s = user;
    struct ncr_op_error err;
    const struct ncr_variant *variants = ev->space->variants.at;
    if (ncr_op_shareable(&variants[args[0].as.i].facts, &variants[args[1].as.i].facts, s->path,
                         ncr_shape_at(ev, args[2]), ncr_shape_at(ev, args[3]), &err))
        return ncr_value_bool(true);
    report_op(ev, s->layer, &err);
    return ncr_value_error();
}

// A diagram of the space as a value again, as far as the guard reaches.
static uint32_t variant_value(void *user, const uint32_t *leaf)
{
    return leaf[0] == NCR_HOLE ? NCR_HOLE : ncr_lift_leaf(user, ncr_value_int(leaf[0]));
}

static bool check_sharing(struct ncr_eval *ev, const struct ncr_layer *layer, ncr_node_id before,
                          ncr_diagram exists, struct ncr_value variant, struct ncr_value shape)
{
    struct ncr_space *space = ev->space;
    struct ncr_diagrams *d = &space->diagrams;
    bool good = true;
    for (; before != NCR_NO_NODE && good; before = ev->symbols.at[before].before) {
        const struct ncr_space_node *node = &space->nodes.at[before];
        ncr_diagram both = ncr_diagram_and(d, exists, node->exists), outer = ev->guard;
        if (both == NCR_FALSE) continue;
        ev->guard = both;
        ncr_diagram old = ncr_diagram_apply(d, both, &node->variant, 1, variant_value, ev);
        struct ncr_value input = ncr_lift_value(ev, ev->symbols.at[before].shape);
        if (node->n_in) {
            struct ncr_value in = ncr_value_error();
            struct ncr_diagram_leaves leaves = ncr_diagram_leaves(d, ev->scratch, node->in[0]);
            for (uint32_t i = leaves.n; i-- > 0;) {
                struct ncr_value s = ncr_lift_value(ev, ev->symbols.at[leaves.at[i]].shape);
                ncr_diagram here = ncr_diagram_is(d, node->in[0], leaves.at[i]);
                in = in.kind == NCR_KIND_ERROR ? s : ncr_lift_if(ev, here, s, in);
            }
            input = in;
        }
        struct ncr_value args[4] = {ncr_lift_value(ev, old), variant, input, shape};
        struct sharing s = {layer, node->path};
        uint32_t errors = ev->reporter->diags->n_errors;
        ncr_lift(ev, args, 4, share, &s);
        good = ev->reporter->diags->n_errors == errors;
        ev->guard = outer;
    }
    ncr_lift_check(ev);
    return good;
}

static struct ncr_value tensor_value(ncr_node_id id)
{
    return (struct ncr_value){.kind = NCR_KIND_TENSOR, .as.tensor = id};
}

static bool has_params(enum ncr_op op)
{
    return (ncr_op_sites(op) & NCR_SITE_WEIGHT) || op == NCR_OP_BATCHNORM;
}

static void param_names(struct ncr_eval *ev, struct ncr_space_node *node)
{
    if (!has_params(node->op)) return;
    for (int role = 0; role < NCR_PARAM_ROLES; role++)
        node->param_names[role] = ncr_str_join(
            ev->arena, node->path, ".", ncr_str_of(ncr_param_suffix((enum ncr_param_role)role)));
}

static ncr_node_id push(struct ncr_eval *ev, struct ncr_space_node node, struct ncr_value shape,
                        ncr_node_id before)
{
    struct ncr_symbol_node symbol = {ncr_lift_diagram(ev, shape), before};
    ncr_vec_push(ev->space->arena, &ev->space->nodes, node);
    ncr_vec_push(ev->scratch, &ev->symbols, symbol);
    ncr_lift_check(ev);
    return ev->space->nodes.n - 1;
}

static struct ncr_use *use_of(struct ncr_eval *ev, const struct ncr_layer *layer)
{
    uint64_t key = (uint64_t)layer->context << 32 | layer->site->site;
    uint32_t u = ncr_table_get(&ev->use_ids, key);
    if (u == UINT32_MAX) {
        struct ncr_use none = {ev->space->n_groups++, 0, NCR_NO_NODE, NCR_NO_NODE};
        ncr_vec_push(ev->scratch, &ev->uses, none);
        u = ev->uses.n - 1;
        ncr_table_set(ev->scratch, &ev->use_ids, key, u);
    }
    return &ev->uses.at[u];
}

// MACs of the largest variants, so that no member has more than 64-bit figures hold.
static bool count_macs(struct ncr_eval *ev, const struct ncr_layer *layer, struct ncr_value variant)
{
    uint32_t n;
    const struct ncr_value *values = ncr_lift_values(ev, variant, &n);
    int64_t most = 0;
    for (uint32_t i = 0; i < n; i++)
        most = ncr_max_i64(most, ev->space->variants.at[values[i].as.i].facts.macs);
    if (most <= NCR_LIMIT_MACS - ev->macs) {
        ev->macs += most;
        return true;
    }
    struct ncr_op_error err = {.code = NCR_N_OP_TOO_LARGE};
    snprintf(err.text, sizeof err.text,
             "with the %lld MACs of this `%s` the network has more than %lld", (long long)most,
             ncr_op_name(layer->op), (long long)NCR_LIMIT_MACS);
    report_op(ev, layer, &err);
    return false;
}

// attributes, declaration of a quantisation → attributes
static struct ncr_value with_quant(struct ncr_eval *ev, void *user, const struct ncr_value *args)
{
    (void)user;
    struct ncr_attrs attrs = ev->attrs.at[args[0].as.i];
    attrs.quant = args[1].as.item->spec;
    return ncr_symbol_attrs(ev, &attrs);
}

struct ncr_value ncr_symbol_add(struct ncr_eval *ev, const struct ncr_layer *layer,
                                const struct ncr_value *in, uint32_t n_in,
                                const struct ncr_code *at)
{
    struct ncr_value *args = NCR_NEW_N(ev->scratch, struct ncr_value, n_in + 1);
    ncr_diagram *nodes = NCR_NEW_N(ev->space->arena, ncr_diagram, n_in);
    args[0] = layer->attrs;
    if (layer->quant.kind != NCR_KIND_ERROR) {
        struct ncr_value both[2] = {layer->attrs, layer->quant};
        args[0] = ncr_lift(ev, both, 2, with_quant, NULL);
    }
    for (uint32_t i = 0; i < n_in; i++) {
        struct ncr_value tensor = ncr_lift(ev, &in[i], 1, tensor_only, (void *)at);
        args[1 + i] = ncr_symbol_shape(ev, tensor);
        if (tensor.kind == NCR_KIND_ERROR || args[1 + i].kind == NCR_KIND_ERROR)
            return ncr_value_error();
        nodes[i] = converted(ev, tensor, node_leaf);
    }
    struct adding a = {layer, NCR_NEW_N(ev->scratch, struct ncr_shape, n_in), n_in};
    struct ncr_value variant = ncr_lift(ev, args, n_in + 1, infer, &a);
    if (variant.kind == NCR_KIND_ERROR || ev->stopped) return ncr_value_error();
    struct ncr_value shape = ncr_lift(ev, &variant, 1, shape_of, NULL);
    if (!count_macs(ev, layer, variant)) return ncr_value_error();
    struct ncr_use *use = use_of(ev, layer);
    struct ncr_diagrams *d = &ev->space->diagrams;
    ncr_diagram first = NCR_TRUE;
    if (use->n && has_params(layer->op)) {
        if (!check_sharing(ev, layer, use->last, ev->guard, variant,
                           n_in ? args[1] : ncr_value_error()))
            return ncr_value_error();
        for (ncr_node_id b = use->last; b != NCR_NO_NODE; b = ev->symbols.at[b].before)
            first = ncr_diagram_and(d, first, ncr_diagram_not(d, ev->space->nodes.at[b].exists));
    }
    struct ncr_origin *origin = NCR_NEW(ev->arena, struct ncr_origin);
    origin->span = layer->site->span;
    if (layer->maker && layer->maker->site) {
        origin->block = layer->maker->def->name;
        origin->up = layer->maker->origin;
    }
    struct ncr_space_node node = {.op = layer->op,
                                  .group = use->group,
                                  .origin = origin,
                                  .exists = ev->guard,
                                  .variant = converted(ev, variant, variant_leaf),
                                  .first = first,
                                  .in = nodes,
                                  .n_in = n_in};
    node.path =
        ncr_path_unique(ev, ncr_site_path(ev, layer->context, layer->site->text), use->n + 1);
    param_names(ev, &node);
    ncr_node_id id = push(ev, node, shape, use->n ? use->last : NCR_NO_NODE);
    use->n++;
    use->last = id;
    return tensor_value(id);
}

struct ncr_value ncr_symbol_input(struct ncr_eval *ev, const struct ncr_shape *shape,
                                  struct ncr_str path, const struct ncr_origin *origin,
                                  struct ncr_op_error *err)
{
    struct ncr_attrs attrs = ncr_attrs_default(NCR_OP_INPUT);
    attrs.shape = *shape;
    struct ncr_op_facts facts;
    if (!ncr_op_facts(NCR_OP_INPUT, &attrs, NULL, 0, &facts, err)) return ncr_value_error();
    struct ncr_space_node node = {.op = NCR_OP_INPUT,
                                  .group = ev->space->n_groups++,
                                  .path = path,
                                  .origin = origin,
                                  .exists = NCR_TRUE,
                                  .variant = ncr_diagram_leaf(variant_id(ev, &facts)),
                                  .first = NCR_TRUE};
    struct ncr_value v = ncr_value_int(shape_id(ev, &facts.shape));
    return tensor_value(push(ev, node, v, NCR_NO_NODE));
}
