// Operators on scalar values.
#include "compiler/sema/arith.h"

#include <math.h>

#define K(NAME) NCR_KIND_BIT(NAME)

static bool is_number(enum ncr_kind k)
{
    return k == NCR_KIND_INT || k == NCR_KIND_FLOAT;
}

static uint32_t sum(enum ncr_kind a, enum ncr_kind b)
{
    if (a == NCR_KIND_INT && b == NCR_KIND_INT) return K(INT);
    if (is_number(a) && is_number(b)) return K(FLOAT);
    if (a == NCR_KIND_QUANTITY && b == NCR_KIND_QUANTITY) return K(QUANTITY);
    return 0;
}

static uint32_t product(enum ncr_kind a, enum ncr_kind b)
{
    if (a == NCR_KIND_INT && b == NCR_KIND_INT) return K(INT);
    if (is_number(a) && is_number(b)) return K(FLOAT);
    if (a == NCR_KIND_QUANTITY && b == NCR_KIND_QUANTITY) return K(QUANTITY) | K(FLOAT);
    if ((a == NCR_KIND_QUANTITY && is_number(b)) || (is_number(a) && b == NCR_KIND_QUANTITY))
        return K(QUANTITY);
    return 0;
}

uint32_t ncr_arith_pair(enum ncr_ast_op op, enum ncr_kind a, enum ncr_kind b)
{
    if (op == NCR_AST_ADD && a == NCR_KIND_TENSOR && b == NCR_KIND_TENSOR) return K(TENSOR);
    if (op == NCR_AST_MUL && a == NCR_KIND_TENSOR && b == NCR_KIND_TENSOR) return K(TENSOR);
    if (op == NCR_AST_SHR && a == NCR_KIND_LAYER && b == NCR_KIND_LAYER) return K(LAYER);
    bool ints = a == NCR_KIND_INT && b == NCR_KIND_INT;
    if (op == NCR_AST_ADD || op == NCR_AST_SUB) return sum(a, b);
    if (op == NCR_AST_MUL || op == NCR_AST_DIV) return product(a, b);
    if (op == NCR_AST_MOD || op == NCR_AST_SHL || op == NCR_AST_SHR) return ints ? K(INT) : 0;
    if (op == NCR_AST_AND || op == NCR_AST_OR || op == NCR_AST_ARROW)
        return a == NCR_KIND_BOOL && b == NCR_KIND_BOOL ? K(BOOL) : 0;
    if (op == NCR_AST_LT || op == NCR_AST_LE || op == NCR_AST_GT || op == NCR_AST_GE)
        return sum(a, b) ? K(BOOL) : 0;
    if (op == NCR_AST_EQ || op == NCR_AST_NE) {
        uint32_t same = K(BOOL) | K(STRING) | K(WORD) | K(LIST) | K(RANGE);
        return sum(a, b) || (a == b && (same >> a & 1)) ? K(BOOL) : 0;
    }
    return 0;
}

uint32_t ncr_arith_kinds(enum ncr_ast_op op, uint32_t a, uint32_t b)
{
    uint32_t out = 0;
    for (uint32_t i = 0; i < NCR_KIND_COUNT_; i++)
        for (uint32_t k = 0; (a >> i & 1) && k < NCR_KIND_COUNT_; k++)
            if (b >> k & 1) out |= ncr_arith_pair(op, (enum ncr_kind)i, (enum ncr_kind)k);
    return out;
}

int ncr_arith_compare(struct ncr_value a, struct ncr_value b)
{
    if (a.kind == NCR_KIND_INT && b.kind == NCR_KIND_INT)
        return (a.as.i > b.as.i) - (a.as.i < b.as.i);
    double x = ncr_value_number(a), y = ncr_value_number(b);
    return (x > y) - (x < y);
}

static enum ncr_arith finite(double f, struct ncr_dimension dimension, struct ncr_value *out)
{
    *out = ncr_value_quantity(f, dimension);
    return isfinite(f) ? NCR_ARITH_OK : NCR_ARITH_INFINITE;
}

static enum ncr_arith ints(enum ncr_ast_op op, int64_t a, int64_t b, struct ncr_value *out)
{
    int64_t r = 0;
    bool fits = true;
    if (op == NCR_AST_ADD) {
        fits = ncr_add_i64(a, b, &r);
    } else if (op == NCR_AST_SUB) {
        fits = ncr_sub_i64(a, b, &r);
    } else if (op == NCR_AST_MUL) {
        fits = ncr_mul_i64(a, b, &r);
    } else if (op == NCR_AST_DIV || op == NCR_AST_MOD) {
        if (b == 0) return NCR_ARITH_ZERO;
        // -1 apart: INT64_MIN / -1 does not exist.
        if (b == -1) {
            fits = op == NCR_AST_MOD || ncr_sub_i64(0, a, &r);
        } else {
            int64_t quotient = a / b, rest = a % b;
            bool down = rest != 0 && (rest < 0) != (b < 0);
            r = op == NCR_AST_DIV ? quotient - down : rest + (down ? b : 0);
        }
    } else {
        if (b < 0 || b > 63) return NCR_ARITH_SHIFT;
        if (op == NCR_AST_SHL)
            fits = b == 63 ? a == 0 || a == -1 : ncr_mul_i64(a, INT64_C(1) << b, &r);
        else
            r = a >= 0 ? a >> b : -((-(a + 1)) >> b) - 1;
        if (op == NCR_AST_SHL && b == 63 && a == -1) r = INT64_MIN;
    }
    *out = ncr_value_int(r);
    return fits ? NCR_ARITH_OK : NCR_ARITH_OVERFLOW;
}

static enum ncr_arith reals(enum ncr_ast_op op, struct ncr_value a, struct ncr_value b,
                            struct ncr_value *out)
{
    double x = ncr_value_number(a), y = ncr_value_number(b);
    struct ncr_dimension da =
        a.kind == NCR_KIND_QUANTITY ? a.dimension : (struct ncr_dimension){{0}};
    struct ncr_dimension db =
        b.kind == NCR_KIND_QUANTITY ? b.dimension : (struct ncr_dimension){{0}};
    if (op == NCR_AST_ADD) return finite(x + y, da, out);
    if (op == NCR_AST_SUB) return finite(x - y, da, out);
    if (op == NCR_AST_DIV && y == 0) return NCR_ARITH_ZERO;
    struct ncr_dimension d;
    if (!ncr_dimension_mul(da, db, op == NCR_AST_MUL ? 1 : -1, &d)) return NCR_ARITH_POWER;
    return finite(op == NCR_AST_MUL ? x * y : x / y, d, out);
}

enum ncr_arith ncr_arith_binary(enum ncr_ast_op op, struct ncr_value a, struct ncr_value b,
                                struct ncr_value *out)
{
    if (!ncr_arith_pair(op, (enum ncr_kind)a.kind, (enum ncr_kind)b.kind)) return NCR_ARITH_KINDS;
    bool additive = op != NCR_AST_MUL && op != NCR_AST_DIV;
    if (additive && a.kind == NCR_KIND_QUANTITY && !ncr_dimension_eq(a.dimension, b.dimension))
        return NCR_ARITH_DIMENSIONS;
    if (op == NCR_AST_EQ || op == NCR_AST_NE) {
        *out = ncr_value_bool(ncr_value_equal(a, b) == (op == NCR_AST_EQ));
        return NCR_ARITH_OK;
    }
    if (op == NCR_AST_ARROW) {
        *out = ncr_value_bool(!a.as.b || b.as.b);
        return NCR_ARITH_OK;
    }
    if (op == NCR_AST_AND || op == NCR_AST_OR) {
        *out = ncr_value_bool(op == NCR_AST_AND ? a.as.b && b.as.b : a.as.b || b.as.b);
        return NCR_ARITH_OK;
    }
    if (op == NCR_AST_LT || op == NCR_AST_LE || op == NCR_AST_GT || op == NCR_AST_GE) {
        int c = ncr_arith_compare(a, b);
        *out = ncr_value_bool(op == NCR_AST_LT   ? c < 0
                              : op == NCR_AST_LE ? c <= 0
                              : op == NCR_AST_GT ? c > 0
                                                 : c >= 0);
        return NCR_ARITH_OK;
    }
    if (a.kind == NCR_KIND_INT && b.kind == NCR_KIND_INT) return ints(op, a.as.i, b.as.i, out);
    return reals(op, a, b, out);
}

enum ncr_arith ncr_arith_unary(enum ncr_ast_op op, struct ncr_value a, struct ncr_value *out)
{
    if (op == NCR_AST_NOT) {
        if (a.kind != NCR_KIND_BOOL) return NCR_ARITH_KINDS;
        *out = ncr_value_bool(!a.as.b);
        return NCR_ARITH_OK;
    }
    if (!ncr_value_is(a, K(INT) | K(FLOAT) | K(QUANTITY))) return NCR_ARITH_KINDS;
    if (a.kind == NCR_KIND_INT) return ints(NCR_AST_SUB, 0, a.as.i, out);
    *out = a;
    out->as.f = -a.as.f;
    return NCR_ARITH_OK;
}
