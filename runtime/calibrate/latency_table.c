// Operator times to rows by key, medians, text.
#include "runtime/calibrate/latency_table.h"

#include <math.h>
#include <stdlib.h>

#include "compiler/hw/table.h"

struct entry {
    struct ncr_str key;
    double seconds;
};

struct ncr_table_rows {
    struct ncr_arena *arena;
    struct entry *at;
    size_t n, capacity;
};

struct ncr_table_rows *ncr_table_rows_new(struct ncr_arena *arena)
{
    struct ncr_table_rows *rows = NCR_NEW(arena, struct ncr_table_rows);
    rows->arena = arena;
    return rows;
}

void ncr_table_rows_add(struct ncr_table_rows *rows, const struct ncr_timing *timing)
{
    const struct ncr_plan *plan = timing->plan;
    for (uint32_t s = 0; s < plan->n_steps; s++) {
        struct ncr_buf key = {0};
        if (ncr_operator_work_of(plan, s).out_elements == 0) continue;
        ncr_operator_key(plan->qgraph, plan->steps[s], &key);
        if (rows->n == rows->capacity) {
            size_t more = rows->capacity ? 2 * rows->capacity : 256;
            rows->at = ncr_arena_grow(rows->arena, rows->at, rows->n * sizeof *rows->at,
                                      more * sizeof *rows->at);
            rows->capacity = more;
        }
        struct ncr_str text = {key.s ? key.s : "", (uint32_t)key.n};
        rows->at[rows->n++] = (struct entry){ncr_str_dup(rows->arena, text), timing->step_s[s]};
        ncr_buf_free(&key);
    }
}

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = ncr_str_cmp(x->key, y->key);
    return order ? order : (x->seconds > y->seconds) - (x->seconds < y->seconds);
}

// Four significant digits of picoseconds, the unit of the text: what is printed is what is used.
static double rounded(double seconds)
{
    double ps = seconds * 1e12, unit = 1;
    while (ps >= 9999.5 * unit)
        unit *= 10;
    return nearbyint(ps / unit) * unit * 1e-12;
}

struct ncr_target_spec *ncr_table_target(struct ncr_arena *arena, struct ncr_table_rows *rows,
                                         struct ncr_str name, double memory_bytes)
{
    struct ncr_target_spec *target = NCR_NEW(arena, struct ncr_target_spec);
    struct ncr_memory_spec *memory = NCR_NEW(arena, struct ncr_memory_spec);
    *memory = (struct ncr_memory_spec){.name = NCR_STR("ram"), .size_bits = 8 * memory_bytes};
    target->name = name;
    target->model = NCR_MODEL_TABLE;
    target->memory = NCR_NEW_N(arena, struct ncr_memory_spec *, 1);
    target->memory[0] = memory;
    target->n_memory = 1;
    target->measured = NCR_NEW_N(arena, struct ncr_measured_spec *, rows->n + 1);
    if (rows->n) qsort(rows->at, rows->n, sizeof *rows->at, compare);
    for (size_t i = 0; i < rows->n;) {
        size_t end = i;
        while (end < rows->n && ncr_str_eq(rows->at[end].key, rows->at[i].key))
            end++;
        struct ncr_measured_spec *row = NCR_NEW(arena, struct ncr_measured_spec);
        row->of = rows->at[i].key;
        row->latency_s = rounded(rows->at[i + (end - i) / 2].seconds);
        target->measured[target->n_measured++] = row;
        i = end;
    }
    return target;
}

static void put_time(struct ncr_buf *out, double seconds)
{
    static const char *const units[] = {"ps", "ns", "us", "ms", "s"};
    double v = fabs(seconds) * 1e12;
    int unit = 0;
    while (v >= 1000 && unit < 4) {
        v /= 1000;
        unit++;
    }
    ncr_buf_fmt(out, "%s%.6g %s", seconds < 0 ? "-" : "", v, units[unit]);
}

void ncr_table_text(const struct ncr_target_spec *target, const char *comment, struct ncr_buf *out)
{
    ncr_buf_puts(out, "// Written by `nacre calibrate`.\n\n");
    for (const char *line = comment; *line;) {
        size_t n = strcspn(line, "\n");
        ncr_buf_fmt(out, "/// %.*s\n", (int)n, line);
        line += n + (line[n] == '\n');
    }
    ncr_buf_fmt(out, "target %.*s {\n", NCR_STR_ARG(target->name));
    if (target->triple.n) ncr_buf_fmt(out, "    triple: \"%.*s\";\n", NCR_STR_ARG(target->triple));
    if (target->cpu.n) ncr_buf_fmt(out, "    cpu: \"%.*s\";\n", NCR_STR_ARG(target->cpu));
    for (uint32_t m = 0; m < target->n_memory; m++)
        ncr_buf_fmt(out, "    memory %.*s { size: %.0f MiB; }\n",
                    NCR_STR_ARG(target->memory[m]->name),
                    floor(target->memory[m]->size_bits / 8 / 1048576));
    for (uint32_t i = 0; i < target->n_measured; i++) {
        ncr_buf_fmt(out, "    measured \"%.*s\" { latency: ", NCR_STR_ARG(target->measured[i]->of));
        put_time(out, target->measured[i]->latency_s);
        ncr_buf_puts(out, "; }\n");
    }
    ncr_buf_puts(out, "    bias: ");
    put_time(out, target->bias_s);
    ncr_buf_puts(out, ";\n    model: table;\n}\n");
}
