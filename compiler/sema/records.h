// The tables of records.def and fields.def as data.
#ifndef NCR_SEMA_RECORDS_H
#define NCR_SEMA_RECORDS_H

#include "compiler/ir/config.h"
#include "compiler/sema/units.h"

enum ncr_record_kind {
#define NCR_RECORD_ROW(NAME, ...) NCR_RECORD_##NAME,
#include "compiler/sema/records.def"
#undef NCR_RECORD_ROW
    NCR_RECORD_COUNT_,
    // sections
    NCR_RECORD_MEMORY = NCR_RECORD_COUNT_,
    NCR_RECORD_COMPUTE,
    NCR_RECORD_ENERGY,
    NCR_RECORD_MEASURED
};

enum ncr_form {
    NCR_FORM_U32,
    NCR_FORM_U64,
    NCR_FORM_F64,
    NCR_FORM_BOOL,
    NCR_FORM_STR,
    NCR_FORM_RATE,
    NCR_FORM_WORD,
    NCR_FORM_SWITCH,
    NCR_FORM_FLAGS,
    NCR_FORM_VARIANT,
    NCR_FORM_MANY,
    NCR_FORM_DATA,
    NCR_FORM_BITS,
    NCR_FORM_NET,
    NCR_FORM_QUANT,
    NCR_FORM_FAULT,
    NCR_FORM_TRAIN,
    NCR_FORM_TARGET,
    NCR_FORM_QTY,
    NCR_FORM_NUM,
    NCR_FORM_PAIR
};

// Sets of words; for QTY a set is a dimension.
enum ncr_set {
    NCR_SET_NONE,
    NCR_SET_SOURCE,
    NCR_SET_WEIGHTS,
    NCR_SET_PER,
    NCR_SET_BASE,
    NCR_SET_ACTIVATIONS,
    NCR_SET_CALIBRATION,
    NCR_SET_MODEL,
    NCR_SET_SITES,
    NCR_SET_PERSISTENCE,
    NCR_SET_OPTIMIZER,
    NCR_SET_SCHEDULE,
    NCR_SET_AUGMENT,
    NCR_SET_STOP,
    NCR_SET_STRATUM,
    NCR_SET_DATAFLOW,
    NCR_SET_COST_MODEL,
    NCR_SET_ACCESS,
    NCR_SET_MEMORY_KIND,
    NCR_SET_TECHNOLOGY,
    NCR_SET_FREQUENCY,
    NCR_SET_INFORMATION,
    NCR_SET_BANDWIDTH,
    NCR_SET_TIME,
    NCR_SET_ENERGY
};

#define NCR_NO_OFFSET SIZE_MAX // nothing is stored

struct ncr_field {
    enum ncr_record_kind record;
    const char *name;
    enum ncr_form form;
    enum ncr_set set;
    size_t offset;
    bool required;
    double fallback, low, high;
    const char *help;
};

struct ncr_set_word {
    enum ncr_set set;
    const char *word;
    int value;
    size_t mark; // offset of a bool to set
};

struct ncr_word_arg {
    enum ncr_set set;
    const char *word;
    struct ncr_field field;
};

enum ncr_naming { NCR_NAMING_NAME, NCR_NAMING_TEXT, NCR_NAMING_BARE };
struct ncr_section {
    enum ncr_record_kind record, section;
    const char *word;
    enum ncr_naming naming;
};

enum ncr_items { NCR_ITEMS_METRIC, NCR_ITEMS_CONDITION, NCR_ITEMS_MUTATION, NCR_ITEMS_CROSSOVER };
struct ncr_items_row {
    enum ncr_record_kind record;
    const char *word;
    enum ncr_items what;
};

extern const struct ncr_field ncr_fields[];
extern const size_t ncr_field_count;
extern const struct ncr_set_word ncr_set_words[];
extern const size_t ncr_set_word_count;
extern const struct ncr_word_arg ncr_word_args[];
extern const size_t ncr_word_arg_count;
extern const struct ncr_section ncr_sections[];
extern const size_t ncr_section_count;
extern const struct ncr_items_row ncr_items_rows[];
extern const size_t ncr_items_row_count;

// Bytes of the struct that a record fills; the dimension of a set.
size_t ncr_record_bytes(enum ncr_record_kind record);
enum ncr_dimension_name ncr_set_dimension(enum ncr_set set);
// The name of a record or section, as in messages.
const char *ncr_record_text(enum ncr_record_kind record);

// What a record of a later stage keeps now: every spec starts like this.
struct ncr_later_spec {
    struct ncr_str name;
    struct ncr_span span;
};

#endif
