// The binary form of CIFAR-10: records of a label byte and 3x32x32 bytes, planes red, green, blue.
#ifndef NCR_DATA_CIFAR10_H
#define NCR_DATA_CIFAR10_H

#include "runtime/data/file.h"
#include "runtime/data/images.h"

// The records of data_batch_1.bin to data_batch_5.bin (those that exist, in this order, at least
// one) as `train`, those of test_batch.bin as `test`; each plain or with ".gz". folder is empty or
// ends in '/'. Free both in any case.
enum ncr_status ncr_cifar10_read(const struct ncr_io *io, struct ncr_str folder,
                                 struct ncr_images *train, struct ncr_images *test,
                                 struct ncr_error *err);

#endif
