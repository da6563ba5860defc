// Values that depend on decisions: a decision diagram whose leaves are plain values. An operation
// on such values is done once for each combination of leaves that occurs under the guard, which is
// the condition under which the code at hand is evaluated at all.
//
// Errors. An operation on leaves runs with the reporter muted; where it fails, the assignments that
// lead there are known exactly, and if a member of the space is among them the operation is run
// again on the leaves of such a member, this time aloud. So an error is reported once, with a
// witness, and never for what a requirement has excluded.
#include <string.h>

#include "compiler/sema/eval.h"
#include "lang/base/hash.h"

#define K(NAME) NCR_KIND_BIT(NAME)

enum {
    LEAF_ERROR = 2,           // after false and true
    LEAF_FAILED = 3,          // an error that is not reported yet
    MAX_WITNESS = 6,          // decisions named in a note
    WORK_LIMIT = 4000000,     // steps of one operation
    UNIVERSE_LIMIT = 2000000, // steps spent on knowing the universe exactly
    MAX_UNIVERSE = 200000,    // its nodes
};

// -- leaves -------------------------------------------------------------------------------------

// Equal and of one kind: 1 and 1.0 are two leaves.
static bool identical(struct ncr_value a, struct ncr_value b)
{
    if (a.kind != b.kind) return false;
    if (a.kind == NCR_KIND_LIST) {
        if (a.as.list->n != b.as.list->n) return false;
        for (uint32_t i = 0; i < a.as.list->n; i++)
            if (!identical(a.as.list->at[i], b.as.list->at[i])) return false;
        return true;
    }
    if (a.kind == NCR_KIND_RECORD) {
        if (a.as.record->n != b.as.record->n) return false;
        for (uint32_t i = 0; i < a.as.record->n; i++)
            if (!ncr_str_eq(a.as.record->labels[i], b.as.record->labels[i]) ||
                !identical(a.as.record->at[i], b.as.record->at[i]))
                return false;
        return true;
    }
    if (a.kind == NCR_KIND_RANGE)
        return ncr_value_equal(a, b) && a.as.range->low.kind == b.as.range->low.kind;
    if (a.kind == NCR_KIND_DECLARATION) return a.as.item == b.as.item;
    if (a.kind == NCR_KIND_DATA) return a.as.data == b.as.data;
    if (a.kind == NCR_KIND_THIS || a.kind == NCR_KIND_ERROR) return true;
    if (a.kind == NCR_KIND_FLOAT) return memcmp(&a.as.f, &b.as.f, sizeof a.as.f) == 0;
    return ncr_value_equal(a, b);
}

static uint64_t hash_of(struct ncr_value v)
{
    uint64_t words[2] = {v.kind, 0};
    switch ((enum ncr_kind)v.kind) {
    case NCR_KIND_BOOL: words[1] = v.as.b; break;
    case NCR_KIND_STRING: words[1] = ncr_hash_bytes(v.as.string->s, v.as.string->n).lo; break;
    case NCR_KIND_RANGE:
        words[1] = hash_of(v.as.range->low) * 31 + hash_of(v.as.range->high);
        break;
    case NCR_KIND_LIST:
        for (uint32_t i = 0; i < v.as.list->n; i++)
            words[1] = words[1] * 31 + hash_of(v.as.list->at[i]);
        break;
    case NCR_KIND_RECORD:
        for (uint32_t i = 0; i < v.as.record->n; i++)
            words[1] = words[1] * 31 + hash_of(v.as.record->at[i]);
        break;
    case NCR_KIND_TENSOR: words[1] = v.as.tensor; break;
    case NCR_KIND_INT:
    case NCR_KIND_FLOAT:
    case NCR_KIND_QUANTITY:
    case NCR_KIND_WORD:
    case NCR_KIND_LAYER:
    case NCR_KIND_DECLARATION:
    case NCR_KIND_DATA: memcpy(&words[1], &v.as, sizeof words[1]); break;
    case NCR_KIND_ERROR:
    case NCR_KIND_THIS:
    case NCR_KIND_LIFTED:
    case NCR_KIND_SUM:
    case NCR_KIND_BOUND:
    case NCR_KIND_UNKNOWN:
    case NCR_KIND_COUNT_: break;
    }
    return ncr_hash_bytes(words, sizeof words).lo;
}

uint32_t ncr_lift_leaf(struct ncr_eval *ev, struct ncr_value v)
{
    if (v.kind == NCR_KIND_BOOL) return v.as.b;
    if (v.kind == NCR_KIND_ERROR) return LEAF_ERROR;
    uint64_t key = hash_of(v);
    uint32_t first = ncr_table_get(&ev->leaf_ids, key);
    for (uint32_t i = first; i != UINT32_MAX; i = ev->leaf_next.at[i] - 1)
        if (identical(ev->leaves.at[i], v)) return i;
    ncr_vec_push(ev->scratch, &ev->leaves, v);
    ncr_vec_push(ev->scratch, &ev->leaf_next, first + 1);
    ncr_table_set(ev->scratch, &ev->leaf_ids, key, ev->leaves.n - 1);
    return ev->leaves.n - 1;
}

void ncr_lift_start(struct ncr_eval *ev)
{
    struct ncr_value reserved[] = {ncr_value_bool(false), ncr_value_bool(true), ncr_value_error(),
                                   ncr_value_error()};
    for (uint32_t i = 0; i < NCR_COUNT(reserved); i++) {
        ncr_vec_push(ev->scratch, &ev->leaves, reserved[i]);
        ncr_vec_push(ev->scratch, &ev->leaf_next, 0);
    }
    ev->guard = ev->universe = ev->blame = NCR_TRUE;
}

ncr_diagram ncr_lift_diagram(struct ncr_eval *ev, struct ncr_value v)
{
    return v.kind == NCR_KIND_LIFTED ? v.as.lifted : ncr_diagram_leaf(ncr_lift_leaf(ev, v));
}

struct ncr_value ncr_lift_value(struct ncr_eval *ev, ncr_diagram f)
{
    if (f == NCR_HOLE) return ncr_value_error();
    if (ncr_diagram_is_leaf(f)) return ev->leaves.at[ncr_diagram_leaf_of(f)];
    return (struct ncr_value){.kind = NCR_KIND_LIFTED, .as.lifted = f};
}

// -- guards -------------------------------------------------------------------------------------

static struct ncr_diagrams *pool(struct ncr_eval *ev)
{
    struct ncr_diagrams *d = &ev->space->diagrams;
    d->work_limit = d->work + WORK_LIMIT;
    return d;
}

void ncr_lift_check(struct ncr_eval *ev)
{
    if (!ev->space || !ev->space->diagrams.full || ev->stopped) return;
    ev->space->diagrams.full = false;
    ev->stopped = true;
    NCR_EVAL_REPORT0(ev, DECISIONS_ENTANGLED, ev->here ? ev->here->span : NCR_NOWHERE);
}

bool ncr_lift_feasible(struct ncr_eval *ev, ncr_diagram cond)
{
    if (!ev->space) return true;
    struct ncr_diagrams *d = pool(ev);
    ncr_diagram f = ncr_diagram_and(d, ncr_diagram_and(d, cond, ev->guard), ev->universe);
    d->full = false; // not known to be empty
    return f != NCR_FALSE;
}

bool ncr_guard_enter(struct ncr_eval *ev, ncr_diagram cond)
{
    if (cond == NCR_TRUE) return true;
    if (cond == NCR_FALSE || cond == NCR_HOLE) return false;
    ncr_diagram f = ncr_diagram_and(pool(ev), ev->guard, cond);
    ncr_lift_check(ev);
    if (f == NCR_FALSE || f == NCR_HOLE) return false;
    ev->guard = f;
    return true;
}

void ncr_universe_narrow(struct ncr_eval *ev, ncr_diagram cond)
{
    struct ncr_diagrams *d = pool(ev);
    d->work_limit = d->work + UNIVERSE_LIMIT;
    ncr_diagram f = ncr_diagram_if(d, ev->guard, cond, NCR_TRUE);
    f = ncr_diagram_and(d, ev->universe, f);
    // Too large to know exactly: a member that a requirement excludes may then be a witness.
    if (!d->full && ncr_diagram_size(d, f) <= MAX_UNIVERSE) ev->universe = f;
    d->full = false;
}

void ncr_lift_witness(struct ncr_eval *ev, struct ncr_diag *d)
{
    if (!d || !ev->space) return;
    struct ncr_space *space = ev->space;
    ncr_diagram core = ev->blame == NCR_TRUE ? ev->guard : ev->blame;
    if (ncr_diagram_is_leaf(core)) return;
    uint32_t n = space->decisions.n;
    bool *marks = NCR_NEW_N(ev->scratch, bool, n);
    uint32_t *taken = NCR_NEW_N(ev->scratch, uint32_t, n);
    for (uint32_t i = 0; i < n; i++)
        taken[i] = 0;
    ncr_diagram_support(&space->diagrams, core, marks);
    ncr_diagram member = ncr_diagram_and(pool(ev), core, ev->universe);
    space->diagrams.full = false;
    ncr_diagram_pick(&space->diagrams, member == NCR_FALSE ? core : member, taken);
    struct ncr_str text = NCR_STR("");
    uint32_t shown = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!marks[i]) continue;
        if (shown++ == MAX_WITNESS) {
            text = ncr_str_fmt(ev->scratch, "%.*s, …", NCR_STR_ARG(text));
            break;
        }
        struct ncr_str value = ncr_space_text(space, i, taken[i], taken);
        text =
            ncr_str_fmt(ev->scratch, "%.*s%s%.*s = %.*s", NCR_STR_ARG(text), shown > 1 ? ", " : "",
                        NCR_STR_ARG(space->decisions.at[i].path), NCR_STR_ARG(value));
    }
    ncr_report_note(ev->reporter, d, NCR_NOWHERE, "with %.*s", NCR_STR_ARG(text));
}

// -- operations ---------------------------------------------------------------------------------

struct lifting {
    struct ncr_eval *ev;
    ncr_lift_fn *fn;
    void *user;
    uint32_t n;
    struct ncr_value *args;
    bool failed;
};

// fn on plain values, muted where it may concern no member.
static uint32_t on_leaves(void *user, const uint32_t *leaves)
{
    struct lifting *l = user;
    for (uint32_t i = 0; i < l->n; i++) {
        if (leaves[i] == NCR_HOLE) return NCR_HOLE;
        if (leaves[i] == LEAF_ERROR) return LEAF_ERROR;
        l->args[i] = l->ev->leaves.at[leaves[i]];
    }
    struct ncr_reporter *r = l->ev->reporter;
    bool before = r->failed;
    r->failed = false;
    r->muted++;
    struct ncr_value v = l->fn(l->ev, l->user, l->args);
    r->muted--;
    bool failed = r->failed;
    r->failed = before;
    l->failed |= failed;
    ncr_eval_spend(l->ev, 1);
    return failed ? LEAF_FAILED : ncr_lift_leaf(l->ev, v);
}

static uint32_t calm(void *user, const uint32_t *leaf)
{
    (void)user;
    return leaf[0] == LEAF_FAILED ? LEAF_ERROR : leaf[0];
}

// Reports the failure of an operation at an assignment that leads to it.
static void report_failure(struct lifting *l, ncr_diagram result, const ncr_diagram *args)
{
    struct ncr_eval *ev = l->ev;
    struct ncr_diagrams *d = pool(ev);
    ncr_diagram bad = ncr_diagram_and(d, ncr_diagram_is(d, result, LEAF_FAILED), ev->guard);
    ncr_diagram member = ncr_diagram_and(d, bad, ev->universe);
    if (d->full) member = bad;
    d->full = false;
    if (member == NCR_FALSE) return;
    uint32_t *taken = NCR_NEW_N(ev->scratch, uint32_t, d->domain.n);
    ncr_diagram_pick(d, member, taken);
    for (uint32_t i = 0; i < l->n; i++)
        l->args[i] = ev->leaves.at[ncr_diagram_at(d, args[i], taken)];
    ncr_diagram before = ev->blame;
    ev->blame = bad;
    l->fn(ev, l->user, l->args);
    ev->blame = before;
}

static struct ncr_value plain(struct ncr_eval *ev, const struct ncr_value *args, ncr_lift_fn *fn,
                              void *user)
{
    if (!ev->space || ev->guard == NCR_TRUE || ev->reporter->muted) return fn(ev, user, args);
    struct ncr_reporter *r = ev->reporter;
    r->failed = false;
    r->muted++;
    struct ncr_value v = fn(ev, user, args);
    r->muted--;
    if (!r->failed) return v;
    r->failed = false;
    if (!ncr_lift_feasible(ev, NCR_TRUE)) return ncr_value_error();
    return fn(ev, user, args);
}

struct ncr_value ncr_lift(struct ncr_eval *ev, const struct ncr_value *args, uint32_t n,
                          ncr_lift_fn *fn, void *user)
{
    if (ev->taken) { // one member: nothing is undecided
        struct ncr_value *at = NCR_NEW_N(ev->scratch, struct ncr_value, n);
        for (uint32_t i = 0; i < n; i++) {
            at[i] = ncr_lift_taken(ev, args[i]);
            if (at[i].kind == NCR_KIND_ERROR) return at[i];
        }
        return fn(ev, user, at);
    }
    bool lifted = false, unknown = false;
    for (uint32_t i = 0; i < n; i++) {
        if (args[i].kind == NCR_KIND_ERROR) return ncr_value_error();
        bool inside = args[i].kind == NCR_KIND_LIST && args[i].as.list->undecided;
        lifted |= ncr_is_lifted(args[i]) || inside || args[i].kind == NCR_KIND_RECORD;
    }
    if (!lifted) return plain(ev, args, fn, user);
    struct ncr_value *whole = NCR_NEW_N(ev->scratch, struct ncr_value, n);
    lifted = false;
    for (uint32_t i = 0; i < n; i++) {
        whole[i] = ncr_lift_whole(ev, args[i]);
        if (whole[i].kind == NCR_KIND_ERROR) return ncr_value_error();
        lifted |= ncr_is_lifted(whole[i]);
        unknown |= whole[i].kind > NCR_KIND_LIFTED;
    }
    if (unknown) return (struct ncr_value){.kind = NCR_KIND_UNKNOWN};
    if (!lifted) return plain(ev, whole, fn, user);
    ncr_diagram *f = NCR_NEW_N(ev->scratch, ncr_diagram, n);
    for (uint32_t i = 0; i < n; i++)
        f[i] = ncr_lift_diagram(ev, whole[i]);
    struct lifting l = {ev, fn, user, n, whole, false};
    struct ncr_diagrams *d = pool(ev);
    ncr_diagram result = ncr_diagram_apply(d, ev->guard, f, n, on_leaves, &l);
    ncr_lift_check(ev);
    if (ev->stopped) return ncr_value_error();
    if (l.failed) {
        if (ev->reporter->muted) {
            ev->reporter->failed = true;
        } else {
            report_failure(&l, result, f);
        }
        result = ncr_diagram_apply(pool(ev), ev->guard, &result, 1, calm, NULL);
    }
    return ncr_lift_value(ev, result);
}

// -- lists and records with lifted values inside ------------------------------------------------

static struct ncr_value list_of(struct ncr_eval *ev, void *user, const struct ncr_value *args)
{
    const struct ncr_list *form = user;
    struct ncr_value v = ncr_list_make(ev, form->n, ev->here ? ev->here->span : NCR_NOWHERE);
    if (v.kind == NCR_KIND_ERROR) return v;
    struct ncr_list *list = (struct ncr_list *)v.as.list;
    if (form->n) memcpy(list->at, args, form->n * sizeof *args);
    return ncr_list_seal(ev, v, NCR_NOWHERE) ? v : ncr_value_error();
}

static struct ncr_value record_of(struct ncr_eval *ev, void *user, const struct ncr_value *args)
{
    const struct ncr_record *form = user;
    struct ncr_record *r = ncr_arena_alloc(ev->scratch, sizeof *r + form->n * sizeof r->at[0]);
    r->n = form->n;
    r->labels = form->labels;
    if (form->n) memcpy(r->at, args, form->n * sizeof *args);
    return (struct ncr_value){.kind = NCR_KIND_RECORD, .as.record = r};
}

struct ncr_value ncr_lift_whole(struct ncr_eval *ev, struct ncr_value v)
{
    if (v.kind == NCR_KIND_SUM) return ncr_figure_value(ev, v);
    if (v.kind == NCR_KIND_LIST && v.as.list->undecided)
        return ncr_lift(ev, v.as.list->at, v.as.list->n, list_of, (void *)v.as.list);
    if (v.kind != NCR_KIND_RECORD) return v;
    const struct ncr_record *r = v.as.record;
    bool undecided = false;
    for (uint32_t i = 0; i < r->n; i++)
        undecided |= ncr_is_lifted(r->at[i]) ||
                     (r->at[i].kind == NCR_KIND_LIST && r->at[i].as.list->undecided);
    return undecided ? ncr_lift(ev, r->at, r->n, record_of, (void *)r) : v;
}

struct ncr_value ncr_lift_taken(struct ncr_eval *ev, struct ncr_value v)
{
    if (v.kind == NCR_KIND_LIFTED) {
        uint32_t leaf = ncr_diagram_at(&ev->space->diagrams, v.as.lifted, ev->taken);
        v = leaf == NCR_HOLE ? ncr_value_error() : ev->leaves.at[leaf];
    }
    bool list = v.kind == NCR_KIND_LIST && v.as.list->undecided;
    if (!list && v.kind != NCR_KIND_RECORD) return v;
    uint32_t n = list ? v.as.list->n : v.as.record->n;
    const struct ncr_value *from = list ? v.as.list->at : v.as.record->at;
    struct ncr_value *at = NCR_NEW_N(ev->scratch, struct ncr_value, n);
    for (uint32_t i = 0; i < n; i++)
        at[i] = ncr_lift_taken(ev, from[i]);
    return list ? list_of(ev, (void *)v.as.list, at) : record_of(ev, (void *)v.as.record, at);
}

// -- merging ------------------------------------------------------------------------------------

static bool same_form(struct ncr_value a, struct ncr_value b)
{
    if (a.kind == NCR_KIND_LIST && b.kind == NCR_KIND_LIST) return a.as.list->n == b.as.list->n;
    if (a.kind != NCR_KIND_RECORD || b.kind != NCR_KIND_RECORD) return false;
    if (a.as.record->n != b.as.record->n) return false;
    for (uint32_t i = 0; i < a.as.record->n; i++)
        if (!ncr_str_eq(a.as.record->labels[i], b.as.record->labels[i])) return false;
    return true;
}

struct ncr_value ncr_lift_if(struct ncr_eval *ev, ncr_diagram cond, struct ncr_value a,
                             struct ncr_value b)
{
    if (cond == NCR_TRUE) return a;
    if (cond == NCR_FALSE) return b;
    if (same_form(a, b)) {
        bool list = a.kind == NCR_KIND_LIST;
        uint32_t n = list ? a.as.list->n : a.as.record->n;
        const struct ncr_value *x = list ? a.as.list->at : a.as.record->at,
                               *y = list ? b.as.list->at : b.as.record->at;
        struct ncr_value *merged = NCR_NEW_N(ev->scratch, struct ncr_value, n);
        for (uint32_t i = 0; i < n; i++)
            merged[i] = ncr_lift_if(ev, cond, x[i], y[i]);
        return list ? list_of(ev, (void *)a.as.list, merged)
                    : record_of(ev, (void *)a.as.record, merged);
    }
    a = ncr_lift_whole(ev, a);
    b = ncr_lift_whole(ev, b);
    if (a.kind > NCR_KIND_LIFTED || b.kind > NCR_KIND_LIFTED)
        return (struct ncr_value){.kind = NCR_KIND_UNKNOWN};
    ncr_diagram f =
        ncr_diagram_if(pool(ev), cond, ncr_lift_diagram(ev, a), ncr_lift_diagram(ev, b));
    ncr_lift_check(ev);
    return ncr_lift_value(ev, f);
}

struct ncr_case *ncr_lift_cases(struct ncr_eval *ev, struct ncr_value v, uint32_t *n)
{
    v = ncr_lift_whole(ev, v);
    if (v.kind != NCR_KIND_LIFTED) {
        struct ncr_case *one = NCR_NEW(ev->scratch, struct ncr_case);
        *one = (struct ncr_case){v, NCR_TRUE};
        *n = v.kind == NCR_KIND_ERROR ? 0 : 1;
        return one;
    }
    struct ncr_diagrams *d = pool(ev);
    struct ncr_diagram_leaves leaves = ncr_diagram_leaves(d, ev->scratch, v.as.lifted);
    struct ncr_case *cases = NCR_NEW_N(ev->scratch, struct ncr_case, leaves.n);
    *n = 0;
    for (uint32_t i = 0; i < leaves.n; i++) {
        if (leaves.at[i] == LEAF_ERROR || leaves.at[i] == LEAF_FAILED) continue;
        ncr_diagram cond = ncr_diagram_is(d, v.as.lifted, leaves.at[i]);
        if (ncr_diagram_and(d, cond, ev->guard) == NCR_FALSE) continue;
        cases[(*n)++] = (struct ncr_case){ev->leaves.at[leaves.at[i]], cond};
    }
    ncr_lift_check(ev);
    return cases;
}

const struct ncr_value *ncr_lift_values(struct ncr_eval *ev, struct ncr_value v, uint32_t *n)
{
    *n = 0;
    v = ncr_lift_whole(ev, v);
    struct ncr_diagram_leaves leaves = {NULL, 1};
    if (v.kind == NCR_KIND_LIFTED) leaves = ncr_diagram_leaves(pool(ev), ev->scratch, v.as.lifted);
    struct ncr_value *values = NCR_NEW_N(ev->scratch, struct ncr_value, leaves.n);
    for (uint32_t i = 0; i < leaves.n; i++) {
        values[*n] = leaves.at ? ev->leaves.at[leaves.at[i]] : v;
        *n += values[*n].kind != NCR_KIND_ERROR;
    }
    return values;
}

bool ncr_lift_may(struct ncr_eval *ev, struct ncr_value v, uint32_t kinds)
{
    if (v.kind != NCR_KIND_LIFTED) return ncr_value_is(v, kinds);
    struct ncr_arena_mark mark = ncr_arena_mark(ev->scratch);
    struct ncr_diagram_leaves leaves =
        ncr_diagram_leaves(&ev->space->diagrams, ev->scratch, v.as.lifted);
    bool may = false;
    for (uint32_t i = 0; i < leaves.n && !may; i++)
        may = ncr_value_is(ev->leaves.at[leaves.at[i]], kinds);
    ncr_arena_reset(ev->scratch, mark);
    return may;
}

static struct ncr_value as_bool(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct ncr_code *code = user;
    if (v->kind == NCR_KIND_BOOL) return *v;
    NCR_EVAL_REPORT(ev, NOT_BOOL, code->span, ncr_show(ev->reporter, *v));
    return ncr_value_error();
}

static uint32_t is_true(void *user, const uint32_t *leaf)
{
    (void)user;
    return leaf[0] == 1;
}

bool ncr_lift_condition(struct ncr_eval *ev, const struct ncr_code *code, struct ncr_value v,
                        ncr_diagram *out)
{
    v = ncr_lift(ev, &v, 1, as_bool, (void *)code);
    if (ncr_value_is(v, K(UNKNOWN) | K(BOUND) | K(SUM))) {
        NCR_EVAL_REPORT0(ev, FIGURE_PLACE, code->span);
        return false;
    }
    if (v.kind == NCR_KIND_ERROR) return false;
    if (v.kind == NCR_KIND_BOOL) {
        *out = v.as.b ? NCR_TRUE : NCR_FALSE;
        return true;
    }
    ncr_diagram f = v.as.lifted;
    *out = ncr_diagram_apply(pool(ev), ev->guard, &f, 1, is_true, NULL);
    ncr_lift_check(ev);
    return *out != NCR_HOLE;
}
