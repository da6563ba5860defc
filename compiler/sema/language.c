// What the language itself names: operators with their parameters, functions, words.
#include <assert.h>

#include "compiler/sema/sema.h"

static const enum ncr_op owners[] = {
#define NCR_SIGNATURE_ROW(OP, ...) NCR_OP_##OP,
#include "compiler/sema/signatures.def"
#undef NCR_SIGNATURE_ROW
};
static const struct ncr_sig_param signatures[] = {
#define NCR_SIGNATURE_ROW(OP, ATTR, name, TYPE, required, low, high)                               \
    {name, NCR_ATTR_##ATTR, NCR_SIG_##TYPE, required, low, high},
#include "compiler/sema/signatures.def"
#undef NCR_SIGNATURE_ROW
};

static const struct ncr_builtin builtins[] = {
#define NCR_BUILTIN_ROW(name, min, max, params, help) {#name, min, max, params, help},
#include "compiler/sema/builtins.def"
#undef NCR_BUILTIN_ROW
};

const struct ncr_sig_param *ncr_signature(enum ncr_op op, uint32_t *n)
{
    // The rows of an operator stand together.
    uint32_t first = 0;
    while (first < NCR_COUNT(owners) && owners[first] != op)
        first++;
    *n = 0;
    while (first + *n < NCR_COUNT(owners) && owners[first + *n] == op)
        ++*n;
    return &signatures[*n ? first : 0];
}

uint32_t ncr_sig_kinds(enum ncr_sig_type type)
{
    switch (type) {
    case NCR_SIG_INT: return NCR_KIND_BIT(INT);
    case NCR_SIG_PAIR:
    case NCR_SIG_SHAPE: return NCR_KIND_BIT(INT) | NCR_KIND_BIT(LIST);
    case NCR_SIG_PADDING: return NCR_KIND_BIT(INT) | NCR_KIND_BIT(LIST) | NCR_KIND_BIT(WORD);
    case NCR_SIG_BOOL: return NCR_KIND_BIT(BOOL);
    case NCR_SIG_FLOAT: return NCR_KIND_BIT(INT) | NCR_KIND_BIT(FLOAT);
    }
    NCR_BUG("signature type %d", (int)type);
}

uint32_t ncr_builtin_count(void)
{
    return NCR_COUNT(builtins);
}

const struct ncr_builtin *ncr_builtin_at(uint32_t index)
{
    return &builtins[index];
}

struct ncr_language_name ncr_language_find(struct ncr_str name)
{
    enum ncr_op op;
    if (ncr_op_find(name, &op) && op != NCR_OP_INPUT)
        return (struct ncr_language_name){NCR_LANG_OPERATOR, (uint32_t)op};
    for (uint32_t i = 0; i < NCR_COUNT(builtins); i++)
        if (ncr_str_is(name, builtins[i].name))
            return (struct ncr_language_name){NCR_LANG_FUNCTION, i};
    for (uint32_t i = 0; i < NCR_WORD_COUNT_; i++)
        if (ncr_str_is(name, ncr_word_text((enum ncr_word)i)))
            return (struct ncr_language_name){NCR_LANG_WORD, i};
    return (struct ncr_language_name){NCR_LANG_NOTHING, 0};
}

uint32_t ncr_language_count(void)
{
    return NCR_OP_COUNT_ - 1 + NCR_COUNT(builtins) + NCR_WORD_COUNT_;
}

struct ncr_str ncr_language_at(uint32_t i)
{
    static_assert(NCR_OP_INPUT == 0, "the input is no operator of the language");
    if (i < NCR_OP_COUNT_ - 1) return ncr_str_of(ncr_op_name((enum ncr_op)(i + 1)));
    i -= NCR_OP_COUNT_ - 1;
    if (i < NCR_COUNT(builtins)) return ncr_str_of(builtins[i].name);
    return ncr_str_of(ncr_word_text((enum ncr_word)(i - NCR_COUNT(builtins))));
}
