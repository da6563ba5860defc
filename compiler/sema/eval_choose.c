// Decisions: what is chosen from. A choice with one alternative is decided; any other is decided by
// the genes of a `with` around it, or is a variable of the space, made where its guard holds. Its
// value is then LIFTED. Without a space (declarations) a decision is open: the first is remembered,
// its value is poison, and evaluation goes on so that what does not depend on it is still checked.
#include "compiler/sema/eval.h"
#include "lang/base/hash.h"

#define K(NAME) NCR_KIND_BIT(NAME)

enum {
    LIMIT_ALTERNATIVES = 1 << 16,
    LIMIT_DECISIONS = NCR_LIMIT_VARIABLES,
};

// A decision where it is made.
struct choice {
    const struct ncr_code *code;
    struct ncr_str path;
    uint32_t n;                     // alternatives
    const struct ncr_value *values; // VALUES, SUBSET: each may be LIFTED
    struct ncr_value count;         // how many of them there are, where that depends on decisions
    struct ncr_str *texts;          // what a genotype calls each; LABELS: the labels
    // what was decided
    bool decided;
    uint32_t taken;        // where decided alone
    uint32_t var;          // otherwise the variable,
    struct ncr_value gene; // or a gene that itself depends on decisions: LIFTED index
};

// -- texts of alternatives ----------------------------------------------------------------------

// A value as a genotype writes it; layers and the like go by the name of the operator or block.
static struct ncr_str value_text(struct ncr_eval *ev, struct ncr_value v)
{
    if (v.kind == NCR_KIND_STRING) return *v.as.string;
    if (v.kind == NCR_KIND_LAYER) {
        const struct ncr_layer *layer = v.as.layer;
        if (layer->kind == NCR_LAYER_OP) return ncr_str_of(ncr_op_name(layer->op));
        if (layer->kind == NCR_LAYER_DEF) return layer->def->name;
        return NCR_STR("chain");
    }
    if (v.kind == NCR_KIND_DECLARATION) return v.as.item->name;
    if (v.kind == NCR_KIND_LIST) {
        struct ncr_str text = NCR_STR("[");
        for (uint32_t i = 0; i < v.as.list->n; i++)
            text = ncr_str_fmt(ev->scratch, "%.*s%s%.*s", NCR_STR_ARG(text), i ? ", " : "",
                               NCR_STR_ARG(value_text(ev, v.as.list->at[i])));
        return ncr_str_fmt(ev->scratch, "%.*s]", NCR_STR_ARG(text));
    }
    struct ncr_buf out = {0};
    ncr_value_text(v, &out);
    struct ncr_str kept =
        ncr_str_dup(ev->scratch, (struct ncr_str){out.s ? out.s : "", (uint32_t)out.n});
    ncr_buf_free(&out);
    return kept;
}

static uint32_t keep_value(struct ncr_eval *ev, struct ncr_str text, struct ncr_value v)
{
    struct ncr_space *space = ev->space;
    struct ncr_space_value kept = {.text = text, .is_list = v.kind == NCR_KIND_LIST};
    kept.is_number = ncr_value_is(v, K(INT) | K(FLOAT));
    if (kept.is_number) kept.number = ncr_value_number(v);
    uint64_t key = ncr_hash_bytes(text.s, text.n).lo;
    for (;; key++) { // different texts under one hash take the next keys
        uint32_t i = ncr_table_get(&ev->value_ids, key);
        if (i == UINT32_MAX) break;
        if (ncr_str_eq(space->values.at[i].text, text)) return i;
    }
    kept.text = ncr_str_dup(space->arena, text);
    ncr_vec_push(space->arena, &space->values, kept);
    ncr_table_set(ev->scratch, &ev->value_ids, key, space->values.n - 1);
    return space->values.n - 1;
}

struct texting {
    struct ncr_eval *ev;
    struct ncr_str suffix;
};

static uint32_t text_leaf(void *user, const uint32_t *leaf)
{
    const struct texting *t = user;
    if (leaf[0] == NCR_HOLE) return NCR_HOLE;
    struct ncr_value v = t->ev->leaves.at[leaf[0]];
    struct ncr_str text = value_text(t->ev, v);
    if (t->suffix.n)
        text = ncr_str_fmt(t->ev->scratch, "%.*s%.*s", NCR_STR_ARG(text), NCR_STR_ARG(t->suffix));
    return keep_value(t->ev, text, v);
}

// The alternatives as diagrams of texts. Two that would be called the same are told apart by their
// number.
static const ncr_diagram *texts_of(struct ncr_eval *ev, const struct choice *c)
{
    struct ncr_space *space = ev->space;
    ncr_diagram *out = NCR_NEW_N(space->arena, ncr_diagram, c->n);
    for (uint32_t i = 0; i < c->n; i++) {
        if (c->code->form == NCR_CHOOSE_LABELS) {
            struct ncr_value none = {0};
            out[i] = ncr_diagram_leaf(keep_value(ev, c->code->labels[i], none));
            continue;
        }
        struct texting t = {ev, NCR_STR("")};
        bool layer = ncr_lift_may(ev, c->values[i], K(LAYER));
        for (uint32_t k = 0; layer && k < i; k++) {
            struct ncr_value other = c->values[k];
            if (!ncr_is_lifted(c->values[i]) && !ncr_is_lifted(other) &&
                ncr_str_eq(value_text(ev, other), value_text(ev, c->values[i])))
                t.suffix = ncr_str_fmt(ev->scratch, "_%u", i);
        }
        ncr_diagram f = ncr_lift_diagram(ev, ncr_lift_whole(ev, c->values[i]));
        out[i] = ncr_diagram_apply(&space->diagrams, NCR_TRUE, &f, 1, text_leaf, &t);
    }
    ncr_lift_check(ev);
    return out;
}

// -- genes --------------------------------------------------------------------------------------

struct gene {
    const struct choice *choice;
    const struct ncr_code *code;
};

static uint32_t value_index(struct ncr_eval *ev, const struct choice *c, struct ncr_value v)
{
    for (uint32_t i = 0; i < c->n; i++) {
        bool word = v.kind == NCR_KIND_STRING;
        if (c->code->form == NCR_CHOOSE_LABELS) {
            if (word && ncr_str_eq(c->code->labels[i], *v.as.string)) return i;
            continue;
        }
        struct ncr_value a = ncr_lift_whole(ev, c->values[i]);
        if (ncr_is_lifted(a)) continue;
        if (ncr_value_equal(a, v)) return i;
        if (word && a.kind != NCR_KIND_STRING && ncr_str_eq(value_text(ev, a), *v.as.string))
            return i;
    }
    return UINT32_MAX;
}

static void bad_gene(struct ncr_eval *ev, const struct choice *c, const struct ncr_code *gene,
                     struct ncr_value v)
{
    struct ncr_buf text = {0};
    for (uint32_t i = 0; i < c->n && i < 8; i++) {
        if (i) ncr_buf_puts(&text, ", ");
        ncr_buf_str(&text, c->code->form == NCR_CHOOSE_LABELS ? c->code->labels[i]
                                                              : value_text(ev, c->values[i]));
    }
    if (c->n > 8) ncr_buf_puts(&text, ", …");
    struct ncr_str kept =
        ncr_str_dup(ev->scratch, (struct ncr_str){text.s ? text.s : "", (uint32_t)text.n});
    ncr_buf_free(&text);
    NCR_EVAL_REPORT(ev, GENE_VALUE, gene->span, ncr_show_str(ev->reporter, c->path), kept.s,
                    v.kind == NCR_KIND_STRING ? ncr_show_str(ev->reporter, *v.as.string)
                                              : ncr_show(ev->reporter, v));
}

// gene value → INT: the alternative
static struct ncr_value gene_index(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    const struct gene *g = user;
    uint32_t i = value_index(ev, g->choice, *v);
    if (i != UINT32_MAX) return ncr_value_int(i);
    bad_gene(ev, g->choice, g->code, *v);
    return ncr_value_error();
}

// The alternative that genes around the decision name: INT or LIFTED, poison for a bad one. False
// where they name none.
static bool from_genes(struct ncr_eval *ev, const struct choice *c, struct ncr_value *index)
{
    for (const struct ncr_genes *g = ev->genes; g; g = g->next) {
        struct ncr_str path = c->path;
        if (path.n <= g->prefix.n || memcmp(path.s, g->prefix.s, g->prefix.n) != 0) continue;
        path.s += g->prefix.n;
        path.n -= g->prefix.n;
        if (path.s[0] == '/') path.s++, path.n--;
        ncr_eval_spend(ev, g->with->n_kids / 8);
        for (uint32_t i = 1; i < g->with->n_kids; i++) {
            if (!ncr_str_eq(g->with->labels[i], path)) continue;
            g->used[i] = true;
            struct gene gene = {c, g->with->kid[i]};
            *index = ncr_lift(ev, &g->values[i], 1, gene_index, &gene);
            return true;
        }
    }
    return false;
}

// -- variables ----------------------------------------------------------------------------------

static struct ncr_value below_count(struct ncr_eval *ev, void *user, const struct ncr_value *v)
{
    (void)ev;
    return ncr_value_bool(*(const int64_t *)user < v->as.i);
}

// Where the number of alternatives depends on decisions, the variable stays below it.
static void limit_domain(struct ncr_eval *ev, const struct choice *c)
{
    struct ncr_diagrams *d = &ev->space->diagrams;
    ncr_diagram allowed = NCR_FALSE;
    for (int64_t i = 0; i < c->n; i++) {
        struct ncr_value v = ncr_lift(ev, &c->count, 1, below_count, &i);
        ncr_diagram there;
        if (!ncr_lift_condition(ev, c->code, v, &there)) return;
        ncr_diagram here = ncr_diagram_equals(d, c->var, (uint32_t)i);
        allowed = ncr_diagram_or(d, allowed, ncr_diagram_and(d, here, there));
    }
    struct ncr_space_require require = {
        .kind = NCR_REQUIRE_DIAGRAM, .condition = ncr_diagram_if(d, ev->guard, allowed, NCR_TRUE)};
    ncr_lift_check(ev);
    ncr_universe_narrow(ev, allowed);
    ncr_vec_push(ev->space->arena, &ev->space->requires, require);
}

// Sampling weights, made to add up to 1: those that are not given share what is left of 1. NULL
// where none is given.
static const double *prior_of(struct ncr_eval *ev, const struct choice *c)
{
    const struct ncr_code *code = c->code;
    if (!code->priors) return NULL;
    double *prior = NCR_NEW_N(ev->space->arena, double, c->n), given = 0;
    uint32_t open = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        const struct ncr_code *weight = i < code->n_priors ? code->priors[i] : NULL;
        open += !weight;
        if (!weight) continue;
        struct ncr_value v = ncr_eval_code(ev, weight);
        if (v.kind == NCR_KIND_ERROR) return NULL;
        if (!ncr_value_is(v, K(INT) | K(FLOAT)) || !(ncr_value_number(v) >= 0)) {
            // A constant was refused where it was read.
            if (weight->kind != NCR_CODE_CONST)
                NCR_EVAL_REPORT(ev, PRIOR_VALUE, weight->span, ncr_show(ev->reporter, v));
            return NULL;
        }
        prior[i] = ncr_value_number(v);
        given += prior[i];
    }
    if ((open && given > 1) || (!open && given <= 0)) {
        NCR_EVAL_REPORT(ev, PRIOR_SUM, code->span, given);
        return NULL;
    }
    for (uint32_t i = 0; i < c->n; i++) {
        if (i >= code->n_priors || !code->priors[i])
            prior[i] = (1 - given) / open;
        else if (!open)
            prior[i] /= given;
    }
    return prior;
}

// Where there is something to decide: a choice of one is decided by itself.
static ncr_diagram is_made(struct ncr_eval *ev, const struct choice *c)
{
    int64_t one = 1;
    ncr_diagram several;
    if (!ncr_is_lifted(c->count)) return ev->guard;
    struct ncr_value v = ncr_lift(ev, &c->count, 1, below_count, &one);
    if (!ncr_lift_condition(ev, c->code, v, &several)) return ev->guard;
    return ncr_diagram_and(&ev->space->diagrams, ev->guard, several);
}

static void make_variable(struct ncr_eval *ev, struct choice *c)
{
    struct ncr_space *space = ev->space;
    struct ncr_diagrams *d = &space->diagrams;
    uint64_t key = (uint64_t)ev->context << 32 | c->code->site;
    uint32_t at = ncr_table_get(&ev->decision_ids, key);
    if (at != UINT32_MAX && space->decisions.at[at].n == c->n) {
        // Made again, where a block is applied a second time: the same decision.
        struct ncr_space_decision *again = &space->decisions.at[at];
        again->exists = ncr_diagram_or(d, again->exists, is_made(ev, c));
        c->var = at;
        return;
    }
    if (space->decisions.n >= LIMIT_DECISIONS) {
        ev->stopped = true;
        NCR_EVAL_REPORT(ev, DECISION_LIMIT, c->code->span, (int)LIMIT_DECISIONS);
        return;
    }
    struct ncr_hash h = ncr_hash_bytes(c->path.s, c->path.n);
    for (uint32_t k = 2; ncr_table_get(&ev->decision_paths, h.lo) != UINT32_MAX; k++) {
        char digits[11];
        struct ncr_str name = ncr_str_join(ev->arena, c->path, "#", ncr_str_number(k, digits));
        h = ncr_hash_bytes(name.s, name.n);
        if (ncr_table_get(&ev->decision_paths, h.lo) == UINT32_MAX) {
            c->path = name;
            break;
        }
    }
    c->var = ncr_diagram_variable(d, c->n);
    struct ncr_space_decision decision = {.path = c->path,
                                          .span = c->code->span,
                                          .n = c->n,
                                          .labelled = c->code->form == NCR_CHOOSE_LABELS,
                                          .values = texts_of(ev, c),
                                          .exists = is_made(ev, c),
                                          .prior = prior_of(ev, c)};
    ncr_vec_push(space->arena, &space->decisions, decision);
    ncr_table_set(ev->scratch, &ev->decision_ids, key, c->var);
    ncr_table_set(ev->scratch, &ev->decision_paths, h.lo, c->var);
    if (ncr_is_lifted(c->count)) limit_domain(ev, c);
}

// Decides: by itself, by genes, or as a variable. False where nobody can.
static bool decide(struct ncr_eval *ev, struct choice *c)
{
    if (c->n == 1 && !ncr_is_lifted(c->count)) {
        c->decided = true;
        return true;
    }
    c->path = ncr_site_path(ev, ev->context, c->code->text);
    struct ncr_value index;
    if (from_genes(ev, c, &index)) {
        if (index.kind == NCR_KIND_ERROR) return false;
        c->decided = index.kind == NCR_KIND_INT;
        if (c->decided)
            c->taken = (uint32_t)index.as.i;
        else
            c->gene = index;
        return true;
    }
    if (ev->oracle) {
        struct ncr_str *texts = NCR_NEW_N(ev->scratch, struct ncr_str, c->n);
        for (uint32_t i = 0; i < c->n; i++)
            texts[i] = c->code->form == NCR_CHOOSE_LABELS ? c->code->labels[i]
                                                          : value_text(ev, c->values[i]);
        c->taken = ev->oracle->decide(ev->oracle->user, c->path, texts, c->n);
        c->decided = c->taken != UINT32_MAX;
        if (c->decided) return true;
    } else if (ev->space) {
        make_variable(ev, c);
        return !ev->stopped;
    }
    ev->incomplete = true;
    if (!ev->open) {
        ev->open = true;
        ev->open_path = c->path;
        ev->open_span = c->code->span;
    }
    return false;
}

// Where alternative i is taken.
static ncr_diagram taken(struct ncr_eval *ev, const struct choice *c, uint32_t i)
{
    struct ncr_diagrams *d = &ev->space->diagrams;
    if (c->gene.kind == NCR_KIND_LIFTED)
        return ncr_diagram_is(d, c->gene.as.lifted, ncr_lift_leaf(ev, ncr_value_int(i)));
    return ncr_diagram_equals(d, c->var, i);
}

// -- forms --------------------------------------------------------------------------------------

static struct ncr_value labelled(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct choice c = {.code = code, .n = code->n_kids};
    if (!decide(ev, &c)) {
        for (uint32_t i = 0; i < code->n_kids && !ev->stopped; i++)
            ncr_eval_code(ev, code->kid[i]); // for its own errors
        return ncr_value_error();
    }
    if (c.decided) return ncr_eval_code(ev, code->kid[c.taken]);
    struct ncr_value v = ncr_value_error();
    ncr_diagram outer = ev->guard;
    for (uint32_t i = 0; i < c.n && !ev->stopped; i++) {
        ncr_diagram cond = taken(ev, &c, i);
        if (ncr_guard_enter(ev, cond)) {
            struct ncr_value one = ncr_eval_code(ev, code->kid[i]);
            v = i == 0 ? one : ncr_lift_if(ev, cond, one, v);
        }
        ev->guard = outer;
    }
    return v;
}

// One of values, as decided.
static struct ncr_value picked(struct ncr_eval *ev, const struct choice *c)
{
    if (c->decided) return c->values[c->taken];
    bool plain = c->gene.kind != NCR_KIND_LIFTED;
    for (uint32_t i = 0; i < c->n && plain; i++)
        plain = !ncr_is_lifted(c->values[i]) && !ncr_value_is(c->values[i], K(LIST) | K(RECORD));
    if (plain) { // one node of the diagram
        ncr_diagram *leaves = NCR_NEW_N(ev->scratch, ncr_diagram, c->n);
        for (uint32_t i = 0; i < c->n; i++)
            leaves[i] = ncr_lift_diagram(ev, c->values[i]);
        return ncr_lift_value(ev, ncr_diagram_node(&ev->space->diagrams, c->var, leaves));
    }
    struct ncr_value v = c->values[c->n - 1];
    for (uint32_t i = c->n - 1; i-- > 0;)
        v = ncr_lift_if(ev, taken(ev, c, i), c->values[i], v);
    return v;
}

// A range or list that stands alone is what is chosen from.
static struct ncr_value member_count(struct ncr_eval *ev, void *user, const struct ncr_value *over)
{
    const struct ncr_code *code = user;
    uint64_t count = over->kind == NCR_KIND_LIST    ? over->as.list->n
                     : over->kind == NCR_KIND_RANGE ? ncr_range_count(over->as.range)
                                                    : 1;
    if (count == 0) {
        NCR_EVAL_REPORT0(ev, EMPTY_CHOICE, code->span);
        return ncr_value_error();
    }
    if (count > LIMIT_ALTERNATIVES) {
        NCR_EVAL_REPORT(ev, WALK_LIMIT, code->span, (unsigned long long)count, LIMIT_ALTERNATIVES);
        return ncr_value_error();
    }
    return ncr_value_int((int64_t)count);
}

static struct ncr_value member_at(struct ncr_eval *ev, void *user, const struct ncr_value *over)
{
    (void)ev;
    uint64_t i = *(const uint64_t *)user;
    if (over->kind == NCR_KIND_LIST)
        return i < over->as.list->n ? over->as.list->at[i] : ncr_value_error();
    if (over->kind != NCR_KIND_RANGE) return i == 0 ? *over : ncr_value_error();
    return i < ncr_range_count(over->as.range) ? ncr_range_at(over->as.range, i)
                                               : ncr_value_error();
}

// The values to choose from: the arguments, or the members of a single range or list.
static bool alternatives(struct ncr_eval *ev, uint32_t first, struct choice *c)
{
    const struct ncr_code *code = c->code;
    uint32_t n = code->n_kids - first;
    struct ncr_value *values = NCR_NEW_N(ev->scratch, struct ncr_value, n);
    bool good = true;
    for (uint32_t i = 0; i < n; i++) {
        values[i] = ncr_eval_code(ev, code->kid[first + i]);
        good &= values[i].kind != NCR_KIND_ERROR;
    }
    c->values = values;
    c->n = n;
    c->count = ncr_value_int(n);
    if (!good || n != 1 || !ncr_lift_may(ev, values[0], K(RANGE) | K(LIST))) return good;
    struct ncr_value over = values[0];
    // The items of a list may be undecided without its length being so.
    bool list = over.kind == NCR_KIND_LIST;
    const struct ncr_code *at = code->kid[first];
    c->count = list ? member_count(ev, (void *)at, &over)
                    : ncr_lift(ev, &over, 1, member_count, (void *)at);
    uint32_t n_cases;
    const struct ncr_value *counts = ncr_lift_values(ev, c->count, &n_cases);
    c->n = 0;
    for (uint32_t i = 0; i < n_cases; i++)
        if (counts[i].kind == NCR_KIND_INT && counts[i].as.i > c->n)
            c->n = (uint32_t)counts[i].as.i;
    if (!c->n || !ncr_eval_spend(ev, c->n)) return false;
    values = NCR_NEW_N(ev->scratch, struct ncr_value, c->n);
    for (uint64_t i = 0; i < c->n; i++)
        values[i] = list ? member_at(ev, &i, &over) : ncr_lift(ev, &over, 1, member_at, &i);
    c->values = values;
    return true;
}

// The lists of k of n things: combinations in lexical order; ordered: sequences; repeated: things
// may come again.
struct subsets {
    struct ncr_eval *ev;
    const struct choice *from;
    const struct ncr_code *code;
    uint32_t k;
    uint32_t *at;
    NCR_VEC(struct ncr_value) lists;
    bool many;
};

static void extend(struct subsets *s, uint32_t depth)
{
    if (s->many) return;
    if (depth == s->k) {
        if (s->lists.n == LIMIT_ALTERNATIVES) {
            s->many = true;
            return;
        }
        struct ncr_value v = ncr_list_make(s->ev, s->k, s->code->span);
        if (v.kind == NCR_KIND_ERROR) {
            s->many = true;
            return;
        }
        struct ncr_list *list = (struct ncr_list *)v.as.list;
        for (uint32_t i = 0; i < s->k; i++)
            list->at[i] = s->from->values[s->at[i]];
        ncr_list_seal(s->ev, v, s->code->span);
        ncr_vec_push(s->ev->scratch, &s->lists, v);
        return;
    }
    uint32_t first = depth && !s->code->ordered ? s->at[depth - 1] + !s->code->repeated : 0;
    for (uint32_t i = first; i < s->from->n && !s->many; i++) {
        bool used = false;
        for (uint32_t k = 0; s->code->ordered && !s->code->repeated && k < depth; k++)
            used |= s->at[k] == i;
        if (used) continue;
        s->at[depth] = i;
        extend(s, depth + 1);
    }
}

static struct ncr_value subset(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value count = ncr_eval_code(ev, code->kid[0]);
    struct choice c = {.code = code};
    if (!alternatives(ev, 1, &c) || count.kind == NCR_KIND_ERROR) return ncr_value_error();
    int64_t low = -1, high = -1;
    if (count.kind == NCR_KIND_INT) {
        low = high = count.as.i;
    } else if (count.kind == NCR_KIND_RANGE && count.as.range->low.kind == NCR_KIND_INT) {
        uint64_t n = ncr_range_count(count.as.range);
        low = count.as.range->low.as.i;
        high = n ? ncr_range_at(count.as.range, n - 1).as.i : -1;
    }
    if (low < 0 || high < low || (high > c.n && !code->repeated) || ncr_is_lifted(c.count)) {
        NCR_EVAL_REPORT(ev, SUBSET_COUNT, code->kid[0]->span, ncr_show(ev->reporter, count), c.n);
        return ncr_value_error();
    }
    struct subsets s = {.ev = ev, .from = &c, .code = code};
    s.many = high > 64;
    s.at = NCR_NEW_N(ev->scratch, uint32_t, 64);
    for (int64_t k = low; k <= high && !s.many; k++) {
        s.k = (uint32_t)k;
        extend(&s, 0);
    }
    if (s.many) {
        NCR_EVAL_REPORT(ev, SUBSET_LIMIT, code->span, (int)LIMIT_ALTERNATIVES);
        return ncr_value_error();
    }
    c.values = s.lists.at;
    c.n = s.lists.n;
    c.count = ncr_value_int(c.n);
    return decide(ev, &c) ? picked(ev, &c) : ncr_value_error();
}

struct ncr_value ncr_eval_choose(struct ncr_eval *ev, const struct ncr_code *code)
{
    if (code->form == NCR_CHOOSE_LABELS) return labelled(ev, code);
    if (code->form == NCR_CHOOSE_SUBSET) return subset(ev, code);
    struct choice c = {.code = code};
    if (!alternatives(ev, 0, &c)) return ncr_value_error();
    return decide(ev, &c) ? picked(ev, &c) : ncr_value_error();
}

struct ncr_value ncr_eval_with(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value base = ncr_eval_code(ev, code->kid[0]);
    struct ncr_value *values = NCR_NEW_N(ev->scratch, struct ncr_value, code->n_kids);
    for (uint32_t i = 1; i < code->n_kids; i++)
        values[i] = ncr_eval_code(ev, code->kid[i]);
    if (base.kind == NCR_KIND_ERROR || ncr_is_lifted(base)) {
        if (base.kind != NCR_KIND_ERROR)
            NCR_EVAL_REPORT(ev, NOT_A_NET, code->kid[0]->span, ncr_show(ev->reporter, base));
        return ncr_value_error();
    }
    bool is_net = base.kind == NCR_KIND_LAYER && base.as.layer->kind == NCR_LAYER_DEF &&
                  base.as.layer->def->is_net;
    if (!is_net || base.as.layer->unbound) {
        NCR_EVAL_REPORT(ev, NOT_A_NET, code->kid[0]->span, ncr_show(ev->reporter, base));
        return ncr_value_error();
    }
    struct ncr_genes *genes = NCR_NEW(ev->scratch, struct ncr_genes);
    struct ncr_layer *layer = NCR_NEW(ev->scratch, struct ncr_layer);
    *layer = *base.as.layer;
    *genes = (struct ncr_genes){.with = code,
                                .values = values,
                                .used = NCR_NEW_N(ev->scratch, bool, code->n_kids),
                                .next = layer->genes,
                                .prefix = ncr_context_path(ev, layer->context)};
    layer->genes = genes;
    return (struct ncr_value){.kind = NCR_KIND_LAYER, .as.layer = layer};
}

void ncr_genes_check(struct ncr_eval *ev, const struct ncr_genes *genes)
{
    // Where something is wrong or open, decisions may not have been reached.
    for (uint32_t i = 1; i < genes->with->n_kids && !ev->incomplete; i++) {
        if (genes->used[i]) continue;
        NCR_EVAL_REPORT(ev, GENE_PATH, genes->with->kid[i]->span,
                        ncr_show_str(ev->reporter, genes->with->labels[i]));
    }
}
