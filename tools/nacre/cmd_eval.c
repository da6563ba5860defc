// nacre eval: accuracy of trained weights in float and quantised, and how often the two agree.
#include <inttypes.h>

#include "lang/base/json.h"
#include "runtime/api/classify.h"
#include "tools/nacre/work.h"

struct comparison {
    struct cli_work work;
    const struct ncr_trainer *trainer; // NULL: the interpreters do the work
    uint32_t threads;
    uint32_t *real, *quantised; // classes
    uint64_t right_real, right_quantised, agree;
};

static enum ncr_status classify(struct cli *cli, struct comparison *c)
{
    struct ncr_pipeline *pipeline = &c->work.pipeline;
    const struct ncr_dataset *set = &c->work.images;
    pipeline->choice.many = set->n > 1;
    struct ncr_error *err = &c->work.err;
    enum ncr_status status = cli->opt[OPT_INTERPRETER] ? ncr_pipeline_plan(pipeline, err)
                                                       : ncr_pipeline_code(pipeline, err);
    if (status != NCR_OK) return status;
    c->real = NCR_NEW_N(pipeline->arena, uint32_t, (size_t)set->n);
    c->quantised = NCR_NEW_N(pipeline->arena, uint32_t, (size_t)set->n);
    status = ncr_classify_float(pipeline->graph, pipeline->weights, c->trainer, c->threads, set,
                                &cli->io, c->real, err);
    if (status == NCR_OK)
        status = ncr_classify_int(pipeline->plan, pipeline->code, set, &cli->io, c->quantised, NULL,
                                  NULL, err);
    if (status != NCR_OK) return status;
    c->right_real = ncr_classify_right(set, c->real);
    c->right_quantised = ncr_classify_right(set, c->quantised);
    for (uint64_t i = 0; i < set->n; i++)
        c->agree += c->real[i] == c->quantised[i];
    return NCR_OK;
}

static const char *engine(const struct comparison *c)
{
    return c->work.pipeline.code ? ncr_code_family(c->work.pipeline.code) : "interpreter";
}

static void put_row(struct ncr_buf *out, struct ncr_str name, uint64_t right, uint64_t n,
                    const char *note)
{
    ncr_buf_fmt(out, "%-12.*s", NCR_STR_ARG(name));
    work_percent(out, right, n);
    ncr_buf_fmt(out, "  %8" PRIu64 "   %s\n", right, note);
}

static void put_text(const struct comparison *c, struct ncr_buf *out)
{
    const struct ncr_pipeline *p = &c->work.pipeline;
    uint64_t n = c->work.images.n;
    ncr_buf_fmt(out, "%.*s on %s: %" PRIu64 " images, %u classes\n\n", NCR_STR_ARG(p->net->name),
                c->work.data_text, n, c->work.images.n_classes);
    ncr_buf_puts(out, "            accuracy   correct   by\n");
    put_row(out, NCR_STR("float"), c->right_real, n, c->trainer ? c->trainer->name : "interpreter");
    put_row(out, p->quant.name, c->right_quantised, n, engine(c));
    ncr_buf_puts(out, "agreement   ");
    work_percent(out, c->agree, n);
    ncr_buf_fmt(out, "  %8" PRIu64 "   same class from both\n", c->agree);
}

static void put_result(struct ncr_json *json, const char *key, uint64_t right, uint64_t n,
                       const char *name, struct ncr_str quant)
{
    ncr_json_key(json, key);
    ncr_json_object(json);
    if (quant.n) ncr_json_key_str(json, "quant", quant);
    ncr_json_key_str(json, "engine", ncr_str_of(name));
    ncr_json_key_i64(json, "correct", (int64_t)right);
    ncr_json_key_f64(json, "accuracy", (double)right / (double)n);
    ncr_json_end(json);
}

// Per class: how many images, and how many of them each way gets right.
static void put_classes(const struct comparison *c, struct ncr_json *json)
{
    const struct ncr_dataset *set = &c->work.images;
    ncr_json_key(json, "classes");
    ncr_json_array(json);
    for (uint32_t k = 0; k < set->n_classes; k++) {
        int64_t n = 0, real = 0, quantised = 0;
        for (uint64_t i = 0; i < set->n; i++) {
            if (set->labels[i] != k) continue;
            n++;
            real += c->real[i] == k;
            quantised += c->quantised[i] == k;
        }
        ncr_json_object(json);
        ncr_json_key_i64(json, "class", k);
        ncr_json_key_i64(json, "images", n);
        ncr_json_key_i64(json, "float_correct", real);
        ncr_json_key_i64(json, "quantised_correct", quantised);
        ncr_json_end(json);
    }
    ncr_json_end(json);
}

static void put_json(const struct comparison *c, struct ncr_buf *out)
{
    const struct ncr_pipeline *p = &c->work.pipeline;
    uint64_t n = c->work.images.n;
    struct ncr_json json;
    ncr_json_init(&json, out);
    ncr_json_object(&json);
    ncr_json_key_str(&json, "schema", NCR_STR("nacre.eval/1"));
    ncr_json_key_str(&json, "net", p->net->name);
    ncr_json_key_str(&json, "data", ncr_str_of(c->work.data_text));
    ncr_json_key_str(&json, "weights", ncr_str_of(p->choice.weights_path));
    ncr_json_key_i64(&json, "images", (int64_t)n);
    put_result(&json, "float", c->right_real, n, c->trainer ? c->trainer->name : "interpreter",
               NCR_STR(""));
    put_result(&json, "quantised", c->right_quantised, n, engine(c), p->quant.name);
    ncr_json_key_i64(&json, "agree", (int64_t)c->agree);
    ncr_json_key_f64(&json, "agreement", (double)c->agree / (double)n);
    put_classes(c, &json);
    ncr_json_end(&json);
    ncr_buf_putc(out, '\n');
}

static int choose_engine(struct cli *cli, struct comparison *c)
{
    if (!work_close_threads(cli, &c->threads)) return EXIT_COMMAND_LINE;
    c->trainer = work_trainer(cli);
    if (!c->trainer) return EXIT_COMMAND_LINE;
    if (cli->opt[OPT_INTERPRETER]) c->trainer = NULL;
    return EXIT_GOOD;
}

int cmd_eval(struct cli *cli)
{
    int code = cli_no_csv(cli);
    if (code) return code;
    struct comparison c = {.trainer = NULL};
    code = work_open(cli, &c.work);
    if (!code) code = choose_engine(cli, &c);
    if (!code)
        code = work_status(cli, &c.work, ncr_pipeline_weights(&c.work.pipeline, &c.work.err));
    if (!code) code = work_images(cli, &c.work);
    if (!code) code = work_status(cli, &c.work, classify(cli, &c));
    if (!code) {
        struct ncr_buf out = {0};
        if (cli->json)
            put_json(&c, &out);
        else
            put_text(&c, &out);
        code = cli_output(cli, &out);
    }
    work_close(&c.work);
    return code;
}
