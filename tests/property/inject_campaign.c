// Laws of campaigns on a network small enough to try every fault: records do not depend on threads,
// chunks or crashes; samples agree with the census.
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>

#include "runtime/inject/replay.h"
#include "runtime/inject/report.h"
#include "tests/support/memory_io.h"
#include "tests/support/tiny_net.h"

enum { INPUTS = 7, ALL = NCR_SITE_ACTIVATION | NCR_SITE_WEIGHT | NCR_SITE_BIAS };

struct set_up {
    struct ncr_arena *arena;
    struct tiny_net net;
    struct ncr_fault_spec fault;
    struct ncr_diags diags;
    struct ncr_campaign_job job;
    struct ncr_campaign_result result;
    struct ncr_error err;
};

static void start(struct set_up *s, const struct memory_io *disk)
{
    *s = (struct set_up){.arena = ncr_arena_new(0)};
    tiny_net_make(s->arena, 1, 3, INPUTS, &s->net);
    ncr_diags_init(&s->diags, s->arena, ncr_sources_new(s->arena));
    s->fault = (struct ncr_fault_spec){.name = NCR_STR("f"),
                                       .model = NCR_FAULT_BITFLIP,
                                       .bits = 1,
                                       .bit_hi = NCR_FAULT_LAST_BIT,
                                       .sites = NCR_SITE_ACTIVATION | NCR_SITE_WEIGHT};
    s->job =
        (struct ncr_campaign_job){.executor = ncr_executor_interpreter(s->arena, s->net.qgraph),
                                  .fault = &s->fault,
                                  .inputs = s->net.inputs,
                                  .labels = s->net.labels,
                                  .n_inputs = INPUTS,
                                  .seed = 3,
                                  .injections = 700,
                                  .confidence = 0.95,
                                  .threads = 1,
                                  .version = NCR_STR("test"),
                                  .network = NCR_STR("n0"),
                                  .weights = NCR_STR("w0"),
                                  .data = NCR_STR("d0"),
                                  .records = "c.ncrc",
                                  .io = &disk->io};
}

static enum ncr_status run(struct set_up *s)
{
    return ncr_campaign_run(s->arena, &s->diags, &s->job, &s->result, &s->err);
}

static void finish(struct set_up *s)
{
    ncr_arena_free(s->arena);
}

static void same_bytes(const struct ncr_buf *a, const struct ncr_buf *b, const char *what)
{
    cr_assert_eq(a->n, b->n, "%s: %zu bytes, not %zu", what, b->n, a->n);
    cr_assert_eq(memcmp(a->s, b->s, a->n), 0, "%s: other bytes", what);
}

// The file of a campaign run in one go by one thread.
static void reference(struct memory_io *disk, void (*change)(struct set_up *))
{
    struct set_up s;
    memory_io_init(disk);
    start(&s, disk);
    if (change) change(&s);
    cr_assert_eq(run(&s), NCR_OK, "%s", s.err.text);
    finish(&s);
}

static void make_rate(struct set_up *s)
{
    static const double rates[] = {1e-4, 1e-3, 1e-2};
    s->fault.sites = ALL;
    s->job.rates = rates;
    s->job.n_rates = 3;
    s->job.injections = 60;
}

static void make_stuck(struct set_up *s)
{
    s->fault.model = NCR_FAULT_STUCK_AT;
    s->fault.stuck_value = 1;
    s->fault.sites = ALL;
    s->fault.persistence = NCR_PERMANENT;
    s->fault.has_persistence = true;
    s->job.injections = 250;
}

static void make_double(struct set_up *s)
{
    s->fault.bits = 5;
    s->job.injections = 300;
}

static void make_per_layer(struct set_up *s)
{
    s->job.per_layer = true;
    s->job.margin = 0.12;
    s->job.injections = 0;
}

static void (*const kinds[])(struct set_up *) = {NULL, make_rate, make_stuck, make_double,
                                                 make_per_layer};

Test(inject_campaign, bytes_do_not_depend_on_threads_memory_or_verification)
{
    for (size_t k = 0; k < NCR_COUNT(kinds); k++) {
        struct memory_io want, disk;
        reference(&want, kinds[k]);
        for (int way = 0; way < 4; way++) {
            struct set_up s;
            memory_io_init(&disk);
            start(&s, &disk);
            if (kinds[k]) kinds[k](&s);
            s.job.threads = way == 0 ? 2 : way == 1 ? 4 : way == 2 ? 1 : 3;
            if (way >= 2) s.job.golden_bytes = 1; // one input at a time
            if (way == 3) s.job.verify = 3;
            cr_assert_eq(run(&s), NCR_OK, "%s", s.err.text);
            if (way == 3) cr_assert_gt(s.result.verified, s.result.n / 4);
            same_bytes(memory_io_file(&want, "c.ncrc"), memory_io_file(&disk, "c.ncrc"), "way");
            finish(&s);
            memory_io_free(&disk);
        }
        memory_io_free(&want);
    }
}

// The file cut at every length, as a kill at any moment may leave it, then resumed.
Test(inject_campaign, resumes_from_every_length, .timeout = 120)
{
    struct memory_io want;
    reference(&want, NULL);
    const struct ncr_buf *whole = memory_io_file(&want, "c.ncrc");
    struct set_up s;
    struct memory_io disk;
    memory_io_init(&disk);
    start(&s, &disk);
    s.job.resume = true;
    for (size_t length = 0; length <= whole->n; length += length < 2000 ? 1 : 97) {
        struct ncr_arena_mark mark = ncr_arena_mark(s.arena);
        memory_io_free(&disk);
        disk.io.append_file(&disk, "c.ncrc", 0, whole->s, length, NULL);
        cr_assert_eq(run(&s), NCR_OK, "%s", s.err.text);
        same_bytes(whole, memory_io_file(&disk, "c.ncrc"), "resumed");
        ncr_arena_reset(s.arena, mark);
    }
    // A torn record in the middle of rubbish is cut off too.
    memory_io_free(&disk);
    disk.io.append_file(&disk, "c.ncrc", 0, whole->s, whole->n, NULL);
    memory_io_file(&disk, "c.ncrc")->s[whole->n - 300] ^= 4;
    cr_assert_eq(run(&s), NCR_OK);
    same_bytes(whole, memory_io_file(&disk, "c.ncrc"), "after rubbish");
    cr_assert_lt(s.result.found, s.result.n);
    finish(&s);
    memory_io_free(&disk);
    memory_io_free(&want);
}

// Writes that tear and disks that fail: the error is reported, what is there stays good.
Test(inject_campaign, survives_torn_writes)
{
    struct memory_io want;
    reference(&want, NULL);
    for (int at = 0; at < 6; at++) {
        for (size_t torn = 0; torn < 500; torn += 61) {
            struct memory_io disk;
            struct set_up s;
            memory_io_init(&disk);
            start(&s, &disk);
            s.job.resume = true;
            disk.appends_left = at;
            disk.torn_bytes = torn;
            enum ncr_status status = run(&s);
            if (status) {
                cr_assert_eq(status, NCR_ENVIRONMENT);
                cr_assert_str_eq(s.err.text, "cannot append to 'c.ncrc': the disk is gone");
            }
            disk.appends_left = -1;
            cr_assert_eq(run(&s), NCR_OK, "%s", s.err.text);
            same_bytes(memory_io_file(&want, "c.ncrc"), memory_io_file(&disk, "c.ncrc"),
                       "after a torn write");
            finish(&s);
            memory_io_free(&disk);
        }
    }
    memory_io_free(&want);
}

Test(inject_campaign, stops_and_goes_on)
{
    struct memory_io want, disk;
    reference(&want, NULL);
    struct set_up s;
    memory_io_init(&disk);
    start(&s, &disk);
    disk.stops_left = 1;
    cr_assert_eq(run(&s), NCR_INTERRUPTED);
    cr_assert(s.result.n > 0 && s.result.n < 700 && s.result.tally->n == s.result.n);
    uint64_t done = s.result.n;
    cr_assert_eq(run(&s), NCR_USAGE, "an existing file is not overwritten");
    cr_assert_str_eq(s.err.text, "'c.ncrc' exists: ask to resume it, or name another file");
    s.job.resume = true;
    disk.stops_left = -1;
    cr_assert_eq(run(&s), NCR_OK);
    cr_assert_eq(s.result.found, done);
    same_bytes(memory_io_file(&want, "c.ncrc"), memory_io_file(&disk, "c.ncrc"), "stopped");
    finish(&s);
    memory_io_free(&disk);
    memory_io_free(&want);
}

Test(inject_campaign, extends_without_repeats)
{
    struct memory_io want, disk;
    reference(&want, NULL);
    struct set_up s;
    memory_io_init(&disk);
    start(&s, &disk);
    s.job.injections = 123;
    cr_assert_eq(run(&s), NCR_OK);
    s.job.resume = true;
    s.job.injections = 700;
    cr_assert_eq(run(&s), NCR_OK);
    same_bytes(memory_io_file(&want, "c.ncrc"), memory_io_file(&disk, "c.ncrc"), "extended");
    // Fewer than there are: the file stays.
    s.job.injections = 5;
    cr_assert_eq(run(&s), NCR_OK);
    cr_assert_eq(s.result.n, 700);
    same_bytes(memory_io_file(&want, "c.ncrc"), memory_io_file(&disk, "c.ncrc"), "not shortened");
    finish(&s);
    memory_io_free(&disk);
    memory_io_free(&want);
}

Test(inject_campaign, refuses_another_fingerprint)
{
    struct memory_io disk;
    reference(&disk, NULL);
    struct set_up s;
    start(&s, &disk);
    s.job.resume = true;
    s.job.seed = 4;
    s.job.weights = NCR_STR("w1");
    cr_assert_eq(run(&s), NCR_USAGE);
    cr_assert_str_eq(s.err.text, "'c.ncrc' holds another campaign: weights is w0 there and w1 "
                                 "here; seed is 3 there and 4 here");
    s.job.seed = 3;
    s.job.weights = NCR_STR("w0");
    s.fault.bit_hi = 6;
    cr_assert_eq(run(&s), NCR_USAGE);
    cr_assert_str_eq(
        s.err.text,
        "'c.ncrc' holds another campaign: fault is bitflip(bits: 1) at activations, weights; "
        "bits 0..=31 there and bitflip(bits: 1) at activations, weights; bits 0..=6 here");
    memory_io_file(&disk, "c.ncrc")->s[0] = 'N';
    cr_assert_eq(run(&s), NCR_USAGE);
    cr_assert_str_eq(
        s.err.text, "'c.ncrc' is not a campaign file: it does not begin with \"nacre campaign 1\"");
    finish(&s);
    memory_io_free(&disk);
}

// ---- census and samples ----
struct seen {
    struct ncr_record *records;
    size_t n, room;
};

static void keep(void *user, const struct ncr_record *records, size_t n)
{
    struct seen *seen = user;
    for (size_t i = 0; i < n && seen->n < seen->room; i++)
        seen->records[seen->n++] = records[i];
}

// All faults by plain loops over points and inputs in the interpreter: the truth.
static void truth(struct set_up *s, struct ncr_arena *scratch,
                  uint64_t counts[NCR_SITES_COUNT_][NCR_OUTCOMES_])
{
    const struct ncr_qgraph *g = s->net.qgraph;
    const struct ncr_sites *sites = ncr_sites_build(scratch, &s->diags, g, &s->fault);
    struct ncr_qgraph *copy = ncr_executor_copy(scratch, g);
    int8_t **golden = NCR_NEW_N(scratch, int8_t *, INPUTS),
           **values = NCR_NEW_N(scratch, int8_t *, g->n_nodes);
    uint32_t out = g->outputs[0];
    for (int i = 0; i < INPUTS; i++) {
        const int8_t *in = s->net.inputs + i * 36;
        ncr_eval_int(scratch, g, &in, values);
        golden[i] = values[out];
    }
    memset(counts, 0, sizeof(uint64_t) * NCR_SITES_COUNT_ * NCR_OUTCOMES_);
    for (uint64_t p = 0; p < sites->n_points; p++) {
        struct ncr_flip flip = ncr_fault_at(sites, p);
        enum ncr_outcome worst = NCR_MASKED;
        for (int i = 0; i < INPUTS; i++) {
            struct ncr_arena_mark mark = ncr_arena_mark(scratch);
            ncr_dense_run(scratch, copy, s->net.inputs + i * 36, &flip, 1, values);
            enum ncr_outcome o = memcmp(values[out], golden[i], 4) == 0 ? NCR_MASKED
                                 : ncr_argmax(&copy->nodes[out], values[out], 4) ==
                                         ncr_argmax(&copy->nodes[out], golden[i], 4)
                                     ? NCR_BENIGN
                                     : NCR_SDC;
            if (flip.site == NCR_SITES_ACTIVATION) counts[flip.site][o]++;
            if (o > worst) worst = o;
            ncr_arena_reset(scratch, mark);
        }
        if (flip.site != NCR_SITES_ACTIVATION) counts[flip.site][worst]++;
    }
}

Test(inject_campaign, census_is_the_truth)
{
    struct set_up s;
    struct memory_io disk;
    memory_io_init(&disk);
    start(&s, &disk);
    uint64_t want[NCR_SITES_COUNT_][NCR_OUTCOMES_], got[NCR_SITES_COUNT_][NCR_OUTCOMES_] = {{0}};
    truth(&s, s.arena, want);
    struct seen seen = {.room = 40000};
    seen.records = NCR_NEW_N(s.arena, struct ncr_record, seen.room);
    s.job.sink = keep;
    s.job.sink_user = &seen;
    s.job.injections = UINT64_MAX;
    s.job.records = NULL;
    cr_assert_eq(run(&s), NCR_OK, "%s", s.err.text);
    uint64_t units = 8 * (36 + 108 + 27 + 27 + 4) * INPUTS + 8 * (27 + 108);
    cr_assert_eq(s.result.n, units);
    cr_assert_eq(s.result.population, units);
    cr_assert_eq(seen.n, units);
    uint8_t *hit = ncr_arena_alloc(s.arena, (size_t)INPUTS * 4000);
    for (size_t i = 0; i < seen.n; i++) {
        const struct ncr_record *r = &seen.records[i];
        cr_assert_eq(r->index, i);
        got[r->site][r->outcome]++;
        // No unit twice: (point, input) for activations.
        if (r->site != NCR_SITES_ACTIVATION) continue;
        uint64_t first = 0;
        for (uint32_t k = 0; k < s.result.sites->n_groups; k++)
            if (s.result.sites->groups[k].node == r->node &&
                s.result.sites->groups[k].site == NCR_SITES_ACTIVATION)
                first = s.result.sites->groups[k].first;
        uint8_t *h = &hit[(first + (uint64_t)r->element * 8 + r->bit) * INPUTS + r->input];
        cr_assert_not(*h, "record %zu repeats", i);
        *h = 1;
    }
    for (int c = 0; c < NCR_SITES_COUNT_; c++)
        for (int o = 0; o < NCR_OUTCOMES_; o++)
            cr_assert_eq(got[c][o], want[c][o], "site %d outcome %d: %lu, not %lu", c, o, got[c][o],
                         want[c][o]);
    // A census has no error left, and its share is the truth: bits count alike, activations
    // averaged over inputs.
    struct ncr_shares shares = ncr_tally_shares(s.arena, s.result.tally, -1, false, false, 1.96);
    double act = (double)want[0][NCR_SDC] / (8.0 * 202 * INPUTS),
           weight = (double)want[1][NCR_SDC] / (8.0 * 135);
    double all = (act * 202 + weight * 135) / 337;
    cr_assert_float_eq(shares.faults.p, all, 1e-12);
    cr_assert_float_eq(shares.faults.hi - shares.faults.lo, 0, 1e-9);
    finish(&s);
    memory_io_free(&disk);
}

// 300 campaigns with different seeds: the interval holds the truth in about 95 of 100.
Test(inject_campaign, intervals_cover_the_truth, .timeout = 120)
{
    struct set_up s;
    struct memory_io disk;
    memory_io_init(&disk);
    start(&s, &disk);
    s.job.records = NULL;
    uint64_t want[NCR_SITES_COUNT_][NCR_OUTCOMES_];
    truth(&s, s.arena, want);
    double act = (double)want[0][NCR_SDC] / (8.0 * 202 * INPUTS),
           weight = (double)want[1][NCR_SDC] / (8.0 * 135);
    double all = (act * 202 + weight * 135) / 337;
    int covered = 0, trials = 300;
    for (int trial = 0; trial < trials; trial++) {
        struct ncr_arena_mark mark = ncr_arena_mark(s.arena);
        s.job.seed = 1000 + (uint64_t)trial;
        s.job.injections = 400;
        cr_assert_eq(run(&s), NCR_OK);
        struct ncr_shares shares =
            ncr_tally_shares(s.arena, s.result.tally, -1, false, false, ncr_normal_t(0.95));
        covered += shares.faults.lo <= all && all <= shares.faults.hi;
        ncr_arena_reset(s.arena, mark);
    }
    cr_assert(covered >= 276, "truth %f is inside %d of %d intervals", all, covered,
              trials); // 285 - 2.4 sd
    finish(&s);
    memory_io_free(&disk);
}

// The share of inferences of weight faults, judged on all inputs: again against the truth, over
// many seeds.
Test(inject_campaign, two_stage_intervals_cover_the_truth, .timeout = 120)
{
    struct set_up s;
    struct memory_io disk;
    memory_io_init(&disk);
    start(&s, &disk);
    s.fault.sites = NCR_SITE_WEIGHT;
    s.job.records = NULL;
    s.job.injections = UINT64_MAX;
    cr_assert_eq(run(&s), NCR_OK);
    struct ncr_cell census = ncr_tally_total(s.result.tally);
    double share = (double)census.run_sdc / (double)census.runs;
    cr_assert_eq(census.runs, census.n * INPUTS);
    int covered = 0, trials = 300;
    for (int trial = 0; trial < trials; trial++) {
        struct ncr_arena_mark mark = ncr_arena_mark(s.arena);
        s.job.seed = 5000 + (uint64_t)trial;
        s.job.injections = 150;
        cr_assert_eq(run(&s), NCR_OK);
        struct ncr_shares shares =
            ncr_tally_shares(s.arena, s.result.tally, -1, false, false, ncr_normal_t(0.95));
        covered += shares.inferences.lo <= share && share <= shares.inferences.hi;
        ncr_arena_reset(s.arena, mark);
    }
    cr_assert(covered >= 273, "share %f is inside %d of %d intervals", share, covered, trials);
    finish(&s);
    memory_io_free(&disk);
}

Test(inject_campaign, stops_at_the_margin)
{
    struct set_up s;
    struct memory_io disk;
    memory_io_init(&disk);
    start(&s, &disk);
    s.fault.sites = NCR_SITE_ACTIVATION;
    s.fault.bit_hi = 4; // low bits change few decisions
    s.job.injections = 0;
    s.job.margin = 0.02;
    cr_assert_eq(run(&s), NCR_OK);
    double t = ncr_normal_t(1 - s.result.alpha);
    struct ncr_shares shares = ncr_tally_shares(s.arena, s.result.tally, -1, false, false, t);
    cr_assert_leq(shares.faults.hi - shares.faults.p, 0.02);
    cr_assert(s.result.margin_reached);
    cr_assert_lt(s.result.n, s.result.planned, "this network's share of SDC is far from a half");
    uint64_t n = s.result.n;
    // Asked again it is content with what the file holds.
    s.job.resume = true;
    cr_assert_eq(run(&s), NCR_OK);
    cr_assert(s.result.n == n && s.result.found == n && s.result.runs == 0);
    finish(&s);
    memory_io_free(&disk);
}

Test(inject_campaign, counts_add_up)
{
    for (size_t k = 0; k < NCR_COUNT(kinds); k++) {
        struct set_up s;
        struct memory_io disk;
        memory_io_init(&disk);
        start(&s, &disk);
        if (kinds[k]) kinds[k](&s);
        cr_assert_eq(run(&s), NCR_OK, "%s", s.err.text);
        struct ncr_cell c = ncr_tally_total(s.result.tally);
        cr_assert_eq(c.n, s.result.n);
        cr_assert_eq(c.outcome[0] + c.outcome[1] + c.outcome[2] + c.outcome[3], c.n);
        cr_assert_leq(c.run_sdc + c.run_benign, c.runs);
        cr_assert_leq(c.run_sdc5, c.run_sdc);
        cr_assert(c.run_sdc20 <= c.run_sdc10 && c.run_sdc10 <= c.run_sdc + c.run_benign);
        cr_assert_leq(c.broken + c.mended, c.run_sdc);
        cr_assert_eq(c.runs, s.result.runs);
        cr_assert(s.result.golden_correct > INPUTS / 2 && s.result.golden_correct < INPUTS);
        finish(&s);
        memory_io_free(&disk);
    }
}

// A rate that flips nothing changes nothing, a rate of 1/2 wrecks everything.
Test(inject_campaign, ends_of_the_rates)
{
    static const double rates[] = {0, 0.5};
    struct set_up s;
    struct memory_io disk;
    memory_io_init(&disk);
    start(&s, &disk);
    s.job.rates = rates;
    s.job.n_rates = 2;
    s.job.injections = 40;
    cr_assert_eq(run(&s), NCR_OK, "%s", s.err.text);
    cr_assert_eq(s.result.n, 80);
    cr_assert_eq(s.result.tally->cells[0].outcome[NCR_MASKED], 40);
    cr_assert_eq(s.result.tally->cells[0].flips, 0);
    cr_assert_gt(s.result.tally->cells[1].outcome[NCR_SDC], 15);
    double mean = (double)s.result.tally->cells[1].flips / 40, want = 0.5 * 8 * 337;
    cr_assert_float_eq(mean, want, 4 * sqrt(want / 2 / 40));
    finish(&s);
    memory_io_free(&disk);
}

// Every record of every kind, replayed in the interpreter, says the same; and what it shows hangs
// together.
Test(inject_campaign, replay_agrees_with_the_records, .timeout = 120)
{
    for (size_t k = 0; k < NCR_COUNT(kinds); k++) {
        struct set_up s;
        struct memory_io disk;
        memory_io_init(&disk);
        start(&s, &disk);
        if (kinds[k]) kinds[k](&s);
        if (k != 2 && s.job.injections) s.job.injections = 120;
        cr_assert_eq(run(&s), NCR_OK, "%s", s.err.text);
        struct ncr_buf head = {0};
        ncr_campaign_head(&s.job, &head);
        uint32_t died = 0;
        for (uint64_t i = 0; i < s.result.n; i++) {
            struct ncr_arena_mark mark = ncr_arena_mark(s.arena);
            struct ncr_record record;
            struct ncr_replay replay;
            cr_assert_eq(ncr_records_read(&disk.io, "c.ncrc",
                                          (struct ncr_str){head.s, (uint32_t)head.n}, i, &record,
                                          &s.err),
                         NCR_OK, "%s", s.err.text);
            cr_assert_eq(
                ncr_replay_run(s.arena, &s.diags, &s.job, i, NCR_ALL_INPUTS, &replay, &s.err),
                NCR_OK);
            cr_assert(ncr_replay_agrees(&replay.record, &record, &s.err), "kind %zu record %lu: %s",
                      k, i, s.err.text);
            const struct ncr_replay_layer *last = &replay.layers[replay.n_layers - 1];
            cr_assert_eq(last->differ == 0, replay.judged.outcome == NCR_MASKED);
            for (uint32_t l = 0; l < replay.n_layers; l++) {
                const struct ncr_replay_layer *layer = &replay.layers[l];
                cr_assert(layer->fed || layer->struck || layer->differ == 0,
                          "a difference out of nothing");
                died += layer->fed && !layer->differ;
            }
            ncr_arena_reset(s.arena, mark);
        }
        cr_assert_gt(died, 0, "differences die on the way");
        struct ncr_record none;
        cr_assert_eq(ncr_records_read(&disk.io, "c.ncrc",
                                      (struct ncr_str){head.s, (uint32_t)head.n}, s.result.n, &none,
                                      &s.err),
                     NCR_USAGE);
        ncr_buf_free(&head);
        finish(&s);
        memory_io_free(&disk);
    }
}

Test(inject_campaign, replay_refuses_what_is_not_there)
{
    struct set_up s;
    struct memory_io disk;
    memory_io_init(&disk);
    start(&s, &disk);
    struct ncr_replay replay;
    cr_assert_eq(
        ncr_replay_run(s.arena, &s.diags, &s.job, UINT64_MAX, NCR_ALL_INPUTS, &replay, &s.err),
        NCR_USAGE);
    cr_assert_str_eq(s.err.text,
                     "there is no injection 18446744073709551615: the population ends at 12391");
    s.fault.sites = NCR_SITE_WEIGHT;
    cr_assert_eq(ncr_replay_run(s.arena, &s.diags, &s.job, 0, 99, &replay, &s.err), NCR_USAGE);
    cr_assert_str_eq(s.err.text, "there is no input 99: the campaign has 7");
    finish(&s);
    memory_io_free(&disk);
}

Test(inject_campaign, refuses_bad_jobs)
{
    struct set_up s;
    struct memory_io disk;
    memory_io_init(&disk);
    start(&s, &disk);
    s.job.injections = 0;
    cr_assert_eq(run(&s), NCR_USAGE);
    cr_assert_str_eq(s.err.text, "a campaign needs a number of injections or a margin");
    s.job.per_layer = true;
    s.job.margin = 0.1;
    s.fault.bits = 3;
    cr_assert_eq(run(&s), NCR_USAGE);
    cr_assert_str_eq(s.err.text,
                     "faults that strike many layers at once cannot be sampled per layer");
    finish(&s);
    start(&s, &disk);
    s.job.n_inputs = 0;
    cr_assert_eq(run(&s), NCR_USAGE);
    cr_assert_str_eq(s.err.text, "a campaign needs at least one input");
    finish(&s);
}

// The report's figures are those of the records.
Test(inject_campaign, reports)
{
    struct set_up s;
    struct memory_io disk;
    memory_io_init(&disk);
    start(&s, &disk);
    cr_assert_eq(run(&s), NCR_OK);
    s.result.wall_s = 0; // the only figure that no seed fixes
    struct ncr_inject_view view = {&s.job,          &s.result,          NCR_STR("c"), NCR_STR("f"),
                                   NCR_STR("int8"), NCR_STR("d[0..7]"), 100};
    struct ncr_buf text = {0}, json = {0}, csv = {0};
    ncr_inject_text(&view, &text);
    ncr_inject_json(&view, &json);
    struct ncr_cell sum = ncr_tally_total(s.result.tally);
    char line[200];
    snprintf(line, sizeof line, "check: 700 injected = %lu masked + %lu benign + %lu SDC + 0 DUE",
             sum.outcome[0], sum.outcome[1], sum.outcome[2]);
    cr_assert_not_null(strstr(text.s, line), "%s", text.s);
    cr_assert_not_null(strstr(text.s, "700 injections of 12,392; seed 3"), "%s", text.s);
    for (const char *at = text.s, *end; (end = strchr(at, '\n')); at = end + 1)
        cr_assert_leq(end - at, 125, "%.*s", (int)(end - at), at);
    snprintf(line, sizeof line, "\"masked\": %lu", sum.outcome[0]);
    cr_assert_not_null(strstr(json.s, line));
    cr_assert_not_null(strstr(json.s, "\"schema\": \"nacre.inject/1\""));
    cr_assert_not_null(strstr(json.s, "\"check\": true"));
    struct ncr_record record = {.index = 7,
                                .node = 1,
                                .site = NCR_SITES_WEIGHT,
                                .element = 25,
                                .bit = 6,
                                .step = 1,
                                .old_value = 3,
                                .new_value = 67,
                                .n_flips = 1,
                                .input = NCR_ALL_INPUTS,
                                .outcome = NCR_SDC,
                                .n_benign = 2,
                                .n_sdc = 3,
                                .output_hash = 0xabc};
    ncr_inject_csv(s.net.qgraph, &record, 1, &csv);
    cr_assert_str_eq(
        csv.s,
        "7,tiny/conv,weight,2:0:2:1,25,6,1,3,67,1,0,all,SDC,2,3,0,0,0,0,0,0,0,0000000000000abc\n");
    ncr_buf_free(&text);
    ncr_buf_free(&json);
    ncr_buf_free(&csv);
    finish(&s);
    memory_io_free(&disk);
}

// Machine code writes the very file that the interpreter writes.
Test(inject_campaign, machine_code_writes_the_same_file, .timeout = 120)
{
    for (size_t k = 0; k < NCR_COUNT(kinds); k++) {
        struct memory_io want, disk;
        reference(&want, kinds[k]);
        struct set_up s;
        memory_io_init(&disk);
        start(&s, &disk);
        if (kinds[k]) kinds[k](&s);
        const struct ncr_plan *plan = ncr_plan_build(s.arena, s.net.qgraph, NCR_PLAN_SEPARATE);
        struct ncr_code_options options = {0};
        struct ncr_code *code;
        cr_assert_eq(ncr_code_jit(plan, &options, &code, &s.err), NCR_OK, "%s", s.err.text);
        s.job.executor = ncr_executor_jit(s.arena, plan, code);
        s.job.verify = 5;
        s.job.threads = 2;
        cr_assert_eq(run(&s), NCR_OK, "%s", s.err.text);
        same_bytes(memory_io_file(&want, "c.ncrc"), memory_io_file(&disk, "c.ncrc"),
                   "machine code");
        ncr_code_free(code);
        finish(&s);
        memory_io_free(&disk);
        memory_io_free(&want);
    }
}

// An executor that stores faults wrongly is found out by verification, and that is a bug of ours.
static const struct ncr_executor_ops *good_ops;

static void store_wrong(const struct ncr_executor *executor, uint8_t *tensors, uint32_t q,
                        int64_t index, int32_t value)
{
    good_ops->store(executor, tensors, q, index, (int8_t)(value ^ 0x40));
}

Test(inject_campaign, verification_catches_a_wrong_executor, .signal = SIGABRT)
{
    struct set_up s;
    struct memory_io disk;
    memory_io_init(&disk);
    start(&s, &disk);
    struct ncr_executor wrong = *s.job.executor;
    struct ncr_executor_ops ops = *wrong.ops;
    good_ops = wrong.ops;
    ops.store = store_wrong;
    wrong.ops = &ops;
    s.job.executor = &wrong;
    s.job.verify = 1;
    run(&s);
}

// The confidence against libm: softmax of the dequantised scores.
Test(inject_campaign, confidence)
{
    struct set_up s;
    struct memory_io disk;
    memory_io_init(&disk);
    start(&s, &disk);
    const struct ncr_harness *h = ncr_harness_new(s.arena, s.job.executor);
    const struct ncr_qnode *out = &s.net.qgraph->nodes[s.net.qgraph->outputs[0]];
    struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_TEST, 1);
    for (int k = 0; k < 1000; k++) {
        int8_t q[4];
        double sum = 0;
        for (int c = 0; c < 4; c++)
            q[c] = (int8_t)(ncr_rng_below(&rng, 256) - 128);
        uint32_t top = ncr_argmax(out, q, 4);
        for (int c = 0; c < 4; c++)
            sum += exp(out->scale * (q[c] - out->zero_point));
        double want = exp(out->scale * (q[top] - out->zero_point)) / sum;
        cr_assert_float_eq(ncr_confidence(h, q, top), want, 1e-12);
    }
    finish(&s);
}
