// The text form of a graph, and its reader. One line a node, in order:
//
//   graph "tiny" {
//     %0 = input "tiny/x" shape 1x28x28 : 1x28x28
//     %1 = conv %0 "tiny/conv" out 6 kernel 5x5 stride 1x1 pad same … : 6x28x28
//     %2 = conv %1 "tiny/again" … shares %1 : 6x28x28            // the parameters of %1
//     %3 = conv %2 "tiny/last" … params "tiny/gone" : 6x28x28    // its parameters are named after
//     another path output "" = %3
//   }
//
// Every attribute of the operator is written; one that is left out has its default. Padding that is
// `same` or `valid` stands as that word, and its amounts come out of inference again.
#include <inttypes.h>

#include "compiler/ir/graph_internal.h"

// -- writing
// ----------------------------------------------------------------------------------------

static void put_quoted(struct ncr_buf *out, struct ncr_str v)
{
    ncr_buf_putc(out, '"');
    for (uint32_t i = 0; i < v.n; i++) {
        unsigned char c = (unsigned char)v.s[i];
        if (c == '"' || c == '\\')
            ncr_buf_fmt(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            ncr_buf_fmt(out, "\\x%02x", c);
        else
            ncr_buf_putc(out, (char)c);
    }
    ncr_buf_putc(out, '"');
}

// The path that a run of parameters is named after.
static struct ncr_str param_path(const struct ncr_param *param)
{
    uint32_t ending = 1 + (uint32_t)strlen(ncr_param_suffix(param->role));
    return (struct ncr_str){param->name.s, param->name.n - ending};
}

static void dump_named(const struct ncr_graph *graph, struct ncr_str name, struct ncr_buf *out)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    ncr_node_id *owner = NCR_NEW_N(scratch, ncr_node_id, graph->n_params);
    for (uint32_t p = 0; p < graph->n_params; p++)
        owner[p] = NCR_NO_NODE;
    ncr_buf_puts(out, "graph ");
    put_quoted(out, name);
    ncr_buf_puts(out, " {\n");
    for (ncr_node_id id = 0; id < graph->n_nodes; id++) {
        const struct ncr_node *node = &graph->nodes[id];
        ncr_buf_fmt(out, "  %%%u = %s ", id, ncr_op_name(node->op));
        for (uint32_t k = 0; k < node->n_in; k++)
            ncr_buf_fmt(out, "%%%u ", node->in[k]);
        put_quoted(out, node->path);
        ncr_attrs_dump(node->op, &node->attrs, out);
        if (node->n_params && owner[node->first_param] != NCR_NO_NODE) {
            ncr_buf_fmt(out, " shares %%%u", owner[node->first_param]);
        } else if (node->n_params) {
            struct ncr_str path = param_path(&graph->params[node->first_param]);
            owner[node->first_param] = id;
            if (!ncr_str_eq(path, node->path)) {
                ncr_buf_puts(out, " params ");
                put_quoted(out, path);
            }
        }
        char shape[48];
        ncr_buf_fmt(out, " : %s\n", ncr_shape_text(&node->shape, shape));
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++) {
        ncr_buf_puts(out, "  output ");
        put_quoted(out, graph->outputs[i].name);
        ncr_buf_fmt(out, " = %%%u\n", graph->outputs[i].node);
    }
    ncr_buf_puts(out, "}\n");
    ncr_arena_free(scratch);
}

void ncr_graph_dump(const struct ncr_graph *graph, struct ncr_buf *out)
{
    dump_named(graph, graph->name, out);
}

struct ncr_hash ncr_graph_hash(const struct ncr_graph *graph)
{
    struct ncr_buf text = {0};
    dump_named(graph, NCR_STR(""), &text);
    if (text.failed) NCR_BUG("out of memory for the text of a graph of %u nodes", graph->n_nodes);
    struct ncr_hash hash = ncr_hash_bytes(text.s, text.n);
    ncr_buf_free(&text);
    return hash;
}

// -- reading
// ----------------------------------------------------------------------------------------

enum token { T_END, T_ATOM, T_STRING, T_REF, T_MARK };

struct reader {
    struct ncr_arena *arena;
    struct ncr_diags *diags;
    struct ncr_str text;
    uint32_t file, at;

    enum token token;
    struct ncr_str value; // T_ATOM, T_MARK: as written; T_STRING: without quotes and escapes
    uint64_t number;      // T_REF
    struct ncr_span span;

    struct ncr_builder *builder;
    // Parameters that are renamed once the graph stands: from which on, and the path.
    NCR_VEC(struct rename {
        ncr_node_id node;
        struct ncr_str path;
    })
    renames;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_mark(char c)
{
    return c == '{' || c == '}' || c == '=' || c == ':';
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// A string from behind its first quote; T_END in r->token where it does not end or has an unknown
// escape.
static void scan_string(struct reader *r)
{
    const char *s = r->text.s;
    uint32_t end = r->at, n = 0; // of the string; without its escapes it is at most as long
    while (end < r->text.n && s[end] != '"' && s[end] != '\n')
        end += s[end] == '\\' && end + 1 < r->text.n ? 2 : 1;
    char *out = NCR_NEW_N(r->arena, char, end - r->at + 1);
    while (r->at < r->text.n && s[r->at] != '"' && s[r->at] != '\n') {
        char c = s[r->at++];
        if (c == 0) return; // no name holds it, escaped or not
        if (c == '\\') {
            char e = r->at < r->text.n ? s[r->at++] : 0;
            int hi = e == 'x' && r->at + 1 < r->text.n ? hex(s[r->at]) : -1;
            int lo = hi >= 0 ? hex(s[r->at + 1]) : -1;
            if (hi * 16 + lo > 0) {
                c = (char)(unsigned char)(hi * 16 + lo);
                r->at += 2;
            } else if (e == '"' || e == '\\') {
                c = e;
            } else {
                return;
            }
        }
        out[n++] = c;
    }
    if (r->at == r->text.n || s[r->at] != '"') return;
    r->at++;
    r->token = T_STRING;
    r->value = (struct ncr_str){out, n};
}

static void skip_atom(struct reader *r)
{
    const char *s = r->text.s;
    while (r->at < r->text.n && !is_blank(s[r->at]) && !is_mark(s[r->at]) && s[r->at] != '"' &&
           s[r->at] != '%')
        r->at++;
}

static void next(struct reader *r)
{
    const char *s = r->text.s;
    for (;;) {
        while (r->at < r->text.n && is_blank(s[r->at]))
            r->at++;
        if (r->at + 1 >= r->text.n || s[r->at] != '/' || s[r->at + 1] != '/') break;
        while (r->at < r->text.n && s[r->at] != '\n')
            r->at++;
    }
    uint32_t begin = r->at;
    r->token = T_END;
    r->value = (struct ncr_str){s + begin, 0};
    if (r->at < r->text.n) {
        if (is_mark(s[r->at])) {
            r->token = T_MARK;
            r->at++;
        } else if (s[r->at] == '"') {
            r->at++;
            scan_string(r);
        } else if (s[r->at] == '%') {
            r->token = T_REF;
            r->number = 0;
            r->at++;
            while (r->at < r->text.n && s[r->at] >= '0' && s[r->at] <= '9' &&
                   r->number < NCR_NO_NODE)
                r->number = r->number * 10 + (uint64_t)(s[r->at++] - '0');
            if (r->at == begin + 1) r->token = T_END;
        } else {
            r->token = T_ATOM;
            skip_atom(r);
        }
        if (r->token != T_STRING) r->value.n = r->at - begin;
    }
    r->span = (struct ncr_span){r->file, begin, r->at > begin ? r->at : begin};
}

// Lengthens the atom over colons and what follows them: they are part of a number format.
static void join_colons(struct reader *r)
{
    while (r->at < r->text.n && r->text.s[r->at] == ':') {
        r->at++;
        skip_atom(r);
    }
    r->span.end = r->at;
    r->value.n = r->at - r->span.begin;
}

static bool expected(struct reader *r, const char *what)
{
    struct ncr_str found = {r->text.s + r->span.begin, r->span.end - r->span.begin};
    if (found.n == 0)
        NCR_DIAG(r->diags, GRAPH_TEXT, r->span, what, "", 7, "the end", "");
    else
        NCR_DIAG(r->diags, GRAPH_TEXT, r->span, what, "`", (int)ncr_min_i64(found.n, 60), found.s,
                 "`");
    return false;
}

static bool take_mark(struct reader *r, const char *mark)
{
    if (r->token != T_MARK || !ncr_str_is(r->value, mark)) return expected(r, mark);
    next(r);
    return true;
}

static bool take_string(struct reader *r, const char *what, struct ncr_str *out)
{
    if (r->token != T_STRING) return expected(r, what);
    *out = r->value;
    next(r);
    return true;
}

// A node that stands above.
static bool take_ref(struct reader *r, ncr_node_id *out)
{
    if (r->token != T_REF) return expected(r, "a node such as %0");
    if (r->number >= ncr_builder_count(r->builder)) {
        NCR_DIAG(r->diags, GRAPH_ORDER, r->span, (unsigned long long)r->number,
                 ncr_builder_count(r->builder));
        return false;
    }
    *out = (ncr_node_id)r->number;
    next(r);
    return true;
}

struct line {
    enum ncr_op op;
    NCR_VEC(ncr_node_id) in;
    struct ncr_str path;
    struct ncr_attrs attrs;
    ncr_node_id share;
    struct ncr_str params; // empty: the path
    struct ncr_span span;
};

static bool read_attrs(struct reader *r, struct line *line)
{
    while (r->token == T_ATOM) {
        struct ncr_str name = r->value;
        struct ncr_span span = r->span;
        next(r);
        if (ncr_str_is(name, "shares") && line->params.n == 0) {
            if (!take_ref(r, &line->share)) return false;
            continue;
        }
        if (ncr_str_is(name, "params") && line->share == NCR_NO_NODE) {
            if (!take_string(r, "the path of the parameters as a string", &line->params))
                return false;
            continue;
        }
        uint32_t bit;
        if (!ncr_attr_find(name, &bit) || !((ncr_op_attrs(line->op) | NCR_ATTR_QUANT) & bit)) {
            NCR_DIAG(r->diags, GRAPH_ATTRIBUTE, span, NCR_STR_ARG(name), ncr_op_name(line->op));
            return false;
        }
        if (r->token != T_ATOM) return expected(r, "the value of the attribute");
        if (bit == NCR_ATTR_QUANT) join_colons(r);
        bool good = bit == NCR_ATTR_QUANT ? ncr_quant_read(r->arena, r->value, &line->attrs)
                                          : ncr_attr_read(bit, r->value, &line->attrs);
        if (!good) {
            NCR_DIAG(r->diags, GRAPH_VALUE, r->span, NCR_STR_ARG(r->value), ncr_attr_name(bit));
            return false;
        }
        next(r);
    }
    return true;
}

static bool add_line(struct reader *r, const struct line *line, const struct ncr_shape *shape,
                     struct ncr_span at)
{
    struct ncr_op_error err;
    ncr_node_id id = ncr_builder_add(r->builder, line->op, &line->attrs, line->in.at, line->in.n,
                                     line->path, line->share, NULL, &err);
    if (id == NCR_NO_NODE) {
        ncr_diag_at(r->diags, err.code, line->span, "%s", err.text);
        return false;
    }
    const struct ncr_node *node = ncr_builder_node(r->builder, id);
    if (!ncr_shape_equal(shape, &node->shape)) {
        char a[48], b[48];
        NCR_DIAG(r->diags, GRAPH_SHAPE, at, ncr_shape_text(shape, a), ncr_op_name(node->op),
                 ncr_shape_text(&node->shape, b));
        return false;
    }
    struct rename rename = {id, line->params};
    if (line->params.n && node->n_params) ncr_vec_push(r->arena, &r->renames, rename);
    return true;
}

static bool read_node(struct reader *r)
{
    if (r->number != ncr_builder_count(r->builder)) {
        NCR_DIAG(r->diags, GRAPH_NUMBER, r->span, (unsigned long long)r->number,
                 ncr_builder_count(r->builder));
        return false;
    }
    struct line line = {.share = NCR_NO_NODE};
    next(r);
    if (!take_mark(r, "=")) return false;
    if (r->token != T_ATOM || !ncr_op_find(r->value, &line.op))
        return expected(r, "the name of an operator");
    line.span = r->span;
    line.attrs = ncr_attrs_default(line.op);
    next(r);
    while (r->token == T_REF) {
        ncr_node_id in;
        if (!take_ref(r, &in)) return false;
        ncr_vec_push(r->arena, &line.in, in);
    }
    struct ncr_shape shape;
    if (!take_string(r, "the path of the node as a string", &line.path) || !read_attrs(r, &line) ||
        !take_mark(r, ":"))
        return false;
    struct ncr_span at = r->span;
    if (r->token != T_ATOM || !ncr_shape_read(r->value, &shape))
        return expected(r, "a shape such as 10 or 3x32x32");
    next(r);
    return add_line(r, &line, &shape, at);
}

static bool read_output(struct reader *r)
{
    struct ncr_str name;
    ncr_node_id node;
    next(r);
    if (!take_string(r, "the name of the output as a string", &name) || !take_mark(r, "=") ||
        !take_ref(r, &node))
        return false;
    ncr_builder_output(r->builder, name, node);
    return true;
}

static bool read_body(struct reader *r)
{
    while (r->token != T_MARK || !ncr_str_is(r->value, "}")) {
        bool ok = r->token == T_REF ? read_node(r)
                  : r->token == T_ATOM && ncr_str_is(r->value, "output")
                      ? read_output(r)
                      : expected(r, "a node, `output` or }");
        if (!ok) return false;
    }
    next(r);
    return r->token == T_END && r->at == r->text.n ? true : expected(r, "the end");
}

struct ncr_graph *ncr_graph_read(struct ncr_arena *arena, struct ncr_diags *diags, uint32_t file)
{
    struct reader r = {.arena = arena,
                       .diags = diags,
                       .text = ncr_sources_text(diags->sources, file),
                       .file = file};
    struct ncr_str name;
    next(&r);
    if (r.token != T_ATOM || !ncr_str_is(r.value, "graph")) return expected(&r, "`graph`"), NULL;
    struct ncr_span head = r.span;
    next(&r);
    if (!take_string(&r, "the name of the graph as a string", &name) || !take_mark(&r, "{"))
        return NULL;
    r.builder = ncr_builder_new(arena, name);
    if (!read_body(&r)) return NULL;
    struct ncr_graph *graph = ncr_builder_finish(r.builder);
    for (uint32_t i = 0; i < r.renames.n; i++) {
        const struct ncr_node *node = &graph->nodes[r.renames.at[i].node];
        for (uint32_t k = 0; k < node->n_params; k++) {
            struct ncr_param *p = &graph->params[node->first_param + k];
            p->name = ncr_str_fmt(arena, "%.*s.%s", NCR_STR_ARG(r.renames.at[i].path),
                                  ncr_param_suffix(p->role));
        }
    }
    struct ncr_error why;
    if (ncr_graph_verify(graph, &why)) return graph;
    NCR_DIAG(diags, GRAPH_UNSOUND, head, why.text);
    return NULL;
}
