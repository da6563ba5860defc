// The networks of examples/zoo have the published numbers of parameters and multiply-adds, to the
// last digit.
#include <criterion/criterion.h>

#include "compiler/analysis/report.h"
#include "compiler/sema/program.h"
#include "runtime/api/pipeline.h"

// Parameters: torchvision's models (resnet18, resnet34, resnet50) and the Keras application (mobilenet, of
// which 4,253,864 less the 21,888 running statistics are trainable). MACs: the sums of the papers'
// tables over conv and dense.
static const struct {
    const char *name;
    int64_t params, macs;
} rows[] = {
    {"resnet18", 11689512, 1814073344},
    {"resnet34", 21797672, 3663761408},
    {"resnet50", 25557032, 4089184256},
    {"mobilenet_v1", 4231976, 568740352},
    {"mnist_small", 21840, 480500},
};

Test(zoo, published_counts_to_the_last_digit)
{
    for (size_t i = 0; i < NCR_COUNT(rows); i++) {
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_sources *sources = ncr_sources_new(arena);
        struct ncr_diags diags;
        struct ncr_error err;
        struct ncr_io io = ncr_io_posix();
        struct ncr_str path =
            ncr_str_fmt(arena, "%s/examples/zoo/%s.ncr", NACRE_SOURCE_DIR, rows[i].name);
        ncr_diags_init(&diags, arena, sources);
        struct ncr_modules *modules =
            ncr_modules_load(arena, sources, &diags, &io, path.s, NULL, &err);
        cr_assert_not_null(modules, "%s", err.text);
        struct ncr_program *program = ncr_program_check(arena, &diags, modules);
        cr_assert_eq(diags.n_errors + diags.n_warnings, 0, "%s: %.*s", rows[i].name,
                     NCR_STR_ARG(diags.first->text));
        const struct ncr_net_info *net;
        cr_assert_eq(ncr_program_find_net(program, ncr_str_of(rows[i].name), &net, &err), NCR_OK,
                     "%s", err.text);
        cr_assert(ncr_graph_verify(net->graph, &err), "%s: %s", rows[i].name, err.text);
        struct ncr_quant_spec spec = ncr_quant_default();
        struct ncr_report *report = ncr_report_build(arena, &diags, net->graph, &spec, true);
        cr_assert_not_null(report);
        cr_assert_eq(report->params, rows[i].params, "%s: %lld parameters", rows[i].name,
                     (long long)report->params);
        cr_assert_eq(report->macs, rows[i].macs, "%s: %lld MACs", rows[i].name,
                     (long long)report->macs);
        cr_assert_eq(report->flops, 2 * rows[i].macs);
        uint32_t lines = 1;
        struct ncr_str text = ncr_sources_text(sources, 1);
        for (uint32_t k = 0; k < text.n; k++)
            lines += text.s[k] == '\n';
        cr_assert_lt(lines, 80, "%s has %u lines", rows[i].name, lines);
        ncr_arena_free(arena);
    }
}
