// Program to machine code, step by step, for the commands and the public API.
#include "runtime/api/pipeline.h"

void ncr_pipeline_init(struct ncr_pipeline *pipeline, struct ncr_arena *arena,
                       struct ncr_diags *diags, const struct ncr_io *io,
                       const struct ncr_program *program, const struct ncr_pipeline_choice *choice)
{
    *pipeline = (struct ncr_pipeline){
        .arena = arena, .diags = diags, .io = io, .program = program, .choice = *choice};
}

void ncr_pipeline_free(struct ncr_pipeline *pipeline)
{
    ncr_code_free(pipeline->code);
    ncr_data_free(pipeline->data);
    ncr_data_free(pipeline->other);
    pipeline->code = NULL;
    pipeline->data = NULL;
    pipeline->other = NULL;
    pipeline->other_spec = NULL;
}

struct ncr_quant_spec ncr_quant_default(void)
{
    return (struct ncr_quant_spec){.name = NCR_STR("int8"),
                                   .weights = NCR_QF_LINEAR,
                                   .activations = NCR_QF_LINEAR,
                                   .weight_bits = 8,
                                   .activation_bits = 8,
                                   .per_channel = true,
                                   .calibration = NCR_CALIB_MINMAX,
                                   .percentile = 0.999,
                                   .calibration_images = 512};
}

// "there is no KIND `name`; did you mean `near`?" or the list of what there is.
static enum ncr_status no_such(struct ncr_error *err, const char *kind, struct ncr_str name,
                               const struct ncr_str *names, uint32_t n)
{
    struct ncr_str near = ncr_diag_nearest(name, names, n);
    if (near.n)
        return ncr_fail(err, NCR_USAGE, "there is no %s `%.*s`; did you mean `%.*s`?", kind,
                        NCR_STR_ARG(name), NCR_STR_ARG(near));
    if (n == 0)
        return ncr_fail(err, NCR_USAGE, "there is no %s `%.*s`: the program declares none", kind,
                        NCR_STR_ARG(name));
    return ncr_fail(err, NCR_USAGE, "there is no %s `%.*s`; the first declared is `%.*s`", kind,
                    NCR_STR_ARG(name), NCR_STR_ARG(names[0]));
}

// Expands to a search of array[0..n) by name; leaves the index or returns with a text.
#define FIND(pipeline, err, kind, array, n, wanted, index)                                         \
    do {                                                                                           \
        for ((index) = 0; (index) < (n); (index)++)                                                \
            if (ncr_str_eq((array)[index]->name, (wanted))) break;                                 \
        if ((index) == (n)) {                                                                      \
            struct ncr_str *names_ = NCR_NEW_N((pipeline)->arena, struct ncr_str, (n) + 1);        \
            for (uint32_t k_ = 0; k_ < (n); k_++)                                                  \
                names_[k_] = (array)[k_]->name;                                                    \
            return no_such((err), (kind), (wanted), names_, (n));                                  \
        }                                                                                          \
    } while (0)

// The network of the decisions given; NULL after a diagnostic.
static const struct ncr_graph *member(struct ncr_pipeline *pipeline)
{
    struct ncr_space *space = pipeline->net->space;
    uint32_t *given = NCR_NEW_N(pipeline->arena, uint32_t, (size_t)space->decisions.n + 1), open,
             failed;
    if (!ncr_genotype_resolve(space, pipeline->diags, &pipeline->choice.genes, given, &open))
        return NULL;
    if (open != NCR_UNSET) {
        const struct ncr_space_decision *d = &space->decisions.at[open];
        struct ncr_diag *diag = NCR_DIAG(pipeline->diags, DECISION_OPEN, d->span, (int)d->path.n,
                                         d->path.s, (int)space->name.n, space->name.s);
        ncr_diag_help(pipeline->diags, diag, "decide it: --set '%.*s=…'", NCR_STR_ARG(d->path));
        return NULL;
    }
    const struct ncr_graph *graph = ncr_space_bind(space, given, pipeline->arena);
    pipeline->taken = given;
    if (ncr_space_feasible(space, given, graph, &failed)) return graph;
    NCR_DIAG0(pipeline->diags, MEMBER_REFUSED, space->requires.at[failed].span);
    return NULL;
}

enum ncr_status ncr_pipeline_graph(struct ncr_pipeline *pipeline, struct ncr_error *err)
{
    if (pipeline->graph) return NCR_OK;
    enum ncr_status status =
        ncr_program_find_net(pipeline->program, pipeline->choice.net, &pipeline->net, err);
    if (status != NCR_OK) return status;
    const struct ncr_graph *graph;
    if (pipeline->net->space && pipeline->choice.genes.genes.n) {
        graph = member(pipeline);
    } else if (pipeline->choice.genes.genes.n) {
        return ncr_fail(err, NCR_USAGE, "the net `%.*s` has no decisions to make",
                        NCR_STR_ARG(pipeline->net->name));
    } else {
        graph = ncr_program_graph(pipeline->program, pipeline->net, pipeline->diags);
    }
    if (!graph) return NCR_DIAGNOSED;
    pipeline->whole = graph;
    pipeline->graph = ncr_graph_simplify(pipeline->arena, graph);
    struct ncr_error why;
    if (!ncr_graph_verify(graph, &why) || !ncr_graph_verify(pipeline->graph, &why))
        NCR_BUG("net `%.*s`: %s", NCR_STR_ARG(graph->name), why.text);
    return NCR_OK;
}

enum ncr_status ncr_pipeline_quant(struct ncr_pipeline *pipeline, struct ncr_error *err)
{
    const struct ncr_config *config = ncr_program_config(pipeline->program);
    uint32_t i = 0;
    if (pipeline->choice.quant.n)
        FIND(pipeline, err, "quant", config->quant, config->n_quant, pipeline->choice.quant, i);
    pipeline->quant_is_default = config->n_quant == 0;
    pipeline->quant = pipeline->quant_is_default ? ncr_quant_default() : *config->quant[i];
    return NCR_OK;
}

enum ncr_status ncr_pipeline_weights(struct ncr_pipeline *pipeline, struct ncr_error *err)
{
    if (pipeline->weights) return NCR_OK;
    enum ncr_status status = ncr_pipeline_graph(pipeline, err);
    if (status != NCR_OK) return status;
    if (!pipeline->choice.weights_path)
        return ncr_fail(err, NCR_USAGE,
                        "trained weights are needed: make them with `nacre train FILE -o "
                        "W.safetensors`, then give "
                        "--weights W.safetensors");
    struct ncr_weights *weights = ncr_weights_new(pipeline->arena, pipeline->graph);
    status = ncr_safetensors_read(pipeline->graph, weights, pipeline->io,
                                  pipeline->choice.weights_path, err);
    if (status == NCR_OK) pipeline->weights = weights;
    return status;
}

static enum ncr_status choose_data(struct ncr_pipeline *pipeline, struct ncr_error *err)
{
    const struct ncr_config *config = ncr_program_config(pipeline->program);
    uint32_t i = 0;
    if (pipeline->choice.train.n)
        FIND(pipeline, err, "train", config->train, config->n_train, pipeline->choice.train, i);
    pipeline->train = config->n_train ? config->train[i] : NULL;
    if (pipeline->choice.data.n) {
        FIND(pipeline, err, "data", config->data, config->n_data, pipeline->choice.data, i);
        pipeline->data_spec = config->data[i];
    } else if (pipeline->train) {
        pipeline->data_spec = pipeline->train->data.data;
    } else if (config->n_data) {
        pipeline->data_spec = config->data[0];
    } else {
        return ncr_fail(err, NCR_USAGE,
                        "the program declares no data; add e.g. `data images = digits(seed: 1);`");
    }
    return NCR_OK;
}

// Opens a source and checks that its images fit the net.
static enum ncr_status open_data(const struct ncr_pipeline *pipeline,
                                 const struct ncr_data_spec *spec, struct ncr_data **out,
                                 struct ncr_error *err)
{
    struct ncr_str base = ncr_program_folder(pipeline->program);
    const char *path = pipeline->choice.data_path;
    if (path) {
        size_t n = strlen(path);
        base = ncr_str_fmt(pipeline->arena, "%s%s", path, n && path[n - 1] != '/' ? "/" : "");
    }
    struct ncr_data *data;
    enum ncr_status status = ncr_data_open(spec, base, pipeline->io, &data, err);
    if (status != NCR_OK) return status;

    struct ncr_data_ref all = {.data = spec, .split = NCR_SPLIT_TRAIN, .end = UINT64_MAX};
    struct ncr_dataset set;
    status = ncr_data_view(data, &all, &set, err);
    const struct ncr_graph *graph = pipeline->graph;
    const struct ncr_shape *want = &graph->nodes[graph->inputs[0]].shape;
    const struct ncr_shape *scores = &graph->nodes[graph->outputs[0].node].shape;
    char a[48], b[48];
    if (status == NCR_OK && graph->n_inputs != 1)
        status = ncr_fail(err, NCR_USAGE, "net `%.*s` has %u inputs; a data set gives one",
                          NCR_STR_ARG(graph->name), graph->n_inputs);
    if (status == NCR_OK && !ncr_shape_equal(want, &set.shape))
        status =
            ncr_fail(err, NCR_USAGE, "images of `%.*s` are %s, but the input of net `%.*s` is %s",
                     NCR_STR_ARG(spec->name), ncr_shape_text(&set.shape, a),
                     NCR_STR_ARG(graph->name), ncr_shape_text(want, b));
    if (status == NCR_OK && ncr_shape_elements(scores) < set.n_classes)
        status = ncr_fail(err, NCR_USAGE, "`%.*s` has %u classes, but net `%.*s` gives %s scores",
                          NCR_STR_ARG(spec->name), set.n_classes, NCR_STR_ARG(graph->name),
                          ncr_shape_text(scores, a));
    if (status == NCR_OK)
        *out = data;
    else
        ncr_data_free(data);
    return status;
}

enum ncr_status ncr_pipeline_data(struct ncr_pipeline *pipeline, struct ncr_error *err)
{
    if (pipeline->data) return NCR_OK;
    enum ncr_status status = ncr_pipeline_graph(pipeline, err);
    if (status == NCR_OK) status = choose_data(pipeline, err);
    if (status == NCR_OK) status = open_data(pipeline, pipeline->data_spec, &pipeline->data, err);
    return status;
}

enum ncr_status ncr_pipeline_images(struct ncr_pipeline *pipeline, const struct ncr_data_ref *ref,
                                    struct ncr_dataset *out, struct ncr_error *err)
{
    enum ncr_status status = ncr_pipeline_data(pipeline, err);
    if (status != NCR_OK) return status;
    if (ref->data == pipeline->data_spec) return ncr_data_view(pipeline->data, ref, out, err);
    if (ref->data != pipeline->other_spec) {
        ncr_data_free(pipeline->other);
        pipeline->other = NULL;
        pipeline->other_spec = NULL;
        status = open_data(pipeline, ref->data, &pipeline->other, err);
        if (status != NCR_OK) return status;
        pipeline->other_spec = ref->data;
    }
    return ncr_data_view(pipeline->other, ref, out, err);
}

enum ncr_status ncr_pipeline_calibration(struct ncr_pipeline *pipeline, struct ncr_dataset *out,
                                         struct ncr_error *err)
{
    struct ncr_data_ref ref = {
        .data = pipeline->data_spec, .split = NCR_SPLIT_TRAIN, .end = UINT64_MAX};
    if (pipeline->train && pipeline->train->data.data == pipeline->data_spec)
        ref = pipeline->train->data;
    enum ncr_status status = ncr_data_view(pipeline->data, &ref, out, err);
    if (status != NCR_OK) return status;
    if (out->n > pipeline->quant.calibration_images) out->n = pipeline->quant.calibration_images;
    if (out->n == 0)
        return ncr_fail(err, NCR_USAGE,
                        "the training split is empty: there is nothing to calibrate on");
    return NCR_OK;
}

static enum ncr_status calibrate(struct ncr_pipeline *pipeline, const struct ncr_ranges **out,
                                 struct ncr_error *err)
{
    struct ncr_dataset set;
    enum ncr_status status = ncr_pipeline_calibration(pipeline, &set, err);
    if (status != NCR_OK) return status;
    uint64_t n = set.n;
    struct ncr_calibrator *calibrator =
        ncr_calibrator_new(pipeline->arena, pipeline->graph, pipeline->weights, &pipeline->quant);
    float *input = NCR_NEW_N(pipeline->arena, float, (size_t)ncr_shape_elements(&set.shape));
    double start = pipeline->io->now_s(pipeline->io->user);
    for (uint64_t i = 0; i < n; i++) {
        if (ncr_io_stop(pipeline->io)) return NCR_INTERRUPTED;
        ncr_dataset_input(&set, i, input);
        const float *inputs[1] = {input};
        ncr_calibrator_feed(calibrator, inputs);
        if (pipeline->io->progress) {
            struct ncr_progress step = {"calibrate", i + 1, n,
                                        pipeline->io->now_s(pipeline->io->user) - start, NULL};
            pipeline->io->progress(pipeline->io->user, &step);
        }
    }
    *out = ncr_calibrator_finish(calibrator);
    return NCR_OK;
}

enum ncr_status ncr_pipeline_qgraph(struct ncr_pipeline *pipeline, struct ncr_error *err)
{
    if (pipeline->qgraph) return NCR_OK;
    enum ncr_status status = ncr_pipeline_quant(pipeline, err);
    if (status == NCR_OK) status = ncr_pipeline_weights(pipeline, err);
    if (status == NCR_OK) status = ncr_pipeline_data(pipeline, err);
    const struct ncr_ranges *ranges = NULL;
    if (status == NCR_OK) status = calibrate(pipeline, &ranges, err);
    if (status != NCR_OK) return status;
    pipeline->qgraph = ncr_qgraph_build(pipeline->arena, pipeline->diags, pipeline->graph,
                                        &pipeline->quant, pipeline->weights, ranges);
    return pipeline->qgraph ? NCR_OK : NCR_DIAGNOSED;
}

enum ncr_status ncr_pipeline_plan(struct ncr_pipeline *pipeline, struct ncr_error *err)
{
    if (pipeline->plan) return NCR_OK;
    enum ncr_status status = ncr_pipeline_qgraph(pipeline, err);
    if (status != NCR_OK) return status;
    const struct ncr_pipeline_choice *choice = &pipeline->choice;
    if (choice->many)
        pipeline->plan = ncr_plan_build_many(pipeline->arena, pipeline->qgraph);
    else if (choice->batch > 1)
        pipeline->plan = ncr_plan_build_batch(pipeline->arena, pipeline->qgraph, choice->batch);
    else
        pipeline->plan = ncr_plan_build(pipeline->arena, pipeline->qgraph, choice->mode);
    return NCR_OK;
}

enum ncr_status ncr_pipeline_code(struct ncr_pipeline *pipeline, struct ncr_error *err)
{
    if (pipeline->code) return NCR_OK;
    enum ncr_status status = ncr_pipeline_plan(pipeline, err);
    if (status != NCR_OK) return status;
    struct ncr_code_options options = {.store = pipeline->choice.store,
                                       .optimize = pipeline->choice.optimize};
    return ncr_code_jit(pipeline->plan, &options, &pipeline->code, err);
}

static bool read_number(struct ncr_str text, uint64_t *out)
{
    if (text.n == 0 || text.n > 18) return false;
    *out = 0;
    for (uint32_t i = 0; i < text.n; i++) {
        if (text.s[i] < '0' || text.s[i] > '9') return false;
        *out = *out * 10 + (uint64_t)(text.s[i] - '0');
    }
    return true;
}

// "[a..b]" at the end of text: cuts it off and gives its bounds. False when there are brackets of
// another form.
static bool cut_range(struct ncr_str *text, uint64_t *begin, uint64_t *end)
{
    *begin = 0;
    *end = UINT64_MAX;
    const char *open = memchr(text->s, '[', text->n);
    if (!open) return true;
    struct ncr_str inside = {open + 1, (uint32_t)(text->s + text->n - open - 1)};
    if (inside.n < 2 || inside.s[inside.n - 1] != ']') return false;
    inside.n--;
    uint32_t dots = 0;
    while (dots + 1 < inside.n && memcmp(inside.s + dots, "..", 2) != 0)
        dots++;
    if (dots + 1 >= inside.n) return false;
    if (!read_number((struct ncr_str){inside.s, dots}, begin)) return false;
    if (!read_number((struct ncr_str){inside.s + dots + 2, inside.n - dots - 2}, end)) return false;
    text->n = (uint32_t)(open - text->s);
    return *begin <= *end;
}

enum ncr_status ncr_pipeline_data_ref(const struct ncr_pipeline *pipeline, struct ncr_str text,
                                      struct ncr_data_ref *out, struct ncr_error *err)
{
    struct ncr_str rest = text, name = {"", 0};
    *out = (struct ncr_data_ref){.data = pipeline->data_spec};
    if (!cut_range(&rest, &out->begin, &out->end))
        return ncr_fail(
            err, NCR_USAGE,
            "`%.*s` is not a data reference; write e.g. images.test or images.test[0..100]",
            NCR_STR_ARG(text));
    const char *dot = memchr(rest.s, '.', rest.n);
    if (dot) {
        name = (struct ncr_str){rest.s, (uint32_t)(dot - rest.s)};
        rest = (struct ncr_str){dot + 1, rest.n - name.n - 1};
    }
    static const struct ncr_str splits[] = {{"train", 5}, {"valid", 5}, {"test", 4}};
    uint32_t split = 0;
    while (split < NCR_COUNT(splits) && !ncr_str_eq(rest, splits[split]))
        split++;
    if (split == NCR_COUNT(splits)) return no_such(err, "split", rest, splits, NCR_COUNT(splits));
    out->split = (enum ncr_split)split;
    if (name.n) {
        const struct ncr_config *config = ncr_program_config(pipeline->program);
        uint32_t i;
        FIND(pipeline, err, "data", config->data, config->n_data, name, i);
        out->data = config->data[i];
    }
    return NCR_OK;
}
