// Speed of the front end: parse, parse + check, and report, in lines a second and milliseconds.
// usage: bench_frontend SOURCE_DIR (of the zoo). Prints a table; the fastest of several runs
// counts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/analysis/report.h"
#include "compiler/sema/program.h"
#include "lang/base/io.h"
#include "runtime/api/pipeline.h"

// A program of at least `lines` lines: copies of a small residual net under different names.
static struct ncr_str make_program(struct ncr_arena *arena, int lines)
{
    static const char *const text =
        "\n/// A small residual network.\n"
        "net n%d(x: tensor[3, 32, 32]) -> tensor[10] {\n"
        "    let width = 16 + %d %% 3 * 8;\n"
        "    let stem = x |> conv_bn_relu(width, kernel: 3);\n"
        "    let body = stem |> repeat(stage in 0..3) {\n"
        "        let w = width << stage;\n"
        "        conv_bn_relu(w, kernel: 3) >> residual(conv_bn_relu(w, kernel: 3))\n"
        "            >> maxpool(2)\n"
        "    };\n"
        "    require params(this) <= 2_000_000;\n"
        "    body |> global_avgpool >> flatten >> dense(10)\n"
        "}\n";
    struct ncr_buf buf = {0};
    ncr_buf_puts(&buf, "import std.blocks\n");
    for (int i = 0; i * 12 < lines; i++)
        ncr_buf_fmt(&buf, text, i, i);
    struct ncr_str result = ncr_str_dup(arena, (struct ncr_str){buf.s, (uint32_t)buf.n});
    ncr_buf_free(&buf);
    return result;
}

static uint32_t count_lines(struct ncr_str text)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < text.n; i++)
        n += text.s[i] == '\n';
    return n;
}

// Text to finished report of ResNet-18: parse, imports, check, elaborate, plan, print as JSON. Best
// of ten, in seconds.
static double resnet18(const struct ncr_io *io, const char *folder)
{
    char path[1024];
    double best = 1e9;
    snprintf(path, sizeof path, "%s/examples/zoo/resnet18.ncr", folder);
    for (int run = 0; run < 10; run++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_sources *sources = ncr_sources_new(arena);
        struct ncr_diags diags;
        struct ncr_error err;
        ncr_diags_init(&diags, arena, sources);
        double start = io->now_s(NULL);
        struct ncr_modules *modules =
            ncr_modules_load(arena, sources, &diags, io, path, NULL, &err);
        struct ncr_program *program = modules ? ncr_program_check(arena, &diags, modules) : NULL;
        const struct ncr_net_info *net;
        if (!program || ncr_program_find_net(program, NCR_STR(""), &net, &err) != NCR_OK) return 0;
        struct ncr_quant_spec spec = ncr_quant_default();
        const struct ncr_graph *graph = ncr_graph_simplify(arena, net->graph);
        struct ncr_buf out = {0};
        ncr_report_json(ncr_report_build(arena, &diags, graph, &spec, true), sources, &out);
        double took = io->now_s(NULL) - start;
        if (out.n && took < best) best = took;
        ncr_buf_free(&out);
        ncr_arena_free(arena);
    }
    return best;
}

int main(int argc, char **argv)
{
    struct ncr_io io = ncr_io_posix();
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_str text = make_program(arena, 1000);
    double best_parse = 1e9, best_check = 1e9;
    for (int run = 0; run < 20; run++) {
        struct ncr_arena_mark mark = ncr_arena_mark(arena);
        struct ncr_sources *sources = ncr_sources_new(arena);
        struct ncr_diags diags;
        ncr_diags_init(&diags, arena, sources);
        double t0 = io.now_s(NULL);
        uint32_t file = ncr_sources_add(sources, NCR_STR("bench.ncr"), text);
        ncr_parse(arena, &diags, file);
        double t1 = io.now_s(NULL);
        struct ncr_modules *modules = ncr_modules_load_text(
            arena, sources, &diags, &io, NCR_STR("bench.ncr"), text, NCR_STR(""), NULL);
        if (diags.n_errors == 0) ncr_program_check(arena, &diags, modules);
        double t2 = io.now_s(NULL);
        if (diags.n_errors) {
            struct ncr_buf out = {0};
            ncr_diags_text(&diags, &out, false);
            fputs(out.s, stderr);
            return 1;
        }
        if (t1 - t0 < best_parse) best_parse = t1 - t0;
        if (t2 - t1 < best_check) best_check = t2 - t1;
        ncr_arena_reset(arena, mark);
    }
    uint32_t lines = count_lines(text);
    printf("| parse, %u lines | %.2f ms | %.0f lines/s |\n", lines, best_parse * 1e3,
           lines / best_parse);
    printf("| parse + imports + check, %u lines | %.2f ms | %.0f lines/s |\n", lines,
           best_check * 1e3, lines / best_check);
    double report = resnet18(&io, argc > 1 ? argv[1] : ".");
    if (report > 0)
        printf("| report of ResNet-18, from text to JSON | %.2f ms | |\n", report * 1e3);
    ncr_arena_free(arena);
    return 0;
}
