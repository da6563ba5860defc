// Weights and calibration images to the ranges of a report.
#include "tools/nacre/report_range.h"

enum { ACCUMULATOR_BITS = 32 };

// The images that the network was calibrated on, or the first `most` of them, as bytes.
static enum ncr_status observe(struct cli_work *work, uint64_t most, struct ncr_range_map **out)
{
    struct ncr_pipeline *p = &work->pipeline;
    const struct ncr_qnode *x = &p->qgraph->nodes[p->qgraph->inputs[0]];
    size_t size = (size_t)ncr_shape_elements(&x->shape);
    struct ncr_dataset set;
    enum ncr_status status = ncr_pipeline_calibration(p, &set, &work->err);
    if (status != NCR_OK) return status;
    if (set.n > most) set.n = most;
    struct ncr_range_observer *observer = ncr_range_observer_new(p->arena, p->qgraph);
    float *real = NCR_NEW_N(p->arena, float, size);
    int8_t *bytes = NCR_NEW_N(p->arena, int8_t, size);
    double start = p->io->now_s(p->io->user);
    for (uint64_t i = 0; i < set.n; i++) {
        if (ncr_io_stop(p->io)) return NCR_INTERRUPTED;
        const int8_t *inputs[1] = {bytes};
        ncr_dataset_input(&set, i, real);
        ncr_quantise_input(x, real, bytes);
        ncr_range_observer_feed(observer, inputs);
        if (p->io->progress) {
            struct ncr_progress step = {"ranges", i + 1, set.n, p->io->now_s(p->io->user) - start,
                                        NULL};
            p->io->progress(p->io->user, &step);
        }
    }
    *out = ncr_range_observer_finish(observer);
    return NCR_OK;
}

int report_range(struct cli *cli, struct cli_work *work, struct ncr_report *report)
{
    static const enum cli_option needs[] = {OPT_RANGES, OPT_ACCUMULATOR, OPT_LIMIT};
    const char *mode = cli->opt[OPT_RANGES] ? cli->opt[OPT_RANGES] : "sound";
    bool sound = strcmp(mode, "sound") == 0;
    uint64_t bits, most;
    if (!sound && strcmp(mode, "calibrated") != 0)
        return cli_usage(cli, "--ranges is sound or calibrated, not `%s`", mode);
    if (cli->opt[OPT_LIMIT] && sound)
        return cli_usage(cli, "--limit counts the inputs of --ranges calibrated");
    for (size_t i = 0; i < NCR_COUNT(needs) && !cli->opt[OPT_WEIGHTS]; i++)
        if (cli->opt[needs[i]]) return cli_usage(cli, "ranges need the weights: --weights FILE");
    if (!cli_u64(cli, OPT_ACCUMULATOR, 2, ACCUMULATOR_BITS, ACCUMULATOR_BITS, &bits) ||
        !cli_u64(cli, OPT_LIMIT, 1, UINT32_MAX, UINT64_MAX, &most))
        return EXIT_COMMAND_LINE;
    if (!cli->opt[OPT_WEIGHTS]) return EXIT_GOOD;
    struct ncr_pipeline *p = &work->pipeline;
    struct ncr_range_map *map = NULL;
    enum ncr_status status = ncr_pipeline_qgraph(p, &work->err);
    if (status == NCR_OK && sound) map = ncr_range_sound(p->arena, p->qgraph);
    if (status == NCR_OK && !sound) status = observe(work, most, &map);
    if (status == NCR_OK) {
        report->range = ncr_report_range_build(p->arena, p->diags, map, (uint32_t)bits);
        if (!report->range) status = NCR_DIAGNOSED;
    }
    return work_status(cli, work, status);
}
