// Rows to coefficients, as text, JSON and a plot.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/analysis/text_table.h"
#include "lang/base/json.h"
#include "tools/nacre/correlate.h"

enum { RESAMPLES = 2000 };
static const double confidence = 0.95;

bool correlate_counts(const struct correlate_job *job, const struct correlate_row *row)
{
    return row->accuracy >= job->least_accuracy;
}

struct pairs {
    double *x, *y;
    uint32_t n;
};

// Networks for which both are known. A smaller critical rate is worse, where a larger share is: it
// enters as -log10, so that a good predictor has a positive coefficient everywhere.
static struct pairs pairs_of(const struct correlate_job *job, int predictor, int measured)
{
    struct ncr_arena *arena = job->work->program.arena;
    struct pairs p = {NCR_NEW_N(arena, double, job->n_rows), NCR_NEW_N(arena, double, job->n_rows),
                      0};
    for (uint32_t i = 0; i < job->n_rows; i++) {
        double x = job->rows[i].predicted[predictor], y = job->rows[i].measured[measured];
        if (measured == MEASURED_CRITICAL) y = -log10(y);
        if (isnan(x) || isnan(y) || !correlate_counts(job, &job->rows[i])) continue;
        p.x[p.n] = x;
        p.y[p.n++] = y;
    }
    return p;
}

static struct ncr_correlation between(const struct correlate_job *job,
                                      enum ncr_correlation_kind kind, int predictor, int measured)
{
    struct ncr_arena *arena = job->work->program.arena;
    struct ncr_arena_mark mark = ncr_arena_mark(arena);
    struct pairs p = pairs_of(job, predictor, measured);
    struct ncr_correlation c = {(double)NAN, (double)NAN, (double)NAN};
    if (p.n >= 3)
        c = ncr_correlate_bootstrap(arena, kind, p.x, p.y, p.n, RESAMPLES, confidence, job->seed);
    ncr_arena_reset(arena, mark);
    return c;
}

// -- within networks ----------------------------------------------------------------------------

struct spread {
    double mean, low, high, least, most;
    uint32_t n;
};

// Mean over the networks of a coefficient over their layers, with the bootstrap interval of that
// mean.
static struct spread within_of(const struct correlate_job *job, enum ncr_correlation_kind kind,
                               int within)
{
    struct ncr_arena *arena = job->work->program.arena;
    struct ncr_arena_mark mark = ncr_arena_mark(arena);
    double *v = NCR_NEW_N(arena, double, job->n_rows), *means = NCR_NEW_N(arena, double, RESAMPLES);
    struct spread s = {.least = 1, .most = -1};
    for (uint32_t i = 0; i < job->n_rows; i++) {
        double r =
            kind == NCR_PEARSON ? job->rows[i].pearson[within] : job->rows[i].spearman[within];
        if (isnan(r) || !correlate_counts(job, &job->rows[i])) continue;
        v[s.n++] = r;
        s.mean += r;
        if (r < s.least) s.least = r;
        if (r > s.most) s.most = r;
    }
    if (s.n) {
        s.mean /= s.n;
        ncr_bootstrap_means(v, s.n, RESAMPLES, job->seed, means);
        s.low = ncr_quantile(means, RESAMPLES, (1 - confidence) / 2);
        s.high = ncr_quantile(means, RESAMPLES, (1 + confidence) / 2);
    }
    ncr_arena_reset(arena, mark);
    return s;
}

// -- text ---------------------------------------------------------------------------------------

static void put_range(const struct correlate_job *job, const char *name, const char *unit,
                      const double *first, size_t stride, struct ncr_buf *out)
{
    double low = (double)INFINITY, high = (double)-INFINITY;
    uint32_t n = 0;
    for (uint32_t i = 0; i < job->n_rows; i++) {
        double v = *(const double *)(const void *)((const char *)first + i * stride);
        if (isnan(v) ||
            (job->rows[i].accuracy < job->least_accuracy && first != &job->rows[0].accuracy))
            continue;
        n++;
        if (v < low) low = v;
        if (v > high) high = v;
    }
    if (n)
        ncr_buf_fmt(out, "  %-16s %10.4g to %10.4g%s, %u networks\n", name, low, high, unit, n);
    else
        ncr_buf_fmt(out, "  %-16s not known for any network\n", name);
}

void correlate_text(const struct correlate_job *job, struct ncr_buf *out)
{
    ncr_buf_fmt(
        out,
        "%u networks of `%.*s`, each trained for %u epoch%s by `%.*s`, quantised and struck\n"
        "measured\n",
        job->n_rows, NCR_STR_ARG(job->work->pipeline.net->name), job->train.epochs,
        job->train.epochs == 1 ? "" : "s", NCR_STR_ARG(job->train.name));
    uint32_t counted = 0;
    for (uint32_t i = 0; i < job->n_rows; i++)
        counted += correlate_counts(job, &job->rows[i]);
    put_range(job, "accuracy, float", "", &job->rows[0].accuracy, sizeof *job->rows, out);
    if (counted < job->n_rows)
        ncr_buf_fmt(out,
                    "what follows is over the %u networks with an accuracy of at least %.4g %%\n",
                    counted, 100 * job->least_accuracy);
    for (int m = 0; m < MEASURED_COUNT_; m++)
        put_range(job, correlate_measured_name(m), "", &job->rows[0].measured[m], sizeof *job->rows,
                  out);
    for (int kind = 0; kind < 2; kind++) {
        ncr_buf_fmt(out, "\n%s, prediction against measurement [95 %% bootstrap interval]\n%-25s",
                    kind == NCR_PEARSON ? "Pearson" : "Spearman", "predictor");
        for (int m = 0; m <= MEASURED_CRITICAL; m++)
            ncr_buf_fmt(out, " %-20s", correlate_measured_name(m));
        while (out->s[out->n - 1] == ' ')
            out->n--;
        ncr_buf_putc(out, '\n');
        for (int p = 0; p < PREDICTOR_COUNT_; p++) {
            ncr_buf_fmt(out, "%-25s", correlate_predictor_name(p));
            for (int m = 0; m <= MEASURED_CRITICAL; m++) {
                struct ncr_correlation c = between(job, (enum ncr_correlation_kind)kind, p, m);
                if (isnan(c.r))
                    ncr_buf_fmt(out, " %-20s", "does not vary");
                else
                    ncr_buf_fmt(out, " %+.2f [%+.2f, %+.2f]", c.r, c.low, c.high);
            }
            while (out->s[out->n - 1] == ' ')
                out->n--;
            ncr_buf_putc(out, '\n');
        }
    }
    ncr_buf_puts(out, "\nwithin a network, over its layers: mean coefficient over the networks "
                      "[95 % interval], least to most\n");
    for (int w = 0; w < WITHIN_COUNT_; w++)
        for (int kind = 0; kind < 2; kind++) {
            struct spread s = within_of(job, (enum ncr_correlation_kind)kind, w);
            ncr_buf_fmt(out, "%-32s %-9s", kind ? "" : correlate_within_name(w),
                        kind ? "Spearman" : "Pearson");
            if (s.n)
                ncr_buf_fmt(out, "%+.2f [%+.2f, %+.2f], %+.2f to %+.2f, %u networks\n", s.mean,
                            s.low, s.high, s.least, s.most, s.n);
            else
                ncr_buf_puts(out, "does not vary\n");
        }
    ncr_buf_puts(out, "\ncritical_ber enters as -log10: a positive coefficient always means that a "
                      "larger prediction goes\nwith less resilience.\n");
}

// -- JSON ---------------------------------------------------------------------------------------

static void put_correlation(struct ncr_json *j, const char *key, struct ncr_correlation c)
{
    ncr_json_key(j, key);
    ncr_json_object(j);
    ncr_json_key_f64(j, "r", c.r);
    ncr_json_key_f64(j, "low", c.low);
    ncr_json_key_f64(j, "high", c.high);
    ncr_json_end(j);
}

void correlate_json(const struct correlate_job *job, struct ncr_buf *out)
{
    struct ncr_json j;
    ncr_json_init(&j, out);
    ncr_json_object(&j);
    ncr_json_key_str(&j, "schema", NCR_STR("nacre.correlate/1"));
    ncr_json_key_str(&j, "net", job->work->pipeline.net->name);
    ncr_json_key_i64(&j, "networks", job->n_rows);
    ncr_json_key_f64(&j, "least_accuracy", job->least_accuracy);
    ncr_json_key_i64(&j, "epochs", job->train.epochs);
    ncr_json_key_f64(&j, "confidence", confidence);
    ncr_json_key(&j, "between_networks");
    ncr_json_array(&j);
    for (int p = 0; p < PREDICTOR_COUNT_; p++)
        for (int m = 0; m < MEASURED_COUNT_; m++) {
            ncr_json_object(&j);
            ncr_json_key_str(&j, "predictor", ncr_str_of(correlate_predictor_name(p)));
            ncr_json_key_str(&j, "measured", ncr_str_of(correlate_measured_name(m)));
            put_correlation(&j, "pearson", between(job, NCR_PEARSON, p, m));
            put_correlation(&j, "spearman", between(job, NCR_SPEARMAN, p, m));
            ncr_json_end(&j);
        }
    ncr_json_end(&j);
    ncr_json_key(&j, "within_networks");
    ncr_json_array(&j);
    for (int w = 0; w < WITHIN_COUNT_; w++) {
        ncr_json_object(&j);
        ncr_json_key_str(&j, "predictor", ncr_str_of(correlate_within_name(w)));
        for (int kind = 0; kind < 2; kind++) {
            struct spread s = within_of(job, (enum ncr_correlation_kind)kind, w);
            ncr_json_key(&j, kind ? "spearman" : "pearson");
            ncr_json_object(&j);
            ncr_json_key_i64(&j, "networks", s.n);
            ncr_json_key_f64(&j, "mean", s.n ? s.mean : (double)NAN);
            ncr_json_key_f64(&j, "low", s.n ? s.low : (double)NAN);
            ncr_json_key_f64(&j, "high", s.n ? s.high : (double)NAN);
            ncr_json_end(&j);
        }
        ncr_json_end(&j);
    }
    ncr_json_end(&j);
    ncr_json_end(&j);
    ncr_buf_putc(out, '\n');
}

// -- plot ---------------------------------------------------------------------------------------

enum { CELL_W = 190, CELL_H = 150, LEFT = 150, TOP = 60, PAD = 26 };

static void bounds(const double *v, uint32_t n, double *low, double *high)
{
    *low = (double)INFINITY;
    *high = (double)-INFINITY;
    for (uint32_t i = 0; i < n; i++) {
        if (v[i] < *low) *low = v[i];
        if (v[i] > *high) *high = v[i];
    }
    if (!(*high > *low)) *high = *low + 1;
}

static void put_panel(const struct correlate_job *job, int p, int m, double x0, double y0,
                      struct ncr_buf *out)
{
    struct ncr_arena *arena = job->work->program.arena;
    struct ncr_arena_mark mark = ncr_arena_mark(arena);
    struct pairs pairs = pairs_of(job, p, m);
    double w = CELL_W - 2 * PAD, h = CELL_H - 2 * PAD, xl, xh, yl, yh;
    ncr_buf_fmt(out,
                "<g transform=\"translate(%.0f %.0f)\"><rect x=\"%d\" y=\"%d\" width=\"%.0f\" "
                "height=\"%.0f\" fill=\"none\" stroke=\"#999\"/>\n",
                x0, y0, (int)PAD, (int)PAD, w, h);
    if (pairs.n) {
        bounds(pairs.x, pairs.n, &xl, &xh);
        bounds(pairs.y, pairs.n, &yl, &yh);
        for (uint32_t i = 0; i < pairs.n; i++)
            ncr_buf_fmt(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.2\"/>\n",
                        PAD + (pairs.x[i] - xl) / (xh - xl) * w,
                        PAD + h - (pairs.y[i] - yl) / (yh - yl) * h);
        ncr_buf_fmt(out,
                    "<text x=\"%d\" y=\"%.0f\">%.3g</text><text x=\"%.0f\" y=\"%.0f\" "
                    "text-anchor=\"end\">%.3g</text>\n",
                    (int)PAD, PAD + h + 12, xl, PAD + w, PAD + h + 12, xh);
        ncr_buf_fmt(out,
                    "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">%.2g</text><text x=\"%d\" "
                    "y=\"%d\" text-anchor=\"end\">%.2g</text>\n",
                    (int)PAD - 3, PAD + h, yl, (int)PAD - 3, (int)PAD + 8, yh);
        double r = ncr_correlate(arena, NCR_SPEARMAN, pairs.x, pairs.y, pairs.n);
        if (!isnan(r))
            ncr_buf_fmt(out, "<text x=\"%.0f\" y=\"%d\" text-anchor=\"end\">rho %+.2f</text>\n",
                        PAD + w, (int)PAD - 4, r);
    }
    ncr_buf_puts(out, "</g>\n");
    ncr_arena_reset(arena, mark);
}

void correlate_svg(const struct correlate_job *job, struct ncr_buf *out)
{
    int columns = MEASURED_CRITICAL + 1, width = LEFT + columns * CELL_W + 20,
        height = TOP + PREDICTOR_COUNT_ * CELL_H + 20;
    ncr_buf_fmt(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
                "height=\"%d\" font-family=\"sans-serif\" font-size=\"9\" fill=\"#1f5f8b\">\n"
                "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                width, height, width, height);
    uint32_t counted = 0;
    for (uint32_t i = 0; i < job->n_rows; i++)
        counted += correlate_counts(job, &job->rows[i]);
    ncr_buf_fmt(out,
                "<text x=\"%d\" y=\"22\" font-size=\"15\" fill=\"#000\">Prediction (x) against "
                "measurement (y): %u networks of %.*s</text>\n",
                (int)LEFT, counted, NCR_STR_ARG(job->work->pipeline.net->name));
    for (int m = 0; m < columns; m++)
        ncr_buf_fmt(out, "<text x=\"%d\" y=\"%d\" font-size=\"12\" fill=\"#000\">%s%s</text>\n",
                    LEFT + m * CELL_W + PAD, TOP - 8, m == MEASURED_CRITICAL ? "-log10 " : "",
                    correlate_measured_name(m));
    for (int p = 0; p < PREDICTOR_COUNT_; p++) {
        ncr_buf_fmt(out, "<text x=\"8\" y=\"%d\" font-size=\"12\" fill=\"#000\">%s</text>\n",
                    TOP + p * CELL_H + CELL_H / 2, correlate_predictor_name(p));
        for (int m = 0; m < columns; m++)
            put_panel(job, p, m, LEFT + m * CELL_W, TOP + p * CELL_H, out);
    }
    ncr_buf_puts(out, "</svg>\n");
}
