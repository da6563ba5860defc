// The tables of records.def and fields.def as data.
#include "compiler/sema/records.h"

#include <stddef.h>

#include "compiler/ir/graph.h"
#include "compiler/sema/sema.h"

#define STRUCT_DATA     struct ncr_data_spec
#define STRUCT_QUANT    struct ncr_quant_spec
#define STRUCT_FAULT    struct ncr_fault_spec
#define STRUCT_TRAIN    struct ncr_train_spec
#define STRUCT_CAMPAIGN struct ncr_campaign_spec
#define STRUCT_TARGET   struct ncr_target_spec
#define STRUCT_MEMORY   struct ncr_memory_spec
#define STRUCT_COMPUTE  struct ncr_compute_spec
#define STRUCT_ENERGY   struct ncr_energy_spec
#define STRUCT_MEASURED struct ncr_measured_spec
#define REQUIRED        true
#define OPTIONAL        false
#define NO_MARK         NCR_NO_OFFSET

// Each table takes its own rows of fields.def and drops the others.
#define NCR_FIELD_ROW(RECORD, name, FORM, SET, member, PRESENCE, fallback, low, high, help)        \
    {NCR_RECORD_##RECORD,                                                                          \
     name,                                                                                         \
     NCR_FORM_##FORM,                                                                              \
     NCR_SET_##SET,                                                                                \
     offsetof(STRUCT_##RECORD, member),                                                            \
     PRESENCE,                                                                                     \
     fallback,                                                                                     \
     low,                                                                                          \
     high,                                                                                         \
     help},
#define NCR_CHECKED_ROW(RECORD, name, FORM, SET, PRESENCE, fallback, low, high, help)              \
    {NCR_RECORD_##RECORD,                                                                          \
     name,                                                                                         \
     NCR_FORM_##FORM,                                                                              \
     NCR_SET_##SET,                                                                                \
     NCR_NO_OFFSET,                                                                                \
     PRESENCE,                                                                                     \
     fallback,                                                                                     \
     low,                                                                                          \
     high,                                                                                         \
     help},
#define NCR_WORD_ROW(...)
#define NCR_ARG_ROW(...)
#define NCR_SECTION_ROW(...)
#define NCR_ITEMS_ROW(...)
const struct ncr_field ncr_fields[] = {
#include "compiler/sema/fields.def"
};
const size_t ncr_field_count = NCR_COUNT(ncr_fields);
#undef NCR_FIELD_ROW
#undef NCR_CHECKED_ROW
#undef NCR_WORD_ROW
#define NCR_FIELD_ROW(...)
#define NCR_CHECKED_ROW(...)
#define NCR_WORD_ROW(SET, word, value, mark) {NCR_SET_##SET, word, (int)(value), mark},
const struct ncr_set_word ncr_set_words[] = {
#include "compiler/sema/fields.def"
};
const size_t ncr_set_word_count = NCR_COUNT(ncr_set_words);
#undef NCR_WORD_ROW
#undef NCR_ARG_ROW
#define NCR_WORD_ROW(...)
#define NCR_ARG_ROW(SET, word, name, FORM, SET2, RECORD, member, PRESENCE, fallback, low, high,    \
                    help)                                                                          \
    {NCR_SET_##SET,                                                                                \
     word,                                                                                         \
     {NCR_RECORD_##RECORD, name, NCR_FORM_##FORM, NCR_SET_##SET2,                                  \
      offsetof(STRUCT_##RECORD, member), PRESENCE, fallback, low, high, help}},
const struct ncr_word_arg ncr_word_args[] = {
#include "compiler/sema/fields.def"
};
const size_t ncr_word_arg_count = NCR_COUNT(ncr_word_args);
#undef NCR_ARG_ROW
#undef NCR_SECTION_ROW
#define NCR_ARG_ROW(...)
#define NCR_SECTION_ROW(RECORD, SECTION, word, NAMING, help)                                       \
    {NCR_RECORD_##RECORD, NCR_RECORD_##SECTION, word, NCR_NAMING_##NAMING},
const struct ncr_section ncr_sections[] = {
#include "compiler/sema/fields.def"
};
const size_t ncr_section_count = NCR_COUNT(ncr_sections);
#undef NCR_SECTION_ROW
#undef NCR_ITEMS_ROW
#define NCR_SECTION_ROW(...)
#define NCR_ITEMS_ROW(RECORD, word, WHAT, help) {NCR_RECORD_##RECORD, word, NCR_ITEMS_##WHAT},
const struct ncr_items_row ncr_items_rows[] = {
#include "compiler/sema/fields.def"
};
const size_t ncr_items_row_count = NCR_COUNT(ncr_items_rows);

static const struct {
    const char *name;
    size_t bytes;
} records[] = {
#define NCR_RECORD_ROW(NAME, name, type) {#name, sizeof(struct type)},
#include "compiler/sema/records.def"
#undef NCR_RECORD_ROW
};

uint32_t ncr_record_find(struct ncr_str name)
{
    for (uint32_t i = 0; i < NCR_COUNT(records); i++)
        if (ncr_str_is(name, records[i].name)) return i;
    return UINT32_MAX;
}

const char *ncr_record_name(uint32_t index)
{
    return records[index].name;
}

uint32_t ncr_record_count(void)
{
    return NCR_COUNT(records);
}

size_t ncr_record_bytes(enum ncr_record_kind record)
{
    return records[record].bytes;
}

const char *ncr_record_text(enum ncr_record_kind record)
{
    if (record < NCR_RECORD_COUNT_) return records[record].name;
    for (size_t i = 0; i < ncr_section_count; i++)
        if (ncr_sections[i].section == record) return ncr_sections[i].word;
    NCR_BUG("record %d", (int)record);
}

enum ncr_dimension_name ncr_set_dimension(enum ncr_set set)
{
    if (set == NCR_SET_FREQUENCY) return NCR_DIMENSION_FREQUENCY;
    if (set == NCR_SET_INFORMATION) return NCR_DIMENSION_INFORMATION;
    if (set == NCR_SET_BANDWIDTH) return NCR_DIMENSION_BANDWIDTH;
    if (set == NCR_SET_TIME) return NCR_DIMENSION_TIME;
    if (set == NCR_SET_ENERGY) return NCR_DIMENSION_ENERGY;
    NCR_BUG("set %d is no dimension", (int)set);
}
