// Text of reports.
#include "compiler/analysis/text_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

enum { GAP = 2, SHORT_PATH = 24, SHORTEST_PATH = 8 };

void ncr_text_grouped(uint64_t v, char out[NCR_CELL])
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, v), at = 0;
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

void ncr_text_short(uint64_t v, uint64_t base, char out[NCR_CELL])
{
    static const char counts[] = " kMGTPE", bytes[] = " KMGTPE";
    int unit = 0;
    double x = (double)v;
    while (x >= 999.5 && unit < 6) {
        x /= (double)base;
        unit++;
    }
    if (unit == 0)
        snprintf(out, NCR_CELL, "%" PRIu64, v);
    else
        snprintf(out, NCR_CELL, "%.*f%c",
                 x < 9.995   ? 2
                 : x < 99.95 ? 1
                             : 0,
                 x, (base == 1000 ? counts : bytes)[unit]);
}

void ncr_text_si(double v, const char *unit, char out[NCR_CELL])
{
    static const char *const prefixes[] = {"a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T"};
    int p = 6;
    if (v == 0) {
        snprintf(out, NCR_CELL, "0 %s", unit);
        return;
    }
    while (v >= 999.5 && p < 10) {
        v /= 1000;
        p++;
    }
    while (v < 0.9995 && p > 0) {
        v *= 1000;
        p--;
    }
    int digits = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
    snprintf(out, NCR_CELL, "%.*f %s%s", digits, v, prefixes[p], unit);
}

void ncr_text_path(struct ncr_buf *out, struct ncr_str path, uint32_t width)
{
    if (path.n <= width) {
        ncr_buf_str(out, path);
        return;
    }
    uint32_t head = (width - 2) / 3, tail = width - 2 - head;
    ncr_buf_put(out, path.s, head);
    ncr_buf_puts(out, "..");
    ncr_buf_put(out, path.s + path.n - tail, tail);
}

void ncr_text_note(struct ncr_text *t, const char *name, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    enum { INDENT = 10 };
    ncr_buf_fmt(t->out, "%-*s", INDENT, name);
    int at = INDENT;
    for (const char *word = text; *word;) {
        int n = (int)strcspn(word, " ");
        if (at > INDENT && at + 1 + n > t->width) {
            ncr_buf_putc(t->out, '\n');
            ncr_buf_pad(t->out, ' ', INDENT);
            at = INDENT;
        }
        if (at > INDENT) {
            ncr_buf_putc(t->out, ' ');
            at++;
        }
        ncr_buf_put(t->out, word, (size_t)n);
        at += n;
        word += n + (word[n] == ' ');
    }
    ncr_buf_putc(t->out, '\n');
}

void ncr_text_title(struct ncr_text *text, const char *title)
{
    ncr_buf_fmt(text->out, text->colour ? "\033[1m%s\033[0m\n" : "%s\n", title);
}

// -- tables -------------------------------------------------------------------------------------

static bool shown(const struct ncr_text_table *t, uint32_t column)
{
    return t->shown >> column & 1;
}

static void cell(const struct ncr_text_table *t, uint32_t row, uint32_t column, char out[NCR_CELL])
{
    t->cell(t->user, row, column, t->shortened >> column & 1, out);
}

static int longest_path(const struct ncr_text_table *t)
{
    size_t most = strlen(t->titles[0]);
    for (uint32_t i = 0; i < t->n_rows; i++)
        if (t->path(t->user, i).n > most) most = t->path(t->user, i).n;
    return (int)most;
}

static void measure(struct ncr_text_table *t)
{
    char text[NCR_CELL];
    for (uint32_t c = 1; c < t->n_columns; c++) {
        size_t most = strlen(t->titles[c]);
        for (uint32_t i = 0; i <= t->n_rows; i++) {
            cell(t, i, c, text);
            if (strlen(text) > most) most = strlen(text);
        }
        t->width[c] = (int)most;
    }
}

static int total_width(const struct ncr_text_table *t)
{
    int sum = -GAP;
    for (uint32_t c = 0; c < t->n_columns; c++)
        if (shown(t, c)) sum += t->width[c] + GAP;
    return sum;
}

// Takes from the path what is too much, down to `least`.
static bool fits(struct ncr_text_table *t, int limit, int path, int least)
{
    t->width[0] = path;
    int over = total_width(t) - limit;
    if (over > 0) t->width[0] = path - over > least ? path - over : path < least ? path : least;
    return total_width(t) <= limit;
}

static void fit(struct ncr_text_table *t, int limit)
{
    int path = longest_path(t);
    t->shown = ((1u << t->n_columns) - 1) & ~t->hidden;
    t->shortened = 0;
    measure(t);
    if (fits(t, limit, path, path)) return;
    for (const struct ncr_text_step *step = t->steps; step->columns; step++) {
        if (step->shorten)
            t->shortened |= step->columns;
        else
            t->shown &= ~step->columns;
        if (step->shorten) measure(t);
        if (fits(t, limit, path, SHORT_PATH)) return;
    }
    fits(t, limit, path, SHORTEST_PATH);
}

static void put_rule(struct ncr_buf *out, const struct ncr_text_table *t)
{
    ncr_buf_pad(out, '-', (size_t)total_width(t));
    ncr_buf_putc(out, '\n');
}

// row: n_rows for the totals, UINT32_MAX for the titles.
static void put_row(struct ncr_buf *out, const struct ncr_text_table *t, uint32_t row)
{
    char text[NCR_CELL];
    size_t before = out->n, width = (size_t)t->width[0];
    ncr_text_path(out,
                  row == UINT32_MAX  ? ncr_str_of(t->titles[0])
                  : row == t->n_rows ? NCR_STR("total")
                                     : t->path(t->user, row),
                  (uint32_t)width);
    size_t n = out->n - before;
    ncr_buf_pad(out, ' ', n < width ? width - n : 0);
    for (uint32_t c = 1; c < t->n_columns; c++) {
        if (!shown(t, c)) continue;
        if (row == UINT32_MAX)
            snprintf(text, sizeof text, "%s", t->titles[c]);
        else
            cell(t, row, c, text);
        size_t length = strlen(text), pad = (size_t)t->width[c] - length;
        bool left = t->left >> c & 1;
        ncr_buf_pad(out, ' ', GAP + (left ? 0 : pad));
        ncr_buf_puts(out, text);
        if (left) ncr_buf_pad(out, ' ', pad);
    }
    while (out->n && out->s[out->n - 1] == ' ')
        out->n--;
    ncr_buf_putc(out, '\n');
}

void ncr_text_table_put(struct ncr_text *text, struct ncr_text_table *t)
{
    fit(t, text->width);
    if (text->colour) ncr_buf_puts(text->out, "\033[1m");
    put_row(text->out, t, UINT32_MAX);
    if (text->colour) ncr_buf_puts(text->out, "\033[0m");
    put_rule(text->out, t);
    for (uint32_t i = 0; i < t->n_rows; i++)
        put_row(text->out, t, i);
    if (t->no_total) return;
    put_rule(text->out, t);
    put_row(text->out, t, t->n_rows);
}
