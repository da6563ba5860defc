// A network of a space to one row: predictions from its topology and its ranges, measurements by
// injection into the trained, quantised network.
#include <math.h>

#include "compiler/analysis/range_estimate.h"
#include "compiler/analysis/report.h"
#include "runtime/api/classify.h"
#include "runtime/inject/campaign.h"
#include "tools/nacre/correlate.h"
#include "tools/nacre/report_relevance.h"

enum { LAYERS = 1024 };

static const double critical_share = 0.1;

struct member {
    struct correlate_job *job;
    struct ncr_arena *arena;
    struct ncr_pipeline pipeline; // borrows the data
    struct ncr_report *report;
    struct ncr_asi lrp[2];     // by enum ncr_relevance_rule
    struct ncr_dataset images; // judged on
    int8_t *inputs;
    const struct ncr_executor *executor;
};

static enum ncr_status train(struct member *m, const struct ncr_graph *graph, struct ncr_error *err)
{
    struct correlate_job *job = m->job;
    struct ncr_pipeline *p = &m->pipeline;
    struct ncr_io silent = job->cli->io;
    struct ncr_dataset set;
    silent.progress = NULL;
    struct ncr_data_ref ref = job->train.data;
    enum ncr_status status = ncr_pipeline_images(p, &ref, &set, err);
    if (status != NCR_OK) return status;
    p->whole = graph;
    p->graph = ncr_graph_simplify(m->arena, graph);
    struct ncr_weights *weights = ncr_weights_new(m->arena, graph);
    ncr_weights_init(weights, graph, job->train.seed);
    struct ncr_train_job work = {.graph = graph,
                                 .spec = &job->train,
                                 .train = &set,
                                 .weights = weights,
                                 .threads = 1,
                                 .io = &silent};
    struct ncr_train_result result;
    status = job->trainer->train(&work, &result, err);
    // The parameters that the simplified network has.
    p->weights = ncr_weights_new(m->arena, p->graph);
    for (uint32_t i = 0; i < p->graph->n_params; i++)
        for (uint32_t k = 0; k < graph->n_params; k++)
            if (ncr_str_eq(graph->params[k].name, p->graph->params[i].name))
                memcpy(p->weights->at[i], weights->at[k],
                       (size_t)p->graph->params[i].n * sizeof(float));
    return status;
}

static enum ncr_status quantise(struct member *m, struct ncr_error *err)
{
    struct ncr_pipeline *p = &m->pipeline;
    struct ncr_data_ref ref = {.data = p->data_spec, .split = NCR_SPLIT_TEST, .end = UINT64_MAX};
    enum ncr_status status = ncr_pipeline_code(p, err);
    if (status == NCR_OK) status = ncr_pipeline_images(p, &ref, &m->images, err);
    if (status != NCR_OK) return status;
    const struct ncr_qgraph *g = p->qgraph;
    uint64_t n = m->images.n < m->job->inputs ? m->images.n : m->job->inputs;
    size_t size = (size_t)ncr_shape_elements(&m->images.shape);
    size_t bytes = (size_t)ncr_qnode_bytes(&g->nodes[g->inputs[0]]);
    m->inputs = NCR_NEW_N(m->arena, int8_t, bytes * n);
    float *real = NCR_NEW_N(m->arena, float, size);
    for (uint64_t i = 0; i < n; i++) {
        ncr_dataset_input(&m->images, i, real);
        ncr_quantise_input(&g->nodes[g->inputs[0]], real, m->inputs + i * bytes);
    }
    m->executor = ncr_executor_jit(m->arena, p->plan, p->code);
    return NCR_OK;
}

static enum ncr_status accuracy(struct member *m, struct correlate_row *row, struct ncr_error *err)
{
    struct ncr_pipeline *p = &m->pipeline;
    struct ncr_io silent = m->job->cli->io;
    silent.progress = NULL;
    uint32_t *classes = NCR_NEW_N(m->arena, uint32_t, (size_t)m->images.n);
    enum ncr_status status = ncr_classify_float(p->graph, p->weights, m->job->trainer, 1,
                                                &m->images, &silent, classes, err);
    double n = (double)m->images.n;
    row->accuracy = (double)ncr_classify_right(&m->images, classes) / n;
    if (status == NCR_OK)
        status = ncr_classify_int(p->plan, p->code, &m->images, &silent, classes, NULL, NULL, err);
    row->measured[MEASURED_ERROR_INT8] = 1 - (double)ncr_classify_right(&m->images, classes) / n;
    return status;
}

static enum ncr_status predict(struct member *m, struct ncr_range_estimate *estimate,
                               struct correlate_row *row, struct ncr_error *err)
{
    struct ncr_pipeline *p = &m->pipeline;
    struct ncr_diags diags;
    ncr_diags_init(&diags, m->arena, p->diags->sources);
    const struct ncr_report *r = m->report =
        ncr_report_build(m->arena, &diags, p->graph, &p->quant, p->quant_is_default);
    struct ncr_range_map *map = ncr_range_sound(m->arena, p->qgraph);
    const struct ncr_masked *proved = ncr_masked_of(m->arena, map);
    *estimate = ncr_range_estimate_of(m->arena, proved);
    double e = estimate->mean,
           masked = proved->n_points ? (double)proved->n_proved / (double)proved->n_points : 0;
    const struct ncr_asi *lrp = m->lrp;
    const float *const *const *samples;
    uint32_t n;
    enum ncr_status status = relevance_samples(p, &samples, &n, err);
    for (int rule = 0; rule < 2 && status == NCR_OK; rule++)
        m->lrp[rule] = ncr_asi_by_relevance(m->arena, p->qgraph, p->weights, samples, n,
                                            (enum ncr_relevance_rule)rule);
#define CLI_PREDICTOR(NAME, name, value) row->predicted[PREDICTOR_##NAME] = value;
#include "tools/nacre/correlate.def"
    return status;
}

static enum ncr_status strike(struct member *m, const struct ncr_fault_spec *fault, bool sweep,
                              struct ncr_campaign_result *result, struct ncr_error *err)
{
    struct correlate_job *job = m->job;
    struct ncr_io silent = job->cli->io;
    silent.progress = NULL;
    struct ncr_campaign_job campaign = {
        .executor = m->executor,
        .fault = fault,
        .rates = sweep ? job->rates : NULL,
        .n_rates = sweep ? job->n_rates : 0,
        .inputs = m->inputs,
        .labels = m->images.labels,
        .n_inputs = (uint32_t)(m->images.n < job->inputs ? m->images.n : job->inputs),
        .seed = job->seed,
        .injections = sweep ? job->trials : 0,
        .margin = job->margin,
        .confidence = 0.95,
        .per_layer = !sweep,
        .threads = job->threads,
        .version = NCR_STR(NACRE_VERSION),
        .network = NCR_STR(""),
        .weights = NCR_STR(""),
        .data = NCR_STR(""),
        .io = &silent};
    return ncr_campaign_run(m->arena, m->pipeline.diags, &campaign, result, err);
}

// Measured share of each layer's faults that change the decision, by qnode; nan where there are
// none of the class.
static double layer_share(const struct ncr_campaign_result *result, uint32_t q,
                          enum ncr_site_class site)
{
    for (uint32_t g = 0; g < result->sites->n_groups; g++) {
        const struct ncr_site_group *group = &result->sites->groups[g];
        if (group->node != q || group->site != site) continue;
        struct ncr_cell cell = ncr_tally_group(result->tally, g);
        return cell.runs ? (double)cell.run_sdc / (double)cell.runs : (double)NAN;
    }
    return (double)NAN;
}

static void within(struct member *m, const struct ncr_range_estimate *estimate,
                   const struct ncr_campaign_result *result, enum ncr_site_class site,
                   struct correlate_row *row)
{
    const struct ncr_report *r = m->report;
    const struct ncr_qgraph *g = m->pipeline.qgraph;
    double x[WITHIN_COUNT_][LAYERS], y[LAYERS];
    bool of_site[WITHIN_COUNT_] = {false};
    uint32_t n = 0;
    for (uint32_t q = 0; q < g->n_nodes && n < LAYERS; q++) {
        const struct ncr_qnode *node = &g->nodes[q];
        y[n] = layer_share(result, q, site);
        if (isnan(y[n])) continue;
        double elements = (double)ncr_shape_elements(&node->shape), macs = (double)node->macs,
               data = elements + (double)node->n_weights + node->n_channels;
        for (uint32_t k = 0; k < node->n_in; k++)
            data += (double)ncr_shape_elements(&g->nodes[node->in[k]].shape);
        (void)macs;
#define CLI_WITHIN(NAME, name, SITE, value)                                                        \
    of_site[WITHIN_##NAME] = site == NCR_SITES_##SITE;                                             \
    if (of_site[WITHIN_##NAME]) x[WITHIN_##NAME][n] = value;
#include "tools/nacre/correlate.def"
        n++;
    }
    for (int w = 0; w < WITHIN_COUNT_; w++) {
        if (!of_site[w]) continue;
        bool enough = n >= 3;
        row->pearson[w] = enough ? ncr_correlate(m->arena, NCR_PEARSON, x[w], y, n) : (double)NAN;
        row->spearman[w] = enough ? ncr_correlate(m->arena, NCR_SPEARMAN, x[w], y, n) : (double)NAN;
    }
}

// Where the classification change rate crosses its bound, between two rates of the grid on
// logarithmic axes; nan where it does not.
static double critical_rate(const struct correlate_job *job, const double *ccr)
{
    for (uint32_t i = 1; i < job->n_rates; i++) {
        if (!(ccr[i - 1] < critical_share && ccr[i] >= critical_share)) continue;
        double at = (critical_share - ccr[i - 1]) / (ccr[i] - ccr[i - 1]);
        return exp(log(job->rates[i - 1]) + at * (log(job->rates[i]) - log(job->rates[i - 1])));
    }
    return (double)NAN;
}

static enum ncr_status inject(struct member *m, const struct ncr_range_estimate *estimate,
                              struct correlate_row *row, struct ncr_error *err)
{
    struct ncr_fault_spec fault = {.name = NCR_STR("single flips"),
                                   .model = NCR_FAULT_BITFLIP,
                                   .bits = 1,
                                   .bit_hi = NCR_FAULT_LAST_BIT,
                                   .has_persistence = true};
    double t = ncr_normal_t(0.95);
    struct ncr_campaign_result result;
    fault.sites = NCR_SITE_ACTIVATION;
    fault.persistence = NCR_TRANSIENT;
    enum ncr_status status = strike(m, &fault, false, &result, err);
    if (status != NCR_OK) return status;
    row->measured[MEASURED_SDC_ACTIVATION] =
        ncr_tally_shares(m->arena, result.tally, -1, true, false, t).inferences.p;
    within(m, estimate, &result, NCR_SITES_ACTIVATION, row);

    fault.sites = NCR_SITE_WEIGHT;
    fault.persistence = NCR_PERMANENT;
    status = strike(m, &fault, false, &result, err);
    if (status != NCR_OK) return status;
    row->measured[MEASURED_SDC_WEIGHT] =
        ncr_tally_shares(m->arena, result.tally, -1, true, false, t).inferences.p;
    within(m, estimate, &result, NCR_SITES_WEIGHT, row);

    fault = (struct ncr_fault_spec){.name = NCR_STR("rates"),
                                    .model = NCR_FAULT_BITFLIP_RATE,
                                    .bits = 1,
                                    .bit_hi = NCR_FAULT_LAST_BIT,
                                    .sites = NCR_SITE_ACTIVATION | NCR_SITE_WEIGHT,
                                    .persistence = NCR_TRANSIENT,
                                    .has_persistence = true};
    status = strike(m, &fault, true, &result, err);
    if (status != NCR_OK) return status;
    row->measured[MEASURED_CCR] = 0;
    for (uint32_t i = 0; i < m->job->n_rates; i++) {
        const struct ncr_cell *cell = &result.tally->cells[i];
        row->ccr[i] = cell->runs ? (double)cell->run_sdc / (double)cell->runs : 0;
        row->measured[MEASURED_CCR] += row->ccr[i] / m->job->n_rates;
    }
    row->measured[MEASURED_CRITICAL] = critical_rate(m->job, row->ccr);
    return NCR_OK;
}

enum ncr_status correlate_measure(struct correlate_job *job, const struct ncr_graph *graph,
                                  struct correlate_row *row, struct ncr_error *err)
{
    struct ncr_pipeline *host = &job->work->pipeline;
    struct member m = {.job = job, .arena = ncr_arena_new(0)};
    if (!m.arena) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    struct ncr_io silent = job->cli->io;
    silent.progress = NULL;
    m.pipeline = *host;
    m.pipeline.arena = m.arena;
    m.pipeline.io = &silent;
    m.pipeline.choice.mode = NCR_PLAN_SEPARATE;
    m.pipeline.weights = NULL;
    m.pipeline.qgraph = NULL;
    m.pipeline.plan = NULL;
    m.pipeline.code = NULL;
    *row = (struct correlate_row){.arch_id = ""};
    ncr_hash_text(ncr_graph_arch_id(ncr_graph_simplify(m.arena, graph)), row->arch_id);
    struct ncr_range_estimate estimate;
    enum ncr_status status = train(&m, graph, err);
    if (status == NCR_OK) status = quantise(&m, err);
    if (status == NCR_OK) status = accuracy(&m, row, err);
    if (status == NCR_OK) status = predict(&m, &estimate, row, err);
    if (status == NCR_OK) {
        status = inject(&m, &estimate, row, err);
    }
    m.pipeline.data = NULL; // the host's
    m.pipeline.other = NULL;
    ncr_pipeline_free(&m.pipeline);
    ncr_arena_free(m.arena);
    return status;
}
