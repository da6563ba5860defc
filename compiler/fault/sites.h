// Fault sites: the population of stored bits of an integer network that a fault declaration admits,
// as numbers 0 .. n_points-1.
//
// A *point* is one place of a fault: (site class, tensor, element, slot), where the slot is the
// bit, or the lowest bit where a fault takes several adjacent ones. Points of one (tensor, class)
// are one *group* and consecutive: element by element, and slot by slot within the element. Groups
// are in order of the nodes, and within a node activation, weight, bias. A point is found from its
// number by binary search over the groups.
#ifndef NCR_FAULT_SITES_H
#define NCR_FAULT_SITES_H

#include "compiler/quant/qgraph.h"

// Site classes, in the order of the bits of enum ncr_site_bit.
enum ncr_site_class {
    NCR_SITES_ACTIVATION, // the stored tensor of a node, the network's input included; after
                          // requantisation
    NCR_SITES_WEIGHT,     // a stored weight
    NCR_SITES_BIAS,       // a stored int32 constant bias[o] (qgraph.h: the zero point is folded in)
    NCR_SITES_COUNT_
};

struct ncr_site_group {
    enum ncr_site_class site;
    uint32_t node;      // qnode
    int64_t n_elements; // in the logical order of the tensor, the weights or the biases
    uint32_t width;     // bits an element is stored in: ncr_site_width
    uint32_t bit_lo;    // slot 0 is this bit
    uint32_t n_slots;   // points an element
    uint64_t first;     // number of the first point
    uint64_t n_points;  // n_elements · n_slots
    bool persistent;    // stays for all inputs; otherwise a fault lasts for one inference
};

struct ncr_sites {
    const struct ncr_qgraph *qgraph;
    const struct ncr_fault_spec *spec;
    struct ncr_site_group *groups;
    uint32_t n_groups;
    uint64_t n_points;
    bool all_persistent;
};

struct ncr_site_address {
    uint32_t group;
    int64_t element;
    uint32_t slot;
};

// Bits of an element: an activation 8 or 16, as it is stored, a bias 32, a weight those of its form
// (weight_form.h).
uint32_t ncr_site_width(const struct ncr_qnode *node, enum ncr_site_class site);

// Enumerates the population of `spec` in `qgraph` (structure suffices, numbers are not read). The
// range of bits 0 .. 31, which is the default, means whole elements. Of any other range its last
// bit must be in some element of each class; elements that are narrower are struck in what they
// have of it. NULL after a diagnostic at spec->span: the bits do not fit (N0901, N0903), nothing to
// strike (N0902), more flips than points (N0904).
struct ncr_sites *ncr_sites_build(struct ncr_arena *arena, struct ncr_diags *diags,
                                  const struct ncr_qgraph *qgraph,
                                  const struct ncr_fault_spec *spec);
// The place of a point, index < n_points; and back.
struct ncr_site_address ncr_sites_at(const struct ncr_sites *sites, uint64_t index);
uint64_t ncr_sites_index(const struct ncr_sites *sites, struct ncr_site_address address);

// Points of a group whose lowest bit is `bit`: the stratum (layer, bit).
uint64_t ncr_sites_of_bit(const struct ncr_site_group *group, uint32_t bit);
// Coordinates of an element: activation [C, H, W] or [N]; weights conv, dwconv [O, I, Kh, Kw],
// dense [O, I]; bias [O]. Gives the rank, 1 to 4.
uint32_t ncr_sites_coordinates(const struct ncr_qgraph *qgraph, enum ncr_site_class site,
                               uint32_t node, int64_t element, int32_t out[4]);
// "activation", "weight", "bias".
const char *ncr_site_name(enum ncr_site_class site);

#endif
