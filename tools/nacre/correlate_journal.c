// Rows of a correlation as a CSV file that grows by one line a network, and back.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/nacre/correlate.h"

static const char *const predictors[] = {
#define CLI_PREDICTOR(NAME, name, value) name,
#include "tools/nacre/correlate.def"
};
static const char *const measureds[] = {
#define CLI_MEASURED(NAME, name, meaning) name,
#include "tools/nacre/correlate.def"
};
static const char *const withins[] = {
#define CLI_WITHIN(NAME, name, SITE, value) name,
#include "tools/nacre/correlate.def"
};

const char *correlate_predictor_name(int predictor)
{
    return predictors[predictor];
}

const char *correlate_measured_name(int measured)
{
    return measureds[measured];
}

const char *correlate_within_name(int within)
{
    return withins[within];
}

// What decides the rows, so that rows of another run are not mixed in; and the names.
static void put_head(const struct correlate_job *job, struct ncr_buf *out)
{
    char hash[33];
    struct ncr_hash of = {0};
    const struct ncr_sources *sources = job->work->program.sources;
    for (uint32_t f = 1; f <= ncr_sources_count(sources); f++) {
        struct ncr_str text = ncr_sources_text(sources, f);
        of = ncr_hash_mix(of, ncr_hash_bytes(text.s, text.n));
    }
    ncr_hash_text(of, hash);
    ncr_buf_fmt(out,
                "# nacre %s correlate, text %s, seed %llu, epochs %u, inputs %llu, trials %llu, ",
                NACRE_VERSION, hash, (unsigned long long)job->seed, job->train.epochs,
                (unsigned long long)job->inputs, (unsigned long long)job->trials);
    ncr_buf_puts(out, "margin ");
    ncr_buf_f64(out, job->margin);
    // The text may declare several of each; an empty name is the quantisation of a text without.
    const struct ncr_pipeline *p = &job->work->pipeline;
    ncr_buf_fmt(out, ", trainer %s, net %.*s, train %.*s, quant %.*s\narch_id", job->trainer->name,
                NCR_STR_ARG(p->net->name), NCR_STR_ARG(job->train.name),
                NCR_STR_ARG(p->quant.name));
    for (int i = 0; i < PREDICTOR_COUNT_; i++)
        ncr_buf_fmt(out, ",%s", predictors[i]);
    for (int i = 0; i < MEASURED_COUNT_; i++)
        ncr_buf_fmt(out, ",%s", measureds[i]);
    ncr_buf_puts(out, ",accuracy_float");
    for (uint32_t i = 0; i < job->n_rates; i++) {
        ncr_buf_puts(out, ",ccr@");
        ncr_buf_f64(out, job->rates[i]);
    }
    for (int i = 0; i < WITHIN_COUNT_; i++)
        ncr_buf_fmt(out, ",pearson within: %s,spearman within: %s", withins[i], withins[i]);
    ncr_buf_putc(out, '\n');
}

static void put_number(struct ncr_buf *out, double v)
{
    ncr_buf_putc(out, ',');
    if (!isnan(v)) ncr_buf_f64(out, v);
}

static void put_row(const struct correlate_job *job, const struct correlate_row *row,
                    struct ncr_buf *out)
{
    ncr_buf_puts(out, row->arch_id);
    for (int i = 0; i < PREDICTOR_COUNT_; i++)
        put_number(out, row->predicted[i]);
    for (int i = 0; i < MEASURED_COUNT_; i++)
        put_number(out, row->measured[i]);
    put_number(out, row->accuracy);
    for (uint32_t i = 0; i < job->n_rates; i++)
        put_number(out, row->ccr[i]);
    for (int i = 0; i < WITHIN_COUNT_; i++) {
        put_number(out, row->pearson[i]);
        put_number(out, row->spearman[i]);
    }
    ncr_buf_putc(out, '\n');
}

// One field at *at, moved behind it; empty is nan. False where it is no number.
static bool take(const char **at, double *out)
{
    if (**at != ',') return false;
    ++*at;
    *out = (double)NAN;
    if (**at == ',' || **at == '\n') return true;
    char *end;
    errno = 0;
    *out = strtod(*at, &end);
    bool good = end != *at && (*end == ',' || *end == '\n');
    *at = end;
    return good;
}

static bool take_row(const struct correlate_job *job, const char **at, struct correlate_row *row)
{
    size_t n = strcspn(*at, ",\n");
    if (n != 32) return false;
    memcpy(row->arch_id, *at, n);
    row->arch_id[n] = 0;
    *at += n;
    bool good = true;
    for (int i = 0; i < PREDICTOR_COUNT_ && good; i++)
        good = take(at, &row->predicted[i]);
    for (int i = 0; i < MEASURED_COUNT_ && good; i++)
        good = take(at, &row->measured[i]);
    good = good && take(at, &row->accuracy);
    for (uint32_t i = 0; i < job->n_rates && good; i++)
        good = take(at, &row->ccr[i]);
    for (int i = 0; i < WITHIN_COUNT_ && good; i++)
        good = take(at, &row->pearson[i]) && take(at, &row->spearman[i]);
    if (!good || **at != '\n') return false;
    ++*at;
    return true;
}

enum ncr_status correlate_read(struct correlate_job *job, const char *path, struct ncr_error *err)
{
    const struct ncr_io *io = &job->cli->io;
    struct ncr_buf text = {0}, head = {0};
    enum ncr_status status = io->read_file(io->user, path, NCR_LIMIT_FILE_BYTES, &text, err);
    if (status != NCR_OK) {
        ncr_buf_free(&text);
        return status;
    }
    ncr_buf_putc(&text, 0);
    put_head(job, &head);
    const char *at = text.s;
    bool same = text.n > head.n && memcmp(text.s, head.s, head.n) == 0;
    at += head.n;
    // A line that was cut off by a crash is measured again.
    while (same && *at && job->n_rows < job->samples && take_row(job, &at, &job->rows[job->n_rows]))
        job->n_rows++;
    job->resumed = job->n_rows;
    ncr_buf_free(&text);
    ncr_buf_free(&head);
    if (!same)
        return ncr_fail(err, NCR_USAGE,
                        "'%s' is of another run: other options, another program or version", path);
    return NCR_OK;
}

enum ncr_status correlate_append(struct correlate_job *job, const char *path, struct ncr_error *err)
{
    const struct ncr_io *io = &job->cli->io;
    struct ncr_buf text = {0};
    put_head(job, &text);
    for (uint32_t i = 0; i + 1 < job->n_rows; i++)
        put_row(job, &job->rows[i], &text);
    uint64_t keep = job->n_rows ? text.n : 0;
    if (job->n_rows) put_row(job, &job->rows[job->n_rows - 1], &text);
    // The first line brings the head with it.
    if (job->n_rows <= 1) keep = 0;
    enum ncr_status status =
        io->append_file(io->user, path, keep, text.s + keep, text.n - (size_t)keep, err);
    ncr_buf_free(&text);
    return status;
}
