// What a target adds to the JSON of a report.
#include "compiler/analysis/report_print.h"

static void key_bytes(struct ncr_json *json, const char *key, const struct ncr_cost *cost,
                      const double *bytes)
{
    ncr_json_key(json, key);
    ncr_json_object(json);
    for (uint32_t m = 0; m < cost->target->n_memory; m++) {
        char name[256];
        struct ncr_str s = cost->target->memory[m]->name;
        uint32_t n = s.n < sizeof name - 1 ? s.n : (uint32_t)sizeof name - 1;
        memcpy(name, s.s, n);
        name[n] = 0;
        ncr_json_key_i64(json, name, (int64_t)(bytes[m] + 0.5));
    }
    ncr_json_end(json);
}

static void key_null(struct ncr_json *json, const char *key)
{
    ncr_json_key(json, key);
    ncr_json_null(json);
}

// Energy of MACs and of each memory, picojoules.
static void put_levels(struct ncr_json *json, const struct ncr_cost *cost,
                       const struct ncr_cost_step *step)
{
    if (!cost->has_energy) {
        key_null(json, "energy_by_level_pj");
        return;
    }
    ncr_json_key(json, "energy_by_level_pj");
    ncr_json_array(json);
    for (int32_t m = -1; m < (int32_t)cost->target->n_memory; m++) {
        ncr_json_object(json);
        ncr_json_key_str(json, "level", m < 0 ? NCR_STR("mac") : cost->target->memory[m]->name);
        ncr_json_key_f64(json, "pj", 1e12 * (m < 0 ? step->mac_energy : step->energy[m]));
        ncr_json_end(json);
    }
    ncr_json_end(json);
}

static void put_step(struct ncr_json *json, const struct ncr_cost *cost,
                     const struct ncr_cost_step *step)
{
    if (cost->target->model == NCR_MODEL_NONE) {
        key_null(json, "cycles");
        key_null(json, "latency_ns");
    } else {
        if (cost->target->clock_hz > 0)
            ncr_json_key_i64(json, "cycles", (int64_t)(step->cycles + 0.5));
        else
            key_null(json, "cycles");
        ncr_json_key_f64(json, "latency_ns", 1e9 * step->seconds);
    }
    if (cost->has_energy)
        ncr_json_key_f64(json, "energy_pj", 1e12 * ncr_cost_energy(cost, step));
    else
        key_null(json, "energy_pj");
    put_levels(json, cost, step);
    key_bytes(json, "bytes_read", cost, step->read);
    key_bytes(json, "bytes_written", cost, step->written);
    if (step->utilisation <= 0) {
        key_null(json, "utilisation");
        return;
    }
    ncr_json_key(json, "utilisation");
    ncr_json_object(json);
    ncr_json_key_f64(json, "total", step->utilisation);
    if (step->mapping > 0) {
        ncr_json_key_f64(json, "mapping", step->mapping);
        ncr_json_key_f64(json, "edge", step->edge);
        ncr_json_key_f64(json, "stall", step->stall);
    }
    ncr_json_end(json);
}

void ncr_report_cost_totals(struct ncr_json *json, const struct ncr_report *r)
{
    ncr_json_key_i64(json, "flash_bytes", (int64_t)r->cost->flash_bytes);
    if (r->code && !r->code->why.n) {
        ncr_json_key_i64(json, "code_bytes", (int64_t)r->code->code_bytes);
        ncr_json_key_i64(json, "stack_bytes", (int64_t)r->code->stack_bytes);
    } else {
        key_null(json, "code_bytes");
        key_null(json, "stack_bytes");
    }
    put_step(json, r->cost, &r->cost->total);
}

void ncr_report_cost_layer(struct ncr_json *json, const struct ncr_report *r, uint32_t layer)
{
    static const char *const operands[] = {[NCR_OPERAND_WEIGHT] = "weights",
                                           [NCR_OPERAND_INPUT] = "inputs",
                                           [NCR_OPERAND_OUTPUT] = "outputs"};
    static const char *const sources[] = {"none", "measured", "fitted", "unknown"};
    const struct ncr_cost *cost = r->cost;
    const struct ncr_cost_step *step = &cost->steps[r->layers[layer].step];
    put_step(json, cost, step);
    ncr_json_key_str(json, "binds", ncr_report_binds(cost, step->binds));
    if (cost->target->model == NCR_MODEL_TABLE)
        ncr_json_key_str(json, "latency_source", ncr_str_of(sources[step->source]));
    ncr_json_key(json, "tensors");
    ncr_json_object(json);
    for (int t = 0; t < NCR_OPERANDS; t++) {
        ncr_json_key(json, operands[t]);
        ncr_json_object(json);
        key_bytes(json, "bytes_read", cost, step->read_of[t]);
        key_bytes(json, "bytes_written", cost, step->written_of[t]);
        ncr_json_end(json);
    }
    ncr_json_end(json);
}

static void put_home(struct ncr_json *json, const char *key, const struct ncr_cost *cost,
                     int32_t home, int32_t level, uint64_t misses)
{
    ncr_json_key(json, key);
    if (home < 0) {
        ncr_json_null(json);
        return;
    }
    ncr_json_object(json);
    ncr_json_key_str(json, "memory", cost->target->memory[home]->name);
    ncr_json_key_str(json, "served_by", cost->target->memory[level]->name);
    ncr_json_key_i64(json, "missing_bytes", (int64_t)misses);
    ncr_json_end(json);
}

void ncr_report_cost_target(struct ncr_json *json, const struct ncr_report *r)
{
    static const char *const kinds[] = {"region", "cache", "buffer", "register"};
    const struct ncr_cost *cost = r->cost;
    const struct ncr_target_spec *target = cost->target;
    double peak = ncr_target_peak(target);
    ncr_json_key(json, "target");
    ncr_json_object(json);
    ncr_json_key_str(json, "name", target->name);
    ncr_json_key_str(json, "model", ncr_str_of(ncr_cost_model_text(target->model)));
    ncr_json_key_f64(json, "clock_hz", target->clock_hz);
    if (peak > 0)
        ncr_json_key_f64(json, "peak_macs_per_cycle", peak);
    else
        key_null(json, "peak_macs_per_cycle");
    ncr_json_key_str(json, "energy_source", target->energy_source);
    put_home(json, "arena", cost, cost->arena_home, cost->arena_level, cost->arena_misses);
    put_home(json, "weights", cost, cost->weights_home, cost->weights_level, cost->weights_miss);
    ncr_json_key(json, "memories");
    ncr_json_array(json);
    for (uint32_t m = 0; m < target->n_memory; m++) {
        const struct ncr_memory_spec *memory = target->memory[m];
        ncr_json_object(json);
        ncr_json_key_str(json, "name", memory->name);
        ncr_json_key_str(json, "kind", ncr_str_of(kinds[memory->kind]));
        ncr_json_key_f64(json, "size_bytes", memory->size_bits / 8);
        ncr_json_key_f64(json, "bytes_per_second", memory->bandwidth_bits / 8);
        ncr_json_key_f64(json, "latency_ns", 1e9 * memory->latency_s);
        ncr_json_end(json);
    }
    ncr_json_end(json);
    ncr_json_end(json);
}
