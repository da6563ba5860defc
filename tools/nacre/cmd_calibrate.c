// nacre calibrate: a latency table of this machine, from the times of emitted operators.
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "compiler/hw/table.h"
#include "compiler/space/members.h"
#include "lang/base/json.h"
#include "lang/base/rng.h"
#include "runtime/calibrate/latency_table.h"
#include "tools/nacre/work.h"

enum { SAMPLES = 45, ROUNDS = 9, HOLD_OUT = 3, LEAST = 6, NETWORKS = 4096 };

// One timed network.
struct timed {
    struct ncr_timing timing;
    double predicted; // sum of its operators by the table
    uint32_t fitted;  // operators without a row
};

struct job {
    struct cli *cli;
    struct cli_work *work;
    uint64_t samples, seed, total;
    struct timed *at;
    uint32_t n;
    struct ncr_hash *seen;
    double begun_s;
};

static enum ncr_status time_network(struct job *job, const struct ncr_graph *graph)
{
    struct cli_work *work = job->work;
    const struct ncr_graph *simple = ncr_graph_simplify(work->program.arena, graph);
    struct ncr_hash id = ncr_graph_arch_id(simple);
    for (uint32_t i = 0; i < job->n; i++)
        if (ncr_hash_eq(job->seen[i], id)) return NCR_OK;
    if (job->n == NETWORKS) return NCR_OK;
    struct timed *timed = &job->at[job->n];
    enum ncr_status status =
        ncr_timing_of(work->program.arena, &work->program.diags, &job->cli->io, simple,
                      &work->pipeline.quant, ROUNDS, &timed->timing, &work->err);
    if (status != NCR_OK) return status;
    job->seen[job->n++] = id;
    struct ncr_progress step = {.job = "calibrate",
                                .done = job->n,
                                .total = job->total,
                                .elapsed_s = job->cli->io.now_s(job->cli->io.user) - job->begun_s,
                                .text = "networks"};
    if (job->cli->io.progress) job->cli->io.progress(job->cli->io.user, &step);
    return NCR_OK;
}

static enum ncr_status time_space(struct job *job, struct ncr_space *space)
{
    struct ncr_arena *arena = job->work->program.arena;
    struct ncr_members *members = ncr_members_build(arena, space, NULL);
    uint32_t *taken = NCR_NEW_N(arena, uint32_t, (size_t)space->decisions.n + 1);
    uint32_t end = job->n + (uint32_t)job->samples;
    enum ncr_status status = NCR_OK;
    // Twice as many draws: equal networks are timed once.
    for (uint64_t i = 0; members && i < 2 * job->samples && job->n < end && status == NCR_OK; i++) {
        struct ncr_rng rng = ncr_rng_at(job->seed, NCR_RNG_SAMPLE, i);
        struct ncr_arena *scratch = ncr_arena_new(0);
        if (!scratch) return ncr_fail(&job->work->err, NCR_ENVIRONMENT, "out of memory");
        bool found = ncr_members_sample(members, scratch, true, &rng, taken);
        ncr_arena_free(scratch);
        if (!found) break;
        status = time_network(job, ncr_space_bind(space, taken, arena));
    }
    return status;
}

static enum ncr_status time_all(struct job *job)
{
    const struct ncr_program *program = job->work->program.program;
    struct ncr_str only = job->cli->opt[OPT_NET] ? ncr_str_of(job->cli->opt[OPT_NET]) : NCR_STR("");
    const struct ncr_net_info *net;
    enum ncr_status status = NCR_OK;
    if (only.n) status = ncr_program_find_net(program, only, &net, &job->work->err);
    for (int pass = 0; pass < 2 && status == NCR_OK; pass++)
        for (uint32_t i = 0; i < ncr_program_net_count(program) && status == NCR_OK; i++) {
            net = ncr_program_net(program, i);
            if ((only.n && !ncr_str_eq(net->name, only)) || net->parameter.n) continue;
            if (pass == 0)
                job->total += net->space ? job->samples : net->graph != NULL;
            else if (net->space)
                status = time_space(job, net->space);
            else if (net->graph)
                status = time_network(job, net->graph);
        }
    return status;
}

// -- the fit ------------------------------------------------------------------------------------

struct result {
    uint32_t n_table, n_held, n_fitted;
    struct ncr_fit plain, biased; // of the networks held out
};

// Every third network is held out: its operators are not in the table, it has no part in the bias.
static bool held_out(const struct job *job, uint32_t i)
{
    return job->n >= LEAST && i % HOLD_OUT == HOLD_OUT - 1;
}

static void predict(struct job *job, const struct ncr_target_spec *target, struct timed *timed)
{
    struct ncr_arena *arena = job->work->program.arena;
    struct ncr_arena_mark mark = ncr_arena_mark(arena);
    struct ncr_cost *cost = ncr_cost_of(arena, timed->timing.plan, target);
    timed->predicted = cost->total.seconds - target->bias_s;
    timed->fitted = cost->n_source[NCR_LATENCY_FITTED] + cost->n_source[NCR_LATENCY_UNKNOWN];
    ncr_arena_reset(arena, mark);
}

static void evaluate(struct job *job, struct ncr_target_spec *target, struct result *out)
{
    struct ncr_arena *arena = job->work->program.arena;
    double *measured = NCR_NEW_N(arena, double, job->n), *sum = NCR_NEW_N(arena, double, job->n);
    *out = (struct result){0};
    for (uint32_t i = 0; i < job->n; i++) {
        predict(job, target, &job->at[i]);
        if (held_out(job, i)) continue;
        measured[out->n_table] = job->at[i].timing.whole_s;
        sum[out->n_table++] = job->at[i].predicted;
    }
    // As it is printed: six digits.
    double bias = ncr_fit_bias(measured, sum, out->n_table);
    target->bias_s = nearbyint(bias * 1e12) * 1e-12;
    for (uint32_t i = 0; i < job->n; i++) {
        if (!held_out(job, i)) continue;
        out->n_fitted += job->at[i].fitted;
        measured[out->n_held] = job->at[i].timing.whole_s;
        sum[out->n_held++] = job->at[i].predicted;
    }
    if (out->n_held == 0) return;
    out->plain = ncr_fit_of(measured, sum, out->n_held);
    for (uint32_t i = 0; i < out->n_held; i++)
        sum[i] += target->bias_s;
    out->biased = ncr_fit_of(measured, sum, out->n_held);
}

static void put_fit(struct ncr_buf *out, const char *name, const struct ncr_fit *fit)
{
    ncr_buf_fmt(out, "%-14s %8.2f us %8.2f %% %8.3f\n", name, 1e6 * fit->rmse, 100 * fit->mape,
                fit->tau);
}

static void summary(const struct result *r, const struct ncr_target_spec *target,
                    struct ncr_buf *out)
{
    ncr_buf_fmt(out, "%u operators, %u networks for the table, %u held out\n", target->n_measured,
                r->n_table, r->n_held);
    if (r->n_held == 0) {
        ncr_buf_fmt(out, "no network was held out: fewer than %d were timed\n", (int)LEAST);
        return;
    }
    ncr_buf_fmt(out,
                "%u operators of those held out were not in the table and lie on fitted lines\n",
                r->n_fitted);
    ncr_buf_puts(out, "held out          RMSE       MAPE      Kendall's tau\n");
    put_fit(out, "without bias", &r->plain);
    put_fit(out, "with bias", &r->biased);
}

static void json_fit(struct ncr_json *json, const char *key, const struct ncr_fit *fit)
{
    ncr_json_key(json, key);
    ncr_json_object(json);
    ncr_json_key_f64(json, "rmse_us", 1e6 * fit->rmse);
    ncr_json_key_f64(json, "mape", fit->mape);
    ncr_json_key_f64(json, "kendall_tau", fit->tau);
    ncr_json_end(json);
}

static void json(const struct job *job, const struct result *r,
                 const struct ncr_target_spec *target, struct ncr_buf *out)
{
    struct ncr_json j;
    ncr_json_init(&j, out);
    ncr_json_object(&j);
    ncr_json_key_str(&j, "schema", NCR_STR("nacre.calibrate/1"));
    ncr_json_key_str(&j, "target", target->name);
    ncr_json_key_i64(&j, "operators", target->n_measured);
    ncr_json_key_f64(&j, "bias_us", 1e6 * target->bias_s);
    ncr_json_key_i64(&j, "table_networks", r->n_table);
    ncr_json_key_i64(&j, "held_out_networks", r->n_held);
    ncr_json_key_i64(&j, "held_out_operators_fitted", r->n_fitted);
    if (r->n_held) {
        json_fit(&j, "without_bias", &r->plain);
        json_fit(&j, "with_bias", &r->biased);
    }
    ncr_json_key(&j, "networks");
    ncr_json_array(&j);
    for (uint32_t i = 0; i < job->n; i++) {
        ncr_json_object(&j);
        ncr_json_key_bool(&j, "held_out", held_out(job, i));
        ncr_json_key_f64(&j, "measured_us", 1e6 * job->at[i].timing.whole_s);
        ncr_json_key_f64(&j, "sum_us", 1e6 * job->at[i].predicted);
        ncr_json_key_i64(&j, "fitted", job->at[i].fitted);
        ncr_json_end(&j);
    }
    ncr_json_end(&j);
    ncr_json_end(&j);
    ncr_buf_putc(out, '\n');
}

// The text in canonical form, in its place.
static void format(struct cli_program *program, struct ncr_buf *text)
{
    struct ncr_buf out = {0};
    struct ncr_str view = {text->s, (uint32_t)text->n};
    uint32_t file = ncr_sources_add(program->sources, NCR_STR("table"), view);
    struct ncr_syntax *syntax = ncr_parse(program->arena, &program->diags, file);
    if (program->diags.n_errors) NCR_BUG("the table is no program");
    ncr_fmt(syntax, program->sources, &out);
    ncr_buf_free(text);
    *text = out;
}

static int finish(struct job *job, struct ncr_str name)
{
    struct cli *cli = job->cli;
    struct ncr_arena *arena = job->work->program.arena;
    struct ncr_table_rows *rows = ncr_table_rows_new(arena);
    for (uint32_t i = 0; i < job->n; i++)
        if (!held_out(job, i)) ncr_table_rows_add(rows, &job->at[i].timing);
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    double bytes = pages > 0 && page > 0 ? (double)pages * (double)page : 1 << 30;
    struct ncr_target_spec *target = ncr_table_target(arena, rows, name, bytes);
    ncr_code_host(arena, &target->triple, &target->cpu);
    struct result result;
    evaluate(job, target, &result);
    struct ncr_buf table = {0}, comment = {0}, text = {0};
    summary(&result, target, &text);
    ncr_buf_fmt(&comment, "One thread, code of the family %s; medians of %d rounds.\n%s",
                job->at[0].timing.family, (int)ROUNDS, text.s);
    ncr_table_text(target, comment.s, &table);
    format(&job->work->program, &table);
    ncr_buf_free(&comment);
    int code;
    if (cli->json) {
        ncr_buf_free(&text);
        text = (struct ncr_buf){0};
        json(job, &result, target, &text);
        code = cli_output_to(cli, cli->opt[OPT_OUTPUT], &table);
        return code ? (ncr_buf_free(&text), code) : cli_output(cli, &text);
    }
    code = cli_output_to(cli, cli->opt[OPT_OUTPUT], &table);
    if (code == EXIT_GOOD && !cli->quiet) fputs(text.s, stderr);
    ncr_buf_free(&text);
    return code;
}

static bool is_name(const char *s)
{
    bool good = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_';
    for (; *s && good; s++)
        good = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_' ||
               (*s >= '0' && *s <= '9');
    return good;
}

int cmd_calibrate(struct cli *cli)
{
    struct cli_work work;
    struct job job = {.cli = cli, .work = &work};
    const char *name = cli->opt[OPT_NAME] ? cli->opt[OPT_NAME] : "this_machine";
    if (cli_no_csv(cli)) return EXIT_COMMAND_LINE;
    if (!is_name(name)) return cli_usage(cli, "`%s` cannot be the name of a target", name);
    if (cli->json && !cli->opt[OPT_OUTPUT])
        return cli_usage(cli, "--format json prints the fit: give the table a file with -o");
    if (!cli_u64(cli, OPT_SAMPLE, 1, NETWORKS, SAMPLES, &job.samples) ||
        !cli_u64(cli, OPT_SEED, 0, UINT64_MAX, 1, &job.seed))
        return EXIT_COMMAND_LINE;
    int code = work_open(cli, &work);
    enum ncr_status status = NCR_OK;
    if (code == EXIT_GOOD) {
        job.at = NCR_NEW_N(work.program.arena, struct timed, NETWORKS);
        job.seen = NCR_NEW_N(work.program.arena, struct ncr_hash, NETWORKS);
        job.begun_s = cli->io.now_s(cli->io.user);
        status = ncr_pipeline_quant(&work.pipeline, &work.err);
        if (status == NCR_OK) status = time_all(&job);
        // What was timed before Ctrl-C is written.
        if (status == NCR_OK || (status == NCR_INTERRUPTED && job.n)) {
            cli_io_done(cli);
            if (job.n == 0)
                code = cli_usage(cli, "the program has no network to time");
            else
                code = finish(&job, ncr_str_of(name));
        }
        if (code == EXIT_GOOD) code = work_status(cli, &work, status);
    }
    work_close(&work);
    return code;
}
