// Fault models as data: what a declared fault does to the stored bits of which elements. A model
// never runs code in the network; it yields flips, and the runtime patches the stored value.
#ifndef NCR_FAULT_MODELS_H
#define NCR_FAULT_MODELS_H

#include "compiler/fault/binomial.h"
#include "compiler/fault/sites.h"

// Flips in one injection at most.
enum { NCR_LIMIT_FLIPS = 1 << 22 };

// One change of a stored element: new = ((old AND and_mask) OR or_mask) XOR xor_mask, on its bits
// as stored.
struct ncr_flip {
    enum ncr_site_class site;
    uint32_t node;
    int64_t element;
    uint32_t bit; // lowest bit that is touched
    uint32_t and_mask, or_mask, xor_mask;
};

// The stored value after the flip: two's complement in `width` bits (2 to 32).
int32_t ncr_flip_apply(const struct ncr_flip *flip, uint32_t width, int32_t value);

struct ncr_fault_row {
    const char *name;
    uint32_t (*slots)(const struct ncr_fault_spec *spec, uint32_t n_bits);
    void (*mask)(const struct ncr_fault_spec *spec, uint32_t bit, struct ncr_flip *flip);
};

// The row of a model.
const struct ncr_fault_row *ncr_fault_row(enum ncr_fault_model model);
// Whether one injection strikes many points at once (a rate, or several independent bits). Such
// injections are draws from an unbounded set; all others walk through the finite population without
// repetition.
bool ncr_fault_spreads(const struct ncr_fault_spec *spec);
// Whether a fault of this class stays for all inputs. Default: activations transient, weights and
// biases permanent.
bool ncr_fault_persists(const struct ncr_fault_spec *spec, enum ncr_site_class site);
// One line that says the whole meaning of spec, for fingerprints and reports, e.g.
// "bitflip(bits: 1) at activations, weights; bits 0..=7".
void ncr_fault_text(const struct ncr_fault_spec *spec, struct ncr_buf *out);

// The single flip of point `index` of a model that does not spread.
struct ncr_flip ncr_fault_at(const struct ncr_sites *sites, uint64_t index);
// The flips of draw `draw` of a model that spreads: `bits` of them, or a binomial number (rate not
// NULL), at positions without repetition. They depend on (seed, draw, rate's p) alone and come in
// order of points. flips has room for `capacity`, at least the largest number that can be drawn
// (ncr_fault_most). Gives the count.
uint32_t ncr_fault_spread(const struct ncr_sites *sites, const struct ncr_binomial *rate,
                          uint64_t seed, uint64_t draw, struct ncr_flip *flips, uint32_t capacity);
// The largest number of flips of one injection, or 0 where it exceeds NCR_LIMIT_FLIPS.
uint32_t ncr_fault_most(const struct ncr_fault_spec *spec, const struct ncr_binomial *rate);

#endif
