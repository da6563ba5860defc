// The running of a campaign: chunks of injections over tiles of inputs, by threads, into a file.
//
// Golden tensors of as many inputs as the memory budget holds make a tile. A chunk of consecutive
// injections is planned, run tile by tile by all threads, and committed in order: appended to the
// file, counted, handed to the sink.
#include "runtime/inject/campaign.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/inject/design.h"

enum { FIRST_CHUNK = 64, LAST_CHUNK = 1 << 16, TILED_CHUNK = 4096 };
#define CHUNK_S 0.25 // a chunk takes about this long: the delay of Ctrl-C, and what a kill can lose
static const size_t default_golden_bytes = (size_t)512 << 20;

struct worker {
    struct ncr_runner *runner;
    struct ncr_flip *flips;
    struct ncr_qgraph *dense; // verification only, with its own memory
    struct ncr_arena *arena;
    int8_t **values;
    int8_t *outputs;
    uint64_t runs, verified;
    bool out_of_memory;
};

struct item {
    struct ncr_draw draw;
    uint32_t record;
};

struct campaign {
    const struct ncr_campaign_job *job;
    const struct ncr_executor *executor;
    struct ncr_harness *harness;
    struct ncr_design design;
    struct ncr_tally *tally;
    struct ncr_golden *golden; // of inputs tile_first ..
    uint32_t tile_first, tile_n, tile_room;
    uint32_t *tops; // golden decisions of all inputs
    struct worker *workers;
    uint32_t n_workers;
    struct item *items; // of a chunk: those on all inputs first, then by input
    struct ncr_record *records;
    uint32_t first_item; // what the threads work on now
    struct ncr_buf head, bytes;
    struct ncr_hash fingerprint, digest;
};

// ---- threads ----
struct crew {
    struct campaign *campaign;
    void (*work)(struct campaign *c, struct worker *w, uint64_t i);
    uint64_t n, grain;
    atomic_uint_fast64_t next;
};

struct seat {
    struct crew *crew;
    struct worker *worker;
};

static void *sit(void *arg)
{
    const struct seat *seat = arg;
    struct crew *crew = seat->crew;
    jmp_buf oom;
    // Only verification allocates while threads run, each thread from its own arena.
    if (seat->worker->arena) {
        if (setjmp(oom)) {
            seat->worker->out_of_memory = true;
            return NULL;
        }
        ncr_arena_on_oom(seat->worker->arena, &oom);
    }
    for (;;) {
        uint64_t i = atomic_fetch_add(&crew->next, crew->grain), end = i + crew->grain;
        if (i >= crew->n) return NULL;
        for (; i < end && i < crew->n; i++)
            crew->work(crew->campaign, seat->worker, i);
    }
}

// Calls work(c, worker, i) for i in [0, n) in any order, by all workers.
static void share_out(struct campaign *c,
                      void (*work)(struct campaign *, struct worker *, uint64_t), uint64_t n)
{
    struct crew crew = {.campaign = c, .work = work, .n = n};
    crew.grain = n / (c->n_workers * 8u) + 1;
    if (crew.grain > 64) crew.grain = 64;
    atomic_init(&crew.next, 0);
    struct seat seats[NCR_LIMIT_THREADS];
    pthread_t threads[NCR_LIMIT_THREADS];
    uint32_t started = 0;
    uint32_t wanted = n < c->n_workers ? (uint32_t)n : c->n_workers;
    for (uint32_t k = 1; k < wanted; k++) {
        seats[k] = (struct seat){&crew, &c->workers[k]};
        // A thread that cannot be had is done without: the others take its share.
        if (pthread_create(&threads[started], NULL, sit, &seats[k]) != 0) break;
        started++;
    }
    seats[0] = (struct seat){&crew, &c->workers[0]};
    sit(&seats[0]);
    for (uint32_t k = 0; k < started; k++)
        pthread_join(threads[k], NULL);
}

// ---- golden runs ----
static const int8_t *input_at(const struct campaign *c, uint32_t i)
{
    const struct ncr_qgraph *g = c->executor->qgraph;
    return c->job->inputs + (size_t)i * (size_t)ncr_qnode_bytes(&g->nodes[g->inputs[0]]);
}

static void golden_work(struct campaign *c, struct worker *w, uint64_t i)
{
    uint32_t input = c->tile_first + (uint32_t)i;
    ncr_golden_run(w->runner, input_at(c, input), &c->golden[i]);
    c->tops[input] = c->golden[i].top;
}

static void load_tile(struct campaign *c, uint32_t first)
{
    uint32_t n = c->job->n_inputs - first;
    if (n > c->tile_room) n = c->tile_room;
    if (c->tile_n && c->tile_first == first) return;
    c->tile_first = first;
    c->tile_n = n;
    share_out(c, golden_work, n);
}

// ---- one injection ----
// Re-runs densely in the interpreter and compares. A difference is a bug of ours.
static void verify(struct campaign *c, struct worker *w, const struct ncr_record *r,
                   uint32_t n_flips, uint32_t input, const struct ncr_golden *golden,
                   const struct ncr_judged *judged)
{
    struct ncr_arena_mark mark = ncr_arena_mark(w->arena);
    struct ncr_judged dense;
    ncr_dense_run(w->arena, w->dense, input_at(c, input), w->flips, n_flips, w->values);
    ncr_dense_outputs(c->harness, w->values, w->outputs);
    ncr_judge(c->harness, golden, w->outputs, &dense);
    if (dense.outcome != judged->outcome || !ncr_hash_eq(dense.hash, judged->hash) ||
        dense.sdc5 != judged->sdc5 || dense.sdc10 != judged->sdc10 || dense.sdc20 != judged->sdc20)
        NCR_BUG("injection %llu on input %u: the %s gives %s and the interpreter, run densely, %s",
                (unsigned long long)r->index, input, c->executor->ops->name,
                ncr_outcome_name(judged->outcome), ncr_outcome_name(dense.outcome));
    ncr_arena_reset(w->arena, mark);
    w->verified++;
}

static void judge_on(struct campaign *c, struct worker *w, struct ncr_record *r, uint32_t n_flips,
                     uint32_t input)
{
    const struct ncr_golden *golden = &c->golden[input - c->tile_first];
    struct ncr_judged judged;
    ncr_runner_run(w->runner, golden, (uint64_t)input + 1, w->flips, n_flips, &judged);
    w->runs++;
    if (c->job->verify && r->index % c->job->verify == 0)
        verify(c, w, r, n_flips, input, golden, &judged);
    if (r->input != NCR_ALL_INPUTS || input == 0) {
        r->golden_top = golden->top;
        r->faulty_top = judged.top;
    }
    if (judged.outcome > r->outcome) r->outcome = (uint8_t)judged.outcome;
    r->n_benign += judged.outcome == NCR_BENIGN;
    r->n_sdc += judged.outcome == NCR_SDC;
    r->n_sdc5 += judged.sdc5;
    r->n_sdc10 += judged.sdc10;
    r->n_sdc20 += judged.sdc20;
    if (c->job->labels) {
        uint32_t label = c->job->labels[input];
        r->n_broken += golden->top == label && judged.top != label;
        r->n_mended += golden->top != label && judged.top == label;
    }
    r->output_hash = ncr_record_chain(r->output_hash, judged.hash);
}

// Fills the address and the values from the first flip.
static void describe(struct campaign *c, struct ncr_record *r, const struct ncr_flip *flips,
                     uint32_t n)
{
    r->n_flips = n;
    if (n == 0) return; // a rate may flip nothing
    const struct ncr_flip *f = &flips[0];
    const struct ncr_qnode *node = &c->executor->qgraph->nodes[f->node];
    r->node = f->node;
    r->step = f->node; // the order of the graph is the same for every executor
    r->site = (uint8_t)f->site;
    r->bit = (uint8_t)f->bit;
    r->element = f->element;
    uint32_t golden = r->input == NCR_ALL_INPUTS ? 0 : r->input - c->tile_first;
    switch (f->site) {
    case NCR_SITES_ACTIVATION:
        r->old_value =
            c->executor->ops->load(c->executor, c->golden[golden].tensors, f->node, f->element);
        break;
    case NCR_SITES_WEIGHT: r->old_value = node->weights[f->element]; break;
    case NCR_SITES_BIAS: r->old_value = node->bias[f->element]; break;
    case NCR_SITES_COUNT_: NCR_BUG("site class");
    }
    r->new_value = ncr_flip_apply(f, ncr_site_width(node, f->site), r->old_value);
}

static void item_work(struct campaign *c, struct worker *w, uint64_t i)
{
    const struct item *item = &c->items[c->first_item + i];
    struct ncr_record *r = &c->records[item->record];
    uint32_t n = ncr_design_flips(&c->design, &item->draw, w->flips);
    uint32_t first = r->input, end = first + 1;
    if (r->input == NCR_ALL_INPUTS) {
        first = c->tile_first;
        end = first + c->tile_n;
    }
    if (r->input != NCR_ALL_INPUTS || first == 0) describe(c, r, w->flips, n);
    ncr_runner_patch(w->runner, w->flips, n);
    for (uint32_t input = first; input < end; input++)
        judge_on(c, w, r, n, input);
    ncr_runner_restore(w->runner, w->flips, n);
}

// ---- chunks ----
static int by_input(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    // NCR_ALL_INPUTS + 1 wraps to 0: those come first.
    uint32_t p = x->draw.input + 1, q = y->draw.input + 1;
    if (p != q) return p < q ? -1 : 1;
    return x->record < y->record ? -1 : x->record > y->record;
}

// Injections first .. first+n-1 into c->records.
static bool run_chunk(struct campaign *c, uint64_t first, uint32_t n)
{
    uint32_t n_all = 0;
    for (uint32_t k = 0; k < n; k++) {
        struct ncr_draw draw = ncr_design_at(&c->design, first + k);
        c->items[k] = (struct item){draw, k};
        c->records[k] =
            (struct ncr_record){.index = first + k, .input = draw.input, .rate = draw.rate};
        n_all += draw.input == NCR_ALL_INPUTS;
    }
    qsort(c->items, n, sizeof *c->items, by_input);
    uint32_t next = n_all; // first item of the tiles to come
    for (uint32_t tile = 0; tile < c->job->n_inputs; tile += c->tile_room) {
        uint32_t from = next, end = tile + c->tile_room;
        while (next < n && c->items[next].draw.input < end)
            next++;
        if (!n_all && from == next) continue;
        load_tile(c, tile);
        c->first_item = 0;
        share_out(c, item_work, n_all);
        c->first_item = from;
        share_out(c, item_work, next - from);
    }
    for (uint32_t k = 0; k < c->n_workers; k++)
        if (c->workers[k].out_of_memory) return false;
    return true;
}

static void count(struct campaign *c, const struct ncr_record *r, const uint8_t *bytes)
{
    ncr_tally_add(c->tally, r);
    c->digest = ncr_hash_mix(c->digest, ncr_hash_bytes(bytes, NCR_RECORD_BYTES));
}

// ---- looks ----
// How far the truth may be from the estimate: intervals near 0 are not symmetric.
static double reach(struct ncr_estimate e)
{
    double below = e.p - e.lo, above = e.hi - e.p;
    return below > above ? below : above;
}

static bool within(struct ncr_shares s, double margin)
{
    return reach(s.faults) <= margin && reach(s.inferences) <= margin;
}

static bool narrow_enough(struct campaign *c, struct ncr_arena *scratch, double alpha)
{
    double t = ncr_normal_t(1 - alpha), margin = c->job->margin;
    if (c->design.spreads) {
        for (uint32_t r = 0; r < c->design.n_rates; r++)
            if (!within(ncr_cell_shares(&c->tally->cells[r], 0, t), margin)) return false;
        return true;
    }
    if (!c->job->per_layer) {
        struct ncr_arena_mark mark = ncr_arena_mark(scratch);
        struct ncr_shares s = ncr_tally_shares(scratch, c->tally, -1, false, false, t);
        ncr_arena_reset(scratch, mark);
        return within(s, margin);
    }
    for (uint32_t k = 0; k < c->design.sites->n_groups; k++) {
        struct ncr_cell cell = ncr_tally_group(c->tally, k);
        struct ncr_shares s = ncr_cell_shares(&cell, ncr_tally_population(c->tally, k, -1), t);
        if (!within(s, margin)) return false;
    }
    return true;
}

// Called when n records are counted: whether this is a look that ends the campaign.
static bool look(struct campaign *c, struct ncr_arena *scratch, struct ncr_campaign_result *result)
{
    const struct ncr_looks *looks = &c->design.looks;
    for (uint32_t k = 0; k < looks->n; k++) {
        if (looks->at[k] != c->tally->n) continue;
        result->alpha = looks->alpha[k];
        result->margin_reached = narrow_enough(c, scratch, looks->alpha[k]);
        return result->margin_reached;
    }
    return false;
}

// ---- file ----
static enum ncr_status open_file(struct campaign *c, struct ncr_arena *arena, struct ncr_str head,
                                 uint64_t *keep, struct ncr_campaign_result *result,
                                 struct ncr_error *err)
{
    const struct ncr_campaign_job *job = c->job;
    const struct ncr_io *io = job->io;
    *keep = 0;
    if (!job->records) return NCR_OK;
    if (io->file_exists(io->user, job->records)) {
        if (!job->resume)
            return ncr_fail(err, NCR_USAGE, "'%s' exists: ask to resume it, or name another file",
                            job->records);
        struct ncr_buf old = {0};
        struct ncr_records_found found = {0, 0};
        enum ncr_status status = io->read_file(io->user, job->records, SIZE_MAX / 2, &old, err);
        if (!status)
            status =
                ncr_records_scan(job->records, head, (const uint8_t *)old.s, old.n, &found, err);
        // Records beyond the plan stay: a campaign is never shortened.
        for (uint64_t i = 0; !status && i < found.n; i++) {
            struct ncr_record r;
            const uint8_t *at = (const uint8_t *)old.s + head.n + i * NCR_RECORD_BYTES;
            ncr_record_decode(at, c->fingerprint, &r);
            count(c, &r, at);
            if (job->sink) job->sink(job->sink_user, &r, 1);
            look(c, arena, result);
        }
        ncr_buf_free(&old);
        if (status) return status;
        *keep = found.keep;
        result->found = found.n;
    }
    if (*keep) return NCR_OK;
    *keep = head.n;
    return io->append_file(io->user, job->records, 0, head.s, head.n, err);
}

static enum ncr_status commit(struct campaign *c, uint32_t n, uint64_t *keep, struct ncr_error *err)
{
    const struct ncr_campaign_job *job = c->job;
    c->bytes.n = 0;
    for (uint32_t k = 0; k < n; k++) {
        uint8_t bytes[NCR_RECORD_BYTES];
        ncr_record_encode(&c->records[k], c->fingerprint, bytes);
        if (job->records) ncr_buf_put(&c->bytes, bytes, sizeof bytes);
        count(c, &c->records[k], bytes);
    }
    if (c->bytes.failed) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    if (job->records) {
        enum ncr_status status =
            job->io->append_file(job->io->user, job->records, *keep, c->bytes.s, c->bytes.n, err);
        if (status) return status;
        *keep += c->bytes.n;
    }
    if (job->sink) job->sink(job->sink_user, c->records, n);
    return NCR_OK;
}

// ---- the whole ----
static void set_up(struct campaign *c, struct ncr_arena *arena)
{
    const struct ncr_campaign_job *job = c->job;
    size_t one = ncr_golden_bytes(c->harness);
    size_t room = (job->golden_bytes ? job->golden_bytes : default_golden_bytes) / one;
    c->tile_room = room < 1 ? 1 : room > job->n_inputs ? job->n_inputs : (uint32_t)room;
    c->golden = NCR_NEW_N(arena, struct ncr_golden, c->tile_room);
    for (uint32_t i = 0; i < c->tile_room; i++)
        ncr_golden_alloc(arena, c->harness, &c->golden[i]);
    c->tops = NCR_NEW_N(arena, uint32_t, job->n_inputs);
    c->n_workers = job->threads < 1                   ? 1
                   : job->threads > NCR_LIMIT_THREADS ? NCR_LIMIT_THREADS
                                                      : job->threads;
    c->workers = NCR_NEW_N(arena, struct worker, c->n_workers);
    for (uint32_t k = 0; k < c->n_workers; k++) {
        struct worker *w = &c->workers[k];
        w->runner = ncr_runner_new(arena, c->harness);
        w->flips = NCR_NEW_N(arena, struct ncr_flip, c->design.most_flips);
        if (!job->verify) continue;
        w->dense = ncr_executor_copy(arena, c->executor->qgraph);
        w->values = NCR_NEW_N(arena, int8_t *, c->executor->qgraph->n_nodes);
        w->outputs = NCR_NEW_N(arena, int8_t, c->harness->output_bytes);
        w->arena = ncr_arena_new(0);
        w->out_of_memory = !w->arena;
    }
    size_t most = c->design.planned < LAST_CHUNK ? (size_t)c->design.planned : LAST_CHUNK;
    c->items = NCR_NEW_N(arena, struct item, most);
    c->records = NCR_NEW_N(arena, struct ncr_record, most);
}

static void report_progress(const struct campaign *c, double elapsed)
{
    const struct ncr_io *io = c->job->io;
    if (!io->progress) return;
    struct ncr_cell sum = ncr_tally_total(c->tally);
    char text[128];
    snprintf(text, sizeof text, "%llu masked  %llu benign  %llu SDC",
             (unsigned long long)sum.outcome[NCR_MASKED],
             (unsigned long long)sum.outcome[NCR_BENIGN], (unsigned long long)sum.outcome[NCR_SDC]);
    struct ncr_progress step = {"inject", c->tally->n, c->design.planned, elapsed, text};
    io->progress(io->user, &step);
}

static enum ncr_status run(struct campaign *c, struct ncr_arena *arena, uint64_t keep,
                           struct ncr_campaign_result *result, struct ncr_error *err)
{
    const struct ncr_io *io = c->job->io;
    const struct ncr_looks *looks = &c->design.looks;
    double start = io->now_s(io->user);
    // All golden decisions, for the accuracy; the last tile stays loaded.
    for (uint32_t tile = 0; tile < c->job->n_inputs; tile += c->tile_room)
        load_tile(c, tile);
    if (c->job->labels)
        for (uint32_t i = 0; i < c->job->n_inputs; i++)
            result->golden_correct += c->tops[i] == c->job->labels[i];
    uint32_t chunk = c->tile_room < c->job->n_inputs ? TILED_CHUNK : FIRST_CHUNK;
    double before = io->now_s(io->user), now = before;
    enum ncr_status status = NCR_OK;
    while (!result->margin_reached && c->tally->n < c->design.planned) {
        if (ncr_io_stop(io)) {
            status =
                ncr_fail(err, NCR_INTERRUPTED, "stopped after %llu of %llu injections",
                         (unsigned long long)c->tally->n, (unsigned long long)c->design.planned);
            break;
        }
        uint64_t first = c->tally->n, end = first + chunk;
        if (end > c->design.planned) end = c->design.planned;
        for (uint32_t k = 0; k < looks->n; k++) // a look is the end of a chunk
            if (looks->at[k] > first && looks->at[k] < end) end = looks->at[k];
        uint32_t n = (uint32_t)(end - first);
        if (!run_chunk(c, first, n)) status = ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
        if (!status) status = commit(c, n, &keep, err);
        if (status) break;
        look(c, arena, result);
        now = io->now_s(io->user);
        if (now - before < CHUNK_S / 2 && n == chunk && chunk < LAST_CHUNK) chunk *= 2;
        if (now - before > CHUNK_S * 2 && chunk > FIRST_CHUNK) chunk /= 2;
        before = now;
        report_progress(c, now - start);
    }
    result->wall_s = now - start;
    return status;
}

enum ncr_status ncr_campaign_run(struct ncr_arena *arena, struct ncr_diags *diags,
                                 const struct ncr_campaign_job *job,
                                 struct ncr_campaign_result *result, struct ncr_error *err)
{
    struct campaign *c = NCR_NEW(arena, struct campaign);
    *result = (struct ncr_campaign_result){.alpha = 1 - job->confidence};
    *c = (struct campaign){.job = job, .executor = job->executor};
    enum ncr_status status;
    jmp_buf oom;
    if (setjmp(oom)) {
        status = ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
        goto done;
    }
    ncr_arena_on_oom(arena, &oom);
    status = ncr_design_build(arena, diags, job, &c->design, err);
    if (status) goto done;
    c->harness = ncr_harness_new(arena, job->executor);
    set_up(c, arena);
    for (uint32_t k = 0; k < c->n_workers; k++)
        if (c->workers[k].out_of_memory) status = ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    if (status) goto done;
    uint32_t sweep = c->design.spreads ? c->design.n_rates : 0;
    c->tally = ncr_tally_new(arena, c->design.sites, c->harness, job->n_inputs, sweep);
    ncr_campaign_head(job, &c->head);
    if (c->head.failed) {
        status = ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
        goto done;
    }
    c->fingerprint = c->digest = ncr_hash_bytes(c->head.s, c->head.n);
    result->sites = c->design.sites;
    result->harness = c->harness;
    result->tally = c->tally;
    result->fault = c->design.fault;
    result->rates = c->design.rates;
    result->n_rates = c->design.rates ? c->design.n_rates : 0;
    result->population = c->design.population;
    result->planned = c->design.planned;
    uint64_t keep;
    status =
        open_file(c, arena, (struct ncr_str){c->head.s, (uint32_t)c->head.n}, &keep, result, err);
    if (!status) status = run(c, arena, keep, result, err);
    result->n = c->tally->n;
    result->fingerprint = c->fingerprint;
    result->digest = c->digest;
    for (uint32_t k = 0; k < c->n_workers; k++) {
        result->verified += c->workers[k].verified;
        result->runs += c->workers[k].runs;
        result->steps += c->workers[k].runner->steps_run;
    }
done:
    if (c->workers)
        for (uint32_t k = 0; k < c->n_workers; k++)
            ncr_arena_free(c->workers[k].arena);
    ncr_buf_free(&c->head);
    ncr_buf_free(&c->bytes);
    ncr_arena_on_oom(arena, NULL);
    return status;
}
