// A training job to the state of its quantisation: which tensors are rounded, and to what.
#include "runtime/train/quantised.h"

// The quantiser has reported to a sink.
static enum ncr_status refused(const struct ncr_train_quant *quant, struct ncr_error *err)
{
    if (quant->job->diags) return NCR_DIAGNOSED;
    return ncr_fail(err, NCR_USAGE, "%.*s", NCR_STR_ARG(quant->own.first->text));
}

enum ncr_status ncr_train_quant_open(struct ncr_train_quant *quant, struct ncr_arena *arena,
                                     const struct ncr_train_job *job, struct ncr_error *err)
{
    *quant = (struct ncr_train_quant){.job = job, .arena = arena};
    struct ncr_diags *diags = job->diags;
    if (!diags) {
        diags = &quant->own;
        ncr_diags_init(diags, arena, ncr_sources_new(arena));
    }
    quant->fake = ncr_fake_new(arena, diags, job->graph, job->spec->quant);
    if (!quant->fake) return refused(quant, err);
    uint32_t n = ncr_fake_graph(quant->fake)->n_nodes;
    quant->ranges = (struct ncr_ranges){n, NCR_NEW_N(arena, float, n), NCR_NEW_N(arena, float, n)};
    quant->rounding.tensors = ncr_fake_tensors(quant->fake);
    return NCR_OK;
}

enum ncr_status ncr_train_quant_restore(struct ncr_train_quant *quant, struct ncr_error *err)
{
    return ncr_fake_set_ranges(quant->fake, &quant->ranges) ? NCR_OK : refused(quant, err);
}

enum ncr_status ncr_train_quant_calibrate(struct ncr_train_quant *quant,
                                          const struct ncr_weights *weights, struct ncr_error *err)
{
    const struct ncr_quant_spec *spec = quant->job->spec->quant;
    const struct ncr_dataset *set = quant->job->train;
    struct ncr_arena_mark mark = ncr_arena_mark(quant->arena);
    struct ncr_calibrator *calibrator = ncr_calibrator_new(
        quant->arena, ncr_fake_graph(quant->fake), ncr_fake_view(quant->fake, weights), spec);
    float *input = NCR_NEW_N(quant->arena, float, (size_t)ncr_shape_elements(&set->shape));
    uint64_t n = set->n < spec->calibration_images ? set->n : spec->calibration_images;
    bool stopped = false;
    for (uint64_t i = 0; i < n && !stopped; i++) {
        ncr_dataset_input(set, i, input);
        const float *inputs[1] = {input};
        ncr_calibrator_feed(calibrator, inputs);
        stopped = ncr_io_stop(quant->job->io);
    }
    if (!stopped) {
        const struct ncr_ranges *found = ncr_calibrator_finish(calibrator);
        memcpy(quant->ranges.lo, found->lo, found->n * sizeof(float));
        memcpy(quant->ranges.hi, found->hi, found->n * sizeof(float));
    }
    ncr_arena_reset(quant->arena, mark);
    return stopped ? NCR_INTERRUPTED : ncr_train_quant_restore(quant, err);
}
