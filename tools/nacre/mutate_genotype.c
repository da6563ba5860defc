// nacre mutate on genotypes: a member of a space to another member, with weights by name.
#include <inttypes.h>

#include "tools/nacre/mutate.h"

static const struct ncr_space *space_of(const struct mutate_job *job)
{
    return job->work.pipeline.taken ? job->work.pipeline.net->space : NULL;
}

bool mutate_of_genotype(struct cli *cli, struct mutate_job *job)
{
    const char *text = cli->opt[OPT_APPLY];
    if (text) {
        const struct ncr_mutation *m;
        struct ncr_str name = {text, (uint32_t)strcspn(text, "@")};
        struct ncr_error err;
        return space_of(job) && ncr_program_find_mutation(job->program, name, &m, &err) == NCR_OK &&
               m->of_decisions;
    }
    bool all = job->n_mutations > 0;
    for (uint32_t i = 0; i < job->n_mutations; i++)
        all &= job->mutations[i]->of_decisions;
    return all && space_of(job);
}

void mutate_genotype_list(struct cli *cli, struct mutate_job *job, struct ncr_buf *out,
                          struct ncr_json *json)
{
    const struct ncr_space *space = space_of(job);
    for (uint32_t i = 0; space && i < job->n_mutations; i++) {
        struct ncr_gene_matches found;
        ncr_gene_matches(job->program, job->mutations[i], job->arena, space,
                         job->work.pipeline.taken, MUTATE_LIMIT_LISTED, &found);
        for (uint32_t k = 0; k < found.n; k++) {
            uint32_t *child = NCR_NEW_N(job->arena, uint32_t, space->decisions.n);
            struct ncr_rng rng = ncr_rng_at(job->seed, NCR_RNG_MUTATE, k);
            struct ncr_str place = ncr_gene_match_name(job->arena, space, &found.at[k]), drawn, why;
            bool good = ncr_gene_mutate(job->program, job->arena, space, job->work.pipeline.taken,
                                        &found.at[k], &rng, NULL, 0, child, &drawn, &why);
            if (cli->json) {
                ncr_json_object(json);
                ncr_json_key_str(json, "mutation", job->mutations[i]->name);
                ncr_json_key_str(json, "place", place);
                ncr_json_key_bool(json, "applies", good);
                if (!good) ncr_json_key_str(json, "why", why);
                ncr_json_end(json);
            } else if (good) {
                ncr_buf_fmt(out, "%.*s\n", NCR_STR_ARG(place));
            }
        }
    }
}

// -- applying -----------------------------------------------------------------------------------

static void note_step(struct mutate_job *job, const struct ncr_gene_match *match,
                      struct ncr_str drawn)
{
    struct mutate_step step = {ncr_gene_match_name(job->arena, space_of(job), match), drawn,
                               NCR_INHERIT_DISTILL, 0};
    ncr_vec_push(job->arena, &job->steps, step);
}

static int apply(struct cli *cli, struct mutate_job *job, uint64_t n, uint32_t *taken)
{
    const struct ncr_space *space = space_of(job);
    size_t bytes = space->decisions.n * sizeof *taken;
    uint32_t *child = NCR_NEW_N(job->arena, uint32_t, space->decisions.n);
    struct ncr_gene_match match;
    struct ncr_str drawn = NCR_STR(""), why;
    memcpy(taken, job->work.pipeline.taken, bytes);
    for (uint64_t i = 0; !cli->opt[OPT_APPLY] && i < n; i++) {
        struct ncr_rng rng = ncr_rng_at(job->seed, NCR_RNG_MUTATE, i);
        if (!ncr_gene_mutate_random(job->program, job->arena, space, taken, job->mutations,
                                    job->n_mutations, &rng, child, &match))
            return cli_usage(cli, "after %" PRIu64 " mutations none applies any more", i);
        note_step(job, &match, drawn);
        memcpy(taken, child, bytes);
    }
    if (!cli->opt[OPT_APPLY]) return EXIT_GOOD;
    enum ncr_status status = ncr_gene_match_find(
        job->program, space, taken, ncr_str_of(cli->opt[OPT_APPLY]), &match, &job->work.err);
    if (status != NCR_OK) return cli_fail(cli, status, &job->work.err);
    struct ncr_rng rng = ncr_rng_at(job->seed, NCR_RNG_MUTATE, 0);
    if (!ncr_gene_mutate(job->program, job->arena, space, taken, &match, &rng, job->given,
                         job->n_given, child, &drawn, &why))
        return cli_usage(cli, "%s does not apply: %.*s", cli->opt[OPT_APPLY], NCR_STR_ARG(why));
    note_step(job, &match, drawn);
    memcpy(taken, child, bytes);
    return mutate_unused_draws(cli, job, match.mutation, drawn);
}

static void put_steps(const struct mutate_job *job, const char *prefix, struct ncr_buf *out)
{
    for (uint32_t i = 0; i < job->steps.n; i++)
        ncr_buf_fmt(out, "%.*s%s%.*s\n", NCR_STR_ARG(job->steps.at[i].place),
                    job->steps.at[i].draws.n ? " with " : "", NCR_STR_ARG(job->steps.at[i].draws));
    ncr_buf_fmt(out, "\ngenotype: %s.genotype\n", prefix);
    if (job->weights) ncr_buf_fmt(out, "weights: %s.safetensors\n", prefix);
}

// The genotype, and the child's weights under the names that every command gives its parameters.
static int write_files(struct cli *cli, struct mutate_job *job, const uint32_t *taken,
                       const char *prefix, const struct ncr_buf *text)
{
    const char *path = ncr_str_fmt(job->arena, "%s.genotype", prefix).s;
    enum ncr_status status =
        cli->io.write_file(cli->io.user, path, text->s, text->n, false, &job->work.err);
    if (status == NCR_OK && job->weights) {
        const struct ncr_graph *child =
            ncr_graph_simplify(job->arena, ncr_space_bind(space_of(job), taken, job->arena));
        struct ncr_weights *w =
            ncr_weights_by_name(job->arena, job->graph, job->weights, child, job->seed);
        path = ncr_str_fmt(job->arena, "%s.safetensors", prefix).s;
        status = ncr_safetensors_write(child, w, &cli->io, path, &job->work.err);
    }
    return status == NCR_OK ? EXIT_GOOD : work_status(cli, &job->work, status);
}

int mutate_genotype(struct cli *cli, struct mutate_job *job)
{
    const struct ncr_space *space = space_of(job);
    const char *prefix = cli->opt[OPT_OUTPUT];
    uint32_t *taken = NCR_NEW_N(job->arena, uint32_t, space->decisions.n);
    uint64_t n;
    if (!cli_u64(cli, OPT_RANDOM, 1, MUTATE_LIMIT_STEPS, 1, &n)) return EXIT_COMMAND_LINE;
    if (job->weights && !prefix)
        return cli_usage(cli, "the child's weights need files: give -o PREFIX");
    int code = apply(cli, job, n, taken);
    if (code) return code;
    struct ncr_buf out = {0}, text = {0};
    ncr_genotype_text(space, taken, &text);
    if (cli->json) {
        struct ncr_json json;
        ncr_json_init(&json, &out);
        ncr_genotype_json(space, taken, &json);
        ncr_buf_putc(&out, '\n');
    } else if (!prefix) {
        ncr_buf_puts(&out, text.s);
    } else {
        put_steps(job, prefix, &out);
    }
    code = prefix ? write_files(cli, job, taken, prefix, &text) : EXIT_GOOD;
    ncr_buf_free(&text);
    if (code == EXIT_GOOD) return cli_output(cli, &out);
    ncr_buf_free(&out);
    return code;
}
