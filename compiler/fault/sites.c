// The population of fault sites: from a quantised graph and a fault declaration to numbered points.
#include "compiler/fault/sites.h"

#include "compiler/fault/models.h"

_Static_assert(NCR_SITE_ACTIVATION == 1 << NCR_SITES_ACTIVATION,
               "classes are the bits of ncr_site_bit");
_Static_assert(NCR_SITE_WEIGHT == 1 << NCR_SITES_WEIGHT, "classes are the bits of ncr_site_bit");
_Static_assert(NCR_SITE_BIAS == 1 << NCR_SITES_BIAS, "classes are the bits of ncr_site_bit");

enum { INT8_BITS = 8, INT16_BITS = 16, INT32_BITS = 32 };

const char *ncr_site_name(enum ncr_site_class site)
{
    static const char *const names[NCR_SITES_COUNT_] = {"activation", "weight", "bias"};
    return names[site];
}

static bool has_weights(enum ncr_qop op)
{
    return op == NCR_QOP_CONV || op == NCR_QOP_DWCONV || op == NCR_QOP_DENSE;
}

uint32_t ncr_site_width(const struct ncr_qnode *node, enum ncr_site_class site)
{
    switch (site) {
    case NCR_SITES_ACTIVATION: return node->bits > 8 ? INT16_BITS : INT8_BITS;
    case NCR_SITES_WEIGHT: return has_weights(node->op) ? ncr_weight_width(node->form) : INT8_BITS;
    case NCR_SITES_BIAS: return INT32_BITS;
    case NCR_SITES_COUNT_: break;
    }
    NCR_BUG("site class %d", (int)site);
}

static int64_t elements_of(const struct ncr_qnode *node, enum ncr_site_class site)
{
    switch (site) {
    case NCR_SITES_ACTIVATION: return ncr_shape_elements(&node->shape);
    case NCR_SITES_WEIGHT: return has_weights(node->op) ? node->n_weights : 0;
    case NCR_SITES_BIAS: return has_weights(node->op) ? node->n_channels : 0;
    case NCR_SITES_COUNT_: break;
    }
    NCR_BUG("site class %d", (int)site);
}

// Bits of the widest element of a class; 0 where the network has none.
static uint32_t widest(const struct ncr_qgraph *g, enum ncr_site_class site)
{
    uint32_t width = 0;
    for (uint32_t q = 0; q < g->n_nodes; q++)
        if (elements_of(&g->nodes[q], site) && ncr_site_width(&g->nodes[q], site) > width)
            width = ncr_site_width(&g->nodes[q], site);
    return width;
}

// How many of the admitted bits an element of that width has.
static uint32_t admitted(const struct ncr_fault_spec *spec, uint32_t width)
{
    uint32_t end = spec->bit_hi < width ? spec->bit_hi + 1 : width;
    return end > spec->bit_lo ? end - spec->bit_lo : 0;
}

// False after a diagnostic: no element of the class has the bits, or not as many side by side.
static bool check_bits(struct ncr_diags *diags, const struct ncr_qgraph *g,
                       const struct ncr_fault_spec *spec, enum ncr_site_class site)
{
    uint32_t width = widest(g, site), n_bits = admitted(spec, width);
    bool all = spec->bit_lo == 0 && spec->bit_hi == NCR_FAULT_LAST_BIT;
    if (width == 0) return true;
    if (spec->bit_hi >= width && !all) {
        NCR_DIAG(diags, FAULT_BITS, spec->span, spec->bit_hi, ncr_site_name(site), width - 1);
        return false;
    }
    if (ncr_fault_row(spec->model)->slots(spec, n_bits)) return true;
    struct ncr_diag *d = NCR_DIAG(diags, FAULT_ADJACENT, spec->span, spec->bits, spec->bit_lo,
                                  spec->bit_lo + n_bits - 1, n_bits);
    ncr_diag_help(diags, d, "flip at most %u adjacent bits, or widen `bits`", n_bits);
    return false;
}

static void add_group(struct ncr_sites *sites, uint32_t q, enum ncr_site_class site)
{
    const struct ncr_qnode *node = &sites->qgraph->nodes[q];
    struct ncr_site_group g = {.site = site, .node = q, .n_elements = elements_of(node, site)};
    g.width = ncr_site_width(node, site);
    g.bit_lo = sites->spec->bit_lo;
    uint32_t n_bits = admitted(sites->spec, g.width);
    g.n_slots = n_bits ? ncr_fault_row(sites->spec->model)->slots(sites->spec, n_bits) : 0;
    if (g.n_elements == 0 || g.n_slots == 0) return;
    g.first = sites->n_points;
    // Elements are bounded by NCR_LIMIT_ELEMENTS, so sums over nodes stay far below 2^63.
    g.n_points = (uint64_t)g.n_elements * g.n_slots;
    g.persistent = ncr_fault_persists(sites->spec, site);
    sites->all_persistent &= g.persistent;
    sites->n_points += g.n_points;
    sites->groups[sites->n_groups++] = g;
}

struct ncr_sites *ncr_sites_build(struct ncr_arena *arena, struct ncr_diags *diags,
                                  const struct ncr_qgraph *qgraph,
                                  const struct ncr_fault_spec *spec)
{
    struct ncr_sites *sites = NCR_NEW(arena, struct ncr_sites);
    *sites = (struct ncr_sites){.qgraph = qgraph, .spec = spec, .all_persistent = true};
    for (uint32_t bit = 1u << NCR_SITES_COUNT_; bit <= spec->sites; bit <<= 1) {
        if (!(spec->sites & bit)) continue;
        struct ncr_diag *d =
            NCR_DIAG(diags, FAULT_SITE, spec->span, NCR_STR_ARG(spec->name),
                     bit == NCR_SITE_ACCUMULATOR ? "accumulators" : "requantisation");
        ncr_diag_help(diags, d, "strike `activations`, `weights` or `biases`");
        return NULL;
    }
    for (int c = 0; c < NCR_SITES_COUNT_; c++)
        if (spec->sites & 1u << c && !check_bits(diags, qgraph, spec, (enum ncr_site_class)c))
            return NULL;
    sites->groups =
        NCR_NEW_N(arena, struct ncr_site_group, (size_t)qgraph->n_nodes * NCR_SITES_COUNT_);
    for (uint32_t q = 0; q < qgraph->n_nodes; q++)
        for (int c = 0; c < NCR_SITES_COUNT_; c++)
            if (spec->sites & 1u << c) add_group(sites, q, (enum ncr_site_class)c);
    if (sites->n_points == 0) {
        struct ncr_diag *d = NCR_DIAG(diags, FAULT_NO_SITES, spec->span, NCR_STR_ARG(spec->name),
                                      NCR_STR_ARG(qgraph->name));
        ncr_diag_help(diags, d, "add `activations` to the sites; every network has them");
        return NULL;
    }
    if (spec->model == NCR_FAULT_BITFLIP && ncr_fault_spreads(spec) &&
        spec->bits > sites->n_points) {
        NCR_DIAG(diags, FAULT_TOO_MANY_FLIPS, spec->span, spec->bits,
                 (unsigned long long)sites->n_points);
        return NULL;
    }
    return sites;
}

struct ncr_site_address ncr_sites_at(const struct ncr_sites *sites, uint64_t index)
{
    if (index >= sites->n_points) NCR_BUG("fault point %llu", (unsigned long long)index);
    uint32_t lo = 0,
             hi = sites->n_groups - 1; // the last group whose first point is not above index
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo + 1) / 2;
        if (sites->groups[mid].first <= index)
            lo = mid;
        else
            hi = mid - 1;
    }
    const struct ncr_site_group *g = &sites->groups[lo];
    uint64_t within = index - g->first;
    return (struct ncr_site_address){lo, (int64_t)(within / g->n_slots),
                                     (uint32_t)(within % g->n_slots)};
}

uint64_t ncr_sites_index(const struct ncr_sites *sites, struct ncr_site_address address)
{
    const struct ncr_site_group *g = &sites->groups[address.group];
    return g->first + (uint64_t)address.element * g->n_slots + address.slot;
}

uint64_t ncr_sites_of_bit(const struct ncr_site_group *group, uint32_t bit)
{
    return bit >= group->bit_lo && bit < group->bit_lo + group->n_slots
               ? (uint64_t)group->n_elements
               : 0;
}

// Splits a row-major index by the given sizes.
static uint32_t split(int64_t element, const int32_t *dim, uint32_t rank, int32_t *out)
{
    for (uint32_t d = rank; d-- > 0;) {
        out[d] = (int32_t)(element % dim[d]);
        element /= dim[d];
    }
    return rank;
}

uint32_t ncr_sites_coordinates(const struct ncr_qgraph *qgraph, enum ncr_site_class site,
                               uint32_t node, int64_t element, int32_t out[4])
{
    const struct ncr_qnode *q = &qgraph->nodes[node];
    if (site == NCR_SITES_ACTIVATION) return split(element, q->shape.dim, q->shape.rank, out);
    if (site == NCR_SITES_BIAS || q->n_channels == 0) {
        out[0] = (int32_t)element;
        return 1;
    }
    int64_t per_channel = q->n_weights / q->n_channels;
    if (q->op == NCR_QOP_DENSE)
        return split(element, (int32_t[2]){q->n_channels, (int32_t)per_channel}, 2, out);
    int32_t kh = q->attrs.kernel[0], kw = q->attrs.kernel[1];
    return split(element, (int32_t[4]){q->n_channels, (int32_t)(per_channel / (kh * kw)), kh, kw},
                 4, out);
}
