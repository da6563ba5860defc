// Decisions: what is chosen from, and by whom. A choice with one alternative is decided; any other
// is made by the genes of a `with` around it, or by the oracle. A decision that nobody makes is
// open: the first is remembered, its value is poison, and evaluation goes on so that what does not
// depend on it is still checked.
#include "compiler/sema/eval.h"

#define K(NAME) NCR_KIND_BIT(NAME)

static uint32_t value_index(const struct ncr_decision *decision, struct ncr_value v)
{
    for (uint32_t i = 0; i < decision->n; i++) {
        bool same = decision->form == NCR_CHOOSE_LABELS
                        ? v.kind == NCR_KIND_STRING && ncr_str_eq(decision->labels[i], *v.as.string)
                        : ncr_value_equal(decision->values[i], v);
        if (same) return i;
    }
    return UINT32_MAX;
}

static void bad_gene(struct ncr_eval *ev, const struct ncr_decision *decision,
                     const struct ncr_code *gene, struct ncr_value v)
{
    struct ncr_buf text = {0};
    for (uint32_t i = 0; i < decision->n && i < 8; i++) {
        if (i) ncr_buf_puts(&text, ", ");
        if (decision->form == NCR_CHOOSE_LABELS)
            ncr_buf_str(&text, decision->labels[i]);
        else
            ncr_value_text(decision->values[i], &text);
    }
    if (decision->n > 8) ncr_buf_puts(&text, ", …");
    struct ncr_str kept =
        ncr_str_dup(ev->scratch, (struct ncr_str){text.s ? text.s : "", (uint32_t)text.n});
    ncr_buf_free(&text);
    NCR_EVAL_REPORT(ev, GENE_VALUE, gene->span, ncr_show_str(ev->reporter, decision->path), kept.s,
                    v.kind == NCR_KIND_STRING ? ncr_show_str(ev->reporter, *v.as.string)
                                              : ncr_show(ev->reporter, v));
}

// The alternative that genes around the decision name. True where they name one, good or bad.
static bool from_genes(struct ncr_eval *ev, const struct ncr_decision *decision, uint32_t *index)
{
    for (const struct ncr_genes *g = ev->genes; g; g = g->next) {
        struct ncr_str path = decision->path;
        if (path.n <= g->prefix.n || memcmp(path.s, g->prefix.s, g->prefix.n) != 0) continue;
        path.s += g->prefix.n;
        path.n -= g->prefix.n;
        if (path.s[0] == '/') path.s++, path.n--;
        ncr_eval_spend(ev, g->with->n_kids / 8);
        for (uint32_t i = 1; i < g->with->n_kids; i++) {
            if (!ncr_str_eq(g->with->labels[i], path)) continue;
            g->used[i] = true;
            *index = value_index(decision, g->values[i]);
            if (*index == UINT32_MAX && g->values[i].kind != NCR_KIND_ERROR)
                bad_gene(ev, decision, g->with->kid[i], g->values[i]);
            return true;
        }
    }
    return false;
}

// The alternative to take, or UINT32_MAX.
static uint32_t decide(struct ncr_eval *ev, const struct ncr_code *code,
                       struct ncr_decision *decision)
{
    if (decision->n == 1 && decision->form != NCR_CHOOSE_SUBSET) return 0;
    decision->path = ncr_site_path(ev, ev->context, code->text);
    decision->span = code->span;
    decision->form = code->form;
    uint32_t index = UINT32_MAX;
    if (from_genes(ev, decision, &index)) return index;
    if (ev->oracle) index = ev->oracle->decide(ev->oracle->user, decision);
    if (index != UINT32_MAX) return index;
    ev->incomplete = true;
    if (!ev->open) {
        ev->open = true;
        ev->open_path = decision->path;
        ev->open_span = code->span;
    }
    return UINT32_MAX;
}

// The values to choose from: the arguments, or the items of a single range or list.
static bool alternatives(struct ncr_eval *ev, const struct ncr_code *code, uint32_t first,
                         struct ncr_decision *decision)
{
    uint32_t n = code->n_kids - first;
    struct ncr_value *values = NCR_NEW_N(ev->scratch, struct ncr_value, n);
    bool good = true;
    for (uint32_t i = 0; i < n; i++) {
        values[i] = ncr_eval_code(ev, code->kid[first + i]);
        good &= values[i].kind != NCR_KIND_ERROR;
    }
    decision->values = values;
    decision->n = n;
    if (!good || n != 1 || !ncr_value_is(values[0], K(RANGE) | K(LIST))) return good;
    struct ncr_value over = values[0];
    uint64_t count = over.kind == NCR_KIND_LIST ? over.as.list->n : ncr_range_count(over.as.range);
    if (count == 0) {
        NCR_EVAL_REPORT0(ev, EMPTY_CHOICE, code->span);
        return false;
    }
    if (count > NCR_LIMIT_LIST) {
        NCR_EVAL_REPORT(ev, WALK_LIMIT, code->kid[first]->span, (unsigned long long)count,
                        NCR_LIMIT_LIST);
        return false;
    }
    if (!ncr_eval_spend(ev, count)) return false;
    values = NCR_NEW_N(ev->scratch, struct ncr_value, count);
    for (uint32_t i = 0; i < count; i++)
        values[i] =
            over.kind == NCR_KIND_LIST ? over.as.list->at[i] : ncr_range_at(over.as.range, i);
    decision->values = values;
    decision->n = (uint32_t)count;
    return true;
}

static struct ncr_value labelled(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_decision decision = {
        .form = NCR_CHOOSE_LABELS, .n = code->n_kids, .labels = code->labels};
    uint32_t index = decide(ev, code, &decision);
    if (index != UINT32_MAX) return ncr_eval_code(ev, code->kid[index]);
    for (uint32_t i = 0; i < code->n_kids; i++)
        ncr_eval_code(ev, code->kid[i]); // for its own errors
    return ncr_value_error();
}

// k of n: open, except where all are taken in their order.
static struct ncr_value subset(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value count = ncr_eval_code(ev, code->kid[0]);
    struct ncr_decision decision = {.form = NCR_CHOOSE_SUBSET};
    if (!alternatives(ev, code, 1, &decision) || count.kind == NCR_KIND_ERROR)
        return ncr_value_error();
    int64_t low, high;
    if (count.kind == NCR_KIND_INT) {
        low = high = count.as.i;
    } else if (count.kind == NCR_KIND_RANGE && count.as.range->low.kind == NCR_KIND_INT) {
        uint64_t n = ncr_range_count(count.as.range);
        low = count.as.range->low.as.i;
        high = n ? ncr_range_at(count.as.range, n - 1).as.i : -1;
    } else {
        NCR_EVAL_REPORT(ev, SUBSET_COUNT, code->kid[0]->span, ncr_show(ev->reporter, count),
                        decision.n);
        return ncr_value_error();
    }
    if (low < 0 || high < low || high > decision.n) {
        NCR_EVAL_REPORT(ev, SUBSET_COUNT, code->kid[0]->span, ncr_show(ev->reporter, count),
                        decision.n);
        return ncr_value_error();
    }
    bool all = low == decision.n && (!code->ordered || decision.n == 1), none = high == 0;
    if (!all && !none) {
        decide(ev, code, &decision);
        return ncr_value_error();
    }
    struct ncr_value value = ncr_list_make(ev, none ? 0 : decision.n, code->span);
    if (value.kind == NCR_KIND_ERROR) return value;
    struct ncr_list *list = (struct ncr_list *)value.as.list;
    for (uint32_t i = 0; i < list->n; i++)
        list->at[i] = decision.values[i];
    return ncr_list_seal(ev, value, code->span) ? value : ncr_value_error();
}

struct ncr_value ncr_eval_choose(struct ncr_eval *ev, const struct ncr_code *code)
{
    if (code->form == NCR_CHOOSE_LABELS) return labelled(ev, code);
    if (code->form == NCR_CHOOSE_SUBSET) return subset(ev, code);
    struct ncr_decision decision = {.form = NCR_CHOOSE_VALUES};
    if (!alternatives(ev, code, 0, &decision)) return ncr_value_error();
    uint32_t index = decide(ev, code, &decision);
    return index == UINT32_MAX ? ncr_value_error() : decision.values[index];
}

struct ncr_value ncr_eval_with(struct ncr_eval *ev, const struct ncr_code *code)
{
    struct ncr_value base = ncr_eval_code(ev, code->kid[0]);
    struct ncr_value *values = NCR_NEW_N(ev->scratch, struct ncr_value, code->n_kids);
    for (uint32_t i = 1; i < code->n_kids; i++)
        values[i] = ncr_eval_code(ev, code->kid[i]);
    if (base.kind == NCR_KIND_ERROR) return base;
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
