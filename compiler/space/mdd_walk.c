// Walks over decision diagrams: counting, sampling, extremes, enumeration.
#include "compiler/space/mdd_internal.h"

uint64_t ncr_mdd_nodes(const struct ncr_mdd *mdd)
{
    return mdd->n_nodes;
}

struct ncr_big ncr_mdd_count(const struct ncr_mdd *mdd)
{
    return mdd->layers[0].count[0];
}

bool ncr_mdd_possible(const struct ncr_mdd *mdd, uint32_t var, uint32_t value)
{
    if (ncr_big_is_zero(ncr_mdd_count(mdd))) return false;
    const struct ncr_mdd_layer *layer = &mdd->layers[var];
    uint32_t d = mdd->problem->diagrams->domain.at[var];
    // Every node that is left was reached from the root, so an edge with completions is on a path
    // of a member.
    for (uint32_t i = 0; i < layer->n; i++)
        if (layer->child[(size_t)i * d + value] != NCR_MDD_NONE) return true;
    return false;
}

void ncr_mdd_sample(const struct ncr_mdd *mdd, struct ncr_arena *scratch, struct ncr_rng *rng,
                    uint32_t *values)
{
    if (ncr_big_is_zero(ncr_mdd_count(mdd))) NCR_BUG("sampling from an empty set");
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    // One random rank below the number of members; each edge takes its share of what is left.
    struct ncr_big rank = ncr_big_random(scratch, rng, ncr_mdd_count(mdd));
    uint32_t node = 0;
    for (uint32_t v = 0; v < mdd->n_vars; v++) {
        const struct ncr_mdd_layer *layer = &mdd->layers[v], *next = &mdd->layers[v + 1];
        uint32_t d = mdd->problem->diagrams->domain.at[v], x = 0;
        for (;; x++) {
            uint32_t child = layer->child[(size_t)node * d + x];
            if (child == NCR_MDD_NONE) continue;
            if (ncr_big_cmp(rank, next->count[child]) < 0) {
                node = child;
                break;
            }
            rank = ncr_big_sub(scratch, rank, next->count[child]);
        }
        values[v] = x;
    }
    ncr_arena_reset(scratch, mark);
}

bool ncr_mdd_weigh(struct ncr_mdd *mdd)
{
    uint32_t n = mdd->n_vars;
    for (uint32_t v = n + 1; v-- > 0;) {
        struct ncr_mdd_layer *layer = &mdd->layers[v];
        layer->total = NCR_NEW_N(mdd->arena, double, layer->n);
        double most = 0;
        uint32_t d = v < n ? mdd->problem->diagrams->domain.at[v] : 0;
        for (uint32_t i = 0; i < layer->n; i++) {
            if (v == n) layer->total[i] = 1;
            for (uint32_t x = 0; x < d; x++) {
                size_t edge = (size_t)i * d + x;
                uint32_t child = layer->child[edge];
                if (child == NCR_MDD_NONE) continue;
                layer->total[i] +=
                    (layer->weight ? layer->weight[edge] : 1) * mdd->layers[v + 1].total[child];
            }
            if (layer->total[i] > most) most = layer->total[i];
        }
        // Only ratios within a layer count; scaling keeps hundreds of layers within the range of a
        // double.
        for (uint32_t i = 0; most > 0 && i < layer->n; i++)
            layer->total[i] /= most;
    }
    return mdd->layers[0].total[0] > 0;
}

void ncr_mdd_sample_weighted(const struct ncr_mdd *mdd, struct ncr_rng *rng, uint32_t *values)
{
    uint32_t node = 0;
    for (uint32_t v = 0; v < mdd->n_vars; v++) {
        const struct ncr_mdd_layer *layer = &mdd->layers[v];
        const double *after = mdd->layers[v + 1].total;
        uint32_t d = mdd->problem->diagrams->domain.at[v], pick = d;
        double sum = 0, r;
        for (uint32_t x = 0; x < d; x++) {
            size_t edge = (size_t)node * d + x;
            if (layer->child[edge] != NCR_MDD_NONE)
                sum += (layer->weight ? layer->weight[edge] : 1) * after[layer->child[edge]];
        }
        r = ncr_rng_f64(rng) * sum;
        for (uint32_t x = 0; x < d; x++) {
            size_t edge = (size_t)node * d + x;
            if (layer->child[edge] == NCR_MDD_NONE) continue;
            double part = (layer->weight ? layer->weight[edge] : 1) * after[layer->child[edge]];
            if (part <= 0) continue;
            pick = x; // rounding may leave r past the last part: the last possible value stays
            if (r < part) break;
            r -= part;
        }
        values[v] = pick;
        node = layer->child[(size_t)node * d + pick];
    }
}

int64_t ncr_mdd_extreme(const struct ncr_mdd *mdd, struct ncr_arena *scratch, uint32_t tracked,
                        int sign, uint32_t *values)
{
    if (ncr_big_is_zero(ncr_mdd_count(mdd))) NCR_BUG("extreme of an empty set");
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    uint32_t n = mdd->n_vars;
    int64_t **best =
        NCR_NEW_N(scratch, int64_t *, (size_t)n + 1); // least sign·sum over completions
    uint32_t **pick = NCR_NEW_N(scratch, uint32_t *, (size_t)n + 1);
    best[n] = NCR_NEW_N(scratch, int64_t, mdd->layers[n].n);
    for (uint32_t v = n; v-- > 0;) {
        const struct ncr_mdd_layer *layer = &mdd->layers[v];
        uint32_t d = mdd->problem->diagrams->domain.at[v];
        best[v] = NCR_NEW_N(scratch, int64_t, layer->n);
        pick[v] = NCR_NEW_N(scratch, uint32_t, layer->n);
        for (uint32_t i = 0; i < layer->n; i++) {
            best[v][i] = INT64_MAX;
            for (uint32_t x = 0; x < d; x++) {
                uint32_t child = layer->child[(size_t)i * d + x];
                if (child == NCR_MDD_NONE || best[v + 1][child] == INT64_MAX) continue;
                int64_t s =
                    sign * layer->tracked[((size_t)i * d + x) * mdd->problem->n_tracked + tracked] +
                    best[v + 1][child];
                if (s >= best[v][i]) continue;
                best[v][i] = s;
                pick[v][i] = x;
            }
        }
    }
    uint32_t node = 0;
    for (uint32_t v = 0; v < n; v++) {
        values[v] = pick[v][node];
        node =
            mdd->layers[v].child[(size_t)node * mdd->problem->diagrams->domain.at[v] + values[v]];
    }
    int64_t result = sign * best[0][0] + mdd->constants[tracked];
    ncr_arena_reset(scratch, mark);
    return result;
}

void ncr_mdd_each(const struct ncr_mdd *mdd, struct ncr_arena *scratch,
                  bool (*visit)(void *user, const uint32_t *values), void *user)
{
    if (ncr_big_is_zero(ncr_mdd_count(mdd))) return;
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    uint32_t n = mdd->n_vars, v = 0;
    uint32_t *values = NCR_NEW_N(scratch, uint32_t, (size_t)n + 1),
             *node = NCR_NEW_N(scratch, uint32_t, (size_t)n + 1);
    if (n == 0) visit(user, values);
    bool go = n > 0;
    while (go) { // values[v] is the next value to try in layer v
        uint32_t d = mdd->problem->diagrams->domain.at[v];
        while (values[v] < d &&
               mdd->layers[v].child[(size_t)node[v] * d + values[v]] == NCR_MDD_NONE)
            values[v]++;
        if (values[v] == d) {
            values[v] = 0;
            if (v == 0) break;
            values[--v]++;
        } else if (v + 1 < n) {
            node[v + 1] = mdd->layers[v].child[(size_t)node[v] * d + values[v]];
            values[++v] = 0;
        } else {
            go = visit(user, values);
            values[v]++;
        }
    }
    ncr_arena_reset(scratch, mark);
}
