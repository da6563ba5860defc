// Batch normalisation (Ioffe and Szegedy, ICML 2015): by the batch's statistics in training, by
// running ones otherwise.
#include "runtime/train/numbers.h"
#include "runtime/train/reference/reference.h"

struct channels {
    int64_t n, places, count; // of the tensor; values a channel in the batch
};

static struct channels channels_of(const struct ncr_ref *r)
{
    int64_t places = ncr_shape_places(&r->node->shape);
    return (struct channels){ncr_shape_channels(&r->node->shape), places, places * r->n};
}

// Place of value i of channel c: image i / places, place i % places.
static int64_t at(const struct channels *ch, int64_t c, int64_t i)
{
    return (i / ch->places * ch->n + c) * ch->places + i % ch->places;
}

// Mean and biased variance of each channel into scratch [2, C].
static void statistics(const struct ncr_ref *r, const struct channels *ch)
{
    double *mean = r->scratch, *var = r->scratch + ch->n;
    for (int64_t c = 0; c < ch->n; c++) {
        double sum = 0, sum2 = 0;
        for (int64_t i = 0; i < ch->count; i++)
            sum += r->x[0][at(ch, c, i)];
        mean[c] = sum / (double)ch->count;
        for (int64_t i = 0; i < ch->count; i++) {
            double d = r->x[0][at(ch, c, i)] - mean[c];
            sum2 += d * d;
        }
        var[c] = sum2 / (double)ch->count;
    }
}

static const double *param(const struct ncr_ref *r, enum ncr_param_role role)
{
    return r->p[ncr_node_param(r->graph, r->node, role)];
}

// y = gamma (x - mean) / sqrt(var + eps) + beta
static void batchnorm_forward(const struct ncr_ref *r)
{
    struct channels ch = channels_of(r);
    const double *gamma = param(r, NCR_PARAM_GAMMA), *beta = param(r, NCR_PARAM_BETA);
    const double *mean = r->scratch, *var = r->scratch + ch.n;
    if (r->training) {
        statistics(r, &ch);
        if (r->running) ncr_train_running(r->running, r->graph, r->node, mean, var, ch.count);
    } else {
        mean = param(r, NCR_PARAM_MEAN), var = param(r, NCR_PARAM_VAR);
    }
    for (int64_t c = 0; c < ch.n; c++) {
        double scale = gamma[c] / ncr_train_sqrt(var[c] + (double)r->node->attrs.eps);
        for (int64_t i = 0; i < ch.count; i++)
            r->y[at(&ch, c, i)] = (r->x[0][at(&ch, c, i)] - mean[c]) * scale + beta[c];
    }
}

// With h = (x - mean) / s, s = sqrt(var + eps):
//   dgamma = sum dy h,  dbeta = sum dy,  dx = gamma / s (dy - dbeta / count - h dgamma / count)
static void batchnorm_backward(const struct ncr_ref *r)
{
    struct channels ch = channels_of(r);
    uint32_t g = ncr_node_param(r->graph, r->node, NCR_PARAM_GAMMA);
    uint32_t b = ncr_node_param(r->graph, r->node, NCR_PARAM_BETA);
    statistics(r, &ch);
    for (int64_t c = 0; c < ch.n; c++) {
        double mean = r->scratch[c],
               s = ncr_train_sqrt(r->scratch[ch.n + c] + (double)r->node->attrs.eps);
        double dgamma = 0, dbeta = 0;
        for (int64_t i = 0; i < ch.count; i++) {
            double dy = r->dy[at(&ch, c, i)];
            dgamma += dy * (r->x[0][at(&ch, c, i)] - mean) / s;
            dbeta += dy;
        }
        r->dp[g][c] += dgamma;
        r->dp[b][c] += dbeta;
        for (int64_t i = 0; r->dx[0] && i < ch.count; i++) {
            int64_t k = at(&ch, c, i);
            double h = (r->x[0][k] - mean) / s;
            r->dx[0][k] += r->p[g][c] / s *
                           (r->dy[k] - dbeta / (double)ch.count - h * dgamma / (double)ch.count);
        }
    }
}

const struct ncr_grad ncr_grad_batchnorm = {batchnorm_forward, batchnorm_backward};
