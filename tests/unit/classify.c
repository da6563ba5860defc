// Classes of images by all three ways, against single evaluations by the interpreters.
#include <criterion/criterion.h>
#include <string.h>

#include "lang/base/rng.h"
#include "runtime/api/classify.h"

enum { CHANNELS = 3, HEIGHT = 6, WIDTH = 5, IMAGE = CHANNELS * HEIGHT * WIDTH, N = 150, OUT = 4 };

// conv, relu, flatten, dense over colour images: a mix-up of channels and pixels would show.
struct fixture {
    struct ncr_arena *arena;
    const struct ncr_graph *graph;
    struct ncr_weights *weights;
    const struct ncr_plan *plan;
    struct ncr_dataset set;
    uint8_t pixels[N * IMAGE], labels[N];
    uint32_t want_float[N], want_int[N];
    int8_t want_scores[N * OUT];
};

static ncr_node_id add(struct ncr_builder *b, enum ncr_op op, struct ncr_attrs a, ncr_node_id in,
                       const char *path)
{
    struct ncr_op_error err;
    return ncr_builder_add(b, op, &a, &in, op != NCR_OP_INPUT, ncr_str_of(path), NCR_NO_NODE, NULL,
                           &err);
}

static void make_graph(struct fixture *f)
{
    struct ncr_builder *b = ncr_builder_new(f->arena, NCR_STR("n"));
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT);
    a.shape = (struct ncr_shape){3, {CHANNELS, HEIGHT, WIDTH}};
    ncr_node_id x = add(b, NCR_OP_INPUT, a, NCR_NO_NODE, "n/x");
    a = ncr_attrs_default(NCR_OP_CONV);
    a.out = 5, a.kernel[0] = a.kernel[1] = 3;
    x = add(b, NCR_OP_CONV, a, x, "n/conv");
    x = add(b, NCR_OP_RELU, ncr_attrs_default(NCR_OP_RELU), x, "n/relu");
    x = add(b, NCR_OP_FLATTEN, ncr_attrs_default(NCR_OP_FLATTEN), x, "n/flatten");
    a = ncr_attrs_default(NCR_OP_DENSE);
    a.out = OUT;
    x = add(b, NCR_OP_DENSE, a, x, "n/dense");
    ncr_builder_output(b, NCR_STR(""), x);
    f->graph = ncr_graph_simplify(f->arena, ncr_builder_finish(b));
    f->weights = ncr_weights_new(f->arena, f->graph);
    ncr_weights_init(f->weights, f->graph, 4);
}

static struct fixture *make(void)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct fixture *f = NCR_NEW(arena, struct fixture);
    f->arena = arena;
    make_graph(f);
    struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_TEST, 0);
    for (int i = 0; i < N * IMAGE; i++)
        f->pixels[i] = (uint8_t)ncr_rng_below(&rng, 256);
    f->set = (struct ncr_dataset){.n = N,
                                  .shape = {3, {CHANNELS, HEIGHT, WIDTH}},
                                  .n_classes = OUT,
                                  .pixels = f->pixels,
                                  .labels = f->labels,
                                  .mean = {0.5f, 0.3f, 0.6f},
                                  .std = {0.2f, 0.4f, 0.3f}};

    struct ncr_quant_spec spec = {.weight_bits = 8, .activation_bits = 8, .per_channel = true};
    struct ncr_calibrator *calibrator = ncr_calibrator_new(arena, f->graph, f->weights, &spec);
    float inputs[N][IMAGE];
    float **values = NCR_NEW_N(arena, float *, f->graph->n_nodes);
    for (int i = 0; i < N; i++) {
        const float *one = inputs[i];
        ncr_dataset_input(&f->set, (uint64_t)i, inputs[i]);
        ncr_calibrator_feed(calibrator, &one);
        ncr_eval_f32(arena, f->graph, f->weights, &one, values);
        const float *scores = values[f->graph->outputs[0].node];
        for (uint32_t c = 1; c < OUT; c++)
            if (scores[c] > scores[f->want_float[i]]) f->want_float[i] = c;
        // Two thirds of the labels are what the float network says.
        f->labels[i] = (uint8_t)(i % 3 ? f->want_float[i] : (f->want_float[i] + 1) % OUT);
    }
    struct ncr_diags diags;
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    struct ncr_qgraph *q = ncr_qgraph_build(arena, &diags, f->graph, &spec, f->weights,
                                            ncr_calibrator_finish(calibrator));
    cr_assert_not_null(q);
    f->plan = ncr_plan_build(arena, q, NCR_PLAN_SHARED);
    int8_t **ints = NCR_NEW_N(arena, int8_t *, q->n_nodes);
    for (int i = 0; i < N; i++) {
        int8_t image[IMAGE];
        const int8_t *one = image;
        ncr_quantise_input(&q->nodes[q->inputs[0]], inputs[i], image);
        ncr_eval_int(arena, q, &one, ints);
        memcpy(f->want_scores + i * OUT, ints[q->outputs[0]], OUT);
        f->want_int[i] = ncr_argmax(&q->nodes[q->outputs[0]], ints[q->outputs[0]], OUT);
    }
    return f;
}

Test(classify, float_interpreter)
{
    struct fixture *f = make();
    struct ncr_io io = ncr_io_posix();
    struct ncr_error err;
    uint32_t classes[N];
    cr_assert_eq(ncr_classify_float(f->graph, f->weights, NULL, 1, &f->set, &io, classes, &err),
                 NCR_OK);
    cr_assert_arr_eq(classes, f->want_float, sizeof classes);
    cr_assert_eq(ncr_classify_right(&f->set, classes), 100);
    ncr_arena_free(f->arena);
}

// A trainer that infers by the interpreter.
static enum ncr_status infer(const struct ncr_graph *graph, const struct ncr_weights *weights,
                             const float *inputs, uint32_t n, uint32_t threads, float *scores,
                             struct ncr_error *err)
{
    if (threads != 2) return ncr_fail(err, NCR_ENVIRONMENT, "%u threads", threads);
    struct ncr_arena *arena = ncr_arena_new(0);
    float **values = NCR_NEW_N(arena, float *, graph->n_nodes);
    for (uint32_t i = 0; i < n; i++) {
        const float *one = inputs + (size_t)i * IMAGE;
        ncr_eval_f32(arena, graph, weights, &one, values);
        memcpy(scores + (size_t)i * OUT, values[graph->outputs[0].node], OUT * sizeof(float));
    }
    ncr_arena_free(arena);
    return NCR_OK;
}

Test(classify, batches_of_a_trainer)
{
    static const struct ncr_trainer trainer = {.name = "plain", .infer = infer};
    struct fixture *f = make();
    struct ncr_io io = ncr_io_posix();
    struct ncr_error err;
    uint32_t classes[N];
    cr_assert_eq(ncr_classify_float(f->graph, f->weights, &trainer, 2, &f->set, &io, classes, &err),
                 NCR_OK);
    cr_assert_arr_eq(classes, f->want_float, sizeof classes);
    cr_assert_eq(ncr_classify_float(f->graph, f->weights, &trainer, 7, &f->set, &io, classes, &err),
                 NCR_ENVIRONMENT);
    cr_assert_str_eq(err.text, "7 threads");
    ncr_arena_free(f->arena);
}

Test(classify, machine_code_and_interpreter)
{
    struct fixture *f = make();
    struct ncr_io io = ncr_io_posix();
    struct ncr_error err;
    struct ncr_code_options options = {0};
    struct ncr_code *code;
    cr_assert_eq(ncr_code_jit(f->plan, &options, &code, &err), NCR_OK, "%s", err.text);
    // Batches of which the last one is not full, where there are more images than one takes.
    struct ncr_plan *many = ncr_plan_build_many(f->arena, f->plan->qgraph);
    struct ncr_code *batches;
    cr_assert_eq(ncr_code_jit(many, &options, &batches, &err), NCR_OK, "%s", err.text);
    cr_assert_eq(many->batch, 64);
    cr_assert_neq(N % many->batch, 0);
    for (int way = 0; way < 3; way++) {
        uint32_t classes[N];
        int8_t scores[N * OUT];
        double seconds = -1;
        cr_assert_eq(ncr_classify_int(way == 2 ? many : f->plan,
                                      way == 2 ? batches
                                      : way    ? code
                                               : NULL,
                                      &f->set, &io, classes, scores, &seconds, &err),
                     NCR_OK);
        cr_assert_arr_eq(classes, f->want_int, sizeof classes);
        cr_assert_arr_eq(scores, f->want_scores, sizeof scores);
        cr_assert_gt(seconds, 0);
    }
    ncr_code_free(batches);
    ncr_code_free(code);
    ncr_arena_free(f->arena);
}

static bool stop_at_once(void *user)
{
    (void)user;
    return true;
}

Test(classify, stops_when_asked)
{
    struct fixture *f = make();
    struct ncr_io io = ncr_io_posix();
    struct ncr_error err;
    uint32_t classes[N];
    io.stop = stop_at_once;
    cr_assert_eq(ncr_classify_float(f->graph, f->weights, NULL, 1, &f->set, &io, classes, &err),
                 NCR_INTERRUPTED);
    cr_assert_eq(ncr_classify_int(f->plan, NULL, &f->set, &io, classes, NULL, NULL, &err),
                 NCR_INTERRUPTED);
    ncr_arena_free(f->arena);
}

Test(classify, refuses_what_does_not_fit)
{
    struct fixture *f = make();
    struct ncr_error err;
    struct ncr_dataset set = f->set;
    set.shape.dim[2]++;
    cr_assert_eq(ncr_classify_fits(f->graph, &set, &err), NCR_USAGE);
    cr_assert_str_eq(err.text, "the images are 3x6x6, but the input of net `n` is 3x6x5");
    set = f->set;
    set.n_classes = 5;
    cr_assert_eq(ncr_classify_fits(f->graph, &set, &err), NCR_USAGE);
    cr_assert_str_eq(err.text, "the images have 5 classes, but net `n` gives 4 scores");
    struct ncr_graph other = *f->graph;
    struct ncr_output output = {NCR_STR(""), 1};
    other.outputs = &output;
    cr_assert_eq(ncr_classify_fits(&other, &f->set, &err), NCR_USAGE);
    cr_assert_str_eq(err.text, "net `n` gives 5x6x5; to classify images it needs a list of scores");
    other.n_outputs = 2;
    cr_assert_eq(ncr_classify_fits(&other, &f->set, &err), NCR_USAGE);
    cr_assert_str_eq(err.text, "net `n` has 1 input and 2 outputs; to classify images it needs one "
                               "of each");
    ncr_arena_free(f->arena);
}
