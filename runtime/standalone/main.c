// The program around an emitted network: reads images, prints class and scores.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/standalone/images.h"

int nacre_init(void *arena, size_t bytes);
void nacre_run(void *arena, const int8_t *const *in, int8_t *const *out);
const struct nacre_network *nacre_info(void);

enum { GOOD = 0, COMMAND_LINE = 2, ENVIRONMENT = 3 };

struct instance {
    const struct nacre_network *net;
    void *arena;
    int8_t *in, **out;
};

static int usage(const char *program, int code)
{
    const struct nacre_network *net = nacre_info();
    const struct nacre_tensor *in = &net->inputs[0];
    fprintf(code ? stderr : stdout,
            "usage: %s [--scores] [--bench] [--info] FILE...\n\n"
            "Classifies images of %dx%dx%d with the network %s.\n\n"
            "  FILE        IDX images, a binary PGM or PPM image, or raw bytes [C, H, W]\n"
            "  --scores    print the score of every class, not only the best\n"
            "  --bench     run again and again for a second; print images/s\n"
            "  --info      describe the network and its memory\n",
            program, (int)in->dim[0], (int)in->dim[1], (int)in->dim[2], net->name);
    return code;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int open_instance(struct instance *x)
{
    const struct nacre_network *net = x->net = nacre_info();
    size_t align = net->arena_align, bytes = (net->arena_bytes + align - 1) / align * align;
    x->arena = aligned_alloc(align, bytes ? bytes : align);
    x->in = calloc((size_t)net->inputs[0].bytes, 1);
    x->out = calloc(net->n_outputs, sizeof *x->out);
    if (!x->arena || !x->in || !x->out) return -1;
    for (uint32_t i = 0; i < net->n_outputs; i++)
        if (!(x->out[i] = calloc((size_t)net->outputs[i].bytes, 1))) return -1;
    return nacre_init(x->arena, bytes);
}

static void close_instance(struct instance *x)
{
    for (uint32_t i = 0; x->out && i < x->net->n_outputs; i++)
        free(x->out[i]);
    free(x->out);
    free(x->in);
    free(x->arena);
}

static void run(const struct instance *x)
{
    const int8_t *in[1] = {x->in};
    nacre_run(x->arena, in, x->out);
}

static double score(const struct nacre_tensor *t, int8_t q)
{
    return t->scale * (q - t->zero_point);
}

static void print_result(const struct instance *x, const char *file, size_t i, size_t n, int all)
{
    const struct nacre_tensor *t = &x->net->outputs[0];
    const int8_t *y = x->out[0];
    int32_t best = 0;
    for (int32_t k = 1; k < t->bytes; k++)
        if (y[k] > y[best]) best = k;
    if (n > 1)
        printf("%s[%zu]: class %d  score %.4f", file, i, (int)best, score(t, y[best]));
    else
        printf("%s: class %d  score %.4f", file, (int)best, score(t, y[best]));
    if (all) {
        fputs("  scores", stdout);
        for (int32_t k = 0; k < t->bytes; k++)
            printf(" %.4f", score(t, y[k]));
    }
    putchar('\n');
}

static void print_info(const struct nacre_network *net)
{
    printf("network    %s\narch_id    %s\ntarget     %s (%s)\narena      %zu bytes\nconstants  %zu "
           "bytes\n",
           net->name, net->arch_id, net->target, net->family, net->arena_bytes,
           net->constant_bytes);
    for (int side = 0; side < 2; side++)
        for (uint32_t i = 0; i < (side ? net->n_outputs : net->n_inputs); i++) {
            const struct nacre_tensor *t = side ? &net->outputs[i] : &net->inputs[i];
            printf("%s %s: %d", side ? "output    " : "input     ", t->name, (int)t->dim[0]);
            if (t->rank == 3) printf("x%dx%d", (int)t->dim[1], (int)t->dim[2]);
            printf(", real = %.9g * (q - %d)\n", t->scale, (int)t->zero_point);
        }
}

// Repeats the image that is in x for about a second, in rounds; the best round counts.
static void bench(const struct instance *x)
{
    size_t n = 1;
    double took = 0;
    while (took < 0.02) {
        n *= 2;
        double start = seconds();
        for (size_t i = 0; i < n; i++)
            run(x);
        took = seconds() - start;
    }
    double best = took, until = seconds() + 1;
    while (seconds() < until) {
        double start = seconds();
        for (size_t i = 0; i < n; i++)
            run(x);
        took = seconds() - start;
        if (took < best) best = took;
    }
    printf("%.0f images/s, %.2f us an image, one thread\n", (double)n / best,
           1e6 * best / (double)n);
}

static int classify(struct instance *x, const char *path, int all)
{
    struct images images;
    char error[512];
    const struct nacre_tensor *t = &x->net->inputs[0];
    if (images_read(path, t, &images, error, sizeof error)) {
        fprintf(stderr, "error: %s\n", error);
        return ENVIRONMENT;
    }
    for (size_t i = 0; i < images.n; i++) {
        images_input(&images, i, t, x->net->pixels, x->in);
        run(x);
        print_result(x, path, i, images.n, all);
    }
    free(images.bytes);
    return GOOD;
}

int main(int argc, char **argv)
{
    int want_bench = 0, want_info = 0, all = 0, files = 0, code = GOOD;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return usage(argv[0], GOOD);
        if (strcmp(argv[i], "--bench") == 0)
            want_bench = 1;
        else if (strcmp(argv[i], "--info") == 0)
            want_info = 1;
        else if (strcmp(argv[i], "--scores") == 0)
            all = 1;
        else if (argv[i][0] == '-' && argv[i][1]) {
            fprintf(stderr, "error: there is no option `%s`\n", argv[i]);
            return usage(argv[0], COMMAND_LINE);
        } else
            files++;
    }
    if (!files && !want_bench && !want_info) return usage(argv[0], COMMAND_LINE);
    struct instance x = {0};
    if (open_instance(&x)) {
        fprintf(stderr, "error: out of memory\n");
        close_instance(&x);
        return ENVIRONMENT;
    }
    if (want_info) print_info(x.net);
    for (int i = 1; i < argc && code == GOOD; i++)
        if (argv[i][0] != '-' || !argv[i][1]) code = classify(&x, argv[i], all);
    if (want_bench && code == GOOD) bench(&x);
    close_instance(&x);
    if (code == GOOD && (fflush(stdout) || ferror(stdout))) {
        fprintf(stderr, "error: cannot write the output\n");
        code = ENVIRONMENT;
    }
    return code;
}
