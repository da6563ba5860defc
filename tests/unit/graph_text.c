// The text form of a graph and its reader's diagnostics; architecture ids of single cases; what the
// verifier finds.
#include <criterion/criterion.h>
#include <stdio.h>

#include "compiler/ir/config.h"
#include "compiler/ir/graph.h"

static const char lenet[] =
    "graph \"le \\\"net\\\"\" {\n"
    "  %0 = input \"n/x\" shape 1x8x8 : 1x8x8\n"
    "  %1 = conv %0 \"n/conv\" out 2 kernel 3x3 stride 1x1 pad same dilation 1x1 groups 1 bias "
    "true : 2x8x8\n"
    "  %2 = leaky_relu %1 \"n/act\" alpha 0.01 : 2x8x8\n"
    "  %3 = avgpool %2 \"n/pool\" kernel 3x2 stride 2x2 pad 1,0,0,1 : 2x4x4\n"
    "  %4 = dwconv %3 \"n/dw\" kernel 3x3 stride 1x1 pad valid dilation 1x1 multiplier 2 bias "
    "false params \"n/gone\" : 4x2x2\n"
    "  %5 = batchnorm %4 \"n/bn\" eps 1e-05 momentum 0.1 : 4x2x2\n"
    "  %6 = batchnorm %5 \"n/bn2\" eps 1e-05 momentum 0.1 shares %5 : 4x2x2\n"
    "  %7 = flatten %6 \"n/flat\" : 16\n"
    "  output \"a\" = %7\n"
    "  output \"b\" = %4\n"
    "}\n";

struct reading {
    struct ncr_arena *arena;
    struct ncr_sources *sources;
    struct ncr_diags diags;
    struct ncr_graph *graph;
};

static struct reading read_text(const char *text)
{
    struct reading r = {.arena = ncr_arena_new(0)};
    r.sources = ncr_sources_new(r.arena);
    uint32_t file = ncr_sources_add(r.sources, NCR_STR("g.txt"), ncr_str_of(text));
    ncr_diags_init(&r.diags, r.arena, r.sources);
    r.graph = ncr_graph_read(r.arena, &r.diags, file);
    return r;
}

Test(graph_text, every_part_reads_and_prints)
{
    struct reading r = read_text(lenet);
    cr_assert_not_null(r.graph, "%.*s", NCR_STR_ARG(r.diags.first->text));
    struct ncr_buf out = {0};
    ncr_graph_dump(r.graph, &out);
    cr_assert_str_eq(out.s, lenet);
    cr_assert_eq(r.graph->params[2].dim[0], 4);
    cr_assert(ncr_str_is(r.graph->params[2].name, "n/gone.weight"));
    cr_assert_eq(r.graph->nodes[6].first_param, r.graph->nodes[5].first_param);
    // 2*9 + 2, 4*9, 2*4 once
    cr_assert_eq(ncr_graph_params(r.graph), 20 + 36 + 8);
    ncr_buf_free(&out);
    ncr_arena_free(r.arena);
}

// The colons of a number format are not the one before the shape.
Test(graph_text, formats_of_single_layers)
{
    const char *text = "graph \"q\" {\n"
                       "  %0 = input \"n/x\" shape 4 : 4\n"
                       "  %1 = relu %0 \"n/r\" quant pow2:log2:4:sqrt2:channel:fixed:12 : 4\n"
                       "  output \"\" = %1\n"
                       "}\n";
    struct reading r = read_text(text);
    cr_assert_not_null(r.graph, "%.*s", NCR_STR_ARG(r.diags.first->text));
    const struct ncr_quant_spec *q = r.graph->nodes[1].attrs.quant;
    cr_assert(ncr_str_is(q->name, "pow2"));
    cr_assert(q->weights == NCR_QF_LOG2 && q->weight_bits == 4 && q->half_steps && q->per_channel);
    cr_assert(q->activations == NCR_QF_FIXED && q->activation_bits == 12);
    struct ncr_buf out = {0};
    ncr_graph_dump(r.graph, &out);
    cr_assert_str_eq(out.s, text);
    ncr_buf_free(&out);
    ncr_arena_free(r.arena);
}

Test(graph_text, defaults_and_comments)
{
    struct reading r =
        read_text("graph \"d\" { // all on one line is as good\n"
                  "%0=input \"x\" shape 4:4 %1=dense %0 \"d\" out 3:3 output \"\"=%1}");
    cr_assert_not_null(r.graph, "%.*s", NCR_STR_ARG(r.diags.first->text));
    cr_assert(r.graph->nodes[1].attrs.bias);
    ncr_arena_free(r.arena);
}

Test(graph_text, what_is_wrong_is_said_where_it_is)
{
#define IN "graph \"g\" { %0 = input \"x\" shape 4x6x6 : 4x6x6 "
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "g.txt:1:1: error[N0430]: expected `graph`, found the end"},
        {"graph g {}",
         "g.txt:1:7: error[N0430]: expected the name of the graph as a string, found `g`"},
        {"graph \"g\" }", "g.txt:1:11: error[N0430]: expected {, found `}`"},
        {"graph \"g\\q\" {}",
         "g.txt:1:7: error[N0430]: expected the name of the graph as a string, found `\"g\\q`"},
        {IN "} x", "g.txt:1:50: error[N0430]: expected the end, found `x`"},
        {IN, "g.txt:1:48: error[N0430]: expected a node, `output` or }, found the end"},
        {IN "%0 = relu %0 \"r\" : 4x6x6 }",
         "g.txt:1:48: error[N0432]: node %0 stands where %1 is next"},
        {IN "%1 = relu %1 \"r\" : 4x6x6 }",
         "g.txt:1:58: error[N0431]: node %1 is used here, but only 1 nodes stand above"},
        {IN "%1 = rely %0 \"r\" : 4x6x6 }",
         "g.txt:1:53: error[N0430]: expected the name of an operator, found `rely`"},
        {IN "%1 = relu %0 \"r\" kernel 3x3 : 4x6x6 }",
         "g.txt:1:65: error[N0433]: `kernel` is no attribute of `relu`"},
        {IN "%1 = maxpool %0 \"r\" kernel 3 : 4x6x6 }",
         "g.txt:1:75: error[N0434]: `3` is no value of `kernel`"},
        {IN "%1 = maxpool %0 \"r\" kernel 3x3 pad 1,2 : 4x6x6 }",
         "g.txt:1:83: error[N0434]: `1,2` is no value of `pad`"},
        {IN "%1 = relu %0 \"r\" quant q:linear:8:two : 4x6x6 }",
         "g.txt:1:71: error[N0434]: `q:linear:8:two` is no value of `quant`"},
        {IN "%1 = flatten %0 \"r\" : 100 }", "g.txt:1:70: error[N0435]: the text gives the shape "
                                             "100, but the rule of `flatten` gives 144"},
        {IN "%1 = dense %0 \"r\" out 3 : 3 }",
         "g.txt:1:53: error[N0402]: `dense` takes a vector [N], but its input is 4x6x6"},
        {IN "%1 = add %0 \"r\" : 4x6x6 }",
         "g.txt:1:53: error[N0401]: `add` takes at least 2 tensors, but got 1"},
        {IN "%1 = relu %0 \"x\" : 4x6x6 output \"\" = %1 }",
         "g.txt:1:1: error[N0436]: the graph is not sound: two nodes have the name `x`"},
        {IN "}", "g.txt:1:1: error[N0436]: the graph is not sound: the graph has no output"},
        {IN "%1 = conv %0 \"a\" out 4 kernel 1x1 : 4x6x6 %2 = conv %1 \"b\" out 3 kernel 1x1 "
            "shares %1 : 3x6x6 }",
         "g.txt:1:95: error[N0418]: this layer shares its weights with `a`, but is not the "
         "same operator with the same attributes"},
        {IN "%1 = conv %0 \"a\" out 4 kernel 1x1 params \"q\" shares %0 : 4x6x6 }",
         "g.txt:1:93: error[N0433]: `shares` is no attribute of `conv`"},
    };
    for (size_t i = 0; i < NCR_COUNT(rows); i++) {
        struct reading r = read_text(rows[i].text);
        cr_assert_null(r.graph, "row %zu was read", i);
        cr_assert_eq(r.diags.n_errors, 1);
        struct ncr_buf out = {0};
        ncr_diags_text(&r.diags, &out, false);
        char *end = strchr(out.s, '\n');
        if (end) *end = 0;
        cr_assert_str_eq(out.s, rows[i].want);
        ncr_buf_free(&out);
        ncr_arena_free(r.arena);
    }
}

// Names are printed with lengths, but a name with a zero byte in it could not be told from its
// beginning.
Test(graph_text, a_zero_byte_in_a_name_is_refused)
{
    static const char text[] = "graph \"g\0h\" { %0 = input \"x\" shape 4 : 4 output \"\" = %0 }";
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_sources *sources = ncr_sources_new(arena);
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, sources);
    uint32_t file = ncr_sources_add(sources, NCR_STR("g"), NCR_STR(text));
    cr_assert_null(ncr_graph_read(arena, &diags, file));
    cr_assert_eq(diags.first->code, NCR_N_GRAPH_TEXT);
    cr_assert_eq(diags.first->span.begin, 6);
    ncr_arena_free(arena);
}

// -- architecture ids
// -------------------------------------------------------------------------------

static struct ncr_hash id_of(const char *text)
{
    struct reading r = read_text(text);
    cr_assert_not_null(r.graph, "%.*s", NCR_STR_ARG(r.diags.first->text));
    struct ncr_hash id = ncr_graph_arch_id(r.graph);
    ncr_arena_free(r.arena);
    return id;
}

static bool equal(const char *a, const char *b)
{
    struct reading x = read_text(a), y = read_text(b);
    cr_assert_not_null(x.graph, "%.*s", NCR_STR_ARG(x.diags.first->text));
    cr_assert_not_null(y.graph, "%.*s", NCR_STR_ARG(y.diags.first->text));
    bool result = ncr_graph_equal(x.graph, y.graph);
    ncr_arena_free(x.arena);
    ncr_arena_free(y.arena);
    return result;
}

Test(arch_id, weights_shared_written_once_and_written_twice_are_three_networks)
{
    static const char head[] =
        "graph \"g\" { %0 = input \"x\" shape 4 : 4 %1 = dense %0 \"a\" out 4 : 4 ";
    char once[512], shared[512], twice[512];
    snprintf(once, sizeof once, "%s%%2 = add %%1 %%1 \"s\" : 4 output \"\" = %%2 }", head);
    snprintf(shared, sizeof shared,
             "%s%%2 = dense %%0 \"b\" out 4 shares %%1 : 4 %%3 = add %%1 %%2 \"s\" : 4 output \"\" "
             "= %%3 }",
             head);
    snprintf(twice, sizeof twice,
             "%s%%2 = dense %%0 \"b\" out 4 : 4 %%3 = add %%1 %%2 \"s\" : 4 output \"\" = %%3 }",
             head);
    const char *all[] = {once, shared, twice};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            cr_assert_eq(ncr_hash_eq(id_of(all[i]), id_of(all[k])), i == k, "%d %d", i, k);
            cr_assert_eq(equal(all[i], all[k]), i == k, "%d %d", i, k);
        }
}

Test(arch_id, order_of_inputs_and_of_concat_counts)
{
    static const char a[] =
        "graph \"g\" { %0 = input \"x\" shape 4 : 4 %1 = input \"y\" shape 4 : 4 "
        "%2 = relu %0 \"r\" : 4 %3 = concat %2 %1 \"c\" : 8 output \"\" = %3 }";
    static const char b[] =
        "graph \"g\" { %0 = input \"x\" shape 4 : 4 %1 = input \"y\" shape 4 : 4 "
        "%2 = relu %0 \"r\" : 4 %3 = concat %1 %2 \"c\" : 8 output \"\" = %3 }";
    static const char c[] =
        "graph \"g\" { %0 = input \"x\" shape 4 : 4 %1 = input \"y\" shape 4 : 4 "
        "%2 = relu %1 \"r\" : 4 %3 = concat %2 %0 \"c\" : 8 output \"\" = %3 }";
    cr_assert_not(ncr_hash_eq(id_of(a), id_of(b)));
    cr_assert_not(ncr_hash_eq(id_of(a), id_of(c)));
    cr_assert(!equal(a, b) && !equal(a, c) && equal(a, a));
}

// Six layers in pairs, closed to one ring of six or to two rings of three: no walk tells them
// apart, so the hashes are equal; the search for an isomorphism finds none.
Test(arch_id, rings_have_one_hash_but_are_not_equal)
{
    static const int one[6][2] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 0}};
    static const int two[6][2] = {{0, 1}, {1, 2}, {2, 0}, {3, 4}, {4, 5}, {5, 3}};
    static const int mixed[6][2] = {{3, 0}, {5, 3}, {0, 4},
                                    {1, 2}, {2, 5}, {4, 1}}; // 0-3-5-2-1-4-0: one ring
    const int(*all[])[2] = {one, two, mixed};
    char text[3][2048];
    for (int k = 0; k < 3; k++) {
        int n = snprintf(text[k], sizeof text[k], "graph \"g\" { %%0 = input \"x\" shape 4 : 4 ");
        for (int i = 0; i < 6; i++)
            n += snprintf(text[k] + n, sizeof text[k] - (size_t)n,
                          "%%%d = dense %%0 \"d%d\" out 4 : 4 ", 1 + i, i);
        for (int i = 0; i < 6; i++)
            n += snprintf(text[k] + n, sizeof text[k] - (size_t)n,
                          "%%%d = add %%%d %%%d \"a%d\" : 4 ", 7 + i, 1 + all[k][i][0],
                          1 + all[k][i][1], i);
        snprintf(text[k] + n, sizeof text[k] - (size_t)n,
                 "%%13 = add %%7 %%8 %%9 %%10 %%11 %%12 \"s\" : 4 output \"\" = %%13 }");
    }
    cr_assert(ncr_hash_eq(id_of(text[0]), id_of(text[1])));
    cr_assert(ncr_hash_eq(id_of(text[0]), id_of(text[2])));
    cr_assert_not(equal(text[0], text[1]));
    cr_assert(equal(text[0], text[2]));
}

// Ids are stored in files and binaries: they may not change from one version to the next.
Test(arch_id, is_stable)
{
    char hex[33];
    ncr_hash_text(id_of(lenet), hex);
    cr_assert_str_eq(hex, "45589224013ccda372b799fcab8f16e8");
}

// -- verifier
// ---------------------------------------------------------------------------------------

Test(verify, names_what_is_broken)
{
    struct reading r = read_text(lenet);
    struct ncr_graph *g = r.graph;
    struct ncr_error why;
    cr_assert(ncr_graph_verify(g, &why));
#define BREAK(field, value, want)                                                                  \
    do {                                                                                           \
        __typeof__(field) old = (field);                                                           \
        (field) = (value);                                                                         \
        cr_assert_not(ncr_graph_verify(g, &why), "%s was accepted", #field);                       \
        cr_assert_str_eq(why.text, (want));                                                        \
        (field) = old;                                                                             \
        cr_assert(ncr_graph_verify(g, NULL));                                                      \
    } while (0)
    static const ncr_node_id later[1] = {5};
    BREAK(g->nodes[2].in, later, "node 2 reads node 5, which is not before it");
    BREAK(g->nodes[3].shape.dim[1], 5, "node 3: shape is 2x5x4, its rule gives 2x4x4");
    BREAK(g->nodes[1].attrs.pad[0], 0, "node 1: attributes are not resolved");
    BREAK(g->nodes[1].attrs.kernel[0], 0,
          "node 1: kernel of `conv` is 0; it must be from 1 to 4096");
    BREAK(g->nodes[1].n_params, 1, "node 1 has 1 parameters instead of 2");
    BREAK(g->nodes[6].first_param, 4, "node 6: parameters from 4 are past the end");
    BREAK(g->params[1].n, 3, "node 1: parameter 1 does not fit the operator");
    BREAK(g->params[1].name, NCR_STR("n/conv.weight"),
          "node 1: parameter `n/conv.weight` does not end in .bias");
    BREAK(g->params[1].name, NCR_STR("n/conw.bias"),
          "node 1: parameters `n/conv.weight` and `n/conw.bias` differ before the ending");
    BREAK(g->nodes[2].path, NCR_STR("n/conv"), "two nodes have the name `n/conv`");
    BREAK(g->nodes[2].path, NCR_STR(""), "node 2 has no path");
    BREAK(g->outputs[0].node, 8, "output 0 is node 8, which does not exist");
    BREAK(g->outputs[0].name, NCR_STR("b"), "two outputs have the name `b`");
    BREAK(g->n_outputs, 0, "the graph has no output");
    BREAK(g->n_inputs, 0, "node 0 is not the input 0 of the graph");
    ncr_arena_free(r.arena);
}
