// Reading declarations: shared by declare*.c.
#ifndef NCR_SEMA_DECLARE_H
#define NCR_SEMA_DECLARE_H

#include "compiler/sema/eval.h"
#include "compiler/sema/lower.h"
#include "compiler/sema/records.h"

struct ncr_declare {
    struct ncr_program *program;
    struct ncr_reporter *reporter;
    struct ncr_lower lo;
    struct ncr_eval ev;
    struct ncr_item *item;          // being read
    enum ncr_record_kind record;    // or the section of it
    char *spec;                     // the struct that is filled
    struct ncr_target_spec *target; // that it belongs to
    const char *field;              // for messages: the field or argument at hand
    bool good;
    struct ncr_span rate_span, bits_span; // bitflip: where each was given
};

// The value of an expression in a declaration; poison after a message.
struct ncr_value ncr_declare_value(struct ncr_declare *d, const struct ncr_ast *ast);
// Reads the values of one field and stores them (declare_field.c).
void ncr_declare_field(struct ncr_declare *d, const struct ncr_field *field,
                       const struct ncr_ast *const *values, uint32_t n, struct ncr_span span);
// Stores what holds where a field is not given.
void ncr_declare_default(struct ncr_declare *d, const struct ncr_field *field);
// The item of a kind that a name stands for; NULL after a message.
struct ncr_item *ncr_declare_item(struct ncr_declare *d, const struct ncr_ast *ast,
                                  const char *kind);
// What the fields of a section of a target fill: a new memory or measured operator, or a part of
// the target (declare_target.c). name: the node of its name or text, NULL without one.
char *ncr_declare_section(struct ncr_declare *d, struct ncr_target_spec *target,
                          enum ncr_record_kind section, const struct ncr_ast *name);
// A new entry of its energy table, for a field of any name.
char *ncr_declare_entry(struct ncr_declare *d, struct ncr_target_spec *target,
                        const struct ncr_ast *field);
// Checks a target whose fields are read: d->good is false after a message.
void ncr_declare_target(struct ncr_declare *d, struct ncr_target_spec *target);

#endif
