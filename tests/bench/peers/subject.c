// A network, its numbers and its code.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "compiler/sema/program.h"
#include "lang/base/rng.h"
#include "runtime/api/pipeline.h"
#include "tests/bench/peers/peers.h"

enum { SEED = 1 };

static double uniform(struct ncr_rng *rng, double lo, double hi)
{
    return lo + (hi - lo) * ncr_rng_f64(rng);
}

// Biases and batchnorms are random too: were they 0 and 1, errors in folding could not be seen.
static void disturb(const struct ncr_graph *graph, struct ncr_weights *weights)
{
    for (uint32_t p = 0; p < graph->n_params; p++) {
        struct ncr_rng rng = ncr_rng_at(SEED, NCR_RNG_TEST, p);
        for (int64_t i = 0; i < graph->params[p].n; i++) {
            float *v = &weights->at[p][i];
            switch (graph->params[p].role) {
            case NCR_PARAM_WEIGHT: break;
            case NCR_PARAM_BIAS:
            case NCR_PARAM_BETA:
            case NCR_PARAM_MEAN: *v = (float)uniform(&rng, -0.1, 0.1); break;
            case NCR_PARAM_GAMMA: *v = (float)uniform(&rng, 0.7, 1.1); break;
            case NCR_PARAM_VAR: *v = (float)uniform(&rng, 0.7, 1.3); break;
            }
        }
    }
}

const struct ncr_qnode *subject_input(const struct subject *s)
{
    return &s->qgraph->nodes[s->qgraph->inputs[0]];
}

const struct ncr_qnode *subject_output(const struct subject *s)
{
    return &s->qgraph->nodes[s->qgraph->outputs[0]];
}

static void make_images(struct subject *s)
{
    struct ncr_rng rng = ncr_rng_at(SEED, NCR_RNG_TEST, UINT32_MAX);
    s->in = ncr_shape_elements(&s->graph->nodes[s->graph->inputs[0]].shape);
    s->real = NCR_NEW_N(s->arena, float, (size_t)(s->in * PEERS_IMAGES));
    for (int64_t i = 0; i < s->in * PEERS_IMAGES; i++)
        s->real[i] = (float)uniform(&rng, -1, 1);
}

static void quantise_images(struct subject *s)
{
    const struct ncr_qnode *input = subject_input(s);
    const struct ncr_shape *shape = &input->shape;
    int64_t C = shape->dim[0], places = s->in / C;
    s->images = NCR_NEW_N(s->arena, int8_t, (size_t)(s->in * PEERS_IMAGES));
    s->turned = NCR_NEW_N(s->arena, int8_t, (size_t)(s->in * PEERS_IMAGES));
    for (int64_t n = 0; n < PEERS_IMAGES; n++) {
        const int8_t *from = s->images + n * s->in;
        ncr_quantise_input(input, s->real + n * s->in, s->images + n * s->in);
        for (int64_t c = 0; c < C; c++)
            for (int64_t p = 0; p < places; p++)
                s->turned[n * s->in + p * C + c] = from[c * places + p];
    }
}

static const struct ncr_graph *load(struct subject *s, const struct ncr_io *io, const char *program,
                                    struct ncr_diags *diags)
{
    struct ncr_sources *sources = ncr_sources_new(s->arena);
    ncr_diags_init(diags, s->arena, sources);
    struct ncr_modules *modules =
        ncr_modules_load_text(s->arena, sources, diags, io, NCR_STR("networks.ncr"),
                              ncr_str_of(program), NCR_STR(""), NULL);
    struct ncr_program *checked = ncr_program_check(s->arena, diags, modules);
    const struct ncr_net_info *net;
    struct ncr_error err;
    if (diags->n_errors) NCR_BUG("networks.ncr has an error; nacre check shows it");
    if (ncr_program_find_net(checked, ncr_str_of(s->name), &net, &err) != NCR_OK)
        NCR_BUG("%s", err.text);
    return ncr_graph_simplify(s->arena, net->graph);
}

// Emitted code against the integer interpreter; and results must depend on the image, or nothing
// would be compared.
static void check(const struct subject *s)
{
    bool varies = false;
    for (int64_t n = 1; n < PEERS_IMAGES; n++)
        varies |= memcmp(s->result, s->result + n * s->out, (size_t)s->out) != 0;
    if (!varies) NCR_BUG("%s: all images have the same result", s->name);
    for (int64_t n = 0; n < PEERS_CHECKED; n++) {
        struct ncr_arena_mark mark = ncr_arena_mark(s->arena);
        int8_t **values = NCR_NEW_N(s->arena, int8_t *, s->qgraph->n_nodes);
        const int8_t *in[1] = {s->images + n * s->in};
        ncr_eval_int(s->arena, s->qgraph, in, values);
        if (memcmp(values[s->qgraph->outputs[0]], s->result + n * s->out, (size_t)s->out) != 0)
            NCR_BUG("%s: emitted code and interpreter differ on image %d", s->name, (int)n);
        ncr_arena_reset(s->arena, mark);
    }
}

void subject_run(const struct subject *s, int thread, int first, int end)
{
    int b = 0;
    while (b < PEERS_BATCHES && s->plans[b]->batch != (uint32_t)(end - first))
        b++;
    if (b == PEERS_BATCHES) NCR_BUG("%s: no code for %d images", s->name, end - first);
    const int8_t *in[1] = {s->turned + first * s->in};
    int8_t *to[1] = {s->result + first * s->out};
    ncr_code_run(s->codes[b], ncr_code_blob(s->codes[b]), s->memory[thread], in, to);
}

// Code of each batch, and memory that is enough for any.
static void compile(struct subject *s)
{
    static const uint32_t batches[] = {
        [PEERS_ONE] = 1, [PEERS_ALL] = PEERS_IMAGES, [PEERS_HALF] = PEERS_IMAGES / 2};
    // NACRE_FAMILY: another machine family than the best, for comparisons on equal instructions.
    struct ncr_code_options options = {.family = getenv("NACRE_FAMILY")},
                            sized = {.sizes = &s->sizes};
    struct ncr_error err;
    size_t bytes = 0;
    for (int b = 0; b < PEERS_BATCHES; b++) {
        s->plans[b] = ncr_plan_build_batch(s->arena, s->qgraph, batches[b]);
        if (ncr_code_jit(s->plans[b], &options, &s->codes[b], &err) != NCR_OK)
            NCR_BUG("%s", err.text);
        if (s->plans[b]->arena_bytes > bytes) bytes = s->plans[b]->arena_bytes;
    }
    struct ncr_buf object = {0};
    if (ncr_code_emit(s->plans[PEERS_ONE], &sized, NCR_CODE_OBJECT, &object, &err) != NCR_OK)
        NCR_BUG("%s", err.text);
    ncr_buf_free(&object);
    for (int i = 0; i < 2; i++) {
        s->memory[i] = aligned_alloc(NCR_PLAN_ALIGN, bytes);
        if (!s->memory[i]) NCR_BUG("out of memory");
        memset(s->memory[i], 0, bytes);
    }
}

void subject_make(struct subject *s, const struct ncr_io *io, const char *program, const char *name)
{
    *s = (struct subject){.arena = ncr_arena_new(0), .name = name};
    struct ncr_diags diags;
    s->graph = load(s, io, program, &diags);
    struct ncr_weights *weights = ncr_weights_new(s->arena, s->graph);
    ncr_weights_init(weights, s->graph, SEED);
    disturb(s->graph, weights);
    s->weights = weights;
    make_images(s);
    struct ncr_quant_spec spec = ncr_quant_default();
    struct ncr_calibrator *calibrator = ncr_calibrator_new(s->arena, s->graph, weights, &spec);
    // On all images, since peers do not saturate everywhere where Nacre does.
    for (int64_t n = 0; n < PEERS_IMAGES; n++) {
        const float *inputs[1] = {s->real + n * s->in};
        ncr_calibrator_feed(calibrator, inputs);
    }
    s->qgraph = ncr_qgraph_build(s->arena, &diags, s->graph, &spec, weights,
                                 ncr_calibrator_finish(calibrator));
    if (!s->qgraph) NCR_BUG("%s cannot be quantised", name);
    compile(s);
    for (uint32_t q = 0; q < s->qgraph->n_nodes; q++)
        s->macs += (double)s->qgraph->nodes[q].macs;
    s->out = ncr_shape_elements(&subject_output(s)->shape);
    s->result = NCR_NEW_N(s->arena, int8_t, (size_t)(s->out * PEERS_IMAGES));
    quantise_images(s);
    for (int n = 0; n < PEERS_IMAGES; n++)
        subject_run(s, 0, n, n + 1);
    check(s);
    size_t all = (size_t)(s->out * PEERS_IMAGES);
    const int8_t *one_by_one = ncr_arena_copy(s->arena, s->result, all);
    for (int n = PEERS_IMAGES; n > 0; n -= PEERS_IMAGES / 2) {
        memset(s->result, 0, all);
        for (int first = 0; first < PEERS_IMAGES; first += n)
            subject_run(s, 0, first, first + n);
        if (memcmp(one_by_one, s->result, all) != 0)
            NCR_BUG("%s: a batch of %d differs from image after image", name, n);
    }
}

void subject_free(struct subject *s)
{
    for (int b = 0; b < PEERS_BATCHES; b++)
        ncr_code_free(s->codes[b]);
    for (int i = 0; i < 2; i++)
        free(s->memory[i]);
    ncr_arena_free(s->arena);
}

void subject_folded(const struct subject *s, const struct ncr_qnode *q, float **w, float **bias)
{
    const struct ncr_graph *g = s->graph;
    const struct ncr_node *node = &g->nodes[q->node], *norm = NULL;
    int64_t per = q->n_weights / q->n_channels;
    const float *from = s->weights->at[node->first_param];
    *w = NCR_NEW_N(s->arena, float, (size_t)q->n_weights);
    *bias = NCR_NEW_N(s->arena, float, (size_t)q->n_channels);
    for (ncr_node_id id = q->last; id != q->node; id = g->nodes[id].in[0])
        if (g->nodes[id].op == NCR_OP_BATCHNORM) norm = &g->nodes[id];
    for (int32_t o = 0; o < q->n_channels; o++) {
        double k = 1, b = node->attrs.bias ? (double)s->weights->at[node->first_param + 1][o] : 0;
        if (norm) {
            float *const *p = &s->weights->at[norm->first_param]; // gamma, beta, mean, variance
            k = (double)p[0][o] / sqrt((double)p[3][o] + (double)norm->attrs.eps);
            b = k * (b - (double)p[2][o]) + (double)p[1][o];
        }
        for (int64_t i = o * per; i < (o + 1) * per; i++)
            (*w)[i] = (float)(k * (double)from[i]);
        (*bias)[o] = (float)b;
    }
}

int32_t *subject_bias(const struct subject *s, const struct ncr_qnode *q)
{
    int64_t per = q->n_weights / q->n_channels;
    int32_t zx = s->qgraph->nodes[q->in[0]].zero_point;
    int32_t *bias = NCR_NEW_N(s->arena, int32_t, (size_t)q->n_channels);
    for (int32_t o = 0; o < q->n_channels; o++) {
        int64_t sum = 0;
        for (int64_t i = o * per; i < (o + 1) * per; i++)
            sum += q->weights[i];
        bias[o] = (int32_t)(q->bias[o] + zx * sum);
    }
    return bias;
}
