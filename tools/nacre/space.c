// Counts, bounds and members of a space as text, JSON and CSV.
#include "tools/nacre/space.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FLUSH_BYTES = 1 << 20 };

// -- lists of members ---------------------------------------------------------------------------

struct listing {
    struct space_job *job;
    struct ncr_json json;
    struct ncr_arena *scratch;
    uint64_t n;
    bool stop;
};

static void list_start(struct listing *l, struct space_job *job, const char *what)
{
    *l = (struct listing){.job = job, .scratch = ncr_arena_new(0)};
    if (!l->scratch) NCR_BUG("out of memory");
    if (job->cli->csv) ncr_buf_puts(job->out, "index,arch_id,params,macs,genotype\n");
    if (!job->cli->json) return;
    ncr_json_init(&l->json, job->out);
    ncr_json_object(&l->json);
    ncr_json_key_str(&l->json, "schema", NCR_STR("nacre.members/1"));
    ncr_json_key_str(&l->json, "net", job->space->name);
    ncr_json_key_str(&l->json, "what", ncr_str_of(what));
    ncr_json_key(&l->json, "members");
    ncr_json_array(&l->json);
}

static void list_one(struct listing *l, const uint32_t *taken, const char *note)
{
    struct space_job *job = l->job;
    struct ncr_arena_mark mark = ncr_arena_mark(l->scratch);
    const struct ncr_graph *graph = ncr_space_bind(job->space, taken, l->scratch);
    char id[33];
    ncr_hash_text(ncr_graph_arch_id(graph), id);
    if (job->cli->json) {
        ncr_json_object(&l->json);
        ncr_json_key_str(&l->json, "arch_id", ncr_str_of(id));
        ncr_json_key_i64(&l->json, "params", ncr_graph_params(graph));
        ncr_json_key_i64(&l->json, "macs", ncr_graph_macs(graph));
        if (note) ncr_json_key_str(&l->json, "changed", ncr_str_of(note));
        ncr_json_key(&l->json, "genotype");
        ncr_genotype_json(job->space, taken, &l->json);
        ncr_json_end(&l->json);
    } else if (job->cli->csv) {
        ncr_buf_fmt(job->out, "%" PRIu64 ",%s,%" PRId64 ",%" PRId64 ",\"", l->n, id,
                    ncr_graph_params(graph), ncr_graph_macs(graph));
        ncr_genotype_line(job->space, taken, job->out);
        ncr_buf_puts(job->out, "\"\n");
    } else {
        ncr_genotype_line(job->space, taken, job->out);
        ncr_buf_fmt(job->out, "  // %" PRId64 " parameters, %" PRId64 " MACs, %.12s%s%s\n",
                    ncr_graph_params(graph), ncr_graph_macs(graph), id, note ? ", changed " : "",
                    note ? note : "");
    }
    ncr_arena_reset(l->scratch, mark);
    l->n++;
    // Long lists go out as they are made.
    if (job->out->n > FLUSH_BYTES && !job->cli->opt[OPT_OUTPUT]) {
        fwrite(job->out->s, 1, job->out->n, stdout);
        job->out->n = 0;
    }
}

static void list_end(struct listing *l)
{
    if (l->job->cli->json) {
        ncr_json_end(&l->json);
        ncr_json_key_i64(&l->json, "n", (int64_t)l->n);
        if (l->job->members->n_tried) {
            ncr_json_key_i64(&l->json, "tried", (int64_t)l->job->members->n_tried);
            ncr_json_key_i64(&l->json, "accepted", (int64_t)l->job->members->n_accepted);
        }
        ncr_json_end(&l->json);
        ncr_buf_putc(l->job->out, '\n');
    }
    ncr_arena_free(l->scratch);
}

bool space_samples(struct space_job *job, uint64_t n, bool uniform)
{
    struct listing l;
    list_start(&l, job, uniform || !job->members->weighed ? "uniform sample" : "sample by priors");
    uint32_t *taken = NCR_NEW_N(job->arena, uint32_t, (size_t)job->space->decisions.n + 1);
    bool good = true;
    for (uint64_t i = 0; i < n && good; i++) {
        struct ncr_rng rng = ncr_rng_at(job->seed, NCR_RNG_SAMPLE, i);
        good = ncr_members_sample(job->members, l.scratch, uniform, &rng, taken) &&
               !((i & 255) == 255 && job->work.stop(job->work.user, i, n));
        if (good) list_one(&l, taken, NULL);
    }
    list_end(&l);
    return good;
}

bool space_children(struct space_job *job, uint64_t n, const struct space_cross *cross)
{
    struct listing l;
    list_start(&l, job, "crossover");
    uint32_t *child = NCR_NEW_N(job->arena, uint32_t, (size_t)job->space->decisions.n + 1);
    bool good = true;
    for (uint64_t i = 0; i < n && good; i++) {
        struct ncr_rng rng = ncr_rng_at(job->seed, NCR_RNG_MUTATE, i);
        struct ncr_arena_mark mark = ncr_arena_mark(l.scratch);
        good = ncr_gene_crossover(l.scratch, job->space, job->given, cross->other, cross->kind,
                                  cross->points, &rng, child);
        ncr_arena_reset(l.scratch, mark);
        good &= !((i & 255) == 255 && job->work.stop(job->work.user, i, n));
        if (good) list_one(&l, child, NULL);
    }
    list_end(&l);
    return good;
}

static bool enumerate_one(void *user, const uint32_t *taken)
{
    struct listing *l = user;
    struct space_job *job = l->job;
    if (l->n >= job->budget) {
        l->stop = true;
        return false;
    }
    list_one(l, taken, NULL);
    return !((l->n & 255) == 0 && job->work.stop(job->work.user, l->n, 0));
}

void space_enumerate(struct space_job *job)
{
    struct listing l;
    list_start(&l, job, "enumeration");
    ncr_members_each(job->members, l.scratch, enumerate_one, &l);
    if (l.stop && !job->cli->json && !job->cli->csv)
        ncr_buf_fmt(job->out, "// and more: --budget %" PRIu64 " is reached\n", job->budget);
    if (l.stop && job->cli->json) {
        ncr_json_end(&l.json);
        ncr_json_key_bool(&l.json, "complete", false);
        ncr_json_key(&l.json, "rest");
        ncr_json_array(&l.json);
    }
    list_end(&l);
}

static void neighbour(void *user, const uint32_t *taken, uint32_t changed)
{
    struct listing *l = user;
    struct ncr_str path = l->job->space->decisions.at[changed].path;
    list_one(l, taken, ncr_str_fmt(l->job->arena, "%.*s", NCR_STR_ARG(path)).s);
}

void space_neighbours(struct space_job *job, struct ncr_members *all)
{
    struct listing l;
    list_start(&l, job, "neighbours");
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    ncr_members_neighbours(all, scratch, job->given, neighbour, &l);
    ncr_arena_free(scratch);
    list_end(&l);
}

// -- bounds -------------------------------------------------------------------------------------

static const char *quality(const struct ncr_bounds *b)
{
    return b->drawn ? "drawn" : b->exact ? "exact" : "bound";
}

void space_bounds(struct space_job *job, enum ncr_space_figure figure, const struct ncr_bounds *b)
{
    const uint32_t *taken[2] = {b->low_taken, b->high_taken};
    int64_t value[2] = {b->low, b->high};
    static const char *const ends[2] = {"min", "max"};
    struct ncr_json json;
    if (job->cli->csv) ncr_buf_puts(job->out, "metric,end,value,quality,genotype\n");
    if (job->cli->json) {
        ncr_json_init(&json, job->out);
        ncr_json_object(&json);
        ncr_json_key_str(&json, "schema", NCR_STR("nacre.bounds/1"));
        ncr_json_key_str(&json, "net", job->space->name);
        ncr_json_key_str(&json, "metric", ncr_str_of(ncr_space_figure_name(figure)));
        ncr_json_key_bool(&json, "exact", b->exact);
        ncr_json_key_str(&json, "quality", ncr_str_of(quality(b)));
    }
    for (int i = 0; i < 2; i++) {
        if (job->cli->json) {
            ncr_json_key_i64(&json, ends[i], value[i]);
            ncr_json_key(&json, i ? "max_genotype" : "min_genotype");
            ncr_genotype_json(job->space, taken[i], &json);
            continue;
        }
        if (job->cli->csv)
            ncr_buf_fmt(job->out, "%s,%s,%" PRId64 ",%s,\"", ncr_space_figure_name(figure), ends[i],
                        value[i], quality(b));
        else
            ncr_buf_fmt(job->out, "%s %s %" PRId64 " (%s)\n    ", ends[i],
                        ncr_space_figure_name(figure), value[i],
                        b->drawn   ? "the extreme of the members drawn"
                        : b->exact ? "exact"
                                   : "a bound; no member may reach it");
        ncr_genotype_line(job->space, taken[i], job->out);
        ncr_buf_puts(job->out, job->cli->csv ? "\"\n" : "\n");
    }
    if (job->cli->json) {
        ncr_json_end(&json);
        ncr_buf_putc(job->out, '\n');
    }
}

// -- counts and decisions -----------------------------------------------------------------------

static struct ncr_str below_net(const struct ncr_space *space, struct ncr_str path)
{
    if (path.n > space->name.n + 1) path.s += space->name.n + 1, path.n -= space->name.n + 1;
    return path;
}

// Whether decision d can be made where decision v takes alternative k.
static bool possible(struct ncr_diagrams *d, ncr_diagram exists, uint32_t v, uint32_t k)
{
    struct ncr_arena *scratch = ncr_arena_new(0), *before = d->scratch;
    if (!scratch) NCR_BUG("out of memory");
    d->scratch = scratch;
    bool is = ncr_diagram_and(d, exists, ncr_diagram_equals(d, v, k)) != NCR_FALSE;
    d->scratch = before;
    ncr_arena_free(scratch);
    return is;
}

struct where {
    struct space_job *job;
    struct ncr_json *json;
};

// The decisions on which it depends whether d is made, each with the alternatives that allow it.
static void condition(const struct where *w, uint32_t d)
{
    struct ncr_space *space = w->job->space;
    ncr_diagram exists = space->decisions.at[d].exists;
    bool *marks = NCR_NEW_N(w->job->arena, bool, space->decisions.n), first = true;
    uint32_t *taken = NCR_NEW_N(w->job->arena, uint32_t, (size_t)space->decisions.n + 1);
    ncr_diagram_support(&space->diagrams, exists, marks);
    for (uint32_t v = 0; v < space->decisions.n; v++) {
        if (!marks[v]) continue;
        struct ncr_str path = below_net(space, space->decisions.at[v].path);
        if (w->json) {
            ncr_json_key(w->json, ncr_str_fmt(w->job->arena, "%.*s", NCR_STR_ARG(path)).s);
            ncr_json_array(w->json);
        } else {
            ncr_buf_fmt(w->job->out, "%s%.*s = ", first ? "  where " : ", ", NCR_STR_ARG(path));
        }
        bool one = true;
        for (uint32_t k = 0; k < space->decisions.at[v].n; k++) {
            if (!possible(&space->diagrams, exists, v, k)) continue;
            struct ncr_str text = ncr_space_text(space, v, k, taken);
            if (w->json)
                ncr_json_str(w->json, text);
            else
                ncr_buf_fmt(w->job->out, "%s%.*s", one ? "" : "|", NCR_STR_ARG(text));
            one = false;
        }
        if (w->json) ncr_json_end(w->json);
        first = false;
    }
}

static void count_text(struct space_job *job, const char *name, const struct ncr_count *c,
                       const char *how)
{
    ncr_buf_fmt(job->out, "    %-10s %.*s", name, NCR_STR_ARG(ncr_big_text(job->arena, c->count)));
    if (!c->exact)
        ncr_buf_fmt(job->out, "  (estimate; %s: %.*s to %.*s)", how,
                    NCR_STR_ARG(ncr_big_text(job->arena, c->low)),
                    NCR_STR_ARG(ncr_big_text(job->arena, c->high)));
    ncr_buf_putc(job->out, '\n');
}

static void counts_text(struct space_job *job)
{
    struct ncr_space *space = job->space;
    uint32_t width = 8;
    ncr_buf_fmt(job->out, "%.*s: %u decision%s, %u requirement%s\n", NCR_STR_ARG(space->name),
                space->decisions.n, space->decisions.n == 1 ? "" : "s", space->requires.n,
                space->requires.n == 1 ? "" : "s");
    count_text(job, "genotypes", &job->genotypes, "");
    count_text(job, "feasible", &job->feasible, "95 % by draws");
    count_text(job, "distinct", &job->distinct, "networks, 95 %");
    if (job->members->n_asked)
        ncr_buf_fmt(job->out, "    %u requirement%s asked of each network that is drawn\n",
                    job->members->n_asked, job->members->n_asked == 1 ? " is" : "s are");
    for (uint32_t d = 0; d < space->decisions.n; d++) {
        uint32_t n = below_net(space, space->decisions.at[d].path).n;
        if (n > width && n < 40) width = n;
    }
    ncr_buf_puts(job->out, "decisions\n");
    uint32_t *taken = NCR_NEW_N(job->arena, uint32_t, (size_t)space->decisions.n + 1);
    for (uint32_t d = 0; d < space->decisions.n; d++) {
        const struct ncr_space_decision *decision = &space->decisions.at[d];
        struct ncr_str path = below_net(space, decision->path);
        ncr_buf_fmt(job->out, "    %-*.*s  ", (int)width, NCR_STR_ARG(path));
        if (job->given[d] != NCR_UNSET)
            ncr_buf_fmt(job->out, "[%.*s] ",
                        NCR_STR_ARG(ncr_space_text(space, d, job->given[d], taken)));
        for (uint32_t k = 0; k < decision->n; k++) {
            if (k == 8) {
                ncr_buf_fmt(job->out, ", … (%u)", decision->n);
                break;
            }
            ncr_buf_fmt(job->out, "%s%.*s", k ? ", " : "",
                        NCR_STR_ARG(ncr_space_text(space, d, k, taken)));
            if (decision->prior) ncr_buf_fmt(job->out, " @%.3g", decision->prior[k]);
        }
        condition(&(struct where){job, NULL}, d);
        ncr_buf_putc(job->out, '\n');
    }
}

static void interval(struct space_job *job, struct ncr_json *json, const struct ncr_count *c)
{
    ncr_json_array(json);
    ncr_json_str(json, ncr_big_text(job->arena, c->low));
    ncr_json_str(json, ncr_big_text(job->arena, c->high));
    ncr_json_end(json);
}

static void counts_json(struct space_job *job)
{
    struct ncr_space *space = job->space;
    const struct ncr_count *counts[3] = {&job->genotypes, &job->feasible, &job->distinct};
    static const char *const names[3] = {"genotypes", "feasible", "distinct"};
    struct ncr_json json;
    ncr_json_init(&json, job->out);
    ncr_json_object(&json);
    ncr_json_key_str(&json, "schema", NCR_STR("nacre.space/1"));
    ncr_json_key_str(&json, "net", space->name);
    for (int i = 0; i < 3; i++)
        ncr_json_key_str(&json, names[i], ncr_big_text(job->arena, counts[i]->count));
    ncr_json_key(&json, "exact");
    ncr_json_object(&json);
    for (int i = 0; i < 3; i++)
        ncr_json_key_bool(&json, names[i], counts[i]->exact);
    ncr_json_end(&json);
    ncr_json_key(&json, "interval");
    ncr_json_object(&json);
    for (int i = 0; i < 3; i++) {
        ncr_json_key(&json, names[i]);
        interval(job, &json, counts[i]);
    }
    ncr_json_end(&json);
    ncr_json_key(&json, "decisions");
    ncr_json_array(&json);
    uint32_t *taken = NCR_NEW_N(job->arena, uint32_t, (size_t)space->decisions.n + 1);
    for (uint32_t d = 0; d < space->decisions.n; d++) {
        const struct ncr_space_decision *decision = &space->decisions.at[d];
        ncr_json_object(&json);
        ncr_json_key_str(&json, "path", below_net(space, decision->path));
        ncr_json_key_i64(
            &json, "line",
            ncr_sources_pos(job->sources, decision->span.file, decision->span.begin).line);
        ncr_json_key_bool(&json, "labelled", decision->labelled);
        if (job->given[d] != NCR_UNSET)
            ncr_json_key_str(&json, "given", ncr_space_text(space, d, job->given[d], taken));
        ncr_json_key(&json, "alternatives");
        ncr_json_array(&json);
        for (uint32_t k = 0; k < decision->n; k++)
            ncr_json_str(&json, ncr_space_text(space, d, k, taken));
        ncr_json_end(&json);
        if (decision->prior) {
            ncr_json_key(&json, "prior");
            ncr_json_array(&json);
            for (uint32_t k = 0; k < decision->n; k++)
                ncr_json_f64(&json, decision->prior[k]);
            ncr_json_end(&json);
        }
        ncr_json_key(&json, "where");
        ncr_json_object(&json);
        condition(&(struct where){job, &json}, d);
        ncr_json_end(&json);
        ncr_json_end(&json);
    }
    ncr_json_end(&json);
    ncr_json_end(&json);
    ncr_buf_putc(job->out, '\n');
}

void space_counts(struct space_job *job)
{
    if (job->cli->json)
        counts_json(job);
    else
        counts_text(job);
}
