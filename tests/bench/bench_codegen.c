// Speed of emitted code on one thread: convolution kernels as a share of the machine's peak, whole
// networks in images a second, and how long it takes to compile them, the first time and again with
// the object in a store (processor time). Weights are random. Times are the best of many rounds, in
// a warm cache.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compiler/codegen/codegen.h"
#include "runtime/calibrate/peak.h"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Processor time of this thread: what a compilation costs whatever else the machine does.
static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Best time of one call, in seconds, over rounds of about a millisecond.
static double best_time(void (*call)(void *), void *user, double budget_s)
{
    size_t n = 1;
    double took = 0;
    for (;;) {
        double start = seconds();
        for (size_t i = 0; i < n; i++)
            call(user);
        took = seconds() - start;
        if (took > 1e-3) break;
        n *= 2;
    }
    double best = took, until = seconds() + budget_s;
    while (seconds() < until) {
        double start = seconds();
        for (size_t i = 0; i < n; i++)
            call(user);
        took = seconds() - start;
        if (took < best) best = took;
    }
    return best / (double)n;
}

// ---- networks ----

static ncr_node_id add(struct ncr_builder *b, struct ncr_arena *arena, enum ncr_op op,
                       const struct ncr_attrs *a, ncr_node_id x, ncr_node_id y)
{
    struct ncr_op_error err;
    ncr_node_id in[2] = {x, y};
    uint32_t n_in = op == NCR_OP_INPUT ? 0 : y == NCR_NO_NODE ? 1 : 2;
    ncr_node_id id = ncr_builder_add(
        b, op, a, in, n_in, ncr_str_fmt(arena, "net/%s%u", ncr_op_name(op), ncr_builder_count(b)),
        NCR_NO_NODE, NULL, &err);
    if (id == NCR_NO_NODE) NCR_BUG("%s", err.text);
    return id;
}

static ncr_node_id plain(struct ncr_builder *b, struct ncr_arena *arena, enum ncr_op op,
                         ncr_node_id x)
{
    struct ncr_attrs a = ncr_attrs_default(op);
    return add(b, arena, op, &a, x, NCR_NO_NODE);
}

static ncr_node_id conv(struct ncr_builder *b, struct ncr_arena *arena, enum ncr_op op, int32_t out,
                        int32_t kernel, int32_t stride, bool valid, ncr_node_id x)
{
    struct ncr_attrs a = ncr_attrs_default(op);
    a.out = out;
    if (kernel) a.kernel[0] = a.kernel[1] = kernel;
    a.stride[0] = a.stride[1] = stride;
    if (valid) a.pad_mode = NCR_PAD_VALID;
    return add(b, arena, op, &a, x, NCR_NO_NODE);
}

static ncr_node_id input(struct ncr_builder *b, struct ncr_arena *arena, int32_t c, int32_t h,
                         int32_t w)
{
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_INPUT);
    a.shape = (struct ncr_shape){h ? 3 : 1, {c, h, w}};
    return add(b, arena, NCR_OP_INPUT, &a, NCR_NO_NODE, NCR_NO_NODE);
}

static ncr_node_id lenet(struct ncr_builder *b, struct ncr_arena *arena)
{
    ncr_node_id x = input(b, arena, 1, 28, 28);
    for (int i = 0; i < 2; i++) {
        x = conv(b, arena, NCR_OP_CONV, i ? 16 : 6, 5, 1, i, x);
        x = plain(b, arena, NCR_OP_RELU, x);
        x = conv(b, arena, NCR_OP_MAXPOOL, 0, 2, 2, true, x);
    }
    x = plain(b, arena, NCR_OP_FLATTEN, x);
    x = plain(b, arena, NCR_OP_RELU, conv(b, arena, NCR_OP_DENSE, 120, 0, 1, false, x));
    x = plain(b, arena, NCR_OP_RELU, conv(b, arena, NCR_OP_DENSE, 84, 0, 1, false, x));
    return conv(b, arena, NCR_OP_DENSE, 10, 0, 1, false, x);
}

static ncr_node_id residual(struct ncr_builder *b, struct ncr_arena *arena, int32_t out,
                            int32_t stride, bool project, ncr_node_id x)
{
    ncr_node_id y = conv(b, arena, NCR_OP_CONV, out, 3, stride, false, x);
    y = plain(b, arena, NCR_OP_RELU, y);
    y = conv(b, arena, NCR_OP_CONV, out, 3, 1, false, y);
    if (project) x = conv(b, arena, NCR_OP_CONV, out, 1, stride, false, x);
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_ADD);
    return plain(b, arena, NCR_OP_RELU, add(b, arena, NCR_OP_ADD, &a, x, y));
}

// ResNet of 6·blocks + 2 layers for 32x32 images (He et al., CVPR 2016, section 4.2).
static ncr_node_id resnet(struct ncr_builder *b, struct ncr_arena *arena, int blocks)
{
    ncr_node_id x = conv(b, arena, NCR_OP_CONV, 16, 3, 1, false, input(b, arena, 3, 32, 32));
    x = plain(b, arena, NCR_OP_RELU, x);
    for (int stage = 0; stage < 3; stage++)
        for (int i = 0; i < blocks; i++) {
            bool down = stage > 0 && i == 0;
            x = residual(b, arena, 16 << stage, down ? 2 : 1, down, x);
        }
    x = plain(b, arena, NCR_OP_FLATTEN, plain(b, arena, NCR_OP_GLOBAL_AVGPOOL, x));
    return conv(b, arena, NCR_OP_DENSE, 10, 0, 1, false, x);
}

static ncr_node_id resnet20(struct ncr_builder *b, struct ncr_arena *arena)
{
    return resnet(b, arena, 3);
}

static ncr_node_id resnet8(struct ncr_builder *b, struct ncr_arena *arena)
{
    return resnet(b, arena, 1);
}

// Depthwise separable keyword spotter, 49 frames of 10 coefficients (Zhang et al., 2017).
static ncr_node_id ds_cnn(struct ncr_builder *b, struct ncr_arena *arena)
{
    struct ncr_attrs a = ncr_attrs_default(NCR_OP_CONV);
    a.out = 64;
    a.kernel[0] = 10;
    a.kernel[1] = 4;
    a.stride[0] = a.stride[1] = 2;
    ncr_node_id x = add(b, arena, NCR_OP_CONV, &a, input(b, arena, 1, 49, 10), NCR_NO_NODE);
    x = plain(b, arena, NCR_OP_RELU, x);
    for (int i = 0; i < 4; i++) {
        x = plain(b, arena, NCR_OP_RELU, conv(b, arena, NCR_OP_DWCONV, 0, 3, 1, false, x));
        x = plain(b, arena, NCR_OP_RELU, conv(b, arena, NCR_OP_CONV, 64, 1, 1, false, x));
    }
    x = plain(b, arena, NCR_OP_FLATTEN, plain(b, arena, NCR_OP_GLOBAL_AVGPOOL, x));
    return conv(b, arena, NCR_OP_DENSE, 12, 0, 1, false, x);
}

// MobileNetV1, width 0.25, 96x96 (Howard et al., 2017).
static ncr_node_id mobilenet(struct ncr_builder *b, struct ncr_arena *arena)
{
    static const struct {
        int32_t out, stride;
    } rows[] = {{16, 1},  {32, 2},  {32, 1},  {64, 2},  {64, 1},  {128, 2}, {128, 1},
                {128, 1}, {128, 1}, {128, 1}, {128, 1}, {256, 2}, {256, 1}};
    ncr_node_id x = conv(b, arena, NCR_OP_CONV, 8, 3, 2, false, input(b, arena, 3, 96, 96));
    x = plain(b, arena, NCR_OP_RELU6, x);
    for (size_t i = 0; i < NCR_COUNT(rows); i++) {
        x = conv(b, arena, NCR_OP_DWCONV, 0, 3, rows[i].stride, false, x);
        x = conv(b, arena, NCR_OP_CONV, rows[i].out, 1, 1, false, plain(b, arena, NCR_OP_RELU6, x));
        x = plain(b, arena, NCR_OP_RELU6, x);
    }
    x = plain(b, arena, NCR_OP_FLATTEN, plain(b, arena, NCR_OP_GLOBAL_AVGPOOL, x));
    return conv(b, arena, NCR_OP_DENSE, 2, 0, 1, false, x);
}

static ncr_node_id conv_relu(struct ncr_builder *b, struct ncr_arena *arena, int32_t out,
                             int32_t kernel, int32_t stride, ncr_node_id x)
{
    return plain(b, arena, NCR_OP_RELU, conv(b, arena, NCR_OP_CONV, out, kernel, stride, false, x));
}

// SqueezeNet 1.1 on 96x96, two classes (Iandola et al., 2016).
static ncr_node_id squeezenet(struct ncr_builder *b, struct ncr_arena *arena)
{
    static const int32_t squeeze[] = {16, 16, 32, 32, 48, 48, 64, 64};
    struct ncr_attrs join = ncr_attrs_default(NCR_OP_CONCAT);
    ncr_node_id x = conv_relu(b, arena, 64, 3, 2, input(b, arena, 3, 96, 96));
    for (size_t i = 0; i < NCR_COUNT(squeeze); i++) {
        if (i == 0 || i == 2 || i == 4) x = conv(b, arena, NCR_OP_MAXPOOL, 0, 3, 2, true, x);
        x = conv_relu(b, arena, squeeze[i], 1, 1, x);
        ncr_node_id small = conv_relu(b, arena, 4 * squeeze[i], 1, 1, x);
        x = add(b, arena, NCR_OP_CONCAT, &join, small,
                conv_relu(b, arena, 4 * squeeze[i], 3, 1, x));
    }
    x = plain(b, arena, NCR_OP_GLOBAL_AVGPOOL, conv_relu(b, arena, 2, 1, 1, x));
    return plain(b, arena, NCR_OP_FLATTEN, x);
}

// Dense layers only: 640, 4 of 128, 8, 4 of 128, 640.
static ncr_node_id autoencoder(struct ncr_builder *b, struct ncr_arena *arena)
{
    ncr_node_id x = input(b, arena, 640, 0, 0);
    for (int i = 0; i < 9; i++)
        x = plain(b, arena, NCR_OP_RELU,
                  conv(b, arena, NCR_OP_DENSE, i == 4 ? 8 : 128, 0, 1, false, x));
    return conv(b, arena, NCR_OP_DENSE, 640, 0, 1, false, x);
}

// ---- from a network to code ----

struct subject {
    struct ncr_arena *arena;
    const struct ncr_qgraph *qgraph;
    const struct ncr_plan *plan;
    struct ncr_code *code;
    uint8_t *memory;
    int8_t *in, *out;
    uint32_t step; // the one to time
    enum ncr_code_optimize optimize;
    uint32_t weight_bits;       // 0: 8
    double compile_s, second_s; // processor time of this thread; second: with a store that has it
};

// The object made last, in memory: what a compile cache holds, without its files.
struct kept {
    char key[33];
    struct ncr_buf object;
};

static bool kept_load(void *user, const char *key, struct ncr_buf *out)
{
    const struct kept *k = user;
    if (strcmp(k->key, key) != 0) return false;
    ncr_buf_put(out, k->object.s, k->object.n);
    return true;
}

static void kept_save(void *user, const char *key, const void *bytes, size_t n)
{
    struct kept *k = user;
    snprintf(k->key, sizeof k->key, "%s", key);
    ncr_buf_free(&k->object);
    k->object = (struct ncr_buf){0};
    ncr_buf_put(&k->object, bytes, n);
}

static double second_compile(const struct ncr_plan *plan)
{
    struct kept kept = {.key = ""};
    const struct ncr_code_store store = {&kept, kept_load, kept_save};
    struct ncr_code_options options = {.store = &store};
    double took = 0;
    for (int i = 0; i < 2; i++) {
        struct ncr_code *code = NULL;
        struct ncr_error err;
        double start = cpu_seconds();
        if (ncr_code_jit(plan, &options, &code, &err) != NCR_OK) NCR_BUG("%s", err.text);
        took = cpu_seconds() - start;
        if (ncr_code_was_stored(code) != (i == 1)) NCR_BUG("the store was not used as it should");
        ncr_code_free(code);
    }
    ncr_buf_free(&kept.object);
    return took;
}

static void make(struct subject *s, struct ncr_builder *b, ncr_node_id last,
                 enum ncr_plan_mode mode)
{
    ncr_builder_output(b, NCR_STR(""), last);
    const struct ncr_graph *graph = ncr_graph_simplify(s->arena, ncr_builder_finish(b));
    struct ncr_weights *weights = ncr_weights_new(s->arena, graph);
    ncr_weights_init(weights, graph, 1);
    struct ncr_quant_spec spec = {.name = NCR_STR("int8"),
                                  .weight_bits = s->weight_bits ? s->weight_bits : 8,
                                  .activation_bits = 8,
                                  .per_channel = true,
                                  .calibration_images = 1};
    struct ncr_calibrator *calibrator = ncr_calibrator_new(s->arena, graph, weights, &spec);
    int64_t n = ncr_shape_elements(&graph->nodes[graph->inputs[0]].shape);
    float *real = NCR_NEW_N(s->arena, float, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        real[i] = (float)((i * 7919) % 255) / 127.0f - 1.0f;
    const float *inputs[1] = {real};
    ncr_calibrator_feed(calibrator, inputs);
    struct ncr_diags diags;
    ncr_diags_init(&diags, s->arena, ncr_sources_new(s->arena));
    s->qgraph = ncr_qgraph_build(s->arena, &diags, graph, &spec, weights,
                                 ncr_calibrator_finish(calibrator));
    s->plan = ncr_plan_build(s->arena, s->qgraph, mode);
    struct ncr_code_options options = {.optimize = s->optimize};
    struct ncr_error err;
    double start = cpu_seconds();
    if (ncr_code_jit(s->plan, &options, &s->code, &err) != NCR_OK) NCR_BUG("%s", err.text);
    s->compile_s = cpu_seconds() - start;
    s->memory = aligned_alloc(64, (s->plan->arena_bytes + 63) & ~UINT64_C(63));
    if (!s->memory) NCR_BUG("out of memory");
    memset(s->memory, 0, s->plan->arena_bytes);
    s->in = NCR_NEW_N(s->arena, int8_t, (size_t)n);
    for (int64_t i = 0; i < n; i++)
        s->in[i] = (int8_t)(i * 37);
    s->out = NCR_NEW_N(s->arena, int8_t,
                       (size_t)ncr_shape_elements(&s->qgraph->nodes[s->qgraph->outputs[0]].shape));
}

static void drop(struct subject *s)
{
    ncr_code_free(s->code);
    free(s->memory);
    ncr_arena_free(s->arena);
}

static void run_all(void *user)
{
    const struct subject *s = user;
    const int8_t *in[1] = {s->in};
    int8_t *out[1] = {s->out};
    ncr_code_run(s->code, ncr_code_blob(s->code), s->memory, in, out);
}

static void run_step(void *user)
{
    const struct subject *s = user;
    ncr_code_step(s->code, s->step, ncr_code_blob(s->code), s->memory);
}

// ---- tables ----

static const struct kernel {
    const char *name;
    enum ncr_op op;
    int32_t c, h, w, out, kernel, stride;
    bool valid;
} kernels[] = {
    {"conv 3x3 16->16 at 32x32", NCR_OP_CONV, 16, 32, 32, 16, 3, 1, false},
    {"conv 3x3 32->32 at 16x16", NCR_OP_CONV, 32, 16, 16, 32, 3, 1, false},
    {"conv 3x3 64->64 at 8x8", NCR_OP_CONV, 64, 8, 8, 64, 3, 1, false},
    {"conv 3x3 64->64 at 56x56", NCR_OP_CONV, 64, 56, 56, 64, 3, 1, false},
    {"conv 1x1 64->128 at 8x8", NCR_OP_CONV, 64, 8, 8, 128, 1, 1, false},
    {"conv 3x3 /2 16->32 at 32x32", NCR_OP_CONV, 16, 32, 32, 32, 3, 2, false},
    {"conv 1x1 /2 16->32 at 32x32", NCR_OP_CONV, 16, 32, 32, 32, 1, 2, false},
    {"conv 5x5 6->16 at 14x14", NCR_OP_CONV, 6, 14, 14, 16, 5, 1, true},
    {"conv 3x3 3->16 at 32x32", NCR_OP_CONV, 3, 32, 32, 16, 3, 1, false},
    {"conv 5x5 1->6 at 28x28", NCR_OP_CONV, 1, 28, 28, 6, 5, 1, false},
    {"depthwise 3x3 64 at 16x16", NCR_OP_DWCONV, 64, 16, 16, 0, 3, 1, false},
    {"depthwise 3x3 16 at 48x48", NCR_OP_DWCONV, 16, 48, 48, 0, 3, 1, false},
    {"depthwise 3x3 /2 64 at 16x16", NCR_OP_DWCONV, 64, 16, 16, 0, 3, 2, false},
    {"dense 400->120", NCR_OP_DENSE, 400, 0, 0, 120, 0, 1, false},
    {"dense 84->10", NCR_OP_DENSE, 84, 0, 0, 10, 0, 1, false},
    {"maxpool 2x2 6 at 28x28", NCR_OP_MAXPOOL, 6, 28, 28, 0, 2, 2, true},
    {"average over 8x8, 64", NCR_OP_GLOBAL_AVGPOOL, 64, 8, 8, 0, 0, 1, false},
    {"sigmoid 16 at 32x32", NCR_OP_SIGMOID, 16, 32, 32, 0, 0, 1, false},
};

static void kernel_row(const struct kernel *k, double top)
{
    struct subject s = {.arena = ncr_arena_new(0)};
    struct ncr_builder *b = ncr_builder_new(s.arena, NCR_STR("kernel"));
    ncr_node_id x = input(b, s.arena, k->c, k->h, k->w);
    x = k->kernel || k->op == NCR_OP_DENSE
            ? conv(b, s.arena, k->op, k->out, k->kernel, k->stride, k->valid, x)
            : plain(b, s.arena, k->op, x);
    if (k->op == NCR_OP_CONV || k->op == NCR_OP_DWCONV) x = plain(b, s.arena, NCR_OP_RELU, x);
    make(&s, b, x, NCR_PLAN_SEPARATE);
    run_all(&s);
    s.step = 1;
    double t = best_time(run_step, &s, 0.05), macs = (double)s.qgraph->nodes[s.plan->steps[1]].macs;
    printf("%-30s %9.3f %9.1f", k->name, 1e6 * t, 1e-9 * macs / t);
    if (top > 0 && macs > 0)
        printf(" %9.0f %%", 100 * macs / t / top);
    else
        printf(" %11s", "-");
    printf(" %9.1f\n", 1e3 * s.compile_s);
    drop(&s);
}

static void network_row(const char *name,
                        ncr_node_id (*network)(struct ncr_builder *, struct ncr_arena *),
                        double top)
{
    double macs = 0, fastest = INFINITY, second = INFINITY;
    for (int repeat = 0; repeat < 3; repeat++) { // compile times vary more than running times
        struct subject s = {.arena = ncr_arena_new(0)};
        struct ncr_builder *b = ncr_builder_new(s.arena, ncr_str_of(name));
        make(&s, b, network(b, s.arena), NCR_PLAN_SHARED);
        if (s.compile_s < fastest) fastest = s.compile_s;
        s.second_s = second_compile(s.plan);
        if (s.second_s < second) second = s.second_s;
        if (repeat == 2) {
            for (uint32_t q = 0; q < s.qgraph->n_nodes; q++)
                macs += (double)s.qgraph->nodes[q].macs;
            double t = best_time(run_all, &s, 0.3);
            printf("%-14s %10.2f %10.0f %9.1f %7.0f %% %8.1f %8.1f %10.1f %10.1f\n", name, 1e6 * t,
                   1 / t, 1e-9 * macs / t, top > 0 ? 100 * macs / t / top : 0, 1e3 * fastest,
                   1e3 * second, (double)s.plan->arena_bytes / 1024,
                   (double)ncr_code_blob_bytes(s.code) / 1024);
        }
        drop(&s);
    }
}

// Fast code and small code, with weights of 8 and of 4 bits: time, bytes of code and constants.
static void choices_row(const char *name,
                        ncr_node_id (*network)(struct ncr_builder *, struct ncr_arena *))
{
    printf("%-14s", name);
    for (int i = 0; i < 4; i++) {
        struct subject s = {.arena = ncr_arena_new(0),
                            .optimize = i % 2 ? NCR_OPTIMIZE_SIZE : NCR_OPTIMIZE_SPEED,
                            .weight_bits = i < 2 ? 8 : 4};
        struct ncr_builder *b = ncr_builder_new(s.arena, ncr_str_of(name));
        struct ncr_code_sizes sizes;
        struct ncr_code_options options = {.optimize = s.optimize, .sizes = &sizes};
        struct ncr_buf object = {0};
        struct ncr_error err;
        make(&s, b, network(b, s.arena), NCR_PLAN_SHARED);
        double t = best_time(run_all, &s, 0.3);
        if (ncr_code_emit(s.plan, &options, NCR_CODE_OBJECT, &object, &err) != NCR_OK)
            NCR_BUG("%s", err.text);
        printf(" %8.2f %6llu %7llu", 1e6 * t, (unsigned long long)sizes.code,
               (unsigned long long)sizes.constants);
        ncr_buf_free(&object);
        drop(&s);
    }
    putchar('\n');
}

// Time of every step of a network, when BENCH names one on the command line.
static void profile(const char *name,
                    ncr_node_id (*network)(struct ncr_builder *, struct ncr_arena *), double top)
{
    struct subject s = {.arena = ncr_arena_new(0)};
    struct ncr_builder *b = ncr_builder_new(s.arena, ncr_str_of(name));
    make(&s, b, network(b, s.arena), NCR_PLAN_SEPARATE);
    run_all(&s);
    double sum = 0;
    for (s.step = 0; s.step < s.plan->n_steps; s.step++) {
        const struct ncr_qnode *node = &s.qgraph->nodes[s.plan->steps[s.step]];
        if (node->op == NCR_QOP_INPUT) continue;
        double t = best_time(run_step, &s, 0.02);
        char shape[48];
        sum += t;
        printf("%3u %-8s %-12s %9.3f us", s.step, ncr_qop_name(node->op),
               ncr_shape_text(&node->shape, shape), 1e6 * t);
        if (top > 0 && node->macs) printf(" %4.0f %%", 100 * (double)node->macs / t / top);
        putchar('\n');
    }
    printf("sum of steps %.2f us\n", 1e6 * sum);
    drop(&s);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        ncr_node_id (*make)(struct ncr_builder *, struct ncr_arena *);
    } networks[] = {{"lenet5", lenet},           {"resnet8", resnet8},
                    {"resnet20", resnet20},      {"ds-cnn", ds_cnn},
                    {"mobilenet", mobilenet},    {"squeezenet", squeezenet},
                    {"autoencoder", autoencoder}};
    const struct ncr_io io = ncr_io_posix();
    double top = ncr_peak_measure(&io, 4096).macs_per_s;
    for (size_t i = 0; argc > 2 && i < NCR_COUNT(networks); i++)
        if (strcmp(argv[2], networks[i].name) == 0) {
            profile(argv[2], networks[i].make, top);
            return 0;
        }
    if (top > 0)
        printf("peak of one core, int8 dot products: %.0f GMAC/s\n\n", 1e-9 * top);
    else
        printf("no peak is measured on this processor\n\n");
    const char *by;
    double in_tiles = ncr_peak_tiles(&io, &by);
    if (in_tiles > 0)
        printf("in tile registers, which convolutions may take: %.0f GMAC/s (%s)\n\n",
               1e-9 * in_tiles, by);
    printf("%-30s %9s %9s %11s %9s\n", "kernel", "us", "GMAC/s", "of peak", "JIT ms");
    for (size_t i = 0; i < NCR_COUNT(kernels); i++)
        kernel_row(&kernels[i], top);
    printf("\n%-14s %10s %10s %9s %9s %8s %8s %10s %10s\n", "network", "us", "images/s", "GMAC/s",
           "of peak", "JIT ms", "again", "arena KiB", "const KiB");
    for (size_t i = 0; i < NCR_COUNT(networks); i++)
        network_row(networks[i].name, networks[i].make, top);
    printf("\n%-14s %23s %23s %23s %23s\n%-14s", "", "8 bits, speed", "8 bits, size",
           "4 bits, speed", "4 bits, size", "network");
    for (int i = 0; i < 4; i++)
        printf(" %8s %6s %7s", "us", "code", "const");
    putchar('\n');
    for (size_t i = 0; i < NCR_COUNT(networks); i++)
        choices_row(networks[i].name, networks[i].make);
    return 0;
}
