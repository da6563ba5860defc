// Weights and calibration images to the ranges of a report.
#include "tools/nacre/report_range.h"

enum { ACCUMULATOR_BITS = 32 };

// What is done with the bytes of an image.
typedef void take_fn(void *user, const int8_t *const *inputs);

static void take_ranges(void *user, const int8_t *const *inputs)
{
    ncr_range_observer_feed(user, inputs);
}

static void take_proofs(void *user, const int8_t *const *inputs)
{
    ncr_masked_each_feed(user, inputs);
}

// Feeds the images that the network was calibrated on, or the first `most` of them.
static enum ncr_status feed(struct cli_work *work, uint64_t most, const char *what, take_fn *take,
                            void *user)
{
    struct ncr_pipeline *p = &work->pipeline;
    const struct ncr_qnode *x = &p->qgraph->nodes[p->qgraph->inputs[0]];
    size_t size = (size_t)ncr_shape_elements(&x->shape);
    struct ncr_dataset set;
    enum ncr_status status = ncr_pipeline_calibration(p, &set, &work->err);
    if (status != NCR_OK) return status;
    if (set.n > most) set.n = most;
    float *real = NCR_NEW_N(p->arena, float, size);
    int8_t *bytes = NCR_NEW_N(p->arena, int8_t, size);
    double start = p->io->now_s(p->io->user);
    for (uint64_t i = 0; i < set.n; i++) {
        if (ncr_io_stop(p->io)) return NCR_INTERRUPTED;
        const int8_t *inputs[1] = {bytes};
        ncr_dataset_input(&set, i, real);
        ncr_quantise_input(x, real, bytes);
        take(user, inputs);
        if (p->io->progress) {
            struct ncr_progress step = {what, i + 1, set.n, p->io->now_s(p->io->user) - start,
                                        NULL};
            p->io->progress(p->io->user, &step);
        }
    }
    return NCR_OK;
}

static enum ncr_status observe(struct cli_work *work, uint64_t most, struct ncr_range_map **out)
{
    struct ncr_range_observer *observer =
        ncr_range_observer_new(work->pipeline.arena, work->pipeline.qgraph);
    enum ncr_status status = feed(work, most, "ranges", take_ranges, observer);
    if (status == NCR_OK) *out = ncr_range_observer_finish(observer);
    return status;
}

static enum ncr_status prove_each(struct cli_work *work, uint64_t most,
                                  struct ncr_report_range *range)
{
    struct ncr_masked_each *each = ncr_masked_each_new(work->pipeline.arena, range->masked);
    enum ncr_status status = feed(work, most, "proofs", take_proofs, each);
    if (status == NCR_OK) ncr_report_range_each(range, each);
    return status;
}

int report_range(struct cli *cli, struct cli_work *work, struct ncr_report *report)
{
    static const enum cli_option needs[] = {OPT_RANGES, OPT_ACCUMULATOR, OPT_LIMIT};
    const char *mode = cli->opt[OPT_RANGES] ? cli->opt[OPT_RANGES] : "sound";
    bool sound = strcmp(mode, "sound") == 0, each = strcmp(mode, "each") == 0;
    uint64_t bits, most;
    if (!sound && !each && strcmp(mode, "calibrated") != 0)
        return cli_usage(cli, "--ranges is sound, calibrated or each, not `%s`", mode);
    if (cli->opt[OPT_LIMIT] && sound)
        return cli_usage(cli, "--limit counts the inputs of --ranges calibrated and each");
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
        struct ncr_report_range *range =
            ncr_report_range_build(p->arena, p->diags, map, (uint32_t)bits);
        report->range = range;
        status = !range ? NCR_DIAGNOSED : each ? prove_each(work, most, range) : NCR_OK;
    }
    return work_status(cli, work, status);
}
