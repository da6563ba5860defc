// What the parts of sema share: the program, its scopes, the reporter. Private to sema.
#ifndef NCR_SEMA_SEMA_H
#define NCR_SEMA_SEMA_H

#include "compiler/sema/arith.h"
#include "compiler/sema/code.h"
#include "compiler/sema/program.h"
#include "lang/base/table.h"

// -- reporting ----------------------------------------------------------------------------------
// Reports each (code, place) once: a block that is wrong is wrong wherever it is used.
struct ncr_reporter {
    struct ncr_diags *diags;
    struct ncr_table seen;
    const struct ncr_modules *modules;
    bool note_imports; // say where the module of an error was imported
    uint32_t muted;    // above 0: nothing is reported, failed is set instead
    bool failed;
};

#define NCR_REPORT(reporter, NAME, span, ...)                                                      \
    ncr_report((reporter), NCR_N_##NAME, (span), NCR_F_##NAME, __VA_ARGS__)
#define NCR_REPORT0(reporter, NAME, span)                                                          \
    ncr_report((reporter), NCR_N_##NAME, (span), "%s", NCR_F_##NAME)
// NULL when it was reported before at this place. The two below take NULL and do nothing with it.
struct ncr_diag *ncr_report(struct ncr_reporter *reporter, enum ncr_diag_code code,
                            struct ncr_span span, const char *fmt, ...) NCR_PRINTF(4, 5);
void ncr_report_note(struct ncr_reporter *reporter, struct ncr_diag *d, struct ncr_span span,
                     const char *fmt, ...) NCR_PRINTF(4, 5);
void ncr_report_help(struct ncr_reporter *reporter, struct ncr_diag *d, const char *fmt, ...)
    NCR_PRINTF(3, 4);
// Adds "did you mean `x`?" where a name is near.
void ncr_report_nearest(struct ncr_reporter *reporter, struct ncr_diag *d, struct ncr_str found,
                        const struct ncr_str *names, uint32_t n);
// Whether further errors would still be shown: what only serves their text is skipped otherwise.
static inline bool ncr_report_open(const struct ncr_reporter *reporter)
{
    return reporter->diags->n_errors <= reporter->diags->limit;
}
// Texts in the arena of the diagnostics, for messages.
const char *ncr_show(struct ncr_reporter *reporter, struct ncr_value v);   // "int 8"
const char *ncr_show_kinds(struct ncr_reporter *reporter, uint32_t kinds); // "an int or a float"
const char *ncr_show_dimension(struct ncr_reporter *reporter, struct ncr_dimension dimension);
const char *ncr_show_quantity(struct ncr_reporter *reporter,
                              struct ncr_dimension dimension);             // "a quantity of time"
const char *ncr_show_str(struct ncr_reporter *reporter, struct ncr_str s); // cut to 80 bytes
const char *ncr_show_shape(struct ncr_reporter *reporter,
                           const struct ncr_shape *shape); // "tensor[3, 8, 8]"
// What is known of code: its constant, or the kinds it may have.
const char *ncr_show_code(struct ncr_reporter *reporter, const struct ncr_code *code);
// An operand of a failed operator: a value, or only its kinds.
struct ncr_operand {
    uint32_t kinds;
    const struct ncr_value *value;
    struct ncr_dimension dimension;
};
struct ncr_diag *ncr_report_arith(struct ncr_reporter *reporter, enum ncr_arith status,
                                  enum ncr_ast_op op, struct ncr_span span,
                                  const struct ncr_operand *a, const struct ncr_operand *b);

// -- the program --------------------------------------------------------------------------------
struct ncr_import_use {
    const struct ncr_module *module;
    struct ncr_span span;
    uint32_t uses;
};

// The names of one module: its own items and those of what it imports.
struct ncr_module_scope {
    const struct ncr_module *module;
    uint32_t first_item, n_items;
    struct ncr_table names; // symbol → index in entries
    struct ncr_scope_entry {
        struct ncr_item *item, *other; // other: a second import with this name
        uint32_t import;               // index + 1 of the import it came through; 0: own
    } * entries;
    uint32_t n_entries, cap_entries;
    struct ncr_import_use *imports;
    uint32_t n_imports;
};

// @frozen or @mutate before a statement or expression: only these mutations touch what it holds.
struct ncr_restriction {
    struct ncr_span span;
    const struct ncr_item **items;
    uint32_t n_items;
};

struct ncr_program {
    struct ncr_arena *arena;
    struct ncr_reporter reporter;
    const struct ncr_modules *modules;
    struct ncr_symbols symbols;
    struct ncr_module_scope *scopes; // one a module
    NCR_VEC(struct ncr_item *) items;
    NCR_VEC(struct ncr_restriction) restrictions;
    NCR_VEC(struct ncr_item *) refs; // edges of the recursion check: item → item
    uint32_t n_sites;
    uint32_t *stamps, stamp; // by item: visited in walk number `stamp`
    uint64_t steps_left;     // of all evaluations of one check
    NCR_VEC(struct ncr_net_info) nets;
    struct ncr_config config;
};

// "net", "block", "quant", …
const char *ncr_item_kind_name(const struct ncr_item *item);
bool ncr_item_is(const struct ncr_item *item, const char *kind);
// Kinds of declarations: index of a name, UINT32_MAX for none; name of an index; how many there
// are.
uint32_t ncr_record_find(struct ncr_str name);
const char *ncr_record_name(uint32_t index);
uint32_t ncr_record_count(void);

// -- names of the language ----------------------------------------------------------------------
enum ncr_language_kind { NCR_LANG_NOTHING, NCR_LANG_OPERATOR, NCR_LANG_FUNCTION, NCR_LANG_WORD };
struct ncr_language_name {
    enum ncr_language_kind kind;
    uint32_t index; // enum ncr_op, builtin, enum ncr_word
};
struct ncr_language_name ncr_language_find(struct ncr_str name);
// All of them, for "did you mean".
uint32_t ncr_language_count(void);
struct ncr_str ncr_language_at(uint32_t i);

// -- signatures of operators --------------------------------------------------------------------
enum ncr_sig_type {
    NCR_SIG_INT,
    NCR_SIG_PAIR,
    NCR_SIG_PADDING,
    NCR_SIG_BOOL,
    NCR_SIG_FLOAT,
    NCR_SIG_SHAPE
};
struct ncr_sig_param {
    const char *name;
    uint32_t attr;
    enum ncr_sig_type type;
    bool required;
    double low, high;
};
// The parameters of an operator; n of them.
const struct ncr_sig_param *ncr_signature(enum ncr_op op, uint32_t *n);
uint32_t ncr_sig_kinds(enum ncr_sig_type type);

// -- builtin functions --------------------------------------------------------------------------
struct ncr_builtin {
    const char *name;
    int min_args, max_args;
    const char *params, *help;
};
uint32_t ncr_builtin_count(void);
const struct ncr_builtin *ncr_builtin_at(uint32_t index);
// Bits of the kinds it gives for arguments of these kinds.
uint32_t ncr_builtin_kinds(uint32_t index, struct ncr_code **args, uint32_t n);

// -- phases -------------------------------------------------------------------------------------
// Makes the items of all modules and the names each module sees (items.c).
void ncr_items_make(struct ncr_program *program);
// Resolves the names of all items into code (lower_def.c).
void ncr_lower_program(struct ncr_program *program);
// Blocks and nets that reach themselves (recursion.c).
void ncr_recursion_check(struct ncr_program *program);
// Reads the declarations of the root module into program->config, and checks those of imports
// (declare.c).
void ncr_declarations_check(struct ncr_program *program);

#endif
