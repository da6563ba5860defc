// Classes of alike values against all values: thresholds of sums and of terms are right, and no
// narrower than they must be.
#include <criterion/criterion.h>

#include "compiler/analysis/range_care.h"
#include "lang/base/rng.h"

static int32_t between(struct ncr_rng *rng, int32_t lo, int32_t hi)
{
    return lo + (int32_t)ncr_rng_below(rng, (uint64_t)((int64_t)hi - lo + 1));
}

// A node whose output moves by one where the sum moves by about `step`.
struct drawn {
    struct ncr_qnode node;
    int32_t mult, shift;
    struct ncr_care out;
};

static void draw(struct ncr_rng *rng, struct drawn *d)
{
    *d = (struct drawn){.mult = (1 << 30) + between(rng, 0, (1 << 30) - 1),
                        .shift = between(rng, 29, 36)};
    d->node = (struct ncr_qnode){.zero_point = between(rng, -128, 127),
                                 .lo = between(rng, -128, 20),
                                 .hi = between(rng, 20, 127),
                                 .mult = &d->mult,
                                 .shift = &d->shift};
    d->out = (struct ncr_care){(int16_t)between(rng, -128, 0), (int16_t)between(rng, 0, 127)};
    if (between(rng, 0, 3) == 0) d->out = NCR_CARE_EXACT;
}

Test(range_care, classes_of_sums)
{
    struct ncr_rng rng = ncr_rng_at(1, NCR_RNG_TEST, 20);
    for (int i = 0; i < 2000; i++) {
        struct drawn d;
        draw(&rng, &d);
        struct ncr_care_sum sum = ncr_care_sum_of(&d.node, 0, d.out);
        // By hand: whatever falls to the least value, or into the lower class, is one.
        int32_t least = ncr_range_finish(&d.node, INT32_MIN, 0),
                most = ncr_range_finish(&d.node, INT32_MAX, 0);
        cr_assert_eq(sum.none, ncr_care_alike(d.out, least, most));
        if (sum.none) continue;
        for (int k = 0; k < 40; k++) {
            int64_t acc = k < 10   ? sum.low + k - 5
                          : k < 20 ? sum.high + k - 15
                                   : between(&rng, -40000, 40000);
            int32_t y = ncr_range_finish(&d.node, (int32_t)acc, 0);
            cr_assert_eq(acc <= sum.low, ncr_care_alike(d.out, y, least), "%ld gives %d", (long)acc,
                         y);
            cr_assert_eq(acc >= sum.high, ncr_care_alike(d.out, y, most), "%ld gives %d", (long)acc,
                         y);
        }
    }
}

Test(range_care, indifferent_outputs)
{
    struct ncr_rng rng = ncr_rng_at(2, NCR_RNG_TEST, 20);
    struct drawn d;
    draw(&rng, &d);
    cr_assert(ncr_care_sum_of(&d.node, 0, NCR_CARE_NONE).none);
    d.node.lo = d.node.hi = 20; // a clamp to one value
    cr_assert(ncr_care_sum_of(&d.node, 0, NCR_CARE_EXACT).none);
    struct ncr_care joined = ncr_care_join(NCR_CARE_NONE, (struct ncr_care){-5, 9});
    cr_assert(joined.low == -5 && joined.high == 9);
    joined = ncr_care_join(NCR_CARE_EXACT, (struct ncr_care){-5, 9});
    cr_assert(joined.low == NCR_CARE_EXACT.low && joined.high == NCR_CARE_EXACT.high);
}

// All bytes, and all values of the rest of the sum.
Test(range_care, classes_of_terms)
{
    struct ncr_rng rng = ncr_rng_at(3, NCR_RNG_TEST, 20);
    uint32_t lows = 0, highs = 0;
    for (int i = 0; i < 400; i++) {
        struct drawn d;
        draw(&rng, &d);
        struct ncr_care_sum sum = ncr_care_sum_of(&d.node, 0, d.out);
        if (sum.none) continue;
        struct ncr_interval rest = {between(&rng, -4000, 4000), 0};
        rest.hi = rest.lo + between(&rng, 0, 60);
        int32_t w = between(&rng, -127, 127);
        struct ncr_care care = ncr_care_term(sum, rest, w, (struct ncr_interval){-128, 127});
        if (w == 0) {
            cr_assert(ncr_care_none(care));
            continue;
        }
        // The classes that hold for every rest: x is in one where all its sums are in one.
        for (int32_t x = -128; x < 128; x++) {
            bool below = rest.hi + x * w <= sum.low, above = rest.lo + x * w >= sum.high;
            bool low = w > 0 ? below : above, high = w > 0 ? above : below;
            if (!ncr_care_none(care)) {
                cr_assert(x <= care.low || !low, "%d x %d in the lower class", x, w);
                cr_assert(x >= care.high || !high, "%d x %d in the upper class", x, w);
                cr_assert(x > care.low || low || care.low == -128);
                cr_assert(x < care.high || high || care.high == 127);
            } else {
                cr_assert(low || high);
            }
            lows += low;
            highs += high;
        }
    }
    cr_assert(lows > 5000 && highs > 5000);
    struct ncr_care_sum narrow = {-100, 100, false};
    struct ncr_interval wide = {INT32_MIN + 100, 0};
    struct ncr_care care =
        ncr_care_term(narrow, wide, 1, (struct ncr_interval){-128, 127}); // could go round
    cr_assert(care.low == NCR_CARE_EXACT.low && care.high == NCR_CARE_EXACT.high);
}

// Against all values of an interval: bytes, and 16 bits with few and with many of their bits.
Test(range_care, pairs_of_a_flip)
{
    struct ncr_rng rng = ncr_rng_at(4, NCR_RNG_TEST, 20);
    uint32_t proved[16] = {0};
    for (int i = 0; i < 3000; i++) {
        struct ncr_qnode node = {.bits = i % 3 ? 8 + (uint32_t)between(&rng, 1, 8) : 8,
                                 .shape = {1, {1}}};
        int32_t end = ncr_qnode_magnitude(&node), reach = i % 2 ? end : 20;
        struct ncr_care any, one;
        for (struct ncr_care *c = &any;; c = &one) {
            c->low = (int16_t)between(&rng, -reach, reach - 1);
            c->high = (int16_t)between(&rng, c->low, reach - 1);
            if (between(&rng, 0, 5) == 0) *c = NCR_CARE_EXACT;
            if (c == &one) break;
        }
        struct ncr_interval x = {between(&rng, -reach, reach - 1), 0};
        x.hi = between(&rng, (int32_t)x.lo, reach - 1);
        struct ncr_range_node range = {.n_channels = 1, .value = &x};
        struct ncr_qgraph graph = {.nodes = &node, .n_nodes = 1};
        struct ncr_range_map map = {.qgraph = &graph, .nodes = &range};
        struct ncr_masked m = {
            .map = &map, .any = (struct ncr_care *[]){&any}, .one = (struct ncr_care *[]){&one}};
        uint32_t bits = ncr_masked_activation(&m, 0, 0), width = node.bits > 8 ? 16 : 8;
        cr_assert_eq(bits >> width, 0);
        for (uint32_t b = 0; b < width; b++) {
            bool alike = true;
            for (int32_t v = (int32_t)x.lo; alike && v <= x.hi; v++) {
                int32_t struck = ncr_care_flipped(&node, v, b);
                alike = ncr_care_none(any) || ncr_care_none(one) ||
                        ncr_care_alike(any, v, struck) || ncr_care_alike(one, v, struck);
            }
            cr_assert_eq(bits >> b & 1, alike, "[%d, %d], cares %d %d and %d %d, bit %u of %u",
                         (int)x.lo, (int)x.hi, any.low, any.high, one.low, one.high, b, node.bits);
            proved[b] += alike;
        }
    }
    for (int b = 0; b < 16; b++)
        cr_assert_geq(proved[b], 100, "bit %d: %u", b, proved[b]);
}
