// The built-in digits: pinned bytes, independence of images, statistics, and how hard they are.
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lang/base/hash.h"
#include "lang/base/rng.h"
#include "runtime/data/digits.h"

enum { AREA = 784 };

static struct ncr_images draw(uint64_t seed, uint64_t first, uint64_t n)
{
    struct ncr_images images;
    struct ncr_error err;
    cr_assert_eq(ncr_digits_draw(seed, first, n, &images, &err), NCR_OK, "%s", err.text);
    return images;
}

Test(digits, bytes_are_the_same_everywhere)
{
    // Seen with gcc 12 at -O0, -O2, -O3 -march=native and clang 19 at -O1, -O3 -march=haswell.
    struct ncr_images images = draw(1, 0, 1000);
    char text[33];
    ncr_hash_text(ncr_hash_bytes(images.pixels, 1000 * AREA), text);
    cr_assert_str_eq(text, "d74134dd5259981dcdc0601800f67598");
    ncr_hash_text(ncr_hash_bytes(images.labels, 1000), text);
    cr_assert_str_eq(text, "9f01ddd4d2fa3a7a0a5028cabe89eb4d");
    ncr_images_free(&images);
}

Test(digits, an_image_depends_on_seed_and_index_alone)
{
    struct ncr_images many = draw(5, 0, 40), few = draw(5, 17, 3), other = draw(6, 17, 3);
    cr_assert_arr_eq(few.pixels, many.pixels + 17 * AREA, 3 * AREA);
    cr_assert_arr_eq(few.labels, many.labels + 17, 3);
    for (int i = 0; i < 3; i++)
        cr_assert_arr_neq(other.pixels + i * AREA, few.pixels + i * AREA, AREA);
    ncr_images_free(&many);
    ncr_images_free(&few);
    ncr_images_free(&other);
}

Test(digits, classes_are_equally_likely_and_images_are_inked)
{
    enum { N = 4000 };
    struct ncr_images images = draw(2, NCR_DIGITS_TEST, N);
    int count[NCR_DIGITS_CLASSES] = {0};
    double sum = 0, squares = 0;
    for (int i = 0; i < N; i++) {
        cr_assert_lt(images.labels[i], NCR_DIGITS_CLASSES);
        count[images.labels[i]]++;
        int brightest = 0;
        for (int k = 0; k < AREA; k++) {
            double v = images.pixels[i * AREA + k] / 255.0;
            sum += v, squares += v * v;
            if (images.pixels[i * AREA + k] > brightest) brightest = images.pixels[i * AREA + k];
        }
        cr_assert_gt(brightest, 120, "image %d shows nothing", i);
    }
    for (int c = 0; c < NCR_DIGITS_CLASSES; c++) // 400 expected, deviation 19
        cr_assert(abs(count[c] - 400) < 5 * 19, "class %d: %d", c, count[c]);
    // What ncr_data_open normalises with.
    double mean = sum / N / AREA, deviation = sqrt(squares / N / AREA - mean * mean);
    cr_assert_float_eq(mean, 0.145, 0.003, "%g", mean);
    cr_assert_float_eq(deviation, 0.243, 0.003, "%g", deviation);
    ncr_images_free(&images);
}

// ---- a linear model: softmax regression by stochastic gradient descent ----

enum { CLASSES = NCR_DIGITS_CLASSES, TRAIN = 10000, TEST = 2000, EPOCHS = 10, BATCH = 50 };

struct linear {
    float w[CLASSES][AREA + 1]; // the last one is the bias
};

static void scores(const struct linear *m, const float *x, float *out)
{
    for (int c = 0; c < CLASSES; c++) {
        float s0 = m->w[c][AREA], s1 = 0, s2 = 0, s3 = 0; // four sums: shorter chains
        for (int k = 0; k < AREA; k += 4) {
            s0 += m->w[c][k] * x[k], s1 += m->w[c][k + 1] * x[k + 1];
            s2 += m->w[c][k + 2] * x[k + 2], s3 += m->w[c][k + 3] * x[k + 3];
        }
        out[c] = s0 + s1 + s2 + s3;
    }
}

static float *normalised(const struct ncr_images *images)
{
    float *x = malloc((size_t)images->n * AREA * sizeof *x);
    for (size_t i = 0; i < (size_t)images->n * AREA; i++)
        x[i] = ((float)images->pixels[i] / 255 - 0.145f) / 0.243f;
    return x;
}

static double accuracy(const struct linear *m, const float *x, const struct ncr_images *images)
{
    int right = 0;
    for (uint64_t i = 0; i < images->n; i++) {
        float s[CLASSES];
        int best = 0;
        scores(m, x + i * AREA, s);
        for (int c = 1; c < CLASSES; c++)
            if (s[c] > s[best]) best = c;
        right += best == images->labels[i];
    }
    return right / (double)images->n;
}

static void step(struct linear *m, struct linear *velocity, const float *x, const uint8_t *labels,
                 const uint32_t *batch, float rate)
{
    static struct linear gradient;
    memset(&gradient, 0, sizeof gradient);
    for (int b = 0; b < BATCH; b++) {
        const float *in = x + (size_t)batch[b] * AREA;
        float p[CLASSES], top, sum = 0;
        scores(m, in, p);
        top = p[0];
        for (int c = 1; c < CLASSES; c++)
            if (p[c] > top) top = p[c];
        for (int c = 0; c < CLASSES; c++)
            sum += p[c] = expf(p[c] - top);
        for (int c = 0; c < CLASSES; c++) {
            float g = p[c] / sum - (float)(c == labels[batch[b]]);
            for (int k = 0; k < AREA; k++)
                gradient.w[c][k] += g * in[k];
            gradient.w[c][AREA] += g;
        }
    }
    for (int c = 0; c < CLASSES; c++)
        for (int k = 0; k <= AREA; k++) {
            velocity->w[c][k] =
                0.9f * velocity->w[c][k] + gradient.w[c][k] / BATCH + 1e-3f * m->w[c][k];
            m->w[c][k] -= rate * velocity->w[c][k];
        }
}

Test(digits, a_linear_model_stays_under_92_percent)
{
    struct ncr_images train = draw(1, 0, TRAIN), test = draw(1, NCR_DIGITS_TEST, TEST);
    float *x = normalised(&train), *tx = normalised(&test);
    static struct linear m, velocity;
    static uint32_t order[TRAIN];
    for (uint32_t i = 0; i < TRAIN; i++)
        order[i] = i;
    struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_TEST, 0);
    int steps = EPOCHS * (TRAIN / BATCH), done = 0;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        for (uint32_t i = TRAIN; i > 1; i--) {
            uint32_t k = (uint32_t)ncr_rng_below(&rng, i), t = order[k];
            order[k] = order[i - 1], order[i - 1] = t;
        }
        for (int b = 0; b < TRAIN; b += BATCH, done++)
            step(&m, &velocity, x, train.labels, order + b,
                 0.01f * (1 - (float)done / (float)steps));
    }
    double learnt = accuracy(&m, x, &train), reached = accuracy(&m, tx, &test);
    // It fits what it has seen, so that the low figure is not for want of training.
    cr_assert_gt(learnt, 0.90, "training accuracy %.2f %%", learnt * 100);
    cr_assert_gt(reached, 0.80, "test accuracy %.2f %%", reached * 100);
    cr_assert_lt(reached, 0.92, "test accuracy %.2f %%", reached * 100);
    cr_log_info("linear model: %.2f %% on its training images, %.2f %% on others", learnt * 100,
                reached * 100);
    free(x);
    free(tx);
    ncr_images_free(&train);
    ncr_images_free(&test);
}
