// The program around an emitted network: reads images, prints class and scores. It needs no C
// library, so that it is the same program on every machine.
#include "runtime/standalone/images.h"
#include "runtime/standalone/stack.h"
#include "runtime/standalone/system.h"

int nacre_init(void *arena, size_t bytes);
void nacre_run(void *arena, const int8_t *const *in, int8_t *const *out);
const struct nacre_network *nacre_info(void);

enum { GOOD = 0, COMMAND_LINE = 2, ENVIRONMENT = 3 };

struct wish {
    int bench, info, scores, bytes, stack;
};

struct instance {
    const struct nacre_network *net;
    void *arena;
    int8_t *in, **out;
};

static void usage(struct text *t, const char *name)
{
    const struct nacre_network *net = nacre_info();
    const struct nacre_tensor *in = &nacre_inputs(net)[0];
    text_put(t, "usage: ");
    text_put(t, name);
    text_put(t,
             " [--scores] [--bytes] [--bench] [--stack] [--info] FILE...\n\nClassifies images of ");
    for (int i = 0; i < 3; i++) {
        text_put(t, i ? "x" : "");
        text_signed(t, in->dim[i]);
    }
    text_put(t, " with the network ");
    text_put(t, nacre_text(net, net->name));
    text_put(t, ".\n\n"
                "  FILE        IDX images, a binary PGM or PPM image, or raw bytes [C, H, W]\n"
                "  --scores    print the score of every class, not only the best\n"
                "  --bytes     print the scores as the network's integers\n"
                "  --bench     run again and again for a second; print images/s\n"
                "  --stack     run once; print the bytes of stack that the network touched\n"
                "  --info      describe the network and its memory\n");
}

static int open_instance(struct instance *x)
{
    const struct nacre_network *net = x->net = nacre_info();
    x->arena = system_take(net->arena_bytes);
    x->in = system_take((size_t)nacre_inputs(net)->bytes);
    x->out = system_take(net->n_outputs * sizeof *x->out);
    if (!x->arena || !x->in || !x->out) return -1;
    for (uint32_t i = 0; i < net->n_outputs; i++)
        if (!(x->out[i] = system_take((size_t)nacre_outputs(net)[i].bytes))) return -1;
    return nacre_init(x->arena, net->arena_bytes);
}

static void run(const struct instance *x)
{
    const int8_t *in[1] = {x->in};
    nacre_run(x->arena, in, x->out);
}

// Element k of the first output.
static int32_t element(const struct instance *x, int32_t k)
{
    if (nacre_outputs(x->net)[0].element == 1) return x->out[0][k];
    const unsigned char *at = (const unsigned char *)x->out[0] + 2 * k; // the low byte first
    return (int16_t)(uint16_t)(at[0] | (uint32_t)at[1] << 8);
}

static void print_result(struct text *t, const struct instance *x, const char *file, size_t i,
                         size_t n, const struct wish *wish)
{
    const struct nacre_tensor *out = &nacre_outputs(x->net)[0];
    int32_t best = 0, classes = out->bytes / out->element;
    for (int32_t k = 1; k < classes; k++)
        if (element(x, k) > element(x, best)) best = k;
    text_put(t, file);
    if (n > 1) {
        text_put(t, "[");
        text_number(t, i);
        text_put(t, "]");
    }
    text_put(t, ": class ");
    text_signed(t, best);
    text_put(t, "  score ");
    text_real(t, out->scale, element(x, best) - out->zero_point, 4);
    if (wish->scores) {
        text_put(t, "  scores");
        for (int32_t k = 0; k < classes; k++) {
            text_put(t, " ");
            text_real(t, out->scale, element(x, k) - out->zero_point, 4);
        }
    }
    if (wish->bytes) {
        text_put(t, "  bytes");
        for (int32_t k = 0; k < classes; k++) {
            text_put(t, " ");
            text_signed(t, element(x, k));
        }
    }
    text_put(t, "\n");
}

static void print_info(struct text *t, const struct nacre_network *net)
{
    text_put(t, "network    ");
    text_put(t, nacre_text(net, net->name));
    text_put(t, "\narch_id    ");
    text_put(t, nacre_text(net, net->arch_id));
    text_put(t, "\ntarget     ");
    text_put(t, nacre_text(net, net->target));
    text_put(t, " (");
    text_put(t, nacre_text(net, net->family));
    text_put(t, ")\narena      ");
    text_number(t, net->arena_bytes);
    text_put(t, " bytes\nneeds      ");
    text_number(t, net->stack_bytes);
    text_put(t, " bytes of stack\nconstants  ");
    text_number(t, net->constant_bytes);
    text_put(t, " bytes\n");
    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < (side ? net->n_outputs : net->n_inputs); i++) {
            const struct nacre_tensor *x = side ? &nacre_outputs(net)[i] : &nacre_inputs(net)[i];
            text_put(t, side ? "output     " : "input      ");
            text_put(t, nacre_text(net, x->name));
            text_put(t, ": ");
            for (int k = 0; k < (x->rank == 3 ? 3 : 1); k++) {
                text_put(t, k ? "x" : "");
                text_signed(t, x->dim[k]);
            }
            text_put(t, ", real = ");
            text_real(t, x->scale, 1, 12);
            text_put(t, " * (q - ");
            text_signed(t, x->zero_point);
            text_put(t, ")\n");
        }
}

static uint64_t rounds(const struct instance *x, uint64_t n)
{
    uint64_t start = system_nanoseconds();
    for (uint64_t i = 0; i < n; i++)
        run(x);
    return system_nanoseconds() - start;
}

// Nanoseconds from one step of the clock to the next.
static uint64_t tick(void)
{
    uint64_t first = system_nanoseconds(), at = first, next;
    while (at == first)
        at = system_nanoseconds();
    for (next = at; next == at;)
        next = system_nanoseconds();
    return next - at;
}

// Repeats the image that is in x for about a second, in rounds; the best round counts. A round
// takes 20 ms, or a hundred steps of a coarse clock.
static void bench(struct text *t, const struct instance *x)
{
    uint64_t n = 1, best = 0, step = tick(), least = step > 200000 ? 100 * step : 20000000;
    while (best < least) {
        n *= 2;
        best = rounds(x, n);
    }
    for (uint64_t until = system_nanoseconds() + 1000000000; system_nanoseconds() < until;) {
        uint64_t took = rounds(x, n);
        if (took && took < best) best = took;
    }
    text_number(t, text_divide(n * 1000000000, best));
    text_put(t, " images/s, ");
    uint64_t hundredths = text_divide(best, 10 * n); // of a microsecond
    uint64_t whole = text_divide(hundredths, 100), part = hundredths - 100 * whole;
    text_number(t, whole);
    text_put(t, part < 10 ? ".0" : ".");
    text_number(t, part);
    text_put(t, " us an image, one thread\n");
}

// Bytes of stack that one run touched below its caller.
static __attribute__((noinline)) size_t stack_of_run(const struct instance *x)
{
    const int8_t *in[1] = {x->in};
    volatile unsigned char *top = stack_paint();
    nacre_run(x->arena, in, x->out);
    return stack_used(top);
}

static int classify(struct text *t, struct text *error, struct instance *x, const char *path,
                    const struct wish *wish)
{
    struct images images;
    const struct nacre_tensor *want = &nacre_inputs(x->net)[0];
    text_put(error, "error: ");
    if (images_read(path, want, &images, error)) {
        text_put(error, "\n");
        return ENVIRONMENT;
    }
    error->n = 0; // there was none
    for (size_t i = 0; i < images.n; i++) {
        images_input(&images, i, want, nacre_pixels(x->net), x->in);
        run(x);
        print_result(t, x, path, i, images.n, wish);
    }
    images_close(&images);
    return GOOD;
}

static int finish(struct text *out, struct text *error, int code)
{
    text_flush(out);
    if (code != GOOD || !out->failed) return code;
    text_put(error, "error: cannot write the output\n");
    return ENVIRONMENT;
}

int main(int argc, char **argv)
{
    static struct text out = {.to = SYSTEM_OUT}, error = {.to = SYSTEM_ERROR};
    struct wish wish = {0};
    const struct {
        const char *name;
        int *wanted;
    } options[] = {{"--bench", &wish.bench},
                   {"--info", &wish.info},
                   {"--scores", &wish.scores},
                   {"--bytes", &wish.bytes},
                   {"--stack", &wish.stack}};
    int files = 0, code = GOOD;
    for (int i = 1; i < argc; i++) {
        if (text_equal(argv[i], "--help") || text_equal(argv[i], "-h")) {
            usage(&out, argv[0]);
            return finish(&out, &error, GOOD);
        }
        size_t k = 0, n = sizeof options / sizeof *options;
        while (k < n && !text_equal(argv[i], options[k].name))
            k++;
        if (k < n) {
            *options[k].wanted = 1;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            text_put(&error, "error: there is no option `");
            text_put(&error, argv[i]);
            text_put(&error, "`\n");
            usage(&error, argv[0]);
            return COMMAND_LINE;
        } else {
            files++;
        }
    }
    if (!files && !wish.bench && !wish.info && !wish.stack) {
        usage(&error, argv[0]);
        return COMMAND_LINE;
    }
    struct instance x;
    if (open_instance(&x)) {
        text_put(&error, "error: out of memory\n");
        return ENVIRONMENT;
    }
    if (wish.info) print_info(&out, x.net);
    for (int i = 1; i < argc && code == GOOD; i++)
        if (argv[i][0] != '-' || !argv[i][1]) code = classify(&out, &error, &x, argv[i], &wish);
    if (wish.bench && code == GOOD) bench(&out, &x);
    if (wish.stack && code == GOOD) {
        text_put(&out, "stack      ");
        size_t used = stack_of_run(&x);
        text_number(&out, used);
        text_put(&out, used < STACK_PAINTED ? " bytes\n" : " bytes or more\n");
    }
    return finish(&out, &error, code);
}
