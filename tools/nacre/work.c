// Options to a pipeline, and its statuses to exit codes.
#include "tools/nacre/work.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/api/classify.h"

static struct ncr_str option(const struct cli *cli, enum cli_option o)
{
    return cli->opt[o] ? ncr_str_of(cli->opt[o]) : NCR_STR("");
}

int work_genotype(struct cli *cli, struct cli_program *program, const char *path,
                  struct ncr_genes_given *out)
{
    struct ncr_error err;
    struct ncr_buf text = {0};
    enum ncr_status status =
        cli->io.read_file(cli->io.user, path, NCR_LIMIT_FILE_BYTES, &text, &err);
    if (status != NCR_OK) {
        ncr_buf_free(&text);
        return cli_fail(cli, status, &err);
    }
    struct ncr_str kept =
        ncr_str_dup(program->arena, (struct ncr_str){text.s ? text.s : "", (uint32_t)text.n});
    ncr_buf_free(&text);
    uint32_t file = ncr_sources_add(program->sources, ncr_str_of(path), kept);
    if (ncr_genes_read(program->arena, &program->diags, file, out)) return EXIT_GOOD;
    cli_diags(cli, program);
    return EXIT_PROGRAM;
}

int work_genes(struct cli *cli, struct cli_program *program, struct ncr_genes_given *out)
{
    struct ncr_error err;
    *out = (struct ncr_genes_given){0};
    if (cli->opt[OPT_GENOTYPE]) {
        int code = work_genotype(cli, program, cli->opt[OPT_GENOTYPE], out);
        if (code) return code;
    }
    for (int i = 0; i < cli->n_set; i++) {
        enum ncr_status status =
            ncr_genes_parse(program->arena, ncr_str_of(cli->set[i]), out, &err);
        if (status != NCR_OK) return cli_fail(cli, status, &err);
    }
    return EXIT_GOOD;
}

bool work_optimize(struct cli *cli, enum ncr_code_optimize *out)
{
    const char *text = cli->opt[OPT_OPTIMIZE], *triple = cli->opt[OPT_TRIPLE];
    bool small = text ? strcmp(text, "size") == 0 : triple && ncr_code_is_bare(triple);
    *out = small ? NCR_OPTIMIZE_SIZE : NCR_OPTIMIZE_SPEED;
    if (!text || small || strcmp(text, "speed") == 0) return true;
    cli_usage(cli, "--optimize is size or speed, not `%s`", text);
    return false;
}

int work_open(struct cli *cli, struct cli_work *work)
{
    *work = (struct cli_work){.data_text = ""};
    int code = cli_open(cli, cli->args[0], &work->program);
    struct ncr_genes_given genes = {0};
    if (code == EXIT_GOOD) code = work_genes(cli, &work->program, &genes);
    if (code) return code;
    // What compiles one network many times over, or many networks once, gains nothing.
    bool cached = cli->command == CMD_RUN || cli->command == CMD_EVAL ||
                  cli->command == CMD_INJECT || cli->command == CMD_REPLAY;
    const struct ncr_code_store *store =
        cached && !cli->opt[OPT_NO_CACHE] ? cli_cache_open(&work->cache, cli, work->program.arena)
                                          : NULL;
    enum ncr_code_optimize optimize;
    uint64_t batch;
    if (!work_optimize(cli, &optimize)) return EXIT_COMMAND_LINE;
    if (!cli_u64(cli, OPT_BATCH, 1, NCR_PLAN_BATCH_LIMIT, 1, &batch)) return EXIT_COMMAND_LINE;
    struct ncr_pipeline_choice choice = {.store = store,
                                         .optimize = optimize,
                                         .net = option(cli, OPT_NET),
                                         .quant = option(cli, OPT_QUANT),
                                         .train = option(cli, OPT_TRAIN),
                                         .genes = genes,
                                         .weights_path = cli->opt[OPT_WEIGHTS],
                                         .data_path = cli->opt[OPT_DATA_DIR],
                                         .mode = NCR_PLAN_SHARED,
                                         .batch = (uint32_t)batch};
    ncr_pipeline_init(&work->pipeline, work->program.arena, &work->program.diags, &cli->io,
                      work->program.program, &choice);
    return EXIT_GOOD;
}

void work_close(struct cli_work *work)
{
    ncr_pipeline_free(&work->pipeline);
    cli_close(&work->program);
}

int work_status(struct cli *cli, struct cli_work *work, enum ncr_status status)
{
    cli_diags(cli, &work->program);
    return cli_fail(cli, status, &work->err);
}

int work_images(struct cli *cli, struct cli_work *work)
{
    static const char *const splits[] = {"train", "valid", "test"};
    uint64_t limit;
    if (!cli_u64(cli, OPT_LIMIT, 1, UINT32_MAX, UINT64_MAX, &limit)) return EXIT_COMMAND_LINE;
    struct ncr_str text = cli->opt[OPT_DATA] ? option(cli, OPT_DATA) : NCR_STR("test");
    enum ncr_status status = ncr_pipeline_data(&work->pipeline, &work->err);
    if (status == NCR_OK)
        status = ncr_pipeline_data_ref(&work->pipeline, text, &work->ref, &work->err);
    if (status == NCR_OK)
        status = ncr_pipeline_images(&work->pipeline, &work->ref, &work->images, &work->err);
    if (status != NCR_OK) return work_status(cli, work, status);
    bool all = work->ref.begin == 0 && work->ref.end == UINT64_MAX;
    if (work->images.n > limit) {
        work->images.n = limit;
        all = false;
    }
    int n = snprintf(work->data_text, sizeof work->data_text, "%.*s.%s",
                     (int)(work->ref.data->name.n < 64 ? work->ref.data->name.n : 64),
                     work->ref.data->name.s, splits[work->ref.split]);
    if (!all)
        snprintf(work->data_text + n, sizeof work->data_text - (size_t)n,
                 "[%" PRIu64 "..%" PRIu64 "]", work->ref.begin, work->ref.begin + work->images.n);
    if (work->images.n == 0) return cli_usage(cli, "`%s` holds no images", work->data_text);
    return work_status(cli, work,
                       ncr_classify_fits(work->pipeline.graph, &work->images, &work->err));
}

bool work_threads(struct cli *cli, uint32_t *out)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t n;
    if (!cli_u64(cli, OPT_THREADS, 1, 256,
                 processors < 1     ? 1
                 : processors > 256 ? 256
                                    : (uint64_t)processors,
                 &n))
        return false;
    *out = (uint32_t)n;
    return true;
}

bool work_close_threads(struct cli *cli, uint32_t *out)
{
    *out = 1;
    return !cli->opt[OPT_THREADS] || work_threads(cli, out);
}

const struct ncr_trainer *work_trainer(struct cli *cli)
{
    static const char *const names[] = {
#define NCR_TRAINER_ROW(name) #name,
#include "runtime/train/trainer.def"
#undef NCR_TRAINER_ROW
    };
    const char *name = cli->opt[OPT_TRAINER] ? cli->opt[OPT_TRAINER] : names[0];
    const struct ncr_trainer *trainer = ncr_trainer_find(name);
    if (trainer) return trainer;
    struct ncr_buf list = {0};
    for (size_t i = 0; i < NCR_COUNT(names); i++)
        ncr_buf_fmt(&list, "%s`%s`",
                    i == 0                     ? ""
                    : i + 1 < NCR_COUNT(names) ? ", "
                                               : " and ",
                    names[i]);
    cli_usage(cli, "there is no trainer `%s`; there are %s", name, list.s ? list.s : "others");
    ncr_buf_free(&list);
    return NULL;
}

void work_percent(struct ncr_buf *out, uint64_t part, uint64_t whole)
{
    ncr_buf_fmt(out, "%6.2f %%", whole ? 100.0 * (double)part / (double)whole : 0.0);
}

const struct ncr_code_place *work_places(struct cli *cli, struct cli_work *work)
{
    const struct ncr_qgraph *g = work->pipeline.qgraph;
    struct ncr_arena *arena = work->program.arena;
    if (!cli->opt[OPT_DEBUG]) return NULL;
    struct ncr_code_place *places = NCR_NEW_N(arena, struct ncr_code_place, g->n_nodes);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_node *node = &g->graph->nodes[g->nodes[q].node];
        const struct ncr_origin *origin = node->origin;
        places[q] = (struct ncr_code_place){.path = ncr_str_dup(arena, node->path),
                                            .file = ncr_str_dup(arena, ncr_str_of(cli->args[0])),
                                            .line = 1,
                                            .column = 1};
        // The place in the user's own text, around the blocks of libraries.
        while (origin && origin->up && origin->up->span.file)
            origin = origin->up;
        if (!origin || !origin->span.file) continue;
        struct ncr_pos pos =
            ncr_sources_pos(work->program.sources, origin->span.file, origin->span.begin);
        places[q].file =
            ncr_str_dup(arena, ncr_sources_name(work->program.sources, origin->span.file));
        places[q].line = pos.line;
        places[q].column = pos.column;
    }
    return places;
}
