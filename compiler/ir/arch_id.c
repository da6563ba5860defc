// Graph to its architecture id: colours of nodes by iterated neighbourhood hashing, then one hash
// over all colours.
//
// Colours start from what a node is (operator, attributes, shape, place among inputs and outputs)
// and are refined in sweeps: forwards through the inputs, backwards through the users, and across
// layers that share weights. A sweep carries a difference through the whole depth, so that few are
// needed; the refinement ends when a round tells no more nodes apart than the one before
// (Weisfeiler and Leman, 1968, on ordered directed acyclic graphs).
#include <stdlib.h>

#include "compiler/ir/graph_internal.h"

struct painter {
    const struct ncr_graph *graph;
    struct ncr_hash *colour;
    struct ncr_hash *scratch; // at least n_nodes, and as many as any node has inputs or users
    uint32_t *first_user;     // per node + 1: run in users
    struct user {
        ncr_node_id node;
        uint32_t slot;
    } * users;
    ncr_node_id *by_params; // nodes with parameters, sorted by first_param
    uint32_t n_by_params;
    uint32_t *slots, mask; // of count_colours: node + 1
};

bool ncr_op_commutes(enum ncr_op op)
{
    return op == NCR_OP_ADD || op == NCR_OP_MUL;
}

static int by_hash(const void *a, const void *b)
{
    return ncr_hash_cmp(*(const struct ncr_hash *)a, *(const struct ncr_hash *)b);
}

// Hash of a multiset: sorts it first. Most have one member or two.
static struct ncr_hash mix_set(struct ncr_hash *at, uint32_t n)
{
    if (n == 1) return at[0];
    if (n > 8) {
        qsort(at, n, sizeof *at, by_hash);
    } else {
        for (uint32_t i = 1; i < n; i++)
            for (uint32_t k = i; k > 0 && ncr_hash_cmp(at[k - 1], at[k]) > 0; k--) {
                struct ncr_hash held = at[k];
                at[k] = at[k - 1];
                at[k - 1] = held;
            }
    }
    return ncr_hash_bytes(at, n * sizeof *at);
}

// Hash of a large multiset, by a sum of 128 bits: no order to establish.
static struct ncr_hash sum_set(const struct ncr_hash *at, uint32_t n)
{
    struct ncr_hash sum = {n, 0};
    for (uint32_t i = 0; i < n; i++) {
        // Mixed once more: sums of what is itself a sum could cancel.
        struct ncr_hash h = ncr_hash_bytes(&at[i], sizeof at[i]);
        sum.lo += h.lo;
        sum.hi += h.hi + (sum.lo < h.lo);
    }
    return ncr_hash_bytes(&sum, sizeof sum);
}

static struct ncr_hash mix_u64(struct ncr_hash h, uint64_t v)
{
    uint64_t words[3] = {h.lo, h.hi, v};
    return ncr_hash_bytes(words, sizeof words);
}

static void paint_first(struct painter *p)
{
    const struct ncr_graph *g = p->graph;
    for (ncr_node_id id = 0; id < g->n_nodes; id++) {
        const struct ncr_node *node = &g->nodes[id];
        struct {
            char name[16]; // not the number: it may move when the table grows
            struct ncr_hash attrs;
            uint32_t rank, dim[NCR_MAX_RANK];
        } seed = {.attrs = ncr_attrs_hash(node->op, &node->attrs), .rank = node->shape.rank};
        const char *name = ncr_op_name(node->op);
        memcpy(seed.name, name, strnlen(name, sizeof seed.name));
        for (uint32_t i = 0; i < node->shape.rank; i++)
            seed.dim[i] = (uint32_t)node->shape.dim[i];
        p->colour[id] = ncr_hash_bytes(&seed, sizeof seed);
    }
    for (uint32_t i = 0; i < g->n_inputs; i++)
        p->colour[g->inputs[i]] = mix_u64(p->colour[g->inputs[i]], i);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        p->colour[g->outputs[i].node] = mix_u64(p->colour[g->outputs[i].node], i);
}

// Layers that share weights see each other's colours.
static void sweep_sharing(struct painter *p)
{
    const struct ncr_graph *g = p->graph;
    for (uint32_t i = 0, end; i < p->n_by_params; i = end) {
        uint32_t run = g->nodes[p->by_params[i]].first_param;
        for (end = i; end < p->n_by_params && g->nodes[p->by_params[end]].first_param == run; end++)
            p->scratch[end - i] = p->colour[p->by_params[end]];
        if (end - i == 1) continue;
        struct ncr_hash group = mix_set(p->scratch, end - i);
        for (uint32_t k = i; k < end; k++)
            p->colour[p->by_params[k]] = ncr_hash_mix(p->colour[p->by_params[k]], group);
    }
}

static void sweep_forwards(struct painter *p)
{
    for (ncr_node_id id = 0; id < p->graph->n_nodes; id++) {
        const struct ncr_node *node = &p->graph->nodes[id];
        for (uint32_t k = 0; k < node->n_in; k++)
            p->scratch[k] = p->colour[node->in[k]];
        struct ncr_hash in = ncr_op_commutes(node->op) ? mix_set(p->scratch, node->n_in)
                             : node->n_in == 1
                                 ? p->scratch[0]
                                 : ncr_hash_bytes(p->scratch, node->n_in * sizeof *p->scratch);
        p->colour[id] = ncr_hash_mix(p->colour[id], in);
    }
}

static void sweep_backwards(struct painter *p)
{
    for (ncr_node_id id = p->graph->n_nodes; id-- > 0;) {
        uint32_t n = 0;
        for (uint32_t u = p->first_user[id]; u < p->first_user[id + 1]; u++) {
            const struct user *user = &p->users[u];
            p->scratch[n++] =
                mix_u64(p->colour[user->node],
                        ncr_op_commutes(p->graph->nodes[user->node].op) ? 0 : 1 + user->slot);
        }
        p->colour[id] = ncr_hash_mix(p->colour[id], mix_set(p->scratch, n));
    }
}

static uint32_t count_colours(struct painter *p)
{
    uint32_t n = p->graph->n_nodes, different = 0;
    memset(p->slots, 0, ((size_t)p->mask + 1) * sizeof *p->slots);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = (uint32_t)p->colour[i].lo & p->mask;
        while (p->slots[at] && !ncr_hash_eq(p->colour[p->slots[at] - 1], p->colour[i]))
            at = (at + 1) & p->mask;
        if (p->slots[at]) continue;
        p->slots[at] = i + 1;
        different++;
    }
    return different;
}

static void find_users(struct ncr_arena *arena, struct painter *p)
{
    const struct ncr_graph *g = p->graph;
    uint32_t n_edges = 0, most = g->n_nodes;
    p->first_user = NCR_NEW_N(arena, uint32_t, (size_t)g->n_nodes + 2);
    for (ncr_node_id id = 0; id < g->n_nodes; id++) {
        n_edges += g->nodes[id].n_in;
        for (uint32_t k = 0; k < g->nodes[id].n_in; k++)
            p->first_user[g->nodes[id].in[k] + 2]++;
    }
    if (n_edges > most) most = n_edges;
    p->users = NCR_NEW_N(arena, struct user, n_edges);
    p->scratch = NCR_NEW_N(arena, struct ncr_hash, most);
    for (ncr_node_id id = 0; id < g->n_nodes; id++)
        p->first_user[id + 2] += p->first_user[id + 1];
    // first_user[id + 1] runs from the start of id's users to their end while they are filled in.
    for (ncr_node_id id = 0; id < g->n_nodes; id++)
        for (uint32_t k = 0; k < g->nodes[id].n_in; k++)
            p->users[p->first_user[g->nodes[id].in[k] + 1]++] = (struct user){id, k};
}

struct run {
    uint32_t first_param;
    ncr_node_id node;
};

static int by_run(const void *a, const void *b)
{
    const struct run *x = a, *y = b;
    if (x->first_param != y->first_param) return x->first_param < y->first_param ? -1 : 1;
    return (x->node > y->node) - (x->node < y->node);
}

static void find_sharing(struct ncr_arena *arena, struct painter *p)
{
    const struct ncr_graph *g = p->graph;
    struct run *runs = NCR_NEW_N(arena, struct run, g->n_nodes);
    for (ncr_node_id id = 0; id < g->n_nodes; id++)
        if (g->nodes[id].n_params)
            runs[p->n_by_params++] = (struct run){g->nodes[id].first_param, id};
    if (p->n_by_params > 1) qsort(runs, p->n_by_params, sizeof *runs, by_run);
    p->by_params = NCR_NEW_N(arena, ncr_node_id, p->n_by_params);
    for (uint32_t i = 0; i < p->n_by_params; i++)
        p->by_params[i] = runs[i].node;
}

void ncr_graph_colours(struct ncr_arena *arena, const struct ncr_graph *graph, struct ncr_hash *out)
{
    struct painter p = {.graph = graph, .colour = out};
    find_users(arena, &p);
    find_sharing(arena, &p);
    paint_first(&p);
    p.mask = 63;
    while (p.mask < 2 * graph->n_nodes)
        p.mask = 2 * p.mask + 1;
    p.slots = NCR_NEW_N(arena, uint32_t, (size_t)p.mask + 1);
    for (uint32_t before = 0, now = count_colours(&p); now > before;) {
        sweep_sharing(&p);
        sweep_forwards(&p);
        sweep_backwards(&p);
        before = now;
        now = count_colours(&p);
    }
}

struct ncr_hash ncr_graph_arch_id(const struct ncr_graph *graph)
{
    struct ncr_arena *scratch = ncr_arena_new(0);
    if (!scratch) NCR_BUG("out of memory");
    const struct ncr_graph *g = ncr_graph_simplify(scratch, graph);
    struct ncr_hash *colour = NCR_NEW_N(scratch, struct ncr_hash, g->n_nodes);
    ncr_graph_colours(scratch, g, colour);
    struct ncr_hash id = mix_u64(ncr_hash_u64(g->n_inputs), g->n_outputs);
    for (uint32_t i = 0; i < g->n_inputs; i++)
        id = ncr_hash_mix(id, colour[g->inputs[i]]);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        id = ncr_hash_mix(id, colour[g->outputs[i].node]);
    id = ncr_hash_mix(id, sum_set(colour, g->n_nodes));
    ncr_arena_free(scratch);
    return id;
}
