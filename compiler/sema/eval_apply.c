// Applies layers to tensors: nodes of the graph, bodies of blocks, links of chains; and elaborates
// whole nets.
#include "compiler/sema/eval.h"

#define K(NAME) NCR_KIND_BIT(NAME)

static struct ncr_value tensor(ncr_node_id id)
{
    return (struct ncr_value){.kind = NCR_KIND_TENSOR, .as.tensor = id};
}

// -- operators ----------------------------------------------------------------------------------

// The path of a node, unique in the graph: "#2" marks the second application of a layer.
static struct ncr_str unique(struct ncr_eval *ev, struct ncr_str path, uint32_t use)
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
    ev->incomplete = true;
    ncr_eval_chain_notes(ev, d, layer->maker);
    if (d && err->help[0]) ncr_report_help(ev->reporter, d, "%s", err->help);
}

static struct ncr_value apply_op(struct ncr_eval *ev, const struct ncr_layer *layer,
                                 const struct ncr_inputs *inputs, const struct ncr_code *at)
{
    int min = ncr_op_min_in(layer->op), max = ncr_op_max_in(layer->op);
    if ((int64_t)inputs->n < min || (max >= 0 && (int64_t)inputs->n > max)) {
        NCR_EVAL_REPORT(ev, INPUT_COUNT, at->span, ncr_op_name(layer->op), min,
                        max < 0 ? " or more" : "", min == 1 && max == 1 ? "" : "s", inputs->n);
        return ncr_value_error();
    }
    if (ncr_builder_count(ev->builder) >= NCR_LIMIT_NODES) {
        ev->stopped = true;
        NCR_EVAL_REPORT(ev, NODE_LIMIT, layer->site->span, NCR_LIMIT_NODES);
        return ncr_value_error();
    }
    if (!ncr_eval_spend(ev, inputs->n + 8)) return ncr_value_error();
    ncr_node_id few[4], *in = few;
    if (inputs->n > NCR_COUNT(few)) in = NCR_NEW_N(ev->scratch, ncr_node_id, inputs->n);
    for (uint32_t i = 0; i < inputs->n; i++)
        in[i] = inputs->at[i].as.tensor;
    uint64_t key = (uint64_t)layer->context << 32 | layer->site->site;
    uint32_t u = ncr_table_get(&ev->use_ids, key);
    if (u == UINT32_MAX) {
        struct ncr_use none = {NCR_NO_NODE, 0};
        ncr_vec_push(ev->scratch, &ev->uses, none);
        u = ev->uses.n - 1;
        ncr_table_set(ev->scratch, &ev->use_ids, key, u);
    }
    struct ncr_use *use = &ev->uses.at[u];
    ncr_node_id share = NCR_NO_NODE;
    if (use->n && ncr_builder_node(ev->builder, use->first)->n_params) share = use->first;
    struct ncr_origin *origin = NCR_NEW(ev->arena, struct ncr_origin);
    origin->span = layer->site->span;
    if (layer->maker && layer->maker->site) {
        origin->block = layer->maker->def->name;
        origin->up = layer->maker->origin;
    }
    struct ncr_str path =
        unique(ev, ncr_site_path(ev, layer->context, layer->site->text), use->n + 1);
    struct ncr_op_error err;
    ncr_node_id id = ncr_builder_add(ev->builder, layer->op, layer->attrs, in, inputs->n, path,
                                     share, origin, &err);
    if (id == NCR_NO_NODE) {
        report_op(ev, layer, &err);
        return ncr_value_error();
    }
    if (use->n++ == 0) use->first = id;
    return tensor(id);
}

// -- shapes of declared tensors -----------------------------------------------------------------

static bool dimension(struct ncr_eval *ev, const struct ncr_code *code, int32_t *out)
{
    struct ncr_value v = ncr_eval_code(ev, code);
    if (v.kind == NCR_KIND_ERROR) return false;
    if (v.kind != NCR_KIND_INT) {
        NCR_EVAL_REPORT(ev, DIMENSION_KIND, code->span, ncr_show(ev->reporter, v));
        return false;
    }
    if (v.as.i < 1 || v.as.i > NCR_LIMIT_DIM) {
        NCR_EVAL_REPORT(ev, DIMENSION_VALUE, code->span, (long long)v.as.i, (int)NCR_LIMIT_DIM);
        return false;
    }
    *out = (int32_t)v.as.i;
    return true;
}

bool ncr_eval_shape(struct ncr_eval *ev, struct ncr_code *const *dims, uint32_t n,
                    struct ncr_shape *out)
{
    bool good = true;
    out->rank = n;
    for (uint32_t i = 0; i < n; i++)
        good &= dimension(ev, dims[i], &out->dim[i]);
    return good;
}

// -- blocks -------------------------------------------------------------------------------------

// tensor[3, H, W]: numbers where the declaration has values, names where it binds them.
static const char *show_declared(struct ncr_eval *ev, const struct ncr_param_def *input,
                                 const struct ncr_shape *declared)
{
    struct ncr_str text = NCR_STR("tensor[");
    for (uint32_t i = 0; i < input->n_dims; i++) {
        const char *sep = i ? ", " : "";
        text = input->dims[i]
                   ? ncr_str_fmt(ev->scratch, "%.*s%s%d", NCR_STR_ARG(text), sep, declared->dim[i])
                   : ncr_str_fmt(ev->scratch, "%.*s%s%s", NCR_STR_ARG(text), sep,
                                 ncr_show_str(ev->reporter, input->dim_names[i]));
    }
    return ncr_str_fmt(ev->scratch, "%.*s]", NCR_STR_ARG(text)).s;
}

static void shape_mismatch(struct ncr_eval *ev, const struct ncr_layer *layer,
                           const struct ncr_param_def *input, const struct ncr_shape *found,
                           const struct ncr_shape *declared)
{
    struct ncr_span span = layer->site ? layer->site->span : input->span;
    ev->incomplete = true;
    struct ncr_diag *d =
        NCR_REPORT(ev->reporter, INPUT_SHAPE, span, ncr_show_str(ev->reporter, input->name),
                   ncr_show_str(ev->reporter, layer->def->name), show_declared(ev, input, declared),
                   ncr_show_shape(ev->reporter, found));
    ncr_eval_chain_notes(ev, d, layer->maker);
    ncr_report_note(ev->reporter, d, input->span, "declared");
}

// Compares a tensor with its declared shape and binds the names among its dimensions.
static bool bind_input(struct ncr_eval *ev, const struct ncr_layer *layer,
                       const struct ncr_param_def *input, struct ncr_value value)
{
    struct ncr_frame *frame = ev->frame;
    frame->slots[input->slot] = value;
    if (input->n_dims == 0) return true;
    const struct ncr_shape *found = &ncr_builder_node(ev->builder, value.as.tensor)->shape;
    struct ncr_shape declared = {.rank = input->n_dims};
    for (uint32_t i = 0; i < input->n_dims; i++) {
        if (!input->dims[i]) {
            declared.dim[i] = i < found->rank ? found->dim[i] : 0;
            frame->slots[input->dim_slots[i]] = ncr_value_int(declared.dim[i]);
        } else if (!dimension(ev, input->dims[i], &declared.dim[i])) {
            return false;
        }
    }
    if (ncr_shape_equal(found, &declared)) return true;
    shape_mismatch(ev, layer, input, found, &declared);
    return false;
}

static bool bind_inputs(struct ncr_eval *ev, const struct ncr_layer *layer,
                        const struct ncr_inputs *inputs, const struct ncr_code *at)
{
    const struct ncr_def *def = layer->def;
    if (inputs->n != def->n_inputs) {
        ev->incomplete = true;
        struct ncr_diag *d =
            NCR_REPORT(ev->reporter, INPUT_COUNT, at ? at->span : def->item->name_span,
                       ncr_show_str(ev->reporter, def->name), (int)def->n_inputs, "",
                       def->n_inputs == 1 ? "" : "s", inputs->n);
        ncr_eval_chain_notes(ev, d, layer->maker);
        return false;
    }
    bool good = true;
    for (uint32_t i = 0; i < def->n_inputs; i++) {
        uint32_t k = i;
        if (inputs->labels) {
            k = 0;
            while (k < inputs->n && !ncr_str_eq(inputs->labels[k], def->inputs[i].name))
                k++;
            // One output goes to one input, whatever their names.
            if (k == inputs->n && inputs->n == 1) k = 0;
            if (k == inputs->n) {
                NCR_EVAL_REPORT(ev, MISSING_ARGUMENT, at ? at->span : def->item->name_span,
                                ncr_show_str(ev->reporter, def->name),
                                ncr_show_str(ev->reporter, def->inputs[i].name));
                return false;
            }
        }
        good &= bind_input(ev, layer, &def->inputs[i], inputs->at[k]);
    }
    return good;
}

static bool check_out(struct ncr_eval *ev, const struct ncr_def *def, const struct ncr_out_def *out,
                      struct ncr_value value)
{
    if (out->n_dims == 0) return true;
    struct ncr_shape declared;
    if (!ncr_eval_shape(ev, out->dims, out->n_dims, &declared)) return false;
    const struct ncr_shape *found = &ncr_builder_node(ev->builder, value.as.tensor)->shape;
    if (ncr_shape_equal(found, &declared)) return true;
    NCR_EVAL_REPORT(ev, OUTPUT_SHAPE, out->span, ncr_show_str(ev->reporter, def->name),
                    ncr_show_shape(ev->reporter, &declared), ncr_show_shape(ev->reporter, found));
    return false;
}

static bool check_outs(struct ncr_eval *ev, const struct ncr_def *def, struct ncr_value value)
{
    const struct ncr_code *result =
        def->body->kind == NCR_CODE_BODY ? def->body->kid[def->body->n_kids - 1] : def->body;
    struct ncr_span at = result->span;
    if (value.kind == NCR_KIND_RECORD) {
        const struct ncr_record *r = value.as.record;
        for (uint32_t i = 0; i < r->n; i++) {
            if (r->at[i].kind == NCR_KIND_TENSOR) continue;
            NCR_EVAL_REPORT(ev, NOT_A_TENSOR, at, ncr_show(ev->reporter, r->at[i]));
            return false;
        }
    } else if (value.kind != NCR_KIND_TENSOR) {
        NCR_EVAL_REPORT(ev, BODY_VALUE, at, ncr_item_kind_name(def->item),
                        ncr_show_str(ev->reporter, def->name), ncr_show(ev->reporter, value));
        return false;
    }
    if (def->n_outs == 0) return true;
    if (value.kind == NCR_KIND_TENSOR) {
        if (def->n_outs == 1) return check_out(ev, def, &def->outs[0], value);
        NCR_EVAL_REPORT(ev, OUTPUT_COUNT, at, ncr_show_str(ev->reporter, def->name), def->n_outs,
                        1);
        return false;
    }
    const struct ncr_record *r = value.as.record;
    if (r->n != def->n_outs) {
        NCR_EVAL_REPORT(ev, OUTPUT_COUNT, at, ncr_show_str(ev->reporter, def->name), def->n_outs,
                        r->n);
        return false;
    }
    bool good = true;
    for (uint32_t i = 0; i < def->n_outs; i++) {
        uint32_t k = 0;
        while (k < r->n && !ncr_str_eq(r->labels[k], def->outs[i].label))
            k++;
        if (k == r->n) {
            NCR_EVAL_REPORT(ev, OUTPUT_LABEL, at, ncr_show_str(ev->reporter, def->name),
                            ncr_show_str(ev->reporter, def->outs[i].label));
            return false;
        }
        good &= check_out(ev, def, &def->outs[i], r->at[k]);
    }
    return good;
}

// The record in the order of the declared outputs.
static struct ncr_value ordered(struct ncr_eval *ev, const struct ncr_def *def,
                                struct ncr_value value)
{
    if (value.kind != NCR_KIND_RECORD || def->n_outs == 0) return value;
    const struct ncr_record *r = value.as.record;
    struct ncr_record *o = ncr_arena_alloc(ev->scratch, sizeof *o + r->n * sizeof o->at[0]);
    struct ncr_str *labels = NCR_NEW_N(ev->scratch, struct ncr_str, r->n);
    o->n = r->n;
    o->labels = labels;
    for (uint32_t i = 0; i < def->n_outs; i++)
        for (uint32_t k = 0; k < r->n; k++)
            if (ncr_str_eq(r->labels[k], def->outs[i].label)) {
                labels[i] = r->labels[k];
                o->at[i] = r->at[k];
            }
    return (struct ncr_value){.kind = NCR_KIND_RECORD, .as.record = o};
}

static const struct ncr_origin *origin_of(struct ncr_eval *ev, struct ncr_layer *layer)
{
    // The root net was not applied anywhere.
    if (layer->origin || !layer->site) return layer->origin;
    struct ncr_origin *origin = NCR_NEW(ev->arena, struct ncr_origin);
    origin->span = layer->site->span;
    if (layer->maker && layer->maker->site) {
        origin->block = layer->maker->def->name;
        origin->up = layer->maker->origin;
    }
    return layer->origin = origin;
}

static struct ncr_value apply_def(struct ncr_eval *ev, const struct ncr_layer *layer,
                                  const struct ncr_inputs *inputs, const struct ncr_code *at)
{
    const struct ncr_def *def = layer->def;
    if (ev->calls >= NCR_LIMIT_CALL_DEPTH) {
        ev->stopped = true;
        NCR_EVAL_REPORT(ev, CALL_DEPTH, at ? at->span : def->item->name_span,
                        ncr_show_str(ev->reporter, def->name), NCR_LIMIT_CALL_DEPTH);
        return ncr_value_error();
    }
    origin_of(ev, (struct ncr_layer *)layer); // made by this evaluation; set once
    struct ncr_frame *outer_frame = ev->frame, *frame = ncr_eval_frame(ev, def->n_slots, layer);
    uint32_t outer = ev->context;
    const struct ncr_genes *outer_genes = ev->genes;
    frame->params_before = ncr_builder_params(ev->builder);
    frame->macs_before = ncr_builder_macs(ev->builder);
    for (uint32_t i = 0; i < def->n_params; i++)
        frame->slots[def->params[i].slot] = layer->params[i];
    ev->frame = frame;
    ev->context = layer->context;
    if (layer->genes) ev->genes = layer->genes;
    ev->calls++;
    struct ncr_value v = ncr_value_error();
    if (bind_inputs(ev, layer, inputs, at)) v = ncr_eval_body(ev, def->body);
    if (v.kind != NCR_KIND_ERROR) {
        if (!check_outs(ev, def, v)) v = ncr_value_error();
        v = ordered(ev, def, v);
        ncr_eval_requires(ev, frame);
    }
    if (layer->genes) ncr_genes_check(ev, layer->genes);
    ev->calls--;
    ev->genes = outer_genes;
    ev->frame = outer_frame;
    ev->context = outer;
    return v;
}

// -- chains -------------------------------------------------------------------------------------

static struct ncr_value apply_one(struct ncr_eval *ev, const struct ncr_layer *layer,
                                  const struct ncr_inputs *inputs, const struct ncr_code *at)
{
    if (layer->unbound) {
        const char *name = layer->kind == NCR_LAYER_OP
                               ? ncr_op_name(layer->op)
                               : ncr_show_str(ev->reporter, layer->def->name);
        const char *missing = "";
        uint32_t n;
        if (layer->kind == NCR_LAYER_OP) {
            const struct ncr_sig_param *params = ncr_signature(layer->op, &n);
            for (uint32_t i = n; i-- > 0;)
                if (params[i].required) missing = params[i].name;
        } else {
            for (uint32_t i = layer->def->n_params; i-- > 0;)
                if (!layer->def->params[i].has_default)
                    missing = ncr_show_str(ev->reporter, layer->def->params[i].name);
        }
        NCR_EVAL_REPORT(ev, MISSING_ARGUMENT, layer->site->span, name, missing);
        return ncr_value_error();
    }
    return layer->kind == NCR_LAYER_OP ? apply_op(ev, layer, inputs, at)
                                       : apply_def(ev, layer, inputs, at);
}

struct ncr_value ncr_eval_apply(struct ncr_eval *ev, const struct ncr_layer *layer,
                                const struct ncr_inputs *inputs, const struct ncr_code *at)
{
    if (layer->kind != NCR_LAYER_CHAIN) return apply_one(ev, layer, inputs, at);
    // Chains nest as deep as a program composes them: walked with a stack of our own.
    struct link {
        const struct ncr_layer *chain;
        uint32_t next;
    };
    NCR_VEC(struct link) stack = {0};
    struct ncr_value v;
    if (inputs->n == 1) {
        v = inputs->at[0];
    } else {
        struct ncr_record *r =
            ncr_arena_alloc(ev->scratch, sizeof *r + inputs->n * sizeof r->at[0]);
        r->n = inputs->n;
        r->labels = inputs->labels;
        for (uint32_t i = 0; i < inputs->n; i++)
            r->at[i] = inputs->at[i];
        v = (struct ncr_value){.kind = NCR_KIND_RECORD, .as.record = r};
    }
    struct link first = {layer, 0};
    ncr_vec_push(ev->scratch, &stack, first);
    while (stack.n && v.kind != NCR_KIND_ERROR) {
        struct link *top = &stack.at[stack.n - 1];
        if (!ncr_eval_spend(ev, 1)) return ncr_value_error();
        if (top->next == top->chain->n_links) {
            stack.n--;
            continue;
        }
        const struct ncr_layer *next = top->chain->links[top->next++];
        if (next->kind == NCR_LAYER_CHAIN) {
            struct link deeper = {next, 0};
            ncr_vec_push(ev->scratch, &stack, deeper);
            continue;
        }
        struct ncr_inputs in = {&v, NULL, 1};
        struct ncr_value held = v;
        if (held.kind == NCR_KIND_RECORD)
            in = (struct ncr_inputs){held.as.record->at, held.as.record->labels, held.as.record->n};
        v = apply_one(ev, next, &in, at);
    }
    return v;
}

// -- nets ---------------------------------------------------------------------------------------

// The input nodes of a net, whose dimensions must all have values.
static bool net_inputs(struct ncr_eval *ev, const struct ncr_layer *layer, struct ncr_value *inputs)
{
    const struct ncr_def *def = layer->def;
    struct ncr_frame *outer = ev->frame;
    ev->frame = ncr_eval_frame(ev, def->n_slots, layer);
    for (uint32_t i = 0; i < def->n_params; i++)
        ev->frame->slots[def->params[i].slot] = layer->params[i];
    bool good = true;
    for (uint32_t i = 0; i < def->n_inputs; i++) {
        const struct ncr_param_def *input = &def->inputs[i];
        if (input->wrong) {
            good = false;
            continue;
        }
        bool open = input->n_dims == 0;
        for (uint32_t k = 0; k < input->n_dims && !open; k++)
            open = !input->dims[k];
        if (open) {
            NCR_EVAL_REPORT(ev, NET_INPUT_OPEN, input->span,
                            ncr_show_str(ev->reporter, input->name),
                            ncr_show_str(ev->reporter, def->name));
            good = false;
            continue;
        }
        struct ncr_attrs attrs = ncr_attrs_default(NCR_OP_INPUT);
        if (!ncr_eval_shape(ev, input->dims, input->n_dims, &attrs.shape)) {
            good = false;
            continue;
        }
        struct ncr_str path = unique(ev, ncr_site_path(ev, 0, input->name), 1);
        struct ncr_origin *origin = NCR_NEW(ev->arena, struct ncr_origin);
        origin->span = input->span;
        struct ncr_op_error err;
        ncr_node_id id = ncr_builder_add(ev->builder, NCR_OP_INPUT, &attrs, NULL, 0, path,
                                         NCR_NO_NODE, origin, &err);
        if (id == NCR_NO_NODE) {
            ncr_eval_reported(ev, ncr_report(ev->reporter, err.code, input->span, "%s", err.text));
            good = false;
            continue;
        }
        inputs[i] = tensor(id);
    }
    ev->frame = outer;
    return good;
}

// What `net n = e` stands for: a net with its parameters, or with a genotype.
static const struct ncr_layer *net_layer(struct ncr_eval *ev, const struct ncr_def *net)
{
    if (net->has_inputs) {
        // The root: its context is the net's own, its parameters are their defaults.
        struct ncr_layer *layer = NCR_NEW(ev->scratch, struct ncr_layer);
        struct ncr_value *params = NCR_NEW_N(ev->scratch, struct ncr_value, net->n_params);
        *layer = (struct ncr_layer){.kind = NCR_LAYER_DEF, .def = net, .params = params};
        ev->frame = ncr_eval_frame(ev, net->n_slots, layer);
        for (uint32_t i = 0; i < net->n_params; i++) {
            const struct ncr_param_def *param = &net->params[i];
            struct ncr_value v = ncr_eval_code(ev, param->fallback);
            if (v.kind != NCR_KIND_ERROR &&
                !ncr_eval_convert(ev, param, net, param->fallback->span, &v))
                return NULL;
            params[i] = ev->frame->slots[param->slot] = v;
        }
        return layer;
    }
    ev->frame = ncr_eval_frame(ev, net->n_slots, NULL);
    struct ncr_value v = ncr_eval_body(ev, net->body);
    if (v.kind == NCR_KIND_ERROR) return NULL;
    bool is_net = v.kind == NCR_KIND_LAYER && v.as.layer->kind == NCR_LAYER_DEF &&
                  v.as.layer->def->is_net && !v.as.layer->unbound;
    if (is_net) return v.as.layer;
    NCR_EVAL_REPORT(ev, NOT_A_NET, net->body->span, ncr_show(ev->reporter, v));
    return NULL;
}

struct ncr_graph *ncr_eval_net(struct ncr_eval *ev, const struct ncr_def *net)
{
    const struct ncr_layer *layer = net_layer(ev, net);
    if (!layer) return NULL;
    const struct ncr_def *def = layer->def;
    struct ncr_value *in = NCR_NEW_N(ev->scratch, struct ncr_value, def->n_inputs);
    if (!net_inputs(ev, layer, in)) return NULL;
    struct ncr_inputs inputs = {in, NULL, def->n_inputs};
    struct ncr_value v = apply_def(ev, layer, &inputs, NULL);
    if (v.kind == NCR_KIND_ERROR || ev->incomplete || ev->stopped) return NULL;
    if (v.kind == NCR_KIND_TENSOR) {
        struct ncr_str label = def->n_outs == 1 ? def->outs[0].label : NCR_STR("");
        ncr_builder_output(ev->builder, label, v.as.tensor);
    } else {
        for (uint32_t i = 0; i < v.as.record->n; i++)
            ncr_builder_output(ev->builder, v.as.record->labels[i], v.as.record->at[i].as.tensor);
    }
    return ncr_builder_finish(ev->builder);
}
