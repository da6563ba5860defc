// A data declaration to labelled images in memory: picks the reader, cuts the validation split, and
// gives views of it.
#include "runtime/data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/data/cifar10.h"
#include "runtime/data/digits.h"
#include "runtime/data/idx.h"

enum { N_SPLITS = NCR_SPLIT_TEST + 1, PATH_BYTES = 512 };

static const char *const split_names[N_SPLITS] = {"train", "valid", "test"};

struct ncr_data {
    struct ncr_images split[N_SPLITS];
    uint32_t n_classes;
    float mean[4], std[4];
};

// What networks are usually fed with: the statistics of the training images of each source. For
// digits they are those of seed 1, rounded, so that every seed gives the same input scale.
static const struct {
    float mean[4], std[4];
} normal[] = {
    [NCR_DATA_DIGITS] = {{0.145f, 0, 0, 0}, {0.243f, 1, 1, 1}},
    [NCR_DATA_MNIST] = {{0.1307f, 0, 0, 0}, {0.3081f, 1, 1, 1}},
    [NCR_DATA_CIFAR10] = {{0.4914f, 0.4822f, 0.4465f, 0}, {0.2470f, 0.2435f, 0.2616f, 1}},
    [NCR_DATA_IDX] = {{0}, {1, 1, 1, 1}},
};

// base + path + name, or path + name where path is absolute.
static enum ncr_status locate(struct ncr_str base, struct ncr_str path, const char *name,
                              char out[PATH_BYTES], struct ncr_error *err)
{
    if (path.n && path.s[0] == '/') base.n = 0;
    const char *slash = *name && path.n && path.s[path.n - 1] != '/' ? "/" : "";
    int n = snprintf(out, PATH_BYTES, "%.*s%.*s%s%s", NCR_STR_ARG(base), NCR_STR_ARG(path), slash,
                     name);
    if (n < 0 || n >= PATH_BYTES - 1)
        return ncr_fail(err, NCR_ENVIRONMENT,
                        "the path '%.*s' is longer than the limit of %d bytes", NCR_STR_ARG(path),
                        PATH_BYTES);
    return NCR_OK;
}

// Ends a path with '/', unless it is empty; locate leaves room.
static struct ncr_str as_folder(char path[PATH_BYTES])
{
    size_t n = strlen(path);
    if (n && path[n - 1] != '/') memcpy(path + n, "/", 2);
    return ncr_str_of(path);
}

// The four files of an IDX source into the training and the test split.
static enum ncr_status read_pairs(struct ncr_data *data, char paths[4][PATH_BYTES],
                                  uint32_t n_classes, const struct ncr_io *io,
                                  struct ncr_error *err)
{
    struct ncr_images *train = &data->split[NCR_SPLIT_TRAIN], *test = &data->split[NCR_SPLIT_TEST];
    enum ncr_status status =
        ncr_idx_read(io, ncr_str_of(paths[0]), ncr_str_of(paths[1]), n_classes, train, err);
    if (status == NCR_OK)
        status = ncr_idx_read(io, ncr_str_of(paths[2]), ncr_str_of(paths[3]), n_classes, test, err);
    if (status != NCR_OK || ncr_shape_equal(&train->shape, &test->shape)) return status;
    char a[48], b[48];
    return ncr_fail(err, NCR_ENVIRONMENT, "'%s': images of %s, but those of '%s' are %s", paths[2],
                    ncr_shape_text(&test->shape, a), paths[0], ncr_shape_text(&train->shape, b));
}

static enum ncr_status read_mnist(struct ncr_data *data, const struct ncr_data_spec *spec,
                                  struct ncr_str base, const struct ncr_io *io,
                                  struct ncr_error *err)
{
    static const char *const names[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    char paths[4][PATH_BYTES];
    enum ncr_status status = NCR_OK;
    for (int i = 0; i < 4 && status == NCR_OK; i++)
        status = locate(base, spec->path, names[i], paths[i], err);
    data->n_classes = 10;
    return status == NCR_OK ? read_pairs(data, paths, data->n_classes, io, err) : status;
}

// Mean and deviation of each channel of pixel / 255, from exact integer sums.
static void measure(struct ncr_data *data)
{
    const struct ncr_images *train = &data->split[NCR_SPLIT_TRAIN];
    int32_t channels = train->shape.dim[0];
    size_t plane = ncr_image_bytes(train) / (size_t)channels;
    double n = (double)train->n * (double)plane;
    for (int32_t c = 0; c < channels && train->n; c++) {
        uint64_t sum = 0, squares = 0;
        for (uint64_t i = 0; i < train->n; i++) {
            const uint8_t *p = train->pixels + ((size_t)i * (size_t)channels + (size_t)c) * plane;
            for (size_t k = 0; k < plane; k++) {
                sum += p[k];
                squares += (uint64_t)p[k] * p[k];
            }
        }
        double mean = (double)sum / n, variance = (double)squares / n - mean * mean;
        data->mean[c] = (float)(mean / 255);
        data->std[c] = variance > 0 ? (float)(sqrt(variance) / 255) : 1.0f; // all pixels alike
    }
}

static enum ncr_status read_idx(struct ncr_data *data, const struct ncr_data_spec *spec,
                                struct ncr_str base, const struct ncr_io *io, struct ncr_error *err)
{
    char paths[4][PATH_BYTES];
    enum ncr_status status = NCR_OK;
    for (int i = 0; i < 4 && status == NCR_OK; i++)
        status = locate(base, spec->files[i], "", paths[i], err);
    if (status == NCR_OK) status = read_pairs(data, paths, 256, io, err);
    if (status != NCR_OK) return status;
    for (uint32_t s = 0; s < N_SPLITS; s++)
        for (uint64_t i = 0; i < data->split[s].n; i++)
            if (data->split[s].labels[i] >= data->n_classes)
                data->n_classes = data->split[s].labels[i] + 1u;
    measure(data);
    return NCR_OK;
}

static enum ncr_status draw_digits(struct ncr_data *data, const struct ncr_data_spec *spec,
                                   struct ncr_error *err)
{
    data->n_classes = NCR_DIGITS_CLASSES;
    enum ncr_status status =
        ncr_digits_draw(spec->seed, 0, spec->n_train, &data->split[NCR_SPLIT_TRAIN], err);
    if (status == NCR_OK)
        status = ncr_digits_draw(spec->seed, NCR_DIGITS_TEST, spec->n_test,
                                 &data->split[NCR_SPLIT_TEST], err);
    return status;
}

enum ncr_status ncr_data_open(const struct ncr_data_spec *spec, struct ncr_str base,
                              const struct ncr_io *io, struct ncr_data **out, struct ncr_error *err)
{
    struct ncr_data *data = calloc(1, sizeof *data);
    if (!data) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory for the data");
    memcpy(data->mean, normal[spec->source].mean, sizeof data->mean);
    memcpy(data->std, normal[spec->source].std, sizeof data->std);
    enum ncr_status status = NCR_OK;
    char folder[PATH_BYTES];
    switch (spec->source) {
    case NCR_DATA_DIGITS: status = draw_digits(data, spec, err); break;
    case NCR_DATA_MNIST: status = read_mnist(data, spec, base, io, err); break;
    case NCR_DATA_CIFAR10:
        data->n_classes = 10;
        status = locate(base, spec->path, "", folder, err);
        if (status == NCR_OK)
            status = ncr_cifar10_read(io, as_folder(folder), &data->split[NCR_SPLIT_TRAIN],
                                      &data->split[NCR_SPLIT_TEST], err);
        break;
    case NCR_DATA_IDX: status = read_idx(data, spec, base, io, err); break;
    }
    if (status == NCR_OK)
        status = ncr_images_split(&data->split[NCR_SPLIT_TRAIN], spec->valid, spec->seed,
                                  &data->split[NCR_SPLIT_VALID], err);
    if (status == NCR_OK)
        *out = data;
    else
        ncr_data_free(data);
    return status;
}

void ncr_data_free(struct ncr_data *data)
{
    if (!data) return;
    for (uint32_t s = 0; s < N_SPLITS; s++)
        ncr_images_free(&data->split[s]);
    free(data);
}

enum ncr_status ncr_data_view(const struct ncr_data *data, const struct ncr_data_ref *ref,
                              struct ncr_dataset *out, struct ncr_error *err)
{
    const struct ncr_images *images = &data->split[ref->split];
    uint64_t end = ref->end == UINT64_MAX ? images->n : ref->end;
    if (ref->begin > end || end > images->n) {
        char range[64];
        if (ref->end == UINT64_MAX)
            snprintf(range, sizeof range, "%llu..", (unsigned long long)ref->begin);
        else
            snprintf(range, sizeof range, "%llu..%llu", (unsigned long long)ref->begin,
                     (unsigned long long)ref->end);
        return ncr_fail(err, NCR_USAGE, "`%.*s.%s[%s]` leaves the split, which has %llu images",
                        NCR_STR_ARG(ref->data->name), split_names[ref->split], range,
                        (unsigned long long)images->n);
    }
    *out = (struct ncr_dataset){
        .n = end - ref->begin, .shape = images->shape, .n_classes = data->n_classes};
    if (images->n) {
        out->pixels = images->pixels + (size_t)ref->begin * ncr_image_bytes(images);
        out->labels = images->labels + ref->begin;
    }
    memcpy(out->mean, data->mean, sizeof out->mean);
    memcpy(out->std, data->std, sizeof out->std);
    return NCR_OK;
}

void ncr_dataset_input(const struct ncr_dataset *set, uint64_t i, float *out)
{
    size_t plane = (size_t)set->shape.dim[1] * (size_t)set->shape.dim[2];
    const uint8_t *p = set->pixels + (size_t)i * (size_t)set->shape.dim[0] * plane;
    for (int32_t c = 0; c < set->shape.dim[0]; c++)
        for (size_t k = 0; k < plane; k++)
            *out++ = ((float)*p++ / 255.0f - set->mean[c]) / set->std[c];
}

struct ncr_hash ncr_dataset_hash(const struct ncr_dataset *set)
{
    size_t bytes = (size_t)ncr_shape_elements(&set->shape);
    uint32_t facts[5] = {set->shape.rank, (uint32_t)set->shape.dim[0], (uint32_t)set->shape.dim[1],
                         (uint32_t)set->shape.dim[2], set->n_classes};
    struct ncr_hash h = ncr_hash_mix(ncr_hash_u64(set->n), ncr_hash_bytes(facts, sizeof facts));
    if (set->n) {
        h = ncr_hash_mix(h, ncr_hash_bytes(set->pixels, (size_t)set->n * bytes));
        h = ncr_hash_mix(h, ncr_hash_bytes(set->labels, (size_t)set->n));
    }
    h = ncr_hash_mix(h, ncr_hash_bytes(set->mean, sizeof set->mean));
    return ncr_hash_mix(h, ncr_hash_bytes(set->std, sizeof set->std));
}
