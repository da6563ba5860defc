// Units and dimensions: "480 MHz" to a number in base units (bit, second, joule, metre, cycle) and
// the powers of the base dimensions. A unit's scale is a quotient of two integers, so that 1000 ns
// and 1 us are the same double.
#ifndef NCR_SEMA_UNITS_H
#define NCR_SEMA_UNITS_H

#include "lang/base/str.h"

enum { NCR_BASE_DIMENSIONS = 5 };

struct ncr_dimension {
    int8_t power[NCR_BASE_DIMENSIONS]; // information, time, energy, length, cycles
};

enum ncr_dimension_name {
#define NCR_DIMENSION_ROW(NAME, ...) NCR_DIMENSION_##NAME,
#include "compiler/sema/dimensions.def"
#undef NCR_DIMENSION_ROW
    NCR_DIMENSION_COUNT_
};

struct ncr_unit {
    struct ncr_dimension dimension;
    double num, den; // value in base units = value · num / den
};

static inline bool ncr_dimension_eq(struct ncr_dimension a, struct ncr_dimension b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}
static inline bool ncr_dimension_none(struct ncr_dimension a)
{
    return ncr_dimension_eq(a, (struct ncr_dimension){{0}});
}

struct ncr_dimension ncr_dimension_of(enum ncr_dimension_name name);
bool ncr_dimension_find(struct ncr_str name, struct ncr_dimension *out);
// a·b (sign 1) or a/b (sign -1). False where a power leaves -9 … 9.
bool ncr_dimension_mul(struct ncr_dimension a, struct ncr_dimension b, int sign,
                       struct ncr_dimension *out);
// "time", "bandwidth", "energy/information", "time^2".
void ncr_dimension_text(struct ncr_dimension dimension, struct ncr_buf *out);

// Reads the unit of a QUANTITY node: UNIT, UNIT/UNIT, "per WORD" or UNIT "per WORD". False where a
// part is no unit; bad is then that part.
bool ncr_unit_read(struct ncr_str text, struct ncr_unit *out, struct ncr_str *bad);
// The unit of the language that is nearest to a misspelt one; empty where none is near.
struct ncr_str ncr_unit_nearest(struct ncr_str bad);
// "64 KiB": in the unit of the table that gives the shortest text.
void ncr_quantity_text(double value, struct ncr_dimension dimension, struct ncr_buf *out);

#endif
