// Two JSON reports to their difference: totals, then layers matched by path.
#include "tools/nacre/report_diff.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/analysis/text_table.h"
#include "lang/base/json.h"

enum { ROWS = 4096 };

// One figure that differs or not: of the totals (layer "") or of a layer.
struct difference {
    char layer[160], figure[64];
    double a, b;
    bool has_a, has_b;
};

struct differences {
    struct difference *at;
    uint32_t n, capacity, equal; // equal: figures that are the same, which are not kept
};

// -- reading ------------------------------------------------------------------------------------

static bool is_report(struct ncr_str text)
{
    uint32_t i = 0;
    while (i < text.n &&
           (text.s[i] == ' ' || text.s[i] == '\n' || text.s[i] == '\r' || text.s[i] == '\t'))
        i++;
    return i < text.n && text.s[i] == '{';
}

// The JSON report that a file is, or that its program has with the genotype (NULL: none).
static int report_of(struct cli *cli, const char *path, const char *genotype, json_t **out)
{
    struct ncr_buf text = {0};
    struct ncr_error err;
    enum ncr_status status =
        cli->io.read_file(cli->io.user, path, NCR_LIMIT_FILE_BYTES, &text, &err);
    if (status != NCR_OK) {
        ncr_buf_free(&text);
        return cli_fail(cli, status, &err);
    }
    if (!is_report((struct ncr_str){text.s ? text.s : "", (uint32_t)text.n})) {
        struct cli one = *cli;
        ncr_buf_free(&text);
        text = (struct ncr_buf){0};
        one.args[0] = path;
        one.n_args = 1;
        if (genotype) one.opt[OPT_GENOTYPE] = genotype;
        int code = report_json_of(&one, &text);
        if (code) {
            ncr_buf_free(&text);
            return code;
        }
    }
    json_error_t error;
    *out = json_loadb(text.s, text.n, JSON_REJECT_DUPLICATES, &error);
    ncr_buf_free(&text);
    if (!*out) {
        snprintf(err.text, sizeof err.text, "'%s' line %d: %.200s", path, error.line, error.text);
        return cli_fail(cli, NCR_ENVIRONMENT, &err);
    }
    const char *schema = json_string_value(json_object_get(*out, "schema"));
    if (schema && strcmp(schema, "nacre.report/1") == 0 &&
        json_is_object(json_object_get(*out, "totals")) &&
        json_is_array(json_object_get(*out, "layers")))
        return EXIT_GOOD;
    json_decref(*out);
    *out = NULL;
    snprintf(err.text, sizeof err.text, "'%s' is no report of schema nacre.report/1", path);
    return cli_fail(cli, NCR_ENVIRONMENT, &err);
}

// -- comparing ----------------------------------------------------------------------------------

static void add(struct differences *d, const char *layer, const char *figure, const json_t *a,
                const json_t *b)
{
    bool has_a = json_is_number(a), has_b = json_is_number(b);
    double x = has_a ? json_number_value(a) : 0, y = has_b ? json_number_value(b) : 0;
    if (!has_a && !has_b) return;
    if (has_a && has_b && x == y) {
        d->equal++;
        return;
    }
    if (d->n == d->capacity) {
        uint32_t more = d->capacity ? 2 * d->capacity : 64;
        struct difference *at = realloc(d->at, more * sizeof *at);
        if (!at) NCR_BUG("out of memory for %u differences", more);
        d->at = at;
        d->capacity = more;
    }
    struct difference *row = &d->at[d->n++];
    *row = (struct difference){.a = x, .b = y, .has_a = has_a, .has_b = has_b};
    snprintf(row->layer, sizeof row->layer, "%s", layer);
    snprintf(row->figure, sizeof row->figure, "%s", figure);
}

// All numbers of two objects, those of inner objects as outer.inner.
static void compare(struct differences *d, const char *layer, const char *prefix, json_t *a,
                    json_t *b)
{
    for (int side = 0; side < 2; side++) {
        json_t *mine = side ? b : a, *other = side ? a : b, *value;
        const char *key;
        json_object_foreach(mine, key, value)
        {
            json_t *twin = json_object_get(other, key);
            char name[64];
            snprintf(name, sizeof name, "%s%s%s", prefix, *prefix ? "." : "", key);
            if (side && twin) continue; // seen from the first
            bool skip = strcmp(key, "source") == 0 || strcmp(key, "tensors") == 0;
            if (json_is_object(value) && !skip)
                compare(d, layer, name, side ? twin : value, side ? value : twin);
            else if (side)
                add(d, layer, name, NULL, value);
            else
                add(d, layer, name, value, twin);
        }
    }
}

// The path behind the net's name, so that nets of different names compare.
static const char *below(const char *path)
{
    const char *slash = path ? strchr(path, '/') : NULL;
    return slash ? slash + 1 : path ? path : "";
}

static json_t *find_layer(json_t *layers, const char *path)
{
    size_t i;
    json_t *layer;
    json_array_foreach(layers, i,
                       layer) if (strcmp(below(json_string_value(json_object_get(layer, "path"))),
                                         path) == 0) return layer;
    return NULL;
}

static void compare_layers(struct differences *d, json_t *a, json_t *b)
{
    size_t i;
    json_t *layer, *mine = json_object_get(a, "layers"), *other = json_object_get(b, "layers");
    json_array_foreach(mine, i, layer)
    {
        const char *path = below(json_string_value(json_object_get(layer, "path")));
        compare(d, path, "", layer, find_layer(other, path));
    }
    json_array_foreach(other, i, layer)
    {
        const char *path = below(json_string_value(json_object_get(layer, "path")));
        if (!find_layer(mine, path)) compare(d, path, "", NULL, layer);
    }
}

// -- printing -----------------------------------------------------------------------------------

enum column { LAYER, FIGURE, A, B, CHANGE, RATIO, COLUMNS };

static struct ncr_str row_path(const void *user, uint32_t row)
{
    const struct differences *d = user;
    return ncr_str_of(d->at[row].layer[0] ? d->at[row].layer : "(all)");
}

static void number(double v, bool has, char out[NCR_CELL])
{
    if (!has)
        snprintf(out, NCR_CELL, "-");
    else if (v == floor(v) && fabs(v) < 1e15 && v >= 0)
        ncr_text_grouped((uint64_t)v, out);
    else
        snprintf(out, NCR_CELL, "%.6g", v);
}

static void cell(const void *user, uint32_t row, uint32_t column, bool shorten, char out[NCR_CELL])
{
    const struct differences *d = user;
    (void)shorten;
    out[0] = 0;
    if (row == d->n) {
        if (column == FIGURE) snprintf(out, NCR_CELL, "%u equal figures", d->equal);
        return;
    }
    const struct difference *r = &d->at[row];
    double change = r->b - r->a;
    bool both = r->has_a && r->has_b;
    switch ((enum column)column) {
    case FIGURE: snprintf(out, NCR_CELL, "%.39s", r->figure); break;
    case A: number(r->a, r->has_a, out); break;
    case B: number(r->b, r->has_b, out); break;
    case CHANGE:
        if (both) {
            out[0] = change < 0 ? '-' : '+';
            char text[NCR_CELL];
            number(fabs(change), true, text);
            snprintf(out + 1, NCR_CELL - 1, "%.38s", text);
        }
        break;
    case RATIO:
        if (both && r->a != 0) snprintf(out, NCR_CELL, "%+.2f %%", 100 * change / fabs(r->a));
        break;
    case LAYER:
    case COLUMNS: break;
    }
}

static void side(struct ncr_text *t, const char *name, json_t *report)
{
    const char *net = json_string_value(json_object_get(report, "net")),
               *id = json_string_value(json_object_get(report, "arch_id")),
               *target =
                   json_string_value(json_object_get(json_object_get(report, "target"), "name"));
    ncr_text_note(t, name, "%s, arch_id %s%s%s", net ? net : "?", id ? id : "?",
                  target ? ", on " : "", target ? target : "");
}

static void text(const struct cli *cli, const struct differences *d, json_t *a, json_t *b,
                 struct ncr_buf *out)
{
    static const char *const titles[COLUMNS] = {"layer", "figure", "A", "B", "change", "of A"};
    static const struct ncr_text_step steps[] = {{false, 1u << RATIO}, {false, 1u << CHANGE}, {0}};
    struct ncr_text t = {out, cli->columns, cli->colour_out};
    side(&t, "A", a);
    side(&t, "B", b);
    ncr_buf_putc(out, '\n');
    if (d->n == 0) {
        ncr_buf_fmt(out, "no difference in %u figures\n", d->equal);
        return;
    }
    struct ncr_text_table table = {.user = d,
                                   .n_rows = d->n,
                                   .n_columns = COLUMNS,
                                   .titles = titles,
                                   .left = 1u << FIGURE,
                                   .path = row_path,
                                   .cell = cell,
                                   .steps = steps};
    ncr_text_table_put(&t, &table);
}

static void csv(const struct differences *d, struct ncr_buf *out)
{
    ncr_buf_puts(out, "layer,figure,a,b\n");
    for (uint32_t i = 0; i < d->n; i++) {
        ncr_buf_fmt(out, "\"%s\",%s,", d->at[i].layer, d->at[i].figure);
        if (d->at[i].has_a) ncr_buf_f64(out, d->at[i].a);
        ncr_buf_putc(out, ',');
        if (d->at[i].has_b) ncr_buf_f64(out, d->at[i].b);
        ncr_buf_putc(out, '\n');
    }
}

static void json(const struct differences *d, json_t *a, json_t *b, struct ncr_buf *out)
{
    struct ncr_json j;
    json_t *sides[] = {a, b};
    ncr_json_init(&j, out);
    ncr_json_object(&j);
    ncr_json_key_str(&j, "schema", NCR_STR("nacre.report_diff/1"));
    for (int i = 0; i < 2; i++) {
        ncr_json_key(&j, i ? "b" : "a");
        ncr_json_object(&j);
        const char *net = json_string_value(json_object_get(sides[i], "net")),
                   *id = json_string_value(json_object_get(sides[i], "arch_id"));
        ncr_json_key_str(&j, "net", ncr_str_of(net ? net : ""));
        ncr_json_key_str(&j, "arch_id", ncr_str_of(id ? id : ""));
        ncr_json_end(&j);
    }
    ncr_json_key_i64(&j, "equal", d->equal);
    ncr_json_key(&j, "differences");
    ncr_json_array(&j);
    for (uint32_t i = 0; i < d->n; i++) {
        ncr_json_object(&j);
        ncr_json_key_str(&j, "layer", ncr_str_of(d->at[i].layer));
        ncr_json_key_str(&j, "figure", ncr_str_of(d->at[i].figure));
        ncr_json_key_f64(&j, "a", d->at[i].has_a ? d->at[i].a : (double)NAN);
        ncr_json_key_f64(&j, "b", d->at[i].has_b ? d->at[i].b : (double)NAN);
        ncr_json_end(&j);
    }
    ncr_json_end(&j);
    ncr_json_end(&j);
    ncr_buf_putc(out, '\n');
}

int report_diff(struct cli *cli)
{
    json_t *a = NULL, *b = NULL;
    if (cli->n_args < 2) return cli_usage(cli, "--diff takes two: nacre report --diff A B");
    if (cli->opt[OPT_FAIL_ON])
        return cli_usage(cli, "--fail-on judges one network; --diff compares two");
    if (cli->opt[OPT_WEIGHTS])
        return cli_usage(cli, "--weights are of one network; --diff compares two, or reports saved "
                              "with --format json");
    bool genotypes = cli->n_args == 3;
    const char *const *args = cli->args;
    int code = report_of(cli, args[0], genotypes ? args[1] : NULL, &a);
    if (code == EXIT_GOOD)
        code = report_of(cli, genotypes ? args[0] : args[1], genotypes ? args[2] : NULL, &b);
    if (code == EXIT_GOOD) {
        struct differences d = {0};
        struct ncr_buf out = {0};
        compare(&d, "", "", json_object_get(a, "totals"), json_object_get(b, "totals"));
        compare_layers(&d, a, b);
        if (cli->json)
            json(&d, a, b, &out);
        else if (cli->csv)
            csv(&d, &out);
        else
            text(cli, &d, a, b, &out);
        free(d.at);
        code = cli_output_to(cli, cli->opt[OPT_OUTPUT], &out);
    }
    json_decref(a);
    json_decref(b);
    return code;
}
