// Float parameters: storage, initialisation, hash.
#include "compiler/ir/weights.h"

#include <math.h>

#include "lang/base/rng.h"

struct ncr_weights *ncr_weights_new(struct ncr_arena *arena, const struct ncr_graph *graph)
{
    struct ncr_weights *weights = NCR_NEW(arena, struct ncr_weights);
    weights->n = graph->n_params;
    weights->at = NCR_NEW_N(arena, float *, graph->n_params);
    for (uint32_t p = 0; p < graph->n_params; p++)
        weights->at[p] = NCR_NEW_N(arena, float, (size_t)graph->params[p].n);
    return weights;
}

void ncr_weights_init(struct ncr_weights *weights, const struct ncr_graph *graph, uint64_t seed)
{
    for (uint32_t p = 0; p < graph->n_params; p++) {
        const struct ncr_param *param = &graph->params[p];
        float fill = param->role == NCR_PARAM_GAMMA || param->role == NCR_PARAM_VAR ? 1.0f : 0.0f;
        for (int64_t i = 0; i < param->n; i++)
            weights->at[p][i] = fill;
        if (param->role != NCR_PARAM_WEIGHT) continue;
        // He et al., ICCV 2015: variance 2 / fan_in, with fan_in the products that one output sums.
        double std = sqrt(2.0 * param->dim[0] / (double)param->n);
        struct ncr_rng rng =
            ncr_rng_at(seed, NCR_RNG_INIT, ncr_hash_bytes(param->name.s, param->name.n).lo);
        for (int64_t i = 0; i < param->n; i++)
            weights->at[p][i] = (float)(std * ncr_rng_normal(&rng));
    }
}

struct ncr_hash ncr_weights_hash(const struct ncr_weights *weights, const struct ncr_graph *graph)
{
    struct ncr_hash h = ncr_hash_u64(weights->n);
    for (uint32_t p = 0; p < weights->n; p++) {
        const struct ncr_param *param = &graph->params[p];
        h = ncr_hash_mix(h, ncr_hash_bytes(param->name.s, param->name.n));
        h = ncr_hash_mix(h, ncr_hash_bytes(weights->at[p], (size_t)param->n * sizeof(float)));
    }
    return h;
}
