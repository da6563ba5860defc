// PLAN and target to COST: where tensors live, then each operator by the target's model, then
// energy and sums.
#include "compiler/hw/cost.h"
#include "compiler/hw/table.h"

const char *ncr_cost_model_text(enum ncr_cost_model_name model)
{
    static const char *const names[] = {"none", "roofline", "systolic", "loop_nest", "table"};
    return names[model];
}

double ncr_cost_energy(const struct ncr_cost *cost, const struct ncr_cost_step *step)
{
    double sum = step->mac_energy;
    for (uint32_t m = 0; m < cost->target->n_memory; m++)
        sum += step->energy[m];
    return sum;
}

double ncr_target_peak(const struct ncr_target_spec *target)
{
    bool array = target->model == NCR_MODEL_SYSTOLIC || target->model == NCR_MODEL_LOOP_NEST;
    if (array) return (double)target->array[0] * target->array[1];
    return target->compute.macs_per_cycle;
}

// -- homes --------------------------------------------------------------------------------------

static double size_of(const struct ncr_memory_spec *memory)
{
    return memory->size_bits / 8;
}

// The fastest region that holds `bytes`, the first among equals; where none does, the largest.
// Weights go to a read-only region if they fit one.
static int32_t home_of(const struct ncr_target_spec *target, double bytes, bool constant,
                       int32_t taken, double taken_bytes)
{
    int32_t best = NCR_NO_MEMORY, largest = NCR_NO_MEMORY;
    double most = 0;
    for (uint32_t m = 0; m < target->n_memory; m++) {
        const struct ncr_memory_spec *memory = target->memory[m];
        bool fixed = memory->access == NCR_ACCESS_READ_ONLY;
        if (memory->kind != NCR_MEMORY_REGION || (fixed && !constant)) continue;
        double room = size_of(memory) - ((int32_t)m == taken ? taken_bytes : 0);
        if (largest == NCR_NO_MEMORY || room > most) {
            largest = (int32_t)m;
            most = room;
        }
        if (room < bytes) continue;
        const struct ncr_memory_spec *now = best < 0 ? NULL : target->memory[best];
        bool now_fixed = now && now->access == NCR_ACCESS_READ_ONLY;
        if (!now || (fixed && !now_fixed) ||
            (fixed == now_fixed && memory->bandwidth_bits > now->bandwidth_bits))
            best = (int32_t)m;
    }
    return best < 0 ? largest : best;
}

static uint64_t misses(const struct ncr_target_spec *target, int32_t home, double bytes)
{
    if (home < 0) return 0;
    double room = size_of(target->memory[home]);
    return bytes > room ? (uint64_t)(bytes - room) : 0;
}

// The smallest cache that holds everything, for a network that runs again and again; else the home.
static int32_t level_of(const struct ncr_target_spec *target, int32_t home, double all)
{
    int32_t best = home;
    double least = 0;
    for (uint32_t m = 0; m < target->n_memory; m++) {
        const struct ncr_memory_spec *memory = target->memory[m];
        if (memory->kind != NCR_MEMORY_CACHE || size_of(memory) < all) continue;
        if (best != home && size_of(memory) >= least) continue;
        best = (int32_t)m;
        least = size_of(memory);
    }
    return best;
}

static void place(struct ncr_cost *cost)
{
    const struct ncr_target_spec *target = cost->target;
    const struct ncr_qgraph *g = cost->plan->qgraph;
    cost->arena_bytes = cost->plan->arena_bytes;
    for (uint32_t q = 0; q < g->n_nodes; q++)
        cost->flash_bytes += (uint64_t)ncr_qnode_weight_bytes(&g->nodes[q]);
    double tensors = (double)cost->arena_bytes, weights = (double)cost->flash_bytes;
    cost->arena_home = home_of(target, tensors, false, NCR_NO_MEMORY, 0);
    cost->weights_home = home_of(target, weights, true, cost->arena_home, tensors);
    bool same = cost->arena_home == cost->weights_home;
    cost->arena_misses = misses(target, cost->arena_home, tensors);
    cost->weights_miss = misses(target, cost->weights_home, weights + (same ? tensors : 0));
    cost->arena_level = level_of(target, cost->arena_home, tensors + weights);
    cost->weights_level = level_of(target, cost->weights_home, tensors + weights);
}

// -- what models share --------------------------------------------------------------------------

void ncr_cost_read(struct ncr_cost_step *out, int32_t m, enum ncr_operand of, double bytes)
{
    if (m < 0) return;
    out->read[m] += bytes;
    out->read_of[of][m] += bytes;
}

void ncr_cost_write(struct ncr_cost_step *out, int32_t m, enum ncr_operand of, double bytes)
{
    if (m < 0) return;
    out->written[m] += bytes;
    out->written_of[of][m] += bytes;
}

void ncr_cost_compulsory(const struct ncr_cost *cost, const struct ncr_operator_work *work,
                         struct ncr_cost_step *out)
{
    ncr_cost_read(out, cost->arena_level, NCR_OPERAND_INPUT, (double)work->in_bytes);
    ncr_cost_read(out, cost->weights_level, NCR_OPERAND_WEIGHT, (double)work->weight_bytes);
    ncr_cost_write(out, cost->arena_level, NCR_OPERAND_OUTPUT, (double)work->out_bytes);
}

double ncr_cost_memory_cycles(const struct ncr_cost *cost, const struct ncr_cost_step *out,
                              uint32_t m)
{
    const struct ncr_memory_spec *memory = cost->target->memory[m];
    double bytes = out->read[m] + out->written[m];
    if (bytes == 0) return 0;
    double seconds = memory->latency_s;
    if (memory->bandwidth_bits > 0) seconds += bytes * 8 / memory->bandwidth_bits;
    return seconds * cost->target->clock_hz;
}

void ncr_cost_bind(const struct ncr_cost *cost, double compute, struct ncr_cost_step *out)
{
    out->cycles = compute;
    out->binds = compute > 0 ? NCR_BINDS_COMPUTE : NCR_BINDS_NOTHING;
    for (uint32_t m = 0; m < cost->target->n_memory; m++) {
        double cycles = ncr_cost_memory_cycles(cost, out, m);
        if (cycles <= out->cycles) continue;
        out->cycles = cycles;
        out->binds = (int32_t)m;
    }
    out->stall = out->cycles > 0 ? 1 - compute / out->cycles : 0;
}

double ncr_cost_plain_cycles(const struct ncr_cost *cost, const struct ncr_operator_work *work)
{
    const struct ncr_compute_spec *compute = &cost->target->compute;
    double rate = compute->elements_per_cycle;
    if (rate <= 0) rate = compute->vector_bits >= 8 ? compute->vector_bits / 8.0 : 1;
    return (double)work->operations / rate;
}

// -- the whole ----------------------------------------------------------------------------------

static void new_step(struct ncr_arena *arena, const struct ncr_target_spec *target,
                     struct ncr_cost_step *step)
{
    *step = (struct ncr_cost_step){.binds = NCR_BINDS_NOTHING, .overflow = NCR_NO_MEMORY};
    step->read = NCR_NEW_N(arena, double, target->n_memory);
    step->written = NCR_NEW_N(arena, double, target->n_memory);
    step->energy = NCR_NEW_N(arena, double, target->n_memory);
    for (int t = 0; t < NCR_OPERANDS; t++) {
        step->read_of[t] = NCR_NEW_N(arena, double, target->n_memory);
        step->written_of[t] = NCR_NEW_N(arena, double, target->n_memory);
    }
}

static void finish_step(struct ncr_cost *cost, const struct ncr_operator_work *work,
                        struct ncr_cost_step *step)
{
    const struct ncr_target_spec *target = cost->target;
    struct ncr_cost_step *total = &cost->total;
    double peak = ncr_target_peak(target);
    if (target->clock_hz > 0 && target->model != NCR_MODEL_TABLE)
        step->seconds = step->cycles / target->clock_hz;
    else
        step->cycles = step->seconds * target->clock_hz;
    if (work->macs && peak > 0 && step->cycles > 0)
        step->utilisation = (double)work->macs / (step->cycles * peak);
    const struct ncr_qnode *node = &cost->plan->qgraph->nodes[work->q];
    bool wide = node->n_in && cost->plan->qgraph->nodes[node->in[0]].bits > 8;
    double each = target->mac_energy[wide];
    step->mac_energy = (double)work->macs * (each > 0 ? each : target->mac_energy[0]);
    for (uint32_t m = 0; m < target->n_memory; m++) {
        const struct ncr_memory_spec *memory = target->memory[m];
        step->energy[m] =
            8 * (step->read[m] * memory->read_energy + step->written[m] * memory->write_energy);
        total->read[m] += step->read[m];
        total->written[m] += step->written[m];
        total->energy[m] += step->energy[m];
        for (int t = 0; t < NCR_OPERANDS; t++) {
            total->read_of[t][m] += step->read_of[t][m];
            total->written_of[t][m] += step->written_of[t][m];
        }
    }
    total->cycles += step->cycles;
    total->seconds += step->seconds;
    total->mac_energy += step->mac_energy;
    cost->n_source[step->source]++;
}

// Means of the parts of utilisation over the cycles of the operators with MACs, so that their
// product is the network's utilisation as nearly as a product of means can be.
static void finish_total(struct ncr_cost *cost)
{
    struct ncr_cost_step *total = &cost->total;
    double macs = 0, ideal = 0, mapped = 0, folded = 0, peak = ncr_target_peak(cost->target);
    for (uint32_t s = 0; s < cost->plan->n_steps; s++) {
        const struct ncr_cost_step *step = &cost->steps[s];
        double m = (double)cost->plan->qgraph->nodes[cost->plan->steps[s]].macs;
        if (m == 0 || peak <= 0 || step->mapping <= 0 || step->edge <= 0) continue;
        macs += m;
        ideal += m / peak;
        mapped += m / peak / step->mapping;
        folded += m / peak / step->mapping / step->edge;
    }
    if (macs == 0 || total->cycles <= 0) return;
    total->mapping = ideal / mapped;
    total->edge = mapped / folded;
    total->stall = 1 - folded / total->cycles; // operators without MACs count as waiting
    total->utilisation = ideal / total->cycles;
}

struct ncr_cost *ncr_cost_of(struct ncr_arena *arena, const struct ncr_plan *plan,
                             const struct ncr_target_spec *target)
{
    static ncr_cost_model *const models[] = {[NCR_MODEL_ROOFLINE] = ncr_cost_roofline,
                                             [NCR_MODEL_SYSTOLIC] = ncr_cost_systolic,
                                             [NCR_MODEL_LOOP_NEST] = ncr_cost_loop_nest,
                                             [NCR_MODEL_TABLE] = ncr_cost_table};
    struct ncr_cost *cost = NCR_NEW(arena, struct ncr_cost);
    cost->target = target;
    cost->plan = plan;
    cost->has_energy = target->n_energy > 0;
    place(cost);
    cost->steps = NCR_NEW_N(arena, struct ncr_cost_step, plan->n_steps);
    new_step(arena, target, &cost->total);
    struct ncr_latency_table *table =
        target->model == NCR_MODEL_TABLE ? ncr_latency_table_of(arena, target) : NULL;
    cost->table = table;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        struct ncr_operator_work work = ncr_operator_work_of(plan, s);
        struct ncr_cost_step *step = &cost->steps[s];
        new_step(arena, target, step);
        bool idle = work.out_elements == 0;
        struct ncr_arena_mark mark = ncr_arena_mark(arena);
        if (target->model == NCR_MODEL_NONE && !idle) ncr_cost_compulsory(cost, &work, step);
        if (target->model != NCR_MODEL_NONE && !idle)
            models[target->model](arena, cost, &work, step);
        ncr_arena_reset(arena, mark);
        finish_step(cost, &work, step);
    }
    if (table) {
        cost->total.seconds += target->bias_s;
        cost->total.cycles = cost->total.seconds * target->clock_hz;
    }
    finish_total(cost);
    return cost;
}
