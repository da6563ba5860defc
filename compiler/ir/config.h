// What the declarations of a program say, as plain data: filled by sema with defaults applied and
// bounds checked, read by quantisation, training, campaigns. Strings live in the program's arena.
// Units are in the names.
#ifndef NCR_IR_CONFIG_H
#define NCR_IR_CONFIG_H

#include "compiler/ir/hardware.h"
#include "lang/base/source.h"

// -- data
// ------------------------------------------------------------------------------------------------------
enum ncr_data_source { NCR_DATA_DIGITS, NCR_DATA_MNIST, NCR_DATA_CIFAR10, NCR_DATA_IDX };

// data d = digits(seed: 1, train: 20000, test: 4000) | mnist("folder") | cifar10("folder")
//        | idx(train_images: …, train_labels: …, test_images: …, test_labels: …)
// valid: share of the training part set aside for validation (0 .. 0.9), drawn by seed.
struct ncr_data_spec {
    struct ncr_str name;
    struct ncr_span span;
    enum ncr_data_source source;
    struct ncr_str
        path; // mnist, cifar10: folder; relative to the program's folder or to --data-dir
    struct ncr_str files[4];  // idx
    uint64_t seed;            // digits: of the drawings; others: of the validation split
    uint32_t n_train, n_test; // digits only
    double valid;
};

enum ncr_split { NCR_SPLIT_TRAIN, NCR_SPLIT_VALID, NCR_SPLIT_TEST };

// images.test[0..1000]
struct ncr_data_ref {
    const struct ncr_data_spec *data;
    enum ncr_split split;
    uint64_t begin, end; // end UINT64_MAX: all
    struct ncr_span span;
};

// -- training
// --------------------------------------------------------------------------------------------------
enum ncr_optimizer { NCR_OPT_SGD, NCR_OPT_ADAM };
struct ncr_quant_spec;
enum ncr_schedule { NCR_SCHEDULE_CONSTANT, NCR_SCHEDULE_STEP, NCR_SCHEDULE_COSINE };

struct ncr_train_spec {
    struct ncr_str name;
    struct ncr_span span;
    struct ncr_data_ref data;
    uint32_t epochs, batch; // defaults 5, 64
    enum ncr_optimizer optimizer;
    double lr, momentum, weight_decay; // sgd: 0.05, 0.9, 0; adam: 1e-3
    double beta1, beta2, adam_eps;     // 0.9, 0.999, 1e-8
    enum ncr_schedule schedule;        // default cosine
    uint32_t step_epochs;              // step(every: n, factor: f)
    double step_factor;
    double label_smoothing; // 0 .. 0.5, default 0
    uint32_t augment_shift; // pixels, 0: off    augment: shift(2), flip
    bool augment_flip;
    const struct ncr_quant_spec *quant; // train for this quantisation; NULL: for none
    uint64_t seed;                      // default 1
};

// -- quantisation
// ----------------------------------------------------------------------------------------------
enum ncr_qformat { NCR_QF_LINEAR, NCR_QF_FIXED, NCR_QF_LOG2, NCR_QF_COUNT_ };
// As the language writes them.
extern const char *const ncr_qformat_names[NCR_QF_COUNT_];
enum ncr_calibration { NCR_CALIB_MINMAX, NCR_CALIB_PERCENTILE };

struct ncr_quant_spec {
    struct ncr_str name;
    struct ncr_span span;
    enum ncr_qformat weights, activations;
    uint32_t weight_bits, activation_bits; // 8
    bool per_channel;                      // weights: linear(bits: 8, per: channel|tensor)
    bool half_steps;                       // weights: log2(base: sqrt2)
    enum ncr_calibration calibration;      // calibration: minmax | percentile(99.9 %)
    double percentile;                     // 0.5 .. 1
    uint32_t calibration_images;           // default 512, from the training split
};

// -- faults
// ----------------------------------------------------------------------------------------------------
enum ncr_fault_model { NCR_FAULT_BITFLIP, NCR_FAULT_BITFLIP_RATE, NCR_FAULT_STUCK_AT };
enum ncr_persistence { NCR_TRANSIENT, NCR_PERMANENT };

// Bits 0 to this one are whole elements, however wide they are.
enum { NCR_FAULT_LAST_BIT = 31 };

struct ncr_fault_spec {
    struct ncr_str name;
    struct ncr_span span;
    enum ncr_fault_model model;
    uint32_t bits;           // bitflip(bits: n): flips per injection, 1 .. 64
    bool adjacent;           // bitflip(bits: n, adjacent: true): n neighbouring bits of one element
    double rate_per_bit;     // bitflip(rate: p per bit), 0 .. 1
    uint32_t stuck_value;    // stuck_at(0|1)
    uint32_t sites;          // bits of enum ncr_site_bit
    uint32_t bit_lo, bit_hi; // bits: 6..=7, inclusive; default all, 0, 31
    enum ncr_persistence persistence; // default: activations transient, weights permanent
    bool has_persistence;
};

struct ncr_campaign_spec {
    struct ncr_str name;
    struct ncr_span span;
    struct ncr_str net;
    struct ncr_span net_span;
    const struct ncr_quant_spec *quant;
    const struct ncr_fault_spec *fault;
    struct ncr_data_ref data;
    uint64_t injections;       // 0: from the margin
    double margin, confidence; // stop: margin(1%, confidence: 95%, per: network|layer)
    bool per_layer;
    uint64_t seed; // default 1
};

struct ncr_config {
    struct ncr_data_spec **data;
    struct ncr_train_spec **train;
    struct ncr_quant_spec **quant;
    struct ncr_fault_spec **fault;
    struct ncr_campaign_spec **campaign;
    struct ncr_target_spec **target; // those of imported modules, too; the program's own come last
    uint32_t n_data, n_train, n_quant, n_fault, n_campaign, n_target;
};

#endif
