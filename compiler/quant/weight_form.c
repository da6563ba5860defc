// Stored weights: widths, values, rounding.
#include "compiler/quant/weight_form.h"

#include <math.h>

#include "compiler/quant/qmath.h"

struct ncr_weight_form ncr_weight_form_of(const struct ncr_quant_spec *spec)
{
    return (struct ncr_weight_form){spec->weights, spec->weight_bits,
                                    spec->weights == NCR_QF_LOG2 && spec->half_steps};
}

bool ncr_weight_form_equal(struct ncr_weight_form a, struct ncr_weight_form b)
{
    return a.format == b.format && a.bits == b.bits && a.half_steps == b.half_steps;
}

uint32_t ncr_weight_width(struct ncr_weight_form form)
{
    if (form.bits <= 4) return 4;
    return form.format == NCR_QF_LOG2 ? 5 : 8;
}

uint32_t ncr_weight_memory_bits(struct ncr_weight_form form)
{
    return form.bits <= 4 ? 4 : 8;
}

int8_t ncr_weight_stored(struct ncr_weight_form form, int32_t pattern)
{
    int32_t sign = 1 << (ncr_weight_width(form) - 1), low = pattern & (2 * sign - 1);
    return (int8_t)(low - (low & sign ? 2 * sign : 0));
}

// The integer of magnitude code m.
static int32_t magnitude(struct ncr_weight_form form, int32_t m)
{
    if (m == 0) return 0;
    if (!form.half_steps) return 1 << (m - 1);
    return (m % 2 ? 12 : 17) << (m - 1) / 2;
}

const struct ncr_weight_values *ncr_weight_values_new(struct ncr_arena *arena,
                                                      struct ncr_weight_form form)
{
    struct ncr_weight_values *values = NCR_NEW(arena, struct ncr_weight_values);
    int32_t sign = 1 << (ncr_weight_width(form) - 1);
    for (int32_t i = 0; i < 256; i++) {
        int32_t v = form.format == NCR_QF_LOG2 ? magnitude(form, i & (sign - 1))
                                               : ncr_weight_stored(form, i);
        bool minus = form.format == NCR_QF_LOG2 && (i & sign);
        values->of[i] = (int16_t)(minus ? -v : v);
    }
    return values;
}

static int32_t top_code(struct ncr_weight_form form)
{
    return (1 << (form.bits - 1)) - 1;
}

int32_t ncr_weight_top(struct ncr_weight_form form)
{
    return form.format == NCR_QF_LOG2 ? magnitude(form, top_code(form)) : top_code(form);
}

int8_t ncr_weight_nearest(struct ncr_weight_form form, double v)
{
    int32_t top = top_code(form);
    if (form.format != NCR_QF_LOG2) return (int8_t)ncr_round_sat(v, -top, top);
    int32_t m = 0;
    // Up while the middle between two magnitudes is not passed; nan stays zero.
    while (m < top && fabs(v) >= 0.5 * (magnitude(form, m) + magnitude(form, m + 1)))
        m++;
    int32_t sign = 1 << (ncr_weight_width(form) - 1);
    return ncr_weight_stored(form, v < 0 && m ? m | sign : m);
}
