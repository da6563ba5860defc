// CODE: expressions and statements with every name resolved to a slot, an item or an operator, and
// every place that makes layers or decisions numbered and named. Made once from the AST, then
// evaluated any number of times. Private to sema.
#ifndef NCR_SEMA_CODE_H
#define NCR_SEMA_CODE_H

#include "compiler/sema/value.h"
#include "lang/module.h"

enum ncr_code_kind {
    NCR_CODE_ERROR,  // was reported
    NCR_CODE_OPAQUE, // a value that only a later stage knows: parameter of a mutation, metric of a
                     // search
    NCR_CODE_CONST,
    NCR_CODE_LOCAL,       // slot
    NCR_CODE_GLOBAL,      // item: a let
    NCR_CODE_DECLARATION, // item
    NCR_CODE_THIS,
    // layers; each is a site
    NCR_CODE_OPERATOR, // a bare operator
    NCR_CODE_DEF,      // a bare block or net
    NCR_CODE_CALL_OP,  // kids by signature, NULL where not given
    NCR_CODE_CALL_DEF, // kids by parameter, NULL where not given
    // other expressions
    NCR_CODE_CALL_VALUE,   // callee, arguments…; labels
    NCR_CODE_CALL_BUILTIN, // index; arguments
    NCR_CODE_UNARY,
    NCR_CODE_BINARY, // a site where it may add or multiply tensors
    NCR_CODE_PIPE,
    NCR_CODE_RANGE, // low, high, step or NULL; closed, pow2
    NCR_CODE_LIST,
    NCR_CODE_RECORD, // labels
    NCR_CODE_INDEX,  // base, index
    NCR_CODE_MEMBER, // base; text
    NCR_CODE_IF,     // condition, then, else or NULL
    NCR_CODE_REPEAT, // count or range, body; slot; a site
    NCR_CODE_CHOOSE, // alternatives…; a site: form
    NCR_CODE_NAMED,  // kid under a path element of its own; a site
    NCR_CODE_QUANT,  // what @quant stands before, the declaration
    NCR_CODE_WITH,   // base, values…; labels are the gene paths
    NCR_CODE_BODY,   // statements…, result or NULL
    // statements
    NCR_CODE_LET,     // value; slot
    NCR_CODE_REQUIRE, // conditions…
    NCR_CODE_FOR,     // range or list, body; slot; a site
    NCR_CODE_EDIT,    // of a mutation: layer, value or NULL; slot: the pattern; as.edit
    NCR_CODE_DROP,    // a value that is not used
};

enum ncr_choose_form {
    NCR_CHOOSE_VALUES, // choose(a, b), choose(range), choose(list)
    NCR_CHOOSE_LABELS, // choose { a: e }
    NCR_CHOOSE_SUBSET, // choose k of (…): kid 0 is the count
};

#define NCR_NO_SLOT UINT32_MAX

struct ncr_code {
    enum ncr_code_kind kind;
    enum ncr_ast_op op;
    uint32_t kinds; // bits of the kinds its value may have
    uint32_t site;  // number of the place; 0: none
    uint32_t slot;
    uint32_t n_kids;
    bool closed, pow2, ordered, repeated;
    bool deferred;        // REQUIRE: mentions `this`, holds when the body is complete
    bool known_dimension; // its value is a quantity of `dimension`
    struct ncr_dimension dimension;
    enum ncr_choose_form form;
    struct ncr_code **kid;
    struct ncr_code **priors; // CHOOSE: sampling weight of each alternative or NULL; NULL: none
    uint32_t n_priors;
    const struct ncr_str *labels;
    const struct ncr_span *label_spans; // CALL_VALUE
    struct ncr_str text;                // path element of a site; word of a MEMBER
    struct ncr_span span, name_span;
    union {
        struct ncr_value value;
        struct ncr_item *item;
        const struct ncr_def *def;
        enum ncr_op op;
        uint32_t builtin;
        struct {
            uint32_t kind; // enum ncr_edit_kind
            uint32_t what; // SET: bit of the attribute; INHERIT: enum ncr_inherit
        } edit;
    } as;
};

// One parameter of a def, in either list.
struct ncr_param_def {
    struct ncr_str name;
    struct ncr_span span;
    enum ncr_type_name type;
    bool is_quantity; // the type is the dimension below
    struct ncr_dimension dimension;
    uint32_t slot;
    bool has_default;
    struct ncr_code *fallback; // the default; NULL: none, or not lowered yet
    // tensor[…] with dimensions: each a code to compare with, or a slot to bind
    uint32_t n_dims;
    struct ncr_code **dims; // NULL entry: binds dim_slots[i]
    uint32_t *dim_slots;
    struct ncr_str *dim_names;
    struct ncr_span *dim_spans;
    bool wrong; // its type was refused
};

struct ncr_out_def {
    struct ncr_str label; // empty where there is one output without a name
    struct ncr_span span;
    uint32_t n_dims;
    struct ncr_code **dims;
};

// A block or a net: a function from parameters to a function from tensors to tensors. Without
// tensors (a block whose only list holds parameters, or `net n = e`) it gives its value when it is
// called.
struct ncr_def {
    struct ncr_str name;
    bool is_net;
    bool wrong; // its parameter lists were refused: the body is not looked at, calls are poison
    struct ncr_item *item;
    struct ncr_param_def *params, *inputs;
    uint32_t n_params, n_inputs;
    bool has_inputs;
    struct ncr_out_def *outs;
    uint32_t n_outs;
    struct ncr_code *bound; // NULL: none
    struct ncr_code *body;
    uint32_t n_slots;
};

enum ncr_item_kind {
    NCR_ITEM_LET,
    NCR_ITEM_BLOCK,
    NCR_ITEM_NET,
    NCR_ITEM_MUTATION,
    NCR_ITEM_DECLARATION,
};

// What a module defines.
struct ncr_item {
    enum ncr_item_kind kind;
    struct ncr_str name;
    struct ncr_span name_span;
    const struct ncr_ast *ast;
    uint32_t module;  // index in the modules
    uint32_t index;   // in the program's items
    uint32_t uses;    // how often something else names it
    uint32_t refs_at; // index of its first outgoing reference, for the recursion check
    uint32_t n_refs;
    uint32_t declaration; // kind of declaration: row of records.def
    bool recursive;
    struct ncr_def *def;           // BLOCK, NET
    struct ncr_mutation *mutation; // MUTATION
    struct ncr_code *code;         // LET
    uint32_t n_slots;              // LET: slots of its expression's loops
    const void *spec;              // DECLARATION: the filled config struct; NULL after errors
};

#endif
