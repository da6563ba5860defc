// Data declarations to datasets: sources, splits, views, normalisation; the real files where they
// are.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/data/dataset.h"
#include "tests/support/byte_files.h"

static struct ncr_data_spec digits_spec(uint64_t seed, uint32_t n_train, uint32_t n_test,
                                        double valid)
{
    return (struct ncr_data_spec){.name = NCR_STR("images"),
                                  .source = NCR_DATA_DIGITS,
                                  .seed = seed,
                                  .n_train = n_train,
                                  .n_test = n_test,
                                  .valid = valid};
}

static struct ncr_data *open_data(const struct ncr_data_spec *spec)
{
    struct ncr_io io = ncr_io_posix();
    struct ncr_data *data = NULL;
    struct ncr_error err;
    cr_assert_eq(ncr_data_open(spec, NCR_STR(""), &io, &data, &err), NCR_OK, "%s", err.text);
    return data;
}

static struct ncr_dataset view(const struct ncr_data *data, const struct ncr_data_spec *spec,
                               enum ncr_split split, uint64_t begin, uint64_t end)
{
    struct ncr_data_ref ref = {.data = spec, .split = split, .begin = begin, .end = end};
    struct ncr_dataset set;
    struct ncr_error err;
    cr_assert_eq(ncr_data_view(data, &ref, &set, &err), NCR_OK, "%s", err.text);
    return set;
}

Test(dataset, validation_is_disjoint_complete_and_reproducible)
{
    struct ncr_data_spec whole_spec = digits_spec(7, 500, 0, 0);
    struct ncr_data_spec split_spec = digits_spec(7, 500, 0, 0.15);
    struct ncr_data *whole = open_data(&whole_spec), *cut = open_data(&split_spec);
    struct ncr_data *again = open_data(&split_spec);
    struct ncr_dataset all = view(whole, &whole_spec, NCR_SPLIT_TRAIN, 0, UINT64_MAX);
    struct ncr_dataset part[2] = {view(cut, &split_spec, NCR_SPLIT_TRAIN, 0, UINT64_MAX),
                                  view(cut, &split_spec, NCR_SPLIT_VALID, 0, UINT64_MAX)};
    cr_assert_eq(part[0].n, 425);
    cr_assert_eq(part[1].n, 75);
    // Every image of the whole is in exactly one part, once, with its label.
    int found[500] = {0};
    for (int p = 0; p < 2; p++)
        for (uint64_t i = 0; i < part[p].n; i++)
            for (uint64_t k = 0; k < all.n; k++)
                if (memcmp(part[p].pixels + i * 784, all.pixels + k * 784, 784) == 0) {
                    cr_assert_eq(part[p].labels[i], all.labels[k]);
                    found[k]++;
                }
    for (int k = 0; k < 500; k++)
        cr_assert_eq(found[k], 1, "image %d is in the parts %d times", k, found[k]);
    struct ncr_dataset same = view(again, &split_spec, NCR_SPLIT_VALID, 0, UINT64_MAX);
    cr_assert(ncr_hash_eq(ncr_dataset_hash(&same), ncr_dataset_hash(&part[1])));
    ncr_data_free(whole);
    ncr_data_free(cut);
    ncr_data_free(again);
}

Test(dataset, another_seed_cuts_elsewhere)
{
    // The same source files under two seeds: only the split differs.
    struct byte_files m = {.n = 0};
    unsigned char images[16 + 200] = {0, 0, 8, 3, 0, 0, 0, 200, 0, 0, 0, 1, 0, 0, 0, 1};
    unsigned char labels[8 + 200] = {0, 0, 8, 1, 0, 0, 0, 200};
    for (int i = 0; i < 200; i++)
        images[16 + i] = (unsigned char)i;
    byte_files_put(&m, "i", images, sizeof images);
    byte_files_put(&m, "l", labels, sizeof labels);
    struct ncr_io io = byte_files_io(&m);
    struct ncr_data_spec spec = {.name = NCR_STR("d"), .source = NCR_DATA_IDX, .valid = 0.5};
    spec.files[0] = spec.files[2] = NCR_STR("i");
    spec.files[1] = spec.files[3] = NCR_STR("l");
    uint8_t drawn[2][100];
    for (int s = 0; s < 2; s++) {
        spec.seed = (uint64_t)s + 1;
        struct ncr_data *data;
        struct ncr_error err;
        cr_assert_eq(ncr_data_open(&spec, NCR_STR(""), &io, &data, &err), NCR_OK, "%s", err.text);
        struct ncr_dataset set = view(data, &spec, NCR_SPLIT_VALID, 0, UINT64_MAX);
        cr_assert_eq(set.n, 100);
        memcpy(drawn[s], set.pixels, 100);
        ncr_data_free(data);
    }
    cr_assert_arr_neq(drawn[0], drawn[1], 100);
    // No half of the file is preferred: of the 100 drawn, about 50 come from each.
    int low = 0;
    for (int i = 0; i < 100; i++)
        low += drawn[0][i] < 100;
    cr_assert(low > 30 && low < 70, "%d of 100 from the first half", low);
    byte_files_free(&m);
}

Test(dataset, views_are_slices)
{
    struct ncr_data_spec spec = digits_spec(3, 20, 10, 0);
    struct ncr_data *data = open_data(&spec);
    struct ncr_dataset all = view(data, &spec, NCR_SPLIT_TEST, 0, UINT64_MAX);
    struct ncr_dataset part = view(data, &spec, NCR_SPLIT_TEST, 4, 7);
    cr_assert_eq(all.n, 10);
    cr_assert_eq(part.n, 3);
    cr_assert_eq(part.pixels, all.pixels + 4 * 784);
    cr_assert_eq(part.labels, all.labels + 4);
    cr_assert_eq(view(data, &spec, NCR_SPLIT_TEST, 10, UINT64_MAX).n, 0);
    cr_assert_eq(view(data, &spec, NCR_SPLIT_VALID, 0, UINT64_MAX).n, 0);
    struct ncr_error err;
    struct ncr_data_ref ref = {.data = &spec, .split = NCR_SPLIT_TEST, .begin = 5, .end = 11};
    cr_assert_eq(ncr_data_view(data, &ref, &part, &err), NCR_USAGE);
    cr_assert_str_eq(err.text, "`images.test[5..11]` leaves the split, which has 10 images");
    ref.begin = 11, ref.end = UINT64_MAX;
    cr_assert_eq(ncr_data_view(data, &ref, &part, &err), NCR_USAGE);
    cr_assert_str_eq(err.text, "`images.test[11..]` leaves the split, which has 10 images");
    ref.split = NCR_SPLIT_VALID, ref.begin = 0, ref.end = 1;
    cr_assert_eq(ncr_data_view(data, &ref, &part, &err), NCR_USAGE);
    cr_assert_str_eq(err.text, "`images.valid[0..1]` leaves the split, which has 0 images");
    ncr_data_free(data);
}

Test(dataset, input_is_normalised_by_channel)
{
    const uint8_t pixels[] = {0, 255, 51, 102, 9, 9, 9, 9, 255, 0, 0, 51, 255, 0, 128, 1};
    const uint8_t labels[] = {0, 1};
    struct ncr_dataset set = {.n = 2,
                              .shape = {3, {2, 1, 4}},
                              .n_classes = 2,
                              .pixels = pixels,
                              .labels = labels,
                              .mean = {0.5f, 0.25f},
                              .std = {0.5f, 2}};
    float in[8];
    ncr_dataset_input(&set, 1, in);
    const double want[8] = {1, -1, -1, -0.6, 0.375, -0.125, (128 / 255.0 - 0.25) / 2, -0.1230392};
    for (int i = 0; i < 8; i++)
        cr_assert_float_eq(in[i], want[i], 1e-6, "element %d: %g", i, (double)in[i]);
}

Test(dataset, hash_sees_every_part)
{
    struct ncr_data_spec spec = digits_spec(3, 20, 0, 0);
    struct ncr_data *data = open_data(&spec);
    struct ncr_dataset set = view(data, &spec, NCR_SPLIT_TRAIN, 0, UINT64_MAX), other = set;
    struct ncr_hash h = ncr_dataset_hash(&set);
    uint8_t labels[20], *pixels = malloc(20 * 784);
    memcpy(labels, set.labels, 20);
    memcpy(pixels, set.pixels, 20 * 784);
    other.labels = labels, other.pixels = pixels;
    cr_assert(ncr_hash_eq(h, ncr_dataset_hash(&other)), "equal content, equal hash");
    labels[19] ^= 1;
    cr_assert(!ncr_hash_eq(h, ncr_dataset_hash(&other)));
    labels[19] ^= 1, pixels[20 * 784 - 1] ^= 1;
    cr_assert(!ncr_hash_eq(h, ncr_dataset_hash(&other)));
    other = set, other.n--;
    cr_assert(!ncr_hash_eq(h, ncr_dataset_hash(&other)));
    other = set, other.mean[0] += 1;
    cr_assert(!ncr_hash_eq(h, ncr_dataset_hash(&other)));
    free(pixels);
    ncr_data_free(data);
}

// A source of 1x2 grey images through the idx reader.
Test(dataset, idx_measures_its_normalisation_and_classes)
{
    const unsigned char train[] = {0, 0, 8, 3, 0, 0, 0, 2,   0,   0,
                                   0, 1, 0, 0, 0, 2, 0, 100, 200, 100};
    const unsigned char train_labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 3, 1};
    const unsigned char test[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 7};
    const unsigned char test_labels[] = {0, 0, 8, 1, 0, 0, 0, 1, 12};
    struct byte_files m = {.n = 0};
    byte_files_put(&m, "base/a", train, sizeof train);
    byte_files_put(&m, "base/b", train_labels, sizeof train_labels);
    byte_files_put(&m, "/abs/c", test, sizeof test);
    byte_files_put(&m, "base/d", test_labels, sizeof test_labels);
    struct ncr_io io = byte_files_io(&m);
    struct ncr_data_spec spec = {.name = NCR_STR("d"), .source = NCR_DATA_IDX};
    spec.files[0] = NCR_STR("a"), spec.files[1] = NCR_STR("b");
    spec.files[2] = NCR_STR("/abs/c"), spec.files[3] = NCR_STR("d");
    struct ncr_data *data;
    struct ncr_error err;
    cr_assert_eq(ncr_data_open(&spec, NCR_STR("base/"), &io, &data, &err), NCR_OK, "%s", err.text);
    struct ncr_dataset set = view(data, &spec, NCR_SPLIT_TEST, 0, UINT64_MAX);
    cr_assert_eq(set.n_classes, 13);
    // 0, 100, 200, 100: mean 100, variance 5000.
    cr_assert_float_eq(set.mean[0], 100 / 255.0, 1e-6);
    cr_assert_float_eq(set.std[0], 70.7106781 / 255, 1e-6);
    ncr_data_free(data);

    unsigned char other[sizeof test];
    memcpy(other, test, sizeof test);
    other[11] = 2, other[15] = 1;
    byte_files_put(&m, "/abs/c", other, sizeof other);
    cr_assert_eq(ncr_data_open(&spec, NCR_STR("base/"), &io, &data, &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(err.text, "'/abs/c': images of 1x2x1, but those of 'base/a' are 1x1x2");
    byte_files_free(&m);
}

Test(dataset, absent_folders)
{
    struct byte_files m = {.n = 0};
    struct ncr_io io = byte_files_io(&m);
    struct ncr_data_spec spec = {.source = NCR_DATA_MNIST, .path = NCR_STR("data/mnist")};
    struct ncr_data *data;
    struct ncr_error err;
    cr_assert_eq(ncr_data_open(&spec, NCR_STR("b/"), &io, &data, &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(err.text, "there is no 'b/data/mnist/train-images-idx3-ubyte' and no "
                               "'b/data/mnist/train-images-idx3-ubyte.gz'");
    spec.source = NCR_DATA_CIFAR10;
    cr_assert_eq(ncr_data_open(&spec, NCR_STR("b/"), &io, &data, &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(err.text, "there is none of 'b/data/mnist/data_batch_1.bin' to "
                               "'data_batch_5.bin', plain or .gz");
    char path[600];
    memset(path, 'p', sizeof path);
    spec.path = (struct ncr_str){path, 505};
    cr_assert_eq(ncr_data_open(&spec, NCR_STR("b/long/"), &io, &data, &err), NCR_ENVIRONMENT);
    cr_assert(strstr(err.text, "is longer than the limit of 512 bytes"), "%s", err.text);
    spec = digits_spec(1, 4000000, 0, 0);
    cr_assert_eq(ncr_data_open(&spec, NCR_STR(""), &io, &data, &err), NCR_ENVIRONMENT);
    cr_assert_str_eq(err.text, "digits: 4000000 images of 784 bytes are more than the limit of "
                               "1073741824 bytes");
}

// Opens the real files under NACRE_TEST_DATA; skips where they are not.
static struct ncr_data *open_real(struct ncr_data_spec *spec, const char *probe)
{
    struct ncr_io io = ncr_io_posix();
    if (!io.file_exists(NULL, probe)) cr_skip_test("%s is not there", probe);
    struct ncr_data *data;
    struct ncr_error err;
    cr_assert_eq(ncr_data_open(spec, NCR_STR(NACRE_TEST_DATA "/"), &io, &data, &err), NCR_OK, "%s",
                 err.text);
    return data;
}

// Mean and deviation of all pixels of a channel, of 1.
static void measure(const struct ncr_dataset *set, int channel, double *mean, double *deviation)
{
    size_t plane = (size_t)(set->shape.dim[1] * set->shape.dim[2]);
    size_t image = plane * (size_t)set->shape.dim[0];
    double sum = 0, squares = 0, n = (double)set->n * (double)plane;
    for (uint64_t i = 0; i < set->n; i++)
        for (size_t k = 0; k < plane; k++) {
            double v = set->pixels[i * image + (size_t)channel * plane + k] / 255.0;
            sum += v, squares += v * v;
        }
    *mean = sum / n;
    *deviation = sqrt(squares / n - *mean * *mean);
}

Test(dataset, real_mnist)
{
    struct ncr_data_spec spec = {
        .name = NCR_STR("m"), .source = NCR_DATA_MNIST, .path = NCR_STR("mnist")};
    struct ncr_data *data = open_real(&spec, NACRE_TEST_DATA "/mnist/train-images-idx3-ubyte.gz");
    struct ncr_dataset train = view(data, &spec, NCR_SPLIT_TRAIN, 0, UINT64_MAX);
    struct ncr_dataset test = view(data, &spec, NCR_SPLIT_TEST, 0, UINT64_MAX);
    cr_assert_eq(train.n, 60000);
    cr_assert_eq(test.n, 10000);
    // Published: the first labels, the size of each class, mean 0.1307 and deviation 0.3081.
    const uint8_t first[] = {5, 0, 4, 1, 9, 2, 1, 3, 1, 4};
    cr_assert_arr_eq(train.labels, first, 10);
    const uint8_t first_test[] = {7, 2, 1, 0, 4, 1, 4, 9, 5, 9};
    cr_assert_arr_eq(test.labels, first_test, 10);
    const int want[10] = {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949};
    int found[10] = {0};
    for (uint64_t i = 0; i < train.n; i++)
        found[train.labels[i]]++;
    for (int c = 0; c < 10; c++)
        cr_assert_eq(found[c], want[c]);
    double mean, deviation;
    measure(&train, 0, &mean, &deviation);
    cr_assert_float_eq(mean, 0.1307, 5e-5);
    cr_assert_float_eq(deviation, 0.3081, 5e-5);
    cr_assert_float_eq(train.mean[0], 0.1307, 1e-6);
    ncr_data_free(data);
}

Test(dataset, real_cifar10)
{
    struct ncr_data_spec spec = {
        .name = NCR_STR("c"), .source = NCR_DATA_CIFAR10, .path = NCR_STR("cifar10"), .valid = 0.1};
    struct ncr_data *data = open_real(&spec, NACRE_TEST_DATA "/cifar10/data_batch_1.bin.gz");
    struct ncr_dataset train = view(data, &spec, NCR_SPLIT_TRAIN, 0, UINT64_MAX);
    struct ncr_dataset valid = view(data, &spec, NCR_SPLIT_VALID, 0, UINT64_MAX);
    struct ncr_dataset test = view(data, &spec, NCR_SPLIT_TEST, 0, UINT64_MAX);
    cr_assert_eq(train.n, 9000);
    cr_assert_eq(valid.n, 1000);
    cr_assert_eq(test.n, 2000);
    for (int c = 0; c < 3; c++) { // the published statistics of the complete set are near
        double mean, deviation;
        measure(&train, c, &mean, &deviation);
        cr_assert_float_eq(mean, train.mean[c], 0.01, "channel %d: mean %g", c, mean);
        cr_assert_float_eq(deviation, train.std[c], 0.01, "channel %d: %g", c, deviation);
    }
    ncr_data_free(data);
}
