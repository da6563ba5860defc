// Measured operators to the latency of a network: the sum of its operators' rows plus a bias (Luo
// et al., "HSCoNAS", DATE 2021).
#include "compiler/hw/table.h"

#include <inttypes.h>
#include <stdlib.h>

// latency = a + b · work, both >= 0, for one kind of operator.
struct line {
    struct ncr_str op; // empty: all with MACs (line 0) or without (line 1)
    bool macs;
    double a, b;
    uint32_t n;
};

struct row {
    struct ncr_str key;
    double seconds, work;
    struct ncr_str op;
    bool macs;
};

struct ncr_latency_table {
    struct row *rows;
    uint32_t n_rows;
    struct line *lines;
    uint32_t n_lines;
};

// -- keys ---------------------------------------------------------------------------------------

static void put_shape(struct ncr_buf *out, const struct ncr_shape *shape)
{
    for (uint32_t d = 0; d < shape->rank; d++)
        ncr_buf_fmt(out, "%s%" PRId32, d ? "x" : "", (int32_t)shape->dim[d]);
}

void ncr_operator_key(const struct ncr_qgraph *qgraph, uint32_t q, struct ncr_buf *out)
{
    const struct ncr_qnode *node = &qgraph->nodes[q];
    if (node->op == NCR_QOP_INPUT) return;
    ncr_buf_puts(out, ncr_qop_name(node->op));
    for (uint32_t i = 0; i < node->n_in; i++) {
        ncr_buf_putc(out, ' ');
        put_shape(out, &qgraph->nodes[node->in[i]].shape);
    }
    ncr_buf_puts(out, " -> ");
    put_shape(out, &node->shape);
    const struct ncr_attrs *a = &node->attrs;
    bool conv = node->op == NCR_QOP_CONV || node->op == NCR_QOP_DWCONV,
         pool = node->op == NCR_QOP_MAXPOOL || node->op == NCR_QOP_AVGPOOL;
    if (conv || pool)
        ncr_buf_fmt(out, ", kernel %dx%d, stride %dx%d", a->kernel[0], a->kernel[1], a->stride[0],
                    a->stride[1]);
    if (conv) ncr_buf_fmt(out, ", dilation %dx%d", a->dilation[0], a->dilation[1]);
    if (node->op == NCR_QOP_CONV) ncr_buf_fmt(out, ", groups %d", a->groups);
}

// The numbers of "AxBxC" at *at, moved behind it; 0 where there is none.
static uint32_t read_sizes(struct ncr_str text, uint32_t *at, double out[4])
{
    uint32_t n = 0;
    while (n < 4 && *at < text.n && text.s[*at] >= '0' && text.s[*at] <= '9') {
        double v = 0;
        for (; *at < text.n && text.s[*at] >= '0' && text.s[*at] <= '9'; ++*at)
            v = v * 10 + (text.s[*at] - '0');
        out[n++] = v;
        if (*at + 1 < text.n && text.s[*at] == 'x') ++*at;
    }
    return n;
}

static uint32_t find(struct ncr_str text, const char *word)
{
    uint32_t n = (uint32_t)strlen(word);
    for (uint32_t i = 0; i + n <= text.n; i++)
        if (memcmp(text.s + i, word, n) == 0) return i + n;
    return 0;
}

static double product(const double *v, uint32_t n)
{
    double p = 1;
    for (uint32_t i = 0; i < n; i++)
        p *= v[i];
    return p;
}

// The work that a key describes: MACs, or operations as in ncr_work. False where it is no key.
static bool read_key(struct row *row)
{
    struct ncr_str key = row->key;
    uint32_t at = 0, inputs = 0, n_in = 0;
    double in[4] = {0}, sizes[4], result[4];
    while (at < key.n && key.s[at] != ' ')
        at++;
    row->op = (struct ncr_str){key.s, at};
    while (at + 1 < key.n && key.s[at] == ' ' && key.s[at + 1] != '-') {
        at++;
        uint32_t n = read_sizes(key, &at, sizes);
        if (n == 0) return false;
        if (inputs++ == 0) {
            memcpy(in, sizes, sizeof in);
            n_in = n;
        }
    }
    uint32_t to = find(key, " -> ");
    uint32_t n_out = to ? read_sizes(key, &to, result) : 0;
    if (inputs == 0 || n_out == 0) return false;
    double taps = 1, groups = 1;
    uint32_t kernel = find(key, "kernel "), group = find(key, "groups ");
    if (kernel && read_sizes(key, &kernel, sizes) == 2) taps = sizes[0] * sizes[1];
    if (group && read_sizes(key, &group, sizes) == 1 && sizes[0] > 0) groups = sizes[0];
    row->macs = true;
    row->work = product(result, n_out);
    if (ncr_str_is(row->op, "conv"))
        row->work *= taps * in[0] / groups;
    else if (ncr_str_is(row->op, "dwconv"))
        row->work *= taps;
    else if (ncr_str_is(row->op, "dense"))
        row->work *= product(in, n_in);
    else {
        row->macs = false;
        row->work *= ncr_str_is(row->op, "add") ? inputs : taps;
    }
    return row->work > 0;
}

// -- lines --------------------------------------------------------------------------------------

// Least squares of the relative error: minimises Σ ((a + b·w - t) / t)².
static void fit(const struct ncr_latency_table *table, struct line *line)
{
    double s = 0, sw = 0, sww = 0, r = 0, rw = 0;
    for (uint32_t i = 0; i < table->n_rows; i++) {
        const struct row *row = &table->rows[i];
        if (row->seconds <= 0 || row->work <= 0 || row->macs != line->macs ||
            (line->op.n && !ncr_str_eq(row->op, line->op)))
            continue;
        double u = 1 / row->seconds, w = row->work * u;
        s += u * u;
        sw += u * w;
        sww += w * w;
        r += u;
        rw += w;
        line->n++;
    }
    if (line->n == 0) return;
    double det = s * sww - sw * sw;
    if (line->n > 1 && det > 1e-9 * s * sww) {
        line->a = (r * sww - rw * sw) / det;
        line->b = (s * rw - sw * r) / det;
    }
    // One size only, or a slope against sense: in proportion to the work; a negative constant:
    // none.
    if (line->b <= 0 || line->a < 0) {
        line->a = 0;
        line->b = rw / sww;
    }
}

static int compare_rows(const void *a, const void *b)
{
    return ncr_str_cmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

static const struct line *line_of(const struct ncr_latency_table *table, struct ncr_str op,
                                  bool macs)
{
    for (uint32_t i = 0; i < table->n_lines; i++)
        if (ncr_str_eq(table->lines[i].op, op)) return &table->lines[i];
    return &table->lines[macs ? 0 : 1];
}

struct ncr_latency_table *ncr_latency_table_of(struct ncr_arena *arena,
                                               const struct ncr_target_spec *target)
{
    struct ncr_latency_table *table = NCR_NEW(arena, struct ncr_latency_table);
    table->rows = NCR_NEW_N(arena, struct row, target->n_measured);
    for (uint32_t i = 0; i < target->n_measured; i++) {
        struct row *row = &table->rows[table->n_rows];
        *row =
            (struct row){.key = target->measured[i]->of, .seconds = target->measured[i]->latency_s};
        table->n_rows += read_key(row);
    }
    qsort(table->rows, table->n_rows, sizeof *table->rows, compare_rows);
    table->lines = NCR_NEW_N(arena, struct line, table->n_rows + 2);
    table->lines[table->n_lines++] = (struct line){.macs = true};
    table->lines[table->n_lines++] = (struct line){.macs = false};
    for (uint32_t i = 0; i < table->n_rows; i++) {
        const struct row *row = &table->rows[i];
        if (ncr_str_eq(line_of(table, row->op, row->macs)->op, row->op)) continue;
        table->lines[table->n_lines++] = (struct line){.op = row->op, .macs = row->macs};
    }
    for (uint32_t i = 0; i < table->n_lines; i++)
        fit(table, &table->lines[i]);
    return table;
}

double ncr_latency_of(const struct ncr_latency_table *table, const struct ncr_qgraph *qgraph,
                      const struct ncr_operator_work *work, enum ncr_latency_source *source)
{
    struct ncr_buf text = {0};
    ncr_operator_key(qgraph, work->q, &text);
    struct ncr_str key = {text.s ? text.s : "", (uint32_t)text.n};
    uint32_t low = 0, high = table->n_rows;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (ncr_str_cmp(table->rows[mid].key, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    double seconds = 0;
    *source = NCR_LATENCY_MEASURED;
    if (low < table->n_rows && ncr_str_eq(table->rows[low].key, key)) {
        seconds = table->rows[low].seconds;
    } else {
        struct ncr_str op = ncr_str_of(ncr_qop_name(qgraph->nodes[work->q].op));
        const struct line *line = line_of(table, op, work->macs > 0);
        *source = line->n ? NCR_LATENCY_FITTED : NCR_LATENCY_UNKNOWN;
        seconds = line->a + line->b * (double)(work->macs ? work->macs : work->operations);
    }
    ncr_buf_free(&text);
    return seconds;
}

void ncr_cost_table(struct ncr_arena *scratch, const struct ncr_cost *cost,
                    const struct ncr_operator_work *work, struct ncr_cost_step *out)
{
    (void)scratch;
    ncr_cost_compulsory(cost, work, out);
    out->seconds = ncr_latency_of(cost->table, cost->plan->qgraph, work, &out->source);
    out->binds = NCR_BINDS_TABLE;
}
