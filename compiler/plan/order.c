// Execution orders of a quantised graph.
#include "compiler/plan/plan_internal.h"

void ncr_plan_order_given(const struct ncr_qgraph *g, uint32_t *steps)
{
    uint32_t s = 0;
    for (uint32_t i = 0; i < g->n_inputs; i++)
        steps[s++] = g->inputs[i];
    for (uint32_t q = 0; q < g->n_nodes; q++)
        if (g->nodes[q].op != NCR_QOP_INPUT) steps[s++] = q;
}

struct scheduler {
    const struct ncr_qgraph *graph;
    uint32_t *waits;        // per node: reads of tensors that are not computed yet
    uint32_t *readers;      // per node: reads that are still to come; an output keeps one for ever
    uint32_t *begin, *user; // the nodes that read q: user[begin[q]] … user[begin[q + 1] - 1]
    uint32_t *ready, n_ready;
};

// Bytes alive after q minus bytes alive before it.
static int64_t growth(const struct scheduler *s, uint32_t q)
{
    const struct ncr_qnode *n = &s->graph->nodes[q];
    int64_t delta = s->readers[q] ? ncr_qnode_bytes(n) : 0;
    for (uint32_t k = 0; k < n->n_in; k++) {
        uint32_t in = n->in[k], reads = 0, j = 0;
        while (n->in[j] != in)
            j++;
        if (j < k) continue; // the same tensor again
        for (; j < n->n_in; j++)
            reads += n->in[j] == in;
        if (reads == s->readers[in]) delta -= ncr_qnode_bytes(&s->graph->nodes[in]);
    }
    return delta;
}

static void run(struct scheduler *s, uint32_t q)
{
    const struct ncr_qnode *n = &s->graph->nodes[q];
    for (uint32_t k = 0; k < n->n_in; k++)
        s->readers[n->in[k]]--;
    for (uint32_t u = s->begin[q]; u < s->begin[q + 1]; u++)
        if (--s->waits[s->user[u]] == 0) s->ready[s->n_ready++] = s->user[u];
}

static void connect(struct ncr_arena *scratch, struct scheduler *s)
{
    const struct ncr_qgraph *g = s->graph;
    uint32_t n_uses = 0;
    s->waits = NCR_NEW_N(scratch, uint32_t, g->n_nodes);
    s->readers = NCR_NEW_N(scratch, uint32_t, g->n_nodes);
    s->begin = NCR_NEW_N(scratch, uint32_t, (size_t)g->n_nodes + 1);
    s->ready = NCR_NEW_N(scratch, uint32_t, g->n_nodes);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        s->waits[q] = g->nodes[q].n_in;
        for (uint32_t k = 0; k < g->nodes[q].n_in; k++)
            s->readers[g->nodes[q].in[k]]++;
    }
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        s->begin[q] = n_uses;
        n_uses += s->readers[q];
    }
    s->begin[g->n_nodes] = n_uses;
    s->user = NCR_NEW_N(scratch, uint32_t, n_uses);
    for (uint32_t q = g->n_nodes; q-- > 0;) // filled from the end of each list
        for (uint32_t k = g->nodes[q].n_in; k-- > 0;) {
            uint32_t in = g->nodes[q].in[k];
            s->user[s->begin[in] + --s->readers[in]] = q;
        }
    for (uint32_t q = 0; q < g->n_nodes; q++)
        s->readers[q] = s->begin[q + 1] - s->begin[q];
    for (uint32_t i = 0; i < g->n_outputs; i++)
        s->readers[g->outputs[i]]++;
}

void ncr_plan_order_greedy(struct ncr_arena *scratch, const struct ncr_qgraph *g, uint32_t *steps)
{
    struct ncr_arena_mark mark = ncr_arena_mark(scratch);
    struct scheduler s = {.graph = g};
    uint32_t n = 0;
    connect(scratch, &s);
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        steps[n++] = g->inputs[i];
        run(&s, g->inputs[i]);
    }
    while (s.n_ready) {
        uint32_t best = 0;
        int64_t least = growth(&s, s.ready[0]);
        for (uint32_t i = 1; i < s.n_ready; i++) {
            int64_t delta = growth(&s, s.ready[i]);
            if (delta > least || (delta == least && s.ready[i] > s.ready[best])) continue;
            best = i;
            least = delta;
        }
        uint32_t q = s.ready[best];
        s.ready[best] = s.ready[--s.n_ready];
        steps[n++] = q;
        run(&s, q);
    }
    ncr_arena_reset(scratch, mark);
}
