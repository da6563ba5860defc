// Makes layer values: operators with their attributes, blocks with their parameters, chains.
#include "compiler/sema/eval.h"

#define K(NAME) NCR_KIND_BIT(NAME)

static struct ncr_value layer_value(const struct ncr_layer *layer)
{
    return (struct ncr_value){.kind = NCR_KIND_LAYER, .as.layer = layer};
}

static struct ncr_layer *layer_new(struct ncr_eval *ev, enum ncr_layer_kind kind,
                                   const struct ncr_code *code)
{
    struct ncr_layer *layer = NCR_NEW(ev->scratch, struct ncr_layer);
    layer->kind = kind;
    layer->site = code;
    layer->maker = ev->frame->closure;
    layer->context = ev->context;
    layer->quant = ev->quant;
    ev->steps += 4;
    return layer;
}

// -- attributes of operators --------------------------------------------------------------------

// Where an argument is being set.
struct argument {
    struct ncr_eval *ev;
    const struct ncr_sig_param *param;
    const char *op;
    struct ncr_span span;
};

static bool wrong_type(const struct argument *arg, struct ncr_value v)
{
    struct ncr_eval *ev = arg->ev;
    NCR_EVAL_REPORT(ev, WRONG_TYPE, arg->span, arg->param->name, arg->op,
                    ncr_show_kinds(ev->reporter, ncr_sig_kinds(arg->param->type)),
                    ncr_show(ev->reporter, v));
    return false;
}

static bool in_bounds(const struct argument *arg, struct ncr_value v)
{
    double x = ncr_value_number(v);
    if (x >= arg->param->low && x <= arg->param->high) return true;
    struct ncr_eval *ev = arg->ev;
    NCR_EVAL_REPORT(ev, OUT_OF_RANGE, arg->span, arg->param->name, arg->op,
                    ncr_show(ev->reporter, v), arg->param->low, arg->param->high);
    return false;
}

static bool set_int(const struct argument *arg, struct ncr_value v, int32_t *out)
{
    if (v.kind != NCR_KIND_INT) return wrong_type(arg, v);
    if (!in_bounds(arg, v)) return false;
    *out = (int32_t)v.as.i;
    return true;
}

static bool set_pair(const struct argument *arg, struct ncr_value v, int32_t out[2])
{
    if (v.kind == NCR_KIND_INT) return set_int(arg, v, &out[0]) && set_int(arg, v, &out[1]);
    if (v.kind != NCR_KIND_LIST) return wrong_type(arg, v);
    if (v.as.list->n != 2) {
        struct ncr_eval *ev = arg->ev;
        NCR_EVAL_REPORT(ev, LIST_LENGTH, arg->span, arg->param->name, arg->op,
                        "two ints: [height, width]", v.as.list->n);
        return false;
    }
    return set_int(arg, v.as.list->at[0], &out[0]) && set_int(arg, v.as.list->at[1], &out[1]);
}

// same, valid, all sides, [height, width], [top, left, bottom, right].
static bool set_padding(const struct argument *arg, struct ncr_value v, struct ncr_attrs *attrs)
{
    if (v.kind == NCR_KIND_WORD) {
        attrs->pad_mode = v.as.i == NCR_WORD_SAME ? NCR_PAD_SAME : NCR_PAD_VALID;
        return true;
    }
    attrs->pad_mode = NCR_PAD_EXPLICIT;
    if (v.kind == NCR_KIND_LIST && v.as.list->n != 2 && v.as.list->n != 4) {
        struct ncr_eval *ev = arg->ev;
        NCR_EVAL_REPORT(ev, LIST_LENGTH, arg->span, arg->param->name, arg->op,
                        "two ints, or four: [top, left, bottom, right]", v.as.list->n);
        return false;
    }
    if (v.kind == NCR_KIND_LIST && v.as.list->n == 4) {
        for (int i = 0; i < 4; i++)
            if (!set_int(arg, v.as.list->at[i], &attrs->pad[i])) return false;
        return true;
    }
    int32_t pair[2];
    if (!set_pair(arg, v, pair)) return false;
    for (int i = 0; i < 4; i++)
        attrs->pad[i] = pair[i % 2];
    return true;
}

static bool set_shape(const struct argument *arg, struct ncr_value v, struct ncr_shape *shape)
{
    if (v.kind == NCR_KIND_INT) {
        shape->rank = 1;
        return set_int(arg, v, &shape->dim[0]);
    }
    if (v.kind != NCR_KIND_LIST) return wrong_type(arg, v);
    shape->rank = v.as.list->n;
    if (shape->rank != 1 && shape->rank != 3) {
        struct ncr_eval *ev = arg->ev;
        NCR_EVAL_REPORT(ev, LIST_LENGTH, arg->span, arg->param->name, arg->op,
                        "one int or three: C, H, W", shape->rank);
        return false;
    }
    for (uint32_t i = 0; i < shape->rank; i++)
        if (!set_int(arg, v.as.list->at[i], &shape->dim[i])) return false;
    return true;
}

static bool set_float(const struct argument *arg, struct ncr_value v, struct ncr_attrs *attrs)
{
    if (!ncr_value_is(v, K(INT) | K(FLOAT))) return wrong_type(arg, v);
    if (!in_bounds(arg, v)) return false;
    float *out = arg->param->attr == NCR_ATTR_EPS        ? &attrs->eps
                 : arg->param->attr == NCR_ATTR_MOMENTUM ? &attrs->momentum
                 : arg->param->attr == NCR_ATTR_ALPHA    ? &attrs->alpha
                                                         : &attrs->rate;
    *out = (float)ncr_value_number(v);
    return true;
}

static bool set(const struct argument *arg, struct ncr_value v, struct ncr_attrs *attrs)
{
    uint32_t attr = arg->param->attr;
    switch (arg->param->type) {
    case NCR_SIG_INT:
        return set_int(arg, v,
                       attr == NCR_ATTR_OUT      ? &attrs->out
                       : attr == NCR_ATTR_GROUPS ? &attrs->groups
                                                 : &attrs->multiplier);
    case NCR_SIG_PAIR:
        return set_pair(arg, v,
                        attr == NCR_ATTR_KERNEL     ? attrs->kernel
                        : attr == NCR_ATTR_STRIDE   ? attrs->stride
                        : attr == NCR_ATTR_DILATION ? attrs->dilation
                                                    : attrs->factor);
    case NCR_SIG_PADDING: return set_padding(arg, v, attrs);
    case NCR_SIG_BOOL:
        if (v.kind != NCR_KIND_BOOL) return wrong_type(arg, v);
        attrs->bias = v.as.b;
        return true;
    case NCR_SIG_FLOAT: return set_float(arg, v, attrs);
    case NCR_SIG_SHAPE: return set_shape(arg, v, &attrs->shape);
    }
    NCR_BUG("signature type %d", (int)arg->param->type);
}

bool ncr_eval_attr(struct ncr_eval *ev, enum ncr_op op, const struct ncr_sig_param *param,
                   struct ncr_span span, struct ncr_value value, struct ncr_attrs *attrs)
{
    struct argument arg = {ev, param, ncr_op_name(op), span};
    return value.kind != NCR_KIND_ERROR && set(&arg, value, attrs);
}

struct giving {
    const struct ncr_code *const *args;
    enum ncr_op op;
    uint32_t n;
    uint32_t at[16]; // parameter of each value
};

// values of the parameters that are given → INT: index of the attributes
static struct ncr_value attributes(struct ncr_eval *ev, void *user, const struct ncr_value *values)
{
    const struct giving *g = user;
    uint32_t n;
    const struct ncr_sig_param *params = ncr_signature(g->op, &n);
    struct ncr_attrs attrs = ncr_attrs_default(g->op);
    bool good = true;
    for (uint32_t k = 0; k < g->n; k++) {
        uint32_t i = g->at[k];
        struct argument arg = {ev, &params[i], ncr_op_name(g->op),
                               ncr_blame(ev->frame->closure, g->args[i])};
        good &= set(&arg, values[k], &attrs);
    }
    return good ? ncr_symbol_attrs(ev, &attrs) : ncr_value_error();
}

// An operator with values for its parameters; args[i] is NULL where one is not given.
static struct ncr_value operator_with(struct ncr_eval *ev, const struct ncr_code *code,
                                      enum ncr_op op, const struct ncr_value *values,
                                      const struct ncr_code *const *args)
{
    uint32_t n;
    ncr_signature(op, &n);
    struct giving giving = {.args = args, .op = op};
    struct ncr_value given[16];
    for (uint32_t i = 0; i < n; i++) {
        if (!args[i]) continue;
        given[giving.n] = values[i];
        giving.at[giving.n++] = i;
    }
    struct ncr_value attrs = ncr_lift(ev, given, giving.n, attributes, &giving);
    if (attrs.kind == NCR_KIND_UNKNOWN) NCR_EVAL_REPORT0(ev, FIGURE_PLACE, code->span);
    if (attrs.kind == NCR_KIND_ERROR || attrs.kind == NCR_KIND_UNKNOWN) return ncr_value_error();
    struct ncr_layer *layer = layer_new(ev, NCR_LAYER_OP, code);
    layer->op = op;
    layer->attrs = attrs;
    layer->args = args;
    return layer_value(layer);
}

struct ncr_value ncr_eval_operator(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value values[16];
    const struct ncr_code *const *args = (const struct ncr_code *const *)code->kid;
    for (uint32_t i = 0; i < code->n_kids && i < NCR_COUNT(values); i++)
        if (args[i]) values[i] = ncr_eval_code(ev, args[i]);
    if (code->kind == NCR_CODE_CALL_OP) return operator_with(ev, code, code->as.op, values, args);
    // A bare operator: without required parameters it is a layer as it stands.
    uint32_t n;
    const struct ncr_sig_param *params = ncr_signature(code->as.op, &n);
    struct ncr_layer *layer = layer_new(ev, NCR_LAYER_OP, code);
    struct ncr_attrs attrs = ncr_attrs_default(code->as.op);
    layer->op = code->as.op;
    layer->attrs = ncr_symbol_attrs(ev, &attrs);
    for (uint32_t i = 0; i < n; i++)
        layer->unbound |= params[i].required;
    return layer_value(layer);
}

// -- blocks -------------------------------------------------------------------------------------

// Converts to the type of a parameter; false after a message at `at`.
static bool to_type(struct ncr_eval *ev, const struct ncr_param_def *param,
                    const struct ncr_def *def, struct ncr_span at, struct ncr_value *value)
{
    bool good;
    if (param->is_quantity) {
        good = value->kind == NCR_KIND_QUANTITY &&
               ncr_dimension_eq(value->dimension, param->dimension);
    } else {
        good = ncr_value_is(*value, ncr_type_kinds(param->type));
        if (param->type == NCR_TYPE_FLOAT && value->kind == NCR_KIND_INT)
            *value = ncr_value_float((double)value->as.i);
    }
    if (good) return true;
    NCR_EVAL_REPORT(ev, WRONG_TYPE, at, ncr_show_str(ev->reporter, param->name),
                    ncr_show_str(ev->reporter, def->name),
                    param->is_quantity ? ncr_show_quantity(ev->reporter, param->dimension)
                                       : ncr_show_kinds(ev->reporter, ncr_type_kinds(param->type)),
                    ncr_show(ev->reporter, *value));
    return false;
}

struct converting {
    const struct ncr_param_def *param;
    const struct ncr_def *def;
    struct ncr_span at;
};

static struct ncr_value convert(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct converting *c = user;
    struct ncr_value out = *v;
    return to_type(ev, c->param, c->def, c->at, &out) ? out : ncr_value_error();
}

// The value of a parameter, each of its undecided values converted.
struct ncr_value ncr_eval_converted(struct ncr_eval *ev, const struct ncr_param_def *param,
                                    const struct ncr_def *def, struct ncr_span at,
                                    struct ncr_value v)
{
    struct converting c = {param, def, at};
    // A list stays a list of undecided values.
    if (v.kind == NCR_KIND_LIST || v.kind == NCR_KIND_RECORD) return convert(ev, &c, &v);
    v = ncr_lift(ev, &v, 1, convert, &c);
    if (!ncr_value_is(v, K(UNKNOWN))) return v;
    NCR_EVAL_REPORT0(ev, FIGURE_PLACE, at);
    return ncr_value_error();
}

struct bounding {
    const struct ncr_layer *layer;
    const struct ncr_code *bound;
};

static struct ncr_value within_bound(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct bounding *b = user;
    const struct ncr_layer *layer = b->layer;
    const struct ncr_def *def = layer->def;
    if (v->kind != NCR_KIND_BOOL) {
        NCR_EVAL_REPORT(ev, NOT_BOOL, def->bound->span, ncr_show(ev->reporter, *v));
        return ncr_value_error();
    }
    if (v->as.b) return *v;
    struct ncr_buf text = {0};
    for (uint32_t i = 0; i < def->n_params; i++) {
        struct ncr_value p = layer->params[i];
        if (p.kind == NCR_KIND_LAYER || ncr_is_lifted(p)) continue;
        ncr_buf_fmt(&text, "%s%.*s = ", text.n ? ", " : "", NCR_STR_ARG(def->params[i].name));
        ncr_value_text(p, &text);
    }
    struct ncr_str kept =
        ncr_str_dup(ev->scratch, (struct ncr_str){text.s ? text.s : "these values",
                                                  text.s ? (uint32_t)text.n : 12});
    ncr_buf_free(&text);
    struct ncr_diag *d = NCR_REPORT(ev->reporter, BOUND_EXCEEDED, layer->site->span,
                                    ncr_show_str(ev->reporter, def->name), kept.s);
    ncr_eval_blamed(ev, d, layer->maker);
    ncr_report_note(ev->reporter, d, def->bound->span, "the bound stands");
    return ncr_value_error();
}

// The condition after `bounded`, with the parameters in the frame.
static bool bound_holds(struct ncr_eval *ev, const struct ncr_layer *layer)
{
    const struct ncr_def *def = layer->def;
    if (!def->bound) return true;
    struct ncr_value v = ncr_eval_code(ev, def->bound);
    struct bounding bounding = {layer, def->bound};
    v = ncr_lift(ev, &v, 1, within_bound, &bounding);
    return v.kind != NCR_KIND_ERROR;
}

// Applies the parameter list of a def: values by parameter, args NULL where the default holds.
// Without tensors the body is evaluated at once.
static struct ncr_value def_with(struct ncr_eval *ev, const struct ncr_code *code,
                                 const struct ncr_def *def, const struct ncr_value *values,
                                 const struct ncr_code *const *args)
{
    struct ncr_layer *layer = layer_new(ev, NCR_LAYER_DEF, code);
    layer->def = def;
    layer->args = args;
    layer->context = ncr_context_child(ev, ev->context, code->site, code->text);
    if (ev->calls >= NCR_LIMIT_CALL_DEPTH) {
        ev->stopped = true;
        NCR_EVAL_REPORT(ev, CALL_DEPTH, code->span, ncr_show_str(ev->reporter, def->name),
                        NCR_LIMIT_CALL_DEPTH);
        return ncr_value_error();
    }
    struct ncr_frame *outer_frame = ev->frame, *frame = ncr_eval_frame(ev, def->n_slots, layer);
    struct ncr_value *params = NCR_NEW_N(ev->scratch, struct ncr_value, def->n_params);
    layer->params = params;
    uint32_t outer = ev->context;
    bool good = true;
    for (uint32_t i = 0; i < def->n_params; i++) {
        const struct ncr_param_def *param = &def->params[i];
        struct ncr_value v = {0};
        struct ncr_span at = param->span;
        if (args[i]) {
            v = values[i];
            at = ncr_blame(outer_frame->closure, args[i]);
        } else if (param->fallback) {
            ev->frame = frame;
            ev->context = layer->context;
            v = ncr_eval_code(ev, param->fallback);
            at = param->fallback->span;
            ev->frame = outer_frame;
            ev->context = outer;
        }
        if (v.kind != NCR_KIND_ERROR) {
            v = ncr_eval_converted(ev, param, def, at, v);
            good &= v.kind != NCR_KIND_ERROR;
        }
        params[i] = frame->slots[param->slot] = v;
    }
    ev->frame = frame;
    ev->context = layer->context;
    ev->calls++;
    good = good && bound_holds(ev, layer);
    struct ncr_value result = good ? layer_value(layer) : ncr_value_error();
    if (good && !def->has_inputs) result = ncr_eval_body(ev, def->body);
    ev->calls--;
    ev->frame = outer_frame;
    ev->context = outer;
    return result;
}

struct ncr_value ncr_eval_def(struct ncr_eval *ev, const struct ncr_code *code)
{
    const struct ncr_def *def = code->as.def;
    if (code->kind == NCR_CODE_DEF) {
        bool needs = false;
        for (uint32_t i = 0; i < def->n_params; i++)
            needs |= !def->params[i].has_default;
        if (needs || !def->has_inputs) {
            struct ncr_layer *layer = layer_new(ev, NCR_LAYER_DEF, code);
            layer->def = def;
            layer->unbound = true;
            return layer_value(layer);
        }
        const struct ncr_code **none =
            NCR_NEW_N(ev->scratch, const struct ncr_code *, def->n_params);
        return def_with(ev, code, def, NULL, none);
    }
    struct ncr_value *values = NCR_NEW_N(ev->scratch, struct ncr_value, code->n_kids);
    for (uint32_t i = 0; i < code->n_kids; i++)
        if (code->kid[i]) values[i] = ncr_eval_code(ev, code->kid[i]);
    return def_with(ev, code, def, values, (const struct ncr_code *const *)code->kid);
}

// -- calls of values ----------------------------------------------------------------------------

// block(64, stride: 2) where block is a value: the same rules as where the name is known.
static struct ncr_value bind(struct ncr_eval *ev, const struct ncr_code *code,
                             const struct ncr_layer *layer, const struct ncr_value *given)
{
    bool is_def = layer->kind == NCR_LAYER_DEF;
    uint32_t n = is_def ? layer->def->n_params : 0;
    const struct ncr_sig_param *signature = is_def ? NULL : ncr_signature(layer->op, &n);
    const char *name =
        is_def ? ncr_show_str(ev->reporter, layer->def->name) : ncr_op_name(layer->op);
    struct ncr_str *names = NCR_NEW_N(ev->scratch, struct ncr_str, n);
    for (uint32_t i = 0; i < n; i++)
        names[i] = is_def ? layer->def->params[i].name : ncr_str_of(signature[i].name);
    struct ncr_value *values = NCR_NEW_N(ev->scratch, struct ncr_value, n);
    const struct ncr_code **args = NCR_NEW_N(ev->scratch, const struct ncr_code *, n);
    for (uint32_t k = 1; k < code->n_kids; k++) {
        struct ncr_str label = code->labels[k];
        uint32_t i = k - 1;
        for (i = label.n ? 0 : k - 1; label.n && i < n && !ncr_str_eq(names[i], label);)
            i++;
        struct ncr_span span = code->label_spans[k];
        if (i >= n && label.n) {
            struct ncr_diag *d = NCR_EVAL_REPORT(ev, UNKNOWN_ARGUMENT, span, name,
                                                 ncr_show_str(ev->reporter, label));
            ncr_report_nearest(ev->reporter, d, label, names, n);
            return ncr_value_error();
        }
        if (i >= n) {
            NCR_EVAL_REPORT(ev, TOO_MANY_ARGUMENTS, span, name, n, n == 1 ? "" : "s",
                            code->n_kids - 1);
            return ncr_value_error();
        }
        if (!label.n && k > 1) {
            struct ncr_diag *d = NCR_EVAL_REPORT(ev, UNNAMED_ARGUMENT, span, name);
            ncr_report_help(ev->reporter, d, "write `%.*s: …`", NCR_STR_ARG(names[i]));
            return ncr_value_error();
        }
        if (args[i]) {
            NCR_EVAL_REPORT(ev, REPEATED_ARGUMENT, span, ncr_show_str(ev->reporter, names[i]));
            return ncr_value_error();
        }
        values[i] = given[k];
        args[i] = code->kid[k];
    }
    for (uint32_t i = 0; i < n; i++) {
        bool required = is_def ? !layer->def->params[i].has_default : signature[i].required;
        if (args[i] || !required) continue;
        NCR_EVAL_REPORT(ev, MISSING_ARGUMENT, code->span, name,
                        ncr_show_str(ev->reporter, names[i]));
        return ncr_value_error();
    }
    return is_def ? def_with(ev, code, layer->def, values, args)
                  : operator_with(ev, code, layer->op, values, args);
}

static struct ncr_value call_layer(struct ncr_eval *ev, const struct ncr_code *code,
                                   struct ncr_value callee, const struct ncr_value *given,
                                   bool tensors)
{
    if (callee.kind != NCR_KIND_LAYER) {
        NCR_EVAL_REPORT(ev, NOT_CALLABLE, code->kid[0]->span, ncr_show(ev->reporter, callee));
        return ncr_value_error();
    }
    const struct ncr_layer *layer = callee.as.layer;
    if (tensors) {
        bool labelled = false;
        for (uint32_t i = 1; i < code->n_kids; i++)
            labelled |= code->labels[i].n != 0;
        struct ncr_inputs inputs = {given + 1, labelled ? code->labels + 1 : NULL,
                                    code->n_kids - 1};
        return ncr_eval_apply(ev, callee, &inputs, code);
    }
    bool named = layer->kind != NCR_LAYER_CHAIN && layer->site &&
                 (layer->site->kind == NCR_CODE_OPERATOR || layer->site->kind == NCR_CODE_DEF);
    if (named && code->site) return bind(ev, code, layer, given);
    uint32_t at = 1;
    while (at < code->n_kids && ncr_lift_may(ev, given[at], K(TENSOR)))
        at++;
    if (at < code->n_kids)
        NCR_EVAL_REPORT(ev, NOT_A_TENSOR, code->kid[at]->span, ncr_show(ev->reporter, given[at]));
    else
        NCR_EVAL_REPORT(ev, NOT_CALLABLE, code->kid[0]->span, "a layer without tensors");
    return ncr_value_error();
}

struct ncr_value ncr_eval_call_value(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value callee = ncr_eval_code(ev, code->kid[0]);
    struct ncr_value *given = NCR_NEW_N(ev->scratch, struct ncr_value, code->n_kids);
    bool good = callee.kind != NCR_KIND_ERROR, tensors = code->n_kids > 1;
    for (uint32_t i = 1; i < code->n_kids; i++) {
        given[i] = ncr_eval_code(ev, code->kid[i]);
        good &= given[i].kind != NCR_KIND_ERROR;
        tensors &= ncr_lift_may(ev, given[i], K(TENSOR));
    }
    if (!good) return ncr_value_error();
    uint32_t n;
    struct ncr_case *cases = ncr_lift_cases(ev, callee, &n);
    struct ncr_value v = ncr_value_error();
    ncr_diagram outer = ev->guard;
    for (uint32_t i = n; i-- > 0;) {
        if (ncr_guard_enter(ev, cases[i].cond)) {
            struct ncr_value r = call_layer(ev, code, cases[i].value, given, tensors);
            v = ncr_lift_if(ev, cases[i].cond, r, v);
        }
        ev->guard = outer;
    }
    return v;
}

// -- chains -------------------------------------------------------------------------------------

struct ncr_value ncr_eval_chain(struct ncr_eval *ev, const struct ncr_code *code,
                                const struct ncr_value *links, uint32_t n)
{
    struct ncr_layer *layer = layer_new(ev, NCR_LAYER_CHAIN, code);
    layer->links = links;
    layer->n_links = n;
    return layer_value(layer);
}

// -- number formats -----------------------------------------------------------------------------

// A layer that was made elsewhere, in the format at `user` unless it has one.
static struct ncr_value formatted(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct ncr_value *quant = user;
    if (v->kind != NCR_KIND_LAYER || !ncr_eval_spend(ev, 1)) return *v;
    const struct ncr_layer *layer = v->as.layer;
    struct ncr_layer *own = NCR_NEW(ev->scratch, struct ncr_layer);
    *own = *layer;
    if (layer->kind == NCR_LAYER_CHAIN) {
        struct ncr_value *links = NCR_NEW_N(ev->scratch, struct ncr_value, layer->n_links);
        for (uint32_t i = 0; i < layer->n_links; i++)
            links[i] = ncr_lift(ev, &layer->links[i], 1, formatted, user);
        own->links = links;
    } else if (layer->quant.kind == NCR_KIND_ERROR) {
        own->quant = *quant;
    } else {
        return *v;
    }
    return layer_value(own);
}

static struct ncr_value quant_only(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct ncr_code *code = user;
    if (v->kind == NCR_KIND_DECLARATION && ncr_item_is(v->as.item, "quant") && v->as.item->spec)
        return *v;
    if (v->kind != NCR_KIND_DECLARATION || !ncr_item_is(v->as.item, "quant"))
        NCR_EVAL_REPORT(ev, ANNOTATION_ARGUMENT, code->span, "quant", "a quantisation");
    return ncr_value_error();
}

struct ncr_value ncr_eval_quant(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value quant = ncr_eval_code(ev, code->kid[1]), outer = ev->quant;
    quant = ncr_lift(ev, &quant, 1, quant_only, code->kid[1]);
    if (quant.kind == NCR_KIND_ERROR) return ncr_eval_code(ev, code->kid[0]);
    ev->quant = quant;
    struct ncr_value v = ncr_eval_code(ev, code->kid[0]);
    ev->quant = outer;
    return ncr_lift_may(ev, v, K(LAYER)) ? ncr_lift(ev, &v, 1, formatted, &quant) : v;
}

// -- application --------------------------------------------------------------------------------

struct ncr_value ncr_eval_pipe(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value x = ncr_eval_code(ev, code->kid[0]), f = ncr_eval_code(ev, code->kid[1]);
    if (x.kind == NCR_KIND_ERROR || f.kind == NCR_KIND_ERROR) return ncr_value_error();
    if (!ncr_lift_may(ev, f, K(LAYER))) {
        NCR_EVAL_REPORT(ev, NOT_A_LAYER, code->kid[1]->span, ncr_show(ev->reporter, f));
        return ncr_value_error();
    }
    // Undecided lists of tensors are taken apart by what they may be.
    uint32_t n;
    struct ncr_case one = {x, NCR_TRUE}, *cases = &one;
    bool lists = x.kind == NCR_KIND_LIFTED && ncr_lift_may(ev, x, K(LIST) | K(RECORD));
    if (lists) cases = ncr_lift_cases(ev, x, &n);
    if (!lists) n = 1;
    struct ncr_value v = ncr_value_error();
    ncr_diagram outer = ev->guard;
    for (uint32_t i = n; i-- > 0;) {
        struct ncr_value xi = cases[i].value;
        struct ncr_inputs inputs = {&xi, NULL, 1};
        if (xi.kind == NCR_KIND_RECORD)
            inputs = (struct ncr_inputs){xi.as.record->at, xi.as.record->labels, xi.as.record->n};
        else if (xi.kind == NCR_KIND_LIST)
            inputs = (struct ncr_inputs){xi.as.list->at, NULL, xi.as.list->n};
        bool tensors = true;
        for (uint32_t k = 0; k < inputs.n; k++)
            tensors &= ncr_lift_may(ev, inputs.at[k], K(TENSOR));
        if (!ncr_guard_enter(ev, cases[i].cond)) continue;
        if (tensors) {
            v = ncr_lift_if(ev, cases[i].cond, ncr_eval_apply(ev, f, &inputs, code), v);
        } else if (ncr_lift_feasible(ev, NCR_TRUE)) {
            struct ncr_diag *d =
                NCR_EVAL_REPORT(ev, NOT_A_TENSOR, code->kid[0]->span, ncr_show(ev->reporter, xi));
            if (xi.kind == NCR_KIND_LAYER)
                ncr_report_help(ev->reporter, d, "layers are composed with `>>`");
        }
        ev->guard = outer;
    }
    return v;
}

struct ncr_value ncr_eval_tensors(struct ncr_eval *ev, const struct ncr_code *code,
                                  struct ncr_value a, struct ncr_value b)
{
    enum ncr_op op = code->op == NCR_AST_ADD ? NCR_OP_ADD : NCR_OP_MUL;
    struct ncr_layer *layer = layer_new(ev, NCR_LAYER_OP, code);
    struct ncr_attrs attrs = ncr_attrs_default(op);
    layer->op = op;
    layer->attrs = ncr_symbol_attrs(ev, &attrs);
    struct ncr_value both[2] = {a, b};
    struct ncr_inputs inputs = {both, NULL, 2};
    return ncr_eval_apply(ev, layer_value(layer), &inputs, code);
}
