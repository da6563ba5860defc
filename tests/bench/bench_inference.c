// Integer inference of LeNet-5 (random weights; time does not depend on them) at batch 1 and 100,
// one thread, copies in and out included; and the time to compile it. Prints a table.
#include <stdio.h>
#include <stdlib.h>

#include "compiler/codegen/codegen.h"
#include "compiler/sema/program.h"
#include "lang/base/io.h"
#include "runtime/api/pipeline.h"

static const char *const text =
    "net lenet(x: tensor[1, 28, 28]) -> tensor[10] {\n"
    "    x |> conv(6, kernel: 5) >> relu >> maxpool(2)\n"
    "      |> conv(16, kernel: 5, pad: valid) >> relu >> maxpool(2)\n"
    "      |> flatten >> dense(120) >> relu >> dense(84) >> relu >> dense(10)\n}\n";

enum { IMAGES = 100, PIXELS = 784 };

int main(void)
{
    struct ncr_io io = ncr_io_posix();
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_sources *sources = ncr_sources_new(arena);
    struct ncr_diags diags;
    struct ncr_error err;
    ncr_diags_init(&diags, arena, sources);
    struct ncr_modules *modules = ncr_modules_load_text(
        arena, sources, &diags, &io, NCR_STR("bench"), ncr_str_of(text), NCR_STR(""), NULL);
    struct ncr_program *program = ncr_program_check(arena, &diags, modules);
    const struct ncr_net_info *net;
    if (diags.n_errors || ncr_program_find_net(program, NCR_STR(""), &net, &err) != NCR_OK)
        return 1;
    const struct ncr_graph *graph = ncr_graph_simplify(arena, net->graph);
    struct ncr_weights *weights = ncr_weights_new(arena, graph);
    ncr_weights_init(weights, graph, 1);
    struct ncr_quant_spec spec = ncr_quant_default();
    struct ncr_calibrator *calibrator = ncr_calibrator_new(arena, graph, weights, &spec);
    float *image = NCR_NEW_N(arena, float, PIXELS);
    for (int i = 0; i < PIXELS; i++)
        image[i] = (float)(i % 29) / 14 - 1;
    const float *inputs[1] = {image};
    ncr_calibrator_feed(calibrator, inputs);
    struct ncr_qgraph *q =
        ncr_qgraph_build(arena, &diags, graph, &spec, weights, ncr_calibrator_finish(calibrator));
    struct ncr_plan *plan = ncr_plan_build(arena, q, NCR_PLAN_SHARED);
    struct ncr_code_options options = {0};
    struct ncr_code *code = NULL;
    double compile = 1e9;
    for (int run = 0; run < 5; run++) {
        ncr_code_free(code);
        double start = io.now_s(NULL);
        if (ncr_code_jit(plan, &options, &code, &err) != NCR_OK) return 1;
        double took = io.now_s(NULL) - start;
        if (took < compile) compile = took;
    }
    uint8_t *memory = aligned_alloc(NCR_PLAN_ALIGN, (plan->arena_bytes + NCR_PLAN_ALIGN - 1) /
                                                        NCR_PLAN_ALIGN * NCR_PLAN_ALIGN);
    int8_t *images = NCR_NEW_N(arena, int8_t, (size_t)IMAGES * PIXELS),
           *out = NCR_NEW_N(arena, int8_t, (size_t)IMAGES * 10);
    for (int i = 0; i < IMAGES * PIXELS; i++)
        images[i] = (int8_t)(i * 7 % 251 - 125);
    double macs = (double)ncr_graph_macs(graph);
    printf("| LeNet-5, compile in memory | %.1f ms | |\n", compile * 1e3);
    for (int batch = 1; batch <= IMAGES; batch += IMAGES - 1) {
        double best = 1e9;
        for (int run = 0; run < 200; run++) {
            double start = io.now_s(NULL);
            for (int i = 0; i < IMAGES; i++) {
                const int8_t *from[1] = {images + (size_t)(i % batch) * PIXELS};
                int8_t *to[1] = {out + (size_t)(i % batch) * 10};
                ncr_code_run(code, ncr_code_blob(code), memory, from, to);
            }
            double took = (io.now_s(NULL) - start) / IMAGES;
            if (took < best) best = took;
        }
        printf("| LeNet-5 int8, batch %d, one thread | %.0f images/s | %.0f GMAC/s |\n", batch,
               1 / best, macs / best * 1e-9);
    }
    free(memory);
    ncr_code_free(code);
    ncr_arena_free(arena);
    return 0;
}
