// Populations of fault sites and the bit patterns of the models.
#include <criterion/criterion.h>

#include "compiler/fault/models.h"
#include "tests/support/tiny_net.h"

enum { ALL_BITS = NCR_FAULT_LAST_BIT };
enum { ALL = NCR_SITE_ACTIVATION | NCR_SITE_WEIGHT | NCR_SITE_BIAS };

static struct ncr_sites *build(struct ncr_arena *arena, struct ncr_fault_spec *spec,
                               struct ncr_diags *diags)
{
    struct tiny_net net;
    tiny_net_make(arena, 1, 3, 1, &net);
    ncr_diags_init(diags, arena, ncr_sources_new(arena));
    return ncr_sites_build(arena, diags, net.qgraph, spec);
}

// By hand: input 36, conv+relu 3·36, maxpool 3·9, flatten 27, dense 4 activations; weights 27 +
// 108; biases 3 + 4.
Test(fault_sites, population_by_hand)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_diags diags;
    struct ncr_fault_spec spec = {
        .model = NCR_FAULT_BITFLIP, .bits = 1, .bit_hi = ALL_BITS, .sites = NCR_SITE_ACTIVATION};
    struct ncr_sites *s = build(arena, &spec, &diags);
    cr_assert_eq(s->n_points, 8u * (36 + 108 + 27 + 27 + 4));
    cr_assert_eq(s->n_groups, 5);
    cr_assert_not(s->all_persistent);
    spec.sites = NCR_SITE_WEIGHT;
    s = build(arena, &spec, &diags);
    cr_assert_eq(s->n_points, 8u * (27 + 108));
    cr_assert(s->all_persistent);
    spec.sites = NCR_SITE_BIAS;
    s = build(arena, &spec, &diags);
    cr_assert_eq(s->n_points, 32u * 7, "the default bits are the whole stored bias");
    spec.bit_hi = 7;
    s = build(arena, &spec, &diags);
    cr_assert_eq(s->n_points, 8u * 7, "the low byte of a bias");
    spec.sites = ALL;
    spec.bit_lo = 6;
    s = build(arena, &spec, &diags);
    cr_assert_eq(s->n_points, 2u * (36 + 108 + 27 + 27 + 4 + 27 + 108 + 7));
    spec.adjacent = true;
    spec.bits = 2;
    s = build(arena, &spec, &diags);
    cr_assert_eq(s->n_points, 36u + 108 + 27 + 27 + 4 + 27 + 108 + 7, "two adjacent bits of two");
    uint64_t by_bit = 0;
    for (uint32_t g = 0; g < s->n_groups; g++)
        for (uint32_t b = 0; b < 32; b++)
            by_bit += ncr_sites_of_bit(&s->groups[g], b);
    cr_assert_eq(by_bit, s->n_points, "the strata by bit make the whole");
    ncr_arena_free(arena);
}

// Of the same network with a convolution of 4 and a dense layer of 5 stored bits.
Test(fault_sites, weights_are_struck_in_the_bits_they_are_stored_in)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_diags diags;
    struct tiny_net net;
    tiny_net_make(arena, 1, 3, 1, &net);
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    for (uint32_t q = 0; q < net.qgraph->n_nodes; q++) {
        struct ncr_qnode *node = &net.qgraph->nodes[q];
        bool dense = node->op == NCR_QOP_DENSE;
        struct ncr_weight_form form = {dense ? NCR_QF_LOG2 : NCR_QF_LINEAR, dense ? 5 : 3, false};
        if (node->n_weights) ncr_qnode_set_form(arena, net.qgraph, node, form);
    }
    struct ncr_fault_spec spec = {
        .model = NCR_FAULT_BITFLIP, .bits = 1, .bit_hi = ALL_BITS, .sites = NCR_SITE_WEIGHT};
    struct ncr_sites *s = ncr_sites_build(arena, &diags, net.qgraph, &spec);
    cr_assert_eq(s->n_points, 4u * 27 + 5u * 108);
    spec.bit_lo = 3;
    spec.bit_hi = 4;
    s = ncr_sites_build(arena, &diags, net.qgraph, &spec);
    cr_assert_eq(s->n_points, 27u + 2u * 108, "only the dense layer has bit 4");
    spec.bit_lo = 4;
    s = ncr_sites_build(arena, &diags, net.qgraph, &spec);
    cr_assert_eq(s->n_points, 108);
    spec.bit_hi = 5;
    cr_assert_null(ncr_sites_build(arena, &diags, net.qgraph, &spec));
    cr_assert_eq(ncr_diag_number(diags.first->code), 901);
    ncr_arena_free(arena);
}

Test(fault_sites, numbers_and_addresses_are_inverse)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_diags diags;
    struct ncr_fault_spec spec = {
        .model = NCR_FAULT_STUCK_AT, .bit_lo = 2, .bit_hi = 6, .sites = ALL};
    struct ncr_sites *s = build(arena, &spec, &diags);
    for (uint64_t i = 0; i < s->n_points; i++) {
        struct ncr_site_address at = ncr_sites_at(s, i);
        const struct ncr_site_group *g = &s->groups[at.group];
        cr_assert(at.element >= 0 && at.element < g->n_elements && at.slot < g->n_slots);
        cr_assert_eq(ncr_sites_index(s, at), i);
        struct ncr_flip f = ncr_fault_at(s, i);
        cr_assert(f.site == g->site && f.node == g->node && f.bit == 2 + at.slot);
        int32_t c[4];
        uint32_t rank = ncr_sites_coordinates(s->qgraph, g->site, g->node, at.element, c);
        const struct ncr_qnode *q = &s->qgraph->nodes[g->node];
        if (g->site == NCR_SITES_ACTIVATION && rank == 3)
            cr_assert_eq((c[0] * q->shape.dim[1] + c[1]) * q->shape.dim[2] + c[2], at.element);
        if (g->site == NCR_SITES_WEIGHT && q->op == NCR_QOP_CONV)
            cr_assert_eq(((c[0] * 1 + c[1]) * 3 + c[2]) * 3 + c[3], at.element);
        if (g->site == NCR_SITES_WEIGHT && q->op == NCR_QOP_DENSE)
            cr_assert(rank == 2 && c[0] * 27 + c[1] == at.element);
    }
    ncr_arena_free(arena);
}

Test(fault_models, patterns)
{
    struct ncr_flip flip = {.and_mask = UINT32_MAX};
    struct ncr_fault_spec spec = {.model = NCR_FAULT_BITFLIP, .bits = 1};
    ncr_fault_row(spec.model)->mask(&spec, 7, &flip);
    cr_assert_eq(ncr_flip_apply(&flip, 8, 5), -123, "the sign bit: 5 - 128");
    cr_assert_eq(ncr_flip_apply(&flip, 8, -128), 0);
    spec.bits = 3;
    spec.adjacent = true;
    ncr_fault_row(spec.model)->mask(&spec, 1, &flip);
    cr_assert_eq(ncr_flip_apply(&flip, 8, 0), 14);
    struct ncr_flip high = {.and_mask = UINT32_MAX};
    struct ncr_fault_spec stuck = {.model = NCR_FAULT_STUCK_AT, .stuck_value = 1};
    ncr_fault_row(stuck.model)->mask(&stuck, 6, &high);
    cr_assert(ncr_flip_apply(&high, 8, 1) == 65 && ncr_flip_apply(&high, 8, 65) == 65);
    cr_assert_eq(ncr_flip_apply(&high, 8, -128), -64);
    struct ncr_flip low = {.and_mask = UINT32_MAX};
    stuck.stuck_value = 0;
    ncr_fault_row(stuck.model)->mask(&stuck, 7, &low);
    cr_assert(ncr_flip_apply(&low, 8, -1) == 127 && ncr_flip_apply(&low, 8, 3) == 3);
    struct ncr_flip wide = {.and_mask = UINT32_MAX, .xor_mask = 1u << 31};
    cr_assert_eq(ncr_flip_apply(&wide, 32, 0), INT32_MIN);
    struct ncr_flip third = {.and_mask = UINT32_MAX, .xor_mask = 8};
    cr_assert_eq(ncr_flip_apply(&third, 4, 3), -5, "the sign bit of four: 3 - 8");
    cr_assert_eq(ncr_flip_apply(&third, 5, 3), 11);
}

// Draws of many flips: distinct places, in order, with the number asked for; lower rates strike
// part of what higher rates strike, since the places come in the same order.
Test(fault_models, spreads_are_distinct_and_nested)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_diags diags;
    struct ncr_fault_spec spec = {
        .model = NCR_FAULT_BITFLIP_RATE, .bits = 1, .bit_hi = ALL_BITS, .sites = ALL};
    struct ncr_sites *s = build(arena, &spec, &diags);
    struct ncr_binomial low, high;
    cr_assert(ncr_binomial_build(arena, s->n_points, 0.01, &low));
    cr_assert(ncr_binomial_build(arena, s->n_points, 0.05, &high));
    uint32_t most = ncr_fault_most(&spec, &high);
    struct ncr_flip *a = NCR_NEW_N(arena, struct ncr_flip, most),
                    *b = NCR_NEW_N(arena, struct ncr_flip, most);
    double sum = 0;
    for (uint64_t draw = 0; draw < 300; draw++) {
        uint32_t na = ncr_fault_spread(s, &low, 9, draw, a, most),
                 nb = ncr_fault_spread(s, &high, 9, draw, b, most);
        sum += nb;
        cr_assert_leq(na, nb);
        for (uint32_t i = 0, j = 0; i < na; i++, j++) {
            while (j < nb && (b[j].node != a[i].node || b[j].site != a[i].site ||
                              b[j].element != a[i].element || b[j].bit != a[i].bit))
                j++;
            cr_assert_lt(j, nb, "nested");
        }
        for (uint32_t i = 1; i < nb; i++)
            cr_assert(b[i].node != b[i - 1].node || b[i].site != b[i - 1].site ||
                      b[i].element != b[i - 1].element || b[i].bit != b[i - 1].bit);
    }
    double mean = 0.05 * (double)s->n_points;
    cr_assert_float_eq(sum / 300, mean,
                       4 * 0.22 * mean /
                           17); // sd of the mean: sqrt(mean/300) is under 0.22·mean/17
    ncr_arena_free(arena);
}

Test(fault_models, texts)
{
    struct ncr_buf out = {0};
    struct ncr_fault_spec spec = {
        .model = NCR_FAULT_BITFLIP, .bits = 2, .adjacent = true, .sites = ALL, .bit_hi = ALL_BITS};
    ncr_fault_text(&spec, &out);
    cr_assert_str_eq(out.s,
                     "bitflip(bits: 2, adjacent) at activations, weights, biases; bits 0..=31");
    out.n = 0;
    spec = (struct ncr_fault_spec){.model = NCR_FAULT_STUCK_AT,
                                   .stuck_value = 1,
                                   .sites = NCR_SITE_WEIGHT,
                                   .bit_lo = 6,
                                   .bit_hi = 7,
                                   .persistence = NCR_TRANSIENT,
                                   .has_persistence = true};
    ncr_fault_text(&spec, &out);
    cr_assert_str_eq(out.s, "stuck_at(1) at weights; bits 6..=7; transient");
    ncr_buf_free(&out);
}

// A convolution of 16 bits between an input and a dense layer of 8: 4·16 elements in the middle.
Test(fault_sites, bits_of_mixed_widths)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_diags diags;
    struct tiny_net net;
    tiny_net_make(arena, 1, 3, 1, &net);
    ncr_diags_init(&diags, arena, ncr_sources_new(arena));
    uint64_t wide = 0, all = 0;
    for (uint32_t q = 0; q < net.qgraph->n_nodes; q++) {
        struct ncr_qnode *node = &net.qgraph->nodes[q];
        if (node->op == NCR_QOP_CONV) node->bits = 12;
        all += (uint64_t)ncr_shape_elements(&node->shape);
        if (node->bits > 8) wide += (uint64_t)ncr_shape_elements(&node->shape);
    }
    cr_assert(wide == 108 && all == 36 + 108 + 27 + 27 + 4);
    static const struct {
        uint32_t lo, hi;
    } ranges[] = {{0, ALL_BITS}, {0, 7}, {8, 15}, {15, 15}, {6, 9}};
    const uint64_t want[] = {8 * all + 8 * wide, 8 * all, 8 * wide, wide, 2 * all + 2 * wide};
    for (size_t i = 0; i < NCR_COUNT(ranges); i++) {
        struct ncr_fault_spec spec = {.model = NCR_FAULT_BITFLIP,
                                      .bits = 1,
                                      .bit_lo = ranges[i].lo,
                                      .bit_hi = ranges[i].hi,
                                      .sites = NCR_SITE_ACTIVATION};
        struct ncr_sites *s = ncr_sites_build(arena, &diags, net.qgraph, &spec);
        cr_assert_not_null(s);
        cr_assert_eq(s->n_points, want[i], "bits %u to %u: %lu", ranges[i].lo, ranges[i].hi,
                     s->n_points);
        for (uint64_t p = 0; p < s->n_points; p++) {
            struct ncr_flip f = ncr_fault_at(s, p);
            cr_assert(f.bit >= ranges[i].lo && f.bit <= ranges[i].hi);
            cr_assert_lt(f.bit, ncr_site_width(&net.qgraph->nodes[f.node], f.site));
        }
    }
    struct ncr_fault_spec spec = {
        .model = NCR_FAULT_BITFLIP, .bits = 1, .bit_hi = 16, .sites = NCR_SITE_ACTIVATION};
    cr_assert_null(ncr_sites_build(arena, &diags, net.qgraph, &spec));
    cr_assert_str_eq(diags.first->text.s,
                     "bit 16 is outside a stored activation, whose highest bit is 15");
    ncr_arena_free(arena);
}

static const char *message(struct ncr_diags *diags)
{
    return diags->first ? diags->first->text.s : "none";
}

Test(fault_sites, diagnostics)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    struct ncr_diags diags;
    struct ncr_fault_spec spec = {.name = NCR_STR("f"),
                                  .span = {1, 10, 20},
                                  .model = NCR_FAULT_BITFLIP,
                                  .bits = 1,
                                  .bit_lo = 6,
                                  .bit_hi = 9,
                                  .sites = NCR_SITE_WEIGHT};
    cr_assert_null(build(arena, &spec, &diags));
    cr_assert_str_eq(message(&diags), "bit 9 is outside a stored weight, whose highest bit is 7");
    cr_assert(diags.first->span.begin == 10 && diags.first->span.end == 20);
    cr_assert_eq(ncr_diag_number(diags.first->code), 901);

    spec.bit_hi = 7;
    spec.sites = 0;
    cr_assert_null(build(arena, &spec, &diags));
    cr_assert_str_eq(
        message(&diags),
        "fault 'f' finds nothing to strike in 'tiny': it has no stored element of these sites");
    cr_assert_eq(ncr_diag_number(diags.first->code), 902);
    cr_assert_eq(diags.first->span.begin, 10);

    spec.sites = NCR_SITE_WEIGHT;
    spec.bits = 3;
    spec.adjacent = true;
    cr_assert_null(build(arena, &spec, &diags));
    cr_assert_str_eq(message(&diags), "3 adjacent bits do not fit into bits 6..=7, which are 2");
    cr_assert_str_eq(diags.first->help.s, "flip at most 2 adjacent bits, or widen `bits`");
    cr_assert_eq(ncr_diag_number(diags.first->code), 903);
    cr_assert_eq(diags.first->span.begin, 10);

    spec = (struct ncr_fault_spec){.name = NCR_STR("f"),
                                   .span = {1, 30, 31},
                                   .model = NCR_FAULT_BITFLIP,
                                   .bits = 64,
                                   .bit_lo = 30,
                                   .bit_hi = 31,
                                   .sites = NCR_SITE_BIAS};
    cr_assert_null(build(arena, &spec, &diags));
    cr_assert_str_eq(message(&diags),
                     "64 flips in one injection, but the network has only 14 bits to flip");
    cr_assert_eq(ncr_diag_number(diags.first->code), 904);
    cr_assert_eq(diags.first->span.begin, 30);

    spec.sites = NCR_SITE_WEIGHT | NCR_SITE_ACCUMULATOR;
    cr_assert_null(build(arena, &spec, &diags));
    cr_assert_str_eq(
        message(&diags),
        "fault 'f' strikes accumulators, which campaigns cannot reach: they strike what "
        "is stored in memory");
    cr_assert_str_eq(diags.first->help.s, "strike `activations`, `weights` or `biases`");
    cr_assert_eq(ncr_diag_number(diags.first->code), 905);
    cr_assert_eq(diags.first->span.begin, 30);
    ncr_arena_free(arena);
}
