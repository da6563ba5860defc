// Evaluation of CODE: a function of (program, net, oracle) to a graph. Shared by eval*.c. Private
// to sema.
//
// Identity and paths. Every place that makes a layer is a site. Evaluation runs in a context: the
// net, a block that is applied, a level of a `let` or label, a pass of a loop. A layer is (context,
// site): what is made at the same site in the same context is the same layer and uses the same
// weights. A block that is applied twice runs in one context (the one where its value was made), so
// what it makes is shared; each pass of `repeat` is a context of its own. The path of a node is
// that of the context and the element of the site.
#ifndef NCR_SEMA_EVAL_H
#define NCR_SEMA_EVAL_H

#include <setjmp.h>

#include "compiler/sema/sema.h"
#include "compiler/space/space.h"

enum { NCR_LIMIT_EVAL_DEPTH = 3000 }; // nested evaluations, whatever nests them

// Who decides in place of genes and space: mutations draw.
struct ncr_oracle {
    void *user;
    // The alternative to take, below n, by the texts of the alternatives; or UINT32_MAX: open.
    uint32_t (*decide)(void *user, struct ncr_str path, const struct ncr_str *texts, uint32_t n);
};

enum ncr_layer_kind { NCR_LAYER_OP, NCR_LAYER_DEF, NCR_LAYER_CHAIN };

struct ncr_genes {
    const struct ncr_code *with; // its labels are paths
    const struct ncr_value *values;
    bool *used;
    const struct ncr_genes *next; // around it
    struct ncr_str prefix;        // path of the net they belong to
};

struct ncr_layer {
    enum ncr_layer_kind kind;
    bool unbound; // an operator or block whose parameters are still to be given
    const struct ncr_code *site;
    const struct ncr_layer
        *maker;       // the block in whose body it was made; NULL: the net itself, or a global
    uint32_t context; // OP: where it was made. DEF: its own
    const struct ncr_code *const
        *args; // code of each parameter where it was given, for the places of errors
    // OP
    enum ncr_op op;
    struct ncr_value attrs; // an INT: index in ev->attrs, or LIFTED
    // DEF
    const struct ncr_def *def;
    const struct ncr_value *params;
    const struct ncr_origin *origin; // of what is applied in its body
    const struct ncr_genes *genes;
    struct ncr_value quant; // OP, DEF: number format given by @quant; poison: none
    // CHAIN
    const struct ncr_value *links; // layers, or LIFTED
    uint32_t n_links;
};

struct ncr_context {
    uint32_t parent;
    bool is_pass; // of a loop: [index]
    uint32_t index;
    struct ncr_str element, path;
    bool has_path;
};

struct ncr_deferred {
    const struct ncr_code *require;
    ncr_diagram guard; // where it stands
    struct ncr_deferred *next;
};

struct ncr_frame {
    struct ncr_value *slots;
    const struct ncr_layer *closure; // NULL: a global, a declaration
    uint32_t first_node;             // of what `this` is
    struct ncr_deferred *deferred, **last_deferred;
    bool has_builder;
};

struct ncr_global {
    struct ncr_value value;
    bool open; // its value depends on an open decision
    struct ncr_str open_path;
    struct ncr_span open_span;
};

// A layer identity, applied at least once: its nodes.
struct ncr_use {
    uint32_t group, n;
    ncr_node_id first, last;
};

// What stays known of a node while its net is evaluated.
struct ncr_symbol_node {
    ncr_diagram shape;  // leaf: index in ev->shapes
    ncr_node_id before; // the node of its group before it
};

// A requirement that only a network can answer: its code, and what its names stood for.
struct ncr_later_require {
    const struct ncr_code *code;
    struct ncr_frame *frame;
};

struct ncr_eval {
    struct ncr_program *program;
    struct ncr_reporter *reporter;
    struct ncr_arena *scratch;       // values and frames: until the end of the evaluation
    struct ncr_arena *arena;         // what the graph keeps
    struct ncr_space *space;         // what is built; NULL: no tensors and no decisions here
    const struct ncr_graph *graph;   // a network whose requirements are asked; `this` is about it
    const uint32_t *taken;           // its decisions
    const struct ncr_oracle *oracle; // NULL: genes and the space decide
    const struct ncr_genes *genes;
    struct ncr_rewrite *rewrite; // NULL: no mutation is being applied

    // Lifted values (lift.c). A leaf is an index here; guard: the condition under which the code at
    // hand is evaluated; universe: what the requirements so far leave.
    NCR_VEC(struct ncr_value) leaves;
    struct ncr_table leaf_ids;
    NCR_VEC(uint32_t) leaf_next;
    ncr_diagram guard, universe;
    ncr_diagram blame; // condition of the error being reported; NCR_TRUE: the guard says it all
    // Tables of what diagrams point to.
    NCR_VEC(struct ncr_attrs) attrs;
    NCR_VEC(struct ncr_shape) shapes;
    struct ncr_table attr_ids, shape_ids, variant_ids, decision_ids, decision_paths, value_ids;
    NCR_VEC(struct ncr_symbol_node) symbols;
    NCR_VEC(struct ncr_later_require) later;
    int64_t macs;           // of the largest variants of all nodes
    struct ncr_arena *work; // of the diagrams' recursions

    uint64_t steps, budget;
    uint32_t depth, calls;
    bool stopped;    // a limit was passed
    bool incomplete; // an error was reported, or a decision is open
    bool open;       // a decision is open: the first is below
    struct ncr_str open_path;
    struct ncr_span open_span;

    NCR_VEC(struct ncr_global) globals;
    struct ncr_table global_ids; // item → index in globals
    struct ncr_frame *frame;
    const struct ncr_code *here; // being evaluated: the place of a passed limit
    uint32_t context;
    struct ncr_value quant; // of the layers that are being made; poison: none
    NCR_VEC(struct ncr_context) contexts;
    struct ncr_table context_ids, use_ids, paths;
    NCR_VEC(struct ncr_use) uses;
    jmp_buf out_of_memory;
};

// -- program.c ----------------------------------------------------------------------------------
// An evaluation with a scratch arena of its own; false after a message. The caller sets
// out_of_memory as the arena's handler, and calls ncr_eval_exhausted in it.
bool ncr_eval_start(struct ncr_eval *ev, struct ncr_program *program, struct ncr_str root);
void ncr_eval_finish(struct ncr_eval *ev);
void ncr_eval_exhausted(struct ncr_eval *ev, struct ncr_span span);

// -- eval.c -------------------------------------------------------------------------------------
void ncr_eval_init(struct ncr_eval *ev, struct ncr_program *program, struct ncr_arena *arena,
                   struct ncr_str root);
struct ncr_value ncr_eval_code(struct ncr_eval *ev, const struct ncr_code *code);
// The value of a global let, evaluated once.
struct ncr_value ncr_eval_global(struct ncr_eval *ev, const struct ncr_item *item);
// Evaluates the global lets that item needs, each after those it uses itself, so that nothing nests
// deeper than one of them. again: those of earlier calls in this evaluation are known to be done.
void ncr_eval_lets(struct ncr_eval *ev, const struct ncr_item *item, bool again);
// A body; its value is poison where it has none.
struct ncr_value ncr_eval_body(struct ncr_eval *ev, const struct ncr_code *body);
void ncr_eval_requires(struct ncr_eval *ev, struct ncr_frame *frame);
struct ncr_frame *ncr_eval_frame(struct ncr_eval *ev, uint32_t n_slots,
                                 const struct ncr_layer *closure);
// Takes n steps off the budget; false when none are left.
bool ncr_eval_spend(struct ncr_eval *ev, uint64_t n);

// -- eval_value.c -------------------------------------------------------------------------------
struct ncr_value ncr_eval_range(struct ncr_eval *ev, const struct ncr_code *code);
struct ncr_value ncr_eval_list(struct ncr_eval *ev, const struct ncr_code *code);
struct ncr_value ncr_eval_index(struct ncr_eval *ev, const struct ncr_code *code);
struct ncr_value ncr_eval_member(struct ncr_eval *ev, const struct ncr_code *code);
struct ncr_value ncr_eval_builtin(struct ncr_eval *ev, const struct ncr_code *code);
struct ncr_value ncr_list_make(struct ncr_eval *ev, uint32_t n,
                               struct ncr_span span); // poison where too long
// Counts of what is inside, after the items are set; false (and a message) where the bounds are
// passed.
bool ncr_list_seal(struct ncr_eval *ev, struct ncr_value list, struct ncr_span span);

// -- eval_layer.c -------------------------------------------------------------------------------
struct ncr_value ncr_eval_operator(struct ncr_eval *ev, const struct ncr_code *code);
struct ncr_value ncr_eval_def(struct ncr_eval *ev, const struct ncr_code *code);
struct ncr_value ncr_eval_call_value(struct ncr_eval *ev, const struct ncr_code *code);
struct ncr_value ncr_eval_pipe(struct ncr_eval *ev, const struct ncr_code *code);
// What stands behind @quant, with the layers in it in that format where they have none of their
// own.
struct ncr_value ncr_eval_quant(struct ncr_eval *ev, const struct ncr_code *code);
struct ncr_value ncr_eval_chain(struct ncr_eval *ev, const struct ncr_code *code,
                                const struct ncr_value *links, uint32_t n);
// x + y and x * y of tensors.
struct ncr_value ncr_eval_tensors(struct ncr_eval *ev, const struct ncr_code *code,
                                  struct ncr_value a, struct ncr_value b);
// The value of a parameter converted to its type, each of its undecided values by itself; poison
// after a message at `at`.
struct ncr_value ncr_eval_converted(struct ncr_eval *ev, const struct ncr_param_def *param,
                                    const struct ncr_def *def, struct ncr_span at,
                                    struct ncr_value value);

// The value of an argument of an operator into its field of attrs; false after a message at `span`.
bool ncr_eval_attr(struct ncr_eval *ev, enum ncr_op op, const struct ncr_sig_param *param,
                   struct ncr_span span, struct ncr_value value, struct ncr_attrs *attrs);

// -- eval_mutation.c ----------------------------------------------------------------------------
// A statement of the mutation that is being applied.
void ncr_eval_edit(struct ncr_eval *ev, const struct ncr_code *code);
// c.kernel where c matched an operator; false where `word` is no argument of it, or the tensor no
// matched one.
bool ncr_eval_matched(struct ncr_eval *ev, ncr_node_id tensor, struct ncr_str word,
                      struct ncr_value *out);

// -- eval_apply.c -------------------------------------------------------------------------------
struct ncr_inputs {
    const struct ncr_value *at;
    const struct ncr_str *labels; // NULL: by position
    uint32_t n;
};
// Applies a layer (LAYER or LIFTED) to tensors; at: the place of the application.
struct ncr_value ncr_eval_apply(struct ncr_eval *ev, struct ncr_value layer,
                                const struct ncr_inputs *inputs, const struct ncr_code *at);
// Builds ev->space from a net; false after errors.
bool ncr_eval_net(struct ncr_eval *ev, const struct ncr_item *net);
// Evaluates the dimensions of tensor[…]; false after a message.
bool ncr_eval_shape(struct ncr_eval *ev, struct ncr_code *const *dims, uint32_t n,
                    struct ncr_shape *out);

// -- eval_context.c -----------------------------------------------------------------------------
uint32_t ncr_context_child(struct ncr_eval *ev, uint32_t parent, uint32_t site,
                           struct ncr_str element);
uint32_t ncr_context_pass(struct ncr_eval *ev, uint32_t loop, uint32_t index);
struct ncr_str ncr_context_path(struct ncr_eval *ev, uint32_t context);
// Path of a site in a context.
struct ncr_str ncr_site_path(struct ncr_eval *ev, uint32_t context, struct ncr_str element);
struct ncr_str ncr_str_join(struct ncr_arena *arena, struct ncr_str a, const char *between,
                            struct ncr_str b);
struct ncr_str ncr_str_number(uint32_t value, char out[11]); // decimal digits, inside out
// The place to blame for the value of code that was evaluated in the body of maker: an argument
// that is passed on through parameters leads to where it was first written.
struct ncr_span ncr_blame(const struct ncr_layer *maker, const struct ncr_code *code);
// Adds "in block `b`, used at …" for the blocks around.
void ncr_eval_chain_notes(struct ncr_eval *ev, struct ncr_diag *d, const struct ncr_layer *maker);
// What every report of an evaluation does: marks it incomplete, names the blocks around maker, and
// a member where the error depends on decisions. Nothing while the reporter is muted.
void ncr_eval_blamed(struct ncr_eval *ev, struct ncr_diag *d, const struct ncr_layer *maker);
#define NCR_EVAL_REPORT(ev, NAME, span, ...)                                                       \
    ncr_eval_reported((ev), NCR_REPORT((ev)->reporter, NAME, span, __VA_ARGS__))
#define NCR_EVAL_REPORT0(ev, NAME, span)                                                           \
    ncr_eval_reported((ev), NCR_REPORT0((ev)->reporter, NAME, span))
// Notes the chain of blocks around the code at hand; gives d.
struct ncr_diag *ncr_eval_reported(struct ncr_eval *ev, struct ncr_diag *d);

// -- lift.c: values that depend on decisions ----------------------------------------------------
// fn(ev, user, args) for values that may be LIFTED: once for each combination that occurs under the
// guard. What fn reports is reported once, with decisions that lead to it, where such a member
// exists. Poison in, poison out; what is not known stays UNKNOWN.
typedef struct ncr_value ncr_lift_fn(struct ncr_eval *ev, void *user, const struct ncr_value *args);
struct ncr_value ncr_lift(struct ncr_eval *ev, const struct ncr_value *args, uint32_t n,
                          ncr_lift_fn *fn, void *user);
void ncr_lift_start(struct ncr_eval *ev);
static inline bool ncr_is_lifted(struct ncr_value v)
{
    return v.kind >= NCR_KIND_LIFTED;
}
// A value as a diagram, and back.
ncr_diagram ncr_lift_diagram(struct ncr_eval *ev, struct ncr_value v);
struct ncr_value ncr_lift_value(struct ncr_eval *ev, ncr_diagram f);
uint32_t ncr_lift_leaf(struct ncr_eval *ev, struct ncr_value v);
// a where cond, b elsewhere; records and lists of equal form are merged inside.
struct ncr_value ncr_lift_if(struct ncr_eval *ev, ncr_diagram cond, struct ncr_value a,
                             struct ncr_value b);
// The values that v may have under the guard, each with its condition, in scratch.
struct ncr_case {
    struct ncr_value value;
    ncr_diagram cond;
};
struct ncr_case *ncr_lift_cases(struct ncr_eval *ev, struct ncr_value v, uint32_t *n);
// The same without conditions, which are what takes long where there are many.
const struct ncr_value *ncr_lift_values(struct ncr_eval *ev, struct ncr_value v, uint32_t *n);
// What v is for the decisions of ev->taken, where a requirement is asked of one network.
struct ncr_value ncr_lift_taken(struct ncr_eval *ev, struct ncr_value v);
// Whether some value that v may have is of these kinds.
bool ncr_lift_may(struct ncr_eval *ev, struct ncr_value v, uint32_t kinds);
// Lists and records with undecided values inside become LIFTED as a whole.
struct ncr_value ncr_lift_whole(struct ncr_eval *ev, struct ncr_value v);
// A bool value as a condition, under the guard; false after a message where it is none.
bool ncr_lift_condition(struct ncr_eval *ev, const struct ncr_code *code, struct ncr_value v,
                        ncr_diagram *out);
// Narrows the guard; false (and the guard as it was) where nothing is left.
bool ncr_guard_enter(struct ncr_eval *ev, ncr_diagram cond);
// Whether a member exists where cond holds under the guard.
bool ncr_lift_feasible(struct ncr_eval *ev, ncr_diagram cond);
// Members satisfy cond wherever the guard holds.
void ncr_universe_narrow(struct ncr_eval *ev, ncr_diagram cond);
// Reports that an operation met too many combinations, once.
void ncr_lift_check(struct ncr_eval *ev);
// "with a/b = 3, c = 5" for the error being reported.
void ncr_lift_witness(struct ncr_eval *ev, struct ncr_diag *d);

// -- figure.c: what `this` is asked for ---------------------------------------------------------
enum ncr_figure {
    NCR_FIGURE_PARAMS,
    NCR_FIGURE_MACS,
    NCR_FIGURE_COUNT, // nodes of an operator
    NCR_FIGURE_DEPTH, // operators with parameters on the longest path
    NCR_FIGURE_PEAK_MEMORY,
};
struct ncr_value ncr_figure(struct ncr_eval *ev, enum ncr_figure figure, enum ncr_op op);
// Peak memory of ev->graph in bytes, as the report gives it.
struct ncr_value ncr_figure_peak(struct ncr_eval *ev);
// SUM op value and value op SUM, as far as sums go; UNKNOWN beyond.
struct ncr_value ncr_figure_binary(struct ncr_eval *ev, const struct ncr_code *code,
                                   struct ncr_value a, struct ncr_value b);
// A SUM as an int or LIFTED; UNKNOWN where it has too many values.
struct ncr_value ncr_figure_value(struct ncr_eval *ev, struct ncr_value sum);
// require c; under the guard.
void ncr_eval_require(struct ncr_eval *ev, const struct ncr_code *code);

// -- symbol.c: the symbolic graph ---------------------------------------------------------------
struct ncr_value ncr_symbol_attrs(struct ncr_eval *ev, const struct ncr_attrs *attrs);
// A node for a layer applied to tensors (TENSOR or LIFTED); poison after errors.
struct ncr_value ncr_symbol_add(struct ncr_eval *ev, const struct ncr_layer *layer,
                                const struct ncr_value *in, uint32_t n_in,
                                const struct ncr_code *at);
struct ncr_value ncr_symbol_input(struct ncr_eval *ev, const struct ncr_shape *shape,
                                  struct ncr_str path, const struct ncr_origin *origin,
                                  struct ncr_op_error *err);
// The shape of a tensor value: INT (index in ev->shapes) or LIFTED.
struct ncr_value ncr_symbol_shape(struct ncr_eval *ev, struct ncr_value tensor);
static inline const struct ncr_shape *ncr_shape_at(const struct ncr_eval *ev, struct ncr_value v)
{
    return &ev->shapes.at[v.as.i];
}
struct ncr_str ncr_path_unique(struct ncr_eval *ev, struct ncr_str path, uint32_t use);

// -- eval_choose.c ------------------------------------------------------------------------------
struct ncr_value ncr_eval_choose(struct ncr_eval *ev, const struct ncr_code *code);
struct ncr_value ncr_eval_with(struct ncr_eval *ev, const struct ncr_code *code);
// Genes whose path met no decision.
void ncr_genes_check(struct ncr_eval *ev, const struct ncr_genes *genes);

#endif
