// Text form of a checked program (`emit --stage module`): every item with its resolved type,
// parameters and fields, defaults applied.
#include <stddef.h>

#include "compiler/sema/records.h"
#include "compiler/sema/sema.h"

static void span_text(const struct ncr_program *program, struct ncr_span span, struct ncr_buf *out)
{
    struct ncr_str text = ncr_sources_text(program->reporter.diags->sources, span.file);
    if (span.end <= text.n)
        ncr_buf_str(out, (struct ncr_str){text.s + span.begin, span.end - span.begin});
}

// -- headers ------------------------------------------------------------------------------------

static void type_text(const struct ncr_program *program, const struct ncr_param_def *param,
                      struct ncr_buf *out)
{
    if (param->is_quantity) {
        ncr_dimension_text(param->dimension, out);
        return;
    }
    bool tensor = param->dims != NULL; // set for every input
    ncr_buf_puts(out, ncr_type_name(tensor ? NCR_TYPE_TENSOR : param->type));
    for (uint32_t i = 0; i < param->n_dims; i++) {
        ncr_buf_puts(out, i ? ", " : "[");
        span_text(program, param->dim_spans[i], out);
    }
    if (param->n_dims) ncr_buf_putc(out, ']');
}

static void list_text(const struct ncr_program *program, const struct ncr_param_def *params,
                      uint32_t n, struct ncr_buf *out)
{
    ncr_buf_putc(out, '(');
    for (uint32_t i = 0; i < n; i++) {
        ncr_buf_fmt(out, "%s%.*s: ", i ? ", " : "", NCR_STR_ARG(params[i].name));
        type_text(program, &params[i], out);
        if (!params[i].fallback) continue;
        ncr_buf_puts(out, " = ");
        span_text(program, params[i].fallback->span, out);
    }
    ncr_buf_putc(out, ')');
}

static void def_text(const struct ncr_program *program, const struct ncr_def *def,
                     struct ncr_buf *out)
{
    if (def->n_params || !def->has_inputs) list_text(program, def->params, def->n_params, out);
    if (def->has_inputs) list_text(program, def->inputs, def->n_inputs, out);
    for (uint32_t i = 0; i < def->n_outs; i++) {
        ncr_buf_puts(out, i ? ", " : def->n_outs > 1 ? " -> (" : " -> ");
        if (def->outs[i].label.n) ncr_buf_fmt(out, "%.*s: ", NCR_STR_ARG(def->outs[i].label));
        span_text(program, def->outs[i].span, out);
    }
    if (def->n_outs > 1) ncr_buf_putc(out, ')');
    if (def->bound) {
        ncr_buf_puts(out, " bounded ");
        span_text(program, def->bound->span, out);
    }
    ncr_buf_putc(out, '\n');
}

// -- declarations -------------------------------------------------------------------------------

static const char *word_of(enum ncr_set set, int value)
{
    for (size_t i = 0; i < ncr_set_word_count; i++)
        if (ncr_set_words[i].set == set && ncr_set_words[i].value == value)
            return ncr_set_words[i].word;
    NCR_BUG("value %d of set %d", value, (int)set);
}

static void data_text(const struct ncr_data_ref *ref, struct ncr_buf *out)
{
    static const char *const splits[] = {"train", "valid", "test"};
    ncr_buf_fmt(out, "%.*s.%s", NCR_STR_ARG(ref->data->name), splits[ref->split]);
    if (ref->end != UINT64_MAX)
        ncr_buf_fmt(out, "[%llu..%llu]", (unsigned long long)ref->begin,
                    (unsigned long long)ref->end);
}

static void value_text(const struct ncr_field *field, const char *spec, struct ncr_buf *out)
{
    const void *at = spec + field->offset;
    switch (field->form) {
    case NCR_FORM_U32: ncr_buf_fmt(out, "%u", *(const uint32_t *)at); return;
    case NCR_FORM_U64: ncr_buf_fmt(out, "%llu", (unsigned long long)*(const uint64_t *)at); return;
    case NCR_FORM_F64: ncr_buf_f64(out, *(const double *)at); return;
    case NCR_FORM_RATE:
        ncr_quantity_text(*(const double *)at, ncr_dimension_of(NCR_DIMENSION_BIT_RATE), out);
        return;
    case NCR_FORM_BOOL: ncr_buf_puts(out, *(const bool *)at ? "true" : "false"); return;
    case NCR_FORM_STR:
        ncr_buf_fmt(out, "\"%.*s\"", NCR_STR_ARG(*(const struct ncr_str *)at));
        return;
    case NCR_FORM_SWITCH: ncr_buf_puts(out, word_of(field->set, *(const bool *)at)); return;
    case NCR_FORM_WORD:
    case NCR_FORM_VARIANT: ncr_buf_puts(out, word_of(field->set, *(const int *)at)); return;
    case NCR_FORM_FLAGS: {
        uint32_t bits = *(const uint32_t *)at;
        bool first = true;
        for (size_t i = 0; i < ncr_set_word_count; i++) {
            if (ncr_set_words[i].set != field->set || !(bits & (uint32_t)ncr_set_words[i].value))
                continue;
            ncr_buf_fmt(out, "%s%s", first ? "" : ", ", ncr_set_words[i].word);
            first = false;
        }
        return;
    }
    case NCR_FORM_BITS: {
        const struct ncr_fault_spec *fault = (const struct ncr_fault_spec *)spec;
        ncr_buf_fmt(out, "%u..=%u", fault->bit_lo, fault->bit_hi);
        return;
    }
    case NCR_FORM_DATA: data_text(at, out); return;
    case NCR_FORM_NET: ncr_buf_str(out, *(const struct ncr_str *)at); return;
    case NCR_FORM_QUANT:
    case NCR_FORM_FAULT:
    case NCR_FORM_TRAIN:
    case NCR_FORM_TARGET:
        ncr_buf_str(out, (*(const struct ncr_later_spec *const *)at)->name);
        return;
    case NCR_FORM_QTY:
        ncr_quantity_text(*(const double *)at, ncr_dimension_of(ncr_set_dimension(field->set)),
                          out);
        return;
    case NCR_FORM_NUM: ncr_buf_f64(out, *(const double *)at); return;
    case NCR_FORM_PAIR:
        ncr_buf_fmt(out, "%d x %d", ((const int32_t *)at)[0], ((const int32_t *)at)[1]);
        return;
    case NCR_FORM_MANY: break;
    }
    NCR_BUG("form %d holds no value", (int)field->form);
}

// The word that was chosen and its arguments: what the struct says, in the order of the table.
static void arguments_text(enum ncr_set set, const char *word, const char *spec,
                           struct ncr_buf *out)
{
    bool first = true;
    for (size_t i = 0; i < ncr_word_arg_count; i++) {
        const struct ncr_word_arg *arg = &ncr_word_args[i];
        if (arg->set != set || strcmp(arg->word, word) != 0) continue;
        if (arg->field.form == NCR_FORM_RATE) continue; // instead of the others: field_text says it
        ncr_buf_fmt(out, "%s%s: ", first ? "(" : ", ", arg->field.name);
        value_text(&arg->field, spec, out);
        first = false;
    }
    if (!first) ncr_buf_putc(out, ')');
}

static void field_text(const struct ncr_field *field, const char *spec, struct ncr_buf *out)
{
    if (field->offset == NCR_NO_OFFSET && field->set != NCR_SET_STOP &&
        field->set != NCR_SET_AUGMENT)
        return;
    ncr_buf_fmt(out, "    %s: ", field->name);
    if (field->set == NCR_SET_STOP) {
        const char *word =
            ((const struct ncr_campaign_spec *)spec)->injections ? "injections" : "margin";
        ncr_buf_puts(out, word);
        arguments_text(field->set, word, spec, out);
    } else if (field->set == NCR_SET_AUGMENT) {
        const struct ncr_train_spec *train = (const struct ncr_train_spec *)spec;
        ncr_buf_fmt(out, "shift(pixels: %u)%s", train->augment_shift,
                    train->augment_flip ? ", flip" : "");
    } else if (field->set == NCR_SET_MODEL &&
               *(const int *)(spec + field->offset) == NCR_FAULT_BITFLIP_RATE) {
        ncr_buf_puts(out, "bitflip(rate: ");
        ncr_quantity_text(((const struct ncr_fault_spec *)spec)->rate_per_bit,
                          ncr_dimension_of(NCR_DIMENSION_BIT_RATE), out);
        ncr_buf_putc(out, ')');
    } else {
        value_text(field, spec, out);
        if (field->form == NCR_FORM_VARIANT)
            arguments_text(field->set, word_of(field->set, *(const int *)(spec + field->offset)),
                           spec, out);
    }
    ncr_buf_putc(out, '\n');
}

// Whether an optional field of a target holds something: 0 stands for "not given".
static bool is_given(const struct ncr_field *field, const char *spec)
{
    const char *at = spec + field->offset;
    enum ncr_form form = field->form;
    if (form == NCR_FORM_STR) return ((const struct ncr_str *)(const void *)at)->n > 0;
    if (form == NCR_FORM_QTY || form == NCR_FORM_NUM) return *(const double *)(const void *)at != 0;
    if (form == NCR_FORM_PAIR) return *(const int32_t *)(const void *)at != 0;
    if (field->set == NCR_SET_DATAFLOW)
        return ((const struct ncr_target_spec *)(const void *)spec)->has_dataflow;
    return *(const int *)(const void *)at != 0;
}

// Whether an optional reference names nothing.
static bool is_absent(const struct ncr_field *field, const char *spec)
{
    return field->form == NCR_FORM_QUANT && field->offset != NCR_NO_OFFSET &&
           !*(const void *const *)(const void *)(spec + field->offset);
}

static void section_text(enum ncr_record_kind record, const char *spec, struct ncr_buf *out)
{
    for (size_t i = 0; i < ncr_field_count; i++) {
        const struct ncr_field *field = &ncr_fields[i];
        if (field->record != record || !is_given(field, spec)) continue;
        ncr_buf_fmt(out, " %s: ", field->name);
        value_text(field, spec, out);
        ncr_buf_putc(out, ';');
    }
    ncr_buf_puts(out, " }\n");
}

static void target_text(const struct ncr_target_spec *target, struct ncr_buf *out)
{
    for (size_t i = 0; i < ncr_field_count; i++)
        if (ncr_fields[i].record == NCR_RECORD_TARGET &&
            is_given(&ncr_fields[i], (const char *)target))
            field_text(&ncr_fields[i], (const char *)target, out);
    for (uint32_t i = 0; i < target->n_memory; i++) {
        ncr_buf_fmt(out, "    memory %.*s {", NCR_STR_ARG(target->memory[i]->name));
        section_text(NCR_RECORD_MEMORY, (const char *)target->memory[i], out);
    }
    if (target->compute.macs_per_cycle > 0) {
        ncr_buf_puts(out, "    compute {");
        section_text(NCR_RECORD_COMPUTE, (const char *)&target->compute, out);
    }
    for (uint32_t i = 0; i < target->n_energy; i++) {
        ncr_buf_fmt(out, "    energy %.*s: ", NCR_STR_ARG(target->energy[i]->name));
        ncr_quantity_text(target->energy[i]->joule, ncr_dimension_of(NCR_DIMENSION_ENERGY), out);
        ncr_buf_putc(out, '\n');
    }
    for (uint32_t i = 0; i < target->n_measured; i++) {
        ncr_buf_fmt(out, "    measured \"%.*s\": ", NCR_STR_ARG(target->measured[i]->of));
        ncr_quantity_text(target->measured[i]->latency_s, ncr_dimension_of(NCR_DIMENSION_TIME),
                          out);
        ncr_buf_putc(out, '\n');
    }
}

static void declaration_text(const struct ncr_item *item, struct ncr_buf *out)
{
    ncr_buf_putc(out, '\n');
    if (!item->spec) return;
    if ((enum ncr_record_kind)item->declaration == NCR_RECORD_TARGET) {
        target_text(item->spec, out);
        return;
    }
    for (size_t i = 0; i < ncr_field_count; i++)
        if (ncr_fields[i].record == (enum ncr_record_kind)item->declaration &&
            !is_absent(&ncr_fields[i], item->spec))
            field_text(&ncr_fields[i], item->spec, out);
}

// -- nets ---------------------------------------------------------------------------------------

static void net_text(const struct ncr_program *program, const struct ncr_item *item,
                     struct ncr_buf *out)
{
    for (uint32_t i = 0; i < program->nets.n; i++) {
        const struct ncr_net_info *net = &program->nets.at[i];
        if (net->span.file != item->name_span.file || net->span.begin != item->name_span.begin)
            continue;
        if (net->graph)
            ncr_buf_fmt(out, "    %u nodes, %lld parameters, %lld MACs\n", net->graph->n_nodes,
                        (long long)ncr_graph_params(net->graph),
                        (long long)ncr_graph_macs(net->graph));
        else if (net->has_decisions)
            ncr_buf_fmt(out, "    open decision %.*s\n", NCR_STR_ARG(net->decision));
        else if (net->parameter.n)
            ncr_buf_fmt(out, "    open parameter %.*s\n", NCR_STR_ARG(net->parameter));
    }
}

void ncr_program_dump(const struct ncr_program *program, struct ncr_buf *out)
{
    for (uint32_t m = 0; program->scopes && m < program->modules->n; m++) {
        const struct ncr_module_scope *scope = &program->scopes[m];
        ncr_buf_fmt(out, "module %.*s\n", NCR_STR_ARG(scope->module->name));
        for (uint32_t i = 0; i < scope->n_imports; i++)
            if (scope->imports[i].module)
                ncr_buf_fmt(out, "import %.*s\n", NCR_STR_ARG(scope->imports[i].module->name));
        for (uint32_t i = 0; i < scope->n_items; i++) {
            const struct ncr_item *item = program->items.at[scope->first_item + i];
            ncr_buf_fmt(out, "%s %.*s", ncr_item_kind_name(item), NCR_STR_ARG(item->name));
            if (item->def) {
                def_text(program, item->def, out);
                net_text(program, item, out);
            } else if (item->kind == NCR_ITEM_LET) {
                ncr_buf_puts(out, ": ");
                ncr_kinds_text(item->code ? item->code->kinds : 0, out);
                if (item->code && item->code->kind == NCR_CODE_CONST) {
                    ncr_buf_puts(out, " = ");
                    ncr_value_text(item->code->as.value, out);
                }
                ncr_buf_putc(out, '\n');
            } else if (item->kind == NCR_ITEM_DECLARATION) {
                declaration_text(item, out);
            } else {
                ncr_buf_putc(out, '\n');
            }
        }
    }
}
