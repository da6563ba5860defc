// The static report: figures of a small network worked out by hand, consistency on random ones, the
// three forms.
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>

#include "compiler/analysis/report.h"
#include "lang/base/io.h"
#include "runtime/api/pipeline.h"
#include "tests/support/graph_of.h"
#include "tests/support/random_graph.h"

// conv (padded, so its input needs a border) and batchnorm and relu in one step; maxpool; a sum;
// dense.
static const char small[] =
    "graph \"small\" {\n"
    "  %0 = input \"small/x\" shape 3x8x8 : 3x8x8\n"
    "  %1 = conv %0 \"small/stem/conv\" out 4 kernel 3x3 bias false : 4x8x8\n"
    "  %2 = batchnorm %1 \"small/stem/batchnorm\" : 4x8x8\n"
    "  %3 = relu %2 \"small/stem/relu\" : 4x8x8\n"
    "  %4 = maxpool %3 \"small/maxpool\" kernel 2x2 : 4x4x4\n"
    "  %5 = conv %4 \"small/a\" out 4 kernel 1x1 : 4x4x4\n"
    "  %6 = conv %4 \"small/b\" out 4 kernel 1x1 shares %5 : 4x4x4\n"
    "  %7 = add %5 %6 \"small/add\" : 4x4x4\n"
    "  %8 = flatten %7 \"small/flatten\" : 64\n"
    "  %9 = dense %8 \"small/dense\" out 10 : 10\n"
    "  output \"\" = %9\n"
    "}\n";

static struct ncr_report *report_of(struct ncr_arena *arena, const struct ncr_graph *graph,
                                    bool is_default)
{
    struct ncr_diags diags;
    struct ncr_quant_spec spec = ncr_quant_default();
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    struct ncr_report *report = ncr_report_build(arena, &diags, graph, &spec, is_default);
    cr_assert_not_null(report);
    return report;
}

Test(report, figures_worked_out_by_hand)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_report *r = report_of(arena, graph_of(arena, small), true);
    cr_assert_eq(r->n_layers, 10);
    // 4*3*9 + 2*4; 4*4 + 4 once; 64*10 + 10
    cr_assert_eq(r->params, 108 + 8 + 20 + 650);
    // 4*3*9*64; 16*16 twice; 640
    cr_assert_eq(r->macs, 6912 + 2 * 256 + 640);
    cr_assert_eq(r->flops, 2 * r->macs);
    // x, conv, maxpool, a, b, add, flatten, dense
    cr_assert_eq(r->activation_bytes, 192 + 256 + 64 + 64 + 64 + 64 + 64 + 10);
    // weights and 4 bytes a bias, the shared layer stored at each use; the first bias comes from
    // the batchnorm
    cr_assert_eq(r->weight_bytes, 108 + 16 + 2 * (16 + 16) + 640 + 40);

    const struct ncr_report_layer *l = r->layers;
    cr_assert(ncr_str_is(l[1].path, "stem/conv"));
    cr_assert_eq(l[2].head, 1);
    cr_assert_eq(l[3].head, 1);
    cr_assert_eq(l[2].params, 8);
    cr_assert_eq(l[2].activation_bytes, 0);
    cr_assert_eq(l[6].shares, 5);
    cr_assert_eq(l[6].params, 0);
    // The input has a border of one pixel for the 3x3 convolution: 10*10*3 bytes; each buffer a
    // tail of 64.
    cr_assert_eq(l[0].buffer_bytes, 300 + 64);
    cr_assert_eq(l[1].buffer_bytes, 0); // computed with the pool, and the second term with the sum
    cr_assert_eq(l[6].buffer_bytes, 0);
    cr_assert_eq(l[0].live_bytes, 364);
    cr_assert_eq(l[1].live_bytes, 364);
    cr_assert_eq(l[4].live_bytes, 364 + 128);
    cr_assert_eq(l[5].live_bytes, 128 + 128);
    cr_assert_eq(l[6].live_bytes, 128 + 128);
    cr_assert_eq(l[7].live_bytes, 2 * 128); // the sum lies in place of its first term
    cr_assert_eq(l[7].offset, l[5].offset);
    cr_assert_eq(l[8].live_bytes, 128); // the sum as it lies in memory
    cr_assert_eq(l[8].offset, l[7].offset);
    cr_assert_eq(l[9].live_bytes, 128 + 74);
    cr_assert_eq(r->peak_memory_bytes, 492);
    cr_assert_eq(r->peak_layer, 4);
    cr_assert_eq(r->n_alive, 2);
    cr_assert_eq(r->alive[0], 0);
    cr_assert_eq(r->alive[1], 4);
    cr_assert_eq(r->arena_bytes, r->plan->arena_bytes);
    ncr_arena_free(arena);
}

// Laws that hold for every network: layers sum up to totals, live memory is the plan's, the peak is
// its bound.
Test(report, layers_and_totals_agree_on_random_networks)
{
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_report *r = report_of(arena, random_graph_make(arena, seed, 14), true);
        int64_t params = 0, macs = 0, activations = 0, weights = 0;
        uint64_t peak = 0;
        double share = 0;
        for (uint32_t i = 0; i < r->n_layers; i++) {
            const struct ncr_report_layer *l = &r->layers[i];
            params += l->params;
            macs += l->macs;
            activations += l->activation_bytes;
            weights += l->weight_bytes;
            if (l->head != i) {
                cr_assert_eq(r->layers[l->head].head, l->head);
                cr_assert_eq(l->activation_bytes, 0);
                continue;
            }
            share += l->asi_share;
            if (l->live_bytes > peak) peak = l->live_bytes;
            cr_assert_leq(l->offset + l->buffer_bytes, r->arena_bytes);
        }
        cr_assert_eq(params, r->params);
        cr_assert_eq(macs, r->macs);
        cr_assert_eq(activations, r->activation_bytes);
        cr_assert_eq(weights, r->weight_bytes);
        cr_assert_eq(peak, r->peak_memory_bytes);
        cr_assert_leq(r->peak_memory_bytes, r->arena_bytes);
        cr_assert(share > 0.999999 && share < 1.000001, "seed %lu: %g", seed, share);
        uint64_t alive = 0;
        for (uint32_t i = 0; i < r->n_alive; i++)
            alive += r->layers[r->alive[i]].buffer_bytes;
        cr_assert_eq(alive, peak);
        ncr_arena_free(arena);
    }
}

Test(report, text_is_pinned)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_buf out = {0};
    ncr_report_text(report_of(arena, graph_of(arena, small), true),
                    &(struct ncr_report_look){.columns = 100}, &out);
    cr_assert_str_eq(
        out.s,
        "net       small\n"
        "arch_id   86ac77cbb20ab36ac945f8dcac865aad\n"
        "format    bytes for linear int8 (default: the program declares no quantisation)\n"
        "\n"
        "layer           op         shape  params   MACs  act. B  weights B  live B  offset  asi "
        "%\n"
        "-----------------------------------------------------------------------------------------"
        "\n"
        "x               input      3x8x8       0      0     192          0     364       0   "
        "14.3\n"
        "stem/conv       conv       4x8x8     108  6,912     256        124     364       -   "
        "14.3\n"
        "stem/batchnorm  batchnorm  4x8x8       8      0       -          -       -       -      "
        "-\n"
        "stem/relu       relu       4x8x8       0      0       -          -       -       -      "
        "-\n"
        "maxpool         maxpool    4x4x4       0      0      64          0     492     384   "
        "14.3\n"
        "a               conv       4x4x4      20    256      64         32     256       0    "
        "7.1\n"
        "b               conv       4x4x4  shared    256      64         32     256       -    "
        "7.1\n"
        "add             add        4x4x4       0      0      64          0     256       0   "
        "14.3\n"
        "flatten         flatten       64       0      0      64          0     128       0   "
        "14.3\n"
        "dense           dense         10     650    640      10        680     202     128   "
        "14.3\n"
        "-----------------------------------------------------------------------------------------"
        "\n"
        "total                                786  8,064     778        868     492\n"
        "\n"
        "params    786 (exact; shared ones once, batchnorm 2 a channel)\n"
        "MACs      8,064 multiply-adds of conv and dense (exact); FLOPs = 2 x MACs = 16,128\n"
        "arena     512 bytes: the plan that the emitted code uses (exact). Its lower bound is the "
        "peak of\n"
        "          live buffers, 492 bytes; gap 4.1 %.\n"
        "peak      at maxpool, with the buffers of x (364), maxpool (128) alive\n"
        "weights   868 bytes of stored weights (1 byte) and biases (4 bytes) (exact)\n"
        "asi       mean 0.008997, layer 0.02145, max 0.1, exp 56 (estimates from the topology; "
        "smaller is\n"
        "          more resilient)\n"
        "          most sensitive, relevance an element: dense (0.1), maxpool (0.01562), add "
        "(0.01562)\n"
        "adcr      sum 2.369, ratio 0.1959 elements a MAC; sum 20.09, ratio 1.633 bits a MAC "
        "(estimates)\n"
        "-         fused into the operator before it: no tensor of its own\n"
        "offset -  never stored, or a part of the place of the layer after it\n"
        "ranges    and proved masked faults need weights: --weights FILE\n");
    ncr_buf_free(&out);
    ncr_arena_free(arena);
}

Test(report, text_fits_every_width)
{
    for (uint64_t seed = 0; seed < 40; seed++)
        for (int columns = 40; columns <= 160; columns += 7) {
            struct ncr_arena *arena = ncr_arena_new(0);
            struct ncr_buf out = {0};
            ncr_report_text(report_of(arena, random_graph_make(arena, seed, 14), false),
                            &(struct ncr_report_look){.columns = columns}, &out);
            for (const char *line = out.s; *line;) {
                size_t n = strcspn(line, "\n");
                if (strncmp(line, "arch_id", 7) != 0) // never cut
                    cr_assert_leq(n, (size_t)columns, "seed %lu, width %d: %.*s", seed, columns,
                                  (int)n, line);
                line += n + 1;
            }
            if (columns >= 60) cr_assert_not_null(strstr(out.s, "int8, declared as `int8`"));
            ncr_buf_free(&out);
            ncr_arena_free(arena);
        }
}

Test(report, json_holds_every_figure)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_report *r = report_of(arena, graph_of(arena, small), true);
    struct ncr_buf out = {0};
    ncr_report_json(r, NULL, &out);
    json_error_t error;
    json_t *root = json_loadb(out.s, out.n, JSON_REJECT_DUPLICATES, &error),
           *totals = json_object_get(root, "totals");
    cr_assert_not_null(root, "%s", error.text);
    cr_assert_str_eq(json_string_value(json_object_get(root, "schema")), "nacre.report/1");
    cr_assert_str_eq(json_string_value(json_object_get(root, "net")), "small");
    cr_assert_eq(strlen(json_string_value(json_object_get(root, "arch_id"))), 32);
    cr_assert(json_is_true(json_object_get(json_object_get(root, "quant"), "default")));
    static const struct {
        const char *key;
        int64_t want;
    } rows[] = {{"params", 786},          {"macs", 8064},
                {"flops", 16128},         {"peak_memory_bytes", 492},
                {"arena_bytes", 512},     {"weight_bytes", 868},
                {"activation_bytes", 778}};
    for (size_t i = 0; i < NCR_COUNT(rows); i++)
        cr_assert_eq(json_integer_value(json_object_get(totals, rows[i].key)), rows[i].want,
                     "%s is %lld", rows[i].key,
                     (long long)json_integer_value(json_object_get(totals, rows[i].key)));
    json_t *layers = json_object_get(root, "layers"), *bn = json_array_get(layers, 2);
    cr_assert_eq(json_array_size(layers), r->n_layers);
    cr_assert_str_eq(json_string_value(json_object_get(bn, "fused_into")), "small/stem/conv");
    cr_assert(json_is_null(json_object_get(bn, "live_bytes")));
    cr_assert(json_is_null(json_object_get(bn, "source")));
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(layers, 6), "shares_with")),
                     "small/a");
    cr_assert_eq(json_array_size(json_object_get(json_array_get(layers, 1), "shape")), 3);
    json_decref(root);
    ncr_buf_free(&out);
    ncr_arena_free(arena);
}

Test(report, csv_has_one_line_a_layer)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_graph *graph = graph_of(arena, small);
    graph->nodes[4].path = NCR_STR("small/max,\"pool\"");
    struct ncr_report *r = report_of(arena, graph, true);
    struct ncr_buf out = {0};
    ncr_report_csv(r, NULL, &out);
    uint32_t lines = 0;
    for (const char *line = out.s; *line; line += strcspn(line, "\n") + 1) {
        uint32_t commas = 0;
        bool quoted = false;
        for (const char *c = line; *c != '\n'; c++) {
            quoted ^= *c == '"';
            commas += *c == ',' && !quoted;
        }
        cr_assert_eq(commas, 14, "%.*s", (int)strcspn(line, "\n"), line);
        lines++;
    }
    cr_assert_eq(lines, 11);
    cr_assert_not_null(strstr(out.s, "\n\"small/max,\"\"pool\"\"\",maxpool,4x4x4,0,0,64,0,492,"));
    cr_assert_not_null(
        strstr(out.s, "\nsmall/stem/relu,relu,4x8x8,0,0,0,0,,,,,small/stem/conv,,,\n"));
    ncr_buf_free(&out);
    ncr_arena_free(arena);
}

static void assert_documented(const json_t *value, const char *manual)
{
    const char *key;
    json_t *member;
    size_t i;
    char word[64];
    json_array_foreach(value, i, member) assert_documented(member, manual);
    if (!json_is_object(value)) return;
    json_object_foreach((json_t *)(uintptr_t)value, key, member)
    {
        const char *end = strstr(key, "_fan_in"); // the manual writes these as one
        snprintf(word, sizeof word, "`%.*s", end ? (int)(end - key) : (int)strlen(key), key);
        bool found = strstr(manual, word) != NULL;
        snprintf(word, sizeof word, ".%s`", key);
        cr_assert(found || strstr(manual, word), "docs/report.md does not name the key %s", key);
        assert_documented(member, manual);
    }
}

Test(report, every_key_of_the_json_is_in_the_manual)
{
    struct ncr_io io = ncr_io_posix();
    struct ncr_buf manual = {0}, out = {0};
    struct ncr_error err;
    cr_assert_eq(io.read_file(io.user, NACRE_SOURCE_DIR "/docs/report.md", 1 << 20, &manual, &err),
                 NCR_OK, "%s", err.text);
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_graph *graph = graph_of(arena, small);
    struct ncr_sources *sources = ncr_sources_new(arena);
    uint32_t file = ncr_sources_add(sources, NCR_STR("n.ncr"), NCR_STR("conv\n  outer"));
    struct ncr_origin outer = {.span = {file, 7, 12}},
                      inner = {.span = {file, 0, 4}, .block = NCR_STR("b"), .up = &outer};
    graph->nodes[1].origin = &inner;
    ncr_report_json(report_of(arena, graph, true), sources, &out);
    json_t *root = json_loadb(out.s, out.n, 0, NULL);
    assert_documented(root, manual.s);
    json_t *source = json_object_get(json_array_get(json_object_get(root, "layers"), 1), "source");
    cr_assert_eq(json_integer_value(json_object_get(source, "line")), 1);
    json_t *block = json_array_get(json_object_get(source, "blocks"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(block, "block")), "b");
    cr_assert_eq(json_integer_value(json_object_get(block, "line")), 2);
    cr_assert_eq(json_integer_value(json_object_get(block, "column")), 3);
    json_decref(root);
    ncr_buf_free(&manual);
    ncr_buf_free(&out);
    ncr_arena_free(arena);
}
