// Nacre's emitted code beside ONNX Runtime, PyTorch and oneDNN, on the same quantised networks, in
// one run: every contender takes its turn in each round, and the best time counts. A contender
// whose results are not Nacre's is not timed. Prints tables in Markdown.
//
// usage: compare_peers run SOURCE_DIR WORK_DIR NETWORKS [--onnxruntime WORKER…] [--torch WORKER…]
//        compare_peers agree …                              the same without the timing
//        compare_peers write SOURCE_DIR WORK_DIR NETWORKS   the ONNX models alone
// NETWORKS: "all" or names of networks.ncr with commas between. WORKER: how worker.js or
// worker_torch.py starts.
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/calibrate/peak.h"
#include "tests/bench/peers/peers.h"

static const char *const networks[] = {"lenet5", "resnet8",   "resnet20",
                                       "ds_cnn", "mobilenet", "autoencoder"};
// Rounds end when the best time of each contender has come TIMES times, to a few hundredths: one
// that was never left alone by what else the machine does does not get there, and is marked.
enum { MIN_ROUNDS = 20, MAX_ROUNDS = 100, TIMES = 3 };
static const double steady_share = 1.04;
static const double turn_s = 0.06;

// Models of which the largest differences are shown, and what is allowed. Steps are of the output's
// scale: roundings differ by one here and there, and each layer passes that on; oneDNN's signed
// tensors are symmetric, so up to twice as coarse. An error in a model gives dozens.
enum kind { ORT_INT8, ORT_FLOAT, TORCH_INT8, TORCH_FLOAT, DNNL_INT8, KIND_COUNT };
static const struct {
    const char *name;
    double most;
} kinds_of[] = {{"ONNX Runtime int8", 4},     // steps
                {"ONNX Runtime float", 1e-4}, // of the largest output
                {"PyTorch int8", 4},
                {"PyTorch float", 1e-4},
                {"oneDNN int8", 8}}; // twice as many: its signed tensors are up to twice as coarse

// Runtimes are processes that load the ONNX models; each has all of enum slot.
enum runtime { ORT, TORCH, RUNTIME_COUNT };
enum slot { INT8_1, INT8_2, FLOAT_1, FLOAT_2, EMPTY, SLOT_COUNT };
enum who {
    NACRE_1,
    NACRE_2,
    DNNL_1,
    DNNL_2,
    RUNTIMES,
    WHO_COUNT = RUNTIMES + RUNTIME_COUNT * SLOT_COUNT
};
static const struct {
    const char *option, *name;
    enum kind kinds[2]; // by enum model
} runtimes[] = {{"--onnxruntime", "ONNX Runtime", {ORT_FLOAT, ORT_INT8}},
                {"--torch", "PyTorch", {TORCH_FLOAT, TORCH_INT8}}};

struct contender {
    struct worker *worker; // of a runtime
    struct dnnl_net *net;
    bool on;
    double best[TIMES]; // seconds of one batch, the best first
    double resident;    // bytes of the worker after its first inference
};

struct bench {
    struct ncr_io io;
    const char *folder;
    bool timed;
    char *const *commands[RUNTIME_COUNT]; // of the workers; NULL: none
    double peak;                          // of one core, MACs a second
    struct ncr_buf speed, agree, memory, notes;
    char versions[RUNTIME_COUNT][64];
    char family[32]; // of Nacre's kernels
    int failures;
    double worst[KIND_COUNT]; // of this network, over batches and threads; -1: none
    struct subject s;
    int batch;
    struct contender at[WHO_COUNT];
};

static struct contender *of_runtime(struct bench *b, enum runtime runtime, enum slot slot)
{
    return &b->at[RUNTIMES + runtime * SLOT_COUNT + slot];
}

// ---- time ----

static double best_time(struct bench *b, void (*call)(void *), void *user, double budget_s)
{
    double (*now)(void *) = b->io.now_s;
    size_t n = 1;
    double took = 0;
    for (;; n *= 2) {
        double start = now(b->io.user);
        for (size_t i = 0; i < n; i++)
            call(user);
        took = now(b->io.user) - start;
        if (took > 1e-3) break;
    }
    double best = took, until = now(b->io.user) + budget_s;
    while (now(b->io.user) < until) {
        double start = now(b->io.user);
        for (size_t i = 0; i < n; i++)
            call(user);
        took = now(b->io.user) - start;
        if (took < best) best = took;
    }
    return best / (double)n;
}

static void nacre_one(void *user)
{
    struct bench *b = user;
    subject_run(&b->s, 0, 0, b->batch);
}

// A second thread that waits for its half by looking, as those of the peers do.
struct helper {
    struct bench *b;
    atomic_uint asked, done;
    atomic_bool stop;
};

static void *helper_main(void *user)
{
    struct helper *h = user;
    for (unsigned seen = 0;;) {
        while (atomic_load_explicit(&h->asked, memory_order_acquire) == seen)
            if (atomic_load_explicit(&h->stop, memory_order_relaxed)) return NULL;
        seen++;
        subject_run(&h->b->s, 1, h->b->batch / 2, h->b->batch);
        atomic_store_explicit(&h->done, seen, memory_order_release);
    }
}

static void nacre_two(void *user)
{
    struct helper *h = user;
    unsigned turn = atomic_fetch_add_explicit(&h->asked, 1, memory_order_release) + 1;
    subject_run(&h->b->s, 0, 0, h->b->batch / 2);
    while (atomic_load_explicit(&h->done, memory_order_acquire) != turn) {
    }
}

static double time_two(struct bench *b)
{
    struct helper h = {.b = b};
    pthread_t thread;
    atomic_init(&h.asked, 0);
    atomic_init(&h.done, 0);
    atomic_init(&h.stop, false);
    if (pthread_create(&thread, NULL, helper_main, &h) != 0) NCR_BUG("no second thread");
    double t = best_time(b, nacre_two, &h, turn_s);
    atomic_store(&h.stop, true);
    pthread_join(thread, NULL);
    return t;
}

static void dnnl_call(void *user)
{
    if (!dnnl_net_run(user)) NCR_BUG("oneDNN failed while timed");
}

static bool steady(const struct contender *c)
{
    return !c->on || c->best[TIMES - 1] <= steady_share * c->best[0];
}

static void note(struct bench *b, const char *what, const char *why)
{
    ncr_buf_fmt(&b->notes, "- %s, batch %d: %s: %s\n", b->s.name, b->batch, what, why);
    b->failures++;
}

// A peer that fails while it is timed has no time.
static void drop(struct bench *b, struct contender *c, const struct ncr_error *err)
{
    enum runtime runtime = (enum runtime)((c - b->at - RUNTIMES) / SLOT_COUNT);
    note(b, runtimes[runtime].name, err->text);
    c->on = false;
    for (int i = 0; i < TIMES; i++)
        c->best[i] = INFINITY;
}

static void turn(struct bench *b, enum who who)
{
    struct contender *c = &b->at[who];
    struct ncr_error err;
    double t = INFINITY;
    if (!c->on) return;
    if (who == NACRE_1)
        t = best_time(b, nacre_one, b, turn_s);
    else if (who == NACRE_2)
        t = time_two(b);
    else if (c->net)
        t = best_time(b, dnnl_call, c->net, turn_s);
    else {
        const char *answer = worker_ask(c->worker, &err, "time\t%g", turn_s);
        if (!answer) {
            drop(b, c, &err);
            return;
        }
        t = 1e-9 * strtod(answer, NULL);
    }
    for (int i = 0; i < TIMES; i++)
        if (t < c->best[i]) {
            double other = c->best[i];
            c->best[i] = t;
            t = other;
        }
}

// ---- models, and whether they agree ----

static const char *path(const struct bench *b, char out[512], const char *kind, const char *suffix)
{
    snprintf(out, 512, "%s/%s-%d-%s.%s", b->folder, b->s.name, b->batch, kind, suffix);
    return out;
}

static const char *const kinds[] = {"float", "int8", "empty"}; // by enum model

static bool write_file(struct bench *b, const char *to, const void *bytes, size_t n,
                       struct ncr_error *err)
{
    return b->io.write_file(b->io.user, to, bytes, n, false, err) == NCR_OK;
}

// The model, and the images as its input.
static bool write_model(struct bench *b, enum model model, struct ncr_error *err)
{
    struct ncr_buf bytes = {0};
    char to[512];
    bool ok = onnx_net(&b->s, model, b->batch, &bytes, err) &&
              write_file(b, path(b, to, kinds[model], "onnx"), bytes.s, bytes.n, err);
    ncr_buf_free(&bytes);
    if (!ok) return false;
    const int8_t *from = model == MODEL_EMPTY ? b->s.result : b->s.images;
    size_t n = (size_t)((model == MODEL_EMPTY ? b->s.out : b->s.in) * PEERS_IMAGES);
    path(b, to, kinds[model], "in");
    if (model == MODEL_FLOAT) return write_file(b, to, b->s.real, n * sizeof(float), err);
    uint8_t *shifted = malloc(n);
    if (!shifted) NCR_BUG("out of memory");
    for (size_t i = 0; i < n; i++)
        shifted[i] = (uint8_t)(from[i] + 128);
    ok = write_file(b, to, shifted, n, err);
    free(shifted);
    return ok;
}

// Largest difference of real results from Nacre's int8 ones, in steps of the output's scale.
static double steps_from(const struct bench *b, const float *real)
{
    const struct ncr_qnode *out = subject_output(&b->s);
    double worst = 0;
    for (int64_t i = 0; i < b->s.out * PEERS_IMAGES; i++) {
        double got = (double)real[i] / out->scale + out->zero_point;
        got = got < -128 ? -128 : got > 127 ? 127 : got; // Nacre saturates
        worst = fmax(worst, fabs(got - b->s.result[i]));
    }
    return worst;
}

// Largest difference of float results from the float interpreter's, as a share of the largest.
static double relative_from(const struct bench *b, const float *real)
{
    const struct subject *s = &b->s;
    double worst = 0, top = 0;
    struct ncr_arena_mark mark = ncr_arena_mark(s->arena);
    float **values = NCR_NEW_N(s->arena, float *, s->graph->n_nodes);
    for (int64_t n = 0; n < PEERS_CHECKED; n++) {
        const float *in[1] = {s->real + n * s->in};
        ncr_eval_f32(s->arena, s->graph, s->weights, in, values);
        const float *want = values[s->graph->outputs[0].node];
        for (int64_t i = 0; i < s->out; i++) {
            top = fmax(top, fabs((double)want[i]));
            worst = fmax(worst, fabs((double)want[i] - (double)real[n * s->out + i]));
        }
    }
    ncr_arena_reset(s->arena, mark);
    return worst / top;
}

static bool agrees(struct bench *b, enum kind kind, double difference)
{
    b->worst[kind] = fmax(b->worst[kind], difference);
    if (difference <= kinds_of[kind].most) return true;
    note(b, kinds_of[kind].name, "results differ from Nacre's, so it is not timed");
    return false; // also where the difference is nan
}

static bool check_results(struct bench *b, enum runtime runtime, enum model model, const char *from,
                          struct ncr_error *err)
{
    struct ncr_buf bytes = {0};
    size_t n = (size_t)(b->s.out * PEERS_IMAGES);
    bool ok = b->io.read_file(b->io.user, from, (size_t)1 << 30, &bytes, err) == NCR_OK;
    if (ok && bytes.n != n * (model == MODEL_FLOAT ? sizeof(float) : 1)) {
        ncr_fail(err, NCR_ENVIRONMENT, "%s has %zu bytes", from, bytes.n);
        ok = false;
    }
    float *real = malloc(n * sizeof *real);
    if (!real) NCR_BUG("out of memory");
    const struct ncr_qnode *out = subject_output(&b->s);
    for (size_t i = 0; ok && i < n; i++)
        if (model == MODEL_FLOAT)
            memcpy(&real[i], bytes.s + i * sizeof *real, sizeof *real);
        else
            real[i] = (float)(out->scale * ((uint8_t)bytes.s[i] - 128 - out->zero_point));
    if (ok)
        ok = agrees(b, runtimes[runtime].kinds[model],
                    model == MODEL_FLOAT ? relative_from(b, real) : steps_from(b, real));
    free(real);
    ncr_buf_free(&bytes);
    return ok;
}

static void start_runtime(struct bench *b, enum runtime runtime, enum slot slot, enum model model,
                          int threads)
{
    struct contender *c = of_runtime(b, runtime, slot);
    struct ncr_error err = {.text = ""};
    char to[512], in[512], out[512], what[64], *rest;
    const char *answer = NULL;
    if (!b->commands[runtime]) return;
    snprintf(what, sizeof what, "%s %s", runtimes[runtime].name, kinds[model]);
    c->worker = worker_start(b->commands[runtime], &err);
    if (c->worker)
        answer =
            worker_ask(c->worker, &err, "load\t%s\t%d\t%s\t%s", path(b, to, kinds[model], "onnx"),
                       threads, path(b, in, kinds[model], "in"), path(b, out, kinds[model], "out"));
    if (!answer) {
        note(b, what, err.text);
        return;
    }
    size_t n = strcspn(answer, " ");
    snprintf(b->versions[runtime], sizeof b->versions[runtime], "%.*s", (int)n, answer);
    c->resident = strtod(answer + n, &rest);
    if (*rest)
        ncr_buf_fmt(&b->notes, "- %s, batch %d, threads %d: %s:%s\n", b->s.name, b->batch, threads,
                    what, rest);
    err.text[0] = 0;
    c->on = model == MODEL_EMPTY || check_results(b, runtime, model, out, &err);
    if (err.text[0]) note(b, what, err.text);
}

static void start_models(struct bench *b, enum runtime runtime, int threads)
{
    bool two = threads > 1;
    start_runtime(b, runtime, two ? INT8_2 : INT8_1, MODEL_INT8, threads);
    start_runtime(b, runtime, two ? FLOAT_2 : FLOAT_1, MODEL_FLOAT, threads);
    if (!two) start_runtime(b, runtime, EMPTY, MODEL_EMPTY, threads);
}

static void start_dnnl(struct bench *b, enum who who, int threads)
{
    struct contender *c = &b->at[who];
    struct ncr_error err;
    c->net = dnnl_net_make(&b->s, b->batch, threads, &err);
    if (!c->net) {
        note(b, "oneDNN", err.text);
        return;
    }
    if (threads == 1 && *dnnl_net_slow(c->net))
        ncr_buf_fmt(&b->notes, "- %s, batch %d: oneDNN has plain code only for: %s\n", b->s.name,
                    b->batch, dnnl_net_slow(c->net));
    float *real = malloc((size_t)(b->s.out * PEERS_IMAGES) * sizeof *real);
    if (!real) NCR_BUG("out of memory");
    bool ok = true;
    for (int first = 0; ok && first < PEERS_IMAGES; first += b->batch) {
        dnnl_net_set(c->net, b->s.real + first * b->s.in);
        ok = dnnl_net_run(c->net);
        dnnl_net_get(c->net, real + first * b->s.out);
    }
    if (!ok) note(b, "oneDNN", "it failed");
    c->on = ok && agrees(b, DNNL_INT8, steps_from(b, real));
    free(real);
}

// ---- tables ----

static void cell(struct bench *b, const struct contender *c)
{
    if (c->on)
        ncr_buf_fmt(&b->speed, " %s%.2f |", steady(c) ? "" : "~", 1e6 * c->best[0] / b->batch);
    else
        ncr_buf_puts(&b->speed, " – |");
}

static void ratio(struct bench *b, double peer, double nacre, const char *name)
{
    if (isinf(peer))
        ncr_buf_puts(&b->speed, " – |");
    else if (peer <= 0)
        ncr_buf_puts(&b->speed, " lost in the call |");
    else
        ncr_buf_fmt(&b->speed, " %.2f%s |", peer / nacre, name);
}

// Peers' times over Nacre's; those of runtimes are of the faster model and without the call.
static void ratios(struct bench *b, double nacre, int threads)
{
    double dnnl = b->at[threads > 1 ? DNNL_2 : DNNL_1].best[0], fastest = dnnl;
    for (int r = 0; r < RUNTIME_COUNT; r++) {
        const struct contender *at = of_runtime(b, (enum runtime)r, INT8_1);
        double int8 = at[threads > 1 ? INT8_2 : INT8_1].best[0];
        double real = at[threads > 1 ? FLOAT_2 : FLOAT_1].best[0];
        double less = fmin(int8, real) - (at[EMPTY].on ? at[EMPTY].best[0] : 0);
        ratio(b, less, nacre, int8 < real ? " (int8)" : " (float)");
        fastest = fmin(fastest, less);
    }
    ratio(b, dnnl, nacre, "");
    ratio(b, fastest, nacre, "");
}

static void rows(struct bench *b)
{
    for (int threads = 1; threads <= 2; threads++) {
        bool two = threads > 1 && b->batch > 1; // one image is one thread
        double nacre = b->at[two ? NACRE_2 : NACRE_1].best[0];
        ncr_buf_fmt(&b->speed, "| %s | %d | %d |", b->s.name, b->batch, threads);
        cell(b, &b->at[two ? NACRE_2 : NACRE_1]);
        for (int r = 0; r < RUNTIME_COUNT; r++) {
            cell(b, of_runtime(b, (enum runtime)r, threads > 1 ? INT8_2 : INT8_1));
            cell(b, of_runtime(b, (enum runtime)r, threads > 1 ? FLOAT_2 : FLOAT_1));
        }
        cell(b, &b->at[threads > 1 ? DNNL_2 : DNNL_1]);
        for (int r = 0; r < RUNTIME_COUNT; r++)
            cell(b, of_runtime(b, (enum runtime)r, EMPTY));
        ratios(b, nacre, threads);
        double rate = b->s.macs * b->batch / nacre;
        if (b->peak > 0)
            ncr_buf_fmt(&b->speed, " %.0f, %.0f %% |\n", 1e-9 * rate,
                        100 * rate / (b->peak * (two ? 2 : 1)));
        else
            ncr_buf_fmt(&b->speed, " %.0f, – |\n", 1e-9 * rate);
    }
}

static void agree_row(struct bench *b)
{
    ncr_buf_fmt(&b->agree, "| %s |", b->s.name);
    for (int kind = 0; kind < KIND_COUNT; kind++)
        if (b->worst[kind] >= 0)
            ncr_buf_fmt(&b->agree, " %.2g |", b->worst[kind]);
        else
            ncr_buf_puts(&b->agree, " – |");
    // A yardstick: how far results are from those of the next image.
    int spread = 0;
    for (int64_t i = b->s.out; i < b->s.out * PEERS_IMAGES; i++) {
        int apart = abs(b->s.result[i] - b->s.result[i - b->s.out]);
        spread = apart > spread ? apart : spread;
    }
    ncr_buf_fmt(&b->agree, " %d |\n", spread);
}

static void memory_row(struct bench *b)
{
    static const enum slot shown[] = {INT8_1, FLOAT_1, EMPTY};
    const struct subject *s = &b->s;
    uint64_t sum = s->plans[PEERS_ONE]->arena_bytes + s->sizes.code + s->sizes.constants;
    ncr_buf_fmt(&b->memory, "| %s | %llu | %llu | %llu | %.1f |", s->name,
                (unsigned long long)s->plans[PEERS_ONE]->arena_bytes,
                (unsigned long long)s->sizes.code, (unsigned long long)s->sizes.constants,
                (double)sum / 1024);
    for (size_t i = 0; i < RUNTIME_COUNT * NCR_COUNT(shown); i++) {
        enum runtime runtime = (enum runtime)(i / NCR_COUNT(shown));
        double resident = of_runtime(b, runtime, shown[i % NCR_COUNT(shown)])->resident;
        if (resident > 0)
            ncr_buf_fmt(&b->memory, " %.0f |", resident / 1024);
        else
            ncr_buf_puts(&b->memory, " – |");
    }
    ncr_buf_putc(&b->memory, '\n');
}

// Nacre's own results, for a reader of the models: of the emitted code in the int8 model's uint8,
// and of the float interpreter for the first image.
static bool write_results(struct bench *b, struct ncr_error *err)
{
    const struct subject *s = &b->s;
    char to[512];
    size_t n = (size_t)(s->out * PEERS_IMAGES);
    uint8_t *shifted = NCR_NEW_N(s->arena, uint8_t, n);
    for (size_t i = 0; i < n; i++)
        shifted[i] = (uint8_t)(s->result[i] + 128);
    snprintf(to, sizeof to, "%s/%s-int8.want", b->folder, s->name);
    if (!write_file(b, to, shifted, n, err)) return false;
    float **values = NCR_NEW_N(s->arena, float *, s->graph->n_nodes);
    const float *in[1] = {s->real};
    ncr_eval_f32(s->arena, s->graph, s->weights, in, values);
    snprintf(to, sizeof to, "%s/%s-float.want", b->folder, s->name);
    return write_file(b, to, values[s->graph->outputs[0].node], (size_t)s->out * sizeof(float),
                      err);
}

static bool write_models(struct bench *b)
{
    struct ncr_error err;
    for (int model = MODEL_FLOAT; model <= MODEL_EMPTY; model++)
        if (!write_model(b, (enum model)model, &err)) {
            fprintf(stderr, "compare_peers: %s\n", err.text);
            return false;
        }
    return true;
}

static void play(struct bench *b)
{
    bool settled = false;
    for (int round = 0; round < MIN_ROUNDS || (!settled && round < MAX_ROUNDS); round++) {
        settled = true;
        for (int who = 0; who < WHO_COUNT; who++) {
            turn(b, (enum who)who);
            settled &= steady(&b->at[who]);
        }
    }
}

static bool batch(struct bench *b)
{
    if (!write_models(b)) return false;
    for (int i = 0; i < WHO_COUNT; i++)
        b->at[i] = (struct contender){.best = {INFINITY, INFINITY, INFINITY}};
    b->at[NACRE_1].on = true;
    b->at[NACRE_2].on = b->batch > 1;
    for (int threads = 1; threads <= 2; threads++) {
        for (int r = 0; r < RUNTIME_COUNT; r++)
            start_models(b, (enum runtime)r, threads);
        start_dnnl(b, threads > 1 ? DNNL_2 : DNNL_1, threads);
    }
    if (b->timed) {
        play(b);
        rows(b);
        // Memory beside nothing compares nothing.
        if (b->batch == 1 && (b->commands[ORT] || b->commands[TORCH])) memory_row(b);
    }
    for (int i = 0; i < WHO_COUNT; i++) {
        worker_stop(b->at[i].worker);
        dnnl_net_free(b->at[i].net);
    }
    return true;
}

static bool chosen(const char *names, const char *name)
{
    size_t n = strlen(name);
    if (strcmp(names, "all") == 0) return true;
    for (const char *at = names; (at = strstr(at, name)); at += n)
        if ((at == names || at[-1] == ',') && (at[n] == ',' || !at[n])) return true;
    return false;
}

static void print(const char *head, struct ncr_buf *body)
{
    if (body->n) printf("\n%s%s", head, body->s);
    ncr_buf_free(body);
}

static const char *version(const struct bench *b, enum runtime runtime)
{
    return b->versions[runtime][0] ? b->versions[runtime] : "is absent";
}

static void print_tables(struct bench *b)
{
    if (b->timed)
        printf(
            "Peak of one core, int8 dot products: %.0f GMAC/s. ONNX Runtime %s. PyTorch %s. "
            "oneDNN %s with %s.\nNacre's kernels: %s. Best of %d to %d turns of %.0f ms. Times "
            "are in us per image. At batch 1 Nacre\nhas one thread. \"empty call\": a model that "
            "copies its result, all else is calling it. \"~\": the best time did not come %d "
            "times.\n",
            1e-9 * b->peak, version(b, ORT), version(b, TORCH), dnnl_net_version(), dnnl_net_isa(),
            b->family, MIN_ROUNDS, MAX_ROUNDS, 1e3 * turn_s, TIMES);
    print("| network | batch | threads | Nacre int8 | ONNX Runtime int8 | ONNX Runtime float | "
          "PyTorch int8 | PyTorch float | oneDNN int8 | empty call, ONNX Runtime | empty call, "
          "PyTorch | ONNX Runtime less the call / Nacre | PyTorch less the call / Nacre | oneDNN / "
          "Nacre | fastest peer / Nacre | Nacre, GMAC/s, of peak |\n"
          "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
          &b->speed);
    print("| network | arena, bytes | code | constants | Nacre, KiB | node with int8 model, KiB | "
          "node with float model | node with empty model | python with int8 model | python with "
          "float model | python with empty model |\n"
          "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
          &b->memory);
    print("| largest difference from Nacre | ONNX Runtime int8, steps of the output | ONNX Runtime "
          "float, of the largest output | PyTorch int8, steps | PyTorch float, of the largest "
          "output | oneDNN int8, steps | Nacre's own, image to image, steps |\n"
          "|---|--:|--:|--:|--:|--:|--:|\n",
          &b->agree);
    print("", &b->notes);
}

// The runtime whose option this is, or RUNTIME_COUNT.
static int option_of(const char *word)
{
    int r = 0;
    while (r < RUNTIME_COUNT && strcmp(word, runtimes[r].option) != 0)
        r++;
    return r;
}

// Commands of the workers: each goes from its option to the next. False: not understood.
static bool read_workers(struct bench *b, char **at)
{
    if (*at && option_of(*at) == RUNTIME_COUNT) return false;
    for (; *at; at++) {
        int r = option_of(*at);
        if (r == RUNTIME_COUNT) continue;
        if (!at[1] || option_of(at[1]) != RUNTIME_COUNT) return false;
        b->commands[r] = at + 1;
        *at = NULL; // the end of the command before
    }
    return true;
}

static int usage(void)
{
    fprintf(stderr, "usage: compare_peers run SOURCE_DIR WORK_DIR NETWORKS [--onnxruntime "
                    "WORKER...] [--torch WORKER...]\n"
                    "       compare_peers agree ...\n"
                    "       compare_peers write SOURCE_DIR WORK_DIR NETWORKS\n");
    return 2;
}

int main(int argc, char **argv)
{
    bool timed = argc > 4 && strcmp(argv[1], "run") == 0;
    bool run = timed || (argc > 4 && strcmp(argv[1], "agree") == 0);
    if (!run && !(argc == 5 && strcmp(argv[1], "write") == 0)) return usage();
    struct bench b = {.io = ncr_io_posix(), .folder = argv[3], .timed = timed};
    if (!read_workers(&b, argv + 5)) return usage();
    struct ncr_buf program = {0};
    struct ncr_error err;
    char from[512];
    snprintf(from, sizeof from, "%s/tests/bench/peers/networks.ncr", argv[2]);
    if (b.io.read_file(b.io.user, from, 1 << 20, &program, &err) != NCR_OK) {
        fprintf(stderr, "compare_peers: %s\n", err.text);
        return 3;
    }
    if (timed) b.peak = ncr_peak_measure(&b.io, 4096).macs_per_s;
    int taken = 0;
    bool ok = true;
    for (size_t i = 0; ok && i < NCR_COUNT(networks); i++) {
        if (!chosen(argv[4], networks[i])) continue;
        taken++;
        if (run) fprintf(stderr, "%s\n", networks[i]);
        subject_make(&b.s, &b.io, program.s, networks[i]);
        for (int kind = 0; kind < KIND_COUNT; kind++)
            b.worst[kind] = -1;
        for (b.batch = 1; ok && b.batch <= PEERS_IMAGES; b.batch += PEERS_IMAGES - 1)
            ok = run ? batch(&b) : write_models(&b);
        if (ok && !run && !write_results(&b, &err)) {
            fprintf(stderr, "compare_peers: %s\n", err.text);
            ok = false;
        }
        if (run) agree_row(&b);
        snprintf(b.family, sizeof b.family, "%s", ncr_code_family(b.s.codes[PEERS_ONE]));
        subject_free(&b.s);
    }
    ncr_buf_free(&program);
    if (!taken) {
        fprintf(stderr, "compare_peers: no network is called %s\n", argv[4]);
        return 2;
    }
    if (run) print_tables(&b);
    return !ok ? 3 : b.failures ? 1 : 0;
}
