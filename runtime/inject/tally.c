// Records to counts, counts to shares with intervals.
#include "runtime/inject/tally.h"

static double step_time(const struct ncr_qnode *node)
{
    return (double)node->macs + (double)ncr_shape_elements(&node->shape);
}

struct ncr_tally *ncr_tally_new(struct ncr_arena *arena, const struct ncr_sites *sites,
                                const struct ncr_harness *harness, uint32_t n_inputs,
                                uint32_t n_rates)
{
    const struct ncr_executor *x = harness->executor;
    const struct ncr_qgraph *g = x->qgraph;
    struct ncr_tally *t = NCR_NEW(arena, struct ncr_tally);
    *t = (struct ncr_tally){.sites = sites, .n_inputs = n_inputs, .n_rates = n_rates};
    size_t n_cells = n_rates ? n_rates : (size_t)sites->n_groups * NCR_TALLY_BITS;
    t->cells = NCR_NEW_N(arena, struct ncr_cell, n_cells);
    t->alive = NCR_NEW_N(arena, double, sites->n_groups);
    double all = 0;
    for (uint32_t s = 0; s < x->n_steps; s++)
        all += step_time(&g->nodes[x->steps[s]]);
    for (uint32_t k = 0; k < sites->n_groups; k++) {
        const struct ncr_site_group *group = &sites->groups[k];
        t->alive[k] = 1;
        if (group->site != NCR_SITES_ACTIVATION || all <= 0) continue;
        uint32_t last = harness->last_use[group->node];
        for (uint32_t o = 0; o < g->n_outputs; o++)
            if (g->outputs[o] == group->node) last = x->n_steps - 1;
        double time = 0;
        for (uint32_t s = harness->step_of[group->node]; s <= last; s++)
            time += step_time(&g->nodes[x->steps[s]]);
        t->alive[k] = time / all;
    }
    return t;
}

static uint32_t group_of(const struct ncr_sites *sites, const struct ncr_record *r)
{
    for (uint32_t k = 0; k < sites->n_groups; k++)
        if (sites->groups[k].node == r->node && (uint8_t)sites->groups[k].site == r->site) return k;
    NCR_BUG("record %llu strikes no site of its campaign", (unsigned long long)r->index);
}

void ncr_tally_add(struct ncr_tally *tally, const struct ncr_record *record)
{
    size_t at = record->rate;
    if (!tally->n_rates)
        at = (size_t)group_of(tally->sites, record) * NCR_TALLY_BITS + record->bit % NCR_TALLY_BITS;
    struct ncr_cell *c = &tally->cells[at];
    tally->n++;
    c->n++;
    c->outcome[record->outcome]++;
    c->runs += record->input == NCR_ALL_INPUTS ? tally->n_inputs : 1;
    c->run_benign += record->n_benign;
    c->run_sdc += record->n_sdc;
    c->run_sdc5 += record->n_sdc5;
    c->run_sdc10 += record->n_sdc10;
    c->run_sdc20 += record->n_sdc20;
    c->broken += record->n_broken;
    c->mended += record->n_mended;
    c->squares += (uint64_t)record->n_sdc * record->n_sdc;
    c->flips += record->n_flips;
}

void ncr_cell_merge(struct ncr_cell *into, const struct ncr_cell *from)
{
    into->n += from->n;
    for (int o = 0; o < NCR_OUTCOMES_; o++)
        into->outcome[o] += from->outcome[o];
    into->runs += from->runs;
    into->run_benign += from->run_benign;
    into->run_sdc += from->run_sdc;
    into->run_sdc5 += from->run_sdc5;
    into->run_sdc10 += from->run_sdc10;
    into->run_sdc20 += from->run_sdc20;
    into->broken += from->broken;
    into->mended += from->mended;
    into->squares += from->squares;
    into->flips += from->flips;
}

struct ncr_cell ncr_tally_group(const struct ncr_tally *tally, uint32_t group)
{
    struct ncr_cell sum = {0};
    for (uint32_t b = 0; b < NCR_TALLY_BITS; b++)
        ncr_cell_merge(&sum, &tally->cells[(size_t)group * NCR_TALLY_BITS + b]);
    return sum;
}

struct ncr_cell ncr_tally_bit(const struct ncr_tally *tally, uint32_t bit)
{
    struct ncr_cell sum = {0};
    for (uint32_t k = 0; k < tally->sites->n_groups; k++)
        ncr_cell_merge(&sum, &tally->cells[(size_t)k * NCR_TALLY_BITS + bit]);
    return sum;
}

struct ncr_cell ncr_tally_total(const struct ncr_tally *tally)
{
    struct ncr_cell sum = {0};
    size_t n = tally->n_rates ? tally->n_rates : (size_t)tally->sites->n_groups * NCR_TALLY_BITS;
    for (size_t i = 0; i < n; i++)
        ncr_cell_merge(&sum, &tally->cells[i]);
    return sum;
}

struct ncr_shares ncr_cell_shares(const struct ncr_cell *cell, uint64_t population, double t)
{
    struct ncr_shares s;
    s.faults = ncr_wilson(cell->outcome[NCR_SDC], cell->n, population, t);
    if (cell->runs == cell->n) {
        s.inferences = s.faults;
        return s;
    }
    // All injections of a cell are judged on the same number of inputs.
    double inputs = cell->n ? (double)cell->runs / (double)cell->n : 1;
    s.inferences = ncr_cluster_interval(cell->n, (double)cell->run_sdc / inputs,
                                        (double)cell->squares / (inputs * inputs), population, t);
    return s;
}

uint64_t ncr_tally_population(const struct ncr_tally *tally, uint32_t group, int bit)
{
    const struct ncr_site_group *g = &tally->sites->groups[group];
    uint64_t points = bit < 0 ? g->n_points : ncr_sites_of_bit(g, (uint32_t)bit);
    return g->persistent ? points : points * tally->n_inputs;
}

struct ncr_shares ncr_tally_shares(struct ncr_arena *scratch, const struct ncr_tally *tally,
                                   int bit, bool per_layer, bool resident, double t)
{
    const struct ncr_sites *sites = tally->sites;
    uint32_t n = 0;
    double *weights = NCR_NEW_N(scratch, double, sites->n_groups);
    struct ncr_cell *cells = NCR_NEW_N(scratch, struct ncr_cell, sites->n_groups);
    uint64_t *population = NCR_NEW_N(scratch, uint64_t, sites->n_groups);
    // Under proportional sampling groups of one class are one stratum, unless residency weights
    // them apart.
    bool by_group = per_layer || resident;
    int stratum_of[NCR_SITES_COUNT_] = {-1, -1, -1};
    double sum = 0;
    for (uint32_t k = 0; k < sites->n_groups; k++) {
        const struct ncr_site_group *g = &sites->groups[k];
        double points = (double)(bit < 0 ? g->n_points : ncr_sites_of_bit(g, (uint32_t)bit));
        if (points <= 0) continue;
        struct ncr_cell cell = bit < 0 ? ncr_tally_group(tally, k)
                                       : tally->cells[(size_t)k * NCR_TALLY_BITS + (size_t)bit];
        uint32_t at = n;
        if (!by_group && stratum_of[g->site] >= 0)
            at = (uint32_t)stratum_of[g->site];
        else
            stratum_of[g->site] = (int)n++;
        double w = points * (resident ? tally->alive[k] : 1);
        weights[at] += w;
        sum += w;
        ncr_cell_merge(&cells[at], &cell);
        population[at] += ncr_tally_population(tally, k, bit);
    }
    struct ncr_estimate *faults = NCR_NEW_N(scratch, struct ncr_estimate, n + 1);
    struct ncr_estimate *inferences = NCR_NEW_N(scratch, struct ncr_estimate, n + 1);
    double seen = 0, faults_p = 0, inferences_p = 0;
    for (uint32_t h = 0; h < n; h++) {
        weights[h] /= sum;
        struct ncr_shares s = ncr_cell_shares(&cells[h], population[h], t);
        faults[h] = s.faults;
        inferences[h] = s.inferences;
        if (!cells[h].n) continue;
        seen += weights[h];
        faults_p += weights[h] * s.faults.p;
        inferences_p += weights[h] * s.inferences.p;
    }
    for (uint32_t h = 0; h < n; h++) {
        if (cells[h].n) continue; // unknown: as the others are, anywhere from 0 to 1
        faults[h] = (struct ncr_estimate){seen > 0 ? faults_p / seen : 0, 0, 1};
        inferences[h] = (struct ncr_estimate){seen > 0 ? inferences_p / seen : 0, 0, 1};
    }
    return (struct ncr_shares){ncr_combine(weights, faults, n),
                               ncr_combine(weights, inferences, n)};
}
