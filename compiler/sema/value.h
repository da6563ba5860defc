// Values at compile time: 16 bytes, immutable; what they point to lives in the arena of the
// evaluation (or, for constants, of the program).
#ifndef NCR_SEMA_VALUE_H
#define NCR_SEMA_VALUE_H

#include "compiler/ir/graph.h"
#include "compiler/sema/units.h"
#include "compiler/space/diagram.h"

enum ncr_kind {
#define NCR_KIND_ROW(NAME, ...) NCR_KIND_##NAME,
#include "compiler/sema/kinds.def"
#undef NCR_KIND_ROW
    NCR_KIND_COUNT_
};

#define NCR_KIND_BIT(NAME) (1u << NCR_KIND_##NAME)
#define NCR_KINDS_ALL      ((1u << NCR_KIND_LIFTED) - 1) // what programs speak of

enum ncr_type_name {
#define NCR_TYPE_ROW(NAME, ...) NCR_TYPE_##NAME,
#include "compiler/sema/types.def"
#undef NCR_TYPE_ROW
    NCR_TYPE_COUNT_
};

enum ncr_word { NCR_WORD_SAME, NCR_WORD_VALID, NCR_WORD_COUNT_ };

struct ncr_layer;
struct ncr_item;

struct ncr_value {
    uint8_t kind;                   // enum ncr_kind
    struct ncr_dimension dimension; // QUANTITY
    union {
        bool b;
        int64_t i; // INT; WORD: enum ncr_word
        double f;  // FLOAT; QUANTITY in base units
        const struct ncr_str *string;
        const struct ncr_range *range;
        const struct ncr_list *list;
        const struct ncr_record *record;
        const struct ncr_layer *layer;
        ncr_node_id tensor;
        const struct ncr_item *item;     // DECLARATION
        const struct ncr_data_ref *data; // DATA
        ncr_diagram lifted;              // LIFTED: its leaves are the evaluation's
        const struct ncr_bound *bound;   // SUM, BOUND
    } as;
};

// A constant plus a sum of diagrams of ints; BOUND: low <= that <= high.
struct ncr_bound {
    int64_t constant;
    const ncr_diagram *terms;
    uint32_t n_terms;
    int64_t low, high;
};

// low, low + step, … below high (up to it where closed); pow2: low, 2·low, 4·low, …
struct ncr_range {
    struct ncr_value low, high, step; // of one kind: INT, FLOAT or QUANTITY
    bool closed, pow2;
};

struct ncr_list {
    uint32_t n;
    uint32_t total, depth; // values inside, counted through all levels; levels. Both are bounded,
                           // so walks are too
    bool undecided;        // some value inside depends on decisions
    struct ncr_value at[];
};

struct ncr_record {
    uint32_t n;
    const struct ncr_str *labels;
    struct ncr_value at[];
};

static inline struct ncr_value ncr_value_int(int64_t i)
{
    return (struct ncr_value){.kind = NCR_KIND_INT, .as.i = i};
}
static inline struct ncr_value ncr_value_float(double f)
{
    return (struct ncr_value){.kind = NCR_KIND_FLOAT, .as.f = f};
}
static inline struct ncr_value ncr_value_bool(bool b)
{
    return (struct ncr_value){.kind = NCR_KIND_BOOL, .as.b = b};
}
static inline struct ncr_value ncr_value_error(void)
{
    return (struct ncr_value){.kind = NCR_KIND_ERROR};
}
// A quantity, or a float where the dimension is none.
struct ncr_value ncr_value_quantity(double f, struct ncr_dimension dimension);

static inline bool ncr_value_is(struct ncr_value v, uint32_t kinds)
{
    return (kinds >> v.kind & 1) != 0;
}
static inline double ncr_value_number(struct ncr_value v)
{
    return v.kind == NCR_KIND_INT ? (double)v.as.i : v.as.f;
}

const char *ncr_kind_name(enum ncr_kind kind);
const char *ncr_kind_article(enum ncr_kind kind); // "an int"
// "int or float", "anything".
void ncr_kinds_text(uint32_t kinds, struct ncr_buf *out);
const char *ncr_type_name(enum ncr_type_name type);
uint32_t ncr_type_kinds(enum ncr_type_name type);
const char *ncr_type_help(enum ncr_type_name type);
bool ncr_type_find(struct ncr_str name, enum ncr_type_name *out);
const char *ncr_word_text(enum ncr_word word);

// As it would be written: 8, 0.5, 64 KiB, [1, 2], 0..4; "a layer", "a tensor" for what has no text.
// At most about 60 characters.
void ncr_value_text(struct ncr_value v, struct ncr_buf *out);
// What a message calls it: "int 8", "a layer", "information 64 KiB".
void ncr_value_describe(struct ncr_value v, struct ncr_buf *out);
bool ncr_value_equal(struct ncr_value a, struct ncr_value b);
// Number of values a range yields, exactly; UINT64_MAX where it has no end that its steps reach.
uint64_t ncr_range_count(const struct ncr_range *range);
// Value k < count.
struct ncr_value ncr_range_at(const struct ncr_range *range, uint64_t k);

#endif
