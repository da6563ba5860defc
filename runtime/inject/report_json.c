// Campaign results as JSON, schema "nacre.inject/1".
#include <math.h>

#include "lang/base/json.h"
#include "runtime/inject/report.h"

static void hash(struct ncr_json *j, const char *key, struct ncr_hash h)
{
    char text[33];
    ncr_hash_text(h, text);
    ncr_json_key_str(j, key, ncr_str_of(text));
}

static void estimate(struct ncr_json *j, const char *key, struct ncr_estimate e)
{
    ncr_json_key(j, key);
    ncr_json_object(j);
    ncr_json_key_f64(j, "p", e.p);
    ncr_json_key_f64(j, "lo", e.lo);
    ncr_json_key_f64(j, "hi", e.hi);
    ncr_json_end(j);
}

static void counts(struct ncr_json *j, const struct ncr_cell *c)
{
    ncr_json_key_i64(j, "injected", (int64_t)c->n);
    ncr_json_key_i64(j, "masked", (int64_t)c->outcome[NCR_MASKED]);
    ncr_json_key_i64(j, "benign", (int64_t)c->outcome[NCR_BENIGN]);
    ncr_json_key_i64(j, "sdc", (int64_t)c->outcome[NCR_SDC]);
    ncr_json_key_i64(j, "due", (int64_t)c->outcome[NCR_DUE]);
    ncr_json_key_i64(j, "inferences", (int64_t)c->runs);
    ncr_json_key_i64(j, "sdc_inferences", (int64_t)c->run_sdc);
    ncr_json_key_i64(j, "sdc5_inferences", (int64_t)c->run_sdc5);
    ncr_json_key_i64(j, "sdc10_inferences", (int64_t)c->run_sdc10);
    ncr_json_key_i64(j, "sdc20_inferences", (int64_t)c->run_sdc20);
}

// Shares of a cell: Wilson, the exact interval, and the bound where nothing was seen.
static void cell(struct ncr_json *j, const struct ncr_cell *c, uint64_t population, double alpha)
{
    struct ncr_shares s = ncr_cell_shares(c, population, ncr_normal_t(1 - alpha));
    counts(j, c);
    estimate(j, "sdc_share", s.faults);
    estimate(j, "sdc_share_exact",
             ncr_clopper_pearson(c->outcome[NCR_SDC], c->n, population, alpha));
    estimate(j, "sdc_share_inferences", s.inferences);
    if (c->n && !c->outcome[NCR_SDC])
        ncr_json_key_f64(j, "sdc_share_bound", ncr_zero_event_bound(c->n, alpha));
}

static void labels(struct ncr_json *j, const struct ncr_inject_view *v, const struct ncr_cell *c)
{
    if (!v->job->labels || !c->runs) return;
    double golden = (double)v->result->golden_correct / v->job->n_inputs;
    ncr_json_key_i64(j, "right_to_wrong", (int64_t)c->broken);
    ncr_json_key_i64(j, "wrong_to_right", (int64_t)c->mended);
    ncr_json_key_f64(j, "accuracy_under_faults",
                     golden + ((double)c->mended - (double)c->broken) / (double)c->runs);
}

static void layers(struct ncr_json *j, const struct ncr_inject_view *v, struct ncr_arena *scratch)
{
    const struct ncr_campaign_result *r = v->result;
    const struct ncr_sites *sites = r->sites;
    uint64_t *sizes = NCR_NEW_N(scratch, uint64_t, sites->n_groups),
             *next = NCR_NEW_N(scratch, uint64_t, sites->n_groups);
    double *deviations = NCR_NEW_N(scratch, double, sites->n_groups);
    for (uint32_t k = 0; k < sites->n_groups; k++) {
        struct ncr_cell c = ncr_tally_group(r->tally, k);
        double p = ((double)c.outcome[NCR_SDC] + 1) /
                   ((double)c.n + 2); // never 0: what was not seen may be
        sizes[k] = ncr_tally_population(r->tally, k, -1);
        deviations[k] = sqrt(p * (1 - p));
    }
    ncr_neyman(sizes, deviations, sites->n_groups, r->n, 1, next);
    ncr_json_key(j, "layers");
    ncr_json_array(j);
    for (uint32_t k = 0; k < sites->n_groups; k++) {
        const struct ncr_site_group *g = &sites->groups[k];
        struct ncr_cell c = ncr_tally_group(r->tally, k);
        ncr_json_object(j);
        ncr_json_key_str(j, "layer", v->job->executor->qgraph->nodes[g->node].path);
        ncr_json_key_str(j, "operator",
                         ncr_str_of(ncr_qop_name(v->job->executor->qgraph->nodes[g->node].op)));
        ncr_json_key_str(j, "site", ncr_str_of(ncr_site_name(g->site)));
        ncr_json_key_bool(j, "persistent", g->persistent);
        ncr_json_key_i64(j, "points", (int64_t)g->n_points);
        ncr_json_key_f64(j, "alive", r->tally->alive[k]);
        cell(j, &c, sizes[k], r->alpha);
        ncr_json_key_i64(j, "neyman_next", (int64_t)next[k]);
        ncr_json_key(j, "bits");
        ncr_json_array(j);
        for (uint32_t b = g->bit_lo; b < g->bit_lo + g->n_slots; b++) {
            const struct ncr_cell *one = &r->tally->cells[(size_t)k * NCR_TALLY_BITS + b];
            ncr_json_object(j);
            ncr_json_key_i64(j, "bit", b);
            ncr_json_key_i64(j, "injected", (int64_t)one->n);
            ncr_json_key_i64(j, "sdc", (int64_t)one->outcome[NCR_SDC]);
            ncr_json_end(j);
        }
        ncr_json_end(j);
        ncr_json_end(j);
    }
    ncr_json_end(j);
}

static void bits(struct ncr_json *j, const struct ncr_inject_view *v, struct ncr_arena *scratch)
{
    const struct ncr_campaign_result *r = v->result;
    ncr_json_key(j, "bits");
    ncr_json_array(j);
    for (int b = 0; b < NCR_TALLY_BITS; b++) {
        uint64_t points = 0;
        for (uint32_t k = 0; k < r->sites->n_groups; k++)
            points += ncr_sites_of_bit(&r->sites->groups[k], (uint32_t)b);
        if (!points) continue;
        struct ncr_cell c = ncr_tally_bit(r->tally, (uint32_t)b);
        struct ncr_shares s = ncr_tally_shares(scratch, r->tally, b, v->job->per_layer, false,
                                               ncr_normal_t(1 - r->alpha));
        ncr_json_object(j);
        ncr_json_key_i64(j, "bit", b);
        ncr_json_key_i64(j, "points", (int64_t)points);
        counts(j, &c);
        estimate(j, "sdc_share", s.faults);
        estimate(j, "sdc_share_inferences", s.inferences);
        ncr_json_end(j);
    }
    ncr_json_end(j);
}

static void rates(struct ncr_json *j, const struct ncr_inject_view *v)
{
    const struct ncr_campaign_result *r = v->result;
    ncr_json_key(j, "rates");
    ncr_json_array(j);
    for (uint32_t k = 0; k < r->tally->n_rates; k++) {
        const struct ncr_cell *c = &r->tally->cells[k];
        ncr_json_object(j);
        if (r->n_rates) ncr_json_key_f64(j, "ber", r->rates[k]);
        ncr_json_key_f64(j, "flips_mean", c->n ? (double)c->flips / (double)c->n : 0);
        // The classification change rate is the share of inferences whose decision changes.
        estimate(j, "ccr", ncr_cell_shares(c, 0, ncr_normal_t(1 - r->alpha)).inferences);
        cell(j, c, 0, r->alpha);
        labels(j, v, c);
        ncr_json_end(j);
    }
    ncr_json_end(j);
}

void ncr_inject_json(const struct ncr_inject_view *view, struct ncr_buf *out)
{
    const struct ncr_campaign_job *job = view->job;
    const struct ncr_campaign_result *r = view->result;
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) {
        out->failed = true;
        return;
    }
    struct ncr_json json, *j = &json;
    struct ncr_buf text = {0};
    struct ncr_cell sum = ncr_tally_total(r->tally);
    double t = ncr_normal_t(1 - r->alpha);
    ncr_fault_text(&r->fault, &text);
    ncr_json_init(j, out);
    ncr_json_object(j);
    ncr_json_key_str(j, "schema", NCR_STR("nacre.inject/1"));
    if (view->campaign.n) ncr_json_key_str(j, "campaign", view->campaign);
    ncr_json_key_str(j, "net", job->executor->qgraph->name);
    ncr_json_key_str(j, "quant", view->quant);
    ncr_json_key_str(j, "fault", view->fault);
    ncr_json_key_str(j, "fault_text", (struct ncr_str){text.s, (uint32_t)text.n});
    ncr_json_key_str(j, "data", view->data);
    ncr_json_key_i64(j, "inputs", job->n_inputs);
    ncr_json_key_str(j, "executor", ncr_str_of(job->executor->ops->name));
    ncr_json_key_i64(j, "seed", (int64_t)job->seed);
    ncr_json_key_str(j, "sampling",
                     job->per_layer ? NCR_STR("per layer") : NCR_STR("proportional"));
    ncr_json_key_f64(j, "confidence", 1 - r->alpha);
    if (!job->injections && job->margin > 0) {
        ncr_json_key_f64(j, "margin", job->margin);
        ncr_json_key_bool(j, "margin_reached", r->margin_reached);
    }
    ncr_json_key(j, "population");
    if (r->population)
        ncr_json_i64(j, (int64_t)r->population);
    else
        ncr_json_null(j);
    ncr_json_key_i64(j, "points", (int64_t)r->sites->n_points);
    ncr_json_key_i64(j, "planned", (int64_t)r->planned);
    if (job->labels) {
        ncr_json_key_i64(j, "golden_correct", (int64_t)r->golden_correct);
        ncr_json_key_f64(j, "golden_accuracy", (double)r->golden_correct / job->n_inputs);
    }
    ncr_json_key(j, "totals");
    ncr_json_object(j);
    counts(j, &sum);
    if (!r->tally->n_rates) {
        struct ncr_shares plain = ncr_tally_shares(scratch, r->tally, -1, job->per_layer, false, t);
        struct ncr_shares alive = ncr_tally_shares(scratch, r->tally, -1, job->per_layer, true, t);
        estimate(j, "sdc_share", plain.faults);
        estimate(j, "sdc_share_inferences", plain.inferences);
        estimate(j, "sdc_share_resident", alive.faults);
        estimate(j, "sdc_share_inferences_resident", alive.inferences);
    }
    labels(j, view, &sum);
    ncr_json_end(j);
    if (r->tally->n_rates) {
        rates(j, view);
    } else {
        layers(j, view, scratch);
        bits(j, view, scratch);
    }
    uint64_t check = 0;
    for (int o = 0; o < NCR_OUTCOMES_; o++)
        check += sum.outcome[o];
    ncr_json_key_bool(j, "check", check == r->n);
    ncr_json_key_i64(j, "verified", (int64_t)r->verified);
    hash(j, "fingerprint", r->fingerprint);
    hash(j, "digest", r->digest);
    ncr_json_key(j, "timing");
    ncr_json_object(j);
    ncr_json_key_i64(j, "injections", (int64_t)(r->n - r->found));
    ncr_json_key_f64(j, "wall_s", r->wall_s);
    ncr_json_key_i64(j, "faulty_inferences", (int64_t)r->runs);
    ncr_json_key_i64(j, "layers_run", (int64_t)r->steps);
    ncr_json_end(j);
    ncr_json_end(j);
    ncr_buf_putc(out, '\n');
    ncr_buf_free(&text);
    ncr_arena_free(scratch);
}
