// Stored weights: what they stand for, and rounding to the nearest of them.
#include <criterion/criterion.h>
#include <math.h>

#include "compiler/quant/weight_form.h"

static const struct ncr_weight_form forms[] = {
    {NCR_QF_LINEAR, 8, false}, {NCR_QF_LINEAR, 5, false}, {NCR_QF_LINEAR, 4, false},
    {NCR_QF_FIXED, 3, false},  {NCR_QF_LINEAR, 2, false}, {NCR_QF_LOG2, 2, false},
    {NCR_QF_LOG2, 3, true},    {NCR_QF_LOG2, 4, false},   {NCR_QF_LOG2, 4, true},
    {NCR_QF_LOG2, 5, false},   {NCR_QF_LOG2, 5, true}};

Test(weight_form, magnitudes)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    static const int plain[] = {0, 1, 2, 4, 8, 16, 32, 64},
                     half[] = {0, 12, 17, 24, 34, 48, 68, 96, 136};
    const struct ncr_weight_values *v = ncr_weight_values_new(arena, forms[7]),
                                   *h = ncr_weight_values_new(arena, forms[8]),
                                   *wide = ncr_weight_values_new(arena, forms[9]),
                                   *wide_half = ncr_weight_values_new(arena, forms[10]);
    for (int m = 0; m < 8; m++) {
        cr_assert(v->of[m] == plain[m] && v->of[8 + m] == -plain[m]);
        cr_assert(h->of[m] == half[m] && h->of[8 + m] == -half[m]);
        cr_assert(wide->of[m] == plain[m] && wide->of[16 + m] == -plain[m]);
    }
    cr_assert(wide->of[15] == 1 << 14 && wide->of[31] == -(1 << 14));
    cr_assert(wide_half->of[8] == half[8] && wide_half->of[15] == 12 << 7);
    for (int m = 1; m < 15; m++)
        cr_assert_float_eq((double)wide_half->of[m + 1] / wide_half->of[m], sqrt(2), 0.005);
    ncr_arena_free(arena);
}

// A byte is read by its low bits alone, and those are what is stored.
Test(weight_form, only_the_bits_of_the_form_count)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    for (size_t k = 0; k < NCR_COUNT(forms); k++) {
        const struct ncr_weight_values *values = ncr_weight_values_new(arena, forms[k]);
        uint32_t width = ncr_weight_width(forms[k]), mask = (1u << width) - 1;
        cr_assert(width >= forms[k].bits && width <= ncr_weight_memory_bits(forms[k]));
        for (int i = 0; i < 256; i++) {
            int8_t stored = ncr_weight_stored(forms[k], i);
            cr_assert_eq((uint32_t)stored & mask, (uint32_t)i & mask);
            cr_assert(stored >= -(1 << (width - 1)) && stored < 1 << (width - 1));
            cr_assert_eq(values->of[i], values->of[(uint8_t)stored]);
        }
    }
    ncr_arena_free(arena);
}

// Against a search through all patterns that the quantiser may use.
Test(weight_form, nearest)
{
    struct ncr_arena *arena = ncr_arena_new(0);
    for (size_t k = 0; k < NCR_COUNT(forms); k++) {
        const struct ncr_weight_values *values = ncr_weight_values_new(arena, forms[k]);
        int32_t top = ncr_weight_top(forms[k]);
        for (int i = -3000; i <= 3000; i++) {
            double v = top * 1.25 * i / 3000, best = INFINITY;
            for (int c = 0; c < 256; c++)
                if (abs(values->of[c]) <= top) best = fmin(best, fabs(v - values->of[c]));
            int8_t stored = ncr_weight_nearest(forms[k], v);
            cr_assert_eq(stored, ncr_weight_stored(forms[k], stored));
            double error = fabs(v - values->of[(uint8_t)stored]);
            cr_assert_float_eq(error, best, 1e-9, "form %zu: %g", k, v);
        }
        cr_assert_eq(values->of[(uint8_t)ncr_weight_nearest(forms[k], NAN)] +
                         (forms[k].format != NCR_QF_LOG2) * top,
                     0, "nan is the least linear weight, or zero");
    }
    ncr_arena_free(arena);
}
