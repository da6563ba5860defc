// nacre run: compiles a quantised network in memory and runs it on images.
#include <inttypes.h>

#include "lang/base/json.h"
#include "runtime/api/classify.h"
#include "runtime/data/image.h"
#include "tools/nacre/profile.h"
#include "tools/nacre/work.h"

struct job {
    struct cli_work work;
    bool has_labels, list; // list: one line an image
    uint8_t *pixels;       // of --image
    uint32_t *classes, n_scores;
    int8_t *scores; // [n], the elements of each
    double compile_s, run_s;
};

// --image FILE in place of the program's data, with the data's normalisation.
static int take_image(struct cli *cli, struct job *job)
{
    struct cli_work *work = &job->work;
    if (cli->opt[OPT_DATA] || cli->opt[OPT_LIMIT])
        return cli_usage(cli, "--image takes the place of --data and --limit; give one or the "
                              "other");
    enum ncr_status status = ncr_pipeline_data(&work->pipeline, &work->err);
    struct ncr_data_ref any = {
        .data = work->pipeline.data_spec, .split = NCR_SPLIT_TEST, .end = UINT64_MAX};
    if (status == NCR_OK)
        status = ncr_pipeline_images(&work->pipeline, &any, &work->images, &work->err);
    if (status == NCR_OK)
        status = ncr_classify_fits(work->pipeline.graph, &work->images, &work->err);
    if (status != NCR_OK) return work_status(cli, work, status);
    job->pixels =
        NCR_NEW_N(work->program.arena, uint8_t, (size_t)ncr_shape_elements(&work->images.shape));
    status =
        ncr_image_read(&cli->io, cli->opt[OPT_IMAGE], &work->images.shape, job->pixels, &work->err);
    work->images.n = 1;
    work->images.pixels = job->pixels;
    work->images.labels = NULL;
    return work_status(cli, work, status);
}

static enum ncr_status run(struct cli *cli, struct job *job)
{
    struct ncr_pipeline *pipeline = &job->work.pipeline;
    const struct ncr_dataset *set = &job->work.images;
    pipeline->choice.many = set->n > 1;
    enum ncr_status status = ncr_pipeline_plan(pipeline, &job->work.err);
    double start = cli->io.now_s(cli->io.user);
    if (status == NCR_OK && !cli->opt[OPT_INTERPRETER])
        status = ncr_pipeline_code(pipeline, &job->work.err);
    job->compile_s = cli->io.now_s(cli->io.user) - start;
    if (status != NCR_OK) return status;
    const struct ncr_qgraph *q = pipeline->qgraph;
    job->n_scores = (uint32_t)ncr_shape_elements(&q->nodes[q->outputs[0]].shape);
    job->classes = NCR_NEW_N(pipeline->arena, uint32_t, (size_t)set->n);
    job->scores = NCR_NEW_N(pipeline->arena, int8_t,
                            (size_t)set->n * (size_t)ncr_qnode_bytes(&q->nodes[q->outputs[0]]));
    return ncr_classify_int(pipeline->plan, pipeline->code, set, &cli->io, job->classes,
                            job->scores, &job->run_s, &job->work.err);
}

// The real value that a stored score stands for.
static double score(const struct job *job, uint64_t image, uint32_t k)
{
    const struct ncr_qgraph *q = job->work.pipeline.qgraph;
    const struct ncr_qnode *out = &q->nodes[q->outputs[0]];
    int64_t at = (int64_t)(image * job->n_scores + k);
    return out->scale * (ncr_qnode_element(out, job->scores, at) - out->zero_point);
}

static void put_list(const struct job *job, struct ncr_buf *out)
{
    ncr_buf_puts(out,
                 job->has_labels ? "  image  label  class  scores\n" : "  image  class  scores\n");
    for (uint64_t i = 0; i < job->work.images.n; i++) {
        ncr_buf_fmt(out, "%7" PRIu64, i);
        if (job->has_labels) ncr_buf_fmt(out, "  %5u", job->work.images.labels[i]);
        ncr_buf_fmt(out, "  %5u ", job->classes[i]);
        for (uint32_t k = 0; k < job->n_scores; k++)
            ncr_buf_fmt(out, " %7.3f", score(job, i, k));
        ncr_buf_putc(out, '\n');
    }
}

static void put_text(const struct job *job, struct ncr_buf *out)
{
    const struct ncr_pipeline *p = &job->work.pipeline;
    uint64_t n = job->work.images.n;
    ncr_buf_fmt(out, "%.*s in %.*s, ", NCR_STR_ARG(p->net->name), NCR_STR_ARG(p->quant.name));
    if (p->code)
        ncr_buf_fmt(out, "compiled for %s in %.0f ms\n", ncr_code_family(p->code),
                    job->compile_s * 1e3);
    else
        ncr_buf_puts(out, "interpreted\n");
    if (job->list) put_list(job, out);
    if (!job->has_labels) return;
    uint64_t right = ncr_classify_right(&job->work.images, job->classes);
    ncr_buf_fmt(
        out, "%s: %" PRIu64 " of %" PRIu64 " images right, %.2f %%; %.0f images/s on one thread\n",
        job->work.data_text, right, n, 100.0 * (double)right / (double)n,
        job->run_s > 0 ? (double)n / job->run_s : 0);
}

static void put_csv(const struct job *job, struct ncr_buf *out)
{
    ncr_buf_puts(out, job->has_labels ? "image,label,class" : "image,class");
    for (uint32_t k = 0; k < job->n_scores; k++)
        ncr_buf_fmt(out, ",score_%u", k);
    ncr_buf_putc(out, '\n');
    for (uint64_t i = 0; i < job->work.images.n; i++) {
        ncr_buf_fmt(out, "%" PRIu64, i);
        if (job->has_labels) ncr_buf_fmt(out, ",%u", job->work.images.labels[i]);
        ncr_buf_fmt(out, ",%u", job->classes[i]);
        for (uint32_t k = 0; k < job->n_scores; k++) {
            ncr_buf_putc(out, ',');
            ncr_buf_f64(out, score(job, i, k));
        }
        ncr_buf_putc(out, '\n');
    }
}

static void put_json_list(const struct job *job, struct ncr_json *json)
{
    ncr_json_key(json, "results");
    ncr_json_array(json);
    for (uint64_t i = 0; i < job->work.images.n; i++) {
        ncr_json_object(json);
        ncr_json_key_i64(json, "image", (int64_t)i);
        if (job->has_labels) ncr_json_key_i64(json, "label", job->work.images.labels[i]);
        ncr_json_key_i64(json, "class", job->classes[i]);
        ncr_json_key(json, "scores");
        ncr_json_array(json);
        for (uint32_t k = 0; k < job->n_scores; k++)
            ncr_json_f64(json, score(job, i, k));
        ncr_json_end(json);
        ncr_json_end(json);
    }
    ncr_json_end(json);
}

static void put_json(const struct cli *cli, const struct job *job, struct ncr_buf *out)
{
    const struct ncr_pipeline *p = &job->work.pipeline;
    uint64_t n = job->work.images.n;
    struct ncr_json json;
    ncr_json_init(&json, out);
    ncr_json_object(&json);
    ncr_json_key_str(&json, "schema", NCR_STR("nacre.run/1"));
    ncr_json_key_str(&json, "net", p->net->name);
    ncr_json_key_str(&json, "quant", p->quant.name);
    ncr_json_key_str(&json, "family",
                     ncr_str_of(p->code ? ncr_code_family(p->code) : "interpreter"));
    ncr_json_key_f64(&json, "compile_seconds", job->compile_s);
    ncr_json_key_str(&json, "compiled",
                     ncr_code_was_stored(p->code) ? NCR_STR("before") : NCR_STR("now"));
    ncr_json_key_str(&json, job->has_labels ? "data" : "image",
                     ncr_str_of(job->has_labels ? job->work.data_text : cli->opt[OPT_IMAGE]));
    ncr_json_key_i64(&json, "images", (int64_t)n);
    if (job->has_labels) {
        uint64_t right = ncr_classify_right(&job->work.images, job->classes);
        ncr_json_key_i64(&json, "correct", (int64_t)right);
        ncr_json_key_f64(&json, "accuracy", (double)right / (double)n);
    }
    ncr_json_key_f64(&json, "images_per_second", job->run_s > 0 ? (double)n / job->run_s : 0);
    if (job->list) put_json_list(job, &json);
    ncr_json_end(&json);
    ncr_buf_putc(out, '\n');
}

int cmd_run(struct cli *cli)
{
    struct job job = {.has_labels = !cli->opt[OPT_IMAGE],
                      .list = cli->opt[OPT_IMAGE] || cli->opt[OPT_SCORES]};
    if (cli->opt[OPT_PROFILE] &&
        (cli->opt[OPT_IMAGE] || cli->opt[OPT_SCORES] || cli->opt[OPT_DATA] || cli->opt[OPT_LIMIT]))
        return cli_usage(cli, "--profile times the code alone: it takes no images");
    int code = work_open(cli, &job.work);
    if (!code && cli->opt[OPT_PROFILE]) {
        code = profile(cli, &job.work);
        work_close(&job.work);
        return code;
    }
    if (!code)
        code = work_status(cli, &job.work, ncr_pipeline_weights(&job.work.pipeline, &job.work.err));
    if (!code) code = job.has_labels ? work_images(cli, &job.work) : take_image(cli, &job);
    if (!code) code = work_status(cli, &job.work, run(cli, &job));
    if (!code) {
        struct ncr_buf out = {0};
        if (cli->json)
            put_json(cli, &job, &out);
        else if (cli->csv)
            put_csv(&job, &out);
        else
            put_text(&job, &out);
        code = cli_output(cli, &out);
    }
    work_close(&job.work);
    return code;
}
