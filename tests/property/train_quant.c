// Training for a quantisation: a run that is stopped anywhere ends with the bits of an unbroken
// one, a checkpoint of another run is refused, and so is what cannot be quantised.
#include <criterion/criterion.h>
#include <math.h>

#include "lang/base/rng.h"
#include "runtime/train/trainer.h"
#include "tests/support/graph_of.h"
#include "tests/support/memory_io.h"

enum { SIDE = 8, IMAGES = 36, CLASSES = 3, EPOCHS = 3, BATCH = 8 };

static const char net[] = "graph \"n\" {\n"
                          "  %0 = input \"n/x\" shape 1x8x8 : 1x8x8\n"
                          "  %1 = conv %0 \"n/c\" out 4 kernel 3x3 : 4x8x8\n"
                          "  %2 = batchnorm %1 \"n/b\" : 4x8x8\n"
                          "  %3 = relu %2 \"n/r\" : 4x8x8\n"
                          "  %4 = maxpool %3 \"n/m\" kernel 2x2 : 4x4x4\n"
                          "  %5 = dropout %4 \"n/d\" rate 0.25 : 4x4x4\n"
                          "  %6 = flatten %5 \"n/f\" : 64\n"
                          "  %7 = dense %6 \"n/o\" out 3 : 3\n"
                          "  output \"\" = %7\n}\n";

struct fixture {
    struct ncr_arena *arena;
    struct ncr_graph *graph;
    struct ncr_dataset set;
    uint8_t pixels[IMAGES * SIDE * SIDE], labels[IMAGES];
    struct ncr_quant_spec quant;
    struct ncr_train_spec spec;
    struct memory_io disk;
};

// Noise with a brighter band whose place is the class.
static struct fixture *make(void)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct fixture *f = NCR_NEW(arena, struct fixture);
    f->arena = arena;
    f->graph = graph_of(arena, net);
    struct ncr_rng rng = ncr_rng_at(5, NCR_RNG_TEST, 51);
    for (int i = 0; i < IMAGES; i++) {
        f->labels[i] = (uint8_t)ncr_rng_below(&rng, CLASSES);
        for (int k = 0; k < SIDE * SIDE; k++)
            f->pixels[i * SIDE * SIDE + k] =
                (uint8_t)(ncr_rng_below(&rng, 120) + (k / 20 == f->labels[i] ? 100 : 0));
    }
    f->set = (struct ncr_dataset){.n = IMAGES,
                                  .shape = {3, {1, SIDE, SIDE}},
                                  .n_classes = CLASSES,
                                  .pixels = f->pixels,
                                  .labels = f->labels,
                                  .mean = {0.3F},
                                  .std = {0.2F}};
    f->quant = (struct ncr_quant_spec){.name = NCR_STR("pow2"),
                                       .weights = NCR_QF_LOG2,
                                       .weight_bits = 3,
                                       .activation_bits = 6,
                                       .per_channel = true,
                                       .calibration = NCR_CALIB_PERCENTILE,
                                       .percentile = 0.99,
                                       .calibration_images = 5};
    f->spec = (struct ncr_train_spec){.epochs = EPOCHS,
                                      .batch = BATCH,
                                      .optimizer = NCR_OPT_ADAM,
                                      .lr = 0.01,
                                      .beta1 = 0.9,
                                      .beta2 = 0.999,
                                      .adam_eps = 1e-8,
                                      .quant = &f->quant,
                                      .seed = 3};
    memory_io_init(&f->disk);
    return f;
}

static void end(struct fixture *f)
{
    memory_io_free(&f->disk);
    ncr_arena_free(f->arena);
}

struct outcome {
    enum ncr_status status;
    struct ncr_train_result result;
    struct ncr_weights *weights;
    struct ncr_hash hash;
    struct ncr_error err;
};

static struct outcome train(struct fixture *f, const char *trainer, uint64_t start, bool resume,
                            struct ncr_diags *diags)
{
    struct outcome o = {.weights = ncr_weights_new(f->arena, f->graph)};
    ncr_weights_init(o.weights, f->graph, start);
    struct ncr_train_job job = {.graph = f->graph,
                                .spec = &f->spec,
                                .train = &f->set,
                                .valid = &f->set,
                                .weights = o.weights,
                                .checkpoint = "state",
                                .resume = resume,
                                .threads = 1,
                                .io = &f->disk.io,
                                .diags = diags};
    o.status = ncr_trainer_find(trainer)->train(&job, &o.result, &o.err);
    o.hash = ncr_weights_hash(o.weights, f->graph);
    return o;
}

static void stop_everywhere(const char *trainer)
{
    struct fixture *f = make();
    struct outcome whole = train(f, trainer, 3, false, NULL);
    cr_assert_eq(whole.status, NCR_OK, "%s", whole.err.text);
    int stopped = 0, inside = 0;
    for (int at = 0; at < 100; at++) {
        f->disk.stops_left = at;
        struct outcome first = train(f, trainer, 3, false, NULL);
        f->disk.stops_left = -1;
        if (first.status == NCR_OK) break; // asked fewer times
        cr_assert_eq(first.status, NCR_INTERRUPTED, "%s", first.err.text);
        struct outcome rest = train(f, trainer, 3, true, NULL);
        cr_assert_eq(rest.status, NCR_OK, "%s", rest.err.text);
        cr_assert(ncr_hash_eq(rest.hash, whole.hash), "%s: stopped at question %d", trainer, at);
        cr_assert_eq(rest.result.valid_accuracy, whole.result.valid_accuracy);
        stopped++;
        inside += first.result.epochs_done > 0 && first.result.epochs_done < EPOCHS;
    }
    // Five batches in each of three epochs, and five images at each calibration: before steps 0, 5,
    // 10 and after the last, and after 1, 2, 4 and 8 steps.
    cr_assert_eq(stopped, 3 * 5 + (4 + 4) * 5);
    cr_assert_eq(inside, 2 * 5 + (2 + 1) * 5);
    end(f);
}

Test(train_quant, a_stopped_reference_run_goes_on)
{
    stop_everywhere("reference");
}

Test(train_quant, a_stopped_onednn_run_goes_on)
{
    stop_everywhere("onednn");
}

// It learns, its running statistics have reached the float weights, and those are not the rounded
// ones.
Test(train_quant, float_weights_are_trained)
{
    struct fixture *f = make();
    f->spec.epochs = 20;
    struct outcome o = train(f, "reference", 3, false, NULL);
    cr_assert_eq(o.status, NCR_OK, "%s", o.err.text);
    cr_assert_gt(o.result.valid_accuracy, 0.8);
    struct ncr_weights *begin = ncr_weights_new(f->arena, f->graph);
    ncr_weights_init(begin, f->graph, 3);
    uint32_t moved = 0, values = 0;
    for (uint32_t p = 0; p < f->graph->n_params; p++) {
        const float *w = o.weights->at[p];
        int64_t n = f->graph->params[p].n;
        for (int64_t i = 0; i < n; i++)
            moved += w[i] != begin->at[p][i];
        // 3 bits leave seven values a channel.
        for (int64_t i = 1; f->graph->params[p].role == NCR_PARAM_WEIGHT && i < n; i++)
            values += w[i] != w[i - 1];
        if (f->graph->params[p].role == NCR_PARAM_MEAN || f->graph->params[p].role == NCR_PARAM_VAR)
            for (int64_t i = 0; i < n; i++)
                cr_assert_neq(w[i], begin->at[p][i]);
    }
    cr_assert_gt(moved, 200);
    cr_assert_gt(values, 200);
    end(f);
}

static void expect_refusal(struct fixture *f, uint64_t start, const char *text)
{
    struct outcome o = train(f, "reference", start, true, NULL);
    cr_assert_eq(o.status, NCR_USAGE, "%s", text);
    cr_assert(strstr(o.err.text, text), "%s", o.err.text);
}

Test(train_quant, the_checkpoint_of_another_run_is_refused)
{
    struct fixture *f = make();
    f->disk.stops_left = 12;
    cr_assert_eq(train(f, "reference", 3, false, NULL).status, NCR_INTERRUPTED);
    f->disk.stops_left = -1;
    expect_refusal(f, 4, "belongs to other weights to start from");
    f->spec.quant = NULL;
    expect_refusal(f, 3, "belongs to another quantisation");
    f->spec.quant = &f->quant;
    struct ncr_quant_spec same = f->quant;
    f->quant.weight_bits = 4;
    expect_refusal(f, 3, "belongs to another quantisation");
    f->quant = same;
    f->quant.percentile = 0.98;
    expect_refusal(f, 3, "belongs to another quantisation");
    f->quant = same;
    f->quant.half_steps = true;
    expect_refusal(f, 3, "belongs to another quantisation");
    f->quant = same;
    f->quant.name = NCR_STR("renamed"); // a name changes nothing
    cr_assert_eq(train(f, "reference", 3, true, NULL).status, NCR_OK);
    end(f);
}

// Every byte of a checkpoint counts: none can be flipped, and none left out.
Test(train_quant, a_damaged_checkpoint_is_refused)
{
    struct fixture *f = make();
    f->disk.stops_left = 12;
    cr_assert_eq(train(f, "reference", 3, false, NULL).status, NCR_INTERRUPTED);
    f->disk.stops_left = -1;
    struct ncr_buf *file = memory_io_file(&f->disk, "state");
    size_t n = file->n;
    for (size_t at = 0; at < n; at += 37) {
        file->s[at] ^= 4;
        enum ncr_status status = train(f, "reference", 3, true, NULL).status;
        cr_assert(status == NCR_ENVIRONMENT || status == NCR_USAGE, "byte %zu", at);
        file->s[at] ^= 4;
        file->n = at;
        cr_assert_eq(train(f, "reference", 3, true, NULL).status, NCR_ENVIRONMENT, "%zu bytes", at);
        file->n = n;
    }
    end(f);
}

Test(train_quant, what_cannot_be_quantised_is_diagnosed)
{
    struct fixture *f = make();
    struct ncr_diags diags;
    f->quant.activations = NCR_QF_LOG2;
    ncr_diags_init(&diags, f->arena, ncr_sources_new(f->arena));
    cr_assert_eq(train(f, "reference", 3, false, &diags).status, NCR_DIAGNOSED);
    cr_assert_eq(diags.n_errors, 1);
    cr_assert_eq(ncr_diag_number(diags.first->code), 701);
    f->quant.activations = NCR_QF_LINEAR;
    f->quant.weight_bits = 9;
    struct outcome o = train(f, "onednn", 3, false, NULL);
    cr_assert_eq(o.status, NCR_USAGE);
    cr_assert(strstr(o.err.text, "9"), "%s", o.err.text);
    end(f);
}

// Weights that are not finite are reported, not rounded to something: by the quantiser where it
// sees them, after the epoch where a relu hides them.
Test(train_quant, what_diverged_is_reported)
{
    struct fixture *f = make();
    static const struct {
        ncr_node_id node;
        const char *text;
    } cases[] = {{7, "n/o"}, {1, "training diverged: 'n/c.weight' is not finite after epoch 1"}};
    for (int k = 0; k < 4; k++) {
        struct ncr_weights *w = ncr_weights_new(f->arena, f->graph);
        ncr_weights_init(w, f->graph, 3);
        w->at[f->graph->nodes[cases[k / 2].node].first_param][0] = NAN;
        struct ncr_train_job job = {.graph = f->graph,
                                    .spec = &f->spec,
                                    .train = &f->set,
                                    .weights = w,
                                    .threads = 1,
                                    .io = &f->disk.io};
        struct ncr_train_result result;
        struct ncr_error err;
        const char *trainer = k % 2 ? "onednn" : "reference";
        cr_assert_eq(ncr_trainer_find(trainer)->train(&job, &result, &err), NCR_USAGE);
        cr_assert(strstr(err.text, cases[k / 2].text), "%s: %s", trainer, err.text);
    }
    end(f);
}
