// nacre space: what a net with decisions is a set of.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "compiler/space/members.h"
#include "tools/nacre/space.h"
#include "tools/nacre/target.h"
#include "tools/nacre/work.h"

enum {
    QUICK_BUDGET = 1 << 16,
    LONG_BUDGET = 1 << 20,
    SLOW_BUDGET = 20000,
    QUICK_DRAWS = 2000,
    LONG_DRAWS = 20000,
};

static bool stop(void *user, uint64_t done, uint64_t of)
{
    struct cli *cli = user;
    struct ncr_progress step = {.job = "space", .done = done, .total = of, .text = "networks"};
    if (cli->io.progress) cli->io.progress(cli->io.user, &step);
    return ncr_io_stop(&cli->io);
}

static int open_space(struct space_job *job, struct cli_program *program)
{
    struct cli *cli = job->cli;
    const struct ncr_net_info *net;
    struct ncr_error err;
    struct ncr_str name = cli->opt[OPT_NET] ? ncr_str_of(cli->opt[OPT_NET]) : NCR_STR("");
    enum ncr_status status = NCR_OK;
    // Without --net the last net that has decisions.
    if (name.n == 0)
        for (uint32_t i = ncr_program_net_count(program->program); i-- > 0 && name.n == 0;)
            if (ncr_program_net(program->program, i)->space)
                name = ncr_program_net(program->program, i)->name;
    status = ncr_program_find_net(program->program, name, &net, &err);
    if (status != NCR_OK) return cli_fail(cli, status, &err);
    if (!net->space)
        return cli_usage(cli, "the net `%.*s` has no decisions: it is one network",
                         NCR_STR_ARG(net->name));
    struct ncr_genes_given genes;
    int code = work_genes(cli, program, &genes);
    if (code) return code;
    job->space = net->space;
    job->arena = program->arena;
    job->sources = program->sources;
    job->given = NCR_NEW_N(job->arena, uint32_t, (size_t)net->space->decisions.n + 1);
    if (!ncr_genotype_resolve(net->space, &program->diags, &genes, job->given, &job->open)) {
        cli_diags(cli, program);
        return EXIT_PROGRAM;
    }
    job->members = ncr_members_build(job->arena, net->space, job->given);
    if (job->members) job->members->peak_memory = ncr_peak_memory;
    if (!job->members)
        return cli_usage(cli,
                         "the space is too entangled to be counted: its diagram passes %d nodes",
                         (int)NCR_LIMIT_MEMBER_NODES);
    return EXIT_GOOD;
}

// Whole genotypes only.
static int whole(struct space_job *job, const char *option, uint32_t open)
{
    if (open == NCR_UNSET) return EXIT_GOOD;
    return cli_usage(job->cli, "--%s needs a whole genotype; `%.*s` is open", option,
                     NCR_STR_ARG(job->space->decisions.at[open].path));
}

static int neighbours(struct space_job *job)
{
    int code = whole(job, "neighbours", job->open);
    if (code) return code;
    struct ncr_members *all = ncr_members_build(job->arena, job->space, NULL);
    if (!all) return cli_usage(job->cli, "the space is too entangled");
    space_neighbours(job, all);
    return EXIT_GOOD;
}

static int samples(struct space_job *job)
{
    uint64_t n;
    if (!cli_u64(job->cli, OPT_SAMPLE, 1, UINT32_MAX, 1, &n)) return EXIT_COMMAND_LINE;
    bool good = space_samples(job, n, job->cli->opt[OPT_UNIFORM] != NULL);
    struct ncr_members *m = job->members;
    if (!good && !ncr_io_stop(&job->cli->io)) {
        cli_io_done(job->cli);
        return cli_usage(job->cli,
                         "no member was found in %d draws: the requirements leave too few",
                         (int)NCR_LIMIT_TRIES);
    }
    if (m->n_asked && m->n_tried && !job->cli->quiet) {
        cli_io_done(job->cli);
        fprintf(stderr, "nacre space: %" PRIu64 " of %" PRIu64 " draws accepted (%.3g %%)\n",
                m->n_accepted, m->n_tried, 100.0 * (double)m->n_accepted / (double)m->n_tried);
    }
    return EXIT_GOOD;
}

static int children(struct space_job *job, struct cli_program *program)
{
    struct cli *cli = job->cli;
    struct ncr_genes_given genes = {0};
    uint64_t n;
    uint32_t *other = NCR_NEW_N(job->arena, uint32_t, (size_t)job->space->decisions.n + 1), open;
    struct space_cross cross = {other, NCR_CROSSOVER_UNIFORM, 1};
    const char *how = cli->opt[OPT_CROSSOVER] ? cli->opt[OPT_CROSSOVER] : "uniform";
    char end;
    if (strcmp(how, "subtree") == 0)
        cross.kind = NCR_CROSSOVER_SUBTREE;
    else if (sscanf(how, "point(%u%c", &cross.points, &end) == 2 && end == ')' && cross.points >= 1)
        cross.kind = NCR_CROSSOVER_POINT;
    else if (strcmp(how, "uniform") != 0)
        return cli_usage(
            cli, "--crossover is uniform, point(K) with K from 1, or subtree, not `%s`", how);
    if (!cli_u64(cli, OPT_SAMPLE, 1, UINT32_MAX, 1, &n)) return EXIT_COMMAND_LINE;
    int code = whole(job, "cross", job->open);
    if (code == EXIT_GOOD) code = work_genotype(cli, program, cli->opt[OPT_CROSS], &genes);
    if (code) return code;
    if (!ncr_genotype_resolve(job->space, &program->diags, &genes, other, &open)) {
        cli_diags(cli, program);
        return EXIT_PROGRAM;
    }
    code = whole(job, "cross", open);
    if (code || space_children(job, n, &cross) || ncr_io_stop(&cli->io)) return code;
    return cli_usage(cli, "no child of the two is a member");
}

static int bounds(struct space_job *job)
{
    enum ncr_space_figure figure;
    if (!ncr_space_figure_find(ncr_str_of(job->cli->opt[OPT_BOUNDS]), &figure))
        return cli_usage(
            job->cli,
            "there is no metric `%s`; there are params, macs, nodes, depth and peak_memory",
            job->cli->opt[OPT_BOUNDS]);
    struct ncr_bounds b;
    // Planning a network takes milliseconds.
    if (figure == NCR_SPACE_PEAK_MEMORY && !job->cli->opt[OPT_BUDGET]) {
        job->budget = SLOW_BUDGET;
        job->draws = QUICK_DRAWS;
    }
    if (!ncr_members_bounds(job->members, figure, job->budget, job->draws, job->seed, &job->work,
                            &b))
        return cli_usage(job->cli, "the space has no member here");
    space_bounds(job, figure, &b);
    return EXIT_GOOD;
}

static int counts(struct space_job *job)
{
    job->genotypes = ncr_members_genotypes(job->members);
    job->feasible =
        ncr_members_feasible(job->members, job->budget, job->draws, job->seed, &job->work);
    job->distinct = ncr_members_distinct(job->members, job->feasible, job->budget, job->draws,
                                         job->seed, &job->work);
    space_counts(job);
    return EXIT_GOOD;
}

bool space_report_open(struct cli *cli, struct cli_program *program, int *code)
{
    const struct ncr_net_info *net;
    struct ncr_error err;
    struct ncr_str name = cli->opt[OPT_NET] ? ncr_str_of(cli->opt[OPT_NET]) : NCR_STR("");
    if (ncr_program_find_net(program->program, name, &net, &err) != NCR_OK || !net->space)
        return false;
    struct ncr_buf out = {0};
    struct space_job job = {.cli = cli,
                            .out = &out,
                            .work = {stop, cli},
                            .seed = 1,
                            .budget = QUICK_BUDGET,
                            .draws = QUICK_DRAWS};
    *code = open_space(&job, program);
    if (*code == EXIT_GOOD && job.open == NCR_UNSET) return false;
    if (*code == EXIT_GOOD && cli_no_csv(cli)) *code = EXIT_COMMAND_LINE;
    if (*code == EXIT_GOOD && cli->opt[OPT_WEIGHTS])
        *code = cli_usage(cli, "--weights are of one network: decide with --set or --genotype");
    if (*code == EXIT_GOOD) *code = cli_target(cli, program, &job.target);
    if (*code == EXIT_GOOD && cli->opt[OPT_FAIL_ON])
        *code = cli_usage(cli, "--fail-on judges one network: decide with --set or --genotype");
    if (*code == EXIT_GOOD) space_report(&job);
    if (*code == EXIT_GOOD && ncr_io_stop(&cli->io)) {
        ncr_buf_free(&out);
        *code = cli_fail(cli, NCR_INTERRUPTED, &err);
    } else if (*code == EXIT_GOOD) {
        *code = report_output(cli, job.space->name, &out);
        if (*code == EXIT_GOOD && !cli->json) cli_lints(cli, &job.lints);
    }
    return true;
}

int cmd_space(struct cli *cli)
{
    struct cli_program program;
    struct ncr_buf out = {0};
    struct space_job job = {.cli = cli, .out = &out, .work = {stop, cli}};
    bool many = cli->opt[OPT_DISTINCT] || cli->opt[OPT_ENUMERATE] || cli->opt[OPT_BOUNDS];
    int modes = (cli->opt[OPT_SAMPLE] != NULL) + (cli->opt[OPT_ENUMERATE] != NULL) +
                (cli->opt[OPT_NEIGHBOURS] != NULL) + (cli->opt[OPT_BOUNDS] != NULL);
    if (cli->opt[OPT_CROSS] && cli->opt[OPT_SAMPLE]) modes--;
    modes += cli->opt[OPT_CROSS] != NULL;
    if (modes > 1)
        return cli_usage(
            cli, "--sample, --cross, --enumerate, --neighbours and --bounds go one at a time");
    if (modes == 0 && cli_no_csv(cli)) return EXIT_COMMAND_LINE;
    if (!cli_u64(cli, OPT_SEED, 0, UINT64_MAX, 1, &job.seed) ||
        !cli_u64(cli, OPT_BUDGET, 1, UINT64_C(1) << 40, many ? LONG_BUDGET : QUICK_BUDGET,
                 &job.budget))
        return EXIT_COMMAND_LINE;
    job.draws = many ? LONG_DRAWS : QUICK_DRAWS;
    int code = cli_open(cli, cli->args[0], &program);
    if (code == EXIT_GOOD) code = open_space(&job, &program);
    if (code == EXIT_GOOD)
        code = cli->opt[OPT_CROSS]        ? children(&job, &program)
               : cli->opt[OPT_SAMPLE]     ? samples(&job)
               : cli->opt[OPT_ENUMERATE]  ? (space_enumerate(&job), EXIT_GOOD)
               : cli->opt[OPT_NEIGHBOURS] ? neighbours(&job)
               : cli->opt[OPT_BOUNDS]     ? bounds(&job)
                                          : counts(&job);
    bool stopped = ncr_io_stop(&cli->io);
    // What was listed before Ctrl-C is printed.
    if (code == EXIT_GOOD && (!stopped || modes))
        code = cli_output_to(cli, cli->opt[OPT_OUTPUT], &out);
    else
        ncr_buf_free(&out);
    cli_close(&program);
    if (stopped) return cli_fail(cli, NCR_INTERRUPTED, &(struct ncr_error){0});
    return code;
}
