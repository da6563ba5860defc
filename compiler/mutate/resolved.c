// Prints a graph as a program and spells the names of its nodes as words of the language. Writes a
// plain text first; the formatter gives it its canonical form.
#include "compiler/mutate/resolved.h"

#include <ctype.h>

#include "compiler/sema/sema.h"

struct named_quant { // a number format of single layers
    const struct ncr_quant_spec *spec;
    struct ncr_str name;
};

struct printer {
    struct ncr_arena *arena;
    const struct ncr_graph *graph;
    struct ncr_buf text;
    bool *live;             // by node
    uint32_t *uses;         // by parameter: live nodes that use the run that begins here
    struct ncr_str *tensor; // by node: name of its tensor
    struct ncr_str *layer;  // by parameter that begins a shared run: name of the layer
    const struct ncr_resolved_frame *frame;
    NCR_VEC(struct named_quant) quants;
    struct ncr_table taken; // hash of a name → 0
    struct ncr_str net;
};

// -- names --------------------------------------------------------------------------------------

static bool is_free(const struct printer *p, struct ncr_str name)
{
    return ncr_table_get(&p->taken, ncr_hash_bytes(name.s, name.n).lo) == UINT32_MAX &&
           !ncr_word_is_keyword(name) && ncr_language_find(name).kind == NCR_LANG_NOTHING &&
           !ncr_str_is(name, "input");
}

// A word for text: each run of other bytes is one underscore, none at the ends.
static struct ncr_str word(struct printer *p, struct ncr_str text, const char *fallback)
{
    char *s = NCR_NEW_N(p->arena, char, (size_t)text.n + 2);
    uint32_t n = 0;
    for (uint32_t i = 0; i < text.n; i++) {
        char c = text.s[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (good && n == 0 && c >= '0' && c <= '9') s[n++] = '_';
        if (good)
            s[n++] = c;
        else if (n && s[n - 1] != '_')
            s[n++] = '_';
    }
    while (n && s[n - 1] == '_')
        n--;
    return n ? (struct ncr_str){s, n} : ncr_str_of(fallback);
}

static struct ncr_str unique(struct printer *p, struct ncr_str name)
{
    struct ncr_str result = name;
    for (uint32_t k = 1; !is_free(p, result); k++)
        result = ncr_str_fmt(p->arena, "%.*s_%u", NCR_STR_ARG(name), k);
    ncr_table_set(p->arena, &p->taken, ncr_hash_bytes(result.s, result.n).lo, 0);
    return result;
}

// A path without that of the net before it.
static struct ncr_str within(const struct printer *p, struct ncr_str path)
{
    struct ncr_str net = p->graph->name;
    bool starts = path.n > net.n && memcmp(path.s, net.s, net.n) == 0 && path.s[net.n] == '/';
    return starts ? (struct ncr_str){path.s + net.n + 1, path.n - net.n - 1} : path;
}

static bool is_shared(const struct printer *p, const struct ncr_node *node)
{
    return node->n_params && p->uses[node->first_param] > 1;
}

static void choose_names(struct printer *p)
{
    const struct ncr_graph *g = p->graph;
    uint32_t *applied = NCR_NEW_N(p->arena, uint32_t, g->n_params);
    p->net = unique(p, word(p, g->name, "resolved"));
    for (ncr_node_id id = 0; id < g->n_nodes; id++) {
        const struct ncr_quant_spec *spec = p->live[id] ? g->nodes[id].attrs.quant : NULL;
        for (uint32_t i = 0; i < p->quants.n && spec; i++)
            if (p->quants.at[i].spec == spec) spec = NULL;
        if (!spec) continue;
        struct named_quant quant = {spec, unique(p, word(p, spec->name, "format"))};
        ncr_vec_push(p->arena, &p->quants, quant);
    }
    for (uint32_t i = 0; i < g->n_inputs; i++)
        p->tensor[g->inputs[i]] =
            unique(p, word(p, within(p, g->nodes[g->inputs[i]].path), "input"));
    for (ncr_node_id id = 0; id < g->n_nodes; id++) {
        const struct ncr_node *node = &g->nodes[id];
        if (!p->live[id] || node->op == NCR_OP_INPUT) continue;
        struct ncr_str name = within(p, node->path);
        if (node->n_params) {
            // Weights keep the path that they are named after.
            struct ncr_str owner = g->params[node->first_param].name;
            while (owner.n && owner.s[owner.n - 1] != '.')
                owner.n--;
            if (owner.n) owner.n--;
            name = within(p, owner);
        }
        if (is_shared(p, node)) {
            struct ncr_str *layer = &p->layer[node->first_param];
            if (!layer->n) *layer = unique(p, word(p, name, "layer"));
            name =
                ncr_str_fmt(p->arena, "%.*s_%u", NCR_STR_ARG(*layer), ++applied[node->first_param]);
        }
        p->tensor[id] = unique(p, word(p, name, "tensor"));
    }
}

// -- operators ----------------------------------------------------------------------------------

static void put_pair(struct ncr_buf *out, const int32_t v[2])
{
    if (v[0] == v[1])
        ncr_buf_fmt(out, "%d", v[0]);
    else
        ncr_buf_fmt(out, "[%d, %d]", v[0], v[1]);
}

static void put_pad(struct ncr_buf *out, const struct ncr_attrs *a)
{
    switch (a->pad_mode) {
    case NCR_PAD_SAME: ncr_buf_puts(out, "same"); return;
    case NCR_PAD_VALID: ncr_buf_puts(out, "valid"); return;
    case NCR_PAD_EXPLICIT: break;
    }
    if (a->pad[0] == a->pad[2] && a->pad[1] == a->pad[3])
        put_pair(out, a->pad);
    else
        ncr_buf_fmt(out, "[%d, %d, %d, %d]", a->pad[0], a->pad[1], a->pad[2], a->pad[3]);
}

static bool same_pair(const int32_t a[2], const int32_t b[2])
{
    return a[0] == b[0] && a[1] == b[1];
}

// Whether the attribute has the value that it has where it is not written.
static bool is_default(enum ncr_op op, uint32_t bit, const struct ncr_attrs *a)
{
    struct ncr_attrs d = ncr_attrs_default(op);
    bool pool = op == NCR_OP_MAXPOOL || op == NCR_OP_AVGPOOL;
    switch ((enum ncr_attr_bit)bit) {
    case NCR_ATTR_OUT:
    case NCR_ATTR_KERNEL:
    case NCR_ATTR_FACTOR:
    case NCR_ATTR_SHAPE: return false;
    case NCR_ATTR_STRIDE: return same_pair(a->stride, pool ? a->kernel : d.stride);
    case NCR_ATTR_PAD: return a->pad_mode == d.pad_mode && a->pad_mode != NCR_PAD_EXPLICIT;
    case NCR_ATTR_DILATION: return same_pair(a->dilation, d.dilation);
    case NCR_ATTR_GROUPS: return a->groups == d.groups;
    case NCR_ATTR_BIAS: return a->bias == d.bias;
    case NCR_ATTR_MULTIPLIER: return a->multiplier == d.multiplier;
    case NCR_ATTR_EPS: return memcmp(&a->eps, &d.eps, sizeof a->eps) == 0;
    case NCR_ATTR_MOMENTUM: return memcmp(&a->momentum, &d.momentum, sizeof a->momentum) == 0;
    case NCR_ATTR_ALPHA: return memcmp(&a->alpha, &d.alpha, sizeof a->alpha) == 0;
    case NCR_ATTR_RATE: return memcmp(&a->rate, &d.rate, sizeof a->rate) == 0;
    case NCR_ATTR_QUANT: break; // an annotation
    }
    NCR_BUG("attribute bit %u", bit);
}

static void put_value(struct ncr_buf *out, uint32_t bit, const struct ncr_attrs *a)
{
    switch ((enum ncr_attr_bit)bit) {
    case NCR_ATTR_OUT: ncr_buf_fmt(out, "%d", a->out); return;
    case NCR_ATTR_KERNEL: put_pair(out, a->kernel); return;
    case NCR_ATTR_STRIDE: put_pair(out, a->stride); return;
    case NCR_ATTR_PAD: put_pad(out, a); return;
    case NCR_ATTR_DILATION: put_pair(out, a->dilation); return;
    case NCR_ATTR_GROUPS: ncr_buf_fmt(out, "%d", a->groups); return;
    case NCR_ATTR_BIAS: ncr_buf_puts(out, a->bias ? "true" : "false"); return;
    case NCR_ATTR_MULTIPLIER: ncr_buf_fmt(out, "%d", a->multiplier); return;
    case NCR_ATTR_EPS: ncr_buf_f32(out, a->eps); return;
    case NCR_ATTR_MOMENTUM: ncr_buf_f32(out, a->momentum); return;
    case NCR_ATTR_ALPHA: ncr_buf_f32(out, a->alpha); return;
    case NCR_ATTR_FACTOR: put_pair(out, a->factor); return;
    case NCR_ATTR_RATE: ncr_buf_f32(out, a->rate); return;
    case NCR_ATTR_SHAPE:
        if (a->shape.rank == 1)
            ncr_buf_fmt(out, "%d", a->shape.dim[0]);
        else
            ncr_buf_fmt(out, "[%d, %d, %d]", a->shape.dim[0], a->shape.dim[1], a->shape.dim[2]);
        return;
    case NCR_ATTR_QUANT: break;
    }
    NCR_BUG("attribute bit %u", bit);
}

// conv(8, kernel: 3): the first required parameter stands without its name.
static void put_layer(struct printer *p, const struct ncr_node *node)
{
    struct ncr_buf *out = &p->text;
    uint32_t n, written = 0;
    const struct ncr_sig_param *params = ncr_signature(node->op, &n);
    ncr_buf_puts(out, ncr_op_name(node->op));
    for (uint32_t i = 0; i < n; i++) {
        if (is_default(node->op, params[i].attr, &node->attrs)) continue;
        ncr_buf_puts(out, written++ ? ", " : "(");
        if (i || !params[i].required) ncr_buf_fmt(out, "%s: ", params[i].name);
        put_value(out, params[i].attr, &node->attrs);
    }
    if (written) ncr_buf_putc(out, ')');
}

// -- the program --------------------------------------------------------------------------------

static void put_type(struct printer *p, const struct ncr_shape *shape)
{
    ncr_buf_puts(&p->text, "tensor[");
    for (uint32_t i = 0; i < shape->rank; i++)
        ncr_buf_fmt(&p->text, "%s%d", i ? ", " : "", shape->dim[i]);
    ncr_buf_putc(&p->text, ']');
}

static void put_tensors(struct printer *p, const struct ncr_node *node, const char *between)
{
    for (uint32_t k = 0; k < node->n_in; k++)
        ncr_buf_fmt(&p->text, "%s%.*s", k ? between : "", NCR_STR_ARG(p->tensor[node->in[k]]));
}

static void put_format(struct ncr_buf *out, enum ncr_qformat format, uint32_t bits, bool half_steps)
{
    ncr_buf_fmt(out, "%s(bits: %u%s", ncr_qformat_names[format], bits,
                half_steps ? ", base: sqrt2" : "");
}

// Declares the number formats of single layers.
static void put_quants(struct printer *p)
{
    for (uint32_t i = 0; i < p->quants.n; i++) {
        const struct ncr_quant_spec *q = p->quants.at[i].spec;
        ncr_buf_fmt(&p->text, "quant %.*s { weights: ", NCR_STR_ARG(p->quants.at[i].name));
        put_format(&p->text, q->weights, q->weight_bits, q->half_steps);
        ncr_buf_fmt(&p->text, ", per: %s); activations: ", q->per_channel ? "channel" : "tensor");
        put_format(&p->text, q->activations, q->activation_bits, false);
        ncr_buf_puts(&p->text, "); }\n");
    }
}

static void put_annotation(struct printer *p, const struct ncr_node *node)
{
    for (uint32_t i = 0; i < p->quants.n; i++)
        if (p->quants.at[i].spec == node->attrs.quant)
            ncr_buf_fmt(&p->text, "@quant(%.*s) ", NCR_STR_ARG(p->quants.at[i].name));
    if (!p->frame || !p->frame->annotation) return;
    struct ncr_str text = p->frame->annotation(p->frame->user, node);
    if (text.n) ncr_buf_fmt(&p->text, "%.*s ", NCR_STR_ARG(text));
}

static void put_node(struct printer *p, ncr_node_id id)
{
    const struct ncr_node *node = &p->graph->nodes[id];
    struct ncr_buf *out = &p->text;
    bool shared = is_shared(p, node), first = shared && p->uses[node->first_param] != UINT32_MAX;
    struct ncr_str layer = shared ? p->layer[node->first_param] : NCR_STR("");
    put_annotation(p, node);
    if (first) {
        ncr_buf_fmt(out, "let %.*s = ", NCR_STR_ARG(layer));
        put_layer(p, node);
        ncr_buf_puts(out, ";\n");
        p->uses[node->first_param] = UINT32_MAX;
        put_annotation(p, node);
    }
    ncr_buf_fmt(out, "let %.*s = ", NCR_STR_ARG(p->tensor[id]));
    if (shared) {
        ncr_buf_fmt(out, "%.*s |> %.*s", NCR_STR_ARG(p->tensor[node->in[0]]), NCR_STR_ARG(layer));
    } else if ((node->op == NCR_OP_ADD || node->op == NCR_OP_MUL) && node->n_in == 2) {
        put_tensors(p, node, node->op == NCR_OP_ADD ? " + " : " * ");
    } else if (ncr_op_max_in(node->op) == 1) {
        ncr_buf_fmt(out, "%.*s |> ", NCR_STR_ARG(p->tensor[node->in[0]]));
        put_layer(p, node);
    } else {
        ncr_buf_fmt(out, "%s(", ncr_op_name(node->op));
        put_tensors(p, node, ", ");
        ncr_buf_putc(out, ')');
    }
    ncr_buf_puts(out, ";\n");
}

static void put_net(struct printer *p)
{
    const struct ncr_graph *g = p->graph;
    struct ncr_buf *out = &p->text;
    if (p->frame) ncr_buf_str(out, p->frame->before);
    put_quants(p);
    ncr_buf_fmt(out, "net %.*s(", NCR_STR_ARG(p->net));
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        ncr_buf_fmt(out, "%s%.*s: ", i ? ", " : "", NCR_STR_ARG(p->tensor[g->inputs[i]]));
        put_type(p, &g->nodes[g->inputs[i]].shape);
    }
    ncr_buf_puts(out, ") -> ");
    bool record = g->n_outputs > 1 || g->outputs[0].name.n;
    struct printer labels = {.arena = p->arena};
    struct ncr_str *label = NCR_NEW_N(p->arena, struct ncr_str, g->n_outputs);
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        label[i] = unique(&labels, word(p, g->outputs[i].name, "out"));
        if (record) ncr_buf_fmt(out, "%s%.*s: ", i ? ", " : "(", NCR_STR_ARG(label[i]));
        put_type(p, &g->nodes[g->outputs[i].node].shape);
    }
    ncr_buf_puts(out, record ? ") {\n" : " {\n");
    for (ncr_node_id id = 0; id < g->n_nodes; id++)
        if (p->live[id] && g->nodes[id].op != NCR_OP_INPUT) put_node(p, id);
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        if (record) ncr_buf_fmt(out, "%s%.*s: ", i ? ", " : "(", NCR_STR_ARG(label[i]));
        ncr_buf_str(out, p->tensor[g->outputs[i].node]);
    }
    ncr_buf_puts(out, record ? ")\n}\n" : "\n}\n");
}

static void canonical(struct printer *p, struct ncr_buf *out)
{
    struct ncr_sources *sources = ncr_sources_new(p->arena);
    struct ncr_diags diags;
    ncr_diags_init(&diags, p->arena, sources);
    uint32_t file = ncr_sources_add(sources, NCR_STR("resolved"),
                                    (struct ncr_str){p->text.s, (uint32_t)p->text.n});
    const struct ncr_syntax *syntax = ncr_parse(p->arena, &diags, file);
    if (diags.n_errors)
        NCR_BUG("the resolved program does not parse: %.*s in\n%s", NCR_STR_ARG(diags.first->text),
                p->text.s);
    ncr_fmt(syntax, sources, out);
}

static bool find_uses(struct printer *p)
{
    const struct ncr_graph *g = p->graph;
    for (uint32_t i = 0; i < g->n_outputs; i++)
        p->live[g->outputs[i].node] = true;
    for (ncr_node_id id = g->n_nodes; id-- > 0;)
        for (uint32_t k = 0; p->live[id] && k < g->nodes[id].n_in; k++)
            p->live[g->nodes[id].in[k]] = true;
    ncr_node_id *first = NCR_NEW_N(p->arena, ncr_node_id, g->n_params);
    for (ncr_node_id id = 0; id < g->n_nodes; id++) {
        const struct ncr_node *node = &g->nodes[id];
        if (!p->live[id] || !node->n_params) continue;
        if (p->uses[node->first_param]++ == 0) {
            first[node->first_param] = id;
            continue;
        }
        // Written attributes: amounts of `same` and `valid` follow from each input's size.
        const struct ncr_node *before = &g->nodes[first[node->first_param]];
        struct ncr_attrs a = before->attrs, b = node->attrs;
        if (a.pad_mode != b.pad_mode) return false;
        if (a.pad_mode != NCR_PAD_EXPLICIT) memcpy(b.pad, a.pad, sizeof b.pad);
        if (!ncr_attrs_equal(node->op, &a, &b)) return false;
    }
    return true;
}

bool ncr_graph_program_framed(struct ncr_arena *arena, const struct ncr_graph *graph,
                              const struct ncr_resolved_frame *frame, struct ncr_buf *out,
                              struct ncr_resolved_names *names)
{
    struct printer p = {.arena = arena,
                        .graph = graph,
                        .frame = frame,
                        .live = NCR_NEW_N(arena, bool, graph->n_nodes),
                        .uses = NCR_NEW_N(arena, uint32_t, graph->n_params),
                        .tensor = NCR_NEW_N(arena, struct ncr_str, graph->n_nodes),
                        .layer = NCR_NEW_N(arena, struct ncr_str, graph->n_params)};
    if (!find_uses(&p)) return false;
    choose_names(&p);
    if (names) {
        names->net = p.net;
        names->params = NCR_NEW_N(arena, struct ncr_str, graph->n_params);
        for (ncr_node_id id = 0; id < graph->n_nodes; id++) {
            const struct ncr_node *node = &graph->nodes[id];
            if (!p.live[id]) continue;
            struct ncr_str layer = is_shared(&p, node) ? p.layer[node->first_param] : p.tensor[id];
            for (uint32_t k = 0; k < node->n_params; k++) {
                struct ncr_str old = graph->params[node->first_param + k].name;
                uint32_t dot = old.n;
                while (dot && old.s[dot - 1] != '.')
                    dot--;
                names->params[node->first_param + k] =
                    ncr_str_fmt(arena, "%.*s/%.*s.%.*s", NCR_STR_ARG(p.net), NCR_STR_ARG(layer),
                                (int)(old.n - dot), old.s + dot);
            }
        }
    }
    put_net(&p);
    if (p.text.failed) NCR_BUG("out of memory for the text of a network");
    canonical(&p, out);
    ncr_buf_free(&p.text);
    return true;
}

bool ncr_graph_program(struct ncr_arena *arena, const struct ncr_graph *graph, struct ncr_buf *out,
                       struct ncr_resolved_names *names)
{
    return ncr_graph_program_framed(arena, graph, NULL, out, names);
}

struct ncr_weights *ncr_resolved_weights(struct ncr_arena *arena, const struct ncr_graph *graph,
                                         const struct ncr_weights *weights,
                                         const struct ncr_resolved_names *names,
                                         const struct ncr_graph *resolved)
{
    struct ncr_weights *result = ncr_weights_new(arena, resolved);
    struct ncr_table by_name = {0};
    for (uint32_t p = 0; p < graph->n_params; p++)
        if (names->params[p].n)
            ncr_table_set(arena, &by_name,
                          ncr_hash_bytes(names->params[p].s, names->params[p].n).lo, p);
    for (uint32_t p = 0; p < resolved->n_params; p++) {
        const struct ncr_param *param = &resolved->params[p];
        uint32_t from = ncr_table_get(&by_name, ncr_hash_bytes(param->name.s, param->name.n).lo);
        if (from != UINT32_MAX && graph->params[from].n == param->n)
            memcpy(result->at[p], weights->at[from], (size_t)param->n * sizeof(float));
    }
    return result;
}
