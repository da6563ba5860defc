// nacre correlate: samples networks of a space, trains, quantises and strikes each, and says how
// well the predictors of resilience agree with what was measured.
#include <errno.h>
#include <stdlib.h>

#include "compiler/space/members.h"
#include "lang/base/rng.h"
#include "tools/nacre/correlate.h"

enum { SAMPLES = 50, INPUTS = 64, TRIALS = 1000 };

static const double default_rates[] = {1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2};

static bool read_rates(struct correlate_job *job)
{
    struct cli *cli = job->cli;
    const char *at = cli->opt[OPT_BER];
    if (!at) {
        memcpy(job->rates, default_rates, sizeof default_rates);
        job->n_rates = NCR_COUNT(default_rates);
        return true;
    }
    for (;;) {
        char *end;
        double rate = strtod(at, &end);
        bool rising = job->n_rates == 0 || rate > job->rates[job->n_rates - 1];
        if (end == at || (*end && *end != ',') || !(rate > 0 && rate <= 1) || !rising ||
            job->n_rates == CORRELATE_RATES) {
            cli_usage(cli,
                      "--ber takes up to %d rising rates above 0, up to 1, with commas "
                      "between, not `%s`",
                      (int)CORRELATE_RATES, at);
            return false;
        }
        job->rates[job->n_rates++] = rate;
        if (!*end) return true;
        at = end + 1;
    }
}

static int options(struct correlate_job *job)
{
    struct cli *cli = job->cli;
    struct cli_work *work = job->work;
    uint64_t epochs;
    if (!work->pipeline.train)
        return cli_usage(cli, "the program has no train declaration to train its networks by");
    job->train = *work->pipeline.train;
    if (!cli_u64(cli, OPT_SAMPLE, 3, CORRELATE_NETWORKS, SAMPLES, &job->samples) ||
        !cli_u64(cli, OPT_SEED, 0, UINT64_MAX / 2, 1, &job->seed) ||
        !cli_u64(cli, OPT_INPUTS, 1, 1 << 16, INPUTS, &job->inputs) ||
        !cli_u64(cli, OPT_INJECTIONS, 1, 1 << 24, TRIALS, &job->trials) ||
        !cli_u64(cli, OPT_EPOCHS, 1, 100000, job->train.epochs, &epochs) ||
        !cli_f64(cli, OPT_MARGIN, 1e-4, 0.5, 0.02, &job->margin) ||
        !cli_f64(cli, OPT_LEAST_ACCURACY, 0, 1, 0.5, &job->least_accuracy) || !read_rates(job) ||
        !work_threads(cli, &job->threads))
        return EXIT_COMMAND_LINE;
    job->train.epochs = (uint32_t)epochs;
    job->trainer = work_trainer(cli);
    if (!job->trainer) return EXIT_COMMAND_LINE;
    if (cli->opt[OPT_RESUME] && !cli->opt[OPT_OUTPUT])
        return cli_usage(cli, "--resume goes on with the file of -o");
    job->rows = NCR_NEW_N(work->program.arena, struct correlate_row, job->samples);
    return EXIT_GOOD;
}

static bool seen(const struct correlate_job *job, uint32_t n, const char *id)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(job->rows[i].arch_id, id) == 0) return true;
    return false;
}

// Draws until there are enough different networks; those of the journal are drawn again and passed
// over, so a run that was stopped ends as one that was not.
static enum ncr_status sample(struct correlate_job *job, const struct ncr_net_info *net)
{
    struct cli *cli = job->cli;
    struct ncr_arena *arena = job->work->program.arena;
    struct ncr_error *err = &job->work->err;
    struct ncr_space *space = net->space;
    struct ncr_members *members = ncr_members_build(arena, space, NULL);
    if (!members) return ncr_fail(err, NCR_USAGE, "the space is too entangled to be drawn from");
    uint32_t *taken = NCR_NEW_N(arena, uint32_t, (size_t)space->decisions.n + 1), n = 0;
    enum ncr_status status = NCR_OK;
    double begun = cli->io.now_s(cli->io.user);
    for (uint64_t i = 0; n < job->samples && i < 20 * job->samples && status == NCR_OK; i++) {
        struct ncr_rng rng = ncr_rng_at(job->seed, NCR_RNG_SAMPLE, i);
        struct ncr_arena *scratch = ncr_arena_new(0);
        if (!scratch) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
        char id[33];
        if (!ncr_members_sample(members, scratch, true, &rng, taken)) {
            ncr_arena_free(scratch);
            break;
        }
        const struct ncr_graph *graph = ncr_space_bind(space, taken, scratch);
        ncr_hash_text(ncr_graph_arch_id(ncr_graph_simplify(scratch, graph)), id);
        if (seen(job, n, id)) {
            ncr_arena_free(scratch);
            continue;
        }
        if (n < job->resumed) {
            if (strcmp(job->rows[n].arch_id, id) != 0)
                status = ncr_fail(err, NCR_ENVIRONMENT,
                                  "the journal's network %u is not the one that is drawn", n + 1);
        } else {
            status = correlate_measure(job, graph, &job->rows[n], err);
            if (status == NCR_OK) {
                job->n_rows = n + 1;
                if (cli->opt[OPT_OUTPUT]) status = correlate_append(job, cli->opt[OPT_OUTPUT], err);
            }
        }
        ncr_arena_free(scratch);
        if (status != NCR_OK) break;
        n++;
        struct ncr_progress step = {.job = "correlate",
                                    .done = n,
                                    .total = job->samples,
                                    .elapsed_s = cli->io.now_s(cli->io.user) - begun,
                                    .text = "networks trained and struck"};
        if (cli->io.progress) cli->io.progress(cli->io.user, &step);
        if (ncr_io_stop(&cli->io) && n < job->samples)
            status = ncr_fail(err, NCR_INTERRUPTED,
                              cli->opt[OPT_OUTPUT] ? "go on with --resume" : "nothing was kept");
    }
    if (status == NCR_OK && n < 3)
        status = ncr_fail(err, NCR_USAGE, "the space has %u networks; a correlation takes 3", n);
    return status;
}

static int finish(struct correlate_job *job)
{
    struct cli *cli = job->cli;
    struct ncr_buf out = {0};
    if (cli->opt[OPT_SVG]) {
        correlate_svg(job, &out);
        int code = cli_output_to(cli, cli->opt[OPT_SVG], &out);
        if (code) return code;
        out = (struct ncr_buf){0};
    }
    if (cli->json)
        correlate_json(job, &out);
    else
        correlate_text(job, &out);
    return cli_output(cli, &out);
}

int cmd_correlate(struct cli *cli)
{
    struct cli_work work;
    struct correlate_job job = {.cli = cli, .work = &work};
    if (cli_no_csv(cli)) return EXIT_COMMAND_LINE;
    int code = work_open(cli, &work);
    if (code == EXIT_GOOD) {
        const struct ncr_net_info *net = NULL;
        struct ncr_str name = cli->opt[OPT_NET] ? ncr_str_of(cli->opt[OPT_NET]) : NCR_STR("");
        enum ncr_status status = ncr_program_find_net(work.program.program, name, &net, &work.err);
        if (status == NCR_OK && !net->space)
            status =
                ncr_fail(&work.err, NCR_USAGE, "the net `%.*s` has no decisions: it is one network",
                         NCR_STR_ARG(net->name));
        if (status == NCR_OK) {
            // Any member opens the data: all have the same input and outputs.
            struct ncr_pipeline *p = &work.pipeline;
            struct ncr_members *members = ncr_members_build(work.program.arena, net->space, NULL);
            uint32_t *taken =
                NCR_NEW_N(work.program.arena, uint32_t, (size_t)net->space->decisions.n + 1);
            struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_SAMPLE, 0);
            if (!members || !ncr_members_sample(members, work.program.arena, true, &rng, taken))
                status = ncr_fail(&work.err, NCR_USAGE, "the space has no member");
            if (status == NCR_OK) {
                p->net = net;
                p->whole = ncr_space_bind(net->space, taken, work.program.arena);
                p->graph = ncr_graph_simplify(work.program.arena, p->whole);
                status = ncr_pipeline_data(p, &work.err);
            }
            if (status == NCR_OK) status = ncr_pipeline_quant(p, &work.err);
        }
        if (status == NCR_OK) code = options(&job);
        if (code == EXIT_GOOD && status == NCR_OK && cli->opt[OPT_RESUME])
            status = correlate_read(&job, cli->opt[OPT_OUTPUT], &work.err);
        if (code == EXIT_GOOD && status == NCR_OK) status = sample(&job, net);
        if (code == EXIT_GOOD) code = work_status(cli, &work, status);
        if (code == EXIT_GOOD) code = finish(&job);
    }
    work_close(&work);
    return code;
}
