// Applies layers to tensors: nodes of the graph, bodies of blocks, links of chains; and elaborates
// whole nets.
#include "compiler/sema/eval.h"

#define K(NAME) NCR_KIND_BIT(NAME)

// -- operators ----------------------------------------------------------------------------------

static struct ncr_value apply_op(struct ncr_eval *ev, const struct ncr_layer *layer,
                                 const struct ncr_inputs *inputs, const struct ncr_code *at)
{
    int min = ncr_op_min_in(layer->op), max = ncr_op_max_in(layer->op);
    if ((int64_t)inputs->n < min || (max >= 0 && (int64_t)inputs->n > max)) {
        if (ncr_lift_feasible(ev, NCR_TRUE))
            NCR_EVAL_REPORT(ev, INPUT_COUNT, at->span, ncr_op_name(layer->op), min,
                            max < 0 ? " or more" : "", min == 1 && max == 1 ? "" : "s", inputs->n);
        return ncr_value_error();
    }
    if (ev->space->nodes.n >= NCR_LIMIT_NODES) {
        ev->stopped = true;
        NCR_EVAL_REPORT(ev, NODE_LIMIT, layer->site->span, NCR_LIMIT_NODES);
        return ncr_value_error();
    }
    if (!ncr_eval_spend(ev, inputs->n + 8)) return ncr_value_error();
    return ncr_symbol_add(ev, layer, inputs->at, inputs->n, at);
}

// -- shapes of declared tensors -----------------------------------------------------------------

static struct ncr_value dimension_only(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct ncr_code *code = user;
    if (v->kind != NCR_KIND_INT) {
        NCR_EVAL_REPORT(ev, DIMENSION_KIND, code->span, ncr_show(ev->reporter, *v));
        return ncr_value_error();
    }
    if (v->as.i < 1 || v->as.i > NCR_LIMIT_DIM) {
        NCR_EVAL_REPORT(ev, DIMENSION_VALUE, code->span, (long long)v->as.i, (int)NCR_LIMIT_DIM);
        return ncr_value_error();
    }
    return *v;
}

// An INT or LIFTED; poison after a message.
static struct ncr_value dimension(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value v = ncr_eval_code(ev, code);
    v = ncr_lift(ev, &v, 1, dimension_only, (void *)code);
    if (v.kind <= NCR_KIND_LIFTED) return v;
    NCR_EVAL_REPORT0(ev, FIGURE_PLACE, code->span);
    return ncr_value_error();
}

bool ncr_eval_shape(struct ncr_eval *ev, struct ncr_code *const *dims, uint32_t n,
                    struct ncr_shape *out)
{
    bool good = true;
    out->rank = n;
    for (uint32_t i = 0; i < n; i++) {
        struct ncr_value v = dimension(ev, dims[i]);
        if (v.kind == NCR_KIND_LIFTED) {
            NCR_EVAL_REPORT(ev, DIMENSION_KIND, dims[i]->span, "a value that depends on decisions");
            v = ncr_value_error();
        }
        good &= v.kind == NCR_KIND_INT;
        out->dim[i] = (int32_t)v.as.i;
    }
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

struct matching {
    const struct ncr_layer *layer;
    const struct ncr_param_def *input;
};

// shape found, then each dimension that is declared → bool
static struct ncr_value match(struct ncr_eval *ev, void *user, const struct ncr_value *args)
{
    const struct matching *m = user;
    const struct ncr_param_def *input = m->input;
    const struct ncr_shape *found = ncr_shape_at(ev, args[0]);
    struct ncr_shape declared = {.rank = input->n_dims};
    for (uint32_t i = 0, k = 1; i < input->n_dims; i++) {
        if (input->dims[i])
            declared.dim[i] = (int32_t)args[k++].as.i;
        else
            declared.dim[i] = i < found->rank ? found->dim[i] : 0;
    }
    if (ncr_shape_equal(found, &declared)) return ncr_value_bool(true);
    const struct ncr_layer *layer = m->layer;
    struct ncr_span span = layer->site ? layer->site->span : input->span;
    struct ncr_diag *d =
        NCR_REPORT(ev->reporter, INPUT_SHAPE, span, ncr_show_str(ev->reporter, input->name),
                   ncr_show_str(ev->reporter, layer->def->name),
                   show_declared(ev, input, &declared), ncr_show_shape(ev->reporter, found));
    ncr_eval_blamed(ev, d, layer->maker);
    ncr_report_note(ev->reporter, d, input->span, "declared");
    return ncr_value_error();
}

static struct ncr_value found_dimension(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct ncr_shape *found = ncr_shape_at(ev, *v);
    uint32_t i = *(const uint32_t *)user;
    return ncr_value_int(i < found->rank ? found->dim[i] : 0);
}

// Compares a tensor with its declared shape and binds the names among its dimensions.
static bool bind_input(struct ncr_eval *ev, const struct ncr_layer *layer,
                       const struct ncr_param_def *input, struct ncr_value value)
{
    struct ncr_frame *frame = ev->frame;
    frame->slots[input->slot] = value;
    if (input->n_dims == 0) return true;
    struct ncr_value args[1 + NCR_MAX_RANK] = {ncr_symbol_shape(ev, value)};
    uint32_t n = 1;
    for (uint32_t i = 0; i < input->n_dims; i++) {
        if (!input->dims[i]) {
            frame->slots[input->dim_slots[i]] = ncr_lift(ev, args, 1, found_dimension, &i);
            continue;
        }
        args[n] = dimension(ev, input->dims[i]);
        if (args[n++].kind == NCR_KIND_ERROR) return false;
    }
    struct matching m = {layer, input};
    struct ncr_value v = ncr_lift(ev, args, n, match, &m);
    return v.kind != NCR_KIND_ERROR;
}

static bool bind_inputs(struct ncr_eval *ev, const struct ncr_layer *layer,
                        const struct ncr_inputs *inputs, const struct ncr_code *at)
{
    const struct ncr_def *def = layer->def;
    if (inputs->n != def->n_inputs) {
        if (!ncr_lift_feasible(ev, NCR_TRUE)) return false;
        struct ncr_diag *d =
            NCR_REPORT(ev->reporter, INPUT_COUNT, at ? at->span : def->item->name_span,
                       ncr_show_str(ev->reporter, def->name), (int)def->n_inputs, "",
                       def->n_inputs == 1 ? "" : "s", inputs->n);
        ncr_eval_blamed(ev, d, layer->maker);
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

struct promise {
    const struct ncr_def *def;
    const struct ncr_out_def *out;
};

// shape found, then the dimensions that are promised → bool
static struct ncr_value kept(struct ncr_eval *ev, void *user, const struct ncr_value *args)
{
    const struct promise *p = user;
    const struct ncr_shape *found = ncr_shape_at(ev, args[0]);
    struct ncr_shape declared = {.rank = p->out->n_dims};
    for (uint32_t i = 0; i < declared.rank; i++)
        declared.dim[i] = (int32_t)args[1 + i].as.i;
    if (ncr_shape_equal(found, &declared)) return ncr_value_bool(true);
    NCR_EVAL_REPORT(ev, OUTPUT_SHAPE, p->out->span, ncr_show_str(ev->reporter, p->def->name),
                    ncr_show_shape(ev->reporter, &declared), ncr_show_shape(ev->reporter, found));
    return ncr_value_error();
}

static bool check_out(struct ncr_eval *ev, const struct ncr_def *def, const struct ncr_out_def *out,
                      struct ncr_value value)
{
    if (out->n_dims == 0) return true;
    struct ncr_value args[1 + NCR_MAX_RANK] = {ncr_symbol_shape(ev, value)};
    for (uint32_t i = 0; i < out->n_dims; i++) {
        args[1 + i] = dimension(ev, out->dims[i]);
        if (args[1 + i].kind == NCR_KIND_ERROR) return false;
    }
    struct promise p = {def, out};
    return ncr_lift(ev, args, 1 + out->n_dims, kept, &p).kind != NCR_KIND_ERROR;
}

static bool check_outs(struct ncr_eval *ev, const struct ncr_def *def, struct ncr_value value)
{
    const struct ncr_code *result =
        def->body->kind == NCR_CODE_BODY ? def->body->kid[def->body->n_kids - 1] : def->body;
    struct ncr_span at = result->span;
    if (value.kind == NCR_KIND_RECORD) {
        const struct ncr_record *r = value.as.record;
        for (uint32_t i = 0; i < r->n; i++) {
            if (ncr_lift_may(ev, r->at[i], K(TENSOR))) continue;
            NCR_EVAL_REPORT(ev, NOT_A_TENSOR, at, ncr_show(ev->reporter, r->at[i]));
            return false;
        }
    } else if (!ncr_lift_may(ev, value, K(TENSOR))) {
        NCR_EVAL_REPORT(ev, BODY_VALUE, at, ncr_item_kind_name(def->item),
                        ncr_show_str(ev->reporter, def->name), ncr_show(ev->reporter, value));
        return false;
    }
    if (def->n_outs == 0) return true;
    if (value.kind != NCR_KIND_RECORD) {
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
    struct ncr_value outer_quant = ev->quant;
    ev->quant = layer->quant;
    frame->first_node = ev->space->nodes.n;
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
    ev->quant = outer_quant;
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

static struct ncr_inputs inputs_of(const struct ncr_value *v)
{
    if (v->kind == NCR_KIND_RECORD)
        return (struct ncr_inputs){v->as.record->at, v->as.record->labels, v->as.record->n};
    return (struct ncr_inputs){v, NULL, 1};
}

// A layer that decisions choose: each under its condition, the results merged.
static struct ncr_value apply_cases(struct ncr_eval *ev, struct ncr_value layer,
                                    const struct ncr_inputs *inputs, const struct ncr_code *at)
{
    uint32_t n;
    struct ncr_case *cases = ncr_lift_cases(ev, layer, &n);
    struct ncr_value v = ncr_value_error();
    ncr_diagram outer = ev->guard;
    for (uint32_t i = 0; i < n && !ev->stopped; i++) {
        if (ncr_guard_enter(ev, cases[i].cond)) {
            struct ncr_value r = ncr_value_error();
            if (cases[i].value.kind == NCR_KIND_LAYER)
                r = ncr_eval_apply(ev, cases[i].value, inputs, at);
            else if (ncr_lift_feasible(ev, NCR_TRUE))
                NCR_EVAL_REPORT(ev, NOT_A_LAYER, at->span, ncr_show(ev->reporter, cases[i].value));
            v = ncr_lift_if(ev, cases[i].cond, r, v);
        }
        ev->guard = outer;
    }
    return v;
}

struct ncr_value ncr_eval_apply(struct ncr_eval *ev, struct ncr_value value,
                                const struct ncr_inputs *inputs, const struct ncr_code *at)
{
    if (value.kind == NCR_KIND_LIFTED) return apply_cases(ev, value, inputs, at);
    const struct ncr_layer *layer = value.as.layer;
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
        struct ncr_value next = top->chain->links[top->next++];
        struct ncr_value held = v;
        struct ncr_inputs in = inputs_of(&held);
        if (next.kind == NCR_KIND_LIFTED) {
            v = apply_cases(ev, next, &in, at);
        } else if (next.kind != NCR_KIND_LAYER) {
            return ncr_value_error();
        } else if (next.as.layer->kind == NCR_LAYER_CHAIN) {
            struct link deeper = {next.as.layer, 0};
            ncr_vec_push(ev->scratch, &stack, deeper);
        } else {
            v = apply_one(ev, next.as.layer, &in, at);
        }
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
        struct ncr_str path = ncr_path_unique(ev, ncr_site_path(ev, 0, input->name), 1);
        struct ncr_origin *origin = NCR_NEW(ev->arena, struct ncr_origin);
        origin->span = input->span;
        struct ncr_op_error err;
        inputs[i] = ncr_symbol_input(ev, &attrs.shape, path, origin, &err);
        if (inputs[i].kind == NCR_KIND_ERROR) {
            ncr_eval_reported(ev, ncr_report(ev->reporter, err.code, input->span, "%s", err.text));
            good = false;
        }
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
            v = ncr_eval_converted(ev, param, net, param->fallback->span, v);
            if (v.kind == NCR_KIND_ERROR) return NULL;
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

static uint32_t node_leaf(void *user, const uint32_t *leaf)
{
    struct ncr_eval *ev = user;
    if (leaf[0] == NCR_HOLE || ev->leaves.at[leaf[0]].kind != NCR_KIND_TENSOR) return NCR_HOLE;
    return ev->leaves.at[leaf[0]].as.tensor;
}

static void output(struct ncr_eval *ev, struct ncr_str name, struct ncr_value v)
{
    ncr_diagram f = ncr_lift_diagram(ev, v);
    struct ncr_space_output out = {
        name, ncr_diagram_apply(&ev->space->diagrams, NCR_TRUE, &f, 1, node_leaf, ev)};
    ncr_vec_push(ev->space->arena, &ev->space->outputs, out);
}

bool ncr_eval_net(struct ncr_eval *ev, const struct ncr_item *net)
{
    const struct ncr_layer *layer = net_layer(ev, net->def);
    if (!layer) return false;
    // Decisions in global lets are the net's, and its genes make them.
    ev->genes = layer->genes;
    bool incomplete = ev->incomplete;
    ncr_eval_lets(ev, net, false);
    ev->incomplete |= incomplete;
    const struct ncr_def *def = layer->def;
    struct ncr_value *in = NCR_NEW_N(ev->scratch, struct ncr_value, def->n_inputs);
    if (!net_inputs(ev, layer, in)) return false;
    struct ncr_inputs inputs = {in, NULL, def->n_inputs};
    struct ncr_value v = apply_def(ev, layer, &inputs, NULL);
    if (v.kind == NCR_KIND_ERROR || ev->incomplete || ev->stopped) return false;
    if (v.kind != NCR_KIND_RECORD) {
        output(ev, def->n_outs == 1 ? def->outs[0].label : NCR_STR(""), v);
    } else {
        for (uint32_t i = 0; i < v.as.record->n; i++)
            output(ev, v.as.record->labels[i], v.as.record->at[i]);
    }
    ncr_lift_check(ev);
    return !ev->stopped;
}
