// The trainer on oneDNN: batches to shards, shards to lanes, lanes to threads, and what is put
// together over the whole batch.
#include <stdlib.h>

#include "runtime/train/crew.h"
#include "runtime/train/numbers.h"
#include "runtime/train/onednn/onednn.h"

// oneDNN runs a primitive on as many threads as OpenMP would give the calling thread; here that is
// one, because the lanes are what runs in parallel. The setting is a thread's own: the crew's
// threads keep it, the caller's is put back. Declared here because a C compiler without OpenMP may
// have no omp.h, while the runtime is there with oneDNN.
#if DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
extern void omp_set_num_threads(int n);
extern int omp_get_max_threads(void);
#else
static void omp_set_num_threads(int n)
{
    (void)n;
}
static int omp_get_max_threads(void)
{
    return 1;
}
#endif

static void enter(void)
{
    omp_set_num_threads(1);
}

bool state_check(struct state *s, dnnl_status_t status, const char *what)
{
    if (status != dnnl_success && s->failed == dnnl_success) {
        s->failed = status;
        s->failed_at = what;
    }
    return s->failed == dnnl_success;
}

void *state_block(struct state *s, size_t bytes)
{
    void *block = bytes < SIZE_MAX - 64 ? aligned_alloc(64, (bytes + 63) & ~(size_t)63) : NULL;
    if (!block) {
        state_check(s, dnnl_out_of_memory, "memory of a tensor");
        return NULL;
    }
    memset(block, 0, bytes);
    ncr_vec_push(s->arena, &s->blocks, block);
    return block;
}

static enum ncr_status outcome(const struct state *s, struct ncr_error *err)
{
    const struct ncr_str name = s->graph->name;
    if (s->failed == dnnl_success) return NCR_OK;
    if (s->failed == dnnl_out_of_memory)
        return ncr_fail(err, NCR_ENVIRONMENT,
                        "out of memory for the tensors of net '%.*s'; a smaller batch needs less",
                        NCR_STR_ARG(name));
    return ncr_fail(err, NCR_ENVIRONMENT, "oneDNN %d.%d refuses the %s of net '%.*s' (status %d)",
                    DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR, s->failed_at, NCR_STR_ARG(name),
                    (int)s->failed);
}

// ---- lanes of a batch ----

static struct net *net_for(struct state *s, uint32_t n, bool training)
{
    for (uint32_t i = 0; i < s->n_nets; i++)
        if (s->nets[i]->n == n && s->nets[i]->training == training) return s->nets[i];
    if (s->n_nets == MOST_NETS) NCR_BUG("more than %d sizes of shards in one run", MOST_NETS);
    struct net *net = net_make(s, n, training);
    s->nets[s->n_nets++] = net;
    return net;
}

// Lane `number` of the net, as the next of the batch.
static void add_lane(struct state *s, struct net *net, uint32_t number, uint32_t first)
{
    if (s->failed != dnnl_success) return;
    if (number == net->lanes.n) {
        struct lane *made = lane_make(net);
        ncr_vec_push(s->arena, &net->lanes, made);
    }
    struct lane *lane = net->lanes.at[number];
    lane->first = first;
    lane->at = 0;
    lane->status = dnnl_success;
    ncr_vec_push(s->arena, &s->lanes, lane);
}

// Points the nets at the parameters and brings those into the layouts that primitives want.
static void bind_weights(struct state *s, const struct ncr_weights *weights, bool training)
{
    double start = s->io ? s->io->now_s(s->io->user) : 0;
    for (uint32_t k = 0; k < s->n_nets; k++) {
        struct net *net = s->nets[k];
        if (net->training != training) continue;
        for (buffer_id i = 0; i < net->buffers.n && s->failed == dnnl_success; i++) {
            if (net->buffers.at[i].place != PLACE_PARAM) continue;
            float *data = weights->at[net->buffers.at[i].of];
            if (net->data[i] != data)
                state_check(s, dnnl_memory_set_data_handle(net->mem[i], data), "memory");
            net->data[i] = data;
        }
        // Nets without a lane in this batch can wait.
        bool used = false;
        for (uint32_t i = 0; i < s->lanes.n; i++)
            used |= s->lanes.at[i]->net == net;
        for (uint32_t i = 0; used && i < net->prepare.steps.n && s->failed == dnnl_success; i++) {
            const struct step *step = &net->prepare.steps.at[i];
            state_check(s,
                        dnnl_primitive_execute(step->prim, s->lanes.at[0]->stream,
                                               (int)step->n_args, net->exec + step->first_arg),
                        "reorder");
        }
    }
    if (s->io) s->seconds += s->io->now_s(s->io->user) - start;
}

struct segment {
    struct state *s;
    bool backward;
};

static void run_lane(void *context, uint32_t item, bool mine)
{
    const struct segment *g = context;
    struct lane *lane = g->s->lanes.at[item];
    lane_run(lane, g->backward ? &lane->net->backward : &lane->net->forward,
             mine ? &g->s->seconds : NULL);
}

// Runs all lanes to their next meeting, or to the end. The node at which they met, or NCR_NO_NODE.
static ncr_node_id run_segment(struct state *s, bool backward)
{
    struct segment g = {s, backward};
    uint32_t begin = s->lanes.at[0]->at;
    ncr_crew_run(s->crew, s->lanes.n, run_lane, &g);
    for (uint32_t i = 0; i < s->lanes.n; i++)
        state_check(s, s->lanes.at[i]->status, "execution");
    if (s->failed != dnnl_success) return NCR_NO_NODE;
    const struct lane *lane = s->lanes.at[0];
    const struct step_list *list = backward ? &lane->net->backward : &lane->net->forward;
    const struct step *last = lane->at > begin ? &list->steps.at[lane->at - 1] : NULL;
    return last && last->meet ? last->node : NCR_NO_NODE;
}

// ---- batchnorm over the whole batch ----

static const float *channel_data(const struct lane *lane, buffer_id buffer)
{
    return lane->data[buffer];
}

// Mean and variance of the batch from those of its shards (Chan, Golub and LeVeque 1983):
//   mean = sum n_i mean_i / n,  var = sum n_i (var_i + (mean_i - mean)^2) / n
static void meet_forward(struct state *s, ncr_node_id id, const struct ncr_train_step *step)
{
    const struct ncr_node *node = &s->graph->nodes[id];
    const struct norm *norm = &s->norms[id];
    int64_t channels = ncr_shape_channels(&node->shape), places = ncr_shape_places(&node->shape);
    double *mean = s->row, *var = s->row + channels;
    for (int64_t c = 0; c < channels; c++) {
        mean[c] = var[c] = 0;
        for (uint32_t i = 0; i < s->lanes.n; i++) {
            const struct lane *lane = s->lanes.at[i];
            double share = (double)lane->net->n / step->n;
            mean[c] += share * (double)channel_data(lane, lane->net->work[id].mean)[c];
        }
        for (uint32_t i = 0; i < s->lanes.n; i++) {
            const struct lane *lane = s->lanes.at[i];
            double share = (double)lane->net->n / step->n;
            double off = (double)channel_data(lane, lane->net->work[id].mean)[c] - mean[c];
            var[c] += share * ((double)channel_data(lane, lane->net->work[id].var)[c] + off * off);
        }
        norm->mean[c] = (float)mean[c];
        norm->var[c] = (float)var[c];
    }
    if (step->running)
        ncr_train_running(step->weights, s->graph, node, mean, var, places * step->n);
}

static void meet_backward(struct state *s, ncr_node_id id, const struct ncr_train_step *step)
{
    const struct ncr_node *node = &s->graph->nodes[id];
    const struct norm *norm = &s->norms[id];
    uint32_t gamma = ncr_node_param(s->graph, node, NCR_PARAM_GAMMA);
    uint32_t beta = ncr_node_param(s->graph, node, NCR_PARAM_BETA);
    double count = (double)(ncr_shape_places(&node->shape) * step->n);
    for (int64_t c = 0; c < ncr_shape_channels(&node->shape); c++) {
        double dgamma = 0, dbeta = 0;
        for (uint32_t i = 0; i < s->lanes.n; i++) {
            const struct lane *lane = s->lanes.at[i];
            dgamma += (double)channel_data(lane, lane->net->work[id].dgamma)[c];
            dbeta += (double)channel_data(lane, lane->net->work[id].dbeta)[c];
        }
        step->grads->at[gamma][c] += (float)dgamma;
        step->grads->at[beta][c] += (float)dbeta;
        double by = (double)step->weights->at[gamma][c] /
                    ncr_train_sqrt((double)norm->var[c] + (double)node->attrs.eps) / count;
        norm->slope[c] = (float)(-by * dgamma);
        norm->level[c] = (float)(-by * dbeta);
    }
}

// ---- one step ----

struct reduction {
    const struct state *s;
    const struct ncr_train_step *step;
};

// Sums the gradients of parameter p over its applications and the lanes, in this order.
static void reduce_param(void *context, uint32_t p, bool mine)
{
    (void)mine;
    const struct reduction *r = context;
    const struct state *s = r->s;
    float *restrict to = r->step->grads->at[p];
    for (uint32_t u = 0; u < s->lanes.at[0]->net->uses.n; u++) {
        if (s->lanes.at[0]->net->uses.at[u].param != p) continue;
        for (uint32_t i = 0; i < s->lanes.n; i++) {
            const struct lane *lane = s->lanes.at[i];
            const float *from = lane->data[lane->net->uses.at[u].gradient];
            for (int64_t k = 0; k < s->graph->params[p].n; k++)
                to[k] += from[k];
        }
    }
}

static void reduce(struct state *s, struct ncr_train_step *step)
{
    struct reduction r = {s, step};
    ncr_crew_run(s->crew, s->graph->n_params, reduce_param, &r);
    step->loss = 0;
    step->correct = 0;
    for (uint32_t i = 0; i < s->lanes.n; i++) {
        step->loss += s->lanes.at[i]->loss;
        step->correct += s->lanes.at[i]->correct;
    }
}

static void load_inputs(struct state *s, const float *inputs, uint32_t n)
{
    size_t image = (size_t)s->plan->input_elements;
    for (uint32_t i = 0; i < s->lanes.n; i++) {
        struct lane *lane = s->lanes.at[i];
        size_t have = n - lane->first < lane->net->n ? n - lane->first : lane->net->n;
        float *to = lane->data[lane->net->input];
        memcpy(to, inputs + lane->first * image, have * image * sizeof *to);
        memset(to + have * image, 0, (lane->net->n - have) * image * sizeof *to);
    }
}

static enum ncr_status step_one(void *state, struct ncr_train_step *step, struct ncr_error *err)
{
    struct state *s = state;
    int before = omp_get_max_threads();
    omp_set_num_threads(1);
    s->lanes.n = 0;
    for (uint32_t first = 0, k = 0; first < step->n; first += SHARD, k++) {
        uint32_t n = step->n - first < SHARD ? step->n - first : SHARD;
        add_lane(s, net_for(s, n, true), n == SHARD ? k : 0, first);
    }
    if (s->failed == dnnl_success) bind_weights(s, step->weights, true);
    if (s->failed == dnnl_success) {
        for (uint32_t i = 0; i < s->lanes.n; i++)
            s->lanes.at[i]->pass = step;
        for (uint32_t p = 0; p < s->graph->n_params; p++)
            if (ncr_param_is_trained(s->graph->params[p].role))
                memset(step->grads->at[p], 0, (size_t)s->graph->params[p].n * sizeof(float));
        load_inputs(s, step->inputs, step->n);
        ncr_node_id met;
        while ((met = run_segment(s, false)) != NCR_NO_NODE)
            meet_forward(s, met, step);
        for (uint32_t i = 0; i < s->lanes.n; i++)
            s->lanes.at[i]->at = 0;
        while (s->failed == dnnl_success && (met = run_segment(s, true)) != NCR_NO_NODE)
            meet_backward(s, met, step);
    }
    if (s->failed == dnnl_success) reduce(s, step);
    omp_set_num_threads(before);
    return outcome(s, err);
}

// Images of a shard in inference: fewer where tensors are large. Not the number asked for, so that
// the scores of an image do not depend on how many others there are.
static uint32_t infer_shard(const struct ncr_graph *graph)
{
    int64_t elements = 1;
    for (uint32_t i = 0; i < graph->n_nodes; i++)
        elements += ncr_shape_elements(&graph->nodes[i].shape);
    return (uint32_t)ncr_max_i64(1, ncr_min_i64(SHARD, ((int64_t)8 << 20) / elements));
}

static enum ncr_status infer(void *state, const struct ncr_weights *weights, const float *inputs,
                             uint32_t n, float *output, struct ncr_error *err)
{
    struct state *s = state;
    int before = omp_get_max_threads();
    omp_set_num_threads(1);
    uint32_t shard = infer_shard(s->graph);
    s->lanes.n = 0;
    for (uint32_t first = 0, k = 0; first < n; first += shard, k++)
        add_lane(s, net_for(s, shard, false), k, first);
    if (s->failed == dnnl_success) bind_weights(s, weights, false);
    if (s->failed == dnnl_success) {
        load_inputs(s, inputs, n);
        run_segment(s, false);
    }
    omp_set_num_threads(before);
    if (s->failed != dnnl_success) return outcome(s, err);
    for (uint32_t i = 0; i < s->lanes.n; i++) {
        const struct lane *lane = s->lanes.at[i];
        size_t have = n - lane->first < shard ? n - lane->first : shard;
        memcpy(output + (size_t)lane->first * s->plan->classes, lane->data[lane->net->output],
               have * s->plan->classes * sizeof *output);
    }
    return NCR_OK;
}

static void close_state(void *state)
{
    struct state *s = state;
    ncr_crew_free(s->crew);
    for (uint32_t i = 0; i < s->n_nets; i++) {
        for (uint32_t k = 0; k < s->nets[i]->lanes.n; k++)
            lane_free(s->nets[i]->lanes.at[k]);
        net_free(s->nets[i]);
    }
    if (s->shim.attr) dnnl_primitive_attr_destroy(s->shim.attr);
    if (s->shim.engine) dnnl_engine_destroy(s->shim.engine);
    for (uint32_t i = 0; i < s->blocks.n; i++)
        free(s->blocks.at[i]);
    ncr_arena_free(s->arena);
}

static enum ncr_status open_state(const struct ncr_train_plan *plan, uint32_t threads,
                                  const struct ncr_io *io, void **state, struct ncr_error *err)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    if (!arena) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory");
    struct state *s = NCR_NEW(arena, struct state);
    *s = (struct state){.plan = plan, .graph = plan->graph, .arena = arena, .io = io};
    s->norms = NCR_NEW_N(arena, struct norm, plan->graph->n_nodes);
    size_t most = 0;
    for (ncr_node_id id = 0; id < plan->graph->n_nodes; id++) {
        const struct ncr_node *node = &plan->graph->nodes[id];
        size_t channels = (size_t)node->shape.dim[0];
        if (node->op != NCR_OP_BATCHNORM) continue;
        s->norms[id] =
            (struct norm){NCR_NEW_N(arena, float, channels), NCR_NEW_N(arena, float, channels),
                          NCR_NEW_N(arena, float, channels), NCR_NEW_N(arena, float, channels)};
        most = channels > most ? channels : most;
    }
    s->row = NCR_NEW_N(arena, double, 2 * most);
    s->crew = ncr_crew_new(threads, enter);
    state_check(s, s->crew ? dnnl_success : dnnl_out_of_memory, "threads");
    state_check(s, dnnl_engine_create(&s->shim.engine, dnnl_cpu, 0), "engine");
    state_check(s, dnnl_primitive_attr_create(&s->shim.attr), "attributes");
    if (s->shim.attr)
        state_check(
            s, dnnl_primitive_attr_set_scratchpad_mode(s->shim.attr, dnnl_scratchpad_mode_user),
            "attributes");
    enum ncr_status status = outcome(s, err);
    if (status == NCR_OK)
        *state = s;
    else
        close_state(s);
    return status;
}

static double seconds(const void *state)
{
    return ((const struct state *)state)->seconds;
}

static const struct ncr_train_backend backend = {"onednn", open_state, step_one,
                                                 infer,    seconds,    close_state};

static enum ncr_status train(const struct ncr_train_job *job, struct ncr_train_result *result,
                             struct ncr_error *err)
{
    return ncr_train_loop(&backend, job, result, err);
}

static enum ncr_status gradients(const struct ncr_graph *graph, const struct ncr_weights *weights,
                                 const float *inputs, const uint8_t *labels, uint32_t n,
                                 double label_smoothing, const struct ncr_train_rounding *rounding,
                                 struct ncr_weights *grads, double *loss, struct ncr_error *err)
{
    return ncr_train_gradients(&backend, graph, weights, inputs, labels, n, label_smoothing,
                               rounding, grads, loss, err);
}

static enum ncr_status scores(const struct ncr_graph *graph, const struct ncr_weights *weights,
                              const float *inputs, uint32_t n, uint32_t threads, float *out,
                              struct ncr_error *err)
{
    return ncr_train_infer(&backend, graph, weights, inputs, n, threads, out, err);
}

const struct ncr_trainer ncr_trainer_onednn = {"onednn", train, gradients, scores};
