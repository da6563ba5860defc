// The rows of models.def, and the drawing of many flips at once.
#include "compiler/fault/models.h"

#include <stdlib.h>

#include "compiler/fault/permute.h"

// ---- bitflip: one bit, or n adjacent ones ----
static uint32_t run_length(const struct ncr_fault_spec *spec)
{
    return spec->adjacent ? spec->bits : 1;
}

static uint32_t ncr_fault_bitflip_slots(const struct ncr_fault_spec *spec, uint32_t n_bits)
{
    uint32_t n = run_length(spec);
    return n <= n_bits ? n_bits - n + 1 : 0;
}

static void ncr_fault_bitflip_mask(const struct ncr_fault_spec *spec, uint32_t bit,
                                   struct ncr_flip *flip)
{
    flip->xor_mask = (uint32_t)((((uint64_t)1 << run_length(spec)) - 1) << bit);
}

// ---- bitflip(rate): every admitted bit by itself ----
static uint32_t ncr_fault_bitflip_rate_slots(const struct ncr_fault_spec *spec, uint32_t n_bits)
{
    (void)spec;
    return n_bits;
}

static void ncr_fault_bitflip_rate_mask(const struct ncr_fault_spec *spec, uint32_t bit,
                                        struct ncr_flip *flip)
{
    (void)spec;
    flip->xor_mask = (uint32_t)1 << bit;
}

// ---- stuck_at(0|1): a bit that already has the value is not changed ----
static uint32_t ncr_fault_stuck_at_slots(const struct ncr_fault_spec *spec, uint32_t n_bits)
{
    (void)spec;
    return n_bits;
}

static void ncr_fault_stuck_at_mask(const struct ncr_fault_spec *spec, uint32_t bit,
                                    struct ncr_flip *flip)
{
    if (spec->stuck_value)
        flip->or_mask = (uint32_t)1 << bit;
    else
        flip->and_mask = ~((uint32_t)1 << bit);
}

const struct ncr_fault_row *ncr_fault_row(enum ncr_fault_model model)
{
    static const struct ncr_fault_row rows[] = {
#define NCR_FAULT_ROW(NAME, name, stem)                                                            \
    [NCR_FAULT_##NAME] = {name, ncr_fault_##stem##_slots, ncr_fault_##stem##_mask},
#include "compiler/fault/models.def"
#undef NCR_FAULT_ROW
    };
    if ((size_t)model >= NCR_COUNT(rows) || !rows[model].name)
        NCR_BUG("fault model %d", (int)model);
    return &rows[model];
}

int32_t ncr_flip_apply(const struct ncr_flip *flip, uint32_t width, int32_t value)
{
    uint32_t v = (((uint32_t)value & flip->and_mask) | flip->or_mask) ^ flip->xor_mask;
    if (width == 32) return (int32_t)v;
    uint32_t sign = UINT32_C(1) << (width - 1), low = v & (2 * sign - 1);
    return (int32_t)(low ^ sign) - (int32_t)sign;
}

bool ncr_fault_spreads(const struct ncr_fault_spec *spec)
{
    switch (spec->model) {
    case NCR_FAULT_BITFLIP: return spec->bits > 1 && !spec->adjacent;
    case NCR_FAULT_BITFLIP_RATE: return true;
    case NCR_FAULT_STUCK_AT: return false;
    }
    NCR_BUG("fault model %d", (int)spec->model);
}

bool ncr_fault_persists(const struct ncr_fault_spec *spec, enum ncr_site_class site)
{
    if (spec->has_persistence) return spec->persistence == NCR_PERMANENT;
    return site != NCR_SITES_ACTIVATION;
}

void ncr_fault_text(const struct ncr_fault_spec *spec, struct ncr_buf *out)
{
    ncr_buf_puts(out, ncr_fault_row(spec->model)->name);
    switch (spec->model) {
    case NCR_FAULT_BITFLIP:
        ncr_buf_fmt(out, "(bits: %u%s)", spec->bits, spec->adjacent ? ", adjacent" : "");
        break;
    case NCR_FAULT_BITFLIP_RATE:
        ncr_buf_puts(out, "(rate: ");
        ncr_buf_f64(out, spec->rate_per_bit);
        ncr_buf_puts(out, " per bit)");
        break;
    case NCR_FAULT_STUCK_AT: ncr_buf_fmt(out, "(%u)", spec->stuck_value); break;
    }
    static const char *const plural[NCR_SITES_COUNT_] = {"activations", "weights", "biases"};
    const char *before = " at ";
    for (int c = 0; c < NCR_SITES_COUNT_; c++) {
        if (!(spec->sites & 1u << c)) continue;
        ncr_buf_fmt(out, "%s%s", before, plural[c]);
        before = ", ";
    }
    ncr_buf_fmt(out, "; bits %u..=%u", spec->bit_lo, spec->bit_hi);
    if (spec->has_persistence)
        ncr_buf_fmt(out, "; %s", spec->persistence == NCR_PERMANENT ? "permanent" : "transient");
}

struct ncr_flip ncr_fault_at(const struct ncr_sites *sites, uint64_t index)
{
    struct ncr_site_address at = ncr_sites_at(sites, index);
    const struct ncr_site_group *g = &sites->groups[at.group];
    struct ncr_flip flip = {.site = g->site,
                            .node = g->node,
                            .element = at.element,
                            .bit = g->bit_lo + at.slot,
                            .and_mask = UINT32_MAX};
    ncr_fault_row(sites->spec->model)->mask(sites->spec, flip.bit, &flip);
    return flip;
}

static int by_place(const void *a, const void *b)
{
    const struct ncr_flip *x = a, *y = b;
    if (x->node != y->node) return x->node < y->node ? -1 : 1;
    if (x->site != y->site) return x->site < y->site ? -1 : 1;
    if (x->element != y->element) return x->element < y->element ? -1 : 1;
    return x->bit < y->bit ? -1 : x->bit > y->bit;
}

uint32_t ncr_fault_spread(const struct ncr_sites *sites, const struct ncr_binomial *rate,
                          uint64_t seed, uint64_t draw, struct ncr_flip *flips, uint32_t capacity)
{
    uint64_t n = sites->spec->bits;
    if (rate) {
        // The purpose NCR_RNG_SAMPLE gives the count, NCR_RNG_BER the places: streams apart.
        struct ncr_rng rng = ncr_rng_at(seed, NCR_RNG_SAMPLE, draw);
        n = ncr_binomial_draw(rate, &rng);
    }
    if (n > capacity || n > sites->n_points) NCR_BUG("%llu flips", (unsigned long long)n);
    struct ncr_permutation places = ncr_permutation_of(sites->n_points, seed, NCR_RNG_BER, draw);
    for (uint64_t k = 0; k < n; k++)
        flips[k] = ncr_fault_at(sites, ncr_permute(&places, k));
    qsort(flips, n, sizeof *flips, by_place);
    return (uint32_t)n;
}

uint32_t ncr_fault_most(const struct ncr_fault_spec *spec, const struct ncr_binomial *rate)
{
    uint64_t most = rate ? rate->lo + rate->count - 1 : ncr_fault_spreads(spec) ? spec->bits : 1;
    return most <= NCR_LIMIT_FLIPS ? (uint32_t)ncr_max_i64((int64_t)most, 1) : 0;
}
