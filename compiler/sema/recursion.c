// What reaches itself: strongly connected items (Tarjan 1972), without recursion of our own. A
// block or net among them needs a bound; a let among them has no value.
#include <stdlib.h>

#include "compiler/sema/sema.h"

struct visit {
    uint32_t item, next; // next reference to follow
};

struct search {
    struct ncr_program *program;
    uint32_t *order, *low, *stack, n_stack, n_visited;
    bool *on_stack;
};

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report(struct ncr_program *program, uint32_t *group, uint32_t n)
{
    qsort(group, n, sizeof *group, ascending);
    struct ncr_reporter *reporter = &program->reporter;
    // The first in the text is where the message stands.
    bool has_let = false;
    for (uint32_t i = 0; i < n; i++) {
        const struct ncr_item *item = program->items.at[group[i]];
        has_let |= item->kind == NCR_ITEM_LET ||
                   (item->def && !item->def->has_inputs && item->def->is_net);
    }
    if (has_let) {
        const struct ncr_item *item = program->items.at[group[0]];
        struct ncr_diag *d = NCR_REPORT(reporter, DEFINED_BY_ITSELF, item->name_span,
                                        ncr_show_str(reporter, item->name));
        for (uint32_t i = 1; i < n && i < 8; i++)
            ncr_report_note(reporter, d, program->items.at[group[i]]->name_span, "through `%s`",
                            ncr_show_str(reporter, program->items.at[group[i]]->name));
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct ncr_item *item = program->items.at[group[i]];
        item->recursive = true;
        if (!item->def || item->def->bound) continue;
        struct ncr_diag *d =
            NCR_REPORT(reporter, NO_BOUND, item->name_span, ncr_item_kind_name(item),
                       ncr_show_str(reporter, item->name));
        ncr_report_help(reporter, d, "state a condition that ends it: … bounded depth <= 6 { … }");
    }
}

static bool refers_to(const struct ncr_program *program, uint32_t item, uint32_t to)
{
    const struct ncr_item *from = program->items.at[item];
    for (uint32_t i = 0; i < from->n_refs; i++)
        if (program->refs.at[from->refs_at + i]->index == to) return true;
    return false;
}

// Takes a finished group off the stack.
static void close_group(struct search *s, uint32_t root)
{
    uint32_t n = 0;
    uint32_t *group = &s->stack[s->n_stack];
    do {
        group--;
        n++;
        s->on_stack[*group] = false;
    } while (*group != root);
    s->n_stack -= n;
    if (n > 1 || refers_to(s->program, root, root)) report(s->program, group, n);
}

static void visit(struct search *s, struct visit *path, uint32_t start)
{
    uint32_t n = 0;
    path[n++] = (struct visit){start, 0};
    while (n) {
        struct visit *top = &path[n - 1];
        const struct ncr_item *item = s->program->items.at[top->item];
        if (top->next == 0) {
            s->order[top->item] = s->low[top->item] = ++s->n_visited;
            s->stack[s->n_stack++] = top->item;
            s->on_stack[top->item] = true;
        }
        if (top->next < item->n_refs) {
            uint32_t to = s->program->refs.at[item->refs_at + top->next++]->index;
            if (!s->order[to])
                path[n++] = (struct visit){to, 0};
            else if (s->on_stack[to] && s->order[to] < s->low[top->item])
                s->low[top->item] = s->order[to];
            continue;
        }
        uint32_t done = top->item;
        if (s->low[done] == s->order[done]) close_group(s, done);
        if (--n && s->low[done] < s->low[path[n - 1].item]) s->low[path[n - 1].item] = s->low[done];
    }
}

void ncr_recursion_check(struct ncr_program *program)
{
    uint32_t n = program->items.n;
    struct ncr_arena *arena = program->arena;
    struct search s = {.program = program,
                       .order = NCR_NEW_N(arena, uint32_t, n),
                       .low = NCR_NEW_N(arena, uint32_t, n),
                       .stack = NCR_NEW_N(arena, uint32_t, n),
                       .on_stack = NCR_NEW_N(arena, bool, n)};
    struct visit *path = NCR_NEW_N(arena, struct visit, n);
    for (uint32_t i = 0; i < n; i++)
        if (!s.order[i]) visit(&s, path, i);
}
