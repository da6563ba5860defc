// Storage of labelled images, and the seeded split of one part in two.
#include "runtime/data/images.h"

#include <stdlib.h>

#include "lang/base/rng.h"

size_t ncr_image_bytes(const struct ncr_images *images)
{
    return (size_t)ncr_shape_elements(&images->shape);
}

enum ncr_status ncr_images_new(const char *who, uint64_t n, const struct ncr_shape *shape,
                               struct ncr_images *out, struct ncr_error *err)
{
    *out = (struct ncr_images){.n = n, .shape = *shape};
    size_t each = ncr_image_bytes(out) + 1; // and its label
    if (n > NCR_LIMIT_IMAGE_BYTES / each)
        return ncr_fail(err, NCR_ENVIRONMENT,
                        "%s: %llu images of %zu bytes are more than the limit of %d bytes", who,
                        (unsigned long long)n, each - 1, NCR_LIMIT_IMAGE_BYTES);
    out->pixels = malloc((size_t)n * each + 1);
    if (!out->pixels)
        return ncr_fail(err, NCR_ENVIRONMENT, "%s: out of memory for %llu images", who,
                        (unsigned long long)n);
    out->labels = out->pixels + (size_t)n * (each - 1);
    return NCR_OK;
}

void ncr_images_free(struct ncr_images *images)
{
    free(images->pixels);
    *images = (struct ncr_images){.n = 0};
}

enum ncr_status ncr_images_split(struct ncr_images *images, double share, uint64_t seed,
                                 struct ncr_images *drawn, struct ncr_error *err)
{
    uint64_t n = images->n, n_drawn = (uint64_t)(share * (double)n + 0.5);
    *drawn = (struct ncr_images){.shape = images->shape};
    if (n_drawn > n) n_drawn = n;
    if (n_drawn == 0) return NCR_OK;
    uint64_t *order = malloc((size_t)n * sizeof *order);
    if (!order) return ncr_fail(err, NCR_ENVIRONMENT, "out of memory for the validation split");
    struct ncr_images parts[2] = {{0}, {0}};
    enum ncr_status status =
        ncr_images_new("validation split", n_drawn, &images->shape, &parts[0], err);
    if (status == NCR_OK)
        status = ncr_images_new("training split", n - n_drawn, &images->shape, &parts[1], err);
    if (status == NCR_OK) {
        for (uint64_t i = 0; i < n; i++)
            order[i] = i;
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_SPLIT, 0);
        for (uint64_t i = n; i > 1; i--) { // Fisher and Yates
            uint64_t k = ncr_rng_below(&rng, i), t = order[k];
            order[k] = order[i - 1];
            order[i - 1] = t;
        }
        size_t bytes = ncr_image_bytes(images);
        for (uint64_t i = 0; i < n; i++) {
            struct ncr_images *to = &parts[i >= n_drawn];
            size_t k = (size_t)(i < n_drawn ? i : i - n_drawn), from = (size_t)order[i];
            memcpy(to->pixels + k * bytes, images->pixels + from * bytes, bytes);
            to->labels[k] = images->labels[from];
        }
        ncr_images_free(images);
        *drawn = parts[0];
        *images = parts[1];
    } else {
        ncr_images_free(&parts[0]);
        ncr_images_free(&parts[1]);
    }
    free(order);
    return status;
}
