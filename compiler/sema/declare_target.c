// Sections of a target as the structs of ir/hardware.h, and what a table of fields cannot say about
// a target: which figures its cost model needs, which memory an entry of its energy table belongs
// to.
#include "compiler/sema/declare.h"

enum { ALIGNMENT_LIMIT = 64 }; // of tensors in an arena: NCR_PLAN_ALIGN

#define APPEND(d, target, list, item)                                                              \
    do {                                                                                           \
        (target)->list = ncr_arena_grow((d)->program->arena, (target)->list,                       \
                                        (target)->n_##list * sizeof *(target)->list,               \
                                        ((target)->n_##list + 1) * sizeof *(target)->list);        \
        (target)->list[(target)->n_##list++] = (item);                                             \
    } while (0)

char *ncr_declare_section(struct ncr_declare *d, struct ncr_target_spec *target,
                          enum ncr_record_kind section, const struct ncr_ast *name)
{
    struct ncr_arena *arena = d->program->arena;
    struct ncr_str text = name ? ncr_str_dup(arena, name->text) : NCR_STR("");
    if (section == NCR_RECORD_COMPUTE) return (char *)&target->compute;
    if (section == NCR_RECORD_ENERGY) {
        target->energy_source = text;
        return NULL; // each entry has its own struct
    }
    if (section == NCR_RECORD_MEASURED) {
        struct ncr_measured_spec *measured = NCR_NEW(arena, struct ncr_measured_spec);
        measured->of = text;
        measured->span = name ? name->span : NCR_NOWHERE;
        APPEND(d, target, measured, measured);
        return (char *)measured;
    }
    struct ncr_memory_spec *memory = NCR_NEW(arena, struct ncr_memory_spec);
    memory->name = text;
    memory->span = name ? name->span : NCR_NOWHERE;
    for (uint32_t i = 0; i < target->n_memory; i++) {
        if (!ncr_str_eq(target->memory[i]->name, text)) continue;
        struct ncr_diag *diag =
            NCR_REPORT(d->reporter, MEMORY_TWICE, memory->span, ncr_show_str(d->reporter, text));
        ncr_report_note(d->reporter, diag, target->memory[i]->span, "first declared");
        d->good = false;
    }
    APPEND(d, target, memory, memory);
    return (char *)memory;
}

char *ncr_declare_entry(struct ncr_declare *d, struct ncr_target_spec *target,
                        const struct ncr_ast *field)
{
    struct ncr_energy_spec *entry = NCR_NEW(d->program->arena, struct ncr_energy_spec);
    entry->name = ncr_str_dup(d->program->arena, field->text);
    entry->span = field->name_span;
    APPEND(d, target, energy, entry);
    return (char *)entry;
}

// -- energy -------------------------------------------------------------------------------------

static const char *technology_word(enum ncr_memory_technology technology)
{
    for (size_t i = 0; i < ncr_set_word_count; i++)
        if (ncr_set_words[i].set == NCR_SET_TECHNOLOGY && ncr_set_words[i].value == (int)technology)
            return ncr_set_words[i].word;
    return "";
}

static bool is_word(struct ncr_str text, enum ncr_set set)
{
    for (size_t i = 0; i < ncr_set_word_count; i++)
        if (ncr_set_words[i].set == set && ncr_str_is(text, ncr_set_words[i].word)) return true;
    return false;
}

static void bad_entry(struct ncr_declare *d, const struct ncr_energy_spec *entry, const char *why)
{
    NCR_REPORT(d->reporter, ENERGY_ENTRY, entry->span, ncr_show_str(d->reporter, entry->name), why);
    d->good = false;
}

// read_X_N or write_X_N: X and N. False where the name has another form.
static bool split(struct ncr_str name, bool *write, struct ncr_str *memory, uint32_t *bits)
{
    *write = name.n > 6 && memcmp(name.s, "write_", 6) == 0;
    uint32_t skip = *write ? 6 : 5, end = name.n;
    if (!*write && !(name.n > 5 && memcmp(name.s, "read_", 5) == 0)) return false;
    *bits = 0;
    while (end > skip && name.s[end - 1] >= '0' && name.s[end - 1] <= '9')
        end--;
    for (uint32_t i = end; i < name.n && *bits < 100000; i++)
        *bits = *bits * 10 + (uint32_t)(name.s[i] - '0');
    if (end == name.n || end < skip + 2 || name.s[end - 1] != '_') return false;
    *memory = (struct ncr_str){name.s + skip, end - 1 - skip};
    return *bits >= 1 && *bits <= 65536;
}

// An entry by the name of a memory goes before one by its technology.
static void finish_energy(struct ncr_declare *d, struct ncr_target_spec *target)
{
    for (int by_name = 0; by_name < 2; by_name++)
        for (uint32_t i = 0; i < target->n_energy; i++) {
            const struct ncr_energy_spec *entry = target->energy[i];
            bool write, used = false;
            struct ncr_str of;
            uint32_t bits;
            if (ncr_str_is(entry->name, "mac_i8") || ncr_str_is(entry->name, "mac_i16")) {
                target->mac_energy[ncr_str_is(entry->name, "mac_i16")] = entry->joule;
                continue;
            }
            if (!split(entry->name, &write, &of, &bits)) {
                if (by_name) bad_entry(d, entry, "write mac_i8, read_sram_64 or write_dram_64");
                continue;
            }
            for (uint32_t m = 0; m < target->n_memory; m++) {
                struct ncr_memory_spec *memory = target->memory[m];
                bool named = ncr_str_eq(memory->name, of),
                     kind = ncr_str_is(of, technology_word(memory->technology));
                used |= named || kind;
                if (by_name ? !named : !kind) continue;
                if (write)
                    memory->write_energy = entry->joule / bits;
                else
                    memory->read_energy = entry->joule / bits;
            }
            if (by_name && !used)
                bad_entry(d, entry,
                          is_word(of, NCR_SET_TECHNOLOGY)
                              ? "no memory of the target has this technology"
                              : "no memory of the target has this name or technology");
        }
    // A table often gives one figure for an access.
    for (uint32_t m = 0; m < target->n_memory; m++)
        if (target->memory[m]->write_energy == 0)
            target->memory[m]->write_energy = target->memory[m]->read_energy;
}

// -- models -------------------------------------------------------------------------------------

static void needs(struct ncr_declare *d, const struct ncr_target_spec *target, bool given,
                  const char *model, const char *what)
{
    if (given) return;
    NCR_REPORT(d->reporter, TARGET_NEEDS, target->span, model, what, NCR_STR_ARG(target->name));
    d->good = false;
}

static bool has_region(const struct ncr_target_spec *target)
{
    for (uint32_t m = 0; m < target->n_memory; m++)
        if (target->memory[m]->kind == NCR_MEMORY_REGION &&
            target->memory[m]->access == NCR_ACCESS_READ_WRITE)
            return true;
    return false;
}

static bool has_bandwidths(const struct ncr_target_spec *target)
{
    for (uint32_t m = 0; m < target->n_memory; m++)
        if (target->memory[m]->kind != NCR_MEMORY_REGISTER &&
            target->memory[m]->bandwidth_bits <= 0)
            return false;
    return true;
}

static void finish_model(struct ncr_declare *d, const struct ncr_target_spec *target)
{
    bool array = target->array[0] > 0, clock = target->clock_hz > 0;
    switch (target->model) {
    case NCR_MODEL_NONE: return;
    case NCR_MODEL_ROOFLINE:
        needs(d, target, clock, "roofline", "`clock`");
        needs(d, target, target->compute.macs_per_cycle > 0, "roofline", "`compute`");
        needs(d, target, has_bandwidths(target), "roofline", "the bandwidth of each memory");
        break;
    case NCR_MODEL_SYSTOLIC:
        needs(d, target, clock, "systolic", "`clock`");
        needs(d, target, array, "systolic", "`array`");
        needs(d, target, target->has_dataflow && target->dataflow != NCR_ROW_STATIONARY, "systolic",
              "a `dataflow` that is weight_, output_ or input_stationary");
        break;
    case NCR_MODEL_LOOP_NEST:
        needs(d, target, clock, "loop_nest", "`clock`");
        needs(d, target, array, "loop_nest", "`array`");
        needs(d, target, target->has_dataflow, "loop_nest", "`dataflow`");
        break;
    case NCR_MODEL_TABLE:
        needs(d, target, target->n_measured > 0, "table", "`measured` operators");
        break;
    }
    needs(d, target, has_region(target), "a cost model", "a region of memory that can be written");
}

// "P4 K2": each letter once, a bound each.
static const char *loops_wrong(struct ncr_str text)
{
    static const char letters[] = "KCRSPQ";
    uint32_t seen = 0, i = 0;
    while (i < text.n) {
        if (text.s[i] == ' ') {
            i++;
            continue;
        }
        const char *at = memchr(letters, text.s[i], sizeof letters - 1);
        if (!at) return "a loop begins with one of K, C, R, S, P, Q";
        uint32_t bit = 1u << (at - letters), digits = 0;
        if (seen & bit) return "a letter stands twice";
        seen |= bit;
        uint64_t bound = 0;
        for (i++; i < text.n && text.s[i] >= '0' && text.s[i] <= '9'; i++, digits++)
            if (bound < 1u << 30) bound = bound * 10 + (uint64_t)(text.s[i] - '0');
        if (!digits || bound < 1 || bound > 1u << 30)
            return "a letter has a bound from 1 to 1073741824 behind it";
        if (i < text.n && text.s[i] != ' ') return "loops are separated by blanks";
    }
    return seen ? NULL : "no loop is given";
}

void ncr_declare_target(struct ncr_declare *d, struct ncr_target_spec *target)
{
    static const char *const kinds[] = {"region", "cache", "buffer", "register"};
    finish_energy(d, target);
    if (d->good) finish_model(d, target);
    double bytes = target->alignment_bits / 8;
    if (bytes != 0) {
        double power = 1;
        while (power < bytes && power < ALIGNMENT_LIMIT)
            power *= 2;
        if (power != bytes) {
            NCR_REPORT(d->reporter, TARGET_ALIGNMENT, target->span, bytes,
                       (unsigned)ALIGNMENT_LIMIT);
            d->good = false;
        }
    }
    const struct ncr_memory_spec *inner = NULL;
    for (uint32_t m = 0; m < target->n_memory; m++) {
        const struct ncr_memory_spec *memory = target->memory[m];
        const char *why = memory->loops.n ? loops_wrong(memory->loops) : NULL;
        if (why) {
            NCR_REPORT(d->reporter, LOOP_TEXT, memory->span,
                       ncr_show_str(d->reporter, memory->name), why);
            d->good = false;
        }
        if (inner && memory->kind < inner->kind) {
            NCR_REPORT(d->reporter, MEMORY_ORDER, inner->span, kinds[inner->kind],
                       ncr_show_str(d->reporter, inner->name), kinds[memory->kind],
                       ncr_show_str(d->reporter, memory->name));
            d->good = false;
        }
        if (memory->kind == NCR_MEMORY_BUFFER || memory->kind == NCR_MEMORY_REGISTER)
            inner = memory;
    }
}
