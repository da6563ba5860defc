// Sampling: jobs to numbered injections, and the fingerprint that says which sampling it was.
#include "runtime/inject/design.h"

// The fault as it is run: a sweep replaces the model by bit flips at a rate.
static struct ncr_fault_spec fault_of(const struct ncr_campaign_job *job)
{
    struct ncr_fault_spec fault = *job->fault;
    if (job->n_rates) {
        fault.model = NCR_FAULT_BITFLIP_RATE;
        fault.rate_per_bit = job->rates[0];
        fault.bits = 1;
        fault.adjacent = false;
    }
    return fault;
}

static enum ncr_status build_spread(struct ncr_arena *arena, struct ncr_design *d,
                                    struct ncr_error *err)
{
    if (d->fault.model != NCR_FAULT_BITFLIP_RATE) {
        d->n_rates = 1;
        d->most_flips = ncr_fault_most(&d->fault, NULL);
        return NCR_OK;
    }
    if (d->job->n_rates) {
        d->rates = d->job->rates;
        d->n_rates = d->job->n_rates;
    } else {
        d->rates = ncr_arena_copy(arena, &d->fault.rate_per_bit, sizeof(double));
        d->n_rates = 1;
    }
    d->counts = NCR_NEW_N(arena, struct ncr_binomial, d->n_rates);
    for (uint32_t r = 0; r < d->n_rates; r++) {
        double p = d->rates[r];
        bool ok = ncr_binomial_build(arena, d->sites->n_points, p, &d->counts[r]);
        uint32_t most = ok ? ncr_fault_most(&d->fault, &d->counts[r]) : 0;
        if (!most)
            return ncr_fail(err, NCR_USAGE,
                            "a rate of %g per bit flips about %.0f of %llu bits in one injection; "
                            "the limit is %d",
                            p, p * (double)d->sites->n_points,
                            (unsigned long long)d->sites->n_points, (int)NCR_LIMIT_FLIPS);
        if (most > d->most_flips) d->most_flips = most;
    }
    return NCR_OK;
}

static enum ncr_status build_points(struct ncr_arena *arena, struct ncr_design *d, double t,
                                    struct ncr_error *err)
{
    const struct ncr_sites *sites = d->sites;
    uint64_t *units = NCR_NEW_N(arena, uint64_t, sites->n_groups),
             *shares = NCR_NEW_N(arena, uint64_t, sites->n_groups);
    d->order = NCR_NEW_N(arena, struct ncr_permutation, sites->n_groups);
    d->most_flips = 1;
    for (uint32_t k = 0; k < sites->n_groups; k++) {
        const struct ncr_site_group *g = &sites->groups[k];
        // Points stay below 2^34 a group (NCR_LIMIT_ELEMENTS), inputs below 2^32.
        if (__builtin_mul_overflow(g->n_points, g->persistent ? (uint64_t)1 : d->job->n_inputs,
                                   &units[k]))
            return ncr_fail(err, NCR_USAGE, "too many combinations of fault points and inputs");
        shares[k] =
            d->job->per_layer ? ncr_sample_size(units[k], d->job->margin, t, 0.5) : g->n_points;
        d->order[k] = ncr_permutation_of(units[k], d->job->seed, NCR_RNG_CAMPAIGN, k);
        if (d->job->per_layer) d->planned += shares[k];
    }
    if (!ncr_strata_build(arena, units, shares, sites->n_groups, &d->strata))
        return ncr_fail(err, NCR_USAGE, "too many combinations of fault points and inputs");
    d->population = d->strata.total;
    return NCR_OK;
}

enum ncr_status ncr_design_build(struct ncr_arena *arena, struct ncr_diags *diags,
                                 const struct ncr_campaign_job *job, struct ncr_design *out,
                                 struct ncr_error *err)
{
    *out = (struct ncr_design){.job = job, .fault = fault_of(job)};
    const struct ncr_qgraph *g = job->executor->qgraph;
    if (g->n_inputs != 1)
        return ncr_fail(err, NCR_USAGE,
                        "net '%.*s' has %u inputs; campaigns run on data with one image an input",
                        NCR_STR_ARG(g->name), g->n_inputs);
    if (ncr_shape_elements(&g->nodes[g->outputs[0]].shape) < 2)
        return ncr_fail(err, NCR_USAGE,
                        "the output of '%.*s' has 1 element; a decision that faults can change "
                        "needs 2 at least",
                        NCR_STR_ARG(g->name));
    if (job->n_inputs == 0) return ncr_fail(err, NCR_USAGE, "a campaign needs at least one input");
    if (job->per_layer && !(job->margin > 0))
        return ncr_fail(err, NCR_USAGE, "a campaign per layer needs a margin");
    struct ncr_fault_spec *fault = ncr_arena_copy(arena, &out->fault, sizeof out->fault);
    out->sites = ncr_sites_build(arena, diags, g, fault);
    if (!out->sites) return NCR_DIAGNOSED;
    out->spreads = ncr_fault_spreads(&out->fault);
    if (out->spreads && job->per_layer)
        return ncr_fail(err, NCR_USAGE,
                        "faults that strike many layers at once cannot be sampled per layer");

    double alpha = 1 - job->confidence, t = ncr_normal_t(1 - ncr_looks_last_alpha(alpha));
    enum ncr_status status =
        out->spreads ? build_spread(arena, out, err) : build_points(arena, out, t, err);
    if (status) return status;
    if (job->injections) {
        if (__builtin_mul_overflow(job->injections, out->spreads ? out->n_rates : 1, &out->planned))
            return ncr_fail(err, NCR_USAGE, "too many injections");
    } else if (job->margin > 0) {
        if (out->spreads)
            out->planned = ncr_sample_size(0, job->margin, t, 0.5) * out->n_rates;
        else if (!job->per_layer)
            out->planned = ncr_sample_size(out->population, job->margin, t, 0.5);
    } else if (out->spreads) {
        out->planned = (uint64_t)job->n_inputs * out->n_rates;
    } else {
        return ncr_fail(err, NCR_USAGE, "a campaign needs a number of injections or a margin");
    }
    if (out->population && out->planned > out->population) out->planned = out->population;
    if (!job->injections && job->margin > 0) out->looks = ncr_looks_plan(out->planned, alpha);
    return NCR_OK;
}

struct ncr_draw ncr_design_at(const struct ncr_design *design, uint64_t index)
{
    const struct ncr_campaign_job *job = design->job;
    struct ncr_draw draw = {.input = NCR_ALL_INPUTS};
    if (design->spreads) {
        draw.rate = (uint16_t)(index % design->n_rates);
        draw.trial = index / design->n_rates;
        if (!design->sites->all_persistent) {
            struct ncr_permutation round = ncr_permutation_of(
                job->n_inputs, job->seed, NCR_RNG_SHUFFLE, draw.trial / job->n_inputs);
            draw.input = (uint32_t)ncr_permute(&round, draw.trial % job->n_inputs);
        }
        return draw;
    }
    uint32_t k;
    uint64_t number;
    ncr_strata_at(&design->strata, index, &k, &number);
    const struct ncr_site_group *g = &design->sites->groups[k];
    uint64_t unit = ncr_permute(&design->order[k], number);
    if (!g->persistent) {
        draw.input = (uint32_t)(unit % job->n_inputs);
        unit /= job->n_inputs;
    }
    draw.point = g->first + unit;
    return draw;
}

uint32_t ncr_design_flips(const struct ncr_design *design, const struct ncr_draw *draw,
                          struct ncr_flip *flips)
{
    if (design->spreads)
        return ncr_fault_spread(design->sites, design->counts ? &design->counts[draw->rate] : NULL,
                                design->job->seed, draw->trial, flips, design->most_flips);
    flips[0] = ncr_fault_at(design->sites, draw->point);
    return 1;
}

// ---- fingerprint ----
void ncr_campaign_head(const struct ncr_campaign_job *job, struct ncr_buf *out)
{
    struct ncr_fault_spec fault = fault_of(job);
    struct ncr_buf text[4] = {{0}};
    ncr_fault_text(&fault, &text[0]);
    if (job->n_rates) { // in place of the one rate
        ncr_buf_puts(&text[0], "; rates");
        for (uint32_t r = 0; r < job->n_rates; r++) {
            ncr_buf_putc(&text[0], ' ');
            ncr_buf_f64(&text[0], job->rates[r]);
        }
    }
    ncr_buf_fmt(&text[1], "%llu", (unsigned long long)job->seed);
    ncr_buf_fmt(&text[2], "%u", job->n_inputs);
    if (job->per_layer) { // decides how many injections a layer gets
        ncr_buf_puts(&text[3], "per layer, margin ");
        ncr_buf_f64(&text[3], job->margin);
        ncr_buf_puts(&text[3], ", confidence ");
        ncr_buf_f64(&text[3], job->confidence);
    } else {
        ncr_buf_puts(&text[3], "proportional");
    }
    char quantised[33];
    ncr_hash_text(ncr_qgraph_hash(job->executor->qgraph), quantised);
    const struct {
        const char *key;
        struct ncr_str value;
    } rows[] = {
        {"version", job->version},
        {"network", job->network},
        {"weights", job->weights},
        {"quantised network", ncr_str_of(quantised)},
        {"data", job->data},
        {"inputs", ncr_str_of(text[2].s ? text[2].s : "")},
        {"fault", ncr_str_of(text[0].s ? text[0].s : "")},
        {"seed", ncr_str_of(text[1].s ? text[1].s : "")},
        {"sampling", ncr_str_of(text[3].s ? text[3].s : "")},
    };
    const char *keys[NCR_COUNT(rows)];
    struct ncr_str values[NCR_COUNT(rows)];
    for (size_t i = 0; i < NCR_COUNT(rows); i++)
        keys[i] = rows[i].key, values[i] = rows[i].value;
    ncr_records_head(out, keys, values, NCR_COUNT(rows));
    for (size_t i = 0; i < NCR_COUNT(text); i++) {
        out->failed |= text[i].failed;
        ncr_buf_free(&text[i]);
    }
}

enum ncr_status ncr_campaign_injection(struct ncr_arena *arena, struct ncr_diags *diags,
                                       const struct ncr_campaign_job *job, uint64_t index,
                                       struct ncr_injection *out, struct ncr_error *err)
{
    struct ncr_design design;
    enum ncr_status status = ncr_design_build(arena, diags, job, &design, err);
    if (status) return status;
    if (design.population && index >= design.population)
        return ncr_fail(err, NCR_USAGE, "there is no injection %llu: the population ends at %llu",
                        (unsigned long long)index, (unsigned long long)(design.population - 1));
    struct ncr_draw draw = ncr_design_at(&design, index);
    struct ncr_flip *flips = NCR_NEW_N(arena, struct ncr_flip, design.most_flips);
    uint32_t n = ncr_design_flips(&design, &draw, flips);
    *out = (struct ncr_injection){draw.input, draw.rate, n, flips};
    return NCR_OK;
}
