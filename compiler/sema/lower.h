// Lowering: AST to CODE. Shared by lower*.c.
#ifndef NCR_SEMA_LOWER_H
#define NCR_SEMA_LOWER_H

#include "compiler/sema/condition.h"
#include "compiler/sema/sema.h"

enum ncr_local_kind {
    NCR_LOCAL_LET,
    NCR_LOCAL_PARAM,
    NCR_LOCAL_INPUT,
    NCR_LOCAL_LOOP,
    NCR_LOCAL_SIZE,
    NCR_LOCAL_PATTERN
};

struct ncr_local {
    enum ncr_local_kind kind;
    struct ncr_str name;
    struct ncr_span span;
    uint32_t symbol, slot, scope;
    uint32_t outer; // index + 1 of the local that it hides
    uint32_t kinds;
    bool known_dimension, used;
    struct ncr_dimension dimension;
    uint32_t pattern; // PATTERN: bits of the operators it matches, as 1 << enum ncr_op; 0: anything
};

struct ncr_lower {
    struct ncr_program *program;
    struct ncr_reporter *reporter;
    struct ncr_arena *arena;
    struct ncr_module_scope *scope; // of the module at hand
    struct ncr_item *item;          // at hand

    NCR_VEC(struct ncr_local) locals;
    uint32_t *bound; // symbol → index + 1 of the local it names
    uint32_t n_bound;
    uint32_t depth; // of nested scopes
    uint32_t n_slots;

    uint32_t top_naming;        // the level of the item itself
    uint32_t naming, n_namings; // the level of path elements at hand
    uint32_t n_surface;         // sites named in it
    struct ncr_table elements;  // (level, symbol) → how many sites have this name
    struct ncr_str around;      // let, argument or label around: names a decision

    uint32_t errors_before;       // when the item was begun
    const struct ncr_ast *wanted; // the statement that was meant as the result of its body
    uint32_t loops;               // around the statement at hand
    bool this_allowed, this_seen;
    struct ncr_mutation *mutation;          // at hand: its statements are allowed
    bool search;                            // names of metrics are known
    const struct ncr_metric_value *metrics; // and have these values; NULL: none yet
    uint32_t n_metrics;
};

// -- lower_names.c: scopes and path elements ----------------------------------------------------
uint32_t ncr_lower_open(struct ncr_lower *lo);               // a scope; gives what close needs
void ncr_lower_close(struct ncr_lower *lo, uint32_t opened); // warns of what was not used
struct ncr_local *ncr_lower_bind(struct ncr_lower *lo, enum ncr_local_kind kind,
                                 struct ncr_str name, struct ncr_span span, uint32_t kinds);
struct ncr_local *ncr_lower_local(struct ncr_lower *lo, struct ncr_str name); // NULL: none
// The item that `name` means in the module; reports ambiguity. Counts the use. NULL: none.
struct ncr_item *ncr_lower_item(struct ncr_lower *lo, struct ncr_str name, struct ncr_span span);
void ncr_lower_unknown(struct ncr_lower *lo, struct ncr_str name, struct ncr_span span);
// Reports that ast does not name an item of a kind: item is what it names, or NULL.
void ncr_lower_wrong_item(struct ncr_lower *lo, const struct ncr_ast *ast,
                          const struct ncr_item *item, const char *kind);
// The path element of a new site at the level at hand: the name, with ~2, ~3 … where it is taken.
struct ncr_str ncr_lower_element(struct ncr_lower *lo, struct ncr_str name);
struct ncr_level {
    uint32_t naming, n_surface;
};
struct ncr_level ncr_lower_level(struct ncr_lower *lo); // opens a level; give the result to …
void ncr_lower_level_end(struct ncr_lower *lo, struct ncr_level level);

// -- lower_expr.c -------------------------------------------------------------------------------
struct ncr_code *ncr_code_new(struct ncr_lower *lo, enum ncr_code_kind kind,
                              const struct ncr_ast *ast, uint32_t n_kids, uint32_t kinds);
struct ncr_code *ncr_code_error(struct ncr_lower *lo, const struct ncr_ast *ast);
// Makes code a site with this path element.
void ncr_code_site(struct ncr_lower *lo, struct ncr_code *code, struct ncr_str element);
struct ncr_code *ncr_lower_expr(struct ncr_lower *lo, const struct ncr_ast *ast);
// The same with the kind bool.
struct ncr_code *ncr_lower_condition(struct ncr_lower *lo, const struct ncr_ast *ast);
// The value of a let, argument or label with this name.
struct ncr_code *ncr_lower_named(struct ncr_lower *lo, const struct ncr_ast *ast,
                                 struct ncr_str name);
// The value of `net n = e`: a single layer takes the net's own path.
struct ncr_code *ncr_lower_root(struct ncr_lower *lo, const struct ncr_ast *ast);
struct ncr_code *ncr_lower_body(struct ncr_lower *lo, const struct ncr_ast *block);
// A body that must have a value; what: "the block `f`" in the message.
struct ncr_code *ncr_lower_value_body(struct ncr_lower *lo, const struct ncr_ast *block,
                                      const char *what);
const struct ncr_ast *ncr_ast_bare(const struct ncr_ast *ast); // without parentheses around it

// -- lower_call.c -------------------------------------------------------------------------------
struct ncr_code *ncr_lower_name(struct ncr_lower *lo, const struct ncr_ast *ast);
struct ncr_code *ncr_lower_call(struct ncr_lower *lo, const struct ncr_ast *ast);
struct ncr_code *ncr_lower_member(struct ncr_lower *lo, const struct ncr_ast *ast);

// -- lower_later.c: what only later stages give meaning
// --------------------------------------------------------------- A metric of a search (`macs`,
// `latency`), or a call of one (`error(images.valid)`). NULL: the name is no metric.
struct ncr_code *ncr_lower_metric(struct ncr_lower *lo, const struct ncr_ast *ast);
struct ncr_code *ncr_lower_metric_call(struct ncr_lower *lo, const struct ncr_ast *ast);
// Annotations before ast: known names, arguments of the right kind.
// quant: what follows can have a number format, and ncr_lower_quant is to be called for it.
void ncr_lower_annotations(struct ncr_lower *lo, const struct ncr_ast *ast, bool quant);
// code, the lowered ast, in the number format of its @quant.
struct ncr_code *ncr_lower_quant(struct ncr_lower *lo, const struct ncr_ast *ast,
                                 struct ncr_code *code);

// -- lower_mutation.c ---------------------------------------------------------------------------
// Statements of mutations; NULL where ast is none.
struct ncr_code *ncr_lower_edit(struct ncr_lower *lo, const struct ncr_ast *ast);
void ncr_lower_mutation(struct ncr_lower *lo, struct ncr_item *item);

// -- lower_stmt.c -------------------------------------------------------------------------------
struct ncr_code *ncr_lower_statement(struct ncr_lower *lo, const struct ncr_ast *ast);
struct ncr_code *ncr_lower_choose(struct ncr_lower *lo, const struct ncr_ast *ast);
struct ncr_code *ncr_lower_repeat(struct ncr_lower *lo, const struct ncr_ast *ast);
// -- lower_def.c --------------------------------------------------------------------------------
// Parameters' names and types, so that calls can be resolved before bodies.
void ncr_lower_header(struct ncr_lower *lo, struct ncr_item *item);
void ncr_lower_def(struct ncr_lower *lo, struct ncr_item *item);

// Prepares lo for an item: module scope, empty tables of locals and elements.
void ncr_lower_begin(struct ncr_lower *lo, struct ncr_item *item);

#endif
