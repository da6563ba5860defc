// Ranges and proofs as a section of the report, in text and JSON.
#include "compiler/analysis/report_range.h"

#include <inttypes.h>
#include <stdio.h>

struct ncr_report_range *ncr_report_range_build(struct ncr_arena *arena, struct ncr_diags *diags,
                                                const struct ncr_range_map *map,
                                                uint32_t accumulator_bits)
{
    if (!ncr_range_check(map, accumulator_bits, diags)) return NULL;
    struct ncr_report_range *r = NCR_NEW(arena, struct ncr_report_range);
    r->map = map;
    r->accumulator_bits = accumulator_bits;
    r->masked = ncr_masked_of(arena, map);
    r->estimate = ncr_range_estimate_of(arena, r->masked);
    r->counted = r->masked;
    r->proved_masked = (double)r->masked->n_proved / (double)r->masked->n_points;
    return r;
}

void ncr_report_range_each(struct ncr_report_range *r, const struct ncr_masked_each *each)
{
    r->counted = ncr_masked_each_finish(each);
    r->proved_masked = (double)r->counted->n_proved / (double)r->counted->n_points;
}

static const char *mode_of(const struct ncr_report_range *r)
{
    return r->counted != r->masked ? "each" : r->map->n_samples ? "calibrated" : "sound";
}

static uint64_t proved_of(const struct ncr_masked *m, uint32_t q, int site)
{
    uint64_t n = 0;
    for (int b = 0; b < 32; b++)
        n += m->proved[q][site][b];
    return n;
}

static uint32_t idle_channels(const struct ncr_report_range *r, bool dead)
{
    uint32_t n = 0;
    for (uint32_t q = 0; q < r->map->qgraph->n_nodes; q++) {
        if (!ncr_qop_has_weights(r->map->qgraph->nodes[q].op)) continue;
        for (uint32_t c = 0; c < r->map->nodes[q].n_channels; c++) {
            bool is_dead = ncr_masked_channel_dead(r->masked, q, c);
            struct ncr_interval x = r->map->nodes[q].value[c];
            n += dead ? is_dead : !is_dead && x.lo == x.hi;
        }
    }
    return n;
}

// The node whose partial sums go farthest; UINT32_MAX where none sums.
static uint32_t farthest(const struct ncr_range_map *map)
{
    uint32_t best = UINT32_MAX;
    int64_t most = -1;
    for (uint32_t q = 0; q < map->qgraph->n_nodes; q++) {
        const struct ncr_range_node *r = &map->nodes[q];
        if (!r->bound || r->reach[ncr_range_worst(r)] <= most) continue;
        most = r->reach[ncr_range_worst(r)];
        best = q;
    }
    return best;
}

// ---- text ----
enum column { PATH, ACTIVATION, WEIGHT, BIAS, SUM_BITS, COLUMNS };

static const char *const titles[COLUMNS] = {"layer", "act. %", "weight %", "bias %", "sum bits"};

static struct ncr_str row_path(const void *user, uint32_t q)
{
    const struct ncr_qgraph *g = ((const struct ncr_report_range *)user)->map->qgraph;
    struct ncr_str path = g->nodes[q].path, net = g->name;
    bool below = path.n > net.n + 1 && memcmp(path.s, net.s, net.n) == 0 && path.s[net.n] == '/';
    return below ? (struct ncr_str){path.s + net.n + 1, path.n - net.n - 1} : path;
}

static void percent(uint64_t part, uint64_t whole, char out[NCR_CELL])
{
    if (whole) snprintf(out, NCR_CELL, "%.1f", 100 * (double)part / (double)whole);
}

static void row_cell(const void *user, uint32_t row, uint32_t column, bool shorten,
                     char out[NCR_CELL])
{
    const struct ncr_report_range *r = user;
    uint32_t n = r->map->qgraph->n_nodes;
    (void)shorten;
    snprintf(out, NCR_CELL, "-");
    if (column == SUM_BITS) {
        if (row == n)
            out[0] = 0;
        else if (r->map->nodes[row].bound)
            snprintf(out, NCR_CELL, "%u", ncr_range_bits(&r->map->nodes[row]));
        return;
    }
    int site = (int)column - ACTIVATION;
    uint64_t part = 0, whole = 0;
    for (uint32_t q = row == n ? 0 : row; q < (row == n ? n : row + 1); q++) {
        part += proved_of(r->counted, q, site);
        whole += r->counted->elements[q][site] *
                 ncr_site_width(&r->map->qgraph->nodes[q], (enum ncr_site_class)site);
    }
    percent(part, whole, out);
}

void ncr_report_range_text(struct ncr_text *t, const struct ncr_report_range *r)
{
    if (!r) {
        ncr_text_note(t, "ranges", "and proved masked faults need weights: --weights FILE");
        return;
    }
    char a[NCR_CELL], b[NCR_CELL];
    ncr_buf_putc(t->out, '\n');
    if (r->map->n_samples)
        ncr_text_note(t, "ranges",
                      "calibrated: as seen on %" PRIu64
                      " inputs, and all that follows holds for those inputs",
                      r->map->n_samples);
    else
        ncr_text_note(t, "ranges",
                      "sound: from the weights and the range of the input, so that all that "
                      "follows holds for every input");
    uint32_t q = farthest(r->map);
    if (q != UINT32_MAX) {
        const struct ncr_range_node *node = &r->map->nodes[q];
        uint32_t c = ncr_range_worst(node);
        struct ncr_str path = row_path(r, q);
        ncr_text_note(t, "sums",
                      "no accumulator of %u bits overflows (proved). Farthest goes channel %u of "
                      "%.*s: [%" PRId64 ", %" PRId64 "], on the way at most %" PRId64
                      "; the bound is %" PRId64,
                      r->accumulator_bits, c, NCR_STR_ARG(path), node->bound[c].lo,
                      node->bound[c].hi, node->reach[c],
                      (INT64_C(1) << (r->accumulator_bits - 1)) - 1);
    }
    ncr_text_note(t, "channels",
                  "%u of conv, dwconv and dense hold one value, %u cannot reach the output (bound: "
                  "at least so many)",
                  idle_channels(r, false), idle_channels(r, true));
    ncr_text_grouped(r->counted->n_proved, a);
    ncr_text_grouped(r->counted->n_points, b);
    ncr_text_note(t, "masked",
                  "%.2f %% of all single bit flips%s, %s of %s, proved masked (bound: at least so "
                  "many)",
                  100 * r->proved_masked,
                  r->counted != r->masked ? ", for each of the inputs by itself" : "", a, b);
    ncr_text_note(t, "damage",
                  "%.4g of the output's range, the mean over all single bit flips: range_estimate "
                  "(estimate; smaller is more resilient)",
                  r->estimate.mean);
}

void ncr_report_masked_text(struct ncr_text *t, const struct ncr_report_range *r)
{
    static const struct ncr_text_step steps[] = {{false, 1u << SUM_BITS}, {false, 0}};
    struct ncr_text_table table = {.user = r,
                                   .n_rows = r->map->qgraph->n_nodes,
                                   .n_columns = COLUMNS,
                                   .titles = titles,
                                   .path = row_path,
                                   .cell = row_cell,
                                   .steps = steps};
    ncr_buf_putc(t->out, '\n');
    ncr_text_title(t, "bits proved masked");
    ncr_text_table_put(t, &table);
}

// ---- JSON ----
void ncr_report_range_totals(const struct ncr_report_range *r, struct ncr_json *json)
{
    ncr_json_key(json, "proved_masked");
    if (r)
        ncr_json_f64(json, r->proved_masked);
    else
        ncr_json_null(json);
    ncr_json_key(json, "range_estimate");
    if (r)
        ncr_json_f64(json, r->estimate.mean);
    else
        ncr_json_null(json);
}

static void put_channels(const struct ncr_report_range *r, uint32_t q, bool dead,
                         struct ncr_json *json)
{
    ncr_json_array(json);
    for (uint32_t c = 0; c < r->map->nodes[q].n_channels; c++) {
        struct ncr_interval x = r->map->nodes[q].value[c];
        if (dead ? ncr_masked_channel_dead(r->masked, q, c) : x.lo == x.hi) ncr_json_i64(json, c);
    }
    ncr_json_end(json);
}

static void put_layer(const struct ncr_report_range *r, uint32_t q, struct ncr_json *json)
{
    const struct ncr_range_node *node = &r->map->nodes[q];
    const struct ncr_qnode *qnode = &r->map->qgraph->nodes[q];
    struct ncr_interval all = node->value[0];
    for (uint32_t c = 1; c < node->n_channels; c++) {
        if (node->value[c].lo < all.lo) all.lo = node->value[c].lo;
        if (node->value[c].hi > all.hi) all.hi = node->value[c].hi;
    }
    ncr_json_object(json);
    ncr_json_key_str(json, "layer", qnode->path);
    ncr_json_key_i64(json, "low", all.lo);
    ncr_json_key_i64(json, "high", all.hi);
    ncr_json_key(json, "accumulator");
    if (node->bound) {
        uint32_t c = ncr_range_worst(node);
        ncr_json_object(json);
        ncr_json_key_i64(json, "channel", c);
        ncr_json_key_i64(json, "low", node->bound[c].lo);
        ncr_json_key_i64(json, "high", node->bound[c].hi);
        ncr_json_key_i64(json, "reach", node->reach[c]);
        ncr_json_key_i64(json, "bits", ncr_range_bits(node));
        ncr_json_end(json);
    } else {
        ncr_json_null(json);
    }
    ncr_json_key(json, "constant_channels");
    put_channels(r, q, false, json);
    ncr_json_key(json, "dead_channels");
    put_channels(r, q, true, json);
    for (int site = 0; site < NCR_SITES_COUNT_; site++) {
        static const char *const keys[] = {"estimate_activation", "estimate_weight",
                                           "estimate_bias"};
        ncr_json_key(json, keys[site]);
        if (r->masked->elements[q][site])
            ncr_json_f64(json, r->estimate.node[q][site]);
        else
            ncr_json_null(json);
    }
    ncr_json_end(json);
}

void ncr_report_range_json(const struct ncr_report_range *r, struct ncr_json *json)
{
    ncr_json_key(json, "ranges");
    if (!r) {
        ncr_json_null(json);
        ncr_json_key(json, "masked");
        ncr_json_null(json);
        return;
    }
    const struct ncr_qgraph *g = r->map->qgraph;
    ncr_json_object(json);
    ncr_json_key_str(json, "mode", ncr_str_of(mode_of(r)));
    ncr_json_key_i64(json, "inputs", (int64_t)r->map->n_samples);
    ncr_json_key_i64(json, "accumulator_bits", r->accumulator_bits);
    ncr_json_key_i64(json, "proved_bits", (int64_t)r->counted->n_proved);
    ncr_json_key_i64(json, "bits", (int64_t)r->counted->n_points);
    ncr_json_key(json, "layers");
    ncr_json_array(json);
    for (uint32_t q = 0; q < g->n_nodes; q++)
        put_layer(r, q, json);
    ncr_json_end(json);
    ncr_json_end(json);
    ncr_json_key(json, "masked");
    ncr_json_array(json);
    for (uint32_t q = 0; q < g->n_nodes; q++)
        for (int site = 0; site < NCR_SITES_COUNT_; site++) {
            uint64_t n = r->counted->elements[q][site];
            uint32_t width = ncr_site_width(&g->nodes[q], (enum ncr_site_class)site);
            for (uint32_t b = 0; n && b < width; b++) {
                ncr_json_object(json);
                ncr_json_key_str(json, "layer", g->nodes[q].path);
                ncr_json_key_str(json, "site",
                                 ncr_str_of(ncr_site_name((enum ncr_site_class)site)));
                ncr_json_key_i64(json, "bit", b);
                ncr_json_key_f64(json, "share", (double)r->counted->proved[q][site][b] / (double)n);
                ncr_json_end(json);
            }
        }
    ncr_json_end(json);
}
