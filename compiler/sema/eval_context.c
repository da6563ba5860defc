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
    bool slash = element.s[0] != '~' && base.n != 0;
    return ncr_str_join(ev->arena, base, slash ? "/" : "", element);
}

// Formatting a path is a good part of the time an elaboration takes: no printf here.
struct ncr_str ncr_str_join(struct ncr_arena *arena, struct ncr_str a, const char *between,
                            struct ncr_str b)
{
    uint32_t n = (uint32_t)strlen(between);
    char *text = ncr_arena_alloc(arena, (size_t)a.n + n + b.n + 1);
    if (a.n) memcpy(text, a.s, a.n);
    memcpy(text + a.n, between, n);
    if (b.n) memcpy(text + a.n + n, b.s, b.n);
    return (struct ncr_str){text, a.n + n + b.n};
}

struct ncr_str ncr_str_number(uint32_t value, char out[11])
{
    uint32_t at = 11;
    do
        out[--at] = (char)('0' + value % 10);
    while (value /= 10);
    return (struct ncr_str){out + at, 11 - at};
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
                char digits[11], pass[14] = "[";
                struct ncr_str number = ncr_str_number(c->index, digits);
                memcpy(pass + 1, number.s, number.n);
                pass[1 + number.n] = ']';
                c->path = ncr_str_join(ev->arena, base, "", (struct ncr_str){pass, number.n + 2});
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

void ncr_eval_blamed(struct ncr_eval *ev, struct ncr_diag *d, const struct ncr_layer *maker)
{
    if (ev->reporter->muted) return;
    ev->incomplete = true;
    ncr_eval_chain_notes(ev, d, maker);
    ncr_lift_witness(ev, d);
}

struct ncr_diag *ncr_eval_reported(struct ncr_eval *ev, struct ncr_diag *d)
{
    ncr_eval_blamed(ev, d, ev->frame ? ev->frame->closure : NULL);
    return d;
}
