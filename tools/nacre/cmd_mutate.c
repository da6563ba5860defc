// nacre mutate: places where mutations apply, and a network with its weights changed by them.
#include <inttypes.h>

#include "compiler/mutate/resolved.h"
#include "tools/nacre/mutate.h"

// The next item of a list "a,b" from *at; empty at its end.
static struct ncr_str next_item(const char **at)
{
    const char *begin = *at;
    while (**at && **at != ',')
        ++*at;
    struct ncr_str item = {begin, (uint32_t)(*at - begin)};
    if (**at) ++*at;
    return item;
}

// --only, or all mutations of the program that change networks.
static int choose_mutations(struct cli *cli, struct mutate_job *job)
{
    const char *at = cli->opt[OPT_ONLY];
    if (!at) {
        uint32_t n = ncr_program_mutation_count(job->program);
        for (uint32_t i = 0; i < n && job->n_mutations < MUTATE_ONLY; i++) {
            const struct ncr_mutation *m = ncr_program_mutation(job->program, i);
            if (!m->of_decisions || cli->opt[OPT_LIST]) job->mutations[job->n_mutations++] = m;
        }
        if (job->n_mutations) return EXIT_GOOD;
        return cli_usage(cli,
                         "the program has no mutations; `import std.mutations` gives the usual "
                         "ones");
    }
    while (*at) {
        struct ncr_str name = next_item(&at);
        if (job->n_mutations == MUTATE_ONLY)
            return cli_usage(cli, "--only names at most %d", MUTATE_ONLY);
        enum ncr_status status = ncr_program_find_mutation(
            job->program, name, &job->mutations[job->n_mutations++], &job->work.err);
        if (status != NCR_OK) return cli_fail(cli, status, &job->work.err);
    }
    return EXIT_GOOD;
}

// --draw factor=1.5,kernel=3
static int read_given(struct cli *cli, struct mutate_job *job)
{
    const char *at = cli->opt[OPT_DRAW] ? cli->opt[OPT_DRAW] : "";
    while (*at) {
        struct ncr_str item = next_item(&at);
        uint32_t eq = 0;
        while (eq < item.n && item.s[eq] != '=')
            eq++;
        if (eq == item.n)
            return cli_usage(cli, "--draw is NAME=VALUE,..., not `%.*s`", NCR_STR_ARG(item));
        if (job->n_given == MUTATE_GIVEN)
            return cli_usage(cli, "--draw gives at most %d values", MUTATE_GIVEN);
        job->given[job->n_given++] =
            (struct ncr_given){.name = {item.s, eq}, .value = {item.s + eq + 1, item.n - eq - 1}};
    }
    return EXIT_GOOD;
}

// The weights of the file are those of the simplified network: the same parameters by name.
static enum ncr_status load_weights(struct cli *cli, struct mutate_job *job)
{
    struct ncr_pipeline *p = &job->work.pipeline;
    if (!cli->opt[OPT_WEIGHTS]) return NCR_OK;
    enum ncr_status status = ncr_pipeline_weights(p, &job->work.err);
    if (status != NCR_OK) return status;
    struct ncr_weights *w = ncr_weights_new(job->arena, job->graph);
    for (uint32_t i = 0; i < job->graph->n_params; i++)
        for (uint32_t k = 0; k < p->graph->n_params; k++)
            if (ncr_str_eq(job->graph->params[i].name, p->graph->params[k].name))
                memcpy(w->at[i], p->weights->at[k], (size_t)p->graph->params[k].n * sizeof(float));
    job->weights = w;
    return NCR_OK;
}

static int open_job(struct cli *cli, struct mutate_job *job)
{
    int code = work_open(cli, &job->work);
    if (code) return code;
    job->arena = job->work.program.arena;
    job->program = job->work.program.program;
    struct ncr_str name = job->work.pipeline.choice.net;
    const struct ncr_net_info *net;
    if (cli->opt[OPT_REACH] && !job->work.pipeline.choice.genes.genes.n &&
        ncr_program_find_net(job->program, name, &net, &job->work.err) == NCR_OK && net->space) {
        job->open_net = net;
        return EXIT_GOOD;
    }
    enum ncr_status status = ncr_pipeline_graph(&job->work.pipeline, &job->work.err);
    if (status != NCR_OK) return work_status(cli, &job->work, status);
    job->graph = job->work.pipeline.whole;
    if (!cli_u64(cli, OPT_SEED, 0, INT64_MAX, 1, &job->seed)) return EXIT_COMMAND_LINE;
    code = choose_mutations(cli, job);
    if (!code) code = read_given(cli, job);
    if (!code) code = work_status(cli, &job->work, load_weights(cli, job));
    return code;
}

// -- --list -------------------------------------------------------------------------------------

// Whether the mutation applies with one of a few draws; the reason of the first otherwise.
static bool applies(struct mutate_job *job, const struct ncr_match *match, struct ncr_str *why)
{
    enum { DRAWS = 4 };
    for (uint64_t k = 0; k < DRAWS; k++) {
        struct ncr_arena *scratch = ncr_arena_new(0);
        if (!scratch) NCR_BUG("out of memory");
        struct ncr_rng rng = ncr_rng_at(job->seed, NCR_RNG_MUTATE, k);
        struct ncr_child child;
        struct ncr_str reason;
        bool good = ncr_mutate(job->program, scratch, job->graph, NULL, match, &rng, NULL, 0,
                               &child, &reason);
        if (!good && k == 0) *why = ncr_str_dup(job->arena, reason);
        ncr_arena_free(scratch);
        if (good) return true;
    }
    return false;
}

static int list(struct cli *cli, struct mutate_job *job)
{
    struct ncr_buf out = {0};
    struct ncr_json json;
    ncr_json_init(&json, &out);
    if (cli->json) {
        ncr_json_object(&json);
        ncr_json_key_str(&json, "schema", NCR_STR("nacre.mutations/1"));
        ncr_json_key_str(&json, "net", job->graph->name);
        ncr_json_key(&json, "matches");
        ncr_json_array(&json);
    }
    for (uint32_t i = 0; i < job->n_mutations; i++) {
        const struct ncr_mutation *m = job->mutations[i];
        struct ncr_matches found;
        ncr_mutation_matches(job->program, m, job->arena, job->graph, MUTATE_LIMIT_LISTED, &found);
        for (uint32_t k = 0; k < found.n; k++) {
            struct ncr_str why = NCR_STR("");
            struct ncr_str place = ncr_match_name(job->arena, job->graph, &found.at[k]);
            bool good = applies(job, &found.at[k], &why);
            if (!cli->json && good) {
                ncr_buf_fmt(&out, "%.*s\n", NCR_STR_ARG(place));
            } else if (cli->json) {
                ncr_json_object(&json);
                ncr_json_key_str(&json, "mutation", m->name);
                ncr_json_key_str(&json, "place", place);
                ncr_json_key_bool(&json, "applies", good);
                if (!good) ncr_json_key_str(&json, "why", why);
                ncr_json_end(&json);
            }
        }
    }
    mutate_genotype_list(cli, job, &out, &json);
    if (cli->json) {
        ncr_json_end(&json);
        ncr_json_end(&json);
        ncr_buf_putc(&out, '\n');
    }
    return cli_output(cli, &out);
}

// -- --reach ------------------------------------------------------------------------------------

// Decisions of a net that has some, with the number of mutations that may change each.
static int reach_decisions(struct cli *cli, struct mutate_job *job, const struct ncr_net_info *net)
{
    const struct ncr_space *space = net->space;
    uint32_t n = space->decisions.n, untouched = 0;
    uint32_t *reached = NCR_NEW_N(job->arena, uint32_t, n);
    ncr_gene_reach(job->program, space, reached);
    struct ncr_buf out = {0};
    struct ncr_json json;
    ncr_json_init(&json, &out);
    if (cli->json) {
        ncr_json_object(&json);
        ncr_json_key_str(&json, "schema", NCR_STR("nacre.reach/1"));
        ncr_json_key_str(&json, "net", net->name);
        ncr_json_key(&json, "decisions");
        ncr_json_array(&json);
    }
    for (uint32_t d = 0; d < n; d++) {
        struct ncr_str path = space->decisions.at[d].path;
        untouched += reached[d] == 0;
        if (cli->json) {
            ncr_json_object(&json);
            ncr_json_key_str(&json, "path", path);
            ncr_json_key_i64(&json, "mutations", reached[d]);
            ncr_json_end(&json);
        } else if (reached[d] == 0) {
            ncr_buf_fmt(&out, "%.*s\n", NCR_STR_ARG(path));
        }
    }
    if (cli->json) {
        ncr_json_end(&json);
        ncr_json_end(&json);
        ncr_buf_putc(&out, '\n');
    } else {
        ncr_buf_fmt(&out, "%u of %u decisions are touched by no mutation\n", untouched, n);
    }
    return cli_output(cli, &out);
}

static int reach(struct cli *cli, struct mutate_job *job)
{
    const struct ncr_graph *g = job->graph;
    uint32_t *reached = NCR_NEW_N(job->arena, uint32_t, g->n_nodes), n = 0, untouched = 0;
    ncr_mutation_reach(job->program, job->arena, g, reached);
    struct ncr_buf out = {0};
    struct ncr_json json;
    ncr_json_init(&json, &out);
    if (cli->json) {
        ncr_json_object(&json);
        ncr_json_key_str(&json, "schema", NCR_STR("nacre.reach/1"));
        ncr_json_key_str(&json, "net", g->name);
        ncr_json_key(&json, "operators");
        ncr_json_array(&json);
    }
    for (ncr_node_id id = 0; id < g->n_nodes; id++) {
        const struct ncr_node *node = &g->nodes[id];
        if (node->op == NCR_OP_INPUT) continue;
        n++;
        untouched += reached[id] == 0;
        if (cli->json) {
            ncr_json_object(&json);
            ncr_json_key_str(&json, "path", node->path);
            ncr_json_key_str(&json, "operator", ncr_str_of(ncr_op_name(node->op)));
            ncr_json_key_i64(&json, "mutations", reached[id]);
            ncr_json_end(&json);
        } else if (reached[id] == 0) {
            ncr_buf_fmt(&out, "%-15s %.*s\n", ncr_op_name(node->op), NCR_STR_ARG(node->path));
        }
    }
    if (cli->json) {
        ncr_json_end(&json);
        ncr_json_end(&json);
        ncr_buf_putc(&out, '\n');
    } else {
        ncr_buf_fmt(&out, "%u of %u operators are touched by no mutation\n", untouched, n);
    }
    return cli_output(cli, &out);
}

// -- applying -----------------------------------------------------------------------------------

static void take(struct mutate_job *job, const struct ncr_match *match,
                 const struct ncr_child *child)
{
    struct mutate_step step = {ncr_match_name(job->arena, job->graph, match), child->draws,
                               child->inherit, child->steps};
    ncr_vec_push(job->arena, &job->steps, step);
    job->graph = child->graph;
    job->weights = child->weights;
}

int mutate_unused_draws(struct cli *cli, struct mutate_job *job, const struct ncr_mutation *m,
                        struct ncr_str drawn)
{
    for (uint32_t i = 0; i < job->n_given; i++)
        if (!job->given[i].used)
            return cli_usage(cli, "`%.*s` draws no `%.*s`; drawn is %.*s", NCR_STR_ARG(m->name),
                             NCR_STR_ARG(job->given[i].name),
                             NCR_STR_ARG(drawn.n ? drawn : NCR_STR("nothing")));
    return EXIT_GOOD;
}

static int apply_one(struct cli *cli, struct mutate_job *job)
{
    struct ncr_match match;
    struct ncr_child child;
    struct ncr_str why;
    enum ncr_status status = ncr_match_find(
        job->program, job->graph, ncr_str_of(cli->opt[OPT_APPLY]), &match, &job->work.err);
    if (status != NCR_OK) return cli_fail(cli, status, &job->work.err);
    struct ncr_rng rng = ncr_rng_at(job->seed, NCR_RNG_MUTATE, 0);
    if (!ncr_mutate(job->program, job->arena, job->graph, job->weights, &match, &rng, job->given,
                    job->n_given, &child, &why))
        return cli_usage(cli, "%s does not apply: %.*s", cli->opt[OPT_APPLY], NCR_STR_ARG(why));
    int code = mutate_unused_draws(cli, job, match.mutation, child.draws);
    if (!code) take(job, &match, &child);
    return code;
}

static int apply_random(struct cli *cli, struct mutate_job *job, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        struct ncr_rng rng = ncr_rng_at(job->seed, NCR_RNG_MUTATE, i);
        struct ncr_child child;
        struct ncr_match match;
        if (!ncr_mutate_random(job->program, job->arena, job->graph, job->weights, job->mutations,
                               NULL, job->n_mutations, &rng, &child, &match))
            return cli_usage(cli, "after %" PRIu64 " mutations none applies any more", i);
        take(job, &match, &child);
    }
    return EXIT_GOOD;
}

static void put_network(struct ncr_json *json, const char *key, const struct ncr_graph *g)
{
    char id[33];
    ncr_hash_text(ncr_graph_arch_id(g), id);
    ncr_json_key(json, key);
    ncr_json_object(json);
    ncr_json_key_str(json, "arch_id", ncr_str_of(id));
    ncr_json_key_i64(json, "params", ncr_graph_params(g));
    ncr_json_key_i64(json, "macs", ncr_graph_macs(g));
    ncr_json_end(json);
}

static void put_json(const struct mutate_job *job, const char *program, const char *weights,
                     struct ncr_buf *out)
{
    struct ncr_json json;
    ncr_json_init(&json, out);
    ncr_json_object(&json);
    ncr_json_key_str(&json, "schema", NCR_STR("nacre.mutate/1"));
    ncr_json_key_str(&json, "net", job->graph->name);
    ncr_json_key(&json, "steps");
    ncr_json_array(&json);
    for (uint32_t i = 0; i < job->steps.n; i++) {
        const struct mutate_step *s = &job->steps.at[i];
        ncr_json_object(&json);
        ncr_json_key_str(&json, "place", s->place);
        ncr_json_key_str(&json, "draws", s->draws);
        ncr_json_key_str(&json, "inherit", ncr_str_of(ncr_inherit_name(s->inherit)));
        ncr_json_key_bool(&json, "exact", ncr_inherit_exact(s->inherit));
        ncr_json_key_i64(&json, "train_steps", s->train_steps);
        ncr_json_end(&json);
    }
    ncr_json_end(&json);
    put_network(&json, "parent", job->work.pipeline.graph);
    put_network(&json, "child", job->graph);
    ncr_json_key_str(&json, "program", ncr_str_of(program));
    if (weights) ncr_json_key_str(&json, "weights", ncr_str_of(weights));
    ncr_json_end(&json);
    ncr_buf_putc(out, '\n');
}

static void put_text(const struct mutate_job *job, const char *program, const char *weights,
                     struct ncr_buf *out)
{
    const struct ncr_graph *was = job->work.pipeline.graph, *is = job->graph;
    for (uint32_t i = 0; i < job->steps.n; i++) {
        const struct mutate_step *s = &job->steps.at[i];
        ncr_buf_fmt(out, "%.*s%s%.*s: %s, %s", NCR_STR_ARG(s->place), s->draws.n ? " with " : "",
                    NCR_STR_ARG(s->draws), ncr_inherit_name(s->inherit),
                    ncr_inherit_exact(s->inherit) ? "the same function" : "an approximation");
        if (s->train_steps) ncr_buf_fmt(out, ", to be trained for %u steps", s->train_steps);
        ncr_buf_putc(out, '\n');
    }
    ncr_buf_fmt(out, "\nparameters %" PRId64 " -> %" PRId64 ", MACs %" PRId64 " -> %" PRId64 "\n",
                ncr_graph_params(was), ncr_graph_params(is), ncr_graph_macs(was),
                ncr_graph_macs(is));
    ncr_buf_fmt(out, "program: %s\n", program);
    if (weights) ncr_buf_fmt(out, "weights: %s\n", weights);
}

// The network of the child's program, as any command will see it; its names are those of the file.
static const struct ncr_graph *read_back(struct mutate_job *job, struct cli *cli, const char *path,
                                         const struct ncr_buf *text)
{
    struct ncr_sources *sources = ncr_sources_new(job->arena);
    struct ncr_diags diags;
    ncr_diags_init(&diags, job->arena, sources);
    struct ncr_modules *modules = ncr_modules_load_text(
        job->arena, sources, &diags, &cli->io, ncr_str_of(path),
        (struct ncr_str){text->s, (uint32_t)text->n}, NCR_STR(""), cli->opt[OPT_STDLIB]);
    struct ncr_program *program = ncr_program_check(job->arena, &diags, modules);
    if (diags.n_errors) NCR_BUG("the child's program: %.*s", NCR_STR_ARG(diags.first->text));
    return ncr_program_net(program, 0)->graph;
}

static int write_files(struct cli *cli, struct mutate_job *job, struct ncr_buf *text,
                       const struct ncr_resolved_names *names)
{
    const char *prefix = cli->opt[OPT_OUTPUT];
    const char *program = ncr_str_fmt(job->arena, "%s.ncr", prefix).s, *weights = NULL;
    enum ncr_status status =
        cli->io.write_file(cli->io.user, program, text->s, text->n, false, &job->work.err);
    if (status == NCR_OK && job->weights) {
        const struct ncr_graph *g = read_back(job, cli, program, text);
        weights = ncr_str_fmt(job->arena, "%s.safetensors", prefix).s;
        status = ncr_safetensors_write(
            g, ncr_resolved_weights(job->arena, job->graph, job->weights, names, g), &cli->io,
            weights, &job->work.err);
    }
    if (status != NCR_OK) return work_status(cli, &job->work, status);
    struct ncr_buf out = {0};
    if (cli->json)
        put_json(job, program, weights, &out);
    else
        put_text(job, program, weights, &out);
    return cli_output(cli, &out);
}

static bool of_library(const struct mutate_job *job, const struct ncr_mutation *m)
{
    struct ncr_str module = ncr_program_mutation_module(job->program, m);
    return module.n > 4 && memcmp(module.s, "std.", 4) == 0;
}

// What the annotations of the parent's program keep from a node, said in the child's, which imports
// the mutations of the library.
static struct ncr_str annotation(void *user, const struct ncr_node *node)
{
    struct mutate_job *job = user;
    struct ncr_str list = NCR_STR("");
    bool all = true, any = false;
    for (uint32_t i = 0; i < ncr_program_mutation_count(job->program); i++) {
        const struct ncr_mutation *m = ncr_program_mutation(job->program, i);
        bool may = ncr_program_may_touch(job->program, m, node);
        all &= may;
        any |= may;
        if (may && of_library(job, m))
            list = ncr_str_fmt(job->arena, "%.*s%s%.*s", NCR_STR_ARG(list), list.n ? ", " : "",
                               NCR_STR_ARG(m->name));
    }
    if (all) return NCR_STR("");
    if (!any) return NCR_STR("@frozen");
    return ncr_str_fmt(job->arena, "@mutate(%.*s)", NCR_STR_ARG(list.n ? list : NCR_STR("none")));
}

// Imports of the library's modules with mutations that the parent's program imports.
static struct ncr_str imports(struct mutate_job *job)
{
    struct ncr_str text = NCR_STR(""), last = NCR_STR("");
    for (uint32_t i = 0; i < ncr_program_mutation_count(job->program); i++) {
        const struct ncr_mutation *m = ncr_program_mutation(job->program, i);
        struct ncr_str module = ncr_program_mutation_module(job->program, m);
        if (!of_library(job, m) || ncr_str_eq(module, last)) continue;
        text = ncr_str_fmt(job->arena, "%.*simport %.*s\n", NCR_STR_ARG(text), NCR_STR_ARG(module));
        last = module;
    }
    return text.n ? ncr_str_fmt(job->arena, "%.*s\n", NCR_STR_ARG(text)) : text;
}

static int finish(struct cli *cli, struct mutate_job *job)
{
    struct ncr_buf text = {0};
    struct ncr_resolved_names names;
    struct ncr_resolved_frame frame = {imports(job), annotation, job};
    if (!ncr_graph_program_framed(job->arena, job->graph, &frame, &text, &names))
        NCR_BUG("a child shares weights between unequal layers");
    if (!cli->opt[OPT_OUTPUT]) return cli_output(cli, &text);
    int code = write_files(cli, job, &text, &names);
    ncr_buf_free(&text);
    return code;
}

static int run(struct cli *cli, struct mutate_job *job)
{
    if (job->open_net) return reach_decisions(cli, job, job->open_net);
    if (cli->opt[OPT_LIST]) return list(cli, job);
    if (cli->opt[OPT_REACH]) return reach(cli, job);
    uint64_t n;
    if (!cli_u64(cli, OPT_RANDOM, 1, MUTATE_LIMIT_STEPS, 1, &n)) return EXIT_COMMAND_LINE;
    if (mutate_of_genotype(cli, job)) return mutate_genotype(cli, job);
    if (job->weights && !cli->opt[OPT_OUTPUT])
        return cli_usage(cli, "the child's weights need files: give -o PREFIX");
    if (cli->json && !cli->opt[OPT_OUTPUT])
        return cli_usage(cli, "without -o PREFIX the child's program is printed, which has one "
                              "form; leave --format out");
    int code = cli->opt[OPT_APPLY] ? apply_one(cli, job) : apply_random(cli, job, n);
    return code ? code : finish(cli, job);
}

int cmd_mutate(struct cli *cli)
{
    int code = cli_no_csv(cli);
    if (code) return code;
    int jobs = !!cli->opt[OPT_APPLY] + !!cli->opt[OPT_RANDOM] + !!cli->opt[OPT_LIST] +
               !!cli->opt[OPT_REACH];
    if (jobs != 1)
        return cli_usage(cli, "give one of --apply NAME@PATH, --random N, --list, --reach");
    if (cli->opt[OPT_DRAW] && !cli->opt[OPT_APPLY])
        return cli_usage(cli, "--draw gives values to the one mutation of --apply");
    struct mutate_job job = {.n_mutations = 0};
    code = open_job(cli, &job);
    if (!code) code = run(cli, &job);
    work_close(&job.work);
    return code;
}
