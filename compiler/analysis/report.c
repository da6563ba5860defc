// GRAPH and format to REPORT: the integer network's structure and its plan give bytes and places to
// the layers.
#include "compiler/analysis/report.h"

// "tiny/conv" as "conv", "tiny[2]/conv" as "[2]/conv".
static struct ncr_str below_net(struct ncr_str path, struct ncr_str net)
{
    if (path.n <= net.n + 1 || memcmp(path.s, net.s, net.n) != 0) return path;
    uint32_t skip = path.s[net.n] == '/' ? net.n + 1 : path.s[net.n] == '[' ? net.n : 0;
    return (struct ncr_str){path.s + skip, path.n - skip};
}

static int64_t depth_of(const struct ncr_graph *g, struct ncr_arena *arena)
{
    struct ncr_arena_mark mark = ncr_arena_mark(arena);
    int64_t *depth = NCR_NEW_N(arena, int64_t, g->n_nodes), deepest = 0;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct ncr_node *node = &g->nodes[i];
        for (uint32_t k = 0; k < node->n_in; k++)
            if (depth[node->in[k]] > depth[i]) depth[i] = depth[node->in[k]];
        depth[i] += (ncr_op_sites(node->op) & NCR_SITE_WEIGHT) != 0;
        if (depth[i] > deepest) deepest = depth[i];
    }
    ncr_arena_reset(arena, mark);
    return deepest;
}

static void count(struct ncr_report *report, struct ncr_arena *arena)
{
    const struct ncr_graph *g = report->graph;
    uint32_t *owner = NCR_NEW_N(arena, uint32_t, g->n_params);
    for (uint32_t p = 0; p < g->n_params; p++)
        owner[p] = UINT32_MAX;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const struct ncr_node *node = &g->nodes[i];
        struct ncr_report_layer *layer = &report->layers[i];
        layer->node = node;
        layer->path = below_net(node->path, g->name);
        layer->head = layer->shares = i;
        layer->macs = ncr_node_macs(g, i);
        if (node->n_params && owner[node->first_param] != UINT32_MAX) {
            layer->shares = owner[node->first_param];
        } else {
            layer->params = ncr_node_params(g, i);
            if (node->n_params) owner[node->first_param] = i;
        }
    }
    report->params = ncr_graph_params(g);
    report->macs = ncr_graph_macs(g);
    report->flops = 2 * report->macs;
    report->depth = depth_of(g, arena);
}

static void place(struct ncr_report *report, struct ncr_arena *arena)
{
    const struct ncr_qgraph *g = report->qgraph;
    const struct ncr_plan *plan = report->plan;
    struct ncr_memory memory = ncr_memory_of(arena, plan);
    report->peak_memory_bytes = memory.peak_bytes;
    report->arena_bytes = plan->arena_bytes;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        uint32_t q = plan->steps[s];
        const struct ncr_qnode *node = &g->nodes[q];
        struct ncr_report_layer *layer = &report->layers[node->node];
        int64_t elements = ncr_shape_elements(&node->shape);
        layer->step = s;
        bool slice = plan->buffers[q].slice_of != NCR_PLAN_OWN;
        layer->first_step = slice ? s : ncr_buffer_from(&plan->buffers[q]);
        layer->last_step = plan->buffers[q].last_step;
        layer->activation_bytes = ncr_qnode_bytes(node);
        layer->weight_bytes = ncr_qnode_weight_bytes(node);
        layer->buffer_bytes = slice ? 0 : plan->buffers[q].bytes;
        layer->offset = plan->buffers[q].offset;
        layer->live_bytes = memory.live_bytes[s];
        layer->asi_share =
            report->asi.phi[q] * (double)(8 * ncr_qnode_element_bytes(node)) / report->asi.exp;
        layer->sensitivity = report->asi.phi[q] / (double)elements;
        report->activation_bytes += layer->activation_bytes;
        report->weight_bytes += layer->weight_bytes;
        for (ncr_node_id id = node->last; id != node->node; id = report->graph->nodes[id].in[0])
            report->layers[id].head = node->node;
    }
    report->peak_layer = g->nodes[plan->steps[memory.peak_step]].node;
    report->alive = NCR_NEW_N(arena, uint32_t, plan->n_steps);
    for (uint32_t q = 0; q < g->n_nodes; q++) {
        const struct ncr_buffer *b = &plan->buffers[q];
        if (memory.peak_step < ncr_buffer_from(b) || memory.peak_step > b->last_step ||
            b->bytes == 0)
            continue;
        uint32_t k = report->n_alive++;
        for (; k > 0 && report->layers[report->alive[k - 1]].buffer_bytes < b->bytes; k--)
            report->alive[k] = report->alive[k - 1];
        report->alive[k] = g->nodes[q].node;
    }
}

struct ncr_report *ncr_report_build(struct ncr_arena *arena, struct ncr_diags *diags,
                                    const struct ncr_graph *graph,
                                    const struct ncr_quant_spec *spec, bool quant_is_default)
{
    struct ncr_report *report = NCR_NEW(arena, struct ncr_report);
    report->name = graph->name;
    report->graph = ncr_graph_simplify(arena, graph);
    report->arch_id = ncr_graph_arch_id(report->graph);
    report->quant_is_default = quant_is_default;
    report->qgraph = ncr_qgraph_build(arena, diags, report->graph, spec, NULL, NULL);
    if (!report->qgraph) return NULL;
    report->plan = ncr_plan_build(arena, report->qgraph, NCR_PLAN_SHARED);
    report->asi = ncr_asi_of(arena, report->qgraph, NCR_SPLIT_EQUAL);
    report->asi_fan_in = ncr_asi_of(arena, report->qgraph, NCR_SPLIT_FAN_IN);
    report->adcr = ncr_adcr_of(report->qgraph);
    report->n_layers = report->graph->n_nodes;
    report->layers = NCR_NEW_N(arena, struct ncr_report_layer, report->n_layers);
    count(report, arena);
    place(report, arena);
    return report;
}

void ncr_report_price(struct ncr_report *report, struct ncr_arena *arena,
                      const struct ncr_target_spec *target)
{
    report->cost = ncr_cost_of(arena, report->plan, target);
}
