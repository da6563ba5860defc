// Contexts, paths, and what a message says of the place of an error.
#include "compiler/sema/eval.h"

enum { MAX_NOTES = 6 };

static uint32_t context(struct ncr_eval *ev, uint64_t key, struct ncr_context made)
{
    uint32_t id = ncr_table_get(&ev->context_ids, key);
    if (id != UINT32_MAX) return id;
    ncr_eval_spend(ev, 4);
    ncr_vec_push(ev->scratch, &ev->contexts, made);
    ncr_table_set(ev->scratch, &ev->context_ids, key, ev->contexts.n - 1);
    return ev->contexts.n - 1;
}

uint32_t ncr_context_child(struct ncr_eval *ev, uint32_t parent, uint32_t site,
                           struct ncr_str element)
{
    uint64_t key = (uint64_t)parent << 32 | site;
    return context(ev, key, (struct ncr_context){.parent = parent, .element = element});
}

uint32_t ncr_context_pass(struct ncr_eval *ev, uint32_t loop, uint32_t index)
{
    uint64_t key = UINT64_C(1) << 63 | (uint64_t)loop << 32 | index;
    return context(ev, key, (struct ncr_context){.parent = loop, .is_pass = true, .index = index});
}

static struct ncr_str joined(struct ncr_eval *ev, struct ncr_str base, struct ncr_str element)
{
    // An element without a name is the level above it; one that starts with ~ tells apart two such.
    if (element.n == 0) return base;
    ncr_eval_spend(ev, (base.n + element.n) / 4);
    const char *sep = element.s[0] == '~' || base.n == 0 ? "" : "/";
    return ncr_str_fmt(ev->arena, "%.*s%s%.*s", NCR_STR_ARG(base), sep, NCR_STR_ARG(element));
}

struct ncr_str ncr_context_path(struct ncr_eval *ev, uint32_t id)
{
    // Iterative: contexts nest as deep as the evaluation.
    uint32_t chain[64], n = 0;
    while (!ev->contexts.at[id].has_path) {
        uint32_t at = id;
        for (n = 0; n < NCR_COUNT(chain) && !ev->contexts.at[at].has_path; n++) {
            chain[n] = at;
            at = ev->contexts.at[at].parent;
        }
        if (!ev->contexts.at[at].has_path) { // deeper than the window: the top of it first
            ncr_context_path(ev, at);
        }
        while (n > 0) {
            struct ncr_context *c = &ev->contexts.at[chain[--n]];
            struct ncr_str base = ev->contexts.at[c->parent].path;
            if (c->is_pass) {
                ncr_eval_spend(ev, base.n / 4);
                c->path = ncr_str_fmt(ev->arena, "%.*s[%u]", NCR_STR_ARG(base), c->index);
            } else {
                c->path = joined(ev, base, c->element);
            }
            c->has_path = true;
        }
    }
    return ev->contexts.at[id].path;
}

struct ncr_str ncr_site_path(struct ncr_eval *ev, uint32_t id, struct ncr_str element)
{
    return joined(ev, ncr_context_path(ev, id), element);
}

struct ncr_span ncr_blame(const struct ncr_layer *maker, const struct ncr_code *code)
{
    while (maker && code->kind == NCR_CODE_LOCAL) {
        const struct ncr_code *given = NULL;
        for (uint32_t i = 0; i < maker->def->n_params; i++)
            if (maker->def->params[i].slot == code->slot && maker->args) given = maker->args[i];
        if (!given) break;
        code = given;
        maker = maker->maker;
    }
    return code->span;
}

void ncr_eval_chain_notes(struct ncr_eval *ev, struct ncr_diag *d, const struct ncr_layer *maker)
{
    if (!d) return;
    uint32_t n = 0;
    for (; maker && n < MAX_NOTES; maker = maker->maker, n++) {
        // A net at the root is not used by anything.
        if (!maker->site) continue;
        ncr_report_note(ev->reporter, d, maker->site->span, "in %s `%s`, used",
                        maker->def->is_net ? "net" : "block",
                        ncr_show_str(ev->reporter, maker->def->name));
    }
    uint32_t more = 0;
    for (; maker; maker = maker->maker)
        more += maker->site != NULL;
    if (more) ncr_report_note(ev->reporter, d, NCR_NOWHERE, "and %u more around it", more);
}

struct ncr_diag *ncr_eval_reported(struct ncr_eval *ev, struct ncr_diag *d)
{
    ev->incomplete = true;
    if (ev->frame) ncr_eval_chain_notes(ev, d, ev->frame->closure);
    return d;
}
