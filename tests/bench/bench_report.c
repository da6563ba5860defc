// Speed of the static report, on one thread: text to full report of a large network, with a target;
// and the metrics of candidates of a search, from their genotypes.
// usage: bench_report SOURCE_DIR. Prints a table; the fastest of several runs counts.
#include <stdio.h>
#include <stdlib.h>

#include "compiler/analysis/candidate.h"
#include "compiler/analysis/report.h"
#include "compiler/sema/program.h"
#include "compiler/space/members.h"
#include "lang/base/io.h"
#include "runtime/api/pipeline.h"

static struct ncr_program *load(const struct ncr_io *io, struct ncr_arena *arena,
                                struct ncr_diags *diags, const char *path)
{
    struct ncr_error err;
    struct ncr_sources *sources = ncr_sources_new(arena);
    ncr_diags_init(diags, arena, sources);
    struct ncr_modules *modules = ncr_modules_load(arena, sources, diags, io, path, NULL, &err);
    if (!modules || diags->n_errors) return NULL;
    struct ncr_program *program = ncr_program_check(arena, diags, modules);
    return diags->n_errors ? NULL : program;
}

// Parse, check, elaborate, plan, price, print as JSON.
static bool full(const struct ncr_io *io, const char *folder, const char *name, const char *machine)
{
    char path[512], target_path[512];
    snprintf(path, sizeof path, "%s/examples/zoo/%s.ncr", folder, name);
    snprintf(target_path, sizeof target_path, "%s/stdlib/targets/%s.ncr", folder, machine);
    double best = 1e9;
    for (int run = 0; run < 20; run++) {
        double start = io->now_s(NULL);
        struct ncr_arena *arena = ncr_arena_new(0);
        struct ncr_diags diags;
        struct ncr_error err;
        const struct ncr_net_info *net;
        struct ncr_program *machines = load(io, arena, &diags, target_path),
                           *program = load(io, arena, &diags, path);
        if (!program || !machines ||
            ncr_program_find_net(program, NCR_STR(""), &net, &err) != NCR_OK)
            return false;
        struct ncr_quant_spec spec = ncr_quant_default();
        struct ncr_report *report = ncr_report_build(arena, &diags, net->graph, &spec, true);
        ncr_report_price(report, arena, ncr_program_config(machines)->target[0]);
        struct ncr_buf out = {0};
        ncr_report_json(report, diags.sources, &out);
        ncr_buf_free(&out);
        ncr_arena_free(arena);
        double seconds = io->now_s(NULL) - start;
        if (seconds < best) best = seconds;
    }
    printf("| %s on %s: text to full report | %.1f ms | aim: 50 ms |\n", name, machine, best * 1e3);
    return true;
}

static bool candidates(const struct ncr_io *io, const char *folder, const char *name)
{
    enum { N = 4000 };
    char path[512];
    struct ncr_arena *arena = ncr_arena_new(0), *scratch = ncr_arena_new(0);
    struct ncr_diags diags;
    snprintf(path, sizeof path, "%s/examples/spaces/%s.ncr", folder, name);
    struct ncr_program *program = load(io, arena, &diags, path);
    struct ncr_space *space = NULL;
    for (uint32_t i = 0; program && i < ncr_program_net_count(program); i++)
        if (ncr_program_net(program, i)->space) space = ncr_program_net(program, i)->space;
    if (!space) return false;
    struct ncr_members *m = ncr_members_build(arena, space, NULL);
    uint32_t n = space->decisions.n;
    uint32_t *taken = NCR_NEW_N(arena, uint32_t, (size_t)(n + 1) * N);
    for (uint64_t i = 0; i < N; i++) {
        struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_SAMPLE, i);
        if (!ncr_members_sample(m, scratch, true, &rng, taken + i * (n + 1))) return false;
    }
    struct ncr_graph **graphs = NCR_NEW_N(arena, struct ncr_graph *, N);
    double bind = 1e9, metrics = 1e9, both = 1e9;
    uint64_t nodes = 0;
    for (uint64_t i = 0; i < N; i++) {
        graphs[i] = ncr_space_bind(space, taken + i * (n + 1), arena);
        nodes += graphs[i]->n_nodes;
    }
    for (int run = 0; run < 5; run++) {
        double sum = 0, start = io->now_s(NULL);
        for (uint64_t i = 0; i < N; i++) {
            struct ncr_arena_mark mark = ncr_arena_mark(scratch);
            struct ncr_candidate c;
            if (!ncr_candidate_of(scratch, graphs[i], &c)) return false;
            sum += c.asi.mean + (double)c.peak_bytes;
            ncr_arena_reset(scratch, mark);
        }
        double seconds = io->now_s(NULL) - start;
        if (sum > 0 && seconds < metrics) metrics = seconds;
        start = io->now_s(NULL);
        for (uint64_t i = 0; i < N; i++) {
            struct ncr_arena_mark mark = ncr_arena_mark(scratch);
            sum += ncr_space_bind(space, taken + i * (n + 1), scratch)->n_nodes;
            ncr_arena_reset(scratch, mark);
        }
        seconds = io->now_s(NULL) - start;
        if (seconds < bind) bind = seconds;
        start = io->now_s(NULL);
        for (uint64_t i = 0; i < N; i++) {
            struct ncr_arena_mark mark = ncr_arena_mark(scratch);
            struct ncr_candidate c;
            if (!ncr_candidate_of(scratch, ncr_space_bind(space, taken + i * (n + 1), scratch), &c))
                return false;
            sum += (double)c.params;
            ncr_arena_reset(scratch, mark);
        }
        seconds = io->now_s(NULL) - start;
        if (seconds < both) both = seconds;
    }
    printf(
        "| %s, %llu nodes: counts, ASI, ADCR, peak memory of a network | %.0f/s | aim: 20000/s |\n",
        name, (unsigned long long)(nodes / N), N / metrics);
    printf("| %s: genotype to network | %.0f/s | |\n", name, N / bind);
    printf("| %s: genotype to metrics | %.0f/s | |\n", name, N / both);
    ncr_arena_free(scratch);
    ncr_arena_free(arena);
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    struct ncr_io io = ncr_io_posix();
    bool good = full(&io, argv[1], "resnet50", "cortex_m7") &&
                full(&io, argv[1], "resnet50", "eyeriss_like") &&
                candidates(&io, argv[1], "nasbench201");
    return good ? 0 : 1;
}
