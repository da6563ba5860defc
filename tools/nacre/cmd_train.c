// nacre train: a net and its train declaration to weights in a safetensors file.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "lang/base/json.h"
#include "runtime/api/classify.h"
#include "tools/nacre/work.h"

enum { N_SPLITS = 3 };

static const char *const split_names[N_SPLITS] = {"train", "valid", "test"};

struct training {
    struct cli_work work;
    struct ncr_train_spec spec; // as declared, with --seed
    const struct ncr_trainer *trainer;
    uint32_t threads;
    struct ncr_dataset set[N_SPLITS]; // valid and test may be empty
    struct ncr_weights *weights;      // of the net as written; `final` are those that are kept
    struct ncr_weights *final;
    struct ncr_train_result result;
    uint64_t right[N_SPLITS];
    struct ncr_str path, checkpoint;
    bool resumed; // the time is that of the remaining epochs, whose number is not told
};

// The trainer, data and spec that the options name.
static int prepare(struct cli *cli, struct training *t)
{
    struct ncr_pipeline *pipeline = &t->work.pipeline;
    enum ncr_status status = ncr_pipeline_data(pipeline, &t->work.err);
    if (status != NCR_OK) return work_status(cli, &t->work, status);
    if (!pipeline->train)
        return cli_usage(cli,
                         "the program has no train declaration; add e.g. `train quick { data: "
                         "%.*s.train; epochs: 5; }`",
                         NCR_STR_ARG(pipeline->data_spec->name));
    t->spec = *pipeline->train;
    if (!cli_u64(cli, OPT_SEED, 0, INT64_MAX, t->spec.seed, &t->spec.seed) ||
        !work_close_threads(cli, &t->threads))
        return EXIT_COMMAND_LINE;
    t->trainer = work_trainer(cli);
    if (!t->trainer) return EXIT_COMMAND_LINE;
    for (uint32_t s = 0; s < N_SPLITS && status == NCR_OK; s++) {
        struct ncr_data_ref ref = {
            .data = t->spec.data.data, .split = (enum ncr_split)s, .end = UINT64_MAX};
        if (s == 0) ref = t->spec.data;
        status = ncr_pipeline_images(pipeline, &ref, &t->set[s], &t->work.err);
    }
    if (status == NCR_OK && t->set[0].n == 0)
        status = ncr_fail(&t->work.err, NCR_USAGE, "`%.*s.%s` holds no images to train on",
                          NCR_STR_ARG(t->spec.data.data->name), split_names[t->spec.data.split]);
    if (status == NCR_OK) status = ncr_classify_fits(pipeline->whole, &t->set[0], &t->work.err);
    return work_status(cli, &t->work, status);
}

static int name_files(struct cli *cli, struct training *t)
{
    struct ncr_arena *arena = t->work.program.arena;
    t->path = cli->opt[OPT_OUTPUT]
                  ? ncr_str_of(cli->opt[OPT_OUTPUT])
                  : ncr_str_fmt(arena, "%.*s.safetensors", NCR_STR_ARG(t->work.pipeline.net->name));
    t->checkpoint = ncr_str_fmt(arena, "%.*s.checkpoint", NCR_STR_ARG(t->path));
    t->resumed = cli->opt[OPT_RESUME] != NULL;
    if (t->resumed && !cli->io.file_exists(cli->io.user, t->checkpoint.s))
        return cli_usage(cli, "there is nothing to resume: '%s' does not exist", t->checkpoint.s);
    return EXIT_GOOD;
}

// The parameters that both graphs have.
static void copy_by_name(const struct ncr_graph *from, const struct ncr_weights *source,
                         const struct ncr_graph *to, struct ncr_weights *target)
{
    for (uint32_t p = 0; p < to->n_params; p++)
        for (uint32_t k = 0; k < from->n_params; k++)
            if (ncr_str_eq(from->params[k].name, to->params[p].name))
                memcpy(target->at[p], source->at[k], (size_t)to->params[p].n * sizeof(float));
}

// Drawn weights, or those of --weights; a file has none for what reaches no output.
static enum ncr_status start_weights(struct cli *cli, struct training *t)
{
    struct ncr_pipeline *pipeline = &t->work.pipeline;
    const struct ncr_graph *to = pipeline->whole, *from = pipeline->graph;
    t->weights = ncr_weights_new(t->work.program.arena, to);
    ncr_weights_init(t->weights, to, t->spec.seed);
    if (!cli->opt[OPT_WEIGHTS]) return NCR_OK;
    enum ncr_status status = ncr_pipeline_weights(pipeline, &t->work.err);
    if (status == NCR_OK) copy_by_name(from, pipeline->weights, to, t->weights);
    return status;
}

static enum ncr_status train(struct cli *cli, struct training *t)
{
    const struct ncr_graph *graph = t->work.pipeline.whole; // with dropout
    enum ncr_status status = start_weights(cli, t);
    if (status != NCR_OK) return status;
    struct ncr_train_job job = {.graph = graph,
                                .spec = &t->spec,
                                .train = &t->set[NCR_SPLIT_TRAIN],
                                .valid =
                                    t->set[NCR_SPLIT_VALID].n ? &t->set[NCR_SPLIT_VALID] : NULL,
                                .weights = t->weights,
                                .checkpoint = t->checkpoint.s,
                                .resume = t->resumed,
                                .threads = t->threads,
                                .io = &cli->io,
                                .diags = &t->work.program.diags};
    return t->trainer->train(&job, &t->result, &t->work.err);
}

// The parameters that the simplified net has: what reaches no output is not written.
static void keep_live(struct training *t)
{
    const struct ncr_graph *from = t->work.pipeline.whole, *to = t->work.pipeline.graph;
    t->final = ncr_weights_new(t->work.program.arena, to);
    copy_by_name(from, t->weights, to, t->final);
}

// Accuracy with the weights as they are written, on each part that has images.
static enum ncr_status measure(struct cli *cli, struct training *t)
{
    enum ncr_status status = NCR_OK;
    for (uint32_t s = 0; s < N_SPLITS && status == NCR_OK; s++) {
        if (t->set[s].n == 0) continue;
        uint32_t *classes = NCR_NEW_N(t->work.program.arena, uint32_t, (size_t)t->set[s].n);
        status = ncr_classify_float(t->work.pipeline.graph, t->final, t->trainer, t->threads,
                                    &t->set[s], &cli->io, classes, &t->work.err);
        t->right[s] = ncr_classify_right(&t->set[s], classes);
    }
    return status;
}

static void put_text(const struct training *t, struct ncr_buf *out)
{
    const struct ncr_train_result *r = &t->result;
    const struct ncr_str net = t->work.pipeline.net->name, data = t->spec.data.data->name;
    ncr_buf_fmt(out, "%.*s trained by `%.*s` on %" PRIu64 " images of %.*s.%s\n\n",
                NCR_STR_ARG(net), NCR_STR_ARG(t->spec.name), t->set[0].n, NCR_STR_ARG(data),
                split_names[t->spec.data.split]);
    ncr_buf_puts(out, "          images  accuracy\n");
    for (uint32_t s = 0; s < N_SPLITS; s++) {
        if (t->set[s].n == 0) continue;
        ncr_buf_fmt(out, "%-8s %7" PRIu64 "  ", split_names[s], t->set[s].n);
        work_percent(out, t->right[s], t->set[s].n);
        ncr_buf_putc(out, '\n');
    }
    if (t->spec.quant && isfinite(r->valid_accuracy))
        ncr_buf_fmt(out, "%-8s %7" PRIu64 "  %6.2f %%  as `%.*s` rounds it\n",
                    split_names[NCR_SPLIT_VALID], t->set[NCR_SPLIT_VALID].n,
                    100 * r->valid_accuracy, NCR_STR_ARG(t->spec.quant->name));
    ncr_buf_fmt(out, "\n%u epochs, loss %.4f, %.2f s", r->epochs_done, r->loss, r->wall_s);
    if (!t->resumed) ncr_buf_fmt(out, ", %.2f s an epoch", r->wall_s / r->epochs_done);
    if (r->backend_s > 0 && r->wall_s > 0)
        ncr_buf_fmt(out, ", %.0f %% of it inside %s", 100 * r->backend_s / r->wall_s,
                    t->trainer->name);
    ncr_buf_fmt(out, " (%u thread%s)\nweights: %s\n", t->threads, t->threads == 1 ? "" : "s",
                t->path.s);
}

static void put_json(const struct training *t, struct ncr_buf *out)
{
    const struct ncr_train_result *r = &t->result;
    struct ncr_json json;
    ncr_json_init(&json, out);
    ncr_json_object(&json);
    ncr_json_key_str(&json, "schema", NCR_STR("nacre.train/1"));
    ncr_json_key_str(&json, "net", t->work.pipeline.net->name);
    ncr_json_key_str(&json, "train", t->spec.name);
    ncr_json_key_str(&json, "data", t->spec.data.data->name);
    ncr_json_key_str(&json, "trainer", ncr_str_of(t->trainer->name));
    ncr_json_key_i64(&json, "threads", t->threads);
    ncr_json_key(&json, "seed");
    ncr_json_i64(&json, (int64_t)t->spec.seed);
    ncr_json_key_i64(&json, "epochs", r->epochs_done);
    ncr_json_key(&json, "quant");
    if (t->spec.quant)
        ncr_json_str(&json, t->spec.quant->name);
    else
        ncr_json_null(&json);
    ncr_json_key_f64(&json, "quantised_valid", t->spec.quant ? r->valid_accuracy : (double)NAN);
    ncr_json_key_f64(&json, "loss", r->loss);
    ncr_json_key_f64(&json, "seconds", r->wall_s);
    ncr_json_key_f64(&json, "seconds_per_epoch", t->resumed ? NAN : r->wall_s / r->epochs_done);
    ncr_json_key_f64(&json, "backend_fraction", r->wall_s > 0 ? r->backend_s / r->wall_s : NAN);
    for (uint32_t s = 0; s < N_SPLITS; s++) {
        ncr_json_key(&json, split_names[s]);
        if (t->set[s].n == 0) {
            ncr_json_null(&json);
            continue;
        }
        ncr_json_object(&json);
        ncr_json_key_i64(&json, "images", (int64_t)t->set[s].n);
        ncr_json_key_i64(&json, "correct", (int64_t)t->right[s]);
        ncr_json_key_f64(&json, "accuracy", (double)t->right[s] / (double)t->set[s].n);
        ncr_json_end(&json);
    }
    ncr_json_key_str(&json, "weights", t->path);
    ncr_json_end(&json);
    ncr_buf_putc(out, '\n');
}

static int finish(struct cli *cli, struct training *t)
{
    keep_live(t);
    enum ncr_status status =
        ncr_safetensors_write(t->work.pipeline.graph, t->final, &cli->io, t->path.s, &t->work.err);
    if (status != NCR_OK) return work_status(cli, &t->work, status);
    remove(t->checkpoint.s); // the weights are safe, and a finished run has nothing to resume
    status = measure(cli, t);
    if (status != NCR_OK) return work_status(cli, &t->work, status);
    struct ncr_buf out = {0};
    if (cli->json)
        put_json(t, &out);
    else
        put_text(t, &out);
    return cli_output(cli, &out);
}

int cmd_train(struct cli *cli)
{
    int code = cli_no_csv(cli);
    if (code) return code;
    struct training t = {.trainer = NULL};
    code = work_open(cli, &t.work);
    if (!code) code = prepare(cli, &t);
    if (!code) code = name_files(cli, &t);
    if (!code) {
        enum ncr_status status = train(cli, &t);
        code = work_status(cli, &t.work, status);
        if (status == NCR_INTERRUPTED && !cli->quiet)
            fprintf(stderr,
                    "      after %u of %u epochs; the state is in '%s', go on with --resume\n",
                    t.result.epochs_done, t.spec.epochs, t.checkpoint.s);
    }
    if (!code) code = finish(cli, &t);
    work_close(&t.work);
    return code;
}
