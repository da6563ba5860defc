// Softmax cross entropy of class scores. Internal to runtime/train.
#ifndef NCR_TRAIN_LOSS_H
#define NCR_TRAIN_LOSS_H

#include "lang/base/base.h"

// Mean loss of n rows of k scores, and its gradient (NULL: not wanted).
//   p = softmax(s),  q = (1 - e) [j = label] + e / k,  loss = -1/n sum q log p,  d loss / d s = (p
//   - q) / n
// with e the label smoothing (Szegedy et al., CVPR 2016, section 7). Computed from the scores, so
// that a large score cannot overflow. *correct: rows whose largest score (the first of equals) is
// at the label.
double ncr_train_loss(const double *scores, const uint8_t *labels, uint32_t n, uint32_t k,
                      double smoothing, double *gradient, uint32_t *correct);
// The part of n rows in the mean over `total` rows, on floats; each row is widened to double in row
// [k]; gradient is always written.
double ncr_train_loss_f32(const float *scores, const uint8_t *labels, uint32_t n, uint32_t k,
                          double smoothing, uint32_t total, double *row, float *gradient,
                          uint32_t *correct);
// Index of the largest score, the first of equals; a NaN never wins.
uint32_t ncr_train_best(const float *scores, uint32_t k);

#endif
