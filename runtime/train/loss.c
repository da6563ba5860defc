// Scores and labels to loss and gradient.
#include "runtime/train/loss.h"

#include "runtime/train/numbers.h"

// One row; gradient may be scores itself. Returns the loss of the row.
static double row_loss(const double *s, uint32_t label, uint32_t k, double smoothing, double scale,
                       double *gradient, uint32_t *correct)
{
    uint32_t best = 0;
    double sum = 0, total = 0;
    for (uint32_t j = 1; j < k; j++)
        if (s[j] > s[best]) best = j;
    *correct += best == label;
    double top = s[best];
    for (uint32_t j = 0; j < k; j++)
        sum += ncr_train_exp(s[j] - top), total += s[j] - top;
    double log_sum = ncr_train_log(sum);
    // -sum q log p = log_sum - sum q (s - top)
    double loss = log_sum - (1 - smoothing) * (s[label] - top) - smoothing / k * total;
    if (gradient)
        for (uint32_t j = 0; j < k; j++) {
            double p = ncr_train_exp(s[j] - top) / sum;
            gradient[j] = (p - smoothing / k - (j == label ? 1 - smoothing : 0)) * scale;
        }
    return loss;
}

double ncr_train_loss(const double *scores, const uint8_t *labels, uint32_t n, uint32_t k,
                      double smoothing, double *gradient, uint32_t *correct)
{
    double loss = 0;
    *correct = 0;
    for (uint32_t i = 0; i < n; i++) {
        size_t at = (size_t)i * k;
        loss += row_loss(scores + at, labels[i], k, smoothing, 1.0 / n,
                         gradient ? gradient + at : NULL, correct);
    }
    return loss / n;
}

double ncr_train_loss_f32(const float *scores, const uint8_t *labels, uint32_t n, uint32_t k,
                          double smoothing, uint32_t total, double *row, float *gradient,
                          uint32_t *correct)
{
    double loss = 0;
    *correct = 0;
    for (uint32_t i = 0; i < n; i++) {
        size_t at = (size_t)i * k;
        for (uint32_t j = 0; j < k; j++)
            row[j] = (double)scores[at + j];
        loss += row_loss(row, labels[i], k, smoothing, 1.0 / total, row, correct);
        for (uint32_t j = 0; j < k; j++)
            gradient[at + j] = (float)row[j];
    }
    return loss / total;
}

uint32_t ncr_train_best(const float *scores, uint32_t k)
{
    uint32_t best = 0;
    for (uint32_t j = 1; j < k; j++)
        if (scores[j] > scores[best] || scores[best] != scores[best]) best = j;
    return best;
}
