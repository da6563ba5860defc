// Private to compiler/codegen: products and quotients on machines that have no instruction for
// them. They are made by shifts and additions, of functions of the object itself, so that it calls
// nothing outside of it there either.
#ifndef NCR_CODEGEN_PRODUCTS_H
#define NCR_CODEGEN_PRODUCTS_H

#include "compiler/codegen/emit.h"

// floor(a · factor / 2^32), lane by lane of vectors of i32. A factor is 0 or in [2^30, 2^31), as
// those of scales are (qmath.h).
LLVMValueRef ncr_products_high(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef factor);
// Rewrites what multiplies or divides in the whole module.
void ncr_products_lower(struct ncr_emit *e);

#endif
