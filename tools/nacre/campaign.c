// Command line and program to a campaign job.
#include "tools/nacre/campaign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/api/classify.h"

enum { MOST_INPUTS = 1 << 20, DEFAULT_INPUTS = 100 };

static struct ncr_str text_of(struct cli *cli, enum cli_option option)
{
    return cli->opt[option] ? ncr_str_of(cli->opt[option]) : (struct ncr_str){"", 0};
}

static enum ncr_status find_campaign(struct cli_campaign *c, struct cli *cli, struct ncr_error *err)
{
    const struct ncr_config *config = ncr_program_config(c->work.program.program);
    struct ncr_str name = text_of(cli, OPT_CAMPAIGN);
    if (!name.n) {
        c->spec = config->n_campaign ? config->campaign[0] : NULL;
        return NCR_OK;
    }
    struct ncr_str *names = NCR_NEW_N(c->work.program.arena, struct ncr_str, config->n_campaign);
    for (uint32_t i = 0; i < config->n_campaign; i++) {
        names[i] = config->campaign[i]->name;
        if (!ncr_str_eq(names[i], name)) continue;
        c->spec = config->campaign[i];
        return NCR_OK;
    }
    struct ncr_str near = ncr_diag_nearest(name, names, config->n_campaign);
    if (near.n)
        return ncr_fail(err, NCR_USAGE, "there is no campaign `%.*s`; did you mean `%.*s`?",
                        NCR_STR_ARG(name), NCR_STR_ARG(near));
    return ncr_fail(err, NCR_USAGE, "there is no campaign `%.*s`: the program declares %u",
                    NCR_STR_ARG(name), config->n_campaign);
}

// The fault of --fault, of the campaign, the first of the program; or single bit flips where it
// declares none.
static enum ncr_status find_fault(struct cli_campaign *c, struct cli *cli, struct ncr_error *err)
{
    const struct ncr_config *config = ncr_program_config(c->work.program.program);
    struct ncr_str name = text_of(cli, OPT_FAULT);
    const struct ncr_fault_spec *found = config->n_fault ? config->fault[0] : NULL;
    if (c->spec && c->spec->fault) found = c->spec->fault;
    if (name.n) {
        struct ncr_str *names = NCR_NEW_N(c->work.program.arena, struct ncr_str, config->n_fault);
        found = NULL;
        for (uint32_t i = 0; i < config->n_fault; i++) {
            names[i] = config->fault[i]->name;
            if (ncr_str_eq(names[i], name)) found = config->fault[i];
        }
        struct ncr_str near = ncr_diag_nearest(name, names, config->n_fault);
        if (!found)
            return near.n
                       ? ncr_fail(err, NCR_USAGE, "there is no fault `%.*s`; did you mean `%.*s`?",
                                  NCR_STR_ARG(name), NCR_STR_ARG(near))
                       : ncr_fail(err, NCR_USAGE,
                                  "there is no fault `%.*s`: the program declares %u",
                                  NCR_STR_ARG(name), config->n_fault);
    }
    if (found)
        c->fault = *found;
    else
        c->fault = (struct ncr_fault_spec){.name = NCR_STR("single bit flips"),
                                           .model = NCR_FAULT_BITFLIP,
                                           .bits = 1,
                                           .sites = NCR_SITE_ACTIVATION | NCR_SITE_WEIGHT,
                                           .bit_hi = NCR_FAULT_LAST_BIT};
    return NCR_OK;
}

// "1e-6,1e-5": a sweep of bit error rates.
static bool read_rates(struct cli_campaign *c, struct cli *cli, int *code)
{
    const char *at = cli->opt[OPT_BER];
    for (; at; c->job.n_rates++) {
        char *end;
        errno = 0;
        double rate = strtod(at, &end);
        if (end == at || (*end && *end != ',') || !(rate >= 0 && rate <= 1)) {
            *code =
                cli_usage(cli, "--ber takes rates from 0 to 1 with commas between, not `%s`", at);
            return false;
        }
        if (c->job.n_rates == CAMPAIGN_RATES) {
            *code = cli_usage(cli, "--ber takes %d rates at most", (int)CAMPAIGN_RATES);
            return false;
        }
        c->rates[c->job.n_rates] = rate;
        if (!*end) {
            c->job.n_rates++;
            break;
        }
        at = end + 1;
    }
    c->job.rates = c->rates;
    return true;
}

static struct ncr_str hash_text(struct ncr_arena *arena, struct ncr_hash h)
{
    char text[33];
    ncr_hash_text(h, text);
    return ncr_str_fmt(arena, "%s", text);
}

// The images that faults are judged on, quantised; their labels; and what identifies them.
static enum ncr_status take_inputs(struct cli_campaign *c, struct cli *cli, uint64_t most)
{
    struct cli_work *work = &c->work;
    struct ncr_arena *arena = work->program.arena;
    struct ncr_data_ref ref = {.split = NCR_SPLIT_TEST, .end = UINT64_MAX};
    struct ncr_dataset set;
    enum ncr_status status = ncr_pipeline_data(&work->pipeline, &work->err);
    ref.data = work->pipeline.data_spec;
    if (cli->opt[OPT_DATA]) {
        if (status == NCR_OK)
            status =
                ncr_pipeline_data_ref(&work->pipeline, text_of(cli, OPT_DATA), &ref, &work->err);
    } else if (c->spec) {
        ref = c->spec->data;
    } else if (most > DEFAULT_INPUTS) {
        most = DEFAULT_INPUTS; // of the test split, where nothing says more
    }
    if (status == NCR_OK) status = ncr_pipeline_images(&work->pipeline, &ref, &set, &work->err);
    if (status == NCR_OK) status = ncr_classify_fits(work->pipeline.graph, &set, &work->err);
    if (status != NCR_OK) return status;
    bool whole = ref.begin == 0 && ref.end == UINT64_MAX && set.n <= most;
    if (set.n > most) set.n = most;
    if (set.n > MOST_INPUTS)
        return ncr_fail(&work->err, NCR_USAGE,
                        "%llu inputs; a campaign takes %d at most: use --inputs",
                        (unsigned long long)set.n, (int)MOST_INPUTS);
    const struct ncr_qgraph *g = work->pipeline.qgraph;
    size_t size = (size_t)ncr_shape_elements(&set.shape);
    size_t bytes = (size_t)ncr_qnode_bytes(&g->nodes[g->inputs[0]]);
    int8_t *inputs = NCR_NEW_N(arena, int8_t, bytes * set.n);
    float *real = NCR_NEW_N(arena, float, size);
    for (uint64_t i = 0; i < set.n; i++) {
        ncr_dataset_input(&set, i, real);
        ncr_quantise_input(&g->nodes[g->inputs[0]], real, inputs + i * bytes);
    }
    static const char *const splits[] = {"train", "valid", "test"};
    c->data_text = ncr_str_fmt(arena, "%.*s.%s", NCR_STR_ARG(ref.data->name), splits[ref.split]);
    if (!whole)
        c->data_text =
            ncr_str_fmt(arena, "%.*s[%llu..%llu]", NCR_STR_ARG(c->data_text),
                        (unsigned long long)ref.begin, (unsigned long long)(ref.begin + set.n));
    c->job.inputs = inputs;
    c->job.labels = set.labels;
    c->job.n_inputs = (uint32_t)set.n;
    c->job.data = hash_text(arena, ncr_dataset_hash(&set));
    return NCR_OK;
}

// Everything on the command line that is a number.
static bool read_numbers(struct cli_campaign *c, struct cli *cli, uint64_t *most_inputs)
{
    struct ncr_campaign_job *job = &c->job;
    *job = (struct ncr_campaign_job){.margin = 0.01, .confidence = 0.95, .seed = 1, .io = &cli->io};
    if (c->spec) {
        job->injections = c->spec->injections;
        job->margin = c->spec->margin;
        job->per_layer = c->spec->per_layer;
        job->seed = c->spec->seed;
        if (c->spec->confidence > 0) job->confidence = c->spec->confidence;
        if (!job->injections && !(job->margin > 0)) job->margin = 0.01;
    }
    uint64_t injections;
    if (!cli_u64(cli, OPT_INJECTIONS, 1, UINT64_MAX / 2, job->injections, &injections) ||
        !cli_u64(cli, OPT_INPUTS, 1, MOST_INPUTS, UINT64_MAX, most_inputs) ||
        !work_threads(cli, &job->threads) ||
        !cli_u64(cli, OPT_VERIFY, 1, UINT64_MAX / 2, 0, &job->verify) ||
        !cli_u64(cli, OPT_SEED, 0, UINT64_MAX / 2, job->seed, &job->seed))
        return false;
    job->injections = injections;
    return true;
}

static enum ncr_status quantise(struct cli_campaign *c, struct cli *cli, bool with_code,
                                uint64_t most_inputs)
{
    struct cli_work *work = &c->work;
    struct ncr_arena *arena = work->program.arena;
    struct ncr_pipeline *p = &work->pipeline;
    p->choice.mode = NCR_PLAN_SEPARATE; // all golden tensors are kept
    if (!p->choice.net.n && c->spec) p->choice.net = c->spec->net;
    if (!p->choice.quant.n && c->spec && c->spec->quant) p->choice.quant = c->spec->quant->name;
    enum ncr_status status = ncr_pipeline_plan(p, &work->err);
    if (status == NCR_OK) status = take_inputs(c, cli, most_inputs);
    if (status == NCR_OK && with_code) status = ncr_pipeline_code(p, &work->err);
    if (status != NCR_OK) return status;
    c->job.executor = with_code ? ncr_executor_jit(arena, p->plan, p->code)
                                : ncr_executor_interpreter(arena, p->qgraph);
    c->job.fault = &c->fault;
    c->job.version = NCR_STR(NACRE_VERSION);
    c->job.network = hash_text(arena, ncr_graph_hash(p->graph));
    c->job.weights = hash_text(arena, ncr_weights_hash(p->weights, p->graph));
    return NCR_OK;
}

int cli_campaign_open(struct cli *cli, bool with_code, struct cli_campaign *out)
{
    *out = (struct cli_campaign){.name = {"", 0}};
    struct cli_work *work = &out->work;
    int code = work_open(cli, work);
    if (code) return code;
    enum ncr_status status = find_campaign(out, cli, &work->err);
    if (status == NCR_OK) status = find_fault(out, cli, &work->err);
    if (status != NCR_OK) return cli_fail(cli, status, &work->err);
    if (out->spec) out->name = out->spec->name;
    const char *executor = cli->opt[OPT_EXECUTOR];
    if (executor && strcmp(executor, "jit") != 0 && strcmp(executor, "interpreter") != 0)
        return cli_usage(cli, "--executor is jit or interpreter, not `%s`", executor);
    if (executor && executor[0] == 'i') with_code = false;
    uint64_t most_inputs;
    if (!read_numbers(out, cli, &most_inputs) || !read_rates(out, cli, &code))
        return EXIT_COMMAND_LINE;
    if (out->job.n_rates) out->job.per_layer = false;
    // A sweep takes every input once unless told otherwise.
    if (out->job.n_rates && !cli->opt[OPT_INJECTIONS]) out->job.injections = 0, out->job.margin = 0;
    status = quantise(out, cli, with_code, most_inputs);
    return work_status(cli, work, status);
}

void cli_campaign_close(struct cli_campaign *campaign)
{
    work_close(&campaign->work);
}
