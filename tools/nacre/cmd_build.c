// nacre build: a trained network as a standalone program, an object or a static library with its C
// header.
#include <stdio.h>
#include <stdlib.h>

#include "tools/nacre/archive.h"
#include "tools/nacre/link.h"
#include "tools/nacre/work.h"

enum kind { EXE, OBJ, LIB };

struct build {
    struct cli *cli;
    struct cli_work *work;
    enum kind kind;
    const char *path;
    struct ncr_code_options options;
    char arch_id[33];
    uint64_t stack_bytes;
    struct ncr_code_sizes sizes;
    struct ncr_buf object;
};

// The input for each pixel byte of each channel, by the very functions that prepare images
// elsewhere.
static const int8_t *pixel_table(struct build *b)
{
    struct ncr_pipeline *p = &b->work->pipeline;
    const struct ncr_qnode *input = &p->qgraph->nodes[p->qgraph->inputs[0]];
    struct ncr_data_ref all = {.data = p->data_spec, .split = NCR_SPLIT_TRAIN, .end = UINT64_MAX};
    struct ncr_dataset set;
    if (ncr_data_view(p->data, &all, &set, &b->work->err) != NCR_OK) return NULL;
    int64_t n = ncr_shape_elements(&input->shape), channels = input->shape.dim[0];
    uint8_t *pixels = NCR_NEW_N(p->arena, uint8_t, (size_t)n);
    float *real = NCR_NEW_N(p->arena, float, (size_t)n);
    size_t each = (size_t)ncr_qnode_element_bytes(input);
    int8_t *q = NCR_NEW_N(p->arena, int8_t, (size_t)n * each),
           *table = NCR_NEW_N(p->arena, int8_t, (size_t)channels * 256 * each);
    set.pixels = pixels;
    set.n = 1;
    for (int v = 0; v < 256; v++) {
        memset(pixels, v, (size_t)n);
        ncr_dataset_input(&set, 0, real);
        ncr_quantise_input(input, real, q);
        for (int64_t c = 0; c < channels; c++)
            ncr_qnode_put(input, table, c * 256 + v,
                          ncr_qnode_element(input, q, c * (n / channels)));
    }
    return table;
}

static int write_part(struct build *b, const char *path, const void *bytes, size_t n,
                      bool executable)
{
    struct ncr_error err;
    return cli_fail(b->cli,
                    b->cli->io.write_file(b->cli->io.user, path, bytes, n, executable, &err), &err);
}

static int write_program(struct build *b)
{
    struct ncr_buf bytes = {0};
    int code = link_program(b->cli, b->options.triple, b->options.cpu, &b->object, &bytes);
    if (!code) code = write_part(b, b->path, bytes.s, bytes.n, true);
    ncr_buf_free(&bytes);
    return code;
}

// PATH with its ending replaced, or extended where it has none.
static struct ncr_str beside(struct build *b, const char *ending)
{
    const char *slash = strrchr(b->path, '/'), *dot = strrchr(slash ? slash : b->path, '.');
    int n =
        dot && dot != (slash ? slash + 1 : b->path) ? (int)(dot - b->path) : (int)strlen(b->path);
    return ncr_str_fmt(b->work->pipeline.arena, "%.*s%s", n, b->path, ending);
}

static int write_header(struct build *b, const struct ncr_plan *plan)
{
    struct ncr_buf header = {0};
    enum ncr_status status = ncr_code_header(plan, &b->options, &header, &b->work->err);
    int code = status == NCR_OK ? write_part(b, beside(b, ".h").s, header.s, header.n, false)
                                : work_status(b->cli, b->work, status);
    ncr_buf_free(&header);
    return code;
}

static int write_library(struct build *b)
{
    const char *prefix = b->options.prefix ? b->options.prefix : "nacre";
    struct ncr_arena *arena = b->work->pipeline.arena;
    const char *symbols[3] = {ncr_str_fmt(arena, "%s_init", prefix).s,
                              ncr_str_fmt(arena, "%s_run", prefix).s,
                              ncr_str_fmt(arena, "%s_info", prefix).s};
    struct ncr_buf library = {0};
    archive_write(&library, "network.o", &b->object, symbols, 3);
    int code = write_part(b, b->path, library.s, library.n, false);
    ncr_buf_free(&library);
    return code;
}

static int build(struct build *b)
{
    struct ncr_pipeline *p = &b->work->pipeline;
    enum ncr_status status = ncr_pipeline_plan(p, &b->work->err);
    if (status != NCR_OK) return work_status(b->cli, b->work, status);
    if (b->kind == EXE && (p->qgraph->n_inputs != 1 || p->qgraph->n_outputs != 1))
        return cli_usage(b->cli,
                         "a program takes a net with one input and one output; net `%.*s` has %u "
                         "and %u: build --kind obj",
                         NCR_STR_ARG(p->graph->name), p->qgraph->n_inputs, p->qgraph->n_outputs);
    ncr_hash_text(ncr_graph_arch_id(p->graph), b->arch_id);
    b->options.arch_id = b->arch_id;
    b->options.stack_bytes = &b->stack_bytes;
    b->options.sizes = &b->sizes;
    b->options.places = work_places(b->cli, b->work);
    b->options.pixels = pixel_table(b);
    if (!b->options.pixels) return work_status(b->cli, b->work, NCR_ENVIRONMENT);
    status = ncr_code_emit(p->plan, &b->options, NCR_CODE_OBJECT, &b->object, &b->work->err);
    if (status != NCR_OK) return work_status(b->cli, b->work, status);
    int code = EXIT_GOOD;
    switch (b->kind) {
    case EXE: code = write_program(b); break;
    case OBJ: code = write_part(b, b->path, b->object.s, b->object.n, false); break;
    case LIB: code = write_library(b); break;
    }
    if (!code && b->kind != EXE) code = write_header(b, p->plan);
    if (!code && !b->cli->quiet) {
        cli_io_done(b->cli);
        fprintf(stderr,
                "%s: net %.*s, code %llu bytes, constants %llu bytes, arena %llu bytes, stack %llu "
                "bytes%s%s\n",
                b->path, NCR_STR_ARG(p->graph->name), (unsigned long long)b->sizes.code,
                (unsigned long long)b->sizes.constants, (unsigned long long)p->plan->arena_bytes,
                (unsigned long long)b->stack_bytes, b->kind == EXE ? "" : ", header ",
                b->kind == EXE ? "" : beside(b, ".h").s);
    }
    return code;
}

int cmd_build(struct cli *cli)
{
    static const char *const kinds[] = {"exe", "obj", "lib"};
    if (cli->json || cli->csv)
        return cli_usage(cli, "what is built has one form; leave --format out");
    const char *kind = cli->opt[OPT_KIND] ? cli->opt[OPT_KIND] : "exe";
    struct build b = {.cli = cli, .path = cli->opt[OPT_OUTPUT]};
    int k = 0;
    while (k < 3 && strcmp(kind, kinds[k]) != 0)
        k++;
    if (k == 3) return cli_usage(cli, "--kind is exe, obj or lib, not `%s`", kind);
    b.kind = (enum kind)k;
    if (!b.path) return cli_usage(cli, "where to? Give --output FILE");
    b.options = (struct ncr_code_options){
        .triple = cli->opt[OPT_TRIPLE], .cpu = cli->opt[OPT_CPU], .prefix = cli->opt[OPT_PREFIX]};
    if (b.kind == EXE && b.options.prefix)
        return cli_usage(cli, "--prefix is for --kind obj and lib: a program has no names of its "
                              "own");
    if (b.kind == EXE && cli->opt[OPT_BATCH])
        return cli_usage(cli, "--batch is for --kind obj and lib: a program runs one image after "
                              "the other");
    if (b.kind == EXE && !link_can(b.options.triple, b.options.cpu))
        return cli_usage(cli,
                         "programs are made for x86_64, aarch64 and riscv64 under Linux, for "
                         "thumbv7em-none-eabi with --cpu cortex-m4 or cortex-m7, and for "
                         "riscv32-unknown-elf, not for `%s`%s%s: build --kind obj",
                         b.options.triple, b.options.cpu ? " with " : "",
                         b.options.cpu ? b.options.cpu : "");
    struct cli_work work;
    b.work = &work;
    int code = work_open(cli, &work);
    b.options.optimize = work.pipeline.choice.optimize;
    if (!code) code = build(&b);
    ncr_buf_free(&b.object);
    work_close(&work);
    return code;
}
