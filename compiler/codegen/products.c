// Every product and quotient of a module to shifts and additions. With a constant they stand where
// the product stood; else they are loops in functions of the module. Those have the names that LLVM
// gives its own calls of them, so that what it makes of address arithmetic later on is at home,
// too; they need no stack.
#include "compiler/codegen/products.h"

#include "compiler/codegen/debug.h"

#define PRODUCT  "__mulsi3"
#define QUOTIENT "__udivsi3"

// A function of two words under construction; the other blocks are made as they are named.
struct helper {
    struct ncr_emit caller;
    LLVMBasicBlockRef back;
    LLVMValueRef f, a, b;
};

static struct helper helper_begin(struct ncr_emit *e, const char *name)
{
    struct helper h = {.caller = *e, .back = LLVMGetInsertBlock(e->b)};
    e->debug = NULL; // it belongs to no layer
    LLVMSetCurrentDebugLocation2(e->b, NULL);
    h.f = ncr_emit_function(e, name, e->i32, 2, 3, false);
    h.a = ncr_local(e, e->i32);
    h.b = ncr_local(e, e->i32);
    LLVMBuildStore(e->b, LLVMGetParam(h.f, 0), h.a);
    LLVMBuildStore(e->b, LLVMGetParam(h.f, 1), h.b);
    return h;
}

static LLVMValueRef helper_end(struct ncr_emit *e, const struct helper *h)
{
    *e = h->caller;
    if (h->back) LLVMPositionBuilderAtEnd(e->b, h->back);
    ncr_debug_resume(e);
    return h->f;
}

static LLVMBasicBlockRef block(struct ncr_emit *e)
{
    return LLVMAppendBasicBlockInContext(e->context, e->function, "");
}

static LLVMValueRef get(struct ncr_emit *e, LLVMValueRef slot)
{
    return LLVMBuildLoad2(e->b, e->i32, slot, "");
}

static void set(struct ncr_emit *e, LLVMValueRef slot, LLVMValueRef v)
{
    LLVMBuildStore(e->b, v, slot);
}

static LLVMValueRef shl(struct ncr_emit *e, LLVMValueRef v, uint32_t by)
{
    return LLVMBuildShl(e->b, v, LLVMConstInt(LLVMTypeOf(v), by, false), "");
}

static LLVMValueRef lshr(struct ncr_emit *e, LLVMValueRef v, uint32_t by)
{
    return LLVMBuildLShr(e->b, v, LLVMConstInt(LLVMTypeOf(v), by, false), "");
}

// Goes to `yes` where v is not zero, else to `no`, and on with `next`.
static void branch(struct ncr_emit *e, LLVMValueRef v, LLVMBasicBlockRef yes, LLVMBasicBlockRef no,
                   LLVMBasicBlockRef next)
{
    LLVMValueRef zero = LLVMConstNull(LLVMTypeOf(v));
    LLVMBuildCondBr(e->b, LLVMBuildICmp(e->b, LLVMIntNE, v, zero, ""), yes, no);
    LLVMPositionBuilderAtEnd(e->b, next);
}

static void go(struct ncr_emit *e, LLVMBasicBlockRef to)
{
    LLVMBuildBr(e->b, to);
    LLVMPositionBuilderAtEnd(e->b, to);
}

// v where sign is 0, -v where it is -1.
static LLVMValueRef negate_by(struct ncr_emit *e, LLVMValueRef v, LLVMValueRef sign)
{
    return LLVMBuildSub(e->b, LLVMBuildXor(e->b, v, sign, ""), sign, "");
}

static LLVMValueRef sign_of(struct ncr_emit *e, LLVMValueRef v)
{
    return LLVMBuildAShr(e->b, v, ncr_i32(e, 31), "");
}

// a·b modulo 2^32, in as many rounds as |a| has bits.
static LLVMValueRef make_product(struct ncr_emit *e)
{
    LLVMValueRef f = LLVMGetNamedFunction(e->module, PRODUCT);
    if (f) return f;
    struct helper h = helper_begin(e, PRODUCT);
    LLVMValueRef sum = ncr_local(e, e->i32), sign = sign_of(e, get(e, h.a));
    LLVMBasicBlockRef round = block(e), add = block(e), next = block(e), end = block(e);
    set(e, sum, ncr_i32(e, 0));
    set(e, h.b, negate_by(e, get(e, h.b), sign));
    set(e, h.a, negate_by(e, get(e, h.a), sign));
    branch(e, get(e, h.a), round, end, round);
    branch(e, LLVMBuildAnd(e->b, get(e, h.a), ncr_i32(e, 1), ""), add, next, add);
    set(e, sum, LLVMBuildAdd(e->b, get(e, sum), get(e, h.b), ""));
    go(e, next);
    set(e, h.b, shl(e, get(e, h.b), 1));
    set(e, h.a, lshr(e, get(e, h.a), 1));
    branch(e, get(e, h.a), round, end, end);
    LLVMBuildRet(e->b, get(e, sum));
    return helper_end(e, &h);
}

// With u = |a| and s = (a < 0), floor(a·m / 2^32) is floor((u·m - s) / 2^32), complemented where s
// is 1. The sum over the bits of m is halved after each of them, which keeps its whole part exact:
// floor((floor(y) + n) / 2) = floor((y + n) / 2). As long as bits of m are zero it is -s / 2^k,
// whose whole part with the first u is that of (u - s) / 2. It stays below u, so u + sum is below
// 2^32. m has 31 bits; the 32nd halving is the last line's.
static LLVMValueRef make_high(struct ncr_emit *e)
{
    static const char name[] = "product_high";
    LLVMValueRef f = LLVMGetNamedFunction(e->module, name);
    if (f) return f;
    struct helper h = helper_begin(e, name);
    LLVMValueRef sum = ncr_local(e, e->i32), sign = sign_of(e, LLVMGetParam(h.f, 0)),
                 one = ncr_i32(e, 1);
    LLVMBasicBlockRef skip = block(e), zero = block(e), first = block(e), round = block(e),
                      add = block(e), next = block(e), end = block(e), none = block(e);
    set(e, h.a, negate_by(e, get(e, h.a), sign));
    branch(e, get(e, h.b), skip, none, skip);
    branch(e, LLVMBuildAnd(e->b, get(e, h.b), one, ""), first, zero, zero);
    set(e, h.b, lshr(e, get(e, h.b), 1));
    go(e, skip);
    LLVMPositionBuilderAtEnd(e->b, first);
    set(e, sum, LLVMBuildAdd(e->b, get(e, h.a), sign, ""));
    go(e, next);
    set(e, sum, lshr(e, get(e, sum), 1));
    set(e, h.b, lshr(e, get(e, h.b), 1));
    branch(e, get(e, h.b), round, end, round);
    branch(e, LLVMBuildAnd(e->b, get(e, h.b), one, ""), add, next, add);
    set(e, sum, LLVMBuildAdd(e->b, get(e, sum), get(e, h.a), ""));
    go(e, next);
    LLVMPositionBuilderAtEnd(e->b, end);
    LLVMBuildRet(e->b, LLVMBuildXor(e->b, lshr(e, get(e, sum), 1), sign, ""));
    LLVMPositionBuilderAtEnd(e->b, none);
    LLVMBuildRet(e->b, ncr_i32(e, 0));
    return helper_end(e, &h);
}

// floor(a / b), unsigned, bit by bit; a fills up with the quotient from below.
static LLVMValueRef make_quotient(struct ncr_emit *e)
{
    LLVMValueRef f = LLVMGetNamedFunction(e->module, QUOTIENT);
    if (f) return f;
    struct helper h = helper_begin(e, QUOTIENT);
    LLVMValueRef rest = ncr_local(e, e->i32), bits = ncr_local(e, e->i32), one = ncr_i32(e, 1);
    LLVMBasicBlockRef round = block(e), take = block(e), next = block(e), end = block(e);
    set(e, rest, ncr_i32(e, 0));
    set(e, bits, ncr_i32(e, 32));
    go(e, round);
    LLVMValueRef carry = LLVMBuildICmp(e->b, LLVMIntSLT, get(e, rest), ncr_i32(e, 0), "");
    set(e, rest, LLVMBuildOr(e->b, shl(e, get(e, rest), 1), lshr(e, get(e, h.a), 31), ""));
    set(e, h.a, shl(e, get(e, h.a), 1));
    LLVMValueRef fits = LLVMBuildICmp(e->b, LLVMIntUGE, get(e, rest), get(e, h.b), "");
    branch(e, LLVMBuildOr(e->b, carry, fits, ""), take, next, take);
    set(e, rest, LLVMBuildSub(e->b, get(e, rest), get(e, h.b), ""));
    set(e, h.a, LLVMBuildOr(e->b, get(e, h.a), one, ""));
    go(e, next);
    set(e, bits, LLVMBuildSub(e->b, get(e, bits), one, ""));
    branch(e, get(e, bits), round, end, end);
    LLVMBuildRet(e->b, get(e, h.a));
    return helper_end(e, &h);
}

static LLVMValueRef call(struct ncr_emit *e, LLVMValueRef f, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef args[2] = {a, b};
    return LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, args, 2, "");
}

// ---- in the place of one instruction ----

// v·factor by the signed digits of the factor, of which no two neighbours are not zero.
static LLVMValueRef by_constant(struct ncr_emit *e, LLVMValueRef v, LLVMValueRef constant)
{
    LLVMTypeRef type = LLVMTypeOf(v);
    int64_t factor = LLVMConstIntGetSExtValue(constant);
    uint32_t width = LLVMGetIntTypeWidth(type);
    LLVMValueRef sum = NULL;
    for (uint32_t bit = 0; bit < width && factor; bit++, factor /= 2) {
        int64_t digit = factor % 2 == 0 ? 0 : (factor & 3) == 3 ? -1 : 1;
        factor -= digit;
        if (!digit) continue;
        LLVMValueRef term = bit ? shl(e, v, bit) : v;
        if (!sum)
            sum = digit > 0 ? term : LLVMBuildNeg(e->b, term, "");
        else
            sum = digit > 0 ? LLVMBuildAdd(e->b, sum, term, "") : LLVMBuildSub(e->b, sum, term, "");
    }
    return sum ? sum : LLVMConstNull(type);
}

static LLVMValueRef product_of(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    if (LLVMIsAConstantInt(a)) return by_constant(e, b, a);
    if (LLVMIsAConstantInt(b)) return by_constant(e, a, b);
    return call(e, make_product(e), a, b);
}

// Of two words that are extended to 64 bits, the second of them a factor as ncr_products_high takes
// it.
static LLVMValueRef wide_product(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef b)
{
    LLVMValueRef low = LLVMBuildZExt(e->b, call(e, make_product(e), a, b), e->i64, ""),
                 high = LLVMBuildZExt(e->b, call(e, make_high(e), a, b), e->i64, "");
    return LLVMBuildOr(e->b, shl(e, high, 32), low, "");
}

static bool power_of_two(LLVMValueRef v)
{
    uint64_t n = LLVMIsAConstantInt(v) ? LLVMConstIntGetZExtValue(v) : 0;
    return n && (n & (n - 1)) == 0;
}

static LLVMValueRef scalar(struct ncr_emit *e, LLVMOpcode op, LLVMValueRef a, LLVMValueRef b)
{
    if (op == LLVMMul) return product_of(e, a, b);
    LLVMValueRef q = call(e, make_quotient(e), a, b);
    if (op == LLVMUDiv) return q;
    return LLVMBuildSub(e->b, a, product_of(e, b, q), "");
}

// The same of each lane, or of the two scalars.
static LLVMValueRef each(struct ncr_emit *e, LLVMOpcode op, LLVMValueRef a, LLVMValueRef b,
                         LLVMTypeRef type)
{
    bool vector = LLVMGetTypeKind(type) == LLVMVectorTypeKind;
    bool wide = (vector ? LLVMGetElementType(type) : type) == e->i64;
    if (wide) { // a and b are the words that are extended
        a = LLVMGetOperand(a, 0);
        b = LLVMGetOperand(b, 0);
    }
    if (!vector) return wide ? wide_product(e, a, b) : scalar(e, op, a, b);
    LLVMValueRef all = LLVMGetPoison(type);
    for (uint32_t i = 0; i < LLVMGetVectorSize(type); i++) {
        LLVMValueRef at = ncr_i32(e, i), x = LLVMBuildExtractElement(e->b, a, at, ""),
                     y = LLVMBuildExtractElement(e->b, b, at, "");
        LLVMValueRef v = wide ? wide_product(e, x, y) : scalar(e, op, x, y);
        all = LLVMBuildInsertElement(e->b, all, v, at, "");
    }
    return all;
}

LLVMValueRef ncr_products_high(struct ncr_emit *e, LLVMValueRef a, LLVMValueRef factor)
{
    LLVMValueRef f = make_high(e), all = LLVMGetPoison(LLVMTypeOf(a));
    for (uint32_t i = 0; i < ncr_length(a); i++) {
        LLVMValueRef at = ncr_i32(e, i), x = LLVMBuildExtractElement(e->b, a, at, ""),
                     y = LLVMBuildExtractElement(e->b, factor, at, "");
        all = LLVMBuildInsertElement(e->b, all, call(e, f, x, y), at, "");
    }
    return all;
}

static void lower(struct ncr_emit *e, LLVMValueRef i)
{
    LLVMOpcode op = LLVMGetInstructionOpcode(i);
    LLVMValueRef a = LLVMGetOperand(i, 0), b = LLVMGetOperand(i, 1);
    if (op != LLVMMul && power_of_two(b)) return; // a shift, or a mask
    LLVMTypeRef type = LLVMTypeOf(i);
    LLVMTypeRef element =
        LLVMGetTypeKind(type) == LLVMVectorTypeKind ? LLVMGetElementType(type) : type;
    if (element != e->i32 &&
        !(element == e->i64 && op == LLVMMul && LLVMIsASExtInst(a) && LLVMIsASExtInst(b)))
        NCR_BUG("a product or quotient that machines without a multiplier do not make");
    if (op != LLVMMul) make_quotient(e);
    if (element == e->i64) make_high(e);
    LLVMPositionBuilderBefore(e->b, i); // only now: functions are made elsewhere
    LLVMReplaceAllUsesWith(i, each(e, op, a, b, type));
    LLVMInstructionEraseFromParent(i);
}

void ncr_products_lower(struct ncr_emit *e)
{
    make_product(e);
    for (LLVMValueRef f = LLVMGetFirstFunction(e->module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef at = LLVMGetFirstBasicBlock(f); at; at = LLVMGetNextBasicBlock(at))
            for (LLVMValueRef i = LLVMGetFirstInstruction(at), next; i; i = next) {
                next = LLVMGetNextInstruction(i);
                LLVMOpcode op = LLVMGetInstructionOpcode(i);
                if (op == LLVMMul || op == LLVMUDiv || op == LLVMURem) lower(e, i);
            }
}
