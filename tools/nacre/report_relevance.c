// Weights and calibration images to ASI by relevance propagation.
#include "tools/nacre/report_relevance.h"

enum ncr_status relevance_samples(struct ncr_pipeline *p, const float *const *const **out,
                                  uint32_t *n, struct ncr_error *err)
{
    struct ncr_dataset set;
    enum ncr_status status = ncr_pipeline_calibration(p, &set, err);
    if (status != NCR_OK) return status;
    *n = set.n < RELEVANCE_INPUTS ? (uint32_t)set.n : RELEVANCE_INPUTS;
    size_t size = (size_t)ncr_shape_elements(&set.shape);
    const float *const **samples = NCR_NEW_N(p->arena, const float *const *, *n);
    for (uint32_t i = 0; i < *n; i++) {
        float *image = NCR_NEW_N(p->arena, float, size);
        const float **input = NCR_NEW_N(p->arena, const float *, 1);
        ncr_dataset_input(&set, i, image);
        input[0] = image;
        samples[i] = input;
    }
    *out = samples;
    return NCR_OK;
}

int report_relevance(struct cli *cli, struct cli_work *work, struct ncr_report *report)
{
    if (!cli->opt[OPT_WEIGHTS]) return EXIT_GOOD;
    struct ncr_pipeline *p = &work->pipeline;
    const float *const *const *samples;
    uint32_t n = 0;
    enum ncr_status status = ncr_pipeline_qgraph(p, &work->err);
    if (status == NCR_OK) status = relevance_samples(p, &samples, &n, &work->err);
    for (int rule = 0; rule < 2 && status == NCR_OK; rule++)
        report->asi_lrp[rule] = ncr_asi_by_relevance(p->arena, p->qgraph, p->weights, samples, n,
                                                     (enum ncr_relevance_rule)rule);
    report->n_relevance = n;
    return work_status(cli, work, status);
}
