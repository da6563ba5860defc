// Operators on scalar values: a pure function, used when constants are folded and when expressions
// are evaluated. Integers have 64 bits and every overflow is an error; int / int and int % int
// round toward minus infinity; an int meets a float as a float; quantities carry their dimension.
#ifndef NCR_SEMA_ARITH_H
#define NCR_SEMA_ARITH_H

#include "compiler/sema/value.h"
#include "lang/ast.h"

enum ncr_arith {
    NCR_ARITH_OK,
    NCR_ARITH_KINDS,      // the operator is not defined for these kinds
    NCR_ARITH_DIMENSIONS, // two quantities of different dimensions
    NCR_ARITH_OVERFLOW,   // outside int64
    NCR_ARITH_ZERO,       // division by zero
    NCR_ARITH_SHIFT,      // shift by less than 0 or more than 63
    NCR_ARITH_INFINITE,   // a float result that is not finite
    NCR_ARITH_POWER,      // a dimension's power beyond what is kept
};

// Bits of the kinds a op b may have, for operands of exactly these kinds; 0 where the operator is
// not defined. Covers tensors
// (+ *) and layers (>>) too, which ncr_arith_binary leaves to the evaluation.
uint32_t ncr_arith_pair(enum ncr_ast_op op, enum ncr_kind a, enum ncr_kind b);
// The same for sets of kinds; 0 where no pair is defined.
uint32_t ncr_arith_kinds(enum ncr_ast_op op, uint32_t a, uint32_t b);
enum ncr_arith ncr_arith_binary(enum ncr_ast_op op, struct ncr_value a, struct ncr_value b,
                                struct ncr_value *out);
enum ncr_arith ncr_arith_unary(enum ncr_ast_op op, struct ncr_value a, struct ncr_value *out);
// -1, 0, 1; both numbers, or both quantities of one dimension.
int ncr_arith_compare(struct ncr_value a, struct ncr_value b);

#endif
